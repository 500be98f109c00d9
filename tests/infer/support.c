/* Small graphs for the tests of infer. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct quern_model *model_create(int64_t opset)
{
    struct quern_context *context = NULL;
    struct quern_model *model = NULL;
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
    ck_assert_int_eq(qn_model_create(context, &model), QUERN_OK);
    ck_assert(qn_build_opset(model, "", opset, (struct qn_span){NULL, 0}));
    model->ir_version = 8;
    return model;
}

void model_destroy(struct quern_model **model)
{
    struct quern_context *context = (*model)->context;
    quern_model_destroy(model);
    quern_context_destroy(&context);
}

struct quern_dim dim_of(struct quern_model *model, const char *text)
{
    struct quern_dim dim = {-1, NULL};
    if (*text >= '0' && *text <= '9') {
        dim.value = atoll(text);
    } else if (strcmp(text, "?") != 0) {
        dim.expr = qn_expr_symbol(model, text);
        ck_assert_ptr_nonnull(dim.expr);
    }
    return dim;
}

static struct quern_value *add_value(struct quern_graph *graph,
                                     const char *name)
{
    bool duplicate = false;
    struct quern_value *v = qn_build_value(graph, name, &duplicate);
    ck_assert_ptr_nonnull(v);
    return v;
}

struct quern_value *add_input(struct quern_graph *graph, const char *name,
                              enum quern_dtype dtype, const char *dims)
{
    struct quern_value *v = add_value(graph, name);
    struct quern_dim list[QUERN_MAX_RANK];
    char copy[200];
    char *rest = NULL;
    int rank = 0;
    snprintf(copy, sizeof copy, "%s", dims);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        list[rank++] = dim_of(graph->model, word);
    }
    v->declared = qn_type_tensor(graph->model, dtype, rank, list);
    ck_assert_ptr_nonnull(v->declared);
    ck_assert(qn_build_input(graph, v));
    return v;
}

struct quern_value *add_ints(struct quern_graph *graph, const char *name,
                             const int64_t *values, int64_t n)
{
    struct quern_tensor *tensor = NULL;
    struct quern_value *v = add_value(graph, name);
    ck_assert_int_eq(
        quern_tensor_of_ints(graph->model->context, n, values, &tensor),
        QUERN_OK);
    ck_assert(qn_build_initializer(v, tensor));
    return v;
}

struct quern_value *add_node(struct quern_graph *graph, const char *op,
                             const char *name, struct quern_value *a,
                             struct quern_value *b)
{
    struct quern_value *inputs[] = {a, b};
    struct quern_value *out = add_value(graph, name);
    size_t n = b != NULL ? 2 : a != NULL ? 1 : 0;
    ck_assert_ptr_nonnull(qn_build_node(graph, "", op, "", inputs, n, &out, 1));
    return out;
}

static struct qn_attr *add_attr(struct quern_value *made, const char *name,
                                enum qn_attr_type type)
{
    struct qn_arena *arena = &made->graph->model->arena;
    struct qn_attr *attr = qn_arena_alloc(arena, sizeof *attr);
    ck_assert_ptr_nonnull(attr);
    attr->name = name;
    attr->type = type;
    attr->len = 1;
    qn_build_attr(made->producer, attr);
    return attr;
}

void set_int(struct quern_value *made, const char *name, int64_t value)
{
    add_attr(made, name, QN_ATTR_INT)->u.i = value;
}

void set_ints(struct quern_value *made, const char *name, const int64_t *values,
              size_t n)
{
    struct qn_attr *attr = add_attr(made, name, QN_ATTR_INTS);
    attr->len = n;
    attr->u.ints = values;
}

struct quern_graph *add_body(struct quern_value *made, const char *name)
{
    struct quern_model *model = made->graph->model;
    struct quern_graph *body = qn_graph_create(model);
    struct quern_graph **list = qn_arena_alloc(&model->arena, sizeof(void *));
    ck_assert_ptr_nonnull(body);
    ck_assert_ptr_nonnull(list);
    list[0] = body;
    body->parent = made->producer;
    add_attr(made, name, QN_ATTR_GRAPH)->u.graphs = list;
    return body;
}

const char *type_text(const struct quern_value *value)
{
    static char text[1000];
    const struct quern_dim *dims = quern_value_dims(value);
    int rank = quern_value_rank(value);
    size_t n = (size_t)snprintf(text, sizeof text, "%s ",
                                quern_dtype_name(quern_value_dtype(value)));
    if (rank < 0) {
        snprintf(text + n, sizeof text - n, "?");
        return text;
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "[");
    for (int i = 0; i < rank && n < sizeof text - 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                              i > 0 ? ", " : "");
        n += quern_dim_format(dims[i], text + n, sizeof text - n);
    }
    snprintf(text + n, sizeof text - n, "]");
    return text;
}

const char *numbers_text(const struct quern_value *value)
{
    static char text[1000];
    size_t len = 0;
    const struct quern_number *numbers = quern_value_numbers(value, &len);
    size_t n =
        (size_t)snprintf(text, sizeof text, "%s", numbers != NULL ? "[" : "");
    for (size_t i = 0; numbers != NULL && i < len; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                              i > 0 ? ", " : "");
        if (numbers[i].known && numbers[i].expr == NULL) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%lld",
                                  (long long)numbers[i].value);
        } else {
            n += quern_dim_format((struct quern_dim){-1, numbers[i].expr},
                                  text + n, sizeof text - n);
        }
    }
    snprintf(text + n, sizeof text - n, "%s", numbers != NULL ? "]" : "");
    return text;
}
