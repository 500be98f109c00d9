"""Names too long to be kept whole are cut between characters: strings of a model are UTF-8, wherever a name has come to be cut."""
import pathlib
import subprocess
import sys
import tempfile

from support import QUERN, np, onnx, rand

LENGTH = 600  # bytes, more than any pass keeps


def long_names(model, before):
    """Each name becomes a long one of characters of three bytes, behind `before` bytes of ASCII."""
    new = {}

    def rename(name):
        if name:
            new.setdefault(name, f"{'x' * before}{name}" + "層" * (LENGTH // 3))
        return new.get(name, name)

    for n in model.graph.node:
        n.name = rename(n.name or f"node_of_{n.output[0]}")
        n.input[:] = [rename(i) for i in n.input]
        n.output[:] = [rename(o) for o in n.output]
    for v in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        v.name = rename(v.name)
    return new


def net():
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 13]>
        g (float[N,3,8,8] x) => (float[N,10] y) {
            a = Conv<pads = [1,1,1,1]>(x, w0)
            b = Mul(a, s)
            c = Sigmoid(b)
            d = Mul(b, c)
            e = Conv<pads = [1,1,1,1]>(d, w1)
            f = Relu(e)
            g = GlobalAveragePool(f)
            h = Flatten(g)
            y = MatMul(h, w2)
        }""")
    shapes = {"w0": (8, 3, 3, 3), "s": (1, 8, 1, 1), "w1": (8, 8, 3, 3), "w2": (8, 10)}
    for name, shape in shapes.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(rand(*shape), name))
    return model


def strings(message):
    """All strings of a message as they are found; one that is no UTF-8 raises."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for m in value if field.is_repeated else [value]:
                yield from strings(m)
        elif field.type == field.TYPE_STRING:
            for s in value if field.is_repeated else [value]:
                yield s if isinstance(s, str) else s.decode()


def quern(*args):
    r = subprocess.run([QUERN, *map(str, args)], capture_output=True, text=True, timeout=60, errors="replace")
    if r.returncode:
        raise ValueError(f"exit {r.returncode}: {r.stderr.strip()[:300]}")


def judge(before, folder):
    model = net()
    names = long_names(model, before)
    source, data = folder / "in.onnx", folder / "data.npz"
    source.write_bytes(model.SerializeToString())
    np.savez(data, rand(16, 3, 8, 8))
    jobs = {
        "quantize": ["--data", data],
        "float16": ["--float16"],
        "opset": ["--opset", "21"],
        "tensorrt": ["--data", data, "--target", "tensorrt-10"],
    }
    verbs = {"float16": "convert", "opset": "optimize", "tensorrt": "quantize"}
    for what, args in jobs.items():
        out = folder / f"{what}.onnx"
        quern(verbs.get(what, what), source, "-o", out, *args)
        try:
            after = onnx.load(out)
            list(strings(after))
        except Exception as e:  # the parser's own classes differ
            raise ValueError(f"{what}: {type(e).__name__}: {e}"[:200]) from None
        if after.graph.input[0].name != names["x"]:
            raise ValueError(f"{what}: the input has another name")


bad = 0
for before in range(4):
    with tempfile.TemporaryDirectory() as scratch:
        try:
            judge(before, pathlib.Path(scratch))
        except ValueError as e:
            bad += 1
            print(f"{before} bytes in front: {e}")
print(f"{4 - bad} of 4 right")
sys.exit(bad > 0)
