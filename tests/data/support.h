/* What the tests of this room share: bytes of .npy and .npz files, files in a
 * folder that is removed afterwards, inputs of a model. */
#ifndef QUERN_TESTS_DATA_SUPPORT_H
#define QUERN_TESTS_DATA_SUPPORT_H

#include <quern/quern.h>

#include "qtest.h"

#include <stdint.h>

struct bytes {
    unsigned char *data;
    size_t size;
    size_t room;
};

void put(struct bytes *b, const void *data, size_t size);
void put_number(struct bytes *b, uint64_t value, unsigned size);

/** An array: header of `version` with the given dict, then `size` bytes. */
void put_npy(struct bytes *b, int version, const char *dict, const void *data,
             size_t size);

struct zip {
    struct bytes file;
    struct bytes central;
    unsigned n;
};

enum zip_kind {
    ZIP_STORED,
    ZIP_DEFLATED,
    ZIP_64,        /* stored, sizes and place in the zip64 extra field */
    ZIP_ENCRYPTED, /* the flag only */
    ZIP_BZIP2,     /* the method only */
    ZIP_BAD_CRC,
};

void zip_add(struct zip *z, enum zip_kind kind, const char *name,
             const struct bytes *content);
/** As zip_add() of a deflated entry, but the directory claims `size` bytes. */
void zip_add_claiming(struct zip *z, const char *name,
                      const struct bytes *content, uint64_t size);
void zip_end(struct zip *z, bool zip64);

extern struct quern_context *context;

/** Fixtures: a context, a folder, a model to make inputs in. */
void begin(void);
void finish(void);

/** Path of a file or folder below the test's folder. */
const char *place(const char *name);
void write_bytes(const char *name, const struct bytes *b);

/** An input; dims end with -2, -1 stands for a size that is not known. */
struct quern_value *input(const char *name, enum quern_dtype dtype,
                          const int64_t *dims);

/** Open place(name); the message of the error is kept for said(). */
enum quern_code open_data(const char *name, struct quern_value **inputs,
                          size_t n, struct quern_data **out);

/** The stored error without the folder's path; "" when there is none. Forgets
 * it. */
const char *said(void);

#define DIMS(...)                                                              \
    (const int64_t[])                                                          \
    {                                                                          \
        __VA_ARGS__, -2                                                        \
    }

#endif
