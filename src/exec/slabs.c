/* Room for packed weights (slabs.h). Each slab is as large as all before it
 * together, up to a bound, and goes when its last piece does. */
#include "exec/slabs.h"

#include "base/alloc.h"
#include "base/checked.h"

enum { LINE = 64, FIRST = 64 << 10, LARGEST = 8 << 20 };

struct qn_slab {
    unsigned char *data;
    size_t used;
    size_t size;
    size_t count; /* pieces in use, and one while it is the current one */
};

void qn_slabs_init(struct qn_slabs *slabs)
{
    *slabs = (struct qn_slabs){.current = NULL};
    pthread_mutex_init(&slabs->lock, NULL);
}

static void drop(struct qn_slab *slab)
{
    if (slab != NULL && --slab->count == 0) {
        qn_free(slab->data);
        qn_free(slab);
    }
}

void qn_slabs_finish(struct qn_slabs *slabs)
{
    drop(slabs->current);
    pthread_mutex_destroy(&slabs->lock);
}

static struct qn_slab *make(struct qn_slabs *slabs, size_t size)
{
    size_t room = slabs->total < FIRST     ? FIRST
                  : slabs->total < LARGEST ? slabs->total
                                           : LARGEST;
    struct qn_slab *slab = qn_calloc(sizeof *slab);
    if (slab == NULL) {
        return NULL;
    }
    slab->size = room < size ? size : room;
    slab->count = 1;
    slab->data = qn_alloc_large(slab->size);
    if (slab->data == NULL) {
        qn_free(slab);
        return NULL;
    }
    slabs->total += slab->size;
    return slab;
}

static struct qn_slab *with_room(struct qn_slabs *slabs, size_t size)
{
    struct qn_slab *slab = slabs->current;
    if (slab != NULL && slab->size - slab->used >= size) {
        return slab;
    }
    struct qn_slab *made = make(slabs, size);
    if (made != NULL) {
        drop(slab);
        slabs->current = made;
    }
    return made;
}

void *qn_slab_take(struct qn_slabs *slabs, size_t size,
                   struct qn_slab **out_slab)
{
    size_t padded = 0;
    void *piece = NULL;
    if (!qn_add(size, LINE - 1, &padded)) {
        return NULL;
    }
    padded &= ~(size_t)(LINE - 1);
    pthread_mutex_lock(&slabs->lock);
    struct qn_slab *slab = with_room(slabs, padded);
    if (slab != NULL) {
        piece = slab->data + slab->used;
        slab->used += padded;
        slab->count++;
        *out_slab = slab;
    }
    pthread_mutex_unlock(&slabs->lock);
    return piece;
}

void qn_slab_give(struct qn_slabs *slabs, struct qn_slab *slab)
{
    if (slab != NULL) {
        pthread_mutex_lock(&slabs->lock);
        drop(slab);
        pthread_mutex_unlock(&slabs->lock);
    }
}
