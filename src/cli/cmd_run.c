/* quern run: run a model on data, or check it against expected outputs. */
#include "cli.h"
#include "profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const char *data;
    const char *out;
    double tolerance; /* 0: 1e-3 */
    bool check;
    bool profile;
    struct quern_engine_options engine;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_CHECK,
    KEY_TOL,
    KEY_PROFILE,
    KEY_BACKEND,
    KEY_LEVEL,
};

static const struct argp_option options[] = {
    {"data", KEY_DATA, "D", 0, "samples: .npz, .npy or a folder of test sets",
     0},
    {"output", 'o', "FILE", 0, "write outputs as .npz", 0},
    {"check", KEY_CHECK, NULL, 0,
     "compare with output_N.pb of the test sets given behind the model", 0},
    {"tol", KEY_TOL, "X", 0, "tolerance of --check (default: 1e-3)", 0},
    {"profile", KEY_PROFILE, NULL, 0, "print time by node and operator", 0},
    {"backend", KEY_BACKEND, "NAME", 0,
     "backend of the embedded engine: onednn, plain", 0},
    {"cpu-level", KEY_LEVEL, "L", 0,
     "no wider instructions than x86-64-L: v2, v3 (AVX2), v4 (AVX-512); also "
     "by the environment's QUERN_CPU_LEVEL",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct run *self = state->input;
    char *end = NULL;
    switch (key) {
    case KEY_DATA:
        self->data = arg;
        return 0;
    case 'o':
        self->out = arg;
        return 0;
    case KEY_CHECK:
        self->check = true;
        return 0;
    case KEY_TOL:
        self->tolerance = strtod(arg, &end);
        if (end == arg || *end != '\0' || !(self->tolerance > 0.0)) {
            fprintf(stderr,
                    "error[invalid-argument]: --tol '%s': needs a positive "
                    "number\n",
                    arg);
            return EINVAL;
        }
        return 0;
    case KEY_PROFILE:
        self->profile = true;
        return 0;
    case KEY_BACKEND:
        self->engine.backend = arg;
        return 0;
    case KEY_LEVEL:
        self->engine.cpu_level = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Engine, runner and the inputs that it wants. */
struct machine {
    struct quern_engine *engine;
    struct quern_runner *runner;
    struct quern_value **inputs;
    size_t n_inputs;
    struct quern_tensor **in;
    size_t n_outputs;
    struct quern_tensor **out;
};

static enum quern_code start(struct cli *cli, const struct run *self,
                             struct quern_model *model, struct machine *m)
{
    struct quern_engine_options o = self->engine;
    o.struct_size = sizeof o;
    o.kind = cli->engine;
    o.ort_library = cli->ort_library;
    o.fuse = true;
    o.profile = self->profile;
    if (o.cpu_level == NULL) {
        o.cpu_level = getenv("QUERN_CPU_LEVEL");
    }
    enum quern_code code = quern_engine_open(model, &o, &m->engine);
    if (code == QUERN_OK) {
        code = quern_runner_create(m->engine, cli->context, &m->runner);
    }
    if (code != QUERN_OK) {
        return code;
    }
    m->n_inputs = quern_engine_n_inputs(m->engine);
    m->n_outputs = quern_engine_n_outputs(m->engine);
    m->inputs = calloc(m->n_inputs + 1, sizeof(struct quern_value *));
    m->in = calloc(m->n_inputs + 1, sizeof(struct quern_tensor *));
    m->out = calloc(m->n_outputs + 1, sizeof(struct quern_tensor *));
    if (m->inputs == NULL || m->in == NULL || m->out == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < m->n_inputs; i++) {
        m->inputs[i] = quern_engine_input(m->engine, i);
    }
    return QUERN_OK;
}

static void stop(struct machine *m)
{
    quern_runner_destroy(&m->runner);
    quern_engine_close(&m->engine);
    free(m->inputs);
    free(m->in);
    free(m->out);
}

static void release_all(struct quern_tensor **tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        quern_tensor_release(&tensors[i]);
    }
}

/* Run sample i; m->out holds its outputs. */
static enum quern_code run_sample(struct cli *cli, struct machine *m,
                                  struct quern_data *data, size_t i)
{
    enum quern_code code = quern_data_sample(data, cli->context, i, m->in);
    if (code == QUERN_OK) {
        code = quern_runner_run(m->runner, m->in, m->n_inputs, m->out,
                                m->n_outputs, NULL, NULL);
    }
    release_all(m->in, m->n_inputs);
    return code;
}

static enum quern_code write_outputs(struct cli *cli, const struct run *self,
                                     struct quern_model *model,
                                     const struct machine *m,
                                     struct quern_tensor *const *all, size_t n)
{
    struct quern_npz *npz = NULL;
    struct quern_graph *graph = quern_model_graph(model);
    enum quern_code code = quern_npz_create(cli->context, self->out, &npz);
    for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
        code =
            quern_npz_add(npz, quern_value_name(quern_graph_output(graph, k)),
                          all + k * n, n);
    }
    if (code != QUERN_OK) {
        quern_npz_abort(&npz);
        return code;
    }
    return quern_npz_close(&npz);
}

static enum quern_code run_data(struct cli *cli, const struct run *self,
                                struct quern_model *model, struct machine *m)
{
    struct quern_data *data = NULL;
    enum quern_code code = quern_data_open(cli->context, self->data, m->inputs,
                                           m->n_inputs, &data);
    size_t n = code == QUERN_OK ? quern_data_count(data) : 0;
    struct quern_tensor **all =
        calloc(n * m->n_outputs + 1, sizeof(struct quern_tensor *));
    if (all == NULL) {
        code = QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = run_sample(cli, m, data, i);
        for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
            if (self->out != NULL) {
                all[k * n + i] = m->out[k];
                m->out[k] = NULL;
            }
        }
        release_all(m->out, m->n_outputs);
    }
    if (code == QUERN_OK && self->out != NULL) {
        code = write_outputs(cli, self, model, m, all, n);
    }
    if (code == QUERN_OK && !(cli->json && self->profile)) {
        code = cli_tell_run(cli, n, quern_engine_description(m->engine),
                            self->out);
    }
    release_all(all, all != NULL ? n * m->n_outputs : 0);
    free(all);
    quern_data_close(&data);
    return code;
}

/* ---------------------------------------------------------------- check */

/* Largest difference over the largest wanted magnitude; negative when type,
 * shape, a NaN, an infinity or an integer differs. */
static double difference(const struct quern_tensor *got,
                         const struct quern_tensor *want)
{
    if (quern_tensor_dtype(got) != quern_tensor_dtype(want) ||
        quern_tensor_rank(got) != quern_tensor_rank(want) ||
        memcmp(quern_tensor_dims(got), quern_tensor_dims(want),
               (size_t)quern_tensor_rank(got) * sizeof(int64_t)) != 0) {
        return -1.0;
    }
    if (!quern_dtype_is_float(quern_tensor_dtype(want))) {
        return quern_tensor_equal(got, want) ? 0.0 : -1.0;
    }
    double largest = 0.0;
    double error = 0.0;
    for (int64_t i = 0; i < quern_tensor_len(want); i++) {
        double a = 0.0;
        double b = 0.0;
        if (!quern_tensor_read_doubles(got, i, 1, &a) ||
            !quern_tensor_read_doubles(want, i, 1, &b)) {
            return -1.0;
        }
        if (!isfinite(b)) {
            bool same =
                isnan(b) ? isnan(a) : isinf(a) && (a > 0.0) == (b > 0.0);
            if (!same) {
                return -1.0;
            }
            continue;
        }
        if (!isfinite(a)) {
            return -1.0;
        }
        largest = fmax(largest, fabs(b));
        error = fmax(error, fabs(a - b));
    }
    return error / (largest + 1e-6);
}

static enum quern_code check_set(struct cli *cli, const struct run *self,
                                 struct machine *m, const char *set,
                                 bool *out_right)
{
    struct quern_data *data = NULL;
    double tolerance = self->tolerance > 0.0 ? self->tolerance : 1e-3;
    enum quern_code code =
        quern_data_open(cli->context, set, m->inputs, m->n_inputs, &data);
    if (code == QUERN_OK) {
        code = run_sample(cli, m, data, 0);
    }
    for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
        char path[4096];
        struct quern_tensor *want = NULL;
        snprintf(path, sizeof path, "%s/output_%zu.pb", set, k);
        code = quern_tensor_open(cli->context, path, &want);
        if (code != QUERN_OK) {
            break;
        }
        double error = m->out[k] != NULL ? difference(m->out[k], want) : -1.0;
        if (error < 0.0 || error > tolerance) {
            *out_right = false;
            fprintf(stderr, "wrong: %s: output %zu: error %g, tolerance %g%s\n",
                    set, k, error, tolerance,
                    error < 0.0 ? " (type, shape or a value that must be "
                                  "equal differs)"
                                : "");
        }
        quern_tensor_release(&want);
    }
    release_all(m->out, m->n_outputs);
    quern_data_close(&data);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct cli cli = {0};
    struct run self = {0};
    struct machine m = {0};
    struct quern_model *model = NULL;
    bool right = true;
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "IN [DIR...]",
        "Run a model on samples, or with --check compare its outputs with "
        "those of ONNX test sets (exit code 1 when they differ).",
        1, 100000);
    if (code == QUERN_OK && (self.data != NULL) == self.check) {
        code = cli_usage(&cli, "needs --data or --check, not both");
    }
    if (code == QUERN_OK) {
        code = quern_model_open(cli.context, cli.args[0], &model);
    }
    if (code == QUERN_OK) {
        code = start(&cli, &self, model, &m);
    }
    if (code == QUERN_OK && self.data != NULL) {
        code = run_data(&cli, &self, model, &m);
    }
    for (size_t i = 1; i < cli.n_args && code == QUERN_OK && self.check; i++) {
        code = check_set(&cli, &self, &m, cli.args[i], &right);
    }
    if (code == QUERN_OK && self.profile) {
        code = cli_print_profile(m.runner, model, cli.json);
    }
    stop(&m);
    quern_model_destroy(&model);
    int status = cli_finish(&cli, code);
    return status == 0 && !right ? 1 : status;
}
