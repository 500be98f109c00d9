/* Correcting biases, for passes that change what was corrected. */
#ifndef QUERN_PASSES_QUANTIZE_BIAS_CORRECTION_H
#define QUERN_PASSES_QUANTIZE_BIAS_CORRECTION_H

#include <quern/pass.h>

/** What `bias-correction` does. */
enum quern_code qn_biases_correct(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** Take back what it did last, where it did.
 * @param out_any  false: nothing was corrected */
enum quern_code qn_biases_restore(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, bool *out_any)
    __attribute__((warn_unused_result));

#endif
