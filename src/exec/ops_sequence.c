/* Sequences of tensors, and optionals (ONNX 11 and later). Items are views:
 * they share their bytes with what they were made from. */
#include "base/checked.h"
#include "exec/ops.h"
#include "exec/sequence.h"

#include <string.h>

bool qn_op_is_of_sequences(const struct qn_op *op)
{
    static const qn_op_fn runs[] = {
        qn_op_sequence_construct, qn_op_sequence_insert, qn_op_sequence_erase,
        qn_op_sequence_at,        qn_op_sequence_length, qn_op_split_sequence,
        qn_op_concat_sequence,    qn_op_optional,        qn_op_has_element,
        qn_op_sequence_map,
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (op->row->run == runs[i]) {
            return true;
        }
    }
    return false;
}

bool qn_op_takes_sequences(const struct qn_op *op)
{
    return qn_op_is_of_sequences(op) || op->row->run == qn_op_identity ||
           op->row->run == qn_op_if || op->row->run == qn_op_loop;
}

enum quern_code qn_check_sequences(struct qn_run *run, const struct qn_op *op)
{
    for (int i = 0; i < op->n_in; i++) {
        const struct qn_array *a = qn_in(run, op, i);
        if (a == NULL || qn_op_takes_sequences(op)) {
            continue;
        }
        if (!a->set || a->is_sequence) {
            return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                              "input %d is %s, needs a tensor", i,
                              a->set ? "a sequence" : "an empty optional");
        }
    }
    return QUERN_OK;
}

static struct qn_array *items(const struct qn_array *sequence)
{
    return (struct qn_array *)(void *)sequence->data;
}

enum quern_code qn_sequence_make(struct qn_run *run, const struct qn_op *op,
                                 int64_t n, struct qn_array *out)
{
    size_t size = 0;
    if (!qn_mul((size_t)n, sizeof(struct qn_array), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "a sequence of %lld",
                          (long long)n);
    }
    *out = (struct qn_array){.set = true, .is_sequence = true, .len = 0};
    out->chunk = qn_scratch(run, size);
    if (out->chunk == NULL) {
        return qn_op_missing(run, op);
    }
    out->data = out->chunk->data;
    return QUERN_OK;
}

void qn_sequence_append(struct qn_array *sequence, const struct qn_array *item)
{
    items(sequence)[sequence->len++] = *item;
    if (item->chunk != NULL) {
        item->chunk->count++;
    }
    sequence->chunk->n_items = (size_t)sequence->len;
}

static void put(struct qn_run *run, const struct qn_op *op,
                const struct qn_array *sequence)
{
    if (op->out[0] >= 0) {
        run->slots[op->out[0]] = *sequence;
    } else {
        qn_chunk_put(&run->chunks, sequence->chunk);
    }
}

static const struct qn_array *sequence_in(const struct qn_run *run,
                                          const struct qn_op *op, int i)
{
    const struct qn_array *a = qn_in(run, op, i);
    return a != NULL && a->set && a->is_sequence ? a : NULL;
}

static const struct qn_array *tensor_in(const struct qn_run *run,
                                        const struct qn_op *op, int i)
{
    const struct qn_array *a = qn_in(run, op, i);
    return a != NULL && a->set && !a->is_sequence ? a : NULL;
}

/* Position among n, from input i; `fallback` where it is left out. -1:
 * outside (reported). */
static int64_t position(struct qn_run *run, const struct qn_op *op, int i,
                        int64_t n, int64_t fallback)
{
    const struct qn_array *a = tensor_in(run, op, i);
    if (a == NULL) {
        return fallback;
    }
    if (a->len != 1 || !qn_is_index_type(a->dtype)) {
        (void)!qn_op_missing(run, op);
        return -1;
    }
    return qn_index(run, op, qn_array_int(a, 0), n);
}

/* SequenceConstruct; SequenceEmpty, which has no inputs. */
enum quern_code qn_op_sequence_construct(struct qn_run *run,
                                         const struct qn_op *op)
{
    struct qn_array made;
    enum quern_code code = qn_sequence_make(run, op, op->n_in, &made);
    for (int i = 0; i < op->n_in && code == QUERN_OK; i++) {
        const struct qn_array *x = tensor_in(run, op, i);
        if (x == NULL) {
            qn_chunk_put(&run->chunks, made.chunk);
            return qn_op_missing(run, op);
        }
        qn_sequence_append(&made, x);
    }
    if (code == QUERN_OK) {
        put(run, op, &made);
    }
    return code;
}

enum quern_code qn_op_sequence_insert(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *s = sequence_in(run, op, 0);
    const struct qn_array *x = tensor_in(run, op, 1);
    struct qn_array made;
    if (s == NULL || x == NULL) {
        return qn_op_missing(run, op);
    }
    /* Negative ones count from the end as it is; n is the place behind. */
    const struct qn_array *p = tensor_in(run, op, 2);
    bool behind = p == NULL || (p->len == 1 && qn_is_index_type(p->dtype) &&
                                qn_array_int(p, 0) == s->len);
    int64_t at = behind ? s->len : position(run, op, 2, s->len, 0);
    if (at < 0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_sequence_make(run, op, s->len + 1, &made);
    for (int64_t i = 0; code == QUERN_OK && i <= s->len; i++) {
        qn_sequence_append(&made, i == at ? x : &items(s)[i - (i > at)]);
    }
    if (code == QUERN_OK) {
        put(run, op, &made);
    }
    return code;
}

enum quern_code qn_op_sequence_erase(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *s = sequence_in(run, op, 0);
    struct qn_array made;
    int64_t at = s != NULL ? position(run, op, 1, s->len, s->len - 1) : -1;
    if (at < 0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_sequence_make(run, op, s->len - 1, &made);
    for (int64_t i = 0; code == QUERN_OK && i < s->len; i++) {
        if (i != at) {
            qn_sequence_append(&made, &items(s)[i]);
        }
    }
    if (code == QUERN_OK) {
        put(run, op, &made);
    }
    return code;
}

enum quern_code qn_op_sequence_at(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *s = sequence_in(run, op, 0);
    int64_t at = s != NULL ? position(run, op, 1, s->len, -1) : -1;
    if (at < 0) {
        return qn_op_missing(run, op);
    }
    const struct qn_array *item = &items(s)[at];
    return qn_out_view(run, op, 0, item, item);
}

enum quern_code qn_op_sequence_length(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *s = sequence_in(run, op, 0);
    struct qn_array *y = NULL;
    if (s == NULL) {
        return qn_op_missing(run, op);
    }
    int64_t n = s->len;
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, 0, NULL, &y);
    if (code == QUERN_OK && y != NULL) {
        memcpy(y->data, &n, sizeof n);
    }
    return code;
}

/* ------------------------------------------------------- SplitToSequence */

struct splitting {
    const struct qn_array *x;
    const struct qn_array *sizes; /* NULL: ones */
    int axis;
    bool drops; /* the axis goes */
};

static int64_t n_parts(const struct splitting *s)
{
    int64_t n = s->x->dims[s->axis];
    if (s->sizes == NULL) {
        return n;
    }
    if (s->sizes->rank > 0) {
        return s->sizes->len;
    }
    int64_t each = qn_array_int(s->sizes, 0);
    return each > 0 ? n / each + (n % each != 0) : -1;
}

static int64_t part_size(const struct splitting *s, int64_t i, int64_t left)
{
    int64_t n = s->sizes == NULL
                    ? 1
                    : qn_array_int(s->sizes, s->sizes->rank > 0 ? i : 0);
    bool last = s->sizes != NULL && s->sizes->rank == 0;
    return last && n > left ? left : n;
}

static struct qn_array part_of(const struct splitting *s, int64_t from,
                               int64_t n)
{
    struct qn_array v = *s->x;
    int64_t size = (int64_t)qn_element_size(v.dtype);
    v.data += from * v.strides[s->axis] * size;
    v.len = v.dims[s->axis] > 0 ? v.len / v.dims[s->axis] * n : 0;
    v.dims[s->axis] = n;
    if (s->drops) {
        v.rank--;
        for (int i = s->axis; i < v.rank; i++) {
            v.dims[i] = v.dims[i + 1];
            v.strides[i] = v.strides[i + 1];
        }
    }
    return v;
}

enum quern_code qn_op_split_sequence(struct qn_run *run, const struct qn_op *op)
{
    struct splitting s = {.x = tensor_in(run, op, 0)};
    struct qn_array made;
    if (tensor_in(run, op, 1) != NULL) {
        s.sizes = qn_in_packed(run, op, 1);
    }
    if (s.x == NULL || (s.sizes != NULL && (!qn_is_index_type(s.sizes->dtype) ||
                                            s.sizes->rank > 1))) {
        return qn_op_missing(run, op);
    }
    s.axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), s.x->rank);
    s.drops = s.sizes == NULL && quern_node_int(op->node, "keepdims", 1) == 0;
    int64_t n = s.axis < 0 ? -1 : n_parts(&s);
    int64_t left = n < 0 ? 0 : s.x->dims[s.axis];
    enum quern_code code =
        n < 0 ? qn_op_missing(run, op) : qn_sequence_make(run, op, n, &made);
    for (int64_t i = 0; code == QUERN_OK && i < n; i++) {
        int64_t size = part_size(&s, i, left);
        if (size < 0 || size > left) {
            qn_chunk_put(&run->chunks, made.chunk);
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "part %lld of %lld elements, has %lld",
                              (long long)i, (long long)size, (long long)left);
        }
        struct qn_array part = part_of(&s, s.x->dims[s.axis] - left, size);
        qn_sequence_append(&made, &part);
        left -= size;
    }
    if (code == QUERN_OK) {
        put(run, op, &made);
    }
    return code;
}

/* ----------------------------------------------------- ConcatFromSequence */

/* Dims of the joined items; false: they do not fit. */
static bool join_dims(const struct qn_array *s, int axis, bool stacks,
                      int64_t *dims)
{
    const struct qn_array *first = &items(s)[0];
    for (int i = 0; i < first->rank + stacks; i++) {
        dims[i] = first->dims[stacks && i > axis ? i - 1 : i];
    }
    dims[axis] = 0;
    for (int64_t k = 0; k < s->len; k++) {
        const struct qn_array *a = &items(s)[k];
        bool fits = a->rank == first->rank && a->dtype == first->dtype;
        for (int i = 0; fits && i < a->rank; i++) {
            fits = a->dims[i] == first->dims[i] || (i == axis && !stacks);
        }
        if (!fits || !qn_shape_len(1, &dims[axis], &(int64_t){0})) {
            return false;
        }
        dims[axis] += stacks ? 1 : a->dims[axis];
    }
    return true;
}

enum quern_code qn_op_concat_sequence(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *s = sequence_in(run, op, 0);
    bool stacks = quern_node_int(op->node, "new_axis", 0) != 0;
    int64_t dims[QUERN_MAX_RANK + 1];
    struct qn_array *y = NULL;
    if (s == NULL || s->len == 0) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "no items, needs at least 1");
    }
    const struct qn_array *first = &items(s)[0];
    int rank = first->rank + stacks;
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), rank);
    if (axis < 0 || rank > QUERN_MAX_RANK ||
        !join_dims(s, axis, stacks, dims)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_out(run, op, 0, first->dtype, rank, dims, &y);
    struct qn_array to = code == QUERN_OK && y != NULL ? *y : *first;
    int64_t size = (int64_t)qn_element_size(to.dtype);
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < s->len; k++) {
        struct qn_array from = items(s)[k];
        if (stacks) {
            memmove(from.dims + axis + 1, from.dims + axis,
                    (size_t)(from.rank - axis) * sizeof *from.dims);
            memmove(from.strides + axis + 1, from.strides + axis,
                    (size_t)(from.rank - axis) * sizeof *from.strides);
            from.dims[axis] = 1;
            from.strides[axis] = 0;
            from.rank = rank;
        }
        to.dims[axis] = from.dims[axis];
        to.len = from.len;
        qn_array_copy(&to, &from);
        to.data += from.dims[axis] * to.strides[axis] * size;
    }
    return code;
}

/* -------------------------------------------------------------- optionals */

/* Optional, OptionalGetElement (variant 1: there must be one). */
enum quern_code qn_op_optional(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    if (x != NULL && x->set) {
        return qn_out_view(run, op, 0, x, x);
    }
    return op->row->variant == 0 ? QUERN_OK
                                 : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                              "the optional holds no element");
}

enum quern_code qn_op_has_element(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    bool has = x != NULL && x->set;
    enum quern_code code = qn_out(run, op, 0, QUERN_BOOL, 0, NULL, &y);
    if (code == QUERN_OK && y != NULL) {
        y->data[0] = has;
    }
    return code;
}
