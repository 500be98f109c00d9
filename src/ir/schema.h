/* Operator schemas: what ONNX says of each operator at each opset.
 *
 * The rows are data (schema_data.c), made by scripts/gen-schema.py from the
 * `onnx` package; never edited by hand. Strings are offsets into one pool and
 * sub-tables are index ranges, so the tables need no relocations at start-up.
 */
#ifndef QUERN_IR_SCHEMA_H
#define QUERN_IR_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qn_schema_flags {
    QN_SCHEMA_DEPRECATED = 1,
    QN_SCHEMA_COMMUTATIVE = 2, /* operands may be swapped */
    QN_SCHEMA_FUNCTION = 4,    /* ONNX gives a body of simpler operators */
};

/* Kind of a formal input or output. */
enum qn_schema_option {
    QN_SCHEMA_SINGLE = 0,
    QN_SCHEMA_OPTIONAL = 1,
    QN_SCHEMA_VARIADIC = 2,
};

/** One operator at one version. */
struct qn_schema {
    uint16_t domain;  /* offset in the pool */
    uint16_t op;      /* offset in the pool */
    uint16_t since;   /* first opset that this row holds for */
    uint8_t flags;
    uint8_t n_inputs;  /* formal ones */
    uint8_t n_outputs; /* formal ones */
    uint8_t n_attrs;
    uint16_t min_inputs;
    uint16_t max_inputs; /* 65535: no limit */
    uint16_t min_outputs;
    uint16_t max_outputs;
    uint16_t ports; /* first row of inputs, then outputs */
    uint16_t attrs; /* first row of attributes */
};

/** A formal input or output. */
struct qn_schema_port {
    uint16_t name;
    uint8_t option;  /* enum qn_schema_option */
    uint8_t variable; /* number of its type variable within the schema, 255:
                         concrete; equal numbers must have equal types */
    uint32_t types;  /* bit n: tensors of DataType n; bit 0: no plain tensor */
    bool other_kinds; /* sequence, optional, map or sparse allowed */
};

/** An attribute; its default by qn_schema_default_*(). */
struct qn_schema_attr {
    uint16_t name;
    uint8_t type; /* number of AttributeProto.AttributeType */
    bool required;
    bool has_default;
    uint16_t at;  /* where the default lies in the pool of its type */
    uint16_t len; /* of lists */
};

/** Row that holds for an operator at an opset version: the greatest since that
 * is not above it. NULL: unknown. `domain` is "" for ai.onnx. O(log n). */
const struct qn_schema *qn_schema_find(const char *domain, const char *op,
                                       int64_t version);

/** Highest opset of a domain that the tables know; 0: domain unknown. */
int64_t qn_schema_newest(const char *domain);

/** IR version that was released with an opset of ai.onnx; 0: not known. */
int64_t qn_schema_ir_for_opset(int64_t version);

/** An operator of that domain whose name is near, or NULL: for hints. */
const char *qn_schema_nearest(const char *domain, const char *op);

/** All rows, for tests and lists. */
size_t qn_schema_count(void);
const struct qn_schema *qn_schema_at(size_t i);

const char *qn_schema_text(uint16_t offset);
const struct qn_schema_port *qn_schema_input(const struct qn_schema *schema,
                                             size_t i);
const struct qn_schema_port *qn_schema_output(const struct qn_schema *schema,
                                              size_t i);
const struct qn_schema_attr *qn_schema_attr(const struct qn_schema *schema,
                                            const char *name);
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

#endif
