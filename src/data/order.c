/* What is known of all samples: that they are finite, their order by contents,
 * which are kept apart for checks. */
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
    bool finite; /* all samples must be */
};

static enum quern_code look(struct quern_context *context, struct reading *r,
                            size_t i, struct quern_tensor **in)
{
    uint64_t key = QUERN_HASH_START;
    enum quern_code code = quern_data_sample(r->data, context, i, in);
    for (size_t k = 0; code == QUERN_OK && k < r->data->n_inputs; k++) {
        key =
            quern_hash(key, quern_tensor_data(in[k]), quern_tensor_size(in[k]));
        if (r->finite) {
            code = qn_data_check_tensor(context, r->data, in[k], k, i);
        }
    }
    r->keyed[i] = (struct keyed){key, i};
    return code == QUERN_OK ? qn_poll(context) : code;
}

static enum quern_code read_key(struct quern_context *context, void *user,
                                size_t i, int worker)
{
    struct reading *r = user;
    size_t n = r->data->n_inputs;
    struct quern_tensor **in =
        qn_calloc_n(n + 1, sizeof(struct quern_tensor *));
    (void)worker;
    if (in == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = look(context, r, i, in);
    for (size_t k = 0; k < n; k++) {
        quern_tensor_release(&in[k]);
    }
    qn_free(in);
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

/* Reads all samples: once for both questions, since to inflate them takes as
 * long as to run many a model on them. */
static enum quern_code survey(struct quern_data *data,
                              struct quern_context *context, bool finite)
{
    size_t n = quern_data_count(data);
    size_t *order = qn_calloc_n(n + 1, sizeof *order);
    struct reading r = {data, qn_calloc_n(n + 1, sizeof(struct keyed)), finite};
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
    qn_free(data->order);
    data->order = order;
    return QUERN_OK;
}

enum quern_code quern_data_order(struct quern_data *data,
                                 struct quern_context *context,
                                 size_t *out_order)
{
    size_t n = quern_data_count(data);
    enum quern_code code =
        data->order == NULL ? survey(data, context, false) : QUERN_OK;
    if (code == QUERN_OK) {
        memcpy(out_order, data->order, n * sizeof *out_order);
    }
    return code;
}

enum quern_code quern_data_check_finite(struct quern_data *data,
                                        struct quern_context *context)
{
    bool any = false;
    for (size_t k = 0; k < data->n_inputs; k++) {
        any = any || quern_dtype_is_float(quern_value_dtype(data->inputs[k]));
    }
    return any ? survey(data, context, true) : QUERN_OK;
}

size_t quern_data_n_held_back(size_t n)
{
    return n < 16 ? 0 : n / 8 < 16 ? n / 8 : 16;
}
