#!/usr/bin/env python3
"""Makes hostile models and data, and a list of them.

Usage: make-hostile.py FOLDER. Writes FOLDER/NNN-name/… and FOLDER/list.txt with
lines "kind path expected": kind is `model` (a file that no verb may take) or
`data` (an .npz that fits FOLDER/good.onnx by name, but is no data); expected is
the exit codes that are right. Needs nothing but Python."""
import os
import struct
import sys
import zipfile
import zlib

from wire import F2, FLOAT, INT64, RELU, STRING, attr, graph, ln, model, node, npy, num, tensor, value, varint

OUT = sys.argv[1]
LIST = []


# ------------------------------------------------------------------- files
def folder(name):
    path = os.path.join(OUT, f"{len(LIST):03d}-{name}")
    os.makedirs(path)
    return path


def bad(name, data, expected="345", file="model.onnx"):
    path = os.path.join(folder(name), file)
    with open(path, "wb") as f:
        f.write(data)
    LIST.append(("model", path, expected))
    return path


def wire():
    good = model(graph([RELU]))
    for n in (0, 1, 2, 7, 20, len(good) // 2, len(good) - 1):
        bad(f"cut-{n}", good[:n])
    for n in (1 << 31, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1, 100000):
        bad(f"length-{n:x}", num(1, 8) + varint(7 << 3 | 2) + varint(n) + graph([RELU]))
        bad(f"inner-length-{n:x}", num(1, 8) + ln(7, varint(1 << 3 | 2) + varint(n) + RELU))
        bad(f"raw-length-{n:x}", model(ln(5, num(1, 2) + num(2, 1) + varint(9 << 3 | 2) + varint(n) + F2)))
    bad("varint-11-bytes", b"\x08" + b"\xff" * 11 + good)
    bad("varint-endless", b"\x08" + b"\x80" * 50)
    bad("tag-0", b"\x00\x00" + good)
    bad("tag-0-overlong", b"\x80\x00\x03" + good)
    bad("tag-huge", varint((1 << 32) << 3) + b"\0" + good)
    for kind in (3, 4, 6, 7):
        bad(f"wire-type-{kind}", bytes([15 << 3 | kind]) + good)
        bad(f"inner-wire-type-{kind}", num(1, 8) + ln(7, bytes([1 << 3 | kind]) + RELU))
    bad("graph-as-number", num(1, 8) + num(7, 5))
    bad("graph-twice", good + ln(7, graph([RELU])))
    bad("graph-many-times", num(1, 8) + ln(7, graph([RELU])) * 50000)
    bad("type-twice", model(graph([RELU], [ln(1, "x") + ln(2, ln(1, num(1, 1))) * 2])))
    bad("packed-cut", model(graph([RELU], init=[num(2, FLOAT) + ln(8, "w") + num(1, 1) + ln(4, b"\0\0\0")])))
    bad("packed-varint-cut", model(graph([RELU], init=[num(2, INT64) + ln(8, "w") + num(1, 1) + ln(7, b"\x80")])))
    bad("text", b"ir_version: 8\ngraph { node { } }\n")
    bad("zip", b"PK\3\4" + b"\0" * 100)
    bad("zeros", b"\0" * 1000)
    bad("ones", b"\xff" * 1000)
    bad("nothing", b"")
    bad("no-graph", num(1, 8))
    bad("unknown-fields-only", ln(1000, "x" * 1000))


def nesting():
    def deep(n, wrap):
        g = graph([RELU])
        for _ in range(n):
            g = wrap(g)
        return g

    def in_if(g):
        return ln(1, node("If", ["c"], ["y"], attr("then_branch", 5, ln(6, g)))) + ln(2, "g") + ln(12, value("y"))

    def in_loop(g):
        return ln(1, node("Loop", ["", "c"], ["y"], attr("body", 5, ln(6, g)))) + ln(2, "g")

    def in_graphs(g):
        return ln(1, node("Odd", ["x"], ["y"], attr("graphs", 10, ln(11, g)))) + ln(2, "g")

    for name, wrap in (("if", in_if), ("loop", in_loop), ("graphs", in_graphs)):
        for n in (34, 100, 1000):
            bad(f"nested-{name}-{n}", model(deep(n, wrap)), "3")
    # Built inside out: appending keeps this linear.
    body = b""
    for _ in range(20000):
        body = varint(1 << 3 | 2) + varint(len(body)) + body
        if len(body) > 60000:
            break
    bad("nested-raw", num(1, 8) + ln(7, body), "3")
    for n in (60, 500):
        t = ln(1, num(1, FLOAT))
        for _ in range(n):
            t = ln(4, ln(1, t))
        bad(f"nested-sequence-{n}", model(graph([RELU], [ln(1, "x") + ln(2, t)])), "3")
    bad("million-nodes", num(1, 8) + ln(7, b"\x0a\x00" * 1000000), "3456")
    bad("million-tensors", num(1, 8) + ln(7, b"\x2a\x00" * 1000000), "3456")
    bad("million-infos", num(1, 8) + ln(7, b"\x6a\x00" * 1000000), "13456")


def scopes():
    c = node("Identity", ["x"], ["y"])
    bad("cycle-1", model(graph([node("Relu", ["y"], ["y"])])))
    bad("cycle-2", model(graph([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["a"], ["y"])])))
    bad("out-of-order", model(graph([node("Relu", ["a"], ["y"]), node("Relu", ["x"], ["a"])])), "13")
    bad("undefined-input", model(graph([node("Relu", ["nowhere"], ["y"])])))
    bad("undefined-output", model(graph([RELU], outputs=[value("nowhere")])))
    bad("two-producers", model(graph([RELU, c])))
    bad("two-producers-same-node", model(graph([node("Split", ["x"], ["y", "y"])])))
    bad("producer-of-input", model(graph([node("Relu", ["x"], ["x"]), RELU])))
    bad("producer-of-initializer", model(graph([node("Relu", ["x"], ["w"]), RELU], init=[tensor("w", [2], F2)])))
    bad("initializer-twice", model(graph([RELU], init=[tensor("w", [2], F2)] * 2)))
    bad("input-twice", model(graph([RELU], [value("x"), value("x")])))
    bad("subgraph-output-nowhere", model(graph([node("If", ["x"], ["y"], attr("then_branch", 5, ln(6, graph([], [], [value("q")]))),
                                                     attr("else_branch", 5, ln(6, graph([], [], [value("q")]))))])))
    bad("nul-in-name", model(graph([node("Relu", ["x\0z"], ["y"])])))
    bad("nul-in-op", model(graph([node("Re\0lu", ["x"], ["y"])])))
    bad("nul-in-domain", model(graph([node("Relu", ["x"], ["y"], domain="a\0b")])))
    bad("nul-in-attribute", model(graph([node("Relu", ["x"], ["y"], attr("a\0b", 2, num(3, 1)))])))
    bad("opset-twice", model(graph([RELU]), domains=[("", 17)]))
    for v in (0, -1, 1 << 40, -(1 << 63)):
        bad(f"opset-{v}", model(graph([RELU]), opset=v))
    f = ln(1, "F") + ln(4, "a") + ln(5, "b") + ln(7, node("Relu", ["a"], ["b"])) + ln(10, "d") + ln(9, num(2, 17))
    call = model(graph([node("F", ["x"], ["y"], domain="d")]), domains=[("d", 1)])
    bad("function-twice", call + ln(25, f) * 2)
    bad("function-output-nowhere", call + ln(25, f.replace(b"\x2a\x01b", b"\x2a\x01q")))
    rec = ln(1, "F") + ln(4, "a") + ln(5, "b") + ln(7, node("F", ["a"], ["b"], domain="d")) + ln(10, "d") + ln(9, ln(1, "d") + num(2, 1))
    bad("function-recursive", call + ln(25, rec), "134")
    g = rec.replace(b"\x0a\x01F", b"\x0a\x01G", 1)
    g = ln(1, "G") + ln(4, "a") + ln(5, "b") + ln(7, node("F", ["a"], ["b"], domain="d")) + ln(10, "d") + ln(9, ln(1, "d") + num(2, 1))
    h = ln(1, "F") + ln(4, "a") + ln(5, "b") + ln(7, node("G", ["a"], ["b"], domain="d")) + ln(10, "d") + ln(9, ln(1, "d") + num(2, 1))
    bad("functions-cyclic", call + ln(25, g) + ln(25, h), "134")


def tensors():
    def init(name, t, expected="345"):
        bad("init-" + name, model(graph([node("Add", ["x", "w"], ["y"])], init=[t])), expected)
        bad("const-" + name, model(graph([node("Constant", [], ["w"], attr("value", 4, ln(5, t))), node("Add", ["x", "w"], ["y"])])), expected)

    for d in (-1, -(1 << 63), 3, 1 << 31, 1 << 32, 1 << 62, (1 << 63) - 1):
        init(f"dim-{d:x}", tensor("w", [d], F2))
        init(f"dims-{d:x}", tensor("w", [d, d], F2))
        init(f"dim-{d:x}-no-data", tensor("w", [d]))
        init(f"dim-{d:x}-typed", tensor("w", [d], None, FLOAT, ln(4, F2)))
    init("overflow-to-2", tensor("w", [1 << 32, 1 << 32, 2], F2))
    init("overflow-with-zero", tensor("w", [1 << 62, 1 << 62, 0], b""))
    init("rank-17", tensor("w", [1] * 17, F2[:4]))
    init("rank-1000", tensor("w", [1] * 1000, F2[:4]))
    for t in (0, 27, 30, 255, 1 << 31, -1):
        init(f"type-{t}", tensor("w", [2], F2, t))
    for t, size in ((2, 1), (5, 3), (7, 8), (10, 3), (11, 8), (14, 8), (15, 16), (16, 5), (21, 2), (26, 2)):
        init(f"raw-of-type-{t}", tensor("w", [2], b"\0" * size, t))
    init("no-type", num(1, 2) + ln(8, "w") + ln(9, F2))
    init("string-raw", tensor("w", [2], F2, STRING))
    init("string-count", tensor("w", [2], None, STRING, ln(6, "a")))
    init("two-fields", tensor("w", [2], F2, FLOAT, ln(4, F2)))
    init("wrong-field", tensor("w", [2], None, FLOAT, ln(7, varint(1) + varint(2))))
    init("segment", tensor("w", [2], F2, FLOAT, ln(3, num(1, 0) + num(2, 1))))
    init("location", tensor("w", [2], F2, FLOAT, num(14, 1)))


def externals():
    outside = os.path.join(OUT, "outside.bin")
    with open(outside, "wb") as f:
        f.write(F2 * 100)

    def ext(name, entries, prepare=None, expected="35"):
        raw = b"".join(ln(13, ln(1, k) + ln(2, v)) for k, v in entries)
        t = tensor("w", [2], None, FLOAT, raw + num(14, 1))
        path = bad("external-" + name, model(graph([node("Add", ["x", "w"], ["y"])], init=[t])), expected)
        if prepare is not None:
            prepare(os.path.dirname(path))

    def write(size, name="w.bin"):
        def go(d):
            os.makedirs(os.path.dirname(os.path.join(d, name)), exist_ok=True)
            with open(os.path.join(d, name), "wb") as f:
                f.write(b"\0" * size)
        return go

    def link(target, name="w.bin"):
        return lambda d: os.symlink(target, os.path.join(d, name))

    ext("missing", [("location", "w.bin")])
    ext("none", [])
    ext("empty", [("location", "")], write(8))
    ext("absolute", [("location", outside)])
    ext("passwd", [("location", "/etc/passwd")])
    for p in ("../outside.bin", "a/../../outside.bin", "./../outside.bin", "..\\outside.bin", "a//w.bin", "a/./../../outside.bin",
              "//etc/passwd", "w.bin/", "file:///etc/passwd", "~/x", "..", ".", "a/b/c/d/w.bin", "w" * 300, "*/_ORT_MEM_ADDR_/*"):
        ext("path-" + "".join(c if c.isalnum() else "_" for c in p)[:24], [("location", p)], write(8))
    ext("nul", [("location", "w.bin\0x")], write(8))
    ext("symlink", [("location", "w.bin")], link(outside))
    ext("symlink-loop", [("location", "w.bin")], link("w.bin"))
    ext("symlink-folder", [("location", "d/outside.bin")], link(OUT, "d"))
    ext("symlink-inside", [("location", "w.bin")], lambda d: (write(8, "v.bin")(d), link("v.bin")(d)))
    ext("hard-link", [("location", "w.bin")], lambda d: os.link(outside, os.path.join(d, "w.bin")))
    ext("control", [("location", "w\x1b[2J.bin")], write(8, "w\x1b[2J.bin"))
    ext("drive", [("location", "C:w.bin")], write(8, "C:w.bin"))
    ext("folder", [("location", "w.bin")], lambda d: os.mkdir(os.path.join(d, "w.bin")))
    ext("fifo", [("location", "w.bin")], lambda d: os.mkfifo(os.path.join(d, "w.bin")))
    ext("itself-short", [("location", "model.onnx"), ("offset", "100000")])
    for k, v in (("offset", "9"), ("offset", "8"), ("offset", "1"), ("offset", "-1"), ("offset", "18446744073709551615"), ("offset", "99999999999999999999"),
                 ("offset", "0x0"), ("offset", "1e3"), ("offset", " 0"), ("offset", ""), ("offset", "08"), ("length", "9"), ("length", "-8"),
                 ("length", "0"), ("length", "4"), ("length", "18446744073709551608"), ("length", "eight")):
        ext(f"{k}-{v.strip() or 'empty'}", [("location", "w.bin"), (k, v)], write(8))
    ext("overflow", [("location", "w.bin"), ("offset", "18446744073709551608"), ("length", "16")], write(8))
    ext("short", [("location", "w.bin")], write(7))
    ext("zero", [("location", "w.bin")], write(0))
    ext("location-twice", [("location", "w.bin"), ("location", "../outside.bin")], write(8))


def attributes():
    for kind in (-1, 15, 255):
        bad(f"attribute-type-{kind}", model(graph([node("Relu", ["x"], ["y"], attr("a", kind, num(3, 1)))])), "1345")
    for op, at in (("Transpose", attr("perm", 2, num(3, 1))), ("Softmax", attr("axis", 1, varint(2 << 3 | 5) + b"\0" * 4)),
                   ("Conv", attr("strides", 3, ln(4, "ab"))), ("Flatten", attr("axis", 7, num(8, 1)))):
        bad(f"attribute-{op}", model(graph([node(op, ["x"] * (2 if op == "Conv" else 1), ["y"], at)])), "1")
    bad("attribute-twice", model(graph([node("Flatten", ["x"], ["y"], attr("axis", 2, num(3, 1)), attr("axis", 2, num(3, 2)))])), "1345")
    bad("op-unknown", model(graph([node("NoSuchOperator", ["x"], ["y"])])), "1")
    bad("op-empty", model(graph([node("", ["x"], ["y"])])), "1345")
    bad("domain-not-imported", model(graph([node("Odd", ["x"], ["y"], domain="com.acme")])), "1345")
    for ins, outs in ((0, 1), (3, 1), (1, 2), (1, 0)):
        bad(f"arity-{ins}-{outs}", model(graph([node("Relu", ["x"] * ins, [f"o{i}" for i in range(outs)]), RELU])), "1345")


# -------------------------------------------------------------------- data
def data():
    def put(name, blob, expected="234"):
        path = os.path.join(folder("data-" + name), "data.npz")
        with open(path, "wb") as f:
            f.write(blob)
        LIST.append(("data", path, expected))

    def archive(entries, method=zipfile.ZIP_STORED):
        path = os.path.join(OUT, "tmp.zip")
        with zipfile.ZipFile(path, "w", method) as z:
            for n, c in entries:
                z.writestr(n, c)
        with open(path, "rb") as f:
            return f.read()

    good = archive([("x.npy", npy())])
    deflated = archive([("x.npy", npy())], zipfile.ZIP_DEFLATED)
    for blob, name in ((good, "stored"), (deflated, "deflated")):
        for n in (0, 10, 40, len(blob) // 2, len(blob) - 30, len(blob) - 1):
            put(f"{name}-cut-{n}", blob[:n])
        at = blob.index(b"PK\1\2")
        for off, size, what in ((8, 2, "flags"), (10, 2, "method"), (16, 4, "crc"), (20, 4, "packed"), (24, 4, "size"), (28, 2, "name"),
                                (30, 2, "extra"), (32, 2, "comment"), (42, 4, "place")):
            for fill in (b"\xff", b"\x7f"):
                put(f"{name}-{what}-{fill.hex()}", blob[:at + off] + fill * size + blob[at + off + size:])
    end = good.index(b"PK\5\6")
    put("end-count", good[:end + 10] + b"\xff\xff" + good[end + 12:])
    put("end-place", good[:end + 16] + b"\xff\xff\xff\x7f" + good[end + 20:])
    put("zip64-endless", good[:end] + b"PK\6\7" + struct.pack("<IQI", 0, 1 << 60, 1) + good[end:])
    put("zip64-many", good[:end] + b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1 << 60, 1 << 60, 46, 0)
        + b"PK\6\7" + struct.pack("<IQI", 0, end, 1) + good[end:])
    put("twice", archive([("x.npy", npy()), ("x", npy())]))
    for t in ("'|O'", "'<U3'", "'|S3'", "'<M8[s]'", "[('a', '<f4')]", "'|V4'", "'<f16'", "'<c8'", "'<f8'", "'>i4'", "'f'", "5", "''"):
        put("type-" + "".join(c for c in t if c.isalnum()), archive([("x.npy", npy(descr=t))]))
    for s in ("(2, 3)", "(2,)", "(2, 2, 1)", "()", "(0, 2)", "(-1, 2)", "(9223372036854775807, 2)", "(4611686018427387905, 4)", "(2 2)", "2, 2", "[2, 2]", "(x,)",
              "(2, 2", "(" + "1, " * 40 + ")", "(" + "1, " * 2000 + ")", "(1000000000, 2)", "None"):
        put("shape-" + "".join(c if c.isalnum() else "_" for c in s)[:20], archive([("x.npy", npy(shape=s))]))
    put("version-9", archive([("x.npy", npy(version=9))]))
    put("header-huge", archive([("x.npy", b"\x93NUMPY\2\0\xff\xff\xff\x7f{'descr'")]))
    put("order", archive([("x.npy", npy(order="Maybe"))]))
    put("no-name", archive([("y.npy", npy())]), "2")
    put("empty-archive", archive([]), "2")
    put("nan", archive([("x.npy", npy(body=struct.pack("<4f", 1, 2, float("nan"), 4)))]), "3")
    put("infinity", archive([("x.npy", npy(body=struct.pack("<4f", 1, 2, float("-inf"), 4)))]), "3")
    # Bombs: 256 MiB of zeros, big-endian so that they cannot be read in pieces;
    # one with a true header, one that has none; one that claims more than it has.
    rows = 1 << 25
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = npy(f"({rows}, 2)", "'<f4'", b"")
    packed = body.compress(head)
    crc = zlib.crc32(head)
    block = b"\0" * (1 << 20)
    for _ in range(256):
        packed += body.compress(block)
        crc = zlib.crc32(block, crc)
    packed += body.flush()

    def bomb(name, size, claimed_crc):
        n = b"x.npy"
        common = struct.pack("<HHHIIIIHH", 20, 0, 8, 0x210000, claimed_crc, len(packed), size, len(n), 0)
        local = b"PK\3\4" + common + n + packed
        central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + n
        put(name, local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0), "3")

    bomb("bomb-crc", len(head) + (256 << 20), crc ^ 1)
    bomb("bomb-larger-than-said", len(head) + (255 << 20), crc)
    bomb("bomb-smaller-than-said", len(head) + (300 << 20), crc)
    os.remove(os.path.join(OUT, "tmp.zip"))


def main():
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "good.onnx"), "wb") as f:
        w = tensor("w", [2, 2], F2 * 2)
        f.write(model(graph([node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])], init=[w])))
    for make in (wire, nesting, scopes, tensors, externals, attributes, data):
        make()
    with open(os.path.join(OUT, "list.txt"), "w") as f:
        f.writelines(" ".join(line) + "\n" for line in LIST)


main()
