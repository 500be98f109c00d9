/* The operator by which taps see values in ONNX Runtime: it hands its input on
 * and shows the bytes meanwhile.
 *
 * Taps stand in the way of the data, so they are called in its order, at once
 * when a value is made, in bodies of If, Loop and Scan too, and what they write
 * is what the next operators read. Memory does not grow with their number. The
 * price is one copy of each value that is looked at.
 *
 * The library calls with C linkage and can take no error from a kernel of this
 * version of its interface: what goes wrong is kept in the run, and the run is
 * told to end.
 */
#include "exec/ort.h"

#include <string.h>

/* ---------------------------------------------------------------- compute */

/* Types of less than a byte are shown unpacked, one element a byte. */
static enum quern_code show_unpacked(struct qn_ort_run *run, size_t number,
                                     struct quern_view *v, void *data,
                                     size_t size)
{
    struct quern_tensor *packed = NULL;
    struct quern_tensor *whole = NULL;
    enum quern_code code =
        quern_tensor_wrap(run->context, v->dtype, v->rank, v->dims, data, size,
                          NULL, NULL, &packed);
    if (code == QUERN_OK) {
        code = quern_tensor_cast(
            run->context, packed,
            quern_dtype_is_signed(v->dtype) ? QUERN_INT8 : QUERN_UINT8, &whole);
    }
    if (code == QUERN_OK) {
        v->data = quern_tensor_data(whole);
        code = run->tap(run->user, number, v);
    }
    quern_tensor_release(&whole);
    quern_tensor_release(&packed);
    return code;
}

static bool bytes_of(const struct quern_view *v, size_t *out_size)
{
    size_t bits = (size_t)quern_dtype_bits(v->dtype);
    size_t n = 1;
    for (int i = 0; i < v->rank; i++) {
        n *= (size_t)v->dims[i]; /* the library holds as many */
    }
    *out_size = (n * bits + 7) / 8;
    return bits > 0;
}

static enum quern_code show(const struct qn_ort_tap *tap,
                            struct qn_ort_run *run, struct quern_view *v,
                            void *data, size_t size)
{
    if (run->tap == NULL || run->code != QUERN_OK) {
        return run->code;
    }
    enum quern_code code = qn_poll(run->context);
    if (code != QUERN_OK) {
        return code;
    }
    if (quern_dtype_bits(v->dtype) < 8) {
        return show_unpacked(run, tap->number, v, data, size);
    }
    v->data = data;
    v->writable = tap->ort->taps_write ? data : NULL;
    return run->tap(run->user, tap->number, v);
}

/* The input copied to the output, and the output shown. */
static enum quern_code pass_on(const struct qn_ort_tap *tap,
                               struct qn_ort_run *run,
                               struct ort_kernel_context *k)
{
    const struct ort_api *api = tap->ort->library.api;
    const struct ort_value *in = NULL;
    struct ort_value *out = NULL;
    struct quern_view v;
    size_t size = 0;
    void *from = NULL;
    void *to = NULL;
    enum quern_code code = qn_ort_check(
        run->context, api, api->kernel_input(k, 0, &in), NULL, QUERN_INTERNAL);
    if (code == QUERN_OK) {
        code = qn_ort_value_shape(run->context, api, in, NULL, &v);
    }
    if (code == QUERN_OK && !bytes_of(&v, &size)) {
        code = quern_fail(run->context, QUERN_UNSUPPORTED, NULL,
                          "tap %zu is of type %s, which cannot be looked at",
                          tap->number, quern_dtype_name(v.dtype));
    }
    if (code == QUERN_OK) {
        code =
            qn_ort_check(run->context, api,
                         api->kernel_output(k, 0, v.dims, (size_t)v.rank, &out),
                         NULL, QUERN_INTERNAL);
    }
    if (code == QUERN_OK) {
        /* The function gives writable bytes; the input is only read. */
        code = qn_ort_check(
            run->context, api,
            api->tensor_data((struct ort_value *)(uintptr_t)in, &from), NULL,
            QUERN_INTERNAL);
    }
    if (code == QUERN_OK) {
        code = qn_ort_check(run->context, api, api->tensor_data(out, &to), NULL,
                            QUERN_INTERNAL);
    }
    if (code == QUERN_OK && size > 0) {
        memcpy(to, from, size);
    }
    return code == QUERN_OK ? show(tap, run, &v, to, size) : code;
}

static struct qn_ort_run *run_of(const struct ort_api *api,
                                 const struct ort_kernel_context *k)
{
    const struct ort_value *in = NULL;
    void *data = NULL;
    int64_t address = 0;
    struct ort_status *status = api->kernel_input(k, 1, &in);
    if (status == NULL && in != NULL) {
        status = api->tensor_data((struct ort_value *)(uintptr_t)in, &data);
    }
    if (status != NULL) {
        api->release_status(status);
    }
    if (data != NULL) {
        memcpy(&address, data, sizeof address);
    }
    return (struct qn_ort_run *)(uintptr_t)address;
}

static void compute(void *kernel, struct ort_kernel_context *k)
{
    const struct qn_ort_tap *tap = kernel;
    const struct ort_api *api = tap->ort->library.api;
    struct qn_ort_run *run = run_of(api, k);
    if (run == NULL) {
        return; /* cannot be: the engine feeds it */
    }
    enum quern_code code = pass_on(tap, run, k);
    if (code != QUERN_OK && run->code == QUERN_OK) {
        run->code = code;
        struct ort_status *status = api->set_terminate(run->options);
        if (status != NULL) {
            api->release_status(status);
        }
    }
}

/* --------------------------------------------------------------- operator */

static void *create_kernel(const struct ort_custom_op *op,
                           const struct ort_api *given,
                           const struct ort_kernel_info *info)
{
    /* `base` is the first member. */
    const struct qn_ort_tap_op *own = (const struct qn_ort_tap_op *)op;
    const struct ort_api *api = own->ort->library.api;
    int64_t number = 0;
    struct ort_status *status = api->attribute_int(info, "tap", &number);
    (void)given;
    if (status != NULL) {
        api->release_status(status);
    }
    bool good = number >= 0 && (uint64_t)number < own->ort->n_taps;
    return &own->ort->taps[good ? number : 0];
}

static void destroy_kernel(void *kernel)
{
    (void)kernel; /* it lies in the engine */
}

static const char *name(const struct ort_custom_op *op)
{
    (void)op;
    return QN_ORT_TAP_OP;
}

static const char *provider(const struct ort_custom_op *op)
{
    (void)op;
    return NULL; /* the CPU */
}

static int input_type(const struct ort_custom_op *op, size_t i)
{
    (void)op;
    return i == 0 ? 0 : qn_ort_type(QUERN_INT64);
}

static int output_type(const struct ort_custom_op *op, size_t i)
{
    (void)op;
    (void)i;
    return 0; /* that of input 0 */
}

static size_t n_inputs(const struct ort_custom_op *op)
{
    (void)op;
    return 2;
}

static size_t n_outputs(const struct ort_custom_op *op)
{
    (void)op;
    return 1;
}

static int need(const struct ort_custom_op *op, size_t i)
{
    (void)op;
    (void)i;
    return 0; /* required */
}

void qn_ort_tap_op_init(struct qn_ort_tap_op *op, struct qn_ort *ort)
{
    op->ort = ort;
    op->base = (struct ort_custom_op){
        .version = QN_ORT_API_LEAST,
        .create_kernel = create_kernel,
        .name = name,
        .provider = provider,
        .input_type = input_type,
        .n_inputs = n_inputs,
        .output_type = output_type,
        .n_outputs = n_outputs,
        .compute = compute,
        .destroy = destroy_kernel,
        .input_need = need,
        .output_need = need,
    };
}
