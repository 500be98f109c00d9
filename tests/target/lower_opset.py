"""lower-opset: what the older model computes, in ONNX's reference evaluator or ONNX Runtime and the opsets' own operators, is what the newer one did."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator
except ImportError:
    print("needs numpy, onnx and onnxruntime")
    sys.exit(77)


def model(nodes, outputs, opset, constants=(), shape=(2, 3, 7)):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    ys = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
    graph = helper.make_graph(nodes, "g", [x], ys, list(constants))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def cases():
    node = helper.make_node
    yield "gelu", model([node("Gelu", ["x"], ["y"], "n")], ["y"], 20)
    yield "gelu-tanh", model([node("Gelu", ["x"], ["y"], "n", approximate="tanh")], ["y"], 20)
    yield "mish", model([node("Mish", ["x"], ["y"], "n")], ["y"], 18)
    for more in {}, {"alpha": 0.7}:
        yield "swish", model([node("Swish", ["x"], ["y"], "n", **more)], ["y"], 24)
    for axis in -1, 1:
        scale = np.linspace(0.5, 2, 7 if axis == -1 else 21, dtype=np.float32).reshape((7,) if axis == -1 else (3, 7))
        yield "rms-norm", model([node("RMSNormalization", ["x", "scale"], ["y"], "n", axis=axis, epsilon=1e-3)], ["y"], 23,
                                [numpy_helper.from_array(scale, "scale")])
    for opset, n in (21, 6), (18, 2):
        numbers = [numpy_helper.from_array(np.linspace(0.5, 2, n, dtype=np.float32), v) for v in ("scale", "bias")]
        m = model([node("GroupNormalization", ["x", "scale", "bias"], ["y"], "n", num_groups=2, epsilon=0.1)], ["y"], opset, numbers,
                  shape=(2, 6, 3, 5))
        m.graph.output[0].type.CopyFrom(m.graph.input[0].type)  # onnx does not infer it
        yield f"group-norm-{opset}", m
    for op in ("ReduceMean", "ReduceMax", "ReduceL2", "ReduceSumSquare"):
        yield op, model([node(op, ["x", "axes"], ["y"], "n", keepdims=0)], ["y"], 18, [ints("axes", -1, 0)])
    yield "all-axes", model([node("ReduceMean", ["x"], ["y"], "n")], ["y"], 18)
    yield "split", model([node("Split", ["x"], ["a", "b", "c"], "n", axis=-1, num_outputs=3)], ["a", "b", "c"], 18)
    yield "split-input", model([node("Split", ["x", "parts"], ["a", "b"], "n", axis=2)], ["a", "b"], 18,
                               [ints("parts", 3, 4)])
    yield "pad", model([node("Pad", ["x", "pads"], ["y"], "n", mode="reflect")], ["y"], 20, [ints("pads", 0, 0, 1, 0, 0, 2)])
    images = {"opset": 20, "shape": (1, 2, 4, 5)}
    for mode in ("linear", "cubic", "nearest"):
        yield f"grid-{mode}", model([node("GridSample", ["x", "grid"], ["y"], "n", mode=mode)], ["y"], **images, constants=[
            numpy_helper.from_array(np.linspace(-0.9, 0.8, 18, dtype=np.float32).reshape(1, 3, 3, 2), "grid")])
    yield "resize", model([node("Resize", ["x", "", "scales"], ["y"], "n", mode="linear", antialias=0, keep_aspect_ratio_policy="stretch")], ["y"],
                          **images, constants=[numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")])
    yield "pool", model([node("AveragePool", ["x"], ["y"], "n", kernel_shape=[2, 2], dilations=[1, 1])], ["y"], **images)
    yield "lp-pool", model([node("LpPool", ["x"], ["y"], "n", kernel_shape=[2, 2], dilations=[1, 1], ceil_mode=0)], ["y"], **images)
    yield "saturate", model([node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16, saturate=1), node("Cast", ["h"], ["y"], to=TensorProto.FLOAT)], ["y"], 26)


def to_13():
    """What opsets 14 to 17 brought, and what lies above them."""
    node = helper.make_node
    numbers = [numpy_helper.from_array(np.linspace(0.5, 2, 7, dtype=np.float32), v) for v in ("scale", "bias")]
    yield "layer-norm", model([node("LayerNormalization", ["x", "scale", "bias"], ["y"], "n", epsilon=0.1)], ["y"], 17, numbers)
    yield "hard-swish", model([node("HardSwish", ["x"], ["y"], "n")], ["y"], 14)
    for part in {}, {"start": 1}, {"end": -1}, {"start": -2, "end": 2}, {"start": 2, "end": 1}:
        yield "shape", model([node("Shape", ["x"], ["s"], "n", **part), node("Cast", ["s"], ["y"], to=TensorProto.FLOAT)], ["y"], 15)
    yield "cast-like", model([node("Shape", ["x"], ["s"]), node("CastLike", ["s", "x"], ["y"], "n")], ["y"], 15)
    yield "scatter", model([node("ScatterND", ["x", "at", "bias"], ["y"], "n", reduction="none")], ["y"], 16, [ints("at", 1, 2), numbers[1]])
    yield "reshape", model([node("Reshape", ["x", "sizes"], ["y"], "n", allowzero=1)], ["y"], 14, [ints("sizes", 3, -1)])
    yield "reshape-zero", model([node("Reshape", ["x", "sizes"], ["y"], "n", allowzero=0)], ["y"], 14, [ints("sizes", 0, -1)])
    norm = [numpy_helper.from_array(np.array([1, 2, 0.5], np.float32), v) for v in "abcd"]
    yield "batch-norm", model([node("BatchNormalization", ["x", *"abcd"], ["y"], "n", training_mode=0)], ["y"], 15, norm)
    weights = [numpy_helper.from_array(np.sin(np.arange(12 * k, dtype=np.float32)).reshape(1, 12, k), v) for v, k in (("w", 7), ("r", 3))]
    yield "lstm", model([node("LSTM", ["x", "w", "r"], ["y"], "n", hidden_size=3, layout=0)], ["y"], 14, weights)
    yield "rms-norm", model([node("RMSNormalization", ["x", "scale"], ["y"], "n")], ["y"], 23, numbers[:1])
    heads = {"shape": (2, 2, 3, 4)}
    yield "attention", model([node("Attention", ["x", "x", "x"], ["y"], "n", is_causal=1)], ["y"], 24, **heads)
    cache = [numpy_helper.from_array(f(np.arange(12, dtype=np.float32)).reshape(2, 3, 2), v) for v, f in (("cos", np.cos), ("sin", np.sin))]
    yield "rotary", model([node("RotaryEmbedding", ["x", "cos", "sin"], ["y"], "n")], ["y"], 23, cache, **heads)


def refused_to_13():
    node = helper.make_node
    two = numpy_helper.from_array(np.ones((1, 7), np.float32), "two")
    yield "ScatterND", model([node("ScatterND", ["x", "at", "two"], ["y"], "n", reduction="add")], ["y"], 16, [ints("at", 1, 2), two]), "'reduction'"
    yield "Reshape", model([node("Reshape", ["x", "sizes"], ["y"], "n", allowzero=1)], ["y"], 14, [ints("sizes", 5, 0)], shape=(0, 3, 7)), "may mean 0"
    yield "Trilu", model([node("Trilu", ["x"], ["y"], "n")], ["y"], 14), "newer"
    weights = [numpy_helper.from_array(np.ones((1, 3, k), np.float32), v) for v, k in (("w", 7), ("r", 3))]
    yield "RNN", model([node("RNN", ["x", "w", "r"], ["y"], "n", hidden_size=3, layout=1)], ["y"], 14, weights), "layout"
    yield "LayerNormalization", model([node("LayerNormalization", ["x", "s"], ["y", "m"], "n")], ["y", "m"], 17,
                                      [numpy_helper.from_array(np.ones(7, np.float32), "s")]), "is read"


def refused():
    node = helper.make_node
    yield "BitwiseNot", model([node("Cast", ["x"], ["i"], to=TensorProto.INT32), node("BitwiseNot", ["i"], ["j"], "n"),
                               node("Cast", ["j"], ["y"], to=TensorProto.FLOAT)], ["y"], 18), "newer"
    yield "Pad", model([node("Pad", ["x", "pads"], ["y"], "n", mode="wrap")], ["y"], 19,
                       [ints("pads", 0, 0, 1, 0, 0, 2)]), "mode wrap"
    yield "ReduceMean", model([node("ReduceMean", ["x"], ["y"], "n", noop_with_empty_axes=1)], ["y"], 18), "nothing"
    yield "Resize", model([node("Resize", ["x", "", "scales"], ["y"], "n", mode="linear", antialias=1)], ["y"], 18,
                          [numpy_helper.from_array(np.array([1, 1, 0.5], np.float32), "scales")]), "antialias"
    yield "Split", model([node("Split", ["x"], ["a", "b"], "n", axis=2, num_outputs=2)], ["a", "b"], 18,
                         shape=(2, 3, "n")), "not known"
    yield "RMSNormalization", model([node("RMSNormalization", ["x", "scale"], ["h"], "n"), node("Cast", ["h"], ["y"], to=TensorProto.FLOAT)], ["y"], 23,
                                    [numpy_helper.from_array(np.ones(7, np.float16), "scale")]), "its scale has another type"
    yield "LpPool", model([node("LpPool", ["x"], ["y"], "n", kernel_shape=[2], ceil_mode=1)], ["y"], 18), "'ceil_mode' is newer"
    yield "CumProd", model([node("CumProd", ["x", "axis"], ["y"], "n")], ["y"], 26, [numpy_helper.from_array(np.array(1), "axis")]), "newer"


def refused_between():
    """Not what is new at the lower opset, but means something else there."""
    node = helper.make_node
    ones = [numpy_helper.from_array(np.ones(4, np.float32), name) for name in ("scale", "bias")]
    yield 20, "GroupNormalization", model([node("GroupNormalization", ["x", "scale", "bias"], ["y"], "n", num_groups=2, stash_type=11)], ["y"], 21,
                                          ones, shape=(1, 4, 3)), "its rank or groups are not known, or it computes in another type than float"
    yield 23, "Attention", model([node("Attention", ["x", "x", "x", "", "", "", "lengths"], ["y"], "n")], ["y"], 24, [ints("lengths", 3)],
                                 shape=(1, 2, 3, 4)), "cache"
    yield 21, "DequantizeLinear", model([node("Cast", ["x"], ["c"], to=TensorProto.INT8), node("DequantizeLinear", ["c", "scale"], ["y"], "n", output_dtype=1)],
                                        ["y"], 23, [numpy_helper.from_array(np.float32(1), "scale")]), "'output_dtype' is newer"


def refused_types():
    """In bfloat16, which comes from a Cast, as onnx has it: chains of operators that took it later, operators that did themselves."""
    node, half = helper.make_node, TensorProto.BFLOAT16
    scale = [helper.make_tensor("scale", half, [4], np.ones(4))]
    for to, op, shape, opset, inputs, why in (
            (20, "GroupNormalization", (1, 4, 3), 21, ["scale", "scale"], "InstanceNormalization of opset 21 has no bfloat16"),
            (15, "GroupNormalization", (1, 4, 3), 21, ["scale", "scale"], "InstanceNormalization of opset 21 has no bfloat16"),
            (15, "Attention", (1, 2, 3, 4), 23, ["h", "h", "mask"], "Where of opset 15 has no bfloat16"),
            (13, "HardSigmoid", (2, 3), 22, [], "HardSigmoid of opset 13 has no bfloat16"),
            (13, "HardSwish", (2, 3), 22, [], "HardSigmoid of opset 21 has no bfloat16"),
            (18, "Mish", (2, 3), 22, [], "Mish of opset 18 has no bfloat16"),
            (21, "Softplus", (2, 3), 22, [], "Softplus of opset 21 has no bfloat16")):
        mask = [helper.make_tensor("mask", TensorProto.BOOL, [3, 3], np.tri(3, dtype=bool))] if "mask" in inputs else []
        more = {"num_groups": 2} if op == "GroupNormalization" else {}
        nodes = [node("Cast", ["x"], ["h"], to=half), node(op, ["h", *inputs], ["k"], "n", **more), node("Cast", ["k"], ["y"], to=TensorProto.FLOAT)]
        yield to, op, model(nodes, ["y"], opset, scale * ("scale" in inputs) + mask, shape), why


def lower(work, m, wanted, to=17):
    into, out = os.path.join(work, "in.onnx"), os.path.join(work, "out.onnx")
    onnx.save(m, into)
    if os.path.exists(out):
        os.remove(out)
    done = subprocess.run([os.environ["QUERN"], "apply", into, "-o", out, "--passes", f"lower-opset{{opset={to}}}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != wanted:
        sys.exit(f"exit {done.returncode}, wanted {wanted}: {done.stderr}")
    return done.stderr if wanted else onnx.load(out)


def run(m, x):
    # The reference evaluator knows new names of modes alone, and takes BatchNormalization 9 for training.
    if m.graph.node[0].op_type in ("GridSample", "BatchNormalization"):
        return onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return ReferenceEvaluator(m).run(None, {"x": x})


def main():
    random = np.random.RandomState(3)
    with tempfile.TemporaryDirectory() as work:
        for to, name, m in [*((17, *c) for c in cases()), *((13, *c) for c in to_13())]:
            low = lower(work, m, 0, to)
            onnx.checker.check_model(low, full_check=True)
            assert low.opset_import[0].version == to, name
            shape = [d.dim_value for d in m.graph.input[0].type.tensor_type.shape.dim]
            x = random.randn(*shape).astype(np.float32) * 3
            want, got = run(m, x), run(low, x)
            for a, b in zip(want, got, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6, err_msg=name)
        for to, op, m, why in [*((17, *r) for r in refused()), *((13, *r) for r in refused_to_13()), *refused_between(), *refused_types()]:
            said = lower(work, m, 4, to)
            assert "'n'" in said and op in said and why in said, said
    print(f"{len([*cases(), *to_13()])} models lowered, {len([*refused(), *refused_to_13()])} refused")


main()
