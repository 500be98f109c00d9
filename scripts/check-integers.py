#!/usr/bin/env python3
"""Whether what quern quantizes runs in integers: each Conv, Gemm and MatMul between codes is an integer kernel in ONNX Runtime.

Usage: scripts/check-integers.py QUERN FOLDER [--every N]
FOLDER holds folders with model.onnx and calib.npz or a test_data_set_0, which calibrates. Each model is quantized for ort-cpu-x64;
in the file, the Conv, Gemm and MatMul that read x and weights from a DequantizeLinear are counted (a Conv with weights stored as
codes and no Q behind it is meant to be float: not counted), and in what ONNX Runtime makes of it, the integer kernels. A line for
each model where they differ or that is refused, the totals last. Exit 1 where they differ, a file does not load, or quern fails
other than by refusing a model that is quantized or has an input it cannot calibrate.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

import onnx
import onnxruntime as ort

KERNELS = {"Conv": ("QLinearConv",), "product": ("QGemm", "QLinearMatMul", "MatMulIntegerToFloat")}
REFUSED = (4,)


def wanted(graph):
    """Nodes that read codes and that a Q stands behind where a Conv needs one."""
    made = {o: n.op_type for n in graph.node for o in n.output}
    readers = collections.defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def has_q(name):
        return bool(readers[name]) and all(r.op_type == "QuantizeLinear" or (r.op_type in ("Relu", "Clip") and has_q(r.output[0]))
                                           for r in readers[name])

    return collections.Counter(
        "Conv" if n.op_type == "Conv" else "product" for n in graph.node
        if n.op_type in ("Conv", "Gemm", "MatMul") and all(made.get(v) == "DequantizeLinear" for v in n.input[:2]) and
        (n.op_type != "Conv" or has_q(n.output[0])))


def kernels(model, folder):
    fused = folder / "fused.onnx"
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(fused)
    ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return collections.Counter(n.op_type for n in onnx.load(fused, load_external_data=False).graph.node)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("quern")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--every", type=int, default=1, help="only every N-th model")
    a = p.parse_args()
    models = sorted(d for d in a.folder.iterdir() if (d / "model.onnx").exists())[::a.every]
    counts = collections.Counter()
    for folder in models:
        data = folder / "calib.npz" if (folder / "calib.npz").exists() else folder / "test_data_set_0"
        with tempfile.TemporaryDirectory() as out:
            out = pathlib.Path(out)
            done = subprocess.run([a.quern, "quantize", folder / "model.onnx", "-o", out / "q.onnx", "--data", data, "--target", "ort-cpu-x64",
                                   "--no-refine"], capture_output=True, text=True)
            if done.returncode:
                counts["refused" if done.returncode in REFUSED else "failed"] += 1
                print(f"{folder.name}: exit {done.returncode}: {(done.stderr.strip().splitlines() or ['nothing said'])[0]}")
                continue
            try:
                want, got = wanted(onnx.load(out / "q.onnx", load_external_data=False).graph), kernels(out / "q.onnx", out)
            except Exception as e:
                counts["failed"] += 1
                print(f"{folder.name}: {str(e).splitlines()[0]}")
                continue
            counts["models"] += 1
            counts["nodes"] += sum(want.values())
            have = {kind: sum(got[k] for k in names) for kind, names in KERNELS.items()}
            if any(have[kind] != want[kind] for kind in KERNELS):
                counts["different"] += 1
                print(f"{folder.name}: {dict(want)} between codes, integer kernels of {have}: {dict(got)}")
    print(f"{counts['models']} models, {counts['nodes']} nodes between codes; {counts['different']} models differ, {counts['failed']} failed, "
          f"{counts['refused']} refused")
    sys.exit(counts["different"] + counts["failed"] > 0 or counts["models"] == 0)


if __name__ == "__main__":
    main()
