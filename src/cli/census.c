/* What of a model computes in integers, its size, and the memory it took. */
#define QUERN_EXPERIMENTAL
#include <quern/target.h>

#include "account.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_heavy(const struct quern_node *node)
{
    return quern_node_is(node, "Conv") || quern_node_is(node, "Gemm") ||
           quern_node_is(node, "MatMul") ||
           quern_node_is(node, "ConvTranspose");
}

/* Operators that work on data: not those that compute shapes, and not the form
 * of integers itself. */
static bool is_counted(const struct quern_node *node)
{
    const struct quern_value *v = quern_node_output(node, 0);
    bool shape = v != NULL && (quern_value_dtype(v) == QUERN_INT64 ||
                               quern_value_dtype(v) == QUERN_BOOL);
    return !shape && !quern_node_is(node, "Constant") &&
           !quern_node_is(node, "QuantizeLinear") &&
           !quern_node_is(node, "DequantizeLinear");
}

static bool is_code(enum quern_dtype dtype)
{
    return dtype == QUERN_UINT8 || dtype == QUERN_INT8 ||
           dtype == QUERN_UINT4 || dtype == QUERN_INT4;
}

static bool from_codes(const struct quern_value *value)
{
    const struct quern_node *p = quern_value_producer(value);
    return p != NULL && quern_node_is(p, "DequantizeLinear");
}

/* A table stored as codes and read by them. */
static bool reads_codes(const struct quern_node *node)
{
    const struct quern_value *v = quern_node_input(node, 0);
    return v != NULL && is_code(quern_value_dtype(v)) &&
           quern_value_constant(v) != NULL;
}

/* Cuts that the zero point of a QuantizeLinear behind them does. */
static bool is_cut(const struct quern_node *node)
{
    return quern_node_is(node, "Relu") || quern_node_is(node, "Clip");
}

static bool value_goes_to_codes(const struct quern_value *v, int depth)
{
    const struct quern_use *u = quern_value_first_use(v);
    for (; u != NULL; u = quern_use_next(u)) {
        const struct quern_node *user = quern_use_node(u);
        if (user == NULL) {
            return false;
        }
        bool through = is_cut(user) && depth > 0;
        if (through ? !value_goes_to_codes(quern_node_output(user, 0), 0)
                    : !quern_node_is(user, "QuantizeLinear")) {
            return false;
        }
    }
    return quern_value_n_uses(v) > 0;
}

static bool goes_to_codes(const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *v = quern_node_output(node, i);
        if (v != NULL && !value_goes_to_codes(v, 1)) {
            return false;
        }
    }
    return quern_node_n_outputs(node) > 0;
}

/* True when all data that a node reads comes from codes; the bias of a heavy
 * one may be of any kind. */
static bool all_from_codes(const struct quern_node *node)
{
    bool heavy = is_heavy(node);
    size_t n_codes = 0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        if (v == NULL || (heavy && i > 1)) {
            continue;
        }
        if (from_codes(v)) {
            n_codes++;
        } else if (heavy || quern_value_constant(v) == NULL) {
            return false;
        }
    }
    return n_codes > 0;
}

/* The target has a kernel for it, with a Q behind where it needs one. Weights
 * may be codes where the operator is float. */
static bool has_kernel(const struct quern_target *target,
                       const struct quern_node *node)
{
    const struct quern_target_op *op =
        target != NULL ? quern_target_node(target, node) : NULL;
    return target == NULL ||
           (op != NULL && op->kind == QUERN_INTEGER_START &&
            (op->output != QUERN_OUTPUT_REQUIRED || goes_to_codes(node)));
}

static bool is_integer(const struct quern_target *target,
                       const struct quern_node *node)
{
    if (reads_codes(node)) {
        return true;
    }
    if (is_heavy(node)) {
        return all_from_codes(node) && has_kernel(target, node);
    }
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *p = x != NULL ? quern_value_producer(x) : NULL;
    bool cut = is_cut(node) && p != NULL && all_from_codes(p);
    return (cut || all_from_codes(node)) && goes_to_codes(node);
}

static int by_count(const void *a, const void *b)
{
    const struct cli_census_row *x = a;
    const struct cli_census_row *y = b;
    size_t m = x->n_integer + x->n_float;
    size_t n = y->n_integer + y->n_float;
    return m != n ? (m < n ? 1 : -1) : strcmp(x->op, y->op);
}

static enum quern_code add_node(struct cli_census *census,
                                const struct quern_target *target,
                                const struct quern_node *node)
{
    const char *op = quern_node_op(node);
    size_t i = 0;
    while (i < census->n && strcmp(census->rows[i].op, op) != 0) {
        i++;
    }
    if (i == census->n) {
        struct cli_census_row *grown =
            realloc(census->rows, (i + 1) * sizeof *grown);
        if (grown == NULL) {
            return QUERN_NO_MEMORY;
        }
        census->rows = grown;
        census->rows[census->n++] = (struct cli_census_row){op, 0, 0};
    }
    bool integer = is_integer(target, node);
    *(integer ? &census->rows[i].n_integer : &census->rows[i].n_float) += 1;
    if (is_heavy(node)) {
        *(integer ? &census->n_heavy_integer : &census->n_heavy_float) += 1;
    }
    return QUERN_OK;
}

static enum quern_code add_graph(struct cli_census *census,
                                 const struct quern_target *target,
                                 const struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    for (const struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        code = is_counted(n) ? add_node(census, target, n) : QUERN_OK;
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && code == QUERN_OK;
             i++) {
            code = add_graph(census, target, quern_node_subgraph(n, i));
        }
    }
    return code;
}

enum quern_code cli_census_take(struct quern_model *model,
                                const struct quern_target *target,
                                struct cli_census *out_census)
{
    *out_census = (struct cli_census){0};
    enum quern_code code =
        add_graph(out_census, target, quern_model_graph(model));
    if (out_census->n > 0) {
        qsort(out_census->rows, out_census->n, sizeof *out_census->rows,
              by_count);
    }
    return code;
}

void cli_census_free(struct cli_census *census)
{
    free(census->rows);
    *census = (struct cli_census){0};
}

uint64_t cli_model_bytes(struct quern_model *model, const char *path)
{
    struct stat info;
    uint64_t file = stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
    uint64_t weights = 0;
    for (const struct quern_value *v =
             quern_graph_first_initializer(quern_model_graph(model));
         v != NULL; v = quern_value_next_initializer(v)) {
        const struct quern_tensor *t = quern_value_constant(v);
        weights += t != NULL ? quern_tensor_size(t) : 0;
    }
    return file > weights ? file : weights + file;
}

uint64_t cli_peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long kilobytes = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kilobytes = strtoull(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * 1024;
}
