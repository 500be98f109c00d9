/* A growing text, and numbers as text without the locale of the program. */
#include "config/text.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static bool reserve(struct qn_text *text, size_t more)
{
    size_t need = 0;
    if (text->has_failed || !qn_add(text->size, more, &need) ||
        !qn_add(need, 1, &need)) {
        text->has_failed = true;
        return false;
    }
    if (need <= text->room) {
        return true;
    }
    size_t room = text->room < 256 ? 256 : text->room;
    while (room < need) {
        room = room > SIZE_MAX / 2 ? need : room * 2;
    }
    char *grown = qn_realloc_n(text->data, room, 1);
    if (grown == NULL) {
        text->has_failed = true;
        return false;
    }
    text->data = grown;
    text->room = room;
    return true;
}

void qn_text_put(struct qn_text *text, const char *bytes, size_t size)
{
    if (reserve(text, size)) {
        memcpy(text->data + text->size, bytes, size);
        text->size += size;
        text->data[text->size] = '\0';
    }
}

void qn_text_add(struct qn_text *text, const char *string)
{
    qn_text_put(text, string, strlen(string));
}

void qn_text_addf(struct qn_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !reserve(text, (size_t)size)) {
        text->has_failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

void qn_text_fill(struct qn_text *text, char c, size_t n)
{
    if (reserve(text, n)) {
        memset(text->data + text->size, c, n);
        text->size += n;
        text->data[text->size] = '\0';
    }
}

void qn_text_wrap(struct qn_text *text, size_t indent, size_t width,
                  const char *string)
{
    size_t column = indent;
    const char *word = string + strspn(string, " \n");
    while (*word != '\0') {
        size_t size = strcspn(word, " \n");
        if (column > indent && column + 1 + size > width) {
            qn_text_put(text, "\n", 1);
            qn_text_fill(text, ' ', indent);
            column = indent;
        } else if (column > indent) {
            qn_text_put(text, " ", 1);
            column++;
        }
        qn_text_put(text, word, size);
        column += size;
        word += size;
        word += strspn(word, " \n");
    }
    qn_text_put(text, "\n", 1);
}

void qn_text_finish(struct qn_text *text)
{
    qn_free(text->data);
    *text = (struct qn_text){0};
}

bool qn_text_to_int(const char *string, int64_t *out_value)
{
    const char *digits = string + (*string == '-' || *string == '+');
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    const char *allowed = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
    const char *start = is_hex ? digits + 2 : digits;
    if (*start == '\0' || start[strspn(start, allowed)] != '\0') {
        return false;
    }
    errno = 0;
    long long value = strtoll(string, NULL, is_hex ? 16 : 10);
    if (errno != 0) {
        return false;
    }
    *out_value = value;
    return true;
}

/* Run between these two, printing and reading numbers does not depend on what
 * setlocale() was told. In glibc "C" is static: nothing is allocated. */
static locale_t enter_c_locale(locale_t *out_before)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *out_before = c != (locale_t)0 ? uselocale(c) : (locale_t)0;
    return c;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    if (c != (locale_t)0) {
        uselocale(before);
        freelocale(c);
    }
}

bool qn_text_to_float(const char *string, double *out_value)
{
    if (string[strspn(string, "+-.0123456789eE")] != '\0' ||
        strpbrk(string, "0123456789") == NULL) {
        return false;
    }
    locale_t before;
    locale_t c = enter_c_locale(&before);
    char *end = NULL;
    double value = strtod(string, &end);
    leave_c_locale(c, before);
    if (*end != '\0' || !isfinite(value)) {
        return false;
    }
    *out_value = value;
    return true;
}

const char *qn_text_of_float(double value, char buffer[32])
{
    locale_t before;
    locale_t c = enter_c_locale(&before);
    if (fabs(value) < 1e15 && !(fabs(value - trunc(value)) > 0.0)) {
        snprintf(buffer, 32, "%.0f", value);
        leave_c_locale(c, before);
        return buffer;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, value);
        double back = strtod(buffer, NULL);
        if (memcmp(&back, &value, sizeof back) == 0) {
            break;
        }
    }
    leave_c_locale(c, before);
    return buffer;
}
