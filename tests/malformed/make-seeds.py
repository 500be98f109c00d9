#!/usr/bin/env python3
"""Makes the small models and data of testdata/robust that mutation, memory and
write-failure tests start from. Usage: make-seeds.py FOLDER. Same bytes on every
run."""
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

rng = np.random.default_rng(7)


def weight(name, *shape):
    return numpy_helper.from_array((rng.standard_normal(shape) * 0.3).astype(np.float32), name)


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def value(name, *shape, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def conv():
    """Conv, BatchNormalization, Relu, a residual Add, pooling, Gemm."""
    nodes = [
        h.make_node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        h.make_node("BatchNormalization", ["c1", "g", "b", "m", "v"], ["n1"], "bn1"),
        h.make_node("Relu", ["n1"], ["r1"], "relu1"),
        h.make_node("Conv", ["r1", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1], group=2),
        h.make_node("Add", ["c2", "r1"], ["a"], "add"),
        h.make_node("Clip", ["a", "lo", "hi"], ["k"], "clip"),
        h.make_node("GlobalAveragePool", ["k"], ["p"], "pool"),
        h.make_node("Constant", [], ["shape"], "shape", value=ints("", 0, -1)),
        h.make_node("Reshape", ["p", "shape"], ["f"], "reshape"),
        h.make_node("Gemm", ["f", "w3", "b3"], ["z"], "gemm", transB=1),
        h.make_node("Softmax", ["z"], ["y"], "softmax", axis=-1),
    ]
    floats = {"g": 1.1, "b": 0.1, "m": 0.2, "v": 0.9}
    init = [weight("w1", 4, 1, 3, 3), weight("b1", 4), weight("w2", 4, 2, 3, 3), weight("w3", 3, 4), weight("b3", 3)]
    init += [numpy_helper.from_array(np.full(4, f, np.float32), n) for n, f in floats.items()]
    init += [numpy_helper.from_array(np.array(f, np.float32), n) for n, f in (("lo", 0.0), ("hi", 6.0))]
    return h.make_graph(nodes, "conv", [value("x", "N", 1, 6, 6)], [value("y", "N", 3)], init), 13


def bodies():
    """If, Loop and Scan with captured values, strings, sequences, a function."""
    then = h.make_graph([h.make_node("Add", ["x", "one"], ["t"])], "then", [], [value("t", "N", 4)])
    other = h.make_graph([h.make_node("Mul", ["x", "one"], ["e"])], "else", [], [value("e", "N", 4)])
    loop = h.make_graph(
        [h.make_node("Identity", ["go"], ["go_on"]), h.make_node("Sub", ["state", "one"], ["next"])],
        "loop",
        [value("i", dtype=T.INT64), value("go", dtype=T.BOOL), value("state", "N", 4)],
        [value("go_on", dtype=T.BOOL), value("next", "N", 4)],
    )
    scan = h.make_graph(
        [h.make_node("Add", ["sum", "row"], ["sum_out"]), h.make_node("Identity", ["sum_out"], ["row_out"])],
        "scan", [value("sum", 4), value("row", 4)], [value("sum_out", 4), value("row_out", 4)],
    )
    nodes = [
        h.make_node("ReduceSum", ["x"], ["total"], "sum", keepdims=0),
        h.make_node("Greater", ["total", "zero"], ["cond"], "greater"),
        h.make_node("If", ["cond"], ["picked"], "if", then_branch=then, else_branch=other),
        h.make_node("Loop", ["three", "", "picked"], ["looped"], "loop", body=loop),
        h.make_node("Scan", ["start", "looped"], ["last", "rows"], "scan", body=scan, num_scan_inputs=1),
        h.make_node("Twice", ["rows"], ["doubled"], "twice", domain="test.robust"),
        h.make_node("SequenceConstruct", ["doubled", "x"], ["seq"], "sequence"),
        h.make_node("SequenceAt", ["seq", "first"], ["y"], "at"),
        h.make_node("Unknown", ["y"], ["u"], "unknown", domain="com.acme", text="a\0b", list=[1, 2], part=1.5),
    ]
    init = [
        numpy_helper.from_array(np.ones(4, np.float32), "one"),
        numpy_helper.from_array(np.zeros((), np.float32), "zero"),
        numpy_helper.from_array(np.zeros(4, np.float32), "start"),
        ints("first", 0),
        numpy_helper.from_array(np.array(3, np.int64), "three"),
        numpy_helper.from_array(np.array(["a", "bc"], object), "words"),
    ]
    sparse = h.make_sparse_tensor(h.make_tensor("sparse", T.FLOAT, [2], [1.0, 2.0]), h.make_tensor("at", T.INT64, [2], [1, 5]), [8])
    g = h.make_graph(nodes, "bodies", [value("x", "N", 4)], [value("y", "N", 4), h.make_tensor_value_info("u", T.FLOAT, None)], init,
                     doc_string="small", sparse_initializer=[sparse])
    g.quantization_annotation.add(tensor_name="y").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="zero")
    return g, 17


def attention():
    """Embedding, LayerNorm, MatMul and Softmax, ending in a Q/DQ pair."""
    nodes = [
        h.make_node("Gather", ["table", "ids"], ["e"], "embed"),
        h.make_node("ReduceMean", ["e"], ["mean"], "mean", axes=[-1]),
        h.make_node("Sub", ["e", "mean"], ["d"], "sub"),
        h.make_node("Mul", ["d", "d"], ["dd"], "square"),
        h.make_node("ReduceMean", ["dd"], ["var"], "var", axes=[-1]),
        h.make_node("Add", ["var", "eps"], ["ve"], "eps"),
        h.make_node("Sqrt", ["ve"], ["sd"], "sqrt"),
        h.make_node("Div", ["d", "sd"], ["n"], "norm"),
        h.make_node("MatMul", ["n", "wq"], ["q"], "q"),
        h.make_node("MatMul", ["n", "wk"], ["k"], "k"),
        h.make_node("Transpose", ["k"], ["kt"], "kt", perm=[0, 2, 1]),
        h.make_node("MatMul", ["q", "kt"], ["s"], "scores"),
        h.make_node("Softmax", ["s"], ["p"], "softmax"),
        h.make_node("MatMul", ["p", "n"], ["c"], "context"),
        h.make_node("Shape", ["c"], ["sh"], "shape"),
        h.make_node("Gather", ["sh", "zero"], ["batch"], "batch"),
        h.make_node("Unsqueeze", ["batch", "axis"], ["b1"], "unsqueeze"),
        h.make_node("Concat", ["b1", "rest"], ["to"], "concat", axis=0),
        h.make_node("Reshape", ["c", "to"], ["f"], "flat"),
        h.make_node("QuantizeLinear", ["f", "scale", "zp"], ["fq"], "Q"),
        h.make_node("DequantizeLinear", ["fq", "scale", "zp"], ["y"], "DQ"),
    ]
    init = [weight("table", 16, 8), weight("wq", 8, 8), weight("wk", 8, 8), ints("axis", 0), ints("rest", -1),
            numpy_helper.from_array(np.array(1e-5, np.float32), "eps"), numpy_helper.from_array(np.array(0, np.int64), "zero"),
            numpy_helper.from_array(np.array(0.02, np.float32), "scale"), numpy_helper.from_array(np.array(128, np.uint8), "zp")]
    return h.make_graph(nodes, "attention", [value("ids", "N", 5, dtype=T.INT64)], [value("y", "N", 40)], init), 13


def rewrites():
    """Something for each pass of `optimize` to do."""
    random = np.random.default_rng(9)

    def array(name, *shape):
        return numpy_helper.from_array((random.standard_normal(shape) * 0.3).astype(np.float32), name)

    def number(name, x):
        return numpy_helper.from_array(np.array(x, np.float32), name)

    nodes = [
        h.make_node("Identity", ["x"], ["i"], "identity"),
        h.make_node("Pad", ["i", "pads"], ["p"], "pad"),
        h.make_node("Conv", ["p", "w1"], ["c1"], "conv1"),
        h.make_node("BatchNormalization", ["c1", "g", "g", "g", "g"], ["n1"], "bn"),
        h.make_node("Mul", ["n1", "half"], ["m1"], "scale"),
        h.make_node("Add", ["m1", "three"], ["h1"], "h1"),
        h.make_node("Clip", ["h1", "zero", "six"], ["h2"], "h2"),
        h.make_node("Mul", ["m1", "h2"], ["h3"], "h3"),
        h.make_node("Div", ["h3", "six"], ["h4"], "h4"),
        h.make_node("Mul", ["h4", "half"], ["a1"], "front_mul"),
        h.make_node("Add", ["a1", "three"], ["a2"], "front_add"),
        h.make_node("Conv", ["a2", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1], group=2),
        h.make_node("Max", ["c2", "zero"], ["r1"], "max"),
        h.make_node("Min", ["r1", "six"], ["r2"], "min"),
        h.make_node("Transpose", ["r2"], ["t1"], "t1", perm=[0, 2, 3, 1]),
        h.make_node("Transpose", ["t1"], ["t2"], "t2", perm=[0, 3, 1, 2]),
        h.make_node("Shape", ["t2"], ["s1"], "shape1"),
        h.make_node("Shape", ["t2"], ["s2"], "shape2"),
        h.make_node("Gather", ["s1", "first"], ["batch"], "batch"),
        h.make_node("Gather", ["s2", "second"], ["channels"], "channels"),
        h.make_node("Concat", ["batch", "channels", "rest"], ["to"], "to", axis=0),
        h.make_node("Reshape", ["t2", "to"], ["f1"], "reshape1"),
        h.make_node("Reshape", ["f1", "flat"], ["f2"], "reshape2"),
        h.make_node("Neg", ["w3"], ["w3n"], "neg"),
        h.make_node("Gemm", ["f2", "w3n", "b3"], ["y"], "gemm", alpha=0.5, beta=2.0),
    ]
    init = [array("w1", 4, 2, 3, 3), array("w2", 4, 2, 3, 3), array("w3", 64, 3), array("b3", 3), number("half", 0.5),
            number("zero", 0.0), number("three", 3.0), number("six", 6.0),
            numpy_helper.from_array(np.full(4, 1.2, np.float32), "g"), ints("pads", 0, 0, 1, 1, 0, 0, 1, 1), ints("first", 0),
            ints("second", 1), ints("rest", -1), ints("flat", 0, -1)]
    return h.make_graph(nodes, "rewrites", [value("x", "N", 2, 4, 4)], [value("y", "N", 3)], init), 14


def control():
    """Control flow, sequences, codes and arithmetic that `optimize` takes apart."""
    random = np.random.default_rng(10)

    def array(name, *shape):
        return numpy_helper.from_array((random.standard_normal(shape) * 0.3).astype(np.float32), name)

    def number(name, x, dtype=np.float32):
        return numpy_helper.from_array(np.array(x, dtype), name)

    then = h.make_graph([h.make_node("Neg", ["sum"], ["a"]), h.make_node("Add", ["a", "own"], ["p"])], "then", [],
                        [value("p", "N", 4)], [array("own", 4)])
    other = h.make_graph([h.make_node("Abs", ["sum"], ["a"]), h.make_node("Exp", ["a"], ["q"])], "else", [], [value("q", "N", 4)])
    again = h.make_graph([h.make_node("Neg", ["i1"], ["a"]), h.make_node("Exp", ["a"], ["p"])], "then", [], [value("p", "N", 4)])
    both = h.make_graph([h.make_node("Identity", ["i1"], ["q"])], "else", [], [value("q", "N", 4)])
    nodes = [
        h.make_node("QuantizeLinear", ["w", "ws", "wz"], ["wq"], "wq"),
        h.make_node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], "wd"),
        h.make_node("Conv", ["x", "wd"], ["c"], "conv"),
        h.make_node("Div", ["c", "two"], ["d"], "div"),
        h.make_node("BatchNormalization", ["d", "g", "g", "g", "g"], ["n"], "bn"),
        h.make_node("Relu", ["n"], ["r"], "relu"),
        h.make_node("QuantizeLinear", ["r", "xs"], ["rq"], "rq"),
        h.make_node("DequantizeLinear", ["rq", "xs"], ["rd"], "rd"),
        h.make_node("Reshape", ["rd", "flat"], ["f"], "flat"),
        h.make_node("SplitToSequence", ["f", "parts"], ["s"], "split", axis=1),
        h.make_node("SequenceAt", ["s", "i_0"], ["s0"], "at0"),
        h.make_node("SequenceAt", ["s", "i_1"], ["s1"], "at1"),
        h.make_node("Add", ["s0", "s1"], ["sum"], "sum"),
        h.make_node("If", ["on"], ["i1"], "if1", then_branch=then, else_branch=other),
        h.make_node("If", ["off"], ["i2"], "if2", then_branch=again, else_branch=both),
        h.make_node("Mul", ["i2", "two"], ["m1"], "m1"),
        h.make_node("Div", ["m1", "vector"], ["m2"], "m2"),
        h.make_node("Softplus", ["m2"], ["soft"], "soft"),
        h.make_node("Greater", ["m2", "twenty"], ["high"], "high"),
        h.make_node("Where", ["high", "m2", "soft"], ["act"], "act"),
        h.make_node("Reciprocal", ["act"], ["rec"], "rec"),
        h.make_node("Mul", ["i2", "rec"], ["quot"], "quot"),
        h.make_node("Einsum", ["quot", "we"], ["e"], "einsum", equation="ij,kj->ik"),
        h.make_node("Unsqueeze", ["e", "first"], ["u"], "unsqueeze"),
        h.make_node("Shape", ["e"], ["sh"], "shape"),
        h.make_node("Slice", ["sh", "first", "one"], ["batch"], "slice"),
        h.make_node("Concat", ["one", "batch", "size"], ["to"], "to", axis=0),
        h.make_node("ConstantOfShape", ["to"], ["h0"], "h0"),
        h.make_node("RNN", ["u", "rw", "rr", "", "", "h0"], ["", "y"], "rnn", hidden_size=2),
    ]
    init = [array("w", 4, 2, 3, 3), number("ws", 0.01), number("wz", 0, np.int8), number("two", 2.0), number("xs", 0.02),
            numpy_helper.from_array(np.full(4, 1.2, np.float32), "g"), ints("flat", 0, -1), number("parts", 4, np.int64),
            number("i_0", 0, np.int64), number("i_1", -1, np.int64), number("on", True, bool), number("off", False, bool),
            array("vector", 4), number("twenty", 20.0), array("we", 3, 4), ints("first", 0), ints("one", 1), ints("size", 2),
            array("rw", 1, 2, 3), array("rr", 1, 2, 2)]
    return h.make_graph(nodes, "control", [value("x", "N", 2, 4, 4)], [value("y", 1, "N", 2)], init), 14


def main():
    folder = sys.argv[1]
    for make in (conv, bodies, attention, rewrites, control):
        graph, opset = make()
        opsets = [h.make_opsetid("", opset)]
        functions = []
        if make is bodies:
            opsets += [h.make_opsetid("test.robust", 1), h.make_opsetid("com.acme", 2)]
            functions = [h.make_function("test.robust", "Twice", ["a"], ["b"], [h.make_node("Add", ["a", "a"], ["b"])],
                                         [h.make_opsetid("", opset)])]
        model = h.make_model(graph, opset_imports=opsets, functions=functions, ir_version=8, producer_name="make-seeds")
        model.metadata_props.add(key="origin", value="make-seeds.py")
        onnx.save(model, f"{folder}/{make.__name__}.onnx")
    np.savez(f"{folder}/conv.npz", x=rng.standard_normal((6, 1, 6, 6)).astype(np.float32))
    np.savez(f"{folder}/bodies.npz", x=rng.standard_normal((6, 4)).astype(np.float32))
    np.savez_compressed(f"{folder}/attention.npz", ids=rng.integers(0, 16, (6, 5)))
    np.savez(f"{folder}/rewrites.npz", x=rng.standard_normal((6, 2, 4, 4)).astype(np.float32))
    np.savez(f"{folder}/control.npz", x=rng.standard_normal((6, 2, 4, 4)).astype(np.float32))


main()
