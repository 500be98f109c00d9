/* Telling what options there are: rows as text, and a help page. */
#include "config/option.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 79 };

static const char *type_name(enum quern_option_type type)
{
    switch (type) {
    case QUERN_OPTION_BOOL:
        return "bool";
    case QUERN_OPTION_INT:
        return "integer";
    case QUERN_OPTION_FLOAT:
        return "number";
    case QUERN_OPTION_ENUM:
        return "choice";
    case QUERN_OPTION_STRING:
        return "text";
    case QUERN_OPTION_STRINGS:
        return "list";
    }
    return "unknown";
}

/* [a, b]; NULL when no memory is left. */
static const char *join(struct qn_arena *arena,
                        const struct quern_strings *list)
{
    const char *text = "[";
    for (size_t i = 0; i < list->count && text != NULL; i++) {
        text = qn_arena_printf(arena, "%s%s%s", text, i == 0 ? "" : ", ",
                               list->items[i]);
    }
    return text != NULL ? qn_arena_printf(arena, "%s]", text) : NULL;
}

/* Default of a row as text, "" when unset; NULL when no memory is left. */
static const char *default_text(const struct quern_option *row,
                                const void *params_default,
                                struct qn_arena *arena)
{
    union {
        bool flag;
        int64_t number;
        double real;
        int choice;
        const char *string;
        struct quern_strings strings;
    } v = {.strings = {NULL, 0}};
    const char *field = params_default;
    char buffer[32];
    field = field != NULL ? field + row->offset : (const char *)&v;
    switch (row->type) {
    case QUERN_OPTION_BOOL:
        memmove(&v.flag, field, sizeof v.flag);
        return v.flag ? "true" : "false";
    case QUERN_OPTION_INT:
        memmove(&v.number, field, sizeof v.number);
        return qn_arena_printf(arena, "%lld", (long long)v.number);
    case QUERN_OPTION_FLOAT:
        memmove(&v.real, field, sizeof v.real);
        return qn_arena_strdup(arena, qn_text_of_float(v.real, buffer));
    case QUERN_OPTION_ENUM:
        memmove(&v.choice, field, sizeof v.choice);
        return row->choices[v.choice];
    case QUERN_OPTION_STRING:
        memmove(&v.string, field, sizeof v.string);
        return v.string != NULL ? v.string : "";
    case QUERN_OPTION_STRINGS:
        memmove(&v.strings, field, sizeof v.strings);
        return v.strings.count > 0 ? join(arena, &v.strings) : "";
    }
    return "";
}

enum quern_code qn_options_describe(struct quern_context *context,
                                    const struct quern_option *row,
                                    const void *params_default,
                                    struct qn_arena *arena,
                                    struct qn_option_row *out_row)
{
    const char *value = default_text(row, params_default, arena);
    const char *range = NULL;
    bool has_range =
        (row->type == QUERN_OPTION_INT || row->type == QUERN_OPTION_FLOAT) &&
        (row->minimum < 0.0 || row->minimum > 0.0 || row->maximum < 0.0 ||
         row->maximum > 0.0);
    if (has_range) {
        char low[32], high[32];
        range = qn_arena_printf(arena, "%s..%s",
                                qn_text_of_float(row->minimum, low),
                                qn_text_of_float(row->maximum, high));
    }
    if (value == NULL || (has_range && range == NULL)) {
        return qn_no_memory(context);
    }
    *out_row = (struct qn_option_row){
        .name = row->name,
        .type = type_name(row->type),
        .default_value = *value != '\0' ? value : NULL,
        .range = range,
        .choices = row->type == QUERN_OPTION_ENUM ? row->choices : NULL,
        .help = row->help != NULL ? row->help : "",
    };
    return QUERN_OK;
}

/* "percentile=NUMBER" and its sentence. */
static void add_row(struct qn_text *text, const struct qn_option_row *row,
                    struct qn_text *sentence)
{
    size_t start = text->size;
    qn_text_addf(text, "  %s=%s", row->name, row->type);
    size_t width = text->size - start;
    if (width + 2 > HELP_COLUMN) {
        qn_text_add(text, "\n");
        width = 0;
    }
    qn_text_fill(text, ' ', HELP_COLUMN - width);
    sentence->size = 0;
    qn_text_add(sentence, row->help);
    const char *separator = *row->help != '\0' ? " (" : "(";
    if (row->choices != NULL) {
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            qn_text_addf(sentence, "%s%s", i == 0 ? separator : " | ",
                         row->choices[i]);
        }
        separator = "; ";
    }
    if (row->range != NULL) {
        qn_text_addf(sentence, "%s%s", separator, row->range);
        separator = "; ";
    }
    if (row->default_value != NULL) {
        qn_text_addf(sentence, "%sdefault %s", separator, row->default_value);
        separator = "; ";
    }
    qn_text_add(sentence, *separator == ';' ? ")" : "");
    if (!sentence->has_failed) {
        qn_text_wrap(text, HELP_COLUMN, HELP_WIDTH, sentence->data);
    }
}

enum quern_code qn_options_help(struct quern_context *context,
                                const struct quern_option *table,
                                const void *params_default,
                                struct qn_text *text)
{
    struct qn_arena arena = {0};
    struct qn_text sentence = {0};
    enum quern_code code = QUERN_OK;
    const struct quern_option *row = table;
    for (; row != NULL && row->name != NULL && code == QUERN_OK; row++) {
        struct qn_option_row told = {0};
        code = qn_options_describe(context, row, params_default, &arena, &told);
        if (code == QUERN_OK) {
            add_row(text, &told, &sentence);
        }
    }
    if (code == QUERN_OK && (text->has_failed || sentence.has_failed)) {
        code = qn_no_memory(context);
    }
    qn_text_finish(&sentence);
    qn_arena_finish(&arena);
    return code;
}
