/* to-float16: types, constants and Casts are written. */
#include "convert/float16.h"

#include <string.h>

/* The type that a wide value has. */
static enum quern_dtype wide_type(const struct qn_half *h,
                                  const struct quern_value *v)
{
    return qn_half_has(h, v, QN_HALF_DOUBLE) ? QUERN_DOUBLE : QUERN_FLOAT;
}

static void name_cast(const struct quern_value *v, enum quern_dtype dtype,
                      char *name, size_t size)
{
    quern_name_extend(name, size, quern_value_name(v), "_%s",
                      dtype == QUERN_FLOAT    ? "float32"
                      : dtype == QUERN_DOUBLE ? "float64"
                                              : quern_dtype_name(dtype));
}

/* Behind the node that makes `v`, or in front of all that could read it. */
static struct quern_node *place_behind(const struct quern_value *v)
{
    struct quern_node *maker = quern_value_producer(v);
    return maker != NULL ? quern_node_next(maker)
                         : quern_graph_first(quern_value_graph(v));
}

static enum quern_code make_cast(struct qn_half *h, struct quern_value *from,
                                 struct quern_value *to,
                                 struct quern_node *before,
                                 enum quern_dtype dtype)
{
    struct quern_node *node = NULL;
    char name[512];
    (void)h;
    quern_name_extend(name, sizeof name, quern_value_name(to), "_Cast");
    enum quern_code code = quern_node_create(
        quern_value_graph(to), before, "Cast", name, &from, 1, &to, 1, &node);
    return code == QUERN_OK ? quern_node_set_int(node, "to", (int64_t)dtype)
                            : code;
}

/* ------------------------------------------------------------- constants */

/* Put a tensor in the place of a constant's own. */
static enum quern_code set_tensor(struct quern_value *v,
                                  struct quern_tensor *tensor)
{
    static const char *const forms[] = {"value_float", "value_floats", NULL};
    struct quern_node *node = quern_value_producer(v);
    if (node == NULL) {
        return quern_value_set_constant(v, tensor, false);
    }
    enum quern_code code = quern_node_set_tensor(node, "value", tensor);
    for (size_t i = 0; forms[i] != NULL && code == QUERN_OK; i++) {
        code = quern_node_remove_attr(node, forms[i]);
    }
    return code;
}

static enum quern_code make_copy(struct qn_half *h, struct quern_value *v,
                                 struct quern_tensor *tensor,
                                 struct quern_value **out_copy)
{
    char name[512];
    name_cast(v, h->narrow, name, sizeof name);
    return quern_constant_create(quern_value_graph(v), name, tensor, out_copy);
}

/* Narrow when all readers want that; else those that do get a copy. */
static enum quern_code convert_constant(struct qn_half *h,
                                        struct quern_value *v)
{
    size_t n_narrow = 0;
    struct quern_tensor *tensor = NULL;
    struct quern_value *copy = NULL;
    const struct quern_use *next = quern_value_first_use(v);
    for (const struct quern_use *u = next; u != NULL; u = quern_use_next(u)) {
        n_narrow += qn_half_wants(h, v, u);
    }
    if (n_narrow == 0) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_half_narrowed(h, quern_value_constant(v), &tensor);
    if (code == QUERN_OK && n_narrow == quern_value_n_uses(v)) {
        code = set_tensor(v, tensor);
    } else if (code == QUERN_OK) {
        code = make_copy(h, v, tensor, &copy);
        for (const struct quern_use *u = next; u != NULL && code == QUERN_OK;
             u = next) {
            next = quern_use_next(u);
            if (qn_half_wants(h, v, u) && quern_use_node(u) != NULL) {
                code = quern_node_set_input(quern_use_node(u),
                                            quern_use_index(u), copy);
            }
        }
    }
    quern_tensor_release(&tensor);
    return code;
}

/* ----------------------------------------------------------------- values */

/* Let readers that want the type of `to` read it, those of nodes. */
static enum quern_code move_readers(struct qn_half *h, struct quern_value *v,
                                    bool narrow, struct quern_value *to)
{
    const struct quern_use *next = NULL;
    enum quern_code code = QUERN_OK;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && code == QUERN_OK; u = next) {
        struct quern_node *node = quern_use_node(u);
        next = quern_use_next(u);
        /* Nodes made here read what they are given. */
        if (node != NULL && quern_node_id(node) < h->n_nodes &&
            qn_half_wants(h, v, u) == narrow) {
            code = quern_node_set_input(node, quern_use_index(u), to);
        }
    }
    return code;
}

/* What a Cast of `v` best reads: behind a Cast, what that one reads. */
static struct quern_value *source_of(const struct qn_half *h,
                                     struct quern_value *v)
{
    const struct quern_node *maker = quern_value_producer(v);
    struct quern_value *x = maker != NULL && quern_node_is(maker, "Cast")
                                ? quern_node_input(maker, 0)
                                : NULL;
    return x != NULL && !qn_half_wide(h, x) &&
                   quern_value_graph(x) == quern_value_graph(v)
               ? x
               : v;
}

/* Readers inside want one type, the graph's output another: the output keeps
 * its name, and what makes it now makes a value for the others. */
static enum quern_code split_output(struct qn_half *h, struct quern_value *v,
                                    bool narrow)
{
    struct quern_node *maker = quern_value_producer(v);
    struct quern_value *inner = NULL;
    enum quern_dtype own = narrow ? h->narrow : wide_type(h, v);
    char name[512];
    name_cast(v, own, name, sizeof name);
    size_t i = quern_value_output_index(v);
    enum quern_code code =
        quern_value_create(quern_value_graph(v), name, &inner);
    if (code == QUERN_OK) {
        code = move_readers(h, v, narrow, inner);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(maker, i, inner);
    }
    return code == QUERN_OK ? make_cast(h, inner, v, quern_node_next(maker),
                                        narrow ? wide_type(h, v) : h->narrow)
                            : code;
}

static enum quern_code convert_value(struct qn_half *h, struct quern_value *v)
{
    bool narrow = qn_half_is_narrow(h, v);
    bool differs = false;
    bool output_differs = false;
    struct quern_value *other = NULL;
    char name[512];
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        bool is_other = qn_half_wants(h, v, u) != narrow;
        differs = differs || is_other;
        output_differs =
            output_differs || (is_other && quern_use_node(u) == NULL);
    }
    if (!differs) {
        return QUERN_OK;
    }
    if (output_differs && quern_value_producer(v) != NULL) {
        return split_output(h, v, narrow);
    }
    enum quern_dtype dtype = narrow ? wide_type(h, v) : h->narrow;
    name_cast(v, dtype, name, sizeof name);
    enum quern_code code =
        quern_value_create(quern_value_graph(v), name, &other);
    if (code == QUERN_OK) {
        code = make_cast(h, source_of(h, v), other, place_behind(v), dtype);
    }
    return code == QUERN_OK ? move_readers(h, v, !narrow, other) : code;
}

static enum quern_code convert(struct qn_half *h, struct quern_value *v)
{
    if (!qn_half_wide(h, v)) {
        return QUERN_OK;
    }
    return quern_value_constant(v) != NULL ? convert_constant(h, v)
                                           : convert_value(h, v);
}

/* ------------------------------------------------------------------ nodes */

/* The type that an attribute says follows the output. */
static enum quern_code set_attribute(struct qn_half *h, struct quern_node *node)
{
    const char *name = qn_half_type_attr(node);
    struct quern_tensor *value = NULL;
    struct quern_tensor *narrowed = NULL;
    float zero = 0.0f;
    if (!qn_half_is_narrow(h, quern_node_output(node, 0)) ||
        !qn_half_has_own_type(node) || quern_node_is(node, "Constant")) {
        return QUERN_OK;
    }
    if (name != NULL) {
        return quern_node_set_int(node, name, (int64_t)h->narrow);
    }
    enum quern_code code = QUERN_OK;
    if (quern_node_has_attr(node, "value")) {
        code = quern_node_attr_tensor(node, "value", &value);
        value = code == QUERN_OK ? quern_tensor_retain(value) : NULL;
    } else {
        code = quern_tensor_of_floats(quern_pass_context(h->ctx), 1, &zero,
                                      &value);
    }
    if (code == QUERN_OK) {
        code = qn_half_narrowed(h, value, &narrowed);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_tensor(node, "value", narrowed);
    }
    quern_tensor_release(&value);
    quern_tensor_release(&narrowed);
    return code;
}

static enum quern_code write_node(struct qn_half *h, struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    if (quern_node_id(node) >= h->n_nodes) {
        return QUERN_OK; /* a Cast of ours */
    }
    code = set_attribute(h, node);
    for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
         i++) {
        code = convert(h, quern_node_output(node, i));
    }
    return code;
}

static enum quern_code write_graph(struct qn_half *h, struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    struct quern_value *next = NULL;
    for (size_t i = 0; i < quern_graph_n_inputs(graph) && code == QUERN_OK;
         i++) {
        code = convert(h, quern_graph_input(graph, i));
    }
    for (struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL && code == QUERN_OK; v = next) {
        next = quern_value_next_initializer(v);
        code = convert(h, v);
    }
    return code;
}

static enum quern_code write_bodies(struct qn_half *h, struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        code = write_graph(h, quern_node_subgraph(node, i));
    }
    return code;
}

/* A Cast to the type that its input has by now. */
static enum quern_code drop_cast(struct qn_half *h, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *y = quern_node_output(node, 0);
    if (!quern_node_is(node, "Cast") || x == NULL || y == NULL ||
        quern_node_id(node) >= h->n_nodes) {
        return QUERN_OK;
    }
    bool y_is = qn_half_is_narrow(h, y) ||
                (!qn_half_wide(h, y) && quern_value_dtype(y) == h->narrow);
    bool x_is = qn_half_is_narrow(h, x) ||
                (!qn_half_wide(h, x) && quern_value_dtype(x) == h->narrow);
    if (!x_is || !y_is || !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

/* Inputs and outputs of graphs say their new types; sizes of outputs stay as
 * the file has them. */
static enum quern_code declare(struct qn_half *h, struct quern_value *v)
{
    if (!qn_half_is_narrow(h, v) || quern_value_is_initializer(v)) {
        return QUERN_OK;
    }
    return quern_value_producer(v) != NULL
               ? quern_value_set_type(v, h->narrow, -1, NULL)
               : quern_value_set_type(v, h->narrow, quern_value_rank(v),
                                      quern_value_dims(v));
}

static enum quern_code declare_graph(struct qn_half *h,
                                     struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_graph_n_inputs(graph) && code == QUERN_OK;
         i++) {
        code = declare(h, quern_graph_input(graph, i));
    }
    for (size_t i = 0; i < quern_graph_n_outputs(graph) && code == QUERN_OK;
         i++) {
        struct quern_value *y = quern_graph_output(graph, i);
        code = quern_value_graph(y) == graph ? declare(h, y) : QUERN_OK;
    }
    return code;
}

static enum quern_code declare_bodies(struct qn_half *h,
                                      struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        code = declare_graph(h, quern_node_subgraph(node, i));
    }
    return code;
}

enum quern_code qn_half_write(struct qn_half *h)
{
    struct quern_graph *graph = quern_model_graph(h->model);
    enum quern_code code = write_graph(h, graph);
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, write_node);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, write_bodies);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, drop_cast);
    }
    if (code == QUERN_OK) {
        code = declare_graph(h, graph);
    }
    if (code == QUERN_OK) {
        code = qn_half_each(h, graph, false, declare_bodies);
    }
    return code == QUERN_OK ? quern_model_infer(h->model) : code;
}
