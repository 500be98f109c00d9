/* The pass manager: what a running pass sees, and running a list of steps. */
#ifndef QUERN_PASS_PASS_H
#define QUERN_PASS_PASS_H

#include <quern/pass.h>
#include <quern/run.h>

#include "base/diag.h"

/** What `api` offers to passes from rooms that `pass` must not see. */
struct qn_services {
    /** Constants computed in one go: values that depend on constants alone.
     * As quern_pass_evaluate(). */
    enum quern_code (*evaluate)(struct quern_model *model,
                                struct quern_value *const *values, size_t n,
                                struct quern_tensor **out_tensors);
};

/** An object that lives as long as the pipeline. */
struct qn_kept {
    void *object;
    void (*release)(void *object);
    struct qn_kept *next;
};

/** A line of the account of a step. */
struct qn_account {
    const char *text;
    struct qn_account *next;
};

/** What one step did. */
struct qn_step_report {
    const char *pass;
    uint64_t n_edits;
    double seconds;
    struct qn_account *first;
    struct qn_account *last;
    struct qn_step_report *next;
};

struct quern_pass_ctx {
    struct quern_context *context;
    struct quern_model *model;
    const struct qn_services *services;
    const char *data_path; /* calibration data, or NULL */
    const struct quern_target *target;
    enum quern_engine_kind engine;
    struct qn_arena scratch; /* of the running pass */
    struct qn_arena arena;   /* of the whole run: reports */
    struct qn_step_report *reports;
    struct qn_step_report *report; /* of the running pass */
    struct qn_kept *kept;          /* objects that passes hand on */
    unsigned char *flawed;         /* nodes that were wrong from the start, one
                                      byte a node id: pass/verify.c */
    size_t n_flawed;
};

/** Built-in passes, NULL-ended. */
extern const struct quern_pass_desc *const qn_builtin_passes[];

/** Pass of that name; an error with the nearest name when there is none. */
enum quern_code qn_pass_find(struct quern_context *context, const char *name,
                             const struct quern_pass_desc **out_desc)
    __attribute__((warn_unused_result));

/** Run a pipeline given as text. A failed pass is rolled back and named. */
enum quern_code qn_pipeline_run(struct quern_pass_ctx *ctx, const char *text)
    __attribute__((warn_unused_result));

/** Before the first step: mark the nodes whose operators are wrong already, so
 * that no pass is blamed for them. */
enum quern_code qn_pass_verify_start(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/** After a step: the structure of all graphs, and the operators of the nodes
 * that the passes changed.
 * @return _INTERNAL: the pass broke the model; what is wrong is the error, up
 * to 20 more its notes */
enum quern_code qn_pass_verify(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

void qn_pass_ctx_finish(struct quern_pass_ctx *ctx);

#endif
