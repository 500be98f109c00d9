/* See fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Files of these programs need not survive a power cut. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

struct quern_context *fuzz_context(void)
{
    struct quern_context_options o = {
        .struct_size = sizeof o, .n_threads = 1, .max_memory = 64 << 20};
    struct quern_context *context = NULL;
    if (quern_context_create(&o, &context) != QUERN_OK) {
        abort();
    }
    return context;
}

void fuzz_judge(struct quern_context *context, enum quern_code code)
{
    char line[4096] = "no error is stored";
    if (code == QUERN_OK) {
        return;
    }
    const struct quern_message *error = quern_error(context);
    size_t size =
        error != NULL ? quern_message_format(error, line, sizeof line) : 0;
    if (size < 20 || strchr(line, '\n') != NULL || code == QUERN_INTERNAL ||
        code == QUERN_NO_MEMORY) {
        fprintf(stderr, "code '%s': %s\n", quern_code_name(code), line);
        abort();
    }
    quern_clear(context);
}

int fuzz_file(const uint8_t *data, size_t size, char *out_path, size_t room)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    snprintf(out_path, room, "/proc/self/fd/%d", fd);
    return fd;
}

static char output[64];

static void remove_output(void)
{
    unlink(output);
}

const char *fuzz_output(void)
{
    if (output[0] == '\0') {
        snprintf(output, sizeof output, P_tmpdir "/quern-fuzz-%ld.onnx",
                 (long)getpid());
        atexit(remove_output);
    }
    return output;
}
