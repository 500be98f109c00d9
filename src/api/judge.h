/* How good a model is, on samples that calibration does not see. */
#ifndef QUERN_API_JUDGE_H
#define QUERN_API_JUDGE_H

#include "pass/pass.h"

/** The service `judge` of struct qn_services. */
enum quern_code qn_judge_model(struct quern_pass_ctx *ctx, double *out_sqnr,
                               size_t *out_n)
    __attribute__((warn_unused_result));

#endif
