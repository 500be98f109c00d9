/* Control flow: If, Loop and Scan, whose bodies are programs of their own. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/sequence.h"

#include <string.h>

enum { MOST = 64 }; /* values that a Loop or Scan carries, or gathers */

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

void qn_slot_share(struct qn_run *run, const struct qn_array *from, int to)
{
    struct qn_array a = {.set = false};
    if (to < 0) {
        return;
    }
    if (from != NULL) {
        a = *from;
    }
    if (a.set && a.chunk != NULL) {
        a.chunk->count++;
    }
    qn_slot_drop(run, to);
    run->slots[to] = a;
}

/* A slot of a body becomes another slot: shares its bytes. */
static void pass_slot(struct qn_run *run, int from, int to)
{
    if (from >= 0) {
        qn_slot_share(run, &run->slots[from], to);
    }
}

void qn_clear_body(struct qn_run *run, const struct qn_program *body)
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
    qn_clear_body(run, body);
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
    struct qn_array scans[MOST];
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
    struct qn_array next[MOST];
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
    qn_clear_body(run, l->body);
    qn_slot_drop(run, l->body->in[0]);
    qn_slot_drop(run, l->body->in[1]);
    for (int k = 0; k < n_next; k++) {
        qn_slot_drop(run, l->body->in[k + 2]); /* they go with the loop */
        run->slots[l->body->in[k + 2]] = next[k];
    }
    return code;
}

/* A scan output of no turns has the sizes that were inferred or that the file
 * says. Those that only a turn would tell are 0, and of a rank that is not
 * known there is the axis of turns alone, as in ONNX Runtime. */
static enum quern_code make_empty(struct qn_run *run, const struct qn_op *op,
                                  int o)
{
    const struct quern_value *v =
        quern_node_subgraph(op->node, 0)->outputs[o + 1]->value;
    const struct qn_type *said =
        v->declared != NULL && !qn_value_is_stale(v) ? v->declared : NULL;
    const struct qn_type *type = qn_value_type(v);
    int64_t dims[QUERN_MAX_RANK] = {0};
    struct qn_array *y = NULL;
    if (type == NULL || type->rank < 0) {
        type = said != NULL ? said : type;
    }
    if (type == NULL || type->kind != QUERN_KIND_TENSOR ||
        type->dtype == QUERN_UNDEFINED || type->dtype == QUERN_STRING ||
        type->rank >= QUERN_MAX_RANK) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "output %d, gathered in no turns, has a type that is "
                          "not known, or is no tensor of numbers",
                          o);
    }
    for (int i = 0; i < type->rank; i++) {
        bool is_said = said != NULL && said->rank == type->rank;
        int64_t size = type->dims[i].value;
        size = size < 0 && is_said ? said->dims[i].value : size;
        dims[i + 1] = size > 0 ? size : 0;
    }
    int rank = type->rank >= 0 ? type->rank + 1 : 1;
    return qn_out(run, op, o, type->dtype, rank, dims, &y);
}

static enum quern_code finish_loop(struct qn_run *run, const struct qn_op *op,
                                   struct loop *l)
{
    enum quern_code code = QUERN_OK;
    for (int k = 0; k < op->n_out && code == QUERN_OK; k++) {
        if (op->out[k] < 0) {
            continue;
        }
        if (k < l->n_carried) {
            pass_slot(run, l->body->in[k + 2], op->out[k]);
        } else if (l->scans[k - l->n_carried].chunk != NULL) {
            run->slots[op->out[k]] = l->scans[k - l->n_carried];
            l->scans[k - l->n_carried].chunk = NULL;
        } else {
            code = make_empty(run, op, k);
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
    if (op->bodies == NULL || n_carried < 0 || n_carried > MOST ||
        op->bodies[0]->n_in != op->n_in) {
        return false;
    }
    int n_scans = op->bodies[0]->n_out - 1 - n_carried;
    if (n_scans < 0 || n_scans > MOST || op->n_out > n_carried + n_scans) {
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

/* ----------------------------------------------------------------- Scan */

struct scan {
    const struct qn_program *body;
    int n_states;
    int n_in; /* scanned inputs */
    int n_out;
    int64_t n; /* steps */
    int in_axes[MOST];
    struct qn_array out[MOST]; /* step by step along axis 0 */
};

/* Number i of a list attribute, 0 where it is left out. */
static int64_t listed(const struct qn_op *op, const char *name, int i)
{
    const int64_t *values = NULL;
    size_t n = 0;
    return quern_node_attr_ints(op->node, name, &values, &n) == QUERN_OK &&
                   (size_t)i < n
               ? values[i]
               : 0;
}

static enum quern_code read_scan(struct qn_run *run, const struct qn_op *op,
                                 struct scan *s)
{
    int64_t n_in = quern_node_int(op->node, "num_scan_inputs", 0);
    s->body = op->bodies != NULL ? op->bodies[0] : NULL;
    if (s->body == NULL || n_in < 1 || n_in > op->n_in || n_in > MOST ||
        op->n_in - n_in > MOST || s->body->n_in != op->n_in) {
        return qn_op_missing(run, op);
    }
    s->n_in = (int)n_in;
    s->n_states = op->n_in - s->n_in;
    s->n_out = s->body->n_out - s->n_states;
    if (s->n_out < 0 || s->n_out > MOST || op->n_out > s->body->n_out) {
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < op->n_in; i++) {
        const struct qn_array *x = qn_in(run, op, i);
        int k = i - s->n_states;
        if (x == NULL || s->body->in[i] < 0) {
            return qn_op_missing(run, op);
        }
        if (k < 0) {
            continue;
        }
        s->in_axes[k] =
            qn_axis(run, op, listed(op, "scan_input_axes", k), x->rank);
        if (s->in_axes[k] < 0 || (k > 0 && x->dims[s->in_axes[k]] != s->n)) {
            return qn_op_missing(run, op);
        }
        s->n = x->dims[s->in_axes[k]];
    }
    return QUERN_OK;
}

/* Element `at` along an axis, as the body's input. */
static void set_slice(struct qn_run *run, const struct qn_array *x, int axis,
                      int64_t at, int slot)
{
    struct qn_array v = *x;
    v.data += at * x->strides[axis] * (int64_t)qn_element_size(x->dtype);
    v.len = x->len / x->dims[axis];
    v.rank--;
    for (int i = axis; i < v.rank; i++) {
        v.dims[i] = x->dims[i + 1];
        v.strides[i] = x->strides[i + 1];
    }
    if (v.chunk != NULL) {
        v.chunk->count++;
    }
    qn_slot_drop(run, slot);
    run->slots[slot] = v;
}

static enum quern_code scan_step(struct qn_run *run, const struct qn_op *op,
                                 struct scan *s, int64_t t)
{
    struct qn_array next[MOST];
    int n_next = 0;
    for (int k = 0; k < s->n_in; k++) {
        bool back = listed(op, "scan_input_directions", k) != 0;
        set_slice(run, qn_in(run, op, s->n_states + k), s->in_axes[k],
                  back ? s->n - 1 - t : t, s->body->in[s->n_states + k]);
    }
    enum quern_code code = qn_run_program(run, s->body);
    for (int k = 0; code == QUERN_OK && k < s->n_out; k++) {
        code = append_scan(run, op, k, s->body->out[s->n_states + k], t,
                           &s->out[k]);
    }
    for (; code == QUERN_OK && n_next < s->n_states; n_next++) {
        next[n_next] = run->slots[s->body->out[n_next]];
        if (next[n_next].chunk != NULL) {
            next[n_next].chunk->count++;
        }
    }
    qn_clear_body(run, s->body);
    for (int k = 0; k < n_next; k++) {
        qn_slot_drop(run, s->body->in[k]);
        run->slots[s->body->in[k]] = next[k];
    }
    return code;
}

/* Steps gathered along axis 0 become output o: along another axis, or from the
 * last one on. */
static enum quern_code put_scan(struct qn_run *run, const struct qn_op *op,
                                const struct scan *s, int k)
{
    const struct qn_array *all = &s->out[k];
    int o = s->n_states + k;
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    if (o >= op->n_out || op->out[o] < 0) {
        return QUERN_OK;
    }
    int axis = qn_axis(run, op, listed(op, "scan_output_axes", k), all->rank);
    if (axis < 0 || !all->set) {
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < all->rank; i++) {
        dims[i] = i < axis ? all->dims[i + 1] : i == axis ? s->n : all->dims[i];
    }
    enum quern_code code = qn_out(run, op, o, all->dtype, all->rank, dims, &y);
    bool back = listed(op, "scan_output_directions", k) != 0;
    int64_t size = (int64_t)qn_element_size(all->dtype);
    for (int64_t t = 0; code == QUERN_OK && t < s->n && all->len > 0; t++) {
        struct qn_array from = *all;
        struct qn_array to = *y;
        from.data += (back ? s->n - 1 - t : t) * all->strides[0] * size;
        to.data += t * y->strides[axis] * size;
        from.rank = to.rank = all->rank - 1;
        from.len = to.len = all->len / s->n;
        for (int i = 0; i < from.rank; i++) {
            from.dims[i] = to.dims[i] = all->dims[i + 1];
            from.strides[i] = all->strides[i + 1];
            to.strides[i] = y->strides[i < axis ? i : i + 1];
        }
        qn_array_copy(&to, &from);
    }
    return code;
}

enum quern_code qn_op_scan(struct qn_run *run, const struct qn_op *op)
{
    struct scan s = {0};
    enum quern_code code = read_scan(run, op, &s);
    if (code != QUERN_OK) {
        return code;
    }
    for (int k = 0; k < s.n_states; k++) {
        pass_slot(run, op->in[k], s.body->in[k]);
    }
    for (int64_t t = 0; code == QUERN_OK && t < s.n; t++) {
        code = scan_step(run, op, &s, t);
    }
    if (code == QUERN_OK && s.n == 0 && s.n_out > 0) {
        code = qn_op_fail(run, op, QUERN_UNSUPPORTED, "a scan of no steps");
    }
    for (int k = 0; code == QUERN_OK && k < s.n_states && k < op->n_out; k++) {
        pass_slot(run, s.body->in[k], op->out[k]);
    }
    for (int k = 0; k < s.n_out; k++) {
        code = code == QUERN_OK ? put_scan(run, op, &s, k) : code;
        qn_chunk_put(&run->chunks, s.out[k].chunk);
    }
    for (int k = 0; k < s.body->n_in; k++) {
        qn_slot_drop(run, s.body->in[k]);
    }
    return code;
}
