/* The account: what a job did to a model, for people and as JSON. */
#ifndef QUERN_CLI_ACCOUNT_H
#define QUERN_CLI_ACCOUNT_H

#include "cli.h"

/** A line that a pass told, or with text NULL the end of a step. */
struct cli_line {
    char *pass;
    char *text;
    uint64_t n_edits;
    double seconds;
    uint64_t n_created; /* nodes; of the end of a step alone */
    uint64_t n_erased;
    uint64_t peak_memory; /* of the process so far, in bytes */
    uint64_t n_rewrites;
    enum quern_verdict verdict;
    char *verdict_text;
    bool is_again; /* of the first line of a step: its pass has a later one */
    size_t before; /* likewise, in the list of `last_step`; 0: none */
};

/** What passes told, in order. Zeroed storage is an empty one. */
struct cli_lines {
    struct cli_line *items;
    size_t n;
    bool is_short; /* no memory for some of them */
    char *trial;   /* what --verify-each ran on, or why it did not; NULL */
    bool is_tried;
    /* The first line of the last step of each pass, counted from 1; the rest of
     * these is found by `before`. 0: none. */
    size_t last_step;
};

void cli_lines_free(struct cli_lines *lines);

/** Print what passes said of the whole, or with -v all they said. */
void cli_lines_print(const struct cli *cli);

/** Steps behind `optimize` that write what integer kernels know. */
#define CLI_FORMS                                                              \
    "fuse-conv-affine{products=true},fuse-affine-conv{products=true},"         \
    "turn-products,move-transposes,merge-equal,fuse-matmul-add,fuse-global-"   \
    "pool"

/** Steps in front of calibration, the same for `calibrate` and `quantize
 * --stats`. */
#define CLI_UP_TO_CALIBRATION "raise-opset,optimize," CLI_FORMS

/** A text in double quotes, as pipelines take it. */
void cli_quote(const char *text, char *out, size_t size);

/** One job on one model. cli_job_open() fills what stands behind `is_alone`. */
struct cli_job {
    const char *in;
    const char *out;
    const char *report; /* --report, or NULL */
    const char *target; /* NULL where the job has none */
    const char *data; /* samples to measure the error on; NULL: not measured */
    bool quantizes;   /* tell what became integer */
    bool is_alone;    /* no samples are run: `before` stays NULL */
    bool is_pipe;     /* the input is standard input: none of its facts */
    size_t n_nodes;   /* of the model as it came */
    uint64_t bytes;   /* the same */
    uint64_t source;  /* its fingerprint */
    struct quern_model *before;
    struct quern_model *after;
    struct cli_lines lines;
};

/** Open job->in: `after` is the model to work on, `before` its twin (NULL for
 * standard input). From now on the lines of passes are kept. */
enum quern_code cli_job_open(struct cli *cli, struct cli_job *job)
    __attribute__((warn_unused_result));

/** Write job->after to job->out and tell the account; with a code other than
 * QUERN_OK neither. Frees all that the job holds.
 * @return the code, or what went wrong now */
enum quern_code cli_job_close(struct cli *cli, struct cli_job *job,
                              enum quern_code code)
    __attribute__((warn_unused_result));

/* ------------------------------------------------------------- the census */

/** One kind of operator of a model. */
struct cli_census_row {
    const char *op; /* borrowed from the model */
    size_t n_integer;
    size_t n_float;
};

struct cli_census {
    struct cli_census_row *rows; /* most frequent first */
    size_t n;
    size_t n_heavy_integer; /* Conv, ConvTranspose, Gemm, MatMul */
    size_t n_heavy_float;
};

/** Count which operators compute in integers: all data that they read comes
 * from DequantizeLinear, and (but for products) all that they give goes into
 * QuantizeLinear. With a target, products for which it has no kernel are not.
 * @param target  may be NULL */
enum quern_code cli_census_take(struct quern_model *model,
                                const struct quern_target *target,
                                struct cli_census *out_census)
    __attribute__((warn_unused_result));
void cli_census_free(struct cli_census *census);

/** Bytes of a model: its file, or its weights where those are more (outside).
 */
uint64_t cli_model_bytes(struct quern_model *model, const char *path);

/** Highest resident memory of the process so far, in bytes; 0: not known. */
uint64_t cli_peak_memory(void);

#endif
