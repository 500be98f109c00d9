/* Comparing two models: the values of a sample, outputs and inside. */
#include "api/compare.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- outputs */

/* Rows of cols values; where classes are not the last axis, they are put there.
 */
struct rows {
    size_t outer, cols, inner;
};

static struct rows rows_of(const struct quern_tensor *t)
{
    int rank = quern_tensor_rank(t);
    const int64_t *dims = quern_tensor_dims(t);
    int axis = rank >= 4 ? 1 : rank - 1;
    struct rows r = {1, 1, 1};
    for (int i = 0; i < rank; i++) {
        size_t n = (size_t)dims[i];
        *(i < axis ? &r.outer : i == axis ? &r.cols : &r.inner) *= n;
    }
    return r;
}

/* Floats of a tensor by rows; NULL: no memory, or no numbers. */
static float *read_rows(const struct quern_tensor *t, const struct rows *r)
{
    size_t n = r->outer * r->cols * r->inner;
    float *flat = qn_calloc_n(n + 1, sizeof *flat);
    if (flat == NULL || !quern_tensor_read_floats(t, 0, (int64_t)n, flat)) {
        qn_free(flat);
        return NULL;
    }
    if (r->inner == 1) {
        return flat;
    }
    float *turned = qn_calloc_n(n + 1, sizeof *turned);
    for (size_t i = 0; turned != NULL && i < n; i++) {
        size_t o = i / (r->cols * r->inner);
        size_t c = i / r->inner % r->cols;
        turned[(o * r->inner + i % r->inner) * r->cols + c] = flat[i];
    }
    qn_free(flat);
    return turned;
}

static size_t largest(const float *row, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        at = row[i] > row[at] || (isnan(row[at]) && !isnan(row[i])) ? i : at;
    }
    return at;
}

static enum quern_code count_right(const struct quern_comparison *c,
                                   struct quern_context *context,
                                   struct qn_compare_worker *w, size_t sample,
                                   const float *const *values,
                                   const struct rows *r)
{
    int64_t n = (int64_t)(r->outer * r->inner);
    int64_t first = (int64_t)sample * n;
    int64_t have = quern_tensor_len(c->labels);
    if (have != (int64_t)quern_data_count(c->data) * n) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "labels '%s' hold %lld numbers, needs %lld for each "
                          "of %zu samples",
                          c->options.labels, (long long)have, (long long)n,
                          quern_data_count(c->data));
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t label = 0;
        if (!quern_tensor_read_ints(c->labels, first + i, 1, &label)) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "labels '%s' cannot be read", c->options.labels);
        }
        for (int k = 0; k < 2; k++) {
            size_t at = largest(values[k] + (size_t)i * r->cols, r->cols);
            w->n_right[k] += (int64_t)at == label;
        }
    }
    w->n_labels += (uint64_t)n;
    return QUERN_OK;
}

static bool same_shape(const struct quern_tensor *a,
                       const struct quern_tensor *b)
{
    return quern_tensor_rank(a) == quern_tensor_rank(b) &&
           memcmp(quern_tensor_dims(a), quern_tensor_dims(b),
                  (size_t)quern_tensor_rank(a) * sizeof(int64_t)) == 0;
}

/* The same shape; of lists, that of each item. */
static bool fit(const struct quern_tensor *a, const struct quern_tensor *b)
{
    bool fits = a != NULL && b != NULL && same_shape(a, b) &&
                quern_tensor_is_list(a) == quern_tensor_is_list(b) &&
                quern_tensor_is_nothing(a) == quern_tensor_is_nothing(b);
    for (size_t k = 0; fits && quern_tensor_item(a, k) != NULL; k++) {
        fits = same_shape(quern_tensor_item(a, k), quern_tensor_item(b, k));
    }
    return fits;
}

static enum quern_code
compare_tensors(struct quern_comparison *c, struct quern_context *context,
                struct qn_compare_worker *w, size_t i, size_t sample,
                const struct quern_tensor *a, const struct quern_tensor *b)
{
    if (quern_dtype_bits(quern_tensor_dtype(a)) == 0) {
        return QUERN_OK; /* strings */
    }
    struct rows r = rows_of(a);
    float *values[2] = {read_rows(a, &r), read_rows(b, &r)};
    enum quern_code code =
        values[0] != NULL && values[1] != NULL
            ? QUERN_OK
            : quern_fail(context, QUERN_NO_MEMORY, NULL,
                         "output %zu cannot be read as numbers", i);
    if (code == QUERN_OK) {
        quern_measure_add(w->measures[i], values[0], values[1],
                          r.outer * r.inner, r.cols);
    }
    if (code == QUERN_OK && i == 0 && c->labels != NULL) {
        code = count_right(c, context, w, sample, (const float *const *)values,
                           &r);
    }
    qn_free(values[0]);
    qn_free(values[1]);
    return code;
}

static enum quern_code compare_output(struct quern_comparison *c,
                                      struct quern_context *context,
                                      struct qn_compare_worker *w, size_t i,
                                      size_t sample)
{
    const struct quern_tensor *a = w->out[0][i];
    const struct quern_tensor *b = w->out[1][c->output_of[i]];
    enum quern_code code = QUERN_OK;
    if (!fit(a, b)) {
        w->n_shape[i]++;
        return QUERN_OK;
    }
    if (!quern_tensor_is_list(a)) {
        return compare_tensors(c, context, w, i, sample, a, b);
    }
    if (i == 0 && c->labels != NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "labels '%s' are for rows of a tensor, the first "
                          "output is a sequence or an optional of nothing",
                          c->options.labels);
    }
    for (size_t k = 0; code == QUERN_OK && quern_tensor_item(a, k) != NULL;
         k++) {
        code =
            compare_tensors(c, context, w, i, sample, quern_tensor_item(a, k),
                            quern_tensor_item(b, k));
    }
    return code;
}

enum quern_code qn_compare_outputs(struct quern_comparison *c,
                                   struct quern_context *context,
                                   struct qn_compare_worker *w, size_t sample)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < c->n_outputs && code == QUERN_OK; i++) {
        code = compare_output(c, context, w, i, sample);
    }
    return code;
}

/* ----------------------------------------------------------------- inside */

/* A value inside: what the reference gave for the sample that runs, and sums
 * over samples by channel. */
struct layer {
    float *kept;
    size_t len;
    double *sums; /* a^2, a * b, b^2 for each channel */
    size_t channels;
    uint64_t n_values;
};

struct qn_layers {
    struct quern_context *context;
    size_t n;
    float *room;
    size_t room_len;
    struct layer layers[];
};

/* The value as its readers see it: behind Q and DQ where they stand. */
static struct quern_value *as_read(struct quern_value *value)
{
    struct quern_node *q = quern_value_only_user(value);
    if (q == NULL || !quern_node_is(q, "QuantizeLinear")) {
        return value;
    }
    const struct quern_use *use =
        quern_value_first_use(quern_node_output(q, 0));
    struct quern_node *dq = use != NULL ? quern_use_node(use) : NULL;
    return dq != NULL && quern_node_is(dq, "DequantizeLinear")
               ? quern_node_output(dq, 0)
               : value;
}

static bool is_layer(const struct quern_value *value)
{
    return value != NULL && quern_value_constant(value) == NULL &&
           quern_value_kind(value) <= QUERN_KIND_TENSOR && /* or not known */
           quern_value_dtype(value) != QUERN_STRING &&
           !quern_value_is_graph_output(value);
}

enum quern_code qn_layers_list(struct quern_comparison *c,
                               struct quern_graph *got)
{
    size_t most = 0;
    for (struct quern_node *n = quern_graph_first(c->graph); n != NULL;
         n = quern_node_next(n)) {
        most += quern_node_n_outputs(n);
    }
    for (int k = 0; k < 2; k++) {
        c->side[k].taps = qn_calloc_n(most + 1, sizeof(struct quern_value *));
        if (c->side[k].taps == NULL) {
            return qn_no_memory(c->context);
        }
    }
    for (struct quern_node *n = quern_graph_first(c->graph); n != NULL;
         n = quern_node_next(n)) {
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            struct quern_value *a = quern_node_output(n, i);
            struct quern_value *b =
                is_layer(a) ? quern_graph_find(got, quern_value_name(a)) : NULL;
            if (is_layer(b) && quern_value_producer(b) != NULL) {
                c->side[0].taps[c->n_taps] = a;
                c->side[1].taps[c->n_taps++] = as_read(b);
            }
        }
    }
    return QUERN_OK;
}

enum quern_code qn_layers_create(struct quern_comparison *c,
                                 struct qn_layers **out_layers)
{
    struct qn_layers *all =
        qn_calloc(sizeof *all + c->n_taps * sizeof *all->layers);
    if (all == NULL) {
        return qn_no_memory(c->context);
    }
    all->context = c->context;
    all->n = c->n_taps;
    *out_layers = all;
    return QUERN_OK;
}

void qn_layers_destroy(struct qn_layers **layers)
{
    struct qn_layers *all = *layers;
    for (size_t i = 0; all != NULL && i < all->n; i++) {
        qn_free(all->layers[i].kept);
        qn_free(all->layers[i].sums);
    }
    if (all != NULL) {
        qn_free(all->room);
    }
    qn_free(all);
    *layers = NULL;
}

static size_t view_len(const struct quern_view *v)
{
    size_t n = 1;
    for (int i = 0; i < v->rank; i++) {
        n *= (size_t)v->dims[i];
    }
    return n;
}

static int channel_axis(const struct quern_view *v)
{
    return v->rank >= 4 ? 1 : v->rank - 1;
}

static size_t n_channels(const struct quern_view *v)
{
    return v->rank > 0 ? (size_t)v->dims[channel_axis(v)] : 1;
}

/* Elements in row-major order. */
static void copy_view(const struct quern_view *v, float *out)
{
    const float *data = v->data;
    int64_t place[QUERN_MAX_RANK] = {0};
    int64_t at = 0;
    size_t len = view_len(v);
    for (size_t i = 0; i < len; i++) {
        out[i] = data[at];
        for (int a = v->rank - 1; a >= 0; a--) {
            at += v->strides[a];
            if (++place[a] < v->dims[a]) {
                break;
            }
            at -= v->strides[a] * v->dims[a];
            place[a] = 0;
        }
    }
}

static bool grow(float **block, size_t *room, size_t len)
{
    if (len <= *room) {
        return true;
    }
    float *grown = qn_realloc_n(*block, len, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    *block = grown;
    *room = len;
    return true;
}

enum quern_code qn_layers_keep(void *layers, size_t tap,
                               const struct quern_view *view)
{
    struct qn_layers *all = layers;
    struct layer *l = &all->layers[tap];
    size_t len = view_len(view);
    if (view->dtype != QUERN_FLOAT || len == 0) {
        return QUERN_OK;
    }
    float *kept = qn_calloc_n(len, sizeof *kept);
    if (kept == NULL) {
        return qn_no_memory(all->context);
    }
    copy_view(view, kept);
    qn_free(l->kept);
    l->kept = kept;
    l->len = len;
    return QUERN_OK;
}

static void add_layer(struct layer *l, const struct quern_view *v,
                      const float *got)
{
    size_t inner = 1;
    for (int i = channel_axis(v) + 1; i < v->rank; i++) {
        inner *= (size_t)v->dims[i];
    }
    for (size_t i = 0; i < l->len; i++) {
        double a = (double)l->kept[i];
        double b = (double)got[i];
        if (isfinite(a) && isfinite(b)) {
            double *s = l->sums + 3 * (i / inner % l->channels);
            s[0] += a * a;
            s[1] += a * b;
            s[2] += b * b;
        }
    }
    l->n_values += l->len;
}

enum quern_code qn_layers_measure(void *layers, size_t tap,
                                  const struct quern_view *view)
{
    struct qn_layers *all = layers;
    struct layer *l = &all->layers[tap];
    size_t len = view_len(view);
    if (view->dtype != QUERN_FLOAT || l->kept == NULL || len != l->len) {
        return QUERN_OK;
    }
    if (l->sums == NULL) {
        l->channels = n_channels(view);
        l->sums = qn_calloc_n(l->channels * 3, sizeof *l->sums);
    }
    if (l->sums == NULL || !grow(&all->room, &all->room_len, len)) {
        return qn_no_memory(all->context);
    }
    copy_view(view, all->room);
    if (l->channels == n_channels(view)) {
        add_layer(l, view, all->room);
    }
    qn_free(l->kept); /* one sample at a time */
    l->kept = NULL;
    return QUERN_OK;
}

double qn_layers_sqnr(const struct qn_layers *layers, size_t i,
                      uint64_t *out_n_values)
{
    const struct layer *l = &layers->layers[i];
    double signal = 0.0;
    double noise = 0.0;
    for (size_t c = 0; c < l->channels; c++) {
        const double *s = l->sums + 3 * c;
        signal += s[0];
        noise += s[2] > 0.0 ? s[0] - s[1] * s[1] / s[2] : s[0];
    }
    *out_n_values = l->n_values;
    return noise > 0.0 ? 10.0 * log10(signal / noise) : HUGE_VAL;
}
