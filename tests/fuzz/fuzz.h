/* What the fuzz targets share. A target defines LLVMFuzzerTestOneInput(); with
 * the option `fuzzing` it is linked with libFuzzer, else with replay.c, so that
 * corpora run as ordinary tests. */
#ifndef QUERN_TESTS_FUZZ_FUZZ_H
#define QUERN_TESTS_FUZZ_FUZZ_H

#include <quern/quern.h>

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A context of one thread and 64 MiB. */
struct quern_context *fuzz_context(void);

/** Abort unless the code is one that input may cause, with an error that says
 * why; forgets the error. */
void fuzz_judge(struct quern_context *context, enum quern_code code);

/** A file without a name that holds the bytes: its path, and the descriptor to
 * close. */
int fuzz_file(const uint8_t *data, size_t size, char *out_path, size_t room);

/** Path of a file for output, the same for the whole process. */
const char *fuzz_output(void);

#endif
