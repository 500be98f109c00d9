/* weight-bias: the bias takes up what rounding the weights shifts the mean of
 * each output by: b += (W - Wq) E[x], E[x] by input channel from calibration.
 * Placement experiment, rule 8. */
#include "builtin.h"
#include "quantize/dequantize.h"
#include "quantize/seen.h"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_table *table = NULL;
    size_t n_done = 0;
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_SHIFT_TABLE,
                         QUERN_TABLE_NODE, sizeof(struct qn_vector), &table);
    (void)params;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        const struct qn_vector *shift =
            quern_table_get(table, quern_node_id(n));
        bool done = false;
        if (shift != NULL) {
            code = qn_bias_add(ctx, n, shift->values, shift->n, &done);
            n_done += done ? 1 : 0;
        }
        if (code == QUERN_OK && shift != NULL) { /* once is enough */
            code = quern_table_remove(table, quern_node_id(n));
        }
    }
    quern_pass_account(ctx, NULL, "%zu biases take up the rounding of weights",
                       n_done);
    return code;
}

const struct quern_pass_desc qn_pass_weight_bias = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "weight-bias",
    .summary = "let biases take up what rounding the weights shifts means by",
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_JUDGED,
    .contract = QUERN_CHANGES_PRECISION,
    .run = run,
    .group = "quantize",
};
