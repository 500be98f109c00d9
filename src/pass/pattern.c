/* Compiling patterns: from text to the tree of pattern.h. Expressions are read
 * in pattern_expr.c, their words in pattern_text.c. */
#include "pass/pattern.h"

#include "pass/parser.h"

#include <string.h>

bool qn_pattern_grow(struct quern_pattern *pattern, void **list, size_t n,
                     size_t size)
{
    if (n > 0 && (n < 4 || (n & (n - 1)) != 0)) {
        return true;
    }
    void *grown = qn_arena_alloc_n(&pattern->arena, n == 0 ? 4 : 2 * n, size);
    if (grown != NULL && n > 0) {
        memcpy(grown, *list, n * size);
    }
    *list = grown != NULL ? grown : *list;
    return grown != NULL;
}

size_t qn_pattern_find(const struct quern_pattern *pattern, const char *name)
{
    size_t i = 0;
    while (i < pattern->n_vars && (pattern->vars[i].name == NULL ||
                                   strcmp(pattern->vars[i].name, name) != 0)) {
        i++;
    }
    return i;
}

enum quern_code qn_parser_add_var(struct qn_parser *p, const char *name,
                                  struct qn_pattern_node *producer,
                                  uint32_t output, size_t *out_var)
{
    struct quern_pattern *pattern = p->pattern;
    if (pattern->n_vars == QN_PATTERN_MOST_NAMES) {
        return qn_parser_wrong(p, p->at, "more than %d values in a pattern",
                               QN_PATTERN_MOST_NAMES);
    }
    void *vars = pattern->vars;
    if (!qn_pattern_grow(pattern, &vars, pattern->n_vars,
                         sizeof *pattern->vars)) {
        return qn_no_memory(p->context);
    }
    pattern->vars = vars;
    *out_var = pattern->n_vars++;
    pattern->vars[*out_var] =
        (struct qn_pattern_var){name, producer, output, false};
    return QUERN_OK;
}

/* `names = expr`; the names become outputs of the expression. */
static enum quern_code parse_equation(struct qn_parser *p)
{
    enum { MOST = 32 };
    const char *names[MOST];
    const char *places[MOST];
    size_t n = 0;
    enum quern_code code = QUERN_OK;
    do {
        if (n == MOST) {
            return qn_parser_wrong(p, p->at, "more than %d outputs", MOST);
        }
        qn_parser_skip(p);
        places[n] = p->at;
        code = qn_parser_name(p, "the name of a value", &names[n++]);
    } while (code == QUERN_OK && qn_parser_take(p, ','));
    if (code == QUERN_OK && !qn_parser_take(p, '=')) {
        code = qn_parser_found(p, "',' or '='");
    }
    if (code == QUERN_OK) {
        code = qn_parser_expr(p, &p->last);
    }
    if (code != QUERN_OK) {
        return code;
    }
    p->last->outs =
        qn_arena_alloc_n(&p->pattern->arena, n, sizeof *p->last->outs);
    if (p->last->outs == NULL) {
        return qn_no_memory(p->context);
    }
    p->last->n_outs = n;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        if (qn_pattern_find(p->pattern, names[i]) < p->pattern->n_vars) {
            return qn_parser_wrong(
                p, places[i],
                "'%s' stands for another value already: an equation "
                "comes before its use",
                names[i]);
        }
        code = qn_parser_add_var(p, names[i], p->last, (uint32_t)i,
                                 &p->last->outs[i]);
    }
    return code;
}

/* Number the nodes from the root on, through their arguments. The depth is
 * that of the text, or the number of equations: both are bounded. */
static void reach(struct quern_pattern *pattern, struct qn_pattern_node *node)
{
    if (node->is_reached) {
        return;
    }
    node->is_reached = true;
    node->id = pattern->n_nodes;
    pattern->nodes[pattern->n_nodes++] = node;
    for (size_t i = 0; i < node->n_args; i++) {
        const struct qn_pattern_arg *arg = &node->args[i];
        if (arg->kind == QN_ARG_VALUE &&
            pattern->vars[arg->var].producer != NULL) {
            reach(pattern, pattern->vars[arg->var].producer);
        }
    }
}

static enum quern_code check_reached(const struct qn_parser *p)
{
    for (size_t i = 0; i < p->n_nodes; i++) {
        const struct qn_pattern_node *node = p->all[i];
        if (!node->is_reached) {
            struct quern_place place =
                qn_pattern_place(p->base, node->line, node->column);
            return quern_fail(p->context, QUERN_INVALID_ARGUMENT, &place,
                              "%s leads to nothing that the last equation uses",
                              node->op);
        }
    }
    return QUERN_OK;
}

/* Room for the state of a try. */
static bool make_room(struct quern_pattern *pattern)
{
    struct qn_arena *arena = &pattern->arena;
    struct quern_match *match = &pattern->match;
    match->pattern = pattern;
    match->bindings =
        qn_arena_alloc_n(arena, pattern->n_vars, sizeof *match->bindings);
    match->nodes =
        qn_arena_alloc_n(arena, pattern->n_nodes, sizeof(struct quern_node *));
    pattern->goals =
        qn_arena_alloc_n(arena, pattern->n_nodes, sizeof(struct qn_goal *));
    pattern->told = qn_arena_alloc(arena, sizeof *pattern->told);
    bool is_made = match->bindings != NULL && match->nodes != NULL &&
                   pattern->goals != NULL && pattern->told != NULL;
    if (is_made) {
        pattern->told->arena = arena;
    }
    for (size_t i = 0; i < pattern->n_nodes && is_made; i++) {
        pattern->goals[i] = qn_arena_alloc_n(
            arena, pattern->nodes[i]->n_args + 1, sizeof **pattern->goals);
        is_made = pattern->goals[i] != NULL;
    }
    return is_made;
}

static enum quern_code parse(struct qn_parser *p, const char *text)
{
    struct quern_pattern *pattern = p->pattern;
    struct qn_arena *arena = &pattern->arena;
    pattern->text = qn_arena_strdup(arena, text);
    if (pattern->text == NULL) {
        return qn_no_memory(p->context);
    }
    p->at = pattern->text;
    enum quern_code code = QUERN_OK;
    do {
        code = parse_equation(p);
        qn_parser_skip(p);
    } while (code == QUERN_OK && qn_parser_take(p, ';') &&
             (qn_parser_skip(p), *p->at != '\0'));
    if (code == QUERN_OK && *p->at != '\0') {
        code = qn_parser_found(p, "';' or the end");
    }
    if (code == QUERN_OK) {
        pattern->nodes = qn_arena_alloc_n(arena, p->n_nodes,
                                          sizeof(struct qn_pattern_node *));
        code = pattern->nodes != NULL ? QUERN_OK : qn_no_memory(p->context);
    }
    if (code == QUERN_OK) {
        reach(pattern, p->last);
        code = check_reached(p);
    }
    return code != QUERN_OK     ? code
           : make_room(pattern) ? QUERN_OK
                                : qn_no_memory(p->context);
}

enum quern_code qn_pattern_read(struct quern_context *context, const char *text,
                                const struct quern_place *base,
                                bool is_replacement,
                                struct quern_pattern **out_pattern)
{
    struct quern_pattern *pattern = qn_calloc(sizeof *pattern);
    if (pattern == NULL) {
        return qn_no_memory(context);
    }
    struct qn_parser p = {.context = context,
                          .base = base,
                          .is_replacement = is_replacement,
                          .pattern = pattern};
    enum quern_code code = parse(&p, text);
    if (code != QUERN_OK) {
        quern_pattern_destroy(&pattern);
        return code;
    }
    *out_pattern = pattern;
    return QUERN_OK;
}

enum quern_code quern_pattern_create(struct quern_context *context,
                                     const char *text,
                                     struct quern_pattern **out_pattern)
{
    return qn_pattern_read(context, text, NULL, false, out_pattern);
}

void quern_pattern_destroy(struct quern_pattern **pattern)
{
    struct quern_pattern *p = pattern != NULL ? *pattern : NULL;
    if (p != NULL) {
        qn_arena_finish(&p->arena);
        qn_free(p);
        *pattern = NULL;
    }
}

const char *quern_pattern_root(const struct quern_pattern *pattern)
{
    return pattern->nodes[0]->op;
}
