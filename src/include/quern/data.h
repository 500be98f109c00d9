/** @file data.h
 * Samples for calibration, runs and comparisons. Tier: experimental.
 *
 * Sources: an .npz (array names = input names; numpy's "arr_0" alone serves a
 * model with one input), an .npy (for models with one input), a folder of such
 * files, read in the order of their names, a folder with NAME.npy for each
 * input, or a folder of ONNX's test layout (test_data_set_N/input_i.pb), which
 * alone can feed sequences and optionals.
 *
 * The first axis of an array counts samples (another one by batch_axes of the
 * context); a sample is a slice of length 1 along it, or of as many as the
 * model's input fixes. Arrays of rank 0 go with every sample. Files of a folder
 * may hold samples of different sizes.
 *
 * Memory does not grow with the number of samples: each is read from the file,
 * or inflated where it lies, when it is asked for. (Deflated arrays of another
 * byte order, in Fortran order, or with samples along another axis than the
 * first are inflated whole.) Checksums are compared when the source is opened;
 * a file that is cut off later is an error.
 */
#ifndef QUERN_DATA_H
#define QUERN_DATA_H

#ifndef QUERN_EXPERIMENTAL
#error "define QUERN_EXPERIMENTAL to use <quern/data.h>, which may still change"
#endif

#include <quern/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quern_data;

/** Open a source and match it with the inputs that a model needs.
 * @param inputs    values whose names, types and shapes the data must have;
 *                  they must outlive the data
 * @param out_data  the caller owns it; it holds at least one sample
 * @return QUERN_OK; _IO; _MALFORMED; _INVALID_ARGUMENT (name, dtype, rank or
 * size: what was found and what was needed; no samples); _UNSUPPORTED (object
 * arrays, text, encryption; inputs that are no tensors); _LIMIT (zip bombs) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_data_open(struct quern_context *context, const char *path,
                struct quern_value *const *inputs, size_t n_inputs,
                struct quern_data **out_data);
/** The same for the inputs of a graph that have no default value. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_data_open_graph(struct quern_context *context, const char *path,
                      const struct quern_graph *graph,
                      struct quern_data **out_data);
QUERN_API void quern_data_close(struct quern_data **data);

/** Number of samples, at least 1. */
QUERN_API size_t quern_data_count(const struct quern_data *data);

/** Tensors that a sample has: the inputs that it was opened with. */
QUERN_API size_t quern_data_n_inputs(const struct quern_data *data);

/** Tensors of sample i, one an input; each must be released. Thread-safe: may
 * be called by several workers with contexts of their own. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_data_sample(struct quern_data *data, struct quern_context *context,
                  size_t i, struct quern_tensor **out_tensors);

/** Error naming array, sample and first place where a float sample holds NaN
 * or infinity; QUERN_OK otherwise. Masks of attention are no such thing:
 * samples that hold nothing but 0 and -infinity, and at least one 0. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_data_check_finite(struct quern_data *data, struct quern_context *context);

/** Samples in an order that depends on their contents alone: however the user's
 * file orders them, the same samples come first.
 * @param out_order  quern_data_count() sample numbers
 * @return QUERN_OK; what reading a sample returns */
QUERN_NODISCARD QUERN_API enum quern_code
quern_data_order(struct quern_data *data, struct quern_context *context,
                 size_t *out_order);

/** How many of n samples, the last ones of that order, calibration leaves to
 * the checks of its results: none of fewer than 16, else one of eight, at most
 * 16. */
QUERN_API size_t quern_data_n_held_back(size_t n);

/** Write arrays as an .npz (stored). */
struct quern_npz;
enum { QUERN_NPZ_MOST_NAME = 200 };
#define QUERN_NPZ_MOST_SIZE (UINT32_MAX - UINT64_C(4096)) /**< all arrays */
QUERN_NODISCARD QUERN_API enum quern_code
quern_npz_create(struct quern_context *context, const char *path,
                 struct quern_npz **out_npz);
/** Say of what value an array will be added under its name, so that what an
 * .npz cannot hold is known before it is computed: a tensor of a type that
 * numpy does not have (what the file declares counts where nothing was
 * inferred), a name of more than QUERN_NPZ_MOST_NAME bytes, or one that was
 * said before. Need not be called.
 * @return QUERN_OK; _UNSUPPORTED; _INVALID_ARGUMENT (name); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_npz_expect(struct quern_npz *npz, const struct quern_value *value);
/** Would quern_npz_add() join this tensor to the first one? Writes nothing.
 * @param i  its number in the array, for the message
 * @return QUERN_OK; _UNSUPPORTED with both types and shapes */
QUERN_NODISCARD QUERN_API enum quern_code
quern_npz_check(struct quern_npz *npz, const char *name,
                const struct quern_tensor *first,
                const struct quern_tensor *tensor, size_t i);
/** Add an array made of `n` tensors joined along their first axis; all of the
 * same type and, but for that axis, shape. Scalars are stacked.
 * @return QUERN_OK; _UNSUPPORTED (as of the two above; no tensor; more than
 * QUERN_NPZ_MOST_SIZE bytes in the file); _INVALID_ARGUMENT (a name that is
 * there already); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_npz_add(struct quern_npz *npz, const char *name,
              struct quern_tensor *const *tensors, size_t n);
/** Finish the file; frees it in any case and clears the pointer. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_npz_close(struct quern_npz **npz);
/** Give up: nothing is written. */
QUERN_API void quern_npz_abort(struct quern_npz **npz);

/** Read what a file of ONNX's test data holds for a value: a TensorProto, for a
 * sequence a SequenceProto and for an optional an OptionalProto, as lists of
 * <quern/run.h>.
 * @return as quern_tensor_open(); _UNSUPPORTED: sequences of sequences, maps.
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_open_for(struct quern_context *context, const char *path,
                      const struct quern_value *value,
                      struct quern_tensor **out_tensor);

/** Read one TensorProto file (ONNX's test data). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_open(struct quern_context *context, const char *path,
                  struct quern_tensor **out_tensor);

#ifdef __cplusplus
}
#endif

#endif
