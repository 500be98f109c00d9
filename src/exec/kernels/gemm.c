/* Matrix products, compiled once for each CPU level (QN_LEVEL).
 *
 * B is packed into panels of PANEL columns, which lie in blocks of at most
 * DEPTH rows so that a panel stays in the first-level cache while all rows of
 * A pass over it. Tiles of C are held in registers.
 */
#include "exec/kernels/level.h"

#include <string.h>

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)

/* Registers of the level decide how large a tile is. */
#if defined(__AVX512F__)
enum { WIDTH = 16, TILE_ROWS = 12 };
#elif defined(__AVX2__)
enum { WIDTH = 8, TILE_ROWS = 6 };
#else
enum { WIDTH = 4, TILE_ROWS = 4 };
#endif
enum { PANEL = 2 * WIDTH, DEPTH = 320, WIDE = 4 };

typedef float vec
    __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

size_t JOIN(qn_gemm_panel, QN_LEVEL)(void)
{
    return PANEL;
}

void JOIN(qn_pack_b, QN_LEVEL)(size_t k, size_t n, const float *b, int64_t row,
                               int64_t column, float *packed)
{
    for (size_t k0 = 0; k0 < k; k0 += DEPTH) {
        size_t depth = k - k0 < DEPTH ? k - k0 : DEPTH;
        for (size_t j0 = 0; j0 < n; j0 += PANEL) {
            size_t width = n - j0 < PANEL ? n - j0 : PANEL;
            const float *from = b + (int64_t)k0 * row + (int64_t)j0 * column;
            for (size_t i = 0; i < depth; i++) {
                for (size_t j = 0; j < width; j++) {
                    packed[j] = from[(int64_t)j * column];
                }
                for (size_t j = width; j < PANEL; j++) {
                    packed[j] = 0.0f;
                }
                packed += PANEL;
                from += row;
            }
        }
    }
}

/* A tile of `rows` rows (a constant after inlining) and one panel, all in
 * registers. `start`: C before, or NULL; `width` columns count. */
static inline __attribute__((always_inline)) void
tile(size_t rows, size_t k, const float *a, size_t lda, const float *b,
     const float *start, float *c, size_t ldc, size_t width)
{
    vec acc[TILE_ROWS][2];
    for (size_t r = 0; r < rows; r++) {
        float row[PANEL] = {0.0f};
        if (start != NULL) {
            memcpy(row, start + r * ldc, width * sizeof *row);
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
static void row_wide(size_t k, const float *a, const float *b, bool add,
                     float *c)
{
    const size_t wide = k * PANEL;
    vec *y = (vec *)(void *)c;
    vec zero = {0};
    vec s0 = add ? y[0] : zero;
    vec s1 = add ? y[1] : zero;
    vec s2 = add ? y[2] : zero;
    vec s3 = add ? y[3] : zero;
    vec s4 = add ? y[4] : zero;
    vec s5 = add ? y[5] : zero;
    vec s6 = add ? y[6] : zero;
    vec s7 = add ? y[7] : zero;
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

/* All rows of A against one panel. `start`: C before, or NULL. */
static void panel_rows(size_t m, size_t k, const float *a, size_t lda,
                       const float *b, const float *start, float *c, size_t ldc,
                       size_t width)
{
    size_t i = 0;
    for (; i + TILE_ROWS <= m; i += TILE_ROWS) {
        tile(TILE_ROWS, k, a + i * lda, lda, b,
             start != NULL ? start + i * ldc : NULL, c + i * ldc, ldc, width);
    }
#define REST(rows)                                                             \
    for (; i + (rows) <= m; i += (rows)) {                                     \
        tile((rows), k, a + i * lda, lda, b,                                   \
             start != NULL ? start + i * ldc : NULL, c + i * ldc, ldc, width); \
    }
    REST(4)
    REST(2)
    REST(1)
#undef REST
}

/* C = bias + A B with the first row's bias in every row. */
static void begin(size_t m, size_t n, const float *bias, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        memcpy(c + i * ldc, bias, n * sizeof *c);
    }
}

void JOIN(qn_gemm, QN_LEVEL)(const struct qn_product *p)
{
    const float *packed = p->packed;
    if (p->bias != NULL) {
        begin(p->m, p->n, p->bias, p->c, p->ldc);
    }
    for (size_t i = 0; p->k == 0 && !p->add && p->bias == NULL && i < p->m;
         i++) {
        memset(p->c + i * p->ldc, 0, p->n * sizeof *p->c);
    }
    size_t panels = (p->n + PANEL - 1) / PANEL;
    for (size_t k0 = 0; k0 < p->k; k0 += DEPTH) {
        size_t depth = p->k - k0 < DEPTH ? p->k - k0 : DEPTH;
        bool adds = p->bias != NULL || p->add || k0 > 0;
        const float *a = p->a + k0;
        size_t j = 0;
        for (; p->m == 1 && (j + WIDE) * PANEL <= p->n; j += WIDE) {
            row_wide(depth, a, packed, adds, p->c + j * PANEL);
            packed += WIDE * depth * PANEL;
        }
        for (; j < panels; j++) {
            float *out = p->c + j * PANEL;
            size_t width = p->n - j * PANEL < PANEL ? p->n - j * PANEL : PANEL;
            panel_rows(p->m, depth, a, p->lda, packed, adds ? out : NULL, out,
                       p->ldc, width);
            packed += depth * PANEL;
        }
    }
}
