/* Weights cut into some rows at a time. */
#include "quantize/weight_rows.h"

/* Rows that are looked at together. */
enum { PART_ROWS = 64 };

/* Weights that take less time than starting threads does. */
enum { FEW_WEIGHTS = 1 << 15 };

static size_t n_parts(const struct quern_weight_shape *s)
{
    return s->groups > 1 ? 1 : (s->rows + PART_ROWS - 1) / PART_ROWS;
}

struct qn_rows qn_rows_at(const struct quern_weight_shape *s, size_t i)
{
    struct qn_rows r = {.shape = *s, .n_rows = s->groups * s->rows};
    if (s->groups == 1) {
        size_t left = s->rows - i * PART_ROWS;
        r.first_row = i * PART_ROWS;
        r.n_rows = left < PART_ROWS ? left : PART_ROWS;
        r.shape.rows = r.n_rows;
        r.at = r.first_row * s->row_stride;
    }
    return r;
}

enum quern_code qn_rows_each(struct quern_context *context,
                             const struct quern_weight_shape *s,
                             quern_loop_fn fn, void *user)
{
    enum quern_code code = QUERN_OK;
    size_t n = n_parts(s);
    if (s->rows * s->cols >= FEW_WEIGHTS) {
        return quern_parallel(context, n, fn, user);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = fn(context, user, i, 0);
    }
    return code;
}
