/* Every allocation of verifying a pipeline and of bisecting one can fail. */
#include "oom.h"
#include "support.h"

enum { MOST = 20000 };

static enum quern_code verify(void *user)
{
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .verify_each = true};
    uint64_t before = quern_model_n_edits(model);
    (void)user;
    enum quern_code code = quern_apply(model, "test-wrong,drop-dead", &o);
    ck_assert_uint_eq(quern_model_n_edits(model), before);
    return code;
}

static enum quern_code bisect(void *user)
{
    struct quern_bisection *b = NULL;
    enum quern_code code = quern_recipe_bisect(user, model, NULL, &b);
    if (code == QUERN_OK) {
        ck_assert(quern_bisection_result(b)->found);
    }
    quern_bisection_destroy(&b);
    ck_assert_uint_eq(quern_model_n_edits(model), 0);
    return code;
}

START_TEST(verifying_survives_exhausted_memory)
{
    open_model("trust/subs.onnx");
    add_passes();
    oom_each(context, MOST, verify, NULL);
}
END_TEST

START_TEST(bisecting_survives_exhausted_memory)
{
    struct quern_recipe *recipe = NULL;
    open_model("trust/subs.onnx");
    add_passes();
    ck_assert_int_eq(quern_recipe_create(context, &recipe), QUERN_OK);
    ck_assert_int_eq(quern_recipe_add_steps(recipe, "test", "test-wrong"),
                     QUERN_OK);
    oom_each(context, MOST, bisect, recipe);
    quern_recipe_destroy(&recipe);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("memory");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, verifying_survives_exhausted_memory);
    tcase_add_test(all, bisecting_survives_exhausted_memory);
    suite_add_tcase(suite, all);
    return suite;
}
