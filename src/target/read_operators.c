/* The mapping `operators` of a profile:
 *
 *     Conv: {integer: start, inputs: [activation, weight, bias], axis: 0}
 *     Reshape, Transpose: {integer: move}
 */
#include "base/map.h"
#include "ir/schema.h"
#include "target/read.h"

#include <stdio.h>
#include <string.h>

enum { MOST_OPS = 256 };

static enum quern_code read_inputs(struct quern_context *context,
                                   const struct qn_yaml *node,
                                   struct quern_target_op *op)
{
    enum quern_code code = qn_yaml_expect(context, node, QN_YAML_SEQUENCE);
    const struct qn_yaml *item = code == QUERN_OK ? node->first : NULL;
    if (code == QUERN_OK && node->count > QUERN_TARGET_PORTS) {
        return qn_yaml_fail(context, node, "%zu inputs, at most %d",
                            node->count, QUERN_TARGET_PORTS);
    }
    op->n_roles = 0;
    for (; item != NULL && code == QUERN_OK; item = item->next) {
        int role = 0;
        code = qn_yaml_choice(context, item, qn_target_roles, &role);
        op->roles[op->n_roles++] = (unsigned char)role;
    }
    return code;
}

/* An optional key with a number. */
static enum quern_code read_number(struct quern_context *context,
                                   const struct qn_yaml *mapping,
                                   const char *key, int64_t most, int64_t *out)
{
    const struct qn_yaml *node = qn_yaml_get(mapping, key);
    return node != NULL ? qn_yaml_int(context, node, 0, most, out) : QUERN_OK;
}

static enum quern_code read_axes(struct quern_context *context,
                                 const struct qn_yaml *mapping,
                                 struct quern_target_op *op)
{
    int64_t axis = op->axis;
    enum quern_code code =
        read_number(context, mapping, "axis", QUERN_MAX_RANK - 1, &axis);
    int64_t transposed = qn_yaml_get(mapping, "axis") != NULL
                             ? axis
                             : (int64_t)op->axis_transposed;
    if (code == QUERN_OK) {
        code = read_number(context, mapping, "axis-transposed",
                           QUERN_MAX_RANK - 1, &transposed);
    }
    op->axis = (int)axis;
    op->axis_transposed = (int)transposed;
    return code;
}

static enum quern_code read_words(struct quern_context *context,
                                  const struct qn_yaml *mapping,
                                  struct quern_target_op *op)
{
    static const char *const granularities[] = {"tensor", "channel", NULL};
    const struct qn_yaml *node = NULL;
    int i = 0;
    enum quern_code code = qn_yaml_need(context, mapping, "integer", &node);
    if (code == QUERN_OK) {
        code = qn_yaml_choice(context, node, qn_target_kinds, &i);
        op->kind = (enum quern_target_kind)i;
    }
    node = qn_yaml_get(mapping, "output");
    if (code == QUERN_OK && node != NULL) {
        code = qn_yaml_choice(context, node, qn_target_outputs, &i);
        op->output = (enum quern_target_output)i;
    }
    node = qn_yaml_get(mapping, "weights");
    if (code == QUERN_OK && node != NULL) {
        code = qn_yaml_choice(context, node, granularities, &i);
        op->per_channel = i == 1;
    }
    node = qn_yaml_get(mapping, "products");
    if (code == QUERN_OK && node != NULL) {
        code = qn_yaml_bool(context, node, &op->products);
    }
    return code;
}

static enum quern_code read_limits(struct quern_context *context,
                                   const struct qn_yaml *mapping,
                                   struct qn_arena *arena,
                                   struct quern_target_op *op)
{
    const int64_t most = 1000000000;
    const struct qn_yaml *node = qn_yaml_get(mapping, "why");
    enum quern_code code =
        read_number(context, mapping, "rows", most, &op->rows);
    if (code == QUERN_OK) {
        code = read_number(context, mapping, "least-channels", most,
                           &op->least_channels);
    }
    if (code == QUERN_OK) {
        code = read_number(context, mapping, "least-positions", most,
                           &op->least_positions);
    }
    if (code == QUERN_OK) {
        code = read_number(context, mapping, "least-pairs", most,
                           &op->least_pairs);
    }
    if (code == QUERN_OK && node != NULL) {
        const char *text = NULL;
        code = qn_yaml_text(context, node, &text);
        op->why = code == QUERN_OK ? qn_arena_strdup(arena, text) : NULL;
        if (code == QUERN_OK && op->why == NULL) {
            code = qn_no_memory(context);
        }
    }
    return code;
}

/* What is given must make sense together. */
static enum quern_code check_row(struct quern_context *context,
                                 const struct qn_yaml *mapping,
                                 const struct quern_target_op *op)
{
    bool has_activation = false;
    for (size_t i = 0; i < op->n_roles; i++) {
        has_activation =
            has_activation || op->roles[i] == QUERN_ROLE_ACTIVATION;
    }
    if (op->kind != QUERN_INTEGER_NEVER && op->kind != QUERN_INTEGER_TABLE &&
        !has_activation) {
        return qn_yaml_fail(context, mapping,
                            "'%s' reads no activation, needs `inputs: "
                            "[activation, …]`",
                            op->op);
    }
    if (op->kind == QUERN_INTEGER_START &&
        op->roles[0] != QUERN_ROLE_ACTIVATION) {
        return qn_yaml_fail(context, mapping,
                            "input 0 of '%s' is '%s', needs an activation",
                            op->op, qn_target_roles[op->roles[0]]);
    }
    return QUERN_OK;
}

static enum quern_code read_row(struct quern_context *context,
                                const struct qn_yaml *mapping,
                                struct qn_arena *arena,
                                struct quern_target_op *op)
{
    static const char *const keys[] = {
        "integer",  "inputs",          "output", "weights",
        "axis",     "axis-transposed", "rows",   "least-channels",
        "products", "least-positions", "why",    "least-pairs",
        NULL,
    };
    enum quern_code code =
        qn_yaml_check_keys(context, mapping, keys, "an operator");
    const struct qn_yaml *inputs = qn_yaml_get(mapping, "inputs");
    if (code == QUERN_OK) {
        code = read_words(context, mapping, op);
    }
    if (code == QUERN_OK && inputs != NULL) {
        code = read_inputs(context, inputs, op);
    } else if (op->n_roles == 0 && (op->kind == QUERN_INTEGER_MOVE ||
                                    op->kind == QUERN_INTEGER_AROUND)) {
        op->roles[0] = QUERN_ROLE_ACTIVATION; /* indices and the like follow */
        op->roles[1] = QUERN_ROLE_NONE;
        op->n_roles = 2;
    }
    if (code == QUERN_OK) {
        code = read_axes(context, mapping, op);
    }
    if (code == QUERN_OK) {
        code = read_limits(context, mapping, arena, op);
    }
    return code == QUERN_OK ? check_row(context, mapping, op) : code;
}

/* ------------------------------------------------------------------ names */

/* Place of a part of a key. */
static struct quern_place part_place(const struct qn_yaml *row, size_t offset)
{
    struct quern_place place = qn_yaml_key_place(row);
    place.column += (int)offset;
    return place;
}

static enum quern_code check_name(struct quern_context *context,
                                  const struct qn_yaml *row, size_t offset,
                                  const char *name)
{
    if (qn_schema_find("", name, INT64_MAX) != NULL) {
        return QUERN_OK;
    }
    struct quern_place place = part_place(row, offset);
    const char *near = qn_schema_nearest("", name);
    return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                      "unknown operator '%s'%s%s%s", name,
                      near != NULL ? ", did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'" : "");
}

/* The row of an operator: that of the profile, or a new one. */
static struct quern_target_op *row_of(struct qn_target *t, const char *name)
{
    for (size_t i = 0; i < t->target.n_ops; i++) {
        if (strcmp(t->ops[i].op, name) == 0) {
            return &t->ops[i];
        }
    }
    if (t->ops == NULL) {
        t->ops = qn_arena_alloc_n(&t->arena, MOST_OPS, sizeof *t->ops);
        t->target.ops = t->ops;
    }
    if (t->ops == NULL || t->target.n_ops == MOST_OPS) {
        return NULL;
    }
    struct quern_target_op *op = &t->ops[t->target.n_ops];
    op->op = qn_arena_strdup(&t->arena, name);
    op->per_channel = t->target.weights.per_channel;
    t->target.n_ops += op->op != NULL ? 1 : 0;
    return op->op != NULL ? op : NULL;
}

/* A key names one operator or several, with commas between. */
static enum quern_code read_key(struct quern_context *context,
                                const struct qn_yaml *row, struct qn_target *t)
{
    const char *at = row->key;
    enum quern_code code = QUERN_OK;
    while (*at != '\0' && code == QUERN_OK) {
        char name[64];
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        if (size == 0) {
            break;
        }
        snprintf(name, sizeof name, "%.*s", (int)(size < 63 ? size : 63), at);
        code = check_name(context, row, (size_t)(at - row->key), name);
        if (code != QUERN_OK) {
            return code;
        }
        struct quern_target_op *op = row_of(t, name);
        if (op == NULL) {
            return t->target.n_ops == MOST_OPS
                       ? qn_yaml_fail(context, row,
                                      "more than %d operators in a profile",
                                      MOST_OPS)
                       : qn_no_memory(context);
        }
        code = read_row(context, row, &t->arena, op);
        at += size;
    }
    return code;
}

enum quern_code qn_target_read_operators(struct quern_context *context,
                                         const struct qn_yaml *node,
                                         struct qn_target *target)
{
    enum quern_code code = qn_yaml_expect(context, node, QN_YAML_MAPPING);
    for (const struct qn_yaml *row = code == QUERN_OK ? node->first : NULL;
         row != NULL && code == QUERN_OK; row = row->next) {
        code = read_key(context, row, target);
    }
    return code;
}
