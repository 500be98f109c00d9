/* merge-shapes: Flatten, Squeeze, Unsqueeze and Reshape behind nodes that only
 * rename axes, too, and a Transpose there that moves nothing but axes of
 * length 1. One Reshape to constant sizes stands for both. */
#include "common.h"
#include "shape/merge_shapes.h"

static const char *const kin[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze",
                                  NULL};

/* The node that makes input 0, when it is of the family and this alone reads
 * it. */
static struct quern_node *kin_before(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    struct quern_node *first = x != NULL ? quern_value_producer(x) : NULL;
    bool good = first != NULL && *quern_node_domain(first) == '\0' &&
                quern_node_graph(first) == quern_node_graph(node) &&
                quern_value_only_user(x) == node && qn_is_one_of(first, kin);
    return good ? first : NULL;
}

/* A shape as Reshape's second input, for data of x: numbers, 0 where a size of
 * x is copied, and at most one -1, which no size that may be 0 stands beside
 * unless there was one already (`infers`): it cannot be found there.
 * @return false where that does not say it */
static bool say(const struct quern_value *x, const struct quern_dim *dims,
                int rank, bool infers, int64_t *out_target)
{
    int copied = 0;
    int rank_x = quern_value_rank(x);
    int open = 0;
    for (int i = 0; i < rank; i++) {
        struct quern_dim d = dims[i];
        bool copies = d.value < 0 && i < rank_x &&
                      quern_dim_equal(d, quern_value_dims(x)[i]);
        open += d.value < 0 && !copies ? 1 : 0;
        copied += copies ? 1 : 0;
        if (d.value == 0 || open > 1) { /* a plain 0 would copy */
            return false;
        }
        out_target[i] = copies ? 0 : d.value > 0 ? d.value : -1;
    }
    return rank > 0 && rank_x >= 0 && (infers || open == 0 || copied == 0);
}

/* A Reshape that may find a size by what is left: not one to numbers without
 * a -1. */
static bool infers(const struct quern_node *node)
{
    int64_t target[QUERN_MAX_RANK];
    bool found = false;
    if (!quern_node_is(node, "Reshape")) {
        return false;
    }
    int n = qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, target);
    for (int i = 0; i < n; i++) {
        found = found || target[i] < 0;
    }
    return n < 0 || found;
}

bool qn_moves_nothing(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const int64_t *perm = NULL;
    size_t n = 0;
    int64_t last = -1;
    if (!quern_node_is(node, "Transpose") || x == NULL ||
        quern_node_attr_ints(node, "perm", &perm, &n) != QUERN_OK ||
        quern_value_rank(x) != (int)n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (perm[i] < 0 || perm[i] >= (int64_t)n) {
            return false;
        }
        if (quern_value_dims(x)[perm[i]].value == 1) {
            continue;
        }
        if (perm[i] < last) {
            return false;
        }
        last = perm[i];
    }
    return true;
}

enum quern_code qn_merge_reshape_kin(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
{
    static const char *const attrs[] = {"axis", "axes", "perm", "allowzero"};
    struct quern_node *first = kin_before(node);
    const struct quern_value *x =
        first != NULL ? quern_node_input(first, 0) : NULL;
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *shape = NULL;
    int64_t target[QUERN_MAX_RANK];
    /* Unsqueezes in a row are for qn_merge_unsqueeze(), and a Reshape behind
     * another comes here where it copies sizes that the first has made. */
    if (x == NULL || y == NULL ||
        (quern_node_is(first, quern_node_op(node)) &&
         !quern_node_is(node, "Reshape")) ||
        (quern_node_is(node, "Transpose") && !qn_moves_nothing(node))) {
        return QUERN_OK;
    }
    int n = quern_value_rank(y);
    if (n > QUERN_MAX_RANK || !say(x, quern_value_dims(y), n,
                                   infers(first) || infers(node), target)) {
        return QUERN_OK;
    }
    enum quern_code code = qn_new_ints(ctx, quern_node_graph(node),
                                       quern_value_name(y), target, n, &shape);
    for (size_t i = 0; i < 4 && code == QUERN_OK; i++) {
        if (quern_node_has_attr(node, attrs[i])) {
            code = quern_node_remove_attr(node, attrs[i]);
        }
    }
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Reshape");
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, shape);
    }
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

/* --------------------------------------------------- Squeeze and Transpose */

/* What a Squeeze behind a Transpose leaves of it. */
struct squeezed {
    struct quern_dim dims[QUERN_MAX_RANK]; /* of what the Transpose reads */
    int64_t perm[QUERN_MAX_RANK];
    int rank;
};

static bool read_squeezed(const struct quern_node *node,
                          const struct quern_node *transpose,
                          const struct quern_value *x, struct squeezed *out)
{
    int rank = quern_value_rank(x);
    int64_t axes[QUERN_MAX_RANK];
    int64_t left[QUERN_MAX_RANK]; /* number of an axis among those left */
    bool gone[QUERN_MAX_RANK] = {false};
    const int64_t *perm = NULL;
    size_t n = 0;
    int n_axes = rank <= QUERN_MAX_RANK ? qn_axes(node, rank, axes) : -1;
    if (n_axes < 1 || !quern_node_has_attr(transpose, "perm") ||
        quern_node_attr_ints(transpose, "perm", &perm, &n) != QUERN_OK ||
        n != (size_t)rank) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (perm[i] < 0 || perm[i] >= rank) {
            return false;
        }
    }
    for (int i = 0; i < n_axes; i++) {
        int64_t at = axes[i] + (axes[i] < 0 ? rank : 0);
        if (at < 0 || at >= rank) {
            return false;
        }
        gone[perm[at]] = true;
    }
    out->rank = 0;
    for (int i = 0; i < rank; i++) {
        left[i] = out->rank;
        if (!gone[i]) {
            out->dims[out->rank++] = quern_value_dims(x)[i];
        }
    }
    for (int i = 0, k = 0; i < rank; i++) {
        if (!gone[perm[i]]) {
            out->perm[k++] = left[perm[i]];
        }
    }
    return true;
}

static bool has_dims(const struct quern_value *x, const struct squeezed *s)
{
    bool same = quern_value_rank(x) == s->rank;
    for (int i = 0; i < s->rank && same; i++) {
        same = quern_dim_equal(quern_value_dims(x)[i], s->dims[i]);
    }
    return same;
}

/* A new Reshape in front of a node. */
static enum quern_code reshape(struct quern_pass_ctx *ctx,
                               struct quern_node *before, struct quern_value *x,
                               const char *name, const int64_t *target, int n,
                               struct quern_value **out_y)
{
    struct quern_graph *graph = quern_node_graph(before);
    struct quern_value *in[2] = {x, NULL};
    struct quern_node *made = NULL;
    enum quern_code code = qn_new_ints(ctx, graph, name, target, n, &in[1]);
    if (code == QUERN_OK) {
        code = quern_value_create(graph, name, out_y);
    }
    return code == QUERN_OK ? quern_node_create(graph, before, "Reshape", name,
                                                in, 2, out_y, 1, &made)
                            : code;
}

enum quern_code qn_squeeze_earlier(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
{
    struct quern_node *transpose =
        qn_single_producer(quern_node_input(node, 0), "Transpose");
    struct quern_node *first = transpose != NULL ? kin_before(transpose) : NULL;
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    struct squeezed s;
    int64_t target[QUERN_MAX_RANK];
    if (x == NULL || quern_node_graph(transpose) != quern_node_graph(node) ||
        !read_squeezed(node, transpose, quern_node_output(first, 0), &s) ||
        (!has_dims(x, &s) && !say(x, s.dims, s.rank, true, target))) {
        return QUERN_OK;
    }
    const char *name = quern_value_name(quern_node_output(first, 0));
    enum quern_code code =
        has_dims(x, &s) ? QUERN_OK
                        : reshape(ctx, node, x, name, target, s.rank, &x);
    if (code == QUERN_OK && quern_node_has_attr(node, "axes")) {
        code = quern_node_remove_attr(node, "axes");
    } else if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, NULL);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Transpose");
    }
    if (code == QUERN_OK) {
        code = quern_node_set_ints(node, "perm", s.perm, (size_t)s.rank);
    }
    if (code == QUERN_OK) {
        code = qn_bypass(ctx, node, transpose);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, x);
    }
    return code == QUERN_OK ? quern_node_erase_dead(first) : code;
}
