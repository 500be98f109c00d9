"""Models and arrays byte by byte, right or wrong, with nothing but Python."""
import struct

FLOAT, INT64, STRING = 1, 7, 8
F2 = struct.pack("<2f", 1, 2)


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def num(field, n):
    return varint(field << 3) + varint(n)


def ln(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, dims, raw=None, dtype=FLOAT, extra=b""):
    out = b"".join(num(1, d) for d in dims) + num(2, dtype) + ln(8, name)
    return out + (ln(9, raw) if raw is not None else b"") + extra


def value(name, dims=("N", 2), dtype=FLOAT):
    shape = b"".join(ln(1, ln(2, d) if isinstance(d, str) else num(1, d)) for d in dims)
    return ln(1, name) + ln(2, ln(1, num(1, dtype) + ln(2, shape)))


def attr(name, kind, body):
    return ln(1, name) + body + num(20, kind)


def node(op, ins, outs, *attrs, name="", domain=""):
    out = b"".join(ln(1, i) for i in ins) + b"".join(ln(2, o) for o in outs) + ln(3, name) + ln(4, op)
    return out + b"".join(ln(5, a) for a in attrs) + (ln(7, domain) if domain else b"")


def graph(nodes, inputs=None, outputs=None, init=(), name="g"):
    inputs = [value("x")] if inputs is None else inputs
    outputs = [value("y")] if outputs is None else outputs
    return (b"".join(ln(1, n) for n in nodes) + ln(2, name) + b"".join(ln(5, t) for t in init)
            + b"".join(ln(11, i) for i in inputs) + b"".join(ln(12, o) for o in outputs))


def model(g, opset=17, ir=8, extra=b"", domains=()):
    imports = ln(8, ln(1, "") + num(2, opset)) + b"".join(ln(8, ln(1, d) + num(2, v)) for d, v in domains)
    return num(1, ir) + ln(7, g) + imports + extra


RELU = node("Relu", ["x"], ["y"])


def npy(shape="(2, 2)", descr="'<f4'", body=F2 * 2, version=1, order="False"):
    head = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + body
