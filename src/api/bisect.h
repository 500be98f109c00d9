/* What the files of `bisect` share. */
#ifndef QUERN_API_BISECT_H
#define QUERN_API_BISECT_H

#include <quern/bisect.h>

#include "api/piece.h"

struct quern_bisection {
    struct quern_bisected result;
    struct qn_arena arena;
    struct quern_context *context;
    struct quern_recipe *recipe;
    struct quern_bisect_options options;
    struct quern_model *model;    /* where runs begin */
    struct qn_mark origin;        /* before all steps */
    size_t first;                 /* step that they begin with */
    enum quern_contract contract; /* of the step, as its flags */
    uint32_t flags;
    struct qn_trial *trial;  /* of the model in front of the step */
    struct qn_probe probe;   /* of the last run */
    struct qn_kept *kept;    /* of all runs that are not undone */
    struct qn_probe culprit; /* of the run up to the rewrite */
    struct qn_finding finding;
    bool is_short; /* no memory for something that is told */
};

/** Run the pipeline up to the step. Nothing is committed: the caller undoes it,
 * on failure too.
 * @param keep  rewrites of the step that stay; 0: all
 * @param out_n_rewrites  that the step does; may be NULL
 * @return QUERN_OK; what running returns */
enum quern_code qn_bisect_run(struct quern_bisection *b,
                              struct quern_model *model, uint64_t keep,
                              uint64_t *out_n_rewrites)
    __attribute__((warn_unused_result));

/** Undo what was run since, and release what its passes kept.
 * @param kept  b->kept as it was at the mark */
void qn_bisect_undo(struct quern_bisection *b, struct quern_model *model,
                    struct qn_mark mark, struct qn_kept *kept);

/** Run the steps in front of the step. Nothing is committed. */
enum quern_code qn_bisect_go_before(struct quern_bisection *b,
                                    struct quern_model *model)
    __attribute__((warn_unused_result));

/** Find the smallest model, write it and tell of it. b->model is as it was in
 * front of the rewrite that b->culprit is of, or of all steps. */
enum quern_code qn_bisect_reduce(struct quern_bisection *b)
    __attribute__((warn_unused_result));

#endif
