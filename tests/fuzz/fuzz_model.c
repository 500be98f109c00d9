/* Bytes as a model: open, verify, optimize. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_model *model = NULL;
    enum quern_code code =
        quern_model_open_memory(context, data, size, NULL, &model);
    fuzz_judge(context, code);
    if (code == QUERN_OK) {
        fuzz_judge(context, quern_model_verify(model, NULL, NULL));
        fuzz_judge(context, quern_apply(model, "raise-opset,optimize", NULL));
    }
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    return 0;
}
