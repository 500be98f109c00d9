/* Running programs, and what kernels may ask. */
#include <quern/run.h>

#include "base/checked.h"
#include "exec/op.h"
#include "exec/sequence.h"
#include "exec/widen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const struct qn_array *qn_in(const struct qn_run *run, const struct qn_op *op,
                             int i)
{
    return i < op->n_in && op->in[i] >= 0 ? &run->slots[op->in[i]] : NULL;
}

void qn_slot_drop(struct qn_run *run, int slot)
{
    struct qn_array *a = &run->slots[slot];
    if (a->set && a->chunk != NULL) {
        qn_chunk_put(&run->chunks, a->chunk);
    }
    a->set = false;
    a->chunk = NULL;
}

/* Remember what the operator took; false: no memory. */
static bool note_taken(struct qn_taken *t, struct qn_chunk *chunk)
{
    if (t->next == t->room) {
        int room = 2 * t->room + 4;
        struct qn_chunk **grown =
            qn_realloc_n(t->chunks, (size_t)room, sizeof(struct qn_chunk *));
        if (grown == NULL) {
            return false;
        }
        t->chunks = grown;
        t->room = room;
    }
    t->chunks[t->next++] = chunk;
    t->n = t->next > t->n ? t->next : t->n;
    return true;
}

static void forget_taken(struct qn_run *run)
{
    for (int i = 0; run->taken != NULL && i < run->engine->n_ops; i++) {
        run->taken[i].n = run->taken[i].next = 0;
    }
}

static struct qn_chunk *take(struct qn_run *run, struct qn_taken *t,
                             size_t size)
{
    struct qn_chunk *wanted =
        t != NULL && t->next < t->n ? t->chunks[t->next] : NULL;
    struct qn_chunk *chunk =
        run->fresh ? NULL : qn_chunk_reuse(&run->chunks, size, wanted);
    if (chunk == NULL) {
        chunk = qn_chunk_new(&run->chunks, size);
    }
    if (chunk == NULL && run->chunks.free != NULL) {
        forget_taken(run);
        qn_chunks_trim(&run->chunks);
        chunk = qn_chunk_new(&run->chunks, size);
    }
    if (chunk != NULL && t != NULL && !note_taken(t, chunk)) {
        qn_chunk_put(&run->chunks, chunk);
        return NULL;
    }
    return chunk;
}

struct qn_chunk *qn_scratch(struct qn_run *run, size_t size)
{
    struct qn_taken *t =
        run->taken != NULL && run->at >= 0 ? &run->taken[run->at] : NULL;
    struct qn_chunk *chunk = take(run, t, size);
    if (chunk != NULL) {
        return chunk;
    }
    if (size > run->chunks.limit - run->chunks.total) {
        (void)!quern_fail(run->context, QUERN_LIMIT, NULL,
                          "run needs %zu bytes more than the limit of %llu",
                          size, (unsigned long long)run->chunks.limit);
        return NULL;
    }
    (void)!qn_no_memory(run->context);
    return NULL;
}

static enum quern_code no_room(const struct qn_run *run)
{
    return run->context->diag.has_error ? run->context->diag.error.code
                                        : QUERN_NO_MEMORY;
}

/* Input i copied into another layout; the copy takes its place in the slot. */
static const struct qn_array *relayout(struct qn_run *run,
                                       const struct qn_op *op, int i,
                                       void (*set_strides)(struct qn_array *))
{
    const struct qn_array *a = qn_in(run, op, i);
    struct qn_array copy = *a;
    copy.chunk = qn_scratch(run, (size_t)a->len * qn_element_size(a->dtype));
    if (copy.chunk == NULL) {
        return NULL;
    }
    copy.data = copy.chunk->data;
    set_strides(&copy);
    qn_array_copy(&copy, a);
    qn_slot_drop(run, op->in[i]);
    run->slots[op->in[i]] = copy;
    return &run->slots[op->in[i]];
}

/* Input i in a layout. Where it lies so already, strides of axes of length 1
 * still may be any, as views left them: they become those of the layout, since
 * kernels count by them. */
static const struct qn_array *laid_out(struct qn_run *run,
                                       const struct qn_op *op, int i,
                                       bool (*fits)(const struct qn_array *),
                                       void (*set_strides)(struct qn_array *))
{
    const struct qn_array *a = qn_in(run, op, i);
    if (a == NULL) {
        return NULL;
    }
    if (!fits(a)) {
        return relayout(run, op, i, set_strides);
    }
    set_strides(&run->slots[op->in[i]]);
    return a;
}

const struct qn_array *qn_in_packed(struct qn_run *run, const struct qn_op *op,
                                    int i)
{
    return laid_out(run, op, i, qn_array_is_packed, qn_array_pack_strides);
}

const struct qn_array *qn_in_dense(struct qn_run *run, const struct qn_op *op,
                                   int i)
{
    const struct qn_array *a = qn_in(run, op, i);
    return a == NULL || qn_array_is_dense(a) ? a : qn_in_packed(run, op, i);
}

const struct qn_array *qn_in_channels_last(struct qn_run *run,
                                           const struct qn_op *op, int i)
{
    return laid_out(run, op, i, qn_array_is_channels_last,
                    qn_array_channels_last_strides);
}

bool qn_in_is_free(const struct qn_run *run, const struct qn_op *op, int i)
{
    const struct qn_array *a = qn_in(run, op, i);
    return i < 64 && (op->dies >> i & 1) != 0 && a->chunk != NULL &&
           a->chunk->count == 1;
}

enum quern_code qn_op_fail(struct qn_run *run, const struct qn_op *op,
                           enum quern_code code, const char *format, ...)
{
    char text[384];
    va_list args;
    if (run->context->diag.has_error) {
        return run->context->diag.error.code; /* the cause of this one */
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* The node's place is built with the model's context, which other workers
     * may use: only names that last are taken. */
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "run";
    place.node = op->node->name;
    place.op = op->node->op;
    place.node_id = (int64_t)op->node->id;
    return quern_fail(run->context, code, &place, "%s", text);
}

enum quern_code qn_op_missing(struct qn_run *run, const struct qn_op *op)
{
    return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                      "an input or attribute is missing or malformed");
}

enum quern_code qn_out(struct qn_run *run, const struct qn_op *op, int i,
                       enum quern_dtype dtype, int rank, const int64_t *dims,
                       struct qn_array **out_array)
{
    *out_array = NULL;
    if (i >= op->n_out || op->out[i] < 0) {
        return QUERN_OK;
    }
    struct qn_array a = {.set = true, .dtype = dtype, .rank = rank};
    size_t size = 0;
    if (rank > QUERN_MAX_RANK || !qn_shape_len(rank, dims, &a.len) ||
        !qn_dims_can_loop(rank, dims) ||
        !qn_mul((size_t)a.len, qn_element_size(dtype), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT,
                          "output %d has rank %d or a size that overflows", i,
                          rank);
    }
    if (rank > 0) {
        memcpy(a.dims, dims, (size_t)rank * sizeof *dims);
    }
    qn_array_pack_strides(&a);
    a.chunk = qn_scratch(run, size);
    if (a.chunk == NULL) {
        return no_room(run);
    }
    a.data = a.chunk->data;
    run->slots[op->out[i]] = a;
    *out_array = &run->slots[op->out[i]];
    return QUERN_OK;
}

enum quern_code qn_out_like(struct qn_run *run, const struct qn_op *op, int i,
                            enum quern_dtype dtype, const struct qn_array *like,
                            struct qn_array **out_array)
{
    enum quern_code code =
        qn_out(run, op, i, dtype, like->rank, like->dims, out_array);
    if (code == QUERN_OK && *out_array != NULL && qn_array_is_dense(like)) {
        memcpy((*out_array)->strides, like->strides, sizeof like->strides);
    }
    return code;
}

enum quern_code qn_out_channels_last(struct qn_run *run, const struct qn_op *op,
                                     int i, enum quern_dtype dtype, int rank,
                                     const int64_t *dims,
                                     struct qn_array **out_array)
{
    enum quern_code code = qn_out(run, op, i, dtype, rank, dims, out_array);
    if (code == QUERN_OK && *out_array != NULL) {
        qn_array_channels_last_strides(*out_array);
    }
    return code;
}

enum quern_code qn_out_over(struct qn_run *run, const struct qn_op *op, int i,
                            struct qn_array **out_array)
{
    const struct qn_array *a = qn_in(run, op, i);
    *out_array = NULL;
    if (op->out[0] < 0) {
        return QUERN_OK;
    }
    if (!qn_in_is_free(run, op, i) || !qn_array_is_dense(a)) {
        return qn_out_like(run, op, 0, a->dtype, a, out_array);
    }
    enum quern_code code = qn_out_view(run, op, 0, a, a);
    *out_array = &run->slots[op->out[0]];
    return code;
}

enum quern_code qn_out_view(struct qn_run *run, const struct qn_op *op, int i,
                            const struct qn_array *of,
                            const struct qn_array *view)
{
    if (i >= op->n_out || op->out[i] < 0) {
        return QUERN_OK;
    }
    struct qn_array a = *view;
    size_t size = 0;
    /* A view of a few bytes can claim any number of elements. */
    if (!a.is_sequence &&
        (!qn_shape_len(a.rank, a.dims, &a.len) ||
         !qn_dims_can_loop(a.rank, a.dims) ||
         !qn_mul((size_t)a.len, qn_element_size(a.dtype), &size))) {
        return qn_op_fail(run, op, QUERN_LIMIT,
                          "output %d has a size that overflows", i);
    }
    a.set = true;
    a.chunk = of->chunk;
    if (a.chunk != NULL) {
        a.chunk->count++;
    }
    run->slots[op->out[i]] = a;
    return QUERN_OK;
}

bool qn_is_index_type(enum quern_dtype dtype)
{
    return dtype == QUERN_INT64 || dtype == QUERN_INT32;
}

int64_t qn_array_int(const struct qn_array *array, int64_t i)
{
    const unsigned char *p = array->data;
    switch ((int)array->dtype) {
    case QUERN_INT64:
    case QUERN_UINT64:
        return ((const int64_t *)(const void *)p)[i];
    case QUERN_INT32:
        return ((const int32_t *)(const void *)p)[i];
    case QUERN_UINT32:
        return ((const uint32_t *)(const void *)p)[i];
    case QUERN_INT16:
        return ((const int16_t *)(const void *)p)[i];
    case QUERN_UINT16:
        return ((const uint16_t *)(const void *)p)[i];
    case QUERN_INT8:
    case QUERN_INT4:
    case QUERN_INT2:
        return ((const int8_t *)p)[i];
    default:
        return p[i]; /* uint8, bool, unpacked uint4 */
    }
}

int qn_in_ints(struct qn_run *run, const struct qn_op *op, int i, int64_t *out)
{
    const struct qn_array *a = qn_in_packed(run, op, i);
    if (a == NULL || !qn_is_index_type(a->dtype) ||
        a->len > 2 * QUERN_MAX_RANK) {
        (void)!qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "input %d must be at most %d integers", i,
                          2 * QUERN_MAX_RANK);
        return -1;
    }
    for (int64_t k = 0; k < a->len; k++) {
        out[k] = qn_array_int(a, k);
    }
    return (int)a->len;
}

int qn_ints(struct qn_run *run, const struct qn_op *op, const char *attribute,
            int input, int64_t *out)
{
    const int64_t *values = NULL;
    size_t n = 0;
    if (input >= 0 && qn_in(run, op, input) != NULL) {
        return qn_in_ints(run, op, input, out);
    }
    if (quern_node_attr_ints(op->node, attribute, &values, &n) != QUERN_OK) {
        return -2;
    }
    if (n > 2 * QUERN_MAX_RANK) {
        (void)!qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "attribute '%s' has %zu integers, at most %d fit",
                          attribute, n, 2 * QUERN_MAX_RANK);
        return -1;
    }
    memcpy(out, values, n * sizeof *out);
    return (int)n;
}

int qn_axis(struct qn_run *run, const struct qn_op *op, int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank) {
        (void)!qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "axis %lld lies outside rank %d", (long long)axis,
                          rank);
        return -1;
    }
    return (int)(axis < 0 ? axis + rank : axis);
}

int64_t qn_index(struct qn_run *run, const struct qn_op *op, int64_t index,
                 int64_t dim)
{
    if (index < -dim || index >= dim) {
        (void)!qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "index %lld lies outside %lld elements",
                          (long long)index, (long long)dim);
        return -1;
    }
    return index < 0 ? index + dim : index;
}

/* --------------------------------------------------------------- caches */

struct qn_cache *qn_cache_get(struct qn_run *run, const struct qn_op *op,
                              size_t size,
                              void (*release)(struct quern_engine *engine,
                                              struct qn_cache *cache))
{
    struct qn_cache *cache = run->caches[op->number];
    if (cache == NULL) {
        cache = qn_calloc(size);
        if (cache == NULL) {
            (void)!qn_no_memory(run->context);
            return NULL;
        }
        cache->release = release;
        run->caches[op->number] = cache;
    }
    return cache;
}

void qn_caches_finish(struct qn_run *run)
{
    for (int i = 0; run->caches != NULL && i < run->engine->n_ops; i++) {
        if (run->caches[i] != NULL) {
            run->caches[i]->release(run->engine, run->caches[i]);
        }
    }
    qn_free(run->caches);
}

/* -------------------------------------------------------------- running */

static enum quern_code show(struct qn_run *run, int slot, int tap)
{
    const struct qn_array *a = &run->slots[slot];
    bool own = run->engine->taps_write && a->chunk != NULL &&
               a->chunk->count == 1 && qn_array_is_dense(a);
    struct quern_view view = {.dtype = a->dtype,
                              .rank = a->rank,
                              .data = a->data,
                              .writable = own ? a->data : NULL};
    memcpy(view.dims, a->dims, sizeof view.dims);
    memcpy(view.strides, a->strides, sizeof view.strides);
    return run->tap(run->tap_user, (size_t)tap, &view);
}

static enum quern_code show_outputs(struct qn_run *run, const struct qn_op *op)
{
    enum quern_code code = QUERN_OK;
    for (int i = 0; i < op->n_out && code == QUERN_OK; i++) {
        int slot = op->out[i];
        int tap = slot >= 0 ? run->engine->tap_of[slot] : -1;
        if (tap >= 0 && run->slots[slot].set && !run->slots[slot].is_sequence) {
            code = show(run, slot, tap);
        }
    }
    return code;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static enum quern_code run_op(struct qn_run *run, const struct qn_op *op,
                              size_t number)
{
    struct quern_node_time *time =
        run->times != NULL ? &run->times[number] : NULL;
    uint64_t start = time != NULL ? now() : 0;
    int outer = run->at;
    run->kernel = op->kernel;
    run->at = op->number;
    run->fresh = run->fresh || op->frozen;
    enum quern_code code =
        run->engine->has_sequences ? qn_check_sequences(run, op) : QUERN_OK;
    code = code == QUERN_OK ? qn_op_run(run, op) : code;
    run->fresh = run->fresh && !op->frozen;
    run->at = outer;
    if (time != NULL) {
        time->node_id = op->node->id;
        time->kernel = run->kernel;
        time->calls++;
        time->nanoseconds += now() - start;
    }
    if (code == QUERN_OK && run->tap != NULL) {
        code = show_outputs(run, op);
    }
    return code;
}

enum quern_code qn_run_program(struct qn_run *run, const struct qn_program *p)
{
    bool is_main = p == run->engine->main;
    /* The body of an endless Loop may be without operators. */
    enum quern_code code = !is_main && (++run->n_poll & 63) == 0
                               ? qn_poll(run->context)
                               : QUERN_OK;
    for (int k = 0; k < p->n_ops && code == QUERN_OK; k++) {
        const struct qn_op *op = &p->ops[k];
        struct quern_node_time *times = run->times;
        run->times = is_main ? times : NULL;
        if (!op->frozen || !run->warm) {
            code = run_op(run, op, (size_t)k);
        } else if (run->tap != NULL) {
            code = show_outputs(run, op);
        }
        run->times = times;
        for (int i = 0; i < op->n_drop; i++) {
            qn_slot_drop(run, op->drop[i]);
        }
        if (code == QUERN_OK && (++run->n_poll & 63) == 0) {
            code = qn_poll(run->context);
        }
    }
    return code;
}
