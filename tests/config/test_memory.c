/* Reading and printing recipes and options where memory runs out. */
#include "config/recipe.h"
#include "oom.h"
#include "support.h"

#include <stddef.h>

static enum quern_code read_and_print(void *user)
{
    static const char text[] =
        "quern: 1\ntarget: x\nplugins: [a]\nopsets: {b: 1}\n"
        "rules:\n- {name: r, match: m, replace: p}\n"
        "steps: [a, rules: [r], b: {k: v}]\n"
        "overrides:\n- match: {op: Add}\n  quantize: false\n";
    struct quern_recipe *recipe = NULL;
    struct qn_text out = {0};
    (void)user;
    enum quern_code code =
        qn_recipe_read(context, "f", text, sizeof text - 1, &recipe);
    if (code == QUERN_OK) {
        code = qn_recipe_add_steps(recipe, "f", "c,d{k='x',l=[y,z]}");
    }
    if (code == QUERN_OK) {
        code = qn_recipe_add_exclude(recipe, "op:x");
    }
    if (code == QUERN_OK) {
        code = qn_recipe_print(recipe, &out);
    }
    qn_recipe_destroy(&recipe);
    qn_text_finish(&out);
    return code;
}

struct params {
    const char *text;
    struct quern_strings list;
};

static const struct quern_option table[] = {
    {"text", QUERN_OPTION_STRING, offsetof(struct params, text), 0, 0, NULL,
     "One"},
    {"list", QUERN_OPTION_STRINGS, offsetof(struct params, list), 0, 0, NULL,
     "Two"},
    {NULL, 0, 0, 0, 0, NULL, NULL},
};

static enum quern_code fill_and_help(void *user)
{
    struct qn_arena own = {0};
    struct qn_text out = {0};
    struct qn_steps steps = {0};
    void *params = NULL;
    (void)user;
    enum quern_code code = qn_options_create(
        context, "p", table, NULL, sizeof(struct params), &own, &params);
    if (code == QUERN_OK) {
        code = qn_pipeline_parse(context, "f", "p{text=x,list=[a,b]}", &own,
                                 &steps);
    }
    if (code == QUERN_OK) {
        code = qn_options_fill(context, "p", table, steps.items[0].options,
                               &own, params);
    }
    if (code == QUERN_OK) {
        code = qn_options_help(context, table, params, &out);
    }
    qn_arena_finish(&own);
    qn_text_finish(&out);
    return code;
}

START_TEST(reading_and_printing_a_recipe_survives_exhausted_memory)
{
    oom_each(context, 300, read_and_print, NULL);
}
END_TEST

START_TEST(options_survive_exhausted_memory)
{
    oom_each(context, 300, fill_and_help, NULL);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("memory");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all,
                   reading_and_printing_a_recipe_survives_exhausted_memory);
    tcase_add_test(all, options_survive_exhausted_memory);
    suite_add_tcase(suite, all);
    return suite;
}
