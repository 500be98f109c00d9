/* A folder for temporary files that goes with the process. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_TRIES = 100, PAUSE_US = 10000 };

/* False: somebody still writes there. */
static bool empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return rmdir(path) == 0 || errno != ENOTEMPTY;
}

/* A handler of signals cannot go through a folder, and children may write there
 * while the process ends; so another process waits until none of them has the
 * pipe any more, however they ended. */
static _Noreturn void watch(const char *path, int fd)
{
    char byte;
    int nothing = open("/dev/null", O_RDWR);
    (void)setsid(); /* what a terminal sends does not come here */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i <= STDERR_FILENO && nothing >= 0; i++) {
        (void)dup2(nothing, i); /* who reads them waits for their end */
    }
    while (read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < MOST_TRIES && !empty(path); i++) {
        usleep(PAUSE_US);
    }
    _exit(0);
}

enum quern_code cli_folder_make(const struct cli *cli,
                                struct cli_folder *folder)
{
    int both[2];
    const char *place = getenv("TMPDIR");
    place = place != NULL && *place != '\0' ? place : "/tmp";
    *folder = (struct cli_folder){.fd = -1, .watcher = -1};
    snprintf(folder->path, sizeof folder->path, "%.4000s/quern-plugin-XXXXXX",
             place);
    if (mkdtemp(folder->path) == NULL) {
        folder->path[0] = '\0';
        return quern_fail(cli->context, QUERN_IO, NULL,
                          "no folder for temporary files can be made in '%s': "
                          "%s",
                          place, strerror(errno));
    }
    if (pipe2(both, O_CLOEXEC) == 0) {
        folder->fd = both[1];
        fflush(NULL);
        folder->watcher = fork();
        if (folder->watcher == 0) {
            close(both[1]);
            watch(folder->path, both[0]);
        }
        close(both[0]);
    }
    return QUERN_OK;
}

void cli_folder_remove(struct cli_folder *folder)
{
    if (*folder->path == '\0') {
        return;
    }
    (void)empty(folder->path);
    if (folder->watcher > 0) {
        kill(folder->watcher, SIGKILL);
        (void)waitpid(folder->watcher, NULL, 0);
    }
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    folder->path[0] = '\0';
}
