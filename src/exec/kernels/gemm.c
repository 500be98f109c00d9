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

/* A tile of `rows` times `panels` panels, all in registers: both are constants
 * after inlining. C has `width` columns from c on that count. */
static inline __attribute__((always_inline)) void
tile(size_t rows, size_t panels, size_t k, const float *a, size_t lda,
     const float *b, const float *start, float *c, size_t ldc, size_t width)
{
    enum { MOST = TILE_ROWS > 2 * WIDE ? TILE_ROWS : 2 * WIDE };
    vec acc[MOST][2];
    const size_t wide = k * PANEL; /* from one panel to the next */
    for (size_t r = 0; r < rows * panels; r++) {
        if (start != NULL) {
            float row[PANEL];
            const float *from = start + r / panels * ldc + r % panels * PANEL;
            size_t n = width - r % panels * PANEL;
            memset(row, 0, sizeof row);
            memcpy(row, from, (n < PANEL ? n : PANEL) * sizeof *row);
            memcpy(acc[r], row, sizeof row);
        } else {
            acc[r][0] = (vec){0};
            acc[r][1] = (vec){0};
        }
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t p = 0; p < panels; p++) {
            vec b0 = *(const vec *)(const void *)(b + p * wide + i * PANEL);
            vec b1 =
                *(const vec *)(const void *)(b + p * wide + i * PANEL + WIDTH);
            for (size_t r = 0; r < rows; r++) {
                float x = a[r * lda + i];
                acc[r * panels + p][0] += x * b0;
                acc[r * panels + p][1] += x * b1;
            }
        }
    }
    for (size_t r = 0; r < rows * panels; r++) {
        float row[PANEL];
        float *out = c + r / panels * ldc + r % panels * PANEL;
        size_t n = width - r % panels * PANEL;
        memcpy(row, acc[r], sizeof row);
        memcpy(out, row, (n < PANEL ? n : PANEL) * sizeof *out);
    }
}

/* All rows of A against one panel. `start`: C before, or NULL. */
static void panel_rows(size_t m, size_t k, const float *a, size_t lda,
                       const float *b, const float *start, float *c, size_t ldc,
                       size_t width)
{
    size_t i = 0;
    for (; i + TILE_ROWS <= m; i += TILE_ROWS) {
        tile(TILE_ROWS, 1, k, a + i * lda, lda, b,
             start != NULL ? start + i * ldc : NULL, c + i * ldc, ldc, width);
    }
#define REST(rows)                                                             \
    for (; i + (rows) <= m; i += (rows)) {                                     \
        tile((rows), 1, k, a + i * lda, lda, b,                                \
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
        /* A single row has too few sums to hide the latency of one panel. */
        for (; p->m == 1 && j + WIDE <= panels; j += WIDE) {
            float *out = p->c + j * PANEL;
            tile(1, WIDE, depth, a, p->lda, packed, adds ? out : NULL, out,
                 p->ldc, p->n - j * PANEL);
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
