/* Largest sums of neighbouring channels. */
#include "quant/observe_kernels.h"
#include "quant/stats.h"

#include <math.h>
#include <string.h>

static bool is_plain(float x)
{
    return isfinite(x) && fabsf(x) < QN_FILL_LIMIT;
}

/* A pair's rows with odd values in them. */
static float odd_pair_max(const float *a, const float *b, size_t n)
{
    float most = 0.0F;
    for (size_t i = 0; i < n; i++) {
        if (is_plain(a[i]) && is_plain(b[i])) {
            most = fmaxf(most, a[i] + b[i]);
        }
    }
    return most;
}

void qn_stats_add_pairs(struct quern_stats *stats, const float *data,
                        size_t outer, size_t inner, bool is_odd)
{
    size_t channels = stats->channels;
    if (stats->pair_max == NULL || channels < 2) {
        return;
    }
    if (inner == 1 && !is_odd) {
        qn_column_pair_max(data, outer, channels, stats->pair_max);
        return;
    }
    for (size_t o = 0; o < outer; o++) {
        for (size_t j = 0; j < channels / 2; j++) {
            const float *a = data + (o * channels + 2 * j) * inner;
            float most = is_odd ? odd_pair_max(a, a + inner, inner)
                                : qn_row_pair_max(a, a + inner, inner);
            stats->pair_max[j] = fmaxf(stats->pair_max[j], most);
        }
    }
}

bool quern_stats_pairs(const struct quern_stats *stats, float *out_max)
{
    bool has_far = stats->far.n > 0 && !qn_stats_far_is_fill(stats);
    if (stats->pair_max == NULL || has_far) {
        return false;
    }
    memcpy(out_max, stats->pair_max, stats->channels / 2 * sizeof *out_max);
    return true;
}
