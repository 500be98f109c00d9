/* What a pattern needs in front of its root: see sieve.h. */
#include "pass/sieve.h"

#include "ir/ir.h"

#include <string.h>

/* Levels of operators that are looked at: a name in a pattern may stand for one
 * operator at several places, so what is below it may be counted often. */
enum { MOST_LEVELS = 4 };

/* The operator that makes an argument; NULL: any value will do. */
static const struct qn_pattern_node *
operator_of(const struct quern_pattern *pattern,
            const struct qn_pattern_arg *arg)
{
    const struct qn_pattern_var *var =
        arg->kind == QN_ARG_VALUE ? &pattern->vars[arg->var] : NULL;
    return var != NULL && !var->is_many && !arg->is_optional ? var->producer
                                                             : NULL;
}

static bool read_needs(const struct quern_pattern *pattern,
                       const struct qn_pattern_node *node, int level,
                       struct qn_arena *arena, size_t *out_n,
                       struct qn_need **out_needs)
{
    struct qn_need *needs = qn_arena_alloc_n(arena, QN_INPUTS, sizeof *needs);
    size_t n = 0;
    bool fits = needs != NULL;
    for (size_t i = 0; fits && i < node->n_args && i < QN_INPUTS; i++) {
        const struct qn_pattern_node *made =
            operator_of(pattern, &node->args[i]);
        if (made == NULL) {
            continue;
        }
        struct qn_need *need = &needs[n++];
        need->domain = made->domain;
        need->op = made->op;
        /* Operators that commute have two arguments. */
        need->input = node->n_args == 2 ? QN_INPUTS : i;
        fits =
            level == MOST_LEVELS || read_needs(pattern, made, level + 1, arena,
                                               &need->n_below, &need->below);
    }
    *out_n = n;
    *out_needs = needs;
    return fits;
}

bool qn_needs_of(const struct quern_pattern *pattern, struct qn_arena *arena,
                 struct qn_needs *out)
{
    return read_needs(pattern, pattern->nodes[0], 1, arena, &out->n, &out->at);
}

static bool are_met(struct qn_need *needs, size_t n,
                    const struct qn_index *index, uint32_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (!qn_need_is_met(&needs[i], index, id)) {
            return false;
        }
    }
    return true;
}

static bool is_made(const struct qn_need *need, const struct qn_index *index,
                    uint32_t id, size_t input)
{
    uint32_t maker = qn_index_maker_behind(index, id, input);
    return maker != 0 && *qn_index_op_of(index, maker - 1) == need->id &&
           are_met(need->below, need->n_below, index, maker - 1);
}

/* Depth is bounded by MOST_LEVELS. */
bool qn_need_is_met(struct qn_need *need, const struct qn_index *index,
                    uint32_t id)
{
    if (need->id == 0 && need->n_asked != index->n_ops) {
        need->n_asked = index->n_ops;
        need->id = qn_index_find(index, need->domain, need->op);
    }
    if (need->id == 0 || need->input < QN_INPUTS) {
        return need->id != 0 && is_made(need, index, id, need->input);
    }
    for (size_t i = 0; i < QN_INPUTS; i++) {
        if (is_made(need, index, id, i)) {
            return true;
        }
    }
    return false;
}

bool qn_needs_are_met(const struct qn_needs *needs,
                      const struct qn_index *index, uint32_t id)
{
    return are_met(needs->at, needs->n, index, id);
}

bool qn_need_named(struct qn_need *need, struct qn_arena *arena,
                   const char *name)
{
    const char *dot = strrchr(name, '.');
    *need = (struct qn_need){.domain = "", .op = name, .input = QN_INPUTS};
    if (dot != NULL) {
        need->op = dot + 1;
        need->domain = qn_arena_strndup(arena, name, (size_t)(dot - name));
    }
    return need->domain != NULL;
}
