/* What other files of this room ask of second moments. */
#ifndef QUERN_QUANT_GRAM_H
#define QUERN_QUANT_GRAM_H

#include <quern/quant.h>

size_t qn_gram_groups(const struct quern_gram *gram);
size_t qn_gram_cols(const struct quern_gram *gram);

#endif
