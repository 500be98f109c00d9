/* What is in the data against what the model needs. */
#include "base/map.h"
#include "data/source.h"
#include "ir/ir.h"
#include "ir/tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum quern_code qn_data_fail(struct quern_context *context, const char *file,
                             const char *name, enum quern_code code,
                             const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "data";
    place.file = file;
    place.tensor = name;
    return quern_fail(context, code, &place, "%s", text);
}

/* ------------------------------------------------------------ the axes */

static enum quern_code set_axis(struct quern_context *context,
                                struct quern_data *d, const char *text)
{
    const char *equals = strrchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : 0;
    char *end = NULL;
    long axis = equals != NULL ? strtol(equals + 1, &end, 10) : -1;
    bool none = equals != NULL && strcmp(equals + 1, "none") == 0;
    bool number = equals != NULL && end != equals + 1 && *end == '\0' &&
                  axis >= 0 && axis < QUERN_MAX_RANK;
    if (size == 0 || (!none && !number)) {
        return qn_data_fail(context, NULL, NULL, QUERN_INVALID_ARGUMENT,
                            "batch axis '%s': needs NAME=K with K from 0 to "
                            "%d, or NAME=none",
                            text, QUERN_MAX_RANK - 1);
    }
    for (size_t i = 0; i < d->n_inputs; i++) {
        if (strlen(d->names[i]) == size &&
            memcmp(d->names[i], text, size) == 0) {
            d->axes[i] = none ? -1 : (int)axis;
            return QUERN_OK;
        }
    }
    return qn_data_fail(context, NULL, NULL, QUERN_INVALID_ARGUMENT,
                        "batch axis '%s': the model has no such input", text);
}

enum quern_code qn_data_set_axes(struct quern_context *context,
                                 struct quern_data *d)
{
    const struct quern_context *root = context;
    while (root->parent != NULL) {
        root = root->parent;
    }
    const char *const *list = root->batch_axes;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; list != NULL && list[i] != NULL && code == QUERN_OK;
         i++) {
        code = set_axis(context, d, list[i]);
    }
    return code;
}

/* ------------------------------------------------------------ matching */

static enum quern_code misfit(struct quern_context *context,
                              const struct quern_data *d, const char *file,
                              size_t k, enum quern_dtype dtype, int rank,
                              const int64_t *dims, int axis)
{
    char found[200];
    char needed[200];
    char samples[48] = "";
    qn_shape_text(dtype, rank, dims, found, sizeof found);
    qn_type_text(qn_value_type(d->inputs[k]), needed, sizeof needed);
    if (axis >= 0) {
        snprintf(samples, sizeof samples, " with samples along axis %d", axis);
    }
    return qn_data_fail(context, file, d->names[k], QUERN_INVALID_ARGUMENT,
                        "array is %s, the model's input needs %s%s", found,
                        needed, samples);
}

enum quern_code qn_data_match(struct quern_context *context,
                              const struct quern_data *d, const char *file,
                              size_t k, struct qn_samples *s)
{
    const struct quern_value *v = d->inputs[k];
    const struct qn_npy *h = &s->npy;
    int wanted = quern_value_rank(v);
    bool scalar = h->rank == 0 && wanted == 0;
    if (quern_value_kind(v) > QUERN_KIND_TENSOR) {
        s->axis = -1;
        s->n = SIZE_MAX;
        return QUERN_OK; /* refused when all is open */
    }
    s->axis = scalar ? -1 : d->axes[k];
    if (s->axis >= h->rank ||
        !qn_type_fits(qn_value_type(v), h->dtype, h->rank, h->dims, s->axis)) {
        return misfit(context, d, file, k, h->dtype, h->rank, h->dims, s->axis);
    }
    if (s->axis < 0) {
        s->n = SIZE_MAX;
        return QUERN_OK;
    }
    int64_t have = h->dims[s->axis];
    int64_t fixed = wanted > 0 ? quern_value_dims(v)[s->axis].value : -1;
    s->step = fixed > 1 ? fixed : 1;
    if (have % s->step != 0 || fixed == 0) {
        return qn_data_fail(context, file, d->names[k], QUERN_INVALID_ARGUMENT,
                            "array has %lld along axis %d, the model's input "
                            "takes %lld at once",
                            (long long)have, s->axis, (long long)fixed);
    }
    s->n = (size_t)(have / s->step);
    return QUERN_OK;
}

enum quern_code qn_data_match_tensor(struct quern_context *context,
                                     const struct quern_data *d,
                                     const char *file, size_t k,
                                     const struct quern_tensor *t)
{
    const struct quern_value *v = d->inputs[k];
    char why[512];
    if (t->is_list || quern_value_kind(v) > QUERN_KIND_TENSOR) {
        return qn_value_takes(v, t, why, sizeof why)
                   ? QUERN_OK
                   : qn_data_fail(context, file, d->names[k],
                                  QUERN_INVALID_ARGUMENT, "%s", why);
    }
    return qn_type_fits(qn_value_type(v), t->dtype, t->rank, t->dims, -1)
               ? QUERN_OK
               : misfit(context, d, file, k, t->dtype, t->rank, t->dims, -1);
}
