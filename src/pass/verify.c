/* The verifier before the first pass and after each. */
#include "ir/verify.h"

#include "infer/infer.h"
#include "pass/pass.h"

enum { MOST_FINDINGS = 20, MOST_WARNINGS = 5, LOWEST_OPSET = 7 };

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

struct contradictions {
    struct quern_context *context;
    int64_t n;
};

static void take_contradiction(void *user, const struct quern_place *place,
                               bool harmless, const char *text)
{
    struct contradictions *c = user;
    if (!harmless && ++c->n <= MOST_WARNINGS) {
        quern_warn(c->context, place, "%s", text);
    }
}

/* What the passes find is no worse for it, and what they leave no better: told,
 * because the file does not run. */
static enum quern_code warn_of_model(struct quern_pass_ctx *ctx)
{
    struct quern_context *context = ctx->context;
    struct contradictions found = {.context = context};
    int64_t opset = quern_model_opset(ctx->model, "");
    bool infers = false;
    for (size_t i = 0; ctx->plan != NULL && i < ctx->plan->n_steps; i++) {
        infers = infers || (ctx->plan->steps[i].desc->flags &
                            QUERN_PASS_NEEDS_SHAPES) != 0;
    }
    if (!infers || ctx->probe != NULL) {
        return QUERN_OK; /* a probe runs the same steps many times */
    }
    if (opset > 0 && opset < LOWEST_OPSET) {
        quern_warn(context, NULL,
                   "opset %lld is below %d, the lowest that passes know: most "
                   "nodes stay as they are",
                   (long long)opset, LOWEST_OPSET);
    }
    enum quern_code code =
        qn_infer_check(ctx->model, take_contradiction, &found);
    if (found.n > MOST_WARNINGS) {
        quern_warn(context, NULL,
                   "%lld more contradictions: 'quern check' names them",
                   (long long)(found.n - MOST_WARNINGS));
    }
    return code;
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
    return code == QUERN_OK ? warn_of_model(ctx) : code;
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
