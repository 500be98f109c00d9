"""The quantization passes on small graphs: what they write, and how near ONNX Runtime's answer stays to the float one."""
import pathlib
import subprocess
import tempfile

from support import QUERN, np, numpy_helper, onnx, operators, rand, run, sys

STEPS = "calibrate{means=true},insert-qdq"


def model_of(text, weights, opset=17):
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    del model.graph.value_info[:]
    for name, array in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    return model


def quantize(folder, model, samples, passes, target="ort-cpu-x64"):
    """The model after passes that calibrate on samples (name -> array with the samples in front)."""
    source, data, out = folder / "in.onnx", folder / "data.npz", folder / "out.onnx"
    source.write_bytes(model.SerializeToString())
    np.savez(data, **samples)
    r = subprocess.run([QUERN, "apply", source, "-o", out, "--passes", passes, "--data", data, "--target", target],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    after = onnx.load(out)
    onnx.checker.check_model(after, full_check=True)
    return after


def sqnr(model, after, samples):
    noise = signal = 0.0
    for i in range(len(next(iter(samples.values())))):
        feeds = {k: v[i:i + 1] for k, v in samples.items()}
        want, got = run(model, feeds)[0].astype(np.float64), run(after, feeds)[0]
        signal += (want ** 2).sum()
        noise += ((want - got) ** 2).sum()
    return 10 * np.log10(signal / noise)


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


CASES = [tables, shared_table_stays, integer_hardswish, hardswish_with_two_readers_stays, hardswish_stays_for_tensorrt,
         scalars_in_front_become_scales, scalars_read_elsewhere_stay, no_pair_overflows, feedback_cuts_the_error]


def judge():
    bad = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(pathlib.Path(folder))
            except Exception as e:
                bad += 1
                print(f"{case.__name__}: {type(e).__name__}: {e}")
    print(f"{len(CASES) - bad} of {len(CASES)} right")
    sys.exit(bad > 0)


if __name__ == "__main__":
    judge()
