/* ONNX Runtime as the engine: not there yet, which is told. */
#include "exec/backend.h"

enum quern_code qn_ort_open(struct quern_model *model,
                            const struct quern_engine_options *options,
                            struct quern_engine **out_engine)
{
    (void)options;
    (void)out_engine;
    return quern_fail(quern_model_context(model), QUERN_UNSUPPORTED, NULL,
                      "this build cannot run models in ONNX Runtime");
}
