/* Products of neighbouring codes that leave 16 bits on processors without VNNI:
 * the rows that exceed get wider steps, or have single codes trimmed, or some
 * of both, whichever errs least on what the inputs are. */
#include "quantize/weight_overflow.h"

#include "quantize/seen.h"

#include <math.h>
#include <string.h>

struct qn_overflow {
    struct qn_weight_codes *weights;
    struct quern_pair_inputs seen;
    const struct quern_pair_inputs *inputs; /* &seen; NULL: any code */
    bool per_tensor;
    bool fits;
    double *energy; /* of each input channel about its mean; NULL: alike */
    float *scales;  /* of rows, as they were */
    float *ratios;  /* by which the last step widens them */
    double *errors; /* of rows, now and at their best */
    double *best;
    int *steps; /* of rows: the best */
};

/* Depthwise kernels widen first: they do not saturate. */
static bool may_saturate(const struct qn_linear *l)
{
    return l->shape.groups == 1 || l->shape.cols > l->shape.taps;
}

/* Highest codes of two channels of a convolution seldom meet the largest
 * weights of a row, and a sum beyond the limit loses only what is beyond.
 * Measured on the four convolutional nets: 0.975 costs next to nothing without
 * VNNI, 0.95 up to 0.6 dB there; 1 up to 1 dB everywhere. Inputs of products
 * are dense: no such part there. */
static float meeting(const struct quern_node *node)
{
    return quern_node_is(node, "Conv") ? 0.975f : 1.0f;
}

static uint8_t code_of(const struct quern_qparams *qp, float x)
{
    float code = rintf(x / qp->scale) + (float)qp->zero_point;
    return (uint8_t)fminf(fmaxf(code, 0.0f), 255.0f);
}

static uint16_t sum_code(const struct quern_qparams *qp, float sum)
{
    float code = ceilf(sum / qp->scale) + 2.0f * (float)qp->zero_point;
    return (uint16_t)fminf(fmaxf(code, 0.0f), 510.0f);
}

/* What the codes of x reach in calibration; false: its channels were not seen.
 * A padded place holds the zero point. */
static bool observed_codes(struct quern_pass_ctx *ctx,
                           const struct quern_value *x,
                           const struct quern_qparams *qp,
                           const struct qn_linear *l,
                           struct quern_pair_inputs *out)
{
    size_t channels = l->in_channels;
    float part = meeting(l->node);
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), x);
    float *high = quern_pass_alloc(ctx, channels * sizeof *high);
    uint8_t *codes = quern_pass_alloc(ctx, channels);
    uint16_t *sums = quern_pass_alloc(ctx, (channels / 2 + 1) * sizeof *sums);
    if (high == NULL || codes == NULL || sums == NULL || seen == NULL ||
        seen->stats == NULL ||
        quern_stats_n_channels(seen->stats) != channels) {
        return false;
    }
    quern_stats_channels(seen->stats, NULL, high, NULL, NULL);
    for (size_t c = 0; c < channels; c++) {
        codes[c] = (uint8_t)((float)code_of(qp, fmaxf(high[c], 0.0f)) * part);
    }
    *out = (struct quern_pair_inputs){codes, NULL};
    if (quern_stats_pairs(seen->stats, high)) {
        for (size_t j = 0; j < channels / 2; j++) {
            sums[j] = (uint16_t)((float)sum_code(qp, high[j]) * part);
        }
        out->sums = sums;
    }
    return true;
}

/* What inputs vary by: the bias takes up what their means make of errors. */
static double *energy_of(struct quern_pass_ctx *ctx,
                         const struct quern_value *x, size_t channels)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), x);
    double *mean = quern_pass_alloc(ctx, channels * sizeof *mean);
    double *square = quern_pass_alloc(ctx, channels * sizeof *square);
    if (mean == NULL || square == NULL || seen == NULL) {
        return NULL;
    }
    quern_stats_channels(seen->stats, NULL, NULL, mean, square);
    for (size_t c = 0; c < channels; c++) {
        square[c] = fmax(square[c] - mean[c] * mean[c], 0.0);
    }
    return square;
}

/* How much wider the steps of each row must be for its codes to fit. */
static void find_ratios(struct qn_overflow *o, int32_t *peaks)
{
    const struct qn_weight_codes *w = o->weights;
    size_t n = w->linear.out_channels;
    int32_t highest = 0;
    quern_weight_pair_peaks(&w->linear.shape, w->codes, o->inputs, peaks);
    for (size_t r = 0; r < n; r++) {
        highest = peaks[r] > highest ? peaks[r] : highest;
    }
    for (size_t r = 0; r < n; r++) {
        int32_t peak = o->per_tensor ? highest : peaks[r];
        o->scales[r] = w->qp[r].scale;
        o->ratios[r] = fmaxf((float)peak / (float)INT16_MAX, 1.0f);
    }
    o->fits = highest <= INT16_MAX;
}

struct qn_overflow *qn_overflow_create(struct quern_pass_ctx *ctx,
                                       struct qn_weight_codes *weights,
                                       const struct quern_value *x,
                                       const struct quern_qparams *x_qp,
                                       bool per_tensor)
{
    const struct qn_linear *l = &weights->linear;
    size_t n = l->out_channels;
    struct qn_overflow *o = quern_pass_alloc(ctx, sizeof *o);
    int32_t *peaks = quern_pass_alloc(ctx, n * sizeof *peaks);
    if (o == NULL || peaks == NULL) {
        return NULL;
    }
    o->weights = weights;
    o->per_tensor = per_tensor;
    o->scales = quern_pass_alloc(ctx, n * sizeof *o->scales);
    o->ratios = quern_pass_alloc(ctx, n * sizeof *o->ratios);
    o->errors = quern_pass_alloc(ctx, n * sizeof *o->errors);
    o->best = quern_pass_alloc(ctx, n * sizeof *o->best);
    o->steps = quern_pass_alloc(ctx, n * sizeof *o->steps);
    if (o->scales == NULL || o->ratios == NULL || o->errors == NULL ||
        o->best == NULL || o->steps == NULL) {
        return NULL;
    }
    if (x != NULL && observed_codes(ctx, x, x_qp, l, &o->seen)) {
        o->inputs = &o->seen;
        o->energy = energy_of(ctx, x, l->in_channels);
    }
    o->fits = true;
    if (may_saturate(l)) {
        find_ratios(o, peaks);
    }
    return o;
}

bool qn_overflow_fits(const struct qn_overflow *o)
{
    return o->fits;
}

static float scale_at(const struct qn_overflow *o, size_t row, int step)
{
    float part = (float)step / (float)(QN_OVERFLOW_STEPS - 1);
    return o->scales[row] * powf(o->ratios[row], part);
}

void qn_overflow_try(struct qn_overflow *o, int step)
{
    for (size_t r = 0; r < o->weights->linear.out_channels; r++) {
        o->weights->qp[r].scale = scale_at(o, r, step);
    }
}

/* Squared errors of the rows of a group, columns outside as rows may lie next
 * to each other. */
static void add_errors(struct qn_overflow *o, size_t group)
{
    const struct qn_weight_codes *w = o->weights;
    const struct quern_weight_shape *s = &w->linear.shape;
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t first = group * s->rows;
    const struct quern_qparams *qp = w->qp + first;
    double *errors = o->errors + first;
    for (size_t k = 0; k < s->cols; k++) {
        size_t channel = group * (s->cols / taps) + k / taps;
        double energy = o->energy != NULL ? o->energy[channel] : 1.0;
        size_t at = first * s->row_stride + k * s->col_stride;
        for (size_t r = 0; r < s->rows; r++, at += s->row_stride) {
            double e =
                (double)(w->values[at] - qp[r].scale * (float)w->codes[at]);
            errors[r] += energy * e * e;
        }
    }
}

void qn_overflow_judge(struct qn_overflow *o, int step)
{
    size_t n = o->weights->linear.out_channels;
    double sum = 0.0;
    qn_overflow_trim(o);
    memset(o->errors, 0, n * sizeof *o->errors);
    for (size_t g = 0; g < o->weights->linear.shape.groups; g++) {
        add_errors(o, g);
    }
    for (size_t r = 0; r < n; r++) {
        sum += o->errors[r];
    }
    for (size_t r = 0; r < n; r++) {
        double error = o->per_tensor ? sum : o->errors[r];
        if (step == 0 || error < o->best[r]) {
            o->best[r] = error;
            o->steps[r] = step;
        }
    }
}

void qn_overflow_decide(struct qn_overflow *o)
{
    for (size_t r = 0; r < o->weights->linear.out_channels; r++) {
        o->weights->qp[r].scale = scale_at(o, r, o->steps[r]);
    }
}

void qn_overflow_trim(struct qn_overflow *o)
{
    quern_weight_pair_trim(&o->weights->linear.shape, o->inputs,
                           o->weights->codes);
}
