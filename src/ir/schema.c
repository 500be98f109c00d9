/* Looking up operator schemas. */
#include "ir/schema.h"

#include "base/map.h"
#include "ir/schema_data.h"

#include <string.h>

/* Numbers of AttributeProto.AttributeType. */
enum {
    TYPE_FLOAT = 1,
    TYPE_INT = 2,
    TYPE_STRING = 3,
    TYPE_FLOATS = 6,
    TYPE_INTS = 7,
    TYPE_STRINGS = 8,
};

const char *qn_schema_text(uint16_t offset)
{
    return qn_schema_pool + offset;
}

/* Order of a row against a key: by domain, operator, then version. */
static int compare(const struct qn_schema *row, const char *domain,
                   const char *op, int64_t version)
{
    int order = strcmp(qn_schema_text(row->domain), domain);
    if (order == 0) {
        order = strcmp(qn_schema_text(row->op), op);
    }
    if (order == 0) {
        order = row->since < version ? -1 : row->since > version ? 1 : 0;
    }
    return order;
}

const struct qn_schema *qn_schema_find(const char *domain, const char *op,
                                       int64_t version)
{
    size_t low = 0;
    size_t high = qn_schema_n_rows; /* first row above the key */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&qn_schema_rows[middle], domain, op, version) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct qn_schema *row = &qn_schema_rows[low - 1];
    bool same = strcmp(qn_schema_text(row->domain), domain) == 0 &&
                strcmp(qn_schema_text(row->op), op) == 0;
    return same ? row : NULL;
}

int64_t qn_schema_newest(const char *domain)
{
    for (size_t i = 0; i < qn_schema_n_domains; i++) {
        if (strcmp(qn_schema_text(qn_schema_domains[i].name), domain) == 0) {
            return qn_schema_domains[i].newest;
        }
    }
    return 0;
}

int64_t qn_schema_ir_for_opset(int64_t version)
{
    int64_t ir = 0;
    for (size_t i = 0; i < qn_schema_n_ir; i++) {
        if (qn_schema_ir[i].opset <= version) {
            ir = qn_schema_ir[i].ir;
        }
    }
    return ir;
}

const char *qn_schema_nearest(const char *domain, const char *op)
{
    const char *best = NULL;
    int limit = 2;
    for (size_t i = 0; i < qn_schema_n_rows && limit >= 0; i++) {
        const struct qn_schema *row = &qn_schema_rows[i];
        if (strcmp(qn_schema_text(row->domain), domain) != 0) {
            continue;
        }
        int distance = qn_edit_distance(op, qn_schema_text(row->op), limit);
        if (distance <= limit) {
            best = qn_schema_text(row->op);
            limit = distance - 1;
        }
    }
    return best;
}

size_t qn_schema_count(void)
{
    return qn_schema_n_rows;
}

const struct qn_schema *qn_schema_at(size_t i)
{
    return i < qn_schema_n_rows ? &qn_schema_rows[i] : NULL;
}

/* Port i of a list; the last one stands for all further if it is variadic. */
static const struct qn_schema_port *port(size_t first, size_t n, size_t i)
{
    const struct qn_schema_port *ports = &qn_schema_ports[first];
    if (i < n) {
        return &ports[i];
    }
    bool more = n > 0 && ports[n - 1].option == QN_SCHEMA_VARIADIC;
    return more ? &ports[n - 1] : NULL;
}

const struct qn_schema_port *qn_schema_input(const struct qn_schema *schema,
                                             size_t i)
{
    return port(schema->ports, schema->n_inputs, i);
}

const struct qn_schema_port *qn_schema_output(const struct qn_schema *schema,
                                              size_t i)
{
    return port((size_t)schema->ports + schema->n_inputs, schema->n_outputs, i);
}

const struct qn_schema_attr *qn_schema_attr_at(const struct qn_schema *schema,
                                               size_t i)
{
    return i < schema->n_attrs ? &qn_schema_attrs[schema->attrs + i] : NULL;
}

const struct qn_schema_attr *qn_schema_attr(const struct qn_schema *schema,
                                            const char *name)
{
    for (size_t i = 0; i < schema->n_attrs; i++) {
        const struct qn_schema_attr *attr = &qn_schema_attrs[schema->attrs + i];
        if (strcmp(qn_schema_text(attr->name), name) == 0) {
            return attr;
        }
    }
    return NULL;
}

bool qn_schema_default_int(const struct qn_schema_attr *attr, int64_t *out)
{
    if (!attr->has_default || attr->type != TYPE_INT) {
        return false;
    }
    *out = qn_schema_ints[attr->at];
    return true;
}

bool qn_schema_default_float(const struct qn_schema_attr *attr, float *out)
{
    if (!attr->has_default || attr->type != TYPE_FLOAT) {
        return false;
    }
    *out = qn_schema_floats[attr->at];
    return true;
}

const char *qn_schema_default_string(const struct qn_schema_attr *attr)
{
    return attr->has_default && attr->type == TYPE_STRING
               ? qn_schema_text(attr->at)
               : NULL;
}

bool qn_schema_default_ints(const struct qn_schema_attr *attr,
                            const int64_t **out, size_t *out_len)
{
    if (!attr->has_default || attr->type != TYPE_INTS) {
        return false;
    }
    *out = &qn_schema_ints[attr->at];
    *out_len = attr->len;
    return true;
}

bool qn_schema_default_floats(const struct qn_schema_attr *attr,
                              const float **out, size_t *out_len)
{
    if (!attr->has_default || attr->type != TYPE_FLOATS) {
        return false;
    }
    *out = &qn_schema_floats[attr->at];
    *out_len = attr->len;
    return true;
}

bool qn_schema_default_strings(const struct qn_schema_attr *attr,
                               const char **out, size_t *out_len)
{
    if (!attr->has_default || attr->type != TYPE_STRINGS) {
        return false;
    }
    *out = qn_schema_text(attr->at);
    *out_len = attr->len;
    return true;
}
