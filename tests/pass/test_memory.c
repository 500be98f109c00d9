/* Every allocation of compiling patterns and rules and of running a recipe can
 * fail: each one is made to, in turn. */
#include "oom.h"
#include "pass/pass.h"
#include "support.h"

typedef enum quern_code (*scenario_fn)(void);

/* Run with n allocations, n from 0 until that was enough. The model is made
 * anew each time, with all the memory it wants. */
static void run_all(scenario_fn scenario)
{
    for (int n = 0; n < 3000; n++) {
        build("y = Relu(Mul(LeakyRelu(a){alpha=0.1}, Sigmoid(LeakyRelu(a))))");
        uint64_t before = quern_model_n_edits(model);
        oom_allow(n);
        enum quern_code code = scenario();
        bool was_enough = oom_end() > 0;
        ck_assert_msg(code == QUERN_OK || code == QUERN_NO_MEMORY, "%s",
                      said());
        if (code != QUERN_OK) {
            ck_assert_uint_eq(quern_model_n_edits(model), before);
        }
        quern_clear(context);
        if (was_enough) {
            ck_assert_int_eq(code, QUERN_OK);
            return;
        }
    }
    ck_abort_msg("3000 allocations were not enough");
}

static enum quern_code run_recipe(void)
{
    static const char text[] =
        "quern: 1\nopsets: {com.new: 1}\nrules:\n"
        "- {name: a, match: 'y = LeakyRelu(x){alpha=$s}',"
        " replace: 'y = com.new.Soft(Mul(x, 0.5)){slope=$s, kind=\"a\"}'}\n"
        "- {name: b, match: ['y = Sigmoid(x is float)', 'y = Tan(x)'],"
        " replace: 'y = com.new.S(x){n = (1 + 2) * 3}'}\n"
        "steps: [rules]\n"
        "overrides:\n- {match: {op: X}, quantize: false}\n";
    return apply_recipe(text);
}

static enum quern_code try_pattern(void)
{
    struct quern_pattern *pattern = NULL;
    const struct quern_match *match = NULL;
    enum quern_code code = quern_pattern_create(
        context, "s = Sigmoid(x); y = Mul(z, s, r...)", &pattern);
    if (code == QUERN_OK) {
        code = quern_pattern_match(pattern, node_named("Mul1"), &match);
    }
    quern_pattern_destroy(&pattern);
    if (code == QUERN_OK) {
        code = quern_pattern_create(
            context, "y = Mul(x is const float[..., 2], 1 ~ 0.1)", &pattern);
    }
    quern_pattern_destroy(&pattern);
    return code;
}

static enum quern_code make_example(void)
{
    struct quern_model *example = NULL;
    enum quern_code code = quern_pattern_example(
        context, "y = Softmax(Mul(LeakyRelu(x){alpha=$a}, 0.5)){axis=1}",
        &example);
    quern_model_destroy(&example);
    return code;
}

START_TEST(running_a_recipe_survives_exhausted_memory)
{
    run_all(run_recipe);
}
END_TEST

START_TEST(patterns_survive_exhausted_memory)
{
    run_all(try_pattern);
}
END_TEST

START_TEST(examples_survive_exhausted_memory)
{
    run_all(make_example);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("memory");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, running_a_recipe_survives_exhausted_memory);
    tcase_add_test(all, examples_survive_exhausted_memory);
    tcase_add_test(all, patterns_survive_exhausted_memory);
    suite_add_tcase(suite, all);
    return suite;
}
