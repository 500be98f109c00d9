/* Plugins that go wrong, one for each macro, for plugins.sh and check.sh. */
#include <quern/pass.h>

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* ------------------------------------------ what a pass may do to a graph */

/* The first node gets a name of its own making. */
static UNUSED enum quern_code rename_first(struct quern_graph *graph,
                                           const char *name)
{
    struct quern_node *node = quern_graph_first(graph);
    return node != NULL ? quern_node_set_name(node, name) : QUERN_OK;
}

static UNUSED enum quern_code fail(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph)
{
    struct quern_place place = quern_node_place(quern_graph_first(graph));
    enum quern_code code = rename_first(graph, "half-done");
    return code != QUERN_OK
               ? code
               : quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                            &place, "found a bad day, needs a good one");
}

/* The first node reads what the last one makes. */
static UNUSED enum quern_code break_order(struct quern_graph *graph)
{
    struct quern_value *last = quern_node_output(quern_graph_last(graph), 0);
    return quern_node_set_input(quern_graph_first(graph), 0, last);
}

/* For who waits until the pass runs. */
static UNUSED void tell_begin(void)
{
    const char *path = getenv("QUERN_TEST_BEGUN");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file != NULL) {
        fclose(file);
    }
}

static UNUSED enum quern_code wait_for_ever(struct quern_pass_ctx *ctx)
{
    enum quern_code code = QUERN_OK;
    tell_begin();
    while (code == QUERN_OK) {
        code = quern_pass_poll(ctx);
    }
    return code;
}

static UNUSED enum quern_code leak(struct quern_pass_ctx *ctx)
{
    static const float zeros[100];
    struct quern_tensor *forgotten = NULL;
    return quern_tensor_of_floats(quern_pass_context(ctx), 100, zeros,
                                  &forgotten);
}

static UNUSED enum quern_code hog(struct quern_pass_ctx *ctx)
{
    while (quern_pass_alloc(ctx, 1 << 20) != NULL) {
    }
    return QUERN_NO_MEMORY;
}

/* Names belong to the model. */
static UNUSED enum quern_code free_a_name(struct quern_graph *graph)
{
    union {
        const char *name;
        void *bytes;
    } borrowed = {quern_node_name(quern_graph_first(graph))};
    free(borrowed.bytes);
    return QUERN_OK;
}

/* An initializer is borrowed, yet its count is given up. */
static UNUSED enum quern_code release_a_weight(struct quern_graph *graph)
{
    struct quern_value *value = quern_graph_first_initializer(graph);
    struct quern_tensor *borrowed =
        value != NULL ? quern_value_constant(value) : NULL;
    quern_tensor_release(&borrowed);
    return QUERN_OK;
}

/* A node is made, erased, and renamed then; nobody looks at what that says. */
static UNUSED enum quern_code edit_what_is_erased(struct quern_graph *graph)
{
    struct quern_node *first = quern_graph_first(graph);
    struct quern_value *in = quern_node_input(first, 0);
    struct quern_value *out = NULL;
    struct quern_node *node = NULL;
    enum quern_code code = quern_value_create(graph, "out", &out);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, first, "Identity", "brief", &in, 1,
                                 &out, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase(node);
    }
    if (code == QUERN_OK) {
        (void)!quern_node_set_name(node, "late");
    }
    return code;
}

static UNUSED enum quern_code change_input(struct quern_graph *graph)
{
    const struct quern_dim dims[] = {{7, NULL}};
    return quern_graph_parent(graph) == NULL
               ? quern_value_set_type(quern_graph_input(graph, 0), QUERN_DOUBLE,
                                      1, dims)
               : QUERN_OK;
}

/* A name that depends on where things lie in memory. */
static UNUSED enum quern_code name_by_address(struct quern_graph *graph)
{
    char name[] = "node-0000000000000000";
    for (size_t i = 5, bits = (size_t)graph; bits > 0; bits >>= 4) {
        name[i++] = (char)('a' + (bits & 15));
    }
    return rename_first(graph, name);
}

/* It says that it is bit-exact. */
static UNUSED enum quern_code sigmoid_for_relu(struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *node = quern_graph_first(graph);
    for (; node != NULL && code == QUERN_OK; node = quern_node_next(node)) {
        code = quern_node_is(node, "Relu") ? quern_node_set_op(node, "Sigmoid")
                                           : QUERN_OK;
    }
    return code;
}

static UNUSED enum quern_code write_nowhere(void)
{
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
    return QUERN_OK;
}

/* A process that nothing of the check is left to: neither parent nor group.
 * @param told  where it sends an interrupt to before it waits; 0: nowhere */
static UNUSED enum quern_code hide(pid_t told)
{
    int both[2];
    char byte;
    if (pipe(both) != 0) {
        return QUERN_IO;
    }
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() != 0) {
            _exit(0);
        }
        const char *path = getenv("QUERN_TEST_HIDDEN");
        FILE *f = path != NULL ? fopen(path, "a") : NULL;
        if (f != NULL) {
            fprintf(f, "%ld\n", (long)getpid());
            fclose(f);
        }
        if (told != 0) {
            kill(told, SIGINT);
        }
        (void)!write(both[1], "", 1);
        for (;;) {
            pause();
        }
    }
    waitpid(pid, NULL, 0);
    (void)!read(both[0], &byte, 1);
    close(both[0]);
    close(both[1]);
    return QUERN_OK;
}

/* The parent of a parent. */
static UNUSED pid_t above(pid_t pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f != NULL) {
        (void)!fscanf(f, "%*d (%*[^)]) %*c %d", &parent);
        fclose(f);
    }
    return (pid_t)parent;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    (void)ctx;
    (void)graph;
#if defined(FAILS)
    return fail(ctx, graph);
#elif defined(BREAKS)
    return break_order(graph);
#elif defined(WAITS)
    return wait_for_ever(ctx);
#elif defined(LOOPS)
    volatile bool goes_on = true;
    tell_begin();
    while (goes_on) {
    }
    return QUERN_OK;
#elif defined(LEAKS)
    return leak(ctx);
#elif defined(HOGS)
    return hog(ctx);
#elif defined(HIDES)
    return hide(0);
#elif defined(SIGNALS)
    kill(getppid(), SIGINT);
    return QUERN_OK;
#elif defined(SIGNALS_FAR)
    return hide(above(getppid()));
#elif defined(SIGNALS_ABOVE)
    kill(above(getppid()), SIGTERM);
    return wait_for_ever(ctx);
#elif defined(KILLS)
    kill(getppid(), SIGKILL);
    return wait_for_ever(ctx);
#elif defined(SPEAKS)
    fputs("hello\n", stdout);
    return QUERN_OK;
#elif defined(FREES)
    return free_a_name(graph);
#elif defined(RELEASES)
    return release_a_weight(graph);
#elif defined(ERASED)
    return edit_what_is_erased(graph);
#elif defined(INTERFACE)
    return change_input(graph);
#elif defined(RANDOM)
    return name_by_address(graph);
#elif defined(INEXACT)
    return sigmoid_for_relu(graph);
#elif defined(CRASHES)
    return write_nowhere();
#elif defined(EXITS)
    _exit(0);
#elif defined(COUNTS)
    static int n_runs;
    const char name[] = {(char)('a' + n_runs++), '\0'};
    return rename_first(graph, name);
#else
    return QUERN_OK;
#endif
}

/* ------------------------------------------------------- what it tells */

struct params {
    double threshold;
    int64_t count;
    int64_t limit;
};

static const struct quern_option options[] = {
    {"threshold", QUERN_OPTION_FLOAT, offsetof(struct params, threshold), 0, 1,
     NULL, "a number"},
#if defined(OVERLAPS)
    {"count", QUERN_OPTION_INT, offsetof(struct params, threshold), 0, 9, NULL,
     "another one"},
#else
    {"count", QUERN_OPTION_INT, offsetof(struct params, count), 0, 9, NULL,
     "another one"},
#endif
    {"limit", QUERN_OPTION_INT, offsetof(struct params, limit), -1e18, 0x1p63,
     NULL, "of any size"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};

static const struct quern_pass_desc pass = {
#if defined(SHORT_PASS)
    .struct_size = 16,
#else
    .struct_size = sizeof(struct quern_pass_desc),
#endif
    .abi = QUERN_ABI,
#if defined(TAKEN)
    .name = "drop-dead",
#elif defined(NO_NAME)
    .name = NULL,
#else
    .name = "test-pass",
#endif
    .summary = "a pass of the tests",
    .options = options,
    .params_size = sizeof(struct params),
#if defined(NEEDS)
    .flags = QUERN_PASS_NEEDS_RANGES,
#endif
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
