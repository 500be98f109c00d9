/* Operators that quern does not know: what is told of them. */
#include "unknown.h"

#include <string.h>

/* Kinds that are told one by one; what is beyond them is only counted. */
enum { MOST_KINDS = 16 };

struct kind {
    const struct quern_node *first;
    size_t n;
};

struct kinds {
    struct kind items[MOST_KINDS];
    size_t n;
    size_t n_more; /* nodes of further kinds */
};

static bool same_kind(const struct quern_node *a, const struct quern_node *b)
{
    return strcmp(quern_node_op(a), quern_node_op(b)) == 0 &&
           strcmp(quern_node_domain(a), quern_node_domain(b)) == 0;
}

/* The operator with its domain. */
static const char *text_of(const struct quern_node *node, char *text,
                           size_t size)
{
    const char *domain = quern_node_domain(node);
    snprintf(text, size, "%s%s%s", domain, *domain != '\0' ? "." : "",
             quern_node_op(node));
    return text;
}

static void add(struct kinds *kinds, const struct quern_node *node)
{
    size_t i = 0;
    while (i < kinds->n && !same_kind(kinds->items[i].first, node)) {
        i++;
    }
    if (i < kinds->n) {
        kinds->items[i].n++;
    } else if (i < MOST_KINDS) {
        kinds->items[kinds->n++] = (struct kind){node, 1};
    } else {
        kinds->n_more++;
    }
}

/* Recursion: as deep as graphs nest, which the reader bounds. */
static void collect(struct quern_graph *graph, struct kinds *kinds)
{
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        if (!quern_node_is_known(n)) {
            add(kinds, n);
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            collect(quern_node_subgraph(n, i), kinds);
        }
    }
}

void cli_print_unknown(struct quern_graph *graph)
{
    struct kinds kinds = {0};
    collect(graph, &kinds);
    if (kinds.n == 0) {
        return;
    }
    cli_printf("unknown   ");
    for (size_t i = 0; i < kinds.n; i++) {
        const struct kind *k = &kinds.items[i];
        char op[256];
        cli_printf("%s%zu %s (%s'%s')", i > 0 ? ", " : "", k->n,
                   text_of(k->first, op, sizeof op), k->n > 1 ? "first " : "",
                   quern_node_name(k->first));
    }
    if (kinds.n_more > 0) {
        cli_printf(", %zu of other kinds", kinds.n_more);
    }
    cli_printf(": kept as they are, nothing is rewritten across them\n");
}

json_t *cli_json_unknown(struct quern_graph *graph)
{
    struct kinds kinds = {0};
    collect(graph, &kinds);
    json_t *list = json_array();
    for (size_t i = 0; i < kinds.n; i++) {
        const struct kind *k = &kinds.items[i];
        char op[256];
        json_t *o = json_object();
        json_object_set_new(o, "operator",
                            cli_json_string(text_of(k->first, op, sizeof op)));
        json_object_set_new(o, "nodes", json_integer((json_int_t)k->n));
        json_object_set_new(o, "first",
                            cli_json_string(quern_node_name(k->first)));
        json_array_append_new(list, o);
    }
    return list;
}
