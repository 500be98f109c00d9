/* The file of `quern calibrate`: what it was made from, and the statistics of
 * values. Little-endian:
 *
 *     8 bytes  "QUERNST1"
 *     string   recipe up to calibration
 *     u64      fingerprint of the model at that point
 *     string   engine and processor level
 *     u64 n    samples of the data, u64 m of them used, m * u64 their numbers
 *     u64 n    values: string name, u32 element type, u32 rank, rank * i64
 *              dimensions of the first sample, i32 axis of channels, string of
 *              quern_stats_write() (empty: type and rank alone)
 *     u64      FNV-1a of all bytes before
 *
 * A string is a u64 length and as many bytes. */
#ifndef QUERN_PASSES_QUANTIZE_STATISTICS_FILE_H
#define QUERN_PASSES_QUANTIZE_STATISTICS_FILE_H

#include <quern/pass.h>

#include <stdio.h>

/** Bytes being collected; `failed` when there was no memory. */
struct qn_bytes {
    unsigned char *data;
    size_t size;
    size_t room;
    bool failed;
};

void qn_bytes_put(struct qn_bytes *bytes, const void *data, size_t size);
void qn_bytes_put_u32(struct qn_bytes *bytes, uint32_t x);
void qn_bytes_put_u64(struct qn_bytes *bytes, uint64_t x);
void qn_bytes_put_string(struct qn_bytes *bytes, const void *data, size_t size);

/** Bytes being read; `failed` once something did not fit. */
struct qn_reading {
    const unsigned char *at;
    size_t left;
    bool failed;
};

uint32_t qn_reading_u32(struct qn_reading *r);
uint64_t qn_reading_u64(struct qn_reading *r);
/** A string, borrowed and not NUL-terminated. */
const char *qn_reading_string(struct qn_reading *r, size_t *out_size);

/** Opset, operators, names and weights of a graph as one number. */
uint64_t qn_fingerprint(const struct quern_graph *graph);

/** Write bytes and their check sum to a file, whole or not at all. */
enum quern_code qn_bytes_save(struct quern_context *context,
                              struct qn_bytes *bytes, const char *path)
    __attribute__((warn_unused_result));

/** Read a file whole and check its sum; *out_bytes->data is freed by the
 * caller with free().
 * @return QUERN_OK; _IO; _MALFORMED; _NO_MEMORY */
enum quern_code qn_bytes_load(struct quern_context *context, const char *path,
                              struct qn_bytes *out_bytes)
    __attribute__((warn_unused_result));

#endif
