/* Constants and attributes as patterns see them. */
#include "ir/ir.h"
#include "pass/pattern.h"

#include <math.h>
#include <string.h>

/* Constants are equal within this share of the wanted number: what survives
 * rounding to float. */
static const double tolerance = 1e-6;

static bool is_near(const struct qn_pattern_numbers *numbers, double found,
                    size_t i)
{
    double wanted = numbers->values[i];
    return fabs(found - wanted) <= (numbers->within >= 0.0
                                        ? numbers->within
                                        : tolerance * fabs(wanted));
}

bool qn_tensor_is_numbers(const struct quern_tensor *tensor,
                          const struct qn_pattern_numbers *wanted)
{
    double block[256];
    int64_t len = quern_tensor_len(tensor);
    if (len < 1 || (wanted->is_list && len != (int64_t)wanted->n)) {
        return false;
    }
    for (int64_t first = 0; first < len; first += 256) {
        int64_t n = len - first < 256 ? len - first : 256;
        if (!quern_tensor_read_doubles(tensor, first, n, block)) {
            return false;
        }
        for (int64_t i = 0; i < n; i++) {
            size_t at = wanted->is_list ? (size_t)(first + i) : 0;
            if (!is_near(wanted, block[i], at)) {
                return false;
            }
        }
    }
    return true;
}

static void value_in_node(const struct qn_attr *attr, struct qn_attr_value *out)
{
    out->n = attr->len;
    switch (attr->type) {
    case QN_ATTR_INT:
        out->one_int = attr->u.i;
        out->ints = &out->one_int;
        out->n = 1;
        break;
    case QN_ATTR_FLOAT:
        out->one_float = attr->u.f;
        out->floats = &out->one_float;
        out->n = 1;
        break;
    case QN_ATTR_INTS:
        out->ints = attr->u.ints;
        out->is_list = true;
        break;
    case QN_ATTR_FLOATS:
        out->floats = attr->u.floats;
        out->is_list = true;
        break;
    case QN_ATTR_STRING:
        out->text = (const char *)attr->u.s.data;
        out->n = attr->u.s.size;
        break;
    case QN_ATTR_UNDEFINED:
    case QN_ATTR_TENSOR:
    case QN_ATTR_GRAPH:
    case QN_ATTR_STRINGS:
    case QN_ATTR_TENSORS:
    case QN_ATTR_GRAPHS:
    case QN_ATTR_SPARSE_TENSOR:
    case QN_ATTR_SPARSE_TENSORS:
    case QN_ATTR_TYPE_PROTO:
    case QN_ATTR_TYPE_PROTOS:
        return;
    }
    out->is_known = true;
}

static void value_by_default(const struct qn_schema_attr *row,
                             struct qn_attr_value *out)
{
    out->is_known = true;
    if (qn_schema_default_int(row, &out->one_int)) {
        out->ints = &out->one_int;
        out->n = 1;
    } else if (qn_schema_default_float(row, &out->one_float)) {
        out->floats = &out->one_float;
        out->n = 1;
    } else if (qn_schema_default_ints(row, &out->ints, &out->n) ||
               qn_schema_default_floats(row, &out->floats, &out->n)) {
        out->is_list = true;
    } else {
        out->text = qn_schema_default_string(row);
        out->is_known = out->text != NULL;
        out->n = out->is_known ? strlen(out->text) : 0;
    }
}

void qn_attr_value_of(const struct quern_node *node, const char *name,
                      struct qn_attr_value *out_value)
{
    const struct qn_attr *attr = qn_node_attr(node, name);
    *out_value = (struct qn_attr_value){0};
    if (attr != NULL) {
        if (attr->ref_name == NULL) {
            value_in_node(attr, out_value);
        }
        return;
    }
    const struct qn_schema *schema = qn_node_schema(node);
    const struct qn_schema_attr *row =
        schema != NULL ? qn_schema_attr(schema, name) : NULL;
    if (row != NULL) {
        value_by_default(row, out_value);
    }
}

static double number_at(const struct qn_attr_value *v, size_t i)
{
    return v->ints != NULL ? (double)v->ints[i] : (double)v->floats[i];
}

bool qn_attr_is_wanted(const struct qn_attr_value *v,
                       const struct qn_pattern_attr *attr)
{
    if (!v->is_known) {
        return false;
    }
    if (attr->kind == QN_ATTR_IS_TEXT) {
        return v->text != NULL && v->n == strlen(attr->text) &&
               memcmp(v->text, attr->text, v->n) == 0;
    }
    const struct qn_pattern_numbers *wanted = &attr->numbers;
    if (v->text != NULL || v->is_list != wanted->is_list || v->n != wanted->n) {
        return false;
    }
    for (size_t i = 0; i < v->n; i++) {
        if (!is_near(wanted, number_at(v, i), i)) {
            return false;
        }
    }
    return true;
}

bool qn_attr_are_same(const struct qn_attr_value *a,
                      const struct qn_attr_value *b)
{
    bool same = a->is_known == b->is_known && a->is_list == b->is_list &&
                a->n == b->n && (a->text != NULL) == (b->text != NULL);
    if (!same || !a->is_known) {
        return same;
    }
    if (a->text != NULL) {
        return memcmp(a->text, b->text, a->n) == 0;
    }
    for (size_t i = 0; i < a->n && same; i++) {
        double x = number_at(a, i), y = number_at(b, i);
        same = !(x < y) && !(x > y);
    }
    return same;
}
