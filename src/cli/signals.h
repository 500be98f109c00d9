/* Signals that ask for an end, and who sent them. */
#ifndef QUERN_CLI_SIGNALS_H
#define QUERN_CLI_SIGNALS_H

#include "cli.h"

#include <sys/types.h>

/** From now on SIGINT, SIGTERM and SIGHUP cancel that context; a second one
 * ends the process. While there is something to cancel: before and after that
 * (NULL) a signal ends the process as it does any other. A closed terminal is
 * one, unless nohup has it ignored. */
void cli_cancel_on_signals(struct quern_context *context);

/** From now on such signals of that child, and of processes that it has made,
 * do not count as a wish of the user. One whose sender is gone already, and is
 * not the child itself, cannot be told from that of a user.
 * @param pid  -1: the child that is made next; 0: there is none any more */
void cli_watch_stranger(pid_t pid);

/** The last signal that came from the child, since -1 was said; 0: none. */
int cli_stranger_sent(void);

#endif
