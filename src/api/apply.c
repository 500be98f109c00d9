/* Pipelines for the public interface, and what passes get from other rooms. */
#include <quern/recipe.h>
#include <quern/target.h>

#include "ir/ir.h"
#include "pass/pass.h"

static enum quern_code evaluate(struct quern_model *model,
                                struct quern_value *const *values, size_t n,
                                struct quern_tensor **out_tensors)
{
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_engine_options options = {
        .struct_size = sizeof options,
        .kind = QUERN_ENGINE_CPU,
        .backend = "plain", /* the same bits everywhere, no module to load */
        .outputs = values,
        .n_outputs = n,
    };
    enum quern_code code = quern_engine_open(model, &options, &engine);
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, model->context, &runner);
    }
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, NULL, quern_engine_n_inputs(engine),
                                out_tensors, n, NULL, NULL);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return code;
}

static void tell(const struct quern_pass_ctx *ctx,
                 const struct quern_apply_options *options)
{
    for (const struct qn_step_report *r = ctx->reports; r; r = r->next) {
        for (const struct qn_account *a = r->first; a != NULL; a = a->next) {
            options->account(options->user, r->pass, a->text, 0, 0.0);
        }
        options->account(options->user, r->pass, NULL, r->n_edits, r->seconds);
    }
}

enum quern_code quern_apply(struct quern_model *model, const char *pipeline,
                            const struct quern_apply_options *options)
{
    static const struct qn_services services = {evaluate};
    static const struct quern_apply_options none;
    const struct quern_apply_options *o = options != NULL ? options : &none;
    struct quern_pass_ctx ctx = {
        .context = model->context,
        .model = model,
        .services = &services,
        .data_path = o->data,
    };
    enum quern_code code = quern_target_open(
        model->context, o->target != NULL ? o->target : QUERN_TARGET_DEFAULT,
        &ctx.target);
    if (code == QUERN_OK) {
        code = qn_pipeline_run(&ctx, pipeline);
    }
    if (o->account != NULL) {
        tell(&ctx, o);
    }
    qn_pass_ctx_finish(&ctx);
    quern_target_close(&ctx.target);
    return code;
}

const struct quern_pass_desc *quern_pass_at(size_t i)
{
    size_t n = 0;
    while (qn_builtin_passes[n] != NULL) {
        n++;
    }
    return i < n ? qn_builtin_passes[i] : NULL;
}
