/* merge-shapes: Unsqueeze, Squeeze, Slice. */
#include "common.h"
#include "shape/merge_shapes.h"

#include <string.h>

enum { MOST_READERS = 16, MOST_PARTS = 256 };

enum quern_code qn_bypass(struct quern_pass_ctx *ctx, struct quern_node *node,
                          struct quern_node *first)
{
    quern_pass_account(ctx, node, "took in %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code =
        quern_node_set_input(node, 0, quern_node_input(first, 0));
    return code == QUERN_OK ? quern_node_erase_dead(first) : code;
}

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
    struct quern_value *value = NULL;
    const struct quern_value *old = quern_node_input(node, i);
    enum quern_code code = qn_new_ints(
        ctx, quern_node_graph(node),
        quern_value_name(old != NULL ? old : quern_node_output(node, 0)), ints,
        (int64_t)n, &value);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

/* Steps from a mask to the Softmax: Unsqueeze, Cast, Sub, Mul, Add, and one to
 * spare. */
enum { TO_SOFTMAX = 7, MOST_WAYS = 3 };

static bool leads_to_softmax(const struct quern_value *x, int steps)
{
    int n = 0;
    for (const struct quern_use *u = quern_value_first_use(x);
         u != NULL && steps > 0 && n < MOST_WAYS; u = quern_use_next(u), n++) {
        const struct quern_node *reader = quern_use_node(u);
        if (reader != NULL &&
            (quern_node_is(reader, "Softmax") ||
             (quern_node_output(reader, 0) != NULL &&
              leads_to_softmax(quern_node_output(reader, 0), steps - 1)))) {
            return true;
        }
    }
    return false;
}

/* An input, or a Cast of one, on its way to a Softmax: what runtimes look for
 * in front of attention. */
static bool is_mask(const struct quern_value *x)
{
    const struct quern_node *made = quern_value_producer(x);
    return (made == NULL ||
            (quern_node_is(made, "Cast") &&
             quern_value_producer(quern_node_input(made, 0)) == NULL)) &&
           leads_to_softmax(x, TO_SOFTMAX);
}

/* The axes of both, as those of the last result. */
enum quern_code qn_merge_unsqueeze(struct quern_pass_ctx *ctx,
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
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

/* Bounds that are constants: starts, ends, axes, steps. */
struct bounds {
    int64_t of[4][2 * QUERN_MAX_RANK];
    size_t n;
};

/* Slice below opset 10 has them as attributes; without axes, the first ones. */
static bool read_attrs(const struct quern_node *node, int rank,
                       struct bounds *out)
{
    static const char *const names[] = {"starts", "ends"};
    const int64_t *list = NULL;
    size_t n = 0;
    for (size_t r = 0; r < 2; r++) {
        if (quern_node_attr_ints(node, names[r], &list, &n) != QUERN_OK ||
            n == 0 || n > (size_t)rank || (r == 1 && n != out->n)) {
            return false;
        }
        out->n = n;
        memcpy(out->of[r], list, n * sizeof *list);
    }
    for (size_t i = 0; i < n; i++) {
        out->of[2][i] = (int64_t)i;
        out->of[3][i] = 1;
    }
    return !quern_node_has_attr(node, "axes") ||
           read_axes(node, 3, rank, out->of[2]) == n;
}

static bool read_bounds(const struct quern_node *node, struct bounds *out)
{
    int rank = quern_value_rank(quern_node_input(node, 0));
    out->n = 0;
    if (rank < 1 || rank > QUERN_MAX_RANK) {
        return false;
    }
    if (quern_node_has_attr(node, "starts")) {
        return read_attrs(node, rank, out);
    }
    out->n = read_axes(node, 3, rank, out->of[2]);
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

/* Written as the node has them, attributes or inputs. */
static enum quern_code write_bounds(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    const struct bounds *b)
{
    static const char *const names[] = {"starts", "ends", "axes"};
    bool by_attr = quern_node_has_attr(node, "starts");
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < (by_attr ? 3 : 4) && code == QUERN_OK; i++) {
        code = by_attr ? quern_node_set_ints(node, names[i], b->of[i], b->n)
                       : set_ints_input(ctx, node, i + 1, b->of[i], b->n);
    }
    return code;
}

/* Bounds k of b, of what bounds i of a leave: as bounds i of a. Counted from
 * the front, forwards. */
static bool join_bounds(struct bounds *a, size_t i, const struct bounds *b,
                        size_t k)
{
    const int64_t most = INT32_MAX;
    int64_t from = b->of[0][k];
    int64_t to = b->of[1][k];
    int64_t step = a->of[3][i];
    if (step < 1 || step > most || b->of[3][k] < 1 || b->of[3][k] > most ||
        a->of[0][i] < 0 || a->of[0][i] > most || a->of[1][i] < 0 || from < 0 ||
        from > most || to < 0) {
        return false;
    }
    if (to < most && a->of[0][i] + to * step < a->of[1][i]) {
        a->of[1][i] = a->of[0][i] + to * step;
    }
    a->of[0][i] += from * step;
    a->of[3][i] = step * b->of[3][k];
    return true;
}

/* Those of b become those of a, or join them. */
static bool add_bounds(struct bounds *a, const struct bounds *b)
{
    size_t n = a->n;
    for (size_t k = 0; k < b->n; k++) {
        size_t i = 0;
        while (i < n && a->of[2][i] != b->of[2][k]) {
            i++;
        }
        if (i < n) {
            if (!join_bounds(a, i, b, k)) {
                return false;
            }
            continue;
        }
        for (size_t r = 0; r < 4; r++) {
            a->of[r][a->n] = b->of[r][k];
        }
        a->n++;
    }
    return true;
}

/* Slices of different axes may come in any order, or at once; of one axis, the
 * second counts from where the first begins. */
enum quern_code qn_merge_slice(struct quern_pass_ctx *ctx,
                               struct quern_node *node)
{
    struct quern_node *first = before_all(node, "Slice");
    struct bounds a;
    struct bounds b;
    if (first == NULL || !read_bounds(node, &b) || !read_bounds(first, &a) ||
        !add_bounds(&a, &b)) {
        return QUERN_OK;
    }
    enum quern_code code = write_bounds(ctx, node, &a);
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

enum quern_code qn_merge_part(struct quern_pass_ctx *ctx,
                              struct quern_node *node)
{
    struct bounds b;
    return read_bounds(node, &b) && b.n == 1 && b.of[3][0] == 1
               ? qn_merge_concat_slice(ctx, node, b.of[2][0], b.of[0][0],
                                       b.of[1][0])
               : QUERN_OK;
}

/* The axes of both, as those of what the first reads. */
enum quern_code qn_merge_squeezes(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    struct quern_node *first = before_all(node, "Squeeze");
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    int rank = x != NULL ? quern_value_rank(x) : -1;
    int64_t a[QUERN_MAX_RANK];
    int64_t b[QUERN_MAX_RANK];
    bool gone[QUERN_MAX_RANK] = {false};
    int64_t all[QUERN_MAX_RANK];
    size_t n = 0;
    if (rank < 2 || rank > QUERN_MAX_RANK) {
        return QUERN_OK;
    }
    size_t n_a = read_axes(first, 1, rank, a);
    size_t n_b = read_axes(node, 1, rank - (int)n_a, b);
    for (size_t i = 0; i < n_a; i++) {
        gone[a[i]] = true;
    }
    /* Axis k of the middle is the k-th that the first left. */
    for (int i = 0, k = 0; i < rank; i++) {
        bool drop = gone[i];
        for (size_t j = 0; j < n_b && !gone[i]; j++) {
            drop = drop || b[j] == k;
        }
        k += !gone[i];
        if (drop) {
            all[n++] = i;
        }
    }
    if (n_a == 0 || n_b == 0 || n != n_a + n_b) {
        return QUERN_OK;
    }
    enum quern_code code = quern_node_has_attr(node, "axes")
                               ? quern_node_set_ints(node, "axes", all, n)
                               : set_ints_input(ctx, node, 1, all, n);
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

/* A Squeeze becomes the Gather of one position of an axis of x. */
static enum quern_code to_gather(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, struct quern_value *x,
                                 int64_t axis, int64_t at)
{
    struct quern_value *index = NULL;
    const char *name = quern_value_name(quern_node_input(node, 0));
    enum quern_code code =
        qn_new_ints(ctx, quern_node_graph(node), name, &at, -1, &index);
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Gather");
    }
    if (code == QUERN_OK && quern_node_has_attr(node, "axes")) {
        code = quern_node_remove_attr(node, "axes");
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "axis", axis);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, index);
    }
    return code == QUERN_OK ? quern_node_set_input(node, 0, x) : code;
}

/* The Squeeze of that axis which alone reads a value of one position there. */
static struct quern_node *squeeze_of(const struct quern_value *part,
                                     int64_t axis)
{
    struct quern_node *node = part != NULL ? quern_value_only_user(part) : NULL;
    int rank = part != NULL ? quern_value_rank(part) : 0;
    int64_t axes[QUERN_MAX_RANK];
    bool good = node != NULL && quern_node_is(node, "Squeeze") &&
                quern_node_input(node, 0) == part && axis < rank &&
                quern_value_dims(part)[axis].value == 1 &&
                read_axes(node, 1, rank, axes) == 1 && axes[0] == axis;
    return good ? node : NULL;
}

/* Split into single positions that are all squeezed, as PyTorch's unbind is
 * exported: a Gather each, and no Split. */
static enum quern_code merge_split(struct quern_pass_ctx *ctx,
                                   struct quern_node *node,
                                   struct quern_node *split)
{
    struct quern_value *x = quern_node_input(split, 0);
    size_t n = quern_node_n_outputs(split);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    int64_t axis = quern_node_int(split, "axis", 0);
    axis += axis < 0 ? rank : 0;
    enum quern_code code = QUERN_OK;
    if (rank < 1 || axis < 0 || n < 2 || n > MOST_PARTS) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (squeeze_of(quern_node_output(split, i), axis) == NULL) {
            return QUERN_OK;
        }
    }
    quern_pass_account(ctx, node, "%zu Gathers of Split '%s'", n,
                       quern_node_name(split));
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = to_gather(ctx, squeeze_of(quern_node_output(split, i), axis), x,
                         axis, (int64_t)i);
    }
    return code == QUERN_OK ? quern_node_erase_dead(split) : code;
}

/* One position of an axis: Slice and Squeeze of it are a Gather by a scalar. */
enum quern_code qn_merge_squeeze(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    const struct quern_value *y = quern_node_input(node, 0);
    struct quern_node *slice = y != NULL ? quern_value_producer(y) : NULL;
    struct bounds b;
    int64_t axes[QUERN_MAX_RANK];
    if (slice != NULL && quern_node_is(slice, "Split")) {
        return merge_split(ctx, node, slice);
    }
    if (slice == NULL || !quern_node_is(slice, "Slice") ||
        quern_value_only_user(y) != node || !read_bounds(slice, &b) ||
        b.n != 1 || b.of[3][0] != 1 ||
        read_axes(node, 1, quern_value_rank(y), axes) != 1 ||
        axes[0] != b.of[2][0]) {
        return QUERN_OK;
    }
    int64_t at = b.of[0][0];
    bool last = at == -1 && b.of[1][0] >= INT32_MAX;
    if (!last && b.of[1][0] != at + 1) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "Gather of one position, with Slice '%s'",
                       quern_node_name(slice));
    enum quern_code code =
        to_gather(ctx, node, quern_node_input(slice, 0), axes[0], at);
    return code == QUERN_OK ? quern_node_erase_dead(slice) : code;
}
