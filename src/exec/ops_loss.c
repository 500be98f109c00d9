/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss (ONNX 12, 13). */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum { NONE, MEAN, SUM };

struct loss {
    const struct qn_array *x;      /* [N, C, d…] */
    const struct qn_array *target; /* [N, d…] */
    const struct qn_array *weight; /* [C]; NULL: ones */
    int64_t classes;
    int64_t inner;
    int64_t ignored;
    bool ignores;
    int reduction;
    bool soft; /* the logarithm of the softmax comes first */
};

static enum quern_code read_loss(struct qn_run *run, const struct qn_op *op,
                                 struct loss *l)
{
    const char *reduction = "mean";
    l->x = qn_in_packed(run, op, 0);
    l->target = qn_in_packed(run, op, 1);
    l->weight = qn_in_packed(run, op, 2);
    l->soft = op->row->variant == 1;
    l->ignores = quern_node_has_attr(op->node, "ignore_index");
    l->ignored = quern_node_int(op->node, "ignore_index", 0);
    (void)!quern_node_attr_string(op->node, "reduction", &reduction, NULL);
    l->reduction = strcmp(reduction, "none") == 0  ? NONE
                   : strcmp(reduction, "sum") == 0 ? SUM
                                                   : MEAN;
    if (l->x == NULL || l->target == NULL || l->x->rank < 2 ||
        !quern_dtype_is_float(l->x->dtype) ||
        !qn_is_index_type(l->target->dtype) ||
        l->target->rank != l->x->rank - 1 ||
        l->target->dims[0] != l->x->dims[0] ||
        memcmp(l->target->dims + 1, l->x->dims + 2,
               (size_t)(l->x->rank - 2) * sizeof *l->x->dims) != 0 ||
        (l->weight != NULL && l->weight->len != l->x->dims[1])) {
        return qn_op_missing(run, op);
    }
    l->classes = l->x->dims[1];
    l->inner = 1;
    for (int i = 2; i < l->x->rank; i++) {
        l->inner *= l->x->dims[i];
    }
    return QUERN_OK;
}

/* Logarithm of the sum of exponentials over the classes of a place. */
static double log_sum(const struct loss *l, int64_t at)
{
    double top = -(double)INFINITY;
    double sum = 0.0;
    for (int64_t c = 0; c < l->classes; c++) {
        top = fmax(top, qn_load(l->x, at + c * l->inner));
    }
    for (int64_t c = 0; c < l->classes; c++) {
        sum += exp(qn_load(l->x, at + c * l->inner) - top);
    }
    return top + log(sum);
}

/* The logarithms of the softmax, as an output of their own. */
static enum quern_code put_logs(struct qn_run *run, const struct qn_op *op,
                                const struct loss *l)
{
    struct qn_array *y = NULL;
    enum quern_code code =
        qn_out(run, op, 1, l->x->dtype, l->x->rank, l->x->dims, &y);
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < l->target->len;
         k++) {
        int64_t at = k / l->inner * l->classes * l->inner + k % l->inner;
        double shift = log_sum(l, at);
        for (int64_t c = 0; c < l->classes; c++) {
            int64_t i = at + c * l->inner;
            qn_store(y, i, qn_load(l->x, i) - shift);
        }
    }
    return code;
}

/* Loss of place k and what it weighs. */
static enum quern_code one_loss(struct qn_run *run, const struct qn_op *op,
                                const struct loss *l, int64_t k, double *loss,
                                double *weight)
{
    int64_t class = qn_array_int(l->target, k);
    int64_t at = k / l->inner * l->classes * l->inner + k % l->inner;
    *loss = *weight = 0.0;
    if (l->ignores && class == l->ignored) {
        return QUERN_OK;
    }
    if (class < 0 || class >= l->classes) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "class %lld lies outside %lld", (long long)class,
                          (long long)l->classes);
    }
    *weight = l->weight != NULL ? qn_load(l->weight, class) : 1.0;
    double v = qn_load(l->x, at + class * l->inner);
    *loss = -(l->soft ? v - log_sum(l, at) : v) * *weight;
    return QUERN_OK;
}

enum quern_code qn_op_loss(struct qn_run *run, const struct qn_op *op)
{
    struct loss l;
    struct qn_array *y = NULL;
    double sum = 0.0;
    double weights = 0.0;
    enum quern_code code = read_loss(run, op, &l);
    if (code != QUERN_OK) {
        return code;
    }
    bool each = l.reduction == NONE;
    code = qn_out(run, op, 0, l.x->dtype, each ? l.target->rank : 0,
                  l.target->dims, &y);
    if (code == QUERN_OK && l.soft) {
        code = put_logs(run, op, &l);
    }
    if (y == NULL) {
        return code;
    }
    for (int64_t k = 0; code == QUERN_OK && k < l.target->len; k++) {
        double loss;
        double weight;
        code = one_loss(run, op, &l, k, &loss, &weight);
        if (each && code == QUERN_OK) {
            qn_store(y, k, loss);
        }
        sum += loss;
        weights += weight;
    }
    if (!each && code == QUERN_OK) {
        qn_store(y, 0, l.reduction == MEAN ? sum / weights : sum);
    }
    return code;
}
