/* quern run: run a model on data, or check it against expected outputs. */
#include "profile.h"
#include "run_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct run {
    const char *data;
    const char *out;
    double tolerance; /* 0: not given */
    bool by_element;  /* --rule onnx */
    bool check;
    bool profile;
    struct quern_engine_options engine;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_CHECK,
    KEY_TOL,
    KEY_RULE,
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
    {"tol", KEY_TOL, "X", 0,
     "tolerance of --check (default: \"tol\" of a meta.json beside the model, "
     "else 1e-3)",
     0},
    {"rule", KEY_RULE, "R", 0,
     "what the tolerance is of: output (default: the largest magnitude of the "
     "output) or onnx (each element)",
     0},
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
    case KEY_RULE:
        self->by_element = strcmp(arg, "onnx") == 0;
        if (!self->by_element && strcmp(arg, "output") != 0) {
            fprintf(stderr,
                    "error[invalid-argument]: --rule '%s': needs output or "
                    "onnx\n",
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
    const struct quern_model *model;
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
    m->model = model;
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

/* ---------------------------------------------------------------- output */

/* What cannot be written is told before it is run for. */
static enum quern_code check_outputs(struct cli *cli, const struct run *self,
                                     const struct quern_model *model)
{
    struct quern_graph *graph = quern_model_graph(model);
    struct quern_place place = QUERN_PLACE_NONE;
    char type[256];
    place.file = self->out;
    for (size_t k = 0; self->out != NULL && k < quern_graph_n_outputs(graph);
         k++) {
        const struct quern_value *v = quern_graph_output(graph, k);
        place.tensor = quern_value_name(v);
        /* As declared: nothing is inferred yet. */
        (void)quern_value_type_format(v, type, sizeof type);
        if (strncmp(type, "seq(", 4) == 0) {
            return quern_fail(cli->context, QUERN_UNSUPPORTED, &place,
                              "output is a sequence, %s, which cannot be "
                              "written as .npz: run without -o, or --check "
                              "test sets",
                              type);
        }
    }
    return QUERN_OK;
}

/* Outputs of all samples, on the way to a file that is open before the first
 * is run: what it will not take is told at once. */
struct results {
    struct quern_npz *npz; /* NULL: none is written */
    struct quern_tensor **all;
    size_t n; /* samples; those of output k begin at k * n */
    uint64_t size;
};

static enum quern_code open_results(struct cli *cli, const struct run *self,
                                    const struct machine *m, struct results *r)
{
    const struct quern_graph *graph = quern_model_graph(m->model);
    r->all = calloc(r->n * m->n_outputs + 1, sizeof(struct quern_tensor *));
    if (r->all == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = quern_npz_create(cli->context, self->out, &r->npz);
    for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
        code = quern_npz_expect(r->npz, quern_graph_output(graph, k));
    }
    return code;
}

/* Take the outputs of sample i. */
static enum quern_code keep(struct cli *cli, const struct machine *m, size_t i,
                            struct results *r)
{
    const struct quern_graph *graph = quern_model_graph(m->model);
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
        struct quern_tensor **of_output = r->all + k * r->n;
        of_output[i] = m->out[k];
        m->out[k] = NULL;
        code = quern_npz_check(r->npz,
                               quern_value_name(quern_graph_output(graph, k)),
                               of_output[0], of_output[i], i);
        r->size += code == QUERN_OK ? quern_tensor_size(of_output[i]) : 0;
    }
    if (code == QUERN_OK && r->size > QUERN_NPZ_MOST_SIZE) {
        code = quern_fail(cli->context, QUERN_UNSUPPORTED, NULL,
                          "outputs of %zu of %zu samples have %llu bytes, an "
                          ".npz holds at most %llu: run parts of the data",
                          i + 1, r->n, (unsigned long long)r->size,
                          (unsigned long long)QUERN_NPZ_MOST_SIZE);
    }
    return code;
}

static enum quern_code write_results(const struct machine *m, struct results *r)
{
    const struct quern_graph *graph = quern_model_graph(m->model);
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < m->n_outputs && code == QUERN_OK; k++) {
        code = quern_npz_add(r->npz,
                             quern_value_name(quern_graph_output(graph, k)),
                             r->all + k * r->n, r->n);
    }
    return code == QUERN_OK ? quern_npz_close(&r->npz) : code;
}

static void close_results(const struct machine *m, struct results *r)
{
    release_all(r->all, r->all != NULL ? r->n * m->n_outputs : 0);
    free(r->all);
    quern_npz_abort(&r->npz);
}

static enum quern_code run_data(struct cli *cli, const struct run *self,
                                struct machine *m)
{
    struct quern_data *data = NULL;
    struct results results = {0};
    enum quern_code code = quern_data_open(cli->context, self->data, m->inputs,
                                           m->n_inputs, &data);
    size_t n = code == QUERN_OK ? quern_data_count(data) : 0;
    results.n = n;
    if (code == QUERN_OK && self->out != NULL) {
        code = open_results(cli, self, m, &results);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = run_sample(cli, m, data, i);
        if (code == QUERN_OK && results.npz != NULL) {
            code = keep(cli, m, i, &results);
        }
        release_all(m->out, m->n_outputs);
    }
    if (code == QUERN_OK && results.npz != NULL) {
        code = write_results(m, &results);
        cli->written = code == QUERN_OK ? self->out : NULL;
    }
    if (code == QUERN_OK && !(cli->json && self->profile)) {
        code = cli_tell_run(cli, n, quern_engine_description(m->engine),
                            self->out);
    }
    close_results(m, &results);
    quern_data_close(&data);
    return code;
}

/* ---------------------------------------------------------------- check */

static enum quern_code check_one(struct cli *cli, const struct cli_bound *bound,
                                 struct machine *m, const char *set,
                                 struct cli_checked *checked)
{
    struct quern_data *data = NULL;
    enum quern_code code =
        quern_data_open(cli->context, set, m->inputs, m->n_inputs, &data);
    if (code == QUERN_OK) {
        code = run_sample(cli, m, data, 0);
    }
    if (code == QUERN_OK) {
        code = cli_check_set(cli, bound, m->model, set, m->out, m->n_outputs,
                             checked);
    }
    release_all(m->out, m->n_outputs);
    quern_data_close(&data);
    return code;
}

static enum quern_code check_sets(struct cli *cli, const struct run *self,
                                  struct machine *m, bool *out_right)
{
    struct cli_checked checked = {0};
    struct cli_bound bound =
        cli_bound_of(cli->args[0], self->tolerance, self->by_element);
    enum quern_code code = QUERN_OK;
    for (size_t i = 1; i < cli->n_args && code == QUERN_OK; i++) {
        code = check_one(cli, &bound, m, cli->args[i], &checked);
    }
    *out_right = checked.n_right == checked.n_sets;
    if (code == QUERN_OK && !(cli->json && self->profile) && !cli->quiet) {
        code = cli_check_tell(cli, &bound, quern_engine_description(m->engine),
                              &checked);
    }
    json_decref(checked.sets);
    return code;
}

/* A file that other programs would take for what it is not. */
static enum quern_code check_ending(struct cli *cli, const char *out)
{
    static const char *const others[] = {".npy", ".pb", ".onnx", ".json",
                                         ".csv"};
    const char *dot = out != NULL ? strrchr(out, '.') : NULL;
    for (size_t i = 0; dot != NULL && i < sizeof others / sizeof *others; i++) {
        if (strcasecmp(dot, others[i]) == 0) {
            return cli_usage(cli,
                             "output '%s' is no %s file: outputs are "
                             "written as .npz",
                             out, dot + 1);
        }
    }
    return QUERN_OK;
}

static enum quern_code check_usage(struct cli *cli, const struct run *self)
{
    if ((self->data != NULL) == self->check) {
        return cli_usage(cli, "needs --data or --check, not both");
    }
    if (self->check && cli->n_args < 2) {
        return cli_usage(cli, "--check needs folders of test sets behind the "
                              "model");
    }
    if (!self->check && cli->n_args > 1) {
        return cli_usage(cli, "folders behind the model go with --check");
    }
    if (self->check && self->out != NULL) {
        return cli_usage(cli, "-o goes with --data: --check compares outputs "
                              "and writes none");
    }
    const char *const read[] = {cli->args[0], self->data};
    enum quern_code code = cli_spare(cli, self->out, read, 2);
    return code == QUERN_OK ? check_ending(cli, self->out) : code;
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
    if (code == QUERN_OK) {
        code = check_usage(&cli, &self);
    }
    if (code == QUERN_OK) {
        code = quern_model_open(cli.context, cli.args[0], &model);
    }
    if (code == QUERN_OK) {
        code = cli_check_runnable(&cli, model);
    }
    if (code == QUERN_OK) {
        code = check_outputs(&cli, &self, model);
    }
    if (code == QUERN_OK) {
        code = start(&cli, &self, model, &m);
    }
    if (code == QUERN_OK && self.data != NULL) {
        code = run_data(&cli, &self, &m);
    }
    if (code == QUERN_OK && self.check) {
        code = check_sets(&cli, &self, &m, &right);
    }
    if (code == QUERN_OK && self.profile) {
        code = cli_print_profile(m.runner, model, cli.json);
    }
    stop(&m);
    quern_model_destroy(&model);
    int status = cli_finish(&cli, code);
    return status == 0 && !right ? 1 : status;
}
