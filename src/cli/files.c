/* Files that a verb must not write over, and models that it should not run. */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_one_place(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* The folder that a path names a file in, and the name. */
static const char *split_path(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, size, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    return slash != NULL ? slash + 1 : path;
}

enum { MOST_LINKS = 40 }; /* as the kernel follows */

/* The path that a link to nothing leads to, or the path itself: by the time
 * that something is written, what it names may be there. realpath() fails. */
static void follow(const char *path, char *out, size_t size)
{
    char target[PATH_MAX];
    struct stat info;
    snprintf(out, size, "%s", path);
    for (int i = 0; i < MOST_LINKS && stat(out, &info) != 0; i++) {
        ssize_t n = readlink(out, target, sizeof target);
        const char *slash = strrchr(out, '/');
        size_t used = slash != NULL ? (size_t)(slash - out) + 1 : 0;
        used = n > 0 && *target == '/' ? 0 : used;
        if (n <= 0 || used + (size_t)n >= size) {
            return; /* no link, or nothing can be written there */
        }
        memcpy(out + used, target, (size_t)n);
        out[used + (size_t)n] = '\0';
    }
}

/* Files that are not there yet are one where folder and name are. */
static bool is_same_file(const char *a, const char *b)
{
    char paths[2][PATH_MAX];
    char folders[2][PATH_MAX];
    if (strcmp(a, b) == 0 || is_one_place(a, b)) {
        return true;
    }
    follow(a, paths[0], sizeof paths[0]);
    follow(b, paths[1], sizeof paths[1]);
    const char *x = split_path(paths[0], folders[0], sizeof folders[0]);
    const char *y = split_path(paths[1], folders[1], sizeof folders[1]);
    return strcmp(x, y) == 0 && is_one_place(folders[0], folders[1]);
}

enum quern_code cli_spare(struct cli *cli, const char *out,
                          const char *const *files, size_t n_files)
{
    if (out != NULL && strcmp(out, "-") == 0) {
        return cli_usage(cli, "output '-': standard output is not written to, "
                              "needs the name of a file");
    }
    for (size_t i = 0; i < n_files && out != NULL; i++) {
        if (files[i] != NULL && is_same_file(out, files[i])) {
            return cli_usage(cli,
                             "output '%s' is '%s', which the job needs: "
                             "give it a name of its own",
                             out, files[i]);
        }
    }
    return QUERN_OK;
}

/* The file that a link stands for. */
static void resolve(const char *path, char *out, size_t size)
{
    char target[PATH_MAX];
    snprintf(out, size, "%s", realpath(path, target) != NULL ? target : path);
}

enum quern_code cli_check_report(struct cli *cli, const char *path)
{
    char real[PATH_MAX];
    char folder[PATH_MAX];
    struct stat s;
    int why = 0;
    if (path == NULL) {
        return QUERN_OK;
    }
    resolve(path, real, sizeof real);
    (void)split_path(real, folder, sizeof folder);
    bool exists = stat(path, &s) == 0;
    if (exists) {
        why = S_ISDIR(s.st_mode) ? EISDIR : access(path, W_OK) != 0 ? errno : 0;
    }
    if (why == 0 && (!exists || S_ISREG(s.st_mode)) &&
        access(folder, W_OK) != 0) {
        why = errno;
    }
    return why == 0 ? QUERN_OK
                    : quern_fail(cli->context, QUERN_IO, NULL,
                                 "report '%s' cannot be written: %s", path,
                                 strerror(why));
}

enum { NEWEST_OPSET = 26 }; /* beyond it, schemas may have grown */

struct fitness {
    struct quern_context *context;
    enum quern_code code;
};

/* An attribute or a type that the operator does not take. What is unknown is
 * left to the engine to name. */
static void look(void *user, const struct quern_message *finding)
{
    struct fitness *f = user;
    if (f->code == QUERN_OK && finding->severity == QUERN_SEVERITY_ERROR &&
        (finding->place.attribute != NULL || finding->place.tensor != NULL)) {
        f->code = quern_fail(f->context, QUERN_INVALID_MODEL, &finding->place,
                             "%s", finding->text);
        quern_note(f->context, NULL,
                   "'quern check' tells all that is wrong with the model");
    }
}

enum quern_code cli_check_runnable(const struct cli *cli,
                                   struct quern_model *model)
{
    struct fitness f = {cli->context, QUERN_OK};
    if (cli->engine == QUERN_ENGINE_ORT ||
        quern_model_opset(model, "") > NEWEST_OPSET) {
        return QUERN_OK; /* ONNX Runtime looks itself */
    }
    enum quern_code code = quern_model_verify(model, look, &f);
    return code == QUERN_INVALID_MODEL || code == QUERN_OK ? f.code : code;
}
