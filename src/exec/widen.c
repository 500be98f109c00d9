/* float16 and bfloat16 for operators whose loops are of float alone: inputs are
 * widened, outputs rounded, operator by operator, which is what ONNX Runtime
 * does on CPUs without kernels for them. */
#include "exec/widen.h"

#include "exec/op.h"
#include "exec/prepare.h"

#include <string.h>

/* Operators with loops of float, and how many of their outputs, from the first
 * on, are of the type of their input (the others are float, as stash_type has
 * it, or integers). */
static const struct {
    const char *op;
    int outputs;
} table[] = {
    {"Add", 1},
    {"AveragePool", 1},
    {"Attention", 9},
    {"BatchNormalization", 1},
    {"CausalConvWithState", 2},
    {"Conv", 1},
    {"ConvTranspose", 1},
    {"Div", 1},
    {"Einsum", 1},
    {"Gemm", 1},
    {"GlobalAveragePool", 1},
    {"GlobalMaxPool", 1},
    {"GridSample", 1},
    {"GroupNormalization", 1},
    {"GRU", 9},
    {"InstanceNormalization", 1},
    {"LRN", 1},
    {"LSTM", 9},
    {"LayerNormalization", 1},
    {"LinearAttention", 2},
    {"LogSoftmax", 1},
    {"MatMul", 1},
    {"Max", 1},
    {"MaxPool", 1},
    {"Min", 1},
    {"Mul", 1},
    {"PRelu", 1},
    {"Pow", 1},
    {"RMSNormalization", 1},
    {"RNN", 9},
    {"ReduceMean", 1},
    {"ReduceSum", 1},
    {"Resize", 1},
    {"RotaryEmbedding", 1},
    {"Softmax", 1},
    {"Sub", 1},
    {"Upsample", 1},
};

enum { N_TABLE = sizeof table / sizeof *table, MOST_INPUTS = 32 };

int qn_widens(const struct quern_node *node)
{
    for (int i = 0; i < N_TABLE && *node->domain == '\0'; i++) {
        if (strcmp(node->op, table[i].op) == 0) {
            return table[i].outputs;
        }
    }
    return 0;
}

bool qn_is_half(enum quern_dtype dtype)
{
    return dtype == QUERN_FLOAT16 || dtype == QUERN_BFLOAT16;
}

void qn_half_to_floats(const struct qn_kernels *k, const struct qn_array *from,
                       int64_t first, float *to, int64_t n)
{
    const uint16_t *x = (const uint16_t *)(const void *)from->data + first;
    (from->dtype == QUERN_FLOAT16 ? k->half_widen
                                  : k->bfloat16_widen)(x, to, (size_t)n);
}

void qn_half_from_floats(const struct qn_kernels *k, const float *from,
                         const struct qn_array *to, int64_t first, int64_t n)
{
    uint16_t *y = (uint16_t *)(void *)to->data + first;
    (to->dtype == QUERN_FLOAT16 ? k->half_narrow
                                : k->bfloat16_narrow)(from, y, (size_t)n);
}

/* An array of another element type in new bytes, elements lying as in `a`,
 * which must be dense. */
static bool room_like(struct qn_run *run, const struct qn_array *a,
                      enum quern_dtype dtype, struct qn_array *out)
{
    struct qn_array made = *a;
    made.dtype = dtype;
    made.chunk = qn_scratch(run, (size_t)a->len * qn_element_size(dtype));
    if (made.chunk == NULL) {
        return false;
    }
    made.data = made.chunk->data;
    *out = made;
    return true;
}

struct saved {
    int n;
    int slots[MOST_INPUTS];
    struct qn_array arrays[MOST_INPUTS];
};

static enum quern_code widen_inputs(struct qn_run *run, const struct qn_op *op,
                                    struct saved *saved)
{
    for (int i = 0; i < op->n_in; i++) {
        const struct qn_array *a = qn_in(run, op, i);
        if (a == NULL || !qn_is_half(a->dtype)) {
            continue; /* or widened already, as another input */
        }
        a = qn_in_dense(run, op, i);
        struct qn_array wide;
        if (a == NULL || !room_like(run, a, QUERN_FLOAT, &wide)) {
            return qn_op_missing(run, op);
        }
        qn_half_to_floats(run->kernels, a, 0, (float *)(void *)wide.data,
                          a->len);
        saved->slots[saved->n] = op->in[i];
        saved->arrays[saved->n++] = *a;
        run->slots[op->in[i]] = wide;
    }
    return QUERN_OK;
}

static void restore_inputs(struct qn_run *run, const struct saved *saved)
{
    for (int i = 0; i < saved->n; i++) {
        qn_slot_drop(run, saved->slots[i]);
        run->slots[saved->slots[i]] = saved->arrays[i];
    }
}

static enum quern_code narrow_output(struct qn_run *run, const struct qn_op *op,
                                     int i, enum quern_dtype dtype)
{
    struct qn_array narrow;
    struct qn_op reader = *op; /* reads what `op` makes */
    int slot = op->out[i];
    if (slot < 0 || !run->slots[slot].set ||
        run->slots[slot].dtype != QUERN_FLOAT) {
        return QUERN_OK;
    }
    reader.in = &slot;
    reader.n_in = 1;
    const struct qn_array *y = qn_in_dense(run, &reader, 0);
    if (y == NULL || !room_like(run, y, dtype, &narrow)) {
        return qn_op_missing(run, op);
    }
    qn_half_from_floats(run->kernels, (const float *)(const void *)y->data,
                        &narrow, 0, y->len);
    qn_slot_drop(run, slot);
    run->slots[slot] = narrow;
    return QUERN_OK;
}

static enum quern_code run_wide(struct qn_run *run, const struct qn_op *op,
                                enum quern_dtype dtype)
{
    struct saved saved = {0};
    enum quern_code code = widen_inputs(run, op, &saved);
    if (code == QUERN_OK) {
        code = op->row->run(run, op);
    }
    restore_inputs(run, &saved);
    for (int i = 0; code == QUERN_OK && i < op->n_out && i < op->widens; i++) {
        code = narrow_output(run, op, i, dtype);
    }
    return code;
}

/* ------------------------------------------------------------- constants */

/* Operators whose weights are worth it: the others read constants of few
 * elements, and chains of them are matched by type. */
static bool is_heavy(const struct quern_node *node)
{
    static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm", "GRU",
                                      "LSTM", "MatMul",        "RNN"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (*node->domain == '\0' && strcmp(node->op, ops[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Everybody who reads a value would widen it. */
static bool is_read_as_floats(const struct quern_engine *e,
                              const struct quern_value *v, int slot)
{
    for (size_t i = 0; i < e->n_outputs; i++) {
        if (e->output_slots[i] == slot) {
            return false;
        }
    }
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        if (node == NULL || !is_heavy(node)) {
            return false;
        }
    }
    return e->tap_of[slot] < 0 && !quern_value_is_graph_output(v);
}

static enum quern_code widen_constant(struct quern_engine *e, int slot)
{
    struct quern_tensor *wide = NULL;
    struct qn_array *a = &e->constants[slot];
    enum quern_code code =
        quern_tensor_create(e->context, QUERN_FLOAT, a->rank, a->dims, &wide);
    if (code == QUERN_OK) {
        qn_half_to_floats(e->kernels, a, 0, quern_tensor_data_mut(wide),
                          a->len);
        quern_tensor_release(&e->held[slot]);
        e->held[slot] = wide;
        qn_array_of_tensor(wide, QUERN_FLOAT, a);
    }
    return code;
}

enum quern_code qn_widen_constants(struct quern_engine *e, struct qn_op *op)
{
    enum quern_code code = QUERN_OK;
    for (int i = 1; i < op->n_in && is_heavy(op->node) && code == QUERN_OK;
         i++) {
        const struct quern_value *v = quern_node_input(op->node, (size_t)i);
        const struct quern_tensor *t =
            v != NULL ? quern_value_constant(v) : NULL;
        const struct qn_array *a = qn_op_constant(e, op, i);
        if (t == NULL || a == NULL || !qn_is_half(quern_tensor_dtype(t)) ||
            !is_read_as_floats(e, v, op->in[i])) {
            continue;
        }
        op->narrow = quern_tensor_dtype(t);
        if (qn_is_half(a->dtype) && a->data != NULL) {
            code = widen_constant(e, op->in[i]);
        }
    }
    return code;
}

enum quern_code qn_run_widened(struct qn_run *run, const struct qn_op *op)
{
    if (op->narrow != QUERN_UNDEFINED) {
        return run_wide(run, op, op->narrow);
    }
    /* Sums of more inputs go element by element. */
    for (int i = 0; i < op->n_in && op->n_in <= MOST_INPUTS; i++) {
        const struct qn_array *a = qn_in(run, op, i);
        if (a != NULL && qn_is_half(a->dtype)) {
            return run_wide(run, op, a->dtype);
        }
    }
    return op->row->run(run, op);
}
