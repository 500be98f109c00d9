/* drop-sequences: sequences that are made and taken apart at known places.
 *
 *     SplitToSequence, all of whose readers are SequenceAt at constant places
 *         -> Split, and a Squeeze for each part where keepdims is 0
 *     SequenceAt of SequenceConstruct at a constant place -> the value itself
 *     ConcatFromSequence of SequenceConstruct, without a new axis -> Concat
 *
 * Split is told the length of each part, which every opset takes (13 on as an
 * input; 18 on it may stand in for num_outputs). A sequence that anything else
 * reads stays: its length may matter. Bit-exact. */
#include "builtin.h"
#include "common.h"

#include <string.h>

enum { MOST_PARTS = 1024 };

/* A SplitToSequence and what it is split into. */
struct parts {
    struct quern_node *node;
    struct quern_value *sequence;
    int axis; /* from the front or the back, as written */
    bool squeeze;
    size_t n;
    int64_t sizes[MOST_PARTS];
    struct quern_value *values[MOST_PARTS]; /* NULL: nobody reads it */
};

static enum quern_code refuse(struct quern_pass_ctx *ctx,
                              const struct quern_node *node, const char *why)
{
    enum quern_code code = quern_pass_refuse(ctx, node, "%s", why);
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

/* Place that a SequenceAt reads of a sequence of n; -1: not known, or none. */
static int64_t place_of(const struct quern_node *at, size_t n)
{
    int64_t place = 0;
    if (qn_int_values(quern_node_input(at, 1), 1, &place) != 1) {
        return -1;
    }
    place += place < 0 ? (int64_t)n : 0;
    return place >= 0 && place < (int64_t)n ? place : -1;
}

/* Lengths of the parts of an axis of `len` (-1: not known). */
static bool read_sizes(struct parts *p, int64_t len)
{
    const struct quern_value *split = quern_node_input(p->node, 1);
    const struct quern_tensor *t =
        split != NULL ? quern_value_constant(split) : NULL;
    int n = split != NULL ? qn_int_values(split, MOST_PARTS, p->sizes) : 0;
    if (split != NULL && (t == NULL || n < 1)) {
        return false;
    }
    if (t != NULL && quern_tensor_rank(t) == 1) {
        p->n = (size_t)n;
        return true;
    }
    int64_t step = t != NULL ? p->sizes[0] : 1;
    if (len < 1 || step < 1 || (len - 1) / step + 1 > MOST_PARTS) {
        return false;
    }
    p->n = (size_t)((len - 1) / step + 1);
    for (size_t i = 0; i < p->n; i++) {
        int64_t rest = len - (int64_t)i * step;
        p->sizes[i] = rest < step ? rest : step;
    }
    return true;
}

static bool read_parts(struct parts *p)
{
    const struct quern_value *x = quern_node_input(p->node, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    int64_t axis = quern_node_int(p->node, "axis", 0);
    int64_t from_front = axis < 0 ? axis + rank : axis;
    if (rank >= 0 && (from_front < 0 || from_front >= rank)) {
        return false;
    }
    p->axis = (int)axis;
    const struct quern_value *split = quern_node_input(p->node, 1);
    bool drops = quern_node_int(p->node, "keepdims", 1) == 0;
    p->squeeze = drops && split == NULL;
    /* ONNX passes keepdims over beside sizes; ONNX Runtime obeys it beside a
     * single one. */
    if (drops && split != NULL && quern_value_rank(split) != 1) {
        return false;
    }
    return read_sizes(p,
                      rank >= 0 ? quern_value_dims(x)[from_front].value : -1);
}

static bool readers_are_known(const struct parts *p)
{
    for (const struct quern_use *u = quern_value_first_use(p->sequence);
         u != NULL; u = quern_use_next(u)) {
        const struct quern_node *at = quern_use_node(u);
        if (at == NULL || !quern_node_is(at, "SequenceAt") ||
            quern_use_index(u) != 0 || place_of(at, p->n) < 0 ||
            quern_node_graph(at) != quern_node_graph(p->node)) {
            return false;
        }
    }
    return quern_value_n_uses(p->sequence) > 0;
}

/* Take the outputs of all readers, which go. */
static enum quern_code take_readers(struct parts *p)
{
    enum quern_code code = QUERN_OK;
    const struct quern_use *u = NULL;
    while (code == QUERN_OK &&
           (u = quern_value_first_use(p->sequence)) != NULL) {
        struct quern_node *at = quern_use_node(u);
        struct quern_value *y = quern_node_output(at, 0);
        size_t place = (size_t)place_of(at, p->n);
        if (y != NULL && p->values[place] == NULL) {
            p->values[place] = y;
            code = quern_node_set_output(at, 0, NULL);
        } else if (y != NULL) {
            code = quern_replace_value(y, p->values[place], true);
        }
        if (code == QUERN_OK) {
            struct quern_value *index = quern_node_input(at, 1);
            code = quern_node_erase(at);
            if (code == QUERN_OK && quern_value_n_uses(index) == 0 &&
                quern_value_producer(index) == NULL) {
                code = quern_value_erase(index);
            }
        }
    }
    return code;
}

static enum quern_code set_sizes(struct quern_pass_ctx *ctx, struct parts *p)
{
    struct quern_tensor *t = NULL;
    struct quern_value *sizes = NULL;
    char name[512];
    if (quern_node_opset(p->node) < 13) {
        enum quern_code code = QUERN_OK;
        if (quern_node_input(p->node, 1) != NULL) {
            code = qn_replace_input(p->node, 1, NULL);
        }
        return code == QUERN_OK
                   ? quern_node_set_ints(p->node, "split", p->sizes, p->n)
                   : code;
    }
    quern_name_extend(name, sizeof name, quern_value_name(p->sequence),
                      "_sizes");
    enum quern_code code = quern_tensor_of_ints(quern_pass_context(ctx),
                                                (int64_t)p->n, p->sizes, &t);
    if (code == QUERN_OK) {
        code =
            quern_constant_create(quern_node_graph(p->node), name, t, &sizes);
    }
    quern_tensor_release(&t);
    return code == QUERN_OK ? qn_replace_input(p->node, 1, sizes) : code;
}

/* y = Squeeze(part) behind the Split. */
static enum quern_code squeeze(struct quern_pass_ctx *ctx,
                               const struct parts *p, struct quern_value *part,
                               struct quern_value *y)
{
    struct quern_graph *graph = quern_node_graph(p->node);
    struct quern_value *in[2] = {part, NULL};
    struct quern_node *node = NULL;
    struct quern_tensor *t = NULL;
    int64_t axis = p->axis;
    bool as_input = quern_node_opset(p->node) >= 13;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(y), "_axes");
    enum quern_code code = QUERN_OK;
    if (as_input) {
        code = quern_tensor_of_ints(quern_pass_context(ctx), 1, &axis, &t);
        if (code == QUERN_OK) {
            code = quern_constant_create(graph, name, t, &in[1]);
        }
        quern_tensor_release(&t);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, quern_node_next(p->node), "Squeeze", "",
                                 in, as_input ? 2 : 1, &y, 1, &node);
    }
    return code == QUERN_OK && !as_input
               ? quern_node_set_ints(node, "axes", &axis, 1)
               : code;
}

static enum quern_code set_outputs(struct quern_pass_ctx *ctx, struct parts *p)
{
    struct quern_graph *graph = quern_node_graph(p->node);
    enum quern_code code = QUERN_OK;
    char name[512];
    for (size_t i = 0; i < p->n && code == QUERN_OK; i++) {
        struct quern_value *part = p->squeeze ? NULL : p->values[i];
        quern_name_extend(name, sizeof name, quern_value_name(p->sequence),
                          "_part");
        if (part == NULL) {
            code = quern_value_create(graph, name, &part);
        }
        if (code == QUERN_OK) {
            code = quern_node_set_output(p->node, i, part);
        }
        if (code == QUERN_OK && p->squeeze && p->values[i] != NULL) {
            code = squeeze(ctx, p, part, p->values[i]);
        }
    }
    return code;
}

static enum quern_code to_split(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
{
    struct quern_value *sequence = quern_node_output(node, 0);
    struct parts *p = quern_pass_alloc(ctx, sizeof *p);
    if (p == NULL || sequence == NULL) {
        return p == NULL ? QUERN_NO_MEMORY : QUERN_OK;
    }
    p->node = node;
    p->sequence = sequence;
    if (!read_parts(p)) {
        return refuse(ctx, node, "the lengths of its parts are not known");
    }
    if (!readers_are_known(p)) {
        return refuse(ctx, node,
                      "read by other than SequenceAt at constant places");
    }
    quern_pass_account(ctx, node, "Split in %zu in the place of a sequence",
                       p->n);
    enum quern_code code = take_readers(p);
    if (code == QUERN_OK) {
        code = quern_node_remove_attr(node, "keepdims");
    }
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Split");
    }
    if (code == QUERN_OK) {
        code = set_sizes(ctx, p);
    }
    if (code == QUERN_OK) {
        code = set_outputs(ctx, p);
    }
    return code == QUERN_OK ? quern_value_erase(sequence) : code;
}

static struct quern_node *construct_behind(const struct quern_node *reader)
{
    const struct quern_value *s = quern_node_input(reader, 0);
    struct quern_node *node = s != NULL ? quern_value_producer(s) : NULL;
    return node != NULL && quern_node_is(node, "SequenceConstruct") ? node
                                                                    : NULL;
}

static enum quern_code to_element(struct quern_pass_ctx *ctx,
                                  struct quern_node *at)
{
    struct quern_value *y = quern_node_output(at, 0);
    const struct quern_node *construct = construct_behind(at);
    if (construct == NULL || y == NULL) {
        return QUERN_OK;
    }
    int64_t place = place_of(at, quern_node_n_inputs(construct));
    struct quern_value *x =
        place >= 0 ? quern_node_input(construct, (size_t)place) : NULL;
    if (x == NULL || !qn_can_stand_for(y, x)) {
        return refuse(ctx, at, "no constant place, or an output of the graph");
    }
    quern_pass_account(ctx, at, "is '%s'", quern_value_name(x));
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(at) : code;
}

static enum quern_code to_concat(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    struct quern_node *construct = construct_behind(node);
    if (construct == NULL || quern_node_int(node, "new_axis", 0) != 0) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "Concat in the place of a sequence");
    enum quern_code code = quern_node_remove_attr(node, "new_axis");
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Concat");
    }
    for (size_t i = 0; i < quern_node_n_inputs(construct) && code == QUERN_OK;
         i++) {
        code = quern_node_set_input(node, i, quern_node_input(construct, i));
    }
    return code == QUERN_OK ? quern_node_erase_dead(construct) : code;
}

/* OptionalGetElement of what is there: of an Optional of it, or a tensor. */
static enum quern_code to_content(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *made = x != NULL ? quern_value_producer(x) : NULL;
    if (made != NULL && quern_node_is(made, "Optional")) {
        x = quern_node_input(made, 0);
    }
    if (x == NULL || y == NULL || quern_value_kind(x) != QUERN_KIND_TENSOR ||
        !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "is '%s'", quern_value_name(x));
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

static enum quern_code drop_sequence(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, void *user)
{
    (void)user;
    if (quern_node_is(node, "SplitToSequence")) {
        return to_split(ctx, node);
    }
    if (quern_node_is(node, "SequenceAt")) {
        return to_element(ctx, node);
    }
    if (quern_node_is(node, "OptionalGetElement")) {
        return to_content(ctx, node);
    }
    return quern_node_is(node, "ConcatFromSequence") ? to_concat(ctx, node)
                                                     : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"SplitToSequence", "SequenceAt",
                                      "ConcatFromSequence",
                                      "OptionalGetElement", NULL};
    (void)params;
    /* A reader of a sequence behind the node may go with it. */
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                           drop_sequence, NULL);
}

const struct quern_pass_desc qn_pass_drop_sequences = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-sequences",
    .summary = "Split and plain values in the place of sequences that are read "
               "at constant places, and of optionals that are there",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
