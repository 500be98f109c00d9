/* What a match holds: the public readers of <quern/match.h>. */
#include "ir/ir.h"
#include "pass/pattern.h"

#include <string.h>

static const struct qn_binding *binding_of(const struct quern_match *match,
                                           const char *name)
{
    size_t i = qn_pattern_find(match->pattern, name);
    return i < match->pattern->n_vars ? &match->bindings[i] : NULL;
}

struct quern_value *quern_match_value(const struct quern_match *match,
                                      const char *name)
{
    const struct qn_binding *b = binding_of(match, name);
    return b != NULL && b->is_bound ? b->value : NULL;
}

size_t quern_match_n_values(const struct quern_match *match, const char *name)
{
    const struct qn_binding *b = binding_of(match, name);
    if (b == NULL || !b->is_bound) {
        return 0;
    }
    return b->reader != NULL ? b->n : b->value != NULL;
}

struct quern_value *quern_match_value_at(const struct quern_match *match,
                                         const char *name, size_t i)
{
    const struct qn_binding *b = binding_of(match, name);
    if (i >= quern_match_n_values(match, name)) {
        return NULL;
    }
    return b->reader != NULL ? quern_node_input(b->reader, b->first + i)
                             : b->value;
}

size_t quern_match_n_nodes(const struct quern_match *match)
{
    return match->pattern->n_nodes;
}

struct quern_node *quern_match_node(const struct quern_match *match, size_t i)
{
    return i < match->pattern->n_nodes ? match->nodes[i] : NULL;
}

struct quern_node *quern_match_attr(const struct quern_match *match,
                                    const char *variable, const char **out_attr)
{
    for (size_t i = 0; i < match->pattern->n_attr_vars; i++) {
        const struct qn_attr_binding *b = &match->attrs[i];
        if (strcmp(b->variable, variable) == 0 && b->node != NULL) {
            *out_attr = b->attr;
            return b->node;
        }
    }
    return NULL;
}

bool quern_match_scalar(const struct quern_match *match, const char *name,
                        float *out_value)
{
    const struct quern_value *value = quern_match_value(match, name);
    const struct quern_tensor *tensor =
        value != NULL ? quern_value_constant(value) : NULL;
    return tensor != NULL && quern_tensor_len(tensor) == 1 &&
           quern_tensor_read_floats(tensor, 0, 1, out_value);
}
