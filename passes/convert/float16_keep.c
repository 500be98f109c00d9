/* to-float16: what stays wide, and why. */
#include <quern/recipe.h>

#include "convert/float16.h"

#include <string.h>

/* ---------------------------------------------------------------- by rule */

struct blocked {
    const char *op;
    const char *why;
};

/* ONNX Runtime 1.32 ends the process when it loads an LSTM in float16 whose
 * states are inputs. */
static const char needs_digits[] = "its operator needs the digits";
static const char is_lacking[] = "runtimes lack its operator in that type";
static const struct blocked blocked[] = {
    {"Cos", needs_digits},
    {"CumSum", needs_digits},
    {"CumProd", needs_digits},
    {"DFT", needs_digits},
    {"Det", needs_digits},
    {"MaxRoiPool", needs_digits},
    {"Range", needs_digits},
    {"RoiAlign", needs_digits},
    {"STFT", needs_digits},
    {"Sin", needs_digits},
    {"Tan", needs_digits},
    {"GRU", is_lacking},
    {"LSTM", is_lacking},
    {"MeanVarianceNormalization", is_lacking},
    {"MelWeightMatrix", is_lacking},
    {"Bernoulli", is_lacking},
    {"EyeLike", is_lacking},
    {"RandomNormal", is_lacking},
    {"RandomNormalLike", is_lacking},
    {"RandomUniform", is_lacking},
    {"RandomUniformLike", is_lacking},
    {"NonMaxSuppression", is_lacking},
    {"RNN", is_lacking},
};

static const char *blocked_by(const struct quern_node *node)
{
    static const char *const scatters[] = {"ScatterElements", "ScatterND",
                                           NULL};
    const char *text = NULL;
    size_t size = 0;
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++) {
        if (quern_node_is(node, blocked[i].op)) {
            return blocked[i].why;
        }
    }
    bool adds =
        qn_is_one_of(node, scatters) &&
        quern_node_attr_string(node, "reduction", &text, &size) == QUERN_OK &&
        strcmp(text, "none") != 0;
    return adds ? is_lacking : NULL;
}

static bool names(const struct quern_strings *list,
                  const struct quern_node *node)
{
    for (size_t i = 0; i < list->count; i++) {
        if (quern_node_is(node, list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool is_code_node(const struct quern_node *node)
{
    static const char *const ops[] = {"QuantizeLinear", "DequantizeLinear",
                                      "DynamicQuantizeLinear", NULL};
    return node != NULL && qn_is_one_of(node, ops);
}

/* Reads codes or makes what becomes codes: a runtime fuses it with them. */
static bool is_beside_codes(const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (x != NULL && is_code_node(quern_value_producer(x))) {
            return true;
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        const struct quern_use *use =
            y != NULL ? quern_value_first_use(y) : NULL;
        for (; use != NULL; use = quern_use_next(use)) {
            if (is_code_node(quern_use_node(use))) {
                return true;
            }
        }
    }
    return false;
}

static const char *rule_of(const struct qn_half *h,
                           const struct quern_node *node)
{
    const struct quern_settings settings =
        quern_pass_node_settings(h->ctx, node);
    if (!settings.quantize) {
        return "an override says so";
    }
    if (*quern_node_domain(node) != '\0') {
        return "operators of other domains stay";
    }
    if (names(&h->params->block, node)) {
        return "the option block names it";
    }
    const char *why = blocked_by(node);
    if (why != NULL && !names(&h->params->unblock, node)) {
        return why;
    }
    if (h->params->qdq || quern_node_n_subgraphs(node) > 0) {
        return NULL;
    }
    return is_code_node(node) ? "scales of codes stay, as the option qdq is off"
           : is_beside_codes(node)
               ? "it is computed in integers, as the option qdq is off"
               : NULL;
}

/* Coordinates inside of pictures: an input of its own type. */
static size_t place_input(const struct quern_node *node)
{
    return quern_node_is(node, "GridSample") || quern_node_is(node, "Resize")
               ? 1
               : SIZE_MAX;
}

static enum quern_code keep_by_rule(struct qn_half *h, struct quern_node *node)
{
    const char *why = rule_of(h, node);
    size_t i = place_input(node);
    if (why != NULL) {
        qn_half_keep_node(h, node, why);
    }
    if (qn_half_wide(h, quern_node_input(node, i))) {
        qn_half_keep(h, qn_half_read(h, node, i), "places in pictures");
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------- by numbers */

static bool moves_data(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Identity",  "Reshape",         "Transpose", "Squeeze",
        "Unsqueeze", "Flatten",         "Slice",     "Gather",
        "GatherND",  "GatherElements",  "Concat",    "Expand",
        "Tile",      "Split",           "Trilu",     "Pad",
        "ScatterND", "ScatterElements", "OneHot",    NULL};
    return qn_is_one_of(node, ops);
}

/* What a large number gives there is as large; of norms, scale and bias. */
static bool spreads_large(const struct quern_node *node, size_t i)
{
    static const char *const norms[] = {
        "LayerNormalization",    "RMSNormalization",   "GroupNormalization",
        "InstanceNormalization", "BatchNormalization", NULL};
    static const char *const ops[] = {"Where", "Add", "Sub", "Mul",
                                      "Neg",   "Sum", "Max", "Min",
                                      "Relu",  "Abs", NULL};
    return moves_data(node) || qn_is_one_of(node, ops) ||
           ((i == 1 || i == 2) && qn_is_one_of(node, norms));
}

/* What a number near zero gives there is near zero, or large by that. */
static bool spreads_tiny(const struct quern_node *node)
{
    static const char *const ops[] = {"Add",  "Max",        "Clip",
                                      "Sqrt", "Reciprocal", NULL};
    return moves_data(node) || qn_is_one_of(node, ops);
}

static void mark_outputs(struct qn_half *h, const struct quern_node *node,
                         enum qn_half_flag flag)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            qn_half_mark(h, quern_node_output(node, i), flag);
            qn_half_mark(h, quern_node_output(node, i), QN_HALF_LARGE);
        }
    }
}

static void look_at_input(struct qn_half *h, const struct quern_node *node,
                          size_t i)
{
    const struct quern_value *x = quern_node_input(node, i);
    const char *why = NULL;
    bool is_large = qn_half_has(h, x, QN_HALF_SPREAD);
    bool is_tiny = qn_half_has(h, x, QN_HALF_TINY);
    if (quern_value_constant(x) != NULL) {
        bool is_bad = qn_half_misfit(h, x, &is_large, &why);
        if (!is_bad || (is_large && qn_half_is_bound(node, i))) {
            return;
        }
        is_tiny = !is_large;
    } else if (qn_half_has(h, x, QN_HALF_LARGE)) {
        why = "it reads numbers that the type does not hold";
    }
    if (why != NULL) {
        qn_half_keep(h, qn_half_read(h, node, i), why);
    }
    if (is_large && spreads_large(node, i)) {
        mark_outputs(h, node, QN_HALF_SPREAD);
    }
    if (is_tiny && spreads_tiny(node)) {
        mark_outputs(h, node, QN_HALF_TINY);
    }
}

static enum quern_code keep_by_numbers(struct qn_half *h,
                                       struct quern_node *node)
{
    static const char *const sums[] = {"MatMulInteger", "ConvInteger", NULL};
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *maker = x != NULL ? quern_value_producer(x) : NULL;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        if (qn_half_wide(h, quern_node_input(node, i))) {
            look_at_input(h, node, i);
        }
    }
    /* Sums of products of codes: 32 bits. */
    if (maker != NULL && quern_node_is(node, "Cast") &&
        qn_is_one_of(maker, sums)) {
        mark_outputs(h, node, QN_HALF_LARGE);
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (qn_half_has(h, quern_node_output(node, i), QN_HALF_LARGE)) {
            qn_half_keep(h, qn_half_of(quern_node_output(node, i)),
                         "it makes numbers that the type does not hold");
        }
    }
    return QUERN_OK;
}

/* ----------------------------------------------------- counts and angles */

/* Cheap, and each number of the output comes from one of each input. */
static bool is_elementwise(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Add",      "Sub",  "Mul",     "Div",   "Neg", "Abs",
        "Floor",    "Ceil", "Round",   "Sqrt",  "Pow", "Reciprocal",
        "Clip",     "Min",  "Max",     "Mod",   "Log", "Exp",
        "Where",    "Cast", "Sign",    "Range", "Sum", "Relu",
        "CastLike", "Erf",  "Sigmoid", "Tanh",  NULL};
    return qn_is_one_of(node, ops) || moves_data(node);
}

static bool is_product(const struct quern_node *node)
{
    static const char *const ops[] = {"MatMul", "Einsum", "Gemm", "CumSum",
                                      NULL};
    return qn_is_one_of(node, ops);
}

/* All that it reads in floats is a count or a constant. */
static bool reads_counts(const struct qn_half *h, const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (qn_half_wide(h, x) && quern_value_constant(x) == NULL &&
            !qn_half_has(h, x, QN_HALF_COUNT)) {
            return false;
        }
    }
    return true;
}

static enum quern_code find_counts(struct qn_half *h, struct quern_node *node)
{
    bool counts = (is_elementwise(node) || is_product(node) ||
                   quern_node_is(node, "ConstantOfShape")) &&
                  reads_counts(h, node);
    for (size_t i = 0; counts && i < quern_node_n_outputs(node); i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            qn_half_mark(h, quern_node_output(node, i), QN_HALF_COUNT);
        }
    }
    return QUERN_OK;
}

/* Input i becomes a place, a number of steps or an angle. */
static bool asks_for_digits(const struct qn_half *h,
                            const struct quern_node *node, size_t i)
{
    static const char *const angles[] = {
        "Sin", "Cos", "Tan", "Range", "Round", "NonMaxSuppression", NULL};
    const struct quern_value *y = quern_node_output(node, 0);
    return (quern_node_is(node, "Cast") && y != NULL && !qn_half_wide(h, y) &&
            quern_dtype_is_integer(quern_value_dtype(y))) ||
           qn_is_one_of(node, angles) || i == place_input(node) ||
           (quern_node_is(node, "Resize") && i == 2);
}

static enum quern_code keep_digits(struct qn_half *h, struct quern_node *node)
{
    bool passes_on = false;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        passes_on = passes_on ||
                    qn_half_has(h, quern_node_output(node, i), QN_HALF_EXACT);
    }
    passes_on = passes_on && (is_elementwise(node) ||
                              (is_product(node) && reads_counts(h, node)));
    if (passes_on) {
        qn_half_keep_node(h, node, "its numbers become integers or angles");
    }
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (qn_half_wide(h, x) && (passes_on || asks_for_digits(h, node, i))) {
            qn_half_mark(h, x, QN_HALF_EXACT);
        }
    }
    return QUERN_OK;
}

/* ---------------------------------------------------- between wide ones */

/* Worth no two Casts; products of large tensors are. */
static bool is_light(const struct quern_node *node)
{
    static const char *const heavy[] = {
        "Conv", "ConvTranspose", "Gemm",      "MatMul",     "Einsum", "LSTM",
        "GRU",  "RNN",           "Attention", "DeformConv", NULL};
    return !qn_is_one_of(node, heavy) && quern_node_n_subgraphs(node) == 0;
}

static bool is_wide_before(struct qn_half *h, const struct quern_value *x)
{
    return quern_value_constant(x) != NULL ||
           qn_half_why(h, qn_half_of(x)) != NULL ||
           qn_half_has(h, x, QN_HALF_BEFORE);
}

static enum quern_code mark_before(struct qn_half *h, struct quern_node *node)
{
    bool all = is_light(node);
    for (size_t i = 0; i < quern_node_n_inputs(node) && all; i++) {
        const struct quern_value *x = quern_node_input(node, i);
        all = !qn_half_wide(h, x) || is_wide_before(h, x);
    }
    for (size_t i = 0; i < quern_node_n_outputs(node) && all; i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            qn_half_mark(h, quern_node_output(node, i), QN_HALF_BEFORE);
        }
    }
    return QUERN_OK;
}

/* All that reads it is wide, or will be. */
static bool is_wide_behind(struct qn_half *h, const struct quern_value *y)
{
    const struct quern_use *use = quern_value_first_use(y);
    bool any = use != NULL;
    for (; use != NULL; use = quern_use_next(use)) {
        const struct quern_node *reader = quern_use_node(use);
        const struct quern_value *out =
            reader != NULL ? quern_node_output(reader, 0) : NULL;
        if (!qn_half_takes_wide(h, y, use) &&
            !(reader != NULL && qn_half_has(h, out, QN_HALF_BETWEEN))) {
            return false;
        }
    }
    return any;
}

static enum quern_code keep_between(struct qn_half *h, struct quern_node *node)
{
    const struct quern_value *first = quern_node_output(node, 0);
    if (!qn_half_has(h, first, QN_HALF_BEFORE) ||
        qn_half_why_node(h, node) != NULL) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (qn_half_wide(h, y) && !is_wide_behind(h, y)) {
            return QUERN_OK;
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            qn_half_mark(h, quern_node_output(node, i), QN_HALF_BETWEEN);
        }
    }
    qn_half_keep_node(h, node, "it stands between nodes that stay");
    return QUERN_OK;
}

/* Comparisons and their like: what they read is wide, they give no floats. */
static enum quern_code keep_readers(struct qn_half *h, struct quern_node *node)
{
    bool all = false;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            return QUERN_OK;
        }
    }
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (qn_half_wide(h, x) && quern_value_constant(x) == NULL) {
            if (qn_half_why(h, qn_half_of(x)) == NULL) {
                return QUERN_OK;
            }
            all = true;
        }
    }
    if (all && is_light(node)) {
        qn_half_keep_node(h, node, "what it reads stays");
    }
    return QUERN_OK;
}

/* -------------------------------------------------------------- together */

/* Inputs of the model stay as the caller gives them; so do weights that the
 * caller may override, whose numbers are not ours to change. */
static void keep_inputs(struct qn_half *h)
{
    const struct quern_graph *graph = quern_model_graph(h->model);
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        const struct quern_value *x = quern_graph_input(graph, i);
        if (!qn_half_wide(h, x)) {
            continue;
        }
        if (h->params->keep_io) {
            qn_half_keep(h, qn_half_of(x), "it is an input of the model");
        } else if (quern_value_is_initializer(x)) {
            qn_half_keep(h, qn_half_of(x), "the caller may override it");
        }
    }
}

/* An input of the model that only wide nodes read. */
static void keep_unread_inputs(struct qn_half *h)
{
    const struct quern_graph *graph = quern_model_graph(h->model);
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        const struct quern_value *x = quern_graph_input(graph, i);
        if (qn_half_wide(h, x) && is_wide_behind(h, x)) {
            qn_half_keep(h, qn_half_of(x), "only float32 nodes read it");
        }
    }
}

enum quern_code qn_half_decide(struct qn_half *h)
{
    struct quern_graph *graph = quern_model_graph(h->model);
    keep_inputs(h);
    enum quern_code code = qn_half_each(h, graph, false, keep_by_rule);
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, find_counts);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, true, keep_digits);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, keep_by_numbers);
    }
    if (code == QUERN_OK) {
        keep_unread_inputs(h);
        code = qn_half_each(h, graph, false, mark_before);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, true, keep_between);
    }
    return code == QUERN_OK ? qn_half_each(h, graph, false, keep_readers)
                            : code;
}
