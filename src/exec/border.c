/* Tensors at the border of a run: inputs as kernels read them, outputs as the
 * caller gets them. Lists of tensors are sequences inside. */
#include "exec/border.h"

#include "base/alloc.h"
#include "base/numeric.h"
#include "exec/backend.h"
#include "exec/prepare.h"

#include <string.h>

enum quern_code qn_check_input(struct quern_context *context,
                               const struct quern_value *value,
                               const struct quern_tensor *tensor)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "run";
    place.tensor = value->name;
    if (tensor == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input is missing");
    }
    if (quern_tensor_is_list(tensor)) {
        return quern_fail(context, QUERN_UNSUPPORTED, &place,
                          "input is a sequence or an optional: the embedded "
                          "engine alone takes these");
    }
    enum quern_dtype needed = quern_value_dtype(value);
    if (needed != QUERN_UNDEFINED && needed != quern_tensor_dtype(tensor)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input has type %s, needs %s",
                          quern_dtype_name(quern_tensor_dtype(tensor)),
                          quern_dtype_name(needed));
    }
    int rank = quern_value_rank(value);
    if (rank >= 0 && rank != quern_tensor_rank(tensor)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input has rank %d, needs %d",
                          quern_tensor_rank(tensor), rank);
    }
    for (int i = 0; i < rank; i++) {
        int64_t want = quern_value_dims(value)[i].value;
        int64_t have = quern_tensor_dims(tensor)[i];
        if (want >= 0 && want != have) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                              "input has %lld in dimension %d, needs %lld",
                              (long long)have, i, (long long)want);
        }
    }
    return QUERN_OK;
}

/* A tensor as kernels read it. */
static enum quern_code hold(struct qn_run *run, const struct quern_value *value,
                            const struct quern_tensor *tensor,
                            struct qn_array *a)
{
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    if (dtype == QUERN_STRING || quern_dtype_bits(dtype) == 0) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_UNSUPPORTED, &place,
                          "input of type %s in the embedded engine",
                          quern_dtype_name(dtype));
    }
    if (!qn_dims_can_loop(quern_tensor_rank(tensor),
                          quern_tensor_dims(tensor))) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_LIMIT, &place,
                          "input without elements whose other dimensions "
                          "exceed 2^31");
    }
    qn_array_of_tensor(tensor, dtype, a);
    size_t size = qn_element_size(dtype);
    bool is_packed = qn_is_packed_type(dtype);
    if (!is_packed && ((uintptr_t)a->data & (size - 1)) == 0) {
        return QUERN_OK;
    }
    /* Misaligned bytes of a file, or packed ones: copied once a run. */
    size_t bytes = (size_t)a->len * size;
    a->chunk = qn_scratch(run, bytes);
    if (a->chunk == NULL) {
        a->set = false;
        return QUERN_NO_MEMORY;
    }
    if (is_packed) {
        qn_tensor_unpack(tensor, a->chunk->data);
    } else {
        memcpy(a->chunk->data, a->data, bytes);
    }
    a->data = a->chunk->data;
    return QUERN_OK;
}

/* The items of a list, as a sequence; nothing leaves the slot empty. */
static enum quern_code hold_items(struct qn_run *run,
                                  const struct quern_value *value,
                                  const struct quern_tensor *list,
                                  struct qn_array *a)
{
    enum quern_code code = QUERN_OK;
    size_t n = (size_t)quern_tensor_len(list);
    if (quern_tensor_is_nothing(list)) {
        return QUERN_OK;
    }
    struct qn_chunk *chunk = qn_scratch(run, n * sizeof(struct qn_array));
    if (chunk == NULL) {
        return QUERN_NO_MEMORY;
    }
    struct qn_array *items = (struct qn_array *)(void *)chunk->data;
    *a = (struct qn_array){.set = true,
                           .is_sequence = true,
                           .len = (int64_t)n,
                           .data = chunk->data,
                           .chunk = chunk};
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        items[i] = (struct qn_array){.set = false};
        code = hold(run, value, quern_tensor_item(list, i), &items[i]);
        chunk->n_items = i + 1;
    }
    return code;
}

enum quern_code qn_border_in(struct qn_run *run, int slot,
                             const struct quern_value *value,
                             const struct quern_tensor *tensor)
{
    char why[512];
    bool is_list = tensor != NULL && quern_tensor_is_list(tensor);
    if (tensor == NULL ||
        (!is_list && quern_value_kind(value) <= QUERN_KIND_TENSOR)) {
        enum quern_code code = qn_check_input(run->context, value, tensor);
        return code == QUERN_OK ? hold(run, value, tensor, &run->slots[slot])
                                : code;
    }
    if (!qn_value_takes(value, tensor, why, sizeof why)) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "run";
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_INVALID_ARGUMENT, &place, "%s",
                          why);
    }
    return is_list ? hold_items(run, value, tensor, &run->slots[slot])
                   : hold(run, value, tensor, &run->slots[slot]);
}

/* The tensor of the run before if its receiver has let it go, else a new one.
 */
static enum quern_code output_room(struct qn_run *run,
                                   struct quern_tensor **given,
                                   enum quern_dtype dtype,
                                   const struct qn_array *a)
{
    struct quern_tensor *t = *given;
    if (t != NULL && quern_tensor_data_mut(t) != NULL &&
        quern_tensor_dtype(t) == dtype && quern_tensor_rank(t) == a->rank &&
        memcmp(quern_tensor_dims(t), a->dims,
               (size_t)a->rank * sizeof *a->dims) == 0) {
        return QUERN_OK;
    }
    quern_tensor_release(given);
    return quern_tensor_create(run->context, dtype, a->rank, a->dims, given);
}

static enum quern_code pack_output(struct qn_run *run, int slot,
                                   struct quern_tensor *to)
{
    struct qn_op reader = {.n_in = 1, .in = &slot};
    const struct qn_array *a = qn_in_packed(run, &reader, 0);
    uint8_t *data = quern_tensor_data_mut(to);
    if (a == NULL) {
        return run->context->diag.error.code;
    }
    memset(data, 0, quern_tensor_size(to));
    for (int64_t i = 0; i < a->len; i++) {
        qn_pack(data, (size_t)i, a->dtype, (int32_t)a->data[i]);
    }
    return QUERN_OK;
}

/* The tensor of a sequence as a list. Their bytes are copied: runs reuse them.
 */
static enum quern_code list_of(struct qn_run *run, const struct qn_array *a,
                               struct quern_tensor **out_tensor)
{
    const struct qn_array *items = (const struct qn_array *)(void *)a->data;
    size_t n = (size_t)a->len;
    struct quern_tensor **made =
        qn_calloc_n(n + 1, sizeof(struct quern_tensor *));
    enum quern_code code = made != NULL ? QUERN_OK : qn_no_memory(run->context);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct qn_array to = items[i];
        if (qn_is_packed_type(to.dtype)) {
            code = quern_fail(run->context, QUERN_UNSUPPORTED, NULL,
                              "a sequence of %s as output",
                              quern_dtype_name(to.dtype));
        }
        if (code == QUERN_OK) {
            code = quern_tensor_create(run->context, to.dtype, to.rank, to.dims,
                                       &made[i]);
        }
        if (code == QUERN_OK) {
            to.data = quern_tensor_data_mut(made[i]);
            qn_array_pack_strides(&to);
            qn_array_copy(&to, &items[i]);
        }
    }
    if (code == QUERN_OK) {
        code = quern_tensor_of_items(run->context, made, n, out_tensor);
    }
    for (size_t i = 0; made != NULL && i < n; i++) {
        quern_tensor_release(&made[i]);
    }
    qn_free(made);
    return code;
}

/* What the file declares counts: an optional is inferred behind one. */
static enum quern_code nothing_of(struct qn_run *run,
                                  const struct quern_value *value,
                                  struct quern_tensor **out_tensor)
{
    const struct qn_type *type = value == NULL ? NULL
                                 : value->declared != NULL
                                     ? value->declared
                                     : qn_value_type(value);
    if (type != NULL && (type->kind == QUERN_KIND_TENSOR ||
                         type->kind == QUERN_KIND_SEQUENCE)) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "run";
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_INVALID_MODEL, &place,
                          "output holds nothing, the model declares a %s",
                          type->kind == QUERN_KIND_TENSOR ? "tensor"
                                                          : "sequence");
    }
    return quern_tensor_of_items(run->context, NULL, 0, out_tensor);
}

enum quern_code qn_border_out(struct qn_run *run, size_t i,
                              struct quern_tensor **out_tensor)
{
    int slot = run->engine->output_slots[i];
    struct quern_tensor **given = &run->given[i];
    const struct qn_array *a = slot >= 0 ? &run->slots[slot] : NULL;
    if (run->engine->output_strings[i] != NULL) {
        *out_tensor = quern_tensor_retain(run->engine->output_strings[i]);
        return QUERN_OK;
    }
    if (a == NULL || !a->set) {
        return nothing_of(run, run->engine->outputs[i], out_tensor);
    }
    if (a->is_sequence) {
        return list_of(run, a, out_tensor);
    }
    enum quern_code code = output_room(run, given, a->dtype, a);
    if (code != QUERN_OK) {
        return code;
    }
    if (qn_is_packed_type(a->dtype)) {
        code = pack_output(run, slot, *given);
    } else {
        struct qn_array to = *a;
        to.data = quern_tensor_data_mut(*given);
        qn_array_pack_strides(&to);
        qn_array_copy(&to, a);
    }
    if (code != QUERN_OK) {
        return code;
    }
    *out_tensor = quern_tensor_retain(*given);
    return QUERN_OK;
}
