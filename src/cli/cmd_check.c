/* quern check: everything that is wrong with a model, at once. */
#include "cli.h"

#include <jansson.h>
#include <string.h>

struct check {
    struct cli *cli;
    json_t *list; /* with --json */
    size_t n_errors;
    size_t n_warnings;
    bool no_memory;
};

/* Names of a wrong model may be no UTF-8, which JSON cannot hold. */
static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_t *string = json_string(text);
        json_object_set_new(object, key,
                            string != NULL ? string : json_string("?"));
    }
}

static void set_number(json_t *object, const char *key, int64_t number)
{
    if (number >= 0) {
        json_object_set_new(object, key, json_integer(number));
    }
}

static bool append(json_t *list, const struct quern_message *m)
{
    const struct quern_place *p = &m->place;
    json_t *o = json_object();
    if (o == NULL) {
        return false;
    }
    set_text(o, "severity",
             m->severity == QUERN_SEVERITY_ERROR ? "error" : "warning");
    set_text(o, "code", quern_code_name(m->code));
    set_text(o, "message", m->text);
    set_text(o, "graph", p->graph);
    set_text(o, "node", p->op != NULL ? p->node : NULL);
    set_text(o, "op", p->op);
    set_number(o, "node_id", p->node_id);
    set_text(o, "tensor", p->tensor);
    set_text(o, "attribute", p->attribute);
    set_number(o, "offset", p->offset);
    return json_array_append_new(list, o) == 0;
}

static void on_finding(void *user, const struct quern_message *m)
{
    struct check *self = user;
    bool is_error = m->severity == QUERN_SEVERITY_ERROR;
    self->n_errors += is_error ? 1 : 0;
    self->n_warnings += is_error ? 0 : 1;
    if (self->list != NULL) {
        self->no_memory = !append(self->list, m) || self->no_memory;
    } else if (is_error || !self->cli->quiet) {
        char line[4096];
        quern_message_format(m, line, sizeof line);
        printf("%s\n", line);
    }
}

static enum quern_code print(const struct check *self, const char *path)
{
    if (self->list == NULL) {
        if (!self->cli->quiet) {
            printf("%s: %zu errors, %zu warnings\n", path, self->n_errors,
                   self->n_warnings);
        }
        return QUERN_OK;
    }
    json_t *root = json_object();
    if (root == NULL) {
        return QUERN_NO_MEMORY;
    }
    set_text(root, "model", path);
    set_number(root, "errors", (int64_t)self->n_errors);
    set_number(root, "warnings", (int64_t)self->n_warnings);
    json_object_set(root, "findings", self->list);
    bool good =
        !self->no_memory && json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
    printf("\n");
    json_decref(root);
    return good ? QUERN_OK : QUERN_NO_MEMORY;
}

int cmd_check(int argc, char **argv)
{
    struct cli cli = {0};
    struct check self = {.cli = &cli};
    enum quern_code code =
        cli_parse(&cli, argc, argv, NULL, NULL, NULL, "IN",
                  "Check a model: its bytes, names, scopes, order, operators, "
                  "attributes, types and external data. Tells everything that "
                  "is wrong at once; exit code 1 when there is an error.",
                  1, 1);
    if (code != QUERN_OK) {
        return cli_finish(&cli, code);
    }
    self.list = cli.json ? json_array() : NULL;
    if (cli.json && self.list == NULL) {
        return cli_finish(&cli, QUERN_NO_MEMORY);
    }
    code = quern_model_check(cli.context, cli.args[0], on_finding, &self);
    bool is_wrong = code == QUERN_INVALID_MODEL && self.n_errors > 0;
    if (code == QUERN_OK || is_wrong) {
        code = print(&self, cli.args[0]);
    }
    json_decref(self.list);
    int status = cli_finish(&cli, code);
    return status == 0 && is_wrong ? 1 : status;
}
