#!/usr/bin/env python3
"""Bad input and what it gets: each case reads the message and the exit code."""
import fcntl
import json
import os
import signal
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import F2, FLOAT, RELU, attr, graph, ln, model, node, npy, num, tensor, value  # noqa: E402

QUERN = os.environ["QUERN"]
TESTDATA = os.environ["QUERN_TESTDATA"]
W = tensor("w", [2, 2], F2 * 2)
MATMUL = node("MatMul", ["x", "w"], ["h"], name="product")
GOOD = model(graph([MATMUL, node("Relu", ["h"], ["y"])], init=[W]))
failures = []
n_checks = 0


def write(name, data):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as f:
        f.write(data)
    return name


def npz(name, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(name, "w", method) as z:
        for n, c in entries.items():
            z.writestr(n + ".npy", c)
    return name


def run(*args, **options):
    return subprocess.run([QUERN, *args], capture_output=True, text=True, timeout=120, **options)


def check(what, good, p=None):
    global n_checks
    n_checks += 1
    if not good:
        failures.append(what)
        print("FAILED:", what, "" if p is None else f"\nexit code {p.returncode}\n{p.stdout}{p.stderr}")


def says(what, code, texts, *args, **options):
    """The command ends with `code`, and its first line on stderr is an error
    that holds all texts (any line, when code is 0)."""
    p = run(*args, **options)
    lines = p.stderr.splitlines() or [""]
    first = lines[0] if code else p.stderr + p.stdout
    texts = [texts] if isinstance(texts, str) else texts
    good = p.returncode == code and all(t in first for t in texts) and (code == 0 or first.startswith("error["))
    check(f"{what}: needs exit code {code} and {texts}", good, p)
    return p


def quantize(what, code, texts, model_file="good.onnx", data="good.npz", *more):
    if os.path.exists("out.onnx"):
        os.remove("out.onnx")
    p = says(what, code, texts, "quantize", model_file, "-o", "out.onnx", "--data", data, *more)
    check(f"{what}: an output {'is missing' if code == 0 else 'is there'}", os.path.exists("out.onnx") == (code == 0), p)


def data():
    says("no data", 2, "--data", "quantize", "good.onnx", "-o", "out.onnx")
    quantize("no such file", 5, ["none.npz", "No such file"], data="none.npz")
    quantize("wrong name", 2, ["'x'", "no array of the name", "'pixels'"], data=npz("name.npz", {"pixels": npy()}))
    quantize("wrong type", 2, ["'x'", "int32[2, 2]", "needs float[?, 2]"], data=npz("type.npz", {"x": npy(descr="'<i4'")}))
    quantize("wrong rank", 2, ["'x'", "float[4]", "needs float[?, 2]"], data=npz("rank.npz", {"x": npy("(4,)")}))
    quantize("wrong size", 2, ["'x'", "float[1, 4]", "needs float[?, 2]"], data=npz("size.npz", {"x": npy("(1, 4)")}))
    quantize("objects", 4, ["'x'", "Python objects"], data=npz("object.npz", {"x": npy(descr="'|O'")}))
    quantize("truncated array", 3, ["'x'", "truncated: 16 bytes", "needs 24"], data=npz("short.npz", {"x": npy("(3, 2)")}))
    whole = open("good.npz", "rb").read()
    quantize("truncated archive", 3, ["cut.npz", "no zip, or its end is missing"], data=write("cut.npz", whole[:-30]))
    at = whole.index(b"PK\1\2") + 8
    quantize("encrypted", 4, "encrypted", data=write("secret.npz", whole[:at] + b"\1\0" + whole[at + 2:]))
    quantize("0 samples", 2, "0 samples, needs at least 1", data=npz("none0.npz", {"x": npy("(0, 2)", body=b"")}))
    quantize("1 sample", 0, "1 calibration sample", data=npz("one.npz", {"x": npy("(1, 2)", body=F2)}))
    body = [1.0, 2.0, 3.0, float("nan")]
    quantize("NaN", 3, ["'x'", "sample 1 holds NaN", "first at [1, 1]"], data=npz("nan.npz", {"x": npy(body=struct.pack("<4f", *body))}))
    body = [1.0, float("inf"), float("nan"), 4.0]
    quantize("infinity", 3, ["'x'", "sample 0 holds an infinity", "first at [0, 1]"], data=npz("inf.npz", {"x": npy(body=struct.pack("<4f", *body))}))
    quantize("unnamed array", 0, "integer", data=write("plain.npy", npy()))
    quantize("big-endian, Fortran order", 0, "integer", data=write("turned.npy", npy(descr="'>f4'", order="True", body=struct.pack(">4f", 1, 2, 3, 4))))
    quantize("deflated", 0, "integer", data=npz("deflated.npz", {"x": npy()}, zipfile.ZIP_DEFLATED))
    os.makedirs("folder", exist_ok=True)
    write("folder/a.npy", npy())
    write("folder/b.npy", npy("(1, 2)", body=F2))
    quantize("folder", 0, "3 calibration samples", data="folder")
    quantize("empty folder", 2, "holds no .npz, .npy or test_data_set_N", data="empty")
    quantize("axis of no input", 2, "the model has no such input", "good.onnx", "good.npz", "--batch-axis", "z=1")
    turned = model(graph([node("MatMul", ["w", "x"], ["h"]), node("Relu", ["h"], ["y"])], [value("x", [2, "N"])], [value("y", [2, "N"])], init=[W]))
    quantize("other axis", 0, "3 calibration samples", write("turned.onnx", turned),
             npz("turned.npz", {"x": npy("(2, 3)", body=struct.pack("<6f", 1, 2, 3, 4, 5, 6))}), "--batch-axis", "x=1")


def models():
    def external(name, location, *more):
        entries = ln(13, ln(1, "location") + ln(2, location))
        t = tensor("w", [2, 2], None, FLOAT, entries + num(14, 1))
        return write(name, model(graph([MATMUL, node("Relu", ["h"], ["y"])], init=[t])))

    quantize("external file missing", 5, ["weights.bin", "No such file"], external("missing.onnx", "weights.bin"))
    quantize("path outside the folder", 3, ["../w.bin", "must be relative"], external("outside.onnx", "../w.bin"))
    os.symlink("loop.bin", "loop.bin")
    write("data.bin", F2 * 2)
    os.link("data.bin", "second.bin")
    quantize("hard link", 5, ["second.bin", "2 names (hard links), needs 1"], external("hard.onnx", "second.bin"))
    quantize("symlink loop", 5, ["loop.bin", "behind a link"], external("loop.onnx", "loop.bin"))
    odd = node("Odd", ["h"], ["y"], name="odd1", domain="com.acme")
    unknown = write("unknown.onnx", model(graph([MATMUL, odd], init=[W]), domains=[("com.acme", 3)]))
    quantize("unknown operator", 4, ["odd1", "com.acme.Odd"], unknown)
    says("unknown operator is kept", 0, ["nodes     2 -> 2", "unknown   1 com.acme.Odd ('odd1'): kept as"], "optimize", unknown, "-o", "kept.onnx")
    p = run("optimize", unknown, "-o", "kept.onnx", "--json")
    told = json.loads(p.stdout)["unknown_operators"]
    check("unknown operator in JSON", told == [{"operator": "com.acme.Odd", "nodes": 1, "first": "odd1"}], p)
    # The product could take the factor in, but for the barrier between them.
    more = [MATMUL, node("Odd", ["h"], ["o"], name="odd1"), node("Mul", ["o", "s"], ["m"]), node("Odd", ["m"], ["y"], name="odd2")]
    barrier = model(graph(more, init=[W, tensor("s", [], F2[4:])]))
    says("operator unknown in ai.onnx", 0, ["nodes     4 -> 4", "unknown   2 Odd (first 'odd1')"], "optimize", write("barrier.onnx", barrier), "-o", "barred.onnx")
    check("barrier: nothing was changed", open("barred.onnx", "rb").read() == barrier)
    check("unknown operator is in the output", b"com.acme" in open("kept.onnx", "rb").read())
    p = run("check", write("nodomain.onnx", model(graph([MATMUL, odd], init=[W]))))
    check("unknown domain: needs exit code 1 and its name", p.returncode == 1 and "com.acme" in p.stderr + p.stdout, p)
    newer = write("newer.onnx", model(graph([MATMUL, node("Relu", ["h"], ["y"])], init=[W]), opset=99))
    p = says("newer opset", 0, ["warning: newer.onnx:", "opset 99", "newer than the newest known"], "optimize", newer, "-o", "out.onnx")
    check("newer opset is told once", p.stderr.count("newest known") == 1, p)
    odd = [node("Relu", ["x"], ["y"]), *(node("Add", ["x", "b"], [f"h{i}"], name=f"add{i}") for i in range(7))]
    says("shapes that contradict", 0, ["node 'add0' (Add, #1): input 1, dimension 0: 3 does not broadcast with 2", "node 'add4'", "2 more contradictions: 'quern check'"],
         "apply", write("odd.onnx", model(graph(odd, init=[tensor("b", [3], F2 + F2[:4])]))), "-o", "out.onnx", "--passes", "fold-shapes")
    says("old opset", 0, "warning: opset 6 is below 7", "optimize", write("six.onnx", model(graph([RELU]), opset=6)), "-o", "out.onnx")
    says("newer IR", 0, ["warning:", "IR version 77", "newer than the newest known"], "optimize",
         write("ir.onnx", model(graph([MATMUL, node("Relu", ["h"], ["y"])], init=[W]), ir=77)), "-o", "out.onnx")
    quantize("good", 0, "integer   1 of 1")
    os.rename("out.onnx", "twice.onnx")
    quantize("quantized already", 4, ["quantized already", "needs the float model"], "twice.onnx")
    p = run("quantize", "twice.onnx", "-o", "out.onnx", "--data", "good.npz")
    check("quantized already: what is possible", "possible with this one: 'quern optimize'" in p.stderr, p)
    half = model(graph([MATMUL, node("Relu", ["h"], ["y"])], [value("x", dtype=10)], [value("y", dtype=10)], init=[tensor("w", [2, 2], b"\0\x3c" * 4, 10)]))
    quantize("float16", 4, ["half precision", "1 of 1", "needs weights of type float"], write("half.onnx", half))
    quantize("nothing to quantize", 0, "warning: nothing.onnx: nothing was quantized: 0 Conv, Gemm and MatMul",
             write("nothing.onnx", model(graph([node("Relu", ["x"], ["y"])]))))
    for name, kind, field, op in (("sequence", "a sequence", 4, node("SequenceAt", ["x", "i"], ["y"])),
                                  ("optional", "an optional", 9, node("OptionalGetElement", ["x"], ["y"]))):
        x = ln(1, "x") + ln(2, ln(field, ln(1, ln(1, num(1, 1)))))
        only = model(graph([op], [x], init=[tensor("i", [], b"\0" * 8, 7)]))
        quantize(f"only input is {kind}", 4, ["'x'", kind], write(f"{name}.onnx", only))
    for number, what in ((float("nan"), "nan"), (float("-inf"), "-inf")):
        odd = tensor("w", [2, 2], struct.pack("<4f", 1, 2, number, 4))
        quantize(f"weight that is {what}", 3, ["'product'", "'w'", f"element 2 of 4 is {what}", "finite"],
                 write("odd.onnx", model(graph([MATMUL, node("Relu", ["h"], ["y"])], init=[odd]))))
        odd = tensor("b", [2], struct.pack("<2f", 1, number))
        quantize(f"bias that is {what}", 3, ["'product'", "'b'", f"element 1 of 2 is {what}", "finite"],
                 write("odd.onnx", model(graph([node("Gemm", ["x", "w", "b"], ["h"], name="product"), node("Relu", ["h"], ["y"])], init=[W, odd]))))
    says("folder as model", 5, "is a folder", "check", "empty")
    os.mkfifo("pipe.onnx")
    says("FIFO as model", 5, "is a FIFO", "check", "pipe.onnx")


def runs():
    """Models that are refused while they run."""
    def filled(name, *value_of_fill):
        fill = node("ConstantOfShape", ["s"], ["f"], attr("value", 4, ln(5, tensor("", *value_of_fill))))
        shape = tensor("s", [1], struct.pack("<q", 2**63 - 1), 7)
        outs = [value("y"), value("f", ["M"], value_of_fill[2])]
        return write(name, model(graph([fill, node("Relu", ["x"], ["y"])], outputs=outs, init=[shape])))

    # 2^64 - 2 bytes: rounding them up must not come round to 0.
    huge = filled("huge.onnx", [1], b"\0\x3c", 10)
    says("a size that wraps", 3, ["error[limit]", "18446744073709551614 bytes"], "run", huge, "--data", "good.npz", "--engine", "cpu")
    says("a size that wraps stays", 0, "nodes", "optimize", huge, "-o", "out.onnx")
    says("a fill of nothing", 3, ["ConstantOfShape", "'value' has no element, needs one"], "run", filled("none.onnx", [0], b"", FLOAT), "--data", "good.npz", "--engine", "cpu")
    deconv = node("ConvTranspose", ["x", "w"], ["y"], attr("output_shape", 7, num(8, 2**64 - 2**63 + 7)), name="up")
    write("deconv.onnx", model(graph([deconv], [value("x", ["N", 1, 2])], [value("y", ["N", 1, "M"])], init=[tensor("w", [1, 1, 2], F2)])))
    says("a size below 0", 3, ["'up'", "'output_shape' holds -9223372036854775801, needs 0"], "run", "deconv.onnx", "--data", npz("up.npz", {"x": npy("(1, 1, 2)", body=F2)}), "--engine", "cpu")
    body = graph([node("Identity", ["go"], ["on"]), node("Expand", ["w", "many"], ["e"])],
                 [value("i", [], 7), value("go", [], 9)], [value("on", [], 9), value("e", ["A", "B", "C"])])
    loop = node("Loop", ["n", ""], ["f"], attr("body", 5, ln(6, body)), name="again")
    many = [tensor("n", [1], struct.pack("<q", 2), 7), tensor("many", [3], struct.pack("<3q", 2**59, 2, 2), 7)]
    says("scan output that wraps", 3, ["error[limit]", "'again'", "scan output 0 has a size that overflows"], "run",
         write("again.onnx", model(graph([loop, node("Relu", ["x"], ["y"])], outputs=[value("y"), value("f", ["M", "A", "B", "C"])], init=[W, *many]))), "--data", "good.npz", "--engine", "cpu")
    none = [tensor("e", [0, 1], b""), tensor("many", [2], struct.pack("<2q", 0, 2**40), 7)]
    says("nothing of many rows", 3, ["error[limit]", "output 0 has a size that overflows"], "run",
         write("nothing.onnx", model(graph([node("Expand", ["e", "many"], ["f"], name="rows"), node("Relu", ["x"], ["y"])], outputs=[value("y"), value("f", ["A", "B"])], init=none))),
         "--data", "good.npz", "--engine", "cpu")
    # Reads and writes outside: index wider than the input; axes of length 1 whose strides a view left.
    picks = tensor("i", [3, 1], struct.pack("<3q", 0, 1, 0), 7)
    wide = node("GatherElements", ["x", "i"], ["y"], attr("axis", 2, num(3, 1)), name="pick")
    says("indices wider than the input", 3, ["'pick'", "wider than the input"], "run", write("wide.onnx", model(graph([wide], init=[picks]))), "--data", "good.npz", "--engine", "cpu")
    turn = [node("Greater", ["x", "x"], ["b"]), node("Cast", ["b"], ["c"], attr("to", 2, num(3, 7))), node("Squeeze", ["c", "z"], ["v"]),
            node("Unsqueeze", ["v", "z"], ["t"]), node("ScatterElements", ["x", "t", "x"], ["y"], attr("axis", 2, num(3, 1)))]
    write("turn.onnx", model(graph(turn, init=[tensor("z", [1], b"\0" * 8, 7)])))
    says("axes of length 1", 0, "2 samples", "run", "turn.onnx", "--data", "good.npz", "-o", "turn.npz", "--engine", "cpu")
    given, made = (zipfile.ZipFile(n).read(f"{k}.npy")[-16:] for n, k in (("good.npz", "x"), ("turn.npz", "y")))
    check("axes of length 1: places are right", made == given[4:8] + given[4:8] + given[12:] + given[12:])
    text = tensor("t", [1], None, 8, ln(6, "word"))
    texts = write("texts.onnx", model(graph([node("Relu", ["x"], ["y"])], outputs=[value("t", [1], 8), value("y")], init=[text])))
    says("a text goes out", 0, "2 samples", "run", texts, "--data", "good.npz")
    says("a text goes out, but not as .npz", 4, ["'t'", "cannot be written as .npz"], "run", texts, "--data", "good.npz", "-o", "texts.npz")
    says("texts that are equal", 0, "t: SQNR equal", "compare", texts, texts, "--data", "good.npz")


def old_is_whole(what):
    check(f"{what}: the old file is whole", open("old.onnx", "rb").read() == b"old")
    check(f"{what}: no temporary file", not [n for n in os.listdir(".") if ".tmp" in n])


def outputs():
    write("old.onnx", b"old")
    says("output in no folder", 5, "No such file", "optimize", "good.onnx", "-o", "nowhere/out.onnx")
    says("output below a file", 5, "Not a directory", "optimize", "good.onnx", "-o", "good.npz/out.onnx")
    says("output is a folder", 5, "regular file", "optimize", "good.onnx", "-o", "empty")
    says("output is a device", 5, "regular file", "optimize", "good.onnx", "-o", "/dev/full")
    if os.geteuid() != 0:
        os.makedirs("locked", exist_ok=True)
        os.chmod("locked", 0o500)
        says("output in a locked folder", 5, "Permission denied", "optimize", "good.onnx", "-o", "locked/out.onnx")

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))

    for verb in (["optimize"], ["convert"], ["quantize", "--data", "good.npz"]):
        says(f"{verb[0]}, no room on the disk", 5, ["old.onnx", "write", "File too large"], verb[0], "good.onnx", "-o", "old.onnx", *verb[1:], preexec_fn=full)
        old_is_whole(f"{verb[0]}, no room on the disk")
    for name, size in (("/dev/full", 1 << 20), ("half.json", 900)):
        p = run("optimize", "good.onnx", "-o", "reported.onnx", "--report", name, preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        check(f"report {name} without room: the model is written, and it is said", p.returncode == 5 and os.path.exists("reported.onnx")
              and p.stderr.startswith(f"error[io]: {name}: write: ") and f"\nnote: report '{name}' is not written\n" in p.stderr and "\nnote: 'reported.onnx' is written all the same\n" in p.stderr, p)
    check("report without room: there is no half of it", not os.path.exists("half.json") and os.path.getsize("reported.onnx") < 900)
    says("a report in good time", 0, "", "optimize", "good.onnx", "-o", "reported.onnx", "--report", "half.json")
    os.chmod("half.json", 0o640)
    last = open("half.json", "rb").read()
    os.symlink("half.json", "link.json")
    for name in ("half.json", "link.json"):
        says(f"report {name} without room, one is there", 5, f"error[io]: {os.path.realpath(name)}: write: File too large", "optimize", "good.onnx", "-o", "reported.onnx",
             "--report", name, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900)))
        check(f"report {name} without room: the last one is whole", last and open("half.json", "rb").read() == last and os.path.islink("link.json"))
    says("a report behind a link", 0, "", "quantize", "good.onnx", "-o", "reported.onnx", "--report", "link.json", "--data", "good.npz")
    check("a report behind a link: the link stays, the mode, too", os.path.islink("link.json") and b'"samples"' in open("half.json", "rb").read()
          and os.stat("half.json").st_mode & 0o777 == 0o640 and not [n for n in os.listdir(".") if ".tmp" in n])
    for name in ("/dev/stdout", "/dev/null"):
        says(f"report {name}", 0, '"pass"' if name == "/dev/stdout" else "", "optimize", "good.onnx", "-o", "reported.onnx", "-q", "--report", name)
    os.remove("reported.onnx")
    for name, why in (("nowhere/r.json", "No such file"), ("empty", "Is a directory"), ("good.npz/r.json", "Not a directory")):
        says(f"report {name}", 5, [f"report '{name}'", why], "optimize", "good.onnx", "-o", "reported.onnx", "--report", name)
        check(f"report {name}: told before the work is done", not os.path.exists("reported.onnx"))
    # The weights fit, the model behind them does not.
    long = model(graph([node("MatMul", ["x", "w"], ["h"], name="n" * 8000), node("Relu", ["h"], ["y"])], init=[tensor("w", [2, 200], F2 * 200)]))
    write("long.onnx", long)
    write("old.bin", b"old weights")
    for name in ("old.bin", "new.bin"):
        says(f"{name}: room for the weights only", 5, ["old.onnx", "write", "File too large"], "convert", "long.onnx", "-o", "old.onnx", "--external-data", name,
             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        old_is_whole(f"{name}: room for the weights only")
    check("room for the weights only: the old ones are whole", open("old.bin", "rb").read() == b"old weights" and not os.path.exists("new.bin"))
    says("results of run, no room", 5, "File too large", "run", "good.onnx", "--data", "good.npz", "-o", "old.npz", preexec_fn=full)
    check("results of run, no room: there is no half of them", not [n for n in os.listdir(".") if n.startswith("old.npz")])
    abroad = model(graph([node("Relu", ["x"], ["\u03b1/\u0432\u044b\u0445\u043e\u0434"])], outputs=[value("\u03b1/\u0432\u044b\u0445\u043e\u0434")]))
    says("names of other alphabets", 0, "", "run", write("abroad.onnx", abroad), "--data", "good.npz", "-o", "abroad.npz")
    check("names of other alphabets: readers of zip know them", zipfile.ZipFile("abroad.npz").namelist() == ["\u03b1/\u0432\u044b\u0445\u043e\u0434.npy"])
    write("self.onnx", GOOD)
    says("output = input", 0, "self.onnx", "quantize", "self.onnx", "-o", "self.onnx", "--data", "good.npz")
    p = run("run", "self.onnx", "--data", "good.npz")
    check("output = input: the result runs", p.returncode == 0, p)
    write("target.onnx", GOOD)
    os.symlink("target.onnx", "link.onnx")
    says("output is a link", 0, "", "quantize", "link.onnx", "-o", "link.onnx", "--data", "good.npz")
    check("output is a link: it still is one, to the result", os.path.islink("link.onnx") and open("target.onnx", "rb").read() != GOOD)


def results_of_run():
    """What cannot be written is told before the model runs: this one ends with an error."""
    cases = {"good": node("Identity", ["x"], ["y"]), "odd": node("Gather", ["x", "i"], ["y"], attr("axis", 2, num(3, 1)))}
    far = [tensor("i", [1], struct.pack("<q", 7), 7)]
    for what, out, code, texts in (
            ("no folder", "nowhere/y.npz", 5, "nowhere/y.npz: create output: No such file"), ("a folder", "empty", 5, "must be a regular file: Is a directory"),
            ("below a file", "good.npz/y.npz", 5, "Not a directory"), ("a device", "/dev/full", 5, "must be a regular file"),
            ("another kind", "y.npy", 2, "output 'y.npy' is no npy file: outputs are written as .npz"), ("a model", "y.ONNX", 2, "is no ONNX file")):
        for name, n in cases.items():
            write(f"{name}.run", model(graph([n], init=far)))
            says(f"results into {what}, {name}", code, texts, "run", f"{name}.run", "--data", "good.npz", "-o", out)
    long = "n" * 201
    for what, code, texts, outputs in (
            ("a type", 4, ["'h'", "numpy has no type bfloat16"], [("h", 16)]), ("a long name", 4, [long, "name of 201 bytes, needs at most 200"], [(long, FLOAT)]),
            ("one name for two", 2, ["'h'", "two arrays have this name"], [("h", FLOAT), ("h", FLOAT)])):
        more = [node("Cast", ["x"], [n], attr("to", 2, num(3, t))) for n, t in dict(outputs).items()]
        write("odd.run", model(graph([cases["odd"], *more], outputs=[value("y"), *(value(n, dtype=t) for n, t in outputs)], init=far)))
        says(f"results of {what}", code, texts, "run", "odd.run", "--data", "good.npz", "-o", "y.npz", "--engine", "cpu")
    write("odd.run", model(graph([cases["odd"]], outputs=[value("y"), *(value(f"w{i}") for i in range(65535))], init=[*far, *(tensor(f"w{i}", [1, 2], F2) for i in range(65535))])))
    says("more results than a file holds", 4, ["'w65534'", "holds 65535 arrays already"], "run", "odd.run", "--data", "good.npz", "-o", "y.npz", "--engine", "cpu")
    write("some.run", model(graph([node("NonZero", ["x"], ["y"])], outputs=[value("y", [2, "n"], 7)])))
    parts = npz("some.npz", {"x": npy("(4, 2)", body=struct.pack("<8f", 1, 1, 0, 1, 1, 1, 0, 0))})
    says("results of other shapes", 4, ["'y'", "that of sample 1 is int64[2, 1], of sample 0 int64[2, 2]"], "run", "some.run", "--data", parts, "-o", "y.npz")
    check("results that are not written: no file", not [n for n in os.listdir(".") if n.startswith("y.n")])
    says("results of a check", 2, "-o goes with --data", "run", "good.run", "--check", "empty", "-o", "y.npz")


def outputs_over_what_is_needed():
    """Samples, models and recipes are not written over by what is made of them; a model may be, by its own successor."""
    text = "quern: 1\nsteps: [optimize]\n"
    for name, args in {
        "samples": ("kept.npz", "quantize", "good.onnx", "-o", "kept.npz", "--data", "kept.npz"),
        "samples, by results": ("kept.npz", "run", "good.onnx", "--data", "./kept.npz", "-o", "kept.npz"),
        "model, by results": ("kept.onnx", "run", "kept.onnx", "--data", "good.npz", "-o", "kept.onnx"),
        "model, by statistics": ("kept.onnx", "calibrate", "kept.onnx", "--data", "good.npz", "-o", "./kept.onnx"),
        "model, by the report": ("kept.onnx", "optimize", "kept.onnx", "-o", "out.onnx", "--report", "kept.onnx"),
        "recipe": ("kept.yaml", "apply", "good.onnx", "-o", "kept.yaml", "--config", "kept.yaml"),
        "samples, by half floats": ("kept.npz", "convert", "good.onnx", "-o", "kept.npz", "--float16", "--data", "kept.npz"),
        "model, by the smallest one": ("kept.onnx", "bisect", "kept.onnx", "-o", "kept.onnx"),
        "samples, by those of the smallest model": ("kept.npz", "bisect", "good.onnx", "--data", "kept.npz", "-o", "kept.onnx"),
        "samples, by those of a model of no ending": ("kept.npz", "bisect", "good.onnx", "--data", "kept.npz", "-o", "./kept"),
        "recipe, by the smallest model's samples": ("kept.npz", "bisect", "good.onnx", "--config", "./kept.npz", "-o", "kept.onnx"),
        "model, by the smallest one's samples": ("kept.npz", "bisect", "kept.npz", "-o", "kept.onnx"),
    }.items():
        path, *command = args
        data = GOOD if path.endswith("onnx") else text.encode() if path.endswith("yaml") else open("good.npz", "rb").read()
        write(path, data)
        says(f"output over the {name}", 2, ["output '", "which the job needs"], *command)
        check(f"output over the {name}: it is whole", open(path, "rb").read() == data)
    says("report = output", 2, "which the job needs", "optimize", "good.onnx", "-o", "new.onnx", "--report", "new.onnx")
    says("report = output, said otherwise", 2, "which the job needs", "optimize", "good.onnx", "-o", "new.onnx", "--report", "./new.onnx")
    os.mkdir("aside")
    for link, to, out in (("to_new", "new.onnx", "new.onnx"), ("twice", "to_new", "./new.onnx"), ("aside/up", "../new.onnx", "new.onnx"),
                          ("whole", os.path.abspath("new.onnx"), "new.onnx"), ("new.json", "./later.onnx", "later.onnx")):
        os.symlink(to, link)
        says(f"report = output, by a link to nothing, {link}", 2, "which the job needs", "optimize", "good.onnx", "-o", out, "--report", link)
        says(f"output = report, by a link to nothing, {link}", 2, "which the job needs", "optimize", "good.onnx", "-o", link, "--report", out)
    os.symlink("smallest.onnx", "smallest.npz")
    says("both files of bisect are one", 2, "which the job needs", "bisect", "good.onnx", "--passes", "optimize", "-o", "smallest.onnx")
    check("report = output: nothing written", not os.path.exists("new.onnx") and not os.path.exists("later.onnx"))
    says("output '-'", 2, "standard output is not written to", "optimize", "good.onnx", "-o", "-")
    check("output '-': no such file", not os.path.exists("-"))
    says("report in no folder", 5, ["report 'nowhere/r.json'", "No such file"], "optimize", "good.onnx", "-o", "out.onnx", "--report", "nowhere/r.json")


def empty_names():
    """Before anything is read: neither model nor data are there."""
    for verb, *options in (("apply", "-o", "--output", "--report", "--config", "--data"), ("optimize", "-o", "--report"), ("quantize", "-o", "--report", "--stats"),
                           ("calibrate", "-o", "--output"), ("convert", "-o", "--external-data"), ("run", "-o", "--output"), ("bisect", "-o"), ("compare", "--labels")):
        for option in options:
            said = f"{verb}: option '{option}{{}}' has an empty value, needs "
            says(f"{verb} {option} ''", 2, said.format(""), verb, "none.onnx", option, "")
            if option.startswith("--"):
                says(f"{verb} {option}=", 2, said.format("="), verb, "none.onnx", f"{option}=")
    says("-qo ''", 2, "option '-qo' has an empty value", "optimize", "none.onnx", "-qo", "")
    says("--ort-lib '': the usual places", 0, "good.onnx", "inspect", "good.onnx", "--ort-lib", "")


def nodes_that_fit_no_schema():
    """What no runtime would take is not run: neither attributes nor types of another kind."""
    axis = node("Softmax", ["x"], ["y"], attr("axis", 1, b"\x15\0\0\x80\x3f"), name="odd")
    whole = model(graph([node("Add", ["x", "k"], ["y"], name="odd")], init=[tensor("k", [2], b"\x01" + b"\0" * 15, dtype=7)]))
    cast = node("Cast", ["x"], ["y"], attr("to", 2, num(3, 99)), name="odd")
    pool = node("MaxPool", ["x"], ["y"], attr("kernel_shape", 7, num(8, 1)), attr("auto_pad", 3, ln(4, "SAME")), name="odd")
    zero = node("LRN", ["x"], ["y"], attr("size", 2, num(3, 0)), name="odd")
    empty = node("MaxPool", ["x"], ["y"], attr("kernel_shape", 7, num(8, 1)), attr("auto_pad", 3, ln(4, "")))
    write("empty.onnx", model(graph([empty])))
    says("auto_pad of no letters is no fault", 4, "input of rank 2", "run", "empty.onnx", "--data", "good.npz")
    for name, data, texts in (("number of a type", model(graph([cast])), ["'odd'", "'to'", "99 is the number of no type"]),
                              ("choice", model(graph([pool])), ["'odd'", "'auto_pad'", "found 'SAME', needs NOTSET, SAME_UPPER, SAME_LOWER or VALID"]),
                              ("number", model(graph([zero])), ["'odd'", "'size'", "found 0, needs a number from 1 on"]),
                              ("attribute", model(graph([axis])), ["'odd'", "'axis'", "has type float, needs int"]),
                              ("type", whole, ["'odd'", "'k'", "has type tensor(int64), but must have that of 'x', tensor(float)"])):
        write("odd.onnx", data)
        for verb in (("run",), ("quantize", "-o", "out.onnx"), ("calibrate", "-o", "out.stats")):
            says(f"{verb[0]}: wrong {name}", 3, texts, verb[0], "odd.onnx", *verb[1:], "--data", "good.npz")
        says(f"wrong {name}: stays", 0, "nodes     1 -> 1", "optimize", "odd.onnx", "-o", "out.onnx")


def interrupts():
    """Ctrl-C after 0 to 600 ms: no half file, exit code 130 (or done, or not yet
    begun to listen)."""
    codes = {}
    source = os.path.join(TESTDATA, "digits-mobilenet")
    args = [QUERN, "quantize", f"{source}/model.onnx", "-o", "int.onnx", "--data", f"{source}/calib.npz"]
    for i in range(12):
        write("int.onnx", b"old")
        p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.05 * i)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        codes[p.returncode] = codes.get(p.returncode, 0) + 1
        left = open("int.onnx", "rb").read()
        # Once the file is written an interrupt only cuts the account short.
        if left == b"old":
            check("interrupted: a run that ends well has written", p.returncode != 0)
        else:
            check("interrupted too late: the output is whole", run("check", "int.onnx").returncode == 0)
        check(f"interrupted: exit code {p.returncode}", p.returncode in (0, 130, -signal.SIGINT) and (p.returncode != 130 or "cancelled" in err), None)
        check("interrupted: no temporary file", not [n for n in os.listdir(".") if ".tmp" in n])
    check(f"interrupted: some runs end with 130, seen {codes}", codes.get(130, 0) > 0)


def await_idle(p):
    """Until all threads of the process sleep, and that for a while: it waits for somebody. A minute is too long."""
    n_asleep, end = 0, time.monotonic() + 60
    while p.poll() is None and n_asleep < 10 and time.monotonic() < end:
        states = []
        for task in os.listdir(f"/proc/{p.pid}/task"):
            try:
                states.append(open(f"/proc/{p.pid}/task/{task}/stat").read().rpartition(")")[2].split()[0])
            except OSError: # a thread that has ended
                pass
        n_asleep = n_asleep + 1 if set(states) == {"S"} else 0
        time.sleep(0.02)
    check("a process waits", p.poll() is None and n_asleep == 10)


def reports_into_fifos():
    """One Ctrl-C is enough where nobody reads a report, or not all of it; one that is read at last is whole."""
    os.mkfifo("fifo")
    command = [QUERN, "quantize", f"{TESTDATA}/digits-mobilenet/model.onnx", "--data", f"{TESTDATA}/digits-mobilenet/calib.npz", "-o", "reported.onnx", "--report", "fifo"]
    for reads in False, True:
        if os.path.exists("reported.onnx"):
            os.remove("reported.onnx")
        reader = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK) if reads else None
        if reads:
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while p.poll() is None and not os.path.exists("reported.onnx"):
            time.sleep(0.01)
        await_idle(p)
        p.send_signal(signal.SIGINT)
        try:
            _, err = p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            err = p.communicate()[1] + "\nneeds a second interrupt"
        check(f"report into a FIFO, {'a reader that sleeps' if reads else 'no reader'}: one interrupt ends it",
              p.returncode == 130 and "report 'fifo' is not written" in err)
        if reads:
            os.close(reader)
    os.remove("reported.onnx")
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while p.poll() is None and not os.path.exists("reported.onnx"):
        time.sleep(0.01)
    await_idle(p)
    report = json.load(open("fifo"))
    check("report into a FIFO: whole for a reader that comes late", p.wait(timeout=60) == 0 and report["verb"] == "quantize")


def second_interrupt():
    """While a file of 100 MB is written: the process ends by the signal, and leaves nothing. (Two kinds: two of one
    kind would be one.)"""
    big = tensor("w", [2, 12500000], b"\0" * 100000000)
    write("big.onnx", model(graph([node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])], init=[big])))
    ended = []
    for _ in range(10):
        write("int.onnx", b"old")
        p = subprocess.Popen([QUERN, "convert", "big.onnx", "-o", "int.onnx"], stderr=subprocess.DEVNULL)
        while p.poll() is None and not any(".tmp" in n for n in os.listdir(".")):
            pass
        if p.poll() is None:
            p.send_signal(signal.SIGINT)
            p.send_signal(signal.SIGTERM)
            p.send_signal(signal.SIGINT) # while the second one removes the file
        ended.append(p.wait(timeout=60))
        check("second interrupt: no temporary file", not [n for n in os.listdir(".") if ".tmp" in n])
        check("second interrupt: the old file is whole", ended[-1] == 0 or open("int.onnx", "rb").read() == b"old")
        if ended[-1] < 0:
            break
    check(f"second interrupt: the process ends by it, seen {ended}", ended[-1] in (-signal.SIGINT, -signal.SIGTERM))
    os.remove("int.onnx")
    ended = []
    for _ in range(10): # between the weights and their model
        p = subprocess.Popen([QUERN, "convert", "big.onnx", "-o", "int.onnx", "--external-data", "int.data"], stderr=subprocess.DEVNULL)
        while p.poll() is None and not os.path.exists("int.data"):
            pass
        if p.poll() is None:
            p.send_signal(signal.SIGINT)
            p.send_signal(signal.SIGTERM)
        ended.append(p.wait(timeout=60))
        left = sorted(n for n in os.listdir(".") if n.startswith("int."))
        check(f"second interrupt: weights and model, or none of them, seen {left}", left in ([], ["int.data", "int.onnx"]))
        for name in left:
            os.remove(name)
        if ended[-1] < 0 and not left:
            break
    os.remove("big.onnx")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.mkdir("empty")
    write("good.onnx", GOOD)
    npz("good.npz", {"x": npy()})
    for part in (data, models, runs, outputs, results_of_run, outputs_over_what_is_needed, empty_names, nodes_that_fit_no_schema, interrupts, reports_into_fifos, second_interrupt):
        part()
print(f"{n_checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
