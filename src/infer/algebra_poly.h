/* Polynomials on the stack: what algebra.c and divide.c compute with. */
#ifndef QUERN_INFER_ALGEBRA_POLY_H
#define QUERN_INFER_ALGEBRA_POLY_H

#include "infer/algebra.h"

struct qn_poly {
    int64_t constant;
    size_t n;
    bool bad; /* overflow, too many terms, no memory */
    const struct quern_expr *terms[QN_MAX_TERMS];
    int64_t coefficients[QN_MAX_TERMS];
};

/** Factors of a monomial: of an atom itself. */
struct qn_factors {
    size_t n;
    const struct quern_expr *list[QN_MAX_FACTORS];
};

void qn_poly_load(struct qn_poly *p, struct quern_number a);
void qn_poly_add(struct qn_poly *p, const struct quern_expr *term, int64_t c);
void qn_poly_add_constant(struct qn_poly *p, int64_t c);
/** The number that a polynomial is; unknown when it is bad. */
struct quern_number qn_poly_store(struct qn_algebra *x,
                                  const struct qn_poly *p);
void qn_factors_load(struct qn_factors *f, const struct quern_expr *monomial);
/** Product of factors (in order); NULL: too many, or no memory. n must not be
 * 0. */
const struct quern_expr *qn_factors_store(struct qn_algebra *x,
                                          const struct qn_factors *f);
/** Product of two monomials; NULL as above. */
const struct quern_expr *qn_monomial_times(struct qn_algebra *x,
                                           const struct quern_expr *a,
                                           const struct quern_expr *b);

/** An interned expression of that form within the limits, or unknown. */
struct quern_number qn_num_intern(struct qn_algebra *x,
                                  const struct quern_expr *wanted);

/** An expression that is the number: of a plain one a sum without terms. */
const struct quern_expr *qn_num_as_expr(struct qn_algebra *x,
                                        struct quern_number a);

#endif
