/* The verifier: what it finds in models in memory, and after passes. */
#include "ir/verify.h"
#include "pass/pass.h"
#include "qtest.h"
#include "support.h"

#include <string.h>

struct found {
    size_t n_errors;
    size_t n_warnings;
    char text[4096]; /* one line each, as users read them */
};

static void on_finding(void *user, const struct quern_message *m)
{
    struct found *found = user;
    size_t used = strlen(found->text);
    found->n_errors += m->severity == QUERN_SEVERITY_ERROR;
    found->n_warnings += m->severity == QUERN_SEVERITY_WARNING;
    quern_message_format(m, found->text + used, sizeof found->text - used);
    strncat(found->text, "\n", sizeof found->text - strlen(found->text) - 1);
}

static void expect(struct quern_model *model, size_t n, const char *words)
{
    struct found found = {0};
    enum quern_code code = quern_model_verify(model, on_finding, &found);
    ck_assert_msg(found.n_errors == n, "%zu errors, not %zu:\n%s",
                  found.n_errors, n, found.text);
    ck_assert_int_eq(code, n > 0 ? QUERN_INVALID_MODEL : QUERN_OK);
    ck_assert_msg(words == NULL || strstr(found.text, words) != NULL,
                  "no '%s' in: %s", words, found.text);
}

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

START_TEST(valid_models_have_no_findings)
{
    struct chain c;
    struct nest n;
    chain_create(&c);
    nest_create(&n);
    expect(c.model, 0, NULL);
    expect(n.model, 0, NULL);
    chain_destroy(&c);
    nest_destroy(&n);
}
END_TEST

/* Errors that the verifier finds where edits came to. */
static size_t n_changed(struct quern_model *model)
{
    struct qn_findings f = {.context = model->context, .silent = true};
    struct qn_verify v = {.model = model,
                          .findings = &f,
                          .parts = QN_VERIFY_STRUCTURE | QN_VERIFY_CHANGED};
    good(qn_verify(&v));
    return f.n_errors;
}

START_TEST(what_edits_broke_is_found_beside_them)
{
    struct chain c;
    struct quern_value *v = NULL;
    struct quern_node *node = NULL;
    chain_create(&c);
    qn_verify_done(c.model);
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_node_move(c.relu, NULL)); /* behind its reader */
    ck_assert_uint_eq(n_changed(c.model), 1);
    qn_journal_undo(c.model, mark);
    ck_assert_uint_eq(n_changed(c.model), 0);
    good(quern_node_move(c.add, c.relu)); /* in front of what it reads */
    ck_assert_uint_eq(n_changed(c.model), 1);
    qn_journal_undo(c.model, mark);
    good(quern_node_set_output(c.relu, 0, NULL)); /* nobody makes it now */
    ck_assert_uint_eq(n_changed(c.model), 1);
    qn_journal_undo(c.model, mark);
    good(quern_node_set_input(c.relu, 0, quern_node_output(c.add, 0)));
    ck_assert_uint_eq(n_changed(c.model), 2); /* late, and a cycle */
    qn_journal_undo(c.model, mark);
    good(quern_value_create(c.graph, "n", &v));
    good(quern_node_create(c.graph, c.relu, "Neg", "n", &c.x, 1, &v, 1, &node));
    good(quern_node_set_input(c.relu, 0, v));
    ck_assert_uint_eq(n_changed(c.model), 0);
    qn_verify_done(c.model);
    good(quern_node_move(node, c.add)); /* its reader is not touched */
    ck_assert_uint_eq(n_changed(c.model), 1);
    qn_verify_done(c.model);
    ck_assert_uint_eq(n_changed(c.model), 0); /* that was told */
    expect(c.model, 1, "is read before it is made");
    chain_destroy(&c);
}
END_TEST

START_TEST(reading_before_making_is_found)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_move(c.relu, NULL));
    expect(c.model, 1,
           "node 'n_Add' (Add, #1), tensor 'r': input 0 is read "
           "before it is made, by node 'n_Relu' (Relu, #0)");
    chain_destroy(&c);
}
END_TEST

START_TEST(a_cycle_is_told_from_a_wrong_order)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_input(c.relu, 0, quern_node_output(c.add, 0)));
    expect(c.model, 2, "node 'n_Add' (Add, #1): node stands in a cycle");
    chain_destroy(&c);
}
END_TEST

START_TEST(captures_follow_the_order_of_their_holders)
{
    struct nest n;
    nest_create(&n);
    good(quern_node_move(n.first, NULL));
    expect(n.model, 1,
           "main/If#1.then_branch: node 'n_Neg' (Neg, #2), tensor "
           "'captured': input 0 is read before it is made");
    nest_destroy(&n);
}
END_TEST

START_TEST(values_that_nobody_makes_are_found)
{
    struct chain c;
    struct quern_value *v = NULL;
    chain_create(&c);
    good(quern_value_create(c.graph, "other", &v));
    good(quern_node_set_output(c.relu, 0, v));
    expect(c.model, 1,
           "tensor 'r': input 0 reads a value that is made "
           "nowhere");
    good(quern_value_create(c.graph, "another", &v));
    good(quern_node_set_output(c.identity, 0, v));
    expect(c.model, 2, "tensor 'y': graph output 0 is made nowhere");
    chain_destroy(&c);
}
END_TEST

START_TEST(unknown_operators_get_a_hint)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_op(c.relu, "Rleu"));
    expect(c.model, 1,
           "operator is unknown in ai.onnx at opset 17; did you "
           "mean 'Relu'?");
    good(quern_node_set_op(c.relu, "com.acme.Rleu"));
    expect(c.model, 1, "the model does not import domain 'com.acme'");
    good(quern_model_set_opset(c.model, "com.acme", 1));
    expect(c.model, 0, NULL);
    good(quern_node_set_op(c.relu, "Upsample"));
    expect(c.model, 1,
           "operator is gone since opset 10 of ai.onnx, the model "
           "imports 17");
    good(quern_node_set_op(c.relu, "Gelu"));
    expect(c.model, 1,
           "operator exists from opset 20 of ai.onnx on, the model "
           "imports 17");
    chain_destroy(&c);
}
END_TEST

START_TEST(arity_is_checked)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_input(c.add, 1, NULL));
    expect(c.model, 1, "1 inputs, needs 2");
    good(quern_node_set_input(c.add, 1, c.x));
    good(quern_node_set_input(c.add, 0, NULL));
    expect(c.model, 1, "input 0 (A) is left out, but needed");
    good(quern_node_set_input(c.add, 0, c.x));
    good(quern_node_set_input(c.add, 2, c.x));
    expect(c.model, 1, "3 inputs, needs 2");
    chain_destroy(&c);
}
END_TEST

START_TEST(attributes_are_checked)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_op(c.relu, "Softmax"));
    good(quern_node_set_int(c.relu, "axes", 1));
    expect(c.model, 1,
           "attribute 'axes': operator has no attribute of that "
           "name at opset 17; did you mean 'axis'?");
    good(quern_node_remove_attr(c.relu, "axes"));
    good(quern_node_set_float(c.relu, "axis", 1.0F));
    expect(c.model, 1, "attribute 'axis': attribute has type float, needs int");
    good(quern_node_set_int(c.relu, "axis", 1));
    good(quern_node_set_int(c.relu, "__mine", 1));
    expect(c.model, 0, NULL);
    good(quern_node_set_op(c.relu, "Cast"));
    expect(c.model, 2,
           "attribute 'to': attribute of type int is needed, but "
           "absent");
    chain_destroy(&c);
}
END_TEST

START_TEST(known_types_are_checked)
{
    struct chain c;
    struct quern_tensor *tensor = NULL;
    static const int64_t numbers[] = {1, 2, 3};
    chain_create(&c);
    good(quern_tensor_of_ints(c.context, 3, numbers, &tensor));
    good(quern_value_set_constant(c.w, tensor, false));
    quern_tensor_release(&tensor);
    expect(c.model, 0, NULL); /* r is not known */
    good(quern_node_set_input(c.add, 0, c.x));
    expect(c.model, 1,
           "tensor 'w': input 1 (B) has type tensor(int64), but "
           "must have that of 'x', tensor(float)");
    good(quern_node_set_op(c.relu, "BitwiseNot"));
    good(quern_model_set_opset(c.model, "", 18));
    expect(c.model, 2,
           "input 0 (X) has type tensor(float), the operator "
           "takes uint8, int8, uint16");
    chain_destroy(&c);
}
END_TEST

START_TEST(everything_is_told_at_once)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_op(c.relu, "Rleu"));
    good(quern_node_set_int(c.add, "axis", 1));
    good(quern_node_set_input(c.identity, 1, c.x));
    expect(c.model, 3, NULL);
    ck_assert_int_eq(quern_model_verify(c.model, NULL, NULL),
                     QUERN_INVALID_MODEL);
    ck_assert_ptr_nonnull(strstr(quern_error(c.context)->text, "Relu"));
    ck_assert_uint_eq(quern_n_messages(c.context), 2);
    chain_destroy(&c);
}
END_TEST

/* -------------------------------------------------------- after a pass */

START_TEST(a_pass_that_breaks_the_graph_is_an_internal_error)
{
    struct chain c;
    chain_create(&c);
    struct quern_pass_ctx ctx = {.context = c.context, .model = c.model};
    good(qn_pass_verify_start(&ctx));
    good(qn_pass_verify(&ctx));
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_node_move(c.relu, NULL));
    ck_assert_int_eq(qn_pass_verify(&ctx), QUERN_INTERNAL);
    ck_assert_int_eq(quern_error(c.context)->code, QUERN_INTERNAL);
    qn_journal_undo(c.model, mark);
    quern_clear(c.context);
    good(qn_pass_verify(&ctx));
    good(quern_node_set_op(c.relu, "Rleu"));
    ck_assert_int_eq(qn_pass_verify(&ctx), QUERN_INTERNAL);
    qn_pass_ctx_finish(&ctx);
    chain_destroy(&c);
}
END_TEST

START_TEST(a_pass_is_not_blamed_for_what_was_wrong_before)
{
    struct chain c;
    chain_create(&c);
    good(quern_node_set_op(c.relu, "FutureOp"));
    struct quern_pass_ctx ctx = {.context = c.context, .model = c.model};
    good(qn_pass_verify_start(&ctx));
    good(quern_node_set_input(c.relu, 0, c.w));
    good(qn_pass_verify(&ctx));
    good(quern_node_set_op(c.add, "OtherOp"));
    ck_assert_int_eq(qn_pass_verify(&ctx), QUERN_INTERNAL);
    qn_pass_ctx_finish(&ctx);
    chain_destroy(&c);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/verify");
    TCase *tests = tcase_create("verify");
    tcase_add_test(tests, valid_models_have_no_findings);
    tcase_add_test(tests, what_edits_broke_is_found_beside_them);
    tcase_add_test(tests, reading_before_making_is_found);
    tcase_add_test(tests, a_cycle_is_told_from_a_wrong_order);
    tcase_add_test(tests, captures_follow_the_order_of_their_holders);
    tcase_add_test(tests, values_that_nobody_makes_are_found);
    tcase_add_test(tests, unknown_operators_get_a_hint);
    tcase_add_test(tests, arity_is_checked);
    tcase_add_test(tests, attributes_are_checked);
    tcase_add_test(tests, known_types_are_checked);
    tcase_add_test(tests, everything_is_told_at_once);
    tcase_add_test(tests, a_pass_that_breaks_the_graph_is_an_internal_error);
    tcase_add_test(tests, a_pass_is_not_blamed_for_what_was_wrong_before);
    suite_add_tcase(suite, tests);
    return suite;
}
