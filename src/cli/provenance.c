/* What was done to a model, in its own metadata. */
#include "provenance.h"

#include <inttypes.h>
#include <string.h>

/* ------------------------------------------------------------ fingerprint */

enum { PIECE = 64 }; /* bytes at the begin, middle and end of a weight */

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return quern_hash(hash, text, strlen(text) + 1);
}

static uint64_t mix_value(uint64_t hash, const struct quern_value *value)
{
    return mix_text(hash, value != NULL ? quern_value_name(value) : "");
}

/* Pieces of the weights, not all of them: a model may be larger than memory,
 * and other weights differ all over. */
static uint64_t mix_tensor(uint64_t hash, const struct quern_tensor *t)
{
    uint64_t size = quern_tensor_size(t);
    const unsigned char *data = quern_tensor_data(t);
    hash = quern_hash(hash, &size, sizeof size);
    if (data == NULL) {
        return hash; /* strings */
    }
    size_t n = size < PIECE ? (size_t)size : PIECE;
    hash = quern_hash(hash, data, n);
    hash = quern_hash(hash, data + (size - n) / 2, n);
    return quern_hash(hash, data + (size - n), n);
}

/* Recursion: as deep as graphs nest, which the reader bounds. */
static uint64_t mix_graph(uint64_t hash, struct quern_graph *graph)
{
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        hash = mix_text(hash, quern_node_domain(n));
        hash = mix_text(hash, quern_node_op(n));
        for (size_t i = 0; i < quern_node_n_inputs(n); i++) {
            hash = mix_value(hash, quern_node_input(n, i));
        }
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            hash = mix_value(hash, quern_node_output(n, i));
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            hash = mix_graph(hash, quern_node_subgraph(n, i));
        }
    }
    for (const struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL; v = quern_value_next_initializer(v)) {
        const struct quern_tensor *t = quern_value_constant(v);
        hash = mix_value(hash, v);
        hash = t != NULL ? mix_tensor(hash, t) : hash;
    }
    return hash;
}

uint64_t cli_fingerprint(const struct quern_model *model)
{
    int64_t opset = quern_model_opset(model, "");
    uint64_t hash = quern_hash(QUERN_HASH_START, &opset, sizeof opset);
    return mix_graph(hash, quern_model_graph(model));
}

static enum quern_code set_source(struct quern_model *model, uint64_t source)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, source);
    return quern_model_set_metadata(model, "quern.source", text);
}

/* ----------------------------------------------------------------- recipe */

/* End of a scalar that begins at `at`. */
static char *value_end(char *at)
{
    if (*at != '"' && *at != '\'') {
        return at + strcspn(at, ",}\n");
    }
    char quote = *at++;
    while (*at != '\0' && *at != quote) {
        at += *at == '\\' && quote == '"' && at[1] != '\0' ? 2 : 1;
    }
    return at + (*at == quote);
}

static void cut(char *from, const char *to)
{
    memmove(from, to, strlen(to) + 1);
}

/* The samples are no part of what was done, wherever they were named: `data:
 * X` goes from the options of a step, and braces that are empty then. */
static void cut_data(char *text)
{
    static const char key[] = "data: ";
    for (char *at = strstr(text, key); at != NULL; at = strstr(at, key)) {
        char *end = value_end(at + sizeof key - 1);
        bool is_option = at > text + 1 && (at[-1] == '{' || at[-1] == ' ');
        if (!is_option) {
            at++;
        } else if (at[-1] == '{' && *end == '}' && at - 3 > text) {
            at -= 3; /* ": {" */
            cut(at, end + 1);
        } else if (at[-1] == '{' && strncmp(end, ", ", 2) == 0) {
            cut(at, end + 2);
        } else {
            at -= 2; /* ", " */
            cut(at, end);
        }
    }
}

/* Folders in front of other files go: they tell of the machine, and would make
 * other bytes on another one. */
static void cut_folders(char *text)
{
    static const char key[] = "file: ";
    for (char *at = strstr(text, key); at != NULL; at = strstr(at, key)) {
        at += sizeof key - 1;
        char *end = value_end(at);
        at += *at == '"' || *at == '\'';
        char *name = at;
        for (char *c = at; c < end; c++) {
            name = *c == '/' ? c + 1 : name;
        }
        cut(at, name);
    }
}

/* The target stands in an entry of its own. */
static void cut_target(char *text)
{
    char *at = strstr(text, "\ntarget: ");
    if (at != NULL) {
        cut(at + 1, at + 1 + strcspn(at + 1, "\n") +
                        (at[1 + strcspn(at + 1, "\n")] == '\n'));
    }
}

static enum quern_code set_recipe(struct cli_recipe *recipe,
                                  struct quern_model *model)
{
    char *text = NULL;
    enum quern_code code = quern_recipe_print(recipe->recipe, &text);
    if (code == QUERN_OK) {
        cut_target(text);
        cut_data(text);
        cut_folders(text);
        code = quern_model_set_metadata(model, "quern.recipe", text);
    }
    quern_text_free(&text);
    return code;
}

enum quern_code cli_provenance(struct cli_recipe *recipe,
                               struct quern_model *model,
                               const uint64_t *source, const char *target)
{
    if (recipe->no_provenance || quern_model_n_edits(model) == 0) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_model_set_metadata(model, "quern.version", quern_version());
    if (code == QUERN_OK && target != NULL) {
        const char *folder = strrchr(target, '/');
        code = quern_model_set_metadata(model, "quern.target",
                                        folder != NULL ? folder + 1 : target);
    }
    if (code == QUERN_OK) {
        code = set_recipe(recipe, model);
    }
    return code == QUERN_OK && source != NULL ? set_source(model, *source)
                                              : code;
}
