/* Bytes as an .npz or .npy for an input of float[?, 2]. */
#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

/* A model whose only input is x: float[?, 1, 6, 6]. */
static struct quern_model *open_model(struct quern_context *context)
{
    struct quern_model *model = NULL;
    if (quern_model_open(context, QUERN_TESTDATA "/robust/conv.onnx", &model) !=
        QUERN_OK) {
        abort();
    }
    return model;
}

static void read_all(struct quern_context *context, struct quern_data *d)
{
    size_t n = quern_data_count(d);
    for (size_t i = 0; i < n && i < 64; i++) {
        struct quern_tensor *t = NULL;
        fuzz_judge(context, quern_data_sample(d, context, i, &t));
        quern_tensor_release(&t);
    }
    if (n < 10000) {
        fuzz_judge(context, quern_data_check_finite(d, context));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_model *model = open_model(context);
    struct quern_value *x = quern_graph_input(quern_model_graph(model), 0);
    struct quern_data *d = NULL;
    char path[64];
    int fd = fuzz_file(data, size, path, sizeof path);
    enum quern_code code = quern_data_open(context, path, &x, 1, &d);
    fuzz_judge(context, code);
    if (code == QUERN_OK) {
        read_all(context, d);
    }
    quern_data_close(&d);
    close(fd);
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    return 0;
}
