/* Weights outside the model file: see outside.h. */
#include "io/outside.h"

#include "base/checked.h"
#include "io/hashed.h"
#include "io/wire.h"
#include "ir/tensor.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE = 4096,         /* larger tensors can be mapped by themselves */
    PAGE_FROM = 1 << 16, /* bytes from which a tensor begins at a page */
    LINE = 64,
    HEX = 8,
    FIELD_DATA_LOCATION = 14, /* of TensorProto */
    FIELD_TENSOR = 5,         /* of AttributeProto */
    FIELD_TENSORS = 10,
};

/* ---------------------------------------------------------------- wire */

bool qn_outside_tensor(struct qn_span m)
{
    size_t at = 0;
    bool external = false;
    while (m.data != NULL && at < m.size) {
        struct qn_wire_field f;
        if (qn_wire_next(m.data, m.size, &at, &f) != NULL) {
            return false; /* cannot be: the skim has read these bytes */
        }
        if (f.number == FIELD_DATA_LOCATION && f.wire == QN_WIRE_VARINT) {
            external = f.value == 1;
        }
    }
    return external;
}

bool qn_outside_attr(struct qn_span m)
{
    size_t at = 0;
    while (m.data != NULL && at < m.size) {
        struct qn_wire_field f;
        if (qn_wire_next(m.data, m.size, &at, &f) != NULL) {
            return false;
        }
        bool is_tensor = f.number == FIELD_TENSOR || f.number == FIELD_TENSORS;
        if (is_tensor && f.wire == QN_WIRE_BYTES &&
            qn_outside_tensor((struct qn_span){m.data + f.content, f.length})) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- paths */

static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static const char *folder_of(const char *path, char *text, size_t size)
{
    size_t n = folder_size(path);
    if (n == 0) {
        return ".";
    }
    if (n >= size) {
        return NULL;
    }
    memcpy(text, path, n);
    text[n] = '\0';
    return text;
}

static bool is_same_file(const char *a, const struct stat *b)
{
    struct stat info;
    return a != NULL && stat(a, &info) == 0 && info.st_dev == b->st_dev &&
           info.st_ino == b->st_ino;
}

bool qn_same_folder(const char *a, const char *b)
{
    char text_a[PATH_MAX];
    char text_b[PATH_MAX];
    struct stat info;
    const char *folder_a = folder_of(a, text_a, sizeof text_a);
    const char *folder_b = folder_of(b, text_b, sizeof text_b);
    return folder_b != NULL && stat(folder_b, &info) == 0 &&
           is_same_file(folder_a, &info);
}

/* Path of a file beside `path`; NULL: no memory. */
static char *beside(struct qn_arena *arena, const char *path, const char *name)
{
    return qn_arena_printf(arena, "%.*s%s", (int)folder_size(path), path, name);
}

static enum quern_code refuse(struct quern_context *context,
                              enum quern_code code, const char *path,
                              const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "write";
    place.file = path;
    return quern_fail(context, code, &place, "%s", what);
}

/* A link in the place of a data file would lead the writing elsewhere. */
static enum quern_code check_target(struct quern_context *context,
                                    const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0 || S_ISREG(info.st_mode)) {
        return QUERN_OK;
    }
    return refuse(context, QUERN_IO, path,
                  "data file would replace what is no regular file");
}

/* A named data file must spare the model that was read, and its weights unless
 * the output takes that model's place. */
static enum quern_code spare_source(const struct quern_model *model,
                                    struct qn_arena *arena, const char *path,
                                    const char *target)
{
    struct stat data;
    struct stat out;
    if (stat(target, &data) != 0 || model->path == NULL) {
        return QUERN_OK;
    }
    bool taken = is_same_file(model->path, &data);
    bool is_replaced = stat(path, &out) == 0 && is_same_file(model->path, &out);
    for (const struct qn_external *e = model->externals;
         e != NULL && !is_replaced && !taken; e = e->next) {
        taken = is_same_file(beside(arena, model->path, e->location), &data);
    }
    return taken ? refuse(model->context, QUERN_INVALID_ARGUMENT, target,
                          "data file would replace the model that is read, or "
                          "its weights")
                 : QUERN_OK;
}

/* ----------------------------------------------------------------- plan */

static bool goes_out(const struct quern_value *v, size_t least, bool keep)
{
    size_t size = quern_tensor_size(v->tensor);
    return quern_tensor_dtype(v->tensor) != QUERN_STRING && size > 0 &&
           (size >= least || (keep && qn_outside_tensor(v->tensor_origin)));
}

static bool lives(const struct quern_graph *g)
{
    for (; g->parent != NULL; g = g->parent->graph) {
        if (g->parent->erased) {
            return false;
        }
    }
    return g == g->model->graph; /* bodies of functions hold no initializers */
}

enum quern_code qn_outside_plan(struct quern_model *model,
                                struct qn_arena *arena, size_t least, bool keep,
                                struct qn_outside *plan)
{
    size_t n = model->next_value_id;
    plan->offsets = qn_arena_alloc_n(arena, n, sizeof *plan->offsets);
    plan->n_values = n;
    plan->size = 0;
    plan->location = NULL;
    if (plan->offsets == NULL) {
        return qn_no_memory(model->context);
    }
    memset(plan->offsets, 0xff, n * sizeof *plan->offsets);
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        if (!lives(g)) {
            continue;
        }
        for (struct quern_value *v = g->first_init; v; v = v->next_init) {
            if (!goes_out(v, least, keep)) {
                continue;
            }
            uint64_t step =
                quern_tensor_size(v->tensor) >= PAGE_FROM ? PAGE : LINE;
            plan->size = (plan->size + step - 1) / step * step;
            plan->offsets[v->id] = plan->size;
            plan->size += quern_tensor_size(v->tensor);
        }
    }
    return QUERN_OK;
}

/* -------------------------------------------------------------- writing */

static void put_weights(const struct quern_model *model,
                        const struct qn_outside *plan, struct qn_hashed *s)
{
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        for (struct quern_value *v = g->first_init; v; v = v->next_init) {
            if (v->id >= plan->n_values || plan->offsets[v->id] == UINT64_MAX) {
                continue;
            }
            qn_hashed_zeros(s, plan->offsets[v->id] - s->writer->written);
            qn_hashed_tensor(s, v->tensor);
            qn_progress(model->context, "writing weights", s->writer->written,
                        plan->size);
        }
    }
}

static enum quern_code check_name(struct quern_context *context,
                                  const char *path, const char *name)
{
    bool good = *name != '\0' && strchr(name, '/') == NULL &&
                strchr(name, '\\') == NULL && strcmp(name, ".") != 0 &&
                strcmp(name, "..") != 0 && strcmp(name, "-") != 0;
    const char *base = path + folder_size(path);
    if (good && strcmp(base, name) != 0) {
        return QUERN_OK;
    }
    return refuse(context, QUERN_INVALID_ARGUMENT, name,
                  good ? "data file has the name of the model file"
                       : "data file must be a name without folder");
}

enum quern_code qn_outside_write(struct quern_model *model,
                                 struct qn_arena *arena, const char *path,
                                 const char *name, struct qn_outside *plan)
{
    struct quern_context *context = model->context;
    const char *base = path + folder_size(path);
    enum quern_code code = QUERN_OK;
    if (name != NULL) {
        code = check_name(context, path, name);
    }
    char *location = name != NULL
                         ? qn_arena_strdup(arena, name)
                         : qn_arena_printf(arena, "%s.%08x.data", base, 0u);
    char *target = location != NULL ? beside(arena, path, location) : NULL;
    if (code == QUERN_OK && target == NULL) {
        code = qn_no_memory(context);
    }
    if (code == QUERN_OK) {
        code = check_target(context, target);
    }
    if (code == QUERN_OK && name != NULL) {
        code = spare_source(model, arena, path, target);
    }
    struct qn_writer *writer = &plan->writer;
    if (code == QUERN_OK) {
        code = qn_writer_open(writer, context, target);
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_hashed s = {writer, 0};
    put_weights(model, plan, &s);
    if (name == NULL) { /* now the hash is known: same length, other name */
        char hex[HEX + 1];
        snprintf(hex, sizeof hex, "%08x",
                 (unsigned)((s.hash ^ s.hash >> 32) & UINT32_MAX));
        memcpy(location + strlen(base) + 1, hex, HEX);
        memcpy(writer->path + strlen(writer->path) - HEX - 5, hex, HEX);
        code = check_target(context, writer->path);
    }
    if (code != QUERN_OK) {
        qn_writer_abort(writer);
        return code;
    }
    plan->is_new_file = access(writer->path, F_OK) != 0;
    code = qn_writer_seal(writer);
    plan->location = code == QUERN_OK ? location : NULL;
    return code;
}

void qn_outside_undo(const char *path, const struct qn_outside *plan)
{
    struct qn_arena arena = {0};
    char *target = plan->location != NULL && plan->is_new_file
                       ? beside(&arena, path, plan->location)
                       : NULL;
    if (target != NULL) {
        (void)unlink(target);
    }
    qn_arena_finish(&arena);
}

/* -------------------------------------------------------------- copying */

/* 1: the same bytes, 0: other ones, -1: no such file. */
static int compare(const char *path, const struct qn_buf *buf)
{
    struct stat info;
    unsigned char block[1 << 14];
    FILE *file = lstat(path, &info) == 0 ? fopen(path, "rbe") : NULL;
    if (file == NULL) {
        return lstat(path, &info) == 0 ? 0 : -1;
    }
    int same = S_ISREG(info.st_mode) && (size_t)info.st_size == buf->size;
    for (size_t at = 0; same == 1 && at < buf->size;) {
        size_t n = fread(block, 1, sizeof block, file);
        same = n > 0 && n <= buf->size - at &&
               memcmp(block, buf->data + at, n) == 0;
        at += n;
    }
    fclose(file);
    return same;
}

/* Folders of a location below that of the model. */
static bool make_folders(char *path, size_t from)
{
    for (char *at = strchr(path + from, '/'); at != NULL;
         at = strchr(at + 1, '/')) {
        *at = '\0';
        bool good = mkdir(path, 0777) == 0 || errno == EEXIST;
        *at = '/';
        if (!good) {
            return false;
        }
    }
    return true;
}

static enum quern_code copy_one(struct quern_context *context, char *target,
                                size_t from, const struct qn_external *e)
{
    int same = compare(target, e->buf);
    if (same == 1) {
        return QUERN_OK;
    }
    if (same == 0) {
        return refuse(context, QUERN_IO, target,
                      "external data would replace a file with other content");
    }
    if (!make_folders(target, from)) {
        return refuse(context, QUERN_IO, target, strerror(errno));
    }
    struct qn_writer writer;
    enum quern_code code = qn_writer_open(&writer, context, target);
    if (code != QUERN_OK) {
        return code;
    }
    qn_writer_put(&writer, e->buf->data, e->buf->size);
    return qn_writer_commit(&writer);
}

enum quern_code qn_outside_copy(struct quern_model *model, const char *path)
{
    struct qn_arena arena = {0};
    enum quern_code code = QUERN_OK;
    for (struct qn_external *e = model->externals;
         e != NULL && code == QUERN_OK; e = e->next) {
        char *target = beside(&arena, path, e->location);
        code = target != NULL
                   ? copy_one(model->context, target, folder_size(path), e)
                   : qn_no_memory(model->context);
    }
    qn_arena_finish(&arena);
    return code;
}

/* ------------------------------------------------------------- sweeping */

/* "NAME.0123abcd.data" */
static bool is_ours(const char *file, const char *base)
{
    size_t n = strlen(base);
    if (strncmp(file, base, n) != 0 || file[n] != '.' ||
        strlen(file) != n + 1 + HEX + 5) {
        return false;
    }
    return strspn(file + n + 1, "0123456789abcdef") == HEX &&
           strcmp(file + n + 1 + HEX, ".data") == 0;
}

/* Is there one at all? Most models are never read for this. */
static bool has_candidates(const char *path)
{
    char text[PATH_MAX];
    const char *folder = folder_of(path, text, sizeof text);
    const char *base = path + folder_size(path);
    DIR *list = folder != NULL ? opendir(folder) : NULL;
    bool found = false;
    for (struct dirent *e = list != NULL ? readdir(list) : NULL;
         e != NULL && !found; e = readdir(list)) {
        found = is_ours(e->d_name, base);
    }
    if (list != NULL) {
        closedir(list);
    }
    return found;
}

static void collect_ours(const struct quern_model *model, const char *base,
                         struct qn_arena *arena, struct qn_outside_names *out)
{
    size_t n = 0;
    for (const struct qn_external *e = model->externals; e; e = e->next) {
        n += is_ours(e->location, base);
    }
    out->items = qn_arena_alloc_n(arena, n + 1, sizeof *out->items);
    for (const struct qn_external *e = model->externals;
         e != NULL && out->items != NULL; e = e->next) {
        const char *copy = is_ours(e->location, base)
                               ? qn_arena_strdup(arena, e->location)
                               : NULL;
        if (copy != NULL) {
            out->items[out->n++] = copy;
        }
    }
}

void qn_outside_replaced(struct quern_context *context, const char *path,
                         struct qn_arena *arena,
                         struct qn_outside_names *out_names)
{
    *out_names = (struct qn_outside_names){NULL, 0};
    if (!has_candidates(path)) {
        return;
    }
    /* What is wrong with a model that goes away is nobody's concern. */
    struct quern_context quiet;
    struct quern_model *old = NULL;
    qn_context_init_child(&quiet, context);
    if (quern_model_open(&quiet, path, &old) == QUERN_OK) {
        collect_ours(old, path + folder_size(path), arena, out_names);
    }
    quern_model_destroy(&old);
    qn_context_finish_child(&quiet);
}

static bool is_needed(const char *name, const char *location,
                      const struct quern_model *keep)
{
    if (location != NULL && strcmp(name, location) == 0) {
        return true;
    }
    const struct qn_external *e = keep != NULL ? keep->externals : NULL;
    while (e != NULL && strcmp(e->location, name) != 0) {
        e = e->next;
    }
    return e != NULL;
}

void qn_outside_sweep(const char *path, const struct qn_outside_names *names,
                      const char *location, const struct quern_model *keep)
{
    struct qn_arena arena = {0};
    for (size_t i = 0; i < names->n; i++) {
        char *target = is_needed(names->items[i], location, keep)
                           ? NULL
                           : beside(&arena, path, names->items[i]);
        if (target != NULL) {
            (void)unlink(target);
        }
    }
    qn_arena_finish(&arena);
}
