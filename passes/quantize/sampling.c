/* The order of samples by contents. */
#include "quantize/sampling.h"

#include <stdlib.h>
#include <string.h>

struct keyed {
    uint64_t key;
    size_t sample;
};

struct reading {
    struct quern_data *data;
    size_t n_inputs;
    struct keyed *keyed;
};

/* FNV-1a over words of eight bytes, the rest bytewise: equal contents must give
 * equal keys, nothing more. */
static uint64_t add_bytes(uint64_t key, const unsigned char *bytes, size_t size)
{
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        key = (key ^ word) * 0x100000001b3u;
        key ^= key >> 29;
    }
    for (; size > 0; size--, bytes++) {
        key = (key ^ *bytes) * 0x100000001b3u;
    }
    return key;
}

static enum quern_code read_key(struct quern_context *context, void *user,
                                size_t i, int worker)
{
    struct reading *r = user;
    uint64_t key = 0xcbf29ce484222325u;
    struct quern_tensor **in = calloc(r->n_inputs + 1, sizeof *in);
    (void)worker;
    if (in == NULL) {
        return quern_fail(context, QUERN_NO_MEMORY, NULL, "out of memory");
    }
    enum quern_code code = quern_data_sample(r->data, context, i, in);
    for (size_t k = 0; k < r->n_inputs; k++) {
        if (in[k] != NULL) {
            key = add_bytes(key, quern_tensor_data(in[k]),
                            quern_tensor_size(in[k]));
        }
        quern_tensor_release(&in[k]);
    }
    free(in);
    r->keyed[i] = (struct keyed){key, i};
    return code;
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a;
    const struct keyed *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static void release(void *object)
{
    struct qn_sampling *s = object;
    free(s->samples);
    free(s->rank);
    free(s);
}

static struct qn_sampling *order(const struct keyed *keyed, size_t n_all,
                                 size_t n)
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
        s->rank[keyed[i].sample] = i < n ? i : SIZE_MAX;
        if (i < n) {
            s->samples[i] = keyed[i].sample;
        }
    }
    return s;
}

enum quern_code qn_sampling_create(struct quern_pass_ctx *ctx,
                                   struct quern_data *data, size_t n_inputs,
                                   size_t most, struct qn_sampling **out)
{
    size_t n = quern_data_count(data);
    struct reading r = {data, n_inputs,
                        quern_pass_alloc(ctx, (n + 1) * sizeof(struct keyed))};
    if (r.keyed == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_parallel(quern_pass_context(ctx), n, read_key, &r);
    if (code != QUERN_OK) {
        return code;
    }
    qsort(r.keyed, n, sizeof *r.keyed, by_key);
    *out = order(r.keyed, n, n < most ? n : most);
    return *out != NULL ? quern_pass_keep(ctx, *out, release)
                        : quern_fail(quern_pass_context(ctx), QUERN_NO_MEMORY,
                                     NULL, "out of memory");
}
