/* How good a model is, on samples that calibration does not see. */
#include "api/judge.h"

#include <quern/compare.h>
#include <quern/data.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "ir/ir.h"

#include <math.h>

/* Fewer samples rank corrections by chance. */
enum { LEAST_SAMPLES = 16 };

/* Numbers of the samples kept apart, in memory of the caller; none when there
 * are too few. */
static enum quern_code held_back(struct quern_pass_ctx *ctx, size_t **out,
                                 size_t *out_n)
{
    struct quern_data *data = NULL;
    *out = NULL;
    *out_n = 0;
    enum quern_code code = quern_data_open_graph(
        ctx->context, quern_pass_data(ctx),
        quern_model_graph(ctx->options->reference), &data);
    size_t n_all = code == QUERN_OK ? quern_data_count(data) : 0;
    size_t n_held = quern_data_n_held_back(n_all);
    if (code == QUERN_OK && n_held >= LEAST_SAMPLES) {
        size_t *order = qn_calloc_n(n_all, sizeof *order);
        code = order != NULL ? quern_data_order(data, ctx->context, order)
                             : qn_no_memory(ctx->context);
        for (size_t i = 0; code == QUERN_OK && i < n_held; i++) {
            order[i] = order[n_all - n_held + i];
        }
        *out = order;
        *out_n = n_held;
    }
    quern_data_close(&data);
    return code;
}

enum quern_code qn_judge_model(struct quern_pass_ctx *ctx, double *out_sqnr,
                               size_t *out_n)
{
    struct quern_comparison *c = NULL;
    struct quern_compare_options o = {
        .struct_size = sizeof o,
        .kind = ctx->options->engine,
        .ort_library = ctx->options->ort_library,
        .in_turn = true,
    };
    size_t *samples = NULL;
    enum quern_code code = held_back(ctx, &samples, out_n);
    *out_sqnr = HUGE_VAL;
    if (code == QUERN_OK && *out_n > 0) {
        o.samples = samples;
        o.n_samples = *out_n;
        code = quern_compare(ctx->options->reference, ctx->model,
                             quern_pass_data(ctx), &o, &c);
    }
    for (size_t i = 0; c != NULL && i < quern_comparison_n_values(c); i++) {
        const struct quern_measure_result *r =
            &quern_comparison_value(c, i)->result;
        *out_sqnr =
            fmin(*out_sqnr, r->is_softmax ? r->logit_sqnr_db : r->sqnr_db);
    }
    quern_comparison_destroy(&c);
    qn_free(samples);
    return code;
}
