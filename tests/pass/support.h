/* What the tests of this room share: a context, and small models written as
 * equations in the language of patterns. */
#ifndef QUERN_TESTS_PASS_SUPPORT_H
#define QUERN_TESTS_PASS_SUPPORT_H

#include <quern/match.h>

#include "ir/build.h"
#include "pass/pass.h"
#include "pass/pattern.h"
#include "qtest.h"

#include <stdio.h>
#include <string.h>

static struct quern_context *context;
static struct quern_model *model;

static inline void open_context(void)
{
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
}

static inline void close_context(void)
{
    quern_model_destroy(&model);
    quern_context_destroy(&context);
}

/* The stored error as a user reads it; "" when there is none. Forgets it. */
static inline const char *said(void)
{
    return qtest_said(context);
}

struct built {
    const struct quern_pattern *text;
    struct quern_value *values[QN_PATTERN_MOST_NAMES];
    bool made[QN_PATTERN_MOST_NODES];
};

static inline struct quern_value *new_value(const char *name)
{
    bool is_duplicate = false;
    struct quern_value *v = qn_build_value(model->graph, name, &is_duplicate);
    ck_assert(v != NULL && !is_duplicate);
    return v;
}

static inline struct quern_value *
new_constant(const char *name, const struct qn_pattern_numbers *numbers)
{
    struct quern_tensor *t = NULL;
    float floats[64];
    for (size_t i = 0; i < numbers->n; i++) {
        floats[i] = (float)numbers->values[i];
    }
    ck_assert_int_eq(
        quern_tensor_of_floats(
            context, numbers->is_list ? (int64_t)numbers->n : -1, floats, &t),
        QUERN_OK);
    struct quern_value *v = new_value(name);
    ck_assert(qn_build_initializer(v, t));
    return v;
}

static inline void build_node(struct built *b, const struct qn_pattern_node *n)
{
    struct quern_value *inputs[QN_PATTERN_MOST_ARGS];
    struct quern_value *outputs[QN_PATTERN_MOST_ARGS];
    char name[64];
    if (b->made[n->id]) {
        return;
    }
    b->made[n->id] = true;
    for (size_t i = 0; i < n->n_args; i++) {
        const struct qn_pattern_arg *arg = &n->args[i];
        if (arg->kind == QN_ARG_CONSTANT) {
            snprintf(name, sizeof name, "k%zu_%zu", n->id, i);
            inputs[i] = new_constant(name, &arg->numbers);
            continue;
        }
        const struct qn_pattern_var *var = &b->text->vars[arg->var];
        if (var->producer != NULL) {
            build_node(b, var->producer);
        } else if (b->values[arg->var] == NULL) {
            b->values[arg->var] = new_value(var->name);
            ck_assert(qn_build_input(model->graph, b->values[arg->var]));
        }
        inputs[i] = b->values[arg->var];
    }
    for (size_t i = 0; i < n->n_outs; i++) {
        const struct qn_pattern_var *var = &b->text->vars[n->outs[i]];
        snprintf(name, sizeof name, "v%zu", n->id);
        outputs[i] = b->values[n->outs[i]] =
            new_value(var->name != NULL ? var->name : name);
    }
    snprintf(name, sizeof name, "%s%zu", n->op, n->id);
    struct quern_node *node =
        qn_build_node(model->graph, n->domain, n->op, name, inputs, n->n_args,
                      outputs, n->n_outs);
    ck_assert(node != NULL);
    for (size_t i = 0; i < n->n_attrs; i++) {
        const struct qn_pattern_attr *a = &n->attrs[i];
        int64_t ints[64];
        for (size_t k = 0; k < a->numbers.n; k++) {
            ints[k] = (int64_t)a->numbers.values[k];
        }
        enum quern_code code =
            a->kind == QN_ATTR_IS_TEXT
                ? quern_node_set_string(node, a->name, a->text)
            : a->numbers.is_list
                ? quern_node_set_ints(node, a->name, ints, a->numbers.n)
            : a->numbers.is_integer
                ? quern_node_set_int(node, a->name, ints[0])
                : quern_node_set_float(node, a->name,
                                       (float)a->numbers.values[0]);
        ck_assert_int_eq(code, QUERN_OK);
    }
}

/* A model of these equations at opset 17: values that no equation makes are
 * inputs, those of the last one outputs. Nodes are named by operator and number
 * (the last one 0, then depth first); values without a name "v" and that
 * number; constants "k", number and place. */
static inline struct quern_graph *build(const char *text)
{
    struct quern_pattern *pattern = NULL;
    struct qn_span nothing = {NULL, 0};
    quern_model_destroy(&model);
    ck_assert_int_eq(qn_model_create(context, &model), QUERN_OK);
    ck_assert(qn_build_opset(model, "", 17, nothing));
    ck_assert(qn_build_opset(model, "com.acme", 1, nothing));
    ck_assert_int_eq(quern_pattern_create(context, text, &pattern), QUERN_OK);
    struct built b = {.text = pattern};
    build_node(&b, pattern->nodes[0]);
    for (size_t i = 0; i < pattern->nodes[0]->n_outs; i++) {
        ck_assert(qn_build_output(model->graph,
                                  b.values[pattern->nodes[0]->outs[i]]));
    }
    quern_pattern_destroy(&pattern);
    qn_build_finish(model);
    return model->graph;
}

static inline struct quern_node *node_named(const char *name)
{
    struct quern_node *n = quern_graph_first(model->graph);
    while (n != NULL && strcmp(quern_node_name(n), name) != 0) {
        n = quern_node_next(n);
    }
    return n;
}

static inline struct quern_value *value_named(const char *name)
{
    return quern_graph_find(model->graph, name);
}

/* What a plugin that has these passes says. */
static inline struct quern_plugin
plugin_of(const struct quern_pass_desc *const *list)
{
    return (struct quern_plugin){
        sizeof(struct quern_plugin), QUERN_ABI, "t", "1", "none", list};
}

static inline enum quern_code
add_passes(const struct quern_pass_desc *const *list)
{
    static struct quern_plugin plugin;
    static struct stat info;
    info.st_ino++;
    plugin = plugin_of(list);
    return qn_registry_add(context, "./t.so", &info, &plugin);
}

/* Apply a recipe to the model. */
static inline enum quern_code apply_recipe(const char *text)
{
    struct quern_recipe *recipe = NULL;
    enum quern_code code =
        quern_recipe_read(context, "r.yaml", text, strlen(text), &recipe);
    if (code == QUERN_OK) {
        code = quern_recipe_apply(recipe, model, NULL);
    }
    quern_recipe_destroy(&recipe);
    return code;
}

#endif
