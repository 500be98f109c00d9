/* merge-shapes: two nodes in a row that move data or convert it become one: two
 * Transposes, a Reshape behind Reshape, Flatten, Squeeze or Unsqueeze, two
 * Unsqueezes, two Slices of different axes, a Cast behind a Cast that lost
 * nothing. Bit-exact. Two Unsqueezes of a graph input are left: runtimes know
 * masks by them. */
#include "builtin.h"
#include "common.h"

#include <string.h>

enum { MOST_READERS = 16 };

/* The node in front, when `node` alone reads it and it is in this graph. */
static struct quern_node *before(const struct quern_node *node,
                                 const char *const *ops)
{
    const struct quern_value *x = quern_node_input(node, 0);
    struct quern_node *first = x != NULL ? quern_value_producer(x) : NULL;
    bool good = first != NULL && *quern_node_domain(first) == '\0' &&
                quern_node_graph(first) == quern_node_graph(node) &&
                quern_value_only_user(x) == node && qn_is_one_of(first, ops);
    return good ? first : NULL;
}

static enum quern_code bypass(struct quern_pass_ctx *ctx,
                              struct quern_node *node, struct quern_node *first)
{
    quern_pass_account(ctx, node, "took in %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code =
        quern_node_set_input(node, 0, quern_node_input(first, 0));
    return code == QUERN_OK ? quern_node_erase_dead(first) : code;
}

/* The second of the two gives back what the first read. */
static enum quern_code undo(struct quern_pass_ctx *ctx, struct quern_node *node,
                            const struct quern_node *first,
                            struct quern_value *y, struct quern_value *x)
{
    quern_pass_account(ctx, node, "undoes %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

/* -------------------------------------------------------------- Transpose */

static bool read_perm(const struct quern_node *node, size_t *out_n,
                      const int64_t **out_perm)
{
    return quern_node_has_attr(node, "perm") &&
           quern_node_attr_ints(node, "perm", out_perm, out_n) == QUERN_OK &&
           *out_n <= QUERN_MAX_RANK;
}

static enum quern_code merge_transpose(struct quern_pass_ctx *ctx,
                                       struct quern_node *node)
{
    static const char *const ops[] = {"Transpose", NULL};
    struct quern_node *first = before(node, ops);
    const int64_t *a = NULL;
    const int64_t *b = NULL;
    int64_t perm[QUERN_MAX_RANK];
    size_t n = 0;
    size_t n_first = 0;
    if (first == NULL || !read_perm(node, &n, &b) ||
        !read_perm(first, &n_first, &a) || n != n_first) {
        return QUERN_OK;
    }
    bool back = true;
    for (size_t i = 0; i < n; i++) {
        if (b[i] < 0 || b[i] >= (int64_t)n) {
            return QUERN_OK;
        }
        perm[i] = a[b[i]];
        back = back && perm[i] == (int64_t)i;
    }
    struct quern_value *x = quern_node_input(first, 0);
    struct quern_value *y = quern_node_output(node, 0);
    if (back && x != NULL && y != NULL && qn_can_stand_for(y, x)) {
        return undo(ctx, node, first, y, x);
    }
    enum quern_code code = quern_node_set_ints(node, "perm", perm, n);
    return code == QUERN_OK ? bypass(ctx, node, first) : code;
}

/* ---------------------------------------------------------------- Reshape */

/* A 0 copies a size of the middle: it must be the same size of x. */
static bool zeros_hold(const struct quern_node *node,
                       const struct quern_value *x)
{
    int64_t target[QUERN_MAX_RANK];
    const struct quern_value *middle = quern_node_input(node, 0);
    int n = qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, target);
    bool copies = quern_node_int(node, "allowzero", 0) == 0;
    for (int i = 0; i < n && copies; i++) {
        if (target[i] != 0) {
            continue;
        }
        if (i >= quern_value_rank(x) || i >= quern_value_rank(middle) ||
            !quern_dim_equal(quern_value_dims(x)[i],
                             quern_value_dims(middle)[i])) {
            return false;
        }
    }
    return n >= 0;
}

static enum quern_code merge_reshape(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
{
    static const char *const ops[] = {"Reshape", "Flatten", "Squeeze",
                                      "Unsqueeze", NULL};
    struct quern_node *first = before(node, ops);
    const struct quern_value *x =
        first != NULL ? quern_node_input(first, 0) : NULL;
    return x != NULL && zeros_hold(node, x) ? bypass(ctx, node, first)
                                            : QUERN_OK;
}

static bool same_dims(const struct quern_value *a, const struct quern_value *b)
{
    int rank = quern_value_rank(a);
    if (rank < 0 || rank != quern_value_rank(b)) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (!quern_dim_equal(quern_value_dims(a)[i], quern_value_dims(b)[i])) {
            return false;
        }
    }
    return true;
}

/* Two of the family that end with the sizes they began with. */
static enum quern_code drop_pair(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    static const char *const ops[] = {"Reshape", "Flatten", "Squeeze",
                                      "Unsqueeze", NULL};
    struct quern_node *first = before(node, ops);
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    if (x == NULL || y == NULL || !same_dims(x, y) || !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    return undo(ctx, node, first, y, x);
}

/* ------------------------------------------------------ Unsqueeze and Slice */

/* The node in front where all that reads it is of the same operator, so that it
 * goes when they all read what it reads. */
static struct quern_node *before_all(const struct quern_node *node,
                                     const char *op)
{
    const struct quern_value *x = quern_node_input(node, 0);
    struct quern_node *first = x != NULL ? quern_value_producer(x) : NULL;
    if (first == NULL || !quern_node_is(first, op) ||
        quern_node_graph(first) != quern_node_graph(node) ||
        quern_value_is_graph_output(x) ||
        quern_value_n_uses(x) > MOST_READERS) {
        return NULL;
    }
    for (const struct quern_use *u = quern_value_first_use(x); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *reader = quern_use_node(u);
        if (quern_use_index(u) != 0 || reader == NULL ||
            !quern_node_is(reader, op) ||
            quern_node_graph(reader) != quern_node_graph(node)) {
            return NULL;
        }
    }
    return first;
}

/* Axes of an Unsqueeze or Slice, ascending from 0, of a tensor of that rank.
 * @return their number, 0 when they are not known */
static size_t read_axes(const struct quern_node *node, size_t input, int rank,
                        int64_t *out_axes)
{
    const int64_t *list = NULL;
    size_t n = 0;
    if (quern_node_has_attr(node, "axes")) {
        if (quern_node_attr_ints(node, "axes", &list, &n) != QUERN_OK ||
            n > QUERN_MAX_RANK) {
            return 0;
        }
        memcpy(out_axes, list, n * sizeof *list);
    } else {
        int found = qn_int_values(quern_node_input(node, input), QUERN_MAX_RANK,
                                  out_axes);
        n = found > 0 ? (size_t)found : 0;
    }
    for (size_t i = 0; i < n; i++) {
        out_axes[i] += out_axes[i] < 0 ? rank : 0;
        if (out_axes[i] < 0 || out_axes[i] >= rank) {
            return 0;
        }
    }
    return n;
}

static enum quern_code set_ints_input(struct quern_pass_ctx *ctx,
                                      struct quern_node *node, size_t i,
                                      const int64_t *ints, size_t n)
{
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    const struct quern_value *old = quern_node_input(node, i);
    enum quern_code code =
        quern_tensor_of_ints(quern_pass_context(ctx), (int64_t)n, ints, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(
            quern_node_graph(node),
            quern_value_name(old != NULL ? old : quern_node_output(node, 0)), t,
            &value);
    }
    quern_tensor_release(&t);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

/* An input, or a Cast of one: what runtimes look for in front of attention. */
static bool is_mask(const struct quern_value *x)
{
    const struct quern_node *made = quern_value_producer(x);
    return made == NULL ||
           (quern_node_is(made, "Cast") &&
            quern_value_producer(quern_node_input(made, 0)) == NULL);
}

/* The axes of both, as those of the last result. */
static enum quern_code merge_unsqueeze(struct quern_pass_ctx *ctx,
                                       struct quern_node *node)
{
    struct quern_node *first = before_all(node, "Unsqueeze");
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    int rank = x != NULL ? quern_value_rank(x) : -1;
    int64_t a[QUERN_MAX_RANK];
    int64_t b[QUERN_MAX_RANK];
    int64_t all[QUERN_MAX_RANK];
    bool is_new[QUERN_MAX_RANK] = {false};
    if (rank < 0 || is_mask(x)) {
        return QUERN_OK;
    }
    int middle = quern_value_rank(quern_node_input(node, 0));
    int last = quern_value_rank(quern_node_output(node, 0));
    size_t n_a = read_axes(first, 1, middle, a);
    size_t n_b = read_axes(node, 1, last, b);
    if (n_a == 0 || n_b == 0 || last > QUERN_MAX_RANK ||
        rank + (int)n_a + (int)n_b != last) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < n_b; i++) {
        is_new[b[i]] = true;
    }
    /* Axis k of the middle is the k-th that the second did not put in. */
    for (int i = 0, k = 0; i < last; i++) {
        if (is_new[i]) {
            continue;
        }
        for (size_t j = 0; j < n_a; j++) {
            is_new[i] = is_new[i] || a[j] == k;
        }
        k++;
    }
    size_t n = 0;
    for (int i = 0; i < last; i++) {
        if (is_new[i]) {
            all[n++] = i;
        }
    }
    enum quern_code code = quern_node_has_attr(node, "axes")
                               ? quern_node_set_ints(node, "axes", all, n)
                               : set_ints_input(ctx, node, 1, all, n);
    return code == QUERN_OK ? bypass(ctx, node, first) : code;
}

/* Bounds that are constants: starts, ends, axes, steps. */
struct bounds {
    int64_t of[4][2 * QUERN_MAX_RANK];
    size_t n;
};

static bool read_bounds(const struct quern_node *node, struct bounds *out)
{
    int rank = quern_value_rank(quern_node_input(node, 0));
    out->n = rank > 0 && !quern_node_has_attr(node, "starts")
                 ? read_axes(node, 3, rank, out->of[2])
                 : 0;
    for (size_t i = 0; i < 2; i++) {
        int n = qn_int_values(quern_node_input(node, i + 1), QUERN_MAX_RANK,
                              out->of[i]);
        if (out->n == 0 || n != (int)out->n) {
            return false;
        }
    }
    const struct quern_value *steps = quern_node_input(node, 4);
    for (size_t i = 0; i < out->n; i++) {
        out->of[3][i] = 1;
    }
    return steps == NULL ||
           qn_int_values(steps, QUERN_MAX_RANK, out->of[3]) == (int)out->n;
}

/* Slices of different axes may come in any order, or at once. */
static enum quern_code merge_slice(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
{
    struct quern_node *first = before_all(node, "Slice");
    struct bounds a;
    struct bounds b;
    if (first == NULL || !read_bounds(node, &b) || !read_bounds(first, &a)) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < a.n * b.n; i++) {
        if (a.of[2][i / b.n] == b.of[2][i % b.n]) {
            return QUERN_OK;
        }
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < 4; i++) {
        memcpy(a.of[i] + a.n, b.of[i], b.n * sizeof b.of[i][0]);
    }
    for (size_t i = 0; i < 4 && code == QUERN_OK; i++) {
        code = set_ints_input(ctx, node, i + 1, a.of[i], a.n + b.n);
    }
    return code == QUERN_OK ? bypass(ctx, node, first) : code;
}

/* ------------------------------------------------------------------- Cast */

/* Every number of `from` is one of `to`. */
static bool holds(enum quern_dtype to, enum quern_dtype from)
{
    static const struct {
        enum quern_dtype from, to;
    } rows[] = {
        {QUERN_BOOL, QUERN_INT32},      {QUERN_BOOL, QUERN_INT64},
        {QUERN_BOOL, QUERN_FLOAT},      {QUERN_BOOL, QUERN_FLOAT16},
        {QUERN_BOOL, QUERN_DOUBLE},     {QUERN_BOOL, QUERN_INT8},
        {QUERN_BOOL, QUERN_UINT8},      {QUERN_INT8, QUERN_INT32},
        {QUERN_INT8, QUERN_INT64},      {QUERN_INT8, QUERN_FLOAT},
        {QUERN_UINT8, QUERN_INT32},     {QUERN_UINT8, QUERN_INT64},
        {QUERN_UINT8, QUERN_FLOAT},     {QUERN_INT32, QUERN_INT64},
        {QUERN_INT32, QUERN_DOUBLE},    {QUERN_FLOAT16, QUERN_FLOAT},
        {QUERN_FLOAT16, QUERN_DOUBLE},  {QUERN_BFLOAT16, QUERN_FLOAT},
        {QUERN_BFLOAT16, QUERN_DOUBLE}, {QUERN_FLOAT, QUERN_DOUBLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].from == from && rows[i].to == to) {
            return true;
        }
    }
    return from == to;
}

static enum quern_code merge_cast(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    static const char *const ops[] = {"Cast", NULL};
    struct quern_node *first = before(node, ops);
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    struct quern_value *y = quern_node_output(node, 0);
    if (x == NULL || y == NULL || quern_value_dtype(x) == QUERN_UNDEFINED ||
        !holds((enum quern_dtype)quern_node_int(first, "to", 0),
               quern_value_dtype(x))) {
        return QUERN_OK;
    }
    bool back = (int64_t)quern_value_dtype(x) == quern_node_int(node, "to", 0);
    if (!back || !qn_can_stand_for(y, x)) {
        return bypass(ctx, node, first);
    }
    return undo(ctx, node, first, y, x);
}

static enum quern_code merge(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    static const char *const pairs[] = {"Flatten", "Squeeze", "Unsqueeze",
                                        "Reshape", NULL};
    enum quern_code code = QUERN_OK;
    (void)user;
    if (quern_node_is(node, "Transpose")) {
        return merge_transpose(ctx, node);
    }
    if (quern_node_is(node, "Cast")) {
        return merge_cast(ctx, node);
    }
    if (quern_node_is(node, "Slice")) {
        return merge_slice(ctx, node);
    }
    if (qn_is_one_of(node, pairs)) {
        code = drop_pair(ctx, node);
    }
    if (code == QUERN_OK && !quern_node_erased(node) &&
        quern_node_is(node, "Unsqueeze")) {
        return merge_unsqueeze(ctx, node);
    }
    return code == QUERN_OK && !quern_node_erased(node) &&
                   quern_node_is(node, "Reshape")
               ? merge_reshape(ctx, node)
               : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Transpose", "Slice",   "Cast",
                                      "Flatten",   "Squeeze", "Unsqueeze",
                                      "Reshape",   NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, merge,
                           NULL);
}

const struct quern_pass_desc qn_pass_merge_shapes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "merge-shapes",
    .summary = "one node from two in a row that move or convert data: "
               "Transpose, Reshape and its kin, Cast",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
