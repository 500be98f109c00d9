/* What `calibrate` hands on: a table "quern.seen" by value. */
#ifndef QUERN_PASSES_QUANTIZE_SEEN_H
#define QUERN_PASSES_QUANTIZE_SEEN_H

#include <quern/pass.h>
#include <quern/quant.h>

/** Entry of the table. */
struct qn_seen {
    struct quern_stats *stats; /* kept by the pipeline; NULL: only the first
                                  sample's shape is known */
    int rank;                  /* of the first sample */
    int64_t dims[QUERN_MAX_RANK];
    int channel_axis; /* -1: one channel */
};

#define QN_SEEN_TABLE "quern.seen"

/** State of the model that the last calibration saw: one entry, by value, at
 * id 0. */
struct qn_calibrated {
    uint64_t n_edits; /* quern_model_n_edits() then */
    bool means;       /* with what corrections need */
};

#define QN_CALIBRATED_TABLE "quern.calibrated"

/** Entry of a value, or NULL. */
const struct qn_seen *qn_seen(struct quern_model *model,
                              const struct quern_value *value);

/** Numbers that passes hand on, one an output channel; kept by the pipeline. */
struct qn_vector {
    double *values;
    size_t n;
};

/** By node, from `insert-qdq` for `weight-bias`: (W - Wq) E[x]. */
#define QN_SHIFT_TABLE "quern.weight-shift"

/** True for Conv, ConvTranspose, Gemm and MatMul. */
bool qn_is_heavy(const struct quern_node *node);

#endif
