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
    CLI_CHILD_SIGNALS, /* it sent `number` to this process, and was killed */
};

/** What is left of a child. */
struct cli_child {
    enum cli_child_end end;
    int number;
    bool left_some; /* processes that it left behind; they are ended */
    char *report;   /* what `work` wrote, NUL-terminated; freed by the caller */
    char said[256]; /* begin of what was written to standard output and error,
                       one line */
};

struct cli_bounds {
    double seconds;  /* of the clock; the context of the child is cancelled a
                        bit earlier, by SIGTERM */
    uint64_t memory; /* bytes of data; 0: none (sanitizers map terabytes) */
};

/** Run `work` in a child and wait for its end. What it leaves behind is ended,
 * too, wherever it hides: for that this process becomes the one that orphans of
 * its children come to. Children that were there before stay.
 * @param work  writes its report; called in the child
 * @return QUERN_OK; _IO: no child can be made; _NO_MEMORY; _CANCELLED */
enum quern_code cli_child_run(struct cli *cli, const struct cli_bounds *bounds,
                              void (*work)(void *user, FILE *report),
                              void *user, struct cli_child *out_child);

#endif
