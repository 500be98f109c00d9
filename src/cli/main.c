/* The command: finds the verb. */
#include "cli.h"

#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct verb verbs[] = {
    {"apply", cmd_apply, "run passes over a model"},
    {"bisect", cmd_bisect, "find the rewrite that changes a model's result"},
    {"compare", cmd_compare, "error of a model against another, on data"},
    {"calibrate", cmd_calibrate, "run data over a model, keep statistics"},
    {"check", cmd_check, "tell everything that is wrong with a model"},
    {"convert", cmd_convert, "write a model again, byte for byte if unchanged"},
    {"doctor", cmd_doctor, "what this machine and this build can do"},
    {"inspect", cmd_inspect, "tell what a model is and holds"},
    {"optimize", cmd_optimize, "clean a model for inference"},
    {"passes", cmd_passes, "list passes, or tell all about one"},
    {"plugin", cmd_plugin, "check a plugin before it is used"},
    {"quantize", cmd_quantize, "quantize a model to QDQ form"},
    {"rules", cmd_rules, "check the rules of a recipe, show what they match"},
    {"run", cmd_run, "run a model on data, or check its outputs"},
    {"targets", cmd_targets, "list target profiles, or show one"},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static void help(FILE *out)
{
    fprintf(out, "Usage: quern VERB [ARGUMENTS]\n\n"
                 "Rewrites and quantizes ONNX models.\n\n");
    for (size_t i = 0; i < N_VERBS; i++) {
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    }
    fprintf(out, "\n'quern VERB --help' tells about a verb; "
                 "'quern --version' the version.\n");
}

/* Large blocks go back to the system when they are freed. By itself glibc takes
 * the largest one that was freed so far for the limit of what it keeps, and
 * keeps weights and activations of one step beside those of the next. Small
 * ones stay: to give back the end of the heap after each step and to have it
 * again for the next costs more than many a step. */
static void tune_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

int main(int argc, char **argv)
{
    tune_memory();
    cli_catch_signals();
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(stdout);
        return cli_end(0);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("quern %s\n", quern_version());
        return cli_end(0);
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    const char *names[N_VERBS + 1] = {NULL};
    for (size_t i = 0; i < N_VERBS; i++) {
        names[i] = verbs[i].name;
    }
    const char *near = quern_nearest_name(argv[1], names);
    fprintf(stderr, "error[invalid-argument]: unknown verb '%s'%s%s%s\n",
            argv[1], near != NULL ? ", did you mean '" : "",
            near != NULL ? near : "", near != NULL ? "'" : "");
    help(stderr);
    return 2;
}
