/* Samples out of one array. */
#include "data/array.h"

#include "ir/tensor.h"

#include <string.h>

enum {
    SMALL = 1 << 18,  /* inflated arrays up to this size are kept whole */
    WINDOW = 1 << 16, /* bytes of a file that are read at once */
};

enum quern_code qn_samples_begin(struct quern_context *context,
                                 struct qn_input *input,
                                 const struct qn_zip_entry *entry,
                                 struct qn_samples *out)
{
    unsigned char head[QN_NPY_HEADER_MOST];
    uint64_t size = entry != NULL ? entry->size : input->size;
    size_t n = input->size < sizeof head ? (size_t)input->size : sizeof head;
    enum quern_code code =
        entry != NULL
            ? qn_zip_head(context, input, entry, head, sizeof head, &n)
            : qn_input_read(input, context, 0, n, head);
    if (code == QUERN_OK) {
        code = qn_npy_parse(context, input->path, out->name, head, n, size,
                            &out->npy);
    }
    if (code == QUERN_OK) {
        out->input = qn_input_retain(input);
        out->offset = out->npy.data + (entry != NULL ? entry->at : 0);
    }
    return code;
}

/* A sample is one run of bytes as the tensor wants them. */
static bool is_dense(const struct qn_samples *s)
{
    int64_t before = 1;
    for (int i = 0; i < s->axis; i++) {
        before *= s->npy.dims[i];
    }
    return !s->npy.swap && !(s->npy.fortran && s->npy.rank > 1) && before <= 1;
}

static enum quern_code inflate_whole(struct quern_context *context,
                                     struct qn_samples *s, size_t size)
{
    if (size > context->max_memory) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "data";
        place.tensor = s->name;
        return quern_fail(context, QUERN_LIMIT, &place,
                          "array of %zu bytes exceeds the limit of %llu", size,
                          (unsigned long long)context->max_memory);
    }
    struct qn_buf *whole = qn_buf_create(size);
    if (whole == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code =
        qn_inflate_read(s->inflate, context, 0, size, whole->data);
    if (code != QUERN_OK) {
        qn_buf_release(whole);
        return code;
    }
    qn_inflate_close(&s->inflate);
    struct qn_input *input = qn_input_of(whole, s->input->path);
    qn_buf_release(whole);
    if (input == NULL) {
        return qn_no_memory(context);
    }
    qn_input_release(s->input);
    s->input = input;
    return QUERN_OK;
}

enum quern_code qn_samples_finish_open(struct quern_context *context,
                                       const struct qn_zip_entry *entry,
                                       struct qn_samples *s)
{
    if (entry == NULL) {
        return QUERN_OK;
    }
    if (entry->method == 0) {
        return qn_zip_check(context, s->input, entry);
    }
    enum quern_code code =
        qn_inflate_open(context, s->input, entry, &s->inflate);
    s->offset = s->npy.data;
    if (code == QUERN_OK && (entry->size <= SMALL || !is_dense(s))) {
        code = inflate_whole(context, s, (size_t)entry->size);
    }
    return code;
}

void qn_samples_close(struct qn_samples *s)
{
    qn_inflate_close(&s->inflate);
    qn_input_release(s->input);
    s->input = NULL;
}

/* -------------------------------------------------------------- one sample */

static void copy_element(unsigned char *out, const unsigned char *in,
                         size_t size, bool swap)
{
    for (size_t b = 0; b < size; b++) {
        out[b] = in[swap ? size - 1 - b : b];
    }
}

/* A walk over the elements of a sample in the order of the file, so that each
 * part of it is read once. */
struct walk {
    const struct qn_input *input;
    unsigned char *window; /* WINDOW bytes of the file… */
    uint64_t first, end;   /* …these */
    int rank;
    int64_t dims[QUERN_MAX_RANK]; /* outermost axis of the file first */
    int64_t from[QUERN_MAX_RANK]; /* elements from one to the next: array… */
    int64_t to[QUERN_MAX_RANK];   /* …and tensor */
};

static void plan(const struct qn_samples *s, const int64_t *dims,
                 struct walk *w)
{
    const struct qn_npy *h = &s->npy;
    int64_t from = 1;
    int64_t to[QUERN_MAX_RANK] = {0};
    int64_t stride = 1;
    for (int k = h->rank - 1; k >= 0; k--) {
        to[k] = stride;
        stride *= dims[k] > 0 ? dims[k] : 1;
    }
    w->rank = h->rank;
    for (int k = h->rank - 1; k >= 0; k--) {
        int axis = h->fortran ? h->rank - 1 - k : k;
        w->dims[k] = dims[axis];
        w->from[k] = from;
        w->to[k] = to[axis];
        from *= h->dims[axis] > 0 ? h->dims[axis] : 1;
    }
}

/* Elements before the sample along the axis of samples. */
static int64_t start_of(const struct qn_samples *s, size_t i,
                        const struct walk *w)
{
    int k = s->npy.fortran ? s->npy.rank - 1 - s->axis : s->axis;
    return s->axis >= 0 ? (int64_t)i * s->step * w->from[k] : 0;
}

/* `size` bytes of the file; NULL: reading failed. */
static const unsigned char *see(struct quern_context *context, struct walk *w,
                                uint64_t at, size_t size)
{
    if (at < w->first || at + size > w->end) {
        uint64_t left = w->input->size - at;
        size_t n = left < WINDOW ? (size_t)left : WINDOW;
        if (qn_input_read(w->input, context, at, n, w->window) != QUERN_OK) {
            return NULL;
        }
        w->first = at;
        w->end = at + n;
    }
    return w->window + (at - w->first);
}

static enum quern_code walk(struct quern_context *context,
                            const struct qn_samples *s, size_t i, int64_t len,
                            struct walk *w, unsigned char *out)
{
    const struct qn_npy *h = &s->npy;
    bool complex = h->dtype == QUERN_COMPLEX64 || h->dtype == QUERN_COMPLEX128;
    size_t size = quern_dtype_bits(h->dtype) / 8;
    size_t unit = complex ? size / 2 : size;
    int64_t place[QUERN_MAX_RANK] = {0};
    int64_t from = start_of(s, i, w);
    int64_t to = 0;
    for (int64_t k = 0; k < len; k++) {
        const unsigned char *in =
            see(context, w, s->offset + (uint64_t)from * size, size);
        if (in == NULL) {
            return QUERN_IO;
        }
        for (size_t u = 0; u < size; u += unit) {
            copy_element(out + (size_t)to * size + u, in + u, unit, h->swap);
        }
        for (int a = w->rank - 1; a >= 0; a--) {
            from += w->from[a];
            to += w->to[a];
            if (++place[a] < w->dims[a]) {
                break;
            }
            from -= w->from[a] * w->dims[a];
            to -= w->to[a] * w->dims[a];
            place[a] = 0;
        }
    }
    return QUERN_OK;
}

/* Elements one by one, to where the tensor wants them. */
static enum quern_code gather(const struct qn_samples *s,
                              struct quern_context *context, size_t i,
                              const int64_t *dims, unsigned char *out,
                              int64_t len)
{
    struct walk w = {.input = s->input, .window = qn_calloc(WINDOW)};
    if (w.window == NULL) {
        return qn_no_memory(context);
    }
    plan(s, dims, &w);
    enum quern_code code = walk(context, s, i, len, &w, out);
    qn_free(w.window);
    return code;
}

/* Bytes of the sample into a tensor of its own. */
static enum quern_code make(const struct qn_samples *s,
                            struct quern_context *context, size_t i,
                            const int64_t *dims,
                            struct quern_tensor **out_tensor)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_create(context, s->npy.dtype, s->npy.rank, dims, &t);
    if (code != QUERN_OK) {
        return code;
    }
    unsigned char *out = quern_tensor_data_mut(t);
    uint64_t at = s->offset + i * t->size;
    if (!is_dense(s)) {
        code = gather(s, context, i, dims, out, t->len);
    } else {
        code = s->inflate != NULL
                   ? qn_inflate_read(s->inflate, context, at, t->size, out)
                   : qn_input_read(s->input, context, at, t->size, out);
    }
    if (code != QUERN_OK) {
        quern_tensor_release(&t);
        return code;
    }
    *out_tensor = t;
    return QUERN_OK;
}

enum quern_code qn_samples_get(const struct qn_samples *s,
                               struct quern_context *context, size_t i,
                               struct quern_tensor **out_tensor)
{
    int64_t dims[QUERN_MAX_RANK];
    int64_t len = 0;
    size_t size = 0;
    struct qn_buf *whole = s->input->whole;
    memcpy(dims, s->npy.dims, sizeof dims);
    if (s->axis >= 0) {
        dims[s->axis] = s->step;
    } else {
        i = 0;
    }
    enum quern_code code = qn_tensor_size_of(context, s->npy.dtype, s->npy.rank,
                                             dims, &len, &size);
    if (code != QUERN_OK) {
        return code;
    }
    return whole == NULL || s->inflate != NULL || !is_dense(s)
               ? make(s, context, i, dims, out_tensor)
               : qn_tensor_slice(context, s->npy.dtype, s->npy.rank, dims,
                                 whole, (size_t)s->offset + i * size, size,
                                 out_tensor);
}

enum quern_code qn_npy_read(struct quern_context *context, const char *name,
                            struct qn_input *input,
                            struct quern_tensor **out_tensor)
{
    struct qn_samples s = {.name = name, .axis = -1};
    enum quern_code code = qn_samples_begin(context, input, NULL, &s);
    if (code == QUERN_OK) {
        code = qn_samples_get(&s, context, 0, out_tensor);
    }
    qn_samples_close(&s);
    return code;
}
