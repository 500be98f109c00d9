/* Statistics along any axes, of any floating type, in double: what
 * normalizations come down to where no loop of float serves. */
#include "exec/moments.h"

#include "exec/nest.h"

#include <math.h>
#include <string.h>

static void set_stats(struct qn_array *a, const struct qn_array *x,
                      const bool *kept, double *data)
{
    *a = (struct qn_array){.set = true,
                           .dtype = QUERN_DOUBLE,
                           .rank = x->rank,
                           .len = 1,
                           .data = (unsigned char *)data};
    for (int i = 0; i < x->rank; i++) {
        a->dims[i] = kept[i] ? x->dims[i] : 1;
        a->len *= a->dims[i];
    }
    qn_array_pack_strides(a);
}

/* Add (x - mean)^power to the sums, which lie in `to`. */
static void add_up(const struct qn_array *x, const struct qn_array *mean,
                   int power, const struct qn_array *to)
{
    const struct qn_array *in[2] = {mean, to};
    struct qn_nest nest;
    struct qn_rows rows;
    const double *means = (const double *)(const void *)mean->data;
    double *sums = (double *)(void *)to->data;
    qn_nest_init(&nest, x, in, 2);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            double v = qn_load(x, rows.at[0] + i * qn_row_step(&nest, 0)) -
                       means[rows.at[1] + i * qn_row_step(&nest, 1)];
            sums[rows.at[2] + i * qn_row_step(&nest, 2)] +=
                power == 2 ? v * v : v;
        }
    }
}

static void divide(const struct qn_array *a, double n)
{
    double *v = (double *)(void *)a->data;
    for (int64_t i = 0; i < a->len; i++) {
        v[i] /= n;
    }
}

enum quern_code qn_moments_read(struct qn_run *run, const struct qn_op *op,
                                const struct qn_array *x, const bool *kept,
                                bool centered, struct qn_moments *out)
{
    set_stats(&out->mean, x, kept, NULL);
    size_t n = (size_t)out->mean.len; /* at most the length of x, or its dims */
    double of = out->mean.len > 0 ? (double)(x->len / out->mean.len) : 1.0;
    out->room = qn_scratch(run, 2 * n * sizeof(double));
    if (out->room == NULL) {
        return qn_op_missing(run, op);
    }
    double *data = (double *)(void *)out->room->data;
    memset(data, 0, 2 * n * sizeof *data);
    set_stats(&out->mean, x, kept, data);
    set_stats(&out->factor, x, kept, data + n);
    if (centered) {
        /* The second half still is 0: nothing is taken off. */
        add_up(x, &out->factor, 1, &out->mean);
        divide(&out->mean, of);
    }
    add_up(x, &out->mean, 2, &out->factor);
    divide(&out->factor, of);
    return QUERN_OK;
}

void qn_moments_apply(const struct qn_moments *m, const struct qn_array *x,
                      const struct qn_array *scale, const struct qn_array *bias,
                      const struct qn_array *y)
{
    /* The mean lies in front of the factor, with the same strides. */
    const struct qn_array *in[4] = {x, &m->mean};
    const double *means = (const double *)(const void *)m->mean.data;
    int n = 2;
    int s = scale != NULL ? (in[n++] = scale, n) : 0;
    int b = bias != NULL ? (in[n++] = bias, n) : 0;
    struct qn_nest nest;
    struct qn_rows rows;
    qn_nest_init(&nest, y, in, n);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        int64_t at[QN_NEST_ARRAYS];
        memcpy(at, rows.at, sizeof at);
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            double v =
                (qn_load(x, at[1]) - means[at[2]]) * means[m->mean.len + at[2]];
            v = s > 0 ? v * qn_load(scale, at[s]) : v;
            v = b > 0 ? v + qn_load(bias, at[b]) : v;
            qn_store(y, at[0], v);
            for (int k = 0; k <= n; k++) {
                at[k] += qn_row_step(&nest, k);
            }
        }
    }
}
