/* Operator schemas: which row holds, hints, defaults. That the rows are those
 * of the onnx package is checked by gen-schema.py --check. */
#include <quern/types.h>

#include "ir/schema.h"
#include "qtest.h"

START_TEST(the_row_of_an_opset_is_the_newest_not_above_it)
{
    ck_assert_uint_eq(qn_schema_find("", "Softmax", 1)->since, 1);
    ck_assert_uint_eq(qn_schema_find("", "Softmax", 10)->since, 1);
    ck_assert_uint_eq(qn_schema_find("", "Softmax", 12)->since, 11);
    ck_assert_uint_eq(qn_schema_find("", "Softmax", 13)->since, 13);
    ck_assert_uint_eq(qn_schema_find("", "Softmax", INT64_MAX)->since, 13);
    ck_assert_ptr_null(qn_schema_find("", "Gelu", 19));
    ck_assert_ptr_nonnull(qn_schema_find("", "Gelu", 20));
    ck_assert_ptr_nonnull(qn_schema_find("com.microsoft", "Gelu", 1));
    ck_assert_ptr_null(qn_schema_find("", "softmax", 13));
    ck_assert_ptr_null(qn_schema_find("com.acme", "Softmax", 13));
}
END_TEST

START_TEST(rows_are_ordered_and_well_formed)
{
    for (size_t i = 0; i < qn_schema_count(); i++) {
        const struct qn_schema *row = qn_schema_at(i);
        const char *domain = qn_schema_text(row->domain);
        const char *op = qn_schema_text(row->op);
        ck_assert_ptr_eq(qn_schema_find(domain, op, row->since), row);
        ck_assert(row->min_inputs <= row->max_inputs);
        ck_assert(row->min_outputs <= row->max_outputs);
        for (size_t k = 0; k < row->n_attrs; k++) {
            const struct qn_schema_attr *a = qn_schema_attr_at(row, k);
            ck_assert_ptr_eq(qn_schema_attr(row, qn_schema_text(a->name)), a);
            ck_assert(a->type >= 1 && a->type <= 14);
        }
    }
    ck_assert_ptr_null(qn_schema_at(qn_schema_count()));
}
END_TEST

START_TEST(ports_know_what_they_take)
{
    const struct qn_schema *conv = qn_schema_find("", "Conv", 11);
    const struct qn_schema_port *bias = qn_schema_input(conv, 2);
    ck_assert_int_eq(bias->option, QN_SCHEMA_OPTIONAL);
    ck_assert(bias->types >> QUERN_FLOAT & 1);
    ck_assert(!(bias->types >> QUERN_INT8 & 1));
    ck_assert_uint_eq(bias->variable, qn_schema_input(conv, 0)->variable);
    ck_assert_ptr_null(qn_schema_input(conv, 3));
    /* The last port of a variadic operator stands for all that follow. */
    const struct qn_schema *concat = qn_schema_find("", "Concat", 13);
    ck_assert_ptr_eq(qn_schema_input(concat, 0), qn_schema_input(concat, 99));
    const struct qn_schema *dq = qn_schema_find("", "DequantizeLinear", 13);
    ck_assert(!(qn_schema_input(dq, 0)->types >> QUERN_INT4 & 1));
    dq = qn_schema_find("", "DequantizeLinear", 21);
    ck_assert(qn_schema_input(dq, 0)->types >> QUERN_INT4 & 1);
}
END_TEST

START_TEST(defaults_are_typed)
{
    int64_t i = 0;
    float f = 0.0F;
    const struct qn_schema *gemm = qn_schema_find("", "Gemm", 13);
    const struct qn_schema_attr *alpha = qn_schema_attr(gemm, "alpha");
    ck_assert(qn_schema_default_float(alpha, &f) && f > 0.9F);
    ck_assert(!qn_schema_default_int(alpha, &i));
    ck_assert(qn_schema_default_int(qn_schema_attr(gemm, "transA"), &i));
    ck_assert_int_eq(i, 0);
    ck_assert_str_eq(qn_schema_default_string(qn_schema_attr(
                         qn_schema_find("", "Conv", 11), "auto_pad")),
                     "NOTSET");
    const struct qn_schema *cast = qn_schema_find("", "Cast", 13);
    ck_assert(qn_schema_attr(cast, "to")->required);
    ck_assert_ptr_null(qn_schema_attr(cast, "from"));
}
END_TEST

START_TEST(hints_are_near)
{
    ck_assert_str_eq(qn_schema_nearest("", "Rleu"), "Relu");
    ck_assert_str_eq(qn_schema_nearest("", "MatMull"), "MatMul");
    ck_assert_ptr_null(qn_schema_nearest("", "SomethingElse"));
    ck_assert_ptr_null(qn_schema_nearest("com.acme", "Relu"));
}
END_TEST

START_TEST(versions_of_onnx_are_known)
{
    ck_assert_int_ge(qn_schema_newest(""), 26);
    ck_assert_int_eq(qn_schema_newest("com.acme"), 0);
    ck_assert_int_eq(qn_schema_ir_for_opset(9), 4);
    ck_assert_int_eq(qn_schema_ir_for_opset(17), 8);
    ck_assert_int_eq(qn_schema_ir_for_opset(21), 10);
    ck_assert_int_eq(qn_schema_ir_for_opset(25), 13);
    ck_assert_int_eq(qn_schema_ir_for_opset(0), 0);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/schema");
    TCase *tests = tcase_create("schema");
    tcase_add_test(tests, the_row_of_an_opset_is_the_newest_not_above_it);
    tcase_add_test(tests, rows_are_ordered_and_well_formed);
    tcase_add_test(tests, ports_know_what_they_take);
    tcase_add_test(tests, defaults_are_typed);
    tcase_add_test(tests, hints_are_near);
    tcase_add_test(tests, versions_of_onnx_are_known);
    suite_add_tcase(suite, tests);
    return suite;
}
