/* The table of what calibration saw. */
#include "quantize/seen.h"

const struct qn_seen *qn_seen(struct quern_model *model,
                              const struct quern_value *value)
{
    struct quern_table *table = NULL;
    if (value == NULL ||
        quern_table_open(model, QN_SEEN_TABLE, QUERN_TABLE_VALUE,
                         sizeof(struct qn_seen), &table) != QUERN_OK) {
        return NULL;
    }
    return quern_table_get(table, quern_value_id(value));
}

void qn_stats_release(void *object)
{
    struct quern_stats *stats = object;
    quern_stats_destroy(&stats);
}

void qn_seen_clear(struct quern_model *model, const struct quern_value *value)
{
    const struct qn_seen *seen = qn_seen(model, value);
    if (seen != NULL && seen->stats != NULL) {
        quern_stats_clear(seen->stats);
    }
}

enum quern_code qn_seen_scale(struct quern_pass_ctx *ctx,
                              const struct quern_value *value,
                              const double *factors, size_t n)
{
    struct quern_model *model = quern_pass_model(ctx);
    const struct qn_seen *seen = qn_seen(model, value);
    struct quern_stats *scaled = NULL;
    struct quern_table *table = NULL;
    if (seen == NULL || seen->stats == NULL ||
        quern_stats_n_channels(seen->stats) != n) {
        return QUERN_OK;
    }
    struct qn_seen now = *seen;
    enum quern_code code = quern_stats_scaled(quern_pass_context(ctx),
                                              seen->stats, factors, n, &scaled);
    if (code == QUERN_OK) {
        now.stats = scaled;
        code = quern_pass_keep(ctx, scaled, qn_stats_release);
    }
    if (code == QUERN_OK) {
        code = quern_table_open(model, QN_SEEN_TABLE, QUERN_TABLE_VALUE,
                                sizeof now, &table);
    }
    if (code == QUERN_OK) {
        quern_stats_clear(seen->stats);
        code = quern_table_set(table, quern_value_id(value), &now);
    }
    return code;
}

enum quern_code qn_seen_copy(struct quern_model *model,
                             const struct quern_value *to,
                             const struct quern_value *from)
{
    const struct qn_seen *seen = qn_seen(model, from);
    struct quern_table *table = NULL;
    if (seen == NULL) {
        return QUERN_OK;
    }
    struct qn_seen same = *seen;
    enum quern_code code = quern_table_open(
        model, QN_SEEN_TABLE, QUERN_TABLE_VALUE, sizeof same, &table);
    return code == QUERN_OK ? quern_table_set(table, quern_value_id(to), &same)
                            : code;
}
