/* Emitting tensors, inside of the model or as a place in its data file. */
#include "io/emit.h"
#include "ir/tensor.h"

#include <stdio.h>

struct named_tensor {
    const struct quern_tensor *tensor;
    const char *name;
};

static void tensor_body(struct qn_sink *out, const void *object)
{
    const struct named_tensor *named = object;
    const struct quern_tensor *t = named->tensor;
    for (int i = 0; i < t->rank; i++) {
        qn_emit_int(out, 1, t->dims[i]);
    }
    qn_emit_int(out, 2, (int64_t)t->dtype);
    for (int64_t i = 0; t->strings != NULL && i < t->len; i++) {
        qn_emit_bytes(out, 6, t->strings[i].bytes, t->strings[i].size);
    }
    qn_emit_string(out, 8, named->name);
    if (t->strings == NULL) {
        qn_emit_bytes(out, 9, t->data, t->size);
    }
}

void qn_emit_tensor(struct qn_sink *sink, unsigned field,
                    const struct quern_tensor *tensor, const char *name)
{
    qn_emit_nested(sink, field, tensor_body,
                   &(struct named_tensor){tensor, name});
}

/* A tensor whose data goes to the data file, or comes from another into the
 * model: everything else that was read stays. */
struct placed {
    const struct quern_value *value;
    uint64_t offset; /* UINT64_MAX: inside */
};

struct entry {
    const char *key;
    const char *value;
};

static void entry_body(struct qn_sink *out, const void *object)
{
    const struct entry *entry = object;
    qn_emit_string(out, 1, entry->key);
    qn_emit_string(out, 2, entry->value);
}

static void emit_number(struct qn_sink *out, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    qn_emit_nested(out, 13, entry_body, &(struct entry){key, text});
}

static void placed_body(struct qn_sink *out, const void *object)
{
    const struct placed *placed = object;
    const struct quern_value *v = placed->value;
    const struct quern_tensor *t = v->tensor;
    struct qn_span origin = v->tensor_origin;
    static const unsigned data[] = {3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 0};
    bool inside = placed->offset == UINT64_MAX;
    if (origin.data != NULL) {
        qn_emit_fields(out, origin, 1, 8, data);
    } else {
        for (int i = 0; i < t->rank; i++) {
            qn_emit_int(out, 1, t->dims[i]);
        }
        qn_emit_int(out, 2, (int64_t)t->dtype);
        qn_emit_string(out, 8, v->name);
    }
    if (inside) {
        qn_emit_bytes(out, 9, t->data, t->size);
    }
    qn_emit_fields(out, origin, 9, 12, data);
    if (!inside) {
        qn_emit_nested(out, 13, entry_body,
                       &(struct entry){"location", out->outside->location});
        emit_number(out, "offset", placed->offset);
        emit_number(out, "length", t->size);
        qn_emit_int(out, 14, 1);
    }
    qn_emit_fields(out, origin, 15, UINT32_MAX, data);
}

void qn_emit_initializer(struct qn_sink *sink, const struct quern_value *v)
{
    const struct qn_outside *o = sink->outside;
    uint64_t offset =
        o != NULL && v->id < o->n_values ? o->offsets[v->id] : UINT64_MAX;
    if (offset != UINT64_MAX ||
        (o != NULL && qn_outside_tensor(v->tensor_origin))) {
        qn_emit_nested(sink, 5, placed_body, &(struct placed){v, offset});
    } else if (v->tensor_origin.data != NULL) {
        qn_emit_bytes(sink, 5, v->tensor_origin.data, v->tensor_origin.size);
    } else {
        qn_emit_tensor(sink, 5, v->tensor, v->name);
    }
}
