/* Plugins that go wrong, one for each macro, for plugins.sh. */
#include <quern/pass.h>

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
#if defined(FAILS)
    struct quern_node *node = quern_graph_first(graph);
    struct quern_place place = quern_node_place(node);
    enum quern_code code = quern_node_set_name(node, "half-done");
    return code != QUERN_OK
               ? code
               : quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                            &place, "found a bad day, needs a good one");
#elif defined(BREAKS)
    struct quern_value *last = quern_node_output(quern_graph_last(graph), 0);
    (void)ctx;
    return quern_node_set_input(quern_graph_first(graph), 0, last);
#elif defined(WAITS)
    enum quern_code code = QUERN_OK;
    (void)graph;
    while (code == QUERN_OK) {
        code = quern_pass_poll(ctx);
    }
    return code;
#else
    (void)ctx;
    (void)graph;
    return QUERN_OK;
#endif
}

static const struct quern_pass_desc pass = {
#if defined(SHORT_PASS)
    .struct_size = 16,
#else
    .struct_size = sizeof(struct quern_pass_desc),
#endif
    .abi = QUERN_ABI,
#if defined(TAKEN)
    .name = "drop-dead",
#else
    .name = "test-pass",
#endif
    .summary = "a pass of the tests",
    .run = run,
};

static const struct quern_pass_desc *const passes[] = {&pass, NULL};

static const struct quern_plugin plugin = {
#if defined(SHORT_PLUGIN)
    .struct_size = 8,
#else
    .struct_size = sizeof(struct quern_plugin),
#endif
#if defined(OTHER_ABI)
    .abi = QUERN_ABI + 1,
#else
    .abi = QUERN_ABI,
#endif
    .name = "test.plugin",
    .version = "1",
    .licence = "Apache-2.0",
    .passes = passes,
};

#if defined(NO_SYMBOL)
#define ENTRY quern_plugin_start
#else
#define ENTRY quern_plugin_entry
#endif

QUERN_PLUGIN_EXPORT const struct quern_plugin *
ENTRY(const struct quern_host *host);

const struct quern_plugin *ENTRY(const struct quern_host *host)
{
#if defined(DECLINES)
    const uint32_t needs = 1000;
#else
    const uint32_t needs = sizeof *host;
#endif
    return host->struct_size >= needs ? &plugin : NULL;
}
