"""gemm-rows: MatMul of three axes as Gemm of rows; the numbers stay, and ONNX Runtime makes QGemm of all of them."""
import collections
import pathlib
import subprocess

from quantize import STEPS, judge, model_of, quantize, quantized
from support import QUERN, np, onnx, operators, ort, rand, run

D = 32
WEIGHTS = {"w": rand(D, D) / 4, "v": rand(D, 2 * D) / 4, "u": rand(2 * D, D) / 4, "b": rand(D), "c": rand(2 * D), "g": rand(D) + 1}


def kernels(folder, model):
    path = folder / "fused.onnx"
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path)
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return collections.Counter(n.op_type for n in onnx.load(path).graph.node)


def rows(folder, text, samples, reshapes, products, weights=None, opset=17, target="ort-cpu-x64"):
    """The model with and without the pass: the same outputs but for the rounding of biases, that many Reshapes more, all products QGemm."""
    model = model_of(text, {**WEIGHTS, **(weights or {})}, opset)
    plain = quantize(folder, model, samples, STEPS, target)
    after = quantize(folder, model, samples, STEPS + ",gemm-rows", target)
    one = {k: v[:3] for k, v in samples.items()}
    for want, got in zip(run(plain, one), run(after, one)):
        assert want.shape == got.shape, (want.shape, got.shape)
        assert np.abs(want - got).max() <= 2e-2 * np.abs(want).max(), np.abs(want - got).max()
    before, now = operators(plain.graph), operators(after.graph)
    assert now.count("Gemm") == products, now
    assert now.count("Reshape") - before.count("Reshape") == reshapes, (before, now)
    if products:
        assert kernels(folder, after)["QGemm"] == products, kernels(folder, after)
    return after


def feed_forward(folder):
    """A residual block: one Reshape where it begins and one where it ends, and the biases are int32."""
    after = rows(folder, "g (float[N,S,32] x) => (float[N,S,32] y) { n = LayerNormalization<axis = 2>(x, g) m = MatMul(n, v) a = Add(m, c) "
                         "r = Relu(a) p = MatMul(r, u) d = Add(p, b) y = Add(d, x) }", {"x": rand(20, 6, D)}, 2, 2)
    assert operators(after.graph).count("Add") == 1, operators(after.graph)
    types = {t.name: t.data_type for t in after.graph.initializer}
    made = {o: n for n in after.graph.node for o in n.output}
    assert all(types[made[n.input[2]].input[0]] == onnx.TensorProto.INT32 for n in after.graph.node if n.op_type == "Gemm")


ATTENTION = ("q = MatMul(x, w) k = Add(q, b) h = Reshape(k, heads) t = Transpose<perm = [0, 2, 1, 3]>(h) s = Transpose<perm = [0, 2, 3, 1]>(h) "
             "o = MatMul(t, s) e = Softmax(o) f = MatMul(e, t) i = Transpose<perm = [0, 2, 1, 3]>(f) j = Reshape(i, back) "
             "l = MatMul(j, w2) y = Add(l, x)")


def attention(folder):
    """Reshapes of attention take rows in and give them: with sizes to copy, which have to be computed, or none."""
    weights = {"w2": rand(D, D) / 4}
    for heads, back, size in (([0, 0, 4, 8], [0, 0, 32], "N,S"), ([0, -1, 4, 8], [0, 0, -1], "N,S"), ([0, 0, 4, 8], [-1, 6, 32], "N,6"),
                              ([0, 6, 4, 8], [0, 6, 32], "N,6")):
        more = {**weights, "heads": np.array(heads), "back": np.array(back)}
        for opset in (14, 17):
            after = rows(folder, f"g (float[{size},32] x) => (float[{size},32] y) {{ {ATTENTION} }}", {"x": rand(20, 6, D)}, 2, 2, more, opset)
            assert ("Shape" in operators(after.graph)) == (size == "N,S"), operators(after.graph)


def read_in_between(folder):
    """Values that others read with three axes are made again; codes by a DequantizeLinear of their own."""
    rows(folder, "g (float[N,S,32] x) => (float[N,S,64] m, float[N,S,32] y, float[N,32,32] z) { m = MatMul(x, v) r = Tanh(m) p = MatMul(r, u) y = MatMul(p, w) "
                 "t = Transpose<perm = [0, 2, 1]>(x) z = MatMul(t, x) }", {"x": rand(20, 6, D)}, 3, 3)
    rows(folder, "g (float[N,S,32] x) => (float[N,S,32] y, float[N,32] z) { a = MatMul(x, w) r = Relu(a) p = MatMul(r, v) q = MatMul(p, u) "
                 "o = MatMul(r, w) y = Add(q, o) s = ReduceMean<axes = [1], keepdims = 0>(r) z = Add(s, b) }",
         {"x": rand(20, 6, D)}, 3, 4)


def along_the_last_axis(folder):
    """Split, Concat and means over the last axis work on rows, of four axes too."""
    text = ("g (float[N,S,5,32] x) => (float[N,S,5,32] y) { m = MatMul(x, v) p, q = Split<axis = 3>(m) s = Sigmoid(q) r = Mul(p, s) "
            "a = ReduceMean<axes = [3]>(r) d = Sub(r, a) e = Concat<axis = -1>(d, r) y = MatMul(e, u) }")
    rows(folder, text, {"x": rand(20, 3, 5, D)}, 2, 2)
    rows(folder, text.replace("Split<axis = 3>(m)", "Split<axis = 3, num_outputs = 2>(m)").replace("<axes = [3]>(r)", "(r, ax)"),
         {"x": rand(20, 3, 5, D)}, 2, 2, {"ax": np.array([3])}, 18)


def stays(folder):
    """Not where more Reshapes would be needed than there are products, for other targets, or without codes."""
    text = "g (float[N,S,32] x) => (float[N,S,32] y) { m = MatMul(x, w) y = Add(m, b) }"
    rows(folder, text, {"x": rand(20, 6, D)}, 0, 0)
    block = "g (float[N,S,32] x) => (float[N,S,32] y) { a = MatMul(x, w) r = Relu(a) y = MatMul(r, w) }"
    rows(folder, block, {"x": rand(20, 6, D)}, 0, 0, target="tensorrt-10")
    # A summand with the sizes of three axes keeps its Add out: the region ends twice.
    rows(folder, "g (float[N,6,32] x) => (float[N,6,32] y) { m = MatMul(x, w) a = Add(m, p) r = Relu(a) y = MatMul(r, w) }",
         {"x": rand(20, 6, D)}, 0, 0, {"p": rand(1, 6, D)})


def large_bias_stays_float(folder):
    """A bias beyond int32 at the scale of the sums is added in float."""
    text = "g (float[N,S,32] x) => (float[N,S,32] y) { m = MatMul(x, w) a = Add(m, big) r = Tanh(a) y = MatMul(r, w) }"
    big = rand(D)
    big[3] = 1e7
    after = rows(folder, text, {"x": rand(20, 6, D) * np.float32(1e-2)}, 2, 2, {"big": big})
    assert "Add" in operators(after.graph), operators(after.graph)


def opset_13(folder):
    """Two sizes that are known when it runs cannot be written before opset 14; one can."""
    text = "g (float[N,S,32] x) => (float[N,S,32] y) { a = MatMul(x, w) r = Relu(a) y = MatMul(r, w) }"
    rows(folder, text, {"x": rand(20, 6, D)}, 0, 0, opset=13)
    rows(folder, text.replace("N,S", "N,6"), {"x": rand(20, 6, D)}, 2, 2, opset=13)


def read_by_others(folder):
    """A product that is an output as well as codes is in integers all the same; one that only a Q reads gets no Sum."""
    text = "g (float[N,32] x) => (float[N,64] m, float[N,32] y) { m = Gemm(x, v, c) r = Relu(m) y = Gemm(r, u) }"
    for body, sums in ((text, 1), (text.replace("r = Relu(m) y = Gemm(r, u)", "y = Gemm(m, u)"), 1), (text.replace("Relu(m)", "Clip(m, low, high)"), 1),
                       (text.replace("float[N,64] m, ", ""), 0), (text.replace("Relu", "Tanh"), 0)):
        after = quantize(folder, model_of(body, {**WEIGHTS, "low": np.float32(0), "high": np.float32(6)}), {"x": rand(20, D)}, STEPS + ",target-spelling")
        assert operators(after.graph).count("Sum") == sums, operators(after.graph)
        assert kernels(folder, after)["QGemm"] == 2, kernels(folder, after)


def speed_is_the_same(folder):
    """What estimate-speed tells does not change."""
    model = model_of("g (float[N,S,256] x) => (float[N,S,256] y) { a = MatMul(x, w) b = Relu(a) y = MatMul(b, w) }", {"w": rand(256, 256) / 16})
    told = []
    for rows_too in ("", "gemm-rows,"):
        _, text = quantized(folder, model, {"x": rand(20, 60, 256)}, f"observe-shapes,{STEPS},{rows_too}estimate-speed")
        told.append([line for line in text.splitlines() if "estimate-speed" in line])
    assert told[0] and told[0] == told[1], told


def zeros_spoil_no_bias(folder):
    """Weights and activations that are all zero have scales that mean nothing: a bias is not rounded to them."""
    bias = rand(D) * np.float32(1e-3)
    weights = {"w": rand(D, D) / 4, "u": np.zeros((D, D), np.float32), "b": bias, "c": bias}
    dead = {"w": rand(D, D) * np.float32(1e-3), "u": rand(D, D) / 4, "b": bias - 50, "c": bias}
    for held, shape, gemm in ((weights, "N,S,32", 2), (dead, "N,S,32", 2), (dead, "N,32", 2)):
        model = model_of(f"g (float[{shape}] x) => (float[{shape}] y) {{ m = MatMul(x, w) a = Add(m, b) r = Relu(a) p = MatMul(r, u) y = Add(p, c) }}", held)
        x = rand(20, 6, D) if "S" in shape else rand(20, D)
        after = quantize(folder, model, {"x": x}, "fuse-matmul-add," + STEPS + ",gemm-rows")
        want, got = run(model, {"x": x[:1]})[0], run(after, {"x": x[:1]})[0]
        assert operators(after.graph).count("Gemm") == gemm and np.abs(want - got).max() < 0.02 * np.abs(want).max(), (shape, np.abs(want - got).max())


CODES = {"xs": np.float32(0.02), "xz": np.uint8(128), "wq": np.eye(16, dtype=np.int8) * 9, "ws": np.float32(0.1), "wz": np.int8(0)}


def by_itself(folder, text, opset):
    """The pass alone on a model that is quantized already."""
    source, out = folder / "codes.onnx", folder / "rows.onnx"
    source.write_bytes(model_of(text, CODES, opset).SerializeToString())
    done = subprocess.run([QUERN, "apply", source, "-o", out, "--passes", "gemm-rows", "--target", "ort-cpu-x64"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = onnx.load(out)
    onnx.checker.check_model(after, full_check=True)
    return after


def quantized_models(folder):
    """Types of outputs, opsets whose Gemm needs a C, sizes of 0 that are known."""
    dq = "DequantizeLinear"
    product = "q{0} = QuantizeLinear({1}, xs, xz) d{0} = {2}(q{0}, xs, xz) w{0} = {2}(wq, ws, wz) m{0} = MatMul(d{0}, w{0})"
    two = f"{product.format(1, 'x', dq)} r = Relu(m1) {product.format(2, 'r', dq)}"
    text = f"g (float[N,S,16] x) => (float16[N,S,16] y) {{ {two} q3 = QuantizeLinear(m2, xs, xz) y = {dq}<output_dtype = 10>(q3, xs, xz) }}"
    after = by_itself(folder, text, 23)
    assert operators(after.graph).count("Gemm") == 2 and after.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    inferred = onnx.shape_inference.infer_shapes(after, strict_mode=True)
    assert inferred.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    plain = f"g (float[{{}},16] x) => (float[N,S,16] y) {{{{ {two} y = Neg(m2) }}}}"
    for size, opset, n in (("N,S", 10, 0), ("N,6", 11, 2), ("2,0", 17, 0), ("0,S", 17, 0)):
        after = by_itself(folder, plain.format(size), opset)
        assert operators(after.graph).count("Gemm") == n, (size, opset, operators(after.graph))


def nothing_in_it(folder):
    """Sizes of zero."""
    model = model_of("g (float[N,S,32] x) => (float[N,S,32] y) { a = MatMul(x, w) r = Relu(a) y = MatMul(r, w) }", WEIGHTS)
    after = quantize(folder, model, {"x": rand(20, 6, D)}, STEPS + ",gemm-rows")
    assert operators(after.graph).count("Gemm") == 2
    for shape in ((2, 0, D), (0, 3, D)):
        assert run(after, {"x": np.zeros(shape, np.float32)})[0].shape == shape


CASES = [feed_forward, attention, read_in_between, along_the_last_axis, stays, large_bias_stays_float, opset_13, read_by_others, speed_is_the_same, zeros_spoil_no_bias, quantized_models, nothing_in_it]

if __name__ == "__main__":
    judge(CASES)
