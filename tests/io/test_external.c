/* External data: every legal form, and what is refused. */
#include <quern/graph.h>

#include "qtest.h"
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};

struct fixture {
    const char *folder;
    struct quern_context *context;
    struct quern_model *model;
};

static void begin(struct fixture *f)
{
    f->folder = wire_folder();
    f->model = NULL;
    ck_assert_int_eq(quern_context_create(NULL, &f->context), QUERN_OK);
    wire_write(f->folder, "w.bin", numbers, sizeof numbers);
}

static void end(struct fixture *f)
{
    quern_model_destroy(&f->model);
    quern_context_destroy(&f->context);
    wire_remove(f->folder);
}

static void entry(struct wire *tensor, const char *key, const char *value)
{
    struct wire e = {.size = 0};
    wire_text(&e, 1, key);
    wire_text(&e, 2, value);
    wire_message(tensor, 13, &e);
}

/* Model "m.onnx" with a weight of two floats at a location; offset and length
 * may be NULL. */
static const char *write_model(const char *folder, const char *location,
                               const char *offset, const char *length)
{
    struct wire tensor = {.size = 0};
    struct wire extra = {.size = 0};
    struct wire model = {.size = 0};
    wire_int(&tensor, 1, 2);
    wire_int(&tensor, 2, 1);
    wire_text(&tensor, 8, "w");
    if (location != NULL) {
        entry(&tensor, "location", location);
    }
    if (offset != NULL) {
        entry(&tensor, "offset", offset);
    }
    if (length != NULL) {
        entry(&tensor, "length", length);
    }
    wire_int(&tensor, 14, 1);
    wire_message(&extra, 5, &tensor);
    wire_model(&model, &extra);
    return wire_write(folder, "m.onnx", model.bytes, model.size);
}

static void reads(struct fixture *f, const char *path, float first)
{
    float values[2] = {0, 0};
    ck_assert_msg(quern_model_open(f->context, path, &f->model) == QUERN_OK,
                  "%s", quern_error(f->context)->text);
    const struct quern_value *w =
        quern_graph_find(quern_model_graph(f->model), "w");
    ck_assert(quern_tensor_read_floats(quern_value_constant(w), 0, 2, values));
    ck_assert(values[0] >= first && values[0] <= first);
    quern_model_destroy(&f->model);
}

static void refuses(struct fixture *f, const char *path, enum quern_code wanted,
                    const char *words)
{
    char line[1024];
    ck_assert_int_eq(quern_model_open(f->context, path, &f->model), wanted);
    quern_message_format(quern_error(f->context), line, sizeof line);
    ck_assert_msg(strstr(line, words) != NULL, "no '%s' in: %s", words, line);
    quern_clear(f->context);
}

START_TEST(legal_forms_are_read)
{
    struct fixture f;
    begin(&f);
    reads(&f, write_model(f.folder, "w.bin", NULL, "8"), 1);
    reads(&f, write_model(f.folder, "w.bin", "8", "8"), 3);
    reads(&f, write_model(f.folder, "w.bin", "24", NULL), 7);
    reads(&f, write_model(f.folder, "w.bin", "0", NULL), 1);
    ck_assert_int_eq(mkdir(wire_path(f.folder, "sub"), 0700), 0);
    wire_write(f.folder, "sub/v.bin", numbers + 4, 8);
    reads(&f, write_model(f.folder, "sub/v.bin", NULL, NULL), 5);
    reads(&f, write_model(f.folder, "./w.bin", "8", NULL), 3);
    end(&f);
}
END_TEST

START_TEST(wrong_numbers_are_refused)
{
    struct fixture f;
    begin(&f);
    refuses(&f, write_model(f.folder, "w.bin", "28", "8"), QUERN_INVALID_MODEL,
            "has 32 bytes; tensor wants 8");
    refuses(&f, write_model(f.folder, "w.bin", "0", "12"), QUERN_INVALID_MODEL,
            "tensor wants 8, entry says 12");
    static const char *const bad[] = {
        "+8", " 8", "0x8", "-8", "08", "8 ", "", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refuses(&f, write_model(f.folder, "w.bin", bad[i], NULL),
                QUERN_INVALID_MODEL, "malformed 'offset'");
    }
    refuses(&f, write_model(f.folder, "w.bin", "18446744073709551615", "8"),
            QUERN_INVALID_MODEL, "entry says 8 at offset");
    refuses(&f, write_model(f.folder, NULL, "0", "8"), QUERN_INVALID_MODEL,
            "without location");
    end(&f);
}
END_TEST

START_TEST(paths_out_of_the_folder_are_refused)
{
    static const char *const bad[] = {
        "../w.bin", "/etc/passwd", "a/../../w.bin",      "..", "sub/",
        "a//b",     "a\\b",        "*/_ORT_MEM_ADDR_/*", ".",  "a/./../../b",
    };
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *path = write_model(f.folder, bad[i], "0", "8");
        ck_assert_int_ne(quern_model_open(f.context, path, &f.model), QUERN_OK);
        ck_assert_ptr_nonnull(quern_error(f.context));
        quern_clear(f.context);
    }
    refuses(&f, write_model(f.folder, "none.bin", "0", "8"), QUERN_IO,
            "No such file");
    end(&f);
}
END_TEST

START_TEST(links_and_special_files_are_refused)
{
    struct fixture f;
    begin(&f);
    ck_assert_int_eq(symlink("w.bin", wire_path(f.folder, "link")), 0);
    ck_assert_int_eq(symlink("loop", wire_path(f.folder, "loop")), 0);
    ck_assert_int_eq(symlink("..", wire_path(f.folder, "up")), 0);
    ck_assert_int_eq(mkfifo(wire_path(f.folder, "fifo"), 0600), 0);
    wire_write(f.folder, "twice", numbers, sizeof numbers);
    ck_assert_int_eq(
        link(wire_path(f.folder, "twice"), wire_path(f.folder, "t2")), 0);
    refuses(&f, write_model(f.folder, "link", "0", "8"), QUERN_IO, "a link");
    refuses(&f, write_model(f.folder, "loop", "0", "8"), QUERN_IO, "a link");
    refuses(&f, write_model(f.folder, "up/w.bin", "0", "8"), QUERN_IO,
            "external data");
    refuses(&f, write_model(f.folder, "fifo", "0", "8"), QUERN_IO, "FIFO");
    refuses(&f, write_model(f.folder, "twice", "0", "8"), QUERN_IO,
            "external data has 2 names (hard links), needs 1");
    /* The user names the model: that may have as many names as it likes. */
    ck_assert_int_eq(unlink(wire_path(f.folder, "t2")), 0);
    const char *model = write_model(f.folder, "twice", "0", "8");
    ck_assert_int_eq(link(model, wire_path(f.folder, "m2.onnx")), 0);
    reads(&f, model, 1);
    refuses(&f, wire_path(f.folder, "fifo"), QUERN_IO, "FIFO");
    refuses(&f, f.folder, QUERN_IO, "is a folder");
    end(&f);
}
END_TEST

START_TEST(a_model_in_memory_has_no_folder)
{
    struct fixture f;
    struct wire copy = {.size = 0};
    begin(&f);
    const char *path = write_model(f.folder, "w.bin", "0", "8");
    FILE *file = fopen(path, "rb");
    copy.size = fread(copy.bytes, 1, sizeof copy.bytes, file);
    fclose(file);
    ck_assert_int_eq(quern_model_open_memory(f.context, copy.bytes, copy.size,
                                             NULL, &f.model),
                     QUERN_INVALID_MODEL);
    quern_clear(f.context);
    ck_assert_int_eq(quern_model_open_memory(f.context, copy.bytes, copy.size,
                                             path, &f.model),
                     QUERN_OK);
    end(&f);
}
END_TEST

START_TEST(data_goes_along_and_never_over_other_data)
{
    struct fixture f;
    begin(&f);
    ck_assert_int_eq(mkdir(wire_path(f.folder, "to"), 0700), 0);
    const char *path = write_model(f.folder, "w.bin", "8", "8");
    const char *out = wire_path(f.folder, "to/m.onnx");
    ck_assert_int_eq(quern_model_open(f.context, path, &f.model), QUERN_OK);
    ck_assert_int_eq(quern_model_save(f.model, out, NULL), QUERN_OK);
    ck_assert(wire_same(path, out));
    ck_assert(wire_same(wire_path(f.folder, "w.bin"),
                        wire_path(f.folder, "to/w.bin")));
    ck_assert_int_eq(quern_model_save(f.model, out, NULL), QUERN_OK);
    wire_write(f.folder, "to/w.bin", "other", 5);
    ck_assert_int_eq(quern_model_save(f.model, out, NULL), QUERN_IO);
    quern_clear(f.context);
    quern_model_destroy(&f.model);
    /* All inside: the model needs no other file. */
    struct quern_save_options never = {.struct_size = sizeof never,
                                       .external = QUERN_EXTERNAL_NEVER};
    const char *alone = wire_path(f.folder, "alone.onnx");
    ck_assert_int_eq(quern_model_open(f.context, path, &f.model), QUERN_OK);
    ck_assert_int_eq(quern_model_save(f.model, alone, &never), QUERN_OK);
    quern_model_destroy(&f.model);
    ck_assert_int_eq(unlink(wire_path(f.folder, "w.bin")), 0);
    reads(&f, alone, 3);
    end(&f);
}
END_TEST

/* Weights into a file with a name of the user's: the source stays whole. */
static enum quern_code save_outside(struct fixture *f, const char *name,
                                    const char *out)
{
    char path[600];
    struct quern_save_options o = {.struct_size = sizeof o,
                                   .external = QUERN_EXTERNAL_FILE,
                                   .external_name = name};
    const char *source = write_model(f->folder, "w.bin", "8", "8");
    snprintf(path, sizeof path, "%s/%s", f->folder, out);
    ck_assert_int_eq(quern_model_open(f->context, source, &f->model), QUERN_OK);
    enum quern_code code = quern_model_save(f->model, path, &o);
    quern_model_destroy(&f->model);
    if (code != QUERN_OK) {
        ck_assert_ptr_nonnull(
            strstr(quern_error(f->context)->place.file, name));
        reads(f, source, 3);
    } else {
        reads(f, path, 3);
    }
    quern_clear(f->context);
    return code;
}

START_TEST(a_named_data_file_spares_the_source)
{
    struct fixture f;
    begin(&f);
    ck_assert_int_eq(save_outside(&f, "m.onnx", "other.onnx"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(save_outside(&f, "w.bin", "other.onnx"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(save_outside(&f, "new.bin", "other.onnx"), QUERN_OK);
    ck_assert_int_eq(save_outside(&f, "w.bin", "m.onnx"), QUERN_OK);
    end(&f);
}
END_TEST

/* Files in a folder that end in ".data". */
static int count_data(const char *folder)
{
    DIR *list = opendir(folder);
    int n = 0;
    ck_assert_ptr_nonnull(list);
    for (struct dirent *e = readdir(list); e != NULL; e = readdir(list)) {
        size_t size = strlen(e->d_name);
        n += size > 5 && strcmp(e->d_name + size - 5, ".data") == 0;
    }
    closedir(list);
    return n;
}

START_TEST(only_data_of_the_replaced_model_goes)
{
    struct fixture f;
    struct quern_save_options file = {.struct_size = sizeof file,
                                      .external = QUERN_EXTERNAL_FILE};
    struct quern_save_options never = {.struct_size = sizeof never,
                                       .external = QUERN_EXTERNAL_NEVER};
    begin(&f);
    const char *path = write_model(f.folder, "w.bin", "8", "8");
    const char *out = wire_path(f.folder, "out.onnx");
    const char *strange = wire_path(f.folder, "out.onnx.01234567.data");
    wire_write(f.folder, "out.onnx.01234567.data", numbers, 8);
    ck_assert_int_eq(quern_model_open(f.context, path, &f.model), QUERN_OK);
    ck_assert_int_eq(quern_model_save(f.model, out, &file), QUERN_OK);
    ck_assert_int_eq(count_data(f.folder), 2);
    /* Its own data under the same name: the file is needed. */
    ck_assert_int_eq(quern_model_save(f.model, out, &file), QUERN_OK);
    ck_assert_int_eq(count_data(f.folder), 2);
    quern_model_destroy(&f.model);
    /* The same bytes over the model they came from refer to it. */
    ck_assert_int_eq(quern_model_open(f.context, out, &f.model), QUERN_OK);
    ck_assert_int_eq(quern_model_save(f.model, out, NULL), QUERN_OK);
    ck_assert_int_eq(count_data(f.folder), 2);
    ck_assert_int_eq(quern_model_save(f.model, out, &never), QUERN_OK);
    quern_model_destroy(&f.model);
    reads(&f, out, 3);
    ck_assert_int_eq(count_data(f.folder), 1);
    ck_assert_int_eq(access(strange, F_OK), 0);
    ck_assert_int_eq(access(wire_path(f.folder, "w.bin"), F_OK), 0);
    end(&f);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("io/external");
    TCase *tests = tcase_create("external");
    tcase_add_test(tests, legal_forms_are_read);
    tcase_add_test(tests, wrong_numbers_are_refused);
    tcase_add_test(tests, paths_out_of_the_folder_are_refused);
    tcase_add_test(tests, links_and_special_files_are_refused);
    tcase_add_test(tests, a_model_in_memory_has_no_folder);
    tcase_add_test(tests, data_goes_along_and_never_over_other_data);
    tcase_add_test(tests, a_named_data_file_spares_the_source);
    tcase_add_test(tests, only_data_of_the_replaced_model_goes);
    suite_add_tcase(suite, tests);
    return suite;
}
