/* Put before the C library by LD_PRELOAD: the oneDNN module gets no memory. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *__libc_calloc(size_t n, size_t size);

void *calloc(size_t n, size_t size)
{
    Dl_info caller;
    if (dladdr(__builtin_return_address(0), &caller) != 0 &&
        caller.dli_fname != NULL &&
        strstr(caller.dli_fname, "quern-onednn") != NULL) {
        return NULL;
    }
    return __libc_calloc(n, size);
}
