/* Inputs, attributes and outputs of the node at hand. */
#include "infer/context.h"

#include "infer/state.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --------------------------------------------------------------- inputs */

static struct quern_value *input(const struct qn_infer_ctx *c, size_t i)
{
    return i < c->node->n_inputs ? c->node->inputs[i]->value : NULL;
}

bool qn_infer_in_present(const struct qn_infer_ctx *c, size_t i)
{
    return input(c, i) != NULL;
}

const struct qn_type *qn_infer_in_type(const struct qn_infer_ctx *c, size_t i)
{
    const struct quern_value *v = input(c, i);
    return v != NULL ? qn_value_type(v) : NULL;
}

enum quern_dtype qn_infer_in_dtype(const struct qn_infer_ctx *c, size_t i)
{
    const struct qn_type *type = qn_infer_in_type(c, i);
    return type != NULL && type->kind == QUERN_KIND_TENSOR ? type->dtype
                                                           : QUERN_UNDEFINED;
}

int qn_infer_in_rank(const struct qn_infer_ctx *c, size_t i)
{
    const struct qn_type *type = qn_infer_in_type(c, i);
    if (type == NULL || type->kind != QUERN_KIND_TENSOR ||
        type->rank > QUERN_MAX_RANK) {
        return -1;
    }
    return type->rank;
}

struct quern_number qn_infer_in_dim(const struct qn_infer_ctx *c, size_t i,
                                    int axis)
{
    return qn_num_of_dim(qn_infer_in_type(c, i)->dims[axis]);
}

struct quern_number qn_infer_in_len(struct qn_infer_ctx *c, size_t i)
{
    int rank = qn_infer_in_rank(c, i);
    struct quern_number len = rank < 0 ? QN_UNKNOWN : qn_num(1);
    for (int k = 0; k < rank; k++) {
        len = qn_num_times(&c->x, len, qn_infer_in_dim(c, i, k));
    }
    return len;
}

/* Numbers of an initializer: read once for each tensor that it holds. */
static void look(struct qn_infer_ctx *c, const struct quern_value *v,
                 struct qn_infer_value *entry)
{
    int64_t n = quern_tensor_len(v->tensor);
    *entry = (struct qn_infer_value){.source = v->type, .looked = true};
    if (n < 0 || n > QN_MAX_NUMBERS ||
        (v->is_input && c->x.model->ir_version >= 4)) {
        return;
    }
    struct quern_number *numbers =
        qn_arena_alloc_n(&c->x.model->arena, (size_t)n, sizeof *numbers);
    if (numbers == NULL) {
        c->x.no_memory = true;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t value = 0;
        if (quern_tensor_read_ints(v->tensor, i, 1, &value)) {
            numbers[i] = qn_num(value);
        }
    }
    entry->numbers = numbers;
    entry->n_numbers = (uint32_t)n;
}

static const struct quern_number *
numbers_of(struct qn_infer_ctx *c, const struct quern_value *v, size_t *out_n)
{
    struct qn_infer_value *entry = qn_infer_entry(c->state, v);
    if (v->producer == NULL && v->tensor != NULL &&
        (!entry->looked || entry->source != v->type)) {
        look(c, v, entry);
    }
    *out_n = entry->n_numbers;
    return entry->numbers;
}

const struct quern_number *qn_infer_in_numbers(struct qn_infer_ctx *c, size_t i,
                                               size_t *out_n)
{
    const struct quern_value *v = input(c, i);
    *out_n = 0;
    return v != NULL ? numbers_of(c, v, out_n) : NULL;
}

/* ----------------------------------------------------------- attributes */

/* What an attribute of the function's caller, or its default, stands for. */
static const struct qn_attr *resolved(const struct qn_infer_ctx *c,
                                      const struct qn_attr *attr)
{
    while (attr != NULL && attr->ref_name != NULL && c->caller != NULL) {
        const struct qn_attr *given =
            qn_node_attr(c->caller->node, attr->ref_name);
        if (given == NULL) {
            const struct qn_attr *d = c->function->attribute_defaults;
            while (d != NULL && strcmp(d->name, attr->ref_name) != 0) {
                d = d->next;
            }
            return d;
        }
        attr = given;
        c = c->caller;
    }
    return attr;
}

static const struct qn_attr *own_attr(const struct qn_infer_ctx *c,
                                      const char *name, enum qn_attr_type type)
{
    const struct qn_attr *attr = resolved(c, qn_node_attr(c->node, name));
    return attr != NULL && attr->ref_name == NULL && attr->type == type ? attr
                                                                        : NULL;
}

static const struct qn_schema_attr *row_of(const struct qn_infer_ctx *c,
                                           const char *name)
{
    return c->schema != NULL ? qn_schema_attr(c->schema, name) : NULL;
}

bool qn_infer_attr_present(const struct qn_infer_ctx *c, const char *name)
{
    const struct qn_attr *attr = qn_node_attr(c->node, name);
    return attr != NULL && (resolved(c, attr) != NULL || c->caller == NULL);
}

int64_t qn_infer_attr_int(const struct qn_infer_ctx *c, const char *name,
                          int64_t fallback)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_INT);
    const struct qn_schema_attr *row = row_of(c, name);
    if (attr == NULL && row != NULL) {
        (void)qn_schema_default_int(row, &fallback);
    }
    return attr != NULL ? attr->u.i : fallback;
}

float qn_infer_attr_float(const struct qn_infer_ctx *c, const char *name,
                          float fallback)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_FLOAT);
    const struct qn_schema_attr *row = row_of(c, name);
    if (attr == NULL && row != NULL) {
        (void)qn_schema_default_float(row, &fallback);
    }
    return attr != NULL ? attr->u.f : fallback;
}

const char *qn_infer_attr_string(const struct qn_infer_ctx *c, const char *name)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_STRING);
    const struct qn_schema_attr *row = row_of(c, name);
    if (attr != NULL) {
        return (const char *)attr->u.s.data;
    }
    return row != NULL ? qn_schema_default_string(row) : NULL;
}

const int64_t *qn_infer_attr_ints(const struct qn_infer_ctx *c,
                                  const char *name, size_t *out_n)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_INTS);
    const struct qn_schema_attr *row = row_of(c, name);
    const int64_t *values = NULL;
    *out_n = 0;
    if (attr != NULL) {
        /* An empty list is no absent one. */
        static const int64_t none[1] = {0};
        *out_n = attr->len;
        return attr->len > 0 ? attr->u.ints : none;
    }
    return row != NULL && qn_schema_default_ints(row, &values, out_n) ? values
                                                                      : NULL;
}

const float *qn_infer_attr_floats(const struct qn_infer_ctx *c,
                                  const char *name, size_t *out_n)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_FLOATS);
    *out_n = attr != NULL ? attr->len : 0;
    return attr != NULL ? attr->u.floats : NULL;
}

const struct quern_tensor *qn_infer_attr_tensor(const struct qn_infer_ctx *c,
                                                const char *name)
{
    const struct qn_attr *attr = own_attr(c, name, QN_ATTR_TENSOR);
    return attr != NULL ? attr->u.tensors[0] : NULL;
}

const struct quern_number *qn_infer_numbers_of(struct qn_infer_ctx *c,
                                               const char *name, size_t i,
                                               size_t *out_n)
{
    if (qn_infer_in_present(c, i)) {
        return qn_infer_in_numbers(c, i, out_n);
    }
    const int64_t *values = qn_infer_attr_ints(c, name, out_n);
    if (values == NULL || *out_n > QN_MAX_NUMBERS) {
        return NULL;
    }
    for (size_t k = 0; k < *out_n; k++) {
        c->room[k] = qn_num(values[k]);
    }
    return c->room;
}

bool qn_infer_ints_of(struct qn_infer_ctx *c, const char *name, size_t i,
                      const int64_t **out_values, size_t *out_n)
{
    *out_values = NULL;
    *out_n = 0;
    if (!qn_infer_in_present(c, i)) {
        *out_values = qn_infer_attr_ints(c, name, out_n);
        return true;
    }
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, i, &n);
    /* Room for numbers holds plain ones as well. */
    int64_t *values = (int64_t *)(void *)c->room;
    if (numbers == NULL) {
        return false;
    }
    for (size_t k = 0; k < n; k++) {
        if (!qn_num_is_plain(numbers[k])) {
            return false;
        }
        values[k] = numbers[k].value;
    }
    *out_values = values;
    *out_n = n;
    return true;
}

/* -------------------------------------------------------------- outputs */

struct qn_result *qn_infer_out(struct qn_infer_ctx *c, size_t i)
{
    return i < c->n_out ? &c->out[i] : &c->spare;
}

bool qn_infer_out_rank(struct qn_infer_ctx *c, size_t i, int rank)
{
    struct qn_result *out = qn_infer_out(c, i);
    if (rank < 0 || rank > QUERN_MAX_RANK) {
        out->rank = -1;
        return false;
    }
    out->kind = QUERN_KIND_TENSOR;
    out->rank = rank;
    for (int k = 0; k < rank; k++) {
        out->dims[k] = QN_UNKNOWN;
    }
    return true;
}

void qn_infer_out_like(struct qn_infer_ctx *c, size_t i, size_t k)
{
    int rank = qn_infer_in_rank(c, k);
    if (qn_infer_out_rank(c, i, rank)) {
        for (int a = 0; a < rank; a++) {
            qn_infer_out(c, i)->dims[a] = qn_infer_in_dim(c, k, a);
        }
    }
}

void qn_infer_out_same(struct qn_infer_ctx *c, size_t i, size_t k)
{
    struct qn_result *out = qn_infer_out(c, i);
    if (qn_infer_in_present(c, k)) {
        qn_infer_get(c, input(c, k), out);
        out->numbers = numbers_of(c, input(c, k), &out->n_numbers);
    }
}

void qn_infer_out_dtype(struct qn_infer_ctx *c, size_t i,
                        enum quern_dtype dtype)
{
    struct qn_result *out = qn_infer_out(c, i);
    if (dtype != QUERN_UNDEFINED) {
        out->kind = QUERN_KIND_TENSOR;
        out->dtype = dtype;
    }
}

void qn_infer_out_numbers(struct qn_infer_ctx *c, size_t i,
                          const struct quern_number *numbers, size_t n)
{
    struct qn_result *out = qn_infer_out(c, i);
    out->numbers = numbers;
    out->n_numbers = n;
}

int qn_infer_axis(struct qn_infer_ctx *c, int64_t axis, int rank)
{
    int64_t real = axis < 0 ? axis + rank : axis;
    if (real < 0 || real >= rank) {
        qn_infer_problem(c, "axis is %lld, needs -%d to %d", (long long)axis,
                         rank, rank - 1);
        return -1;
    }
    return (int)real;
}

void qn_infer_problem(struct qn_infer_ctx *c, const char *format, ...)
{
    va_list args;
    if (c->problem[0] != '\0') {
        return;
    }
    va_start(args, format);
    vsnprintf(c->problem, sizeof c->problem, format, args);
    va_end(args);
}

struct quern_number qn_infer_merge(struct qn_infer_ctx *c,
                                   struct quern_number a, struct quern_number b,
                                   const char *what)
{
    if (qn_num_is_plain(a) && qn_num_is_plain(b) && a.value != b.value) {
        qn_infer_problem(c, "%s: found %lld, needs %lld", what,
                         (long long)a.value, (long long)b.value);
        return QN_UNKNOWN;
    }
    return qn_num_is_plain(b) || !a.known ? b : a;
}

bool qn_broadcast_in(struct qn_infer_ctx *c, struct qn_result *out, size_t k)
{
    int rank = qn_infer_in_rank(c, k);
    if (rank < 0 || out->rank < 0) {
        out->rank = -1;
        return false;
    }
    int grown = rank > out->rank ? rank - out->rank : 0;
    for (int i = out->rank; grown > 0 && i-- > 0;) {
        out->dims[i + grown] = out->dims[i];
    }
    for (int i = 0; i < grown; i++) {
        out->dims[i] = qn_num(1);
    }
    out->rank += grown;
    for (int i = 0; i < rank; i++) {
        struct quern_number *dim = &out->dims[out->rank - rank + i];
        struct quern_number other = qn_infer_in_dim(c, k, i);
        bool clash = false;
        struct quern_number both = qn_dim_broadcast(&c->x, *dim, other, &clash);
        if (clash) {
            qn_infer_problem(
                c,
                "input %zu, dimension %d: %lld does not broadcast with "
                "%lld",
                k, i, (long long)other.value, (long long)dim->value);
        }
        *dim = both;
    }
    return true;
}

void qn_infer_out_broadcast(struct qn_infer_ctx *c, size_t i, size_t first,
                            size_t n)
{
    struct qn_result *out = qn_infer_out(c, i);
    bool known = n > 0;
    out->rank = 0;
    for (size_t k = first; k < first + n && known; k++) {
        known = qn_broadcast_in(c, out, k);
    }
    out->rank = known ? out->rank : -1;
}
