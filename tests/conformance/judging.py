"""Files that quern has quantized against their float models in ONNX Runtime: what the scripts that judge them share."""
from shared import skip

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import numpy_helper  # noqa: F401
except ImportError as e:
    skip(str(e))

HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def session(path, fused=True):
    options = onnxruntime.SessionOptions()
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def decibels(want, got):
    signal = noise = 0.0
    for a, b in zip(want, got):
        if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return -np.inf
        good = np.isfinite(a)
        d = a[good].astype(np.float64) - b[good]
        signal += float((a[good].astype(np.float64) ** 2).sum())
        noise += float((d ** 2).sum())
    return np.inf if noise == 0 else 10 * np.log10(max(signal, 1e-300) / noise)


def graphs(graph):
    yield graph
    for n in graph.node:
        for a in n.attribute:
            if a.HasField("g"):
                yield from graphs(a.g)


def heavy_nodes(model):
    """(name, operator, is integer) of each heavy node whose weights are constant."""
    out = []
    made = {o: n for g in graphs(model.graph) for n in g.node for o in n.output}
    held = {t.name for g in graphs(model.graph) for t in g.initializer}
    for n in (n for g in graphs(model.graph) for n in g.node if n.op_type in HEAVY):
        sources = [made.get(k) for k in n.input[:2]]
        dq = [s is not None and s.op_type == "DequantizeLinear" for s in sources]
        fixed = [k in held or (d and s.input[0] in held) or (s is not None and s.op_type == "Constant") for k, d, s in zip(n.input[:2], dq, sources)]
        if any(fixed):
            out.append((n.name, n.op_type, all(dq)))
    return out


def silent_floats(nodes, account):
    """What is wrong with an account that does not tell why nodes stay in float."""
    told = {s["node"] for s in account["stays_in_float"]}
    return [f"{op} '{name}' with constant weights is float without a word" for name, op, is_integer in nodes if not is_integer and name not in told]
