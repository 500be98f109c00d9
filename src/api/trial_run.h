/* Running a model for a trial: bounded, and without leaving errors behind. */
#ifndef QUERN_API_TRIAL_RUN_H
#define QUERN_API_TRIAL_RUN_H

#include "api/trial.h"
#include "base/diag.h"

enum { QN_TRIAL_SAMPLES = 3 };

/** Seconds that one run may take. */
extern const double qn_trial_seconds;

struct qn_trial {
    struct qn_arena arena;
    struct quern_context *context;
    struct qn_trial_options options;
    const char *why; /* NULL: there is something to compare with */
    size_t n_samples;
    size_t n_in;
    const char **in;              /* names */
    struct quern_tensor **inputs; /* QN_TRIAL_SAMPLES x n_in */
    size_t n_out;
    const char **out;              /* names */
    struct quern_tensor **outputs; /* QN_TRIAL_SAMPLES x n_out */
    double seconds;                /* that the longest run took */
    bool is_ort;
    bool is_half;
    bool is_coded;
    char engine[96];
};

void qn_trial_release(struct quern_tensor **tensors, size_t n);
/** What the model gave. */
void qn_trial_forget(struct qn_trial *trial);

/** Choose samples and run the model on them. */
enum quern_code qn_trial_begin(struct qn_trial *trial,
                               struct quern_model *model)
    __attribute__((warn_unused_result));

/** Room for what a model gives. */
enum quern_code qn_trial_list_outputs(struct qn_trial *trial,
                                      const struct quern_model *model)
    __attribute__((warn_unused_result));

enum quern_code qn_trial_set_why(struct qn_trial *trial, const char *text)
    __attribute__((warn_unused_result));

/** Note half types and codes.
 * @return an operator that gives other numbers in each run; NULL: none */
const struct quern_node *qn_trial_look(struct qn_trial *trial,
                                       const struct quern_model *model);

/** A model ready to run. */
struct qn_trial_engine {
    struct quern_model *model;
    struct quern_engine *engine;
    struct quern_runner *runner;
    struct quern_context child; /* of the runner: limits of its own */
    bool has_child;
    bool is_ort;
    double slowest; /* seconds of its longest run */
};

/** Why something could not be done: code QUERN_OK: it could. */
struct qn_trial_why {
    enum quern_code code;
    char text[768];
};

/** Open a model: the embedded engine with plain kernels, which give the same
 * bits for the same formula, or what the user wants; ONNX Runtime for what that
 * lacks, where the user leaves the choice.
 * @param outputs  `n_outputs` values to compute; NULL: graph outputs
 * @return QUERN_OK, also when it cannot be run (out_why); _NO_MEMORY;
 * _CANCELLED */
enum quern_code
qn_trial_open(struct quern_model *model, enum quern_engine_kind kind,
              const char *ort_library, struct quern_value *const *outputs,
              size_t n_outputs, struct qn_trial_engine *out_engine,
              struct qn_trial_why *out_why) __attribute__((warn_unused_result));
void qn_trial_close(struct qn_trial_engine *engine);

/** Run once.
 * @param seconds  more than that: given up
 * @param outputs  as many as the engine has; each to be released */
enum quern_code qn_trial_run(struct qn_trial_engine *engine,
                             struct quern_tensor *const *inputs, double seconds,
                             struct quern_tensor **outputs,
                             struct qn_trial_why *out_why)
    __attribute__((warn_unused_result));

/** What the context has stored so far. */
struct qn_trial_errors {
    struct quern_message error;
    bool has_error;
    size_t n_messages;
};

/** Put what is stored aside, so that what comes now can be told apart; and
 * forget what came since (its text goes to out_why), but for an end of memory
 * and for being cancelled.
 * @return `code` if it was one of those two, else QUERN_OK */
struct qn_trial_errors qn_trial_errors_begin(struct quern_context *context);
enum quern_code qn_trial_errors_end(struct quern_context *context,
                                    const struct qn_trial_errors *before,
                                    enum quern_code code,
                                    struct qn_trial_why *out_why)
    __attribute__((warn_unused_result));

#endif
