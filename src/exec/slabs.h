/* Room for packed weights: some large blocks in place of one a weight. Memory
 * that is touched for the first time costs more than packing does, and least in
 * large pages. Thread-safe. */
#ifndef QUERN_EXEC_SLABS_H
#define QUERN_EXEC_SLABS_H

#include <pthread.h>
#include <stddef.h>

struct qn_slab;

struct qn_slabs {
    pthread_mutex_t lock;
    struct qn_slab *current; /* that has room left; NULL: none */
    size_t total;            /* bytes of all that were made */
};

void qn_slabs_init(struct qn_slabs *slabs);

/** All that was taken has been given back. */
void qn_slabs_finish(struct qn_slabs *slabs);

/** `size` bytes aligned to 64, not zeroed; NULL: no memory.
 * @param out_slab  to be given back to */
void *qn_slab_take(struct qn_slabs *slabs, size_t size,
                   struct qn_slab **out_slab);

/** One piece less is in use; NULL is fine. */
void qn_slab_give(struct qn_slabs *slabs, struct qn_slab *slab);

#endif
