/* Samples out of one array. */
#include "data/array.h"

#include "ir/tensor.h"

#include <string.h>

/* Inflated arrays up to this size are kept whole; mapped ones up to it are not
 * let go after each sample. */
enum { SMALL = 16 << 20 };

enum quern_code qn_samples_begin(struct quern_context *context,
                                 const char *file, struct qn_buf *buf,
                                 const struct qn_zip_entry *entry,
                                 struct qn_samples *out)
{
    unsigned char head[QN_NPY_HEADER_MOST];
    size_t n = buf->size < sizeof head ? buf->size : sizeof head;
    enum quern_code code = QUERN_OK;
    if (entry != NULL) {
        code = qn_zip_head(context, file, buf, entry, head, sizeof head, &n);
    } else if (n > 0) {
        memcpy(head, buf->data, n);
    }
    if (code == QUERN_OK) {
        code = qn_npy_parse(context, file, out->name, head, n,
                            entry != NULL ? entry->size : buf->size, &out->npy);
    }
    if (code == QUERN_OK) {
        out->buf = qn_buf_retain(buf);
        out->offset = out->npy.data + (entry != NULL ? entry->at : 0);
    }
    return code;
}

/* A sample is one run of bytes as the tensor wants them. */
static bool is_dense(const struct qn_samples *s)
{
    int64_t before = 1;
    for (int i = 0; i < s->axis; i++) {
        before *= s->npy.dims[i];
    }
    return !s->npy.swap && !(s->npy.fortran && s->npy.rank > 1) && before <= 1;
}

static enum quern_code inflate_whole(struct quern_context *context,
                                     struct qn_samples *s, size_t size)
{
    if (size > context->max_memory) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "data";
        place.tensor = s->name;
        return quern_fail(context, QUERN_LIMIT, &place,
                          "array of %zu bytes exceeds the limit of %llu", size,
                          (unsigned long long)context->max_memory);
    }
    struct qn_buf *whole = qn_buf_create(size);
    if (whole == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code =
        qn_inflate_read(s->inflate, context, 0, size, whole->data);
    if (code != QUERN_OK) {
        qn_buf_release(whole);
        return code;
    }
    qn_inflate_close(&s->inflate);
    qn_buf_release(s->buf);
    s->buf = whole;
    return QUERN_OK;
}

enum quern_code qn_samples_finish_open(struct quern_context *context,
                                       const char *file,
                                       const struct qn_zip_entry *entry,
                                       struct qn_samples *s)
{
    if (entry == NULL) {
        return QUERN_OK;
    }
    if (entry->method == 0) {
        return qn_zip_check(context, file, s->buf, entry);
    }
    enum quern_code code =
        qn_inflate_open(context, file, s->buf, entry, &s->inflate);
    s->offset = s->npy.data;
    if (code == QUERN_OK && (entry->size <= SMALL || !is_dense(s))) {
        code = inflate_whole(context, s, (size_t)entry->size);
    }
    return code;
}

void qn_samples_close(struct qn_samples *s)
{
    qn_inflate_close(&s->inflate);
    qn_buf_release(s->buf);
    s->buf = NULL;
}

/* -------------------------------------------------------------- one sample */

/* A range of a mapped file that is let go with the tensor. */
struct hold {
    struct qn_buf *buf;
    size_t offset;
    size_t size;
};

static void let_go(void *user, void *data)
{
    struct hold *hold = user;
    (void)data;
    qn_buf_forget(hold->buf, hold->offset, hold->size);
    qn_buf_release(hold->buf);
    qn_free(hold);
}

static enum quern_code hold_range(struct quern_context *context,
                                  const struct qn_samples *s,
                                  const int64_t *dims, size_t offset,
                                  size_t size, struct quern_tensor **out_tensor)
{
    struct hold *hold = qn_calloc(sizeof *hold);
    if (hold == NULL) {
        return qn_no_memory(context);
    }
    *hold = (struct hold){qn_buf_retain(s->buf), offset, size};
    enum quern_code code = quern_tensor_wrap(context, s->npy.dtype, s->npy.rank,
                                             dims, s->buf->data + offset, size,
                                             let_go, hold, out_tensor);
    if (code != QUERN_OK) {
        qn_buf_release(hold->buf);
        qn_free(hold);
    }
    return code;
}

static void copy_element(unsigned char *out, const unsigned char *in,
                         size_t size, bool swap)
{
    for (size_t b = 0; b < size; b++) {
        out[b] = in[swap ? size - 1 - b : b];
    }
}

/* Elements one by one, in the order of the tensor. */
static void gather(const struct qn_samples *s, size_t i, const int64_t *dims,
                   unsigned char *out, int64_t len)
{
    const struct qn_npy *h = &s->npy;
    bool complex = h->dtype == QUERN_COMPLEX64 || h->dtype == QUERN_COMPLEX128;
    size_t size = quern_dtype_bits(h->dtype) / 8;
    size_t unit = complex ? size / 2 : size;
    int64_t strides[QUERN_MAX_RANK] = {0};
    int64_t place[QUERN_MAX_RANK] = {0};
    int64_t stride = 1;
    for (int k = 0; k < h->rank; k++) {
        int axis = h->fortran ? k : h->rank - 1 - k;
        strides[axis] = stride;
        stride *= h->dims[axis] > 0 ? h->dims[axis] : 1;
    }
    int64_t at = s->axis >= 0 ? (int64_t)i * s->step * strides[s->axis] : 0;
    const unsigned char *in = s->buf->data + s->offset;
    for (int64_t k = 0; k < len; k++) {
        for (size_t u = 0; u < size; u += unit) {
            copy_element(out + (size_t)k * size + u, in + (size_t)at * size + u,
                         unit, h->swap);
        }
        for (int a = h->rank - 1; a >= 0; a--) {
            at += strides[a];
            if (++place[a] < dims[a]) {
                break;
            }
            at -= strides[a] * dims[a];
            place[a] = 0;
        }
    }
}

/* A tensor of its own for what does not lie ready. */
static enum quern_code make(const struct qn_samples *s,
                            struct quern_context *context, size_t i,
                            const int64_t *dims,
                            struct quern_tensor **out_tensor)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_create(context, s->npy.dtype, s->npy.rank, dims, &t);
    if (code != QUERN_OK) {
        return code;
    }
    unsigned char *out = quern_tensor_data_mut(t);
    if (s->inflate == NULL) {
        gather(s, i, dims, out, t->len);
    } else {
        code = qn_inflate_read(s->inflate, context, s->offset + i * t->size,
                               t->size, out);
    }
    if (code != QUERN_OK) {
        quern_tensor_release(&t);
        return code;
    }
    *out_tensor = t;
    return QUERN_OK;
}

enum quern_code qn_samples_get(const struct qn_samples *s,
                               struct quern_context *context, size_t i,
                               struct quern_tensor **out_tensor)
{
    int64_t dims[QUERN_MAX_RANK];
    int64_t len = 0;
    size_t size = 0;
    memcpy(dims, s->npy.dims, sizeof dims);
    if (s->axis >= 0) {
        dims[s->axis] = s->step;
    } else {
        i = 0;
    }
    enum quern_code code = qn_tensor_size_of(context, s->npy.dtype, s->npy.rank,
                                             dims, &len, &size);
    if (code != QUERN_OK) {
        return code;
    }
    if (s->inflate != NULL || !is_dense(s)) {
        return make(s, context, i, dims, out_tensor);
    }
    size_t offset = (size_t)s->offset + i * size;
    return s->buf->mapped && s->npy.size > SMALL
               ? hold_range(context, s, dims, offset, size, out_tensor)
               : qn_tensor_slice(context, s->npy.dtype, s->npy.rank, dims,
                                 s->buf, offset, size, out_tensor);
}

enum quern_code qn_npy_read(struct quern_context *context, const char *file,
                            const char *name, struct qn_buf *buf,
                            struct quern_tensor **out_tensor)
{
    struct qn_samples s = {.name = name, .axis = -1};
    enum quern_code code = qn_samples_begin(context, file, buf, NULL, &s);
    if (code == QUERN_OK) {
        code = qn_samples_get(&s, context, 0, out_tensor);
    }
    qn_samples_close(&s);
    return code;
}
