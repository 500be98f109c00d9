#!/usr/bin/env python3
"""Write a big model at the level of bytes: TENSORS weights, each read by Gather and Add.

Needs nothing but Python. Sizes in MB (10^6 bytes); the file is sparse on the disk until something writes to it."""
import argparse
import struct


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    """Bytes as a length-delimited field; an int as a varint field."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def value_info(name, elem, dims):
    shape = b"".join(field(1, field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, elem) + field(2, shape)))


def node(op, inputs, output):
    return b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, "n_" + output) + field(4, op)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("--mb", type=int, default=1500)
    p.add_argument("--tensors", type=int, default=500)
    a = p.parse_args()
    rows = a.mb * 1_000_000 // a.tensors // 4 // 64
    size = rows * 64 * 4
    nodes, last = b"", "x"
    for i in range(a.tensors):
        nodes += field(1, node("Gather", [f"w{i}", "index"], f"g{i}"))
        nodes += field(1, node("Add", [last, f"g{i}"], f"y{i}"))
        last = f"y{i}"
    # Everything of a TensorProto before its raw_data, and the header of that field.
    heads = [field(1, rows) + field(1, 64) + field(2, 1) + field(8, f"w{i}") + varint(9 << 3 | 2) + varint(size)
             for i in range(a.tensors)]
    tail = field(11, value_info("x", 1, [1, 64])) + field(11, value_info("index", 7, [1])) \
        + field(12, value_info(last, 1, [1, 64]))
    lengths = [varint(5 << 3 | 2) + varint(len(h) + size) for h in heads]
    total = len(nodes) + len(field(2, "big")) + len(tail) + sum(map(len, lengths)) + sum(map(len, heads)) \
        + size * a.tensors
    with open(a.out, "wb") as f:
        f.write(field(1, 8) + varint(7 << 3 | 2) + varint(total) + nodes + field(2, "big"))
        for length, head in zip(lengths, heads):
            f.write(length + head + struct.pack("<f", 1.0))
            f.seek(size - 4, 1)
        f.write(tail + field(8, field(2, 17)))


if __name__ == "__main__":
    main()
