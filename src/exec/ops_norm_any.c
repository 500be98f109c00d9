/* Normalizations of any floating type and form, by way of statistics in double.
 * The common forms of float have loops of their own (ops_norm.c). */
#include "exec/moments.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>

static void to_factor(const struct qn_array *squares, double epsilon)
{
    double *v = (double *)(void *)squares->data;
    for (int64_t i = 0; i < squares->len; i++) {
        v[i] = 1.0 / sqrt(v[i] + epsilon);
    }
}

/* Does `a` broadcast to x without making it larger? */
static bool fits(const struct qn_array *a, const struct qn_array *x)
{
    for (int i = 0; a != NULL && i < a->rank; i++) {
        int axis = i + x->rank - a->rank;
        if (a->dims[i] != 1 && (axis < 0 || a->dims[i] != x->dims[axis])) {
            return false;
        }
    }
    return true;
}

static bool is_real(const struct qn_array *a)
{
    return a == NULL || quern_dtype_is_float(a->dtype);
}

static enum quern_code no_fit(struct qn_run *run, const struct qn_op *op)
{
    return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                      "scale or bias does not broadcast to the input");
}

/* ------------------------------------------- LayerNorm, RMSNormalization */

/* Statistics as an output, in the type that stash_type names. */
static enum quern_code put_stats(struct qn_run *run, const struct qn_op *op,
                                 int i, const struct qn_array *stats)
{
    struct qn_array *y = NULL;
    enum quern_dtype dtype =
        (enum quern_dtype)quern_node_int(op->node, "stash_type", QUERN_FLOAT);
    if (!quern_dtype_is_float(dtype)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "stash_type %s",
                          quern_dtype_name(dtype));
    }
    enum quern_code code =
        qn_out(run, op, i, dtype, stats->rank, stats->dims, &y);
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < stats->len; k++) {
        qn_store(y, k, qn_load(stats, k));
    }
    return code;
}

static enum quern_code layer_norm_stats(struct qn_run *run,
                                        const struct qn_op *op,
                                        const struct qn_array *x, int axis,
                                        struct qn_moments *m)
{
    bool kept[QUERN_MAX_RANK];
    bool centered = op->row->variant == 0;
    for (int i = 0; i < x->rank; i++) {
        kept[i] = i < axis;
    }
    enum quern_code code = qn_moments_read(run, op, x, kept, centered, m);
    if (code == QUERN_OK) {
        to_factor(&m->factor,
                  (double)quern_node_float(op->node, "epsilon", 1e-5f));
        code = put_stats(run, op, 1, &m->mean);
    }
    return code == QUERN_OK ? put_stats(run, op, 2, &m->factor) : code;
}

enum quern_code qn_layer_norm_any(struct qn_run *run, const struct qn_op *op,
                                  int axis)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *scale = qn_in(run, op, 1);
    const struct qn_array *bias = qn_in(run, op, 2);
    struct qn_array *y = NULL;
    struct qn_moments m = {0};
    if (!is_real(x) || !is_real(scale) || !is_real(bias)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input of type %s",
                          quern_dtype_name(x->dtype));
    }
    if (!fits(scale, x) || !fits(bias, x)) {
        return no_fit(run, op);
    }
    enum quern_code code = layer_norm_stats(run, op, x, axis, &m);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    }
    if (code == QUERN_OK && y != NULL) {
        qn_moments_apply(&m, x, scale, bias, y);
    }
    qn_chunk_put(&run->chunks, m.room);
    return code;
}

/* --------------------------------------------------- GroupNormalization */

/* [N, C, …] as [N, groups, C / groups, rest]; a row of scales as
 * [groups, of, 1], `of` numbers a group. */
static struct qn_array grouped(const struct qn_array *x, int64_t groups)
{
    struct qn_array v = *x;
    v.rank = 4;
    v.dims[1] = groups;
    v.dims[2] = x->dims[1] / groups;
    v.dims[3] = x->len / (x->dims[0] * x->dims[1]);
    qn_array_pack_strides(&v);
    return v;
}

static struct qn_array grouped_row(const struct qn_array *row, int64_t groups)
{
    struct qn_array v = *row;
    v.rank = 3;
    v.dims[0] = groups;
    v.dims[1] = row->len / groups;
    v.dims[2] = 1;
    qn_array_pack_strides(&v);
    return v;
}

static enum quern_code group_norm(struct qn_run *run, const struct qn_op *op,
                                  int64_t groups, const struct qn_array **in)
{
    static const bool kept[4] = {true, true, false, false};
    struct qn_array *out = NULL;
    struct qn_moments m = {0};
    const struct qn_array *x = in[0];
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &out);
    if (code != QUERN_OK || out == NULL || x->len == 0) {
        return code;
    }
    struct qn_array seen = grouped(x, groups);
    struct qn_array y = grouped(out, groups);
    struct qn_array scale = grouped_row(in[1], groups);
    struct qn_array bias = grouped_row(in[2], groups);
    code = qn_moments_read(run, op, &seen, kept, true, &m);
    if (code == QUERN_OK) {
        to_factor(&m.factor,
                  (double)quern_node_float(op->node, "epsilon", 1e-5f));
        qn_moments_apply(&m, &seen, &scale, &bias, &y);
    }
    qn_chunk_put(&run->chunks, m.room);
    return code;
}

/* Scale and bias: one number a group (opset 18), or a channel (21). */
enum quern_code qn_op_group_norm(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[3];
    int64_t groups = quern_node_int(op->node, "num_groups", 0);
    for (int i = 0; i < 3; i++) {
        in[i] = qn_in_packed(run, op, i);
        if (in[i] == NULL || !is_real(in[i])) {
            return qn_op_missing(run, op);
        }
    }
    const struct qn_array *x = in[0];
    if (x->rank < 2 || groups < 1 || x->dims[1] % groups != 0) {
        return qn_op_fail(
            run, op, QUERN_INVALID_MODEL, "%lld channels in %lld groups",
            x->rank < 2 ? 0LL : (long long)x->dims[1], (long long)groups);
    }
    int64_t n = op->opset < 21 ? groups : x->dims[1];
    if (in[1]->len != n || in[2]->len != n) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "%lld scales and %lld biases, needs %lld",
                          (long long)in[1]->len, (long long)in[2]->len,
                          (long long)n);
    }
    return group_norm(run, op, groups, in);
}

/* --------------------------------------- MeanVarianceNormalization, norms */

/* (x - mean) / (deviation + 1e-9), the deviation by the mean of squares less
 * the square of the mean in exact arithmetic. */
enum quern_code qn_op_mean_variance(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t axes[2 * QUERN_MAX_RANK] = {0, 2, 3};
    bool kept[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    struct qn_moments m = {0};
    int n = qn_ints(run, op, "axes", -1, axes);
    if (x == NULL || n == -1 || !is_real(x)) {
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < x->rank; i++) {
        kept[i] = true;
    }
    for (int i = 0; i < (n < 0 ? 3 : n); i++) {
        int axis = qn_axis(run, op, axes[i], x->rank);
        if (axis < 0) {
            return qn_op_missing(run, op);
        }
        kept[axis] = false;
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    code = qn_moments_read(run, op, x, kept, true, &m);
    double *factor = (double *)(void *)m.factor.data;
    for (int64_t i = 0; code == QUERN_OK && i < m.factor.len; i++) {
        factor[i] = 1.0 / (sqrt(factor[i]) + 1e-9);
    }
    if (code == QUERN_OK) {
        qn_moments_apply(&m, x, NULL, NULL, y);
    }
    qn_chunk_put(&run->chunks, m.room);
    return code;
}

/* ------------------------------------------------------------------ LRN */

/* y = x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta
 */
enum quern_code qn_op_lrn(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    int64_t size = quern_node_int(op->node, "size", 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank < 2 || !is_real(x) || size < 1) {
        return qn_op_missing(run, op);
    }
    double alpha = (double)quern_node_float(op->node, "alpha", 1e-4f);
    double beta = (double)quern_node_float(op->node, "beta", 0.75f);
    double bias = (double)quern_node_float(op->node, "bias", 1.0f);
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    int64_t channels = x->dims[1];
    int64_t before = (size - 1) / 2;
    int64_t behind = size - 1 - before;
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < x->len; i++) {
        int64_t inner = x->strides[1];
        int64_t c = i / inner % channels;
        int64_t first = c < before ? -c : -before;
        int64_t last = channels - 1 - c < behind ? channels - 1 - c : behind;
        double sum = 0.0;
        for (int64_t k = first; k <= last; k++) {
            double v = qn_load(x, i + k * inner);
            sum += v * v;
        }
        qn_store(y, i,
                 qn_load(x, i) / pow(bias + alpha / (double)size * sum, beta));
    }
    return code;
}

/* ---------------------------------------------------- BatchNormalization */

/* Channels of [N, C, …] as a broadcastable [C, 1, …]. */
static struct qn_array as_channels(const struct qn_array *row, int rank)
{
    struct qn_array v = *row;
    v.rank = rank - 1;
    for (int i = 1; i < v.rank; i++) {
        v.dims[i] = 1;
    }
    qn_array_pack_strides(&v);
    return v;
}

static void put_running(const struct qn_array *y, const struct qn_array *before,
                        const struct qn_array *now, double momentum)
{
    for (int64_t c = 0; y != NULL && c < y->len; c++) {
        qn_store(y, c,
                 qn_load(before, c) * momentum +
                     qn_load(now, c) * (1.0 - momentum));
    }
}

/* In training the statistics are those of the batch, and the running ones go
 * out. */
static enum quern_code running(struct qn_run *run, const struct qn_op *op,
                               const struct qn_array *const *in,
                               const struct qn_moments *m)
{
    double momentum = (double)quern_node_float(op->node, "momentum", 0.9f);
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 1, in[3]->dtype, 1, in[3]->dims, &y);
    if (code == QUERN_OK) {
        put_running(y, in[3], &m->mean, momentum);
        code = qn_out(run, op, 2, in[4]->dtype, 1, in[4]->dims, &y);
    }
    if (code == QUERN_OK) {
        put_running(y, in[4], &m->factor, momentum);
    }
    return code;
}

/* x, scale, bias, mean, variance: row-major, of one element a channel. */
enum quern_code qn_batch_norm_any(struct qn_run *run, const struct qn_op *op,
                                  const struct qn_array *const *in)
{
    const struct qn_array *x = in[0];
    bool kept[QUERN_MAX_RANK] = {false, true};
    bool trains = quern_node_int(op->node, "training_mode", 0) != 0;
    struct qn_array *y = NULL;
    struct qn_moments m = {0};
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code == QUERN_OK && x->len == 0 && trains) {
        code = qn_op_fail(run, op, QUERN_NUMERIC, "statistics of no elements");
    }
    if (code != QUERN_OK || x->len == 0) {
        return code;
    }
    code = qn_moments_read(run, op, x, kept, true, &m);
    double *stats = (double *)(void *)m.mean.data;
    for (int64_t c = 0; code == QUERN_OK && !trains && c < m.mean.len; c++) {
        stats[c] = qn_load(in[3], c);
        stats[m.mean.len + c] = qn_load(in[4], c);
    }
    if (code == QUERN_OK && trains) {
        code = running(run, op, in, &m);
    }
    if (code == QUERN_OK && y != NULL) {
        struct qn_array scale = as_channels(in[1], x->rank);
        struct qn_array bias = as_channels(in[2], x->rank);
        to_factor(&m.factor,
                  (double)quern_node_float(op->node, "epsilon", 1e-5f));
        qn_moments_apply(&m, x, &scale, &bias, y);
    }
    qn_chunk_put(&run->chunks, m.room);
    return code;
}
