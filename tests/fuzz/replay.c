/* Runs the files given, and all files of the folders given, through a target;
 * then every file again with each eighth of its bytes cut off or changed. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned n_inputs;

/* A copy of the exact size, so that sanitizers see a read behind its end. */
static void try(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        exit(2);
    }
    for (size_t i = 0; i < size; i++) {
        copy[i] = data[i];
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    n_inputs++;
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    size_t size = fread(data, 1, 1 << 20, f);
    fclose(f);
    try(data, size);
    for (size_t k = 0; k < 8; k++) {
        size_t at = size * k / 8;
        try(data, at);
        if (at < size) {
            uint8_t was = data[at];
            data[at] = (uint8_t)~was;
            try(data, size);
            data[at] = was;
        }
    }
    free(data);
}

static void run_folder(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') {
            run_file(file);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            run_folder(argv[i]);
        } else {
            run_file(argv[i]);
        }
    }
    printf("%u inputs\n", n_inputs);
    return n_inputs > 0 ? 0 : 1;
}
