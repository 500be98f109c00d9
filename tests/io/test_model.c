/* Reading and writing models: bytes kept, bytes refused. */
#include <quern/graph.h>

#include "qtest.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

static struct quern_context *context_of(void)
{
    struct quern_context *context = NULL;
    good(quern_context_create(NULL, &context));
    return context;
}

static void refuses(const struct wire *w, enum quern_code wanted,
                    const char *words)
{
    struct quern_context *context = context_of();
    struct quern_model *model = NULL;
    char line[1024];
    ck_assert_int_eq(
        quern_model_open_memory(context, w->bytes, w->size, NULL, &model),
        wanted);
    quern_message_format(quern_error(context), line, sizeof line);
    ck_assert_msg(strstr(line, words) != NULL, "no '%s' in: %s", words, line);
    quern_context_destroy(&context);
}

START_TEST(an_untouched_model_goes_out_byte_for_byte)
{
    struct wire model = {.size = 0};
    wire_model(&model, NULL);
    wire_text(&model, 1999, "a field of later");
    wire_text(&model, 2, "producer after the others");
    const char *folder = wire_folder();
    const char *path = wire_write(folder, "a.onnx", model.bytes, model.size);
    struct quern_context *context = context_of();
    struct quern_model *m = NULL;
    good(quern_model_open(context, path, &m));
    good(quern_model_save(m, wire_path(folder, "b.onnx"), NULL));
    ck_assert(wire_same(path, wire_path(folder, "b.onnx")));
    /* Over itself, while its bytes are mapped. */
    good(quern_model_save(m, path, NULL));
    ck_assert(wire_same(path, wire_path(folder, "b.onnx")));
    quern_model_destroy(&m);
    quern_context_destroy(&context);
    wire_remove(folder);
}
END_TEST

START_TEST(an_edit_is_written_and_read_again)
{
    struct wire model = {.size = 0};
    wire_model(&model, NULL);
    wire_text(&model, 2, "not where a writer would put it");
    const char *folder = wire_folder();
    const char *path = wire_write(folder, "a.onnx", model.bytes, model.size);
    const char *out = wire_path(folder, "b.onnx");
    struct quern_context *context = context_of();
    struct quern_model *m = NULL;
    good(quern_model_open(context, path, &m));
    good(quern_node_set_int(quern_graph_first(quern_model_graph(m)), "k", 1));
    ck_assert_uint_eq(quern_model_n_edits(m), 1);
    good(quern_model_save(m, out, NULL));
    ck_assert(!wire_same(path, out));
    quern_model_destroy(&m);
    good(quern_model_open(context, out, &m));
    ck_assert(
        quern_node_has_attr(quern_graph_first(quern_model_graph(m)), "k"));
    ck_assert_str_eq(quern_model_producer(m),
                     "not where a writer would put it");
    quern_model_destroy(&m);
    quern_context_destroy(&context);
    wire_remove(folder);
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_old_file)
{
    struct wire model = {.size = 0};
    wire_model(&model, NULL);
    const char *folder = wire_folder();
    const char *path = wire_write(folder, "a.onnx", model.bytes, model.size);
    struct quern_context *context = context_of();
    struct quern_model *m = NULL;
    good(quern_model_open(context, path, &m));
    ck_assert_int_eq(quern_model_save(m, wire_path(folder, "no/b.onnx"), NULL),
                     QUERN_IO);
    quern_clear(context);
    ck_assert_int_eq(quern_model_save(m, folder, NULL), QUERN_IO);
    quern_clear(context);
    ck_assert_int_eq(quern_model_save(m, "/dev/null", NULL), QUERN_IO);
    quern_clear(context);
    quern_context_cancel(context);
    ck_assert_int_eq(quern_model_save(m, path, NULL), QUERN_CANCELLED);
    quern_clear(context);
    quern_model_destroy(&m);
    struct stat info;
    good(stat(path, &info) == 0 ? QUERN_OK : QUERN_IO);
    ck_assert_int_eq(info.st_size, (off_t)model.size);
    char command[128];
    snprintf(command, sizeof command, "ls -A '%s' | grep -c . | grep -qx 1",
             folder);
    ck_assert_int_eq(system(command), 0); /* no temporary file is left */
    quern_context_destroy(&context);
    wire_remove(folder);
}
END_TEST

START_TEST(wrong_names_are_refused_with_their_place)
{
    struct wire extra = {.size = 0};
    struct wire model = {.size = 0};
    wire_node(&extra, "Neg", "nowhere", NULL, "z");
    wire_model(&model, &extra);
    refuses(&model, QUERN_INVALID_MODEL, "'nowhere'");
    extra.size = 0;
    wire_node(&extra, "Neg", "x", NULL, "y");
    wire_model(&model, &extra);
    refuses(&model, QUERN_INVALID_MODEL, "value is made twice");
    extra.size = 0;
    wire_node(&extra, "Neg", "q", NULL, "p");
    wire_node(&extra, "Neg", "p", NULL, "q");
    wire_model(&model, &extra);
    refuses(&model, QUERN_INVALID_MODEL, "cycle");
    extra.size = 0;
    wire_info(&extra, 12, "nothing");
    wire_model(&model, &extra);
    refuses(&model, QUERN_INVALID_MODEL, "graph output is made nowhere");
    extra.size = 0;
    wire_node(&extra, "Neg", "x", NULL, "z");
    extra.bytes[extra.size - 2] = '\0'; /* inside the operator's name */
    wire_model(&model, &extra);
    refuses(&model, QUERN_MALFORMED, "NUL");
}
END_TEST

START_TEST(nodes_out_of_order_are_sorted_and_told)
{
    struct wire extra = {.size = 0};
    struct wire model = {.size = 0};
    struct quern_context *context = context_of();
    struct quern_model *m = NULL;
    wire_node(&extra, "Neg", "b", NULL, "c");
    wire_node(&extra, "Abs", "x", NULL, "b");
    wire_model(&model, &extra);
    good(quern_model_open_memory(context, model.bytes, model.size, NULL, &m));
    ck_assert_uint_eq(quern_n_messages(context), 1);
    ck_assert_str_eq(quern_node_op(quern_graph_last(quern_model_graph(m))),
                     "Neg");
    good(quern_model_verify(m, NULL, NULL));
    quern_model_destroy(&m);
    quern_context_destroy(&context);
}
END_TEST

START_TEST(every_cut_is_refused)
{
    struct wire whole = {.size = 0};
    wire_model(&whole, NULL);
    struct quern_context *context = context_of();
    for (size_t n = 0; n < whole.size; n++) {
        struct quern_model *m = NULL;
        unsigned char *copy = malloc(n + 1); /* so that valgrind sees reads */
        memcpy(copy, whole.bytes, n);
        enum quern_code code =
            quern_model_open_memory(context, copy, n, NULL, &m);
        /* Between two fields of the model a cut is a model, without opset. */
        ck_assert(code == QUERN_OK || quern_error(context) != NULL);
        ck_assert(code == QUERN_OK || code == QUERN_MALFORMED ||
                  code == QUERN_INVALID_MODEL);
        quern_model_destroy(&m);
        quern_clear(context);
        free(copy);
    }
    quern_context_destroy(&context);
}
END_TEST

START_TEST(checking_tells_all_at_once)
{
    struct wire extra = {.size = 0};
    struct wire model = {.size = 0};
    struct wire tensor = {.size = 0};
    wire_node(&extra, "Ngeg", "nowhere", NULL, "z");
    wire_node(&extra, "Neg", "x", "x", "y");
    wire_int(&tensor, 1, 5);
    wire_int(&tensor, 2, 1);
    wire_text(&tensor, 8, "short");
    wire_bytes(&tensor, 9, "abc", 3);
    wire_message(&extra, 5, &tensor);
    wire_model(&model, &extra);
    const char *folder = wire_folder();
    const char *path = wire_write(folder, "a.onnx", model.bytes, model.size);
    struct quern_context *context = context_of();
    ck_assert_int_eq(quern_model_check(context, path, NULL, NULL),
                     QUERN_INVALID_MODEL);
    /* twice made, short tensor, read nowhere, unknown operator, arity */
    ck_assert_uint_eq(quern_n_messages(context), 4);
    quern_context_destroy(&context);
    wire_remove(folder);
}
END_TEST

static void count_warning(void *user, const struct quern_message *finding)
{
    size_t *n = user;
    ck_assert_int_eq(finding->severity, QUERN_SEVERITY_WARNING);
    *n += 1;
}

START_TEST(odd_names_are_warned_of)
{
    struct wire extra = {.size = 0};
    struct wire model = {.size = 0};
    size_t n = 0;
    wire_node(&extra, "Neg", "x", NULL, "bell\a");
    wire_node(&extra, "Neg", "x", NULL, "latin\xe9");
    wire_node(&extra, "Neg", "x", NULL, "gr\xc3\xbc\xc3\x9f");
    wire_model(&model, &extra);
    const char *folder = wire_folder();
    const char *path = wire_write(folder, "a.onnx", model.bytes, model.size);
    struct quern_context *context = context_of();
    good(quern_model_check(context, path, count_warning, &n));
    ck_assert_uint_eq(n, 2);
    quern_context_destroy(&context);
    wire_remove(folder);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("io/model");
    TCase *tests = tcase_create("model");
    tcase_add_test(tests, an_untouched_model_goes_out_byte_for_byte);
    tcase_add_test(tests, an_edit_is_written_and_read_again);
    tcase_add_test(tests, what_cannot_be_written_leaves_the_old_file);
    tcase_add_test(tests, wrong_names_are_refused_with_their_place);
    tcase_add_test(tests, nodes_out_of_order_are_sorted_and_told);
    tcase_add_test(tests, every_cut_is_refused);
    tcase_add_test(tests, checking_tells_all_at_once);
    tcase_add_test(tests, odd_names_are_warned_of);
    suite_add_tcase(suite, tests);
    return suite;
}
