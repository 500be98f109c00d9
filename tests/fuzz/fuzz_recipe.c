/* Text as a recipe: what was read is printed and read again. */
#include "config/recipe.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_recipe *recipe = NULL;
    struct quern_recipe *again = NULL;
    struct qn_text text = {0};
    enum quern_code code = qn_recipe_read(context, "f", data, size, &recipe);
    fuzz_judge(context, code);
    if (code == QUERN_OK) {
        fuzz_judge(context, qn_recipe_print(recipe, &text));
        code = qn_recipe_read(context, "printed", text.data, text.size, &again);
        if (code != QUERN_OK) {
            fprintf(stderr, "what was printed cannot be read: %s\n", text.data);
            abort();
        }
    }
    qn_recipe_destroy(&recipe);
    qn_recipe_destroy(&again);
    qn_text_finish(&text);
    quern_context_destroy(&context);
    return 0;
}
