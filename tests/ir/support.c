/* Small models for the tests of ir. */
#include "support.h"

#include "ir/build.h"
#include "qtest.h"

#include <stdio.h>
#include <string.h>

static struct quern_value *value(struct quern_graph *graph, const char *name)
{
    bool duplicate = false;
    struct quern_value *v = qn_build_value(graph, name, &duplicate);
    ck_assert_ptr_nonnull(v);
    return v;
}

static struct quern_value *input(struct quern_graph *graph, const char *name,
                                 enum quern_dtype dtype)
{
    static const struct quern_dim dims[] = {{2, NULL}, {3, NULL}};
    struct quern_value *v = value(graph, name);
    v->declared = qn_type_tensor(graph->model, dtype, 2, dims);
    ck_assert(qn_build_input(graph, v));
    return v;
}

static struct quern_node *node(struct quern_graph *graph, const char *op,
                               struct quern_value *a, struct quern_value *b,
                               struct quern_value *out)
{
    struct quern_value *inputs[] = {a, b};
    struct quern_value *outputs[] = {out};
    char name[32];
    snprintf(name, sizeof name, "n_%s", op);
    struct quern_node *n = qn_build_node(graph, "", op, name, inputs,
                                         b != NULL ? 2 : 1, outputs, 1);
    ck_assert_ptr_nonnull(n);
    return n;
}

static struct quern_model *model_of(struct quern_context *context)
{
    struct quern_model *model = NULL;
    ck_assert_int_eq(qn_model_create(context, &model), QUERN_OK);
    ck_assert(qn_build_opset(model, "", 17, (struct qn_span){NULL, 0}));
    model->ir_version = 8;
    model->graph->name = "test";
    return model;
}

void chain_create(struct chain *c)
{
    static const float numbers[] = {1, 2, 3};
    struct quern_tensor *tensor = NULL;
    memset(c, 0, sizeof *c);
    ck_assert_int_eq(quern_context_create(NULL, &c->context), QUERN_OK);
    c->model = model_of(c->context);
    c->graph = c->model->graph;
    c->x = input(c->graph, "x", QUERN_FLOAT);
    c->w = value(c->graph, "w");
    ck_assert_int_eq(quern_tensor_of_floats(c->context, 3, numbers, &tensor),
                     QUERN_OK);
    ck_assert(qn_build_initializer(c->w, tensor));
    struct quern_value *r = value(c->graph, "r");
    struct quern_value *a = value(c->graph, "a");
    c->y = value(c->graph, "y");
    c->relu = node(c->graph, "Relu", c->x, NULL, r);
    c->add = node(c->graph, "Add", r, c->w, a);
    c->identity = node(c->graph, "Identity", a, NULL, c->y);
    ck_assert(qn_build_output(c->graph, c->y));
    qn_build_finish(c->model);
}

void chain_destroy(struct chain *c)
{
    quern_model_destroy(&c->model);
    quern_context_destroy(&c->context);
}

static struct quern_graph *body(struct nest *n, const char *attribute,
                                const char *out, struct quern_value *captured,
                                struct quern_node **out_node)
{
    struct qn_arena *arena = &n->model->arena;
    struct quern_graph *graph = qn_graph_create(n->model);
    struct qn_attr *attr = qn_arena_alloc(arena, sizeof *attr);
    struct quern_graph **list = qn_arena_alloc(arena, sizeof(void *));
    ck_assert(graph != NULL && attr != NULL && list != NULL);
    graph->name = attribute;
    graph->parent = n->branch;
    struct quern_value *v = value(graph, out);
    *out_node = node(graph, "Neg", captured, NULL, v);
    ck_assert(qn_build_output(graph, v));
    list[0] = graph;
    *attr =
        (struct qn_attr){.name = attribute, .type = QN_ATTR_GRAPH, .len = 1};
    attr->u.graphs = list;
    qn_build_attr(n->branch, attr);
    return graph;
}

void nest_create(struct nest *n)
{
    struct quern_node *other = NULL;
    memset(n, 0, sizeof *n);
    ck_assert_int_eq(quern_context_create(NULL, &n->context), QUERN_OK);
    n->model = model_of(n->context);
    n->graph = n->model->graph;
    n->x = input(n->graph, "x", QUERN_FLOAT);
    struct quern_value *cond = value(n->graph, "cond");
    cond->declared = qn_type_tensor(n->model, QUERN_BOOL, 0, NULL);
    ck_assert(qn_build_input(n->graph, cond));
    struct quern_value *captured = value(n->graph, "captured");
    struct quern_value *y = value(n->graph, "y");
    n->first = node(n->graph, "Relu", n->x, NULL, captured);
    n->branch = node(n->graph, "If", cond, NULL, y);
    n->body = body(n, "then_branch", "b", captured, &n->inner);
    (void)body(n, "else_branch", "c", n->x, &other);
    ck_assert(qn_build_output(n->graph, y));
    qn_build_finish(n->model);
}

void nest_destroy(struct nest *n)
{
    quern_model_destroy(&n->model);
    quern_context_destroy(&n->context);
}

static void check_node(const struct qn_index *index,
                       const struct quern_node *node)
{
    uint32_t op = *qn_index_op_of(index, node->id);
    bool is_mute = true;
    ck_assert_ptr_eq(qn_index_node_at(index, node->id), node);
    ck_assert_uint_eq(*qn_index_graph_of(index, node->id), node->graph->id);
    ck_assert_ptr_eq(qn_index_op_at(index, op)->op, node->op);
    ck_assert_ptr_eq(qn_index_op_at(index, op)->domain, node->domain);
    ck_assert_uint_eq(op, qn_index_find(index, node->domain, node->op));
    for (size_t i = 0; i < QN_INPUTS; i++) {
        const struct quern_value *v = quern_node_input(node, i);
        ck_assert_uint_eq(*qn_index_input_of(index, node->id, i),
                          v != NULL ? v->id + 1 : 0);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        is_mute = is_mute && node->outputs[i] == NULL;
    }
    ck_assert_uint_eq(*qn_index_mute_of(index, node->id), is_mute);
}

void check_index(const struct quern_model *model)
{
    const struct qn_index *index = &model->index;
    size_t n_live = 0;
    size_t n_nodes = 0;
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        for (const struct quern_node *n = g->first; n; n = n->next, n_nodes++) {
            check_node(index, n);
        }
        for (const struct quern_value *v = g->first_value; v;
             v = v->next_value) {
            ck_assert_ptr_eq(qn_index_value_at(index, v->id), v);
            ck_assert_uint_eq(*qn_index_unread_of(index, v->id),
                              !v->erased && v->n_uses == 0);
            ck_assert_uint_eq(*qn_index_maker_of(index, v->id),
                              v->producer != NULL ? v->producer->id + 1 : 0);
        }
    }
    for (uint32_t id = 0; id < model->next_node_id; id++) {
        n_live += *qn_index_op_of(index, id) != 0 ? 1 : 0;
    }
    ck_assert_uint_eq(n_live, n_nodes);
}
