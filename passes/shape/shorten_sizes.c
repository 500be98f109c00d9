/* shorten-sizes: sizes that a model computes twice are computed once, and by as
 * few nodes as can be. What inference knows of small integer vectors (numbers
 * and expressions over symbols) tells which are equal, however they came about;
 * a vector of sizes is written again as runs of a tensor's shape and numbers
 * where more nodes go than come. Bit-exact, as far as equal symbols are equal
 * sizes. */
#include "builtin.h"
#include "common.h"
#include "shape/sizes.h"

#include <string.h>

enum {
    MOST_PIECES = 8,
    MOST_CONE = 32,   /* nodes that may go at once */
    MOST_TRIED = 4,   /* tensors that are tried for a symbol */
    PARTS_SINCE = 15, /* opset from which on Shape has start and end */
    SLICE_SINCE = 10, /* opset from which on Slice takes its bounds as inputs */
};

struct state {
    struct quern_pass_ctx *ctx;
    struct quern_graph *graph;
    int64_t opset;
    struct qn_sizes_table known;
};

/* A part of a vector: numbers, or a run of a tensor's shape. */
struct piece {
    size_t from, len;
    struct quern_value *tensor; /* NULL: numbers */
    int axis;
    struct quern_value *there; /* computed already */
    struct quern_value *shape; /* of the tensor, where it is a Slice of that */
};

/* ------------------------------------------------------------------ pieces */

/* How many numbers from `from` on are sizes of the tensor's axes from `axis`.
 */
static size_t run_length(const struct qn_sizes *v, size_t from,
                         const struct quern_value *tensor, int axis)
{
    size_t n = 0;
    while (from + n < v->len && axis + (int)n < quern_value_rank(tensor) &&
           qn_same_number(v->numbers[from + n], qn_size_of(quern_value_dims(
                                                    tensor)[axis + (int)n]))) {
        n++;
    }
    return n;
}

/* The longest run that begins at `from`; numbers in front of the first
 * expression may belong to it. */
static struct piece longest_run(const struct state *s, const struct qn_sizes *v,
                                size_t from)
{
    struct piece best = {.from = from};
    size_t at = from;
    while (at < v->len && v->numbers[at].expr == NULL) {
        at++;
    }
    const struct qn_source *one =
        at < v->len ? qn_find_sources(&s->known, v->numbers[at].expr) : NULL;
    for (; one != NULL; one = one->next) {
        int axis = one->axis - (int)(at - from);
        size_t n = axis >= 0 && !quern_value_erased(one->tensor)
                       ? run_length(v, from, one->tensor, axis)
                       : 0;
        /* The oldest of equals, a graph input most of all. */
        if (n > at - from && n >= best.len) {
            best.tensor = one->tensor;
            best.axis = axis;
            best.len = n;
        }
    }
    return best;
}

static struct qn_sizes part_of(const struct qn_sizes *v, size_t from,
                               size_t len)
{
    return (struct qn_sizes){
        .numbers = v->numbers + from, .len = len, .rank = 1, .dtype = v->dtype};
}

static struct quern_value *shape_of(const struct state *s,
                                    const struct quern_value *tensor)
{
    struct quern_number numbers[QN_MOST_SIZES];
    int rank = quern_value_rank(tensor);
    if (rank < 1 || rank > QN_MOST_SIZES) {
        return NULL;
    }
    for (int i = 0; i < rank; i++) {
        numbers[i] = qn_size_of(quern_value_dims(tensor)[i]);
        if (!numbers[i].known) {
            return NULL;
        }
    }
    struct qn_sizes v = {.numbers = numbers,
                         .len = (size_t)rank,
                         .rank = 1,
                         .dtype = QUERN_INT64};
    return qn_find_sizes(&s->known, &v);
}

static bool is_whole(const struct piece *p)
{
    return p->axis == 0 && (int)p->len == quern_value_rank(p->tensor);
}

/* Nodes that a run takes. */
static size_t cost_of(const struct state *s, const struct piece *p)
{
    if (p->tensor == NULL || p->there != NULL) {
        return 0;
    }
    return is_whole(p) || s->opset >= PARTS_SINCE || p->shape != NULL ? 1 : 2;
}

/* Cut a vector into pieces.
 * @return their number, 0 when it cannot be done */
static size_t cut(struct state *s, const struct qn_sizes *v,
                  struct piece *pieces, size_t *out_cost)
{
    size_t n = 0;
    *out_cost = 0;
    for (size_t at = 0; at < v->len; n++) {
        if (n == MOST_PIECES) {
            return 0;
        }
        struct piece p = longest_run(s, v, at);
        while (p.tensor == NULL && at + p.len < v->len &&
               v->numbers[at + p.len].expr == NULL) {
            p.len++;
        }
        if (p.len == 0 ||
            (p.tensor != NULL && !is_whole(&p) && s->opset < SLICE_SINCE)) {
            return 0;
        }
        if (p.tensor != NULL) {
            struct qn_sizes part = part_of(v, at, p.len);
            p.there = qn_find_sizes(&s->known, &part);
            p.shape = is_whole(&p) || s->opset >= PARTS_SINCE
                          ? NULL
                          : shape_of(s, p.tensor);
        }
        *out_cost += cost_of(s, &p);
        pieces[n] = p;
        at += p.len;
    }
    *out_cost += n > 1 ? 1 : 0;
    return n;
}

/* --------------------------------------------------------- what would go */

struct cone {
    struct quern_node *nodes[MOST_CONE];
    size_t n;
};

static bool in_cone(const struct cone *c, const struct quern_node *node)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

/* Nothing but the cone reads what a node makes, and no piece is made of it. */
static bool goes_with(const struct cone *c, const struct quern_node *node,
                      const struct piece *pieces, size_t n)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        for (size_t k = 0; k < n; k++) {
            if (y != NULL && (pieces[k].tensor == y || pieces[k].there == y ||
                              pieces[k].shape == y)) {
                return false;
            }
        }
        if (y != NULL && (quern_value_is_graph_output(y) ||
                          quern_value_n_uses(y) > MOST_CONE)) {
            return false;
        }
        for (const struct quern_use *u = y != NULL ? quern_value_first_use(y)
                                                   : NULL;
             u != NULL; u = quern_use_next(u)) {
            if (!in_cone(c, quern_use_node(u))) {
                return false;
            }
        }
    }
    return true;
}

/* Add what goes with the inputs of one node.
 * @return true when the cone has grown */
static bool grow(struct cone *c, const struct quern_node *node,
                 const struct piece *pieces, size_t n)
{
    bool grown = false;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        struct quern_node *p = x != NULL ? quern_value_producer(x) : NULL;
        if (p != NULL && c->n < MOST_CONE &&
            quern_node_graph(p) == quern_node_graph(node) && !in_cone(c, p) &&
            goes_with(c, p, pieces, n)) {
            c->nodes[c->n++] = p;
            grown = true;
        }
    }
    return grown;
}

/* Nodes that go when nothing reads the output of `node`. */
static size_t count_gone(struct quern_node *node, const struct piece *pieces,
                         size_t n)
{
    struct cone c = {{node}, 1};
    bool grown = true;
    while (grown) {
        grown = false;
        for (size_t i = 0; i < c.n; i++) {
            grown = grow(&c, c.nodes[i], pieces, n) || grown;
        }
    }
    return c.n;
}

/* ---------------------------------------------------------------- rewriting */

/* A node in front of `before` that makes one new value. */
static enum quern_code new_node(struct state *s, struct quern_node *before,
                                const char *op, const char *base,
                                struct quern_value *const *in, size_t n_in,
                                struct quern_node **out_node,
                                struct quern_value **out)
{
    char name[512];
    quern_name_extend(name, sizeof name, base, "_%s", op);
    enum quern_code code = quern_value_create(s->graph, name, out);
    return code == QUERN_OK ? quern_node_create(s->graph, before, op, name, in,
                                                n_in, out, 1, out_node)
                            : code;
}

static enum quern_code add_shape(struct state *s,
                                 const struct quern_value *tensor, int axis,
                                 size_t len, struct quern_value *value)
{
    struct quern_number numbers[QN_MOST_SIZES];
    for (size_t i = 0; i < len; i++) {
        numbers[i] = qn_size_of(quern_value_dims(tensor)[axis + (int)i]);
        if (!numbers[i].known) {
            return QUERN_OK;
        }
    }
    struct qn_sizes v = {numbers, len, 1, QUERN_INT64, value};
    return qn_add_sizes(&s->known, &v) ? QUERN_OK : QUERN_NO_MEMORY;
}

/* Shape with bounds, or a Slice of the whole. */
static enum quern_code make_run(struct state *s, struct quern_node *before,
                                const char *base, struct piece *p)
{
    struct quern_node *node = NULL;
    struct quern_value *in[3] = {p->tensor, NULL, NULL};
    int64_t start = p->axis;
    int64_t end = p->axis + (int64_t)p->len;
    bool parts = !is_whole(p) && s->opset >= PARTS_SINCE;
    enum quern_code code = QUERN_OK;
    struct quern_value *shape =
        is_whole(p) || parts ? NULL : shape_of(s, p->tensor);
    if (shape == NULL) {
        code = new_node(s, before, "Shape", base, in, 1, &node, &shape);
    }
    if (code == QUERN_OK && parts) {
        code = quern_node_set_int(node, "start", start);
    }
    if (code == QUERN_OK && parts) {
        code = quern_node_set_int(node, "end", end);
    }
    p->there = shape;
    if (code != QUERN_OK || is_whole(p) || parts) {
        return code;
    }
    int rank = quern_value_rank(p->tensor);
    code = add_shape(s, p->tensor, 0, rank <= QN_MOST_SIZES ? (size_t)rank : 0,
                     shape);
    in[0] = shape;
    if (code == QUERN_OK) {
        code = qn_new_ints(s->ctx, s->graph, "start", &start, 1, &in[1]);
    }
    if (code == QUERN_OK) {
        code = qn_new_ints(s->ctx, s->graph, "end", &end, 1, &in[2]);
    }
    return code == QUERN_OK
               ? new_node(s, before, "Slice", base, in, 3, &node, &p->there)
               : code;
}

static enum quern_code make_piece(struct state *s, struct quern_node *before,
                                  const struct qn_sizes *v, struct piece *p)
{
    const char *base = quern_value_name(v->value);
    if (p->there != NULL) {
        return QUERN_OK;
    }
    if (p->tensor == NULL) {
        int64_t ints[QN_MOST_SIZES];
        for (size_t i = 0; i < p->len; i++) {
            ints[i] = v->numbers[p->from + i].value;
        }
        return qn_new_ints(s->ctx, s->graph, base, ints, (int64_t)p->len,
                           &p->there);
    }
    enum quern_code code = make_run(s, before, base, p);
    struct qn_sizes part = part_of(v, p->from, p->len);
    part.value = p->there;
    return code == QUERN_OK && !qn_add_sizes(&s->known, &part) ? QUERN_NO_MEMORY
                                                               : code;
}

/* Write the vector again where that takes fewer nodes than go. */
static enum quern_code shorten(struct state *s, const struct qn_sizes *known,
                               bool *out_done)
{
    struct piece pieces[MOST_PIECES];
    struct quern_number numbers[QN_MOST_SIZES];
    struct quern_value *in[MOST_PIECES];
    struct quern_node *node = quern_value_producer(known->value);
    struct quern_node *concat = NULL;
    struct quern_value *made = NULL;
    struct qn_sizes v = *known;
    size_t cost = 0;
    *out_done = false;
    if (v.rank != 1 || v.dtype != QUERN_INT64 ||
        quern_node_n_outputs(node) != 1) {
        return QUERN_OK;
    }
    memcpy(numbers, v.numbers, v.len * sizeof *numbers);
    v.numbers = numbers;
    size_t n = cut(s, &v, pieces, &cost);
    size_t gone = n > 0 ? count_gone(node, pieces, n) : 0;
    if (gone <= cost) {
        return QUERN_OK;
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = make_piece(s, node, &v, &pieces[i]);
        in[i] = pieces[i].there;
    }
    made = in[0];
    if (code == QUERN_OK && n > 1) {
        code = new_node(s, node, "Concat", quern_value_name(v.value), in, n,
                        &concat, &made);
    }
    if (code == QUERN_OK && n > 1) {
        code = quern_node_set_int(concat, "axis", 0);
    }
    if (code == QUERN_OK) {
        quern_pass_account(s->ctx, node, "sizes by %zu nodes instead of %zu",
                           cost, gone);
        *out_done = true;
        code = quern_replace_uses(v.value, made, true);
    }
    v.value = made;
    if (code == QUERN_OK && !qn_add_sizes(&s->known, &v)) {
        code = QUERN_NO_MEMORY;
    }
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

static enum quern_code visit_output(struct state *s, struct quern_value *y,
                                    bool *out_gone)
{
    struct qn_sizes v;
    struct quern_node *node = quern_value_producer(y);
    *out_gone = false;
    if (!qn_read_sizes(y, &v) || quern_value_is_graph_output(y)) {
        return QUERN_OK;
    }
    struct quern_value *same = qn_find_sizes(&s->known, &v);
    if (same != NULL) {
        quern_pass_account(s->ctx, node, "sizes that '%s' has",
                           quern_value_name(same));
        enum quern_code code = quern_replace_uses(y, same, true);
        *out_gone = code == QUERN_OK && quern_node_n_outputs(node) == 1;
        return *out_gone ? quern_node_erase_dead(node) : code;
    }
    enum quern_code code = shorten(s, &v, out_gone);
    return code == QUERN_OK && !*out_gone && !qn_add_sizes(&s->known, &v)
               ? QUERN_NO_MEMORY
               : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct state *s = user;
    enum quern_code code = QUERN_OK;
    bool gone = false;
    (void)ctx;
    for (size_t i = 0;
         !gone && code == QUERN_OK && i < quern_node_n_outputs(node); i++) {
        struct quern_value *y = quern_node_output(node, i);
        if (y != NULL && quern_value_n_uses(y) > 0) {
            code = visit_output(s, y, &gone);
        }
    }
    if (code == QUERN_OK && !gone && quern_node_is(node, "Shape") &&
        !qn_add_source(&s->known, quern_node_input(node, 0))) {
        return QUERN_NO_MEMORY;
    }
    return code;
}

/* Vectors that there are, and axes of tensors whose shapes are asked for. */
struct counts {
    size_t n_vectors;
    size_t n_axes;
};

static enum quern_code count(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct counts *counts = user;
    struct qn_sizes v;
    const struct quern_value *x = quern_node_input(node, 0);
    int rank =
        x != NULL && quern_node_is(node, "Shape") ? quern_value_rank(x) : 0;
    (void)ctx;
    counts->n_axes += rank > 0 ? (size_t)rank : 0;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        struct quern_value *y = quern_node_output(node, i);
        counts->n_vectors += y != NULL && qn_read_sizes(y, &v) ? 1 : 0;
    }
    return QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_model *model = quern_pass_model(ctx);
    struct state s = {
        .ctx = ctx, .graph = graph, .opset = quern_model_opset(model, "")};
    static const char *const shape[] = {"Shape", NULL};
    const struct quern_each sizes = {.ops = shape, .or_numbers = true};
    struct counts n = {0};
    (void)params;
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        int rank = quern_value_rank(quern_graph_input(graph, i));
        n.n_axes += rank > 0 ? (size_t)rank : 0;
    }
    enum quern_code code = quern_pass_each(ctx, graph, &sizes, count, &n);
    if (code != QUERN_OK || n.n_vectors == 0) {
        return code;
    }
    /* A vector may come back as pieces, which are remembered too. */
    if (!qn_sizes_table_make(ctx, (MOST_PIECES + 2) * n.n_vectors, n.n_axes,
                             &s.known)) {
        return QUERN_NO_MEMORY;
    }
    bool is_main = graph == quern_model_graph(model);
    for (size_t i = 0; is_main && i < quern_graph_n_inputs(graph); i++) {
        if (!qn_add_source(&s.known, quern_graph_input(graph, i))) {
            return QUERN_NO_MEMORY;
        }
    }
    return quern_pass_each(ctx, graph, &sizes, visit, &s);
}

const struct quern_pass_desc qn_pass_shorten_sizes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "shorten-sizes",
    .summary = "compute equal sizes once, and by as few nodes as can be",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
