/* Libraries that pretend to be ONNX Runtime, one for each thing that can be
 * wrong with one, and one that "runs": every output is the first input. */
#include "exec/ort_api.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef NO_SYMBOL
extern const int ort_nothing;
const int ort_nothing = 1;
#else

struct ort_status {
    int code;
    const char *text;
};

#ifdef OLD
static const char *version(void)
{
    return "1.10.0";
}

/* Asked for more than it has, the real one complains on standard error. */
static const struct ort_api *get_api(uint32_t number)
{
    (void)number;
    abort();
}
#elif defined(ODD)
static const char *version(void)
{
    return "nightly";
}

static const struct ort_api *get_api(uint32_t number)
{
    static const struct ort_api nothing = {0};
    return number > 10 ? NULL : &nothing;
}
#else

struct ort_value {
    int type;
    size_t rank;
    int64_t dims[16];
    size_t size;
    void *data;
    bool owned;
};

struct ort_session {
    bool fails;
};

struct ort_shape {
    const struct ort_value *value;
};

/* Handles without content: only that each is given back can be seen. */
static struct ort_status *make(void **out)
{
    static struct ort_status no_memory = {6, "std::bad_alloc"};
    *out = malloc(1);
    return *out != NULL ? NULL : &no_memory;
}

static int error_code(const struct ort_status *status)
{
    return status->code;
}

static const char *error_message(const struct ort_status *status)
{
    return status->text;
}

static struct ort_status *create_env(int severity, const char *id,
                                     struct ort_env **out)
{
    (void)severity;
    (void)id;
    return make((void **)out);
}

static struct ort_status *
create_session(const struct ort_env *env, const void *model, size_t size,
               const struct ort_session_options *options,
               struct ort_session **out)
{
    static struct ort_status bad = {9, "Could not find an implementation.\n"};
    (void)env;
    (void)options;
    if (memmem(model, size, "Unloadable", 10) != NULL) {
        return &bad;
    }
    *out = calloc(1, sizeof **out);
    (*out)->fails = memmem(model, size, "Unrunnable", 10) != NULL;
    return NULL;
}

static struct ort_value *copy_of(const struct ort_value *value)
{
    struct ort_value *copy = malloc(sizeof *copy);
    *copy = *value;
    copy->data = malloc(value->size + 1);
    copy->owned = true;
    memcpy(copy->data, value->data, value->size);
    return copy;
}

static struct ort_status *run(struct ort_session *session,
                              const struct ort_run_options *options,
                              const char *const *input_names,
                              const struct ort_value *const *inputs,
                              size_t n_inputs, const char *const *output_names,
                              size_t n_outputs, struct ort_value **outputs)
{
    static struct ort_status bad = {6, "node is unrunnable"};
    (void)options;
    (void)input_names;
    (void)output_names;
    if (session->fails || n_inputs == 0) {
        return &bad;
    }
    for (size_t i = 0; i < n_outputs; i++) {
        outputs[i] = copy_of(inputs[0]);
    }
    return NULL;
}

static struct ort_status *create_options(struct ort_session_options **out)
{
    return make((void **)out);
}

static struct ort_status *set_number(struct ort_session_options *options, int n)
{
    (void)options;
    (void)n;
    return NULL;
}

static struct ort_status *wrap_tensor(const struct ort_memory *memory,
                                      void *data, size_t size,
                                      const int64_t *dims, size_t rank,
                                      int type, struct ort_value **out)
{
    (void)memory;
    *out = calloc(1, sizeof **out);
    (*out)->type = type;
    (*out)->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        (*out)->dims[i] = dims[i];
    }
    (*out)->size = size;
    (*out)->data = data;
    return NULL;
}

static struct ort_status *tensor_data(struct ort_value *value, void **out)
{
    *out = value->data;
    return NULL;
}

static struct ort_status *shape_type(const struct ort_shape *shape, int *out)
{
    *out = shape->value->type;
    return NULL;
}

static struct ort_status *shape_rank(const struct ort_shape *shape, size_t *out)
{
    *out = shape->value->rank;
    return NULL;
}

static struct ort_status *shape_dims(const struct ort_shape *shape,
                                     int64_t *dims, size_t rank)
{
    memcpy(dims, shape->value->dims, rank * sizeof *dims);
    return NULL;
}

static struct ort_status *tensor_shape(const struct ort_value *value,
                                       struct ort_shape **out)
{
    *out = malloc(sizeof **out);
    (*out)->value = value;
    return NULL;
}

static struct ort_status *value_kind(const struct ort_value *value, int *out)
{
    (void)value;
    *out = ORT_TYPE_TENSOR;
    return NULL;
}

static struct ort_status *create_memory(int allocator, int kind,
                                        struct ort_memory **out)
{
    (void)allocator;
    (void)kind;
    return make((void **)out);
}

static void release_status(struct ort_status *status)
{
    (void)status;
}

static void release_value(struct ort_value *value)
{
    if (value->owned) {
        free(value->data);
    }
    free(value);
}

static void release_env(struct ort_env *env)
{
    free(env);
}

static void release_memory(struct ort_memory *memory)
{
    free(memory);
}

static void release_session(struct ort_session *session)
{
    free(session);
}

static void release_shape(struct ort_shape *shape)
{
    free(shape);
}

static void release_options(struct ort_session_options *options)
{
    free(options);
}

static const char *version(void)
{
    return "1.11.7";
}

static const struct ort_api *get_api(uint32_t number)
{
    static const struct ort_api api = {
        .error_code = error_code,
        .error_message = error_message,
        .create_env = create_env,
        .create_session = create_session,
        .run = run,
        .create_session_options = create_options,
        .set_severity = set_number,
        .set_optimization = set_number,
        .set_intra_threads = set_number,
        .set_inter_threads = set_number,
        .wrap_tensor = wrap_tensor,
        .tensor_data = tensor_data,
        .shape_type = shape_type,
        .shape_rank = shape_rank,
        .shape_dims = shape_dims,
        .tensor_shape = tensor_shape,
        .value_kind = value_kind,
        .create_cpu_memory = create_memory,
        .release_env = release_env,
        .release_status = release_status,
        .release_memory = release_memory,
        .release_session = release_session,
        .release_value = release_value,
        .release_shape = release_shape,
        .release_session_options = release_options,
    };
    return number == 11 ? &api : NULL;
}
#endif

const struct ort_api_base *OrtGetApiBase(void);

const struct ort_api_base *OrtGetApiBase(void)
{
    static const struct ort_api_base base = {get_api, version};
    return &base;
}
#endif
