/* Random access to deflated bytes; see inflate.h. */
#include "data/inflate.h"

#include "base/alloc.h"

#include <stdatomic.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    WINDOW = 32768,
    MOST_POINTS = 64,     /* 2 MiB of windows */
    LEAST_SPAN = 1 << 18, /* inflated bytes between two points */
    STEP = 1 << 16,       /* inflated at once while skipping */
    PIECE = 1 << 14,      /* packed bytes handed to zlib at once */
    MOST_KEPT = 8,        /* streams that may be continued, 56 KB each */
};

/* A block begins at bit `bits` before byte `in` of the packed bytes. */
struct point {
    uint64_t in;
    uint64_t out;
    int bits;
    unsigned char *window; /* WINDOW bytes in front of `out`; NULL at 0 */
};

/* A stream of zlib over the packed bytes. zlib remembers where it lies: never
 * moved. */
struct stream {
    z_stream z;
    const struct qn_inflate *of;
    uint64_t in;  /* packed bytes handed to zlib */
    uint64_t out; /* bytes inflated */
    unsigned char piece[PIECE];
};

struct qn_inflate {
    const struct qn_input *input; /* borrowed */
    struct qn_zip_entry entry;
    struct point points[MOST_POINTS];
    size_t n_points;
    /* Streams that stand behind what was read last: samples are mostly read in
     * order, and beginning at a point inflates what lies between again. Who
     * finds the list busy does without. */
    atomic_flag busy;
    struct stream *kept[MOST_KEPT]; /* the oldest first */
    size_t n_kept;
};

static enum quern_code damaged(struct quern_context *context,
                               const struct qn_inflate *f, const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "data";
    place.file = f->input->path;
    place.tensor = f->entry.name;
    return quern_fail(context, QUERN_MALFORMED, &place, "%s", what);
}

/* The next piece, when zlib has used up the last one. */
static enum quern_code feed(struct quern_context *context, struct stream *s)
{
    const struct qn_zip_entry *e = &s->of->entry;
    uint64_t left = e->packed_size - s->in;
    size_t n = left < PIECE ? (size_t)left : PIECE;
    if (s->z.avail_in > 0 || n == 0) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_input_read(s->of->input, context, e->at + s->in, n, s->piece);
    s->z.next_in = s->piece;
    s->z.avail_in = code == QUERN_OK ? (uInt)n : 0;
    s->in += s->z.avail_in;
    return code;
}

/* The last WINDOW bytes, oldest first, from a ring that continues at `at`. */
static bool add_point(struct qn_inflate *f, const struct stream *s,
                      uint64_t out, const unsigned char *ring, size_t at)
{
    struct point *p = &f->points[f->n_points];
    p->in = s->in - s->z.avail_in;
    p->out = out;
    p->bits = s->z.data_type & 7;
    p->window = qn_alloc_aligned(WINDOW);
    if (p->window == NULL) {
        return false;
    }
    memcpy(p->window, ring + at, WINDOW - at);
    memcpy(p->window + WINDOW - at, ring, at);
    f->n_points++;
    return true;
}

/* Inflate everything, with points on the way. */
static enum quern_code scan(struct quern_context *context, struct qn_inflate *f,
                            struct stream *s, unsigned char *ring)
{
    uint64_t size = f->entry.size;
    uint64_t span = size / (MOST_POINTS - 1);
    uint64_t out = 0;
    uint64_t last = 0;
    size_t at = 0;
    uLong crc = 0;
    int state = Z_OK;
    span = span > LEAST_SPAN ? span : LEAST_SPAN;
    while (state == Z_OK && out <= size) {
        enum quern_code code = feed(context, s);
        if (code != QUERN_OK) {
            return code;
        }
        s->z.next_out = ring + at;
        s->z.avail_out = (uInt)(WINDOW - at);
        state = inflate(&s->z, Z_BLOCK);
        size_t n = WINDOW - at - s->z.avail_out;
        crc = crc32_z(crc, ring + at, n);
        out += n;
        at = (at + n) % WINDOW;
        bool boundary =
            (s->z.data_type & 128) != 0 && (s->z.data_type & 64) == 0;
        if (state == Z_OK && boundary && out - last >= span &&
            f->n_points < MOST_POINTS) {
            if (!add_point(f, s, out, ring, at)) {
                return qn_no_memory(context);
            }
            last = out;
        }
        if (qn_poll(context) != QUERN_OK) {
            return QUERN_CANCELLED;
        }
    }
    if (state == Z_MEM_ERROR) {
        return qn_no_memory(context);
    }
    if (state != Z_STREAM_END || out != size) {
        return damaged(context, f,
                       "deflated data is damaged or of another size than the "
                       "zip says");
    }
    return (uint32_t)crc == f->entry.crc
               ? QUERN_OK
               : damaged(context, f, "checksum of the array is wrong");
}

enum quern_code qn_inflate_open(struct quern_context *context,
                                const struct qn_input *input,
                                const struct qn_zip_entry *entry,
                                struct qn_inflate **out_inflate)
{
    struct qn_inflate *f = qn_calloc(sizeof *f);
    unsigned char *ring = qn_calloc(WINDOW);
    struct stream *s = qn_calloc(sizeof *s);
    enum quern_code code = f != NULL && ring != NULL && s != NULL
                               ? QUERN_OK
                               : qn_no_memory(context);
    if (code == QUERN_OK) {
        atomic_flag_clear(&f->busy);
        f->input = input;
        f->entry = *entry;
        f->n_points = 1; /* the beginning */
        s->of = f;
        code = inflateInit2(&s->z, -MAX_WBITS) == Z_OK ? QUERN_OK
                                                       : qn_no_memory(context);
    }
    if (code == QUERN_OK) {
        code = scan(context, f, s, ring);
        inflateEnd(&s->z);
    }
    qn_free(ring);
    qn_free(s);
    if (code != QUERN_OK) {
        qn_inflate_close(&f);
        return code;
    }
    *out_inflate = f;
    return QUERN_OK;
}

static void end(struct stream *s)
{
    if (s != NULL) {
        inflateEnd(&s->z);
        qn_free(s);
    }
}

void qn_inflate_close(struct qn_inflate **inflate)
{
    struct qn_inflate *f = *inflate;
    *inflate = NULL;
    for (size_t i = 0; f != NULL && i < f->n_points; i++) {
        qn_free(f->points[i].window);
    }
    for (size_t i = 0; f != NULL && i < f->n_kept; i++) {
        end(f->kept[i]);
    }
    qn_free(f);
}

/* Continue zlib at a point. */
static enum quern_code begin(struct quern_context *context, struct stream *s,
                             const struct point *p)
{
    unsigned char byte = 0;
    enum quern_code code = QUERN_OK;
    s->in = p->in;
    s->out = p->out;
    if (p->bits > 0) {
        code = qn_input_read(s->of->input, context, s->of->entry.at + p->in - 1,
                             1, &byte);
    }
    if (code != QUERN_OK) {
        return code;
    }
    bool good = inflateInit2(&s->z, -MAX_WBITS) == Z_OK &&
                (p->bits == 0 ||
                 inflatePrime(&s->z, p->bits, byte >> (8 - p->bits)) == Z_OK) &&
                (p->window == NULL ||
                 inflateSetDictionary(&s->z, p->window, WINDOW) == Z_OK);
    return good ? QUERN_OK : qn_no_memory(context);
}

/* A kept stream between `least` and `offset`, the nearest; NULL: none. */
static struct stream *take_kept(struct qn_inflate *f, uint64_t least,
                                uint64_t offset)
{
    size_t best = MOST_KEPT;
    if (atomic_flag_test_and_set_explicit(&f->busy, memory_order_acquire)) {
        return NULL;
    }
    for (size_t i = 0; i < f->n_kept; i++) {
        uint64_t out = f->kept[i]->out;
        if (out >= least && out <= offset &&
            (best == MOST_KEPT || out > f->kept[best]->out)) {
            best = i;
        }
    }
    struct stream *s = best < MOST_KEPT ? f->kept[best] : NULL;
    if (s != NULL) {
        f->n_kept--;
        memmove(f->kept + best, f->kept + best + 1,
                (f->n_kept - best) * sizeof *f->kept);
    }
    atomic_flag_clear_explicit(&f->busy, memory_order_release);
    return s;
}

static void keep(struct qn_inflate *f, struct stream *s)
{
    struct stream *oldest = s;
    if (!atomic_flag_test_and_set_explicit(&f->busy, memory_order_acquire)) {
        oldest = f->n_kept == MOST_KEPT ? f->kept[0] : NULL;
        if (oldest != NULL) {
            f->n_kept--;
            memmove(f->kept, f->kept + 1, f->n_kept * sizeof *f->kept);
        }
        f->kept[f->n_kept++] = s;
        atomic_flag_clear_explicit(&f->busy, memory_order_release);
    }
    end(oldest);
}

/* A new stream that begins at a point. */
static enum quern_code begin_at(struct quern_context *context,
                                const struct qn_inflate *f, size_t point,
                                struct stream **out)
{
    struct stream *s = qn_calloc(sizeof *s);
    if (s == NULL) {
        return qn_no_memory(context);
    }
    s->of = f;
    enum quern_code code = begin(context, s, &f->points[point]);
    if (code != QUERN_OK) {
        end(s);
        return code;
    }
    *out = s;
    return QUERN_OK;
}

/* Inflate `size` bytes; `out` NULL: into `room`, again and again. */
static enum quern_code take(struct quern_context *context, struct stream *s,
                            uint64_t size, unsigned char *out,
                            unsigned char *room)
{
    int state = Z_OK;
    while (size > 0) {
        uint64_t most = out != NULL ? 1u << 30 : STEP;
        uInt n = (uInt)(size < most ? size : most);
        enum quern_code code =
            state == Z_OK ? feed(context, s)
                          : damaged(context, s->of,
                                    "deflated data changed while it was read");
        if (code != QUERN_OK) {
            return code;
        }
        s->z.next_out = out != NULL ? out : room;
        s->z.avail_out = n;
        state = inflate(&s->z, Z_NO_FLUSH);
        n -= s->z.avail_out;
        out = out != NULL ? out + n : NULL;
        size -= n;
        s->out += n;
    }
    return QUERN_OK;
}

enum quern_code qn_inflate_read(struct qn_inflate *f,
                                struct quern_context *context, uint64_t offset,
                                size_t size, unsigned char *out)
{
    size_t i = f->n_points - 1;
    while (f->points[i].out > offset) {
        i--;
    }
    struct stream *s = take_kept(f, f->points[i].out, offset);
    unsigned char *room = qn_calloc(STEP);
    enum quern_code code = room != NULL ? QUERN_OK : qn_no_memory(context);
    if (code == QUERN_OK && s == NULL) {
        code = begin_at(context, f, i, &s);
    }
    if (code == QUERN_OK) {
        code = take(context, s, offset - s->out, NULL, room);
    }
    if (code == QUERN_OK) {
        code = take(context, s, size, out, room);
    }
    qn_free(room);
    if (code != QUERN_OK) {
        end(s);
        return code;
    }
    keep(f, s);
    return QUERN_OK;
}
