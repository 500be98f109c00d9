/* Steps that may do harm, judged on samples kept apart. With few of them small
 * differences are ranked wrongly (measured: 16 rank corrections wrongly on two
 * of four models), so only a step that makes the output clearly worse is
 * undone. */
#include "ir/ir.h"
#include "pass/pass.h"

#include <math.h>

/* Loss in dB that is no accident of the samples. */
static const double clearly_worse = 1.0;

bool qn_is_judged(const struct quern_pass_ctx *ctx,
                  const struct quern_pass_desc *desc)
{
    return (desc->flags & QUERN_PASS_JUDGED) != 0 &&
           ctx->options->reference != NULL && quern_pass_data(ctx) != NULL &&
           ctx->services->judge != NULL;
}

enum quern_code qn_judge(struct quern_pass_ctx *ctx)
{
    struct qn_judged *j = &ctx->judged;
    uint64_t n_edits = ctx->model->journal.n_total;
    if (j->known && j->n_edits == n_edits) {
        return QUERN_OK;
    }
    enum quern_code code = ctx->services->judge(ctx, &j->sqnr, &j->n);
    j->known = code == QUERN_OK;
    j->n_edits = n_edits;
    return code;
}

bool qn_judge_step(struct quern_pass_ctx *ctx, const struct qn_judged *before)
{
    double now = ctx->judged.sqnr;
    if (before->n == 0 || before->n_edits == ctx->judged.n_edits) {
        return false;
    }
    bool worse = now < before->sqnr - clearly_worse;
    quern_pass_account(ctx, NULL,
                       "%sSQNR of the output on %zu samples kept apart: %.1f "
                       "-> %.1f dB",
                       worse ? "undone: " : "", before->n, before->sqnr, now);
    return worse;
}
