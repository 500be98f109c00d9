/* quern compare: error of a model against another, on data. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct compare {
    const char *data;
    double min_sqnr;      /* NAN: no bound */
    double min_agreement; /* NAN: no bound */
    struct quern_compare_options options;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_LABELS,
    KEY_LAYERS,
    KEY_SQNR,
    KEY_AGREEMENT,
};

static const struct argp_option options[] = {
    {"data", KEY_DATA, "D", 0,
     "samples: .npz, .npy or a folder of test sets (needed)", 0},
    {"labels", KEY_LABELS, "FILE", 0,
     "whole numbers (.npy), one for each row of the first output: print how "
     "many each model has right",
     0},
    {"per-layer", KEY_LAYERS, NULL, 0,
     "also the values inside that both models have, worst first", 0},
    {"min-sqnr", KEY_SQNR, "DB", 0,
     "exit 1 where an output has less (softmax: its logits)", 0},
    {"min-agreement", KEY_AGREEMENT, "PART", 0,
     "exit 1 where fewer rows of an output agree, 0 to 1", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct compare *self = state->input;
    char *end = NULL;
    switch (key) {
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_LABELS:
        self->options.labels = arg;
        return 0;
    case KEY_LAYERS:
        self->options.per_layer = true;
        return 0;
    case KEY_SQNR:
    case KEY_AGREEMENT: {
        double x = strtod(arg, &end);
        if (end == arg || *end != '\0' || !isfinite(x)) {
            fprintf(stderr,
                    "error[invalid-argument]: --min-%s '%s': needs a number\n",
                    key == KEY_SQNR ? "sqnr" : "agreement", arg);
            return EINVAL;
        }
        *(key == KEY_SQNR ? &self->min_sqnr : &self->min_agreement) = x;
        return 0;
    }
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static double bounded_sqnr(const struct quern_compared *v)
{
    return v->result.is_softmax ? v->result.logit_sqnr_db : v->result.sqnr_db;
}

/* True when all outputs keep the bounds. */
static bool holds(const struct compare *self, const struct quern_comparison *c)
{
    bool kept = true;
    for (size_t i = 0; i < quern_comparison_n_values(c); i++) {
        const struct quern_compared *v = quern_comparison_value(c, i);
        bool low = v->is_output && bounded_sqnr(v) < self->min_sqnr;
        bool rare = v->is_output && v->result.top1 < self->min_agreement;
        if (low) {
            fprintf(stderr, "no: %s: %.2f dB, wanted %g\n", v->name,
                    bounded_sqnr(v), self->min_sqnr);
        }
        if (rare) {
            fprintf(stderr, "no: %s: agreement %.4f, wanted %g\n", v->name,
                    v->result.top1, self->min_agreement);
        }
        if (v->is_output && v->result.n_mismatch > 0) {
            fprintf(stderr,
                    "no: %s: %llu values are NaN or infinite on one side only, "
                    "wanted none\n",
                    v->name, (unsigned long long)v->result.n_mismatch);
        }
        kept =
            kept && !low && !rare &&
            (!v->is_output || (v->n_shape == 0 && v->result.n_mismatch == 0));
    }
    return kept;
}

void cli_print_decibels(double x)
{
    if (isfinite(x)) {
        cli_printf("%.2f dB", x);
    } else {
        cli_printf("%s", x > 0.0 ? "equal" : "reference is 0");
    }
}

void cli_print_error(const struct quern_compared *v)
{
    const struct quern_measure_result *r = &v->result;
    if (r->n_mismatch > 0) { /* the figures are those of the others */
        cli_printf("%llu NaN or infinite on one side only, of the rest ",
                   (unsigned long long)r->n_mismatch);
    }
    cli_printf("SQNR ");
    cli_print_decibels(r->sqnr_db);
    if (r->is_softmax) {
        cli_printf(" (of the logits ");
        cli_print_decibels(r->logit_sqnr_db);
        cli_printf(")");
    }
    cli_printf(", cosine %.6f, largest error %.4g of %.4g", r->cosine,
               r->max_abs, r->max_ref);
    if (r->n_rows > 0 && r->n_rows < r->n_values) {
        cli_printf(", same largest in %.2f %%", 100.0 * r->top1);
    }
    if (v->n_shape > 0) {
        cli_printf(", another shape in %llu samples",
                   (unsigned long long)v->n_shape);
    }
    cli_printf("\n");
}

static int by_sqnr(const void *a, const void *b)
{
    const struct quern_compared *const *x = a;
    const struct quern_compared *const *y = b;
    double p = (*x)->result.sqnr_db;
    double q = (*y)->result.sqnr_db;
    return p < q ? -1 : p > q;
}

static enum quern_code print_layers(const struct quern_comparison *c)
{
    size_t n = quern_comparison_n_values(c);
    const struct quern_compared **list = calloc(n + 1, sizeof(void *));
    size_t n_layers = 0;
    if (list == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        const struct quern_compared *v = quern_comparison_value(c, i);
        if (!v->is_output && v->result.n_values > 0) {
            list[n_layers++] = v;
        }
    }
    qsort(list, n_layers, sizeof(void *), by_sqnr);
    cli_printf("inside, worst first (SQNR after the best factor a channel):\n");
    for (size_t i = 0; i < n_layers; i++) {
        double x = list[i]->result.sqnr_db;
        if (isfinite(x)) {
            cli_printf("%9.2f dB  ", x);
        } else {
            cli_printf("    equal     ");
        }
        cli_printf("%-20s %s\n", list[i]->op, list[i]->name);
    }
    free(list);
    return QUERN_OK;
}

static enum quern_code print(const struct cli *cli, const struct compare *self,
                             const struct quern_comparison *c)
{
    double right[2];
    if (cli->json) {
        return cli_json_print(cli_json_comparison(c));
    }
    cli_printf("%zu samples, %s\n", quern_comparison_n_samples(c),
               quern_comparison_engine(c));
    for (size_t i = 0; i < quern_comparison_n_values(c); i++) {
        const struct quern_compared *v = quern_comparison_value(c, i);
        if (v->is_output) {
            cli_printf("%s: ", v->name);
            cli_print_error(v);
        }
    }
    if (quern_comparison_accuracy(c, &right[0], &right[1])) {
        cli_printf("right: %.2f %% and %.2f %%\n", 100.0 * right[0],
                   100.0 * right[1]);
    }
    return self->options.per_layer ? print_layers(c) : QUERN_OK;
}

int cmd_compare(int argc, char **argv)
{
    struct cli cli = {0};
    struct compare self = {.min_sqnr = (double)NAN,
                           .min_agreement = (double)NAN,
                           .options = {.struct_size = sizeof self.options}};
    struct quern_model *models[2] = {NULL, NULL};
    struct quern_comparison *c = NULL;
    bool kept = true;
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "A B --data D",
        "Error of model B against model A on samples: for each output "
        "signal to noise, cosine, largest error, and how often the largest "
        "column is the same.\vWhere an output is a softmax, the error of its "
        "logits is given too (logarithm, mean of each row removed). Exit code "
        "1 when a bound is not kept.",
        2, 2);
    if (code == QUERN_OK && self.data == NULL) {
        code = cli_usage(&cli, "no samples given, needs --data");
    }
    self.options.kind = cli.engine;
    self.options.ort_library = cli.ort_library;
    for (int i = 0; i < 2 && code == QUERN_OK; i++) {
        code = quern_model_open(cli.context, cli.args[i], &models[i]);
        if (code == QUERN_OK) {
            code = cli_check_runnable(&cli, models[i]);
        }
    }
    if (code == QUERN_OK) {
        code =
            quern_compare(models[0], models[1], self.data, &self.options, &c);
    }
    if (code == QUERN_OK) {
        code = print(&cli, &self, c);
        kept = holds(&self, c);
    }
    quern_comparison_destroy(&c);
    quern_model_destroy(&models[0]);
    quern_model_destroy(&models[1]);
    int status = cli_finish(&cli, code);
    return status == 0 && !kept ? 1 : status;
}
