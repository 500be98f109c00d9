/* Operator schemas: what ONNX says of each operator at each opset.
 *
 * The rows are data (schema_data.c), made by scripts/gen-schema.py from the
 * `onnx` package; never edited by hand. Strings are offsets into one pool and
 * sub-tables are index ranges, so the tables need no relocations at start-up.
 * All of it is constant: every function here is thread-safe and allocates
 * nothing, and what they return is valid for ever.
 *
 * Not here: key and value types of maps (ai.onnx.ml), doc strings, bodies of
 * functions, inference of types and shapes.
 */
#ifndef QUERN_IR_SCHEMA_H
#define QUERN_IR_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qn_schema_flags {
    QN_SCHEMA_DEPRECATED = 1,
    QN_SCHEMA_COMMUTATIVE = 2, /* operands may be swapped; not set where one
                                  alone is broadcast (Add, Mul, … before 7) */
    QN_SCHEMA_FUNCTION = 4,    /* ONNX gives a body of simpler operators */
    QN_SCHEMA_SUBGRAPH = 8,    /* an attribute holds a graph */
};

/* Kind of a formal input or output. */
enum qn_schema_option {
    QN_SCHEMA_SINGLE = 0,
    QN_SCHEMA_OPTIONAL = 1,
    QN_SCHEMA_VARIADIC = 2, /* the last one; stands for any number of values */
};

/* What a port may take besides plain tensors: bits of other_kinds. */
enum qn_schema_kind {
    QN_SCHEMA_SEQUENCE = 1,          /* seq(tensor) */
    QN_SCHEMA_OPTIONAL_TENSOR = 2,   /* optional(tensor) */
    QN_SCHEMA_OPTIONAL_SEQUENCE = 4, /* optional(seq(tensor)) */
    QN_SCHEMA_MAP = 8,
    QN_SCHEMA_SEQUENCE_OF_MAP = 16,
    QN_SCHEMA_SPARSE = 32, /* sparse tensor; no operator up to opset 28 */
};

/** One operator at one version. Offsets: see qn_schema_text(). */
struct qn_schema {
    uint16_t domain;      /* offset in the pool; "" is ai.onnx */
    uint16_t op;          /* offset in the pool */
    uint16_t since;       /* first opset that this row holds for */
    uint8_t flags;        /* enum qn_schema_flags */
    uint8_t n_inputs;     /* formal ones */
    uint8_t n_outputs;    /* formal ones */
    uint8_t n_attrs;      /* sorted by name */
    uint16_t min_inputs;  /* actual ones, up to the last that is needed */
    uint16_t min_outputs; /* the same of outputs */
    uint16_t ports;       /* first row of inputs, then outputs */
    uint16_t attrs;       /* first row of attributes */
    uint32_t max_inputs;  /* INT_MAX: no limit */
    uint32_t max_outputs; /* INT_MAX: no limit */
};

/** A formal input or output with its type constraint. */
struct qn_schema_port {
    uint16_t name;       /* offset in the pool */
    uint8_t option;      /* enum qn_schema_option */
    uint8_t variable;    /* number of its type variable within the schema, 255:
                            bound to none; equal numbers must have equal types */
    uint32_t types;      /* bit n: tensors of DataType n; 0: no plain tensor */
    uint32_t inner;      /* the same of the tensors inside a sequence, optional
                            or optional sequence; 0 where none is allowed */
    uint16_t type;       /* offset of the constraint's name ("T1") or of the
                            concrete type ("tensor(int64)") */
    uint8_t other_kinds; /* enum qn_schema_kind, 0: plain tensors only */
    bool homogeneous; /* false: values of a variadic port may differ in type */
};

/** An attribute; its default by qn_schema_default_*(). */
struct qn_schema_attr {
    uint16_t name; /* offset in the pool */
    uint8_t type;  /* number of AttributeProto.AttributeType */
    bool required;
    bool has_default;
    uint16_t at;  /* where the default lies in the pool of its type */
    uint16_t len; /* number of values of the default, 0 without one */
};

/** Row that holds for an operator at an opset version: the greatest since that
 * is not above it. NULL: unknown, or newer than that version. Versions beyond
 * the newest known find the newest row; a deprecated row is found as any other.
 * `domain` is "" for ai.onnx. O(log n). */
const struct qn_schema *qn_schema_find(const char *domain, const char *op,
                                       int64_t version);

/** Highest opset of a domain that the tables know; 0: domain unknown. */
int64_t qn_schema_newest(const char *domain);

/** IR version of the first release with an opset of ai.onnx; of the last one
 * for opsets beyond the newest known, 0 below 1. */
int64_t qn_schema_ir_for_opset(int64_t version);

/** The operator of that domain whose name is nearest, at most 2 edits away
 * (Damerau-Levenshtein), or NULL: for hints. Of equally near ones the first in
 * the order of bytes. A name that is known, if only at other versions, is its
 * own nearest. */
const char *qn_schema_nearest(const char *domain, const char *op);

/** All rows, ordered by domain, operator and version: for tests and lists.
 * NULL from i = qn_schema_count() on. */
size_t qn_schema_count(void);
const struct qn_schema *qn_schema_at(size_t i);

/** String at an offset of the pool. */
const char *qn_schema_text(uint16_t offset);
/** Port of the i-th actual input or output: beyond the formal ones the
 * variadic one, or NULL when there is none. */
const struct qn_schema_port *qn_schema_input(const struct qn_schema *schema,
                                             size_t i);
const struct qn_schema_port *qn_schema_output(const struct qn_schema *schema,
                                              size_t i);
/** Attribute by name, NULL: the operator has none of that name. */
const struct qn_schema_attr *qn_schema_attr(const struct qn_schema *schema,
                                            const char *name);
/** Attribute by place, NULL from n_attrs on. */
const struct qn_schema_attr *qn_schema_attr_at(const struct qn_schema *schema,
                                               size_t i);

/** Defaults: false or NULL when there is none or it has another type. */
bool qn_schema_default_int(const struct qn_schema_attr *attr, int64_t *out);
bool qn_schema_default_float(const struct qn_schema_attr *attr, float *out);
const char *qn_schema_default_string(const struct qn_schema_attr *attr);
bool qn_schema_default_ints(const struct qn_schema_attr *attr,
                            const int64_t **out, size_t *out_len);
bool qn_schema_default_floats(const struct qn_schema_attr *attr,
                              const float **out, size_t *out_len);
/** @param out  the first string; each next one begins behind the NUL of the
 *              one before */
bool qn_schema_default_strings(const struct qn_schema_attr *attr,
                               const char **out, size_t *out_len);

#endif
