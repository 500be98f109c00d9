/* A folder for temporary files that goes with the process. */
#ifndef QUERN_CLI_FOLDER_H
#define QUERN_CLI_FOLDER_H

#include "cli.h"

#include <sys/types.h>

struct cli_folder {
    char path[4096]; /* "": none */
    int fd;          /* held open by the process and its children; -1: none */
    pid_t watcher;   /* -1: none */
};

/** Make a folder in TMPDIR, else /tmp. It is removed by cli_folder_remove(), or
 * by a process of its own once this one and its children are no more, even if
 * they are killed. Files in it lie side by side.
 * @return QUERN_OK; _IO */
enum quern_code cli_folder_make(const struct cli *cli,
                                struct cli_folder *folder)
    __attribute__((warn_unused_result));
/** Does nothing on zeros, and a second time. */
void cli_folder_remove(struct cli_folder *folder);

#endif
