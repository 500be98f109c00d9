/* Clip, Dropout, Softmax and its kin. */
#include "convert.h"

#include <math.h>

/* Bounds became inputs at 11. */
static enum quern_code clip(const struct qn_raise *r, struct quern_node *node)
{
    static const char *const names[2] = {"min", "max"};
    enum quern_code code = QUERN_OK;
    (void)r;
    for (size_t i = 0; i < 2 && code == QUERN_OK; i++) {
        if (quern_node_has_attr(node, names[i])) {
            float bound = quern_node_float(node, names[i], 0.0f);
            code = qn_raise_set_number(node, names[i], i + 1, bound);
        }
        if (code == QUERN_OK) {
            code = quern_node_remove_attr(node, names[i]);
        }
    }
    return code;
}

/* The mask was of the type of the data before 10. */
static enum quern_code dropout_mask(const struct qn_raise *r,
                                    struct quern_node *node)
{
    const struct quern_value *mask = quern_node_output(node, 1);
    if (mask != NULL &&
        (quern_value_n_uses(mask) > 0 || quern_value_is_graph_output(mask))) {
        return qn_raise_refuse(r, node,
                               "its mask is read, which is bool since "
                               "opset 10");
    }
    return QUERN_OK;
}

/* The ratio became an input at 12; without training_mode nothing is dropped,
 * as before. */
static enum quern_code dropout_ratio(const struct qn_raise *r,
                                     struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    (void)r;
    if (quern_node_has_attr(node, "ratio")) {
        struct quern_tensor *tensor = NULL;
        struct quern_value *value = NULL;
        struct quern_graph *graph = quern_node_graph(node);
        float ratio = quern_node_float(node, "ratio", 0.5f);
        code = quern_tensor_of_floats(quern_pass_context(r->ctx), -1, &ratio,
                                      &tensor);
        if (code == QUERN_OK) {
            code = quern_constant_create(graph, "ratio", tensor, &value);
        }
        if (code == QUERN_OK) {
            code = qn_raise_set_input(node, 1, value);
        }
        quern_tensor_release(&tensor);
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, "ratio") : code;
}

/* -------------------------------------------------------------- Softmax */

enum { SEVERAL = -2 };

/* The one axis from `axis` on that may be longer than 1, -1 for the last: the
 * operator along it is what it is along all of them. Where nothing is in the
 * data, any axis does. */
static int64_t only_axis(const struct quern_value *x, int64_t axis)
{
    int rank = quern_value_rank(x);
    const struct quern_dim *dims = quern_value_dims(x);
    int64_t found = axis;
    int n = 0;
    for (int64_t i = axis; i < rank; i++) {
        if (dims[i].value != 1) {
            found = i;
            n++;
        }
    }
    for (int i = 0; i < rank; i++) {
        n = dims[i].value == 0 ? 0 : n;
    }
    return axis >= rank || n > 1 ? SEVERAL : found == rank - 1 ? -1 : found;
}

/* A value of its own in front of a node's output 0, which then has no maker. */
static enum quern_code free_output(struct quern_node *node,
                                   struct quern_value **out_old,
                                   struct quern_value **out_new)
{
    struct quern_value *old = quern_node_output(node, 0);
    enum quern_code code = quern_value_create(quern_node_graph(node),
                                              quern_value_name(old), out_new);
    *out_old = old;
    return code == QUERN_OK ? quern_node_set_output(node, 0, *out_new) : code;
}

/* A node of one input, which makes a new value if *y is NULL. */
static enum quern_code add(struct quern_graph *graph, struct quern_node *before,
                           const char *op, struct quern_value *x,
                           struct quern_value **y, struct quern_node **out_node)
{
    enum quern_code code =
        *y == NULL ? quern_value_create(graph, quern_value_name(x), y)
                   : QUERN_OK;
    return code == QUERN_OK
               ? quern_node_create(graph, before, op, "", &x, 1, y, 1, out_node)
               : code;
}

/* What stands around the operator. Of data that may be empty the Reshape back
 * needs care: it copies a size of 0 from data that was flattened. */
struct flattening {
    struct quern_graph *graph;
    int64_t axis;
    int rank;
    bool zeros_count; /* allowzero: since opset 14 */
    bool grows;       /* before that: sizes are one larger, from Pad to Slice */
    int64_t pads[2 * QUERN_MAX_RANK];
    int64_t starts[QUERN_MAX_RANK], ends[QUERN_MAX_RANK]; /* which undo them */
};

static struct flattening flattening_of(const struct qn_raise *r,
                                       const struct quern_node *node,
                                       int64_t axis)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_dim *dims = quern_value_dims(x);
    struct flattening f = {.graph = quern_node_graph(node),
                           .axis = axis,
                           .rank = quern_value_rank(x)};
    bool holds = true;
    int n_open = f.rank < 0 ? 2 : 0; /* sizes that may be 0 */
    for (int i = 0; i < f.rank; i++) {
        bool is_open = dims[i].value <= 0;
        /* Of [outer, inner] these are 0 as well. */
        holds = holds &&
                (!is_open || (i == 0 && axis > 0) || (i == 1 && axis <= 1));
        n_open += is_open ? 1 : 0;
        f.pads[f.rank + i] = is_open ? 1 : 0;
        f.ends[i] = is_open ? -1 : INT64_MAX;
    }
    /* With two, those that fold the target would have to tell a copy and the
     * rest from nothing. */
    bool careful = !holds || n_open > 1;
    f.zeros_count = careful && r->to >= 14;
    f.grows = careful && r->to < 14 && f.rank > 0;
    return f;
}

/* Minus infinity has no part in any of the three. */
static enum quern_code grow(const struct flattening *f, struct quern_node *node,
                            struct quern_value **x)
{
    struct quern_value *wide = NULL;
    struct quern_node *pad = NULL;
    enum quern_code code = add(f->graph, node, "Pad", *x, &wide, &pad);
    if (code == QUERN_OK) {
        code = qn_raise_set_ints(pad, "pads", 1, f->pads, 2 * (int64_t)f->rank);
    }
    if (code == QUERN_OK) {
        code = qn_raise_set_number(pad, "value", 2, -INFINITY);
    }
    *x = wide;
    return code;
}

/* Reshape to `shape`, and what was grown is cut off: the end makes y. */
static enum quern_code unflatten(const struct flattening *f,
                                 struct quern_node *before,
                                 struct quern_value *x,
                                 struct quern_value *shape,
                                 struct quern_value *y)
{
    struct quern_value *whole = f->grows ? NULL : y;
    struct quern_node *reshape = NULL;
    struct quern_node *slice = NULL;
    enum quern_code code =
        add(f->graph, before, "Reshape", x, &whole, &reshape);
    if (code == QUERN_OK) {
        code = quern_node_set_input(reshape, 1, shape);
    }
    if (code == QUERN_OK && f->zeros_count) {
        code = quern_node_set_int(reshape, "allowzero", 1);
    }
    if (code != QUERN_OK || !f->grows) {
        return code;
    }
    code = add(f->graph, before, "Slice", whole, &y, &slice);
    if (code == QUERN_OK) {
        code = qn_raise_set_ints(slice, "starts", 1, f->starts, f->rank);
    }
    return code == QUERN_OK
               ? qn_raise_set_ints(slice, "ends", 2, f->ends, f->rank)
               : code;
}

/* Flatten, the operator along the last axis, and back to the shape. Where not
 * even the rank is known and there is no allowzero, a size of 0 is copied: such
 * data must not be empty. */
static enum quern_code flatten_around(const struct qn_raise *r,
                                      struct quern_node *node, int64_t axis)
{
    const struct flattening f = flattening_of(r, node, axis);
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *flat = NULL;
    struct quern_value *shape = NULL;
    struct quern_value *old = NULL;
    struct quern_value *inner = NULL;
    struct quern_node *made = NULL;
    enum quern_code code = f.grows ? grow(&f, node, &x) : QUERN_OK;
    if (code == QUERN_OK) {
        code = add(f.graph, node, "Flatten", x, &flat, &made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(made, "axis", axis);
    }
    if (code == QUERN_OK) {
        code = add(f.graph, node, "Shape", x, &shape, &made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, flat);
    }
    if (code == QUERN_OK) {
        code = free_output(node, &old, &inner);
    }
    return code == QUERN_OK
               ? unflatten(&f, quern_node_next(node), inner, shape, old)
               : code;
}

/* Before 13 all axes from `axis` on are one. */
static enum quern_code softmax(const struct qn_raise *r,
                               struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    int64_t axis = quern_node_int(node, "axis", 1);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    enum quern_code code = QUERN_OK;
    if (axis < 0 && rank > 0) {
        axis += rank;
    }
    int64_t one = axis == -1 ? -1 : rank < 0 ? SEVERAL : only_axis(x, axis);
    if (one == SEVERAL) {
        code = flatten_around(r, node, axis);
        one = -1;
    }
    return code == QUERN_OK ? quern_node_set_int(node, "axis", one) : code;
}

const struct qn_raise_step qn_raise_activation[] = {
    {"Dropout", 10, dropout_mask},
    {"Clip", 11, clip},
    {"Dropout", 12, dropout_ratio},
    {"Softmax", 13, softmax},
    {"LogSoftmax", 13, softmax},
    {"Hardmax", 13, softmax},
    {0},
};
