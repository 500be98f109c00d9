/* A plugin of passes, each with a fault that people make: right nearly
 * everywhere, wrong at one place of the model of trust.py. --verify-each must
 * undo them, `quern bisect` must find the rewrite. Two of them need samples, or
 * what `calibrate` made of them. */
#define QUERN_EXPERIMENTAL
#include <quern/data.h>
#include <quern/pass.h>
#include <quern/stats.h>
#include <quern/table.h>
#include <quern/tensor.h>

#include <math.h>
#include <string.h>

enum {
    MOST = 4096,
};

/* What `calibrate` leaves of a value: entries of "quern.seen" look like this.
 * Where their size is another one, opening the table tells both. */
struct seen {
    struct quern_stats *stats;
    int rank;
    int64_t dims[QUERN_MAX_RANK];
    int channel_axis;
};

/* ---------------------------------------------------------------- helpers */

static int64_t floats_of(const struct quern_value *value, float *out)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    int64_t n = t != NULL ? quern_tensor_len(t) : 0;
    return n > 0 && n <= MOST && quern_tensor_read_floats(t, 0, n, out) ? n : 0;
}

static int64_t int_of(const struct quern_value *value, int64_t otherwise)
{
    int64_t i = otherwise;
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    return t != NULL && quern_tensor_len(t) == 1 &&
                   quern_tensor_read_ints(t, 0, 1, &i)
               ? i
               : otherwise;
}

/* Input i of a node becomes a constant of the same shape with these numbers. */
static enum quern_code put_floats(struct quern_node *node, size_t i,
                                  const struct quern_value *like,
                                  const float *values)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_context *context =
        quern_model_context(quern_graph_model(graph));
    const struct quern_tensor *old = quern_value_constant(like);
    struct quern_tensor *flat = NULL;
    struct quern_tensor *shaped = NULL;
    struct quern_value *value = NULL;
    enum quern_code code =
        quern_tensor_of_floats(context, quern_tensor_len(old), values, &flat);
    if (code == QUERN_OK) {
        code = quern_tensor_reshape(flat, quern_tensor_rank(old),
                                    quern_tensor_dims(old), &shaped);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(graph, "folded", shaped, &value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, value);
    }
    quern_tensor_release(&flat);
    quern_tensor_release(&shaped);
    return code;
}

static enum quern_code put_int(struct quern_node *node, size_t i,
                               int64_t length, int64_t number)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    enum quern_code code = quern_tensor_of_ints(
        quern_model_context(quern_graph_model(graph)), length, &number, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(graph, "number", t, &value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, value);
    }
    quern_tensor_release(&t);
    return code;
}

/* The root reads these instead, under another operator. */
static enum quern_code turn_into(const struct quern_match *match,
                                 const char *op, const char *const *names)
{
    struct quern_node *root = quern_match_node(match, 0);
    enum quern_code code = op != NULL ? quern_node_set_op(root, op) : QUERN_OK;
    for (size_t i = 0; names[i] != NULL && code == QUERN_OK; i++) {
        code =
            quern_node_set_input(root, i, quern_match_value(match, names[i]));
    }
    for (size_t i = 1; i < quern_match_n_nodes(match) && code == QUERN_OK;
         i++) {
        struct quern_node *inner = quern_match_node(match, i);
        if (!quern_node_erased(inner)) {
            code = quern_node_erase_dead(inner);
        }
    }
    return code;
}

/* ------------------------------------------------------------ the faults */

/* Forgets the bias that the Conv had. */
static enum quern_code fold_norm(struct quern_pass_ctx *ctx,
                                 const struct quern_match *match,
                                 const void *params)
{
    float w[MOST], s[MOST], c[MOST], m[MOST], v[MOST];
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *weights = quern_match_value(match, "w");
    struct quern_value *shift = quern_match_value(match, "c");
    int64_t n_w = floats_of(weights, w);
    int64_t n = floats_of(quern_match_value(match, "s"), s);
    float epsilon = quern_node_float(root, "epsilon", 1e-5f);
    (void)ctx;
    (void)params;
    if (n == 0 || n_w % n != 0 || floats_of(shift, c) != n ||
        floats_of(quern_match_value(match, "m"), m) != n ||
        floats_of(quern_match_value(match, "v"), v) != n) {
        return QUERN_NOT_FOUND;
    }
    for (int64_t i = 0; i < n; i++) {
        float k = s[i] / sqrtf(v[i] + epsilon);
        for (int64_t j = 0; j < n_w / n; j++) {
            w[i * (n_w / n) + j] *= k;
        }
        c[i] -= m[i] * k;
    }
    struct quern_node *conv = quern_match_node(match, 1);
    enum quern_code code = put_floats(conv, 1, weights, w);
    if (code == QUERN_OK) {
        code = put_floats(conv, 2, shift, c);
    }
    if (code == QUERN_OK) {
        code = quern_replace_value(quern_node_output(root, 0),
                                   quern_node_output(conv, 0), false);
    }
    return code == QUERN_OK ? quern_node_erase_dead(root) : code;
}

/* Two of the same permutation are taken for none. */
static enum quern_code drop_pair(struct quern_pass_ctx *ctx,
                                 const struct quern_match *match,
                                 const void *params)
{
    struct quern_node *outer = quern_match_node(match, 0);
    struct quern_node *inner = quern_match_node(match, 1);
    (void)ctx;
    (void)params;
    if (!quern_node_attrs_equal(outer, inner)) {
        return QUERN_NOT_FOUND;
    }
    return quern_replace_value(quern_node_output(outer, 0),
                               quern_match_value(match, "x"), true);
}

/* The end of the outer one may lie behind that of the inner one. */
static enum quern_code join_slices(struct quern_pass_ctx *ctx,
                                   const struct quern_match *match,
                                   const void *params)
{
    static const char *const inputs[] = {"x", NULL};
    struct quern_node *root = quern_match_node(match, 0);
    int64_t first = int_of(quern_match_value(match, "a"), -1);
    int64_t second = int_of(quern_match_value(match, "c"), -1);
    int64_t end = int_of(quern_match_value(match, "d"), -1);
    (void)ctx;
    (void)params;
    if (first < 0 || second < 0 || end < 0) {
        return QUERN_NOT_FOUND;
    }
    enum quern_code code = put_int(root, 1, 1, first + second);
    if (code == QUERN_OK) {
        code = put_int(root, 2, 1, end < 1000 ? first + end : end);
    }
    return code == QUERN_OK ? turn_into(match, NULL, inputs) : code;
}

/* Whole numbers divided as floats. */
static enum quern_code fold_div(struct quern_pass_ctx *ctx,
                                const struct quern_match *match,
                                const void *params)
{
    struct quern_node *root = quern_match_node(match, 0);
    int64_t a = int_of(quern_match_value(match, "a"), -1);
    int64_t b = int_of(quern_match_value(match, "b"), -1);
    (void)ctx;
    (void)params;
    if (a < 0 || b <= 0) {
        return QUERN_NOT_FOUND;
    }
    enum quern_code code =
        put_int(root, 0, 1, (int64_t)lrint((double)a / (double)b));
    return code == QUERN_OK ? put_int(root, 1, 1, 1) : code;
}

/* x - c is x + (-c); so is c - x, it thinks. */
static enum quern_code sub_to_add(struct quern_pass_ctx *ctx,
                                  const struct quern_match *match,
                                  const void *params)
{
    float c[MOST];
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *a = quern_match_value(match, "a");
    struct quern_value *b = quern_match_value(match, "b");
    struct quern_value *constant = quern_value_constant(b) != NULL ? b : a;
    int64_t n = floats_of(constant, c);
    (void)ctx;
    (void)params;
    if (n == 0) {
        return QUERN_NOT_FOUND;
    }
    for (int64_t i = 0; i < n; i++) {
        c[i] = -c[i];
    }
    enum quern_code code = put_floats(root, 1, constant, c);
    if (code == QUERN_OK) {
        code = quern_node_set_input(root, 0, constant == b ? a : b);
    }
    return code == QUERN_OK ? quern_node_set_op(root, "Add") : code;
}

/* Relu in front of a Clip that may begin below 0. */
static enum quern_code drop_relu(struct quern_pass_ctx *ctx,
                                 const struct quern_match *match,
                                 const void *params)
{
    static const char *const inputs[] = {"x", NULL};
    (void)ctx;
    (void)params;
    return turn_into(match, NULL, inputs);
}

/* Whichever factor is transposed, it is the second. */
static enum quern_code to_gemm(struct quern_pass_ctx *ctx,
                               const struct quern_match *match,
                               const void *params)
{
    static const char *const inputs[] = {"a", "b", "c", NULL};
    (void)ctx;
    (void)params;
    enum quern_code code = turn_into(match, "Gemm", inputs);
    return code == QUERN_OK
               ? quern_node_set_int(quern_match_node(match, 0), "transB", 1)
               : code;
}

/* Along the last axis, whatever was summed. */
static enum quern_code to_softmax(struct quern_pass_ctx *ctx,
                                  const struct quern_match *match,
                                  const void *params)
{
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *x = quern_match_value(match, "x");
    (void)ctx;
    (void)params;
    enum quern_code code = quern_node_set_input(root, 1, NULL);
    if (code == QUERN_OK) {
        code = quern_node_set_input(root, 0, x);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_op(root, "Softmax");
    }
    return code == QUERN_OK ? quern_graph_erase_dead(quern_node_graph(root))
                            : code;
}

/* An index from the end is off by one. */
static enum quern_code plain_index(struct quern_pass_ctx *ctx,
                                   const struct quern_match *match,
                                   const void *params)
{
    struct quern_node *root = quern_match_node(match, 0);
    const struct quern_value *x = quern_match_value(match, "x");
    int64_t i = int_of(quern_match_value(match, "i"), INT64_MIN);
    int64_t axis = quern_node_int(root, "axis", 0);
    (void)ctx;
    (void)params;
    if (i == INT64_MIN || axis < 0 || axis >= quern_value_rank(x) ||
        quern_value_dims(x)[axis].value < 0) {
        return QUERN_NOT_FOUND;
    }
    return put_int(root, 1, -1,
                   i < 0 ? i + quern_value_dims(x)[axis].value - 1 : i);
}

/* A Concat in a Concat: its parts come first, wherever it stood. */
static enum quern_code flatten(struct quern_pass_ctx *ctx,
                               const struct quern_match *match,
                               const void *params)
{
    static const char *const inputs[] = {"a", "b", "c", NULL};
    (void)ctx;
    (void)params;
    return turn_into(match, NULL, inputs);
}

/* ----------------------------------------------------------- descriptors */

#define FAULT(id, text, what, fn, promise)                                     \
    static const struct quern_rewrite id##_rewrite = {text, what, fn};         \
    static const struct quern_rewrite *const id##_rewrites[] = {&id##_rewrite, \
                                                                NULL};         \
    static const struct quern_pass_desc id = {                                 \
        .struct_size = sizeof(struct quern_pass_desc),                         \
        .abi = QUERN_ABI,                                                      \
        .name = "fault-" text,                                                 \
        .summary = "wrong at one place",                                       \
        .flags = QUERN_PASS_NEEDS_SHAPES,                                      \
        .contract = promise,                                                   \
        .rewrites = id##_rewrites,                                             \
    }

FAULT(norm, "norm", "y = BatchNormalization(Conv(x, w, b?), s, c, m, v)",
      fold_norm, QUERN_REAL_EXACT);
FAULT(pairs, "pairs", "y = Transpose(Transpose(x))", drop_pair,
      QUERN_BIT_EXACT);
FAULT(slices, "slices", "y = Slice(Slice(x, a, b, k), c, d, k)", join_slices,
      QUERN_BIT_EXACT);
FAULT(divs, "divs", "y = Div(a, b)", fold_div, QUERN_BIT_EXACT);
FAULT(subs, "subs", "y = Sub(a, b)", sub_to_add, QUERN_BIT_EXACT);
FAULT(relus, "relus", "y = Clip(Relu(x), lo, hi)", drop_relu, QUERN_BIT_EXACT);
FAULT(softmaxes, "softmaxes",
      "_shared = Exp(x); y = Div(_shared, ReduceSum(_shared, axes))",
      to_softmax, QUERN_REAL_EXACT);
FAULT(indices, "indices", "y = Gather(x, i)", plain_index, QUERN_BIT_EXACT);

static const struct quern_rewrite gemm_b = {
    "gemm-b", "y = Add(MatMul(a, Transpose(b)), c)", to_gemm};
static const struct quern_rewrite gemm_a = {
    "gemm-a", "y = Add(MatMul(Transpose(a), b), c)", to_gemm};
static const struct quern_rewrite *const gemm_rewrites[] = {&gemm_b, &gemm_a,
                                                            NULL};
static const struct quern_pass_desc gemms = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fault-gemms",
    .summary = "wrong at one place",
    .contract = QUERN_REAL_EXACT,
    .rewrites = gemm_rewrites,
};

static const struct quern_rewrite concat_first = {
    "concat-first", "y = Concat(Concat(a, b), c)", flatten};
static const struct quern_rewrite concat_last = {
    "concat-last", "y = Concat(c, Concat(a, b))", flatten};
static const struct quern_rewrite *const concat_rewrites[] = {
    &concat_first, &concat_last, NULL};
static const struct quern_pass_desc concats = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fault-concats",
    .summary = "wrong at one place",
    .contract = QUERN_BIT_EXACT,
    .rewrites = concat_rewrites,
};

/* The samples must be those of the model that is at hand. */
static enum quern_code look_at_data(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph,
                                    const void *params)
{
    struct quern_data *data = NULL;
    (void)params;
    enum quern_code code = quern_data_open_graph(
        quern_pass_context(ctx), quern_pass_data(ctx), graph, &data);
    if (code == QUERN_OK) {
        code = quern_data_check_finite(data, quern_pass_context(ctx));
    }
    quern_data_close(&data);
    return code;
}

/* `calibrate` must have run over the model that is at hand, and its statistics
 * must be there yet. */
static enum quern_code look_at_ranges(struct quern_pass_ctx *ctx,
                                      struct quern_graph *graph,
                                      const void *params)
{
    struct quern_model *model = quern_pass_model(ctx);
    struct quern_table *table = NULL;
    size_t n = 0;
    size_t n_good = 0;
    enum quern_code code = look_at_data(ctx, graph, params);
    if (code == QUERN_OK) {
        code = quern_table_open(model, "quern.seen", QUERN_TABLE_VALUE,
                                sizeof(struct seen), &table);
    }
    for (uint32_t i = 0; code == QUERN_OK && i < quern_model_n_value_ids(model);
         i++) {
        const struct seen *seen = quern_table_get(table, i);
        if (seen != NULL && seen->stats != NULL) {
            n++;
            size_t n_channels = quern_stats_n_channels(seen->stats);
            n_good += n_channels > 0 && n_channels <= 16;
            quern_stats_clear(seen->stats); /* as insert-qdq does */
        }
    }
    return code == QUERN_OK && (n == 0 || n_good < n)
               ? quern_fail(quern_pass_context(ctx), QUERN_INTERNAL, NULL,
                            "%zu statistics, of which %zu are right", n, n_good)
               : code;
}

static const struct quern_pass_desc measured = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fault-measured",
    .summary = "wrong at one place, and needs data",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_NEEDS_DATA,
    .run = look_at_data,
    .rewrites = subs_rewrites,
};
static const struct quern_pass_desc ranged = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fault-ranged",
    .summary = "wrong at one place, and needs ranges",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_NEEDS_DATA |
             QUERN_PASS_NEEDS_RANGES,
    .run = look_at_ranges,
    .rewrites = subs_rewrites,
};

static const struct quern_pass_desc *const passes[] = {
    &norm,    &pairs, &slices,  &divs,     &subs,   &relus, &softmaxes,
    &indices, &gemms, &concats, &measured, &ranged, NULL};

static const struct quern_plugin plugin = {
    .struct_size = sizeof(struct quern_plugin),
    .abi = QUERN_ABI,
    .name = "org.quern.faults",
    .version = "1",
    .licence = "Apache-2.0",
    .passes = passes,
};

QUERN_PLUGIN_EXPORT const struct quern_plugin *
quern_plugin_entry(const struct quern_host *host);

const struct quern_plugin *quern_plugin_entry(const struct quern_host *host)
{
    (void)host;
    return &plugin;
}
