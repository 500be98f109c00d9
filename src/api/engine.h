/* Opening ONNX Runtime with limits of one's own, for tests. */
#ifndef QUERN_API_ENGINE_H
#define QUERN_API_ENGINE_H

#include <quern/run.h>

/** Weights go into the copy that ONNX Runtime gets up to this size of it;
 * beyond, those of QN_LEAST_LENT bytes and more stay where they are and are
 * lent. (Lent ones would do for small models too, but versions of the library
 * treat them differently.) */
#define QN_MOST_INSIDE (UINT64_C(1) << 30)
#define QN_LEAST_LENT 1024

enum quern_code qn_engine_open_ort(struct quern_model *model,
                                   const struct quern_engine_options *options,
                                   uint64_t most_inside,
                                   struct quern_engine **out_engine)
    __attribute__((warn_unused_result));

#endif
