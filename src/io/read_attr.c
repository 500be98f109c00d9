/* AttributeProto and TypeProto to IR. */
#include "io/examine.h"
#include "io/reader.h"

#include <string.h>

static void *copy(struct qn_reader *r, const void *data, size_t n, size_t size)
{
    void *out = qn_arena_alloc_n(&r->model->arena, n, size);
    if (out != NULL && n > 0) {
        memcpy(out, data, n * size);
    }
    return out;
}

static struct qn_span copy_bytes(struct qn_reader *r,
                                 const ProtobufCBinaryData *bytes)
{
    const char *text = qn_arena_strndup(&r->model->arena,
                                        (const char *)bytes->data, bytes->len);
    return (struct qn_span){(const unsigned char *)text, bytes->len};
}

static enum quern_code read_strings(struct qn_reader *r,
                                    const Onnx__AttributeProto *p,
                                    struct qn_attr *attr)
{
    struct qn_span *list =
        qn_arena_alloc_n(&r->model->arena, p->n_strings, sizeof *list);
    for (size_t i = 0; list != NULL && i < p->n_strings; i++) {
        list[i] = copy_bytes(r, &p->strings[i]);
        if (list[i].data == NULL) {
            list = NULL;
        }
    }
    attr->u.strings = list;
    attr->len = p->n_strings;
    return list != NULL ? QUERN_OK : qn_no_memory(r->context);
}

static enum quern_code read_tensors(struct qn_reader *r,
                                    Onnx__TensorProto *const *protos, size_t n,
                                    struct qn_attr *attr)
{
    struct quern_tensor **list =
        qn_arena_alloc_n(&r->model->arena, n, sizeof(struct quern_tensor *));
    if (list == NULL) {
        return qn_no_memory(r->context);
    }
    for (size_t i = 0; i < n; i++) {
        enum quern_code code = qn_read_tensor(r, protos[i], &list[i]);
        if (code != QUERN_OK) {
            return code;
        }
        if (!qn_build_own(r->model, list[i])) {
            return qn_no_memory(r->context);
        }
    }
    attr->u.tensors = list;
    attr->len = n;
    return QUERN_OK;
}

static enum quern_code read_graphs(struct qn_reader *r,
                                   Onnx__GraphProto *const *protos, size_t n,
                                   struct quern_node *node,
                                   struct qn_attr *attr)
{
    struct quern_graph **list =
        qn_arena_alloc_n(&r->model->arena, n, sizeof(struct quern_graph *));
    if (list == NULL) {
        return qn_no_memory(r->context);
    }
    /* At once, so that places inside the bodies can name the attribute. */
    attr->u.graphs = list;
    attr->len = n;
    for (size_t i = 0; i < n; i++) {
        list[i] = qn_graph_create(r->model);
        if (list[i] == NULL) {
            return qn_no_memory(r->context);
        }
        list[i]->parent = node;
        enum quern_code code = qn_read_graph(r, protos[i], list[i]);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

/* Messages that are kept as their bytes. */
static enum quern_code keep_wire(struct qn_reader *r, const void *protos,
                                 size_t n, bool sparse, struct qn_attr *attr)
{
    struct qn_span *list = qn_arena_alloc_n(&r->model->arena, n, sizeof *list);
    if (list == NULL) {
        return qn_no_memory(r->context);
    }
    for (size_t i = 0; i < n; i++) {
        if (sparse) {
            Onnx__SparseTensorProto *const *list_in = protos;
            list[i] = qn_reader_span(r, list_in[i]->quern_offset,
                                     list_in[i]->quern_size);
        } else {
            Onnx__TypeProto *const *list_in = protos;
            list[i] = qn_reader_span(r, list_in[i]->quern_offset,
                                     list_in[i]->quern_size);
        }
    }
    attr->u.wire = list;
    attr->len = n;
    return QUERN_OK;
}

/* Old files (IR 1) leave the type out: the field that is set tells it. */
static int type_of(const Onnx__AttributeProto *p)
{
    if (p->has_type && p->type != 0) {
        return p->type;
    }
    return p->has_f           ? QN_ATTR_FLOAT
           : p->has_i         ? QN_ATTR_INT
           : p->has_s         ? QN_ATTR_STRING
           : p->t != NULL     ? QN_ATTR_TENSOR
           : p->g != NULL     ? QN_ATTR_GRAPH
           : p->n_floats > 0  ? QN_ATTR_FLOATS
           : p->n_ints > 0    ? QN_ATTR_INTS
           : p->n_strings > 0 ? QN_ATTR_STRINGS
           : p->n_tensors > 0 ? QN_ATTR_TENSORS
           : p->n_graphs > 0  ? QN_ATTR_GRAPHS
                              : QN_ATTR_UNDEFINED;
}

static enum quern_code read_value(struct qn_reader *r,
                                  const Onnx__AttributeProto *p,
                                  struct quern_node *node, struct qn_attr *attr)
{
    attr->len = 1;
    switch (attr->type) {
    case QN_ATTR_FLOAT:
        attr->u.f = p->f;
        return QUERN_OK;
    case QN_ATTR_INT:
        attr->u.i = p->i;
        return QUERN_OK;
    case QN_ATTR_STRING:
        attr->u.s = copy_bytes(r, &p->s);
        return attr->u.s.data != NULL ? QUERN_OK : qn_no_memory(r->context);
    case QN_ATTR_FLOATS:
        attr->u.floats = copy(r, p->floats, p->n_floats, sizeof(float));
        attr->len = p->n_floats;
        return attr->u.floats != NULL ? QUERN_OK : qn_no_memory(r->context);
    case QN_ATTR_INTS:
        attr->u.ints = copy(r, p->ints, p->n_ints, sizeof(int64_t));
        attr->len = p->n_ints;
        return attr->u.ints != NULL ? QUERN_OK : qn_no_memory(r->context);
    case QN_ATTR_STRINGS:
        return read_strings(r, p, attr);
    case QN_ATTR_TENSOR:
        return p->t != NULL ? read_tensors(r, &p->t, 1, attr) : QUERN_NOT_FOUND;
    case QN_ATTR_TENSORS:
        return read_tensors(r, p->tensors, p->n_tensors, attr);
    case QN_ATTR_GRAPH:
        return p->g != NULL ? read_graphs(r, &p->g, 1, node, attr)
                            : QUERN_NOT_FOUND;
    case QN_ATTR_GRAPHS:
        return read_graphs(r, p->graphs, p->n_graphs, node, attr);
    case QN_ATTR_SPARSE_TENSOR:
        return p->sparse_tensor != NULL
                   ? keep_wire(r, &p->sparse_tensor, 1, true, attr)
                   : QUERN_NOT_FOUND;
    case QN_ATTR_SPARSE_TENSORS:
        return keep_wire(r, p->sparse_tensors, p->n_sparse_tensors, true, attr);
    case QN_ATTR_TYPE_PROTO:
        return p->tp != NULL ? keep_wire(r, &p->tp, 1, false, attr)
                             : QUERN_NOT_FOUND;
    case QN_ATTR_TYPE_PROTOS:
        return keep_wire(r, p->type_protos, p->n_type_protos, false, attr);
    case QN_ATTR_UNDEFINED:
        return QUERN_OK; /* an empty list of IR 1: nothing is known */
    }
    return QUERN_NOT_FOUND;
}

static enum quern_code fill_attr(struct qn_reader *r,
                                 const Onnx__AttributeProto *p,
                                 struct quern_node *node, struct qn_attr *attr)
{
    struct qn_arena *arena = &r->model->arena;
    int type = type_of(p);
    enum quern_code code = QUERN_NOT_FOUND;
    attr->type = (enum qn_attr_type)type;
    if (p->ref_attr_name != NULL && *p->ref_attr_name != '\0') {
        attr->ref_name = qn_arena_strdup(arena, p->ref_attr_name);
        code = attr->ref_name != NULL ? QUERN_OK : qn_no_memory(r->context);
    } else if (type >= 0 && type <= QN_ATTR_TYPE_PROTOS) {
        code = read_value(r, p, node, attr);
    }
    if (code == QUERN_NOT_FOUND) {
        struct quern_place place = QUERN_PLACE_NONE;
        place = node != NULL ? quern_node_place(node) : place;
        place.stage = "read";
        place.file = r->path;
        place.offset = (int64_t)p->quern_offset;
        place.attribute = attr->name;
        code = quern_fail(r->context, QUERN_INVALID_MODEL, &place,
                          "attribute of type %s (%d) without a value of that "
                          "type",
                          qn_attr_type_name(attr->type), type);
    }
    if (code != QUERN_OK) {
        /* Nobody may look for the value that is not there. */
        attr->type = QN_ATTR_UNDEFINED;
        attr->len = 0;
    }
    return code;
}

enum quern_code qn_read_attr(struct qn_reader *r, const Onnx__AttributeProto *p,
                             struct quern_node *node, struct quern_graph *scope,
                             struct qn_attr **out_attr)
{
    (void)scope;
    struct qn_arena *arena = &r->model->arena;
    struct qn_attr *attr = qn_arena_alloc(arena, sizeof *attr);
    if (attr == NULL) {
        return qn_no_memory(r->context);
    }
    if (p->name == NULL || *p->name == '\0') {
        enum quern_code code =
            qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, NULL,
                           "attribute without a name");
        return qn_reader_absorb(r, code);
    }
    attr->name = qn_arena_strdup(arena, p->name);
    attr->origin = qn_reader_span(r, p->quern_offset, p->quern_size);
    if (attr->name == NULL) {
        return qn_no_memory(r->context);
    }
    if (r->findings != NULL) {
        qn_examine_attr(r, p, node);
    }
    if (node != NULL) {
        qn_build_attr(node, attr);
    }
    enum quern_code code = fill_attr(r, p, node, attr);
    code = qn_reader_absorb(r, code);
    if (code == QUERN_OK) {
        *out_attr = attr;
    }
    return code;
}

/* ---------------------------------------------------------------- types */

static enum quern_code read_shape(struct qn_reader *r,
                                  const Onnx__TensorShapeProto *shape,
                                  struct qn_type *type)
{
    type->rank = -1;
    if (shape == NULL) {
        return QUERN_OK;
    }
    if (shape->n_dim > QUERN_MAX_RANK) {
        return quern_fail(r->context, QUERN_LIMIT, NULL,
                          "type has rank %zu, at most %d is supported",
                          shape->n_dim, QUERN_MAX_RANK);
    }
    struct quern_dim *dims =
        qn_arena_alloc_n(&r->model->arena, shape->n_dim, sizeof *dims);
    if (dims == NULL) {
        return qn_no_memory(r->context);
    }
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        dims[i].value =
            d->has_dim_value && d->dim_value >= 0 ? d->dim_value : -1;
        if (dims[i].value < 0 && d->dim_param != NULL &&
            *d->dim_param != '\0') {
            dims[i].expr = qn_expr_symbol(r->model, d->dim_param);
            if (dims[i].expr == NULL) {
                return qn_no_memory(r->context);
            }
        }
    }
    type->rank = (int)shape->n_dim;
    type->dims = shape->n_dim > 0 ? dims : NULL;
    return QUERN_OK;
}

static enum quern_code read_element(struct qn_reader *r,
                                    const Onnx__TypeProto *p, int kind,
                                    struct qn_type *type)
{
    type->kind = (enum quern_kind)kind;
    return qn_read_type(r, p, &type->element);
}

/* Depth is bounded by the skim. */
enum quern_code qn_read_type(struct qn_reader *r, const Onnx__TypeProto *p,
                             const struct qn_type **out_type)
{
    *out_type = NULL;
    if (p == NULL) {
        return QUERN_OK;
    }
    struct qn_type *type = qn_arena_alloc(&r->model->arena, sizeof *type);
    if (type == NULL) {
        return qn_no_memory(r->context);
    }
    type->rank = -1;
    type->opaque = qn_reader_span(r, p->quern_offset, p->quern_size);
    *out_type = type;
    if (p->tensor_type != NULL) {
        type->kind = QUERN_KIND_TENSOR;
        type->dtype = (enum quern_dtype)p->tensor_type->elem_type;
        return read_shape(r, p->tensor_type->shape, type);
    }
    if (p->sparse_tensor_type != NULL) {
        type->kind = QUERN_KIND_SPARSE;
        type->dtype = (enum quern_dtype)p->sparse_tensor_type->elem_type;
        return read_shape(r, p->sparse_tensor_type->shape, type);
    }
    if (p->sequence_type != NULL) {
        return read_element(r, p->sequence_type->elem_type, QUERN_KIND_SEQUENCE,
                            type);
    }
    if (p->optional_type != NULL) {
        return read_element(r, p->optional_type->elem_type, QUERN_KIND_OPTIONAL,
                            type);
    }
    if (p->map_type != NULL) {
        type->dtype = (enum quern_dtype)p->map_type->key_type;
        return read_element(r, p->map_type->value_type, QUERN_KIND_MAP, type);
    }
    type->kind =
        p->opaque_type != NULL ? QUERN_KIND_OPAQUE : QUERN_KIND_UNKNOWN;
    return QUERN_OK;
}
