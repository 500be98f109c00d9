/** @file model.h
 * Opening, saving and describing ONNX models. Tier: stable.
 *
 * Opening maps the file: weights are not copied, and the bytes of everything
 * that no edit touches go out again as they came in. The file must not be
 * truncated while the model lives (set copy_files in the context where that
 * cannot be promised).
 */
#ifndef QUERN_MODEL_H
#define QUERN_MODEL_H

#include <quern/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Read a model from a file.
 * @param path  a regular file; "-" reads standard input into memory
 * @param out_model  written on success; the caller owns it; must be destroyed
 *                   before the context
 * @return QUERN_OK; _IO; _MALFORMED (with offset); _INVALID_MODEL; _LIMIT;
 * _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_open(struct quern_context *context, const char *path,
                 struct quern_model **out_model);

/** Read a model from memory, which is borrowed until the model is destroyed.
 * External data is looked up beside `path` if that is not NULL, else refused.
 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_open_memory(struct quern_context *context, const void *data,
                        size_t size, const char *path,
                        struct quern_model **out_model);

/** How quern_model_save() stores weights outside the model file. */
enum quern_external {
    QUERN_EXTERNAL_AUTO = 0,  /**< keep what is external; move weights out when
                                   the file would exceed 2 GiB */
    QUERN_EXTERNAL_NEVER = 1, /**< all inside, _LIMIT if that does not fit */
    QUERN_EXTERNAL_FILE = 2,  /**< all weights of 1 KiB or more go out */
};

struct quern_save_options {
    uint32_t struct_size;
    enum quern_external external;
    const char *external_name; /**< file name (no folder) for _FILE, or NULL:
                                    OUT.<8 hex of content hash>.data */
};

/** Write a model: whole or not at all (temporary file, fsync, rename). A model
 * that nothing changed is written byte for byte. Writing over the file that
 * the model was opened from is allowed.
 * @param options  may be NULL
 * @return QUERN_OK; _IO; _LIMIT; _NO_MEMORY; _CANCELLED. On failure nothing
 * that stood at `path` has changed. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_save(struct quern_model *model, const char *path,
                 const struct quern_save_options *options);

/** Free a model and clear the pointer; NULL and *model NULL are fine. */
QUERN_API void quern_model_destroy(struct quern_model **model);

/** Called for each thing found wrong, in the order in which it was found. The
 * severity is error or warning (legal, but likely a mistake); the place says
 * graph, node, tensor and attribute as far as they are known. Borrowed for the
 * call. */
typedef void (*quern_finding_fn)(void *user,
                                 const struct quern_message *finding);

/** Check a model in memory: scopes and order of its graphs, operators against
 * their schemas at the imported opsets (arity, attributes), types where they
 * are known. Linear in the size of the graphs. The manager of passes calls this
 * after each pass.
 * @param finding  called for each finding; NULL: the first error becomes the
 *                 error of the context, what follows its notes
 * @return QUERN_OK when there is no error; _INVALID_MODEL; _NO_MEMORY
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_verify(struct quern_model *model, quern_finding_fn finding,
                   void *user);

/** Check a file: everything that is wrong with it, at once (up to 10,000
 * errors; then it stops, with a warning that says so). On top of
 * quern_model_verify() it tells what opening would refuse or overlook: bytes,
 * names, types of inputs and outputs, two values in one attribute, sizes of
 * tensors, external data.
 * @param finding  as quern_model_verify()
 * @return QUERN_OK when there is no error; _INVALID_MODEL when there is one;
 * _IO when the file cannot be read; _NO_MEMORY; _CANCELLED
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_check(struct quern_context *context, const char *path,
                  quern_finding_fn finding, void *user);

/** Takes `size` bytes of text; false ends printing. */
typedef bool (*quern_write_fn)(void *user, const char *text, size_t size);

/** How quern_model_print() writes a model. Neither form can be read back. */
enum quern_print {
    QUERN_PRINT_TEXT = 0, /**< a node a line, with types where they are known */
    QUERN_PRINT_DOT = 1,  /**< for Graphviz */
};

/** Print the graphs of a model: nodes, attributes, types; no weights.
 * @param write  gets the text piece by piece, none NUL-terminated
 * @return QUERN_OK; _IO when `write` said false
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_print(const struct quern_model *model, enum quern_print form,
                  quern_write_fn write, void *user);

QUERN_API struct quern_context *quern_model_context(const struct quern_model *);

/** The top graph. */
QUERN_API struct quern_graph *quern_model_graph(const struct quern_model *);

/** Path that the model was opened from; NULL for memory. */
QUERN_API const char *quern_model_path(const struct quern_model *model);

QUERN_API int64_t quern_model_ir_version(const struct quern_model *model);

/** Version of `domain` ("" or "ai.onnx" for ONNX's own) that the model
 * imports; 0 when it does not import it. */
QUERN_API int64_t quern_model_opset(const struct quern_model *model,
                                    const char *domain);

/** Number of imported domains, and the i-th: name and version. */
QUERN_API size_t quern_model_n_opsets(const struct quern_model *model);
QUERN_API const char *quern_model_opset_domain(const struct quern_model *model,
                                               size_t i);

/** Import `domain` at `version` (journaled). This changes only the import: the
 * nodes must have been converted. The IR version is raised where the opset
 * needs it. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_set_opset(struct quern_model *model, const char *domain,
                      int64_t version);

/** Model-local functions. */
QUERN_API size_t quern_model_n_functions(const struct quern_model *model);

QUERN_API const char *quern_model_producer(const struct quern_model *model);

/** Value of a metadata_props key, or NULL. */
QUERN_API const char *quern_model_metadata(const struct quern_model *model,
                                           const char *key);

/** Set (or with value NULL remove) a metadata_props entry (journaled). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_set_metadata(struct quern_model *model, const char *key,
                         const char *value);

/** What quern_model_strip() takes away. */
enum quern_strip {
    QUERN_STRIP_DOCS = 1,        /**< doc strings, of all that has some */
    QUERN_STRIP_METADATA = 2,    /**< metadata_props, of all that has some */
    QUERN_STRIP_VALUE_INFO = 4,  /**< types of values inside */
    QUERN_STRIP_PRODUCER = 8,    /**< name and version of what made it */
    QUERN_STRIP_NOTES = 16,      /**< of the metadata_props of nodes, values,
                                      graphs and functions those whose keys begin
                                      with "pkg.": what an exporter notes for
                                      itself, stack traces mostly */
    QUERN_STRIP_WRONG_SIZES = 32 /**< numbers that outputs, those of bodies too,
                                     declare as sizes, where inference has found
                                     others: these take their place */
};

/** Take words away that no computation needs (journaled): from the model, its
 * graphs, nodes, attributes, values, weights and functions. Tensors that lie in
 * another file keep theirs.
 * @param what  enum quern_strip, or-ed
 * @return QUERN_OK; _NO_MEMORY. Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_strip(struct quern_model *model, unsigned what);

/** Edits since the model was opened, undone ones left out; 0 means that saving
 * writes the bytes that were read. */
QUERN_API uint64_t quern_model_n_edits(const struct quern_model *model);

#ifdef __cplusplus
}
#endif

#endif
