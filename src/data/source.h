/* Sources of samples: the parts behind struct quern_data. */
#ifndef QUERN_DATA_SOURCE_H
#define QUERN_DATA_SOURCE_H

#include <quern/data.h>

#include "data/array.h"

/** Samples that come from one file, or (by name) from one folder of .npy. */
struct qn_part {
    const char *path;
    bool by_name;               /* a folder with NAME.npy for each input */
    size_t first;               /* number of its first sample */
    size_t n;                   /* samples */
    struct qn_samples *samples; /* one an input; NULL: not open */
};

struct quern_data {
    struct qn_arena arena;
    const char *path;
    size_t n_inputs;
    struct quern_value *const *inputs; /* a copy of the caller's list */
    const char **names;
    int *axes; /* that count samples, by input; -1: given whole */
    size_t n_samples;
    struct qn_part *parts; /* in the order of their samples */
    size_t n_parts;
    const char **sets;           /* folders of ONNX test sets, or NULL */
    struct quern_tensor **given; /* the one sample, retained; or NULL */
    size_t *order;               /* samples by contents; NULL: not asked yet */
};

/** Error at a file and array. */
enum quern_code qn_data_fail(struct quern_context *context, const char *file,
                             const char *name, enum quern_code code,
                             const char *format, ...) QUERN_PRINTF(5, 6)
    __attribute__((warn_unused_result));

/** An array against input k: type, rank and sizes, all but those along the axis
 * of samples; sets axis, step and number of samples. */
enum quern_code qn_data_match(struct quern_context *context,
                              const struct quern_data *data, const char *file,
                              size_t k, struct qn_samples *samples)
    __attribute__((warn_unused_result));

/** A tensor of a test set against input k. */
enum quern_code qn_data_match_tensor(struct quern_context *context,
                                     const struct quern_data *data,
                                     const char *file, size_t k,
                                     const struct quern_tensor *tensor)
    __attribute__((warn_unused_result));

/** Open the arrays of a part and count its samples. */
enum quern_code qn_part_open(struct quern_context *context,
                             const struct quern_data *data,
                             struct qn_part *part)
    __attribute__((warn_unused_result));
void qn_part_close(const struct quern_data *data, struct qn_part *part);

/** Find the parts or sets of a folder. */
enum quern_code qn_data_open_folder(struct quern_context *context,
                                    struct quern_data *data)
    __attribute__((warn_unused_result));

/** Axes of samples as the context's batch_axes say, else 0. */
enum quern_code qn_data_set_axes(struct quern_context *context,
                                 struct quern_data *data)
    __attribute__((warn_unused_result));

/** A tensor of a sample, given for input k: NaN and infinities are errors,
 * -inf in masks is not. */
enum quern_code qn_data_check_tensor(struct quern_context *context,
                                     const struct quern_data *data,
                                     const struct quern_tensor *tensor,
                                     size_t k, size_t sample)
    __attribute__((warn_unused_result));

#endif
