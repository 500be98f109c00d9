/* set-shapes: sizes of inputs, and what follows from them for the outputs. */
#include "builtin.h"
#include "convert/interface.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape_params {
    struct quern_strings shapes;
    const char *batch;
};

/* A size of which nothing is known, as a name of its own. */
static enum quern_code name_dim(struct quern_pass_ctx *ctx,
                                const struct quern_value *v, int i,
                                struct quern_dim *dim)
{
    char text[256];
    quern_name_extend(text, sizeof text, quern_value_name(v), "_dim_%d", i);
    dim->expr = quern_model_symbol(quern_pass_model(ctx), text);
    return dim->expr != NULL ? QUERN_OK : QUERN_NO_MEMORY;
}

/* A number, a name, or '?' for any size. */
static enum quern_code read_dim(struct quern_pass_ctx *ctx, const char *text,
                                struct quern_dim *out_dim)
{
    char *end = NULL;
    *out_dim = (struct quern_dim){-1, NULL};
    if (strcmp(text, "?") == 0) {
        return QUERN_OK;
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*text != '\0' && *end == '\0' && errno == 0 && number >= 0) {
        out_dim->value = number;
        return QUERN_OK;
    }
    if (*text == '\0' || strchr("-+0123456789.", *text) != NULL) {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "found '%s' for a size, needs a number from 0 on, a "
                          "name, or ?",
                          text);
    }
    out_dim->expr = quern_model_symbol(quern_pass_model(ctx), text);
    return out_dim->expr != NULL ? QUERN_OK : QUERN_NO_MEMORY;
}

/* "1,3,H,W"; "" is a scalar. */
static enum quern_code read_dims(struct quern_pass_ctx *ctx, const char *text,
                                 struct quern_dim *dims, int *out_rank)
{
    enum quern_code code = QUERN_OK;
    int rank = 0;
    char word[128];
    bool more = *text != '\0';
    for (const char *at = text; more && code == QUERN_OK;) {
        size_t size = strcspn(at, ",");
        if (rank == QUERN_MAX_RANK || size >= sizeof word) {
            return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                              NULL, "'%s': at most %d sizes of %zu characters",
                              text, QUERN_MAX_RANK, sizeof word - 1);
        }
        snprintf(word, sizeof word, "%.*s", (int)size, at);
        code = read_dim(ctx, word, &dims[rank++]);
        more = at[size] == ','; /* a size must follow then */
        at += size + 1;
    }
    *out_rank = rank;
    return code;
}

static enum quern_code set_dims(struct quern_pass_ctx *ctx,
                                struct quern_value *x, int rank,
                                const struct quern_dim *dims)
{
    char text[256];
    enum quern_code code =
        quern_value_set_type(x, quern_value_dtype(x), rank, dims);
    (void)quern_value_type_format(x, text, sizeof text);
    quern_pass_account(ctx, NULL, "input '%s' is %s now", quern_value_name(x),
                       text);
    return code;
}

static enum quern_code set_shape(struct quern_pass_ctx *ctx, const char *pair)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    struct quern_value *x = NULL;
    char *name = NULL;
    const char *text = NULL;
    int rank = 0;
    enum quern_code code = qn_split_pair(
        ctx, pair, "NAME=SIZE,SIZE,… as in x=1,3,H,W", &name, &text);
    if (code == QUERN_OK) {
        code = qn_named_input(ctx, name, &x);
    }
    if (code == QUERN_OK) {
        code = read_dims(ctx, text, dims, &rank);
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (quern_value_kind(x) != QUERN_KIND_TENSOR ||
        quern_value_is_initializer(x)) {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "input '%s' has no sizes to set: %s", name,
                          quern_value_is_initializer(x) ? "it has a value"
                                                        : "it is no tensor");
    }
    if (quern_value_rank(x) >= 0 && quern_value_rank(x) != rank) {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "found %d sizes in '%s', input '%s' has %d", rank,
                          pair, name, quern_value_rank(x));
    }
    for (int i = 0; i < rank && code == QUERN_OK; i++) {
        if (dims[i].value < 0 && dims[i].expr == NULL) {
            code = name_dim(ctx, x, i, &dims[i]);
        }
    }
    return code == QUERN_OK ? set_dims(ctx, x, rank, dims) : code;
}

/* ------------------------------------------------------------------ batch */

static bool has_batch(const struct quern_value *x)
{
    return quern_value_rank(x) > 0 && !quern_value_is_initializer(x);
}

/* The first size of the first input, and of those that have the same. */
static enum quern_code set_batch(struct quern_pass_ctx *ctx,
                                 const struct quern_graph *graph,
                                 const char *text)
{
    struct quern_dim batch;
    struct quern_dim first = {-1, NULL};
    struct quern_dim dims[QUERN_MAX_RANK];
    bool found = false;
    enum quern_code code = read_dim(ctx, text, &batch);
    for (size_t i = 0; i < quern_graph_n_inputs(graph) && code == QUERN_OK;
         i++) {
        struct quern_value *x = quern_graph_input(graph, i);
        if (!has_batch(x)) {
            continue;
        }
        int rank = quern_value_rank(x);
        memcpy(dims, quern_value_dims(x), (size_t)rank * sizeof *dims);
        if (found && !quern_dim_equal(dims[0], first)) {
            quern_pass_account(ctx, NULL,
                               "input '%s' keeps its first size: it is another "
                               "one than that of the first input",
                               quern_value_name(x));
            continue;
        }
        if (!found && batch.value < 0 && batch.expr == NULL) {
            code = name_dim(ctx, x, 0, &batch);
        }
        if (code != QUERN_OK) {
            break;
        }
        first = dims[0];
        found = true;
        dims[0] = batch;
        code = set_dims(ctx, x, rank, dims);
    }
    return code == QUERN_OK && !found
               ? quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                            NULL, "no input has a batch: a first size")
               : code;
}

/* ---------------------------------------------------------------- outputs */

/* Sizes that follow from the inputs; what does not get a name of its own, since
 * what the file says may be no longer true. */
static enum quern_code set_output(struct quern_pass_ctx *ctx,
                                  struct quern_value *y)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    int rank = quern_value_rank(y);
    char text[256];
    if (rank < 1 || quern_value_is_initializer(y)) {
        return QUERN_OK;
    }
    memcpy(dims, quern_value_dims(y), (size_t)rank * sizeof *dims);
    for (int i = 0; i < rank; i++) {
        (void)quern_dim_format(dims[i], text, sizeof text);
        bool is_word = strcspn(text, " ()*+-/?`") == strlen(text);
        if (dims[i].value < 0 && !is_word &&
            name_dim(ctx, y, i, &dims[i]) != QUERN_OK) {
            return QUERN_NO_MEMORY;
        }
    }
    return quern_value_set_type(y, quern_value_dtype(y), rank, dims);
}

/* Inputs and outputs of bodies declare sizes as well. */
static enum quern_code set_bodies(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    static const struct quern_each bodies = {.has_bodies = true};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        struct quern_graph *body = quern_node_subgraph(node, i);
        for (size_t k = 0; k < quern_graph_n_inputs(body) && code == QUERN_OK;
             k++) {
            code = set_output(ctx, quern_graph_input(body, k));
        }
        for (size_t k = 0; k < quern_graph_n_outputs(body) && code == QUERN_OK;
             k++) {
            struct quern_value *y = quern_graph_output(body, k);
            code = quern_value_graph(y) == body ? set_output(ctx, y) : QUERN_OK;
        }
        if (code == QUERN_OK) {
            code = quern_pass_each(ctx, body, &bodies, set_bodies, user);
        }
    }
    return code;
}

static enum quern_code set_outputs(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph)
{
    static const struct quern_each bodies = {.has_bodies = true};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_graph_n_outputs(graph) && code == QUERN_OK;
         i++) {
        struct quern_value *y = quern_graph_output(graph, i);
        code = quern_value_producer(y) != NULL ? set_output(ctx, y) : QUERN_OK;
    }
    return code == QUERN_OK
               ? quern_pass_each(ctx, graph, &bodies, set_bodies, NULL)
               : code;
}

/* An output whose first size is still the number that the batch was. */
static void warn_of_constants(struct quern_pass_ctx *ctx,
                              const struct quern_graph *graph,
                              const struct quern_dim *before)
{
    struct quern_place place = QUERN_PLACE_NONE;
    for (size_t i = 0; i < quern_graph_n_outputs(graph); i++) {
        const struct quern_value *y = quern_graph_output(graph, i);
        const struct quern_value *x = quern_graph_input(graph, 0);
        if (before->value < 0 || quern_value_rank(y) < 1 || !has_batch(x) ||
            quern_value_dims(x)[0].value == before->value ||
            quern_value_dims(y)[0].value != before->value) {
            continue;
        }
        place.tensor = quern_value_name(y);
        quern_warn(quern_pass_context(ctx), &place,
                   "its first size is still %lld: the model seems to hold the "
                   "old batch in constants",
                   (long long)before->value);
    }
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct shape_params *p = params;
    struct quern_dim before = {-1, NULL};
    enum quern_code code = QUERN_OK;
    if (quern_graph_n_inputs(graph) > 0 &&
        has_batch(quern_graph_input(graph, 0))) {
        before = quern_value_dims(quern_graph_input(graph, 0))[0];
    }
    if (p->batch != NULL) {
        code = set_batch(ctx, graph, p->batch);
    }
    for (size_t i = 0; i < p->shapes.count && code == QUERN_OK; i++) {
        code = set_shape(ctx, p->shapes.items[i]);
    }
    if (code == QUERN_OK) {
        code = quern_model_infer(quern_pass_model(ctx));
    }
    if (code == QUERN_OK) {
        warn_of_constants(ctx, graph, &before);
    }
    if (code == QUERN_OK) {
        code = set_outputs(ctx, graph);
    }
    /* What the file says of values inside held for the old sizes. */
    return code == QUERN_OK ? quern_model_strip(quern_pass_model(ctx),
                                                QUERN_STRIP_VALUE_INFO)
                            : code;
}

static const struct quern_option options[] = {
    {"shapes", QUERN_OPTION_STRINGS, offsetof(struct shape_params, shapes), 0,
     0, NULL,
     "\"NAME=SIZE,SIZE\" for inputs: numbers, names, or ? for any size"},
    {"batch", QUERN_OPTION_STRING, offsetof(struct shape_params, batch), 0, 0,
     NULL,
     "number or name of the first size of the first input, and of all inputs "
     "that have the same one"},
    {0},
};

const struct quern_pass_desc qn_pass_set_shapes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "set-shapes",
    .summary = "set sizes of inputs: pinned to numbers, or left open by a name",
    .options = options,
    .params_size = sizeof(struct shape_params),
    .flags =
        QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_INTERFACE,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "convert",
};
