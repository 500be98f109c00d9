/* Attributes and constants that say again what shapes say: axes, perm,
 * kernel_shape, sums of splits. Ranks that are not known are not checked;
 * whether shapes fit each other is told by infer/. */
#include "ir/tensor.h"
#include "ir/verify.h"

#include <string.h>

static bool is_one_of(const struct quern_node *node, const char *const *ops)
{
    for (; *ops != NULL; ops++) {
        if (strcmp(node->op, *ops) == 0) {
            return true;
        }
    }
    return false;
}

static int rank_of(const struct quern_node *node, size_t i)
{
    const struct quern_value *v = quern_node_input(node, i);
    return v != NULL ? quern_value_rank(v) : -1;
}

static int64_t dim_of(const struct quern_node *node, size_t i, int64_t axis)
{
    const struct quern_value *v = quern_node_input(node, i);
    return axis >= 0 && axis < rank_of(node, i)
               ? quern_value_dims(v)[axis].value
               : -1;
}

static struct quern_place place_of(const struct quern_node *node,
                                   const char *attribute)
{
    struct quern_place place = quern_node_place(node);
    place.attribute = attribute;
    return place;
}

/* ----------------------------------------------------------------- axes */

static void check_axis(struct qn_verify *v, const struct quern_node *node,
                       const char *name, int64_t axis, int rank)
{
    /* Flatten may cut behind the last axis. */
    int last = rank - 1 + (strcmp(node->op, "Flatten") == 0 ? 1 : 0);
    if (rank >= 0 && (axis < -rank || axis > last)) {
        struct quern_place place = place_of(node, name);
        qn_find_error(v->findings, &place,
                      "axis %lld of a tensor of rank %d, needs %d to %d",
                      (long long)axis, rank, -rank, last);
    }
}

static void check_axes(struct qn_verify *v, const struct quern_node *node)
{
    static const char *const with_axis[] = {
        "Softmax", "LogSoftmax",         "Hardmax",         "ArgMax", "ArgMin",
        "Gather",  "GatherElements",     "ScatterElements", "Split",  "Flatten",
        "TopK",    "LayerNormalization", "Compress",        NULL,
    };
    static const char *const with_axes[] = {
        "ReduceSum", "ReduceMean",      "ReduceMax",       "ReduceMin",
        "ReduceL1",  "ReduceL2",        "ReduceLogSumExp", "ReduceProd",
        "Squeeze",   "ReduceSumSquare", "ReduceLogSum",    NULL,
    };
    int rank = rank_of(node, 0);
    const struct qn_attr *attr = qn_node_attr(node, "axis");
    if (attr != NULL && attr->type == QN_ATTR_INT && attr->ref_name == NULL &&
        is_one_of(node, with_axis)) {
        check_axis(v, node, "axis", attr->u.i, rank);
    }
    attr = qn_node_attr(node, "axes");
    if (attr == NULL || attr->type != QN_ATTR_INTS || attr->ref_name != NULL ||
        !is_one_of(node, with_axes)) {
        return;
    }
    for (size_t i = 0; i < attr->len; i++) {
        check_axis(v, node, "axes", attr->u.ints[i], rank);
    }
}

static void check_perm(struct qn_verify *v, const struct quern_node *node)
{
    const struct qn_attr *perm = qn_node_attr(node, "perm");
    bool seen[QUERN_MAX_RANK] = {false};
    if (perm == NULL || perm->type != QN_ATTR_INTS || perm->ref_name != NULL) {
        return;
    }
    bool good = perm->len <= QUERN_MAX_RANK;
    for (size_t i = 0; i < perm->len && good; i++) {
        int64_t p = perm->u.ints[i];
        good = p >= 0 && p < (int64_t)perm->len && !seen[p];
        if (good) {
            seen[p] = true;
        }
    }
    int rank = rank_of(node, 0);
    struct quern_place place = place_of(node, "perm");
    if (!good) {
        qn_find_error(v->findings, &place, "perm is no permutation of 0 to %zu",
                      perm->len - 1);
    } else if (rank >= 0 && (size_t)rank != perm->len) {
        qn_find_error(v->findings, &place,
                      "perm has %zu axes, the tensor has rank %d", perm->len,
                      rank);
    }
}

/* --------------------------------------------------------------- kernels */

static void check_kernel(struct qn_verify *v, const struct quern_node *node)
{
    static const char *const convs[] = {"Conv", "ConvTranspose", "ConvInteger",
                                        NULL};
    size_t weights = strcmp(node->op, "QLinearConv") == 0 ? 3 : 1;
    const struct qn_attr *kernel = qn_node_attr(node, "kernel_shape");
    int rank = rank_of(node, weights);
    if ((weights == 1 && !is_one_of(node, convs)) || kernel == NULL ||
        kernel->type != QN_ATTR_INTS || kernel->ref_name != NULL || rank < 0) {
        return;
    }
    struct quern_place place = place_of(node, "kernel_shape");
    if (kernel->len + 2 != (size_t)rank) {
        qn_find_error(v->findings, &place,
                      "kernel_shape has %zu numbers, weights of rank %d need "
                      "%d",
                      kernel->len, rank, rank - 2);
        return;
    }
    for (size_t i = 0; i < kernel->len; i++) {
        int64_t size = dim_of(node, weights, (int64_t)i + 2);
        if (size >= 0 && size != kernel->u.ints[i]) {
            qn_find_error(v->findings, &place,
                          "kernel_shape is %lld at %zu, the weights have %lld",
                          (long long)kernel->u.ints[i], i, (long long)size);
            return;
        }
    }
}

/* ---------------------------------------------------- reshapes and splits */

static const struct quern_tensor *numbers(const struct quern_node *node)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_INT64 &&
                   quern_tensor_len(t) <= 4096
               ? t
               : NULL;
}

static void check_reshape(struct qn_verify *v, const struct quern_node *node)
{
    const struct quern_tensor *t = numbers(node);
    int64_t n_open = 0;
    for (int64_t i = 0; t != NULL && i < quern_tensor_len(t); i++) {
        int64_t dim = 0;
        if (!quern_tensor_read_ints(t, i, 1, &dim)) {
            return;
        }
        n_open += dim == -1 ? 1 : 0;
        if (dim < -1) {
            struct quern_place place = place_of(node, NULL);
            qn_find_error(v->findings, &place,
                          "dimension %lld of the wanted shape is %lld, needs "
                          "-1 or more",
                          (long long)i, (long long)dim);
        }
    }
    if (n_open > 1) {
        struct quern_place place = place_of(node, NULL);
        qn_find_error(v->findings, &place,
                      "%lld dimensions of the wanted shape are -1, at most "
                      "one can be",
                      (long long)n_open);
    }
}

static void check_split(struct qn_verify *v, const struct quern_node *node)
{
    const struct quern_tensor *t = numbers(node);
    int rank = rank_of(node, 0);
    int64_t axis = quern_node_int(node, "axis", 0);
    int64_t size = dim_of(node, 0, axis < 0 ? axis + rank : axis);
    int64_t sum = 0;
    if (t == NULL) {
        return;
    }
    if (quern_tensor_len(t) != (int64_t)node->n_outputs) {
        struct quern_place place = place_of(node, NULL);
        qn_find_error(v->findings, &place,
                      "%lld sizes for %zu outputs: needs as many",
                      (long long)quern_tensor_len(t), node->n_outputs);
        return;
    }
    for (int64_t i = 0; i < quern_tensor_len(t); i++) {
        int64_t part = 0;
        if (!quern_tensor_read_ints(t, i, 1, &part) ||
            __builtin_add_overflow(sum, part, &sum)) {
            return;
        }
    }
    if (size >= 0 && sum != size) {
        struct quern_place place = place_of(node, NULL);
        qn_find_error(v->findings, &place,
                      "sizes of the split sum up to %lld, axis %lld has %lld",
                      (long long)sum, (long long)axis, (long long)size);
    }
}

void qn_verify_shapes(struct qn_verify *v, const struct quern_node *node)
{
    if (*node->domain != '\0') {
        return;
    }
    check_axes(v, node);
    check_kernel(v, node);
    if (strcmp(node->op, "Transpose") == 0) {
        check_perm(v, node);
    } else if (strcmp(node->op, "Reshape") == 0) {
        check_reshape(v, node);
    } else if (strcmp(node->op, "Split") == 0) {
        check_split(v, node);
    }
}
