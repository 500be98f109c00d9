/* Tables that scripts/gen-schema.py makes. */
#ifndef QUERN_IR_SCHEMA_DATA_H
#define QUERN_IR_SCHEMA_DATA_H

#include "ir/schema.h"

#include <math.h>

/** Newest known version of a domain. */
struct qn_schema_domain {
    uint16_t name;
    uint16_t newest;
};

/** IR version released with an opset of ai.onnx. */
struct qn_schema_ir {
    uint16_t opset;
    uint16_t ir;
};

extern const char qn_schema_pool[];
extern const struct qn_schema qn_schema_rows[]; /* by domain, op, since */
extern const size_t qn_schema_n_rows;
extern const struct qn_schema_port qn_schema_ports[];
extern const struct qn_schema_attr qn_schema_attrs[];
extern const int64_t qn_schema_ints[];
extern const float qn_schema_floats[];
extern const struct qn_schema_domain qn_schema_domains[];
extern const size_t qn_schema_n_domains;
extern const struct qn_schema_ir qn_schema_ir[]; /* by opset */
extern const size_t qn_schema_n_ir;

#endif
