/* Bump allocator: blocks that double up to 1 MiB; a request larger than a
 * block gets one of its own, behind the current one. */
#include "base/alloc.h"
#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 2048, LARGEST_BLOCK = 1 << 20 };

/* An arena that has handed out this much goes on in large pages. */
enum { MANY = 4 << 20, PAGES = 4 << 20 };

/* What a reset keeps at most, beyond one block. */
enum { MOST_SPARE = 16 << 20 };

struct qn_arena_block {
    struct qn_arena_block *next; /* older */
    size_t used;
    size_t size; /* bytes behind this header */
    size_t pad;  /* keeps the bytes aligned to 16 */
};

_Static_assert(sizeof(struct qn_arena_block) % ALIGN == 0, "aligned blocks");

static void free_chain(struct qn_arena_block *block)
{
    while (block != NULL) {
        struct qn_arena_block *next = block->next;
        qn_free(block);
        block = next;
    }
}

void qn_arena_finish(struct qn_arena *arena)
{
    free_chain(arena->head);
    free_chain(arena->spare);
    *arena = (struct qn_arena){0};
}

void qn_arena_reset(struct qn_arena *arena)
{
    size_t kept = 0;
    struct qn_arena_block **end = &arena->spare;
    for (; *end != NULL; end = &(*end)->next) {
        kept += (*end)->size;
    }
    while (arena->head != NULL) {
        struct qn_arena_block *block = arena->head;
        arena->head = block->next;
        if (kept > 0 && kept + block->size > MOST_SPARE) {
            qn_free(block);
            continue;
        }
        memset(block + 1, 0, block->used);
        kept += block->size;
        block->used = 0;
        block->next = NULL;
        *end = block;
        end = &block->next;
    }
    arena->used = 0;
}

/* A spare block of `size` bytes or more, the first one; NULL: none. */
static struct qn_arena_block *take_spare(struct qn_arena *arena, size_t size)
{
    struct qn_arena_block **at = &arena->spare;
    while (*at != NULL && (*at)->size < size) {
        at = &(*at)->next;
    }
    struct qn_arena_block *block = *at;
    if (block != NULL) {
        *at = block->next;
    }
    return block;
}

/* Bytes of a new block that must hold `size`. */
static size_t room_of(const struct qn_arena *arena, size_t size)
{
    size_t room = FIRST_BLOCK;
    if (arena->head != NULL) {
        room = arena->head->size < LARGEST_BLOCK ? arena->head->size * 2
                                                 : LARGEST_BLOCK;
    }
    return size > room ? size : room;
}

static struct qn_arena_block *make_block(struct qn_arena *arena, size_t size)
{
    size_t room = room_of(arena, size);
    size_t total = 0;
    struct qn_arena_block *block = NULL;
    if (arena->used >= MANY && room == LARGEST_BLOCK) {
        room = PAGES - sizeof *block;
    }
    if (qn_add(room, sizeof *block, &total)) {
        block = qn_alloc_pages(total);
    }
    if (block != NULL) {
        block->size = room;
    }
    return block;
}

static struct qn_arena_block *new_block(struct qn_arena *arena, size_t size)
{
    struct qn_arena_block *block = take_spare(arena, size);
    if (block == NULL) {
        block = make_block(arena, size);
    }
    if (block == NULL) {
        return NULL;
    }
    if (size > LARGEST_BLOCK / 4 && arena->head != NULL) {
        block->next = arena->head->next; /* full at once: behind the head */
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
    }
    return block;
}

void *qn_arena_alloc(struct qn_arena *arena, size_t size)
{
    size_t padded = 0;
    if (!qn_add(size == 0 ? 1 : size, ALIGN - 1, &padded)) {
        return NULL;
    }
    padded &= ~(size_t)(ALIGN - 1);
    struct qn_arena_block *block = arena->head;
    if (block == NULL || block->size - block->used < padded) {
        block = new_block(arena, padded);
        if (block == NULL) {
            return NULL;
        }
    }
    unsigned char *start = (unsigned char *)(block + 1) + block->used;
    block->used += padded;
    arena->used += padded;
    return start;
}

/* Bytes at the end of what was just handed out, which nobody has written. */
static void give_back(struct qn_arena *arena, size_t size)
{
    struct qn_arena_block *block = arena->head;
    size &= ~(size_t)(ALIGN - 1);
    if (block->used >= size) {
        block->used -= size;
        arena->used -= size;
    }
}

void *qn_arena_alloc_line(struct qn_arena *arena, size_t size)
{
    enum { LINE = 64 };
    size_t room = 0;
    unsigned char *start =
        qn_add(size, LINE - ALIGN, &room) ? qn_arena_alloc(arena, room) : NULL;
    size_t over = (uintptr_t)start % LINE;
    if (over == 0) { /* aligned already: what was to fill up is not needed */
        if (start != NULL) {
            give_back(arena, LINE - ALIGN);
        }
        return start;
    }
    give_back(arena, over - ALIGN);
    return start + (LINE - over);
}

void *qn_arena_alloc_n(struct qn_arena *arena, size_t n, size_t size)
{
    size_t total = 0;
    return qn_mul(n, size, &total) ? qn_arena_alloc(arena, total) : NULL;
}

char *qn_arena_strndup(struct qn_arena *arena, const char *text, size_t size)
{
    size_t room = 0;
    char *copy = qn_add(size, 1, &room) ? qn_arena_alloc(arena, room) : NULL;
    if (copy != NULL && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

char *qn_arena_strdup(struct qn_arena *arena, const char *text)
{
    return qn_arena_strndup(arena, text, strlen(text));
}

char *qn_arena_printf(struct qn_arena *arena, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (size < 0) {
        return NULL;
    }
    if ((size_t)size < sizeof small) {
        return qn_arena_strndup(arena, small, (size_t)size);
    }
    char *text = qn_arena_alloc(arena, (size_t)size + 1);
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)size + 1, format, args);
        va_end(args);
    }
    return text;
}
