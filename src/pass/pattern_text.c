/* Reading the text of a pattern: words, names, numbers, and where they stand.
 */
#include "config/text.h"
#include "pass/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void qn_parser_position(const struct qn_parser *p, const char *at,
                        int *out_line, int *out_column)
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

enum quern_code qn_parser_wrong(const struct qn_parser *p, const char *at,
                                const char *format, ...)
{
    char text[256];
    int line = 0, column = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    qn_parser_position(p, at, &line, &column);
    struct quern_place place = qn_pattern_place(p->base, line, column);
    return quern_fail(p->context, QUERN_INVALID_ARGUMENT, &place, "%s", text);
}

enum quern_code qn_parser_found(const struct qn_parser *p, const char *needs)
{
    return *p->at == '\0'
               ? qn_parser_wrong(p, p->at, "found the end, needs %s", needs)
               : qn_parser_wrong(p, p->at, "found '%.16s', needs %s", p->at,
                                 needs);
}

/* ---------------------------------------------------------------- tokens */

void qn_parser_skip(struct qn_parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
}

bool qn_parser_take(struct qn_parser *p, char c)
{
    qn_parser_skip(p);
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

/* A word with inner dots and dashes, copied into the arena. */
static enum quern_code parse_word(struct qn_parser *p, const char *needs,
                                  const char **out_word)
{
    qn_parser_skip(p);
    size_t n = word_size(p->at);
    if (n == 0) {
        return qn_parser_found(p, needs);
    }
    *out_word = qn_arena_strndup(&p->pattern->arena, p->at, n);
    if (*out_word == NULL) {
        return qn_no_memory(p->context);
    }
    p->at += n;
    return QUERN_OK;
}

enum quern_code qn_parser_name(struct qn_parser *p, const char *needs,
                               const char **out_name)
{
    qn_parser_skip(p);
    const char *start = p->at;
    enum quern_code code = parse_word(p, needs, out_name);
    if (code == QUERN_OK && strpbrk(*out_name, ".-") != NULL) {
        return qn_parser_wrong(p, start,
                               "found '%s', needs %s of letters, digits and _",
                               *out_name, needs);
    }
    return code;
}

/* Text in quotes, the quotes included; 0: none begins here, or it is empty or
 * never ends. */
static size_t quoted_size(const char *at)
{
    size_t n = *at == '"' ? strcspn(at + 1, "\"") : 0;
    return n > 0 && at[n + 1] == '"' ? n + 2 : 0;
}

/* How an operator is written; sizes count the quotes. */
struct spelling {
    const char *domain, *op;
    size_t domain_size, op_size;
    size_t size; /* of both and what is between; 0: it is no operator */
};

static struct spelling spelling_of(const char *at)
{
    struct spelling s = {.domain = at, .op = at};
    size_t word = word_size(at);
    size_t first = word > 0 ? word : quoted_size(at);
    bool goes_on = first > 0 && at[first] == '.';
    size_t second = goes_on ? quoted_size(at + first + 1) : 0;
    if (goes_on && second == 0 && word == 0) {
        second = word_size(at + first + 1);
    }
    if (second > 0) {
        s.domain_size = first;
        s.op = at + first + 1;
        s.op_size = second;
    } else {
        size_t start = word; /* behind the last dot of the word */
        while (start > 0 && at[start - 1] != '.') {
            start--;
        }
        s.domain_size = start > 0 ? start - 1 : 0;
        s.op = at + start;
        s.op_size = first - start;
    }
    s.size = (size_t)(s.op - at) + s.op_size;
    return s;
}

static const char *copy_part(struct qn_parser *p, const char *text, size_t size)
{
    bool is_quoted = *text == '"';
    return qn_arena_strndup(&p->pattern->arena, is_quoted ? text + 1 : text,
                            is_quoted ? size - 2 : size);
}

enum quern_code qn_parser_operator(struct qn_parser *p, const char **out_domain,
                                   const char **out_op)
{
    qn_parser_skip(p);
    struct spelling s = spelling_of(p->at);
    if (s.size == 0) {
        return qn_parser_found(p, "an operator");
    }
    p->at += s.size;
    *out_op = copy_part(p, s.op, s.op_size);
    *out_domain =
        s.domain_size > 0 ? copy_part(p, s.domain, s.domain_size) : "";
    if (*out_op == NULL || *out_domain == NULL) {
        return qn_no_memory(p->context);
    }
    if (strcmp(*out_domain, "ai.onnx") == 0) {
        *out_domain = "";
    }
    return QUERN_OK;
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

enum quern_code qn_parser_number(struct qn_parser *p, double *out_value,
                                 bool *is_integer)
{
    char text[64];
    qn_parser_skip(p);
    size_t n = number_size(p->at);
    if (n == 0) {
        return qn_parser_found(p, "a number");
    }
    snprintf(text, sizeof text, "%.*s", (int)(n < 64 ? n : 63), p->at);
    if (n >= sizeof text || !qn_text_to_float(text, out_value)) {
        return qn_parser_wrong(p, p->at, "found '%s', needs a finite number",
                               text);
    }
    *is_integer = *is_integer && strpbrk(text, ".eE") == NULL;
    p->at += n;
    return QUERN_OK;
}

/* `~ number`: how far off all of them may be. */
static enum quern_code parse_within(struct qn_parser *p,
                                    struct qn_pattern_numbers *out)
{
    bool is_integer = true;
    out->within = -1.0;
    const char *start = p->at;
    if (!qn_parser_take(p, '~')) {
        return QUERN_OK;
    }
    enum quern_code code = qn_parser_number(p, &out->within, &is_integer);
    if (code == QUERN_OK && p->is_replacement) {
        return qn_parser_wrong(p, start, "'~' is for the match");
    }
    if (code == QUERN_OK && out->within < 0.0) {
        return qn_parser_wrong(p, start, "found '~ %g', needs 0 or more",
                               out->within);
    }
    return code;
}

enum quern_code qn_parser_numbers(struct qn_parser *p,
                                  struct qn_pattern_numbers *out)
{
    enum { MOST = 64 };
    double values[MOST];
    size_t n = 0;
    out->is_list = qn_parser_take(p, '[');
    out->is_integer = true;
    out->computed = NULL;
    enum quern_code code = QUERN_OK;
    do {
        if (n == MOST) {
            return qn_parser_wrong(p, p->at, "a list of more than %d numbers",
                                   MOST);
        }
        code = qn_parser_number(p, &values[n++], &out->is_integer);
    } while (code == QUERN_OK && out->is_list && qn_parser_take(p, ','));
    if (code == QUERN_OK && out->is_list && !qn_parser_take(p, ']')) {
        code = qn_parser_found(p, "',' or ']'");
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
    return parse_within(p, out);
}

bool qn_parser_at_operator(const struct qn_parser *p)
{
    size_t size = spelling_of(p->at).size;
    const char *at = p->at + size;
    at += strspn(at, " \t\r\n");
    return size > 0 && (*at == '(' || *at == '@');
}

bool qn_parser_at_numbers(const struct qn_parser *p)
{
    return *p->at == '[' || number_size(p->at) > 0;
}
