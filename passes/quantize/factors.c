/* channel-factors: where the channels of an input of MatMul or depthwise Conv
 * differ in size, x' = x / e is quantized instead and e goes into the weights
 * that read it. 1/e goes where it costs nothing (scale and bias of
 * LayerNormalization, a constant vector, the columns of the MatMul behind a
 * gate), else into a Mul, which is done only where the noise model promises
 * half the noise or less, a third in front of a depthwise Conv, or far less
 * where the Mul takes operators around it out of integers. Exact in real
 * arithmetic. Placement experiment, rule 6; Source of the idea: Xiao et al.
 * 2023, arXiv:2211.10438 (SmoothQuant). */
#include "quantize/factors.h"

#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "quantize/placement.h"
#include "quantize/seen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct factor_params {
    double gain;
    double depthwise_gain;
    double link_gain;
};

static bool is_depthwise(const struct qn_linear *l)
{
    return quern_node_is(l->node, "Conv") && l->shape.groups > 1;
}

/* Values that a Q stands behind already keep the Conv in front of them whole:
 * outputs of Conv, also behind Relu and Clip. */
static bool is_conv_output(const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    while (p != NULL && (quern_node_is(p, "Relu") || quern_node_is(p, "Clip") ||
                         quern_node_is(p, "MaxPool"))) {
        p = quern_value_producer(quern_node_input(p, 0));
    }
    bool sum = p != NULL && quern_node_is(p, "Add") &&
               quern_value_constant(quern_node_input(p, 0)) == NULL &&
               quern_value_constant(quern_node_input(p, 1)) == NULL;
    return p == NULL || quern_node_is(p, "Conv") || sum;
}

/* Fill a site.
 * @param out_found  false: nothing to do here */
static enum quern_code look(struct quern_pass_ctx *ctx, struct quern_value *v,
                            struct qn_factor_site *s, bool *out_found)
{
    size_t n_uses = quern_value_n_uses(v);
    memset(s, 0, sizeof *s);
    s->value = v;
    s->alone = true;
    s->readers = quern_pass_alloc(ctx, (n_uses + 1) * sizeof *s->readers);
    *out_found = false;
    if (s->readers == NULL) {
        return QUERN_NO_MEMORY;
    }
    size_t n_products = 0;
    size_t n_depthwise = 0;
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        struct quern_node *n = quern_use_node(u);
        struct qn_linear l;
        if (n == NULL || !qn_is_heavy(n)) {
            s->alone = false;
            continue;
        }
        if (quern_use_index(u) != 0 || !qn_linear_init(n, &l) ||
            quern_node_is(n, "Gemm") ||
            quern_node_graph(n) != quern_value_graph(v)) {
            return QUERN_OK; /* an attention product, say */
        }
        n_products += quern_node_is(n, "MatMul") ? 1 : 0;
        n_depthwise += is_depthwise(&l) ? 1 : 0;
        s->readers[s->n_readers++] = l;
    }
    s->product = n_products > 0;
    *out_found = s->n_readers > 0 &&
                 (n_products == s->n_readers ||
                  (n_depthwise == s->n_readers && !is_conv_output(v)));
    return QUERN_OK;
}

/* Factors by the noise model; false: they do not help. */
static enum quern_code search(struct quern_pass_ctx *ctx,
                              struct qn_factor_site *s,
                              struct quern_noise_result *result)
{
    struct quern_reader plain = {QUERN_READER_IDENTITY, 0.0, 0.0};
    enum quern_code code =
        qn_channel_range(ctx, s->value, &s->channels, &s->range);
    result->alpha = 0.0;
    if (code != QUERN_OK || s->range == NULL) {
        return code;
    }
    struct quern_noise_reader *readers =
        quern_pass_alloc(ctx, s->n_readers * sizeof *readers);
    s->factors = quern_pass_alloc(ctx, (s->channels + 1) * sizeof *s->factors);
    s->inverse = quern_pass_alloc(ctx, (s->channels + 1) * sizeof *s->inverse);
    if (readers == NULL || s->factors == NULL || s->inverse == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < s->n_readers; i++) {
        bool seen = false;
        code = qn_noise_reader_init(ctx, &s->readers[i], s->value, &plain,
                                    &readers[i], &seen);
        if (code != QUERN_OK || !seen) {
            return code;
        }
        readers[i].tails = NULL; /* some nets gain with them, as many lose */
        readers[i].range_part = 0.0;    /* the whole range is used */
        readers[i].output_energy = 0.0; /* readers count alike */
    }
    struct quern_noise_options o = {.rule = QUERN_FACTOR_POWER};
    code =
        quern_noise_search(quern_pass_context(ctx), &o, readers, s->n_readers,
                           s->range, s->channels, s->factors, result);
    for (size_t c = 0; c < s->channels; c++) {
        s->inverse[c] = 1.0 / s->factors[c];
    }
    return code;
}

/* ------------------------------------------------------------------ pass */

/* Comes from a product of two activations by data movement alone. */
static bool is_attention_output(const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    while (p != NULL &&
           (quern_node_is(p, "Transpose") || quern_node_is(p, "Reshape"))) {
        p = quern_value_producer(quern_node_input(p, 0));
    }
    return p != NULL && quern_node_is(p, "MatMul") &&
           quern_value_constant(quern_node_input(p, 1)) == NULL;
}

/* Whether a Mul in front of the readers pays on the target: they must read
 * codes there, and a Mul must not break what runs as one kernel. */
static bool takes_mul(const struct quern_target *t,
                      const struct qn_factor_site *s)
{
    const struct quern_target_op *conv = quern_target_operator(t, "Conv");
    if (!s->product && conv != NULL && conv->least_channels > 1) {
        return false; /* depthwise stays in float */
    }
    return quern_target_has(&t->tricks, is_attention_output(s->value)
                                            ? "factor-mul-attention"
                                            : "factor-mul");
}

/* Made from codes by an operator that is in integers between codes alone, as
 * the Mul of a SiLU: a Mul behind it sends the whole SiLU back to floats. */
static bool is_linked(const struct qn_placement *place,
                      const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    const struct quern_target_op *op =
        p != NULL ? quern_target_node(place->target, p) : NULL;
    return op != NULL && op->kind == QUERN_INTEGER_LINK &&
           qn_reads_codes(place, p, 0);
}

/* Cut of the noise that is worth a Mul. A depthwise Conv takes about the time
 * of the Mul, so less is not (measured: .05 dB for 4 to 8 % of the time of
 * whole networks), but behind HardSwish, whose channels differ most. */
static double worth(const struct qn_placement *place,
                    const struct qn_factor_site *s,
                    const struct factor_params *p)
{
    const struct quern_node *maker = quern_value_producer(s->value);
    if (is_linked(place, s->value)) {
        return p->link_gain;
    }
    return s->product || (maker != NULL && quern_node_is(maker, "HardSwish"))
               ? p->gain
               : p->depthwise_gain;
}

static enum quern_code improve(struct quern_pass_ctx *ctx,
                               struct qn_factor_site *s, double gain,
                               size_t *n_done)
{
    struct quern_noise_result r;
    bool folded = false;
    enum quern_code code = search(ctx, s, &r);
    if (code != QUERN_OK || !(r.alpha > 0.0)) {
        return code;
    }
    s->even = s->value;
    code = qn_factors_fold(ctx, s, &folded);
    if (code == QUERN_OK && !folded) {
        if (!takes_mul(quern_pass_target(ctx), s) ||
            r.noise_none < gain * r.noise) {
            return QUERN_OK; /* not worth a Mul */
        }
        code = qn_factors_insert(ctx, s);
    }
    for (size_t i = 0; i < s->n_readers && code == QUERN_OK; i++) {
        code = qn_scale_inputs(ctx, &s->readers[i], s->factors);
    }
    if (code == QUERN_OK) {
        code = qn_factors_tell(ctx, s);
    }
    if (code == QUERN_OK) {
        (*n_done)++;
        quern_pass_account(ctx, s->readers[0].node,
                           "%zu channels of its input, exponent %.2f, noise "
                           "cut %.1f-fold, %s",
                           s->channels, r.alpha, r.noise_none / r.noise,
                           folded ? "folded" : "by a Mul");
    }
    return code;
}

/* Values that operators with weights read, in the order of the graph. */
struct candidates {
    struct quern_value **values;
    size_t n;
};

static enum quern_code list_candidates(struct quern_pass_ctx *ctx,
                                       struct quern_node *node, void *user)
{
    struct candidates *c = user;
    (void)ctx;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        struct quern_value *v = quern_node_output(node, i);
        const struct quern_use *u = v != NULL ? quern_value_first_use(v) : NULL;
        while (u != NULL &&
               (quern_use_node(u) == NULL || !qn_is_heavy(quern_use_node(u)))) {
            u = quern_use_next(u);
        }
        if (u != NULL) {
            c->values[c->n++] = v;
        }
    }
    return QUERN_OK;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             const struct qn_placement *place,
                             struct quern_value *v,
                             const struct factor_params *p, size_t *n_done)
{
    struct qn_factor_site s;
    bool found = false;
    enum quern_code code = quern_pass_scope_open(ctx);
    if (code == QUERN_OK) {
        code = look(ctx, v, &s, &found);
    }
    if (code == QUERN_OK && found) {
        code = improve(ctx, &s, worth(place, &s, p), n_done);
    }
    quern_pass_scope_close(ctx);
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct factor_params *p = params;
    struct candidates all = {0};
    struct qn_placement_options guess = {.attention_rows = -1, .guess = true};
    struct qn_placement place = {0};
    size_t n_done = 0;
    enum quern_code code = qn_place(ctx, graph, &guess, &place);
    all.values = quern_pass_alloc(ctx, (place.n_values + 1) *
                                           sizeof(struct quern_value *));
    if (code == QUERN_OK && all.values == NULL) {
        code = QUERN_NO_MEMORY;
    }
    if (code == QUERN_OK) {
        code = quern_pass_each(ctx, graph, &(struct quern_each){0},
                               list_candidates, &all);
    }
    for (size_t i = 0; i < all.n && code == QUERN_OK; i++) {
        code = visit(ctx, &place, all.values[i], p, &n_done);
    }
    quern_pass_account(ctx, NULL, "%zu inputs evened", n_done);
    return code;
}

static const struct quern_option options[] = {
    {"gain", QUERN_OPTION_FLOAT, offsetof(struct factor_params, gain), 1, 1e6,
     NULL, "least cut of the noise that is worth a Mul"},
    {"depthwise-gain", QUERN_OPTION_FLOAT,
     offsetof(struct factor_params, depthwise_gain), 1, 1e6, NULL,
     "the same in front of a depthwise Conv that reads no HardSwish"},
    {"link-gain", QUERN_OPTION_FLOAT, offsetof(struct factor_params, link_gain),
     1, 1e6, NULL,
     "the same where the Mul takes operators in front of it out of integers"},
    {0},
};

static const struct factor_params defaults = {2.0, 3.0, 10.0};

const struct quern_pass_desc qn_pass_channel_factors = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "channel-factors",
    .summary = "even out the channels of inputs, exactly, in float",
    .options = options,
    .params_size = sizeof(struct factor_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_RANGES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "quantize",
};
