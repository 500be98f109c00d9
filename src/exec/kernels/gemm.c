/* Matrix products, compiled once for each CPU level (QN_LEVEL).
 *
 * B is packed into panels of PANEL columns, which lie in blocks of at most
 * DEPTH rows so that a panel stays in the first-level cache while all rows of
 * A pass over it. Tiles of C are held in registers.
 */
#include "exec/kernels/level.h"
#include "exec/kernels/vec.h"

#include <string.h>

enum { PANEL = 2 * WIDTH, DEPTH = 384, WIDE = 4 };

size_t QN_LEVELLED(qn_gemm_panel)(void)
{
    return PANEL;
}

/* Rows of B in a block: the fewest blocks of at most DEPTH, of equal size. */
static size_t block_depth(size_t k)
{
    size_t blocks = (k + DEPTH - 1) / DEPTH;
    return blocks > 1 ? (k + blocks - 1) / blocks : k;
}

/* One panel of whole columns that lie next to each other. */
static void pack_rows(size_t depth, const unsigned char *from, int64_t row,
                      float *packed)
{
    for (size_t i = 0; i < depth; i++) {
        memcpy(packed, from, PANEL * sizeof *packed);
        packed += PANEL;
        from += row * (int64_t)sizeof *packed;
    }
}

/* Any strides; column by column, as transposed weights are read best. */
static void pack_columns(size_t depth, size_t width, const unsigned char *from,
                         int64_t row, int64_t column, float *packed)
{
    int64_t size = sizeof *packed;
    for (size_t j = 0; j < PANEL; j++) {
        for (size_t i = 0; i < depth; i++) {
            float x = 0.0f;
            if (j < width) {
                memcpy(&x, from + (int64_t)i * row * size, sizeof x);
            }
            packed[i * PANEL + j] = x;
        }
        from += j < width ? column * size : 0;
    }
}

void QN_LEVELLED(qn_pack_b)(size_t k, size_t n, const void *b, int64_t row,
                            int64_t column, float *packed)
{
    size_t most = block_depth(k);
    int64_t size = sizeof *packed;
    for (size_t k0 = 0; k0 < k; k0 += most) {
        size_t depth = k - k0 < most ? k - k0 : most;
        for (size_t j0 = 0; j0 < n; j0 += PANEL) {
            size_t width = n - j0 < PANEL ? n - j0 : PANEL;
            const unsigned char *from =
                (const unsigned char *)b +
                ((int64_t)k0 * row + (int64_t)j0 * column) * size;
            if (column == 1 && width == PANEL) {
                pack_rows(depth, from, row, packed);
            } else {
                pack_columns(depth, width, from, row, column, packed);
            }
            packed += depth * PANEL;
        }
    }
}

/* A tile of `rows` rows (a constant after inlining) and one panel, all in
 * registers. `start`: what is added to, rows `lds` apart, or NULL; `width`
 * columns count. */
static inline __attribute__((always_inline)) void
tile(size_t rows, size_t k, const float *a, size_t lda, const float *b,
     const float *start, size_t lds, float *c, size_t ldc, size_t width)
{
    vec acc[TILE_ROWS][2];
    for (size_t r = 0; r < rows; r++) {
        float row[PANEL] = {0.0f};
        if (start != NULL) {
            memcpy(row, start + r * lds, width * sizeof *row);
        }
        memcpy(acc[r], row, sizeof row);
    }
    for (size_t i = 0; i < k; i++) {
        vec b0 = *(const vec *)(const void *)(b + i * PANEL);
        vec b1 = *(const vec *)(const void *)(b + i * PANEL + WIDTH);
        for (size_t r = 0; r < rows; r++) {
            float x = a[r * lda + i];
            acc[r][0] += x * b0;
            acc[r][1] += x * b1;
        }
    }
    for (size_t r = 0; r < rows; r++) {
        float row[PANEL];
        memcpy(row, acc[r], sizeof row);
        memcpy(c + r * ldc, row, width * sizeof *c);
    }
}

/* One row times four whole panels: a single panel has too few sums to hide the
 * latency of its additions. Named sums, which gcc keeps in registers where an
 * array of them would go to the stack. */
static void row_wide(size_t k, const float *a, const float *b,
                     const float *start, float *c)
{
    const size_t wide = k * PANEL;
    vec *y = (vec *)(void *)c;
    const vec *from = (const vec *)(const void *)start;
    bool add = start != NULL;
    vec zero = {0};
    vec s0 = add ? from[0] : zero;
    vec s1 = add ? from[1] : zero;
    vec s2 = add ? from[2] : zero;
    vec s3 = add ? from[3] : zero;
    vec s4 = add ? from[4] : zero;
    vec s5 = add ? from[5] : zero;
    vec s6 = add ? from[6] : zero;
    vec s7 = add ? from[7] : zero;
    for (size_t i = 0; i < k; i++, b += PANEL) {
        float x = a[i];
        s0 += x * *(const vec *)(const void *)b;
        s1 += x * *(const vec *)(const void *)(b + WIDTH);
        s2 += x * *(const vec *)(const void *)(b + wide);
        s3 += x * *(const vec *)(const void *)(b + wide + WIDTH);
        s4 += x * *(const vec *)(const void *)(b + 2 * wide);
        s5 += x * *(const vec *)(const void *)(b + 2 * wide + WIDTH);
        s6 += x * *(const vec *)(const void *)(b + 3 * wide);
        s7 += x * *(const vec *)(const void *)(b + 3 * wide + WIDTH);
    }
    y[0] = s0;
    y[1] = s1;
    y[2] = s2;
    y[3] = s3;
    y[4] = s4;
    y[5] = s5;
    y[6] = s6;
    y[7] = s7;
}

/* One panel against all rows of A. */
struct panel {
    size_t k;
    const float *b;
    const float *start; /* C before, or a bias with lds 0; NULL: 0 */
    size_t lds;
    float *c;
};

static inline __attribute__((always_inline)) void
all_rows(const struct qn_product *p, const float *a, const struct panel *q,
         const float *start, size_t width)
{
    size_t i = 0;
#define ROWS(rows)                                                             \
    for (; i + (rows) <= p->m; i += (rows)) {                                  \
        tile((rows), q->k, a + i * p->lda, p->lda, q->b,                       \
             start != NULL ? start + i * q->lds : NULL, q->lds,                \
             q->c + i * p->ldc, p->ldc, width);                                \
    }
    ROWS(TILE_ROWS)
    ROWS(4)
    ROWS(2)
    ROWS(1)
#undef ROWS
}

/* Copies of a known size are worth code of their own. */
static void panel_rows(const struct qn_product *p, const float *a,
                       const struct panel *q, size_t width)
{
    if (width == PANEL && q->start == NULL) {
        all_rows(p, a, q, NULL, PANEL);
    } else if (width == PANEL) {
        all_rows(p, a, q, q->start, PANEL);
    } else {
        all_rows(p, a, q, q->start, width);
    }
}

static void fill(const struct qn_product *p)
{
    for (size_t i = 0; i < p->m && !p->add; i++) {
        if (p->bias != NULL) {
            memcpy(p->c + i * p->ldc, p->bias, p->n * sizeof *p->c);
        } else {
            memset(p->c + i * p->ldc, 0, p->n * sizeof *p->c);
        }
    }
}

void QN_LEVELLED(qn_gemm)(const struct qn_product *p)
{
    const float *packed = p->packed;
    size_t panels = (p->n + PANEL - 1) / PANEL;
    size_t most = block_depth(p->k);
    if (p->k == 0) {
        fill(p);
    }
    for (size_t k0 = 0; k0 < p->k; k0 += most) {
        size_t depth = p->k - k0 < most ? p->k - k0 : most;
        bool adds = p->add || k0 > 0;
        const float *start = adds ? p->c : p->bias;
        size_t lds = adds ? p->ldc : 0;
        size_t j = 0;
        for (; p->m == 1 && (j + WIDE) * PANEL <= p->n; j += WIDE) {
            row_wide(depth, p->a + k0, packed,
                     start != NULL ? start + j * PANEL : NULL,
                     p->c + j * PANEL);
            packed += WIDE * depth * PANEL;
        }
        for (; j < panels; j++) {
            struct panel q = {depth, packed,
                              start != NULL ? start + j * PANEL : NULL, lds,
                              p->c + j * PANEL};
            size_t left = p->n - j * PANEL;
            panel_rows(p, p->a + k0, &q, left < PANEL ? left : PANEL);
            packed += depth * PANEL;
        }
    }
}
