/* A part of a model as the bytes of a model of its own, for another engine.
 *
 * The model is not touched: outputs, nodes that nothing needs, operators that
 * show values and weights that stay outside are matters of what is written.
 */
#ifndef QUERN_IO_EXTRACT_H
#define QUERN_IO_EXTRACT_H

#include "base/buf.h"
#include "ir/ir.h"

struct qn_extract_options {
    struct quern_value *const *outputs; /* values of the top graph */
    size_t n_outputs;
    /* A node with `tap` as its attribute is put behind each of these values:
     * its inputs are the value and the extra graph input, an int64[1]; what
     * read the value, graph outputs included, reads its output. One that no
     * node makes is only counted as needed, NULL is nothing. In any graph. */
    struct quern_value *const *taps;
    size_t n_taps;
    const char *tap_domain;
    const char *tap_op;
    bool all_inputs; /* keep graph inputs that nothing needs */
    /* Only these nodes of the top graph, by id (NULL: what is needed). What
     * they read and neither they nor constants make are the `inputs`: values
     * of the top graph, with the type that the tensor of the same number has,
     * or, where that is NULL, that is known of them. */
    const bool *only;
    struct quern_value *const *inputs;
    struct quern_tensor *const *tensors;
    size_t n_inputs;
    /* With everything inside beyond this many bytes, initializers of at least
     * `least_lent` bytes are left out and refer to a file that is not there.
     * 0 for the latter: never. */
    uint64_t most_inside;
    size_t least_lent;
};

struct qn_extract {
    struct qn_arena arena;
    struct qn_buf *bytes; /* NULL: there are neither outputs nor taps */
    bool *values;         /* by id: needed */
    bool *nodes;          /* by id: needed */
    int *taps;            /* by value id: number + 1, 0: none */
    const char *prefix;   /* of names that the model does not have */
    const char *input;    /* the extra input; NULL without taps */
    struct quern_value **lent;
    size_t n_lent;
    const struct qn_extract_options *options;
};

/** @param out_extract  zeroes; to be finished in any case
 * @return QUERN_OK; _LIMIT (more than a model file holds, and nothing lent),
 * _NO_MEMORY */
enum quern_code qn_extract(struct quern_model *model,
                           const struct qn_extract_options *options,
                           struct qn_extract *out_extract)
    __attribute__((warn_unused_result));
void qn_extract_finish(struct qn_extract *extract);

/* ------------------------------------------- what the emitter asks for */

/** The value is one of the inputs that were named. */
bool qn_extract_is_input(const struct qn_extract *extract,
                         const struct quern_value *value);
/** Number of the tap operator behind a value, or -1. */
int qn_extract_tap(const struct qn_extract *extract,
                   const struct quern_value *value);
/** A node whose bytes must be made anew. */
bool qn_extract_touches(const struct qn_extract *extract,
                        const struct quern_node *node);
/** Name under which the producer of a tapped value makes it. */
const char *qn_extract_raw_name(const struct qn_extract *extract,
                                const struct quern_value *value, char *room,
                                size_t size);

#endif
