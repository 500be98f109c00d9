/* lower-opset: the model to a lower opset, down to 13, by real conversion; what
 * cannot be said there is named and nothing is done. For targets whose parsers
 * are older than the model. Source: ONNX operator changelog. */
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "convert/lower.h"

#include <stdio.h>
#include <string.h>

struct lower_params {
    int64_t opset; /* 0: the highest that the target takes */
};

enum { LOWEST = 13, HIGHEST = 26 };

enum quern_code qn_lower_is_new(const struct lowering *l,
                                struct quern_node *node)
{
    return qn_lower_refuse(l, node, "this operator is newer");
}

/* Refuse unless an attribute is absent or has its old meaning. */
static enum quern_code only_old(const struct lowering *l,
                                const struct quern_node *node,
                                const char *const *attrs)
{
    char why[64];
    for (size_t i = 0; attrs[i] != NULL; i++) {
        if (quern_node_has_attr(node, attrs[i])) {
            snprintf(why, sizeof why, "its attribute '%s' is newer", attrs[i]);
            return qn_lower_refuse(l, node, why);
        }
    }
    return QUERN_OK;
}

/* ---------------------------------------------------------------- 18 to 17 */

/* Axes of reductions became an input. */
static enum quern_code lower_reduce(const struct lowering *l,
                                    struct quern_node *node)
{
    const struct quern_value *axes = quern_node_input(node, 1);
    bool noop = quern_node_int(node, "noop_with_empty_axes", 0) != 0;
    enum quern_code code = QUERN_OK;
    if (axes == NULL && noop) {
        return qn_lower_refuse(l, node, "it reduces nothing");
    }
    if (axes != NULL) {
        const struct quern_tensor *t = quern_value_constant(axes);
        if (t == NULL || quern_tensor_dtype(t) != QUERN_INT64) {
            return qn_lower_refuse(l, node, "its axes are computed");
        }
        if (quern_tensor_len(t) == 0 && noop) {
            return qn_lower_refuse(l, node, "it reduces nothing");
        }
        if (quern_tensor_len(t) > 0) {
            code = quern_node_set_ints(node, "axes", quern_tensor_data(t),
                                       (size_t)quern_tensor_len(t));
        }
        if (code == QUERN_OK) {
            code = quern_node_set_input(node, 1, NULL);
        }
    }
    if (code == QUERN_OK && quern_node_has_attr(node, "noop_with_empty_axes")) {
        code = quern_node_remove_attr(node, "noop_with_empty_axes");
    }
    return code;
}

/* num_outputs: equal parts, the last one smaller; the parts are written out. */
static enum quern_code lower_split(const struct lowering *l,
                                   struct quern_node *node)
{
    int64_t n = quern_node_int(node, "num_outputs", 0);
    struct quern_value *x = quern_node_input(node, 0);
    int64_t axis = quern_node_int(node, "axis", 0);
    int rank = quern_value_rank(x);
    struct quern_tensor *t = NULL;
    struct quern_value *parts = NULL;
    if (!quern_node_has_attr(node, "num_outputs")) {
        return QUERN_OK;
    }
    axis += axis < 0 && rank > 0 ? rank : 0;
    int64_t size = rank > 0 && axis >= 0 && axis < rank
                       ? quern_value_dims(x)[axis].value
                       : -1;
    if (n < 1 || size < 0) {
        return qn_lower_refuse(l, node, "the size that it splits is not known");
    }
    int64_t *sizes = quern_pass_alloc(l->ctx, (size_t)n * sizeof *sizes);
    if (sizes == NULL) {
        return QUERN_NO_MEMORY;
    }
    int64_t part = (size + n - 1) / n;
    for (int64_t i = 0; i < n; i++) {
        int64_t left = size - i * part;
        sizes[i] = left < part ? (left > 0 ? left : 0) : part;
    }
    enum quern_code code =
        quern_tensor_of_ints(quern_pass_context(l->ctx), n, sizes, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(
            quern_node_graph(node),
            quern_value_name(quern_node_output(node, 0)), t, &parts);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, parts);
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, "num_outputs")
                            : code;
}

static enum quern_code lower_pad(const struct lowering *l,
                                 struct quern_node *node)
{
    if (quern_node_input(node, 3) != NULL && l->to < 18) {
        return qn_lower_refuse(l, node, "it pads named axes");
    }
    const char *mode = qn_string_or(node, "mode", "constant");
    return strcmp(mode, "wrap") == 0 && l->to < 19
               ? qn_lower_refuse(l, node, "mode wrap is newer")
               : QUERN_OK;
}

static enum quern_code lower_resize(const struct lowering *l,
                                    struct quern_node *node)
{
    static const char *const attrs[] = {"antialias", "axes",
                                        "keep_aspect_ratio_policy", NULL};
    enum quern_code code = QUERN_OK;
    const char *how =
        qn_string_or(node, "coordinate_transformation_mode", "half_pixel");
    if (strcmp(how, "half_pixel_symmetric") == 0) {
        return qn_lower_refuse(l, node, "half_pixel_symmetric is newer");
    }
    if (l->to >= 18) {
        return QUERN_OK;
    }
    /* Exporters write defaults out. */
    if (quern_node_has_attr(node, "antialias") &&
        quern_node_int(node, "antialias", 0) == 0) {
        code = quern_node_remove_attr(node, "antialias");
    }
    if (code == QUERN_OK &&
        strcmp(qn_string_or(node, "keep_aspect_ratio_policy", ""), "stretch") ==
            0) {
        code = quern_node_remove_attr(node, "keep_aspect_ratio_policy");
    }
    return code == QUERN_OK ? only_old(l, node, attrs) : code;
}

static enum quern_code lower_scatter(const struct lowering *l,
                                     struct quern_node *node)
{
    const char *how = qn_string_or(node, "reduction", "none");
    return strcmp(how, "max") == 0 || strcmp(how, "min") == 0
               ? qn_lower_refuse(l, node, "reduction max and min are newer")
               : QUERN_OK;
}

/* ---------------------------------------------------------------- 19 and on */

static enum quern_code lower_pool(const struct lowering *l,
                                  struct quern_node *node)
{
    static const char *const attrs[] = {"dilations", NULL};
    const int64_t *steps = NULL;
    size_t n = 0;
    if (quern_node_has_attr(node, "dilations") &&
        quern_node_attr_ints(node, "dilations", &steps, &n) == QUERN_OK) {
        bool plain = true;
        for (size_t i = 0; i < n; i++) {
            plain = plain && steps[i] == 1;
        }
        if (plain) {
            return quern_node_remove_attr(node, "dilations");
        }
    }
    return only_old(l, node, attrs);
}

static enum quern_code lower_lp_pool(const struct lowering *l,
                                     struct quern_node *node)
{
    static const char *const attrs[] = {"ceil_mode", NULL};
    enum quern_code code = QUERN_OK;
    if (quern_node_has_attr(node, "ceil_mode") &&
        quern_node_int(node, "ceil_mode", 0) == 0) {
        code = quern_node_remove_attr(node, "ceil_mode");
    }
    code = code == QUERN_OK ? only_old(l, node, attrs) : code;
    return code == QUERN_OK ? lower_pool(l, node) : code;
}

/* Of numbers that older opsets have, the attribute says nothing. */
static enum quern_code lower_saturate(const struct lowering *l,
                                      struct quern_node *node)
{
    static const char *const attrs[] = {"saturate", NULL};
    enum quern_dtype to = quern_value_dtype(quern_node_output(node, 0));
    bool is_old = to != QUERN_UNDEFINED && to < QUERN_FLOAT8E4M3FN;
    return is_old && quern_node_has_attr(node, "saturate")
               ? quern_node_remove_attr(node, "saturate")
               : only_old(l, node, attrs);
}

static enum quern_code lower_dft(const struct lowering *l,
                                 struct quern_node *node)
{
    return qn_lower_refuse(l, node, "its axis became an input");
}

static enum quern_code lower_grid(const struct lowering *l,
                                  struct quern_node *node)
{
    const char *mode = qn_string_or(node, "mode", "linear");
    if (quern_value_rank(quern_node_input(node, 0)) != 4) {
        return qn_lower_refuse(l, node, "its input is no batch of images");
    }
    if (strcmp(mode, "linear") != 0 && strcmp(mode, "cubic") != 0) {
        return QUERN_OK;
    }
    const char *old = strcmp(mode, "linear") == 0 ? "bilinear" : "bicubic";
    return quern_node_set_string(node, "mode", old);
}

static enum quern_code lower_pair(const struct lowering *l,
                                  struct quern_node *node)
{
    static const char *const attrs[] = {"block_size", "output_dtype",
                                        "precision", NULL};
    return only_old(l, node, attrs);
}

/* QuantizeLinear has output_dtype since 21. */
static enum quern_code lower_typed_pair(const struct lowering *l,
                                        struct quern_node *node)
{
    static const char *const of_q[] = {"precision", NULL};
    static const char *const of_dq[] = {"output_dtype", NULL};
    return only_old(l, node,
                    quern_node_is(node, "QuantizeLinear") ? of_q : of_dq);
}

static enum quern_code lower_attention(const struct lowering *l,
                                       struct quern_node *node)
{
    return quern_node_input(node, 6) != NULL
               ? qn_lower_refuse(l, node, "lengths of the cache are newer")
               : QUERN_OK;
}

/* What changed after opset 17 in a way that an old model cannot say. Changes of
 * element types alone are not here: check_types() finds them. */
static const struct qn_lower_change changes[] = {
    {"BitwiseAnd", 18, qn_lower_is_new},
    {"BitwiseNot", 18, qn_lower_is_new},
    {"BitwiseOr", 18, qn_lower_is_new},
    {"BitwiseXor", 18, qn_lower_is_new},
    {"CenterCropPad", 18, qn_lower_is_new},
    {"Col2Im", 18, qn_lower_is_new},
    {"GroupNormalization", 18, qn_lower_group_norm},
    {"Mish", 18, qn_lower_mish},
    {"ReduceL1", 18, lower_reduce},
    {"ReduceL2", 18, lower_reduce},
    {"ReduceLogSum", 18, lower_reduce},
    {"ReduceLogSumExp", 18, lower_reduce},
    {"ReduceMax", 18, lower_reduce},
    {"ReduceMean", 18, lower_reduce},
    {"ReduceMin", 18, lower_reduce},
    {"ReduceProd", 18, lower_reduce},
    {"ReduceSumSquare", 18, lower_reduce},
    {"Split", 18, lower_split},
    {"Pad", 18, lower_pad},
    {"Pad", 19, lower_pad},
    {"Resize", 18, lower_resize},
    {"Resize", 19, lower_resize},
    {"ScatterElements", 18, lower_scatter},
    {"ScatterND", 18, lower_scatter},
    {"LpPool", 18, lower_lp_pool},
    {"AveragePool", 19, lower_pool},
    {"Cast", 19, lower_saturate},
    {"CastLike", 19, lower_saturate},
    {"QuantizeLinear", 19, lower_saturate},
    {"DeformConv", 19, qn_lower_is_new},
    {"AffineGrid", 20, qn_lower_is_new},
    {"DFT", 20, lower_dft},
    {"Gelu", 20, qn_lower_gelu},
    {"GridSample", 20, lower_grid},
    {"ImageDecoder", 20, qn_lower_is_new},
    {"RegexFullMatch", 20, qn_lower_is_new},
    {"StringConcat", 20, qn_lower_is_new},
    {"StringSplit", 20, qn_lower_is_new},
    {"QuantizeLinear", 21, lower_pair},
    {"DequantizeLinear", 21, lower_pair},
    {"GroupNormalization", 21, qn_lower_group_norm},
    {"QuantizeLinear", 23, lower_typed_pair},
    {"DequantizeLinear", 23, lower_typed_pair},
    {"Attention", 24, lower_attention},
    {"Attention", 23, qn_lower_attention},
    {"RMSNormalization", 23, qn_lower_rms},
    {"RotaryEmbedding", 23, qn_lower_rotary},
    {"Swish", 24, qn_lower_swish},
    {"TensorScatter", 24, qn_lower_is_new},
    {"BitCast", 26, qn_lower_is_new},
    {"CumProd", 26, qn_lower_is_new},
    {0},
};

/* -------------------------------------------------------------------- pass */

static enum quern_code lower_by(const struct lowering *l,
                                struct quern_node *node, int64_t from,
                                const struct qn_lower_change *table)
{
    enum quern_code code = QUERN_OK;
    char op[64];
    snprintf(op, sizeof op, "%s", quern_node_op(node));
    for (; table->op != NULL && code == QUERN_OK; table++) {
        if (table->since > l->to && table->since <= from &&
            strcmp(table->op, op) == 0) {
            code = table->lower(l, node);
        }
    }
    return code;
}

static enum quern_code lower_node(const struct lowering *l,
                                  struct quern_node *node, int64_t from)
{
    if (*quern_node_domain(node) != '\0') {
        return QUERN_OK;
    }
    enum quern_code code = lower_by(l, node, from, changes);
    return code == QUERN_OK ? lower_by(l, node, from, qn_lower_old) : code;
}

static enum quern_code lower_graph(const struct lowering *l,
                                   struct quern_graph *graph, int64_t from)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *next = NULL;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        code = lower_node(l, n, from);
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && code == QUERN_OK;
             i++) {
            code = lower_graph(l, quern_node_subgraph(n, i), from);
        }
    }
    return code;
}

/* Refuse a type that the operator of the lower opset, which is the model's by
 * now, does not take. */
static enum quern_code check_type(const struct lowering *l,
                                  const struct quern_node *node,
                                  const struct quern_value *v,
                                  const struct quern_port *port)
{
    char why[96];
    enum quern_dtype dtype = v != NULL ? quern_value_dtype(v) : QUERN_UNDEFINED;
    if (dtype == QUERN_UNDEFINED || port->types == 0 ||
        quern_value_kind(v) != QUERN_KIND_TENSOR ||
        (port->types >> (unsigned)dtype & 1) != 0) {
        return QUERN_OK;
    }
    snprintf(why, sizeof why, "%s of opset %lld has no %s", quern_node_op(node),
             (long long)l->to, quern_dtype_name(dtype));
    return qn_lower_refuse(l, node, why);
}

static enum quern_code check_node(const struct lowering *l,
                                  const struct quern_node *node)
{
    struct quern_port port;
    enum quern_code code = QUERN_OK;
    if (*quern_node_domain(node) != '\0') {
        return QUERN_OK;
    }
    for (size_t i = 0; i < quern_node_n_inputs(node) && code == QUERN_OK; i++) {
        if (quern_node_input_port(node, i, &port)) {
            code = check_type(l, node, quern_node_input(node, i), &port);
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
         i++) {
        if (quern_node_output_port(node, i, &port)) {
            code = check_type(l, node, quern_node_output(node, i), &port);
        }
    }
    return code;
}

/* Recursion: as deep as graphs nest, which the reader bounds. */
static enum quern_code check_types(const struct lowering *l,
                                   struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        code = check_node(l, n);
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && code == QUERN_OK;
             i++) {
            code = check_types(l, quern_node_subgraph(n, i));
        }
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct lower_params *p = params;
    struct quern_model *model = quern_pass_model(ctx);
    int64_t from = quern_model_opset(model, "");
    struct lowering l = {
        .ctx = ctx,
        .to = p->opset > 0 ? p->opset : quern_pass_target(ctx)->opset_maximum,
        .from = from};
    if (from <= l.to) {
        return QUERN_OK;
    }
    if (l.to < LOWEST || from > HIGHEST) {
        return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, NULL,
                          "opset %lld cannot be lowered to %lld, only from %d "
                          "down to %d",
                          (long long)from, (long long)l.to, HIGHEST, LOWEST);
    }
    enum quern_code code = lower_graph(&l, graph, from);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "opset %lld lowered to %lld",
                           (long long)from, (long long)l.to);
        code = quern_model_set_opset(model, "", l.to);
    }
    return code == QUERN_OK ? check_types(&l, graph) : code;
}

static const struct quern_option options[] = {
    {"opset", QUERN_OPTION_INT, offsetof(struct lower_params, opset), 0,
     HIGHEST, NULL,
     "opset to lower the model to; lower ones are left; 0: the highest that "
     "the target takes"},
    {0},
};

const struct quern_pass_desc qn_pass_lower_opset = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "lower-opset",
    .summary = "lower the model's opset to what the target takes",
    .options = options,
    .params_size = sizeof(struct lower_params),
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "convert",
};
