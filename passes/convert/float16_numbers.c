/* to-float16: constants that do not fit, and values that were measured. */
#include <quern/data.h>
#include <quern/run.h>

#include "convert/float16.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1024 };

/* ----------------------------------------------------------- magnitudes */

struct magnitude {
    double most;  /* of finite numbers */
    double least; /* of those that are not zero */
};

static void note(struct magnitude *m, double x)
{
    x = fabs(x);
    if (isfinite(x)) {
        m->most = x > m->most ? x : m->most;
        m->least = x > 0.0 && x < m->least ? x : m->least;
    }
}

static bool magnitude_of(const struct quern_tensor *t, struct magnitude *m)
{
    double piece[PIECE];
    int64_t len = quern_tensor_len(t);
    *m = (struct magnitude){0.0, HUGE_VAL};
    for (int64_t i = 0; i < len; i += PIECE) {
        int64_t n = len - i < PIECE ? len - i : PIECE;
        if (!quern_tensor_read_doubles(t, i, n, piece)) {
            return false;
        }
        for (int64_t k = 0; k < n; k++) {
            note(m, piece[k]);
        }
    }
    return true;
}

/* A tensor as a whole loses its digits when its largest number is that small; a
 * single small number of many does no harm. */
bool qn_half_misfit(const struct qn_half *h, const struct quern_value *constant,
                    bool *out_large, const char **out_why)
{
    struct magnitude m;
    *out_large = false;
    if (!magnitude_of(quern_value_constant(constant), &m)) {
        *out_why = "its numbers cannot be read";
        return true;
    }
    if (m.most > h->most && h->params->overflow == 0) {
        *out_large = true;
        *out_why = "a constant holds numbers beyond those of the type";
        return true;
    }
    if (m.most > 0.0 && m.most < h->least) {
        *out_why = "a constant holds numbers that vanish in the type";
        return true;
    }
    return false;
}

bool qn_half_is_bound(const struct quern_node *node, size_t i)
{
    static const char *const joined[] = {"Min", "Max", NULL};
    return (quern_node_is(node, "Clip") && i > 0) ||
           (quern_node_is(node, "Attention") && i == 3) ||
           (qn_is_one_of(node, joined) && quern_node_n_inputs(node) > 1);
}

enum quern_code qn_half_narrowed(struct qn_half *h, struct quern_tensor *tensor,
                                 struct quern_tensor **out_tensor)
{
    struct quern_context *context = quern_pass_context(h->ctx);
    struct quern_tensor *clamped = NULL;
    struct magnitude m;
    float piece[PIECE];
    int64_t len = quern_tensor_len(tensor);
    if (!magnitude_of(tensor, &m) || m.most <= h->most) {
        return quern_tensor_cast(context, tensor, h->narrow, out_tensor);
    }
    enum quern_code code =
        quern_tensor_create(context, QUERN_FLOAT, quern_tensor_rank(tensor),
                            quern_tensor_dims(tensor), &clamped);
    for (int64_t i = 0; i < len && code == QUERN_OK; i += PIECE) {
        int64_t n = len - i < PIECE ? len - i : PIECE;
        float most = (float)h->most;
        if (!quern_tensor_read_floats(tensor, i, n, piece)) {
            code = QUERN_INTERNAL;
            break;
        }
        for (int64_t k = 0; k < n; k++) {
            bool beyond = isfinite(piece[k]) && fabsf(piece[k]) > most;
            piece[k] = beyond ? copysignf(most, piece[k]) : piece[k];
        }
        memcpy((float *)quern_tensor_data_mut(clamped) + i, piece,
               (size_t)n * sizeof *piece);
    }
    if (code == QUERN_OK) {
        code = quern_tensor_cast(context, clamped, h->narrow, out_tensor);
    }
    quern_tensor_release(&clamped);
    return code;
}

/* ------------------------------------------------------------- measuring */

struct measured {
    struct quern_value **values;
    struct magnitude *magnitudes;
    size_t n;
};

static double number_at(const struct quern_view *view, int64_t at)
{
    return view->dtype == QUERN_DOUBLE
               ? ((const double *)view->data)[at]
               : (double)((const float *)view->data)[at];
}

/* Every number once, whatever the strides. */
static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    const struct measured *m = user;
    int64_t index[QUERN_MAX_RANK] = {0};
    int64_t at = 0;
    bool empty = false;
    for (int i = 0; i < view->rank; i++) {
        empty = empty || view->dims[i] == 0;
    }
    if (empty || (view->dtype != QUERN_FLOAT && view->dtype != QUERN_DOUBLE)) {
        return QUERN_OK;
    }
    for (;;) {
        note(&m->magnitudes[tap], number_at(view, at));
        int i = view->rank - 1;
        for (; i >= 0; i--) {
            at += view->strides[i];
            if (++index[i] < view->dims[i]) {
                break;
            }
            at -= view->strides[i] * view->dims[i];
            index[i] = 0;
        }
        if (i < 0) {
            return QUERN_OK;
        }
    }
}

/* All values that nodes make, in bodies too. */
static void list(struct qn_half *h, struct quern_graph *graph,
                 struct measured *m)
{
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            struct quern_value *y = quern_node_output(n, i);
            if (qn_half_wide(h, y) && quern_value_constant(y) == NULL) {
                m->magnitudes[m->n] = (struct magnitude){0.0, HUGE_VAL};
                m->values[m->n++] = y;
            }
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            list(h, quern_node_subgraph(n, i), m);
        }
    }
}

static enum quern_code run_sample(struct qn_half *h, struct quern_data *data,
                                  struct quern_engine *engine,
                                  struct quern_runner *runner, size_t sample,
                                  struct measured *m)
{
    size_t n_in = quern_engine_n_inputs(engine);
    size_t n_out = quern_engine_n_outputs(engine);
    struct quern_tensor **in =
        quern_pass_alloc(h->ctx, (n_in + 1) * sizeof(struct quern_tensor *));
    struct quern_tensor **out =
        quern_pass_alloc(h->ctx, (n_out + 1) * sizeof(struct quern_tensor *));
    if (in == NULL || out == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_data_sample(data, quern_pass_context(h->ctx), sample, in);
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, in, n_in, out, n_out, look, m);
    }
    for (size_t i = 0; i < n_in; i++) {
        quern_tensor_release(&in[i]);
    }
    for (size_t i = 0; i < n_out; i++) {
        quern_tensor_release(&out[i]);
    }
    return code;
}

static enum quern_code
run_samples(struct qn_half *h, struct quern_engine *engine, struct measured *m)
{
    struct quern_context *context = quern_pass_context(h->ctx);
    struct quern_data *data = NULL;
    struct quern_runner *runner = NULL;
    enum quern_code code = quern_data_open_graph(
        context, quern_pass_data(h->ctx), quern_model_graph(h->model), &data);
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, context, &runner);
    }
    size_t n = code == QUERN_OK ? quern_data_count(data) : 0;
    n = n > (size_t)h->params->samples ? (size_t)h->params->samples : n;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_pass_scope_open(h->ctx);
        if (code == QUERN_OK) {
            code = run_sample(h, data, engine, runner, i, m);
            quern_pass_scope_close(h->ctx);
        }
        quern_pass_progress(h->ctx, "measuring", i + 1, n);
        if (code == QUERN_OK) {
            code = quern_pass_poll(h->ctx);
        }
    }
    if (code == QUERN_OK) {
        quern_pass_account(h->ctx, NULL, "%zu samples measured", n);
    }
    quern_runner_destroy(&runner);
    quern_data_close(&data);
    return code;
}

static void judge(struct qn_half *h, const struct measured *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct magnitude *is = &m->magnitudes[i];
        bool is_tiny = is->most > 0.0 && is->most < h->least;
        if (is->most > h->most || is_tiny) {
            qn_half_mark(h, m->values[i], QN_HALF_LARGE);
            quern_pass_account(h->ctx, quern_value_producer(m->values[i]),
                               "'%s' reaches %.3g, the type holds %s %.3g",
                               quern_value_name(m->values[i]), is->most,
                               is_tiny ? "few digits below" : "at most",
                               is_tiny ? h->least : h->most);
        }
    }
}

enum quern_code qn_half_measure(struct qn_half *h)
{
    struct measured m = {0};
    if (quern_pass_data(h->ctx) == NULL) {
        return QUERN_OK;
    }
    m.values = quern_pass_alloc(h->ctx, (h->n_values + 1) *
                                            sizeof(struct quern_value *));
    m.magnitudes =
        quern_pass_alloc(h->ctx, (h->n_values + 1) * sizeof *m.magnitudes);
    if (m.values == NULL || m.magnitudes == NULL) {
        return QUERN_NO_MEMORY;
    }
    list(h, quern_model_graph(h->model), &m);
    struct quern_engine_options options = {
        .struct_size = sizeof options, .taps = m.values, .n_taps = m.n};
    struct quern_engine *engine = NULL;
    quern_pass_engine(h->ctx, &options);
    enum quern_code code = quern_engine_open(h->model, &options, &engine);
    if (code == QUERN_OK) {
        code = run_samples(h, engine, &m);
    }
    if (code == QUERN_OK) {
        judge(h, &m);
    }
    quern_engine_close(&engine);
    return code;
}
