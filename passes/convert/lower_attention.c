/* RotaryEmbedding and Attention as chains of products, Softmax and Concat. */
#include "common.h"
#include "convert/chain.h"

#include <math.h>

enum { MOST_CAUSAL = 1 << 20 }; /* elements of a mask that is written out */

/* Size of an axis; -1: not known. */
static int64_t size_at(const struct quern_value *v, int axis)
{
    int rank = v != NULL ? quern_value_rank(v) : -1;
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank ? quern_value_dims(v)[axis].value : -1;
}

/* c->last = x[..., heads * size] as [..., heads, size]. */
static void split_heads(struct qn_chain *c, struct quern_value *x,
                        int64_t heads)
{
    int64_t sizes[4] = {0, 0, heads, -1};
    c->last = x;
    qn_chain_add(c, "Reshape", qn_chain_ints(c, sizes, 4));
}

/* --------------------------------------------------------- RotaryEmbedding */

/* Elements from..to of the last axis of x. */
static struct quern_value *slice_last(struct qn_chain *c, struct quern_value *x,
                                      int64_t from, int64_t to)
{
    struct quern_graph *graph = quern_node_graph(c->before);
    struct quern_node *node = NULL;
    struct quern_value *y = NULL;
    int64_t axis = -1;
    struct quern_value *in[4] = {x, qn_chain_ints(c, &from, 1),
                                 qn_chain_ints(c, &to, 1),
                                 qn_chain_ints(c, &axis, 1)};
    if (c->code == QUERN_OK) {
        c->code = quern_value_create(graph, "lowered_part", &y);
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_create(graph, c->before, "Slice", "lowered_part",
                                    in, 4, &y, 1, &node);
    }
    return y;
}

/* A cache as [batch, 1, sequence, half], or with heads before the last axis. */
static struct quern_value *angles(struct qn_chain *c, size_t i, bool has_heads)
{
    struct quern_value *places = quern_node_input(c->before, 3);
    int64_t axis = has_heads ? 1 : 2;
    c->last = quern_node_input(c->before, i);
    if (places != NULL) {
        qn_chain_add(c, "Gather", places);
    }
    qn_chain_add(c, "Unsqueeze", qn_chain_ints(c, &axis, 1));
    return c->last;
}

/* a x - b y, or a x + b y */
static struct quern_value *turn(struct qn_chain *c, const char *op,
                                struct quern_value *a, struct quern_value *x,
                                struct quern_value *b, struct quern_value *y)
{
    c->last = a;
    qn_chain_add(c, "Mul", x);
    struct quern_value *first = c->last;
    c->last = b;
    qn_chain_add(c, "Mul", y);
    qn_chain_add_behind(c, op, first);
    return c->last;
}

static enum quern_code join(struct qn_chain *c, struct quern_value *real,
                            struct quern_value *other, struct quern_value *rest,
                            bool flat)
{
    int64_t sizes[3] = {0, 0, -1};
    c->last = real;
    if (flat) {
        qn_chain_add(c, "Concat", other);
    } else {
        c->code = qn_chain_end(c, "Concat", other);
    }
    struct quern_node *concat =
        flat && c->code == QUERN_OK ? quern_value_producer(c->last) : c->before;
    if (c->code == QUERN_OK && rest != NULL) {
        c->code = quern_node_set_input(concat, 2, rest);
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_int(concat, "axis", -1);
    }
    return flat ? qn_chain_end(c, "Reshape", qn_chain_ints(c, sizes, 3))
                : c->code;
}

/* Halves of the last axis turned by an angle; with numbers behind them that
 * stay. */
enum quern_code qn_lower_rotary(const struct lowering *l,
                                struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int64_t heads = quern_node_int(node, "num_heads", 0);
    int64_t turned = quern_node_int(node, "rotary_embedding_dim", 0);
    int rank = quern_value_rank(x);
    int64_t size = size_at(x, -1);
    struct qn_chain c = qn_chain_of(l, node, x);
    bool flat = rank == 3;
    c.reshaped = true;
    if (quern_node_int(node, "interleaved", 0) != 0) {
        return qn_lower_refuse(l, node, "it is interleaved");
    }
    if (size < 1 || (rank != 4 && !flat) ||
        (flat && (heads < 1 || size % heads != 0))) {
        return qn_lower_refuse(l, node,
                               "its rank, last size or number of heads is not "
                               "known");
    }
    size = flat ? size / heads : size;
    turned = turned > 0 ? turned : size;
    if (turned > size || turned % 2 != 0) {
        return qn_lower_refuse(l, node, "an odd number of its elements turns");
    }
    if (flat) {
        split_heads(&c, x, heads);
        x = c.last;
    }
    struct quern_value *a = slice_last(&c, x, 0, turned / 2);
    struct quern_value *b = slice_last(&c, x, turned / 2, turned);
    struct quern_value *rest =
        turned < size ? slice_last(&c, x, turned, size) : NULL;
    struct quern_value *cosine = angles(&c, 1, !flat);
    struct quern_value *sine = angles(&c, 2, !flat);
    struct quern_value *real = turn(&c, "Sub", cosine, a, sine, b);
    struct quern_value *other = turn(&c, "Add", sine, a, cosine, b);
    return join(&c, real, other, rest, flat);
}

/* --------------------------------------------------------------- Attention */

/* Input i as [batch, heads, sequence, size]. */
static struct quern_value *with_heads(struct qn_chain *c, size_t i,
                                      int64_t heads)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    struct quern_value *x = quern_node_input(c->before, i);
    if (quern_value_rank(x) == 4) {
        return x;
    }
    split_heads(c, x, heads);
    qn_chain_add(c, "Transpose", NULL);
    qn_chain_set_ints(c, "perm", perm, 4);
    return c->last;
}

/* c->last = each head of it several times in a row, `heads` in all */
static void repeat_heads(struct qn_chain *c, int64_t heads, int64_t times,
                         int64_t size)
{
    const int64_t axis = 2;
    const int64_t wide[5] = {1, 1, times, 1, 1};
    const int64_t sizes[4] = {0, heads, -1, size};
    if (times > 1) {
        qn_chain_add(c, "Unsqueeze", qn_chain_ints(c, &axis, 1));
        qn_chain_add(c, "Expand", qn_chain_ints(c, wide, 5));
        qn_chain_add(c, "Reshape", qn_chain_ints(c, sizes, 4));
    }
}

/* 0 where a query may look, minus infinity at what comes later. */
static struct quern_value *causal_mask(struct qn_chain *c, int64_t n_queries,
                                       int64_t n_keys)
{
    int64_t dims[2] = {n_queries, n_keys};
    double *all =
        quern_pass_alloc(c->l->ctx, (size_t)(n_queries * n_keys) * sizeof *all);
    if (all == NULL) {
        c->code = c->code == QUERN_OK ? QUERN_NO_MEMORY : c->code;
        return NULL;
    }
    for (int64_t i = 0; i < n_queries * n_keys; i++) {
        all[i] = i % n_keys > i / n_keys ? -HUGE_VAL : 0.0;
    }
    return qn_chain_numbers(c, "lowered_mask", all, 2, dims);
}

/* c->last += the mask */
static void add_mask(struct qn_chain *c, struct quern_value *mask)
{
    struct quern_value *scores = c->last;
    if (quern_value_dtype(mask) == QUERN_BOOL) {
        c->last = mask;
        qn_chain_add(c, "Where", qn_chain_number(c, 0.0));
        struct quern_value *hidden = qn_chain_number(c, -HUGE_VAL);
        if (c->code == QUERN_OK) {
            c->code =
                quern_node_set_input(quern_value_producer(c->last), 2, hidden);
        }
        mask = c->last;
    }
    c->last = scores;
    qn_chain_add(c, "Add", mask);
}

/* What of the mask has no chain here; NULL: nothing. */
static const char *mask_lacks(const struct quern_node *node)
{
    const struct quern_value *q = quern_node_input(node, 0);
    const struct quern_value *k = quern_node_input(node, 1);
    const struct quern_value *mask = quern_node_input(node, 3);
    bool has_past = quern_node_input(node, 4) != NULL;
    if (quern_node_int(node, "is_causal", 0) != 0 &&
        (mask != NULL || has_past || size_at(q, -2) < 1 || size_at(k, -2) < 1 ||
         size_at(q, -2) > MOST_CAUSAL / size_at(k, -2))) {
        return "it is causal and its sizes are not known, or it has a mask "
               "or a past too";
    }
    if (mask != NULL && quern_node_opset(node) >= 24 &&
        (has_past || size_at(mask, -1) < 1 ||
         size_at(mask, -1) != size_at(k, -2))) {
        return "its mask may be shorter than the keys";
    }
    return mask != NULL && quern_value_dtype(mask) != QUERN_BOOL &&
                   quern_value_dtype(mask) != quern_value_dtype(q)
               ? "its mask is not known to be bool or of its type"
               : NULL;
}

/* Heads of queries, or of keys and values; not positive: not known. */
static int64_t heads_of(const struct quern_node *node, size_t i,
                        const char *attribute)
{
    const struct quern_value *x = quern_node_input(node, i);
    return quern_value_rank(x) == 4 ? size_at(x, 1)
                                    : quern_node_int(node, attribute, 0);
}

/* What of it has no chain here; NULL: nothing. */
static const char *attention_lacks(const struct quern_node *node)
{
    const struct quern_value *q = quern_node_input(node, 0);
    const struct quern_value *k = quern_node_input(node, 1);
    int rank = quern_value_rank(q);
    int64_t heads = heads_of(node, 0, "q_num_heads");
    int64_t pairs = heads_of(node, 1, "kv_num_heads");
    if (qn_is_read(quern_node_output(node, 3))) {
        return "its scores are read";
    }
    if (quern_node_input(node, 6) != NULL) {
        return "its keys are of several lengths";
    }
    if (quern_node_int(node, "left_window_size", -1) >= 0 ||
        quern_node_int(node, "right_window_size", -1) >= 0) {
        return "it has a window";
    }
    if (rank != 3 && rank != 4) {
        return "its rank is not known";
    }
    if (heads < 1 || pairs < 1 || heads % pairs != 0 || size_at(q, -1) < 1 ||
        (heads != pairs &&
         (size_at(k, -1) < 1 || size_at(quern_node_input(node, 2), -1) < 1))) {
        return "the number or size of its heads is not known";
    }
    return mask_lacks(node);
}

/* c->last = softcap tanh(c->last / softcap) */
static void cap(struct qn_chain *c, const struct quern_node *node)
{
    float softcap = quern_node_float(node, "softcap", 0.0f);
    if (softcap > 0.0f) {
        qn_chain_add(c, "Div", qn_chain_number(c, (double)softcap));
        qn_chain_add(c, "Tanh", NULL);
        qn_chain_add(c, "Mul", qn_chain_number(c, (double)softcap));
    }
}

/* c->last = the past (input i), then c->last; what was output `o` of the node
 */
static void join_past(struct qn_chain *c, size_t i, size_t o)
{
    struct quern_value *past = quern_node_input(c->before, i);
    struct quern_value *present = quern_node_output(c->before, o);
    if (past != NULL) {
        qn_chain_add_behind(c, "Concat", past);
        qn_chain_set_int(c, "axis", 2);
    } else if (qn_is_read(present)) {
        qn_chain_add(c, "Identity", NULL);
    }
    if (qn_is_read(present) && c->code == QUERN_OK) {
        c->code =
            quern_node_set_output(quern_value_producer(c->last), 0, present);
        c->last = present;
    }
}

/* c->last = keys (1) or values (2), as many heads as queries have */
static void read_pairs(struct qn_chain *c, size_t i, int64_t heads)
{
    int64_t pairs = heads_of(c->before, 1, "kv_num_heads");
    const struct quern_value *x = quern_node_input(c->before, i);
    int64_t size = size_at(x, -1) / (quern_value_rank(x) == 3 ? pairs : 1);
    c->last = with_heads(c, i, pairs);
    join_past(c, i + 3, i);
    repeat_heads(c, heads, heads / pairs, size);
}

/* softmax(scale q k' + mask) v; a soft cap goes in front of the mask */
enum quern_code qn_lower_attention(const struct lowering *l,
                                   struct quern_node *node)
{
    static const int64_t turn_last[] = {0, 1, 3, 2};
    static const int64_t perm[] = {0, 2, 1, 3};
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *mask = quern_node_input(node, 3);
    bool flat = quern_value_rank(x) == 3;
    int64_t heads = heads_of(node, 0, "q_num_heads");
    const char *why = attention_lacks(node);
    bool is_real = qn_chain_is_real(l, node);
    struct qn_chain c = qn_chain_of(l, node, x);
    c.reshaped = true;
    if (why != NULL || !is_real) {
        return is_real ? qn_lower_refuse(l, node, why)
                       : qn_chain_refuse_type(l, node);
    }
    double size = (double)size_at(x, -1) / (flat ? (double)heads : 1.0);
    double scale = quern_node_has_attr(node, "scale")
                       ? (double)quern_node_float(node, "scale", 1.0f)
                       : 1.0 / sqrt(size);
    if (quern_node_int(node, "is_causal", 0) != 0) {
        mask = causal_mask(&c, size_at(x, -2),
                           size_at(quern_node_input(node, 1), -2));
    }
    c.last = with_heads(&c, 0, heads);
    qn_chain_add(&c, "Mul", qn_chain_number(&c, scale));
    struct quern_value *q = c.last;
    read_pairs(&c, 1, heads);
    qn_chain_add(&c, "Transpose", NULL);
    qn_chain_set_ints(&c, "perm", turn_last, 4);
    qn_chain_add_behind(&c, "MatMul", q);
    cap(&c, node);
    if (mask != NULL) {
        add_mask(&c, mask);
    }
    qn_chain_add(&c, "Softmax", NULL);
    qn_chain_set_int(&c, "axis", -1);
    struct quern_value *weights = c.last;
    read_pairs(&c, 2, heads);
    struct quern_value *v = c.last;
    c.last = weights;
    enum quern_code code = QUERN_OK;
    if (flat) {
        int64_t sizes[3] = {0, 0, -1};
        qn_chain_add(&c, "MatMul", v);
        qn_chain_add(&c, "Transpose", NULL);
        qn_chain_set_ints(&c, "perm", perm, 4);
        code = qn_chain_end(&c, "Reshape", qn_chain_ints(&c, sizes, 3));
    } else {
        code = qn_chain_end(&c, "MatMul", v);
    }
    return code == QUERN_OK ? qn_drop_outputs(node) : code;
}
