/* Tensors: making, sharing, comparing. Reading and casting: tensor_read.c. */
#include "ir/tensor.h"

#include <quern/run.h>

#include "base/alloc.h"
#include "base/checked.h"

#include <string.h>

enum quern_code qn_tensor_size_of(struct quern_context *context,
                                  enum quern_dtype dtype, int rank,
                                  const int64_t *dims, int64_t *out_len,
                                  size_t *out_size)
{
    if (rank < 0 || rank > QUERN_MAX_RANK) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "tensor has rank %d, at most %d is supported", rank,
                          QUERN_MAX_RANK);
    }
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "dimension %d of a tensor is %lld, needs 0 or "
                              "more",
                              i, (long long)dims[i]);
        }
    }
    if (!qn_shape_len(rank, dims, out_len) ||
        !qn_packed_size(*out_len, quern_dtype_bits(dtype), out_size)) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "number of elements of a tensor overflows");
    }
    return QUERN_OK;
}

void qn_tensor_init(struct quern_tensor *t, enum quern_dtype dtype, int rank,
                    const int64_t *dims, int64_t len)
{
    atomic_init(&t->count, 1);
    t->dtype = dtype;
    t->rank = rank;
    t->len = len;
    if (rank > 0) {
        memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
    }
}

static struct quern_tensor *alloc(enum quern_dtype dtype, int rank,
                                  const int64_t *dims, int64_t len)
{
    struct quern_tensor *t = qn_calloc(sizeof *t + (size_t)rank * sizeof *dims);
    if (t != NULL) {
        qn_tensor_init(t, dtype, rank, dims, len);
    }
    return t;
}

/* Takes one count of the buffer. */
static enum quern_code finish(struct quern_context *context,
                              struct quern_tensor *t, struct qn_buf *buf,
                              size_t offset, size_t size,
                              struct quern_tensor **out_tensor)
{
    if (t == NULL || buf == NULL) {
        qn_free(t);
        qn_buf_release(buf);
        return qn_no_memory(context);
    }
    t->buf = buf;
    t->data = buf->data + offset;
    t->size = size;
    *out_tensor = t;
    return QUERN_OK;
}

/* ------------------------------------------------------------- creating */

enum quern_code qn_tensor_check_new(struct quern_context *context,
                                    enum quern_dtype dtype, int rank,
                                    const int64_t *dims, int64_t *out_len,
                                    size_t *out_size)
{
    enum quern_code code =
        qn_tensor_size_of(context, dtype, rank, dims, out_len, out_size);
    if (code != QUERN_OK) {
        return code;
    }
    if (quern_dtype_bits(dtype) == 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "tensor of type %s has no bytes",
                          quern_dtype_name(dtype));
    }
    return *out_size <= context->max_memory
               ? QUERN_OK
               : quern_fail(context, QUERN_LIMIT, NULL,
                            "tensor needs %zu bytes, limit is %llu", *out_size,
                            (unsigned long long)context->max_memory);
}

static enum quern_code create(struct quern_context *context,
                              enum quern_dtype dtype, int rank,
                              const int64_t *dims,
                              struct qn_buf *(*new_buf)(size_t size),
                              struct quern_tensor **out_tensor)
{
    int64_t len = 0;
    size_t size = 0;
    enum quern_code code =
        qn_tensor_check_new(context, dtype, rank, dims, &len, &size);
    if (code != QUERN_OK) {
        return code;
    }
    if (size <= QN_TENSOR_SMALL) {
        struct quern_tensor *t = qn_tensor_small(dtype, rank, dims, len, size);
        *out_tensor = t != NULL ? t : *out_tensor;
        return t != NULL ? QUERN_OK : qn_no_memory(context);
    }
    return finish(context, alloc(dtype, rank, dims, len), new_buf(size), 0,
                  size, out_tensor);
}

enum quern_code quern_tensor_create(struct quern_context *context,
                                    enum quern_dtype dtype, int rank,
                                    const int64_t *dims,
                                    struct quern_tensor **out_tensor)
{
    return create(context, dtype, rank, dims, qn_buf_create, out_tensor);
}

enum quern_code qn_tensor_check_bytes(struct quern_context *context,
                                      enum quern_dtype dtype, int rank,
                                      const int64_t *dims, size_t found,
                                      int64_t *out_len)
{
    size_t needed = 0;
    enum quern_code code =
        qn_tensor_size_of(context, dtype, rank, dims, out_len, &needed);
    if (code != QUERN_OK || found == needed) {
        return code;
    }
    return quern_fail(context, QUERN_MALFORMED, NULL,
                      "tensor of type %s has %zu bytes, its shape needs %zu",
                      quern_dtype_name(dtype), found, needed);
}

enum quern_code quern_tensor_wrap(struct quern_context *context,
                                  enum quern_dtype dtype, int rank,
                                  const int64_t *dims, void *data, size_t size,
                                  quern_release_fn release, void *user,
                                  struct quern_tensor **out_tensor)
{
    int64_t len = 0;
    enum quern_code code =
        qn_tensor_check_bytes(context, dtype, rank, dims, size, &len);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_tensor *t = alloc(dtype, rank, dims, len);
    struct qn_buf *buf =
        t != NULL ? qn_buf_wrap(data, size, release, user) : NULL;
    return finish(context, t, buf, 0, size, out_tensor);
}

enum quern_code qn_tensor_slice(struct quern_context *context,
                                enum quern_dtype dtype, int rank,
                                const int64_t *dims, struct qn_buf *buf,
                                size_t offset, size_t size,
                                struct quern_tensor **out_tensor)
{
    int64_t len = 0;
    enum quern_code code =
        qn_tensor_check_bytes(context, dtype, rank, dims, size, &len);
    if (code != QUERN_OK) {
        return code;
    }
    return finish(context, alloc(dtype, rank, dims, len), qn_buf_retain(buf),
                  offset, size, out_tensor);
}

enum quern_code qn_tensor_strings(struct quern_context *context, int rank,
                                  const int64_t *dims,
                                  const struct qn_string *strings, size_t n,
                                  struct quern_tensor **out_tensor)
{
    int64_t len = 0;
    size_t size = 0;
    size_t total = 0;
    enum quern_code code =
        qn_tensor_size_of(context, QUERN_STRING, rank, dims, &len, &size);
    if (code != QUERN_OK) {
        return code;
    }
    if ((uint64_t)len != n) {
        return quern_fail(context, QUERN_MALFORMED, NULL,
                          "tensor has %zu strings, its shape needs %lld", n,
                          (long long)len);
    }
    bool fits = qn_mul(n, sizeof *strings, &total);
    for (size_t i = 0; i < n && fits; i++) {
        fits = qn_add(total, strings[i].size, &total);
    }
    struct qn_buf *buf = fits ? qn_buf_create(total) : NULL;
    struct quern_tensor *t =
        buf != NULL ? alloc(QUERN_STRING, rank, dims, len) : NULL;
    if (t != NULL) {
        struct qn_string *copy = (struct qn_string *)(void *)buf->data;
        char *bytes = (char *)(copy + n);
        for (size_t i = 0; i < n; i++) {
            copy[i] = (struct qn_string){bytes, strings[i].size};
            if (strings[i].size > 0) {
                memcpy(bytes, strings[i].bytes, strings[i].size);
            }
            bytes += strings[i].size;
        }
        t->strings = copy;
    }
    return finish(context, t, buf, 0, 0, out_tensor);
}

/* ------------------------------------------------------------------ lists */

/* `items` ends with NULL. */
static void release_items(void *user, void *data)
{
    struct quern_tensor **items = data;
    (void)user;
    for (size_t i = 0; items[i] != NULL; i++) {
        quern_tensor_release(&items[i]);
    }
    qn_free(items);
}

enum quern_code quern_tensor_of_items(struct quern_context *context,
                                      struct quern_tensor *const *items,
                                      size_t n,
                                      struct quern_tensor **out_tensor)
{
    int64_t len = items != NULL ? (int64_t)n : 0;
    for (int64_t i = 0; i < len; i++) {
        if (items[i] == NULL || items[i]->is_list) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "item %lld of a list is %s, needs a tensor",
                              (long long)i,
                              items[i] == NULL ? "missing" : "a list itself");
        }
    }
    struct quern_tensor **copy =
        qn_calloc_n((size_t)len + 1, sizeof(struct quern_tensor *));
    for (int64_t i = 0; copy != NULL && i < len; i++) {
        copy[i] = quern_tensor_retain(items[i]);
    }
    struct quern_tensor *t = alloc(QUERN_UNDEFINED, 1, &len, len);
    struct qn_buf *buf = copy != NULL && t != NULL
                             ? qn_buf_wrap(copy, 0, release_items, NULL)
                             : NULL;
    if (buf == NULL && copy != NULL) {
        release_items(NULL, copy);
    } else if (buf != NULL) {
        t->items = items != NULL ? copy : NULL;
        t->is_list = true;
    }
    return finish(context, t, buf, 0, 0, out_tensor);
}

bool quern_tensor_is_list(const struct quern_tensor *tensor)
{
    return tensor->is_list;
}

bool quern_tensor_is_nothing(const struct quern_tensor *tensor)
{
    return tensor->is_list && tensor->items == NULL;
}

struct quern_tensor *quern_tensor_item(const struct quern_tensor *list,
                                       size_t i)
{
    return list->items != NULL && i < (size_t)list->len ? list->items[i] : NULL;
}

/* A list of `len` elements; len < 0: one element of rank 0. */
static enum quern_code of_values(struct quern_context *context,
                                 enum quern_dtype dtype, int64_t len,
                                 const void *values,
                                 struct quern_tensor **out_tensor)
{
    int64_t n = len < 0 ? 1 : len;
    enum quern_code code =
        quern_tensor_create(context, dtype, len < 0 ? 0 : 1, &n, out_tensor);
    if (code == QUERN_OK && n > 0) {
        memcpy(quern_tensor_data_mut(*out_tensor), values, (*out_tensor)->size);
    }
    return code;
}

enum quern_code quern_tensor_of_floats(struct quern_context *context,
                                       int64_t len, const float *values,
                                       struct quern_tensor **out_tensor)
{
    return of_values(context, QUERN_FLOAT, len, values, out_tensor);
}

enum quern_code quern_tensor_of_ints(struct quern_context *context, int64_t len,
                                     const int64_t *values,
                                     struct quern_tensor **out_tensor)
{
    return of_values(context, QUERN_INT64, len, values, out_tensor);
}

enum quern_code quern_tensor_reshape(struct quern_tensor *tensor, int rank,
                                     const int64_t *dims,
                                     struct quern_tensor **out_tensor)
{
    int64_t len = 0;
    if (rank < 0 || rank > QUERN_MAX_RANK || !qn_shape_len(rank, dims, &len) ||
        len != tensor->len || tensor->is_list) {
        return QUERN_INVALID_ARGUMENT;
    }
    struct quern_tensor *t = alloc(tensor->dtype, rank, dims, len);
    if (t == NULL) {
        return QUERN_NO_MEMORY;
    }
    t->buf = qn_buf_retain(tensor->buf);
    t->data = tensor->data;
    t->size = tensor->size;
    t->strings = tensor->strings;
    *out_tensor = t;
    return QUERN_OK;
}

struct quern_tensor *quern_tensor_retain(struct quern_tensor *tensor)
{
    if (tensor != NULL) {
        atomic_fetch_add_explicit(&tensor->count, 1, memory_order_relaxed);
    }
    return tensor;
}

void quern_tensor_release(struct quern_tensor **tensor)
{
    struct quern_tensor *t = tensor != NULL ? *tensor : NULL;
    if (t == NULL) {
        return;
    }
    *tensor = NULL;
    if (atomic_fetch_sub_explicit(&t->count, 1, memory_order_acq_rel) == 1) {
        struct quern_tensor *apart = t->inside ? NULL : t;
        qn_buf_release(t->buf);
        qn_free(apart);
    }
}

enum quern_dtype quern_tensor_dtype(const struct quern_tensor *tensor)
{
    return tensor->dtype;
}

int quern_tensor_rank(const struct quern_tensor *tensor)
{
    return tensor->rank;
}

const int64_t *quern_tensor_dims(const struct quern_tensor *tensor)
{
    return tensor->dims;
}

int64_t quern_tensor_len(const struct quern_tensor *tensor)
{
    return tensor->len;
}

size_t quern_tensor_size(const struct quern_tensor *tensor)
{
    return tensor->size;
}

const void *quern_tensor_data(const struct quern_tensor *tensor)
{
    return tensor->size > 0 ? tensor->data : NULL;
}

void quern_tensor_forget(const struct quern_tensor *tensor)
{
    if (tensor->size > 0) {
        qn_buf_forget(tensor->buf, (size_t)(tensor->data - tensor->buf->data),
                      tensor->size);
    }
}

void *quern_tensor_data_mut(struct quern_tensor *tensor)
{
    struct qn_buf *buf = tensor->buf;
    bool alone = atomic_load(&tensor->count) == 1 && buf->owned &&
                 atomic_load(&buf->count) == 1 && tensor->strings == NULL;
    return alone ? buf->data + (tensor->data - buf->data) : NULL;
}

bool quern_tensor_string(const struct quern_tensor *tensor, int64_t i,
                         const char **out_bytes, size_t *out_size)
{
    if (tensor->strings == NULL || i < 0 || i >= tensor->len) {
        return false;
    }
    *out_bytes = tensor->strings[i].bytes;
    *out_size = tensor->strings[i].size;
    return true;
}

bool quern_tensor_equal(const struct quern_tensor *a,
                        const struct quern_tensor *b)
{
    if (a == b) {
        return true;
    }
    if (a->is_list || b->is_list) {
        bool same = a->is_list && b->is_list && a->len == b->len &&
                    (a->items == NULL) == (b->items == NULL);
        for (int64_t i = 0; same && i < a->len; i++) { /* no lists inside */
            same = quern_tensor_equal(a->items[i], b->items[i]);
        }
        return same;
    }
    if (a->dtype != b->dtype || a->rank != b->rank || a->size != b->size ||
        (a->rank > 0 &&
         memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0)) {
        return false;
    }
    for (int64_t i = 0; a->strings != NULL && i < a->len; i++) {
        if (a->strings[i].size != b->strings[i].size ||
            memcmp(a->strings[i].bytes, b->strings[i].bytes,
                   a->strings[i].size) != 0) {
            return false;
        }
    }
    return a->size == 0 || a->data == b->data ||
           memcmp(a->data, b->data, a->size) == 0;
}

enum quern_code quern_tensor_align(struct quern_context *context,
                                   struct quern_tensor *tensor,
                                   struct quern_tensor **out_tensor)
{
    if (tensor->size == 0 || ((uintptr_t)tensor->data & 63) == 0) {
        *out_tensor = quern_tensor_retain(tensor);
        return QUERN_OK;
    }
    enum quern_code code = create(context, tensor->dtype, tensor->rank,
                                  tensor->dims, qn_buf_create_room, out_tensor);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(*out_tensor), tensor->data, tensor->size);
    }
    return code;
}
