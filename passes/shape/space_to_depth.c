/* fuse-space-to-depth: a Concat along the channels of every b-th row and column
 * of one tensor, for each place within a block of b x b, is a SpaceToDepth, and
 * a Gather where the parts stand in another order. YOLO's Focus is spelled
 * so. What the Concat takes has equal sizes, so that b divides those of the
 * tensor. Bit-exact. */
#include "builtin.h"
#include "common.h"

enum {
    RANK = 4,
    MOST_BLOCK = 8,
    MOST_PARTS = MOST_BLOCK * MOST_BLOCK,
    MOST_CHANNELS = 1 << 16,
};

/** Of a Slice of each block's place. */
struct place {
    int64_t row, column, block;
};

struct blocks {
    struct quern_value *x;
    int64_t block;
    int64_t order[MOST_PARTS]; /* of part i, its place */
};

/* True for an end behind all that a tensor has along an axis. */
static bool is_end(int64_t end, struct quern_dim size)
{
    return end >= INT32_MAX || (size.value > 0 && end >= size.value);
}

/* Rows and columns from some of the first ones to the end, in equal steps. */
static bool read_place(const struct quern_node *slice, struct place *out)
{
    int64_t from[2], to[2], axes[2], steps[2];
    const struct quern_value *x = quern_node_input(slice, 0);
    if (quern_node_n_inputs(slice) != 5 || x == NULL ||
        quern_value_rank(x) != RANK ||
        qn_int_values(quern_node_input(slice, 1), 2, from) != 2 ||
        qn_int_values(quern_node_input(slice, 2), 2, to) != 2 ||
        qn_int_values(quern_node_input(slice, 3), 2, axes) != 2 ||
        qn_int_values(quern_node_input(slice, 4), 2, steps) != 2) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        axes[i] += axes[i] < 0 ? RANK : 0;
        if (axes[i] < 2 || axes[i] >= RANK || from[i] < 0 ||
            from[i] >= steps[i] ||
            !is_end(to[i], quern_value_dims(x)[axes[i]])) {
            return false;
        }
    }
    size_t row = axes[0] == 2 ? 0 : 1;
    *out = (struct place){from[row], from[1 - row], steps[0]};
    return axes[0] != axes[1] && steps[0] == steps[1] && steps[0] >= 2 &&
           steps[0] <= MOST_BLOCK;
}

/* All places of a block, each once. */
static bool read_blocks(const struct quern_node *concat, struct blocks *out)
{
    bool seen[MOST_PARTS] = {false};
    size_t n = quern_node_n_inputs(concat);
    int64_t axis = quern_node_int(concat, "axis", 0);
    *out = (struct blocks){NULL, 0, {0}};
    if (n < 4 || n > MOST_PARTS || (axis != 1 && axis != 1 - RANK)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct place place;
        const struct quern_node *slice =
            qn_single_producer(quern_node_input(concat, i), "Slice");
        if (slice == NULL || !read_place(slice, &place) ||
            (i > 0 && (quern_node_input(slice, 0) != out->x ||
                       place.block != out->block))) {
            return false;
        }
        out->x = quern_node_input(slice, 0);
        out->block = place.block;
        out->order[i] = place.row * place.block + place.column;
        if (seen[out->order[i]]) {
            return false;
        }
        seen[out->order[i]] = true;
    }
    return (int64_t)n == out->block * out->block;
}

/* Runtimes have it for floats. */
static bool is_float(const struct quern_value *x)
{
    return quern_value_dtype(x) == QUERN_FLOAT ||
           quern_value_dtype(x) == QUERN_DOUBLE;
}

/* Which channel of a SpaceToDepth each channel of the Concat is; 0 where all
 * are in their places, or (*out NULL) no memory is left. */
static int64_t list_channels(struct quern_pass_ctx *ctx, const struct blocks *b,
                             int64_t channels, int64_t **out)
{
    int64_t n_parts = b->block * b->block;
    int64_t n = n_parts * channels;
    bool moves = false;
    *out = quern_pass_alloc(ctx, (size_t)n * sizeof **out);
    for (int64_t i = 0; i < n && *out != NULL; i++) {
        (*out)[i] = b->order[i / channels] * channels + i % channels;
        moves = moves || (*out)[i] != i;
    }
    return *out != NULL && moves ? n : 0;
}

/* The Concat reads b x b parts of the SpaceToDepth in their order. */
static enum quern_code put_gather(struct quern_pass_ctx *ctx,
                                  struct quern_node *blocks,
                                  const int64_t *channels, int64_t n)
{
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_node *gather = NULL;
    enum quern_code code = qn_new_ints(
        ctx, quern_node_graph(blocks),
        quern_value_name(quern_node_output(blocks, 0)), channels, n, &in[1]);
    if (code == QUERN_OK) {
        code = qn_insert_behind(blocks, "Gather", "_blocks", in, 2, &gather);
    }
    return code == QUERN_OK ? quern_node_set_int(gather, "axis", 1) : code;
}

static enum quern_code fuse(struct quern_pass_ctx *ctx,
                            struct quern_node *concat, struct blocks *b,
                            int64_t n_channels)
{
    int64_t *channels = NULL;
    struct quern_value *y = quern_node_output(concat, 0);
    struct quern_node *node = NULL;
    int64_t n = list_channels(ctx, b, n_channels, &channels);
    if (channels == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_pass_account(ctx, concat, "%lld Slices and a Concat are SpaceToDepth",
                       (long long)(b->block * b->block));
    enum quern_code code = quern_node_set_output(concat, 0, NULL);
    if (code == QUERN_OK) {
        code =
            quern_node_create(quern_node_graph(concat), concat, "SpaceToDepth",
                              quern_node_name(concat), &b->x, 1, &y, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "blocksize", b->block);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(concat);
    }
    return code == QUERN_OK && n > 0 ? put_gather(ctx, node, channels, n)
                                     : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *concat, void *user)
{
    struct blocks b;
    (void)user;
    if (!read_blocks(concat, &b) || !is_float(b.x)) {
        return QUERN_OK;
    }
    int64_t channels = quern_value_dims(b.x)[1].value;
    return channels > 0 && channels <= MOST_CHANNELS
               ? fuse(ctx, concat, &b, channels)
               : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Concat", NULL};
    static const char *const makers[] = {"Slice", NULL};
    struct quern_each each = {.ops = ops, .behind = makers};
    (void)params;
    return qn_target_lacks(ctx, "SpaceToDepth")
               ? QUERN_OK
               : quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_fuse_space_to_depth = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-space-to-depth",
    .summary = "SpaceToDepth from the Slices of each place in a block and "
               "their Concat",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
