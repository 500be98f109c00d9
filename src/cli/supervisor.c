/* The process that a plugin's child is a child of. */
#include "supervisor.h"

#include "signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MOST_ROUNDS = 200, /* of killing what is left, with pauses: a second */
    PAUSE_US = 5000,
    LOOK_MS = 10,
};

/* ---------------------------------------------------------- in the child */

static _Noreturn void be_child(const struct cli_errand *e)
{
    const struct rlimit no_core = {0, 0};
    const struct rlimit data = {e->bounds->memory, e->bounds->memory};
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (e->bounds->memory > 0) {
        (void)setrlimit(RLIMIT_DATA, &data);
    }
    (void)sigprocmask(SIG_SETMASK, &e->mask, NULL);
    close(e->verdict);
    close(e->command);
    int nothing = open("/dev/null", O_RDONLY);
    FILE *report = fdopen(e->report, "w");
    if (nothing < 0 || report == NULL || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(e->said, STDOUT_FILENO) < 0 || dup2(e->said, STDERR_FILENO) < 0) {
        _exit(127);
    }
    e->work(e->user, report);
    fputs(CLI_END_MARK, report);
    fclose(report);
    exit(0); /* what the plugin does at the end of a process shows, too */
}

/* ------------------------------------------------------- what is left over */

/* Is it a child of this process? Then it stays one, and keeps its number, until
 * this process asks how it has ended.
 * @param out_is_dead  has ended */
static bool is_child(const char *pid, bool *out_is_dead)
{
    char path[64];
    char stat[512] = "";
    char state = ' ';
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        stat[fread(stat, 1, sizeof stat - 1, f)] = '\0';
        fclose(f);
    }
    const char *at = strrchr(stat, ')'); /* the name may hold some, too */
    bool is_read = at != NULL && sscanf(at, ") %c %d", &state, &parent) == 2;
    *out_is_dead = state == 'Z';
    return is_read && parent == (int)getpid();
}

/* Kill all children. Without /proc none is found.
 * @return some were alive */
static bool kill_children(void)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry = NULL;
    bool is_dead = false;
    bool found = false;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && is_child(entry->d_name, &is_dead) && !is_dead) {
            found = true;
            kill(pid, SIGKILL);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return found;
}

/* False: there is no child any more, dead or alive. */
static bool reap(void)
{
    pid_t pid = 0;
    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0 || (pid < 0 && errno == EINTR));
    return pid == 0;
}

/* What the child, which has ended, has left behind: its group, whose number
 * nobody else can have before the child is reaped, and what has gone out of
 * that. Children of those that are killed come next. */
static enum cli_left end_rest(pid_t child, int *out_status)
{
    bool left_some = kill_children();
    kill(-child, SIGKILL);
    while (waitpid(child, out_status, 0) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < MOST_ROUNDS; i++) {
        if (!reap()) {
            return left_some ? CLI_LEFT_ENDED : CLI_LEFT_NONE;
        }
        usleep(PAUSE_US);
        (void)kill_children();
    }
    return CLI_LEFT_ALIVE;
}

/* ------------------------------------------------------------ its life */

/* The child is not reaped here.
 * @return it has ended */
static bool has_ended(pid_t child, int options)
{
    siginfo_t info = {0};
    int failed = waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | options);
    return failed != 0 ? errno != EINTR : info.si_pid != 0;
}

/* Wait for the end of the child, or make it end: too late, by a signal that it
 * should not have sent, by a command that is gone. */
static void attend(const struct cli_errand *e, pid_t child,
                   struct cli_verdict *v)
{
    const double start = cli_seconds(e->cli);
    struct pollfd command = {e->command, POLLIN, 0};
    bool is_told = false;
    bool is_over = false;
    while (!is_over && !has_ended(child, WNOHANG)) {
        bool is_alone = poll(&command, 1, LOOK_MS) > 0;
        double seconds = cli_seconds(e->cli) - start;
        if (!is_told && seconds > 0.8 * e->bounds->seconds) {
            kill(child, SIGTERM); /* cancels what runs, as for the command */
            is_told = true;
        }
        v->is_late = seconds > e->bounds->seconds;
        is_over = is_alone || v->is_late || cli_stranger_sent() != 0;
    }
    kill(child, SIGKILL); /* it may be dead, it is not reaped */
    while (!has_ended(child, 0)) {
    }
}

/* Nothing of the terminal, nor what the command has for standard output: who
 * reads that waits for its end. */
static void leave_terminal(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsid();
    for (int i = 0; i <= STDERR_FILENO && nothing >= 0; i++) {
        (void)dup2(nothing, i);
    }
    if (nothing > STDERR_FILENO) {
        close(nothing);
    }
}

_Noreturn void cli_supervise(const struct cli_errand *e)
{
    struct cli_verdict v = {0};
    leave_terminal();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come here */
    signal(SIGCHLD, SIG_DFL); /* ignored, the children would not wait */
    pid_t child = fork();
    if (child == 0) {
        be_child(e);
    }
    cli_watch_stranger(getpid());
    (void)sigprocmask(SIG_SETMASK, &e->mask, NULL);
    if (child < 0) {
        v.why = errno;
    } else {
        (void)setpgid(child, child);
        attend(e, child, &v);
        v.left = end_rest(child, &v.status);
        v.sent = cli_stranger_sent();
    }
    (void)!write(e->verdict, &v, sizeof v);
    _exit(0); /* nothing of the command's is tidied up here */
}
