/* Work in a child process with bounds on time and memory: what strangers' code
 * does there cannot harm the command. */
#ifndef QUERN_CLI_CHILD_H
#define QUERN_CLI_CHILD_H

#include "cli.h"

enum cli_child_end {
    CLI_CHILD_DONE,   /* it said all that it had to say */
    CLI_CHILD_QUIT,   /* it ended by itself before that: `number` is the code */
    CLI_CHILD_KILLED, /* by the signal `number` */
    CLI_CHILD_TIMEOUT, /* and was killed */
    CLI_CHILD_SIGNALS, /* it sent `number` to the command or to the process
                          between, and was killed */
};

/* Processes that it left behind. */
enum cli_left {
    CLI_LEFT_NONE,
    CLI_LEFT_ENDED,
    CLI_LEFT_ALIVE, /* some could not be found, or not be ended */
};

/** What is left of a child. */
struct cli_child {
    enum cli_child_end end;
    int number;
    enum cli_left left;
    char *report;   /* what `work` wrote, NUL-terminated; freed by the caller */
    char said[256]; /* begin of what was written to standard output and error,
                       one line */
};

struct cli_bounds {
    double seconds;  /* of the clock; the context of the child is cancelled a
                        bit earlier, by SIGTERM */
    uint64_t memory; /* bytes of data; 0: none (sanitizers map terabytes) */
};

/** The last line of a report that is whole. */
#define CLI_END_MARK "\nEND\n"

/** Run `work` in a child and wait for its end. Between the two stands a
 * supervisor that orphans of the child come to: it ends what the child leaves
 * behind, though it left its group and its parents, and nothing that does not
 * descend from the child. It finds these in /proc. When this process ends
 * meanwhile, however it does, the supervisor ends them all the same; when
 * the supervisor is killed, those that left the child may stay.
 * @param work  writes its report; called in the child
 * @return QUERN_OK; _IO: no child can be made; _NO_MEMORY; _CANCELLED */
enum quern_code cli_child_run(struct cli *cli, const struct cli_bounds *bounds,
                              void (*work)(void *user, FILE *report),
                              void *user, struct cli_child *out_child);

#endif
