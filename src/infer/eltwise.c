/* Operators that work element by element, and those that only change the type.
 */
#include "infer/table.h"

/* Before opset 7 the second operand was stretched to the first, by request. */
enum { FREE_BROADCAST = 7 };

static bool is_standard(const struct qn_infer_ctx *c)
{
    return *c->node->domain == '\0';
}

void qn_infer_unary(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    if (c->schema == NULL) {
        qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 0));
    }
}

void qn_infer_variadic(struct qn_infer_ctx *c)
{
    if (is_standard(c) && c->opset < FREE_BROADCAST) {
        qn_infer_out_like(c, 0, 0);
    } else {
        qn_infer_out_broadcast(c, 0, 0, c->node->n_inputs);
    }
}

void qn_infer_binary(struct qn_infer_ctx *c)
{
    if (is_standard(c) && c->opset < FREE_BROADCAST) {
        qn_infer_out_like(c, 0, 0);
    } else {
        qn_infer_out_broadcast(c, 0, 0, 2);
    }
}

void qn_infer_where(struct qn_infer_ctx *c)
{
    qn_infer_out_broadcast(c, 0, 0, 3);
}

void qn_infer_all_like(struct qn_infer_ctx *c)
{
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_out_like(c, i, 0);
    }
}

void qn_infer_identity(struct qn_infer_ctx *c)
{
    qn_infer_out_same(c, 0, 0);
}

static enum quern_dtype valid(int64_t dtype)
{
    return dtype > 0 && dtype <= QUERN_INT2 ? (enum quern_dtype)dtype
                                            : QUERN_UNDEFINED;
}

/* Cast before opset 6 names the type. */
static enum quern_dtype by_name(const char *name)
{
    char lower[24];
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < sizeof lower; i++) {
        char ch = name[i];
        lower[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    lower[i] = '\0';
    return quern_dtype_of_name(lower);
}

void qn_infer_cast(struct qn_infer_ctx *c)
{
    const char *name = c->opset < 6 ? qn_infer_attr_string(c, "to") : NULL;
    qn_infer_out_like(c, 0, 0);
    qn_infer_out(c, 0)->dtype = QUERN_UNDEFINED;
    qn_infer_out_dtype(c, 0,
                       name != NULL ? by_name(name)
                                    : valid(qn_infer_attr_int(c, "to", 0)));
}

void qn_infer_cast_like(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 1));
}

void qn_infer_random_like(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    qn_infer_out_dtype(
        c, 0,
        valid(qn_infer_attr_int(c, "dtype", (int64_t)qn_infer_in_dtype(c, 0))));
}

void qn_infer_second(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 1);
}
