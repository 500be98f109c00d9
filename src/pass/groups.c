/* Named groups of passes, and the table of built-in ones. */
#include "pass/groups.h"

#include "builtin.h"
#include "pass/pass.h"

#include <string.h>

/* With what it leaves of masks, sizes and shapes. */
#define FUSE_ATTENTION                                                         \
    "fuse-rotary-embedding,fuse-attention,shorten-sizes,fold-constants,"       \
    "merge-shapes,merge-equal,drop-dead"

static const struct {
    const char *name;
    const char *steps;
} groups[] = {
    {"optimize",
     /* one spelling; control flow and sequences; sizes; constants */
     "constants-to-initializers,drop-identity,merge-equal{max-bytes=64},"
     "inline-if,drop-zero-states,drop-sequences,replace-einsum,"
     "fold-shapes,shorten-sizes,fold-constants,drop-no-op,tidy-nodes,"
     "merge-shapes,split-slices,fuse-space-to-depth,drop-expand,drop-dead,"
     "shorten-sizes,"
     /* activations before the folds that would take their numbers */
     "normalize-gemm,fuse-conv-bn,fuse-leaky-relu,merge-clips,fuse-pad,fuse-"
     "sigmoid,"
     "fuse-hardsigmoid,fuse-hardswish,fuse-gelu,fuse-layer-norm,fuse-rms-norm,"
     "simplify-arithmetic,merge-reductions,fuse-channel-order,"
     "fuse-conv-affine,fuse-affine-conv,fuse-conv-affine,fuse-affine-norm,"
     "move-transposes,turn-patches,fuse-matmul-add,fuse-shared-gemm,store-"
     "codes,fuse-affine-codes,drop-clip-before-q,unsigned-weights,lift-"
     "initializers,merge-equal,"
     "drop-dead"},
    /* those of them that keep all bits */
    {"optimize-exact",
     "constants-to-initializers,drop-identity,merge-equal{max-bytes=64},"
     "inline-if,drop-zero-states,drop-sequences,fold-shapes,shorten-sizes,"
     "merge-shapes,split-slices,fuse-space-to-depth,drop-expand,drop-dead,"
     "shorten-sizes,"
     "turn-patches,store-codes,drop-clip-before-q,unsigned-weights,lift-"
     "initializers,merge-equal,drop-dead"},
    /* parts of it, in its order */
    {"clean",
     "constants-to-initializers,drop-identity,inline-if,drop-zero-states,"
     "drop-sequences,drop-no-op,tidy-nodes,lift-initializers,merge-equal,"
     "drop-dead"},
    {"fold", "constants-to-initializers,fold-shapes,fold-constants,drop-dead"},
    {"shapes", "fold-shapes,shorten-sizes,drop-dead"},
    {"layout", "drop-no-op,merge-shapes,split-slices,fuse-space-to-depth,drop-"
               "expand,move-transposes,turn-patches,drop-dead"},
    {"arith",
     "replace-einsum,normalize-gemm,fuse-conv-bn,fuse-pad,simplify-arithmetic,"
     "merge-reductions,"
     "fuse-channel-order,"
     "fuse-conv-affine,fuse-affine-conv,fuse-conv-affine,fuse-affine-norm,"
     "drop-dead"},
    {"activations",
     "fuse-leaky-relu,merge-clips,fuse-sigmoid,fuse-hardsigmoid,fuse-hardswish,"
     "fuse-gelu,drop-dead"},
    {"norms", "fuse-layer-norm,fuse-rms-norm,drop-dead"},
    /* operators of newer opsets, which runtimes know spelled out: they go
     * behind optimize, and stand there where --opset is given */
    {"attention", FUSE_ATTENTION},
    {"blocks", "fuse-softplus,simplify-arithmetic,fuse-mish,fuse-swish,"
               "fuse-group-norm," FUSE_ATTENTION},
};

#undef FUSE_ATTENTION

const char *qn_pass_group(const char *name)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (strcmp(groups[i].name, name) == 0) {
            return groups[i].steps;
        }
    }
    return NULL;
}

bool quern_group_at(size_t i, const char **out_name, const char **out_pipeline)
{
    if (i >= sizeof groups / sizeof *groups) {
        return false;
    }
    *out_name = groups[i].name;
    *out_pipeline = groups[i].steps;
    return true;
}

const struct quern_pass_desc *const qn_builtin_passes[] = {
    &qn_pass_drop_identity,
    &qn_pass_fold_constants,
    &qn_pass_constants_to_initializers,
    &qn_pass_freeze_weights,
    &qn_pass_inline_if,
    &qn_pass_unroll_loops,
    &qn_pass_drop_zero_states,
    &qn_pass_drop_sequences,
    &qn_pass_drop_no_op,
    &qn_pass_drop_dead,
    &qn_pass_tidy_nodes,
    &qn_pass_merge_equal,
    &qn_pass_fold_shapes,
    &qn_pass_shorten_sizes,
    &qn_pass_drop_expand,
    &qn_pass_split_slices,
    &qn_pass_fuse_space_to_depth,
    &qn_pass_merge_shapes,
    &qn_pass_move_transposes,
    &qn_pass_turn_patches,
    &qn_pass_merge_clips,
    &qn_pass_fuse_pad,
    &qn_pass_normalize_gemm,
    &qn_pass_merge_reductions,
    &qn_pass_fuse_matmul_add,
    &qn_pass_fuse_shared_gemm,
    &qn_pass_fuse_global_pool,
    &qn_pass_fuse_conv_bn,
    &qn_pass_fuse_conv_affine,
    &qn_pass_fuse_affine_conv,
    &qn_pass_fuse_channel_order,
    &qn_pass_turn_products,
    &qn_pass_fuse_sigmoid,
    &qn_pass_fuse_hardsigmoid,
    &qn_pass_fuse_hardswish,
    &qn_pass_fuse_gelu,
    &qn_pass_fuse_layer_norm,
    &qn_pass_fuse_rms_norm,
    &qn_pass_fuse_softplus,
    &qn_pass_fuse_group_norm,
    &qn_pass_fuse_mish,
    &qn_pass_fuse_swish,
    &qn_pass_fuse_rotary_embedding,
    &qn_pass_fuse_attention,
    &qn_pass_simplify_arithmetic,
    &qn_pass_fuse_affine_norm,
    &qn_pass_store_codes,
    &qn_pass_lift_initializers,
    &qn_pass_fuse_leaky_relu,
    &qn_pass_fuse_parallel,
    &qn_pass_replace_einsum,
    &qn_pass_drop_clip_before_q,
    &qn_pass_fuse_affine_codes,
    &qn_pass_clean_qdq,
    &qn_pass_fuse_qlinear,
    &qn_pass_unsigned_weights,
    &qn_pass_target_spelling,
    &qn_pass_unshare_weights,
    &qn_pass_raise_opset,
    &qn_pass_lower_opset,
    &qn_pass_decompose,
    &qn_pass_to_float16,
    &qn_pass_cut,
    &qn_pass_add_outputs,
    &qn_pass_rename,
    &qn_pass_set_shapes,
    &qn_pass_strip_metadata,
    &qn_pass_rules,
    &qn_pass_observe_shapes,
    &qn_pass_calibrate,
    &qn_pass_equalize,
    &qn_pass_channel_factors,
    &qn_pass_insert_qdq,
    &qn_pass_integer_hardswish,
    &qn_pass_gemm_rows,
    &qn_pass_weight_bias,
    &qn_pass_bias_correction,
    &qn_pass_float_layers,
    &qn_pass_estimate_speed,
    &qn_pass_save_statistics,
    &qn_pass_load_statistics,
    NULL,
};
