/* What the tests of trials share: a context, models of testdata/trust, and a
 * pass that is wrong. */
#ifndef QUERN_TESTS_API_SUPPORT_H
#define QUERN_TESTS_API_SUPPORT_H

#include "api/bisect.h"
#include "api/trial_run.h"
#include "qtest.h"

#include <string.h>
#include <sys/stat.h>

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

static inline void open_model(const char *name)
{
    quern_model_destroy(&model);
    ck_assert_int_eq(quern_model_open(context, qtest_data(name), &model),
                     QUERN_OK);
}

/* Each Sub becomes an Add: wrong. */
static inline enum quern_code add_up(struct quern_pass_ctx *ctx,
                                     const struct quern_match *match,
                                     const void *params)
{
    (void)ctx;
    (void)params;
    return quern_node_set_op(quern_match_node(match, 0), "Add");
}

/* Its result is what it was. */
static inline enum quern_code rename_it(struct quern_pass_ctx *ctx,
                                        const struct quern_match *match,
                                        const void *params)
{
    (void)ctx;
    (void)params;
    return strcmp(quern_node_name(quern_match_node(match, 0)), "sub") == 0
               ? QUERN_NOT_FOUND
               : quern_node_set_name(quern_match_node(match, 0), "sub");
}

static const struct quern_rewrite wrong = {"wrong", "y = Sub(a, b)", add_up};
static const struct quern_rewrite right = {"right", "y = Sub(a, b)", rename_it};
static const struct quern_rewrite *const wrongs[] = {&wrong, NULL};
static const struct quern_rewrite *const rights[] = {&right, NULL};

static const struct quern_pass_desc wrong_pass = {
    .struct_size = sizeof wrong_pass,
    .abi = QUERN_ABI,
    .name = "test-wrong",
    .summary = "wrong",
    .rewrites = wrongs,
};
static const struct quern_pass_desc right_pass = {
    .struct_size = sizeof right_pass,
    .abi = QUERN_ABI,
    .name = "test-right",
    .summary = "right",
    .rewrites = rights,
};
/* The output is of another type, if only in words. */
static inline enum quern_code declare_half(struct quern_pass_ctx *ctx,
                                           struct quern_graph *graph,
                                           const void *params)
{
    (void)ctx;
    (void)params;
    struct quern_value *y = quern_graph_output(graph, 0);
    return quern_value_set_type(y, QUERN_FLOAT16, quern_value_rank(y),
                                quern_value_dims(y));
}

static const struct quern_pass_desc retype_pass = {
    .struct_size = sizeof retype_pass,
    .abi = QUERN_ABI,
    .name = "test-retype",
    .summary = "another type of output",
    .run = declare_half,
};
static const struct quern_pass_desc narrow_pass = {
    .struct_size = sizeof narrow_pass,
    .abi = QUERN_ABI,
    .name = "test-narrow",
    .summary = "the same, and says so",
    .flags = QUERN_PASS_INTERFACE,
    .contract = QUERN_CHANGES_PRECISION,
    .run = declare_half,
};
/* The same where outputs stand at other places. */
static inline enum quern_code turn_round(struct quern_pass_ctx *ctx,
                                         struct quern_graph *graph,
                                         const void *params)
{
    struct quern_value *outputs[8];
    size_t n = quern_graph_n_outputs(graph);
    ck_assert_uint_le(n, 8);
    for (size_t i = 0; i < n; i++) {
        outputs[i] = quern_graph_output(graph, n - 1 - i);
    }
    enum quern_code code = declare_half(ctx, graph, params);
    return code == QUERN_OK ? quern_graph_set_outputs(graph, outputs, n) : code;
}

static const struct quern_pass_desc turn_pass = {
    .struct_size = sizeof turn_pass,
    .abi = QUERN_ABI,
    .name = "test-turn",
    .summary = "outputs the other way round, of which one is of another type",
    .run = turn_round,
};
static const struct quern_pass_desc *const test_passes[] = {
    &wrong_pass, &right_pass, &retype_pass, &narrow_pass, &turn_pass, NULL};

static inline void add_passes(void)
{
    static const struct quern_plugin plugin = {
        .struct_size = sizeof plugin,
        .abi = QUERN_ABI,
        .name = "org.quern.tests",
        .version = "1",
        .licence = "Apache-2.0",
        .passes = test_passes,
    };
    const struct stat info = {.st_ino = 1};
    ck_assert_int_eq(qn_registry_add(context, "tests", &info, &plugin),
                     QUERN_OK);
}

#endif
