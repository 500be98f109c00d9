/* What the printers share: a buffered sink of text, names, types. */
#ifndef QUERN_IR_PRINT_H
#define QUERN_IR_PRINT_H

#include "ir/ir.h"

#include <stdarg.h>

struct qn_printer {
    quern_write_fn write;
    void *user;
    bool failed; /* write said no: nothing more is handed to it */
    size_t used;
    char buffer[4096];
};

void qn_print(struct qn_printer *p, const char *format, ...) QUERN_PRINTF(2, 3);
/** Bytes as they are. */
void qn_print_bytes(struct qn_printer *p, const char *text, size_t size);
/** A name: control characters and what stands in `also` are escaped. */
void qn_print_name(struct qn_printer *p, const char *name, const char *also);
void qn_print_flush(struct qn_printer *p);

/** " " times 2 * depth. */
void qn_print_indent(struct qn_printer *p, int depth);

/** Type that is known of a value, or the one that the file declares. */
const struct qn_type *qn_print_type_of(const struct quern_value *value);

/** "float[N, 3, 224, 224]", "seq(int64[?])"; "?" for NULL. */
void qn_print_type(struct qn_printer *p, const struct qn_type *type);

/** Value of an attribute that holds no graph: "[1, 2]", "'NOTSET'". */
void qn_print_attr(struct qn_printer *p, const struct qn_attr *attr);

/** The whole model as text, and as a graph of Graphviz. */
void qn_print_text(struct qn_printer *p, const struct quern_model *model);
void qn_print_dot(struct qn_printer *p, const struct quern_model *model);

#endif
