/* cut, add-outputs, rename: what a model shows. */
#include "convert/interface.h"

#include "builtin.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ names */

static enum quern_code no_such(struct quern_pass_ctx *ctx, const char *what,
                               const char *name, const char *const *names)
{
    const char *near = quern_nearest_name(name, names);
    return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                      "no %s '%s'%s%s%s", what, name,
                      near != NULL ? ", did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* Names of all values that nodes of the top graph make, and of its inputs;
 * NULL-ended. */
static const char **list_names(struct quern_pass_ctx *ctx)
{
    struct quern_model *model = quern_pass_model(ctx);
    struct quern_graph *graph = quern_model_graph(model);
    size_t room = (size_t)quern_model_n_value_ids(model) + 1;
    const char **names = quern_pass_alloc(ctx, room * sizeof(const char *));
    size_t n = 0;
    for (size_t i = 0; names != NULL && i < quern_graph_n_inputs(graph); i++) {
        names[n++] = quern_value_name(quern_graph_input(graph, i));
    }
    for (const struct quern_node *node = quern_graph_first(graph);
         names != NULL && node != NULL; node = quern_node_next(node)) {
        for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
            if (quern_node_output(node, i) != NULL) {
                names[n++] = quern_value_name(quern_node_output(node, i));
            }
        }
    }
    return names;
}

enum quern_code qn_named_value(struct quern_pass_ctx *ctx, const char *name,
                               struct quern_value **out_value)
{
    struct quern_graph *graph = quern_model_graph(quern_pass_model(ctx));
    *out_value = quern_graph_find(graph, name);
    if (*out_value != NULL) {
        return QUERN_OK;
    }
    const char **names = list_names(ctx);
    return names != NULL ? no_such(ctx, "value", name, names) : QUERN_NO_MEMORY;
}

enum quern_code qn_named_input(struct quern_pass_ctx *ctx, const char *name,
                               struct quern_value **out_value)
{
    struct quern_graph *graph = quern_model_graph(quern_pass_model(ctx));
    size_t n = quern_graph_n_inputs(graph);
    *out_value = quern_graph_find(graph, name);
    if (*out_value != NULL && quern_value_is_graph_input(*out_value)) {
        return QUERN_OK;
    }
    const char **names = quern_pass_alloc(ctx, (n + 1) * sizeof(const char *));
    if (names == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = quern_value_name(quern_graph_input(graph, i));
    }
    return no_such(ctx, "input", name, names);
}

enum quern_code qn_split_pair(struct quern_pass_ctx *ctx, const char *pair,
                              const char *what, char **out_name,
                              const char **out_rest)
{
    const char *at = strrchr(pair, '=');
    size_t size = at != NULL ? (size_t)(at - pair) : 0;
    if (size == 0 || at[1] == '\0') {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "found '%s', needs %s", pair, what);
    }
    *out_name = quern_pass_alloc(ctx, size + 1);
    if (*out_name == NULL) {
        return QUERN_NO_MEMORY;
    }
    memcpy(*out_name, pair, size);
    *out_rest = at + 1;
    return QUERN_OK;
}

/* -------------------------------------------------------------------- cut */

struct cut_params {
    struct quern_strings inputs;
    struct quern_strings outputs;
};

static enum quern_code find_all(struct quern_pass_ctx *ctx,
                                const struct quern_strings *names,
                                struct quern_value **values)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < names->count && code == QUERN_OK; i++) {
        code = qn_named_value(ctx, names->items[i], &values[i]);
    }
    return code;
}

/* From here on the caller gives the value. */
static enum quern_code part_from_maker(struct quern_pass_ctx *ctx,
                                       struct quern_value *v)
{
    struct quern_node *maker = quern_value_producer(v);
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = quern_value_name(v);
    if (maker == NULL) {
        return QUERN_OK;
    }
    if (quern_value_kind(v) == QUERN_KIND_UNKNOWN ||
        quern_value_dtype(v) == QUERN_UNDEFINED) {
        return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, &place,
                          "cannot become an input: its type is not known");
    }
    /* What was inferred is what the input declares. */
    enum quern_code code = quern_value_copy_type(v, v);
    return code == QUERN_OK
               ? quern_node_set_output(maker, quern_value_output_index(v), NULL)
               : code;
}

/* Marks of all values, by their ids, set for those of a list; NULL: no memory.
 * A list may be as long as the model. */
static bool *mark_values(struct quern_pass_ctx *ctx,
                         struct quern_value *const *values, size_t n)
{
    size_t n_ids = quern_model_n_value_ids(quern_pass_model(ctx));
    bool *marks = quern_pass_alloc(ctx, n_ids + 1);
    for (size_t i = 0; marks != NULL && i < n; i++) {
        marks[quern_value_id(values[i])] = true;
    }
    return marks;
}

/* Inputs that are read stay, in their order; new ones follow. */
static enum quern_code set_inputs(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph,
                                  struct quern_value *const *wanted, size_t n)
{
    size_t n_old = quern_graph_n_inputs(graph);
    size_t n_new = 0;
    struct quern_value **inputs =
        quern_pass_alloc(ctx, (n + n_old + 1) * sizeof(struct quern_value *));
    bool *missing = mark_values(ctx, wanted, n);
    if (inputs == NULL || missing == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n_old; i++) {
        struct quern_value *x = quern_graph_input(graph, i);
        if (quern_value_n_uses(x) > 0 || missing[quern_value_id(x)]) {
            inputs[n_new++] = x;
            missing[quern_value_id(x)] = false;
        } else {
            quern_pass_account(ctx, NULL, "input '%s' is read no more",
                               quern_value_name(x));
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (missing[quern_value_id(wanted[i])]) {
            inputs[n_new++] = wanted[i];
            missing[quern_value_id(wanted[i])] = false;
        }
    }
    return quern_graph_set_inputs(graph, inputs, n_new);
}

static enum quern_code run_cut(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, const void *params)
{
    const struct cut_params *p = params;
    size_t n_in = p->inputs.count;
    size_t n_out = p->outputs.count;
    size_t n_nodes = quern_graph_n_nodes(graph);
    struct quern_value **in =
        quern_pass_alloc(ctx, (n_in + 1) * sizeof(struct quern_value *));
    struct quern_value **out =
        quern_pass_alloc(ctx, (n_out + 1) * sizeof(struct quern_value *));
    if (in == NULL || out == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = find_all(ctx, &p->inputs, in);
    if (code == QUERN_OK) {
        code = find_all(ctx, &p->outputs, out);
    }
    if (code == QUERN_OK && n_out > 0) {
        code = quern_graph_set_outputs(graph, out, n_out);
    }
    for (size_t i = 0; i < n_in && code == QUERN_OK; i++) {
        code = part_from_maker(ctx, in[i]);
    }
    if (code == QUERN_OK && n_in > 0) {
        code = set_inputs(ctx, graph, in, n_in); /* before they count as dead */
    }
    if (code == QUERN_OK) {
        code = quern_graph_erase_dead(graph);
    }
    if (code == QUERN_OK) {
        code = set_inputs(ctx, graph, in, n_in);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "%zu of %zu nodes left",
                           quern_graph_n_nodes(graph), n_nodes);
    }
    return code;
}

static const struct quern_option cut_options[] = {
    {"inputs", QUERN_OPTION_STRINGS, offsetof(struct cut_params, inputs), 0, 0,
     NULL, "values that the caller gives; inputs that are still read stay"},
    {"outputs", QUERN_OPTION_STRINGS, offsetof(struct cut_params, outputs), 0,
     0, NULL, "values that are the outputs, in this order; none: as they are"},
    {0},
};

const struct quern_pass_desc qn_pass_cut = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "cut",
    .summary = "keep the part of the model between two sets of values",
    .options = cut_options,
    .params_size = sizeof(struct cut_params),
    .flags =
        QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_INTERFACE,
    .contract = QUERN_BIT_EXACT,
    .run = run_cut,
    .group = "convert",
};

/* ------------------------------------------------------------ add-outputs */

struct outputs_params {
    struct quern_strings values;
};

static enum quern_code run_outputs(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   const void *params)
{
    const struct outputs_params *p = params;
    size_t n = quern_graph_n_outputs(graph);
    size_t room = n + p->values.count + 1;
    struct quern_value **out =
        quern_pass_alloc(ctx, room * sizeof(struct quern_value *));
    enum quern_code code = out != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        out[i] = quern_graph_output(graph, i);
    }
    size_t n_old = n;
    bool *shown = code == QUERN_OK ? mark_values(ctx, out, n) : NULL;
    code = shown != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (size_t i = 0; i < p->values.count && code == QUERN_OK; i++) {
        const char *name = p->values.items[i];
        code = qn_named_value(ctx, name, &out[n]);
        if (code == QUERN_OK && quern_value_producer(out[n]) == NULL) {
            code = quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                              NULL, "'%s' is %s: no node makes it", name,
                              quern_value_is_graph_input(out[n])
                                  ? "an input of the model"
                                  : "a constant");
        }
        if (code == QUERN_OK && !shown[quern_value_id(out[n])]) {
            quern_pass_account(ctx, NULL, "'%s' is an output now", name);
            shown[quern_value_id(out[n])] = true;
            n++;
        }
    }
    return code == QUERN_OK && n > n_old
               ? quern_graph_set_outputs(graph, out, n)
               : code;
}

static const struct quern_option outputs_options[] = {
    {"values", QUERN_OPTION_STRINGS, offsetof(struct outputs_params, values), 0,
     0, NULL, "names of values of the top graph"},
    {0},
};

const struct quern_pass_desc qn_pass_add_outputs = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "add-outputs",
    .summary = "make values inside of the model outputs of it",
    .options = outputs_options,
    .params_size = sizeof(struct outputs_params),
    .flags =
        QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_INTERFACE,
    .contract = QUERN_BIT_EXACT,
    .run = run_outputs,
    .group = "convert",
};

/* ----------------------------------------------------------------- rename */

struct rename_params {
    struct quern_strings values;
};

/* Names may change places: all old ones are given up first. */
static enum quern_code step_aside(struct quern_value *const *values, size_t n)
{
    enum quern_code code = QUERN_OK;
    char name[64];
    for (size_t i = 0; i < n && n > 1 && code == QUERN_OK; i++) {
        snprintf(name, sizeof name, "quern.renamed.%zu", i);
        code = quern_value_rename(values[i], name);
    }
    return code;
}

static enum quern_code run_rename(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, const void *params)
{
    const struct rename_params *p = params;
    size_t n = p->values.count;
    struct quern_value **values =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_value *));
    const char **wanted = quern_pass_alloc(ctx, (n + 1) * sizeof(const char *));
    bool *seen = mark_values(ctx, NULL, 0);
    enum quern_code code = values != NULL && wanted != NULL && seen != NULL
                               ? QUERN_OK
                               : QUERN_NO_MEMORY;
    (void)graph;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        char *old = NULL;
        code =
            qn_split_pair(ctx, p->values.items[i], "OLD=NEW", &old, &wanted[i]);
        if (code == QUERN_OK) {
            code = qn_named_value(ctx, old, &values[i]);
        }
        if (code == QUERN_OK && seen[quern_value_id(values[i])]) {
            code = quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                              NULL, "'%s' is renamed twice", old);
        }
        if (code == QUERN_OK) {
            seen[quern_value_id(values[i])] = true;
            quern_pass_account(ctx, NULL, "'%s' is '%s' now", old, wanted[i]);
        }
    }
    if (code == QUERN_OK) {
        code = step_aside(values, n);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_value_rename(values[i], wanted[i]);
    }
    return code;
}

static const struct quern_option rename_options[] = {
    {"values", QUERN_OPTION_STRINGS, offsetof(struct rename_params, values), 0,
     0, NULL,
     "\"OLD=NEW\" for each input, output or other value of the top graph"},
    {0},
};

const struct quern_pass_desc qn_pass_rename = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "rename",
    .summary = "give inputs, outputs and other values other names",
    .options = rename_options,
    .params_size = sizeof(struct rename_params),
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_INTERFACE,
    .contract = QUERN_BIT_EXACT,
    .run = run_rename,
    .group = "convert",
};
