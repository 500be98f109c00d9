/* A quantized graph and its float twin. */
#include "quantize/float_twin.h"

#include "common.h"
#include "quantize/hardswish.h"
#include "quantize/linear.h"
#include "quantize/seen.h"

#include <stdlib.h>
#include <string.h>

/* What a node was made from; by node. */
struct floats {
    struct quern_tensor *tensors[QN_TWIN_PORTS]; /* weights, bias */
    const char *names[QN_TWIN_PORTS];
};

#define FLOATS_TABLE "quern.floats"

/* ------------------------------------------------------------------ floats */

static void release_floats(void *object)
{
    struct floats *f = object;
    for (size_t i = 0; i < QN_TWIN_PORTS; i++) {
        quern_tensor_release(&f->tensors[i]);
    }
    free(f);
}

/* The node and its input that hold the bias; false: none. */
static bool bias_port(const struct quern_node *node, struct quern_node **holder,
                      size_t *input)
{
    *input = 2;
    *holder = (struct quern_node *)(uintptr_t)node;
    if (quern_node_is(node, "MatMul")) {
        *holder = qn_matmul_bias(node, input);
    }
    return *holder != NULL && quern_node_input(*holder, *input) != NULL;
}

enum quern_code qn_floats_keep(struct quern_pass_ctx *ctx,
                               const struct quern_node *node)
{
    struct quern_table *table = NULL;
    struct floats *f = calloc(1, sizeof *f);
    struct quern_node *holder = NULL;
    size_t input = 0;
    if (f == NULL) {
        return quern_fail(quern_pass_context(ctx), QUERN_NO_MEMORY, NULL,
                          "out of memory");
    }
    const struct quern_value *from[QN_TWIN_PORTS] = {quern_node_input(node, 1),
                                                     NULL};
    if (bias_port(node, &holder, &input)) {
        from[1] = quern_node_input(holder, input);
    }
    for (size_t i = 0; i < QN_TWIN_PORTS; i++) {
        struct quern_tensor *t = quern_value_constant(from[i]);
        if (t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT) {
            f->tensors[i] = quern_tensor_retain(t);
            f->names[i] = quern_value_name(from[i]);
        }
    }
    enum quern_code code = quern_pass_keep(ctx, f, release_floats);
    if (code == QUERN_OK) {
        code = quern_table_open(quern_pass_model(ctx), FLOATS_TABLE,
                                QUERN_TABLE_NODE, sizeof f, &table);
    }
    return code == QUERN_OK ? quern_table_set(table, quern_node_id(node), &f)
                            : code;
}

/* ---------------------------------------------------------------- the graph */

/* Scale and zero point are the same constants, or equal ones. */
static bool same_numbers(const struct quern_node *a, const struct quern_node *b)
{
    for (size_t i = 1; i < 3; i++) {
        const struct quern_value *v = quern_node_input(a, i);
        const struct quern_value *w = quern_node_input(b, i);
        const struct quern_tensor *s = quern_value_constant(v);
        const struct quern_tensor *t = quern_value_constant(w);
        if (v != w && (s == NULL || t == NULL || !quern_tensor_equal(s, t))) {
            return false;
        }
    }
    return true;
}

/* The Mul that is a HardSwish on codes: one input from the pair's own DQ, the
 * other one from `gate`, a DQ of the same codes, held below a bound or not. */
static struct quern_node *swish_of(const struct quern_node *gate,
                                   const struct quern_value *codes)
{
    struct quern_node *mul = quern_value_only_user(quern_node_output(gate, 0));
    const struct quern_node *dq =
        mul != NULL && quern_node_is(mul, "Mul")
            ? qn_maker(quern_node_input(mul, 0), "DequantizeLinear")
            : NULL;
    return dq != NULL && dq != gate && quern_node_input(dq, 0) == codes &&
                   quern_node_input(mul, 1) == quern_node_output(gate, 0) &&
                   qn_is_hardswish_gate(gate, dq)
               ? mul
               : NULL;
}

/* The gate that a reader of codes is, or leads to. */
static const struct quern_node *gate_at(const struct quern_node *reader)
{
    if (quern_node_is(reader, "Clip")) {
        reader = quern_value_only_user(quern_node_output(reader, 0));
    }
    return reader != NULL && quern_node_is(reader, "DequantizeLinear") ? reader
                                                                       : NULL;
}

static void add_swish(struct qn_twin *t, size_t pair, struct quern_node *mul)
{
    t->swishes[t->n_swishes++] =
        (struct qn_twin_swish){mul, quern_node_input(mul, 1), pair, SIZE_MAX};
}

/* What reads the codes of a pair: its DQ, gates of HardSwish, or what keeps the
 * pair where it is. */
static void look_at_readers(struct qn_twin *t, size_t pair)
{
    struct qn_twin_pair *p = &t->pairs[pair];
    const struct quern_value *codes = quern_node_output(p->q, 0);
    p->fixed = p->fixed || quern_value_is_graph_output(codes);
    for (const struct quern_use *u = quern_value_first_use(codes); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *n = quern_use_node(u);
        const struct quern_node *gate = n != NULL ? gate_at(n) : NULL;
        const struct quern_value *y =
            gate != NULL ? quern_node_output(gate, 0) : NULL;
        if (gate == NULL || quern_value_is_graph_output(y)) {
            p->fixed = true;
        } else if (gate == n && same_numbers(p->q, n)) {
            t->pair_of[quern_value_id(y)] = pair + 1;
        } else if (swish_of(gate, codes) != NULL) {
            t->pair_of[quern_value_id(y)] = pair + 1;
            add_swish(t, pair, swish_of(gate, codes));
        } else {
            p->fixed = true;
        }
    }
}

static void add_port(struct qn_twin_layer *l, size_t i, struct quern_node *node,
                     size_t input, const struct floats *f)
{
    if (f->tensors[i] != NULL) {
        l->ports[i].node = node;
        l->ports[i].input = input;
        l->ports[i].codes = quern_node_input(node, input);
        l->ports[i].tensor = f->tensors[i];
        l->ports[i].name = f->names[i];
    }
}

static void add_layer(struct qn_twin *t, struct quern_node *node,
                      const struct quern_table *table)
{
    struct floats *const *entry = quern_table_get(table, quern_node_id(node));
    const struct quern_target_op *op = quern_target_node(t->target, node);
    struct qn_twin_layer *l = &t->layers[t->n_layers];
    bool product = qn_maker(quern_node_input(node, 1), "DequantizeLinear") &&
                   t->pair_of[quern_value_id(quern_node_input(node, 1))] != 0;
    if (entry == NULL && !product) {
        return;
    }
    *l = (struct qn_twin_layer){.node = node};
    l->required = op != NULL && op->output == QUERN_OUTPUT_REQUIRED;
    if (entry != NULL) {
        struct quern_node *holder = NULL;
        size_t input = 0;
        add_port(l, 0, node, 1, *entry);
        if (bias_port(node, &holder, &input)) {
            add_port(l, 1, holder, input, *entry);
        }
        if (l->ports[1].node == NULL && quern_node_n_inputs(node) > 2) {
            l->ports[1].node = node; /* a bias that corrections made */
            l->ports[1].input = 2;
            l->ports[1].codes = quern_node_input(node, 2);
        }
    }
    t->layer_of[quern_node_id(node)] = ++t->n_layers;
}

static bool make_room(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                      struct qn_twin *t)
{
    size_t n = quern_graph_n_nodes(graph) + 1;
    t->n_values = quern_model_n_value_ids(quern_pass_model(ctx));
    t->n_nodes = quern_model_n_node_ids(quern_pass_model(ctx));
    t->layers = quern_pass_alloc(ctx, n * sizeof *t->layers);
    t->pairs = quern_pass_alloc(ctx, n * sizeof *t->pairs);
    t->swishes = quern_pass_alloc(ctx, n * sizeof *t->swishes);
    t->layer_of = quern_pass_alloc(ctx, t->n_nodes * sizeof *t->layer_of);
    t->pair_of = quern_pass_alloc(ctx, t->n_values * sizeof *t->pair_of);
    return t->layers != NULL && t->pairs != NULL && t->swishes != NULL &&
           t->layer_of != NULL && t->pair_of != NULL;
}

const struct quern_value *qn_twin_point_of(const struct quern_node *node)
{
    const struct quern_value *y = quern_node_output(node, 0);
    const struct quern_node *next = y != NULL ? quern_value_only_user(y) : NULL;
    bool is_cut = next != NULL &&
                  (quern_node_is(next, "Relu") || quern_node_is(next, "Clip"));
    return is_cut ? quern_node_output(next, 0) : y;
}

size_t qn_twin_pair_behind(const struct qn_twin *t, const struct quern_value *v)
{
    const struct quern_use *u = v != NULL ? quern_value_first_use(v) : NULL;
    for (; u != NULL; u = quern_use_next(u)) {
        const struct quern_node *q = quern_use_node(u);
        const struct quern_use *r =
            q != NULL && quern_node_is(q, "QuantizeLinear")
                ? quern_value_first_use(quern_node_output(q, 0))
                : NULL;
        for (; r != NULL; r = quern_use_next(r)) {
            const struct quern_node *dq = quern_use_node(r);
            size_t pair =
                dq != NULL && quern_node_is(dq, "DequantizeLinear")
                    ? t->pair_of[quern_value_id(quern_node_output(dq, 0))]
                    : 0;
            if (pair > 0 && t->pairs[pair - 1].q == q) {
                return pair - 1;
            }
        }
    }
    return SIZE_MAX;
}

enum quern_code qn_twin_init(struct quern_pass_ctx *ctx,
                             struct quern_graph *graph, struct qn_twin *t)
{
    struct quern_table *table = NULL;
    *t = (struct qn_twin){
        .ctx = ctx, .graph = graph, .target = quern_pass_target(ctx)};
    if (!make_room(ctx, graph, t)) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), FLOATS_TABLE, QUERN_TABLE_NODE,
                         sizeof(struct floats *), &table);
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        if (quern_node_is(n, "QuantizeLinear") &&
            quern_value_constant(quern_node_input(n, 0)) == NULL) {
            t->pairs[t->n_pairs] = (struct qn_twin_pair){n, false, true};
            look_at_readers(t, t->n_pairs++);
        } else if (qn_is_heavy(n)) {
            add_layer(t, n, table);
        }
    }
    for (size_t i = 0; i < t->n_swishes; i++) {
        t->swishes[i].out =
            qn_twin_pair_behind(t, quern_node_output(t->swishes[i].node, 0));
    }
    return code;
}
