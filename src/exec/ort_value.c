/* Tensors as values of ONNX Runtime, and back. */
#include "exec/ort.h"
#include "ir/tensor.h"

#include <string.h>

/* The same numbers but for the newest types. */
static const struct {
    enum quern_dtype dtype;
    int type;
} moved[] = {{QUERN_FLOAT8E8M0, 26}, {QUERN_UINT2, 24}, {QUERN_INT2, 25}};

enum { N_MOVED = sizeof moved / sizeof *moved };

int qn_ort_type(enum quern_dtype dtype)
{
    for (int i = 0; i < N_MOVED; i++) {
        if (moved[i].dtype == dtype) {
            return moved[i].type;
        }
    }
    return (int)dtype;
}

enum quern_dtype qn_ort_dtype(int type)
{
    for (int i = 0; i < N_MOVED; i++) {
        if (moved[i].type == type) {
            return moved[i].dtype;
        }
    }
    return type > 0 && type <= (int)QUERN_INT2 ? (enum quern_dtype)type
                                               : QUERN_UNDEFINED;
}

/* ------------------------------------------------------------------ over */

static enum quern_code fill_strings(struct quern_context *context,
                                    const struct ort_api *api,
                                    const struct quern_tensor *tensor,
                                    struct ort_value *value)
{
    size_t n = (size_t)tensor->len;
    const char **list = qn_calloc_n(n + 1, sizeof *list);
    struct qn_arena arena = {0};
    enum quern_code code = list != NULL ? QUERN_OK : qn_no_memory(context);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        const struct qn_string *s = &tensor->strings[i];
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "run";
        list[i] =
            qn_arena_strndup(&arena, s->size > 0 ? s->bytes : "", s->size);
        if (list[i] == NULL) {
            code = qn_no_memory(context);
        } else if (strlen(list[i]) != s->size) {
            code = quern_fail(context, QUERN_UNSUPPORTED, &place,
                              "string %zu of an input has a NUL byte inside, "
                              "which ONNX Runtime does not take",
                              i);
        }
    }
    if (code == QUERN_OK) {
        code = qn_ort_check(context, api, api->fill_strings(value, list, n),
                            NULL, QUERN_INTERNAL);
    }
    qn_arena_finish(&arena);
    qn_free(list);
    return code;
}

enum quern_code qn_ort_value_of(struct quern_context *context,
                                const struct qn_ort_library *library,
                                const struct ort_memory *memory,
                                const struct quern_tensor *tensor,
                                struct ort_value **out_value)
{
    const struct ort_api *api = library->api;
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    const int64_t *dims = quern_tensor_dims(tensor);
    size_t rank = (size_t)quern_tensor_rank(tensor);
    if (dtype == QUERN_STRING) {
        void *allocator = NULL;
        enum quern_code code =
            qn_ort_check(context, api, api->default_allocator(&allocator), NULL,
                         QUERN_INTERNAL);
        if (code == QUERN_OK) {
            code =
                qn_ort_check(context, api,
                             api->create_tensor(allocator, dims, rank,
                                                qn_ort_type(dtype), out_value),
                             NULL, QUERN_INTERNAL);
        }
        return code == QUERN_OK ? fill_strings(context, api, tensor, *out_value)
                                : code;
    }
    /* Only read: inputs and weights are never written by a run. */
    void *data = (void *)(uintptr_t)quern_tensor_data(tensor);
    static const uint64_t nothing = 0;
    if (data == NULL) {
        data = (void *)(uintptr_t)&nothing;
    }
    return qn_ort_check(context, api,
                        api->wrap_tensor(memory, data,
                                         quern_tensor_size(tensor), dims, rank,
                                         qn_ort_type(dtype), out_value),
                        NULL, QUERN_UNSUPPORTED);
}

/* ------------------------------------------------------------------ back */

static enum quern_code read_shape(struct quern_context *context,
                                  const struct ort_api *api,
                                  const struct ort_shape *shape,
                                  const struct quern_place *place,
                                  struct quern_view *v)
{
    int type = 0;
    size_t rank = 0;
    enum quern_code code = qn_ort_check(
        context, api, api->shape_type(shape, &type), place, QUERN_INTERNAL);
    if (code == QUERN_OK) {
        code = qn_ort_check(context, api, api->shape_rank(shape, &rank), place,
                            QUERN_INTERNAL);
    }
    if (code == QUERN_OK && rank > QUERN_MAX_RANK) {
        code = quern_fail(context, QUERN_LIMIT, place,
                          "rank is %zu, at most %d are possible", rank,
                          QUERN_MAX_RANK);
    }
    v->dtype = qn_ort_dtype(type);
    if (code == QUERN_OK && v->dtype == QUERN_UNDEFINED) {
        code = quern_fail(context, QUERN_UNSUPPORTED, place,
                          "ONNX Runtime gives elements of its type %d, which "
                          "is not known",
                          type);
    }
    if (code == QUERN_OK) {
        code = qn_ort_check(context, api, api->shape_dims(shape, v->dims, rank),
                            place, QUERN_INTERNAL);
    }
    v->rank = (int)rank;
    int64_t step = 1;
    for (int i = v->rank - 1; code == QUERN_OK && i >= 0; i--) {
        v->strides[i] = step;
        step *= v->dims[i] > 0 ? v->dims[i] : 1; /* the library holds them */
    }
    return code;
}

enum quern_code qn_ort_value_shape(struct quern_context *context,
                                   const struct ort_api *api,
                                   const struct ort_value *value,
                                   const struct quern_place *place,
                                   struct quern_view *out_view)
{
    struct ort_shape *shape = NULL;
    memset(out_view, 0, sizeof *out_view);
    enum quern_code code = qn_ort_check(
        context, api, api->tensor_shape(value, &shape), place, QUERN_INTERNAL);
    if (code == QUERN_OK) {
        code = read_shape(context, api, shape, place, out_view);
        api->release_shape(shape);
    }
    return code;
}

static enum quern_code read_strings(struct quern_context *context,
                                    const struct ort_api *api,
                                    const struct ort_value *value,
                                    const struct quern_view *v,
                                    struct quern_tensor **out_tensor)
{
    size_t n = 1;
    size_t size = 0;
    for (int i = 0; i < v->rank; i++) {
        n *= (size_t)v->dims[i];
    }
    enum quern_code code = qn_ort_check(
        context, api, api->strings_size(value, &size), NULL, QUERN_INTERNAL);
    if (code != QUERN_OK) {
        return code;
    }
    char *bytes = qn_calloc(size + 1);
    size_t *offsets = qn_calloc_n(n + 1, sizeof *offsets);
    struct qn_string *list = qn_calloc_n(n + 1, sizeof *list);
    if (bytes == NULL || offsets == NULL || list == NULL) {
        code = qn_no_memory(context);
    }
    if (code == QUERN_OK && n > 0) {
        code = qn_ort_check(context, api,
                            api->strings(value, bytes, size, offsets, n), NULL,
                            QUERN_INTERNAL);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        size_t end = i + 1 < n ? offsets[i + 1] : size;
        list[i] = (struct qn_string){bytes + offsets[i], end - offsets[i]};
    }
    if (code == QUERN_OK) {
        code =
            qn_tensor_strings(context, v->rank, v->dims, list, n, out_tensor);
    }
    qn_free(bytes);
    qn_free(offsets);
    qn_free(list);
    return code;
}

enum quern_code qn_ort_tensor_of(struct quern_context *context,
                                 const struct ort_api *api,
                                 struct ort_value *value,
                                 const struct quern_place *place,
                                 struct quern_tensor **out_tensor)
{
    int kind = 0;
    struct quern_view v;
    void *data = NULL;
    struct quern_tensor *t = NULL;
    enum quern_code code = qn_ort_check(
        context, api, api->value_kind(value, &kind), place, QUERN_INTERNAL);
    if (code == QUERN_OK && kind != ORT_TYPE_TENSOR) {
        code = quern_fail(context, QUERN_UNSUPPORTED, place,
                          "it is no tensor, and outputs are tensors here");
    }
    if (code == QUERN_OK) {
        code = qn_ort_value_shape(context, api, value, place, &v);
    }
    if (code != QUERN_OK || v.dtype == QUERN_STRING) {
        return code == QUERN_OK
                   ? read_strings(context, api, value, &v, out_tensor)
                   : code;
    }
    code = quern_tensor_create(context, v.dtype, v.rank, v.dims, &t);
    if (code == QUERN_OK && quern_tensor_size(t) > 0) {
        code = qn_ort_check(context, api, api->tensor_data(value, &data), place,
                            QUERN_INTERNAL);
        if (code == QUERN_OK) {
            memcpy(quern_tensor_data_mut(t), data, quern_tensor_size(t));
        }
    }
    if (code != QUERN_OK) {
        quern_tensor_release(&t);
        return code;
    }
    *out_tensor = t;
    return QUERN_OK;
}
