/* Attributes copied with the graphs that they hold. */
#include "ir/build.h"
#include "ir/edit.h"
#include "qtest.h"
#include "support.h"

#include <string.h>

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

struct text {
    char bytes[4096];
    size_t size;
};

static bool append(void *user, const char *text, size_t size)
{
    struct text *t = user;
    ck_assert_uint_lt(t->size + size, sizeof t->bytes);
    memcpy(t->bytes + t->size, text, size);
    t->size += size;
    return true;
}

/* A model as text, which says all that these tests can change. */
static struct text print(const struct quern_model *model)
{
    struct text t = {.size = 0};
    good(quern_model_print(model, QUERN_PRINT_TEXT, append, &t));
    return t;
}

static enum quern_code take_x(void *user, struct quern_value *value,
                              struct quern_value **out)
{
    const struct nest *n = user;
    *out = strcmp(quern_value_name(value), "captured") == 0 ? n->x : value;
    return QUERN_OK;
}

static enum quern_code refuse(void *user, struct quern_value *value,
                              struct quern_value **out)
{
    (void)user;
    (void)value;
    (void)out;
    return QUERN_NOT_FOUND;
}

/* A second If, without branches so far, in front of the one that there is. */
static struct quern_node *new_branch(struct nest *n, struct quern_value **out)
{
    struct quern_node *node = NULL;
    struct quern_value *cond = quern_node_input(n->branch, 0);
    good(quern_value_create(n->graph, "z", out));
    good(quern_node_create(n->graph, n->branch, "If", "", &cond, 1, out, 1,
                           &node));
    return node;
}

START_TEST(bodies_are_copied_with_all_in_them)
{
    struct nest n;
    struct quern_value *z = NULL;
    nest_create(&n);
    struct text before = print(n.model);
    struct qn_mark mark = qn_journal_mark(n.model);
    struct quern_node *node = new_branch(&n, &z);
    good(quern_node_copy_graphs(node, n.branch, "then_branch", take_x, &n));
    good(quern_node_copy_graphs(node, n.branch, "else_branch", NULL, NULL));
    good(quern_node_copy_graphs(node, n.branch, "absent", NULL, NULL));
    ck_assert_uint_eq(quern_node_n_subgraphs(node), 2);
    struct quern_graph *body = quern_node_subgraph(node, 0);
    ck_assert_ptr_ne(body, n.body);
    struct quern_node *inner = quern_graph_first(body);
    ck_assert_str_eq(quern_node_op(inner), quern_node_op(n.inner));
    ck_assert_ptr_eq(quern_node_input(inner, 0), n.x);
    ck_assert_uint_eq(quern_graph_n_outputs(body), 1);
    ck_assert_ptr_eq(quern_graph_output(body, 0), quern_node_output(inner, 0));
    ck_assert_str_ne(quern_value_name(quern_graph_output(body, 0)), "b");
    good(quern_model_verify(n.model, NULL, NULL));
    check_index(n.model);
    /* It is a graph like any other: its values have uses, it can be erased. */
    ck_assert_uint_eq(quern_value_n_uses(quern_graph_output(body, 0)), 1);
    good(quern_node_erase(node));
    ck_assert(quern_node_erased(inner));
    check_index(n.model);
    qn_journal_undo(n.model, mark);
    struct text after = print(n.model);
    ck_assert_uint_eq(after.size, before.size);
    ck_assert_int_eq(memcmp(after.bytes, before.bytes, after.size), 0);
    check_index(n.model);
    good(quern_model_verify(n.model, NULL, NULL));
    nest_destroy(&n);
}
END_TEST

START_TEST(names_of_sizes_are_not_copied)
{
    struct nest n;
    struct quern_value *z = NULL;
    nest_create(&n);
    const struct quern_dim dims[] = {{-1, qn_expr_symbol(n.model, "K")},
                                     {3, NULL}};
    struct qn_type list = {.kind = QUERN_KIND_SEQUENCE,
                           .rank = -1,
                           .element =
                               qn_type_tensor(n.model, QUERN_FLOAT, 2, dims)};
    struct quern_value *from = quern_graph_output(n.body, 0);
    struct quern_node *node = new_branch(&n, &z);
    const struct qn_type *types[] = {list.element, &list};
    for (size_t i = 0; i < 2; i++) {
        from->declared = types[i];
        from->given = types[i];
        good(quern_node_copy_graphs(node, n.branch, "then_branch", NULL, NULL));
        const struct quern_value *to =
            quern_graph_output(quern_node_subgraph(node, 0), 0);
        const struct qn_type *is[] = {to->declared, to->given};
        for (size_t k = 0; k < 2; k++) {
            ck_assert_int_eq(is[k]->kind, types[i]->kind);
            is[k] = i == 1 ? is[k]->element : is[k];
            ck_assert_int_eq(is[k]->dtype, QUERN_FLOAT);
            ck_assert_int_eq(is[k]->rank, 2);
            ck_assert_int_eq(is[k]->dims[0].value, -1);
            ck_assert_ptr_null(is[k]->dims[0].expr);
            ck_assert_int_eq(is[k]->dims[1].value, 3);
        }
        ck_assert_ptr_eq(from->declared, types[i]);
    }
    nest_destroy(&n);
}
END_TEST

START_TEST(an_operator_with_a_dot_in_its_name_stays_what_it_is)
{
    struct nest n;
    struct quern_value *z = NULL;
    struct quern_node *twin = NULL;
    bool duplicate = false;
    nest_create(&n);
    struct quern_value *a = qn_build_value(n.body, "dotted", &duplicate);
    struct quern_node *dotted =
        qn_build_node(n.body, "com.x", "my.op", "", &n.x, 1, &a, 1);
    ck_assert_ptr_nonnull(dotted);
    dotted->overload = "second";
    struct quern_node *node = new_branch(&n, &z);
    good(quern_node_copy_graphs(node, n.branch, "then_branch", NULL, NULL));
    const struct quern_node *copy =
        quern_graph_first(quern_node_subgraph(node, 0))->next;
    ck_assert_str_eq(quern_node_domain(copy), "com.x");
    ck_assert_str_eq(quern_node_op(copy), "my.op");
    ck_assert_str_eq(copy->overload, "second");
    good(quern_node_create_like(n.graph, NULL, dotted, "", &n.x, 1, NULL, 0,
                                &twin));
    ck_assert_str_eq(quern_node_domain(twin), "com.x");
    ck_assert_str_eq(quern_node_op(twin), "my.op");
    check_index(n.model);
    struct chain c;
    chain_create(&c);
    ck_assert_int_eq(quern_node_create_like(c.graph, NULL, dotted, "", &c.x, 1,
                                            NULL, 0, &twin),
                     QUERN_INVALID_ARGUMENT);
    chain_destroy(&c);
    nest_destroy(&n);
}
END_TEST

START_TEST(what_cannot_be_copied_leaves_nothing)
{
    struct nest n;
    struct quern_value *z = NULL;
    nest_create(&n);
    struct quern_node *node = new_branch(&n, &z);
    struct text before = print(n.model);
    ck_assert_int_eq(
        quern_node_copy_graphs(node, n.branch, "then_branch", refuse, NULL),
        QUERN_NOT_FOUND);
    n.body->first_value->is_opaque = true;
    ck_assert_int_eq(
        quern_node_copy_graphs(node, n.branch, "then_branch", NULL, NULL),
        QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(qtest_said(n.context), "body with a sparse initializer"));
    n.body->first_value->is_opaque = false;
    struct text after = print(n.model);
    ck_assert_uint_eq(after.size, before.size);
    ck_assert_int_eq(memcmp(after.bytes, before.bytes, after.size), 0);
    ck_assert_uint_eq(quern_node_n_subgraphs(node), 0);
    check_index(n.model);
    nest_destroy(&n);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/copy");
    TCase *tests = tcase_create("copy");
    tcase_add_test(tests, bodies_are_copied_with_all_in_them);
    tcase_add_test(tests, names_of_sizes_are_not_copied);
    tcase_add_test(tests, an_operator_with_a_dot_in_its_name_stays_what_it_is);
    tcase_add_test(tests, what_cannot_be_copied_leaves_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
