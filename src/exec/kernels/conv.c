/* Convolutions over channels-last rows, compiled once for each CPU level
 * (QN_LEVEL).
 *
 * The inputs of one output are a few runs of numbers that lie together (a row
 * of the window, all its channels), at the same places behind the output's
 * first input whichever output it is: a product of matrices whose rows are
 * found by pointer and never copied. A tile of outputs and filters stays in
 * registers from the bias to the steps behind the sums.
 */
#include "exec/kernels/level.h"
#include "exec/kernels/vec.h"

#include <string.h>

/* Panels follow each other for so many outputs. */
enum { PANEL = 2 * WIDTH, BLOCK = 96 };

static inline vec spread(float x)
{
    return x - (vec){0};
}

/* Lane by lane: the form that compilers know as one instruction. NaN stays. */
static inline vec at_least(vec x, float low)
{
    for (int i = 0; i < WIDTH; i++) {
        x[i] = x[i] < low ? low : x[i];
    }
    return x;
}

static inline vec at_most(vec x, float high)
{
    for (int i = 0; i < WIDTH; i++) {
        x[i] = x[i] > high ? high : x[i];
    }
    return x;
}

static inline vec leaky(vec x, float slope)
{
    vec y = x * spread(slope);
    for (int i = 0; i < WIDTH; i++) {
        y[i] = x[i] < 0.0f ? y[i] : x[i];
    }
    return y;
}

static inline vec hard_swish(vec x)
{
    vec line = x * spread(1.0f / 6.0f) + spread(0.5f);
    return x * at_most(at_least(line, 0.0f), 1.0f);
}

/* Where a tile stands. */
struct place {
    const float *const *x; /* first inputs of its outputs */
    const float *b;        /* its panel of filters */
    const float *bias;     /* PANEL numbers */
    float *y;
    size_t ldy;
    size_t width; /* filters that count */
};

/* One step on all sums of a tile. */
#define EACH(expression)                                                       \
    for (size_t r = 0; r < rows; r++) {                                        \
        for (size_t v = 0; v < vecs; v++) {                                    \
            vec x = acc[r][v];                                                 \
            acc[r][v] = (expression);                                          \
        }                                                                      \
    }

static inline __attribute__((always_inline)) void
unary(const struct qn_post *p, size_t rows, size_t vecs, vec acc[][2])
{
    switch (p->unary) {
    case QN_RELU:
        EACH(at_least(x, 0.0f))
        return;
    case QN_CLIP:
        EACH(at_most(at_least(x, p->p0), p->p1))
        return;
    case QN_LEAKY_RELU:
        EACH(leaky(x, p->p0))
        return;
    default: /* QN_HARD_SWISH */
        EACH(hard_swish(x))
        return;
    }
}

static inline __attribute__((always_inline)) void
steps(const struct qn_conv_rows *c, const struct place *t, size_t rows,
      size_t vecs, vec acc[][2])
{
    for (int i = 0; i < c->n_posts; i++) {
        const struct qn_post *p = &c->posts[i];
        switch (p->kind) {
        case QN_POST_UNARY:
            unary(p, rows, vecs, acc);
            break;
        case QN_POST_LINEAR:
            EACH(x * spread(p->p0) + spread(p->p1))
            break;
        case QN_POST_ADD:
            EACH(x +
                 *(const vec *)(const void *)(t->y + r * t->ldy + v * WIDTH))
            break;
        }
    }
}
#undef EACH

static inline __attribute__((always_inline)) void
store(const struct place *t, size_t rows, size_t vecs, vec acc[][2])
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t v = 0; v < vecs; v++) {
            *(vec *)(void *)(t->y + r * t->ldy + v * WIDTH) = acc[r][v];
        }
    }
}

/* The end of a tile that is not a whole one, by way of a whole one. */
static __attribute__((noinline)) void finish_part(const struct qn_conv_rows *c,
                                                  const struct place *t,
                                                  size_t rows, vec sums[][2])
{
    for (size_t r = 0; r < rows; r++) {
        float part[PANEL] = {0.0f};
        float *y = t->y + r * t->ldy;
        struct place at = {.y = part};
        memcpy(part, y, t->width * sizeof *y);
        steps(c, &at, 1, 2, &sums[r]);
        store(&at, 1, 2, &sums[r]);
        memcpy(y, part, t->width * sizeof *y);
    }
}

/* `rows` and `vecs` are constants after inlining. */
static inline __attribute__((always_inline)) void
tile(const struct qn_conv_rows *c, const struct place *t, size_t rows,
     size_t vecs)
{
    vec acc[TILE_ROWS][2];
    const float *b = t->b;
    for (size_t r = 0; r < rows; r++) {
        for (size_t v = 0; v < vecs; v++) {
            acc[r][v] = *(const vec *)(const void *)(t->bias + v * WIDTH);
        }
    }
    for (size_t k = 0; k < c->n_runs; k++) {
        const float *x[TILE_ROWS];
        for (size_t r = 0; r < rows; r++) {
            x[r] = t->x[r] + c->offsets[k];
        }
        for (size_t i = 0; i < c->run; i++, b += PANEL) {
            vec w[2];
            for (size_t v = 0; v < vecs; v++) {
                w[v] = *(const vec *)(const void *)(b + v * WIDTH);
            }
            for (size_t r = 0; r < rows; r++) {
                for (size_t v = 0; v < vecs; v++) {
                    acc[r][v] += x[r][i] * w[v];
                }
            }
        }
    }
    bool whole = t->width == vecs * WIDTH;
    if (whole && rows == TILE_ROWS) {
        steps(c, t, rows, vecs, acc);
        store(t, rows, vecs, acc);
    } else if (whole && c->n_posts == 0) {
        store(t, rows, vecs, acc);
    } else {
        for (size_t r = 0; r < rows && vecs < 2; r++) {
            acc[r][1] = (vec){0};
        }
        finish_part(c, t, rows, acc);
    }
}

static inline __attribute__((always_inline)) void
tile_rows(const struct qn_conv_rows *c, const struct place *t, size_t rows,
          size_t vecs)
{
#define ROWS(n)                                                                \
    case (n):                                                                  \
        tile(c, t, (n), vecs);                                                 \
        return;
    switch (rows) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(4)
#if defined(__AVX2__)
        ROWS(5)
        ROWS(6)
#endif
#if defined(__AVX512F__)
        ROWS(7)
        ROWS(8)
        ROWS(9)
        ROWS(10)
        ROWS(11)
        ROWS(12)
#endif
    default:
        return;
    }
#undef ROWS
}

/* First inputs of the next n outputs; *row and *column move on. */
static void list_places(const struct qn_conv_rows *c, size_t n, size_t *row,
                        size_t *column, const float **x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = c->x + *row * c->row_step + *column * c->column_step;
        if (++*column == c->columns) {
            *column = 0;
            ++*row;
        }
    }
}

/* One panel of filters for some outputs. */
static void panel(const struct qn_conv_rows *c, size_t n, const float *const *x,
                  struct place *t)
{
    for (size_t left = n; left > 0;) {
        /* The last two share what is left: a tile of one row is slow. */
        size_t rows = left >= 2 * TILE_ROWS ? TILE_ROWS
                      : left > TILE_ROWS    ? (left + 1) / 2
                                            : left;
        t->x = x;
        if (t->width > WIDTH) {
            tile_rows(c, t, rows, 2);
        } else {
            tile_rows(c, t, rows, 1);
        }
        t->y += rows * t->ldy;
        x += rows;
        left -= rows;
    }
}

void QN_LEVELLED(qn_conv_rows)(const struct qn_conv_rows *c)
{
    const float *x[BLOCK];
    size_t row = 0;
    size_t column = 0;
    size_t outputs = c->rows * c->columns;
    for (size_t at = 0; at < outputs; at += BLOCK) {
        size_t n = outputs - at < BLOCK ? outputs - at : BLOCK;
        list_places(c, n, &row, &column, x);
        for (size_t j = 0; j < c->n; j += PANEL) {
            float bias[PANEL] = {0.0f};
            struct place t = {
                .b = c->packed + j * c->n_runs * c->run,
                .bias = bias,
                .y = c->y + at * c->ldy + j,
                .ldy = c->ldy,
                .width = c->n - j < PANEL ? c->n - j : PANEL,
            };
            if (c->bias != NULL) {
                memcpy(bias, c->bias + j, t.width * sizeof *bias);
            }
            panel(c, n, x, &t);
        }
    }
}
