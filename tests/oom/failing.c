/* Everything that can fail is made to fail once: each allocation of open,
 * optimize, calibrate, insert and save, or each system call of writing.
 *
 * Up to the save, the work runs once. At each call that is watched the process
 * forks: in the child that call fails (and, with `forever`, all that follow),
 * and the child carries on to the end and judges how it went. So the cost is
 * one fork and one unwinding per call, not one run per call. The save is done
 * anew for each call that fails in it: processes that forked would share the
 * file that is being written.
 *
 * What must hold after a failure: a code that says why, with an error in the
 * context, nothing leaked, and at the place of the output either the old file
 * or the whole new one, with no temporary file beside it.
 *
 * Usage: failing alloc|forever|write MODEL DATA STEP [PIPELINE]
 *   STEP      only every STEP-th call fails
 *   PIPELINE  instead of that of quantizing */
#include <quern/quern.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *block);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t size);
int __real_fsync(int fd);
int __real_close(int fd);
int __real_rename(const char *from, const char *to);
int __real_fchmod(int fd, mode_t mode);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset);

enum mode { ALLOC, FOREVER, WRITE };
enum {
    NOT_REACHED = 42, /* exit code: the save made fewer calls */
    TOLD = 43,        /* exit code: ended with an error, all as it should be */
};

/* How a call of the second kind fails. */
struct way {
    int error;      /* errno, or 0: a short write */
    bool once_more; /* the call would work if tried again */
};

static const struct way ways[] = {
    {ENOSPC, false}, {EIO, false}, {EDQUOT, false}, {EINTR, true}, {0, true},
};

static enum mode mode;
static bool watching;
static bool calm;           /* nothing is to fail */
static bool failed;         /* in a child: the call has failed */
static long countdown = -1; /* calls before the one that fails; -1: fork */
static const char *failed_call;
static struct way way;
static unsigned long n_calls;
static unsigned long step = 1;
static unsigned n_wrong;
static unsigned n_told; /* failures that ended with an error */
static long n_live;     /* blocks allocated and not freed */

/* Did that child do well? */
static bool judge(pid_t child, const char *call)
{
    int status = 0;
    bool good = child >= 0 && waitpid(child, &status, 0) == child &&
                WIFEXITED(status) &&
                (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == TOLD ||
                 WEXITSTATUS(status) == NOT_REACHED);
    n_told += good && WEXITSTATUS(status) == TOLD;
    if (!good) {
        fprintf(stderr, "call %lu, %s: %s %d\n", n_calls, call,
                WIFSIGNALED(status) ? "signal" : "exit code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        n_wrong++;
    }
    return child < 0 || !WIFEXITED(status) ||
           WEXITSTATUS(status) != NOT_REACHED;
}

static void fail_now(const char *call)
{
    failed = true;
    failed_call = call;
    watching = mode == FOREVER;
}

static bool fails(const char *call, enum mode kind)
{
    if (!watching || (kind == WRITE) != (mode == WRITE) || n_wrong > 20) {
        return false;
    }
    if (failed) {
        return mode == FOREVER;
    }
    if (countdown >= 0) { /* in the save: of this process alone */
        if (countdown-- > 0) {
            return false;
        }
        fail_now(call);
        errno = way.error;
        return true;
    }
    if (n_calls++ % step != 0) {
        return false;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fail_now(call);
        return true;
    }
    judge(child, call);
    return false;
}

/* ------------------------------------------------------------ the calls */

static void *count_block(void *block)
{
    n_live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails("malloc", ALLOC) ? NULL : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails("calloc", ALLOC) ? NULL : count_block(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    if (fails("realloc", ALLOC)) {
        return NULL;
    }
    void *grown = __real_realloc(block, size);
    n_live += block == NULL && grown != NULL;
    return grown;
}

void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails("aligned_alloc", ALLOC)
               ? NULL
               : count_block(__real_aligned_alloc(align, size));
}

void __wrap_free(void *block);
void __wrap_free(void *block)
{
    n_live -= block != NULL;
    __real_free(block);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset)
{
    return fails("mmap", ALLOC)
               ? MAP_FAILED
               : __real_mmap64(at, size, prot, flags, fd, offset);
}

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t bits = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return (flags & O_CREAT) != 0 && fails("open", WRITE)
               ? -1
               : __real_open64(path, flags, bits);
}

ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (!fails("write", WRITE)) {
        return __real_write(fd, data, size);
    }
    return way.error != 0 ? -1 : __real_write(fd, data, size > 1 ? 1 : size);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return fails("fsync", WRITE) ? -1 : 0; /* quick: nothing is cut here */
}

int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool bad = fails("close", WRITE);
    int code = __real_close(fd);
    return bad ? -1 : code;
}

int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails("rename", WRITE) ? -1 : __real_rename(from, to);
}

int __wrap_fchmod(int fd, mode_t bits);
int __wrap_fchmod(int fd, mode_t bits)
{
    return fails("fchmod", WRITE) ? -1 : __real_fchmod(fd, bits);
}

/* ------------------------------------------------------------- the work */

struct job {
    const char *model;
    const char *data;
    const char *pipeline;
    char folder[64];
    char out[96];
    uint64_t bytes; /* a hash of what is written when nothing fails */
};

static const char pipeline[] =
    "observe-shapes,raise-opset,optimize,calibrate{channels=true},equalize,"
    "channel-factors,calibrate{means=true},insert-qdq{keep-floats="
    "true},weight-bias,"
    "bias-correction,float-layers{threshold=60}";

/* The file whole: it opens, and what it refers to is there. */
static bool opens(const struct job *job, struct quern_context *context)
{
    struct quern_model *model = NULL;
    quern_clear(context);
    enum quern_code code = quern_model_open(context, job->out, &model);
    quern_model_destroy(&model);
    return code == QUERN_OK;
}

static uint64_t bytes_of(const struct job *job)
{
    char block[4096];
    uint64_t hash = QUERN_HASH_START;
    size_t n = 0;
    FILE *f = fopen(job->out, "rb");
    while (f != NULL && (n = fread(block, 1, sizeof block, f)) > 0) {
        hash = quern_hash(hash, block, n);
    }
    if (f != NULL) {
        fclose(f);
    }
    return hash;
}

static bool is_old(const struct job *job)
{
    char text[8] = "";
    FILE *f = fopen(job->out, "rb");
    size_t n = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    if (f != NULL) {
        fclose(f);
    }
    return n == 3 && memcmp(text, "old", 3) == 0;
}

/* Files that are neither the output nor its data. */
static unsigned count_strays(const struct job *job, bool done)
{
    unsigned n = 0;
    DIR *dir = opendir(job->folder);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        size_t size = strlen(e->d_name);
        bool data = size > 5 && strcmp(e->d_name + size - 5, ".data") == 0;
        n += e->d_name[0] != '.' && strcmp(e->d_name, "out.onnx") != 0 &&
             !(data && done);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

static const char *verdict(const struct job *job, struct quern_context *context,
                           enum quern_code code)
{
    enum quern_code wanted = mode == WRITE ? QUERN_IO : QUERN_NO_MEMORY;
    if (code != QUERN_OK && code != wanted) {
        return "wrong code";
    }
    if (code != QUERN_OK && quern_error(context) == NULL) {
        return "no error in the context";
    }
    if (code == QUERN_OK && mode == WRITE && failed && !way.once_more &&
        strcmp(failed_call, "close") != 0 &&
        strcmp(failed_call, "fsync") != 0) {
        return "success, though a write failed";
    }
    bool whole = code == QUERN_OK ? opens(job, context)
                                  : is_old(job) || opens(job, context);
    if (!whole) {
        return "output is neither old nor new";
    }
    if (code == QUERN_OK && mode != WRITE && bytes_of(job) != job->bytes) {
        return "success with other bytes than when nothing fails";
    }
    if (code != QUERN_OK && mode != WRITE && !is_old(job)) {
        return "output was replaced, though the job failed";
    }
    return count_strays(job, code == QUERN_OK || !is_old(job)) > 0
               ? "a temporary file is left"
               : NULL;
}

/* An output that stood there before, and nothing else. */
static void reset(const struct job *job)
{
    char path[400];
    DIR *dir = opendir(job->folder);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", job->folder, e->d_name);
        if (e->d_name[0] != '.') {
            unlink(path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    FILE *f = fopen(job->out, "wb");
    if (f == NULL || fputs("old", f) < 0 || fclose(f) != 0) {
        fprintf(stderr, "no output to replace\n");
        exit(2);
    }
}

static int finish_child(const struct job *job, struct quern_context *context,
                        enum quern_code code);

/* Save with call n failing in each of its ways, in processes of their own.
 * Returns false when there is no call n. */
static bool save_failing(const struct job *job, struct quern_context *context,
                         struct quern_model **model, long n)
{
    size_t n_ways = mode == WRITE ? sizeof ways / sizeof *ways : 1;
    bool reached = false;
    for (size_t i = 0; i < n_ways; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            countdown = n;
            way = ways[i];
            watching = true;
            enum quern_code code = quern_model_save(*model, job->out, NULL);
            watching = false;
            quern_model_destroy(model);
            exit(finish_child(job, context, code));
        }
        reached = judge(child, "save") || reached;
        n_calls += reached;
    }
    return reached;
}

static enum quern_code work(const struct job *job,
                            struct quern_context *context)
{
    struct quern_model *model = NULL;
    struct quern_apply_options apply = {.struct_size = sizeof apply,
                                        .data = job->data};
    watching = mode != WRITE && !calm;
    enum quern_code code = quern_model_open(context, job->model, &model);
    if (code == QUERN_OK) {
        code = quern_apply(model, job->pipeline, &apply);
    }
    for (long n = 0; code == QUERN_OK && !failed && !calm && n_wrong < 20;
         n++) {
        if (!save_failing(job, context, &model, n)) {
            break;
        }
    }
    watching = failed && mode == FOREVER;
    if (code == QUERN_OK) {
        code = quern_model_save(model, job->out, NULL);
    }
    watching = false;
    quern_model_destroy(&model);
    return code;
}

/* Judge what a failure led to; the exit code of the process. */
static int finish_child(const struct job *job, struct quern_context *context,
                        enum quern_code code)
{
    if (countdown >= 0 && code == QUERN_OK) {
        quern_context_destroy(&context);
        reset(job);
        return NOT_REACHED;
    }
    const char *wrong = verdict(job, context, code);
    char line[1024] = "";
    if (quern_error(context) != NULL) {
        quern_message_format(quern_error(context), line, sizeof line);
    }
    quern_context_destroy(&context);
    if (wrong == NULL && n_live != 0) {
        wrong = "blocks are left";
    }
    if (wrong != NULL) {
        fprintf(stderr, "%s (%s: %s); code '%s', %ld blocks left, %s\n", wrong,
                failed_call, strerror(way.error), quern_code_name(code), n_live,
                line);
    }
    /* What this process wrote goes, so that the next one finds it as it was. */
    reset(job);
    return wrong != NULL ? 1 : code != QUERN_OK ? TOLD : 0;
}

/* Once before all that fails: what it has to come to. */
static bool work_undisturbed(struct job *job,
                             const struct quern_context_options *o)
{
    struct quern_context *context = NULL;
    calm = true;
    enum quern_code code = quern_context_create(o, &context);
    code = code == QUERN_OK ? work(job, context) : code;
    job->bytes = bytes_of(job);
    quern_context_destroy(&context);
    reset(job);
    calm = false;
    return code == QUERN_OK;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"alloc", "forever", "write"};
    struct job job = {.folder = P_tmpdir "/quern-failing-XXXXXX"};
    if (argc < 5 || argc > 6 || mkdtemp(job.folder) == NULL) {
        fprintf(stderr, "usage: failing alloc|forever|write MODEL DATA STEP "
                        "[PIPELINE]\n");
        return 2;
    }
    while (mode < WRITE && strcmp(argv[1], names[mode]) != 0) {
        mode++;
    }
    job.model = argv[2];
    job.data = argv[3];
    job.pipeline = argc > 5 ? argv[5] : pipeline;
    step = strtoul(argv[4], NULL, 10);
    step = step > 0 ? step : 1;
    snprintf(job.out, sizeof job.out, "%s/out.onnx", job.folder);
    reset(&job);
    n_live = 0;
    struct quern_context_options o = {.struct_size = sizeof o, .n_threads = 1};
    struct quern_context *context = NULL;
    if (!work_undisturbed(&job, &o) ||
        quern_context_create(&o, &context) != QUERN_OK) {
        return 2;
    }
    enum quern_code code = work(&job, context);
    if (!failed) { /* the one run that nothing disturbed */
        bool good = code == QUERN_OK && opens(&job, context);
        quern_context_destroy(&context);
        reset(&job);
        printf("%s: %lu calls, one of %lu failed: %u told, %u went wrong; %ld "
               "blocks left\n",
               argv[1], n_calls, step, n_told, n_wrong, n_live);
        unlink(job.out);
        rmdir(job.folder);
        return good && n_wrong == 0 && n_live == 0 &&
                       n_told * step > n_calls / 2
                   ? 0
                   : 1;
    }
    return finish_child(&job, context, code);
}
