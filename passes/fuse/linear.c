/* Weights as matrices of channels, and folding numbers per channel into them.
 * The numbers are computed in double and rounded once. */
#include "fuse/linear.h"

#include "common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A copy of shared weights of a MatMul is not worth one node above this. */
enum { MOST_SHARED_BYTES = 64 << 10 };

/* --------------------------------------------------------- reading a node */

static bool is_float_type(enum quern_dtype dtype)
{
    return dtype == QUERN_FLOAT || dtype == QUERN_DOUBLE ||
           dtype == QUERN_FLOAT16 || dtype == QUERN_BFLOAT16;
}

static bool reads_padding(const struct quern_node *node)
{
    const char *mode = NULL;
    const int64_t *list = NULL;
    size_t n = 0;
    if (quern_node_has_attr(node, "auto_pad") &&
        (quern_node_attr_string(node, "auto_pad", &mode, NULL) != QUERN_OK ||
         (strcmp(mode, "VALID") != 0 && strcmp(mode, "NOTSET") != 0))) {
        return true;
    }
    if (!quern_node_has_attr(node, "pads")) {
        return false;
    }
    if (quern_node_attr_ints(node, "pads", &list, &n) != QUERN_OK) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i] != 0) {
            return true;
        }
    }
    return false;
}

static bool init_conv(struct qn_weights *w)
{
    const int64_t *dims = quern_tensor_dims(w->tensor);
    int rank = quern_tensor_rank(w->tensor);
    if (rank < 3) {
        return false;
    }
    w->out_first = quern_node_is(w->node, "Conv");
    w->bias_input = 2;
    w->rank = rank;
    w->axis = 1 - rank;
    w->groups = quern_node_int(w->node, "group", 1);
    w->taps = 1;
    for (int i = 2; i < rank; i++) {
        w->taps *= dims[i];
    }
    /* Of a ConvTranspose, some places of the output see fewer taps. */
    w->padded = !w->out_first || reads_padding(w->node);
    return w->groups > 0 && dims[0] % w->groups == 0;
}

static bool init_gemm(struct qn_weights *w)
{
    float alpha = quern_node_float(w->node, "alpha", 1.0f);
    float beta = quern_node_float(w->node, "beta", 1.0f);
    w->out_first = quern_node_int(w->node, "transB", 0) != 0;
    w->bias_input = 2;
    w->rank = 2;
    w->axis = -1;
    return quern_tensor_rank(w->tensor) == 2 && alpha >= 1.0f &&
           alpha <= 1.0f && beta >= 1.0f && beta <= 1.0f &&
           quern_node_int(w->node, "transA", 0) == 0;
}

/* The Add of a vector that alone reads the product. */
static void find_bias(struct qn_weights *w)
{
    const struct quern_value *y = quern_node_output(w->node, 0);
    struct quern_node *add = quern_value_only_user(y);
    if (add == NULL || !quern_node_is(add, "Add")) {
        return;
    }
    size_t k = quern_node_input(add, 0) == y ? 1 : 0;
    const struct quern_value *b = quern_node_input(add, k);
    const struct quern_tensor *t = b != NULL ? quern_value_constant(b) : NULL;
    if (t != NULL && quern_tensor_rank(t) == 1 &&
        quern_tensor_len(t) == w->n_out) {
        w->tail = add;
        w->bias_input = k;
    }
}

static bool init_matmul(struct qn_weights *w)
{
    const struct quern_value *x = quern_node_input(w->node, 0);
    w->out_first = false;
    w->rank = x != NULL ? quern_value_rank(x) : -1;
    w->axis = -1;
    return quern_tensor_rank(w->tensor) == 2;
}

bool qn_weights_init(struct quern_node *node, struct qn_weights *out)
{
    const struct quern_value *v = quern_node_input(node, 1);
    struct qn_weights w = {.node = node, .tail = node, .taps = 1, .groups = 1};
    w.tensor = v != NULL ? quern_value_constant(v) : NULL;
    if (w.tensor == NULL || !is_float_type(quern_tensor_dtype(w.tensor)) ||
        quern_tensor_len(w.tensor) == 0) {
        return false;
    }
    bool is_matmul = quern_node_is(node, "MatMul");
    bool good = false;
    if (quern_node_is(node, "Conv") || quern_node_is(node, "ConvTranspose")) {
        good = init_conv(&w);
    } else if (quern_node_is(node, "Gemm")) {
        good = init_gemm(&w);
    } else if (is_matmul) {
        good = init_matmul(&w);
    }
    if (!good) {
        return false;
    }
    w.n_first = quern_tensor_dims(w.tensor)[0];
    w.n_second = quern_tensor_dims(w.tensor)[1];
    w.n_out = w.out_first ? w.n_first : w.n_second * w.groups;
    w.n_in = w.out_first ? w.n_second * w.groups : w.n_first;
    if (is_matmul) {
        find_bias(&w);
    }
    *out = w;
    return true;
}

/* -------------------------------------------------------- numbers per channel
 */

bool qn_affine_init(struct quern_pass_ctx *ctx, int64_t n,
                    struct qn_affine *out)
{
    size_t size = (size_t)(n + 1) * sizeof(double);
    *out = (struct qn_affine){.n = n};
    out->scale = quern_pass_alloc(ctx, size);
    out->shift = quern_pass_alloc(ctx, size);
    for (int64_t i = 0; out->scale != NULL && i < n; i++) {
        out->scale[i] = 1.0;
    }
    return out->scale != NULL && out->shift != NULL;
}

/* Notes what the numbers do; false when one is not finite. */
static bool settle(struct qn_affine *f)
{
    for (int64_t i = 0; i < f->n; i++) {
        if (!isfinite(f->scale[i]) || !isfinite(f->shift[i])) {
            return false;
        }
        f->scales = f->scales || f->scale[i] < 1.0 || f->scale[i] > 1.0;
        f->shifts = f->shifts || f->shift[i] < 0.0 || f->shift[i] > 0.0;
    }
    return true;
}

static bool read_batch_norm(const struct quern_node *bn, struct qn_affine *f)
{
    double epsilon = (double)quern_node_float(bn, "epsilon", 1e-5f);
    const struct quern_tensor *t[4];
    for (size_t i = 0; i < 4; i++) {
        const struct quern_value *v = quern_node_input(bn, i + 1);
        t[i] = v != NULL ? quern_value_constant(v) : NULL;
        if (t[i] == NULL || quern_tensor_len(t[i]) != f->n) {
            return false;
        }
    }
    for (int64_t c = 0; c < f->n; c++) {
        double p[4];
        for (size_t i = 0; i < 4; i++) {
            if (!quern_tensor_read_doubles(t[i], c, 1, &p[i])) {
                return false;
            }
        }
        f->scale[c] = p[0] / sqrt(p[3] + epsilon);
        f->shift[c] = p[1] - f->scale[c] * p[2];
    }
    return true;
}

static bool is_inference_norm(const struct quern_node *node)
{
    bool others = false;
    for (size_t i = 1; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        others = others || (y != NULL && quern_value_n_uses(y) > 0);
    }
    return quern_node_is(node, "BatchNormalization") && !others &&
           quern_node_int(node, "training_mode", 0) == 0 &&
           quern_node_int(node, "spatial", 1) == 1 &&
           quern_node_int(node, "is_test", 1) == 1;
}

/* The constant of an arithmetic node as one number a channel. */
static bool read_constant(const struct quern_value *value, int rank, int axis,
                          int64_t n, double *out)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    /* Where the rank is not known, a vector fits any data. */
    if (t == NULL || !is_float_type(quern_tensor_dtype(t)) ||
        quern_tensor_rank(t) > (rank >= 0 ? rank : 1)) {
        return false;
    }
    int own = quern_tensor_rank(t);
    int64_t len = quern_tensor_len(t);
    bool along = own + axis >= 0 && quern_tensor_dims(t)[own + axis] == n;
    if (len != 1 && !(along && len == n)) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (!quern_tensor_read_doubles(t, len == 1 ? 0 : i, 1, &out[i])) {
            return false;
        }
    }
    return true;
}

static void read_operator(const struct quern_node *op, size_t constant,
                          double k, double *scale, double *shift)
{
    if (quern_node_is(op, "Mul")) {
        *scale = k;
    } else if (quern_node_is(op, "Div")) {
        *scale = 1.0 / k;
    } else if (quern_node_is(op, "Add")) {
        *shift = k;
    } else { /* Sub */
        *scale = constant == 0 ? -1.0 : 1.0;
        *shift = constant == 0 ? k : -k;
    }
}

bool qn_affine_of(struct quern_pass_ctx *ctx, const struct quern_node *node,
                  int rank, int axis, int64_t n, size_t *out_data,
                  struct qn_affine *out)
{
    if (is_inference_norm(node)) {
        *out_data = 0;
        return rank >= 2 && axis == 1 - rank && qn_affine_init(ctx, n, out) &&
               read_batch_norm(node, out) && settle(out);
    }
    bool is_div = quern_node_is(node, "Div");
    if (!is_div && !quern_node_is(node, "Mul") && !quern_node_is(node, "Add") &&
        !quern_node_is(node, "Sub")) {
        return false;
    }
    for (size_t k = is_div ? 1 : 0; k < 2; k++) {
        const struct quern_value *data = quern_node_input(node, 1 - k);
        const struct quern_value *v = quern_node_input(node, k);
        if (data == NULL || v == NULL || quern_value_constant(v) == NULL ||
            quern_value_constant(data) != NULL) {
            continue;
        }
        if (!qn_affine_init(ctx, n, out) ||
            !read_constant(v, rank, axis, n, out->shift)) {
            return false;
        }
        for (int64_t i = 0; i < n; i++) {
            double number = out->shift[i];
            out->shift[i] = 0.0;
            read_operator(node, k, number, &out->scale[i], &out->shift[i]);
        }
        *out_data = 1 - k;
        return settle(out);
    }
    return false;
}

/* ------------------------------------------------------------- absorbing */

/* Group of the k-th of the first axis. */
static int64_t group_of(const struct qn_weights *w, int64_t k)
{
    return k / (w->n_first / w->groups);
}

static int64_t out_channel(const struct qn_weights *w, int64_t a, int64_t b)
{
    return w->out_first ? a : group_of(w, a) * w->n_second + b;
}

static int64_t in_channel(const struct qn_weights *w, int64_t a, int64_t b)
{
    return w->out_first ? group_of(w, a) * w->n_second + b : a;
}

/* Weight i. */
static double weight_at(const struct qn_weights *w, int64_t i)
{
    double x = 0.0;
    if (quern_tensor_dtype(w->tensor) == QUERN_FLOAT) {
        const unsigned char *data = quern_tensor_data(w->tensor);
        float narrow = 0.0f;
        memcpy(&narrow, data + (size_t)i * sizeof narrow, sizeof narrow);
        return (double)narrow;
    }
    (void)!quern_tensor_read_doubles(w->tensor, i, 1, &x);
    return x;
}

/* `wide` (float or double) as `dtype`; NULL in *out: a number is out of range.
 */
static enum quern_code narrow_to(struct quern_pass_ctx *ctx,
                                 struct quern_tensor *wide,
                                 enum quern_dtype dtype,
                                 struct quern_tensor **out)
{
    enum quern_code code =
        quern_tensor_cast(quern_pass_context(ctx), wide, dtype, out);
    int64_t n = quern_tensor_len(wide);
    if (code == QUERN_OK && dtype == QUERN_FLOAT) {
        const float *x = quern_tensor_data(*out);
        for (int64_t i = 0; i < n; i++) {
            if (!isfinite(x[i])) {
                quern_tensor_release(out);
                break;
            }
        }
        return code;
    }
    for (int64_t i = 0; code == QUERN_OK && i < n; i++) {
        double x = 0.0;
        if (!quern_tensor_read_doubles(*out, i, 1, &x) || !isfinite(x)) {
            quern_tensor_release(out);
            break;
        }
    }
    return code;
}

/* Weights times the scales; NULL in *out with QUERN_OK: out of range. */
static enum quern_code scaled_weights(struct quern_pass_ctx *ctx,
                                      const struct qn_weights *w,
                                      const double *in, const double *out_scale,
                                      struct quern_tensor **out)
{
    struct quern_tensor *wide = NULL;
    enum quern_dtype dtype = quern_tensor_dtype(w->tensor);
    bool is_double = dtype == QUERN_DOUBLE;
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), is_double ? QUERN_DOUBLE : QUERN_FLOAT,
        quern_tensor_rank(w->tensor), quern_tensor_dims(w->tensor), &wide);
    if (code != QUERN_OK) {
        return code;
    }
    float *narrow = quern_tensor_data_mut(wide);
    double *full = quern_tensor_data_mut(wide);
    int64_t at = 0;
    for (int64_t a = 0; a < w->n_first; a++) {
        for (int64_t b = 0; b < w->n_second; b++) {
            double k = in != NULL ? in[in_channel(w, a, b)] : 1.0;
            k *= out_scale != NULL ? out_scale[out_channel(w, a, b)] : 1.0;
            for (int64_t i = 0; i < w->taps; i++, at++) {
                if (is_double) {
                    full[at] = weight_at(w, at) * k;
                } else {
                    narrow[at] = (float)(weight_at(w, at) * k);
                }
            }
        }
    }
    code = narrow_to(ctx, wide, dtype, out);
    quern_tensor_release(&wide);
    return code;
}

/* sums[o] += sum of W shift over its inputs. */
static void add_products(const struct qn_weights *w, const double *shift,
                         double *sums)
{
    int64_t at = 0;
    for (int64_t a = 0; a < w->n_first; a++) {
        for (int64_t b = 0; b < w->n_second; b++) {
            double k = shift[in_channel(w, a, b)];
            for (int64_t i = 0; i < w->taps; i++, at++) {
                sums[out_channel(w, a, b)] += weight_at(w, at) * k;
            }
        }
    }
}

/* The bias that is there as one number a channel; false: it is no constant, or
 * varies along another axis. */
static bool read_bias(const struct qn_weights *w, double *out)
{
    const struct quern_value *b = w->bias_input > 0 || w->tail != w->node
                                      ? quern_node_input(w->tail, w->bias_input)
                                      : NULL;
    return b == NULL || read_constant(b, 2, -1, w->n_out, out);
}

static enum quern_code make_bias(struct quern_pass_ctx *ctx,
                                 const struct qn_weights *w,
                                 const struct qn_affine *front,
                                 const struct qn_affine *behind,
                                 struct quern_tensor **out)
{
    struct quern_tensor *wide = NULL;
    double *b = quern_pass_alloc(ctx, (size_t)(w->n_out + 1) * sizeof *b);
    if (b == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (!read_bias(w, b)) {
        return QUERN_OK;
    }
    if (front != NULL && front->shifts) {
        add_products(w, front->shift, b);
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), QUERN_DOUBLE, 1, &w->n_out, &wide);
    if (code != QUERN_OK) {
        return code;
    }
    double *to = quern_tensor_data_mut(wide);
    for (int64_t i = 0; i < w->n_out; i++) {
        to[i] =
            behind != NULL ? b[i] * behind->scale[i] + behind->shift[i] : b[i];
    }
    code = narrow_to(ctx, wide, quern_tensor_dtype(w->tensor), out);
    quern_tensor_release(&wide);
    return code;
}

/* Input i of a node reads `tensor`, under the old name when nobody else reads
 * the old one. */
static enum quern_code put(struct quern_node *node, size_t i, const char *name,
                           struct quern_tensor *tensor)
{
    struct quern_value *old = quern_node_input(node, i);
    if (old != NULL && quern_value_n_uses(old) == 1 &&
        quern_value_producer(old) == NULL && !quern_value_is_graph_input(old)) {
        return quern_value_set_constant(old, tensor, false);
    }
    struct quern_value *value = NULL;
    enum quern_code code =
        quern_constant_create(quern_node_graph(node), name, tensor, &value);
    return code == QUERN_OK ? quern_node_set_input(node, i, value) : code;
}

static bool is_worth(const struct qn_weights *w)
{
    const struct quern_value *v = quern_node_input(w->node, 1);
    return quern_value_n_uses(v) == 1 || w->rank > 2 ||
           quern_tensor_size(w->tensor) <= MOST_SHARED_BYTES ||
           quern_node_is(w->node, "Conv");
}

static enum quern_code put_all(struct qn_weights *w,
                               struct quern_tensor *weights,
                               struct quern_tensor *bias)
{
    char name[256];
    enum quern_code code = QUERN_OK;
    const struct quern_value *v = quern_node_input(w->node, 1);
    const struct quern_value *b = w->bias_input < quern_node_n_inputs(w->tail)
                                      ? quern_node_input(w->tail, w->bias_input)
                                      : NULL;
    snprintf(name, sizeof name, "%.240s%s", quern_value_name(b != NULL ? b : v),
             b != NULL ? "" : "_bias");
    if (weights != NULL) {
        code = put(w->node, 1, quern_value_name(v), weights);
    }
    if (code == QUERN_OK && bias != NULL) {
        code = put(w->tail, w->bias_input, name, bias);
    }
    if (code == QUERN_OK) {
        w->tensor = quern_value_constant(quern_node_input(w->node, 1));
    }
    return code;
}

static bool has_bias(const struct qn_weights *w)
{
    return w->tail != w->node ||
           (w->bias_input > 0 &&
            quern_node_input(w->tail, w->bias_input) != NULL);
}

enum quern_code qn_weights_absorb(struct quern_pass_ctx *ctx,
                                  struct qn_weights *w,
                                  const struct qn_affine *front,
                                  const struct qn_affine *behind,
                                  bool *out_done)
{
    static const struct qn_affine none;
    const struct qn_affine *f = front != NULL ? front : &none;
    const struct qn_affine *b = behind != NULL ? behind : &none;
    bool scales = f->scales || b->scales;
    bool biases = f->shifts || b->shifts || (has_bias(w) && b->scales);
    bool room = has_bias(w) || w->bias_input > 0;
    struct quern_tensor *weights = NULL;
    struct quern_tensor *bias = NULL;
    enum quern_code code = QUERN_OK;
    *out_done = false;
    if ((scales && !is_worth(w)) || (f->shifts && w->padded) ||
        (biases && !room)) {
        return QUERN_OK;
    }
    if (scales) {
        code = scaled_weights(ctx, w, f->scale, b->scale, &weights);
    }
    if (code == QUERN_OK && biases) {
        code = make_bias(ctx, w, front, behind, &bias);
    }
    if (code == QUERN_OK && scales == (weights != NULL) &&
        biases == (bias != NULL)) {
        code = put_all(w, weights, bias);
        *out_done = code == QUERN_OK;
    }
    quern_tensor_release(&weights);
    quern_tensor_release(&bias);
    return code;
}

enum quern_code qn_take_over(struct quern_node *from, struct quern_node *node)
{
    enum quern_code code =
        quern_node_set_output(from, 0, quern_node_output(node, 0));
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}
