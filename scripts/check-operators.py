#!/usr/bin/env python3
"""Random models of one operator each, run by the embedded engine and by ONNX Runtime: the results must agree.

    scripts/check-operators.py QUERN [--count N] [--seed S] [--only GLOB] [--keep DIR]

Shapes are small and odd; empty ones, NaN and infinities are among them. A model that ONNX Runtime does not take is left out; one
that the engine calls unsupported is counted. Exit 1 if any answer differs, or if the engine ends in anything else.
"""
import argparse
import collections
import fnmatch
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("quern")
p.add_argument("--count", type=int, default=200, metavar="N")
p.add_argument("--seed", type=int, default=1)
p.add_argument("--only", default="*", metavar="GLOB")
p.add_argument("--keep", metavar="DIR", help="where models that differ go")
a = p.parse_args()
ort.set_default_logger_severity(4)

MAKERS = {}


def maker(f):
    MAKERS[f.__name__.strip("_")] = f
    return f


class Case:
    """One operator with its inputs."""

    def __init__(self, r, op, inputs, outputs=1, opset=22, domain="", tol=2e-4, weights=False, **attributes):
        self.op, self.inputs, self.opset, self.domain, self.tol = op, inputs, opset, domain, tol
        self.n_outputs, self.weights = outputs, weights  # all inputs but the first are constants
        self.wanted = None  # names of the outputs that the model has; None: all
        self.attributes = {k: v for k, v in attributes.items() if v is not None}

    def model(self):
        names = [f"i{k}" if x is not None else "" for k, x in enumerate(self.inputs)]
        while names and not names[-1]:
            names.pop()
        outputs = [f"o{k}" for k in range(self.n_outputs)]
        node = helper.make_node(self.op, names, outputs, domain=self.domain, **self.attributes)
        feeds = {n: x for n, x in zip(names, self.inputs) if n}
        held = [numpy_helper.from_array(feeds.pop(n), n) for n in list(feeds)[1:]] if self.weights else []
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in feeds.items()]
        graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info(n) for n in self.wanted or outputs], held)
        opsets = [helper.make_opsetid("", self.opset)] + ([helper.make_opsetid(self.domain, 1)] if self.domain else [])
        return helper.make_model(graph, opset_imports=opsets, ir_version=10), feeds


class R:
    """Random choices."""

    def __init__(self, seed):
        self.g = np.random.default_rng(seed)

    def int(self, low, high):
        return int(self.g.integers(low, high + 1))

    def pick(self, *options):
        return options[self.int(0, len(options) - 1)]

    def chance(self, p):
        return self.g.random() < p

    def floats(self, *shape, dtype=np.float32, odd=0.1):
        """Normal numbers; with the chance `odd` one of them is none."""
        x = self.g.normal(size=shape).astype(dtype)
        if x.size and self.chance(odd):
            x.ravel()[self.int(0, x.size - 1)] = self.pick(np.nan, np.inf, -np.inf, 0)
        return x

    def real(self):
        return self.pick(np.float32, np.float32, np.float64, np.float16)

    def dims(self, low, high, most=5):
        return [self.int(1, most) if not self.chance(0.03) else 0 for _ in range(self.int(low, high))]

    def ints(self, low, high, *shape, dtype=np.int64):
        return self.g.integers(low, high + 1, size=shape).astype(dtype)

    def axis(self, rank):
        return self.int(-rank, rank - 1)


@maker
def attention(r):
    b, kv, s, n, h, v = r.int(1, 2), r.int(1, 3), r.int(1, 5), r.int(1, 6), r.pick(1, 3, 8), r.pick(1, 4, 8)
    q = kv * r.int(1, 3)
    past = r.int(1, 3) if r.chance(0.4) else 0
    flat = r.chance(0.4)
    opset = r.pick(23, 24)
    causal = r.int(0, 1) if s > 1 or not past else 0  # ONNX Runtime lets a single query see all keys, unlike ONNX
    at = (lambda heads, length, size: (b, length, heads * size)) if flat else (lambda heads, length, size: (b, heads, length, size))
    mask = None
    if r.chance(0.5):
        full = [b, q, s, n + past]
        shape = [d if r.chance(0.7) or i > 1 else 1 for i, d in enumerate(full)][r.pick(0, 1, 2):]
        mask = r.g.random(shape) < 0.7 if r.chance(0.5) else r.floats(*shape, odd=0)
    x = [r.floats(*at(q, s, h), odd=0), r.floats(*at(kv, n, h), odd=0), r.floats(*at(kv, n, v), odd=0), mask,
         r.floats(b, kv, past, h, odd=0) if past else None, r.floats(b, kv, past, v, odd=0) if past else None]
    return Case(r, "Attention", x, r.pick(1, 3) if past else 1, opset, is_causal=causal, softcap=r.pick(None, 2.0),
                scale=r.pick(None, 0.3), q_num_heads=q if flat else None, kv_num_heads=kv if flat else None)


@maker
def rotary(r):
    b, n, s, h = r.int(1, 2), r.int(1, 3), r.int(1, 4), r.pick(2, 4, 8)
    turned = r.pick(0, 0, h) if h < 4 or r.chance(0.5) else h // 2
    half = (turned or h) // 2
    flat = r.chance(0.5)
    x = r.floats(b, s, n * h) if flat else r.floats(b, n, s, h)
    places = r.ints(0, 6, b, s) if r.chance(0.5) else None
    cache = (7, half) if places is not None else (b, s, half)
    return Case(r, "RotaryEmbedding", [x, r.floats(*cache), r.floats(*cache), places], opset=23, interleaved=r.int(0, 1),
                num_heads=n if flat else None, rotary_embedding_dim=turned or None)


@maker
def layer_norm(r):
    x = r.floats(*r.dims(1, 4), dtype=r.real())
    axis = r.axis(x.ndim)
    shape = x.shape[axis:]
    op = r.pick("LayerNormalization", "RMSNormalization")
    scale = r.floats(*shape, dtype=x.dtype, odd=0)
    if op == "RMSNormalization":
        return Case(r, op, [x, scale], opset=23, axis=axis, tol=2e-3 if x.dtype == np.float16 else 2e-4)
    return Case(r, op, [x, scale, r.pick(None, r.floats(*shape, dtype=x.dtype, odd=0))], r.pick(1, 1, 3) if x.dtype == np.float32 else 1,
                axis=axis, tol=2e-3 if x.dtype == np.float16 else 2e-4)


@maker
def group_norm(r):
    groups, each, opset = r.int(1, 3), r.int(1, 3), r.pick(18, 21)
    x = r.floats(r.int(1, 2), groups * each, *r.dims(1, 3))
    n = groups if opset == 18 else groups * each
    return Case(r, "GroupNormalization", [x, r.floats(n, odd=0), r.floats(n, odd=0)], opset=opset, num_groups=groups)


@maker
def rows(r):
    d = r.real()
    x = r.floats(*r.dims(1, 4), dtype=d, odd=0.1 if d == np.float32 else 0)  # ONNX Runtime's LogSoftmax of double drops NaN
    op = r.pick("Softmax", "LogSoftmax", "Hardmax", "LpNormalization")
    p = {"p": r.int(1, 2)} if op == "LpNormalization" else {}
    return Case(r, op, [x], opset=r.pick(11, 13) if op != "LpNormalization" else 22, axis=r.axis(x.ndim), **p)


@maker
def other_norms(r):
    x = r.floats(r.int(1, 2), r.int(2, 5), r.int(1, 4), r.int(2, 4), odd=0)  # its LRN carries NaN on to the next channels
    if r.chance(0.4):
        return Case(r, "LRN", [x], opset=13, size=r.pick(1, 3, 5), alpha=0.2, bias=1.5)
    if r.chance(0.4):
        return Case(r, "MeanVarianceNormalization", [x], opset=13, axes=r.pick(None, [0, 1], [2, 3]), tol=1e-2)
    c = x.shape[1]
    x = x.astype(r.pick(np.float32, np.float64))
    return Case(r, "BatchNormalization", [x, *(np.abs(r.floats(c, dtype=x.dtype, odd=0)) for _ in range(4))], opset=15)


@maker
def unary(r):
    op = r.pick("Swish", "Shrink", "Gelu", "Mish", "HardSwish", "Softplus", "Elu", "Celu", "Selu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Erf", "Sin", "Round",
                "Neg", "Abs", "Sign", "Floor", "Ceil", "Reciprocal", "Relu")
    x = r.floats(*r.dims(0, 3), dtype=r.real(), odd=0.3)
    if op in ("Neg", "Abs", "Sign") and r.chance(0.5):
        x = r.ints(-2**62, 2**62, *x.shape, dtype=r.pick(np.int64, np.int32, np.int8))
    more = {"bias": 0.2, "lambd": 0.4} if op == "Shrink" else {"alpha": 1.7} if op == "Swish" else {}
    return Case(r, op, [x], opset=24 if op == "Swish" else 22, tol=2e-3 if x.dtype == np.float16 else 1e-12 if x.dtype == np.float64 and op != "Shrink" else 2e-4, **more)


@maker
def contrib_codes(r):
    """The element-wise operators of codes that ONNX Runtime's own quantizer writes."""
    op = r.pick("QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearGlobalAveragePool", "QLinearConcat", "QGemm")
    t = r.pick(np.uint8, np.int8) if op != "QLinearConcat" else np.uint8
    low, high = (0, 255) if t == np.uint8 else (-128, 127)

    def x(*shape):
        return r.ints(low, high, *shape, dtype=t)

    def scale(most=0.1):
        return [np.array(r.g.uniform(most / 10, most), np.float32), np.asarray(x())]

    shape = [r.int(1, 5) for _ in range(4)]
    if op == "QGemm":
        m, n, k, ta, tb = r.int(1, 5), r.int(1, 6), r.int(1, 9), r.int(0, 1), r.int(0, 1)
        c = r.ints(-999, 999, *r.pick((n,), (m, 1), (1, n), (m, n), (1,)), dtype=np.int32) if r.chance(0.7) else None
        codes_out = r.chance(0.6)
        return Case(r, op, [x(*((k, m) if ta else (m, k))), *scale(), x(*((n, k) if tb else (k, n))), *scale(), c,
                            *(scale() if codes_out else ())], domain="com.microsoft", transA=ta, transB=tb, alpha=r.pick(1.0, 0.5))
    if op in ("QLinearAdd", "QLinearMul"):
        other = [n if r.chance(0.7) else 1 for n in shape]
        return Case(r, op, [x(*shape), *scale(), x(*other), *scale(), *scale()], domain="com.microsoft", tol=0.012)
    if op == "QLinearConcat":
        return Case(r, op, [*scale(), *(v for _ in range(r.int(1, 3)) for v in (x(*shape), *scale()))], domain="com.microsoft", axis=r.axis(4),
                    tol=0.012)
    return Case(r, op, [x(*shape), *scale(), *scale(0.02)], domain="com.microsoft", tol=0.012,
                **({"alpha": 0.2} if op == "QLinearLeakyRelu" else {"channels_last": 0} if op == "QLinearGlobalAveragePool" else {}))


@maker
def half(r):
    """What is computed by way of float."""
    op = r.pick("MatMul", "Gemm", "Conv", "Add", "Mul", "Div", "ReduceMean", "MaxPool", "AveragePool", "GlobalAveragePool")
    f = np.float16
    if op == "MatMul":
        x = [r.floats(2, 3, 4, dtype=f, odd=0), r.floats(4, 5, dtype=f, odd=0)]
    elif op == "Gemm":
        x = [r.floats(3, 4, dtype=f, odd=0), r.floats(4, 5, dtype=f, odd=0), r.floats(5, dtype=f, odd=0)]
    elif op == "Conv":
        x = [r.floats(1, 3, 6, 6, dtype=f, odd=0), r.floats(4, 3, 3, 3, dtype=f, odd=0), r.floats(4, dtype=f, odd=0)]
    elif op in ("Add", "Mul", "Div"):
        x = [r.floats(2, 3, 4, dtype=f), r.floats(*r.pick((4,), (3, 1), (2, 1, 4)), dtype=f)]
    else:
        x = [r.floats(2, 3, 5, 5, dtype=f)]
    return Case(r, op, x, opset=17, tol=5e-3, weights=r.chance(0.5), **({"kernel_shape": [3, 3]} if op in ("MaxPool", "AveragePool") else {}))


@maker
def gemm(r):
    m, n, k, d = r.int(1, 5), r.int(1, 5), r.int(1, 5), r.pick(np.float32, np.float64)
    ta, tb = r.int(0, 1), r.int(0, 1)
    c = r.floats(*r.pick((), (1,), (n,), (m, 1), (1, n), (m, n)), dtype=d, odd=0)
    return Case(r, "Gemm", [r.floats(*((k, m) if ta else (m, k)), dtype=d, odd=0), r.floats(*((n, k) if tb else (k, n)), dtype=d, odd=0), r.pick(None, c)],
                opset=13, transA=ta, transB=tb, alpha=r.pick(1.0, 0.5), beta=r.pick(1.0, 0.25), tol=1e-12 if d == np.float64 else 2e-4)


@maker
def integers(r):
    op = r.pick("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift", "Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Less", "Greater", "Equal")
    d = r.pick(np.uint8, np.uint32, np.uint64) if op == "BitShift" else r.pick(np.int32, np.int64) if op not in ("Max", "Min", "Div") \
        else r.pick(np.int32, np.int64, np.uint64)
    info = np.iinfo(d)
    x = r.g.integers(info.min, info.max, size=r.dims(1, 3), dtype=d)
    y = r.g.integers(1, 9 if op in ("BitShift", "Mod", "Div") else info.max, size=x.shape[-1:], dtype=d)
    return Case(r, op, [x, y], opset=22, **({"direction": r.pick("LEFT", "RIGHT")} if op == "BitShift" else {}))


@maker
def index(r):
    op = r.pick("NonZero", "OneHot", "EyeLike", "Compress", "ReverseSequence", "Unique")
    if op == "NonZero":
        return Case(r, op, [r.ints(-1, 1, *r.dims(1, 3), dtype=r.pick(np.int64, np.int32, np.float32, np.bool_))], opset=13)
    if op == "OneHot":
        x = r.ints(-7, 7, *r.dims(1, 3), dtype=r.pick(np.int64, np.float32))
        return Case(r, op, [x, np.array(r.int(1, 7), np.int64), r.floats(2)], opset=11, axis=r.axis(x.ndim + 1))
    if op == "EyeLike":
        return Case(r, op, [r.floats(r.int(1, 5), r.int(1, 5))], opset=22, k=r.int(-6, 6), dtype=r.pick(None, TensorProto.INT32, TensorProto.DOUBLE))
    if op == "Compress":
        x = r.floats(*r.dims(1, 3))
        axis = r.pick(None, r.axis(x.ndim))
        n = x.size if axis is None else x.shape[axis]
        return Case(r, op, [x, r.g.random(r.int(0, n)) < 0.5], opset=11, axis=axis)
    if op == "ReverseSequence":
        t, b = r.int(1, 5), r.int(1, 4)
        time = r.int(0, 1)
        x = r.floats(*((t, b) if time == 0 else (b, t)), *r.dims(0, 2))
        return Case(r, op, [x, r.ints(1, t, b)], opset=10, time_axis=time, batch_axis=1 - time)
    x = r.ints(0, 2, *[r.int(1, 4) for _ in range(r.int(1, 3))], dtype=r.pick(np.int64, np.float32))
    return Case(r, op, [x], 4, opset=11, axis=r.pick(None, r.axis(x.ndim)), sorted=r.int(0, 1))


@maker
def boxes(r):
    if r.chance(0.5):
        n, c, k = r.int(1, 2), r.int(1, 3), r.int(1, 8)
        corners = np.sort(r.g.random((n, k, 2, 2)), axis=2).reshape(n, k, 4).astype(np.float32)
        return Case(r, "NonMaxSuppression", [corners, r.g.random((n, c, k)).astype(np.float32), np.array([r.int(0, 4)], np.int64),
                    np.array([r.g.random()], np.float32), r.pick(None, np.array([0.3], np.float32))], opset=11, center_point_box=r.int(0, 1))
    x = r.floats(2, 2, r.int(2, 8), r.int(2, 8), odd=0)
    k = r.int(1, 4)
    rois = np.sort(r.g.random((k, 2, 2)) * 9 - 0.5, axis=1).reshape(k, 4).astype(np.float32)
    return Case(r, "RoiAlign", [x, rois, r.ints(0, 1, k)], opset=16, output_height=r.int(1, 3), output_width=r.int(1, 3), spatial_scale=r.pick(1.0, 0.7),
                sampling_ratio=r.int(0, 2), coordinate_transformation_mode=r.pick("half_pixel", "output_half_pixel"), tol=1e-3)


@maker
def codes(r):
    u = r.pick(np.uint8, np.int8)
    code = lambda *shape: r.g.integers(np.iinfo(u).min, np.iinfo(u).max + 1, size=shape).astype(u)  # noqa: E731
    scale = lambda: np.array(0.01 + r.g.random() / 50, np.float32)  # noqa: E731
    op = r.pick("MatMulInteger", "QLinearMatMul", "ConvInteger", "QLinearConv", "DynamicQuantizeLinear")
    if op == "DynamicQuantizeLinear":
        return Case(r, op, [r.floats(*r.dims(1, 3), odd=0) + r.pick(0, 3, -3)], 3, opset=11)
    if op == "MatMulInteger":
        return Case(r, op, [code(2, 3, 4), code(4, 5), code(), r.pick(code(), code(5))], opset=10)
    if op == "QLinearMatMul":
        return Case(r, op, [code(2, 3, 4), scale(), code(), code(4, 5), scale(), code(), np.array(0.7, np.float32), code()], opset=10)
    x, w = code(1, 4, 6, 5).astype(np.uint8), code(4, 2, 3, 2).astype(np.uint8)
    more = {"group": 2, "pads": r.pick([0, 0, 0, 0], [1, 0, 1, 2]), "strides": r.pick([1, 1], [2, 1])}
    if op == "ConvInteger":
        return Case(r, op, [x, w, np.array(r.int(0, 255), np.uint8), np.array(r.int(0, 255), np.uint8)], opset=10, **more)
    zero = lambda: np.array(r.int(0, 255), np.uint8)  # noqa: E731
    return Case(r, op, [x, scale(), zero(), w, scale(), zero(), np.array(0.9, np.float32), zero(), r.pick(None, r.ints(-999, 999, 4, dtype=np.int32))],
                opset=10, **more)


@maker
def recurrent(r):
    op = r.pick("RNN", "GRU", "LSTM")
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    t, b, i, h, d = r.int(1, 4), r.int(1, 3), r.int(1, 4), r.int(1, 4), r.int(1, 2)
    x = [r.floats(t, b, i, odd=0), r.floats(d, gates * h, i, odd=0), r.floats(d, gates * h, h, odd=0), r.pick(None, r.floats(d, 2 * gates * h, odd=0)),
         r.pick(None, r.ints(1, t, b, dtype=np.int32)), r.pick(None, r.floats(d, b, h, odd=0))]
    n_f = {"RNN": 1, "GRU": 2, "LSTM": 3}[op] * d
    names = [r.pick("Tanh", "Sigmoid", "Relu", "Softsign") for _ in range(n_f)] if r.chance(0.4) else None
    if op == "LSTM":
        x += [r.pick(None, r.floats(d, b, h, odd=0)), r.pick(None, r.floats(d, 3 * h, odd=0))]
    return Case(r, op, x, 3 if op == "LSTM" else 2, opset=14, hidden_size=h, direction=["forward", "bidirectional"][d - 1] if d == 2 or r.chance(0.6) else "reverse",
                activations=names, clip=r.pick(None, 0.5), tol=1e-3, **({"linear_before_reset": r.int(0, 1)} if op == "GRU" else {}))


@maker
def contrib(r):
    if r.chance(0.3):
        op, x = r.pick("BiasGelu", "FastGelu"), r.floats(*r.dims(1, 2), 4)
        return Case(r, op, [x, r.floats(4, odd=0) if op[0] == "B" else r.pick(None, r.floats(4, odd=0))], domain="com.microsoft", tol=1e-3)
    if r.chance(0.5):
        a_, b_ = r.floats(2, 3, 4, odd=0), r.floats(2, 4, 5, odd=0)
        ta, tb = r.int(0, 1), r.int(0, 1)
        return Case(r, "FusedMatMul", [a_.swapaxes(1, 2).copy() if ta else a_, b_.swapaxes(1, 2).copy() if tb else b_], domain="com.microsoft", transA=ta,
                    transB=tb, alpha=r.pick(1.0, 0.25))
    bits, block = r.pick(4, 8), r.pick(16, 32)
    n, k = r.int(1, 9), block * r.int(1, 3)
    blocks = k // block
    zero = r.pick(None, r.ints(0, 255, n * (blocks * bits + 7 >> 3), dtype=np.uint8))
    return Case(r, "MatMulNBits", [r.floats(3, k, odd=0), r.ints(0, 255, n, blocks, block * bits // 8, dtype=np.uint8), r.floats(n * blocks, odd=0), zero],
                domain="com.microsoft", K=k, N=n, bits=bits, block_size=block, tol=5e-3, accuracy_level=1)


@maker
def signal(r):
    op = r.pick("DFT", "DFT", "STFT", "HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix", "CumSum", "Det")
    if op == "DFT":
        x = r.floats(*[r.int(1, 9) for _ in range(r.int(1, 3))], r.int(1, 2), dtype=r.pick(np.float32, np.float64), odd=0)
        n = r.pick(None, np.array(r.int(1, 12), np.int64))
        side = r.pick("onesided", "inverse", None)
        return Case(r, op, [x, n, np.array(r.int(0, x.ndim - 2), np.int64)], opset=20, tol=1e-4,
                    **({side: 1} if side and (side != "onesided" or x.shape[-1] == 1) else {}))
    if op == "STFT":
        n = r.int(2, 9)
        return Case(r, op, [r.floats(r.int(1, 2), r.int(n, 30), 1, odd=0), np.array(r.int(1, 4), np.int64), r.pick(None, r.floats(n, odd=0)), np.array(n, np.int64)],
                    opset=17, onesided=r.int(0, 1), tol=1e-3)
    if op == "MelWeightMatrix":
        return Case(r, op, [np.array(v, np.int64) for v in (r.int(1, 8), r.int(16, 64), r.pick(8000, 8192))] + [np.array(v, np.float32) for v in (0.0, r.pick(1e3, 4e3))],
                    opset=17)
    if op == "CumSum":
        x = r.floats(*r.dims(1, 3))
        return Case(r, op, [x, np.array(r.axis(x.ndim), np.int64)], opset=14, reverse=r.int(0, 1), exclusive=r.int(0, 1))
    if op == "Det":
        n = r.int(1, 5)
        return Case(r, op, [r.floats(*r.dims(0, 1), n, n, odd=0)], opset=22, tol=1e-3)
    return Case(r, op, [np.array(r.int(4, 12), np.int64)], opset=17, periodic=r.int(0, 1))


@maker
def resize(r):
    x = r.floats(1, 2, r.int(1, 8), r.int(1, 8), odd=0)
    mode, how = r.pick("linear", "cubic", "nearest"), r.pick("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "tf_crop_and_resize")
    if mode != "nearest" and r.chance(0.4):
        sizes = np.array([1, 2, r.int(1, 9), r.int(1, 9)], np.int64)
        return Case(r, "Resize", [x, None, None, sizes], opset=19, mode=mode, antialias=1, tol=1e-3)
    roi = np.array([0, 0, 0.1, -0.2, 1, 1, 0.8, 1.1], np.float32) if how == "tf_crop_and_resize" else None
    sizes = np.array([1, 2, x.shape[2] + r.pick(1, 2), x.shape[3] + r.pick(1, 3)], np.int64)  # ONNX Runtime crops no axis that keeps its size
    return Case(r, "Resize", [x, roi, None, sizes], opset=19, mode=mode, coordinate_transformation_mode=how,
                extrapolation_value=3.0 if roi is not None else None, tol=1e-3)


@maker
def grid(r):
    axes = r.int(2, 3)
    x = r.floats(r.int(1, 2), r.int(1, 2), *[r.int(1, 5) for _ in range(axes)], odd=0)
    places = (r.floats(x.shape[0], *[r.int(1, 3) for _ in range(axes)], axes, odd=0)).astype(np.float32)
    mode = r.pick("linear", "nearest", "cubic") if axes == 2 else r.pick("linear", "nearest")
    return Case(r, "GridSample", [x, places], opset=20, mode=mode, padding_mode=r.pick("zeros", "border", "reflection"), align_corners=r.int(0, 1), tol=1e-3)


@maker
def deform(r):
    parts, group, k, s, p, d = r.int(1, 2), r.int(1, 2), (r.int(1, 3), r.int(1, 3)), r.int(1, 2), r.int(0, 2), r.int(1, 2)
    n, c, m, size = r.int(1, 2), 2 * r.int(1, 2), 2 * r.int(1, 2), (r.int(5, 7), r.int(5, 7))
    out = tuple((size[i] + 2 * p - d * (k[i] - 1) - 1) // s + 1 for i in (0, 1))
    taps = parts * k[0] * k[1]
    x = [r.floats(n, c, *size, odd=0), r.floats(m, c // group, *k, odd=0), r.floats(n, 2 * taps, *out, odd=0) * 2,
         r.pick(None, r.floats(m, odd=0)), r.pick(None, r.floats(n, taps, *out, odd=0))]
    return Case(r, "DeformConv", x, opset=r.pick(19, 22), offset_group=parts, group=group, strides=[s, s], pads=[p] * 4, dilations=[d, d])


@maker
def max_places(r):
    """Outputs of which the first is not wanted."""
    x = r.floats(r.int(1, 2), r.int(1, 3), *[r.int(3, 6) for _ in range(r.int(1, 2))], odd=0)
    c = Case(r, "MaxPool", [x], 2, kernel_shape=[r.int(1, 3) for _ in x.shape[2:]], strides=[r.int(1, 2) for _ in x.shape[2:]])
    c.wanted = ["o1"]
    return c


@maker
def diagonals(r):
    n, k = r.int(1, 4), r.int(1, 3)
    text, shapes = r.pick(("bii->bi", [(k, n, n)]), ("ii->", [(n, n)]), ("bii,bi->b", [(k, n, n), (k, n)]), ("iji->ji", [(n, k, n)]), ("...ii->...i", [(k, 2, n, n)]))
    return Case(r, "Einsum", [r.floats(*s, odd=0) for s in shapes], equation=text)


@maker
def spatial(r):
    op = r.pick("CenterCropPad", "Col2Im", "LpPool", "GlobalLpPool", "AffineGrid", "MaxUnpool", "MaxPool")
    if op == "GlobalLpPool":
        return Case(r, op, [r.floats(2, 3, *r.dims(1, 3), odd=0)], opset=13, p=r.pick(None, 1, 3))
    if op == "MaxPool":
        size = [r.int(3, 7) for _ in range(r.int(1, 3))]
        return Case(r, op, [r.floats(2, 3, *size, odd=0)], 2, opset=22, kernel_shape=[2] * len(size), strides=[r.int(1, 2)] * len(size),
                    storage_order=r.int(0, 1))
    if op == "CenterCropPad":
        x = r.floats(*r.dims(1, 3))
        return Case(r, op, [x, r.ints(1, 7, x.ndim)], opset=18)
    if op == "Col2Im":
        image, block = [r.int(3, 6), r.int(3, 6)], [r.int(1, 3), r.int(1, 3)]
        pads, stride = [r.int(0, 1) for _ in range(4)], [r.int(1, 2), r.int(1, 2)]
        n = np.prod([(image[i] + pads[i] + pads[2 + i] - block[i]) // stride[i] + 1 for i in (0, 1)])
        return Case(r, op, [r.floats(2, 3 * block[0] * block[1], int(n), odd=0), np.array(image), np.array(block)], opset=18, pads=pads, strides=stride)
    if op == "LpPool":
        return Case(r, op, [r.floats(1, 2, 6, 7, odd=0)], opset=18, kernel_shape=[2, 3], p=r.int(1, 3), strides=[r.int(1, 2), r.int(1, 2)], pads=r.pick(None, [1, 0, 1, 2]))
    if op == "AffineGrid":
        size = [r.int(1, 2), 2, *[r.int(2, 5) for _ in range(r.int(2, 3))]]
        return Case(r, op, [r.floats(size[0], len(size) - 2, len(size) - 1, odd=0), np.array(size)], opset=20, align_corners=r.int(0, 1))
    at = np.stack([r.g.permutation(16)[:4].reshape(1, 2, 2) + 16 * c for c in range(2)], axis=1)
    return Case(r, op, [r.floats(1, 2, 2, 2, odd=0), at.astype(np.int64)], opset=11, kernel_shape=[2, 2], strides=[2, 2])


def answer(case, folder):
    """What ONNX Runtime says, written beside the model; False when it does not take it."""
    model, feeds = case.model()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = model.SerializeToString()
    try:
        results = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, feeds)
    except Exception:
        return False
    (folder / "s").mkdir()
    (folder / "model.onnx").write_bytes(data)
    for k, x in enumerate(feeds.values()):
        (folder / "s" / f"input_{k}.pb").write_bytes(numpy_helper.from_array(np.asarray(x)).SerializeToString())
    for k, x in enumerate(results):
        (folder / "s" / f"output_{k}.pb").write_bytes(numpy_helper.from_array(np.asarray(x)).SerializeToString())
    return True


count = collections.Counter()
per = collections.Counter()
with tempfile.TemporaryDirectory() as top:
    for seed in range(a.seed, a.seed + a.count):
        r = R(seed)
        names = [n for n in MAKERS if fnmatch.fnmatch(n, a.only)]
        name = r.pick(*names)
        case = MAKERS[name](r)
        folder = pathlib.Path(top) / str(seed)
        folder.mkdir()
        if not answer(case, folder):
            count["not taken"] += 1
            shutil.rmtree(folder)
            continue
        got = subprocess.run([a.quern, "run", str(folder / "model.onnx"), "--engine", "cpu", "--tol", str(case.tol), "--check", str(folder / "s")],
                             capture_output=True, text=True)
        kind = {0: "right", 4: "unsupported"}.get(got.returncode, "differ")
        count[kind] += 1
        per[case.op] += kind == "right"
        if kind != "right":
            print(f"{kind}: seed {seed} {case.op} {case.attributes} {[None if x is None else (x.dtype.name, x.shape) for x in case.inputs]}: "
                  f"{(got.stderr or got.stdout).strip().splitlines()[:1]}")
            if a.keep and kind == "differ":
                shutil.copytree(folder, pathlib.Path(a.keep) / f"{name}-{seed}", dirs_exist_ok=True)
        shutil.rmtree(folder)
print(f"seeds {a.seed} to {a.seed + a.count - 1}: " + ", ".join(f"{n} {k}" for k, n in sorted(count.items())))
print(", ".join(f"{k} {n}" for k, n in sorted(per.items())))
sys.exit(count["differ"] > 0 or count["right"] == 0)
