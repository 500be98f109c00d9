/* Fusing chains of operators where no tap or output looks inside.
 *
 * Behind Conv, MatMul and Gemm with constant weights, affine steps go into the
 * weights; other element-wise steps become posts of the operator, which then
 * stands where its last step stood. Removed operators lose their row.
 */
#include "exec/fuse.h"

#include "exec/conv.h"
#include "exec/ops.h"
#include "exec/prepare.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------- questions */

bool qn_op_is(const struct qn_op *op, const char *name)
{
    return op != NULL && op->row != NULL && op->n_posts == 0 &&
           strcmp(op->row->op, name) == 0;
}

struct qn_op *qn_fuser_maker(const struct qn_fuser *f, int slot)
{
    if (slot < 0 || f->maker[slot] < 0) {
        return NULL;
    }
    struct qn_op *op = &f->program->ops[f->maker[slot]];
    for (int i = 1; i < op->n_out; i++) {
        if (op->out[i] >= 0) {
            return NULL;
        }
    }
    return op->row != NULL && op->out[0] == slot ? op : NULL;
}

struct qn_op *qn_fuser_inner(const struct qn_fuser *f, int slot)
{
    return slot >= 0 && f->n_uses[slot] == 1 && !f->fixed[slot]
               ? qn_fuser_maker(f, slot)
               : NULL;
}

bool qn_fuser_scalar(const struct qn_fuser *f, const struct qn_op *op, int i,
                     float *out)
{
    const struct qn_array *a = qn_op_constant(f->engine, op, i);
    if (a == NULL || a->dtype != QUERN_FLOAT || a->len != 1 || a->rank > 1 ||
        a->data == NULL) {
        return false;
    }
    memcpy(out, a->data, sizeof *out);
    return true;
}

bool qn_fuser_scalar_pair(const struct qn_fuser *f, const struct qn_op *op,
                          int *out_slot, float *out)
{
    if (op == NULL || op->n_in != 2) {
        return false;
    }
    bool ordered = qn_op_is(op, "Sub") || qn_op_is(op, "Div");
    for (int i = 1; i >= (ordered ? 1 : 0); i--) {
        if (qn_fuser_scalar(f, op, i, out)) {
            *out_slot = op->in[1 - i];
            return true;
        }
    }
    return false;
}

bool qn_fuser_clip(const struct qn_fuser *f, const struct qn_op *op, float *lo,
                   float *hi)
{
    *lo = -INFINITY;
    *hi = INFINITY;
    if (!qn_op_is(op, "Clip")) {
        return false;
    }
    if (op->opset < 11) {
        *lo = quern_node_float(op->node, "min", -INFINITY);
        *hi = quern_node_float(op->node, "max", INFINITY);
        return true;
    }
    bool has_lo = op->n_in > 1 && op->in[1] >= 0;
    bool has_hi = op->n_in > 2 && op->in[2] >= 0;
    return (has_lo || has_hi) && (!has_lo || qn_fuser_scalar(f, op, 1, lo)) &&
           (!has_hi || qn_fuser_scalar(f, op, 2, hi));
}

/* --------------------------------------------------------------- changes */

static void unuse(struct qn_fuser *f, const struct qn_op *op)
{
    for (int i = 0; i < op->n_in; i++) {
        if (op->in[i] >= 0) {
            f->n_uses[op->in[i]]--;
        }
    }
}

void qn_fuser_remove(struct qn_fuser *f, struct qn_op *op)
{
    unuse(f, op);
    if (op->release != NULL) {
        op->release(f->engine, op->state);
        op->release = NULL;
    }
    for (int i = 0; i < op->n_out; i++) {
        if (op->out[i] >= 0 && f->maker[op->out[i]] == op - f->program->ops) {
            f->maker[op->out[i]] = -1;
        }
    }
    op->row = NULL;
}

enum quern_code qn_fuser_become(struct qn_fuser *f, struct qn_op *op,
                                const struct qn_op_row *row, void *state,
                                int n_in, const int *in)
{
    int *list = qn_arena_alloc_n(&f->engine->arena, (size_t)n_in, sizeof *in);
    if (list == NULL || state == NULL) {
        return qn_no_memory(f->engine->context);
    }
    for (int i = 0; i < n_in; i++) {
        list[i] = in[i];
        if (in[i] >= 0) {
            f->n_uses[in[i]]++;
            f->user[in[i]] = (int)(op - f->program->ops);
        }
    }
    unuse(f, op);
    if (op->release != NULL) {
        op->release(f->engine, op->state);
        op->release = NULL;
    }
    op->row = row;
    op->kernel = row->op;
    op->state = state;
    op->in = list;
    op->n_in = n_in;
    return QUERN_OK;
}

/* Another input of an operator, behind those that it may have (a bias). */
static enum quern_code add_input(struct qn_fuser *f, struct qn_op *op, int slot)
{
    int n = op->n_in < 3 ? 3 : op->n_in;
    int *list =
        qn_arena_alloc_n(&f->engine->arena, (size_t)n + 1, sizeof *list);
    if (list == NULL) {
        return qn_no_memory(f->engine->context);
    }
    for (int i = 0; i < n; i++) {
        list[i] = i < op->n_in ? op->in[i] : -1;
    }
    list[n] = slot;
    op->in = list;
    op->n_in = n + 1;
    f->n_uses[slot]++;
    return QUERN_OK;
}

/* `op` swallows the operator that reads its output, and stands in its place.
 */
static struct qn_op *swallow(struct qn_fuser *f, struct qn_op *op,
                             struct qn_op *next)
{
    struct qn_op moved = *op;
    int out = next->out[0];
    f->maker[op->out[0]] = -1;
    qn_fuser_remove(f, next);
    op->row = NULL;
    moved.out[0] = out;
    op->release = NULL;
    *next = moved;
    f->maker[moved.out[0]] = (int)(next - f->program->ops);
    for (int i = 0; i < moved.n_in; i++) {
        if (moved.in[i] >= 0) {
            f->user[moved.in[i]] = f->maker[moved.out[0]];
        }
    }
    return next;
}

/* ---------------------------------------------------------------- affine */

/* Numbers per channel of an operand [C], [C, 1, 1] or [1, C, 1, 1] of a value
 * of rank `rank` whose channels are at `axis`; a scalar counts for all. */
static bool channel_operand(const struct qn_array *a, int rank, int axis,
                            int64_t channels, float *out)
{
    if (a == NULL || a->dtype != QUERN_FLOAT || a->data == NULL ||
        a->rank > rank || (a->len != 1 && a->len != channels)) {
        return false;
    }
    int at = axis - (rank - a->rank);
    if (a->len > 1 && (at < 0 || a->dims[at] != channels)) {
        return false;
    }
    const float *x = (const float *)(const void *)a->data;
    for (int64_t c = 0; c < channels; c++) {
        out[c] = x[a->len > 1 ? c : 0];
    }
    return true;
}

/* y = scale x + shift per channel, of an operator behind; false: it is none. */
static bool channel_affine(const struct qn_fuser *f, const struct qn_op *next,
                           int slot, int rank, int64_t n, float *scale,
                           float *shift)
{
    int other = next->n_in > 1 && next->in[0] == slot ? 1 : 0;
    bool swapped = other == 0;
    float *operand = scale;
    if (qn_op_is(next, "Add") || qn_op_is(next, "Sub")) {
        operand = shift;
    } else if (!qn_op_is(next, "Mul") && !qn_op_is(next, "Div")) {
        return false;
    }
    if (!channel_operand(qn_op_constant(f->engine, next, other), rank, 1, n,
                         operand)) {
        return false;
    }
    bool minus = qn_op_is(next, "Sub");
    bool over = qn_op_is(next, "Div");
    if (over && swapped) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        float x = operand[c];
        scale[c] = operand == shift ? (minus && swapped ? -1.0f : 1.0f)
                   : over           ? 1.0f / x
                                    : x;
        shift[c] = operand == shift ? (minus && !swapped ? -x : x) : 0.0f;
    }
    return true;
}

static bool batch_norm_affine(const struct qn_fuser *f,
                              const struct qn_op *next, int64_t n, float *scale,
                              float *shift)
{
    const float *p[4];
    if (!qn_op_is(next, "BatchNormalization") ||
        quern_node_int(next->node, "training_mode", 0) != 0) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const struct qn_array *a = qn_op_constant(f->engine, next, i + 1);
        if (a == NULL || a->dtype != QUERN_FLOAT || a->len != n) {
            return false;
        }
        p[i] = (const float *)(const void *)a->data;
    }
    float epsilon = quern_node_float(next->node, "epsilon", 1e-5f);
    for (int64_t c = 0; c < n; c++) {
        scale[c] = p[0][c] / sqrtf(p[3][c] + epsilon);
        shift[c] = p[1][c] - p[2][c] * scale[c];
    }
    return true;
}

/* Affine steps per channel behind a Conv go into its weights. */
static enum quern_code fold_affine(struct qn_fuser *f, struct qn_op **op,
                                   struct qn_op *next, bool *done)
{
    const struct qn_conv_state *s = (*op)->state;
    const struct qn_array *w = qn_op_constant(f->engine, *op, 1);
    *done = false;
    if (!qn_op_is(*op, "Conv") || !s->constant || w == NULL) {
        return QUERN_OK;
    }
    int64_t n = w->dims[0];
    float *scale = qn_calloc_n((size_t)n, sizeof *scale);
    float *shift = qn_calloc_n((size_t)n, sizeof *shift);
    enum quern_code code = QUERN_OK;
    if (scale == NULL || shift == NULL) {
        code = qn_no_memory(f->engine->context);
    } else if (batch_norm_affine(f, next, n, scale, shift) ||
               channel_affine(f, next, (*op)->out[0], w->rank, n, scale,
                              shift)) {
        code = qn_conv_fold(f->engine, *op, scale, shift);
        if (code == QUERN_OK) {
            *op = swallow(f, *op, next);
            *done = true;
        }
    }
    qn_free(scale);
    qn_free(shift);
    return code;
}

/* ----------------------------------------------------------------- posts */

static bool unary_post(const struct qn_fuser *f, const struct qn_op *next,
                       struct qn_post *p)
{
    p->kind = QN_POST_UNARY;
    if (qn_fuser_clip(f, next, &p->p0, &p->p1)) {
        p->unary = QN_CLIP;
        return true;
    }
    if (next->row->run != qn_op_unary || next->n_posts > 0) {
        return false;
    }
    qn_unary_read(next, &p->unary, &p->p0, &p->p1);
    return true;
}

static bool linear_post(const struct qn_fuser *f, const struct qn_op *next,
                        struct qn_post *p)
{
    float v = 0.0f;
    int slot = 0;
    if (!qn_fuser_scalar_pair(f, next, &slot, &v)) {
        return false;
    }
    *p = (struct qn_post){.kind = QN_POST_LINEAR, .p0 = 1.0f};
    if (qn_op_is(next, "Add")) {
        p->p1 = v;
    } else if (qn_op_is(next, "Sub")) {
        p->p1 = -v;
    } else if (qn_op_is(next, "Mul")) {
        p->p0 = v;
    } else if (qn_op_is(next, "Div")) {
        p->p0 = 1.0f / v;
    } else {
        return false;
    }
    return true;
}

/* y + other, other no constant of few elements. */
static bool add_post(const struct qn_fuser *f, const struct qn_op *op,
                     const struct qn_op *next, int *other)
{
    if (!qn_op_is(next, "Add") || next->n_in != 2 ||
        next->in[0] == next->in[1]) {
        return false;
    }
    *other = next->in[0] == op->out[0] ? next->in[1] : next->in[0];
    return *other >= 0 && !f->engine->constants[*other].set;
}

static enum quern_code push(struct qn_fuser *f, struct qn_op *op,
                            const struct qn_post *post)
{
    if (op->posts == NULL) {
        op->posts = qn_arena_alloc_n(&f->engine->arena, QN_MAX_POSTS,
                                     sizeof *op->posts);
        if (op->posts == NULL) {
            return qn_no_memory(f->engine->context);
        }
    }
    struct qn_post *last = op->n_posts > 0 ? &op->posts[op->n_posts - 1] : NULL;
    if (post->kind == QN_POST_LINEAR && last != NULL &&
        last->kind == QN_POST_LINEAR) {
        last->p0 *= post->p0;
        last->p1 = last->p1 * post->p0 + post->p1;
        return QUERN_OK;
    }
    op->posts[op->n_posts++] = *post;
    return QUERN_OK;
}

/* A constant row behind a product becomes its bias. */
static enum quern_code fold_bias(struct qn_fuser *f, struct qn_op **op,
                                 struct qn_op *next, bool *done)
{
    *done = false;
    if (!qn_op_is(*op, "MatMul") || !qn_op_is(next, "Add") || next->n_in != 2) {
        return QUERN_OK;
    }
    int other = next->in[0] == (*op)->out[0] ? 1 : 0;
    enum quern_code code = qn_product_bias(
        f->engine, *op, qn_op_constant(f->engine, next, other), done);
    if (code == QUERN_OK && *done) {
        *op = swallow(f, *op, next);
    }
    return code;
}

static enum quern_code add_step(struct qn_fuser *f, struct qn_op **op,
                                struct qn_op *next, bool *done)
{
    struct qn_post post = {0};
    int other = -1;
    enum quern_code code = QUERN_OK;
    *done = false;
    if ((*op)->n_posts >= QN_MAX_POSTS) {
        return QUERN_OK;
    }
    if (add_post(f, *op, next, &other)) {
        post.kind = QN_POST_ADD;
        code = add_input(f, *op, other);
        post.input = (*op)->n_in - 1;
    } else if (!linear_post(f, next, &post) && !unary_post(f, next, &post)) {
        return QUERN_OK;
    }
    if (code == QUERN_OK) {
        code = push(f, *op, &post);
    }
    if (code == QUERN_OK) {
        *op = swallow(f, *op, next);
        *done = true;
    }
    return code;
}

/* Everything that can follow one operator. */
static enum quern_code fuse_behind(struct qn_fuser *f, struct qn_op *op)
{
    enum quern_code code = QUERN_OK;
    bool more = true;
    while (more && code == QUERN_OK) {
        int slot = op->out[0];
        more = false;
        if (slot < 0 || f->n_uses[slot] != 1 || f->fixed[slot]) {
            break;
        }
        struct qn_op *next = &f->program->ops[f->user[slot]];
        if (next->row == NULL || next->n_out < 1 || next->out[0] < 0) {
            break;
        }
        if (op->n_posts == 0) {
            code = fold_affine(f, &op, next, &more);
            if (code == QUERN_OK && !more) {
                code = fold_bias(f, &op, next, &more);
            }
        }
        if (code == QUERN_OK && !more) {
            code = add_step(f, &op, next, &more);
        }
    }
    return code;
}

/* --------------------------------------------------------------- program */

static void count_uses(struct qn_fuser *f, const struct qn_program *p, int at)
{
    for (int k = 0; k < p->n_ops; k++) {
        const struct qn_op *op = &p->ops[k];
        for (int i = 0; i < op->n_in; i++) {
            if (op->in[i] >= 0) {
                f->n_uses[op->in[i]]++;
                f->user[op->in[i]] = at >= 0 ? at : k;
                f->fixed[op->in[i]] = f->fixed[op->in[i]] || at >= 0;
            }
        }
        for (int i = 0; at < 0 && i < op->n_out; i++) {
            if (op->out[i] >= 0) {
                f->maker[op->out[i]] = k;
            }
        }
        size_t n = quern_node_n_subgraphs(op->node);
        for (size_t i = 0; i < n; i++) {
            count_uses(f, op->bodies[i], at >= 0 ? at : k);
            for (int o = 0; o < op->bodies[i]->n_out; o++) {
                if (op->bodies[i]->out[o] >= 0) {
                    f->fixed[op->bodies[i]->out[o]] = true;
                }
            }
        }
    }
}

static void compact(struct qn_program *p)
{
    int n = 0;
    for (int k = 0; k < p->n_ops; k++) {
        if (p->ops[k].row != NULL) {
            p->ops[n++] = p->ops[k];
        }
    }
    p->n_ops = n;
}

static bool starts_chain(const struct qn_fuser *f, const struct qn_op *op)
{
    if (qn_op_is(op, "Conv")) {
        return true;
    }
    const struct qn_array *w = qn_op_constant(f->engine, op, 1);
    return (qn_op_is(op, "MatMul") || qn_op_is(op, "Gemm")) && w != NULL &&
           w->dtype == QUERN_FLOAT && w->rank == 2;
}

static enum quern_code fuse_all(struct qn_fuser *f)
{
    enum quern_code code = qn_fuse_patterns(f);
    for (int k = 0; k < f->program->n_ops && code == QUERN_OK; k++) {
        struct qn_op *op = &f->program->ops[k];
        if (op->row != NULL && starts_chain(f, op)) {
            code = fuse_behind(f, op);
        }
    }
    compact(f->program);
    return code;
}

enum quern_code qn_fuse(struct quern_engine *engine, struct qn_program *program)
{
    size_t n = (size_t)engine->n_slots + 1;
    struct qn_fuser f = {.engine = engine, .program = program};
    f.maker = qn_calloc_n(n, sizeof *f.maker);
    f.n_uses = qn_calloc_n(n, sizeof *f.n_uses);
    f.user = qn_calloc_n(n, sizeof *f.user);
    f.fixed = qn_calloc_n(n, sizeof *f.fixed);
    enum quern_code code = QUERN_OK;
    if (f.maker == NULL || f.n_uses == NULL || f.user == NULL ||
        f.fixed == NULL) {
        code = qn_no_memory(engine->context);
    } else {
        memset(f.maker, -1, n * sizeof *f.maker);
        for (int s = 0; s < engine->n_slots; s++) {
            f.fixed[s] = engine->tap_of[s] >= 0;
        }
        for (size_t i = 0; i < engine->n_outputs; i++) {
            if (engine->output_slots[i] >= 0) {
                f.fixed[engine->output_slots[i]] = true;
            }
        }
        count_uses(&f, program, -1);
        code = fuse_all(&f);
    }
    qn_free(f.maker);
    qn_free(f.n_uses);
    qn_free(f.user);
    qn_free(f.fixed);
    return code;
}
