/* Values of attributes: names from a list, numbers with a least one, types. */
#include "ir/verify.h"

#include <stdio.h>
#include <string.h>

struct rule {
    const char *op;
    const char *attribute;
    int64_t least;            /* of an int, or of each of ints */
    const char *const *names; /* of a string, NULL-ended; NULL: a number */
};

static const char *const paddings[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER",
                                       "VALID", NULL};
static const char *const directions[] = {"forward", "reverse", "bidirectional",
                                         NULL};
static const char *const losses[] = {"none", "sum", "mean", NULL};
static const char *const updates[] = {"none", "add", "mul", "max", "min", NULL};
static const char *const blocks[] = {"DCR", "CRD", NULL};
static const char *const gelus[] = {"none", "tanh", NULL};
static const char *const fills[] = {"constant", "reflect", "edge", "wrap",
                                    NULL};
static const char *const sizes[] = {"nearest", "linear", "cubic", NULL};
static const char *const coordinates[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
    "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil",
                                      "floor", "ceil", NULL};
static const char *const samplings[] = {"bilinear", "nearest", "bicubic",
                                        "linear",   "cubic",   NULL};
static const char *const borders[] = {"zeros", "border", "reflection", NULL};
static const char *const shifts[] = {"LEFT", "RIGHT", NULL};

static const struct rule rules[] = {
    {"AveragePool", "auto_pad", 0, paddings},
    {"AveragePool", "dilations", 1, NULL},
    {"AveragePool", "kernel_shape", 1, NULL},
    {"AveragePool", "strides", 1, NULL},
    {"BitShift", "direction", 0, shifts},
    {"Conv", "auto_pad", 0, paddings},
    {"Conv", "dilations", 1, NULL},
    {"Conv", "group", 1, NULL},
    {"Conv", "kernel_shape", 1, NULL},
    {"Conv", "strides", 1, NULL},
    {"ConvTranspose", "auto_pad", 0, paddings},
    {"ConvTranspose", "dilations", 1, NULL},
    {"ConvTranspose", "group", 1, NULL},
    {"ConvTranspose", "kernel_shape", 1, NULL},
    {"ConvTranspose", "strides", 1, NULL},
    {"DepthToSpace", "blocksize", 1, NULL},
    {"DepthToSpace", "mode", 0, blocks},
    {"GRU", "direction", 0, directions},
    {"Gelu", "approximate", 0, gelus},
    {"GridSample", "mode", 0, samplings},
    {"GridSample", "padding_mode", 0, borders},
    {"LRN", "size", 1, NULL},
    {"LSTM", "direction", 0, directions},
    {"MaxPool", "auto_pad", 0, paddings},
    {"MaxPool", "dilations", 1, NULL},
    {"MaxPool", "kernel_shape", 1, NULL},
    {"MaxPool", "strides", 1, NULL},
    {"NegativeLogLikelihoodLoss", "reduction", 0, losses},
    {"Pad", "mode", 0, fills},
    {"RNN", "direction", 0, directions},
    {"Resize", "coordinate_transformation_mode", 0, coordinates},
    {"Resize", "mode", 0, sizes},
    {"Resize", "nearest_mode", 0, nearest},
    {"ScatterElements", "reduction", 0, updates},
    {"ScatterND", "reduction", 0, updates},
    {"SoftmaxCrossEntropyLoss", "reduction", 0, losses},
    {"SpaceToDepth", "blocksize", 1, NULL},
};

/* "a, b or c" */
static void list(const char *const *names, char *text, size_t size)
{
    size_t n = 0;
    *text = '\0';
    for (size_t i = 0; names[i] != NULL && n < size; i++) {
        const char *gap = i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ";
        int more = snprintf(text + n, size - n, "%s%s", gap, names[i]);
        n += more > 0 ? (size_t)more : 0;
    }
}

static void check_name(struct qn_verify *v, const struct quern_node *node,
                       const struct rule *rule, const struct qn_attr *attr)
{
    char wanted[256];
    struct quern_place place = quern_node_place(node);
    const char *found = (const char *)attr->u.s.data;
    if (rule->names == paddings && *found == '\0') {
        return; /* old exporters write that for NOTSET; runtimes take it */
    }
    for (size_t i = 0; rule->names[i] != NULL; i++) {
        if (strcmp(rule->names[i], found) == 0) {
            return;
        }
    }
    list(rule->names, wanted, sizeof wanted);
    place.attribute = rule->attribute;
    qn_find_error(v->findings, &place, "found '%s', needs %s", found, wanted);
}

static void check_least(struct qn_verify *v, const struct quern_node *node,
                        const struct rule *rule, const struct qn_attr *attr)
{
    bool one = attr->type == QN_ATTR_INT;
    for (size_t i = 0; i < (one ? 1 : attr->len); i++) {
        int64_t found = one ? attr->u.i : attr->u.ints[i];
        if (found < rule->least) {
            struct quern_place place = quern_node_place(node);
            place.attribute = rule->attribute;
            qn_find_error(v->findings, &place,
                          "found %lld, needs a number from %lld on",
                          (long long)found, (long long)rule->least);
            return;
        }
    }
}

static void check_cast(struct qn_verify *v, const struct quern_node *node)
{
    const struct qn_attr *attr = qn_node_attr(node, "to");
    if (attr == NULL || attr->type != QN_ATTR_INT || attr->ref_name != NULL) {
        return;
    }
    int64_t to = attr->u.i;
    if (to < 1 || to > INT16_MAX ||
        (to != QUERN_STRING && quern_dtype_bits((enum quern_dtype)to) == 0)) {
        struct quern_place place = quern_node_place(node);
        place.attribute = "to";
        qn_find_error(v->findings, &place, "%lld is the number of no type",
                      (long long)to);
    }
}

void qn_verify_values(struct qn_verify *v, const struct quern_node *node)
{
    if (*node->domain != '\0') {
        return;
    }
    if (strcmp(node->op, "Cast") == 0) {
        check_cast(v, node);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct qn_attr *attr = NULL;
        if (strcmp(rules[i].op, node->op) != 0) {
            continue;
        }
        attr = qn_node_attr(node, rules[i].attribute);
        if (attr == NULL || attr->ref_name != NULL) {
            continue;
        }
        if (rules[i].names != NULL && attr->type == QN_ATTR_STRING) {
            check_name(v, node, &rules[i], attr);
        } else if (rules[i].names == NULL &&
                   (attr->type == QN_ATTR_INT || attr->type == QN_ATTR_INTS)) {
            check_least(v, node, &rules[i], attr);
        }
    }
}
