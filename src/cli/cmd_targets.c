/* quern targets: what the profiles say, as a list or one in full. */
#define QUERN_EXPERIMENTAL
#include "json.h"

#include <string.h>

/* ------------------------------------------------------------------- JSON */

static json_t *json_strings(const struct quern_strings *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
}

static json_t *json_numbers(const struct quern_target_numbers *n)
{
    json_t *types = json_array();
    for (size_t i = 0; i < n->n_types; i++) {
        json_array_append_new(types,
                              json_string(quern_dtype_name(n->types[i])));
    }
    return json_pack("{s:o, s:b, s:b, s:s}", "types", types, "symmetric",
                     n->symmetric, "narrow", n->narrow, "granularity",
                     n->per_channel ? "channel" : "tensor");
}

static json_t *json_operator(const struct quern_target_op *op)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < op->n_roles; i++) {
        enum quern_target_role role = (enum quern_target_role)op->roles[i];
        json_array_append_new(inputs,
                              json_string(quern_target_role_name(role)));
    }
    json_t *o = json_pack(
        "{s:s, s:s, s:o}", "integer", quern_target_kind_name(op->kind),
        "output", quern_target_output_name(op->output), "inputs", inputs);
    if (op->kind == QUERN_INTEGER_START) {
        json_t *more =
            json_pack("{s:s, s:i, s:i, s:b, s:I, s:I, s:I, s:I}", "weights",
                      op->per_channel ? "channel" : "tensor", "axis", op->axis,
                      "axis-transposed", op->axis_transposed, "products",
                      op->products, "rows", (json_int_t)op->rows,
                      "least-channels", (json_int_t)op->least_channels,
                      "least-positions", (json_int_t)op->least_positions,
                      "least-pairs", (json_int_t)op->least_pairs);
        json_object_update(o, more);
        json_decref(more);
    }
    if (op->why != NULL) {
        json_object_set_new(o, "why", json_string(op->why));
    }
    return o;
}

static json_t *json_target(const struct quern_target *t)
{
    json_t *ops = json_object();
    for (size_t i = 0; i < t->n_ops; i++) {
        json_object_set_new(ops, t->ops[i].op, json_operator(&t->ops[i]));
    }
    return json_pack(
        "{s:s, s:s?, s:s?, s:{s:I, s:I}, s:o, s:o, s:s, s:s, s:s, "
        "s:{s:b, s:b, s:b, s:b}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
        "name", t->name, "summary", t->summary, "runtime", t->runtime, "opset",
        "minimum", (json_int_t)t->opset_minimum, "maximum",
        (json_int_t)t->opset_maximum, "activations",
        json_numbers(&t->activations), "weights", json_numbers(&t->weights),
        "bias", quern_target_bias_name(t->bias), "overflow",
        quern_target_overflow_name(t->overflow), "shapes",
        t->static_shapes ? "static" : "any", "placement", "shared-pair",
        t->shared_pair, "clamps", t->clamps, "moves-pairs", t->moves_pairs,
        "output-codes", t->output_codes, "fusions", json_strings(&t->fusions),
        "keep", json_strings(&t->keep), "tricks", json_strings(&t->tricks),
        "notes", json_strings(&t->notes), "operators", ops, "chains",
        json_strings(&t->chains), "lacks", json_strings(&t->lacks), "until",
        json_strings(&t->until), "speed-figures", t->speed_figures);
}

/* ------------------------------------------------------------------- text */

static void put_strings(const char *title, const struct quern_strings *list,
                        const char *separator)
{
    if (list->count == 0) {
        return;
    }
    printf("%-13s", title);
    for (size_t i = 0; i < list->count; i++) {
        printf("%s%s", i > 0 ? separator : "", list->items[i]);
    }
    putchar('\n');
}

static void put_lines(const char *title, const struct quern_strings *list)
{
    for (size_t i = 0; i < list->count; i++) {
        printf("%s%s%s\n", i == 0 ? title : "", i == 0 ? "\n  " : "  ",
               list->items[i]);
    }
}

static void put_numbers(const char *title, const struct quern_target_numbers *n)
{
    printf("%-13s", title);
    for (size_t i = 0; i < n->n_types; i++) {
        printf("%s%s", i > 0 ? " or " : "", quern_dtype_name(n->types[i]));
    }
    printf(", %s%s, one scale a %s\n",
           n->symmetric ? "zero point 0" : "any zero point",
           n->narrow ? ", without the lowest code" : "",
           n->per_channel ? "channel" : "tensor");
}

static void put_operator(const struct quern_target_op *op)
{
    const char *kind = quern_target_kind_name(op->kind);
    bool alone = op->n_roles == 0 && op->why == NULL;
    printf("  %-19s ", op->op);
    printf(alone ? "%s" : "%-7s", kind);
    for (size_t i = 0; i < op->n_roles; i++) {
        enum quern_target_role role = (enum quern_target_role)op->roles[i];
        printf("%s%s", i > 0 ? ", " : " ", quern_target_role_name(role));
    }
    if (op->kind == QUERN_INTEGER_START) {
        printf("; one scale a %s", op->per_channel ? "channel" : "tensor");
        if (op->per_channel && op->axis != op->axis_transposed) {
            printf(" on axis %d, with transB %d", op->axis,
                   op->axis_transposed);
        } else if (op->per_channel) {
            printf(" on axis %d", op->axis);
        }
        printf("; Q behind it %s", quern_target_output_name(op->output));
    }
    if (op->products && op->rows == 0) {
        printf("; products of activations");
    } else if (op->products) {
        printf("; products of activations from %lld rows on",
               (long long)op->rows);
    }
    if (op->least_channels > 0) {
        printf("; from %lld channels on", (long long)op->least_channels);
    }
    if (op->least_positions > 0) {
        printf("; from %lld rows on", (long long)op->least_positions);
    }
    if (op->least_pairs > 0) {
        printf("; with long kernels from %lld pairs of channels on",
               (long long)op->least_pairs);
    }
    printf("%s%s\n",
           op->why == NULL    ? ""
           : op->n_roles == 0 ? " "
                              : "; ",
           op->why != NULL ? op->why : "");
}

static void put_target(const struct quern_target *t)
{
    printf("%s\n%s\n", t->name, t->summary != NULL ? t->summary : "");
    if (t->runtime != NULL) {
        printf("%-13s%s\n", "runtime", t->runtime);
    }
    printf("%-13s%lld to %lld\n", "opset", (long long)t->opset_minimum,
           (long long)t->opset_maximum);
    put_numbers("activations", &t->activations);
    put_numbers("weights", &t->weights);
    printf("%-13s%s\n", "bias",
           t->bias == QUERN_BIAS_INT32
               ? "int32 at scale of input times scale of weights"
               : "float");
    printf("%-13s%s\n", "overflow",
           t->overflow == QUERN_OVERFLOW_ANY ? "sums of products have 32 bits"
           : t->overflow == QUERN_OVERFLOW_OBSERVED
               ? "no pair of products may leave 16 bits on calibration data"
               : "no pair of products may leave 16 bits");
    printf("%-13s%s\n", "shapes", t->static_shapes ? "static" : "any");
    printf("%-13s%s; %s%s; %s\n", "placement",
           t->shared_pair ? "one Q and DQ a tensor" : "a pair for each reader",
           t->clamps ? "Q behind Relu and Clip does their work"
                     : "Relu and Clip stay",
           t->moves_pairs ? "; Q and DQ move through data movement" : "",
           t->output_codes ? "graph outputs may be codes"
                           : "graph outputs are float");
    put_strings("fusions", &t->fusions, ", ");
    put_strings("keep", &t->keep, ", ");
    put_strings("tricks", &t->tricks, ", ");
    put_strings("lacks", &t->lacks, ", ");
    put_strings("until", &t->until, ", ");
    printf("%-13s%s\n", "speed",
           t->speed_figures ? "the figures of estimate-speed hold"
                            : "no figures");
    printf("operators\n");
    for (size_t i = 0; i < t->n_ops; i++) {
        put_operator(&t->ops[i]);
    }
    put_lines("chains", &t->chains);
    put_lines("notes", &t->notes);
}

/* ------------------------------------------------------------------- verb */

static enum quern_code list(const struct cli *cli)
{
    const char *name = NULL;
    json_t *array = json_array();
    enum quern_code code = QUERN_OK;
    for (size_t i = 0;
         code == QUERN_OK && (name = quern_target_name_at(i)) != NULL; i++) {
        const struct quern_target *t = NULL;
        code = quern_target_open(cli->context, name, &t);
        if (code == QUERN_OK && !cli->json) {
            printf("%-14s %s\n", name, t->summary != NULL ? t->summary : "");
        } else if (code == QUERN_OK) {
            json_array_append_new(array, json_target(t));
        }
        quern_target_close(&t);
    }
    if (code == QUERN_OK && cli->json) {
        return cli_json_print(array);
    }
    json_decref(array);
    return code;
}

static enum quern_code show(const struct cli *cli, const char *name)
{
    const struct quern_target *t = NULL;
    enum quern_code code = quern_target_open(cli->context, name, &t);
    if (code == QUERN_OK) {
        code = quern_target_check(cli->context, t);
    }
    if (code == QUERN_OK && cli->json) {
        code = cli_json_print(json_target(t));
    } else if (code == QUERN_OK) {
        put_target(t);
    }
    quern_target_close(&t);
    return code;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)key;
    (void)arg;
    (void)state;
    return ARGP_ERR_UNKNOWN;
}

int cmd_targets(int argc, char **argv)
{
    struct cli cli = {0};
    enum quern_code code = cli_parse(
        &cli, argc, argv, NULL, parse, NULL, "[NAME|FILE.yaml]",
        "List the target profiles, or show all that one of them (or a file of "
        "your own) says.",
        0, 1);
    if (code == QUERN_OK) {
        code = cli.n_args == 0 ? list(&cli) : show(&cli, cli.args[0]);
    }
    return cli_finish(&cli, code);
}
