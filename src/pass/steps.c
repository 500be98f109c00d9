/* Typed options: from text to a params struct. */
#include "pass/steps.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- pipeline */

struct parser {
    struct quern_context *context;
    struct qn_arena *arena;
    const char *text;
    const char *at;
};

static enum quern_code bad(struct parser *p, const char *needed)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "recipe";
    return quern_fail(p->context, QUERN_INVALID_ARGUMENT, &place,
                      "pipeline '%s': found '%.8s' at column %td, needs %s",
                      p->text, *p->at != '\0' ? p->at : "end",
                      p->at - p->text + 1, needed);
}

/* Characters up to one of `stops`, trimmed; [ ] may hold stops. */
static const char *word(struct parser *p, const char *stops)
{
    p->at += strspn(p->at, " \t\n");
    const char *start = p->at;
    int depth = 0;
    while (*p->at != '\0' && (depth > 0 || strchr(stops, *p->at) == NULL)) {
        depth += *p->at == '[' ? 1 : *p->at == ']' ? -1 : 0;
        p->at++;
    }
    const char *end = p->at;
    while (end > start && strchr(" \t\n", end[-1]) != NULL) {
        end--;
    }
    return qn_arena_strndup(p->arena, start, (size_t)(end - start));
}

static enum quern_code parse_option(struct parser *p, struct qn_pass_step *step)
{
    size_t n = step->n_options;
    const char **keys = qn_arena_alloc_n(p->arena, n + 1, sizeof *keys);
    const char **values = qn_arena_alloc_n(p->arena, n + 1, sizeof *values);
    const char *key = word(p, "=,}");
    if (keys == NULL || values == NULL || key == NULL) {
        return qn_no_memory(p->context);
    }
    if (*key == '\0' || *p->at != '=') {
        return bad(p, "key=value");
    }
    p->at++;
    const char *value = word(p, ",}");
    if (value == NULL) {
        return qn_no_memory(p->context);
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = step->keys[i];
        values[i] = step->values[i];
    }
    keys[n] = key;
    values[n] = value;
    step->keys = keys;
    step->values = values;
    step->n_options = n + 1;
    return QUERN_OK;
}

static enum quern_code parse_step(struct parser *p, struct qn_pass_step *step)
{
    step->name = word(p, ",{}=");
    if (step->name == NULL) {
        return qn_no_memory(p->context);
    }
    if (*step->name == '\0') {
        return bad(p, "the name of a pass");
    }
    if (*p->at != '{') {
        return QUERN_OK;
    }
    enum quern_code code = QUERN_OK;
    do {
        p->at++;
        code = parse_option(p, step);
    } while (code == QUERN_OK && *p->at == ',');
    if (code == QUERN_OK && *p->at++ != '}') {
        p->at--;
        code = bad(p, "'}'");
    }
    p->at += code == QUERN_OK ? strspn(p->at, " \t\n") : 0;
    return code;
}

enum quern_code qn_pass_steps_parse(struct quern_context *context,
                                    struct qn_arena *arena, const char *text,
                                    struct qn_pass_step **out_first)
{
    struct parser p = {context, arena, text, text};
    struct qn_pass_step **tail = out_first;
    *out_first = NULL;
    for (;;) {
        struct qn_pass_step *step = qn_arena_alloc(arena, sizeof *step);
        if (step == NULL) {
            return qn_no_memory(context);
        }
        enum quern_code code = parse_step(&p, step);
        if (code != QUERN_OK) {
            return code;
        }
        *tail = step;
        tail = &step->next;
        if (*p.at == '\0') {
            return QUERN_OK;
        }
        if (*p.at != ',') {
            return bad(&p, "','");
        }
        p.at++;
    }
}

/* --------------------------------------------------------------- options */

static enum quern_code wrong(struct quern_context *context, const char *pass,
                             const struct quern_option *o, const char *value,
                             const char *needed)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "recipe";
    place.pass = pass;
    return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                      "option '%s' is '%s', needs %s", o->name, value, needed);
}

static enum quern_code out_of_range(struct quern_context *context,
                                    const char *pass,
                                    const struct quern_option *o,
                                    const char *value, struct qn_arena *arena)
{
    const char *needed = qn_arena_printf(arena, "a number from %g to %g",
                                         o->minimum, o->maximum);
    return wrong(context, pass, o, value, needed != NULL ? needed : "another");
}

static bool bounded(const struct quern_option *o, double x)
{
    bool none = !(o->minimum < 0.0 || o->minimum > 0.0) &&
                !(o->maximum < 0.0 || o->maximum > 0.0);
    return none || (x >= o->minimum && x <= o->maximum);
}

static bool parse_bool(const char *text, bool *out)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
    *out = yes;
    return yes || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
}

/* "[a, b]" or "a" to a list. */
static bool parse_strings(struct qn_arena *arena, const char *text,
                          struct quern_strings *out)
{
    char *copy = qn_arena_strdup(arena, *text == '[' ? text + 1 : text);
    size_t most = strlen(text) + 1;
    const char **items = qn_arena_alloc_n(arena, most, sizeof *items);
    if (copy == NULL || items == NULL) {
        return false;
    }
    size_t n = 0;
    char *rest = NULL;
    for (char *item = strtok_r(copy, ",] ", &rest); item != NULL;
         item = strtok_r(NULL, ",] ", &rest)) {
        items[n++] = item;
    }
    *out = (struct quern_strings){items, n};
    return true;
}

static enum quern_code set_option(struct quern_context *context,
                                  struct qn_arena *arena, const char *pass,
                                  const struct quern_option *o,
                                  const char *value, unsigned char *field)
{
    char *end = NULL;
    switch (o->type) {
    case QUERN_OPTION_BOOL:
        return parse_bool(value, (bool *)(void *)field)
                   ? QUERN_OK
                   : wrong(context, pass, o, value, "true or false");
    case QUERN_OPTION_INT: {
        long long x = strtoll(value, &end, 10);
        int64_t number = x;
        if (end == value || *end != '\0' || !bounded(o, (double)x)) {
            return out_of_range(context, pass, o, value, arena);
        }
        memcpy(field, &number, sizeof number);
        return QUERN_OK;
    }
    case QUERN_OPTION_FLOAT: {
        double x = strtod(value, &end);
        if (end == value || *end != '\0' || !bounded(o, x)) {
            return out_of_range(context, pass, o, value, arena);
        }
        memcpy(field, &x, sizeof x);
        return QUERN_OK;
    }
    case QUERN_OPTION_ENUM:
        for (int i = 0; o->choices[i] != NULL; i++) {
            if (strcmp(o->choices[i], value) == 0) {
                memcpy(field, &i, sizeof i);
                return QUERN_OK;
            }
        }
        return wrong(context, pass, o, value, "one of its choices");
    case QUERN_OPTION_STRING:
        memcpy(field, &value, sizeof value);
        return QUERN_OK;
    case QUERN_OPTION_STRINGS:
        return parse_strings(arena, value,
                             (struct quern_strings *)(void *)field)
                   ? QUERN_OK
                   : qn_no_memory(context);
    }
    return QUERN_INTERNAL;
}

static const struct quern_option *find(const struct quern_pass_desc *desc,
                                       const char *key)
{
    const struct quern_option *o = desc->options;
    while (o != NULL && o->name != NULL && strcmp(o->name, key) != 0) {
        o++;
    }
    return o != NULL && o->name != NULL ? o : NULL;
}

static enum quern_code unknown(struct quern_context *context,
                               const struct quern_pass_desc *desc,
                               const char *key)
{
    const char *names[64] = {NULL};
    size_t n = 0;
    for (const struct quern_option *o = desc->options;
         o != NULL && o->name != NULL && n < 63; o++) {
        names[n++] = o->name;
    }
    const char *near = qn_nearest_name(key, names);
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "recipe";
    place.pass = desc->name;
    return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                      "no option '%s'%s%s%s", key,
                      near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
}

enum quern_code qn_pass_params(struct quern_context *context,
                               struct qn_arena *arena,
                               const struct quern_pass_desc *desc,
                               const struct qn_pass_step *step,
                               void **out_params)
{
    unsigned char *params = qn_arena_alloc(arena, desc->params_size);
    if (params == NULL) {
        return qn_no_memory(context);
    }
    if (desc->params_default != NULL) {
        memcpy(params, desc->params_default, desc->params_size);
    }
    for (size_t i = 0; i < step->n_options; i++) {
        const struct quern_option *o = find(desc, step->keys[i]);
        if (o == NULL) {
            return unknown(context, desc, step->keys[i]);
        }
        enum quern_code code = set_option(context, arena, desc->name, o,
                                          step->values[i], params + o->offset);
        if (code != QUERN_OK) {
            return code;
        }
    }
    *out_params = params;
    return QUERN_OK;
}
