/* Which layers to let be float: what each pair and each rounding of weights
 * adds to the noise of the outputs, alone; and the next layers that buy most
 * for what they cost. */
#ifndef QUERN_PASSES_QUANTIZE_FLOAT_SEARCH_H
#define QUERN_PASSES_QUANTIZE_FLOAT_SEARCH_H

#include "quantize/float_twin.h"
#include "quantize/reruns.h"

/** Neighbouring pairs, or the weights of neighbouring layers, and their noise:
 * the smallest ones that were worth telling apart. */
struct qn_source {
    bool weights; /* of layers, else pairs */
    size_t first, n;
    double *noise; /* by output, over its signal */
};

enum { QN_SEARCH_MARKS = 4 };

struct qn_search {
    struct qn_twin *twin;
    struct qn_reruns *reruns;
    size_t n_out;
    double target; /* noise over signal that is good enough */
    double *cost;  /* of each layer, as a part of that of all */
    double *floor; /* noise of what cannot go, by output */
    struct qn_source *sources;
    size_t n_sources;
    bool *marks[QN_SEARCH_MARKS]; /* room for what step() tries, one a layer */
    bool has_figures;             /* of speed */
};

/** Run the model with the twin as it is marked, and leave it as it was.
 * @param quick      as of qn_reruns_go()
 * @param out_row    noise over signal, by output
 * @param out_worst  the largest one
 * @param out_saved  seconds a sample that its integers save */
enum quern_code qn_search_run(struct qn_search *search, bool quick,
                              double *out_row, double *out_worst,
                              double *out_saved)
    __attribute__((warn_unused_result));

/** Memory of the pass. */
enum quern_code qn_search_init(struct qn_twin *twin, struct qn_reruns *reruns,
                               size_t n_out, struct qn_search *out)
    __attribute__((warn_unused_result));

/** Measure what sources add, by quick runs: five eighths of those that are left
 * at most, or ten. The twin is all in integers then, and settled.
 * @param target  noise over signal that is good enough */
enum quern_code qn_search_listen(struct qn_search *search, double target)
    __attribute__((warn_unused_result));

/** Let the layers be float that promise most for their cost; the twin is
 * settled.
 * @return false: nothing that is left promises anything */
bool qn_search_step(struct qn_search *search);

/** True when the sum of what is left promises all outputs to be good enough. */
bool qn_search_promises(const struct qn_search *search);

/** Cost of the layers that are float, as a part of that of all: half of it is
 * time (where the target has figures; else their like), half bytes. */
double qn_search_share(const struct qn_search *search);

#endif
