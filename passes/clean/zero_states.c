/* drop-zero-states: an LSTM, GRU or RNN starts from zeros where no state is
 * given, so a state that is nothing but zeros is left out, and with it the
 * shape arithmetic that made it. The zero is +0: from -0 a state could keep
 * the sign, so such a one stays. Of an LSTM both states go or none: runtimes
 * that build the layer from one descriptor take them as a pair. Bit-exact. */
#include "builtin.h"
#include "common.h"

#include <string.h>

enum { MOST_DEPTH = 8, STATE = 5, CELL = 6 };

static bool all_zero(const struct quern_tensor *t)
{
    size_t size = quern_tensor_size(t);
    const unsigned char *p = quern_tensor_data(t);
    return p != NULL && size > 0 && p[0] == 0 &&
           memcmp(p, p + 1, size - 1) == 0;
}

static bool fills_with_zero(const struct quern_node *node)
{
    struct quern_tensor *t = NULL;
    return !quern_node_has_attr(node, "value") || /* the default is 0.0 */
           (quern_node_attr_tensor(node, "value", &t) == QUERN_OK &&
            all_zero(t));
}

/* Nothing but +0 (or 0), whatever the shape. Depth bounds the recursion; only
 * Concat has more than one branch. */
static bool is_zeros(const struct quern_value *value, int depth)
{
    static const char *const moves[] = {
        "Identity", "Expand", "Reshape", "Unsqueeze", "Squeeze", "Transpose",
        "Slice",    "Gather", "Tile",    "Cast",      "Flatten", NULL};
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    const struct quern_node *node =
        value != NULL ? quern_value_producer(value) : NULL;
    if (t != NULL) {
        return all_zero(t);
    }
    if (node == NULL || depth == 0) {
        return false;
    }
    if (quern_node_is(node, "ConstantOfShape")) {
        return fills_with_zero(node);
    }
    if (qn_is_one_of(node, moves)) {
        return is_zeros(quern_node_input(node, 0), depth - 1);
    }
    size_t n = quern_node_is(node, "Concat") ? quern_node_n_inputs(node) : 0;
    for (size_t i = 0; i < n && i < MOST_DEPTH; i++) {
        if (!is_zeros(quern_node_input(node, i), depth / 2)) {
            return false;
        }
    }
    return n > 0 && n <= MOST_DEPTH;
}

static enum quern_code leave_out(struct quern_node *node, size_t i)
{
    struct quern_value *state = quern_node_input(node, i);
    if (state == NULL) {
        return QUERN_OK;
    }
    struct quern_node *maker = quern_value_producer(state);
    if (maker == NULL) {
        return qn_replace_input(node, i, NULL);
    }
    enum quern_code code = quern_node_set_input(node, i, NULL);
    return code == QUERN_OK ? quern_node_erase_dead(maker) : code;
}

static enum quern_code drop_states(struct quern_pass_ctx *ctx,
                                   struct quern_node *node, void *user)
{
    (void)user;
    size_t last = quern_node_is(node, "LSTM") ? CELL : STATE;
    size_t n = 0;
    for (size_t i = STATE; i <= last; i++) {
        const struct quern_value *state = quern_node_input(node, i);
        n += state != NULL ? 1 : 0;
        if (state != NULL && !is_zeros(state, MOST_DEPTH)) {
            enum quern_code why = quern_pass_refuse(
                ctx, node, "input %zu '%s': not known to be zeros", i,
                quern_value_name(state));
            return why == QUERN_NOT_FOUND ? QUERN_OK : why;
        }
    }
    if (n == 0) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "initial states of zeros left out");
    enum quern_code code = QUERN_OK;
    for (size_t i = last; i >= STATE && code == QUERN_OK; i--) {
        code = leave_out(node, i);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"LSTM", "GRU", "RNN", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                           drop_states, NULL);
}

const struct quern_pass_desc qn_pass_drop_zero_states = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-zero-states",
    .summary = "leave out initial states of LSTM, GRU and RNN that are zeros",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
