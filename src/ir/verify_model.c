/* Versions, metadata, and model-local functions: keys, calls, depth. */
#include "ir/verify.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FUNCTIONS = 10000, DEEPEST_CALL = 100, KEY_SIZE = 1024 };

int64_t qn_verify_opset(const struct qn_verify *v, const char *domain)
{
    const struct quern_function *f = v->function;
    if (f == NULL) {
        return quern_model_opset(v->model, domain);
    }
    for (size_t i = 0; i < f->n_opsets; i++) {
        if (strcmp(f->opsets[i].domain, domain) == 0) {
            return f->opsets[i].version;
        }
    }
    return 0;
}

static const char *key_of(char *text, const char *domain, const char *name,
                          const char *overload)
{
    snprintf(text, KEY_SIZE, "%s.%s:%s", domain, name, overload);
    return text;
}

const struct quern_function *qn_verify_callee(const struct qn_verify *v,
                                              const struct quern_node *node)
{
    char key[KEY_SIZE];
    if (v->functions == NULL || v->functions->count == 0) {
        return NULL;
    }
    key_of(key, node->domain, node->op, node->overload);
    return qn_map_get(v->functions, key);
}

static struct quern_place place_of(const struct quern_function *f)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = f->body->model->path;
    place.graph = qn_graph_path(f->body);
    return place;
}

/* ---------------------------------------------------------------- calls */

/* Depth-first over calls; `state`: 0 new, 1 on the way, 2 done. */
struct visit {
    const struct quern_function *function;
    int state;
};

static enum quern_code visit(struct qn_verify *v, struct qn_map *visits,
                             struct visit *at, int depth);

/* Depth is bounded: by nesting for bodies, by DEEPEST_CALL for calls. */
static enum quern_code visit_graph(struct qn_verify *v, struct qn_map *visits,
                                   struct visit *at,
                                   const struct quern_graph *graph, int depth)
{
    enum quern_code code = QUERN_OK;
    for (const struct quern_node *n = graph->first;
         n != NULL && code == QUERN_OK; n = n->next) {
        char key[KEY_SIZE];
        key_of(key, n->domain, n->op, n->overload);
        struct visit *next = qn_map_get(visits, key);
        size_t n_bodies = quern_node_n_subgraphs(n);
        for (size_t i = 0; i < n_bodies && code == QUERN_OK; i++) {
            code = visit_graph(v, visits, at, quern_node_subgraph(n, i), depth);
        }
        if (next == NULL || code != QUERN_OK) {
            continue;
        }
        if (next->state == 1) {
            struct quern_place place = quern_node_place(n);
            qn_find_error(v->findings, &place,
                          "function calls itself through this node");
            continue;
        }
        code = visit(v, visits, next, depth + 1);
    }
    return code;
}

static enum quern_code visit(struct qn_verify *v, struct qn_map *visits,
                             struct visit *at, int depth)
{
    if (at->state == 2) {
        return QUERN_OK;
    }
    if (depth > DEEPEST_CALL) {
        struct quern_place place = place_of(at->function);
        qn_find_error(v->findings, &place,
                      "functions call each other over %d levels deep",
                      DEEPEST_CALL);
        at->state = 2;
        return QUERN_OK;
    }
    at->state = 1;
    enum quern_code code =
        visit_graph(v, visits, at, at->function->body, depth);
    at->state = 2;
    return code;
}

static enum quern_code check_calls(struct qn_verify *v, size_t n_functions)
{
    struct qn_map visits = {0};
    struct qn_arena arena = {0};
    struct visit *all = qn_arena_alloc_n(&arena, n_functions, sizeof *all);
    enum quern_code code =
        all != NULL ? QUERN_OK : qn_no_memory(v->model->context);
    size_t i = 0;
    for (const struct quern_function *f = v->model->functions;
         f != NULL && code == QUERN_OK; f = f->next, i++) {
        char key[KEY_SIZE];
        const char *copy = qn_arena_strdup(
            &arena, key_of(key, f->domain, f->name, f->overload));
        all[i].function = f;
        if (copy == NULL || !qn_map_set(&visits, copy, &all[i])) {
            code = qn_no_memory(v->model->context);
        }
    }
    for (i = 0; i < n_functions && code == QUERN_OK; i++) {
        code = visit(v, &visits, &all[i], 1);
    }
    qn_map_finish(&visits);
    qn_arena_finish(&arena);
    return code;
}

/* ------------------------------------------------------------ functions */

static void check_function(struct qn_verify *v, const struct quern_function *f)
{
    struct quern_place place = place_of(f);
    const char *wrong = *f->name == '\0' ? "function without a name" : NULL;
    if (wrong != NULL) {
        qn_find_error(v->findings, &place, "%s", wrong);
    }
    for (size_t i = 0; i < f->n_attributes; i++) {
        for (size_t k = 0; k < i && i < 4096; k++) {
            if (strcmp(f->attributes[i], f->attributes[k]) == 0) {
                place.attribute = f->attributes[i];
                qn_find_error(v->findings, &place,
                              "function declares the attribute twice");
            }
        }
    }
}

/* A body's operators must mean the same in the model: ONNX inlines functions.
 */
static void check_function_opsets(struct qn_verify *v,
                                  const struct quern_function *f)
{
    for (const struct quern_node *n = f->body->first; n != NULL; n = n->next) {
        int64_t own = 0;
        for (size_t i = 0; i < f->n_opsets; i++) {
            if (strcmp(f->opsets[i].domain, n->domain) == 0) {
                own = f->opsets[i].version;
            }
        }
        int64_t outer = quern_model_opset(v->model, n->domain);
        if (own == 0 || outer == 0 || own == outer ||
            qn_verify_callee(v, n) != NULL) {
            continue;
        }
        if (qn_schema_find(n->domain, n->op, own) !=
            qn_schema_find(n->domain, n->op, outer)) {
            struct quern_place place = quern_node_place(n);
            qn_find_error(v->findings, &place,
                          "operator of opset %lld in a function differs from "
                          "that of opset %lld, which the model imports",
                          (long long)own, (long long)outer);
        }
    }
}

/* Fills v->functions; keys live in v->arena. */
static enum quern_code collect(struct qn_verify *v, size_t *out_n)
{
    struct quern_context *context = v->model->context;
    char key[KEY_SIZE];
    *out_n = 0;
    for (struct quern_function *f = v->model->functions; f; f = f->next) {
        key_of(key, f->domain, f->name, f->overload);
        ++*out_n;
        if (qn_map_get(v->functions, key) != NULL) {
            struct quern_place place = place_of(f);
            qn_find_error(v->findings, &place, "function stands twice");
            continue;
        }
        const char *copy = qn_arena_strdup(&v->arena, key);
        if (copy == NULL || !qn_map_set(v->functions, copy, f)) {
            return qn_no_memory(context);
        }
    }
    return QUERN_OK;
}

static enum quern_code check_functions(struct qn_verify *v, size_t n)
{
    if (n > MOST_FUNCTIONS) {
        qn_find_error(v->findings, NULL,
                      "%zu functions, at most %d are allowed", n,
                      MOST_FUNCTIONS);
        return QUERN_OK;
    }
    for (const struct quern_function *f = v->model->functions; f; f = f->next) {
        check_function(v, f);
        check_function_opsets(v, f);
    }
    return n > 0 ? check_calls(v, n) : QUERN_OK;
}

/* ---------------------------------------------------------------- model */

static enum quern_code check_metadata(struct qn_verify *v)
{
    struct qn_map keys = {0};
    enum quern_code code = QUERN_OK;
    for (struct qn_metadata *m = v->model->metadata; m != NULL; m = m->next) {
        if (qn_map_get(&keys, m->key) != NULL) {
            qn_find_error(v->findings, NULL,
                          "key '%s' stands twice in metadata_props", m->key);
        } else if (!qn_map_set(&keys, m->key, m)) {
            code = qn_no_memory(v->model->context);
            break;
        }
    }
    qn_map_finish(&keys);
    return code;
}

/* The IR version must be as high as the opset of ai.onnx asks. Runtimes differ
 * in how strict they are: a warning. */
static void check_versions(struct qn_verify *v)
{
    int64_t opset = quern_model_opset(v->model, "");
    int64_t least = opset > 0 ? qn_schema_ir_for_opset(opset) : 0;
    if (v->model->ir_version > 0 && v->model->ir_version < least) {
        qn_find_warning(v->findings, NULL,
                        "IR version %lld is older than opset %lld of ai.onnx, "
                        "which came with IR version %lld",
                        (long long)v->model->ir_version, (long long)opset,
                        (long long)least);
    }
}

enum quern_code qn_verify_model(struct qn_verify *v)
{
    size_t n = 0;
    enum quern_code code = collect(v, &n);
    if (code != QUERN_OK || (v->parts & QN_VERIFY_MODEL) == 0) {
        return code;
    }
    check_versions(v);
    code = check_metadata(v);
    return code == QUERN_OK ? check_functions(v, n) : code;
}
