/* Products of neighbouring codes that leave 16 bits on processors without VNNI:
 * the rows that exceed get wider steps, or have single codes trimmed, or some
 * of both, whichever errs least on what the inputs are. */
#include "quantize/weight_overflow.h"

#include "quantize/seen.h"
#include "quantize/weight_rows.h"

#include <math.h>
#include <string.h>

/* Ways to make a row fit: from single codes nearer to zero alone (the first) to
 * steps so wide that next to none needs it (the last). */
enum { STEPS = 5 };

/* Rows of few weights that must fit any inputs have wider ones to choose from:
 * of some dozen codes a step a little wider may fit all by luck, of hundreds
 * none does. Measured on rows of 8, 16, 32, 64 and 128: 4, 2, 1.2, 0.7 and
 * 0.3 dB less error. Not where what calibration saw has to fit: of four nets
 * two gained 0.5 and 0.8 dB there and one answered 3 of 400 questions worse,
 * which may be chance: nothing is shown yet. (Where error feedback rounds, rows
 * choose without growing first: wider_steps of quern_feedback_options.) */
enum { FEW = 64, WIDER_STEPS = 32 };
static const float widest = 1.12f;

struct qn_overflow {
    struct quern_context *context;
    struct qn_weight_codes *weights;
    struct quern_pair_inputs seen;
    const struct quern_pair_inputs *inputs; /* &seen; NULL: any code */
    bool per_tensor;
    bool fits;
    int n_steps;    /* that are tried */
    double *energy; /* of each input channel about its mean; NULL: alike */
    float *scales;  /* of rows, as they were */
    float *ratios;  /* by which the last step widens them */
    float *tried;   /* [n_steps, rows]: scales, and the errors with them */
    double *errors;
    int32_t *peaks; /* of rows */
};

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

/* What inputs vary by: the bias takes up what their means make of errors. */
static enum quern_code energy_of(struct quern_pass_ctx *ctx,
                                 const struct quern_stats *stats,
                                 size_t channels, double **out)
{
    double *mean = quern_pass_alloc(ctx, channels * sizeof *mean);
    double *square = quern_pass_alloc(ctx, channels * sizeof *square);
    if (mean == NULL || square == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(stats, NULL, NULL, mean, square);
    for (size_t c = 0; c < channels; c++) {
        square[c] = fmax(square[c] - mean[c] * mean[c], 0.0);
    }
    *out = square;
    return QUERN_OK;
}

/* What the codes of x reach in calibration; where its channels were not seen
 * they may be any. A padded place holds the zero point. */
static enum quern_code observe(struct quern_pass_ctx *ctx,
                               struct qn_overflow *o,
                               const struct quern_value *x,
                               const struct quern_qparams *qp,
                               const struct qn_linear *l)
{
    size_t channels = l->in_channels;
    float part = meeting(l->node);
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), x);
    if (seen == NULL || seen->stats == NULL ||
        quern_stats_n_channels(seen->stats) != channels) {
        return QUERN_OK;
    }
    float *high = quern_pass_alloc(ctx, channels * sizeof *high);
    uint8_t *codes = quern_pass_alloc(ctx, channels);
    uint16_t *sums = quern_pass_alloc(ctx, (channels / 2 + 1) * sizeof *sums);
    if (high == NULL || codes == NULL || sums == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(seen->stats, NULL, high, NULL, NULL);
    for (size_t c = 0; c < channels; c++) {
        codes[c] = (uint8_t)((float)code_of(qp, fmaxf(high[c], 0.0f)) * part);
    }
    o->seen = (struct quern_pair_inputs){codes, NULL};
    if (quern_stats_pairs(seen->stats, high)) {
        for (size_t j = 0; j < channels / 2; j++) {
            sums[j] = (uint16_t)((float)sum_code(qp, high[j]) * part);
        }
        o->seen.sums = sums;
    }
    o->inputs = &o->seen;
    return energy_of(ctx, seen->stats, channels, &o->energy);
}

static enum quern_code peaks_of_rows(struct quern_context *context, void *user,
                                     size_t item, int worker)
{
    const struct qn_overflow *o = user;
    struct qn_rows r = qn_rows_at(&o->weights->linear.shape, item);
    (void)context;
    (void)worker;
    quern_weight_pair_peaks(&r.shape, o->weights->codes + r.at, o->inputs,
                            o->peaks + r.first_row);
    return QUERN_OK;
}

/* How much wider the steps of each row must be for its codes to fit. */
static enum quern_code find_ratios(struct qn_overflow *o)
{
    const struct qn_weight_codes *w = o->weights;
    size_t n = w->linear.out_channels;
    int32_t highest = 0;
    enum quern_code code =
        qn_rows_each(o->context, &w->linear.shape, peaks_of_rows, o);
    for (size_t r = 0; r < n; r++) {
        highest = o->peaks[r] > highest ? o->peaks[r] : highest;
    }
    for (size_t r = 0; r < n; r++) {
        int32_t peak = o->per_tensor ? highest : o->peaks[r];
        o->scales[r] = w->qp[r].scale;
        o->ratios[r] = fmaxf((float)peak / (float)INT16_MAX, 1.0f);
    }
    o->fits = highest <= INT16_MAX;
    return code;
}

bool qn_may_saturate(const struct qn_linear *l)
{
    return l->shape.groups == 1 || l->shape.cols > l->shape.taps;
}

enum quern_code qn_overflow_create(struct quern_pass_ctx *ctx,
                                   struct qn_weight_codes *weights,
                                   const struct quern_value *x,
                                   const struct quern_qparams *x_qp,
                                   bool per_tensor,
                                   struct qn_overflow **out_overflow)
{
    const struct qn_linear *l = &weights->linear;
    size_t n = l->out_channels;
    struct qn_overflow *o = quern_pass_alloc(ctx, sizeof *o);
    if (o == NULL) {
        return QUERN_NO_MEMORY;
    }
    o->fits = !qn_may_saturate(l);
    if (o->fits) {
        *out_overflow = o; /* nobody asks further */
        return QUERN_OK;
    }
    o->context = quern_pass_context(ctx);
    o->weights = weights;
    o->per_tensor = per_tensor;
    o->peaks = quern_pass_alloc(ctx, n * sizeof *o->peaks);
    o->scales = quern_pass_alloc(ctx, n * sizeof *o->scales);
    o->ratios = quern_pass_alloc(ctx, n * sizeof *o->ratios);
    bool is_short = x == NULL && l->shape.cols <= FEW;
    o->n_steps = STEPS + (is_short ? WIDER_STEPS : 0);
    size_t n_tried = (size_t)o->n_steps * n;
    o->errors = quern_pass_alloc(ctx, n_tried * sizeof *o->errors);
    o->tried = quern_pass_alloc(ctx, n_tried * sizeof *o->tried);
    if (o->tried == NULL || o->scales == NULL || o->ratios == NULL ||
        o->errors == NULL || o->peaks == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = x != NULL ? observe(ctx, o, x, x_qp, l) : QUERN_OK;
    if (code == QUERN_OK) {
        code = find_ratios(o);
    }
    *out_overflow = code == QUERN_OK ? o : NULL;
    return code;
}

bool qn_overflow_fits(const struct qn_overflow *o)
{
    return o->fits;
}

/* ---------------------------------------------------------------- search */

static float scale_at(const struct qn_overflow *o, size_t row, int step)
{
    float part = (float)step / (float)(STEPS - 1);
    if (!(o->ratios[row] > 1.0f)) {
        return o->scales[row]; /* fits as it is */
    }
    if (step >= STEPS) {
        float wider = (float)(step - STEPS + 1) / (float)WIDER_STEPS;
        return o->scales[row] * o->ratios[row] *
               (1.0f + (widest - 1.0f) * wider);
    }
    return o->scales[row] * powf(o->ratios[row], part);
}

/* One step of some rows. */
struct trial {
    const struct qn_rows *rows;
    const float *values;
    int8_t *codes;
    const float *scales; /* of these rows */
    double *errors;
};

/* As the codes will be, for |x| < 2^22: what the addition drops is rounded. */
static int8_t round_one(float value, float scale)
{
    float x = value / scale;
    x = (x + 0x1.8p23f) - 0x1.8p23f;
    x = x > 127.0f ? 127.0f : x;
    return (int8_t)(x < -127.0f ? -127.0f : x);
}

static double energy_at(const struct qn_overflow *o, size_t channel)
{
    return o->energy != NULL ? o->energy[channel] : 1.0;
}

/* Rows that lie next to each other: swept column by column. */
static void round_columns(const struct trial *t)
{
    const struct quern_weight_shape *s = &t->rows->shape;
    for (size_t k = 0; k < s->cols; k++) {
        const float *values = t->values + k * s->col_stride;
        int8_t *codes = t->codes + k * s->col_stride;
        for (size_t r = 0; r < t->rows->n_rows; r++) {
            codes[r] = round_one(values[r], t->scales[r]);
        }
    }
}

static void sum_columns(const struct qn_overflow *o, const struct trial *t)
{
    const struct quern_weight_shape *s = &t->rows->shape;
    memset(t->errors, 0, t->rows->n_rows * sizeof *t->errors);
    for (size_t k = 0; k < s->cols; k++) {
        const float *values = t->values + k * s->col_stride;
        const int8_t *codes = t->codes + k * s->col_stride;
        double energy = energy_at(o, k / (s->taps > 1 ? s->taps : 1));
        for (size_t r = 0; r < t->rows->n_rows; r++) {
            float e = values[r] - t->scales[r] * (float)codes[r];
            t->errors[r] += energy * (double)(e * e);
        }
    }
}

static void round_row(const struct trial *t, size_t row)
{
    const struct quern_weight_shape *s = &t->rows->shape;
    for (size_t k = 0; k < s->cols; k++) {
        size_t i = row * s->row_stride + k * s->col_stride;
        t->codes[i] = round_one(t->values[i], t->scales[row]);
    }
}

static double error_of_row(const struct qn_overflow *o, const struct trial *t,
                           size_t row)
{
    const struct quern_weight_shape *s = &t->rows->shape;
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t channel = row / s->rows * (s->cols / taps);
    double sum = 0.0;
    for (size_t k = 0; k < s->cols; k += taps, channel++) {
        float square = 0.0f;
        for (size_t tap = 0; tap < taps; tap++) {
            size_t i = row * s->row_stride + (k + tap) * s->col_stride;
            float e = t->values[i] - t->scales[row] * (float)t->codes[i];
            square += e * e;
        }
        sum += energy_at(o, channel) * (double)square;
    }
    return sum;
}

/* Rows that fit as they are keep the codes that they have. */
static void try_rows(const struct qn_overflow *o, const struct trial *t)
{
    const struct qn_rows *c = t->rows;
    const float *ratios = o->ratios + c->first_row;
    bool by_columns = c->shape.row_stride == 1;
    if (by_columns) {
        round_columns(t);
    }
    for (size_t r = 0; r < c->n_rows && !by_columns; r++) {
        if (ratios[r] > 1.0f) {
            round_row(t, r);
        }
    }
    quern_weight_pair_trim(&c->shape, o->inputs, t->codes);
    if (by_columns) {
        sum_columns(o, t);
    }
    for (size_t r = 0; r < c->n_rows && !by_columns; r++) {
        t->errors[r] = ratios[r] > 1.0f ? error_of_row(o, t, r) : 0.0;
    }
}

static enum quern_code search_rows(struct quern_context *context, void *user,
                                   size_t item, int worker)
{
    struct qn_overflow *o = user;
    const struct qn_weight_codes *w = o->weights;
    size_t n = w->linear.out_channels;
    struct qn_rows c = qn_rows_at(&w->linear.shape, item);
    bool exceeds = false;
    (void)context;
    (void)worker;
    for (size_t r = 0; r < c.n_rows; r++) {
        exceeds = exceeds || o->ratios[c.first_row + r] > 1.0f;
    }
    for (int step = 0; step < o->n_steps && exceeds; step++) {
        size_t first = (size_t)step * n + c.first_row;
        for (size_t r = 0; r < c.n_rows; r++) {
            o->tried[first + r] = scale_at(o, c.first_row + r, step);
        }
        struct trial t = {&c, w->values + c.at, w->codes + c.at,
                          o->tried + first, o->errors + first};
        try_rows(o, &t);
    }
    return QUERN_OK;
}

static int best_step(const struct qn_overflow *o, size_t row)
{
    size_t n = o->weights->linear.out_channels;
    double least = 0.0;
    int best = 0;
    for (int step = 0; step < o->n_steps; step++) {
        const double *errors = o->errors + (size_t)step * n;
        double error = 0.0;
        for (size_t r = 0; r < n && o->per_tensor; r++) {
            error += errors[r];
        }
        error = o->per_tensor ? error : errors[row];
        if (step == 0 || error < least) {
            least = error;
            best = step;
        }
    }
    return best;
}

enum quern_code qn_overflow_search(struct qn_overflow *o)
{
    size_t n = o->weights->linear.out_channels;
    enum quern_code code =
        qn_rows_each(o->context, &o->weights->linear.shape, search_rows, o);
    if (code != QUERN_OK) {
        return code;
    }
    int step = best_step(o, 0);
    for (size_t r = 0; r < n; r++) {
        step = o->per_tensor ? step : best_step(o, r);
        o->weights->qp[r].scale = scale_at(o, r, step);
    }
    return QUERN_OK;
}

static enum quern_code trim_rows(struct quern_context *context, void *user,
                                 size_t item, int worker)
{
    const struct qn_overflow *o = user;
    struct qn_rows r = qn_rows_at(&o->weights->linear.shape, item);
    (void)context;
    (void)worker;
    quern_weight_pair_trim(&r.shape, o->inputs, o->weights->codes + r.at);
    return QUERN_OK;
}

enum quern_code qn_overflow_trim(struct qn_overflow *o)
{
    return qn_rows_each(o->context, &o->weights->linear.shape, trim_rows, o);
}
