/* The step `rules`: rewriting by text alone, `match` and `replace` of a recipe.
 * Both are patterns; the second is read as a recipe for new nodes. Compiling
 * and its checks are in rules_read.c. */
#include "pass/rules.h"

#include "ir/edit.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- making */

/* One replacement being made. */
struct making {
    struct quern_pass_ctx *ctx;
    const struct qn_rule *rule;
    const struct quern_match *match;
    struct quern_node *root; /* of the match: new nodes stand before it */
    struct quern_value *values[QN_PATTERN_MOST_NAMES]; /* of the replacement */
    struct quern_node *nodes[QN_PATTERN_MOST_NODES];
};

static struct quern_place place_of(const struct making *m)
{
    return quern_node_place(m->root);
}

/* The value that a name of the replacement has in the match. */
static struct quern_value *matched_value(const struct making *m,
                                         const struct qn_pattern_arg *arg)
{
    return quern_match_value(m->match, m->rule->replace->vars[arg->var].name);
}

/* ------------------------------------------------------------- constants */

static enum quern_code make_constant(const struct making *m,
                                     const struct qn_pattern_node *wanted,
                                     size_t i, struct quern_value **out_value)
{
    double computed = 0.0;
    const struct qn_pattern_numbers known =
        qn_rule_numbers(m->match, &wanted->args[i].numbers, &computed);
    const struct qn_pattern_numbers *numbers = &known;
    struct quern_context *context = m->ctx->context;
    struct quern_tensor *doubles = NULL;
    struct quern_tensor *tensor = NULL;
    int64_t len = (int64_t)numbers->n;
    char name[256];
    enum quern_code code = quern_tensor_create(
        context, QUERN_DOUBLE, numbers->is_list ? 1 : 0, &len, &doubles);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(doubles), numbers->values,
               numbers->n * sizeof *numbers->values);
        code = quern_tensor_cast(
            context, doubles,
            qn_rule_constant_type(m->ctx->model, m->rule, m->match, wanted, i),
            &tensor);
    }
    if (code == QUERN_OK && !qn_rule_holds(tensor, numbers)) {
        struct quern_place place = place_of(m);
        code = quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' makes a constant of %.9g%s, which %s does "
                          "not hold",
                          m->rule->name, numbers->values[0],
                          numbers->n > 1 ? " and others" : "",
                          quern_dtype_name(quern_tensor_dtype(tensor)));
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, m->root->outputs[0]->name,
                          "_constant");
        code = quern_constant_create(m->root->graph, name, tensor, out_value);
    }
    quern_tensor_release(&tensor);
    quern_tensor_release(&doubles);
    return code;
}

/* ------------------------------------------------------------ attributes */

static enum quern_code set_numbers(const struct making *m,
                                   struct quern_node *node,
                                   const struct qn_pattern_attr *attr)
{
    double computed = 0.0;
    const struct qn_pattern_numbers known =
        qn_rule_numbers(m->match, &attr->numbers, &computed);
    const struct qn_pattern_numbers *n = &known;
    const struct qn_schema *schema = qn_node_schema(node);
    const struct qn_schema_attr *row =
        schema != NULL ? qn_schema_attr(schema, attr->name) : NULL;
    int64_t ints[64];
    float floats[64];
    bool is_float =
        row != NULL ? row->type == QN_ATTR_FLOAT || row->type == QN_ATTR_FLOATS
                    : !n->is_integer;
    for (size_t i = 0; i < n->n; i++) {
        if (qn_rule_to_attribute(n->values[i], is_float, &ints[i],
                                 &floats[i])) {
            continue;
        }
        struct quern_place place = place_of(m);
        place.attribute = attr->name;
        return quern_fail(m->ctx->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' sets it to %.9g, needs %s", m->rule->name,
                          n->values[i],
                          is_float ? "a number that float holds"
                                   : "a whole number of 64 bits");
    }
    if (n->is_list) {
        return is_float ? quern_node_set_floats(node, attr->name, floats, n->n)
                        : quern_node_set_ints(node, attr->name, ints, n->n);
    }
    return is_float ? quern_node_set_float(node, attr->name, floats[0])
                    : quern_node_set_int(node, attr->name, ints[0]);
}

/* The attribute that `$var` stands for, under this name. */
static enum quern_code set_bound(const struct making *m,
                                 struct quern_node *node,
                                 const struct qn_pattern_attr *attr)
{
    const char *name = NULL;
    const struct quern_node *from =
        quern_match_attr(m->match, attr->text, &name);
    struct qn_attr_value v;
    if (strcmp(name, attr->name) == 0 && quern_node_has_attr(from, name)) {
        return quern_node_copy_attr(node, from, name);
    }
    qn_attr_value_of(from, name, &v);
    if (!v.is_known) {
        return QUERN_OK; /* absent there, absent here */
    }
    if (v.text != NULL) {
        char *text = qn_arena_strndup(&m->ctx->scratch, v.text, v.n);
        return text != NULL ? quern_node_set_string(node, attr->name, text)
                            : qn_no_memory(m->ctx->context);
    }
    if (v.ints != NULL) {
        return v.is_list ? quern_node_set_ints(node, attr->name, v.ints, v.n)
                         : quern_node_set_int(node, attr->name, v.ints[0]);
    }
    return v.is_list ? quern_node_set_floats(node, attr->name, v.floats, v.n)
                     : quern_node_set_float(node, attr->name, v.floats[0]);
}

static enum quern_code set_attrs(const struct making *m,
                                 const struct qn_pattern_node *wanted,
                                 struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < wanted->n_attrs && code == QUERN_OK; i++) {
        const struct qn_pattern_attr *attr = &wanted->attrs[i];
        switch (attr->kind) {
        case QN_ATTR_IS_NUMBERS:
            code = set_numbers(m, node, attr);
            break;
        case QN_ATTR_IS_TEXT:
            code = quern_node_set_string(node, attr->name, attr->text);
            break;
        case QN_ATTR_IS_VAR:
            code = set_bound(m, node, attr);
            break;
        }
    }
    return code;
}

/* ----------------------------------------------------------------- nodes */

static enum quern_code make_node(struct making *m,
                                 const struct qn_pattern_node *wanted);

/* Inputs for one argument: one value, or all of `name...`. */
static enum quern_code make_input(struct making *m,
                                  const struct qn_pattern_node *wanted,
                                  size_t i, struct quern_value **inputs,
                                  size_t *n)
{
    enum { MOST = QN_RULE_MOST_INPUTS };
    const struct qn_pattern_arg *arg = &wanted->args[i];
    if (arg->kind == QN_ARG_CONSTANT) {
        return make_constant(m, wanted, i, &inputs[(*n)++]);
    }
    const struct qn_pattern_var *var = &m->rule->replace->vars[arg->var];
    if (var->producer != NULL) {
        enum quern_code code = make_node(m, var->producer);
        inputs[(*n)++] = m->values[arg->var];
        return code;
    }
    if (!var->is_many) {
        inputs[(*n)++] = matched_value(m, arg);
        return QUERN_OK;
    }
    size_t more = quern_match_n_values(m->match, var->name);
    if (*n + more > MOST) {
        struct quern_place place = place_of(m);
        return quern_fail(m->ctx->context, QUERN_LIMIT, &place,
                          "rule '%s' makes a node of %zu inputs, at most %d",
                          m->rule->name, *n + more, MOST);
    }
    for (size_t k = 0; k < more; k++) {
        inputs[(*n)++] = quern_match_value_at(m->match, var->name, k);
    }
    return QUERN_OK;
}

static enum quern_code make_outputs(struct making *m,
                                    const struct qn_pattern_node *wanted,
                                    struct quern_value **outputs)
{
    char name[256];
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < wanted->n_outs && code == QUERN_OK; i++) {
        quern_name_extend(name, sizeof name, m->root->outputs[0]->name, "_%s",
                          wanted->op);
        code = quern_value_create(m->root->graph, name, &outputs[i]);
        m->values[wanted->outs[i]] = outputs[i];
    }
    return code;
}

static enum quern_code make_node(struct making *m,
                                 const struct qn_pattern_node *wanted)
{
    struct quern_value *inputs[QN_RULE_MOST_INPUTS + QN_PATTERN_MOST_ARGS];
    struct quern_value *outputs[QN_PATTERN_MOST_ARGS];
    char name[512];
    size_t n = 0;
    if (m->nodes[wanted->id] != NULL) {
        return QUERN_OK;
    }
    struct quern_place place = place_of(m);
    enum quern_code code =
        qn_rule_check_made(m->ctx->model, m->rule, wanted, &place);
    for (size_t i = 0; i < wanted->n_args && code == QUERN_OK; i++) {
        code = make_input(m, wanted, i, inputs, &n);
    }
    while (code == QUERN_OK && n > 0 && inputs[n - 1] == NULL) {
        n--; /* left out in the match, at the end */
    }
    if (code == QUERN_OK) {
        code = make_outputs(m, wanted, outputs);
    }
    if (code != QUERN_OK) {
        return code;
    }
    const char *base = m->root->name;
    quern_name_extend(name, sizeof name, base, "%s%s",
                      wanted->id == 0 ? "" : "_",
                      wanted->id == 0 ? "" : wanted->op);
    code = qn_node_create_op(m->root->graph, m->root,
                             (struct qn_op_name){wanted->domain, wanted->op},
                             *base != '\0' ? name : "", inputs, n, outputs,
                             wanted->n_outs, &m->nodes[wanted->id]);
    return code == QUERN_OK ? set_attrs(m, wanted, m->nodes[wanted->id]) : code;
}

/* The new root makes the values that the old one made; so names stay. */
static enum quern_code take_over(struct making *m)
{
    const struct qn_pattern_node *wanted = m->rule->replace->nodes[0];
    struct quern_node *node = m->nodes[0];
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < wanted->n_outs && code == QUERN_OK; i++) {
        struct quern_value *temporary = m->values[wanted->outs[i]];
        code = quern_node_set_output(node, i, m->root->outputs[i]);
        if (code == QUERN_OK) {
            code = quern_value_erase(temporary);
        }
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(m->root);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_name(node, m->root->name);
    }
    if (code == QUERN_OK) {
        quern_pass_account(m->ctx, node, "made by rule '%s'", m->rule->name);
    }
    return code;
}

/* Each round may double the graph; so the number of replacements is bounded
 * too. */
static enum quern_code check_growth(struct quern_pass_ctx *ctx,
                                    struct qn_rule *rule)
{
    struct qn_rules *rules = ctx->plan->rules;
    rule->last_round = rules->round + 1;
    if (rules->limit == 0) {
        rules->limit = (uint64_t)ctx->model->next_node_id * 4 + 1000;
    }
    return rules->n_applied++ < rules->limit ? QUERN_OK : qn_rules_endless(ctx);
}

static enum quern_code apply(struct quern_pass_ctx *ctx, void *user, size_t i,
                             const struct quern_match *match)
{
    struct qn_rule *const *chosen = user;
    struct making m = {
        .ctx = ctx, .rule = chosen[i], .match = match, .root = match->nodes[0]};
    if (qn_rule_is_barred(chosen[i], m.root)) {
        return quern_pass_refuse(ctx, m.root,
                                 "rule '%s' would change the shape of '%s'",
                                 chosen[i]->name, m.root->outputs[0]->name);
    }
    if (!qn_rule_is_computable(chosen[i], match)) {
        return quern_pass_refuse(ctx, m.root,
                                 "rule '%s' computes with what is no single "
                                 "number here",
                                 chosen[i]->name);
    }
    enum quern_code code = check_growth(ctx, chosen[i]);
    if (code == QUERN_OK) {
        code = qn_rules_note(ctx, chosen[i], m.root);
    }
    if (code == QUERN_OK) {
        code = make_node(&m, m.rule->replace->nodes[0]);
    }
    return code == QUERN_OK ? take_over(&m) : code;
}

/* ------------------------------------------------------------------ pass */

struct rules_params {
    struct quern_strings names; /* none: all */
};

static bool is_chosen(const struct rules_params *params, const char *name)
{
    bool is_named = params->names.count == 0;
    for (size_t i = 0; i < params->names.count && !is_named; i++) {
        is_named = strcmp(params->names.items[i], name) == 0;
    }
    return is_named;
}

/* Until all shapes stay; each time some places are left out that were not. */
static enum quern_code walk(struct quern_pass_ctx *ctx,
                            struct qn_rewriter *rewriter,
                            struct quern_graph *graph, struct qn_rule **chosen)
{
    struct qn_rules *rules = ctx->plan->rules;
    struct quern_mark mark = quern_pass_mark(ctx);
    bool good = rules == NULL;
    enum quern_code code =
        good ? qn_rewriter_walk(ctx, rewriter, graph, apply, chosen) : QUERN_OK;
    while (code == QUERN_OK && !good) {
        uint64_t n_applied = rules->n_applied;
        code = qn_rewriter_walk(ctx, rewriter, graph, apply, chosen);
        if (code == QUERN_OK) {
            code = qn_rules_look_back(ctx, &good);
        }
        if (code == QUERN_OK && !good) {
            quern_pass_undo(ctx, mark);
            rules->n_applied = n_applied;
            code = quern_model_infer(ctx->model); /* guards ask for sizes */
        }
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct qn_rules *rules = ctx->plan->rules;
    struct qn_rewriter rewriter = {0};
    size_t most = rules != NULL ? rules->n : 0;
    size_t n = 0;
    struct quern_pattern **patterns =
        qn_arena_alloc_n(&ctx->scratch, most + 1, sizeof(void *));
    const char **names =
        qn_arena_alloc_n(&ctx->scratch, most + 1, sizeof *names);
    struct qn_rule **chosen =
        qn_arena_alloc_n(&ctx->scratch, most + 1, sizeof(void *));
    if (patterns == NULL || names == NULL || chosen == NULL) {
        return qn_no_memory(ctx->context);
    }
    for (size_t i = 0; i < most; i++) {
        if (is_chosen(params, rules->items[i].name)) {
            chosen[n] = &rules->items[i];
            patterns[n] = chosen[n]->match;
            names[n] = chosen[n]->name;
            n++;
        }
    }
    enum quern_code code = qn_rewriter_init(&rewriter, ctx->model,
                                            &ctx->scratch, patterns, names, n);
    if (code == QUERN_OK) {
        code = walk(ctx, &rewriter, graph, chosen);
    }
    if (rules != NULL && graph == ctx->model->graph) {
        rules->round++; /* bodies come before the top graph */
    }
    qn_rewriter_finish(&rewriter);
    return code;
}

static const struct quern_option options[] = {
    {"names", QUERN_OPTION_STRINGS, offsetof(struct rules_params, names), 0, 0,
     NULL, "rules of the recipe that are run, all where none is named"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};

const struct quern_pass_desc qn_pass_rules = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "rules",
    .summary = "rewrite by the rules of the recipe, until none applies",
    .options = options,
    .params_size = sizeof(struct rules_params),
    .flags = QUERN_PASS_REPEAT | QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_APPROXIMATE,
    .run = run,
    .group = "shape",
};
