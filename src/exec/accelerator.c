/* Loading the accelerator of the embedded engine, and its kernels by operator
 * and shape. */
#include "exec/accelerator.h"

#include "exec/conv_rows.h"
#include "exec/heavy.h"
#include "exec/prepare.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, MAX_KERNELS = 32 };

/* ---------------------------------------------------------------- module */

static const char module_name[] = "quern-onednn.so";

#if QN_HAVE_ONEDNN
/* The module lies beside the library: installed in a folder of its own, in a
 * build tree where the build put it. The last place is a whole path. */
static const char *const places[] = {"quern/", "exec/", "../src/exec/", "",
                                     QN_MODULE_DIR "/"};

static void *open_at(const char *place, char *why, size_t size)
{
    Dl_info self;
    char path[PATH_SIZE];
    bool is_whole = *place == '/';
    const char *slash = NULL;
    if (!is_whole && dladdr((const void *)module_name, &self) != 0 &&
        self.dli_fname != NULL) {
        slash = strrchr(self.dli_fname, '/');
    }
    int len = slash != NULL ? (int)(slash - self.dli_fname) + 1 : 0;
    int n = snprintf(path, sizeof path, "%.*s%s%s", len,
                     slash != NULL ? self.dli_fname : "", place, module_name);
    /* A name without a folder would be looked for in the system's places. */
    if (n <= 0 || n >= PATH_SIZE || strchr(path, '/') == NULL ||
        access(path, F_OK) != 0) {
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) {
        const char *error = dlerror();
        snprintf(why, size, "%s", error != NULL ? error : "cannot be loaded");
    }
    return handle;
}

/* QUERN_OK; _NO_MEMORY; else `why` says why plain C has to do. */
static enum quern_code load(struct quern_engine *e, char *why, size_t size)
{
    void *handle = NULL;
    snprintf(why, size, "not beside the library, nor in " QN_MODULE_DIR);
    for (size_t i = 0; handle == NULL && i < sizeof places / sizeof *places;
         i++) {
        handle = open_at(places[i], why, size);
    }
    if (handle == NULL) {
        return QUERN_NOT_FOUND;
    }
    qn_accelerator_entry_fn entry = NULL;
    void *symbol = dlsym(handle, "qn_accelerator_entry");
    memcpy(&entry, &symbol, sizeof entry);
    const struct qn_accelerator *a = entry != NULL ? entry() : NULL;
    bool is_ours = a != NULL && a->abi == QN_ACCELERATOR_ABI;
    void *state = NULL;
    enum qn_opened opened =
        is_ours ? a->open(e->kernels->name, &state) : QN_OPEN_NOT_HERE;
    if (opened != QN_OPENED) {
        snprintf(why, size, "%s",
                 is_ours ? "cannot work on this processor"
                         : "of another version of quern");
        dlclose(handle);
        return opened == QN_OPEN_NO_MEMORY ? QUERN_NO_MEMORY : QUERN_NOT_FOUND;
    }
    /* oneDNN runs on OpenMP; samples run in parallel here, so each thread gets
     * one OpenMP thread. The module is never unloaded while the process runs:
     * OpenMP's threads would not survive that. */
    symbol = dlsym(handle, "omp_set_num_threads");
    memcpy(&e->one_thread, &symbol, sizeof e->one_thread);
    e->accelerator = a;
    e->accelerator_state = state;
    return QUERN_OK;
}
#else
static enum quern_code load(struct quern_engine *e, char *why, size_t size)
{
    (void)e;
    snprintf(why, size, "quern was built without oneDNN");
    return QUERN_NOT_FOUND;
}
#endif

enum quern_code qn_accelerator_open(struct quern_engine *engine,
                                    const char *backend)
{
    bool plain = backend != NULL && strcmp(backend, "plain") == 0;
    bool onednn = backend != NULL && strcmp(backend, "onednn") == 0;
    if (backend != NULL && !plain && !onednn) {
        return quern_fail(engine->context, QUERN_NOT_FOUND, NULL,
                          "engine backend '%s' is unknown, have: onednn, plain",
                          backend);
    }
    char why[1024] = "";
    enum quern_code code =
        plain ? QUERN_NOT_FOUND : load(engine, why, sizeof why);
    if (code == QUERN_NO_MEMORY) {
        return qn_no_memory(engine->context); /* plain C is no way out */
    }
    bool loaded = code == QUERN_OK;
    /* oneDNN's kernels for AVX-512 are as good, those for AVX2 are not. */
    if (!plain && (!loaded || strcmp(engine->kernels->name, "v3") == 0)) {
        engine->own = &qn_conv_rows_maker;
    }
    if (onednn && !loaded) {
        return quern_fail(engine->context, QUERN_NOT_FOUND, NULL,
                          "engine backend 'onednn': module %s: %s", module_name,
                          why);
    }
    if (QN_HAVE_ONEDNN && !plain && !loaded) {
        quern_warn(engine->context, NULL,
                   "engine module %s: %s; runs in plain C take several times "
                   "as long and give other last digits",
                   module_name, why);
    }
    if (loaded) {
        snprintf(engine->description, sizeof engine->description,
                 "embedded (%s %s, x86-64-%s)", engine->accelerator->name,
                 engine->accelerator->version, engine->kernels->name);
    } else {
        snprintf(engine->description, sizeof engine->description,
                 "embedded (plain C, x86-64-%s)", engine->kernels->name);
    }
    return QUERN_OK;
}

void qn_accelerator_close(struct quern_engine *engine)
{
    if (engine->accelerator != NULL) {
        engine->accelerator->close(engine->accelerator_state);
    }
}

/* --------------------------------------------------------------- kernels */

void qn_heavy_init(struct qn_heavy *heavy, struct qn_slabs *slabs,
                   const void *weights, size_t len)
{
    memset(heavy, 0, sizeof *heavy);
    heavy->slabs = slabs;
    heavy->weights = weights;
    heavy->len = len;
    pthread_mutex_init(&heavy->lock, NULL);
}

static void destroy_made(struct qn_heavy *heavy, struct qn_made *made)
{
    if (made->packed != NULL && --made->packed->count == 0) {
        qn_slab_give(heavy->slabs, made->packed->slab);
        qn_free(made->packed);
    }
    if (made->kernel != NULL) {
        made->by->kernel_destroy(made->kernel);
    }
    qn_free(made);
}

void qn_heavy_finish(struct qn_heavy *heavy)
{
    while (heavy->first != NULL) {
        struct qn_made *next = heavy->first->next;
        destroy_made(heavy, heavy->first);
        heavy->first = next;
    }
    pthread_mutex_destroy(&heavy->lock);
}

/* Kernels read floats at their own address; packing takes any. */
static bool lies_well(const struct qn_heavy *heavy)
{
    return (uintptr_t)heavy->weights % sizeof(float) == 0;
}

/* Packed weights: those of another shape if they are packed alike. What is read
 * as it lies is copied where it lies badly. */
static bool pack(const struct qn_heavy *heavy, struct qn_made *made)
{
    const struct qn_accelerator *a = made->by;
    size_t size = a->packed_size(made->kernel);
    bool copies = size == 0;
    if (heavy->weights == NULL || (copies && lies_well(heavy))) {
        return true;
    }
    size = copies ? heavy->len * sizeof(float) : size;
    for (const struct qn_made *m = heavy->first; m != NULL; m = m->next) {
        if (m->by == a && m->packed != NULL &&
            a->same_packing(m->kernel, made->kernel)) {
            made->packed = m->packed;
            made->packed->count++;
            return true;
        }
    }
    made->packed = qn_calloc(sizeof *made->packed);
    if (made->packed == NULL) {
        return false;
    }
    made->packed->count = 1;
    made->packed->len = size / sizeof(float);
    made->packed->data = qn_slab_take(heavy->slabs, size, &made->packed->slab);
    if (copies && made->packed->data != NULL) {
        memcpy(made->packed->data, heavy->weights, size);
        return true;
    }
    return made->packed->data != NULL &&
           a->pack(made->state, made->kernel, heavy->weights,
                   made->packed->data);
}

/* A kernel by one of those who make them; made->kernel stays NULL if it has
 * none. */
static void ask(struct qn_made *made, const struct qn_accelerator *by,
                void *state)
{
    if (made->kernel == NULL && by != NULL) {
        made->by = by;
        made->state = state;
        made->kernel = by->conv(state, &made->shape);
    }
}

static struct qn_made *make(struct quern_engine *e, struct qn_heavy *heavy,
                            const struct qn_conv_shape *shape)
{
    struct qn_made *made = qn_calloc(sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->shape = *shape;
    /* Only read, though an accelerator's state may be written. */
    ask(made, e->own, (void *)(uintptr_t)e->kernels);
    ask(made, e->accelerator, e->accelerator_state);
    if (made->kernel == NULL || !pack(heavy, made)) {
        destroy_made(heavy, made);
        return NULL;
    }
    made->next = heavy->first;
    heavy->first = made;
    return made;
}

/* Shapes that no runner holds go when there are many. */
static void evict(struct qn_heavy *heavy)
{
    int n = 0;
    for (struct qn_made **at = &heavy->first; *at != NULL;) {
        struct qn_made *made = *at;
        if (++n > MAX_KERNELS && made->refs == 0) {
            *at = made->next;
            destroy_made(heavy, made);
        } else {
            at = &made->next;
        }
    }
}

struct qn_made *qn_heavy_get(struct quern_engine *e, struct qn_heavy *heavy,
                             const struct qn_conv_shape *shape)
{
    pthread_mutex_lock(&heavy->lock);
    struct qn_made *made = heavy->first;
    while (made != NULL && memcmp(&made->shape, shape, sizeof *shape) != 0) {
        made = made->next;
    }
    if (made == NULL) {
        evict(heavy);
        made = make(e, heavy, shape);
    }
    if (made != NULL) {
        made->refs++;
    }
    pthread_mutex_unlock(&heavy->lock);
    return made;
}

void qn_heavy_put(struct qn_heavy *heavy, struct qn_made *made)
{
    pthread_mutex_lock(&heavy->lock);
    made->refs--;
    pthread_mutex_unlock(&heavy->lock);
}
