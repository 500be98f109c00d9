/* Writing bytes that are hashed on the way. */
#ifndef QUERN_IO_HASHED_H
#define QUERN_IO_HASHED_H

#include "base/file.h"
#include "ir/tensor.h"

struct qn_hashed {
    struct qn_writer *writer;
    uint64_t hash; /* of what has been put, in the pieces that it came in */
};

/** The elements of a tensor. */
void qn_hashed_tensor(struct qn_hashed *s, const struct quern_tensor *t);

void qn_hashed_zeros(struct qn_hashed *s, uint64_t size);

#endif
