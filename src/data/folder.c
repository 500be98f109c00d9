/* Folders: ONNX's test sets, or files of arrays. */
#include "data/source.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 65536 };

struct listing {
    const char **sets;
    size_t n_sets;
    const char **files;
    size_t n_files;
};

/* test_data_set_2 before test_data_set_10 */
static int by_name(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ends(const char *name, const char *end)
{
    size_t size = strlen(name);
    return size > strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

static enum quern_code append(struct quern_context *context,
                              struct quern_data *d, const char ***list,
                              size_t *n, const char *name)
{
    if (*n == MOST) {
        return qn_data_fail(context, d->path, NULL, QUERN_LIMIT,
                            "folder holds more than %d files or sets", MOST);
    }
    if ((*n & (*n + 1)) == 0) { /* room grows from 2^k - 1 */
        const char **grown = qn_realloc_n(*list, *n * 2 + 1, sizeof *grown);
        if (grown == NULL) {
            return qn_no_memory(context);
        }
        *list = grown;
    }
    (*list)[*n] = qn_arena_printf(&d->arena, "%s/%s", d->path, name);
    return (*list)[(*n)++] != NULL ? QUERN_OK : qn_no_memory(context);
}

static enum quern_code list_folder(struct quern_context *context,
                                   struct quern_data *d, struct listing *l)
{
    DIR *dir = opendir(d->path);
    if (dir == NULL) {
        return qn_data_fail(context, d->path, NULL, QUERN_IO,
                            "folder cannot be read");
    }
    enum quern_code code = QUERN_OK;
    bool is_set = false;
    for (struct dirent *e = NULL;
         code == QUERN_OK && (e = readdir(dir)) != NULL;) {
        if (strncmp(e->d_name, "test_data_set_", 14) == 0) {
            code = append(context, d, &l->sets, &l->n_sets, e->d_name);
        } else if (ends(e->d_name, ".npz") || ends(e->d_name, ".npy")) {
            code = append(context, d, &l->files, &l->n_files, e->d_name);
        }
        is_set = is_set || strcmp(e->d_name, "input_0.pb") == 0 ||
                 strcmp(e->d_name, "output_0.pb") == 0;
    }
    closedir(dir);
    if (code == QUERN_OK && is_set) {
        l->n_sets = 0;
        code = append(context, d, &l->sets, &l->n_sets, ".");
    }
    return code;
}

/* A file NAME.npy for each of the inputs. */
static bool has_names(const struct quern_data *d)
{
    bool all = d->n_inputs > 0;
    for (size_t k = 0; k < d->n_inputs && all; k++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s.npy", d->path, d->names[k]);
        all = access(file, F_OK) == 0;
    }
    return all;
}

/* Parts of a folder are opened when a sample is asked for: their number is not
 * bounded. Here each is opened once, to be counted and checked. */
static enum quern_code make_parts(struct quern_context *context,
                                  struct quern_data *d, const struct listing *l)
{
    bool names = has_names(d);
    size_t n = names ? 1 : l->n_files;
    enum quern_code code = QUERN_OK;
    d->parts = qn_calloc_n(n, sizeof *d->parts);
    if (d->parts == NULL) {
        return qn_no_memory(context);
    }
    for (; d->n_parts < n && code == QUERN_OK; d->n_parts++) {
        struct qn_part *part = &d->parts[d->n_parts];
        part->path = names ? d->path : l->files[d->n_parts];
        part->by_name = names;
        part->first = d->n_samples;
        code = qn_part_open(context, d, part);
        d->n_samples += code == QUERN_OK ? part->n : 0;
        if (n > 1) {
            qn_part_close(d, part);
        }
    }
    return code;
}

enum quern_code qn_data_open_folder(struct quern_context *context,
                                    struct quern_data *d)
{
    struct listing l = {NULL, 0, NULL, 0};
    enum quern_code code = list_folder(context, d, &l);
    if (code == QUERN_OK && l.n_sets > 0) {
        qsort(l.sets, l.n_sets, sizeof(char *), by_name);
        d->sets = l.sets;
        d->n_samples = l.n_sets;
        l.sets = NULL;
    } else if (code == QUERN_OK && l.n_files > 0) {
        qsort(l.files, l.n_files, sizeof(char *), by_name);
        code = make_parts(context, d, &l);
    } else if (code == QUERN_OK) {
        code = qn_data_fail(context, d->path, NULL, QUERN_INVALID_ARGUMENT,
                            "folder holds no .npz, .npy or test_data_set_N");
    }
    qn_free(l.sets);
    qn_free(l.files);
    return code;
}
