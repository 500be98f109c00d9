/* What the steps share: constants as inputs, refusing. */
#include "convert.h"

enum quern_code qn_raise_refuse(const struct qn_raise *r,
                                const struct quern_node *node, const char *why)
{
    struct quern_place place = quern_node_place(node);
    return quern_fail(quern_pass_context(r->ctx), QUERN_UNSUPPORTED, &place,
                      "cannot be raised from opset %lld to %lld: %s",
                      (long long)r->from, (long long)r->to, why);
}

static struct quern_context *context_of(const struct quern_node *node)
{
    return quern_model_context(quern_graph_model(quern_node_graph(node)));
}

enum quern_code qn_raise_set_input(struct quern_node *node, size_t i,
                                   struct quern_value *value)
{
    enum quern_code code = QUERN_OK;
    size_t n = quern_node_n_inputs(node);
    /* The value itself holds the places open, which are then left out. */
    for (size_t k = n; k < i && code == QUERN_OK; k++) {
        code = quern_node_set_input(node, k, value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, value);
    }
    for (size_t k = n; k < i && code == QUERN_OK; k++) {
        code = quern_node_set_input(node, k, NULL);
    }
    return code;
}

/* Takes the tensor. */
static enum quern_code set_tensor(struct quern_node *node, const char *name,
                                  size_t i, struct quern_tensor *tensor)
{
    char wanted[256];
    struct quern_value *value = NULL;
    const struct quern_value *out = quern_node_output(node, 0);
    quern_name_extend(wanted, sizeof wanted,
                      out != NULL ? quern_value_name(out) : quern_node_op(node),
                      "_%s", name);
    enum quern_code code =
        quern_constant_create(quern_node_graph(node), wanted, tensor, &value);
    quern_tensor_release(&tensor);
    return code == QUERN_OK ? qn_raise_set_input(node, i, value) : code;
}

enum quern_code qn_raise_set_ints(struct quern_node *node, const char *name,
                                  size_t i, const int64_t *values, int64_t n)
{
    struct quern_tensor *tensor = NULL;
    enum quern_code code =
        quern_tensor_of_ints(context_of(node), n, values, &tensor);
    return code == QUERN_OK ? set_tensor(node, name, i, tensor) : code;
}

enum quern_code qn_raise_ints_to_input(struct quern_node *node,
                                       const char *name, size_t i)
{
    const int64_t *values = NULL;
    size_t n = 0;
    if (!quern_node_has_attr(node, name)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_node_attr_ints(node, name, &values, &n);
    if (code == QUERN_OK) {
        code = qn_raise_set_ints(node, name, i, values, (int64_t)n);
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, name) : code;
}

enum quern_code qn_raise_set_number(struct quern_node *node, const char *name,
                                    size_t i, float number)
{
    struct quern_tensor *tensor = NULL;
    struct quern_tensor *cast = NULL;
    const struct quern_value *x = quern_node_input(node, 0);
    enum quern_dtype dtype = x != NULL ? quern_value_dtype(x) : QUERN_UNDEFINED;
    enum quern_code code =
        quern_tensor_of_floats(context_of(node), -1, &number, &tensor);
    if (code == QUERN_OK && dtype != QUERN_UNDEFINED && dtype != QUERN_FLOAT) {
        code = quern_tensor_cast(context_of(node), tensor, dtype, &cast);
        quern_tensor_release(&tensor);
        tensor = cast;
    }
    return code == QUERN_OK ? set_tensor(node, name, i, tensor) : code;
}
