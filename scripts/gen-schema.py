#!/usr/bin/env python3
"""Make src/ir/schema_data.c from the operator schemas of the `onnx` package.

    scripts/gen-schema.py            write the file
    scripts/gen-schema.py --check    exit 1 if the file is not what this makes, 77 without the
                                     wanted version of onnx

The layout is described in src/ir/schema.h. Needs onnx 1.23.2.
"""
import argparse
import os
import re
import sys

import numpy as np
import onnx
from onnx import defs, helper

OUT = os.path.join(os.path.dirname(__file__), "..", "src", "ir", "schema_data.c")
WANTED = "1.23.2"
DOMAINS = ("", "ai.onnx.ml", "ai.onnx.preview.training")
# Operands may be swapped; onnx does not say so.
COMMUTATIVE = {"Add", "Mul", "And", "Or", "Xor", "Equal", "Max", "Min", "Sum", "Mean",
               "BitwiseAnd", "BitwiseOr", "BitwiseXor"}
DEPRECATED, COMMUTES, FUNCTION, SUBGRAPH = 1, 2, 4, 8  # enum qn_schema_flags
NO_LIMIT = (1 << 31) - 1  # INT_MAX, as in onnx
FLOAT, INT, STRING, GRAPH, FLOATS, INTS, STRINGS, GRAPHS = 1, 2, 3, 5, 6, 7, 8, 10
SINGLE, OPTIONAL, VARIADIC = 0, 1, 2
# Bits of other_kinds in schema.h.
SEQUENCE, OPTIONAL_TENSOR, OPTIONAL_SEQUENCE, MAP, SEQUENCE_OF_MAP, SPARSE = 1, 2, 4, 8, 16, 32

FP = "float float16 bfloat16"
FPD = "float float16 bfloat16 double"
I8 = "int8 uint8"
I4_16 = "int4 uint4 int8 uint8 int16 uint16"
BINARY = ("A:T A_scale:tensor(float) A_zero_point?:T B:T B_scale:tensor(float) B_zero_point?:T "
          "C_scale:tensor(float) C_zero_point?:T")
UNARY = ("X:T X_scale:tensor(float) X_zero_point?:T Y_scale:tensor(float) Y_zero_point?:T")
POOL = ("X:T x_scale:tensor(float) x_zero_point?:T y_scale:tensor(float) y_zero_point?:T")
LSTM = ("X:T W:T2 R:T2 B?:T sequence_lens?:T1 initial_h?:T initial_c?:T P?:T "
        "W_scale:T W_zero_point:T2 R_scale:T R_zero_point:T2")
# Operators of com.microsoft that quern writes or meets, as ONNX Runtime 1.32 declares them:
# name, inputs, outputs, types of the variables, attributes. "?" is optional, "*" variadic and of
# mixed types, "!" required, "=" the default.
MS = [
    ("Attention",
     "input:T weights:T bias?:T mask_index?:M past?:T attention_bias?:T past_sequence_length?:M",
     "output:T present?:T", {"T": FP, "M": "int32"},
     "do_rotary:INT mask_filter_value:FLOAT num_heads:INT! past_present_share_buffer:INT qkv_hidden_sizes:INTS "
     "rotary_embedding_dim:INT scale:FLOAT unidirectional:INT=0"),
    ("BiasGelu", "A:T B:T", "C:T", {"T": FPD}, ""),
    ("DequantizeLinear", "x:T1 x_scale:T2 x_zero_point?:T1", "y:T2",
     {"T1": I4_16 + " int32", "T2": "float float16"}, "axis:INT"),
    ("DynamicQuantizeLSTM", LSTM, "Y?:T Y_h?:T Y_c?:T", {"T": "float", "T1": "int32", "T2": I8},
     "activation_alpha:FLOATS activation_beta:FLOATS activations:STRINGS clip:FLOAT direction:STRING=forward "
     "hidden_size:INT input_forget:INT=0"),
    ("DynamicQuantizeMatMul", "A:T1 B:T2 b_scale:T1 b_zero_point?:T2 bias?:T1", "Y:T1", {"T1": "float", "T2": I8}, ""),
    ("EmbedLayerNormalization",
     "input_ids:T1 segment_ids?:T1 word_embedding:T position_embedding:T segment_embedding?:T gamma:T beta:T "
     "mask?:T1 position_ids?:T1",
     "output:T mask_index?:T1 embedding_sum?:T", {"T1": "int32", "T": "float float16"},
     "epsilon:FLOAT=1e-12 mask_index_type:INT"),
    ("FastGelu", "X:T bias?:T", "Y:T", {"T": FPD}, ""),
    ("FusedConv", "X:T W:T B?:T Z?:T", "Y:T", {"T": "float float16 double"},
     "activation:STRING activation_params:FLOATS auto_pad:STRING=NOTSET dilations:INTS group:INT=1 "
     "kernel_shape:INTS pads:INTS strides:INTS"),
    ("FusedMatMul", "A:T B:T", "Y:T", {"T": FPD},
     "alpha:FLOAT=1 transA:INT=0 transB:INT=0 transBatchA:INT=0 transBatchB:INT=0"),
    ("Gelu", "X:T", "Y:T", {"T": FPD}, ""),
    ("MatMulIntegerToFloat",
     "A:T1 B:T2 a_scale:T3 b_scale:T3 a_zero_point?:T1 b_zero_point?:T2 bias?:T3", "Y:T3",
     {"T1": I8, "T2": I8, "T3": "float float16"}, ""),
    ("MatMulNBits", "A:T1 B:T2 scales:T1 zero_points?:T3 g_idx?:T4 bias?:T1", "Y:T1",
     {"T1": FP, "T2": "uint8", "T3": FP + " uint8", "T4": "int32"},
     "K:INT! N:INT! accuracy_level:INT=0 bits:INT=4 block_size:INT! weight_prepacked:INT=0"),
    ("MultiHeadAttention",
     "query:T key?:T value?:T bias?:T key_padding_mask?:M attention_bias?:T past_key?:T past_value?:T "
     "past_sequence_length?:M cache_indirection?:M",
     "output:T present_key?:T present_value?:T qk?:QK", {"T": FP, "QK": FP, "M": "int32"},
     "mask_filter_value:FLOAT num_heads:INT! scale:FLOAT unidirectional:INT=0"),
    ("QAttention",
     "input:T1 weight:T2 bias:T3 input_scale:T3 weight_scale:T3 mask_index?:T4 input_zero_point?:T1 "
     "weight_zero_point?:T2 past?:T3",
     "output:T3 present?:T3", {"T1": I8, "T2": I8, "T3": "float float16", "T4": "int32"},
     "do_rotary:INT mask_filter_value:FLOAT num_heads:INT! past_present_share_buffer:INT scale:FLOAT "
     "unidirectional:INT=0"),
    ("QGemm",
     "A:TA a_scale:T a_zero_point:TA B:TB b_scale:T b_zero_point:TB C?:TC y_scale?:T y_zero_point?:TYZ", "Y:TY",
     {"T": "float", "TA": I8, "TB": I8, "TC": "int32", "TYZ": I8, "TY": I8 + " float"},
     "alpha:FLOAT=1 transA:INT=0 transB:INT=0"),
    ("QLinearAdd", BINARY, "C:T", {"T": I8}, ""),
    ("QLinearAveragePool", POOL, "Y:T", {"T": I8},
     "auto_pad:STRING=NOTSET ceil_mode:INT=0 channels_last:INT=0 count_include_pad:INT=0 kernel_shape:INTS! "
     "pads:INTS strides:INTS"),
    ("QLinearConcat", "Y_scale:TF Y_zero_point:T8 inputs*:TV", "Y:T8", {"T8": I8, "TF": "float", "TV": I8 + " float"},
     "axis:INT!"),
    ("QLinearGlobalAveragePool", POOL.replace("?", ""), "Y:T", {"T": I8}, "channels_last:INT=0"),
    ("QLinearLeakyRelu", UNARY, "Y:T", {"T": I8}, "alpha:FLOAT=0.01"),
    ("QLinearMul", BINARY, "C:T", {"T": I8}, ""),
    ("QLinearSigmoid", UNARY, "Y:T", {"T": I8}, ""),
    ("QLinearSoftmax", "X:T X_scale:tensor(float) x_zero_point?:T y_scale:tensor(float) y_zero_point:T", "Y:T",
     {"T": I8}, "axis:INT=-1 opset:INT!"),
    ("QuantizeLinear", "x:T1 y_scale:T1 y_zero_point?:T2", "y:T2", {"T1": "float float16", "T2": I4_16}, "axis:INT"),
    ("SkipLayerNormalization", "input:T skip:T gamma:T beta?:T bias?:T",
     "output:T mean?:U inv_std_var?:U input_skip_bias_sum?:T", {"T": FP, "U": "float"}, "epsilon:FLOAT=1e-12"),
]


class Pool:
    """Strings in one array, by offset; each once. A list of strings lies in one piece."""

    def __init__(self):
        self.text, self.at = [""], {(): 0, ("",): 0}
        self.size = 1

    def add(self, *strings):
        if strings not in self.at:
            self.at[strings] = self.size
            self.text.extend(strings)
            self.size += sum(len(s) + 1 for s in strings)
        return self.at[strings]


class Lists:
    """Rows of all lists in one array; equal lists lie there once."""

    def __init__(self):
        self.rows, self.at = [], {}

    def add(self, rows):
        key = tuple(rows)
        if key not in self.at:
            self.at[key] = len(self.rows)
            self.rows.extend(rows)
        return self.at[key]


def dtype_bit(name):
    name = {"float": "FLOAT", "double": "DOUBLE"}.get(name, name.upper())
    return 1 << onnx.TensorProto.DataType.Value(name)


WRAPPERS = [  # of tensors: pattern, bit of other_kinds (0: the plain tensor)
    (r"tensor\((\w+)\)", 0),
    (r"seq\(tensor\((\w+)\)\)", SEQUENCE),
    (r"optional\(tensor\((\w+)\)\)", OPTIONAL_TENSOR),
    (r"optional\(seq\(tensor\((\w+)\)\)\)", OPTIONAL_SEQUENCE),
]
OTHERS = [  # whose element types the tables do not hold
    (r"map\(.*\)", MAP),
    (r"seq\(map\(.*\)\)", SEQUENCE_OF_MAP),
    (r"sparse_tensor\(\w+\)", SPARSE),
]


def parse_types(strings, where):
    """(mask of tensors, mask of tensors inside sequences and optionals, bits of other_kinds)"""
    masks, kinds = {}, 0
    for s in strings:
        for pattern, kind in WRAPPERS:
            m = re.fullmatch(pattern, s)
            if m:
                masks[kind] = masks.get(kind, 0) | dtype_bit(m.group(1))
                break
        else:
            kind = next((k for pattern, k in OTHERS if re.fullmatch(pattern, s)), None)
            if kind is None:
                raise SystemExit(f"{where}: type {s} cannot be represented")
        kinds |= kind
    plain, nested = masks.pop(0, 0), masks.pop(OPTIONAL_SEQUENCE, 0)
    inner = max(masks.values(), default=nested)
    # From opset 19 on, If and Loop allow the newest types in seq() and optional(), not in
    # optional(seq()): one mask for all three is too wide there.
    if any(m != inner for m in masks.values()) or nested & ~inner:
        raise SystemExit(f"{where}: sequence and optional allow different tensors")
    return plain, inner, kinds


class Tables:
    def __init__(self):
        self.pool = Pool()
        self.rows, self.ports, self.attrs = [], Lists(), Lists()
        self.ints, self.floats = Lists(), Lists()

    def port(self, p, constraints, where):
        name, option, same, type_text = p
        names = list(constraints)
        strings = constraints.get(type_text, [type_text])
        variable = names.index(type_text) if type_text in constraints and (same or option != VARIADIC) else 255
        plain, inner, kinds = parse_types(strings, where)
        return (self.pool.add(name), option, variable, plain, inner, self.pool.add(type_text), kinds, same)

    def attr(self, a, where):
        name, kind, required, default = a
        has, at, n = default is not None, 0, 0
        if has:
            values = default if kind in (FLOATS, INTS, STRINGS) else [default]
            n = len(values)
            if kind in (INT, INTS):
                at = self.ints.add([int(v) for v in values])
            elif kind in (FLOAT, FLOATS):
                at = self.floats.add([float(np.float32(v)) for v in values])
            elif kind in (STRING, STRINGS):
                at = self.pool.add(*[v.decode() if isinstance(v, bytes) else v for v in values])
            else:
                raise SystemExit(f"{where}: default of {name} cannot be represented")
        return (self.pool.add(name), kind, bool(required), has, at, n)

    def add(self, domain, op, since, flags, ins, outs, constraints, attrs, limits):
        where = f"{domain or 'ai.onnx'}.{op}-{since}"
        if any(kind in (GRAPH, GRAPHS) for _, kind, _, _ in attrs):
            flags |= SUBGRAPH
        ports = self.ports.add([self.port(p, constraints, where) for p in ins + outs])
        first = self.attrs.add([self.attr(a, where) for a in sorted(attrs)])
        least_in, most_in, least_out, most_out = limits
        self.rows.append((domain, op, since, flags, len(ins), len(outs), len(attrs), least_in, least_out, ports, first,
                          most_in, most_out))


def add_onnx(t, s):
    def port(p):
        return (p.name, int(p.option.value), p.is_homogeneous, p.type_str)

    def default(a):
        return helper.get_attribute_value(a.default_value) if a.default_value.type else None

    # Up to opset 6 the second operand alone is broadcast: swapping would change the meaning.
    swaps = s.domain == "" and s.name in COMMUTATIVE and "broadcast" not in s.attributes
    flags = (DEPRECATED if s.deprecated else 0) | (COMMUTES if swaps else 0) \
        | (FUNCTION if s.has_function or s.has_context_dependent_function else 0)
    t.add(s.domain, s.name, s.since_version, flags, [port(p) for p in s.inputs], [port(p) for p in s.outputs],
          {c.type_param_str: c.allowed_type_strs for c in s.type_constraints},
          [(a.name, int(a.type.value), a.required, default(a)) for a in s.attributes.values()],
          (s.min_input, s.max_input, s.min_output, s.max_output))


def parse_ports(text):
    """Ports, least and most number of them."""
    ports, least, most = [], 0, 0
    for i, (name, mark, kind) in enumerate(re.findall(r"(\w+)([?*]?):(\S+)", text)):
        option = {"": SINGLE, "?": OPTIONAL, "*": VARIADIC}[mark]
        ports.append((name, option, option != VARIADIC, kind))
        least = least if option == OPTIONAL else i + 1
        most = NO_LIMIT if option == VARIADIC else i + 1
    return ports, least, most


def parse_attrs(text):
    parsers = {"FLOAT": float, "INT": int, "STRING": str}
    return [(name, onnx.AttributeProto.AttributeType.Value(kind), required == "!",
             parsers[kind](default) if default else None)
            for name, kind, required, default in re.findall(r"(\w+):(\w+)(!?)(?:=(\S+))?", text)]


def add_microsoft(t):
    for name, ins, outs, types, attrs in MS:
        in_ports, least_in, most_in = parse_ports(ins)
        out_ports, least_out, most_out = parse_ports(outs)
        t.add("com.microsoft", name, 1, 0, in_ports, out_ports,
              {k: [f"tensor({d})" for d in v.split()] for k, v in types.items()}, parse_attrs(attrs),
              (least_in, most_in, least_out, most_out))


def c_value(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    return str(v)


def c_row(row):
    return "{" + ", ".join(c_value(v) for v in row) + "}"


def c_port(row):
    return c_row((*row[:3], f"0x{row[3]:x}u", f"0x{row[4]:x}u", *row[5:]))


def c_int(v):
    return "INT64_MIN" if v == -(1 << 63) else f"INT64_C({v})"


def c_float(v):
    if v != v:
        raise SystemExit("a default that is no number cannot be represented")
    return {np.inf: "INFINITY", -np.inf: "-INFINITY"}.get(v, f"{np.float32(v)!s}F")


def c_string(s):
    if not s.isascii() or "\0" in s:
        raise SystemExit(f"string {s!r} cannot be represented")
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '\\0"'


def c_table(name, kind, rows, text=c_row):
    return f"const {kind} {name}[] = {{\n" + "".join(f"    {text(r)},\n" for r in rows) + "};\n\n"


def newest_versions(t):
    newest = {d: max(r[2] for r in t.rows if r[0] == d) for d in sorted({r[0] for r in t.rows})}
    newest[""] = max(newest[""], defs.onnx_opset_version())
    return newest


def ir_versions():
    """Opset of ai.onnx -> IR version of the first release that had it."""
    ir = {}
    for row in helper.VERSION_TABLE:
        ir.setdefault(row[2], row[1])
    return sorted(ir.items())


def make_tables():
    t = Tables()
    known = [s for s in defs.get_all_schemas_with_history() if s.domain in DOMAINS]
    for s in sorted(known, key=lambda s: (s.domain, s.name, s.since_version)):
        add_onnx(t, s)
    add_microsoft(t)
    t.rows.sort(key=lambda r: r[:3])
    return t


def render():
    t = make_tables()
    rows = [(t.pool.add(r[0]), t.pool.add(r[1]), *r[2:]) for r in t.rows]
    domains = [(t.pool.add(d), v) for d, v in newest_versions(t).items()]
    ir = ir_versions()
    # Offsets and indices are uint16_t, numbers of formal ports and attributes uint8_t.
    assert max(t.pool.size, *(len(x.rows) for x in (t.ports, t.attrs, t.ints, t.floats))) < 1 << 16
    assert max(max(r[4:7]) for r in rows) < 1 << 8
    return (
        f"/* Operator schemas: made by scripts/gen-schema.py from onnx {onnx.__version__}. Do not edit. */\n"
        '#include "ir/schema_data.h"\n\n'
        "const char qn_schema_pool[] =\n" + "\n".join(f"    {c_string(s)}" for s in t.pool.text) + ";\n\n"
        + c_table("qn_schema_rows", "struct qn_schema", rows)
        + f"const size_t qn_schema_n_rows = {len(rows)};\n\n"
        + c_table("qn_schema_ports", "struct qn_schema_port", t.ports.rows, c_port)
        + c_table("qn_schema_attrs", "struct qn_schema_attr", t.attrs.rows)
        + c_table("qn_schema_ints", "int64_t", t.ints.rows, c_int)
        + c_table("qn_schema_floats", "float", t.floats.rows, c_float)
        + c_table("qn_schema_domains", "struct qn_schema_domain", domains)
        + f"const size_t qn_schema_n_domains = {len(domains)};\n\n"
        + c_table("qn_schema_ir", "struct qn_schema_ir", ir)
        + f"const size_t qn_schema_n_ir = {len(ir)};\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", action="store_true", help="compare only")
    a = p.parse_args()
    if onnx.__version__ != WANTED:
        print(f"needs onnx {WANTED}, found {onnx.__version__}", file=sys.stderr)
        sys.exit(77 if a.check else 2)
    text = render()
    if not a.check:
        with open(OUT, "w", encoding="ascii") as f:
            f.write(text)
    elif open(OUT, encoding="ascii").read() != text:
        sys.exit("src/ir/schema_data.c is not what scripts/gen-schema.py makes")


if __name__ == "__main__":
    main()
