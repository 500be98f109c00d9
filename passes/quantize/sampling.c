/* The order of samples by contents. */
#include "quantize/sampling.h"

#include <stdlib.h>

static void release(void *object)
{
    struct qn_sampling *s = object;
    free(s->samples);
    free(s->rank);
    free(s);
}

static struct qn_sampling *choose(const size_t *order, size_t n_all, size_t n)
{
    struct qn_sampling *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->n = n;
    s->n_all = n_all;
    s->samples = calloc(n + 1, sizeof *s->samples);
    s->rank = calloc(n_all + 1, sizeof *s->rank);
    if (s->samples == NULL || s->rank == NULL) {
        release(s);
        return NULL;
    }
    for (size_t i = 0; i < n_all; i++) {
        s->rank[order[i]] = i < n ? i : SIZE_MAX;
        if (i < n) {
            s->samples[i] = order[i];
        }
    }
    return s;
}

enum quern_code qn_sampling_create(struct quern_pass_ctx *ctx,
                                   struct quern_data *data, size_t most,
                                   struct qn_sampling **out)
{
    size_t n_all = quern_data_count(data);
    size_t n = n_all - quern_data_n_held_back(n_all);
    size_t *order = quern_pass_alloc(ctx, (n_all + 1) * sizeof *order);
    if (order == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_data_order(data, quern_pass_context(ctx), order);
    if (code != QUERN_OK) {
        return code;
    }
    *out = choose(order, n_all, n < most ? n : most);
    return *out != NULL ? quern_pass_keep(ctx, *out, release)
                        : quern_fail(quern_pass_context(ctx), QUERN_NO_MEMORY,
                                     NULL, "out of memory");
}

enum quern_code qn_sampling_held(struct quern_pass_ctx *ctx,
                                 struct quern_data *data, bool **out_held)
{
    size_t n = quern_data_count(data);
    size_t *order = quern_pass_alloc(ctx, (n + 1) * sizeof *order);
    bool *held = quern_pass_alloc(ctx, (n + 1) * sizeof *held);
    if (order == NULL || held == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_data_order(data, quern_pass_context(ctx), order);
    for (size_t i = n - quern_data_n_held_back(n); i < n; i++) {
        held[order[i]] = true;
    }
    *out_held = held;
    return code;
}
