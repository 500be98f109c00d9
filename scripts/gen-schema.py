#!/usr/bin/env python3
"""Make src/ir/schema_data.c from the operator schemas of the `onnx` package.

    scripts/gen-schema.py            write the file
    scripts/gen-schema.py --check    exit 1 if the file is not what this makes

The layout is described in src/ir/schema.h. Needs onnx 1.23.2.
"""
import argparse
import os
import re
import sys

import onnx
from onnx import defs, helper

OUT = os.path.join(os.path.dirname(__file__), "..", "src", "ir", "schema_data.c")
COMMUTATIVE = {"Add", "Mul", "And", "Or", "Xor", "Equal", "Max", "Min", "Sum", "Mean",
               "BitwiseAnd", "BitwiseOr", "BitwiseXor"}
F32, F16, U8, I8, U16, I16, I32, I64, BF16 = 1, 10, 2, 3, 4, 5, 6, 7, 16
FLOATS = [F32, F16, BF16]
Q8 = [U8, I8]
Q = [U8, I8, U16, I16, I32, 21, 22]
# com.microsoft operators that quern writes or meets: name, inputs, outputs, attributes.
# Input: (name, option, types); attribute: (name, type, required, default).
MS = [
    ("Gelu", [("X", 0, FLOATS)], [("Y", 0, FLOATS)], []),
    ("FastGelu", [("X", 0, FLOATS), ("bias", 1, FLOATS)], [("Y", 0, FLOATS)], []),
    ("BiasGelu", [("A", 0, FLOATS), ("B", 0, FLOATS)], [("C", 0, FLOATS)], []),
    ("QuantizeLinear", [("x", 0, FLOATS), ("y_scale", 0, FLOATS), ("y_zero_point", 1, Q)],
     [("y", 0, Q)], [("axis", 2, False, None), ("block_size", 2, False, 0)]),
    ("DequantizeLinear", [("x", 0, Q), ("x_scale", 0, FLOATS), ("x_zero_point", 1, Q)],
     [("y", 0, FLOATS)], [("axis", 2, False, None), ("block_size", 2, False, 0)]),
    ("FusedMatMul", [("A", 0, FLOATS), ("B", 0, FLOATS)], [("Y", 0, FLOATS)],
     [("alpha", 1, False, 1.0), ("transA", 2, False, 0), ("transB", 2, False, 0),
      ("transBatchA", 2, False, 0), ("transBatchB", 2, False, 0)]),
    ("MatMulNBits", [("A", 0, FLOATS), ("B", 0, [U8, I32]), ("scales", 0, FLOATS),
                     ("zero_points", 1, [U8, I32, F16, F32]), ("g_idx", 1, [I32]), ("bias", 1, FLOATS)],
     [("Y", 0, FLOATS)], [("K", 2, True, None), ("N", 2, True, None), ("bits", 2, False, 4),
                          ("block_size", 2, True, None), ("accuracy_level", 2, False, 0)]),
    ("MatMulIntegerToFloat", [("A", 0, Q8), ("B", 0, Q8), ("a_scale", 0, FLOATS), ("b_scale", 0, FLOATS),
                              ("a_zero_point", 1, Q8), ("b_zero_point", 1, Q8), ("bias", 1, FLOATS)],
     [("Y", 0, FLOATS)], []),
    ("SkipLayerNormalization", [("input", 0, FLOATS), ("skip", 0, FLOATS), ("gamma", 0, FLOATS),
                                ("beta", 1, FLOATS), ("bias", 1, FLOATS)],
     [("output", 0, FLOATS), ("mean", 1, FLOATS), ("inv_std_var", 1, FLOATS),
      ("input_skip_bias_sum", 1, FLOATS)], [("epsilon", 1, False, 1e-12)]),
]


class Pool:
    """Strings in one array, by offset; each once."""

    def __init__(self):
        self.text, self.at = [""], {"": 0}
        self.size = 1

    def add(self, s):
        if s not in self.at:
            self.at[s] = self.size
            self.text.append(s)
            self.size += len(s.encode()) + 1
        return self.at[s]


def parse_types(strings):
    """(mask of tensor element types, other kinds allowed)"""
    mask, other = 0, False
    for s in strings:
        m = re.fullmatch(r"tensor\((\w+)\)", s)
        if m:
            name = {"float": "FLOAT", "double": "DOUBLE"}.get(m.group(1), m.group(1).upper())
            mask |= 1 << onnx.TensorProto.DataType.Value(name)
        else:
            other = True
    return mask, other


class Tables:
    def __init__(self):
        self.pool = Pool()
        self.rows, self.ports, self.attrs = [], [], []
        self.ints, self.floats = [], []

    def port(self, name, option, variable, mask, other):
        self.ports.append((self.pool.add(name), option, variable, mask, int(other)))

    def attr(self, name, kind, required, default):
        at = n = 0
        # Lists of strings (activations of RNN, GRU, LSTM) stay without default: kernels know them.
        has = default is not None and kind != 8
        if has and kind == 2:
            at, n = len(self.ints), 1
            self.ints.append(default)
        elif has and kind == 1:
            at, n = len(self.floats), 1
            self.floats.append(default)
        elif has and kind == 3:
            at = self.pool.add(default)
        elif has and kind == 7:
            at, n = len(self.ints), len(default)
            self.ints.extend(default)
        elif has and kind == 6:
            at, n = len(self.floats), len(default)
            self.floats.extend(default)
        elif has:
            raise SystemExit(f"default of attribute type {kind} ({name}) cannot be represented")
        self.attrs.append((self.pool.add(name), kind, int(required), int(has), at, n))

    def add(self, domain, op, since, flags, ins, outs, attrs, limits):
        ports, first = len(self.ports), len(self.attrs)
        for p in ins + outs:
            self.port(*p)
        for a in attrs:
            self.attr(*a)
        self.rows.append((domain, op, since, flags, len(ins), len(outs), len(attrs), *limits, ports, first))


def default_of(a):
    d = a.default_value
    if not d.type:
        return None
    v = helper.get_attribute_value(d)
    if isinstance(v, bytes):
        return v.decode()
    return list(v) if isinstance(v, (list, tuple)) or hasattr(v, "extend") else v


def add_onnx(t, s):
    variables = {c.type_param_str: (i, *parse_types(c.allowed_type_strs)) for i, c in enumerate(s.type_constraints)}

    def port(p):
        if p.type_str in variables:
            i, mask, other = variables[p.type_str]
            same = p.is_homogeneous or int(p.option.value) != 2
            return (p.name, int(p.option.value), i if same else 255, mask, other)
        return (p.name, int(p.option.value), 255, *parse_types([p.type_str]))

    flags = (1 if s.deprecated else 0) | (2 if s.domain == "" and s.name in COMMUTATIVE else 0) \
        | (4 if s.has_function or s.has_context_dependent_function else 0)
    cap = lambda n: min(n, 65535)
    t.add(s.domain, s.name, s.since_version, flags, [port(p) for p in s.inputs], [port(p) for p in s.outputs],
          [(a.name, int(a.type.value), a.required, default_of(a)) for _, a in sorted(s.attributes.items())],
          (cap(s.min_input), cap(s.max_input), cap(s.min_output), cap(s.max_output)))


def add_microsoft(t):
    def port(p):
        return (p[0], p[1], 255, sum(1 << d for d in p[2]), False)

    for name, ins, outs, attrs in sorted(MS):
        need = lambda ps: sum(1 for p in ps if p[1] == 0)
        t.add("com.microsoft", name, 1, 0, [port(p) for p in ins], [port(p) for p in outs], attrs,
              (need(ins), len(ins), need(outs), len(outs)))


def table(name, kind, rows, fmt):
    body = "".join(f"    {fmt(r)},\n" for r in rows)
    return f"const {kind} {name}[] = {{\n{body}}};\n\n"


def quote(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '\\0"'


def render():
    t = Tables()
    domains = ("", "ai.onnx.ml", "ai.onnx.preview.training")
    todo = [s for s in defs.get_all_schemas_with_history() if s.domain in domains]
    for s in sorted(todo, key=lambda s: (s.domain, s.name, s.since_version)):
        add_onnx(t, s)
    add_microsoft(t)
    t.rows.sort(key=lambda r: (r[0], r[1], r[2]))
    rows = [(t.pool.add(r[0]), t.pool.add(r[1]), *r[2:]) for r in t.rows]
    newest = {d: max(r[2] for r in t.rows if r[0] == d) for d in sorted({r[0] for r in t.rows})}
    newest[""] = max(newest[""], defs.onnx_opset_version())
    ir = {}
    for row in helper.VERSION_TABLE:
        ir.setdefault(row[2], row[1])
    dom = [(t.pool.add(d), v) for d, v in sorted(newest.items())]
    assert t.pool.size < 65536 and len(t.ports) < 65536 and len(t.attrs) < 65536
    num = lambda r: "{" + ", ".join(str(x) for x in r) + "}"
    out = "/* Operator schemas: made by scripts/gen-schema.py from onnx %s. Do not edit. */\n" % onnx.__version__
    out += '#include "ir/schema_data.h"\n\n'
    out += "const char qn_schema_pool[] =\n" + "".join(f"    {quote(s)}\n" for s in t.pool.text).rstrip("\n") + ";\n\n"
    out += table("qn_schema_rows", "struct qn_schema", rows, num)
    out += f"const size_t qn_schema_n_rows = {len(rows)};\n\n"
    out += table("qn_schema_ports", "struct qn_schema_port", t.ports,
                 lambda p: f"{{{p[0]}, {p[1]}, {p[2]}, 0x{p[3]:x}u, {'true' if p[4] else 'false'}}}")
    out += table("qn_schema_attrs", "struct qn_schema_attr", t.attrs,
                 lambda a: f"{{{a[0]}, {a[1]}, {str(bool(a[2])).lower()}, {str(bool(a[3])).lower()}, {a[4]}, {a[5]}}}")
    out += table("qn_schema_ints", "int64_t", t.ints or [0], lambda v: f"INT64_C({v})" if v > -(1 << 63) else "INT64_MIN")
    def fl(v):
        import numpy as np
        f = np.float32(v)
        return "INFINITY" if np.isposinf(f) else "-INFINITY" if np.isneginf(f) else f"{float(f)!r}f"
    out += table("qn_schema_floats", "float", t.floats or [0.0], fl)
    out += table("qn_schema_domains", "struct qn_schema_domain", dom, num)
    out += f"const size_t qn_schema_n_domains = {len(dom)};\n\n"
    out += table("qn_schema_ir", "struct qn_schema_ir", sorted(ir.items()), num)
    out += f"const size_t qn_schema_n_ir = {len(ir)};\n"
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", action="store_true")
    a = p.parse_args()
    text = render()
    if a.check:
        if open(OUT).read() != text:
            sys.exit("src/ir/schema_data.c is not what scripts/gen-schema.py makes")
        return
    with open(OUT, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
