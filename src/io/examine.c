/* Examining models, functions, graphs, attributes: see examine.h. */
#include "io/examine.h"

#include "io/examine_name.h"
#include "io/limits.h"

#include <stdio.h>
#include <string.h>

static struct quern_place place_at(const struct qn_reader *r, uint64_t offset)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = r->path;
    place.offset = (int64_t)offset;
    return place;
}

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

/* ---------------------------------------------------------------- model */

void qn_examine_model(struct qn_reader *r, const Onnx__ModelProto *p)
{
    struct quern_place place = place_at(r, 0);
    place.offset = -1;
    if (!p->has_ir_version || p->ir_version < 1) {
        qn_find_error(r->findings, &place,
                      "model has IR version %lld, needs 1 or more",
                      (long long)p->ir_version);
    } else if (p->ir_version > QN_NEWEST_IR) {
        qn_find_error(r->findings, &place,
                      "IR version %lld is newer than the newest known, %d: "
                      "what it means cannot be checked",
                      (long long)p->ir_version, QN_NEWEST_IR);
    }
    if (p->ir_version >= 3 && p->n_opset_import == 0) {
        qn_find_error(r->findings, &place,
                      "model of IR version %lld imports no opset",
                      (long long)p->ir_version);
    }
    if (p->ir_version < 3 && p->n_opset_import > 0) {
        qn_find_error(r->findings, &place,
                      "model of IR version %lld imports opsets, which came "
                      "with IR version 3",
                      (long long)p->ir_version);
    }
}

static void find_twice(struct qn_reader *r, const struct quern_place *place,
                       char *const *names, size_t n, const char *what)
{
    struct qn_map seen = {0};
    static char mark;
    for (size_t i = 0; i < n; i++) {
        if (qn_map_get(&seen, names[i]) != NULL) {
            struct quern_place at = *place;
            at.tensor = names[i];
            qn_find_error(r->findings, &at, "%s stands twice", what);
        } else if (!qn_map_set(&seen, names[i], &mark)) {
            break; /* the reader will run out of memory as well, and say so */
        }
    }
    qn_map_finish(&seen);
}

void qn_examine_function(struct qn_reader *r, const Onnx__FunctionProto *p)
{
    struct quern_place place = place_at(r, p->quern_offset);
    place.graph = p->name;
    if (p->domain == NULL) {
        qn_find_error(r->findings, &place, "function without a domain");
    }
    if (p->n_opset_import == 0 && p->n_node > 0) {
        qn_find_error(r->findings, &place, "function imports no opset");
    }
    find_twice(r, &place, p->output, p->n_output, "function output");
    for (size_t i = 0; i < p->n_attribute_proto; i++) {
        const char *name = p->attribute_proto[i]->name;
        for (size_t k = 0; name != NULL && k < p->n_attribute; k++) {
            if (strcmp(name, p->attribute[k]) == 0) {
                place.attribute = name;
                qn_find_error(r->findings, &place,
                              "attribute is declared with and without "
                              "default");
            }
        }
    }
}

/* ---------------------------------------------------------------- graphs */

static void warn_twice(struct qn_reader *r, const struct quern_place *place,
                       Onnx__ValueInfoProto *const *list, size_t n,
                       const char *what)
{
    struct qn_map seen = {0};
    for (size_t i = 0; i < n; i++) {
        const char *name = list[i]->name;
        if (is_empty(name)) {
            continue;
        }
        if (qn_map_get(&seen, name) != NULL) {
            struct quern_place at = *place;
            at.tensor = name;
            qn_find_warning(r->findings, &at, "%s stands twice", what);
        } else if (!qn_map_set(&seen, name, list[i])) {
            break;
        }
    }
    qn_map_finish(&seen);
}

static void examine_annotation(struct qn_reader *r,
                               const struct quern_graph *graph,
                               const struct quern_place *place,
                               const Onnx__TensorAnnotation *a)
{
    struct quern_place at = *place;
    at.tensor = a->tensor_name;
    if (is_empty(a->tensor_name) ||
        quern_graph_find(graph, a->tensor_name) == NULL) {
        qn_find_warning(
            r->findings, &at,
            "quantization annotation of a tensor that is not there");
    }
    for (size_t i = 0; i < a->n_quant_parameter_tensor_names; i++) {
        const Onnx__StringStringEntryProto *e =
            a->quant_parameter_tensor_names[i];
        const char *name = qn_arena_strndup(
            &r->scratch, (const char *)e->value.data, e->value.len);
        if (name != NULL && quern_graph_find(graph, name) == NULL) {
            qn_find_warning(r->findings, &at,
                            "quantization annotation names %s '%s', which is "
                            "not there",
                            e->key != NULL ? e->key : "", name);
        }
    }
}

void qn_examine_graph(struct qn_reader *r, struct quern_graph *graph,
                      const Onnx__GraphProto *p)
{
    struct quern_place place = place_at(r, p->quern_offset);
    place.graph = qn_graph_path(graph);
    if (is_empty(p->name)) {
        qn_find_error(r->findings, &place, "graph without a name");
    }
    qn_examine_names(r, graph, &place);
    warn_twice(r, &place, p->output, p->n_output, "graph output");
    warn_twice(r, &place, p->value_info, p->n_value_info, "value_info");
    for (size_t i = 0; i < p->n_quantization_annotation; i++) {
        examine_annotation(r, graph, &place, p->quantization_annotation[i]);
    }
}

/* ---------------------------------------------------------------- types */

static const char *dtype_wrong(bool is_given, int dtype)
{
    return !is_given || dtype == 0 ? "has no element type"
           : dtype < 0 || dtype > QUERN_INT2
               ? "has an element type that is not known"
               : NULL;
}

static void examine_shape(struct qn_reader *r, const struct quern_place *place,
                          const Onnx__TensorShapeProto *shape, const char *what)
{
    for (size_t i = 0; shape != NULL && i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        if (d->has_dim_value && d->dim_value < 0) {
            /* Some exporters write -1 for what they do not know. */
            qn_find_warning(r->findings, place,
                            "%s has dimension %zu of %lld, which is taken as "
                            "unknown",
                            what, i, (long long)d->dim_value);
        }
        if (d->has_dim_value && d->dim_param != NULL) {
            qn_find_warning(r->findings, place,
                            "%s has dimension %zu given both as number and as "
                            "name",
                            what, i);
        }
    }
}

/* What ONNX asks of inputs and outputs of the top graph. Depth is bounded by
 * the skim. */
static const char *type_wrong(const Onnx__TypeProto *t)
{
    const char *wrong = "has a type that says nothing";
    if (t == NULL) {
        return "has no type";
    }
    if (t->tensor_type != NULL) {
        wrong = dtype_wrong(t->tensor_type->has_elem_type,
                            t->tensor_type->elem_type);
        return wrong == NULL && t->tensor_type->shape == NULL ? "has no shape"
                                                              : wrong;
    }
    if (t->sparse_tensor_type != NULL) {
        wrong = dtype_wrong(t->sparse_tensor_type->has_elem_type,
                            t->sparse_tensor_type->elem_type);
        return wrong == NULL && t->sparse_tensor_type->shape == NULL
                   ? "has no shape"
                   : wrong;
    }
    if (t->sequence_type != NULL) {
        return t->sequence_type->elem_type == NULL ? "has no element type"
                                                   : NULL;
    }
    if (t->optional_type != NULL) {
        return t->optional_type->elem_type == NULL ? "has no element type"
                                                   : NULL;
    }
    if (t->map_type != NULL) {
        return !t->map_type->has_key_type || t->map_type->value_type == NULL
                   ? "has no key or value type"
                   : NULL;
    }
    if (t->opaque_type != NULL) {
        return is_empty(t->opaque_type->name) ? "has no name of its type"
                                              : NULL;
    }
    return wrong;
}

void qn_examine_value_info(struct qn_reader *r, struct quern_graph *graph,
                           const Onnx__ValueInfoProto *p, const char *what)
{
    struct quern_place place = place_at(r, p->quern_offset);
    place.tensor = p->name;
    const char *wrong = graph->parent == NULL && graph->function == NULL
                            ? type_wrong(p->type)
                            : NULL;
    if (wrong != NULL || (p->type != NULL && p->type->tensor_type != NULL)) {
        place.graph = qn_graph_path(graph);
    }
    if (wrong != NULL) {
        qn_find_error(r->findings, &place, "%s %s", what, wrong);
    }
    if (p->type != NULL && p->type->tensor_type != NULL) {
        examine_shape(r, &place, p->type->tensor_type->shape, what);
    }
}

/* ----------------------------------------------------------- attributes */

struct field {
    enum qn_attr_type type;
    bool is_set;
};

/* Types of the fields that hold a value; the number of them. */
static size_t set_fields(const Onnx__AttributeProto *p,
                         enum qn_attr_type *out_first)
{
    const struct field fields[] = {
        {QN_ATTR_FLOAT, p->has_f},
        {QN_ATTR_INT, p->has_i},
        {QN_ATTR_STRING, p->has_s},
        {QN_ATTR_TENSOR, p->t != NULL},
        {QN_ATTR_GRAPH, p->g != NULL},
        {QN_ATTR_FLOATS, p->n_floats > 0},
        {QN_ATTR_INTS, p->n_ints > 0},
        {QN_ATTR_STRINGS, p->n_strings > 0},
        {QN_ATTR_TENSORS, p->n_tensors > 0},
        {QN_ATTR_GRAPHS, p->n_graphs > 0},
        {QN_ATTR_SPARSE_TENSOR, p->sparse_tensor != NULL},
        {QN_ATTR_SPARSE_TENSORS, p->n_sparse_tensors > 0},
        {QN_ATTR_TYPE_PROTO, p->tp != NULL},
        {QN_ATTR_TYPE_PROTOS, p->n_type_protos > 0},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].is_set) {
            *out_first = n == 0 ? fields[i].type : *out_first;
            n++;
        }
    }
    return n;
}

static void examine_inside(struct qn_reader *r, const Onnx__AttributeProto *p,
                           const struct quern_place *place)
{
    if (p->t != NULL) {
        qn_examine_tensor(r, p->t, place);
    }
    for (size_t i = 0; i < p->n_tensors; i++) {
        qn_examine_tensor(r, p->tensors[i], place);
    }
    if (p->sparse_tensor != NULL) {
        qn_examine_sparse(r, p->sparse_tensor, place);
    }
    for (size_t i = 0; i < p->n_sparse_tensors; i++) {
        qn_examine_sparse(r, p->sparse_tensors[i], place);
    }
}

/* What is wrong with an attribute itself. */
struct attr_faults {
    size_t n_values;
    enum qn_attr_type first; /* of the values */
    bool no_type;
    bool other_type; /* than it says */
    bool ref_and_value;
};

static struct attr_faults attr_faults_of(const struct qn_reader *r,
                                         const Onnx__AttributeProto *p)
{
    struct attr_faults f = {.first = QN_ATTR_UNDEFINED};
    bool has_type = p->has_type && p->type != 0;
    f.n_values = set_fields(p, &f.first);
    f.no_type = r->model->ir_version >= 2 && !has_type;
    f.other_type = has_type && f.n_values == 1 && (int)f.first != p->type;
    f.ref_and_value = !is_empty(p->ref_attr_name) && f.n_values > 0;
    return f;
}

static void tell_attr_faults(struct qn_reader *r, const Onnx__AttributeProto *p,
                             const struct attr_faults *f,
                             const struct quern_place *place)
{
    if (f->no_type) {
        qn_find_error(r->findings, place, "attribute says no type");
    }
    if (f->n_values > 1) {
        qn_find_error(r->findings, place, "attribute has %zu values, needs one",
                      f->n_values);
    } else if (f->other_type) {
        qn_find_error(r->findings, place,
                      "attribute says type %s, but holds one of type %s",
                      qn_attr_type_name((enum qn_attr_type)p->type),
                      qn_attr_type_name(f->first));
    }
    if (f->ref_and_value) {
        qn_find_error(r->findings, place,
                      "attribute refers to '%s' and has a value as well",
                      p->ref_attr_name);
    }
}

void qn_examine_attr(struct qn_reader *r, const Onnx__AttributeProto *p,
                     const struct quern_node *node)
{
    struct quern_place none = QUERN_PLACE_NONE;
    struct attr_faults f = attr_faults_of(r, p);
    bool faulty =
        f.n_values > 1 || f.no_type || f.other_type || f.ref_and_value;
    bool inside = p->t != NULL || p->sparse_tensor != NULL ||
                  p->n_tensors > 0 || p->n_sparse_tensors > 0;
    if (!faulty && !inside) {
        return; /* the place costs memory */
    }
    struct quern_place place = node != NULL ? quern_node_place(node) : none;
    place.stage = "read";
    place.file = r->path;
    place.offset = (int64_t)p->quern_offset;
    place.attribute = p->name;
    tell_attr_faults(r, p, &f, &place);
    examine_inside(r, p, &place);
}
