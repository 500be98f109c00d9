/* Opening an engine: the embedded one, or ONNX Runtime, which gets a copy of
 * the model written for it. */
#include "api/engine.h"

#include "exec/backend.h"
#include "io/extract.h"

#include <string.h>

/* --------------------------------------------------------- ONNX Runtime */

static enum quern_code load(struct quern_engine *engine,
                            const struct qn_ort_wants *wants,
                            const struct qn_extract *x)
{
    const struct qn_ort_copy copy = {
        .bytes = x->bytes != NULL ? x->bytes->data : NULL,
        .size = x->bytes != NULL ? x->bytes->size : 0,
        .needs = x->values,
        .run_input = x->input,
        .lent = x->lent,
        .n_lent = x->n_lent,
    };
    return qn_ort_load(engine, wants, &copy);
}

enum quern_code qn_engine_open_ort(struct quern_model *model,
                                   const struct quern_engine_options *options,
                                   uint64_t most_inside,
                                   struct quern_engine **out_engine)
{
    struct quern_engine *engine = NULL;
    struct qn_ort_wants wants;
    struct qn_extract x = {0};
    enum quern_code code = qn_ort_begin(model, options, &wants, &engine);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_extract_options what = {
        .outputs = wants.fetches,
        .n_outputs = wants.n_fetches,
        .taps = wants.taps,
        .n_taps = wants.n_taps,
        .tap_domain = QN_ORT_TAP_DOMAIN,
        .tap_op = QN_ORT_TAP_OP,
        .all_inputs = wants.all_inputs,
        .most_inside = most_inside,
        .least_lent = wants.lends ? QN_LEAST_LENT : 0,
    };
    code = qn_extract(model, &what, &x);
    if (code == QUERN_OK) {
        code = load(engine, &wants, &x);
    }
    qn_extract_finish(&x);
    if (code != QUERN_OK) {
        quern_engine_close(&engine);
        return code;
    }
    *out_engine = engine;
    return QUERN_OK;
}

/* -------------------------------------------------------------- choosing */

/* One line, however many engines are opened on the way. */
static bool is_told(const struct quern_context *context, const char *text)
{
    for (size_t i = 0; i < quern_n_messages(context); i++) {
        const struct quern_message *m = quern_message(context, i);
        if (m->severity == QUERN_SEVERITY_WARNING &&
            strcmp(m->text, text) == 0) {
            return true;
        }
    }
    return false;
}

static enum quern_code tell(struct quern_model *model,
                            const struct quern_message *lacks,
                            const struct quern_engine *engine)
{
    struct qn_arena arena = {0};
    const char *text = qn_arena_printf(
        &arena, "%s; %s (%s) runs the model instead", lacks->text,
        quern_engine_description(engine), quern_engine_library(engine));
    if (text != NULL && !is_told(model->context, text)) {
        quern_warn(model->context, &lacks->place, "%s", text);
    }
    qn_arena_finish(&arena);
    return text != NULL ? QUERN_OK : qn_no_memory(model->context);
}

/* What the embedded engine lacks stays the error if ONNX Runtime is not there
 * either, which is then a note. */
static enum quern_code fall_back(struct quern_model *model,
                                 const struct quern_engine_options *options,
                                 struct quern_engine **out_engine)
{
    struct qn_diag *diag = &model->context->diag;
    struct quern_message lacks = diag->error;
    diag->has_error = false;
    enum quern_code code =
        qn_engine_open_ort(model, options, QN_MOST_INSIDE, out_engine);
    if (code == QUERN_OK) {
        code = tell(model, &lacks, *out_engine);
        if (code != QUERN_OK) {
            quern_engine_close(out_engine);
        }
        return code;
    }
    if (code == QUERN_NO_MEMORY || code == QUERN_CANCELLED) {
        return code;
    }
    struct quern_message second = diag->error;
    diag->error = lacks;
    diag->has_error = true;
    quern_note(model->context, &second.place,
               "ONNX Runtime cannot run the model instead: %s", second.text);
    return QUERN_UNSUPPORTED;
}

enum quern_code quern_engine_open(struct quern_model *model,
                                  const struct quern_engine_options *options,
                                  struct quern_engine **out_engine)
{
    enum quern_engine_kind kind =
        options != NULL ? options->kind : QUERN_ENGINE_AUTO;
    if (kind == QUERN_ENGINE_ORT) {
        return qn_engine_open_ort(model, options, QN_MOST_INSIDE, out_engine);
    }
    enum quern_code code = qn_engine_open_embedded(model, options, out_engine);
    bool may_fall = kind == QUERN_ENGINE_AUTO &&
                    model->context->diag.has_error &&
                    (options == NULL || options->backend == NULL);
    return code == QUERN_UNSUPPORTED && may_fall
               ? fall_back(model, options, out_engine)
               : code;
}
