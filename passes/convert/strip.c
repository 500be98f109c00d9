/* strip-metadata: words that no computation needs. */
#include "builtin.h"
#include "common.h"

struct strip_params {
    bool docs;
    bool metadata;
    bool value_info;
    bool producer;
    bool notes;
};

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct strip_params *p = params;
    struct quern_model *model = quern_graph_model(graph);
    uint64_t n_edits = quern_model_n_edits(model);
    enum quern_code code = quern_model_strip(
        model, (p->docs ? QUERN_STRIP_DOCS : 0U) |
                   (p->metadata ? QUERN_STRIP_METADATA : 0U) |
                   (p->value_info ? QUERN_STRIP_VALUE_INFO : 0U) |
                   (p->producer ? QUERN_STRIP_PRODUCER : 0U) |
                   (p->notes ? QUERN_STRIP_NOTES : 0U));
    if (p->notes && !p->metadata && quern_model_n_edits(model) > n_edits) {
        quern_pass_account(ctx, NULL,
                           "notes of the exporter (stack traces) are dropped");
    }
    return code;
}

static const struct quern_option options[] = {
    {"docs", QUERN_OPTION_BOOL, offsetof(struct strip_params, docs), 0, 0, NULL,
     "doc strings go"},
    {"metadata", QUERN_OPTION_BOOL, offsetof(struct strip_params, metadata), 0,
     0, NULL, "metadata of the model and all in it goes"},
    {"value-info", QUERN_OPTION_BOOL, offsetof(struct strip_params, value_info),
     0, 0, NULL, "types of values inside go; runtimes infer them"},
    {"producer", QUERN_OPTION_BOOL, offsetof(struct strip_params, producer), 0,
     0, NULL, "name and version of what made the model go"},
    {"notes", QUERN_OPTION_BOOL, offsetof(struct strip_params, notes), 0, 0,
     NULL,
     "of the metadata of nodes and values go those whose keys begin with "
     "'pkg.': what exporters note for themselves, stack traces mostly"},
    {0},
};

static const struct strip_params defaults = {.docs = true, .metadata = true};

const struct quern_pass_desc qn_pass_strip_metadata = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "strip-metadata",
    .summary = "drop doc strings and metadata",
    .options = options,
    .params_size = sizeof(struct strip_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "convert",
};
