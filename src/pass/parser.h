/* What reading a pattern shares: the text, how far it is read, and the tree
 * that is made. What takes something skips white space first and reports
 * errors. */
#ifndef QUERN_PASS_PARSER_H
#define QUERN_PASS_PARSER_H

#include "pass/pattern.h"

struct qn_parser {
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

/** Room for one item more behind the n of a list in the arena of the pattern,
 * which starts with none. False: no memory, nothing changed. */
bool qn_pattern_grow(struct quern_pattern *pattern, void **list, size_t n,
                     size_t size);

/** Line and column (both from 1, in characters) of a point of the text. */
void qn_parser_position(const struct qn_parser *p, const char *at,
                        int *out_line, int *out_column);

/** Error at a point of the text. */
enum quern_code qn_parser_wrong(const struct qn_parser *p, const char *at,
                                const char *format, ...) QUERN_PRINTF(3, 4)
    __attribute__((warn_unused_result));

/** Error: what stands here is not what is needed. */
enum quern_code qn_parser_found(const struct qn_parser *p, const char *needs)
    __attribute__((warn_unused_result));

void qn_parser_skip(struct qn_parser *p);

/** Go on behind a character if it comes next; never an error. */
bool qn_parser_take(struct qn_parser *p, char c);

/** `domain.Op`: words with inner dots and dashes, the last dot parts them; each
 * may stand in quotes and hold any characters then. Copied into the arena;
 * ONNX's own domain is "". */
enum quern_code qn_parser_operator(struct qn_parser *p, const char **out_domain,
                                   const char **out_op)
    __attribute__((warn_unused_result));

/** The name of a value or attribute: a word without dots and dashes. */
enum quern_code qn_parser_name(struct qn_parser *p, const char *needs,
                               const char **out_name)
    __attribute__((warn_unused_result));

/** A finite number; *is_integer becomes false if it has a fraction or an
 * exponent. */
enum quern_code qn_parser_number(struct qn_parser *p, double *out_value,
                                 bool *is_integer)
    __attribute__((warn_unused_result));

/** A number, or several in brackets. */
enum quern_code qn_parser_numbers(struct qn_parser *p,
                                  struct qn_pattern_numbers *out)
    __attribute__((warn_unused_result));

/** Numbers, `$names` and names of constants with + - * / and brackets. */
enum quern_code qn_parser_computed(struct qn_parser *p,
                                   struct qn_pattern_sum **out_sum)
    __attribute__((warn_unused_result));

/** What stands behind `name is`. */
enum quern_code qn_parser_guard(struct qn_parser *p,
                                struct qn_pattern_guard **out_guard)
    __attribute__((warn_unused_result));

/** What comes next, without white space in front: numbers; or an operator,
 * which is followed by '(' or '@'. */
bool qn_parser_at_numbers(const struct qn_parser *p);
bool qn_parser_at_operator(const struct qn_parser *p);

/** A further value; name NULL: the output of an operator in an argument. */
enum quern_code qn_parser_add_var(struct qn_parser *p, const char *name,
                                  struct qn_pattern_node *producer,
                                  uint32_t output, size_t *out_var)
    __attribute__((warn_unused_result));

/** An expression of the grammar: an operator and all that it holds. */
enum quern_code qn_parser_expr(struct qn_parser *p,
                               struct qn_pattern_node **out_node)
    __attribute__((warn_unused_result));

#endif
