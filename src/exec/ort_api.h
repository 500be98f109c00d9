/* The C interface of ONNX Runtime, as much of it as is called here.
 *
 * Nothing is linked: the library is opened at run time and hands out a table
 * of functions by the number of an interface version. A slot of the table
 * never moves and never changes from one release to the next, so the slots
 * that are used are declared at their places and the others are gaps; static
 * asserts in ort_library.c hold the places. Source of order and types:
 * onnxruntime_c_api.h of ONNX Runtime. All slots have been called in 1.32.0,
 * all but those of strings in 1.14.1 and 1.20.1.
 *
 * Calls that return a struct ort_status * give NULL when all is well, else a
 * status that is released with release_status (see qn_ort_check()).
 */
#ifndef QUERN_EXEC_ORT_API_H
#define QUERN_EXEC_ORT_API_H

#include <stddef.h>
#include <stdint.h>

/** Versions of the interface: the least that serves, and the one from which
 * weights can be lent (add_external_initializers). */
enum { QN_ORT_API_LEAST = 11, QN_ORT_API_LENT = 12 };

struct ort_status;
struct ort_env;
struct ort_session;
struct ort_session_options;
struct ort_run_options;
struct ort_value;
struct ort_shape; /* OrtTensorTypeAndShapeInfo */
struct ort_memory;
struct ort_domain; /* OrtCustomOpDomain */
struct ort_kernel_info;
struct ort_kernel_context;
struct ort_custom_op;

/** A slot that is not used. */
typedef void (*ort_gap)(void);

/** Numbers of OrtErrorCode that are told apart. */
enum { ORT_FAIL = 1, ORT_NOT_IMPLEMENTED = 9 };

enum { ORT_LOG_FATAL = 4, ORT_TYPE_TENSOR = 1, ORT_ARENA_ALLOCATOR = 1 };

/** GraphOptimizationLevel. */
enum { ORT_OPTIMIZE_NOTHING = 0, ORT_OPTIMIZE_ALL = 99 };

struct ort_api {
    ort_gap gap_0[1];
    int (*error_code)(const struct ort_status *status);
    const char *(*error_message)(const struct ort_status *status);
    struct ort_status *(*create_env)(int severity, const char *id,
                                     struct ort_env **out);
    ort_gap gap_4[4];
    struct ort_status *(*create_session)(
        const struct ort_env *env, const void *model, size_t size,
        const struct ort_session_options *options, struct ort_session **out);
    struct ort_status *(*run)(struct ort_session *session,
                              const struct ort_run_options *options,
                              const char *const *input_names,
                              const struct ort_value *const *inputs,
                              size_t n_inputs, const char *const *output_names,
                              size_t n_outputs, struct ort_value **outputs);
    struct ort_status *(*create_session_options)(
        struct ort_session_options **out);
    ort_gap gap_11[11];
    struct ort_status *(*set_severity)(struct ort_session_options *options,
                                       int severity);
    struct ort_status *(*set_optimization)(struct ort_session_options *options,
                                           int level);
    struct ort_status *(*set_intra_threads)(struct ort_session_options *options,
                                            int n);
    struct ort_status *(*set_inter_threads)(struct ort_session_options *options,
                                            int n);
    struct ort_status *(*create_domain)(const char *name,
                                        struct ort_domain **out);
    struct ort_status *(*domain_add)(struct ort_domain *domain,
                                     const struct ort_custom_op *op);
    struct ort_status *(*add_domain)(struct ort_session_options *options,
                                     struct ort_domain *domain);
    ort_gap gap_29[10];
    struct ort_status *(*create_run_options)(struct ort_run_options **out);
    ort_gap gap_40[6];
    struct ort_status *(*set_terminate)(struct ort_run_options *options);
    ort_gap gap_47[1];
    struct ort_status *(*create_tensor)(void *allocator, const int64_t *dims,
                                        size_t rank, int type,
                                        struct ort_value **out);
    struct ort_status *(*wrap_tensor)(const struct ort_memory *memory,
                                      void *data, size_t size,
                                      const int64_t *dims, size_t rank,
                                      int type, struct ort_value **out);
    ort_gap gap_50[1];
    struct ort_status *(*tensor_data)(struct ort_value *value, void **out);
    struct ort_status *(*fill_strings)(struct ort_value *value,
                                       const char *const *strings, size_t n);
    struct ort_status *(*strings_size)(const struct ort_value *value,
                                       size_t *out_size);
    struct ort_status *(*strings)(const struct ort_value *value, void *bytes,
                                  size_t size, size_t *offsets, size_t n);
    ort_gap gap_55[5];
    struct ort_status *(*shape_type)(const struct ort_shape *shape, int *out);
    struct ort_status *(*shape_rank)(const struct ort_shape *shape,
                                     size_t *out);
    struct ort_status *(*shape_dims)(const struct ort_shape *shape,
                                     int64_t *dims, size_t rank);
    ort_gap gap_63[2];
    struct ort_status *(*tensor_shape)(const struct ort_value *value,
                                       struct ort_shape **out);
    ort_gap gap_66[1];
    struct ort_status *(*value_kind)(const struct ort_value *value, int *out);
    ort_gap gap_68[1];
    struct ort_status *(*create_cpu_memory)(int allocator, int kind,
                                            struct ort_memory **out);
    ort_gap gap_70[8];
    struct ort_status *(*default_allocator)(void **out);
    ort_gap gap_79[7];
    struct ort_status *(*attribute_int)(const struct ort_kernel_info *info,
                                        const char *name, int64_t *out);
    ort_gap gap_87[3];
    struct ort_status *(*kernel_input)(const struct ort_kernel_context *context,
                                       size_t i, const struct ort_value **out);
    struct ort_status *(*kernel_output)(struct ort_kernel_context *context,
                                        size_t i, const int64_t *dims,
                                        size_t rank, struct ort_value **out);
    void (*release_env)(struct ort_env *env);
    void (*release_status)(struct ort_status *status);
    void (*release_memory)(struct ort_memory *memory);
    void (*release_session)(struct ort_session *session);
    void (*release_value)(struct ort_value *value);
    void (*release_run_options)(struct ort_run_options *options);
    ort_gap gap_98[1];
    void (*release_shape)(struct ort_shape *shape);
    void (*release_session_options)(struct ort_session_options *options);
    void (*release_domain)(struct ort_domain *domain);
    ort_gap gap_102[108];
    /* from QN_ORT_API_LENT on */
    struct ort_status *(*add_external_initializers)(
        struct ort_session_options *options, const char *const *names,
        const struct ort_value *const *values, size_t n);
};

struct ort_api_base {
    const struct ort_api *(*get_api)(uint32_t version);
    const char *(*version)(void);
};

typedef const struct ort_api_base *(*ort_entry_fn)(void);

/** An operator of our own, in the form of interface version 11. `version`
 * tells the library how much of it there is. Type 0 means any. */
struct ort_custom_op {
    uint32_t version;
    void *(*create_kernel)(const struct ort_custom_op *op,
                           const struct ort_api *api,
                           const struct ort_kernel_info *info);
    const char *(*name)(const struct ort_custom_op *op);
    const char *(*provider)(const struct ort_custom_op *op);
    int (*input_type)(const struct ort_custom_op *op, size_t i);
    size_t (*n_inputs)(const struct ort_custom_op *op);
    int (*output_type)(const struct ort_custom_op *op, size_t i);
    size_t (*n_outputs)(const struct ort_custom_op *op);
    void (*compute)(void *kernel, struct ort_kernel_context *context);
    void (*destroy)(void *kernel);
    int (*input_need)(const struct ort_custom_op *op, size_t i);
    int (*output_need)(const struct ort_custom_op *op, size_t i);
};

#endif
