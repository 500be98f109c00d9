/* The noise model behind factors of channels.
 *
 * Input x_c is quantized as x_c / e_c with one step S, the weights take e_c and
 * get steps d. Rounding of x then costs (S e_c)^2 / 12 * w^2 at the output,
 * rounding of the weights E[x_c^2] / e_c^2 * d^2 / 12. Large e help the one and
 * hurt the other; what pays is measured per tensor by trying exponents
 * (SmoothQuant, arXiv:2211.10438, with a model in place of a fixed exponent).
 */
#include <quern/quant.h>

#include <math.h>

static const double default_alphas[] = {0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0};
static const double default_floor = 1e-3;

/* Channels so near the clip's bound that they count as reaching it. */
static const double reaching = 0.999;

static double or_default(double x, double fallback)
{
    return x > 0.0 ? x : fallback;
}

static double max_of(const float *range, size_t n)
{
    float most = 0.0F;
    for (size_t c = 0; c < n; c++) {
        most = fmaxf(most, range[c]);
    }
    return (double)most;
}

void quern_noise_factors(const struct quern_noise_options *options,
                         const float *range, size_t channels, double alpha,
                         double *out_factors)
{
    bool is_clip = options->rule == QUERN_FACTOR_CLIP;
    double full = is_clip ? options->clip_max : max_of(range, channels);
    double least = or_default(options->floor, default_floor);
    for (size_t c = 0; c < channels; c++) {
        double part = full > 0.0 ? (double)range[c] / full : 1.0;
        bool reaches = is_clip && alpha < 1.0 && part >= reaching;
        part = fmin(fmax(part, least), 1.0);
        out_factors[c] = reaches ? 1.0 : pow(part, alpha);
    }
}

/* Channel that column k of a row reads. */
static size_t channel_of(const struct quern_weight_shape *shape, size_t row,
                         size_t k)
{
    size_t taps = shape->taps > 1 ? shape->taps : 1;
    return row / shape->rows * (shape->cols / taps) + k / taps;
}

/* Highest |w e| of a row. */
static double row_max(const struct quern_noise_reader *reader, size_t row,
                      const double *factors)
{
    const struct quern_weight_shape *shape = &reader->shape;
    double most = 0.0;
    for (size_t k = 0; k < shape->cols; k++) {
        size_t at = row * shape->row_stride + k * shape->col_stride;
        double w = (double)reader->weights[at];
        most = fmax(most, fabs(w * factors[channel_of(shape, row, k)]));
    }
    return most;
}

/* Step of x / e. */
static double activation_step(const struct quern_noise_options *options,
                              const struct quern_noise_reader *reader,
                              size_t channels, const double *factors)
{
    double lo = 0.0;
    double hi = 0.0;
    double levels = options->n_levels > 0 ? (double)options->n_levels : 255.0;
    for (size_t c = 0; c < channels; c++) {
        lo = fmin(lo, (double)reader->x_min[c] / factors[c]);
        hi = fmax(hi, (double)reader->x_max[c] / factors[c]);
    }
    return (hi - lo) / levels * or_default(reader->range_part, 1.0);
}

/* 12 times the noise that one output channel gets. */
static double row_noise(const struct quern_noise_reader *reader, size_t row,
                        const double *factors, double step, double weight_step)
{
    const struct quern_weight_shape *shape = &reader->shape;
    double noise = 0.0;
    for (size_t k = 0; k < shape->cols; k++) {
        size_t c = channel_of(shape, row, k);
        size_t at = row * shape->row_stride + k * shape->col_stride;
        double e = factors[c];
        double a = step * e * (double)reader->weights[at];
        double b = weight_step / e;
        noise += a * a + reader->x_mean_square[c] * b * b;
    }
    return noise;
}

static double reader_noise(const struct quern_noise_options *options,
                           const struct quern_noise_reader *reader,
                           size_t channels, const double *factors)
{
    size_t n_rows = reader->shape.groups * reader->shape.rows;
    double codes =
        options->n_weight_levels > 0 ? (double)options->n_weight_levels : 127.0;
    double step = activation_step(options, reader, channels, factors);
    double shared = 0.0;
    double noise = 0.0;
    for (size_t r = 0; r < n_rows && options->per_tensor_weights; r++) {
        shared = fmax(shared, row_max(reader, r, factors));
    }
    for (size_t r = 0; r < n_rows; r++) {
        double most =
            options->per_tensor_weights ? shared : row_max(reader, r, factors);
        noise += row_noise(reader, r, factors, step, most / codes);
    }
    return noise / 12.0 / or_default(reader->output_energy, 1.0);
}

double quern_noise_of(const struct quern_noise_options *options,
                      const struct quern_noise_reader *readers,
                      size_t n_readers, size_t channels, const double *factors)
{
    double noise = 0.0;
    for (size_t i = 0; i < n_readers; i++) {
        noise += reader_noise(options, &readers[i], channels, factors);
    }
    return noise;
}

static enum quern_code check_search(struct quern_context *context,
                                    const struct quern_noise_options *options,
                                    const struct quern_noise_reader *readers,
                                    size_t n_readers, size_t channels)
{
    if (options->rule == QUERN_FACTOR_CLIP &&
        (!(options->clip_max > 0.0) || !isfinite(options->clip_max))) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "clip at %g; need a positive bound",
                          options->clip_max);
    }
    for (size_t i = 0; i < n_readers; i++) {
        const struct quern_weight_shape *shape = &readers[i].shape;
        size_t taps = shape->taps > 1 ? shape->taps : 1;
        size_t seen = shape->groups * (shape->cols / taps);
        if (shape->rows == 0 || shape->cols % taps != 0 || seen != channels) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "reader %zu has %zu rows and reads %zu channels; "
                              "need a row and %zu channels",
                              i, shape->rows, seen, channels);
        }
    }
    return QUERN_OK;
}

enum quern_code quern_noise_search(struct quern_context *context,
                                   const struct quern_noise_options *options,
                                   const struct quern_noise_reader *readers,
                                   size_t n_readers, const float *range,
                                   size_t channels, double *out_factors,
                                   struct quern_noise_result *out_result)
{
    const double *alphas = default_alphas;
    size_t n_alphas = sizeof default_alphas / sizeof default_alphas[0];
    struct quern_noise_result best = {0.0, HUGE_VAL, 0.0};
    enum quern_code code =
        check_search(context, options, readers, n_readers, channels);
    if (code != QUERN_OK) {
        return code;
    }
    if (options->alphas != NULL && options->n_alphas > 0) {
        alphas = options->alphas;
        n_alphas = options->n_alphas;
    }
    quern_noise_factors(options, range, channels, 0.0, out_factors);
    best.noise_none =
        quern_noise_of(options, readers, n_readers, channels, out_factors);
    for (size_t i = 0; i < n_alphas; i++) {
        quern_noise_factors(options, range, channels, alphas[i], out_factors);
        double noise =
            quern_noise_of(options, readers, n_readers, channels, out_factors);
        if (noise < best.noise) {
            best.noise = noise;
            best.alpha = alphas[i];
        }
    }
    quern_noise_factors(options, range, channels, best.alpha, out_factors);
    *out_result = best;
    return QUERN_OK;
}
