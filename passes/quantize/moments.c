/* Second moments of what operators read. */
#include "quantize/moments.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A single input has no other that could make good for its error. */
    LEAST_COLS = 2,
    /* Wider products are taken apart into blocks of columns, each rounded for
     * itself: matrices, and the time for them, grow as the square. 128 in
     * place of 384 costs minilm 0.2 dB and saves it 25 MB and 0.5 s. */
    BLOCK_COLS = 128,
    /* A Conv is not taken apart. */
    CONV_COLS = 384,
    /* Positions of a sample that are looked at: more tell nothing new. */
    MOST_POSITIONS = 1024,
    /* Where every channel has its small matrix, fewer do. */
    MOST_OF_DEPTHWISE = 64,
};

/* Bytes of all matrices together. */
static const size_t room = (size_t)40 << 20;

/* What one operator, or several products of one value, read. */
struct site {
    struct qn_linear linear;
    size_t tap;
    size_t same; /* site whose matrix serves this one too; itself: none */
    bool has_no_room;
    size_t n_blocks;
    struct quern_gram **grams; /* one a block of columns; NULL: none */
    pthread_mutex_t lock;      /* of the grams: sums of integers, so the order
                                  in which workers come leaves no trace */
};

struct qn_moments {
    const struct qn_sampling *sampling;
    struct site *sites; /* by tap, ascending */
    size_t n_sites;
    size_t *first; /* of each tap and one behind: its sites */
};

/* ------------------------------------------------------------------ sites */

static bool is_depthwise(const struct qn_linear *l)
{
    return l->shape.groups > 1 && l->shape.cols == l->shape.taps;
}

/* A Conv whose pads are there to be read. */
static bool is_plain_conv(const struct qn_linear *l)
{
    const char *pad = "NOTSET";
    size_t size = 0;
    return quern_node_is(l->node, "Conv") &&
           (quern_node_attr_string(l->node, "auto_pad", &pad, &size) !=
                QUERN_OK ||
            strcmp(pad, "NOTSET") == 0);
}

static bool is_wanted(struct quern_node *node, const struct quern_use *use,
                      const struct qn_seen *seen, struct qn_linear *l)
{
    if (node == NULL || quern_use_index(use) != 0 || !qn_linear_init(node, l)) {
        return false;
    }
    bool product = quern_node_is(node, "MatMul") && seen->rank > 0 &&
                   seen->dims[seen->rank - 1] == (int64_t)l->shape.cols;
    return product || is_plain_conv(l);
}

/* Largest magnitude that each input of the operator takes, kernel positions
 * next to each other.
 * @param out_limits  NULL: not known */
static enum quern_code limits_of(struct quern_pass_ctx *ctx,
                                 const struct site *s,
                                 const struct quern_value *value,
                                 float **out_limits)
{
    const struct quern_weight_shape *shape = &s->linear.shape;
    struct quern_table *table = NULL;
    size_t n_inputs = shape->groups * shape->cols;
    size_t n = 0;
    float *range = NULL;
    *out_limits = NULL;
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_LIMIT_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_vector), &table);
    const struct qn_vector *limits =
        code == QUERN_OK ? quern_table_get(table, quern_value_id(value)) : NULL;
    if (code == QUERN_OK && limits == NULL) {
        code = qn_channel_range(ctx, value, &n, &range);
    }
    n = limits != NULL ? limits->n : n;
    if (code != QUERN_OK || n != s->linear.in_channels ||
        (limits == NULL && range == NULL)) {
        return code;
    }
    float *out = quern_pass_alloc(ctx, n_inputs * sizeof *out);
    if (out == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t k = 0; k < n_inputs; k++) {
        size_t c = k / shape->taps;
        out[k] = limits != NULL ? (float)limits->values[c] : range[c];
    }
    *out_limits = out;
    return QUERN_OK;
}

/* Blocks of equal size, as few as will do; 0: columns cannot be cut so. */
static size_t blocks_of(const struct qn_linear *l)
{
    size_t cols = l->shape.cols;
    if (!quern_node_is(l->node, "MatMul")) {
        return cols >= LEAST_COLS && cols <= CONV_COLS ? 1 : 0;
    }
    for (size_t n = 1; n <= 64 && cols >= LEAST_COLS; n++) {
        if (cols % n == 0 && cols / n <= BLOCK_COLS) {
            return n;
        }
    }
    return 0;
}

/* Matrices of a site; none when they do not fit. */
static enum quern_code make_grams(struct quern_pass_ctx *ctx, struct site *s,
                                  const struct quern_value *value, size_t *used)
{
    size_t n = blocks_of(&s->linear);
    size_t cols = n > 0 ? s->linear.shape.cols / n : 0;
    size_t groups = s->linear.shape.groups;
    size_t size = quern_gram_size(groups, cols);
    if (n == 0) {
        return QUERN_OK;
    }
    s->has_no_room = size > (room - *used) / n;
    if (s->has_no_room) {
        return QUERN_OK;
    }
    size *= n;
    float *limits = NULL;
    enum quern_code code = limits_of(ctx, s, value, &limits);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_gram **grams =
        quern_pass_alloc(ctx, n * sizeof(struct quern_gram *));
    if (grams == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
        return QUERN_NO_MEMORY;
    }
    s->grams = grams;
    s->n_blocks = limits != NULL ? n : 0;
    *used += limits != NULL ? size : 0;
    for (size_t i = 0; i < s->n_blocks && code == QUERN_OK; i++) {
        code = quern_gram_create(quern_pass_context(ctx), groups, cols,
                                 limits + i * cols, &grams[i]);
    }
    return code;
}

static void add_sites(struct qn_moments *m, size_t tap,
                      const struct quern_value *value,
                      const struct qn_seen *seen)
{
    size_t product = SIZE_MAX;
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        struct site *s = &m->sites[m->n_sites];
        if (!is_wanted(quern_use_node(u), u, seen, &s->linear)) {
            continue;
        }
        bool conv = quern_node_is(s->linear.node, "Conv");
        s->tap = tap;
        s->same = conv || product == SIZE_MAX ? m->n_sites : product;
        product = conv ? product : s->same;
        m->n_sites++;
    }
}

/* Matrices of all products, or of all Conv, in graph order. */
static enum quern_code give_room(struct quern_pass_ctx *ctx,
                                 struct qn_moments *m,
                                 struct quern_value *const *values, bool conv,
                                 size_t *used)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < m->n_sites && code == QUERN_OK; i++) {
        struct site *s = &m->sites[i];
        if (s->same == i && quern_node_is(s->linear.node, "Conv") == conv) {
            code = make_grams(ctx, s, values[s->tap], used);
        }
    }
    return code;
}

enum quern_code qn_moments_create(struct quern_pass_ctx *ctx,
                                  const struct qn_sampling *sampling,
                                  struct quern_value *const *values,
                                  const struct qn_seen *seen, size_t n,
                                  struct qn_moments **out)
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
    m->sites = quern_pass_alloc(ctx, (n_uses + 1) * sizeof *m->sites);
    m->first = quern_pass_alloc(ctx, (n + 1) * sizeof *m->first);
    if (m->sites == NULL || m->first == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        m->first[i] = m->n_sites;
        add_sites(m, i, values[i], &seen[i]);
    }
    m->first[n] = m->n_sites;
    *out = m; /* what is made from here on is freed by the caller */
    /* Feedback does more for products, whose rows are long. */
    enum quern_code code = give_room(ctx, m, values, false, &used);
    return code == QUERN_OK ? give_room(ctx, m, values, true, &used) : code;
}

void qn_moments_destroy(struct qn_moments **moments)
{
    struct qn_moments *m = *moments;
    for (size_t i = 0; m != NULL && i < m->n_sites; i++) {
        struct site *s = &m->sites[i];
        for (size_t k = 0; s->grams != NULL && k < s->n_blocks; k++) {
            quern_gram_destroy(&s->grams[k]);
        }
        if (s->grams != NULL) {
            pthread_mutex_destroy(&s->lock);
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
    int64_t every = positions / (is_depthwise(&s->linear) ? MOST_OF_DEPTHWISE
                                                          : MOST_POSITIONS);
    every = every < 1 ? 1 : every | 1;
    const float *data = v->data;
    for (int64_t b = 0; b < v->dims[0] && code == QUERN_OK; b++) {
        code = quern_gram_add_conv(context, gram, data + b * v->strides[0], &w,
                                   every);
    }
    return code;
}

/* One block of columns. */
static enum quern_code add_block(struct quern_context *context,
                                 struct quern_gram *gram, const float *data,
                                 size_t rows, size_t stride, size_t every)
{
    enum quern_code code = QUERN_OK;
    if (every == 1) {
        return quern_gram_add(context, gram, data, rows, stride);
    }
    for (size_t r = 0; r < rows && code == QUERN_OK; r += every) {
        code = quern_gram_add(context, gram, data + r * stride, 1, stride);
    }
    return code;
}

static enum quern_code add_rows(struct quern_context *context,
                                const struct site *s,
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
    size_t width = cols / s->n_blocks;
    for (size_t i = 0; i < s->n_blocks && code == QUERN_OK; i++) {
        code = add_block(context, s->grams[i], dense + i * width, rows, cols,
                         every);
    }
    return code;
}

enum quern_code qn_moments_look(struct qn_moments *m,
                                struct quern_context *context, size_t sample,
                                size_t tap, const struct quern_view *view,
                                const float *dense)
{
    enum quern_code code = QUERN_OK;
    if (m->sampling->rank[sample] == SIZE_MAX) {
        return QUERN_OK;
    }
    for (size_t i = m->first[tap]; i < m->first[tap + 1] && code == QUERN_OK;
         i++) {
        struct site *s = &m->sites[i];
        if (s->grams == NULL || s->n_blocks == 0) {
            continue; /* another site's, or beyond the room */
        }
        pthread_mutex_lock(&s->lock);
        code = quern_node_is(s->linear.node, "Conv")
                   ? add_conv(context, s, s->grams[0], view)
                   : add_rows(context, s, view, dense);
        pthread_mutex_unlock(&s->lock);
    }
    return code;
}

/* ---------------------------------------------------------------- handing on
 */

static void drop_grams(struct qn_second_moments *m)
{
    for (size_t i = 0; i < m->n_blocks; i++) {
        quern_gram_destroy(&m->grams[i]);
    }
    m->n_blocks = 0;
}

static void destroy(void *object)
{
    struct qn_second_moments *m = object;
    drop_grams(m);
    free(m->grams);
    free(m);
}

/* The pipeline keeps the matrices from now on. */
static enum quern_code keep(struct quern_pass_ctx *ctx, struct site *s,
                            struct qn_second_moments **out)
{
    struct qn_second_moments *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return QUERN_NO_MEMORY;
    }
    m->grams = calloc(s->n_blocks, sizeof(struct quern_gram *));
    for (size_t i = 0; m->grams != NULL && i < s->n_blocks; i++) {
        m->grams[i] = s->grams[i];
        s->grams[i] = NULL;
        m->n_blocks++;
    }
    *out = m->grams != NULL ? m : NULL;
    enum quern_code kept = quern_pass_keep(ctx, m, destroy);
    if (kept != QUERN_OK) {
        *out = NULL; /* freed at once */
    }
    return kept == QUERN_OK && *out == NULL ? QUERN_NO_MEMORY : kept;
}

enum quern_code qn_moments_store(struct quern_pass_ctx *ctx,
                                 struct qn_moments *m)
{
    struct quern_table *table = NULL;
    struct qn_second_moments **all = quern_pass_alloc(
        ctx, (m->n_sites + 1) * sizeof(struct qn_second_moments *));
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_MOMENTS_TABLE,
                         QUERN_TABLE_NODE, sizeof *all, &table);
    if (code == QUERN_OK && all == NULL) {
        code = QUERN_NO_MEMORY;
    }
    size_t n_without = 0;
    for (size_t i = 0; i < m->n_sites && code == QUERN_OK; i++) {
        struct site *s = &m->sites[i];
        n_without += m->sites[s->same].has_no_room;
        if (s->same == i && s->n_blocks > 0) {
            code = keep(ctx, s, &all[i]);
        }
        if (code == QUERN_OK && all[s->same] != NULL) {
            all[s->same]->n_readers++;
            code = quern_table_set(table, quern_node_id(s->linear.node),
                                   &all[s->same]);
        }
    }
    if (code == QUERN_OK && n_without > 0) {
        quern_pass_account(ctx, NULL,
                           "%zu operators are rounded without error feedback: "
                           "no room for more second moments",
                           n_without);
    }
    return code;
}

struct qn_second_moments *qn_moments_of(struct quern_model *model,
                                        const struct quern_node *node)
{
    struct quern_table *table = NULL;
    if (quern_table_open(model, QN_MOMENTS_TABLE, QUERN_TABLE_NODE,
                         sizeof(struct qn_second_moments *),
                         &table) != QUERN_OK) {
        return NULL;
    }
    struct qn_second_moments *const *entry =
        quern_table_get(table, quern_node_id(node));
    return entry != NULL && (*entry)->n_blocks > 0 ? *entry : NULL;
}

void qn_moments_done(struct qn_second_moments *m)
{
    if (m != NULL && --m->n_readers == 0) {
        drop_grams(m);
    }
}
