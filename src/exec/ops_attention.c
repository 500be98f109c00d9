/* Attention (ONNX 23 and later): heads in groups, masks, causal and windowed,
 * past and present, softcap, and what the scores were on the way. Queries go
 * through in blocks of rows, so that room grows with the keys alone. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64, RAW = 0, CAPPED = 1, BIASED = 2, SOFT = 3 };

struct attention {
    struct qn_array q; /* [batch, heads, length, size], any strides but for the
                          last axis, which is 1 */
    struct qn_array k;
    struct qn_array v;
    const struct qn_array *mask;    /* NULL: none */
    const struct qn_array *lengths; /* valid keys of each batch; NULL: all */
    int64_t n_past;
    int64_t mask_steps[4];
    int64_t mask_keys; /* keys that the mask speaks of; others are masked */
    bool causal;
    int64_t left; /* of the window; -1: open */
    int64_t right;
    float scale;
    float softcap; /* 0: none */
    int mode;
    struct qn_array *y;
    struct qn_array *scores; /* output 3; NULL: nobody wants it */
    float *s;                /* a block of rows */
    float *packed_k;
    float *packed_v;
};

static enum quern_code misfit(struct qn_run *run, const struct qn_op *op,
                              const char *what)
{
    return qn_op_fail(run, op, QUERN_INVALID_MODEL, "%s", what);
}

/* An input as [batch, heads, length, size]; rank 3 holds heads side by side.
 */
static bool as_heads(const struct qn_array *a, int64_t heads,
                     struct qn_array *out)
{
    *out = *a;
    if (a->rank == 4) {
        return true;
    }
    if (a->rank != 3 || heads < 1 || a->dims[2] % heads != 0) {
        return false;
    }
    out->rank = 4;
    out->dims[1] = heads;
    out->dims[2] = a->dims[1];
    out->dims[3] = a->dims[2] / heads;
    out->strides[1] = out->dims[3];
    out->strides[2] = a->strides[1];
    out->strides[3] = 1;
    return true;
}

static enum quern_code read_heads(struct qn_run *run, const struct qn_op *op,
                                  int i, const char *attribute,
                                  struct qn_array *out)
{
    static const char *const names[] = {"queries", "keys", "values"};
    const struct qn_array *a = qn_in_packed(run, op, i);
    if (a == NULL) {
        return qn_op_missing(run, op);
    }
    if (a->dtype != QUERN_FLOAT) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "%s are %s; needs float",
                          names[i], quern_dtype_name(a->dtype));
    }
    return as_heads(a, quern_node_int(op->node, attribute, 0), out)
               ? QUERN_OK
               : qn_op_fail(run, op, QUERN_INVALID_MODEL, "%s are no heads",
                            names[i]);
}

/* Past and new keys (or values) one behind the other, in output `o` or, where
 * nobody wants it, in scratch. */
static enum quern_code join_past(struct qn_run *run, const struct qn_op *op,
                                 int past_input, int o, struct qn_array *a,
                                 struct qn_chunk **out_room)
{
    const struct qn_array *past = qn_in_packed(run, op, past_input);
    bool wanted = o < op->n_out && op->out[o] >= 0;
    struct qn_array to = *a;
    struct qn_array *made = NULL;
    if (past == NULL && !wanted) {
        return QUERN_OK;
    }
    if (past != NULL) {
        if (past->rank != 4 || past->dtype != QUERN_FLOAT ||
            past->dims[0] != a->dims[0] || past->dims[1] != a->dims[1] ||
            past->dims[3] != a->dims[3]) {
            return misfit(run, op, "past does not fit keys or values");
        }
        to.dims[2] += past->dims[2];
    }
    size_t size = 0;
    if (wanted) {
        enum quern_code code =
            qn_out(run, op, o, QUERN_FLOAT, 4, to.dims, &made);
        if (code != QUERN_OK) {
            return code;
        }
        to = *made;
    } else {
        size = ((size_t)past->len + (size_t)a->len) * sizeof(float);
        *out_room = qn_scratch(run, size);
        if (*out_room == NULL) {
            return qn_op_missing(run, op);
        }
        to.data = (*out_room)->data;
        to.len = past->len + a->len;
        qn_array_pack_strides(&to);
    }
    struct qn_array part = to;
    int64_t n_past = past != NULL ? past->dims[2] : 0;
    if (past != NULL) {
        part.dims[2] = n_past;
        part.len = past->len;
        qn_array_copy(&part, past);
    }
    part.dims[2] = a->dims[2];
    part.len = a->len;
    part.data = to.data + n_past * to.strides[2] * (int64_t)sizeof(float);
    qn_array_copy(&part, a);
    *a = to;
    return QUERN_OK;
}

/* -------------------------------------------------------------- one row */

/* Add what masks allow to the scores of query `i`; false: nothing is allowed.
 */
static bool add_bias(const struct attention *t, int64_t b, int64_t h, int64_t i,
                     float *s)
{
    int64_t n = t->k.dims[2];
    int64_t valid = t->lengths != NULL ? qn_load_int(t->lengths, b) : n;
    int64_t at = t->n_past + i;
    bool any = false;
    at += t->lengths != NULL ? valid - t->q.dims[2] : 0;
    int64_t from =
        b * t->mask_steps[0] + h * t->mask_steps[1] + i * t->mask_steps[2];
    for (int64_t j = 0; j < n; j++) {
        float bias = 0.0f;
        if (j >= valid || (t->causal && j > at) ||
            (t->left >= 0 && at - j > t->left) ||
            (t->right >= 0 && j - at > t->right) ||
            (t->mask != NULL && j >= t->mask_keys)) {
            bias = -INFINITY;
        } else if (t->mask != NULL && t->mask->dtype == QUERN_BOOL) {
            bias = t->mask->data[from + j * t->mask_steps[3]] != 0 ? 0.0f
                                                                   : -INFINITY;
        } else if (t->mask != NULL) {
            bias = (float)qn_load(t->mask, from + j * t->mask_steps[3]);
        }
        any = any || !(bias <= -INFINITY);
        s[j] += bias;
    }
    return any;
}

static void show(const struct attention *t, int mode, int64_t row,
                 const float *s)
{
    int64_t n = t->k.dims[2];
    if (t->scores != NULL && t->mode == mode) {
        memcpy((float *)(void *)t->scores->data + row * n, s,
               (size_t)n * sizeof *s);
    }
}

static void one_row(struct qn_run *run, const struct attention *t, int64_t b,
                    int64_t h, int64_t i, float *s)
{
    int64_t n = t->k.dims[2];
    int64_t row = (b * t->q.dims[1] + h) * t->q.dims[2] + i;
    run->kernels->unary[QN_AFFINE](s, s, (size_t)n, t->scale, 0.0f);
    show(t, RAW, row, s);
    for (int64_t j = 0; t->softcap > 0.0f && j < n; j++) {
        s[j] = t->softcap * tanhf(s[j] / t->softcap);
    }
    show(t, CAPPED, row, s);
    bool any = add_bias(t, b, h, i, s);
    show(t, BIASED, row, s);
    if (any) {
        run->kernels->softmax(s, s, (size_t)n);
    } else {
        memset(s, 0, (size_t)n * sizeof *s);
    }
    show(t, SOFT, row, s);
}

/* ---------------------------------------------------------------- heads */

static const float *head(const struct qn_array *a, int64_t b, int64_t h)
{
    return (const float *)(const void *)a->data + b * a->strides[0] +
           h * a->strides[1];
}

static void one_head(struct qn_run *run, const struct attention *t, int64_t b,
                     int64_t h)
{
    int64_t group = t->q.dims[1] / t->k.dims[1];
    size_t n = (size_t)t->k.dims[2];
    size_t size = (size_t)t->v.dims[3];
    int64_t y_step = t->y->rank == 4 ? t->v.dims[3] : t->y->dims[2];
    float *y = (float *)(void *)t->y->data;
    y += t->y->rank == 4 ? (b * t->q.dims[1] + h) * t->q.dims[2] * t->v.dims[3]
                         : b * t->q.dims[2] * y_step + h * t->v.dims[3];
    run->kernels->pack_b((size_t)t->q.dims[3], n, head(&t->k, b, h / group), 1,
                         t->k.strides[2], t->packed_k);
    run->kernels->pack_b(n, size, head(&t->v, b, h / group), t->v.strides[2], 1,
                         t->packed_v);
    for (int64_t i = 0; i < t->q.dims[2]; i += BLOCK) {
        int64_t rows = t->q.dims[2] - i < BLOCK ? t->q.dims[2] - i : BLOCK;
        struct qn_product qk = {.m = (size_t)rows,
                                .n = n,
                                .k = (size_t)t->q.dims[3],
                                .a = head(&t->q, b, h) + i * t->q.strides[2],
                                .lda = (size_t)t->q.strides[2],
                                .packed = t->packed_k,
                                .c = t->s,
                                .ldc = n};
        struct qn_product pv = {.m = (size_t)rows,
                                .n = size,
                                .k = n,
                                .a = t->s,
                                .lda = n,
                                .packed = t->packed_v,
                                .c = y + i * y_step,
                                .ldc = (size_t)y_step};
        run->kernels->gemm(&qk);
        for (int64_t r = 0; r < rows; r++) {
            one_row(run, t, b, h, i + r, t->s + r * (int64_t)n);
        }
        run->kernels->gemm(&pv);
    }
}

/* -------------------------------------------------------------- reading */

static enum quern_code read_mask(struct qn_run *run, const struct qn_op *op,
                                 struct attention *t)
{
    const int64_t whole[4] = {t->q.dims[0], t->q.dims[1], t->q.dims[2],
                              t->k.dims[2]};
    const struct qn_array *m = t->mask = qn_in(run, op, 3);
    t->mask_keys = whole[3];
    if (m == NULL) {
        return QUERN_OK;
    }
    if (m->rank < 1 || m->rank > 4) {
        return misfit(run, op, "mask is of a rank outside 1 to 4");
    }
    for (int i = 0; i < m->rank; i++) {
        int axis = 4 - m->rank + i;
        int64_t n = m->dims[i];
        bool short_mask = axis == 3 && op->opset >= 24 && n < whole[3];
        if (n != whole[axis] && n != 1 && !short_mask) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "mask has %lld in dimension %d, needs %lld",
                              (long long)n, i, (long long)whole[axis]);
        }
        t->mask_steps[axis] = n == 1 ? 0 : m->strides[i];
        t->mask_keys = short_mask ? n : t->mask_keys;
    }
    return QUERN_OK;
}

static enum quern_code read_lengths(struct qn_run *run, const struct qn_op *op,
                                    struct attention *t)
{
    t->lengths = qn_in_packed(run, op, 6);
    if (t->lengths == NULL) {
        return QUERN_OK;
    }
    bool good = t->lengths->dtype == QUERN_INT64 &&
                t->lengths->len == t->q.dims[0] && qn_in(run, op, 4) == NULL;
    for (int64_t b = 0; good && b < t->lengths->len; b++) {
        int64_t n = qn_load_int(t->lengths, b);
        good = n >= 0 && n <= t->k.dims[2];
    }
    return good ? QUERN_OK
                : misfit(run, op,
                         "nonpad_kv_seqlen is no number of keys for "
                         "each batch, or stands beside a past");
}

static void read_attributes(const struct qn_op *op, struct attention *t)
{
    float size = (float)t->q.dims[3];
    t->causal = quern_node_int(op->node, "is_causal", 0) != 0;
    t->softcap = quern_node_float(op->node, "softcap", 0.0f);
    t->scale = quern_node_float(op->node, "scale", 1.0f / sqrtf(size));
    t->mode = (int)quern_node_int(op->node, "qk_matmul_output_mode", 0);
    t->left = quern_node_int(op->node, "left_window_size", -1);
    t->right = quern_node_int(op->node, "right_window_size", -1);
}

static enum quern_code read_all(struct qn_run *run, const struct qn_op *op,
                                struct attention *t, struct qn_chunk **rooms)
{
    enum quern_code code = read_heads(run, op, 0, "q_num_heads", &t->q);
    if (code == QUERN_OK) {
        code = read_heads(run, op, 1, "kv_num_heads", &t->k);
    }
    if (code == QUERN_OK) {
        code = read_heads(run, op, 2, "kv_num_heads", &t->v);
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (t->k.dims[0] != t->q.dims[0] || t->v.dims[0] != t->q.dims[0] ||
        t->k.dims[3] != t->q.dims[3] || t->v.dims[1] != t->k.dims[1] ||
        t->v.dims[2] != t->k.dims[2] || t->k.dims[1] < 1 ||
        t->q.dims[1] % t->k.dims[1] != 0) {
        return misfit(run, op, "queries, keys and values do not fit");
    }
    const struct qn_array *past = qn_in(run, op, 4);
    if ((past == NULL) != (qn_in(run, op, 5) == NULL)) {
        return misfit(run, op, "past keys or past values are missing");
    }
    t->n_past = past != NULL && past->rank == 4 ? past->dims[2] : 0;
    code = join_past(run, op, 4, 1, &t->k, &rooms[0]);
    if (code == QUERN_OK) {
        code = join_past(run, op, 5, 2, &t->v, &rooms[1]);
    }
    if (code == QUERN_OK && t->v.dims[2] != t->k.dims[2]) {
        code = misfit(run, op, "past keys and values differ in number");
    }
    if (code == QUERN_OK) {
        code = read_mask(run, op, t);
    }
    return code == QUERN_OK ? read_lengths(run, op, t) : code;
}

static enum quern_code make_outputs(struct qn_run *run, const struct qn_op *op,
                                    struct attention *t, bool flat)
{
    int64_t dims[4] = {t->q.dims[0], t->q.dims[1], t->q.dims[2], t->k.dims[2]};
    int64_t rows[4] = {dims[0], dims[1], dims[2], t->v.dims[3]};
    if (flat) {
        rows[1] = dims[2];
        rows[2] = dims[1] * t->v.dims[3];
    }
    enum quern_code code = qn_out(run, op, 3, QUERN_FLOAT, 4, dims, &t->scores);
    return code == QUERN_OK
               ? qn_out(run, op, 0, QUERN_FLOAT, flat ? 3 : 4, rows, &t->y)
               : code;
}

/* Room for a block of scores, and for packed keys and values. */
static enum quern_code make_room(struct qn_run *run, const struct qn_op *op,
                                 struct attention *t, struct qn_chunk **room)
{
    size_t panel = run->kernels->panel();
    size_t n = (size_t)t->k.dims[2];
    size_t keys = 0;
    size_t values = 0;
    size_t block = 0;
    size_t total = 0;
    if (!qn_mul((n + panel) / panel * panel + panel, (size_t)t->q.dims[3],
                &keys) ||
        !qn_mul(((size_t)t->v.dims[3] + panel) / panel * panel + panel, n,
                &values) ||
        !qn_mul(n, BLOCK, &block) || !qn_add(keys, values, &total) ||
        !qn_add(total, block + 64, &total) || !qn_mul(total, 4, &total)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "sizes overflow");
    }
    *room = qn_scratch(run, total);
    if (*room == NULL) {
        return qn_op_missing(run, op);
    }
    t->s = (float *)(void *)(*room)->data;
    t->packed_k = t->s + (block + 15) / 16 * 16;
    t->packed_v = t->packed_k + (keys + 15) / 16 * 16;
    return QUERN_OK;
}

enum quern_code qn_op_attention(struct qn_run *run, const struct qn_op *op)
{
    struct attention t = {0};
    struct qn_chunk *rooms[3] = {NULL, NULL, NULL};
    enum quern_code code = read_all(run, op, &t, rooms);
    if (code == QUERN_OK) {
        read_attributes(op, &t);
        code = make_outputs(run, op, &t, qn_in(run, op, 0)->rank == 3);
    }
    if (code == QUERN_OK && (t.y == NULL || t.y->len == 0)) {
        t.q.dims[0] = 0; /* nothing to do; scores of nothing are left out */
        code = t.scores != NULL && t.scores->len > 0
                   ? qn_op_fail(run, op, QUERN_UNSUPPORTED,
                                "scores without the output itself")
                   : QUERN_OK;
    }
    if (code == QUERN_OK && t.q.dims[0] > 0) {
        code = make_room(run, op, &t, &rooms[2]);
    }
    for (int64_t b = 0; code == QUERN_OK && b < t.q.dims[0]; b++) {
        for (int64_t h = 0; h < t.q.dims[1]; h++) {
            one_head(run, &t, b, h);
        }
    }
    for (int i = 0; i < 3; i++) {
        qn_chunk_put(&run->chunks, rooms[i]);
    }
    return code;
}
