/* Files that appear whole or not at all. */
#include <quern/data.h>
#include <quern/file.h>

#include "base/file.h"
#include "qtest.h"
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    const char *folder;
    const char *path; /* of "out" in it, which holds "old" */
    struct quern_context *context;
};

static void begin(struct fixture *f)
{
    f->folder = wire_folder();
    f->path = wire_write(f->folder, "out", "old", 3);
    ck_assert_int_eq(quern_context_create(NULL, &f->context), QUERN_OK);
}

/* Another context: one that was abandoned writes no more. */
static void renew(struct fixture *f)
{
    quern_context_destroy(&f->context);
    ck_assert_int_eq(quern_context_create(NULL, &f->context), QUERN_OK);
}

static void end(struct fixture *f)
{
    quern_context_destroy(&f->context);
    wire_remove(f->folder);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    (void)fread(found, 1, sizeof found - 1, file);
    fclose(file);
    return strcmp(found, text) == 0;
}

static int count_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n - 2; /* "." and ".." */
}

/* The file as it was, alone in its folder; the error says why. */
static void is_spared(struct fixture *f, enum quern_code code,
                      enum quern_code wanted, const char *why)
{
    const char *said = qtest_said(f->context);
    ck_assert_int_eq(code, wanted);
    ck_assert_msg(strstr(said, why) != NULL, "%s", said);
    ck_assert(holds(f->path, "old"));
    ck_assert_int_eq(count_files(f->folder), 1);
}

START_TEST(a_file_is_replaced_and_keeps_mode_and_link)
{
    struct fixture f;
    struct stat s;
    begin(&f);
    const char *link = wire_path(f.folder, "link");
    ck_assert_int_eq(chmod(f.path, 0640), 0);
    ck_assert_int_eq(symlink("out", link), 0);
    ck_assert_int_eq(quern_file_write(f.context, link, "new", 3), QUERN_OK);
    ck_assert(holds(f.path, "new"));
    ck_assert_int_eq(lstat(link, &s), 0);
    ck_assert(S_ISLNK(s.st_mode));
    ck_assert_int_eq(stat(f.path, &s), 0);
    ck_assert_int_eq(s.st_mode & 0777, 0640);
    ck_assert_int_eq(count_files(f.folder), 2);
    end(&f);
}
END_TEST

START_TEST(what_cannot_be_written_is_as_it_was)
{
    static const char bytes[1 << 16];
    struct rlimit all;
    struct fixture f;
    begin(&f);
    const char *below = wire_path(f.folder, "out/below");
    is_spared(&f, quern_file_write(f.context, below, "new", 3), QUERN_IO,
              "out/below: create output: Not a directory");
    is_spared(&f, quern_file_write(f.context, f.folder, "new", 3), QUERN_IO,
              "open output: Is a directory");
    if (geteuid() != 0) {
        ck_assert_int_eq(chmod(f.folder, 0500), 0);
        is_spared(&f, quern_file_write(f.context, f.path, "new", 3), QUERN_IO,
                  "create output: Permission denied");
        ck_assert_int_eq(chmod(f.folder, 0700), 0);
    }
    quern_context_cancel(f.context);
    is_spared(&f, quern_file_write(f.context, f.path, "new", 3),
              QUERN_CANCELLED, "cancelled");
    quern_context_destroy(&f.context);
    ck_assert_int_eq(quern_context_create(NULL, &f.context), QUERN_OK);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    struct rlimit small = {1000, all.rlim_max};
    /* No check between them: what Check itself writes is limited, too. */
    int failed = setrlimit(RLIMIT_FSIZE, &small);
    enum quern_code code =
        quern_file_write(f.context, f.path, bytes, sizeof bytes);
    failed = setrlimit(RLIMIT_FSIZE, &all) != 0 || failed;
    ck_assert(!failed);
    is_spared(&f, code, QUERN_IO, "write: File too large");
    end(&f);
}
END_TEST

START_TEST(a_device_is_written_to_as_it_is)
{
    struct fixture f;
    begin(&f);
    ck_assert_int_eq(quern_file_write(f.context, "/dev/null", "new", 3),
                     QUERN_OK);
    is_spared(&f, quern_file_write(f.context, "/dev/full", "new", 3), QUERN_IO,
              "/dev/full: write: No space left on device");
    end(&f);
}
END_TEST

START_TEST(an_abandoned_context_leaves_no_temporary_file)
{
    struct fixture f;
    enum { N = 50 };
    struct quern_npz *open[N] = {NULL};
    begin(&f);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(quern_npz_create(f.context, f.path, &open[i]),
                         QUERN_OK);
    }
    ck_assert_int_eq(count_files(f.folder), N + 1);
    quern_context_abandon(f.context);
    ck_assert_int_eq(count_files(f.folder), 1);
    is_spared(&f, quern_npz_close(&open[0]), QUERN_IO,
              "rename: No such file or directory");
    for (int i = 1; i < N; i++) {
        quern_npz_abort(&open[i]);
    }
    /* Nothing new is begun. */
    quern_context_abandon(f.context);
    quern_clear(f.context);
    is_spared(&f, quern_npz_create(f.context, f.path, &open[0]),
              QUERN_CANCELLED, "cancelled");
    end(&f);
}
END_TEST

START_TEST(a_file_that_is_in_its_place_is_not_abandoned)
{
    struct fixture f;
    struct quern_npz *open = NULL;
    begin(&f);
    ck_assert_int_eq(quern_npz_create(f.context, f.path, &open), QUERN_OK);
    ck_assert_int_eq(quern_npz_close(&open), QUERN_OK);
    quern_context_abandon(f.context);
    ck_assert(!holds(f.path, "old"));
    end(&f);
}
END_TEST

/* Data and model, the first of them in its place, or both. */
static void open_both(struct fixture *f, struct qn_writer *data,
                      struct qn_writer *model)
{
    const char *path = wire_path(f->folder, "data");
    ck_assert_int_eq(qn_writer_open(data, f->context, path), QUERN_OK);
    ck_assert_int_eq(qn_writer_open(model, f->context, f->path), QUERN_OK);
    ck_assert_int_eq(qn_writer_goes_with(model, data), QUERN_OK);
    qn_writer_put(model, "new", 3);
    ck_assert_int_eq(qn_writer_seal(model), QUERN_OK);
    ck_assert_int_eq(qn_writer_commit(data), QUERN_OK);
}

START_TEST(data_go_with_the_model_until_it_is_in_its_place)
{
    struct fixture f;
    struct qn_writer data;
    struct qn_writer model;
    begin(&f);
    open_both(&f, &data, &model);
    ck_assert_int_eq(count_files(f.folder), 3);
    quern_context_abandon(f.context);
    is_spared(&f, qn_writer_commit(&model), QUERN_IO, "rename: No such file");
    renew(&f);
    open_both(&f, &data, &model);
    ck_assert_int_eq(qn_writer_commit(&model), QUERN_OK);
    quern_context_abandon(f.context);
    ck_assert_int_eq(count_files(f.folder), 2);
    ck_assert(holds(f.path, "new"));
    /* Renamed, but not forgotten yet. */
    ck_assert_int_eq(unlink(wire_path(f.folder, "data")), 0);
    renew(&f);
    open_both(&f, &data, &model);
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.tmp0.%ld", f.path,
             (long)getpid());
    ck_assert_int_eq(rename(temporary, f.path), 0);
    quern_context_abandon(f.context);
    ck_assert_int_eq(count_files(f.folder), 2);
    qn_writer_abort(&model);
    end(&f);
}
END_TEST

struct rival {
    struct quern_context *context;
    atomic_int n_open; /* files that there are */
    int wanted;        /* before it begins */
};

static void *abandon(void *user)
{
    struct rival *r = user;
    while (atomic_load(&r->n_open) < r->wanted) {
        (void)sched_yield();
    }
    quern_context_abandon(r->context);
    return NULL;
}

/* At whatever moment it comes, no file drops out of its sight, and none is made
 * behind its back. */
START_TEST(a_thread_that_abandons_loses_no_file)
{
    struct fixture f;
    struct rival rival;
    pthread_t thread;
    begin(&f);
    for (int k = 0; k < 200; k++) {
        enum { N = 12 };
        struct quern_npz *open[N] = {NULL};
        enum quern_code code = QUERN_OK;
        rival = (struct rival){.context = f.context, .wanted = 1 + k % N};
        ck_assert_int_eq(pthread_create(&thread, NULL, abandon, &rival), 0);
        for (int i = 0; i < N; i++) {
            code = quern_npz_create(f.context, f.path, &open[i]);
            ck_assert(code == QUERN_OK || code == QUERN_CANCELLED);
            atomic_fetch_add(&rival.n_open, 1);
        }
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(count_files(f.folder), 1);
        for (int i = 0; i < N; i++) {
            quern_npz_abort(&open[i]);
        }
        renew(&f);
    }
    end(&f);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("io/writer");
    TCase *tests = tcase_create("writer");
    tcase_add_test(tests, a_file_is_replaced_and_keeps_mode_and_link);
    tcase_add_test(tests, what_cannot_be_written_is_as_it_was);
    tcase_add_test(tests, an_abandoned_context_leaves_no_temporary_file);
    tcase_add_test(tests, a_file_that_is_in_its_place_is_not_abandoned);
    tcase_add_test(tests, data_go_with_the_model_until_it_is_in_its_place);
    tcase_add_test(tests, a_thread_that_abandons_loses_no_file);
    tcase_add_test(tests, a_device_is_written_to_as_it_is);
    suite_add_tcase(suite, tests);
    return suite;
}
