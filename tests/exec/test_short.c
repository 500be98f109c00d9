/* Operators that run short of memory: each allocation of opening and running
 * fails once, which must end as an error that says so. Linked with --wrap. */
#include "oom.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 3 };

/* Nodes one behind the other; each reads what is before it `n` times. */
static const struct {
    int64_t opset;
    const char *ops[MOST_NODES];
    int n[MOST_NODES];
    int rank;
    int64_t dims[4];
    const char *name; /* of an attribute of the first node */
    int64_t value;
} rows[] = {
    {23, {"Attention"}, {3}, 4, {1, 2, 3, 4}, "is_causal", 1},
    {23, {"Attention"}, {3}, 3, {1, 3, 4}, NULL, 0},
    {22, {"SplitToSequence"}, {1}, 2, {3, 2}, NULL, 0},
    {22, {"SplitToSequence", "SequenceLength"}, {1, 1}, 2, {3, 2}, NULL, 0},
    {22,
     {"SplitToSequence", "SequenceErase", "ConcatFromSequence"},
     {1, 1, 1},
     2,
     {3, 2},
     NULL,
     0},
    {22,
     {"SequenceConstruct", "ConcatFromSequence"},
     {3, 1},
     2,
     {3, 2},
     NULL,
     0},
    {22, {"Unique"}, {1}, 2, {3, 2}, "sorted", 0},
    {22, {"NonZero"}, {1}, 2, {3, 2}, NULL, 0},
    {22, {"Hardmax"}, {1}, 2, {3, 2}, NULL, 0},
    {22, {"LpNormalization"}, {1}, 2, {3, 2}, NULL, 0},
    {22, {"MeanVarianceNormalization"}, {1}, 4, {2, 3, 2, 2}, NULL, 0},
    {20, {"DFT"}, {1}, 3, {2, 6, 1}, NULL, 0},
    {22, {"Det"}, {1}, 3, {2, 3, 3}, NULL, 0},
    {22, {"DynamicQuantizeLinear"}, {1}, 2, {3, 2}, NULL, 0},
    {22, {"Transpose", "Shrink"}, {1, 1}, 2, {3, 2}, NULL, 0},
};

static void build(struct net *net, int i)
{
    net_open(net);
    ck_assert_int_eq(quern_model_set_opset(net->model, "", rows[i].opset),
                     QUERN_OK);
    for (int k = 0; k < MOST_NODES && rows[i].ops[k] != NULL; k++) {
        struct quern_value *others[MOST_NODES] = {NULL};
        for (int j = 0; j + 1 < rows[i].n[k]; j++) {
            others[j] = net->at;
        }
        struct quern_node *node = net_add(net, rows[i].ops[k], others);
        if (k == 0 && rows[i].name != NULL) {
            set_int(node, rows[i].name, rows[i].value);
        }
        if (strcmp(rows[i].ops[k], "ConcatFromSequence") == 0) {
            set_int(node, "axis", 0);
        }
        if (rows[i].rank == 3 && strcmp(rows[i].ops[k], "Attention") == 0) {
            set_int(node, "q_num_heads", 2);
            set_int(node, "kv_num_heads", 2);
        }
    }
}

START_TEST(a_failed_allocation_is_an_error_and_nothing_else)
{
    struct net net;
    int n = 0;
    build(&net, _i);
    struct quern_tensor *x =
        random_floats(net.context, rows[_i].rank, rows[_i].dims);
    for (bool done = false; !done; n++) {
        ck_assert_int_lt(n, 1000);
        quern_clear(net.context);
        oom_fail_once(n);
        struct quern_tensor *y = net_run(&net, "plain", false, x);
        done = oom_end() >= 0; /* nothing failed any more */
        ck_assert_msg((y != NULL) == (quern_error(net.context) == NULL),
                      "allocation %d: a result and an error, or neither", n);
        if (y == NULL) {
            ck_assert_msg(!done, "%s", quern_error(net.context)->text);
            ck_assert_int_eq(quern_error(net.context)->code, QUERN_NO_MEMORY);
        }
        quern_tensor_release(&y);
    }
    ck_assert_int_gt(n, 10);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/short");
    TCase *tcase = tcase_create("short");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_failed_allocation_is_an_error_and_nothing_else,
                        0, (int)(sizeof rows / sizeof *rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
