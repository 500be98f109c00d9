/* The walk: what is trusted, what is followed, what an edit recomputes. */
#include "infer/infer.h"
#include "ir/schema.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct quern_model *model;
static struct quern_graph *graph;

static void setup(void)
{
    model = model_create(17);
    graph = model->graph;
}

static void teardown(void)
{
    model_destroy(&model);
}

static void infer(void)
{
    ck_assert_int_eq(quern_model_infer(model), QUERN_OK);
}

START_TEST(reshape_finds_the_rest)
{
    static const int64_t to[] = {0, -1, 32};
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b seq 4 64");
    struct quern_value *shape = add_ints(graph, "shape", to, 3);
    struct quern_value *out = add_node(graph, "Reshape", "y", in, shape);
    infer();
    ck_assert_str_eq(type_text(out), "float [b, 8*seq, 32]");
}
END_TEST

START_TEST(shapes_are_followed_through_arithmetic)
{
    static const int64_t first[] = {0};
    static const int64_t rest[] = {-1};
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b c h w");
    struct quern_value *shape = add_node(graph, "Shape", "s", in, NULL);
    struct quern_value *zero = add_ints(graph, "zero", first, 1);
    struct quern_value *minus = add_ints(graph, "minus", rest, 1);
    struct quern_value *batch = add_node(graph, "Gather", "g", shape, zero);
    struct quern_value *list = add_node(graph, "Concat", "cat", batch, minus);
    set_int(list, "axis", 0);
    struct quern_value *out = add_node(graph, "Reshape", "y", in, list);
    infer();
    ck_assert_str_eq(numbers_text(list), "[b, -1]");
    ck_assert_str_eq(type_text(out), "float [b, c*h*w]");
}
END_TEST

START_TEST(unknown_operators_stop_nothing)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    struct quern_value *odd = add_node(graph, "NoSuchOperator", "o", in, NULL);
    struct quern_value *sum = add_node(graph, "Add", "a", odd, in);
    struct quern_value *after = add_node(graph, "Relu", "r", in, NULL);
    infer();
    ck_assert_int_eq(quern_value_kind(odd), QUERN_KIND_UNKNOWN);
    ck_assert_str_eq(type_text(sum), "float ?");
    ck_assert_str_eq(type_text(after), "float [b, 8]");
}
END_TEST

START_TEST(a_contrib_lstm_has_the_shapes_of_lstm)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "seq b 8");
    struct quern_value *codes = add_input(graph, "w", QUERN_INT8, "1 8 64");
    struct quern_value *open =
        add_node(graph, "DynamicQuantizeLSTM", "o", in, codes);
    struct quern_value *out =
        add_node(graph, "DynamicQuantizeLSTM", "y", in, codes);
    open->producer->domain = "com.microsoft";
    out->producer->domain = "com.microsoft";
    set_int(out, "hidden_size", 16);
    infer();
    ck_assert_str_eq(type_text(out), "float [seq, 1, b, 16]");
    ck_assert_str_eq(type_text(open), "float ?");
}
END_TEST

START_TEST(placeholders_are_not_equal)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "None None");
    const struct quern_dim *dims = NULL;
    infer();
    dims = quern_value_dims(in);
    ck_assert(!quern_dim_equal(dims[0], dims[1]));
    ck_assert(quern_dim_equal(dims[0], dims[0]));
}
END_TEST

START_TEST(value_info_is_a_hint_that_is_checked)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    struct quern_value *out = add_node(graph, "Relu", "r", in, NULL);
    static const struct quern_dim lie[] = {{3, NULL}, {9, NULL}};
    out->declared = qn_type_tensor(model, QUERN_FLOAT, 2, lie);
    infer();
    ck_assert_str_eq(type_text(out), "float [b, 8]");
}
END_TEST

static char told[400];

static void report(void *user, const struct quern_place *place, bool harmless,
                   const char *text)
{
    (void)user;
    snprintf(told, sizeof told, "%s %s: %s", harmless ? "warning" : "error",
             place->op, text);
}

START_TEST(contradictions_are_told_with_both_sides)
{
    struct quern_value *a = add_input(graph, "a", QUERN_FLOAT, "2 3");
    struct quern_value *b = add_input(graph, "b", QUERN_FLOAT, "4 5");
    struct quern_value *out = add_node(graph, "MatMul", "m", a, b);
    ck_assert_int_eq(qn_infer_check(model, report, NULL), QUERN_OK);
    ck_assert_str_eq(told, "error MatMul: inner dimension: found 3, needs 4");
    ck_assert_str_eq(type_text(out), "float [2, 5]");
}
END_TEST

START_TEST(types_set_by_passes_are_taken)
{
    static const struct quern_dim dims[] = {{2, NULL}, {-1, NULL}};
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    struct quern_value *odd = add_node(graph, "NoSuchOperator", "o", in, NULL);
    struct quern_value *out = add_node(graph, "Relu", "r", odd, NULL);
    qn_build_finish(model);
    ck_assert_int_eq(quern_value_set_type(odd, QUERN_FLOAT, 2, dims), QUERN_OK);
    infer();
    ck_assert_int_eq(quern_value_dims(out)[0].value, 2);
    ck_assert_ptr_nonnull(quern_value_dims(out)[1].expr);
}
END_TEST

START_TEST(edits_and_undo_are_seen)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    struct quern_value *other = add_input(graph, "y", QUERN_FLOAT, "b 9");
    struct quern_value *a = add_node(graph, "Relu", "a", in, NULL);
    struct quern_value *b = add_node(graph, "Abs", "b_", a, NULL);
    qn_build_finish(model);
    infer();
    const struct qn_type *before = b->type;
    struct qn_mark mark = qn_journal_mark(model);
    ck_assert_int_eq(quern_node_set_input(a->producer, 0, other), QUERN_OK);
    infer();
    ck_assert_str_eq(type_text(b), "float [b, 9]");
    qn_journal_undo(model, mark);
    infer();
    ck_assert_str_eq(type_text(b), "float [b, 8]");
    before = b->type;
    ck_assert_int_eq(quern_model_set_metadata(model, "k", "v"), QUERN_OK);
    infer();
    ck_assert_ptr_eq(b->type, before); /* the same fact, not a new one */
}
END_TEST

/* ---------------------------------------------------------------- bodies */

/* A loop whose state is joined with itself in each turn. */
static struct quern_value *add_growing_loop(struct quern_value *state)
{
    struct quern_graph *g = state->graph;
    struct quern_value *loop = add_node(g, "Loop", "loop", NULL, NULL);
    struct quern_node *node = loop->producer;
    struct quern_value *inputs[] = {NULL, NULL, state};
    struct quern_use *uses = qn_arena_alloc_n(&model->arena, 3, sizeof *uses);
    struct quern_use **list = qn_arena_alloc_n(&model->arena, 3, sizeof *list);
    for (size_t i = 0; i < 3; i++) {
        uses[i] = (struct quern_use){.value = inputs[i], .node = node};
        list[i] = &uses[i];
    }
    node->inputs = list;
    node->n_inputs = 3;
    struct quern_graph *body = add_body(loop, "body");
    (void)add_input(body, "i", QUERN_INT64, "");
    struct quern_value *on = add_input(body, "c", QUERN_BOOL, "");
    struct quern_value *s = add_input(body, "s", QUERN_FLOAT, "");
    struct quern_value *more = add_node(body, "Concat", "more", s, s);
    set_int(more, "axis", 0);
    struct quern_value *keep = add_node(body, "Identity", "keep", on, NULL);
    ck_assert(qn_build_output(body, keep));
    ck_assert(qn_build_output(body, more));
    return loop;
}

START_TEST(growing_states_are_open)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "4 8");
    struct quern_value *loop = add_growing_loop(in);
    infer();
    ck_assert_int_eq(quern_value_rank(loop), 2);
    ck_assert_ptr_nonnull(quern_value_dims(loop)[0].expr);
    ck_assert_int_eq(quern_value_dims(loop)[1].value, 8);
}
END_TEST

START_TEST(nested_loops_do_not_explode)
{
    struct quern_value *state = add_input(graph, "x", QUERN_FLOAT, "4 8");
    for (int depth = 0; depth < 60; depth++) {
        struct quern_value *loop = add_growing_loop(state);
        struct quern_graph *body = loop->producer->attrs->u.graphs[0];
        state = body->inputs[2];
    }
    clock_t start = clock();
    infer();
    ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 2);
}
END_TEST

START_TEST(branches_are_joined)
{
    struct quern_value *cond = add_input(graph, "c", QUERN_BOOL, "");
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "4 b");
    struct quern_value *out = add_node(graph, "If", "if", cond, NULL);
    struct quern_graph *yes = add_body(out, "then_branch");
    struct quern_graph *no = add_body(out, "else_branch");
    struct quern_value *a = add_node(yes, "Relu", "a", in, NULL);
    struct quern_value *b = add_node(no, "Concat", "b_", in, in);
    set_int(b, "axis", 0);
    ck_assert(qn_build_output(yes, a));
    ck_assert(qn_build_output(no, b));
    infer();
    ck_assert_int_eq(quern_value_rank(out), 2);
    ck_assert_ptr_nonnull(quern_value_dims(out)[0].expr);
    ck_assert_ptr_eq(quern_value_dims(out)[1].expr, dim_of(model, "b").expr);
}
END_TEST

START_TEST(what_goes_into_an_empty_sequence_is_known)
{
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    static const int64_t zero[] = {0};
    struct quern_value *at = add_ints(graph, "zero", zero, 1);
    struct quern_value *none =
        add_node(graph, "SequenceEmpty", "e", NULL, NULL);
    struct quern_value *one = add_node(graph, "SequenceInsert", "i", none, in);
    struct quern_value *out = add_node(graph, "SequenceAt", "a", one, at);
    struct quern_value *nothing = add_node(graph, "SequenceAt", "n", none, at);
    infer();
    ck_assert_int_eq(quern_value_kind(one), QUERN_KIND_SEQUENCE);
    ck_assert_str_eq(type_text(out), "float [b, 8]");
    ck_assert_str_eq(type_text(nothing), "float ?");
}
END_TEST

START_TEST(numbers_are_picked_by_scalars)
{
    static const int64_t one[] = {1};
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "b 8");
    struct quern_value *at = add_ints(graph, "one", one, -1);
    struct quern_value *shape = add_node(graph, "Shape", "s", in, NULL);
    struct quern_value *out = add_node(graph, "Gather", "g", shape, at);
    infer();
    ck_assert_str_eq(type_text(out), "int64 []");
    ck_assert_str_eq(numbers_text(out), "[8]");
}
END_TEST

START_TEST(branches_that_may_not_run_only_warn)
{
    struct quern_value *cond = add_input(graph, "c", QUERN_BOOL, "");
    struct quern_value *in = add_input(graph, "x", QUERN_FLOAT, "4 5");
    struct quern_value *out = add_node(graph, "If", "if", cond, NULL);
    struct quern_graph *yes = add_body(out, "then_branch");
    struct quern_graph *no = add_body(out, "else_branch");
    ck_assert(qn_build_output(yes, add_node(yes, "MatMul", "a", in, in)));
    ck_assert(qn_build_output(no, add_node(no, "Relu", "b_", in, NULL)));
    ck_assert_int_eq(qn_infer_check(model, report, NULL), QUERN_OK);
    ck_assert_str_eq(told, "warning MatMul: inner dimension: found 5, needs 4");
}
END_TEST

/* A function of the model: y = Concat(x, x) along the axis of the call. */
static struct quern_function *add_function(const char *name)
{
    struct qn_arena *arena = &model->arena;
    struct quern_function *f = qn_arena_alloc(arena, sizeof *f);
    struct qn_opset *opset = qn_arena_alloc(arena, sizeof *opset);
    struct qn_attr *attr = qn_arena_alloc(arena, sizeof *attr);
    struct quern_graph *body = qn_graph_create(model);
    bool duplicate = false;
    ck_assert(f != NULL && opset != NULL && attr != NULL && body != NULL);
    *opset = (struct qn_opset){.domain = "", .version = 17};
    *f = (struct quern_function){.domain = "my",
                                 .name = name,
                                 .overload = "",
                                 .body = body,
                                 .n_opsets = 1,
                                 .opsets = opset,
                                 .next = model->functions};
    model->functions = f;
    body->function = f;
    struct quern_value *x = qn_build_value(body, "x", &duplicate);
    ck_assert(qn_build_input(body, x));
    struct quern_value *y = add_node(body, "Concat", "y", x, x);
    *attr = (struct qn_attr){
        .name = "axis", .type = QN_ATTR_INT, .ref_name = "along", .len = 1};
    qn_build_attr(y->producer, attr);
    ck_assert(qn_build_output(body, y));
    return f;
}

static struct quern_value *add_call(const char *name, struct quern_value *x,
                                    int64_t along)
{
    bool duplicate = false;
    struct quern_value *out = qn_build_value(graph, name, &duplicate);
    ck_assert_ptr_nonnull(
        qn_build_node(graph, "my", "Twice", "", &x, 1, &out, 1));
    set_int(out, "along", along);
    return out;
}

START_TEST(functions_are_entered_for_each_call)
{
    struct quern_function *f = add_function("Twice");
    struct quern_value *in = add_input(graph, "in", QUERN_FLOAT, "b 8");
    struct quern_value *a = add_call("a", in, 0);
    struct quern_value *b = add_call("b_", a, 1);
    infer();
    ck_assert_str_eq(type_text(a), "float [2*b, 8]");
    ck_assert_str_eq(type_text(b), "float [2*b, 16]");
    /* No call speaks for the others. */
    ck_assert_ptr_null(f->body->inputs[0]->type);
}
END_TEST

START_TEST(a_function_that_calls_itself_ends)
{
    struct quern_function *f = add_function("Twice");
    struct quern_node *inside = f->body->first;
    inside->domain = "my";
    inside->op = "Twice";
    struct quern_value *in = add_input(graph, "in", QUERN_FLOAT, "b 8");
    struct quern_value *a = add_call("a", in, 0);
    infer();
    ck_assert_int_eq(quern_value_rank(a), -1);
}
END_TEST

/* --------------------------------------------------------------- hostile */

/* Every operator of the schemas with inputs and attributes that make no sense:
 * nothing may crash, and everything must end. */
START_TEST(no_operator_minds_nonsense)
{
    static const int64_t huge[] = {INT64_MAX, INT64_MIN, -1, 0, 7};
    struct quern_value *inputs[6];
    inputs[0] = add_input(graph, "f", QUERN_FLOAT, "b 3 ? 9223372036854775807");
    inputs[1] = add_input(graph, "i", QUERN_INT64, "5");
    inputs[2] = add_input(graph, "s", QUERN_INT64, "");
    inputs[3] = add_ints(graph, "n", huge, 5);
    inputs[4] = NULL;
    inputs[5] = add_input(graph, "r", QUERN_FLOAT,
                          "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16");
    unsigned seed = 7;
    for (size_t i = 0; i < qn_schema_count(); i++) {
        const struct qn_schema *row = qn_schema_at(i);
        for (size_t n = 0; n < 7; n++) {
            struct quern_value *in[6];
            struct quern_value *out[3];
            for (size_t k = 0; k < 6; k++) {
                seed = seed * 1664525u + 1013904223u;
                in[k] = inputs[(seed >> 16) % 6];
            }
            for (size_t k = 0; k < 3; k++) {
                char name[40];
                bool duplicate = false;
                snprintf(name, sizeof name, "v%zu_%zu_%zu", i, n, k);
                out[k] = qn_build_value(graph, name, &duplicate);
            }
            ck_assert_ptr_nonnull(qn_build_node(
                graph, qn_schema_text(row->domain), qn_schema_text(row->op), "",
                in, n % 7 > 6 ? 6 : n, out, 3));
            if (n % 2 == 1) {
                set_int(out[0], "axis", huge[i % 5]);
                set_ints(out[0], "axes", huge, i % 6 > 5 ? 5 : i % 6);
                set_ints(out[0], "kernel_shape", huge + 2, 2);
                set_ints(out[0], "pads", huge, 4);
                set_ints(out[0], "perm", huge, 4);
                set_int(out[0], "to", huge[(i + 1) % 5]);
                set_int(out[0], "blocksize", huge[i % 5]);
                set_int(out[0], "dtype", 1 << 20);
            }
        }
    }
    infer();
    ck_assert_int_eq(qn_infer_check(model, report, NULL), QUERN_OK);
}
END_TEST

static double seconds_of_chain(int n_nodes)
{
    struct timespec a;
    struct timespec b;
    struct quern_model *m = model_create(17);
    static const int64_t zero[] = {0};
    struct quern_value *v = add_input(m->graph, "x", QUERN_FLOAT, "b s 64");
    struct quern_value *first = add_ints(m->graph, "zero", zero, 1);
    for (int i = 0; i < n_nodes / 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "a%d", i);
        v = add_node(m->graph, "Relu", name, v, NULL);
        snprintf(name, sizeof name, "s%d", i);
        struct quern_value *s = add_node(m->graph, "Shape", name, v, NULL);
        snprintf(name, sizeof name, "g%d", i);
        struct quern_value *g = add_node(m->graph, "Gather", name, s, first);
        snprintf(name, sizeof name, "n%d", i);
        (void)add_node(m->graph, "ConstantOfShape", name, g, NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    ck_assert_int_eq(quern_model_infer(m), QUERN_OK);
    clock_gettime(CLOCK_MONOTONIC, &b);
    ck_assert_str_eq(type_text(v), "float [b, s, 64]");
    model_destroy(&m);
    return (double)(b.tv_sec - a.tv_sec) +
           (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

START_TEST(time_is_linear)
{
    double small = seconds_of_chain(10000);
    double large = seconds_of_chain(100000);
    printf("# 10,000 nodes %.4f s, 100,000 nodes %.4f s\n", small, large);
    /* Ten times the nodes; the margin is for a busy machine. */
    ck_assert_msg(large < 40 * small + 0.05, "%f and %f s", small, large);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("infer/infer");
    TCase *t = tcase_create("infer");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reshape_finds_the_rest);
    tcase_add_test(t, shapes_are_followed_through_arithmetic);
    tcase_add_test(t, unknown_operators_stop_nothing);
    tcase_add_test(t, a_contrib_lstm_has_the_shapes_of_lstm);
    tcase_add_test(t, placeholders_are_not_equal);
    tcase_add_test(t, value_info_is_a_hint_that_is_checked);
    tcase_add_test(t, contradictions_are_told_with_both_sides);
    tcase_add_test(t, types_set_by_passes_are_taken);
    tcase_add_test(t, edits_and_undo_are_seen);
    tcase_add_test(t, growing_states_are_open);
    tcase_add_test(t, nested_loops_do_not_explode);
    tcase_add_test(t, branches_are_joined);
    tcase_add_test(t, what_goes_into_an_empty_sequence_is_known);
    tcase_add_test(t, numbers_are_picked_by_scalars);
    tcase_add_test(t, branches_that_may_not_run_only_warn);
    tcase_add_test(t, functions_are_entered_for_each_call);
    tcase_add_test(t, a_function_that_calls_itself_ends);
    tcase_add_test(t, no_operator_minds_nonsense);
    tcase_add_test(t, time_is_linear);
    suite_add_tcase(suite, t);
    return suite;
}
