/* Every allocation of a walk fails once: the model stays usable. */
#include "infer/infer.h"
#include "oom.h"
#include "support.h"

#include <stdio.h>

/* Big enough that arenas and tables grow. */
static struct quern_value *build(struct quern_model *model)
{
    static const int64_t zero[] = {0};
    struct quern_graph *g = model->graph;
    struct quern_value *x = add_input(g, "x", QUERN_FLOAT, "b s ?");
    struct quern_value *cond = add_input(g, "c", QUERN_BOOL, "");
    struct quern_value *first = add_ints(g, "zero", zero, 1);
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        struct quern_value *shape = add_node(g, "Shape", name, x, NULL);
        snprintf(name, sizeof name, "g%d", i);
        struct quern_value *pick = add_node(g, "Gather", name, shape, first);
        snprintf(name, sizeof name, "n%d", i);
        (void)add_node(g, "ConstantOfShape", name, pick, NULL);
        snprintf(name, sizeof name, "x%d", i);
        x = add_node(g, "Concat", name, x, x);
        set_int(x, "axis", i % 2);
    }
    struct quern_value *both = add_node(g, "If", "if", cond, NULL);
    struct quern_graph *yes = add_body(both, "then_branch");
    struct quern_graph *no = add_body(both, "else_branch");
    ck_assert(qn_build_output(yes, add_node(yes, "Relu", "y", x, NULL)));
    ck_assert(qn_build_output(no, add_node(no, "Relu", "n", x, NULL)));
    return both;
}

START_TEST(each_allocation_fails_once)
{
    int n = 0;
    bool was_enough = false;
    for (; n < 400 && !was_enough; n++) {
        struct quern_model *model = model_create(17);
        struct quern_value *out = build(model);
        oom_allow(n);
        enum quern_code code = quern_model_infer(model);
        was_enough = oom_end() > 0;
        ck_assert(code == (was_enough ? QUERN_OK : QUERN_NO_MEMORY) ||
                  code == QUERN_OK);
        quern_clear(model->context);
        ck_assert_int_eq(quern_model_infer(model), QUERN_OK);
        ck_assert_int_eq(quern_value_rank(out), 3);
        model_destroy(&model);
    }
    ck_assert_msg(was_enough, "400 allocations were not enough");
    ck_assert_int_ge(n, 8);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("infer/memory");
    TCase *t = tcase_create("memory");
    tcase_add_test(t, each_allocation_fails_once);
    suite_add_tcase(suite, t);
    return suite;
}
