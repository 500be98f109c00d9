/* The account of a job: printing it for people. */
#define QUERN_EXPERIMENTAL
#include <quern/target.h>

#include "account_json.h"
#include "provenance.h"
#include "unknown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- measuring */

/* Outputs whose error is worth a warning: under 15 dB, or rows of classes that
 * change in one of ten. */
static const double low_sqnr = 15.0;
static const double low_agreement = 0.9;

static void warn_of_error(struct cli *cli, const struct quern_comparison *c)
{
    for (size_t i = 0; i < quern_comparison_n_values(c); i++) {
        const struct quern_compared *v = quern_comparison_value(c, i);
        const struct quern_measure_result *r = &v->result;
        double sqnr = r->is_softmax ? r->logit_sqnr_db : r->sqnr_db;
        bool classes = r->n_rows > 0 && r->n_rows * 2 < r->n_values;
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = v->name;
        if (r->n_mismatch > 0) {
            quern_warn(cli->context, &place,
                       "%llu values are NaN or infinite in one model only",
                       (unsigned long long)r->n_mismatch);
        } else if (sqnr < low_sqnr) {
            quern_warn(cli->context, &place,
                       "the error of this output is large: %.1f dB; more "
                       "calibration data may help, and 'quern compare "
                       "--per-layer' shows where it arises",
                       sqnr);
        } else if (classes && r->top1 < low_agreement) {
            quern_warn(cli->context, &place,
                       "if this output rates classes, the answer changes: the "
                       "largest element is the same in %.1f %% of its rows "
                       "(%.1f dB); 'quern compare --labels' tells what is lost",
                       100.0 * r->top1, sqnr);
        }
    }
}

/* Numbers of the samples kept apart; all when they are too few for that. */
static enum quern_code samples_of(struct cli *cli, const struct cli_job *job,
                                  struct cli_measured *m)
{
    struct quern_data *data = NULL;
    enum quern_code code = quern_data_open_graph(
        cli->context, job->data, quern_model_graph(job->before), &data);
    if (code == QUERN_OK) {
        size_t n_all = quern_data_count(data);
        size_t n_held = quern_data_n_held_back(n_all);
        size_t *order = calloc(n_all + 1, sizeof *order);
        code = order != NULL ? quern_data_order(data, cli->context, order)
                             : QUERN_NO_MEMORY;
        m->order = order;
        m->n_all = n_all;
        m->n_held = n_held;
        m->samples = order != NULL ? order + (n_all - n_held) : NULL;
        m->n = n_held;
        if (n_held == 0) {
            m->samples = order;
            m->n = n_all;
        }
    }
    quern_data_close(&data);
    return code;
}

static enum quern_code measure(struct cli *cli, const struct cli_job *job,
                               struct cli_measured *m)
{
    enum quern_code code = samples_of(cli, job, m);
    struct quern_compare_options o = {
        .struct_size = sizeof o,
        .kind = cli->engine,
        .ort_library = cli->ort_library,
        .samples = m->samples,
        .n_samples = m->n,
        .in_turn = true,
    };
    if (code == QUERN_OK) {
        code = quern_compare(job->before, job->after, job->data, &o, &m->error);
    }
    if (code == QUERN_OK) {
        warn_of_error(cli, m->error);
    }
    return code;
}

/* --------------------------------------------------------------- printing */

static void print_size(uint64_t bytes)
{
    if (bytes < 10000) {
        cli_printf("%llu B", (unsigned long long)bytes);
    } else if (bytes < 10000000) {
        cli_printf("%.1f kB", (double)bytes * 1e-3);
    } else {
        cli_printf("%.1f MB", (double)bytes * 1e-6);
    }
}

static void print_rows(const struct cli_census *c, bool integer)
{
    size_t n_told = 0;
    for (size_t i = 0; i < c->n; i++) {
        size_t n = integer ? c->rows[i].n_integer : c->rows[i].n_float;
        if (n > 0) {
            cli_printf("%s%zu %s", n_told++ > 0 ? ", " : "", n, c->rows[i].op);
        }
    }
    cli_printf("%s\n", n_told > 0 ? "" : "nothing");
}

/* The reason why a line's node stays in float; NULL for another line. */
static const char *why_float(const struct cli_line *line, int *out_op)
{
    static const char mark[] = "stays in float: ";
    int node = 0;
    int rest = 0;
    return line->text != NULL &&
                   cli_line_node(line->text, out_op, &node, &rest) &&
                   strncmp(line->text + rest, mark, sizeof mark - 1) == 0
               ? line->text + rest + sizeof mark - 1
               : NULL;
}

/* Lines of one operator and one reason, of which the first one is kept. */
struct floats {
    const char *text; /* begins with the operator */
    int op;           /* its length */
    const char *why;
    size_t first; /* line */
    size_t n;
};

static int compare_whys(const void *a, const void *b)
{
    const struct floats *x = a;
    const struct floats *y = b;
    int order = strcmp(x->why, y->why);
    order = order != 0 ? order : (x->op > y->op) - (x->op < y->op);
    order = order != 0 ? order : strncmp(x->text, y->text, (size_t)x->op);
    return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static int compare_firsts(const void *a, const void *b)
{
    const struct floats *x = a;
    const struct floats *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Those that are alike become one. */
static size_t join(struct floats *all, size_t n)
{
    size_t n_left = 0;
    qsort(all, n, sizeof *all, compare_whys);
    for (size_t i = 0; i < n; i++) {
        struct floats *last = &all[n_left > 0 ? n_left - 1 : 0];
        if (n_left > 0 && strcmp(last->why, all[i].why) == 0 &&
            last->op == all[i].op &&
            strncmp(last->text, all[i].text, (size_t)last->op) == 0) {
            last->n++;
        } else {
            all[n_left++] = all[i];
        }
    }
    qsort(all, n_left, sizeof *all, compare_firsts);
    return n_left;
}

/* Heavy operators in float, those of one reason together. */
static enum quern_code print_floats(const struct cli_lines *l)
{
    size_t n = 0;
    struct floats *all = calloc(l->n + 1, sizeof *all);
    if (all == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < l->n; i++) {
        struct floats f = {.text = l->items[i].text, .first = i, .n = 1};
        f.why = why_float(&l->items[i], &f.op);
        if (f.why != NULL) {
            all[n++] = f;
        }
    }
    n = join(all, n);
    for (size_t i = 0; i < n; i++) {
        cli_printf("          %zu %.*s in float: %s\n", all[i].n, all[i].op,
                   all[i].text, all[i].why);
    }
    free(all);
    return QUERN_OK;
}

/* What passes said of the whole; of a pass that ran again, the last time. */
static void print_lines(const struct cli_lines *l)
{
    const char *head = "done      ";
    bool again = false;
    for (size_t i = 0; i < l->n; i++) {
        const struct cli_line *line = &l->items[i];
        int part[3];
        if (i == 0 || line[-1].text == NULL) { /* a step begins */
            again = line->is_again;
        }
        if (line->text == NULL ||
            cli_line_node(line->text, &part[0], &part[1], &part[2])) {
            continue;
        }
        if (!again) {
            cli_printf("%s%s: %s\n", head, line->pass, line->text);
            head = "          ";
        }
    }
}

static void print_steps(const struct cli *cli)
{
    for (size_t i = 0; i < cli->lines->n; i++) {
        const struct cli_line *line = &cli->lines->items[i];
        if (line->text != NULL) {
            cli_printf("    %s: %s\n", line->pass, line->text);
        } else {
            cli_printf("  %-28s %6llu edits in %llu rewrites %9.1f ms, nodes "
                       "+%llu -%llu, ",
                       line->pass, (unsigned long long)line->n_edits,
                       (unsigned long long)line->n_rewrites,
                       line->seconds * 1e3, (unsigned long long)line->n_created,
                       (unsigned long long)line->n_erased);
            print_size(line->peak_memory);
            cli_printf("\n");
        }
    }
}

/* What --verify-each found, on the whole. */
static void print_verified(const struct cli_lines *l)
{
    size_t n[QUERN_VERDICT_UNKNOWN + 1] = {0};
    for (size_t i = 0; i < l->n; i++) {
        n[l->items[i].verdict]++;
    }
    if (l->trial == NULL) {
        return;
    }
    size_t all = n[QUERN_VERDICT_AGREES] + n[QUERN_VERDICT_DIFFERS] +
                 n[QUERN_VERDICT_UNKNOWN];
    cli_printf("verified  %zu of %zu steps that change the model",
               n[QUERN_VERDICT_AGREES], all);
    if (n[QUERN_VERDICT_DIFFERS] > 0) {
        cli_printf(", %zu undone", n[QUERN_VERDICT_DIFFERS]);
    }
    if (n[QUERN_VERDICT_UNKNOWN] > 0) {
        cli_printf(", %zu not verified", n[QUERN_VERDICT_UNKNOWN]);
    }
    cli_printf("\n          %s%s\n", l->is_tried ? "on " : "", l->trial);
}

static void print_measured(const struct cli_measured *m)
{
    for (size_t i = 0; i < quern_comparison_n_values(m->error); i++) {
        const struct quern_compared *v = quern_comparison_value(m->error, i);
        cli_printf("error     %s: ", v->name);
        cli_print_error(v);
    }
    if (m->n_held > 0) {
        cli_printf("          on %zu of %zu samples, which calibration did not "
                   "see\n",
                   m->n, m->n_all);
    } else {
        cli_printf(
            "          on the %zu calibration samples themselves: under 16 "
            "none is kept apart\n",
            m->n);
    }
}

static enum quern_code print_people(const struct cli *cli,
                                    const struct cli_job *job,
                                    const struct cli_facts *f)
{
    enum quern_code code = QUERN_OK;
    cli_printf("%s -> %s%s%s\n", job->in, job->out,
               job->target != NULL ? ", target " : "",
               job->target != NULL ? job->target : "");
    if (job->is_pipe) {
        cli_printf("          from a pipe: nothing is compared with it\n");
    }
    if (job->quantizes) {
        size_t all = f->census.n_heavy_integer + f->census.n_heavy_float;
        cli_printf("integer   %zu of %zu Conv, Gemm and MatMul: ",
                   f->census.n_heavy_integer, all);
        print_rows(&f->census, true);
        cli_printf("float     ");
        print_rows(&f->census, false);
        code = print_floats(cli->lines);
    } else if (!job->is_pipe) {
        cli_printf("nodes     %zu -> %zu\n", f->n_nodes[0], f->n_nodes[1]);
    }
    if (code != QUERN_OK) {
        return code;
    }
    cli_print_unknown(quern_model_graph(job->after));
    cli_lines_print(cli);
    print_verified(cli->lines);
    if (f->measured.error != NULL) {
        print_measured(&f->measured);
    }
    cli_printf("size      ");
    if (f->bytes[0] > 0) {
        print_size(f->bytes[0]);
        cli_printf(" -> ");
    }
    print_size(f->bytes[1]);
    if (f->bytes[0] > 0) {
        cli_printf(" (%.0f %%)",
                   100.0 * (double)f->bytes[1] / (double)f->bytes[0]);
    }
    cli_printf("\ntook      %.2f s, ", f->seconds);
    print_size(f->peak_memory);
    cli_printf(" of memory\n");
    return QUERN_OK;
}

/* --------------------------------------------------------------- the whole */

static size_t count_nodes(const struct quern_graph *graph)
{
    size_t n = 0;
    for (const struct quern_node *k = quern_graph_first(graph); k != NULL;
         k = quern_node_next(k)) {
        n++;
        for (size_t i = 0; i < quern_node_n_subgraphs(k); i++) {
            n += count_nodes(quern_node_subgraph(k, i));
        }
    }
    return n;
}

static enum quern_code gather(struct cli *cli, const struct cli_job *job,
                              struct cli_facts *f)
{
    const struct quern_target *target = NULL;
    enum quern_code code =
        job->target != NULL
            ? quern_target_open(cli->context, job->target, &target)
            : QUERN_OK;
    if (code == QUERN_OK) {
        code = cli_census_take(job->after, target, &f->census);
    }
    quern_target_close(&target);
    if (code == QUERN_OK && job->data != NULL && job->before != NULL) {
        code = measure(cli, job, &f->measured);
    }
    f->n_nodes[0] = job->n_nodes;
    f->bytes[0] = job->bytes;
    f->n_nodes[1] = count_nodes(quern_model_graph(job->after));
    f->bytes[1] = cli_model_bytes(job->after, job->out);
    f->seconds = cli_seconds(cli);
    f->peak_memory = cli_peak_memory();
    return code;
}

void cli_lines_print(const struct cli *cli)
{
    if (cli->verbose) {
        print_steps(cli);
    } else {
        print_lines(cli->lines);
    }
}

static enum quern_code tell(struct cli *cli, const struct cli_job *job)
{
    struct cli_facts facts = {0};
    enum quern_code code = gather(cli, job, &facts);
    if (code == QUERN_OK && job->report != NULL) {
        code =
            cli_json_save(cli, cli_json_account(cli, job, &facts), job->report);
    }
    if (code == QUERN_OK && cli->json) {
        code = cli_json_print(cli_json_account(cli, job, &facts));
    } else if (code == QUERN_OK && !cli->quiet) {
        code = print_people(cli, job, &facts);
    }
    quern_comparison_destroy(&facts.measured.error);
    free(facts.measured.order);
    cli_census_free(&facts.census);
    return code;
}

enum quern_code cli_job_open(struct cli *cli, struct cli_job *job)
{
    cli->lines = &job->lines;
    enum quern_code code = quern_model_open(cli->context, job->in, &job->after);
    /* Before anything is written: the output may be the input. What came
     * through a pipe cannot be read again. */
    job->is_pipe = strcmp(job->in, "-") == 0;
    if (code == QUERN_OK && !job->is_pipe) {
        job->n_nodes = count_nodes(quern_model_graph(job->after));
        job->bytes = cli_model_bytes(job->after, job->in);
        job->source = cli_fingerprint(job->after);
    }
    if (code == QUERN_OK && !job->is_pipe && !job->is_alone) {
        code = quern_model_open(cli->context, job->in, &job->before);
    }
    return code;
}

enum quern_code cli_job_close(struct cli *cli, struct cli_job *job,
                              enum quern_code code)
{
    if (code == QUERN_OK) {
        code = quern_model_save(job->after, job->out, NULL);
        cli->written = code == QUERN_OK ? job->out : NULL;
    }
    /* What is told is told of the file that was written; and the weights of
     * the work are out of memory by then. */
    if (code == QUERN_OK) {
        quern_model_destroy(&job->after);
        cli->again_from = quern_n_messages(cli->context);
        code = quern_model_open(cli->context, job->out, &job->after);
        cli->again_to = quern_n_messages(cli->context);
    }
    if (code == QUERN_OK) {
        code = tell(cli, job);
    } else if (cli->verbose) {
        print_steps(cli); /* how far it came */
    }
    quern_model_destroy(&job->before);
    quern_model_destroy(&job->after);
    cli_lines_free(&job->lines);
    cli->lines = NULL;
    return code;
}
