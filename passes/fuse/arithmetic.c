/* simplify-arithmetic: fewer nodes for the same numbers.
 *
 *     Where(x > t, x, Softplus(x)) -> Softplus(x)     float, t at least 16
 *     a * Reciprocal(b), a * (1 / b) -> a / b         floats
 *     Not(Not(x)), Neg(Neg(x)) -> x, Where(Not(x), a, b) -> Where(x, b, a)
 *     z + Neg(x) -> z - x, z - Neg(x) -> z + x
 *     Log(Softmax(x)) -> LogSoftmax(x), ArgMax(Softmax(x)) -> ArgMax(x)
 *     (s a) @ (t b) -> (s t a) @ b for numbers s and t, as attention has it
 *     (x + a) + b -> x + (a + b), and the same with minus, times and divided
 *     by, for float constants a and b of one shape, or of one element
 *
 * The first is PyTorch's threshold (20) against overflow in exp. Softplus(x) is
 * x + log(1 + exp(-x)), whose second part is below exp(-x): for x > 16 below
 * 1.13e-7, while the distance of float32 numbers there is at least 1.9e-6. So
 * the sum rounds to x itself. In double it does not; NaN and infinity give the
 * same on both ways. All else is equal in real arithmetic.
 *
 * It runs behind the fusions of activations, which look for such constants. */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/linear.h"
#include "fuse/rewrite.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ------------------------------------------------------------ by pattern */

static enum quern_code to_softplus(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    float threshold = 0.0f;
    (void)rule;
    if (!quern_match_scalar(match, "t", &threshold) || !(threshold >= 16.0f) ||
        quern_value_dtype(x) != QUERN_FLOAT ||
        !qn_has_rank(x, quern_tensor_rank(quern_value_constant(
                            quern_match_value(match, "t"))))) {
        return QUERN_OK;
    }
    *out_done = true;
    return qn_become(ctx, match, "Softplus", &x, 1);
}

/* Division of integers is another thing than a product with a reciprocal. */
static enum quern_code to_quotient(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    struct quern_value *in[2] = {quern_match_value(match, "a"),
                                 quern_match_value(match, "x")};
    (void)rule;
    if (!quern_dtype_is_float(quern_value_dtype(in[1])) ||
        !qn_is_plain(match, in[1])) {
        return QUERN_OK;
    }
    *out_done = true;
    return qn_become(ctx, match, "Div", in, 2);
}

static enum quern_code to_itself(struct quern_pass_ctx *ctx,
                                 const struct qn_rule *rule,
                                 const struct quern_match *match,
                                 bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *y = quern_node_output(root, 0);
    if (!qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, root, "%s", rule->what);
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(root) : code;
}

/* z + Neg(x), z - Neg(x) */
static enum quern_code to_opposite(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    struct quern_value *in[2] = {quern_match_value(match, "z"),
                                 quern_match_value(match, "x")};
    *out_done = true;
    return qn_become(ctx, match, rule->what, in, 2);
}

static enum quern_code to_other_sides(struct quern_pass_ctx *ctx,
                                      const struct qn_rule *rule,
                                      const struct quern_match *match,
                                      bool *out_done)
{
    struct quern_value *in[3] = {quern_match_value(match, "x"),
                                 quern_match_value(match, "b"),
                                 quern_match_value(match, "a")};
    *out_done = true;
    return qn_become(ctx, match, rule->what, in, 3);
}

static enum quern_code to_log_softmax(struct quern_pass_ctx *ctx,
                                      const struct qn_rule *rule,
                                      const struct quern_match *match,
                                      bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    int64_t axis =
        quern_node_int(quern_value_producer(quern_node_input(root, 0)), "axis",
                       quern_node_opset(root) < 13 ? 1 : -1);
    *out_done = true;
    enum quern_code code = qn_become(ctx, match, rule->what, &x, 1);
    return code == QUERN_OK ? quern_node_set_int(root, "axis", axis) : code;
}

/* The order along the axis is that of x. */
static enum quern_code to_arg_max(struct quern_pass_ctx *ctx,
                                  const struct qn_rule *rule,
                                  const struct quern_match *match,
                                  bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_node *softmax =
        quern_value_producer(quern_node_input(root, 0));
    int rank = quern_value_rank(x);
    int64_t a = quern_node_int(root, "axis", 0);
    int64_t b = quern_node_int(softmax, "axis", -1);
    if (rank < 1 || a + (a < 0 ? rank : 0) != b + (b < 0 ? rank : 0)) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, root, "%s", rule->what);
    enum quern_code code = quern_node_set_input(root, 0, x);
    return code == QUERN_OK ? quern_node_erase_dead(softmax) : code;
}

static const struct qn_rule rules[] = {
    {"y = Add(z, Neg(x))", 7, to_opposite, "Sub"},
    {"y = Sub(z, Neg(x))", 7, to_opposite, "Add"},
    {"y = Where(Not(x), a, b)", 9, to_other_sides, "Where"},
    {"y = Log(Softmax(x))", 1, to_log_softmax, "LogSoftmax"},
    {"y = ArgMax(Softmax(x))", 13, to_arg_max, "Softmax dropped"},
    {"y = Where(Greater(x, t), x, Softplus(x))", 9, to_softplus, NULL},
    {"y = Where(GreaterOrEqual(x, t), x, Softplus(x))", 12, to_softplus, NULL},
    {"y = Where(Less(t, x), x, Softplus(x))", 9, to_softplus, NULL},
    {"y = Mul(a, Reciprocal(x))", 7, to_quotient, NULL},
    {"y = Mul(a, Div(1, x))", 7, to_quotient, NULL},
    {"_shared = Not(x); y = Not(_shared)", 1, to_itself, "Not of Not dropped"},
    {"_shared = Neg(x); y = Neg(_shared)", 1, to_itself, "Neg of Neg dropped"},
};

/* --------------------------------------------------------------- chains */

/* What a node does to its data x: x + k or k - x (a sum), x k or k / x (a
 * product), for each element of a constant. */
struct step {
    bool is_sum;
    bool inverts; /* k - x, k / x */
    bool undoes;  /* the constant stands right of Sub, Div: k is its inverse */
    size_t data;  /* number of the data input */
    const struct quern_tensor *k;
};

static bool read_step(const struct quern_node *node, struct step *out)
{
    bool adds = quern_node_is(node, "Add");
    bool takes = quern_node_is(node, "Sub");
    bool divides = quern_node_is(node, "Div");
    if ((!adds && !takes && !divides && !quern_node_is(node, "Mul")) ||
        quern_node_opset(node) < 7) { /* before: broadcast by attributes */
        return false;
    }
    *out = (struct step){.is_sum = adds || takes};
    for (size_t i = 0; i < 2; i++) {
        const struct quern_value *v = quern_node_input(node, i);
        const struct quern_value *x = quern_node_input(node, 1 - i);
        const struct quern_tensor *t = quern_value_constant(v);
        if (t != NULL && x != NULL && quern_value_constant(x) == NULL &&
            qn_is_wide_float(quern_tensor_dtype(t)) &&
            quern_tensor_len(t) > 0) {
            out->k = t;
            out->data = 1 - i;
            out->inverts = i == 0 && (takes || divides);
            out->undoes = i == 1 && (takes || divides);
            return true;
        }
    }
    return false;
}

/* Shape of a constant that a and b broadcast to, when one of them has it: else
 * false. The rank is the larger one. */
static bool join_shapes(const struct quern_tensor *a,
                        const struct quern_tensor *b, int64_t *dims,
                        int *out_rank)
{
    int ra = quern_tensor_rank(a);
    int rb = quern_tensor_rank(b);
    int rank = ra > rb ? ra : rb;
    for (int i = 1; i <= rank; i++) {
        int64_t da = i <= ra ? quern_tensor_dims(a)[ra - i] : 1;
        int64_t db = i <= rb ? quern_tensor_dims(b)[rb - i] : 1;
        if (da != db && quern_tensor_len(a) != 1 && quern_tensor_len(b) != 1) {
            return false;
        }
        dims[rank - i] = da > db ? da : db;
    }
    *out_rank = rank;
    return true;
}

/* One element of the joined constant: first, then second. */
static double join(const struct step *first, const struct step *second,
                   double a, double b)
{
    if (first->is_sum) {
        a = first->undoes ? -a : a;
        b = second->undoes ? -b : b;
        return second->inverts ? b - a : b + a;
    }
    a = first->undoes ? 1.0 / a : a;
    b = second->undoes ? 1.0 / b : b;
    return second->inverts ? b / a : b * a;
}

/* The joined constant as floats, in memory of the pass; NULL: a number that is
 * not finite or, of a product, nearly 0, or no memory. */
static float *join_numbers(struct quern_pass_ctx *ctx, const struct step *first,
                           const struct step *second, int64_t n)
{
    float *out = quern_pass_alloc(ctx, (size_t)n * sizeof *out);
    for (int64_t i = 0; out != NULL && i < n; i++) {
        double a = 0.0;
        double b = 0.0;
        if (!quern_tensor_read_doubles(
                first->k, quern_tensor_len(first->k) > 1 ? i : 0, 1, &a) ||
            !quern_tensor_read_doubles(
                second->k, quern_tensor_len(second->k) > 1 ? i : 0, 1, &b)) {
            return NULL;
        }
        double k = join(first, second, a, b);
        bool small = !first->is_sum && !(fabs(k) >= (double)FLT_MIN);
        if (small || !(fabs(k) <= (double)FLT_MAX)) {
            return NULL;
        }
        out[i] = (float)k;
    }
    return out;
}

static bool is_neutral(float k, bool is_sum)
{
    float neutral = is_sum ? 0.0f : 1.0f;
    return !(k < neutral || k > neutral);
}

static enum quern_code put(struct quern_pass_ctx *ctx, struct quern_node *node,
                           const struct step *first, const struct step *second,
                           struct quern_value *constant)
{
    struct quern_node *inner =
        quern_value_producer(quern_node_input(node, second->data));
    struct quern_value *x = quern_node_input(inner, first->data);
    struct quern_value *old = quern_node_input(node, 1 - second->data);
    bool inverts = first->inverts != second->inverts;
    const char *op =
        first->is_sum ? (inverts ? "Sub" : "Add") : (inverts ? "Div" : "Mul");
    quern_pass_account(ctx, node, "%s with the constant of '%s' as well", op,
                       quern_node_name(inner));
    enum quern_code code = quern_node_set_op(node, op);
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, inverts ? constant : x);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, inverts ? x : constant);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(inner);
    }
    return code == QUERN_OK && quern_value_n_uses(old) == 0 &&
                   !quern_value_erased(old) && quern_value_producer(old) == NULL
               ? quern_value_erase(old)
               : code;
}

/* The step in front of `node` that can be joined with it; NULL: none. */
static struct quern_node *step_before(const struct quern_node *node,
                                      const struct step *second,
                                      struct step *first)
{
    const struct quern_value *between = quern_node_input(node, second->data);
    struct quern_node *inner = quern_value_only_user(between) == node &&
                                       !quern_value_is_graph_output(between)
                                   ? quern_value_producer(between)
                                   : NULL;
    return inner != NULL && read_step(inner, first) &&
                   first->is_sum == second->is_sum &&
                   quern_tensor_dtype(first->k) == QUERN_FLOAT &&
                   quern_tensor_dtype(second->k) == QUERN_FLOAT
               ? inner
               : NULL;
}

static enum quern_code join_chain(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    struct step first;
    struct step second;
    int64_t dims[QUERN_MAX_RANK];
    int rank = 0;
    bool stays = false;
    struct quern_value *constant = NULL;
    char name[512];
    (void)user;
    if (!read_step(node, &second)) {
        return QUERN_OK;
    }
    struct quern_node *inner = step_before(node, &second, &first);
    if (inner == NULL || !join_shapes(first.k, second.k, dims, &rank)) {
        return QUERN_OK;
    }
    /* The half of Gelu; a vector, as of a norm, stays one. */
    enum quern_code code = quern_tensor_len(first.k) == 1
                               ? qn_leave_chain(ctx, inner, &stays)
                               : QUERN_OK;
    if (code != QUERN_OK || stays) {
        return code;
    }
    int64_t n =
        quern_tensor_len(quern_tensor_len(first.k) > 1 ? first.k : second.k);
    const float *numbers = join_numbers(ctx, &first, &second, n);
    if (numbers == NULL) {
        enum quern_code why = quern_pass_refuse(
            ctx, node, "the joined constant is no plain number");
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *x = quern_node_input(inner, first.data);
    if (first.inverts == second.inverts && n == 1 && qn_has_rank(x, rank) &&
        is_neutral(numbers[0], first.is_sum) && qn_can_stand_for(y, x)) {
        quern_pass_account(ctx, node, "undoes '%s'", quern_node_name(inner));
        code = quern_replace_value(y, x, true);
        return code == QUERN_OK ? quern_node_erase_dead(node) : code;
    }
    quern_name_extend(name, sizeof name, quern_value_name(y), "_joined");
    code = qn_new_floats(ctx, quern_node_graph(node), name, numbers, rank, dims,
                         &constant);
    return code == QUERN_OK ? put(ctx, node, &first, &second, constant) : code;
}

/* ------------------------------------------------------------- products */

/* A Mul by a number that the product alone reads; `at` is the number's input.
 */
static struct quern_node *factor_of(const struct quern_node *product, size_t i,
                                    float *out_number, size_t *out_at)
{
    const struct quern_value *x = quern_node_input(product, i);
    struct quern_node *mul = x != NULL ? qn_single_producer(x, "Mul") : NULL;
    if (mul == NULL || quern_node_graph(mul) != quern_node_graph(product) ||
        quern_value_dtype(x) != QUERN_FLOAT) {
        return NULL;
    }
    for (size_t k = 0; k < 2; k++) {
        const struct quern_value *v = quern_node_input(mul, k);
        const struct quern_value *data = quern_node_input(mul, 1 - k);
        if (v != NULL && data != NULL && qn_scalar(v, out_number) &&
            quern_value_constant(data) == NULL &&
            (quern_tensor_rank(quern_value_constant(v)) == 0 ||
             qn_has_rank(data, quern_tensor_rank(quern_value_constant(v))))) {
            *out_at = k;
            return mul;
        }
    }
    return NULL;
}

/* The first factor takes in the second; its result has a new name. */
static enum quern_code join_factors(struct quern_pass_ctx *ctx,
                                    struct quern_node *product, void *user)
{
    float s = 0.0f;
    float t = 0.0f;
    size_t at = 0;
    size_t at_second = 0;
    (void)user;
    struct quern_node *first = factor_of(product, 0, &s, &at);
    struct quern_node *second = factor_of(product, 1, &t, &at_second);
    float both = s * t;
    if (first == NULL || second == NULL || first == second ||
        !(fabsf(s) <= 1.0f && fabsf(t) <= 1.0f && fabsf(both) >= 1e-6f)) {
        return QUERN_OK;
    }
    struct quern_value *old = quern_node_output(first, 0);
    struct quern_value *made = NULL;
    struct quern_value *number = NULL;
    quern_pass_account(ctx, product, "factor of '%s' put into '%s'",
                       quern_node_name(second), quern_node_name(first));
    enum quern_code code = qn_new_floats(ctx, quern_node_graph(first), "factor",
                                         &both, 0, NULL, &number);
    if (code == QUERN_OK) {
        code = qn_replace_input(first, at, number);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(product, 1,
                                    quern_node_input(second, 1 - at_second));
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(second);
    }
    if (code == QUERN_OK) {
        code = quern_value_create(quern_node_graph(first),
                                  quern_value_name(old), &made);
    }
    if (code == QUERN_OK) {
        code = quern_value_copy_type(made, old);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(first, 0, made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(product, 0, made);
    }
    return code == QUERN_OK ? quern_value_erase(old) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    /* The operators that read_step() knows, one behind another. */
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", NULL};
    static const char *const products[] = {"MatMul", NULL};
    static const char *const factors[] = {"Mul", NULL};
    struct quern_each each = {.ops = ops, .behind = ops};
    struct quern_each matmul = {.ops = products, .behind = factors};
    (void)params;
    enum quern_code code = qn_rewrite(ctx, graph, rules, COUNT(rules));
    if (code == QUERN_OK) {
        code = quern_pass_each(ctx, graph, &each, join_chain, NULL);
    }
    return code == QUERN_OK
               ? quern_pass_each(ctx, graph, &matmul, join_factors, NULL)
               : code;
}

const struct quern_pass_desc qn_pass_simplify_arithmetic = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "simplify-arithmetic",
    .summary = "join constants of Add, Sub, Mul, Div in a row; a * (1 / b); "
               "Not of Not and in front of Where; Log of Softmax; the "
               "threshold around Softplus; "
               "factors of both sides of a MatMul",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_REPEAT,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
