/* Parts of the pipeline text that option.c needs too. */
#ifndef QUERN_CONFIG_PARSE_KV_H
#define QUERN_CONFIG_PARSE_KV_H

#include "config/yaml.h"

/** Parse `[a,b]` (the whole text) into a sequence. */
enum quern_code qn_kv_list_parse(struct quern_context *context,
                                 const char *file, const char *text,
                                 struct qn_arena *arena,
                                 struct qn_yaml **out_node)
    __attribute__((warn_unused_result));

#endif
