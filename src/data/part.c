/* The arrays of one file, by the names of the inputs. */
#include "base/map.h"
#include "data/source.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ npz */

struct npz {
    struct quern_context *context;
    const struct quern_data *data;
    struct qn_input *input;
    struct qn_zip_entry *entries;
    size_t n;
    struct qn_arena
        arena;            /* names of arrays, and where they are: in entries, */
    struct qn_map places; /* or behind the last: two have the name */
};

/* Length of an entry's name without .npy. */
static size_t bare(const struct qn_zip_entry *e)
{
    size_t size = strlen(e->name);
    bool npy = size > 4 && strcmp(e->name + size - 4, ".npy") == 0;
    return npy ? size - 4 : size;
}

static enum quern_code missing(const struct npz *z, const char *name)
{
    char text[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < z->n && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s'%.*s'",
                                 i > 0 ? ", " : "", (int)bare(&z->entries[i]),
                                 z->entries[i].name);
    }
    return qn_data_fail(z->context, z->input->path, name,
                        QUERN_INVALID_ARGUMENT,
                        "no array of the name of this input; there %s %s",
                        z->n == 1 ? "is" : "are", z->n > 0 ? text : "none");
}

static enum quern_code list_places(struct npz *z)
{
    for (size_t i = 0; i < z->n; i++) {
        struct qn_zip_entry *e = &z->entries[i];
        const char *name = qn_arena_strndup(&z->arena, e->name, bare(e));
        if (name != NULL && qn_map_get(&z->places, name) != NULL) {
            e = z->entries + z->n;
        }
        if (name == NULL || !qn_map_set(&z->places, name, e)) {
            return qn_no_memory(z->context);
        }
    }
    return QUERN_OK;
}

static enum quern_code find(const struct npz *z, const char *name,
                            const struct qn_zip_entry **out)
{
    *out = qn_map_get(&z->places, name);
    if (*out != NULL && *out == z->entries + z->n) {
        return qn_data_fail(z->context, z->input->path, name, QUERN_MALFORMED,
                            "two arrays have this name");
    }
    /* numpy's name for an array that was saved without one */
    if (*out == NULL && z->data->n_inputs == 1 && z->n == 1 &&
        strcmp(z->entries[0].name, "arr_0.npy") == 0) {
        *out = &z->entries[0];
    }
    return *out != NULL ? QUERN_OK : missing(z, name);
}

/* Array k: header, fit, bytes. */
static enum quern_code open_array(struct quern_context *context,
                                  const struct quern_data *d,
                                  struct qn_input *input,
                                  const struct qn_zip_entry *entry, size_t k,
                                  struct qn_samples *s)
{
    s->name = d->names[k];
    enum quern_code code = qn_samples_begin(context, input, entry, s);
    if (code == QUERN_OK) {
        code = qn_data_match(context, d, input->path, k, s);
    }
    return code == QUERN_OK ? qn_samples_finish_open(context, entry, s) : code;
}

static enum quern_code open_npz(struct npz *z, struct qn_samples *samples)
{
    enum quern_code code =
        qn_zip_list(z->context, z->input, &z->entries, &z->n);
    if (code == QUERN_OK) {
        code = list_places(z);
    }
    for (size_t k = 0; k < z->data->n_inputs && code == QUERN_OK; k++) {
        const struct qn_zip_entry *e = NULL;
        code = find(z, z->data->names[k], &e);
        if (code == QUERN_OK) {
            code = open_array(z->context, z->data, z->input, e, k, &samples[k]);
        }
    }
    qn_map_finish(&z->places);
    qn_arena_finish(&z->arena);
    qn_free(z->entries);
    return code;
}

/* ------------------------------------------------------------------ npy */

static enum quern_code open_file(struct quern_context *context,
                                 const struct quern_data *d, const char *path,
                                 struct qn_samples *samples)
{
    struct qn_input *input = NULL;
    char magic[6] = "";
    enum quern_code code = qn_input_open(context, path, &input);
    if (code == QUERN_OK && input->size >= sizeof magic) {
        code = qn_input_read(input, context, 0, sizeof magic, magic);
    }
    if (code != QUERN_OK) {
        qn_input_release(input);
        return code;
    }
    if (memcmp(magic, "\x93NUMPY", sizeof magic) != 0) {
        struct npz z = {.context = context, .data = d, .input = input};
        code = open_npz(&z, samples);
    } else if (d->n_inputs != 1) {
        code = qn_data_fail(context, path, NULL, QUERN_INVALID_ARGUMENT,
                            "one array without a name, the model has %zu "
                            "inputs: give an .npz",
                            d->n_inputs);
    } else {
        code = open_array(context, d, input, NULL, 0, &samples[0]);
    }
    qn_input_release(input);
    return code;
}

/* NAME.npy for each input. */
static enum quern_code open_names(struct quern_context *context,
                                  const struct quern_data *d, const char *path,
                                  struct qn_samples *samples)
{
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < d->n_inputs && code == QUERN_OK; k++) {
        struct qn_input *input = NULL;
        char file[4096];
        snprintf(file, sizeof file, "%s/%s.npy", path, d->names[k]);
        code = qn_input_open(context, file, &input);
        if (code == QUERN_OK) {
            code = open_array(context, d, input, NULL, k, &samples[k]);
        }
        qn_input_release(input);
    }
    return code;
}

static enum quern_code count(struct quern_context *context,
                             const struct quern_data *d, struct qn_part *part)
{
    size_t n = SIZE_MAX;
    size_t first = 0;
    for (size_t k = 0; k < d->n_inputs; k++) {
        size_t have = part->samples[k].n;
        if (have != SIZE_MAX && n != SIZE_MAX && have != n) {
            return qn_data_fail(context, part->path, d->names[k],
                                QUERN_INVALID_ARGUMENT,
                                "array has %zu samples, array '%s' has %zu",
                                have, d->names[first], n);
        }
        first = have != SIZE_MAX && n == SIZE_MAX ? k : first;
        n = have != SIZE_MAX ? have : n;
    }
    part->n = n != SIZE_MAX ? n : 1;
    return QUERN_OK;
}

enum quern_code qn_part_open(struct quern_context *context,
                             const struct quern_data *d, struct qn_part *part)
{
    part->samples = qn_calloc_n(d->n_inputs, sizeof *part->samples);
    if (part->samples == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code =
        part->by_name ? open_names(context, d, part->path, part->samples)
                      : open_file(context, d, part->path, part->samples);
    if (code == QUERN_OK) {
        code = count(context, d, part);
    }
    if (code != QUERN_OK) {
        qn_part_close(d, part);
    }
    return code;
}

void qn_part_close(const struct quern_data *d, struct qn_part *part)
{
    for (size_t k = 0; part->samples != NULL && k < d->n_inputs; k++) {
        qn_samples_close(&part->samples[k]);
    }
    qn_free(part->samples);
    part->samples = NULL;
}
