/* A rule must not change the shape of what it makes: where its match says
 * Mul(x, 1), the constant may have more axes than x. Shapes are inferred once a
 * walk; where some came out otherwise, the walk is undone, and done again
 * without these places. A rule that changes a type is wrong itself. */
#include "pass/rules.h"

#include <string.h>

bool qn_rule_is_barred(const struct qn_rule *rule,
                       const struct quern_node *root)
{
    return root->id < rule->n_barred && rule->barred[root->id];
}

enum quern_code qn_rules_note(struct quern_pass_ctx *ctx, struct qn_rule *rule,
                              const struct quern_node *root)
{
    struct qn_rules *rules = ctx->plan->rules;
    size_t n_outputs = rule->replace->nodes[0]->n_outs;
    for (size_t i = 0; i < n_outputs; i++) {
        if (rules->n_made == rules->made_room) {
            size_t room = rules->made_room > 0 ? 2 * rules->made_room : 16;
            struct qn_rule_made *grown =
                qn_arena_alloc_n(&ctx->scratch, room, sizeof *grown);
            if (grown == NULL) {
                return qn_no_memory(ctx->context);
            }
            if (rules->n_made > 0) {
                memcpy(grown, rules->made, rules->n_made * sizeof *grown);
            }
            rules->made = grown;
            rules->made_room = room;
        }
        rules->made[rules->n_made++] = (struct qn_rule_made){
            rule, root->id, root->outputs[i], qn_value_type(root->outputs[i])};
    }
    return QUERN_OK;
}

/* Both are known, and are not the same. What is not known may be. */
static bool differ(const struct qn_type *a, const struct qn_type *b)
{
    if (a == NULL || b == NULL || a == b || a->kind != QUERN_KIND_TENSOR ||
        b->kind != QUERN_KIND_TENSOR || a->rank < 0 || b->rank < 0) {
        return false;
    }
    bool same = a->rank == b->rank;
    for (int i = 0; i < a->rank && same; i++) {
        int64_t from = a->dims[i].value;
        int64_t to = b->dims[i].value;
        same = from < 0 || to < 0 || from == to;
    }
    return !same;
}

/* Readers, and users of the model, rely on the element type. The manager names
 * the rules that were applied. */
static enum quern_code check_type(struct quern_pass_ctx *ctx,
                                  const struct qn_rule_made *made)
{
    const struct qn_type *now = qn_value_type(made->value);
    const struct quern_node *node = quern_value_producer(made->value);
    if (made->before == NULL || now == NULL || node == NULL ||
        made->before->kind != QUERN_KIND_TENSOR ||
        now->kind != QUERN_KIND_TENSOR || now->dtype == made->before->dtype ||
        now->dtype == QUERN_UNDEFINED ||
        made->before->dtype == QUERN_UNDEFINED) {
        return QUERN_OK;
    }
    struct quern_place place = quern_node_place(node);
    return quern_fail(ctx->context, QUERN_INTERNAL, &place,
                      "makes '%s' as %s, needs %s as before", made->value->name,
                      quern_dtype_name(now->dtype),
                      quern_dtype_name(made->before->dtype));
}

static enum quern_code bar(struct quern_pass_ctx *ctx,
                           const struct qn_rule_made *made)
{
    struct qn_rule *rule = made->rule;
    if (made->root_id >= rule->n_barred) {
        size_t n = ctx->model->next_node_id;
        bool *grown =
            qn_arena_alloc_n(&ctx->plan->rules->arena, n, sizeof(bool));
        if (grown == NULL) {
            return qn_no_memory(ctx->context);
        }
        if (rule->n_barred > 0) {
            memcpy(grown, rule->barred, rule->n_barred * sizeof(bool));
        }
        rule->barred = grown;
        rule->n_barred = n;
    }
    rule->barred[made->root_id] = true;
    return QUERN_OK;
}

static bool is_changed(const struct qn_rule_made *made)
{
    return !made->value->erased &&
           differ(made->before, qn_value_type(made->value));
}

enum { CHANGED = 1, BEHIND = 2 };

/* Marks by id of a value: its shape was changed; it is made of such a one,
 * whose rule may be the only one to blame. */
static uint8_t *trace(struct quern_pass_ctx *ctx)
{
    const struct qn_rules *rules = ctx->plan->rules;
    uint8_t *marks = qn_arena_alloc_n(&ctx->scratch, ctx->model->next_value_id,
                                      sizeof *marks);
    if (marks == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < rules->n_made; i++) {
        marks[rules->made[i].value->id] |=
            is_changed(&rules->made[i]) ? CHANGED : 0;
    }
    const struct quern_node *node =
        quern_graph_first(rules->made[0].value->graph);
    for (; node != NULL; node = quern_node_next(node)) {
        bool behind = false;
        for (size_t i = 0; i < node->n_inputs && !behind; i++) {
            const struct quern_value *v = quern_node_input(node, i);
            behind = v != NULL && marks[v->id] != 0;
        }
        for (size_t i = 0; i < node->n_outputs && behind; i++) {
            if (node->outputs[i] != NULL) {
                marks[node->outputs[i]->id] |= BEHIND;
            }
        }
    }
    return marks;
}

/* Bar the places of changes that are not behind others; all where that leaves
 * none, so that each time there are more. */
static enum quern_code bar_causes(struct quern_pass_ctx *ctx)
{
    const struct qn_rules *rules = ctx->plan->rules;
    const uint8_t *marks = trace(ctx);
    enum quern_code code =
        marks != NULL ? QUERN_OK : qn_no_memory(ctx->context);
    size_t n = 0;
    for (size_t i = 0; i < rules->n_made && code == QUERN_OK; i++) {
        if (marks[rules->made[i].value->id] == CHANGED) {
            code = bar(ctx, &rules->made[i]);
            n++;
        }
    }
    for (size_t i = 0; i < rules->n_made && code == QUERN_OK && n == 0; i++) {
        code = is_changed(&rules->made[i]) ? bar(ctx, &rules->made[i]) : code;
    }
    return code;
}

enum quern_code qn_rules_look_back(struct quern_pass_ctx *ctx, bool *out_good)
{
    struct qn_rules *rules = ctx->plan->rules;
    enum quern_code code =
        rules->n_made > 0 ? quern_model_infer(ctx->model) : QUERN_OK;
    *out_good = true;
    for (size_t i = 0; i < rules->n_made && code == QUERN_OK; i++) {
        const struct qn_rule_made *made = &rules->made[i];
        code = made->value->erased ? QUERN_OK : check_type(ctx, made);
        *out_good = *out_good && !is_changed(made);
    }
    if (code == QUERN_OK && !*out_good) {
        code = bar_causes(ctx);
    }
    rules->n_made = 0;
    rules->made_room = 0; /* lies in what a run of the pass has to itself */
    return code;
}
