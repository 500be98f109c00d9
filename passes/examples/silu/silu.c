/* com.acme.silu: Mul(x, Sigmoid(x)) becomes com.acme.SiLU(x), as a plugin. The
 * same as a rule is two lines of a recipe: README.md at the top shows both. */
#include <quern/pass.h>

static enum quern_code make_silu(struct quern_pass_ctx *ctx,
                                 const struct quern_match *match,
                                 const void *params)
{
    struct quern_node *mul = quern_match_node(match, 0);
    struct quern_node *sigmoid = quern_match_node(match, 1);
    enum quern_code code =
        quern_model_set_opset(quern_pass_model(ctx), "com.acme", 1);
    (void)params;
    if (code == QUERN_OK) {
        code = quern_node_set_op(mul, "com.acme.SiLU");
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(mul, 0, quern_match_value(match, "x"));
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(mul, 1, NULL);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(sigmoid);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, mul, "made of Mul and Sigmoid");
    }
    return code;
}

static const struct quern_rewrite silu = {"silu", "y = Mul(x, Sigmoid(x))",
                                          make_silu};
static const struct quern_rewrite *const rewrites[] = {&silu, NULL};

static const struct quern_pass_desc pass = {
    .struct_size = sizeof pass,
    .abi = QUERN_ABI,
    .name = "com.acme.silu",
    .summary = "write Mul(x, Sigmoid(x)) as SiLU of the accelerator",
    .contract = QUERN_REAL_EXACT,
    .rewrites = rewrites,
};
static const struct quern_pass_desc *const passes[] = {&pass, NULL};

static const struct quern_plugin plugin = {
    sizeof plugin, QUERN_ABI, "com.acme.tools", "1.0", "Apache-2.0", passes};

QUERN_PLUGIN_EXPORT const struct quern_plugin *
quern_plugin_entry(const struct quern_host *host);

const struct quern_plugin *quern_plugin_entry(const struct quern_host *host)
{
    return host->abi == QUERN_ABI ? &plugin : NULL;
}
