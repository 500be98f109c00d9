/* How the channels of a tapped value lie in memory. */
#include "quantize/layout.h"

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
