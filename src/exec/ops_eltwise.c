/* Element-wise operators of several inputs that broadcast.
 *
 * float has loops of its own for every CPU level; other types go element by
 * element through int64 or double. Outputs take the stride order of their
 * dense input, so that nhwc chains stay nhwc.
 */
#include "exec/eltwise.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

/* --------------------------------------------------------------- binary */

/* The input whose shape and layout the output takes: a dense one of the whole
 * shape, else NULL (row-major). */
static const struct qn_array *layout_of(const struct qn_array *const *in, int n,
                                        int rank, const int64_t *dims)
{
    for (int k = 0; k < n; k++) {
        if (in[k]->rank == rank &&
            memcmp(in[k]->dims, dims, (size_t)rank * sizeof *dims) == 0 &&
            qn_array_is_dense(in[k])) {
            return in[k];
        }
    }
    return NULL;
}

/* Room for an element-wise output of several inputs, and the nest over all. */
static enum quern_code start(struct qn_run *run, const struct qn_op *op,
                             const struct qn_array **in, int n,
                             enum quern_dtype dtype, struct qn_nest *nest,
                             struct qn_array **out)
{
    int rank = 0;
    int64_t dims[QUERN_MAX_RANK];
    for (int k = 0; k < n; k++) {
        if (in[k] == NULL) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d is missing", k);
        }
    }
    enum quern_code code = qn_broadcast(run, op, in, n, &rank, dims);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_array *like = layout_of(in, n, rank, dims);
    code = like != NULL ? qn_out_like(run, op, 0, dtype, like, out)
                        : qn_out(run, op, 0, dtype, rank, dims, out);
    if (code == QUERN_OK && *out != NULL) {
        qn_nest_init(nest, *out, in, n);
    }
    return code;
}

/* A row of floats with step 0 or 1; others are gathered into `room`. */
static const float *row_of(const struct qn_array *a, int64_t at, int64_t *step,
                           int64_t n, float *room)
{
    const float *p = (const float *)(const void *)a->data + at;
    if (*step == 0 || *step == 1) {
        return p;
    }
    for (int64_t i = 0; i < n; i++) {
        room[i] = p[i * *step];
    }
    *step = 1;
    return room;
}

static void binary_floats(const struct qn_kernels *k, int variant,
                          const struct qn_nest *nest,
                          const struct qn_array *const *in,
                          const struct qn_array *out)
{
    enum { BLOCK = 256 };
    float a_room[BLOCK];
    float b_room[BLOCK];
    struct qn_rows rows;
    int64_t n = qn_row_len(nest);
    bool plain = (qn_row_step(nest, 1) | qn_row_step(nest, 2)) <= 1 &&
                 qn_row_step(nest, 1) >= 0 && qn_row_step(nest, 2) >= 0;
    int64_t block = plain ? n : BLOCK;
    for (qn_rows_init(&rows, nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < n; i += block) {
            int64_t m = n - i < block ? n - i : block;
            int64_t a_step = qn_row_step(nest, 1);
            int64_t b_step = qn_row_step(nest, 2);
            const float *a =
                row_of(in[0], rows.at[1] + i * a_step, &a_step, m, a_room);
            const float *b =
                row_of(in[1], rows.at[2] + i * b_step, &b_step, m, b_room);
            k->binary[variant](a, (size_t)a_step, b, (size_t)b_step,
                               (float *)(void *)out->data + rows.at[0] + i,
                               (size_t)m);
        }
    }
}

static int64_t power(int64_t base, int64_t exponent)
{
    uint64_t result = 1;
    uint64_t factor = (uint64_t)base;
    for (; exponent > 0; exponent /= 2) {
        result *= exponent % 2 != 0 ? factor : 1;
        factor *= factor;
    }
    return (int64_t)result;
}

static uint64_t shifted(int variant, uint64_t a, uint64_t b)
{
    return b > 63 ? 0 : variant == QN_SHIFT_LEFT ? a << b : a >> b;
}

/* Quotient and remainder in the type's own sense; the least number by -1
 * wraps. */
static int64_t divided(int variant, bool is_unsigned, int64_t a, int64_t b)
{
    if (is_unsigned) {
        return (int64_t)(variant == QN_DIV ? (uint64_t)a / (uint64_t)b
                                           : (uint64_t)a % (uint64_t)b);
    }
    if (b == -1) {
        return variant == QN_DIV ? (int64_t)(0 - (uint64_t)a) : 0;
    }
    int64_t rest = a % b;
    bool crosses = variant == QN_MOD && rest != 0 && (rest < 0) != (b < 0);
    return variant == QN_DIV ? a / b : crosses ? rest + b : rest;
}

static bool is_less(bool is_unsigned, int64_t a, int64_t b)
{
    return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

/* Overflow wraps, as in two's complement hardware. */
static bool whole_binary(int variant, bool is_unsigned, int64_t a, int64_t b,
                         int64_t *out)
{
    switch (variant) {
    case QN_ADD:
        *out = (int64_t)((uint64_t)a + (uint64_t)b);
        return true;
    case QN_SUB:
        *out = (int64_t)((uint64_t)a - (uint64_t)b);
        return true;
    case QN_MUL:
        *out = (int64_t)((uint64_t)a * (uint64_t)b);
        return true;
    case QN_DIV:
    case QN_MOD:
    case QN_FMOD:
        *out = b != 0 ? divided(variant, is_unsigned, a, b) : 0;
        return b != 0;
    case QN_POW:
        *out = b >= 0 ? power(a, b) : (a == 1 ? 1 : 0);
        return true;
    case QN_MIN:
        *out = is_less(is_unsigned, a, b) ? a : b;
        return true;
    case QN_MAX:
        *out = is_less(is_unsigned, a, b) ? b : a;
        return true;
    case QN_BIT_AND:
        *out = a & b;
        return true;
    case QN_BIT_OR:
        *out = a | b;
        return true;
    case QN_BIT_XOR:
        *out = a ^ b;
        return true;
    case QN_SHIFT_LEFT:
    case QN_SHIFT_RIGHT:
        *out = (int64_t)shifted(variant, (uint64_t)a, (uint64_t)b);
        return true;
    default: /* PRelu */
        *out = a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
        return true;
    }
}

static double real_binary(const struct qn_kernels *k, int variant, double a,
                          double b, bool is_double)
{
    if (!is_double) {
        float x = (float)a;
        float z = (float)b;
        float y;
        k->binary[variant](&x, 1, &z, 1, &y, 1);
        return (double)y;
    }
    switch (variant) {
    case QN_ADD:
        return a + b;
    case QN_SUB:
        return a - b;
    case QN_MUL:
        return a * b;
    case QN_DIV:
        return a / b;
    case QN_POW:
        return pow(a, b);
    case QN_MIN:
        return isnan(a) || a < b ? a : b;
    case QN_MAX:
        return isnan(a) || a > b ? a : b;
    case QN_PRELU:
        return a < 0.0 ? a * b : a;
    default:
        return fmod(a, b);
    }
}

static enum quern_code binary_any(struct qn_run *run, const struct qn_op *op,
                                  int variant, const struct qn_nest *nest,
                                  const struct qn_array *const *in,
                                  const struct qn_array *out)
{
    struct qn_rows rows;
    bool whole = qn_is_whole(in[0]->dtype) && qn_is_whole(in[1]->dtype);
    bool is_unsigned = in[0]->dtype == QUERN_UINT64;
    for (qn_rows_init(&rows, nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(nest); i++) {
            int64_t at = rows.at[0] + i * qn_row_step(nest, 0);
            int64_t a = rows.at[1] + i * qn_row_step(nest, 1);
            int64_t b = rows.at[2] + i * qn_row_step(nest, 2);
            if (!whole) {
                qn_store(out, at,
                         real_binary(run->kernels, variant, qn_load(in[0], a),
                                     qn_load(in[1], b),
                                     out->dtype == QUERN_DOUBLE));
                continue;
            }
            int64_t y = 0;
            if (!whole_binary(variant, is_unsigned, qn_load_int(in[0], a),
                              qn_load_int(in[1], b), &y)) {
                return qn_op_fail(run, op, QUERN_NUMERIC,
                                  "integer division by zero");
            }
            qn_store_int(out, at, y);
        }
    }
    return QUERN_OK;
}

/* Two inputs into output 0. */
enum quern_code qn_binary_step(struct qn_run *run, const struct qn_op *op,
                               int variant, const struct qn_array **in)
{
    struct qn_nest nest;
    struct qn_array *y = NULL;
    if (in[0] == NULL || in[1] == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "an input is missing");
    }
    enum quern_code code = start(run, op, in, 2, in[0]->dtype, &nest, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (in[0]->dtype == QUERN_FLOAT && in[1]->dtype == QUERN_FLOAT) {
        binary_floats(run->kernels, variant, &nest, in, y);
        return QUERN_OK;
    }
    return binary_any(run, op, variant, &nest, in, y);
}

/* Input 1. Before opset 7 it broadcast when told to, from an axis on; PRelu has
 * one slope a channel. */
static const struct qn_array *second_operand(const struct qn_run *run,
                                             const struct qn_op *op,
                                             struct qn_array *room)
{
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 1);
    if (op->opset >= 7 || a == NULL || b == NULL || b->rank == 0) {
        return b;
    }
    bool slopes = op->row->variant == QN_PRELU && b->rank == 1;
    int64_t axis =
        quern_node_int(op->node, "axis", slopes ? 1 : a->rank - b->rank);
    axis = axis < 0 ? axis + a->rank : axis;
    if (axis < 0 || axis + b->rank > a->rank) {
        return b;
    }
    *room = *b;
    room->rank = a->rank - (int)axis;
    for (int i = b->rank; i < room->rank; i++) {
        room->dims[i] = 1;
        room->strides[i] = 0;
    }
    return room;
}

/* Sum, Mean, Min and Max take any number of inputs: left to right. */
static enum quern_code variadic(struct qn_run *run, const struct qn_op *op,
                                int variant)
{
    struct qn_array kept = {0};
    struct qn_array room;
    const struct qn_array *in[2] = {qn_in(run, op, 0),
                                    second_operand(run, op, &room)};
    enum quern_code code = qn_binary_step(run, op, variant, in);
    for (int i = 2; i < op->n_in && code == QUERN_OK; i++) {
        kept =
            run->slots[op->out[0]]; /* its chunk goes when the next is made */
        run->slots[op->out[0]].set = false;
        in[0] = &kept;
        in[1] = qn_in(run, op, i);
        code = qn_binary_step(run, op, variant, in);
        qn_chunk_put(&run->chunks, kept.chunk);
    }
    return code;
}

enum quern_code qn_op_binary(struct qn_run *run, const struct qn_op *op)
{
    int variant = op->row->variant;
    if (variant == QN_MOD && quern_node_int(op->node, "fmod", 0) != 0) {
        variant = QN_FMOD;
    }
    if (op->n_in == 1) {
        const struct qn_array *x = qn_in(run, op, 0);
        return x != NULL ? qn_out_view(run, op, 0, x, x)
                         : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                      "input 0 is missing");
    }
    if (op->out[0] < 0) {
        return QUERN_OK;
    }
    enum quern_code code = variadic(run, op, variant);
    bool mean = strcmp(op->node->op, "Mean") == 0;
    struct qn_array *y = &run->slots[op->out[0]];
    for (int64_t i = 0; code == QUERN_OK && mean && i < y->len; i++) {
        qn_store(y, i, qn_load(y, i) / op->n_in);
    }
    return code;
}

/* BitwiseAnd, BitwiseOr, BitwiseXor; BitShift (variant QN_SHIFT_LEFT). */
enum quern_code qn_op_bits(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[2] = {qn_in(run, op, 0), qn_in(run, op, 1)};
    const char *direction = NULL;
    int variant = op->row->variant;
    for (int i = 0; i < 2; i++) {
        if (in[i] == NULL || !quern_dtype_is_integer(in[i]->dtype) ||
            in[i]->dtype != in[0]->dtype) {
            return qn_op_missing(run, op);
        }
    }
    if (variant == QN_SHIFT_LEFT) {
        if (quern_node_attr_string(op->node, "direction", &direction, NULL) !=
            QUERN_OK) {
            return qn_op_missing(run, op);
        }
        variant =
            strcmp(direction, "LEFT") == 0 ? QN_SHIFT_LEFT : QN_SHIFT_RIGHT;
    }
    return qn_binary_step(run, op, variant, in);
}

/* -------------------------------------------------- comparison and logic */

enum { EQUAL, GREATER, LESS, GREATER_OR_EQUAL, LESS_OR_EQUAL, AND, OR, XOR };

static bool compare(int variant, double a, double b)
{
    switch (variant) {
    case EQUAL:
        return a <= b && a >= b;
    case GREATER:
        return a > b;
    case LESS:
        return a < b;
    case GREATER_OR_EQUAL:
        return a >= b;
    default:
        return a <= b;
    }
}

static bool compare_whole(int variant, bool is_unsigned, int64_t a, int64_t b)
{
    switch (variant) {
    case EQUAL:
        return a == b;
    case GREATER:
        return is_less(is_unsigned, b, a);
    case LESS:
        return is_less(is_unsigned, a, b);
    case GREATER_OR_EQUAL:
        return !is_less(is_unsigned, a, b);
    case LESS_OR_EQUAL:
        return !is_less(is_unsigned, b, a);
    case AND:
        return a != 0 && b != 0;
    case OR:
        return a != 0 || b != 0;
    default:
        return (a != 0) != (b != 0);
    }
}

enum quern_code qn_op_compare(struct qn_run *run, const struct qn_op *op)
{
    struct qn_array room;
    const struct qn_array *in[2] = {qn_in(run, op, 0),
                                    second_operand(run, op, &room)};
    struct qn_nest nest;
    struct qn_rows rows;
    struct qn_array *y = NULL;
    enum quern_code code = start(run, op, in, 2, QUERN_BOOL, &nest, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    bool whole = qn_is_whole(in[0]->dtype) && qn_is_whole(in[1]->dtype);
    bool is_unsigned = in[0]->dtype == QUERN_UINT64;
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            int64_t a = rows.at[1] + i * qn_row_step(&nest, 1);
            int64_t b = rows.at[2] + i * qn_row_step(&nest, 2);
            y->data[rows.at[0] + i * qn_row_step(&nest, 0)] =
                whole ? compare_whole(op->row->variant, is_unsigned,
                                      qn_load_int(in[0], a),
                                      qn_load_int(in[1], b))
                      : compare(op->row->variant, qn_load(in[0], a),
                                qn_load(in[1], b));
        }
    }
    return QUERN_OK;
}

enum quern_code qn_op_logic(struct qn_run *run, const struct qn_op *op)
{
    return qn_op_compare(run, op);
}

/* ---------------------------------------------------------------- where */

enum quern_code qn_op_where(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[3] = {qn_in(run, op, 0), qn_in(run, op, 1),
                                    qn_in(run, op, 2)};
    struct qn_nest nest;
    struct qn_rows rows;
    struct qn_array *y = NULL;
    if (in[1] == NULL || (in[2] != NULL && in[2]->dtype != in[1]->dtype)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = start(run, op, in, 3, in[1]->dtype, &nest, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(y->dtype);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            int64_t c = rows.at[1] + i * qn_row_step(&nest, 1);
            int which = in[0]->data[c] != 0 ? 1 : 2;
            int64_t from =
                rows.at[which + 1] + i * qn_row_step(&nest, which + 1);
            int64_t to = rows.at[0] + i * qn_row_step(&nest, 0);
            memcpy(y->data + (size_t)to * size,
                   in[which]->data + (size_t)from * size, size);
        }
    }
    return QUERN_OK;
}
