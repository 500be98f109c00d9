/* The registry: descriptors and plugins of strangers, and what is told of
 * passes. */
#include "pass/pass.h"
#include "support.h"

#include <stddef.h>

struct mark {
    int64_t value;
};

static enum quern_code run_mark(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    const struct mark *p = params;
    (void)ctx;
    return quern_node_set_int(quern_graph_first(graph), "mark", p->value);
}

static enum quern_code refuse(struct quern_pass_ctx *ctx,
                              const struct quern_match *match,
                              const void *params)
{
    (void)params;
    return quern_pass_refuse(ctx, quern_match_node(match, 0), "never");
}

static const struct quern_option options[] = {
    {"value", QUERN_OPTION_INT, offsetof(struct mark, value), 0, 9, NULL,
     "what is written"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};
static const struct mark defaults = {1};
static const char *const after_mark[] = {"drop-dead", NULL};

static const struct quern_pass_desc mark = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "t.mark",
    .summary = "a pass of the tests",
    .options = options,
    .params_size = sizeof(struct mark),
    .params_default = &defaults,
    .after = after_mark,
    .run = run_mark,
};

static const struct quern_pass_desc *const passes[] = {&mark, NULL};

static void open_all(void)
{
    open_context();
    ck_assert_int_eq(add_passes(passes), QUERN_OK);
    build("y = Relu(com.acme.Foo(a))");
}

/* ----------------------------------------------------------- descriptors */

START_TEST(built_in_passes_are_well_described)
{
    for (size_t i = 0; quern_pass_at(i) != NULL; i++) {
        const struct quern_pass_desc *desc = quern_pass_at(i);
        enum quern_code code = qn_pass_check(context, desc, QUERN_INTERNAL);
        ck_assert_msg(code == QUERN_OK, "%s: %s", desc->name, said());
        ck_assert_int_eq(desc->summary[strlen(desc->summary) - 1] == '.', 0);
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(quern_pass_at(k)->name, desc->name);
        }
    }
    const char *name = NULL;
    const char *steps = NULL;
    for (size_t i = 0; quern_group_at(i, &name, &steps); i++) {
        struct quern_recipe *recipe = NULL;
        ck_assert_int_eq(quern_recipe_create(context, &recipe), QUERN_OK);
        ck_assert_int_eq(quern_recipe_add_steps(recipe, "group", name),
                         QUERN_OK);
        ck_assert_msg(quern_recipe_check(recipe) == QUERN_OK, "%s", said());
        quern_recipe_destroy(&recipe);
    }
}
END_TEST

static const char *group_named(const char *wanted)
{
    const char *name = NULL;
    const char *steps = NULL;
    for (size_t i = 0; quern_group_at(i, &name, &steps); i++) {
        if (strcmp(name, wanted) == 0) {
            return steps;
        }
    }
    return "";
}

START_TEST(the_exact_group_holds_what_keeps_all_bits)
{
    const char *steps = group_named("optimize");
    char wanted[2048] = "";
    while (*steps != '\0') {
        size_t length = strcspn(steps, ",");
        char name[64];
        const struct quern_pass_desc *desc = NULL;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(steps, ",{"), steps);
        ck_assert_int_eq(quern_context_find_pass(context, name, &desc),
                         QUERN_OK);
        if (desc->contract == QUERN_BIT_EXACT) {
            strcat(wanted, wanted[0] != '\0' ? "," : "");
            strncat(wanted, steps, length);
        }
        steps += length + (steps[length] == ',');
    }
    ck_assert_str_eq(group_named("optimize-exact"), wanted);
}
END_TEST

/* What an older header did not have is not read. */
START_TEST(shorter_descriptors_are_filled_up)
{
    struct quern_pass_desc old = mark;
    old.name = "t.old";
    old.struct_size = offsetof(struct quern_pass_desc, group);
    old.group = "garbage";
    old.rewrites = (const struct quern_rewrite *const *)&old;
    const struct quern_pass_desc *list[] = {&old, NULL};
    const struct quern_pass_desc *found = NULL;
    ck_assert_int_eq(add_passes(list), QUERN_OK);
    ck_assert_int_eq(quern_context_find_pass(context, "t.old", &found),
                     QUERN_OK);
    ck_assert_ptr_null(found->group);
    ck_assert_ptr_null(found->rewrites);
    ck_assert_str_eq(quern_context_pass_origin(context, found), "./t.so");
    ck_assert_int_eq(quern_apply(model, "t.old{value=3}", NULL), QUERN_OK);
    ck_assert_int_eq(quern_node_int(node_named("Foo1"), "mark", -1), 3);
}
END_TEST

static const struct quern_option no_choices[] = {
    {"pick", QUERN_OPTION_ENUM, 0, 0, 0, NULL, "?"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};
static const struct quern_rewrite bad_pattern = {"bad", "y = Relu(", NULL};
static const struct quern_rewrite unreadable = {"bad", "y = Relu(", refuse};
static const struct quern_rewrite *const bad_patterns[] = {&bad_pattern, NULL};
static const struct quern_rewrite *const unreadables[] = {&unreadable, NULL};

static void set_abi(struct quern_pass_desc *d)
{
    d->abi = 2;
}
static void set_size(struct quern_pass_desc *d)
{
    d->struct_size = 20;
}
static void set_no_name(struct quern_pass_desc *d)
{
    d->name = NULL;
}
static void set_name(struct quern_pass_desc *d)
{
    d->name = "T Pass";
}
static void set_taken(struct quern_pass_desc *d)
{
    d->name = "t.mark";
}
static void set_built_in(struct quern_pass_desc *d)
{
    d->name = "drop-dead";
}
static void set_group(struct quern_pass_desc *d)
{
    d->name = "optimize";
}
static void set_summary(struct quern_pass_desc *d)
{
    d->summary = "a\nb";
}
static void set_flags(struct quern_pass_desc *d)
{
    d->flags = 1u << 31;
}
static void set_contract(struct quern_pass_desc *d)
{
    memset(&d->contract, 0x7f, sizeof d->contract);
}
static void set_run(struct quern_pass_desc *d)
{
    d->run = NULL;
}
static void set_offset(struct quern_pass_desc *d)
{
    d->params_size = 4;
}
static void set_options(struct quern_pass_desc *d)
{
    d->options = no_choices;
    d->params_default = NULL;
}
static void set_rewrites(struct quern_pass_desc *d)
{
    d->rewrites = bad_patterns;
}
static void set_unreadable(struct quern_pass_desc *d)
{
    d->rewrites = unreadables;
}

static const struct {
    void (*spoil)(struct quern_pass_desc *desc);
    const char *message;
} bad_descs[] = {
    {set_abi, "a pass for ABI 2, this quern has ABI 1"},
    {set_size, "a pass of 20 bytes, needs at least "},
    {set_no_name, "a pass named '', needs small letters"},
    {set_name, "a pass named 'T Pass', needs small letters"},
    {set_taken, "pass 't.mark' is there already, from ./t.so"},
    {set_built_in, "pass 'drop-dead' is there already, from quern itself"},
    {set_group, "pass 'optimize' has the name of a group of passes"},
    {set_summary, "pass 't.bad' has no summary of one line"},
    {set_flags, "pass 't.bad' has flags 0x80000000, this quern knows 0xff"},
    {set_contract, "pass 't.bad' has a contract that is none"},
    {set_run, "pass 't.bad' has neither a function nor patterns"},
    {set_offset, "pass 't.bad'"},
    {set_options, "pass 't.bad'"},
    {set_rewrites, "pass 't.bad' has a pattern without name, text or function"},
    {set_unreadable, "found the end, needs a value, a number or an operator"},
};

/* The good pass beside the bad one does not come in either. */
START_TEST(bad_descriptors_are_refused)
{
    struct quern_pass_desc good = mark;
    struct quern_pass_desc bad = mark;
    const struct quern_pass_desc *found = NULL;
    good.name = "t.good";
    bad.name = "t.bad";
    bad_descs[_i].spoil(&bad);
    const struct quern_pass_desc *list[] = {&good, &bad, NULL};
    ck_assert_int_eq(add_passes(list), QUERN_INVALID_ARGUMENT);
    const char *line = said();
    ck_assert_msg(strstr(line, bad_descs[_i].message) != NULL, "%s", line);
    ck_assert_int_eq(quern_context_find_pass(context, "t.good", &found),
                     QUERN_NOT_FOUND);
}
END_TEST

START_TEST(bad_plugins_are_refused)
{
    struct stat info = {.st_ino = 99};
    const struct quern_pass_desc *none[] = {NULL};
    struct quern_plugin p = plugin_of(none);
    ck_assert_int_eq(qn_registry_add(context, "x", &info, &p),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "it brings no pass"));
    p = plugin_of(passes);
    p.abi = 7;
    ck_assert_int_eq(qn_registry_add(context, "x", &info, &p),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(said(), "built for ABI 7, this quern has ABI 1"));
    p = plugin_of(passes);
    p.struct_size = 8;
    ck_assert_int_eq(qn_registry_add(context, "x", &info, &p),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "has 8 bytes, needs at least 40"));
    p = plugin_of(passes);
    p.version = NULL;
    ck_assert_int_eq(qn_registry_add(context, "x", &info, &p),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(said(), "does not tell name, version and licence"));
    ck_assert(!qn_registry_has_file(context, &info));
}
END_TEST

START_TEST(help_tells_all_that_the_table_knows)
{
    const struct quern_pass_desc *found = NULL;
    char *text = NULL;
    ck_assert_int_eq(quern_context_find_pass(context, "t.mark", &found),
                     QUERN_OK);
    ck_assert_int_eq(quern_pass_help(context, found, &text), QUERN_OK);
    ck_assert_ptr_nonnull(strstr(text, "t.mark: a pass of the tests\n"));
    ck_assert_ptr_nonnull(strstr(text, "contract  bit-exact"));
    ck_assert_ptr_nonnull(strstr(text, "after     drop-dead\n"));
    ck_assert_ptr_nonnull(strstr(text, "from      ./t.so\n"));
    ck_assert_ptr_nonnull(strstr(text, "value=integer"));
    ck_assert_ptr_nonnull(strstr(text, "what is written (0..9; default 1)"));
    quern_text_free(&text);
    char value[16];
    ck_assert_uint_eq(quern_option_default(found, found->options, value, 16),
                      1);
    ck_assert_str_eq(value, "1");
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("registry");
    TCase *all = tcase_create("registry");
    tcase_add_checked_fixture(all, open_all, close_context);
    tcase_add_test(all, built_in_passes_are_well_described);
    tcase_add_test(all, the_exact_group_holds_what_keeps_all_bits);
    tcase_add_test(all, shorter_descriptors_are_filled_up);
    tcase_add_loop_test(all, bad_descriptors_are_refused, 0,
                        (int)(sizeof bad_descs / sizeof *bad_descs));
    tcase_add_test(all, bad_plugins_are_refused);
    tcase_add_test(all, help_tells_all_that_the_table_knows);
    suite_add_tcase(suite, all);
    return suite;
}
