/* Examining tensors and sparse tensors: see examine.h. */
#include "base/checked.h"
#include "io/examine.h"

#include <stdio.h>
#include <string.h>

enum { EXTERNAL = 1 };

/* IR version that an element type came with. */
static int ir_of(int dtype)
{
    return dtype >= QUERN_UINT2          ? 13
           : dtype == QUERN_FLOAT8E8M0   ? 12
           : dtype == QUERN_FLOAT4E2M1   ? 11
           : dtype >= QUERN_UINT4        ? 10
           : dtype >= QUERN_FLOAT8E4M3FN ? 9
           : dtype == QUERN_BFLOAT16     ? 4
                                         : 1;
}

static bool has_raw(const Onnx__TensorProto *p)
{
    return p->has_raw_data || p->has_quern_raw_size;
}

/* A typed field that is not the one of the element type. */
static const char *wrong_field(const Onnx__TensorProto *p)
{
    static const struct {
        const char *name;
        uint32_t types; /* bit n: holds DataType n */
    } fields[] = {
        {"float_data", 1u << QUERN_FLOAT | 1u << QUERN_COMPLEX64},
        {"double_data", 1u << QUERN_DOUBLE | 1u << QUERN_COMPLEX128},
        {"int64_data", 1u << QUERN_INT64},
        {"uint64_data", 1u << QUERN_UINT32 | 1u << QUERN_UINT64},
        {"string_data", 1u << QUERN_STRING},
        {"int32_data",
         ~(1u << QUERN_FLOAT | 1u << QUERN_COMPLEX64 | 1u << QUERN_DOUBLE |
           1u << QUERN_COMPLEX128 | 1u << QUERN_INT64 | 1u << QUERN_UINT32 |
           1u << QUERN_UINT64 | 1u << QUERN_STRING)},
    };
    const size_t counts[] = {p->n_float_data,  p->n_double_data,
                             p->n_int64_data,  p->n_uint64_data,
                             p->n_string_data, p->n_int32_data};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i] > 0 &&
            (fields[i].types >> (unsigned)p->data_type & 1) == 0) {
            return fields[i].name;
        }
    }
    return NULL;
}

static void examine_external(struct qn_reader *r, const Onnx__TensorProto *p,
                             const struct quern_place *place)
{
    bool typed = p->n_float_data > 0 || p->n_double_data > 0 ||
                 p->n_int64_data > 0 || p->n_uint64_data > 0 ||
                 p->n_string_data > 0 || p->n_int32_data > 0;
    if (typed || has_raw(p)) {
        qn_find_error(r->findings, place,
                      "tensor with external data holds data in the file too");
    }
    static const char *const known[] = {"location", "offset",   "length",
                                        "checksum", "basepath", NULL};
    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key;
        key = key != NULL ? key : "";
        bool is_known = strncmp(key, "prepacked", 9) == 0;
        for (size_t k = 0; known[k] != NULL && !is_known; k++) {
            is_known = strcmp(known[k], key) == 0;
        }
        if (!is_known) {
            qn_find_warning(r->findings, place,
                            "external data has an unknown key '%s'", key);
        }
        for (size_t k = 0; k < i; k++) {
            const char *other = p->external_data[k]->key;
            if (other != NULL && strcmp(other, key) == 0) {
                qn_find_error(r->findings, place,
                              "external data has key '%s' twice", key);
            }
        }
    }
}

void qn_examine_tensor(struct qn_reader *r, const Onnx__TensorProto *p,
                       const struct quern_place *place)
{
    bool external = p->has_data_location && p->data_location == EXTERNAL;
    if (p->data_type <= 0 || p->data_type > QUERN_INT2) {
        return; /* the reader refuses it */
    }
    const char *wrong = wrong_field(p);
    if (wrong != NULL) {
        qn_find_error(r->findings, place,
                      "tensor of type %s has its data in %s",
                      quern_dtype_name((enum quern_dtype)p->data_type), wrong);
    }
    if (external) {
        examine_external(r, p, place);
    } else if (p->n_external_data > 0) {
        qn_find_warning(r->findings, place,
                        "tensor names external data, but holds its data in "
                        "the file");
    }
    if (r->model->ir_version > 0 &&
        r->model->ir_version < ir_of(p->data_type)) {
        qn_find_warning(r->findings, place,
                        "tensor type %s came with IR version %d, the model has "
                        "%lld",
                        quern_dtype_name((enum quern_dtype)p->data_type),
                        ir_of(p->data_type), (long long)r->model->ir_version);
    }
}

void qn_examine_initializer(struct qn_reader *r, const Onnx__TensorProto *p,
                            const struct quern_value *value)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = r->path;
    place.offset = (int64_t)p->quern_offset;
    place.tensor = p->name;
    if (r->model->ir_version > 0 && r->model->ir_version <= 3 &&
        !value->is_input) {
        qn_find_error(r->findings, &place,
                      "initializer is no graph input, as IR version %lld "
                      "needs it",
                      (long long)r->model->ir_version);
    }
    qn_examine_tensor(r, p, &place);
}

/* ---------------------------------------------------------------- sparse */

/* False: it cannot be read, which has been told (or the memory is exhausted:
 * the reader will find that too). */
static bool read_part(struct qn_reader *r, const Onnx__TensorProto *p,
                      struct quern_tensor **out_tensor)
{
    enum quern_code code = qn_read_tensor(r, p, out_tensor);
    if (code != QUERN_OK) {
        (void)!qn_reader_absorb(r, code);
    }
    return code == QUERN_OK;
}

/* Place of an entry in the dense tensor, row-major; -1: out of range. */
static int64_t linear(const Onnx__SparseTensorProto *p, const int64_t *index,
                      bool is_linear, int64_t dense)
{
    int64_t at = 0;
    if (is_linear) {
        return index[0] >= 0 && index[0] < dense ? index[0] : -1;
    }
    for (size_t i = 0; i < p->n_dims; i++) {
        if (index[i] < 0 || index[i] >= p->dims[i]) {
            return -1;
        }
        at = at * p->dims[i] + index[i];
    }
    return at;
}

static void examine_indices(struct qn_reader *r,
                            const Onnx__SparseTensorProto *p,
                            const struct quern_place *place,
                            const struct quern_tensor *t, int64_t n,
                            int64_t dense)
{
    int rank = quern_tensor_rank(t);
    const int64_t *dims = quern_tensor_dims(t);
    bool shaped = rank == 1 || (rank == 2 && dims[1] == (int64_t)p->n_dims);
    if (quern_tensor_dtype(t) != QUERN_INT64 || !shaped || dims[0] != n) {
        qn_find_error(r->findings, place,
                      "indices of a sparse tensor have type %s and rank %d, "
                      "need int64 of shape [%lld] or [%lld, %zu]",
                      quern_dtype_name(quern_tensor_dtype(t)), rank,
                      (long long)n, (long long)n, p->n_dims);
        return;
    }
    int64_t last = -1;
    int64_t step = rank == 1 ? 1 : dims[1];
    for (int64_t i = 0; i < n; i++) {
        int64_t index[QUERN_MAX_RANK];
        if (step > QUERN_MAX_RANK ||
            !quern_tensor_read_ints(t, i * step, step, index)) {
            return;
        }
        int64_t at = linear(p, index, rank == 1, dense);
        if (at <= last) {
            qn_find_error(r->findings, place,
                          at < 0 ? "index %lld of a sparse tensor is out of "
                                   "range"
                                 : "index %lld of a sparse tensor is not above "
                                   "the one before",
                          (long long)i);
            return;
        }
        last = at;
    }
}

void qn_examine_sparse(struct qn_reader *r, const Onnx__SparseTensorProto *p,
                       const struct quern_place *outer)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place = outer != NULL ? *outer : place;
    place.stage = "read";
    place.file = r->path;
    place.offset = (int64_t)p->quern_offset;
    if (p->values == NULL || p->values->n_dims != 1) {
        qn_find_error(r->findings, &place,
                      "sparse tensor has values of rank %zu, needs 1",
                      p->values != NULL ? p->values->n_dims : 0);
        return;
    }
    place.tensor = outer == NULL ? p->values->name : place.tensor;
    int64_t dense = 1;
    bool fits = p->n_dims > 0 && p->n_dims <= QUERN_MAX_RANK;
    for (size_t i = 0; i < p->n_dims && fits; i++) {
        fits = p->dims[i] > 0 && qn_mul_i64(dense, p->dims[i], &dense);
    }
    if (!fits) {
        qn_find_error(r->findings, &place,
                      "sparse tensor needs 1 to %d dimensions of 1 or more",
                      QUERN_MAX_RANK);
        return;
    }
    struct quern_tensor *values = NULL;
    struct quern_tensor *indices = NULL;
    qn_examine_tensor(r, p->values, &place);
    bool good = read_part(r, p->values, &values);
    if (p->indices != NULL) {
        good = good && read_part(r, p->indices, &indices);
    } else if (good && quern_tensor_len(values) > 0) {
        qn_find_error(r->findings, &place, "sparse tensor has no indices");
    }
    if (good && indices != NULL) {
        examine_indices(r, p, &place, indices, quern_tensor_len(values), dense);
    }
    quern_tensor_release(&values);
    quern_tensor_release(&indices);
}
