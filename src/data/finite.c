/* NaN and infinity in samples. */
#include "data/source.h"
#include "ir/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Index of the first element that is not finite, -1: all are. */
static int64_t first_bad(const struct quern_tensor *t, double *out_value)
{
    double values[256];
    for (int64_t at = 0; at < t->len; at += 256) {
        int64_t n = t->len - at < 256 ? t->len - at : 256;
        if (t->dtype == QUERN_FLOAT) {
            for (int64_t i = 0; i < n; i++) {
                float x;
                memcpy(&x, t->data + (size_t)(at + i) * 4, 4);
                values[i] = (double)x;
            }
        } else if (!quern_tensor_read_doubles(t, at, n, values)) {
            return -1;
        }
        double sum = 0.0;
        for (int64_t i = 0; i < n; i++) {
            sum += values[i] * 0.0;
        }
        if (isfinite(sum)) { /* NaN as soon as one value is not finite */
            continue;
        }
        for (int64_t i = 0; i < n; i++) {
            if (!isfinite(values[i])) {
                *out_value = values[i];
                return at + i;
            }
        }
    }
    return -1;
}

/* What is added to the scores of attention: 0 where to look, -inf where not to.
 */
static bool is_mask(const struct quern_tensor *t)
{
    bool any = false;
    for (int64_t i = 0; i < t->len; i++) {
        double x = 1.0;
        if (!quern_tensor_read_doubles(t, i, 1, &x)) {
            return false;
        }
        bool is_zero = !(x < 0.0) && !(x > 0.0) && !isnan(x);
        if (!is_zero && !(isinf(x) && x < 0.0)) {
            return false;
        }
        any = any || is_zero;
    }
    return any;
}

/* The place in the array that element `at` of a sample has. */
static void place_text(const struct quern_tensor *t, int64_t at, int axis,
                       int64_t shift, char *out, size_t size)
{
    int64_t place[QUERN_MAX_RANK];
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = t->rank - 1; i >= 0; i--) {
        place[i] = at % t->dims[i] + (i == axis ? shift : 0);
        at /= t->dims[i];
    }
    for (int i = 0; i < t->rank && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%lld",
                                 i > 0 ? ", " : "", (long long)place[i]);
    }
    if (used < size) {
        snprintf(out + used, size - used, "]");
    }
}

enum quern_code qn_data_check_tensor(struct quern_context *context,
                                     const struct quern_data *d,
                                     const struct quern_tensor *t, size_t k,
                                     size_t sample)
{
    double value = 0.0;
    char text[200];
    int64_t at = quern_dtype_is_float(t->dtype) ? first_bad(t, &value) : -1;
    if (at < 0 || (isinf(value) && value < 0.0 && is_mask(t))) {
        return QUERN_OK;
    }
    const struct qn_part *part = d->parts;
    while (part != NULL && sample >= part->first + part->n) {
        part++;
    }
    int axis = part != NULL && t->rank > 0 ? d->axes[k] : -1;
    int64_t shift =
        axis >= 0 ? (int64_t)(sample - part->first) * t->dims[axis] : 0;
    place_text(t, at, axis, shift, text, sizeof text);
    const char *file = part != NULL      ? part->path
                       : d->sets != NULL ? d->sets[sample]
                                         : d->path;
    return qn_data_fail(context, file, d->names[k], QUERN_NUMERIC,
                        "sample %zu holds %s, first at %s", sample,
                        isnan(value) ? "NaN" : "an infinity", text);
}
