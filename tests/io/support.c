/* Bytes of small models for the tests of io. */
#include "support.h"

#include "qtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct wire *w, const void *data, size_t size)
{
    ck_assert_uint_le(w->size + size, sizeof w->bytes);
    memcpy(w->bytes + w->size, data, size);
    w->size += size;
}

static void varint(struct wire *w, unsigned long long value)
{
    do {
        unsigned char byte =
            (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        put(w, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

void wire_int(struct wire *w, unsigned field, unsigned long long value)
{
    varint(w, (unsigned long long)field << 3);
    varint(w, value);
}

void wire_bytes(struct wire *w, unsigned field, const void *data, size_t size)
{
    varint(w, (unsigned long long)field << 3 | 2);
    varint(w, size);
    put(w, data, size);
}

void wire_text(struct wire *w, unsigned field, const char *text)
{
    wire_bytes(w, field, text, strlen(text));
}

void wire_message(struct wire *w, unsigned field, const struct wire *inner)
{
    wire_bytes(w, field, inner->bytes, inner->size);
}

void wire_node(struct wire *graph, const char *op, const char *a, const char *b,
               const char *out)
{
    struct wire node = {.size = 0};
    if (a != NULL) {
        wire_text(&node, 1, a);
    }
    if (b != NULL) {
        wire_text(&node, 1, b);
    }
    wire_text(&node, 2, out);
    wire_text(&node, 4, op);
    wire_message(graph, 1, &node);
}

void wire_info(struct wire *graph, unsigned field, const char *name)
{
    struct wire info = {.size = 0};
    struct wire type = {.size = 0};
    struct wire tensor = {.size = 0};
    struct wire shape = {.size = 0};
    struct wire dim = {.size = 0};
    wire_int(&dim, 1, 2);
    wire_message(&shape, 1, &dim);
    wire_int(&tensor, 1, 1);
    wire_message(&tensor, 2, &shape);
    wire_message(&type, 1, &tensor);
    wire_text(&info, 1, name);
    wire_message(&info, 2, &type);
    wire_message(graph, field, &info);
}

void wire_model(struct wire *model, const struct wire *extra)
{
    struct wire graph = {.size = 0};
    struct wire opset = {.size = 0};
    wire_node(&graph, "Relu", "x", NULL, "y");
    wire_text(&graph, 2, "g");
    if (extra != NULL) {
        put(&graph, extra->bytes, extra->size);
    }
    wire_info(&graph, 11, "x");
    wire_info(&graph, 12, "y");
    wire_int(&opset, 2, 17);
    model->size = 0;
    wire_int(model, 1, 8);
    wire_message(model, 7, &graph);
    wire_message(model, 8, &opset);
}

/* ---------------------------------------------------------------- files */

const char *wire_path(const char *folder, const char *name)
{
    static char paths[16][512];
    static size_t next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *wire_folder(void)
{
    static char folder[64];
    snprintf(folder, sizeof folder, "quern-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

void wire_remove(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

const char *wire_write(const char *folder, const char *name, const void *data,
                       size_t size)
{
    const char *path = wire_path(folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

bool wire_same(const char *a, const char *b)
{
    char command[1200];
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}
