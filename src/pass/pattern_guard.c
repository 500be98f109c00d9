/* What a pattern asks of a value beside where it stands: to be constant, its
 * type, its shape. `name is const float[..., 8]`. */
#include "ir/ir.h"
#include "pass/parser.h"

#include <stdio.h>
#include <string.h>

/* --------------------------------------------------------------- reading */

/* `...`, `_` or a size. */
static enum quern_code parse_size(struct qn_parser *p,
                                  struct qn_pattern_guard *guard)
{
    double size = 0.0;
    bool is_integer = true;
    const char *start = p->at;
    if (guard->n_sizes == QUERN_MAX_RANK) {
        return qn_parser_wrong(p, p->at, "more than %d sizes", QUERN_MAX_RANK);
    }
    if (qn_parser_take(p, '_')) {
        guard->sizes[guard->n_sizes++] = -1;
        return QUERN_OK;
    }
    qn_parser_skip(p);
    if (!qn_parser_at_numbers(p) || *p->at == '[') {
        return qn_parser_found(p, "a size or '_' (any)");
    }
    enum quern_code code = qn_parser_number(p, &size, &is_integer);
    if (code == QUERN_OK && (!is_integer || size < 0 || size > 1e15)) {
        return qn_parser_wrong(p, start, "size %g, needs a whole number", size);
    }
    guard->sizes[guard->n_sizes++] = (int64_t)size;
    return code;
}

/* Behind '[': sizes, of the last axes alone where `...` stands in front. */
static enum quern_code parse_sizes(struct qn_parser *p,
                                   struct qn_pattern_guard *guard)
{
    enum quern_code code = QUERN_OK;
    guard->has_sizes = true;
    qn_parser_skip(p);
    if (strncmp(p->at, "...", 3) == 0) {
        p->at += 3;
        guard->is_open = true;
        if (!qn_parser_take(p, ',')) {
            return qn_parser_take(p, ']') ? QUERN_OK
                                          : qn_parser_found(p, "',' or ']'");
        }
    } else if (qn_parser_take(p, ']')) {
        return QUERN_OK;
    }
    do {
        code = parse_size(p, guard);
    } while (code == QUERN_OK && qn_parser_take(p, ','));
    return code != QUERN_OK         ? code
           : qn_parser_take(p, ']') ? QUERN_OK
                                    : qn_parser_found(p, "',' or ']'");
}

enum quern_code qn_parser_guard(struct qn_parser *p,
                                struct qn_pattern_guard **out_guard)
{
    static const char needs[] = "'const', a type or '[sizes]'";
    const char *word = NULL;
    const char *start = p->at;
    enum quern_code code = QUERN_OK;
    struct qn_pattern_guard *guard =
        qn_arena_alloc(&p->pattern->arena, sizeof *guard);
    *out_guard = guard;
    if (guard == NULL) {
        return qn_no_memory(p->context);
    }
    if (p->is_replacement) {
        return qn_parser_wrong(p, start, "'is' is for the match");
    }
    qn_parser_skip(p);
    while (*p->at != '[' && *p->at != ',' && *p->at != ')') {
        start = p->at;
        code = qn_parser_name(p, needs, &word);
        if (code != QUERN_OK) {
            return code;
        }
        enum quern_dtype dtype = quern_dtype_of_name(word);
        if (strcmp(word, "const") == 0) {
            guard->is_constant = true;
        } else if (guard->dtype != QUERN_UNDEFINED) {
            return qn_parser_wrong(p, start, "a second type, '%s'", word);
        } else if (dtype == QUERN_UNDEFINED) {
            return qn_parser_wrong(p, start, "found '%s', needs %s", word,
                                   needs);
        } else {
            guard->dtype = dtype;
        }
        qn_parser_skip(p);
    }
    if (qn_parser_take(p, '[')) {
        return parse_sizes(p, guard);
    }
    return guard->is_constant || guard->dtype != QUERN_UNDEFINED
               ? QUERN_OK
               : qn_parser_found(p, needs);
}

/* -------------------------------------------------------------- matching */

bool qn_guard_is_met(const struct qn_pattern_guard *guard,
                     const struct quern_value *value)
{
    int rank = quern_value_rank(value);
    int n = (int)guard->n_sizes;
    if ((guard->is_constant && quern_value_constant(value) == NULL) ||
        (guard->dtype != QUERN_UNDEFINED &&
         quern_value_dtype(value) != guard->dtype)) {
        return false;
    }
    if (!guard->has_sizes) {
        return true;
    }
    bool fits = guard->is_open ? rank >= n : rank == n;
    for (int i = 0; i < n && fits; i++) {
        fits = guard->sizes[i] < 0 ||
               quern_value_dims(value)[rank - n + i].value == guard->sizes[i];
    }
    return fits;
}

/* ----------------------------------------------------------------- words */

void qn_guard_text(const struct qn_pattern_guard *guard, char *text,
                   size_t size)
{
    size_t n = (size_t)snprintf(
        text, size, "%s%s%s%s", guard->is_constant ? "const" : "",
        guard->is_constant && guard->dtype != QUERN_UNDEFINED ? " " : "",
        guard->dtype != QUERN_UNDEFINED ? quern_dtype_name(guard->dtype) : "",
        guard->has_sizes ? "[" : "");
    const char *comma = "";
    if (guard->is_open && n < size) {
        n += (size_t)snprintf(text + n, size - n, "...");
        comma = ", ";
    }
    for (size_t i = 0; i < guard->n_sizes && n < size; i++) {
        n += (size_t)(guard->sizes[i] < 0
                          ? snprintf(text + n, size - n, "%s_", comma)
                          : snprintf(text + n, size - n, "%s%lld", comma,
                                     (long long)guard->sizes[i]));
        comma = ", ";
    }
    if (guard->has_sizes && n < size) {
        snprintf(text + n, size - n, "]");
    }
}
