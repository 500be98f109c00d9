/* Random samples: types and sizes from the inputs, how large whole numbers may
 * be from what reads them. */
#include "api/sample.h"

#include <quern/run.h>

#include "base/diag.h"

#include <math.h>
#include <string.h>

enum {
    MOST_SYMBOLS = 64,
    WITH_CACHE = 1, /* these sizes: see sum_of() */
};

/* The k-th symbol's size. Different ones find an axis that is mistaken for
 * another; equal ones and 1 find what was recognized by its size. The larger
 * ones are for models that halve images many times. */
static int64_t size_of(int sizes, size_t k)
{
    static const int64_t primes[] = {2, 3, 5, 7, 11, 13};
    static const struct {
        int64_t first;
        int64_t other;
    } rows[QN_SAMPLE_SIZES] = {{0, 0},  {0, 0},  {1, 1}, {4, 4},  {2, 16},
                               {1, 32}, {2, 64}, {8, 8}, {1, 224}};
    if (sizes <= WITH_CACHE) {
        return primes[k % 6];
    }
    return k == 0 ? rows[sizes].first : rows[sizes].other;
}

struct symbols {
    const struct quern_expr *known[MOST_SYMBOLS];
    size_t n;
    size_t n_nameless;
};

/* Its place among those that are known, or their number. */
static size_t place_of(const struct symbols *s, const struct quern_expr *expr)
{
    size_t i = 0;
    while (i < s->n && s->known[i] != expr) {
        i++;
    }
    return i;
}

static size_t number_of(struct symbols *s, const struct quern_expr *expr)
{
    if (expr == NULL) {
        return s->n + s->n_nameless++;
    }
    size_t i = place_of(s, expr);
    if (i == s->n && s->n < MOST_SYMBOLS) {
        s->known[s->n++] = expr;
    }
    return i;
}

/* The mask of a decoder is as long as what is new and what is cached: all
 * symbols but the first, which counts the batch. */
static int64_t sum_of(const struct symbols *s)
{
    int64_t sum = 0;
    for (size_t i = 1; i < s->n; i++) {
        sum += size_of(WITH_CACHE, i);
    }
    return sum > 0 ? sum : 1;
}

/* ---------------------------------------------------------------- numbers */

/* xorshift64*: small, and the same everywhere. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static double uniform(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double u = uniform(state);
    double r = sqrt(-2.0 * log(1.0 - u));
    return r * cos(6.283185307179586 * uniform(state));
}

/* One in 16 is 0: what multiplies, divides or compares meets it. */
static double any_float(uint64_t *state)
{
    return next(state) >> 60 == 0 ? 0.0 : normal(state);
}

/* -------------------------------------------------------- whole numbers */

static bool is_mask(const char *name)
{
    return strstr(name, "mask") != NULL || strstr(name, "MASK") != NULL ||
           strstr(name, "Mask") != NULL;
}

/* Values from 0 to below the answer do for a reader: those of an index into a
 * table stay inside it. 0: it does not say. */
static int64_t bound_of_use(const struct quern_use *use, int depth);

static int64_t bound_of(const struct quern_value *value, int depth)
{
    int64_t bound = 0;
    const struct quern_use *u = value->first_use;
    for (int k = 0; u != NULL && k < 64; u = u->next, k++) {
        int64_t one = bound_of_use(u, depth);
        bound = one > 0 && (bound == 0 || one < bound) ? one : bound;
    }
    return bound;
}

static int64_t bound_of_use(const struct quern_use *use, int depth)
{
    static const char *const through[] = {"Cast",    "Unsqueeze", "Squeeze",
                                          "Reshape", "Identity",  "Slice",
                                          "Expand",  "Where",     NULL};
    const struct quern_node *n = use->node;
    if (n == NULL || depth == 0) {
        return 0;
    }
    if (quern_node_is(n, "Gather") && use->index == 1) {
        const struct quern_value *data = n->inputs[0]->value;
        int rank = data != NULL ? quern_value_rank(data) : -1;
        int64_t axis = quern_node_int(n, "axis", 0);
        axis += axis < 0 ? rank : 0;
        return axis >= 0 && axis < rank ? quern_value_dims(data)[axis].value
                                        : 0;
    }
    for (size_t i = 0; through[i] != NULL; i++) {
        if (quern_node_is(n, through[i]) && n->n_outputs > 0 &&
            n->outputs[0] != NULL) {
            return bound_of(n->outputs[0], depth - 1);
        }
    }
    return 0;
}

enum { MOST_BOUND = 1 << 20, LOOK_AHEAD = 4, ONES = -1 };

/* Numbers lie below the answer; ONES: all are 1. */
static int64_t most_of(const struct quern_value *value,
                       enum qn_sample_numbers numbers)
{
    int64_t most = numbers == QN_SAMPLE_BITS || is_mask(value->name)
                       ? 2
                       : bound_of(value, LOOK_AHEAD);
    if (numbers == QN_SAMPLE_ONES) {
        return ONES;
    }
    return most <= 0 ? 2 : most < MOST_BOUND ? most : MOST_BOUND;
}

/* ---------------------------------------------------------------- tensors */

/* Floats, or whole numbers below `most`. */
static enum quern_code make_numbers(struct quern_context *context, int rank,
                                    const int64_t *dims, uint64_t *state,
                                    enum quern_dtype dtype, int64_t most,
                                    struct quern_tensor **out)
{
    bool is_float = quern_dtype_is_float(dtype);
    struct quern_tensor *t = NULL;
    enum quern_code code = quern_tensor_create(
        context, is_float ? QUERN_FLOAT : QUERN_INT64, rank, dims, &t);
    void *data = code == QUERN_OK ? quern_tensor_data_mut(t) : NULL;
    for (int64_t i = 0; data != NULL && i < quern_tensor_len(t); i++) {
        if (is_float) {
            ((float *)data)[i] = (float)any_float(state);
        } else {
            int64_t any = (int64_t)(next(state) >> 11);
            ((int64_t *)data)[i] = most == ONES ? 1 : any % most;
        }
    }
    if (code == QUERN_OK) {
        code = quern_tensor_cast(context, t, dtype, out);
    }
    quern_tensor_release(&t);
    return code;
}

static enum quern_code no_sample(struct quern_context *context,
                                 const struct quern_value *value,
                                 const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = value->name;
    return quern_fail(context, QUERN_UNSUPPORTED, &place,
                      "no random data for an input that is %s", what);
}

static void note_symbols(struct symbols *s, const struct quern_value *value)
{
    for (int i = 0; i < quern_value_rank(value); i++) {
        const struct quern_expr *expr = quern_value_dims(value)[i].expr;
        if (expr != NULL) {
            (void)number_of(s, expr);
        }
    }
}

/* What all inputs of a sample share. */
struct sampling {
    struct quern_context *context;
    struct symbols symbols;
    int sizes;
    enum qn_sample_numbers numbers;
    uint64_t state;
};

/* A tensor of a type, for an input that is one or holds such. */
static enum quern_code make_tensor(struct sampling *s,
                                   const struct quern_value *value,
                                   const struct qn_type *type,
                                   struct quern_tensor **out)
{
    int64_t dims[QUERN_MAX_RANK] = {0};
    enum quern_dtype dtype = type->dtype;
    if (type->rank < 0) {
        return no_sample(s->context, value, "of unknown rank");
    }
    if (!quern_dtype_is_float(dtype) && dtype != QUERN_BOOL &&
        !quern_dtype_is_integer(dtype)) {
        return no_sample(s->context, value, "not of numbers");
    }
    for (int i = 0; i < type->rank; i++) {
        struct quern_dim d = type->dims[i];
        dims[i] = d.value >= 0 ? d.value
                  : s->sizes == WITH_CACHE && is_mask(value->name) &&
                          place_of(&s->symbols, d.expr) == s->symbols.n
                      ? sum_of(&s->symbols)
                      : size_of(s->sizes, number_of(&s->symbols, d.expr));
    }
    return make_numbers(s->context, type->rank, dims, &s->state, dtype,
                        dtype == QUERN_BOOL ? 2 : most_of(value, s->numbers),
                        out);
}

/* An optional holds something; a sequence two items of the same sizes. */
static enum quern_code make_one(struct sampling *s,
                                const struct quern_value *value,
                                struct quern_tensor **out)
{
    const struct qn_type *type = qn_value_type(value);
    struct quern_tensor *items[2] = {NULL, NULL};
    if (type != NULL && type->kind == QUERN_KIND_OPTIONAL) {
        type = type->element;
    }
    bool is_list = type != NULL && type->kind == QUERN_KIND_SEQUENCE;
    if (is_list) {
        type = type->element;
    }
    if (type == NULL || type->kind != QUERN_KIND_TENSOR) {
        return no_sample(s->context, value, "no tensor and holds none");
    }
    if (!is_list) {
        return make_tensor(s, value, type, out);
    }
    size_t n_nameless = s->symbols.n_nameless;
    enum quern_code code = QUERN_OK;
    for (int i = 0; i < 2 && code == QUERN_OK; i++) {
        s->symbols.n_nameless = n_nameless;
        code = make_tensor(s, value, type, &items[i]);
    }
    if (code == QUERN_OK) {
        code = quern_tensor_of_items(s->context, items, 2, out);
    }
    quern_tensor_release(&items[0]);
    quern_tensor_release(&items[1]);
    return code;
}

enum quern_code qn_sample_random(struct quern_context *context,
                                 struct quern_value *const *inputs, size_t n,
                                 int sizes, enum qn_sample_numbers numbers,
                                 struct quern_tensor **out)
{
    struct sampling s = {.context = context,
                         .sizes = sizes,
                         .numbers = numbers,
                         .state = UINT64_C(0x9e3779b97f4a7c15) *
                                  ((uint64_t)sizes + 1)};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_mask(inputs[i]->name)) {
            note_symbols(&s.symbols, inputs[i]);
        }
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = make_one(&s, inputs[i], &out[i]);
    }
    for (size_t i = 0; i < n && code != QUERN_OK; i++) {
        quern_tensor_release(&out[i]);
    }
    return code;
}

bool qn_sample_is_symbolic(struct quern_value *const *inputs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < quern_value_rank(inputs[i]); k++) {
            if (quern_value_dims(inputs[i])[k].value < 0) {
                return true;
            }
        }
    }
    return false;
}
