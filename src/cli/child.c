/* Work in a child process with bounds. */
#include "child.h"

#include "signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REPORT,
    SAID,
    N_PIPES,
    MOST_REPORT = 1 << 20,
    MOST_ROUNDS = 200, /* of killing what is left, with pauses: a second */
    PAUSE_US = 5000,
};

/* The last line of a report that is whole. */
static const char end_mark[] = "\nEND\n";

struct talk {
    int fd[N_PIPES]; /* -1: closed */
    char *text[N_PIPES];
    size_t size[N_PIPES];
    size_t most[N_PIPES];
};

/* ---------------------------------------------------------- in the child */

static _Noreturn void be_child(const struct cli_bounds *bounds,
                               const int out[N_PIPES],
                               void (*work)(void *user, FILE *report),
                               void *user)
{
    const struct rlimit no_core = {0, 0};
    const struct rlimit data = {bounds->memory, bounds->memory};
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (bounds->memory > 0) {
        (void)setrlimit(RLIMIT_DATA, &data);
    }
    int nothing = open("/dev/null", O_RDONLY);
    FILE *report = fdopen(out[REPORT], "w");
    if (nothing < 0 || report == NULL || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(out[SAID], STDOUT_FILENO) < 0 ||
        dup2(out[SAID], STDERR_FILENO) < 0) {
        _exit(127);
    }
    work(user, report);
    fputs(end_mark, report);
    fclose(report);
    exit(0); /* what the plugin does at the end of a process shows, too */
}

/* --------------------------------------------------------- in the parent */

static void close_pipe(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Take what a pipe holds; what is too much is thrown away. */
static void take(struct talk *t, int which)
{
    char room[4096];
    ssize_t n = read(t->fd[which], room, sizeof room);
    if (n <= 0) {
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close_pipe(&t->fd[which]);
        }
        return;
    }
    size_t left = t->most[which] - t->size[which];
    size_t size = (size_t)n < left ? (size_t)n : left;
    memcpy(t->text[which] + t->size[which], room, size);
    t->size[which] += size;
}

static void nap(struct talk *t, int milliseconds, bool *out_done)
{
    struct pollfd wanted[N_PIPES];
    for (int i = 0; i < N_PIPES; i++) {
        wanted[i] = (struct pollfd){t->fd[i], POLLIN, 0};
    }
    *out_done = poll(wanted, N_PIPES, milliseconds) <= 0;
    for (int i = 0; i < N_PIPES; i++) {
        if (t->fd[i] >= 0 && wanted[i].revents != 0) {
            take(t, i);
        }
    }
}

/* ------------------------------------------------------- what is left over */

/* Is it a child of this process?
 * @param out_is_dead  has ended, and nobody has asked how */
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

/* Children of this process, whoever made them: a shell that became this one
 * may have left some, too. */
struct brood {
    pid_t *pids;
    size_t n;
    size_t n_alive;
};

/* False: no memory. */
static bool list_children(struct brood *brood)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry = NULL;
    bool is_dead = false;
    bool good = true;
    *brood = (struct brood){0};
    while (dir != NULL && good && (entry = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || !is_child(entry->d_name, &is_dead)) {
            continue;
        }
        pid_t *grown =
            realloc(brood->pids, (brood->n + 1) * sizeof *brood->pids);
        good = grown != NULL;
        if (good) {
            brood->pids = grown;
            brood->pids[brood->n++] = pid;
            brood->n_alive += !is_dead;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return good;
}

static bool has(const struct brood *brood, pid_t pid)
{
    size_t i = 0;
    while (i < brood->n && brood->pids[i] != pid) {
        i++;
    }
    return i < brood->n;
}

/* Kill the children that are there now and were not before.
 * @param out_alive  some had not ended
 * @return some were there */
static bool kill_new(const struct brood *before, bool *out_alive)
{
    struct brood now;
    bool found = false;
    (void)list_children(&now); /* as many as there is memory for */
    for (size_t i = 0; i < now.n; i++) {
        if (!has(before, now.pids[i])) {
            found = true;
            kill(now.pids[i], SIGKILL);
            (void)waitpid(now.pids[i], NULL, WNOHANG);
        }
    }
    *out_alive = found && now.n_alive > before->n_alive;
    free(now.pids);
    return found;
}

/* What the child has left behind: its group, and what has gone out of that.
 * Children of those that are killed come next.
 * @return there was something */
static bool end_rest(pid_t group, const struct brood *before)
{
    bool left_some = false;
    bool goes_on = kill_new(before, &left_some);
    kill(-group, SIGKILL);
    for (int i = 0; goes_on && i < MOST_ROUNDS; i++) {
        bool unused = false;
        usleep(PAUSE_US);
        goes_on = kill_new(before, &unused);
    }
    return left_some;
}

/* ------------------------------------------------------------ its life */

/* Wait for the end, taking what is told meanwhile. A grandchild may hold the
 * pipes longer than the child lives, so their end is not waited for. */
static enum quern_code attend(struct cli *cli, const struct cli_bounds *bounds,
                              pid_t pid, struct talk *t, int *out_status,
                              bool *out_late)
{
    const double start = cli_seconds(cli);
    enum quern_code code = QUERN_OK;
    bool idle = false;
    bool is_told = false;
    *out_late = false;
    while (waitpid(pid, out_status, WNOHANG) == 0) {
        nap(t, 10, &idle);
        code = cli_was_interrupted() ? quern_fail(cli->context, QUERN_CANCELLED,
                                                  NULL, "cancelled")
                                     : QUERN_OK;
        double seconds = cli_seconds(cli) - start;
        if (!is_told && seconds > 0.8 * bounds->seconds) {
            kill(pid, SIGTERM); /* cancels what runs, as for the command */
            is_told = true;
        }
        *out_late = seconds > bounds->seconds;
        if (code != QUERN_OK || *out_late || cli_stranger_sent() != 0) {
            kill(pid, SIGKILL);
            waitpid(pid, out_status, 0);
            break;
        }
    }
    return code;
}

/* What is in the pipes still. */
static void drain(struct talk *t)
{
    bool idle = false;
    while (!idle && (t->fd[REPORT] >= 0 || t->fd[SAID] >= 0)) {
        nap(t, 0, &idle);
    }
}

static void one_line(char *text)
{
    size_t n = strcspn(text, "\n");
    text[n] = '\0';
    for (char *c = text; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c;
    }
}

static void judge(struct talk *t, int status, bool is_late,
                  struct cli_child *out)
{
    int sent = cli_stranger_sent();
    size_t mark = sizeof end_mark - 1;
    char *report = t->text[REPORT];
    size_t size = t->size[REPORT];
    bool is_whole = size >= mark && strcmp(report + size - mark, end_mark) == 0;
    out->end = sent != 0             ? CLI_CHILD_SIGNALS
               : is_late             ? CLI_CHILD_TIMEOUT
               : WIFSIGNALED(status) ? CLI_CHILD_KILLED
               : is_whole            ? CLI_CHILD_DONE
                                     : CLI_CHILD_QUIT;
    out->number = sent != 0             ? sent
                  : WIFSIGNALED(status) ? WTERMSIG(status)
                                        : WEXITSTATUS(status);
    out->report = report;
    if (is_whole) {
        report[size - mark + 1] = '\0';
    }
    one_line(out->said);
}

static bool make_pipes(int in[N_PIPES], int out[N_PIPES])
{
    for (int i = 0; i < N_PIPES; i++) {
        int both[2];
        if (pipe2(both, O_CLOEXEC) != 0) {
            return false;
        }
        in[i] = both[0];
        out[i] = both[1];
    }
    return true;
}

enum quern_code cli_child_run(struct cli *cli, const struct cli_bounds *bounds,
                              void (*work)(void *user, FILE *report),
                              void *user, struct cli_child *out_child)
{
    struct talk t = {.fd = {-1, -1},
                     .text = {calloc(1, MOST_REPORT + 1), out_child->said},
                     .most = {MOST_REPORT, sizeof out_child->said - 1}};
    struct brood before = {0};
    int out[N_PIPES] = {-1, -1};
    int status = 0;
    bool is_late = false;
    enum quern_code code = QUERN_OK;
    memset(out_child->said, 0, sizeof out_child->said);
    if (t.text[REPORT] == NULL || !list_children(&before)) {
        free(t.text[REPORT]);
        free(before.pids);
        return QUERN_NO_MEMORY;
    }
    fflush(NULL);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    cli_watch_stranger(-1);
    pid_t pid = make_pipes(t.fd, out) ? fork() : -1;
    if (pid == 0) {
        cli_watch_stranger(0);
        be_child(bounds, out, work, user);
    }
    for (int i = 0; i < N_PIPES; i++) {
        close_pipe(&out[i]);
    }
    if (pid < 0) {
        code = quern_fail(cli->context, QUERN_IO, NULL,
                          "no process can be started: %s", strerror(errno));
    } else {
        (void)setpgid(pid, pid);
        cli_watch_stranger(pid);
        code = attend(cli, bounds, pid, &t, &status, &is_late);
        out_child->left_some = end_rest(pid, &before);
        drain(&t);
    }
    for (int i = 0; i < N_PIPES; i++) {
        close_pipe(&t.fd[i]);
    }
    if (code == QUERN_OK) {
        judge(&t, status, is_late, out_child);
    } else {
        free(t.text[REPORT]);
    }
    cli_watch_stranger(0);
    free(before.pids);
    return code;
}
