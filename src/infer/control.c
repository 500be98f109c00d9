/* If, Loop and Scan: bodies are entered, what they give is joined.
 *
 * Inside a body, a dimension that differs from turn to turn is a symbol of the
 * body's input; outside it means nothing, so what leaves a body and holds such
 * a symbol becomes a new symbol of the outer value. */
#include "infer/state.h"
#include "infer/table.h"

#include <string.h>

/* Turns after which a state that still changes its shape is left open. */
enum { MOST_TURNS = 4 };

static struct quern_graph *body_of(const struct qn_infer_ctx *c,
                                   const char *name)
{
    const struct qn_attr *attr = qn_node_attr(c->node, name);
    return attr != NULL && attr->type == QN_ATTR_GRAPH && attr->ref_name == NULL
               ? attr->u.graphs[0]
               : NULL;
}

void qn_infer_leave(struct qn_infer_ctx *c, const struct quern_graph *body,
                    size_t i, struct qn_result *out)
{
    const struct quern_value *v =
        i < body->n_outputs ? body->outputs[i]->value : NULL;
    *out = (struct qn_result){.kind = QUERN_KIND_UNKNOWN, .rank = -1};
    if (v == NULL || c->state->exhausted) {
        return;
    }
    qn_infer_get(c, v, out);
    for (int k = 0; k < out->rank; k++) {
        if (out->dims[k].expr != NULL &&
            qn_num_leaks(out->dims[k].expr, body)) {
            out->dims[k] = QN_UNKNOWN;
        }
    }
    for (size_t k = 0; out->numbers != NULL && k < out->n_numbers; k++) {
        const struct quern_expr *e = out->numbers[k].expr;
        if (e != NULL && qn_num_leaks(e, body)) {
            out->numbers = NULL;
        }
    }
}

/* Covers both, in `a`. */
static void join(struct qn_infer_ctx *c, struct qn_result *a,
                 const struct qn_result *b)
{
    bool equal = a->numbers != NULL && b->numbers != NULL &&
                 a->n_numbers == b->n_numbers;
    for (size_t i = 0; equal && i < a->n_numbers; i++) {
        equal = qn_num_same(a->numbers[i], b->numbers[i]);
    }
    a->numbers = equal ? a->numbers : NULL;
    if (a->whole != NULL || b->whole != NULL) {
        a->whole = qn_type_join(c, a->whole, b->whole);
        a->kind = a->whole != NULL ? a->whole->kind : QUERN_KIND_UNKNOWN;
        return;
    }
    if (a->kind != b->kind) {
        a->kind = QUERN_KIND_UNKNOWN;
        return;
    }
    a->dtype = a->dtype == b->dtype ? a->dtype : QUERN_UNDEFINED;
    a->rank = a->rank == b->rank ? a->rank : -1;
    for (int i = 0; i < a->rank; i++) {
        if (!qn_num_same(a->dims[i], b->dims[i])) {
            a->dims[i] = QN_UNKNOWN;
        }
    }
}

void qn_infer_if(struct qn_infer_ctx *c)
{
    size_t n = 0;
    struct quern_graph *yes = body_of(c, "then_branch");
    struct quern_graph *no = body_of(c, "else_branch");
    if (yes == NULL || no == NULL) {
        return;
    }
    const struct quern_number *cond = qn_infer_in_numbers(c, 0, &n);
    bool decided = cond != NULL && n == 1 && qn_num_is_plain(cond[0]);
    c->state->n_branches++;
    qn_infer_body(c, yes);
    qn_infer_body(c, no);
    c->state->n_branches--;
    for (size_t i = 0; i < c->n_out; i++) {
        struct qn_result other;
        bool first = !decided || cond[0].value != 0;
        qn_infer_leave(c, first ? yes : no, i, qn_infer_out(c, i));
        if (!decided) {
            qn_infer_leave(c, no, i, &other);
            join(c, qn_infer_out(c, i), &other);
        }
    }
}

/* --------------------------------------------------------- loop and scan */

/* The states of a loop: input `first + k` of the body is what output
 * `first_out + k` of it was a turn before. */
struct states {
    struct quern_graph *body;
    size_t n;
    size_t first;
    size_t first_out;
    struct qn_result *types; /* assumed for the inputs */
};

/* A dimension of that input of which nothing is assumed any more. */
static bool is_open(struct quern_number dim, const struct quern_value *input)
{
    return dim.expr != NULL && dim.expr->kind == QN_EXPR_SYMBOL &&
           dim.expr->owner == input;
}

/* Assume, walk, and open what the walk has not kept, until it keeps all. */
static void settle(struct qn_infer_ctx *c, struct states *s)
{
    bool stable = false;
    qn_infer_report_fn report = c->state->report;
    c->state->report = NULL; /* what is only assumed contradicts nothing */
    for (int turn = 0; turn <= MOST_TURNS && !stable; turn++) {
        for (size_t k = 0; k < s->n; k++) {
            struct qn_result assumed = s->types[k];
            assumed.numbers = NULL;
            if (turn == MOST_TURNS && assumed.whole == NULL) {
                assumed.rank = -1;
            }
            qn_infer_set(c, s->body->inputs[s->first + k], &assumed);
            s->types[k] = assumed;
        }
        qn_infer_body(c, s->body);
        stable = true;
        for (size_t k = 0; k < s->n; k++) {
            struct qn_result was;
            struct qn_result is;
            struct qn_result given = {.rank = -1};
            qn_infer_get(c, s->body->inputs[s->first + k], &was);
            if (s->first_out + k < s->body->n_outputs) {
                qn_infer_get(c, s->body->outputs[s->first_out + k]->value,
                             &given);
            }
            is = was;
            join(c, &is, &given);
            stable = stable && is.kind == was.kind && is.rank == was.rank &&
                     is.whole == was.whole && is.dtype == was.dtype;
            for (int i = 0; i < is.rank; i++) {
                stable = stable &&
                         (is.dims[i].known ||
                          is_open(was.dims[i], s->body->inputs[s->first + k]));
            }
            if (!stable) {
                s->types[k] = is;
            }
        }
    }
    c->state->report = report;
    if (report != NULL) {
        qn_infer_body(c, s->body);
    }
}

static struct quern_number single(struct qn_infer_ctx *c, size_t i)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, i, &n);
    return numbers != NULL && n == 1 ? numbers[0] : QN_UNKNOWN;
}

static bool init_states(struct qn_infer_ctx *c, struct states *s, size_t from)
{
    s->types = qn_calloc_n(s->n + 1, sizeof *s->types);
    if (s->types == NULL) {
        c->x.no_memory = true;
        return false;
    }
    for (size_t k = 0; k < s->n; k++) {
        s->types[k].rank = -1;
        const struct quern_value *v = from + k < c->node->n_inputs
                                          ? c->node->inputs[from + k]->value
                                          : NULL;
        if (v != NULL) {
            qn_infer_get(c, v, &s->types[k]);
        }
    }
    return true;
}

/* Output i: element `type` repeated `count` times along `axis`. */
static void stack(struct qn_infer_ctx *c, size_t i,
                  const struct qn_result *type, struct quern_number count,
                  int64_t axis)
{
    struct qn_result *out = qn_infer_out(c, i);
    *out = *type;
    out->numbers = NULL;
    out->rank = -1;
    if (type->kind != QUERN_KIND_TENSOR || type->rank < 0 ||
        type->rank >= QUERN_MAX_RANK) {
        return;
    }
    int at = qn_infer_axis(c, axis, type->rank + 1);
    if (at < 0) {
        return;
    }
    out->rank = type->rank + 1;
    for (int k = 0; k < out->rank; k++) {
        out->dims[k] = k < at    ? type->dims[k]
                       : k == at ? count
                                 : type->dims[k - 1];
    }
}

/* What a state is when the loop ends, perhaps before its first turn. */
static void final_state(struct qn_infer_ctx *c, const struct states *s,
                        size_t k, size_t from)
{
    struct qn_result *out = qn_infer_out(c, k);
    struct qn_result initial = {.rank = -1};
    qn_infer_leave(c, s->body, s->first_out + k, out);
    if (from + k < c->node->n_inputs &&
        c->node->inputs[from + k]->value != NULL) {
        qn_infer_get(c, c->node->inputs[from + k]->value, &initial);
    }
    join(c, out, &initial);
}

void qn_infer_loop(struct qn_infer_ctx *c)
{
    struct states s = {.body = body_of(c, "body"), .first = 2, .first_out = 1};
    if (s.body == NULL || s.body->n_inputs < 2) {
        return;
    }
    s.n = s.body->n_inputs - 2;
    if (!init_states(c, &s, 2)) {
        return;
    }
    struct qn_result scalar = {
        .kind = QUERN_KIND_TENSOR, .dtype = QUERN_INT64, .rank = 0};
    qn_infer_set(c, s.body->inputs[0], &scalar);
    scalar.dtype = QUERN_BOOL;
    qn_infer_set(c, s.body->inputs[1], &scalar);
    settle(c, &s);
    /* The count is known only if the body never stops by itself. */
    struct quern_number keeps_on = QN_UNKNOWN;
    struct qn_result cond;
    qn_infer_leave(c, s.body, 0, &cond);
    if (cond.numbers != NULL && cond.n_numbers == 1) {
        keeps_on = cond.numbers[0];
    }
    bool starts = !qn_infer_in_present(c, 1) || qn_num_is(single(c, 1), 1);
    struct quern_number count =
        starts && qn_num_is(keeps_on, 1) && qn_infer_in_present(c, 0)
            ? qn_num_max(&c->x, single(c, 0), qn_num(0))
            : QN_UNKNOWN;
    for (size_t i = 0; i < c->n_out; i++) {
        struct qn_result element;
        if (i < s.n) {
            final_state(c, &s, i, 2);
        } else {
            qn_infer_leave(c, s.body, i + 1, &element);
            stack(c, i, &element, count, 0);
        }
    }
    qn_free(s.types);
}

static int64_t listed(const int64_t *list, size_t n, size_t i)
{
    return list != NULL && i < n ? list[i] : 0;
}

/* Scan-8 has a batch axis and the lengths as input 0: left open. */
void qn_infer_scan(struct qn_infer_ctx *c)
{
    size_t n_axes = 0;
    size_t n_out_axes = 0;
    int64_t n_scan = qn_infer_attr_int(c, "num_scan_inputs", 0);
    struct states s = {.body = body_of(c, "body")};
    struct quern_number count = QN_UNKNOWN;
    if (s.body == NULL || c->opset < 9 || n_scan < 1 ||
        (size_t)n_scan > s.body->n_inputs ||
        s.body->n_inputs != c->node->n_inputs) {
        return;
    }
    s.n = s.body->n_inputs - (size_t)n_scan;
    const int64_t *axes = qn_infer_attr_ints(c, "scan_input_axes", &n_axes);
    const int64_t *out_axes =
        qn_infer_attr_ints(c, "scan_output_axes", &n_out_axes);
    for (size_t k = 0; k < (size_t)n_scan; k++) {
        struct qn_result item = {.rank = -1};
        int rank = qn_infer_in_rank(c, s.n + k);
        item.kind = QUERN_KIND_TENSOR;
        item.dtype = qn_infer_in_dtype(c, s.n + k);
        int axis =
            rank > 0 ? qn_infer_axis(c, listed(axes, n_axes, k), rank) : -1;
        if (axis >= 0) {
            item.rank = 0;
            for (int i = 0; i < rank; i++) {
                if (i != axis) {
                    item.dims[item.rank++] = qn_infer_in_dim(c, s.n + k, i);
                }
            }
            count = qn_infer_merge(c, qn_infer_in_dim(c, s.n + k, axis), count,
                                   "scanned dimension");
        }
        qn_infer_set(c, s.body->inputs[s.n + k], &item);
    }
    if (!init_states(c, &s, 0)) {
        return;
    }
    settle(c, &s);
    for (size_t i = 0; i < c->n_out; i++) {
        struct qn_result element;
        if (i < s.n) {
            final_state(c, &s, i, 0);
        } else {
            qn_infer_leave(c, s.body, i, &element);
            stack(c, i, &element, count, listed(out_axes, n_out_axes, i - s.n));
        }
    }
    qn_free(s.types);
}
