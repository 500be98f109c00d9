/** @file compare.h
 * Error of one model against another, on data. Tier: experimental.
 *
 * Both models are run on the same samples by the same kind of engine; outputs
 * are matched by name. This is what `quern compare` prints, and what the
 * account of a quantization gives as its measured error.
 */
#ifndef QUERN_COMPARE_H
#define QUERN_COMPARE_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/compare.h>, which may still change"
#endif

#include <quern/quant.h>
#include <quern/run.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quern_comparison;

/** How to compare; zero means "default" for every field. */
struct quern_compare_options {
    uint32_t struct_size;
    enum quern_engine_kind kind;
    const char *ort_library; /**< as in struct quern_engine_options */
    const size_t *samples;   /**< numbers of the samples to use; NULL: all */
    size_t n_samples;
    const char *labels; /**< .npy of whole numbers, one for each row of the
                             first output of a sample; NULL: none */
    bool per_layer;     /**< also values inside, that both models have */
    bool in_turn;       /**< first one model, then the other: one of them in
                             memory at a time, but the outputs of all samples.
                             Not with per_layer */
};

/** What was found of one value. */
struct quern_compared {
    const char *name; /**< as in the reference model */
    const char *op;   /**< operator that makes it; "" for an input */
    bool is_output;
    uint64_t n_shape; /**< samples in which the shapes differed, or the number
                           of items of a sequence: left out */
    /** Rows are vectors along the last axis, of outputs of rank 4 and more
     * along axis 1; a sequence gives those of its items. Of a value inside:
     * SQNR alone, after the best factor for each channel, since equalizing
     * rewrites scales; the rest is 0. */
    struct quern_measure_result result;
};

/** Compare `got` with `reference`. Runs samples in parallel; results do not
 * depend on the number of threads.
 * @param data     as for quern_data_open(), with what `reference` needs
 * @param options  may be NULL
 * @return QUERN_OK; _INVALID_ARGUMENT (an output or input that only one of
 * them has, labels that do not fit); what opening and running return */
QUERN_NODISCARD QUERN_API enum quern_code
quern_compare(struct quern_model *reference, struct quern_model *got,
              const char *data, const struct quern_compare_options *options,
              struct quern_comparison **out_comparison);
QUERN_API void quern_comparison_destroy(struct quern_comparison **comparison);

QUERN_API size_t quern_comparison_n_samples(const struct quern_comparison *c);
/** Engine that ran the reference. */
QUERN_API const char *quern_comparison_engine(const struct quern_comparison *c);

/** Outputs in graph order, then values inside in the order of their nodes. */
QUERN_API size_t quern_comparison_n_values(const struct quern_comparison *c);
/** Borrowed from the comparison and from `reference`. NULL beyond the end. */
QUERN_API const struct quern_compared *
quern_comparison_value(const struct quern_comparison *c, size_t i);

/** Part of the rows of the first output whose largest column is the label, of
 * the reference and of the other. @return false without labels */
QUERN_NODISCARD QUERN_API bool
quern_comparison_accuracy(const struct quern_comparison *c,
                          double *out_reference, double *out_got);

#ifdef __cplusplus
}
#endif

#endif
