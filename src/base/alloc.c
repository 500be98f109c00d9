/* Memory: the one place that calls malloc. */
#include "base/alloc.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

void *qn_calloc(size_t size)
{
    return calloc(1, size == 0 ? 1 : size);
}

void *qn_calloc_n(size_t n, size_t size)
{
    size_t total = 0;
    return qn_mul(n, size, &total) ? qn_calloc(total) : NULL;
}

void *qn_alloc_aligned(size_t size)
{
    size_t padded = 0;
    if (!qn_add(size == 0 ? 1 : size, 63, &padded)) {
        return NULL;
    }
    return aligned_alloc(64, padded & ~(size_t)63);
}

enum { LARGE_PAGE = 1 << 21 };

void *qn_alloc_large(size_t size)
{
    size_t padded = 0;
    if (size < LARGE_PAGE || !qn_add(size, LARGE_PAGE - 1, &padded)) {
        return qn_alloc_aligned(size);
    }
    padded &= ~((size_t)LARGE_PAGE - 1);
    void *block = aligned_alloc(LARGE_PAGE, padded);
    if (block != NULL) {
        /* A hint: where the system has no such pages, small ones do. */
        (void)madvise(block, padded, MADV_HUGEPAGE);
    }
    return block;
}

void *qn_alloc_pages(size_t size)
{
    /* A last page that is only begun counts whole, so not for small blocks. */
    if (size < 4 * (size_t)LARGE_PAGE) {
        return qn_calloc(size);
    }
    void *block = qn_alloc_large(size);
    if (block != NULL) {
        memset(block, 0, size);
    }
    return block;
}

void *qn_realloc_n(void *block, size_t n, size_t size)
{
    size_t total = 0;
    if (!qn_mul(n, size, &total)) {
        return NULL;
    }
    return realloc(block, total == 0 ? 1 : total);
}

void qn_free(void *block)
{
    free(block);
}

void qn_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

char *qn_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = qn_calloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}
