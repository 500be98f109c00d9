/* Every allocation can fail: each one is made to, in turn. Linked with --wrap,
 * which works under sanitizers too. (libyaml's own are not reached so.) */
#include "config/recipe.h"
#include "support.h"

#include <stddef.h>
#include <stdlib.h>

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);

static int left = -1; /* allocations that still work; -1: all */

static bool fails(void)
{
    if (left == 0) {
        return true;
    }
    left -= left > 0;
    return false;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

typedef enum quern_code (*scenario_fn)(void);

/* Run with n allocations, n from 0 until that was enough. */
static void run_all(scenario_fn scenario)
{
    for (int n = 0; n < 300; n++) {
        left = n;
        enum quern_code code = scenario();
        bool was_enough = left > 0;
        left = -1;
        quern_clear(context);
        ck_assert(code == QUERN_OK || code == QUERN_NO_MEMORY);
        if (was_enough) {
            ck_assert_int_eq(code, QUERN_OK);
            return;
        }
    }
    ck_abort_msg("300 allocations were not enough");
}

static enum quern_code read_and_print(void)
{
    static const char text[] =
        "quern: 1\ntarget: x\nplugins: [a]\nopsets: {b: 1}\n"
        "rules:\n- {name: r, match: m, replace: p}\n"
        "steps: [a, rules: [r], b: {k: v}]\n"
        "overrides:\n- match: {op: Add}\n  quantize: false\n";
    struct quern_recipe *recipe = NULL;
    struct qn_text out = {0};
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

static enum quern_code fill_and_help(void)
{
    struct qn_arena own = {0};
    struct qn_text out = {0};
    struct qn_steps steps = {0};
    void *params = NULL;
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
    run_all(read_and_print);
}
END_TEST

START_TEST(options_survive_exhausted_memory)
{
    run_all(fill_and_help);
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
