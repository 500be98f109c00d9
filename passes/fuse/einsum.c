/* replace-einsum: an Einsum that is a single other operator becomes that one,
 * which runtimes have faster kernels for and quantization knows.
 *
 *     bij,bjk->bik (any batch axes, weights without them, vectors)  MatMul
 *     ij,kj->ik and its kin, of two axes                       Gemm, transposed
 *     ...ij,kj->...ik with constant weights      MatMul of transposed weights
 *     ij,ij->ij; bij,ij->bij                                    Mul
 *     ij->i                                                     ReduceSum
 *     ij->ji                                                    Transpose
 *
 * What would take more nodes stays, as do an ellipsis, a label twice in one
 * term (a diagonal), and sums over an axis whose two lengths are not known to
 * be equal: Einsum stretches an axis of 1, MatMul refuses it. Floats only.
 * Real-exact: sums are taken in another order. */
#include "builtin.h"
#include "common.h"

#include <string.h>

enum { MOST_LABELS = QUERN_MAX_RANK };

/* An equation of one or two terms. */
struct equation {
    size_t n_terms;
    struct quern_value *in[2];
    char term[2][MOST_LABELS + 1];
    char out[MOST_LABELS + 1];
};

/* ------------------------------------------------------------------ reading */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Labels up to a comma, an arrow or the end, each once; NULL: something else,
 * or too many. */
static const char *read_labels(const char *text, char *labels)
{
    size_t n = 0;
    for (; *text != '\0' && *text != ',' && *text != '-'; text++) {
        if (*text == ' ') {
            continue;
        }
        if (!is_letter(*text) || n >= MOST_LABELS ||
            memchr(labels, *text, n) != NULL) {
            return NULL;
        }
        labels[n++] = *text;
    }
    labels[n] = '\0';
    return text;
}

/* Without an arrow: the labels that occur once, sorted. */
static void imply_output(struct equation *e)
{
    size_t n = 0;
    for (char c = 'A'; c <= 'z'; c++) {
        bool a = strchr(e->term[0], c) != NULL;
        bool b = e->n_terms > 1 && strchr(e->term[1], c) != NULL;
        if (is_letter(c) && a != b && n < MOST_LABELS) {
            e->out[n++] = c;
        }
    }
    e->out[n] = '\0';
}

static bool read_equation(const struct quern_node *node, struct equation *e)
{
    const char *text = NULL;
    size_t size = 0;
    if (quern_node_attr_string(node, "equation", &text, &size) != QUERN_OK ||
        strlen(text) != size) {
        return false;
    }
    for (e->n_terms = 0; e->n_terms < 2; text++) {
        text = read_labels(text, e->term[e->n_terms++]);
        if (text == NULL) {
            return false;
        }
        if (*text != ',') {
            break;
        }
    }
    if (*text == '\0') {
        imply_output(e);
    } else if (strncmp(text, "->", 2) != 0 ||
               (text = read_labels(text + 2, e->out)) == NULL ||
               *text != '\0') {
        return false;
    }
    for (size_t i = 0; i < e->n_terms; i++) {
        e->in[i] = quern_node_input(node, i);
        if (e->in[i] == NULL ||
            !quern_dtype_is_float(quern_value_dtype(e->in[i])) ||
            quern_value_rank(e->in[i]) != (int)strlen(e->term[i])) {
            return false;
        }
    }
    return quern_node_n_inputs(node) == e->n_terms;
}

/* The two lengths of an axis that both terms have are known to be equal. */
static bool same_length(const struct equation *e, char label)
{
    const char *a = strchr(e->term[0], label);
    const char *b = strchr(e->term[1], label);
    return a != NULL && b != NULL &&
           quern_dim_equal(quern_value_dims(e->in[0])[a - e->term[0]],
                           quern_value_dims(e->in[1])[b - e->term[1]]);
}

/* ------------------------------------------------------------------ writing */

static enum quern_code become(struct quern_pass_ctx *ctx,
                              struct quern_node *node, const char *op,
                              struct quern_value *const *in, size_t n)
{
    const char *text = NULL;
    if (quern_node_attr_string(node, "equation", &text, NULL) == QUERN_OK) {
        quern_pass_account(ctx, node, "'%s' is %s", text, op);
    }
    enum quern_code code = quern_node_set_op(node, op);
    if (code == QUERN_OK) {
        code = quern_node_remove_attr(node, "equation");
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_node_set_input(node, i, in[i]);
    }
    return code;
}

static enum quern_code to_gemm(struct quern_pass_ctx *ctx,
                               struct quern_node *node,
                               struct quern_value *const *in, bool trans_a,
                               bool trans_b)
{
    enum quern_code code = become(ctx, node, "Gemm", in, 2);
    if (code == QUERN_OK && trans_a) {
        code = quern_node_set_int(node, "transA", 1);
    }
    return code == QUERN_OK && trans_b ? quern_node_set_int(node, "transB", 1)
                                       : code;
}

/* MatMul with the last two axes of constant weights turned; fold-constants
 * makes one constant of them. */
static enum quern_code with_turned_weights(struct quern_pass_ctx *ctx,
                                           struct quern_node *node,
                                           struct quern_value **in)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_value *turned = NULL;
    struct quern_node *turn = NULL;
    int64_t perm[MOST_LABELS];
    int rank = quern_value_rank(in[1]);
    char name[512];
    for (int i = 0; i < rank; i++) {
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    }
    quern_name_extend(name, sizeof name, quern_value_name(in[1]), "_turned");
    enum quern_code code = quern_value_create(graph, name, &turned);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, node, "Transpose", "", &in[1], 1,
                                 &turned, 1, &turn);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_ints(turn, "perm", perm, (size_t)rank);
    }
    in[1] = turned;
    return code == QUERN_OK ? become(ctx, node, "MatMul", in, 2) : code;
}

static enum quern_code to_reduction(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    const struct equation *e)
{
    int64_t axes[MOST_LABELS];
    size_t n = 0;
    struct quern_tensor *t = NULL;
    struct quern_value *in[2] = {e->in[0], NULL};
    char name[512];
    for (size_t i = 0; e->term[0][i] != '\0'; i++) {
        if (strchr(e->out, e->term[0][i]) == NULL) {
            axes[n++] = (int64_t)i;
        }
    }
    enum quern_code code = QUERN_OK;
    bool as_input = quern_node_opset(node) >= 13;
    if (as_input) {
        quern_name_extend(name, sizeof name,
                          quern_value_name(quern_node_output(node, 0)),
                          "_axes");
        code =
            quern_tensor_of_ints(quern_pass_context(ctx), (int64_t)n, axes, &t);
        if (code == QUERN_OK) {
            code =
                quern_constant_create(quern_node_graph(node), name, t, &in[1]);
        }
        quern_tensor_release(&t);
    }
    if (code == QUERN_OK) {
        code = become(ctx, node, "ReduceSum", in, as_input ? 2 : 1);
    }
    if (code == QUERN_OK && !as_input) {
        code = quern_node_set_ints(node, "axes", axes, n);
    }
    return code == QUERN_OK ? quern_node_set_int(node, "keepdims", 0) : code;
}

static enum quern_code to_transpose(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    const struct equation *e)
{
    int64_t perm[MOST_LABELS];
    size_t n = strlen(e->out);
    for (size_t i = 0; i < n; i++) {
        perm[i] = strchr(e->term[0], e->out[i]) - e->term[0];
    }
    enum quern_code code = become(ctx, node, "Transpose", e->in, 1);
    return code == QUERN_OK ? quern_node_set_ints(node, "perm", perm, n) : code;
}

static enum quern_code drop(struct quern_pass_ctx *ctx, struct quern_node *node,
                            struct quern_value *x)
{
    struct quern_value *y = quern_node_output(node, 0);
    if (y == NULL || !qn_can_stand_for(y, x)) {
        return become(ctx, node, "Identity", &x, 1);
    }
    quern_pass_account(ctx, node, "dropped");
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

/* ------------------------------------------------------------------- shapes */

/* `out` holds the labels of `all` that it has, in their order, and no other. */
static bool keeps_order(const char *all, const char *out)
{
    for (; *out != '\0'; out++) {
        all = strchr(all, *out);
        if (all == NULL) {
            return false;
        }
        all++;
    }
    return true;
}

static bool same_labels(const char *a, const char *b)
{
    size_t n = strlen(a);
    for (size_t i = 0; i < n; i++) {
        if (strchr(b, a[i]) == NULL) {
            return false;
        }
    }
    return n == strlen(b);
}

enum form { NO_FORM, PLAIN, TURNED };

/* One side is a vector k: P k, k -> P or k, P k n -> P n. */
static bool multiplies_vector(const char *a, const char *b, const char *out,
                              char *out_k)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t lo = strlen(out);
    *out_k = a[la - 1];
    if (lb == 1) {
        return b[0] == *out_k && lo == la - 1 && memcmp(a, out, lo) == 0;
    }
    return la == 1 && b[lb - 2] == *out_k && lo == lb - 1 &&
           memcmp(b, out, lb - 2) == 0 && out[lo - 1] == b[lb - 1];
}

/* What the product of a and b, in this order, is. Labels are P m k, P k n and
 * P m n, the batch P only in front; without P in b, and vectors.
 * @param out_k  label that is summed over */
static enum form product_form(const char *a, const char *b, const char *out,
                              char *out_k)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    if (la == 0 || lb == 0) {
        return NO_FORM;
    }
    if (la == 1 || lb == 1) {
        return multiplies_vector(a, b, out, out_k) ? PLAIN : NO_FORM;
    }
    *out_k = a[la - 1];
    char n = out[0] != '\0' ? out[strlen(out) - 1] : '\0';
    const char *end = b + lb - 2;
    bool has_batch = lb > 2;
    if (strlen(out) != la || memcmp(a, out, la - 1) != 0 ||
        memchr(a, n, la) != NULL ||
        (has_batch && (lb != la || memcmp(a, b, lb - 2) != 0))) {
        return NO_FORM;
    }
    if (end[0] == *out_k && end[1] == n) {
        return PLAIN;
    }
    return end[0] == n && end[1] == *out_k ? TURNED : NO_FORM;
}

/* k m, with the other as k n or n k: the left side turned, of two axes. */
static bool turns_left(const char *a, const char *b, const char *out,
                       bool *out_trans_b)
{
    if (strlen(a) != 2 || strlen(b) != 2 || strlen(out) != 2 ||
        a[1] != out[0] || a[0] == out[1] || a[0] == out[0]) {
        return false;
    }
    *out_trans_b = b[0] == out[1];
    return (b[0] == a[0] && b[1] == out[1]) || (b[1] == a[0] && b[0] == out[1]);
}

static enum quern_code try_product(struct quern_pass_ctx *ctx,
                                   struct quern_node *node,
                                   const struct equation *e, bool swap,
                                   bool *out_done)
{
    const char *a = e->term[swap ? 1 : 0];
    const char *b = e->term[swap ? 0 : 1];
    struct quern_value *in[2] = {e->in[swap ? 1 : 0], e->in[swap ? 0 : 1]};
    char k = '\0';
    bool trans_b = false;
    bool has_gemm =
        quern_node_opset(node) >= 11 && !qn_target_lacks(ctx, "Gemm");
    enum form form = product_form(a, b, e->out, &k);
    if (form != NO_FORM && !same_length(e, k)) {
        return QUERN_OK;
    }
    *out_done = true;
    if (form == PLAIN) {
        return become(ctx, node, "MatMul", in, 2);
    }
    if (form == TURNED && strlen(a) == 2 && has_gemm) {
        return to_gemm(ctx, node, in, false, true);
    }
    if (form == TURNED && quern_value_constant(in[1]) != NULL) {
        return with_turned_weights(ctx, node, in);
    }
    if (has_gemm && turns_left(a, b, e->out, &trans_b) &&
        same_length(e, a[0])) {
        return to_gemm(ctx, node, in, true, trans_b);
    }
    *out_done = false;
    return QUERN_OK;
}

static enum quern_code try_two(struct quern_pass_ctx *ctx,
                               struct quern_node *node,
                               const struct equation *e, bool *out_done)
{
    enum quern_code code = QUERN_OK;
    for (int swap = 0; swap < 2 && code == QUERN_OK && !*out_done; swap++) {
        const char *a = e->term[swap];
        const char *b = e->term[1 - swap];
        size_t la = strlen(a);
        size_t lb = strlen(b);
        if (strcmp(a, e->out) == 0 && lb <= la && strcmp(a + la - lb, b) == 0) {
            *out_done = true;
            return become(ctx, node, "Mul", e->in, 2);
        }
        code = try_product(ctx, node, e, swap == 1, out_done);
    }
    return code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct equation e = {0};
    bool done = false;
    enum quern_code code = QUERN_OK;
    (void)user;
    bool known = read_equation(node, &e);
    if (known && e.n_terms == 2) {
        code = try_two(ctx, node, &e, &done);
    } else if (known && strcmp(e.out, e.term[0]) == 0) {
        done = true;
        code = drop(ctx, node, e.in[0]);
    } else if (known && keeps_order(e.term[0], e.out)) {
        done = true;
        code = to_reduction(ctx, node, &e);
    } else if (known && same_labels(e.term[0], e.out)) {
        done = true;
        code = to_transpose(ctx, node, &e);
    }
    if (code == QUERN_OK && !done) {
        code = quern_pass_refuse(ctx, node,
                                 known ? "takes more than one other operator"
                                       : "its equation, types or ranks are not "
                                         "of the kinds that this looks for");
        code = code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Einsum", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, visit,
                           NULL);
}

const struct quern_pass_desc qn_pass_replace_einsum = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "replace-einsum",
    .summary =
        "MatMul, Gemm, Mul, ReduceSum or Transpose for an Einsum that is "
        "just that",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
