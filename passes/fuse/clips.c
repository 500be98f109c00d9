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

static enum quern_code write_attrs(struct quern_node *node,
                                   const struct bounds *b)
{
    enum quern_code code = quern_node_set_op(node, "Clip");
    if (code == QUERN_OK) {
        code = isinf(b->lo) ? quern_node_remove_attr(node, "min")
                            : quern_node_set_float(node, "min", (float)b->lo);
    }
    if (code == QUERN_OK) {
        code = isinf(b->hi) ? quern_node_remove_attr(node, "max")
                            : quern_node_set_float(node, "max", (float)b->hi);
    }
    return code;
}

/* The node becomes Relu or Clip of b->x. */
static enum quern_code write_bounds(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    const struct bounds *b)
{
    struct quern_value *old[3] = {NULL, NULL, NULL};
    enum quern_code code = QUERN_OK;
    bool is_relu = isinf(b->hi) && b->lo >= 0.0 && b->lo <= 0.0;
    for (size_t i = 3; i-- > 0 && code == QUERN_OK;) {
        old[i] = quern_node_input(node, i);
        if (i > 0 && i < quern_node_n_inputs(node)) {
            code = quern_node_set_input(node, i, NULL);
        }
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, b->x);
    }
    if (code == QUERN_OK && (is_relu || quern_node_opset(node) < 11)) {
        code = write_attrs(node, b);
    }
    if (code == QUERN_OK && is_relu) {
        code = quern_node_set_op(node, "Relu");
        if (code == QUERN_OK) {
            code = quern_node_remove_attr(node, "min");
        }
        if (code == QUERN_OK) {
            code = quern_node_remove_attr(node, "max");
        }
    } else if (code == QUERN_OK && quern_node_opset(node) >= 11) {
        code = quern_node_set_op(node, "Clip");
        if (code == QUERN_OK && !isinf(b->lo)) {
            code = set_number(ctx, node, 1, "min", b->lo, b->dtype);
        }
        if (code == QUERN_OK && !isinf(b->hi)) {
            code = set_number(ctx, node, 2, "max", b->hi, b->dtype);
        }
    }
    for (size_t i = 0; i < 3 && code == QUERN_OK; i++) {
        code = drop_unread(old[i]);
    }
    return code;
}

static bool same(double a, double b)
{
    return a >= b && a <= b;
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

static enum quern_code merge(struct quern_pass_ctx *ctx,
                             struct quern_node *node)
{
    struct bounds own;
    struct bounds before;
    if (!read_bounds(node, &own)) {
        return QUERN_OK;
    }
    struct quern_node *first = quern_value_producer(own.x);
    bool in_a_row = first != NULL && quern_value_only_user(own.x) == node &&
                    quern_node_graph(first) == quern_node_graph(node) &&
                    read_bounds(first, &before);
    struct bounds b = in_a_row ? both(&before, &own) : own;
    bool plain = quern_node_is(node, "Relu") || quern_node_is(node, "Clip");
    bool is_relu = isinf(b.hi) && same(b.lo, 0.0);
    if (!in_a_row && plain && (quern_node_is(node, "Relu") || !is_relu)) {
        return QUERN_OK;
    }
    if (isinf(b.lo) && isinf(b.hi)) {
        return QUERN_OK; /* drop-no-op knows it */
    }
    if (!is_relu && b.dtype == QUERN_UNDEFINED &&
        quern_node_opset(node) >= 11) {
        return QUERN_OK;
    }
    enum quern_code code = QUERN_OK;
    if (in_a_row && plain && same(b.lo, own.lo) && same(b.hi, own.hi)) {
        code = quern_node_set_input(node, 0, before.x);
    } else {
        code = write_bounds(ctx, node, &b);
    }
    if (code == QUERN_OK && in_a_row) {
        quern_pass_account(ctx, node, "took in %s '%s'", quern_node_op(first),
                           quern_node_name(first));
        code = quern_node_erase_dead(first);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        code = merge(ctx, n);
    }
    return code;
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
