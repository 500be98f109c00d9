/* Ranges of values, and Q and DQ behind them. */
#include "common.h"
#include "quantize/bounds.h"
#include "quantize/inserter.h"
#include "quantize/linear.h"
#include "quantize/moments.h"
#include "quantize/peaks.h"
#include "quantize/seen.h"

#include <math.h>

/* ---------------------------------------------------------------- ranges */

/* Channels of the value were evened out by factors. What is beyond a cut then
 * lies in many channels of the same rows and adds up behind the reader (minilm:
 * 18 to 22 dB behind the second product of a layer, 31 to 35 with the whole
 * range), which the squared error of single elements does not show.
 * @return how far from the cut range to the whole one to go: in front of a
 * product all the way, in front of a depthwise Conv, where channels do not add
 * up, a part that was measured (ocr-rec, ocr-cls) */
static float beyond_cut(const struct qn_inserter *s,
                        const struct quern_value *v)
{
    struct quern_table *table = NULL;
    if (qn_is_answer(v)) {
        return 1.0f;
    }
    if (quern_table_open(s->model, QN_LIMIT_TABLE, QUERN_TABLE_VALUE,
                         sizeof(struct qn_vector), &table) != QUERN_OK ||
        quern_table_get(table, quern_value_id(v)) == NULL) {
        return 0.0f;
    }
    const struct quern_use *use = quern_value_first_use(v);
    const struct quern_node *reader = use != NULL ? quern_use_node(use) : NULL;
    return reader != NULL && quern_node_is(reader, "Conv") ? 0.7f : 1.0f;
}

/* What choosing a range needs, and what came of it. */
struct qn_range_choice {
    const struct quern_stats *stats; /* NULL: the range stands */
    struct quern_range_options options;
    float part; /* how far to go to the whole range */
    struct quern_range range;
};

static enum quern_code prepare_range(struct qn_inserter *s,
                                     const struct quern_value *v,
                                     struct qn_range_choice *out)
{
    bool symmetric = s->place.target->activations.symmetric;
    struct qn_bounds bounds;
    bool is_bounded = qn_bounds_of(v, &bounds);
    if (is_bounded && bounds.is_whole) {
        /* ONNX Runtime's integer kernels write such values so: steps of 1/256,
         * without a code for the upper end. */
        float most = bounds.most * (symmetric ? 1.0f : 255.0f / 256.0f);
        out->range = (struct quern_range){bounds.least, most, -1.0};
        return QUERN_OK;
    }
    const struct qn_seen *seen = qn_seen(s->model, v);
    if (seen == NULL) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = quern_value_name(v);
        return quern_fail(s->context, QUERN_INTERNAL, &place,
                          "value has no range");
    }
    out->stats = seen->stats;
    out->options = (struct quern_range_options){
        .method = (enum quern_range_method)s->choice.method,
        .percentile = s->choice.percentile,
        .n_levels = symmetric ? 254 : 255,
        .symmetric = symmetric,
        .cut = true,
        .unseen = true,
        .bounded = is_bounded,
        .least = bounds.least,
        .most = bounds.most,
        .reader = qn_reader_of(v),
    };
    out->part =
        out->options.method >= QUERN_RANGE_MSE ? beyond_cut(s, v) : 0.0f;
    return QUERN_OK;
}

/* Of value i of the list: searches over histograms, which take the time. */
static enum quern_code search_range(struct quern_context *context, void *user,
                                    size_t i, int worker)
{
    const struct qn_inserter *s = user;
    struct qn_range_choice *c = &s->ranges[i];
    struct quern_range whole;
    (void)worker;
    if (c->stats == NULL) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_stats_range(context, c->stats, &c->options, &c->range);
    if (code == QUERN_OK && c->part > 0.0f) {
        struct quern_range_options o = c->options;
        o.method = QUERN_RANGE_MINMAX;
        code = quern_stats_range(context, c->stats, &o, &whole);
        c->range.lo += c->part * fminf(whole.lo - c->range.lo, 0.0f);
        c->range.hi += c->part * fmaxf(whole.hi - c->range.hi, 0.0f);
    }
    return code;
}

/* What the operators around a value say of its range. */
static void limit_range(const struct qn_inserter *s, struct qn_range_choice *c)
{
    if (c->stats == NULL) {
        return;
    }
    if (c->options.bounded && c->options.least >= 0.0f) {
        c->range.lo = 0.0f;
    }
    if (c->options.reader.kind == QUERN_READER_HARDSWISH &&
        quern_target_has(&s->place.target->tricks, "integer-hardswish")) {
        c->range.lo = -3.0f; /* code 0 then is where HardSwish begins */
    }
}

/* For choose_joined(): which values share the parameters of a root. */
static void link_sharers(struct qn_inserter *s)
{
    for (size_t i = 0; i < s->n_list; i++) {
        struct quern_value *v = s->list[i];
        if (s->place.joined[quern_value_id(v)]) {
            struct qn_codes *root =
                &s->codes[quern_value_id(qn_root(&s->place, v))];
            s->next_sharer[i] = root->sharer;
            root->sharer = i + 1;
        }
    }
}

/* Ranges of all values of the list, on all threads. */
static enum quern_code choose_ranges(struct qn_inserter *s)
{
    enum quern_code code = QUERN_OK;
    s->ranges = quern_pass_alloc(s->ctx, (s->n_list + 1) * sizeof *s->ranges);
    s->next_sharer =
        quern_pass_alloc(s->ctx, (s->n_list + 1) * sizeof *s->next_sharer);
    if (s->ranges == NULL || s->next_sharer == NULL) {
        return QUERN_NO_MEMORY;
    }
    link_sharers(s);
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        s->codes[quern_value_id(s->list[i])].listed = i;
        code = prepare_range(s, s->list[i], &s->ranges[i]);
    }
    if (code == QUERN_OK) {
        code = quern_parallel(s->context, s->n_list, search_range, s);
    }
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        limit_range(s, &s->ranges[i]);
    }
    return code;
}

/* A value that is not listed itself is looked at when it is asked for. */
static enum quern_code choose_range(struct qn_inserter *s,
                                    const struct quern_value *v,
                                    struct quern_range *out)
{
    size_t i = s->codes[quern_value_id(v)].listed;
    if (i < s->n_list && s->list[i] == v) {
        *out = s->ranges[i].range;
        return QUERN_OK;
    }
    struct qn_range_choice *c = &s->ranges[s->n_list];
    *c = (struct qn_range_choice){0};
    enum quern_code code = prepare_range(s, v, c);
    if (code == QUERN_OK) {
        code = search_range(s->context, s, s->n_list, 0);
    }
    if (code == QUERN_OK) {
        limit_range(s, c);
        *out = c->range;
    }
    return code;
}

/* The range of a value and of all that share parameters with it by being
 * joined. */
static enum quern_code choose_joined(struct qn_inserter *s,
                                     const struct quern_value *root,
                                     struct quern_range *out)
{
    enum quern_code code = choose_range(s, root, out);
    for (size_t at = s->codes[quern_value_id(root)].sharer;
         at != 0 && code == QUERN_OK; at = s->next_sharer[at - 1]) {
        struct quern_range own;
        code = choose_range(s, s->list[at - 1], &own);
        if (code == QUERN_OK) {
            out->lo = fminf(out->lo, own.lo);
            out->hi = fmaxf(out->hi, own.hi);
        }
    }
    return code;
}

/* ------------------------------------------------------------ activations */

static enum quern_code scalar(struct qn_inserter *s, const char *base,
                              const char *suffix, struct quern_tensor *t,
                              struct quern_value **out)
{
    char name[512];
    quern_name_extend(name, sizeof name, base, "%s", suffix);
    return quern_constant_create(s->graph, name, t, out);
}

static enum quern_code store_params(struct qn_inserter *s, const char *base,
                                    const struct quern_qparams *qp,
                                    struct quern_value **out_scale,
                                    struct quern_value **out_zero_point)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_of_floats(s->context, -1, &qp->scale, &t);
    if (code == QUERN_OK) {
        code = scalar(s, base, "_scale", t, out_scale);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code = quern_tensor_create(s->context, qp->dtype, 0, NULL, &t);
    }
    if (code == QUERN_OK) {
        *(unsigned char *)quern_tensor_data_mut(t) =
            (unsigned char)qp->zero_point;
        code = scalar(s, base, "_zero_point", t, out_zero_point);
    }
    quern_tensor_release(&t);
    return code;
}

/* Every reader of the value gets codes, so that nobody misses the floats. */
static bool all_read_codes(const struct qn_inserter *s,
                           const struct quern_value *v)
{
    bool all = s->place.part[quern_value_id(v)] == QN_PART_ALL;
    if (quern_value_is_graph_output(v)) {
        return false;
    }
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *n = quern_use_node(u);
        if (n == NULL ||
            (!all && !qn_reads_codes(&s->place, n, quern_use_index(u)))) {
            return false;
        }
    }
    return true;
}

/* A scalar Mul and Add in front of the Q become part of its parameters; those
 * of the value may move for it. */
static enum quern_code fold_affine(struct qn_inserter *s,
                                   const struct quern_value *v,
                                   struct qn_codes *c)
{
    struct qn_scalars affine;
    struct quern_qparams q;
    struct quern_qparams dq;
    char base[512];
    if (!quern_target_has(&s->place.target->tricks, "affine-scales") ||
        !all_read_codes(s, v) || !qn_scalars_of(v, &affine) ||
        s->place.part[quern_value_id(affine.source)] == QN_PART_ALL ||
        !quern_qparams_fold_affine(&c->qp, affine.a, affine.b, &q, &dq)) {
        return QUERN_OK;
    }
    c->qp = dq;
    quern_name_extend(base, sizeof base, quern_value_name(v), "_source");
    enum quern_code code =
        store_params(s, base, &q, &c->source_scale, &c->source_zero_point);
    if (code == QUERN_OK) {
        c->source = affine.source;
        s->n_affine++;
    }
    return code;
}

/* Parameters of a value: its root's, chosen once. */
enum quern_code qn_params_of(struct qn_inserter *s, struct quern_value *v,
                             struct qn_codes **out)
{
    struct quern_value *root = qn_root(&s->place, v);
    struct qn_codes *c = &s->codes[quern_value_id(root)];
    *out = c;
    if (c->known) {
        return QUERN_OK;
    }
    struct quern_range range;
    const struct quern_target_numbers *numbers = &s->place.target->activations;
    struct quern_quant_options o = {.dtype = numbers->types[0]};
    o.flags = (numbers->symmetric ? QUERN_QUANT_SYMMETRIC : 0u) |
              (numbers->narrow ? QUERN_QUANT_NARROW : 0u);
    enum quern_code code = choose_joined(s, root, &range);
    if (code == QUERN_OK && !(range.lo < 0.0f) && !(range.hi > 0.0f)) {
        o.min_range =
            1.0; /* nothing but zeros: biases behind need fine steps */
    }
    if (code == QUERN_OK) {
        code =
            quern_qparams_of_range(s->context, &o, range.lo, range.hi, &c->qp);
    }
    if (code == QUERN_OK) {
        code = fold_affine(s, root, c);
    }
    if (code == QUERN_OK) {
        code = store_params(s, quern_value_name(root), &c->qp, &c->scale,
                            &c->zero_point);
    }
    c->known = code == QUERN_OK;
    return code;
}

/* A node with one output that is a new value. */
static enum quern_code unary_node(struct qn_inserter *s,
                                  struct quern_node *before, const char *op,
                                  const char *base, const char *suffix,
                                  struct quern_value *const *inputs, size_t n,
                                  struct quern_value **out)
{
    char name[512];
    struct quern_node *node = NULL;
    quern_name_extend(name, sizeof name, base, "%s_Output", suffix);
    enum quern_code code = quern_value_create(s->graph, name, out);
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, base, "%s", suffix);
        code = quern_node_create(s->graph, before, op, name, inputs, n, out, 1,
                                 &node);
    }
    return code;
}

static struct quern_node *place_behind(struct qn_inserter *s,
                                       const struct quern_value *v)
{
    struct quern_node *producer = quern_value_producer(v);
    return producer != NULL && quern_node_graph(producer) == s->graph
               ? quern_node_next(producer)
               : quern_graph_first(s->graph);
}

/* Q and DQ behind a value. */
static enum quern_code insert_pair(struct qn_inserter *s, struct quern_value *v)
{
    struct qn_codes *c = NULL;
    struct quern_value *q = NULL;
    const char *base = quern_value_name(v);
    enum quern_code code = qn_params_of(s, v, &c);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_node *before = place_behind(s, v);
    struct quern_value *in[3] = {v, c->scale, c->zero_point};
    if (c->source != NULL && qn_root(&s->place, v) == v) {
        in[0] = c->source;
        in[1] = c->source_scale;
        in[2] = c->source_zero_point;
    }
    code = unary_node(s, before, "QuantizeLinear", base, "_QuantizeLinear", in,
                      3, &q);
    if (code == QUERN_OK) {
        in[0] = q;
        in[1] = c->scale;
        in[2] = c->zero_point;
        code =
            unary_node(s, before, "DequantizeLinear", base, "_DequantizeLinear",
                       in, 3, &s->codes[quern_value_id(v)].dequantized);
    }
    return code;
}

/* Readers of a value read its DQ: all, or those that want codes. */
static enum quern_code redirect(struct qn_inserter *s, struct quern_value *v)
{
    struct quern_value *dq = s->codes[quern_value_id(v)].dequantized;
    bool all = s->place.part[quern_value_id(v)] == QN_PART_ALL;
    const struct quern_use *next = NULL;
    enum quern_code code = QUERN_OK;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && code == QUERN_OK; u = next) {
        struct quern_node *n = quern_use_node(u);
        next = quern_use_next(u);
        bool own = n != NULL && quern_node_id(n) >= s->place.n_nodes;
        bool wants = n != NULL && !own &&
                     (all || qn_reads_codes(&s->place, n, quern_use_index(u)));
        if (wants) {
            code = quern_node_set_input(n, quern_use_index(u), dq);
        }
    }
    return code;
}

static enum quern_code list_of_node(struct quern_pass_ctx *ctx,
                                    struct quern_node *n, void *user)
{
    struct qn_inserter *s = user;
    size_t n_in = quern_node_n_inputs(n);
    (void)ctx;
    for (size_t i = 0; i < n_in + quern_node_n_outputs(n); i++) {
        struct quern_value *v =
            i < n_in ? quern_node_input(n, i) : quern_node_output(n, i - n_in);
        if (v != NULL && s->place.part[quern_value_id(v)] != QN_PART_NONE &&
            s->codes[quern_value_id(v)].dequantized == NULL) {
            s->list[s->n_list++] = v;
            s->codes[quern_value_id(v)].dequantized = v; /* listed */
        }
    }
    return QUERN_OK;
}

/* What gets a Q and DQ, and its range, before anything is edited: in the order
 * in which values are read first, the same every time. */
enum quern_code qn_list_activations(struct qn_inserter *s)
{
    s->list = quern_pass_alloc(s->ctx, (s->place.n_values + 1) *
                                           sizeof(struct quern_value *));
    enum quern_code code =
        s->list != NULL
            ? quern_pass_each(s->ctx, s->graph, &(struct quern_each){0},
                              list_of_node, s)
            : QUERN_NO_MEMORY;
    return code == QUERN_OK ? choose_ranges(s) : code;
}

enum quern_code qn_insert_activations(struct qn_inserter *s)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        code = insert_pair(s, s->list[i]);
    }
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        code = redirect(s, s->list[i]);
    }
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        struct quern_value *v = s->list[i];
        if (s->codes[quern_value_id(v)].source != NULL &&
            quern_value_n_uses(v) == 0) {
            code = quern_node_erase_dead(quern_value_producer(v));
        }
    }
    return code;
}
