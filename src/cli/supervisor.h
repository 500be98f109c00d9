/* A process between the command and a plugin that it tries. Whatever comes of
 * the plugin is below this process and nothing else is, so all of that can be
 * found and ended, and nothing else is. */
#ifndef QUERN_CLI_SUPERVISOR_H
#define QUERN_CLI_SUPERVISOR_H

#include "child.h"

#include <signal.h>

/** What it says to the command, in one piece. */
struct cli_verdict {
    int why;    /* errno: the child cannot be made; 0: the rest holds */
    int status; /* of the child, as waitpid() tells it */
    int sent;   /* signal that the child sent to this process; 0: none */
    bool is_late;
    enum cli_left left;
};

struct cli_errand {
    struct cli *cli;
    const struct cli_bounds *bounds;
    void (*work)(void *user, FILE *report);
    void *user;
    int report;    /* the child writes */
    int said;      /* its standard output and error */
    int verdict;   /* the supervisor writes */
    int command;   /* at its end the command is gone, or wants an end */
    sigset_t mask; /* of the command: SIGINT, SIGTERM and SIGHUP are blocked
                      until the new processes can tell whose they are */
};

/** Become the supervisor: in a process that was just forked. */
_Noreturn void cli_supervise(const struct cli_errand *errand);

#endif
