/* How ranges are chosen: `calibrate` may be told, `insert-qdq` does it. */
#ifndef QUERN_PASSES_QUANTIZE_CHOICE_H
#define QUERN_PASSES_QUANTIZE_CHOICE_H

#include <quern/pass.h>

struct qn_choice {
    int method; /* enum quern_range_method */
    double percentile;
};

/** Remember what calibrate was told; in a table of the model. */
enum quern_code qn_choice_set(struct quern_model *model,
                              const struct qn_choice *choice)
    __attribute__((warn_unused_result));

/** What calibrate was told last; msef where it was told nothing. */
struct qn_choice qn_choice_get(struct quern_model *model);

#endif
