/* Memory: one allocator value, and arenas on top of it.
 *
 * All memory of the library comes from here. Nothing aborts: every function
 * that gives memory can give NULL, and the caller turns that into
 * QUERN_NO_MEMORY (qn_no_memory() in diag.h reports it without allocating).
 */
#ifndef QUERN_BASE_ALLOC_H
#define QUERN_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/** `size` zeroed bytes; size 0 gives a valid pointer. NULL when none left. */
void *qn_calloc(size_t size);

/** n * size zeroed bytes, NULL on overflow too. */
void *qn_calloc_n(size_t n, size_t size);

/** Bytes aligned to 64, not zeroed. Freed by qn_free(). */
void *qn_alloc_aligned(size_t size);

/** The same; 2 MiB and more come in large pages, as far as the system has them:
 * to have 512 small ones takes longer than to write to them. What of a large
 * page is not used is in use all the same. */
void *qn_alloc_large(size_t size);

/** As qn_calloc(); 8 MiB and more come in large pages, as far as the system
 * has them: what is spread over more memory than the translation caches of a
 * CPU cover (8 MB or so) is then reached in one access instead of several. */
void *qn_alloc_pages(size_t size);

/** Grow or shrink; new bytes are not set. On failure the old block stays. */
void *qn_realloc_n(void *block, size_t n, size_t size);

/** NULL is fine. */
void qn_free(void *block);

/** Copy of a string. */
char *qn_strdup(const char *text);

/** Give memory that was freed back to the system, where the C library keeps it.
 * Costs what touching it again costs: for ends of long work. */
void qn_trim(void);

/** Bump allocator. Zero-initialised storage is a valid empty arena.
 * Thread-compatible. */
struct qn_arena {
    struct qn_arena_block *head;  /* newest block first */
    struct qn_arena_block *spare; /* empty: taken before new ones are made */
    size_t used;                  /* bytes handed out, for accounts */
};

/** Free all blocks; the arena is empty and usable again. */
void qn_arena_finish(struct qn_arena *arena);

/** Forget all that was handed out; one block at least, 16 MiB at most are kept
 * for what comes: memory that is touched first costs more than the work on it.
 */
void qn_arena_reset(struct qn_arena *arena);

/** `size` zeroed bytes aligned to 16. NULL when none left. */
void *qn_arena_alloc(struct qn_arena *arena, size_t size);
void *qn_arena_alloc_n(struct qn_arena *arena, size_t n, size_t size);
/** The same, aligned to a line of a cache (64 bytes). */
void *qn_arena_alloc_line(struct qn_arena *arena, size_t size);

/** NUL-terminated copy of a string, or of `size` bytes. */
char *qn_arena_strdup(struct qn_arena *arena, const char *text);
char *qn_arena_strndup(struct qn_arena *arena, const char *text, size_t size);

/** NUL-terminated text of a format. */
char *qn_arena_printf(struct qn_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
