/* Packing of blocks of filters (filter_blocks.h). oneDNN's own reorder takes
 * three times as long, which is the most of what making a kernel costs. */
#include "exec/filter_blocks.h"

#include <string.h>

/* Weights of each filter of a block that go at a time: a line of a cache. */
enum { AT_ONCE = 16 };

/* Places of n weights of a filter that follow each other from `first` on. */
static void places_of(const struct qn_filter_blocks *b, int64_t first, int n,
                      int64_t *out)
{
    for (int i = 0; i < n; i++) {
        int64_t left = first + i;
        out[i] = 0;
        for (int a = b->n_axes - 1; a >= 0; a--) {
            out[i] += left % b->dims[a] * b->steps[a];
            left /= b->dims[a];
        }
    }
}

/* A block of n filters of `len` weights each. */
static void pack_block(const struct qn_filter_blocks *b,
                       const unsigned char *weights, int64_t n, int64_t len,
                       float *packed)
{
    float tile[AT_ONCE][QN_MOST_FILTERS] = {{0.0f}};
    for (int64_t at = 0; at < len; at += AT_ONCE) {
        int m = len - at < AT_ONCE ? (int)(len - at) : AT_ONCE;
        int64_t places[AT_ONCE];
        places_of(b, at, m, places);
        for (int64_t f = 0; f < n; f++) {
            float some[AT_ONCE] = {0.0f};
            memcpy(some, weights + (size_t)(f * len + at) * sizeof(float),
                   (size_t)m * sizeof(float));
            for (int i = 0; i < AT_ONCE; i++) {
                tile[i][f] = some[i];
            }
        }
        for (int i = 0; i < m; i++) {
            memcpy(packed + places[i], tile[i],
                   (size_t)b->width * sizeof(float));
        }
    }
}

void qn_pack_filters(const struct qn_filter_blocks *b, const void *weights,
                     float *packed)
{
    const unsigned char *from = weights;
    int64_t len = 1;
    for (int a = 0; a < b->n_axes; a++) {
        len *= b->dims[a];
    }
    for (int64_t g = 0; g < b->groups; g++) {
        for (int64_t f = 0; f < b->filters; f += b->width) {
            int64_t left = b->filters - f;
            int64_t to = g * b->group_step + f / b->width * b->block_step;
            pack_block(b, from, left < b->width ? left : b->width, len,
                       packed + to);
            from += (size_t)((left < b->width ? left : b->width) * len) *
                    sizeof(float);
        }
    }
}
