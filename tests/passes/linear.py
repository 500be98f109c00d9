"""fuse-conv-bn, fuse-conv-affine, fuse-affine-conv, fuse-affine-norm, fuse-channel-order: folds into linear operators, and what forbids
them."""
from support import TensorProto, helper, ints, main, np, rand, scalar

BN = "fuse-conv-bn"
BEHIND = "fuse-conv-affine"
FRONT = "fuse-affine-conv"


def bn(n):
    return {"s": rand(n), "m": rand(n), "t": rand(n), "v": rand(n, low=0.2)}


def conv(body, weights, passes, after, x="N,3,6,6", y="N,4,H,W", **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes=passes, after=after,
                weights={"w": rand(4, 3, 3, 3), **weights}, **more)


NORMED = ("p = Mul(x, x) q = ReduceMean<axes = [-1]>(p) v = Add(q, eps) r = Sqrt(v) s = Div(x, r) d = Mul(s, k) "
          "y = MatMul(d, w)")
EPS = {"k": rand(5), "eps": scalar(1e-3)}


def dense(body, weights, passes, after, x="N,5", y="N,4", **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes=passes, after=after,
                weights={"w": rand(5, 4), **weights}, **more)


def half(case):
    """The same in float16."""
    case = dict(case, text=case["text"].replace("float[", "float16["), tol=2e-2)
    case["weights"] = {k: a.astype(np.float16) if a.dtype == np.float32 else a for k, a in case["weights"].items()}
    return case


def overridable(model):
    t = [t for t in model.graph.initializer if t.name == "w"][0]
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, list(t.dims)))


PADS = "<pads = [1, 1, 1, 1]>"
CASES = {
    # BatchNormalization
    "bn_into_conv": conv(f"c = Conv{PADS}(x, w) y = BatchNormalization(c, s, t, m, v)", bn(4), BN, "Conv"),
    "bn_into_conv_with_bias": conv("c = Conv(x, w, b) y = BatchNormalization<epsilon = 0.1>(c, s, t, m, v)",
                                   {"b": rand(4), **bn(4)}, BN, "Conv"),
    "bn_into_conv_with_groups": conv("c = Conv<group = 3>(x, u) y = BatchNormalization(c, s, t, m, v)",
                                     {"u": rand(6, 1, 3, 3), **bn(6)}, BN, "Conv", y="N,6,H,W"),
    "bn_into_conv_of_one_axis": conv("c = Conv(x, u) y = BatchNormalization(c, s, t, m, v)",
                                     {"u": rand(4, 3, 3), **bn(4)}, BN, "Conv", x="N,3,8", y="N,4,L"),
    "bn_into_float16_conv": half(conv("c = Conv(x, w) y = BatchNormalization(c, s, t, m, v)", bn(4), BN, "Conv")),
    "bn_into_conv_transpose": conv("c = ConvTranspose<strides = [2, 2]>(x, u) y = BatchNormalization(c, s, t, m, v)",
                                   {"u": rand(3, 4, 2, 2), **bn(4)}, BN, "ConvTranspose"),
    "bn_into_conv_transpose_with_groups": conv(
        "c = ConvTranspose<group = 2>(x, u, b) y = BatchNormalization(c, s, t, m, v)",
        {"u": rand(4, 3, 2, 2), "b": rand(6), **bn(6)}, BN, "ConvTranspose", x="N,4,6,6", y="N,6,H,W"),
    "bn_into_gemm": dense("c = Gemm(x, w, b) y = BatchNormalization(c, s, t, m, v)", {"b": rand(4), **bn(4)}, BN, "Gemm"),
    "bn_into_gemm_trans_b_scalar_bias": dense("c = Gemm<transB = 1>(x, u, b) y = BatchNormalization(c, s, t, m, v)",
                                              {"u": rand(4, 5), "b": rand(1), **bn(4)}, BN, "Gemm"),
    "bn_behind_two_in_a_row": conv(
        "c = Conv(x, w) d = BatchNormalization(c, s, t, m, v) y = BatchNormalization(d, t, s, m, v)", bn(4), BN, "Conv"),
    "bn_of_a_conv_read_twice_stays": conv(
        "c = Conv(x, w) d = BatchNormalization(c, s, t, m, v) y = Add(c, d)", bn(4), BN, None),
    "bn_of_a_conv_that_is_an_output_stays": dict(
        text="g (float[N,3,6,6] x) => (float[N,4,4,4] y, float[N,4,4,4] c) { c = Conv(x, w) "
             "y = BatchNormalization(c, s, t, m, v) }", weights={"w": rand(4, 3, 3, 3), **bn(4)}, passes=BN, after=None),
    "bn_behind_weights_of_the_caller_stays": conv(
        "c = Conv(x, w) y = BatchNormalization(c, s, t, m, v)", bn(4), BN, None, edit=overridable),
    "bn_behind_a_gemm_with_beta_stays": dense(
        "c = Gemm<beta = 0.5>(x, w, b) y = BatchNormalization(c, s, t, m, v)", {"b": rand(4), **bn(4)}, BN, None),
    "bn_behind_a_gemm_with_a_matrix_of_biases_stays": dense(
        "c = Gemm(x, w, b) y = BatchNormalization(c, s, t, m, v)", {"b": rand(3, 4), **bn(4)}, BN, None, x="3,5", y="3,4"),
    "bn_behind_a_gemm_with_a_bias_that_is_computed_stays": dict(
        text="g (float[N,5] x, float[4] b) => (float[N,4] y) { c = Gemm(x, w, b) y = BatchNormalization(c, s, t, m, v) }",
        weights={"w": rand(5, 4), **bn(4)}, passes=BN, after=None),
    "bn_that_overflows_float16_stays": half(conv(
        "c = Conv(x, w) y = BatchNormalization(c, s, t, m, v)",
        {"w": rand(4, 3, 3, 3, low=200, high=300), "s": rand(4, low=3e4, high=3.1e4), "m": rand(4), "t": rand(4),
         "v": rand(4, low=1e4, high=2e4)}, BN, None)) | dict(weights=None),
    "weights_of_two_convs_are_not_shared_after": dict(
        text="g (float[N,3,6,6] x) => (float[N,4,4,4] y, float[N,4,4,4] z) { c = Conv(x, w) "
             "y = BatchNormalization(c, s, t, m, v) z = Conv(x, w) }",
        weights={"w": rand(4, 3, 3, 3), **bn(4)}, passes=BN, after="Conv Conv"),
    # through moves
    "bn_behind_a_transpose": dense("c = MatMul(x, w) b = Add(c, l) d = Transpose<perm = [0, 2, 1]>(b) y = BatchNormalization(d, s, t, m, v)",
                                   {"l": rand(4), **bn(4)}, BN, "MatMul Add Transpose", x="N,6,5", y="N,4,6"),
    "bn_behind_a_transpose_of_equal_sizes": dense(
        "c = MatMul(x, w) b = Add(c, l) d = Transpose<perm = [0, 2, 1]>(b) y = BatchNormalization(d, s, t, m, v)",
        {"l": rand(4), **bn(4)}, BN, "MatMul Add Transpose", x="N,4,5", y="N,4,4"),
    "bn_behind_a_flatten": conv("p = Conv(x, w) c = Flatten(p) y = BatchNormalization(c, s, t, m, v)", bn(4), BN, "Conv Flatten", x="N,3,3,3", y="N,4"),
    "bn_of_heads": dense("c = Gemm(x, w, l) r = Reshape(c, k) y = BatchNormalization(r, s, t, m, v)", {"l": rand(4), "k": ints(-1, 2, 2), **bn(2)}, BN,
                         "Gemm Reshape", y="N,2,2"),
    "bn_along_another_axis_stays": dense("c = MatMul(x, w) b = Add(c, l) d = Transpose<perm = [0, 2, 1]>(b) r = Transpose<perm = [0, 2, 1]>(d) "
                                         "y = BatchNormalization(r, s, t, m, v)", {"l": rand(4), **bn(4)}, BN, None, x="N,4,5", y="N,4,4"),
    "bn_of_a_moved_product_without_bias_stays": dense("c = MatMul(x, w) d = Transpose<perm = [0, 2, 1]>(c) y = BatchNormalization(d, s, t, m, v)",
                                                      bn(4), BN, None, x="N,6,5", y="N,4,6"),
    "bn_behind_a_move_that_others_read_stays": dict(
        text="g (float[N,5] x) => (float[N,4,1] y, float[N,4,1] z) { c = Gemm(x, w, l) r = Unsqueeze(c, k) y = BatchNormalization(r, s, t, m, v) "
             "z = Relu(r) }", weights={"w": rand(5, 4), "l": rand(4), "k": ints(2), **bn(4)}, passes=BN, after=None),
    # arithmetic behind
    "mul_add_sub_div_behind_a_conv": conv(
        "c = Conv(x, w) d = Mul(c, k) e = Add(l, d) f = Sub(e, k) h = Div(f, l) y = Sub(one, h)",
        {"k": rand(1, 4, 1, 1), "l": rand(4, 1, 1, low=1), "one": scalar(1.0)}, BEHIND, "Conv"),
    "scalars_behind_a_depthwise_conv": conv(
        "c = Conv<group = 3>(x, u, b) d = Mul(c, k) y = Add(d, l)",
        {"u": rand(3, 1, 3, 3), "b": rand(3), "k": scalar([1.5]), "l": scalar(-2.0)}, BEHIND, "Conv", y="N,3,H,W"),
    "a_matmul_takes_a_scale": dense("c = MatMul(x, w) y = Mul(c, k)", {"k": rand(4)}, BEHIND, "MatMul", x="N,S,5", y="N,S,4"),
    "a_matmul_with_bias_takes_both": dense(
        "c = MatMul(x, w) d = Add(b, c) e = Mul(d, k) y = Add(e, l)", {"b": rand(4), "k": rand(4), "l": scalar(0.5)},
        BEHIND, "MatMul Add", x="N,S,5", y="N,S,4"),
    "a_constant_along_width_stays_though_width_equals_channels": conv(
        "c = Conv(x, w) y = Mul(c, k)", {"k": rand(4)}, BEHIND, None),
    "a_constant_that_adds_an_axis_stays": conv(
        "c = Conv(x, w) y = Mul(c, k)", {"k": rand(1, 1, 1, 1, 1)}, BEHIND, None, y="A,N,4,4,4"),
    "a_constant_that_adds_an_axis_to_a_product_stays": dense(
        "c = MatMul(x, w) y = Mul(c, k)", {"k": rand(1, 1, 4)}, BEHIND, None, y="A,N,4"),
    "a_constant_over_the_conv_stays": conv("c = Conv(x, w) y = Div(k, c)", {"k": scalar(2.0)}, BEHIND, None, tol=1e-3),
    "a_division_by_zero_stays": conv("c = Conv(x, w) y = Div(c, k)", {"k": scalar(0.0)}, BEHIND, None),
    "a_full_map_stays": conv("c = Conv(x, w) y = Add(c, k)", {"k": rand(1, 4, 4, 4)}, BEHIND, None),
    "an_add_that_is_the_bias_of_a_matmul_stays": dense("c = MatMul(x, w) y = Add(c, b)", {"b": rand(4)}, BEHIND, None),
    "a_shift_behind_a_product_without_bias_stays": dense("c = MatMul(x, w) y = Sub(c, k)", {"k": rand(4)}, BEHIND, None),
    # in front
    "mul_in_front_of_a_padded_conv": conv(f"d = Mul(x, k) y = Conv{PADS}(d, w)", {"k": scalar(0.3)}, FRONT, "Conv"),
    "a_vector_in_front": conv(f"d = Div(x, k) y = Conv{PADS}(d, w)", {"k": rand(1, 3, 1, 1, low=0.5)}, FRONT, "Conv"),
    "a_vector_in_front_of_unknown_channels_stays": conv(
        f"d = Div(x, k) y = Conv{PADS}(d, w)", {"k": rand(1, 3, 1, 1, low=0.5)}, FRONT, None, x="N,C,6,6",
        feeds={"x": rand(2, 3, 6, 6)}),
    "a_vector_in_front_of_known_channels": conv(
        f"c = Conv(x, u) r = Relu(c) d = Mul(r, k) y = Conv{PADS}(d, w)", {"k": rand(3, 1, 1), "u": rand(3, 3, 1, 1)}, FRONT,
        "Conv Relu Conv"),
    "a_vector_that_stretches_one_channel_stays": conv(
        "d = Mul(x, k) y = Conv(d, w)", {"k": rand(1, 3, 1, 1)}, FRONT, None, x="N,1,6,6"),
    "add_and_sub_in_front_without_padding": conv(
        "d = Add(x, k) e = Sub(l, d) y = Conv(e, w, b)", {"k": scalar(0.3), "l": scalar(2.0), "b": rand(4)}, FRONT, "Conv"),
    "add_in_front_of_padding_stays": conv(f"d = Add(x, k) y = Conv{PADS}(d, w)", {"k": scalar(0.3)}, FRONT, None),
    "add_in_front_of_auto_padding_stays": conv(
        'd = Add(x, k) y = Conv<auto_pad = "SAME_UPPER">(d, w)', {"k": scalar(0.3)}, FRONT, None),
    "mul_add_in_front_of_padding_leaves_the_add": conv(
        f"d = Mul(x, k) e = Add(d, l) y = Conv{PADS}(e, w)", {"k": scalar(0.3), "l": scalar(2.0)}, FRONT, "Add Conv"),
    "mul_sub_in_front_of_padding_leaves_the_sub": conv(
        f"d = Div(x, k) e = Sub(d, l) y = Conv{PADS}(e, w)", {"k": scalar(0.3), "l": scalar(2.0)}, FRONT, "Sub Conv"),
    "zero_mul_add_in_front_of_padding_stays": conv(
        f"d = Mul(x, k) e = Add(d, l) y = Conv{PADS}(e, w)", {"k": scalar(0.0), "l": scalar(2.0)}, FRONT, None),
    "in_front_of_a_conv_with_groups": conv(
        "r = BatchNormalization(x, s, t, m, v) y = Conv<group = 2>(r, u)", {"u": rand(6, 2, 3, 3), **bn(4)}, FRONT, "Conv",
        x="N,4,6,6", y="N,6,H,W"),
    "mul_in_front_of_a_conv_transpose": conv(
        "d = Mul(x, k) y = ConvTranspose<group = 2>(d, u)", {"u": rand(4, 3, 2, 2), "k": scalar(0.7)}, FRONT, "ConvTranspose",
        x="N,4,6,6", y="N,6,H,W"),
    "add_in_front_of_a_conv_transpose_stays": conv(
        "d = Add(x, k) y = ConvTranspose(d, u)", {"u": rand(3, 4, 2, 2), "k": scalar(0.7)}, FRONT, None),
    "in_front_of_two_convs": dict(
        text="g (float[N,3,6,6] x) => (float[N,4,4,4] y, float[N,4,6,6] z) { d = Mul(x, k) y = Conv(d, w) z = Conv(d, u) }",
        weights={"w": rand(4, 3, 3, 3), "u": rand(4, 3, 1, 1), "k": scalar(1.7)}, passes=FRONT, after="Conv Conv"),
    "in_front_of_a_conv_and_another_reader_stays": dict(
        text="g (float[N,3,6,6] x) => (float[N,4,4,4] y, float[N,3,6,6] z) { d = Mul(x, k) y = Conv(d, w) z = Relu(d) }",
        weights={"w": rand(4, 3, 3, 3), "k": scalar(1.7)}, passes=FRONT, after=None),
    "in_front_of_gemm": dense("d = Mul(x, k) e = Add(d, l) y = Gemm(e, w, b)", {"k": scalar(0.3), "l": scalar(1.0), "b": rand(4)},
                              FRONT, "Gemm"),
    "in_front_of_a_transposed_gemm_stays": dense(
        "d = Mul(x, k) y = Gemm<transA = 1>(d, w)", {"k": scalar(0.3)}, FRONT, None, x="5,N"),
    "in_front_of_a_product_with_bias": dense("d = Add(x, k) c = MatMul(d, w) y = Add(c, b)", {"k": scalar(0.3), "b": rand(4)},
                                             FRONT, "MatMul Add", x="N,S,5", y="N,S,4"),
    "the_vector_of_a_spelled_out_norm_stays": dense(NORMED, EPS, FRONT, None),
    "the_vector_of_a_norm_of_three_axes_stays": dense(NORMED, EPS, FRONT, None, x="N,S,5", y="N,S,4"),
    "the_vector_of_a_norm_over_another_axis_goes": dense(
        NORMED.replace("[-1]", "[0]"), EPS, FRONT, "Mul ReduceMean Add Sqrt Div MatMul"),
    "the_vector_of_a_norm_whose_root_others_read_goes": dense(
        NORMED.replace("y = MatMul(d, w)", "u = MatMul(d, w) y = Add(u, r)"), EPS, FRONT, "Mul ReduceMean Add Sqrt Div MatMul Add"),
    "the_vector_of_a_norm_goes_where_no_runtime_knows_it": dense(
        NORMED, EPS, FRONT, "Mul ReduceMean Add Sqrt Div MatMul", args=("--target", "onnx-spec")),
    "the_half_of_gelu_goes_where_no_runtime_knows_it": dense(
        "c = Div(x, r) e = Erf(c) t = Add(e, o) m = Mul(x, t) d = Mul(m, h) y = MatMul(d, w)",
        {"r": scalar(2 ** 0.5), "o": scalar(1.0), "h": scalar(0.5)}, FRONT, "Div Erf Add Mul MatMul", x="N,S,5", y="N,S,4",
        args=("--target", "onnx-spec")),
    "the_half_of_gelu_stays": dense(
        "c = Div(x, r) e = Erf(c) t = Add(e, o) m = Mul(x, t) d = Mul(m, h) y = MatMul(d, w)",
        {"r": scalar(2 ** 0.5), "o": scalar(1.0), "h": scalar(0.5)}, FRONT, None, x="N,S,5", y="N,S,4"),
    "another_half_goes": dense("m = Mul(x, x) d = Mul(m, h) y = MatMul(d, w)", {"h": scalar(0.5)}, FRONT + "{products=true}",
                               "Mul MatMul", x="N,S,5", y="N,S,4"),
    # ONNX Runtime makes a FusedMatMul of them.
    "a_number_in_front_of_a_product_stays": dense("d = Mul(x, h) y = MatMul(d, w)", {"h": scalar(0.5)}, FRONT, None),
    "a_divisor_in_front_of_a_product_stays": dense("d = Div(x, h) y = MatMul(d, w)", {"h": scalar(0.5)}, FRONT, None),
    "a_number_behind_a_product_stays": dense("d = MatMul(x, w) y = Mul(h, d)", {"h": scalar(0.5)}, BEHIND, None),
    "a_divisor_behind_a_product_stays": dense("d = MatMul(x, w) y = Div(d, h)", {"h": scalar(0.5)}, BEHIND, None),
    "a_number_behind_a_product_goes": dense("d = MatMul(x, w) y = Mul(h, d)", {"h": scalar(0.5)}, BEHIND + "{products=true}", "MatMul"),
    "numbers_behind_a_product_go": dense("d = MatMul(x, w) y = Mul(h, d)", {"h": rand(4)}, BEHIND, "MatMul"),
}
CASES["bn_that_overflows_float16_stays"]["weights"] = {
    "w": rand(4, 3, 3, 3, low=2e4, high=3e4).astype(np.float16), "s": np.full(4, 6e4, np.float16), "m": rand(4).astype(np.float16),
    "t": rand(4).astype(np.float16), "v": np.full(4, 1.0, np.float16)}
CASES["bn_that_overflows_float16_stays"]["feeds"] = {"x": np.zeros((2, 3, 6, 6), np.float16)}


def norm(body, weights, after, x="N,4,3,3", y=None, **more):
    return dict(text=f"g (float[{x}] x) => (float[{y or x}] y) {{ {body} }}", passes="fuse-affine-norm", after=after, weights=weights,
                **more)


CHANNEL = {"k": rand(1, 4, 1, 1, low=0.5)}
NORM = "BatchNormalization"
CASES |= {
    "div_then_norm": norm("d = Div(x, k) y = BatchNormalization<epsilon = 0.1>(d, s, t, m, v)", CHANNEL | bn(4), NORM),
    "a_constant_minus_x_then_norm": norm("d = Sub(k, x) y = BatchNormalization(d, s, t, m, v)", CHANNEL | bn(4), NORM),
    "a_number_for_all_channels_then_norm": norm("d = Add(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": scalar(0.7)} | bn(4), NORM),
    "a_chain_then_norm": norm("a = Mul(x, k) b = Add(a, j) y = BatchNormalization(b, s, t, m, v)",
                              CHANNEL | {"j": rand(4, 1, 1)} | bn(4), NORM),
    "the_half_of_gelu_stays_in_front_of_a_norm": norm(
        "c = Div(x, r) e = Erf(c) a = Add(e, o) p = Mul(x, a) d = Mul(p, h) y = BatchNormalization(d, s, t, m, v)",
        bn(4) | {"r": scalar(2 ** 0.5), "o": scalar(1.0), "h": scalar(0.5)}, None),
    "norm_then_mul": norm("b = BatchNormalization(x, s, t, m, v) y = Mul(k, b)", CHANNEL | bn(4), NORM),
    "norm_of_norm": norm("a = BatchNormalization(x, s, t, m, v) y = BatchNormalization<epsilon = 0.01>(a, s, t, m, v)", bn(4), NORM),
    "norm_between_two": norm("a = Mul(x, k) b = BatchNormalization(a, s, t, m, v) c = Sub(b, k) y = Relu(c)", CHANNEL | bn(4),
                             NORM + " Relu"),
    "norm_of_two_axes": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": rand(4)} | bn(4), NORM, x="N,4"),
    "a_factor_of_zero": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": scalar(0.0)} | bn(4), NORM),
    "a_constant_of_another_axis_stays": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": rand(4)} | bn(4), None,
                                             x="N,4,3,4"),
    "a_constant_of_a_sample_stays": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": rand(2, 4, 1, 1)} | bn(4), None,
                                         x="2,4,3,3"),
    "a_constant_that_widens_stays": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": rand(1, 4, 1, 1)} | bn(4), None,
                                         x="N,1,3,3", y="N,4,3,3"),
    "what_others_read_too_stays": norm("d = Mul(x, k) b = BatchNormalization(d, s, t, m, v) y = Add(b, d)", CHANNEL | bn(4), None),
    "what_others_read_behind_stays": norm("b = BatchNormalization(x, s, t, m, v) d = Mul(b, k) y = Add(b, d)", CHANNEL | bn(4), None),
    "division_by_zero_before_a_norm_stays": norm("d = Div(x, k) y = BatchNormalization(d, s, t, m, v)", {"k": scalar(0.0)} | bn(4), None),
    "norm_numbers_of_the_caller_stay": norm("d = Mul(x, k) y = BatchNormalization(d, s, t, m, w)", CHANNEL | bn(4) | {"w": rand(4, low=0.3)},
                                            None, edit=overridable),
    "x_over_itself_is_no_constant": norm("d = Mul(x, x) y = BatchNormalization(d, s, t, m, v)", bn(4), None),
}
# Moves between the linear operator and its factor.
ROW = "N,S,5"
CASES |= {
    "a_number_behind_moves": dense("m = MatMul(x, w) a = Add(m, b) r = Reshape(a, r4) t = Transpose<perm = [0, 2, 1, 3]>(r) y = Mul(t, k)",
                                   {"b": rand(4), "r4": ints(0, 0, 2, 2), "k": scalar(0.25)}, BEHIND, "MatMul Add Reshape Transpose", x=ROW,
                                   y="N,H,S,D"),
    "a_number_behind_a_transposed_conv": conv("c = Conv(x, w) f = Flatten<axis = 2>(c) y = Div(f, k)", {"k": scalar(3.0)}, BEHIND,
                                              "Conv Flatten", y="A,B"),
    "channels_behind_transpose": dense("m = MatMul(x, w) a = Add(m, b) t = Transpose<perm = [0, 2, 1]>(a) y = Mul(k, t)",
                                       {"b": rand(4), "k": rand(1, 4, 1)}, BEHIND, "MatMul Add Transpose", x=ROW, y="N,4,S"),
    "channels_behind_a_reversing_transpose": dense("m = Gemm(x, w) t = Transpose(m) y = Sub(k, t)", {"k": rand(4, 1)}, BEHIND, "Gemm Transpose",
                                                   y="4,N"),
    "channels_split_by_reshape": dense("m = Gemm(x, w) r = Reshape(m, to) s = Mul(r, k) y = Add(s, j)",
                                       {"to": ints(-1, 2, 2), "k": rand(2, 2, low=0.5), "j": rand(1, 2, 1)}, BEHIND, "Gemm Reshape", y="N,2,2"),
    "channels_split_and_turned": dense("m = Gemm(x, w) r = Reshape(m, to) t = Transpose<perm = [2, 0, 1]>(r) y = Mul(t, k)",
                                       {"w": rand(5, 6), "to": ints(-1, 3, 2), "k": rand(2, 1, 3, low=0.5)}, BEHIND, "Gemm Reshape Transpose",
                                       y="2,N,3"),
    "half_of_the_channels_turned": dense("m = Gemm(x, w) r = Reshape(m, to) t = Transpose<perm = [1, 0, 2]>(r) y = Mul(t, k)",
                                         {"w": rand(5, 6), "to": ints(-1, 3, 2), "k": rand(3, 1, 1, low=0.5)}, BEHIND, "Gemm Reshape Transpose",
                                         y="3,N,2"),
    "channels_joined_again": dense("m = Gemm(x, w) r = Reshape(m, to) q = Reshape(r, back) y = Mul(q, k)",
                                   {"to": ints(-1, 2, 2), "back": ints(-1, 4), "k": rand(4, low=0.5)}, BEHIND, "Gemm Reshape Reshape"),
    "channels_before_joined_places": conv("c = Conv(x, w) r = Reshape(c, to) t = Transpose<perm = [0, 2, 1]>(r) y = Add(t, k)",
                                          {"to": ints(0, 4, -1), "k": rand(4)}, BEHIND, "Conv Reshape Transpose", y="N,P,4"),
    "channels_squeezed": conv("c = Conv(x, u) q = Squeeze(c, axes) y = Mul(q, k)",
                              {"u": rand(4, 3, 6, 6), "axes": ints(2, 3), "k": rand(4, low=0.5)}, BEHIND, "Conv Squeeze", y="N,4"),
    "channels_unsqueezed": dense("m = Gemm(x, w) q = Unsqueeze(m, axes) y = Mul(q, k)",
                                 {"axes": ints(2, 3), "k": rand(4, 1, 1, low=0.5)}, BEHIND, "Gemm Unsqueeze", y="N,4,1,1"),
    "float16_behind_transpose": half(dense("m = Gemm(x, w) t = Transpose(m) y = Mul(t, k)", {"k": rand(4, 1, low=0.5)}, BEHIND,
                                           "Gemm Transpose", y="4,N")),
    "neg_behind": dense("m = Gemm(x, w, b) y = Neg(m)", {"b": rand(4)}, BEHIND, "Gemm", tol=0),
    "neg_behind_moves": dense("m = Gemm(x, w, b) t = Transpose(m) y = Neg(t)", {"b": rand(4)}, BEHIND, "Gemm Transpose", y="4,N", tol=0),
    "neg_before": dense("n = Neg(x) y = Gemm(n, w, b)", {"b": rand(4)}, FRONT, "Gemm", tol=0),
    "neg_before_padding": conv(f"n = Neg(x) y = Conv{PADS}(n, w)", {}, FRONT, "Conv", tol=0),
    "neg_that_another_reads_stays": dense("n = Neg(x) m = MatMul(n, w) s = Relu(n) y = MatMul(s, w)", {"w": rand(5, 5)}, FRONT, None, y="N,5"),
    # W = C = 4: by size alone the constant would fit.
    "a_constant_of_another_axis_behind_transpose_stays": dense(
        "m = MatMul(x, w) t = Transpose<perm = [0, 2, 1]>(m) y = Mul(t, k)", {"k": rand(4)}, BEHIND, None, x="N,4,5", y="N,4,4"),
    "a_constant_of_places_stays": conv("c = Conv(x, w) r = Reshape(c, to) y = Mul(r, k)", {"to": ints(0, 4, -1), "k": rand(1, 1, 16)},
                                       BEHIND, None, y="N,4,16"),
    "channels_mixed_with_rows_stay": dense("m = MatMul(x, w) r = Reshape(m, to) y = Mul(r, k)", {"to": ints(-1, 8), "k": rand(8)}, BEHIND, None,
                                           x="N,4,5", y="M,8"),
    "channels_read_in_another_order_stay": dense(
        "m = MatMul(x, w) t = Transpose<perm = [0, 2, 1]>(m) r = Reshape(t, to) y = Mul(r, k)",
        {"to": ints(-1, 4), "k": rand(4)}, BEHIND, None, x="N,4,5", y="M,4"),
    "a_constant_that_widens_behind_moves_stays": dense("m = Gemm(x, w) r = Reshape(m, to) y = Mul(r, k)",
                                                       {"to": ints(-1, 4, 1), "k": rand(4, 3)}, BEHIND, None, y="N,4,3"),
    "a_number_of_more_axes_stays": dense("m = Gemm(x, w) t = Transpose(m) y = Mul(t, k)", {"k": rand(1, 1, 1)}, BEHIND, None, y="1,4,N"),
    "moves_that_are_outputs_stay": dict(
        text="g (float[N,5] x) => (float[4,N] y, float[4,N] t) { m = Gemm(x, w) t = Transpose(m) y = Mul(t, k) }",
        weights={"w": rand(5, 4), "k": scalar(2.0)}, passes=BEHIND, after=None),
    "a_product_that_is_an_output_stays": dict(
        text="g (float[N,5] x) => (float[4,N] y, float[N,4] m) { m = Gemm(x, w) t = Transpose(m) y = Mul(t, k) }",
        weights={"w": rand(5, 4), "k": scalar(2.0)}, passes=BEHIND, after=None),
    "moves_read_twice_stay": dense("m = Gemm(x, w) t = Transpose(m) k2 = Mul(t, k) y = Add(k2, t)", {"k": scalar(2.0)}, BEHIND, None, y="4,N"),
    "moves_that_a_body_reads_stay": dict(
        text="g (float[N,5] x, bool c) => (float[4,N] y, float[A,B] z) { m = Gemm(x, w) t = Transpose(m) y = Mul(t, k) z = If(c) "
             "<then_branch = a () => (float[A,B] p) { p = Relu(t) }, else_branch = b () => (float[A,B] q) { q = Neg(t) }> }",
        weights={"w": rand(5, 4), "k": scalar(2.0)}, passes=BEHIND, after=None),
    "a_factor_that_is_not_finite_behind_moves_stays": dense("m = Gemm(x, w) t = Transpose(m) y = Div(t, k)", {"k": scalar(0.0)}, BEHIND, None,
                                                            y="4,N"),
    "a_shift_without_a_bias_to_take_it_stays": dense("m = MatMul(x, w) t = Transpose<perm = [0, 2, 1]>(m) y = Add(t, k)", {"k": scalar(1.0)},
                                                     BEHIND, None, x=ROW, y="N,4,S"),
    "a_number_in_front_of_a_product_stays": dict(
        text="g (float[N,S,5] x, float[N,S,4] z) => (float[N,S,S] y) { m = MatMul(x, w) t = Transpose<perm = [0, 2, 1]>(m) s = Mul(t, k) "
             "y = MatMul(z, s) }", weights={"w": rand(5, 4), "k": scalar(0.5)}, passes=BEHIND, after=None),
    "division_by_what_moved_stays": dense("m = Gemm(x, w) t = Transpose(m) y = Div(k, t)", {"k": scalar(1.0)}, BEHIND, None, y="4,N"),
}
CASES["norm_numbers_of_the_caller_stay"]["weights"].pop("v")


def parallel(body, after, weights=None, x="N,S,4", y="N,S,3", **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes="fuse-parallel", after=after,
                weights={"q": rand(4, 3), "k": rand(4, 3), "v": rand(4, 3), **(weights or {})}, **more)


QKV = "a = MatMul(x, q) b = MatMul(x, k) c = MatMul(x, v) "
BIASED = "a0 = MatMul(x, q) a = Add(a0, p) b0 = MatMul(x, k) b = Add(r, b0) c0 = MatMul(x, v) c = Add(c0, s) "
ALL = "d = Mul(a, b) y = Sub(c, d)"
BIASES = {"p": rand(3), "r": rand(3), "s": rand(3)}
CASES |= {
    "queries_keys_and_values": parallel(QKV + ALL, "MatMul Split Mul Sub"),
    "queries_keys_and_values_with_biases": parallel(BIASED + ALL, "MatMul Add Split Mul Sub", BIASES),
    "one_without_a_bias": parallel(BIASED.replace("r, b0", "x1, b0").replace("a0 = ", "x1 = Neg(s) a0 = ") + ALL, "Neg MatMul Split Add Add Add Mul Sub",
                                   BIASES | {"s": rand(3)}),
    "of_other_widths": parallel("a = MatMul(x, q) b = MatMul(x, w) y = Concat<axis = -1>(b, a)", "MatMul Split Concat", {"w": rand(4, 5)}, y="N,S,8"),
    "gemms": parallel("a = Gemm<transB = 1>(x, q, p) b = Gemm<transB = 1>(x, k, r) y = Concat<axis = 1>(a, b)", "Gemm Split Concat",
                      {"q": rand(2, 4), "k": rand(5, 4), "p": rand(2), "r": rand(5)}, x="N,4", y="N,7"),
    "convs": parallel("a = Conv<pads = [1, 1, 1, 1]>(x, q, p) b = Conv<pads = [1, 1, 1, 1]>(x, k, r) y = Concat<axis = 1>(a, b)", "Conv Split Concat",
                      {"q": rand(2, 3, 3, 3), "k": rand(4, 3, 3, 3), "p": rand(2), "r": rand(4)}, x="N,3,5,6", y="N,6,5,6"),
    "halves": half(parallel(QKV + ALL, "MatMul Split Mul Sub")),
    "results_that_are_outputs": dict(text="g (float[N,4] x) => (float[N,3] a, float[N,3] b) { a = MatMul(x, q) b = MatMul(x, k) }",
                                     weights={"q": rand(4, 3), "k": rand(4, 3)}, passes="fuse-parallel", after="MatMul Split"),
    "what_is_in_between_stays_in_order": parallel("a = MatMul(x, q) n = Relu(a) b = MatMul(x, k) y = Add(n, b)", "MatMul Split Relu Add"),
    "convs_with_other_windows_stay": parallel("a = Conv<pads = [1, 1, 1, 1]>(x, q) b = Conv(x, k) y = Concat<axis = 1>(a, b)", None,
                                              {"q": rand(2, 3, 3, 3), "k": rand(4, 3, 1, 1)}, x="N,3,5,6", y="N,6,5,6"),
    "convs_with_other_attributes_stay": parallel("a = Conv<dilations = [1, 1]>(x, q) b = Conv(x, k) y = Concat<axis = 1>(a, b)", None,
                                                 {"q": rand(2, 3, 3, 3), "k": rand(4, 3, 3, 3)}, x="N,3,5,6", y="N,6,3,4"),
    "convs_with_groups_stay": parallel("a = Conv<group = 3>(x, q) b = Conv<group = 3>(x, k) y = Add(a, b)", None,
                                       {"q": rand(3, 1, 3, 3), "k": rand(3, 1, 3, 3)}, x="N,3,5,6", y="N,3,3,4"),
    "gemms_of_which_one_has_a_bias_stay": parallel("a = Gemm(x, q, p) b = Gemm(x, k) y = Add(a, b)", None, {"p": rand(3)}, x="N,4", y="N,3"),
    "a_shared_weight_stays": parallel("a = MatMul(x, q) b = MatMul(x, k) c = Neg(k) d = MatMul(b, c) y = Concat<axis = -1>(a, d)", None,
                                      {"q": rand(4, 4), "k": rand(4, 4)}, y="N,S,8"),
    "of_two_inputs_stay": parallel("n = Neg(x) a = MatMul(x, q) b = MatMul(n, k) y = Add(a, b)", None),
    "a_computed_weight_stays": dict(text="g (float[N,4] x, float[4,3] w) => (float[N,3] y) { a = MatMul(x, w) b = MatMul(x, q) y = Add(a, b) }",
                                    weights={"q": rand(4, 3)}, passes="fuse-parallel", after=None),
    "below_13_they_stay": parallel(QKV + ALL, None, opset=12),
}

CASES["old_broadcasting_behind_stays"] = dense("h = MatMul(x, w) y = Mul<broadcast = 1, axis = 0>(h, k)", {"w": rand(4, 4), "k": rand(4)}, BEHIND,
                                              None, x="4,4", y="4,4", opset=6)
# The order of channels goes into the weights that read them.
ORDER = "fuse-channel-order"
BGR = {"i": ints(2, 0, -2)}
BACK = {"f": ints(-1), "t": ints(-9223372036854775807), "a": ints(1), "n": ints(-1)}
ROWS = "d = Sub(x, k) o = Gather<axis = -1>(d, i) p = Mul(o, m) q = Transpose<perm = [0, 3, 1, 2]>(p) y = Conv<pads = [1, 1, 1, 1]>(q, w)"
SCALES = {"k": rand(3), "m": rand(2, 3)}
CASES |= {
    "order_of_channels": conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", BGR, ORDER, "Conv", told="3 channels are in the order of 'w'"),
    "order_in_front_of_a_transpose": conv(ROWS, BGR | SCALES, ORDER, "Sub Mul Transpose Conv", x="N,5,2,3", y="N,4,5,2"),
    "order_in_halves": half(conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", BGR, ORDER, "Conv")),
    "order_in_front_of_constants": conv(
        "o = Gather<axis = 1>(x, i) d = Sub(k, o) e = Div(d, m) r = Relu(e) y = Conv(r, w)",
        BGR | {"k": rand(1, 3, 1, 1), "m": rand(3, 1, 6, low=0.5)}, ORDER, "Sub Div Relu Conv"),
    "channels_from_the_end": conv("o = Slice(x, f, t, a, n) y = Conv(o, w)", BACK, ORDER, "Conv"),
    "order_in_front_of_a_conv_transpose": conv("o = Gather<axis = 1>(x, i) y = ConvTranspose(o, u)", BGR | {"u": rand(3, 4, 2, 2)}, ORDER,
                                               "ConvTranspose"),
    "order_in_front_of_a_gemm": dense("o = Gather<axis = 1>(x, i) y = Gemm<transB = 1>(o, u)",
                                      {"i": ints(4, 0, 1, 3, 2), "u": rand(4, 5)}, ORDER, "Gemm"),
    "order_in_front_of_a_product": dense("o = Gather<axis = 2>(x, i) r = Tanh(o) y = MatMul(r, w)", {"i": ints(4, 0, 1, 3, 2)}, ORDER,
                                         "Tanh MatMul", x="N,2,5", y="N,2,4"),
    "weights_of_another_reader_keep_their_order": dict(
        text="g (float[N,3,6,6] x) => (float[N,4,4,4] y, float[N,4,4,4] z) { o = Gather<axis = 1>(x, i) y = Conv(o, w) z = Conv(x, w) }",
        weights={"w": rand(4, 3, 3, 3), **BGR}, passes=ORDER, after="Conv Conv"),
    "two_orders_in_a_row": conv("o = Gather<axis = 1>(x, i) p = Gather<axis = 1>(o, i) y = Conv(p, w)", BGR, ORDER, "Conv"),
    # What has other numbers than before has another name.
    "values_between_get_new_names": conv("o = Gather<axis = 1>(x, i) t = Tanh(o) r = Relu(t) y = Conv(r, w)", BGR, ORDER, "Tanh Relu Conv",
                                         check=lambda m: np.testing.assert_(not {"t", "r"} & {o for n in m.graph.node for o in n.output})),
    "order_in_front_of_old_broadcasting_stays": conv("o = Gather<axis = 1>(x, i) d = Add<broadcast = 1, axis = 1>(o, k) y = Conv(d, w)",
                                                     BGR | {"k": rand(3)}, ORDER, None, opset=6),
    "channels_in_their_order_stay": conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", {"i": ints(0, 1, 2)}, ORDER, None),
    "some_of_the_channels_stay": conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", BGR, ORDER, None, x="N,4,6,6"),
    "channels_of_unknown_number_stay": conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", BGR, ORDER, None, x="N,C,6,6"),
    "a_channel_taken_twice_stays": conv("o = Gather<axis = 1>(x, i) y = Conv(o, w)", {"i": ints(2, 0, 0)}, ORDER, None),
    "order_of_rows_stays": conv("o = Gather<axis = 2>(x, i) y = Conv(o, w)", BGR, ORDER, None, x="N,3,3,6"),
    "order_in_front_of_groups_stays": conv("o = Gather<axis = 1>(x, i) y = Conv<group = 3>(o, u)", BGR | {"u": rand(6, 1, 3, 3)}, ORDER, None,
                                           y="N,6,H,W"),
    "order_that_is_read_twice_stays": conv("o = Gather<axis = 1>(x, i) c = Conv(o, w) d = ReduceMean<axes = [1, 2, 3]>(o) y = Add(c, d)", BGR,
                                           ORDER, None),
    "order_in_front_of_a_sum_over_channels_stays": conv("o = Gather<axis = 1>(x, i) s = Softmax<axis = 1>(o) y = Conv(s, w)", BGR, ORDER, None),
    "part_of_the_channels_from_the_end_stays": conv("o = Slice(x, f, t, a, n) y = Conv(o, w)", BACK | {"t": ints(0)}, ORDER, None, x="N,4,6,6"),
}
main(CASES)
