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
    bool channels;    /* of channels alone: no ranges for all values */
    char engine[96];  /* what ran the model */
};

#define QN_CALIBRATED_TABLE "quern.calibrated"

/** Entry of a value, or NULL. */
const struct qn_seen *qn_seen(struct quern_model *model,
                              const struct quern_value *value);

/** Destroys struct quern_stats: for quern_pass_keep(). */
void qn_stats_release(void *stats);

/** What was seen of a value is not asked any more: its memory goes, ranks and
 * dimensions stay. The statistics remain valid for a step that is undone, but
 * hold nothing. */
void qn_seen_clear(struct quern_model *model, const struct quern_value *value);

/** Let the table say what calibration would see now that a step has multiplied
 * each channel of a value by a factor: ranges and moments of channels alone.
 * Nothing where the value was not seen, or not by channel. */
enum quern_code qn_seen_scale(struct quern_pass_ctx *ctx,
                              const struct quern_value *value,
                              const double *factors, size_t n)
    __attribute__((warn_unused_result));

/** What was seen of a value is true of another one with the same elements; its
 * shape is told as it was. */
enum quern_code qn_seen_copy(struct quern_model *model,
                             const struct quern_value *to,
                             const struct quern_value *from)
    __attribute__((warn_unused_result));

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
