/* Profiles: opening them, and the questions that passes ask. */
#include <quern/target.h>

#include "base/diag.h"
#include "target/profiles.h"
#include "target/read.h"

#include <stdlib.h>
#include <string.h>

bool qn_target_is_path(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strchr(name, '/') != NULL ||
           (dot != NULL &&
            (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
}

enum quern_code quern_target_open(struct quern_context *context,
                                  const char *name,
                                  const struct quern_target **out_target)
{
    const char *text = NULL;
    struct qn_target *t = qn_calloc(sizeof *t);
    if (t == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = QUERN_OK;
    if (qn_target_is_path(name)) {
        code = qn_target_read_file(context, name, t);
    } else {
        code = qn_target_text(context, NULL, name, &text);
        if (code == QUERN_OK) {
            code = qn_target_read(context, name, text, strlen(text), t);
        }
    }
    const struct quern_target *target = &t->target;
    if (code != QUERN_OK) {
        quern_target_close(&target);
        return code;
    }
    *out_target = target;
    return QUERN_OK;
}

void quern_target_close(const struct quern_target **target)
{
    if (target != NULL && *target != NULL) {
        /* The profile is the first field of what was allocated. */
        struct qn_target *t = (struct qn_target *)(uintptr_t)*target;
        qn_arena_finish(&t->arena);
        qn_free(t);
        *target = NULL;
    }
}

const char *quern_target_name_at(size_t i)
{
    size_t n = 0;
    while (n < i && qn_target_profiles[n].name != NULL) {
        n++;
    }
    return qn_target_profiles[n].name;
}

/* ------------------------------------------------------------- questions */

const struct quern_target_op *
quern_target_operator(const struct quern_target *target, const char *op)
{
    for (size_t i = 0; i < target->n_ops; i++) {
        if (strcmp(target->ops[i].op, op) == 0) {
            return &target->ops[i];
        }
    }
    return NULL;
}

const struct quern_target_op *
quern_target_node(const struct quern_target *target,
                  const struct quern_node *node)
{
    return *quern_node_domain(node) == '\0'
               ? quern_target_operator(target, quern_node_op(node))
               : NULL;
}

enum quern_target_role quern_target_port(const struct quern_target_op *op,
                                         size_t i)
{
    if (op == NULL || op->n_roles == 0) {
        return QUERN_ROLE_NONE;
    }
    size_t last = op->n_roles - 1;
    return (enum quern_target_role)op->roles[i < last ? i : last];
}

int quern_target_axis(const struct quern_target_op *op,
                      const struct quern_node *node)
{
    return quern_node_int(node, "transB", 0) != 0 ? op->axis_transposed
                                                  : op->axis;
}

bool quern_target_fuses(const struct quern_target *target, const char *op,
                        const char *next)
{
    size_t n_op = strlen(op);
    size_t n_next = strlen(next);
    for (size_t i = 0; i < target->fusions.count; i++) {
        const char *f = target->fusions.items[i];
        if (strncmp(f, op, n_op) == 0 && f[n_op] == '+' &&
            strncmp(f + n_op + 1, next, n_next) == 0 &&
            (f[n_op + 1 + n_next] == '\0' || f[n_op + 1 + n_next] == '+')) {
            return true;
        }
    }
    return false;
}

bool quern_target_has(const struct quern_strings *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

int64_t quern_target_until(const struct quern_target *target, const char *op)
{
    size_t size = strlen(op);
    for (size_t i = 0; i < target->until.count; i++) {
        const char *word = target->until.items[i];
        if (strncmp(word, op, size) == 0 && word[size] == '@') {
            return strtol(word + size + 1, NULL, 10);
        }
    }
    return INT64_MAX;
}

bool quern_target_takes(const struct quern_target_numbers *numbers,
                        enum quern_dtype dtype)
{
    for (size_t i = 0; i < numbers->n_types; i++) {
        if (numbers->types[i] == dtype) {
            return true;
        }
    }
    return false;
}
