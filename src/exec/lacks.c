/* What the embedded engine can be known to lack before a run: forms of
 * operators that it has. Told when a model is opened, so that another engine
 * can take it (--engine auto). Only what stands in the node or is known of its
 * inputs counts; kernels check all of it again, and more. */
#include "exec/op.h"
#include "exec/prepare.h"
#include "exec/widen.h"

#include <stdio.h>
#include <string.h>

/* Operators that compute in float alone (and in half by way of it). */
static const char *const float_only[] = {
    "Conv",
    "ConvTranspose",
    "InstanceNormalization",
};

/* Attributes that must be one of some words. */
static const struct {
    const char *op;
    const char *attribute;
    const char *words; /* a space around each */
} texts[] = {
    {"GridSample", "mode", " linear bilinear nearest cubic bicubic "},
    {"Resize", "keep_aspect_ratio_policy", " stretch not_larger not_smaller "},
    {"Resize", "coordinate_transformation_mode",
     " half_pixel half_pixel_symmetric pytorch_half_pixel align_corners "
     "asymmetric tf_crop_and_resize "},
};

enum {
    N_FLOAT_ONLY = sizeof float_only / sizeof *float_only,
    N_TEXTS = sizeof texts / sizeof *texts,
};

static enum quern_dtype known_dtype(const struct quern_value *v)
{
    return v == NULL           ? QUERN_UNDEFINED
           : v->tensor != NULL ? quern_tensor_dtype(v->tensor)
                               : quern_value_dtype(v);
}

static bool lacks_type(const struct quern_node *node, char *why, size_t size)
{
    bool found = false;
    for (int i = 0; i < N_FLOAT_ONLY && !found; i++) {
        found = strcmp(node->op, float_only[i]) == 0;
    }
    for (size_t i = 0; found && i < node->n_inputs; i++) {
        enum quern_dtype dtype = known_dtype(node->inputs[i]->value);
        if (quern_dtype_is_float(dtype) && dtype != QUERN_FLOAT &&
            !qn_is_half(dtype)) {
            snprintf(why, size, "input %zu is of type %s, needs float", i,
                     quern_dtype_name(dtype));
            return true;
        }
    }
    return false;
}

/* Strings are what no kernel holds. Types of values are known where shapes have
 * been inferred; what a Cast makes stands in it. */
static bool lacks_strings(const struct quern_node *node, char *why, size_t size)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (known_dtype(node->inputs[i]->value) == QUERN_STRING) {
            snprintf(why, size, "input %zu is of type string", i);
            return true;
        }
    }
    bool makes = strcmp(node->op, "Cast") == 0 &&
                 quern_node_int(node, "to", 0) == QUERN_STRING;
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (makes || known_dtype(node->outputs[i]) == QUERN_STRING) {
            snprintf(why, size, "output %zu is of type string", i);
            return true;
        }
    }
    return false;
}

static bool lacks_attribute(const struct qn_op *op, char *why, size_t size)
{
    const struct quern_node *node = op->node;
    for (int i = 0; i < N_TEXTS; i++) {
        const char *text = NULL;
        char word[64];
        if (strcmp(node->op, texts[i].op) != 0 ||
            quern_node_attr_string(node, texts[i].attribute, &text, NULL) !=
                QUERN_OK) {
            continue;
        }
        snprintf(word, sizeof word, " %s ", text);
        if (strstr(texts[i].words, word) == NULL) {
            snprintf(why, size, "%s '%.40s'", texts[i].attribute, text);
            return true;
        }
    }
    return false;
}

bool qn_op_lacks(const struct qn_op *op, char *why, size_t size)
{
    /* A body may hold what is never run. */
    return op->node->graph->parent == NULL && *op->node->domain == '\0' &&
           (lacks_type(op->node, why, size) ||
            lacks_strings(op->node, why, size) ||
            lacks_attribute(op, why, size));
}
