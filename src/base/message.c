/* Rendering of one message as a line. */
#include <quern/diag.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A bounded line; `length` counts what the whole would need. */
struct line {
    char *text;
    size_t size;
    size_t length;
};

static void put(struct line *line, char c)
{
    if (line->length + 1 < line->size) {
        line->text[line->length] = c;
        line->text[line->length + 1] = '\0';
    }
    line->length++;
}

static void add(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        put(line, *text);
    }
}

static void addf(struct line *line, const char *format, ...) QUERN_PRINTF(2, 3);

static void addf(struct line *line, const char *format, ...)
{
    char buffer[64];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    add(line, buffer);
}

/* Bytes of a well-formed UTF-8 sequence at `s` (not a control character), or
 * 0. Overlong forms and surrogates are not told apart: terminals do. */
static size_t printable(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
    }
    size_t n = s[0] >= 0xf0 && s[0] < 0xf5   ? 4
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                             : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* U+0080 to U+009F are control characters too. */
    return n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

static void add_escaped(struct line *line, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        size_t n = printable(s);
        if (n == 0) {
            addf(line, "\\x%02x", *s);
            s++;
        }
        for (; n > 0; n--) {
            put(line, (char)*s++);
        }
    }
}

static void add_file(struct line *line, const struct quern_place *p)
{
    if (p->file != NULL) {
        add_escaped(line, p->file);
        if (p->line > 0) {
            addf(line, ":%d", p->line);
        }
        if (p->line > 0 && p->column > 0) {
            addf(line, ":%d", p->column);
        }
        add(line, ": ");
    }
    if (p->offset >= 0) {
        addf(line, "offset %lld: ", (long long)p->offset);
    }
}

static void add_quoted(struct line *line, const char *what, const char *name)
{
    add(line, what);
    add(line, " '");
    add_escaped(line, name);
    add(line, "'");
}

static void add_graph_place(struct line *line, const struct quern_place *p)
{
    const char *separator = "";
    if (p->graph != NULL) {
        add_escaped(line, p->graph);
        add(line, ": ");
    }
    if (p->op != NULL) {
        add_quoted(line, "node", p->node != NULL ? p->node : "");
        add(line, " (");
        add_escaped(line, p->op);
        if (p->node_id >= 0) {
            addf(line, ", #%lld", (long long)p->node_id);
        }
        add(line, ")");
        separator = ", ";
    }
    if (p->tensor != NULL) {
        add(line, separator);
        add_quoted(line, "tensor", p->tensor);
        separator = ", ";
    }
    if (p->attribute != NULL) {
        add(line, separator);
        add_quoted(line, "attribute", p->attribute);
        separator = ", ";
    }
    if (*separator != '\0') {
        add(line, ": ");
    }
}

size_t quern_message_format(const struct quern_message *message, char *text,
                            size_t size)
{
    static const char *const severities[] = {"note", "warning", "error"};
    struct line line = {text, size, 0};
    if (size > 0) {
        text[0] = '\0';
    }
    add(&line, severities[message->severity]);
    if (message->code != QUERN_OK) {
        addf(&line, "[%s]", quern_code_name(message->code));
    }
    add(&line, ": ");
    if (message->place.pass != NULL) {
        add_quoted(&line, "pass", message->place.pass);
        add(&line, ": ");
    }
    add_file(&line, &message->place);
    add_graph_place(&line, &message->place);
    add_escaped(&line, message->text);
    return line.length;
}
