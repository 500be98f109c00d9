/* A text that grows. Failing to grow is remembered, so that callers can append
 * freely and ask once at the end. Zeroed storage is an empty text. */
#ifndef QUERN_CONFIG_TEXT_H
#define QUERN_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qn_text {
    char *data;  /* NUL-terminated, or NULL while nothing was written */
    size_t size; /* without the NUL */
    size_t room;
    bool has_failed; /* memory ran out; the text is incomplete */
};

void qn_text_put(struct qn_text *text, const char *bytes, size_t size);
void qn_text_add(struct qn_text *text, const char *string);
void qn_text_addf(struct qn_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** `n` times the character. */
void qn_text_fill(struct qn_text *text, char c, size_t n);
/** Words of `string` in lines of at most `width` columns, each but the first
 * behind `indent` spaces; the text stands at column `indent` now. Ends with a
 * newline. */
void qn_text_wrap(struct qn_text *text, size_t indent, size_t width,
                  const char *string);
void qn_text_finish(struct qn_text *text);

/* Numbers as text, the same in every locale. */

/** Whole decimal or 0x… number with optional sign; nothing around it. */
bool qn_text_to_int(const char *string, int64_t *out_value);
/** Decimal number, finite, nothing around it; no hexadecimal, no "inf". */
bool qn_text_to_float(const char *string, double *out_value);
/** Shortest text that reads back as the same number. */
const char *qn_text_of_float(double value, char buffer[32]);

#endif
