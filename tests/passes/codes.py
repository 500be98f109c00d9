"""store-codes, drop-clip-before-q, fuse-affine-codes."""
from support import helper, main, np, numpy_helper, rand, scalar

W = rand(4, 6)
W[0, :4] = [0.5, 1.5, 2.5, -0.5]  # ties at scale 1
W[3, 0] = 1e9                     # saturates


def held(model, name):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}[name]


def stored(dtype, size=None):
    def check(model):
        t, = [t for t in model.graph.initializer if t.name == "q"]
        assert t.data_type == dtype, t.data_type
        assert "w" not in {t.name for t in model.graph.initializer}, "the floats are still there"
        assert size is None or len(t.raw_data) == size, len(t.raw_data)
    return check


def case(after, scale, zero=None, w=W, attrs="", opset=13, behind="y = MatMul(x, d)", y="N,6", check=None, zero_text=", z", **more):
    weights = {"w": w, "s": scale, **({"z": zero} if zero is not None else {}), **more.pop("weights", {})}
    z = zero_text if zero is not None else ""
    return dict(text=f"g (float[N,4] x) => (float[{y}] y) {{ q = QuantizeLinear{attrs}(w, s{z}) "
                     f"d = DequantizeLinear{attrs}(q, s{z}) {behind} }}",
                weights=weights, passes="store-codes", after=after, opset=opset, tol=0, check=check, **more)


def four_bits(signed):
    """Numbers cannot be made by numpy: the zero point is packed by hand."""
    def edit(model):
        dtype = 22 if signed else 21
        model.graph.initializer.append(helper.make_tensor("z", dtype, [4], bytes([0x10, 0x32] if not signed else [0, 0]), raw=True))
    return edit


def sub_byte(after, signed, attrs, scale, w=W, edit=None, **more):
    return dict(text=f"g (float[N,4] x) => (float[N,{w.shape[1]}] y) {{ q = QuantizeLinear{attrs}(w, s, z) "
                     f"d = DequantizeLinear{attrs}(q, s, z) y = MatMul(x, d) }}",
                weights={"w": w, "s": scale}, edit=edit or four_bits(signed), passes="store-codes", after=after, opset=21, ir=10, tol=0,
                check=stored(22 if signed else 21, (w.size + 1) // 2), **more)


def block_zero(dtype, shape):
    def edit(model):
        n = int(np.prod(shape))
        model.graph.initializer.append(helper.make_tensor("z", dtype, shape, bytes((n + 1) // 2), raw=True))
    return edit


def quarter(model):
    stored(3, W.size)(model)
    np.testing.assert_array_equal(held(model, "q")[0, :4], [0, 2, 2, 0])
    assert held(model, "q")[3, 0] == 127


NAN = W.copy()
NAN[1, 1] = np.nan
INF = W.copy()
INF[1, 1] = np.inf
DONE = "DequantizeLinear MatMul"
CASES = {
    "a_weight_rounded_half_to_even_and_saturated": case(DONE, scalar(1.0), scalar(0, np.int8), check=quarter, told="24 bytes of 96"),
    "without_a_zero_point_the_codes_are_uint8": case(DONE, scalar(0.01), check=stored(2, 24)),
    "uint8": case(DONE, scalar(0.01), scalar(100, np.uint8), check=stored(2, 24)),
    "int16": case(DONE, scalar(0.0001), scalar(-5, np.int16), opset=21, ir=10, check=stored(5, 48)),
    "a_type_said_by_attribute": dict(
        text="g (float[N,4] x) => (float[N,6] y) { q = QuantizeLinear<output_dtype = 3>(w, s) d = DequantizeLinear(q, s) y = MatMul(x, d) }",
        weights={"w": W, "s": scalar(0.01)}, passes="store-codes", after=DONE, opset=21, ir=10, tol=0, check=stored(3, 24)),
    "one_scale_in_an_axis": case(DONE, scalar([0.01]), np.array([3], np.int8), check=stored(3, 24)),
    "by_channel": case(DONE, rand(4, low=0.01, high=0.1), np.array([0, 5, -5, 100], np.int8), attrs="<axis = 0>", check=stored(3, 24)),
    "by_channel_of_the_default_axis": case(DONE, rand(6, low=0.01, high=0.1), np.arange(6, dtype=np.uint8), check=stored(2, 24)),
    "by_channel_from_the_back": case(DONE, rand(6, low=0.01, high=0.1), np.arange(6, dtype=np.uint8), attrs="<axis = -1>"),
    "by_channel_in_the_middle": dict(
        text="g (float[N,4,7] x) => (float[N,3,L] y) { q = QuantizeLinear<axis = 1>(w, s, z) d = DequantizeLinear<axis = 1>(q, s, z) "
             "y = Conv(x, d) }",
        weights={"w": rand(3, 4, 2), "s": rand(4, low=0.01, high=0.1), "z": np.zeros(4, np.int8)}, passes="store-codes",
        after="DequantizeLinear Conv", tol=0),
    "int4_by_channel": sub_byte(DONE, True, "<axis = 0>", rand(4, low=0.1, high=0.5)),
    "uint4_by_channel_of_an_odd_number": sub_byte(DONE, False, "<axis = 0>", rand(4, low=0.1, high=0.5), w=rand(4, 5)),
    "int4_in_blocks": sub_byte(DONE, True, "<axis = 0, block_size = 2>", rand(2, 5, low=0.1, high=0.5), w=rand(4, 5),
                               edit=block_zero(22, [2, 5])),
    "uint4_in_blocks_with_a_shorter_last_one": sub_byte(DONE, False, "<axis = 1, block_size = 4>", rand(4, 2, low=0.1, high=0.5),
                                                        edit=block_zero(21, [4, 2])),
    "int8_in_blocks": case(DONE, rand(4, 3, low=0.01, high=0.1), np.arange(12, dtype=np.int8).reshape(4, 3), opset=21, ir=10,
                           attrs="<axis = 1, block_size = 2>", check=stored(3, 24)),
    "int8_in_blocks_of_one": case(DONE, rand(4, 6, low=0.01, high=0.1), np.zeros((4, 6), np.int8), opset=21, ir=10,
                                  attrs="<axis = 1, block_size = 1>", check=stored(3, 24)),
    "read_by_an_integer_operator": dict(
        text="g (uint8[N,4] x) => (int32[N,6] y) { q = QuantizeLinear(w, s, z) y = MatMulInteger(x, q) }",
        weights={"w": W, "s": scalar(0.1), "z": scalar(0, np.int8)}, passes="store-codes", after="MatMulInteger", tol=0),
    "two_readers_of_the_floats_that_are_q": case(
        "DequantizeLinear DequantizeLinear MatMul", scalar(0.01), scalar(0, np.int8),
        behind="q2 = QuantizeLinear(w, s2, z) d2 = DequantizeLinear(q2, s2, z) e = Add(d, d2) y = MatMul(x, e)",
        weights={"s2": scalar(0.02)}) | dict(after="DequantizeLinear DequantizeLinear Add MatMul"),
    # what stays
    "codes_that_are_an_output_stay": dict(
        text="g (float[N,4] x) => (float[N,6] y, int8[4,6] q) { q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) y = MatMul(x, d) }",
        weights={"w": W, "s": scalar(0.1), "z": scalar(0, np.int8)}, passes="store-codes", after=None),
    "codes_read_as_numbers_stay": case(None, scalar(0.01), scalar(0, np.int8),
                                       behind="c = Cast<to = 1>(q) e = Add(d, c) y = MatMul(x, e)"),
    "a_weight_read_as_floats_too_stays": case(None, scalar(0.01), scalar(0, np.int8), behind="e = Add(d, w) y = MatMul(x, e)"),
    "an_activation_stays": dict(text="g (float[N,4] x) => (float[N,4] y) { q = QuantizeLinear(x, s) y = DequantizeLinear(q, s) }",
                                weights={"s": scalar(0.1)}, passes="store-codes", after=None),
    "a_scale_that_the_caller_may_override_stays": case(
        None, scalar(0.01), scalar(0, np.int8), edit=lambda m: m.graph.input.append(helper.make_tensor_value_info("s", 1, []))),
    "a_weight_that_the_caller_may_override_stays": case(
        None, scalar(0.01), scalar(0, np.int8), edit=lambda m: m.graph.input.append(helper.make_tensor_value_info("w", 1, [4, 6]))),
    "a_weight_that_is_not_finite_stays": case(None, scalar(0.01), scalar(0, np.int8), w=NAN),
    "an_infinite_weight_stays": case(None, scalar(0.01), scalar(0, np.int8), w=INF),
    "a_scale_that_is_no_normal_number_stays": case(None, scalar(1e-40), scalar(0, np.int8)),
    "float8_stays": dict(
        text="g (float[N,4] x) => (float[N,6] y) { q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) y = MatMul(x, d) }",
        weights={"w": W, "s": scalar(0.01)}, opset=19, ir=9, passes="store-codes", after=None,
        edit=lambda m: m.graph.initializer.append(helper.make_tensor("z", 17, [], b"\0", raw=True))),
    "halves_stay": dict(
        text="g (float16[N,4] x) => (float16[N,6] y) { q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) y = MatMul(x, d) }",
        weights={"w": W.clip(-9, 9).astype(np.float16), "s": scalar(0.01, np.float16), "z": scalar(0, np.int8)}, opset=19, ir=9,
        passes="store-codes", after=None),
}


def clip(body, after, scale=0.02, zero=scalar(0, np.uint8), opset=13, **more):
    weights = {"s": scalar(scale), "z": zero, "lo": scalar(0.0), "six": scalar(6.0), "two": scalar(2.0)}
    text = f"g (float[N,8] x) => (float[N,8] y) {{ {body} q = QuantizeLinear(c, s, z) y = DequantizeLinear(q, s, z) }}"
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    wide = np.concatenate([rand(40, 8, low=-9, high=9), rand(3, 8, low=-1e-3, high=1e-3),
                           [np.float32([0.0, -0.0, 6.0, 5.9999995, 6.0000005, np.inf, -np.inf, 255])]]).astype(np.float32)
    return dict(text=text, weights={k: v for k, v in weights.items() if k in words}, passes="drop-clip-before-q", after=after, opset=opset,
                feeds={"x": wide}, tol=0, **more)


QDQ = "QuantizeLinear DequantizeLinear"
CASES |= {
    "relu_before_uint8_from_0": clip("c = Relu(x)", QDQ, told="cuts off as much"),
    "relu_before_int8_from_minus_128": clip("c = Relu(x)", QDQ, zero=scalar(-128, np.int8)),
    "clip_whose_upper_bound_is_the_highest_code": clip("c = Clip(x, lo, six)", QDQ, scale=np.float32(6) / np.float32(255)),
    "clip_with_codes_that_end_sooner": clip("c = Clip(x, lo, six)", QDQ, scale=0.02),
    "clip_by_attributes": clip("c = Clip<min = 0.0, max = 6.0>(x)", QDQ, scale=0.02, opset=10),
    "several_in_a_row": clip("a = Relu(x) b = Clip(a, lo, six) d = Relu(b) e = Relu(d) c = Relu(e)", QDQ, told="cuts off as much"),
    "clip_without_bounds": clip("c = Clip(x)", QDQ, zero=scalar(7, np.int8)),
    "clip_with_codes_that_go_on_stays": clip("c = Clip(x, lo, six)", None, scale=0.03),
    "relu_before_codes_of_negative_numbers_stays": clip("c = Relu(x)", None, zero=scalar(1, np.uint8)),
    "relu_before_symmetric_codes_stays": clip("c = Relu(x)", None, zero=scalar(0, np.int8)),
    "relu_read_twice_stays": dict(
        text="g (float[N,8] x) => (float[N,8] y) { c = Relu(x) q = QuantizeLinear(c, s, z) d = DequantizeLinear(q, s, z) y = Add(c, d) }",
        weights={"s": scalar(0.02), "z": scalar(0, np.uint8)}, passes="drop-clip-before-q", after=None),
    "relu_that_is_an_output_stays": dict(
        text="g (float[N,8] x) => (float[N,8] y, float[N,8] c) { c = Relu(x) q = QuantizeLinear(c, s, z) y = DequantizeLinear(q, s, z) }",
        weights={"s": scalar(0.02), "z": scalar(0, np.uint8)}, passes="drop-clip-before-q", after=None),
    "relu_before_codes_by_channel_stays": dict(
        text="g (float[N,2] x) => (float[N,2] y) { c = Relu(x) q = QuantizeLinear(c, s, z) y = DequantizeLinear(q, s, z) }",
        weights={"s": scalar([0.02, 0.03]), "z": np.zeros(2, np.uint8)}, passes="drop-clip-before-q", after=None),
    "clip_with_crossed_bounds_stays": clip("c = Clip(x, six, two)", None),
    "clip_with_a_bound_given_by_the_caller_stays": dict(
        text="g (float[N,8] x, float m) => (float[N,8] y) { c = Clip(x, m) q = QuantizeLinear(c, s, z) y = DequantizeLinear(q, s, z) }",
        weights={"s": scalar(0.02), "z": scalar(0, np.uint8)}, passes="drop-clip-before-q", after=None),
}


def behind(body, after, op="Conv(x, d, b)", scale=None, zero=None, x="N,3,6,6", y="N,4,H,W", codes=None, axis="<axis = 0>", opset=13, **more):
    """A Conv or Gemm c with weights in codes, and what follows."""
    codes = rand(4, 3, 3, 3, low=-128, high=127).astype(np.int8) if codes is None else codes
    weights = {"q": codes, "s": scalar(0.01) if scale is None else scale, "z": scalar(0, np.int8) if zero is None else zero, "b": rand(4),
               "k": rand(1, 4, 1, 1, low=0.5), "n": rand(4), "t": rand(4), "m": rand(4), "v": rand(4, low=0.2), "p": rand(4, low=0.5),
               "minus": -rand(1, 4, 1, 1, low=0.5), "w": rand(4)}
    text = f"g (float[{x}] x) => (float[{y}] y) {{ d = DequantizeLinear{axis}(q, s, z) c = {op} {body} }}"
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=text, weights={k: v for k, v in weights.items() if k in words}, passes="fuse-affine-codes", after=after, opset=opset,
                **more)


def still(codes):
    def check(model):
        np.testing.assert_array_equal(held(model, "q"), codes)
    return check


CONV = "DequantizeLinear Conv"
Q = rand(4, 3, 3, 3, low=-128, high=127).astype(np.int8)
BEHIND_NORM = "y = BatchNormalization(c, p, t, m, v)"
DENSE = dict(x="N,5", y="N,4")
CASES |= {
    "norm_behind_codes": behind(BEHIND_NORM, CONV, codes=Q, check=still(Q), told="into the scale of"),
    "norm_behind_codes_by_channel": behind(BEHIND_NORM, CONV, scale=rand(4, low=0.01, high=0.1), zero=np.int8([0, 3, -5, 9])),
    "norm_behind_codes_without_bias": behind(BEHIND_NORM, CONV, op="Conv(x, d)"),
    "norm_behind_codes_with_a_zero_point": behind(BEHIND_NORM, CONV, codes=Q.view(np.uint8), zero=scalar(128, np.uint8)),
    "mul_and_add_behind_codes": behind("a = Mul(c, k) e = Add(a, k) y = Relu(e)", CONV + " Relu"),
    "div_behind_codes": behind("y = Div(c, k)", CONV),
    "add_behind_codes_leaves_the_scale": behind("y = Add(k, c)", CONV, op="Conv(x, d)"),
    "mul_behind_gemm": behind("y = Mul(c, p)", "DequantizeLinear Gemm", op="Gemm(x, d, b)", codes=Q[:, :, 0, 0].T.repeat(2, 0)[:5],
                              axis="<axis = 1>", **DENSE),
    "mul_behind_gemm_with_turned_weights": behind("y = Mul(c, p)", "DequantizeLinear Gemm", op="Gemm<transB = 1>(x, d, b)",
                                                  codes=Q[:, :2, :2, 0].reshape(4, 4)[:, [0, 1, 2, 3, 0]], **DENSE),
    "a_negative_factor_stays": behind("y = Mul(c, minus)", None),
    "a_constant_minus_the_result_stays": behind("y = Sub(k, c)", None),
    "a_result_read_twice_stays": behind("a = Mul(c, k) y = Add(a, c)", None),
    "weights_read_twice_stay": behind("a = Mul(c, k) e = Conv(x, d) y = Add(a, e)", None),
    "a_gemm_with_alpha_stays": behind("y = Mul(c, p)", None, op="Gemm<alpha = 0.5, transB = 1>(x, d, b)",
                                      codes=Q[:, :2, :2, 0].reshape(4, 4)[:, [0, 1, 2, 3, 0]], **DENSE),
    "a_factor_of_another_axis_stays": behind("y = Mul(c, w)", None, x="N,3,6,6", y="N,4,4,4"),
    "scales_of_the_other_axis_stay": behind(BEHIND_NORM, None, scale=rand(3, low=0.01, high=0.1), zero=np.zeros(3, np.int8),
                                            axis="<axis = 1>"),
    "codes_that_the_caller_gives_stay": behind(BEHIND_NORM, None, edit=lambda m: m.graph.input.append(
        helper.make_tensor_value_info("q", 3, [4, 3, 3, 3]))),
    "codes_below_13_stay": behind(BEHIND_NORM, None, opset=12, axis=""),
}
main(CASES)
