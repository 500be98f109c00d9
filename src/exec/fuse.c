/* Fusing chains of operators where no tap or output looks inside.
 *
 * Behind Conv, MatMul and Gemm with constant weights, affine steps go into the
 * weights (fuse_affine.c); other element-wise steps become posts of the
 * operator, which then stands where its last step stood (fuser.c). Chains that
 * stand for one operator are in fuse_patterns.c.
 */
#include "exec/fuse.h"

#include "exec/ops.h"
#include "exec/prepare.h"

#include <string.h>

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
        code = qn_fuser_add_input(f, *op, other);
        post.input = (*op)->n_in - 1;
    } else if (!linear_post(f, next, &post) && !unary_post(f, next, &post)) {
        return QUERN_OK;
    }
    if (code == QUERN_OK) {
        code = push(f, *op, &post);
    }
    if (code == QUERN_OK) {
        *op = qn_fuser_swallow(f, *op, next);
        *done = true;
    }
    return code;
}

/* ---------------------------------------------------------------- chains */

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
            code = qn_fuse_affine(f, &op, next, &more);
            if (code == QUERN_OK && !more) {
                code = qn_fuse_bias(f, &op, next, &more);
            }
        }
        if (code == QUERN_OK && !more) {
            code = add_step(f, &op, next, &more);
        }
    }
    return code;
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
