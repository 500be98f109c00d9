/* Lines of text as rules, a match and what replaces it in turn: run over the
 * example of the first one and over a small model, what is left is saved. */
#include "config/recipe.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RULES = 4 };

static const char head[] = "quern: 1\nsteps: [rules]\n"
                           "opsets: {com.acme: 1, com.microsoft: 1}\n";

/* The next line, cut off; "" at the end. */
static char *next_line(char **rest)
{
    char *line = *rest;
    size_t n = strcspn(line, "\n");
    *rest += n + (line[n] == '\n');
    line[n] = '\0';
    return line;
}

static enum quern_code add_rules(struct quern_recipe *recipe, char *text)
{
    static const char *const names[MOST_RULES] = {"a", "b", "c", "d"};
    enum quern_code code = QUERN_OK;
    for (int i = 0; i < MOST_RULES && code == QUERN_OK && *text != '\0'; i++) {
        const char *match = next_line(&text);
        code = qn_recipe_add_rule(recipe, names[i], match, next_line(&text));
    }
    return code;
}

static void rewrite(struct quern_context *context, struct quern_recipe *recipe,
                    struct quern_model *model)
{
    enum quern_code code = quern_recipe_apply(recipe, model, NULL);
    fuzz_judge(context, code);
    if (code == QUERN_OK) {
        fuzz_judge(context, quern_model_save(model, fuzz_output(), NULL));
        quern_model_destroy(&model);
        if (quern_model_open(context, fuzz_output(), &model) != QUERN_OK) {
            abort();
        }
    }
    quern_model_destroy(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct quern_context *context = fuzz_context();
    struct quern_recipe *recipe = NULL;
    struct quern_rule rule;
    char *text = malloc(size + 1);
    if (text == NULL || qn_recipe_read(context, "f", head, sizeof head - 1,
                                       &recipe) != QUERN_OK) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    enum quern_code code = add_rules(recipe, text);
    if (code == QUERN_OK) {
        code = quern_recipe_check(recipe);
    }
    fuzz_judge(context, code);
    struct quern_model *model = NULL;
    if (code == QUERN_OK && quern_recipe_rule(recipe, 0, &rule)) {
        code = quern_pattern_example(context, rule.match, &model);
        fuzz_judge(context, code);
    }
    if (model != NULL) {
        rewrite(context, recipe, model);
        model = NULL;
        if (quern_model_open(context, QUERN_TESTDATA "/robust/rewrites.onnx",
                             &model) != QUERN_OK) {
            abort();
        }
        rewrite(context, recipe, model);
    }
    qn_recipe_destroy(&recipe);
    quern_context_destroy(&context);
    free(text);
    return 0;
}
