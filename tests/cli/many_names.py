#!/usr/bin/env python3
"""Jobs that look up names take time in proportion to how many there are: four times as many inputs and outputs, at most
eight times as long. Seconds of the processor, of two runs the lesser; what is quadratic takes sixteen times as long."""
import os
import resource
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import F2, graph, model, node, npy, value  # noqa: E402

SMALL, LARGE, FACTOR = 8000, 32000, 8.0


def write(n):
    """A chain and n nodes without connection, of which another model has inputs and outputs in the opposite order; their
    samples; recipes that name all of them."""
    ids = range(n)
    nodes = [node("Neg", [f"x{i}"], [f"y{i}"]) for i in ids]
    for name, order in ("there", ids), ("back", ids[::-1]):
        with open(f"{name}{n}.onnx", "wb") as f:
            f.write(model(graph(nodes, [value(f"x{i}") for i in order], [value(f"y{i}") for i in order])))
    with open(f"chain{n}.onnx", "wb") as f:
        f.write(model(graph([node("Neg", [f"h{i - 1}" if i else "x"], [f"h{i}"]) for i in ids] + [node("Neg", [f"h{n - 1}"], ["y"])])))
    with zipfile.ZipFile(f"{n}.npz", "w") as z:
        for i in ids:
            z.writestr(f"x{i}.npy", npy("(1, 2)", body=F2))
    back = ids[::-1]
    for name, step, items in (("cut", "cut: {outputs: [%s]}", (f"y{i}" for i in back)), ("add", "add-outputs: {values: [%s]}", (f"h{i}" for i in back)),
                              ("rename", "rename: {values: [%s]}", (f"y{i}=z{i}" for i in back)),
                              ("shapes", "set-shapes: {shapes: [%s]}", (f"'x{i}=1,2'" for i in back))):
        with open(f"{name}{n}.yaml", "w", encoding="utf-8") as f:
            f.write(f"quern: 1\nsteps:\n- {step % ','.join(items)}\n")


def seconds(*args):
    def spent():
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime

    least = 1e9
    for _ in range(2):
        before = spent()
        subprocess.run([os.environ["QUERN"], *args], check=True, stdout=subprocess.DEVNULL, timeout=120)
        least = min(least, spent() - before)
    return least


JOBS = {
    "run": "run there{n}.onnx --data {n}.npz",
    "compare": "compare there{n}.onnx back{n}.onnx --data {n}.npz",
    "cut": "apply there{n}.onnx -o out.onnx --config cut{n}.yaml",
    "rename": "apply there{n}.onnx -o out.onnx --config rename{n}.yaml",
    "set-shapes": "apply there{n}.onnx -o out.onnx --config shapes{n}.yaml",
    "add-outputs": "apply chain{n}.onnx -o out.onnx --config add{n}.yaml",
}
bad = 0
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write(SMALL)
    write(LARGE)
    for what, job in JOBS.items():
        few, many = (seconds(*job.format(n=n).split()) for n in (SMALL, LARGE))
        print(f"{what:12} {few:6.2f} s, {many:6.2f} s: {many / few:4.1f} times")
        bad += many > FACTOR * few
sys.exit(bad > 0)
