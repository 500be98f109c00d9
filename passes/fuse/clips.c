/* merge-clips: Relu, Clip, and Min or Max with a number are all "keep within
 * [lo, hi]"; two in a row become one, and one is written as Relu or Clip, the
 * forms that runtimes fuse. Real-exact for numbers; what NaN becomes is the
 * runtime's choice before and after. */
#include "builtin.h"
#include "common.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct bounds {
    double lo, hi;          /* -inf, inf: none */
    struct quern_value *x;  /* data */
    enum quern_dtype dtype; /* of the numbers; undefined for Relu */
};

/* A number that leaves the shape of x as it is. */
static bool read_number(const struct quern_value *v,
                        const struct quern_value *x, double *out,
                        enum quern_dtype *out_dtype)
{
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    if (t == NULL || x == NULL || quern_tensor_len(t) != 1 ||
        !quern_dtype_is_float(quern_tensor_dtype(t)) ||
        (quern_tensor_rank(t) > 0 && !qn_has_rank(x, quern_tensor_rank(t))) ||
        !quern_tensor_read_doubles(t, 0, 1, out) || isnan(*out)) {
        return false;
    }
    *out_dtype = quern_tensor_dtype(t);
    return true;
}

/* Numbers beyond the floats are no bounds. */
static void open_ends(struct bounds *b)
{
    b->lo = b->lo <= -(double)FLT_MAX ? -HUGE_VAL : b->lo;
    b->hi = b->hi >= (double)FLT_MAX ? HUGE_VAL : b->hi;
}

static bool read_clip(const struct quern_node *node, struct bounds *b)
{
    if (quern_node_opset(node) < 11) {
        b->lo = (double)quern_node_float(node, "min", -FLT_MAX);
        b->hi = (double)quern_node_float(node, "max", FLT_MAX);
        open_ends(b);
        return true;
    }
    const struct quern_value *lo = quern_node_input(node, 1);
    const struct quern_value *hi = quern_node_input(node, 2);
    if ((lo != NULL && !read_number(lo, b->x, &b->lo, &b->dtype)) ||
        (hi != NULL && !read_number(hi, b->x, &b->hi, &b->dtype))) {
        return false;
    }
    open_ends(b);
    return true;
}

static bool read_bounds(const struct quern_node *node, struct bounds *b)
{
    *b = (struct bounds){.lo = -HUGE_VAL, .hi = HUGE_VAL};
    b->x = quern_node_input(node, 0);
    if (b->x == NULL) {
        return false;
    }
    if (quern_node_is(node, "Relu")) {
        b->lo = 0.0;
        return true;
    }
    if (quern_node_is(node, "Clip")) {
        return read_clip(node, b) && b->lo <= b->hi;
    }
    bool is_max = quern_node_is(node, "Max");
    if ((!is_max && !quern_node_is(node, "Min")) ||
        quern_node_n_inputs(node) != 2 || quern_node_opset(node) < 8) {
        return false;
    }
    for (size_t k = 0; k < 2; k++) {
        b->x = quern_node_input(node, 1 - k);
        if (b->x != NULL && quern_value_constant(b->x) == NULL &&
            read_number(quern_node_input(node, k), b->x,
                        is_max ? &b->lo : &b->hi, &b->dtype)) {
            return true;
        }
    }
    return false;
}

static bool same(double a, double b)
{
    return a >= b && a <= b;
}

static bool is_relu(const struct bounds *b)
{
    return isinf(b->hi) && same(b->lo, 0.0);
}

static enum quern_code set_number(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, size_t i,
                                  const char *name, double number,
                                  enum quern_dtype dtype)
{
    struct quern_tensor *t = NULL;
    struct quern_tensor *own = NULL;
    struct quern_value *value = NULL;
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), QUERN_DOUBLE, 0, NULL, &t);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(t), &number, sizeof number);
        code = quern_tensor_cast(quern_pass_context(ctx), t, dtype, &own);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(node), name, own, &value);
    }
    /* An input that is left out must have been there: it cannot be skipped. */
    bool skips = code == QUERN_OK && quern_node_n_inputs(node) < i;
    if (skips) {
        code = quern_node_set_input(node, i - 1, value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, value);
    }
    if (code == QUERN_OK && skips) {
        code = quern_node_set_input(node, i - 1, NULL);
    }
    quern_tensor_release(&t);
    quern_tensor_release(&own);
    return code;
}

/* Constants that an input gave up. */
static enum quern_code drop_unread(struct quern_value *value)
{
    bool unread = value != NULL && !quern_value_erased(value) &&
                  quern_value_n_uses(value) == 0 &&
                  quern_value_producer(value) == NULL &&
                  !quern_value_is_graph_input(value);
    return unread ? quern_value_erase(value) : QUERN_OK;
}

/* Before opset 11, bounds are attributes. */
static enum quern_code write_attr(struct quern_node *node, const char *name,
                                  double bound)
{
    return isinf(bound) ? quern_node_remove_attr(node, name)
                        : quern_node_set_float(node, name, (float)bound);
}

static enum quern_code write_clip_attrs(struct quern_node *node,
                                        const struct bounds *b)
{
    enum quern_code code = quern_node_set_op(node, "Clip");
    if (code == QUERN_OK) {
        code = write_attr(node, "min", b->lo);
    }
    return code == QUERN_OK ? write_attr(node, "max", b->hi) : code;
}

static enum quern_code write_clip_inputs(struct quern_pass_ctx *ctx,
                                         struct quern_node *node,
                                         const struct bounds *b)
{
    enum quern_code code = quern_node_set_op(node, "Clip");
    if (code == QUERN_OK && !isinf(b->lo)) {
        code = set_number(ctx, node, 1, "min", b->lo, b->dtype);
    }
    if (code == QUERN_OK && !isinf(b->hi)) {
        code = set_number(ctx, node, 2, "max", b->hi, b->dtype);
    }
    return code;
}

static enum quern_code write_relu(struct quern_node *node)
{
    enum quern_code code = quern_node_set_op(node, "Relu");
    if (code == QUERN_OK) {
        code = quern_node_remove_attr(node, "min");
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, "max") : code;
}

/* The last input first: those in front of it can then be dropped too. */
static enum quern_code drop_bounds(struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 2; i > 0 && code == QUERN_OK; i--) {
        if (i < quern_node_n_inputs(node)) {
            code = quern_node_set_input(node, i, NULL);
        }
    }
    return code;
}

/* The node becomes Relu or Clip of b->x. */
static enum quern_code write_bounds(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    const struct bounds *b)
{
    struct quern_value *old[3];
    for (size_t i = 0; i < 3; i++) {
        old[i] = quern_node_input(node, i);
    }
    enum quern_code code = drop_bounds(node);
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, b->x);
    }
    if (code == QUERN_OK) {
        code = is_relu(b)                     ? write_relu(node)
               : quern_node_opset(node) >= 11 ? write_clip_inputs(ctx, node, b)
                                              : write_clip_attrs(node, b);
    }
    for (size_t i = 0; i < 3 && code == QUERN_OK; i++) {
        code = drop_unread(old[i]);
    }
    return code;
}

/* first, then second, as one. */
static struct bounds both(const struct bounds *first,
                          const struct bounds *second)
{
    struct bounds b = *first;
    b.lo = fmin(fmax(first->lo, second->lo), second->hi);
    b.hi = fmin(fmax(first->hi, second->lo), second->hi);
    b.dtype = first->dtype != QUERN_UNDEFINED ? first->dtype : second->dtype;
    return b;
}

/* The node in front whose bounds can go into those of `node`, or NULL. */
static struct quern_node *in_front(const struct quern_node *node,
                                   const struct bounds *own,
                                   struct bounds *out_before)
{
    struct quern_node *first = quern_value_producer(own->x);
    bool in_a_row = first != NULL && quern_value_only_user(own->x) == node &&
                    quern_node_graph(first) == quern_node_graph(node) &&
                    read_bounds(first, out_before);
    return in_a_row ? first : NULL;
}

/* The form of a node alone is the one that is wanted. */
static bool is_settled(const struct quern_node *node, const struct bounds *b)
{
    return quern_node_is(node, "Relu") ||
           (quern_node_is(node, "Clip") && !is_relu(b));
}

static bool can_write(const struct quern_node *node, const struct bounds *b)
{
    if (isinf(b->lo) && isinf(b->hi)) {
        return false; /* drop-no-op knows it */
    }
    if (is_relu(b) || quern_node_opset(node) >= 12) {
        return is_relu(b) || b->dtype != QUERN_UNDEFINED;
    }
    /* ONNX Runtime has such a Clip for float only. */
    return (b->dtype != QUERN_UNDEFINED ? b->dtype : quern_value_dtype(b->x)) ==
               QUERN_FLOAT &&
           (quern_node_opset(node) < 11 || b->dtype != QUERN_UNDEFINED);
}

static enum quern_code merge(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct bounds own;
    struct bounds before;
    (void)user;
    if (!read_bounds(node, &own)) {
        return QUERN_OK;
    }
    struct quern_node *first = in_front(node, &own, &before);
    struct bounds b = first != NULL ? both(&before, &own) : own;
    if ((first == NULL && is_settled(node, &b)) || !can_write(node, &b)) {
        return QUERN_OK;
    }
    bool plain = quern_node_is(node, "Relu") || quern_node_is(node, "Clip");
    enum quern_code code = QUERN_OK;
    if (first != NULL && plain && same(b.lo, own.lo) && same(b.hi, own.hi)) {
        code = quern_node_set_input(node, 0, before.x);
    } else {
        code = write_bounds(ctx, node, &b);
    }
    if (code == QUERN_OK && first != NULL) {
        quern_pass_account(ctx, node, "took in %s '%s'", quern_node_op(first),
                           quern_node_name(first));
        code = quern_node_erase_dead(first);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Relu", "Clip", "Max", "Min", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, merge,
                           NULL);
}

const struct quern_pass_desc qn_pass_merge_clips = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "merge-clips",
    .summary = "one Relu or Clip from several in a row, and from Min and Max "
               "with a number",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
