/* A model is run on a few samples; then, when it has been changed, again: does
 * it give the same? What --verify-each and `quern bisect` are made of. */
#ifndef QUERN_API_TRIAL_H
#define QUERN_API_TRIAL_H

#include "api/agree.h"
#include "pass/pass.h"

struct qn_trial_options {
    const char *data; /* as for quern_data_open(); NULL: random samples */
    enum quern_engine_kind engine;
    const char *ort_library;
    /* One sample, by names of inputs, instead of both; borrowed. */
    size_t n_given;
    const char *const *names;
    struct quern_tensor *const *tensors;
};

/** What the trial of a changed model found. */
struct qn_finding {
    enum quern_verdict verdict;
    size_t sample;
    char output[256]; /* name of the one that differs; "" */
    struct qn_difference difference;
    char text[1024]; /* what differs, or why nothing is known */
};

struct qn_trial;

/** Choose samples and run the model on them. A model that cannot be run is no
 * error: see qn_trial_why().
 * @return QUERN_OK; what opening the data returns; _NO_MEMORY; _CANCELLED */
enum quern_code qn_trial_create(struct quern_model *model,
                                const struct qn_trial_options *options,
                                struct qn_trial **out_trial)
    __attribute__((warn_unused_result));
void qn_trial_destroy(struct qn_trial *trial);

/** Why nothing can be compared so far; NULL: it can. */
const char *qn_trial_why(const struct qn_trial *trial);

/** "3 random samples, embedded (plain, x86-64-v3)" */
void qn_trial_describe(const struct qn_trial *trial, char *text, size_t size);

/** Tensor of input `name` of a sample, borrowed; NULL: none of that name. */
struct quern_tensor *qn_trial_input(const struct qn_trial *trial, size_t sample,
                                    const char *name);

/** Run a changed model on the same samples and compare.
 * @param keep  where it agrees, or where nothing was known before, what it
 *              gives is what the next one is compared with
 * @return QUERN_OK, whatever was found; _NO_MEMORY; _CANCELLED */
enum quern_code qn_trial_compare(struct qn_trial *trial,
                                 struct quern_model *model,
                                 enum quern_contract contract, bool keep,
                                 struct qn_finding *out_finding)
    __attribute__((warn_unused_result));

/** Services of struct qn_services. */
enum quern_code qn_trial_start(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));
enum quern_code qn_trial_step(struct quern_pass_ctx *ctx,
                              enum quern_contract contract,
                              enum quern_verdict *out_verdict, char *text,
                              size_t size) __attribute__((warn_unused_result));

bool qn_trial_tell(const struct quern_pass_ctx *ctx, char *text, size_t size);

#endif
