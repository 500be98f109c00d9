#!/usr/bin/env python3
"""--json of every verb: one valid JSON value on stdout and nothing else; progress goes to a terminal on stderr alone."""
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import F2, graph, model, node, npy, tensor  # noqa: E402

QUERN = os.environ["QUERN"]
DIGITS = os.path.join(os.environ["QUERN_TESTDATA"], "digits-mobilenet")
failures = []
n_checks = 0


def check(what, good, told=""):
    global n_checks
    n_checks += 1
    if not good:
        failures.append(what)
        print("FAILED:", what, told)


def constant(text):
    raise ValueError(f"{text} is no JSON")


def result(args, status, keys, kind=dict):
    """What the verb prints, which holds the keys."""
    p = subprocess.run([QUERN, *args, "--json"], capture_output=True, text=True, timeout=120)
    what = "quern " + " ".join(args)
    check(f"{what}: exit code {p.returncode}, needs {status}", p.returncode == status, p.stderr)
    try:
        value = json.loads(p.stdout, parse_constant=constant)
    except ValueError as e:
        check(f"{what}: {e}", False, p.stdout[:300])
        return kind()
    items = value if kind is list else [value]
    check(f"{what}: is a {type(value).__name__}, needs a {kind.__name__}", isinstance(value, kind) and len(items) > 0)
    for item in items:
        check(f"{what}: lacks {sorted(set(keys) - set(item))}", set(keys) <= set(item))
    loud = [s for s in p.stderr.splitlines() if not s.startswith(("warning", "note", "error"))]
    check(f"{what}: {loud} on stderr", not loud)
    return value


def refused(args, text):
    p = subprocess.run([QUERN, *args, "--json"], capture_output=True, text=True, timeout=120)
    check(f"quern {' '.join(args)}: needs exit code 2 and '{text}'", p.returncode == 2 and text in p.stderr and not p.stdout, p.stderr)
    check(f"quern {' '.join(args)}: one error", p.stderr.count("error[") == 1, p.stderr)


def verbs():
    data = ["--data", "x.npz"]
    target = ["name", "summary", "runtime", "opset", "activations", "weights", "bias", "operators", "notes"]
    every = result(["targets"], 0, target, list)
    check("targets: six profiles", len(every) == 6)
    for t in every:
        check(f"targets {t['name']}: the same alone", result(["targets", t["name"]], 0, target) == t)
    passes = result(["passes"], 0, ["passes", "groups"])
    name = passes["passes"][0]["name"]
    result(["passes", name], 0, ["name", "summary", "contract", "options"])
    result(["doctor"], 0, ["version", "threads", "embedded_engine", "onnx_runtime"])
    result(["inspect", "m.onnx"], 0, ["model", "opsets", "inputs", "outputs", "operators", "parameters"])
    o = result(["check", "m.onnx"], 0, ["model", "errors", "warnings", "findings"])
    check("check: no errors", o.get("errors") == 0)
    o = result(["check", "bad.onnx"], 1, ["model", "errors", "warnings", "findings"])
    check("check: errors are counted and listed", o.get("errors", 0) > 0 and len(o["findings"]) >= o["errors"])
    account = ["quern", "verb", "input", "output", "bytes", "nodes", "operators", "unknown_operators", "steps", "seconds", "warnings"]
    o = result(["optimize", "m.onnx", "-o", "o.onnx"], 0, account)
    check("optimize: no unknown operators", o.get("unknown_operators") == [])
    result(["apply", "m.onnx", "-o", "o.onnx", "--passes", "drop-dead"], 0, account)
    o = result(["apply", "odd.onnx", "-o", "o.onnx", "--passes", "drop-dead", "-v"], 0, account)
    check("apply: an unknown operator", [u["operator"] for u in o.get("unknown_operators", [])] == ["com.acme.Odd"])
    o = result(["quantize", "m.onnx", "-o", "q.onnx", *data], 0, [*account, "target", "error", "stays_in_float"])
    check("quantize: under 16 samples nothing is kept apart", o["error"]["kept_apart"] is False)
    result(["compare", "m.onnx", "q.onnx", *data], 0, ["samples", "engine", "outputs"])
    o = result(["compare", "m.onnx", "q.onnx", "--per-layer", *data], 0, ["samples", "outputs", "layers"])
    o = result(["compare", "m.onnx", "m.onnx", *data], 0, ["samples", "engine", "outputs"])
    check("compare with itself: no number for infinite decibels", o["outputs"][0]["equal"] is True and o["outputs"][0]["sqnr_db"] is None)
    p = subprocess.run([QUERN, "compare", "relu.onnx", "log.onnx", *data, "--min-sqnr", "1", "--json"], capture_output=True, text=True)
    o = json.loads(p.stdout)["outputs"][0]
    check("compare: infinities on one side are not equal", p.returncode == 1 and o["equal"] is False and o["mismatched_nan"] == 4, p.stdout)
    check("compare: infinities on one side are told", "no: y: 4 values are NaN or infinite on one side only" in p.stderr, p.stderr)
    result(["run", "m.onnx", "-o", "y.npz", *data], 0, ["samples", "engine", "output"])
    result(["run", "m.onnx", "--profile", *data], 0, ["nodes", "operators", "milliseconds"])
    result(["calibrate", "m.onnx", "-o", "m.stats", *data], 0, ["input", "output", "data"])
    os.mkfifo("fifo")
    p = subprocess.Popen([QUERN, "calibrate", "m.onnx", "-q", "-o", "fifo", *data], stdout=subprocess.DEVNULL)
    with open("fifo", "rb") as f:
        check("calibrate: into a pipe that stays one", f.read() == open("m.stats", "rb").read() and stat.S_ISFIFO(os.stat("fifo").st_mode))
    check("calibrate: a pipe is written", p.wait() == 0)
    # Not one value of this model has statistics: the file says so much.
    result(["calibrate", "relu.onnx", "-o", "relu.stats", *data], 0, ["input", "output", "data"])
    result(["convert", "m.onnx", "-o", "c.onnx"], 0, ["input", "output", "bytes"])
    refused(["inspect", "m.onnx", "--text"], "--json goes with neither --text nor --dot")
    refused(["quantize", "m.onnx", "-o", "q.onnx", "--print-config", *data], "--print-config is YAML")
    refused(["apply", "m.onnx", "--passes", "drop-dead", "--explain", "drop-dead", "--node", "product"], "--explain is text")


def progress():
    """A terminal for messages, a pipe for results; over a second of work."""
    master, slave = pty.openpty()
    args = [QUERN, "quantize", f"{DIGITS}/model.onnx", "-o", "p.onnx", "--data", f"{DIGITS}/calib.npz", "--threads", "1", "--json"]
    out = open("stdout.json", "wb")
    p = subprocess.Popen(args, stdout=out, stderr=slave)
    os.close(slave)
    told = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        told += piece
    p.wait(timeout=120)
    out.close()
    seconds = json.load(open("stdout.json"))["seconds"]
    check("progress: exit code", p.returncode == 0, told)
    check(f"progress on the terminal after {seconds:.1f} s", seconds < 1.2 or b"\r\x1b[K" in told, told)
    rest = told.split(b"\r\x1b[K")[-1]
    check("progress is wiped at the end", rest == b"" or rest.startswith(b"warning"), told)


def lost():
    """Results that cannot be written are an error."""
    told = "error[io]: standard output cannot be written\n"
    for args, note in ((["targets", "--json"], ""), (["--help"], ""), (["--version"], ""), (["passes"], ""), (["passes", "fold"], ""), (["run", "--help"], ""),
                       (["run", "-?"], ""), (["optimize", "--usage"], ""),
                       (["optimize", "m.onnx", "-o", "lost.onnx", "--json"], "note: 'lost.onnx' is written all the same\n"),
                       (["convert", "m.onnx", "-o", "lost.onnx", "--json"], "note: 'lost.onnx' is written all the same\n"),
                       (["run", "m.onnx", "--data", "x.npz", "-o", "lost.npz"], "note: 'lost.npz' is written all the same\n")):
        with open("/dev/full", "wb") as full:
            p = subprocess.run([QUERN, *args], stdout=full, stderr=subprocess.PIPE, text=True)
        check(f"a full stdout, {' '.join(args)}: exit code 5 and a line", p.returncode == 5 and p.stderr == told + note, p.stderr)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    w = tensor("w", [2, 2], F2 * 2)
    product = node("MatMul", ["x", "w"], ["h"], name="product")
    for name, nodes, domains in (("m", [product, node("Relu", ["h"], ["y"])], []), ("relu", [node("Relu", ["x"], ["y"])], []),
                                 ("log", [node("Sub", ["x", "x"], ["h"]), node("Log", ["h"], ["y"])], []),
                                 ("bad", [product, node("Rlu", ["h"], ["y"])], []),
                                 ("odd", [product, node("Odd", ["h"], ["y"], domain="com.acme")], [("com.acme", 1)])):
        with open(f"{name}.onnx", "wb") as f:
            f.write(model(graph(nodes, init=[w] if nodes[0] is product else []), domains=domains))
    with zipfile.ZipFile("x.npz", "w") as z:
        z.writestr("x.npy", npy())
    for part in (verbs, progress, lost):
        part()
print(f"{n_checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
