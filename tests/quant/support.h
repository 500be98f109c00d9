/* What the tests of this room share. */
#ifndef QUERN_TESTS_QUANT_SUPPORT_H
#define QUERN_TESTS_QUANT_SUPPORT_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef QUERN_EXPERIMENTAL
#define QUERN_EXPERIMENTAL
#endif
#include <quern/quant.h>

#include "qtest.h"

/* Of the test that runs: each has its own. */
static struct quern_context *context;

static inline void open_context(void)
{
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
}

static inline void close_context(void)
{
    quern_context_destroy(&context);
}

static inline struct quern_stats *make_stats(uint32_t flags, size_t channels)
{
    struct quern_stats *stats = NULL;
    ck_assert_int_eq(quern_stats_create(context, flags, channels, &stats),
                     QUERN_OK);
    return stats;
}

/* Random numbers that the writer of the golden files made too. */
struct lcg {
    uint64_t state;
};

static inline double lcg_uniform(struct lcg *g)
{
    g->state = g->state * UINT64_C(6364136223846793005) +
               UINT64_C(1442695040888963407);
    return (double)(g->state >> 40) / 16777216.0;
}

static inline double lcg_normal(struct lcg *g)
{
    double sum = 0.0;
    for (int i = 0; i < 12; i++) {
        sum += lcg_uniform(g);
    }
    return sum - 6.0;
}

/* Numbers behind `name` on its line of a golden file, which must be n. */
static inline void golden(const char *file, const char *name, double *out,
                          size_t n)
{
    static char line[1 << 16];
    char path[512];
    size_t name_size = strlen(name);
    snprintf(path, sizeof path, "%s/quant/%s", QUERN_TESTDATA, file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "no file %s", path);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, name_size) != 0 || line[name_size] != ' ') {
            continue;
        }
        char *at = line + name_size;
        for (size_t i = 0; i < n; i++) {
            char *end;
            out[i] = strtod(at, &end);
            ck_assert(end != at);
            at = end;
        }
        ck_assert_str_eq(at, "\n");
        fclose(f);
        return;
    }
    ck_abort_msg("no line %s in %s", name, path);
}

#endif
