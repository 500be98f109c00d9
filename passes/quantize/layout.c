/* How the channels of a tapped value lie in memory. */
#include "quantize/layout.h"

#include <string.h>

/* Row-major, leaving out one axis (-1: none) whose elements lie `step` apart.
 */
static bool is_packed(const struct quern_view *v, int without, int64_t step)
{
    for (int i = v->rank - 1; i >= 0; i--) {
        if (i == without) {
            continue;
        }
        if (v->dims[i] != 1 && v->strides[i] != step) {
            return false;
        }
        step *= v->dims[i];
    }
    return true;
}

bool qn_layout_of(const struct quern_view *v, int axis, struct qn_layout *l)
{
    *l = (struct qn_layout){1, 1, 1};
    for (int i = 0; i < v->rank; i++) {
        size_t d = (size_t)v->dims[i];
        l->outer *= i < axis || axis < 0 ? d : 1;
        l->channels *= i == axis ? d : 1;
        l->inner *= i > axis && axis >= 0 ? d : 1;
    }
    if (is_packed(v, -1, 1)) {
        return true;
    }
    bool last = axis >= 0 && axis < v->rank &&
                (v->dims[axis] == 1 || v->strides[axis] == 1) &&
                is_packed(v, axis, v->dims[axis]);
    if (last) {
        l->outer *= l->inner;
        l->inner = 1;
    }
    return last;
}

static void copy_run(const float *from, int64_t step, int64_t n, float *to)
{
    if (step == 1) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        to[i] = from[i * step];
    }
}

void qn_copy_packed(const struct quern_view *v, float *to)
{
    const float *data = v->data;
    int last = v->rank - 1;
    int64_t run = last >= 0 ? v->dims[last] : 1;
    int64_t step = last >= 0 ? v->strides[last] : 1;
    int64_t left = run > 0 ? 1 : 0;
    int64_t place[QUERN_MAX_RANK] = {0};
    int64_t at = 0;
    for (int a = 0; a < last; a++) {
        left *= v->dims[a];
    }
    for (; left > 0; left--, to += run) {
        copy_run(data + at, step, run, to);
        for (int a = last - 1; a >= 0; a--) {
            at += v->strides[a];
            if (++place[a] < v->dims[a]) {
                break;
            }
            at -= v->strides[a] * v->dims[a];
            place[a] = 0;
        }
    }
}
