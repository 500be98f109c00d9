/* Chains that the target makes one kernel of, or runs faster as they are. */
#include "fuse/chains.h"

#include <quern/match.h>
#include <quern/target.h>

#include "fuse/norms.h"

#include <stddef.h>
#include <stdio.h>

/* A chain ends at most so many readers behind a node of it. */
enum { DEPTH = 4, MOST_ENDS = 24 };

/* Nodes that may be the end of a chain that a node is in: the node, and who
 * reads it, within bounds, so that the cost does not grow with the graph. */
static size_t find_ends(struct quern_node *node, struct quern_node **ends)
{
    size_t n = 1;
    size_t from = 0;
    ends[0] = node;
    for (int depth = 0; depth < DEPTH && from < n; depth++) {
        size_t to = n;
        for (; from < to; from++) {
            const struct quern_value *y = quern_node_output(ends[from], 0);
            const struct quern_use *use =
                y != NULL ? quern_value_first_use(y) : NULL;
            for (; use != NULL && n < MOST_ENDS; use = quern_use_next(use)) {
                struct quern_node *reader = quern_use_node(use);
                /* Graph outputs and readers in bodies end no chain. */
                if (reader != NULL &&
                    quern_node_graph(reader) == quern_node_graph(node)) {
                    ends[n++] = reader;
                }
            }
        }
    }
    return n;
}

static bool holds(const struct quern_match *match,
                  const struct quern_node *node)
{
    for (size_t i = 0; i < quern_match_n_nodes(match); i++) {
        if (quern_match_node(match, i) == node) {
            return true;
        }
    }
    return false;
}

static bool has_product(const struct quern_match *match)
{
    for (size_t i = 0; i < quern_match_n_nodes(match); i++) {
        if (quern_node_is(quern_match_node(match, i), "MatMul")) {
            return true;
        }
    }
    return false;
}

static enum quern_code try_end(struct quern_pattern *pattern,
                               struct quern_node *end,
                               const struct quern_node *node, bool products,
                               bool *out_found)
{
    const struct quern_match *match = NULL;
    if (!quern_node_is(end, quern_pattern_root(pattern))) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pattern_match(pattern, end, &match);
    const struct quern_value *x =
        code == QUERN_OK ? quern_match_value(match, "x") : NULL;
    *out_found = code == QUERN_OK && holds(match, node) &&
                 (products || !has_product(match)) &&
                 (x == NULL || qn_means_are_over_last(match, x));
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

/* A pattern of our own: a pass that asks about a match of the same text goes on
 * reading that match, which a try of its pattern would overwrite. */
static enum quern_code compile(struct quern_pass_ctx *ctx, const char *chain,
                               struct quern_pattern **out_pattern)
{
    char text[1 + QUERN_TARGET_CHAIN_ROOM];
    snprintf(text, sizeof text, " %s", chain);
    enum quern_code code = quern_pass_pattern(ctx, text, out_pattern);
    if (code != QUERN_OK) {
        quern_note(quern_pass_context(ctx), NULL,
                   "in 'chains' of target '%s': %s",
                   quern_pass_target(ctx)->name, chain);
    }
    return code;
}

/* Without `products`, chains with a MatMul are none. */
static enum quern_code find(struct quern_pass_ctx *ctx, struct quern_node *node,
                            bool products, const char **out_chain)
{
    const struct quern_strings *chains = &quern_pass_target(ctx)->chains;
    struct quern_node *ends[MOST_ENDS];
    struct quern_pattern *pattern = NULL;
    size_t n = chains->count > 0 ? find_ends(node, ends) : 0;
    enum quern_code code = QUERN_OK;
    bool found = false;
    *out_chain = NULL;
    for (size_t i = 0; i < chains->count && code == QUERN_OK && !found; i++) {
        code = compile(ctx, chains->items[i], &pattern);
        for (size_t k = 0; k < n && code == QUERN_OK && !found; k++) {
            code = try_end(pattern, ends[k], node, products, &found);
        }
        *out_chain = found ? chains->items[i] : NULL;
    }
    return code;
}

enum quern_code qn_find_chain(struct quern_pass_ctx *ctx,
                              struct quern_node *node, const char **out_chain)
{
    return find(ctx, node, true, out_chain);
}

const struct quern_option qn_factors_options[] = {
    {"products", QUERN_OPTION_BOOL, offsetof(struct qn_factors, products), 0, 0,
     NULL,
     "a number beside a MatMul too where the target's float kernel takes it "
     "in, "
     "as FusedMatMul does: for weights that become codes"},
    {0},
};

static enum quern_code leave(struct quern_pass_ctx *ctx,
                             struct quern_node *node, bool products,
                             bool *out_stays)
{
    const char *chain = NULL;
    enum quern_code code = find(ctx, node, products, &chain);
    *out_stays = chain != NULL;
    if (code == QUERN_OK && chain != NULL) {
        code = quern_pass_refuse(ctx, node,
                                 "target '%s' runs it as it is spelled: %s",
                                 quern_pass_target(ctx)->name, chain);
        code = code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    return code;
}

enum quern_code qn_leave_chain(struct quern_pass_ctx *ctx,
                               struct quern_node *node, bool *out_stays)
{
    return leave(ctx, node, true, out_stays);
}

enum quern_code qn_leave_factor(struct quern_pass_ctx *ctx,
                                struct quern_node *node,
                                const struct qn_factors *factors,
                                bool *out_stays)
{
    return leave(ctx, node, !factors->products, out_stays);
}
