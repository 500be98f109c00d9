/* Run and prepare functions of the operator families, for the registry. */
#ifndef QUERN_EXEC_OPS_H
#define QUERN_EXEC_OPS_H

#include "exec/op.h"

enum quern_code qn_op_unary(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_unary(struct quern_engine *e, struct qn_op *op);
/** y = f(x) by an enum qn_unary for doubles and integers, dense and alike. */
void qn_unary_any(int variant, float p0, float p1, const struct qn_array *x,
                  const struct qn_array *y);
enum quern_code qn_op_clip(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_binary(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_bits(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_bit_not(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_bit_cast(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_compare(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_logic(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_not(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_where(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_cast(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_dropout(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_isnan(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_matmul(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_matmul(struct quern_engine *e, struct qn_op *op);
enum quern_code qn_op_gemm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_gemm(struct quern_engine *e, struct qn_op *op);
enum quern_code qn_op_conv(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_conv(struct quern_engine *e, struct qn_op *op);
enum quern_code qn_op_conv_transpose(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_pool(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_global_pool(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_reduce(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_arg(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_softmax(struct qn_run *run, const struct qn_op *op);
/** Rows normalized; fused from chains (state: struct qn_row_norm). */
enum quern_code qn_op_row_norm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_layer_norm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_batch_norm(struct qn_run *run, const struct qn_op *op);
/** BatchNormalization of packed x, scale, bias, mean and variance of any
 * floating types, training included. */
enum quern_code qn_batch_norm_any(struct qn_run *run, const struct qn_op *op,
                                  const struct qn_array *const *in);
enum quern_code qn_layer_norm_any(struct qn_run *run, const struct qn_op *op,
                                  int axis);
enum quern_code qn_op_instance_norm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_group_norm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_mean_variance(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_lrn(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_rows(struct qn_run *run, const struct qn_op *op);
/** The rows of input 0, packed, along attribute axis: `n` elements `step`
 * apart. Where old opsets flatten, all axes from that one on are the row. */
enum quern_code qn_axis_rows(struct qn_run *run, const struct qn_op *op,
                             bool flattens, int64_t *out_n, int64_t *out_step);

enum quern_code qn_op_reshape(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_flatten(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_squeeze(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_unsqueeze(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_identity(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_transpose(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_slice(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_split(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_expand(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_gather(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_gather_elements(struct qn_run *run,
                                      const struct qn_op *op);
enum quern_code qn_op_gather_nd(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_non_zero(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_one_hot(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_eye_like(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_compress(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_reverse(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_tensor_scatter(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_unique(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_non_max(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_roi_align(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_concat(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_pad(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_tile(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_trilu(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_shape(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_size(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_constant_of_shape(struct qn_run *run,
                                        const struct qn_op *op);
enum quern_code qn_op_range(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_if(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_loop(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_scan(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_sequence_construct(struct qn_run *run,
                                         const struct qn_op *op);
enum quern_code qn_op_sequence_map(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_sequence_insert(struct qn_run *run,
                                      const struct qn_op *op);
enum quern_code qn_op_sequence_erase(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_sequence_at(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_sequence_length(struct qn_run *run,
                                      const struct qn_op *op);
enum quern_code qn_op_split_sequence(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_concat_sequence(struct qn_run *run,
                                      const struct qn_op *op);
enum quern_code qn_op_optional(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_has_element(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_window(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_dft(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_stft(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_mel_weights(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_center_crop_pad(struct qn_run *run,
                                      const struct qn_op *op);
enum quern_code qn_op_deform_conv(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_col2im(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_max_unpool(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_lp_pool(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_global_lp_pool(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_affine_grid(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_det(struct qn_run *run, const struct qn_op *op);

enum quern_code qn_op_resize(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_scatter_elements(struct qn_run *run,
                                       const struct qn_op *op);
enum quern_code qn_op_scatter_nd(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_grid_sample(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_attention(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_linear_attention(struct qn_run *run,
                                       const struct qn_op *op);
enum quern_code qn_op_causal_conv(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_rotary(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_einsum(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_cumsum(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_topk(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_depth_to_space(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_space_to_depth(struct qn_run *run,
                                     const struct qn_op *op);

enum quern_code qn_op_quantize(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_dequantize(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_matmul_integer(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_conv_integer(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_dynamic_quantize(struct qn_run *run,
                                       const struct qn_op *op);
enum quern_code qn_op_qgemm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_qlinear_binary(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_qlinear_unary(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_qlinear_mean(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_qlinear_concat(struct qn_run *run,
                                     const struct qn_op *op);
enum quern_code qn_op_bias_gelu(struct qn_run *run, const struct qn_op *op);
/** C = A B where there is a kernel for the type; false: there is none. NULL:
 * ask alone. */
bool qn_product_any(const struct qn_kernels *kernels, enum quern_dtype dtype,
                    const struct qn_any_product *product);
/** Gemm of two matrices of doubles or integers. */
enum quern_code qn_gemm_any(struct qn_run *run, const struct qn_op *op);
/** Output 0 of an operator that makes one element of all of a channel:
 * [N, C, 1, …]. NULL: nobody wants it. */
enum quern_code qn_out_of_space(struct qn_run *run, const struct qn_op *op,
                                const struct qn_array *x, struct qn_array **out)
    __attribute__((warn_unused_result));
/** Does C of a Gemm (NULL: none) broadcast to [dims[0], dims[1]], and where in
 * it is what goes to element (i, j)? */
bool qn_gemm_fits(const struct qn_array *c, const int64_t *dims);
int64_t qn_gemm_addend(const struct qn_array *c, int64_t i, int64_t j);
enum quern_code qn_op_fused_matmul(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_matmul_nbits(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_loss(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_rnn_any(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_op_gru(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_gru(struct quern_engine *e, struct qn_op *op);
enum quern_code qn_op_lstm(struct qn_run *run, const struct qn_op *op);
enum quern_code qn_prepare_lstm(struct quern_engine *e, struct qn_op *op);

#endif
