/* Bytes of small models for the tests of io, made field by field. */
#ifndef QUERN_TESTS_IO_SUPPORT_H
#define QUERN_TESTS_IO_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

/** Growing bytes of a protobuf message. Zero-initialised it is empty. */
struct wire {
    unsigned char bytes[1 << 14];
    size_t size;
};

void wire_int(struct wire *w, unsigned field, unsigned long long value);
void wire_bytes(struct wire *w, unsigned field, const void *data, size_t size);
void wire_text(struct wire *w, unsigned field, const char *text);
void wire_message(struct wire *w, unsigned field, const struct wire *inner);

/** A node with up to two inputs (NULL: none) and one output. */
void wire_node(struct wire *graph, const char *op, const char *a, const char *b,
               const char *out);
/** A float input (field 11) or output (field 12) of [2]. */
void wire_info(struct wire *graph, unsigned field, const char *name);
/** x → Relu → y around what `extra` adds to the graph; opset 17, IR 8. */
void wire_model(struct wire *model, const struct wire *extra);

/** A fresh folder, removed with all in it by wire_remove(). */
const char *wire_folder(void);
void wire_remove(const char *folder);
/** Write a file of that name in the folder; its path, borrowed for a while. */
const char *wire_write(const char *folder, const char *name, const void *data,
                       size_t size);
/** Path of a name in a folder; one of 16 places in turn. */
const char *wire_path(const char *folder, const char *name);
/** The files hold the same bytes. */
bool wire_same(const char *a, const char *b);

#endif
