#!/usr/bin/env python3
"""The same bytes come out for 1, 2 and 4 threads, for samples in another order
and for another run; of images, and of sentences of different lengths."""
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import graph, model, node, npy, tensor, value  # noqa: E402

QUERN = os.environ["QUERN"]
SOURCE = os.path.join(os.environ["QUERN_TESTDATA"], "digits-mobilenet")
SAMPLES = 24


def samples():
    """Bytes of the first samples, and what the header says of one."""
    with zipfile.ZipFile(f"{SOURCE}/calib.npz") as z:
        name = z.namelist()[0]
        data = z.read(name)
    size, = struct.unpack("<H", data[8:10])
    head = eval(data[10:10 + size])  # a dict literal of our own test data
    shape = head["shape"]
    body = data[10 + size:]
    step = len(body) // shape[0]
    return name, head["descr"], shape[1:], [body[i * step:(i + 1) * step] for i in range(SAMPLES)]


def write(path, name, descr, shape, parts):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {(len(parts), *shape)}, }}\n".encode()
    with zipfile.ZipFile(path, "w") as z:
        z.writestr(name, b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + b"".join(parts))


def quantize(model, data, out, threads):
    p = subprocess.run([QUERN, "quantize", model, "-o", out, "--data", data, "--threads", str(threads), "-q"], capture_output=True, text=True)
    if p.returncode != 0:
        sys.exit(p.stderr)
    with open(out, "rb") as f:
        return f.read()


def images(folder):
    name, descr, shape, parts = samples()
    write(f"{folder}/a.npz", name, descr, shape, parts)
    random.Random(3).shuffle(parts)
    write(f"{folder}/b.npz", name, descr, shape, parts)
    return {f"order {d}, {t} threads, run {r}": quantize(f"{SOURCE}/model.onnx", f"{folder}/{d}.npz", f"{folder}/out.onnx", t)
            for d, t, r in (("a", 1, 1), ("a", 2, 1), ("a", 4, 1), ("a", 2, 2), ("b", 1, 1), ("b", 4, 1))}


def sentences(folder):
    """Samples of different lengths, a file each: what was channels in one is none in the next."""
    r = random.Random(5)
    w = tensor("w", [4, 4], struct.pack("<16f", *(r.gauss(0, 1) for _ in range(16))))
    nodes = [node("Add", ["x", "x"], ["a"]), node("MatMul", ["a", "w"], ["h"]), node("Relu", ["h"], ["k"]), node("MatMul", ["k", "w"], ["y"])]
    with open(f"{folder}/model.onnx", "wb") as f:
        f.write(model(graph(nodes, [value("x", ["N", "S", 4])], [value("y", ["N", "S", 4])], init=[w])))
    lengths = [1, 5, 3, 1, 4, 7, 2, 9, 1, 6] * 2
    parts = [struct.pack(f"<{4 * n}f", *(r.gauss(0, 1) for _ in range(4 * n))) for n in lengths]
    for order, numbers in (("forth", range(len(parts))), ("back", reversed(range(len(parts))))):
        os.mkdir(f"{folder}/{order}")
        for at, k in enumerate(numbers):
            with open(f"{folder}/{order}/{at:02}.npy", "wb") as f:
                f.write(npy(f"(1, {lengths[k]}, 4)", body=parts[k]))
    return {f"order {d}, {t} threads": quantize(f"{folder}/model.onnx", f"{folder}/{d}", f"{folder}/out.onnx", t)
            for d in ("forth", "back") for t in (1, 2, 4)}


def main():
    n_wrong = 0
    for kind, least in ((images, 50000), (sentences, 500)):
        with tempfile.TemporaryDirectory() as folder:
            outputs = kind(folder)
        first = next(iter(outputs.values()))
        wrong = [what for what, data in outputs.items() if data != first or len(data) < least]
        n_wrong += len(wrong)
        for what in wrong:
            print(f"{kind.__name__}: other bytes: {what}")
        print(f"{kind.__name__}: {len(outputs)} runs, {len(wrong)} differ")
    return 1 if n_wrong else 0


sys.exit(main())
