/* What is given against what a graph input declares. */
#include "ir/ir.h"
#include "ir/tensor.h"

#include <stdio.h>

bool qn_type_fits(const struct qn_type *type, enum quern_dtype dtype, int rank,
                  const int64_t *dims, int axis)
{
    if (type == NULL || type->kind != QUERN_KIND_TENSOR ||
        type->dtype != dtype || (type->rank >= 0 && type->rank != rank)) {
        return false;
    }
    for (int i = 0; i < type->rank; i++) {
        int64_t want = type->dims[i].value;
        if (i != axis && want >= 0 && want != dims[i]) {
            return false;
        }
    }
    return true;
}

void qn_type_text(const struct qn_type *type, char *text, size_t size)
{
    enum quern_dtype dtype = type != NULL ? type->dtype : QUERN_UNDEFINED;
    int rank =
        type != NULL && type->kind == QUERN_KIND_TENSOR ? type->rank : -1;
    size_t used = (size_t)snprintf(text, size, "%s[%s", quern_dtype_name(dtype),
                                   rank < 0 ? "..." : "");
    for (int i = 0; i < rank && used < size; i++) {
        int64_t d = type->dims[i].value;
        const char *comma = i > 0 ? ", " : "";
        used +=
            (size_t)(d >= 0 ? snprintf(text + used, size - used, "%s%lld",
                                       comma, (long long)d)
                            : snprintf(text + used, size - used, "%s?", comma));
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
}

void qn_shape_text(enum quern_dtype dtype, int rank, const int64_t *dims,
                   char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s[", quern_dtype_name(dtype));
    for (int i = 0; i < rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%lld",
                                 i > 0 ? ", " : "", (long long)dims[i]);
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
}

/* Item number `item` of the input, or all of it when negative. */
static bool takes_tensor(const struct qn_type *type,
                         const struct quern_tensor *t, int64_t item, char *why,
                         size_t size)
{
    char found[200];
    char needed[200];
    char place[40] = "input";
    bool is_open = type == NULL || type->kind == QUERN_KIND_UNKNOWN;
    if (is_open || qn_type_fits(type, t->dtype, t->rank, t->dims, -1)) {
        return true;
    }
    qn_shape_text(t->dtype, t->rank, t->dims, found, sizeof found);
    qn_type_text(type, needed, sizeof needed);
    if (item >= 0) {
        snprintf(place, sizeof place, "item %lld of the input",
                 (long long)item);
    }
    snprintf(why, size, "%s is %s, needs %s", place, found,
             type->kind == QUERN_KIND_TENSOR ? needed : "what is no tensor");
    return false;
}

bool qn_value_takes(const struct quern_value *input,
                    const struct quern_tensor *given, char *why, size_t size)
{
    const struct qn_type *type = qn_value_type(input);
    bool is_nothing = given->is_list && given->items == NULL;
    bool takes = true;
    if (type != NULL && type->kind == QUERN_KIND_OPTIONAL) {
        type = type->element;
        if (is_nothing || type == NULL) {
            return true;
        }
    }
    bool needs_list = type != NULL && type->kind == QUERN_KIND_SEQUENCE;
    if (needs_list != given->is_list || is_nothing) {
        snprintf(why, size, "input is %s, needs %s",
                 is_nothing       ? "nothing"
                 : given->is_list ? "a sequence"
                                  : "a tensor",
                 needs_list ? "a sequence" : "a tensor");
        return false;
    }
    if (!needs_list) {
        return takes_tensor(type, given, -1, why, size);
    }
    for (int64_t i = 0; i < given->len && takes; i++) {
        takes = takes_tensor(type->element, given->items[i], i, why, size);
    }
    return takes;
}
