/* Samples whose channels differ in number: from then on the statistics are of
 * one channel. Each sample is summed up by its own channels first, so that the
 * result does not depend on the order in which samples come. Second ends are
 * given up: two channels of one sample are not two samples, and from the ends
 * of each channel one cannot tell which sample they came from. */
#include "base/diag.h"
#include "quant/stats.h"

#include <math.h>

static void collapse_part(struct qn_part *part, size_t channels)
{
    for (size_t c = 1; part->min != NULL && c < channels; c++) {
        qn_part_merge_ends(part, 0, part, c);
        part->count[0] += part->count[c];
        if (part->sum != NULL) {
            qn_exact_merge(&part->sum[0], &part->sum[c]);
            qn_exact_merge(&part->square[0], &part->square[c]);
        }
    }
}

void qn_stats_collapse(struct quern_stats *stats)
{
    stats->hides_seconds |= stats->channels > 1 && stats->n_values > 0;
    collapse_part(&stats->body, stats->channels);
    collapse_part(&stats->far, stats->channels);
    stats->channels = 1; /* no pairs are left */
}

enum quern_code qn_stats_add_ragged(struct quern_context *context,
                                    struct quern_stats *stats, uint64_t sample,
                                    const float *data, size_t outer,
                                    size_t channels, size_t inner)
{
    struct quern_stats *own = NULL;
    enum quern_code code =
        quern_stats_create(context, stats->flags, channels, &own);
    if (code == QUERN_OK) {
        code =
            quern_stats_add(context, own, sample, data, outer, channels, inner);
    }
    if (code == QUERN_OK) {
        code = quern_stats_merge(context, stats, own);
    }
    quern_stats_destroy(&own);
    return code;
}

enum quern_code qn_stats_merge_ragged(struct quern_context *context,
                                      struct quern_stats *stats,
                                      const struct quern_stats *other)
{
    struct quern_stats *copy = NULL;
    enum quern_code code =
        quern_stats_create(context, other->flags, other->channels, &copy);
    if (code == QUERN_OK) {
        code = quern_stats_merge(context, copy, other);
    }
    if (code == QUERN_OK) {
        qn_stats_collapse(copy);
        qn_stats_collapse(stats);
        code = quern_stats_merge(context, stats, copy);
    }
    quern_stats_destroy(&copy);
    return code;
}
