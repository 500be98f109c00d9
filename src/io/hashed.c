/* Bytes into a file and into a hash of it: see hashed.h. */
#include "io/hashed.h"

#include "ir/tensor.h"

#include <string.h>

enum { LANES = 4, WORD = 8, PAGE = 4096, SLICE = 4 << 20 };

static uint64_t mix(uint64_t h, const unsigned char *word, size_t size)
{
    uint64_t w = 0;
    memcpy(&w, word, size);
    h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Words go round several sums: one alone waits for each multiplication. */
static uint64_t hash_bytes(uint64_t h, const unsigned char *data, size_t size)
{
    uint64_t lanes[LANES];
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = h + i;
    }
    for (; size >= LANES * WORD; size -= LANES * WORD) {
        for (size_t i = 0; i < LANES; i++, data += WORD) {
            lanes[i] = mix(lanes[i], data, WORD);
        }
    }
    for (size_t i = 0; i < LANES; i++) {
        h = mix(h, (const unsigned char *)&lanes[i], WORD);
    }
    while (size > 0) {
        size_t n = size < WORD ? size : WORD;
        h = mix(h, data, n);
        data += n;
        size -= n;
    }
    return h;
}

static void put(struct qn_hashed *s, const unsigned char *data, size_t size)
{
    /* Reading first: a write from pages that are not there yet stops at each,
     * and the kernel fills the rest of its own page with zeros. */
    s->hash = hash_bytes(s->hash ^ size, data, size);
    qn_writer_put(s->writer, data, size);
}

/* Pages of a mapped file are let go behind the writing, or all weights would
 * stand in memory at the end. */
void qn_hashed_tensor(struct qn_hashed *s, const struct quern_tensor *t)
{
    size_t offset = (size_t)(t->data - t->buf->data);
    for (size_t at = 0; at < t->size; at += SLICE) {
        size_t n = t->size - at < SLICE ? t->size - at : SLICE;
        put(s, t->data + at, n);
        qn_buf_forget(t->buf, offset + at, n);
    }
}

void qn_hashed_zeros(struct qn_hashed *s, uint64_t size)
{
    static const unsigned char zeros[PAGE];
    for (; size > 0;) {
        size_t n = size < PAGE ? (size_t)size : PAGE;
        put(s, zeros, n);
        size -= n;
    }
}
