/* What other files of this room ask of second moments. */
#ifndef QUERN_QUANT_GRAM_H
#define QUERN_QUANT_GRAM_H

#include <quern/quant.h>

size_t qn_gram_groups(const struct quern_gram *gram);
size_t qn_gram_cols(const struct quern_gram *gram);

/* The next vectors, input by input instead of one after the other. */

/** Room for n more vectors in all? QUERN_OK; _LIMIT */
enum quern_code qn_gram_check(struct quern_context *context,
                              const struct quern_gram *gram, uint64_t n);
/** How many may come next; never 0. */
size_t qn_gram_space(const struct quern_gram *gram);
/** Input k, counted over the groups, of n of them: data[offsets[r]], or 0 where
 * that is negative. */
void qn_gram_put(struct quern_gram *gram, size_t k, const float *data,
                 const int64_t *offsets, size_t n);
/** All inputs of n of them are there. */
void qn_gram_advance(struct quern_gram *gram, size_t n);

#endif
