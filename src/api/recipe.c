/* Recipes as objects of the public interface, and telling of passes. */
#include <quern/recipe.h>

#include "pass/pass.h"

#include <stdio.h>
#include <string.h>

enum quern_code quern_recipe_create(struct quern_context *context,
                                    struct quern_recipe **out_recipe)
{
    return qn_recipe_create(context, out_recipe);
}

enum quern_code quern_recipe_open(struct quern_context *context,
                                  const char *path,
                                  struct quern_recipe **out_recipe)
{
    return qn_recipe_open(context, path, out_recipe);
}

enum quern_code quern_recipe_read(struct quern_context *context,
                                  const char *file, const void *text,
                                  size_t size, struct quern_recipe **out_recipe)
{
    return qn_recipe_read(context, file, text, size, out_recipe);
}

void quern_recipe_destroy(struct quern_recipe **recipe)
{
    qn_recipe_destroy(recipe);
}

enum quern_code quern_recipe_add_steps(struct quern_recipe *recipe,
                                       const char *source, const char *pipeline)
{
    return qn_recipe_add_steps(recipe, source, pipeline);
}

enum quern_code quern_recipe_add_exclude(struct quern_recipe *recipe,
                                         const char *text)
{
    return qn_recipe_add_exclude(recipe, text);
}

size_t quern_recipe_n_steps(const struct quern_recipe *recipe)
{
    return recipe->steps.count;
}

const char *quern_recipe_target(const struct quern_recipe *recipe)
{
    return recipe->target;
}

enum quern_code quern_recipe_set_target(struct quern_recipe *recipe,
                                        const char *target)
{
    return qn_recipe_set_target(recipe, target);
}

enum quern_code quern_recipe_print(const struct quern_recipe *recipe,
                                   char **out_text)
{
    struct qn_text text = {0};
    enum quern_code code = qn_recipe_print(recipe, &text);
    if (code == QUERN_OK) {
        *out_text = text.data; /* taken over */
    } else {
        qn_text_finish(&text);
    }
    return code;
}

void quern_text_free(char **text)
{
    qn_free(*text);
    *text = NULL;
}

/* ---------------------------------------------------------------- telling */

size_t quern_option_default(const struct quern_pass_desc *desc,
                            const struct quern_option *option, char *text,
                            size_t size)
{
    struct qn_arena arena = {0};
    struct quern_context nobody = {0}; /* hears of exhausted memory */
    struct qn_option_row row = {0};
    enum quern_code code = qn_options_describe(
        &nobody, option, desc->params_default, &arena, &row);
    const char *value =
        code == QUERN_OK && row.default_value != NULL ? row.default_value : "";
    int n = snprintf(text, size, "%s", value);
    qn_arena_finish(&arena);
    return n > 0 ? (size_t)n : 0;
}

static const char *const contracts[] = {
    "bit-exact: the same bits out",
    "real-exact: equal in real arithmetic",
    "approximate",
    "changes precision",
};

static void add_needs(struct qn_text *text, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } needs[] = {
        {QUERN_PASS_NEEDS_SHAPES, "shapes"},
        {QUERN_PASS_NEEDS_RANGES, "ranges (the step calibrate before it)"},
        {QUERN_PASS_NEEDS_DATA, "calibration data"},
        {QUERN_PASS_NEEDS_TARGET, "a target"},
    };
    const char *separator = "needs     ";
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if ((flags & needs[i].flag) != 0) {
            qn_text_addf(text, "%s%s", separator, needs[i].name);
            separator = ", ";
        }
    }
    qn_text_add(text, *separator == ',' ? "\n" : "");
}

static void add_after(struct qn_text *text, const char *const *after)
{
    for (size_t i = 0; after != NULL && after[i] != NULL; i++) {
        qn_text_addf(text, "%s%s", i == 0 ? "after     " : ", ", after[i]);
    }
    qn_text_add(text, after != NULL && after[0] != NULL ? "\n" : "");
}

static void add_head(struct qn_text *text, const struct quern_context *context,
                     const struct quern_pass_desc *desc)
{
    const char *origin = quern_context_pass_origin(context, desc);
    qn_text_addf(text, "%s: %s\n\n", desc->name, desc->summary);
    qn_text_addf(text, "contract  %s\n", contracts[desc->contract]);
    add_needs(text, desc->flags);
    add_after(text, desc->after);
    if (desc->group != NULL) {
        qn_text_addf(text, "family    %s\n", desc->group);
    }
    if ((desc->flags & QUERN_PASS_REPEAT) != 0) {
        qn_text_add(text, "repeats   until it changes nothing\n");
    }
    if ((desc->flags & QUERN_PASS_JUDGED) != 0) {
        qn_text_add(text, "judged    undone where samples kept apart say that "
                          "the output got clearly worse\n");
    }
    qn_text_addf(text, "from      %s\n",
                 origin != NULL ? origin : "quern itself");
}

enum quern_code quern_pass_help(struct quern_context *context,
                                const struct quern_pass_desc *desc,
                                char **out_text)
{
    struct qn_text text = {0};
    enum quern_code code = QUERN_OK;
    add_head(&text, context, desc);
    if (desc->options != NULL && desc->options[0].name != NULL) {
        qn_text_add(&text, "\nOptions:\n");
        code = qn_options_help(context, desc->options, desc->params_default,
                               &text);
    }
    const struct quern_rewrite *const *r = desc->rewrites;
    for (size_t i = 0; r != NULL && r[i] != NULL; i++) {
        qn_text_addf(&text, "%s  %s: %s\n", i == 0 ? "\nPatterns:\n" : "",
                     r[i]->name, r[i]->pattern);
    }
    if (code == QUERN_OK && text.has_failed) {
        code = qn_no_memory(context);
    }
    if (code != QUERN_OK) {
        qn_text_finish(&text);
        return code;
    }
    *out_text = text.data;
    return QUERN_OK;
}
