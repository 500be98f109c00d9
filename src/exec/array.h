/* Arrays while a graph runs: a type, dimensions, strides and bytes.
 *
 * Bytes lie in a chunk that arrays share by count (views: Reshape, Transpose,
 * Slice), or in a constant or an input tensor (chunk NULL), which outlives the
 * run. Chunks are recycled by the runner, so a second run with the same shapes
 * allocates nothing. Types below one byte are held unpacked, one element a
 * byte.
 */
#ifndef QUERN_EXEC_ARRAY_H
#define QUERN_EXEC_ARRAY_H

#include <quern/tensor.h>

struct qn_chunk {
    size_t size;
    size_t n_items; /* arrays of a sequence that lie in it; 0: plain bytes */
    unsigned count; /* one runner, one thread: no atomics; 0: free */
    struct qn_chunk *next; /* in the free list */
    struct qn_chunk *prev;
    unsigned char *data; /* aligned to 64 */
};

struct qn_array {
    bool set;
    bool is_sequence; /* data: `len` arrays (sequence.h); no dims, no type */
    enum quern_dtype dtype;
    int rank;
    int64_t len;
    int64_t dims[QUERN_MAX_RANK];
    int64_t strides[QUERN_MAX_RANK]; /* in elements; 0: repeated */
    unsigned char *data;             /* of element [0, 0, …] */
    struct qn_chunk *chunk;          /* one count; NULL: bytes of others */
};

/** Chunks of one runner. */
struct qn_chunks {
    struct qn_chunk *free; /* the last one freed first */
    uint64_t total;        /* bytes of all chunks that exist */
    uint64_t limit;
};

/** A free chunk of at least `size` bytes, which gets count 1; `wanted` (or
 * NULL) if it fits, else the smallest that fits without much waste. NULL: none.
 */
struct qn_chunk *qn_chunk_reuse(struct qn_chunks *chunks, size_t size,
                                struct qn_chunk *wanted);
/** A new chunk with count 1; NULL: no memory, or the limit would be passed. */
struct qn_chunk *qn_chunk_new(struct qn_chunks *chunks, size_t size);
/** Give the free chunks back to the system. */
void qn_chunks_trim(struct qn_chunks *chunks);
void qn_chunk_put(struct qn_chunks *chunks, struct qn_chunk *chunk);
void qn_chunks_finish(struct qn_chunks *chunks);

/** Bytes of one element while running: at least 1. */
size_t qn_element_size(enum quern_dtype dtype);

/** False for an array without elements that claims more than 2^31 of them along
 * its other axes: kernels loop over these, and count in them. */
bool qn_dims_can_loop(int rank, const int64_t *dims);

/** Set row-major strides from dims. */
void qn_array_pack_strides(struct qn_array *array);

/** Set strides so that axis 1 comes last: NCHW dims lying as NHWC. */
void qn_array_channels_last_strides(struct qn_array *array);

/** Elements lie as qn_array_channels_last_strides() has them. */
bool qn_array_is_channels_last(const struct qn_array *array);

/** Elements lie in row-major order without gaps. */
bool qn_array_is_packed(const struct qn_array *array);

/** Elements lie without gaps in some order of the axes, none repeated. */
bool qn_array_is_dense(const struct qn_array *array);

/** Same dims and same strides (of axes longer than 1). */
bool qn_array_same_layout(const struct qn_array *a, const struct qn_array *b);

/** Copy elements of `from` to `to`; same dims and type, any strides. */
void qn_array_copy(const struct qn_array *to, const struct qn_array *from);

#endif
