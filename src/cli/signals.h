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

/** From now on such signals of processes below that one do not count as a wish
 * of the user. One whose sender is gone already cannot be told from that of a
 * user; without /proc none can.
 * @param pid  below it strangers' code runs; this process itself: then such
 * signals of others are ignored; 0: there is none */
void cli_watch_stranger(pid_t pid);

/** The last signal that came from there, since that was said; 0: none. */
int cli_stranger_sent(void);

#endif
