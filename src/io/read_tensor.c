/* TensorProto to tensor: raw bytes stay in the file, typed fields are packed.
 */
#include "base/checked.h"
#include "io/reader.h"

#include <string.h>

/* Exactly one place may hold the data. */
static enum quern_code check_fields(struct qn_reader *r,
                                    const Onnx__TensorProto *p)
{
    int typed = (p->n_float_data > 0) + (p->n_int32_data > 0) +
                (p->n_string_data > 0) + (p->n_int64_data > 0) +
                (p->n_double_data > 0) + (p->n_uint64_data > 0);
    int raw = p->has_raw_data || p->has_quern_raw_size;
    if (p->segment != NULL) {
        return qn_reader_fail(r, QUERN_UNSUPPORTED, p->quern_offset, p->name,
                              "tensor stored in segments");
    }
    if (typed + raw > 1) {
        return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
                              "tensor has %d data fields, needs one",
                              typed + raw);
    }
    if (!p->has_data_type || p->data_type <= 0 || p->data_type > QUERN_INT2) {
        return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
                              "tensor has unknown data type %d", p->data_type);
    }
    return QUERN_OK;
}

/* Number of entries that the typed field of a dtype must have, and how many
 * bytes of each go out (sub-byte types: one byte of packed elements). */
static const void *typed_field(const Onnx__TensorProto *p, size_t *out_n,
                               size_t *out_step, size_t *out_size)
{
    unsigned bits = quern_dtype_bits((enum quern_dtype)p->data_type);
    *out_size = bits < 8 ? 1 : bits / 8;
    switch (p->data_type) {
    case QUERN_FLOAT:
    case QUERN_COMPLEX64:
        *out_n = p->n_float_data;
        *out_step = *out_size = 4;
        return p->float_data;
    case QUERN_DOUBLE:
    case QUERN_COMPLEX128:
        *out_n = p->n_double_data;
        *out_step = *out_size = 8;
        return p->double_data;
    case QUERN_INT64:
        *out_n = p->n_int64_data;
        *out_step = 8;
        return p->int64_data;
    case QUERN_UINT32:
    case QUERN_UINT64:
        *out_n = p->n_uint64_data;
        *out_step = 8;
        return p->uint64_data;
    default:
        *out_n = p->n_int32_data;
        *out_step = 4;
        return p->int32_data;
    }
}

static enum quern_code read_typed(struct qn_reader *r,
                                  const Onnx__TensorProto *p, int rank,
                                  const int64_t *dims,
                                  struct quern_tensor **out_tensor)
{
    size_t n = 0;
    size_t step = 0;
    size_t size = 0;
    const unsigned char *source = typed_field(p, &n, &step, &size);
    unsigned char *data = NULL;
    int64_t len = 0;
    size_t bytes = 0;
    enum quern_code code = qn_tensor_size_of(
        r->context, (enum quern_dtype)p->data_type, rank, dims, &len, &bytes);
    if (code == QUERN_OK && n * size != bytes) {
        code = qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
                              "tensor has %zu entries of data, its shape needs "
                              "%zu",
                              n, bytes / size);
    }
    if (code == QUERN_OK) {
        code = qn_tensor_packed(r->context, &r->pack,
                                (enum quern_dtype)p->data_type, rank, dims,
                                out_tensor, &data);
    }
    for (size_t i = 0; code == QUERN_OK && i < n; i++) {
        /* low bytes first: little-endian */
        memcpy(data + i * size, source + i * step, size);
    }
    return code;
}

static enum quern_code read_strings(struct qn_reader *r,
                                    const Onnx__TensorProto *p, int rank,
                                    const int64_t *dims,
                                    struct quern_tensor **out_tensor)
{
    struct qn_string *strings =
        qn_arena_alloc_n(&r->scratch, p->n_string_data, sizeof *strings);
    if (strings == NULL) {
        return qn_no_memory(r->context);
    }
    for (size_t i = 0; i < p->n_string_data; i++) {
        strings[i].bytes = (const char *)p->string_data[i].data;
        strings[i].size = p->string_data[i].len;
    }
    return qn_tensor_strings(r->context, rank, dims, strings, p->n_string_data,
                             out_tensor);
}

static enum quern_code read_small_raw(struct qn_reader *r,
                                      const Onnx__TensorProto *p, int rank,
                                      const int64_t *dims,
                                      struct quern_tensor **out_tensor)
{
    unsigned char *data = NULL;
    int64_t len = 0;
    enum quern_code code =
        qn_tensor_check_bytes(r->context, (enum quern_dtype)p->data_type, rank,
                              dims, p->raw_data.len, &len);
    if (code == QUERN_OK) {
        code = qn_tensor_packed(r->context, &r->pack,
                                (enum quern_dtype)p->data_type, rank, dims,
                                out_tensor, &data);
    }
    if (code == QUERN_OK && p->raw_data.len > 0) {
        memcpy(data, p->raw_data.data, p->raw_data.len);
    }
    return code;
}

enum quern_code qn_read_tensor(struct qn_reader *r, const Onnx__TensorProto *p,
                               struct quern_tensor **out_tensor)
{
    enum quern_code code = check_fields(r, p);
    if (code != QUERN_OK) {
        return code;
    }
    if (p->n_dims > QUERN_MAX_RANK) {
        return qn_reader_fail(r, QUERN_LIMIT, p->quern_offset, p->name,
                              "tensor has rank %zu, at most %d is supported",
                              p->n_dims, QUERN_MAX_RANK);
    }
    int rank = (int)p->n_dims;
    for (int i = 0; i < rank; i++) {
        if (p->dims[i] < 0) {
            return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                                  p->name,
                                  "dimension %d of the tensor is %lld, needs "
                                  "0 or more",
                                  i, (long long)p->dims[i]);
        }
    }
    enum quern_dtype dtype = (enum quern_dtype)p->data_type;
    if (p->has_data_location && p->data_location == 1) {
        code = qn_read_external(r, p, p->dims, out_tensor);
    } else if (dtype == QUERN_STRING) {
        code = p->has_raw_data || p->has_quern_raw_size
                   ? qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                                    p->name, "string tensor with raw data")
                   : read_strings(r, p, rank, p->dims, out_tensor);
    } else if (p->has_quern_raw_size) {
        code =
            qn_tensor_slice(r->context, dtype, rank, p->dims, r->bytes,
                            p->quern_raw_offset, p->quern_raw_size, out_tensor);
    } else if (p->has_raw_data) {
        code = read_small_raw(r, p, rank, p->dims, out_tensor);
    } else {
        code = read_typed(r, p, rank, p->dims, out_tensor);
    }
    if (code == QUERN_INVALID_ARGUMENT) {
        /* What is a wrong argument elsewhere is a wrong model here. */
        code = r->context->diag.error.code = QUERN_INVALID_MODEL;
    }
    if (code != QUERN_OK) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "read";
        place.file = r->path;
        place.offset = (int64_t)p->quern_offset;
        place.tensor = p->name;
        quern_error_place(r->context, &place);
    }
    return code;
}
