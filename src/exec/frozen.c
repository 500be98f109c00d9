/* Operators that need not run again: those of constants alone run once when
 * the engine is opened; those whose results depend on the shapes of the inputs
 * alone (Shape and what is computed from it) run when the shapes change. */
#include "exec/ops.h"
#include "exec/prepare.h"
#include "exec/sequence.h"
#include "exec/widen.h"

#include <string.h>

enum { MOST_FOLDED = 64 << 20 }; /* bytes that one folded operator may make */

/* ---------------------------------------------------------------- folding */

static enum quern_code open_folder(struct quern_engine *e)
{
    if (e->folder != NULL) {
        return QUERN_OK;
    }
    e->folder = qn_calloc(sizeof *e->folder);
    struct qn_array *slots = qn_calloc_n((size_t)e->n_slots + 1, sizeof *slots);
    if (e->folder == NULL || slots == NULL) {
        qn_free(slots);
        return qn_no_memory(e->context);
    }
    e->folder->engine = e;
    e->folder->context = e->context;
    e->folder->kernels = e->kernels;
    e->folder->slots = slots;
    e->folder->chunks.limit = e->context->max_memory;
    return QUERN_OK;
}

void qn_folder_close(struct quern_engine *e)
{
    if (e->folder == NULL) {
        return;
    }
    for (int s = 0; e->folder->slots != NULL && s < e->n_slots; s++) {
        qn_slot_drop(e->folder, s);
        qn_chunk_put(&e->folder->chunks, e->folded[s]);
    }
    qn_chunks_finish(&e->folder->chunks);
    qn_free(e->folder->slots);
    qn_free(e->folder);
    e->folder = NULL;
}

void qn_folder_forget(struct quern_engine *e, int slot)
{
    if (e->folder != NULL) {
        qn_slot_drop(e->folder, slot);
        qn_chunk_put(&e->folder->chunks, e->folded[slot]);
        e->folded[slot] = NULL;
    }
}

static bool all_constant(const struct quern_engine *e, const struct qn_op *op)
{
    bool any = false;
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0) {
            any = true;
            if (!e->constants[op->in[i]].set ||
                e->constants[op->in[i]].data == NULL) {
                return false;
            }
        }
    }
    return any;
}

/* Nothing but moving and computing: no bodies, no packed state, one output. */
static bool is_simple(const struct quern_engine *e, const struct qn_op *op)
{
    return op->bodies == NULL && op->release == NULL && op->n_out == 1 &&
           op->out[0] >= 0 && e->tap_of[op->out[0]] < 0 &&
           strcmp(op->row->op, "Dropout") != 0 &&
           op->row->run != qn_op_conv_transpose && !qn_op_is_of_sequences(op);
}

enum quern_code qn_engine_fold(struct quern_engine *e, const struct qn_op *op,
                               bool *done)
{
    *done = false;
    if (!is_simple(e, op) || !all_constant(e, op)) {
        return QUERN_OK;
    }
    enum quern_code code = open_folder(e);
    if (code != QUERN_OK) {
        return code;
    }
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0 && !e->folder->slots[op->in[i]].set) {
            e->folder->slots[op->in[i]] = e->constants[op->in[i]];
        }
    }
    bool had_error = e->context->diag.has_error;
    code = qn_op_run(e->folder, op);
    const struct qn_array *y = &e->folder->slots[op->out[0]];
    if (code != QUERN_OK || !y->set ||
        (uint64_t)y->len * qn_element_size(y->dtype) > MOST_FOLDED) {
        /* It fails, or not, where it would have run. */
        e->context->diag.has_error = had_error;
        qn_slot_drop(e->folder, op->out[0]);
        return QUERN_OK;
    }
    e->constants[op->out[0]] = *y;
    e->constants[op->out[0]].chunk = NULL; /* stays with the folder */
    if (!qn_array_is_packed(y)) {
        const struct qn_array *packed = NULL;
        struct qn_op reader = *op;
        reader.in = op->out;
        reader.n_in = 1;
        packed = qn_in_packed(e->folder, &reader, 0);
        if (packed == NULL) {
            return QUERN_NO_MEMORY;
        }
        e->constants[op->out[0]] = *packed;
        e->constants[op->out[0]].chunk = NULL;
    }
    /* The bytes stay where the constant has them, though another folded
     * operator may want the slot in a layout of its own. */
    struct qn_array *own = &e->folder->slots[op->out[0]];
    e->folded[op->out[0]] = own->chunk;
    own->chunk = NULL;
    *done = true;
    return QUERN_OK;
}

/* --------------------------------------------------------------- freezing */

/* Values of these inputs decide the shape of the output. */
static bool shape_from_values(const struct qn_op *op, int *first)
{
    static const struct {
        const char *op;
        int first;
    } table[] = {
        {"Reshape", 1},
        {"Expand", 1},
        {"Range", 0},
        {"Tile", 1},
        {"Pad", 1},
        {"Slice", 1},
        {"Resize", 1},
        {"Upsample", 1},
        {"TopK", 1},
        {"OneHot", 1},
        {"Squeeze", 1},
        {"Unsqueeze", 1},
        {"Split", 1},
        {"ReduceSum", 1},
        {"ConstantOfShape", 0},
        {"ReduceMean", 1},
        {"AffineGrid", 1},
        {"Col2Im", 1},
        {"CenterCropPad", 1},
        {"DFT", 1},
        {"STFT", 1},
        {"MaxUnpool", 2},
        {"HannWindow", 0},
        {"HammingWindow", 0},
        {"BlackmanWindow", 0},
        {"MelWeightMatrix", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(op->row->op, table[i].op) == 0) {
            *first = table[i].first;
            return true;
        }
    }
    if (strncmp(op->row->op, "Reduce", 6) == 0) {
        *first = 1;
        return true;
    }
    return false;
}

static bool shape_from_data(const struct qn_op *op)
{
    static const char *const ops[] = {"NonZero", "Compress", "Unique",
                                      "NonMaxSuppression"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(op->row->op, ops[i]) == 0) {
            return true;
        }
    }
    return op->bodies != NULL || qn_op_is_of_sequences(op);
}

struct freezer {
    const struct quern_engine *engine;
    bool *shape; /* by slot: depends on the shapes of inputs alone */
    bool *value;
};

static bool shapes_known(const struct freezer *f, const struct qn_op *op)
{
    int first = 0;
    bool decides = shape_from_values(op, &first);
    if (shape_from_data(op)) {
        return false;
    }
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0 &&
            (!f->shape[op->in[i]] ||
             (decides && i >= first && !f->value[op->in[i]]))) {
            return false;
        }
    }
    return true;
}

static bool values_known(const struct freezer *f, const struct qn_op *op)
{
    if (strcmp(op->row->op, "Shape") == 0 || strcmp(op->row->op, "Size") == 0) {
        return f->shape[op->in[0]];
    }
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0 && !f->value[op->in[i]]) {
            return false;
        }
    }
    return f->shape[op->out[0] >= 0 ? op->out[0] : op->in[0]];
}

/* What a tap may write must be made anew by each run, and what reads it. */
static bool is_written(const struct quern_engine *e, const struct qn_op *op)
{
    for (int i = 0; i < op->n_out && e->taps_write; i++) {
        if (op->out[i] >= 0 && e->tap_of[op->out[i]] >= 0) {
            return true;
        }
    }
    return false;
}

static void freeze(const struct freezer *f, struct qn_op *op, int *keep)
{
    if (op->n_in < 1 || op->in[0] < 0 || op->n_out < 1) {
        return;
    }
    bool shape = shapes_known(f, op);
    for (int i = 0; i < op->n_out; i++) {
        if (op->out[i] >= 0) {
            f->shape[op->out[i]] = shape;
        }
    }
    op->frozen =
        op->bodies == NULL && values_known(f, op) && !is_written(f->engine, op);
    for (int i = 0; op->frozen && i < op->n_out; i++) {
        if (op->out[i] >= 0) {
            f->value[op->out[i]] = true;
            f->shape[op->out[i]] = true;
            keep[op->out[i]] = 1;
        }
    }
}

enum quern_code qn_engine_freeze(struct quern_engine *e,
                                 struct qn_program *program, int *keep)
{
    struct freezer f = {.engine = e};
    f.shape = qn_calloc((size_t)e->n_slots + 1);
    f.value = qn_calloc((size_t)e->n_slots + 1);
    enum quern_code code = QUERN_OK;
    if (f.shape == NULL || f.value == NULL) {
        code = qn_no_memory(e->context);
    } else {
        for (int s = 0; s < e->n_slots; s++) {
            f.shape[s] = f.value[s] = e->constants[s].set;
        }
        for (size_t i = 0; i < e->n_inputs; i++) {
            f.shape[e->input_slots[i]] = true;
        }
        for (int k = 0; k < program->n_ops; k++) {
            freeze(&f, &program->ops[k], keep);
        }
    }
    qn_free(f.shape);
    qn_free(f.value);
    return code;
}
