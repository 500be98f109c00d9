/* The account of a job as one JSON object; quern.1 describes its keys. */
#include "account_json.h"

#include "unknown.h"

#include <stdlib.h>
#include <string.h>

static json_t *span(const char *text, int length)
{
    char *copy = strndup(text, (size_t)length);
    json_t *string = copy != NULL ? cli_json_string(copy) : NULL;
    free(copy);
    return string;
}

static json_t *of_line(const struct cli_line *line)
{
    int op = 0;
    int node = 0;
    int rest = 0;
    json_t *o = json_object();
    if (cli_line_node(line->text, &op, &node, &rest)) {
        json_object_set_new(o, "operator", span(line->text, op));
        json_object_set_new(o, "node",
                            span(line->text + node, rest - 3 - node));
        json_object_set_new(o, "text", cli_json_string(line->text + rest));
    } else {
        json_object_set_new(o, "text", cli_json_string(line->text));
    }
    return o;
}

/* What --verify-each found of a step. */
static json_t *of_verdict(const struct cli_line *line)
{
    static const char *const words[] = {NULL, "agrees", "differs", "unknown"};
    json_t *o = json_object();
    json_object_set_new(o, "verdict", cli_json_string(words[line->verdict]));
    json_object_set_new(o, "text", cli_json_string(line->verdict_text));
    return o;
}

static json_t *of_trial(const struct cli_lines *lines)
{
    json_t *o = json_object();
    json_object_set_new(o, "ran", json_boolean(lines->is_tried));
    json_object_set_new(o, "text", cli_json_string(lines->trial));
    return o;
}

json_t *cli_json_steps(const struct cli_lines *lines)
{
    json_t *steps = json_array();
    json_t *told = json_array();
    for (size_t i = 0; i < lines->n; i++) {
        const struct cli_line *line = &lines->items[i];
        if (line->text != NULL) {
            json_array_append_new(told, of_line(line));
            continue;
        }
        json_t *o = json_object();
        json_object_set_new(o, "pass", cli_json_string(line->pass));
        json_object_set_new(o, "edits",
                            json_integer((json_int_t)line->n_edits));
        json_object_set_new(o, "rewrites",
                            json_integer((json_int_t)line->n_rewrites));
        json_object_set_new(o, "seconds", cli_json_number(line->seconds));
        if (line->verdict != QUERN_VERDICT_NONE) {
            json_object_set_new(o, "verified", of_verdict(line));
        }
        json_object_set_new(o, "lines", told);
        json_array_append_new(steps, o);
        told = json_array();
    }
    json_decref(told);
    return steps;
}

/* Nodes that a pass left in float, with its reason. */
static json_t *of_floats(const struct cli_lines *lines)
{
    static const char mark[] = "stays in float: ";
    json_t *list = json_array();
    for (size_t i = 0; i < lines->n; i++) {
        const char *text = lines->items[i].text;
        int op = 0;
        int node = 0;
        int rest = 0;
        if (text != NULL && cli_line_node(text, &op, &node, &rest) &&
            strncmp(text + rest, mark, sizeof mark - 1) == 0) {
            json_t *o = json_object();
            json_object_set_new(o, "operator", span(text, op));
            json_object_set_new(o, "node", span(text + node, rest - 3 - node));
            json_object_set_new(o, "reason",
                                cli_json_string(text + rest + sizeof mark - 1));
            json_array_append_new(list, o);
        }
    }
    return list;
}

static json_t *of_census(const struct cli_census *census)
{
    json_t *list = json_array();
    for (size_t i = 0; i < census->n; i++) {
        const struct cli_census_row *r = &census->rows[i];
        json_t *o = json_object();
        json_object_set_new(o, "operator", cli_json_string(r->op));
        json_object_set_new(o, "integer",
                            json_integer((json_int_t)r->n_integer));
        json_object_set_new(o, "float", json_integer((json_int_t)r->n_float));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *of_error(const struct cli_measured *m)
{
    if (m->error == NULL) {
        return json_null();
    }
    json_t *o = cli_json_comparison(m->error);
    json_object_set_new(o, "kept_apart", json_boolean(m->n_held > 0));
    return o;
}

static json_t *pair(uint64_t before, uint64_t after)
{
    json_t *o = json_object();
    json_object_set_new(o, "before", json_integer((json_int_t)before));
    json_object_set_new(o, "after", json_integer((json_int_t)after));
    return o;
}

json_t *cli_json_account(const struct cli *cli, const struct cli_job *job,
                         const struct cli_facts *facts)
{
    json_t *o = json_object();
    json_object_set_new(o, "quern", cli_json_string(quern_version()));
    json_object_set_new(o, "verb", cli_json_string(cli->verb));
    json_object_set_new(o, "input", cli_json_string(job->in));
    json_object_set_new(o, "output", cli_json_string(job->out));
    json_object_set_new(o, "target", cli_json_string(job->target));
    json_object_set_new(o, "bytes", pair(facts->bytes[0], facts->bytes[1]));
    json_object_set_new(o, "nodes", pair(facts->n_nodes[0], facts->n_nodes[1]));
    json_object_set_new(o, "operators", of_census(&facts->census));
    json_object_set_new(o, "stays_in_float", of_floats(cli->lines));
    json_object_set_new(o, "unknown_operators",
                        cli_json_unknown(quern_model_graph(job->after)));
    json_object_set_new(o, "error", of_error(&facts->measured));
    if (cli->lines->trial != NULL) {
        json_object_set_new(o, "verified", of_trial(cli->lines));
    }
    json_object_set_new(o, "steps", cli_json_steps(cli->lines));
    json_object_set_new(o, "seconds", cli_json_number(facts->seconds));
    json_object_set_new(o, "peak_memory",
                        json_integer((json_int_t)facts->peak_memory));
    json_object_set_new(o, "warnings", cli_json_warnings(cli));
    return o;
}
