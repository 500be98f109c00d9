/* fuse-qlinear: DequantizeLinear -> Conv or MatMul -> QuantizeLinear becomes
 * QLinearConv or QLinearMatMul, and data movement between a DequantizeLinear
 * and a QuantizeLinear of the same numbers moves the codes themselves. It is
 * what ONNX Runtime makes of them when it loads the model (targets.md §3.1), so
 * that the file says what runs there.
 *
 * Only where the target has the trick `qlinear-operators`, and only between
 * codes of uint8: those TensorRT does not read in any form, while Q and DQ of
 * int8 are the form that all runtimes read, and stay. A float bias becomes
 * int32 codes at scale x * w, as ONNX Runtime stores it, where that moves it by
 * little; hence approximate. */
#include <quern/target.h>

#include "builtin.h"
#include "common.h"

#include <math.h>
#include <string.h>

/* What one Q or DQ says. */
struct side {
    struct quern_node *node;
    struct quern_value *codes;
    struct quern_value *scale;
    struct quern_value *zero; /* NULL: 0 */
    const struct quern_tensor *scales;
    const struct quern_tensor *zeros; /* NULL: 0 */
    enum quern_dtype dtype;           /* of the codes */
};

/* Float32 scales of finite positive numbers, zero points beside them, all
 * constant: one of each, or a vector. */
static bool read_numbers(const struct quern_node *node, struct side *s)
{
    s->scale = quern_node_input(node, 1);
    s->zero = quern_node_input(node, 2);
    s->scales = quern_value_constant(s->scale);
    s->zeros = quern_value_constant(s->zero);
    if (s->scales == NULL || quern_tensor_dtype(s->scales) != QUERN_FLOAT ||
        quern_tensor_rank(s->scales) > 1 ||
        (s->zero != NULL &&
         (s->zeros == NULL || quern_tensor_rank(s->zeros) > 1 ||
          quern_tensor_len(s->zeros) != quern_tensor_len(s->scales) ||
          quern_tensor_dtype(s->zeros) != s->dtype)) ||
        quern_node_int(node, "block_size", 0) != 0) {
        return false;
    }
    for (int64_t i = 0; i < quern_tensor_len(s->scales); i++) {
        float x = 0.0f;
        if (!quern_tensor_read_floats(s->scales, i, 1, &x) || !isnormal(x) ||
            !(x > 0.0f)) {
            return false;
        }
    }
    return quern_tensor_len(s->scales) > 0;
}

/* The DQ that makes a value. */
static bool read_dq(struct quern_value *value, struct side *s)
{
    *s = (struct side){.node = qn_maker(value, "DequantizeLinear")};
    if (s->node == NULL) {
        return false;
    }
    s->codes = quern_node_input(s->node, 0);
    s->dtype = quern_value_dtype(s->codes);
    return quern_value_dtype(value) == QUERN_FLOAT && read_numbers(s->node, s);
}

static bool read_q(struct quern_node *node, struct side *s)
{
    *s = (struct side){.node = node, .codes = quern_node_output(node, 0)};
    int64_t precision = quern_node_int(node, "precision", 0);
    s->dtype = s->codes != NULL ? quern_value_dtype(s->codes) : QUERN_UNDEFINED;
    return (precision == 0 || precision == QUERN_FLOAT) &&
           read_numbers(node, s);
}

/* One scale for codes of uint8. */
static bool is_activation(const struct side *s)
{
    return s->dtype == QUERN_UINT8 && quern_tensor_len(s->scales) == 1;
}

static bool is_byte(enum quern_dtype dtype)
{
    return dtype == QUERN_UINT8 || dtype == QUERN_INT8;
}

/* All zero points alike, as the kernels want those of weights. */
static bool has_one_zero(const struct side *s)
{
    int64_t first = 0;
    int64_t z = 0;
    for (int64_t i = 0; s->zeros != NULL && i < quern_tensor_len(s->zeros);
         i++) {
        if (!quern_tensor_read_ints(s->zeros, i, 1, i > 0 ? &z : &first) ||
            (i > 0 && z != first)) {
            return false;
        }
    }
    return true;
}

/* Constant codes with one scale, or one for each index of `axis`. */
static bool is_weight(const struct side *s, int rank, int axis)
{
    const struct quern_tensor *w = quern_value_constant(s->codes);
    if (w == NULL || !is_byte(s->dtype) || quern_tensor_rank(w) != rank ||
        !has_one_zero(s)) {
        return false;
    }
    int64_t at = quern_node_int(s->node, "axis", 1);
    return quern_tensor_len(s->scales) == 1 ||
           ((at < 0 ? at + rank : at) == axis &&
            quern_tensor_len(s->scales) == quern_tensor_dims(w)[axis]);
}

/* ------------------------------------------------------------------- bias */

static double scale_at(const struct side *s, int64_t i)
{
    float x = 0.0f;
    bool ok = quern_tensor_read_floats(
        s->scales, quern_tensor_len(s->scales) > 1 ? i : 0, 1, &x);
    return ok ? (double)x : (double)NAN;
}

/* The codes of a bias behind a DQ: int32 around zero, at scale x * w. */
static bool has_bias_scale(const struct side *b, const struct side *x,
                           const struct side *w, int64_t n)
{
    int64_t zero = 0;
    for (int64_t i = 0; i < n; i++) {
        double want = scale_at(x, 0) * scale_at(w, i);
        if (!(fabs(scale_at(b, i) - want) <= 1e-6 * want)) {
            return false;
        }
    }
    return b->zeros == NULL ||
           (has_one_zero(b) && quern_tensor_read_ints(b->zeros, 0, 1, &zero) &&
            zero == 0);
}

/* How far from 0 the codes of a bias may be: the products of a Conv are added
 * to them in int32, and must not leave it. */
static double most_code(const struct side *w, int64_t n)
{
    enum { MOST_PRODUCT = 255 * 255 };
    int64_t len = quern_tensor_len(quern_value_constant(w->codes));
    return INT32_MAX - (n > 0 ? (double)(len / n) * MOST_PRODUCT : 0.0);
}

/* Constant codes are; of others that is not known. */
static bool has_room(const struct quern_value *codes, double most)
{
    const struct quern_tensor *t = quern_value_constant(codes);
    int64_t code = 0;
    for (int64_t i = 0; t != NULL && i < quern_tensor_len(t); i++) {
        if (!quern_tensor_read_ints(t, i, 1, &code) ||
            fabs((double)code) > most) {
            return false;
        }
    }
    return true;
}

/* Float numbers as codes. None: a bias with which sums would leave int32, or
 * one that its codes move by more than a 128th of a step of the result, which
 * more than one result in 128 would be rounded differently for. */
static enum quern_code code_bias(struct quern_pass_ctx *ctx,
                                 struct quern_value *bias,
                                 const struct side sides[3], int64_t n,
                                 struct quern_value **out_codes)
{
    int64_t len = 0;
    struct quern_tensor *t = NULL;
    char name[512];
    *out_codes = NULL;
    const float *values = qn_floats(ctx, bias, &len);
    if (values == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), QUERN_INT32, 1, &n, &t);
    int32_t *codes = code == QUERN_OK ? quern_tensor_data_mut(t) : NULL;
    double most = most_code(&sides[1], n);
    for (int64_t i = 0; codes != NULL && i < n; i++) {
        double step = scale_at(&sides[0], 0) * scale_at(&sides[1], i);
        double c = rint((double)values[i] / step);
        double moved = fabs(c * step - (double)values[i]);
        if (!(fabs(c) <= most) || moved * 128.0 > scale_at(&sides[2], 0)) {
            quern_tensor_release(&t);
            return QUERN_OK;
        }
        codes[i] = (int32_t)c;
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(bias), "_codes");
        code = quern_constant_create(quern_value_graph(sides[0].codes), name, t,
                                     out_codes);
    }
    quern_tensor_release(&t);
    return code;
}

/* @param out_codes  NULL where this bias can be none of a QLinearConv */
static enum quern_code find_bias(struct quern_pass_ctx *ctx,
                                 struct quern_value *bias,
                                 const struct side sides[3], int64_t n,
                                 struct quern_value **out_codes)
{
    struct side b;
    const struct quern_tensor *t = quern_value_constant(bias);
    *out_codes = NULL;
    if (t != NULL) {
        return quern_tensor_dtype(t) == QUERN_FLOAT &&
                       quern_tensor_rank(t) == 1 && quern_tensor_len(t) == n
                   ? code_bias(ctx, bias, sides, n, out_codes)
                   : QUERN_OK;
    }
    if (read_dq(bias, &b) && b.dtype == QUERN_INT32 &&
        quern_value_rank(b.codes) == 1 && quern_value_len(b.codes) == n &&
        (quern_tensor_len(b.scales) == 1 || quern_tensor_len(b.scales) == n) &&
        has_bias_scale(&b, &sides[0], &sides[1], n) &&
        has_room(b.codes, most_code(&sides[1], n))) {
        *out_codes = b.codes;
    }
    return QUERN_OK;
}

/* --------------------------------------------------------------- operators */

/* A zero point has its own input; where it is left out, it is 0. */
static enum quern_code give_zero(struct quern_pass_ctx *ctx, struct side *s)
{
    struct quern_tensor *t = NULL;
    char name[512];
    if (s->zero != NULL) {
        return QUERN_OK;
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), s->dtype, quern_tensor_rank(s->scales),
        quern_tensor_dims(s->scales), &t);
    if (code == QUERN_OK) {
        memset(quern_tensor_data_mut(t), 0, quern_tensor_size(t));
        quern_name_extend(name, sizeof name, quern_value_name(s->codes),
                          "_zero_point");
        code =
            quern_constant_create(quern_node_graph(s->node), name, t, &s->zero);
    }
    quern_tensor_release(&t);
    return code;
}

/* `op` in the place of a node and of the Q behind it. */
static enum quern_code put(struct quern_pass_ctx *ctx, const char *op,
                           struct quern_node *node, struct side sides[3],
                           struct quern_value *bias)
{
    struct quern_node *q = sides[2].node;
    struct quern_value *y = sides[2].codes;
    struct quern_node *made = NULL;
    enum quern_code code = QUERN_OK;
    for (int i = 0; i < 3 && code == QUERN_OK; i++) {
        code = give_zero(ctx, &sides[i]);
    }
    struct quern_value *in[] = {sides[0].codes, sides[0].scale, sides[0].zero,
                                sides[1].codes, sides[1].scale, sides[1].zero,
                                sides[2].scale, sides[2].zero,  bias};
    quern_pass_account(ctx, node, "with the codes around it one %s", op);
    if (code == QUERN_OK) {
        code = qn_take_output(q, 0);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(node), q, op, "", in,
                                 bias != NULL ? 9 : 8, &y, 1, &made);
    }
    for (size_t i = 0; i < quern_node_n_attrs(node) && code == QUERN_OK; i++) {
        code = quern_node_copy_attr(made, node, quern_node_attr_name(node, i));
    }
    if (code == QUERN_OK) {
        code = quern_node_set_name(made, quern_node_name(node));
    }
    return code == QUERN_OK ? quern_node_erase_dead(q) : code;
}

static enum quern_code fuse_conv(struct quern_pass_ctx *ctx,
                                 struct quern_node *conv, struct side sides[3])
{
    struct quern_value *bias = quern_node_input(conv, 2);
    struct quern_value *codes = NULL;
    int rank = quern_value_rank(quern_node_input(conv, 1));
    if (rank < 3 || !is_activation(&sides[0]) ||
        !is_weight(&sides[1], rank, 0)) {
        return quern_pass_refuse(ctx, conv,
                                 "needs one scale for its data in uint8, and "
                                 "constant codes of a byte as weights, with "
                                 "one scale or one for each index of axis 0");
    }
    int64_t n = quern_tensor_dims(quern_value_constant(sides[1].codes))[0];
    enum quern_code code =
        bias != NULL ? find_bias(ctx, bias, sides, n, &codes) : QUERN_OK;
    if (code == QUERN_OK && bias != NULL && codes == NULL) {
        return quern_pass_refuse(
            ctx, conv,
            "its bias is neither int32 codes at the scale of "
            "data times weights, nor a constant of floats "
            "that such codes hold well enough");
    }
    return code == QUERN_OK ? put(ctx, "QLinearConv", conv, sides, codes)
                            : code;
}

static enum quern_code fuse_matmul(struct quern_pass_ctx *ctx,
                                   struct quern_node *matmul,
                                   struct side sides[3])
{
    const struct side *b = &sides[1];
    bool one_scale = quern_tensor_len(b->scales) == 1 && is_byte(b->dtype);
    /* no sum at all is what the runtime's kernel leaves unset */
    if (!is_activation(&sides[0]) || (!one_scale && !is_weight(b, 2, 1)) ||
        quern_value_len(b->codes) == 0 ||
        quern_value_rank(sides[0].codes) < 2 ||
        quern_value_rank(b->codes) < 2) {
        return quern_pass_refuse(ctx, matmul,
                                 "needs one scale for its data in uint8, and "
                                 "codes of a byte with one scale, or a "
                                 "constant matrix with one for each column");
    }
    return put(ctx, "QLinearMatMul", matmul, sides, NULL);
}

/* --------------------------------------------------------------- movement */

static bool same_numbers(const struct side *a, const struct side *b)
{
    int64_t za = 0;
    int64_t zb = 0;
    return a->dtype == b->dtype && !(scale_at(a, 0) < scale_at(b, 0)) &&
           !(scale_at(a, 0) > scale_at(b, 0)) &&
           (a->zeros == NULL || quern_tensor_read_ints(a->zeros, 0, 1, &za)) &&
           (b->zeros == NULL || quern_tensor_read_ints(b->zeros, 0, 1, &zb)) &&
           za == zb;
}

/* Moves the elements of its first input, for one reader, also where they are
 * bytes. */
static bool moves_bytes(const struct quern_target *target,
                        const struct quern_node *node,
                        const struct quern_node *reader)
{
    const struct quern_target_op *op = quern_target_node(target, node);
    struct quern_port port = {0};
    return op != NULL && op->kind == QUERN_INTEGER_MOVE &&
           quern_node_n_outputs(node) == 1 &&
           quern_value_only_user(quern_node_output(node, 0)) == reader &&
           quern_node_input_port(node, 0, &port) &&
           (port.types & (1u << QUERN_UINT8)) != 0;
}

/* Nodes from the Q upwards, to the DQ that has its numbers: `top` reads it.
 * NULL: there is none. */
static struct quern_node *find_moves(const struct quern_target *target,
                                     const struct side *q, struct side *dq)
{
    struct quern_node *reader = q->node;
    struct quern_node *node = quern_value_producer(quern_node_input(reader, 0));
    while (node != NULL && moves_bytes(target, node, reader)) {
        struct quern_value *x = quern_node_input(node, 0);
        reader = node;
        node = x != NULL ? quern_value_producer(x) : NULL;
    }
    return reader != q->node && read_dq(quern_node_input(reader, 0), dq) &&
                   is_activation(dq) && same_numbers(dq, q)
               ? reader
               : NULL;
}

static enum quern_code move_codes(struct quern_pass_ctx *ctx,
                                  struct quern_node *top, const struct side *q,
                                  const struct side *dq)
{
    struct quern_value *y = q->codes;
    struct quern_node *node = top;
    struct quern_node *next = NULL;
    quern_pass_account(ctx, q->node, "'%s' moves the codes of '%s'",
                       quern_node_name(top), quern_node_name(dq->node));
    enum quern_code code = quern_node_set_input(top, 0, dq->codes);
    for (; code == QUERN_OK; node = next) {
        next = quern_value_only_user(quern_node_output(node, 0));
        if (next == q->node) {
            break;
        }
        code = qn_renew_output(node, false);
    }
    if (code == QUERN_OK) {
        code = qn_take_output(q->node, 0);
    }
    struct quern_value *old =
        code == QUERN_OK ? quern_node_output(node, 0) : NULL;
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, 0, y);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase(q->node);
    }
    if (code == QUERN_OK) {
        code = quern_value_erase(old);
    }
    return code == QUERN_OK ? quern_node_erase_dead(dq->node) : code;
}

/* ------------------------------------------------------------------- walk */

static enum quern_code try_operator(struct quern_pass_ctx *ctx,
                                    const struct side *q)
{
    struct quern_value *x = quern_node_input(q->node, 0);
    struct quern_node *node = qn_single_producer(x, "Conv");
    struct side sides[3];
    bool is_conv = node != NULL;
    if (node == NULL) {
        node = qn_single_producer(x, "MatMul");
    }
    if (node == NULL || quern_node_graph(node) != quern_node_graph(q->node)) {
        return QUERN_NOT_FOUND;
    }
    if (!read_dq(quern_node_input(node, 0), &sides[0]) ||
        !read_dq(quern_node_input(node, 1), &sides[1])) {
        return quern_pass_refuse(ctx, node,
                                 "data and weights do not both come from a "
                                 "DequantizeLinear with constant numbers");
    }
    sides[2] = *q;
    return is_conv ? fuse_conv(ctx, node, sides)
                   : fuse_matmul(ctx, node, sides);
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    const struct quern_target *target = user;
    struct side q;
    struct side dq;
    if (quern_node_input(node, 0) == NULL || !read_q(node, &q) ||
        !is_activation(&q)) {
        return QUERN_OK;
    }
    struct quern_node *top = find_moves(target, &q, &dq);
    if (top != NULL) {
        return move_codes(ctx, top, &q, &dq);
    }
    enum quern_code code = quern_pass_scope_open(ctx);
    if (code == QUERN_OK) {
        code = try_operator(ctx, &q);
        quern_pass_scope_close(ctx);
    }
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"QuantizeLinear", NULL};
    const struct quern_target *target = quern_pass_target(ctx);
    (void)params;
    if (!quern_target_has(&target->tricks, "qlinear-operators")) {
        return QUERN_OK;
    }
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, visit,
                           (void *)(uintptr_t)target);
}

const struct quern_pass_desc qn_pass_fuse_qlinear = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-qlinear",
    .summary = "for a target that runs them so: Conv and MatMul between codes "
               "of uint8 become QLinearConv and QLinearMatMul",
    .flags = QUERN_PASS_NEEDS_SHAPES, /* types of codes */
    .contract = QUERN_APPROXIMATE,
    .run = run,
    .group = "target",
};
