/* The pass manager: what a running pass sees, the registry of passes, and
 * running a recipe.
 *
 * registry.c   which passes there are, descriptors checked
 * plugin.c     shared objects that bring more
 * plan.c       a recipe becomes a list of passes with their options
 * manager.c    runs the list: roll-back, counts, times
 * borders.c    where a step can be cut off
 * trial.c      --verify-each: steps that change what the model gives
 * context.c    what a running pass may ask
 * rewrite.c    walks graphs for registered patterns; --explain
 * rules.c      the step `rules`: rewriting by text alone
 */
#ifndef QUERN_PASS_PASS_H
#define QUERN_PASS_PASS_H

#include <quern/recipe.h>
#include <quern/run.h>
#include <quern/target.h>

#include "base/diag.h"
#include "base/map.h"
#include "config/recipe.h"
#include "ir/journal.h"
#include "ir/sequence.h"

#include <sys/stat.h>

struct qn_rules;

struct quern_pass_ctx;

/** What `api` offers to passes from rooms that `pass` must not see. */
struct qn_services {
    /** Constants computed in one go: values that depend on constants alone.
     * As quern_pass_evaluate(). */
    enum quern_code (*evaluate)(struct quern_model *model,
                                struct quern_value *const *values, size_t n,
                                struct quern_tensor **out_tensors);
    /** Least SQNR in dB over the outputs of the model (of logits where an
     * output is a softmax) against the reference of the options, on samples
     * kept apart.
     * @param out_n  samples; 0: too few are kept apart to judge by */
    enum quern_code (*judge)(struct quern_pass_ctx *ctx, double *out_sqnr,
                             size_t *out_n);
    /** --verify-each: run the model as it is. ctx->trial is set. */
    enum quern_code (*trial_start)(struct quern_pass_ctx *ctx);
    /** Run it again and compare, within a contract.
     * @param text  what differs, or why it cannot be told */
    enum quern_code (*trial_step)(struct quern_pass_ctx *ctx,
                                  enum quern_contract contract,
                                  enum quern_verdict *out_verdict, char *text,
                                  size_t size);
    /** What the trial runs on, or why it does not.
     * @return false: nothing is compared */
    bool (*trial_describe)(const struct quern_pass_ctx *ctx, char *text,
                           size_t size);
};

struct qn_trial; /* of api */

/** How good the model was when it was last judged. */
struct qn_judged {
    bool known;
    uint64_t n_edits; /* of the model then */
    double sqnr;
    size_t n; /* samples */
};

/** Judge the model, unless nothing has changed since the last time. */
enum quern_code qn_judge(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/** True for a pass that is to be judged. */
bool qn_is_judged(const struct quern_pass_ctx *ctx,
                  const struct quern_pass_desc *desc);

/** Tell what the step that has run bought.
 * @return true: it made the output clearly worse and is to be undone */
bool qn_judge_step(struct quern_pass_ctx *ctx, const struct qn_judged *before);

/** What the model's interface is in front of a step. */
struct qn_shown {
    uint64_t hash; /* of names and types of inputs and outputs */
    size_t n;      /* outputs */
    size_t room;
    struct qn_shown_output {
        const char *name;
        enum quern_dtype dtype; /* as declared */
    } * outputs;
};

/** --verify-each, in front of a step: how the model is now. */
enum quern_code qn_try_begin(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/** The step that has run changed the model: does it still give the same, of
 * the same types?
 * @param out_undo  it does not, and is to be undone
 * @return QUERN_OK; with `strict` what differs as _INTERNAL */
enum quern_code qn_try_step(struct quern_pass_ctx *ctx,
                            struct quern_step_report *report, bool *out_undo)
    __attribute__((warn_unused_result));

/** Behind all steps: what the trial ran on, or why there is none any more. */
void qn_tell_trial(const struct quern_pass_ctx *ctx);

/** An object that lives as long as the pipeline. */
struct qn_kept {
    void *object;
    void (*release)(void *object);
    struct qn_kept *next;
};

/** Release those in front of `end`, which a run has handed on. */
void qn_kept_release(struct qn_kept *kept, const struct qn_kept *end);

/* -------------------------------------------------------------- registry */

/** Built-in passes, NULL-ended. */
extern const struct quern_pass_desc *const qn_builtin_passes[];

/** Check a descriptor that a stranger wrote.
 * @return QUERN_OK; `code` with what is wrong with it */
enum quern_code qn_pass_check(struct quern_context *context,
                              const struct quern_pass_desc *desc,
                              enum quern_code code)
    __attribute__((warn_unused_result));

/** Add the passes of a plugin: all or none. Descriptors are copied, shorter
 * ones of older headers filled up with zeros.
 * @param path  where it was loaded from
 * @param info  of that file
 * @return QUERN_OK; _INVALID_ARGUMENT naming what is wrong */
enum quern_code qn_registry_add(struct quern_context *context, const char *path,
                                const struct stat *info,
                                const struct quern_plugin *plugin)
    __attribute__((warn_unused_result));

/** True when the passes of that file are there already. */
bool qn_registry_has_file(const struct quern_context *context,
                          const struct stat *info);

/** Find a pass.
 * @param place  of the name, for the message; may be NULL
 * @return QUERN_OK; _NOT_FOUND with the nearest name, groups included */
enum quern_code qn_pass_find(struct quern_context *context, const char *name,
                             const struct quern_place *place,
                             const struct quern_pass_desc **out_desc)
    __attribute__((warn_unused_result));

/** Load a plugin. As quern_plugin_load().
 * @param place   of the path, for messages; may be NULL */
enum quern_code qn_plugin_load(struct quern_context *context, const char *path,
                               const struct quern_place *place)
    __attribute__((warn_unused_result));

/* ------------------------------------------------------------------ plan */

/** A pass with its options. */
struct qn_plan_step {
    const struct quern_pass_desc *desc;
    void *params;
    const char *data; /* option `data` of a step that needs data, or NULL */
    size_t n_group;   /* steps of the named group that it is of, else 0 */
    bool again;       /* it stands there for a later sweep over its group */
    struct quern_place place;
};

/** A recipe made ready. Everything lives in its arena. */
struct qn_plan {
    struct qn_arena arena;
    struct quern_recipe *recipe;
    const char *data;       /* first one that a step names, or NULL */
    struct qn_rules *rules; /* those of the recipe, compiled; NULL: none */
    size_t n_steps;
    struct qn_plan_step *steps;
};

/** Load the recipe's plugins, expand its groups, read the options of all steps,
 * compile its rules, check the order.
 * @param plan  zeroed; the caller finishes it, on failure too */
enum quern_code qn_plan_init(struct qn_plan *plan, struct quern_recipe *recipe)
    __attribute__((warn_unused_result));
void qn_plan_finish(struct qn_plan *plan);

/** Check that every step has what it needs. */
enum quern_code qn_plan_check_needs(const struct qn_plan *plan,
                                    const char *data, bool has_target)
    __attribute__((warn_unused_result));

/** `path` seen from the folder of the recipe, or, when there is nothing and
 * there is something here, from the current folder; NULL: no memory. */
const char *qn_recipe_path(struct qn_arena *arena,
                           const struct quern_recipe *recipe, const char *path);

/* --------------------------------------------------------------- running */

/** A line of the account of a step. */
struct qn_account {
    const char *text;
    struct qn_account *next;
};

/** Memory of a pass from before a scope was opened; lies in it itself. */
struct qn_scope {
    struct qn_arena outer;
    struct qn_scope *next;
};

/** Where a rewrite began, as the node was then. */
struct qn_rewritten {
    uint32_t node_id;
    const char *op; /* NULL: not known: done outside of walks */
    const char *node;
    const char *output;  /* its first one */
    const char *pattern; /* that matched; NULL: none */
};

/** Rewrites of the step that runs. */
struct qn_borders {
    uint64_t n;               /* so far */
    uint64_t keep;            /* only the first so many stay; 0: all */
    uint64_t n_total;         /* counted edits up to the last border */
    int depth;                /* of visits of walks: in 0 the model is whole */
    struct qn_mark begin;     /* in front of the last rewrite that stays */
    struct qn_mark end;       /* behind it */
    struct qn_rewritten last; /* that is going on */
    struct qn_rewritten kept; /* the last one that stays */
};

/** What `quern bisect` asks of a run and gets to know. */
struct qn_probe {
    size_t start;           /* steps before this one (from 1 on) are left out */
    bool holds;             /* nothing is committed: the caller undoes it all,
                               then releases what passes kept: until then
                               tables point to it */
    struct qn_kept *kept;   /* newest first; with `holds` the caller's */
    struct qn_arena *arena; /* of what is told */
    struct qn_rewritten last; /* rewrite stop_rewrites of the last step */
    uint32_t *touched; /* nodes that it changed or erased, that were there */
    size_t n_touched;
};

struct quern_pass_ctx {
    struct qn_borders borders;
    struct qn_probe *probe; /* NULL mostly */
    struct quern_context *context;
    struct quern_model *model;
    const struct qn_services *services;
    const struct quern_apply_options *options; /* never NULL */
    const struct qn_plan *plan;
    const struct qn_plan_step *step; /* that runs */
    const struct quern_target *target;
    struct qn_arena scratch; /* of the running pass, in its inner scope */
    struct qn_scope *scopes; /* that are open, the inner one first */
    struct qn_arena account; /* lines of the running pass */
    struct qn_account *first_line;
    struct qn_account *last_line;
    struct qn_arena arena;              /* of the whole run */
    struct qn_kept *kept;               /* objects that passes hand on */
    size_t n_questions;                 /* asked of the overrides */
    struct qn_map patterns;             /* by text: quern_pass_pattern() */
    const struct quern_node *explained; /* NULL: nothing to explain now */
    size_t n_told;                      /* lines of explanation so far */
    struct qn_judged judged;
    struct qn_trial *trial; /* --verify-each; else NULL */
    const char *told_trial; /* why it cannot be told: said once; or why there
                               is no trial any more */
    struct qn_shown shown;  /* with --verify-each */
    struct qn_account *explanation; /* different ones, newest first */
    unsigned char *flawed;          /* nodes that were wrong from the start, one
                                       byte a node id: pass/verify.c */
    size_t n_flawed;
};

/** Run a plan over ctx->model. The step that fails is rolled back and named;
 * those before it stay. */
enum quern_code qn_plan_run(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/** Free what a run keeps. */
void qn_pass_ctx_finish(struct quern_pass_ctx *ctx);

/** Before the first step: mark the nodes whose operators are wrong already, so
 * that no pass is blamed for them, and warn of shapes that contradict each
 * other and of an opset that is too old. */
enum quern_code qn_pass_verify_start(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/** After a step: the structure of what it edited and of what stands beside it,
 * and the operators of the nodes that it changed.
 * @return _INTERNAL: the pass broke the model; what is wrong is the error, up
 * to 20 more its notes */
enum quern_code qn_pass_verify(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/* --------------------------------------------------------------- borders */

/** A step begins that keeps its first `keep` rewrites; 0: all. */
void qn_borders_begin(struct quern_pass_ctx *ctx, uint64_t keep);

/** The next rewrite is the last one that stays: worth a note of where. */
bool qn_border_is_near(const struct quern_pass_ctx *ctx);
void qn_border_note(struct quern_pass_ctx *ctx, const struct quern_node *node);

/** The model is whole: if it was edited, a rewrite ends here.
 * @return true: the last one that stays */
bool qn_border_pass(struct quern_pass_ctx *ctx);

/** The step ends: what is too much is undone. */
void qn_borders_end(struct quern_pass_ctx *ctx);

/** Tell the probe of the last rewrite that stays. */
enum quern_code qn_probe_fill(struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

/* ------------------------------------------------------------- rewriting */

/** Patterns that are tried at each node, found by the operator of the root. */
struct qn_rewriter {
    struct quern_model *model;
    struct qn_needs *needs; /* by pattern: see sieve.h */
    size_t n;
    struct quern_pattern *const *patterns;
    const char *const *names;
    size_t *cells; /* by pattern: 1 + the next one with the same operator at
                      its root, or 0 */
    struct qn_map roots; /* operator of a root to its first cell */
    const size_t *firsts[QN_WALK_OPS]; /* the same by id of the operator in the
                                          index, as far as asked */
};

/** Index patterns; both arrays are borrowed, `arena` lives as long. finish() in
 * any case. */
enum quern_code
qn_rewriter_init(struct qn_rewriter *rewriter, struct quern_model *model,
                 struct qn_arena *arena, struct quern_pattern *const *patterns,
                 const char *const *names, size_t n)
    __attribute__((warn_unused_result));
void qn_rewriter_finish(struct qn_rewriter *rewriter);

/** Rewrites where pattern i matched. */
typedef quern_match_fn qn_rewrite_fn;

/** Try all patterns at each node of a graph, in order; the first that rewrites
 * ends the tries at a node. Linear in nodes. */
enum quern_code
qn_rewriter_walk(struct quern_pass_ctx *ctx, struct qn_rewriter *rewriter,
                 struct quern_graph *graph, qn_rewrite_fn fn, void *user)
    __attribute__((warn_unused_result));

/** Run the registered patterns of the running pass over a graph. */
enum quern_code qn_pass_run_rewrites(struct quern_pass_ctx *ctx,
                                     struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** Say something about the node that is to be explained. */
void qn_explain(struct quern_pass_ctx *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ----------------------------------------------------------------- rules */

/** The step `rules`. */
extern const struct quern_pass_desc qn_pass_rules;

/** Compile the rules of a recipe; both texts are checked with their places.
 * @param out_rules  freed by qn_rules_destroy() */
enum quern_code qn_rules_create(const struct quern_recipe *recipe,
                                struct qn_rules **out_rules)
    __attribute__((warn_unused_result));
void qn_rules_destroy(struct qn_rules **rules);

/** Check that all that rules make is there at the opset of a model.
 * @return QUERN_OK; _UNSUPPORTED, or _INVALID_ARGUMENT (number of inputs,
 * attributes), with line and column */
enum quern_code qn_rules_check_model(const struct qn_rules *rules,
                                     const struct quern_model *model)
    __attribute__((warn_unused_result));

/** Note the rules that were applied lately: one of them broke the model. */
void qn_rules_tell_active(const struct quern_pass_ctx *ctx);

/** The error of rules that go on and on. */
enum quern_code qn_rules_endless(const struct quern_pass_ctx *ctx)
    __attribute__((warn_unused_result));

#endif
