/* my-pass: a pass outside of quern, as a plugin.
 *
 * It turns LeakyRelu(x) with a small slope into Relu(x), for an accelerator
 * that has no LeakyRelu: slopes below the option `threshold` count as small.
 *
 * README.md beside this file tells how it is built and used.
 */
#include <quern/pass.h>

#include <stddef.h>

/* ---- options: a table that quern reads, and the struct that it fills */

struct my_params {
    double threshold;
};

static const struct quern_option my_options[] = {
    {"threshold", QUERN_OPTION_FLOAT, offsetof(struct my_params, threshold),
     0.0, 1.0, NULL, "slopes below it count as zero"},
    {NULL, QUERN_OPTION_BOOL, 0, 0, 0, NULL, NULL},
};

static const struct my_params my_defaults = {0.05};

/* ---- the work: called where the pattern matches */

static enum quern_code flatten(struct quern_pass_ctx *ctx,
                               const struct quern_match *match,
                               const void *params)
{
    const struct my_params *my = params;
    struct quern_node *node = quern_match_node(match, 0);
    const char *attr = NULL;
    float slope = 0.0f;
    const struct quern_node *owner = quern_match_attr(match, "slope", &attr);
    enum quern_code code = quern_node_attr_float(owner, attr, &slope);
    if (code != QUERN_OK) {
        return code;
    }
    if ((double)slope >= my->threshold) {
        /* Nothing is done; `--explain my-pass --node NAME` prints why. */
        return quern_pass_refuse(ctx, node, "slope %g, threshold %g",
                                 (double)slope, my->threshold);
    }
    code = quern_node_remove_attr(node, attr);
    if (code == QUERN_OK) {
        code = quern_node_set_op(node, "Relu");
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "slope %g left out", (double)slope);
    }
    return code;
}

static const struct quern_rewrite small_slope = {
    "small-slope", "y = LeakyRelu(x){alpha=$slope}", flatten};
static const struct quern_rewrite *const my_rewrites[] = {&small_slope, NULL};

/* ---- the descriptor, and the one symbol that quern looks for */

static const struct quern_pass_desc my_pass = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "my-pass",
    .summary = "turn LeakyRelu with a small slope into Relu",
    .options = my_options,
    .params_size = sizeof(struct my_params),
    .params_default = &my_defaults,
    .contract = QUERN_APPROXIMATE,
    .group = "target",
    .rewrites = my_rewrites,
};

static const struct quern_pass_desc *const my_passes[] = {&my_pass, NULL};

static const struct quern_plugin my_plugin = {
    .struct_size = sizeof(struct quern_plugin),
    .abi = QUERN_ABI,
    .name = "com.acme.my-pass",
    .version = "1.0",
    .licence = "Apache-2.0",
    .passes = my_passes,
};

QUERN_PLUGIN_EXPORT const struct quern_plugin *
quern_plugin_entry(const struct quern_host *host);

const struct quern_plugin *quern_plugin_entry(const struct quern_host *host)
{
    return host->abi == QUERN_ABI ? &my_plugin : NULL;
}
