/* Results as JSON. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *cli_json_string(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    char plain[512];
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < sizeof plain; n++) {
        plain[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    }
    plain[n] = '\0';
    return json_string(plain);
}

json_t *cli_json_warnings(const struct cli *cli)
{
    json_t *list = json_array();
    const struct quern_context *context = cli->context;
    for (size_t i = 0; context != NULL && i < quern_n_messages(context); i++) {
        const struct quern_message *m = quern_message(context, i);
        char line[4096];
        if (m->severity == QUERN_SEVERITY_WARNING && !cli_is_again(cli, i)) {
            quern_message_format(m, line, sizeof line);
            json_array_append_new(list, cli_json_string(line));
        }
    }
    return list;
}

static json_t *of_value(const struct quern_compared *v)
{
    const struct quern_measure_result *r = &v->result;
    json_t *o = json_object();
    json_object_set_new(o, "name", cli_json_string(v->name));
    json_object_set_new(o, "operator", cli_json_string(v->op));
    json_object_set_new(o, "values", json_integer((json_int_t)r->n_values));
    json_object_set_new(o, "sqnr_db", cli_json_number(r->sqnr_db));
    if (!v->is_output) {
        return o;
    }
    json_object_set_new(o, "equal",
                        json_boolean(!(r->max_abs > 0.0) &&
                                     r->n_mismatch == 0 && v->n_shape == 0));
    json_object_set_new(o, "cosine", cli_json_number(r->cosine));
    json_object_set_new(o, "max_error", cli_json_number(r->max_abs));
    json_object_set_new(o, "max_reference", cli_json_number(r->max_ref));
    json_object_set_new(o, "agreement", cli_json_number(r->top1));
    json_object_set_new(o, "softmax", json_boolean(r->is_softmax));
    if (r->is_softmax) {
        json_object_set_new(o, "logit_sqnr_db",
                            cli_json_number(r->logit_sqnr_db));
    }
    json_object_set_new(o, "mismatched_nan",
                        json_integer((json_int_t)r->n_mismatch));
    json_object_set_new(o, "samples_of_other_shape",
                        json_integer((json_int_t)v->n_shape));
    return o;
}

json_t *cli_json_comparison(const struct quern_comparison *comparison)
{
    json_t *o = json_object();
    json_t *outputs = json_array();
    json_t *inside = json_array();
    double accuracy[2];
    json_object_set_new(
        o, "samples",
        json_integer((json_int_t)quern_comparison_n_samples(comparison)));
    json_object_set_new(o, "engine",
                        cli_json_string(quern_comparison_engine(comparison)));
    for (size_t i = 0; i < quern_comparison_n_values(comparison); i++) {
        const struct quern_compared *v = quern_comparison_value(comparison, i);
        json_array_append_new(v->is_output ? outputs : inside, of_value(v));
    }
    json_object_set_new(o, "outputs", outputs);
    if (json_array_size(inside) > 0) {
        json_object_set(o, "layers", inside);
    }
    json_decref(inside);
    if (quern_comparison_accuracy(comparison, &accuracy[0], &accuracy[1])) {
        json_object_set_new(o, "accuracy_a", cli_json_number(accuracy[0]));
        json_object_set_new(o, "accuracy_b", cli_json_number(accuracy[1]));
    }
    return o;
}

enum quern_code cli_json_print(json_t *object)
{
    /* Objects of jansson are complete or NULL only as a whole: a member that
     * found no memory is missing. */
    bool done = object != NULL &&
                json_dumpf(object, stdout,
                           JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
    json_decref(object);
    putchar('\n');
    return done ? QUERN_OK : ferror(stdout) ? QUERN_IO : QUERN_NO_MEMORY;
}

enum quern_code cli_tell_run(const struct cli *cli, size_t n_samples,
                             const char *engine, const char *out)
{
    if (!cli->json) {
        printf("%zu samples, %s\n", n_samples, engine);
        return QUERN_OK;
    }
    json_t *o = json_object();
    json_object_set_new(o, "samples", json_integer((json_int_t)n_samples));
    json_object_set_new(o, "engine", cli_json_string(engine));
    json_object_set_new(o, "output", cli_json_string(out));
    return cli_json_print(o);
}

enum quern_code cli_json_save(struct cli *cli, json_t *object, const char *path)
{
    char *text =
        object != NULL
            ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9))
            : NULL;
    size_t size = text != NULL ? strlen(text) : 0;
    enum quern_code code = QUERN_OK;
    json_decref(object);
    if (text != NULL) {
        text[size] = '\n'; /* in the place of the NUL */
        code = quern_file_write(cli->context, path, text, size + 1);
    } else {
        code = quern_fail(cli->context, QUERN_NO_MEMORY, NULL,
                          "report '%s': no memory for its text", path);
    }
    free(text);
    if (code != QUERN_OK) {
        quern_note(cli->context, NULL, "report '%s' is not written", path);
    }
    return code;
}
