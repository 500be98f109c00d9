/* A model that a pattern matches, made of its text: what plugins and rules are
 * tried on when the user gives no model. */
#include <quern/recipe.h>

#include "ir/build.h"
#include "ir/edit.h"
#include "ir/schema.h"
#include "pass/pattern.h"

#include <stdio.h>
#include <string.h>

/* Operators that every runtime knows; patterns may need a newer opset. */
enum { USUAL_OPSET = 17 };

struct example {
    struct quern_context *context;
    const struct quern_pattern *pattern;
    struct quern_model *model;
    int64_t opset;
    int rank; /* of float inputs; -1: not told */
    struct quern_value *values[QN_PATTERN_MOST_NAMES];
    struct quern_node *nodes[QN_PATTERN_MOST_NODES];
};

/* ----------------------------------------------------------------- opset */

static int64_t opset_of(const struct quern_pattern *pattern)
{
    int64_t opset = USUAL_OPSET;
    int64_t highest = qn_schema_newest("");
    for (size_t i = 0; i < pattern->n_nodes; i++) {
        const struct qn_pattern_node *n = pattern->nodes[i];
        if (*n->domain != '\0') {
            continue;
        }
        highest = n->highest < highest ? n->highest : highest;
        opset = n->lowest > opset ? n->lowest : opset;
        while (opset < highest && qn_schema_find("", n->op, opset) == NULL) {
            opset++;
        }
    }
    return opset < highest ? opset : highest;
}

static const struct qn_schema *schema_of(const struct example *e,
                                         const struct qn_pattern_node *node)
{
    return qn_schema_find(node->domain, node->op,
                          *node->domain == '\0' ? e->opset : 1);
}

static bool import_domains(const struct example *e)
{
    const struct qn_span nothing = {NULL, 0};
    bool done = qn_build_opset(e->model, "", e->opset, nothing);
    for (size_t i = 0; i < e->pattern->n_nodes && done; i++) {
        const struct qn_pattern_node *n = e->pattern->nodes[i];
        if (quern_model_opset(e->model, n->domain) == 0) {
            done = qn_build_opset(e->model, n->domain,
                                  n->lowest > 0 ? n->lowest : 1, nothing);
        }
    }
    return done;
}

/* ---------------------------------------------------------------- values */

static enum quern_dtype preferred(uint32_t types)
{
    static const enum quern_dtype order[] = {
        QUERN_FLOAT, QUERN_INT64, QUERN_BOOL, QUERN_UINT8, QUERN_INT8};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if ((types & 1u << order[i]) != 0) {
            return order[i];
        }
    }
    return QUERN_FLOAT;
}

static uint32_t types_at(const struct example *e,
                         const struct qn_pattern_node *node, size_t i)
{
    const struct qn_schema *schema = schema_of(e, node);
    const struct qn_schema_port *port =
        schema != NULL ? qn_schema_input(schema, i) : NULL;
    return port != NULL && port->types != 0 ? port->types : UINT32_MAX;
}

/* Types that all readers of a value take. */
static uint32_t types_of(const struct example *e, size_t var)
{
    uint32_t types = UINT32_MAX;
    for (size_t k = 0; k < e->pattern->n_nodes; k++) {
        const struct qn_pattern_node *n = e->pattern->nodes[k];
        for (size_t i = 0; i < n->n_args; i++) {
            if (n->args[i].kind == QN_ARG_VALUE && n->args[i].var == var) {
                types &= types_at(e, n, i);
            }
        }
    }
    return types;
}

/* What the pattern asks of a value, where it does first; NULL: nothing. */
static const struct qn_pattern_guard *guard_of(const struct example *e,
                                               size_t var)
{
    for (size_t k = 0; k < e->pattern->n_nodes; k++) {
        const struct qn_pattern_node *n = e->pattern->nodes[k];
        for (size_t i = 0; i < n->n_args; i++) {
            const struct qn_pattern_arg *arg = &n->args[i];
            if (arg->kind == QN_ARG_VALUE && arg->var == var &&
                arg->guard != NULL) {
                return arg->guard;
            }
        }
    }
    return NULL;
}

/* Sizes that a guard leaves open are 4. */
static int guarded_dims(const struct qn_pattern_guard *guard, int rank,
                        struct quern_dim *dims)
{
    int n = (int)guard->n_sizes;
    rank = !guard->has_sizes ? rank
           : guard->is_open  ? (rank > n ? rank : n)
                             : n;
    for (int i = 0; i < n && guard->has_sizes; i++) {
        dims[rank - n + i].value = guard->sizes[i] >= 0 ? guard->sizes[i] : 4;
    }
    return rank;
}

/* Zeros, of sizes that are known. */
static enum quern_code make_zeros(struct example *e, const char *name,
                                  enum quern_dtype dtype, int rank,
                                  const struct quern_dim *dims,
                                  struct quern_value **out)
{
    int64_t sizes[QUERN_MAX_RANK];
    struct quern_tensor *tensor = NULL;
    for (int i = 0; i < rank; i++) {
        sizes[i] = dims[i].value < 64 ? dims[i].value : 64;
    }
    enum quern_code code = quern_tensor_create(
        e->context, dtype, rank > 0 ? rank : 0, sizes, &tensor);
    if (code == QUERN_OK) {
        code = quern_constant_create(e->model->graph, name, tensor, out);
    }
    quern_tensor_release(&tensor);
    return code;
}

/* All sizes are 4, so that shapes fit whatever the operators are; but for what
 * the pattern asks for. */
static enum quern_code make_input(struct example *e, const char *name,
                                  uint32_t types,
                                  const struct qn_pattern_guard *guard,
                                  struct quern_value **out)
{
    enum { SIDE = 4 };
    struct quern_dim dims[QUERN_MAX_RANK];
    bool is_typed = guard != NULL && guard->dtype != QUERN_UNDEFINED;
    enum quern_dtype dtype = is_typed ? guard->dtype : preferred(types);
    bool is_list = dtype != QUERN_FLOAT && dtype != QUERN_BOOL;
    int rank = is_list && !is_typed && e->rank >= 0 ? 1 : e->rank;
    for (int i = 0; i < QUERN_MAX_RANK; i++) {
        dims[i] = (struct quern_dim){SIDE, NULL};
    }
    rank = guard != NULL ? guarded_dims(guard, rank, dims) : rank;
    if (guard != NULL && guard->is_constant) {
        return make_zeros(e, name, dtype, rank, dims, out);
    }
    enum quern_code code = quern_value_create(e->model->graph, name, out);
    if (code == QUERN_OK && !qn_build_input(e->model->graph, *out)) {
        code = qn_no_memory(e->context);
    }
    return code == QUERN_OK ? quern_value_set_type(*out, dtype, rank, dims)
                            : code;
}

static enum quern_code make_constant(struct example *e,
                                     const struct qn_pattern_node *node,
                                     size_t i, struct quern_value **out)
{
    const struct qn_pattern_numbers *numbers = &node->args[i].numbers;
    struct quern_tensor *doubles = NULL;
    struct quern_tensor *tensor = NULL;
    int64_t len = (int64_t)numbers->n;
    enum quern_code code = quern_tensor_create(
        e->context, QUERN_DOUBLE, numbers->is_list ? 1 : 0, &len, &doubles);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(doubles), numbers->values,
               numbers->n * sizeof *numbers->values);
        code = quern_tensor_cast(e->context, doubles,
                                 preferred(types_at(e, node, i)), &tensor);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(e->model->graph, "constant", tensor, out);
    }
    quern_tensor_release(&tensor);
    quern_tensor_release(&doubles);
    return code;
}

/* ------------------------------------------------------------ attributes */

static enum quern_code set_numbers(struct quern_node *node, const char *name,
                                   const struct qn_pattern_numbers *n,
                                   bool is_float)
{
    int64_t ints[QN_PATTERN_MOST_ARGS] = {0};
    float floats[QN_PATTERN_MOST_ARGS] = {0};
    for (size_t i = 0; i < n->n && i < QN_PATTERN_MOST_ARGS; i++) {
        ints[i] = n->is_integer ? (int64_t)n->values[i] : 0;
        floats[i] = (float)n->values[i];
    }
    if (n->is_list) {
        return is_float ? quern_node_set_floats(node, name, floats, n->n)
                        : quern_node_set_ints(node, name, ints, n->n);
    }
    return is_float ? quern_node_set_float(node, name, floats[0])
                    : quern_node_set_int(node, name, ints[0]);
}

/* Anything, for an attribute that has no default but must be there. */
static enum quern_code set_any(struct quern_node *node,
                               const struct qn_schema_attr *row)
{
    static const double one = 1.0;
    const struct qn_pattern_numbers single = {1, &one, false, true, -1.0, NULL};
    const struct qn_pattern_numbers list = {1, &one, true, true, -1.0, NULL};
    const char *name = qn_schema_text(row->name);
    switch (row->type) {
    case QN_ATTR_INT:
    case QN_ATTR_FLOAT:
        return set_numbers(node, name, &single, row->type == QN_ATTR_FLOAT);
    case QN_ATTR_INTS:
    case QN_ATTR_FLOATS:
        return set_numbers(node, name, &list, row->type == QN_ATTR_FLOATS);
    case QN_ATTR_STRING:
        return quern_node_set_string(node, name, "");
    default:
        return QUERN_OK;
    }
}

/* The attribute of some node that `$var` binds has no default. */
static bool needs_value(const struct example *e, size_t var)
{
    for (size_t i = 0; i < e->pattern->n_nodes; i++) {
        const struct qn_pattern_node *n = e->pattern->nodes[i];
        const struct qn_schema *schema = schema_of(e, n);
        for (size_t k = 0; k < n->n_attrs && schema != NULL; k++) {
            const struct qn_pattern_attr *a = &n->attrs[k];
            const struct qn_schema_attr *row = qn_schema_attr(schema, a->name);
            if (a->kind == QN_ATTR_IS_VAR && a->var == var && row != NULL &&
                !row->has_default) {
                return true;
            }
        }
    }
    return false;
}

static enum quern_code set_attrs(const struct example *e,
                                 const struct qn_pattern_node *wanted,
                                 struct quern_node *node)
{
    const struct qn_schema *schema = schema_of(e, wanted);
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < wanted->n_attrs && code == QUERN_OK; i++) {
        const struct qn_pattern_attr *a = &wanted->attrs[i];
        const struct qn_schema_attr *row =
            schema != NULL ? qn_schema_attr(schema, a->name) : NULL;
        bool is_float = row != NULL ? row->type == QN_ATTR_FLOAT ||
                                          row->type == QN_ATTR_FLOATS
                                    : !a->numbers.is_integer;
        if (a->kind == QN_ATTR_IS_TEXT) {
            code = quern_node_set_string(node, a->name, a->text);
        } else if (a->kind == QN_ATTR_IS_NUMBERS) {
            code = set_numbers(node, a->name, &a->numbers, is_float);
        } else if (row != NULL && needs_value(e, a->var)) {
            code = set_any(node, row);
        }
    }
    const struct qn_schema_attr *row = NULL;
    for (size_t i = 0; schema != NULL && code == QUERN_OK &&
                       (row = qn_schema_attr_at(schema, i)) != NULL;
         i++) {
        if (row->required &&
            qn_node_attr(node, qn_schema_text(row->name)) == NULL) {
            code = set_any(node, row);
        }
    }
    return code;
}

/* ----------------------------------------------------------------- nodes */

static enum quern_code make_node(struct example *e,
                                 const struct qn_pattern_node *wanted);

static enum quern_code make_argument(struct example *e,
                                     const struct qn_pattern_node *wanted,
                                     size_t i, struct quern_value **inputs,
                                     size_t *n)
{
    const struct qn_pattern_arg *arg = &wanted->args[i];
    if (arg->kind == QN_ARG_CONSTANT) {
        return make_constant(e, wanted, i, &inputs[(*n)++]);
    }
    const struct qn_pattern_var *var = &e->pattern->vars[arg->var];
    enum quern_code code = QUERN_OK;
    if (var->producer != NULL) {
        code = make_node(e, var->producer);
    } else if (e->values[arg->var] == NULL || var->is_many) {
        code = make_input(e, var->name, types_of(e, arg->var),
                          guard_of(e, arg->var), &e->values[arg->var]);
    }
    inputs[(*n)++] = e->values[arg->var];
    return code;
}

static enum quern_code make_node(struct example *e,
                                 const struct qn_pattern_node *wanted)
{
    struct quern_value *inputs[QN_PATTERN_MOST_ARGS];
    struct quern_value *outputs[QN_PATTERN_MOST_ARGS];
    char text[512];
    size_t n = 0;
    if (e->nodes[wanted->id] != NULL) {
        return QUERN_OK;
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < wanted->n_args && code == QUERN_OK; i++) {
        code = make_argument(e, wanted, i, inputs, &n);
    }
    for (size_t i = 0; i < wanted->n_outs && code == QUERN_OK; i++) {
        const char *name = e->pattern->vars[wanted->outs[i]].name;
        snprintf(text, sizeof text, "%.200s%zu", wanted->op, wanted->id);
        code = quern_value_create(e->model->graph, name != NULL ? name : text,
                                  &outputs[i]);
        e->values[wanted->outs[i]] = code == QUERN_OK ? outputs[i] : NULL;
    }
    if (code == QUERN_OK) {
        code = qn_node_create_op(
            e->model->graph, NULL,
            (struct qn_op_name){wanted->domain, wanted->op}, wanted->op, inputs,
            n, outputs, wanted->n_outs, &e->nodes[wanted->id]);
    }
    return code == QUERN_OK ? set_attrs(e, wanted, e->nodes[wanted->id]) : code;
}

/* ----------------------------------------------------------------- whole */

static enum quern_code build(struct example *e)
{
    enum quern_code code = qn_model_create(e->context, &e->model);
    if (code != QUERN_OK) {
        return code;
    }
    e->model->ir_version = qn_schema_ir_for_opset(e->opset);
    e->model->graph->name = "example";
    if (!import_domains(e)) {
        return qn_no_memory(e->context);
    }
    qn_build_finish(e->model);
    const struct qn_pattern_node *root = e->pattern->nodes[0];
    code = make_node(e, root);
    for (size_t i = 0; i < root->n_outs && code == QUERN_OK; i++) {
        struct quern_value *value = e->values[root->outs[i]];
        code = qn_build_output(e->model->graph, value)
                   ? QUERN_OK
                   : qn_no_memory(e->context);
    }
    if (code == QUERN_OK) {
        qn_journal_commit(e->model);
    }
    return code;
}

/* Gemm takes matrices alone, which inference does not mind. */
static bool wants_matrices(const struct quern_pattern *pattern)
{
    size_t i = 0;
    while (i < pattern->n_nodes && strcmp(pattern->nodes[i]->op, "Gemm") != 0) {
        i++;
    }
    return i < pattern->n_nodes;
}

/* How well the operators take their inputs: SIZE_MAX where one is wrong, else
 * the number of those that leave open what they make. */
static size_t misfit_of(struct quern_model *model)
{
    size_t n = 0;
    enum quern_code code = quern_model_infer(model);
    if (code == QUERN_OK) {
        code = quern_model_verify(model, NULL, NULL);
    }
    quern_clear(model->context);
    const struct quern_node *k = quern_graph_first(model->graph);
    for (; k != NULL; k = quern_node_next(k)) {
        n += quern_node_is_known(k) &&
             quern_value_rank(quern_node_output(k, 0)) < 0;
    }
    return code == QUERN_OK ? n : SIZE_MAX;
}

enum quern_code quern_pattern_example(struct quern_context *context,
                                      const char *text,
                                      struct quern_model **out_model)
{
    static const int ranks[] = {4, 2, 3, 1, -1};
    enum { N_RANKS = sizeof ranks / sizeof *ranks };
    struct quern_pattern *pattern = NULL;
    enum quern_code code = quern_pattern_create(context, text, &pattern);
    struct quern_model *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < N_RANKS && code == QUERN_OK && least > 0; i++) {
        struct example e = {.context = context,
                            .pattern = pattern,
                            .opset = opset_of(pattern),
                            .rank = wants_matrices(pattern) ? 2 : ranks[i]};
        code = build(&e);
        size_t misfit = code == QUERN_OK ? misfit_of(e.model) : SIZE_MAX;
        if (code == QUERN_OK && (best == NULL || misfit < least)) {
            quern_model_destroy(&best);
            best = e.model;
            e.model = NULL;
            least = misfit;
        }
        quern_model_destroy(&e.model);
    }
    quern_pattern_destroy(&pattern);
    if (code == QUERN_OK) {
        *out_model = best;
    } else {
        quern_model_destroy(&best);
    }
    return code;
}
