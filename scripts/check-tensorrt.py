#!/usr/bin/env python3
"""Do QDQ models obey TensorRT's rules? check-tensorrt.py [--version 8|10] FILE...

One line for each violation (FILE: RULE NODE: what), exit status 1 when there is any. Knows nothing of quern:
needs onnx and numpy. Rules: explicit quantization in TensorRT's documentation, its ONNX parser, its issue tracker.
"""
import argparse
import sys

import numpy as np
import onnx
from onnx import numpy_helper

WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
MOVES = {"MaxPool", "Reshape", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Split"}
ACTIVATIONS = {"Relu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "LeakyRelu", "PRelu", "Elu", "Selu",
               "Softplus", "Mish", "BatchNormalization"}
FLOAT_ONLY = {"LayerNormalization", "GroupNormalization", "InstanceNormalization", "Softmax", "Gelu", "Erf",
              "ReduceMean", "Pow", "Sqrt", "Div", "Sub", "Exp", "LogSoftmax"}
POOLS = {"AveragePool", "GlobalAveragePool"}
REFUSED = {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
OPSETS = {8: (13, 17), 10: (13, 20)}
NEWER_THAN_8 = {"Gelu", "GroupNormalization", "AffineGrid", "Col2Im", "DeformConv"}
FEWEST = 16  # channels below which int8 rarely wins
TYPES = {8: {onnx.TensorProto.INT8},
         10: {onnx.TensorProto.INT8, onnx.TensorProto.INT4, onnx.TensorProto.FLOAT8E4M3FN}}


class Model:
    """A graph with constants, producers, readers and what shapes can be inferred."""

    def __init__(self, model):
        try:
            model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except Exception:  # shapes are used where they are known only
            pass
        graph = model.graph
        self.opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
        self.nodes = list(graph.node)
        self.constants = {t.name: t for t in graph.initializer}
        for n in self.nodes:
            if n.op_type == "Constant" and any(a.name == "value" for a in n.attribute):
                self.constants[n.output[0]] = next(a.t for a in n.attribute if a.name == "value")
        self.inputs = {i.name for i in graph.input}
        self.outputs = {o.name for o in graph.output}
        self.producer = {o: n for n in self.nodes for o in n.output if o}
        self.readers = {}
        for n in self.nodes:
            for i, name in enumerate(n.input):
                if name:
                    self.readers.setdefault(name, []).append((n, i))
        self.shapes = {}
        for v in list(graph.value_info) + list(graph.input) + list(graph.output):
            if v.type.tensor_type.HasField("shape"):
                self.shapes[v.name] = [d.dim_value if d.HasField("dim_value") else None
                                       for d in v.type.tensor_type.shape.dim]
        for name, t in self.constants.items():
            self.shapes[name] = list(t.dims)
        self.floats = {v.name: v.type.tensor_type.elem_type for v in list(graph.value_info) + list(graph.input)}

    def is_fixed(self, name):
        return name in self.constants and name not in self.inputs

    def value(self, name):
        return numpy_helper.to_array(self.constants[name])

    def made_by(self, name, *ops):
        n = self.producer.get(name)
        return n if n is not None and n.op_type in ops else None

    def only_reader(self, name):
        r = self.readers.get(name, [])
        return r[0][0] if len(r) == 1 and name not in self.outputs else None

    def dq(self, name):
        return self.made_by(name, "DequantizeLinear")

    def activation_dq(self, name):
        """The DQ behind a Q that makes a value, or None."""
        dq = self.dq(name)
        return dq if dq is not None and self.made_by(dq.input[0], "QuantizeLinear") else None

    def before_pair(self, name):
        """The float value in front of the pair that makes a value; itself without one."""
        dq = self.activation_dq(name)
        return self.producer[dq.input[0]].input[0] if dq is not None else name

    def scale(self, node):
        return self.value(node.input[1]) if len(node.input) > 1 and self.is_fixed(node.input[1]) else None


def attr(node, name, default=None):
    for a in node.attribute:
        if a.name == name:
            return onnx.helper.get_attribute_value(a)
    return default


def elem_type(m, name):
    return m.constants[name].data_type if name in m.constants else None


# ------------------------------------------------- 2.1 types, zero points, scales; 2.2 granularity and axes

def check_parameters(m, version, say):
    for n in m.nodes:
        if n.op_type in REFUSED:
            say("TRT-10", n, f"{n.op_type} is not taken")
        if n.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if len(n.input) < 3 or not n.input[2]:
            say("TRT-03", n, "no zero point")
        elif not m.is_fixed(n.input[2]):
            say("TRT-02", n, "its zero point is not constant")
        else:
            check_zero_point(m, n, version, say)
        if not m.is_fixed(n.input[1]):
            say("TRT-06", n, "its scale is not constant")
            continue
        scale = m.value(n.input[1])
        if not (np.isfinite(scale.astype(np.float64)).all() and (scale > 0).all()):
            say("TRT-05", n, f"scale {scale.min()} is not positive and finite")
        data_type = m.floats.get(n.input[0]) if n.op_type == "QuantizeLinear" else None
        if m.opset < 19 and (scale.dtype != np.float32 or data_type not in (None, 0, onnx.TensorProto.FLOAT)):
            say("TRT-14", n, "scale and data are not both float32 below opset 19")
        check_axes(m, n, scale, version, say)


def check_zero_point(m, n, version, say):
    dtype = elem_type(m, n.input[2])
    zero = m.value(n.input[2])
    if n.op_type == "DequantizeLinear" and dtype == onnx.TensorProto.INT32:
        say("TRT-09", n, "DequantizeLinear of int32: a quantized bias")
    elif dtype == onnx.TensorProto.UINT8:
        say("TRT-01", n, "uint8")
    elif dtype not in TYPES[version]:
        say("TRT-08", n, f"type {onnx.TensorProto.DataType.Name(dtype)}")
    if np.any(zero.astype(np.float64) != 0):
        say("TRT-02", n, "its zero point is not 0")
    if m.is_fixed(n.input[1]) and zero.size != m.value(n.input[1]).size:
        say("TRT-04", n, f"{zero.size} zero points, {m.value(n.input[1]).size} scales")
    if attr(n, "output_dtype", 0) not in (0, dtype) and n.op_type == "QuantizeLinear":
        say("TRT-07", n, "output_dtype is not the type of the zero point")


def check_axes(m, n, scale, version, say):
    is_weight = n.op_type == "DequantizeLinear" and m.is_fixed(n.input[0])
    shape = m.shapes.get(n.input[0])
    block = attr(n, "block_size", 0)
    if block:
        check_blocks(m, n, scale, shape, block, say)
        return
    if scale.ndim > 1:
        say("TRT-11", n, f"scale of rank {scale.ndim}")
    if scale.size > 1:
        if not is_weight:
            say("TRT-20", n, "an activation with more than one scale")
        if attr(n, "axis") is None:
            say("TRT-22", n, "more than one scale and no axis")
        axis = attr(n, "axis", 1)
        if shape is not None and (not -len(shape) <= axis < len(shape) or shape[axis] not in (None, scale.size)):
            say("TRT-21", n, f"{scale.size} scales on axis {axis} of {shape}")
    if is_weight:
        check_weight(m, n, scale, version, say)


def check_blocks(m, n, scale, shape, block, say):
    """Block scales: as the parser wants them, and int4 weights only."""
    if shape is None or scale.ndim != len(shape):
        say("TRT-25", n, "block scales of another rank than the data")
        return
    blocked = [i for i, (s, d) in enumerate(zip(scale.shape, shape)) if s != d]
    if len(blocked) > 1 or any(shape[i] % scale.shape[i] for i in blocked):
        say("TRT-25", n, f"blocks {list(scale.shape)} do not divide {shape} on one dimension")
    dtype = elem_type(m, n.input[0])
    if dtype == onnx.TensorProto.INT4:
        if block not in (64, 128) or attr(n, "axis", 1) % len(shape) < len(shape) - 2 or shape[-1] % 2:
            say("TRT-26", n, f"int4 in blocks of {block} on axis {attr(n, 'axis', 1)} of {shape}")
    else:
        say("TRT-27", n, "blocks of another type than int4 need TensorRT 10.8 and a newer processor")


def check_weight(m, dq, scale, version, say):
    codes = m.value(dq.input[0])
    dtype = elem_type(m, dq.input[0])
    if dtype == onnx.TensorProto.INT8 and codes.size and codes.min() < -127:
        say("TRT-12", dq, "weights hold -128")
    for op, port in m.readers.get(dq.output[0], []):
        if op.op_type == "Conv" and dtype not in (onnx.TensorProto.INT8, onnx.TensorProto.FLOAT8E4M3FN):
            say("TRT-29", dq, "Conv takes int8 and fp8 weights only")
        if dtype == onnx.TensorProto.INT4 and scale.size == 1:
            say("TRT-26", dq, "int4 weights without blocks")
        if scale.size == 1 or op.op_type not in WEIGHTED:
            continue
        axis = attr(dq, "axis", 1) % max(codes.ndim, 1)
        wanted = {"Conv": 0, "ConvTranspose": 1, "MatMul": codes.ndim - 1,
                  "Gemm": 0 if attr(op, "transB", 0) else 1}[op.op_type]
        if op.op_type == "ConvTranspose":
            if version == 8 or axis != wanted or (attr(op, "group", 1) > 1 and codes.shape[1] < 4):
                say("TRT-24", dq, f"scales on axis {axis} of the weights of ConvTranspose")
        elif axis != wanted or port != 1:
            say("TRT-23", dq, f"scales on axis {axis} of the weights of {op.op_type}, need {wanted}")


# ------------------------------------------------------------------------------------------ 2.3 placement

def tiny(m, n):
    """Why int8 rarely wins here, or None."""
    w = n.input[1]
    shape = m.shapes.get(m.dq(w).input[0] if m.dq(w) else w)
    if n.op_type in ("Conv", "ConvTranspose") and shape is not None:
        groups = attr(n, "group", 1)
        ic, oc = (shape[1], shape[0]) if n.op_type == "Conv" else (shape[0] // groups, shape[1])
        return f"{ic} to {oc} channels" if min(ic, oc) < FEWEST else None
    if n.op_type in ("Gemm", "MatMul"):
        x = m.shapes.get(m.before_pair(n.input[0]))
        w = m.shapes.get(m.before_pair(w)) if m.activation_dq(w) or shape is None else shape
        if w is not None and len(w) > 1:
            k, columns = (w[-1], w[-2]) if attr(n, "transB", 0) else (w[-2], w[-1])
            if any(d is not None and d < FEWEST for d in (k, columns)):
                return f"{k} to {columns} channels"
        if x is not None and len(x) > 1 and x[-2] == 1 and not attr(n, "transA", 0):
            return "a product with a vector"
        if x is not None and len(x) == 1:
            return "a product with a vector"
    return None


def is_integer(m, n):
    return m.activation_dq(n.input[0]) is not None and m.dq(n.input[1]) is not None


def is_product(m, n):
    """Two activations."""
    if n.op_type != "MatMul":
        return False
    w = m.dq(n.input[1])
    return not m.is_fixed(n.input[1]) and not (w is not None and m.is_fixed(w.input[0]))


def check_weighted(m, say):
    for n in m.nodes:
        if n.op_type not in WEIGHTED:
            continue
        has = [m.dq(n.input[i]) is not None for i in (0, 1)]
        why = tiny(m, n)
        if any(has) and not all(has):
            say("TRT-40", n, f"only its {'data' if has[0] else 'weights'} come from a DequantizeLinear")
        elif all(has) and why:
            say("TRT-50", n, f"quantized, yet tiny: {why}")
        elif not any(has) and not why and not unknown(m, n):
            say("TRT-40", n, "neither input is quantized")


def unknown(m, n):
    """Shapes that decide are not known: rows of a product, or weights that are not constant."""
    if is_product(m, n):
        return True  # attention is judged as a whole
    if n.op_type in ("Conv", "ConvTranspose"):
        return not m.is_fixed(n.input[1])
    x = m.shapes.get(n.input[0])
    w = m.shapes.get(n.input[1])
    return x is None or w is None or len(w) != 2 or (len(x) > 1 and x[-2] is None)


def reaches(m, name, wanted, through, limit=30):
    """Does a value reach a node for which wanted() holds, through operators of a set?"""
    front = [name]
    for _ in range(limit):
        following = []
        for value in front:
            for n, _ in m.readers.get(value, []):
                if wanted(n):
                    return True
                if n.op_type in through:
                    following += list(n.output)
        front = following
    return False


def check_readers(m, say):
    """Who reads dequantized activations."""
    for n in m.nodes:
        if n.op_type != "DequantizeLinear" or m.activation_dq(n.output[0]) is None:
            continue
        q = m.producer[n.input[0]]
        behind_weighted = m.made_by(q.input[0], *WEIGHTED) is not None
        readers = m.readers.get(n.output[0], [])
        if n.output[0] in m.outputs or n.input[0] in m.outputs:
            say("TRT-53", n, "a graph output comes from it")
        used = False
        for r, _ in readers:
            used |= r.op_type in WEIGHTED or r.op_type in POOLS or r.op_type in ("Add", "Mul", "Concat") \
                or r.op_type in MOVES
            if r.domain not in ("", "ai.onnx"):
                say("TRT-52", r, "a plugin reads a DequantizeLinear")
            elif r.op_type in ACTIVATIONS:
                rule = "TRT-51" if r.op_type == "Sigmoid" and is_silu(m, r, n.output[0]) else "TRT-42"
                say(rule, r, "a pair of Q and DQ stands in front of it")
            elif r.op_type == "Mul" and any(m.made_by(m.before_pair(i), "Sigmoid") for i in r.input):
                say("TRT-51", r, "a pair of Q and DQ stands inside a SiLU")
            elif r.op_type in FLOAT_ONLY:
                say("TRT-49", r, "reads a DequantizeLinear, faster in float")
            elif r.op_type == "QuantizeLinear":
                say("TRT-47", r, "a Q right behind a DQ")
        if behind_weighted and readers and not used:
            say("TRT-41", n, "only quantizes the output of a weighted operator")
        if not readers and n.output[0] not in m.outputs:
            say("TRT-47", n, "nobody reads it")
        if reaches(m, n.output[0], lambda r: r.op_type == "QuantizeLinear", MOVES) and \
                not any(r.op_type == "QuantizeLinear" for r, _ in readers):
            say("TRT-47", n, "data movement alone lies between this DQ and the next Q")


def is_silu(m, sigmoid, x):
    return any(r.op_type == "Mul" and x in r.input for r, _ in m.readers.get(sigmoid.output[0], []))


def backbone(m, name, add):
    """The integer Conv that alone feeds an Add, or None."""
    n = m.made_by(name, "Conv", "ConvTranspose")
    return n if n is not None and is_integer(m, n) and m.only_reader(name) is add else None


def depths(m):
    """Weighted operators on the longest way to each value."""
    depth = {}
    for n in m.nodes:
        d = max([depth.get(i, 0) for i in n.input] + [0]) + (n.op_type in WEIGHTED)
        for o in n.output:
            depth[o] = d
    return depth


def is_branch(m, add):
    """Both inputs are activations of one shape."""
    if add.op_type != "Add" or any(m.is_fixed(i) for i in add.input):
        return False
    a, b = (m.shapes.get(m.before_pair(i)) for i in add.input)
    return a is None or b is None or a == b


def check_residual(m, say):
    depth = depths(m)
    for n in m.nodes:
        if not is_branch(m, n):
            continue
        pair = [m.activation_dq(i) is not None for i in n.input]
        back = [backbone(m, i, n) for i in n.input]
        if all(pair):
            behind = [m.made_by(m.before_pair(i), "Conv", "ConvTranspose") for i in n.input]
            if any(b is not None and len(m.readers[b.output[0]]) == 1 for b in behind):
                say("TRT-43", n, "both branches are quantized: the Conv is split from the Add")
        elif any(back) and not any(pair):
            say("TRT-43", n, "the skip branch is not quantized")
        elif any(pair) and not any(back):
            say("TRT-44", n, "takes int8, yet no Conv runs as one with it")
        elif any(pair):
            i = pair.index(True)
            source = m.before_pair(n.input[i])
            if m.made_by(source, "Conv", "ConvTranspose") and len(m.readers[source]) == 1 and \
                    depth[source] > depth[n.input[1 - i]]:
                say("TRT-43", n, "the longer branch is quantized, the skip branch is not")


def check_between(m, say):
    """Operators without weights take int8 only if they give int8."""
    def gives_codes(n):
        out = n.output[0]
        after = m.only_reader(out)
        if after is not None and after.op_type in ("Relu", "Clip"):
            out = after.output[0]
        readers = m.readers.get(out, [])
        return bool(readers) and out not in m.outputs and all(r.op_type == "QuantizeLinear" for r, _ in readers)

    for n in m.nodes:
        takes = [m.activation_dq(i) is not None for i in n.input if not m.is_fixed(i)]
        if n.op_type in POOLS and any(takes) and not reaches(
                m, n.output[0], lambda r: r.op_type == "QuantizeLinear", MOVES):
            say("TRT-44", n, "takes int8 and gives float")
        if n.op_type == "Mul" and any(takes) and not (all(takes) and gives_codes(n)):
            say("TRT-44", n, "takes int8 on some inputs, or gives float")


def scales_at(m, name):
    """Scales that a value has: of the pair that makes it, and of Qs that read it."""
    found = []
    dq = m.activation_dq(name)
    if dq is not None and m.scale(dq) is not None:
        found.append(m.scale(dq))
    for r, i in m.readers.get(name, []):
        if r.op_type == "QuantizeLinear" and i == 0 and m.scale(r) is not None:
            found.append(m.scale(r))
    return found


def all_equal(scales):
    return all(s.tobytes() == scales[0].tobytes() for s in scales)


def check_sharing(m, say):
    for n in m.nodes:
        if n.op_type == "Concat":
            scales = [s for name in list(n.input) + list(n.output) for s in scales_at(m, name)]
            if scales and not all_equal(scales):
                say("TRT-45", n, f"{len(scales)} scales at its inputs and output differ")
        elif n.op_type in MOVES:
            into = scales_at(m, n.input[0])
            for o in n.output:
                if into and scales_at(m, o) and not all_equal(into + scales_at(m, o)):
                    say("TRT-46", n, "scales in front of it and behind it differ")


def check_attention(m, say):
    for n in m.nodes:
        if not is_product(m, n):
            continue
        ahead = {"Mul", "Div", "Add", "Where", "Cast", "Softmax"} | MOVES
        if softmax_behind(m, n.output[0]):
            check_first(m, n, say)
        elif m.made_by(m.before_pair(n.input[0]), "Softmax"):
            check_second(m, n, ahead, say)


def softmax_behind(m, name, limit=6):
    front = [name]
    for _ in range(limit):
        following = []
        for value in front:
            for r, _ in m.readers.get(value, []):
                if r.op_type == "Softmax":
                    return True
                if r.op_type in ("Mul", "Div", "Add", "Where", "QuantizeLinear", "DequantizeLinear", "Reshape"):
                    following += list(r.output)
        front = following
    return False


def check_first(m, n, say):
    if reaches(m, n.output[0], lambda r: r.op_type == "QuantizeLinear", {"Mul", "Div", "Add", "Where", "Reshape"}):
        say("TRT-48", n, "a Q stands between this product and Softmax")
    x = m.shapes.get(m.before_pair(n.input[0]))
    if is_integer(m, n) and x is not None and len(x) > 1 and (x[-2] or 0) > 512:
        say("TRT-48", n, f"int8 attention over {x[-2]} positions, at most 512")
    for r in m.nodes:  # the second one of the same head must be of the same kind
        soft = m.made_by(m.before_pair(r.input[0]), "Softmax") if is_product(m, r) else None
        if soft is not None and leads_back(m, soft, n) and is_integer(m, r) != is_integer(m, n) \
                and not tiny(m, r) and not tiny(m, n):
            say("TRT-48", n, "one of the two products is quantized, the other is not")


def leads_back(m, softmax, first, limit=6):
    front = [softmax.input[0]]
    for _ in range(limit):
        nodes = [m.producer[v] for v in front if v in m.producer]
        if any(p is first for p in nodes):
            return True
        front = [i for p in nodes if p.op_type in ("Mul", "Div", "Add", "Where", "Reshape", "QuantizeLinear",
                                                   "DequantizeLinear") for i in p.input]
    return False


def check_second(m, n, ahead, say):
    if is_integer(m, n) and not reaches(m, n.output[0], lambda r: r.op_type == "QuantizeLinear", MOVES):
        say("TRT-48", n, "no Q behind the second product of attention")
    if not is_integer(m, n) and not tiny(m, n) and m.opset and known(m, n):
        say("TRT-48", n, "the second product of attention is not quantized")


def known(m, n):
    shapes = [m.shapes.get(m.before_pair(i)) for i in n.input]
    return all(s is not None and None not in s[-2:] for s in shapes)


def check_versions(m, version, say):
    low, high = OPSETS[version]
    if not low <= m.opset <= high:
        say("TRT-2.4", m.nodes[0], f"opset {m.opset}, need {low} to {high}")
    for n in m.nodes:
        if version == 8 and n.op_type in NEWER_THAN_8:
            say("TRT-2.4", n, f"{n.op_type} is newer than TensorRT 8")


def check(model, version=10):
    """Violations as (rule, node name, what)."""
    m = Model(model)
    found = []

    def say(rule, node, what):
        found.append((rule, node.name or node.op_type, what))

    check_versions(m, version, say)
    check_parameters(m, version, say)
    check_weighted(m, say)
    check_readers(m, say)
    check_residual(m, say)
    check_between(m, say)
    check_sharing(m, say)
    check_attention(m, say)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--version", type=int, choices=sorted(OPSETS), default=10)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    n_bad = 0
    for path in args.files:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        found = check(model, args.version)
        n_bad += len(found)
        for rule, node, what in found:
            print(f"{path}: {rule} {node}: {what}")
        n_q = sum(n.op_type == "QuantizeLinear" for n in model.graph.node)
        print(f"{path}: {len(found)} violations, {n_q} QuantizeLinear")
    sys.exit(1 if n_bad else 0)


if __name__ == "__main__":
    main()
