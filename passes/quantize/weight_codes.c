/* Scales and codes of weights: symmetric int8, one scale an output channel or
 * one for all, held within what the target multiplies without saturating. */
#include "quantize/weight_codes.h"

#include "common.h"
#include "quantize/moments.h"
#include "quantize/seen.h"
#include "quantize/weight_overflow.h"
#include "quantize/weight_rows.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* The weights as [outer, channels, inner] by output channel. */
struct blocks {
    size_t outer, channels, inner;
};

static struct blocks blocks_of(const struct qn_weight_codes *w)
{
    const struct qn_linear *l = &w->linear;
    size_t rest = w->len / l->out_channels;
    return l->axis == 0 ? (struct blocks){1, l->out_channels, rest}
                        : (struct blocks){rest, l->out_channels, 1};
}

static enum quern_code round_codes(struct quern_pass_ctx *ctx,
                                   struct qn_weight_codes *w)
{
    struct blocks b = blocks_of(w);
    if (quern_quantize_channels(w->qp, true, w->values, b.outer, b.channels,
                                b.inner, w->codes)) {
        return QUERN_OK;
    }
    struct quern_place place = quern_node_place(w->linear.node);
    return quern_fail(quern_pass_context(ctx), QUERN_INTERNAL, &place,
                      "weights have no integer type");
}

/* ----------------------------------------------------------------- bias */

/* Weights that no scale was found for: all zeros, or next to it. */
static bool is_dead(const struct qn_weight_codes *w, size_t row, float x_scale)
{
    const struct quern_weight_shape *s = &w->linear.shape;
    float scale = w->qp[row].scale;
    bool dead = scale * x_scale < FLT_MIN || (scale >= 1.0f && scale <= 1.0f);
    for (size_t k = 0; k < s->cols && dead; k++) {
        float value = w->values[row * s->row_stride + k * s->col_stride];
        dead = fabsf(value) < 1e-30f;
    }
    return dead;
}

/* Channels that give their bias alone: at step 1, which fits any codes of
 * zeros, int32 codes at scale x * w would round it away. They get the widest
 * step of the others; where there are none, one that keeps the biases. */
static void settle_dead(struct qn_weight_codes *w, const float *bias,
                        float x_scale)
{
    size_t n = w->linear.out_channels;
    float step = 0.0f;
    float most = 0.0f;
    for (size_t i = 0; i < n; i++) {
        most = fmaxf(most, fabsf(bias[i]));
        if (!is_dead(w, i, x_scale)) {
            step = fmaxf(step, w->qp[i].scale);
        }
    }
    step = step > 0.0f ? step : most / (x_scale * 0x1p24f);
    for (size_t i = 0; i < n && step >= FLT_MIN && isfinite(step); i++) {
        if (is_dead(w, i, x_scale)) {
            w->qp[i].scale = step;
        }
    }
}

/* A bias must fit int32 at scale x * w, with room for what corrections add:
 * channels of next to no weight and a bias get wider steps. What that costs
 * their weights is nothing beside the bias. */
static void widen_for_bias(struct quern_pass_ctx *ctx,
                           struct qn_weight_codes *w, float x_scale,
                           bool per_tensor)
{
    const struct quern_node *node = w->linear.node;
    size_t n = w->linear.out_channels;
    float widest = 0.0f;
    const float *given =
        quern_node_is(node, "MatMul") ? NULL : qn_bias_vector(ctx, node, n);
    if (given == NULL) {
        return; /* there is none, or it stays in float */
    }
    settle_dead(w, given, x_scale);
    for (size_t i = 0; i < n; i++) {
        float least = fabsf(given[i]) / (x_scale * 0x1p30f);
        if (isfinite(least)) {
            w->qp[i].scale = fmaxf(w->qp[i].scale, least);
        }
        widest = fmaxf(widest, w->qp[i].scale);
    }
    for (size_t i = 0; per_tensor && i < n; i++) {
        w->qp[i].scale = widest;
    }
}

/* ------------------------------------------------------------- feedback */

/* Rounding of one block of columns that lets later inputs make good for the
 * errors of earlier ones. */
static enum quern_code feed_back_block(struct quern_pass_ctx *ctx,
                                       struct qn_weight_codes *w,
                                       struct quern_gram *gram, size_t first,
                                       size_t cols, int wider_steps)
{
    size_t input = 0;
    size_t n_inputs = w->linear.shape.groups * cols;
    double *second = malloc(n_inputs * cols * sizeof *second);
    double *mean = malloc(n_inputs * sizeof *mean);
    enum quern_code code = QUERN_NO_MEMORY;
    if (second != NULL && mean != NULL) {
        bool has_bias = !quern_node_is(w->linear.node, "MatMul") ||
                        qn_matmul_bias(w->linear.node, &input) != NULL;
        size_t at = first * w->linear.shape.col_stride;
        quern_gram_moments(gram, second, mean);
        struct quern_feedback_options o = {
            .shape = w->linear.shape,
            .qparams = w->qp,
            .second = second,
            .mean = has_bias ? mean : NULL,
            .n_rows = quern_gram_n_rows(gram),
            .wider_steps = wider_steps,
        };
        o.shape.cols = cols;
        code = quern_weight_feedback(quern_pass_context(ctx), &o,
                                     w->values + at, w->codes + at);
    }
    free(second);
    free(mean);
    return code;
}

/* A step is one for all blocks and, by tensor, for all rows. */
static enum quern_code feed_back(struct quern_pass_ctx *ctx,
                                 struct qn_weight_codes *w, int wider_steps)
{
    const struct qn_second_moments *m =
        qn_moments_of(quern_pass_model(ctx), w->linear.node);
    enum quern_code code = QUERN_OK;
    if (m == NULL || quern_gram_n_rows(m->grams[0]) == 0) {
        return QUERN_OK;
    }
    size_t cols = w->linear.shape.cols / m->n_blocks;
    for (size_t i = 0; i < m->n_blocks && code == QUERN_OK; i++) {
        code = feed_back_block(ctx, w, m->grams[i], i * cols, cols,
                               m->n_blocks == 1 ? wider_steps : 0);
    }
    return code;
}

/* --------------------------------------------------------------- overflow */

/* Held within what the target multiplies without saturating; what rounding
 * leaves is trimmed. */
static enum quern_code avoid_overflow(struct quern_pass_ctx *ctx,
                                      struct qn_weight_codes *w,
                                      const struct quern_value *x,
                                      const struct quern_qparams *x_qp,
                                      const struct qn_weight_options *options)
{
    bool is_seen = options->overflow == QUERN_OVERFLOW_OBSERVED;
    struct qn_overflow *o = NULL;
    enum quern_code code = qn_overflow_create(ctx, w, is_seen ? x : NULL, x_qp,
                                              options->per_tensor, &o);
    if (code != QUERN_OK || qn_overflow_fits(o)) {
        return code;
    }
    code = qn_overflow_search(o);
    if (code == QUERN_OK) {
        code = round_codes(ctx, w);
    }
    if (code == QUERN_OK && options->feedback) {
        code = feed_back(ctx, w, 0);
    }
    return code == QUERN_OK ? qn_overflow_trim(o) : code;
}

/* ---------------------------------------------------------------- finite */

enum quern_code qn_check_finite(struct quern_pass_ctx *ctx,
                                const struct quern_node *node,
                                const struct quern_value *constant,
                                const float *values, int64_t len)
{
    for (int64_t i = 0; i < len; i++) {
        if (!isfinite(values[i])) {
            struct quern_place place = quern_node_place(node);
            place.tensor = quern_value_name(constant);
            return quern_fail(quern_pass_context(ctx), QUERN_NUMERIC, &place,
                              "element %" PRId64 " of %" PRId64 " is %g; "
                              "integers need finite ones, or the node excluded",
                              i, len, (double)values[i]);
        }
    }
    return QUERN_OK;
}

static enum quern_code check_numbers(struct quern_pass_ctx *ctx,
                                     const struct qn_weight_codes *w)
{
    const struct quern_node *node = w->linear.node;
    const struct quern_value *bias = quern_node_input(node, 2);
    int64_t len = 0;
    enum quern_code code = qn_check_finite(ctx, node, quern_node_input(node, 1),
                                           w->values, (int64_t)w->len);
    if (code != QUERN_OK || bias == NULL || quern_node_is(node, "MatMul")) {
        return code;
    }
    const float *given = qn_floats(ctx, bias, &len);
    return given != NULL ? qn_check_finite(ctx, node, bias, given, len) : code;
}

enum quern_code qn_weight_codes_make(struct quern_pass_ctx *ctx,
                                     struct quern_node *node,
                                     const struct quern_value *x,
                                     const struct quern_qparams *x_qp,
                                     const struct qn_weight_options *options,
                                     struct qn_weight_codes *w)
{
    int64_t len = 0;
    *w = (struct qn_weight_codes){0};
    if (!qn_linear_init(node, &w->linear)) {
        struct quern_place place = quern_node_place(node);
        return quern_fail(quern_pass_context(ctx), QUERN_INTERNAL, &place,
                          "its weights are no constant matrix");
    }
    size_t n = w->linear.out_channels;
    w->values = qn_floats(ctx, quern_node_input(node, 1), &len);
    w->len = (size_t)len;
    w->qp = quern_pass_alloc(ctx, n * sizeof *w->qp);
    w->codes = quern_pass_alloc(ctx, w->len);
    if (w->values == NULL || w->qp == NULL || w->codes == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = check_numbers(ctx, w);
    if (code != QUERN_OK) {
        return code;
    }
    struct blocks b = blocks_of(w);
    struct quern_quant_options o = {
        .dtype = QUERN_INT8,
        .flags = QUERN_QUANT_SYMMETRIC | QUERN_QUANT_NARROW,
    };
    code = quern_weight_qparams(quern_pass_context(ctx), &o,
                                QUERN_WEIGHT_MINMAX, options->per_tensor,
                                w->values, b.outer, b.channels, b.inner, w->qp);
    if (code == QUERN_OK && options->int32_bias) {
        widen_for_bias(ctx, w, x_qp->scale, options->per_tensor);
    }
    if (code == QUERN_OK) {
        code = round_codes(ctx, w);
    }
    if (code == QUERN_OK && options->feedback) {
        code =
            feed_back(ctx, w, options->per_tensor ? 0 : options->wider_steps);
    }
    if (code == QUERN_OK && options->overflow != QUERN_OVERFLOW_ANY) {
        code = avoid_overflow(ctx, w, x, x_qp, options);
    }
    qn_moments_done(qn_moments_of(quern_pass_model(ctx), node));
    return code;
}

/* What rounding shifts means by. */
struct shift {
    const struct qn_weight_codes *weights;
    const double *mean; /* of inputs */
    double *out;
};

static enum quern_code shift_rows(struct quern_context *context, void *user,
                                  size_t item, int worker)
{
    const struct shift *s = user;
    const struct qn_weight_codes *w = s->weights;
    struct qn_rows r = qn_rows_at(&w->linear.shape, item);
    (void)context;
    (void)worker;
    quern_weight_bias_shift(&r.shape, w->qp + r.first_row, w->values + r.at,
                            w->codes + r.at, s->mean, NULL,
                            s->out + r.first_row);
    return QUERN_OK;
}

enum quern_code qn_weight_codes_shift(struct quern_pass_ctx *ctx,
                                      const struct qn_weight_codes *w,
                                      const struct quern_value *x, double *out)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), x);
    size_t channels = w->linear.in_channels;
    if (seen == NULL || seen->stats == NULL ||
        quern_stats_n_channels(seen->stats) != channels) {
        return QUERN_OK;
    }
    double *mean = quern_pass_alloc(ctx, channels * sizeof *mean);
    if (mean == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(seen->stats, NULL, NULL, mean, NULL);
    struct shift shift = {w, mean, out};
    return qn_rows_each(quern_pass_context(ctx), &w->linear.shape, shift_rows,
                        &shift);
}
