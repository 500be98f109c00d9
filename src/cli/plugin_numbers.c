/* quern plugin check: do outputs stay what the contract of a pass promises? */
#include "plugin.h"

#include <math.h>
#include <string.h>

enum { SYMBOL_SIZE = 3 };

/* ----------------------------------------------------------- random data */

/* A number from -2 to 2, or for whole numbers 0 or 1, which suit indices. */
static double next_number(uint64_t *state, bool is_whole)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    double x = (double)(*state >> 33) / (double)(UINT64_C(1) << 31);
    return is_whole ? floor(2 * x) : 4 * x - 2;
}

static enum quern_code fill(struct quern_context *context,
                            const struct quern_value *input, uint64_t *state,
                            struct quern_tensor **out_tensor)
{
    int64_t dims[QUERN_MAX_RANK];
    int rank = quern_value_rank(input);
    const struct quern_dim *declared = quern_value_dims(input);
    enum quern_dtype dtype = quern_value_dtype(input);
    struct quern_tensor *doubles = NULL;
    for (int i = 0; i < rank; i++) {
        dims[i] = declared[i].value >= 0 ? declared[i].value : SYMBOL_SIZE;
    }
    if (rank < 0) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "no rank is known of input '%s'",
                          quern_value_name(input));
    }
    enum quern_code code =
        quern_tensor_create(context, QUERN_DOUBLE, rank, dims, &doubles);
    if (code != QUERN_OK) {
        return code;
    }
    double *numbers = quern_tensor_data_mut(doubles);
    for (int64_t i = 0; i < quern_tensor_len(doubles); i++) {
        numbers[i] = next_number(state, !quern_dtype_is_float(dtype));
    }
    code = quern_tensor_cast(context, doubles, dtype, out_tensor);
    quern_tensor_release(&doubles);
    return code;
}

/* Random data for what a model needs, in a file. */
static enum quern_code make_data(struct quern_context *context,
                                 const struct quern_graph *graph,
                                 const char *path)
{
    struct quern_npz *npz = NULL;
    uint64_t state = 1;
    enum quern_code code = quern_npz_create(context, path, &npz);
    for (size_t i = 0; i < quern_graph_n_inputs(graph) && code == QUERN_OK;
         i++) {
        const struct quern_value *input = quern_graph_input(graph, i);
        struct quern_tensor *tensor = NULL;
        if (quern_value_is_initializer(input)) {
            continue;
        }
        code = fill(context, input, &state, &tensor);
        if (code == QUERN_OK) {
            code = quern_npz_add(npz, quern_value_name(input), &tensor, 1);
        }
        quern_tensor_release(&tensor);
    }
    if (code == QUERN_OK) {
        return quern_npz_close(&npz);
    }
    quern_npz_abort(&npz);
    return code;
}

/* ------------------------------------------------------------- comparing */

/* Least SQNR of the outputs, infinite where all are equal; NaN or another shape
 * in one of them counts as -infinity. */
static double least_sqnr(const struct quern_comparison *c,
                         const char **out_name)
{
    double least = (double)INFINITY;
    const struct quern_compared *v = NULL;
    for (size_t i = 0; (v = quern_comparison_value(c, i)) != NULL; i++) {
        bool is_wrong = v->n_shape > 0 || v->result.n_mismatch > 0;
        bool is_equal = !(v->result.max_abs > 0.0) && !is_wrong;
        double sqnr = is_wrong   ? -(double)INFINITY
                      : is_equal ? (double)INFINITY
                                 : v->result.sqnr_db;
        if (sqnr < least) {
            least = sqnr;
            *out_name = v->name;
        }
    }
    return least;
}

/* What a contract promises, in dB. Real-exact rewrites differ by rounding. */
static double promised(enum quern_contract contract)
{
    switch (contract) {
    case QUERN_BIT_EXACT:
        return (double)INFINITY;
    case QUERN_REAL_EXACT:
        return 80.0;
    case QUERN_APPROXIMATE:
    case QUERN_CHANGES_PRECISION:
        break;
    }
    return -(double)INFINITY;
}

/* @param inout_least  the worst so far, of all models */
static enum quern_code compare(const struct plugin_job *job,
                               struct quern_model *before,
                               struct quern_model *after, double *inout_least,
                               const char **out_output)
{
    char path[4096];
    struct quern_context *context = job->cli->context;
    struct quern_comparison *comparison = NULL;
    const struct quern_compare_options options = {
        .struct_size = sizeof options,
        .kind = job->cli->engine,
        .ort_library = job->cli->ort_library,
    };
    enum quern_code code = QUERN_OK;
    snprintf(path, sizeof path, "%s/random.npz", job->folder);
    if (job->data == NULL) {
        code = make_data(context, quern_model_graph(before), path);
    }
    if (code == QUERN_OK) {
        code =
            quern_compare(before, after, job->data != NULL ? job->data : path,
                          &options, &comparison);
    }
    if (code == QUERN_OK) {
        double least = least_sqnr(comparison, out_output);
        *inout_least = least < *inout_least ? least : *inout_least;
    }
    quern_comparison_destroy(&comparison);
    return code;
}

static bool compare_model(const struct plugin_job *job, FILE *report, size_t i,
                          double needed, double *inout_least, size_t *inout_n)
{
    struct quern_model *before = NULL;
    struct quern_model *after = NULL;
    const char *name = NULL;
    const char *output = NULL;
    uint64_t n_edits = 0;
    enum quern_code code = plugin_model(job, i, &name, &before);
    bool is_end = code == QUERN_OK && before == NULL;
    if (code == QUERN_OK && !is_end) {
        code = plugin_model(job, i, &name, &after);
    }
    if (code == QUERN_OK && !is_end) {
        code = plugin_apply(job, after, NULL, &n_edits);
    }
    if (code == QUERN_OK && n_edits > 0) {
        code = compare(job, before, after, inout_least, &output);
        *inout_n += code == QUERN_OK;
        if (code != QUERN_OK && quern_error(job->cli->context) != NULL) {
            fprintf(report, "skipped\t'%s' cannot be run: %s\n", name,
                    quern_error(job->cli->context)->text);
        }
    }
    if (code == QUERN_OK && output != NULL && *inout_least < needed) {
        fprintf(report,
                "fault\tbreaks its contract on '%s': SQNR of output '%.200s' "
                "is %.1f dB, needs %s\n",
                name, output, *inout_least,
                isfinite(needed) ? "80 dB (real-exact)"
                                 : "the same bits (bit-exact)");
        code = QUERN_NUMERIC;
    }
    bool goes_on = !is_end && code != QUERN_NUMERIC;
    quern_model_destroy(&before);
    quern_model_destroy(&after);
    quern_clear(job->cli->context);
    return goes_on;
}

void plugin_numbers(void *user, FILE *report)
{
    const struct plugin_job *job = user;
    struct quern_context *context = job->cli->context;
    const struct quern_pass_desc *desc = NULL;
    double least = (double)INFINITY;
    size_t n = 0;
    if (quern_plugin_load(context, job->file) != QUERN_OK ||
        quern_context_find_pass(context, job->pass, &desc) != QUERN_OK) {
        return;
    }
    double needed = promised(desc->contract);
    for (size_t i = 0; compare_model(job, report, i, needed, &least, &n); i++) {
    }
    if (n == 0) {
        fprintf(report, "skipped\tno model that it changes could be run\n");
    } else if (least > 0.0 && isinf(least)) {
        fprintf(report, "ok\toutputs of %zu models: the same bits\n", n);
    } else {
        fprintf(report, "ok\toutputs of %zu models: SQNR %.1f dB or more\n", n,
                least);
    }
}
