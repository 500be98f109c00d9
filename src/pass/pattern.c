/* Compiling patterns: from text to the tree of pattern.h. */
#include "pass/pattern.h"

#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parser {
    struct quern_context *context;
    const struct quern_place *base;
    bool is_replacement; /* what is to be made: `name...` stands anywhere */
    struct quern_pattern *pattern;
    const char *at;
    size_t n_nodes; /* made so far, in the order of the text */
    struct qn_pattern_node *all[QN_PATTERN_MOST_NODES];
    struct qn_pattern_node *last; /* of the last equation */
    int depth;
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
static const char digits[] = "0123456789";

/* ---------------------------------------------------------------- errors */

struct quern_place qn_pattern_place(const struct quern_place *base, int line,
                                    int column)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "pattern";
    place.file = base != NULL && base->file != NULL ? base->file : "pattern";
    place.line = line;
    place.column = column;
    if (base != NULL && base->line > 0) {
        place.line += base->line - 1;
        place.column += line == 1 && base->column > 0 ? base->column - 1 : 0;
    }
    return place;
}

static void position(const struct parser *p, const char *at, int *out_line,
                     int *out_column)
{
    int line = 1, column = 1;
    for (const char *c = p->pattern->text; c < at; c++) {
        bool is_start = ((unsigned char)*c & 0xc0) != 0x80;
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + is_start;
    }
    *out_line = line;
    *out_column = column;
}

static enum quern_code wrong(const struct parser *p, const char *at,
                             const char *format, ...) QUERN_PRINTF(3, 4);

static enum quern_code wrong(const struct parser *p, const char *at,
                             const char *format, ...)
{
    char text[256];
    int line = 0, column = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    position(p, at, &line, &column);
    struct quern_place place = qn_pattern_place(p->base, line, column);
    return quern_fail(p->context, QUERN_INVALID_ARGUMENT, &place, "%s", text);
}

static enum quern_code found(const struct parser *p, const char *needs)
{
    return *p->at == '\0'
               ? wrong(p, p->at, "found the end, needs %s", needs)
               : wrong(p, p->at, "found '%.16s', needs %s", p->at, needs);
}

/* ---------------------------------------------------------------- tokens */

static void skip(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
}

static bool take(struct parser *p, char c)
{
    skip(p);
    if (*p->at != c) {
        return false;
    }
    p->at++;
    return true;
}

/* A dot or a dash belongs to a word when a letter or digit follows; so the
 * dots of `name...` do not. */
static size_t word_size(const char *at)
{
    size_t n = strspn(at, letters);
    while (n > 0 && at[n] != '\0') {
        bool joins = at[n] == '.' || at[n] == '-';
        const char *next = joins ? at + n + 1 : at + n;
        size_t more = strspn(next, letters);
        more = more > 0 ? more : strspn(next, digits);
        if (more == 0) {
            break;
        }
        n += more + joins;
    }
    return n;
}

static enum quern_code take_word(struct parser *p, const char *needs,
                                 const char **out_word)
{
    skip(p);
    size_t n = word_size(p->at);
    if (n == 0) {
        return found(p, needs);
    }
    *out_word = qn_arena_strndup(&p->pattern->arena, p->at, n);
    if (*out_word == NULL) {
        return qn_no_memory(p->context);
    }
    p->at += n;
    return QUERN_OK;
}

/* The name of a value or attribute: a word without dots and dashes. */
static enum quern_code take_name(struct parser *p, const char *needs,
                                 const char **out_name)
{
    skip(p);
    const char *start = p->at;
    enum quern_code code = take_word(p, needs, out_name);
    if (code == QUERN_OK && strpbrk(*out_name, ".-") != NULL) {
        return wrong(p, start, "found '%s', needs %s of letters, digits and _",
                     *out_name, needs);
    }
    return code;
}

static size_t number_size(const char *at)
{
    size_t n = *at == '-' || *at == '+' ? 1 : 0;
    size_t whole = strspn(at + n, digits);
    n += whole;
    size_t fraction = 0;
    if (at[n] == '.' && at[n + 1] != '.') {
        fraction = strspn(at + n + 1, digits);
        n += fraction + 1;
    }
    if (whole + fraction == 0) {
        return 0;
    }
    if (at[n] == 'e' || at[n] == 'E') {
        size_t sign = at[n + 1] == '-' || at[n + 1] == '+' ? 1 : 0;
        size_t exponent = strspn(at + n + 1 + sign, digits);
        n += exponent > 0 ? exponent + sign + 1 : 0;
    }
    return n;
}

static enum quern_code take_number(struct parser *p, double *out_value,
                                   bool *is_integer)
{
    char text[64];
    skip(p);
    size_t n = number_size(p->at);
    if (n == 0) {
        return found(p, "a number");
    }
    snprintf(text, sizeof text, "%.*s", (int)(n < 64 ? n : 63), p->at);
    if (n >= sizeof text || !qn_text_to_float(text, out_value)) {
        return wrong(p, p->at, "found '%s', needs a finite number", text);
    }
    *is_integer = *is_integer && strpbrk(text, ".eE") == NULL;
    p->at += n;
    return QUERN_OK;
}

static enum quern_code take_numbers(struct parser *p,
                                    struct qn_pattern_numbers *out)
{
    enum { MOST = 64 };
    double values[MOST];
    size_t n = 0;
    out->is_list = take(p, '[');
    out->is_integer = true;
    enum quern_code code = QUERN_OK;
    do {
        if (n == MOST) {
            return wrong(p, p->at, "a list of more than %d numbers", MOST);
        }
        code = take_number(p, &values[n++], &out->is_integer);
    } while (code == QUERN_OK && out->is_list && take(p, ','));
    if (code == QUERN_OK && out->is_list && !take(p, ']')) {
        code = found(p, "',' or ']'");
    }
    if (code != QUERN_OK) {
        return code;
    }
    double *copy = qn_arena_alloc_n(&p->pattern->arena, n, sizeof *copy);
    if (copy == NULL) {
        return qn_no_memory(p->context);
    }
    memcpy(copy, values, n * sizeof *copy);
    out->n = n;
    out->values = copy;
    return QUERN_OK;
}

/* ------------------------------------------------------------- variables */

size_t qn_pattern_find(const struct quern_pattern *pattern, const char *name)
{
    size_t i = 0;
    while (i < pattern->n_vars && (pattern->vars[i].name == NULL ||
                                   strcmp(pattern->vars[i].name, name) != 0)) {
        i++;
    }
    return i;
}

static enum quern_code add_var(struct parser *p, const char *name,
                               struct qn_pattern_node *producer,
                               uint32_t output, size_t *out_var)
{
    struct quern_pattern *pattern = p->pattern;
    if (pattern->n_vars == QN_PATTERN_MOST_NAMES) {
        return wrong(p, p->at, "more than %d values in a pattern",
                     QN_PATTERN_MOST_NAMES);
    }
    *out_var = pattern->n_vars++;
    pattern->vars[*out_var] =
        (struct qn_pattern_var){name, producer, output, false};
    return QUERN_OK;
}

static size_t attr_variable(struct quern_pattern *pattern, const char *name)
{
    size_t i = 0;
    while (i < pattern->n_attr_vars &&
           strcmp(pattern->match.attrs[i].variable, name) != 0) {
        i++;
    }
    return i;
}

/* ----------------------------------------------------------- expressions */

static enum quern_code parse_expr(struct parser *p,
                                  struct qn_pattern_node **out_node);

/* An operator stands here: a word, then '(' or '@'. */
static bool at_operator(const struct parser *p)
{
    const char *at = p->at + word_size(p->at);
    at += strspn(at, " \t\r\n");
    return word_size(p->at) > 0 && (*at == '(' || *at == '@');
}

static enum quern_code parse_value(struct parser *p, struct qn_pattern_arg *arg)
{
    const char *name = NULL;
    const char *start = p->at;
    enum quern_code code =
        take_name(p, "a value, a number or an operator", &name);
    if (code != QUERN_OK) {
        return code;
    }
    bool is_many = strncmp(p->at, "...", 3) == 0;
    p->at += is_many ? 3 : 0;
    arg->is_optional = is_many || take(p, '?');
    arg->var = qn_pattern_find(p->pattern, name);
    if (arg->var == p->pattern->n_vars) {
        code = add_var(p, name, NULL, 0, &arg->var);
        if (code == QUERN_OK) {
            p->pattern->vars[arg->var].is_many = is_many;
        }
        return code;
    }
    if (p->pattern->vars[arg->var].is_many != is_many) {
        return wrong(p, start,
                     "'%s' stands for one value here, for any number "
                     "elsewhere",
                     name);
    }
    if (arg->is_optional && p->pattern->vars[arg->var].producer != NULL) {
        return wrong(p, start,
                     "'%s' is made by an operator and cannot be "
                     "left out",
                     name);
    }
    return QUERN_OK;
}

static enum quern_code parse_arg(struct parser *p, struct qn_pattern_arg *arg)
{
    skip(p);
    if (*p->at == '[' || number_size(p->at) > 0) {
        arg->kind = QN_ARG_CONSTANT;
        return take_numbers(p, &arg->numbers);
    }
    arg->kind = QN_ARG_VALUE;
    if (!at_operator(p)) {
        return parse_value(p, arg);
    }
    struct qn_pattern_node *node = NULL;
    enum quern_code code = parse_expr(p, &node);
    if (code == QUERN_OK) {
        code = add_var(p, NULL, node, 0, &arg->var);
    }
    if (code == QUERN_OK) {
        node->outs = qn_arena_alloc(&p->pattern->arena, sizeof *node->outs);
        if (node->outs == NULL) {
            return qn_no_memory(p->context);
        }
        node->outs[0] = arg->var;
        node->n_outs = 1;
    }
    return code;
}

static bool is_many(const struct parser *p, const struct qn_pattern_arg *arg)
{
    return arg->kind == QN_ARG_VALUE && p->pattern->vars[arg->var].is_many;
}

static enum quern_code parse_args(struct parser *p,
                                  struct qn_pattern_node *node)
{
    struct qn_arena *arena = &p->pattern->arena;
    size_t room = 4;
    node->args = qn_arena_alloc_n(arena, room, sizeof *node->args);
    while (node->args != NULL) {
        if (node->n_args == QN_PATTERN_MOST_ARGS) {
            return wrong(p, p->at, "more than %d arguments",
                         QN_PATTERN_MOST_ARGS);
        }
        if (node->n_args == room) {
            struct qn_pattern_arg *old = node->args;
            node->args = qn_arena_alloc_n(arena, room * 2, sizeof *node->args);
            if (node->args == NULL) {
                break;
            }
            memcpy(node->args, old, room * sizeof *old);
            room *= 2;
        }
        const char *start = p->at;
        enum quern_code code = parse_arg(p, &node->args[node->n_args++]);
        if (code != QUERN_OK) {
            return code;
        }
        if (!take(p, ',')) {
            return take(p, ')') ? QUERN_OK : found(p, "',' or ')'");
        }
        if (!p->is_replacement && is_many(p, &node->args[node->n_args - 1])) {
            return wrong(p, start,
                         "an argument behind `name...`, which takes "
                         "all that remain");
        }
    }
    return qn_no_memory(p->context);
}

static enum quern_code parse_attr(struct parser *p,
                                  struct qn_pattern_attr *attr)
{
    struct quern_pattern *pattern = p->pattern;
    enum quern_code code =
        take_name(p, "the name of an attribute", &attr->name);
    if (code == QUERN_OK && !take(p, '=')) {
        code = found(p, "'='");
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (take(p, '"')) {
        size_t n = strcspn(p->at, "\"");
        attr->kind = QN_ATTR_IS_TEXT;
        attr->text = qn_arena_strndup(&pattern->arena, p->at, n);
        p->at += n;
        return attr->text == NULL ? qn_no_memory(p->context)
               : take(p, '"')     ? QUERN_OK
                                  : found(p, "'\"'");
    }
    if (!take(p, '$')) {
        attr->kind = QN_ATTR_IS_NUMBERS;
        return take_numbers(p, &attr->numbers);
    }
    attr->kind = QN_ATTR_IS_VAR;
    code = take_name(p, "a name", &attr->text);
    if (code == QUERN_OK) {
        attr->var = attr_variable(pattern, attr->text);
        if (attr->var == QN_PATTERN_MOST_NAMES) {
            return wrong(p, p->at, "more than %d attribute variables",
                         QN_PATTERN_MOST_NAMES);
        }
        pattern->match.attrs[attr->var].variable = attr->text;
        pattern->n_attr_vars += attr->var == pattern->n_attr_vars;
    }
    return code;
}

static enum quern_code parse_attrs(struct parser *p,
                                   struct qn_pattern_node *node)
{
    enum { MOST = 16 };
    node->attrs =
        qn_arena_alloc_n(&p->pattern->arena, MOST, sizeof *node->attrs);
    if (node->attrs == NULL) {
        return qn_no_memory(p->context);
    }
    enum quern_code code = QUERN_OK;
    do {
        if (node->n_attrs == MOST) {
            return wrong(p, p->at, "more than %d attributes", MOST);
        }
        code = parse_attr(p, &node->attrs[node->n_attrs++]);
    } while (code == QUERN_OK && take(p, ','));
    return code != QUERN_OK ? code
           : take(p, '}')   ? QUERN_OK
                            : found(p, "',' or '}'");
}

/* `@ lo .. hi` */
static enum quern_code parse_opsets(struct parser *p,
                                    struct qn_pattern_node *node)
{
    double lowest = 0.0, highest = 0.0;
    bool is_integer = true;
    enum quern_code code = take_number(p, &lowest, &is_integer);
    if (code == QUERN_OK) {
        skip(p);
        if (strncmp(p->at, "..", 2) != 0) {
            return found(p, "'..' and the last opset");
        }
        p->at += 2;
        code = take_number(p, &highest, &is_integer);
    }
    if (code == QUERN_OK &&
        (!is_integer || lowest < 1 || highest < lowest || highest > 1e9)) {
        return wrong(p, p->at,
                     "opsets %g..%g, needs two whole numbers from 1 "
                     "on, the smaller one first",
                     lowest, highest);
    }
    node->lowest = (int64_t)lowest;
    node->highest = (int64_t)highest;
    return code;
}

/* "com.acme.SiLU" to domain and operator. */
static enum quern_code split_operator(struct parser *p, const char *word,
                                      struct qn_pattern_node *node)
{
    const char *dot = strrchr(word, '.');
    node->op = dot != NULL ? dot + 1 : word;
    node->domain = "";
    if (dot == NULL) {
        return QUERN_OK;
    }
    node->domain =
        qn_arena_strndup(&p->pattern->arena, word, (size_t)(dot - word));
    if (node->domain != NULL && strcmp(node->domain, "ai.onnx") == 0) {
        node->domain = "";
    }
    return node->domain != NULL ? QUERN_OK : qn_no_memory(p->context);
}

static enum quern_code parse_expr(struct parser *p,
                                  struct qn_pattern_node **out_node)
{
    const char *word = NULL;
    skip(p);
    if (p->n_nodes == QN_PATTERN_MOST_NODES ||
        p->depth == QN_PATTERN_MOST_DEPTH) {
        return wrong(p, p->at,
                     "more than %d operators, or %d inside each other",
                     QN_PATTERN_MOST_NODES, QN_PATTERN_MOST_DEPTH);
    }
    struct qn_pattern_node *node =
        qn_arena_alloc(&p->pattern->arena, sizeof *node);
    if (node == NULL) {
        return qn_no_memory(p->context);
    }
    p->all[p->n_nodes++] = node;
    node->highest = INT64_MAX;
    position(p, p->at, &node->line, &node->column);
    enum quern_code code = take_word(p, "an operator", &word);
    if (code == QUERN_OK) {
        code = split_operator(p, word, node);
    }
    if (code == QUERN_OK && take(p, '@')) {
        code = parse_opsets(p, node);
    }
    if (code == QUERN_OK && !take(p, '(')) {
        code = found(p, "'('");
    }
    p->depth++;
    if (code == QUERN_OK && !take(p, ')')) {
        code = parse_args(p, node);
    }
    p->depth--;
    if (code == QUERN_OK && take(p, '{')) {
        code = parse_attrs(p, node);
    }
    *out_node = node;
    return code;
}

/* ------------------------------------------------------------- equations */

/* `names = expr`; the names become outputs of the expression. */
static enum quern_code parse_equation(struct parser *p)
{
    enum { MOST = 32 };
    const char *names[MOST];
    const char *places[MOST];
    size_t n = 0;
    enum quern_code code = QUERN_OK;
    do {
        if (n == MOST) {
            return wrong(p, p->at, "more than %d outputs", MOST);
        }
        skip(p);
        places[n] = p->at;
        code = take_name(p, "the name of a value", &names[n++]);
    } while (code == QUERN_OK && take(p, ','));
    if (code == QUERN_OK && !take(p, '=')) {
        code = found(p, "',' or '='");
    }
    if (code == QUERN_OK) {
        code = parse_expr(p, &p->last);
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
            return wrong(p, places[i],
                         "'%s' stands for another value already: an equation "
                         "comes before its use",
                         names[i]);
        }
        code = add_var(p, names[i], p->last, (uint32_t)i, &p->last->outs[i]);
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

static enum quern_code check_reached(const struct parser *p)
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
    pattern->reason_text = qn_arena_alloc(arena, QN_REASON_SIZE);
    bool is_made = match->bindings != NULL && match->nodes != NULL &&
                   pattern->goals != NULL && pattern->reason_text != NULL;
    for (size_t i = 0; i < pattern->n_nodes && is_made; i++) {
        pattern->goals[i] = qn_arena_alloc_n(
            arena, pattern->nodes[i]->n_args + 1, sizeof **pattern->goals);
        is_made = pattern->goals[i] != NULL;
    }
    return is_made;
}

static enum quern_code parse(struct parser *p, const char *text)
{
    struct quern_pattern *pattern = p->pattern;
    struct qn_arena *arena = &pattern->arena;
    pattern->text = qn_arena_strdup(arena, text);
    pattern->vars =
        qn_arena_alloc_n(arena, QN_PATTERN_MOST_NAMES, sizeof *pattern->vars);
    pattern->match.attrs = qn_arena_alloc_n(arena, QN_PATTERN_MOST_NAMES + 1,
                                            sizeof *pattern->match.attrs);
    pattern->nodes = qn_arena_alloc_n(arena, QN_PATTERN_MOST_NODES,
                                      sizeof(struct qn_pattern_node *));
    if (pattern->text == NULL || pattern->vars == NULL ||
        pattern->match.attrs == NULL || pattern->nodes == NULL) {
        return qn_no_memory(p->context);
    }
    p->at = pattern->text;
    enum quern_code code = QUERN_OK;
    do {
        code = parse_equation(p);
        skip(p);
    } while (code == QUERN_OK && take(p, ';') && (skip(p), *p->at != '\0'));
    if (code == QUERN_OK && *p->at != '\0') {
        code = found(p, "';' or the end");
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
    struct parser p = {.context = context,
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
