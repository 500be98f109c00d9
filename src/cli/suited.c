/* What `quantize` says of models that it can do nothing for. */
#include "suited.h"

#include <string.h>

/* What a model holds, its subgraphs included. */
struct census {
    size_t n_quantized; /* nodes that quantize or compute in integers */
    const struct quern_node *first;
    size_t n_half; /* Conv, Gemm, MatMul with weights of half precision */
    size_t n_heavy;
    size_t n_weights; /* Conv, Gemm, MatMul with constant weights */
};

static bool is_quantized(const struct quern_node *node)
{
    static const char *const ops[] = {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger",
        "com.microsoft.QGemm",
        "com.microsoft.QuantizeLinear",
        "com.microsoft.DequantizeLinear",
        "com.microsoft.MatMulNBits",
        "com.microsoft.DynamicQuantizeMatMul",
        "com.microsoft.QLinearAdd",
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (quern_node_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

static void count_heavy(const struct quern_node *node, struct census *c)
{
    if (!quern_node_is(node, "Conv") && !quern_node_is(node, "Gemm") &&
        !quern_node_is(node, "MatMul") &&
        !quern_node_is(node, "ConvTranspose")) {
        return;
    }
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 1));
    c->n_heavy++;
    c->n_weights += w != NULL;
    c->n_half += w != NULL && (quern_tensor_dtype(w) == QUERN_FLOAT16 ||
                               quern_tensor_dtype(w) == QUERN_BFLOAT16);
}

/* Recursion: as deep as graphs nest, which the reader bounds. */
static void count_graph(struct quern_graph *graph, struct census *c)
{
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        if (is_quantized(n)) {
            c->first = c->first != NULL ? c->first : n;
            c->n_quantized++;
        }
        count_heavy(n, c);
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            count_graph(quern_node_subgraph(n, i), c);
        }
    }
}

enum quern_code cli_check_suited(struct cli *cli,
                                 const struct quern_model *model)
{
    struct census c = {0};
    count_graph(quern_model_graph(model), &c);
    if (c.n_quantized > 0) {
        struct quern_place place = quern_node_place(c.first);
        place.file = quern_model_path(model);
        enum quern_code code = quern_fail(
            cli->context, QUERN_UNSUPPORTED, &place,
            "model is quantized already: %zu nodes quantize or compute in "
            "integers, this is the first; needs the float model",
            c.n_quantized);
        quern_note(cli->context, NULL,
                   "possible with this one: 'quern optimize', 'quern run', "
                   "'quern compare' with its float model");
        return code;
    }
    if (c.n_half > 0 && c.n_half == c.n_weights) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.file = quern_model_path(model);
        enum quern_code code =
            quern_fail(cli->context, QUERN_UNSUPPORTED, &place,
                       "model computes in half precision: %zu of %zu Conv, "
                       "Gemm and MatMul have such weights; needs weights of "
                       "type float",
                       c.n_half, c.n_heavy);
        quern_note(cli->context, NULL, "quantize the float32 model instead");
        return code;
    }
    return QUERN_OK;
}

void cli_warn_unquantized(struct cli *cli, const struct quern_model *model)
{
    struct census c = {0};
    count_graph(quern_model_graph(model), &c);
    if (c.n_quantized == 0) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.file = quern_model_path(model);
        quern_warn(cli->context, &place,
                   "nothing was quantized: %zu Conv, Gemm and MatMul, %zu of "
                   "them with constant weights",
                   c.n_heavy, c.n_weights);
    }
}
