/* What the passes on inputs and outputs share: finding values by name. */
#ifndef QUERN_CONVERT_INTERFACE_H
#define QUERN_CONVERT_INTERFACE_H

#include "common.h"

/** Value of that name in the top graph.
 * @return QUERN_OK; _INVALID_ARGUMENT naming the nearest one */
enum quern_code qn_named_value(struct quern_pass_ctx *ctx, const char *name,
                               struct quern_value **out_value)
    __attribute__((warn_unused_result));

/** Input of the model of that name, as qn_named_value(). */
enum quern_code qn_named_input(struct quern_pass_ctx *ctx, const char *name,
                               struct quern_value **out_value)
    __attribute__((warn_unused_result));

/** "NAME=REST": a copy of the name in memory of the pass, and the rest. The
 * last '=' counts: names of values may hold one. */
enum quern_code qn_split_pair(struct quern_pass_ctx *ctx, const char *pair,
                              const char *what, char **out_name,
                              const char **out_rest)
    __attribute__((warn_unused_result));

#endif
