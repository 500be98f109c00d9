/* What a maker of fast kernels offers the embedded engine: convolutions of
 * float, with the element-wise steps behind them. Makers are oneDNN and our own
 * (conv_rows.h).
 *
 * oneDNN lives in a module that is loaded on first use; it calls nothing of
 * ours. Everything is channels last ([N, C, H, W] lying as NHWC). A kernel
 * is made for one shape, may be used by any number of threads at once, and
 * says how large its packed weights and its scratch room are.
 */
#ifndef QUERN_EXEC_ACCELERATOR_H
#define QUERN_EXEC_ACCELERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QN_ACCELERATOR_ABI = 4, QN_MAX_POSTS = 4 };

/** A step on each output element, in order. */
enum qn_post_kind {
    QN_POST_UNARY,  /* y = f(y); f is an enum qn_unary */
    QN_POST_LINEAR, /* y = p0 * y + p1 */
    QN_POST_ADD,    /* y += other, which has the output's dims */
};

struct qn_post {
    enum qn_post_kind kind;
    int unary;
    float p0;
    float p1;
    int input; /* of the operator: the other one of QN_POST_ADD */
};

struct qn_conv_shape {
    int64_t batch;
    int64_t in_channels;
    int64_t out_channels;
    int64_t groups;
    int64_t in[3]; /* depth, height, width; missing ones are 1 */
    int64_t out[3];
    int64_t kernel[3];
    int64_t stride[3];
    int64_t dilation[3];
    int64_t pad[3];
    int64_t pad_end[3];
    bool bias;
    int n_posts;
    struct qn_post posts[QN_MAX_POSTS]; /* QN_POST_ADD: `dst` holds the other
                                           one before the call */
};

struct qn_kernel; /* of the module */
struct qn_call;   /* a kernel with its arguments, of one thread */

enum qn_opened { QN_OPENED, QN_OPEN_NOT_HERE, QN_OPEN_NO_MEMORY };

struct qn_accelerator {
    uint32_t abi;
    const char *name;    /* "oneDNN" */
    const char *version; /* "2.6.3" */

    /** @param level      "x86-64-v3": no wider instructions than these; NULL:
     *                    all
     * @param out_state  written by QN_OPENED only */
    enum qn_opened (*open)(const char *level, void **out_state);
    void (*close)(void *state);

    /** NULL: no such kernel (or no memory): the caller has its own. */
    struct qn_kernel *(*conv)(void *state, const struct qn_conv_shape *shape);
    void (*kernel_destroy)(struct qn_kernel *kernel);
    const char *(*kernel_name)(const struct qn_kernel *kernel);

    /** Bytes of the packed weights; 0: they are used as they are. */
    size_t (*packed_size)(const struct qn_kernel *kernel);
    size_t (*scratch_size)(const struct qn_kernel *kernel);
    /** Packed weights of one serve the other. */
    bool (*same_packing)(const struct qn_kernel *a, const struct qn_kernel *b);
    /** @param weights  floats at any address, as files have them */
    bool (*pack)(void *state, const struct qn_kernel *kernel,
                 const void *weights, float *packed);

    /** NULL: no memory. */
    struct qn_call *(*call_create)(void *state, const struct qn_kernel *kernel);
    void (*call_destroy)(struct qn_call *call);
    /** All pointers are aligned to 4 or better; `scratch` to 64. */
    bool (*execute)(void *state, struct qn_call *call, const float *src,
                    const float *weights, const float *bias, float *dst,
                    void *scratch);
};

/** The one symbol of a module. */
typedef const struct qn_accelerator *(*qn_accelerator_entry_fn)(void);

#endif
