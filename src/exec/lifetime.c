/* When slots die: each operator is told which values nobody reads behind it, so
 * that their bytes serve again. */
#include "exec/op.h"
#include "exec/prepare.h"

#include <string.h>

static void note_uses(const struct qn_program *p, int at, int *last)
{
    for (int k = 0; k < p->n_ops; k++) {
        const struct qn_op *op = &p->ops[k];
        int when = at < 0 ? k : at;
        for (int i = 0; i < op->n_in; i++) {
            if (op->in[i] >= 0) {
                last[op->in[i]] = when;
            }
        }
        for (int i = 0; i < op->n_out; i++) {
            if (op->out[i] >= 0 && last[op->out[i]] < when) {
                last[op->out[i]] = when;
            }
        }
        size_t n = quern_node_n_subgraphs(op->node);
        for (size_t i = 0; i < n; i++) {
            note_uses(op->bodies[i], when, last);
            for (int o = 0; o < op->bodies[i]->n_out; o++) {
                if (op->bodies[i]->out[o] >= 0) {
                    last[op->bodies[i]->out[o]] = when;
                }
            }
        }
    }
}

static void set_dying(struct qn_op *op)
{
    for (int i = 0; i < op->n_in && i < 64; i++) {
        int times = 0;
        bool drops = false;
        for (int k = 0; k < op->n_in; k++) {
            times += op->in[k] == op->in[i] ? 1 : 0;
        }
        for (int k = 0; k < op->n_drop; k++) {
            drops = drops || op->drop[k] == op->in[i];
        }
        op->dies |= (uint64_t)(drops && times == 1) << i;
    }
}

/* Pass over the slots that the program's own operators make: only these may be
 * dropped inside it. With `count` NULL they are counted, else entered. */
static void assign_drops(struct qn_program *p, const bool *keep,
                         const int *last, int *count)
{
    for (int k = 0; k < p->n_ops; k++) {
        for (int i = 0; i < p->ops[k].n_out; i++) {
            int slot = p->ops[k].out[i];
            if (slot < 0 || keep[slot]) {
                continue;
            }
            struct qn_op *at = &p->ops[last[slot]];
            if (count == NULL) {
                at->n_drop++;
            } else {
                at->drop[count[last[slot]]++] = slot;
            }
        }
    }
}

static enum quern_code drop_slots(struct quern_engine *e, struct qn_program *p,
                                  const bool *keep)
{
    int *last = qn_calloc_n((size_t)e->n_slots + 1, sizeof *last);
    int *count = qn_calloc_n((size_t)p->n_ops + 1, sizeof *count);
    enum quern_code code = QUERN_OK;
    if (last == NULL || count == NULL) {
        code = qn_no_memory(e->context);
    } else {
        memset(last, -1, (size_t)e->n_slots * sizeof *last);
        note_uses(p, -1, last);
        assign_drops(p, keep, last, NULL);
    }
    for (int k = 0; k < p->n_ops && code == QUERN_OK; k++) {
        code = qn_slots_alloc(e, (size_t)p->ops[k].n_drop, &p->ops[k].drop);
    }
    if (code == QUERN_OK) {
        assign_drops(p, keep, last, count);
    }
    qn_free(last);
    qn_free(count);
    return code;
}

static enum quern_code set_drops(struct quern_engine *e, struct qn_program *p,
                                 const bool *keep)
{
    enum quern_code code = drop_slots(e, p, keep);
    for (int k = 0; k < p->n_ops && code == QUERN_OK; k++) {
        size_t n = quern_node_n_subgraphs(p->ops[k].node);
        set_dying(&p->ops[k]);
        for (size_t i = 0; i < n && code == QUERN_OK; i++) {
            code = set_drops(e, p->ops[k].bodies[i], keep);
        }
    }
    return code;
}

static void keep_bodies(const struct qn_program *p, bool *keep)
{
    for (int k = 0; k < p->n_ops; k++) {
        size_t n = quern_node_n_subgraphs(p->ops[k].node);
        for (size_t i = 0; i < n; i++) {
            const struct qn_program *body = p->ops[k].bodies[i];
            for (int o = 0; o < body->n_out; o++) {
                if (body->out[o] >= 0) {
                    keep[body->out[o]] = true;
                }
            }
            keep_bodies(body, keep);
        }
    }
}

enum quern_code qn_engine_set_lifetimes(struct quern_engine *e)
{
    bool *keep = qn_calloc((size_t)e->n_slots + 1);
    if (keep == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < e->n_outputs; i++) {
        if (e->output_slots[i] >= 0) {
            keep[e->output_slots[i]] = true;
        }
    }
    for (int s = 0; s < e->n_slots; s++) {
        keep[s] = keep[s] || e->stays[s] != 0;
    }
    keep_bodies(e->main, keep);
    enum quern_code code = set_drops(e, e->main, keep);
    qn_free(keep);
    return code;
}
