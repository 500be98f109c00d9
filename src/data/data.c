/* Samples: arrays of files and folders, or ONNX's test sets. */
#include <quern/data.h>

#include "data/source.h"
#include "io/io.h"
#include "ir/ir.h"
#include "ir/tensor.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *kind_name(enum quern_kind kind)
{
    switch (kind) {
    case QUERN_KIND_UNKNOWN:
    case QUERN_KIND_TENSOR:
        break;
    case QUERN_KIND_SPARSE:
        return "a sparse tensor";
    case QUERN_KIND_SEQUENCE:
        return "a sequence";
    case QUERN_KIND_OPTIONAL:
        return "an optional";
    case QUERN_KIND_MAP:
        return "a map";
    case QUERN_KIND_OPAQUE:
        return "of an opaque type";
    }
    return NULL;
}

/* Arrays feed tensors alone; files of a test set hold sequences, too. */
static enum quern_code check_inputs(struct quern_context *context,
                                    const struct quern_data *d)
{
    for (size_t i = 0; i < d->n_inputs; i++) {
        enum quern_kind of = quern_value_kind(d->inputs[i]);
        const char *kind = kind_name(of);
        bool is_held = (d->sets != NULL || d->given != NULL) &&
                       (of == QUERN_KIND_SEQUENCE || of == QUERN_KIND_OPTIONAL);
        if (kind != NULL && !is_held) {
            return qn_data_fail(context, d->path, d->names[i],
                                QUERN_UNSUPPORTED,
                                "the model's input is %s: data can feed "
                                "tensors only, and ONNX's test sets sequences "
                                "and optionals",
                                kind);
        }
    }
    return QUERN_OK;
}

static enum quern_code init(struct quern_context *context, struct quern_data *d,
                            const char *path, struct quern_value *const *inputs,
                            size_t n_inputs)
{
    struct quern_value **copy =
        qn_arena_alloc_n(&d->arena, n_inputs, sizeof *copy);
    d->path = qn_arena_strdup(&d->arena, path);
    d->n_inputs = n_inputs;
    d->inputs = copy;
    d->names = qn_arena_alloc_n(&d->arena, n_inputs, sizeof(char *));
    d->axes = qn_arena_alloc_n(&d->arena, n_inputs, sizeof *d->axes);
    bool good =
        copy != NULL && d->path != NULL && d->names != NULL && d->axes != NULL;
    for (size_t i = 0; i < n_inputs && good; i++) {
        copy[i] = inputs[i];
        d->names[i] = qn_arena_strdup(&d->arena, quern_value_name(inputs[i]));
        good = d->names[i] != NULL;
    }
    return good ? QUERN_OK : qn_no_memory(context);
}

static enum quern_code open_one(struct quern_context *context,
                                struct quern_data *d)
{
    if (d->n_inputs == 0) {
        return qn_data_fail(context, d->path, NULL, QUERN_INVALID_ARGUMENT,
                            "the model has no inputs that data could feed");
    }
    d->parts = qn_calloc(sizeof *d->parts);
    if (d->parts == NULL) {
        return qn_no_memory(context);
    }
    d->n_parts = 1;
    d->parts->path = d->path;
    enum quern_code code = qn_part_open(context, d, d->parts);
    d->n_samples = d->parts->n;
    return code;
}

/* What is at hand under that name, in the place of a file. */
static const struct qn_given *find_given(const struct quern_context *context,
                                         const char *path)
{
    while (context->parent != NULL) {
        context = context->parent;
    }
    const struct qn_given *given = context->given;
    return given != NULL && strcmp(given->path, path) == 0 ? given : NULL;
}

static enum quern_code open_given(struct quern_context *context,
                                  struct quern_data *d,
                                  const struct qn_given *given)
{
    enum quern_code code = QUERN_OK;
    d->given = qn_arena_alloc_n(&d->arena, d->n_inputs + 1,
                                sizeof(struct quern_tensor *));
    d->n_samples = 1;
    if (d->given == NULL) {
        return qn_no_memory(context);
    }
    for (size_t k = 0; k < d->n_inputs && code == QUERN_OK; k++) {
        size_t i = 0;
        while (i < given->n && strcmp(given->names[i], d->names[k]) != 0) {
            i++;
        }
        if (i == given->n) {
            return qn_data_fail(context, d->path, d->names[k],
                                QUERN_INVALID_ARGUMENT,
                                "no array of the name of this input");
        }
        d->given[k] = quern_tensor_retain(given->tensors[i]);
        code = qn_data_match_tensor(context, d, d->path, k, d->given[k]);
    }
    return code;
}

enum quern_code quern_data_open(struct quern_context *context, const char *path,
                                struct quern_value *const *inputs,
                                size_t n_inputs, struct quern_data **out_data)
{
    struct quern_data *d = qn_calloc(sizeof *d);
    struct stat info;
    if (d == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = init(context, d, path, inputs, n_inputs);
    const struct qn_given *given = find_given(context, path);
    if (code == QUERN_OK && given != NULL) {
        code = open_given(context, d, given);
    } else if (code == QUERN_OK) {
        code = qn_data_set_axes(context, d);
    }
    if (code == QUERN_OK && given == NULL) {
        bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
        code = folder ? qn_data_open_folder(context, d) : open_one(context, d);
    }
    if (code == QUERN_OK) {
        code = check_inputs(context, d);
    }
    if (code == QUERN_OK && d->n_samples == 0) {
        code = qn_data_fail(context, d->path, NULL, QUERN_INVALID_ARGUMENT,
                            "data holds 0 samples, needs at least 1");
    }
    if (code != QUERN_OK) {
        quern_data_close(&d);
        return code;
    }
    *out_data = d;
    return QUERN_OK;
}

enum quern_code quern_data_open_graph(struct quern_context *context,
                                      const char *path,
                                      const struct quern_graph *graph,
                                      struct quern_data **out_data)
{
    size_t n_inputs = quern_graph_n_inputs(graph);
    struct quern_value **inputs =
        qn_calloc_n(n_inputs + 1, sizeof(struct quern_value *));
    size_t n = 0;
    if (inputs == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < n_inputs; i++) {
        struct quern_value *v = quern_graph_input(graph, i);
        if (!quern_value_is_initializer(v)) {
            inputs[n++] = v;
        }
    }
    enum quern_code code = quern_data_open(context, path, inputs, n, out_data);
    qn_free(inputs);
    return code;
}

void quern_data_close(struct quern_data **data)
{
    struct quern_data *d = data != NULL ? *data : NULL;
    if (d == NULL) {
        return;
    }
    *data = NULL;
    for (size_t i = 0; i < d->n_parts; i++) {
        qn_part_close(d, &d->parts[i]);
    }
    for (size_t i = 0; d->given != NULL && i < d->n_inputs; i++) {
        quern_tensor_release(&d->given[i]);
    }
    qn_free(d->parts);
    qn_free(d->sets);
    qn_free(d->order);
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

/* The part that holds sample i: halving. */
static const struct qn_part *part_of(const struct quern_data *d, size_t i)
{
    size_t low = 0;
    size_t high = d->n_parts;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (d->parts[middle].first <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &d->parts[low];
}

static enum quern_code from_part(const struct quern_data *d,
                                 struct quern_context *context, size_t i,
                                 struct quern_tensor **out_tensors)
{
    const struct qn_part *part = part_of(d, i);
    struct qn_part own = *part;
    enum quern_code code = QUERN_OK;
    if (part->samples == NULL) {
        code = qn_part_open(context, d, &own);
        if (code == QUERN_OK && own.n != part->n) {
            code = qn_data_fail(context, part->path, NULL, QUERN_IO,
                                "file changed while it was read");
        }
    }
    for (size_t k = 0; k < d->n_inputs && code == QUERN_OK; k++) {
        code = qn_samples_get(&own.samples[k], context, i - part->first,
                              &out_tensors[k]);
    }
    if (part->samples == NULL) {
        qn_part_close(d, &own);
    }
    return code;
}

static enum quern_code from_set(const struct quern_data *d,
                                struct quern_context *context, size_t i,
                                struct quern_tensor **out_tensors)
{
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < d->n_inputs && code == QUERN_OK; k++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/input_%zu.pb", d->sets[i], k);
        code =
            quern_tensor_open_for(context, path, d->inputs[k], &out_tensors[k]);
        if (code == QUERN_OK) {
            code = qn_data_match_tensor(context, d, path, k, out_tensors[k]);
        }
    }
    return code;
}

enum quern_code quern_data_sample(struct quern_data *data,
                                  struct quern_context *context, size_t i,
                                  struct quern_tensor **out_tensors)
{
    for (size_t k = 0; k < data->n_inputs; k++) {
        out_tensors[k] = NULL;
    }
    if (i >= data->n_samples) {
        return qn_data_fail(context, data->path, NULL, QUERN_INVALID_ARGUMENT,
                            "sample %zu was asked for, data holds %zu", i,
                            data->n_samples);
    }
    for (size_t k = 0; data->given != NULL && k < data->n_inputs; k++) {
        out_tensors[k] = quern_tensor_retain(data->given[k]);
    }
    enum quern_code code = data->given != NULL ? QUERN_OK
                           : data->sets != NULL
                               ? from_set(data, context, i, out_tensors)
                               : from_part(data, context, i, out_tensors);
    for (size_t k = 0; k < data->n_inputs && code != QUERN_OK; k++) {
        quern_tensor_release(&out_tensors[k]);
    }
    return code;
}

enum quern_code quern_tensor_open(struct quern_context *context,
                                  const char *path,
                                  struct quern_tensor **out_tensor)
{
    return qn_tensor_open(context, path, QUERN_KIND_TENSOR, out_tensor);
}

enum quern_code quern_tensor_open_for(struct quern_context *context,
                                      const char *path,
                                      const struct quern_value *value,
                                      struct quern_tensor **out_tensor)
{
    enum quern_kind kind = quern_value_kind(value);
    if (kind == QUERN_KIND_UNKNOWN && value->declared != NULL) {
        kind = value->declared->kind; /* an output that nothing inferred yet */
    }
    return qn_tensor_open(context, path, kind, out_tensor);
}
