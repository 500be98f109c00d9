/* The order of samples by contents, and which are kept apart for checks. */
#include "base/alloc.h"
#include "base/diag.h"
#include "base/pool.h"
#include "data/source.h"

#include <stdlib.h>
#include <string.h>

struct keyed {
    uint64_t key;
    size_t sample;
};

struct reading {
    struct quern_data *data;
    struct keyed *keyed;
};

static enum quern_code read_key(struct quern_context *context, void *user,
                                size_t i, int worker)
{
    struct reading *r = user;
    uint64_t key = QUERN_HASH_START;
    size_t n = quern_data_n_inputs(r->data);
    struct quern_tensor **in =
        qn_calloc_n(n + 1, sizeof(struct quern_tensor *));
    (void)worker;
    if (in == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = quern_data_sample(r->data, context, i, in);
    for (size_t k = 0; k < n; k++) {
        if (in[k] != NULL) {
            key = quern_hash(key, quern_tensor_data(in[k]),
                             quern_tensor_size(in[k]));
        }
        quern_tensor_release(&in[k]);
    }
    qn_free(in);
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

/* Reads all samples. */
static enum quern_code find_order(struct quern_data *data,
                                  struct quern_context *context)
{
    size_t n = quern_data_count(data);
    size_t *order = qn_calloc_n(n + 1, sizeof *order);
    struct reading r = {data, qn_calloc_n(n + 1, sizeof(struct keyed))};
    enum quern_code code = order != NULL && r.keyed != NULL
                               ? qn_parallel(context, n, read_key, &r)
                               : qn_no_memory(context);
    if (code == QUERN_OK && n > 0) {
        qsort(r.keyed, n, sizeof *r.keyed, by_key);
    }
    for (size_t i = 0; code == QUERN_OK && i < n; i++) {
        order[i] = r.keyed[i].sample;
    }
    qn_free(r.keyed);
    if (code != QUERN_OK) {
        qn_free(order);
        return code;
    }
    data->order = order;
    return QUERN_OK;
}

enum quern_code quern_data_order(struct quern_data *data,
                                 struct quern_context *context,
                                 size_t *out_order)
{
    size_t n = quern_data_count(data);
    enum quern_code code =
        data->order == NULL ? find_order(data, context) : QUERN_OK;
    if (code == QUERN_OK) {
        memcpy(out_order, data->order, n * sizeof *out_order);
    }
    return code;
}

size_t quern_data_n_held_back(size_t n)
{
    return n < 16 ? 0 : n / 8 < 16 ? n / 8 : 16;
}
