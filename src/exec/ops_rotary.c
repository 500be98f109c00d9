/* RotaryEmbedding (ONNX 23): pairs of each head turned by the angle of their
 * place. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

static enum quern_code misfit(struct qn_run *run, const struct qn_op *op,
                              const char *what)
{
    return qn_op_fail(run, op, QUERN_INVALID_MODEL, "%s", what);
}

struct rotary {
    const struct qn_array *x;
    const struct qn_array *cos;
    const struct qn_array *sin;
    const struct qn_array *places; /* NULL: caches are [batch, length, half] */
    int64_t heads;
    int64_t length;
    int64_t size;
    int64_t half; /* of what is turned */
    bool interleaved;
};

/* Turn one head of one place. */
static void turn(const struct rotary *r, const float *x, const float *c,
                 const float *s, float *y)
{
    int64_t step = r->interleaved ? 2 : 1;
    int64_t apart = r->interleaved ? 1 : r->half;
    for (int64_t i = 0; i < r->half; i++) {
        float a = x[i * step];
        float b = x[i * step + apart];
        y[i * step] = c[i] * a - s[i] * b;
        y[i * step + apart] = s[i] * a + c[i] * b;
    }
    memcpy(y + 2 * r->half, x + 2 * r->half,
           (size_t)(r->size - 2 * r->half) * sizeof *y);
}

static bool is_float(const struct qn_array *a)
{
    return a != NULL && a->dtype == QUERN_FLOAT;
}

static bool read_sizes(const struct qn_op *op, struct rotary *r)
{
    int64_t turned = quern_node_int(op->node, "rotary_embedding_dim", 0);
    bool flat = r->x->rank == 3;
    r->heads = flat ? r->heads : r->x->dims[1];
    r->length = r->x->dims[flat ? 1 : 2];
    r->size = flat ? r->x->dims[2] / r->heads : r->x->dims[3];
    r->half = (turned == 0 ? r->size : turned) / 2;
    return r->half >= 0 && 2 * r->half <= r->size;
}

static bool caches_fit(const struct rotary *r)
{
    int rank = r->places != NULL ? 2 : 3;
    int64_t n = r->x->dims[0] * r->length;
    if (r->cos->rank != rank || r->cos->dims[rank - 1] != r->half ||
        !qn_array_same_layout(r->cos, r->sin)) {
        return false;
    }
    return r->places != NULL
               ? r->places->len == n && qn_is_index_type(r->places->dtype)
               : r->cos->dims[0] * r->cos->dims[1] == n;
}

static enum quern_code read_rotary(struct qn_run *run, const struct qn_op *op,
                                   struct rotary *r)
{
    r->x = qn_in_packed(run, op, 0);
    r->cos = qn_in_packed(run, op, 1);
    r->sin = qn_in_packed(run, op, 2);
    r->places = qn_in_packed(run, op, 3);
    r->heads = quern_node_int(op->node, "num_heads", 0);
    r->interleaved = quern_node_int(op->node, "interleaved", 0) != 0;
    if (!is_float(r->x) || !is_float(r->cos) || !is_float(r->sin) ||
        r->x->rank < 3 || r->x->rank > 4) {
        return misfit(run, op, "inputs are no float heads and caches");
    }
    if (r->x->rank == 3 && (r->heads < 1 || r->x->dims[2] % r->heads != 0)) {
        return misfit(run, op, "num_heads does not divide the input");
    }
    return read_sizes(op, r) && caches_fit(r)
               ? QUERN_OK
               : misfit(run, op, "caches do not fit the heads or places");
}

enum quern_code qn_op_rotary(struct qn_run *run, const struct qn_op *op)
{
    struct rotary r = {0};
    struct qn_array *out = NULL;
    enum quern_code code = read_rotary(run, op, &r);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, QUERN_FLOAT, r.x->rank, r.x->dims, &out);
    }
    if (code != QUERN_OK || out == NULL || r.x->len == 0) {
        return code;
    }
    const float *x = (const float *)(const void *)r.x->data;
    float *y = (float *)(void *)out->data;
    bool flat = r.x->rank == 3;
    for (int64_t k = 0; k < r.x->len / r.size; k++) {
        int64_t batch = k / (r.heads * r.length);
        int64_t place = flat ? k / r.heads : batch * r.length + k % r.length;
        if (r.places != NULL) {
            place =
                qn_index(run, op, qn_load_int(r.places, place), r.cos->dims[0]);
            if (place < 0) {
                return qn_op_missing(run, op);
            }
        }
        turn(&r, x + k * r.size,
             (const float *)(const void *)r.cos->data + place * r.half,
             (const float *)(const void *)r.sin->data + place * r.half,
             y + k * r.size);
    }
    return QUERN_OK;
}
