"""Exports of the zoo, quantized with the data sets that come with them (sentences and images of several sizes): ONNX Runtime
loads and runs what comes out for each set, shapes are right, the answer stays near the float one, and each heavy node is in
integers or told of. One exporter a model; arguments: names of exports instead."""
import json
import os
import subprocess
import sys
import tempfile

from judging import heavy_nodes, np, numpy_helper, onnx, session, silent_floats
from shared import QUERN, SHARED, skip

ZOO = SHARED / "zoo"
LEAST = 15
LEAST_OF = {"nms_post": None}  # boxes that an other order of nearly equal scores picks
REFUSED = {"embedding_bag": "SequenceEmpty", "fakequant_transformer": "quantized already", "fp16_transformer": "half precision",
           "pt2e_static": "quantized already", "qat_cnn_pertensor": "quantized already"}


def tensor(path):
    t = onnx.TensorProto()
    t.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(t)


def compare(source, out, least):
    """Noise of each set against what the answers of all sets are like: weights are random, and an answer may be near 0."""
    a, b = session(source / "model.onnx"), session(out)
    wrong, lowest, pairs = [], np.inf, {}
    for folder in sorted(source.glob("test_data_set_*")):
        feed = {x.name: tensor(folder / f"input_{k}.pb") for k, x in enumerate(a.get_inputs())}
        for o, want, got in zip(a.get_outputs(), a.run(None, feed), b.run(None, feed)):
            if want.shape != got.shape or want.dtype != got.dtype:
                wrong.append(f"{folder.name}: {o.name}: {got.dtype}{got.shape}, needs {want.dtype}{want.shape}")
            elif want.dtype == np.float32 and least is not None:
                pairs.setdefault(o.name, []).append((folder.name, want.astype(np.float64), got))
    for name, sets in pairs.items():
        signal = np.mean([np.mean(want**2) for _, want, _ in sets])
        for folder, want, got in sets:
            noise = np.mean((want - got) ** 2)
            x = np.inf if noise == 0 else 10 * np.log10(signal / noise)
            lowest = min(x, lowest)
            if not x >= least:
                wrong.append(f"{folder}: {name}: {x:.1f} dB, needs {least}")
    return wrong, lowest


def judge(name, folder):
    base = name.split("__")[0]
    source, out = ZOO / name, os.path.join(folder, f"{name}.onnx")
    p = subprocess.run([QUERN, "quantize", source / "model.onnx", "-o", out, "--data", source, "--json"], capture_output=True, text=True, timeout=120)
    if p.returncode == 4 and REFUSED.get(base, "\0") in p.stderr.splitlines()[0]:
        return f"refused: {REFUSED[base]}", []
    if p.returncode != 0:
        return "", [f"exit {p.returncode}: {p.stderr.strip()}"]
    account = json.loads(p.stdout)
    nodes = heavy_nodes(onnx.load(out))
    wrong, lowest = compare(source, out, LEAST_OF.get(base, LEAST))
    return f"{sum(k for _, _, k in nodes)} of {len(nodes)} integer, at least {lowest:.1f} dB", wrong + silent_floats(nodes, account)


def main():
    if not ZOO.exists():
        skip(ZOO)
    names = sys.argv[1:]
    if not names:
        names = list({n.split("__")[0]: n for n in sorted((p.parent.name for p in ZOO.glob("*__*/model.onnx")), reverse=True)}.values())[::-1]
    n_wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            told, wrong = judge(name, folder)
            print(f"{name:32s} {told}")
            n_wrong += len(wrong)
            for text in wrong:
                print(f"FAILED {name}: {text}")
    print(f"{len(names)} exports, {n_wrong} failures")
    return n_wrong > 0


sys.exit(main())
