/* Descriptors of the built-in passes, for the table in src/pass/groups.c. */
#ifndef QUERN_PASSES_BUILTIN_H
#define QUERN_PASSES_BUILTIN_H

#include <quern/pass.h>

extern const struct quern_pass_desc qn_pass_drop_identity;
extern const struct quern_pass_desc qn_pass_freeze_weights;
extern const struct quern_pass_desc qn_pass_inline_if;
extern const struct quern_pass_desc qn_pass_unroll_loops;
extern const struct quern_pass_desc qn_pass_drop_zero_states;
extern const struct quern_pass_desc qn_pass_drop_sequences;
extern const struct quern_pass_desc qn_pass_drop_no_op;
extern const struct quern_pass_desc qn_pass_drop_dead;
extern const struct quern_pass_desc qn_pass_tidy_nodes;
extern const struct quern_pass_desc qn_pass_fold_constants;
extern const struct quern_pass_desc qn_pass_merge_equal;
extern const struct quern_pass_desc qn_pass_fold_shapes;
extern const struct quern_pass_desc qn_pass_merge_shapes;
extern const struct quern_pass_desc qn_pass_move_transposes;
extern const struct quern_pass_desc qn_pass_turn_patches;
extern const struct quern_pass_desc qn_pass_drop_expand;
extern const struct quern_pass_desc qn_pass_fuse_space_to_depth;
extern const struct quern_pass_desc qn_pass_split_slices;
extern const struct quern_pass_desc qn_pass_shorten_sizes;
extern const struct quern_pass_desc qn_pass_constants_to_initializers;
extern const struct quern_pass_desc qn_pass_merge_clips;
extern const struct quern_pass_desc qn_pass_fuse_pad;
extern const struct quern_pass_desc qn_pass_normalize_gemm;
extern const struct quern_pass_desc qn_pass_merge_reductions;
extern const struct quern_pass_desc qn_pass_fuse_matmul_add;
extern const struct quern_pass_desc qn_pass_fuse_shared_gemm;
extern const struct quern_pass_desc qn_pass_fuse_global_pool;
extern const struct quern_pass_desc qn_pass_fuse_conv_bn;
extern const struct quern_pass_desc qn_pass_fuse_conv_affine;
extern const struct quern_pass_desc qn_pass_fuse_affine_conv;
extern const struct quern_pass_desc qn_pass_turn_products;
extern const struct quern_pass_desc qn_pass_fuse_channel_order;
extern const struct quern_pass_desc qn_pass_fuse_sigmoid;
extern const struct quern_pass_desc qn_pass_fuse_hardsigmoid;
extern const struct quern_pass_desc qn_pass_fuse_hardswish;
extern const struct quern_pass_desc qn_pass_fuse_gelu;
extern const struct quern_pass_desc qn_pass_fuse_layer_norm;
extern const struct quern_pass_desc qn_pass_fuse_rms_norm;
extern const struct quern_pass_desc qn_pass_fuse_softplus;
extern const struct quern_pass_desc qn_pass_fuse_group_norm;
extern const struct quern_pass_desc qn_pass_fuse_mish;
extern const struct quern_pass_desc qn_pass_fuse_swish;
extern const struct quern_pass_desc qn_pass_fuse_rotary_embedding;
extern const struct quern_pass_desc qn_pass_fuse_attention;
extern const struct quern_pass_desc qn_pass_simplify_arithmetic;
extern const struct quern_pass_desc qn_pass_fuse_affine_norm;
extern const struct quern_pass_desc qn_pass_store_codes;
extern const struct quern_pass_desc qn_pass_lift_initializers;
extern const struct quern_pass_desc qn_pass_fuse_leaky_relu;
extern const struct quern_pass_desc qn_pass_fuse_parallel;
extern const struct quern_pass_desc qn_pass_unsigned_weights;
extern const struct quern_pass_desc qn_pass_replace_einsum;
extern const struct quern_pass_desc qn_pass_drop_clip_before_q;
extern const struct quern_pass_desc qn_pass_fuse_affine_codes;
extern const struct quern_pass_desc qn_pass_clean_qdq;
extern const struct quern_pass_desc qn_pass_fuse_qlinear;
extern const struct quern_pass_desc qn_pass_target_spelling;
extern const struct quern_pass_desc qn_pass_unshare_weights;
extern const struct quern_pass_desc qn_pass_raise_opset;
extern const struct quern_pass_desc qn_pass_to_float16;
extern const struct quern_pass_desc qn_pass_cut;
extern const struct quern_pass_desc qn_pass_add_outputs;
extern const struct quern_pass_desc qn_pass_rename;
extern const struct quern_pass_desc qn_pass_set_shapes;
extern const struct quern_pass_desc qn_pass_strip_metadata;
extern const struct quern_pass_desc qn_pass_lower_opset;
extern const struct quern_pass_desc qn_pass_decompose;
extern const struct quern_pass_desc qn_pass_observe_shapes;
extern const struct quern_pass_desc qn_pass_calibrate;
extern const struct quern_pass_desc qn_pass_equalize;
extern const struct quern_pass_desc qn_pass_channel_factors;
extern const struct quern_pass_desc qn_pass_insert_qdq;
extern const struct quern_pass_desc qn_pass_integer_hardswish;
extern const struct quern_pass_desc qn_pass_gemm_rows;
extern const struct quern_pass_desc qn_pass_weight_bias;
extern const struct quern_pass_desc qn_pass_bias_correction;
extern const struct quern_pass_desc qn_pass_float_layers;
extern const struct quern_pass_desc qn_pass_estimate_speed;
extern const struct quern_pass_desc qn_pass_save_statistics;
extern const struct quern_pass_desc qn_pass_load_statistics;

#endif
