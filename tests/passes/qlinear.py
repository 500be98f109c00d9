"""fuse-qlinear."""
from support import helper, main, np, onnx, rand, scalar

RANDOM = np.random.default_rng(11)  # the scale of results lets no sum of products lie halfway between two codes


def codes(*shape, dtype=np.int8, low=-100, high=100):
    return RANDOM.integers(low, high, shape).astype(dtype)


CHANNELS = np.array([0.004, 0.01, 0.002, 0.007], np.float32)
X = {"s": scalar(0.02), "z": scalar(120, np.uint8)}
NUMBERS = {**X, "ys": scalar(0.05173), "yz": scalar(100, np.uint8), "w": codes(4, 3, 3, 3), "ws": scalar(0.005), "wz": scalar(0, np.int8),
           "wsc": CHANNELS, "wzc": np.zeros(4, np.int8), "f": rand(4), "b": codes(4, dtype=np.int32, low=-3000, high=3000),
           "bs": np.array([0.0001], np.float32), "bsc": (CHANNELS * np.float32(0.02)), "bz": np.zeros(1, np.int32)}
FRONT = "c = QuantizeLinear(x, s, z) d = DequantizeLinear(c, s, z) "
BEHIND = " e = QuantizeLinear(r, ys, yz) y = DequantizeLinear(e, ys, yz)"


def case(body, after, told="", x="N,3,9,8", y="A,B,C,D", tol=0.005, front=FRONT, behind=BEHIND, args=(), opset=13, edit=None, more="", **weights):
    """Numbers of the body are those above, or those given."""
    text = f"g (float[{x}] x{more}) => (float[{y}] y) {{ {front}{body}{behind} }}"
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=text, weights={k: v for k, v in {**NUMBERS, **weights}.items() if k in words}, passes="fuse-qlinear", after=after, told=told,
                tol=tol, args=args, opset=opset, ir=10 if opset > 18 else 8, edit=edit)


def conv(numbers="w, ws, wz", bias="", attrs="", after="QuantizeLinear QLinearConv DequantizeLinear", **more):
    return case(f"k = DequantizeLinear{attrs if attrs.startswith('<axis') else ''}({numbers}) "
                f"r = Conv{'' if attrs.startswith('<axis') else attrs}(d, k{bias})", after, **more)


def matmul(body, after="QuantizeLinear QLinearMatMul DequantizeLinear", **more):
    return case(body, after, **{"x": "N,3,6", "y": "A,B,C", **more})


def halved(model):
    """Scales of the weights and their results are float16."""
    for t in model.graph.initializer:
        if t.name == "ws":
            t.CopyFrom(onnx.numpy_helper.from_array(np.array(0.005, np.float16), "ws"))
    model.graph.node[2].output[0] = "h"
    model.graph.node.insert(3, helper.make_node("Cast", ["h"], ["k"], to=1))


def reads_codes(*inputs):
    """These constants are those inputs of the new node, and no others came."""
    def check(model):
        node = next(n for n in model.graph.node if n.op_type.startswith("QLinear"))
        assert node.name == "n" and node.output[0] == "e", node
        for i, name in inputs:
            assert node.input[i] == name, (node.input[i], name)
    return check


AXIS = "<axis = 0>"
M = {"w": codes(6, 5), "wsc": CHANNELS[[0, 1, 2, 3, 0]], "wzc": np.zeros(5, np.int8)}
STAY = "QuantizeLinear DequantizeLinear DequantizeLinear Conv QuantizeLinear DequantizeLinear"
CASES = {
    # what becomes one
    "conv": conv(),
    "conv_named_as_before": dict(conv(), check=reads_codes((0, "c"), (1, "s"), (3, "w"), (4, "ws"), (6, "ys"), (7, "yz")),
                                 edit=lambda m: setattr(m.graph.node[3], "name", "n")),
    "conv_with_a_scale_a_channel": conv("w, wsc, wzc", attrs=AXIS),
    "conv_with_a_float_bias": conv(bias=", f"),
    "conv_with_a_float_bias_and_channels": conv("w, wsc, wzc", ", f", AXIS),
    "conv_with_bias_codes": conv(bias=", v", front=FRONT + "v = DequantizeLinear(b, bs, bz) "),
    "conv_with_bias_codes_a_channel": conv("w, wsc, wzc", ", v", AXIS, front=FRONT + "v = DequantizeLinear<axis = 0>(b, bsc) "),
    "conv_of_windows": conv(attrs="<strides = [2, 1], pads = [1, 2, 0, 1], dilations = [1, 2]>"),
    "conv_that_pads_by_itself": conv(attrs="<auto_pad = \"SAME_UPPER\", strides = [2, 2]>"),
    "conv_in_groups": conv(attrs="<group = 2>", x="N,6,9,8"),
    "conv_of_a_line": conv(x="N,3,9", y="A,B,C", w=codes(4, 3, 3)),
    "conv_of_a_space": conv(x="N,3,4,5,6", y="A,B,C,D,E", w=codes(4, 3, 3, 3, 3)),
    "conv_with_unsigned_weights": conv(w=codes(4, 3, 3, 3, dtype=np.uint8, low=0, high=250), wz=scalar(128, np.uint8)),
    "conv_without_zero_points": conv("w, ws", front="c = QuantizeLinear(x, s) d = DequantizeLinear(c, s) ",
                                     behind=" e = QuantizeLinear(r, ys) y = DequantizeLinear(e, ys)"),
    "conv_of_opset_10": conv(opset=10),
    "conv_of_opset_21": conv(opset=21),
    "conv_whose_data_others_read": conv(after="QuantizeLinear DequantizeLinear QLinearConv DequantizeLinear Exp ReduceMax Mul",
                                        behind=" e = QuantizeLinear(r, ys, yz) o = DequantizeLinear(e, ys, yz) p = Exp(d) t = ReduceMax<keepdims = 1>(p) "
                                               "y = Mul(o, t)"),
    "convs_in_a_row": conv(behind=" e = QuantizeLinear(r, ys, yz) o = DequantizeLinear(e, ys, yz) l = DequantizeLinear(w2, ws, wz) t = Conv(o, l) "
                                  "u = QuantizeLinear(t, s, yz) y = DequantizeLinear(u, s, yz)", w2=codes(2, 4, 1, 1),
                           after="QuantizeLinear QLinearConv QLinearConv DequantizeLinear"),
    "matmul": matmul("k = DequantizeLinear(w, ws, wz) r = MatMul(d, k)", w=M["w"]),
    "matmul_with_a_scale_a_column": matmul("k = DequantizeLinear<axis = 1>(w, wsc, wzc) r = MatMul(d, k)", **M),
    "matmul_with_a_scale_a_column_from_the_end": matmul("k = DequantizeLinear<axis = -1>(w, wsc, wzc) r = MatMul(d, k)", **M),
    "matmul_of_activations": matmul("t = Transpose<perm = [0, 2, 1]>(x) p = QuantizeLinear(t, ws, uz) k = DequantizeLinear(p, ws, uz) r = MatMul(d, k)",
                                    uz=scalar(99, np.uint8), after="QuantizeLinear Transpose QuantizeLinear QLinearMatMul DequantizeLinear"),
    # what stays
    "conv_between_int8_codes": conv(z=scalar(0, np.int8), yz=scalar(0, np.int8), after=None),
    "conv_from_int8_codes": conv(z=scalar(0, np.int8), after=None),
    "conv_to_int8_codes": conv(yz=scalar(0, np.int8), after=None),
    "conv_with_a_scale_an_input_channel": conv("w, wsc, wzc", attrs="<axis = 1>", w=codes(4, 4, 3, 3), x="N,4,9,8", after=None),
    "conv_with_zero_points_that_differ": conv("w, wsc, wzc", attrs=AXIS, w=codes(4, 3, 3, 3, dtype=np.uint8, low=0, high=250),
                                              wzc=np.array([128, 128, 127, 128], np.uint8), after=None),
    "conv_with_a_scale_a_channel_of_data": case("k = DequantizeLinear(w, ws, wz) r = Conv(d, k)", None, s=CHANNELS[:3], z=np.zeros(3, np.uint8)),
    "conv_with_bias_codes_of_another_scale": conv(bias=", v", front=FRONT + "v = DequantizeLinear(b, bs, bz) ", bs=np.array([0.0002], np.float32),
                                                  after=None),
    "conv_with_bias_codes_around_another_zero": conv(bias=", v", front=FRONT + "v = DequantizeLinear(b, bs, bz) ", bz=np.array([1], np.int32),
                                                     after=None) | {"tol": 1},
    "conv_with_a_bias_beyond_32_bits": conv(bias=", f", f=np.array([0, 3e5, 0, 0], np.float32), after=None),
    "conv_with_a_bias_that_codes_hold_badly": conv(bias=", f", ws=scalar(0.3), f=np.array([0, 0, 0, 0.0025], np.float32), after=None),
    "conv_with_a_bias_that_is_no_number": conv(bias=", f", f=np.array([0, np.nan, 0, 0], np.float32), after=None) | {"feeds": {}},
    "conv_with_a_bias_from_outside": conv(bias=", f", more=", float[4] f", after=None),
    "conv_whose_bias_leaves_no_room_in_32_bits": conv(bias=", f", f=np.full(4, 0.0001 * 2147400000, np.float32), ys=scalar(1000.0), after=None),
    "conv_whose_bias_codes_leave_no_room_in_32_bits": conv(bias=", v", front=FRONT + "v = DequantizeLinear(b, bs, bz) ", ys=scalar(1000.0),
                                                           b=np.array([0, 0, 0, -2147400000], np.int32), after=None),
    "conv_whose_result_is_coded_in_a_branch": dict(
        conv(after=None), feeds={"p": np.array(True)}, text="g (float[N,3,9,8] x, bool p) => (float[A,B,C,D] y) { " + FRONT +
        "k = DequantizeLinear(w, ws, wz) r = Conv(d, k) y = If(p) <then_branch = t () => (float[A,B,C,D] u) { e = QuantizeLinear(r, ys, yz) "
        "u = DequantizeLinear(e, ys, yz) }, else_branch = f () => (float[A,B,C,D] v) { v = Identity(x) }> }"),
    "conv_that_others_read": conv(behind=" e = QuantizeLinear(r, ys, yz) o = DequantizeLinear(e, ys, yz) y = Add(o, r)", after=None),
    "conv_that_is_an_output": dict(conv(after=None), text="g (float[N,3,9,8] x) => (float[A,B,C,D] y, float[A,B,C,D] r) { " + FRONT +
                                   "k = DequantizeLinear(w, ws, wz) r = Conv(d, k)" + BEHIND + " }"),
    "conv_behind_a_relu": conv(behind=" q = Relu(r) e = QuantizeLinear(q, ys, yz) y = DequantizeLinear(e, ys, yz)", after=None),
    "conv_with_weights_from_outside": case("r = Conv(d, v)", None, more=", float[4,3,3,3] v"),
    "conv_with_a_scale_from_outside": conv("w, ws, wz", more=", float o", front="c = QuantizeLinear(x, o, z) d = DequantizeLinear(c, o, z) ",
                                           after=None) | {"feeds": {"o": scalar(0.02)}},
    "conv_with_half_scales": conv(opset=21, edit=halved, after=None, front="c = QuantizeLinear(x, s, z) d = DequantizeLinear(c, s, z) "),
    "conv_with_wide_weights": conv(opset=21, w=codes(4, 3, 3, 3, dtype=np.int16), wz=scalar(0, np.int16), after=None),
    "matmul_with_a_scale_a_row": matmul("k = DequantizeLinear<axis = 0>(w, wsc, wzc) r = MatMul(d, k)", None, w=codes(6, 5), wsc=np.full(6, 0.01, np.float32),
                                        wzc=np.zeros(6, np.int8)),
    "matmul_of_a_vector": matmul("k = DequantizeLinear(w, ws, wz) r = MatMul(d, k)", None, w=codes(6), y="A,B"),
    "matmul_of_no_columns": matmul("k = DequantizeLinear(w, ws, wz) r = MatMul(d, k)", None, x="N,3,0", w=codes(0, 4)),
    "gemm": case("k = DequantizeLinear(w, ws, wz) r = Gemm(d, k)", None, x="N,6", y="A,B", w=M["w"]),
    "conv_for_tensorrt": conv(after=None, args=("--target", "tensorrt-10")),
    "conv_for_arm": conv(after=None, args=("--target", "ort-cpu-arm")),
    "conv_for_any_runtime": conv(after=None, args=("--target", "onnx-spec")),
}


def moves(body, after, told="", tol=0, behind=" e = QuantizeLinear(r, s, z) y = DequantizeLinear(e, s, z)", **more):
    return case(body, after, told, tol=tol, behind=behind, **{"y": "A,B", **more})


TO = {"to": np.array([0, -1], np.int64)}
CASES |= {
    "reshape_of_codes": moves("r = Reshape(d, to)", "QuantizeLinear Reshape DequantizeLinear", "moves the codes", **TO),
    "reshape_of_codes_whose_numbers_are_equal": moves("r = Reshape(d, to)", "QuantizeLinear Reshape DequantizeLinear", s2=scalar(0.02), z2=scalar(120, np.uint8),
                                                      behind=" e = QuantizeLinear(r, s2, z2) y = DequantizeLinear(e, s2, z2)", **TO),
    "a_chain_of_moves": moves("p = Transpose<perm = [0, 2, 3, 1]>(d) t = MaxPool<kernel_shape = [2, 2]>(p) r = Flatten(t)",
                              "QuantizeLinear Transpose MaxPool Flatten DequantizeLinear"),
    "moves_that_end_in_codes": dict(moves("r = Reshape(d, to)", "QuantizeLinear Reshape", behind=" y = QuantizeLinear(r, s, z)", **TO),
                                    text="g (float[N,3,9,8] x) => (uint8[A,B] y) { " + FRONT + "r = Reshape(d, to) y = QuantizeLinear(r, s, z) }"),
    "moves_beside_others": moves("r = Reshape(d, to)", "QuantizeLinear DequantizeLinear Reshape DequantizeLinear Exp ReduceMax Mul", tol=1e-6,
                                 behind=" e = QuantizeLinear(r, s, z) o = DequantizeLinear(e, s, z) p = Exp(d) t = ReduceMax<keepdims = 0>(p) "
                                        "y = Mul(o, t)", **TO),
    "moves_between_other_scales": moves("r = Reshape(d, to)", None, behind=" e = QuantizeLinear(r, ys, z) y = DequantizeLinear(e, ys, z)", **TO),
    "moves_between_other_zero_points": moves("r = Reshape(d, to)", None, behind=" e = QuantizeLinear(r, s, yz) y = DequantizeLinear(e, s, yz)", **TO),
    "moves_of_int8_codes": moves("r = Reshape(d, to)", None, z=scalar(0, np.int8), **TO),
    "moves_that_others_read": moves("r = Reshape(d, to)", None, behind=" e = QuantizeLinear(r, s, z) o = DequantizeLinear(e, s, z) y = Add(o, r)", **TO),
    "a_pool_before_it_took_bytes": moves("r = MaxPool<kernel_shape = [2, 2]>(d)", None, opset=10, y="A,B,C,D"),
    "a_pool_that_counts": moves("r, i = MaxPool<kernel_shape = [2, 2]>(d)", None, y="A,B,C,D"),
    "a_mean": moves("r = AveragePool<kernel_shape = [2, 2]>(d)", None, y="A,B,C,D", tol=0.01),
    "moves_for_tensorrt": moves("r = Reshape(d, to)", None, args=("--target", "tensorrt-10"), **TO),
}

main(CASES)
