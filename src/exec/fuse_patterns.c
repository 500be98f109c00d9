/* Chains of exporters that stand for one operator. Each is looked for from its
 * last operator backwards; what lies inside must be read by the chain alone. */
#include "exec/fuse.h"
#include "exec/ops.h"
#include "exec/prepare.h"

#include <math.h>

static const struct qn_op_row unary_row = {"(fused)", 1, qn_op_unary, NULL, 0};
static const struct qn_op_row norm_row = {"(fused LayerNormalization)", 1,
                                          qn_op_row_norm, NULL, 0};

static bool near(float x, float y)
{
    return fabsf(x - y) <= 1e-5f * fabsf(y);
}

/* The slot that an operator multiplies by `factor` (or divides by 1/factor). */
static bool scaled_by(const struct qn_fuser *f, const struct qn_op *op,
                      float factor, int *out_slot)
{
    float v = 0.0f;
    if (!qn_fuser_scalar_pair(f, op, out_slot, &v)) {
        return false;
    }
    return (qn_op_is(op, "Mul") && near(v, factor)) ||
           (qn_op_is(op, "Div") && near(v, 1.0f / factor));
}

static bool plus(const struct qn_fuser *f, const struct qn_op *op, float term,
                 int *out_slot)
{
    float v = 0.0f;
    return qn_op_is(op, "Add") && qn_fuser_scalar_pair(f, op, out_slot, &v) &&
           near(v, term);
}

struct chain {
    int n;
    struct qn_op *ops[8]; /* all but the last one */
};

/* The maker of a slot joins the chain; NULL: it must not vanish. */
static struct qn_op *inner(const struct qn_fuser *f, struct chain *c, int slot)
{
    struct qn_op *op = qn_fuser_inner(f, slot);
    if (op != NULL && c->n < 8) {
        c->ops[c->n++] = op;
        return op;
    }
    return NULL;
}

static enum quern_code become_unary(struct qn_fuser *f, struct qn_op *op,
                                    const struct chain *c, int variant, int x)
{
    void *state = qn_unary_state(f->engine, variant, 0.0f, 0.0f);
    enum quern_code code = qn_fuser_become(f, op, &unary_row, state, 1, &x);
    for (int i = 0; i < c->n && code == QUERN_OK; i++) {
        qn_fuser_remove(f, c->ops[i]);
    }
    return code;
}

/* ------------------------------------------------------------ activations */

/* c = Clip(x + 3, 0, 6) */
static bool relu6_of_plus_3(const struct qn_fuser *f, struct chain *c, int slot,
                            int *x)
{
    float lo = 0.0f;
    float hi = 0.0f;
    const struct qn_op *clip = inner(f, c, slot);
    if (!qn_fuser_clip(f, clip, &lo, &hi) || lo < 0.0f || lo > 0.0f ||
        !near(hi, 6.0f)) {
        return false;
    }
    return plus(f, inner(f, c, clip->in[0]), 3.0f, x);
}

/* Div(Mul(x, Clip(x + 3, 0, 6)), 6), or the division first. */
static bool is_hard_swish(const struct qn_fuser *f, const struct qn_op *op,
                          struct chain *c, int *x)
{
    int slot = 0;
    if (scaled_by(f, op, 1.0f / 6.0f, &slot)) {
        const struct qn_op *product = inner(f, c, slot);
        for (int i = 0; product != NULL && i < 2; i++) {
            struct chain tail = {.n = 0};
            if (qn_op_is(product, "Mul") && product->n_in == 2 &&
                relu6_of_plus_3(f, &tail, product->in[i], x) &&
                *x == product->in[1 - i]) {
                for (int k = 0; k < tail.n; k++) {
                    c->ops[c->n++] = tail.ops[k];
                }
                return true;
            }
        }
        return false;
    }
    for (int i = 0; qn_op_is(op, "Mul") && op->n_in == 2 && i < 2; i++) {
        c->n = 0;
        const struct qn_op *sixth = inner(f, c, op->in[i]);
        if (sixth != NULL && scaled_by(f, sixth, 1.0f / 6.0f, &slot) &&
            relu6_of_plus_3(f, c, slot, x) && *x == op->in[1 - i]) {
            return true;
        }
    }
    return false;
}

/* x * Sigmoid(x), the Sigmoid perhaps of x * 1. */
static bool is_silu(const struct qn_fuser *f, const struct qn_op *op,
                    struct chain *c, int *x)
{
    for (int i = 0; qn_op_is(op, "Mul") && op->n_in == 2 && i < 2; i++) {
        c->n = 0;
        const struct qn_op *s = inner(f, c, op->in[i]);
        if (!qn_op_is(s, "Sigmoid")) {
            continue;
        }
        *x = s->in[0];
        if (*x == op->in[1 - i]) {
            return true;
        }
        const struct qn_op *one = inner(f, c, *x);
        if (one != NULL && scaled_by(f, one, 1.0f, x) && *x == op->in[1 - i]) {
            return true;
        }
    }
    return false;
}

/* a = Erf(x / sqrt(2)) + 1 */
static bool erf_plus_1(const struct qn_fuser *f, struct chain *c, int slot,
                       int *x)
{
    int erf_slot = 0;
    if (!plus(f, inner(f, c, slot), 1.0f, &erf_slot)) {
        return false;
    }
    const struct qn_op *erf = inner(f, c, erf_slot);
    return qn_op_is(erf, "Erf") &&
           scaled_by(f, inner(f, c, erf->in[0]), 0.70710678f, x);
}

/* x * (Erf(x / sqrt(2)) + 1) * 0.5, the half at any place. */
static bool is_gelu(const struct qn_fuser *f, const struct qn_op *op,
                    struct chain *c, int *x)
{
    int slot = 0;
    if (scaled_by(f, op, 0.5f, &slot)) {
        const struct qn_op *product = inner(f, c, slot);
        for (int i = 0; qn_op_is(product, "Mul") && i < 2; i++) {
            c->n = 1;
            if (erf_plus_1(f, c, product->in[i], x) &&
                *x == product->in[1 - i]) {
                return true;
            }
        }
        return false;
    }
    for (int i = 0; qn_op_is(op, "Mul") && op->n_in == 2 && i < 2; i++) {
        c->n = 0;
        if (erf_plus_1(f, c, op->in[i], x)) {
            const struct qn_op *half = inner(f, c, op->in[1 - i]);
            if (half != NULL && scaled_by(f, half, 0.5f, &slot) && slot == *x) {
                return true;
            }
        }
        c->n = 0;
        const struct qn_op *halved = inner(f, c, op->in[i]);
        if (halved != NULL && scaled_by(f, halved, 0.5f, &slot) &&
            erf_plus_1(f, c, slot, x) && *x == op->in[1 - i]) {
            return true;
        }
    }
    return false;
}

static enum quern_code fuse_activation(struct qn_fuser *f, struct qn_op *op,
                                       bool *done)
{
    struct chain c = {.n = 0};
    int x = -1;
    *done = true;
    if (is_hard_swish(f, op, &c, &x)) {
        return become_unary(f, op, &c, QN_HARD_SWISH, x);
    }
    c.n = 0;
    if (is_silu(f, op, &c, &x)) {
        return become_unary(f, op, &c, QN_SILU, x);
    }
    c.n = 0;
    if (is_gelu(f, op, &c, &x)) {
        return become_unary(f, op, &c, QN_GELU, x);
    }
    *done = false;
    return QUERN_OK;
}

/* ------------------------------------------------------------------ norms */

/* Mean over the last axis, kept: of an input of known rank, or axis -1. */
static bool is_row_mean(const struct qn_fuser *f, const struct qn_op *op)
{
    const int64_t *axes = NULL;
    int64_t axis = 0;
    size_t n = 0;
    if (!qn_op_is(op, "ReduceMean") ||
        quern_node_int(op->node, "keepdims", 1) == 0) {
        return false;
    }
    if (op->n_in > 1 && op->in[1] >= 0) {
        const struct qn_array *a = qn_op_constant(f->engine, op, 1);
        if (a == NULL || a->len != 1 || !qn_is_index_type(a->dtype)) {
            return false;
        }
        axis = qn_array_int(a, 0);
    } else if (quern_node_attr_ints(op->node, "axes", &axes, &n) != QUERN_OK ||
               n != 1) {
        return false;
    } else {
        axis = axes[0];
    }
    int rank = quern_value_rank(quern_node_input(op->node, 0));
    return axis == -1 || (rank > 0 && axis == rank - 1);
}

/* square = x², as Pow or as a product. */
static bool is_square(const struct qn_fuser *f, const struct qn_op *op, int *x)
{
    float two = 0.0f;
    if (op == NULL || op->n_in != 2) {
        return false;
    }
    *x = op->in[0];
    return (qn_op_is(op, "Pow") && qn_fuser_scalar(f, op, 1, &two) &&
            near(two, 2.0f)) ||
           (qn_op_is(op, "Mul") && op->in[0] == op->in[1]);
}

/* root = sqrt(mean(x²) + epsilon): what divides. *x is squared. */
static bool root_mean_square(const struct qn_fuser *f, struct chain *c,
                             int slot, int *x, float *epsilon)
{
    int mean_slot = 0;
    const struct qn_op *root = inner(f, c, slot);
    const struct qn_op *sum =
        qn_op_is(root, "Sqrt") ? inner(f, c, root->in[0]) : NULL;
    if (!qn_op_is(sum, "Add") ||
        !qn_fuser_scalar_pair(f, sum, &mean_slot, epsilon)) {
        return false;
    }
    const struct qn_op *mean = inner(f, c, mean_slot);
    return is_row_mean(f, mean) && is_square(f, inner(f, c, mean->in[0]), x);
}

/* x / root, or x * (1 / root). */
static bool normalized(const struct qn_fuser *f, struct chain *c, int slot,
                       int *x, float *epsilon)
{
    const struct qn_op *op = inner(f, c, slot);
    int squared = -1;
    if (qn_op_is(op, "Div")) {
        *x = op->in[0];
        return root_mean_square(f, c, op->in[1], &squared, epsilon) &&
               squared == *x;
    }
    int kept = c->n;
    for (int i = 0; qn_op_is(op, "Mul") && op->n_in == 2 && i < 2; i++) {
        c->n = kept;
        const struct qn_op *inverse = inner(f, c, op->in[i]);
        if (qn_op_is(inverse, "Reciprocal") &&
            root_mean_square(f, c, inverse->in[0], &squared, epsilon) &&
            squared == op->in[1 - i]) {
            *x = squared;
            return true;
        }
    }
    return false;
}

/* A constant of one axis, as long as the rows it belongs to will be. */
static int row_constant(const struct qn_fuser *f, const struct qn_op *op,
                        int *other)
{
    for (int i = 0; op->n_in == 2 && i < 2; i++) {
        const struct qn_array *a = qn_op_constant(f->engine, op, i);
        if (a != NULL && a->dtype == QUERN_FLOAT && a->rank == 1 &&
            a->len > 1) {
            *other = op->in[1 - i];
            return op->in[i];
        }
    }
    return -1;
}

static enum quern_code become_norm(struct qn_fuser *f, struct qn_op *op,
                                   const struct chain *c, const int *in,
                                   bool centered, float epsilon)
{
    struct qn_row_norm *s = qn_arena_alloc(&f->engine->arena, sizeof *s);
    if (s != NULL) {
        s->epsilon = epsilon;
        s->centered = centered;
    }
    enum quern_code code = qn_fuser_become(f, op, &norm_row, s, 3, in);
    for (int i = 0; i < c->n && code == QUERN_OK; i++) {
        qn_fuser_remove(f, c->ops[i]);
    }
    return code;
}

/* (x - mean) / root * gamma + beta. d = x - mean is read twice: by the square
 * and by the division. */
static enum quern_code fuse_layer_norm(struct qn_fuser *f, struct qn_op *op,
                                       bool *done)
{
    struct chain c = {.n = 0};
    int scaled = -1;
    int norm = -1;
    int d = -1;
    float epsilon = 0.0f;
    *done = false;
    int beta = qn_op_is(op, "Add") ? row_constant(f, op, &scaled) : -1;
    struct qn_op *product = beta >= 0 ? inner(f, &c, scaled) : NULL;
    int gamma = qn_op_is(product, "Mul") ? row_constant(f, product, &norm) : -1;
    if (gamma < 0 || !normalized(f, &c, norm, &d, &epsilon)) {
        return QUERN_OK;
    }
    struct qn_op *minus = qn_fuser_maker(f, d);
    bool alone = d >= 0 && f->n_uses[d] == 2 && !f->fixed[d];
    if (!qn_op_is(minus, "Sub") || !alone || c.n > 6) {
        return QUERN_OK;
    }
    const struct qn_op *mean = inner(f, &c, minus->in[1]);
    if (!is_row_mean(f, mean) || mean->in[0] != minus->in[0]) {
        return QUERN_OK;
    }
    c.ops[c.n++] = minus;
    const int in[3] = {minus->in[0], gamma, beta};
    *done = true;
    return become_norm(f, op, &c, in, true, epsilon);
}

/* x / root * gamma */
static enum quern_code fuse_rms_norm(struct qn_fuser *f, struct qn_op *op,
                                     bool *done)
{
    struct chain c = {.n = 0};
    int norm = -1;
    int x = -1;
    float epsilon = 0.0f;
    *done = false;
    int gamma = qn_op_is(op, "Mul") ? row_constant(f, op, &norm) : -1;
    if (gamma < 0 || !normalized(f, &c, norm, &x, &epsilon)) {
        return QUERN_OK;
    }
    const int in[3] = {x, gamma, -1};
    *done = true;
    return become_norm(f, op, &c, in, false, epsilon);
}

enum quern_code qn_fuse_patterns(struct qn_fuser *f)
{
    enum quern_code code = QUERN_OK;
    for (int k = 0; k < f->program->n_ops && code == QUERN_OK; k++) {
        struct qn_op *op = &f->program->ops[k];
        bool done = op->row == NULL || op->n_out < 1 || op->out[0] < 0;
        if (!done) {
            code = fuse_activation(f, op, &done);
        }
        if (!done && code == QUERN_OK) {
            code = fuse_layer_norm(f, op, &done);
        }
        if (!done && code == QUERN_OK) {
            code = fuse_rms_norm(f, op, &done);
        }
    }
    return code;
}
