#!/usr/bin/env python3
"""The same bytes come out for 1, 2 and 4 threads, for samples in another order
and for another run."""
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

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


def main():
    name, descr, shape, parts = samples()
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/a.npz", name, descr, shape, parts)
        random.Random(3).shuffle(parts)
        write(f"{folder}/b.npz", name, descr, shape, parts)
        outputs = {}
        for data, threads, run in (("a", 1, 1), ("a", 2, 1), ("a", 4, 1), ("a", 2, 2), ("b", 1, 1), ("b", 4, 1)):
            out = f"{folder}/out.onnx"
            p = subprocess.run([QUERN, "quantize", f"{SOURCE}/model.onnx", "-o", out, "--data", f"{folder}/{data}.npz", "--threads", str(threads), "-q"],
                               capture_output=True, text=True)
            if p.returncode != 0:
                print(p.stderr)
                return 1
            with open(out, "rb") as f:
                outputs[f"order {data}, {threads} threads, run {run}"] = f.read()
    first = next(iter(outputs.values()))
    wrong = [what for what, data in outputs.items() if data != first]
    for what in wrong:
        print("other bytes:", what)
    print(f"{len(outputs)} runs, {len(wrong)} differ")
    return 1 if wrong or len(first) < 50000 else 0


sys.exit(main())
