/* Patterns compiled: the tree behind <quern/match.h>, made by pattern.c, used
 * by the search (match.c), its reasons (reason.c) and by the replacements of
 * rules (rules.c). The grammar is in <quern/match.h>.
 *
 * A pattern holds the state of its last try, so it belongs to one thread at a
 * time (thread-compatible). Everything lives in its arena.
 */
#ifndef QUERN_PASS_PATTERN_H
#define QUERN_PASS_PATTERN_H

#include <quern/match.h>

#include "base/alloc.h"
#include "base/diag.h"

enum {
    QN_PATTERN_MOST_NODES = 64,
    QN_PATTERN_MOST_ARGS = 64, /* of one node */
    QN_PATTERN_MOST_NAMES = 256,
    QN_PATTERN_MOST_DEPTH = 32,
    /* Steps of one try; a pattern of commuting operators could take
     * exponentially many, and passes must be linear in nodes. */
    QN_PATTERN_MOST_STEPS = 4096,
};

/** A number that a replacement computes. */
enum qn_sum_kind { QN_SUM_NUMBER, QN_SUM_ATTR, QN_SUM_VALUE, QN_SUM_OPERATION };

struct qn_pattern_sum {
    enum qn_sum_kind kind;
    double number;    /* NUMBER */
    bool is_integer;  /* NUMBER: written without fraction and exponent */
    const char *name; /* ATTR: behind `$`; VALUE: of a constant */
    char op;          /* OPERATION: + - * or / */
    struct qn_pattern_sum *left, *right;
    int line, column;
};

/** Numbers as written: one, or a list. */
struct qn_pattern_numbers {
    size_t n;
    const double *values;
    bool is_list;
    bool is_integer; /* no fraction and no exponent in any of them */
    double within;   /* how far off a number may be; < 0: the usual share */
    const struct qn_pattern_sum *computed; /* NULL: they are the values */
};

/** A value: named, or (name NULL) the output of an operator in an argument. */
struct qn_pattern_var {
    const char *name;
    struct qn_pattern_node *producer; /* NULL: any value */
    uint32_t output;                  /* of the producer */
    bool is_many;                     /* `name...` */
};

/** What a value must be: `name is const float[..., 8]`. */
struct qn_pattern_guard {
    bool is_constant;
    enum quern_dtype dtype; /* QUERN_UNDEFINED: any */
    bool has_sizes;
    bool is_open; /* the sizes are those of the last axes */
    size_t n_sizes;
    int64_t sizes[QUERN_MAX_RANK]; /* -1: any */
};

enum qn_pattern_arg_kind { QN_ARG_VALUE, QN_ARG_CONSTANT };

struct qn_pattern_arg {
    enum qn_pattern_arg_kind kind;
    size_t var; /* VALUE */
    bool is_optional;
    const struct qn_pattern_guard *guard; /* VALUE; NULL: none */
    struct qn_pattern_numbers numbers;    /* CONSTANT */
};

enum qn_pattern_attr_kind {
    QN_ATTR_IS_NUMBERS,
    QN_ATTR_IS_TEXT,
    QN_ATTR_IS_VAR
};

struct qn_pattern_attr {
    const char *name;
    enum qn_pattern_attr_kind kind;
    struct qn_pattern_numbers numbers;
    const char *text; /* TEXT: as between the quotes; VAR: name behind `$` */
    size_t var;       /* VAR: number among the attribute variables */
};

struct qn_pattern_node {
    size_t id; /* 0: the root; then in the order of arguments, depth first */
    const char *domain; /* "" for ai.onnx */
    const char *op;
    int64_t lowest, highest; /* opsets; 0, INT64_MAX without `@` */
    size_t n_args;
    struct qn_pattern_arg *args;
    size_t n_attrs;
    struct qn_pattern_attr *attrs;
    size_t n_outs;
    size_t *outs; /* variables */
    int line, column;
    bool is_reached; /* from the root, through arguments */
};

/** What a name stands for in a try. */
struct qn_binding {
    bool is_bound;
    struct quern_value *value; /* NULL: left out */
    struct quern_node *reader; /* `name...`: inputs of this node … */
    size_t first;              /* … from this one on … */
    size_t n;                  /* … so many */
};

struct qn_attr_binding {
    const char *variable;
    struct quern_node *node; /* NULL: not bound */
    const char *attr;
    const struct qn_pattern_node *owner; /* where it was bound */
};

struct quern_match {
    const struct quern_pattern *pattern;
    struct qn_binding *bindings;   /* one a variable */
    struct quern_node **nodes;     /* one a pattern node */
    struct qn_attr_binding *attrs; /* one an attribute variable */
};

enum qn_reason_kind {
    QN_REASON_NONE,
    QN_REASON_OP,
    QN_REASON_OPSET,
    QN_REASON_TOO_MANY,
    QN_REASON_ATTR,
    QN_REASON_ATTR_OTHER,
    QN_REASON_OUTPUT_LEFT_OUT,
    QN_REASON_LEFT_OUT,
    QN_REASON_CONSTANT,
    QN_REASON_GUARD,
    QN_REASON_OTHER_VALUE,
    QN_REASON_NO_PRODUCER,
    QN_REASON_PRODUCER,
    QN_REASON_PORT,
    QN_REASON_OTHER_GRAPH,
    QN_REASON_USED,
    QN_REASON_IS_OUTPUT,
    QN_REASON_UNNAMED,
    QN_REASON_STEPS,
};

/** Why a try failed, cheap to note down; the words come later. */
struct qn_reason {
    enum qn_reason_kind kind;
    size_t progress; /* of the search: the farthest reason is told */
    const struct quern_node *node;
    const struct qn_pattern_node *wanted;
    const struct qn_pattern_arg *arg;
    const struct qn_pattern_attr *attr;
    const struct quern_value *value;
    const struct quern_value *other; /* what the value should be */
    size_t index;                    /* of the input or output */
};

/** An argument to be matched with input `index` of `reader`. */
struct qn_goal {
    const struct qn_pattern_arg *arg;
    struct quern_node *reader;
    size_t index;
    const struct qn_goal *next;
};

struct quern_pattern {
    struct qn_arena arena;
    const char *text;
    size_t n_nodes;
    struct qn_pattern_node **nodes; /* by id */
    size_t n_vars;
    struct qn_pattern_var *vars;
    size_t n_attr_vars;
    struct quern_match match;
    struct qn_goal **goals; /* by node: room for its arguments */
    struct qn_reason reason;
    struct qn_reason_text *told; /* what quern_pattern_reason() gives */
};

/** Made when it is asked for: most patterns are never asked. */
struct qn_reason_text {
    struct qn_arena *arena;
    char *text; /* QN_REASON_SIZE bytes; NULL: not made yet */
};

enum { QN_REASON_SIZE = 1024 };

/** As quern_pattern_create(), with a place for messages: `base` has file, line
 * and column of the first character, or is NULL.
 * @param is_replacement  read what a rule makes */
enum quern_code qn_pattern_read(struct quern_context *context, const char *text,
                                const struct quern_place *base,
                                bool is_replacement,
                                struct quern_pattern **out_pattern)
    __attribute__((warn_unused_result));

/** Variable of that name, or n_vars. */
size_t qn_pattern_find(const struct quern_pattern *pattern, const char *name);

/** The error place of a point inside the text of a pattern. */
struct quern_place qn_pattern_place(const struct quern_place *base, int line,
                                    int column);

bool qn_guard_is_met(const struct qn_pattern_guard *guard,
                     const struct quern_value *value);

/** The guard as it is written, cut where it does not fit. */
void qn_guard_text(const struct qn_pattern_guard *guard, char *text,
                   size_t size);

/** The value of an attribute as the search sees it: what stands in the node,
 * else the default of the schema. */
struct qn_attr_value {
    bool is_known; /* false: absent, or of a type that patterns cannot name */
    bool is_list;
    size_t n;
    const int64_t *ints;
    const float *floats;
    const char *text; /* `n` bytes */
    int64_t one_int;  /* storage of single ones */
    float one_float;
};

void qn_attr_value_of(const struct quern_node *node, const char *name,
                      struct qn_attr_value *out_value);

/** The value is what a pattern's attribute says (numbers or text). */
bool qn_attr_is_wanted(const struct qn_attr_value *value,
                       const struct qn_pattern_attr *attr);

/** Both absent, or both there with the same content. */
bool qn_attr_are_same(const struct qn_attr_value *a,
                      const struct qn_attr_value *b);

/** A tensor of the numbers: one for all elements, or one for each; equal within
 * what rounding to float leaves. */
bool qn_tensor_is_numbers(const struct quern_tensor *tensor,
                          const struct qn_pattern_numbers *wanted);

/** Words for pattern->reason, at most `size` bytes. */
void qn_reason_print(const struct quern_pattern *pattern, char *text,
                     size_t size);

#endif
