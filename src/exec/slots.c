/* The slots of an engine: one number for each value, and in those of constants
 * their bytes, as kernels read them. */
#include "base/buf.h"
#include "base/numeric.h"
#include "exec/op.h"
#include "exec/prepare.h"
#include "ir/tensor.h"

#include <string.h>

int qn_slot_of(const struct quern_engine *e, const struct quern_value *v)
{
    return v != NULL ? e->slot_of[v->id] : -1;
}

enum quern_code qn_slots_alloc(struct quern_engine *e, size_t n,
                               int **out_slots)
{
    *out_slots = qn_arena_alloc_n(&e->arena, n, sizeof(int));
    return *out_slots != NULL ? QUERN_OK : qn_no_memory(e->context);
}

/* Values get slots in order of making, in all graphs. */
enum quern_code qn_engine_number_slots(struct quern_engine *e)
{
    const struct quern_model *model = e->model;
    e->n_values = model->next_value_id;
    e->slot_of = qn_arena_alloc_n(&e->arena, e->n_values + 1, sizeof(int));
    if (e->slot_of == NULL) {
        return qn_no_memory(e->context);
    }
    memset(e->slot_of, -1, e->n_values * sizeof(int));
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        for (const struct quern_value *v = g->first_value; v != NULL;
             v = v->next_value) {
            if (!v->erased) {
                e->slot_of[v->id] = e->n_slots++;
            }
        }
    }
    size_t n = (size_t)e->n_slots + 1;
    e->constants = qn_arena_alloc_n(&e->arena, n, sizeof *e->constants);
    e->held = qn_arena_alloc_n(&e->arena, n, sizeof *e->held);
    e->tap_of = qn_arena_alloc_n(&e->arena, n, sizeof(int));
    e->folded = qn_arena_alloc_n(&e->arena, n, sizeof(struct qn_chunk *));
    if (e->constants == NULL || e->held == NULL || e->tap_of == NULL ||
        e->folded == NULL) {
        return qn_no_memory(e->context);
    }
    memset(e->tap_of, -1, n * sizeof(int));
    return QUERN_OK;
}

/* Pages of a mapped file that will hardly be read again. */
static void forget_pages(const struct quern_tensor *t)
{
    if (t->buf != NULL && t->size >= (1u << 16)) {
        qn_buf_forget(t->buf, (size_t)(t->data - t->buf->data), t->size);
    }
}

bool qn_is_packed_type(enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    return bits > 0 && bits < 8;
}

void qn_tensor_unpack(const struct quern_tensor *tensor, unsigned char *to)
{
    const uint8_t *from = quern_tensor_data(tensor);
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    for (int64_t i = 0; i < quern_tensor_len(tensor); i++) {
        to[i] = (unsigned char)qn_unpack(from, (size_t)i, dtype);
    }
}

static enum quern_code unpacked(struct quern_engine *e,
                                const struct quern_tensor *tensor,
                                struct quern_tensor **out_tensor)
{
    enum quern_code code =
        quern_tensor_create(e->context, QUERN_UINT8, quern_tensor_rank(tensor),
                            quern_tensor_dims(tensor), out_tensor);
    if (code == QUERN_OK) {
        qn_tensor_unpack(tensor, quern_tensor_data_mut(*out_tensor));
    }
    return code;
}

/* Sub-byte elements are unpacked, misaligned bytes copied unless the reader
 * takes them. */
static enum quern_code readable(struct quern_engine *e,
                                struct quern_tensor *tensor, bool any_address,
                                struct quern_tensor **out_tensor)
{
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    if (qn_is_packed_type(dtype)) {
        return unpacked(e, tensor, out_tensor);
    }
    size_t size = qn_element_size(dtype);
    if (any_address ||
        ((uintptr_t)quern_tensor_data(tensor) & (size - 1)) == 0) {
        *out_tensor = quern_tensor_retain(tensor);
        return QUERN_OK;
    }
    enum quern_code code = quern_tensor_align(e->context, tensor, out_tensor);
    if (code == QUERN_OK && *out_tensor != tensor) {
        forget_pages(tensor); /* the copy serves from now on */
    }
    return code;
}

void qn_array_of_tensor(const struct quern_tensor *tensor,
                        enum quern_dtype dtype, struct qn_array *out)
{
    memset(out, 0, sizeof *out);
    out->set = true;
    out->dtype = dtype;
    out->rank = quern_tensor_rank(tensor);
    out->len = quern_tensor_len(tensor);
    memcpy(out->dims, quern_tensor_dims(tensor),
           (size_t)out->rank * sizeof *out->dims);
    qn_array_pack_strides(out);
    /* Constants and inputs are only read; where there is nothing to read,
     * kernels still may add 0 to the address. */
    static const uint64_t nothing = 0;
    const void *data = quern_tensor_data(tensor);
    out->data =
        (unsigned char *)(uintptr_t)(data != NULL ? data
                                                  : (const void *)&nothing);
}

enum quern_code qn_engine_hold(struct quern_engine *e,
                               struct quern_tensor *tensor, bool any_address,
                               int slot)
{
    if (!qn_dims_can_loop(quern_tensor_rank(tensor),
                          quern_tensor_dims(tensor))) {
        return quern_fail(e->context, QUERN_LIMIT, NULL,
                          "a constant without elements has other dimensions "
                          "that exceed 2^31");
    }
    enum quern_code code = readable(e, tensor, any_address, &e->held[slot]);
    if (code == QUERN_OK) {
        qn_array_of_tensor(e->held[slot], quern_tensor_dtype(tensor),
                           &e->constants[slot]);
    }
    return code;
}

enum quern_code qn_engine_constant(struct quern_engine *e,
                                   const struct quern_value *v,
                                   bool any_address)
{
    struct quern_tensor *tensor = v != NULL ? quern_value_constant(v) : NULL;
    int slot = qn_slot_of(e, v);
    if (tensor == NULL || slot < 0 || e->constants[slot].set ||
        quern_tensor_dtype(tensor) == QUERN_STRING) {
        return QUERN_OK;
    }
    return qn_engine_hold(e, tensor, any_address, slot);
}

void qn_engine_forget_pages(const struct quern_engine *e, int slot)
{
    if (e->held[slot] != NULL) {
        forget_pages(e->held[slot]);
    }
}

void qn_engine_forget(struct quern_engine *e, int slot)
{
    qn_engine_forget_pages(e, slot);
    quern_tensor_release(&e->held[slot]);
    qn_folder_forget(e, slot);
    e->constants[slot].data = NULL;
}

const struct qn_array *qn_op_constant(const struct quern_engine *e,
                                      const struct qn_op *op, int i)
{
    if (i >= op->n_in || op->in[i] < 0 || !e->constants[op->in[i]].set) {
        return NULL;
    }
    return &e->constants[op->in[i]];
}
