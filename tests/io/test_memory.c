/* Opening, checking, printing, editing and saving with every allocation failing
 * once: an error or a result, no crash, and files that are whole. */
#include <quern/graph.h>
#include <quern/run.h>

#include "base/file.h"
#include "io/io.h"
#include "oom.h"
#include "qtest.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
    struct quern_context *context;
    const char *in;
    const char *out;
    size_t n_found;
};

static bool swallow(void *user, const char *text, size_t size)
{
    (void)user;
    (void)text;
    return size > 0;
}

static void on_finding(void *user, const struct quern_message *finding)
{
    struct job *job = user;
    job->n_found += finding->text != NULL;
}

/* A body whose nodes read from outside, weights, functions, an unknown type. */
static void make_model(struct wire *model)
{
    static const unsigned char weight[2048];
    struct wire extra = {.size = 0};
    struct wire tensor = {.size = 0};
    wire_int(&tensor, 1, 512);
    wire_int(&tensor, 2, 1);
    wire_text(&tensor, 8, "w");
    wire_bytes(&tensor, 9, weight, sizeof weight);
    wire_message(&extra, 5, &tensor);
    for (int i = 0; i < 20; i++) {
        char a[16];
        char b[16];
        snprintf(a, sizeof a, i == 0 ? "x" : "v%d", i - 1);
        snprintf(b, sizeof b, "v%d", i);
        wire_node(&extra, i % 2 ? "Neg" : "Identity", a, NULL, b);
    }
    wire_model(model, &extra);
}

static enum quern_code check(void *user)
{
    struct job *job = user;
    return quern_model_check(job->context, job->in, on_finding, job);
}

static enum quern_code check_wrong(void *user)
{
    enum quern_code code = check(user);
    return code == QUERN_INVALID_MODEL ? QUERN_OK : code;
}

static enum quern_code edit_and_save(void *user)
{
    struct job *job = user;
    struct quern_model *m = NULL;
    struct quern_save_options options = {.struct_size = sizeof options,
                                         .external = QUERN_EXTERNAL_FILE};
    enum quern_code code = quern_model_open(job->context, job->in, &m);
    if (code == QUERN_OK) {
        struct quern_node *last = quern_graph_last(quern_model_graph(m));
        code = quern_node_set_int(last, "k", 1);
    }
    if (code == QUERN_OK) {
        code = quern_model_print(m, QUERN_PRINT_TEXT, swallow, NULL);
    }
    if (code == QUERN_OK) {
        code = quern_model_save(m, job->out, &options);
    }
    quern_model_destroy(&m);
    return code;
}

/* A sequence of two tensors, inside of an optional and by itself. */
static void make_sequence(struct wire *sequence, struct wire *optional)
{
    static const float numbers[2] = {1.0f, 2.0f};
    wire_int(sequence, 2, 1);
    for (int i = 0; i < 2; i++) {
        struct wire tensor = {.size = 0};
        wire_int(&tensor, 1, 2);
        wire_int(&tensor, 2, 1);
        wire_bytes(&tensor, 9, numbers, sizeof numbers);
        wire_message(sequence, 3, &tensor);
    }
    wire_int(optional, 2, 3);
    wire_message(optional, 5, sequence);
}

static enum quern_code read_list(struct quern_context *context,
                                 const char *path, enum quern_kind kind)
{
    struct quern_tensor *t = NULL;
    enum quern_code code = qn_tensor_open(context, path, kind, &t);
    if (code == QUERN_OK) {
        ck_assert(quern_tensor_is_list(t));
        ck_assert(!quern_tensor_is_nothing(t));
        ck_assert_int_eq(quern_tensor_len(t), 2);
        ck_assert_int_eq(quern_tensor_len(quern_tensor_item(t, 1)), 2);
        ck_assert_ptr_null(quern_tensor_item(t, 2));
        ck_assert(quern_tensor_equal(t, t));
    } else {
        ck_assert_ptr_null(t);
    }
    quern_tensor_release(&t);
    return code;
}

static enum quern_code read_sequence(void *user)
{
    struct job *job = user;
    return read_list(job->context, job->in, QUERN_KIND_SEQUENCE);
}

static enum quern_code read_optional(void *user)
{
    struct job *job = user;
    return read_list(job->context, job->out, QUERN_KIND_OPTIONAL);
}

START_TEST(lists_are_read_whole_or_not_at_all)
{
    struct wire sequence = {.size = 0};
    struct wire optional = {.size = 0};
    struct job job = {.context = NULL};
    const char *folder = wire_folder();
    make_sequence(&sequence, &optional);
    job.in = wire_write(folder, "s.pb", sequence.bytes, sequence.size);
    job.out = wire_write(folder, "o.pb", optional.bytes, optional.size);
    ck_assert_int_eq(quern_context_create(NULL, &job.context), QUERN_OK);
    oom_each(job.context, 200, read_sequence, &job);
    oom_each(job.context, 200, read_optional, &job);
    quern_context_destroy(&job.context);
    wire_remove(folder);
}
END_TEST

/* More files at a time than the context has room for at first: a context of its
 * own, since the room stays. */
static enum quern_code write_many(void *user)
{
    enum { N = 9 };
    const struct job *job = user;
    struct quern_context *context = NULL;
    struct qn_writer writers[N] = {{.fd = -1}};
    enum quern_code code = quern_context_create(NULL, &context);
    for (int i = 0; i < N && code == QUERN_OK; i++) {
        code = qn_writer_open(&writers[i], context, job->out);
    }
    for (int i = 0; i < N; i++) {
        qn_writer_abort(&writers[i]);
    }
    quern_context_destroy(&context);
    return code;
}

START_TEST(many_files_are_written_at_a_time)
{
    struct job job = {.context = NULL};
    const char *folder = wire_folder();
    job.out = wire_path(folder, "out");
    ck_assert_int_eq(quern_context_create(NULL, &job.context), QUERN_OK);
    oom_each(job.context, 200, write_many, &job);
    quern_context_destroy(&job.context);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing is left */
}
END_TEST

START_TEST(no_allocation_is_trusted)
{
    struct wire model = {.size = 0};
    struct job job = {.n_found = 0};
    const char *folder = wire_folder();
    make_model(&model);
    job.in = wire_write(folder, "in.onnx", model.bytes, model.size);
    job.out = wire_path(folder, "out.onnx");
    ck_assert_int_eq(quern_context_create(NULL, &job.context), QUERN_OK);
    oom_each(job.context, 2000, check, &job);
    ck_assert_uint_eq(job.n_found, 0);
    oom_each(job.context, 2000, edit_and_save, &job);
    char command[256];
    /* The model and its data, nothing half written. */
    snprintf(command, sizeof command, "ls '%s' | grep -c . | grep -qx 3",
             folder);
    ck_assert_int_eq(system(command), 0);
    job.in = job.out;
    oom_each(job.context, 2000, check_wrong, &job); /* attribute 'k' */
    ck_assert_uint_gt(job.n_found, 0);
    quern_context_destroy(&job.context);
    wire_remove(folder);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("io/memory");
    TCase *tests = tcase_create("memory");
    tcase_add_test(tests, lists_are_read_whole_or_not_at_all);
    tcase_add_test(tests, many_files_are_written_at_a_time);
    tcase_add_test(tests, no_allocation_is_trusted);
    suite_add_tcase(suite, tests);
    return suite;
}
