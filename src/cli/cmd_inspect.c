/* quern inspect: what a model is and holds. */
#include "cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { N_DTYPES = QUERN_INT2 + 1, TYPE_SIZE = 512 };

struct sizes {
    uint64_t n_tensors;
    uint64_t n_elements;
    uint64_t n_bytes;
};

struct inspect {
    bool text;
    bool dot;
    json_t *operators; /* name → count */
    uint64_t n_nodes;
    uint64_t n_graphs;
    struct sizes weights[N_DTYPES];
    uint64_t n_quantize;    /* QuantizeLinear */
    uint64_t n_dequantize;  /* DequantizeLinear */
    uint64_t n_heavy;       /* Conv, Gemm, MatMul and kin, in any form */
    uint64_t n_heavy_quant; /* of them with integer weights or inputs */
    bool no_memory;
};

enum { KEY_TEXT = CLI_KEY_FIRST, KEY_DOT };

static const struct argp_option options[] = {
    {"text", KEY_TEXT, NULL, 0, "the graph as text, a node a line", 0},
    {"dot", KEY_DOT, NULL, 0, "the graph for Graphviz", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct inspect *self = state->input;
    (void)arg;
    self->text = self->text || key == KEY_TEXT;
    self->dot = self->dot || key == KEY_DOT;
    return key == KEY_TEXT || key == KEY_DOT ? 0 : ARGP_ERR_UNKNOWN;
}

/* --------------------------------------------------------------- census */

static void add_weight(struct inspect *self, const struct quern_tensor *t)
{
    struct sizes *s = &self->weights[quern_tensor_dtype(t)];
    s->n_tensors++;
    s->n_elements += (uint64_t)quern_tensor_len(t);
    s->n_bytes += quern_tensor_size(t);
}

static bool is_one_of(const struct quern_node *node, const char *const *ops)
{
    for (; *ops != NULL; ops++) {
        if (quern_node_is(node, *ops)) {
            return true;
        }
    }
    return false;
}

static void count_quantized(struct inspect *self, const struct quern_node *node)
{
    static const char *const heavy[] = {"Conv", "ConvTranspose", "Gemm",
                                        "MatMul", NULL};
    static const char *const integer[] = {
        "ConvInteger",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "com.microsoft.QGemm",
        "com.microsoft.MatMulNBits",
        "com.microsoft.DynamicQuantizeMatMul",
        "com.microsoft.MatMulIntegerToFloat",
        NULL,
    };
    bool is_integer = is_one_of(node, integer);
    bool is_heavy = is_integer || is_one_of(node, heavy);
    for (size_t i = 0; i < 2 && is_heavy && !is_integer; i++) {
        const struct quern_value *v = quern_node_input(node, i);
        const struct quern_node *made =
            v != NULL ? quern_value_producer(v) : NULL;
        is_integer = made != NULL && quern_node_is(made, "DequantizeLinear");
    }
    self->n_heavy += is_heavy ? 1 : 0;
    self->n_heavy_quant += is_integer ? 1 : 0;
    self->n_quantize += quern_node_is(node, "QuantizeLinear") ? 1 : 0;
    self->n_dequantize += quern_node_is(node, "DequantizeLinear") ? 1 : 0;
}

static void count_operator(struct inspect *self, const struct quern_node *node)
{
    char name[256];
    const char *domain = quern_node_domain(node);
    snprintf(name, sizeof name, "%s%s%s", domain, *domain != '\0' ? "." : "",
             quern_node_op(node));
    const json_t *old = json_object_get(self->operators, name);
    json_int_t n = old != NULL ? json_integer_value(old) : 0;
    if (json_object_set_new(self->operators, name, json_integer(n + 1)) != 0) {
        self->no_memory = true;
    }
    self->n_nodes++;
}

/* Depth is bounded by the nesting limit of the reader. */
static void count_graph(struct inspect *self, const struct quern_graph *graph)
{
    self->n_graphs++;
    for (const struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL; v = quern_value_next_initializer(v)) {
        struct quern_tensor *t = quern_value_constant(v);
        if (t != NULL) {
            add_weight(self, t);
        }
    }
    for (const struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        const struct quern_value *out = quern_node_output(n, 0);
        if (quern_node_is(n, "Constant") && out != NULL) {
            struct quern_tensor *t = quern_value_constant(out);
            if (t != NULL) {
                add_weight(self, t);
            }
        }
        count_operator(self, n);
        count_quantized(self, n);
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            count_graph(self, quern_node_subgraph(n, i));
        }
    }
}

/* ----------------------------------------------------------------- text */

static void print_values(const char *what, const struct quern_graph *graph,
                         bool outputs)
{
    char type[TYPE_SIZE];
    size_t n =
        outputs ? quern_graph_n_outputs(graph) : quern_graph_n_inputs(graph);
    for (size_t i = 0; i < n; i++) {
        const struct quern_value *v = outputs ? quern_graph_output(graph, i)
                                              : quern_graph_input(graph, i);
        quern_value_type_format(v, type, sizeof type);
        cli_printf("%-11s %s: %s%s\n", what, quern_value_name(v), type,
                   !outputs && quern_value_is_initializer(v)
                       ? " (has a default)"
                       : "");
    }
}

struct row {
    const char *name;
    json_int_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1)
                                : strcmp(x->name, y->name);
}

static void print_operators(const struct inspect *self)
{
    size_t n = json_object_size(self->operators);
    struct row *rows = calloc(n + 1, sizeof *rows);
    const char *name;
    json_t *count;
    size_t i = 0;
    if (rows == NULL) {
        return;
    }
    json_object_foreach(self->operators, name, count)
    {
        rows[i++] = (struct row){name, json_integer_value(count)};
    }
    qsort(rows, n, sizeof *rows, by_count);
    cli_printf("operators   ");
    int column = 12;
    for (i = 0; i < n; i++) {
        char text[300];
        int size = snprintf(text, sizeof text, "%s %lld%s", rows[i].name,
                            (long long)rows[i].count, i + 1 < n ? "," : "");
        if (column + size > 78 && column > 12) {
            cli_printf("\n            ");
            column = 12;
        } else if (i > 0) {
            cli_printf(" ");
            column++;
        }
        cli_printf("%s", text);
        column += size;
    }
    cli_printf("\n");
    free(rows);
}

static void print_bytes(uint64_t n)
{
    if (n < 10000) {
        cli_printf("%llu bytes", (unsigned long long)n);
    } else if (n < 10000000) {
        cli_printf("%.1f KiB", (double)n / 1024.0);
    } else {
        cli_printf("%.1f MiB", (double)n / 1048576.0);
    }
}

static struct sizes total(const struct inspect *self)
{
    struct sizes all = {0, 0, 0};
    for (int i = 0; i < N_DTYPES; i++) {
        all.n_tensors += self->weights[i].n_tensors;
        all.n_elements += self->weights[i].n_elements;
        all.n_bytes += self->weights[i].n_bytes;
    }
    return all;
}

static void print_weights(const struct inspect *self)
{
    struct sizes all = total(self);
    cli_printf("parameters  %llu in %llu tensors, ",
               (unsigned long long)all.n_elements,
               (unsigned long long)all.n_tensors);
    print_bytes(all.n_bytes);
    cli_printf("\n");
    for (int i = 0; i < N_DTYPES; i++) {
        const struct sizes *s = &self->weights[i];
        if (s->n_tensors > 0) {
            cli_printf("            %s: %llu in %llu tensors, ",
                       quern_dtype_name((enum quern_dtype)i),
                       (unsigned long long)s->n_elements,
                       (unsigned long long)s->n_tensors);
            print_bytes(s->n_bytes);
            cli_printf("\n");
        }
    }
}

static void print_summary(const struct inspect *self,
                          const struct quern_model *model, const char *path)
{
    const struct quern_graph *graph = quern_model_graph(model);
    const char *producer = quern_model_producer(model);
    cli_printf("%s\n", path);
    cli_printf("IR version  %lld\n", (long long)quern_model_ir_version(model));
    cli_printf("producer    %s\n", producer != NULL ? producer : "(none)");
    cli_printf("opsets     ");
    for (size_t i = 0; i < quern_model_n_opsets(model); i++) {
        const char *domain = quern_model_opset_domain(model, i);
        cli_printf(" %s %lld%s", *domain != '\0' ? domain : "ai.onnx",
                   (long long)quern_model_opset(model, domain),
                   i + 1 < quern_model_n_opsets(model) ? "," : "");
    }
    cli_printf("\n");
    print_values("input", graph, false);
    print_values("output", graph, true);
    cli_printf("nodes       %llu in %llu graphs, %zu functions\n",
               (unsigned long long)self->n_nodes,
               (unsigned long long)self->n_graphs,
               quern_model_n_functions(model));
    print_operators(self);
    print_weights(self);
    if (self->n_heavy_quant + self->n_quantize + self->n_dequantize > 0) {
        cli_printf("quantized   %llu of %llu Conv, Gemm, MatMul and kin; "
                   "%llu QuantizeLinear, %llu DequantizeLinear\n",
                   (unsigned long long)self->n_heavy_quant,
                   (unsigned long long)self->n_heavy,
                   (unsigned long long)self->n_quantize,
                   (unsigned long long)self->n_dequantize);
    } else {
        cli_printf("quantized   nothing; %llu Conv, Gemm, MatMul and kin\n",
                   (unsigned long long)self->n_heavy);
    }
}

/* ----------------------------------------------------------------- JSON */

/* Names may be no UTF-8, which JSON cannot hold. */
static json_t *text_of(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("?");
}

static json_t *values_of(const struct quern_graph *graph, bool outputs)
{
    json_t *list = json_array();
    size_t n =
        outputs ? quern_graph_n_outputs(graph) : quern_graph_n_inputs(graph);
    for (size_t i = 0; i < n; i++) {
        char type[TYPE_SIZE];
        const struct quern_value *v = outputs ? quern_graph_output(graph, i)
                                              : quern_graph_input(graph, i);
        quern_value_type_format(v, type, sizeof type);
        json_t *o = json_object();
        json_object_set_new(o, "name", text_of(quern_value_name(v)));
        json_object_set_new(o, "type", text_of(type));
        if (!outputs) {
            json_object_set_new(o, "has_default",
                                json_boolean(quern_value_is_initializer(v)));
        }
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *sizes_of(struct sizes s)
{
    json_t *o = json_object();
    json_object_set_new(o, "tensors", json_integer((json_int_t)s.n_tensors));
    json_object_set_new(o, "elements", json_integer((json_int_t)s.n_elements));
    json_object_set_new(o, "bytes", json_integer((json_int_t)s.n_bytes));
    return o;
}

static json_t *weights_of(const struct inspect *self)
{
    json_t *types = json_object();
    for (int i = 0; i < N_DTYPES; i++) {
        if (self->weights[i].n_tensors > 0) {
            json_object_set_new(types, quern_dtype_name((enum quern_dtype)i),
                                sizes_of(self->weights[i]));
        }
    }
    json_t *o = sizes_of(total(self));
    json_object_set_new(o, "types", types);
    return o;
}

static json_t *quantized_of(const struct inspect *self)
{
    json_t *o = json_object();
    json_object_set_new(o, "heavy", json_integer((json_int_t)self->n_heavy));
    json_object_set_new(o, "heavy_integer",
                        json_integer((json_int_t)self->n_heavy_quant));
    json_object_set_new(o, "quantize_linear",
                        json_integer((json_int_t)self->n_quantize));
    json_object_set_new(o, "dequantize_linear",
                        json_integer((json_int_t)self->n_dequantize));
    return o;
}

static enum quern_code print_json(const struct inspect *self,
                                  const struct quern_model *model,
                                  const char *path)
{
    const struct quern_graph *graph = quern_model_graph(model);
    const char *producer = quern_model_producer(model);
    json_t *o = json_object();
    json_t *opsets = json_object();
    for (size_t i = 0; i < quern_model_n_opsets(model); i++) {
        const char *domain = quern_model_opset_domain(model, i);
        json_object_set_new(opsets, *domain != '\0' ? domain : "ai.onnx",
                            json_integer(quern_model_opset(model, domain)));
    }
    json_object_set_new(o, "model", text_of(path));
    json_object_set_new(o, "ir_version",
                        json_integer(quern_model_ir_version(model)));
    json_object_set_new(o, "producer",
                        producer != NULL ? text_of(producer) : json_null());
    json_object_set_new(o, "opsets", opsets);
    json_object_set_new(o, "inputs", values_of(graph, false));
    json_object_set_new(o, "outputs", values_of(graph, true));
    json_object_set_new(o, "nodes", json_integer((json_int_t)self->n_nodes));
    json_object_set_new(o, "graphs", json_integer((json_int_t)self->n_graphs));
    json_object_set_new(
        o, "functions",
        json_integer((json_int_t)quern_model_n_functions(model)));
    json_object_set(o, "operators", self->operators);
    json_object_set_new(o, "parameters", weights_of(self));
    json_object_set_new(o, "quantized", quantized_of(self));
    int failed = json_dumpf(o, stdout, JSON_INDENT(2));
    cli_printf("\n");
    json_decref(o);
    return failed == 0 ? QUERN_OK : QUERN_NO_MEMORY;
}

/* ----------------------------------------------------------------- verb */

static bool write_out(void *user, const char *text, size_t size)
{
    (void)user;
    return fwrite(text, 1, size, stdout) == size;
}

static enum quern_code inspect(struct inspect *self, const struct cli *cli,
                               const struct quern_model *model)
{
    if (self->text || self->dot) {
        return quern_model_print(model,
                                 self->dot ? QUERN_PRINT_DOT : QUERN_PRINT_TEXT,
                                 write_out, NULL);
    }
    self->operators = json_object();
    if (self->operators == NULL) {
        return QUERN_NO_MEMORY;
    }
    count_graph(self, quern_model_graph(model));
    enum quern_code code = self->no_memory ? QUERN_NO_MEMORY : QUERN_OK;
    if (code == QUERN_OK && cli->json) {
        code = print_json(self, model, cli->args[0]);
    } else if (code == QUERN_OK) {
        print_summary(self, model, cli->args[0]);
    }
    json_decref(self->operators);
    return code;
}

int cmd_inspect(int argc, char **argv)
{
    struct cli cli = {0};
    struct inspect self = {0};
    struct quern_model *model = NULL;
    enum quern_code code =
        cli_parse(&cli, argc, argv, options, parse, &self, "IN",
                  "Tell what a model is and holds: versions, inputs and "
                  "outputs, operators, sizes, what is quantized already.",
                  1, 1);
    if (code == QUERN_OK && (self.text && self.dot)) {
        code = cli_usage(&cli, "both --text and --dot given, takes one");
    }
    if (code == QUERN_OK && cli.json && (self.text || self.dot)) {
        code = cli_usage(&cli, "--json goes with neither --text nor --dot");
    }
    if (code == QUERN_OK) {
        code = quern_model_open(cli.context, cli.args[0], &model);
    }
    if (code == QUERN_OK) {
        code = inspect(&self, &cli, model);
    }
    quern_model_destroy(&model);
    return cli_finish(&cli, code);
}
