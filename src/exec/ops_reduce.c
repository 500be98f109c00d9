/* Reductions over axes, and positions of extremes. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum { SUM, MEAN, MAX, MIN, PROD, L1, L2, LOG_SUM, LOG_SUM_EXP, SUM_SQUARE };

/* Which axes go; false: malformed. No axes at all mean all of them, unless
 * noop_with_empty_axes. */
static bool read_axes(struct qn_run *run, const struct qn_op *op, int rank,
                      bool *gone)
{
    int64_t axes[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "axes", 1, axes);
    if (n == -1) {
        return false;
    }
    bool all =
        n <= 0 && quern_node_int(op->node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < rank; i++) {
        gone[i] = all;
    }
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, axes[i], rank);
        if (axis < 0) {
            return false;
        }
        gone[axis] = true;
    }
    return true;
}

/* x seen as [kept, reduced], both row-major within: a packed copy unless the
 * reduced axes are the last ones already. */
static enum quern_code arrange(struct qn_run *run, const struct qn_array *x,
                               const bool *gone, struct qn_array *out)
{
    struct qn_array view = *x;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < x->rank; i++) {
            if (gone[i] == (pass == 1)) {
                view.dims[n] = x->dims[i];
                view.strides[n++] = x->strides[i];
            }
        }
    }
    view.chunk = NULL;
    *out = view;
    if (qn_array_is_packed(&view)) {
        return QUERN_OK;
    }
    out->chunk = qn_scratch(run, (size_t)x->len * qn_element_size(x->dtype));
    if (out->chunk == NULL) {
        return run->context->diag.error.code;
    }
    out->data = out->chunk->data;
    qn_array_pack_strides(out);
    qn_array_copy(out, &view);
    return QUERN_OK;
}

/* x seen in memory as [outer, reduced, inner] with the kept axes and the
 * reduced ones in their order: no copy is needed then. */
struct stack {
    int64_t outer;
    int64_t n;
    int64_t inner;
};

static bool is_stack(const struct qn_array *x, const bool *gone,
                     struct stack *s)
{
    int order[QUERN_MAX_RANK];
    int n = 0;
    int last[2] = {-1, -1}; /* axis that is kept, that goes */
    *s = (struct stack){1, 1, 1};
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1) {
            continue;
        }
        int k = n++;
        for (; k > 0 && x->strides[order[k - 1]] < x->strides[i]; k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (int k = 0; k < n; k++) {
        int i = order[k];
        if (gone[i]) {
            if (s->inner > 1) {
                return false;
            }
            s->n *= x->dims[i];
        } else if (s->n > 1) {
            s->inner *= x->dims[i];
        } else {
            s->outer *= x->dims[i];
        }
        if (i < last[gone[i]]) {
            return false;
        }
        last[gone[i]] = i;
    }
    return s->inner > 1 && x->len > 0 && qn_array_is_dense(x);
}

static void reduce_stack(struct qn_run *run, bool mean, const struct stack *s,
                         const struct qn_array *x, const struct qn_array *y)
{
    const float *from = (const float *)(const void *)x->data;
    float *to = (float *)(void *)y->data;
    size_t inner = (size_t)s->inner;
    for (int64_t k = 0; k < s->outer; k++) {
        run->kernels->sum_stack(from, inner, (size_t)s->n, to, inner);
        for (size_t i = 0; mean && i < inner; i++) {
            to[i] /= (float)s->n;
        }
        from += s->n * s->inner;
        to += s->inner;
    }
}

static double reduce_doubles(int variant, const struct qn_array *a, int64_t at,
                             int64_t n)
{
    double y = variant == PROD  ? 1.0
               : variant == MAX ? (double)-INFINITY
               : variant == MIN ? (double)INFINITY
                                : 0.0;
    double top = -(double)INFINITY;
    for (int64_t i = 0; variant == LOG_SUM_EXP && i < n; i++) {
        double x = qn_load(a, at + i);
        top = x > top ? x : top;
    }
    for (int64_t i = 0; i < n; i++) {
        double x = qn_load(a, at + i);
        switch (variant) {
        case MAX:
            y = isnan(x) || x > y ? x : y;
            break;
        case MIN:
            y = isnan(x) || x < y ? x : y;
            break;
        case PROD:
            y *= x;
            break;
        case L1:
            y += fabs(x);
            break;
        case L2:
        case SUM_SQUARE:
            y += x * x;
            break;
        case LOG_SUM_EXP:
            y += exp(x - (isfinite(top) ? top : 0.0));
            break;
        default:
            y += x;
            break;
        }
    }
    return variant == MEAN          ? y / (double)n
           : variant == L2          ? sqrt(y)
           : variant == LOG_SUM     ? log(y)
           : variant == LOG_SUM_EXP ? log(y) + (isfinite(top) ? top : 0.0)
                                    : y;
}

/* Overflow wraps, as in two's complement hardware. */
static int64_t wrapped_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t wrapped_product(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t reduce_ints(int variant, const struct qn_array *a, int64_t at,
                           int64_t n)
{
    int64_t y = variant == PROD  ? 1
                : variant == MAX ? qn_load_int(a, at)
                : variant == MIN ? qn_load_int(a, at)
                                 : 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t x = qn_load_int(a, at + i);
        switch (variant) {
        case MAX:
            y = x > y ? x : y;
            break;
        case MIN:
            y = x < y ? x : y;
            break;
        case PROD:
            y = wrapped_product(y, x);
            break;
        case L1:
            y = wrapped_sum(y, x < 0 ? wrapped_product(x, -1) : x);
            break;
        case SUM_SQUARE:
            y = wrapped_sum(y, wrapped_product(x, x));
            break;
        default:
            y = wrapped_sum(y, x);
            break;
        }
    }
    return variant == MEAN ? y / n : y;
}

static void reduce_all(struct qn_run *run, int variant,
                       const struct qn_array *a, int64_t n,
                       const struct qn_array *y)
{
    bool fast = a->dtype == QUERN_FLOAT && n > 0 &&
                (variant == SUM || variant == MEAN || variant == SUM_SQUARE);
    bool whole = qn_is_whole(a->dtype) && n > 0 && variant != L2 &&
                 variant != LOG_SUM && variant != LOG_SUM_EXP;
    for (int64_t k = 0; k < y->len; k++) {
        if (fast) {
            const float *x = (const float *)(const void *)a->data + k * n;
            float s = variant == SUM_SQUARE
                          ? run->kernels->sum_squares(x, (size_t)n)
                          : run->kernels->sum(x, (size_t)n);
            ((float *)(void *)y->data)[k] = variant == MEAN ? s / (float)n : s;
        } else if (whole) {
            qn_store_int(y, k, reduce_ints(variant, a, k * n, n));
        } else {
            qn_store(y, k, reduce_doubles(variant, a, k * n, n));
        }
    }
}

enum quern_code qn_op_reduce(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    bool gone[QUERN_MAX_RANK];
    bool keep = quern_node_int(op->node, "keepdims", 1) != 0;
    if (x == NULL || !read_axes(run, op, x->rank, gone)) {
        return qn_op_missing(run, op);
    }
    int64_t dims[QUERN_MAX_RANK];
    int64_t n = 1;
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        n *= gone[i] ? x->dims[i] : 1;
        if (keep || !gone[i]) {
            dims[rank++] = gone[i] ? 1 : x->dims[i];
        }
    }
    struct qn_array a = {0};
    struct qn_array *y = NULL;
    struct stack stack;
    int variant = op->row->variant;
    if (x->dtype == QUERN_FLOAT && (variant == SUM || variant == MEAN) &&
        is_stack(x, gone, &stack)) {
        enum quern_code made = qn_out(run, op, 0, x->dtype, rank, dims, &y);
        if (made == QUERN_OK && y != NULL) {
            reduce_stack(run, variant == MEAN, &stack, x, y);
        }
        return made;
    }
    enum quern_code code = arrange(run, x, gone, &a);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, x->dtype, rank, dims, &y);
    }
    if (code == QUERN_OK && y != NULL) {
        reduce_all(run, variant, &a, n, y);
    }
    qn_chunk_put(&run->chunks, a.chunk);
    return code;
}

enum quern_code qn_op_arg(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0 || x->dims[axis] == 0) {
        return qn_op_missing(run, op);
    }
    bool keep = quern_node_int(op->node, "keepdims", 1) != 0;
    bool last = quern_node_int(op->node, "select_last_index", 0) != 0;
    int64_t dims[QUERN_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (i != axis || keep) {
            dims[rank++] = i == axis ? 1 : x->dims[i];
        }
    }
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, rank, dims, &y);
    int64_t step = x->strides[axis];
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < y->len; k++) {
        int64_t at = k / step * step * x->dims[axis] + k % step;
        int64_t best = 0;
        for (int64_t i = 1; i < x->dims[axis]; i++) {
            double a = qn_load(x, at + i * step);
            double b = qn_load(x, at + best * step);
            bool better = op->row->variant == 0 ? a > b : a < b;
            bool same = a <= b && a >= b;
            best = better || (same && last) ? i : best;
        }
        qn_store_int(y, k, best);
    }
    return code;
}
