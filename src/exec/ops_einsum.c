/* Einsum (ONNX 12): sums of products over named axes, one output element
 * after the other. A label that stands twice in a term goes along its diagonal.
 */
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

enum { MOST_LABELS = 64, MOST_TERMS = 4 };

/* Axes by label, those of the output first. An ellipsis stands for labels of
 * its own, numbered from the last axis. */
struct einsum {
    int n;
    int n_out;
    int labels[MOST_LABELS];
    int64_t dims[MOST_LABELS];
    int n_terms;
    int64_t strides[MOST_TERMS][MOST_LABELS];
};

struct term {
    int n;
    int labels[MOST_LABELS];
};

/* The end of a term, and how many letters it has; NULL: malformed. */
static const char *term_end(const char *text, int *out_letters)
{
    *out_letters = 0;
    for (; *text != '\0' && *text != ',' && *text != '-'; text++) {
        bool letter = (*text | 32) >= 'a' && (*text | 32) <= 'z';
        *out_letters += letter ? 1 : 0;
        if (!letter && *text != '.' && *text != ' ') {
            return NULL;
        }
    }
    return text;
}

/* Labels of one term; `rank` < 0: the output, whose ellipsis has `dots` axes.
 * @return where it ended, or NULL: malformed */
static const char *read_term(const char *text, int rank, int *dots,
                             struct term *t)
{
    int letters = 0;
    const char *end = term_end(text, &letters);
    int wide = rank >= 0 ? rank - letters : *dots;
    t->n = 0;
    for (; end != NULL && text < end; text++) {
        if (*text == ' ') {
            continue;
        }
        if (*text != '.') {
            t->labels[t->n++] = *text;
        } else if (strncmp(text, "...", 3) == 0 && wide >= 0) {
            for (int i = 0; i < wide && t->n < MOST_LABELS; i++) {
                t->labels[t->n++] = 1000 + wide - i;
            }
            *dots = wide > *dots ? wide : *dots;
            text += 2;
        } else {
            return NULL;
        }
        if (t->n >= MOST_LABELS) {
            return NULL;
        }
    }
    return rank < 0 || t->n == rank ? end : NULL;
}

static int find(const struct einsum *e, int label)
{
    for (int i = 0; i < e->n; i++) {
        if (e->labels[i] == label) {
            return i;
        }
    }
    return -1;
}

static bool add_label(struct einsum *e, int label)
{
    if (find(e, label) < 0) {
        if (e->n == MOST_LABELS) {
            return false;
        }
        e->dims[e->n] = 1;
        e->labels[e->n++] = label;
    }
    return true;
}

/* Output labels when they are not written: the ellipsis, then letters that
 * stand once, in order. */
static void implied(const struct term *terms, int n, int dots, struct term *out)
{
    out->n = 0;
    for (int i = dots; i > 0; i--) {
        out->labels[out->n++] = 1000 + i;
    }
    for (int letter = 'A'; letter <= 'z'; letter++) {
        int times = 0;
        for (int t = 0; t < n; t++) {
            for (int i = 0; i < terms[t].n; i++) {
                times += terms[t].labels[i] == letter ? 1 : 0;
            }
        }
        if (times == 1) {
            out->labels[out->n++] = letter;
        }
    }
}

static bool read_terms(const char *text, const struct qn_array *const *in,
                       int n_in, struct term *terms, struct term *out)
{
    int dots = 0;
    for (int t = 0; t < n_in; t++) {
        text = read_term(text, in[t]->rank, &dots, &terms[t]);
        if (text == NULL || (t + 1 < n_in) != (*text == ',')) {
            return false;
        }
        text += *text == ',' ? 1 : 0;
    }
    if (*text == '\0') {
        implied(terms, n_in, dots, out);
        return true;
    }
    if (strncmp(text, "->", 2) != 0) {
        return false;
    }
    const char *end = read_term(text + 2, -1, &dots, out);
    return end != NULL && *end == '\0';
}

static bool bind_output(struct einsum *e, const struct term *out)
{
    if (out->n > QUERN_MAX_RANK) {
        return false;
    }
    for (int i = 0; i < out->n; i++) {
        if (find(e, out->labels[i]) >= 0 || !add_label(e, out->labels[i])) {
            return false;
        }
    }
    e->n_out = out->n;
    return true;
}

/* Dims and strides of a term's axes go to their labels. */
static bool bind_term(struct einsum *e, int t, const struct term *term,
                      const struct qn_array *in)
{
    for (int i = 0; i < term->n; i++) {
        if (!add_label(e, term->labels[i])) {
            return false;
        }
        int at = find(e, term->labels[i]);
        int64_t dim = in->dims[i];
        for (int j = 0; j < i; j++) {
            if (term->labels[j] == term->labels[i] && in->dims[j] != dim) {
                return false;
            }
        }
        if (dim != 1 && e->dims[at] != 1 && e->dims[at] != dim) {
            return false;
        }
        if (dim != 1) {
            e->dims[at] = dim;
            e->strides[t][at] += in->strides[i];
        }
    }
    return true;
}

static bool read_equation(struct einsum *e, const char *text,
                          const struct qn_array *const *in, int n_in)
{
    struct term terms[MOST_TERMS];
    struct term out;
    if (!read_terms(text, in, n_in, terms, &out) || !bind_output(e, &out)) {
        return false;
    }
    e->n_terms = n_in;
    for (int t = 0; t < n_in; t++) {
        if (!bind_term(e, t, &terms[t], in[t])) {
            return false;
        }
    }
    return true;
}

/* The sum behind one output element; index holds its place. */
static double sum_at(const struct einsum *e, const struct qn_array *const *in,
                     int64_t *index)
{
    double sum = 0.0;
    for (int i = e->n_out; i < e->n; i++) {
        index[i] = 0;
        if (e->dims[i] == 0) {
            return 0.0;
        }
    }
    for (;;) {
        double product = 1.0;
        for (int t = 0; t < e->n_terms; t++) {
            int64_t at = 0;
            for (int i = 0; i < e->n; i++) {
                at += index[i] * e->strides[t][i];
            }
            product *= qn_load(in[t], at);
        }
        sum += product;
        int i = e->n - 1;
        for (; i >= e->n_out && ++index[i] == e->dims[i]; i--) {
            index[i] = 0;
        }
        if (i < e->n_out) {
            return sum;
        }
    }
}

enum quern_code qn_op_einsum(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[MOST_TERMS];
    const char *text = "";
    struct einsum e = {.n = 0};
    struct qn_array *y = NULL;
    (void)!quern_node_attr_string(op->node, "equation", &text, NULL);
    if (op->n_in < 1 || op->n_in > MOST_TERMS) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "%d inputs", op->n_in);
    }
    for (int i = 0; i < op->n_in; i++) {
        in[i] = qn_in(run, op, i);
        if (in[i] == NULL) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d is missing", i);
        }
    }
    if (!read_equation(&e, text, in, op->n_in)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "equation '%s' for these inputs", text);
    }
    enum quern_code code =
        qn_out(run, op, 0, in[0]->dtype, e.n_out, e.dims, &y);
    int64_t index[MOST_LABELS] = {0};
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < y->len; k++) {
        int64_t rest = k;
        for (int i = e.n_out - 1; i >= 0; i--) {
            index[i] = rest % e.dims[i];
            rest /= e.dims[i];
        }
        qn_store(y, k, sum_at(&e, in, index));
    }
    return code;
}
