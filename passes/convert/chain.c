/* Chains of older operators in front of a node that is taken apart. */
#include "convert/chain.h"

#include <stdio.h>
#include <string.h>

static enum quern_dtype dtype_of(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    return x != NULL ? quern_value_dtype(x) : QUERN_UNDEFINED;
}

struct qn_chain qn_chain_of(const struct lowering *l, struct quern_node *node,
                            struct quern_value *x)
{
    enum quern_dtype dtype = dtype_of(node);
    return (struct qn_chain){
        .l = l,
        .before = node,
        .last = x,
        .dtype = quern_dtype_is_float(dtype) ? dtype : QUERN_FLOAT,
    };
}

static bool is_half(enum quern_dtype dtype)
{
    return dtype == QUERN_FLOAT16 || dtype == QUERN_BFLOAT16;
}

bool qn_chain_is_real(const struct lowering *l, const struct quern_node *node)
{
    enum quern_dtype dtype = dtype_of(node);
    return dtype == QUERN_FLOAT || dtype == QUERN_DOUBLE ||
           dtype == QUERN_FLOAT16 || (dtype == QUERN_BFLOAT16 && l->to >= 13);
}

enum quern_code qn_chain_refuse_type(const struct lowering *l,
                                     const struct quern_node *node)
{
    char why[128];
    enum quern_dtype dtype = dtype_of(node);
    snprintf(why, sizeof why, "its type is %s, needs float, double%s",
             dtype != QUERN_UNDEFINED ? quern_dtype_name(dtype) : "not known",
             l->to >= 13 ? ", float16 or bfloat16" : " or float16");
    return qn_lower_refuse(l, node, why);
}

static void cast(struct qn_chain *c, enum quern_dtype to)
{
    qn_chain_add(c, "Cast", NULL);
    qn_chain_set_int(c, "to", (int64_t)to);
}

void qn_chain_as_float(struct qn_chain *c)
{
    if (is_half(c->dtype)) {
        c->dtype = QUERN_FLOAT;
        cast(c, QUERN_FLOAT);
    }
}

void qn_chain_as_given(struct qn_chain *c)
{
    if (qn_chain_is_cast(c)) {
        c->dtype = dtype_of(c->before);
        cast(c, c->dtype);
    }
}

bool qn_chain_is_cast(const struct qn_chain *c)
{
    enum quern_dtype dtype = dtype_of(c->before);
    return c->dtype != dtype && is_half(dtype);
}

struct quern_value *qn_chain_number(struct qn_chain *c, double x)
{
    return qn_chain_numbers(c, "lowered", &x, 0, NULL);
}

struct quern_value *qn_chain_numbers(struct qn_chain *c, const char *name,
                                     const double *x, int rank,
                                     const int64_t *dims)
{
    struct quern_tensor *t = NULL;
    struct quern_tensor *of_type = NULL;
    struct quern_value *value = NULL;
    if (c->code == QUERN_OK) {
        c->code = quern_tensor_create(quern_pass_context(c->l->ctx),
                                      QUERN_DOUBLE, rank, dims, &t);
    }
    if (c->code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(t), x, quern_tensor_size(t));
        c->code = quern_tensor_cast(quern_pass_context(c->l->ctx), t, c->dtype,
                                    &of_type);
    }
    if (c->code == QUERN_OK) {
        c->code = quern_constant_create(quern_node_graph(c->before), name,
                                        of_type, &value);
    }
    quern_tensor_release(&of_type);
    quern_tensor_release(&t);
    return value;
}

struct quern_value *qn_chain_ints(struct qn_chain *c, const int64_t *ints,
                                  int64_t n)
{
    struct quern_value *value = NULL;
    if (c->code == QUERN_OK) {
        c->code = qn_new_ints(c->l->ctx, quern_node_graph(c->before),
                              "lowered_list", ints, n, &value);
    }
    return value;
}

/* Operators of chains that take bfloat16 since a later opset than 13, as the
 * others do. Source: ONNX operator changelog. */
static const struct {
    const char *op;
    int64_t since;
} late_bfloat16[] = {
    {"HardSigmoid", 22},
    {"InstanceNormalization", 22},
    {"Softplus", 22},
    {"Where", 16},
};

/* An error where the operator lacks the chain's type. */
static void refuse_late(struct qn_chain *c, const char *op)
{
    char why[96];
    for (size_t i = 0; i < sizeof late_bfloat16 / sizeof *late_bfloat16; i++) {
        int64_t since = late_bfloat16[i].since;
        if (c->code == QUERN_OK && c->dtype == QUERN_BFLOAT16 &&
            c->l->to < since && strcmp(late_bfloat16[i].op, op) == 0) {
            snprintf(why, sizeof why, "%s of opset %lld has no bfloat16", op,
                     (long long)since - 1);
            c->code = qn_lower_refuse(c->l, c->before, why);
        }
    }
}

/* c->last = op of n values. */
static void append(struct qn_chain *c, const char *op,
                   struct quern_value *const *in, size_t n)
{
    char name[256];
    struct quern_node *node = NULL;
    struct quern_value *out = NULL;
    refuse_late(c, op);
    if (c->code != QUERN_OK) {
        return;
    }
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(c->before, 0)),
                      "_lowered_%d", c->number++);
    c->code = quern_value_create(quern_node_graph(c->before), name, &out);
    if (c->code == QUERN_OK && !c->reshaped && !qn_chain_is_cast(c)) {
        c->code = quern_value_copy_type(out, quern_node_input(c->before, 0));
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_create(quern_node_graph(c->before), c->before, op,
                                    name, in, n, &out, 1, &node);
    }
    c->last = out;
}

void qn_chain_add(struct qn_chain *c, const char *op, struct quern_value *other)
{
    struct quern_value *in[2] = {c->last, other};
    append(c, op, in, other != NULL ? 2 : 1);
}

void qn_chain_add_behind(struct qn_chain *c, const char *op,
                         struct quern_value *first)
{
    struct quern_value *in[2] = {first, c->last};
    append(c, op, in, 2);
}

void qn_chain_set_int(struct qn_chain *c, const char *name, int64_t value)
{
    if (c->code == QUERN_OK) {
        c->code =
            quern_node_set_int(quern_value_producer(c->last), name, value);
    }
}

void qn_chain_set_ints(struct qn_chain *c, const char *name,
                       const int64_t *values, size_t n)
{
    if (c->code == QUERN_OK) {
        c->code =
            quern_node_set_ints(quern_value_producer(c->last), name, values, n);
    }
}

void qn_chain_mean(struct qn_chain *c, const int64_t *axes, int64_t n)
{
    if (c->l->to >= 18) {
        qn_chain_add(c, "ReduceMean", qn_chain_ints(c, axes, n));
        return;
    }
    qn_chain_add(c, "ReduceMean", NULL);
    qn_chain_set_ints(c, "axes", axes, (size_t)n);
}

enum quern_code qn_chain_end(struct qn_chain *c, const char *op,
                             struct quern_value *other)
{
    struct quern_node *node = c->before;
    refuse_late(c, op);
    while (c->code == QUERN_OK && quern_node_n_attrs(node) > 0) {
        c->code = quern_node_remove_attr(node, quern_node_attr_name(node, 0));
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_op(node, op);
    }
    for (size_t i = quern_node_n_inputs(node);
         i-- > 2 && c->code == QUERN_OK;) {
        struct quern_value *old = quern_node_input(node, i);
        c->code = old != other ? qn_replace_input(node, i, NULL)
                               : quern_node_set_input(node, i, NULL);
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_input(node, 0, c->last);
    }
    return c->code == QUERN_OK ? qn_replace_input(node, 1, other) : c->code;
}

struct quern_value *qn_chain_by_channel(struct qn_chain *c,
                                        struct quern_value *v, int rank)
{
    int64_t axes[QUERN_MAX_RANK];
    struct quern_value *kept = c->last;
    if (rank == 2) {
        return v;
    }
    for (int i = 1; i < rank - 1; i++) {
        axes[i - 1] = i;
    }
    c->last = v;
    bool reshaped = c->reshaped;
    c->reshaped = true;
    if (c->l->to >= 13) {
        qn_chain_add(c, "Unsqueeze", qn_chain_ints(c, axes, rank - 2));
    } else {
        qn_chain_add(c, "Unsqueeze", NULL);
        qn_chain_set_ints(c, "axes", axes, (size_t)(rank - 2));
    }
    c->reshaped = reshaped;
    v = c->last;
    c->last = kept;
    return v;
}

bool qn_gives_more(const struct quern_node *node)
{
    for (size_t i = 1; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL &&
            (quern_value_n_uses(y) > 0 || quern_value_is_graph_output(y))) {
            return true;
        }
    }
    return false;
}

enum quern_code qn_drop_outputs(struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    while (quern_node_n_outputs(node) > 1 && code == QUERN_OK) {
        size_t i = quern_node_n_outputs(node) - 1;
        struct quern_value *y = quern_node_output(node, i);
        code = quern_node_set_output(node, i, NULL);
        if (code == QUERN_OK && y != NULL && !quern_value_erased(y)) {
            code = quern_value_erase(y);
        }
    }
    return code;
}
