/* Products of matrices of other types than float, compiled once for each CPU
 * level (QN_LEVEL). Integers wrap. */
#include "exec/kernels/level.h"

enum { COLUMNS = 256, DEPTH = 4, LONGEST = 32768 };

/* Row i of C in pieces that stay in the first-level cache, four rows of B at a
 * time; sums go in the order of k. */
#define PRODUCT(name, type)                                                    \
    static void name##_piece(const struct qn_any_product *p, const type *a,    \
                             const type *b, type *c, size_t n)                 \
    {                                                                          \
        size_t k = 0;                                                          \
        for (size_t j = 0; j < n; j++) {                                       \
            c[j] = 0;                                                          \
        }                                                                      \
        for (; k + DEPTH <= p->k; k += DEPTH) {                                \
            const type *at = a + (int64_t)k * p->a_column;                     \
            const type *r = b + (int64_t)k * p->b_row;                         \
            type a0 = at[0];                                                   \
            type a1 = at[p->a_column];                                         \
            type a2 = at[2 * p->a_column];                                     \
            type a3 = at[3 * p->a_column];                                     \
            for (size_t j = 0; j < n; j++) {                                   \
                type sum = c[j] + a0 * r[j];                                   \
                sum += a1 * r[(int64_t)j + p->b_row];                          \
                sum += a2 * r[(int64_t)j + 2 * p->b_row];                      \
                c[j] = sum + a3 * r[(int64_t)j + 3 * p->b_row];                \
            }                                                                  \
        }                                                                      \
        for (; k < p->k; k++) {                                                \
            type a0 = a[(int64_t)k * p->a_column];                             \
            const type *r = b + (int64_t)k * p->b_row;                         \
            for (size_t j = 0; j < n; j++) {                                   \
                c[j] += a0 * r[j];                                             \
            }                                                                  \
        }                                                                      \
    }                                                                          \
    void QN_LEVELLED(qn_product_##name)(const struct qn_any_product *p)        \
    {                                                                          \
        const type *a = p->a;                                                  \
        const type *b = p->b;                                                  \
        type *c = p->c;                                                        \
        for (size_t j = 0; j < p->n; j += COLUMNS) {                           \
            size_t n = p->n - j < COLUMNS ? p->n - j : COLUMNS;                \
            for (size_t i = 0; i < p->m; i++) {                                \
                name##_piece(p, a + (int64_t)i * p->a_row, b + j,              \
                             c + i * p->n + j, n);                             \
            }                                                                  \
        }                                                                      \
    }

PRODUCT(f64, double)
PRODUCT(u32, uint32_t)
PRODUCT(u64, uint64_t)
#undef PRODUCT

/* Short enough for a sum of products of 9-bit numbers to fit. */
static int32_t short_dot(const int16_t *a, const int16_t *b, size_t n)
{
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (int32_t)a[i] * (int32_t)b[i];
    }
    return sum;
}

int32_t QN_LEVELLED(qn_dot_s16)(const int16_t *a, const int16_t *b, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += LONGEST) {
        size_t rest = n - i;
        sum +=
            (uint32_t)short_dot(a + i, b + i, rest < LONGEST ? rest : LONGEST);
    }
    return (int32_t)sum;
}
