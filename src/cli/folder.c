/* A folder for temporary files that goes with the process. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the watcher says: the folder that it has made, or why it has not. */
struct made {
    int why; /* errno; 0: made */
    char path[sizeof((struct cli_folder *)0)->path];
};

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
    /* A folder that is not empty: POSIX has both numbers for it. */
    return rmdir(path) == 0 || (errno != ENOTEMPTY && errno != EEXIST);
}

/* A handler of signals cannot go through a folder, and children may write there
 * while the process ends; so another process waits until none of them has the
 * other end any more, however they ended. That process makes the folder, too:
 * there is no moment at which it has no one to remove it. */
static _Noreturn void watch(const char *pattern, int fd)
{
    struct made made = {0};
    char byte;
    int nothing = open("/dev/null", O_RDWR);
    (void)setsid(); /* what a terminal sends does not come here */
    for (int i = 0; i <= STDERR_FILENO && nothing >= 0; i++) {
        (void)dup2(nothing, i); /* who reads them waits for their end */
    }
    snprintf(made.path, sizeof made.path, "%s", pattern);
    made.why = mkdtemp(made.path) == NULL ? errno : 0;
    /* Nobody there to take it: then the next read says so, too. */
    (void)send(fd, &made, sizeof made, MSG_NOSIGNAL);
    while (made.why == 0 && read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
    for (int i = 0; made.why == 0 && i < MOST_TRIES && !empty(made.path); i++) {
        usleep(PAUSE_US);
    }
    _exit(0);
}

/* Starts the watcher. Signals that ask for an end stay blocked in it: the
 * handlers that it has from this process would remove files of this one. What
 * stdio holds need not be flushed before, as the watcher never writes it. */
static int start(struct cli_folder *folder)
{
    int both[2];
    sigset_t ends;
    sigset_t before;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) != 0) {
        return errno;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &ends, &before);
    folder->watcher = fork();
    int why = folder->watcher < 0 ? errno : 0;
    if (folder->watcher == 0) {
        close(both[1]);
        watch(folder->path, both[0]);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    close(both[0]);
    folder->fd = both[1];
    return why;
}

/* Waits for the folder's name. */
static int hear(struct cli_folder *folder)
{
    struct made made = {0};
    ssize_t n = 0;
    do {
        n = recv(folder->fd, &made, sizeof made, 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof made) {
        return n < 0 ? errno : ECHILD;
    }
    memcpy(folder->path, made.path, sizeof folder->path);
    return made.why;
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

enum quern_code cli_folder_make(const struct cli *cli,
                                struct cli_folder *folder)
{
    const char *place = getenv("TMPDIR");
    place = place != NULL && *place != '\0' ? place : "/tmp";
    *folder = (struct cli_folder){.fd = -1, .watcher = -1};
    snprintf(folder->path, sizeof folder->path, "%.4000s/quern-plugin-XXXXXX",
             place);
    int why = start(folder);
    if (why == 0) {
        why = hear(folder);
    }
    if (why == 0) {
        return QUERN_OK;
    }
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    if (folder->watcher > 0) {
        wait_for(folder->watcher);
    }
    *folder = (struct cli_folder){.fd = -1, .watcher = -1};
    return quern_fail(cli->context, QUERN_IO, NULL,
                      "no folder for temporary files can be made in '%s': %s",
                      place, strerror(why));
}

void cli_folder_remove(struct cli_folder *folder)
{
    if (*folder->path == '\0') {
        return;
    }
    bool is_gone = empty(folder->path);
    if (is_gone) {
        /* What a plugin left running may have the other end for long. */
        kill(folder->watcher, SIGKILL);
    }
    close(folder->fd);
    if (is_gone) {
        wait_for(folder->watcher);
    } /* else it goes on until nobody writes there any more */
    folder->path[0] = '\0';
}
