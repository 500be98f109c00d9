/* Bytes as a model through the whole line: quantize, save, open again. */
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_model *model = NULL;
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .data = QUERN_TESTDATA "/robust/conv.npz"};
    enum quern_code code =
        quern_model_open_memory(context, data, size, NULL, &model);
    fuzz_judge(context, code);
    if (code == QUERN_OK) {
        fuzz_judge(context,
                   quern_apply(model,
                               "observe-shapes,raise-opset,optimize,calibrate,"
                               "equalize,calibrate,channel-factors,"
                               "calibrate{means=true},insert-qdq,weight-bias,"
                               "bias-correction",
                               &o));
        fuzz_judge(context, quern_model_save(model, fuzz_output(), NULL));
        quern_model_destroy(&model);
        if (quern_model_open(context, fuzz_output(), &model) != QUERN_OK) {
            abort();
        }
    }
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    return 0;
}
