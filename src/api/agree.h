/* Do two tensors agree, within what a pass promises of its numbers? */
#ifndef QUERN_API_AGREE_H
#define QUERN_API_AGREE_H

#include <quern/pass.h>

/** What is allowed between a tensor and the one that it should be. */
struct qn_bound {
    enum quern_contract contract;
    /** Largest |got - want| over (max |want| + 1e-6), of floats; 0: the bits,
     * but for those of a NaN. */
    double tolerance;
    /** Floats by their signal to noise instead, at least that many dB, and
     * integers not at all: small differences flip codes. -HUGE_VAL: any. */
    double least_sqnr;
    bool by_sqnr;
};

enum qn_difference_kind {
    QN_AGREES = 0,
    QN_OTHER_TYPE,
    QN_OTHER_SHAPE,
    QN_OTHER_VALUE, /* at `index` */
    QN_NOISE,       /* `sqnr`; the worst element at `index` */
    QN_NO_TENSOR,   /* one of them is missing */
};

struct qn_difference {
    enum qn_difference_kind kind;
    int64_t item;  /* of a list, which all of this is of; -1: none */
    int64_t index; /* of the element, row-major; -1: not known */
    double want;
    double got;
    double allowed; /* |got - want| that would do; 0: none */
    double sqnr;    /* dB, of floats; HUGE_VAL when equal */
};

/** The bound of a contract.
 * @param is_half   values in the model are float16 or bfloat16
 * @param is_coded  the model rounds to integer codes on its way
 * @param same_bits false: the engine does not give the same bits for the same
 *                  formula */
struct qn_bound qn_bound_of(enum quern_contract contract, bool is_half,
                            bool is_coded, bool same_bits);

/** @return true: they agree. *out_difference is set in any case. */
bool qn_agree(const struct qn_bound *bound, const struct quern_tensor *got,
              const struct quern_tensor *want,
              struct qn_difference *out_difference);

/** "[1,2]: 0.5, was 0.25, at most 0.0001 may differ" */
void qn_difference_format(const struct qn_difference *difference,
                          const struct quern_tensor *got,
                          const struct quern_tensor *want, char *text,
                          size_t size);

#endif
