/* What is found wrong with a model: handed on one by one, and counted.
 *
 * The reader (when it checks a file) and the verifier report here. A finding is
 * a message with a place; it goes to a callback, or into the context: the first
 * error as its error, what follows as notes.
 */
#ifndef QUERN_IR_FINDINGS_H
#define QUERN_IR_FINDINGS_H

#include <quern/model.h>

struct qn_findings {
    struct quern_context *context;
    quern_finding_fn report; /* NULL: stored in the context */
    void *user;
    enum quern_code code; /* of errors that are stored */
    size_t n_errors;
    size_t n_warnings;
    size_t most; /* no more errors than these are told, 0: all of them */
    bool silent; /* only count */
};

/** Report an error. */
void qn_find_error(struct qn_findings *findings,
                   const struct quern_place *place, const char *format, ...)
    QUERN_PRINTF(3, 4);

/** Report what is legal, but likely a mistake. */
void qn_find_warning(struct qn_findings *findings,
                     const struct quern_place *place, const char *format, ...)
    QUERN_PRINTF(3, 4);

/** No further errors are wanted. */
bool qn_findings_full(const struct qn_findings *findings);

#endif
