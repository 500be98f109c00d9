/* The verifier after each pass. */
#include "ir/verify.h"

#include "pass/pass.h"

enum { MOST_FINDINGS = 20 };

/* What no pass could work on: scopes, order, producers. */
static enum quern_code check_structure(struct quern_pass_ctx *ctx)
{
    struct qn_findings findings = {.context = ctx->context,
                                   .code = QUERN_INVALID_MODEL,
                                   .most = MOST_FINDINGS};
    struct qn_verify v = {.model = ctx->model,
                          .findings = &findings,
                          .parts = QN_VERIFY_STRUCTURE};
    enum quern_code code = qn_verify(&v);
    return code == QUERN_OK && findings.n_errors > 0 ? QUERN_INVALID_MODEL
                                                     : code;
}

enum quern_code qn_pass_verify_start(struct quern_pass_ctx *ctx)
{
    if (ctx->flawed != NULL) {
        return QUERN_OK; /* a group inside a pipeline */
    }
    enum quern_code code = check_structure(ctx);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n = ctx->model->next_node_id;
    ctx->flawed = qn_arena_alloc(&ctx->arena, n);
    if (ctx->flawed == NULL) {
        return qn_no_memory(ctx->context);
    }
    ctx->n_flawed = n;
    struct qn_findings findings = {.context = ctx->context, .silent = true};
    struct qn_verify v = {.model = ctx->model,
                          .findings = &findings,
                          .parts = QN_VERIFY_STRUCTURE | QN_VERIFY_OPERATORS |
                                   QN_VERIFY_TYPES | QN_VERIFY_MARK,
                          .flawed = ctx->flawed,
                          .n_flawed = n};
    code = qn_verify(&v);
    qn_verify_done(ctx->model);
    return code;
}

enum quern_code qn_pass_verify(struct quern_pass_ctx *ctx)
{
    struct qn_findings findings = {
        .context = ctx->context, .code = QUERN_INTERNAL, .most = MOST_FINDINGS};
    struct qn_verify v = {.model = ctx->model,
                          .findings = &findings,
                          .parts = QN_VERIFY_STRUCTURE | QN_VERIFY_OPERATORS |
                                   QN_VERIFY_TYPES | QN_VERIFY_CHANGED,
                          .flawed = ctx->flawed,
                          .n_flawed = ctx->n_flawed};
    enum quern_code code = qn_verify(&v);
    qn_verify_done(ctx->model);
    return code == QUERN_OK && findings.n_errors > 0 ? QUERN_INTERNAL : code;
}
