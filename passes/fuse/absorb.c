/* Folding numbers per channel into weights and bias. They are computed in
 * double and rounded once. */
#include "fuse/linear.h"

#include <math.h>
#include <string.h>

/* A copy of shared weights of a MatMul is not worth one node above this. */
enum { MOST_SHARED_BYTES = 64 << 10 };

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
    return b == NULL || qn_channel_numbers(b, 2, -1, w->n_out, out);
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
    quern_name_extend(name, sizeof name, quern_value_name(b != NULL ? b : v),
                      "%s", b != NULL ? "" : "_bias");
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
