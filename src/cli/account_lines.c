/* The lines of the account: what passes tell, kept as it comes. */
#include "account_json.h"

#include <stdlib.h>
#include <string.h>

/* A step begins with line i. The search takes time in proportion to the passes
 * that there are, not to the steps. */
static void begin_step(struct cli_lines *l, size_t i)
{
    struct cli_line *line = &l->items[i];
    size_t *at = &l->last_step;
    while (*at != 0 && strcmp(l->items[*at - 1].pass, line->pass) != 0) {
        at = &l->items[*at - 1].before;
    }
    if (*at != 0) {
        l->items[*at - 1].is_again = true;
        line->before = l->items[*at - 1].before;
    }
    *at = i + 1;
}

void cli_account(void *user, const char *pass, const char *text,
                 uint64_t n_edits, double seconds)
{
    struct cli *cli = user;
    struct cli_lines *l = cli->lines;
    struct cli_line *grown =
        l != NULL ? realloc(l->items, (l->n + 1) * sizeof *grown) : NULL;
    struct cli_line line = {.pass = strdup(pass),
                            .text = text != NULL ? strdup(text) : NULL,
                            .n_edits = n_edits,
                            .seconds = seconds};
    if (grown != NULL) {
        l->items = grown;
    }
    if (grown == NULL || line.pass == NULL ||
        (text != NULL && line.text == NULL)) {
        free(line.pass);
        free(line.text);
        if (l != NULL) {
            l->is_short = true; /* the work is done all the same */
        }
        return;
    }
    l->items[l->n++] = line;
    if (l->n == 1 || l->items[l->n - 2].text == NULL) {
        begin_step(l, l->n - 1);
    }
}

void cli_lines_free(struct cli_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        free(lines->items[i].pass);
        free(lines->items[i].text);
        free(lines->items[i].verdict_text);
    }
    free(lines->items);
    free(lines->trial);
    *lines = (struct cli_lines){0};
}

bool cli_line_node(const char *text, int *out_op, int *out_node, int *out_rest)
{
    const char *quote = strchr(text, '\'');
    const char *end = strstr(text, "': ");
    if (quote == NULL || end == NULL || quote == text || quote[-1] != ' ' ||
        memchr(text, ':', (size_t)(quote - text)) != NULL) {
        return false;
    }
    *out_op = (int)(quote - text) - 1;
    *out_node = (int)(quote - text) + 1;
    *out_rest = (int)(end - text) + 3;
    return end > quote && memchr(text, ' ', (size_t)*out_op) == NULL;
}
