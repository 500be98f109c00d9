/* Edits: what they do, what they refuse, and that undoing leaves no trace. */
#include <quern/table.h>

#include "ir/build.h"
#include "ir/names.h"
#include "ir/verify.h"
#include "qtest.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

static void valid(struct quern_model *model)
{
    struct quern_context *context = quern_model_context(model);
    enum quern_code code = quern_model_verify(model, NULL, NULL);
    ck_assert_msg(code == QUERN_OK, "%s",
                  quern_error(context) != NULL ? quern_error(context)->text
                                               : "?");
}

static void refused(struct quern_context *context, enum quern_code code,
                    enum quern_code wanted, const char *words)
{
    ck_assert_int_eq(code, wanted);
    ck_assert_ptr_nonnull(quern_error(context));
    ck_assert_msg(strstr(quern_error(context)->text, words) != NULL,
                  "no '%s' in '%s'", words, quern_error(context)->text);
    quern_clear(context);
}

/* The whole model as text: what tests compare. */
struct text {
    char bytes[1 << 16];
    size_t size;
};

static bool put(void *user, const char *bytes, size_t size)
{
    struct text *t = user;
    ck_assert_uint_lt(t->size + size, sizeof t->bytes);
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
    t->bytes[t->size] = '\0';
    return true;
}

static char *print(const struct quern_model *model)
{
    struct text *t = calloc(1, sizeof *t);
    good(quern_model_print(model, QUERN_PRINT_TEXT, put, t));
    char *copy = strdup(t->bytes);
    free(t);
    return copy;
}

/* ---------------------------------------------------------------- edits */

START_TEST(replaced_uses_are_those_of_bodies_too)
{
    struct nest n;
    nest_create(&n);
    struct quern_value *captured = quern_node_output(n.first, 0);
    good(quern_replace_uses(captured, n.x, false));
    ck_assert_ptr_eq(quern_node_input(n.inner, 0), n.x);
    ck_assert_uint_eq(quern_value_n_uses(captured), 0);
    ck_assert_uint_eq(quern_value_n_uses(n.x), 3);
    good(quern_node_erase(n.first));
    ck_assert(quern_node_erased(n.first));
    valid(n.model);
    nest_destroy(&n);
}
END_TEST

START_TEST(graph_outputs_keep_their_names)
{
    struct chain c;
    chain_create(&c);
    struct quern_value *a = quern_node_output(c.add, 0);
    good(quern_replace_value(c.y, a, true));
    ck_assert_ptr_eq(quern_graph_output(c.graph, 0), c.y);
    ck_assert_str_eq(quern_value_name(c.y), "y");
    ck_assert_ptr_eq(quern_value_producer(c.y), c.add);
    good(quern_node_erase(c.identity));
    valid(c.model);
    /* An input cannot take the name: an Identity stands between. */
    good(quern_replace_value(c.y, c.x, true));
    ck_assert_str_eq(quern_node_op(quern_value_producer(c.y)), "Identity");
    good(quern_node_erase_dead(c.add)); /* what made y before */
    valid(c.model);
    chain_destroy(&c);
}
END_TEST

START_TEST(what_is_in_use_cannot_be_erased)
{
    struct chain c;
    chain_create(&c);
    refused(c.context, quern_node_erase(c.relu), QUERN_INVALID_ARGUMENT,
            "still has uses");
    refused(c.context, quern_value_erase(c.w), QUERN_INVALID_ARGUMENT,
            "in use");
    refused(c.context, quern_value_erase(c.x), QUERN_INVALID_ARGUMENT,
            "in use");
    ck_assert_uint_eq(quern_model_n_edits(c.model), 0);
    chain_destroy(&c);
}
END_TEST

START_TEST(erased_things_are_refused_by_name)
{
    struct chain c;
    chain_create(&c);
    good(quern_replace_value(c.y, quern_node_output(c.add, 0), true));
    good(quern_node_erase(c.identity));
    refused(c.context, quern_node_set_int(c.identity, "axis", 1),
            QUERN_INVALID_ARGUMENT, "erased");
    refused(c.context, quern_node_move(c.identity, NULL),
            QUERN_INVALID_ARGUMENT, "erased");
    chain_destroy(&c);
}
END_TEST

START_TEST(dead_chains_go_with_their_constants)
{
    struct chain c;
    chain_create(&c);
    good(quern_replace_value(c.y, c.x, true));
    good(quern_node_erase_dead(c.identity));
    ck_assert(quern_node_erased(c.add) && quern_node_erased(c.relu));
    ck_assert(quern_value_erased(c.w) && !quern_value_erased(c.x));
    ck_assert_ptr_null(quern_graph_first_initializer(c.graph));
    valid(c.model);
    chain_destroy(&c);
}
END_TEST

START_TEST(new_names_are_free_in_the_whole_model)
{
    struct nest n;
    struct quern_value *v = NULL;
    nest_create(&n);
    good(quern_value_create(n.graph, "b", &v)); /* a name of the body */
    ck_assert_str_eq(quern_value_name(v), "b_1");
    good(quern_value_create(n.graph, "b", &v));
    ck_assert_str_eq(quern_value_name(v), "b_2");
    good(quern_value_create(n.body, "fresh", &v));
    ck_assert_str_eq(quern_value_name(v), "fresh");
    ck_assert_ptr_null(quern_graph_find(n.graph, "fresh"));
    ck_assert_ptr_eq(quern_graph_find(n.body, "captured"),
                     quern_node_output(n.first, 0));
    nest_destroy(&n);
}
END_TEST

START_TEST(nodes_between_neighbours_never_run_out_of_room)
{
    struct chain c;
    chain_create(&c);
    struct quern_node *before = c.add;
    for (int i = 0; i < 200; i++) { /* a gap of 2^32 halves 32 times */
        struct quern_value *v = NULL;
        struct quern_node *node = NULL;
        good(quern_value_create(c.graph, "t", &v));
        good(quern_node_create(c.graph, before, "Neg", "", &c.x, 1, &v, 1,
                               &node));
        before = node;
    }
    ck_assert_uint_eq(quern_graph_n_nodes(c.graph), 203);
    valid(c.model);
    chain_destroy(&c);
}
END_TEST

/* ----------------------------------------------------------------- undo */

static uint32_t pick(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static struct quern_node *any_node(struct quern_graph *graph, uint32_t *state)
{
    size_t n = quern_graph_n_nodes(graph);
    struct quern_node *node = quern_graph_first(graph);
    for (uint32_t i = pick(state, (uint32_t)n); i > 0; i--) {
        node = quern_node_next(node);
    }
    return node;
}

/* One edit of any kind; what is refused is no matter. */
static void any_edit(struct chain *c, struct quern_table *table,
                     uint32_t *state)
{
    static const char *const ops[] = {"Neg", "Abs", "com.acme.Op", "Identity"};
    struct quern_node *node = any_node(c->graph, state);
    struct quern_value *out = node != NULL ? quern_node_output(node, 0) : NULL;
    struct quern_value *v = NULL;
    struct quern_tensor *tensor = NULL;
    int64_t number = pick(state, 1000);
    if (node == NULL || out == NULL) {
        return;
    }
    switch (pick(state, 17)) {
    case 0:
        if (quern_value_create(c->graph, "n", &v) == QUERN_OK) {
            (void)!quern_node_create(c->graph, node, ops[pick(state, 4)], "n",
                                     &c->x, 1, &v, 1, &node);
        }
        break;
    case 1:
        (void)!quern_node_set_op(node, ops[pick(state, 4)]);
        break;
    case 2:
        (void)!quern_node_set_int(node, "axis", number);
        break;
    case 3:
        (void)!quern_node_remove_attr(node, "axis");
        break;
    case 4:
        (void)!quern_node_move(node, any_node(c->graph, state));
        break;
    case 5:
        (void)!quern_node_set_input(node, pick(state, 3),
                                    pick(state, 2) ? c->x : c->w);
        break;
    case 6:
        (void)!quern_replace_uses(out, c->x, pick(state, 2) != 0);
        break;
    case 7:
        (void)!quern_node_erase_dead(node);
        break;
    case 8:
        good(quern_tensor_of_ints(c->context, 1, &number, &tensor));
        if (!quern_value_erased(c->w)) {
            (void)!quern_value_set_constant(c->w, tensor, false);
        }
        (void)!quern_constant_create(c->graph, "k", tensor, &v);
        quern_tensor_release(&tensor);
        break;
    case 9:
        (void)!quern_value_set_type(out, QUERN_INT8, -1, NULL);
        break;
    case 10:
        (void)!quern_model_set_opset(c->model, "com.acme", number + 1);
        break;
    case 11:
        (void)!quern_model_set_metadata(c->model, "k",
                                        pick(state, 2) ? "v" : NULL);
        break;
    case 12:
        (void)!quern_table_set(table, quern_value_id(out), &number);
        break;
    case 13:
        (void)!quern_value_rename(out, pick(state, 2) ? "u" : "x");
        break;
    case 14:
        (void)!quern_graph_set_outputs(c->graph, &out, 1);
        break;
    case 15:
        (void)!quern_node_set_output(node, 0, NULL);
        (void)!quern_graph_set_inputs(
            c->graph, (struct quern_value *[]){c->x, out}, 1 + pick(state, 2));
        break;
    default:
        (void)!quern_replace_value(c->y, out, false);
        break;
    }
    quern_clear(c->context);
}

START_TEST(any_edits_can_be_undone)
{
    uint32_t state = (uint32_t)_i * 7919u + 1u;
    struct chain c;
    struct quern_table *table = NULL;
    int64_t first = 42;
    chain_create(&c);
    good(quern_table_open(c.model, "test", QUERN_TABLE_VALUE, sizeof first,
                          &table));
    good(quern_table_set(table, quern_value_id(c.x), &first));
    qn_journal_commit(c.model);
    /* A state in the middle, not only the first one. */
    for (int i = 0; i < _i % 5; i++) {
        any_edit(&c, table, &state);
    }
    char *before = print(c.model);
    uint64_t n_edits = quern_model_n_edits(c.model);
    size_t n_entries = quern_table_count(table);
    struct qn_mark mark = qn_journal_mark(c.model);
    for (int i = 0; i < 40; i++) {
        any_edit(&c, table, &state);
    }
    check_index(c.model);
    qn_journal_undo(c.model, mark);
    check_index(c.model);
    char *after = print(c.model);
    ck_assert_str_eq(before, after);
    ck_assert_uint_eq(quern_model_n_edits(c.model), n_edits);
    ck_assert_uint_eq(quern_table_count(table), n_entries);
    if (_i % 5 == 0) { /* nothing had been edited: the model is valid */
        ck_assert_int_eq(
            *(const int64_t *)quern_table_get(table, quern_value_id(c.x)), 42);
        valid(c.model);
    }
    free(before);
    free(after);
    chain_destroy(&c);
}
END_TEST

START_TEST(pointers_stay_good_over_an_undo)
{
    struct chain c;
    struct quern_value *v = NULL;
    struct quern_node *node = NULL;
    chain_create(&c);
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_value_create(c.graph, "n", &v));
    good(quern_node_create(c.graph, c.add, "Neg", "n", &c.x, 1, &v, 1, &node));
    good(quern_node_set_input(c.add, 0, v));
    qn_journal_undo(c.model, mark);
    ck_assert(quern_node_erased(node) && quern_value_erased(v));
    ck_assert_str_eq(quern_value_name(quern_node_input(c.add, 0)), "r");
    refused(c.context, quern_node_set_input(c.add, 0, v),
            QUERN_INVALID_ARGUMENT, "erased");
    chain_destroy(&c);
}
END_TEST

/* --------------------------------------------------------------- tables */

START_TEST(tables_follow_what_passes_say)
{
    struct chain c;
    struct quern_table *table = NULL;
    int entry = 7;
    chain_create(&c);
    struct quern_value *r = quern_node_output(c.relu, 0);
    struct quern_value *a = quern_node_output(c.add, 0);
    good(quern_table_open(c.model, "t", QUERN_TABLE_VALUE, sizeof entry,
                          &table));
    good(quern_table_set(table, quern_value_id(r), &entry));
    good(quern_replace_uses(r, c.x, false)); /* other numbers: they stay */
    ck_assert_ptr_null(quern_table_get(table, quern_value_id(c.x)));
    good(quern_table_set(table, quern_value_id(a), &entry));
    good(quern_replace_uses(a, c.x, true)); /* the same: they move */
    ck_assert_ptr_nonnull(quern_table_get(table, quern_value_id(c.x)));
    good(quern_node_erase(c.relu)); /* gone with their owner */
    ck_assert_ptr_null(quern_table_get(table, quern_value_id(r)));
    refused(
        c.context,
        quern_table_open(c.model, "t", QUERN_TABLE_NODE, sizeof entry, &table),
        QUERN_INVALID_ARGUMENT, "");
    chain_destroy(&c);
}
END_TEST

START_TEST(attributes_are_read_through_the_schema)
{
    struct chain c;
    int64_t i = 0;
    float f = 0.0F;
    chain_create(&c);
    good(quern_node_set_op(c.relu, "LeakyRelu"));
    good(quern_node_attr_float(c.relu, "alpha", &f));
    ck_assert(f > 0.0099F && f < 0.0101F);
    ck_assert_int_eq(quern_node_attr_int(c.relu, "none", &i), QUERN_NOT_FOUND);
    ck_assert_ptr_null(quern_error(c.context));
    good(quern_node_set_int(c.relu, "alpha", 3));
    refused(c.context, quern_node_attr_float(c.relu, "alpha", &f),
            QUERN_INVALID_MODEL, "has type int, needs float");
    chain_destroy(&c);
}
END_TEST

/* Names that were given up are free, and come back when that is undone. */
START_TEST(names_change_places_and_back)
{
    struct chain c;
    chain_create(&c);
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_value_rename(c.x, "image"));
    good(quern_value_rename(c.y, "x"));
    good(quern_value_rename(c.x, "y"));
    ck_assert_ptr_eq(quern_graph_find(c.graph, "x"), c.y);
    ck_assert_ptr_eq(quern_graph_find(c.graph, "y"), c.x);
    refused(c.context, quern_value_rename(c.w, "y"), QUERN_INVALID_ARGUMENT,
            "another value is called 'y'");
    valid(c.model);
    qn_journal_undo(c.model, mark);
    ck_assert_ptr_eq(quern_graph_find(c.graph, "x"), c.x);
    ck_assert_ptr_eq(quern_graph_find(c.graph, "y"), c.y);
    valid(c.model);
    chain_destroy(&c);
}
END_TEST

START_TEST(inputs_and_outputs_are_what_they_are_set_to)
{
    struct chain c;
    chain_create(&c);
    struct quern_value *r = quern_node_output(c.relu, 0);
    struct quern_value *two[2] = {c.y, r};
    struct qn_mark mark = qn_journal_mark(c.model);
    char *before = print(c.model);
    good(quern_graph_set_outputs(c.graph, two, 2));
    ck_assert(quern_value_is_graph_output(r));
    refused(c.context, quern_graph_set_inputs(c.graph, &r, 1),
            QUERN_INVALID_ARGUMENT, "made by a node");
    good(quern_node_set_output(c.relu, 0, NULL));
    refused(c.context, quern_graph_set_inputs(c.graph, &r, 1),
            QUERN_INVALID_ARGUMENT, "still read");
    good(quern_graph_erase_dead(c.graph));
    good(quern_graph_set_inputs(c.graph, &r, 1));
    ck_assert(quern_value_erased(c.x));
    valid(c.model);
    qn_journal_undo(c.model, mark);
    check_index(c.model);
    char *after = print(c.model);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    chain_destroy(&c);
}
END_TEST

START_TEST(a_body_moves_out_and_back)
{
    struct nest n;
    struct quern_value *out[1] = {NULL};
    struct quern_value *taken = NULL;
    nest_create(&n);
    struct quern_value *b = quern_graph_output(n.body, 0);
    char *before = print(n.model);
    struct qn_mark mark = qn_journal_mark(n.model);
    good(quern_graph_inline(n.body, out));
    ck_assert_ptr_eq(out[0], b);
    ck_assert_str_eq(quern_value_name(b), "b");
    ck_assert_ptr_eq(quern_graph_find(n.graph, "b"), b);
    ck_assert_ptr_eq(quern_node_graph(n.inner), n.graph);
    ck_assert_ptr_eq(quern_node_next(n.inner), n.branch);
    ck_assert_ptr_eq(quern_node_prev(n.inner), n.first);
    ck_assert_uint_eq(quern_graph_n_nodes(n.graph), 3);
    ck_assert(!quern_value_is_graph_output(b));
    good(quern_replace_value(quern_graph_output(n.graph, 0), b, true));
    good(quern_node_erase(n.branch));
    check_index(n.model);
    valid(n.model);
    qn_journal_undo(n.model, mark);
    check_index(n.model);
    char *after = print(n.model);
    ck_assert_str_eq(before, after);
    ck_assert_ptr_null(quern_graph_find(n.graph, "b"));
    ck_assert_ptr_eq(quern_graph_find(n.body, "b"), b);
    valid(n.model);
    /* A second value was given the name, in another body. */
    good(quern_value_create(quern_node_subgraph(n.branch, 1), "other", &taken));
    taken->name = "b";
    ck_assert(qn_names_add(n.model->names, taken));
    good(quern_graph_inline(n.body, out));
    ck_assert_str_eq(quern_value_name(b), "b_1");
    ck_assert_ptr_eq(quern_graph_find(n.graph, "b_1"), b);
    refused(n.context, quern_graph_inline(n.graph, out), QUERN_INVALID_ARGUMENT,
            "no body");
    free(before);
    free(after);
    nest_destroy(&n);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/edit");
    TCase *tests = tcase_create("edit");
    tcase_add_test(tests, replaced_uses_are_those_of_bodies_too);
    tcase_add_test(tests, graph_outputs_keep_their_names);
    tcase_add_test(tests, what_is_in_use_cannot_be_erased);
    tcase_add_test(tests, erased_things_are_refused_by_name);
    tcase_add_test(tests, dead_chains_go_with_their_constants);
    tcase_add_test(tests, new_names_are_free_in_the_whole_model);
    tcase_add_test(tests, nodes_between_neighbours_never_run_out_of_room);
    tcase_add_loop_test(tests, any_edits_can_be_undone, 0, 200);
    tcase_add_test(tests, pointers_stay_good_over_an_undo);
    tcase_add_test(tests, tables_follow_what_passes_say);
    tcase_add_test(tests, attributes_are_read_through_the_schema);
    tcase_add_test(tests, names_change_places_and_back);
    tcase_add_test(tests, inputs_and_outputs_are_what_they_are_set_to);
    tcase_add_test(tests, a_body_moves_out_and_back);
    suite_add_tcase(suite, tests);
    return suite;
}
