#!/usr/bin/env python3
"""Sequences and optionals as inputs and outputs of a run: test sets feed and judge them, what cannot be done says why."""
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import INT64, attr, graph, ln, model, node, npy, num, tensor, value  # noqa: E402

QUERN = os.environ["QUERN"]
TENSOR, SEQUENCE = 1, 3  # kinds of what a sequence or an optional holds
failures = []
n_checks = 0


def says(what, code, text, *args):
    global n_checks
    n_checks += 1
    p = subprocess.run([QUERN, *args], capture_output=True, text=True, timeout=60)
    if p.returncode != code or text not in p.stdout + p.stderr:
        failures.append(what)
        print(f"FAILED: {what}: needs exit code {code} and '{text}'\nexit code {p.returncode}\n{p.stdout}{p.stderr}")


def floats(*rows):
    return tensor("", [len(rows), len(rows[0])], struct.pack(f"<{len(rows) * len(rows[0])}f", *sum(rows, ())))


def ints(*numbers, dims=None):
    return tensor("", [len(numbers)] if dims is None else dims, struct.pack(f"<{len(numbers)}q", *numbers), INT64)


def sequence(*items, kind=TENSOR):
    return num(2, kind) + b"".join(ln(3, t) for t in items)


def held(kind=0, field=3, content=None):
    return num(2, kind) + (ln(field, content) if content is not None else b"")


def of(name, *fields, dtype=1):
    """A value whose type is nested: field 4 a sequence of, 9 an optional."""
    kind = ln(1, num(1, dtype))
    for field in fields:
        kind = ln(field, ln(1, kind))
    return ln(1, name) + ln(2, kind)


def of_tensor(name, field):
    """A sequence of (4) or an optional (9) float[A, 2]."""
    return ln(1, name) + ln(2, ln(field, ln(1, ln(1, num(1, 1) + ln(2, ln(1, ln(2, "A")) + ln(1, num(1, 2)))))))


def write(name, data):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as f:
        f.write(data)
    return name


def test_set(name, inputs, outputs):
    for kind, contents in (("input", inputs), ("output", outputs)):
        for i, c in enumerate(contents):
            write(f"{name}/{kind}_{i}.pb", c)
    return name


A, B, C = floats((1, 2)), floats((3, 4), (5, 6)), floats((1, 2, 3))


def sequences():
    sizes = value("n", ["r"], INT64)
    both = model(graph([node("SequenceInsert", ["s", "x"], ["t"], name="insert"), node("SequenceAt", ["s", "i"], ["a"]), node("Shape", ["a"], ["n"])],
                       [of("s", 4), value("x", ["A", "B"])], [of("t", 4), sizes], [tensor("i", [], b"\0" * 8, INT64)]))
    write("m.onnx", both)
    sets = [test_set("one", [sequence(A), B], [sequence(A, B), ints(1, 2)]), test_set("two", [sequence(B), A], [sequence(B, A), ints(2, 2)]),
            test_set("three", [sequence(C), A], [sequence(C, A), ints(1, 3)])]
    says("sets of other sizes, one run after the other", 0, "3 of 3 sets right", "run", "m.onnx", "--check", *sets, "--engine", "cpu")
    for name, wrong in (("fewer items", sequence(A)), ("another item", sequence(A, A)), ("another number", sequence(A, floats((3, 4), (5, 7)))),
                        ("nothing at all", sequence())):
        says(f"{name}: wrong", 1, "output 0", "run", "m.onnx", "--check", test_set("wrong", [sequence(A), B], [wrong, ints(1, 2)]))
    says("a tensor where a sequence is needed", 3, "input_0.pb", "run", "m.onnx", "--check", test_set("bad", [B, B], [sequence(A, B), ints(1, 2)]))
    says("items of another type", 2, "item 0 of the input is int64[1], needs float[...]", "run", "m.onnx", "--check",
         test_set("bad", [sequence(ints(1)), B], [sequence(A, B), ints(1, 2)]))
    says("a sequence of sequences", 4, "a sequence of kind 3, needs tensors", "run", "m.onnx", "--check",
         test_set("bad", [sequence(A, kind=SEQUENCE), B], [sequence(A, B), ints(1, 2)]))
    with zipfile.ZipFile("x.npz", "w") as z:
        z.writestr("s.npy", npy())
        z.writestr("x.npy", npy())
    says("arrays for a sequence", 4, "input is a sequence: data can feed tensors only", "run", "m.onnx", "--data", "x.npz", "--engine", "cpu")
    os.makedirs("all", exist_ok=True)
    os.rename("two", "all/test_data_set_0")
    says("a sequence as .npz", 4, "out.npz: tensor 't': output is a sequence, seq(float[...]), which cannot be written", "run", "m.onnx", "--data", "all", "-o", "out.npz", "--engine", "cpu")
    says("a sequence as .npz: told before the run, and before data are read", 4, "'t': output is a sequence", "run", "m.onnx", "--data", "none.npz", "-o", "out.npz")
    says("a comparison", 0, "t: SQNR equal", "compare", "m.onnx", "m.onnx", "--data", "all", "--engine", "cpu")
    more = graph([node("SequenceInsert", ["s", "x"], ["u"]), node("SequenceInsert", ["u", "x"], ["t"]), node("SequenceAt", ["t", "i"], ["a"]),
                  node("Shape", ["a"], ["n"])], [of("s", 4), value("x", ["A", "B"])], [of("t", 4), sizes], [tensor("i", [], b"\0" * 8, INT64)])
    write("more.onnx", model(more))
    says("a comparison with another number of items", 1, "another shape in 1 samples", "compare", "m.onnx", "more.onnx", "--data", "all", "--engine", "cpu")
    write("labels.npy", npy("(1,)", "'<i8'", b"\0" * 8))
    says("labels of items", 2, "the first output is a sequence", "compare", "m.onnx", "m.onnx", "--data", "all", "--engine", "cpu", "--labels", "labels.npy")
    relu = graph([node("Relu", ["x"], ["r"]), node("Identity", ["r"], ["q"]), node("SequenceInsert", ["s", "q"], ["t"])], [of("s", 4), value("x", ["A", "B"])],
                 [of("t", 4)])
    write("id.onnx", model(relu))
    says("a pass is verified on sequences", 0, "verified  1 of 1", "optimize", "id.onnx", "-o", "out.onnx", "--verify-each", "--data", "all", "--engine", "cpu")

    relu = graph([node("Relu", ["x"], ["r"]), node("Identity", ["r"], ["q"]), node("SequenceInsert", ["s", "q"], ["t"]), node("SequenceAt", ["t", "i"], ["y"])],
                 [of_tensor("s", 4), value("x", ["A", 2])], [value("y", ["A", 2])], [tensor("i", [], b"\0" * 8, INT64)])
    write("id.onnx", model(relu))
    says("a pass is verified on random sequences", 0, "verified  1 of 1", "optimize", "id.onnx", "-o", "out.onnx", "--verify-each", "--engine", "cpu")


def measured():
    """A quantization measures the items of a sequence, and what stands beside it."""
    weights = [tensor("w", [2, 2], struct.pack("<4f", 0.5, -0.25, 1, 0.125))]
    nodes = [node("MatMul", ["x", "w"], ["h"], name="mul"), node("SplitToSequence", ["h"], ["s"], attr("axis", 2, num(3, 0))), node("Relu", ["h"], ["y"])]
    write("so.onnx", model(graph(nodes, [value("x", ["A", 2])], [of("s", 4), value("y", ["A", 2])], weights)))
    for i in range(3):
        write(f"so/test_data_set_{i}/input_0.pb", floats((1 + i, 0.3), (-0.7, i)))
    for text in ("error     s: SQNR ", "error     y: SQNR ", "largest error 0."):
        says(f"a quantization with a sequence as output: {text}", 0, text, "quantize", "so.onnx", "-o", "so.q.onnx", "--data", "so", "--engine", "cpu")
    says("the error of items is no zero", 1, "no: s: ", "compare", "so.onnx", "so.q.onnx", "--data", "so", "--engine", "cpu", "--min-sqnr", "200")


def maps():
    body = graph([node("Add", ["item", "x"], ["y"])], [of("item"), of("x")], [of("y")])
    write("map.onnx", model(graph([node("SequenceMap", ["s", "x"], ["t"], attr("body", 5, ln(6, body)))], [of("s", 4), value("x", [1, 2])], [of("t", 4)])))
    more = [sequence(A, B), A], [sequence(floats((2, 4)), floats((4, 6), (6, 8)))]
    says("a body for each item", 0, "2 of 2 sets right", "run", "map.onnx", "--check", test_set("map", *more),
         test_set("none", [sequence(), A], [sequence()]), "--engine", "cpu")
    typed = graph([node("SequenceLength", ["s"], ["n"])], [of_tensor("s", 4)], [value("n", [], INT64)])
    write("typed.onnx", model(typed))
    says("items of the declared type", 0, "1 of 1 sets right", "run", "typed.onnx", "--check", test_set("typed", [sequence(A, B)], [ints(2, dims=[])]))
    for item, found in ((C, "float[1, 3]"), (tensor("", [2], b"\0" * 8), "float[2]"), (ints(1, 2, dims=[1, 2]), "int64[1, 2]")):
        says(f"an item that is {found}", 2, f"'s': item 1 of the input is {found}, needs float[?, 2]", "run", "typed.onnx", "--check",
             test_set("typed", [sequence(A, item)], [ints(2, dims=[])]))
    short = model(graph([node("SequenceMap", ["s", "u"], ["t"], attr("body", 5, ln(6, body)))], [of("s", 4), of("u", 4)], [of("t", 4)]))
    write("map2.onnx", short)
    says("sequences of one length", 0, "1 of 1 sets right", "run", "map2.onnx", "--check", test_set("two", [sequence(A, A), sequence(A, A)],
                                                                                                 [sequence(floats((2, 4)), floats((2, 4)))]))
    says("sequences of two lengths", 3, "input 1 has 1 items, needs 2", "run", "map2.onnx", "--check", test_set("two", [sequence(A, A), sequence(A)],
                                                                                                              [sequence(A)]), "--engine", "cpu")


def optionals():
    flag = value("y", [], 9)
    write("has.onnx", model(graph([node("OptionalHasElement", ["x"], ["y"])], [of("x", 9)], [flag]), opset=18))
    yes, no = (tensor("", [], b, 9) for b in (b"\1", b"\0"))
    says("optionals with and without a tensor", 0, "2 of 2 sets right", "run", "has.onnx", "--check", test_set("yes", [held(TENSOR, 3, A)], [yes]),
         test_set("no", [held()], [no]), "--engine", "cpu")
    write("same.onnx", model(graph([node("Identity", ["x"], ["y"])], [of("x", 4, 9)], [of("y", 4, 9)]), opset=18))
    says("optionals with and without a sequence", 0, "2 of 2 sets right", "run", "same.onnx", "--check",
         test_set("yes", [held(SEQUENCE, 5, sequence(A, B))], [held(SEQUENCE, 5, sequence(A, B))]), test_set("no", [held()], [held()]), "--engine", "cpu")
    says("nothing is not an empty sequence", 1, "output 0", "run", "same.onnx", "--check",
         test_set("no", [held()], [held(SEQUENCE, 5, sequence())]), "--engine", "cpu")
    write("typed.onnx", model(graph([node("OptionalHasElement", ["x"], ["y"])], [of_tensor("x", 9)], [flag]), opset=18))
    says("an optional of the declared type", 0, "2 of 2 sets right", "run", "typed.onnx", "--check", test_set("yes", [held(TENSOR, 3, A)], [yes]),
         test_set("no", [held()], [no]), "--engine", "cpu")
    for what, content in (("is float[1, 3], needs float[?, 2]", held(TENSOR, 3, C)), ("is int64[1], needs float[?, 2]", held(TENSOR, 3, ints(1))),
                          ("is a sequence, needs a tensor", held(SEQUENCE, 5, sequence(A)))):
        says(f"an optional that {what}", 2, f"'x': input {what}", "run", "typed.onnx", "--check", test_set("bad", [content], [yes]), "--engine", "cpu")
    for content, what in ((held(), "an optional of nothing"), (held(SEQUENCE, 5, sequence(A)), "a sequence")):
        test_set("maybe/test_data_set_0", [content], [])
        says(f"{what} as .npz", 4, f"'y': {what} cannot be written as .npz", "run", "same.onnx", "--data", "maybe", "-o", "out.npz", "--engine", "cpu")
    says("an optional sequence that is a tensor", 2, "'x': input is a tensor, needs a sequence", "run", "same.onnx", "--check",
         test_set("bad", [held(TENSOR, 3, A)], [held()]), "--engine", "cpu")
    write("plain.onnx", model(graph([node("Identity", ["x"], ["y"])], [of_tensor("x", 9)], [value("y", ["A", 2])]), opset=18))
    says("nothing where a tensor is declared", 3, "'y': output holds nothing, the model declares a tensor", "run", "plain.onnx", "--check",
         test_set("no", [held()], [A]), "--engine", "cpu")
    says("an optional of a map", 4, "an optional of kind 4, needs tensors", "run", "same.onnx", "--check", test_set("map", [held(4)], [held()]))


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for part in (sequences, measured, maps, optionals):
        part()
print(f"{n_checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
