/* Checking a file: what the wire shows, the verifier, then inference. */
#include <quern/model.h>

#include "infer/infer.h"
#include "io/io.h"
#include "ir/verify.h"

/* Nobody reads more of them; a hostile file may hold millions. */
enum { MOST_ERRORS = 10000 };

/* What made reading end is a finding as any other. */
static void take_error(struct quern_context *context, struct qn_findings *f)
{
    const struct quern_message *error = quern_error(context);
    if (error != NULL) {
        f->n_errors++;
        if (f->report != NULL) {
            f->report(f->user, error);
        }
        context->diag.has_error = false;
    }
}

static void take_contradiction(void *user, const struct quern_place *place,
                               bool harmless, const char *text)
{
    struct qn_findings *f = user;
    if (harmless) {
        qn_find_warning(f, place, "%s", text);
    } else {
        qn_find_error(f, place, "%s", text);
    }
}

static bool is_about_the_model(enum quern_code code)
{
    return code == QUERN_MALFORMED || code == QUERN_INVALID_MODEL ||
           code == QUERN_UNSUPPORTED || code == QUERN_LIMIT;
}

/* Types and shapes. Only of a model that could have been opened: rules trust
 * its structure, not its operators. */
static enum quern_code check_types(struct quern_model *model,
                                   struct qn_findings *f)
{
    struct qn_diag *diag = &model->context->diag;
    bool had_error = diag->has_error;
    struct qn_verify v = {
        .model = model, .findings = f, .parts = QN_VERIFY_TYPES};
    enum quern_code code = qn_infer_check(model, take_contradiction, f);
    /* Attributes of a wrong type have been reported by the verifier. */
    diag->has_error = had_error && diag->has_error;
    return code == QUERN_OK ? qn_verify(&v) : code;
}

static enum quern_code check_model(struct quern_model *model,
                                   struct qn_findings *f)
{
    struct qn_verify v = {.model = model,
                          .findings = f,
                          .parts = QN_VERIFY_STRUCTURE | QN_VERIFY_MODEL};
    enum quern_code code = qn_verify(&v);
    bool is_sound = f->n_errors == 0;
    v.parts = QN_VERIFY_OPERATORS;
    if (code == QUERN_OK) {
        code = qn_verify(&v);
    }
    return code == QUERN_OK && is_sound ? check_types(model, f) : code;
}

enum quern_code quern_model_check(struct quern_context *context,
                                  const char *path, quern_finding_fn finding,
                                  void *user)
{
    struct quern_model *model = NULL;
    struct qn_findings f = {.context = context,
                            .report = finding,
                            .user = user,
                            .code = QUERN_INVALID_MODEL,
                            .most = MOST_ERRORS};
    enum quern_code code = qn_model_examine(context, path, &f, &model);
    if (code == QUERN_OK) {
        code = check_model(model, &f);
    }
    quern_model_destroy(&model);
    if (finding != NULL && is_about_the_model(code)) {
        take_error(context, &f);
        code = QUERN_OK;
    }
    if (qn_findings_full(&f)) {
        qn_find_warning(&f, NULL, "checking stopped after %d errors",
                        MOST_ERRORS);
    }
    return code == QUERN_OK && f.n_errors > 0 ? QUERN_INVALID_MODEL : code;
}
