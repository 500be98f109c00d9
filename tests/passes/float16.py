"""to-float16: types agree everywhere, what does not fit stays, and Casts are few."""
import os
import subprocess
import sys
import tempfile

import numpy as np

from support import QUERN, census, helper, ints, main, onnx, rand, scalar

HALF = "to-float16{keep-io=true}"
MASK = np.float32(-3.4028235e38)


def case(text, after, passes=HALF, opset=17, tol=2e-3, **more):
    return dict(text=text, after=after, passes=passes, opset=opset, tol=tol, **more)


def types(**wanted):
    """Element types that onnx infers for values (or that initializers have)."""
    def check(model):
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        graphs = [inferred.graph, *(a.g for n in inferred.graph.node for a in n.attribute if a.type == onnx.AttributeProto.GRAPH)]
        have = {}
        for g in graphs:
            have |= {v.name: v.type.tensor_type.elem_type for v in [*g.value_info, *g.input, *g.output]}
            have |= {t.name: t.data_type for t in g.initializer}
        for name, t in wanted.items():
            assert have[name] == getattr(onnx.TensorProto, t.upper()), (name, have)
    return check


X = "g (float[N,4] x) => (float[N,4] y) "
CASES = {
    "chain_has_a_cast_at_each_end": case(X + "{ a = MatMul(x, w) b = Relu(a) y = MatMul(b, w) }", "Cast MatMul Relu MatMul Cast",
                                         weights={"w": rand(4, 4)}, check=types(w="float16")),
    "one_cast_for_several_readers": case(X + "{ a = Relu(x) b = MatMul(x, w) y = Add(a, b) }", "Cast Relu MatMul Add Cast",
                                         weights={"w": rand(4, 4)}),
    "output_with_readers_inside": case("g (float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Relu(x) z = MatMul(y, w) }",
                                       "Cast Relu Cast MatMul Cast", weights={"w": rand(4, 4)}),
    "excluded_operator_keeps_its_casts": case(
        X + "{ a = MatMul(x, w) b = Sigmoid(a) y = MatMul(b, w) }", "Cast MatMul Cast Sigmoid Cast MatMul Cast",
        passes="to-float16{keep-io=true,block=[Sigmoid]}", weights={"w": rand(4, 4)}, told="Sigmoid in float32: the option block"),
    "what_stands_between_stays": case(
        X + "{ a = Softplus(x) b = Relu(a) c = Neg(b) y = Softplus(c) }", None,
        passes="to-float16{keep-io=true,block=[Softplus]}"),
    "constants_for_both_kinds_are_stored_twice": case(
        X + "{ a = MatMul(x, w) b = Sigmoid(a) y = Sub(b, w) }", "Cast MatMul Cast Sigmoid Sub",
        passes="to-float16{keep-io=true,block=[Sub,Sigmoid]}", weights={"w": rand(4, 4)}, feeds={"x": rand(4, 4)},
        check=types(w="float", w_float16="float16")),
    "constant_nodes": case(
        X + "{ c = Constant<value_float = 0.5>() d = Constant<value = float[2,1] {1.0, 2.0}>() a = Mul(x, c) b = Mul(a, d) y = MatMul(b, w) }",
        "Cast Constant Constant Mul Mul MatMul Cast", feeds={"x": rand(2, 4)}, weights={"w": rand(4, 4)}, check=types(c="float16", d="float16")),
    "large_number_of_one_hot": case("g (int64[3] i) => (float[3,5] y) { a = OneHot(i, d, v) b = Softmax(a) y = MatMul(b, w) }",
                                    "OneHot Softmax Cast MatMul Cast", feeds={"i": np.array([0, 4, 2])},
                                    weights={"d": np.int64(5), "v": np.array([0, 1e6], np.float32), "w": rand(5, 5)}),
    # ONNX lets types differ between inputs of these, runtimes do not.
    "norm_has_one_type": case(X + "{ a = RMSNormalization(x, s) y = MatMul(a, w) }", "Cast RMSNormalization MatMul Cast", opset=23,
                              weights={"s": rand(4), "w": rand(4, 4)}, check=types(a="float16", s="float16")),
    "norm_of_a_large_scale_has_one_type": case(X + "{ a = Relu(x) b = RMSNormalization(a, s) c = Softmax(b) y = MatMul(c, w) }",
                                               "Relu RMSNormalization Softmax Cast MatMul Cast", opset=23,
                                               weights={"s": rand(4) * 1e5, "w": rand(4, 4)}, check=types(s="float")),
    "mask_of_attention_is_clamped": case(
        "g (float[1,2,3,4] x) => (float[1,2,3,4] y) { a = Relu(x) y = Attention(a, x, x, m) }", "Cast Relu Attention Cast", opset=23,
        weights={"m": np.where(np.tri(3) > 0, np.float32(0), MASK).astype(np.float32)}, check=types(m="float16")),
    "constant_beyond_the_range": case(
        "g (float[N,4] x, bool[N,4] m) => (float[N,4] y) { a = Where(m, x, f) y = Softmax(a) }", None,
        weights={"f": scalar(MASK)}, told="beyond those of the type"),
    "constant_beyond_the_range_clamped": case(
        "g (float[N,4] x, bool[N,4] m) => (float[N,4] y) { a = Where(m, x, f) b = Softmax(a) y = MatMul(b, w) }", "Cast Where Softmax MatMul Cast",
        passes="to-float16{keep-io=true,overflow=clamp}", weights={"f": scalar(MASK), "w": rand(4, 4)}),
    "bounds_beyond_the_range_are_clamped": case(
        X + "{ a = MatMul(x, w) b = Clip(a, lo, hi) y = MatMul(b, w) }", "Cast MatMul Clip MatMul Cast",
        weights={"lo": scalar(MASK), "hi": scalar(0.5), "w": rand(4, 4)}),
    "large_numbers_spread_until_a_softmax": case(
        "g (float[N,4] x, bool[N,4] m) => (float[N,4] y) "
        "{ a = Where(m, z, f) s = MatMul(x, w) b = Add(s, a) c = Softmax(b) y = MatMul(c, w) }",
        "Cast Where MatMul Cast Add Softmax Cast MatMul Cast",
        weights={"f": scalar(MASK), "z": scalar(0), "w": rand(4, 4)}),
    "numbers_that_vanish": case(
        X + "{ p = MatMul(x, w) s = Mul(p, p) m = ReduceMean<axes = [1]>(s) e = Add(m, t) q = Sqrt(e) d = Div(p, q) y = MatMul(d, w) }",
        "Cast MatMul Cast Mul ReduceMean Cast Add Sqrt Div Cast MatMul Cast",
        weights={"t": scalar(1e-12), "w": rand(4, 4)}, told="vanish", tol=1e-2),
    "weights_with_a_few_small_numbers_are_halved": case(
        X + "{ y = Gemm(x, w) }", "Cast Gemm Cast", weights={"w": np.float32([[1, 1e-12, 2, -1e-10]] * 4)}),
    "sizes_and_places_keep_their_digits": case(
        "g (float[N,5001] x) => (int64[1] k) "
        "{ s = Shape<start = 1>(x) f = Cast<to = 1>(s) h = Mul(f, c) r = Floor(h) k = Cast<to = 7>(r) }", None,
        weights={"c": scalar(1.0001)}),
    "angles_keep_their_digits": case(
        "g (int64[N] p) => (float[N,4] y) { f = Cast<to = 1>(p) u = Unsqueeze(f, one) a = Mul(u, w) s = Sin(a) y = Mul(s, s) }",
        None, weights={"w": rand(4), "one": ints(1)}, feeds={"p": ints(4000, 4001, 4003)}),
    "cast_in_front_of_a_cast_reads_what_that_one_reads": case(
        "g (int64[4] p, float[4,4] x) => (float[4] y, float[4] z) { f = Cast<to = 1>(p) z = Sin(f) y = MatMul(x, f) }",
        "Cast Cast Cast Sin MatMul Cast", feeds={"p": ints(1, 2, 3, 4)},
        check=lambda m: [n.input[0] for n in m.graph.node if n.op_type == "Cast"].count("p") == 2 or 1 / 0),
    "casts_of_the_model_that_do_nothing_by_now_go": case(
        X + "{ a = Cast<to = 10>(x) b = Relu(a) c = Cast<to = 1>(b) d = MatMul(c, w) e = Cast<to = 1>(d) y = Abs(e) }",
        "Cast Relu MatMul Abs Cast", weights={"w": rand(4, 4)}),
    "types_that_attributes_say": case(
        "g (int64[2] s, float[2,3] x) => (float[2,3] y) "
        "{ a = ConstantOfShape(s) b = ConstantOfShape<value = float[1] {2.5}>(s) d = Add(a, b) i = Mul(d, x) y = MatMul(i, w) }",
        "Cast ConstantOfShape ConstantOfShape Add Mul MatMul Cast", feeds={"s": ints(2, 3), "x": rand(2, 3)},
        weights={"w": rand(3, 3)}, check=types(a="float16", b="float16")),
    "operators_that_runtimes_lack": case(
        "g (float[2,3] x) => (float[2,3] y) { a = RandomNormal<dtype = 1, shape = [2, 3], scale = 0.0001>() b = MatMul(x, w) "
        "c = EyeLike(b) d = Add(a, b) e = Add(c, d) y = MatMul(e, w) }",
        "Cast RandomNormal Cast MatMul Cast EyeLike Cast Add Add MatMul Cast", weights={"w": rand(3, 3)}, told="runtimes lack"),
    "scatter_that_adds": case(
        X.replace("(float[N,4] x)", "(float[4,4] x, int64[4,4] i)").replace("N", "4") +
        "{ a = MatMul(x, w) b = ScatterElements<reduction = \"add\">(a, i, a) y = MatMul(b, w) }",
        "Cast MatMul Cast ScatterElements Cast MatMul Cast", weights={"w": rand(4, 4)}, feeds={"i": np.zeros((4, 4), np.int64)}),
    "resize_scales_stay": case(
        "g (float[1,2,4,4] x) => (float[1,2,8,8] y) { a = Relu(x) y = Resize<mode = \"nearest\">(a, , s) }",
        "Cast Relu Resize Cast", weights={"s": np.float32([1, 1, 2, 2])}, check=types(s="float")),
    "statistics_of_layer_norm_stay": case(
        "g (float[N,4] x) => (float[N,4] y, float[N,1] m) { a = MatMul(x, w) c, m = LayerNormalization(a, s, b) y = MatMul(c, w) }",
        "Cast MatMul LayerNormalization MatMul Cast", weights={"s": rand(4), "b": rand(4), "w": rand(4, 4)}, tol=1e-2),
    "branches_get_one_type": case(
        X.replace("float[N,4] x)", "float[N,4] x, bool c)") +
        "{ a = Relu(x) b = If(c) <then_branch = t () => (float[N,4] p) { p = Softplus(a) }, "
        "else_branch = e () => (float[N,4] q) { q = Neg(a) }> y = MatMul(b, w) }",
        "Cast Relu Cast If (Softplus Cast) (Neg) MatMul Cast", passes="to-float16{keep-io=true,block=[Softplus]}",
        feeds={"c": np.array(True)}, weights={"w": rand(4, 4)}),
    "branch_that_hands_an_outer_value_through": case(
        X.replace("float[N,4] x)", "float[N,4] x, bool c)") +
        "{ a = Relu(x) b = If(c) <then_branch = t () => (float[N,4] p) { p = Identity(a) }, "
        "else_branch = e () => (float[N,4] q) { q = Neg(a) }> y = Abs(b) }",
        "Cast Relu If (Identity) (Neg) Abs Cast", feeds={"c": np.array(False)}),
    "loops_carry_one_type": case(
        "g (float[4] x, int64 n, bool c) => (float[4] y, float[M,4] z) "
        "{ y, z = Loop(n, c, x) <body = b (int64 i, bool k, float[4] v) => (bool r, float[4] w, float[4] o) "
        "{ r = Identity(k) w = Mul(v, h) o = Neg(w) }> }",
        "Cast Loop (Identity Mul Neg) Cast Cast", feeds={"n": np.array(3, np.int64), "c": np.array(True), "x": rand(4)},
        weights={"h": scalar(0.5)}),
    "scans_carry_one_type": case(
        "g (float[4] x, float[M,4] s) => (float[4] y, float[M,4] z) "
        "{ y, z = Scan<num_scan_inputs = 1, body = b (float[4] v, float[4] e) => (float[4] w, float[4] o) "
        "{ w = Add(v, e) o = Identity(w) }>(x, s) }",
        "Cast Cast Scan (Add Identity) Cast Cast", feeds={"s": rand(3, 4), "x": rand(4)}),
    "codes_and_what_they_feed_stay": case(
        X + "{ a = Relu(x) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) b = MatMul(d, w) c = Softplus(b) y = MatMul(c, v) }",
        "Relu QuantizeLinear DequantizeLinear MatMul Cast Softplus MatMul Cast", opset=19, ir=9,
        weights={"s": scalar(0.02), "z": scalar(3, np.uint8), "w": rand(4, 4), "v": rand(4, 4)}),
    "codes_by_wish": case(
        X + "{ a = Relu(x) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) y = MatMul(d, w) }",
        "Cast Relu QuantizeLinear DequantizeLinear MatMul Cast", opset=19, ir=9, tol=1e-2,
        passes="to-float16{keep-io=true,qdq=true}",
        weights={"s": scalar(0.02), "z": scalar(3, np.uint8), "w": rand(4, 4)}, check=types(s="float16")),
    "codes_by_wish_below_opset_19": case(
        X + "{ q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = Relu(d) }", None, opset=13,
        passes="to-float16{keep-io=true,qdq=true}", weights={"s": scalar(0.02), "z": scalar(3, np.uint8)}),
    "sums_of_codes_are_too_large": case(
        "g (uint8[N,4] q) => (float[N,4] y) { m = MatMulInteger(q, w) f = Cast<to = 1>(m) a = Mul(f, s) y = MatMul(a, v) }",
        "MatMulInteger Cast Mul Cast MatMul Cast",
        weights={"w": np.full((4, 4), 100, np.int8), "s": scalar(1e-4), "v": rand(4, 4)},
        feeds={"q": np.full((3, 4), 255, np.uint8)}),
    "doubles_stay": case("g (double[N,4] x) => (double[N,4] y) { y = Relu(x) }", None),
    "doubles_by_wish": case("g (double[N,4] x) => (double[N,4] y) { y = MatMul(x, w) }", "Cast MatMul Cast",
                            passes="to-float16{keep-io=true,double=true}", weights={"w": rand(4, 4, dtype=np.float64)}),
    "recurrent_nets_stay": case(
        "g (float[S,1,4] x) => (float[S,1,1,3] y) { a = Relu(x) b = Relu(a) y = GRU<hidden_size = 3>(b, w, r) }", None,
        weights={"w": rand(1, 9, 4), "r": rand(1, 9, 3)}),
}


def convert(text, *args, weights=(), opset=17):
    """The model after `quern convert`, and what was told."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    for name, array in dict(weights).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    with tempfile.TemporaryDirectory() as folder:
        source, out, data = (os.path.join(folder, f) for f in ("in.onnx", "out.onnx", "data.npz"))
        onnx.save(model, source)
        np.savez(data, x=rand(4, 4) * 1000)
        r = subprocess.run([QUERN, "convert", source, "-o", out, *(a.replace("DATA", data) for a in args)],
                           capture_output=True, text=True)
        if r.returncode:
            return r.returncode, r.stderr
        after = onnx.load(out)
        onnx.checker.check_model(after, full_check=True)
        return after, r.stdout


def command():
    text = X + "{ a = Mul(x, x) y = Sqrt(a) }"
    after, _ = convert(text, "--float16")
    assert [v.type.tensor_type.elem_type for v in [*after.graph.input, *after.graph.output]] == [10, 10]
    assert after.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "N" and len(after.graph.node) == 2
    # x up to 2000: its square does not fit.
    after, told = convert(text, "--float16", "--data", "DATA")
    assert census(after) == {"Cast": 2, "Mul": 1, "Sqrt": 1} or census(after) == {"Mul": 1, "Sqrt": 1, "Cast": 1}, census(after)
    assert "4 samples measured" in told and "1 Mul in float32: it makes numbers that the type does not hold" in told, told
    after, _ = convert(text, "--bfloat16", "--exclude", "op:Sqrt")
    assert after.graph.input[0].type.tensor_type.elem_type == 16
    code, said = convert(text, "--bfloat16", opset=11)
    assert code == 4 and "bfloat16 needs opset 13, the model has 11" in said, said
    code, said = convert(text, "--keep-io")
    assert code == 2 and "go with --float16 or --bfloat16" in said, said
    # Old models list their weights as inputs.
    after, _ = convert("g (float[N,4] x, float[4] w) => (float[N,4] y) { y = Mul(x, w) }", "--float16",
                       weights={"w": rand(4)})
    assert [v.name for v in after.graph.input] == ["x"] and after.graph.initializer[0].data_type == 10
    assert any(m.key == "quern.recipe" and "to-float16" in m.value for m in after.metadata_props)


command()
main(CASES)
