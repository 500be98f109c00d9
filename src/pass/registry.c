/* Which passes there are: built-in ones, and those that plugins brought to a
 * context. Descriptors of strangers are checked before anything uses them. */
#include "pass/groups.h"
#include "pass/pass.h"
#include "pass/pattern.h"

#include <stdio.h>
#include <string.h>

/* Sizes of the structs when ABI 1 began: they only grow. */
enum {
    LEAST_DESC = offsetof(struct quern_pass_desc, group),
    LEAST_PLUGIN = sizeof(struct quern_plugin),
    KNOWN_FLAGS = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_NEEDS_RANGES |
                  QUERN_PASS_NEEDS_DATA | QUERN_PASS_NEEDS_TARGET |
                  QUERN_PASS_SUBGRAPHS | QUERN_PASS_REPEAT | QUERN_PASS_JUDGED |
                  QUERN_PASS_INTERFACE,
    MOST_PASSES = 1000, /* of one plugin */
};

struct loaded_file {
    dev_t device;
    ino_t inode;
    struct loaded_file *next;
};

struct loaded_pass {
    struct quern_pass_desc desc;
    const char *path; /* of the plugin */
    const struct quern_plugin *plugin;
    struct loaded_pass *next;
};

struct registry {
    struct qn_arena arena;
    struct loaded_file *files;
    struct loaded_pass *first;
    struct loaded_pass **tail;
};

static void release(void *user)
{
    struct registry *r = user;
    qn_arena_finish(&r->arena);
    qn_free(r);
}

/* The registry of a context, or NULL. */
static struct registry *registry_of(const struct quern_context *context)
{
    while (context->parent != NULL) {
        context = context->parent;
    }
    return context->registry;
}

/* The same, made where there is none; NULL: no memory. */
static struct registry *need_registry(struct quern_context *context)
{
    while (context->parent != NULL) {
        context = context->parent;
    }
    if (context->registry == NULL) {
        struct registry *r = qn_calloc(sizeof *r);
        if (r == NULL) {
            return NULL;
        }
        r->tail = &r->first;
        context->registry = r;
        context->registry_release = release;
    }
    return context->registry;
}

/* ------------------------------------------------------------ validation */

static bool is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    return n > 0 && n < 128 && text[n] == '\0' && text[0] >= 'a';
}

static bool is_line(const char *text)
{
    return text != NULL && *text != '\0' && strpbrk(text, "\r\n") == NULL;
}

static enum quern_code bad_pass(struct quern_context *context,
                                enum quern_code code, const char *name,
                                const char *what)
{
    return quern_fail(context, code, NULL, "pass '%.128s' %s", name, what);
}

static enum quern_code check_rewrites(struct quern_context *context,
                                      const struct quern_pass_desc *desc,
                                      enum quern_code code)
{
    for (size_t i = 0; desc->rewrites != NULL && desc->rewrites[i] != NULL;
         i++) {
        const struct quern_rewrite *r = desc->rewrites[i];
        struct quern_place place = QUERN_PLACE_NONE;
        struct quern_pattern *pattern = NULL;
        if (!is_line(r->name) || r->pattern == NULL || r->apply == NULL) {
            return bad_pass(context, code, desc->name,
                            "has a pattern without name, text or function");
        }
        place.file = desc->name;
        place.line = place.column = 1;
        enum quern_code read =
            qn_pattern_read(context, r->pattern, &place, false, &pattern);
        quern_pattern_destroy(&pattern);
        if (read != QUERN_OK) {
            quern_note(context, NULL, "in pattern '%s' of pass '%s'", r->name,
                       desc->name);
            return read == QUERN_NO_MEMORY ? read : code;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_pass_check(struct quern_context *context,
                              const struct quern_pass_desc *desc,
                              enum quern_code code)
{
    if (desc->struct_size < LEAST_DESC) {
        return quern_fail(context, code, NULL,
                          "a pass of %u bytes, needs at least %d",
                          desc->struct_size, (int)LEAST_DESC);
    }
    if (desc->abi != QUERN_ABI) {
        return quern_fail(context, code, NULL,
                          "a pass for ABI %u, this quern has ABI %d", desc->abi,
                          QUERN_ABI);
    }
    if (desc->name == NULL || !is_name(desc->name)) {
        return quern_fail(context, code, NULL,
                          "a pass named '%.128s', needs small letters, digits, "
                          "dashes and dots, a letter first",
                          desc->name != NULL ? desc->name : "");
    }
    if (!is_line(desc->summary)) {
        return bad_pass(context, code, desc->name,
                        "has no summary of one line");
    }
    if ((desc->flags & ~(uint32_t)KNOWN_FLAGS) != 0) {
        return quern_fail(context, code, NULL,
                          "pass '%s' has flags 0x%x, this quern knows 0x%x",
                          desc->name, desc->flags, (unsigned)KNOWN_FLAGS);
    }
    if ((unsigned)desc->contract > QUERN_CHANGES_PRECISION) {
        return bad_pass(context, code, desc->name,
                        "has a contract that is none");
    }
    if (desc->run == NULL &&
        (desc->rewrites == NULL || desc->rewrites[0] == NULL)) {
        return bad_pass(context, code, desc->name,
                        "has neither a function nor patterns");
    }
    if (qn_pass_group(desc->name) != NULL) {
        return bad_pass(context, code, desc->name,
                        "has the name of a group of passes");
    }
    char owner[160];
    snprintf(owner, sizeof owner, "pass '%s'", desc->name);
    enum quern_code checked = qn_options_check(
        context, owner, desc->options, desc->params_default, desc->params_size);
    if (checked != QUERN_OK) {
        return checked == QUERN_NO_MEMORY ? checked : code;
    }
    return check_rewrites(context, desc, code);
}

/* --------------------------------------------------------------- look-up */

const struct quern_pass_desc *
quern_context_pass(const struct quern_context *context, size_t i)
{
    const struct registry *r = registry_of(context);
    size_t n = 0;
    while (qn_builtin_passes[n] != NULL) {
        if (n++ == i) {
            return qn_builtin_passes[i];
        }
    }
    const struct loaded_pass *p = r != NULL ? r->first : NULL;
    while (p != NULL && n++ < i) {
        p = p->next;
    }
    return p != NULL ? &p->desc : NULL;
}

static const struct quern_pass_desc *
find_pass(const struct quern_context *context, const char *name)
{
    for (size_t i = 0; qn_builtin_passes[i] != NULL; i++) {
        if (strcmp(qn_builtin_passes[i]->name, name) == 0) {
            return qn_builtin_passes[i];
        }
    }
    const struct registry *r = registry_of(context);
    const struct loaded_pass *p = r != NULL ? r->first : NULL;
    while (p != NULL && strcmp(p->desc.name, name) != 0) {
        p = p->next;
    }
    return p != NULL ? &p->desc : NULL;
}

/* The entry of a plugin's pass; NULL for a built-in one. */
static const struct loaded_pass *
loaded_pass_of(const struct quern_context *context,
               const struct quern_pass_desc *desc)
{
    const struct registry *r = registry_of(context);
    const struct loaded_pass *p = r != NULL ? r->first : NULL;
    while (p != NULL && &p->desc != desc) {
        p = p->next;
    }
    return p;
}

const char *quern_context_pass_origin(const struct quern_context *context,
                                      const struct quern_pass_desc *desc)
{
    const struct loaded_pass *p = loaded_pass_of(context, desc);
    return p != NULL ? p->path : NULL;
}

const struct quern_plugin *
quern_context_pass_plugin(const struct quern_context *context,
                          const struct quern_pass_desc *desc)
{
    const struct loaded_pass *p = loaded_pass_of(context, desc);
    return p != NULL ? p->plugin : NULL;
}

static enum quern_code unknown_pass(struct quern_context *context,
                                    const char *name,
                                    const struct quern_place *place)
{
    size_t n = 0;
    while (quern_context_pass(context, n) != NULL) {
        n++;
    }
    size_t room = n;
    const char *group = NULL;
    const char *steps = NULL;
    while (quern_group_at(room - n, &group, &steps)) {
        room++;
    }
    const char **names = qn_calloc_n(room + 1, sizeof *names);
    if (names == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = quern_context_pass(context, i)->name;
    }
    for (size_t i = n; i < room; i++) {
        (void)quern_group_at(i - n, &names[i], &steps);
    }
    const char *near = qn_nearest_name(name, names);
    qn_free(names);
    return quern_fail(context, QUERN_NOT_FOUND, place,
                      "unknown pass '%s'%s%s%s", name,
                      near != NULL ? ", did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'" : "");
}

enum quern_code qn_pass_find(struct quern_context *context, const char *name,
                             const struct quern_place *place,
                             const struct quern_pass_desc **out_desc)
{
    const struct quern_pass_desc *found = find_pass(context, name);
    if (found == NULL) {
        return unknown_pass(context, name, place);
    }
    *out_desc = found;
    return QUERN_OK;
}

enum quern_code quern_context_find_pass(struct quern_context *context,
                                        const char *name,
                                        const struct quern_pass_desc **out_desc)
{
    return qn_pass_find(context, name, NULL, out_desc);
}

const struct quern_pass_desc *quern_pass_at(size_t i)
{
    size_t n = 0;
    while (qn_builtin_passes[n] != NULL) {
        n++;
    }
    return i < n ? qn_builtin_passes[i] : NULL;
}

/* ---------------------------------------------------------------- adding */

bool qn_registry_has_file(const struct quern_context *context,
                          const struct stat *info)
{
    const struct registry *r = registry_of(context);
    const struct loaded_file *f = r != NULL ? r->files : NULL;
    while (f != NULL &&
           (f->device != info->st_dev || f->inode != info->st_ino)) {
        f = f->next;
    }
    return f != NULL;
}

static enum quern_code check_plugin(struct quern_context *context,
                                    const struct quern_plugin *plugin)
{
    if (plugin->abi != QUERN_ABI) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "built for ABI %u, this quern has ABI %d",
                          plugin->abi, QUERN_ABI);
    }
    if (plugin->struct_size < LEAST_PLUGIN) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "its struct quern_plugin has %u bytes, needs at "
                          "least %d",
                          plugin->struct_size, (int)LEAST_PLUGIN);
    }
    if (!is_line(plugin->name) || !is_line(plugin->version) ||
        !is_line(plugin->licence)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "it does not tell name, version and licence");
    }
    if (plugin->passes == NULL || plugin->passes[0] == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "it brings no pass");
    }
    return QUERN_OK;
}

/* A copy of a stranger's descriptor that has all fields of today. */
static struct loaded_pass *copy_pass(struct registry *r, const char *path,
                                     const struct quern_plugin *plugin,
                                     const struct quern_pass_desc *desc)
{
    struct loaded_pass *pass = qn_arena_alloc(&r->arena, sizeof *pass);
    if (pass != NULL) {
        size_t size =
            desc->struct_size < sizeof *desc ? desc->struct_size : sizeof *desc;
        memcpy(&pass->desc, desc, size);
        pass->path = qn_arena_strdup(&r->arena, path);
        pass->plugin = plugin;
    }
    return pass != NULL && pass->path != NULL ? pass : NULL;
}

static enum quern_code add_pass(struct quern_context *context,
                                struct loaded_pass *pass)
{
    struct registry *r = registry_of(context);
    enum quern_code code =
        qn_pass_check(context, &pass->desc, QUERN_INVALID_ARGUMENT);
    if (code != QUERN_OK) {
        return code;
    }
    const struct quern_pass_desc *twin = find_pass(context, pass->desc.name);
    if (twin != NULL) {
        const char *origin = quern_context_pass_origin(context, twin);
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "pass '%s' is there already, from %s", twin->name,
                          origin != NULL ? origin : "quern itself");
    }
    *r->tail = pass;
    r->tail = &pass->next;
    return QUERN_OK;
}

enum quern_code qn_registry_add(struct quern_context *context, const char *path,
                                const struct stat *info,
                                const struct quern_plugin *plugin)
{
    struct registry *r = need_registry(context);
    struct loaded_file *file =
        r != NULL ? qn_arena_alloc(&r->arena, sizeof *file) : NULL;
    if (file == NULL) {
        return qn_no_memory(context);
    }
    struct loaded_pass **before = r->tail;
    enum quern_code code = check_plugin(context, plugin);
    for (size_t i = 0; code == QUERN_OK && plugin->passes[i] != NULL; i++) {
        if (i == MOST_PASSES) {
            code = quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "it brings more than %d passes", MOST_PASSES);
            break;
        }
        struct loaded_pass *pass =
            copy_pass(r, path, plugin, plugin->passes[i]);
        code = pass != NULL ? add_pass(context, pass) : qn_no_memory(context);
    }
    if (code != QUERN_OK) {
        r->tail = before;
        *before = NULL;
        return code;
    }
    *file = (struct loaded_file){info->st_dev, info->st_ino, r->files};
    r->files = file;
    return QUERN_OK;
}
