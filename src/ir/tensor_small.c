/* Small tensors: in one block with their bytes, or many of them in one buffer.
 */
#include "base/alloc.h"
#include "ir/tensor.h"

#include <string.h>

/* Of what lies in a buffer beside others, bytes are aligned as those of a
 * buffer of their own are. */
enum { PACK = 64 << 10, LINE = 64 };

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* Room for `size` bytes and a tensor behind them, in whole lines. */
static size_t inside_size(int rank, size_t size)
{
    return round_up(round_up(size, sizeof(int64_t)) +
                        sizeof(struct quern_tensor) +
                        (size_t)rank * sizeof(int64_t),
                    LINE);
}

/* A tensor at the bytes `data` of a buffer, of which it takes one count. */
static struct quern_tensor *place(struct qn_buf *buf, unsigned char *data,
                                  size_t size, enum quern_dtype dtype, int rank,
                                  const int64_t *dims, int64_t len)
{
    struct quern_tensor *t = (void *)(data + round_up(size, sizeof(int64_t)));
    memset(data, 0, inside_size(rank, size));
    qn_tensor_init(t, dtype, rank, dims, len);
    t->inside = true;
    t->buf = buf;
    t->data = data;
    t->size = size;
    return t;
}

struct quern_tensor *qn_tensor_small(enum quern_dtype dtype, int rank,
                                     const int64_t *dims, int64_t len,
                                     size_t size)
{
    struct qn_buf *buf = qn_buf_create_room(inside_size(rank, size));
    return buf != NULL ? place(buf, buf->data, size, dtype, rank, dims, len)
                       : NULL;
}

void qn_tensor_pack_finish(struct qn_tensor_pack *pack)
{
    qn_buf_release(pack->buf);
    *pack = (struct qn_tensor_pack){0};
}

/* Its next `size` bytes, from a new buffer when that is needed; NULL: no
 * memory. */
static unsigned char *pack_room(struct qn_tensor_pack *pack, size_t size)
{
    if (pack->buf == NULL || PACK - pack->used < size) {
        struct qn_buf *buf = qn_buf_create_room(PACK);
        if (buf == NULL) {
            return NULL;
        }
        qn_tensor_pack_finish(pack);
        pack->buf = buf;
    }
    unsigned char *room = pack->buf->data + pack->used;
    pack->used += size;
    return room;
}

enum quern_code
qn_tensor_packed(struct quern_context *context, struct qn_tensor_pack *pack,
                 enum quern_dtype dtype, int rank, const int64_t *dims,
                 struct quern_tensor **out_tensor, unsigned char **out_data)
{
    int64_t len = 0;
    size_t size = 0;
    enum quern_code code =
        qn_tensor_check_new(context, dtype, rank, dims, &len, &size);
    if (code == QUERN_OK && size > QN_TENSOR_SMALL) {
        code = quern_tensor_create(context, dtype, rank, dims, out_tensor);
        *out_data =
            code == QUERN_OK ? quern_tensor_data_mut(*out_tensor) : NULL;
        return code;
    }
    unsigned char *room =
        code == QUERN_OK ? pack_room(pack, inside_size(rank, size)) : NULL;
    if (room == NULL) {
        return code == QUERN_OK ? qn_no_memory(context) : code;
    }
    *out_tensor =
        place(qn_buf_retain(pack->buf), room, size, dtype, rank, dims, len);
    *out_data = room;
    return QUERN_OK;
}
