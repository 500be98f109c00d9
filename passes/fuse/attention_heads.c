/* Keys and values that several heads of queries share, as exports of PyTorch
 * repeat them: [B, G, T, H] becomes [B, G, 1, T, H], is expanded to
 * [B, G, R, T, H], and laid out as [B, G R, T, H]. So head h of the queries
 * meets head h / R, as Attention has it. A single head is expanded as it is. */
#include "fuse/attention.h"

/* What the node reads first that makes v, if it is of that operator. */
static struct quern_value *behind(const struct quern_value *v, const char *op)
{
    const struct quern_node *p = v != NULL ? quern_value_producer(v) : NULL;
    return p != NULL && quern_node_is(p, op) ? quern_node_input(p, 0) : NULL;
}

/* Sizes of a are those of b but for axis `at` of b, which a does not have. */
static bool is_without(const struct quern_value *a, const struct quern_value *b,
                       int at)
{
    for (int i = 0; i < quern_value_rank(a); i++) {
        if (!quern_dim_equal(quern_value_dims(a)[i],
                             quern_value_dims(b)[i < at ? i : i + 1])) {
            return false;
        }
    }
    return true;
}

/* One head that is expanded to several. */
static struct quern_value *one_head(const struct quern_value *v)
{
    struct quern_value *x = behind(v, "Expand");
    if (x == NULL || quern_value_rank(x) != 4 || quern_value_rank(v) != 4 ||
        quern_value_dims(x)[1].value != 1) {
        return NULL;
    }
    for (int i = 0; i < 4; i++) {
        if (i != 1 &&
            !quern_dim_equal(quern_value_dims(x)[i], quern_value_dims(v)[i])) {
            return NULL;
        }
    }
    return x;
}

struct quern_value *qn_unrepeated(const struct quern_value *v)
{
    struct quern_value *single = one_head(v);
    if (single != NULL) {
        return single;
    }
    const struct quern_value *wide = behind(v, "Reshape");
    const struct quern_value *thin = behind(wide, "Expand");
    struct quern_value *x = behind(thin, "Unsqueeze");
    x = x != NULL ? x : behind(thin, "Reshape");
    if (x == NULL || quern_value_rank(x) != 4 || quern_value_rank(thin) != 5 ||
        quern_value_rank(wide) != 5 || quern_value_rank(v) != 4) {
        return NULL;
    }
    int64_t groups = quern_value_dims(x)[1].value;
    int64_t times = quern_value_dims(wide)[2].value;
    struct quern_dim dims[4];
    for (int i = 0; i < 4; i++) {
        dims[i] = quern_value_dims(v)[i];
        if (i != 1 && !quern_dim_equal(dims[i], quern_value_dims(x)[i])) {
            return NULL;
        }
    }
    bool fits = quern_value_dims(thin)[2].value == 1 &&
                is_without(x, thin, 2) && is_without(x, wide, 2) &&
                groups > 0 && times > 1 && dims[1].value % groups == 0 &&
                dims[1].value / groups == times;
    return fits ? x : NULL;
}
