/* Element-wise operators of one input. float has loops of its own for every CPU
 * level; other types go element by element. */
#include "base/numeric.h"
#include "exec/fuse.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/widen.h"

#include <math.h>
#include <string.h>

struct unary_state {
    float p0;
    float p1;
    int variant;
};

static float attr_or(const struct quern_node *node, const char *name,
                     float fallback)
{
    return quern_node_float(node, name, fallback);
}

enum quern_code qn_prepare_unary(struct quern_engine *e, struct qn_op *op)
{
    struct unary_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    const struct quern_node *node = op->node;
    s->variant = op->row->variant;
    switch (s->variant) {
    case QN_HARD_SIGMOID:
        s->p0 = attr_or(node, "alpha", 0.2f);
        s->p1 = attr_or(node, "beta", 0.5f);
        break;
    case QN_LEAKY_RELU:
        s->p0 = attr_or(node, "alpha", 0.01f);
        break;
    case QN_SELU:
        s->p0 = attr_or(node, "alpha", 1.67326319f);
        s->p1 = attr_or(node, "gamma", 1.05070102f);
        break;
    case QN_SWISH:
        s->p0 = attr_or(node, "alpha", *node->domain == '\0' ? 1.0f : 1.702f);
        s->variant = s->p0 >= 1.0f && s->p0 <= 1.0f ? QN_SILU : QN_SWISH;
        break;
    case QN_SHRINK:
        s->p0 = attr_or(node, "bias", 0.0f);
        s->p1 = attr_or(node, "lambd", 0.5f);
        break;
    case QN_GELU: {
        const char *mode = NULL;
        if (quern_node_attr_string(node, "approximate", &mode, NULL) ==
                QUERN_OK &&
            strcmp(mode, "tanh") == 0) {
            s->variant = QN_GELU_TANH;
        }
        break;
    }
    case QN_CLIP: /* opset 6: bounds are attributes */
        s->p0 = attr_or(node, "min", -3.4028234663852886e38f);
        s->p1 = attr_or(node, "max", 3.4028234663852886e38f);
        break;
    default:
        s->p0 = attr_or(node, "alpha", 1.0f);
        break;
    }
    op->state = s;
    return QUERN_OK;
}

void *qn_unary_state(struct quern_engine *e, int variant, float p0, float p1)
{
    struct unary_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s != NULL) {
        *s = (struct unary_state){p0, p1, variant};
    }
    return s;
}

void qn_unary_read(const struct qn_op *op, int *out_variant, float *out_p0,
                   float *out_p1)
{
    const struct unary_state *s = op->state;
    *out_variant = s->variant;
    *out_p0 = s->p0;
    *out_p1 = s->p1;
}

/* Small types by way of float rows: 256 elements at a time. */
static void unary_small(const struct qn_kernels *k, const struct unary_state *s,
                        const struct qn_array *x, const struct qn_array *y)
{
    float in[256];
    float out[256];
    bool half = qn_is_half(x->dtype);
    for (int64_t i = 0; i < x->len; i += 256) {
        int64_t n = x->len - i < 256 ? x->len - i : 256;
        for (int64_t j = 0; j < n && !half; j++) {
            in[j] = (float)qn_load(x, i + j);
        }
        if (half) {
            qn_half_to_floats(k, x, i, in, n);
        }
        k->unary[s->variant](in, out, (size_t)n, s->p0, s->p1);
        for (int64_t j = 0; j < n && !half; j++) {
            qn_store(y, i + j, (double)out[j]);
        }
        if (half) {
            qn_half_from_floats(k, out, y, i, n);
        }
    }
}

enum quern_code qn_op_unary(struct qn_run *run, const struct qn_op *op)
{
    const struct unary_state *s = op->state;
    const struct qn_array *x = qn_in_dense(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    enum quern_code code = qn_out_over(run, op, 0, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (x->dtype == QUERN_FLOAT) {
        run->kernels->unary[s->variant]((const float *)(const void *)x->data,
                                        (float *)(void *)y->data,
                                        (size_t)x->len, s->p0, s->p1);
    } else if (qn_is_whole(x->dtype) || x->dtype == QUERN_DOUBLE) {
        qn_unary_any(s->variant, s->p0, s->p1, x, y);
    } else {
        unary_small(run->kernels, s, x, y);
    }
    return QUERN_OK;
}

static double bound(const struct qn_array *a, double fallback)
{
    return a != NULL && a->len == 1 ? qn_load(a, 0) : fallback;
}

/* A bound that a type can hold: clipping at it is clipping at the bound, both
 * being whole numbers or beyond the type. */
static int32_t whole_bound(double bound, enum quern_dtype dtype, bool upper)
{
    double lo = (double)qn_dtype_min(dtype);
    double hi = (double)qn_dtype_max(dtype);
    double whole = upper ? floor(bound) : ceil(bound);
    return (int32_t)(whole < lo ? lo : whole > hi ? hi : whole);
}

/* Bytes of either sign; y may lie over x. */
static void clip_codes(const struct qn_array *x, const struct qn_array *y,
                       double low, double high)
{
    int32_t lo = whole_bound(low, x->dtype, false);
    int32_t hi = whole_bound(high, x->dtype, true);
    if (x->dtype == QUERN_UINT8) {
        const uint8_t *in = x->data;
        uint8_t least = (uint8_t)lo;
        uint8_t most = (uint8_t)hi;
        for (int64_t i = 0; i < x->len; i++) {
            uint8_t v = in[i] < least ? least : in[i];
            y->data[i] = v > most ? most : v;
        }
        return;
    }
    const int8_t *in = (const int8_t *)x->data;
    int8_t *out = (int8_t *)y->data;
    int8_t least = (int8_t)lo;
    int8_t most = (int8_t)hi;
    for (int64_t i = 0; i < x->len; i++) {
        int8_t v = in[i] < least ? least : in[i];
        out[i] = v > most ? most : v;
    }
}

enum quern_code qn_op_clip(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_dense(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    double lo = bound(qn_in(run, op, 1), -(double)INFINITY);
    double hi = bound(qn_in(run, op, 2), (double)INFINITY);
    enum quern_code code = qn_out_over(run, op, 0, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (x->dtype == QUERN_FLOAT) {
        run->kernels->unary[QN_CLIP]((const float *)(const void *)x->data,
                                     (float *)(void *)y->data, (size_t)x->len,
                                     (float)lo, (float)hi);
        return QUERN_OK;
    }
    if (x->dtype == QUERN_UINT8 || x->dtype == QUERN_INT8) {
        clip_codes(x, y, lo, hi);
        return QUERN_OK;
    }
    for (int64_t i = 0; i < x->len; i++) {
        double v = qn_load(x, i);
        v = v < lo ? lo : v;
        qn_store(y, i, v > hi ? hi : v);
    }
    return QUERN_OK;
}

enum quern_code qn_op_not(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    enum quern_code code = qn_out(run, op, 0, QUERN_BOOL, x->rank, x->dims, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < x->len; i++) {
        y->data[i] = x->data[i] == 0;
    }
    return code;
}

enum quern_code qn_op_isnan(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    bool down = quern_node_int(op->node, "detect_negative", 1) != 0;
    bool up = quern_node_int(op->node, "detect_positive", 1) != 0;
    enum quern_code code = qn_out(run, op, 0, QUERN_BOOL, x->rank, x->dims, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < x->len; i++) {
        double v = qn_load(x, i);
        bool wanted = v > 0.0 ? up : down;
        bool yes =
            op->row->variant == 0 ? isnan(v) != 0 : isinf(v) != 0 && wanted;
        y->data[i] = yes ? 1 : 0;
    }
    return code;
}
