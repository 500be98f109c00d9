/* Where the library of ONNX Runtime may lie: in the package of a Python, which
 * is how most people have it. Nothing is run and little is looked at: these
 * are patterns, tried when the library is needed. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below the folder that holds the packages. */
static const char library[] = "onnxruntime/capi/libonnxruntime.so*";

/* Append FOLDER/BEHIND/LIBRARY; characters of the folder that patterns give a
 * meaning stand for themselves. Without memory there is one place less. */
static void add(struct cli *cli, const char *folder, size_t len,
                const char *behind)
{
    char *place =
        malloc(2 * len + strlen(behind) + sizeof library + sizeof "//");
    char **grown = realloc(cli->places, (cli->n_places + 2) * sizeof(char *));
    if (grown != NULL) {
        cli->places = grown;
    }
    if (place == NULL || grown == NULL) {
        free(place);
        return;
    }
    char *at = place;
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[\\", folder[i]) != NULL) {
            *at++ = '\\';
        }
        *at++ = folder[i];
    }
    sprintf(at, "/%s/%s", behind, library);
    cli->places[cli->n_places++] = place;
    cli->places[cli->n_places] = NULL;
}

static void add_variable(struct cli *cli, const char *name, const char *behind)
{
    const char *folder = getenv(name);
    if (folder != NULL && *folder != '\0') {
        add(cli, folder, strlen(folder), behind);
    }
}

/* The Python in a folder of programs, and the one that it is a link to. */
static bool add_python(struct cli *cli, const char *folder, size_t len)
{
    static const char packages[] = "../lib/python3*/site-packages";
    char path[4096];
    if (len + sizeof "/python3" > sizeof path) {
        return false;
    }
    snprintf(path, sizeof path, "%.*s/python3", (int)len, folder);
    if (access(path, X_OK) != 0) {
        return false;
    }
    bool is_pyenv = len > 6 && strncmp(folder + len - 6, "/shims", 6) == 0;
    add(cli, folder, len,
        is_pyenv ? "../versions/*/lib/python3*/site-packages" : packages);
    char *real = realpath(path, NULL);
    char *slash = real != NULL ? strrchr(real, '/') : NULL;
    size_t real_len = slash != NULL ? (size_t)(slash - real) : 0;
    if (real_len > 0 && (real_len != len || strncmp(real, folder, len) != 0)) {
        add(cli, real, real_len, packages);
    }
    free(real);
    return true;
}

void cli_find_places(struct cli *cli)
{
    static const char packages[] = "lib/python3*/site-packages";
    static const char usr[] = "/usr";
    const char *path = getenv("PATH");
    bool found = false;
    add_variable(cli, "VIRTUAL_ENV", packages);
    add_variable(cli, "CONDA_PREFIX", packages);
    while (path != NULL && *path != '\0' && !found) {
        size_t len = strcspn(path, ":");
        found = len > 0 && add_python(cli, path, len);
        path += len + (path[len] == ':' ? 1 : 0);
    }
    add_variable(cli, "HOME", ".local/lib/python3*/site-packages");
    add(cli, usr, sizeof usr - 1, "local/lib/python3*/dist-packages");
    add(cli, usr, sizeof usr - 1, "lib/python3/dist-packages");
    cli->options.engine_places = (const char *const *)cli->places;
}

void cli_free_places(struct cli *cli)
{
    for (size_t i = 0; i < cli->n_places; i++) {
        free(cli->places[i]);
    }
    free(cli->places);
    cli->places = NULL;
    cli->n_places = 0;
}
