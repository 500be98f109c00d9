/* What fusing asks of a program and changes in it. Removed operators lose their
 * row. */
#include "exec/fuse.h"
#include "exec/prepare.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------- questions */

bool qn_op_is(const struct qn_op *op, const char *name)
{
    return op != NULL && op->row != NULL && op->n_posts == 0 &&
           strcmp(op->row->op, name) == 0;
}

struct qn_op *qn_fuser_maker(const struct qn_fuser *f, int slot)
{
    if (slot < 0 || f->maker[slot] < 0) {
        return NULL;
    }
    struct qn_op *op = &f->program->ops[f->maker[slot]];
    for (int i = 1; i < op->n_out; i++) {
        if (op->out[i] >= 0) {
            return NULL;
        }
    }
    return op->row != NULL && op->out[0] == slot ? op : NULL;
}

struct qn_op *qn_fuser_inner(const struct qn_fuser *f, int slot)
{
    return slot >= 0 && f->n_uses[slot] == 1 && !f->fixed[slot]
               ? qn_fuser_maker(f, slot)
               : NULL;
}

bool qn_fuser_scalar(const struct qn_fuser *f, const struct qn_op *op, int i,
                     float *out)
{
    const struct qn_array *a = qn_op_constant(f->engine, op, i);
    if (a == NULL || a->dtype != QUERN_FLOAT || a->len != 1 || a->rank > 1 ||
        a->data == NULL) {
        return false;
    }
    memcpy(out, a->data, sizeof *out);
    return true;
}

/* A constant of one axis gives an axis to data that has none. */
static bool leaves_axes(const struct qn_fuser *f, const struct qn_op *op, int i)
{
    const struct qn_array *a = qn_op_constant(f->engine, op, i);
    return a->rank == 0 ||
           quern_value_rank(quern_node_input(op->node, (size_t)(1 - i))) > 0;
}

bool qn_fuser_scalar_pair(const struct qn_fuser *f, const struct qn_op *op,
                          int *out_slot, float *out)
{
    if (op == NULL || op->n_in != 2) {
        return false;
    }
    bool ordered = qn_op_is(op, "Sub") || qn_op_is(op, "Div");
    for (int i = 1; i >= (ordered ? 1 : 0); i--) {
        if (qn_fuser_scalar(f, op, i, out) && leaves_axes(f, op, i)) {
            *out_slot = op->in[1 - i];
            return true;
        }
    }
    return false;
}

bool qn_fuser_clip(const struct qn_fuser *f, const struct qn_op *op, float *lo,
                   float *hi)
{
    *lo = -INFINITY;
    *hi = INFINITY;
    if (!qn_op_is(op, "Clip")) {
        return false;
    }
    if (op->opset < 11) {
        *lo = quern_node_float(op->node, "min", -INFINITY);
        *hi = quern_node_float(op->node, "max", INFINITY);
        return true;
    }
    bool has_lo = op->n_in > 1 && op->in[1] >= 0;
    bool has_hi = op->n_in > 2 && op->in[2] >= 0;
    return (has_lo || has_hi) && (!has_lo || qn_fuser_scalar(f, op, 1, lo)) &&
           (!has_hi || qn_fuser_scalar(f, op, 2, hi));
}

/* --------------------------------------------------------------- changes */

static void unuse(struct qn_fuser *f, const struct qn_op *op)
{
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0) {
            f->n_uses[op->in[i]]--;
        }
    }
}

void qn_fuser_remove(struct qn_fuser *f, struct qn_op *op)
{
    unuse(f, op);
    if (op->release != NULL) {
        op->release(f->engine, op->state);
        op->release = NULL;
    }
    for (int i = 0; i < op->n_out; i++) {
        if (op->out[i] >= 0 && f->maker[op->out[i]] == op - f->program->ops) {
            f->maker[op->out[i]] = -1;
        }
    }
    op->row = NULL;
}

enum quern_code qn_fuser_become(struct qn_fuser *f, struct qn_op *op,
                                const struct qn_op_row *row, void *state,
                                int n_in, const int *in)
{
    int *list = qn_arena_alloc_n(&f->engine->arena, (size_t)n_in, sizeof *in);
    if (list == NULL || state == NULL) {
        return qn_no_memory(f->engine->context);
    }
    for (int i = 0; i < n_in; i++) {
        list[i] = in[i];
        if (in[i] >= 0) {
            f->n_uses[in[i]]++;
            f->user[in[i]] = (int)(op - f->program->ops);
        }
    }
    unuse(f, op);
    if (op->release != NULL) {
        op->release(f->engine, op->state);
        op->release = NULL;
    }
    op->row = row;
    op->kernel = row->op;
    op->state = state;
    op->in = list;
    op->n_in = n_in;
    return QUERN_OK;
}

enum quern_code qn_fuser_add_input(struct qn_fuser *f, struct qn_op *op,
                                   int slot)
{
    int n = op->n_in < 3 ? 3 : op->n_in;
    int *list =
        qn_arena_alloc_n(&f->engine->arena, (size_t)n + 1, sizeof *list);
    if (list == NULL) {
        return qn_no_memory(f->engine->context);
    }
    for (int i = 0; i < n; i++) {
        list[i] = i < op->n_in ? op->in[i] : -1;
    }
    list[n] = slot;
    op->in = list;
    op->n_in = n + 1;
    f->n_uses[slot]++;
    return QUERN_OK;
}

struct qn_op *qn_fuser_swallow(struct qn_fuser *f, struct qn_op *op,
                               struct qn_op *next)
{
    struct qn_op moved = *op;
    int out = next->out[0];
    f->maker[op->out[0]] = -1;
    qn_fuser_remove(f, next);
    op->row = NULL;
    moved.out[0] = out;
    op->release = NULL;
    *next = moved;
    f->maker[moved.out[0]] = (int)(next - f->program->ops);
    for (int i = 0; i < moved.n_in; i++) {
        if (moved.in[i] >= 0) {
            f->user[moved.in[i]] = f->maker[moved.out[0]];
        }
    }
    return next;
}
