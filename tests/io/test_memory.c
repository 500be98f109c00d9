/* Opening, checking, printing, editing and saving with every allocation failing
 * once: an error or a result, no crash, and files that are whole. */
#include <quern/graph.h>

#include "qtest.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);

static int left = -1; /* allocations that still work; -1: all */

static bool fails(void)
{
    if (left == 0) {
        return true;
    }
    left -= left > 0;
    return false;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

struct job {
    struct quern_context *context;
    const char *in;
    const char *out;
    size_t n_found;
};

typedef enum quern_code (*job_fn)(struct job *job);

static void run_all(job_fn fn, struct job *job)
{
    for (int n = 0; n < 2000; n++) {
        left = n;
        enum quern_code code = fn(job);
        bool was_enough = left > 0;
        left = -1;
        ck_assert_msg(code == QUERN_OK || code == QUERN_NO_MEMORY, "%s",
                      quern_error(job->context) != NULL
                          ? quern_error(job->context)->text
                          : "?");
        quern_clear(job->context);
        if (was_enough) {
            ck_assert_int_eq(code, QUERN_OK);
            return;
        }
    }
    ck_abort_msg("2000 allocations were not enough");
}

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

static enum quern_code check(struct job *job)
{
    return quern_model_check(job->context, job->in, on_finding, job);
}

static enum quern_code check_wrong(struct job *job)
{
    enum quern_code code = check(job);
    return code == QUERN_INVALID_MODEL ? QUERN_OK : code;
}

static enum quern_code edit_and_save(struct job *job)
{
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

START_TEST(no_allocation_is_trusted)
{
    struct wire model = {.size = 0};
    struct job job = {.n_found = 0};
    const char *folder = wire_folder();
    make_model(&model);
    job.in = wire_write(folder, "in.onnx", model.bytes, model.size);
    job.out = wire_path(folder, "out.onnx");
    ck_assert_int_eq(quern_context_create(NULL, &job.context), QUERN_OK);
    run_all(check, &job);
    ck_assert_uint_eq(job.n_found, 0);
    run_all(edit_and_save, &job);
    char command[256];
    /* The model and its data, nothing half written. */
    snprintf(command, sizeof command, "ls '%s' | grep -c . | grep -qx 3",
             folder);
    ck_assert_int_eq(system(command), 0);
    job.in = job.out;
    run_all(check_wrong, &job); /* attribute 'k' */
    ck_assert_uint_gt(job.n_found, 0);
    quern_context_destroy(&job.context);
    wire_remove(folder);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("io/memory");
    TCase *tests = tcase_create("memory");
    tcase_add_test(tests, no_allocation_is_trusted);
    suite_add_tcase(suite, tests);
    return suite;
}
