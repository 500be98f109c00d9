/* Parts of a model as models of their own, with what they read as inputs. */
#ifndef QUERN_API_PIECE_H
#define QUERN_API_PIECE_H

#include "api/trial.h"
#include "io/extract.h"

/** Where parts come from: a model, and a sample that it is run on. */
struct qn_whole {
    struct quern_model *model;
    const struct qn_trial *trial; /* has the sample */
    size_t sample;
    enum quern_engine_kind engine;
    const char *ort_library;
    struct quern_tensor **known; /* by value id: what it is on the sample */
    size_t n_values;
    size_t n_nodes; /* ids */
};

/** @param whole  model, trial, sample and engine set */
enum quern_code qn_whole_init(struct qn_whole *whole)
    __attribute__((warn_unused_result));
void qn_whole_finish(struct qn_whole *whole);

/** The node of the top graph that a node is, or lies in. */
const struct quern_node *qn_outer_node(const struct quern_node *node);

/** A part. Zeroes are none. */
struct qn_piece {
    struct qn_extract extract; /* the bytes that the model is read from */
    struct quern_model *model;
    struct qn_arena arena;
    size_t n_inputs;
    const char **names;
    struct quern_tensor **tensors; /* borrowed from the whole */
    size_t n_nodes;                /* of the top graph */
};

/** Make a part of some nodes of the top graph, and of Constant nodes that they
 * read.
 * @param nodes    by id
 * @param numbers  sizes of the inputs are those of the sample; false: what is
 *                 known of them
 * @return QUERN_OK; _NOT_FOUND when there is no such part (nothing that it
 * gives is read, a value that is no tensor, …); _NO_MEMORY; _CANCELLED */
enum quern_code qn_piece_make(struct qn_whole *whole, const bool *nodes,
                              bool numbers, struct qn_piece *out_part)
    __attribute__((warn_unused_result));
void qn_piece_finish(struct qn_piece *part);

#endif
