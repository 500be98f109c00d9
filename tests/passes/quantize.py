"""The quantization passes on small graphs: what they write, and how near ONNX Runtime's answer stays to the float one."""
import json
import pathlib
import re
import subprocess
import tempfile

from support import QUERN, np, numpy_helper, onnx, operators, ort, rand, run, sys

STEPS = "calibrate{means=true},insert-qdq"


def model_of(text, weights, opset=17):
    """A Conv that would make y itself would stay float: a Neg stands behind it."""
    text = re.sub(r"\by = (Conv(?:<[^>]*>)?\([^)]*\))", r"last = \1 y = Neg(last)", text)
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    del model.graph.value_info[:]
    for name, array in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    return model


def quantize(folder, model, samples, passes, target="ort-cpu-x64"):
    """The model after passes that calibrate on samples (name -> array with the samples in front)."""
    return quantized(folder, model, samples, passes, target)[0]


def quantized(folder, model, samples, passes, target="ort-cpu-x64"):
    """The same, and what was told."""
    source, data, out = folder / "in.onnx", folder / "data.npz", folder / "out.onnx"
    source.write_bytes(model.SerializeToString())
    np.savez(data, **samples)
    r = subprocess.run([QUERN, "apply", source, "-o", out, "--passes", passes, "--data", data, "--target", target],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    after = onnx.load(out)
    onnx.checker.check_model(after, full_check=True)
    return after, r.stdout + r.stderr


def sqnr(model, after, samples):
    noise = signal = 0.0
    for i in range(len(next(iter(samples.values())))):
        feeds = {k: v[i:i + 1] for k, v in samples.items()}
        want, got = run(model, feeds)[0].astype(np.float64), run(after, feeds)[0]
        signal += (want ** 2).sum()
        noise += ((want - got) ** 2).sum()
    return 10 * np.log10(signal / noise) if noise else np.inf


def constants(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def weights_of(model, op):
    """Codes and scales of the weights that the first node of that operator reads."""
    made = {o: n for n in model.graph.node for o in n.output}
    node = next(n for n in model.graph.node if n.op_type == op)
    dq = made[node.input[1]]
    held = constants(model)
    return held[dq.input[0]], held[dq.input[1]]


def conv_text(body, shape="N,8,8,8"):
    return f"g (float[{shape}] x) => (float[N,C,H,W] y) {{ {body} }}"


def tables(folder):
    model = model_of("g (int64[N,6] i) => (float[N,6,32] y) { y = Gather(t, i) }", {"t": rand(200, 32) * rand(1, 32)})
    samples = {"i": np.random.default_rng(1).integers(0, 200, (20, 6))}
    after = quantize(folder, model, samples, STEPS)
    assert operators(after.graph) == ["Gather", "DequantizeLinear", "Mul"], operators(after.graph)
    assert sqnr(model, after, samples) > 40
    assert all(a.dtype != np.float32 or a.size in (1, 32) for a in constants(after).values())
    # By a scale a column where the target takes that as well: the same numbers.
    plain = quantize(folder, model, samples, STEPS, target="ort-cpu-arm")
    assert operators(plain.graph) == ["Gather", "DequantizeLinear"], operators(plain.graph)
    assert (run(after, samples)[0] == run(plain, samples)[0]).all()


def shared_table_stays(folder):
    model = model_of("g (int64[N,6] i, float[N,3,32] x) => (float[N,6,32] y, float[N,3,200] z) "
                     "{ y = Gather(t, i) u = Transpose(t) z = MatMul(x, u) }", {"t": rand(200, 32)})
    samples = {"i": np.random.default_rng(1).integers(0, 200, (4, 6)), "x": rand(4, 3, 32)}
    after = quantize(folder, model, samples, STEPS)
    assert any(n.op_type == "Gather" and constants(after)[n.input[0]].dtype == np.float32 for n in after.graph.node)


CONVS = {"w": rand(8, 8, 3, 3) / 8, "v": rand(8, 8, 3, 3) / 8, "b": rand(8)}


def integer_hardswish(folder):
    model = model_of(conv_text("a = Conv(x, w, b) h = HardSwish(a) y = Conv(h, v)"), CONVS)
    samples = {"x": rand(20, 8, 8, 8)}
    after = quantize(folder, model, samples, STEPS + ",integer-hardswish")
    ops = operators(after.graph)
    assert "HardSwish" not in ops and "Mul" in ops, ops
    assert sqnr(model, after, samples) > 32, sqnr(model, after, samples)


def hardswish_with_two_readers_stays(folder):
    model = model_of(conv_text("a = Conv(x, w, b) h = HardSwish(a) p = ReduceMean<axes = [2, 3]>(h) q = Conv(h, v) y = Mul(q, p)"), CONVS)
    after = quantize(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS + ",integer-hardswish")
    assert "HardSwish" in operators(after.graph)


def hardswish_stays_for_tensorrt(folder):
    model = model_of(conv_text("a = Conv(x, w, b) h = HardSwish(a) y = Conv(h, v)"), CONVS)
    after = quantize(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS + ",integer-hardswish", "tensorrt-10")
    assert "HardSwish" in operators(after.graph)


def scalars_in_front_become_scales(folder):
    model = model_of(conv_text("a = Conv(x, w, b) h = Tanh(a) m = Mul(h, two) s = Add(m, one) y = Conv<pads = [1, 1, 1, 1]>(s, v)"),
                     {**CONVS, "two": np.float32(2.0), "one": np.float32(0.5)})
    samples = {"x": rand(20, 8, 8, 8)}
    after = quantize(folder, model, samples, STEPS)
    ops = operators(after.graph)
    assert "Mul" not in ops and "Add" not in ops, ops
    assert sqnr(model, after, samples) > 32, sqnr(model, after, samples)


def scalars_read_elsewhere_stay(folder):
    model = model_of(conv_text("a = Conv(x, w, b) h = Tanh(a) s = Add(h, one) q = Conv<pads = [1, 1, 1, 1]>(s, v) y = Mul(q, s)"),
                     {**CONVS, "one": np.float32(0.5)})
    assert "Add" in operators(quantize(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS).graph)


def pair_peak(codes):
    """Largest sum of two neighbouring products with u8 codes, positions of the kernel outside, channels inside."""
    rows = codes.astype(int).reshape(codes.shape[0], codes.shape[1], -1).transpose(0, 2, 1).reshape(codes.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(codes.shape[0], -1, 2)
    return max(255 * np.maximum(rows, 0).sum(2).max(), 255 * np.maximum(-rows, 0).sum(2).max())


def no_pair_overflows(folder):
    model = model_of(conv_text("y = Conv(x, w, b)"), CONVS)
    samples = {"x": rand(20, 8, 8, 8)}
    anything = weights_of(quantize(folder, model, samples, STEPS + "{overflow=any,feedback=false}"), "Conv")[0]
    never = weights_of(quantize(folder, model, samples, STEPS + "{overflow=never,feedback=false}"), "Conv")[0]
    observed = weights_of(quantize(folder, model, samples, STEPS + "{overflow=observed,feedback=false}"), "Conv")[0]
    assert pair_peak(anything) > 32767 >= pair_peak(never), (pair_peak(anything), pair_peak(never))
    assert pair_peak(never) <= pair_peak(observed) <= pair_peak(anything)
    assert np.array_equal(never, weights_of(quantize(folder, model, samples, STEPS + "{feedback=false}", "ort-cpu-avx2"), "Conv")[0])


def few_weights_have_more_steps_to_choose_from(folder):
    random = np.random.default_rng(3)
    w = random.uniform(-1, 1, (8, 16)).astype(np.float32)
    model = model_of("g (float[N,5,8] x) => (float[N,5,16] y) { y = MatMul(x, w) }", {"w": w})
    samples = {"x": random.normal(size=(20, 5, 8)).astype(np.float32)}
    codes, scales = weights_of(quantize(folder, model, samples, STEPS + "{overflow=never,feedback=false}"), "MatMul")
    error = 10 * np.log10((w ** 2).sum() / ((w - codes * scales) ** 2).sum())
    assert pair_peak(codes.T[:, :, None, None]) <= 32767 and error > 46, (pair_peak(codes.T[:, :, None, None]), error)


def feedback_cuts_the_error(folder):
    mix = rand(32, 32)
    x = (rand(20, 16, 4) @ rand(4, 32) + 0.1 * rand(20, 16, 32) @ mix).astype(np.float32)
    model = model_of("g (float[N,16,32] x) => (float[N,16,24] y) { y = MatMul(x, w) }", {"w": rand(32, 24)})
    error = {}
    for on in ("true", "false"):
        # A first calibration tells the limits that second moments are counted within.
        after = quantize(folder, model, {"x": x}, f"calibrate,{STEPS}{{feedback={on},overflow=any}}")
        codes, scales = weights_of(after, "MatMul")
        wrong = x.reshape(-1, 32) @ (codes * scales - constants(model)["w"])
        error[on] = ((wrong - wrong.mean(0)) ** 2).sum()
    assert error["true"] < 0.7 * error["false"], error


def convolutions_choose_their_steps(folder):
    """What weights alone err by, on inputs whose neighbours are alike: to nearest, with feedback, and with steps to choose from."""
    for group, channels in ((1, 4), (2, 8), (8, 8)):
        w = rand(8, channels // group, 3, 3)
        x = np.cumsum(np.cumsum(rand(20, channels, 12, 12), 2), 3).astype(np.float32)
        text = f"g (float[N,{channels},12,12] x) => (float[N,C,H,W] y) {{ y = Conv<group={group}, pads=[1,1,1,1]>(x, w, b) }}"
        model = model_of(text, {"w": w, "b": np.zeros(8, np.float32)})
        error, steps = [], []
        for options in ("feedback=false", "wider-steps=0", "wider-steps=64"):
            after = quantize(folder, model, {"x": x}, f"calibrate,{STEPS}{{overflow=any,{options}}}")
            codes, scales = weights_of(after, "Conv")
            wrong = model_of(text, {"w": codes * scales.reshape(-1, 1, 1, 1) - w, "b": np.zeros(8, np.float32)})
            y = run(wrong, {"x": x})[0]
            error.append(((y - y.mean((0, 2, 3), keepdims=True)) ** 2).sum())
            steps.append(scales)
        assert error[0] > 1.5 * error[1] and error[1] > 1.2 * error[2], (group, error)
        assert (steps[0] == steps[1]).all() and (steps[2] >= steps[1]).all() and (steps[2] <= 1.26 * steps[1]).all(), (group, steps)


def products_come_before_convolutions(folder):
    """The matrices of 30 Conv of 384 inputs are more than there is room for; the product behind them has its own all the same."""
    n = 30
    body = " ".join(f"c{i + 1} = Conv(c{i}, w{i})" for i in range(n)).replace("c0", "x")
    text = f"g (float[N,384,2,2] x) => (float[N,2,2,16] y) {{ {body} t = Transpose<perm=[0,2,3,1]>(c{n}) y = MatMul(t, v) }}"
    model = model_of(text, {"v": rand(384, 16), **{f"w{i}": rand(384, 384, 1, 1) / 20 for i in range(n)}})
    codes, told = {}, {}
    for on in ("true", "false"):
        after, told[on] = quantized(folder, model, {"x": rand(6, 384, 2, 2)}, f"calibrate,{STEPS}{{feedback={on},overflow=any}}")
        codes[on] = weights_of(after, "MatMul")[0]
    assert (codes["true"] != codes["false"]).any()
    said = re.search(r"(\d+) operators are rounded without error feedback: no room for more second moments", told["true"])
    assert said and 0 < int(said[1]) < n, told["true"]


def between_codes(model, op):
    """For each node of that operator: it reads codes only, and only a Q reads what it makes."""
    made = {o: n for n in model.graph.node for o in n.output}
    ends = {o.name for o in model.graph.output}

    def is_codes(name):
        return name in made and made[name].op_type == "DequantizeLinear"

    def ends_in_q(name):
        readers = [n.op_type for n in model.graph.node if name in n.input]
        return readers == ["QuantizeLinear"] and name not in ends

    return [all(map(is_codes, n.input)) and ends_in_q(n.output[0]) for n in model.graph.node if n.op_type == op]


SILU = "a = Conv(x, w, b) s = Sigmoid(a) m = Mul(a, s)"


def silu_between_convolutions(folder):
    model = model_of(conv_text(f"{SILU} y = Conv(m, v)"), CONVS)
    samples = {"x": rand(20, 8, 8, 8)}
    after = quantize(folder, model, samples, STEPS)
    assert between_codes(after, "Sigmoid") == [True] and between_codes(after, "Mul") == [True], operators(after.graph)
    assert sqnr(model, after, samples) > 32, sqnr(model, after, samples)


def silu_in_front_of_floats_stays(folder):
    for tail in ("y = Tanh(m)", "y = Identity(m)", "q = ReduceMean<axes = [2, 3]>(m) y = Add(m, q)"):
        after = quantize(folder, model_of(conv_text(f"{SILU} {tail}"), CONVS), {"x": rand(20, 8, 8, 8)}, STEPS)
        assert operators(after.graph).count("QuantizeLinear") == 2, (tail, operators(after.graph))


def squeeze_and_excite_in_codes(folder):
    model = model_of(conv_text(f"{SILU} p = GlobalAveragePool(m) e = Conv(p, u) g = Sigmoid(e) k = Mul(m, g) y = Conv(k, v)"),
                     {**CONVS, "u": rand(8, 8, 1, 1)})
    samples = {"x": rand(20, 8, 8, 8)}
    after = quantize(folder, model, samples, STEPS)
    assert between_codes(after, "Mul") == [True, True], operators(after.graph)
    assert sqnr(model, after, samples) > 30, sqnr(model, after, samples)


def joined_outputs_stay_apart(folder):
    """Boxes and scores that are joined for an output, also through data movement, take no common scale."""
    for tail in ("y = Concat<axis = 1>(c, d)", "j = Concat<axis = 1>(c, d) y = Transpose<perm = [0, 2, 3, 1]>(j)"):
        model = model_of(conv_text(f"c = Conv(x, w, b) d = Conv(x, v) {tail}"), {**CONVS, "v": CONVS["v"] * np.float32(0.01)})
        samples = {"x": rand(20, 8, 8, 8)}
        after = quantize(folder, model, samples, STEPS)
        assert between_codes(after, "Concat") == [False], operators(after.graph)
        scales = {n.input[1] for n in after.graph.node if n.op_type == "QuantizeLinear"}
        assert len(scales) == 3, scales


def floats_join_codes(folder):
    """A Concat of codes and a branch in floats is done on codes where a Conv reads it, and in floats, without a pair on that branch, where none does."""
    rng = np.random.default_rng(5)  # other cases get the numbers that they had
    shapes = {"t": (8, 4, 2, 2), "k": (8, 12, 1, 1), "p": (8, 8, 1, 1)}
    weights = {**CONVS, **{name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}}
    samples = {"x": rng.uniform(-1, 1, (20, 8, 8, 8)).astype(np.float32)}
    body = "a = Conv(x, w, b) r = Relu(a) m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r) d = Conv(m, p) f = ConvTranspose<strides = [2, 2]>(d, t) j = Concat<axis = 1>(f, r)"
    for tail, codes in (("y0 = Conv(j, k) y1 = Relu(y0) y = Neg(y1)", True), ("y0 = Neg(j) y = Conv(y0, k)", False)):
        after = quantize(folder, model_of(conv_text(f"{body} {tail}"), weights), samples, STEPS)
        assert between_codes(after, "Concat") == [codes], (tail, operators(after.graph))
        made = {o: n.op_type for n in after.graph.node for o in n.output}
        floats = [n for n in after.graph.node if n.op_type == "QuantizeLinear" and made.get(n.input[0]) == "ConvTranspose"]
        assert len(floats) == codes, tail
    # three branches in floats and one of codes: three Q would be more calls than a DQ and a Q
    more = body.replace("j = Concat<axis = 1>(f, r)", "g = Neg(f) h = Abs(f) j = Concat<axis = 1>(f, g, h, r)")
    model = model_of(conv_text(f"{more} y0 = Conv(j, k) y1 = Relu(y0) y = Neg(y1)"), {**weights, "k": rng.uniform(-1, 1, (8, 20, 1, 1)).astype(np.float32)})
    assert between_codes(quantize(folder, model, samples, STEPS), "Concat") == [False]


def factors_do_not_break_a_silu(folder):
    """Channels that differ a little are worth no Mul where it takes a SiLU out of integers."""
    size = np.linspace(0.3, 1.0, 16, dtype=np.float32).reshape(16, 1, 1, 1) ** 2
    model = model_of(conv_text("a = Conv(x, w, b) s = Sigmoid(a) m = Mul(a, s) y = Conv<group = 16>(m, d)"),
                     {"w": rand(16, 8, 1, 1) * size, "b": np.zeros(16, np.float32), "d": rand(16, 1, 3, 3)})
    samples = {"x": rand(20, 8, 8, 8)}
    for gain, stays in ((10, True), (1, False)):
        steps = f"calibrate{{channels=true}},channel-factors{{link-gain={gain}}},{STEPS}"
        assert between_codes(quantize(folder, model, samples, steps), "Sigmoid") == [stays], gain


def factors_pay_for_a_mul(folder):
    """In front of a depthwise Conv channels must differ more to be worth a Mul, but behind HardSwish."""
    size = np.linspace(0.3, 1.0, 16, dtype=np.float32).reshape(16, 1, 1, 1) ** 2
    samples = {"x": rand(20, 8, 8, 8)}
    for maker, option, has in (("Tanh", "depthwise-gain", True), ("Tanh", "gain", False), ("HardSwish", "gain", True), ("HardSwish", "depthwise-gain", False)):
        model = model_of(conv_text(f"a = Conv(x, w, b) m = {maker}(a) y = Conv<group = 16>(m, d)"),
                         {"w": rand(16, 8, 1, 1) * size, "b": np.zeros(16, np.float32), "d": rand(16, 1, 3, 3)})
        for least in ("1", "1000000"):
            rest = "gain" if option == "depthwise-gain" else "depthwise-gain"
            steps = f"calibrate{{channels=true}},channel-factors{{{option}={least},{rest}=1000000}},{STEPS}"
            after = quantize(folder, model, samples, steps)
            assert ("Mul" in operators(after.graph)) == (has and least == "1"), (maker, option, least, operators(after.graph))


def bias_of_two_axes(folder):
    """MatMul and Add of two axes become a Gemm: the runtime makes one of them anyway, in float."""
    source, data, out = folder / "in.onnx", folder / "data.npz", folder / "out.onnx"
    model = model_of("g (float[N,32] x) => (float[N,24] y) { m = MatMul(x, w) y = Add(m, b) }", {"w": rand(32, 24), "b": rand(24)})
    samples = {"x": rand(20, 32)}
    source.write_bytes(model.SerializeToString())
    np.savez(data, **samples)
    for stats in ([], ["--stats", folder / "stats"]):
        if stats:
            subprocess.run([QUERN, "calibrate", source, "--data", data, "-o", stats[1]], check=True, capture_output=True)
        subprocess.run([QUERN, "quantize", source, "-o", out, *(stats or ["--data", data])], check=True, capture_output=True)
        after = onnx.load(out)
        assert "Gemm" in operators(after.graph), operators(after.graph)
        assert sqnr(model, after, samples) > 35, sqnr(model, after, samples)


def dead_channels_keep_their_bias(folder):
    """Channels of zeros, of next to nothing (no normal scale) and of little give their bias alone; and all of them do."""
    w, b = rand(8, 4, 3, 3) * 0.1, rand(8, low=0.01, high=0.02)
    w[2], w[5], w[6], b[7] = 0, 1e-42, w[6] * 1e-20, 0
    for weights in (w, w * 0):
        model = model_of(conv_text("y = Conv<pads = [1, 1, 1, 1]>(x, w, b)"), {"w": weights, "b": b})
        samples = {"x": rand(20, 4, 8, 8)}
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
        after = quantize(folder, model, samples, STEPS)
        held = constants(after)
        dq, = (n for n in after.graph.node if n.input[0] in held and held[n.input[0]].dtype == np.int32)
        codes, scales = held[dq.input[0]], held[dq.input[1]]
        dead = [2, 5, 6] if weights is w else range(8)
        assert (scales >= np.finfo(np.float32).tiny).all() and np.abs(codes * scales - b)[dead].max() <= 1e-4, (codes * scales, b)


def fused_operators(folder, model):
    """Operators of the graph that ONNX Runtime runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "fused.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return operators(onnx.load(folder / "fused.onnx").graph)


def bias_of_three_axes(folder):
    """Of known sizes the runtime would make a float Gemm; of others it would not, and Add may go into what follows."""
    for axes, op in (("1,6,32", "Sum"), ("N,6,32", "Add")):
        model = model_of(f"g (float[{axes}] x) => (float[N,6,24] y) {{ m = MatMul(x, w) y = Add(m, b) }}", {"w": rand(32, 24), "b": rand(24)})
        samples = {"x": rand(20, 6, 32)}
        after = quantize(folder, model, samples, STEPS + ",target-spelling")
        assert op in operators(after.graph), operators(after.graph)
        assert "MatMulIntegerToFloat" in fused_operators(folder, after), fused_operators(folder, after)
        assert sqnr(model, after, samples) > 35, sqnr(model, after, samples)


def sum_of_two_products(folder):
    """As in a recurrent cell that was written out: the runtime would make a float Gemm of one product and the Add."""
    model = model_of("g (float[1,32] x, float[1,16] h) => (float[1,24] y) { m = MatMul(x, w) k = MatMul(h, v) y = Add(m, k) }",
                     {"w": rand(32, 24), "v": rand(16, 24)})
    samples = {"x": rand(20, 32), "h": rand(20, 16)}
    after = quantize(folder, model, samples, STEPS + ",target-spelling")
    assert "Sum" in operators(after.graph), operators(after.graph)
    assert fused_operators(folder, after).count("MatMulIntegerToFloat") == 2, fused_operators(folder, after)
    assert sqnr(model, after, samples) > 35, sqnr(model, after, samples)


def prelu_joins_channels(folder):
    """Channels of unequal size around a PRelu are evened in the Conv before and behind it, and its own slopes stay."""
    far = np.logspace(-2, 2, 8).astype(np.float32)
    model = model_of(conv_text("a = Conv(x, w) c = PRelu(a, s) y = Conv(c, v)"),
                     {"w": CONVS["w"] * far.reshape(8, 1, 1, 1), "v": CONVS["v"] / far.reshape(1, 8, 1, 1), "s": abs(rand(8, 1, 1)) / 2})
    samples = {"x": rand(20, 8, 8, 8)}
    plain = sqnr(model, quantize(folder, model, samples, STEPS), samples)
    even = sqnr(model, quantize(folder, model, samples, "calibrate{means=true,channels=true},equalize," + STEPS), samples)
    assert even > 20 and even > plain + 15, (plain, even)


def conversions_are_counted(folder):
    """An operator without an integer kernel converts in front and behind, also where all it reads are codes."""
    found = []
    for body in ("Relu(a)", "PRelu(a, s)"):
        model = model_of(conv_text(f"a = Conv(x, w, b) c = {body} y = Conv(c, v)"), {**CONVS, "s": rand(8, 1, 1)})
        _, told = quantized(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS + ",estimate-speed")
        found.append(int(told.split(" conversions of ")[0].split()[-1]))
    assert found[1] == found[0] + 2, found


def first_layers_are_slower(folder):
    """An integer Conv of few channels spends more on gathering its input than it saves; one of many channels does not."""
    for channels, slower in ((2, True), (64, False)):
        model = model_of(f"g (float[N,{channels},48,48] x) => (float[N,C,H,W] y) {{ a = Conv(x, w) y = Conv(a, v) }}",
                         {"w": rand(16, channels, 3, 3), "v": rand(channels, 16, 3, 3)})
        _, told = quantized(folder, model, {"x": rand(2, channels, 48, 48)}, STEPS + ",estimate-speed")
        assert ("will not be faster than the float one" in told) == slower, told
        assert ("integers lose about" in told) == slower, told


def figures_go_with_the_profile(folder):
    """Speed is told where the profile says that the figures hold, whatever its name is."""
    model = model_of(conv_text("a = Conv(x, w, b) y = Conv(a, v)"), CONVS)
    for name, like, changed, has in (("mine", "ort-cpu-x64", "", True), ("mine", "ort-cpu-arm", "", True), ("mine", "ort-cpu-x64", "tricks: [factor-mul]\n", True), ("ort-cpu-mine", "onnx-spec", "", False),
                                     ("ort-cpu-mine", "ort-cpu-x64", "speed-figures: false\n", False)):
        profile = folder / "mine.yaml"
        profile.write_text(f"target: 1\nname: {name}\nlike: {like}\n{changed}")
        _, told = quantized(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS + ",estimate-speed", profile)
        assert (" ms a sample" in told) == has, (name, like, told)


def prelu_is_dear_in_float(folder):
    """Where target-spelling made a Max of it, the integer model saves what the PRelu costs the float one."""
    found = []
    for steps in ("", ",target-spelling"):
        model = model_of(conv_text("a = Conv(x, w, b) c = PRelu(a, s) y = Conv(c, v)"), {**CONVS, "s": abs(rand(8, 1, 1)) / 2})
        _, told = quantized(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS + steps + ",estimate-speed")
        found.append(float(told.split(" ms a sample")[0].split()[-1]) * (-1 if "integers lose" in told else 1))
    assert found[1] > found[0], found


def filters_of_a_signal_stay_float(folder):
    """A long kernel over few channels, as in front of a spectrogram; not a depthwise one, nor one over many channels, also to few outputs."""
    for shape, group, stays in (((8, 1, 32), 1, True), ((80, 1, 32), 1, False), ((8, 1, 32), 8, False), ((3, 16, 27), 1, False)):
        model = model_of(f"g (float[N,{shape[1] * group},256] x) => (float[N,C,L] y) {{ y = Conv<group = {group}>(x, w) }}", {"w": rand(*shape)})
        after, told = quantized(folder, model, {"x": rand(4, shape[1] * group, 256)}, STEPS + ",estimate-speed")
        assert ("QuantizeLinear" in operators(after.graph)) != stays, (shape, operators(after.graph))


def volumes_are_slower(folder):
    """Conv of three spatial axes is no faster in integers, whatever its size."""
    for axes, slower in ((2, False), (3, True)):
        model = model_of(f"g (float[N,16{',24' * axes}] x) => (float[N,C{''.join(',' + c for c in 'DHW'[:axes])}] y) {{ a = Conv(x, w) y = Conv(a, v) }}",
                         {"w": rand(32, 16, *[3] * axes), "v": rand(16, 32, *[3] * axes)})
        _, told = quantized(folder, model, {"x": rand(2, 16, *[24] * axes)}, STEPS + ",estimate-speed")
        assert ("will not be faster than the float one" in told) == slower, told


def sizes_follow_or_are_seen(folder):
    """Sizes that follow from the inputs', and the same ones behind a size that the data hold: the account is the same."""
    weights = {"w": rand(32, 16, 3, 3, 3), "v": rand(16, 32, 3, 3, 3), "rest": np.array([16, 24, 24, 24])}
    made = "m = ReduceMax<axes = [0], keepdims = 1>(k) s = Concat<axis = 0>(m, rest) r = Reshape(x, s)"
    told = []
    for front, extra in (("r = Identity(x)", ""), (made, ", int64[N] k")):
        model = model_of(f"g (float[N,16,D,H,W] x{extra}) => (float[N,C,E,F,G] y) {{ {front} a = Conv(r, w) y = Conv(a, v) }}", weights)
        samples = {"x": rand(2, 16, 24, 24, 24), **({"k": np.ones(2, np.int64)} if extra else {})}
        after, text = quantized(folder, model, samples, "observe-shapes," + STEPS + ",estimate-speed")
        assert operators(after.graph).count("QuantizeLinear") == 3, operators(after.graph)
        told.append([line for line in text.splitlines() if "estimate-speed" in line or "faster" in line])
    assert told[0] and told[0] == told[1], told


def outputs_stay_float(folder):
    """A Conv that makes an output reads no codes, since it would be float behind them; what else reads its input does."""
    for tail in ("o = Conv(r, v)", "q = Conv(r, v) o = Relu(q)"):
        model = model_of(f"g (float[N,8,8,8] x) => (float[N,C,H,W] o) {{ a = Conv(x, w, b) r = Relu(a) {tail} }}", CONVS)
        after = quantize(folder, model, {"x": rand(20, 8, 8, 8)}, STEPS)
        assert operators(after.graph).count("QuantizeLinear") == 2, operators(after.graph)
        last = [node for node in after.graph.node if node.op_type == "Conv"][1]
        assert last.input[1] in constants(after) and constants(after)[last.input[1]].dtype == np.float32
        assert sqnr(model, after, {"x": rand(4, 8, 8, 8)}) > 35


def float_weights_are_stored_as_codes(folder):
    """Of many weights that take part in many products; what the target has integers for, or what the recipe keeps, is as it was."""
    weights = {"w": rand(16, 16, 3, 3) / 12, "t": rand(16, 32, 3, 3) / 12, "v": rand(256, 32, 3, 3) / 17}
    text = "g (float[N,16,{n},{n}] x) => (float[N,256,H,W] o) {{ a = Conv(x, w) r = Relu(a) k = ConvTranspose(r, t) l = Relu(k) o = Conv(l, v) }}"
    for n, stored in ((42, ["ConvTranspose", "Conv"]), (20, ["ConvTranspose"]), (9, [])):
        model = model_of(text.format(n=n), weights)
        after, told = quantized(folder, model, {"x": rand(20, 16, n, n)}, STEPS)
        made = {o: node.op_type for node in after.graph.node for o in node.output}
        floats = [node for node in after.graph.node if node.op_type in ("Conv", "ConvTranspose")][1:]
        assert [node.op_type for node in floats if made.get(node.input[1]) == "DequantizeLinear"] == stored, operators(after.graph)
        assert sqnr(model, after, {"x": rand(4, 16, n, n)}) > 32
    # Filters that are float because codes would not do, and weights with two readers, stay.
    long = model_of("g (float[N,1,8400] x) => (float[N,16,L] y) { o = Conv(x, w) y = Neg(o) }", {"w": rand(16, 1, 4200)})
    assert constants(quantize(folder, long, {"x": rand(4, 1, 8400)}, STEPS))["w"].dtype == np.float32
    twice = model_of("g (float[N,16,60,60] x) => (float[N,16,H,W] o) { a = ConvTranspose(x, t) b = ConvTranspose(a, t) o = Conv(b, w) }",
                     {"t": rand(16, 16, 4, 4) / 16, "w": weights["w"]})
    assert constants(quantize(folder, twice, {"x": rand(4, 16, 60, 60)}, STEPS))["t"].dtype == np.float32
    kept = quantize(folder, model_of(text.format(n=42), weights), {"x": rand(20, 16, 42, 42)}, STEPS, target="ort-cpu-arm")
    assert constants(kept)["t"].dtype == np.float32


def loud_channel():
    """The second Conv makes one channel a thousand times as large as the others, which share its scale; the Tanh cuts it (behind a Neg, so that it does not cut the range)."""
    v = rand(8, 8, 3, 3) / 24
    v[3] *= 1000
    body = "a = Conv(x, w, b) r = Relu(a) c = Conv(r, v) n = Neg(c) t = Tanh(n) d = Conv(t, w, b) y = Conv(d, u)"
    return model_of(conv_text(body, "N,8,16,16"), {"w": CONVS["w"], "v": v, "b": CONVS["b"], "u": rand(8, 8, 3, 3) / 8})


FLOATS = "calibrate{means=true},insert-qdq{method=min-max,keep-floats=true},weight-bias,bias-correction"


def idle_pairs(model):
    """Pairs around which nothing computes in integers."""
    made = {o: n for n in model.graph.node for o in n.output}
    integer = {n.name for n in model.graph.node if n.op_type in ("Conv", "Gemm", "MatMul")
               and all(made.get(i) is not None and made[i].op_type == "DequantizeLinear" for i in n.input[:2])}
    idle = []
    for q in (n for n in model.graph.node if n.op_type == "QuantizeLinear"):
        front = made.get(q.input[0])
        while front is not None and front.op_type in ("Relu", "Clip", "MaxPool"):
            front = made.get(front.input[0])
        outs = {o for d in model.graph.node if q.output[0] in d.input for o in d.output}
        behind = {n.name for n in model.graph.node if outs & set(n.input)}
        if not (behind & integer or front is not None and front.name in integer):
            idle.append(q.name)
    return idle


def one_layer_back_to_float(folder):
    model, samples = loud_channel(), {"x": rand(20, 8, 16, 16)}
    before = quantize(folder, model, samples, FLOATS)
    after, told = quantized(folder, model, samples, FLOATS + ",float-layers")
    assert sqnr(model, before, samples) < 12 and sqnr(model, after, samples) > 25, (sqnr(model, before, samples), sqnr(model, after, samples))
    held = constants(after)
    floats = [n for n in after.graph.node if n.op_type == "Conv" and n.input[1] in held]
    assert len(floats) == 1 and (held[floats[0].input[1]] == constants(model)["v"]).all()
    assert len(floats[0].input) == 2, "a bias that corrections made"
    assert operators(after.graph).count("QuantizeLinear") == operators(before.graph).count("QuantizeLinear") - 1
    assert not idle_pairs(after), idle_pairs(after)
    assert all(any(t.name in n.input for n in after.graph.node) for t in after.graph.initializer), "idle initializers"
    assert "1 of 4 layers back to float, the last resort: SQNR of the outputs " in told and " kB more (" in told, told


def runs_are_bounded(folder):
    """A bound that cuts the search short is kept, and the loud layer is found all the same."""
    model, samples = loud_channel(), {"x": rand(20, 8, 16, 16)}
    n_runs = []
    for options in ("{threshold=40}", "{threshold=40,runs=16}"):
        _, told = quantized(folder, model, samples, FLOATS + ",float-layers" + options)
        after, runs, n_samples = re.search(r"SQNR of the outputs [\d.]+ -> ([\d.]+) dB.* \((\d+) runs of (\d+) samples\)", told).groups()
        assert float(after) > 25 and n_samples == "16", told
        n_runs.append(int(runs))
    assert n_runs[1] <= 16 < n_runs[0] <= 64, n_runs


def float_layers_need_no_order(folder):
    """The same bytes for any number of threads and any order of the samples; the account names the node, in JSON too."""
    model, x = loud_channel(), rand(20, 8, 16, 16)
    (folder / "in.onnx").write_bytes(model.SerializeToString())
    made = []
    for threads, samples in ((1, x), (3, x[::-1])):
        np.savez(folder / "data.npz", x=samples)
        r = subprocess.run([QUERN, "apply", folder / "in.onnx", "-o", folder / "out.onnx", "--passes", FLOATS + ",float-layers", "--data", folder / "data.npz",
                            "--threads", str(threads), "--no-provenance", "--json"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, r.stderr
        made.append((folder / "out.onnx").read_bytes())
        node, = json.loads(r.stdout)["stays_in_float"]
        assert node["operator"] == "Conv" and node["reason"].startswith("the last resort; the outputs have "), node
    assert made[0] == made[1]


def good_outputs_stay(folder):
    """Above the threshold, nothing is run and nothing changes."""
    model, samples = loud_channel(), {"x": rand(20, 8, 16, 16)}
    before = quantize(folder, model, samples, FLOATS)
    after, told = quantized(folder, model, samples, FLOATS + ",float-layers{threshold=-20}")
    assert before.graph == after.graph and "float-layers" not in told, told


def too_dear_is_undone(folder):
    model, samples = loud_channel(), {"x": rand(20, 8, 16, 16)}
    before = quantize(folder, model, samples, FLOATS)
    after, told = quantized(folder, model, samples, FLOATS + ",float-layers{most=0}")
    assert operators(before.graph) == operators(after.graph) and "all layers stay in integers: SQNR of the outputs" in told, told
    assert sorted(t.raw_data for t in before.graph.initializer) == sorted(t.raw_data for t in after.graph.initializer)


def all_layers_back_to_float(folder):
    """Nothing is left of integers, and of HardSwish in integers: all floats are what they were."""
    texts = ["a = Conv(x, w, b) h = HardSwish(a) y = Conv(h, v)",
             "a = Conv<pads = [1, 1, 1, 1]>(x, w, b) r = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(r, v) s = Add(c, r) t = Relu(s) "
             "p = MaxPool<kernel_shape = [2, 2]>(t) e = Concat<axis = 1>(p, p) y = Conv(e, z)"]
    for text in texts:
        model = model_of(conv_text(text), {**CONVS, **({"z": rand(4, 16, 1, 1)} if "(e, z)" in text else {})})
        samples = {"x": rand(20, 8, 8, 8)}
        steps = FLOATS.replace(",weight", ",integer-hardswish,weight") + ",float-layers{threshold=200,most=100,price=0}"
        for target in ("ort-cpu-x64", "tensorrt-10"):
            after = quantize(folder, model, samples, steps, target)
            assert not {"QuantizeLinear", "DequantizeLinear"} & set(operators(after.graph)), operators(after.graph)
            assert ("HardSwish" in operators(after.graph)) == ("HardSwish" in text)
            assert all(any(t.name in n.input for n in after.graph.node) for t in after.graph.initializer), "idle initializers"
            assert sqnr(model, after, samples) > 110, sqnr(model, after, samples)
            assert sorted(a.tobytes() for a in constants(after).values()) == sorted(a.tobytes() for a in constants(model).values() if a.size in (8, 64, 576))


def other_gates_are_no_hardswish(folder):
    """A Mul of codes and of the same codes with another scale, zero point or bound is no HardSwish when its layers go back to float."""
    held = {"s": np.float32(0.03), "z": np.uint8(100), "none": np.uint8(0), "three": np.uint8(3), "low": np.uint8(150), "g": np.float32(0.005), "h": np.float32(0.05)}
    for gate in ("DequantizeLinear(q, h, none)", "DequantizeLinear(q, g, three)", "DequantizeLinear(q, g, none)",
                 "Clip(q, none, low) k = DequantizeLinear(g0, g, none)"):
        gate = ("g0 = " if "Clip" in gate else "k = ") + gate
        model = model_of(conv_text(f"a = Conv(x, w, b) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) {gate} m = Mul(d, k) "
                                   "r = QuantizeLinear(m, s, z) e = DequantizeLinear(r, s, z) y = Conv(e, v)"),
                         {**CONVS, **{k: a for k, a in held.items() if re.search(rf"\b{k}\b", gate) or k in "sz"}})
        _, told = quantized(folder, model, {"x": rand(20, 8, 8, 8)}, FLOATS + ",float-layers{threshold=200,most=100,price=0}")
        before, after = re.search(r"SQNR of the outputs ([\d.]+) (?:dB, |-> )([\d.]+)", told).groups()
        assert float(after) > float(before) - 3, (gate, told)


def products_back_to_float(folder):
    """MatMul has no bias to correct: the outputs are run once to see that they are bad."""
    v = rand(16, 16) / 4
    v[15] = 0  # does not read the channel that is always 300
    model = model_of("g (float[N,12,16] x) => (float[N,12,16] y) { a = MatMul(x, w) b = Add(a, c) e = MatMul(b, v) t = Tanh(e) y = MatMul(t, w) }",
                     {"w": rand(16, 16) / 4, "v": v, "c": np.float32([0] * 15 + [300])})
    samples = {"x": rand(20, 12, 16)}
    before = quantize(folder, model, samples, FLOATS)
    after, told = quantized(folder, model, samples, FLOATS + ",float-layers")
    assert sqnr(model, before, samples) < 15 < sqnr(model, after, samples), (sqnr(model, before, samples), sqnr(model, after, samples))
    assert "back to float" in told and not idle_pairs(after), told


def peaks_of_answers_are_not_cut(folder):
    """In front of nothing but what rises with it up to an output the whole range is kept; in front of a product it is cut."""
    x = rand(20, 8, 8, 8)
    x[3, :, 4, 4] *= 30
    x[4] = x[3]  # two alike: nothing tells that others may go beyond
    w = {"w": np.eye(8, dtype=np.float32).reshape(8, 8, 1, 1), "v": rand(8, 8, 1, 1), "flat": np.array([0, -1]), "one": np.float32(1), "k": np.array([1])}
    for tail, kind, whole in (("a = LeakyRelu(c) r = Reshape(a, flat) y = Sigmoid(r)", "N,M", True), ("r = Reshape(c, flat) y, i = TopK(r, k)", "N,M", True),
                              ("a = Add(c, one) y = Softmax<axis = 1>(a)", "N,C,H,W", True), ("d = LeakyRelu(c) e = Conv(d, v) y = Neg(e)", "N,C,H,W", False)):
        after = quantize(folder, model_of(f"g (float[N,8,8,8] x) => (float[{kind}] y) {{ c = Conv(x, w) {tail} }}", w), {"x": x}, STEPS)
        made = {o: n.op_type for n in after.graph.node for o in n.output}
        q = next(n for n in after.graph.node if n.op_type == "QuantizeLinear" and made.get(n.input[0]) in ("Conv", "LeakyRelu"))
        reach = 255 * constants(after)[q.input[1]]
        assert (reach > 0.98 * (x.max() - x.min())) == whole, (tail, reach, x.max() - x.min())
        assert reach < 1.05 * (x.max() - x.min()), (tail, reach, x.max() - x.min())


def answers_widen_for_others_within_bounds(folder):
    """Of one value a channel in 20 samples others go beyond: the range of an answer leaves room, but not more than for that."""
    model = model_of("g (float[N,8,1,1] x) => (float[N,8,1,1] y) { c = Conv(x, w) y = Sigmoid(c) }", {"w": np.eye(8, dtype=np.float32).reshape(8, 8, 1, 1)})
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(20, 8, 1, 1)).astype(np.float32)
        after = quantize(folder, model, {"x": x}, STEPS)
        made = {o: n.op_type for n in after.graph.node for o in n.output}
        q = next(n for n in after.graph.node if n.op_type == "QuantizeLinear" and made.get(n.input[0]) == "Conv")
        wider = 255 * constants(after)[q.input[1]] / (x.max() - x.min())
        assert 1.05 < wider < 2.1, (seed, wider)


def moved_outputs_of_signed_codes(folder):
    """From opset 21 on ONNX Runtime, as it is by default on x86, takes int8 codes that move on to an output by a pair of ours alone. All stays in integers."""
    w, x = {"w": rand(8, 3, 3, 3)}, rand(20, 3, 8, 8)
    ints = {"last": [-1, 8], "zero": [0], "three": [3], "two": [2], "halves": [4, 4]}
    for op, sizes in (("Transpose<perm = [0,2,3,1]>(r)", "A,B,C,D"), ("Reshape(r, last)", "A,B"), ("Unsqueeze(r, zero)", "A,B,C,D,E"), ("Flatten(r)", "A,B"),
                      ("Slice(r, zero, three, two)", "A,B,C,D"), ("MaxPool<kernel_shape = [2,2], strides = [2,2]>(r)", "A,B,C,D"), ("Split<axis = 1>(r, halves)", "A,B,C,D")):
        ys = ["y", "z"] if "Split" in op else ["y"]
        text = f"g (float[N,3,8,8] x) => ({', '.join(f'float[{sizes}] {y}' for y in ys)}) {{ c = Conv(x, w) r = Relu(c) {', '.join(ys)} = {op} }}"
        model = model_of(text, w | {k: np.array(v, np.int64) for k, v in ints.items() if k in op}, opset=21)
        after = quantize(folder, model, {"x": x}, STEPS, target="ort-cpu-arm")
        made = {o: n.op_type for n in after.graph.node for o in n.output}
        assert [o.name for o in after.graph.output] == ys and all(made[y] == "DequantizeLinear" for y in ys), (op, operators(after.graph))
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(folder / "fused.onnx")
        session = ort.InferenceSession(after.SerializeToString(), options)
        got, want = session.run(None, {"x": x[:1]}), run(model, {"x": x[:1]})
        assert all(a.shape == b.shape and np.abs(a - b).max() < 0.05 * np.abs(b).max() for a, b in zip(got, want)), op
        fused = [n.op_type for n in onnx.load(folder / "fused.onnx").graph.node]
        assert "QLinearConv" in fused and fused[-1] == "DequantizeLinear", (op, fused)
        # Before it, and with unsigned codes, there is nothing to avoid.
        for opset, target in (20, "ort-cpu-arm"), (21, "ort-cpu-x64"):
            model.opset_import[0].version = opset
            plain = quantize(folder, model, {"x": x}, STEPS, target=target)
            assert operators(plain.graph)[-1] == op.split("(")[0].split("<")[0], (op, operators(plain.graph))


def moved_outputs_in_a_row(folder):
    """Movement of what moved: outputs on the way, other readers of them, a Q that is there anyway; all of it loads at the default level."""
    w, v, x = rand(8, 3, 3, 3), rand(4, 8, 3, 3), rand(20, 3, 8, 8)
    ints = {"flat": [0, -1], "zero": [0], "two": [2], "halves": [4, 4]}
    first, pool = "y = Transpose<perm = [0,2,3,1]>(r)", "y = MaxPool<kernel_shape = [2,2]>(r)"
    for body, ends, pairs in ((f"{first} z = Reshape(y, flat)", "yz", 2), (f"{pool} z = Transpose<perm = [0,2,3,1]>(y)", "yz", 2),
                              (f"{first} z = Reshape(y, flat) t = Transpose(z)", "yt", 3), (f"{first} z = Reshape(y, flat) t = Transpose(z)", "yzt", 3),
                              (f"{pool} z = MaxPool<kernel_shape = [2,2]>(y) t = Conv(z, v)", "yt", 2), (f"{pool} z = Reshape(y, flat) t = Neg(z)", "yt", 2),
                              ("y = Slice(r, zero, two, two) z = Slice(y, zero, two, two) t = Squeeze(z, zero)", "yt", 3),
                              ("y, z = Split<axis = 1>(r, halves) t = Transpose(z) u = Transpose(y)", "ytu", 4),
                              (f"{pool} c2 = Conv(y, v) z = Transpose(y) d = Relu(c2) t = Transpose(d)", "yzt", 3)):
        ranks = {"z": 4 if "z = T" in body else 2, "t": 2 if "Reshape" in body else 3 if "Squeeze" in body else 4}
        outs = ", ".join(f"float[{', '.join(f'{y}{i}' for i in range(ranks.get(y, 4)))}] {y}" for y in ends)
        used = {k: np.array(a, np.int64) for k, a in ints.items() if re.search(rf"\b{k}\b", body)} | ({"v": v} if ", v)" in body else {})
        model = model_of(f"g (float[N,3,8,8] x) => ({outs}) {{ c = Conv(x, w) r = Relu(c) {body} }}", {"w": w} | used, opset=21)
        after = quantize(folder, model, {"x": x}, STEPS, target="ort-cpu-arm")
        session = ort.InferenceSession(after.SerializeToString(), providers=["CPUExecutionProvider"])
        got, want = session.run(None, {"x": x[:1]}), run(model, {"x": x[:1]})
        assert all(a.shape == b.shape and np.abs(a - b).max() < 0.05 * np.abs(b).max() for a, b in zip(got, want)), body
        n = operators(after.graph).count("QuantizeLinear")
        assert n == 2 + pairs, (body, operators(after.graph))


def ragged_samples_are_not_old(folder):
    """Of samples that differ in the number of channels no file has second ends: it is not told that a new one would."""
    model = model_of("g (float[1,S,4] x) => (float[1,S,4] y) { t = Transpose<perm = [0,2,1]>(x) s = MatMul(x, t) p = Softmax(s) y = MatMul(p, x) }", {})
    source, data, new, old = folder / "in.onnx", folder / "data", folder / "stats", folder / "old"
    source.write_bytes(model.SerializeToString())
    data.mkdir()
    for i in range(20):
        np.savez(data / f"{i}.npz", x=rand(1, 3 + i % 4, 4))
    assert not subprocess.run([QUERN, "calibrate", source, "--data", data, "-o", new], capture_output=True, timeout=60).returncode
    subprocess.run([sys.executable, "-B", pathlib.Path(__file__).parent.parent / "cli" / "old_statistics.py", new, old], check=True)
    r = subprocess.run([QUERN, "quantize", source, "--stats", old, "-o", folder / "out.onnx"], capture_output=True, text=True, timeout=60)
    told = re.search("statistics of ([0-9]+) of ([0-9]+) values are of format 1", r.stderr)
    assert told and 0 < int(told[1]) < int(told[2]), r.stderr


def selu_of_negative_factors_has_no_end(folder):
    """Of a gamma below 0 the positive values go down without end."""
    model = model_of("g (float[N,8,1,1] x) => (float[N,8,1,1] y) { m = Selu<alpha = -1.0, gamma = -1.0>(x) y = Conv(m, w) }",
                     {"w": np.eye(8, dtype=np.float32).reshape(8, 8, 1, 1)})
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(20, 8, 1, 1)).astype(np.float32)
        after = quantize(folder, model, {"x": x}, STEPS)
        q = next(n for n in after.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "m")
        scale, zero = (float(constants(after)[k]) for k in q.input[1:])
        assert -zero * scale < -1.1 * x.max(), (seed, -zero * scale, x.max())


def room_ends_at_what_an_operator_can_give(folder):
    """Room for values that were not seen goes no further than the operator by its definition, also behind movement and means. Of 20 samples of one value
    a channel the highest lies below such an end."""
    w = {"w": np.eye(8, dtype=np.float32).reshape(8, 8, 1, 1)}
    for op, least, most in (("Sin(x)", -1, 1), ("Cos(x)", -1, 1), ("Erf(x)", -1, 1), ("Softsign(x)", -1, 1), ("Atan(x)", -np.pi / 2, np.pi / 2),
                            ("HardSwish(x)", -0.375, 99), ("Elu<alpha = 0.5>(x)", -0.5, 99), ("Celu<alpha = 0.5>(x)", -0.5, 99),
                            ("Selu(x)", -1.7581, 99), ("Sqrt(p)", 0, 99), ("GlobalAveragePool(t)", -1, 1), ("ReduceMax<axes = [2, 3]>(t)", -1, 1),
                            ("Sigmoid(x)", 0, 255 / 256), ("Tanh(x)", -1, 1)):
        model = model_of(f"g (float[N,8,1,1] x) => (float[N,8,1,1] y) {{ t = Sin(x) p = Abs(x) m = {op} y = Conv(m, w) }}", w)
        for seed in range(4):
            x = np.random.default_rng(seed).normal(size=(20, 8, 1, 1)).astype(np.float32)
            after = quantize(folder, model, {"x": x}, STEPS)
            q = next(n for n in after.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "m")
            scale, zero = (float(constants(after)[k]) for k in q.input[1:])
            lo, hi = -zero * scale, (255 - zero) * scale
            assert lo > least - scale and hi < most + scale, (op, seed, lo, hi)


CASES = [peaks_of_answers_are_not_cut, answers_widen_for_others_within_bounds, one_layer_back_to_float, runs_are_bounded, float_layers_need_no_order, good_outputs_stay, too_dear_is_undone, all_layers_back_to_float, other_gates_are_no_hardswish, products_back_to_float,
         outputs_stay_float, float_weights_are_stored_as_codes, conversions_are_counted, first_layers_are_slower, prelu_is_dear_in_float, figures_go_with_the_profile, filters_of_a_signal_stay_float, factors_pay_for_a_mul, sizes_follow_or_are_seen, volumes_are_slower, bias_of_two_axes, bias_of_three_axes, sum_of_two_products, prelu_joins_channels, silu_between_convolutions, silu_in_front_of_floats_stays, squeeze_and_excite_in_codes, joined_outputs_stay_apart, floats_join_codes,
         factors_do_not_break_a_silu, tables, shared_table_stays, integer_hardswish, hardswish_with_two_readers_stays, hardswish_stays_for_tensorrt,
         scalars_in_front_become_scales, scalars_read_elsewhere_stay, no_pair_overflows, few_weights_have_more_steps_to_choose_from, feedback_cuts_the_error, convolutions_choose_their_steps, products_come_before_convolutions,
         dead_channels_keep_their_bias, moved_outputs_of_signed_codes, moved_outputs_in_a_row, ragged_samples_are_not_old, selu_of_negative_factors_has_no_end,
         room_ends_at_what_an_operator_can_give]


def judge(cases):
    bad = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(pathlib.Path(folder))
            except Exception as e:
                bad += 1
                print(f"{case.__name__}: {type(e).__name__}: {e}")
    print(f"{len(cases) - bad} of {len(cases)} right")
    sys.exit(bad > 0)


if __name__ == "__main__":
    judge(CASES)
