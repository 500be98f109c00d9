/* Samples: arrays of an npz or npy, or ONNX's test sets. */
#include <quern/data.h>

#include "base/file.h"
#include "base/map.h"
#include "data/npy.h"
#include "data/zip.h"
#include "io/io.h"
#include "ir/tensor.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct quern_data {
    struct qn_arena arena;
    const char *path;
    size_t n_inputs;
    const char **names;
    size_t n_samples;
    struct quern_tensor **arrays; /* an input each; samples are slices */
    const char **sets;            /* folders of ONNX test sets, or NULL */
};

static enum quern_code fail(struct quern_context *context, const char *file,
                            const char *name, enum quern_code code,
                            const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "data";
    place.file = file;
    place.tensor = name;
    return quern_fail(context, code, &place, "%s", what);
}

/* ------------------------------------------------------------- checking */

static void shape_text(const struct quern_value *v, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s[",
                                   quern_dtype_name(quern_value_dtype(v)));
    for (int i = 0; i < quern_value_rank(v) && used < size; i++) {
        int64_t d = quern_value_dims(v)[i].value;
        used += (size_t)(d >= 0 ? snprintf(out + used, size - used, "%s%lld",
                                           i > 0 ? ", " : "", (long long)d)
                                : snprintf(out + used, size - used, "%s?",
                                           i > 0 ? ", " : ""));
    }
    if (used < size) {
        snprintf(out + used, size - used, "]");
    }
}

static void tensor_text(const struct quern_tensor *t, char *out, size_t size)
{
    size_t used =
        (size_t)snprintf(out, size, "%s[", quern_dtype_name(t->dtype));
    for (int i = 0; i < t->rank && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%lld",
                                 i > 0 ? ", " : "", (long long)t->dims[i]);
    }
    if (used < size) {
        snprintf(out + used, size - used, "]");
    }
}

/* An array against the input that it feeds; `first` is the first dimension
 * that must agree (1 where axis 0 counts samples). */
static enum quern_code check_array(struct quern_context *context,
                                   const char *file,
                                   const struct quern_value *v,
                                   const struct quern_tensor *t, int first)
{
    int rank = quern_value_rank(v);
    bool good =
        quern_value_dtype(v) == t->dtype && (rank < 0 || rank == t->rank);
    for (int i = first; good && i < rank; i++) {
        int64_t want = quern_value_dims(v)[i].value;
        good = want < 0 || want == t->dims[i];
    }
    if (good && (first == 0 || t->rank > 0)) {
        return QUERN_OK;
    }
    char found[160];
    char needed[160];
    char text[400];
    tensor_text(t, found, sizeof found);
    shape_text(v, needed, sizeof needed);
    snprintf(text, sizeof text, "array is %s, the model's input needs %s%s",
             found, needed,
             first > 0 ? " with samples along the first axis" : "");
    return fail(context, file, quern_value_name(v), QUERN_INVALID_ARGUMENT,
                text);
}

/* ------------------------------------------------------------------ npz */

static const struct qn_zip_entry *find_entry(const struct qn_zip_entry *entries,
                                             size_t n, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < n; i++) {
        const char *e = entries[i].name;
        if (strncmp(e, name, size) == 0 && strcmp(e + size, ".npy") == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static enum quern_code missing_array(struct quern_context *context,
                                     const char *path, const char *name,
                                     const struct qn_zip_entry *entries,
                                     size_t n)
{
    char text[512];
    size_t used =
        (size_t)snprintf(text, sizeof text, "no array for this input; have:");
    for (size_t i = 0; i < n && used < sizeof text; i++) {
        size_t size = strlen(entries[i].name);
        bool npy = size > 4 && strcmp(entries[i].name + size - 4, ".npy") == 0;
        used += (size_t)snprintf(text + used, sizeof text - used, " %.*s",
                                 (int)(npy ? size - 4 : size), entries[i].name);
    }
    return fail(context, path, name, QUERN_INVALID_ARGUMENT, text);
}

static enum quern_code load_npz(struct quern_context *context,
                                struct quern_data *d, struct qn_buf *buf,
                                struct quern_value *const *inputs)
{
    struct qn_zip_entry *entries = NULL;
    size_t n = 0;
    enum quern_code code = qn_zip_list(context, d->path, buf, &entries, &n);
    for (size_t i = 0; i < d->n_inputs && code == QUERN_OK; i++) {
        const struct qn_zip_entry *e = find_entry(entries, n, d->names[i]);
        struct qn_buf *bytes = NULL;
        size_t offset = 0;
        if (e == NULL && d->n_inputs == 1 && n == 1 &&
            strcmp(entries[0].name, "arr_0.npy") == 0) {
            e = &entries[0]; /* numpy's name for an unnamed array */
        }
        if (e == NULL) {
            code = missing_array(context, d->path, d->names[i], entries, n);
            break;
        }
        code = qn_zip_read(context, d->path, buf, e, &bytes, &offset);
        if (code == QUERN_OK) {
            code = qn_npy_read(context, d->path, d->names[i], bytes, offset,
                               (size_t)e->size, &d->arrays[i]);
        }
        qn_buf_release(bytes);
        if (code == QUERN_OK) {
            code = check_array(context, d->path, inputs[i], d->arrays[i], 1);
        }
    }
    qn_free(entries);
    return code;
}

static enum quern_code count_samples(struct quern_context *context,
                                     struct quern_data *d)
{
    for (size_t i = 0; i < d->n_inputs; i++) {
        size_t n = (size_t)d->arrays[i]->dims[0];
        if (i > 0 && n != d->n_samples) {
            char text[160];
            snprintf(text, sizeof text,
                     "array has %zu samples, array '%s' has %zu", n,
                     d->names[0], d->n_samples);
            return fail(context, d->path, d->names[i], QUERN_INVALID_ARGUMENT,
                        text);
        }
        d->n_samples = n;
    }
    return QUERN_OK;
}

static enum quern_code load_file(struct quern_context *context,
                                 struct quern_data *d,
                                 struct quern_value *const *inputs)
{
    struct qn_buf *buf = NULL;
    enum quern_code code = qn_file_map(context, d->path, &buf);
    if (code != QUERN_OK) {
        return code;
    }
    bool npy = buf->size >= 6 && memcmp(buf->data, "\x93NUMPY", 6) == 0;
    if (!npy) {
        code = load_npz(context, d, buf, inputs);
    } else if (d->n_inputs != 1) {
        char text[96];
        snprintf(text, sizeof text,
                 "one array without a name for a model of %zu inputs",
                 d->n_inputs);
        code = fail(context, d->path, NULL, QUERN_INVALID_ARGUMENT, text);
    } else {
        code = qn_npy_read(context, d->path, d->names[0], buf, 0, buf->size,
                           &d->arrays[0]);
        if (code == QUERN_OK) {
            code = check_array(context, d->path, inputs[0], d->arrays[0], 1);
        }
    }
    qn_buf_release(buf);
    return code == QUERN_OK ? count_samples(context, d) : code;
}

/* ------------------------------------------------------- ONNX test sets */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum quern_code load_folder(struct quern_context *context,
                                   struct quern_data *d)
{
    DIR *dir = opendir(d->path);
    if (dir == NULL) {
        return fail(context, d->path, NULL, QUERN_IO, "folder cannot be read");
    }
    enum { MOST = 65536 };
    d->sets = qn_calloc_n(MOST, sizeof(char *));
    enum quern_code code = d->sets != NULL ? QUERN_OK : qn_no_memory(context);
    const char *last = strrchr(d->path, '/');
    last = last != NULL ? last + 1 : d->path;
    if (code == QUERN_OK && strncmp(last, "test_data_set_", 14) == 0) {
        d->sets[d->n_samples++] = d->path;
    }
    for (struct dirent *e = NULL;
         code == QUERN_OK && (e = readdir(dir)) != NULL;) {
        if (strncmp(e->d_name, "test_data_set_", 14) != 0 ||
            d->n_samples == MOST) {
            continue;
        }
        d->sets[d->n_samples] =
            qn_arena_printf(&d->arena, "%s/%s", d->path, e->d_name);
        code =
            d->sets[d->n_samples++] != NULL ? QUERN_OK : qn_no_memory(context);
    }
    closedir(dir);
    if (code == QUERN_OK && d->n_samples == 0) {
        code = fail(context, d->path, NULL, QUERN_INVALID_ARGUMENT,
                    "folder holds no test_data_set_N");
    }
    if (code == QUERN_OK) {
        qsort(d->sets, d->n_samples, sizeof(char *), by_name);
    }
    return code;
}

/* ------------------------------------------------------------- interface */

enum quern_code quern_data_open(struct quern_context *context, const char *path,
                                struct quern_value *const *inputs,
                                size_t n_inputs, struct quern_data **out_data)
{
    struct quern_data *d = qn_calloc(sizeof *d);
    if (d == NULL) {
        return qn_no_memory(context);
    }
    d->path = qn_arena_strdup(&d->arena, path);
    d->n_inputs = n_inputs;
    d->names = qn_arena_alloc_n(&d->arena, n_inputs, sizeof(char *));
    d->arrays =
        qn_arena_alloc_n(&d->arena, n_inputs, sizeof(struct quern_tensor *));
    bool good = d->path != NULL && d->names != NULL && d->arrays != NULL;
    for (size_t i = 0; i < n_inputs && good; i++) {
        d->names[i] = qn_arena_strdup(&d->arena, quern_value_name(inputs[i]));
        good = d->names[i] != NULL;
    }
    struct stat info;
    enum quern_code code = good ? QUERN_OK : qn_no_memory(context);
    if (code == QUERN_OK) {
        bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
        code = folder ? load_folder(context, d) : load_file(context, d, inputs);
    }
    if (code != QUERN_OK) {
        quern_data_close(&d);
        return code;
    }
    *out_data = d;
    return QUERN_OK;
}

void quern_data_close(struct quern_data **data)
{
    struct quern_data *d = data != NULL ? *data : NULL;
    if (d == NULL) {
        return;
    }
    *data = NULL;
    for (size_t i = 0; d->arrays != NULL && i < d->n_inputs; i++) {
        quern_tensor_release(&d->arrays[i]);
    }
    qn_free(d->sets);
    qn_arena_finish(&d->arena);
    qn_free(d);
}

size_t quern_data_n_inputs(const struct quern_data *data)
{
    return data->n_inputs;
}

size_t quern_data_count(const struct quern_data *data)
{
    return data->n_samples;
}

static enum quern_code slice(struct quern_context *context,
                             const struct quern_tensor *array, size_t i,
                             struct quern_tensor **out_tensor)
{
    int64_t dims[QUERN_MAX_RANK];
    memcpy(dims, array->dims, (size_t)array->rank * sizeof *dims);
    size_t size = array->size / (size_t)dims[0];
    dims[0] = 1;
    size_t offset = (size_t)(array->data - array->buf->data) + i * size;
    return qn_tensor_slice(context, array->dtype, array->rank, dims, array->buf,
                           offset, size, out_tensor);
}

enum quern_code quern_data_sample(struct quern_data *data,
                                  struct quern_context *context, size_t i,
                                  struct quern_tensor **out_tensors)
{
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < data->n_inputs; k++) {
        out_tensors[k] = NULL;
    }
    if (i >= data->n_samples) {
        return fail(context, data->path, NULL, QUERN_INVALID_ARGUMENT,
                    "no such sample");
    }
    for (size_t k = 0; k < data->n_inputs && code == QUERN_OK; k++) {
        if (data->sets == NULL) {
            code = slice(context, data->arrays[k], i, &out_tensors[k]);
            continue;
        }
        char path[4096];
        snprintf(path, sizeof path, "%s/input_%zu.pb", data->sets[i], k);
        code = qn_tensor_open(context, path, &out_tensors[k]);
    }
    for (size_t k = 0; k < data->n_inputs && code != QUERN_OK; k++) {
        quern_tensor_release(&out_tensors[k]);
    }
    return code;
}

enum quern_code quern_data_check_finite(struct quern_data *data,
                                        struct quern_context *context)
{
    for (size_t k = 0; data->sets == NULL && k < data->n_inputs; k++) {
        const struct quern_tensor *t = data->arrays[k];
        if (t->dtype != QUERN_FLOAT || t->len == 0) {
            continue;
        }
        int64_t per_sample = t->len / t->dims[0];
        for (int64_t i = 0; i < t->len; i++) {
            float x;
            memcpy(&x, t->data + (size_t)i * 4, 4);
            if (isfinite(x)) {
                continue;
            }
            char text[128];
            snprintf(text, sizeof text, "sample %lld holds %s at index %lld",
                     (long long)(i / per_sample),
                     isnan(x) ? "NaN" : "an infinity",
                     (long long)(i % per_sample));
            return fail(context, data->path, data->names[k], QUERN_NUMERIC,
                        text);
        }
    }
    return QUERN_OK;
}

enum quern_code quern_tensor_open(struct quern_context *context,
                                  const char *path,
                                  struct quern_tensor **out_tensor)
{
    return qn_tensor_open(context, path, out_tensor);
}
