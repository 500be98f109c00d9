/* Loading plugins: shared objects from an explicit path, never unloaded, since
 * reports and stacks keep pointers into them. */
#include "pass/pass.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef const struct quern_plugin *(*entry_fn)(const struct quern_host *host);

/* dlopen() looks in the system's folders for a name without a slash. */
static const char *full_path(struct qn_arena *arena, const char *path)
{
    return strchr(path, '/') != NULL ? path
                                     : qn_arena_printf(arena, "./%s", path);
}

/* A regular file: opening a FIFO would wait for its writer. */
static enum quern_code look_at(struct quern_context *context, const char *path,
                               struct stat *out_info)
{
    if (stat(path, out_info) != 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "plugin cannot be opened: %s", strerror(errno));
    }
    return S_ISREG(out_info->st_mode)
               ? QUERN_OK
               : quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                            "is no regular file, needs a shared object");
}

/* Bytes that the segments of a shared object need to lie in the file; 0: its
 * header says nothing of the kind, and dlopen() has its word. */
static uint64_t bytes_needed(int fd)
{
    ElfW(Ehdr) head;
    uint64_t most = 0;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_phentsize != sizeof(ElfW(Phdr))) {
        return 0;
    }
    for (int i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) part;
        uint64_t at = head.e_phoff + (uint64_t)i * sizeof part;
        if (at > INT64_MAX ||
            pread(fd, &part, sizeof part, (off_t)at) != (ssize_t)sizeof part) {
            return at <= INT64_MAX ? at + sizeof part : at;
        }
        uint64_t end = part.p_offset + part.p_filesz;
        end = end < part.p_offset ? UINT64_MAX : end;
        most = part.p_type == PT_LOAD && end > most ? end : most;
    }
    return most;
}

/* dlopen() maps what the header promises: where the file ends before that, it
 * dies of a signal. */
static enum quern_code look_whole(struct quern_context *context,
                                  const char *path, const struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "plugin cannot be opened: %s", strerror(errno));
    }
    uint64_t needed = bytes_needed(fd);
    close(fd);
    return needed <= (uint64_t)info->st_size
               ? QUERN_OK
               : quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                            "is cut short: %lld bytes are there, its header "
                            "needs %llu",
                            (long long)info->st_size,
                            (unsigned long long)needed);
}

static enum quern_code open_object(struct quern_context *context,
                                   const char *path, entry_fn *out_entry)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        const char *why = dlerror();
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL, "%s",
                          why != NULL ? why : "cannot be loaded");
    }
    void *symbol = dlsym(object, "quern_plugin_entry");
    if (symbol == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "has no symbol quern_plugin_entry: it is no plugin "
                          "of quern");
    }
    memcpy(out_entry, &symbol, sizeof *out_entry); /* as POSIX has it */
    return QUERN_OK;
}

static enum quern_code load(struct quern_context *context, const char *path)
{
    /* Plugins may keep the pointer. */
    static const struct quern_host host = {sizeof host, QUERN_ABI,
                                           QUERN_VERSION};
    struct stat info;
    entry_fn entry = NULL;
    enum quern_code code = look_at(context, path, &info);
    if (code != QUERN_OK || qn_registry_has_file(context, &info)) {
        return code;
    }
    code = look_whole(context, path, &info);
    if (code == QUERN_OK) {
        code = open_object(context, path, &entry);
    }
    if (code != QUERN_OK) {
        return code;
    }
    const struct quern_plugin *plugin = entry(&host);
    if (plugin == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "plugin says that it cannot serve quern %s (ABI %d)",
                          quern_version(), QUERN_ABI);
    }
    return qn_registry_add(context, path, &info, plugin);
}

enum quern_code qn_plugin_load(struct quern_context *context, const char *path,
                               const struct quern_place *place)
{
    struct qn_arena arena = {0};
    const char *full = full_path(&arena, path);
    enum quern_code code =
        full != NULL ? load(context, full) : qn_no_memory(context);
    if (code != QUERN_OK && full != NULL) {
        struct quern_place where = QUERN_PLACE_NONE;
        where.stage = "plugin";
        where.file = full;
        quern_error_place(context, &where);
        if (place != NULL && place->file != NULL) {
            quern_note(context, place, "plugin '%s' is asked for here", path);
        }
    }
    qn_arena_finish(&arena);
    return code;
}

enum quern_code quern_plugin_load(struct quern_context *context,
                                  const char *path)
{
    return qn_plugin_load(context, path, NULL);
}
