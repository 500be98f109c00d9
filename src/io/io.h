/* What io offers beside quern_model_open() and quern_model_save(). */
#ifndef QUERN_IO_IO_H
#define QUERN_IO_IO_H

#include <quern/model.h>

/** Read a file that holds one TensorProto (ONNX's test data).
 * @return as quern_model_open() */
enum quern_code qn_tensor_open(struct quern_context *context, const char *path,
                               struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

#endif
