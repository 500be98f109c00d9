/* split-slices: Slices that cut one axis of a tensor into all its parts become
 * a Split, and so do Gathers of places in a row. Bit-exact. */
#include "builtin.h"
#include "common.h"

enum {
    MOST_PARTS = 64,
    SINCE = 2,
    SIZES_SINCE = 13, /* opset from which on sizes are an input */
};

struct part {
    struct quern_node *slice;
    int64_t from, to;
};

struct parts {
    struct part of[MOST_PARTS];
    size_t n;
    int64_t axis, size;
};

static bool one_int(const struct quern_value *v, int64_t *out)
{
    return v != NULL && qn_int_values(v, 1, out) == 1;
}

/* Bounds from 0 to size, as Slice clamps them. */
static int64_t clamp(int64_t at, int64_t size)
{
    at += at < 0 ? size : 0;
    return at < 0 ? 0 : at > size ? size : at;
}

/* A Gather of places in a row, along an axis whose size is a number. */
static bool read_gather(struct quern_node *node, int64_t *out_axis,
                        int64_t *out_size, struct part *out)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node, 1));
    int rank = x != NULL ? quern_value_rank(x) : -1;
    *out_axis = quern_node_int(node, "axis", 0);
    *out_axis += *out_axis < 0 ? rank : 0;
    if (rank < 1 || !quern_node_is(node, "Gather") || t == NULL ||
        quern_tensor_rank(t) != 1 || quern_tensor_len(t) < 1 || *out_axis < 0 ||
        *out_axis >= rank) {
        return false;
    }
    *out_size = quern_value_dims(x)[*out_axis].value;
    int64_t n = quern_tensor_len(t);
    int64_t at = 0;
    for (int64_t i = 0; i < n && n <= *out_size; i++) {
        if (!quern_tensor_read_ints(t, i, 1, &at)) {
            return false;
        }
        at += at < 0 ? *out_size : 0;
        out->from = i == 0 ? at : out->from;
        if (at != out->from + i) {
            return false;
        }
    }
    out->slice = node;
    out->to = out->from + n;
    return *out_size > 0 && out->from >= 0 && out->to <= *out_size;
}

/* The bounds of a Slice along one axis, by steps of 1: inputs, and attributes
 * below opset 10. */
static bool read_bounds(const struct quern_node *node, int64_t *out_axis,
                        struct part *out)
{
    const int64_t *from = NULL;
    const int64_t *to = NULL;
    const int64_t *axes = out_axis;
    size_t n[3] = {1, 1, 1};
    int64_t step = 1;
    if (!quern_node_has_attr(node, "starts")) {
        return one_int(quern_node_input(node, 1), &out->from) &&
               one_int(quern_node_input(node, 2), &out->to) &&
               (quern_node_input(node, 3) == NULL ||
                one_int(quern_node_input(node, 3), out_axis)) &&
               (quern_node_input(node, 4) == NULL ||
                one_int(quern_node_input(node, 4), &step)) &&
               step == 1;
    }
    if (quern_node_attr_ints(node, "starts", &from, &n[0]) != QUERN_OK ||
        quern_node_attr_ints(node, "ends", &to, &n[1]) != QUERN_OK ||
        (quern_node_has_attr(node, "axes") &&
         quern_node_attr_ints(node, "axes", &axes, &n[2]) != QUERN_OK) ||
        n[0] != 1 || n[1] != 1 || n[2] != 1) {
        return false;
    }
    out->from = from[0];
    out->to = to[0];
    *out_axis = axes[0];
    return true;
}

/* A Slice along one axis whose size is a number. */
static bool read_slice(struct quern_node *node, int64_t *out_axis,
                       int64_t *out_size, struct part *out)
{
    const struct quern_value *x = quern_node_input(node, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    *out_axis = 0;
    if (rank < 1 || !quern_node_is(node, "Slice") ||
        *quern_node_domain(node) != '\0' || !read_bounds(node, out_axis, out)) {
        return false;
    }
    *out_axis += *out_axis < 0 ? rank : 0;
    if (*out_axis < 0 || *out_axis >= rank) {
        return false;
    }
    *out_size = quern_value_dims(x)[*out_axis].value;
    out->slice = node;
    out->from = clamp(out->from, *out_size);
    out->to = clamp(out->to, *out_size);
    return *out_size > 0 && out->from < out->to;
}

static bool read_part(struct quern_node *node, int64_t *out_axis,
                      int64_t *out_size, struct part *out)
{
    return read_slice(node, out_axis, out_size, out) ||
           read_gather(node, out_axis, out_size, out);
}

/* Put a part at its place among the others.
 * @return false when there are too many */
static bool insert(struct parts *p, const struct part *part)
{
    size_t at = p->n;
    if (p->n == MOST_PARTS) {
        return false;
    }
    while (at > 0 && p->of[at - 1].from > part->from) {
        p->of[at] = p->of[at - 1];
        at--;
    }
    p->of[at] = *part;
    p->n++;
    return true;
}

/* All parts that Slices of x cut along the axis of `first`, the first of them
 * in the graph, if these are x. */
static bool find_parts(struct quern_node *first, struct parts *out)
{
    const struct quern_value *x = quern_node_input(first, 0);
    struct part part;
    int64_t axis = 0;
    int64_t size = 0;
    out->n = 0;
    if (!read_part(first, &out->axis, &out->size, &part) ||
        quern_value_n_uses(x) > MOST_PARTS) {
        return false;
    }
    for (const struct quern_use *u = quern_value_first_use(x); u != NULL;
         u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        if (node != NULL && quern_use_index(u) == 0 &&
            quern_node_graph(node) == quern_node_graph(first) &&
            read_part(node, &axis, &size, &part) && axis == out->axis &&
            !insert(out, &part)) {
            return false;
        }
    }
    int64_t at = 0;
    for (size_t i = 0; i < out->n; i++) {
        if (out->of[i].from != at) {
            return false;
        }
        at = out->of[i].to;
    }
    return out->n > 1 && at == out->size;
}

/* The sizes of all parts: an input, or an attribute. */
static enum quern_code set_sizes(struct quern_pass_ctx *ctx,
                                 const struct parts *p, struct quern_node *node)
{
    int64_t sizes[MOST_PARTS];
    struct quern_value *value = NULL;
    for (size_t i = 0; i < p->n; i++) {
        sizes[i] = p->of[i].to - p->of[i].from;
    }
    if (quern_node_opset(node) < SIZES_SINCE) {
        return quern_node_set_ints(node, "split", sizes, p->n);
    }
    enum quern_code code =
        qn_new_ints(ctx, quern_node_graph(node),
                    quern_value_name(quern_node_output(node, 0)), sizes,
                    (int64_t)p->n, &value);
    return code == QUERN_OK ? quern_node_set_input(node, 1, value) : code;
}

static enum quern_code split(struct quern_pass_ctx *ctx,
                             struct quern_node *first, const struct parts *p)
{
    struct quern_value *x = quern_node_input(first, 0);
    struct quern_value *outputs[MOST_PARTS];
    struct quern_node *node = NULL;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < p->n && code == QUERN_OK; i++) {
        outputs[i] = quern_node_output(p->of[i].slice, 0);
        code = quern_node_set_output(p->of[i].slice, 0, NULL);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(first), first, "Split",
                                 quern_node_name(first), &x, 1, outputs, p->n,
                                 &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "axis", p->axis);
    }
    if (code == QUERN_OK) {
        code = set_sizes(ctx, p, node);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "Split from %zu parts", p->n);
    }
    for (size_t i = 0; i < p->n && code == QUERN_OK; i++) {
        code = quern_node_erase_dead(p->of[i].slice);
    }
    return code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct parts p;
    (void)user;
    return find_parts(node, &p) ? split(ctx, node, &p) : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Slice", "Gather", NULL};
    (void)params;
    return quern_model_opset(quern_pass_model(ctx), "") >= SINCE
               ? quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                                 visit, NULL)
               : QUERN_OK;
}

const struct quern_pass_desc qn_pass_split_slices = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "split-slices",
    .summary =
        "one Split from the Slices or Gathers that cut a tensor into all "
        "its parts",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
