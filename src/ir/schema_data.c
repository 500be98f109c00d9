/* Operator schemas: made by scripts/gen-schema.py from onnx 1.23.2. Do not
 * edit. */
#include "ir/schema_data.h"

const char qn_schema_pool[] = "\0"
                              "X\0"
                              "T\0"
                              "Y\0"
                              "consumed_inputs\0"
                              "input\0"
                              "output\0"
                              "A\0"
                              "B\0"
                              "C\0"
                              "axis\0"
                              "broadcast\0"
                              "theta\0"
                              "T1\0"
                              "size\0"
                              "T2\0"
                              "grid\0"
                              "align_corners\0"
                              "data\0"
                              "reduced\0"
                              "tensor(int64)\0"
                              "keepdims\0"
                              "select_last_index\0"
                              "Q\0"
                              "K\0"
                              "V\0"
                              "attn_mask\0"
                              "U\0"
                              "past_key\0"
                              "past_value\0"
                              "present_key\0"
                              "present_value\0"
                              "qk_matmul_output\0"
                              "is_causal\0"
                              "kv_num_heads\0"
                              "q_num_heads\0"
                              "qk_matmul_output_mode\0"
                              "scale\0"
                              "softcap\0"
                              "softmax_precision\0"
                              "nonpad_kv_seqlen\0"
                              "left_window_size\0"
                              "right_window_size\0"
                              "NOTSET\0"
                              "auto_pad\0"
                              "kernel_shape\0"
                              "pads\0"
                              "strides\0"
                              "count_include_pad\0"
                              "ceil_mode\0"
                              "dilations\0"
                              "mean\0"
                              "var\0"
                              "saved_mean\0"
                              "saved_var\0"
                              "epsilon\0"
                              "is_test\0"
                              "momentum\0"
                              "spatial\0"
                              "input_mean\0"
                              "input_var\0"
                              "running_mean\0"
                              "running_var\0"
                              "training_mode\0"
                              "dtype\0"
                              "seed\0"
                              "to\0"
                              "Z\0"
                              "direction\0"
                              "output_datatype\0"
                              "periodic\0"
                              "saturate\0"
                              "up\0"
                              "round_mode\0"
                              "target_type\0"
                              "weight\0"
                              "bias\0"
                              "past_state\0"
                              "present_state\0"
                              "none\0"
                              "activation\0"
                              "alpha\0"
                              "input_data\0"
                              "shape\0"
                              "Tind\0"
                              "output_data\0"
                              "axes\0"
                              "max\0"
                              "min\0"
                              "image_shape\0"
                              "block_shape\0"
                              "condition\0"
                              "inputs\0"
                              "concat_result\0"
                              "input_sequence\0"
                              "S\0"
                              "new_axis\0"
                              "value\0"
                              "sparse_value\0"
                              "value_float\0"
                              "value_floats\0"
                              "value_int\0"
                              "value_ints\0"
                              "value_string\0"
                              "value_strings\0"
                              "W\0"
                              "group\0"
                              "x\0"
                              "w\0"
                              "x_zero_point\0"
                              "w_zero_point\0"
                              "y\0"
                              "T3\0"
                              "output_padding\0"
                              "output_shape\0"
                              "exclusive\0"
                              "reverse\0"
                              "dft_length\0"
                              "inverse\0"
                              "onesided\0"
                              "offset\0"
                              "mask\0"
                              "offset_group\0"
                              "blocksize\0"
                              "DCR\0"
                              "mode\0"
                              "x_scale\0"
                              "tensor(float)\0"
                              "block_size\0"
                              "output_dtype\0"
                              "ratio\0"
                              "y_scale\0"
                              "y_zero_point\0"
                              "Inputs\0"
                              "Output\0"
                              "equation\0"
                              "k\0"
                              "R\0"
                              "sequence_lens\0"
                              "initial_h\0"
                              "Y_h\0"
                              "activation_alpha\0"
                              "activation_beta\0"
                              "activations\0"
                              "clip\0"
                              "foward\0"
                              "hidden_size\0"
                              "output_sequence\0"
                              "forward\0"
                              "linear_before_reset\0"
                              "layout\0"
                              "indices\0"
                              "batch_dims\0"
                              "approximate\0"
                              "beta\0"
                              "transA\0"
                              "transB\0"
                              "p\0"
                              "bilinear\0"
                              "zeros\0"
                              "padding_mode\0"
                              "linear\0"
                              "num_groups\0"
                              "stash_type\0"
                              "cond\0"
                              "outputs\0"
                              "else_branch\0"
                              "then_branch\0"
                              "encoded_stream\0"
                              "image\0"
                              "RGB\0"
                              "pixel_format\0"
                              "detect_negative\0"
                              "detect_positive\0"
                              "initial_c\0"
                              "P\0"
                              "Y_c\0"
                              "input_forget\0"
                              "Scale\0"
                              "Mean\0"
                              "InvStdDev\0"
                              "query\0"
                              "key\0"
                              "decay\0"
                              "chunk_size\0"
                              "gated_delta\0"
                              "update_rule\0"
                              "M\0"
                              "I\0"
                              "v_initial\0"
                              "v_final_and_scan_outputs\0"
                              "body\0"
                              "a_zero_point\0"
                              "b_zero_point\0"
                              "data_0\0"
                              "Indices\0"
                              "storage_order\0"
                              "rois\0"
                              "pooled_shape\0"
                              "spatial_scale\0"
                              "num_mel_bins\0"
                              "sample_rate\0"
                              "lower_edge_hertz\0"
                              "upper_edge_hertz\0"
                              "fmod\0"
                              "sample_size\0"
                              "target\0"
                              "loss\0"
                              "ignore_index\0"
                              "reduction\0"
                              "boxes\0"
                              "scores\0"
                              "max_output_boxes_per_class\0"
                              "iou_threshold\0"
                              "score_threshold\0"
                              "selected_indices\0"
                              "center_point_box\0"
                              "depth\0"
                              "values\0"
                              "O\0"
                              "type\0"
                              "slope\0"
                              "constant\0"
                              "paddings\0"
                              "constant_value\0"
                              "w_scale\0"
                              "T4\0"
                              "a\0"
                              "a_scale\0"
                              "b\0"
                              "b_scale\0"
                              "TS\0"
                              "precision\0"
                              "Tanh\0"
                              "Tanh\0"
                              "high\0"
                              "low\0"
                              "start\0"
                              "limit\0"
                              "delta\0"
                              "noop_with_empty_axes\0"
                              "pattern\0"
                              "reshaped\0"
                              "allowzero\0"
                              "scales\0"
                              "nearest\0"
                              "roi\0"
                              "sizes\0"
                              "half_pixel\0"
                              "coordinate_transformation_mode\0"
                              "cubic_coeff_a\0"
                              "exclude_outside\0"
                              "extrapolation_value\0"
                              "round_prefer_floor\0"
                              "nearest_mode\0"
                              "antialias\0"
                              "stretch\0"
                              "keep_aspect_ratio_policy\0"
                              "batch_axis\0"
                              "time_axis\0"
                              "batch_indices\0"
                              "avg\0"
                              "output_height\0"
                              "output_width\0"
                              "sampling_ratio\0"
                              "cos_cache\0"
                              "sin_cache\0"
                              "position_ids\0"
                              "interleaved\0"
                              "num_heads\0"
                              "rotary_embedding_dim\0"
                              "signal\0"
                              "frame_step\0"
                              "window\0"
                              "frame_length\0"
                              "initial_state_and_scan_inputs\0"
                              "final_state_and_scan_outputs\0"
                              "directions\0"
                              "num_scan_inputs\0"
                              "scan_input_axes\0"
                              "scan_input_directions\0"
                              "scan_output_axes\0"
                              "scan_output_directions\0"
                              "updates\0"
                              "gamma\0"
                              "position\0"
                              "tensor\0"
                              "length\0"
                              "additional_inputs\0"
                              "out_sequence\0"
                              "end\0"
                              "lambd\0"
                              "ends\0"
                              "starts\0"
                              "steps\0"
                              "labels\0"
                              "weights\0"
                              "log_prob\0"
                              "split\0"
                              "outputs...\0"
                              "num_outputs\0"
                              "squeezed\0"
                              "tensor(string)\0"
                              "NONE\0"
                              "case_change_action\0"
                              "is_case_sensitive\0"
                              "locale\0"
                              "stopwords\0"
                              "delimiter\0"
                              "maxsplit\0"
                              "sum\0"
                              "past_cache\0"
                              "update\0"
                              "write_indices\0"
                              "present_cache\0"
                              "max_gram_length\0"
                              "max_skip_count\0"
                              "min_gram_length\0"
                              "ngram_counts\0"
                              "ngram_indexes\0"
                              "pool_int64s\0"
                              "pool_strings\0"
                              "tiles\0"
                              "repeats\0"
                              "Values\0"
                              "largest\0"
                              "sorted\0"
                              "transposed\0"
                              "perm\0"
                              "upper\0"
                              "inverse_indices\0"
                              "counts\0"
                              "expanded\0"
                              "height_scale\0"
                              "width_scale\0"
                              "threshold\0"
                              "TO_FLOAT\0"
                              "cast_to\0"
                              "DENSE\0"
                              "map_form\0"
                              "max_map\0"
                              "cats_int64s\0"
                              "cats_strings\0"
                              "default_int64\0"
                              "_Unused\0"
                              "default_string\0"
                              "int64_vocabulary\0"
                              "string_vocabulary\0"
                              "inputdimensions\0"
                              "imputed_value_floats\0"
                              "imputed_value_int64s\0"
                              "replaced_value_float\0"
                              "replaced_value_int64\0"
                              "classes_strings\0"
                              "default_float\0"
                              "keys_floats\0"
                              "keys_int64s\0"
                              "keys_strings\0"
                              "values_floats\0"
                              "values_int64s\0"
                              "values_strings\0"
                              "default_tensor\0"
                              "keys_tensor\0"
                              "values_tensor\0"
                              "classlabels_ints\0"
                              "classlabels_strings\0"
                              "coefficients\0"
                              "intercepts\0"
                              "multi_class\0"
                              "post_transform\0"
                              "targets\0"
                              "MAX\0"
                              "norm\0"
                              "kernel_params\0"
                              "LINEAR\0"
                              "kernel_type\0"
                              "prob_a\0"
                              "prob_b\0"
                              "rho\0"
                              "support_vectors\0"
                              "vectors_per_class\0"
                              "n_supports\0"
                              "one_class\0"
                              "aggregate_function\0"
                              "leaf_targetids\0"
                              "leaf_weights\0"
                              "membership_values\0"
                              "n_targets\0"
                              "nodes_falseleafs\0"
                              "nodes_falsenodeids\0"
                              "nodes_featureids\0"
                              "nodes_hitrates\0"
                              "nodes_missing_value_tracks_true\0"
                              "nodes_modes\0"
                              "nodes_splits\0"
                              "nodes_trueleafs\0"
                              "nodes_truenodeids\0"
                              "tree_roots\0"
                              "base_values\0"
                              "class_ids\0"
                              "class_nodeids\0"
                              "class_treeids\0"
                              "class_weights\0"
                              "classlabels_int64s\0"
                              "nodes_nodeids\0"
                              "nodes_treeids\0"
                              "nodes_values\0"
                              "base_values_as_tensor\0"
                              "class_weights_as_tensor\0"
                              "nodes_hitrates_as_tensor\0"
                              "nodes_values_as_tensor\0"
                              "SUM\0"
                              "target_ids\0"
                              "target_nodeids\0"
                              "target_treeids\0"
                              "target_weights\0"
                              "target_weights_as_tensor\0"
                              "decay_factor\0"
                              "norm_coefficient\0"
                              "norm_coefficient_post\0"
                              "Outputs\0"
                              "xs\0"
                              "zs\0"
                              "mask_index\0"
                              "past\0"
                              "attention_bias\0"
                              "past_sequence_length\0"
                              "present\0"
                              "do_rotary\0"
                              "mask_filter_value\0"
                              "past_present_share_buffer\0"
                              "qkv_hidden_sizes\0"
                              "unidirectional\0"
                              "W_scale\0"
                              "W_zero_point\0"
                              "R_scale\0"
                              "R_zero_point\0"
                              "input_ids\0"
                              "segment_ids\0"
                              "word_embedding\0"
                              "position_embedding\0"
                              "segment_embedding\0"
                              "embedding_sum\0"
                              "mask_index_type\0"
                              "activation_params\0"
                              "transBatchA\0"
                              "transBatchB\0"
                              "zero_points\0"
                              "g_idx\0"
                              "N\0"
                              "accuracy_level\0"
                              "bits\0"
                              "weight_prepacked\0"
                              "key_padding_mask\0"
                              "cache_indirection\0"
                              "qk\0"
                              "QK\0"
                              "input_scale\0"
                              "weight_scale\0"
                              "input_zero_point\0"
                              "weight_zero_point\0"
                              "TA\0"
                              "TB\0"
                              "TC\0"
                              "TYZ\0"
                              "TY\0"
                              "A_scale\0"
                              "A_zero_point\0"
                              "B_scale\0"
                              "B_zero_point\0"
                              "C_scale\0"
                              "C_zero_point\0"
                              "channels_last\0"
                              "Y_scale\0"
                              "TF\0"
                              "Y_zero_point\0"
                              "T8\0"
                              "TV\0"
                              "X_scale\0"
                              "X_zero_point\0"
                              "opset\0"
                              "skip\0"
                              "inv_std_var\0"
                              "input_skip_bias_sum\0"
                              "Abs\0"
                              "Acos\0"
                              "Acosh\0"
                              "Add\0"
                              "AffineGrid\0"
                              "And\0"
                              "ArgMax\0"
                              "ArgMin\0"
                              "Asin\0"
                              "Asinh\0"
                              "Atan\0"
                              "Atanh\0"
                              "Attention\0"
                              "AveragePool\0"
                              "BatchNormalization\0"
                              "Bernoulli\0"
                              "BitCast\0"
                              "BitShift\0"
                              "BitwiseAnd\0"
                              "BitwiseNot\0"
                              "BitwiseOr\0"
                              "BitwiseXor\0"
                              "BlackmanWindow\0"
                              "Cast\0"
                              "CastLike\0"
                              "CausalConvWithState\0"
                              "Ceil\0"
                              "Celu\0"
                              "CenterCropPad\0"
                              "Clip\0"
                              "Col2Im\0"
                              "Compress\0"
                              "Concat\0"
                              "ConcatFromSequence\0"
                              "Constant\0"
                              "ConstantOfShape\0"
                              "Conv\0"
                              "ConvInteger\0"
                              "ConvTranspose\0"
                              "Cos\0"
                              "Cosh\0"
                              "CumProd\0"
                              "CumSum\0"
                              "DFT\0"
                              "DeformConv\0"
                              "DepthToSpace\0"
                              "DequantizeLinear\0"
                              "Det\0"
                              "Div\0"
                              "Dropout\0"
                              "DynamicQuantizeLinear\0"
                              "Einsum\0"
                              "Elu\0"
                              "Equal\0"
                              "Erf\0"
                              "Exp\0"
                              "Expand\0"
                              "EyeLike\0"
                              "Flatten\0"
                              "Floor\0"
                              "GRU\0"
                              "Gather\0"
                              "GatherElements\0"
                              "GatherND\0"
                              "Gelu\0"
                              "Gemm\0"
                              "GlobalAveragePool\0"
                              "GlobalLpPool\0"
                              "GlobalMaxPool\0"
                              "Greater\0"
                              "GreaterOrEqual\0"
                              "GridSample\0"
                              "GroupNormalization\0"
                              "HammingWindow\0"
                              "HannWindow\0"
                              "HardSigmoid\0"
                              "HardSwish\0"
                              "Hardmax\0"
                              "Identity\0"
                              "If\0"
                              "ImageDecoder\0"
                              "InstanceNormalization\0"
                              "IsInf\0"
                              "IsNaN\0"
                              "LRN\0"
                              "LSTM\0"
                              "LayerNormalization\0"
                              "LeakyRelu\0"
                              "Less\0"
                              "LessOrEqual\0"
                              "LinearAttention\0"
                              "Log\0"
                              "LogSoftmax\0"
                              "Loop\0"
                              "LpNormalization\0"
                              "LpPool\0"
                              "MatMul\0"
                              "MatMulInteger\0"
                              "Max\0"
                              "MaxPool\0"
                              "MaxRoiPool\0"
                              "MaxUnpool\0"
                              "MeanVarianceNormalization\0"
                              "MelWeightMatrix\0"
                              "Min\0"
                              "Mish\0"
                              "Mod\0"
                              "Mul\0"
                              "Multinomial\0"
                              "Neg\0"
                              "NegativeLogLikelihoodLoss\0"
                              "NonMaxSuppression\0"
                              "NonZero\0"
                              "Not\0"
                              "OneHot\0"
                              "Optional\0"
                              "OptionalGetElement\0"
                              "OptionalHasElement\0"
                              "Or\0"
                              "PRelu\0"
                              "Pad\0"
                              "Pow\0"
                              "QLinearConv\0"
                              "QLinearMatMul\0"
                              "QuantizeLinear\0"
                              "RMSNormalization\0"
                              "RNN\0"
                              "RandomNormal\0"
                              "RandomNormalLike\0"
                              "RandomUniform\0"
                              "RandomUniformLike\0"
                              "Range\0"
                              "Reciprocal\0"
                              "ReduceL1\0"
                              "ReduceL2\0"
                              "ReduceLogSum\0"
                              "ReduceLogSumExp\0"
                              "ReduceMax\0"
                              "ReduceMean\0"
                              "ReduceMin\0"
                              "ReduceProd\0"
                              "ReduceSum\0"
                              "ReduceSumSquare\0"
                              "RegexFullMatch\0"
                              "Relu\0"
                              "Reshape\0"
                              "Resize\0"
                              "ReverseSequence\0"
                              "RoiAlign\0"
                              "RotaryEmbedding\0"
                              "Round\0"
                              "STFT\0"
                              "Scan\0"
                              "Scatter\0"
                              "ScatterElements\0"
                              "ScatterND\0"
                              "Selu\0"
                              "SequenceAt\0"
                              "SequenceConstruct\0"
                              "SequenceEmpty\0"
                              "SequenceErase\0"
                              "SequenceInsert\0"
                              "SequenceLength\0"
                              "SequenceMap\0"
                              "Shape\0"
                              "Shrink\0"
                              "Sigmoid\0"
                              "Sign\0"
                              "Sin\0"
                              "Sinh\0"
                              "Size\0"
                              "Slice\0"
                              "Softmax\0"
                              "SoftmaxCrossEntropyLoss\0"
                              "Softplus\0"
                              "Softsign\0"
                              "SpaceToDepth\0"
                              "Split\0"
                              "SplitToSequence\0"
                              "Sqrt\0"
                              "Squeeze\0"
                              "StringConcat\0"
                              "StringNormalizer\0"
                              "StringSplit\0"
                              "Sub\0"
                              "Sum\0"
                              "SwiGLU\0"
                              "Swish\0"
                              "Tan\0"
                              "Tanh\0"
                              "TensorScatter\0"
                              "TfIdfVectorizer\0"
                              "ThresholdedRelu\0"
                              "Tile\0"
                              "TopK\0"
                              "Transpose\0"
                              "Trilu\0"
                              "Unique\0"
                              "Unsqueeze\0"
                              "Upsample\0"
                              "Where\0"
                              "Xor\0"
                              "ai.onnx.ml\0"
                              "ArrayFeatureExtractor\0"
                              "Binarizer\0"
                              "CastMap\0"
                              "CategoryMapper\0"
                              "DictVectorizer\0"
                              "FeatureVectorizer\0"
                              "Imputer\0"
                              "LabelEncoder\0"
                              "LinearClassifier\0"
                              "LinearRegressor\0"
                              "Normalizer\0"
                              "OneHotEncoder\0"
                              "SVMClassifier\0"
                              "SVMRegressor\0"
                              "Scaler\0"
                              "TreeEnsemble\0"
                              "TreeEnsembleClassifier\0"
                              "TreeEnsembleRegressor\0"
                              "ZipMap\0"
                              "ai.onnx.preview.training\0"
                              "Adagrad\0"
                              "Adam\0"
                              "Gradient\0"
                              "Momentum\0"
                              "com.microsoft\0"
                              "BiasGelu\0"
                              "DynamicQuantizeLSTM\0"
                              "DynamicQuantizeMatMul\0"
                              "EmbedLayerNormalization\0"
                              "FastGelu\0"
                              "FusedConv\0"
                              "FusedMatMul\0"
                              "MatMulIntegerToFloat\0"
                              "MatMulNBits\0"
                              "MultiHeadAttention\0"
                              "QAttention\0"
                              "QGemm\0"
                              "QLinearAdd\0"
                              "QLinearAveragePool\0"
                              "QLinearConcat\0"
                              "QLinearGlobalAveragePool\0"
                              "QLinearLeakyRelu\0"
                              "QLinearMul\0"
                              "QLinearSigmoid\0"
                              "QLinearSoftmax\0"
                              "SkipLayerNormalization\0";

const struct qn_schema qn_schema_rows[] = {
    {0, 5165, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 5165, 6, 0, 1, 1, 0, 1, 1, 2, 1, 1, 1},
    {0, 5165, 13, 0, 1, 1, 0, 1, 1, 4, 1, 1, 1},
    {0, 5169, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5169, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5174, 9, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5174, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5180, 1, 0, 2, 1, 3, 2, 1, 10, 1, 2, 1},
    {0, 5180, 6, 0, 2, 1, 2, 2, 1, 13, 4, 2, 1},
    {0, 5180, 7, 2, 2, 1, 0, 2, 1, 13, 1, 2, 1},
    {0, 5180, 13, 2, 2, 1, 0, 2, 1, 16, 1, 2, 1},
    {0, 5180, 14, 2, 2, 1, 0, 2, 1, 19, 1, 2, 1},
    {0, 5184, 20, 4, 2, 1, 1, 2, 1, 22, 6, 2, 1},
    {0, 5195, 1, 0, 2, 1, 2, 2, 1, 25, 4, 2, 1},
    {0, 5195, 7, 2, 2, 1, 0, 2, 1, 25, 1, 2, 1},
    {0, 5199, 1, 0, 1, 1, 2, 1, 1, 28, 7, 1, 1},
    {0, 5199, 11, 0, 1, 1, 2, 1, 1, 28, 7, 1, 1},
    {0, 5199, 12, 0, 1, 1, 3, 1, 1, 28, 9, 1, 1},
    {0, 5199, 13, 0, 1, 1, 3, 1, 1, 30, 9, 1, 1},
    {0, 5206, 1, 0, 1, 1, 2, 1, 1, 28, 7, 1, 1},
    {0, 5206, 11, 0, 1, 1, 2, 1, 1, 28, 7, 1, 1},
    {0, 5206, 12, 0, 1, 1, 3, 1, 1, 28, 9, 1, 1},
    {0, 5206, 13, 0, 1, 1, 3, 1, 1, 30, 9, 1, 1},
    {0, 5213, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5213, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5218, 9, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5218, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5224, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5224, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5229, 9, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5229, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5235, 23, 4, 6, 4, 7, 3, 1, 32, 12, 6, 4},
    {0, 5235, 24, 4, 7, 4, 7, 3, 1, 42, 12, 7, 4},
    {0, 5235, 25, 4, 7, 4, 9, 3, 1, 42, 19, 7, 4},
    {0, 5245, 1, 0, 1, 1, 4, 1, 1, 0, 28, 1, 1},
    {0, 5245, 7, 0, 1, 1, 5, 1, 1, 0, 32, 1, 1},
    {0, 5245, 10, 0, 1, 1, 6, 1, 1, 0, 37, 1, 1},
    {0, 5245, 11, 0, 1, 1, 6, 1, 1, 0, 37, 1, 1},
    {0, 5245, 19, 0, 1, 1, 7, 1, 1, 0, 43, 1, 1},
    {0, 5245, 22, 0, 1, 1, 7, 1, 1, 53, 43, 1, 1},
    {0, 5257, 1, 0, 5, 5, 5, 5, 1, 55, 50, 5, 5},
    {0, 5257, 6, 0, 5, 5, 4, 5, 1, 55, 55, 5, 5},
    {0, 5257, 7, 0, 5, 5, 3, 5, 1, 55, 59, 5, 5},
    {0, 5257, 9, 0, 5, 5, 2, 5, 1, 55, 62, 5, 5},
    {0, 5257, 14, 0, 5, 3, 3, 5, 1, 65, 64, 5, 3},
    {0, 5257, 15, 0, 5, 3, 3, 5, 1, 73, 64, 5, 3},
    {0, 5276, 15, 4, 1, 1, 2, 1, 1, 81, 67, 1, 1},
    {0, 5276, 22, 4, 1, 1, 2, 1, 1, 83, 67, 1, 1},
    {0, 5286, 26, 0, 1, 1, 1, 1, 1, 85, 69, 1, 1},
    {0, 5294, 11, 0, 2, 1, 1, 2, 1, 87, 70, 2, 1},
    {0, 5294, 28, 0, 2, 1, 1, 2, 1, 90, 70, 2, 1},
    {0, 5303, 18, 2, 2, 1, 0, 2, 1, 93, 1, 2, 1},
    {0, 5314, 18, 0, 1, 1, 0, 1, 1, 96, 1, 1, 1},
    {0, 5325, 18, 2, 2, 1, 0, 2, 1, 93, 1, 2, 1},
    {0, 5335, 18, 2, 2, 1, 0, 2, 1, 93, 1, 2, 1},
    {0, 5346, 17, 4, 1, 1, 2, 1, 1, 98, 71, 1, 1},
    {0, 5361, 1, 0, 1, 1, 1, 1, 1, 100, 73, 1, 1},
    {0, 5361, 6, 0, 1, 1, 1, 1, 1, 100, 69, 1, 1},
    {0, 5361, 9, 0, 1, 1, 1, 1, 1, 102, 69, 1, 1},
    {0, 5361, 13, 0, 1, 1, 1, 1, 1, 104, 69, 1, 1},
    {0, 5361, 19, 0, 1, 1, 2, 1, 1, 106, 74, 1, 1},
    {0, 5361, 21, 0, 1, 1, 2, 1, 1, 108, 74, 1, 1},
    {0, 5361, 23, 0, 1, 1, 2, 1, 1, 110, 74, 1, 1},
    {0, 5361, 24, 0, 1, 1, 3, 1, 1, 112, 76, 1, 1},
    {0, 5361, 25, 0, 1, 1, 3, 1, 1, 114, 76, 1, 1},
    {0, 5361, 28, 0, 1, 1, 3, 1, 1, 116, 76, 1, 1},
    {0, 5366, 15, 4, 2, 1, 0, 2, 1, 118, 1, 2, 1},
    {0, 5366, 19, 4, 2, 1, 1, 2, 1, 121, 79, 2, 1},
    {0, 5366, 21, 4, 2, 1, 1, 2, 1, 124, 79, 2, 1},
    {0, 5366, 23, 4, 2, 1, 1, 2, 1, 127, 79, 2, 1},
    {0, 5366, 24, 4, 2, 1, 2, 2, 1, 130, 80, 2, 1},
    {0, 5366, 25, 4, 2, 1, 2, 2, 1, 133, 80, 2, 1},
    {0, 5375, 27, 4, 4, 2, 1, 2, 2, 136, 82, 4, 2},
    {0, 5395, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 5395, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5395, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5400, 12, 4, 1, 1, 1, 1, 1, 142, 83, 1, 1},
    {0, 5400, 28, 4, 1, 1, 1, 1, 1, 53, 83, 1, 1},
    {0, 5405, 18, 4, 2, 1, 1, 2, 1, 144, 84, 2, 1},
    {0, 5419, 1, 0, 1, 1, 3, 1, 1, 6, 85, 1, 1},
    {0, 5419, 6, 0, 1, 1, 2, 1, 1, 6, 88, 1, 1},
    {0, 5419, 11, 0, 3, 1, 0, 1, 1, 147, 1, 3, 1},
    {0, 5419, 12, 0, 3, 1, 0, 1, 1, 151, 1, 3, 1},
    {0, 5419, 13, 4, 3, 1, 0, 1, 1, 155, 1, 3, 1},
    {0, 5424, 18, 0, 3, 1, 3, 3, 1, 159, 90, 3, 1},
    {0, 5431, 9, 0, 2, 1, 1, 2, 1, 163, 93, 2, 1},
    {0, 5431, 11, 0, 2, 1, 1, 2, 1, 163, 93, 2, 1},
    {0, 5431, 28, 0, 2, 1, 1, 2, 1, 166, 93, 2, 1},
    {0, 5440, 1, 0, 1, 1, 1, 1, 1, 169, 93, 2147483647, 1},
    {0, 5440, 4, 0, 1, 1, 1, 1, 1, 171, 94, 2147483647, 1},
    {0, 5440, 11, 0, 1, 1, 1, 1, 1, 171, 94, 2147483647, 1},
    {0, 5440, 13, 0, 1, 1, 1, 1, 1, 173, 94, 2147483647, 1},
    {0, 5447, 11, 0, 1, 1, 2, 1, 1, 175, 95, 1, 1},
    {0, 5466, 1, 0, 0, 1, 1, 0, 1, 177, 97, 0, 1},
    {0, 5466, 9, 0, 0, 1, 1, 0, 1, 178, 97, 0, 1},
    {0, 5466, 11, 0, 0, 1, 2, 0, 1, 178, 98, 0, 1},
    {0, 5466, 12, 0, 0, 1, 8, 0, 1, 178, 100, 0, 1},
    {0, 5466, 13, 0, 0, 1, 8, 0, 1, 179, 100, 0, 1},
    {0, 5466, 19, 0, 0, 1, 8, 0, 1, 180, 100, 0, 1},
    {0, 5466, 21, 0, 0, 1, 8, 0, 1, 181, 100, 0, 1},
    {0, 5466, 23, 0, 0, 1, 8, 0, 1, 182, 100, 0, 1},
    {0, 5466, 24, 0, 0, 1, 8, 0, 1, 183, 100, 0, 1},
    {0, 5466, 25, 0, 0, 1, 8, 0, 1, 184, 100, 0, 1},
    {0, 5475, 9, 0, 1, 1, 1, 1, 1, 185, 108, 1, 1},
    {0, 5475, 20, 0, 1, 1, 1, 1, 1, 187, 108, 1, 1},
    {0, 5475, 21, 0, 1, 1, 1, 1, 1, 189, 108, 1, 1},
    {0, 5475, 23, 0, 1, 1, 1, 1, 1, 191, 108, 1, 1},
    {0, 5475, 24, 0, 1, 1, 1, 1, 1, 193, 108, 1, 1},
    {0, 5475, 25, 0, 1, 1, 1, 1, 1, 195, 108, 1, 1},
    {0, 5491, 1, 0, 3, 1, 6, 2, 1, 197, 109, 3, 1},
    {0, 5491, 11, 0, 3, 1, 6, 2, 1, 197, 109, 3, 1},
    {0, 5491, 22, 0, 3, 1, 6, 2, 1, 201, 109, 3, 1},
    {0, 5496, 10, 0, 4, 1, 6, 2, 1, 205, 109, 4, 1},
    {0, 5508, 1, 0, 3, 1, 8, 2, 1, 197, 115, 3, 1},
    {0, 5508, 11, 0, 3, 1, 8, 2, 1, 197, 115, 3, 1},
    {0, 5508, 22, 0, 3, 1, 8, 2, 1, 201, 115, 3, 1},
    {0, 5522, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5522, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5526, 9, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5526, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5531, 26, 0, 2, 1, 2, 2, 1, 210, 123, 2, 1},
    {0, 5539, 11, 0, 2, 1, 2, 2, 1, 213, 123, 2, 1},
    {0, 5539, 14, 0, 2, 1, 2, 2, 1, 210, 123, 2, 1},
    {0, 5546, 17, 0, 2, 1, 3, 1, 1, 216, 125, 2, 1},
    {0, 5546, 20, 0, 3, 1, 2, 1, 1, 219, 128, 3, 1},
    {0, 5550, 19, 0, 5, 1, 6, 3, 1, 223, 130, 5, 1},
    {0, 5550, 22, 0, 5, 1, 6, 3, 1, 229, 130, 5, 1},
    {0, 5561, 1, 0, 1, 1, 1, 1, 1, 235, 136, 1, 1},
    {0, 5561, 11, 0, 1, 1, 2, 1, 1, 235, 137, 1, 1},
    {0, 5561, 13, 0, 1, 1, 2, 1, 1, 237, 137, 1, 1},
    {0, 5561, 28, 4, 1, 1, 2, 1, 1, 237, 137, 1, 1},
    {0, 5574, 10, 0, 3, 1, 0, 2, 1, 239, 1, 3, 1},
    {0, 5574, 13, 0, 3, 1, 1, 2, 1, 239, 139, 3, 1},
    {0, 5574, 19, 0, 3, 1, 1, 2, 1, 243, 139, 3, 1},
    {0, 5574, 21, 0, 3, 1, 2, 2, 1, 247, 140, 3, 1},
    {0, 5574, 23, 0, 3, 1, 3, 2, 1, 251, 142, 3, 1},
    {0, 5574, 24, 0, 3, 1, 3, 2, 1, 255, 142, 3, 1},
    {0, 5574, 25, 0, 3, 1, 3, 2, 1, 259, 142, 3, 1},
    {0, 5574, 28, 0, 3, 1, 3, 2, 1, 263, 142, 3, 1},
    {0, 5591, 11, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5591, 22, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5595, 1, 0, 2, 1, 3, 2, 1, 10, 1, 2, 1},
    {0, 5595, 6, 0, 2, 1, 2, 2, 1, 13, 4, 2, 1},
    {0, 5595, 7, 0, 2, 1, 0, 2, 1, 13, 1, 2, 1},
    {0, 5595, 13, 0, 2, 1, 0, 2, 1, 16, 1, 2, 1},
    {0, 5595, 14, 0, 2, 1, 0, 2, 1, 19, 1, 2, 1},
    {0, 5599, 1, 0, 1, 2, 3, 1, 1, 267, 145, 1, 2},
    {0, 5599, 6, 0, 1, 2, 2, 1, 1, 267, 148, 1, 2},
    {0, 5599, 7, 0, 1, 2, 1, 1, 1, 267, 150, 1, 2},
    {0, 5599, 10, 0, 1, 2, 1, 1, 1, 270, 150, 1, 2},
    {0, 5599, 12, 0, 3, 2, 1, 1, 1, 273, 151, 3, 2},
    {0, 5599, 13, 0, 3, 2, 1, 1, 1, 278, 151, 3, 2},
    {0, 5599, 22, 0, 3, 2, 1, 1, 1, 283, 151, 3, 2},
    {0, 5607, 11, 4, 1, 3, 0, 1, 3, 288, 1, 1, 3},
    {0, 5629, 12, 0, 1, 1, 1, 1, 1, 292, 152, 2147483647, 1},
    {0, 5629, 28, 0, 1, 1, 1, 1, 1, 294, 152, 2147483647, 1},
    {0, 5636, 1, 0, 1, 1, 2, 1, 1, 0, 153, 1, 1},
    {0, 5636, 6, 4, 1, 1, 1, 1, 1, 0, 83, 1, 1},
    {0, 5636, 22, 4, 1, 1, 1, 1, 1, 53, 83, 1, 1},
    {0, 5640, 1, 0, 2, 1, 2, 2, 1, 296, 4, 2, 1},
    {0, 5640, 7, 2, 2, 1, 0, 2, 1, 296, 1, 2, 1},
    {0, 5640, 11, 2, 2, 1, 0, 2, 1, 299, 1, 2, 1},
    {0, 5640, 13, 2, 2, 1, 0, 2, 1, 302, 1, 2, 1},
    {0, 5640, 19, 2, 2, 1, 0, 2, 1, 305, 1, 2, 1},
    {0, 5646, 9, 0, 1, 1, 0, 1, 1, 308, 1, 1, 1},
    {0, 5646, 13, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5650, 1, 0, 1, 1, 1, 1, 1, 6, 0, 1, 1},
    {0, 5650, 6, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 5650, 13, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 5654, 8, 0, 2, 1, 0, 2, 1, 310, 1, 2, 1},
    {0, 5654, 13, 0, 2, 1, 0, 2, 1, 313, 1, 2, 1},
    {0, 5661, 9, 0, 1, 1, 2, 1, 1, 100, 155, 1, 1},
    {0, 5661, 22, 0, 1, 1, 2, 1, 1, 316, 155, 1, 1},
    {0, 5669, 1, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 5669, 9, 0, 1, 1, 1, 1, 1, 235, 139, 1, 1},
    {0, 5669, 11, 0, 1, 1, 1, 1, 1, 235, 139, 1, 1},
    {0, 5669, 13, 0, 1, 1, 1, 1, 1, 237, 139, 1, 1},
    {0, 5669, 21, 0, 1, 1, 1, 1, 1, 318, 139, 1, 1},
    {0, 5669, 23, 0, 1, 1, 1, 1, 1, 320, 139, 1, 1},
    {0, 5669, 24, 0, 1, 1, 1, 1, 1, 322, 139, 1, 1},
    {0, 5669, 25, 0, 1, 1, 1, 1, 1, 324, 139, 1, 1},
    {0, 5677, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 5677, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5677, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5683, 1, 0, 6, 2, 7, 3, 2, 326, 157, 6, 2},
    {0, 5683, 3, 0, 6, 2, 8, 3, 0, 334, 164, 6, 2},
    {0, 5683, 7, 0, 6, 2, 7, 3, 0, 334, 172, 6, 2},
    {0, 5683, 14, 0, 6, 2, 8, 3, 0, 334, 179, 6, 2},
    {0, 5683, 22, 0, 6, 2, 8, 3, 0, 342, 179, 6, 2},
    {0, 5687, 1, 0, 2, 1, 1, 2, 1, 350, 187, 2, 1},
    {0, 5687, 11, 0, 2, 1, 1, 2, 1, 350, 187, 2, 1},
    {0, 5687, 13, 0, 2, 1, 1, 2, 1, 353, 187, 2, 1},
    {0, 5694, 11, 0, 2, 1, 1, 2, 1, 350, 187, 2, 1},
    {0, 5694, 13, 0, 2, 1, 1, 2, 1, 353, 187, 2, 1},
    {0, 5709, 11, 0, 2, 1, 0, 2, 1, 356, 1, 2, 1},
    {0, 5709, 12, 0, 2, 1, 1, 2, 1, 356, 188, 2, 1},
    {0, 5709, 13, 0, 2, 1, 1, 2, 1, 359, 188, 2, 1},
    {0, 5718, 20, 4, 1, 1, 1, 1, 1, 53, 189, 1, 1},
    {0, 5723, 1, 0, 3, 1, 5, 3, 1, 362, 190, 3, 1},
    {0, 5723, 6, 0, 3, 1, 5, 3, 1, 362, 190, 3, 1},
    {0, 5723, 7, 0, 3, 1, 4, 3, 1, 362, 195, 3, 1},
    {0, 5723, 9, 0, 3, 1, 4, 3, 1, 366, 195, 3, 1},
    {0, 5723, 11, 0, 3, 1, 4, 2, 1, 370, 195, 3, 1},
    {0, 5723, 13, 0, 3, 1, 4, 2, 1, 374, 195, 3, 1},
    {0, 5728, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5728, 22, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5746, 1, 0, 1, 1, 1, 1, 1, 0, 199, 1, 1},
    {0, 5746, 2, 0, 1, 1, 1, 1, 1, 0, 200, 1, 1},
    {0, 5746, 22, 0, 1, 1, 1, 1, 1, 53, 200, 1, 1},
    {0, 5759, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5759, 22, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5773, 1, 0, 2, 1, 2, 2, 1, 378, 4, 2, 1},
    {0, 5773, 7, 0, 2, 1, 0, 2, 1, 378, 1, 2, 1},
    {0, 5773, 9, 0, 2, 1, 0, 2, 1, 381, 1, 2, 1},
    {0, 5773, 13, 0, 2, 1, 0, 2, 1, 384, 1, 2, 1},
    {0, 5781, 12, 4, 2, 1, 0, 2, 1, 381, 1, 2, 1},
    {0, 5781, 16, 4, 2, 1, 0, 2, 1, 384, 1, 2, 1},
    {0, 5796, 16, 0, 2, 1, 3, 2, 1, 387, 201, 2, 1},
    {0, 5796, 20, 0, 2, 1, 3, 2, 1, 387, 204, 2, 1},
    {0, 5796, 22, 0, 2, 1, 3, 2, 1, 390, 204, 2, 1},
    {0, 5807, 18, 5, 3, 1, 2, 3, 1, 393, 207, 3, 1},
    {0, 5807, 21, 4, 3, 1, 3, 3, 1, 393, 209, 3, 1},
    {0, 5826, 17, 4, 1, 1, 2, 1, 1, 98, 71, 1, 1},
    {0, 5840, 17, 4, 1, 1, 2, 1, 1, 98, 71, 1, 1},
    {0, 5851, 1, 0, 1, 1, 3, 1, 1, 0, 212, 1, 1},
    {0, 5851, 6, 4, 1, 1, 2, 1, 1, 0, 215, 1, 1},
    {0, 5851, 22, 4, 1, 1, 2, 1, 1, 53, 215, 1, 1},
    {0, 5863, 14, 4, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 5863, 22, 4, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 5873, 1, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 5873, 11, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 5873, 13, 0, 1, 1, 1, 1, 1, 8, 217, 1, 1},
    {0, 5881, 1, 0, 1, 1, 0, 1, 1, 235, 1, 1, 1},
    {0, 5881, 13, 0, 1, 1, 0, 1, 1, 237, 1, 1, 1},
    {0, 5881, 14, 0, 1, 1, 0, 1, 1, 397, 1, 1, 1},
    {0, 5881, 16, 0, 1, 1, 0, 1, 1, 399, 1, 1, 1},
    {0, 5881, 19, 0, 1, 1, 0, 1, 1, 401, 1, 1, 1},
    {0, 5881, 21, 0, 1, 1, 0, 1, 1, 403, 1, 1, 1},
    {0, 5881, 23, 0, 1, 1, 0, 1, 1, 405, 1, 1, 1},
    {0, 5881, 24, 0, 1, 1, 0, 1, 1, 407, 1, 1, 1},
    {0, 5881, 25, 0, 1, 1, 0, 1, 1, 409, 1, 1, 1},
    {0, 5890, 1, 8, 1, 1, 2, 1, 1, 411, 218, 1, 2147483647},
    {0, 5890, 11, 8, 1, 1, 2, 1, 1, 411, 218, 1, 2147483647},
    {0, 5890, 13, 8, 1, 1, 2, 1, 1, 413, 218, 1, 2147483647},
    {0, 5890, 16, 8, 1, 1, 2, 1, 1, 415, 218, 1, 2147483647},
    {0, 5890, 19, 8, 1, 1, 2, 1, 1, 417, 218, 1, 2147483647},
    {0, 5890, 21, 8, 1, 1, 2, 1, 1, 419, 218, 1, 2147483647},
    {0, 5890, 23, 8, 1, 1, 2, 1, 1, 421, 218, 1, 2147483647},
    {0, 5890, 24, 8, 1, 1, 2, 1, 1, 423, 218, 1, 2147483647},
    {0, 5890, 25, 8, 1, 1, 2, 1, 1, 425, 218, 1, 2147483647},
    {0, 5893, 20, 0, 1, 1, 1, 1, 1, 427, 220, 1, 1},
    {0, 5906, 1, 0, 3, 1, 2, 3, 1, 429, 221, 3, 1},
    {0, 5906, 6, 0, 3, 1, 1, 3, 1, 429, 223, 3, 1},
    {0, 5906, 22, 0, 3, 1, 1, 3, 1, 433, 223, 3, 1},
    {0, 5928, 10, 0, 1, 1, 2, 1, 1, 437, 224, 1, 1},
    {0, 5928, 20, 0, 1, 1, 2, 1, 1, 439, 224, 1, 1},
    {0, 5934, 9, 0, 1, 1, 0, 1, 1, 441, 1, 1, 1},
    {0, 5934, 13, 0, 1, 1, 0, 1, 1, 443, 1, 1, 1},
    {0, 5934, 20, 0, 1, 1, 0, 1, 1, 439, 1, 1, 1},
    {0, 5940, 1, 0, 1, 1, 4, 1, 1, 0, 226, 1, 1},
    {0, 5940, 13, 0, 1, 1, 4, 1, 1, 53, 226, 1, 1},
    {0, 5944, 1, 0, 8, 3, 8, 3, 0, 445, 230, 8, 3},
    {0, 5944, 7, 0, 8, 3, 7, 3, 0, 445, 238, 8, 3},
    {0, 5944, 14, 0, 8, 3, 8, 3, 0, 445, 245, 8, 3},
    {0, 5944, 22, 0, 8, 3, 8, 3, 0, 456, 245, 8, 3},
    {0, 5949, 17, 4, 3, 3, 3, 2, 1, 467, 253, 3, 3},
    {0, 5968, 1, 0, 1, 1, 2, 1, 1, 0, 256, 1, 1},
    {0, 5968, 6, 0, 1, 1, 1, 1, 1, 0, 258, 1, 1},
    {0, 5968, 16, 4, 1, 1, 1, 1, 1, 53, 258, 1, 1},
    {0, 5978, 1, 0, 2, 1, 2, 2, 1, 378, 4, 2, 1},
    {0, 5978, 7, 0, 2, 1, 0, 2, 1, 378, 1, 2, 1},
    {0, 5978, 9, 0, 2, 1, 0, 2, 1, 381, 1, 2, 1},
    {0, 5978, 13, 0, 2, 1, 0, 2, 1, 384, 1, 2, 1},
    {0, 5983, 12, 4, 2, 1, 0, 2, 1, 381, 1, 2, 1},
    {0, 5983, 16, 4, 2, 1, 0, 2, 1, 384, 1, 2, 1},
    {0, 5995, 27, 4, 6, 2, 5, 3, 2, 473, 259, 6, 2},
    {0, 6011, 1, 0, 1, 1, 1, 1, 1, 6, 0, 1, 1},
    {0, 6011, 6, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 6011, 13, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 6015, 1, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 6015, 11, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 6015, 13, 4, 1, 1, 1, 1, 1, 8, 217, 1, 1},
    {0, 6026, 1, 8, 3, 1, 1, 3, 1, 481, 264, 2147483647, 2147483647},
    {0, 6026, 11, 8, 3, 1, 1, 2, 1, 481, 264, 2147483647, 2147483647},
    {0, 6026, 13, 8, 3, 1, 1, 2, 1, 485, 264, 2147483647, 2147483647},
    {0, 6026, 16, 8, 3, 1, 1, 2, 1, 489, 264, 2147483647, 2147483647},
    {0, 6026, 19, 8, 3, 1, 1, 2, 1, 493, 264, 2147483647, 2147483647},
    {0, 6026, 21, 8, 3, 1, 1, 2, 1, 497, 264, 2147483647, 2147483647},
    {0, 6026, 23, 8, 3, 1, 1, 2, 1, 501, 264, 2147483647, 2147483647},
    {0, 6026, 24, 8, 3, 1, 1, 2, 1, 505, 264, 2147483647, 2147483647},
    {0, 6026, 25, 8, 3, 1, 1, 2, 1, 509, 264, 2147483647, 2147483647},
    {0, 6031, 1, 0, 1, 1, 2, 1, 1, 6, 265, 1, 1},
    {0, 6031, 22, 0, 1, 1, 2, 1, 1, 8, 265, 1, 1},
    {0, 6047, 1, 0, 1, 1, 5, 1, 1, 0, 267, 1, 1},
    {0, 6047, 2, 0, 1, 1, 5, 1, 1, 0, 272, 1, 1},
    {0, 6047, 11, 0, 1, 1, 5, 1, 1, 0, 272, 1, 1},
    {0, 6047, 18, 0, 1, 1, 7, 1, 1, 0, 277, 1, 1},
    {0, 6047, 22, 0, 1, 1, 7, 1, 1, 53, 277, 1, 1},
    {0, 6054, 1, 0, 2, 1, 0, 2, 1, 513, 1, 2, 1},
    {0, 6054, 9, 0, 2, 1, 0, 2, 1, 516, 1, 2, 1},
    {0, 6054, 13, 0, 2, 1, 0, 2, 1, 519, 1, 2, 1},
    {0, 6061, 10, 0, 4, 1, 0, 2, 1, 522, 1, 4, 1},
    {0, 6075, 1, 2, 1, 1, 1, 1, 1, 527, 0, 2147483647, 1},
    {0, 6075, 6, 2, 1, 1, 0, 1, 1, 527, 1, 2147483647, 1},
    {0, 6075, 8, 2, 1, 1, 0, 1, 1, 527, 1, 2147483647, 1},
    {0, 6075, 12, 2, 1, 1, 0, 1, 1, 529, 1, 2147483647, 1},
    {0, 6075, 13, 2, 1, 1, 0, 1, 1, 531, 1, 2147483647, 1},
    {0, 6079, 1, 0, 1, 1, 4, 1, 1, 0, 28, 1, 1},
    {0, 6079, 8, 0, 1, 2, 5, 1, 1, 533, 284, 1, 2},
    {0, 6079, 10, 0, 1, 2, 7, 1, 1, 533, 289, 1, 2},
    {0, 6079, 11, 0, 1, 2, 7, 1, 1, 533, 289, 1, 2},
    {0, 6079, 12, 0, 1, 2, 7, 1, 1, 536, 289, 1, 2},
    {0, 6079, 22, 0, 1, 2, 7, 1, 1, 539, 289, 1, 2},
    {0, 6087, 1, 0, 2, 1, 2, 2, 1, 542, 296, 2, 1},
    {0, 6087, 22, 0, 2, 1, 2, 2, 1, 545, 296, 2, 1},
    {0, 6098, 9, 0, 3, 1, 3, 2, 1, 548, 298, 3, 1},
    {0, 6098, 11, 0, 3, 1, 3, 2, 1, 548, 298, 3, 1},
    {0, 6098, 22, 0, 3, 1, 3, 2, 1, 552, 298, 3, 1},
    {0, 1597, 1, 2, 1, 1, 1, 1, 1, 556, 0, 2147483647, 1},
    {0, 1597, 6, 2, 1, 1, 0, 1, 1, 556, 1, 2147483647, 1},
    {0, 1597, 8, 2, 1, 1, 0, 1, 1, 556, 1, 2147483647, 1},
    {0, 1597, 13, 2, 1, 1, 0, 1, 1, 558, 1, 2147483647, 1},
    {0, 6108, 9, 4, 1, 1, 1, 1, 1, 0, 301, 1, 1},
    {0, 6108, 13, 4, 1, 1, 1, 1, 1, 53, 301, 1, 1},
    {0, 6134, 17, 0, 5, 1, 1, 5, 1, 560, 302, 5, 1},
    {0, 6150, 1, 2, 1, 1, 1, 1, 1, 566, 0, 2147483647, 1},
    {0, 6150, 6, 2, 1, 1, 0, 1, 1, 566, 1, 2147483647, 1},
    {0, 6150, 8, 2, 1, 1, 0, 1, 1, 566, 1, 2147483647, 1},
    {0, 6150, 12, 2, 1, 1, 0, 1, 1, 568, 1, 2147483647, 1},
    {0, 6150, 13, 2, 1, 1, 0, 1, 1, 570, 1, 2147483647, 1},
    {0, 6154, 18, 4, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6154, 22, 4, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6159, 10, 0, 2, 1, 1, 2, 1, 572, 303, 2, 1},
    {0, 6159, 13, 0, 2, 1, 1, 2, 1, 19, 303, 2, 1},
    {0, 6159, 28, 0, 2, 1, 1, 2, 1, 19, 303, 2, 1},
    {0, 6163, 1, 0, 2, 1, 3, 2, 1, 10, 1, 2, 1},
    {0, 6163, 6, 0, 2, 1, 2, 2, 1, 13, 4, 2, 1},
    {0, 6163, 7, 2, 2, 1, 0, 2, 1, 13, 1, 2, 1},
    {0, 6163, 13, 2, 2, 1, 0, 2, 1, 16, 1, 2, 1},
    {0, 6163, 14, 2, 2, 1, 0, 2, 1, 19, 1, 2, 1},
    {0, 6167, 7, 0, 1, 1, 3, 1, 1, 575, 304, 1, 1},
    {0, 6167, 22, 0, 1, 1, 3, 1, 1, 577, 304, 1, 1},
    {0, 6179, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 6179, 6, 0, 1, 1, 0, 1, 1, 579, 1, 1, 1},
    {0, 6179, 13, 0, 1, 1, 0, 1, 1, 581, 1, 1, 1},
    {0, 6183, 12, 4, 3, 1, 2, 2, 1, 583, 307, 3, 1},
    {0, 6183, 13, 4, 3, 1, 2, 2, 1, 583, 307, 3, 1},
    {0, 6183, 22, 4, 3, 1, 2, 2, 1, 587, 307, 3, 1},
    {0, 6209, 10, 0, 5, 1, 1, 2, 1, 591, 309, 5, 1},
    {0, 6209, 11, 0, 5, 1, 1, 2, 1, 591, 309, 5, 1},
    {0, 6227, 9, 0, 1, 1, 0, 1, 1, 597, 1, 1, 1},
    {0, 6227, 13, 0, 1, 1, 0, 1, 1, 599, 1, 1, 1},
    {0, 6235, 1, 0, 1, 1, 0, 1, 1, 601, 1, 1, 1},
    {0, 6239, 9, 0, 3, 1, 1, 3, 1, 603, 217, 3, 1},
    {0, 6239, 11, 0, 3, 1, 1, 3, 1, 603, 217, 3, 1},
    {0, 6239, 28, 0, 3, 1, 1, 3, 1, 607, 217, 3, 1},
    {0, 6246, 15, 0, 1, 1, 1, 0, 1, 611, 310, 1, 1},
    {0, 6246, 28, 0, 1, 1, 1, 0, 1, 613, 310, 1, 1},
    {0, 6255, 15, 0, 1, 1, 0, 1, 1, 615, 1, 1, 1},
    {0, 6255, 18, 0, 1, 1, 0, 1, 1, 617, 1, 1, 1},
    {0, 6255, 28, 0, 1, 1, 0, 1, 1, 619, 1, 1, 1},
    {0, 6274, 15, 0, 1, 1, 0, 1, 1, 621, 1, 1, 1},
    {0, 6274, 18, 0, 1, 1, 0, 0, 1, 623, 1, 1, 1},
    {0, 6274, 28, 0, 1, 1, 0, 0, 1, 625, 1, 1, 1},
    {0, 6293, 1, 0, 2, 1, 2, 2, 1, 25, 4, 2, 1},
    {0, 6293, 7, 2, 2, 1, 0, 2, 1, 25, 1, 2, 1},
    {0, 6296, 1, 0, 2, 1, 1, 2, 1, 627, 0, 2, 1},
    {0, 6296, 6, 0, 2, 1, 0, 2, 1, 627, 1, 2, 1},
    {0, 6296, 7, 0, 2, 1, 0, 2, 1, 627, 1, 2, 1},
    {0, 6296, 9, 0, 2, 1, 0, 2, 1, 630, 1, 2, 1},
    {0, 6296, 16, 4, 2, 1, 0, 2, 1, 633, 1, 2, 1},
    {0, 6302, 1, 0, 1, 1, 3, 1, 1, 636, 311, 1, 1},
    {0, 6302, 2, 0, 1, 1, 3, 1, 1, 636, 314, 1, 1},
    {0, 6302, 11, 0, 3, 1, 1, 2, 1, 638, 317, 3, 1},
    {0, 6302, 13, 0, 3, 1, 1, 2, 1, 642, 317, 3, 1},
    {0, 6302, 18, 0, 4, 1, 1, 2, 1, 646, 317, 4, 1},
    {0, 6302, 19, 0, 4, 1, 1, 2, 1, 646, 317, 4, 1},
    {0, 6302, 21, 0, 4, 1, 1, 2, 1, 651, 317, 4, 1},
    {0, 6302, 23, 0, 4, 1, 1, 2, 1, 656, 317, 4, 1},
    {0, 6302, 24, 0, 4, 1, 1, 2, 1, 661, 317, 4, 1},
    {0, 6302, 25, 0, 4, 1, 1, 2, 1, 666, 317, 4, 1},
    {0, 6306, 1, 0, 2, 1, 2, 2, 1, 671, 4, 2, 1},
    {0, 6306, 7, 0, 2, 1, 0, 2, 1, 671, 1, 2, 1},
    {0, 6306, 12, 0, 2, 1, 0, 2, 1, 674, 1, 2, 1},
    {0, 6306, 13, 0, 2, 1, 0, 2, 1, 677, 1, 2, 1},
    {0, 6306, 15, 0, 2, 1, 0, 2, 1, 680, 1, 2, 1},
    {0, 6310, 10, 0, 9, 1, 6, 8, 1, 683, 109, 9, 1},
    {0, 6322, 10, 0, 8, 1, 0, 8, 1, 693, 1, 8, 1},
    {0, 6322, 21, 0, 8, 1, 0, 8, 1, 702, 1, 8, 1},
    {0, 6336, 10, 0, 3, 1, 0, 2, 1, 711, 1, 3, 1},
    {0, 6336, 13, 0, 3, 1, 1, 2, 1, 711, 139, 3, 1},
    {0, 6336, 19, 0, 3, 1, 2, 2, 1, 715, 318, 3, 1},
    {0, 6336, 21, 0, 3, 1, 4, 2, 1, 719, 320, 3, 1},
    {0, 6336, 23, 0, 3, 1, 5, 2, 1, 723, 324, 3, 1},
    {0, 6336, 24, 0, 3, 1, 5, 2, 1, 727, 324, 3, 1},
    {0, 6336, 25, 0, 3, 1, 5, 2, 1, 731, 324, 3, 1},
    {0, 6336, 28, 0, 3, 1, 5, 2, 1, 735, 324, 3, 1},
    {0, 6351, 23, 4, 2, 1, 3, 2, 1, 739, 253, 2, 1},
    {0, 6368, 1, 0, 6, 2, 7, 3, 0, 334, 329, 6, 2},
    {0, 6368, 7, 0, 6, 2, 6, 3, 0, 334, 336, 6, 2},
    {0, 6368, 14, 0, 6, 2, 7, 3, 0, 334, 342, 6, 2},
    {0, 6368, 22, 0, 6, 2, 7, 3, 0, 342, 342, 6, 2},
    {0, 6372, 1, 0, 0, 1, 5, 0, 1, 177, 349, 0, 1},
    {0, 6372, 22, 0, 0, 1, 5, 0, 1, 742, 349, 0, 1},
    {0, 6385, 1, 0, 1, 1, 4, 1, 1, 743, 354, 1, 1},
    {0, 6385, 22, 0, 1, 1, 4, 1, 1, 745, 354, 1, 1},
    {0, 6402, 1, 0, 0, 1, 5, 0, 1, 177, 358, 0, 1},
    {0, 6402, 22, 0, 0, 1, 5, 0, 1, 742, 358, 0, 1},
    {0, 6416, 1, 0, 1, 1, 4, 1, 1, 743, 363, 1, 1},
    {0, 6416, 22, 0, 1, 1, 4, 1, 1, 745, 363, 1, 1},
    {0, 6434, 11, 4, 3, 1, 0, 3, 1, 747, 1, 3, 1},
    {0, 6434, 27, 4, 3, 1, 1, 3, 1, 751, 367, 3, 1},
    {0, 6440, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 6440, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6440, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6451, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6451, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6451, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6451, 18, 4, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6460, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6460, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6460, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6460, 18, 4, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6469, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6469, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6469, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6469, 18, 4, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6469, 28, 4, 2, 1, 2, 1, 1, 762, 370, 2, 1},
    {0, 6482, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6482, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6482, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6482, 18, 4, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6482, 28, 4, 2, 1, 2, 1, 1, 762, 370, 2, 1},
    {0, 6498, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6498, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6498, 12, 0, 1, 1, 2, 1, 1, 765, 368, 1, 1},
    {0, 6498, 13, 0, 1, 1, 2, 1, 1, 767, 368, 1, 1},
    {0, 6498, 18, 0, 2, 1, 2, 1, 1, 769, 370, 2, 1},
    {0, 6498, 20, 0, 2, 1, 2, 1, 1, 772, 370, 2, 1},
    {0, 6508, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6508, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6508, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6508, 18, 0, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6519, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6519, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6519, 12, 0, 1, 1, 2, 1, 1, 765, 368, 1, 1},
    {0, 6519, 13, 0, 1, 1, 2, 1, 1, 767, 368, 1, 1},
    {0, 6519, 18, 0, 2, 1, 2, 1, 1, 769, 370, 2, 1},
    {0, 6519, 20, 0, 2, 1, 2, 1, 1, 772, 370, 2, 1},
    {0, 6529, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6529, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6529, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6529, 18, 0, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6540, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6540, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6540, 13, 0, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6550, 1, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6550, 11, 0, 1, 1, 2, 1, 1, 755, 368, 1, 1},
    {0, 6550, 13, 0, 1, 1, 2, 1, 1, 757, 368, 1, 1},
    {0, 6550, 18, 4, 2, 1, 2, 1, 1, 759, 370, 2, 1},
    {0, 6566, 20, 0, 1, 1, 1, 1, 1, 775, 372, 1, 1},
    {0, 6581, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 6581, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6581, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6581, 14, 4, 1, 1, 0, 1, 1, 581, 1, 1, 1},
    {0, 6586, 1, 0, 1, 1, 2, 1, 1, 777, 373, 1, 1},
    {0, 6586, 5, 0, 2, 1, 0, 2, 1, 779, 1, 2, 1},
    {0, 6586, 13, 0, 2, 1, 0, 2, 1, 782, 1, 2, 1},
    {0, 6586, 14, 0, 2, 1, 1, 2, 1, 782, 375, 2, 1},
    {0, 6586, 19, 0, 2, 1, 1, 2, 1, 785, 375, 2, 1},
    {0, 6586, 21, 0, 2, 1, 1, 2, 1, 788, 375, 2, 1},
    {0, 6586, 23, 0, 2, 1, 1, 2, 1, 791, 375, 2, 1},
    {0, 6586, 24, 0, 2, 1, 1, 2, 1, 794, 375, 2, 1},
    {0, 6586, 25, 0, 2, 1, 1, 2, 1, 797, 375, 2, 1},
    {0, 6594, 10, 0, 2, 1, 1, 2, 1, 800, 376, 2, 1},
    {0, 6594, 11, 0, 4, 1, 6, 3, 1, 803, 377, 4, 1},
    {0, 6594, 13, 0, 4, 1, 6, 1, 1, 808, 377, 4, 1},
    {0, 6594, 18, 0, 4, 1, 9, 1, 1, 808, 383, 4, 1},
    {0, 6594, 19, 0, 4, 1, 9, 1, 1, 808, 383, 4, 1},
    {0, 6601, 10, 0, 2, 1, 2, 2, 1, 813, 392, 2, 1},
    {0, 6601, 28, 0, 2, 1, 2, 2, 1, 816, 392, 2, 1},
    {0, 6617, 10, 0, 3, 1, 5, 3, 1, 819, 394, 3, 1},
    {0, 6617, 16, 0, 3, 1, 6, 3, 1, 819, 399, 3, 1},
    {0, 6617, 22, 0, 3, 1, 6, 3, 1, 823, 399, 3, 1},
    {0, 6626, 23, 4, 4, 1, 3, 3, 1, 827, 405, 4, 1},
    {0, 6642, 11, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6642, 22, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6648, 17, 0, 4, 1, 1, 2, 1, 832, 408, 4, 1},
    {0, 6653, 8, 8, 2, 1, 3, 2, 1, 837, 409, 2147483647, 2147483647},
    {0, 6653, 9, 8, 1, 1, 6, 1, 1, 840, 412, 2147483647, 2147483647},
    {0, 6653, 11, 8, 1, 1, 6, 1, 1, 840, 412, 2147483647, 2147483647},
    {0, 6653, 16, 8, 1, 1, 6, 1, 1, 842, 412, 2147483647, 2147483647},
    {0, 6653, 19, 8, 1, 1, 6, 1, 1, 844, 412, 2147483647, 2147483647},
    {0, 6653, 21, 8, 1, 1, 6, 1, 1, 846, 412, 2147483647, 2147483647},
    {0, 6653, 23, 8, 1, 1, 6, 1, 1, 848, 412, 2147483647, 2147483647},
    {0, 6653, 24, 8, 1, 1, 6, 1, 1, 850, 412, 2147483647, 2147483647},
    {0, 6653, 25, 8, 1, 1, 6, 1, 1, 852, 412, 2147483647, 2147483647},
    {0, 6658, 9, 0, 3, 1, 1, 3, 1, 854, 187, 3, 1},
    {0, 6658, 11, 1, 3, 1, 1, 3, 1, 854, 187, 3, 1},
    {0, 6666, 11, 0, 3, 1, 1, 3, 1, 854, 187, 3, 1},
    {0, 6666, 13, 0, 3, 1, 1, 3, 1, 858, 187, 3, 1},
    {0, 6666, 16, 0, 3, 1, 2, 3, 1, 858, 418, 3, 1},
    {0, 6666, 18, 0, 3, 1, 2, 3, 1, 858, 418, 3, 1},
    {0, 6682, 11, 0, 3, 1, 0, 3, 1, 862, 1, 3, 1},
    {0, 6682, 13, 0, 3, 1, 0, 3, 1, 866, 1, 3, 1},
    {0, 6682, 16, 0, 3, 1, 1, 3, 1, 866, 420, 3, 1},
    {0, 6682, 18, 0, 3, 1, 1, 3, 1, 866, 420, 3, 1},
    {0, 6692, 1, 0, 1, 1, 3, 1, 1, 0, 421, 1, 1},
    {0, 6692, 6, 4, 1, 1, 2, 1, 1, 0, 424, 1, 1},
    {0, 6692, 22, 4, 1, 1, 2, 1, 1, 53, 424, 1, 1},
    {0, 6697, 11, 0, 2, 1, 0, 2, 1, 870, 1, 2, 1},
    {0, 6708, 11, 0, 1, 1, 0, 1, 1, 873, 1, 2147483647, 1},
    {0, 6726, 11, 0, 0, 1, 1, 0, 1, 875, 426, 0, 1},
    {0, 6740, 11, 0, 2, 1, 0, 1, 1, 876, 1, 2, 1},
    {0, 6754, 11, 0, 3, 1, 0, 2, 1, 879, 1, 3, 1},
    {0, 6769, 11, 0, 1, 1, 0, 1, 1, 883, 1, 1, 1},
    {0, 6784, 17, 12, 2, 1, 1, 1, 1, 885, 264, 2147483647, 2147483647},
    {0, 6796, 1, 0, 1, 1, 0, 1, 1, 888, 1, 1, 1},
    {0, 6796, 13, 0, 1, 1, 0, 1, 1, 890, 1, 1, 1},
    {0, 6796, 15, 0, 1, 1, 2, 1, 1, 890, 427, 1, 1},
    {0, 6796, 19, 0, 1, 1, 2, 1, 1, 892, 427, 1, 1},
    {0, 6796, 21, 0, 1, 1, 2, 1, 1, 894, 427, 1, 1},
    {0, 6796, 23, 0, 1, 1, 2, 1, 1, 896, 427, 1, 1},
    {0, 6796, 24, 0, 1, 1, 2, 1, 1, 898, 427, 1, 1},
    {0, 6796, 25, 0, 1, 1, 2, 1, 1, 900, 427, 1, 1},
    {0, 6802, 9, 4, 1, 1, 2, 1, 1, 308, 429, 1, 1},
    {0, 6809, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 6809, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6809, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6817, 9, 0, 1, 1, 0, 1, 1, 308, 1, 1, 1},
    {0, 6817, 13, 0, 1, 1, 0, 1, 1, 902, 1, 1, 1},
    {0, 6822, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 6822, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 6826, 9, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 6826, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 6831, 1, 0, 1, 1, 0, 1, 1, 904, 1, 1, 1},
    {0, 6831, 13, 0, 1, 1, 0, 1, 1, 906, 1, 1, 1},
    {0, 6831, 19, 0, 1, 1, 0, 1, 1, 908, 1, 1, 1},
    {0, 6831, 21, 0, 1, 1, 0, 1, 1, 910, 1, 1, 1},
    {0, 6831, 23, 0, 1, 1, 0, 1, 1, 912, 1, 1, 1},
    {0, 6831, 24, 0, 1, 1, 0, 1, 1, 914, 1, 1, 1},
    {0, 6831, 25, 0, 1, 1, 0, 1, 1, 916, 1, 1, 1},
    {0, 6836, 1, 0, 1, 1, 3, 1, 1, 918, 431, 1, 1},
    {0, 6836, 10, 0, 5, 1, 0, 3, 1, 920, 1, 5, 1},
    {0, 6836, 11, 0, 5, 1, 0, 3, 1, 920, 1, 5, 1},
    {0, 6836, 13, 0, 5, 1, 0, 3, 1, 926, 1, 5, 1},
    {0, 6842, 1, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 6842, 11, 0, 1, 1, 1, 1, 1, 6, 139, 1, 1},
    {0, 6842, 13, 4, 1, 1, 1, 1, 1, 8, 217, 1, 1},
    {0, 6850, 12, 4, 3, 2, 2, 2, 1, 932, 307, 3, 2},
    {0, 6850, 13, 4, 3, 2, 2, 2, 1, 937, 307, 3, 2},
    {0, 6874, 1, 4, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6874, 22, 4, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6883, 1, 4, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 6883, 22, 4, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 6892, 1, 0, 1, 1, 1, 1, 1, 235, 136, 1, 1},
    {0, 6892, 13, 0, 1, 1, 1, 1, 1, 237, 136, 1, 1},
    {0, 6892, 28, 4, 1, 1, 2, 1, 1, 237, 137, 1, 1},
    {0, 6905, 1, 0, 2, 1, 2, 1, 1, 942, 434, 2, 2147483647},
    {0, 6905, 2, 0, 1, 1, 2, 1, 1, 945, 436, 1, 2147483647},
    {0, 6905, 11, 0, 1, 1, 2, 1, 1, 945, 436, 1, 2147483647},
    {0, 6905, 13, 0, 2, 1, 1, 1, 1, 947, 187, 2, 2147483647},
    {0, 6905, 18, 0, 2, 1, 2, 1, 1, 947, 438, 2, 2147483647},
    {0, 6911, 11, 0, 2, 1, 2, 1, 1, 950, 7, 2, 1},
    {0, 6911, 24, 0, 2, 1, 2, 1, 1, 953, 7, 2, 1},
    {0, 6927, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 6927, 6, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1},
    {0, 6927, 13, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {0, 6932, 1, 0, 1, 1, 1, 1, 1, 956, 84, 1, 1},
    {0, 6932, 11, 0, 1, 1, 1, 1, 1, 956, 84, 1, 1},
    {0, 6932, 13, 0, 2, 1, 0, 1, 1, 958, 1, 2, 1},
    {0, 6932, 21, 0, 2, 1, 0, 1, 1, 961, 1, 2, 1},
    {0, 6932, 23, 0, 2, 1, 0, 1, 1, 964, 1, 2, 1},
    {0, 6932, 24, 0, 2, 1, 0, 1, 1, 967, 1, 2, 1},
    {0, 6932, 25, 0, 2, 1, 0, 1, 1, 970, 1, 2, 1},
    {0, 6940, 20, 0, 2, 1, 0, 2, 1, 973, 1, 2, 1},
    {0, 6953, 10, 0, 1, 1, 4, 1, 1, 976, 440, 1, 1},
    {0, 6970, 20, 0, 1, 2, 2, 1, 2, 978, 444, 1, 2},
    {0, 6982, 1, 0, 2, 1, 3, 2, 1, 10, 1, 2, 1},
    {0, 6982, 6, 0, 2, 1, 2, 2, 1, 13, 4, 2, 1},
    {0, 6982, 7, 0, 2, 1, 0, 2, 1, 13, 1, 2, 1},
    {0, 6982, 13, 0, 2, 1, 0, 2, 1, 16, 1, 2, 1},
    {0, 6982, 14, 0, 2, 1, 0, 2, 1, 19, 1, 2, 1},
    {0, 6986, 1, 2, 1, 1, 1, 1, 1, 981, 0, 2147483647, 1},
    {0, 6986, 6, 2, 1, 1, 0, 1, 1, 981, 1, 2147483647, 1},
    {0, 6986, 8, 2, 1, 1, 0, 1, 1, 981, 1, 2147483647, 1},
    {0, 6986, 13, 2, 1, 1, 0, 1, 1, 983, 1, 2147483647, 1},
    {0, 6990, 28, 4, 2, 1, 1, 2, 1, 985, 83, 2, 1},
    {0, 6997, 24, 4, 1, 1, 1, 1, 1, 53, 83, 1, 1},
    {0, 7003, 7, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 7003, 22, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 7007, 1, 0, 1, 1, 1, 1, 1, 6, 0, 1, 1},
    {0, 7007, 6, 0, 1, 1, 0, 1, 1, 6, 1, 1, 1},
    {0, 7007, 13, 0, 1, 1, 0, 1, 1, 8, 1, 1, 1},
    {0, 7012, 24, 0, 3, 1, 2, 2, 1, 988, 446, 3, 1},
    {0, 7026, 9, 0, 1, 1, 9, 1, 1, 992, 448, 1, 1},
    {0, 7042, 10, 4, 1, 1, 1, 1, 1, 0, 83, 1, 1},
    {0, 7042, 22, 4, 1, 1, 1, 1, 1, 53, 83, 1, 1},
    {0, 7058, 1, 0, 3, 1, 0, 3, 1, 994, 1, 3, 1},
    {0, 7058, 6, 0, 2, 1, 0, 2, 1, 998, 1, 2, 1},
    {0, 7058, 13, 0, 2, 1, 0, 2, 1, 1001, 1, 2, 1},
    {0, 7063, 1, 0, 1, 2, 2, 1, 2, 1004, 457, 1, 2},
    {0, 7063, 10, 0, 2, 2, 1, 2, 2, 1007, 217, 2, 2},
    {0, 7063, 11, 0, 2, 2, 3, 2, 2, 1011, 459, 2, 2},
    {0, 7063, 24, 0, 2, 2, 3, 2, 2, 1015, 459, 2, 2},
    {0, 7068, 1, 0, 1, 1, 1, 1, 1, 1019, 462, 1, 1},
    {0, 7068, 13, 0, 1, 1, 1, 1, 1, 1021, 462, 1, 1},
    {0, 7068, 21, 0, 1, 1, 1, 1, 1, 1023, 462, 1, 1},
    {0, 7068, 23, 0, 1, 1, 1, 1, 1, 1025, 462, 1, 1},
    {0, 7068, 24, 0, 1, 1, 1, 1, 1, 1027, 462, 1, 1},
    {0, 7068, 25, 0, 1, 1, 1, 1, 1, 1029, 462, 1, 1},
    {0, 7078, 14, 0, 2, 1, 1, 1, 1, 1031, 463, 2, 1},
    {0, 7084, 11, 0, 1, 4, 2, 1, 1, 1034, 464, 1, 4},
    {0, 7084, 28, 0, 1, 4, 2, 1, 1, 1039, 464, 1, 4},
    {0, 7091, 1, 0, 1, 1, 1, 1, 1, 1044, 466, 1, 1},
    {0, 7091, 11, 0, 1, 1, 1, 1, 1, 1044, 466, 1, 1},
    {0, 7091, 13, 0, 2, 1, 0, 2, 1, 1046, 1, 2, 1},
    {0, 7091, 21, 0, 2, 1, 0, 2, 1, 1049, 1, 2, 1},
    {0, 7091, 23, 0, 2, 1, 0, 2, 1, 1052, 1, 2, 1},
    {0, 7091, 24, 0, 2, 1, 0, 2, 1, 1055, 1, 2, 1},
    {0, 7091, 25, 0, 2, 1, 0, 2, 1, 1058, 1, 2, 1},
    {0, 7101, 1, 0, 1, 1, 3, 1, 1, 1061, 467, 1, 1},
    {0, 7101, 7, 0, 1, 1, 2, 1, 1, 1063, 470, 1, 1},
    {0, 7101, 9, 0, 2, 1, 1, 2, 1, 800, 376, 2, 1},
    {0, 7101, 10, 1, 2, 1, 1, 2, 1, 800, 376, 2, 1},
    {0, 7110, 9, 0, 3, 1, 0, 3, 1, 1065, 1, 3, 1},
    {0, 7110, 16, 0, 3, 1, 0, 3, 1, 1069, 1, 3, 1},
    {0, 7116, 1, 0, 2, 1, 2, 2, 1, 25, 4, 2, 1},
    {0, 7116, 7, 2, 2, 1, 0, 2, 1, 25, 1, 2, 1},
    {7120, 7131, 1, 0, 2, 1, 0, 2, 1, 1073, 1, 2, 1},
    {7120, 7153, 1, 0, 1, 1, 1, 1, 1, 1076, 472, 1, 1},
    {7120, 7163, 1, 0, 1, 1, 3, 1, 1, 1078, 473, 1, 1},
    {7120, 7171, 1, 0, 1, 1, 4, 1, 1, 1080, 476, 1, 1},
    {7120, 7186, 1, 0, 1, 1, 2, 1, 1, 1082, 480, 1, 1},
    {7120, 7201, 1, 0, 1, 1, 1, 1, 1, 1084, 482, 2147483647, 1},
    {7120, 7219, 1, 0, 1, 1, 4, 1, 1, 1076, 483, 1, 1},
    {7120, 7227, 1, 0, 1, 1, 3, 1, 1, 1080, 487, 1, 1},
    {7120, 7227, 2, 0, 1, 1, 9, 1, 1, 1086, 490, 1, 1},
    {7120, 7227, 4, 0, 1, 1, 12, 1, 1, 1088, 499, 1, 1},
    {7120, 7240, 1, 0, 1, 2, 6, 1, 2, 1090, 511, 1, 2},
    {7120, 7257, 1, 0, 1, 1, 4, 1, 1, 1093, 517, 1, 1},
    {7120, 7273, 1, 0, 1, 1, 1, 1, 1, 1093, 521, 1, 1},
    {7120, 7284, 1, 0, 1, 1, 3, 1, 1, 1095, 522, 1, 1},
    {7120, 7298, 1, 0, 1, 2, 11, 1, 2, 1090, 525, 1, 2},
    {7120, 7312, 1, 0, 1, 1, 8, 1, 1, 1093, 536, 1, 1},
    {7120, 7325, 1, 0, 1, 1, 2, 1, 1, 1093, 544, 1, 1},
    {7120, 7332, 5, 0, 1, 1, 16, 1, 1, 0, 546, 1, 1},
    {7120, 7345, 1, 0, 1, 2, 17, 1, 2, 1090, 562, 1, 2},
    {7120, 7345, 3, 0, 1, 2, 21, 1, 2, 1090, 579, 1, 2},
    {7120, 7345, 5, 1, 1, 2, 21, 1, 2, 1090, 579, 1, 2},
    {7120, 7368, 1, 0, 1, 1, 17, 1, 1, 1093, 600, 1, 1},
    {7120, 7368, 3, 0, 1, 1, 21, 1, 1, 1093, 617, 1, 1},
    {7120, 7368, 5, 1, 1, 1, 21, 1, 1, 1093, 617, 1, 1},
    {7120, 7390, 1, 0, 1, 1, 2, 1, 1, 1097, 638, 1, 1},
    {7397, 7422, 1, 0, 3, 1, 3, 3, 1, 1099, 640, 2147483647, 2147483647},
    {7397, 7430, 1, 0, 3, 1, 5, 3, 1, 1099, 643, 2147483647, 2147483647},
    {7397, 7435, 1, 0, 1, 1, 3, 1, 1, 1103, 648, 2147483647, 2147483647},
    {7397, 7444, 1, 0, 3, 1, 4, 3, 1, 1099, 651, 2147483647, 2147483647},
    {7453, 5235, 1, 0, 7, 2, 8, 2, 1, 1105, 655, 7, 2},
    {7453, 7467, 1, 0, 2, 1, 0, 2, 1, 1114, 1, 2, 1},
    {7453, 5574, 1, 0, 3, 1, 1, 2, 1, 1117, 93, 3, 1},
    {7453, 7476, 1, 0, 12, 3, 7, 12, 0, 1121, 238, 12, 3},
    {7453, 7496, 1, 0, 5, 1, 0, 3, 1, 1136, 1, 5, 1},
    {7453, 7518, 1, 0, 9, 3, 2, 7, 1, 1142, 663, 9, 3},
    {7453, 7542, 1, 0, 2, 1, 0, 1, 1, 1154, 1, 2, 1},
    {7453, 7551, 1, 0, 4, 1, 8, 2, 1, 1157, 665, 4, 1},
    {7453, 7561, 1, 0, 2, 1, 5, 2, 1, 985, 673, 2, 1},
    {7453, 5718, 1, 0, 1, 1, 0, 1, 1, 53, 1, 1, 1},
    {7453, 7573, 1, 0, 7, 1, 0, 4, 1, 1162, 1, 7, 1},
    {7453, 7594, 1, 0, 6, 1, 6, 3, 1, 1170, 678, 6, 1},
    {7453, 7606, 1, 0, 10, 4, 4, 1, 1, 1177, 684, 10, 4},
    {7453, 7625, 1, 0, 9, 2, 6, 5, 1, 1191, 688, 9, 2},
    {7453, 7636, 1, 0, 9, 1, 3, 6, 1, 1202, 694, 9, 1},
    {7453, 7642, 1, 0, 8, 1, 0, 7, 1, 1212, 1, 8, 1},
    {7453, 7653, 1, 0, 5, 1, 7, 4, 1, 1221, 697, 5, 1},
    {7453, 7672, 1, 0, 3, 1, 1, 3, 1, 1227, 94, 2147483647, 1},
    {7453, 7686, 1, 0, 5, 1, 1, 5, 1, 1231, 704, 5, 1},
    {7453, 7711, 1, 0, 5, 1, 1, 4, 1, 1237, 258, 5, 1},
    {7453, 7728, 1, 0, 8, 1, 0, 7, 1, 1212, 1, 8, 1},
    {7453, 7739, 1, 0, 5, 1, 0, 4, 1, 1237, 1, 5, 1},
    {7453, 7754, 1, 0, 5, 1, 2, 5, 1, 1243, 705, 5, 1},
    {7453, 6336, 1, 0, 3, 1, 1, 2, 1, 1249, 93, 3, 1},
    {7453, 7769, 1, 0, 5, 4, 1, 3, 1, 1253, 707, 5, 4},
};

const size_t qn_schema_n_rows = 683;

const struct qn_schema_port qn_schema_ports[] = {
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {40, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {40, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {40, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {40, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {57, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {74, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x200u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x200u, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {98, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {93, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {98, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {147, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {149, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {151, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {153, 1, 2, 0x13efeu, 0x0u, 163, 0, true},
    {165, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {174, 1, 1, 0x10c02u, 0x0u, 71, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {185, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {197, 1, 1, 0x10c02u, 0x0u, 71, 0, true},
    {211, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {147, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {149, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {151, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {153, 1, 2, 0x13efeu, 0x0u, 163, 0, true},
    {165, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {174, 1, 1, 0x10c02u, 0x0u, 71, 0, true},
    {317, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {185, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {197, 1, 1, 0x10c02u, 0x0u, 71, 0, true},
    {211, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {285, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {449, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {454, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {449, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {454, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {458, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {469, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {285, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {512, 0, 1, 0x10c02u, 0x0u, 163, 0, true},
    {523, 0, 1, 0x10c02u, 0x0u, 163, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {533, 1, 1, 0x10c02u, 0x0u, 163, 0, true},
    {546, 1, 1, 0x10c02u, 0x0u, 163, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {285, 0, 1, 0x10c02u, 0x0u, 63, 0, true},
    {38, 0, 1, 0x10c02u, 0x0u, 63, 0, true},
    {512, 0, 2, 0x10c02u, 0x0u, 71, 0, true},
    {523, 0, 2, 0x10c02u, 0x0u, 71, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {533, 1, 2, 0x10c02u, 0x0u, 71, 0, true},
    {546, 1, 2, 0x10c02u, 0x0u, 71, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x13efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x13efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7fffefeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x7fffefeu, 0x0u, 71, 0, true},
    {1, 0, 0, 0x3014u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3014u, 0x0u, 3, 0, true},
    {586, 0, 0, 0x3014u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {586, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {36, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {40, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x30fcu, 0x0u, 3, 0, true},
    {66, 0, 0, 0xc0u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x13cfeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x3efeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x13ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x13ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1f3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x1f3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7f3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x7f3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0xff3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0xff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1ff3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x1ff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7ff3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x7ff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1fff3ffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x1fff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x13ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0x13ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0x13ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1f3ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0x1f3ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0x1f3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7f3ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0x7f3ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0x7f3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0xff3ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0xff3ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0xff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1ff3ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0x1ff3ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0x1ff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7ff3ffeu, 0x0u, 63, 0, true},
    {646, 0, 1, 0x7ff3ffeu, 0x0u, 71, 0, true},
    {29, 0, 1, 0x7ff3ffeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {658, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {665, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {670, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {681, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {717, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {739, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {760, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {756, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {760, 1, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {756, 1, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {760, 1, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {756, 1, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {764, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {776, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {788, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {788, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {798, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {805, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {798, 2, 0, 0xfffeu, 0x0u, 3, 0, true},
    {805, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {798, 2, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {805, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {819, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {805, 0, 1, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1ffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x1f3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x7f3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0xff3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x1ff3efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x7ff3efeu, 0x0u, 71, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {945, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {947, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {949, 1, 0, 0xcu, 0x0u, 63, 0, true},
    {962, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {975, 0, 2, 0x40u, 0x0u, 977, 0, true},
    {945, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {42, 0, 1, 0xc0u, 0x0u, 71, 0, true},
    {975, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {945, 0, 0, 0x38c2u, 0x0u, 3, 0, true},
    {42, 0, 1, 0xc0u, 0x0u, 71, 0, true},
    {975, 0, 0, 0x38c2u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1026, 1, 1, 0xc0u, 0x0u, 71, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1026, 1, 1, 0xc0u, 0x0u, 71, 0, true},
    {42, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1054, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1061, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1054, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1061, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {945, 0, 0, 0x4cu, 0x0u, 3, 0, true},
    {1098, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {949, 1, 0, 0x4cu, 0x0u, 3, 0, true},
    {975, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {945, 0, 0, 0x1e004cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x10402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0x1e004cu, 0x0u, 63, 0, true},
    {975, 0, 1, 0x10402u, 0x0u, 71, 0, true},
    {945, 0, 0, 0x7e007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x10402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0x7e007cu, 0x0u, 63, 0, true},
    {975, 0, 1, 0x10402u, 0x0u, 71, 0, true},
    {945, 0, 0, 0xfe007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x10402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0xfe007cu, 0x0u, 63, 0, true},
    {975, 0, 2, 0x10402u, 0x0u, 977, 0, true},
    {945, 0, 0, 0xfe007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x1010402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0xfe007cu, 0x0u, 63, 0, true},
    {975, 0, 2, 0x10402u, 0x0u, 977, 0, true},
    {945, 0, 0, 0x6fe007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x1010402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0x6fe007cu, 0x0u, 63, 0, true},
    {975, 0, 2, 0x10402u, 0x0u, 977, 0, true},
    {945, 0, 0, 0x1efe007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x1010402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0x1efe007cu, 0x0u, 63, 0, true},
    {975, 0, 2, 0x10402u, 0x0u, 977, 0, true},
    {93, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1061, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {93, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1061, 1, 1, 0x200u, 0x0u, 63, 0, true},
    {93, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1144, 1, 1, 0xc02u, 0x0u, 63, 0, true},
    {558, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1061, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {93, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1144, 1, 1, 0xc02u, 0x0u, 63, 0, true},
    {558, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1061, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {93, 0, 0, 0x1f0c02u, 0x0u, 3, 0, true},
    {1144, 1, 1, 0x1f0c02u, 0x0u, 63, 0, true},
    {558, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {29, 0, 0, 0x1f0c02u, 0x0u, 3, 0, true},
    {1061, 1, 2, 0x200u, 0x0u, 71, 0, true},
    {945, 0, 0, 0x2u, 0x0u, 63, 0, true},
    {975, 0, 1, 0x4u, 0x0u, 71, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 0, 1, 0x4u, 0x0u, 71, 0, true},
    {1171, 2, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1178, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1171, 2, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {1178, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {36, 0, 0, 0x2c0u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x2c0u, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x3efeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3efeu, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x13efeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13efeu, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x13ffeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13ffeu, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {23, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x13efeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x13efeu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1196, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1222, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1196, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1222, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1196, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1222, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1346, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1346, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1346, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1346, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {36, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {40, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {40, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {40, 1, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {40, 1, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {36, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {40, 0, 1, 0x200u, 0x0u, 63, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 63, 0, true},
    {74, 0, 1, 0xc02u, 0x0u, 71, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 63, 0, true},
    {1, 0, 0, 0x1fffeu, 0x0u, 63, 0, true},
    {74, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {5, 0, 0, 0x1fffeu, 0x0u, 63, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {285, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {665, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0xfffeu, 151, 1, true},
    {29, 0, 0, 0x1fffeu, 0xfffeu, 151, 1, true},
    {23, 0, 0, 0x1fffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0x1fffeu, 0xfffeu, 151, 7, true},
    {23, 0, 0, 0x1ffffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0x1ffffeu, 0xfffeu, 151, 7, true},
    {23, 0, 0, 0x7ffffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0x7ffffeu, 0xfffeu, 151, 7, true},
    {23, 0, 0, 0xfffffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0xfffffeu, 0xfffeu, 151, 7, true},
    {23, 0, 0, 0x1fffffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0x1fffffeu, 0xfffeu, 151, 7, true},
    {23, 0, 0, 0x7fffffeu, 0xfffeu, 151, 7, true},
    {29, 0, 0, 0x7fffffeu, 0xfffeu, 151, 7, true},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0xfffeu, 0xfffeu, 151, 1, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0x1fffeu, 0x1fffeu, 151, 7, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0x1ffffeu, 0x1ffffeu, 151, 7, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0x7ffffeu, 0x7ffffeu, 151, 7, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0xfffffeu, 0xfffffeu, 151, 7, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0x1fffffeu, 0x1fffffeu, 151, 7, false},
    {1455, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1460, 2, 255, 0x7fffffeu, 0x7fffffeu, 151, 7, false},
    {1492, 0, 0, 0x4u, 0x0u, 63, 0, true},
    {1507, 0, 1, 0x4u, 0x0u, 71, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {285, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {285, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x802u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x200u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x1f0c02u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x200u, 0x0u, 71, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x200u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x200u, 0x0u, 71, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1196, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1562, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1572, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1222, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1574, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1196, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1562, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1572, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1222, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1574, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1591, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1597, 1, 1, 0x10002u, 0x0u, 163, 0, true},
    {1602, 1, 1, 0x10002u, 0x0u, 163, 0, true},
    {1612, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {1618, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {845, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {670, 1, 1, 0x10402u, 0x0u, 834, 0, true},
    {1622, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {1377, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {681, 0, 1, 0x10402u, 0x0u, 834, 0, true},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {1677, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0xfffeu, 0xfffeu, 151, 1, false},
    {1677, 2, 255, 0xfffeu, 0xfffeu, 151, 1, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0x1fffeu, 0x1fffeu, 151, 7, false},
    {1677, 2, 255, 0x1fffeu, 0x1fffeu, 151, 7, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0x1ffffeu, 0x1ffffeu, 151, 7, false},
    {1677, 2, 255, 0x1ffffeu, 0x1ffffeu, 151, 7, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0x7ffffeu, 0x7ffffeu, 151, 7, false},
    {1677, 2, 255, 0x7ffffeu, 0x7ffffeu, 151, 7, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0xfffffeu, 0xfffffeu, 151, 7, false},
    {1677, 2, 255, 0xfffffeu, 0xfffffeu, 151, 7, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0x1fffffeu, 0x1fffffeu, 151, 7, false},
    {1677, 2, 255, 0x1fffffeu, 0x1fffffeu, 151, 7, false},
    {1663, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1455, 1, 2, 0x200u, 0x0u, 38, 0, true},
    {1667, 2, 255, 0x7fffffeu, 0x7fffffeu, 151, 7, false},
    {1677, 2, 255, 0x7fffffeu, 0x7fffffeu, 151, 7, false},
    {36, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {38, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {1707, 1, 0, 0xcu, 0x0u, 63, 0, true},
    {1720, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {5, 0, 2, 0x40u, 0x0u, 977, 0, true},
    {1733, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {756, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {756, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {756, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1740, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0xc0eu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc0eu, 0x0u, 3, 0, true},
    {1740, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0x10c0eu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c0eu, 0x0u, 3, 0, true},
    {1740, 1, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1762, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1762, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {1665, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {995, 1, 1, 0x80u, 0x0u, 71, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1665, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {995, 1, 1, 0x80u, 0x0u, 71, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1733, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {449, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x10c02u, 0x0u, 3, 0, true},
    {449, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1794, 0, 0, 0xc0u, 0x0u, 63, 0, true},
    {1026, 0, 0, 0xc0u, 0x0u, 63, 0, true},
    {1807, 0, 0, 0xc0u, 0x0u, 63, 0, true},
    {1819, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {1836, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {29, 0, 2, 0x13cfeu, 0x0u, 977, 0, true},
    {1733, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {760, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {760, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {760, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {36, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {38, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {40, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {29, 0, 1, 0xc0u, 0x0u, 71, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {29, 0, 1, 0xc0u, 0x0u, 71, 0, true},
    {1, 0, 0, 0xceau, 0x0u, 3, 0, true},
    {5, 0, 0, 0xceau, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10ceau, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10ceau, 0x0u, 3, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1870, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {658, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1877, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1870, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {658, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1877, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1905, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1911, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1918, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {1945, 1, 255, 0x2u, 0x0u, 1106, 0, true},
    {1959, 1, 255, 0x2u, 0x0u, 1106, 0, true},
    {1975, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {5, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {1, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {5, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {1, 0, 0, 0x200u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x200u, 0x0u, 3, 0, true},
    {1346, 0, 0, 0x3cfeu, 0x0u, 63, 0, true},
    {2009, 0, 1, 0x3cfeu, 0x0u, 71, 0, true},
    {2015, 0, 2, 0xfffeu, 0x0u, 977, 0, true},
    {29, 0, 2, 0xfffeu, 0x0u, 977, 0, true},
    {1346, 0, 0, 0x3cfeu, 0x0u, 63, 0, true},
    {2009, 0, 1, 0x3cfeu, 0x0u, 71, 0, true},
    {2015, 0, 2, 0x1fffeu, 0x0u, 977, 0, true},
    {29, 0, 2, 0x1fffeu, 0x0u, 977, 0, true},
    {23, 1, 0, 0xfffeu, 0xfffeu, 151, 1, true},
    {29, 0, 1, 0x0u, 0xfffeu, 2022, 6, true},
    {23, 1, 0, 0x1ffffffeu, 0x1ffffffeu, 151, 1, true},
    {29, 0, 1, 0x0u, 0x1ffffffeu, 2022, 6, true},
    {23, 0, 0, 0x0u, 0xfffeu, 2022, 6, true},
    {29, 0, 1, 0xfffeu, 0xfffeu, 151, 1, true},
    {23, 0, 0, 0xfffeu, 0xfffeu, 2022, 7, true},
    {29, 0, 1, 0xfffeu, 0xfffeu, 151, 1, true},
    {23, 0, 0, 0x1ffffffeu, 0x1ffffffeu, 2022, 7, true},
    {29, 0, 1, 0x1ffffffeu, 0x1ffffffeu, 151, 1, true},
    {23, 0, 0, 0x0u, 0xfffeu, 2022, 6, true},
    {29, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {23, 1, 0, 0xfffeu, 0xfffeu, 2022, 7, true},
    {29, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {23, 1, 0, 0x1ffffffeu, 0x1ffffffeu, 2022, 7, true},
    {29, 0, 1, 0x200u, 0x0u, 38, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {2029, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {2029, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {2029, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {93, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {398, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2053, 1, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {586, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xcc2u, 0x0u, 3, 0, true},
    {5, 0, 1, 0x3cfeu, 0x0u, 63, 0, true},
    {586, 0, 0, 0xcc2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10cc2u, 0x0u, 3, 0, true},
    {5, 0, 1, 0x3cfeu, 0x0u, 63, 0, true},
    {586, 0, 0, 0x10cc2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10cc2u, 0x0u, 3, 0, true},
    {5, 0, 1, 0x13cfeu, 0x0u, 63, 0, true},
    {586, 0, 0, 0x10cc2u, 0x0u, 3, 0, true},
    {945, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {1098, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {949, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {947, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {2068, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {962, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 0, 2, 0xcu, 0x0u, 977, 0, true},
    {38, 1, 3, 0x40u, 0x0u, 2076, 0, true},
    {975, 0, 2, 0xcu, 0x0u, 977, 0, true},
    {2079, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {2081, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1707, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {2089, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {2091, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1720, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 0, 2, 0xcu, 0x0u, 977, 0, true},
    {975, 0, 2, 0xcu, 0x0u, 977, 0, true},
    {2079, 0, 1, 0x1e000cu, 0x0u, 63, 0, true},
    {2081, 0, 0, 0x10402u, 0x0u, 2099, 0, true},
    {1707, 0, 1, 0x1e000cu, 0x0u, 63, 0, true},
    {2089, 0, 2, 0x1e000cu, 0x0u, 71, 0, true},
    {2091, 0, 0, 0x10402u, 0x0u, 2099, 0, true},
    {1720, 0, 2, 0x1e000cu, 0x0u, 71, 0, true},
    {1150, 0, 0, 0x10402u, 0x0u, 2099, 0, true},
    {1158, 0, 3, 0x1e000cu, 0x0u, 977, 0, true},
    {975, 0, 3, 0x1e000cu, 0x0u, 977, 0, true},
    {945, 0, 0, 0x42u, 0x0u, 63, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {975, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1158, 1, 1, 0x1e000cu, 0x0u, 71, 0, true},
    {975, 0, 1, 0x1e000cu, 0x0u, 71, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1158, 1, 1, 0x7e003cu, 0x0u, 71, 0, true},
    {975, 0, 1, 0x7e003cu, 0x0u, 71, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 1, 0x10442u, 0x0u, 71, 0, true},
    {1158, 1, 2, 0xfe003cu, 0x0u, 977, 0, true},
    {975, 0, 2, 0xfe003cu, 0x0u, 977, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 1, 0x1010442u, 0x0u, 71, 0, true},
    {1158, 1, 2, 0xfe003cu, 0x0u, 977, 0, true},
    {975, 0, 2, 0xfe003cu, 0x0u, 977, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 1, 0x1010442u, 0x0u, 71, 0, true},
    {1158, 1, 2, 0x6fe003cu, 0x0u, 977, 0, true},
    {975, 0, 2, 0x6fe003cu, 0x0u, 977, 0, true},
    {945, 0, 0, 0x10442u, 0x0u, 63, 0, true},
    {1150, 0, 1, 0x1010442u, 0x0u, 71, 0, true},
    {1158, 1, 2, 0x1efe003cu, 0x0u, 977, 0, true},
    {975, 0, 2, 0x1efe003cu, 0x0u, 977, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {285, 0, 1, 0x10c02u, 0x0u, 151, 0, true},
    {5, 0, 1, 0x10c02u, 0x0u, 151, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0xc02u, 0x0u, 71, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 63, 0, true},
    {29, 0, 1, 0x10c02u, 0x0u, 71, 0, true},
    {2131, 0, 0, 0x8e2u, 0x0u, 3, 0, true},
    {2137, 0, 0, 0x8e2u, 0x0u, 3, 0, true},
    {2143, 0, 0, 0x8e2u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x8e2u, 0x0u, 3, 0, true},
    {2131, 0, 0, 0x10ce2u, 0x0u, 3, 0, true},
    {2137, 0, 0, 0x10ce2u, 0x0u, 3, 0, true},
    {2143, 0, 0, 0x10ce2u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10ce2u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {98, 0, 0, 0x3cc2u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {98, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {98, 0, 0, 0x13cc2u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {98, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {93, 0, 0, 0x3cceu, 0x0u, 3, 0, true},
    {98, 0, 0, 0x3cceu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x13cceu, 0x0u, 3, 0, true},
    {98, 0, 0, 0x13cceu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x13cceu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {98, 0, 0, 0x13cceu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x13eceu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {98, 0, 0, 0x13eceu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x100u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x200u, 0x0u, 71, 0, true},
    {93, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {2178, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1ffffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0x1ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {728, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2178, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {2197, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 63, 0, true},
    {2212, 0, 1, 0xc02u, 0x0u, 71, 0, true},
    {2197, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {2216, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 63, 0, true},
    {1, 0, 0, 0x1fffeu, 0x0u, 63, 0, true},
    {2212, 1, 1, 0xc02u, 0x0u, 71, 0, true},
    {2197, 1, 255, 0x2u, 0x0u, 1106, 0, true},
    {2216, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {5, 0, 0, 0x1fffeu, 0x0u, 63, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1198, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1198, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {5, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {1762, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {2410, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 63, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1762, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {2410, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2470, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2480, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2490, 1, 1, 0x80u, 0x0u, 1663, 0, true},
    {5, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2546, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {2553, 0, 1, 0xc0u, 0x0u, 71, 0, true},
    {2564, 1, 0, 0x10c02u, 0x0u, 63, 0, true},
    {2571, 1, 1, 0xc0u, 0x0u, 71, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 63, 0, true},
    {1198, 1, 0, 0x80u, 0x0u, 1665, 0, true},
    {2584, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0xfffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0x1fffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0x1fffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0x1ffffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0x1ffffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0x7ffffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0x7ffffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0xfffffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0xfffffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0x1fffffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0x1fffffeu, 0x0u, 151, 0, false},
    {2584, 2, 255, 0x7fffffeu, 0x0u, 151, 0, false},
    {2614, 2, 255, 0x7fffffeu, 0x0u, 151, 0, false},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1346, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2748, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1346, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2748, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1346, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2748, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1346, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {2748, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {819, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {2762, 0, 2, 0xc0u, 0x0u, 1665, 0, true},
    {2771, 0, 1, 0xfffeu, 0x0u, 3, 0, true},
    {798, 2, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1295, 0, 1, 0x0u, 0xfffeu, 834, 1, true},
    {29, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {819, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {2762, 1, 1, 0xc0u, 0x0u, 1665, 0, true},
    {1295, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {819, 0, 1, 0x0u, 0xfffeu, 834, 1, true},
    {2771, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {2762, 1, 2, 0xc0u, 0x0u, 1665, 0, true},
    {1295, 0, 1, 0x0u, 0xfffeu, 834, 1, true},
    {819, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {2778, 0, 1, 0x80u, 0x0u, 1665, 0, true},
    {819, 0, 0, 0x0u, 0xfffeu, 834, 1, true},
    {2785, 2, 255, 0xfffeu, 0xfffeu, 151, 1, false},
    {2803, 2, 255, 0x0u, 0xfffeu, 834, 1, false},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1ffffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {728, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {23, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1ffffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {66, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {2831, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2826, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {2838, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {2831, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2826, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {751, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {2838, 1, 1, 0xc0u, 0x0u, 734, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1911, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {2844, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2851, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {2859, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {1911, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {2844, 0, 1, 0xc0u, 0x0u, 734, 0, true},
    {2851, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {2859, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {2868, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {2874, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1460, 2, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {2868, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {1460, 2, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {2868, 1, 1, 0xc0u, 0x0u, 1665, 0, true},
    {1295, 0, 2, 0x0u, 0xfffeu, 834, 1, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {2868, 1, 1, 0xc0u, 0x0u, 1665, 0, true},
    {1295, 0, 2, 0x0u, 0x1fffeu, 834, 1, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {2897, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {2897, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {2897, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {2897, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {2897, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {751, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {2897, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x100u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x100u, 0x0u, 3, 0, true},
    {586, 0, 0, 0x100u, 0x0u, 3, 0, true},
    {1, 0, 255, 0x100u, 0x0u, 2906, 0, true},
    {5, 0, 255, 0x100u, 0x0u, 2906, 0, true},
    {1, 0, 0, 0x100u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x100u, 0x0u, 71, 0, true},
    {586, 0, 2, 0x80u, 0x0u, 977, 0, true},
    {1733, 2, 0, 0xc02u, 0x0u, 3, 0, true},
    {2999, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1733, 2, 0, 0x10c02u, 0x0u, 3, 0, true},
    {2999, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {3003, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {3014, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {3021, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {3035, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x1c0u, 0x0u, 3, 0, true},
    {5, 0, 1, 0x2u, 0x0u, 63, 0, true},
    {23, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {3148, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {42, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {29, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {23, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {3154, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {3154, 0, 1, 0x80u, 0x0u, 63, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {3162, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1740, 0, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {149, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3162, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {1740, 0, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {149, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3162, 0, 0, 0x3cfeu, 0x0u, 3, 0, true},
    {1740, 0, 1, 0x80u, 0x0u, 1665, 0, true},
    {1, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {149, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3162, 0, 0, 0x13cfeu, 0x0u, 3, 0, true},
    {1740, 0, 1, 0x80u, 0x0u, 1665, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {3184, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {23, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1194, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {29, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {1346, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {3206, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {3222, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {1, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {5, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {1346, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {3206, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {3222, 1, 255, 0x80u, 0x0u, 106, 0, true},
    {93, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {3229, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {751, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3229, 0, 0, 0x1fffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {751, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3229, 0, 0, 0x7ffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {751, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3229, 0, 0, 0xfffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {751, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3229, 0, 0, 0x1fffffeu, 0x0u, 3, 0, true},
    {93, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {751, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {3229, 0, 0, 0x7fffffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xec2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xec2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xfffeu, 0x0u, 3, 0, true},
    {788, 0, 0, 0x200u, 0x0u, 38, 0, true},
    {1, 0, 1, 0xfffeu, 0x0u, 3, 0, true},
    {5, 0, 1, 0xfffeu, 0x0u, 3, 0, true},
    {29, 0, 1, 0xfffeu, 0x0u, 3, 0, true},
    {788, 0, 0, 0x200u, 0x0u, 38, 0, true},
    {1, 0, 1, 0x1fffeu, 0x0u, 3, 0, true},
    {5, 0, 1, 0x1fffeu, 0x0u, 3, 0, true},
    {29, 0, 1, 0x1fffeu, 0x0u, 3, 0, true},
    {1, 0, 0, 0x9c2u, 0x0u, 3, 0, true},
    {5, 0, 255, 0x80u, 0x0u, 106, 0, true},
    {586, 0, 0, 0x9c2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x8c2u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x8c2u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x0u, 0x0u, 63, 8, true},
    {5, 0, 1, 0x182u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x180u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x180u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x0u, 0x0u, 63, 8, true},
    {5, 0, 1, 0x982u, 0x0u, 71, 0, true},
    {1, 2, 0, 0x8c2u, 0x0u, 63, 0, true},
    {5, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1, 0, 0, 0x182u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x182u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x9e2u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x9e2u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x8c2u, 0x0u, 63, 0, true},
    {5, 0, 1, 0x180u, 0x0u, 71, 0, true},
    {586, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1, 0, 0, 0x8c2u, 0x0u, 3, 0, true},
    {5, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1, 0, 0, 0x9c2u, 0x0u, 3, 0, true},
    {5, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {586, 0, 0, 0x0u, 0x0u, 3, 16, true},
    {1196, 0, 0, 0x802u, 0x0u, 63, 0, true},
    {3, 0, 1, 0x80u, 0x0u, 71, 0, true},
    {798, 2, 255, 0x802u, 0x0u, 977, 0, false},
    {1460, 2, 255, 0x802u, 0x0u, 977, 0, false},
    {1171, 2, 255, 0xfffeu, 0x0u, 63, 0, false},
    {4472, 2, 255, 0xc02u, 0x0u, 71, 0, false},
    {23, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2851, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {665, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4486, 1, 1, 0x40u, 0x0u, 1663, 0, true},
    {4497, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4502, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4517, 1, 1, 0x40u, 0x0u, 1663, 0, true},
    {29, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {4538, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {38, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {40, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {945, 0, 0, 0x60007cu, 0x0u, 63, 0, true},
    {1098, 0, 1, 0x402u, 0x0u, 71, 0, true},
    {949, 1, 0, 0x60007cu, 0x0u, 63, 0, true},
    {975, 0, 1, 0x402u, 0x0u, 71, 0, true},
    {1, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {937, 0, 2, 0xcu, 0x0u, 71, 0, true},
    {1196, 0, 2, 0xcu, 0x0u, 71, 0, true},
    {38, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1198, 1, 1, 0x40u, 0x0u, 63, 0, true},
    {1212, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1562, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1572, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {4632, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {4640, 0, 2, 0xcu, 0x0u, 71, 0, true},
    {4653, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {4661, 0, 2, 0xcu, 0x0u, 71, 0, true},
    {5, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1222, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1574, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {36, 0, 0, 0x2u, 0x0u, 63, 0, true},
    {38, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {2091, 0, 0, 0x2u, 0x0u, 63, 0, true},
    {1720, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {665, 1, 0, 0x2u, 0x0u, 63, 0, true},
    {5, 0, 0, 0x2u, 0x0u, 63, 0, true},
    {4674, 0, 0, 0x40u, 0x0u, 63, 0, true},
    {4684, 1, 0, 0x40u, 0x0u, 63, 0, true},
    {4696, 0, 1, 0x402u, 0x0u, 3, 0, true},
    {4711, 0, 1, 0x402u, 0x0u, 3, 0, true},
    {4730, 1, 1, 0x402u, 0x0u, 3, 0, true},
    {2756, 0, 1, 0x402u, 0x0u, 3, 0, true},
    {1377, 0, 1, 0x402u, 0x0u, 3, 0, true},
    {1061, 1, 0, 0x40u, 0x0u, 63, 0, true},
    {2490, 1, 0, 0x40u, 0x0u, 63, 0, true},
    {29, 0, 1, 0x402u, 0x0u, 3, 0, true},
    {4486, 1, 0, 0x40u, 0x0u, 63, 0, true},
    {4748, 1, 1, 0x402u, 0x0u, 3, 0, true},
    {1, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {665, 1, 0, 0x10c02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0x10c02u, 0x0u, 3, 0, true},
    {1, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {937, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {38, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {586, 1, 0, 0xc02u, 0x0u, 3, 0, true},
    {5, 0, 0, 0xc02u, 0x0u, 3, 0, true},
    {36, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {38, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {2081, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {2091, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {1707, 1, 0, 0xcu, 0x0u, 63, 0, true},
    {1720, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {665, 1, 2, 0x402u, 0x0u, 977, 0, true},
    {5, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {36, 0, 0, 0x10402u, 0x0u, 63, 0, true},
    {38, 0, 1, 0x4u, 0x0u, 71, 0, true},
    {2197, 0, 0, 0x10402u, 0x0u, 63, 0, true},
    {4820, 1, 2, 0x10406u, 0x0u, 977, 0, true},
    {4832, 1, 3, 0x40u, 0x0u, 2076, 0, true},
    {665, 1, 0, 0x10402u, 0x0u, 63, 0, true},
    {5, 0, 0, 0x10402u, 0x0u, 63, 0, true},
    {1612, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {1618, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {845, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {665, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4877, 1, 2, 0x40u, 0x0u, 1663, 0, true},
    {4502, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {165, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {174, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4517, 1, 2, 0x40u, 0x0u, 1663, 0, true},
    {4894, 1, 2, 0x40u, 0x0u, 1663, 0, true},
    {29, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {185, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {197, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {4912, 1, 1, 0x10402u, 0x0u, 4915, 0, true},
    {23, 0, 0, 0xcu, 0x0u, 63, 0, true},
    {658, 0, 1, 0xcu, 0x0u, 71, 0, true},
    {665, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {4918, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {4930, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {4486, 1, 3, 0x40u, 0x0u, 2076, 0, true},
    {4943, 1, 0, 0xcu, 0x0u, 63, 0, true},
    {4960, 1, 1, 0xcu, 0x0u, 71, 0, true},
    {4497, 1, 2, 0x402u, 0x0u, 977, 0, true},
    {29, 0, 2, 0x402u, 0x0u, 977, 0, true},
    {4538, 1, 2, 0x402u, 0x0u, 977, 0, true},
    {36, 0, 1, 0xcu, 0x0u, 4978, 0, true},
    {2081, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {1707, 0, 1, 0xcu, 0x0u, 4978, 0, true},
    {38, 0, 2, 0xcu, 0x0u, 4981, 0, true},
    {2091, 0, 0, 0x2u, 0x0u, 3, 0, true},
    {1720, 0, 2, 0xcu, 0x0u, 4981, 0, true},
    {40, 1, 3, 0x40u, 0x0u, 4984, 0, true},
    {1150, 1, 0, 0x2u, 0x0u, 3, 0, true},
    {1158, 1, 4, 0xcu, 0x0u, 4987, 0, true},
    {5, 0, 5, 0xeu, 0x0u, 4991, 0, true},
    {36, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {4994, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5002, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {38, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5015, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5023, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {5036, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5044, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {40, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1098, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {949, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5071, 0, 1, 0x2u, 0x0u, 5079, 0, true},
    {5082, 0, 0, 0xcu, 0x0u, 5095, 0, true},
    {798, 2, 255, 0xeu, 0x0u, 5098, 0, false},
    {5, 0, 0, 0xcu, 0x0u, 5095, 0, true},
    {1, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1098, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {949, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5101, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5109, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {5071, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {5082, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {1, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5101, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {949, 1, 0, 0xcu, 0x0u, 3, 0, true},
    {1150, 0, 255, 0x2u, 0x0u, 1106, 0, true},
    {1158, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {5, 0, 0, 0xcu, 0x0u, 3, 0, true},
    {945, 0, 0, 0x402u, 0x0u, 63, 0, true},
    {1150, 0, 0, 0x402u, 0x0u, 63, 0, true},
    {1158, 1, 1, 0x60003cu, 0x0u, 71, 0, true},
    {975, 0, 1, 0x60003cu, 0x0u, 71, 0, true},
    {23, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {5128, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {2756, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {1377, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {665, 1, 0, 0x10402u, 0x0u, 3, 0, true},
    {29, 0, 0, 0x10402u, 0x0u, 3, 0, true},
    {449, 1, 1, 0x2u, 0x0u, 163, 0, true},
    {5133, 1, 1, 0x2u, 0x0u, 163, 0, true},
    {5145, 1, 0, 0x10402u, 0x0u, 3, 0, true},
};

const struct qn_schema_attr qn_schema_attrs[] = {
    {7, 7, false, false, 0, 0},      {42, 2, false, false, 0, 0},
    {47, 2, false, true, 0, 1},      {7, 7, false, false, 0, 0},
    {42, 2, false, false, 0, 0},     {47, 2, false, true, 0, 1},
    {79, 2, false, true, 0, 1},      {42, 2, false, true, 0, 1},
    {120, 2, false, true, 1, 1},     {42, 2, false, true, 0, 1},
    {120, 2, false, true, 1, 1},     {129, 2, false, true, 0, 1},
    {228, 2, false, true, 0, 1},     {238, 2, false, false, 0, 0},
    {251, 2, false, false, 0, 0},    {263, 2, false, true, 0, 1},
    {285, 1, false, false, 0, 0},    {291, 1, false, true, 0, 1},
    {299, 2, false, false, 0, 0},    {228, 2, false, true, 0, 1},
    {238, 2, false, false, 0, 0},    {334, 2, false, true, 2, 1},
    {251, 2, false, false, 0, 0},    {263, 2, false, true, 0, 1},
    {351, 2, false, true, 2, 1},     {285, 1, false, false, 0, 0},
    {291, 1, false, true, 0, 1},     {299, 2, false, false, 0, 0},
    {376, 3, false, true, 369, 1},   {385, 7, true, false, 0, 0},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {376, 3, false, true, 369, 1},   {411, 2, false, true, 0, 1},
    {385, 7, true, false, 0, 0},     {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {429, 2, false, true, 0, 1},     {411, 2, false, true, 0, 1},
    {385, 7, true, false, 0, 0},     {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {429, 2, false, true, 0, 1},     {411, 2, false, true, 0, 1},
    {439, 7, false, false, 0, 0},    {385, 7, true, false, 0, 0},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {7, 7, true, false, 0, 0},       {479, 1, false, true, 1, 1},
    {487, 2, false, true, 0, 1},     {495, 1, false, true, 2, 1},
    {504, 2, false, true, 1, 1},     {479, 1, false, true, 1, 1},
    {487, 2, false, true, 0, 1},     {495, 1, false, true, 2, 1},
    {504, 2, false, true, 1, 1},     {479, 1, false, true, 1, 1},
    {495, 1, false, true, 2, 1},     {504, 2, false, true, 1, 1},
    {479, 1, false, true, 1, 1},     {495, 1, false, true, 2, 1},
    {479, 1, false, true, 1, 1},     {495, 1, false, true, 2, 1},
    {558, 2, false, true, 0, 1},     {572, 2, false, false, 0, 0},
    {578, 1, false, false, 0, 0},    {583, 2, true, false, 0, 0},
    {588, 3, true, false, 0, 0},     {598, 2, false, true, 1, 1},
    {614, 2, false, true, 1, 1},     {583, 3, true, false, 0, 0},
    {623, 2, false, true, 1, 1},     {583, 2, true, false, 0, 0},
    {635, 3, false, true, 632, 1},   {623, 2, false, true, 1, 1},
    {583, 2, true, false, 0, 0},     {623, 2, false, true, 1, 1},
    {635, 3, false, true, 632, 1},   {623, 2, false, true, 1, 1},
    {700, 3, false, true, 695, 1},   {711, 1, false, true, 3, 1},
    {751, 7, false, false, 0, 0},    {7, 7, false, false, 0, 0},
    {756, 1, false, false, 0, 0},    {760, 1, false, false, 0, 0},
    {756, 1, false, true, 4, 1},     {760, 1, false, true, 5, 1},
    {439, 7, false, false, 0, 0},    {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {42, 2, false, false, 0, 0},
    {42, 2, true, false, 0, 0},      {42, 2, true, false, 0, 0},
    {836, 2, false, true, 0, 1},     {845, 4, true, false, 0, 0},
    {851, 11, false, false, 0, 0},   {845, 4, false, false, 0, 0},
    {851, 11, false, false, 0, 0},   {845, 4, false, false, 0, 0},
    {864, 1, false, false, 0, 0},    {876, 6, false, false, 0, 0},
    {889, 2, false, false, 0, 0},    {899, 7, false, false, 0, 0},
    {910, 3, false, false, 0, 0},    {923, 8, false, false, 0, 0},
    {845, 4, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {439, 7, false, false, 0, 0},    {939, 2, false, true, 1, 1},
    {385, 7, false, false, 0, 0},    {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {439, 7, false, false, 0, 0},    {939, 2, false, true, 1, 1},
    {385, 7, false, false, 0, 0},    {980, 7, false, false, 0, 0},
    {995, 7, false, false, 0, 0},    {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {1008, 2, false, true, 0, 1},
    {1018, 2, false, true, 0, 1},    {42, 2, false, true, 1, 1},
    {1037, 2, false, true, 0, 1},    {1045, 2, false, true, 0, 1},
    {1037, 2, false, true, 0, 1},    {1045, 2, false, true, 0, 1},
    {439, 7, false, false, 0, 0},    {939, 2, false, true, 1, 1},
    {385, 7, false, false, 0, 0},    {1066, 2, false, true, 1, 1},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {1079, 2, true, false, 0, 0},    {1079, 2, true, false, 0, 0},
    {1093, 3, false, true, 1089, 1}, {42, 2, false, true, 1, 1},
    {42, 2, false, true, 1, 1},      {1120, 2, false, true, 0, 1},
    {42, 2, false, true, 1, 1},      {1120, 2, false, true, 0, 1},
    {1131, 2, false, true, 0, 1},    {7, 7, false, false, 0, 0},
    {487, 2, false, true, 0, 1},     {1144, 1, false, true, 6, 1},
    {487, 2, false, true, 0, 1},     {1144, 1, false, true, 6, 1},
    {1144, 1, false, true, 6, 1},    {578, 2, false, false, 0, 0},
    {1185, 3, true, false, 0, 0},    {711, 1, false, true, 3, 1},
    {7, 7, false, false, 0, 0},      {572, 2, false, false, 0, 0},
    {1194, 2, false, true, 0, 1},    {1226, 6, false, false, 0, 0},
    {1243, 6, false, false, 0, 0},   {1259, 8, false, false, 0, 0},
    {1271, 1, false, false, 0, 0},   {588, 3, false, true, 1276, 1},
    {1283, 2, false, false, 0, 0},   {1295, 2, false, true, 0, 1},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, false, 0, 0},   {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1319, 2, false, true, 0, 1},    {1295, 2, false, true, 0, 1},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, false, 0, 0},   {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1319, 2, false, true, 0, 1},    {1226, 6, false, false, 0, 0},
    {1243, 6, false, false, 0, 0},   {1259, 8, false, false, 0, 0},
    {1271, 1, false, false, 0, 0},   {588, 3, false, true, 1311, 1},
    {1283, 2, false, false, 0, 0},   {1339, 2, false, true, 0, 1},
    {1319, 2, false, true, 0, 1},    {42, 2, false, true, 0, 1},
    {1354, 2, false, true, 0, 1},    {1365, 3, false, true, 695, 1},
    {711, 1, false, true, 3, 1},     {1377, 1, false, true, 3, 1},
    {47, 2, false, true, 0, 1},      {1382, 2, false, true, 0, 1},
    {1389, 2, false, true, 0, 1},    {711, 1, false, true, 3, 1},
    {1377, 1, false, true, 3, 1},    {1382, 2, false, true, 0, 1},
    {1389, 2, false, true, 0, 1},    {1396, 1, false, true, 7, 1},
    {1396, 2, false, true, 3, 1},    {79, 2, false, true, 0, 1},
    {1093, 3, false, true, 1398, 1}, {1413, 3, false, true, 1407, 1},
    {79, 2, false, true, 0, 1},      {1093, 3, false, true, 1426, 1},
    {1413, 3, false, true, 1407, 1}, {479, 1, false, true, 1, 1},
    {1433, 2, true, false, 0, 0},    {479, 1, false, true, 1, 1},
    {1433, 2, true, false, 0, 0},    {1444, 2, false, true, 1, 1},
    {711, 1, false, true, 8, 1},     {1377, 1, false, true, 6, 1},
    {7, 7, false, false, 0, 0},      {711, 1, false, true, 8, 1},
    {1377, 1, false, true, 6, 1},    {42, 2, false, true, 2, 1},
    {1468, 5, true, false, 0, 0},    {1480, 5, true, false, 0, 0},
    {1517, 3, false, true, 1513, 1}, {7, 7, false, false, 0, 0},
    {479, 1, false, true, 1, 1},     {479, 1, false, true, 1, 1},
    {1530, 2, false, true, 1, 1},    {1546, 2, false, true, 1, 1},
    {711, 1, false, true, 9, 1},     {1377, 1, false, true, 10, 1},
    {665, 1, false, true, 3, 1},     {66, 2, true, false, 0, 0},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, false, 0, 0},   {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1578, 2, false, true, 0, 1},    {1295, 2, false, true, 0, 1},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, false, 0, 0},   {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1578, 2, false, true, 0, 1},    {1226, 6, false, false, 0, 0},
    {1243, 6, false, false, 0, 0},   {1259, 8, false, false, 0, 0},
    {1271, 1, false, false, 0, 0},   {588, 3, false, true, 1311, 1},
    {1283, 2, false, false, 0, 0},   {1578, 2, false, true, 0, 1},
    {1339, 2, false, true, 0, 1},    {42, 2, false, true, 2, 1},
    {479, 1, false, true, 1, 1},     {1444, 2, false, true, 1, 1},
    {711, 1, false, true, 11, 1},    {7, 7, false, false, 0, 0},
    {711, 1, false, true, 11, 1},    {1628, 2, false, true, 4, 1},
    {238, 2, true, false, 0, 0},     {251, 2, true, false, 0, 0},
    {285, 1, false, true, 0, 1},     {1651, 3, false, true, 1639, 1},
    {1702, 5, true, false, 0, 0},    {42, 2, false, true, 2, 1},
    {1396, 2, false, true, 3, 1},    {376, 3, false, true, 369, 1},
    {385, 7, false, false, 0, 0},    {1396, 1, false, true, 7, 1},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {376, 3, false, true, 369, 1},   {385, 7, true, false, 0, 0},
    {1396, 2, false, true, 3, 1},    {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {429, 2, false, true, 0, 1},     {439, 7, false, false, 0, 0},
    {385, 7, true, false, 0, 0},     {1396, 2, false, true, 3, 1},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {376, 3, false, true, 369, 1},   {385, 7, true, false, 0, 0},
    {398, 7, false, false, 0, 0},    {1748, 2, false, true, 0, 1},
    {403, 7, false, false, 0, 0},    {376, 3, false, true, 369, 1},
    {429, 2, false, true, 0, 1},     {439, 7, false, false, 0, 0},
    {385, 7, true, false, 0, 0},     {398, 7, false, false, 0, 0},
    {1748, 2, false, true, 0, 1},    {403, 7, false, false, 0, 0},
    {1767, 7, true, false, 0, 0},    {1780, 1, false, true, 3, 1},
    {385, 7, true, false, 0, 0},     {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {751, 7, false, true, 5, 3},
    {598, 2, false, true, 1, 1},     {1853, 2, false, true, 0, 1},
    {572, 2, false, true, 8, 1},     {1858, 2, false, true, 1, 1},
    {578, 1, false, false, 0, 0},    {1882, 2, false, false, 0, 0},
    {1895, 3, false, true, 449, 1},  {1992, 2, false, true, 0, 1},
    {2024, 13, false, false, 0, 0},  {1093, 3, false, true, 2035, 1},
    {2044, 7, true, false, 0, 0},    {845, 1, false, true, 0, 1},
    {1093, 3, false, true, 2035, 1}, {398, 7, true, false, 0, 0},
    {845, 1, false, true, 0, 1},     {1093, 3, false, true, 2035, 1},
    {42, 2, false, true, 1, 1},      {623, 2, false, true, 1, 1},
    {42, 2, false, true, 1, 1},      {1120, 2, false, true, 0, 1},
    {1131, 2, false, true, 0, 1},    {623, 2, false, true, 1, 1},
    {42, 2, false, true, 1, 1},      {1120, 2, false, true, 0, 1},
    {1131, 2, false, true, 0, 1},    {2102, 2, false, true, 0, 1},
    {623, 2, false, true, 1, 1},     {1226, 6, false, false, 0, 0},
    {1243, 6, false, false, 0, 0},   {1259, 8, false, true, 2112, 2},
    {1271, 1, false, false, 0, 0},   {588, 3, false, true, 1311, 1},
    {1283, 2, false, false, 0, 0},   {1295, 2, false, true, 0, 1},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, true, 2112, 2}, {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1226, 6, false, false, 0, 0},   {1243, 6, false, false, 0, 0},
    {1259, 8, false, true, 2112, 2}, {1271, 1, false, false, 0, 0},
    {588, 3, false, true, 1311, 1},  {1283, 2, false, false, 0, 0},
    {1339, 2, false, true, 0, 1},    {572, 2, false, true, 1, 1},
    {449, 1, false, true, 0, 1},     {285, 1, false, true, 3, 1},
    {578, 1, false, false, 0, 0},    {728, 7, true, false, 0, 0},
    {572, 2, false, false, 0, 0},    {449, 1, false, true, 0, 1},
    {285, 1, false, true, 3, 1},     {578, 1, false, false, 0, 0},
    {572, 2, false, true, 1, 1},     {2122, 1, false, true, 3, 1},
    {2127, 1, false, true, 0, 1},    {578, 1, false, false, 0, 0},
    {728, 7, true, false, 0, 0},     {572, 2, false, false, 0, 0},
    {2122, 1, false, true, 3, 1},    {2127, 1, false, true, 0, 1},
    {578, 1, false, false, 0, 0},    {1444, 2, false, true, 1, 1},
    {751, 7, false, false, 0, 0},    {120, 2, false, true, 1, 1},
    {120, 2, false, true, 1, 1},     {2149, 2, false, true, 0, 1},
    {2170, 3, false, false, 0, 0},   {7, 7, false, false, 0, 0},
    {728, 7, false, false, 0, 0},    {2187, 2, false, true, 0, 1},
    {1093, 3, false, true, 2204, 1}, {2233, 3, false, true, 2222, 1},
    {2264, 1, false, true, 12, 1},   {2278, 2, false, true, 0, 1},
    {2294, 1, false, true, 0, 1},    {1093, 3, false, true, 2204, 1},
    {2333, 3, false, true, 2314, 1}, {2346, 2, false, true, 0, 1},
    {751, 7, false, false, 0, 0},    {2233, 3, false, true, 2222, 1},
    {2264, 1, false, true, 12, 1},   {2278, 2, false, true, 0, 1},
    {2294, 1, false, true, 0, 1},    {2364, 3, false, true, 2356, 1},
    {1093, 3, false, true, 2204, 1}, {2333, 3, false, true, 2314, 1},
    {2389, 2, false, true, 1, 1},    {2400, 2, false, true, 0, 1},
    {1093, 3, false, true, 2424, 1}, {2428, 2, false, true, 1, 1},
    {2442, 2, false, true, 1, 1},    {2455, 2, false, true, 0, 1},
    {1780, 1, false, true, 3, 1},    {2233, 3, false, true, 2222, 1},
    {1093, 3, false, true, 2424, 1}, {2428, 2, false, true, 1, 1},
    {2442, 2, false, true, 1, 1},    {2455, 2, false, true, 0, 1},
    {1780, 1, false, true, 3, 1},    {2503, 2, false, true, 0, 1},
    {2515, 2, false, false, 0, 0},   {2525, 2, false, true, 0, 1},
    {1045, 2, false, true, 1, 1},    {1702, 5, true, false, 0, 0},
    {2643, 7, false, false, 0, 0},   {2654, 2, true, false, 0, 0},
    {1702, 5, true, false, 0, 0},    {2654, 2, true, false, 0, 0},
    {2670, 7, false, false, 0, 0},   {2686, 7, false, false, 0, 0},
    {2708, 7, false, false, 0, 0},   {2725, 7, false, false, 0, 0},
    {42, 2, false, true, 0, 1},      {1895, 3, false, true, 695, 1},
    {1895, 3, false, true, 695, 1},  {711, 1, false, true, 13, 1},
    {7, 7, false, false, 0, 0},      {2756, 1, false, true, 14, 1},
    {711, 1, false, true, 15, 1},    {2756, 1, false, true, 16, 1},
    {572, 2, false, false, 0, 0},    {2816, 2, false, false, 0, 0},
    {2131, 2, false, true, 0, 1},    {665, 1, false, true, 0, 1},
    {2820, 1, false, true, 6, 1},    {751, 7, false, false, 0, 0},
    {2826, 7, true, false, 0, 0},    {2831, 7, true, false, 0, 0},
    {42, 2, false, false, 0, 0},     {2868, 7, false, false, 0, 0},
    {42, 2, false, true, 0, 1},      {2868, 7, false, false, 0, 0},
    {42, 2, false, true, 0, 1},      {2885, 2, false, false, 0, 0},
    {2926, 3, false, true, 2921, 1}, {2945, 2, false, true, 0, 1},
    {2963, 3, false, false, 0, 0},   {2970, 8, false, false, 0, 0},
    {2980, 3, false, false, 0, 0},   {2990, 2, false, false, 0, 0},
    {42, 2, false, true, 9, 1},      {1093, 3, false, true, 1426, 1},
    {3049, 2, true, false, 0, 0},    {3065, 2, true, false, 0, 0},
    {3080, 2, true, false, 0, 0},    {1093, 3, true, false, 0, 0},
    {3096, 7, true, false, 0, 0},    {3109, 7, true, false, 0, 0},
    {3123, 7, false, false, 0, 0},   {3135, 8, false, false, 0, 0},
    {2851, 6, false, false, 0, 0},   {42, 2, false, true, 2, 1},
    {1194, 2, true, false, 0, 0},    {42, 2, false, true, 2, 1},
    {3169, 2, false, true, 1, 1},    {3177, 2, false, true, 1, 1},
    {3195, 7, false, false, 0, 0},   {3200, 2, false, true, 1, 1},
    {42, 2, false, false, 0, 0},     {3177, 2, false, true, 1, 1},
    {751, 7, true, false, 0, 0},     {3238, 1, true, false, 0, 0},
    {1093, 3, false, true, 2204, 1}, {3251, 1, true, false, 0, 0},
    {1093, 3, false, true, 2204, 1}, {2197, 6, true, false, 0, 0},
    {3263, 1, false, true, 0, 1},    {3282, 3, false, true, 3273, 1},
    {3296, 3, false, true, 3290, 1}, {3305, 2, false, true, 1, 1},
    {3313, 7, false, false, 0, 0},   {3325, 8, false, false, 0, 0},
    {3338, 2, false, true, 2, 1},    {3360, 3, false, true, 3352, 1},
    {3375, 7, false, false, 0, 0},   {3392, 8, false, false, 0, 0},
    {3410, 7, false, false, 0, 0},   {3426, 6, false, false, 0, 0},
    {3447, 7, false, false, 0, 0},   {3468, 1, false, true, 0, 1},
    {3489, 2, false, true, 0, 1},    {3510, 8, false, false, 0, 0},
    {3338, 2, false, true, 2, 1},    {3360, 3, false, true, 3352, 1},
    {3526, 1, false, true, 0, 1},    {3338, 2, false, true, 2, 1},
    {3360, 3, false, true, 3352, 1}, {3540, 6, false, false, 0, 0},
    {3552, 7, false, false, 0, 0},   {3564, 8, false, false, 0, 0},
    {3577, 6, false, false, 0, 0},   {3591, 7, false, false, 0, 0},
    {3605, 8, false, false, 0, 0},   {3526, 1, false, true, 0, 1},
    {3338, 2, false, true, 2, 1},    {3360, 3, false, true, 3352, 1},
    {3620, 4, false, false, 0, 0},   {3540, 6, false, false, 0, 0},
    {3552, 7, false, false, 0, 0},   {3564, 8, false, false, 0, 0},
    {3635, 4, false, false, 0, 0},   {3577, 6, false, false, 0, 0},
    {3591, 7, false, false, 0, 0},   {3605, 8, false, false, 0, 0},
    {3647, 4, false, false, 0, 0},   {3661, 7, false, false, 0, 0},
    {3678, 8, false, false, 0, 0},   {3698, 6, true, false, 0, 0},
    {3711, 6, false, false, 0, 0},   {3722, 2, false, true, 0, 1},
    {3734, 3, false, true, 2921, 1}, {3698, 6, false, false, 0, 0},
    {3711, 6, false, false, 0, 0},   {3734, 3, false, true, 2921, 1},
    {3749, 2, false, true, 1, 1},    {3761, 3, false, true, 3757, 1},
    {3313, 7, false, false, 0, 0},   {3325, 8, false, false, 0, 0},
    {1407, 2, false, true, 1, 1},    {3661, 7, false, false, 0, 0},
    {3678, 8, false, false, 0, 0},   {3698, 6, false, false, 0, 0},
    {3766, 6, false, false, 0, 0},   {3787, 3, false, true, 3780, 1},
    {3734, 3, false, true, 2921, 1}, {3799, 6, false, false, 0, 0},
    {3806, 6, false, false, 0, 0},   {3813, 6, false, false, 0, 0},
    {3817, 6, false, false, 0, 0},   {3833, 7, false, false, 0, 0},
    {3698, 6, false, false, 0, 0},   {3766, 6, false, false, 0, 0},
    {3787, 3, false, true, 3780, 1}, {3851, 2, false, true, 0, 1},
    {3862, 2, false, true, 0, 1},    {3734, 3, false, true, 2921, 1},
    {3813, 6, false, false, 0, 0},   {3817, 6, false, false, 0, 0},
    {1054, 6, false, false, 0, 0},   {285, 6, false, false, 0, 0},
    {3872, 2, false, true, 1, 1},    {3891, 7, true, false, 0, 0},
    {3906, 4, true, false, 0, 0},    {3919, 4, false, false, 0, 0},
    {3937, 2, false, false, 0, 0},   {3947, 7, true, false, 0, 0},
    {3964, 7, true, false, 0, 0},    {3983, 7, true, false, 0, 0},
    {4000, 4, false, false, 0, 0},   {4015, 7, false, false, 0, 0},
    {4047, 4, true, false, 0, 0},    {4059, 4, true, false, 0, 0},
    {4072, 7, true, false, 0, 0},    {4088, 7, true, false, 0, 0},
    {3734, 2, false, true, 0, 1},    {4106, 7, true, false, 0, 0},
    {4117, 6, false, false, 0, 0},   {4129, 7, false, false, 0, 0},
    {4139, 7, false, false, 0, 0},   {4153, 7, false, false, 0, 0},
    {4167, 6, false, false, 0, 0},   {4181, 7, false, false, 0, 0},
    {3678, 8, false, false, 0, 0},   {3964, 7, false, false, 0, 0},
    {3983, 7, false, false, 0, 0},   {4000, 6, false, false, 0, 0},
    {4015, 7, false, false, 0, 0},   {4047, 8, false, false, 0, 0},
    {4200, 7, false, false, 0, 0},   {4214, 7, false, false, 0, 0},
    {4088, 7, false, false, 0, 0},   {4228, 6, false, false, 0, 0},
    {3734, 3, false, true, 2921, 1}, {4117, 6, false, false, 0, 0},
    {4241, 4, false, false, 0, 0},   {4129, 7, false, false, 0, 0},
    {4139, 7, false, false, 0, 0},   {4153, 7, false, false, 0, 0},
    {4167, 6, false, false, 0, 0},   {4263, 4, false, false, 0, 0},
    {4181, 7, false, false, 0, 0},   {3678, 8, false, false, 0, 0},
    {3964, 7, false, false, 0, 0},   {3983, 7, false, false, 0, 0},
    {4000, 6, false, false, 0, 0},   {4287, 4, false, false, 0, 0},
    {4015, 7, false, false, 0, 0},   {4047, 8, false, false, 0, 0},
    {4200, 7, false, false, 0, 0},   {4214, 7, false, false, 0, 0},
    {4088, 7, false, false, 0, 0},   {4228, 6, false, false, 0, 0},
    {4312, 4, false, false, 0, 0},   {3734, 3, false, true, 2921, 1},
    {3872, 3, false, true, 4335, 1}, {4117, 6, false, false, 0, 0},
    {3937, 2, false, false, 0, 0},   {3964, 7, false, false, 0, 0},
    {3983, 7, false, false, 0, 0},   {4000, 6, false, false, 0, 0},
    {4015, 7, false, false, 0, 0},   {4047, 8, false, false, 0, 0},
    {4200, 7, false, false, 0, 0},   {4214, 7, false, false, 0, 0},
    {4088, 7, false, false, 0, 0},   {4228, 6, false, false, 0, 0},
    {3734, 3, false, true, 2921, 1}, {4339, 7, false, false, 0, 0},
    {4350, 7, false, false, 0, 0},   {4365, 7, false, false, 0, 0},
    {4380, 6, false, false, 0, 0},   {3872, 3, false, true, 4335, 1},
    {4117, 6, false, false, 0, 0},   {4241, 4, false, false, 0, 0},
    {3937, 2, false, false, 0, 0},   {3964, 7, false, false, 0, 0},
    {3983, 7, false, false, 0, 0},   {4000, 6, false, false, 0, 0},
    {4287, 4, false, false, 0, 0},   {4015, 7, false, false, 0, 0},
    {4047, 8, false, false, 0, 0},   {4200, 7, false, false, 0, 0},
    {4214, 7, false, false, 0, 0},   {4088, 7, false, false, 0, 0},
    {4228, 6, false, false, 0, 0},   {4312, 4, false, false, 0, 0},
    {3734, 3, false, true, 2921, 1}, {4339, 7, false, false, 0, 0},
    {4350, 7, false, false, 0, 0},   {4365, 7, false, false, 0, 0},
    {4380, 6, false, false, 0, 0},   {4395, 4, false, false, 0, 0},
    {4181, 7, false, false, 0, 0},   {3678, 8, false, false, 0, 0},
    {4420, 1, false, true, 0, 1},    {479, 1, false, true, 17, 1},
    {4433, 1, false, true, 0, 1},    {711, 1, false, true, 2, 1},
    {1377, 1, false, true, 18, 1},   {479, 1, false, true, 17, 1},
    {4433, 1, false, true, 0, 1},    {4450, 1, false, true, 0, 1},
    {4480, 8, true, false, 0, 0},    {975, 3, true, false, 0, 0},
    {4483, 8, false, false, 0, 0},   {711, 1, true, false, 0, 0},
    {1377, 1, true, false, 0, 0},    {1093, 3, true, false, 0, 0},
    {4433, 1, true, false, 0, 0},    {4546, 2, false, false, 0, 0},
    {4556, 1, false, false, 0, 0},   {2515, 2, true, false, 0, 0},
    {4574, 2, false, false, 0, 0},   {4600, 7, false, false, 0, 0},
    {2525, 2, false, false, 0, 0},   {285, 1, false, false, 0, 0},
    {4617, 2, false, true, 0, 1},    {479, 1, false, true, 19, 1},
    {4762, 2, false, false, 0, 0},   {700, 3, false, false, 0, 0},
    {4778, 6, false, false, 0, 0},   {376, 3, false, true, 369, 1},
    {439, 7, false, false, 0, 0},    {939, 2, false, true, 1, 1},
    {385, 7, false, false, 0, 0},    {398, 7, false, false, 0, 0},
    {403, 7, false, false, 0, 0},    {711, 1, false, true, 3, 1},
    {1382, 2, false, true, 0, 1},    {1389, 2, false, true, 0, 1},
    {4796, 2, false, true, 0, 1},    {4808, 2, false, true, 0, 1},
    {149, 2, true, false, 0, 0},     {4838, 2, true, false, 0, 0},
    {4840, 2, false, true, 0, 1},    {4855, 2, false, true, 10, 1},
    {1120, 2, true, false, 0, 0},    {4860, 2, false, true, 0, 1},
    {4556, 1, false, false, 0, 0},   {2515, 2, true, false, 0, 0},
    {285, 1, false, false, 0, 0},    {4617, 2, false, true, 0, 1},
    {4546, 2, false, false, 0, 0},   {4556, 1, false, false, 0, 0},
    {2515, 2, true, false, 0, 0},    {4574, 2, false, false, 0, 0},
    {285, 1, false, false, 0, 0},    {4617, 2, false, true, 0, 1},
    {711, 1, false, true, 3, 1},     {1382, 2, false, true, 0, 1},
    {1389, 2, false, true, 0, 1},    {376, 3, false, true, 369, 1},
    {429, 2, false, true, 0, 1},     {5057, 2, false, true, 0, 1},
    {411, 2, false, true, 0, 1},     {385, 7, true, false, 0, 0},
    {398, 7, false, false, 0, 0},    {403, 7, false, false, 0, 0},
    {5057, 2, false, true, 0, 1},    {42, 2, false, true, 2, 1},
    {5122, 2, true, false, 0, 0},    {479, 1, false, true, 19, 1},
};

const int64_t qn_schema_ints[] = {
    INT64_C(0), INT64_C(1), INT64_C(-1), INT64_C(2),  INT64_C(64), INT64_C(0),
    INT64_C(2), INT64_C(3), INT64_C(6),  INT64_C(-2), INT64_C(4),
};

const float qn_schema_floats[] = {
    0.0F,   1e-05F,  0.9F,    1.0F,       3.4028235e+38F, -3.4028235e+38F,
    0.5F,   2.0F,    0.2F,    1e-04F,     0.75F,          0.01F,
    -0.75F, 1.6732F, 1.0507F, 1.6732632F, 1.050701F,      1e-06F,
    0.999F, 1e-12F,
};

const struct qn_schema_domain qn_schema_domains[] = {
    {0, 28},
    {7120, 5},
    {7397, 1},
    {7453, 1},
};

const size_t qn_schema_n_domains = 4;

const struct qn_schema_ir qn_schema_ir[] = {
    {1, 3},   {5, 3},   {6, 3},   {7, 3},   {8, 3},   {9, 4},   {10, 5},
    {11, 6},  {12, 7},  {13, 7},  {14, 7},  {15, 8},  {16, 8},  {17, 8},
    {18, 8},  {19, 9},  {20, 9},  {21, 10}, {22, 10}, {23, 11}, {24, 12},
    {25, 13}, {26, 13}, {27, 13}, {28, 14},
};

const size_t qn_schema_n_ir = 25;
