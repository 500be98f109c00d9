/* Linear operators seen as matrices. */
#include "quantize/linear.h"

#include "common.h"
#include "quantize/seen.h"

#include <math.h>

static size_t product(const int64_t *dims, int from, int to)
{
    size_t n = 1;
    for (int i = from; i < to; i++) {
        n *= (size_t)dims[i];
    }
    return n;
}

static bool init_as(struct quern_node *node, const struct quern_tensor *t,
                    struct qn_linear *l)
{
    int rank = quern_tensor_rank(t);
    const int64_t *dims = quern_tensor_dims(t);
    if (quern_tensor_len(t) == 0 || quern_node_is(node, "ConvTranspose")) {
        return false;
    }
    l->node = node;
    if (quern_node_is(node, "Conv")) {
        size_t groups = (size_t)quern_node_int(node, "group", 1);
        size_t cols = product(dims, 1, rank);
        if (rank < 3 || groups == 0 || (size_t)dims[0] % groups != 0) {
            return false;
        }
        l->axis = 0;
        l->shape = (struct quern_weight_shape){.groups = groups,
                                               .rows = (size_t)dims[0] / groups,
                                               .cols = cols,
                                               .row_stride = cols,
                                               .col_stride = 1,
                                               .taps = product(dims, 2, rank)};
    } else {
        bool by_row = quern_node_is(node, "Gemm") &&
                      quern_node_int(node, "transB", 0) != 0;
        if (rank != 2) {
            return false;
        }
        l->axis = by_row ? 0 : 1;
        size_t rows = (size_t)dims[l->axis];
        size_t cols = (size_t)dims[1 - l->axis];
        l->shape = (struct quern_weight_shape){.groups = 1,
                                               .rows = rows,
                                               .cols = cols,
                                               .row_stride = by_row ? cols : 1,
                                               .col_stride = by_row ? 1 : rows,
                                               .taps = 1};
    }
    l->out_channels = l->shape.groups * l->shape.rows;
    l->in_channels = l->shape.groups * l->shape.cols / l->shape.taps;
    return true;
}

bool qn_linear_init(struct quern_node *node, struct qn_linear *l)
{
    const struct quern_value *w =
        qn_is_heavy(node) ? quern_node_input(node, 1) : NULL;
    const struct quern_tensor *t = w != NULL ? quern_value_constant(w) : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT &&
           init_as(node, t, l);
}

bool qn_linear_init_codes(struct quern_node *node, struct qn_linear *l)
{
    const struct quern_value *w =
        qn_is_heavy(node) ? quern_node_input(node, 1) : NULL;
    const struct quern_node *dq = w != NULL ? quern_value_producer(w) : NULL;
    const struct quern_tensor *t =
        dq != NULL && quern_node_is(dq, "DequantizeLinear")
            ? quern_value_constant(quern_node_input(dq, 0))
            : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_INT8 &&
           init_as(node, t, l);
}

float *qn_linear_weights(struct quern_pass_ctx *ctx, const struct qn_linear *l)
{
    int64_t len = 0;
    return qn_floats(ctx, quern_node_input(l->node, 1), &len);
}

static enum quern_code replace_floats(struct quern_pass_ctx *ctx,
                                      struct quern_node *node, size_t input,
                                      const float *values)
{
    struct quern_value *old = quern_node_input(node, input);
    const struct quern_tensor *t = quern_value_constant(old);
    struct quern_value *value = NULL;
    enum quern_code code = qn_new_floats(
        ctx, quern_value_graph(old), quern_value_name(old), values,
        quern_tensor_rank(t), quern_tensor_dims(t), &value);
    return code == QUERN_OK ? qn_replace_input(node, input, value) : code;
}

bool qn_bias_is_vector(const struct quern_node *node, size_t n)
{
    const struct quern_value *v = quern_node_input(node, 2);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    int rank = t != NULL ? quern_tensor_rank(t) : 0;
    bool along = rank > 0 && (size_t)quern_tensor_dims(t)[rank - 1] == n;
    return t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT &&
           (quern_tensor_len(t) == 1 ||
            (along && (size_t)quern_tensor_len(t) == n));
}

float *qn_bias_vector(struct quern_pass_ctx *ctx, const struct quern_node *node,
                      size_t n)
{
    int64_t len = 0;
    float *given = qn_bias_is_vector(node, n)
                       ? qn_floats(ctx, quern_node_input(node, 2), &len)
                       : NULL;
    float *bias =
        given != NULL ? quern_pass_alloc(ctx, n * sizeof *bias) : NULL;
    for (size_t i = 0; bias != NULL && i < n; i++) {
        bias[i] = given[len == 1 ? 0 : i];
    }
    return bias;
}

enum quern_code qn_scale_outputs(struct quern_pass_ctx *ctx,
                                 const struct qn_linear *l,
                                 const double *factors)
{
    float *w = qn_linear_weights(ctx, l);
    const struct quern_weight_shape *s = &l->shape;
    if (w == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t r = 0; r < l->out_channels; r++) {
        for (size_t c = 0; c < s->cols; c++) {
            float *x = &w[r * s->row_stride + c * s->col_stride];
            *x = (float)((double)*x * factors[r]);
        }
    }
    enum quern_code code = replace_floats(ctx, l->node, 1, w);
    if (code != QUERN_OK || quern_node_is(l->node, "MatMul") ||
        quern_node_input(l->node, 2) == NULL) {
        return code;
    }
    struct quern_value *old = quern_node_input(l->node, 2);
    struct quern_value *value = NULL;
    int64_t dim = (int64_t)l->out_channels;
    float *b = qn_bias_vector(ctx, l->node, l->out_channels);
    if (b == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < l->out_channels; i++) {
        b[i] = (float)((double)b[i] * factors[i]);
    }
    code = qn_new_floats(ctx, quern_value_graph(old), quern_value_name(old), b,
                         1, &dim, &value);
    return code == QUERN_OK ? qn_replace_input(l->node, 2, value) : code;
}

enum quern_code qn_scale_inputs(struct quern_pass_ctx *ctx,
                                const struct qn_linear *l,
                                const double *factors)
{
    float *w = qn_linear_weights(ctx, l);
    const struct quern_weight_shape *s = &l->shape;
    size_t per_group = s->cols / s->taps;
    if (w == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t r = 0; r < l->out_channels; r++) {
        size_t first = r / s->rows * per_group;
        for (size_t c = 0; c < s->cols; c++) {
            float *x = &w[r * s->row_stride + c * s->col_stride];
            *x = (float)((double)*x * factors[first + c / s->taps]);
        }
    }
    return replace_floats(ctx, l->node, 1, w);
}

/* ---------------------------------------------------------- noise readers */

enum quern_code qn_channel_range(struct quern_pass_ctx *ctx,
                                 const struct quern_value *value,
                                 size_t *out_channels, float **out_range)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), value);
    *out_range = NULL;
    if (seen == NULL || seen->stats == NULL) {
        return QUERN_OK;
    }
    size_t n = quern_stats_n_channels(seen->stats);
    float *lo = quern_pass_alloc(ctx, n * sizeof *lo);
    float *hi = quern_pass_alloc(ctx, n * sizeof *hi);
    if (lo == NULL || hi == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(seen->stats, lo, hi, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        hi[i] = fmaxf(-lo[i], hi[i]);
    }
    *out_channels = n;
    *out_range = hi;
    return QUERN_OK;
}

/* Part of the min-max range that is left after the cut-off. */
static enum quern_code range_part(struct quern_pass_ctx *ctx,
                                  const struct quern_stats *stats,
                                  const struct quern_reader *function,
                                  double *out)
{
    struct quern_range cut;
    struct quern_stats_summary s;
    struct quern_range_options o = {
        .method = QUERN_RANGE_MSEF, .cut = true, .reader = *function};
    quern_stats_summary(stats, &s);
    double whole = fmax((double)s.max, 0.0) - fmin((double)s.min, 0.0);
    *out = 1.0;
    if ((quern_stats_flags(stats) & QUERN_STATS_HISTOGRAM) == 0 ||
        !(whole > 0.0)) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_stats_range(quern_pass_context(ctx), stats, &o, &cut);
    if (code == QUERN_OK) {
        *out = fmin(1.0, ((double)cut.hi - (double)cut.lo) / whole);
    }
    return code;
}

/* Sum over channels of E[y^2] of what a node makes; 0 when not seen. */
static enum quern_code energy_of(struct quern_pass_ctx *ctx,
                                 const struct quern_value *value, double *out)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), value);
    *out = 0.0;
    if (seen == NULL || seen->stats == NULL) {
        return QUERN_OK;
    }
    size_t n = quern_stats_n_channels(seen->stats);
    double *squares = quern_pass_alloc(ctx, n * sizeof *squares);
    if (squares == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(seen->stats, NULL, NULL, NULL, squares);
    for (size_t i = 0; i < n; i++) {
        *out += squares[i];
    }
    return QUERN_OK;
}

/* Sum of the squares of all weights that read an input channel. */
static void energy_of_columns(const struct qn_linear *l, const float *w,
                              double *out)
{
    const struct quern_weight_shape *s = &l->shape;
    size_t per_group = s->cols / s->taps;
    for (size_t c = 0; c < l->in_channels; c++) {
        out[c] = 0.0;
    }
    for (size_t r = 0; r < l->out_channels; r++) {
        size_t first = r / s->rows * per_group;
        for (size_t c = 0; c < s->cols; c++) {
            double x = (double)w[r * s->row_stride + c * s->col_stride];
            out[first + c / s->taps] += x * x;
        }
    }
}

enum quern_code qn_noise_reader_init(struct quern_pass_ctx *ctx,
                                     const struct qn_linear *l,
                                     const struct quern_value *x,
                                     const struct quern_reader *function,
                                     struct quern_noise_reader *r,
                                     bool *out_seen)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), x);
    *out_seen = seen != NULL && seen->stats != NULL &&
                quern_stats_n_channels(seen->stats) == l->in_channels;
    if (!*out_seen) {
        return QUERN_OK;
    }
    size_t n = l->in_channels;
    float *lo = quern_pass_alloc(ctx, n * sizeof *lo);
    float *hi = quern_pass_alloc(ctx, n * sizeof *hi);
    double *squares = quern_pass_alloc(ctx, n * sizeof *squares);
    float *w = qn_linear_weights(ctx, l);
    struct quern_tail *tails = quern_pass_alloc(ctx, n * sizeof *tails);
    double *columns = quern_pass_alloc(ctx, n * sizeof *columns);
    if (lo == NULL || hi == NULL || squares == NULL || w == NULL ||
        tails == NULL || columns == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_stats_channels(seen->stats, lo, hi, NULL, squares);
    quern_stats_tails(seen->stats, tails);
    energy_of_columns(l, w, columns);
    *r = (struct quern_noise_reader){
        .shape = l->shape,
        .weights = w,
        .x_min = lo,
        .x_max = hi,
        .x_mean_square = squares,
        .tails = tails,
        .column_energy = columns,
    };
    enum quern_code code =
        range_part(ctx, seen->stats, function, &r->range_part);
    return code == QUERN_OK ? energy_of(ctx, quern_node_output(l->node, 0),
                                        &r->output_energy)
                            : code;
}

struct quern_node *qn_matmul_bias(const struct quern_node *matmul,
                                  size_t *out_input)
{
    struct quern_value *y = quern_node_output(matmul, 0);
    struct quern_node *add = quern_value_only_user(y);
    if (add == NULL || quern_node_n_inputs(add) != 2 ||
        !(quern_node_is(add, "Add") || quern_node_is(add, "Sum"))) {
        return NULL;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct quern_value *v = quern_node_input(add, i);
        const struct quern_tensor *t =
            v != NULL ? quern_value_constant(v) : NULL;
        if (t != NULL && quern_tensor_rank(t) == 1 &&
            quern_tensor_dtype(t) == QUERN_FLOAT) {
            *out_input = i;
            return add;
        }
    }
    return NULL;
}

/* -------------------------------------------------------------- functions */

/* x * sigmoid(x), read by two nodes. */
static bool is_silu(const struct quern_value *v)
{
    const struct quern_node *user[2] = {NULL, NULL};
    size_t n = 0;
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        if (n < 2) {
            user[n] = quern_use_node(u);
        }
        n++;
    }
    for (size_t i = 0; n == 2 && i < 2; i++) {
        const struct quern_node *s = user[i];
        const struct quern_node *m = user[1 - i];
        if (s != NULL && m != NULL && quern_node_is(s, "Sigmoid") &&
            quern_node_is(m, "Mul") &&
            (quern_node_input(m, 0) == quern_node_output(s, 0) ||
             quern_node_input(m, 1) == quern_node_output(s, 0))) {
            return true;
        }
    }
    return false;
}

/* Of the slopes of a PRelu: the root of their mean square, which weights an
 * error behind it as they do. */
static double slope_of(const struct quern_node *prelu)
{
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(prelu, 1));
    if (t == NULL || quern_tensor_dtype(t) != QUERN_FLOAT ||
        quern_tensor_len(t) == 0) {
        return 1.0;
    }
    const float *a = quern_tensor_data(t);
    double sum = 0.0;
    for (int64_t i = 0; i < quern_tensor_len(t); i++) {
        sum += (double)a[i] * (double)a[i];
    }
    return sqrt(sum / (double)quern_tensor_len(t));
}

struct quern_reader qn_reader_of(const struct quern_value *value)
{
    static const struct {
        const char *op;
        enum quern_reader_kind kind;
    } kinds[] = {
        {"HardSwish", QUERN_READER_HARDSWISH},
        {"Sigmoid", QUERN_READER_SIGMOID},
        {"Tanh", QUERN_READER_TANH},
        {"Gelu", QUERN_READER_GELU},
        {"HardSigmoid", QUERN_READER_HARDSIGMOID},
        {"LeakyRelu", QUERN_READER_LEAKYRELU},
        {"PRelu", QUERN_READER_LEAKYRELU},
    };
    struct quern_reader r = {QUERN_READER_IDENTITY, 0.0, 0.0};
    const struct quern_node *n = quern_value_only_user(value);
    if (n == NULL) {
        r.kind = is_silu(value) ? QUERN_READER_SILU : QUERN_READER_IDENTITY;
        return r;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (quern_node_is(n, kinds[i].op)) {
            r.kind = kinds[i].kind;
        }
    }
    if (r.kind == QUERN_READER_HARDSIGMOID) {
        r.alpha = (double)quern_node_float(n, "alpha", 0.2f);
        r.beta = (double)quern_node_float(n, "beta", 0.5f);
    } else if (r.kind == QUERN_READER_LEAKYRELU) {
        r.alpha = quern_node_is(n, "PRelu")
                      ? slope_of(n)
                      : (double)quern_node_float(n, "alpha", 0.01f);
    }
    return r;
}
