/* Conv, ConvTranspose, Gemm and MatMul seen as weights with input and output
 * channels. Folding into them is in absorb.c, numbers per channel in affine.c.
 */
#include "fuse/linear.h"

#include <string.h>

bool qn_is_wide_float(enum quern_dtype dtype)
{
    return dtype == QUERN_FLOAT || dtype == QUERN_DOUBLE ||
           dtype == QUERN_FLOAT16 || dtype == QUERN_BFLOAT16;
}

const struct quern_tensor *qn_gemm_constant(const struct quern_value *value)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    bool good = t != NULL && qn_is_wide_float(quern_tensor_dtype(t)) &&
                quern_tensor_dtype(t) != QUERN_BFLOAT16;
    return good ? t : NULL;
}

bool qn_is_gemm(const struct quern_value *weights,
                const struct quern_value *bias)
{
    const struct quern_tensor *w = qn_gemm_constant(weights);
    const struct quern_tensor *b = qn_gemm_constant(bias);
    if (w == NULL || b == NULL || quern_tensor_rank(w) != 2) {
        return false;
    }
    int rank = quern_tensor_rank(b);
    int64_t n = quern_tensor_dims(w)[1];
    return rank >= 1 && rank <= 2 && quern_tensor_dims(b)[rank - 1] == n &&
           quern_tensor_len(b) == n;
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
    if (w.tensor == NULL || !qn_is_wide_float(quern_tensor_dtype(w.tensor)) ||
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

enum quern_code qn_take_over(struct quern_node *from, struct quern_node *node)
{
    enum quern_code code =
        quern_node_set_output(from, 0, quern_node_output(node, 0));
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}
