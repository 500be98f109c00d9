/* Attributes: read through the schema of the node's opset, set by journal. */
#include "ir/build.h"
#include "ir/edit.h"
#include "ir/ir.h"

#include <string.h>

const struct qn_attr *qn_node_attr(const struct quern_node *node,
                                   const char *name)
{
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        if (strcmp(a->name, name) == 0) {
            return a;
        }
    }
    return NULL;
}

bool quern_node_has_attr(const struct quern_node *node, const char *name)
{
    return qn_node_attr(node, name) != NULL;
}

size_t quern_node_n_attrs(const struct quern_node *node)
{
    size_t n = 0;
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        n++;
    }
    return n;
}

const char *quern_node_attr_name(const struct quern_node *node, size_t i)
{
    const struct qn_attr *a = node->attrs;
    for (; a != NULL && i > 0; a = a->next) {
        i--;
    }
    return a != NULL ? a->name : NULL;
}

static bool spans_equal(const struct qn_span *a, const struct qn_span *b,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].size != b[i].size ||
            (a[i].size > 0 && memcmp(a[i].data, b[i].data, a[i].size) != 0)) {
            return false;
        }
    }
    return true;
}

static bool tensors_equal(const struct qn_attr *a, const struct qn_attr *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (!quern_tensor_equal(a->u.tensors[i], b->u.tensors[i])) {
            return false;
        }
    }
    return true;
}

/* Floats by their bits: NaN equals itself, -0 is not 0. */
static bool attr_equal(const struct qn_attr *a, const struct qn_attr *b)
{
    if (a->type != b->type || a->len != b->len || a->ref_name != NULL ||
        b->ref_name != NULL) {
        return false;
    }
    switch (a->type) {
    case QN_ATTR_UNDEFINED:
        return false;
    case QN_ATTR_FLOAT:
        return memcmp(&a->u.f, &b->u.f, sizeof a->u.f) == 0;
    case QN_ATTR_INT:
        return a->u.i == b->u.i;
    case QN_ATTR_STRING:
        return spans_equal(&a->u.s, &b->u.s, 1);
    case QN_ATTR_FLOATS:
        return a->len == 0 || memcmp(a->u.floats, b->u.floats,
                                     a->len * sizeof *a->u.floats) == 0;
    case QN_ATTR_INTS:
        return a->len == 0 ||
               memcmp(a->u.ints, b->u.ints, a->len * sizeof *a->u.ints) == 0;
    case QN_ATTR_STRINGS:
        return spans_equal(a->u.strings, b->u.strings, a->len);
    case QN_ATTR_TENSOR:
    case QN_ATTR_TENSORS:
        return tensors_equal(a, b);
    case QN_ATTR_GRAPH:
    case QN_ATTR_GRAPHS:
        return false;
    case QN_ATTR_SPARSE_TENSOR:
    case QN_ATTR_SPARSE_TENSORS:
    case QN_ATTR_TYPE_PROTO:
    case QN_ATTR_TYPE_PROTOS:
        return spans_equal(a->u.wire, b->u.wire, a->len);
    }
    return false;
}

bool quern_node_attrs_equal(const struct quern_node *a,
                            const struct quern_node *b)
{
    if (a == b) {
        return true;
    }
    for (const struct qn_attr *x = a->attrs; x != NULL; x = x->next) {
        const struct qn_attr *y = qn_node_attr(b, x->name);
        if (y == NULL || !attr_equal(x, y)) {
            return false;
        }
    }
    return quern_node_n_attrs(a) == quern_node_n_attrs(b);
}

static const struct qn_schema_attr *default_of(const struct quern_node *node,
                                               const char *name)
{
    const struct qn_schema *schema = qn_node_schema(node);
    return schema != NULL ? qn_schema_attr(schema, name) : NULL;
}

static const char *const type_names[] = {
    "undefined",      "float",      "int",         "string",
    "tensor",         "graph",      "floats",      "ints",
    "strings",        "tensors",    "graphs",      "sparse_tensor",
    "sparse_tensors", "type_proto", "type_protos",
};

const char *qn_attr_type_name(enum qn_attr_type type)
{
    size_t i = (size_t)type;
    return i < sizeof type_names / sizeof *type_names ? type_names[i]
                                                      : "unknown";
}

/* The attribute in the node when it has the wanted type. */
static enum quern_code find(const struct quern_node *node, const char *name,
                            enum qn_attr_type type,
                            const struct qn_attr **out_attr)
{
    const struct qn_attr *attr = qn_node_attr(node, name);
    if (attr == NULL || attr->ref_name != NULL) {
        return QUERN_NOT_FOUND;
    }
    if (attr->type != type) {
        struct quern_place place = quern_node_place(node);
        place.attribute = name;
        return quern_fail(node->graph->model->context, QUERN_INVALID_MODEL,
                          &place, "attribute has type %s, needs %s",
                          type_names[attr->type], type_names[type]);
    }
    *out_attr = attr;
    return QUERN_OK;
}

enum quern_code quern_node_attr_int(const struct quern_node *node,
                                    const char *name, int64_t *out_value)
{
    const struct qn_attr *attr = NULL;
    enum quern_code code = find(node, name, QN_ATTR_INT, &attr);
    if (code == QUERN_OK) {
        *out_value = attr->u.i;
    } else if (code == QUERN_NOT_FOUND) {
        const struct qn_schema_attr *row = default_of(node, name);
        if (row != NULL && qn_schema_default_int(row, out_value)) {
            code = QUERN_OK;
        }
    }
    return code;
}

enum quern_code quern_node_attr_float(const struct quern_node *node,
                                      const char *name, float *out_value)
{
    const struct qn_attr *attr = NULL;
    enum quern_code code = find(node, name, QN_ATTR_FLOAT, &attr);
    if (code == QUERN_OK) {
        *out_value = attr->u.f;
    } else if (code == QUERN_NOT_FOUND) {
        const struct qn_schema_attr *row = default_of(node, name);
        if (row != NULL && qn_schema_default_float(row, out_value)) {
            code = QUERN_OK;
        }
    }
    return code;
}

enum quern_code quern_node_attr_string(const struct quern_node *node,
                                       const char *name, const char **out_bytes,
                                       size_t *out_size)
{
    const struct qn_attr *attr = NULL;
    const char *bytes = NULL;
    size_t size = 0;
    enum quern_code code = find(node, name, QN_ATTR_STRING, &attr);
    if (code == QUERN_OK) {
        bytes = (const char *)attr->u.s.data;
        size = attr->u.s.size;
    } else if (code == QUERN_NOT_FOUND) {
        const struct qn_schema_attr *row = default_of(node, name);
        bytes = row != NULL ? qn_schema_default_string(row) : NULL;
        if (bytes != NULL) {
            size = strlen(bytes);
            code = QUERN_OK;
        }
    }
    if (code == QUERN_OK) {
        *out_bytes = bytes;
        if (out_size != NULL) {
            *out_size = size;
        }
    }
    return code;
}

enum quern_code quern_node_attr_ints(const struct quern_node *node,
                                     const char *name,
                                     const int64_t **out_values,
                                     size_t *out_len)
{
    const struct qn_attr *attr = NULL;
    enum quern_code code = find(node, name, QN_ATTR_INTS, &attr);
    if (code == QUERN_OK) {
        *out_values = attr->u.ints;
        *out_len = attr->len;
    } else if (code == QUERN_NOT_FOUND) {
        const struct qn_schema_attr *row = default_of(node, name);
        if (row != NULL && qn_schema_default_ints(row, out_values, out_len)) {
            code = QUERN_OK;
        }
    }
    return code;
}

enum quern_code quern_node_attr_floats(const struct quern_node *node,
                                       const char *name,
                                       const float **out_values,
                                       size_t *out_len)
{
    const struct qn_attr *attr = NULL;
    enum quern_code code = find(node, name, QN_ATTR_FLOATS, &attr);
    if (code == QUERN_OK) {
        *out_values = attr->u.floats;
        *out_len = attr->len;
    } else if (code == QUERN_NOT_FOUND) {
        const struct qn_schema_attr *row = default_of(node, name);
        if (row != NULL && qn_schema_default_floats(row, out_values, out_len)) {
            code = QUERN_OK;
        }
    }
    return code;
}

enum quern_code quern_node_attr_tensor(const struct quern_node *node,
                                       const char *name,
                                       struct quern_tensor **out_tensor)
{
    const struct qn_attr *attr = NULL;
    enum quern_code code = find(node, name, QN_ATTR_TENSOR, &attr);
    if (code == QUERN_OK) {
        *out_tensor = attr->u.tensors[0];
    }
    return code;
}

int64_t quern_node_int(const struct quern_node *node, const char *name,
                       int64_t fallback)
{
    const struct qn_attr *attr = qn_node_attr(node, name);
    if (attr != NULL) {
        return attr->type == QN_ATTR_INT && attr->ref_name == NULL ? attr->u.i
                                                                   : fallback;
    }
    const struct qn_schema_attr *row = default_of(node, name);
    if (row != NULL) {
        (void)qn_schema_default_int(row, &fallback);
    }
    return fallback;
}

float quern_node_float(const struct quern_node *node, const char *name,
                       float fallback)
{
    const struct qn_attr *attr = qn_node_attr(node, name);
    if (attr != NULL) {
        return attr->type == QN_ATTR_FLOAT && attr->ref_name == NULL ? attr->u.f
                                                                     : fallback;
    }
    const struct qn_schema_attr *row = default_of(node, name);
    if (row != NULL) {
        (void)qn_schema_default_float(row, &fallback);
    }
    return fallback;
}

/* -------------------------------------------------------------- setting */

/* Put `attr` where the attribute of that name stands, else last; NULL takes it
 * away. */
static enum quern_code put(struct quern_node *node, const char *name,
                           struct qn_attr *attr)
{
    struct quern_model *model = node->graph->model;
    struct qn_journal *journal = &model->journal;
    enum quern_code code = qn_edit_check_node(node);
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_attr **slot = &node->attrs;
    while (*slot != NULL && strcmp((*slot)->name, name) != 0) {
        slot = &(*slot)->next;
    }
    if (attr == NULL && *slot == NULL) {
        return QUERN_OK;
    }
    if (!qn_journal_reserve(journal, 2 + qn_touch_cost(node->graph), 1)) {
        return qn_no_memory(model->context);
    }
    struct qn_attr *next = *slot != NULL ? (*slot)->next : NULL;
    if (attr != NULL) {
        attr->next = next;
    }
    qn_journal_write(journal, slot, sizeof *slot);
    *slot = attr != NULL ? attr : next;
    qn_touch_node(node);
    qn_journal_edit(journal,
                    (struct qn_edit){.kind = QN_EDIT_ATTR, .id = node->id});
    return QUERN_OK;
}

static struct qn_attr *make(struct quern_node *node, const char *name,
                            enum qn_attr_type type)
{
    struct qn_arena *arena = &node->graph->model->arena;
    struct qn_attr *attr = qn_arena_alloc(arena, sizeof *attr);
    if (attr == NULL) {
        return NULL;
    }
    attr->name = qn_arena_strdup(arena, name);
    attr->type = type;
    attr->len = 1;
    return attr->name != NULL ? attr : NULL;
}

enum quern_code qn_node_put_graphs(struct quern_node *node,
                                   const struct qn_attr *like,
                                   struct quern_graph **graphs)
{
    struct qn_attr *attr = make(node, like->name, like->type);
    if (attr == NULL) {
        return qn_no_memory(node->graph->model->context);
    }
    attr->len = like->len;
    attr->u.graphs = graphs;
    return put(node, like->name, attr);
}

enum quern_code quern_node_set_int(struct quern_node *node, const char *name,
                                   int64_t value)
{
    struct qn_attr *attr = make(node, name, QN_ATTR_INT);
    if (attr == NULL) {
        return qn_no_memory(node->graph->model->context);
    }
    attr->u.i = value;
    return put(node, name, attr);
}

enum quern_code quern_node_set_float(struct quern_node *node, const char *name,
                                     float value)
{
    struct qn_attr *attr = make(node, name, QN_ATTR_FLOAT);
    if (attr == NULL) {
        return qn_no_memory(node->graph->model->context);
    }
    attr->u.f = value;
    return put(node, name, attr);
}

enum quern_code quern_node_set_string(struct quern_node *node, const char *name,
                                      const char *value)
{
    struct quern_model *model = node->graph->model;
    struct qn_attr *attr = make(node, name, QN_ATTR_STRING);
    const char *copy = qn_arena_strdup(&model->arena, value);
    if (attr == NULL || copy == NULL) {
        return qn_no_memory(model->context);
    }
    attr->u.s.data = (const unsigned char *)copy;
    attr->u.s.size = strlen(value);
    return put(node, name, attr);
}

enum quern_code quern_node_set_ints(struct quern_node *node, const char *name,
                                    const int64_t *values, size_t len)
{
    struct quern_model *model = node->graph->model;
    struct qn_attr *attr = make(node, name, QN_ATTR_INTS);
    int64_t *copy = qn_arena_alloc_n(&model->arena, len, sizeof *copy);
    if (attr == NULL || copy == NULL) {
        return qn_no_memory(model->context);
    }
    if (len > 0) {
        memcpy(copy, values, len * sizeof *copy);
    }
    attr->len = len;
    attr->u.ints = copy;
    return put(node, name, attr);
}

enum quern_code quern_node_set_floats(struct quern_node *node, const char *name,
                                      const float *values, size_t len)
{
    struct quern_model *model = node->graph->model;
    struct qn_attr *attr = make(node, name, QN_ATTR_FLOATS);
    float *copy = qn_arena_alloc_n(&model->arena, len, sizeof *copy);
    if (attr == NULL || copy == NULL) {
        return qn_no_memory(model->context);
    }
    if (len > 0) {
        memcpy(copy, values, len * sizeof *copy);
    }
    attr->len = len;
    attr->u.floats = copy;
    return put(node, name, attr);
}

enum quern_code quern_node_set_tensor(struct quern_node *node, const char *name,
                                      struct quern_tensor *tensor)
{
    struct quern_model *model = node->graph->model;
    struct qn_attr *attr = make(node, name, QN_ATTR_TENSOR);
    struct quern_tensor **list =
        qn_arena_alloc(&model->arena, sizeof(struct quern_tensor *));
    if (attr == NULL || list == NULL ||
        !qn_build_own(model, quern_tensor_retain(tensor))) {
        return qn_no_memory(model->context);
    }
    list[0] = tensor;
    attr->u.tensors = list;
    return put(node, name, attr);
}

enum quern_code quern_node_copy_attr(struct quern_node *node,
                                     const struct quern_node *from,
                                     const char *name)
{
    const struct qn_attr *source = qn_node_attr(from, name);
    if (source == NULL) {
        return put(node, name, NULL);
    }
    if (source->type == QN_ATTR_GRAPH || source->type == QN_ATTR_GRAPHS ||
        from->graph->model != node->graph->model) {
        struct quern_place place = quern_node_place(from);
        place.attribute = name;
        return quern_fail(node->graph->model->context, QUERN_INVALID_ARGUMENT,
                          &place, "attribute of type %s cannot be copied",
                          type_names[source->type]);
    }
    struct qn_attr *attr = make(node, name, source->type);
    if (attr == NULL) {
        return qn_no_memory(node->graph->model->context);
    }
    const char *copy = attr->name;
    *attr = *source; /* lists are immutable and shared in the arena */
    attr->name = copy;
    return put(node, name, attr);
}

enum quern_code quern_node_remove_attr(struct quern_node *node,
                                       const char *name)
{
    return put(node, name, NULL);
}
