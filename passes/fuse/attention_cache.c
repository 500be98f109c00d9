/* Keys and values of earlier tokens that an Attention joins in front of its own
 * and gives back (opset 23): past and present of decoders. Only where both
 * joins are outputs of the graph and nothing but the Attention reads them. What
 * is causal stays: Attention moves its triangle by the length of the past. */
#include "common.h"
#include "fuse/attention.h"

static bool is_along_keys(const struct quern_match *match, const char *name)
{
    const char *attr = NULL;
    const struct quern_node *node = quern_match_attr(match, name, &attr);
    int64_t axis = node != NULL ? quern_node_int(node, attr, 0) : 0;
    return axis == 2 || axis == -2;
}

static bool is_cache(const struct quern_value *v)
{
    size_t n_readers = 0;
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        n_readers += quern_use_node(u) != NULL;
    }
    return quern_value_is_graph_output(v) && n_readers == 1 &&
           quern_value_rank(v) == 4;
}

/* Both have four axes, and as many keys. */
static bool are_as_long(const struct quern_value *a,
                        const struct quern_value *b)
{
    return quern_value_rank(a) == 4 && quern_value_rank(b) == 4 &&
           quern_dim_equal(quern_value_dims(a)[2], quern_value_dims(b)[2]);
}

static const char *misfit(const struct quern_match *match)
{
    const struct quern_node *root = quern_match_node(match, 0);
    if (!is_along_keys(match, "i") || !is_along_keys(match, "j") ||
        !are_as_long(quern_match_value(match, "a"),
                     quern_match_value(match, "b")) ||
        !are_as_long(quern_match_value(match, "k"),
                     quern_match_value(match, "v"))) {
        return "keys and values are not known to be joined alike, along them";
    }
    if (!is_cache(quern_match_value(match, "_shared_k")) ||
        !is_cache(quern_match_value(match, "_shared_v"))) {
        return "what joins past and present is no output, or is read elsewhere";
    }
    return quern_node_n_outputs(root) > 1 ||
                   quern_node_int(root, "is_causal", 0) != 0 ||
                   quern_node_has_attr(root, "left_window_size") ||
                   quern_node_has_attr(root, "right_window_size")
               ? "it is causal or has a window, which the past would move"
               : NULL;
}

/* Output i of the root becomes what a Concat made, which goes. */
static enum quern_code take_over(struct quern_node *root, size_t i,
                                 struct quern_value *present)
{
    struct quern_node *concat = quern_value_producer(present);
    enum quern_code code = quern_node_set_output(root, i, present);
    return code == QUERN_OK ? quern_node_erase(concat) : code;
}

enum quern_code qn_attention_cache(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *mask = quern_match_value(match, "m");
    struct quern_value *present[2] = {quern_match_value(match, "_shared_k"),
                                      quern_match_value(match, "_shared_v")};
    /* Inputs have no gaps while they grow: something stands for the mask. */
    struct quern_value *in[6] = {NULL,
                                 quern_match_value(match, "k"),
                                 quern_match_value(match, "v"),
                                 mask != NULL ? mask
                                              : quern_match_value(match, "a"),
                                 quern_match_value(match, "a"),
                                 quern_match_value(match, "b")};
    const char *reason = misfit(match);
    enum quern_code code = QUERN_OK;
    (void)rule;
    if (reason != NULL) {
        return quern_pass_refuse(ctx, root, "%s", reason);
    }
    *out_done = true;
    quern_pass_account(ctx, root, "past and present keys and values are its");
    for (size_t i = 1; i < 6 && code == QUERN_OK; i++) {
        code = quern_node_set_input(root, i, in[i]);
    }
    if (code == QUERN_OK && mask == NULL) {
        code = quern_node_set_input(root, 3, NULL);
    }
    for (size_t i = 0; i < 2 && code == QUERN_OK; i++) {
        code = take_over(root, i + 1, present[i]);
    }
    return code;
}
