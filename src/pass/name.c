/* A name made from another one. Strings of a model must be UTF-8: one that is
 * cut within a character cannot be read by protobuf's own parsers. */
#include <quern/pass.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TAIL = 254 };

/* Bytes of `text` to keep, at most `most`: no character is cut. */
static size_t cut(const char *text, size_t most)
{
    size_t n = strnlen(text, most + 1);
    if (n <= most) {
        return n;
    }
    n = most;
    /* Three bytes at most follow the first one of a character. */
    for (int k = 0; k < 3 && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;
         k++) {
        n--;
    }
    return n;
}

const char *quern_name_extend(char *out, size_t size, const char *base,
                              const char *format, ...)
{
    /* A byte more than is kept and its end: whether a character is cut behind
     * the last one shows in the byte that follows. */
    char tail[MOST_TAIL + 2];
    va_list args;
    if (size == 0) {
        return out; /* no room for an end */
    }
    va_start(args, format);
    int printed = vsnprintf(tail, sizeof tail, format, args);
    va_end(args);
    if (printed < 0) {
        tail[0] = '\0';
    }
    size_t n_tail = cut(tail, size - 1 < MOST_TAIL ? size - 1 : MOST_TAIL);
    size_t n_base = cut(base, size - 1 - n_tail);
    memcpy(out, base, n_base);
    memcpy(out + n_base, tail, n_tail);
    out[n_base + n_tail] = '\0';
    return out;
}
