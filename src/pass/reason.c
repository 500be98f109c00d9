/* Why a pattern did not match, in words. */
#include "ir/ir.h"
#include "pass/pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct words {
    char *text;
    size_t size;
    size_t length;
};

static void say(struct words *w, const char *format, ...) QUERN_PRINTF(2, 3);

static void say(struct words *w, const char *format, ...)
{
    if (w->length + 1 >= w->size) {
        return;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->length, w->size - w->length, format, args);
    va_end(args);
    w->length += n > 0 ? (size_t)n : 0;
}

static void say_op(struct words *w, const char *domain, const char *op)
{
    say(w, "%s%s%s", domain, *domain != '\0' ? "." : "", op);
}

static void say_node(struct words *w, const struct quern_node *node)
{
    say(w, "'%s' (", node->name);
    say_op(w, node->domain, node->op);
    say(w, ")");
}

static void say_number(struct words *w, double value)
{
    say(w, "%.7g", value);
}

static void say_numbers(struct words *w, const struct qn_pattern_numbers *n)
{
    say(w, "%s", n->is_list ? "[" : "");
    for (size_t i = 0; i < n->n; i++) {
        say(w, "%s", i > 0 ? ", " : "");
        say_number(w, n->values[i]);
    }
    say(w, "%s", n->is_list ? "]" : "");
    if (n->within >= 0.0) {
        say(w, "~%.3g", n->within);
    }
}

static void say_found_attr(struct words *w, const struct quern_node *node,
                           const char *name)
{
    struct qn_attr_value v;
    qn_attr_value_of(node, name, &v);
    if (!v.is_known) {
        say(w, "%s",
            qn_node_attr(node, name) != NULL ? "another type" : "none");
        return;
    }
    if (v.text != NULL) {
        say(w, "\"%.*s\"", (int)(v.n < 64 ? v.n : 64), v.text);
        return;
    }
    say(w, "%s", v.is_list ? "[" : "");
    for (size_t i = 0; i < v.n && i < 8; i++) {
        say(w, "%s", i > 0 ? ", " : "");
        say_number(w, v.ints != NULL ? (double)v.ints[i] : (double)v.floats[i]);
    }
    say(w, "%s%s", v.n > 8 ? ", …" : "", v.is_list ? "]" : "");
}

/* What an argument asks for. */
static void say_wanted(struct words *w, const struct quern_pattern *pattern,
                       const struct qn_pattern_arg *arg)
{
    if (arg->kind == QN_ARG_CONSTANT) {
        say(w, "constant ");
        say_numbers(w, &arg->numbers);
        return;
    }
    const struct qn_pattern_var *var = &pattern->vars[arg->var];
    if (var->name != NULL) {
        say(w, "'%s'", var->name);
    } else {
        say(w, "an output of ");
        say_op(w, var->producer->domain, var->producer->op);
    }
}

static void say_constant(struct words *w, const struct qn_reason *r)
{
    const struct quern_tensor *t = quern_value_constant(r->value);
    double first = 0.0;
    say(w, "found %s '%s'", t != NULL ? "constant" : "value", r->value->name);
    if (t != NULL && quern_tensor_len(t) > 0 &&
        quern_tensor_read_doubles(t, 0, 1, &first)) {
        say(w, " of %lld element%s, the first ", (long long)quern_tensor_len(t),
            quern_tensor_len(t) == 1 ? "" : "s");
        say_number(w, first);
    }
    say(w, ", needs constant ");
    say_numbers(w, &r->arg->numbers);
}

static void say_guard(struct words *w, const struct qn_reason *r)
{
    char text[160];
    bool is_constant = quern_value_constant(r->value) != NULL;
    say(w, "'%s' is %s", r->value->name, is_constant ? "const " : "");
    qn_type_text(r->value->type, text, sizeof text);
    say(w, "%s, needs ", text);
    qn_guard_text(r->arg->guard, text, sizeof text);
    say(w, "%s", text);
}

/* Reasons that hang on an input. */
static void say_input(struct words *w, const struct quern_pattern *pattern,
                      const struct qn_reason *r)
{
    say(w, "input %zu of ", r->index);
    say_node(w, r->node);
    say(w, ": ");
    if (r->kind == QN_REASON_LEFT_OUT) {
        say(w, "left out, needs ");
        say_wanted(w, pattern, r->arg);
    } else if (r->kind == QN_REASON_CONSTANT) {
        say_constant(w, r);
    } else if (r->kind == QN_REASON_GUARD) {
        say_guard(w, r);
    } else if (r->kind == QN_REASON_OTHER_VALUE) {
        say(w, "found '%s', needs ", r->value != NULL ? r->value->name : "");
        say_wanted(w, pattern, r->arg);
        say(w, ", which is '%s'", r->other != NULL ? r->other->name : "");
    } else {
        say(w, "'%s' is made by ", r->value->name);
        if (r->value->producer != NULL) {
            say(w, "output %u of ", r->value->output_index);
            say_node(w, r->value->producer);
        } else {
            say(w, "no node");
        }
        say(w, "%s, needs ",
            r->kind == QN_REASON_OTHER_GRAPH ? " in another graph" : "");
        say_op(w, r->wanted->domain, r->wanted->op);
        say(w, "%s", r->kind == QN_REASON_PORT ? " at another output" : "");
    }
}

static void say_attr(struct words *w, const struct qn_reason *r)
{
    say(w, "attribute '%s' of ", r->attr->name);
    say_node(w, r->node);
    say(w, ": found ");
    say_found_attr(w, r->node, r->attr->name);
    say(w, ", needs ");
    if (r->attr->kind == QN_ATTR_IS_NUMBERS) {
        say_numbers(w, &r->attr->numbers);
    } else if (r->attr->kind == QN_ATTR_IS_TEXT) {
        say(w, "\"%s\"", r->attr->text);
    } else {
        say(w, "what $%s is elsewhere", r->attr->text);
    }
}

/* Reasons that hang on a node. */
static void say_at_node(struct words *w, const struct qn_reason *r)
{
    const struct qn_pattern_node *wanted = r->wanted;
    say_node(w, r->node);
    say(w, ": ");
    if (r->kind == QN_REASON_OP) {
        say(w, "%s", r->node->erased ? "erased, needs " : "needs ");
        say_op(w, wanted->domain, wanted->op);
    } else if (r->kind == QN_REASON_OPSET) {
        say(w, "opset %lld, needs %lld to %lld",
            (long long)quern_node_opset(r->node), (long long)wanted->lowest,
            (long long)wanted->highest);
    } else if (r->kind == QN_REASON_TOO_MANY) {
        say(w, "%zu inputs, needs at most %zu", r->node->n_inputs,
            wanted->n_args);
    } else if (r->kind == QN_REASON_OUTPUT_LEFT_OUT) {
        say(w, "output %zu is left out, needs it", r->index);
    } else if (r->kind == QN_REASON_UNNAMED) {
        say(w, "output %zu is used, but has no name in the pattern", r->index);
    } else if (r->kind == QN_REASON_IS_OUTPUT) {
        say(w, "'%s' is an output of the graph", r->value->name);
    } else if (r->kind == QN_REASON_USED) {
        say(w, "'%s' is used by others too", r->value->name);
    } else {
        say(w, "given up after %d steps", (int)QN_PATTERN_MOST_STEPS);
    }
}

void qn_reason_print(const struct quern_pattern *pattern, char *text,
                     size_t size)
{
    const struct qn_reason *r = &pattern->reason;
    struct words w = {text, size, 0};
    text[0] = '\0';
    switch (r->kind) {
    case QN_REASON_NONE:
        return;
    case QN_REASON_ATTR:
    case QN_REASON_ATTR_OTHER:
        say_attr(&w, r);
        return;
    case QN_REASON_LEFT_OUT:
    case QN_REASON_CONSTANT:
    case QN_REASON_GUARD:
    case QN_REASON_OTHER_VALUE:
    case QN_REASON_NO_PRODUCER:
    case QN_REASON_PRODUCER:
    case QN_REASON_PORT:
    case QN_REASON_OTHER_GRAPH:
        say_input(&w, pattern, r);
        return;
    case QN_REASON_OP:
    case QN_REASON_OPSET:
    case QN_REASON_TOO_MANY:
    case QN_REASON_OUTPUT_LEFT_OUT:
    case QN_REASON_USED:
    case QN_REASON_IS_OUTPUT:
    case QN_REASON_UNNAMED:
    case QN_REASON_STEPS:
        say_at_node(&w, r);
        return;
    }
}
