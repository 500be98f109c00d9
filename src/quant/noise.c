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
/* Tails to leave room for: exponents are tried with the first of them. */
static const double rooms[] = {2.0, 0.0, 1.0, 4.0};
static const double default_floor = 1e-3;

/* Channels so near the clip's bound that they count as reaching it. */
static const double reaching = 0.999;

static double or_default(double x, double fallback)
{
    return x > 0.0 ? x : fallback;
}

/* Range of a channel with the room for what was not seen. */
static double reach(const struct quern_noise_options *options,
                    const float *range, size_t c)
{
    double tail = options->tail != NULL ? (double)options->tail[c] : 0.0;
    return (double)range[c] + options->room * tail;
}

static double most_reach(const struct quern_noise_options *options,
                         const float *range, size_t n)
{
    double most = 0.0;
    for (size_t c = 0; c < n; c++) {
        most = fmax(most, reach(options, range, c));
    }
    return most;
}

void quern_noise_factors(const struct quern_noise_options *options,
                         const float *range, size_t channels, double alpha,
                         double *out_factors)
{
    bool is_clip = options->rule == QUERN_FACTOR_CLIP;
    double full =
        is_clip ? options->clip_max : most_reach(options, range, channels);
    double least = or_default(options->floor, default_floor);
    double quietest = 1.0; /* of channels that are not dead */
    for (size_t c = 0; c < channels; c++) {
        double part = full > 0.0 ? reach(options, range, c) / full : 0.0;
        quietest = part > 0.0 ? fmin(quietest, part) : quietest;
    }
    for (size_t c = 0; c < channels; c++) {
        double part = full > 0.0 ? reach(options, range, c) / full : 0.0;
        bool reaches = is_clip && alpha < 1.0 && part >= reaching;
        part = part > 0.0 ? part : quietest;
        part = fmin(fmax(part, least), 1.0);
        out_factors[c] = reaches ? 1.0 : pow(part, alpha);
    }
}

/* Rows of one group that are looked at together. */
enum { most_rows = 64 };

struct rows {
    size_t first, n;
    double peak[most_rows];   /* highest |w e| */
    double energy[most_rows]; /* sum of (w e)^2 */
};

/* Column after column, so that weights are read as they lie whichever way
 * round they lie. */
static void scan_rows(const struct quern_noise_reader *reader,
                      const double *factors, struct rows *rows)
{
    const struct quern_weight_shape *shape = &reader->shape;
    size_t taps = shape->taps > 1 ? shape->taps : 1;
    size_t channel = rows->first / shape->rows * (shape->cols / taps);
    const float *w = reader->weights + rows->first * shape->row_stride;
    for (size_t i = 0; i < rows->n; i++) {
        rows->peak[i] = 0.0;
        rows->energy[i] = 0.0;
    }
    for (size_t k = 0; k < shape->cols; k++) {
        double e = factors[channel + k / taps];
        const float *column = w + k * shape->col_stride;
        for (size_t i = 0; i < rows->n; i++) {
            double we = fabs((double)column[i * shape->row_stride] * e);
            rows->peak[i] = we > rows->peak[i] ? we : rows->peak[i];
            rows->energy[i] += we * we;
        }
    }
}

/* Rows `first` and behind, as many as fit. */
static struct rows rows_at(const struct quern_weight_shape *shape, size_t first)
{
    size_t left = shape->rows - first % shape->rows;
    return (struct rows){.first = first,
                         .n = left < most_rows ? left : most_rows};
}

/* Sum over the columns of E[x^2] / e^2. */
static double input_energy(const struct quern_noise_reader *reader, size_t row,
                           const double *factors)
{
    const struct quern_weight_shape *shape = &reader->shape;
    size_t taps = shape->taps > 1 ? shape->taps : 1;
    size_t n = shape->cols / taps;
    size_t first = row / shape->rows * n;
    double sum = 0.0;
    for (size_t c = first; c < first + n; c++) {
        sum += reader->x_mean_square[c] / (factors[c] * factors[c]);
    }
    return sum * (double)taps;
}

/* Range of x / e. */
struct ends {
    double lo, hi;
};

static struct ends ends_of(const struct quern_noise_reader *reader,
                           size_t channels, const double *factors)
{
    struct ends e = {0.0, 0.0};
    for (size_t c = 0; c < channels; c++) {
        e.lo = fmin(e.lo, (double)reader->x_min[c] / factors[c]);
        e.hi = fmax(e.hi, (double)reader->x_max[c] / factors[c]);
    }
    return e;
}

/* What the range of x / e will cut off samples that were not seen. What was
 * clipped before cannot go beyond the clip. */
static double unseen_noise(const struct quern_noise_options *options,
                           const struct quern_noise_reader *reader,
                           size_t channels, const double *factors)
{
    struct ends e = ends_of(reader, channels, factors);
    bool is_clip = options->rule == QUERN_FACTOR_CLIP;
    double noise = 0.0;
    for (size_t c = 0; c < channels && reader->tails != NULL; c++) {
        double lo = e.lo * factors[c];
        double hi = e.hi * factors[c];
        if (!is_clip || hi < reaching * options->clip_max) {
            noise += quern_tail_energy(&reader->tails[c], lo, hi) *
                     reader->column_energy[c];
        }
    }
    return noise;
}

static double highest_peak(const struct quern_noise_reader *reader,
                           const double *factors)
{
    size_t n = reader->shape.groups * reader->shape.rows;
    double most = 0.0;
    for (size_t r = 0; r < n;) {
        struct rows rows = rows_at(&reader->shape, r);
        scan_rows(reader, factors, &rows);
        for (size_t i = 0; i < rows.n; i++) {
            most = fmax(most, rows.peak[i]);
        }
        r += rows.n;
    }
    return most;
}

static double reader_noise(const struct quern_noise_options *options,
                           const struct quern_noise_reader *reader,
                           size_t channels, const double *factors)
{
    size_t n = reader->shape.groups * reader->shape.rows;
    double codes =
        options->n_weight_levels > 0 ? (double)options->n_weight_levels : 127.0;
    double levels = options->n_levels > 0 ? (double)options->n_levels : 255.0;
    struct ends e = ends_of(reader, channels, factors);
    double step = (e.hi - e.lo) / levels * or_default(reader->range_part, 1.0);
    double shared =
        options->per_tensor_weights ? highest_peak(reader, factors) : -1.0;
    double noise = 0.0;
    for (size_t r = 0; r < n;) {
        struct rows rows = rows_at(&reader->shape, r);
        double inputs = input_energy(reader, r, factors);
        scan_rows(reader, factors, &rows);
        for (size_t i = 0; i < rows.n; i++) {
            double weight_step = (shared < 0.0 ? rows.peak[i] : shared) / codes;
            noise += step * step * rows.energy[i] +
                     inputs * weight_step * weight_step;
        }
        r += rows.n;
    }
    noise = noise / 12.0 + unseen_noise(options, reader, channels, factors);
    return noise / or_default(reader->output_energy, 1.0);
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

/* What a search tries factors on. */
struct trial {
    const struct quern_noise_options *options;
    const struct quern_noise_reader *readers;
    size_t n_readers;
    const float *range;
    size_t channels;
    double *factors;
};

static double noise_with(const struct trial *t, double alpha, double room)
{
    struct quern_noise_options o = *t->options;
    o.room = room;
    quern_noise_factors(&o, t->range, t->channels, alpha, t->factors);
    return quern_noise_of(&o, t->readers, t->n_readers, t->channels,
                          t->factors);
}

static void try_factors(const struct trial *t, double alpha, double room,
                        struct quern_noise_result *best)
{
    double noise = noise_with(t, alpha, room);
    if (noise < best->noise) {
        best->noise = noise;
        best->alpha = alpha;
        best->room = room;
    }
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
    bool widens = options->tail != NULL;
    struct quern_noise_result best = {0.0, 0.0, HUGE_VAL, 0.0};
    enum quern_code code =
        check_search(context, options, readers, n_readers, channels);
    if (code != QUERN_OK) {
        return code;
    }
    if (options->alphas != NULL && options->n_alphas > 0) {
        alphas = options->alphas;
        n_alphas = options->n_alphas;
    }
    struct trial t = {options, readers,  n_readers,
                      range,   channels, out_factors};
    best.noise_none = noise_with(&t, 0.0, 0.0);
    for (size_t i = 0; i < n_alphas; i++) {
        try_factors(&t, alphas[i], widens ? rooms[0] : 0.0, &best);
    }
    double alpha = best.alpha;
    for (size_t i = 1; widens && i < sizeof rooms / sizeof rooms[0]; i++) {
        try_factors(&t, alpha, rooms[i], &best);
    }
    (void)noise_with(&t, best.alpha, best.room);
    *out_result = best;
    return QUERN_OK;
}
