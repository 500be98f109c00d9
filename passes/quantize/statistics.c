/* save-statistics, load-statistics: what calibration saw, in a file, so that
 * data need be run over once and elsewhere. The file must fit the model as the
 * steps before have made it: that is checked, and told in what it differs. */
#include <quern/data.h>

#include "builtin.h"
#include "quantize/seen.h"
#include "quantize/statistics_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct statistics_params {
    const char *file;
    const char *recipe;
};

static enum quern_code need_file(struct quern_pass_ctx *ctx,
                                 const struct statistics_params *p)
{
    return p->file != NULL
               ? QUERN_OK
               : quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT,
                            NULL, "no file given, needs the option 'file'");
}

/* ----------------------------------------------------------------- saving */

/* Numbers of the samples that calibration looked at, in ascending order. */
static enum quern_code put_samples(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   struct qn_bytes *b)
{
    struct quern_context *context = quern_pass_context(ctx);
    size_t n = quern_graph_n_inputs(graph);
    size_t n_in = 0;
    struct quern_value **inputs =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_value *));
    if (inputs == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        if (!quern_value_is_initializer(quern_graph_input(graph, i))) {
            inputs[n_in++] = quern_graph_input(graph, i);
        }
    }
    struct quern_data *data = NULL;
    enum quern_code code =
        quern_data_open(context, quern_pass_data(ctx), inputs, n_in, &data);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n_all = quern_data_count(data);
    size_t n_used = n_all - quern_data_n_held_back(n_all);
    size_t *order = quern_pass_alloc(ctx, (n_all + 1) * sizeof *order);
    bool *used = quern_pass_alloc(ctx, n_all + 1);
    code = order != NULL && used != NULL
               ? quern_data_order(data, context, order)
               : QUERN_NO_MEMORY;
    quern_data_close(&data);
    qn_bytes_put_u64(b, n_all);
    qn_bytes_put_u64(b, n_used);
    for (size_t i = 0; code == QUERN_OK && i < n_used; i++) {
        used[order[i]] = true;
    }
    for (size_t i = 0; code == QUERN_OK && i < n_all; i++) {
        if (used[i]) {
            qn_bytes_put_u64(b, i);
        }
    }
    return code;
}

/* What ran the model: `calibrate` has noted it. */
static enum quern_code put_engine(struct quern_pass_ctx *ctx,
                                  struct qn_bytes *b)
{
    struct quern_table *table = NULL;
    enum quern_code code = quern_table_open(
        quern_pass_model(ctx), QN_CALIBRATED_TABLE, QUERN_TABLE_VALUE,
        sizeof(struct qn_calibrated), &table);
    const struct qn_calibrated *last =
        code == QUERN_OK ? quern_table_get(table, 0) : NULL;
    const char *text = last != NULL ? last->engine : "";
    qn_bytes_put_string(b, text, strlen(text));
    return code;
}

static enum quern_code put_value(struct quern_pass_ctx *ctx,
                                 const struct quern_value *value,
                                 struct qn_bytes *b)
{
    const struct qn_seen *seen = qn_seen(quern_pass_model(ctx), value);
    const char *name = quern_value_name(value);
    int rank = seen != NULL ? seen->rank : quern_value_rank(value);
    qn_bytes_put_string(b, name, strlen(name));
    qn_bytes_put_u32(b, (uint32_t)quern_value_dtype(value));
    qn_bytes_put_u32(b, (uint32_t)rank);
    for (int i = 0; i < rank; i++) {
        qn_bytes_put_u64(b, seen != NULL ? (uint64_t)seen->dims[i] : 0);
    }
    qn_bytes_put_u32(b, (uint32_t)(seen != NULL ? seen->channel_axis : -1));
    size_t size = seen != NULL && seen->stats != NULL &&
                          quern_stats_n_channels(seen->stats) > 0
                      ? quern_stats_write(seen->stats, NULL, 0)
                      : 0;
    unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (size > 0) {
        quern_stats_write(seen->stats, bytes, size);
    }
    qn_bytes_put_string(b, bytes, size);
    free(bytes);
    return QUERN_OK;
}

/* Calls fn for every value of the top graph whose type is known. */
static enum quern_code put_values(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, struct qn_bytes *b,
                                  size_t *out_n)
{
    enum quern_code code = QUERN_OK;
    size_t n = 0;
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        const struct quern_value *v = quern_graph_input(graph, i);
        if (quern_value_rank(v) >= 0 && code == QUERN_OK) {
            n++;
            code = b != NULL ? put_value(ctx, v, b) : QUERN_OK;
        }
    }
    for (struct quern_node *k = quern_graph_first(graph); k != NULL;
         k = quern_node_next(k)) {
        for (size_t i = 0; i < quern_node_n_outputs(k); i++) {
            const struct quern_value *v = quern_node_output(k, i);
            if (v != NULL && quern_value_rank(v) >= 0 && code == QUERN_OK) {
                n++;
                code = b != NULL ? put_value(ctx, v, b) : QUERN_OK;
            }
        }
    }
    *out_n = n;
    return code;
}

static enum quern_code save(struct quern_pass_ctx *ctx,
                            struct quern_graph *graph, const void *params)
{
    const struct statistics_params *p = params;
    struct qn_bytes b = {0};
    size_t n = 0;
    enum quern_code code = need_file(ctx, p);
    if (code == QUERN_OK) {
        qn_bytes_put(&b, "QUERNST1", 8);
        qn_bytes_put_string(&b, p->recipe, strlen(p->recipe));
        qn_bytes_put_u64(&b, qn_fingerprint(graph));
        code = put_engine(ctx, &b);
    }
    if (code == QUERN_OK) {
        code = put_samples(ctx, graph, &b);
    }
    if (code == QUERN_OK) {
        code = put_values(ctx, graph, NULL, &n);
        qn_bytes_put_u64(&b, n);
    }
    if (code == QUERN_OK) {
        code = put_values(ctx, graph, &b, &n);
    }
    if (code == QUERN_OK) {
        code = qn_bytes_save(quern_pass_context(ctx), &b, p->file);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "%zu values, %zu bytes", n, b.size);
    }
    free(b.data);
    return code;
}

/* ---------------------------------------------------------------- loading */

static enum quern_code differs(struct quern_pass_ctx *ctx, const char *path,
                               const char *in, const char *found,
                               const char *needed)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, &place,
                      "statistics do not fit: %s is '%s', needs '%s'", in,
                      found, needed);
}

static enum quern_code damaged(struct quern_pass_ctx *ctx, const char *path)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    return quern_fail(quern_pass_context(ctx), QUERN_MALFORMED, &place,
                      "statistics end too early or hold what they must not");
}

/* Values whose statistics were read. */
struct counts {
    size_t seen;
    size_t old; /* of a format without what ranges ask today, and the data have
                 */
};

static void tell_old(struct quern_pass_ctx *ctx, const char *path,
                     const struct counts *counts)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    if (counts->old > 0) {
        quern_warn(quern_pass_context(ctx), &place,
                   "statistics of %zu of %zu values are of format 1, which "
                   "lacks the second highest and lowest of the samples: ranges "
                   "leave no room for samples that were not seen, and differ "
                   "from those of the data itself; 'quern calibrate' on the "
                   "same data makes the file anew",
                   counts->old, counts->seen);
    }
}

/* Samples whose channels differ in number have no second ends in any format:
 * they are one channel then, whatever the first sample had. */
static bool is_ragged(const struct qn_seen *seen)
{
    return quern_stats_n_channels(seen->stats) == 1 &&
           seen->channel_axis >= 0 && seen->dims[seen->channel_axis] != 1;
}

static enum quern_code set_seen(struct quern_pass_ctx *ctx,
                                const struct quern_value *value,
                                struct qn_seen *seen, const char *bytes,
                                size_t size)
{
    struct quern_table *table = NULL;
    enum quern_code code =
        quern_stats_read(quern_pass_context(ctx), bytes, size, &seen->stats);
    if (code == QUERN_OK) {
        code = quern_pass_keep(ctx, seen->stats, qn_stats_release);
    }
    if (code == QUERN_OK) {
        code = quern_table_open(quern_pass_model(ctx), QN_SEEN_TABLE,
                                QUERN_TABLE_VALUE, sizeof *seen, &table);
    }
    return code == QUERN_OK
               ? quern_table_set(table, quern_value_id(value), seen)
               : code;
}

static struct quern_value *find(struct quern_pass_ctx *ctx,
                                const struct quern_graph *graph,
                                const char *name, size_t size)
{
    char *text = quern_pass_alloc(ctx, size + 1);
    if (text == NULL || name == NULL || memchr(name, '\0', size) != NULL) {
        return NULL;
    }
    memcpy(text, name, size);
    return quern_graph_find(graph, text);
}

static enum quern_code take_value(struct quern_pass_ctx *ctx,
                                  const struct quern_graph *graph,
                                  struct qn_reading *r, const char *path,
                                  struct counts *counts)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    struct qn_seen seen = {0};
    size_t name_size = 0;
    size_t size = 0;
    const char *name = qn_reading_string(r, &name_size);
    uint32_t dtype = qn_reading_u32(r);
    uint32_t rank = qn_reading_u32(r);
    if (r->failed || rank > QUERN_MAX_RANK) {
        return damaged(ctx, path);
    }
    for (uint32_t i = 0; i < rank; i++) {
        dims[i] = (struct quern_dim){-1, NULL};
        seen.dims[i] = (int64_t)qn_reading_u64(r);
    }
    seen.rank = (int)rank;
    seen.channel_axis = (int)(int32_t)qn_reading_u32(r);
    const char *bytes = qn_reading_string(r, &size);
    struct quern_value *value =
        r->failed ? NULL : find(ctx, graph, name, name_size);
    if (value == NULL || seen.channel_axis < -1 ||
        seen.channel_axis >= (int)rank) {
        return damaged(ctx, path);
    }
    enum quern_code code = QUERN_OK;
    if (quern_value_rank(value) < 0) {
        code = quern_value_set_type(value, (enum quern_dtype)dtype, (int)rank,
                                    dims);
    }
    if (code == QUERN_OK && size > 0) {
        counts->seen++;
        code = set_seen(ctx, value, &seen, bytes, size);
    }
    if (code == QUERN_OK && size > 0) {
        counts->old += quern_stats_is_old(seen.stats) && !is_ragged(&seen);
    }
    return code;
}

/* A NUL-terminated copy of a string of the file; "" when there is none. */
static const char *text_of(struct quern_pass_ctx *ctx, const char *bytes,
                           size_t size)
{
    char *text = quern_pass_alloc(ctx, size + 1);
    if (text == NULL || bytes == NULL) {
        return "";
    }
    memcpy(text, bytes, size);
    return text;
}

static enum quern_code check_origin(struct quern_pass_ctx *ctx,
                                    const struct quern_graph *graph,
                                    struct qn_reading *r,
                                    const struct statistics_params *p)
{
    size_t size = 0;
    char found[24];
    char needed[24];
    const char *bytes = qn_reading_string(r, &size);
    const char *recipe = text_of(ctx, bytes, size);
    uint64_t fingerprint = qn_reading_u64(r);
    uint64_t own = qn_fingerprint(graph);
    if (r->failed) {
        return damaged(ctx, p->file);
    }
    if (strcmp(recipe, p->recipe) != 0) {
        return differs(ctx, p->file, "the recipe up to calibration", recipe,
                       p->recipe);
    }
    snprintf(found, sizeof found, "%016" PRIx64, fingerprint);
    snprintf(needed, sizeof needed, "%016" PRIx64, own);
    return fingerprint == own
               ? QUERN_OK
               : differs(ctx, p->file, "the fingerprint of the model", found,
                         needed);
}

static enum quern_code take_all(struct quern_pass_ctx *ctx,
                                const struct quern_graph *graph,
                                const struct statistics_params *p,
                                struct qn_reading *r)
{
    size_t size = 0;
    struct counts counts = {0};
    enum quern_code code = check_origin(ctx, graph, r, p);
    if (code != QUERN_OK) {
        return code;
    }
    const char *bytes = qn_reading_string(r, &size);
    const char *engine = text_of(ctx, bytes, size);
    uint64_t n_all = qn_reading_u64(r);
    uint64_t n_used = qn_reading_u64(r);
    if (n_used > n_all || n_used > r->left / 8) {
        return damaged(ctx, p->file);
    }
    for (uint64_t i = 0; i < n_used; i++) {
        (void)qn_reading_u64(r);
    }
    uint64_t n = qn_reading_u64(r);
    for (uint64_t i = 0; i < n && code == QUERN_OK; i++) {
        code = take_value(ctx, graph, r, p->file, &counts);
    }
    if (code == QUERN_OK && (r->failed || r->left > 0)) {
        code = damaged(ctx, p->file);
    }
    if (code == QUERN_OK) {
        quern_pass_account(
            ctx, NULL, "%zu values on %" PRIu64 " of %" PRIu64 " samples, %s",
            counts.seen, n_used, n_all, engine);
        tell_old(ctx, p->file, &counts);
    }
    return code;
}

static enum quern_code load(struct quern_pass_ctx *ctx,
                            struct quern_graph *graph, const void *params)
{
    const struct statistics_params *p = params;
    struct qn_bytes b = {0};
    enum quern_code code = need_file(ctx, p);
    if (code == QUERN_OK) {
        code = qn_bytes_load(quern_pass_context(ctx), p->file, &b);
    }
    if (code == QUERN_OK) {
        struct qn_reading r = {b.data + 8, b.size - 8, false};
        code = take_all(ctx, graph, p, &r);
    }
    free(b.data);
    return code;
}

static const struct quern_option options[] = {
    {"file", QUERN_OPTION_STRING, offsetof(struct statistics_params, file), 0,
     0, NULL, "where the statistics are"},
    {"recipe", QUERN_OPTION_STRING, offsetof(struct statistics_params, recipe),
     0, 0, NULL, "steps up to calibration, which must be the same"},
    {0},
};

static const struct statistics_params defaults = {NULL, ""};

const struct quern_pass_desc qn_pass_save_statistics = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "save-statistics",
    .summary = "write what calibration saw to a file",
    .options = options,
    .params_size = sizeof(struct statistics_params),
    .params_default = &defaults,
    .flags =
        QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_DATA | QUERN_PASS_NEEDS_RANGES,
    .contract = QUERN_BIT_EXACT,
    .run = save,
    .group = "quantize",
};

const struct quern_pass_desc qn_pass_load_statistics = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "load-statistics",
    .summary = "read what calibration saw from a file",
    .options = options,
    .params_size = sizeof(struct statistics_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = load,
    .group = "quantize",
};
