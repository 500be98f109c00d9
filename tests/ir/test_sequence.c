/* Walks over a graph too large for a plain list, and erasing all that is dead.
 */
#include "ir/build.h"
#include "ir/sequence.h"
#include "qtest.h"
#include "support.h"

#include <string.h>

enum { N_MORE = 3000 };

static struct chain c;
static struct quern_node *more[N_MORE];

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

static struct quern_node *add(const char *op, struct quern_value *from,
                              struct quern_node *before)
{
    struct quern_value *v = NULL;
    struct quern_node *node = NULL;
    good(quern_value_create(c.graph, "m", &v));
    good(quern_node_create(c.graph, before, op, "m", &from, 1, &v, 1, &node));
    return node;
}

/* Nodes read x and stand in front of any other, so that their order is not that
 * of their ids. Every third one is an Abs. */
static void open_all(void)
{
    uint32_t state = 1;
    chain_create(&c);
    for (int i = 0; i < N_MORE; i++) {
        state = state * 1664525u + 1013904223u;
        struct quern_node *before =
            i > 0 ? more[(state >> 8) % (uint32_t)i] : c.relu;
        more[i] = add(i % 3 == 0 ? "Abs" : "Neg", c.x, before);
    }
}

static void close_all(void)
{
    chain_destroy(&c);
}

static bool is_abs(const struct qn_op_type *op, void *user)
{
    ++*(size_t *)user;
    return strcmp(op->op, "Abs") == 0;
}

START_TEST(walks_give_all_nodes_in_their_order)
{
    struct qn_walk walk;
    const struct quern_node *node = NULL;
    for (int round = 0; round < 2; round++) {
        node = c.graph->first;
        qn_walk_begin(&walk, c.graph, false, NULL, NULL, NULL);
        ck_assert_ptr_nonnull(walk.sequence);
        for (; node != NULL; node = node->next) {
            ck_assert_ptr_eq(qn_walk_next(&walk), node);
        }
        ck_assert_ptr_null(qn_walk_next(&walk));
        qn_walk_end(&walk);
        /* The second time they stand elsewhere. */
        good(quern_node_move(more[7], c.graph->first));
        (void)add("Neg", c.x, more[50]);
    }
    qn_walk_begin(&walk, c.graph, true, NULL, NULL, NULL);
    for (node = c.graph->last; node != NULL; node = node->prev) {
        ck_assert_ptr_eq(qn_walk_next(&walk), node);
    }
    ck_assert_ptr_null(qn_walk_next(&walk));
    qn_walk_end(&walk);
}
END_TEST

START_TEST(walks_give_the_operators_that_are_asked_for)
{
    struct qn_walk walk;
    size_t n_asked = 0;
    const struct quern_node *node = c.graph->first;
    qn_walk_begin(&walk, c.graph, false, is_abs, NULL, &n_asked);
    for (size_t i = 0; i < N_MORE / 3; i++, node = node->next) {
        while (strcmp(node->op, "Abs") != 0) {
            node = node->next;
        }
        ck_assert_ptr_eq(qn_walk_next(&walk), node);
    }
    ck_assert_ptr_null(qn_walk_next(&walk));
    qn_walk_end(&walk);
    ck_assert_uint_le(n_asked, 8); /* once each */
}
END_TEST

/* Along the list (i = 0) as along a sequence. */
START_TEST(edits_during_a_walk_count)
{
    struct qn_walk walk;
    size_t n_asked = 0;
    struct qn_mark mark = qn_journal_mark(c.model);
    qn_walk_begin(&walk, c.graph, false, is_abs, NULL, &n_asked);
    if (_i == 0) {
        qn_walk_end(&walk);
    }
    struct quern_node *first = qn_walk_next(&walk);
    ck_assert_str_eq(first->op, "Abs");
    /* The three behind it: one turns into an Abs, one goes, one turns too, with
     * a new one in front of it. */
    struct quern_node *turned = first->next;
    struct quern_node *gone = turned->next;
    struct quern_node *then = gone->next;
    good(quern_node_set_op(turned, "Abs"));
    good(quern_node_set_op(gone, "Abs"));
    good(quern_node_erase(gone));
    (void)add("Abs", c.x, then);
    good(quern_node_set_op(then, "Abs"));
    ck_assert_ptr_eq(qn_walk_next(&walk), turned);
    good(quern_node_erase(turned)); /* the one at hand */
    ck_assert_ptr_eq(qn_walk_next(&walk), then);
    qn_walk_end(&walk);
    qn_journal_undo(c.model, mark);
    check_index(c.model);
    size_t n = 0;
    qn_walk_begin(&walk, c.graph, false, NULL, NULL, NULL);
    while (qn_walk_next(&walk) != NULL) {
        n++;
    }
    qn_walk_end(&walk);
    ck_assert_uint_eq(n, c.graph->n_nodes);
}
END_TEST

START_TEST(all_that_is_dead_goes)
{
    struct quern_value *unread = NULL;
    struct quern_tensor *t = NULL;
    int64_t number = 1;
    /* A chain, one that makes nothing at all, a constant without reader. */
    struct quern_node *behind = add("Neg", more[5]->outputs[0], NULL);
    (void)add("Neg", behind->outputs[0], NULL);
    good(quern_node_set_output(more[9], 0, NULL));
    good(quern_tensor_of_ints(c.context, 1, &number, &t));
    good(quern_constant_create(c.graph, "k", t, &unread));
    quern_tensor_release(&t);
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_graph_erase_dead(c.graph));
    ck_assert_uint_eq(c.graph->n_nodes, 3);
    ck_assert(c.graph->first == c.relu && c.graph->last == c.identity);
    ck_assert(quern_value_erased(unread) && !quern_value_erased(c.w));
    ck_assert(!quern_value_erased(c.x));
    check_index(c.model);
    qn_journal_undo(c.model, mark);
    ck_assert_uint_eq(c.graph->n_nodes, N_MORE + 5);
    check_index(c.model);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("sequence");
    TCase *all = tcase_create("sequence");
    tcase_add_checked_fixture(all, open_all, close_all);
    tcase_add_test(all, walks_give_all_nodes_in_their_order);
    tcase_add_test(all, walks_give_the_operators_that_are_asked_for);
    tcase_add_loop_test(all, edits_during_a_walk_count, 0, 2);
    tcase_add_test(all, all_that_is_dead_goes);
    suite_add_tcase(suite, all);
    return suite;
}
