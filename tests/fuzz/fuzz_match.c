/* Text as a pattern, tried at every node of a small model. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_model *model = NULL;
    struct quern_pattern *pattern = NULL;
    char *text = malloc(size + 1);
    if (text == NULL ||
        quern_model_open(context, QUERN_TESTDATA "/robust/attention.onnx",
                         &model) != QUERN_OK) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    enum quern_code code = quern_pattern_create(context, text, &pattern);
    fuzz_judge(context, code);
    (void)!quern_model_infer(model);
    struct quern_graph *graph = quern_model_graph(model);
    for (struct quern_node *n = quern_graph_first(graph);
         code == QUERN_OK && n != NULL; n = quern_node_next(n)) {
        const struct quern_match *match = NULL;
        (void)!quern_pattern_match(pattern, n, &match);
        quern_clear(context);
    }
    quern_pattern_destroy(&pattern);
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    free(text);
    return 0;
}
