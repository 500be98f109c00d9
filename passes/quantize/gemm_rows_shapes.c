/* gemm-rows: where a region ends, and with which sizes. */
#include "common.h"
#include "quantize/gemm_rows.h"

#include <string.h>

/* Zeros of a constant shape, which copy a size, as numbers. */
static bool read_shape(const struct qn_rows *r, const struct quern_value *x,
                       struct qn_rows_shape *out)
{
    int rank = quern_value_rank(r->like);
    int n_copied = 0;
    int n_unknown = 0;
    bool infers = false;
    for (int i = 0; i < out->n; i++) {
        infers = infers || out->numbers[i] == -1;
        if (out->numbers[i] != 0) {
            continue;
        }
        n_copied++;
        if (i >= rank) {
            return false;
        }
        if (quern_value_dims(x)[i].value > 0) {
            out->numbers[i] = quern_value_dims(x)[i].value;
        }
        n_unknown += out->numbers[i] == 0 ? 1 : 0;
    }
    if (n_copied == 0) {
        out->n = -1;
        return true;
    }
    for (int i = 0; i < out->n && n_unknown == 1 && !infers; i++) {
        if (out->numbers[i] == 0) {
            out->numbers[i] = -1;
            return true;
        }
    }
    while (out->n_lead < out->n && out->numbers[out->n_lead] == 0) {
        out->n_lead++;
    }
    out->zero_is_0 = !infers && out->n_lead > 0;
    return out->n_lead == n_unknown && out->n_lead < rank;
}

/* A shape that is computed: no size of it is copied, whatever it comes to. */
static bool read_numbers(const struct quern_value *shape,
                         struct qn_rows_shape *out)
{
    size_t len = 0;
    const struct quern_number *numbers =
        shape != NULL ? quern_value_numbers(shape, &len) : NULL;
    out->zero_is_0 = true;
    for (size_t i = 0; numbers != NULL && i < len; i++) {
        if (!numbers[i].known ||
            (numbers[i].expr == NULL && numbers[i].value == 0)) {
            return false;
        }
        if (numbers[i].expr == NULL && numbers[i].value == -1) {
            out->zero_is_0 = false;
        }
    }
    return numbers != NULL;
}

bool qn_rows_reshape(const struct qn_rows *r, const struct quern_use *use,
                     struct qn_rows_shape *out)
{
    const struct quern_node *node = quern_use_node(use);
    if (node == NULL || quern_node_graph(node) != r->graph ||
        !quern_node_is(node, "Reshape") || quern_use_index(use) != 0 ||
        quern_node_int(node, "allowzero", 0) != 0) {
        return false;
    }
    const struct quern_value *shape = quern_node_input(node, 1);
    memset(out, 0, sizeof *out);
    out->n = qn_int_values(shape, QUERN_MAX_RANK, out->numbers);
    return (out->n >= 0 ? read_shape(r, quern_node_input(node, 0), out)
                        : read_numbers(shape, out)) &&
           (!out->zero_is_0 || quern_node_opset(node) >= 14);
}

bool qn_rows_shape_of(const struct quern_value *value, int64_t opset,
                      struct qn_rows_shape *out)
{
    int n_unknown = 0;
    *out = (struct qn_rows_shape){.n = quern_value_rank(value)};
    for (int i = 0; i < out->n; i++) {
        out->numbers[i] = quern_value_dims(value)[i].value;
        n_unknown += out->numbers[i] < 0 ? 1 : 0;
    }
    if (n_unknown > 1) {
        memset(out->numbers, 0, (size_t)(out->n - 1) * sizeof(int64_t));
        out->n_lead = out->n - 1;
        out->zero_is_0 = true;
    }
    return n_unknown <= 1 || opset >= 14;
}

bool qn_rows_stays(const struct qn_rows *r, const struct quern_value *value)
{
    struct qn_rows_shape shape;
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        if (!qn_rows_hold(r, quern_use_node(u)) &&
            !qn_rows_reshape(r, u, &shape)) {
            return true;
        }
    }
    return quern_value_is_graph_output(value);
}
