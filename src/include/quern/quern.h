/** @file quern.h
 * Umbrella of the stable interface.
 *
 *     struct quern_context *ctx = NULL;
 *     struct quern_model *model = NULL;
 *     enum quern_code code = quern_context_create(NULL, &ctx);
 *     if (code == QUERN_OK)
 *         code = quern_model_open(ctx, "model.onnx", &model);
 *     if (code == QUERN_OK)
 *         code = quern_apply(model, "optimize", NULL);
 *     if (code == QUERN_OK)
 *         code = quern_model_save(model, "out.onnx", NULL);
 *     if (code != QUERN_OK && ctx != NULL) {
 *         char line[512];
 *         quern_message_format(quern_error(ctx), line, sizeof line);
 *         fprintf(stderr, "%s\n", line);
 *     }
 *     quern_model_destroy(&model);
 *     quern_context_destroy(&ctx);
 *
 * Read in this order: types.h, diag.h, tensor.h, model.h, graph.h, table.h,
 * match.h, pass.h. With QUERN_EXPERIMENTAL defined before the include, the
 * headers that may still change are there too: bisect.h, data.h, file.h,
 * quant.h, recipe.h, run.h, target.h.
 */
#ifndef QUERN_QUERN_H
#define QUERN_QUERN_H

#include <quern/diag.h>
#include <quern/graph.h>
#include <quern/match.h>
#include <quern/model.h>
#include <quern/pass.h>
#include <quern/table.h>
#include <quern/tensor.h>
#include <quern/types.h>
#include <quern/version.h>

#ifdef QUERN_EXPERIMENTAL
#include <quern/bisect.h>
#include <quern/compare.h>
#include <quern/data.h>
#include <quern/file.h>
#include <quern/quant.h>
#include <quern/recipe.h>
#include <quern/run.h>
#include <quern/target.h>
#endif

#endif
