/* Truncations and random mutants of a model through open, check, optimize (or
 * with data: quantize), save and open again. Each must end in a code with one
 * line that says why, without a crash, a hang or memory beyond its limit.
 *
 * Usage: mutants MODEL N [FIRST [DATA]]
 *   N      mutants; FIRST is the number of the first one (default 1)
 *   DATA   samples: then mutants are quantized instead of optimized
 * A mutant that goes wrong is told by its number: the same number makes it
 * again. `mutants MODEL write NUMBER FILE` writes it to a file. */
#include <quern/quern.h>

#include "mutant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 60, N_CODES = 12, MEMORY = 64 << 20 };

/* Files of this program need not survive a power cut. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=1024:"
           "detect_stack_use_after_return=1";
}

struct shared {
    uint64_t current;          /* the case that runs */
    uint64_t codes[N_CODES];   /* how cases of opening ended */
    uint64_t further[N_CODES]; /* and those of what followed */
};

struct work {
    const unsigned char *data;
    size_t size;
    const char *samples;
    char out[64];
    struct shared *shared;
};

/* `samples`: data may not fit the mutant, which is no fault of either. */
static void explain(struct quern_context *context, enum quern_code code,
                    bool samples)
{
    char line[4096];
    if (code == QUERN_OK) {
        return;
    }
    if (code == QUERN_INTERNAL || code == QUERN_IO ||
        (code == QUERN_INVALID_ARGUMENT && !samples) ||
        code == QUERN_NO_MEMORY || quern_error(context) == NULL) {
        fprintf(stderr, "code '%s' is none that bad input may have\n",
                quern_code_name(code));
        if (quern_error(context) != NULL) {
            quern_message_format(quern_error(context), line, sizeof line);
            fprintf(stderr, "%s\n", line);
        }
        abort();
    }
    size_t size = quern_message_format(quern_error(context), line, sizeof line);
    if (size < 20 || strchr(line, '\n') != NULL) {
        fprintf(stderr, "bad message '%s'\n", line);
        abort();
    }
    quern_clear(context);
}

static void reopen(struct quern_context *context, const struct work *w)
{
    struct quern_model *model = NULL;
    enum quern_code code = quern_model_open(context, w->out, &model);
    if (code != QUERN_OK) {
        char line[4096];
        quern_message_format(quern_error(context), line, sizeof line);
        fprintf(stderr, "what was saved cannot be opened: %s\n", line);
        abort();
    }
    quern_model_destroy(&model);
}

static void count(void *user, const struct quern_message *finding)
{
    uint64_t *n = user;
    *n += finding->severity == QUERN_SEVERITY_ERROR;
}

static enum quern_code work_on(struct quern_context *context,
                               struct quern_model *model, const struct work *w)
{
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .data = w->samples};
    uint64_t n_findings = 0;
    enum quern_code code = quern_model_verify(model, count, &n_findings);
    if (code != QUERN_OK) {
        explain(context, quern_model_verify(model, NULL, NULL), false);
    }
    if ((code == QUERN_OK) != (n_findings == 0)) {
        fprintf(stderr, "verifier: code '%s', %llu errors\n",
                quern_code_name(code), (unsigned long long)n_findings);
        abort();
    }
    code = quern_apply(
        model,
        w->samples != NULL
            ? "observe-shapes,raise-opset,optimize,calibrate,equalize,"
              "calibrate,channel-factors,calibrate{means=true},insert-qdq,"
              "weight-bias,bias-correction"
            : "raise-opset,optimize",
        &o);
    w->shared->further[code]++;
    explain(context, code, w->samples != NULL);
    enum quern_code saved = quern_model_save(model, w->out, NULL);
    explain(context, saved, false);
    if (saved == QUERN_OK) {
        reopen(context, w);
    }
    return code;
}

static void one(const struct work *w, const unsigned char *data, size_t size)
{
    struct quern_context_options o = {
        .struct_size = sizeof o, .n_threads = 1, .max_memory = MEMORY};
    struct quern_context *context = NULL;
    struct quern_model *model = NULL;
    alarm(SECONDS);
    if (quern_context_create(&o, &context) != QUERN_OK) {
        abort();
    }
    /* The reader must not look behind the end. */
    unsigned char *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    enum quern_code code =
        quern_model_open_memory(context, copy, size, NULL, &model);
    w->shared->codes[code]++;
    explain(context, code, false);
    if (code == QUERN_OK) {
        code = work_on(context, model, w);
    }
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    free(copy);
    alarm(0);
}

static void run_case(const struct work *w, uint64_t i)
{
    struct mutant m = {0};
    w->shared->current = i;
    if (i < w->size) {
        one(w, w->data, (size_t)i); /* cases below the size: truncations */
        return;
    }
    mutant_make(w->data, w->size, i - w->size, &m);
    one(w, m.data, m.size);
    mutant_finish(&m);
}

static void limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if !__has_feature(address_sanitizer)
    struct rlimit limit = {1u << 30, 1u << 30};
    setrlimit(RLIMIT_DATA, &limit);
#endif
#endif
}

/* Cases [first, end) in processes of their own; one that dies costs its case
 * alone. Returns how many died. */
static unsigned run_all(const struct work *w, uint64_t first, uint64_t end)
{
    unsigned n_bad = 0;
    for (uint64_t at = first; at < end && n_bad < 20;) {
        uint64_t stop = end - at < 2000 ? end : at + 2000;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            limit_memory();
            for (uint64_t i = at; i < stop; i++) {
                run_case(w, i);
            }
            exit(0); /* leaks are looked for here */
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child) {
            fprintf(stderr, "fork or wait went wrong\n");
            return n_bad + 1;
        }
        if (status == 0) {
            at = stop;
            continue;
        }
        uint64_t bad = w->shared->current;
        if (bad < w->size) {
            fprintf(stderr,
                    "truncation to %llu bytes: ", (unsigned long long)bad);
        } else {
            fprintf(stderr,
                    "mutant %llu: ", (unsigned long long)(bad - w->size));
        }
        fprintf(stderr, "%s %d\n", WIFSIGNALED(status) ? "signal" : "exit code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        n_bad++;
        at = bad + 1;
    }
    return n_bad;
}

static unsigned char *read_file(const char *path, size_t *out_size)
{
    FILE *f = fopen(path, "rb");
    unsigned char *data = malloc(1 << 20);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    *out_size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static int write_one(const struct work *w, uint64_t number, const char *path)
{
    struct mutant m;
    mutant_make(w->data, w->size, number, &m);
    FILE *f = fopen(path, "wb");
    bool good = f != NULL && fwrite(m.data, 1, m.size, f) == m.size;
    good = f != NULL && fclose(f) == 0 && good;
    mutant_finish(&m);
    return good ? 0 : 2;
}

static void print_codes(const char *what, const uint64_t *codes)
{
    printf("%s:", what);
    for (int i = 0; i < N_CODES; i++) {
        if (codes[i] > 0) {
            printf(" %s %llu", quern_code_name((enum quern_code)i),
                   (unsigned long long)codes[i]);
        }
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    struct work w = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: mutants MODEL N [FIRST [DATA]]\n");
        return 2;
    }
    unsigned char *data = read_file(argv[1], &w.size);
    w.data = data;
    if (argc == 5 && strcmp(argv[2], "write") == 0) {
        int code = write_one(&w, strtoull(argv[3], NULL, 10), argv[4]);
        free(data);
        return code;
    }
    uint64_t n = strtoull(argv[2], NULL, 10);
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    w.samples = argc > 4 ? argv[4] : NULL;
    char folder[] = P_tmpdir "/quern-mutants-XXXXXX";
    w.shared = mmap(NULL, sizeof *w.shared, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w.shared == MAP_FAILED || mkdtemp(folder) == NULL) {
        fprintf(stderr, "no shared memory or no temporary folder\n");
        return 2;
    }
    snprintf(w.out, sizeof w.out, "%s/out.onnx", folder);
    unsigned n_bad = run_all(&w, 0, w.size);
    n_bad += run_all(&w, w.size + first, w.size + first + n);
    unlink(w.out);
    rmdir(folder);
    printf("%s: %zu truncations, mutants %llu to %llu\n", argv[1], w.size,
           (unsigned long long)first, (unsigned long long)(first + n - 1));
    print_codes("open", w.shared->codes);
    print_codes(w.samples != NULL ? "quantize" : "optimize", w.shared->further);
    printf("%u went wrong\n", n_bad);
    free(data);
    return n_bad == 0 ? 0 : 1;
}
