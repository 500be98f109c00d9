/* Numbers that a replacement computes: `$alpha * 2`, `(c - 1) / $n`. */
#include "pass/parser.h"

#include <string.h>

static enum quern_code parse_sum(struct qn_parser *p,
                                 struct qn_pattern_sum **out);

static enum quern_code new_sum(struct qn_parser *p, enum qn_sum_kind kind,
                               struct qn_pattern_sum **out)
{
    *out = qn_arena_alloc(&p->pattern->arena, sizeof **out);
    if (*out == NULL) {
        return qn_no_memory(p->context);
    }
    (*out)->kind = kind;
    qn_parser_position(p, p->at, &(*out)->line, &(*out)->column);
    return QUERN_OK;
}

/* A number, `$variable`, the name of a constant, or a sum in brackets. */
static enum quern_code parse_factor(struct qn_parser *p,
                                    struct qn_pattern_sum **out)
{
    qn_parser_skip(p);
    if (p->depth == QN_PATTERN_MOST_DEPTH) {
        return qn_parser_wrong(p, p->at,
                               "more than %d brackets inside each "
                               "other",
                               QN_PATTERN_MOST_DEPTH);
    }
    if (qn_parser_take(p, '(')) {
        p->depth++;
        enum quern_code code = parse_sum(p, out);
        p->depth--;
        return code == QUERN_OK && !qn_parser_take(p, ')')
                   ? qn_parser_found(p, "')'")
                   : code;
    }
    bool is_number = qn_parser_at_numbers(p);
    bool is_attr = !is_number && *p->at == '$';
    enum quern_code code = new_sum(p,
                                   is_number ? QN_SUM_NUMBER
                                   : is_attr ? QN_SUM_ATTR
                                             : QN_SUM_VALUE,
                                   out);
    if (code != QUERN_OK) {
        return code;
    }
    if (is_number) {
        (*out)->is_integer = true;
        return qn_parser_number(p, &(*out)->number, &(*out)->is_integer);
    }
    p->at += is_attr;
    return qn_parser_name(p, "a number, '$' and a name, or a constant's name",
                          &(*out)->name);
}

/* `left op right op …`, from the left; `ops` are the two signs. */
static enum quern_code
parse_row(struct qn_parser *p, const char *ops,
          enum quern_code (*part)(struct qn_parser *, struct qn_pattern_sum **),
          struct qn_pattern_sum **out)
{
    enum { MOST = 64 };
    enum quern_code code = part(p, out);
    for (int i = 0; code == QUERN_OK; i++) {
        struct qn_pattern_sum *left = *out;
        qn_parser_skip(p);
        if (*p->at == '\0' || strchr(ops, *p->at) == NULL) {
            return QUERN_OK;
        }
        if (i == MOST) {
            return qn_parser_wrong(p, p->at, "more than %d signs in a row",
                                   MOST);
        }
        char op = *p->at++;
        code = new_sum(p, QN_SUM_OPERATION, out);
        if (code == QUERN_OK) {
            (*out)->op = op;
            (*out)->left = left;
            code = part(p, &(*out)->right);
        }
    }
    return code;
}

static enum quern_code parse_product(struct qn_parser *p,
                                     struct qn_pattern_sum **out)
{
    return parse_row(p, "*/", parse_factor, out);
}

static enum quern_code parse_sum(struct qn_parser *p,
                                 struct qn_pattern_sum **out)
{
    return parse_row(p, "+-", parse_product, out);
}

enum quern_code qn_parser_computed(struct qn_parser *p,
                                   struct qn_pattern_sum **out_sum)
{
    return parse_sum(p, out_sum);
}
