/* The words of a command line, before argp reads them: unknown options are told
 * with the nearest name, and missing or empty values as all other errors are.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

static bool is_row(const struct argp_option *row)
{
    return row->name != NULL || row->doc != NULL || row->key != 0;
}

/* The option of that name or of one that begins so; NULL: none. */
static const struct argp_option *find_long(const struct argp_option *rows,
                                           const char *name, size_t length)
{
    const struct argp_option *found = NULL;
    for (; is_row(rows); rows++) {
        if (rows->name != NULL && strncmp(rows->name, name, length) == 0) {
            if (rows->name[length] == '\0') {
                return rows;
            }
            found = rows;
        }
    }
    return found;
}

static const struct argp_option *find_short(const struct argp_option *rows,
                                            char letter)
{
    while (is_row(rows) && rows->key != letter) {
        rows++;
    }
    return is_row(rows) ? rows : NULL;
}

static enum quern_code
unknown_long(struct cli *cli, const struct argp_option *rows, const char *word)
{
    size_t n = 0;
    while (is_row(&rows[n])) {
        n++;
    }
    char *wanted = strndup(word + 2, strcspn(word + 2, "="));
    const char **names = calloc(n + 1, sizeof *names);
    if (wanted == NULL || names == NULL) {
        free(wanted);
        free(names);
        return QUERN_NO_MEMORY;
    }
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].name != NULL) {
            names[m++] = rows[i].name;
        }
    }
    const char *near = quern_nearest_name(wanted, names);
    enum quern_code code =
        cli_usage(cli, "unknown option '--%s'%s%s%s", wanted,
                  near != NULL ? ", did you mean '--" : "",
                  near != NULL ? near : "", near != NULL ? "'" : "");
    free(wanted);
    free(names);
    return code;
}

/* A value that no option has, where it is empty: files without a name would be
 * found out only once all the work is done. */
static enum quern_code check_value(struct cli *cli, const struct argp_option *o,
                                   const char *word, const char *value)
{
    if (value == NULL) {
        return cli_usage(cli, "option '%s' needs a value", word);
    }
    /* As $QUERN_ORT_LIB may be: the usual places. */
    bool may_be_empty = o->key == CLI_KEY_ORT_LIB;
    return *value != '\0' || may_be_empty
               ? QUERN_OK
               : cli_usage(cli, "option '%s' has an empty value, needs %s",
                           word, o->arg);
}

/* A word "--name" or "--name=value", else `next` is the value; *out_takes: it
 * is. */
static enum quern_code check_long(struct cli *cli,
                                  const struct argp_option *rows,
                                  const char *word, const char *next,
                                  bool *out_takes)
{
    size_t length = strcspn(word + 2, "=");
    const struct argp_option *o = find_long(rows, word + 2, length);
    if (o == NULL) {
        return unknown_long(cli, rows, word);
    }
    if (o->arg == NULL) {
        return QUERN_OK;
    }
    const char *value = word + 2 + length;
    *out_takes = *value != '=';
    return check_value(cli, o, word, *out_takes ? next : value + 1);
}

/* A word of letters: those of options without value, then at most one with. */
static enum quern_code check_short(struct cli *cli,
                                   const struct argp_option *rows,
                                   const char *word, const char *next,
                                   bool *out_takes)
{
    for (const char *c = word + 1; *c != '\0'; c++) {
        const struct argp_option *o = find_short(rows, *c);
        if (o == NULL) {
            return cli_usage(cli, "unknown option '-%c'", *c);
        }
        if (o->arg != NULL) {
            *out_takes = c[1] == '\0';
            return check_value(cli, o, word, *out_takes ? next : c + 1);
        }
    }
    return QUERN_OK;
}

enum quern_code cli_check_words(struct cli *cli, int argc, char **argv,
                                const struct argp_option *rows)
{
    enum quern_code code = QUERN_OK;
    for (int i = 1; i < argc && code == QUERN_OK; i++) {
        const char *word = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool takes = false;
        if (strcmp(word, "--") == 0) {
            break;
        }
        if (strncmp(word, "--", 2) == 0) {
            code = check_long(cli, rows, word, next, &takes);
        } else if (word[0] == '-' && word[1] != '\0') {
            code = check_short(cli, rows, word, next, &takes);
        }
        i += takes;
    }
    return code;
}
