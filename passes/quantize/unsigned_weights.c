/* unsigned-weights: int8 weights whose products with neighbouring codes may
 * leave 16 bits become uint8, codes and zero points 128 higher. Bit-exact:
 * the difference of the two is what it was.
 *
 * ONNX Runtime multiplies u8 by s8 in pairs that saturate on x86 without VNNI,
 * u8 by u8 in 32 bits. A model that comes quantized has its scales trained, so
 * that its weights cannot be made smaller; and what `optimize` folds lets the
 * runtime take operators into integers that were float before. Where the
 * target has no such trick, or is said to have VNNI, it is told. */
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "quantize/seen.h"
#include "quantize/weight_overflow.h"

#include <stdio.h>
#include <string.h>

struct found {
    bool rewrites;
    size_t n;
    int32_t highest;
    const struct quern_node *worst;
};

/* One code a byte with one zero point. */
static bool is_byte_code(const struct quern_node *dq)
{
    const struct quern_tensor *scale =
        quern_value_constant(quern_node_input(dq, 1));
    enum quern_dtype type = quern_value_dtype(quern_node_input(dq, 0));
    return scale != NULL && quern_tensor_len(scale) == 1 &&
           (type == QUERN_UINT8 || type == QUERN_INT8);
}

static bool is_clamp(const struct quern_node *node)
{
    return quern_node_is(node, "Relu") || quern_node_is(node, "Clip");
}

/* A Q stands behind, after nothing but a clamp. */
static bool goes_to_codes(const struct quern_node *node)
{
    for (int i = 0; i < 2 && node != NULL; i++) {
        node = quern_value_only_user(quern_node_output(node, 0));
        if (node != NULL && quern_node_is(node, "QuantizeLinear")) {
            return true;
        }
        node = node != NULL && is_clamp(node) ? node : NULL;
    }
    return false;
}

/* Does the runtime multiply the codes themselves? */
static bool is_integer(const struct quern_node *node)
{
    const struct quern_node *x =
        qn_maker(quern_node_input(node, 0), "DequantizeLinear");
    const struct quern_node *w =
        qn_maker(quern_node_input(node, 1), "DequantizeLinear");
    const struct quern_tensor *scale =
        w != NULL ? quern_value_constant(quern_node_input(w, 1)) : NULL;
    const struct quern_value *zero = w != NULL ? quern_node_input(w, 2) : NULL;
    return x != NULL && is_byte_code(x) && scale != NULL &&
           quern_tensor_rank(scale) <= 1 &&
           quern_node_int(w, "block_size", 0) == 0 &&
           (zero == NULL || quern_value_constant(zero) != NULL) &&
           (!quern_node_is(node, "Conv") || goes_to_codes(node));
}

/* Largest sum of two products; 0 where nothing can saturate. */
static enum quern_code peak_of(struct quern_pass_ctx *ctx,
                               struct quern_node *node, int32_t *out_peak)
{
    struct qn_linear l;
    *out_peak = 0;
    if (!qn_linear_init_codes(node, &l) || !qn_may_saturate(&l)) {
        return QUERN_OK;
    }
    int32_t *peaks = quern_pass_alloc(ctx, l.out_channels * sizeof *peaks);
    if (peaks == NULL) {
        return QUERN_NO_MEMORY;
    }
    const struct quern_node *dq =
        qn_maker(quern_node_input(node, 1), "DequantizeLinear");
    const struct quern_tensor *codes =
        quern_value_constant(quern_node_input(dq, 0));
    quern_weight_pair_peaks(&l.shape, quern_tensor_data(codes), NULL, peaks);
    for (size_t r = 0; r < l.out_channels; r++) {
        *out_peak = peaks[r] > *out_peak ? peaks[r] : *out_peak;
    }
    return QUERN_OK;
}

/* A copy of int8 numbers as uint8, 128 higher; NULL: 128 for each of `like`. */
static enum quern_code raise_bytes(struct quern_pass_ctx *ctx,
                                   struct quern_node *dq, size_t input,
                                   const struct quern_tensor *like)
{
    struct quern_value *old = quern_node_input(dq, input);
    const struct quern_tensor *from = quern_value_constant(old);
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    char name[512];
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), QUERN_UINT8, quern_tensor_rank(like),
        quern_tensor_dims(like), &t);
    if (code != QUERN_OK) {
        return code;
    }
    unsigned char *to = quern_tensor_data_mut(t);
    if (from == NULL) {
        memset(to, 128, quern_tensor_size(t));
    }
    const unsigned char *bytes = from != NULL ? quern_tensor_data(from) : NULL;
    for (size_t i = 0; bytes != NULL && i < quern_tensor_size(t); i++) {
        to[i] = bytes[i] ^ 0x80u;
    }
    const char *stem = old != NULL ? quern_value_name(old)
                                   : quern_value_name(quern_node_output(dq, 0));
    quern_name_extend(name, sizeof name, stem, "%s",
                      old != NULL ? "_unsigned" : "_zero_point");
    code = quern_constant_create(quern_node_graph(dq), name, t, &value);
    quern_tensor_release(&t);
    return code == QUERN_OK ? qn_replace_input(dq, input, value) : code;
}

static enum quern_code rewrite(struct quern_pass_ctx *ctx,
                               struct quern_node *node, int32_t peak)
{
    struct quern_node *dq =
        qn_maker(quern_node_input(node, 1), "DequantizeLinear");
    const struct quern_tensor *zero =
        quern_value_constant(quern_node_input(dq, 2));
    quern_pass_account(ctx, node,
                       "weights as uint8: two products reach %d of %d", peak,
                       INT16_MAX);
    enum quern_code code = raise_bytes(
        ctx, dq, 2,
        zero != NULL ? zero : quern_value_constant(quern_node_input(dq, 1)));
    return code == QUERN_OK
               ? raise_bytes(ctx, dq, 0,
                             quern_value_constant(quern_node_input(dq, 0)))
               : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct found *found = user;
    int32_t peak = 0;
    if (!is_integer(node)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pass_scope_open(ctx);
    if (code != QUERN_OK) {
        return code;
    }
    code = peak_of(ctx, node, &peak);
    if (code == QUERN_OK && peak > INT16_MAX) {
        found->n++;
        if (peak > found->highest) {
            found->highest = peak;
            found->worst = node;
        }
        code = found->rewrites ? rewrite(ctx, node, peak) : QUERN_OK;
    }
    quern_pass_scope_close(ctx);
    return code;
}

/* A model of quern for such a target: insert-qdq has kept the weights from
 * saturating, on what calibration saw. */
static bool is_kept_from_it(const struct quern_model *model)
{
    const char *target = quern_model_metadata(model, "quern.target");
    return target != NULL && (strcmp(target, "ort-cpu-x64") == 0 ||
                              strcmp(target, "ort-cpu-avx2") == 0);
}

static void tell(struct quern_pass_ctx *ctx, const struct found *found)
{
    struct quern_place place = quern_node_place(found->worst);
    char others[64] = "";
    if (found->n > 1) {
        snprintf(others, sizeof others, " (the worst of %zu such nodes)",
                 found->n);
    }
    quern_warn(quern_pass_context(ctx), &place,
               "two products of its codes can reach %d, 16 bits hold %d%s: on "
               "x86 without VNNI ONNX Runtime cuts them off there, and outputs "
               "may be wrong; '--target ort-cpu-avx2' stores such weights as "
               "uint8, which is exact everywhere",
               found->highest, INT16_MAX, others);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Conv", "Gemm", "MatMul", NULL};
    static const char *const makers[] = {"DequantizeLinear", NULL};
    const struct quern_each each = {.ops = ops, .behind = makers};
    const struct quern_target *target = quern_pass_target(ctx);
    struct found found = {
        .rewrites = target != NULL &&
                    quern_target_has(&target->tricks, "unsigned-weights")};
    (void)params;
    if (target == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (target->overflow == QUERN_OVERFLOW_ANY ||
        (!found.rewrites && is_kept_from_it(quern_pass_model(ctx)))) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pass_each(ctx, graph, &each, visit, &found);
    if (code == QUERN_OK && found.n > 0 && !found.rewrites) {
        tell(ctx, &found);
    }
    return code;
}

const struct quern_pass_desc qn_pass_unsigned_weights = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "unsigned-weights",
    .summary = "where products of int8 weights may leave 16 bits, store them "
               "as uint8 for a target that adds those exactly; else tell it",
    .flags = QUERN_PASS_NEEDS_SHAPES, /* types of codes */
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "target",
};
