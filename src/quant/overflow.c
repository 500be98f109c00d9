/* Products of neighbouring codes that do not fit 16 bits. */
#include <quern/quant.h>

#include "base/checked.h"

/* Column of the weights that the processor reads as number k: positions of the
 * kernel outside, channels inside, as convolutions in NHWC order have it. */
static size_t column_of(const struct quern_weight_shape *s, size_t k)
{
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t per_tap = s->cols / taps;
    return k % per_tap * taps + k / per_tap;
}

struct pair {
    size_t at[2];    /* of the weights */
    int32_t high[2]; /* highest codes that meet them */
    int32_t sum;     /* highest sum of both */
    size_t n;        /* 1 at an odd end */
};

static struct pair pair_at(const struct quern_weight_shape *s, size_t row,
                           size_t k, const struct quern_pair_inputs *inputs)
{
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t first = row / s->rows * (s->cols / taps);
    size_t channel[2] = {0, 0};
    struct pair p = {.n = k + 1 < s->cols ? 2 : 1};
    for (size_t i = 0; i < p.n; i++) {
        size_t col = column_of(s, k + i);
        p.at[i] = row * s->row_stride + col * s->col_stride;
        channel[i] = first + col / taps;
        p.high[i] = inputs != NULL ? inputs->high[channel[i]] : UINT8_MAX;
    }
    p.sum = p.high[0] + p.high[1];
    if (inputs != NULL && inputs->sums != NULL && channel[0] % 2 == 0 &&
        channel[1] == channel[0] + 1) {
        int32_t seen = inputs->sums[channel[0] / 2];
        p.sum = seen < p.sum ? seen : p.sum;
    }
    return p;
}

/* Largest a x + b y for weights a, b >= 0, x and y within the pair's bounds:
 * the lesser weight meets the whole sum, the rest of the greater one its own
 * bound. */
static int32_t joint_peak(const struct pair *p, int32_t a, int32_t b)
{
    int32_t less = a < b ? a : b;
    return less * p->sum + (a - less) * p->high[0] + (b - less) * p->high[1];
}

/* Largest magnitude that the sum of the products can reach. */
static int32_t peak_of(const struct pair *p, const int8_t *codes)
{
    int32_t a = codes[p->at[0]];
    int32_t b = p->n > 1 ? codes[p->at[1]] : 0;
    int32_t up = joint_peak(p, a > 0 ? a : 0, b > 0 ? b : 0);
    int32_t down = joint_peak(p, a < 0 ? -a : 0, b < 0 ? -b : 0);
    return up > down ? up : down;
}

void quern_weight_pair_peaks(const struct quern_weight_shape *shape,
                             const int8_t *codes,
                             const struct quern_pair_inputs *inputs,
                             int32_t *out_peaks)
{
    for (size_t r = 0; r < shape->groups * shape->rows; r++) {
        out_peaks[r] = 0;
        for (size_t k = 0; k < shape->cols; k += 2) {
            struct pair p = pair_at(shape, r, k, inputs);
            int32_t peak = peak_of(&p, codes);
            out_peaks[r] = peak > out_peaks[r] ? peak : out_peaks[r];
        }
    }
}

size_t quern_weight_pair_trim(const struct quern_weight_shape *shape,
                              const struct quern_pair_inputs *inputs,
                              int8_t *codes)
{
    size_t n = 0;
    for (size_t r = 0; r < shape->groups * shape->rows; r++) {
        for (size_t k = 0; k < shape->cols; k += 2) {
            struct pair p = pair_at(shape, r, k, inputs);
            for (; peak_of(&p, codes) > INT16_MAX; n++) {
                int a = codes[p.at[0]];
                int b = p.n > 1 ? codes[p.at[1]] : 0;
                bool second = (b < 0 ? -b : b) > (a < 0 ? -a : a);
                int8_t *c = &codes[p.at[second ? 1 : 0]];
                *c = (int8_t)(*c + (*c > 0 ? -1 : 1));
            }
        }
    }
    return n;
}
