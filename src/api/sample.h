/* Random samples for the inputs of a model. */
#ifndef QUERN_API_SAMPLE_H
#define QUERN_API_SAMPLE_H

#include "ir/ir.h"

/** Sizes that the symbols of the inputs are given, in turn. */
enum { QN_SAMPLE_SIZES = 9 };

/** Whole numbers of a sample. */
enum qn_sample_numbers {
    QN_SAMPLE_FITTING = 0, /* small enough for what reads them */
    QN_SAMPLE_BITS = 1,    /* 0 and 1 everywhere */
    QN_SAMPLE_ONES = 2,    /* 1: how often, how many */
};

enum { QN_SAMPLE_NUMBERS = 3 };

/** A sample that fits the types of graph inputs: symbols of the same name have
 * the same size; whole numbers are small enough for what reads them, masks are
 * 0 and 1; floats are normal, with zeros among them. The same arguments give
 * the same sample.
 * @param sizes   0 to QN_SAMPLE_SIZES - 1: how large symbols are
 * @param out     room for n tensors, each to be released
 * @return QUERN_OK; _UNSUPPORTED naming an input that is no tensor of numbers
 * of a known rank, nor a sequence or optional of such; _LIMIT; _NO_MEMORY */
enum quern_code qn_sample_random(struct quern_context *context,
                                 struct quern_value *const *inputs, size_t n,
                                 int sizes, enum qn_sample_numbers numbers,
                                 struct quern_tensor **out)
    __attribute__((warn_unused_result));

/** A dimension of some input is no number. */
bool qn_sample_is_symbolic(struct quern_value *const *inputs, size_t n);

#endif
