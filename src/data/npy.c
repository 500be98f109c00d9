/* One array in numpy's format (NEP 1, versions 1 to 3). */
#include "data/npy.h"

#include "ir/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct header {
    char descr[32];
    bool fortran;
    int rank;
    int64_t dims[QUERN_MAX_RANK];
    size_t data; /* offset of the bytes in the array */
};

static enum quern_code fail(struct quern_context *context, const char *file,
                            const char *name, enum quern_code code,
                            const char *what, const char *detail)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "data";
    place.file = file;
    place.tensor = name;
    return quern_fail(context, code, &place, "%s%s%s", what,
                      *detail != '\0' ? ": " : "", detail);
}

/* The value behind 'key': in a dict literal; NULL when it is not there. */
static const char *find_key(const char *text, const char *key)
{
    char quoted[40];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(text, quoted);
    if (at == NULL) {
        return NULL;
    }
    at = strchr(at + strlen(quoted), ':');
    return at != NULL ? at + 1 + strspn(at + 1, " ") : NULL;
}

static bool parse_shape(const char *text, struct header *h)
{
    if (*text++ != '(') {
        return false;
    }
    for (;;) {
        text += strspn(text, " ");
        if (*text == ')') {
            return true;
        }
        char *end = NULL;
        long long dim = strtoll(text, &end, 10);
        if (end == text || dim < 0 || h->rank == QUERN_MAX_RANK) {
            return false;
        }
        h->dims[h->rank++] = dim;
        text = end + strspn(end, "L ");
        if (*text == ',') {
            text++;
        } else if (*text != ')') {
            return false;
        }
    }
}

static bool parse_dict(const char *text, struct header *h)
{
    const char *descr = find_key(text, "descr");
    const char *order = find_key(text, "fortran_order");
    const char *shape = find_key(text, "shape");
    if (descr == NULL || order == NULL || shape == NULL || *descr != '\'') {
        return false;
    }
    const char *end = strchr(descr + 1, '\'');
    size_t size = end != NULL ? (size_t)(end - descr - 1) : sizeof h->descr;
    if (size >= sizeof h->descr) {
        return false;
    }
    memcpy(h->descr, descr + 1, size);
    h->descr[size] = '\0';
    h->fortran = strncmp(order, "True", 4) == 0;
    return parse_shape(shape, h);
}

static bool parse_header(const unsigned char *data, size_t size,
                         struct header *h)
{
    char text[4096];
    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 ||
        data[6] > 3) {
        return false;
    }
    size_t at = data[6] == 1 ? 10 : 12;
    size_t length = data[8] | (size_t)data[9] << 8;
    if (data[6] > 1) {
        if (size < 12) {
            return false;
        }
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    if (length >= sizeof text || length > size - at) {
        return false;
    }
    memcpy(text, data + at, length);
    text[length] = '\0';
    h->data = at + length;
    return parse_dict(text, h);
}

static enum quern_dtype dtype_of(const char *descr, bool *out_swap)
{
    static const struct {
        const char *code;
        enum quern_dtype dtype;
    } types[] = {
        {"f4", QUERN_FLOAT},     {"f8", QUERN_DOUBLE}, {"f2", QUERN_FLOAT16},
        {"i1", QUERN_INT8},      {"i2", QUERN_INT16},  {"i4", QUERN_INT32},
        {"i8", QUERN_INT64},     {"u1", QUERN_UINT8},  {"u2", QUERN_UINT16},
        {"u4", QUERN_UINT32},    {"u8", QUERN_UINT64}, {"b1", QUERN_BOOL},
        {"c8", QUERN_COMPLEX64},
    };
    *out_swap = *descr == '>';
    if (strchr("<>|=", *descr) != NULL && *descr != '\0') {
        descr++;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(descr, types[i].code) == 0) {
            return types[i].dtype;
        }
    }
    return QUERN_UNDEFINED;
}

/* Bytes into native row-major order: both conversions element by element. */
static enum quern_code convert(struct quern_context *context,
                               const struct header *h, enum quern_dtype dtype,
                               const unsigned char *data, bool swap,
                               struct quern_tensor **out_tensor)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_create(context, dtype, h->rank, h->dims, &t);
    if (code != QUERN_OK) {
        return code;
    }
    size_t size = quern_dtype_bits(dtype) / 8;
    unsigned char *out = quern_tensor_data_mut(t);
    int64_t place[QUERN_MAX_RANK] = {0};
    for (int64_t k = 0; k < t->len; k++) {
        int64_t from = k;
        if (h->fortran) {
            int64_t step = 1;
            from = 0;
            for (int i = 0; i < h->rank; i++) {
                from += place[i] * step;
                step *= h->dims[i];
            }
        }
        for (size_t b = 0; b < size; b++) {
            out[(size_t)k * size + b] =
                data[(size_t)from * size + (swap ? size - 1 - b : b)];
        }
        for (int i = h->rank - 1; i >= 0 && ++place[i] == h->dims[i]; i--) {
            place[i] = 0;
        }
    }
    *out_tensor = t;
    return QUERN_OK;
}

enum quern_code qn_npy_read(struct quern_context *context, const char *file,
                            const char *name, struct qn_buf *buf, size_t offset,
                            size_t size, struct quern_tensor **out_tensor)
{
    struct header h = {0};
    const unsigned char *data = buf->data + offset;
    if (!parse_header(data, size, &h)) {
        return fail(context, file, name, QUERN_MALFORMED,
                    "array has no readable numpy header", "");
    }
    bool swap = false;
    enum quern_dtype dtype = dtype_of(h.descr, &swap);
    if (dtype == QUERN_UNDEFINED) {
        return fail(context, file, name, QUERN_UNSUPPORTED,
                    strchr(h.descr, 'O') != NULL
                        ? "object arrays cannot be read; save numbers"
                        : "array of an element type that models do not have",
                    h.descr);
    }
    int64_t len = 0;
    size_t needed = 0;
    enum quern_code code =
        qn_tensor_size_of(context, dtype, h.rank, h.dims, &len, &needed);
    if (code != QUERN_OK) {
        return code;
    }
    if (size - h.data < needed) {
        char text[96];
        snprintf(text, sizeof text, "%zu bytes of %zu are there", size - h.data,
                 needed);
        return fail(context, file, name, QUERN_MALFORMED, "array is truncated",
                    text);
    }
    if (swap || (h.fortran && h.rank > 1)) {
        return convert(context, &h, dtype, data + h.data, swap, out_tensor);
    }
    return qn_tensor_slice(context, dtype, h.rank, h.dims, buf, offset + h.data,
                           needed, out_tensor);
}

size_t qn_npy_header(enum quern_dtype dtype, int rank, const int64_t *dims,
                     char *out, size_t room)
{
    static const char *const codes[] = {
        [QUERN_FLOAT] = "<f4",  [QUERN_DOUBLE] = "<f8", [QUERN_FLOAT16] = "<f2",
        [QUERN_INT8] = "|i1",   [QUERN_INT16] = "<i2",  [QUERN_INT32] = "<i4",
        [QUERN_INT64] = "<i8",  [QUERN_UINT8] = "|u1",  [QUERN_UINT16] = "<u2",
        [QUERN_UINT32] = "<u4", [QUERN_UINT64] = "<u8", [QUERN_BOOL] = "|b1",
    };
    size_t n_codes = sizeof codes / sizeof *codes;
    if ((size_t)dtype >= n_codes || codes[dtype] == NULL) {
        return 0;
    }
    int n = snprintf(out, room,
                     "%cNUMPY%c%c%c%c{'descr': '%s', 'fortran_order': False, "
                     "'shape': (",
                     '\x93', 1, '?', '?', '?', codes[dtype]);
    out[7] = 0;
    size_t used = (size_t)n;
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(out + used, room - used, "%lld,%s",
                                 (long long)dims[i], i + 1 < rank ? " " : "");
    }
    used += (size_t)snprintf(out + used, room - used, "), }");
    size_t total = (used + 1 + 63) / 64 * 64;
    memset(out + used, ' ', total - used);
    out[total - 1] = '\n';
    out[8] = (char)((total - 10) & 255);
    out[9] = (char)((total - 10) >> 8);
    return total;
}
