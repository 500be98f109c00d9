/* Recipes and pipelines for the public interface, and what passes get from
 * rooms that they must not see. */
#include "api/apply.h"

#include <quern/recipe.h>
#include <quern/target.h>

#include "api/judge.h"
#include "api/trial.h"
#include "ir/ir.h"
#include "pass/pass.h"
#include "target/read.h"

#include <string.h>

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
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        if (quern_tensor_is_list(out_tensors[i])) {
            code = quern_fail(model->context, QUERN_UNSUPPORTED, NULL,
                              "value %zu is a sequence, needs a tensor", i);
        }
    }
    for (size_t i = 0; i < n && code != QUERN_OK; i++) {
        quern_tensor_release(&out_tensors[i]);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return code;
}

/* --------------------------------------------------------------- running */

/* The target of the options, else of the recipe (a path in it begins at its
 * folder), else the default one. */
static enum quern_code open_target(struct quern_pass_ctx *ctx,
                                   const struct quern_recipe *recipe)
{
    const char *name = ctx->options->target;
    bool is_own = name == NULL && recipe->target != NULL;
    if (is_own) {
        name = qn_target_is_path(recipe->target)
                   ? qn_recipe_path(&ctx->arena, recipe, recipe->target)
                   : recipe->target;
        if (name == NULL) {
            return qn_no_memory(ctx->context);
        }
    }
    enum quern_code code = quern_target_open(
        ctx->context, name != NULL ? name : QUERN_TARGET_DEFAULT, &ctx->target);
    if (code == QUERN_OK && name != NULL && qn_target_is_path(name)) {
        code = quern_target_check(ctx->context, ctx->target);
    } else if (code != QUERN_OK && is_own) {
        quern_error_place(ctx->context, &recipe->target_place);
    }
    return code;
}

struct quern_apply_options
qn_apply_options(const struct quern_apply_options *options)
{
    struct quern_apply_options whole = {0};
    if (options != NULL) {
        size_t size = options->struct_size < sizeof whole ? options->struct_size
                                                          : sizeof whole;
        memcpy(&whole, options, size);
    }
    return whole;
}

static void warn_of_overrides(const struct quern_pass_ctx *ctx,
                              const struct quern_recipe *recipe)
{
    if (ctx->n_questions > 0 || recipe->n_overrides == 0) {
        qn_overrides_warn_unused(recipe);
        return;
    }
    quern_warn(ctx->context, &recipe->overrides[0].place,
               "no step asks for overrides: they change nothing");
}

enum quern_code qn_recipe_run(struct quern_recipe *recipe,
                              struct quern_model *model,
                              const struct quern_apply_options *options,
                              struct qn_probe *probe)
{
    static const struct qn_services services = {
        evaluate, qn_judge_model, qn_trial_start, qn_trial_step, qn_trial_tell};
    const struct quern_apply_options whole = qn_apply_options(options);
    struct qn_plan plan = {0};
    struct quern_pass_ctx ctx = {
        .context = model->context,
        .model = model,
        .services = &services,
        .options = &whole,
        .plan = &plan,
        .probe = probe,
    };
    enum quern_code code = qn_plan_init(&plan, recipe);
    if (code == QUERN_OK) {
        code = open_target(&ctx, recipe);
    }
    if (code == QUERN_OK) {
        code = qn_plan_run(&ctx);
    }
    if (code == QUERN_OK && whole.stop_after == 0 && probe == NULL) {
        warn_of_overrides(&ctx, recipe);
    }
    qn_pass_ctx_finish(&ctx);
    qn_plan_finish(&plan);
    quern_target_close(&ctx.target);
    return code;
}

enum quern_code quern_recipe_apply(struct quern_recipe *recipe,
                                   struct quern_model *model,
                                   const struct quern_apply_options *options)
{
    return qn_recipe_run(recipe, model, options, NULL);
}

enum quern_code quern_apply(struct quern_model *model, const char *pipeline,
                            const struct quern_apply_options *options)
{
    struct quern_recipe *recipe = NULL;
    enum quern_code code = qn_recipe_create(model->context, &recipe);
    if (code == QUERN_OK) {
        code = qn_recipe_add_steps(recipe, "pipeline", pipeline);
    }
    if (code == QUERN_OK) {
        code = quern_recipe_apply(recipe, model, options);
    }
    qn_recipe_destroy(&recipe);
    return code;
}

enum quern_code quern_recipe_check(struct quern_recipe *recipe)
{
    struct qn_plan plan = {0};
    enum quern_code code = qn_plan_init(&plan, recipe);
    qn_plan_finish(&plan);
    return code;
}
