/* oneDNN as an accelerator: the only file that sees its header.
 *
 * How it is driven is measured (rules: channels last named for activations,
 * weights in the order that the kernel asks for, scratch room of the caller,
 * arguments made once). Written for the C interface of version 2.
 */
#include "exec/accelerator.h"
#include "exec/filter_blocks.h"
#include "exec/kernels/level.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

struct state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct qn_kernel {
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t src;
    dnnl_memory_desc_t weights;
    dnnl_memory_desc_t plain; /* weights as the model has them */
    dnnl_memory_desc_t bias;
    dnnl_memory_desc_t dst;
    dnnl_memory_desc_t scratch;
    bool has_bias;
    bool packs;
    char name[40];
};

enum { MAX_ARGS = 5 };

struct qn_call {
    const struct qn_kernel *kernel;
    int n;
    dnnl_exec_arg_t args[MAX_ARGS];
    int at[MAX_ARGS]; /* place of an argument in `args`, or -1 */
    const void *data[MAX_ARGS];
};

enum { SRC, WEIGHTS, BIAS, DST, SCRATCH };

static void close_state(void *opaque)
{
    struct state *s = opaque;
    if (s != NULL) {
        dnnl_stream_destroy(s->stream);
        dnnl_engine_destroy(s->engine);
        free(s);
    }
}

static enum qn_opened open_state(const char *level, void **out_state)
{
    struct state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return QN_OPEN_NO_MEMORY;
    }
    /* Too late after the first kernel of the process: then it stays. */
    if (level != NULL && strcmp(level, "v3") == 0) {
        (void)dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    } else if (level != NULL && strcmp(level, "v4") != 0) {
        (void)dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    }
    dnnl_status_t status = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (status == dnnl_success) {
        status = dnnl_stream_create(&s->stream, s->engine,
                                    dnnl_stream_default_flags);
    }
    if (status != dnnl_success) {
        close_state(s);
        return status == dnnl_out_of_memory ? QN_OPEN_NO_MEMORY
                                            : QN_OPEN_NOT_HERE;
    }
    *out_state = s;
    return QN_OPENED;
}

/* ------------------------------------------------------------ attributes */

/* Steps that oneDNN does well; the rest is the caller's. */
static bool append_unary(dnnl_post_ops_t ops, const struct qn_post *p)
{
    dnnl_alg_kind_t kind = dnnl_alg_kind_undef;
    float alpha = 0.0f;
    float beta = 0.0f;
    switch (p->unary) {
    case QN_RELU:
        kind = dnnl_eltwise_relu;
        break;
    case QN_LEAKY_RELU:
        kind = dnnl_eltwise_relu;
        alpha = p->p0;
        break;
    case QN_CLIP:
        kind = dnnl_eltwise_clip;
        alpha = p->p0;
        beta = p->p1;
        break;
    case QN_HARD_SWISH:
        kind = dnnl_eltwise_hardswish;
        break;
    default:
        return false;
    }
    return dnnl_post_ops_append_eltwise(ops, 1.0f, kind, alpha, beta) ==
           dnnl_success;
}

static bool append(dnnl_post_ops_t ops, const struct qn_post *p)
{
    switch (p->kind) {
    case QN_POST_UNARY:
        return append_unary(ops, p);
    case QN_POST_LINEAR:
        return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_linear,
                                            p->p0, p->p1) == dnnl_success;
    case QN_POST_ADD:
        return dnnl_post_ops_append_sum(ops, 1.0f) == dnnl_success;
    }
    return false;
}

static dnnl_primitive_attr_t attributes(int n, const struct qn_post *posts)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    if (dnnl_primitive_attr_create(&attr) != dnnl_success) {
        return NULL;
    }
    bool good = dnnl_primitive_attr_set_scratchpad_mode(
                    attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (good && n > 0) {
        good = dnnl_post_ops_create(&ops) == dnnl_success;
        for (int i = 0; good && i < n; i++) {
            good = append(ops, &posts[i]);
        }
        good =
            good && dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
        dnnl_post_ops_destroy(ops);
    }
    if (!good) {
        dnnl_primitive_attr_destroy(attr);
        return NULL;
    }
    return attr;
}

/* --------------------------------------------------------------- kernels */

static void kernel_destroy(struct qn_kernel *k)
{
    if (k != NULL) {
        dnnl_primitive_destroy(k->primitive);
        free(k);
    }
}

/* The kernel of an operation descriptor; NULL: oneDNN has none. */
static bool finish(const struct state *s, struct qn_kernel *k,
                   const void *operation, dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t pd = NULL;
    bool good = dnnl_primitive_desc_create(&pd, operation, attr, s->engine,
                                           NULL) == dnnl_success &&
                dnnl_primitive_create(&k->primitive, pd) == dnnl_success;
    if (good) {
        const char *name = "";
        (void)dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0,
                                        (void *)&name);
        strncpy(k->name, "onednn ", sizeof k->name - 1);
        strncat(k->name, name, sizeof k->name - strlen(k->name) - 1);
        k->weights =
            *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
        const dnnl_memory_desc_t *scratch =
            dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        if (scratch != NULL) {
            k->scratch = *scratch;
        }
        k->packs = dnnl_memory_desc_equal(&k->weights, &k->plain) == 0;
    }
    dnnl_primitive_desc_destroy(pd);
    return good;
}

/* Spatial axes that a shape really needs: a 1-wide depth is left out. */
static int first_axis(const struct qn_conv_shape *c)
{
    return c->in[0] == 1 && c->out[0] == 1 && c->kernel[0] == 1 ? 1 : 0;
}

static bool conv_mds(struct qn_kernel *k, const struct qn_conv_shape *c,
                     dnnl_memory_desc_t *any)
{
    int from = first_axis(c);
    int n = 3 - from;
    bool grouped = c->groups > 1;
    int shift = grouped ? 1 : 0;
    dnnl_dims_t src = {c->batch, c->in_channels};
    dnnl_dims_t dst = {c->batch, c->out_channels};
    dnnl_dims_t bias = {c->out_channels};
    dnnl_dims_t w = {c->groups};
    w[shift] = c->out_channels / c->groups;
    w[shift + 1] = c->in_channels / c->groups;
    for (int i = 0; i < n; i++) {
        src[2 + i] = c->in[from + i];
        dst[2 + i] = c->out[from + i];
        w[shift + 2 + i] = c->kernel[from + i];
    }
    dnnl_format_tag_t tag = n == 2 ? dnnl_nhwc : dnnl_ndhwc;
    dnnl_dims_t strides = {0};
    int rank = shift + 2 + n;
    dnnl_dim_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= w[i];
    }
    return dnnl_memory_desc_init_by_tag(&k->src, 2 + n, src, dnnl_f32, tag) ==
               dnnl_success &&
           dnnl_memory_desc_init_by_tag(&k->dst, 2 + n, dst, dnnl_f32, tag) ==
               dnnl_success &&
           dnnl_memory_desc_init_by_tag(&k->bias, 1, bias, dnnl_f32, dnnl_a) ==
               dnnl_success &&
           dnnl_memory_desc_init_by_strides(&k->plain, rank, w, dnnl_f32,
                                            strides) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(any, rank, w, dnnl_f32,
                                        dnnl_format_tag_any) == dnnl_success;
}

static struct qn_kernel *conv(void *opaque, const struct qn_conv_shape *c)
{
    const struct state *s = opaque;
    struct qn_kernel *k = calloc(1, sizeof *k);
    dnnl_memory_desc_t any;
    dnnl_primitive_attr_t attr = attributes(c->n_posts, c->posts);
    int from = first_axis(c);
    int n = 3 - from;
    dnnl_dims_t stride;
    dnnl_dims_t dilation;
    dnnl_dims_t pad;
    dnnl_dims_t pad_end;
    for (int i = 0; i < n; i++) {
        stride[i] = c->stride[from + i];
        dilation[i] = c->dilation[from + i] - 1;
        pad[i] = c->pad[from + i];
        pad_end[i] = c->pad_end[from + i];
    }
    bool good = k != NULL && attr != NULL && conv_mds(k, c, &any);
    if (good) {
        dnnl_convolution_desc_t d;
        good = dnnl_dilated_convolution_forward_desc_init(
                   &d, dnnl_forward_inference, dnnl_convolution_direct, &k->src,
                   &any, c->bias ? &k->bias : NULL, &k->dst, stride, dilation,
                   pad, pad_end) == dnnl_success &&
               finish(s, k, &d, attr);
    }
    dnnl_primitive_attr_destroy(attr);
    if (!good) {
        kernel_destroy(k);
        return NULL;
    }
    k->has_bias = c->bias;
    return k;
}

static const char *kernel_name(const struct qn_kernel *k)
{
    return k->name;
}

static size_t packed_size(const struct qn_kernel *k)
{
    return k->packs ? dnnl_memory_desc_get_size(&k->weights) : 0;
}

static size_t scratch_size(const struct qn_kernel *k)
{
    return dnnl_memory_desc_get_size(&k->scratch);
}

static bool same_packing(const struct qn_kernel *a, const struct qn_kernel *b)
{
    return dnnl_memory_desc_equal(&a->weights, &b->weights) != 0;
}

/* Blocks of filters, all else in any order outside: what kernels mostly want.
 */
static bool filter_blocks(const struct qn_kernel *k,
                          struct qn_filter_blocks *out)
{
    const dnnl_memory_desc_t *w = &k->weights;
    const dnnl_blocking_desc_t *b = &w->format_desc.blocking;
    int axis = w->ndims - k->src.ndims; /* of filters, behind the groups */
    bool good = w->format_kind == dnnl_blocked && w->data_type == dnnl_f32 &&
                w->offset0 == 0 && w->extra.flags == 0 && b->inner_nblks == 1 &&
                b->inner_idxs[0] == axis && b->inner_blks[0] <= QN_MOST_FILTERS;
    *out = (struct qn_filter_blocks){.n_axes = w->ndims - axis - 1,
                                     .groups = axis > 0 ? w->dims[0] : 1,
                                     .filters = w->dims[axis],
                                     .width = b->inner_blks[0],
                                     .group_step = b->strides[0],
                                     .block_step = b->strides[axis]};
    for (int i = 0; good && i < w->ndims; i++) {
        good = w->padded_offsets[i] == 0 &&
               (i == axis || w->padded_dims[i] == w->dims[i]);
        if (i > axis) {
            out->dims[i - axis - 1] = w->dims[i];
            out->steps[i - axis - 1] = b->strides[i];
        }
    }
    return good;
}

static bool reorder(const struct state *s, const struct qn_kernel *k,
                    void *weights, float *packed)
{
    dnnl_memory_t from = NULL;
    dnnl_memory_t to = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    bool good = dnnl_memory_create(&from, &k->plain, s->engine, weights) ==
                    dnnl_success &&
                dnnl_memory_create(&to, &k->weights, s->engine, packed) ==
                    dnnl_success &&
                dnnl_reorder_primitive_desc_create(&pd, &k->plain, s->engine,
                                                   &k->weights, s->engine,
                                                   NULL) == dnnl_success &&
                dnnl_primitive_create(&primitive, pd) == dnnl_success;
    if (good) {
        dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        good = dnnl_primitive_execute(primitive, s->stream, 2, args) ==
                   dnnl_success &&
               dnnl_stream_wait(s->stream) == dnnl_success;
    }
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    dnnl_memory_destroy(from);
    dnnl_memory_destroy(to);
    return good;
}

static bool pack(void *opaque, const struct qn_kernel *k, const void *weights,
                 float *packed)
{
    struct qn_filter_blocks blocks;
    if (filter_blocks(k, &blocks)) {
        qn_pack_filters(&blocks, weights, packed);
        return true;
    }
    /* Only read, though the interface has no word for it. */
    void *source = (void *)(uintptr_t)weights;
    void *copy = NULL;
    if ((uintptr_t)weights % sizeof(float) != 0) {
        size_t size = dnnl_memory_desc_get_size(&k->plain);
        copy = malloc(size);
        if (copy == NULL) {
            return false;
        }
        source = memcpy(copy, weights, size);
    }
    bool good = reorder(opaque, k, source, packed);
    free(copy);
    return good;
}

/* ----------------------------------------------------------------- calls */

static void call_destroy(struct qn_call *c)
{
    if (c != NULL) {
        for (int i = 0; i < c->n; i++) {
            dnnl_memory_destroy(c->args[i].memory);
        }
        free(c);
    }
}

static bool add_arg(const struct state *s, struct qn_call *c, int which,
                    int arg, const dnnl_memory_desc_t *md)
{
    dnnl_memory_t memory = NULL;
    if (dnnl_memory_create(&memory, md, s->engine, DNNL_MEMORY_NONE) !=
        dnnl_success) {
        return false;
    }
    c->at[which] = c->n;
    c->args[c->n++] = (dnnl_exec_arg_t){arg, memory};
    return true;
}

static struct qn_call *call_create(void *opaque, const struct qn_kernel *k)
{
    const struct state *s = opaque;
    struct qn_call *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->kernel = k;
    memset(c->at, -1, sizeof c->at);
    bool good = add_arg(s, c, SRC, DNNL_ARG_SRC, &k->src) &&
                add_arg(s, c, WEIGHTS, DNNL_ARG_WEIGHTS, &k->weights) &&
                add_arg(s, c, DST, DNNL_ARG_DST, &k->dst);
    if (good && k->has_bias) {
        good = add_arg(s, c, BIAS, DNNL_ARG_BIAS, &k->bias);
    }
    if (good && scratch_size(k) > 0) {
        good = add_arg(s, c, SCRATCH, DNNL_ARG_SCRATCHPAD, &k->scratch);
    }
    if (!good) {
        call_destroy(c);
        return NULL;
    }
    return c;
}

/* A handle that stays is not set again: setting writes zeros into the padding
 * of blocked weights, which other threads read. */
static bool set(struct qn_call *c, int which, const void *data)
{
    if (c->at[which] < 0 || c->data[which] == data) {
        return true;
    }
    c->data[which] = data;
    return dnnl_memory_set_data_handle(c->args[c->at[which]].memory,
                                       (void *)(uintptr_t)data) == dnnl_success;
}

static bool execute(void *opaque, struct qn_call *c, const float *src,
                    const float *weights, const float *bias, float *dst,
                    void *scratch)
{
    const struct state *s = opaque;
    return set(c, SRC, src) && set(c, WEIGHTS, weights) && set(c, BIAS, bias) &&
           set(c, DST, dst) && set(c, SCRATCH, scratch) &&
           dnnl_primitive_execute(c->kernel->primitive, s->stream, c->n,
                                  c->args) == dnnl_success;
}

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

static const struct qn_accelerator onednn = {
    .abi = QN_ACCELERATOR_ABI,
    .name = "oneDNN",
    .version = TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(
        DNNL_VERSION_PATCH),
    .open = open_state,
    .close = close_state,
    .conv = conv,
    .kernel_destroy = kernel_destroy,
    .kernel_name = kernel_name,
    .packed_size = packed_size,
    .scratch_size = scratch_size,
    .same_packing = same_packing,
    .pack = pack,
    .call_create = call_create,
    .call_destroy = call_destroy,
    .execute = execute,
};

const struct qn_accelerator *qn_accelerator_entry(void);
__attribute__((visibility("default"))) const struct qn_accelerator *
qn_accelerator_entry(void)
{
    return &onednn;
}
