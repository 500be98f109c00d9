/* Mutants of protobuf files; see mutant.h. */
#include "mutant.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 256, MOST_DEPTH = 12 };

uint64_t mutant_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
    return n > 0 ? (size_t)(mutant_random(state) % n) : 0;
}

static void put(struct mutant *m, const unsigned char *data, size_t size)
{
    if (m->size + size > m->room) {
        m->room = (m->size + size) * 2 + 64;
        void *grown = realloc(m->data, m->room);
        if (grown == NULL) {
            fprintf(stderr, "no memory for a mutant\n");
            exit(1);
        }
        m->data = grown;
    }
    if (size > 0) {
        memcpy(m->data + m->size, data, size);
        m->size += size;
    }
}

static void put_varint(struct mutant *m, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[n++] = (unsigned char)(value | 0x80);
    }
    bytes[n++] = (unsigned char)value;
    put(m, bytes, n);
}

void mutant_finish(struct mutant *m)
{
    free(m->data);
    *m = (struct mutant){0};
}

/* ---------------------------------------------------------------- bytes */

static void change_bytes(struct mutant *m, uint64_t *state)
{
    static const unsigned char telling[] = {0, 1, 0x7f, 0x80, 0xff};
    size_t at = below(state, m->size);
    size_t n = 1 + below(state, 16);
    switch (below(state, 6)) {
    case 0:
        m->data[at] ^= (unsigned char)(1u << below(state, 8));
        break;
    case 1:
        m->data[at] = telling[below(state, sizeof telling)];
        break;
    case 2:
        m->data[at] = (unsigned char)mutant_random(state);
        break;
    case 3: /* a span is lost */
        n = n < m->size - at ? n : m->size - at;
        memmove(m->data + at, m->data + at + n, m->size - at - n);
        m->size -= n;
        break;
    case 4: { /* a span stands twice */
        unsigned char copy[16];
        n = n < m->size - at ? n : m->size - at;
        memcpy(copy, m->data + at, n);
        put(m, copy, n);
        memmove(m->data + at + n, m->data + at, m->size - at - n);
        break;
    }
    default: /* a length or number becomes huge */
        for (size_t i = at; i < m->size && i < at + 9; i++) {
            m->data[i] = 0xff;
        }
        break;
    }
}

/* --------------------------------------------------------------- fields */

struct field {
    size_t start;
    size_t content;
    size_t end;
    uint64_t tag;
};

static bool read_varint(const unsigned char *data, size_t end, size_t *at,
                        uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint64_t byte = data[(*at)++];
        *out |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Fields of a message; 0 when the bytes are none. */
static size_t list_fields(const unsigned char *data, size_t size,
                          struct field *fields)
{
    size_t n = 0;
    size_t at = 0;
    while (at < size) {
        struct field f = {.start = at};
        uint64_t value = 0;
        if (n == MOST_FIELDS || !read_varint(data, size, &at, &f.tag) ||
            f.tag >> 3 == 0 || f.tag >> 3 > 60) {
            return 0;
        }
        f.content = at;
        switch (f.tag & 7) {
        case 0:
            if (!read_varint(data, size, &at, &value)) {
                return 0;
            }
            break;
        case 1:
            at += 8;
            break;
        case 2:
            if (!read_varint(data, size, &at, &value) || value > size - at) {
                return 0;
            }
            f.content = at;
            at += (size_t)value;
            break;
        case 5:
            at += 4;
            break;
        default:
            return 0;
        }
        if (at > size) {
            return 0;
        }
        f.end = at;
        fields[n++] = f;
    }
    return n;
}

static uint64_t telling_number(uint64_t *state)
{
    static const uint64_t numbers[] = {
        0,          1,           2,
        3,          4,           7,
        8,          15,          16,
        17,         23,          24,
        27,         127,         128,
        255,        256,         65535,
        65536,      0x7fffffff,  0x80000000,
        0xffffffff, 0x100000000, INT64_MAX,
        1ull << 63, UINT64_MAX,  UINT64_MAX - 1,
        1ull << 62, 1ull << 40,  100,
    };
    return numbers[below(state, sizeof numbers / sizeof *numbers)];
}

static void mutate(const unsigned char *data, size_t size, int depth,
                   uint64_t *state, struct mutant *out);

/* A tag and the content of another field of the same message, or of bytes. */
static void put_changed(const unsigned char *data, const struct field *f,
                        const struct field *other, int depth, uint64_t *state,
                        struct mutant *out)
{
    if ((f->tag & 7) == 0) {
        put_varint(out, f->tag);
        put_varint(out, telling_number(state));
        return;
    }
    if ((f->tag & 7) != 2) {
        put(out, data + f->start, f->content - f->start);
        for (size_t i = f->content; i < f->end; i++) {
            unsigned char byte = (unsigned char)mutant_random(state);
            put(out, &byte, 1);
        }
        return;
    }
    struct mutant inner = {0};
    if ((other->tag & 7) == 2 && below(state, 3) == 0) {
        put(&inner, data + other->content, other->end - other->content);
    } else {
        put(&inner, data + f->content, f->end - f->content);
        if (inner.size > 0 && below(state, 4) != 0) {
            change_bytes(&inner, state);
        } else {
            inner.size = 0;
        }
    }
    (void)depth;
    put_varint(out, f->tag);
    put_varint(out, inner.size);
    put(out, inner.data, inner.size);
    mutant_finish(&inner);
}

/* Replace the chosen field by what the dice say. */
static void put_mutated(const unsigned char *data, const struct field *f,
                        const struct field *other, int depth, uint64_t *state,
                        struct mutant *out)
{
    struct mutant inner = {0};
    struct field fields[MOST_FIELDS];
    bool message = (f->tag & 7) == 2 && depth < MOST_DEPTH &&
                   list_fields(data + f->content, f->end - f->content, fields);
    if (message && below(state, 8) != 0) {
        mutate(data + f->content, f->end - f->content, depth + 1, state,
               &inner);
        put_varint(out, f->tag);
        put_varint(out, inner.size);
        put(out, inner.data, inner.size);
        mutant_finish(&inner);
        return;
    }
    switch (below(state, 6)) {
    case 0: /* lost */
        break;
    case 1: /* twice */
        put(out, data + f->start, f->end - f->start);
        put(out, data + f->start, f->end - f->start);
        break;
    case 2: /* another field's place */
        put(out, data + other->start, other->end - other->start);
        break;
    default:
        put_changed(data, f, other, depth, state, out);
        break;
    }
}

static void mutate(const unsigned char *data, size_t size, int depth,
                   uint64_t *state, struct mutant *out)
{
    struct field fields[MOST_FIELDS];
    size_t n = list_fields(data, size, fields);
    if (n == 0) {
        put(out, data, size);
        if (out->size > 0) {
            change_bytes(out, state);
        }
        return;
    }
    size_t chosen = below(state, n);
    for (size_t i = 0; i < n; i++) {
        if (i == chosen) {
            put_mutated(data, &fields[i], &fields[below(state, n)], depth,
                        state, out);
        } else {
            put(out, data + fields[i].start, fields[i].end - fields[i].start);
        }
    }
}

void mutant_make(const unsigned char *data, size_t size, uint64_t seed,
                 struct mutant *out)
{
    uint64_t state = seed;
    *out = (struct mutant){0};
    if (seed % 2 == 1) {
        put(out, data, size);
        for (size_t i = 1 + below(&state, 4); i > 0 && out->size > 0; i--) {
            change_bytes(out, &state);
        }
        return;
    }
    struct mutant from = {0};
    put(&from, data, size);
    for (size_t i = 1 + below(&state, 3); i > 0; i--) {
        out->size = 0;
        mutate(from.data, from.size, 0, &state, out);
        from.size = 0;
        put(&from, out->data, out->size);
    }
    mutant_finish(&from);
}
