/* Work in a child process with bounds. */
#include "child.h"

#include "signals.h"
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REPORT,
    SAID,
    VERDICT,
    N_PIPES,
    MOST_REPORT = 1 << 20,
};

/* Seconds that the supervisor has to end what is left. */
static const double GRACE = 10.0;

struct talk {
    int fd[N_PIPES]; /* -1: closed */
    char *text[N_PIPES];
    size_t size[N_PIPES];
    size_t most[N_PIPES];
};

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

/* ------------------------------------------------------------ its life */

/* Wait for the end of the supervisor, taking what is told meanwhile. What the
 * child has left may hold the pipes longer, so their end is not waited for.
 * @param command  is closed to ask for an end
 * @param out_late  the supervisor did not do its work in time: it was stopped,
 * and is killed */
static enum quern_code attend(struct cli *cli, const struct cli_bounds *bounds,
                              pid_t supervisor, int *command, struct talk *t,
                              int *out_status, bool *out_late)
{
    double until = cli_seconds(cli) + bounds->seconds + GRACE;
    bool idle = false;
    *out_late = false;
    while (waitpid(supervisor, out_status, WNOHANG) == 0) {
        nap(t, 10, &idle);
        double now = cli_seconds(cli);
        if (*command >= 0 &&
            (cli_was_interrupted() || cli_stranger_sent() != 0)) {
            close_pipe(command);
            until = now + GRACE < until ? now + GRACE : until;
        }
        if (now > until) {
            *out_late = true;
            kill(supervisor, SIGKILL);
        }
    }
    return cli_was_interrupted()
               ? quern_fail(cli->context, QUERN_CANCELLED, NULL, "cancelled")
               : QUERN_OK;
}

/* What is in the pipes still. */
static void drain(struct talk *t)
{
    bool idle = false;
    while (!idle &&
           (t->fd[REPORT] >= 0 || t->fd[SAID] >= 0 || t->fd[VERDICT] >= 0)) {
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

/* A supervisor that ended without a word was killed: the plugin is the only one
 * that runs below it.
 * @param status  of the supervisor */
static void judge(struct talk *t, int status, bool is_late,
                  struct cli_verdict *v, struct cli_child *out)
{
    static const char mark[] = CLI_END_MARK;
    size_t mark_size = sizeof mark - 1;
    char *report = t->text[REPORT];
    size_t size = t->size[REPORT];
    bool is_whole =
        size >= mark_size && strcmp(report + size - mark_size, mark) == 0;
    if (t->size[VERDICT] != sizeof *v) {
        *v = (struct cli_verdict){.is_late = is_late, .left = CLI_LEFT_ALIVE};
        v->sent = is_late               ? 0
                  : WIFSIGNALED(status) ? WTERMSIG(status)
                                        : SIGKILL;
    }
    int sent = cli_stranger_sent() != 0 ? cli_stranger_sent() : v->sent;
    out->end = sent != 0                ? CLI_CHILD_SIGNALS
               : v->is_late             ? CLI_CHILD_TIMEOUT
               : WIFSIGNALED(v->status) ? CLI_CHILD_KILLED
               : is_whole               ? CLI_CHILD_DONE
                                        : CLI_CHILD_QUIT;
    out->number = sent != 0                ? sent
                  : WIFSIGNALED(v->status) ? WTERMSIG(v->status)
                                           : WEXITSTATUS(v->status);
    out->left = v->left;
    out->report = report;
    if (is_whole) {
        report[size - mark_size + 1] = '\0';
    }
    one_line(out->said);
}

static bool make_pipes(int in[], int out[], int n)
{
    for (int i = 0; i < n; i++) {
        int both[2];
        if (pipe2(both, O_CLOEXEC) != 0) {
            return false;
        }
        in[i] = both[0];
        out[i] = both[1];
    }
    return true;
}

/* Signals wait until both processes know whose they would be.
 * @return the supervisor; -1: none can be made */
static pid_t start(struct cli_errand *errand, int *command)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    fflush(NULL);
    (void)sigprocmask(SIG_BLOCK, &ends, &errand->mask);
    pid_t pid = fork();
    if (pid == 0) {
        close(*command); /* its end is that of the command */
        cli_supervise(errand);
    }
    int why = errno;
    cli_watch_stranger(pid > 0 ? pid : 0);
    (void)sigprocmask(SIG_SETMASK, &errand->mask, NULL);
    errno = why;
    return pid;
}

enum quern_code cli_child_run(struct cli *cli, const struct cli_bounds *bounds,
                              void (*work)(void *user, FILE *report),
                              void *user, struct cli_child *out_child)
{
    struct cli_verdict verdict = {0};
    struct talk t = {
        .fd = {-1, -1, -1},
        .text = {calloc(1, MOST_REPORT + 1), out_child->said, (char *)&verdict},
        .most = {MOST_REPORT, sizeof out_child->said - 1, sizeof verdict}};
    int out[N_PIPES] = {-1, -1, -1};
    int control[2] = {-1, -1}; /* the supervisor's end, the command's */
    int status = 0;
    bool is_late = false;
    enum quern_code code = QUERN_OK;
    memset(out_child->said, 0, sizeof out_child->said);
    if (t.text[REPORT] == NULL) {
        return QUERN_NO_MEMORY;
    }
    bool good = make_pipes(t.fd, out, N_PIPES) &&
                make_pipes(&control[0], &control[1], 1);
    struct cli_errand errand = {
        .cli = cli,
        .bounds = bounds,
        .work = work,
        .user = user,
        .report = out[REPORT],
        .said = out[SAID],
        .verdict = out[VERDICT],
        .command = control[0],
    };
    pid_t pid = good ? start(&errand, &control[1]) : -1;
    int why = pid < 0 ? errno : 0;
    for (int i = 0; i < N_PIPES; i++) {
        close_pipe(&out[i]);
    }
    close_pipe(&control[0]);
    if (pid > 0) {
        code = attend(cli, bounds, pid, &control[1], &t, &status, &is_late);
        drain(&t);
        why = verdict.why;
    }
    if (code == QUERN_OK && why != 0) {
        code = quern_fail(cli->context, QUERN_IO, NULL,
                          "no process can be started: %s", strerror(why));
    }
    for (int i = 0; i < N_PIPES; i++) {
        close_pipe(&t.fd[i]);
    }
    close_pipe(&control[1]);
    if (code == QUERN_OK) {
        judge(&t, status, is_late, &verdict, out_child);
    } else {
        free(t.text[REPORT]);
    }
    cli_watch_stranger(0);
    return code;
}
