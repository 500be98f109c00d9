/* Second moments of what a Conv reads: its windows, one vector per output
 * position. */
#include "base/checked.h"
#include "base/diag.h"
#include "quant/gram.h"
#include "quant/gram_kernel.h"

/* A window with missing axes as axes of length 1, and what follows of it. */
struct plan {
    struct quern_conv_window w;
    int64_t taps, positions;
    size_t n_inputs; /* channels * taps */
};

static bool axis_is_good(const struct quern_conv_window *w, int a)
{
    const int64_t most = (int64_t)1 << 24; /* products stay in range */
    return w->input[a] > 0 && w->output[a] > 0 && w->kernel[a] > 0 &&
           w->strides[a] > 0 && w->dilations[a] > 0 && w->input[a] <= most &&
           w->output[a] <= most && w->kernel[a] <= most &&
           w->strides[a] <= most && w->dilations[a] <= most &&
           w->pads_begin[a] >= -most && w->pads_begin[a] <= most;
}

static bool make_plan(const struct quern_gram *gram,
                      const struct quern_conv_window *window, struct plan *out)
{
    out->w = *window;
    out->taps = 1;
    out->positions = 1;
    if (window->rank < 1 || window->rank > 3) {
        return false;
    }
    for (int a = 0; a < 3; a++) {
        if (a >= window->rank) {
            out->w.input[a] = 1;
            out->w.output[a] = 1;
            out->w.kernel[a] = 1;
            out->w.strides[a] = 1;
            out->w.dilations[a] = 1;
            out->w.pads_begin[a] = 0;
            out->w.axis_stride[a] = 0;
        }
        if (!axis_is_good(&out->w, a) ||
            !qn_mul_i64(out->taps, out->w.kernel[a], &out->taps) ||
            !qn_mul_i64(out->positions, out->w.output[a], &out->positions)) {
            return false;
        }
    }
    out->n_inputs = qn_gram_groups(gram) * qn_gram_cols(gram);
    return qn_gram_cols(gram) % (size_t)out->taps == 0;
}

/* Element offset that kernel position t reads at output position p, or -1 in
 * the padding. */
static int64_t offset_of(const struct quern_conv_window *w, int64_t p,
                         int64_t t)
{
    int64_t offset = 0;
    for (int a = 2; a >= 0; a--) {
        int64_t o = p % w->output[a];
        int64_t k = t % w->kernel[a];
        int64_t at = o * w->strides[a] - w->pads_begin[a] + k * w->dilations[a];
        if (at < 0 || at >= w->input[a]) {
            return -1;
        }
        offset += at * w->axis_stride[a];
        p /= w->output[a];
        t /= w->kernel[a];
    }
    return offset;
}

/* Output positions p, p + every, …, n of them. */
static void add_positions(struct quern_gram *gram, const struct plan *plan,
                          const float *sample, int64_t p, int64_t every,
                          size_t n)
{
    int64_t offsets[QN_GRAM_BLOCK];
    size_t taps = (size_t)plan->taps;
    for (size_t t = 0; t < taps; t++) {
        const float *channel = sample;
        for (size_t r = 0; r < n; r++) {
            offsets[r] =
                offset_of(&plan->w, p + (int64_t)r * every, (int64_t)t);
        }
        for (size_t i = t; i < plan->n_inputs; i += taps) {
            qn_gram_put(gram, i, channel, offsets, n);
            if (i + taps < plan->n_inputs) {
                channel += plan->w.channel_stride;
            }
        }
    }
    qn_gram_advance(gram, n);
}

enum quern_code quern_gram_add_conv(struct quern_context *context,
                                    struct quern_gram *gram,
                                    const float *sample,
                                    const struct quern_conv_window *window,
                                    int64_t every)
{
    struct plan plan;
    if (!make_plan(gram, window, &plan) || every < 1) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "window of %d axes over %zu inputs a group; need 1 "
                          "to 3 axes of positive sizes, inputs that are a "
                          "multiple of the kernel, and a positive step",
                          window->rank, qn_gram_cols(gram));
    }
    int64_t n = (plan.positions - 1) / every + 1;
    enum quern_code code = qn_gram_check(context, gram, (uint64_t)n);
    for (int64_t done = 0; done < n && code == QUERN_OK;) {
        int64_t space = (int64_t)qn_gram_space(gram);
        int64_t m = n - done < space ? n - done : space;
        add_positions(gram, &plan, sample, done * every, every, (size_t)m);
        done += m;
    }
    return code;
}
