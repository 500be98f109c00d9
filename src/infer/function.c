/* Calls of functions that the model brings along: their bodies are walked anew
 * for each call, with its types and attributes. */
#include "infer/context.h"
#include "infer/state.h"

#include <stdio.h>

/* Keys that are longer name no function that is looked for. */
enum { KEY_SIZE = 600 };

const struct quern_function *qn_infer_callee(const struct qn_infer_ctx *c)
{
    char key[KEY_SIZE];
    if (c->state->functions.count == 0) {
        return NULL;
    }
    int n = snprintf(key, sizeof key, "%s.%s:%s", c->node->domain, c->node->op,
                     c->node->overload);
    return n > 0 && n < KEY_SIZE ? qn_map_get(&c->state->functions, key) : NULL;
}

/* Types inside a body are those of one call: nobody else may take them for
 * facts. */
static void forget(struct qn_infer_ctx *c, struct quern_graph *body)
{
    for (struct quern_value *v = body->first_value; v; v = v->next_value) {
        if (v->tensor == NULL || v->producer != NULL) {
            qn_value_set_type(v, NULL);
            *qn_infer_entry(c->state, v) = (struct qn_infer_value){0};
        }
    }
}

/* A function that calls itself is no valid model, but must end. */
static bool is_active(const struct qn_infer_ctx *c,
                      const struct quern_function *f)
{
    for (; c != NULL; c = c->caller) {
        if (c->function == f) {
            return true;
        }
    }
    return false;
}

void qn_infer_call(struct qn_infer_ctx *c, const struct quern_function *f)
{
    struct quern_graph *body = f->body;
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_out(c, i)->kind = QUERN_KIND_UNKNOWN;
    }
    if (body->n_nodes + 1 > c->state->n_calls || is_active(c, f)) {
        return;
    }
    c->state->n_calls -= body->n_nodes + 1;
    for (size_t i = 0; i < body->n_inputs; i++) {
        struct qn_result given = {.kind = QUERN_KIND_UNKNOWN, .rank = -1};
        if (i < c->node->n_inputs && c->node->inputs[i]->value != NULL) {
            qn_infer_get(c, c->node->inputs[i]->value, &given);
        }
        qn_infer_set(c, body->inputs[i], &given);
    }
    qn_infer_body(c, body);
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_leave(c, body, i, qn_infer_out(c, i));
    }
    forget(c, body);
}
