/* What arithmetic nodes and BatchNormalization do to channels, as numbers. */
#include "fuse/linear.h"
#include "kinds.h"

#include <math.h>

bool qn_affine_init(struct quern_pass_ctx *ctx, int64_t n,
                    struct qn_affine *out)
{
    size_t size = (size_t)(n + 1) * sizeof(double);
    *out = (struct qn_affine){.n = n};
    out->scale = quern_pass_alloc(ctx, size);
    out->shift = quern_pass_alloc(ctx, size);
    for (int64_t i = 0; out->scale != NULL && i < n; i++) {
        out->scale[i] = 1.0;
    }
    return out->scale != NULL && out->shift != NULL;
}

/* Notes what the numbers do; false when one is not finite. */
static bool settle(struct qn_affine *f)
{
    for (int64_t i = 0; i < f->n; i++) {
        if (!isfinite(f->scale[i]) || !isfinite(f->shift[i])) {
            return false;
        }
        f->scales = f->scales || f->scale[i] < 1.0 || f->scale[i] > 1.0;
        f->shifts = f->shifts || f->shift[i] < 0.0 || f->shift[i] > 0.0;
    }
    return true;
}

static bool negate(struct quern_pass_ctx *ctx, int64_t n, struct qn_affine *out)
{
    bool good = qn_affine_init(ctx, n, out);
    for (int64_t i = 0; good && i < n; i++) {
        out->scale[i] = -1.0;
    }
    return good && settle(out);
}

static bool read_batch_norm(const struct quern_node *bn, struct qn_affine *f)
{
    double epsilon = (double)quern_node_float(bn, "epsilon", 1e-5f);
    const struct quern_tensor *t[4];
    for (size_t i = 0; i < 4; i++) {
        const struct quern_value *v = quern_node_input(bn, i + 1);
        t[i] = v != NULL ? quern_value_constant(v) : NULL;
        if (t[i] == NULL || quern_tensor_len(t[i]) != f->n) {
            return false;
        }
    }
    for (int64_t c = 0; c < f->n; c++) {
        double p[4];
        for (size_t i = 0; i < 4; i++) {
            if (!quern_tensor_read_doubles(t[i], c, 1, &p[i])) {
                return false;
            }
        }
        f->scale[c] = p[0] / sqrt(p[3] + epsilon);
        f->shift[c] = p[1] - f->scale[c] * p[2];
    }
    return true;
}

static bool is_inference_norm(const struct quern_node *node)
{
    bool others = false;
    for (size_t i = 1; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        others = others || (y != NULL && quern_value_n_uses(y) > 0);
    }
    return quern_node_is(node, "BatchNormalization") && !others &&
           quern_node_int(node, "training_mode", 0) == 0 &&
           quern_node_int(node, "spatial", 1) == 1 &&
           quern_node_int(node, "is_test", 1) == 1;
}

bool qn_channel_numbers(const struct quern_value *value, int rank, int axis,
                        int64_t n, double *out)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    /* Where the rank is not known, a vector fits any data. */
    if (t == NULL || !qn_is_wide_float(quern_tensor_dtype(t)) ||
        quern_tensor_rank(t) > (rank >= 0 ? rank : 1)) {
        return false;
    }
    int own = quern_tensor_rank(t);
    int64_t len = quern_tensor_len(t);
    bool along = own + axis >= 0 && quern_tensor_dims(t)[own + axis] == n;
    if (len != 1 && !(along && len == n)) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (!quern_tensor_read_doubles(t, len == 1 ? 0 : i, 1, &out[i])) {
            return false;
        }
    }
    return true;
}

static void read_operator(const struct quern_node *op, size_t constant,
                          double k, double *scale, double *shift)
{
    if (quern_node_is(op, "Mul")) {
        *scale = k;
    } else if (quern_node_is(op, "Div")) {
        *scale = 1.0 / k;
    } else if (quern_node_is(op, "Add")) {
        *shift = k;
    } else { /* Sub */
        *scale = constant == 0 ? -1.0 : 1.0;
        *shift = constant == 0 ? k : -k;
    }
}

/* Input with a constant, where the other has none; -1: none. */
static int constant_input(const struct quern_node *node)
{
    for (int k = quern_node_is(node, "Div") ? 1 : 0; k < 2; k++) {
        const struct quern_value *data =
            quern_node_input(node, (size_t)(1 - k));
        const struct quern_value *v = quern_node_input(node, (size_t)k);
        if (data != NULL && v != NULL && quern_value_constant(v) != NULL &&
            quern_value_constant(data) == NULL) {
            return k;
        }
    }
    return -1;
}

/* The constant's numbers, which stand in `shift`, as the operator applies them.
 */
static bool apply(const struct quern_node *node, size_t k, struct qn_affine *f)
{
    for (int64_t i = 0; i < f->n; i++) {
        double number = f->shift[i];
        f->shift[i] = 0.0;
        read_operator(node, k, number, &f->scale[i], &f->shift[i]);
    }
    return settle(f);
}

/* The numbers of a BatchNormalization, each at the channels that end there. */
static bool moved_norm(struct quern_pass_ctx *ctx,
                       const struct quern_node *norm,
                       const struct qn_moves *moves, int axis, int64_t n,
                       struct qn_affine *out)
{
    const struct quern_value *y = moves->to;
    int64_t own = quern_value_rank(y) > 1 ? quern_value_dims(y)[1].value : -1;
    int64_t *at = quern_pass_alloc(ctx, (size_t)(n + 1) * sizeof *at);
    struct qn_affine f;
    if (own < 1 || at == NULL || quern_node_input(norm, 0) != y ||
        !qn_affine_init(ctx, own, &f) || !read_batch_norm(norm, &f) ||
        !qn_moves_places(moves, axis, n, 1, at) ||
        !qn_affine_init(ctx, n, out)) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        out->scale[c] = f.scale[at[c]];
        out->shift[c] = f.shift[at[c]];
    }
    return settle(out);
}

bool qn_affine_moved(struct quern_pass_ctx *ctx, const struct quern_node *node,
                     const struct qn_moves *moves, int axis, int64_t n,
                     struct qn_affine *out)
{
    if (is_inference_norm(node)) {
        return moved_norm(ctx, node, moves, axis, n, out);
    }
    if (quern_node_is(node, "Neg")) {
        return negate(ctx, n, out);
    }
    int k = qn_is_arithmetic(node) ? constant_input(node) : -1;
    return k >= 0 && quern_node_input(node, (size_t)(1 - k)) == moves->to &&
           qn_affine_init(ctx, n, out) &&
           qn_moves_numbers(moves, quern_node_input(node, (size_t)k), axis, n,
                            out->shift) &&
           apply(node, (size_t)k, out);
}

bool qn_affine_of(struct quern_pass_ctx *ctx, const struct quern_node *node,
                  int rank, int axis, int64_t n, size_t *out_data,
                  struct qn_affine *out)
{
    if (is_inference_norm(node)) {
        *out_data = 0;
        return rank >= 2 && axis == 1 - rank && qn_affine_init(ctx, n, out) &&
               read_batch_norm(node, out) && settle(out);
    }
    if (quern_node_is(node, "Neg")) {
        *out_data = 0;
        return negate(ctx, n, out);
    }
    int k = qn_is_arithmetic(node) ? constant_input(node) : -1;
    if (k < 0) {
        return false;
    }
    *out_data = (size_t)(1 - k);
    return qn_affine_init(ctx, n, out) &&
           qn_channel_numbers(quern_node_input(node, (size_t)k), rank, axis, n,
                              out->shift) &&
           apply(node, (size_t)k, out);
}
