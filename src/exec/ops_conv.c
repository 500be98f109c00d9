/* Conv: by our own or the accelerator's kernel where there is one, else in
 * plain C; then the
 * steps fused behind it. float only.
 *
 * What depends on the input's dims (windows, kernel, arguments) is kept in the
 * runner's cache of the operator, for the last few shapes.
 */
#include "exec/conv.h"
#include "exec/ops.h"
#include "exec/posts.h"
#include "exec/prepare.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

enum { N_SHAPES = 4 };

/* A convolution of one input shape. */
struct shaped {
    int rank; /* 0: not used yet */
    int64_t dims[2 + QN_WINDOW_AXES];
    struct qn_window w;
    int64_t out_dims[2 + QN_WINDOW_AXES];
    struct qn_made *made; /* NULL: plain */
    struct qn_call *call;
    size_t scratch;
    int n_fast;  /* steps that the kernel does */
    bool adds;   /* what step 0 adds has the output's shape */
    bool alone;  /* the kernel does no steps */
    bool finite; /* so are the weights, where something is added */
};

struct conv_cache {
    struct qn_cache head;
    struct qn_conv_state *state;
    int next; /* to be replaced */
    struct shaped shapes[N_SHAPES];
};

/* -------------------------------------------------------------- prepare */

static void release_state(struct quern_engine *e, void *state)
{
    (void)e;
    struct qn_conv_state *s = state;
    qn_heavy_finish(&s->heavy);
    qn_free(s->weights);
    qn_free(s->bias);
}

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
}

enum quern_code qn_prepare_conv(struct quern_engine *e, struct qn_op *op)
{
    struct qn_conv_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    const struct qn_array *w = qn_op_constant(e, op, 1);
    bool has_bias = op->n_in > 2 && op->in[2] >= 0;
    const struct qn_array *b = has_bias ? qn_op_constant(e, op, 2) : NULL;
    s->constant = w != NULL && w->dtype == QUERN_FLOAT && w->rank >= 3 &&
                  (!has_bias || (b != NULL && b->dtype == QUERN_FLOAT));
    qn_heavy_init(&s->heavy, &e->slabs, s->constant ? w->data : NULL,
                  s->constant ? (size_t)w->len : 0);
    op->state = s;
    op->release = release_state;
    return QUERN_OK;
}

enum quern_code qn_conv_fold(struct quern_engine *e, struct qn_op *op,
                             const float *scale, const float *shift)
{
    struct qn_conv_state *s = op->state;
    const struct qn_array *w = qn_op_constant(e, op, 1);
    const struct qn_array *b =
        op->n_in > 2 && op->in[2] >= 0 ? qn_op_constant(e, op, 2) : NULL;
    int64_t filters = w->dims[0];
    float *weights = qn_alloc_aligned((size_t)w->len * sizeof(float));
    float *bias = qn_alloc_aligned((size_t)filters * sizeof(float));
    if (weights == NULL || bias == NULL) {
        qn_free(weights);
        qn_free(bias);
        return qn_no_memory(e->context);
    }
    memcpy(weights, s->weights != NULL ? (void *)s->weights : (void *)w->data,
           (size_t)w->len * sizeof *weights);
    const float *old_bias = s->bias != NULL ? s->bias
                            : b != NULL     ? floats(b)
                                            : NULL;
    int64_t taps = w->len / filters;
    for (int64_t f = 0; f < filters; f++) {
        for (int64_t i = 0; i < taps; i++) {
            weights[f * taps + i] *= scale[f];
        }
        bias[f] = (old_bias != NULL ? old_bias[f] * scale[f] : 0.0f) + shift[f];
    }
    qn_free(s->weights);
    qn_free(s->bias);
    s->weights = weights;
    s->bias = bias;
    s->heavy.weights = weights;
    s->heavy.len = (size_t)w->len;
    return QUERN_OK;
}

/* ------------------------------------------------------------- one shape */

static void forget_shape(struct conv_cache *c, struct shaped *s)
{
    if (s->call != NULL) {
        s->made->by->call_destroy(s->call);
    }
    if (s->made != NULL) {
        qn_heavy_put(&c->state->heavy, s->made);
    }
    memset(s, 0, sizeof *s);
}

static void release_cache(struct quern_engine *e, struct qn_cache *head)
{
    struct conv_cache *c = (struct conv_cache *)(void *)head;
    (void)e;
    for (int i = 0; i < N_SHAPES; i++) {
        forget_shape(c, &c->shapes[i]);
    }
    qn_free(c);
}

/* A fast kernel, with as many of the steps as it takes. */
static enum quern_code make_call(struct qn_run *run, const struct qn_op *op,
                                 struct conv_cache *c, struct shaped *s,
                                 struct qn_conv_shape *shape)
{
    int n = qn_posts_fast(op->n_posts, op->posts);
    if (s->alone || (n > 0 && op->posts[0].kind == QN_POST_ADD && !s->adds)) {
        n = 0;
    }
    for (int tries = 0; tries < 2 && s->made == NULL; tries++) {
        shape->n_posts = tries == 0 ? n : 0;
        memset(shape->posts, 0, sizeof shape->posts);
        for (int i = 0; i < shape->n_posts; i++) {
            shape->posts[i] = op->posts[i];
        }
        s->made = qn_heavy_get(run->engine, &c->state->heavy, shape);
    }
    if (s->made == NULL) {
        return QUERN_OK;
    }
    s->n_fast = shape->n_posts;
    s->scratch = s->made->by->scratch_size(s->made->kernel);
    s->call = s->made->by->call_create(s->made->state, s->made->kernel);
    return s->call != NULL ? QUERN_OK : qn_no_memory(run->context);
}

static enum quern_code accelerate(struct qn_run *run, const struct qn_op *op,
                                  struct conv_cache *c, struct shaped *s)
{
    struct qn_conv_shape shape;
    const struct qn_window *w = &s->w;
    memset(&shape, 0, sizeof shape);
    shape.batch = s->dims[0];
    shape.in_channels = s->dims[1];
    shape.out_channels = s->out_dims[1];
    shape.groups = w->group;
    memcpy(shape.in, w->in, sizeof shape.in);
    memcpy(shape.out, w->out, sizeof shape.out);
    memcpy(shape.kernel, w->kernel, sizeof shape.kernel);
    memcpy(shape.stride, w->stride, sizeof shape.stride);
    memcpy(shape.dilation, w->dilation, sizeof shape.dilation);
    memcpy(shape.pad, w->pad, sizeof shape.pad);
    memcpy(shape.pad_end, w->pad_end, sizeof shape.pad_end);
    shape.bias = c->state->bias != NULL || (op->n_in > 2 && op->in[2] >= 0);
    return make_call(run, op, c, s, &shape);
}

static enum quern_code check(struct qn_run *run, const struct qn_op *op,
                             const struct qn_array *x,
                             const struct qn_array *weights)
{
    int64_t group = quern_node_int(op->node, "group", 1);
    if (x == NULL || weights == NULL || x->rank < 3 ||
        weights->rank != x->rank) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are missing or of the wrong rank");
    }
    if (x->dtype != QUERN_FLOAT || weights->dtype != QUERN_FLOAT) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of type %s",
                          quern_dtype_name(x->dtype));
    }
    if (group < 1 || weights->dims[0] % group != 0 || x->dims[1] % group != 0 ||
        weights->dims[1] != x->dims[1] / group) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "%lld channels, %lld groups, weights for %lld",
                          (long long)x->dims[1], (long long)group,
                          (long long)weights->dims[1]);
    }
    return QUERN_OK;
}

/* Data of the bias; NULL: none. Shapes are kept, a bias that is computed may
 * differ from run to run. */
static enum quern_code read_bias(struct qn_run *run, const struct qn_op *op,
                                 const struct conv_cache *c,
                                 const float **out_bias)
{
    *out_bias = c->state->bias;
    if (*out_bias != NULL || qn_in(run, op, 2) == NULL) {
        return QUERN_OK;
    }
    const struct qn_array *b = qn_in_packed(run, op, 2);
    int64_t filters = qn_in(run, op, 1)->dims[0];
    if (b == NULL || b->dtype != QUERN_FLOAT || b->len != filters) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "bias does not fit %lld filters of float",
                          (long long)filters);
    }
    *out_bias = floats(b);
    return QUERN_OK;
}

/* Step 0 adds an array of just the output's shape. */
static bool adds_alike(const struct qn_run *run, const struct qn_op *op,
                       int rank, const int64_t *dims)
{
    if (op->n_posts == 0 || op->posts[0].kind != QN_POST_ADD) {
        return false;
    }
    const struct qn_array *other = qn_in(run, op, op->posts[0].input);
    return other->rank == rank && other->dtype == QUERN_FLOAT &&
           memcmp(other->dims, dims, (size_t)rank * sizeof *dims) == 0;
}

/* As a kernel reads them. */
static const float *weights_of(const struct conv_cache *c,
                               const struct shaped *s)
{
    return s->made->packed != NULL ? s->made->packed->data
                                   : c->state->heavy.weights;
}

static bool has_finite_weights(const struct qn_run *run,
                               const struct conv_cache *c,
                               const struct shaped *s)
{
    size_t n =
        s->made->packed != NULL ? s->made->packed->len : c->state->heavy.len;
    return isfinite(run->kernels->sum(weights_of(c, s), n));
}

static enum quern_code make_shape(struct qn_run *run, const struct qn_op *op,
                                  struct conv_cache *c, struct shaped *s)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *weights = qn_in(run, op, 1);
    enum quern_code code = check(run, op, x, weights);
    if (code == QUERN_OK) {
        code = qn_window_init(run, op, x, weights->dims + 2, &s->w);
    }
    if (code != QUERN_OK) {
        return code;
    }
    memcpy(s->dims, x->dims, (size_t)x->rank * sizeof *x->dims);
    qn_window_dims(&s->w, x->dims[0], weights->dims[0], s->out_dims);
    s->adds = adds_alike(run, op, x->rank, s->out_dims);
    int64_t positions = s->w.out[0] * s->w.out[1] * s->w.out[2];
    if (c->state->constant && x->len > 0 && positions > 0) {
        code = accelerate(run, op, c, s);
    }
    if (s->made != NULL && s->made->packed != NULL && op->in[1] >= 0) {
        qn_engine_forget_pages(run->engine, op->in[1]);
    }
    s->finite = s->adds && s->made != NULL && has_finite_weights(run, c, s);
    s->rank = code == QUERN_OK ? x->rank : 0;
    return code;
}

static enum quern_code find_shape(struct qn_run *run, const struct qn_op *op,
                                  struct conv_cache *c, bool alone,
                                  struct shaped **out)
{
    const struct qn_array *x = qn_in(run, op, 0);
    /* Weights that are computed may have other dims each time. */
    bool keeps = x != NULL && c->state->constant;
    for (int i = 0; keeps && i < N_SHAPES; i++) {
        struct shaped *s = &c->shapes[i];
        if (s->rank == x->rank && s->rank > 0 && s->alone == alone &&
            memcmp(s->dims, x->dims, (size_t)x->rank * sizeof *x->dims) == 0 &&
            s->adds == adds_alike(run, op, s->rank, s->out_dims)) {
            *out = s;
            return QUERN_OK;
        }
    }
    struct shaped *s = &c->shapes[c->next];
    c->next = (c->next + 1) % N_SHAPES;
    forget_shape(c, s);
    s->alone = alone;
    *out = s;
    return make_shape(run, op, c, s);
}

/* ------------------------------------------------------------------ runs */

/* Room for the output; if the kernel adds to it, with the other one in it. */
static enum quern_code place(struct qn_run *run, const struct qn_op *op,
                             const struct shaped *s, struct qn_array **y)
{
    bool adds = s->n_fast > 0 && op->posts[0].kind == QN_POST_ADD;
    int i = adds ? op->posts[0].input : 0;
    const struct qn_array *other = adds ? qn_in(run, op, i) : NULL;
    if (adds && qn_in_is_free(run, op, i) && qn_array_is_channels_last(other)) {
        return qn_out_over(run, op, i, y);
    }
    enum quern_code code =
        qn_out_channels_last(run, op, 0, QUERN_FLOAT, s->rank, s->out_dims, y);
    if (code == QUERN_OK && *y != NULL && adds) {
        qn_array_copy(*y, other);
    }
    return code;
}

static enum quern_code execute(struct qn_run *run, const struct qn_op *op,
                               const struct conv_cache *c,
                               const struct shaped *s)
{
    const struct qn_accelerator *a = s->made->by;
    const struct qn_array *x = qn_in_channels_last(run, op, 0);
    const float *bias = NULL;
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = read_bias(run, op, c, &bias);
    if (code == QUERN_OK) {
        code = place(run, op, s, &y);
    }
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    struct qn_chunk *scratch = NULL;
    if (s->scratch > 0) {
        scratch = qn_scratch(run, s->scratch);
        if (scratch == NULL) {
            return run->context->diag.error.code;
        }
    }
    bool good = a->execute(s->made->state, s->call, floats(x), weights_of(c, s),
                           bias, (float *)(void *)y->data,
                           scratch != NULL ? scratch->data : NULL);
    qn_chunk_put(&run->chunks, scratch);
    return good ? qn_posts_run(run, op, s->n_fast)
                : qn_op_fail(run, op, QUERN_INTERNAL, "%s did not run",
                             a->kernel_name(s->made->kernel));
}

/* Weights that lie in a file at any address, since kernels pack them, where no
 * kernel wants these: copied once a run. */
static enum quern_code lay_well(struct qn_run *run, struct qn_array *weights)
{
    size_t size = (size_t)weights->len * sizeof(float);
    if ((uintptr_t)weights->data % sizeof(float) == 0) {
        return QUERN_OK;
    }
    weights->chunk = qn_scratch(run, size);
    if (weights->chunk == NULL) {
        return run->context->diag.error.code;
    }
    memcpy(weights->chunk->data, weights->data, size);
    weights->data = weights->chunk->data;
    return QUERN_OK;
}

static enum quern_code run_plain(struct qn_run *run, const struct qn_op *op,
                                 const struct conv_cache *c,
                                 const struct shaped *s)
{
    const struct qn_array *w = qn_in_packed(run, op, 1);
    struct qn_conv_plain plain = {.w = s->w, .x = qn_in_packed(run, op, 0)};
    if (plain.x == NULL || w == NULL) {
        return qn_op_missing(run, op);
    }
    struct qn_array weights = *w;
    weights.chunk = NULL;
    if (c->state->weights != NULL) {
        weights.data = (unsigned char *)c->state->weights;
    }
    plain.weights = &weights;
    enum quern_code code = read_bias(run, op, c, &plain.bias);
    if (code == QUERN_OK) {
        code = lay_well(run, &weights);
    }
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, QUERN_FLOAT, s->rank, s->out_dims, &plain.y);
    }
    if (code == QUERN_OK && plain.y != NULL && plain.y->len > 0) {
        code = qn_conv_plain(run, &plain);
    }
    qn_chunk_put(&run->chunks, weights.chunk);
    return code == QUERN_OK && plain.y != NULL ? qn_posts_run(run, op, 0)
                                               : code;
}

/* oneDNN's Relu and Clip make the lower bound of NaN. */
static bool hides_nan(const struct qn_run *run, const struct qn_op *op,
                      const struct shaped *s)
{
    bool hides = false;
    for (int i = 0; i < s->n_fast; i++) {
        const struct qn_post *p = &op->posts[i];
        hides = hides || (p->kind == QN_POST_UNARY &&
                          (p->unary == QN_RELU || p->unary == QN_CLIP));
    }
    return hides && s->made->by == run->engine->accelerator;
}

static bool is_finite(const struct qn_run *run, const struct qn_array *a)
{
    return isfinite(run->kernels->sum(floats(a), (size_t)a->len));
}

/* What the kernel adds is in the bytes that it writes. */
static bool is_in_place(const struct qn_run *run, const struct qn_op *op)
{
    int i = op->posts[0].input;
    return op->posts[0].kind == QN_POST_ADD && qn_in_is_free(run, op, i) &&
           qn_array_is_channels_last(qn_in(run, op, i));
}

/* No NaN can come up: but by sums beyond float32 both ways. */
static bool is_harmless(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_dense(run, op, 0);
    return x != NULL && is_finite(run, x) &&
           is_finite(run, qn_in(run, op, op->posts[0].input));
}

/* Once more where a NaN was hidden, with the steps behind the kernel. It shows
 * itself: the processor's maximum and minimum note an invalid operation where
 * they meet one. What the kernel adds into its own bytes would be gone by then:
 * its inputs are looked at before. */
static enum quern_code run_fast(struct qn_run *run, const struct qn_op *op,
                                struct conv_cache *c, struct shaped *s)
{
    bool watch = hides_nan(run, op, s);
    bool in_place = watch && is_in_place(run, op);
    bool again = in_place && !(s->finite && is_harmless(run, op));
    enum quern_code code = QUERN_OK;
    if (!again) {
        watch = watch && !in_place;
        (void)(watch && feclearexcept(FE_INVALID));
        code = execute(run, op, c, s);
        again = watch && fetestexcept(FE_INVALID) != 0;
    }
    if (code != QUERN_OK || !again || op->out[0] < 0) {
        return code;
    }
    qn_slot_drop(run, op->out[0]);
    code = find_shape(run, op, c, true, &s);
    if (code != QUERN_OK) {
        return code;
    }
    return s->made != NULL ? execute(run, op, c, s) : run_plain(run, op, c, s);
}

enum quern_code qn_op_conv(struct qn_run *run, const struct qn_op *op)
{
    struct conv_cache *c = (struct conv_cache *)(void *)qn_cache_get(
        run, op, sizeof *c, release_cache);
    struct shaped *s = NULL;
    if (c == NULL) {
        return QUERN_NO_MEMORY;
    }
    c->state = op->state;
    enum quern_code code = find_shape(run, op, c, false, &s);
    if (code != QUERN_OK) {
        return code;
    }
    if (run->times != NULL) {
        run->kernel = s->made != NULL
                          ? s->made->by->kernel_name(s->made->kernel)
                          : "plain Conv";
    }
    return s->made != NULL ? run_fast(run, op, c, s) : run_plain(run, op, c, s);
}
