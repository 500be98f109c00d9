/* move-transposes: a Transpose goes behind the nodes that may as well work on
 * what it reads, where fewer Transposes are left so: those that lead back go,
 * and so do those in front of several such nodes. Constants and axes are turned
 * along; what takes axes out reads the source. Element by element nothing
 * changes; sums of ReduceMean and its kin are taken in another order:
 * real-exact. */
#include "builtin.h"
#include "common.h"
#include "shape/region.h"

#include <string.h>

struct qn_turned *qn_region_find(struct qn_region *region,
                                 const struct quern_value *value)
{
    for (size_t i = 0; i < region->n_values && value != NULL; i++) {
        if (region->values[i].value == value) {
            return &region->values[i];
        }
    }
    return NULL;
}

static bool has_node(const struct qn_region *region,
                     const struct quern_node *node)
{
    for (size_t i = 0; i < region->n_nodes; i++) {
        if (region->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

static bool add_value(struct qn_region *region, struct quern_value *value,
                      struct quern_node *entry)
{
    if (region->n_values == QN_MOST_VALUES) {
        return false;
    }
    region->values[region->n_values++] = (struct qn_turned){
        .value = value,
        .entry = entry,
        .source = entry != NULL ? quern_node_input(entry, 0) : NULL};
    return true;
}

/* The Transpose that makes a value as those of the region are made. */
static struct quern_node *entry_of(struct qn_region *region,
                                   const struct quern_value *value)
{
    int64_t perm[QUERN_MAX_RANK];
    struct quern_node *made = quern_value_producer(value);
    if (made == NULL || quern_node_graph(made) != region->graph) {
        return NULL;
    }
    int rank = qn_read_perm(made, perm);
    /* What it reads must be there before the region is. */
    return rank == region->rank &&
                   qn_region_find(region, quern_node_input(made, 0)) == NULL &&
                   memcmp(perm, region->perm, (size_t)rank * sizeof perm[0]) ==
                       0
               ? made
               : NULL;
}

/* May input i of the node be turned? */
static bool can_read(struct qn_region *region, const struct quern_node *node,
                     size_t i, enum qn_turn turn)
{
    const struct quern_value *x = quern_node_input(node, i);
    if (turn != QN_TURN_BROADCAST && turn != QN_TURN_CONCAT) {
        return (qn_region_find(region, x) != NULL) == (i == 0);
    }
    if (x == NULL) {
        return false;
    }
    if (qn_region_find(region, x) != NULL) {
        return true;
    }
    return qn_can_turn_constant(region, x, turn == QN_TURN_CONCAT) ||
           entry_of(region, x) != NULL;
}

/* True when a Transpose that leads into the region reads the value. */
static bool feeds_entry(const struct qn_region *region,
                        const struct quern_value *value)
{
    for (size_t i = 0; i < region->n_values; i++) {
        if (region->values[i].entry != NULL &&
            region->values[i].source == value) {
            return true;
        }
    }
    return false;
}

static bool outputs_feed(const struct qn_region *region,
                         const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (feeds_entry(region, quern_node_output(node, i))) {
            return true;
        }
    }
    return false;
}

static void try_join(struct qn_region *region, struct quern_node *node)
{
    enum qn_turn turn = qn_turn_of(node);
    size_t n = quern_node_n_inputs(node);
    if (turn == QN_TURN_NOT ||
        (turn == QN_TURN_REDUCE && region->reduces_none) ||
        quern_node_graph(node) != region->graph ||
        region->n_nodes == QN_MOST_NODES ||
        region->n_values + n + quern_node_n_outputs(node) > QN_MOST_VALUES ||
        !qn_can_turn(region, node, turn) || outputs_feed(region, node)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!can_read(region, node, i, turn)) {
            return;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_value *x = quern_node_input(node, i);
        if (x != NULL && qn_region_find(region, x) == NULL &&
            quern_value_constant(x) == NULL &&
            (turn == QN_TURN_BROADCAST || turn == QN_TURN_CONCAT) &&
            !add_value(region, x, entry_of(region, x))) {
            return;
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        (void)add_value(region, quern_node_output(node, i), NULL);
    }
    region->nodes[region->n_nodes++] = node;
}

/* A Transpose behind a value of the region. */
static bool is_exit(const struct qn_region *region, const struct quern_use *use)
{
    int64_t perm[QUERN_MAX_RANK];
    const struct quern_node *node = quern_use_node(use);
    return node != NULL && quern_node_graph(node) == region->graph &&
           qn_read_perm(node, perm) == region->rank;
}

/* The exit that leads back to the source itself. */
static bool leads_back(const struct qn_region *region,
                       const struct quern_node *exit, int64_t *out_perm)
{
    int64_t perm[QUERN_MAX_RANK];
    bool back = true;
    (void)qn_read_perm(exit, perm);
    for (int i = 0; i < region->rank; i++) {
        out_perm[i] = region->perm[perm[i]];
        back = back && out_perm[i] == i;
    }
    return back;
}

static bool grow(struct qn_region *region)
{
    for (size_t i = 0; i < region->n_values; i++) {
        const struct quern_value *v = region->values[i].value;
        if (quern_value_n_uses(v) > QN_MOST_USES) {
            return false;
        }
        for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
             u = quern_use_next(u)) {
            struct quern_node *node = quern_use_node(u);
            if (node != NULL && !has_node(region, node)) {
                try_join(region, node);
            }
        }
    }
    return true;
}

/* What of the region reads a value: its nodes, or an exit that goes. */
static bool is_wanted(const struct qn_region *region,
                      const struct quern_value *value)
{
    int64_t perm[QUERN_MAX_RANK];
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        if (has_node(region, quern_use_node(u)) ||
            (is_exit(region, u) &&
             leads_back(region, quern_use_node(u), perm))) {
            return true;
        }
    }
    return false;
}

static bool is_read_as_it_is(const struct qn_region *region,
                             const struct quern_value *value)
{
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        if (!has_node(region, quern_use_node(u)) && !is_exit(region, u) &&
            !qn_is_sink(region, u)) {
            return true;
        }
    }
    return quern_value_is_graph_output(value);
}

/* Values that only the node keeps from being read as they are. */
static size_t n_freed(struct qn_region *region, const struct quern_node *node)
{
    size_t n = 0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        const struct qn_turned *row = qn_region_find(region, x);
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            again = again || quern_node_input(node, k) == x;
        }
        n += row != NULL && !row->stays && !again;
    }
    return n;
}

static void leave(struct qn_region *region, size_t at)
{
    struct quern_node *node = region->nodes[at];
    region->n_nodes--;
    memmove(region->nodes + at, region->nodes + at + 1,
            (region->n_nodes - at) * sizeof(struct quern_node *));
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        struct qn_turned *row =
            qn_region_find(region, quern_node_output(node, i));
        size_t k = (size_t)(row - region->values);
        region->n_values--;
        memmove(row, row + 1, (region->n_values - k) * sizeof *row);
    }
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        struct qn_turned *in =
            qn_region_find(region, quern_node_input(node, i));
        if (in != NULL) {
            in->stays = true;
        }
    }
}

/* A node at the end that only pushes a Transpose on. */
static bool only_pushes(struct qn_region *region, const struct quern_node *node)
{
    size_t n_stay = 0;
    bool wanted = false;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct qn_turned *row =
            qn_region_find(region, quern_node_output(node, i));
        n_stay += row->stays;
        wanted = wanted || is_wanted(region, row->value);
    }
    return n_stay > 0 && !wanted && n_freed(region, node) <= n_stay;
}

/* Nodes that only push a Transpose on stay as they are. One that stays may be
 * what kept another in, so this goes on until none does: what is left then does
 * not hang on the order in which nodes joined. */
static void prune(struct qn_region *region)
{
    size_t n_before;
    do {
        n_before = region->n_nodes;
        for (size_t i = n_before; i-- > 0;) {
            if (only_pushes(region, region->nodes[i])) {
                leave(region, i);
            }
        }
    } while (region->n_nodes < n_before);
}

/* Transposes that go, less those that come. */
static int gain_of(struct qn_region *region)
{
    int64_t perm[QUERN_MAX_RANK];
    int gain = 0;
    for (size_t i = 0; i < region->n_values; i++) {
        const struct qn_turned *row = &region->values[i];
        bool is_entry = row->entry != NULL;
        bool named = is_entry; /* its source has its name already */
        gain += is_entry ? !row->stays : -(int)row->stays;
        for (const struct quern_use *u = quern_value_first_use(row->value);
             u != NULL; u = quern_use_next(u)) {
            if (!is_exit(region, u) ||
                !leads_back(region, quern_use_node(u), perm)) {
                continue;
            }
            bool is_output = quern_value_is_graph_output(
                quern_node_output(quern_use_node(u), 0));
            gain += !is_output || !named;
            named = named || is_output;
        }
    }
    return gain;
}

/* Of a graph output, the name is kept: it is now made in the place of `old`. */
static void rename_source(struct qn_region *region, struct quern_value *old,
                          struct quern_value *y)
{
    for (size_t i = 0; i < region->n_values; i++) {
        if (region->values[i].source == old) {
            region->values[i].source = y;
        }
    }
}

static enum quern_code turn_exit(struct quern_pass_ctx *ctx,
                                 struct qn_region *region,
                                 struct quern_node *exit,
                                 struct quern_value *source)
{
    int64_t perm[QUERN_MAX_RANK];
    struct quern_value *y = quern_node_output(exit, 0);
    bool back = leads_back(region, exit, perm);
    enum quern_code code = quern_node_set_input(exit, 0, source);
    if (code != QUERN_OK) {
        return code;
    }
    if (!back || quern_value_n_uses(y) == 0 || !qn_can_stand_for(y, source)) {
        return quern_node_set_ints(exit, "perm", perm, (size_t)region->rank);
    }
    quern_pass_account(ctx, exit, "dropped");
    if (quern_value_is_graph_output(y)) {
        rename_source(region, source, y);
    }
    code = quern_replace_value(y, source, true);
    return code == QUERN_OK ? quern_node_erase_dead(exit) : code;
}

/* What reads the value turned by a Transpose of its own. */
static enum quern_code turn_exits(struct quern_pass_ctx *ctx,
                                  struct qn_region *region,
                                  const struct qn_turned *row)
{
    struct quern_node *exits[QN_MOST_USES];
    size_t n = 0;
    for (const struct quern_use *u = quern_value_first_use(row->value);
         u != NULL && n < QN_MOST_USES; u = quern_use_next(u)) {
        if (is_exit(region, u) || qn_is_sink(region, u)) {
            exits[n++] = quern_use_node(u);
        }
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_node_is(exits[i], "Transpose")
                   ? turn_exit(ctx, region, exits[i], row->source)
                   : qn_turn_sink(ctx, region, exits[i], row->source);
    }
    return code;
}

/* A Transpose makes the value that others go on reading. */
static enum quern_code turn_back(const struct qn_region *region,
                                 struct qn_turned *row)
{
    struct quern_node *node = NULL;
    struct quern_node *made = quern_value_producer(row->source);
    enum quern_code code = quern_node_create(
        region->graph, quern_node_next(made), "Transpose",
        quern_value_name(row->value), &row->source, 1, &row->value, 1, &node);
    return code == QUERN_OK ? quern_node_set_ints(node, "perm", region->perm,
                                                  (size_t)region->rank)
                            : code;
}

static enum quern_code settle(struct quern_pass_ctx *ctx,
                              struct qn_region *region, struct qn_turned *row)
{
    bool is_output = quern_value_is_graph_output(row->value);
    enum quern_code code = turn_exits(ctx, region, row);
    if (code != QUERN_OK) {
        return code;
    }
    bool is_read = is_output || quern_value_n_uses(row->value) > 0;
    if (row->entry != NULL) {
        return is_read ? QUERN_OK : quern_node_erase_dead(row->entry);
    }
    return is_read ? turn_back(region, row) : quern_value_erase(row->value);
}

static bool draw(struct qn_region *region, struct quern_node *transpose)
{
    region->n_values = 0;
    region->n_nodes = 0;
    if (!add_value(region, quern_node_output(transpose, 0), transpose) ||
        !grow(region)) {
        return false;
    }
    for (size_t i = 0; i < region->n_values; i++) {
        region->values[i].stays =
            is_read_as_it_is(region, region->values[i].value);
    }
    prune(region);
    return true;
}

/* A norm that is spelled out must not be cut in two: runtimes know it as a
 * whole, along the last axis. Between two Transposes that go it may turn. */
static bool cuts_a_norm(const struct qn_region *region)
{
    bool reduces = false;
    bool stays = false;
    for (size_t i = 0; i < region->n_nodes; i++) {
        reduces = reduces || qn_turn_of(region->nodes[i]) == QN_TURN_REDUCE;
    }
    for (size_t i = 0; i < region->n_values; i++) {
        stays = stays ||
                (region->values[i].entry == NULL && region->values[i].stays);
    }
    return reduces && stays;
}

static enum quern_code turn_all(struct quern_pass_ctx *ctx,
                                struct qn_region *region)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < region->n_nodes && code == QUERN_OK; i++) {
        code = qn_turn_node(ctx, region, region->nodes[i]);
    }
    /* From the end, so that what an entry fed is settled before it goes. */
    for (size_t i = region->n_values; i-- > 0 && code == QUERN_OK;) {
        code = settle(ctx, region, &region->values[i]);
    }
    return code;
}

static enum quern_code move(struct quern_pass_ctx *ctx,
                            struct quern_node *transpose, void *user)
{
    struct qn_region *region = user;
    const struct quern_value *y = quern_node_output(transpose, 0);
    *region = (struct qn_region){.graph = quern_node_graph(transpose)};
    region->rank = y != NULL ? qn_read_perm(transpose, region->perm) : 0;
    if (region->rank == 0 || quern_value_rank(y) != region->rank ||
        !draw(region, transpose)) {
        return QUERN_OK;
    }
    region->reduces_none = cuts_a_norm(region);
    if (region->reduces_none && !draw(region, transpose)) {
        return QUERN_OK;
    }
    if (gain_of(region) <= 0) {
        return QUERN_OK;
    }
    if (region->n_nodes > 0) {
        quern_pass_account(ctx, transpose, "moved behind %zu nodes",
                           region->n_nodes);
    }
    return turn_all(ctx, region);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Transpose", NULL};
    struct qn_region *region = quern_pass_alloc(ctx, sizeof *region);
    (void)params;
    return region != NULL
               ? quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                                 move, region)
               : QUERN_NO_MEMORY;
}

const struct quern_pass_desc qn_pass_move_transposes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "move-transposes",
    .summary = "move Transposes past nodes that work on single elements or "
               "axes, where fewer are left so",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "shape",
};
