/* The table of `run --profile`: time by node, then by operator. */
#include "profile.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

struct line {
    const char *node;
    const char *op;
    const char *kernel;
    unsigned long long calls;
    double ms;
};

struct profile {
    struct line *nodes;
    size_t n_nodes;
    struct line *ops; /* one an operator type */
    size_t n_ops;
    double total;
};

static int by_time(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    return x->ms < y->ms ? 1 : x->ms > y->ms ? -1 : strcmp(x->op, y->op);
}

static void add_op(struct profile *p, const struct line *line)
{
    size_t i = 0;
    while (i < p->n_ops && strcmp(p->ops[i].op, line->op) != 0) {
        i++;
    }
    if (i == p->n_ops) {
        p->ops[p->n_ops++] = (struct line){.op = line->op};
    }
    p->ops[i].calls += line->calls;
    p->ops[i].ms += line->ms;
}

static bool collect(struct profile *p, const struct quern_runner *runner,
                    struct quern_model *model)
{
    size_t n = quern_runner_n_times(runner);
    size_t n_ids = quern_model_n_node_ids(model);
    const struct quern_node **by_id = calloc(n_ids + 1, sizeof *by_id);
    p->nodes = calloc(n + 1, sizeof *p->nodes);
    p->ops = calloc(n + 1, sizeof *p->ops);
    if (by_id == NULL || p->nodes == NULL || p->ops == NULL) {
        free(by_id);
        return false;
    }
    for (struct quern_node *node = quern_graph_first(quern_model_graph(model));
         node != NULL; node = quern_node_next(node)) {
        by_id[quern_node_id(node)] = node;
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_node_time t = quern_runner_time(runner, i);
        const struct quern_node *node =
            t.calls > 0 && t.node_id < n_ids ? by_id[t.node_id] : NULL;
        if (node == NULL) {
            continue;
        }
        struct line line = {.node = quern_node_name(node),
                            .op = quern_node_op(node),
                            .kernel = t.kernel,
                            .calls = t.calls,
                            .ms = (double)t.nanoseconds * 1e-6};
        p->total += line.ms;
        p->nodes[p->n_nodes++] = line;
        add_op(p, &line);
    }
    free(by_id);
    qsort(p->nodes, p->n_nodes, sizeof *p->nodes, by_time);
    qsort(p->ops, p->n_ops, sizeof *p->ops, by_time);
    return true;
}

static void print_line(const struct profile *p, const struct line *line)
{
    double share = p->total > 0.0 ? 100.0 * line->ms / p->total : 0.0;
    cli_printf("%12.3f %6.1f %8llu %12.2f  %-20s", line->ms, share, line->calls,
               1e3 * line->ms / (double)line->calls, line->op);
    if (line->kernel != NULL) {
        cli_printf(" %-22s %s", line->kernel, line->node);
    }
    cli_printf("\n");
}

static void print_text(const struct profile *p)
{
    cli_printf("%12s %6s %8s %12s  %-20s %-22s %s\n", "ms", "%", "calls",
               "us/call", "operator", "kernel", "node");
    for (size_t i = 0; i < p->n_nodes; i++) {
        print_line(p, &p->nodes[i]);
    }
    cli_printf("\n%12s %6s %8s %12s  %s\n", "ms", "%", "calls", "us/call",
               "operator");
    for (size_t i = 0; i < p->n_ops; i++) {
        print_line(p, &p->ops[i]);
    }
    cli_printf("%12.3f  in all\n", p->total);
}

static json_t *list_of(const struct line *lines, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "operator", cli_json_string(lines[i].op));
        json_object_set_new(o, "calls",
                            json_integer((json_int_t)lines[i].calls));
        json_object_set_new(o, "milliseconds", cli_json_number(lines[i].ms));
        if (lines[i].kernel != NULL) {
            json_object_set_new(o, "kernel", cli_json_string(lines[i].kernel));
            json_object_set_new(o, "node", cli_json_string(lines[i].node));
        }
        json_array_append_new(list, o);
    }
    return list;
}

enum quern_code cli_print_profile(const struct quern_runner *runner,
                                  struct quern_model *model, bool json)
{
    struct profile p = {0};
    enum quern_code code = QUERN_OK;
    if (!collect(&p, runner, model)) {
        code = QUERN_NO_MEMORY;
    } else if (json) {
        json_t *o = json_object();
        json_object_set_new(o, "nodes", list_of(p.nodes, p.n_nodes));
        json_object_set_new(o, "operators", list_of(p.ops, p.n_ops));
        json_object_set_new(o, "milliseconds", cli_json_number(p.total));
        code = cli_json_print(o);
    } else {
        print_text(&p);
    }
    free(p.nodes);
    free(p.ops);
    return code;
}
