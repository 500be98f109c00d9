/* The mask of an Attention. ONNX Runtime (1.32) takes the lowest float in a
 * mask for -inf, so that rows of nothing else become 0, and not the mean of v:
 * it is raised. */
#include "common.h"
#include "fuse/attention.h"
#include "fuse/rewrite.h"

#include <float.h>
#include <math.h>

/* Numbers that are taken for -inf nowhere, and swallow what they are added to
 * as the lowest does. */
static const float low_float = -1e38f;
static const uint16_t low_half = 0xfb53; /* -6e4 */

/* Finite numbers up to this one hide scores in float, whatever these are. */
static const float hides = -1e30f;

/* Size of axis i of 4 of a value that is broadcast to them; 1 where it has no
 * such axis. */
static struct quern_dim size_at(const struct quern_value *v, int i)
{
    static const struct quern_dim one = {.value = 1};
    int at = v != NULL ? quern_value_rank(v) - (4 - i) : -1;
    return at >= 0 ? quern_value_dims(v)[at] : one;
}

static bool fits(const struct quern_value *part, int i, struct quern_dim size)
{
    struct quern_dim d = size_at(part, i);
    return d.value == 1 || quern_dim_equal(d, size);
}

static struct quern_dim score_size(const struct quern_value *q,
                                   const struct quern_value *turned, int i)
{
    return quern_value_dims(i == 3 ? turned : q)[i];
}

static const char *part_misfit(const struct quern_value *part,
                               const struct quern_value *q,
                               const struct quern_value *turned)
{
    int rank = part != NULL ? quern_value_rank(part) : 0;
    if (rank < 0 || rank > 4) {
        return "the mask is not known to have at most 4 axes";
    }
    for (int i = 0; i < 4; i++) {
        if (!fits(part, i, score_size(q, turned, i))) {
            return i < 2 ? "batch or heads of the mask are not known to fit"
                         : "the mask is not known to be as large as the scores";
        }
    }
    return NULL;
}

const char *qn_mask_misfit(const struct qn_mask *mask,
                           const struct quern_value *q,
                           const struct quern_value *turned)
{
    float low = 0.0f;
    enum quern_dtype type = quern_value_dtype(q);
    if (mask->added != NULL && quern_value_dtype(mask->added) != type) {
        return "q and mask are not both float or both float16";
    }
    if (mask->masked != NULL &&
        (!qn_scalar(mask->low, &low) || !(low < 0.0f) ||
         (isfinite(low) && (low > hides || type != QUERN_FLOAT)) ||
         part_misfit(mask->low, q, turned) != NULL)) {
        return "what stands in the place of masked scores is no constant, or "
               "does not hide them";
    }
    const char *reason = part_misfit(mask->added, q, turned);
    return reason != NULL ? reason : part_misfit(mask->masked, q, turned);
}

/* A mask may hold the lowest number of its type. */
static bool may_be_lowest(struct quern_pass_ctx *ctx,
                          const struct quern_value *mask, int depth)
{
    const struct quern_node *p = quern_value_producer(mask);
    if (quern_value_constant(mask) != NULL) {
        int64_t n = 0;
        const float *numbers = qn_floats(ctx, mask, &n);
        float lowest =
            quern_value_dtype(mask) == QUERN_FLOAT16 ? -65504.0f : -FLT_MAX;
        bool found = numbers == NULL;
        for (int64_t i = 0; i < n && !found; i++) {
            found = isfinite(numbers[i]) && numbers[i] <= lowest;
        }
        return found;
    }
    if (p == NULL || depth == 0) {
        return true;
    }
    if (quern_node_is(p, "Where")) {
        return may_be_lowest(ctx, quern_node_input(p, 1), depth - 1) ||
               may_be_lowest(ctx, quern_node_input(p, 2), depth - 1);
    }
    return (!quern_node_is(p, "Unsqueeze") && !quern_node_is(p, "Expand")) ||
           may_be_lowest(ctx, quern_node_input(p, 0), depth - 1);
}

/* A scalar of the type of q: a number that is not too low, or 0. */
static enum quern_code new_number(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph,
                                  enum quern_dtype type, float value,
                                  struct quern_value **out)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), type, 0, NULL, &t);
    if (code != QUERN_OK) {
        return code;
    }
    if (type == QUERN_FLOAT) {
        *(float *)quern_tensor_data_mut(t) = value;
    } else {
        *(uint16_t *)quern_tensor_data_mut(t) = isinf(value)   ? 0xfc00
                                                : value < 0.0f ? low_half
                                                               : 0;
    }
    code = quern_constant_create(graph, "attention_low", t, out);
    quern_tensor_release(&t);
    return code;
}

/* The size of one axis of a value, as a vector of one. */
static enum quern_code add_size(struct quern_node *before,
                                struct quern_value *of, int axis,
                                struct quern_value **out)
{
    struct quern_node *node = NULL;
    enum quern_code code = qn_add_node(before, "Shape", &of, 1, &node, out);
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "start", axis);
    }
    return code == QUERN_OK ? quern_node_set_int(node, "end", axis + 1) : code;
}

/* Axis i is to be stretched to the size of the scores. */
static bool is_short(const struct qn_mask *mask, const struct quern_value *q,
                     const struct quern_value *turned, int i)
{
    struct quern_dim size = score_size(q, turned, i);
    return !quern_dim_equal(size_at(mask->added, i), size) &&
           !quern_dim_equal(size_at(mask->masked, i), size);
}

static int rank_of(const struct quern_value *v)
{
    return v != NULL ? quern_value_rank(v) : 0;
}

/* The mask as large as the scores along the last two axes. */
static enum quern_code
stretch(struct quern_pass_ctx *ctx, struct quern_node *before,
        const struct qn_mask *mask, struct quern_value *q,
        const struct quern_value *turned, struct quern_value *k,
        struct quern_value **value)
{
    static const int64_t ones[4] = {1, 1, 1, 1};
    struct quern_value *in[2] = {*value, NULL};
    struct quern_value *sizes[4] = {NULL, NULL, NULL, NULL};
    struct quern_node *node = NULL;
    int rank = rank_of(mask->added) > rank_of(mask->masked)
                   ? rank_of(mask->added)
                   : rank_of(mask->masked);
    bool rows = is_short(mask, q, turned, 2);
    bool columns = is_short(mask, q, turned, 3);
    if ((rank == 2 || rank == 4) && !rows && !columns) {
        return QUERN_OK;
    }
    bool known = !rows && !columns;
    enum quern_code code =
        qn_new_ints(ctx, quern_node_graph(before), "attention_ones", ones,
                    known ? 4 : 1, known ? &in[1] : &sizes[0]);
    sizes[1] = sizes[2] = sizes[3] = sizes[0];
    if (code == QUERN_OK && rows) {
        code = add_size(before, q, 2, &sizes[2]);
    }
    if (code == QUERN_OK && columns) {
        code = add_size(before, k, 2, &sizes[3]);
    }
    if (code == QUERN_OK && !known) {
        code = qn_add_node(before, "Concat", sizes, 4, &node, &in[1]);
    }
    if (code == QUERN_OK && !known) {
        code = quern_node_set_int(node, "axis", 0);
    }
    return code == QUERN_OK ? qn_add_node(before, "Expand", in, 2, &node, value)
                            : code;
}

/* Where(masked, low, added or 0), in the place of *value. */
static enum quern_code put_in(struct quern_pass_ctx *ctx,
                              struct quern_node *before,
                              const struct qn_mask *mask, enum quern_dtype type,
                              struct quern_value **value)
{
    struct quern_graph *graph = quern_node_graph(before);
    struct quern_value *in[3] = {mask->masked, NULL, *value};
    struct quern_node *node = NULL;
    float low = 0.0f;
    enum quern_code code =
        qn_scalar(mask->low, &low) ? QUERN_OK : QUERN_INTERNAL;
    if (code == QUERN_OK) {
        code = new_number(ctx, graph, type,
                          isinf(low) ? low : fmaxf(low, low_float), &in[1]);
    }
    if (code == QUERN_OK && in[2] == NULL) {
        code = new_number(ctx, graph, type, 0.0f, &in[2]);
    }
    return code == QUERN_OK ? qn_add_node(before, "Where", in, 3, &node, value)
                            : code;
}

enum quern_code qn_mask_write(struct quern_pass_ctx *ctx,
                              struct quern_node *before,
                              const struct qn_mask *mask, struct quern_value *q,
                              const struct quern_value *turned,
                              struct quern_value *k,
                              struct quern_value **out_mask)
{
    enum quern_code code = QUERN_OK;
    enum quern_dtype type = quern_value_dtype(q);
    *out_mask = mask->added;
    if (mask->added != NULL && may_be_lowest(ctx, mask->added, 4)) {
        struct quern_value *in[2] = {mask->added, NULL};
        struct quern_node *node = NULL;
        code =
            new_number(ctx, quern_node_graph(before), type, low_float, &in[1]);
        if (code == QUERN_OK) {
            code = qn_add_node(before, "Clip", in, 2, &node, out_mask);
        }
    }
    if (code == QUERN_OK && mask->masked != NULL) {
        code = put_in(ctx, before, mask, type, out_mask);
    }
    return code == QUERN_OK && *out_mask != NULL
               ? stretch(ctx, before, mask, q, turned, k, out_mask)
               : code;
}
