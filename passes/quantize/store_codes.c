/* store-codes: a QuantizeLinear of a constant becomes the constant of codes
 * that it computes, as exporters of quantization-aware training leave it to
 * the runtime. Bit-exact: x / scale in float32, rounded half to even, moved by
 * the zero point, saturated. The codes take a quarter of the bytes.
 *
 * No Q or DQ is folded into floats: the DequantizeLinear that reads the codes
 * stays, and only a Q whose readers want codes (DQ, QLinearConv, …) goes. It
 * stays where its numbers are not float32 or not finite, its scale is no
 * normal positive number, or the constant is needed as floats as well. */
#include <quern/quant.h>

#include "builtin.h"
#include "common.h"

#include <math.h>
#include <string.h>

/* A constant [outer, axis, inner], and what one scale is for: everything, an
 * index of the axis, or a block of indices. */
struct codes {
    const struct quern_tensor *x;
    const struct quern_tensor *scale;
    const struct quern_tensor *zero; /* NULL: 0 */
    enum quern_dtype dtype;
    int64_t outer, len, inner;
    int64_t n_scales; /* along the axis; 0: one for everything */
    int64_t block; /* indices that share one; 0: the scale has no other axis */
};

/* Why a Q stays; NULL: no reason. */
static const char *readers_want_floats(const struct quern_value *codes)
{
    static const char *const ops[] = {"DequantizeLinear", "QLinearConv",
                                      "QLinearMatMul",    "ConvInteger",
                                      "MatMulInteger",    NULL};
    for (const struct quern_use *u = quern_value_first_use(codes); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        if (node == NULL || !qn_is_one_of(node, ops)) {
            return "its codes are read by other than operators on integers";
        }
    }
    return NULL;
}

static bool is_read_as_floats(const struct quern_value *x)
{
    for (const struct quern_use *u = quern_value_first_use(x); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        if (node == NULL || !quern_node_is(node, "QuantizeLinear")) {
            return true;
        }
    }
    return false;
}

static bool read_dtype(const struct quern_node *q, struct codes *c)
{
    int32_t lowest = 0;
    int32_t highest = 0;
    int64_t wanted = quern_node_int(q, "output_dtype", 0);
    c->dtype = c->zero != NULL ? quern_tensor_dtype(c->zero)
               : wanted != 0   ? (enum quern_dtype)wanted
                               : QUERN_UINT8;
    int64_t precision = quern_node_int(q, "precision", 0);
    return quern_quant_codes(c->dtype, 0, &lowest, &highest) &&
           quern_tensor_dtype(c->x) == QUERN_FLOAT &&
           quern_tensor_dtype(c->scale) == QUERN_FLOAT &&
           (precision == 0 || precision == QUERN_FLOAT);
}

/* Where the axis lies and how many scales stand along it. */
static bool read_layout(const struct quern_node *q, struct codes *c)
{
    int rank = quern_tensor_rank(c->x);
    const int64_t *dims = quern_tensor_dims(c->x);
    int n_axes = quern_tensor_rank(c->scale);
    int64_t axis = quern_node_int(q, "axis", 1);
    int64_t block = quern_node_int(q, "block_size", 0);
    c->outer = c->inner = 1;
    if (quern_tensor_len(c->scale) == 1 && block == 0) {
        c->len = quern_tensor_len(c->x);
        return true;
    }
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank || n_axes != (block > 0 ? rank : 1)) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        c->outer *= i < axis ? dims[i] : 1;
        c->inner *= i > axis ? dims[i] : 1;
        if (block > 0 && i != axis &&
            quern_tensor_dims(c->scale)[i] != dims[i]) {
            return false;
        }
    }
    c->len = dims[axis];
    c->block = block;
    int64_t share = block > 0 ? block : 1;
    c->n_scales = quern_tensor_dims(c->scale)[block > 0 ? axis : 0];
    return c->n_scales == (c->len + share - 1) / share;
}

static bool is_finite(const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

/* All scales with their zero points; NULL: one that is no number to divide by,
 * or no memory. */
static struct quern_qparams *read_params(struct quern_pass_ctx *ctx,
                                         const struct codes *c)
{
    int64_t n = quern_tensor_len(c->scale);
    struct quern_qparams *p = quern_pass_alloc(ctx, (size_t)n * sizeof *p);
    for (int64_t i = 0; p != NULL && i < n; i++) {
        int64_t zero = 0;
        p[i].dtype = c->dtype;
        if (!quern_tensor_read_floats(c->scale, i, 1, &p[i].scale) ||
            !isnormal(p[i].scale) || !(p[i].scale > 0.0f) ||
            !quern_quant_codes(c->dtype, 0, &p[i].qmin, &p[i].qmax) ||
            (c->zero != NULL &&
             !quern_tensor_read_ints(c->zero, i, 1, &zero))) {
            return NULL;
        }
        p[i].zero_point = (int32_t)zero;
    }
    return p;
}

/* Codes of blocks, one code a byte or two: a row of `inner` numbers has its
 * scales side by side. */
static bool quantize_blocks(const struct codes *c,
                            const struct quern_qparams *params,
                            const float *values, unsigned char *out,
                            size_t code_size)
{
    bool good = true;
    for (int64_t row = 0; row < c->outer * c->len && good; row++) {
        int64_t o = row / c->len;
        int64_t at = row % c->len / c->block;
        size_t first = (size_t)(row * c->inner);
        good = quern_quantize_channels(
            params + (o * c->n_scales + at) * c->inner, true, values + first, 1,
            (size_t)c->inner, 1, out + first * code_size);
    }
    return good;
}

static enum quern_code quantize(struct quern_pass_ctx *ctx,
                                const struct codes *c,
                                struct quern_qparams *params,
                                const float *values, void *out)
{
    size_t n = (size_t)quern_tensor_len(c->x);
    bool packs = quern_codes_size(c->dtype, 2) == 1;
    size_t n_scales = (size_t)quern_tensor_len(c->scale);
    if (c->block == 0) {
        size_t channels = c->n_scales > 0 ? (size_t)c->len : 1;
        return quern_quantize_channels(
                   params, false, values, (size_t)c->outer, channels,
                   c->n_scales > 0 ? (size_t)c->inner : n, out)
                   ? QUERN_OK
                   : QUERN_INTERNAL;
    }
    unsigned char *bytes = packs ? quern_pass_alloc(ctx, n + 1) : out;
    if (bytes == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; packs && i < n_scales; i++) {
        params[i].dtype = c->dtype == QUERN_INT4 ? QUERN_INT8 : QUERN_UINT8;
    }
    bool good = quantize_blocks(c, params, values, bytes,
                                packs ? 1 : quern_codes_size(c->dtype, 1));
    if (packs) {
        quern_pack_codes((const int8_t *)bytes, n, out);
    }
    return good ? QUERN_OK : QUERN_INTERNAL;
}

static enum quern_code store(struct quern_pass_ctx *ctx, struct quern_node *q,
                             const struct codes *c)
{
    int64_t n = 0;
    struct quern_tensor *t = NULL;
    const float *values = qn_floats(ctx, quern_node_input(q, 0), &n);
    struct quern_qparams *params = read_params(ctx, c);
    if (values == NULL || params == NULL || !is_finite(values, n)) {
        enum quern_code why = quern_pass_refuse(
            ctx, q, "a number of it is not finite, or a scale not positive");
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), c->dtype, quern_tensor_rank(c->x),
        quern_tensor_dims(c->x), &t);
    if (code == QUERN_OK) {
        code = quantize(ctx, c, params, values, quern_tensor_data_mut(t));
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, q, "'%s' stored as codes: %zu bytes of %zu",
                           quern_value_name(quern_node_input(q, 0)),
                           quern_tensor_size(t), quern_tensor_size(c->x));
        code = qn_output_to_constant(q, t);
    }
    quern_tensor_release(&t);
    return code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx, struct quern_node *q,
                             void *user)
{
    struct quern_value *y = quern_node_output(q, 0);
    const struct quern_value *x = quern_node_input(q, 0);
    const struct quern_value *zero = quern_node_input(q, 2);
    struct codes c = {
        .x = quern_value_constant(x),
        .scale = quern_value_constant(quern_node_input(q, 1)),
        .zero = quern_value_constant(zero),
    };
    (void)user;
    if (y == NULL || c.x == NULL || quern_tensor_len(c.x) == 0) {
        return QUERN_OK;
    }
    const char *why = readers_want_floats(y);
    if (is_read_as_floats(x)) {
        why = "the constant is read as floats as well";
    } else if (c.scale == NULL || (c.zero == NULL && zero != NULL)) {
        why = "scale or zero point is not constant";
    } else if (!read_dtype(q, &c)) {
        why = "float32 numbers and scales and integer codes are needed";
    } else if (!read_layout(q, &c) ||
               (c.zero != NULL &&
                quern_tensor_len(c.zero) != quern_tensor_len(c.scale))) {
        why = "the shapes of constant, scale and zero point do not fit";
    }
    if (why != NULL) {
        enum quern_code code = quern_pass_refuse(ctx, q, "%s", why);
        return code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    enum quern_code code = quern_pass_scope_open(ctx);
    if (code == QUERN_OK) {
        code = store(ctx, q, &c);
        quern_pass_scope_close(ctx);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"QuantizeLinear", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, visit,
                           NULL);
}

const struct quern_pass_desc qn_pass_store_codes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "store-codes",
    .summary = "store weights behind a QuantizeLinear as the codes that it "
               "computes; its DequantizeLinear stays",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "quantize",
};
