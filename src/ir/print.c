/* Printing: the sink, names, types, values of attributes. The forms themselves:
 * print_text.c, print_dot.c. */
#include "ir/print.h"

#include "ir/tensor.h"

#include <stdio.h>
#include <string.h>

enum { MOST_ELEMENTS = 16 };

/* ----------------------------------------------------------------- sink */

void qn_print_flush(struct qn_printer *p)
{
    if (p->used > 0 && !p->failed) {
        p->failed = !p->write(p->user, p->buffer, p->used);
    }
    p->used = 0;
}

void qn_print_bytes(struct qn_printer *p, const char *text, size_t size)
{
    while (size > 0) {
        if (p->used == sizeof p->buffer) {
            qn_print_flush(p);
        }
        size_t room = sizeof p->buffer - p->used;
        size_t n = size < room ? size : room;
        memcpy(p->buffer + p->used, text, n);
        p->used += n;
        text += n;
        size -= n;
    }
}

void qn_print(struct qn_printer *p, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0) {
        size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        qn_print_bytes(p, text, size);
    }
}

static void print_escaped(struct qn_printer *p, const char *text, size_t size,
                          const char *also)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        /* U+0080 to U+009F are control characters too. */
        bool second = c == 0xc2 && i + 1 < size &&
                      (unsigned char)text[i + 1] >= 0x80 &&
                      (unsigned char)text[i + 1] < 0xa0;
        if (second) {
            qn_print(p, "\\xc2\\x%02x", (unsigned char)text[++i]);
        } else if (c < 0x20 || c == 0x7f) {
            qn_print(p, "\\x%02x", (unsigned)c);
        } else if (strchr(also, c) != NULL) {
            qn_print(p, "\\%c", c);
        } else {
            qn_print_bytes(p, &text[i], 1);
        }
    }
}

void qn_print_name(struct qn_printer *p, const char *name, const char *also)
{
    print_escaped(p, name, strlen(name), also);
}

void qn_print_indent(struct qn_printer *p, int depth)
{
    for (int i = 0; i < depth; i++) {
        qn_print_bytes(p, "  ", 2);
    }
}

/* ---------------------------------------------------------------- types */

const struct qn_type *qn_print_type_of(const struct quern_value *value)
{
    const struct qn_type *type = qn_value_type(value);
    return type != NULL ? type : value->declared;
}

static void print_shape(struct qn_printer *p, const struct qn_type *type)
{
    if (type->rank < 0) {
        qn_print(p, "[...]");
        return;
    }
    qn_print(p, "[");
    for (int i = 0; i < type->rank; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        char text[256];
        quern_dim_format(type->dims[i], text, sizeof text);
        qn_print_name(p, text, "");
    }
    qn_print(p, "]");
}

/* Depth is that of the type, which a reader has bounded. */
void qn_print_type(struct qn_printer *p, const struct qn_type *type)
{
    static const char *const wrappers[] = {
        [QUERN_KIND_UNKNOWN] = NULL,        [QUERN_KIND_TENSOR] = NULL,
        [QUERN_KIND_SPARSE] = NULL,         [QUERN_KIND_SEQUENCE] = "seq",
        [QUERN_KIND_OPTIONAL] = "optional", [QUERN_KIND_MAP] = "map",
        [QUERN_KIND_OPAQUE] = NULL,
    };
    if (type == NULL || type->kind == QUERN_KIND_UNKNOWN) {
        qn_print(p, "?");
    } else if (type->kind == QUERN_KIND_OPAQUE) {
        qn_print(p, "opaque");
    } else if (type->kind == QUERN_KIND_TENSOR ||
               type->kind == QUERN_KIND_SPARSE) {
        qn_print(p, "%s%s", type->kind == QUERN_KIND_SPARSE ? "sparse " : "",
                 quern_dtype_name(type->dtype));
        print_shape(p, type);
    } else {
        qn_print(p, "%s(", wrappers[type->kind]);
        if (type->kind == QUERN_KIND_MAP) {
            qn_print(p, "%s, ", quern_dtype_name(type->dtype));
        }
        qn_print_type(p, type->element);
        qn_print(p, ")");
    }
}

/* ----------------------------------------------------------- attributes */

static void print_text(struct qn_printer *p, struct qn_span s)
{
    size_t n = s.size < 256 ? s.size : 256;
    qn_print(p, "'");
    print_escaped(p, (const char *)s.data, n, "'");
    qn_print(p, "'%s", n < s.size ? "..." : "");
}

static void print_number(struct qn_printer *p, const struct quern_tensor *t,
                         int64_t i)
{
    double number = 0.0;
    int64_t whole = 0;
    const char *bytes = NULL;
    size_t size = 0;
    if (t->dtype == QUERN_STRING && quern_tensor_string(t, i, &bytes, &size)) {
        print_text(p, (struct qn_span){(const unsigned char *)bytes, size});
    } else if (!quern_dtype_is_float(t->dtype) &&
               quern_tensor_read_ints(t, i, 1, &whole)) {
        qn_print(p, "%lld", (long long)whole);
    } else if (quern_tensor_read_doubles(t, i, 1, &number)) {
        qn_print(p, "%.9g", number);
    } else {
        qn_print(p, "?");
    }
}

/* "float[3] {1, 2, 3}"; long ones without their elements. */
static void print_tensor(struct qn_printer *p, const struct quern_tensor *t)
{
    qn_print(p, "%s[", quern_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) {
        qn_print(p, "%s%lld", i > 0 ? ", " : "", (long long)t->dims[i]);
    }
    qn_print(p, "]");
    if (t->len > MOST_ELEMENTS) {
        return;
    }
    qn_print(p, " {");
    for (int64_t i = 0; i < t->len; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_number(p, t, i);
    }
    qn_print(p, "}");
}

static void print_element(struct qn_printer *p, const struct qn_attr *attr,
                          size_t i)
{
    switch (attr->type) {
    case QN_ATTR_FLOAT:
        qn_print(p, "%.9g", (double)attr->u.f);
        break;
    case QN_ATTR_INT:
        qn_print(p, "%lld", (long long)attr->u.i);
        break;
    case QN_ATTR_STRING:
        print_text(p, attr->u.s);
        break;
    case QN_ATTR_FLOATS:
        qn_print(p, "%.9g", (double)attr->u.floats[i]);
        break;
    case QN_ATTR_INTS:
        qn_print(p, "%lld", (long long)attr->u.ints[i]);
        break;
    case QN_ATTR_STRINGS:
        print_text(p, attr->u.strings[i]);
        break;
    case QN_ATTR_TENSOR:
    case QN_ATTR_TENSORS:
        print_tensor(p, attr->u.tensors[i]);
        break;
    case QN_ATTR_UNDEFINED:
    case QN_ATTR_GRAPH:
    case QN_ATTR_GRAPHS:
    case QN_ATTR_SPARSE_TENSOR:
    case QN_ATTR_SPARSE_TENSORS:
    case QN_ATTR_TYPE_PROTO:
    case QN_ATTR_TYPE_PROTOS:
        qn_print(p, "%s", qn_attr_type_name(attr->type));
        break;
    }
}

static bool is_list(enum qn_attr_type type)
{
    return type == QN_ATTR_FLOATS || type == QN_ATTR_INTS ||
           type == QN_ATTR_STRINGS || type == QN_ATTR_TENSORS;
}

void qn_print_attr(struct qn_printer *p, const struct qn_attr *attr)
{
    if (attr->ref_name != NULL) {
        qn_print(p, "@");
        qn_print_name(p, attr->ref_name, "");
        return;
    }
    if (!is_list(attr->type)) {
        print_element(p, attr, 0);
        return;
    }
    qn_print(p, "[");
    for (size_t i = 0; i < attr->len && i < MOST_ELEMENTS; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_element(p, attr, i);
    }
    if (attr->len > MOST_ELEMENTS) {
        qn_print(p, ", ... %zu in all", attr->len);
    }
    qn_print(p, "]");
}

/* --------------------------------------------------------------- public */

enum quern_code quern_model_print(const struct quern_model *model,
                                  enum quern_print form, quern_write_fn write,
                                  void *user)
{
    struct qn_printer p = {.write = write, .user = user};
    if (form == QUERN_PRINT_DOT) {
        qn_print_dot(&p, model);
    } else {
        qn_print_text(&p, model);
    }
    qn_print_flush(&p);
    if (!p.failed) {
        return QUERN_OK;
    }
    return quern_fail(model->context, QUERN_IO, NULL,
                      "printed model cannot be written");
}

struct bounded {
    char *text;
    size_t size;
    size_t length;
};

static bool put_bounded(void *user, const char *text, size_t size)
{
    struct bounded *b = user;
    for (size_t i = 0; i < size; i++, b->length++) {
        if (b->length + 1 < b->size) {
            b->text[b->length] = text[i];
            b->text[b->length + 1] = '\0';
        }
    }
    return true;
}

size_t quern_value_type_format(const struct quern_value *value, char *text,
                               size_t size)
{
    struct bounded bounded = {text, size, 0};
    struct qn_printer p = {.write = put_bounded, .user = &bounded};
    if (size > 0) {
        *text = '\0';
    }
    qn_print_type(&p, qn_print_type_of(value));
    qn_print_flush(&p);
    return bounded.length;
}
