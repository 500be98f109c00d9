/* What a file declares of its values against what inference has found. */
#include "infer/context.h"
#include "infer/state.h"

#include <stdio.h>

/* Dimension i of both; false and a text when they cannot be the same. */
static bool check_dim(const struct qn_infer_ctx *c, int i,
                      struct quern_dim declared, struct quern_dim found,
                      char *text, size_t size)
{
    char expr[80];
    bool differs = declared.value >= 0 && found.value >= 0 &&
                   declared.value != found.value;
    /* A symbol of the file's own may be anything, so it is no number; one that
     * inference made may well be that number. */
    bool is_open = declared.value >= 0 && found.value < 0 &&
                   found.expr != NULL &&
                   !qn_num_leaks(found.expr, c->x.model->graph);
    if (!differs && !is_open) {
        return true;
    }
    quern_dim_format(found, expr, sizeof expr);
    snprintf(text, size, "declared dimension %d is %lld, found %s", i,
             (long long)declared.value, expr);
    return false;
}

static void check_value(struct qn_infer_ctx *c, const struct quern_value *v)
{
    const struct qn_type *a = v->declared;
    const struct qn_type *b = v->type;
    char text[160] = "";
    if (a->kind != QUERN_KIND_TENSOR || b->kind != QUERN_KIND_TENSOR) {
        return;
    }
    c->node = v->producer;
    if (a->dtype != b->dtype && a->dtype != QUERN_UNDEFINED &&
        b->dtype != QUERN_UNDEFINED) {
        snprintf(text, sizeof text, "declared type is %s, found %s",
                 quern_dtype_name(a->dtype), quern_dtype_name(b->dtype));
        qn_infer_tell(c, v->name, false, text);
        return;
    }
    if (a->rank >= 0 && b->rank >= 0 && a->rank != b->rank) {
        snprintf(text, sizeof text, "declared rank is %d, found %d", a->rank,
                 b->rank);
    }
    for (int i = 0; text[0] == '\0' && i < a->rank && i < b->rank; i++) {
        if (!check_dim(c, i, a->dims[i], b->dims[i], text, sizeof text)) {
            break;
        }
    }
    if (text[0] != '\0') {
        qn_infer_tell(c, v->name, true, text);
    }
}

void qn_infer_check_declared(struct qn_infer_ctx *c,
                             const struct quern_graph *g)
{
    for (const struct quern_value *v = g->first_value; v; v = v->next_value) {
        if (!v->erased && v->producer != NULL && v->declared != NULL &&
            v->type != NULL) {
            check_value(c, v);
        }
    }
}
