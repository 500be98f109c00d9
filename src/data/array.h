/* One array of samples: where its numbers lie, and how samples are cut. */
#ifndef QUERN_DATA_ARRAY_H
#define QUERN_DATA_ARRAY_H

#include "data/inflate.h"
#include "data/npy.h"
#include "data/zip.h"

struct qn_samples {
    const char *name; /* of the input that it feeds; borrowed */
    struct qn_npy npy;
    struct qn_input *input;     /* holds the numbers, unless… */
    struct qn_inflate *inflate; /* …they are inflated range by range */
    uint64_t offset;            /* of the numbers in either */
    int axis;                   /* that counts samples; -1: given whole */
    int64_t step;               /* along that axis, for one sample; 0 or more */
    size_t n;                   /* samples; SIZE_MAX: any number */
};

/** Read the header of an array.
 * @param input  the file; retained
 * @param entry  of the zip; NULL: the file is the array */
enum quern_code
qn_samples_begin(struct quern_context *context, struct qn_input *input,
                 const struct qn_zip_entry *entry, struct qn_samples *out)
    __attribute__((warn_unused_result));

/** Check or inflate the bytes, now that header, axis and step are known to be
 * what the model needs. */
enum quern_code qn_samples_finish_open(struct quern_context *context,
                                       const struct qn_zip_entry *entry,
                                       struct qn_samples *samples)
    __attribute__((warn_unused_result));

/** Sample i as a tensor of native row-major numbers. Thread-safe. */
enum quern_code qn_samples_get(const struct qn_samples *samples,
                               struct quern_context *context, size_t i,
                               struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

void qn_samples_close(struct qn_samples *samples);

/** A whole .npy file as one tensor. */
enum quern_code qn_npy_read(struct quern_context *context, const char *name,
                            struct qn_input *input,
                            struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

#endif
