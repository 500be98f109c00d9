"""decompose: operators that a target lacks, as simpler ones."""
import re

from support import QUERN, close, main, model_of, np, onnx, operators, rand, run, subprocess


def case(op, body, after, x="N,6,5,4", y=None, opset=17, weights=None, args=(), **more):
    return dict(text=f"g (float[{x}] x{''.join(', ' + a for a in args)}) => (float[{y or x}] y) {{ {body} }}", opset=opset,
                ir=10 if opset > 19 else 8, passes=f"decompose{{ops=[{op}]}}", after=after, weights=weights or {}, **more)


def bn(n):
    return {"s": rand(n), "b": rand(n), "m": rand(n), "v": rand(n, low=0.2)}


NORM = "ReduceMean Sub Mul ReduceMean Add Sqrt Div"
TANH = 'y = Gelu<approximate = "tanh">(x)'
HEADS = "float[N,2,3,4] x"
REPEAT = "Unsqueeze Expand Reshape"
GROUPS = f"Mul {REPEAT} Transpose MatMul Softmax {REPEAT} MatMul"
ATTENTION = "Mul Transpose MatMul Softmax MatMul"
ROTARY = "Slice Slice Unsqueeze Unsqueeze Mul Mul Sub Mul Mul Add Concat"


def attention(body, after, q="N,2,3,4", k="N,2,5,4", v="N,2,5,6", y="N,2,3,6", extra="", opset=23, ends="y", **more):
    return dict(text=f"g (float[{q}] q, float[{k}] k, float[{v}] v{extra}) => (float[{y}] {ends}) {{ {body} }}", opset=opset, ir=11,
                passes="decompose{ops=[Attention]}", after=after, weights=more.pop("weights", {}), tol=1e-5, **more)


def cached(after, more=", float[N,{},9,4] kk, float[N,{},9,6] vv", pairs=2):
    return dict(text=f"g (float[N,2,3,4] q, float[N,{pairs},5,4] k, float[N,{pairs},5,6] v, float[3,9] m, float[N,{pairs},4,4] a, float[N,{pairs},4,6] b) "
                f"=> (float[N,2,3,6] y{more.format(pairs, pairs)}) {{ y, kk, vv = Attention(q, k, v, m, a, b) }}", opset=23, ir=11,
                passes="decompose{ops=[Attention]}", after=after, tol=1e-5)


def rotary(body, after, x="N,2,3,8", half=4, extra="", rows="N,3", **more):
    cache = f"{rows},{half}" if rows else f"7,{half}"
    return dict(text=f"g (float[{x}] x, float[{cache}] c, float[{cache}] s{extra}) => (float[{x}] y) {{ {body} }}", opset=23, ir=11,
                passes="decompose{ops=[RotaryEmbedding]}", after=after, weights={}, **more)


def no_idle_weights(model):
    read = {i for n in model.graph.node for i in n.input}
    assert {t.name for t in model.graph.initializer} <= read, "initializers that nothing reads"


CASES = {
    "layer_norm": case("LayerNormalization", "y = LayerNormalization<epsilon = 0.01>(x, s, b)", NORM + " Mul Add", weights={"s": rand(4), "b": rand(4)}),
    "layer_norm_without_bias": case("LayerNormalization", "y = LayerNormalization(x, s)", NORM + " Mul", weights={"s": rand(4)}, opset=20),
    "layer_norm_whose_mean_nothing_reads": case("LayerNormalization", "y, m, d = LayerNormalization(x, s)", NORM + " Mul", weights={"s": rand(4)}),
    "layer_norm_of_two_axes": case("LayerNormalization", "y = LayerNormalization<axis = 2>(x, s, b)", NORM + " Mul Add",
                                   weights={"s": rand(5, 4), "b": rand(5, 4)}),
    "instance_norm": case("InstanceNormalization", "y = InstanceNormalization(x, s, b)", NORM + " Unsqueeze Mul Unsqueeze Add",
                          weights={"s": rand(6), "b": rand(6)}),
    "instance_norm_of_one_axis": case("InstanceNormalization", "y = InstanceNormalization(x, s, b)", NORM + " Unsqueeze Mul Unsqueeze Add",
                                      x="N,6,5", weights={"s": rand(6), "b": rand(6)}, opset=18),
    "instance_norm_below_13": case("InstanceNormalization", "y = InstanceNormalization(x, s, b)", NORM + " Unsqueeze Mul Unsqueeze Add",
                                   weights={"s": rand(6), "b": rand(6)}, opset=11),
    "group_norm": case("GroupNormalization", "y = GroupNormalization<num_groups = 3>(x, s, b)",
                       "Shape Reshape InstanceNormalization Reshape Unsqueeze Mul Unsqueeze Add", x="1,6,5,4", weights={"s": rand(6), "b": rand(6)}, opset=21),
    "group_norm_to_the_bottom": case("GroupNormalization, InstanceNormalization", "y = GroupNormalization<num_groups = 3>(x, s, b)", None, x="1,6,5,4",
                                     weights={"s": rand(6), "b": rand(6)}, opset=21) | dict(
        after=f"Shape Reshape {NORM} Unsqueeze Mul Unsqueeze Add Reshape Unsqueeze Mul Unsqueeze Add"),
    "batch_norm": case("BatchNormalization", "y = BatchNormalization<epsilon = 0.01>(x, s, b, m, v)", "Mul Add", weights=bn(6), check=no_idle_weights),
    "batch_norm_of_large_numbers": case("BatchNormalization", "y = BatchNormalization<epsilon = 0.0>(x, s, b, b, v)", "Mul Add", x="N,6",
                                        weights={"s": np.full(6, 3.4e38, np.float32), "b": np.zeros(6, np.float32), "v": np.ones(6, np.float32)},
                                        feeds={"x": rand(3, 6) * np.float32(1e-30)}),
    "batch_norm_of_two_axes": case("BatchNormalization", "y = BatchNormalization(x, s, b, m, v)", "Mul Add", x="N,6", weights=bn(6)),
    "mean_variance": case("MeanVarianceNormalization", "y = MeanVarianceNormalization(x)", "ReduceMean Sub Mul ReduceMean Sqrt Add Div", tol=1e-4),
    "mean_variance_of_axes": case("MeanVarianceNormalization", "y = MeanVarianceNormalization<axes = [1, 3]>(x)",
                                  "ReduceMean Sub Mul ReduceMean Sqrt Add Div", opset=18, tol=1e-4),
    "rms_norm": case("RMSNormalization", "y = RMSNormalization(x, s)", "Mul ReduceMean Add Sqrt Reciprocal Mul Mul", weights={"s": rand(4)}, opset=23),
    "gelu": case("Gelu", "y = Gelu(x)", "Div Erf Add Mul Mul", opset=20),
    "gelu_by_tanh": case("Gelu", TANH, "Mul Mul Mul Add Mul Tanh Add Mul Mul", opset=20),
    "mish": case("Mish", "y = Mish(x)", "Softplus Tanh Mul", opset=18),
    "swish": case("Swish", "y = Swish<alpha = 1.5>(x)", "Mul Sigmoid Mul", opset=24, tol=1e-5),
    "hard_swish": case("HardSwish", "y = HardSwish(x)", "HardSigmoid Mul", feeds={"x": rand(2, 6, 5, 4, low=-5, high=5)}),
    "hard_swish_to_the_bottom": case("HardSigmoid, HardSwish", "y = HardSwish(x)", "Mul Add Clip Mul", feeds={"x": rand(2, 6, 5, 4, low=-5, high=5)}),
    "hard_sigmoid": case("HardSigmoid", "y = HardSigmoid<alpha = 0.3, beta = 0.4>(x)", "Mul Add Clip", feeds={"x": rand(2, 6, 5, 4, low=-5, high=5)}),
    "cast_like": dict(text="g (float[N] x, float16[2] h) => (float16[N] y) { y = CastLike(x, h) }", passes="decompose{ops=[CastLike]}", after="Cast", opset=15,
                      weights={}),
    "gemm": case("Gemm", "y = Gemm(x, w, b)", "MatMul Add", x="N,5", y="N,4", weights={"w": rand(5, 4), "b": rand(4)}),
    "gemm_without_bias": case("Gemm", "y = Gemm(x, w)", "MatMul", x="N,5", y="N,4", weights={"w": rand(5, 4)}, check=no_idle_weights),
    "gemm_with_all": case("Gemm", "y = Gemm<alpha = 0.5, beta = 2.0, transA = 1, transB = 1>(x, w, b)", "Transpose Transpose Mul MatMul Mul Add", x="5,N",
                          y="N,4", weights={"w": rand(4, 5), "b": rand(1, 4)}),
    "gemm_with_alpha_alone": case("Gemm", "y = Gemm<alpha = 0.5>(x, w)", "MatMul Mul", x="N,5", y="N,4", weights={"w": rand(5, 4)}),
    "in_a_body": dict(text="g (float[N,4] x, bool c) => (float[N,4] y) { y = If(c)<then_branch = t () => (float[N,4] p) { p = HardSwish(x) }, "
                           "else_branch = e () => (float[N,4] q) { q = Neg(x) }> }", passes="decompose{ops=[HardSwish]}", opset=14,
                      after="If (HardSigmoid Mul) (Neg)", weights={}),
    "others_stay": case("Gelu", "y = HardSwish(x)", None),
    "nothing_is_asked_for": case("", "y = HardSwish(x)", None) | dict(passes="decompose"),
    "attention": attention("y = Attention(q, k, v)", ATTENTION),
    "attention_with_a_scale": attention("y = Attention<scale = 0.25>(q, k, v)", ATTENTION),
    "attention_with_a_float_mask": attention("y = Attention(q, k, v, m)", ATTENTION.replace("Softmax", "Add Softmax"), extra=", float[3,5] m"),
    "attention_with_a_bool_mask": attention("y = Attention(q, k, v, m)", ATTENTION.replace("Softmax", "Where Add Softmax"), extra=", bool[N,1,3,5] m",
                                            feeds={"m": np.arange(45).reshape(3, 1, 3, 5) % 3 < 2}),
    "attention_with_a_soft_cap": attention("y = Attention<softcap = 0.5>(q, k, v, m)", ATTENTION.replace("Softmax", "Div Tanh Mul Add Softmax"),
                                           extra=", float[3,5] m"),
    "attention_with_a_cache": cached("Mul Concat Transpose MatMul Add Softmax Concat MatMul"),
    "attention_with_a_cache_that_nobody_reads": cached("Mul Concat Transpose MatMul Add Softmax Concat MatMul", more=""),
    "attention_of_groups_with_a_cache": cached(GROUPS.replace("Softmax", "Add Softmax").replace("Unsqueeze", "Concat Unsqueeze"), pairs=1),
    "attention_that_gives_keys_back": attention("y, kk, vv = Attention(q, k, v)", "Mul Identity Transpose MatMul Softmax Identity MatMul",
                                                y="N,2,3,6] y, float[N,2,5,4] kk, float[N,2,5,6", ends="vv"),
    "attention_of_groups": attention("y = Attention(q, k, v)", GROUPS, q="N,4,3,4", k="N,2,5,4", v="N,2,5,6", y="N,4,3,6"),
    "attention_of_one_head_for_all": attention("y = Attention(q, k, v)", GROUPS, k="N,1,5,4", v="N,1,5,6"),
    "attention_of_groups_and_three_axes": attention(
        "y = Attention<q_num_heads = 4, kv_num_heads = 2>(q, k, v)",
        "Reshape Transpose Mul Reshape Transpose Unsqueeze Expand Reshape Transpose MatMul Softmax Reshape Transpose Unsqueeze Expand Reshape MatMul "
        "Transpose Reshape", q="N,3,16", k="N,5,8", v="N,5,12", y="N,3,24"),
    "causal_attention": attention("y = Attention<is_causal = 1>(q, k, v)", ATTENTION.replace("Softmax", "Add Softmax"), k="N,2,3,4", v="N,2,3,6"),
    "attention_of_three_axes": attention(
        "y = Attention<q_num_heads = 2, kv_num_heads = 2>(q, k, v)",
        "Reshape Transpose Mul Reshape Transpose Transpose MatMul Softmax Reshape Transpose MatMul Transpose Reshape",
        q="N,3,8", k="N,5,8", v="N,5,12", y="N,3,12"),
    "rotary": rotary("y = RotaryEmbedding(x, c, s)", ROTARY),
    "rotary_of_a_part": rotary("y = RotaryEmbedding<rotary_embedding_dim = 4>(x, c, s)", "Slice " + ROTARY, half=2),
    "rotary_of_three_axes": rotary("y = RotaryEmbedding<num_heads = 2>(x, c, s)", "Reshape " + ROTARY + " Reshape", x="N,3,16"),
    "rotary_by_places": rotary("y = RotaryEmbedding(x, c, s, p)", ROTARY.replace("Unsqueeze", "Gather Unsqueeze"), rows="", extra=", int64[2,3] p", x="2,2,3,8",
                               feeds={"p": np.array([[0, 1, 2], [6, 5, 4]])}),
}


# Numbers of the chains are of the model's type; norms of half precision compute in float, as they are defined.
IN_FLOAT = {"layer_norm", "layer_norm_of_two_axes", "instance_norm", "group_norm_to_the_bottom", "rms_norm"}
NO_DOUBLE = {"instance_norm", "group_norm", "mean_variance", "gelu", "hard_swish", "hard_swish_to_the_bottom", "hard_sigmoid", "rotary"} # in ONNX Runtime
TYPED = ("layer_norm layer_norm_of_two_axes instance_norm group_norm group_norm_to_the_bottom batch_norm mean_variance rms_norm gelu gelu_by_tanh mish swish "
         "hard_swish hard_swish_to_the_bottom hard_sigmoid gemm gemm_with_all attention attention_with_a_float_mask attention_with_a_bool_mask causal_attention "
         "rotary").split()


def of_type(case, name, dtype):
    def cast(arrays):
        return {k: v.astype(dtype) if v.dtype == np.float32 else v for k, v in arrays.items()}
    after = case["after"]
    if dtype == np.float16 and name in IN_FLOAT:
        after = after.replace(NORM, f"Cast {NORM} Cast").replace("Mul ReduceMean Add Sqrt Reciprocal Mul", "Cast Mul ReduceMean Add Sqrt Reciprocal Mul Cast")
    if dtype == np.float16 and name == "mean_variance":
        after = f"Cast {after} Cast"
    more = {"feeds": cast(case["feeds"])} if "feeds" in case else {}
    kind = "float16" if dtype == np.float16 else "double"
    return case | more | dict(text=re.sub(r"\bfloat\[", f"{kind}[", case["text"]), weights=cast(case.get("weights", {})), after=after,
                              tol=2e-3 if dtype == np.float16 else 1e-7)


for name in TYPED:
    CASES[f"{name}_of_float16"] = of_type(CASES[name], name, np.float16)
    if name not in NO_DOUBLE:
        CASES[f"{name}_of_double"] = of_type(CASES[name], name, np.float64)

PROFILE = """target: 1
name: small-board
like: onnx-spec
summary: a board with few operators
lacks: [LayerNormalization, HardSwish, Gemm, Mish]
"""
LACKING = dict(
    text="g (float[N,4] x) => (float[N,4] y) { a = HardSwish(x) b = Gemm<transB = 1>(a, w, v) y = LayerNormalization(b, v, v) }",
    opset=17, weights={"w": rand(4, 4), "v": rand(4)})


def for_target(folder):
    """`optimize --target` writes nothing that the target lacks, composes none of it, and changes nothing the second time."""
    profile, source, out, twice = (folder / f for f in ("board.yaml", "in.onnx", "out.onnx", "twice.onnx"))
    profile.write_text(PROFILE)
    model = model_of(LACKING)
    source.write_bytes(model.SerializeToString())
    for a, b in (source, out), (out, twice):
        r = subprocess.run([QUERN, "optimize", a, "--target", profile, "-o", b], capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, r.stderr
    made = onnx.load(out)
    assert " ".join(operators(made.graph)) == f"HardSigmoid Mul MatMul Add {NORM} Mul Add", operators(made.graph)
    assert out.read_bytes() == twice.read_bytes(), "a second run changes the file"
    feeds = {"x": rand(3, 4, low=-4, high=4)}
    assert not close(run(made, feeds)[0], run(model, feeds)[0], 1e-5)


def flat_regions(folder):
    """Of equal numbers no variance becomes less than 0 by rounding."""
    model = model_of(case("MeanVarianceNormalization", "y = MeanVarianceNormalization(x)", None, x="N,1,8,9"))
    source, out = folder / "flat.onnx", folder / "flat-out.onnx"
    source.write_bytes(model.SerializeToString())
    r = subprocess.run([QUERN, "apply", source, "--passes", "decompose{ops=[MeanVarianceNormalization]}", "-o", out], capture_output=True, text=True,
                       timeout=60)
    assert r.returncode == 0, r.stderr
    for number in (1000.1, 3.3, 12345.6, -0.7):
        assert np.isfinite(run(onnx.load(out), {"x": np.full((1, 1, 8, 9), number, np.float32)})[0]).all(), number


def refused(case, folder):
    """What decompose says of a model, which it must leave."""
    path = folder / "in.onnx"
    path.write_bytes(model_of(case).SerializeToString())
    r = subprocess.run([QUERN, "apply", path, "--passes", case["passes"], "-o", folder / "out.onnx"], capture_output=True, text=True, timeout=60)
    return r.returncode, r.stderr


REFUSED = {
    "its mean or deviation is read": (4, dict(text="g (float[N,4] x) => (float[N,4] y, float[N,1] m) { y, m = LayerNormalization(x, s) }", opset=17,
                                              weights={"s": rand(4)}, passes="decompose{ops=[LayerNormalization]}")),
    "its axis is out of range": (4, dict(text="g (float[1,3,4,4] x) => (float[1,3,4,4] y) { y = LayerNormalization<axis = -100000>(x, s, s) }", opset=17,
                                         weights={"s": rand(4)}, passes="decompose{ops=[LayerNormalization]}")),
    "its groups do not part its channels": (4, dict(
        text=f"g (float[1,4,4,4] x) => (float[1,4,4,4] y) {{ y = GroupNormalization<num_groups = {1 << 62}>(x, s, s) }}", opset=21, ir=10,
        weights={"s": rand(4)}, passes="decompose{ops=[GroupNormalization]}")),
    "its axes are none of its input": (4, case("MeanVarianceNormalization", "y = MeanVarianceNormalization<axes = [1, 4]>(x)", None)),
    "does not broadcast so": (4, case("BatchNormalization", "y = BatchNormalization(x, s, b, m, v)", None, opset=6, weights=bn(6))),
    "(GroupNormalization, #0): cannot be taken apart: InstanceNormalization of opset 21 has no bfloat16": (4, dict(
        text="g (bfloat16[1,6,5,4] x, bfloat16[6] s) => (bfloat16[1,6,5,4] y) { y = GroupNormalization<num_groups = 3>(x, s, s) }", opset=21, ir=10,
        passes="decompose{ops=[GroupNormalization]}")),
    "not constant": (4, dict(text="g (float[N,4] x, float[4] s) => (float[N,4] y) { y = BatchNormalization(x, s, s, s, s) }", opset=17,
                             passes="decompose{ops=[BatchNormalization]}")),
    "number or size of its heads": (4, attention("y = Attention(q, k, v)", None, k="N,G,5,4", v="N,G,5,6")),
    "its sizes are not known": (4, attention("y = Attention<is_causal = 1>(q, k, v)", None, q="N,2,S,4", y="N,2,S,6")),
    "it is interleaved": (4, rotary("y = RotaryEmbedding<interleaved = 1>(x, c, s)", None)),
    "(Gelu, #1): cannot be taken apart: its type is not known, needs float, double, float16 or bfloat16": (4, dict(
        text="g (float[N,4] x) => (float[N,4] y) { a = mine.Op(x) y = Gelu(a) }", passes="decompose{ops=[Gelu]}", opset=20, ir=10,
        edit=lambda m: m.opset_import.add(domain="mine", version=1))),
    "(Mish, #0): cannot be taken apart: Softplus of opset 21 has no bfloat16": (4, dict(
        text="g (bfloat16[N,4] x) => (bfloat16[N,4] y) { y = Mish(x) }", passes="decompose{ops=[Mish]}", opset=18)),
    "factor or term of a channel is not finite in float16": (4, dict(text="g (float16[N,4] x) => (float16[N,4] y) { y = BatchNormalization(x, s, b, b, v) }", opset=17,
                                           passes="decompose{ops=[BatchNormalization]}", # 60000 / sqrt(0.1) is beyond float16
                                           weights={"s": np.full(4, 60000, np.float16), "b": np.zeros(4, np.float16), "v": np.full(4, 0.1, np.float16)})),
    "did you mean 'Gelu'": (2, case("Gelo", "y = HardSwish(x)", None)),
}


def codes(*shape, low=-100, dtype=np.int8):
    return np.random.default_rng(3).integers(low, 100, shape).astype(dtype)


# The scale of the result lets no sum of products lie halfway between two codes.
NUMBERS = {"xs": np.float32(0.02), "xz": np.uint8(120), "w": codes(4, 3, 3, 3), "ws": np.float32(0.005), "wz": np.int8(0), "ys": np.float32(0.05173),
           "yz": np.uint8(100), "b": codes(4, low=-3000, dtype=np.int32), "wsc": np.array([0.004, 0.01, 0.002, 0.007], np.float32),
           "wzc": np.zeros(4, np.int8), "rows": np.array([0.02, 0.01, 0.03], np.float32), "rowz": np.full(3, 120, np.uint8)}
FORM = "DequantizeLinear DequantizeLinear {} QuantizeLinear"


def qlinear(text, after, x="N,3,9,8", y="A,B,C,D", opset=13, more="", **weights):
    op = text.split("=")[1].split("(")[0].split("<")[0].strip()
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=f"g (uint8[{x}] x{more}) => (uint8[{y}] y) {{ {text} }}", passes=f"decompose{{ops=[{op}]}}", after=after and FORM.format(after),
                opset=opset, weights={k: v for k, v in {**NUMBERS, **weights}.items() if k in words}, tol=0,
                feeds={"x": codes(*(int(d) if d.isdigit() else 2 for d in x.split(",")), low=0, dtype=np.uint8)})


def from_matrix(text, **more):
    return qlinear(text, "MatMul", **{"x": "3,6", "y": "A,B", "w": codes(6, 4), **more})


CASES |= {
    "qlinear_conv": qlinear("y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz)", "Conv"),
    "qlinear_conv_with_bias": qlinear("y = QLinearConv<strides = [2, 1], pads = [1, 0, 1, 2]>(x, xs, xz, w, ws, wz, ys, yz, b)", "Conv"),
    "qlinear_conv_with_a_scale_a_channel": qlinear("y = QLinearConv(x, xs, xz, w, wsc, wzc, ys, yz, b)", "Conv"),
    "qlinear_conv_with_one_zero_point": qlinear("y = QLinearConv(x, xs, xz, w, wsc, wz, ys, yz, b)", "Conv"),
    "qlinear_conv_of_opset_10": qlinear("y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b)", "Conv", opset=10),
    "qlinear_conv_in_groups": qlinear("y = QLinearConv<group = 2>(x, xs, xz, w, wsc, wzc, ys, yz)", "Conv", x="N,6,9,8"),
    "qlinear_matmul": from_matrix("y = QLinearMatMul(x, xs, xz, w, ws, wz, ys, yz)", x="N,3,6", y="A,B,C"),
    "qlinear_matmul_with_a_scale_a_column": from_matrix("y = QLinearMatMul(x, xs, xz, w, wsc, wzc, ys, yz)"),
    "qlinear_matmul_of_opset_21": from_matrix("y = QLinearMatMul(x, xs, xz, w, ws, wz, ys, yz)", opset=21) | {"ir": 10},
}
REFUSED |= {
    "(QLinearConv, #0): cannot be taken apart: its bias, or a scale of it, is not constant": (4, qlinear(
        "y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz, o)", None, more=", int32[4] o")),
    "its scales and zero points are not of one number": (4, qlinear("y = QLinearConv(x, xs, xz, w, wsc, o, ys, yz)", None, more=", int8 o")),
    "or it is not known how many they are": (4, qlinear("y = QLinearConv(x, xs, xz, w, o, wz, ys, yz)", None, more=", float[M] o")),
    "(QLinearMatMul, #0): cannot be taken apart: its scales are neither one": (4, from_matrix(
        "y = QLinearMatMul(x, xs, xz, w, ws, wz, ys, yz)", ws=np.array([[0.005]], np.float32), wz=np.array([[0]], np.int8))),
    "neither one nor one for each index of an axis (opset 13 and up)": (4, qlinear("y = QLinearConv(x, xs, xz, w, wsc, wzc, ys, yz)", None, opset=10)),
    "its data or result has several scales": (4, from_matrix("y = QLinearMatMul(x, rows, rowz, w, ws, wz, rows, rowz)")),
}

if __name__ == "__main__":
    import pathlib
    import sys
    import tempfile
    with tempfile.TemporaryDirectory() as scratch:
        for_target(pathlib.Path(scratch))
        flat_regions(pathlib.Path(scratch))
        for why, (code, model) in REFUSED.items():
            got, said = refused(model, pathlib.Path(scratch))
            if got != code or why not in said:
                sys.exit(f"{why}: exit {got}, needs {code}: {said}")
    main(CASES)
