/* Small graphs for the tests of infer, made without a file. */
#ifndef QUERN_TESTS_INFER_SUPPORT_H
#define QUERN_TESTS_INFER_SUPPORT_H

#include "ir/build.h"
#include "ir/ir.h"
#include "qtest.h"

#include <stdint.h>

/** A model of one opset with an empty top graph. */
struct quern_model *model_create(int64_t opset);
void model_destroy(struct quern_model **model);

/** A dimension of that name, or of that number where it is one. */
struct quern_dim dim_of(struct quern_model *model, const char *text);

/** A graph input; dims: "batch 3 ?" (? is open), "" a scalar. */
struct quern_value *add_input(struct quern_graph *graph, const char *name,
                              enum quern_dtype dtype, const char *dims);
/** A constant list of int64. */
struct quern_value *add_ints(struct quern_graph *graph, const char *name,
                             const int64_t *values, int64_t n);
/** A node with one output of that name, which is returned. */
struct quern_value *add_node(struct quern_graph *graph, const char *op,
                             const char *name, struct quern_value *a,
                             struct quern_value *b);
void set_int(struct quern_value *made, const char *name, int64_t value);
void set_ints(struct quern_value *made, const char *name, const int64_t *values,
              size_t n);
/** A body: attribute of the node that makes a value. */
struct quern_graph *add_body(struct quern_value *made, const char *name);

/** "float [batch, 3]" of what is known; valid until the next call. */
const char *type_text(const struct quern_value *value);
/** "[batch, 3]" of its numbers, "" none. */
const char *numbers_text(const struct quern_value *value);

#endif
