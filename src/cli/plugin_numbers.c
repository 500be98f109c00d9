/* quern plugin check: do outputs stay what the contract of a pass promises? The
 * manager knows: it verifies the step, as --verify-each. */
#include "plugin.h"

#include <string.h>

/* What was found over all models. */
struct numbers {
    const struct plugin_job *job;
    FILE *report;
    const char *model;
    const struct quern_pass_desc *desc;
    size_t n_agree;
    size_t n_changed;
};

static void on_step(void *user, const struct quern_step_report *step)
{
    struct numbers *n = user;
    const char *text = step->verdict_text != NULL ? step->verdict_text : "";
    bool is_exact = n->desc->contract == QUERN_BIT_EXACT ||
                    n->desc->contract == QUERN_REAL_EXACT;
    if (strcmp(step->pass, n->desc->name) != 0) {
        return; /* calibrate, in front of it */
    }
    n->n_changed += step->n_edits > 0 || step->verdict != QUERN_VERDICT_NONE;
    switch (step->verdict) {
    case QUERN_VERDICT_NONE:
        break;
    case QUERN_VERDICT_AGREES:
        n->n_agree++;
        break;
    case QUERN_VERDICT_DIFFERS:
        fprintf(n->report, "%s on '%s': %s\n",
                is_exact ? "fault\tbreaks its contract"
                         : "note\t--verify-each would undo it",
                n->model, text);
        break;
    case QUERN_VERDICT_UNKNOWN:
        fprintf(n->report, "skipped\tits outputs on '%s': %s\n", n->model,
                text);
        break;
    }
}

/* @return false beyond the last model */
static bool verify(struct numbers *n, size_t i)
{
    char pipeline[256];
    struct quern_model *model = NULL;
    const struct cli *cli = n->job->cli;
    const struct quern_apply_options options = {
        .struct_size = sizeof options,
        .data = n->job->data,
        .target = n->job->target,
        .engine = cli->engine,
        .ort_library = cli->ort_library,
        .verify_each = true,
        .step = on_step,
        .user = n,
    };
    enum quern_code code = plugin_model(n->job, i, &n->model, &model);
    bool is_end = code == QUERN_OK && model == NULL;
    if (code == QUERN_OK && !is_end) {
        plugin_pipeline(n->desc, NULL, pipeline, sizeof pipeline);
        code = quern_apply(model, pipeline, &options);
    }
    if (code != QUERN_OK) {
        plugin_tell_error(n->job, n->report, n->model, NULL);
    }
    quern_model_destroy(&model);
    quern_clear(cli->context);
    return !is_end && code == QUERN_OK;
}

void plugin_numbers(void *user, FILE *report)
{
    static const char *const contracts[] = {"bit-exact", "real-exact",
                                            "approximate", "changes precision"};
    const struct plugin_job *job = user;
    struct numbers n = {.job = job, .report = report};
    if (!plugin_begin(job, report, &n.desc)) {
        return;
    }
    for (size_t i = 0; verify(&n, i); i++) {
    }
    if (n.n_changed == 0) {
        fprintf(report, "skipped\toutputs: there is no model that it "
                        "changes\n");
    } else if (n.n_agree > 0) {
        fprintf(report,
                "ok\toutputs of %zu models agree within its contract (%s)\n",
                n.n_agree, contracts[n.desc->contract]);
    }
}
