/* fold-shapes: sizes that are known without running the model become constants.
 * What Shape, Gather, Concat and their kin compute to plain numbers is one; the
 * target of a Reshape or Expand is one even when some sizes vary, as long as
 * these can be written as 0 (copied), -1 (the rest) or 1 (kept): sizes that may
 * vary still do. Bit-exact. */
#include "builtin.h"
#include "common.h"

#include <string.h>

/* Shapes, not data. */
enum { MOST_NUMBERS = 256 };

static bool is_left(const struct quern_node *node)
{
    static const char *const ops[] = {"Constant",
                                      "QuantizeLinear",
                                      "DequantizeLinear",
                                      "RandomNormal",
                                      "RandomUniform",
                                      "RandomNormalLike",
                                      "Multinomial",
                                      "Bernoulli",
                                      "RandomUniformLike",
                                      "Dropout",
                                      "If",
                                      "Loop",
                                      "Scan",
                                      NULL};
    return qn_is_one_of(node, ops) || *quern_node_domain(node) != '\0';
}

/* Sizes of a value when all are numbers and fit its elements. */
static bool read_dims(const struct quern_value *value, size_t len,
                      int64_t *out_dims)
{
    int rank = quern_value_rank(value);
    const struct quern_dim *dims = quern_value_dims(value);
    size_t n = 1;
    if (rank < 0 || rank > 2) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (dims[i].value < 0 || dims[i].value > MOST_NUMBERS) {
            return false;
        }
        out_dims[i] = dims[i].value;
        n *= (size_t)dims[i].value;
    }
    return n == len;
}

/* A constant with the numbers of a value; NULL in *out: not all are known. */
static enum quern_code known_tensor(struct quern_pass_ctx *ctx,
                                    const struct quern_value *value,
                                    struct quern_tensor **out)
{
    size_t len = 0;
    int64_t dims[2];
    const struct quern_number *numbers = quern_value_numbers(value, &len);
    enum quern_dtype dtype = quern_value_dtype(value);
    bool good = numbers != NULL && len <= MOST_NUMBERS &&
                (dtype == QUERN_INT64 || dtype == QUERN_INT32 ||
                 dtype == QUERN_BOOL || dtype == QUERN_FLOAT) &&
                read_dims(value, len, dims);
    for (size_t i = 0; good && i < len; i++) {
        good = numbers[i].known && numbers[i].expr == NULL;
    }
    if (!good) {
        return QUERN_OK;
    }
    struct quern_tensor *wide = NULL;
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), QUERN_INT64,
                            quern_value_rank(value), dims, &wide);
    if (code != QUERN_OK) {
        return code;
    }
    int64_t *to = quern_tensor_data_mut(wide);
    for (size_t i = 0; i < len; i++) {
        to[i] = numbers[i].value;
    }
    code = quern_tensor_cast(quern_pass_context(ctx), wide, dtype, out);
    quern_tensor_release(&wide);
    return code;
}

static enum quern_code fold_outputs(struct quern_pass_ctx *ctx,
                                    struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    bool any = false;
    for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
         i++) {
        struct quern_value *y = quern_node_output(node, i);
        struct quern_tensor *t = NULL;
        if (y == NULL || quern_value_n_uses(y) == 0 ||
            quern_value_is_graph_output(y) || quern_value_constant(y) != NULL ||
            qn_must_stay_open(y)) {
            continue;
        }
        code = known_tensor(ctx, y, &t);
        if (code == QUERN_OK && t != NULL) {
            code = qn_take_output(node, i);
        }
        if (code == QUERN_OK && t != NULL) {
            code = quern_value_set_constant(y, t, true);
            any = true;
        }
        quern_tensor_release(&t);
    }
    if (any && code == QUERN_OK) {
        quern_pass_account(ctx, node, "sizes are known");
        code = quern_node_erase_dead(node);
    }
    return code;
}

/* ------------------------------------------------- targets that vary partly */

static enum quern_code set_target(struct quern_pass_ctx *ctx,
                                  struct quern_node *node,
                                  const int64_t *target, size_t n)
{
    struct quern_value *old = quern_node_input(node, 1);
    struct quern_node *made = quern_value_producer(old);
    struct quern_value *value = NULL;
    enum quern_code code =
        qn_new_ints(ctx, quern_node_graph(node), quern_value_name(old), target,
                    (int64_t)n, &value);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "its target is constant");
        code = quern_node_set_input(node, 1, value);
    }
    return code == QUERN_OK && made != NULL &&
                   quern_node_graph(made) == quern_node_graph(node)
               ? quern_node_erase_dead(made)
               : code;
}

static bool is_plain(struct quern_number number)
{
    return number.known && number.expr == NULL;
}

static bool is_dim(struct quern_number number, struct quern_dim dim)
{
    return number.known && number.expr != NULL && dim.expr == number.expr;
}

/* How each size of a Reshape's target can be written. */
struct target {
    int64_t sizes[QUERN_MAX_RANK]; /* 0: copied from x, -1: any other that may
                                      vary */
    size_t n_copies, n_rest;
    bool zero; /* a size that is 0, not a copy */
};

/* A -1 of the file is the size that inference found, a number or not. */
static struct quern_number resolve(struct quern_number number,
                                   const struct quern_value *y, size_t i)
{
    if (is_plain(number) && number.value == -1 &&
        quern_value_rank(y) > (int)i) {
        struct quern_dim dim = quern_value_dims(y)[i];
        number = (struct quern_number){dim.value >= 0 || dim.expr != NULL,
                                       dim.value, dim.expr};
    }
    return number;
}

static struct target read_target(const struct quern_node *node,
                                 const struct quern_number *numbers, size_t n)
{
    struct target t = {0};
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *y = quern_node_output(node, 0);
    bool copies = quern_node_int(node, "allowzero", 0) == 0;
    for (size_t i = 0; i < n; i++) {
        struct quern_number number = resolve(numbers[i], y, i);
        bool same = (int)i < quern_value_rank(x) &&
                    is_dim(number, quern_value_dims(x)[i]);
        t.sizes[i] = is_plain(number) ? number.value : same ? 0 : -1;
        t.n_rest += t.sizes[i] == -1 ? 1 : 0;
        t.n_copies += t.sizes[i] == 0 && !is_plain(number) ? 1 : 0;
        t.zero = t.zero || (t.sizes[i] == 0 && is_plain(number) && !copies);
    }
    /* One that varies is the rest, wherever it came from. */
    for (size_t i = 0; i < n && t.n_copies == 1 && t.n_rest == 0; i++) {
        if (t.sizes[i] == 0 && !is_plain(resolve(numbers[i], y, i))) {
            t.sizes[i] = -1;
            t.n_rest = 1;
            t.n_copies = 0;
        }
    }
    return t;
}

/* Of data without elements no rest can be told beside a size that is copied.
 * Targets put together from sizes are not meant for it, whatever their
 * allowzero, which PyTorch writes always; the sizes of a tensor as they are,
 * zeros included, may be. */
static bool is_for_empty(const struct quern_node *node, const struct target *t)
{
    return t->n_copies > 0 && quern_node_int(node, "allowzero", 0) != 0 &&
           qn_maker(quern_node_input(node, 1), "Shape") != NULL;
}

static enum quern_code fold_reshape(struct quern_pass_ctx *ctx,
                                    struct quern_node *node)
{
    size_t n = 0;
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_number *numbers =
        quern_value_numbers(quern_node_input(node, 1), &n);
    if (numbers == NULL || n > QUERN_MAX_RANK || x == NULL ||
        quern_node_output(node, 0) == NULL) {
        return QUERN_OK;
    }
    struct target t = read_target(node, numbers, n);
    if (t.n_rest > 1 || t.zero || (t.n_rest == 1 && is_for_empty(node, &t))) {
        return QUERN_OK;
    }
    enum quern_code code = QUERN_OK;
    if (t.n_copies > 0 && quern_node_has_attr(node, "allowzero")) {
        code = quern_node_remove_attr(node, "allowzero");
    }
    return code == QUERN_OK ? set_target(ctx, node, t.sizes, n) : code;
}

/* A size that x has already may be written as 1. */
static enum quern_code fold_expand(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
{
    size_t n = 0;
    int64_t target[QUERN_MAX_RANK];
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_number *numbers =
        quern_value_numbers(quern_node_input(node, 1), &n);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    if (numbers == NULL || n > QUERN_MAX_RANK || rank < 0) {
        return QUERN_OK;
    }
    const struct quern_dim *dims = quern_value_dims(x);
    for (size_t i = 0; i < n; i++) {
        int at = rank - (int)n + (int)i;
        if (is_plain(numbers[i])) {
            target[i] = numbers[i].value;
        } else if (at >= 0 && is_dim(numbers[i], dims[at])) {
            target[i] = 1;
        } else {
            return QUERN_OK;
        }
    }
    return set_target(ctx, node, target, n);
}

static enum quern_code fold(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    const struct quern_value *target = quern_node_input(node, 1);
    bool open = target != NULL && quern_value_constant(target) == NULL;
    enum quern_code code = QUERN_OK;
    (void)user;
    if (open && quern_node_is(node, "Reshape")) {
        code = fold_reshape(ctx, node);
    } else if (open && quern_node_is(node, "Expand")) {
        code = fold_expand(ctx, node);
    }
    return code == QUERN_OK && !is_left(node) ? fold_outputs(ctx, node) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const targets[] = {"Reshape", "Expand", NULL};
    struct quern_each each = {
        .ops = targets, .or_numbers = true, .backward = true};
    (void)params;
    /* From the end: a chain goes when its last node has gone. */
    return quern_pass_each(ctx, graph, &each, fold, NULL);
}

const struct quern_pass_desc qn_pass_fold_shapes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fold-shapes",
    .summary = "turn sizes that are known without running into constants; "
               "what may vary still does",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
