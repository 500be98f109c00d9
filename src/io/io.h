/* What io offers beside quern_model_open() and quern_model_save(). */
#ifndef QUERN_IO_IO_H
#define QUERN_IO_IO_H

#include <quern/model.h>

struct qn_findings;

/** Read a model that may be wrong: everything that is wrong with the file goes
 * to `findings`, and the model holds what could be read. It is good for the
 * verifier, and for nothing else when there were errors.
 * @param out_model  written on success
 * @return QUERN_OK; _IO, _NO_MEMORY, _CANCELLED; _MALFORMED, _LIMIT and
 * _INVALID_MODEL when there is no model at all in it (error stored) */
enum quern_code qn_model_examine(struct quern_context *context,
                                 const char *path, struct qn_findings *findings,
                                 struct quern_model **out_model)
    __attribute__((warn_unused_result));

/** Read a file that holds one TensorProto (ONNX's test data).
 * @return as quern_model_open() */
enum quern_code qn_tensor_open(struct quern_context *context, const char *path,
                               enum quern_kind kind,
                               struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

#endif
