/* infer-dump MODEL: what inference finds, a line of JSON a value of the top
 * graph, in order of making, for scripts that compare it with other tools.
 * With --check the contradictions; with --time N the seconds of the first and
 * of a second walk over a chain of N nodes. */
#include <quern/quern.h>

#include "infer/infer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void put_string(const char *s)
{
    putchar('"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            putchar('\\');
        }
        if ((unsigned char)*s < 0x20) {
            printf("\\u%04x", (unsigned)*s);
        } else {
            putchar(*s);
        }
    }
    putchar('"');
}

static void put_dim(struct quern_dim dim)
{
    char text[8192];
    if (dim.value >= 0) {
        printf("%lld", (long long)dim.value);
        return;
    }
    quern_dim_format(dim, text, sizeof text);
    put_string(text);
}

static void put_numbers(const struct quern_value *v)
{
    size_t n = 0;
    const struct quern_number *numbers = quern_value_numbers(v, &n);
    if (numbers == NULL) {
        return;
    }
    printf(", \"numbers\": [");
    for (size_t i = 0; i < n; i++) {
        printf("%s", i > 0 ? ", " : "");
        if (!numbers[i].known) {
            printf("null");
        } else if (numbers[i].expr == NULL) {
            printf("%lld", (long long)numbers[i].value);
        } else {
            put_dim((struct quern_dim){-1, numbers[i].expr});
        }
    }
    printf("]");
}

static void put_value(const struct quern_value *v)
{
    const struct quern_dim *dims = quern_value_dims(v);
    printf("{\"name\": ");
    put_string(quern_value_name(v));
    printf(", \"id\": %u, \"kind\": %d, \"dtype\": %d, \"rank\": %d",
           quern_value_id(v), (int)quern_value_kind(v),
           (int)quern_value_dtype(v), quern_value_rank(v));
    printf(", \"input\": %s, \"op\": ",
           quern_value_is_graph_input(v) ? "true" : "false");
    put_string(v->producer != NULL ? v->producer->op : "");
    printf(", \"dims\": [");
    for (int i = 0; i < quern_value_rank(v); i++) {
        printf("%s", i > 0 ? ", " : "");
        put_dim(dims[i]);
    }
    printf("]");
    put_numbers(v);
    printf("}\n");
}

static void report(void *user, const struct quern_place *place, bool harmless,
                   const char *text)
{
    (void)user;
    printf("%s: %s '%s' (%s)%s%s: %s\n", harmless ? "warning" : "error",
           place->graph, place->node, place->op,
           place->tensor != NULL ? " output " : "",
           place->tensor != NULL ? place->tensor : "", text);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static enum quern_code dump(struct quern_model *model, const char *mode)
{
    double start = now();
    if (strcmp(mode, "--check") == 0) {
        return qn_infer_check(model, report, NULL);
    }
    enum quern_code code = quern_model_infer(model);
    if (code == QUERN_OK && strcmp(mode, "--time") == 0) {
        double first = now();
        model->journal.serial++; /* as after an edit that changed nothing */
        code = quern_model_infer(model);
        printf("%.6f %.6f\n", first - start, now() - first);
        return code;
    }
    const struct quern_graph *g = model->graph;
    for (const struct quern_value *v = g->first_value; v; v = v->next_value) {
        put_value(v);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct quern_context *context = NULL;
    struct quern_model *model = NULL;
    char text[1024] = "";
    if (argc < 2 || quern_context_create(NULL, &context) != QUERN_OK) {
        return 2;
    }
    enum quern_code code = quern_model_open(context, argv[1], &model);
    if (code == QUERN_OK) {
        code = dump(model, argc > 2 ? argv[2] : "");
    }
    if (code != QUERN_OK && quern_error(context) != NULL) {
        quern_message_format(quern_error(context), text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    return (int)code;
}
