/* Names and facts of codes and element types. */
#include <quern/types.h>

#include <string.h>

static const char *const code_names[] = {
    "ok",          "invalid-argument", "io",    "malformed", "invalid-model",
    "unsupported", "not-found",        "limit", "no-memory", "numeric",
    "cancelled",   "internal",
};

const char *quern_version(void)
{
    return QUERN_VERSION;
}

const char *quern_code_name(enum quern_code code)
{
    size_t i = (size_t)code;
    return i < sizeof code_names / sizeof *code_names ? code_names[i]
                                                      : "unknown";
}

struct dtype_row {
    const char *name;
    unsigned char bits;
    bool is_float;
    bool is_signed;
};

static const struct dtype_row rows[] = {
    [QUERN_UNDEFINED] = {"undefined", 0, false, false},
    [QUERN_FLOAT] = {"float", 32, true, false},
    [QUERN_UINT8] = {"uint8", 8, false, false},
    [QUERN_INT8] = {"int8", 8, false, true},
    [QUERN_UINT16] = {"uint16", 16, false, false},
    [QUERN_INT16] = {"int16", 16, false, true},
    [QUERN_INT32] = {"int32", 32, false, true},
    [QUERN_INT64] = {"int64", 64, false, true},
    [QUERN_STRING] = {"string", 0, false, false},
    [QUERN_BOOL] = {"bool", 8, false, false},
    [QUERN_FLOAT16] = {"float16", 16, true, false},
    [QUERN_DOUBLE] = {"double", 64, true, false},
    [QUERN_UINT32] = {"uint32", 32, false, false},
    [QUERN_UINT64] = {"uint64", 64, false, false},
    [QUERN_COMPLEX64] = {"complex64", 64, false, false},
    [QUERN_COMPLEX128] = {"complex128", 128, false, false},
    [QUERN_BFLOAT16] = {"bfloat16", 16, true, false},
    [QUERN_FLOAT8E4M3FN] = {"float8e4m3fn", 8, true, false},
    [QUERN_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 8, true, false},
    [QUERN_FLOAT8E5M2] = {"float8e5m2", 8, true, false},
    [QUERN_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 8, true, false},
    [QUERN_UINT4] = {"uint4", 4, false, false},
    [QUERN_INT4] = {"int4", 4, false, true},
    [QUERN_FLOAT4E2M1] = {"float4e2m1", 4, true, false},
    [QUERN_FLOAT8E8M0] = {"float8e8m0", 8, true, false},
    [QUERN_UINT2] = {"uint2", 2, false, false},
    [QUERN_INT2] = {"int2", 2, false, true},
};

static const struct dtype_row *row_of(enum quern_dtype dtype)
{
    size_t i = (size_t)dtype;
    return &rows[i < sizeof rows / sizeof *rows ? i : QUERN_UNDEFINED];
}

const char *quern_dtype_name(enum quern_dtype dtype)
{
    return row_of(dtype)->name;
}

enum quern_dtype quern_dtype_of_name(const char *name)
{
    if (strcmp(name, "float32") == 0) {
        return QUERN_FLOAT;
    }
    if (strcmp(name, "float64") == 0) {
        return QUERN_DOUBLE;
    }
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            return (enum quern_dtype)i;
        }
    }
    return QUERN_UNDEFINED;
}

unsigned quern_dtype_bits(enum quern_dtype dtype)
{
    return row_of(dtype)->bits;
}

bool quern_dtype_is_integer(enum quern_dtype dtype)
{
    const struct dtype_row *row = row_of(dtype);
    return row->bits > 0 && !row->is_float && dtype != QUERN_BOOL &&
           dtype != QUERN_COMPLEX64 && dtype != QUERN_COMPLEX128;
}

bool quern_dtype_is_float(enum quern_dtype dtype)
{
    return row_of(dtype)->is_float;
}

bool quern_dtype_is_signed(enum quern_dtype dtype)
{
    return row_of(dtype)->is_signed;
}
