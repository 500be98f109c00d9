#include "support.h"

#include <math.h>
#include <string.h>

/* ir_version 8, opset 17, graph "g": y = Identity(x) */
static const unsigned char bytes[] = {
    0x08, 0x08, 0x42, 0x04, 0x0A, 0x00, 0x10, 0x11, 0x3A, 0x1F, 0x0A,
    0x10, 0x0A, 0x01, 'x',  0x12, 0x01, 'y',  0x22, 0x08, 'I',  'd',
    'e',  'n',  't',  'i',  't',  'y',  0x12, 0x01, 'g',  0x5A, 0x03,
    0x0A, 0x01, 'x',  0x62, 0x03, 0x0A, 0x01, 'y'};

static uint32_t seed = 1;

uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

void net_open(struct net *net)
{
    net_open_in(net, NULL);
}

void net_open_in(struct net *net, const struct quern_context_options *options)
{
    memset(net, 0, sizeof *net);
    ck_assert_int_eq(quern_context_create(options, &net->context), QUERN_OK);
    ck_assert_int_eq(quern_model_open_memory(net->context, bytes, sizeof bytes,
                                             NULL, &net->model),
                     QUERN_OK);
    net->graph = quern_model_graph(net->model);
    net->last = quern_graph_first(net->graph);
    net->x = net->at = quern_graph_input(net->graph, 0);
}

void net_close(struct net *net)
{
    quern_model_destroy(&net->model);
    quern_context_destroy(&net->context);
}

struct quern_tensor *random_floats(struct quern_context *context, int rank,
                                   const int64_t *dims)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_tensor_create(context, QUERN_FLOAT, rank, dims, &t),
                     QUERN_OK);
    float *data = quern_tensor_data_mut(t);
    for (int64_t i = 0; i < quern_tensor_len(t); i++) {
        data[i] = (float)random_below(20001) / 10000.0f - 1.0f;
    }
    return t;
}

static struct quern_value *constant(struct net *net, struct quern_tensor *t)
{
    struct quern_value *v = NULL;
    ck_assert_int_eq(quern_constant_create(net->graph, "c", t, &v), QUERN_OK);
    quern_tensor_release(&t);
    return v;
}

struct quern_value *net_random(struct net *net, int rank, const int64_t *dims)
{
    return constant(net, random_floats(net->context, rank, dims));
}

struct quern_value *net_scalar(struct net *net, float value)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_tensor_of_floats(net->context, -1, &value, &t),
                     QUERN_OK);
    return constant(net, t);
}

struct quern_node *net_add(struct net *net, const char *op,
                           struct quern_value *const *others)
{
    struct quern_value *in[8] = {net->at};
    struct quern_value *out = NULL;
    struct quern_node *node = NULL;
    size_t n = 1;
    for (; others != NULL && others[n - 1] != NULL; n++) {
        in[n] = others[n - 1];
    }
    ck_assert_int_eq(quern_value_create(net->graph, "v", &out), QUERN_OK);
    ck_assert_int_eq(
        quern_node_create(net->graph, net->last, op, op, in, n, &out, 1, &node),
        QUERN_OK);
    ck_assert_int_eq(quern_node_set_input(net->last, 0, out), QUERN_OK);
    net->at = out;
    return node;
}

void set_ints(struct quern_node *node, const char *name, size_t n,
              const int64_t *values)
{
    ck_assert_int_eq(quern_node_set_ints(node, name, values, n), QUERN_OK);
}

void set_int(struct quern_node *node, const char *name, int64_t value)
{
    ck_assert_int_eq(quern_node_set_int(node, name, value), QUERN_OK);
}

struct quern_tensor *net_run(struct net *net, const char *backend, bool fuse,
                             struct quern_tensor *x)
{
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU,
                                     .backend = backend,
                                     .fuse = fuse};
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_tensor *y = NULL;
    if (quern_engine_open(net->model, &o, &engine) == QUERN_OK &&
        quern_runner_create(engine, net->context, &runner) == QUERN_OK) {
        enum quern_code code =
            quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL);
        ck_assert_msg(code == QUERN_OK || y == NULL, "output without success");
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return y;
}

double distance(const struct quern_tensor *a, const struct quern_tensor *b)
{
    const float *x = quern_tensor_data(a);
    const float *y = quern_tensor_data(b);
    double worst = 0.0;
    double most = 1e-6;
    ck_assert_int_eq(quern_tensor_len(a), quern_tensor_len(b));
    for (int64_t i = 0; i < quern_tensor_len(a); i++) {
        if (isnan(x[i]) != isnan(y[i])) {
            return INFINITY;
        }
        worst = fmax(worst, fabs((double)x[i] - (double)y[i]));
        most = fmax(most, fabs((double)x[i]));
    }
    return worst / most;
}
