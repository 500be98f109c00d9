/* Affine steps behind a Conv or a product go into its weights and bias. */
#include "exec/conv.h"
#include "exec/fuse.h"
#include "exec/prepare.h"

#include <math.h>

/* Numbers per channel of an operand [C], [C, 1, 1] or [1, C, 1, 1] of a value
 * of rank `rank` whose channels are at `axis`; a scalar counts for all. */
static bool channel_operand(const struct qn_array *a, int rank, int axis,
                            int64_t channels, float *out)
{
    if (a == NULL || a->dtype != QUERN_FLOAT || a->data == NULL ||
        a->rank > rank || (a->len != 1 && a->len != channels)) {
        return false;
    }
    int at = axis - (rank - a->rank);
    if (a->len > 1 && (at < 0 || a->dims[at] != channels)) {
        return false;
    }
    const float *x = (const float *)(const void *)a->data;
    for (int64_t c = 0; c < channels; c++) {
        out[c] = x[a->len > 1 ? c : 0];
    }
    return true;
}

/* y = scale x + shift per channel, of an operator behind; false: it is none. */
static bool channel_affine(const struct qn_fuser *f, const struct qn_op *next,
                           int slot, int rank, int64_t n, float *scale,
                           float *shift)
{
    int other = next->n_in > 1 && next->in[0] == slot ? 1 : 0;
    bool swapped = other == 0;
    float *operand = scale;
    if (qn_op_is(next, "Add") || qn_op_is(next, "Sub")) {
        operand = shift;
    } else if (!qn_op_is(next, "Mul") && !qn_op_is(next, "Div")) {
        return false;
    }
    if (!channel_operand(qn_op_constant(f->engine, next, other), rank, 1, n,
                         operand)) {
        return false;
    }
    bool minus = qn_op_is(next, "Sub");
    bool over = qn_op_is(next, "Div");
    if (over && swapped) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        float x = operand[c];
        scale[c] = operand == shift ? (minus && swapped ? -1.0f : 1.0f)
                   : over           ? 1.0f / x
                                    : x;
        shift[c] = operand == shift ? (minus && !swapped ? -x : x) : 0.0f;
    }
    return true;
}

static bool batch_norm_affine(const struct qn_fuser *f,
                              const struct qn_op *next, int64_t n, float *scale,
                              float *shift)
{
    const float *p[4];
    if (!qn_op_is(next, "BatchNormalization") ||
        quern_node_int(next->node, "training_mode", 0) != 0) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const struct qn_array *a = qn_op_constant(f->engine, next, i + 1);
        if (a == NULL || a->dtype != QUERN_FLOAT || a->len != n) {
            return false;
        }
        p[i] = (const float *)(const void *)a->data;
    }
    float epsilon = quern_node_float(next->node, "epsilon", 1e-5f);
    for (int64_t c = 0; c < n; c++) {
        scale[c] = p[0][c] / sqrtf(p[3][c] + epsilon);
        shift[c] = p[1][c] - p[2][c] * scale[c];
    }
    return true;
}

enum quern_code qn_fuse_affine(struct qn_fuser *f, struct qn_op **op,
                               struct qn_op *next, bool *done)
{
    const struct qn_conv_state *s = (*op)->state;
    const struct qn_array *w = qn_op_constant(f->engine, *op, 1);
    *done = false;
    if (!qn_op_is(*op, "Conv") || !s->constant || w == NULL) {
        return QUERN_OK;
    }
    int64_t n = w->dims[0];
    float *scale = qn_calloc_n((size_t)n, sizeof *scale);
    float *shift = qn_calloc_n((size_t)n, sizeof *shift);
    enum quern_code code = QUERN_OK;
    if (scale == NULL || shift == NULL) {
        code = qn_no_memory(f->engine->context);
    } else if (batch_norm_affine(f, next, n, scale, shift) ||
               channel_affine(f, next, (*op)->out[0], w->rank, n, scale,
                              shift)) {
        code = qn_conv_fold(f->engine, *op, scale, shift);
        if (code == QUERN_OK) {
            *op = qn_fuser_swallow(f, *op, next);
            *done = true;
        }
    }
    qn_free(scale);
    qn_free(shift);
    return code;
}

enum quern_code qn_fuse_bias(struct qn_fuser *f, struct qn_op **op,
                             struct qn_op *next, bool *done)
{
    *done = false;
    if (!qn_op_is(*op, "MatMul") || !qn_op_is(next, "Add") || next->n_in != 2) {
        return QUERN_OK;
    }
    int other = next->in[0] == (*op)->out[0] ? 1 : 0;
    enum quern_code code = qn_product_bias(
        f->engine, *op, qn_op_constant(f->engine, next, other), done);
    if (code == QUERN_OK && *done) {
        *op = qn_fuser_swallow(f, *op, next);
    }
    return code;
}
