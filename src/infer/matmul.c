/* Products of matrices. */
#include "infer/table.h"

#include <string.h>

/* Rows, columns and leading dimensions of an operand; a vector is a row (left)
 * or a column (right) that goes again. */
struct operand {
    int rank;
    struct quern_number rows;
    struct quern_number columns;
};

static struct operand operand_of(struct qn_infer_ctx *c, size_t i, bool trans,
                                 bool left)
{
    struct operand o = {qn_infer_in_rank(c, i), qn_num(1), qn_num(1)};
    if (o.rank == 1 && left) {
        o.columns = qn_infer_in_dim(c, i, 0);
    } else if (o.rank == 1) {
        o.rows = qn_infer_in_dim(c, i, 0);
    } else if (o.rank >= 2) {
        o.rows = qn_infer_in_dim(c, i, o.rank - 2);
        o.columns = qn_infer_in_dim(c, i, o.rank - 1);
        if (trans) {
            struct quern_number rows = o.rows;
            o.rows = o.columns;
            o.columns = rows;
        }
    }
    return o;
}

/* Leading dimensions of both, broadcast, into out. */
static void lead(struct qn_infer_ctx *c, struct qn_result *out, size_t i,
                 int rank, int n)
{
    for (int k = 0; k < rank - 2; k++) {
        int at = n - (rank - 2) + k;
        bool clash = false;
        struct quern_number other = qn_infer_in_dim(c, i, k);
        struct quern_number both =
            qn_dim_broadcast(&c->x, out->dims[at], other, &clash);
        if (clash) {
            qn_infer_problem(
                c, "input %zu, dimension %d: %lld does not fit %lld", i, k,
                (long long)other.value, (long long)out->dims[at].value);
        }
        out->dims[at] = both;
    }
}

void qn_infer_product(struct qn_infer_ctx *c, size_t a, size_t b, bool trans_a,
                      bool trans_b)
{
    struct operand x = operand_of(c, a, trans_a, true);
    struct operand y = operand_of(c, b, trans_b, false);
    if (x.rank < 1 || y.rank < 1) {
        return;
    }
    int n = (x.rank > y.rank ? x.rank : y.rank) - 2;
    n = n > 0 ? n : 0;
    (void)qn_infer_merge(c, x.columns, y.rows, "inner dimension");
    if (!qn_infer_out_rank(c, 0,
                           n + (x.rank > 1 ? 1 : 0) + (y.rank > 1 ? 1 : 0))) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    for (int i = 0; i < n; i++) {
        out->dims[i] = qn_num(1);
    }
    lead(c, out, a, x.rank, n);
    lead(c, out, b, y.rank, n);
    if (x.rank > 1) {
        out->dims[n++] = x.rows;
    }
    if (y.rank > 1) {
        out->dims[n] = y.columns;
    }
}

void qn_infer_matmul(struct qn_infer_ctx *c)
{
    qn_infer_product(c, 0, c->param == 1 ? 3 : 1, false, false);
}

void qn_infer_gemm(struct qn_infer_ctx *c)
{
    bool trans_a = qn_infer_attr_int(c, "transA", 0) != 0;
    bool trans_b = qn_infer_attr_int(c, "transB", 0) != 0;
    int rank_a = qn_infer_in_rank(c, 0);
    int rank_b = qn_infer_in_rank(c, 1);
    if (!qn_infer_out_rank(c, 0, 2)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    if (rank_a == 2) {
        out->dims[0] = qn_infer_in_dim(c, 0, trans_a ? 1 : 0);
    }
    if (rank_b == 2) {
        out->dims[1] = qn_infer_in_dim(c, 1, trans_b ? 0 : 1);
    }
    if (rank_a == 2 && rank_b == 2) {
        (void)qn_infer_merge(c, qn_infer_in_dim(c, 0, trans_a ? 0 : 1),
                             qn_infer_in_dim(c, 1, trans_b ? 1 : 0),
                             "inner dimension");
    }
}

/* --------------------------------------------------------------- Einsum */

/* Dimensions by letter; those of the ellipsis by place. */
struct einsum {
    bool seen[128];
    struct quern_number dims[128];
    int n_dots;
    struct quern_number dots[QUERN_MAX_RANK];
};

/* Letters of one term of the equation, up to `end`. */
static bool einsum_input(struct qn_infer_ctx *c, struct einsum *e, size_t i,
                         const char *text, const char *end)
{
    int rank = qn_infer_in_rank(c, i);
    int letters = 0;
    int axis = 0;
    for (const char *p = text; p < end; p++) {
        letters += *p != ' ' && *p != '.' ? 1 : 0;
    }
    for (const char *p = text; p < end; p++) {
        if (*p == '.') {
            int dots = rank - letters;
            for (int k = 0; k < dots; k++) {
                bool clash = false;
                int at = QUERN_MAX_RANK - dots + k;
                e->dots[at] = qn_dim_broadcast(
                    &c->x, e->dots[at], qn_infer_in_dim(c, i, axis++), &clash);
            }
            e->n_dots = dots > e->n_dots ? dots : e->n_dots;
            p += p + 2 < end ? 2 : 0;
        } else if (*p != ' ' && (*p & 0x80) == 0) {
            int letter = *p;
            if (axis >= rank) {
                return false;
            }
            struct quern_number dim = qn_infer_in_dim(c, i, axis++);
            bool clash = false;
            e->dims[letter] =
                e->seen[letter]
                    ? qn_dim_broadcast(&c->x, e->dims[letter], dim, &clash)
                    : dim;
            e->seen[letter] = true;
        }
    }
    return axis == rank;
}

static void einsum_output(struct qn_infer_ctx *c, const struct einsum *e,
                          const char *text)
{
    struct quern_number dims[QUERN_MAX_RANK];
    int n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '.') {
            for (int k = 0; k < e->n_dots && n < QUERN_MAX_RANK; k++) {
                dims[n++] = e->dots[QUERN_MAX_RANK - e->n_dots + k];
            }
            p += p[1] == '.' && p[2] == '.' ? 2 : 0;
        } else if (*p != ' ' && (*p & 0x80) == 0 && n < QUERN_MAX_RANK) {
            dims[n++] = e->dims[(int)*p];
        }
    }
    if (qn_infer_out_rank(c, 0, n)) {
        memcpy(qn_infer_out(c, 0)->dims, dims, (size_t)n * sizeof *dims);
    }
}

/* Without an arrow: the ellipsis, then what stands once, in order of letters.
 */
static void implicit_output(const char *text, char *out)
{
    int counts[128] = {0};
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        counts[*p & 0x7f]++;
    }
    for (int i = 0; counts['.'] > 0 && i < 3; i++) {
        out[n++] = '.';
    }
    for (int letter = 'A'; letter <= 'z'; letter++) {
        if (counts[letter] == 1) {
            out[n++] = (char)letter;
        }
    }
    out[n] = '\0';
}

void qn_infer_einsum(struct qn_infer_ctx *c)
{
    struct einsum e = {.n_dots = 0};
    const char *text = qn_infer_attr_string(c, "equation");
    const char *arrow = text != NULL ? strstr(text, "->") : NULL;
    if (text == NULL) {
        return;
    }
    bool is_implicit = arrow == NULL;
    const char *whole = text;
    arrow = is_implicit ? text + strlen(text) : arrow;
    for (int i = 0; i < QUERN_MAX_RANK; i++) {
        e.dots[i] = qn_num(1);
    }
    for (size_t i = 0; i < c->node->n_inputs; i++) {
        const char *comma = memchr(text, ',', (size_t)(arrow - text));
        const char *end = comma != NULL ? comma : arrow;
        if (qn_infer_in_rank(c, i) < 0 || !einsum_input(c, &e, i, text, end)) {
            return;
        }
        text = comma != NULL ? comma + 1 : arrow;
    }
    if (is_implicit) {
        char letters[160];
        implicit_output(whole, letters);
        einsum_output(c, &e, letters);
    } else {
        einsum_output(c, &e, arrow + 2);
    }
}

void qn_infer_det(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    if (rank >= 2 && qn_infer_out_rank(c, 0, rank - 2)) {
        for (int i = 0; i < rank - 2; i++) {
            qn_infer_out(c, 0)->dims[i] = qn_infer_in_dim(c, 0, i);
        }
    }
}

/* ------------------------------------------------------------- Attention */

/* Heads, length and size of a head of query, key or value: [B, heads, S, head]
 * or [B, S, heads * head]. */
struct heads {
    struct quern_number n;
    struct quern_number len;
    struct quern_number size;
};

static struct heads heads_of(struct qn_infer_ctx *c, size_t i, const char *attr)
{
    struct heads h = {QN_UNKNOWN, QN_UNKNOWN, QN_UNKNOWN};
    if (qn_infer_in_rank(c, i) == 4) {
        h.n = qn_infer_in_dim(c, i, 1);
        h.len = qn_infer_in_dim(c, i, 2);
        h.size = qn_infer_in_dim(c, i, 3);
    } else if (qn_infer_in_rank(c, i) == 3) {
        h.n = qn_num(qn_infer_attr_int(c, attr, 0));
        h.len = qn_infer_in_dim(c, i, 1);
        h.size = qn_num_floor_div(&c->x, qn_infer_in_dim(c, i, 2), h.n);
    }
    return h;
}

static void set4(struct qn_infer_ctx *c, size_t i, struct quern_number heads,
                 struct quern_number len, struct quern_number size)
{
    if (qn_infer_out_rank(c, i, 4)) {
        struct quern_number *dims = qn_infer_out(c, i)->dims;
        dims[0] = qn_infer_in_dim(c, 0, 0);
        dims[1] = heads;
        dims[2] = len;
        dims[3] = size;
    }
}

void qn_infer_attention(struct qn_infer_ctx *c)
{
    struct qn_algebra *x = &c->x;
    int rank = qn_infer_in_rank(c, 0);
    if (rank != 3 && rank != 4) {
        return;
    }
    struct heads q = heads_of(c, 0, "q_num_heads");
    struct heads k = heads_of(c, 1, "kv_num_heads");
    struct heads v = heads_of(c, 2, "kv_num_heads");
    if (rank == 4) {
        set4(c, 0, q.n, q.len, v.size);
    } else if (qn_infer_out_rank(c, 0, 3)) {
        struct quern_number *dims = qn_infer_out(c, 0)->dims;
        dims[0] = qn_infer_in_dim(c, 0, 0);
        dims[1] = q.len;
        dims[2] = qn_num_times(x, q.n, v.size);
    }
    struct quern_number past = qn_num(0);
    if (qn_infer_in_present(c, 4)) {
        past =
            qn_infer_in_rank(c, 4) == 4 ? qn_infer_in_dim(c, 4, 2) : QN_UNKNOWN;
    }
    struct quern_number all = qn_num_plus(x, past, k.len);
    set4(c, 1, k.n, all, k.size);
    set4(c, 2, v.n, all, v.size);
    set4(c, 3, q.n, q.len, all);
}

/* The present state is [B, key heads, size of key, size of value]. */
void qn_infer_linear_attention(struct qn_infer_ctx *c)
{
    struct heads q = heads_of(c, 0, "q_num_heads");
    struct heads k = heads_of(c, 1, "kv_num_heads");
    struct heads v = heads_of(c, 2, "kv_num_heads");
    if (qn_infer_in_rank(c, 0) != 3 || !qn_infer_out_rank(c, 0, 3)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    dims[0] = qn_infer_in_dim(c, 0, 0);
    dims[1] = q.len;
    dims[2] = qn_num_times(&c->x, q.n, v.size);
    set4(c, 1, k.n, k.size, v.size);
}
