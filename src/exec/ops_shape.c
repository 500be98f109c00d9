/* Shapes as data, ranges, and control flow. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

static int64_t clamp_index(int64_t i, int rank)
{
    i = i < 0 ? i + rank : i;
    return i < 0 ? 0 : i > rank ? rank : i;
}

enum quern_code qn_op_shape(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int64_t start = clamp_index(quern_node_int(op->node, "start", 0), x->rank);
    int64_t end =
        clamp_index(quern_node_int(op->node, "end", x->rank), x->rank);
    int64_t n = end > start ? end - start : 0;
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, 1, &n, &y);
    if (code == QUERN_OK && y != NULL) {
        memcpy(y->data, x->dims + start, (size_t)n * sizeof(int64_t));
    }
    return code;
}

enum quern_code qn_op_size(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    enum quern_code code = x == NULL
                               ? qn_op_missing(run, op)
                               : qn_out(run, op, 0, QUERN_INT64, 0, NULL, &y);
    if (code == QUERN_OK && y != NULL) {
        qn_store_int(y, 0, x->len);
    }
    return code;
}

enum quern_code qn_op_constant_of_shape(struct qn_run *run,
                                        const struct qn_op *op)
{
    int64_t dims[2 * QUERN_MAX_RANK];
    int n = qn_in_ints(run, op, 0, dims);
    struct quern_tensor *value = NULL;
    enum quern_dtype dtype = QUERN_FLOAT;
    if (n < 0 || n > QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    if (quern_node_attr_tensor(op->node, "value", &value) == QUERN_OK) {
        dtype = quern_tensor_dtype(value);
        if (quern_tensor_len(value) < 1) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "attribute 'value' has no element, needs one");
        }
    }
    struct qn_array *y = NULL;
    enum quern_code code =
        quern_dtype_bits(dtype) < 8
            ? qn_op_fail(run, op, QUERN_UNSUPPORTED, "value of type %s",
                         quern_dtype_name(dtype))
            : qn_out(run, op, 0, dtype, n, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(dtype);
    memset(y->data, 0, (size_t)y->len * size);
    for (int64_t i = 0; value != NULL && i < y->len; i++) {
        memcpy(y->data + (size_t)i * size, quern_tensor_data(value), size);
    }
    return QUERN_OK;
}

enum quern_code qn_op_range(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 1);
    const struct qn_array *c = qn_in(run, op, 2);
    if (a == NULL || b == NULL || c == NULL || a->len != 1 || b->len != 1 ||
        c->len != 1 || b->dtype != a->dtype || c->dtype != a->dtype) {
        return qn_op_missing(run, op);
    }
    double step = qn_load(c, 0);
    double count = ceil((qn_load(b, 0) - qn_load(a, 0)) / step);
    if (!(fabs(count) < 1e15)) {
        return qn_op_fail(run, op, QUERN_NUMERIC, "range has no end");
    }
    int64_t n = count > 0.0 ? (int64_t)count : 0;
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, a->dtype, 1, &n, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < n; i++) {
        if (qn_is_whole(a->dtype)) {
            /* Between the ends nothing overflows but the rounding of count. */
            uint64_t moved = (uint64_t)i * (uint64_t)qn_load_int(c, 0);
            qn_store_int(y, i, (int64_t)((uint64_t)qn_load_int(a, 0) + moved));
        } else {
            qn_store(y, i, qn_load(a, 0) + (double)i * step);
        }
    }
    return code;
}

/* --------------------------------------------------------- control flow */

static bool is_flag(const struct qn_array *a)
{
    return a->set && !a->is_sequence && a->dtype == QUERN_BOOL && a->len == 1;
}

static int body_of(const struct qn_op *op, const char *attribute)
{
    int i = 0;
    for (const struct qn_attr *a = op->node->attrs; a != NULL; a = a->next) {
        if (strcmp(a->name, attribute) == 0) {
            return i;
        }
        i += a->type == QN_ATTR_GRAPH    ? 1
             : a->type == QN_ATTR_GRAPHS ? (int)a->len
                                         : 0;
    }
    return -1;
}

/* A slot of a body becomes another slot: shares its bytes. */
static void pass_slot(struct qn_run *run, int from, int to)
{
    if (to < 0 || from < 0) {
        return;
    }
    struct qn_array a = run->slots[from];
    if (a.set && a.chunk != NULL) {
        a.chunk->count++;
    }
    qn_slot_drop(run, to);
    run->slots[to] = a;
}

/* What a body made is not kept behind its outputs. */
static void clear_body(struct qn_run *run, const struct qn_program *body)
{
    for (int k = 0; k < body->n_ops; k++) {
        for (int i = 0; i < body->ops[k].n_out; i++) {
            if (body->ops[k].out[i] >= 0) {
                qn_slot_drop(run, body->ops[k].out[i]);
            }
        }
    }
}

enum quern_code qn_op_if(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *condition = qn_in(run, op, 0);
    if (condition == NULL || !is_flag(condition)) {
        return qn_op_missing(run, op);
    }
    int which =
        body_of(op, condition->data[0] != 0 ? "then_branch" : "else_branch");
    if (which < 0 || op->bodies[which]->n_out < op->n_out) {
        return qn_op_missing(run, op);
    }
    const struct qn_program *body = op->bodies[which];
    enum quern_code code = qn_run_program(run, body);
    for (int i = 0; code == QUERN_OK && i < op->n_out; i++) {
        pass_slot(run, body->out[i], op->out[i]);
    }
    clear_body(run, body);
    return code;
}

/* Scan outputs of a Loop: each iteration's value, one behind the other. */
static enum quern_code append_scan(struct qn_run *run, const struct qn_op *op,
                                   int i, int from, int64_t iteration,
                                   struct qn_array *all)
{
    struct qn_array a = run->slots[from];
    if (!a.set || a.is_sequence || a.rank >= QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    if (iteration == 0) {
        *all = a;
        all->rank = a.rank + 1;
        all->chunk = NULL;
        memcpy(all->dims + 1, a.dims, (size_t)a.rank * sizeof *a.dims);
        all->dims[0] = 0;
    } else if (a.dtype != all->dtype || a.rank + 1 != all->rank ||
               memcmp(all->dims + 1, a.dims, (size_t)a.rank * sizeof *a.dims) !=
                   0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "scan output %d changes its shape", i);
    }
    size_t size = (size_t)a.len * qn_element_size(a.dtype);
    size_t used = (size_t)all->dims[0] * size;
    size_t room = 0;
    /* A view of a few bytes can claim any number of elements. */
    if (!qn_add(used, size, &room) || !qn_mul(room, 2, &room) ||
        !qn_add(room, 64, &room)) {
        return qn_op_fail(run, op, QUERN_LIMIT,
                          "scan output %d has a size that overflows", i);
    }
    if (all->chunk == NULL || all->chunk->size < used + size) {
        struct qn_chunk *grown = qn_scratch(run, room);
        if (grown == NULL) {
            return qn_op_missing(run, op);
        }
        if (all->chunk != NULL) {
            memcpy(grown->data, all->chunk->data, used);
            qn_chunk_put(&run->chunks, all->chunk);
        }
        all->chunk = grown;
    }
    struct qn_array to = a;
    to.data = all->chunk->data + used;
    qn_array_pack_strides(&to);
    qn_array_copy(&to, &a);
    all->dims[0]++;
    all->len = a.len * all->dims[0];
    all->data = all->chunk->data;
    qn_array_pack_strides(all);
    return QUERN_OK;
}

struct loop {
    const struct qn_program *body;
    int n_carried;
    struct qn_array scans[QUERN_MAX_RANK];
    struct qn_array number; /* of the iteration */
    struct qn_array keep;   /* go on? */
};

static enum quern_code iterate(struct qn_run *run, const struct qn_op *op,
                               struct loop *l, int64_t i, bool *go_on)
{
    int n = l->n_carried;
    memcpy(l->number.chunk->data, &i, sizeof i);
    if (l->body->in[0] >= 0) {
        run->slots[l->body->in[0]] = l->number;
        l->number.chunk->count++;
    }
    if (l->body->in[1] >= 0) {
        l->keep.chunk->data[0] = *go_on;
        run->slots[l->body->in[1]] = l->keep;
        l->keep.chunk->count++;
    }
    enum quern_code code = qn_run_program(run, l->body);
    struct qn_array next[QUERN_MAX_RANK];
    for (int k = 0; code == QUERN_OK && k < n; k++) {
        next[k] = run->slots[l->body->out[k + 1]];
        if (next[k].chunk != NULL) {
            next[k].chunk->count++;
        }
    }
    const struct qn_array *flag = &run->slots[l->body->out[0]];
    int n_next = code == QUERN_OK ? n : 0;
    if (code == QUERN_OK) {
        code = is_flag(flag) ? QUERN_OK : qn_op_missing(run, op);
    }
    if (code == QUERN_OK) {
        *go_on = flag->data[0] != 0;
    }
    for (int k = 0; code == QUERN_OK && k + n + 1 < l->body->n_out; k++) {
        code =
            append_scan(run, op, k, l->body->out[k + n + 1], i, &l->scans[k]);
    }
    clear_body(run, l->body);
    qn_slot_drop(run, l->body->in[0]);
    qn_slot_drop(run, l->body->in[1]);
    for (int k = 0; k < n_next; k++) {
        qn_slot_drop(run, l->body->in[k + 2]); /* they go with the loop */
        run->slots[l->body->in[k + 2]] = next[k];
    }
    return code;
}

static enum quern_code finish_loop(struct qn_run *run, const struct qn_op *op,
                                   struct loop *l)
{
    enum quern_code code = QUERN_OK;
    for (int k = 0; k < op->n_out; k++) {
        if (op->out[k] < 0) {
            continue;
        }
        if (k < l->n_carried) {
            pass_slot(run, l->body->in[k + 2], op->out[k]);
        } else if (l->scans[k - l->n_carried].chunk != NULL) {
            run->slots[op->out[k]] = l->scans[k - l->n_carried];
            l->scans[k - l->n_carried].chunk = NULL;
        } else {
            code = qn_op_fail(run, op, QUERN_UNSUPPORTED,
                              "scan output of a loop without iterations");
        }
    }
    return code;
}

/* Inputs, outputs and the body fit each other. */
static bool loop_fits(const struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *trips = qn_in(run, op, 0);
    const struct qn_array *condition = qn_in(run, op, 1);
    int n_carried = op->n_in - 2;
    if (op->bodies == NULL || n_carried < 0 || n_carried > QUERN_MAX_RANK ||
        op->bodies[0]->n_in != op->n_in) {
        return false;
    }
    int n_scans = op->bodies[0]->n_out - 1 - n_carried;
    if (n_scans < 0 || n_scans > QUERN_MAX_RANK ||
        op->n_out > n_carried + n_scans) {
        return false;
    }
    for (int k = 0; k < n_carried; k++) {
        if (op->in[k + 2] < 0) {
            return false;
        }
    }
    return (trips == NULL ||
            (trips->set && !trips->is_sequence && trips->len == 1 &&
             trips->dtype == QUERN_INT64)) &&
           (condition == NULL || is_flag(condition));
}

enum quern_code qn_op_loop(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *trips = qn_in(run, op, 0);
    const struct qn_array *condition = qn_in(run, op, 1);
    if (!loop_fits(run, op)) {
        return qn_op_missing(run, op);
    }
    struct loop l = {.body = op->bodies[0], .n_carried = op->n_in - 2};
    int n_scans = l.body->n_out - 1 - l.n_carried;
    int64_t n = trips != NULL ? qn_load_int(trips, 0) : INT64_MAX;
    bool go_on = condition == NULL || condition->data[0] != 0;
    l.number = (struct qn_array){.set = true, .dtype = QUERN_INT64, .len = 1};
    l.keep = (struct qn_array){.set = true, .dtype = QUERN_BOOL, .len = 1};
    l.number.chunk = qn_scratch(run, 8);
    l.keep.chunk = qn_scratch(run, 1);
    enum quern_code code = l.number.chunk != NULL && l.keep.chunk != NULL
                               ? QUERN_OK
                               : qn_op_missing(run, op);
    if (code == QUERN_OK) {
        l.number.data = l.number.chunk->data;
        l.keep.data = l.keep.chunk->data;
    }
    for (int k = 0; code == QUERN_OK && k < l.n_carried; k++) {
        pass_slot(run, op->in[k + 2], l.body->in[k + 2]);
    }
    for (int64_t i = 0; code == QUERN_OK && go_on && i < n; i++) {
        code = iterate(run, op, &l, i, &go_on);
    }
    if (code == QUERN_OK) {
        code = finish_loop(run, op, &l);
    }
    for (int k = 0; k < l.n_carried; k++) {
        qn_slot_drop(run, l.body->in[k + 2]);
    }
    for (int k = 0; k < n_scans; k++) {
        qn_chunk_put(&run->chunks, l.scans[k].chunk);
    }
    qn_chunk_put(&run->chunks, l.number.chunk);
    qn_chunk_put(&run->chunks, l.keep.chunk);
    return code;
}
