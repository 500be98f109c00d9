/* A user's own profile: read as those of the library; what is wrong is told
 * with file, line, column and the nearest name. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "mine-XXXXXX.yaml";

static void make_path(void)
{
    open_context();
    snprintf(path, sizeof path, "mine-XXXXXX.yaml");
    int fd = mkstemps(path, 5);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void remove_path(void)
{
    unlink(path);
    close_context();
}

static enum quern_code open_text(const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
    return quern_target_open(context, path, &target);
}

#define HEAD "target: 1\nname: mine\n"
#define LIKE HEAD "like: ort-cpu-x64\n"

START_TEST(a_file_says_all_that_there_is_to_say)
{
    enum quern_code code = open_text(
        HEAD "summary: my own\n"
             "runtime: my board\n"
             "opset: {minimum: 13, maximum: 17}\n"
             "activations: {types: [uint8, int8]}\n"
             "weights: {types: int8, symmetric: true, narrow: true, "
             "granularity: channel}\n"
             "bias: float\n"
             "overflow: observed\n"
             "shapes: static\n"
             "placement: {shared-pair: true, clamps: true, "
             "output-codes: true}\n"
             "fusions: [Conv+Relu]\n"
             "keep: [Gelu]\n"
             "lacks: [HardSwish, Mish]\n"
             "until: [RoiAlign@21, Relu@9]\n"
             "tricks: one\n"
             "chains: ['y = Neg(Neg(x))']\n"
             "notes: [a, b]\n"
             "operators:\n"
             "  Conv: {integer: start, inputs: [activation, weight, bias], "
             "output: required, axis: 0, weights: tensor, "
             "least-channels: 4, least-positions: 2, least-pairs: 9}\n"
             "  Gemm: {integer: start, inputs: [activation, weight], axis: 1,\n"
             "         axis-transposed: 0, products: true, rows: 12}\n"
             "  Reshape, Transpose: {integer: move}\n"
             "  Softmax: {integer: never, why: slow there}\n");
    ck_assert_msg(code == QUERN_OK, "%s", said());
    ck_assert_str_eq(target->name, "mine");
    ck_assert(quern_target_has(&target->lacks, "Mish"));
    ck_assert(!quern_target_has(&target->lacks, "Gelu"));
    ck_assert_int_eq(quern_target_until(target, "Relu"), 9);
    ck_assert_int_eq(quern_target_until(target, "RoiAlign"), 21);
    ck_assert_int_eq(quern_target_until(target, "Roi"), INT64_MAX);
    ck_assert_str_eq(target->summary, "my own");
    ck_assert_str_eq(target->runtime, "my board");
    ck_assert_int_eq(target->opset_maximum, 17);
    ck_assert_uint_eq(target->activations.n_types, 2);
    ck_assert(quern_target_takes(&target->activations, QUERN_INT8));
    ck_assert(target->weights.symmetric && target->weights.narrow);
    ck_assert(target->weights.per_channel);
    ck_assert_int_eq(target->bias, QUERN_BIAS_FLOAT);
    ck_assert_int_eq(target->overflow, QUERN_OVERFLOW_OBSERVED);
    ck_assert(target->static_shapes && target->shared_pair && target->clamps);
    ck_assert(target->output_codes);
    ck_assert(quern_target_fuses(target, "Conv", "Relu"));
    ck_assert(quern_target_has(&target->tricks, "one"));
    ck_assert(quern_target_has(&target->chains, "y = Neg(Neg(x))"));
    ck_assert_uint_eq(target->notes.count, 2);
    ck_assert_uint_eq(target->n_ops, 5);
    const struct quern_target_op *conv = quern_target_operator(target, "Conv");
    ck_assert(!conv->per_channel);
    ck_assert_int_eq(conv->least_channels, 4);
    ck_assert_int_eq(conv->least_positions, 2);
    ck_assert_int_eq(conv->least_pairs, 9);
    const struct quern_target_op *gemm = quern_target_operator(target, "Gemm");
    ck_assert(gemm->products && gemm->per_channel);
    ck_assert_int_eq(gemm->rows, 12);
    ck_assert_int_eq(gemm->axis_transposed, 0);
    ck_assert_int_eq(quern_target_operator(target, "Transpose")->kind,
                     QUERN_INTEGER_MOVE);
    ck_assert_str_eq(quern_target_operator(target, "Softmax")->why,
                     "slow there");
}
END_TEST

START_TEST(like_takes_over_all_that_is_not_said)
{
    ck_assert_int_eq(
        open_text(LIKE "operators:\n  Conv: {integer: start, output: free}\n"
                       "  Sigmoid: {integer: follow, inputs: [activation]}\n"),
        QUERN_OK);
    ck_assert_str_eq(target->name, "mine");
    const struct quern_target_op *conv = quern_target_operator(target, "Conv");
    ck_assert_int_eq(conv->output, QUERN_OUTPUT_FREE);
    ck_assert_uint_eq(conv->n_roles, 3);
    ck_assert_int_eq(quern_target_operator(target, "Gemm")->kind,
                     QUERN_INTEGER_START);
    ck_assert_ptr_nonnull(quern_target_operator(target, "Sigmoid"));
    ck_assert_int_eq(target->activations.types[0], QUERN_UINT8);
}
END_TEST

START_TEST(lists_are_those_of_like_with_words_added_and_dropped)
{
    ck_assert_int_eq(open_text(LIKE "tricks: {add: [mine, factor-mul, mine], "
                                    "drop: [sum-bias, table-mul]}\n"
                                    "keep: {drop: Gelu}\n"
                                    "notes: {}\n"
                                    "lacks: {add: Mish}\n"),
                     QUERN_OK);
    const struct quern_target *base = NULL;
    ck_assert_int_eq(quern_target_open(context, "ort-cpu-x64", &base),
                     QUERN_OK);
    ck_assert_uint_eq(target->tricks.count, base->tricks.count - 2 + 1);
    ck_assert_str_eq(target->tricks.items[target->tricks.count - 1], "mine");
    ck_assert(quern_target_has(&target->tricks, "factor-mul"));
    ck_assert(!quern_target_has(&target->tricks, "sum-bias"));
    ck_assert(!quern_target_has(&target->tricks, "table-mul"));
    ck_assert(quern_target_has(&base->tricks, "table-mul"));
    ck_assert_uint_eq(target->keep.count, base->keep.count - 1);
    ck_assert(!quern_target_has(&target->keep, "Gelu"));
    ck_assert_uint_eq(target->notes.count, base->notes.count);
    ck_assert_uint_eq(target->lacks.count, base->lacks.count + 1);
    quern_target_close(&base);
}
END_TEST

START_TEST(until_is_changed_by_the_operator)
{
    const struct quern_target *base = NULL;
    ck_assert_int_eq(quern_target_open(context, "ort-cpu-x64", &base),
                     QUERN_OK);
    ck_assert_int_eq(quern_target_until(base, "RoiAlign"), 21);
    ck_assert_int_eq(open_text(LIKE "until: {add: [RoiAlign@16, Relu@9, "
                                    "MaxRoiPool@21], drop: GlobalLpPool@21}\n"),
                     QUERN_OK);
    ck_assert_int_eq(quern_target_until(target, "RoiAlign"), 16);
    ck_assert_int_eq(quern_target_until(target, "Relu"), 9);
    ck_assert_int_eq(quern_target_until(target, "MaxRoiPool"), 21);
    ck_assert_int_eq(quern_target_until(target, "GlobalLpPool"), INT64_MAX);
    ck_assert_uint_eq(target->until.count, base->until.count);
    quern_target_close(&base);
}
END_TEST

START_TEST(a_list_stands_in_the_place_of_that_of_like)
{
    ck_assert_int_eq(open_text(LIKE "tricks: [one, two]\nkeep: []\n"),
                     QUERN_OK);
    ck_assert_uint_eq(target->tricks.count, 2);
    ck_assert_uint_eq(target->keep.count, 0);
}
END_TEST

/* Text, place and what is told behind "error[invalid-argument]: FILE:". */
static const struct {
    const char *text;
    const char *message;
} wrong[] = {
    {"name: x\n", "1:1: key 'target' is missing here"},
    {"target: 2\nname: x\n", "1:9: 'target': found '2', need a whole number "
                             "from 1 to 1"},
    {"target: 1\nlike: ort-cpu-x64\n", "1:1: key 'name' is missing here"},
    {HEAD, "1:1: key 'activations' is missing here"},
    {HEAD "activations: {}\nweights: {types: int8}\n",
     "3:14: 'activations' leaves out what is needed"},
    {LIKE "operator: {}\n",
     "4:1: unknown key 'operator' in a profile, did you mean 'operators'"},
    {LIKE "bias: in32\n", "4:7: 'bias': found 'in32', need int32 or float; did "
                          "you mean 'int32'"},
    {LIKE "activations: {types: [uint8, uint9]}\n",
     "4:30: found 'uint9', need int8, uint8, int16, uint16, int4, uint4 or "
     "float8e4m3fn; did you mean 'uint8'"},
    {LIKE "activations: {types: []}\n",
     "4:22: no type given, needs one or more"},
    {LIKE "activations: {granularity: channel}\n",
     "4:14: activations with one scale a channel cannot be written, needs "
     "granularity tensor"},
    {LIKE "opset: {minimum: 20, maximum: 15}\n",
     "4:8: minimum 20 is above maximum 15"},
    {LIKE "placement: {shared: true}\n",
     "4:13: unknown key 'shared' in placement, it takes shared-pair, clamps, "
     "moves-pairs or output-codes"},
    {LIKE "operators:\n  Cnov: {integer: start}\n",
     "5:3: unknown operator 'Cnov', did you mean 'Conv'"},
    {LIKE "operators:\n  Relu, Reshpe: {integer: never}\n",
     "5:9: unknown operator 'Reshpe', did you mean 'Reshape'"},
    {LIKE "operators:\n  Relu: {integer: moves}\n",
     "5:19: 'integer': found 'moves', need never, start, follow, move, join, "
     "around, skip, table or link; did you mean 'move'"},
    {LIKE "operators:\n  Relu: {output: free}\n",
     "5:9: key 'integer' is missing here"},
    {LIKE "operators:\n  Relu: {integer: start}\n",
     "5:9: 'Relu' reads no activation, needs `inputs: [activation, …]`"},
    {LIKE "operators:\n  Conv: {integer: start, inputs: [weight, "
          "activation]}\n",
     "5:9: input 0 of 'Conv' is 'weight', needs an activation"},
    {LIKE "operators:\n  Conv: {integer: start, axs: 1}\n",
     "5:26: unknown key 'axs' in an operator, did you mean 'axis'"},
    {LIKE "operators:\n  Conv: {integer: start, rows: -1}\n",
     "5:32: 'rows': found '-1', need a whole number from 0 to 1000000000"},
    {LIKE "tricks: {drop: [factor-mul, factor-mull]}\n",
     "4:29: no 'factor-mull' to drop in the tricks so far, did you mean "
     "'factor-mul'"},
    {LIKE "tricks: {drop: [factor-mul, table-mul,\n  factor-mul]}\n",
     "5:3: 'factor-mul' is dropped in line 4 already, needs to be there once"},
    {LIKE "tricks: {add: [one, table-mul],\n  drop: table-mul}\n",
     "5:9: 'table-mul' is added in line 4 as well, needs to be there once"},
    {LIKE "until: {add: GlobalLpPool@21, drop: [GlobalLpPool@21]}\n",
     "4:38: 'GlobalLpPool@21' is added in line 4 as well"},
    {LIKE "keep: {drop: Nothing}\n",
     "4:14: no 'Nothing' to drop in the keep so far"},
    {LIKE "until: [RoiAlign]\n", "4:9: 'RoiAlign': needs an operator and the "
                                 "last opset that the target has "
                                 "it at, as RoiAlign@21"},
    {LIKE "until: [Roialign@21]\n",
     "4:9: unknown operator 'Roialign', did you mean 'RoiAlign'"},
    {LIKE "until: {add: [Relu@9,\n  Foo@21]}\n", "5:3: unknown operator 'Foo'"},
    {LIKE "until: ['@21']\n", "4:9: '@21': needs an operator"},
    {LIKE "until: [RoiAlign@21a]\n", "4:9: 'RoiAlign@21a': needs an operator"},
    {LIKE "until: ['Gelu@ 5']\n", "4:9: 'Gelu@ 5': needs an operator"},
    {LIKE "until: {add: [Gelu@5, Relu@+5]}\n",
     "4:23: 'Relu@+5': needs an operator"},
    {LIKE "until: [Gelu@]\n", "4:9: 'Gelu@': needs an operator"},
    {LIKE "until: [Gelu@0]\n", "4:9: 'Gelu@0': needs an operator"},
    {LIKE "until: [Gelu@1000]\n", "4:9: 'Gelu@1000': needs an operator"},
    {LIKE "until: {add: Gelu}\n", "4:14: 'Gelu': needs an operator"},
    {LIKE "until: [Gelu@20, Relu@9,\n  Gelu@21]\n",
     "5:3: 'Gelu@21': line 4 has 'Gelu@20' already, needs one opset an "
     "operator"},
    {LIKE "until: {add: [Gelu@20, Gelu@20]}\n",
     "4:24: 'Gelu@20': line 4 has 'Gelu@20' already"},
    {LIKE "tricks: [one,\n  speed-figures]\n",
     "5:3: 'speed-figures' is no trick but a key of the profile, needs "
     "`speed-figures: true`"},
    {LIKE "tricks: {add: speed-figures}\n",
     "4:15: 'speed-figures' is no trick but a key of the profile, needs "
     "`speed-figures: true`"},
    {LIKE "tricks: {drop: [speed-figures]}\n",
     "4:17: 'speed-figures' is no trick but a key of the profile, needs "
     "`speed-figures: false`"},
    {LIKE "tricks: {ad: [one]}\n",
     "4:10: unknown key 'ad' in tricks, did you mean 'add'"},
    {LIKE "tricks: {add: {one: two}}\n",
     "4:15: 'add': found a mapping, need a list of texts"},
    {HEAD "tricks: {add: [one]}\n",
     "3:9: nothing to change: the profile is `like` no other, needs a list"},
    {HEAD "like: ort-cpu-x65\n",
     "3:7: unknown target 'ort-cpu-x65'; did you mean 'ort-cpu-x64'?"},
    {"target: 1\n\tname: x\n", "2:1: tab"},
};

START_TEST(what_is_wrong_is_told_with_its_place)
{
    char want[512];
    enum quern_code code = open_text(wrong[_i].text);
    ck_assert_int_eq(code, QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_null(target);
    snprintf(want, sizeof want, "error[invalid-argument]: %s:%s", path,
             wrong[_i].message);
    const char *line = said();
    ck_assert_msg(strncmp(line, want, strlen(want)) == 0, "%s\nneed\n%s", line,
                  want);
}
END_TEST

START_TEST(a_name_or_file_that_is_not_there_is_told)
{
    ck_assert_int_eq(quern_target_open(context, "tensorrt-9", &target),
                     QUERN_NOT_FOUND);
    ck_assert_str_eq(said(), "error[not-found]: unknown target 'tensorrt-9'; "
                             "did you mean 'tensorrt-8'?");
    ck_assert_int_eq(quern_target_open(context, "nonsense", &target),
                     QUERN_NOT_FOUND);
    ck_assert_str_eq(said(), "error[not-found]: unknown target 'nonsense'; "
                             "'quern targets' lists them");
    ck_assert_int_eq(quern_target_open(context, "./no-such", &target),
                     QUERN_IO);
    ck_assert_ptr_nonnull(strstr(said(), "no-such"));
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("target/read");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, make_path, remove_path);
    tcase_add_test(tc, a_file_says_all_that_there_is_to_say);
    tcase_add_test(tc, like_takes_over_all_that_is_not_said);
    tcase_add_test(tc, lists_are_those_of_like_with_words_added_and_dropped);
    tcase_add_test(tc, until_is_changed_by_the_operator);
    tcase_add_test(tc, a_list_stands_in_the_place_of_that_of_like);
    tcase_add_loop_test(tc, what_is_wrong_is_told_with_its_place, 0,
                        (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tc, a_name_or_file_that_is_not_there_is_told);
    suite_add_tcase(suite, tc);
    return suite;
}
