/* Scalar Mul and Add in front of a value. */
#ifndef QUERN_PASSES_QUANTIZE_SCALARS_H
#define QUERN_PASSES_QUANTIZE_SCALARS_H

#include <quern/pass.h>

/** value = a * source + b. */
struct qn_scalars {
    struct quern_value *source;
    double a, b;
};

/** Walk up from a value over Add, Sub, Mul and Div with one scalar constant.
 * Values in between have no other reader and are no graph outputs.
 * @return false when nothing of that kind makes the value, or a is not above 0
 */
bool qn_scalars_of(const struct quern_value *value, struct qn_scalars *out);

#endif
