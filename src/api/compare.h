/* A comparison while it runs: what the parts of the work share. */
#ifndef QUERN_API_COMPARE_H
#define QUERN_API_COMPARE_H

#include <quern/compare.h>
#include <quern/data.h>
#include <quern/pass.h>

#include "base/alloc.h"
#include "base/diag.h"

/** One of the two models, ready to run. */
struct qn_side {
    struct quern_engine *engine;
    struct quern_value **taps; /* values inside */
    size_t *source;            /* input i is tensor source[i] of a sample */
    size_t n_inputs;
};

/** State of one thread. */
struct qn_compare_worker {
    struct quern_runner *runner[2];
    struct quern_tensor **sample;
    struct quern_tensor **in;
    struct quern_tensor **out[2];
    struct quern_measure **measures; /* by output */
    uint64_t *n_shape;               /* by output */
    uint64_t n_right[2], n_labels;
    struct qn_layers *layers;
};

struct quern_comparison {
    struct quern_context *context;
    struct quern_compare_options options;
    struct quern_graph *graph;   /* of the reference */
    struct qn_side side[2];      /* reference, got */
    struct quern_value **inputs; /* of the reference, as a sample has them */
    size_t n_inputs;
    size_t n_got; /* outputs of the other model */
    struct quern_data *data;
    struct quern_tensor **kept; /* in turn: outputs of the reference, by sample
                                   and output */
    struct quern_tensor *labels;
    size_t n_samples;
    size_t n_outputs;
    size_t *output_of; /* output k of the reference is output_of[k] of got */
    size_t n_taps;
    struct quern_compared *values; /* outputs, then taps */
    struct qn_compare_worker *workers;
    int n_workers;
    uint64_t n_right[2], n_labels;
    char engine[128];
};

/** List the values inside that both models have: taps of both sides, n_taps. */
enum quern_code qn_layers_list(struct quern_comparison *c,
                               struct quern_graph *got)
    __attribute__((warn_unused_result));

enum quern_code qn_layers_create(struct quern_comparison *c,
                                 struct qn_layers **out_layers)
    __attribute__((warn_unused_result));
void qn_layers_destroy(struct qn_layers **layers);

/** Taps: the reference is run first, and its values kept for the other. */
enum quern_code qn_layers_keep(void *layers, size_t tap,
                               const struct quern_view *view);
enum quern_code qn_layers_measure(void *layers, size_t tap,
                                  const struct quern_view *view);

/** Signal to noise of tap i in dB. */
double qn_layers_sqnr(const struct qn_layers *layers, size_t i,
                      uint64_t *out_n_values);

/** Add up what the outputs of a sample differ by. */
enum quern_code qn_compare_outputs(struct quern_comparison *c,
                                   struct quern_context *context,
                                   struct qn_compare_worker *w, size_t sample)
    __attribute__((warn_unused_result));

#endif
