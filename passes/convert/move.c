/* Slice, Split, Pad, TopK, Squeeze, Unsqueeze, Scatter: attributes that became
 * inputs. */
#include "convert.h"

static enum quern_code squeeze(const struct qn_raise *r,
                               struct quern_node *node)
{
    (void)r;
    return qn_raise_ints_to_input(node, "axes", 1);
}

static enum quern_code slice(const struct qn_raise *r, struct quern_node *node)
{
    enum quern_code code = qn_raise_ints_to_input(node, "starts", 1);
    (void)r;
    if (code == QUERN_OK) {
        code = qn_raise_ints_to_input(node, "ends", 2);
    }
    return code == QUERN_OK ? qn_raise_ints_to_input(node, "axes", 3) : code;
}

static enum quern_code top_k(const struct qn_raise *r, struct quern_node *node)
{
    int64_t k = quern_node_int(node, "k", 0);
    (void)r;
    enum quern_code code = qn_raise_set_ints(node, "k", 1, &k, 1);
    return code == QUERN_OK ? quern_node_remove_attr(node, "k") : code;
}

static enum quern_code pad(const struct qn_raise *r, struct quern_node *node)
{
    float value = quern_node_float(node, "value", 0.0f);
    const struct quern_value *x = quern_node_input(node, 0);
    enum quern_code code = qn_raise_ints_to_input(node, "pads", 1);
    bool is_zero = !(value < 0.0f || value > 0.0f);
    if (code == QUERN_OK && !is_zero) {
        if (quern_value_dtype(x) == QUERN_UNDEFINED) {
            return qn_raise_refuse(r, node,
                                   "the type of its input is not "
                                   "known, which the value needs");
        }
        code = qn_raise_set_number(node, "value", 2, value);
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, "value") : code;
}

static enum quern_code split_input(const struct qn_raise *r,
                                   struct quern_node *node)
{
    (void)r;
    return qn_raise_ints_to_input(node, "split", 1);
}

/* Since 18 the number of parts must be said where their lengths are not. */
static enum quern_code split_count(const struct qn_raise *r,
                                   struct quern_node *node)
{
    (void)r;
    if (quern_node_input(node, 1) != NULL) {
        return QUERN_OK;
    }
    return quern_node_set_int(node, "num_outputs",
                              (int64_t)quern_node_n_outputs(node));
}

static enum quern_code scatter(const struct qn_raise *r,
                               struct quern_node *node)
{
    (void)r;
    return quern_node_set_op(node, "ScatterElements");
}

const struct qn_raise_step qn_raise_move[] = {
    {"Slice", 10, slice},
    {"TopK", 10, top_k},
    {"Pad", 11, pad},
    {"Scatter", 11, scatter},
    {"Squeeze", 13, squeeze},
    {"Unsqueeze", 13, squeeze},
    {"Split", 13, split_input},
    {"Split", 18, split_count},
    {0},
};
