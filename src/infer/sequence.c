/* Sequences and optionals. A sequence's element type covers all its elements.
 */
#include "infer/table.h"

static void set_kind(struct qn_infer_ctx *c, size_t i, enum quern_kind kind,
                     const struct qn_type *element)
{
    struct qn_result *out = qn_infer_out(c, i);
    out->whole = qn_type_of_kind(c, kind, element);
    out->kind = kind;
}

static const struct qn_type *element_of(const struct qn_infer_ctx *c, size_t i,
                                        enum quern_kind kind)
{
    const struct qn_type *type = qn_infer_in_type(c, i);
    return type != NULL && type->kind == kind ? type->element : NULL;
}

/* A value of that type into output i. */
static void set_whole(struct qn_infer_ctx *c, size_t i,
                      const struct qn_type *type)
{
    struct qn_result *out = qn_infer_out(c, i);
    out->whole = type;
    out->kind = type != NULL ? type->kind : QUERN_KIND_UNKNOWN;
    if (type != NULL && type->kind == QUERN_KIND_TENSOR) {
        out->whole = NULL;
        out->dtype = type->dtype;
        if (qn_infer_out_rank(c, i, type->rank)) {
            for (int k = 0; k < type->rank; k++) {
                out->dims[k] = qn_num_of_dim(type->dims[k]);
            }
        }
    }
}

void qn_infer_sequence_construct(struct qn_infer_ctx *c)
{
    const struct qn_type *all = qn_infer_in_type(c, 0);
    for (size_t i = 1; i < c->node->n_inputs; i++) {
        all = qn_type_join(c, all, qn_infer_in_type(c, i));
    }
    set_kind(c, 0, QUERN_KIND_SEQUENCE, all);
}

void qn_infer_sequence_empty(struct qn_infer_ctx *c)
{
    int64_t dtype = qn_infer_attr_int(c, "dtype", QUERN_FLOAT);
    bool valid = dtype > 0 && dtype <= QUERN_INT2;
    struct qn_type *element =
        qn_arena_alloc(&c->x.model->arena, sizeof *element);
    if (element == NULL) {
        c->x.no_memory = true;
        return;
    }
    element->kind = QUERN_KIND_TENSOR;
    element->dtype = valid ? (enum quern_dtype)dtype : QUERN_UNDEFINED;
    element->rank = -1;
    element->denotation = qn_type_of_nothing;
    set_kind(c, 0, QUERN_KIND_SEQUENCE, element);
}

void qn_infer_sequence_insert(struct qn_infer_ctx *c)
{
    const struct qn_type *element = element_of(c, 0, QUERN_KIND_SEQUENCE);
    set_kind(c, 0, QUERN_KIND_SEQUENCE,
             qn_type_join(c, element, qn_infer_in_type(c, 1)));
}

void qn_infer_sequence_at(struct qn_infer_ctx *c)
{
    set_whole(c, 0, element_of(c, 0, QUERN_KIND_SEQUENCE));
}

void qn_infer_sequence_same(struct qn_infer_ctx *c)
{
    set_whole(c, 0, qn_infer_in_type(c, 0));
}

void qn_infer_scalar(struct qn_infer_ctx *c)
{
    qn_infer_out_rank(c, 0, 0);
}

/* The length that all parts have, where they have one. */
static struct quern_number part_len(struct qn_infer_ctx *c,
                                    struct quern_number all)
{
    size_t n = 0;
    const struct quern_number *parts = qn_infer_in_numbers(c, 1, &n);
    bool is_one = qn_infer_in_rank(c, 1) == 0;
    if (parts == NULL || n == 0 || !parts[0].known) {
        return QN_UNKNOWN;
    }
    for (size_t i = 1; i < n; i++) {
        if (!qn_num_same(parts[i], parts[0])) {
            return QN_UNKNOWN;
        }
    }
    bool divides = qn_num_is_plain(all) && qn_num_is_plain(parts[0]) &&
                   parts[0].value > 0 && all.value % parts[0].value == 0;
    return !is_one || divides ? parts[0] : QN_UNKNOWN;
}

/* Parts of equal length when `split` is a scalar, in which the last may be
 * shorter; one of each index, with the axis or without it, when it is absent.
 * Beside a scalar, keepdims means nothing to ONNX, but ONNX Runtime obeys it:
 * nothing is known then. */
void qn_infer_split_to_sequence(struct qn_infer_ctx *c)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    int n = 0;
    int rank = qn_infer_in_rank(c, 0);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    bool each = !qn_infer_in_present(c, 1);
    bool keep = qn_infer_attr_int(c, "keepdims", 1) != 0;
    for (int i = 0; i < rank && axis >= 0; i++) {
        if (i != axis) {
            dims[n++] = qn_num_dim(qn_infer_in_dim(c, 0, i));
        } else if (keep || !each) {
            dims[n++] = each
                            ? (struct quern_dim){1, NULL}
                            : qn_num_dim(part_len(c, qn_infer_in_dim(c, 0, i)));
        }
    }
    const struct qn_type *element = qn_type_tensor(
        c->x.model, qn_infer_in_dtype(c, 0),
        axis >= 0 && (each || keep || qn_infer_in_rank(c, 1) == 1) ? n : -1,
        dims);
    c->x.no_memory = c->x.no_memory || element == NULL;
    set_kind(c, 0, QUERN_KIND_SEQUENCE, element);
}

void qn_infer_concat_from_sequence(struct qn_infer_ctx *c)
{
    const struct qn_type *element = element_of(c, 0, QUERN_KIND_SEQUENCE);
    bool stack = qn_infer_attr_int(c, "new_axis", 0) != 0;
    if (element == NULL || element->kind != QUERN_KIND_TENSOR) {
        return;
    }
    qn_infer_out_dtype(c, 0, element->dtype);
    int rank = element->rank < 0 ? -1 : element->rank + (stack ? 1 : 0);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    if (axis < 0 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    for (int i = 0; i < rank; i++) {
        int from = stack && i > axis ? i - 1 : i;
        if (i != axis) {
            qn_infer_out(c, 0)->dims[i] = qn_num_of_dim(element->dims[from]);
        }
    }
}

void qn_infer_optional(struct qn_infer_ctx *c)
{
    if (qn_infer_in_present(c, 0)) {
        set_kind(c, 0, QUERN_KIND_OPTIONAL, qn_infer_in_type(c, 0));
    }
}

void qn_infer_optional_get(struct qn_infer_ctx *c)
{
    const struct qn_type *inside = element_of(c, 0, QUERN_KIND_OPTIONAL);
    set_whole(c, 0, inside != NULL ? inside : qn_infer_in_type(c, 0));
}
