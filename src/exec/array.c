/* Arrays while a graph runs. */
#include "exec/array.h"

#include "base/alloc.h"

#include <string.h>

/* Up to a multiple of 64; what has no such multiple fits no limit either. */
static size_t rounded(size_t size)
{
    const size_t most = SIZE_MAX & ~(size_t)63;
    return size == 0 ? 64 : size > most ? most : (size + 63) & ~(size_t)63;
}

static bool fits(const struct qn_chunk *c, size_t size)
{
    /* One that is far too large is kept for those who need it. */
    return c->size >= size && c->size <= 2 * size + 4096;
}

static void unlink_chunk(struct qn_chunks *chunks, struct qn_chunk *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        chunks->free = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    c->count = 1;
}

struct qn_chunk *qn_chunk_reuse(struct qn_chunks *chunks, size_t size,
                                struct qn_chunk *wanted)
{
    size = rounded(size);
    struct qn_chunk *best = NULL;
    if (wanted != NULL && wanted->count == 0 && fits(wanted, size)) {
        unlink_chunk(chunks, wanted);
        return wanted;
    }
    for (struct qn_chunk *c = chunks->free; c != NULL; c = c->next) {
        if (fits(c, size) && (best == NULL || c->size < best->size)) {
            best = c;
        }
    }
    if (best != NULL) {
        unlink_chunk(chunks, best);
    }
    return best;
}

struct qn_chunk *qn_chunk_new(struct qn_chunks *chunks, size_t size)
{
    size = rounded(size);
    if (size > chunks->limit - chunks->total) {
        return NULL;
    }
    struct qn_chunk *chunk = qn_calloc(sizeof *chunk);
    unsigned char *data = chunk != NULL ? qn_alloc_aligned(size) : NULL;
    if (data == NULL) {
        qn_free(chunk);
        return NULL;
    }
    chunk->data = data;
    chunk->size = size;
    chunk->count = 1;
    chunks->total += size;
    return chunk;
}

void qn_chunk_put(struct qn_chunks *chunks, struct qn_chunk *chunk)
{
    if (chunk == NULL || --chunk->count > 0) {
        return;
    }
    size_t n_items = chunk->n_items;
    chunk->n_items = 0;
    for (size_t i = 0; i < n_items; i++) { /* none of which is a sequence */
        qn_chunk_put(chunks,
                     ((const struct qn_array *)(void *)chunk->data)[i].chunk);
    }
    chunk->prev = NULL;
    chunk->next = chunks->free;
    if (chunk->next != NULL) {
        chunk->next->prev = chunk;
    }
    chunks->free = chunk;
}

void qn_chunks_trim(struct qn_chunks *chunks)
{
    while (chunks->free != NULL) {
        struct qn_chunk *next = chunks->free->next;
        chunks->total -= chunks->free->size;
        qn_free(chunks->free->data);
        qn_free(chunks->free);
        chunks->free = next;
    }
}

void qn_chunks_finish(struct qn_chunks *chunks)
{
    qn_chunks_trim(chunks);
    chunks->total = 0;
}

size_t qn_element_size(enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    return bits < 8 ? 1 : bits / 8;
}

bool qn_dims_can_loop(int rank, const int64_t *dims)
{
    const int64_t most = INT64_C(1) << 31;
    int64_t n = 1;
    bool is_empty = false;
    bool is_small = true;
    for (int i = 0; i < rank; i++) {
        is_empty = is_empty || dims[i] == 0;
        is_small = is_small && (dims[i] == 0 || dims[i] <= most / n);
        n = is_small && dims[i] > 0 ? n * dims[i] : n;
    }
    return is_small || !is_empty;
}

void qn_array_pack_strides(struct qn_array *array)
{
    int64_t stride = 1;
    for (int i = array->rank - 1; i >= 0; i--) {
        array->strides[i] = stride;
        stride *= array->dims[i] > 0 ? array->dims[i] : 1;
    }
}

void qn_array_channels_last_strides(struct qn_array *array)
{
    int64_t stride = 1;
    if (array->rank < 3) {
        qn_array_pack_strides(array);
        return;
    }
    array->strides[1] = 1;
    stride = array->dims[1] > 0 ? array->dims[1] : 1;
    for (int i = array->rank - 1; i >= 0; i--) {
        if (i != 1) {
            array->strides[i] = stride;
            stride *= array->dims[i] > 0 ? array->dims[i] : 1;
        }
    }
}

bool qn_array_is_channels_last(const struct qn_array *array)
{
    struct qn_array like = *array;
    qn_array_channels_last_strides(&like);
    return array->len == 0 || qn_array_same_layout(&like, array);
}

bool qn_array_is_packed(const struct qn_array *array)
{
    int64_t stride = 1;
    for (int i = array->rank - 1; i >= 0; i--) {
        if (array->dims[i] != 1 && array->strides[i] != stride) {
            return array->len == 0;
        }
        stride *= array->dims[i];
    }
    return true;
}

bool qn_array_is_dense(const struct qn_array *array)
{
    int64_t reach = 1; /* last element + 1 if nothing overlaps */
    for (int i = 0; i < array->rank; i++) {
        if (array->dims[i] > 1 && array->strides[i] <= 0) {
            return false;
        }
        reach +=
            array->dims[i] > 1 ? (array->dims[i] - 1) * array->strides[i] : 0;
    }
    if (reach != array->len) {
        return false;
    }
    /* Without gaps; without overlap when each stride is reached by the axes
     * below it. */
    int64_t stride = 1;
    for (int n = 0; n < array->rank; n++) {
        bool found = stride == array->len;
        for (int i = 0; i < array->rank && !found; i++) {
            if (array->dims[i] > 1 && array->strides[i] == stride) {
                stride *= array->dims[i];
                found = true;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

bool qn_array_same_layout(const struct qn_array *a, const struct qn_array *b)
{
    if (a->rank != b->rank) {
        return false;
    }
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i] ||
            (a->dims[i] > 1 && a->strides[i] != b->strides[i])) {
            return false;
        }
    }
    return true;
}

/* Copy rows of `n` elements of `size` bytes with strides. */
static void copy_row(unsigned char *to, int64_t to_step,
                     const unsigned char *from, int64_t from_step, int64_t n,
                     size_t size)
{
    if (to_step == 1 && from_step == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    if (size == 4) {
        for (int64_t i = 0; i < n; i++) {
            memcpy(to + i * to_step * 4, from + i * from_step * 4, 4);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(to + (size_t)(i * to_step) * size,
               from + i * from_step * (int64_t)size, size);
    }
}

/* Axes of a copy, in the order of descending strides of the destination, and
 * neighbours that run on joined. */
struct axes {
    int n;
    int64_t dims[QUERN_MAX_RANK];
    int64_t to[QUERN_MAX_RANK];
    int64_t from[QUERN_MAX_RANK];
};

static struct axes join_axes(const struct qn_array *to,
                             const struct qn_array *from)
{
    struct axes a = {0};
    int order[QUERN_MAX_RANK];
    int n = 0;
    for (int i = 0; i < to->rank; i++) {
        if (to->dims[i] == 1) {
            continue;
        }
        int k = n++;
        for (; k > 0 && to->strides[order[k - 1]] < to->strides[i]; k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (int k = 0; k < n; k++) {
        int i = order[k];
        bool runs_on = a.n > 0 &&
                       a.to[a.n - 1] == to->strides[i] * to->dims[i] &&
                       a.from[a.n - 1] == from->strides[i] * to->dims[i];
        if (!runs_on) {
            a.dims[a.n++] = 1;
        }
        a.dims[a.n - 1] *= to->dims[i];
        a.to[a.n - 1] = to->strides[i];
        a.from[a.n - 1] = from->strides[i];
    }
    return a;
}

void qn_array_copy(const struct qn_array *to, const struct qn_array *from)
{
    int64_t size = (int64_t)qn_element_size(to->dtype);
    struct axes a = join_axes(to, from);
    int64_t index[QUERN_MAX_RANK] = {0};
    if (to->len == 0) {
        return;
    }
    int inner = a.n - 1;
    unsigned char *out = to->data;
    const unsigned char *in = from->data;
    for (;;) {
        if (a.n == 0) {
            memcpy(out, in, (size_t)size);
            return;
        }
        copy_row(out, a.to[inner], in, a.from[inner], a.dims[inner],
                 (size_t)size);
        int i = inner - 1;
        for (; i >= 0; i--) {
            out += a.to[i] * size;
            in += a.from[i] * size;
            if (++index[i] < a.dims[i]) {
                break;
            }
            index[i] = 0;
            out -= a.to[i] * a.dims[i] * size;
            in -= a.from[i] * a.dims[i] * size;
        }
        if (i < 0) {
            return;
        }
    }
}
