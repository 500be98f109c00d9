/* Second moments of what operators read. */
#include "quantize/moments.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* A Conv with fewer input channels reads an image. */
    IMAGE_CHANNELS = 4,
    /* With fewer inputs there is nothing that could make good for an error. */
    LEAST_COLS = 16,
    /* Beyond, matrices cost more than the run (time grows as the square). */
    MOST_COLS = 1024,
    /* Positions of a sample that are looked at: more tell nothing new. */
    MOST_POSITIONS = 1024,
};

/* Bytes of all matrices together. */
static const size_t room = (size_t)96 << 20;

/* What one operator, or several products of one value, read. */
struct site {
    struct qn_linear linear;
    size_t tap;
    size_t same; /* site whose matrix serves this one too; itself: none */
    struct quern_gram **grams; /* by worker */
};

struct qn_moments {
    const struct qn_sampling *sampling;
    struct site *sites; /* by tap, ascending */
    size_t n_sites;
    size_t *first; /* of each tap and one behind: its sites */
    int n_workers;
};

/* ------------------------------------------------------------------ sites */

static bool is_image_conv(const struct qn_linear *l)
{
    const char *pad = "NOTSET";
    size_t size = 0;
    if (!quern_node_is(l->node, "Conv") || l->shape.groups != 1 ||
        l->in_channels >= IMAGE_CHANNELS) {
        return false;
    }
    return quern_node_attr_string(l->node, "auto_pad", &pad, &size) !=
               QUERN_OK ||
           strcmp(pad, "NOTSET") == 0;
}

static bool is_wanted(struct quern_node *node, const struct quern_use *use,
                      const struct qn_seen *seen, struct qn_linear *l)
{
    if (node == NULL || quern_use_index(use) != 0 || !qn_linear_init(node, l)) {
        return false;
    }
    bool product = quern_node_is(node, "MatMul") && seen->rank > 0 &&
                   seen->dims[seen->rank - 1] == (int64_t)l->shape.cols;
    return product || is_image_conv(l);
}

/* Largest magnitude that each input of the operator takes, kernel positions
 * next to each other; NULL: not known. */
static float *limits_of(struct quern_pass_ctx *ctx, const struct site *s,
                        const struct quern_value *value)
{
    const struct quern_weight_shape *shape = &s->linear.shape;
    struct quern_table *table = NULL;
    size_t n = 0;
    float *range = NULL;
    if (quern_table_open(quern_pass_model(ctx), QN_LIMIT_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_vector),
                         &table) != QUERN_OK) {
        return NULL;
    }
    const struct qn_vector *limits =
        quern_table_get(table, quern_value_id(value));
    if (limits == NULL) {
        range = qn_channel_range(ctx, value, &n);
    }
    float *out = quern_pass_alloc(ctx, shape->cols * sizeof *out);
    n = limits != NULL ? limits->n : n;
    if (out == NULL || n != s->linear.in_channels ||
        (limits == NULL && range == NULL)) {
        return NULL;
    }
    for (size_t k = 0; k < shape->cols; k++) {
        size_t c = k / shape->taps;
        out[k] = limits != NULL ? (float)limits->values[c] : range[c];
    }
    return out;
}

/* Matrices of a site, one a worker; none when it does not fit. */
static enum quern_code make_grams(struct quern_pass_ctx *ctx,
                                  const struct qn_moments *m, struct site *s,
                                  const struct quern_value *value, size_t *used)
{
    size_t cols = s->linear.shape.cols;
    size_t size = cols * cols * sizeof(int64_t) * (size_t)m->n_workers;
    const float *limits = NULL;
    s->grams = quern_pass_alloc(ctx, (size_t)m->n_workers * sizeof *s->grams);
    if (s->grams == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (cols < LEAST_COLS || cols > MOST_COLS || size > room - *used) {
        return QUERN_OK;
    }
    limits = limits_of(ctx, s, value);
    enum quern_code code = QUERN_OK;
    for (int k = 0; k < m->n_workers && limits != NULL && code == QUERN_OK;
         k++) {
        code = quern_gram_create(quern_pass_context(ctx), 1, cols, limits,
                                 &s->grams[k]);
    }
    *used += limits != NULL ? size : 0;
    return code;
}

static enum quern_code add_sites(struct quern_pass_ctx *ctx,
                                 struct qn_moments *m, size_t tap,
                                 struct quern_value *value,
                                 const struct qn_seen *seen, size_t *used)
{
    enum quern_code code = QUERN_OK;
    size_t product = SIZE_MAX;
    for (const struct quern_use *u = quern_value_first_use(value);
         u != NULL && code == QUERN_OK; u = quern_use_next(u)) {
        struct site *s = &m->sites[m->n_sites];
        if (!is_wanted(quern_use_node(u), u, seen, &s->linear)) {
            continue;
        }
        bool conv = quern_node_is(s->linear.node, "Conv");
        s->tap = tap;
        s->same = conv || product == SIZE_MAX ? m->n_sites : product;
        if (s->same == m->n_sites) {
            code = make_grams(ctx, m, s, value, used);
        }
        product = conv ? product : s->same;
        m->n_sites++;
    }
    return code;
}

enum quern_code qn_moments_create(struct quern_pass_ctx *ctx,
                                  const struct qn_sampling *sampling,
                                  struct quern_value *const *values,
                                  const struct qn_seen *seen, size_t n,
                                  int n_workers, struct qn_moments **out)
{
    size_t n_uses = 0;
    size_t used = 0;
    struct qn_moments *m = quern_pass_alloc(ctx, sizeof *m);
    for (size_t i = 0; i < n; i++) {
        n_uses += quern_value_n_uses(values[i]);
    }
    if (m == NULL) {
        return QUERN_NO_MEMORY;
    }
    m->sampling = sampling;
    m->n_workers = n_workers;
    m->sites = quern_pass_alloc(ctx, (n_uses + 1) * sizeof *m->sites);
    m->first = quern_pass_alloc(ctx, (n + 1) * sizeof *m->first);
    if (m->sites == NULL || m->first == NULL) {
        return QUERN_NO_MEMORY;
    }
    *out = m; /* what is made from here on is freed by the caller */
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        m->first[i] = m->n_sites;
        code = add_sites(ctx, m, i, values[i], &seen[i], &used);
    }
    m->first[n] = m->n_sites;
    return code;
}

void qn_moments_destroy(struct qn_moments **moments)
{
    struct qn_moments *m = *moments;
    for (size_t i = 0; m != NULL && i < m->n_sites; i++) {
        for (int k = 0; m->sites[i].grams != NULL && k < m->n_workers; k++) {
            quern_gram_destroy(&m->sites[i].grams[k]);
        }
    }
    *moments = NULL; /* the rest is memory of the pass */
}

/* ---------------------------------------------------------------- looking */

static int64_t at(const int64_t *list, size_t n, size_t i, int64_t fallback)
{
    return i < n ? list[i] : fallback;
}

/* The window of a Conv over this sample; false: it reads nothing. */
static bool window_of(const struct qn_linear *l, const struct quern_view *v,
                      struct quern_conv_window *w)
{
    const int64_t *strides = NULL;
    const int64_t *dilations = NULL;
    const int64_t *pads = NULL;
    size_t n[3] = {0, 0, 0};
    const struct quern_tensor *weights =
        quern_value_constant(quern_node_input(l->node, 1));
    bool given =
        quern_node_attr_ints(l->node, "strides", &strides, &n[0]) == QUERN_OK;
    given |= quern_node_attr_ints(l->node, "dilations", &dilations, &n[1]) ==
             QUERN_OK;
    given |= quern_node_attr_ints(l->node, "pads", &pads, &n[2]) == QUERN_OK;
    (void)given; /* each has its default below */
    *w = (struct quern_conv_window){.rank = v->rank - 2,
                                    .channel_stride = v->strides[1]};
    if (w->rank < 1 || w->rank > 3 || weights == NULL ||
        quern_tensor_rank(weights) != v->rank) {
        return false;
    }
    for (size_t i = 0; i < (size_t)w->rank; i++) {
        w->input[i] = v->dims[i + 2];
        w->axis_stride[i] = v->strides[i + 2];
        w->kernel[i] = quern_tensor_dims(weights)[i + 2];
        w->strides[i] = at(strides, n[0], i, 1);
        w->dilations[i] = at(dilations, n[1], i, 1);
        w->pads_begin[i] = at(pads, n[2], i, 0);
        int64_t end = at(pads, n[2], i + (size_t)w->rank, 0);
        int64_t reach = w->dilations[i] * (w->kernel[i] - 1) + 1;
        int64_t left = w->input[i] + w->pads_begin[i] + end - reach;
        if (left < 0 || w->strides[i] < 1) {
            return false;
        }
        w->output[i] = left / w->strides[i] + 1;
    }
    return true;
}

static enum quern_code add_conv(struct quern_context *context,
                                const struct site *s, struct quern_gram *gram,
                                const struct quern_view *v)
{
    struct quern_conv_window w;
    enum quern_code code = QUERN_OK;
    if (v->rank < 3 || v->dims[1] != (int64_t)s->linear.in_channels ||
        !window_of(&s->linear, v, &w)) {
        return QUERN_OK;
    }
    int64_t positions = v->dims[0];
    for (int i = 0; i < w.rank; i++) {
        positions *= w.output[i];
    }
    /* An odd stride does not run along the columns of an even image. */
    int64_t every = positions / MOST_POSITIONS;
    every = every < 1 ? 1 : every | 1;
    const float *data = v->data;
    for (int64_t b = 0; b < v->dims[0] && code == QUERN_OK; b++) {
        code = quern_gram_add_conv(context, gram, data + b * v->strides[0], &w,
                                   every);
    }
    return code;
}

static enum quern_code add_rows(struct quern_context *context,
                                const struct site *s, struct quern_gram *gram,
                                const struct quern_view *v, const float *dense)
{
    size_t cols = s->linear.shape.cols;
    size_t rows = 1;
    if (dense == NULL || v->rank < 1 || v->dims[v->rank - 1] != (int64_t)cols) {
        return QUERN_OK;
    }
    for (int i = 0; i < v->rank - 1; i++) {
        rows *= (size_t)v->dims[i];
    }
    size_t every = rows / MOST_POSITIONS;
    every = every < 1 ? 1 : every;
    enum quern_code code = QUERN_OK;
    for (size_t r = 0; r < rows && code == QUERN_OK && every > 1; r += every) {
        code = quern_gram_add(context, gram, dense + r * cols, 1, cols);
    }
    return every > 1 ? code : quern_gram_add(context, gram, dense, rows, cols);
}

enum quern_code qn_moments_look(struct qn_moments *m,
                                struct quern_context *context, int worker,
                                size_t sample, size_t tap,
                                const struct quern_view *view,
                                const float *dense)
{
    enum quern_code code = QUERN_OK;
    if (m->sampling->rank[sample] == SIZE_MAX) {
        return QUERN_OK;
    }
    for (size_t i = m->first[tap]; i < m->first[tap + 1] && code == QUERN_OK;
         i++) {
        const struct site *s = &m->sites[i];
        struct quern_gram *gram = s->grams != NULL ? s->grams[worker] : NULL;
        if (gram == NULL) {
            continue; /* another site's, or beyond the room */
        }
        code = quern_node_is(s->linear.node, "Conv")
                   ? add_conv(context, s, gram, view)
                   : add_rows(context, s, gram, view, dense);
    }
    return code;
}

/* ---------------------------------------------------------------- handing on
 */

static void destroy_gram(void *object)
{
    struct quern_gram *gram = object;
    quern_gram_destroy(&gram);
}

static enum quern_code join(struct quern_pass_ctx *ctx, struct site *s,
                            int n_workers, struct quern_gram **out)
{
    enum quern_code code = QUERN_OK;
    struct quern_gram *all = s->grams[0];
    for (int k = 1; k < n_workers && code == QUERN_OK; k++) {
        code = quern_gram_merge(quern_pass_context(ctx), all, s->grams[k]);
        quern_gram_destroy(&s->grams[k]);
    }
    s->grams[0] = NULL;
    *out = all;
    enum quern_code kept = quern_pass_keep(ctx, all, destroy_gram);
    return code == QUERN_OK ? kept : code;
}

enum quern_code qn_moments_store(struct quern_pass_ctx *ctx,
                                 struct qn_moments *m)
{
    struct quern_table *table = NULL;
    struct quern_gram **joined =
        quern_pass_alloc(ctx, (m->n_sites + 1) * sizeof(struct quern_gram *));
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_MOMENTS_TABLE,
                         QUERN_TABLE_NODE, sizeof(struct quern_gram *), &table);
    if (code == QUERN_OK && joined == NULL) {
        code = QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < m->n_sites && code == QUERN_OK; i++) {
        struct site *s = &m->sites[i];
        if (s->same == i && s->grams[0] != NULL) {
            code = join(ctx, s, m->n_workers, &joined[i]);
        }
        if (code == QUERN_OK && joined[s->same] != NULL) {
            code = quern_table_set(table, quern_node_id(s->linear.node),
                                   &joined[s->same]);
        }
    }
    return code;
}

struct quern_gram *qn_moments_of(struct quern_model *model,
                                 const struct quern_node *node)
{
    struct quern_table *table = NULL;
    if (quern_table_open(model, QN_MOMENTS_TABLE, QUERN_TABLE_NODE,
                         sizeof(struct quern_gram *), &table) != QUERN_OK) {
        return NULL;
    }
    struct quern_gram *const *entry =
        quern_table_get(table, quern_node_id(node));
    return entry != NULL ? *entry : NULL;
}
