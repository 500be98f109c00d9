/* Finding and opening the library of ONNX Runtime, and its errors as ours. */
#include "exec/ort.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The table is made of pointers: a slot lies at its number times their size. */
#define AT(member, slot)                                                       \
    _Static_assert(                                                            \
        offsetof(struct ort_api, member) == (slot) * sizeof(ort_gap), #member)
AT(error_code, 1);
AT(create_env, 3);
AT(create_session, 8);
AT(create_session_options, 10);
AT(set_severity, 22);
AT(add_domain, 28);
AT(create_run_options, 39);
AT(set_terminate, 46);
AT(create_tensor, 48);
AT(wrap_tensor, 49);
AT(tensor_data, 51);
AT(strings, 54);
AT(shape_type, 60);
AT(shape_dims, 62);
AT(tensor_shape, 65);
AT(value_kind, 67);
AT(create_cpu_memory, 69);
AT(default_allocator, 78);
AT(attribute_int, 86);
AT(kernel_input, 90);
AT(release_env, 92);
AT(release_run_options, 97);
AT(release_shape, 99);
AT(release_domain, 101);
AT(add_external_initializers, 210);
#undef AT

struct search {
    struct quern_context *context;
    struct qn_ort_library *library;
    struct qn_arena arena;
    const char *why; /* the first library that was there will not do; NULL:
                        none was there */
    bool no_memory;
};

/* ------------------------------------------------------------------ open */

static void say_why(struct search *s, const char *path, const char *why)
{
    /* The loader's reasons begin with the path where it has one. */
    if (s->why == NULL) {
        s->why = strncmp(why, path, strlen(path)) == 0
                     ? qn_arena_strdup(&s->arena, why)
                     : qn_arena_printf(&s->arena, "%s: %s", path, why);
    }
}

/* The table of the least version that has what is called. No version is asked
 * for that the library does not have: it would complain on standard error. */
static bool get_table(struct search *s, const struct ort_api_base *base)
{
    struct qn_ort_library *l = s->library;
    const char *version = base->version();
    int major = 0;
    int minor = 0;
    if (version == NULL || sscanf(version, "%d.%d", &major, &minor) != 2) {
        major = 1;
        minor = QN_ORT_API_LEAST;
    }
    snprintf(l->version, sizeof l->version, "%s",
             version != NULL ? version : "of unknown version");
    bool is_old = major < 1 || (major == 1 && minor < QN_ORT_API_LEAST);
    l->api_version = major > 1 || minor >= QN_ORT_API_LENT ? QN_ORT_API_LENT
                                                           : QN_ORT_API_LEAST;
    l->api = is_old ? NULL : base->get_api(l->api_version);
    return l->api != NULL;
}

static bool enter(struct search *s, const char *path)
{
    struct qn_ort_library *l = s->library;
    ort_entry_fn entry = NULL;
    void *symbol = dlsym(l->handle, "OrtGetApiBase");
    Dl_info info;
    memcpy(&entry, &symbol, sizeof entry);
    const struct ort_api_base *base = entry != NULL ? entry() : NULL;
    if (base == NULL) {
        say_why(s, path,
                "it is no library of ONNX Runtime: it does not offer "
                "OrtGetApiBase");
        return false;
    }
    if (!get_table(s, base)) {
        const char *why = qn_arena_printf(
            &s->arena,
            "it is ONNX Runtime %s, without version %d of the C interface; "
            "needs 1.%d or newer",
            l->version, QN_ORT_API_LEAST, QN_ORT_API_LEAST);
        say_why(s, path, why != NULL ? why : "it is too old");
        return false;
    }
    l->path = qn_strdup(dladdr(symbol, &info) != 0 && info.dli_fname != NULL
                            ? info.dli_fname
                            : path);
    s->no_memory = l->path == NULL;
    return l->path != NULL;
}

/* Try one library. Its threads and its destructors would not survive that it
 * is unloaded, so one that works stays in the process. */
static bool try_library(struct search *s, const char *path)
{
    struct qn_ort_library *l = s->library;
    l->handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (l->handle == NULL) {
        const char *why = dlerror();
        bool is_absent = strchr(path, '/') == NULL &&
                         (why == NULL || strstr(why, "No such file") != NULL);
        if (!is_absent) {
            say_why(s, path, why != NULL ? why : "it cannot be loaded");
        }
        return false;
    }
    if (!enter(s, path)) {
        qn_ort_library_close(l);
        return false;
    }
    void *again = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (again != NULL) {
        dlclose(again);
    }
    return true;
}

void qn_ort_library_close(struct qn_ort_library *library)
{
    if (library->handle != NULL) {
        dlclose(library->handle);
    }
    qn_free(library->path);
    memset(library, 0, sizeof *library);
}

/* ---------------------------------------------------------------- search */

static const char *const names[] = {"libonnxruntime.so.1", "libonnxruntime.so"};

static const char *const *places_of(const struct quern_context *context)
{
    while (context->parent != NULL) {
        context = context->parent;
    }
    return context->engine_places;
}

static bool try_pattern(struct search *s, const char *pattern)
{
    glob_t found = {0};
    bool good = false;
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = found.gl_pathc; i > 0 && !good; i--) {
            good = try_library(s, found.gl_pathv[i - 1]);
        }
    }
    globfree(&found);
    return good;
}

/* Everything that was tried, in one line. */
static enum quern_code not_found(struct search *s)
{
    const char *const *patterns = places_of(s->context);
    const char *places = "";
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        const char *more =
            qn_arena_printf(&s->arena, "%s%s%s", places,
                            i > 0 ? ", " : "; nor at ", patterns[i]);
        places = more != NULL ? more : places;
    }
    if (s->why != NULL) {
        return quern_fail(s->context, QUERN_UNSUPPORTED, NULL,
                          "ONNX Runtime cannot be used: %s; --ort-lib or "
                          "QUERN_ORT_LIB names another library",
                          s->why);
    }
    return quern_fail(
        s->context, QUERN_UNSUPPORTED, NULL,
        "ONNX Runtime is not there: neither %s nor %s where the system looks "
        "for libraries%s; install it (pip install onnxruntime) or name its "
        "library by --ort-lib or QUERN_ORT_LIB",
        names[0], names[1], places);
}

/* A name without a folder that lies here is a file, not a name to look for. */
static enum quern_code open_named(struct search *s, const char *path)
{
    if (strchr(path, '/') == NULL && access(path, F_OK) == 0) {
        path = qn_arena_printf(&s->arena, "./%s", path);
        if (path == NULL) {
            return qn_no_memory(s->context);
        }
    }
    if (try_library(s, path)) {
        return QUERN_OK;
    }
    if (s->no_memory) {
        return qn_no_memory(s->context);
    }
    return quern_fail(s->context, QUERN_UNSUPPORTED, NULL,
                      "ONNX Runtime cannot be used: %s%s",
                      s->why != NULL ? s->why : path,
                      s->why != NULL ? "" : " is not there");
}

static enum quern_code open_usual(struct search *s)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (try_library(s, names[i])) {
            return QUERN_OK;
        }
    }
    const char *const *patterns = places_of(s->context);
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (try_pattern(s, patterns[i])) {
            return QUERN_OK;
        }
    }
    return s->no_memory ? qn_no_memory(s->context) : not_found(s);
}

enum quern_code qn_ort_library_open(struct quern_context *context,
                                    const char *path,
                                    struct qn_ort_library *out_library)
{
    struct search s = {.context = context, .library = out_library};
    memset(out_library, 0, sizeof *out_library);
    enum quern_code code = path != NULL ? open_named(&s, path) : open_usual(&s);
    qn_arena_finish(&s.arena);
    return code;
}

/* ---------------------------------------------------------------- errors */

enum quern_code qn_ort_check(struct quern_context *context,
                             const struct ort_api *api,
                             struct ort_status *status,
                             const struct quern_place *place,
                             enum quern_code code)
{
    static const char *const kinds[] = {
        "ok",           "fail",          "invalid argument",
        "no such file", "no model",      "engine error",
        "exception",    "bad protobuf",  "model loaded",
        "unsupported",  "invalid graph", "execution provider failed",
    };
    if (status == NULL) {
        return QUERN_OK;
    }
    int number = api->error_code(status);
    const char *text = api->error_message(status);
    text = text != NULL ? text : "";
    /* Kernels that meet a case which they lack end with a plain "fail". */
    if (number == ORT_NOT_IMPLEMENTED || number == ORT_FAIL) {
        code = QUERN_UNSUPPORTED;
    } else if (strstr(text, "bad_alloc") != NULL ||
               strstr(text, "Failed to allocate memory") != NULL) {
        code = QUERN_NO_MEMORY;
    }
    int len = (int)strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '.')) {
        len--;
    }
    bool known = number >= 0 && (size_t)number < sizeof kinds / sizeof *kinds;
    code = quern_fail(context, code, place,
                      "ONNX Runtime ends with code %d (%s): %.*s", number,
                      known ? kinds[number] : "unknown", len, text);
    api->release_status(status);
    return code;
}
