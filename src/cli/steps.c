/* Wishes that several verbs turn into steps of a pipeline. */
#include "steps.h"

#include <stdlib.h>
#include <string.h>

enum quern_code cli_steps_init(struct cli_steps *self, int argc)
{
    self->shapes = calloc((size_t)argc + 1, sizeof *self->shapes);
    return self->shapes != NULL ? QUERN_OK : QUERN_NO_MEMORY;
}

void cli_steps_finish(struct cli_steps *self)
{
    free(self->shapes);
    self->shapes = NULL;
}

error_t cli_steps_parse(struct cli_steps *self, int key, char *arg)
{
    switch (key) {
    case CLI_KEY_TO_OPSET:
        self->opset = arg;
        return 0;
    case CLI_KEY_INPUT_SHAPE:
        self->shapes[self->n_shapes++] = arg;
        return 0;
    case CLI_KEY_BATCH:
        self->batch = arg;
        return 0;
    case CLI_KEY_STRIP:
        self->strips = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum quern_code cli_steps_check(struct cli *cli, const struct cli_steps *self)
{
    if (self->opset == NULL) {
        return QUERN_OK;
    }
    char *end = NULL;
    long opset = strtol(self->opset, &end, 10);
    return end == self->opset || *end != '\0' || opset < 7 || opset > 26
               ? cli_usage(cli, "--opset '%s': needs 7 to 26", self->opset)
               : QUERN_OK;
}

/* A text of any length in double quotes. */
static void write_quoted(FILE *out, const char *text, size_t size)
{
    fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            fputc('\\', out);
        }
        fputc(text[i], out);
    }
    fputc('"', out);
}

void cli_step(FILE *out, const char *name)
{
    fprintf(out, "%s%s", ftell(out) > 0 ? "," : "", name);
}

void cli_step_list(FILE *out, const char *key, const char *const *items,
                   size_t n)
{
    fprintf(out, "%s=[", key);
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? "," : "", out);
        write_quoted(out, items[i], strlen(items[i]));
    }
    fputc(']', out);
}

void cli_step_words(FILE *out, const char *key, const char *words)
{
    fprintf(out, "%s=[", key);
    for (const char *at = words; *at != '\0';) {
        size_t size = strcspn(at, ",");
        fputs(at > words ? "," : "", out);
        write_quoted(out, at, size);
        at += size + (at[size] == ',');
    }
    fputc(']', out);
}

void cli_steps_first(FILE *out, const struct cli_steps *self)
{
    if (self->n_shapes > 0 || self->batch != NULL) {
        cli_step(out, "set-shapes{");
        if (self->batch != NULL) {
            fputs("batch=", out);
            write_quoted(out, self->batch, strlen(self->batch));
            fputs(self->n_shapes > 0 ? "," : "", out);
        }
        if (self->n_shapes > 0) {
            cli_step_list(out, "shapes", self->shapes, self->n_shapes);
        }
        fputc('}', out);
    }
    if (self->opset != NULL) {
        cli_step(out, "raise-opset{opset=");
        fprintf(out, "%ld}", strtol(self->opset, NULL, 10));
    }
}

void cli_steps_last(FILE *out, const struct cli_steps *self)
{
    if (self->strips) {
        cli_step(out, "strip-metadata");
    }
}
