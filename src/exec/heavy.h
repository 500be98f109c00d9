/* Kernels that an operator has made, by shape: our own or the accelerator's.
 *
 * They belong to the engine and serve all its runners; packed weights are
 * shared between shapes where they are packed alike.
 */
#ifndef QUERN_EXEC_HEAVY_H
#define QUERN_EXEC_HEAVY_H

#include "exec/accelerator.h"
#include "exec/slabs.h"

#include <pthread.h>

struct quern_engine;

struct qn_packed_weights {
    unsigned count; /* kernels that use it */
    float *data;
    size_t len;
    struct qn_slab *slab; /* that `data` lies in */
};

struct qn_made {
    struct qn_made *next;
    unsigned refs; /* runners that hold it */
    const struct qn_accelerator *by;
    void *state; /* of `by` */
    struct qn_kernel *kernel;
    struct qn_packed_weights *packed; /* NULL: weights as they are */
    struct qn_conv_shape shape;
};

struct qn_heavy {
    pthread_mutex_t lock;
    const void *weights; /* floats at any address, constant, in the model's
                            order; NULL: not constant. Borrowed from the
                            engine's constants */
    size_t len;
    struct qn_slabs *slabs; /* for packed weights; borrowed */
    struct qn_made *first;  /* newest first */
};

void qn_heavy_init(struct qn_heavy *heavy, struct qn_slabs *slabs,
                   const void *weights, size_t len);
void qn_heavy_finish(struct qn_heavy *heavy);

/** The kernel for a shape (all bytes of which count: zero it first). One count
 * is given. NULL: nobody has one. Thread-safe. */
struct qn_made *qn_heavy_get(struct quern_engine *engine,
                             struct qn_heavy *heavy,
                             const struct qn_conv_shape *shape);
void qn_heavy_put(struct qn_heavy *heavy, struct qn_made *made);

#endif
