/* run --check: outputs against those of ONNX test sets. */
#ifndef QUERN_CLI_RUN_CHECK_H
#define QUERN_CLI_RUN_CHECK_H

#include "json.h"

/** How two numbers may differ. */
struct cli_bound {
    double tolerance;
    bool by_element;    /* |got - want| <= 1e-7 + tolerance * |want|, ONNX's own
                           rule; else |got - want| <= tolerance * (the largest
                           |want| of the output + 1e-6) */
    const char *source; /* where the tolerance is from */
};

/** The tolerance: `given` if it is above 0, else "tol" of a meta.json beside
 * the model, else 1e-3. */
struct cli_bound cli_bound_of(const char *model, double given, bool by_element);

/** What was found of the sets so far. */
struct cli_checked {
    size_t n_sets;
    size_t n_right;
    json_t *sets; /* with --json, else NULL */
};

/** Compare the outputs of one set, and tell on stderr what is wrong.
 * @param out  n tensors that the model gave for its outputs, some NULL */
enum quern_code cli_check_set(struct cli *cli, const struct cli_bound *bound,
                              const struct quern_model *model, const char *set,
                              struct quern_tensor *const *out, size_t n,
                              struct cli_checked *checked)
    __attribute__((warn_unused_result));

/** Tell the result on stdout and free it. */
enum quern_code cli_check_tell(const struct cli *cli,
                               const struct cli_bound *bound,
                               const char *engine, struct cli_checked *checked)
    __attribute__((warn_unused_result));

#endif
