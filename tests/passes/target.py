"""clean-qdq, unshare-weights, unsigned-weights, target-spelling, fuse-layer-norm, fuse-rms-norm."""
from support import ints, main, np, rand, scalar

Q = {"s": scalar(0.1), "z": scalar(3, np.uint8), "s2": scalar(0.1), "z2": scalar(3, np.uint8), "s3": scalar(0.2)}


def qdq(body, after, passes="clean-qdq", outputs="float[N,8] y", **more):
    used = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=f"g (float[N,8] x) => ({outputs}) {{ {body} }}", weights={k: v for k, v in Q.items() if k in used}, passes=passes,
                after=after, tol=0, **more)


def norm(body, after, opset=17, passes="fuse-layer-norm", x="N,S,8", **weights):
    return dict(text=f"g (float[{x}] x) => (float[{x}] y) {{ {body} }}", passes=passes, after=after, opset=opset, ir=10, tol=1e-4,
                weights={"g": rand(8), "b": rand(8), "e": scalar(1e-3), "two": scalar(2.0), "a": ints(-1), **weights})


SPELL = {"r": scalar(2 ** 0.5), "i": scalar(0.5 ** 0.5), "one": scalar(1.0), "half": scalar(0.5), "g": rand(8), "b": rand(8)}


def spell(body, after, told="", *args):
    used = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=f"g (float[N,8] x) => (float[N,8] y) {{ {body} }}", weights={k: v for k, v in SPELL.items() if k in used}, opset=17, ir=10,
                passes="target-spelling", after=after, told=told, tol=0, args=args)


def prelu(slopes, after, told="", *args):
    return dict(text="g (float[N,8] x) => (float[N,8] y) { y = PRelu(x, s) }", weights={"s": slopes}, passes="target-spelling", after=after,
                told=told, tol=0, args=args)


SQUARE = "q = Pow(x, two) v = ReduceMean<axes = [-1]>(q) w = Add(v, e) r = Sqrt(w) "


def rms(body, after, told="", **more):
    case = norm(SQUARE + body, after, opset=17, passes="target-spelling", **more)
    return dict(case, told=told, tol=1e-6)


def wide(body, after, rest="h = Cast<to = 10>(n) s = Mul(h, g) y = Add(s, b)", **more):
    """A norm of half precision, computed in float from Cast to Cast."""
    case = norm(body, after, **more)
    case["text"] = "g (float16[N,S,8] x) => (float16[N,S,8] y) { c = Cast<to = 1>(x) " + body.replace("(x", "(c") + " " + rest + " }"
    case["weights"].update({k: rand(8, dtype=np.float16) for k in "gb"})
    return case | dict(tol=2e-3)


def stays_float(model):
    """ONNX Runtime's optimizations leave the numbers alone: it has not quantized weights by itself."""
    import onnxruntime as ort
    x = rand(2, 4, 6, 6)
    answers = []
    for level in (ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, {"x": x if len(session.get_inputs()[0].shape) == 4 else x[:, :, 0, 0]})[0])
    for channel in range(answers[0].shape[1]):
        a, b = (y[:, channel] for y in answers)
        assert np.abs(a - b).max() <= 1e-5 * np.abs(a).max(), (channel, np.abs(a - b).max(), np.abs(a).max())


def floats(body, after, dims="N,4,6,6", told="bias as codes", check=stays_float, args=(), **weights):
    return dict(text=f"g (float[{dims}] x) => (float[{'N,M' if ',6' not in dims else 'N,M,H,W'}] y) {{ q = QuantizeLinear(x, s, z) "
                     f"d = DequantizeLinear(q, s, z) {body} }}", weights={"s": scalar(0.02), "z": scalar(128, np.uint8), **weights},
                passes="target-spelling", after=after, told=told, tol=1e-6, check=check, args=args)


def stays_exact(model):
    """ONNX Runtime's integer kernels give what the written DequantizeLinears say, on CPUs without VNNI too. Large codes meet."""
    import onnxruntime as ort
    assert {t.name: t.data_type for t in model.graph.initializer}["c_unsigned"] == 2
    shape = [d.dim_value or 2 for d in model.graph.input[0].type.tensor_type.shape.dim]
    answers = []
    for level in (ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, {"x": np.full(shape, 9, np.float32)})[0])
    assert np.abs(answers[0] - answers[1]).max() <= 1e-5 * np.abs(answers[0]).max(), answers


AVX2 = ("--target", "ort-cpu-avx2")
FULL = np.full((4, 4, 3, 3), 127, np.int8)  # any two with codes of 255 leave 16 bits
TOLD = "weights as uint8: two products reach 64770 of 32767"
WARNED = "node 'n' (Conv, #3): two products of its codes can reach 64770, 16 bits hold 32767"


def named_conv(model):
    model.graph.node[3].name = "n"


def pairs(body, after, told=TOLD, check=stays_exact, args=AVX2, dims="N,4,6,6", codes=FULL, axis="", passes="unsigned-weights", edit=named_conv,
          **weights):
    out = "N,M" if ",6" not in dims else "N,M,H,W"
    text = (f"g (float[{dims}] x) => (float[{out}] y) {{ q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) "
            f"w = DequantizeLinear{axis}(c, sw, zw) {body} }}")
    named = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    held = {"s": scalar(0.02), "z": scalar(0, np.uint8), "sw": scalar(0.01), "zw": scalar(0, np.int8), "c": codes,
            **{k: v for k, v in {"so": scalar(5.0), "zo": scalar(3, np.uint8)}.items() if k in named}, **weights}
    return dict(text=text.replace(", zw)", ")") if held["zw"] is None else text, weights={k: v for k, v in held.items() if v is not None},
                passes=passes, after=after, told=told, tol=0, check=check, args=args, opset=17, edit=edit)


INTO = " o = QuantizeLinear(v, so, zo) y = DequantizeLinear(o, so, zo)"
ONE = "QuantizeLinear DequantizeLinear DequantizeLinear "
FAR = np.array([1, 1000, 0.001, 30], np.float32)  # channels that one scale cannot hold
KEPT = "QuantizeLinear DequantizeLinear DequantizeLinear "


def used(case):
    words = case["text"].replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(case, weights={k: v for k, v in case["weights"].items() if k in words})


LAYER = ("m = ReduceMean<axes = [-1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes = [-1]>(q) w = Add(v, e) "
         "r = Sqrt(w) n = Div(d, r) s = Mul(n, g) y = Add(s, b)")
BARE = LAYER.replace("n = Div", "y = Div").replace(" s = Mul(n, g) y = Add(s, b)", "")
LAYER18 = LAYER.replace("<axes = [-1]>(x)", "(x, a)").replace("<axes = [-1]>(q)", "(q, a)")
RMS = "q = Pow(x, two) v = ReduceMean(q, a) w = Add(v, e) r = Sqrt(w) i = Reciprocal(r) n = Mul(x, i) y = Mul(n, g)"
CASES = {
    "equal_q": qdq("a = QuantizeLinear(x, s, z) b = QuantizeLinear(x, s2, z2) c = DequantizeLinear(a, s, z) "
                   "d = DequantizeLinear(b, s, z) y = Add(c, d)", "QuantizeLinear DequantizeLinear DequantizeLinear Add"),
    "other_q_stays": qdq("a = QuantizeLinear(x, s, z) b = QuantizeLinear(x, s3, z) c = DequantizeLinear(a, s, z) "
                         "d = DequantizeLinear(b, s3, z) y = Add(c, d)", None),
    "dq_stay_apart": qdq("a = QuantizeLinear(x, s, z) c = DequantizeLinear(a, s, z) d = DequantizeLinear(a, s, z) y = Add(c, d)", None),
    "dq_are_shared_on_request": qdq("a = QuantizeLinear(x, s, z) c = DequantizeLinear(a, s, z) d = DequantizeLinear(a, s, z) y = Add(c, d)",
                                    "QuantizeLinear DequantizeLinear Add", "clean-qdq{share-dq=true}"),
    "a_q_behind_its_dq": qdq("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) c = QuantizeLinear(b, s2, z2) "
                             "y = DequantizeLinear(c, s, z)", "QuantizeLinear DequantizeLinear"),
    "a_q_of_other_numbers_stays": qdq("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) c = QuantizeLinear(b, s3, z) "
                                      "y = DequantizeLinear(c, s3, z)", None),
    "pairs_stay_on_request": qdq("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) c = QuantizeLinear(b, s, z) "
                                 "y = DequantizeLinear(c, s, z)", None, "clean-qdq{pairs=false}"),
    "a_pair_that_rounds_stays": qdq("a = QuantizeLinear(x, s, z) y = DequantizeLinear(a, s, z)", None),
    "an_unused_pair": qdq("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) y = Relu(x)", "Relu"),
    # unshare-weights
    "a_table_that_is_also_a_matrix": dict(
        text="g (int64[N] i, float[N,6] x) => (float[N,4] y) { r = Gather(w, i) p = MatMul(x, w) y = Add(r, p) }",
        weights={"w": rand(6, 4)}, feeds={"i": ints(0, 5, 2)}, passes="unshare-weights", after="Gather MatMul Add", told="copy of 'w'", tol=0),
    "a_matrix_read_both_ways": dict(
        text="g (float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Gemm(x, w) z = Gemm<transB = 1>(x, w) }", weights={"w": rand(4, 4)},
        passes="unshare-weights", after="Gemm Gemm", told="copy of 'w'", tol=0),
    "one_way_stays_shared": dict(
        text="g (float[N,4] x) => (float[N,4] y) { a = MatMul(x, w) b = Relu(a) y = MatMul(b, w) }", weights={"w": rand(4, 4)},
        passes="unshare-weights", after=None),
    "one_way_on_request": dict(
        text="g (float[N,4] x) => (float[N,4] y) { a = MatMul(x, w) b = Relu(a) y = MatMul(b, w) }", weights={"w": rand(4, 4)},
        passes="unshare-weights{all=true}", after="MatMul Relu MatMul", told="copy of 'w'", tol=0),
    "vectors_stay_shared": dict(
        text="g (float[N,4] x) => (float[N,4] y) { a = Add(x, w) y = MatMul(a, v) }", weights={"w": rand(4), "v": rand(4, 4)},
        passes="unshare-weights", after=None),
    # target-spelling
    "half_of_gelu_goes_last": spell("d = Div(x, r) e = Erf(d) t = Add(e, one) h = Mul(half, t) y = Mul(x, h)",
                                    "Div Erf Add Mul Mul", "Gelu: 0.5 stands last"),
    "half_of_gelu_by_product": spell("d = Mul(x, i) e = Erf(d) t = Add(one, e) h = Mul(t, half) y = Mul(h, x)",
                                     "Mul Erf Add Mul Mul", "Gelu: 0.5 stands last"),
    "half_that_stands_last_stays": spell("d = Div(x, r) e = Erf(d) t = Add(e, one) h = Mul(x, t) y = Mul(h, half)", None),
    "half_read_twice_stays": spell("d = Div(x, r) e = Erf(d) t = Add(e, one) h = Mul(half, t) m = Mul(x, h) y = Add(m, h)", None),
    "add_before_layer_norm": spell("s = Add(x, x) y = LayerNormalization(s, g, b)", "Sum LayerNormalization", "Sum"),
    "residual_before_layer_norm": spell("s = Add(x, b) n = LayerNormalization(s, g) y = Add(n, s)", "Sum LayerNormalization Add", "Sum"),
    "add_stays_on_other_targets": spell("s = Add(x, x) y = LayerNormalization(s, g, b)", None, "", "--target", "tensorrt-10"),
    "rms_norm_without_weights": rms("i = Reciprocal(r) y = Mul(x, i)", "Pow ReduceMean Add Sqrt Div Mul", "RMSNorm"),
    "rms_norm_with_weights": rms("i = Reciprocal(r) n = Mul(x, i) y = Mul(n, g)", "Pow ReduceMean Add Sqrt Div Mul", "RMSNorm"),
    "rms_norm_by_quotient": rms("y = Div(x, r)", "Pow ReduceMean Add Sqrt Div Mul", "RMSNorm"),
    "rms_norm_for_two_readers": rms("i = Reciprocal(r) n = Mul(x, i) k = Mul(n, g) y = Add(k, n)",
                                    "Pow ReduceMean Add Sqrt Div Mul Mul Add", "RMSNorm"),
    "rms_norm_as_the_runtime_knows_it_stays": rms("n = Div(x, r) y = Mul(n, g)", None),
    "rms_norm_of_unknown_size_stays": rms("y = Div(x, r)", None, x="N,S,C") | dict(feeds={"x": rand(2, 3, 8)}),
    "rms_norm_over_another_axis_stays": rms("y = Div(x, r)", None, x="N,8,8") | dict(
        text="g (float[N,8,8] x) => (float[N,8,8] y) { " + SQUARE.replace("-1", "1") + "y = Div(x, r) }"),
    "prelu_is_a_max": prelu(rand(8).clip(-1, 1), "Mul Max", "Max with"),
    "steep_prelu_is_a_min": prelu(1 + abs(rand(8)), "Mul Min", "Min with"),
    "prelu_with_slopes_on_both_sides_of_1_stays": prelu(np.linspace(0.5, 1.5, 8, dtype=np.float32), None),
    "prelu_with_a_slope_of_0_stays": prelu(np.array([0, .5, 1, .2, -.3, .1, .7, .9], np.float32), None),
    "prelu_without_vnni": prelu(rand(8).clip(-1, 1), "Mul Max", "Max with", "--target", "ort-cpu-avx2"),
    "prelu_of_computed_slopes_stays": dict(text="g (float[N,8] x) => (float[N,8] y) { s = Abs(x) y = PRelu(x, s) }",
                                           passes="target-spelling", after=None),
    "prelu_stays_on_other_targets": prelu(rand(8).clip(-1, 1), None, "", "--target", "tensorrt-10"),
    "float_conv": floats("y = Conv(d, w, b)", KEPT + "Conv", w=rand(4, 4, 3, 3) * FAR.reshape(4, 1, 1, 1), b=rand(4) * FAR),
    "float_conv_without_bias": floats("y = Conv(d, w)", KEPT + "Conv", w=rand(4, 4, 3, 3) * FAR.reshape(4, 1, 1, 1)),
    "float_conv_transpose": floats("y = ConvTranspose<group = 2>(d, w, b)", KEPT + "ConvTranspose", w=rand(4, 2, 3, 3), b=rand(4) * FAR),
    "float_gemm": floats("y = Gemm(d, w, b)", KEPT + "Gemm", dims="N,4", w=rand(4, 4) * FAR, b=rand(4) * FAR),
    "float_gemm_of_rows": floats("y = Gemm<transB = 1>(d, w)", KEPT + "Gemm", dims="N,4", w=rand(3, 4) * FAR[:3].reshape(3, 1)),
    "float_conv_on_other_targets": floats("y = Conv(d, w, b)", None, told="", check=None, args=("--target", "tensorrt-10"),
                                          w=rand(4, 4, 3, 3), b=rand(4)),
    "float_conv_of_floats": dict(text="g (float[N,4,6,6] x) => (float[N,4,H,W] y) { y = Conv(x, w, b) }",
                                 weights={"w": rand(4, 4, 3, 3), "b": rand(4)}, passes="target-spelling", after=None),
    # unsigned-weights
    "conv_whose_products_leave_16_bits": pairs("v = Conv(d, w)" + INTO, ONE + "Conv QuantizeLinear DequantizeLinear"),
    "such_a_conv_with_relu": pairs("u = Conv(d, w) v = Relu(u)" + INTO, ONE + "Conv Relu QuantizeLinear DequantizeLinear"),
    "such_a_conv_by_channel": pairs("v = Conv(d, w)" + INTO, ONE + "Conv QuantizeLinear DequantizeLinear", axis="<axis = 0>",
                                    sw=rand(4, low=0.01, high=0.02), zw=np.zeros(4, np.int8)),
    "such_a_conv_without_zero_point": pairs("v = Conv(d, w)" + INTO, ONE + "Conv QuantizeLinear DequantizeLinear", zw=None),
    "matmul_whose_products_leave_16_bits": pairs("y = MatMul(d, w)", ONE + "MatMul", dims="N,4", codes=FULL[:, :, 0, 0]),
    "gemm_whose_products_leave_16_bits": pairs("y = Gemm<transB = 1>(d, w)", ONE + "Gemm", dims="N,4", codes=FULL[:, :, 0, 0]),
    "such_a_conv_elsewhere_is_told": pairs("v = Conv(d, w)" + INTO, None, WARNED, None, ()),
    "and_by_optimize": pairs("v = Conv(d, w)" + INTO, ONE + "Conv QuantizeLinear DequantizeLinear", WARNED, None, (), passes="optimize"),
    "targets_of_32_bits_are_left": dict(pairs("v = Conv(d, w)" + INTO, None, None, None, ("--target", "tensorrt-10")), untold="16 bits"),
    "conv_that_ends_in_floats_is_left": dict(pairs("y = Conv(d, w)", None, None, None, ()), untold="16 bits"),
    "conv_of_small_weights_is_left": dict(pairs("v = Conv(d, w)" + INTO, None, None, None, codes=FULL // 2 + 1), untold="16 bits"),
    "depthwise_conv_is_left": dict(pairs("v = Conv<group = 4>(d, w)" + INTO, None, None, None, codes=FULL[:, :1]), untold="16 bits"),
    "a_model_quantized_for_this_is_left": dict(
        pairs("v = Conv(d, w)" + INTO, None, None, None, ()), untold="16 bits",
        edit=lambda m: m.metadata_props.add(key="quern.target", value="ort-cpu-x64")),
    # norms
    "layer_norm": norm(LAYER, "LayerNormalization"),
    "layer_norm_by_product": norm(LAYER.replace("Pow(d, two)", "Mul(d, d)"), "LayerNormalization"),
    "layer_norm_with_axes_as_input": norm(LAYER18, "LayerNormalization", opset=18),
    "layer_norm_by_positive_axis": norm(LAYER.replace("-1", "2"), "LayerNormalization"),
    "layer_norm_below_17_stays": norm(LAYER, None, opset=16),
    "layer_norm_over_another_axis_stays": norm(LAYER.replace("-1", "1"), None, x="N,8,8"),
    "layer_norm_by_reciprocal": norm(LAYER.replace("n = Div(d, r)", "i = Reciprocal(r) n = Mul(d, i)"), "LayerNormalization"),
    "layer_norm_over_two_axes": norm(LAYER.replace("[-1]", "[-2, -1]"), "LayerNormalization", x="N,3,8", g=rand(3, 8), b=rand(3, 8)),
    "layer_norm_over_two_axes_with_weights_of_one_stays": norm(LAYER.replace("[-1]", "[-2, -1]"), None, x="N,8,8"),
    "layer_norm_over_other_axes_in_its_means_stays": norm(LAYER.replace("[-1]", "[-2, -1]", 1), None, x="N,8,8"),
    "layer_norm_that_drops_its_axis_stays": norm(LAYER.replace("v = ReduceMean<axes = [-1]>(q)", "v = ReduceMean<axes = [-1], keepdims = 0>(q)"), None,
                                                 x="8,8,8"),
    "layer_norm_with_axes_of_one_in_front_of_weights": norm(LAYER, "LayerNormalization", g=rand(1, 1, 8), b=rand(1, 8)),
    "layer_norm_with_weights_of_more_axes_stays_bare": norm(LAYER, "LayerNormalization Mul Add", g=rand(1, 1, 1, 8), x="N,S,8")
                                                       | dict(text="g (float[N,S,8] x) => (float[1,N,S,8] y) { " + LAYER + " }"),
    "layer_norm_whose_epsilon_has_more_axes_stays": norm(LAYER, None, e=np.full((1, 1, 1, 1), 1e-3, np.float32))
                                                    | dict(text="g (float[N,S,8] x) => (float[1,N,S,8] y) { " + LAYER + " }"),
    "layer_norm_whose_exponent_has_more_axes_stays": norm(LAYER, None, two=np.full((1, 1, 1, 1), 2, np.float32))
                                                     | dict(text="g (float[N,S,8] x) => (float[1,N,S,8] y) { " + LAYER + " }"),
    "layer_norm_over_nothing_stays": norm(LAYER, None, x="N,S,0", g=rand(0), b=rand(0)),
    "layer_norm_without_weights": norm(BARE, "LayerNormalization"),
    "layer_norm_without_bias": norm(BARE.replace("y = Div", "n = Div") + " y = Mul(g, n)", "LayerNormalization"),
    "layer_norm_with_a_number_for_weights": norm(LAYER, "LayerNormalization Mul Add", g=scalar(2.0)),
    "layer_norm_over_two_axes_without_weights_stays": norm(BARE.replace("[-1]", "[-2, -1]"), None, x="N,8,8"),
    "layer_norm_of_halves": wide(BARE.replace("y =", "n ="), "LayerNormalization"),
    "layer_norm_of_halves_bare": wide(BARE.replace("y =", "n ="), "LayerNormalization", "y = Cast<to = 10>(n)"),
    "layer_norm_of_halves_without_bias": wide(BARE.replace("y =", "n ="), "LayerNormalization", "h = Cast<to = 10>(n) y = Mul(h, g)"),
    "layer_norm_of_floats_rounded_behind_is_bare": dict(wide(BARE.replace("y =", "n ="), "LayerNormalization Cast Mul Add"),
                                                        text="g (float[N,S,8] c) => (float16[N,S,8] y) { " + BARE.replace("y =", "n =").replace("(x", "(c")
                                                        + " h = Cast<to = 10>(n) s = Mul(h, g) y = Add(s, b) }"),
    "layer_norm_of_unknown_size_stays": norm(LAYER, None, x="N,S,C") | dict(feeds={"x": rand(2, 3, 8)}),
    "layer_norm_read_inside_is_bare": dict(norm(LAYER + " z = Neg(n)", "LayerNormalization Mul Add Neg"), text="g (float[N,S,8] x) => (float[N,S,8] y, float[N,S,8] z) { "
                                         + LAYER + " z = Neg(n) }"),
    "rms_norm": norm(RMS, "RMSNormalization", opset=23, passes="fuse-rms-norm"),
    "rms_norm_without_weights_at_23": norm(RMS.replace("n = Mul", "y = Mul").replace(" y = Mul(n, g)", ""), "RMSNormalization", opset=23, passes="fuse-rms-norm"),
    "rms_norm_over_two_axes": norm(RMS, "RMSNormalization", opset=23, passes="fuse-rms-norm", x="N,3,8", g=rand(3, 8), a=ints(1, 2)),
    "rms_norm_of_halves": wide(RMS.replace(" y = Mul(n, g)", ""), "RMSNormalization", "h = Cast<to = 10>(n) y = Mul(g, h)", opset=23, passes="fuse-rms-norm"),
    "rms_norm_of_what_else_reads_wide": wide(RMS.replace(" y = Mul(n, g)", ""), "Cast RMSNormalization Cast Add",
                                             "h = Cast<to = 10>(n) k = Mul(g, h) l = Cast<to = 10>(c) y = Add(k, l)", opset=23, passes="fuse-rms-norm"),
    "rms_norm_whose_epsilon_has_more_axes_stays": norm(RMS, None, opset=23, passes="fuse-rms-norm", e=np.full((1, 1, 1, 1), 1e-3, np.float32))
                                                  | dict(text="g (float[N,S,8] x) => (float[1,N,S,8] y) { " + RMS + " }"),
    "rms_norm_below_23_stays": norm(RMS, None, opset=22, passes="fuse-rms-norm"),
}
main({k: used(v) if k.startswith(("layer", "rms")) else v for k, v in CASES.items()})
