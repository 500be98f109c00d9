/* The table of operators: one row each, its rule from the file of its family.
 * Rules are named after what they do, since most serve many operators. */
#ifndef QUERN_INFER_TABLE_H
#define QUERN_INFER_TABLE_H

#include "infer/context.h"

struct qn_infer_row {
    const char *op;
    qn_infer_fn shape;   /* types and shapes */
    qn_infer_fn numbers; /* numbers of small integer tensors; may be NULL */
    int param;           /* said at the rule */
};

/** Row of an operator at any version; NULL: unknown. */
const struct qn_infer_row *qn_infer_row_of(const char *domain, const char *op);

/* eltwise.c */
void qn_infer_unary(struct qn_infer_ctx *c);     /* shape of input 0; without
                                                    schema its type, too */
void qn_infer_variadic(struct qn_infer_ctx *c);  /* all inputs broadcast */
void qn_infer_binary(struct qn_infer_ctx *c);    /* inputs 0 and 1 broadcast */
void qn_infer_where(struct qn_infer_ctx *c);     /* inputs 0 to 2 broadcast */
void qn_infer_all_like(struct qn_infer_ctx *c);  /* each output: input 0 */
void qn_infer_identity(struct qn_infer_ctx *c);  /* input 0 as it is */
void qn_infer_cast(struct qn_infer_ctx *c);      /* type from `to` */
void qn_infer_cast_like(struct qn_infer_ctx *c); /* type of input 1 */
void qn_infer_random_like(struct qn_infer_ctx *c); /* type from `dtype` */
void qn_infer_second(struct qn_infer_ctx *c); /* type and shape of input 1 */

/* window.c; param: see enum qn_window */
enum qn_window {
    QN_WINDOW_CONV = 0,
    QN_WINDOW_QLINEAR = 1, /* weight is input 3 */
    QN_WINDOW_POOL = 2,
};
void qn_infer_conv(struct qn_infer_ctx *c);
void qn_infer_pool(struct qn_infer_ctx *c);
void qn_infer_conv_transpose(struct qn_infer_ctx *c);
void qn_infer_global_pool(struct qn_infer_ctx *c);
void qn_infer_max_unpool(struct qn_infer_ctx *c);
void qn_infer_roi(
    struct qn_infer_ctx *c); /* param 1: RoiAlign, 0: MaxRoiPool */
void qn_infer_col2im(struct qn_infer_ctx *c);

/* reduce.c */
void qn_infer_reduce(struct qn_infer_ctx *c);
void qn_infer_arg_extreme(struct qn_infer_ctx *c);
void qn_infer_top_k(struct qn_infer_ctx *c);

/* matmul.c; param of MatMul: 0; 1 QLinearMatMul (b is input 3) */
void qn_infer_matmul(struct qn_infer_ctx *c);
void qn_infer_gemm(struct qn_infer_ctx *c);
void qn_infer_einsum(struct qn_infer_ctx *c);
void qn_infer_det(struct qn_infer_ctx *c);
void qn_infer_attention(struct qn_infer_ctx *c);
void qn_infer_linear_attention(struct qn_infer_ctx *c);
/** Product of inputs a and b into output 0, both optionally transposed. */
void qn_infer_product(struct qn_infer_ctx *c, size_t a, size_t b, bool trans_a,
                      bool trans_b);

/* reshape.c */
void qn_infer_reshape(struct qn_infer_ctx *c);
void qn_infer_flatten(struct qn_infer_ctx *c);
void qn_infer_squeeze(struct qn_infer_ctx *c);
void qn_infer_unsqueeze(struct qn_infer_ctx *c);
void qn_infer_expand(struct qn_infer_ctx *c);
void qn_infer_shape_of(struct qn_infer_ctx *c);
void qn_infer_size_of(struct qn_infer_ctx *c);
void qn_infer_constant(struct qn_infer_ctx *c);
void qn_infer_constant_of_shape(struct qn_infer_ctx *c);
void qn_infer_random(struct qn_infer_ctx *c);
void qn_infer_range(struct qn_infer_ctx *c);

/* move.c */
void qn_infer_transpose(struct qn_infer_ctx *c);
void qn_infer_concat(struct qn_infer_ctx *c);
void qn_infer_split(struct qn_infer_ctx *c);
void qn_infer_slice(struct qn_infer_ctx *c);
void qn_infer_tile(struct qn_infer_ctx *c);
void qn_infer_pad(struct qn_infer_ctx *c);
void qn_infer_blocks(struct qn_infer_ctx *c); /* param 1: DepthToSpace */
void qn_infer_resize(struct qn_infer_ctx *c); /* param 1: Upsample */
void qn_infer_center_crop_pad(struct qn_infer_ctx *c);

/* gather.c */
void qn_infer_gather(struct qn_infer_ctx *c);
void qn_infer_gather_elements(struct qn_infer_ctx *c);
void qn_infer_gather_nd(struct qn_infer_ctx *c);
void qn_infer_nonzero(struct qn_infer_ctx *c);
void qn_infer_compress(struct qn_infer_ctx *c);
void qn_infer_one_hot(struct qn_infer_ctx *c);
void qn_infer_unique(struct qn_infer_ctx *c);
void qn_infer_nms(struct qn_infer_ctx *c);
void qn_infer_grid_sample(struct qn_infer_ctx *c);
void qn_infer_affine_grid(struct qn_infer_ctx *c);

/* layers.c */
void qn_infer_rnn(struct qn_infer_ctx *c); /* param: number of states, 2 LSTM */
void qn_infer_batch_norm(struct qn_infer_ctx *c);
void qn_infer_layer_norm(struct qn_infer_ctx *c);
void qn_infer_dynamic_quantize(struct qn_infer_ctx *c);
void qn_infer_quantize(struct qn_infer_ctx *c);
void qn_infer_dequantize(struct qn_infer_ctx *c);
void qn_infer_loss(struct qn_infer_ctx *c); /* param: outputs like input 0 */
void qn_infer_window_function(struct qn_infer_ctx *c);
void qn_infer_dft(struct qn_infer_ctx *c);
void qn_infer_stft(struct qn_infer_ctx *c);
void qn_infer_multinomial(struct qn_infer_ctx *c);
void qn_infer_string_split(struct qn_infer_ctx *c);
void qn_infer_mel(struct qn_infer_ctx *c);
void qn_infer_string_normalizer(struct qn_infer_ctx *c);
void qn_infer_tf_idf(struct qn_infer_ctx *c);
void qn_infer_image_decoder(struct qn_infer_ctx *c);
void qn_infer_causal_conv(struct qn_infer_ctx *c);

/* control.c */
void qn_infer_if(struct qn_infer_ctx *c);
void qn_infer_loop(struct qn_infer_ctx *c);
void qn_infer_scan(struct qn_infer_ctx *c);

/* sequence.c */
void qn_infer_sequence_construct(struct qn_infer_ctx *c);
void qn_infer_sequence_empty(struct qn_infer_ctx *c);
void qn_infer_sequence_insert(struct qn_infer_ctx *c);
void qn_infer_sequence_at(struct qn_infer_ctx *c);
void qn_infer_sequence_same(struct qn_infer_ctx *c);
void qn_infer_scalar(struct qn_infer_ctx *c); /* type from the schema */
void qn_infer_split_to_sequence(struct qn_infer_ctx *c);
void qn_infer_concat_from_sequence(struct qn_infer_ctx *c);
void qn_infer_optional(struct qn_infer_ctx *c);
void qn_infer_optional_get(struct qn_infer_ctx *c);

/* contrib.c: com.microsoft; param: input whose type output 0 has */
void qn_infer_ms_like(struct qn_infer_ctx *c);
void qn_infer_ms_binary(struct qn_infer_ctx *c);
void qn_infer_ms_fused_matmul(struct qn_infer_ctx *c);
void qn_infer_ms_matmul_nbits(struct qn_infer_ctx *c);
void qn_infer_ms_skip_norm(struct qn_infer_ctx *c);
void qn_infer_ms_integer_matmul(struct qn_infer_ctx *c);
void qn_infer_ms_lstm(struct qn_infer_ctx *c);
void qn_infer_ms_qgemm(struct qn_infer_ctx *c);

/* numbers.c, numbers_move.c: numbers of output 0 when its shape is known;
 * param of the row of arithmetic operators: enum qn_arithmetic */
enum qn_arithmetic {
    QN_ADD = 0,
    QN_SUB,
    QN_MUL,
    QN_DIV,
    QN_MOD,
    QN_MIN,
    QN_MAX,
    QN_EQUAL,
    QN_LESS,
    QN_LESS_EQUAL,
    QN_GREATER,
    QN_GREATER_EQUAL,
    QN_AND,
    QN_OR,
    QN_XOR,
    QN_NEG,
    QN_ABS,
    QN_NOT,
    QN_SIGN,
    QN_FLOOR, /* whole numbers stay: Floor, Ceil, Round, Identity */
};
void qn_infer_numbers_binary(struct qn_infer_ctx *c);
void qn_infer_numbers_unary(struct qn_infer_ctx *c);
void qn_infer_numbers_where(struct qn_infer_ctx *c);
void qn_infer_numbers_cast(struct qn_infer_ctx *c);
void qn_infer_numbers_reduce(struct qn_infer_ctx *c);
void qn_infer_numbers_copy(struct qn_infer_ctx *c); /* input 0, other shape */
void qn_infer_numbers_shape_of(struct qn_infer_ctx *c);
void qn_infer_numbers_size_of(struct qn_infer_ctx *c);
void qn_infer_numbers_constant(struct qn_infer_ctx *c);
void qn_infer_numbers_fill(struct qn_infer_ctx *c);
void qn_infer_numbers_range(struct qn_infer_ctx *c);
void qn_infer_numbers_concat(struct qn_infer_ctx *c);
void qn_infer_numbers_gather(struct qn_infer_ctx *c);
void qn_infer_numbers_slice(struct qn_infer_ctx *c);
void qn_infer_numbers_split(struct qn_infer_ctx *c);
void qn_infer_numbers_transpose(struct qn_infer_ctx *c);
void qn_infer_numbers_expand(struct qn_infer_ctx *c);
void qn_infer_numbers_tile(struct qn_infer_ctx *c);
void qn_infer_numbers_nonzero(struct qn_infer_ctx *c);
void qn_infer_numbers_gather_nd(struct qn_infer_ctx *c);

/** Elements of output 0 when its shape is known and small, else -1. */
int64_t qn_infer_numbers_len(const struct qn_infer_ctx *c);

/** Start, end and step of Slice along the axes of input 0 that it cuts. */
struct qn_slice {
    bool known; /* which axes are cut */
    size_t n;
    struct {
        int axis;
        struct quern_number start;
        struct quern_number end;
        struct quern_number step;
    } cut[QUERN_MAX_RANK];
};
void qn_infer_slice_of(struct qn_infer_ctx *c, struct qn_slice *out);

#endif
