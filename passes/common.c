/* Small helpers that several passes use. */
#include "common.h"

#include <quern/target.h>

#include <string.h>

bool qn_scalar(const struct quern_value *value, float *out_value)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    return t != NULL && quern_tensor_len(t) == 1 &&
           quern_tensor_read_floats(t, 0, 1, out_value);
}

float *qn_floats(struct quern_pass_ctx *ctx, const struct quern_value *value,
                 int64_t *out_len)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    if (t == NULL) {
        return NULL;
    }
    int64_t len = quern_tensor_len(t);
    float *values = quern_pass_alloc(ctx, (size_t)len * sizeof *values);
    if (values == NULL || !quern_tensor_read_floats(t, 0, len, values)) {
        return NULL;
    }
    *out_len = len;
    return values;
}

int qn_axes(const struct quern_node *node, int most, int64_t *out_axes)
{
    const int64_t *list = NULL;
    size_t n = 0;
    if (!quern_node_has_attr(node, "axes")) {
        return qn_int_values(quern_node_input(node, 1), most, out_axes);
    }
    if (quern_node_attr_ints(node, "axes", &list, &n) != QUERN_OK ||
        n > (size_t)most) {
        return -1;
    }
    memcpy(out_axes, list, n * sizeof *list);
    return (int)n;
}

double *qn_channel_constant(struct quern_pass_ctx *ctx,
                            const struct quern_value *value, int rank,
                            int64_t channels)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    if (t == NULL || quern_tensor_dtype(t) != QUERN_FLOAT ||
        quern_tensor_rank(t) > rank) {
        return NULL;
    }
    int64_t len = quern_tensor_len(t);
    int axis = quern_tensor_rank(t) - (rank - 1); /* counted from the last */
    bool by_channel = len == channels && axis >= 0 &&
                      axis < quern_tensor_rank(t) &&
                      quern_tensor_dims(t)[axis] == channels;
    int64_t got = 0;
    const float *v =
        len == 1 || by_channel ? qn_floats(ctx, value, &got) : NULL;
    double *out = quern_pass_alloc(ctx, (size_t)(channels + 1) * sizeof *out);
    for (int64_t c = 0; v != NULL && out != NULL && c < channels; c++) {
        out[c] = (double)v[len == 1 ? 0 : c];
    }
    return v != NULL ? out : NULL;
}

enum quern_code qn_new_floats(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph, const char *name,
                              const float *values, int rank,
                              const int64_t *dims,
                              struct quern_value **out_value)
{
    struct quern_tensor *t = NULL;
    enum quern_code code = quern_tensor_create(quern_pass_context(ctx),
                                               QUERN_FLOAT, rank, dims, &t);
    if (code != QUERN_OK) {
        return code;
    }
    memcpy(quern_tensor_data_mut(t), values, quern_tensor_size(t));
    code = quern_constant_create(graph, name, t, out_value);
    quern_tensor_release(&t);
    return code;
}

struct quern_node *qn_maker(const struct quern_value *value, const char *op)
{
    struct quern_node *p = value != NULL ? quern_value_producer(value) : NULL;
    return p != NULL && quern_node_is(p, op) ? p : NULL;
}

bool qn_is_read(const struct quern_value *value)
{
    return value != NULL && (quern_value_n_uses(value) > 0 ||
                             quern_value_is_graph_output(value));
}

enum quern_code qn_new_ints(struct quern_pass_ctx *ctx,
                            struct quern_graph *graph, const char *name,
                            const int64_t *ints, int64_t n,
                            struct quern_value **out_value)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_of_ints(quern_pass_context(ctx), n, ints, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(graph, name, t, out_value);
    }
    quern_tensor_release(&t);
    return code;
}

enum quern_code qn_replace_input(struct quern_node *node, size_t i,
                                 struct quern_value *value)
{
    struct quern_value *old = quern_node_input(node, i);
    enum quern_code code = quern_node_set_input(node, i, value);
    if (code == QUERN_OK && old != NULL && quern_value_n_uses(old) == 0 &&
        quern_value_producer(old) == NULL && !quern_value_is_graph_input(old)) {
        code = quern_value_erase(old);
    }
    return code;
}

struct quern_node *qn_single_producer(const struct quern_value *value,
                                      const char *op)
{
    struct quern_node *node =
        value != NULL ? quern_value_producer(value) : NULL;
    bool good = node != NULL && quern_node_is(node, op) &&
                quern_value_n_uses(value) == 1 &&
                !quern_value_is_graph_output(value);
    return good ? node : NULL;
}

int qn_int_values(const struct quern_value *value, int most,
                  int64_t *out_values)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    if (t == NULL || quern_tensor_len(t) > most ||
        !quern_dtype_is_integer(quern_tensor_dtype(t)) ||
        !quern_tensor_read_ints(t, 0, quern_tensor_len(t), out_values)) {
        return -1;
    }
    return (int)quern_tensor_len(t);
}

enum quern_code qn_take_output(struct quern_node *node, size_t i)
{
    struct quern_value *y = quern_node_output(node, i);
    struct quern_value *unread = NULL;
    enum quern_code code = QUERN_OK;
    if (quern_node_n_outputs(node) > 1) {
        code = quern_value_create(quern_node_graph(node), quern_value_name(y),
                                  &unread);
    }
    return code == QUERN_OK ? quern_node_set_output(node, i, unread) : code;
}

enum quern_code qn_output_to_constant(struct quern_node *node,
                                      struct quern_tensor *tensor)
{
    struct quern_value *y = quern_node_output(node, 0);
    enum quern_code code = qn_take_output(node, 0);
    if (code == QUERN_OK) {
        code = quern_value_set_constant(y, tensor, true);
    }
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

bool qn_can_stand_for(const struct quern_value *y, const struct quern_value *x)
{
    return !quern_value_is_graph_output(y) ||
           (quern_value_producer(x) != NULL &&
            quern_value_graph(x) == quern_value_graph(y) &&
            !quern_value_is_graph_output(x));
}

enum quern_code qn_permuted(struct quern_pass_ctx *ctx,
                            const struct quern_tensor *t, int rank,
                            const int64_t *perm, struct quern_tensor **out)
{
    int lead = rank - quern_tensor_rank(t);
    int64_t dims[QUERN_MAX_RANK];
    int64_t steps[QUERN_MAX_RANK]; /* in `t`, of the axes of the result */
    int64_t at[QUERN_MAX_RANK] = {0};
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int64_t size = i < lead ? 1 : quern_tensor_dims(t)[i - lead];
        dims[perm[i]] = size;
        steps[perm[i]] = step;
        step *= size;
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), quern_tensor_dtype(t), rank, dims, out);
    int64_t n = quern_tensor_len(t);
    if (code != QUERN_OK || n == 0) {
        return code;
    }
    size_t size = quern_tensor_size(t) / (size_t)n;
    const unsigned char *from = quern_tensor_data(t);
    unsigned char *to = quern_tensor_data_mut(*out);
    int64_t place = 0;
    for (int64_t k = 0; k < n; k++) {
        memcpy(to + (size_t)k * size, from + (size_t)place * size, size);
        for (int i = rank - 1; i >= 0; i--) {
            place += steps[i];
            if (++at[i] < dims[i]) {
                break;
            }
            place -= steps[i] * dims[i];
            at[i] = 0;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_renew_output(struct quern_node *node, bool same_type)
{
    struct quern_value *old = quern_node_output(node, 0);
    struct quern_value *value = NULL;
    const struct quern_use *use = quern_value_first_use(old);
    struct quern_node *reader = quern_use_node(use);
    size_t input = quern_use_index(use);
    enum quern_code code = quern_value_create(quern_node_graph(node),
                                              quern_value_name(old), &value);
    if (code == QUERN_OK && same_type) {
        code = quern_value_copy_type(value, old);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, 0, value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(reader, input, value);
    }
    return code == QUERN_OK ? quern_value_erase(old) : code;
}

enum quern_code qn_insert_behind(struct quern_node *node, const char *op,
                                 const char *suffix, struct quern_value **in,
                                 size_t n_in, struct quern_node **out_node)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_value *y = quern_node_output(node, 0);
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(y), "%s", suffix);
    enum quern_code code = quern_value_create(graph, name, &in[0]);
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, 0, in[0]);
    }
    quern_name_extend(name, sizeof name, quern_value_name(y), "_%s", op);
    return code == QUERN_OK
               ? quern_node_create(graph, quern_node_next(node), op, name, in,
                                   n_in, &y, 1, out_node)
               : code;
}

bool qn_is_one_of(const struct quern_node *node, const char *const *ops)
{
    for (; *ops != NULL; ops++) {
        if (quern_node_is(node, *ops)) {
            return true;
        }
    }
    return false;
}

bool qn_has_rank(const struct quern_value *value, int rank)
{
    static const char *const of_3[] = {"Conv",        "ConvTranspose",
                                       "MaxPool",     "GlobalAveragePool",
                                       "AveragePool", NULL};
    static const char *const of_2[] = {"BatchNormalization", "Gemm", NULL};
    static const char *const two[] = {"Add", "Mul", "Sub", "Div", NULL};
    static const char *const keep[] = {"Relu", "Clip", "MatMul",
                                       "LayerNormalization", NULL};
    for (int depth = 0; depth < 8 && value != NULL; depth++) {
        const struct quern_tensor *t = quern_value_constant(value);
        const struct quern_node *node = quern_value_producer(value);
        if (quern_value_rank(value) >= 0 || t != NULL || node == NULL) {
            int own =
                t != NULL ? quern_tensor_rank(t) : quern_value_rank(value);
            return own >= rank;
        }
        if (qn_is_one_of(node, of_3) || qn_is_one_of(node, of_2)) {
            return rank <= (qn_is_one_of(node, of_3) ? 3 : 2);
        }
        bool has_two = qn_is_one_of(node, two);
        const struct quern_value *b =
            has_two ? quern_node_input(node, 1) : NULL;
        t = b != NULL ? quern_value_constant(b) : NULL;
        if (t != NULL && quern_tensor_rank(t) >= rank) {
            return true;
        }
        if (!has_two && !qn_is_one_of(node, keep)) {
            return false;
        }
        value = quern_node_input(node, 0);
    }
    return false;
}

bool qn_known_int(const struct quern_value *value, int64_t *out_number)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    size_t n = 0;
    const struct quern_number *numbers =
        value != NULL ? quern_value_numbers(value, &n) : NULL;
    if (t != NULL && quern_tensor_len(t) == 1 &&
        quern_tensor_read_ints(t, 0, 1, out_number)) {
        return true;
    }
    if (numbers != NULL && n == 1 && numbers[0].known &&
        numbers[0].expr == NULL) {
        *out_number = numbers[0].value;
        return true;
    }
    return false;
}

enum quern_code qn_replace_outputs(const struct quern_node *node,
                                   struct quern_value **values, size_t n)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *y = quern_node_output(node, i);
        struct quern_value *x = values[i];
        if (y == NULL || x == NULL) {
            continue;
        }
        bool is_made = quern_value_producer(x) != NULL;
        code = quern_replace_value(y, x, true);
        /* A graph output took the place of x: for a second time it is y. */
        for (size_t k = i + 1;
             is_made && quern_value_producer(x) == NULL && k < n; k++) {
            values[k] = values[k] == x ? y : values[k];
        }
    }
    return code;
}

struct holders {
    quern_node_fn fn;
    void *user;
};

/* Recursion: as deep as graphs nest, which the reader bounds. */
static enum quern_code visit_holder(struct quern_pass_ctx *ctx,
                                    struct quern_node *node, void *user)
{
    const struct holders *h = user;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        code = quern_pass_each(ctx, quern_node_subgraph(node, i),
                               &(struct quern_each){.has_bodies = true},
                               visit_holder, user);
    }
    return code == QUERN_OK ? h->fn(ctx, node, h->user) : code;
}

enum quern_code qn_each_holder(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, quern_node_fn fn,
                               void *user)
{
    struct holders h = {fn, user};
    return quern_pass_each(ctx, graph, &(struct quern_each){.has_bodies = true},
                           visit_holder, &h);
}

bool qn_must_stay_open(const struct quern_value *value)
{
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        const struct quern_value *x = node != NULL && quern_use_index(u) > 0 &&
                                              quern_node_is(node, "Slice") &&
                                              quern_node_opset(node) == 10
                                          ? quern_node_input(node, 0)
                                          : NULL;
        int rank = x != NULL ? quern_value_rank(x) : 0;
        for (int i = 0; i < rank; i++) {
            if (quern_value_dims(x)[i].value < 0) {
                return true;
            }
        }
    }
    return false;
}

bool qn_target_lacks(struct quern_pass_ctx *ctx, const char *op)
{
    return quern_target_has(&quern_pass_target(ctx)->lacks, op);
}
