/* Gemm of doubles: element by element. */
#include "exec/nest.h"
#include "exec/ops.h"

/* Element (i, j) of a matrix, or of its transpose. */
static double entry(const struct qn_array *a, bool turned, int64_t i, int64_t j)
{
    return turned ? qn_load(a, j * a->strides[0] + i * a->strides[1])
                  : qn_load(a, i * a->strides[0] + j * a->strides[1]);
}

/* Element (i, j) of C, which broadcasts from the right. */
static double addend(const struct qn_array *c, int64_t i, int64_t j)
{
    int64_t at = 0;
    if (c->rank > 0 && c->dims[c->rank - 1] > 1) {
        at += j * c->strides[c->rank - 1];
    }
    if (c->rank > 1 && c->dims[0] > 1) {
        at += i * c->strides[0];
    }
    return qn_load(c, at);
}

static bool fits(const struct qn_array *c, const int64_t *dims)
{
    for (int i = 0; c != NULL && i < c->rank; i++) {
        if (c->rank > 2 ||
            (c->dims[i] != 1 && c->dims[i] != dims[2 - c->rank + i])) {
            return false;
        }
    }
    return true;
}

enum quern_code qn_gemm_any(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 1);
    const struct qn_array *c = qn_in(run, op, 2);
    bool ta = quern_node_int(op->node, "transA", 0) != 0;
    bool tb = quern_node_int(op->node, "transB", 0) != 0;
    double alpha = (double)quern_node_float(op->node, "alpha", 1.0f);
    double beta = (double)quern_node_float(op->node, "beta", 1.0f);
    int64_t dims[2] = {a->dims[ta ? 1 : 0], b->dims[tb ? 0 : 1]};
    int64_t inner = a->dims[ta ? 0 : 1];
    struct qn_array *y = NULL;
    if (inner != b->dims[tb ? 1 : 0] || b->dtype != a->dtype ||
        (c != NULL && c->dtype != a->dtype) || !fits(c, dims)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inner dimensions or types differ, or C does not "
                          "broadcast");
    }
    enum quern_code code = qn_out(run, op, 0, a->dtype, 2, dims, &y);
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < y->len; k++) {
        int64_t i = k / dims[1];
        int64_t j = k % dims[1];
        double sum = 0.0;
        for (int64_t n = 0; n < inner; n++) {
            sum += entry(a, ta, i, n) * entry(b, tb, n, j);
        }
        qn_store(y, k,
                 alpha * sum + (c != NULL ? beta * addend(c, i, j) : 0.0));
    }
    return code;
}
