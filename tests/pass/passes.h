/* Passes for the tests of the manager: good, failing and forbidden ones, as a
 * plugin brings them. */
#ifndef QUERN_TESTS_PASS_PASSES_H
#define QUERN_TESTS_PASS_PASSES_H

#include "pass/pass.h"
#include "support.h"

#include <stddef.h>

static struct quern_context *to_cancel;

/* Sets an attribute of the first node: one edit. */
static enum quern_code run_mark(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    const int64_t *value = params;
    struct quern_node *n = quern_graph_first(graph);
    quern_pass_account(ctx, n, "marked with %lld", (long long)*value);
    return quern_node_set_int(n, "mark", *value);
}

static size_t n_writes_held;

/* Sets the attribute and tries a hundred others; 0 is undone as well. */
static enum quern_code run_try(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, const void *params)
{
    const int64_t *value = params;
    struct quern_node *n = quern_graph_first(graph);
    struct quern_mark first = quern_pass_mark(ctx);
    enum quern_code code = quern_node_set_int(n, "mark", *value);
    quern_pass_rewrote(ctx, n);
    struct quern_mark second = quern_pass_mark(ctx);
    for (int64_t i = 1; i <= 100 && code == QUERN_OK; i++) {
        code = quern_node_set_int(n, "mark", 1000 + i);
        quern_pass_rewrote(ctx, n);
        quern_pass_undo(ctx, second);
    }
    n_writes_held = ctx->model->journal.n_writes;
    if (*value == 0) {
        quern_pass_undo(ctx, first);
    }
    return code;
}

static enum quern_code run_fail(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    enum quern_code code = run_mark(ctx, graph, params);
    struct quern_place place = quern_node_place(quern_graph_first(graph));
    return code != QUERN_OK
               ? code
               : quern_fail(quern_pass_context(ctx), QUERN_INVALID_MODEL,
                            &place, "found 1, needs 2");
}

static enum quern_code run_unsupported(struct quern_pass_ctx *ctx,
                                       struct quern_graph *graph,
                                       const void *params)
{
    (void)graph;
    (void)params;
    return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, NULL,
                      "cannot do this");
}

static enum quern_code run_silent(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, const void *params)
{
    (void)!run_mark(ctx, graph, params);
    return QUERN_NUMERIC;
}

/* A node in front that reads what the last one makes. */
static enum quern_code run_break(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    struct quern_value *y = quern_node_output(quern_graph_last(graph), 0);
    struct quern_value *z = NULL;
    struct quern_node *node = NULL;
    (void)ctx;
    (void)params;
    enum quern_code code = quern_value_create(graph, "z", &z);
    return code == QUERN_OK
               ? quern_node_create(graph, quern_graph_first(graph), "Neg",
                                   "early", &y, 1, &z, 1, &node)
               : code;
}

/* An error that the pass lives with. */
static enum quern_code run_forgiving(struct quern_pass_ctx *ctx,
                                     struct quern_graph *graph,
                                     const void *params)
{
    (void)!quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, NULL,
                      "met on the way");
    return run_mark(ctx, graph, params);
}

static enum quern_code run_cancelled(struct quern_pass_ctx *ctx,
                                     struct quern_graph *graph,
                                     const void *params)
{
    (void)!run_mark(ctx, graph, params);
    quern_context_cancel(to_cancel);
    return quern_pass_poll(ctx);
}

static char data_seen[256];

static enum quern_code run_data(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    (void)graph;
    (void)params;
    strcat(strcat(data_seen, quern_pass_data(ctx)), ";");
    return QUERN_OK;
}

static char settings_seen[256];

static enum quern_code run_settings(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph,
                                    const void *params)
{
    (void)params;
    settings_seen[0] = '\0';
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        struct quern_settings s = quern_pass_node_settings(ctx, n);
        struct quern_settings v =
            quern_pass_value_settings(ctx, quern_node_output(n, 0));
        char line[64];
        snprintf(line, sizeof line, "%s %u %s %s %u|", quern_node_op(n), s.set,
                 s.quantize ? "yes" : "no", quern_dtype_name(s.activations),
                 v.set);
        strcat(settings_seen, line);
    }
    return QUERN_OK;
}

static char given[256];

static enum quern_code note_given(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    const char *const *taken = user;
    (void)ctx;
    strcat(strcat(given, quern_node_op(node)), "|");
    for (; taken != NULL && *taken != NULL; taken++) {
        if (quern_node_is(node, *taken)) {
            return QUERN_OK;
        }
    }
    return taken == NULL ? QUERN_OK : QUERN_NOT_FOUND;
}

static enum quern_code run_numbers(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   const void *params)
{
    static const char *const ops[] = {"Relu", NULL};
    const struct quern_each each = {.ops = ops, .or_numbers = true};
    (void)params;
    given[0] = '\0';
    return quern_pass_each(ctx, graph, &each, note_given, NULL);
}

static enum quern_code run_taken(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const char *ops[] = {"Mul", "Neg", NULL};
    const struct quern_each each = {.behind_taken = true};
    (void)params;
    given[0] = '\0';
    return quern_pass_each(ctx, graph, &each, note_given, ops);
}

static enum quern_code run_constant(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph,
                                    const void *params)
{
    const struct quern_each each = {.with_constant = true};
    (void)params;
    given[0] = '\0';
    return quern_pass_each(ctx, graph, &each, note_given, NULL);
}

static enum quern_code double_negation(struct quern_pass_ctx *ctx,
                                       const struct quern_match *match,
                                       const void *params)
{
    struct quern_node *root = quern_match_node(match, 0);
    (void)params;
    if (strcmp(quern_node_name(root), "Neg4") == 0) {
        return quern_pass_refuse(ctx, root, "it is number 4");
    }
    enum quern_code code = quern_replace_value(
        quern_match_value(match, "y"), quern_match_value(match, "x"), true);
    return code == QUERN_OK ? quern_node_erase_dead(root) : code;
}

static const struct quern_rewrite negations = {"negations", "y = Neg(Neg(x))",
                                               double_negation};
static const struct quern_rewrite *const rewrites[] = {&negations, NULL};

struct mark {
    int64_t value;
};

static const struct quern_option options[] = {
    {"value", QUERN_OPTION_INT, offsetof(struct mark, value), 0, 9, NULL,
     "what is written"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};
static const struct mark defaults = {1};

struct data_params {
    const char *data;
};

static const struct quern_option data_options[] = {
    {"data", QUERN_OPTION_STRING, offsetof(struct data_params, data), 0, 0,
     NULL, "samples"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};

static const char *const after_mark[] = {"t.mark", NULL};

#define PASS(variable, pass_name, function, ...)                               \
    static const struct quern_pass_desc variable = {                           \
        .struct_size = sizeof(struct quern_pass_desc),                         \
        .abi = QUERN_ABI,                                                      \
        .name = pass_name,                                                     \
        .summary = "a pass of the tests",                                      \
        .run = function,                                                       \
        __VA_ARGS__}
#define MARKS                                                                  \
    .options = options, .params_size = sizeof(struct mark),                    \
    .params_default = &defaults

PASS(mark, "t.mark", run_mark, MARKS);
PASS(late, "t.late", run_mark, MARKS, .after = after_mark);
PASS(fail, "t.fail", run_fail, MARKS);
PASS(tries, "t.try", run_try, MARKS);
PASS(unsupported, "t.unsupported", run_unsupported, .options = NULL);
PASS(silent, "t.silent", run_silent, MARKS);
PASS(broken, "t.break", run_break, .options = NULL);
PASS(forgiving, "t.forgiving", run_forgiving, MARKS);
PASS(cancelled, "t.cancelled", run_cancelled, MARKS);
PASS(forever, "t.forever", run_mark, MARKS, .flags = QUERN_PASS_REPEAT);
PASS(data, "t.data", run_data, .flags = QUERN_PASS_NEEDS_DATA,
     .options = data_options, .params_size = sizeof(struct data_params));
PASS(ranges, "t.ranges", run_mark, MARKS, .flags = QUERN_PASS_NEEDS_RANGES);
PASS(settings, "t.settings", run_settings, .options = NULL);
PASS(numbers, "t.numbers", run_numbers, .options = NULL,
     .flags = QUERN_PASS_NEEDS_SHAPES);
PASS(taken, "t.taken", run_taken, .options = NULL);
PASS(constant, "t.constant", run_constant, .options = NULL);
PASS(patterns, "t.patterns", NULL, .rewrites = rewrites);

static const struct quern_pass_desc *const passes[] = {
    &mark,     &late,      &fail,      &tries,   &unsupported, &silent,
    &broken,   &forgiving, &cancelled, &forever, &data,        &ranges,
    &settings, &patterns,  &numbers,   &taken,   &constant,    NULL,
};

#endif
