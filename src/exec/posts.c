/* Fused element-wise steps behind an operator, done in blocks that stay in the
 * first-level cache. */
#include "exec/posts.h"

#include "exec/eltwise.h"

enum { BLOCK = 2048 };

static bool is_fast_unary(int unary)
{
    return unary == QN_RELU || unary == QN_CLIP || unary == QN_LEAKY_RELU ||
           unary == QN_HARD_SWISH;
}

/* A sum, then one function, then a line. oneDNN 2.6 takes longer chains too,
 * but gives wrong results for some (a line in front of a clip, two functions):
 * tests/exec/test_paths.c finds them. */
int qn_posts_fast(int n, const struct qn_post *posts)
{
    int fast = 0;
    if (fast < n && posts[fast].kind == QN_POST_ADD) {
        fast++;
    }
    if (fast < n && posts[fast].kind == QN_POST_UNARY &&
        is_fast_unary(posts[fast].unary)) {
        fast++;
    }
    if (fast < n && posts[fast].kind == QN_POST_LINEAR) {
        fast++;
    }
    return fast;
}

static void step(const struct qn_kernels *k, const struct qn_post *p,
                 const float *other, float *y, size_t n)
{
    switch (p->kind) {
    case QN_POST_UNARY:
        k->unary[p->unary](y, y, n, p->p0, p->p1);
        return;
    case QN_POST_LINEAR:
        k->unary[QN_AFFINE](y, y, n, p->p0, p->p1);
        return;
    case QN_POST_ADD:
        k->binary[QN_ADD](other, 1, y, 1, y, n);
        return;
    }
}

/* y + other of any shape that broadcasts. */
static enum quern_code add(struct qn_run *run, const struct qn_op *op,
                           const struct qn_post *p)
{
    struct qn_array kept = run->slots[op->out[0]];
    const struct qn_array *in[2] = {qn_in(run, op, p->input), &kept};
    run->slots[op->out[0]].set = false;
    enum quern_code code = qn_binary_step(run, op, QN_ADD, in);
    qn_chunk_put(&run->chunks, kept.chunk);
    return code;
}

enum quern_code qn_posts_run(struct qn_run *run, const struct qn_op *op,
                             int from)
{
    enum quern_code code = QUERN_OK;
    while (from < op->n_posts && code == QUERN_OK) {
        const struct qn_array *y = &run->slots[op->out[0]];
        int to = from;
        for (; to < op->n_posts; to++) {
            const struct qn_post *p = &op->posts[to];
            if (p->kind == QN_POST_ADD &&
                !qn_array_same_layout(qn_in(run, op, p->input), y)) {
                break;
            }
        }
        if (to == from) {
            code = add(run, op, &op->posts[from++]);
            continue;
        }
        for (int64_t at = 0; at < y->len; at += BLOCK) {
            int64_t n = y->len - at < BLOCK ? y->len - at : BLOCK;
            for (int i = from; i < to; i++) {
                const struct qn_post *p = &op->posts[i];
                const float *other = NULL;
                if (p->kind == QN_POST_ADD) {
                    other =
                        (const float *)(const void *)qn_in(run, op, p->input)
                            ->data +
                        at;
                }
                step(run->kernels, p, other, (float *)(void *)y->data + at,
                     (size_t)n);
            }
        }
        from = to;
    }
    return code;
}
