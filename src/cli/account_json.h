/* What is known of a job when it is told, and its JSON. */
#ifndef QUERN_CLI_ACCOUNT_JSON_H
#define QUERN_CLI_ACCOUNT_JSON_H

#include "account.h"
#include "json.h"

/** Error of the outputs, and the samples that it was measured on. */
struct cli_measured {
    struct quern_comparison *error; /* NULL: not measured */
    size_t *order;                  /* all samples; owned */
    size_t *samples;                /* n of them, inside order */
    size_t n;
    size_t n_all;
    size_t n_held; /* kept apart from calibration */
};

struct cli_facts {
    struct cli_census census;
    struct cli_measured measured;
    size_t n_nodes[2];
    uint64_t bytes[2];
    uint64_t peak_memory;
    double seconds;
};

json_t *cli_json_account(const struct cli *cli, const struct cli_job *job,
                         const struct cli_facts *facts);

/** Steps with what they told. */
json_t *cli_json_steps(const struct cli_lines *lines);

/** Take a line "Op 'node': rest" apart: offsets of the end of the operator, of
 * the name and of the rest. @return false for a line of another form */
bool cli_line_node(const char *text, int *out_op, int *out_node, int *out_rest);

#endif
