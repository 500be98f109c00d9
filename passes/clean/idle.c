/* Nodes that change nothing, which take a closer look. */
#include "clean/idle.h"

#include "common.h"

#include <string.h>

enum { MOST_PLACES = 4096 };

/* 0, 1, 2, … in a column. */
static bool counts(const struct quern_tensor *t, int64_t n)
{
    if (quern_tensor_rank(t) != 2 || quern_tensor_dims(t)[1] != 1 ||
        quern_tensor_dims(t)[0] != n || n > MOST_PLACES) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t at = -1;
        if (!quern_tensor_read_ints(t, i, 1, &at) || at != i) {
            return false;
        }
    }
    return true;
}

static bool is_int(const struct quern_value *v, int64_t wanted)
{
    int64_t number = 0;
    return v != NULL && qn_int_values(v, 1, &number) == 1 && number == wanted;
}

/* Unsqueeze(Range(0, size, 1), -1), as exporters write it. */
static bool counts_up_to(const struct quern_value *indices,
                         struct quern_dim size)
{
    const struct quern_node *column = quern_value_producer(indices);
    int64_t axis = 0;
    if (column == NULL || !quern_node_is(column, "Unsqueeze") ||
        qn_axes(column, 1, &axis) != 1 || (axis != 1 && axis != -1)) {
        return false;
    }
    const struct quern_value *row = quern_node_input(column, 0);
    const struct quern_node *range =
        row != NULL ? quern_value_producer(row) : NULL;
    if (range == NULL || !quern_node_is(range, "Range") ||
        !is_int(quern_node_input(range, 0), 0) ||
        !is_int(quern_node_input(range, 2), 1)) {
        return false;
    }
    size_t n = 0;
    const struct quern_number *end =
        quern_value_numbers(quern_node_input(range, 1), &n);
    return end != NULL && n == 1 && end->known &&
           quern_dim_equal(
               size, (struct quern_dim){end->expr != NULL ? -1 : end->value,
                                        end->expr});
}

bool qn_scatters_all(const struct quern_node *node)
{
    const struct quern_value *data = quern_node_input(node, 0);
    const struct quern_value *indices = quern_node_input(node, 1);
    const char *how = NULL;
    if (!quern_node_is(node, "ScatterND") || data == NULL || indices == NULL ||
        quern_value_rank(data) < 1 ||
        (quern_node_has_attr(node, "reduction") &&
         (quern_node_attr_string(node, "reduction", &how, NULL) != QUERN_OK ||
          strcmp(how, "none") != 0))) {
        return false;
    }
    struct quern_dim size = quern_value_dims(data)[0];
    const struct quern_tensor *t = quern_value_constant(indices);
    return t != NULL ? counts(t, size.value) : counts_up_to(indices, size);
}

static bool are_ones(const struct quern_value *scales)
{
    const struct quern_tensor *t =
        scales != NULL ? quern_value_constant(scales) : NULL;
    for (int64_t i = 0; t != NULL && i < quern_tensor_len(t); i++) {
        double x = 0.0;
        if (!quern_tensor_read_doubles(t, i, 1, &x) || x < 1.0 || x > 1.0) {
            return false;
        }
    }
    return t != NULL && quern_tensor_len(t) > 0;
}

/* A string attribute with another value. */
static bool is_else(const struct quern_node *node, const char *name,
                    const char *a)
{
    const char *text = NULL;
    return quern_node_has_attr(node, name) &&
           (quern_node_attr_string(node, name, &text, NULL) != QUERN_OK ||
            strcmp(text, a) != 0);
}

bool qn_resizes_by_one(const struct quern_node *node)
{
    const char *how = NULL;
    if (quern_node_is(node, "Upsample")) {
        return are_ones(quern_node_input(node, 1));
    }
    if (!quern_node_is(node, "Resize") ||
        is_else(node, "keep_aspect_ratio_policy", "stretch") ||
        (quern_node_has_attr(node, "coordinate_transformation_mode") &&
         (quern_node_attr_string(node, "coordinate_transformation_mode", &how,
                                 NULL) != QUERN_OK ||
          strcmp(how, "tf_crop_and_resize") == 0))) {
        return false;
    }
    if (quern_node_opset(node) < 11) {
        return are_ones(quern_node_input(node, 1));
    }
    /* Sizes that are as they were make factors of exactly 1. */
    return quern_node_input(node, 3) != NULL ||
           are_ones(quern_node_input(node, 2));
}

static bool are_all(const struct quern_node *node, const char *name,
                    int64_t wanted, bool needed)
{
    const int64_t *list = NULL;
    size_t n = 0;
    if (!quern_node_has_attr(node, name)) {
        return !needed;
    }
    if (quern_node_attr_ints(node, name, &list, &n) != QUERN_OK) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i] != wanted) {
            return false;
        }
    }
    return true;
}

bool qn_pools_by_one(const struct quern_node *node)
{
    return (quern_node_is(node, "AveragePool") ||
            (quern_node_is(node, "MaxPool") &&
             quern_node_output(node, 1) == NULL)) &&
           are_all(node, "kernel_shape", 1, true) &&
           are_all(node, "strides", 1, false) &&
           are_all(node, "pads", 0, false);
}

bool qn_is_done_twice(const struct quern_node *node)
{
    static const char *const roundings[] = {"Ceil", "Floor", "Round", NULL};
    static const char *const whole[] = {"Ceil", "Floor", "Round", "Sign", NULL};
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *made = x != NULL ? quern_value_producer(x) : NULL;
    if (made == NULL || quern_value_rank(x) < 0) {
        return false;
    }
    return (qn_is_one_of(node, roundings) && qn_is_one_of(made, whole)) ||
           (quern_node_is(node, "Sign") && quern_node_is(made, "Sign")) ||
           (quern_node_is(node, "Abs") && quern_node_is(made, "Abs"));
}

/* A constant, or what ConstantOfShape fills in. */
static const struct quern_tensor *numbers_of(const struct quern_value *v)
{
    const struct quern_node *fill = qn_maker(v, "ConstantOfShape");
    struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    if (t == NULL && fill != NULL) {
        return quern_node_attr_tensor(fill, "value", &t) == QUERN_OK ? t : NULL;
    }
    return t;
}

bool qn_is_all(const struct quern_value *v, double number)
{
    const struct quern_node *expand = qn_maker(v, "Expand");
    const struct quern_node *fill = qn_maker(v, "ConstantOfShape");
    const struct quern_tensor *t =
        numbers_of(expand != NULL ? quern_node_input(expand, 0) : v);
    int64_t len = t != NULL ? quern_tensor_len(t) : 0;
    double each = 0.0;
    if (fill != NULL && !quern_node_has_attr(fill, "value")) {
        return number >= 0.0 && number <= 0.0;
    }
    for (int64_t i = 0; i < len; i++) {
        if (!quern_tensor_read_doubles(t, i, 1, &each) ||
            !(each >= number && each <= number)) {
            return false;
        }
    }
    return len > 0;
}
