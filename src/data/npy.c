/* Arrays in numpy's format (NEP 1, versions 1 to 3). */
#include "data/npy.h"

#include "base/checked.h"
#include "data/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the dict of a header says. */
struct dict {
    char descr[64];
    bool fortran;
    int rank;
    int64_t dims[QUERN_MAX_RANK];
};

/* The value behind 'key': in a dict literal; NULL when it is not there. */
static const char *find_key(const char *text, const char *key)
{
    char quoted[40];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(text, quoted);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(quoted);
    at += strspn(at, " ");
    return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

static const char *parse_shape(const char *text, struct dict *d)
{
    if (*text++ != '(') {
        return "shape is no tuple";
    }
    for (;;) {
        text += strspn(text, " ");
        if (*text == ')') {
            return NULL;
        }
        char *end = NULL;
        errno = 0;
        long long dim = strtoll(text, &end, 10);
        if (end == text || dim < 0 || errno != 0) {
            return "shape holds what is no number of 0 or more";
        }
        if (d->rank == QUERN_MAX_RANK) {
            return "rank is over 16";
        }
        d->dims[d->rank++] = dim;
        text = end + strspn(end, "L ");
        if (*text == ',') {
            text++;
        } else if (*text != ')') {
            return "shape does not end";
        }
    }
}

/* NULL, or what is wrong with the dict. */
static const char *parse_dict(const char *text, struct dict *d)
{
    const char *descr = find_key(text, "descr");
    const char *order = find_key(text, "fortran_order");
    const char *shape = find_key(text, "shape");
    if (descr == NULL || order == NULL || shape == NULL) {
        return "descr, fortran_order or shape is missing";
    }
    if (*descr == '[') {
        strcpy(d->descr, "V");
    } else {
        const char *end = *descr == '\'' ? strchr(descr + 1, '\'') : NULL;
        size_t size = end != NULL ? (size_t)(end - descr - 1) : 0;
        if (size == 0 || size >= sizeof d->descr) {
            return "descr is no type";
        }
        memcpy(d->descr, descr + 1, size);
        d->descr[size] = '\0';
    }
    if (strncmp(order, "True", 4) != 0 && strncmp(order, "False", 5) != 0) {
        return "fortran_order is neither True nor False";
    }
    d->fortran = *order == 'T';
    return parse_shape(shape, d);
}

/* Length of the dict and where it begins; false: no numpy header. */
static bool find_dict(const unsigned char *data, size_t size, size_t *out_at,
                      size_t *out_length)
{
    if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 ||
        data[6] > 3) {
        return false;
    }
    *out_at = data[6] == 1 ? 10 : 12;
    *out_length = data[8] | (size_t)data[9] << 8;
    if (data[6] > 1) {
        *out_length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    return true;
}

static enum quern_dtype dtype_of(const char *descr, bool *out_swap)
{
    static const struct {
        const char *code;
        enum quern_dtype dtype;
    } types[] = {
        {"f4", QUERN_FLOAT},     {"f8", QUERN_DOUBLE},
        {"f2", QUERN_FLOAT16},   {"i1", QUERN_INT8},
        {"i2", QUERN_INT16},     {"i4", QUERN_INT32},
        {"i8", QUERN_INT64},     {"u1", QUERN_UINT8},
        {"u2", QUERN_UINT16},    {"u4", QUERN_UINT32},
        {"u8", QUERN_UINT64},    {"b1", QUERN_BOOL},
        {"c8", QUERN_COMPLEX64}, {"c16", QUERN_COMPLEX128},
    };
    *out_swap = *descr == '>';
    if (strchr("<>|=", *descr) != NULL) {
        descr++;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(descr, types[i].code) == 0) {
            *out_swap = *out_swap && quern_dtype_bits(types[i].dtype) > 8;
            return types[i].dtype;
        }
    }
    return QUERN_UNDEFINED;
}

/* Why an array of that type cannot be read. */
static const char *refusal(const char *descr)
{
    switch (descr[strspn(descr, "<>|=")]) {
    case 'O':
        return "holds Python objects: save an array of numbers";
    case 'V':
        return "is structured or of raw bytes: save an array of numbers";
    case 'U':
    case 'S':
    case 'a':
        return "holds text: samples of text must come as ONNX test sets";
    case 'M':
    case 'm':
        return "holds dates or times: save an array of numbers";
    default:
        return "has an element type that models do not have";
    }
}

enum quern_code qn_npy_parse(struct quern_context *context, const char *file,
                             const char *name, const unsigned char *data,
                             size_t size, uint64_t whole,
                             struct qn_npy *out_npy)
{
    char text[QN_NPY_HEADER_MOST];
    struct dict d = {.rank = 0};
    size_t at = 0;
    size_t length = 0;
    if (!find_dict(data, size, &at, &length)) {
        return qn_data_fail(
            context, file, name, QUERN_MALFORMED,
            "array has no readable numpy header (of version 1 to 3)");
    }
    if (length >= sizeof text - at || length > size - at) {
        return qn_data_fail(
            context, file, name, QUERN_MALFORMED,
            "numpy header takes %zu bytes, at most %zu are there", length,
            size - at < sizeof text ? size - at : sizeof text);
    }
    memcpy(text, data + at, length);
    text[length] = '\0';
    const char *bad = parse_dict(text, &d);
    if (bad != NULL) {
        return qn_data_fail(context, file, name, QUERN_MALFORMED,
                            "numpy header is damaged: %s", bad);
    }
    struct qn_npy h = {.fortran = d.fortran, .rank = d.rank};
    h.dtype = dtype_of(d.descr, &h.swap);
    h.data = at + length;
    memcpy(h.dims, d.dims, sizeof h.dims);
    if (h.dtype == QUERN_UNDEFINED) {
        return qn_data_fail(context, file, name, QUERN_UNSUPPORTED,
                            "array of type '%s' %s", d.descr, refusal(d.descr));
    }
    int64_t len = 0;
    if (!qn_shape_len(h.rank, h.dims, &len) ||
        !qn_packed_size(len, quern_dtype_bits(h.dtype), &h.size)) {
        return qn_data_fail(context, file, name, QUERN_LIMIT,
                            "number of elements of the array overflows");
    }
    if (whole - h.data < h.size) {
        return qn_data_fail(
            context, file, name, QUERN_MALFORMED,
            "array is truncated: %llu bytes are there, its shape needs "
            "%zu",
            (unsigned long long)(whole - h.data), h.size);
    }
    *out_npy = h;
    return QUERN_OK;
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
