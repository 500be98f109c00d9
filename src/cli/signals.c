/* Signals that ask for an end: Ctrl-C, SIGTERM, a closed terminal. */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* The context that Ctrl-C cancels. A signal handler can reach nothing else. */
static struct quern_context *volatile interrupted;
static atomic_int n_interrupts;

/* The process that strangers' code runs below, 0: none; what that code has sent
 * here. */
static atomic_int stranger;
static atomic_int sent_by_stranger;

enum { MOST_PARENTS = 64 };

/* What a handler may call: a small number into a text, and back. */
static char *put_number(char *end, long number)
{
    *--end = '\0';
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

/* The second field behind the name, which is in brackets and may hold some. */
static pid_t parent_in(const char *stat)
{
    const char *at = strrchr(stat, ')');
    pid_t parent = 0;
    for (at = at != NULL && strlen(at) > 4 ? at + 4 : "";
         *at >= '0' && *at <= '9'; at++) {
        parent = parent * 10 + (*at - '0');
    }
    return parent;
}

/* 0: not known, as of one that is no more. */
static pid_t parent_of(pid_t pid)
{
    char number[16];
    char path[40] = "/proc/";
    char stat[512];
    (void)strcat(path, put_number(number + sizeof number, (long)pid));
    int fd = open(strcat(path, "/stat"), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, stat, sizeof stat - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    stat[n > 0 ? n : 0] = '\0';
    return parent_in(stat);
}

/* Was it sent from below that process? One that has left its parents (fork and
 * setsid) has that process as its parent, as cli_supervise() arranges it. */
static bool is_of_stranger(const siginfo_t *info)
{
    const pid_t top = (pid_t)atomic_load(&stranger);
    pid_t pid = info->si_code <= 0 ? info->si_pid : 0;
    if (top == 0 || pid == top) {
        return false;
    }
    for (int i = 0; i < MOST_PARENTS && pid > 1 && pid != top; i++) {
        pid = parent_of(pid);
    }
    return pid == top;
}

/* The first one cancels; a second one ends the process at once, and of a file
 * that was being written nothing is left. The other signal, which is blocked
 * here, may come to another thread: it must not end the process while this one
 * still removes files. */
static void on_interrupt(int signal_number, siginfo_t *info, void *unused)
{
    struct quern_context *context = interrupted;
    int saved = errno;
    bool is_alien = is_of_stranger(info);
    (void)unused;
    errno = saved;
    if (is_alien) {
        atomic_store(&sent_by_stranger, signal_number);
        return;
    }
    if ((pid_t)atomic_load(&stranger) == getpid()) {
        return; /* the command has it, too, if somebody wants an end */
    }
    int n_before = atomic_fetch_add(&n_interrupts, 1);
    if (context != NULL && n_before == 0) {
        quern_context_cancel(context);
        return;
    }
    if (context != NULL && n_before > 1) {
        return; /* the end is on its way */
    }
    if (context != NULL) {
        quern_context_abandon(context);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* comes once this function is left */
}

void cli_cancel_on_signals(struct quern_context *context)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_flags = SA_RESTART};
    struct sigaction was;
    if (context != NULL) {
        action.sa_flags |= SA_SIGINFO;
        action.sa_sigaction = on_interrupt;
    } else {
        action.sa_handler = SIG_DFL;
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        sigaddset(&action.sa_mask, ends[i]); /* none interrupts another's */
    }
    if (context != NULL) {
        interrupted = context;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        bool ignored = ends[i] == SIGHUP &&
                       sigaction(SIGHUP, NULL, &was) == 0 &&
                       was.sa_handler == SIG_IGN;
        if (!ignored) {
            (void)sigaction(ends[i], &action, NULL);
        }
    }
    if (context == NULL) {
        interrupted = NULL;
    }
}

void cli_catch_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* then the write says "file too large" */
}

bool cli_was_interrupted(void)
{
    return atomic_load(&n_interrupts) != 0;
}

void cli_watch_stranger(pid_t pid)
{
    atomic_store(&sent_by_stranger, 0);
    atomic_store(&stranger, (int)pid);
}

int cli_stranger_sent(void)
{
    return atomic_load(&sent_by_stranger);
}
