/* Operators of com.microsoft: FusedMatMul, MatMulNBits, whose weights are codes
 * of 2, 4 or 8 bits in blocks, and Gelu behind a bias. float only. */
#include "base/checked.h"
#include "exec/eltwise.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
}

/* C[m, n] = A[m, k] B, B packed by pack_b(). */
static void multiply(struct qn_run *run, const int64_t *mnk, const float *a,
                     const float *packed, float *c)
{
    struct qn_product job = {.m = (size_t)mnk[0],
                             .n = (size_t)mnk[1],
                             .k = (size_t)mnk[2],
                             .a = a,
                             .lda = (size_t)mnk[2],
                             .packed = packed,
                             .c = c,
                             .ldc = (size_t)mnk[1]};
    run->kernels->gemm(&job);
}

static struct qn_chunk *pack_room(struct qn_run *run, const struct qn_op *op,
                                  int64_t k, int64_t n)
{
    size_t panel = run->kernels->panel();
    size_t size = 0;
    if (!qn_mul(((size_t)n + panel - 1) / panel * panel, (size_t)k, &size) ||
        !qn_mul(size, 4, &size) || !qn_add(size, 64, &size)) {
        (void)!qn_op_fail(run, op, QUERN_LIMIT, "sizes overflow");
        return NULL;
    }
    return qn_scratch(run, size);
}

/* ----------------------------------------------------------- FusedMatMul */

/* The view that the attributes name: first batch axis (transBatch…), then the
 * last two (trans…). */
static struct qn_array turned(const struct qn_op *op, const struct qn_array *a,
                              const char *trans, const char *batch)
{
    struct qn_array v = *a;
    int r = a->rank;
    if (quern_node_int(op->node, batch, 0) != 0) {
        /* [M, batch…, K]: the batch axes come first. */
        for (int i = 0; i + 2 < r; i++) {
            v.dims[i] = a->dims[i + 1];
            v.strides[i] = a->strides[i + 1];
        }
        v.dims[r - 2] = a->dims[0];
        v.strides[r - 2] = a->strides[0];
    }
    if (quern_node_int(op->node, trans, 0) != 0) {
        int64_t dim = v.dims[r - 1];
        int64_t stride = v.strides[r - 1];
        v.dims[r - 1] = v.dims[r - 2];
        v.strides[r - 1] = v.strides[r - 2];
        v.dims[r - 2] = dim;
        v.strides[r - 2] = stride;
    }
    return v;
}

struct fused {
    struct qn_array a; /* packed copy, unless it lies so already */
    struct qn_array b;
    struct qn_chunk *copy;
    struct qn_chunk *room;
};

static enum quern_code fused_run(struct qn_run *run, const struct qn_op *op,
                                 struct fused *f)
{
    int ra = f->a.rank;
    int rb = f->b.rank;
    int64_t mnk[3] = {f->a.dims[ra - 2], f->b.dims[rb - 1], f->a.dims[ra - 1]};
    int64_t dims[QUERN_MAX_RANK + 2];
    int rank = 0;
    struct qn_array *y = NULL;
    struct qn_array batch[2] = {f->a, f->b};
    const struct qn_array *in[2] = {&batch[0], &batch[1]};
    batch[0].rank -= 2;
    batch[1].rank -= 2;
    enum quern_code code = qn_broadcast(run, op, in, 2, &rank, dims);
    dims[rank] = mnk[0];
    dims[rank + 1] = mnk[1];
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, QUERN_FLOAT, rank + 2, dims, &y);
    }
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    f->room = pack_room(run, op, mnk[2], mnk[1]);
    if (f->room == NULL) {
        return qn_op_missing(run, op);
    }
    float *packed = (float *)(void *)f->room->data;
    struct qn_array whole = *y;
    struct qn_nest nest;
    struct qn_rows rows;
    whole.rank = rank;
    qn_nest_init(&nest, &whole, in, 2);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            run->kernels->pack_b(
                (size_t)mnk[2], (size_t)mnk[1],
                floats(&f->b) + rows.at[2] + i * qn_row_step(&nest, 2),
                f->b.strides[rb - 2], f->b.strides[rb - 1], packed);
            multiply(run, mnk,
                     floats(&f->a) + rows.at[1] + i * qn_row_step(&nest, 1),
                     packed,
                     (float *)(void *)y->data + rows.at[0] +
                         i * qn_row_step(&nest, 0));
        }
    }
    float alpha = quern_node_float(op->node, "alpha", 1.0f);
    run->kernels->unary[QN_AFFINE]((float *)(void *)y->data,
                                   (float *)(void *)y->data, (size_t)y->len,
                                   alpha, 0.0f);
    return QUERN_OK;
}

enum quern_code qn_op_fused_matmul(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *a = qn_in_packed(run, op, 0);
    const struct qn_array *b = qn_in_packed(run, op, 1);
    if (a == NULL || b == NULL || a->dtype != QUERN_FLOAT ||
        b->dtype != QUERN_FLOAT || a->rank < 2 || b->rank < 2) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "needs float matrices of rank 2 and more");
    }
    struct fused f = {.a = turned(op, a, "transA", "transBatchA"),
                      .b = turned(op, b, "transB", "transBatchB")};
    if (f.a.dims[f.a.rank - 1] != f.b.dims[f.b.rank - 2]) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inner dimensions differ: %lld and %lld",
                          (long long)f.a.dims[f.a.rank - 1],
                          (long long)f.b.dims[f.b.rank - 2]);
    }
    if (!qn_array_is_packed(&f.a)) {
        struct qn_array view = f.a;
        f.copy = qn_scratch(run, (size_t)a->len * sizeof(float));
        if (f.copy == NULL) {
            return qn_op_missing(run, op);
        }
        f.a.data = f.copy->data;
        qn_array_pack_strides(&f.a);
        qn_array_copy(&f.a, &view);
    }
    enum quern_code code = fused_run(run, op, &f);
    qn_chunk_put(&run->chunks, f.room);
    qn_chunk_put(&run->chunks, f.copy);
    return code;
}

/* ----------------------------------------------------------- MatMulNBits */

struct codes {
    const struct qn_array *a;
    const struct qn_array *b;     /* uint8 [N, blocks, bytes of a block] */
    const struct qn_array *scale; /* N x blocks */
    const struct qn_array *zero;  /* NULL: the middle; packed, or numbers */
    const struct qn_array *bias;
    int64_t n;
    int64_t k;
    int64_t bits;
    int64_t block;
    int64_t blocks; /* of a column */
};

/* Code number i of packed bytes. */
static int code_at(const unsigned char *bytes, int64_t i, int64_t bits)
{
    int64_t per = 8 / bits;
    return bytes[i / per] >> (i % per * bits) & ((1 << bits) - 1);
}

static float zero_of(const struct codes *c, int64_t column, int64_t block)
{
    if (c->zero == NULL) {
        return (float)(1 << (c->bits - 1));
    }
    if (c->zero->dtype != QUERN_UINT8) {
        return (float)qn_load(c->zero, column * c->blocks + block);
    }
    int64_t per = 8 / c->bits; /* each column begins a byte */
    int64_t row = (c->blocks + per - 1) / per;
    return (float)code_at(c->zero->data + column * row, block, c->bits);
}

static void decode_column(const struct codes *c, int64_t column, float *to)
{
    int64_t bytes = c->block / (8 / c->bits);
    for (int64_t k = 0; k < c->k; k++) {
        int64_t block = k / c->block;
        const unsigned char *from =
            c->b->data + (column * c->blocks + block) * bytes;
        float code = (float)code_at(from, k % c->block, c->bits);
        float scale = (float)qn_load(c->scale, column * c->blocks + block);
        to[k] = (code - zero_of(c, column, block)) * scale;
    }
}

static bool is_form(const struct qn_op *op, const struct codes *c)
{
    enum { LAST_INPUT = 5 };
    bool sorted = op->n_in > 4 && op->in[4] >= 0; /* g_idx */
    return (c->bits == 2 || c->bits == 4 || c->bits == 8) && c->block >= 16 &&
           c->block <= INT32_MAX && c->block % (8 / c->bits) == 0 &&
           c->n >= 1 && c->n <= INT32_MAX && c->k >= 1 && c->k <= INT32_MAX &&
           !sorted && op->n_in <= LAST_INPUT + 1;
}

static bool codes_fit(const struct codes *c)
{
    int64_t per = 8 / c->bits;
    bool packed = c->zero != NULL && c->zero->dtype == QUERN_UINT8;
    int64_t zeros = packed ? (c->blocks + per - 1) / per : c->blocks;
    return c->a->dims[c->a->rank - 1] == c->k &&
           c->b->len == c->n * c->blocks * (c->block / per) &&
           c->scale->len == c->n * c->blocks &&
           (c->zero == NULL || c->zero->len == c->n * zeros) &&
           (c->bias == NULL ||
            (c->bias->dtype == QUERN_FLOAT && c->bias->len == c->n));
}

static enum quern_code read_codes(struct qn_run *run, const struct qn_op *op,
                                  struct codes *c)
{
    *c = (struct codes){.a = qn_in_packed(run, op, 0),
                        .b = qn_in_packed(run, op, 1),
                        .scale = qn_in_packed(run, op, 2),
                        .zero = qn_in_packed(run, op, 3),
                        .bias = qn_in_packed(run, op, 5),
                        .n = quern_node_int(op->node, "N", 0),
                        .k = quern_node_int(op->node, "K", 0),
                        .bits = quern_node_int(op->node, "bits", 4),
                        .block = quern_node_int(op->node, "block_size", 0)};
    if (c->a == NULL || c->b == NULL || c->scale == NULL ||
        c->a->dtype != QUERN_FLOAT || c->b->dtype != QUERN_UINT8 ||
        c->a->rank < 1 || !quern_dtype_is_float(c->scale->dtype)) {
        return qn_op_missing(run, op);
    }
    if (!is_form(op, c)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "%lld bits in blocks of %lld, or g_idx",
                          (long long)c->bits, (long long)c->block);
    }
    c->blocks = (c->k + c->block - 1) / c->block;
    return codes_fit(c)
               ? QUERN_OK
               : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                            "codes, scales or zero points do not fit [%lld, "
                            "%lld]",
                            (long long)c->k, (long long)c->n);
}

/* Columns go through in tiles, so that decoded weights need little room. */
static void multiply_tiles(struct qn_run *run, const struct codes *c,
                           float *decoded, float *packed, int64_t tile,
                           const struct qn_array *y)
{
    int64_t m = y->len / c->n;
    for (int64_t at = 0; at < c->n; at += tile) {
        int64_t n = c->n - at < tile ? c->n - at : tile;
        for (int64_t i = 0; i < n; i++) {
            decode_column(c, at + i, decoded + i * c->k);
        }
        run->kernels->pack_b((size_t)c->k, (size_t)n, decoded, 1, c->k, packed);
        struct qn_product job = {.m = (size_t)m,
                                 .n = (size_t)n,
                                 .k = (size_t)c->k,
                                 .a = floats(c->a),
                                 .lda = (size_t)c->k,
                                 .packed = packed,
                                 .bias = c->bias != NULL ? floats(c->bias) + at
                                                         : NULL,
                                 .c = (float *)(void *)y->data + at,
                                 .ldc = (size_t)c->n};
        run->kernels->gemm(&job);
    }
}

enum quern_code qn_op_matmul_nbits(struct qn_run *run, const struct qn_op *op)
{
    enum { TILE = 64 };
    struct codes c = {0};
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    enum quern_code code = read_codes(run, op, &c);
    if (code != QUERN_OK) {
        return code;
    }
    memcpy(dims, c.a->dims, sizeof dims);
    dims[c.a->rank - 1] = c.n;
    code = qn_out(run, op, 0, QUERN_FLOAT, c.a->rank, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_chunk *decoded =
        qn_scratch(run, (size_t)c.k * TILE * sizeof(float));
    struct qn_chunk *packed = pack_room(run, op, c.k, TILE);
    if (decoded != NULL && packed != NULL) {
        multiply_tiles(run, &c, (float *)(void *)decoded->data,
                       (float *)(void *)packed->data, TILE, y);
    } else {
        code = qn_op_missing(run, op);
    }
    qn_chunk_put(&run->chunks, packed);
    qn_chunk_put(&run->chunks, decoded);
    return code;
}

/* ----------------------------------------------------------------- Gelu */

/* BiasGelu, FastGelu (bias optional): the row says which Gelu. */
enum quern_code qn_op_bias_gelu(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[2] = {qn_in(run, op, 0), qn_in(run, op, 1)};
    if (in[0] == NULL || in[0]->dtype != QUERN_FLOAT ||
        (in[1] != NULL && in[1]->dtype != QUERN_FLOAT)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "needs float inputs");
    }
    struct qn_array *y = NULL;
    enum quern_code code = in[1] != NULL ? qn_binary_step(run, op, QN_ADD, in)
                                         : qn_out(run, op, 0, QUERN_FLOAT,
                                                  in[0]->rank, in[0]->dims, &y);
    if (code != QUERN_OK || op->out[0] < 0) {
        return code;
    }
    if (y != NULL) {
        qn_array_copy(y, in[0]);
    }
    y = &run->slots[op->out[0]];
    float *v = (float *)(void *)y->data;
    run->kernels->unary[op->row->variant](v, v, (size_t)y->len, 0.0f, 0.0f);
    return QUERN_OK;
}
