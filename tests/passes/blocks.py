"""fuse-softplus, fuse-mish, fuse-swish, fuse-group-norm, fuse-rotary-embedding, fuse-attention."""
from support import ints, main, np, rand, scalar

PLAIN_ONNX = ("--target", "onnx-spec")
NUMBERS = {"one": scalar(1.0), "two": scalar(2.0), "third": scalar(1 / 3), "half": np.full((1, 1, 1, 1), 0.5, np.float32),
           "five": np.full((1, 1, 1, 1, 1), 0.5, np.float32), "zero": scalar(0.0), "unset": rand(2)}


def used(body):
    return {w.strip("(),") for word in body.split() for w in word.replace("(", " ").replace(",", " ").split()}


def case(inputs, output, body, passes, after, **more):
    weights = {k: a for k, a in NUMBERS.items() if k in used(body)} | more.pop("weights", {})
    return dict(text=f"g ({inputs}) => ({output}) {{ {body} }}", passes=passes, after=after, weights=weights,
                opset=more.pop("opset", 23), ir=10, **more)


def unary(body, passes, after, of="float[N,8]", **more):
    return case(f"{of} x", f"{of} y", body, passes, after, **more)


QKV = "float[B,4,S,8] q, float[B,4,T,8] k, float[B,4,T,6] v"


def attention(body, after, inputs=QKV, output="float[B,4,S,6] y", **more):
    return case(inputs, output, body, "fuse-attention", after, tol=2e-5, **more)


def has(**wanted):
    def check(model):
        found = {a.name: a for n in model.graph.node for a in n.attribute}
        for name, value in wanted.items():
            got = list(found[name].ints) or found[name].f or found[name].i
            assert got == value or abs(got - value) < 1e-6, f"{name} is {got}, needs {value}"
    return check


TURN = "t = Transpose<perm = [0, 1, 3, 2]>(k) "
SCORES = TURN + "m = MatMul(q, t) "
PLAIN = TURN + "s = MatMul(q, t) "
REST = "p = Softmax<axis = -1>(s) y = MatMul(p, v)"
KEPT = SCORES + "i = Where(keep, zero, minus) s = Add(m, i) "
GUARD = "p0 = Softmax<axis = -1>(s) n = IsNaN(p0) "
MASKED = SCORES + "s = Add(m, mask) " + REST
GROUPED = QKV.replace("[B,4,T", "[B,2,T")
CAP = "c0 = Div(m, cap) c1 = Tanh(c0) c = Mul(c1, cap) "
CAPPED = {"cap": scalar(0.75)}


def repeated(at=2, wide=(1, 1, 2, 1, 1), of="kv"):
    """Keys and values by heads that are repeated, as k and v; what is repeated is a and b then."""
    body = "".join(f"{x}0 = Unsqueeze({a}, there) {x}1 = Expand({x}0, wide) {x} = Reshape({x}1, {x}4) " for x, a in (("k", "a"), ("v", "b")) if x in of)
    return body, {"there": ints(at), "wide": ints(*wide)} | {f"{x}4": ints(0, 4, -1, n) for x, n in (("k", 8), ("v", 6)) if x in of}


def grouped(after, inputs=GROUPED, feeds=(), body=SCORES + "s = Mul(m, third) " + "p = Softmax<axis = -1>(s) y = MatMul(p, v)", more=(), **how):
    head, weights = repeated(**how)
    of = how.get("of", "kv")
    inputs = inputs.replace("k,", "a,") if "k" in of else inputs
    inputs = inputs[:-1] + "b" if "v" in of else inputs
    return attention(head + body, after, inputs=inputs, weights=weights | dict(more), feeds=dict(feeds))


PAST = "float[B,4,S,8] q, float[B,4,N,8] a, float[B,4,N,6] b, float[B,4,P,8] c, float[B,4,P,6] d"
JOIN = "k = Concat<axis = 2>(c, a) v = Concat<axis = -2>(d, b) "
PRESENT = "float[B,4,S,6] y, float[B,4,T,8] k, float[B,4,T,6] v"


def cached(after, body=PLAIN + REST, inputs=PAST, output=PRESENT, **more):
    return attention(JOIN + body, after, inputs=inputs, output=output, **more)


ANGLES = "a = Concat<axis = -1>(f, f) c0 = Cos(a) s0 = Sin(a) c = Unsqueeze(c0, at) s = Unsqueeze(s0, at) "
TURNED = "l, r = Split<axis = 3, num_outputs = 2>(x) n = Neg(r) h = Concat<axis = -1>(n, l) "
SUM = "u = Mul(x, c) w = Mul(h, s) y = Add(u, w)"


def rotary(body, after, x="float[B,4,S,8]", f="float[B,S,4]", **more):
    return case(f"{x} x, {f} f", "float[D0,D1,D2,D3] y", body, more.pop("passes", "fuse-rotary-embedding"), after,
                weights={"at": ints(more.pop("at", 1))}, **more)


INTO = "r = Reshape(x, into) i = InstanceNormalization<epsilon = 0.01>(r, s, b) "
GROUPS = INTO + "n = Shape(x) o = Reshape(i, n) "
OF = {"into": ints(0, 2, -1), "s": np.ones(2, np.float32), "b": np.zeros(2, np.float32), "g": rand(6, 1, 1), "h": rand(6, 1, 1)}


def group_norm(body, after, of="float[N,6,H,W]", **more):
    weights = OF | more.pop("weights", {})
    return case(f"{of} x", more.pop("output", of.replace("N,6", "N,C") + " y"), body, "fuse-group-norm", after, opset=more.pop("opset", 21),
                weights={k: a for k, a in weights.items() if k in used(body)}, tol=1e-4, args=more.pop("args", PLAIN_ONNX), **more)


AFFINE = "m = Mul(o, g) y = Add(m, h)"
EXPANDED = "Shape Concat Expand Cos Sin RotaryEmbedding"
CASES = {
    "softplus": unary("e = Exp(x) a = Add(one, e) y = Log(a)", "fuse-softplus", "Softplus", opset=13),
    "softplus_of_two_stays": unary("e = Exp(x) a = Add(two, e) y = Log(a)", "fuse-softplus", None),
    "softplus_of_double_stays": unary("e = Exp(x) a = Add(i, e) y = Log(a)", "fuse-softplus", None, of="double[N,8]",
                                      weights={"i": scalar(1.0, np.float64)}),
    "softplus_that_grows_stays": case("float[N] x", "float[A,B,C,D,N] y", "e = Exp(x) a = Add(i, e) y = Log(a)", "fuse-softplus",
                                      None, weights={"i": np.ones((1, 1, 1, 1, 1), np.float32)}),
    "mish": unary("a = Softplus(x) t = Tanh(a) y = Mul(t, x)", "fuse-mish", "Mish", opset=18),
    "mish_below_18_stays": unary("a = Softplus(x) t = Tanh(a) y = Mul(t, x)", "fuse-mish", None, opset=17),
    "mish_of_another_value_stays": unary("z = Relu(x) a = Softplus(z) t = Tanh(a) y = Mul(t, x)", "fuse-mish", None),
    "mish_with_a_reader_inside_stays": unary("a = Softplus(x) t = Tanh(a) u = Mul(t, x) y = Sub(u, a)", "fuse-mish", None),
    "swish": unary("s = Sigmoid(x) y = Mul(s, x)", "fuse-swish", "Swish", opset=24, args=PLAIN_ONNX),
    "swish_that_the_runtime_fuses_spelled_stays": unary("s = Sigmoid(x) y = Mul(s, x)", "blocks", None, opset=24),
    "swish_with_a_factor_that_the_runtime_fuses_spelled_stays": unary("m = Mul(two, x) s = Sigmoid(m) y = Mul(s, x)", "fuse-swish", None,
                                                                      opset=24),
    "swish_with_a_factor": unary("m = Mul(two, x) s = Sigmoid(m) y = Mul(s, x)", "fuse-swish", "Swish", opset=24, check=has(alpha=2.0), args=PLAIN_ONNX),
    "swish_with_a_factor_of_each_column_stays": unary("m = Mul(w, x) s = Sigmoid(m) y = Mul(s, x)", "fuse-swish", None, args=PLAIN_ONNX, opset=24,
                                                      weights={"w": rand(8)}),
    "swish_with_a_factor_that_is_data_stays": case("float[N,8] x, float a", "float[N,8] y", "m = Mul(a, x) s = Sigmoid(m) y = Mul(s, x)",
                                                   "fuse-swish", None, args=PLAIN_ONNX, opset=24),
    "swish_below_24_stays": unary("s = Sigmoid(x) y = Mul(s, x)", "fuse-swish", None, args=PLAIN_ONNX),
    "swish_of_a_gate_stays": case("float[N,8] x, float[N,8] z", "float[N,8] y", "s = Sigmoid(z) y = Mul(s, x)", "fuse-swish", None, args=PLAIN_ONNX,
                                  opset=24),
    "attention": attention(SCORES + "s = Mul(m, third) " + REST, "Attention", check=has(scale=1 / 3)),
    "attention_divided": attention(SCORES + "s = Div(m, two) " + REST, "Attention", check=has(scale=0.5)),
    "attention_without_scale": attention(PLAIN + REST, "Attention", check=has(scale=1.0)),
    "attention_scaled_on_both_sides": attention(
        "a = Mul(q, half) t = Transpose<perm = [0, 1, 3, 2]>(k) b = Mul(third, t) s = MatMul(a, b) " + REST, "Attention",
        check=has(scale=1 / 6)),
    "attention_scaled_before_the_turn": attention(
        "b = Mul(k, half) t = Transpose<perm = [0, 1, 3, 2]>(b) s = MatMul(q, t) " + REST, "Attention", check=has(scale=0.5)),
    "attention_with_heads_behind": attention(
        "t = Transpose<perm = [0, 2, 3, 1]>(k) s = MatMul(q, t) " + REST, "Transpose Attention",
        inputs=QKV.replace("[B,4,T,8] k", "[B,T,4,8] k"), check=has(perm=[0, 2, 1, 3])),
    "attention_with_rows_of_the_lowest_float": attention(
        KEPT + REST, "Where Clip Attention", inputs=QKV + ", bool[S,T] keep", weights={"minus": scalar(np.finfo(np.float32).min)},
        feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_with_rows_of_large_numbers": attention(
        KEPT + REST, "Where Attention", inputs=QKV + ", bool[S,T] keep", weights={"minus": scalar(-1e30)},
        feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_with_mask": attention(MASKED, "Clip Attention", inputs=QKV + ", float[B,1,S,T] mask"),
    "attention_with_scale_and_mask": attention(SCORES + "z = Div(m, two) s = Add(mask, z) " + REST, "Clip Attention",
                                               inputs=QKV + ", float[S,T] mask"),
    "attention_with_infinite_mask": attention(
        SCORES + "i = Where(keep, zero, minus) s = Add(m, i) " + REST, "Where Attention", inputs=QKV + ", bool[S,T] keep",
        weights={"minus": scalar(-np.inf)}, feeds={"keep": np.tri(5, 7) > 0}),
    "attention_of_half": dict(attention(SCORES + "s = Mul(m, third) " + REST, "Attention", inputs=QKV.replace("float", "float16"),
                                        output="float16[B,4,S,6] y", weights={"third": scalar(1 / 3, np.float16)}), tol=5e-3),
    "attention_of_groups": grouped("Attention"),
    "attention_of_one_head_for_all": grouped("Attention", inputs=QKV.replace("[B,4,T", "[B,1,T"), wide=(1, 1, 4, 1, 1)),
    "attention_of_one_head_that_is_expanded": attention(
        "k = Expand(a, heads) v = Expand(b, heads) " + PLAIN + REST, "Attention", inputs=QKV.replace("[B,4,T", "[B,1,T").replace(" k", " a").replace(" v", " b"),
        weights={"heads": ints(1, 4, 1, 1)}),
    "attention_of_one_batch_that_is_expanded_keeps_it": attention(
        "k = Expand(a, batch) v = Expand(b, batch) " + PLAIN + REST, "Expand Expand Attention", output="float[3,4,S,6] y",
        inputs=QKV.replace("[B,4,T", "[1,4,T").replace("[B", "[3").replace(" k", " a").replace(" v", " b"), weights={"batch": ints(3, 1, 1, 1)}),
    "attention_of_one_head_that_broadcasts": attention(PLAIN + REST, "Attention", inputs=QKV.replace("[B,4,T", "[B,1,T")),
    "attention_of_groups_of_keys_alone_keeps_them": grouped("Unsqueeze Expand Reshape Attention", inputs=GROUPED.replace("2,T,6", "4,T,6"), of="k"),
    "attention_of_groups_in_turn_keeps_them": grouped("Unsqueeze Expand Reshape Unsqueeze Expand Reshape Attention", at=1, wide=(1, 2, 1, 1, 1)),
    "attention_of_groups_along_keys_keeps_them": grouped("Unsqueeze Expand Reshape Unsqueeze Expand Reshape Attention", at=3, wide=(1, 1, 1, 2, 1)),
    "attention_of_groups_that_nothing_tells_keeps_them": grouped(
        "Unsqueeze Expand Reshape Unsqueeze Expand Reshape Attention", inputs=GROUPED.replace("[B,2,T", "[B,G,T"),
        feeds={"a": rand(3, 2, 7, 8), "b": rand(3, 2, 7, 6), "q": rand(3, 4, 5, 8)}),
    "attention_with_past": cached("Attention"),
    "attention_with_past_and_mask": cached("Clip Attention", body=SCORES + "s = Add(m, mask) " + REST,
                                           inputs=PAST.replace("N", "3").replace("P", "4") + ", float[S,7] mask"),
    "attention_with_past_of_groups": cached(
        "Attention", body="k0 = Unsqueeze(k, there) k1 = Expand(k0, wide) k2 = Reshape(k1, k4) v0 = Unsqueeze(v, there) v1 = Expand(v0, wide) "
        "v2 = Reshape(v1, v4) t = Transpose<perm = [0, 1, 3, 2]>(k2) s = MatMul(q, t) p = Softmax<axis = -1>(s) y = MatMul(p, v2)",
        inputs=PAST.replace("B,4,N", "B,2,N").replace("B,4,P", "B,2,P"), output=PRESENT.replace("B,4,T", "B,2,T"), weights=repeated()[1]),
    "attention_with_joined_keys_that_are_no_output_joins_outside": cached("Concat Concat Attention", output=PRESENT.split(", float[B,4,T,8]")[0]),
    "attention_with_past_of_other_lengths_joins_outside": cached(
        "Concat Concat Attention", inputs=PAST.replace("N,6", "M,6").replace("P,6", "Q,6"), output=PRESENT.replace("T,6", "U,6"),
        feeds={"a": rand(3, 4, 5, 8), "b": rand(3, 4, 4, 6), "c": rand(3, 4, 2, 8), "d": rand(3, 4, 3, 6)}),
    "attention_with_present_read_elsewhere_joins_outside": cached("Concat Concat Attention Neg", body=PLAIN + REST + " z = Neg(k)",
                                                                  output=PRESENT + ", float[D0,D1,D2,D3] z"),
    "attention_with_a_mask_of_one_column_joins_outside": cached(
        "Concat Concat Clip Shape Concat Expand Attention", body=SCORES + "s = Add(m, mask) " + REST, inputs=PAST + ", float[S,1] mask"),
    "causal_attention_joins_outside": cached(None, body="y = Attention<is_causal = 1>(q, k, v)"),
    "attention_that_is_one_takes_in_past": cached("Attention", body="y = Attention(q, k, v)"),
    "attention_with_a_soft_cap": attention(SCORES + "z = Mul(m, third) " + CAP.replace("(m,", "(z,") + REST.replace("(s)", "(c)"), "Attention",
                                           weights=CAPPED, check=has(softcap=0.75, scale=1 / 3)),
    "attention_with_a_soft_cap_and_mask": attention(SCORES + CAP + "s = Add(c, mask) " + REST, "Clip Attention", inputs=QKV + ", float[S,T] mask",
                                                    weights=CAPPED, check=has(softcap=0.75, scale=1.0)),
    "attention_with_a_soft_cap_and_infinite_mask": attention(
        SCORES + CAP + "i = Where(keep, zero, minus) s = Add(c, i) " + REST, "Where Attention", inputs=QKV + ", bool[S,T] keep",
        weights=CAPPED | {"minus": scalar(-np.inf)}, feeds={"keep": np.tri(5, 7) > 0}),
    "attention_with_a_soft_cap_masked_in_place": attention(
        SCORES + CAP + "s = Where(keep, low, c) " + REST, "Where Attention", inputs=QKV + ", bool[S,T] keep",
        weights=CAPPED | {"low": scalar(-np.inf)}, feeds={"keep": np.tri(5, 7) == 0}),
    "attention_capped_at_other_than_it_is_divided_by": attention(SCORES + "c1 = Tanh(m) c = Mul(cap, c1) " + REST.replace("(s)", "(c)"), "Attention",
                                                                 weights=CAPPED, check=has(softcap=0.75, scale=0.75)),
    "attention_capped_behind_the_mask_stays": attention(SCORES + "s = Add(m, mask) " + CAP.replace("(m,", "(s,") + REST.replace("(s)", "(c)"), None,
                                                        inputs=QKV + ", float[S,T] mask", weights=CAPPED),
    "attention_capped_by_data_stays": attention(SCORES + CAP + REST.replace("(s)", "(c)"), None, inputs=QKV + ", float cap"),
    "attention_with_a_negative_cap_stays": attention(SCORES + CAP + REST.replace("(s)", "(c)"), None, weights={"cap": scalar(-0.75)}),
    "attention_with_capped_scores_as_output_stays": attention(SCORES + CAP + REST.replace("(s)", "(c)"), None, weights=CAPPED,
                                                              output="float[B,4,S,6] y, float[B,4,S,T] c0"),
    "attention_with_a_negative_scale_stays": attention(SCORES + "s = Mul(m, minus) " + REST, None, weights={"minus": scalar(-0.5)}),
    "attention_of_nothing_stays": attention(SCORES + "s = Mul(m, third) " + REST, None, inputs=QKV.replace("S", "0")),
    "attention_below_23_stays": attention(SCORES + "s = Mul(m, third) " + REST, None, opset=22),
    "attention_over_another_axis_stays": attention(PLAIN + REST.replace("-1", "2"), None),
    "attention_with_a_mask_for_all_queries": attention(MASKED, "Clip Shape Concat Expand Attention", inputs=QKV + ", float[B,1,1,T] mask"),
    "attention_with_a_mask_for_all_keys": attention(MASKED, "Clip Shape Concat Expand Attention", inputs=QKV + ", float[S,1] mask"),
    "attention_with_a_mask_of_three_axes": attention(MASKED, "Clip Expand Attention", inputs=QKV + ", float[4,S,T] mask"),
    "attention_with_a_mask_of_a_batch_in_the_place_of_heads_stays": attention(MASKED, None, inputs=QKV + ", float[B,S,T] mask",
                                                                              feeds={"mask": rand(4, 5, 7), "q": rand(4, 4, 5, 8),
                                                                                     "k": rand(4, 4, 7, 8), "v": rand(4, 4, 7, 6)}),
    "attention_with_a_mask_of_another_size_stays": attention(MASKED, None, inputs=QKV.replace("T", "7") + ", float[B,1,S,U] mask",
                                                             feeds={"mask": rand(3, 1, 5, 7)}),
    "attention_masked_in_place": attention(
        SCORES + "z = Mul(m, third) s = Where(keep, low, z) " + REST, "Where Attention", inputs=QKV + ", bool[S,T] keep",
        weights={"low": scalar(np.finfo(np.float32).min)}, feeds={"keep": np.tri(5, 7, -2) == 0}),
    "attention_masked_in_place_with_a_bias": attention(
        SCORES + "b = Add(m, bias) s = Where(keep, low, b) " + REST, "Clip Where Attention", inputs=QKV + ", bool[B,1,1,T] keep, float[4,S,T] bias",
        weights={"low": scalar(-np.inf)}, feeds={"keep": np.arange(21).reshape(3, 1, 1, 7) % 3 == 0}),
    "attention_masked_in_place_for_all_queries": attention(
        SCORES + "s = Where(keep, low, m) " + REST, "Where Shape Concat Expand Attention", inputs=QKV + ", bool[B,1,1,T] keep",
        weights={"low": scalar(-1e31)}, feeds={"keep": np.arange(21).reshape(3, 1, 1, 7) % 3 == 0}),
    "attention_masked_by_a_small_number_stays": attention(
        SCORES + "s = Where(keep, low, m) " + REST, None, inputs=QKV + ", bool[S,T] keep",
        weights={"low": scalar(-100.0)}, feeds={"keep": np.tri(5, 7, -2) == 0}),
    "attention_masked_by_data_stays": attention(
        SCORES + "s = Where(keep, low, m) " + REST, None, inputs=QKV + ", bool[S,T] keep, float low",
        feeds={"keep": np.tri(5, 7, -2) == 0, "low": scalar(-1e38)}),
    "attention_kept_in_place_stays": attention(
        SCORES + "s = Where(keep, m, low) " + REST, None, inputs=QKV + ", bool[S,T] keep",
        weights={"low": scalar(-1e38)}, feeds={"keep": np.tri(5, 7) > 0}),
    "attention_of_half_masked_by_the_lowest": dict(attention(
        KEPT + REST, "Where Clip Attention", inputs=QKV.replace("float", "float16") + ", bool[S,T] keep", output="float16[B,4,S,6] y",
        weights={"minus": scalar(-65504.0, np.float16), "zero": scalar(0.0, np.float16)}, feeds={"keep": np.tri(5, 7) > 0}), tol=5e-3),
    "attention_with_a_mask_that_adds_a_batch_stays": attention(
        MASKED, None, inputs=QKV.replace("B", "1") + ", float[B,1,S,T] mask"),
    "attention_that_broadcasts_the_batch_stays": attention(PLAIN + REST, None,
                                                           inputs=QKV.replace("[B,4,T,8]", "[1,4,T,8]")),
    "attention_that_broadcasts_heads_stays": attention(PLAIN + REST, None,
                                                       inputs=QKV.replace("[B,4,T,6]", "[B,1,T,6]")),
    "attention_of_a_batch_that_nothing_tells_stays": attention(
        PLAIN + REST, None, inputs=QKV.replace("[B,4,T,6]", "[C,4,T,6]"),
        feeds={"v": rand(3, 4, 7, 6)}),
    "attention_of_three_axes_stays": attention(
        "t = Transpose<perm = [0, 2, 1]>(k) s = MatMul(q, t) " + REST, None,
        inputs="float[B,S,8] q, float[B,T,8] k, float[B,T,6] v", output="float[B,S,6] y"),
    "attention_scaled_by_data_stays": attention(SCORES + "s = Mul(m, z) " + REST, None, inputs=QKV + ", float z"),
    "attention_scaled_along_an_axis_stays": attention(
        "a = Mul(q, w) t = Transpose<perm = [0, 1, 3, 2]>(k) b = Mul(t, five) s = MatMul(a, t) " + REST + " y2 = Identity(b)", None,
        output="float[B,4,S,6] y, float[D0,D1,D2,D3,D4] y2", weights={"w": rand(4, 1, 1)}) | {"after": "Mul Transpose Mul Attention Identity"},
    "attention_that_adds_an_axis_stays": attention(
        "t = Transpose<perm = [0, 1, 3, 2]>(k) b = Mul(t, five) s = MatMul(q, b) " + REST, None, output="float[A,B,4,S,6] y"),
    "attention_with_weights_as_output_stays": attention(PLAIN + REST, None,
                                                        output="float[B,4,S,6] y, float[B,4,S,T] p"),
    "attention_of_k_that_comes_turned": attention("s = MatMul(q, k) " + REST, "Transpose Attention",
                                                  inputs=QKV.replace("[B,4,T,8]", "[B,4,8,T]"), check=has(perm=[0, 1, 3, 2])),
    "attention_with_guarded_rows": attention(
        KEPT + GUARD + "p = Where(n, zero, p0) y = MatMul(p, v)", "Where ReduceMax IsInf Attention Where",
        inputs=QKV + ", bool[S,T] keep", weights={"minus": scalar(-np.inf)}, feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_with_guarded_rows_of_small_numbers": attention(
        KEPT + GUARD + "p = Where(n, zero, p0) y = MatMul(p, v)", "Where Clip ReduceMax IsInf Attention Where",
        inputs=QKV + ", bool[S,T] keep", weights={"minus": scalar(np.finfo(np.float32).min)}, feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_with_rows_guarded_by_one_stays": attention(
        KEPT + GUARD + "p = Where(n, one, p0) y = MatMul(p, v)", None, inputs=QKV + ", bool[S,T] keep",
        weights={"minus": scalar(-np.inf)}, feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_guarded_by_another_softmax_stays": attention(
        KEPT + GUARD.replace("IsNaN(p0)", "IsNaN(i)") + "p = Where(n, zero, p0) y = MatMul(p, v)", None,
        inputs=QKV + ", bool[S,T] keep", weights={"minus": scalar(-1.0)}, feeds={"keep": np.tri(5, 7, -2) > 0}),
    "attention_of_double_stays": attention(PLAIN + REST, None, inputs=QKV.replace("float", "double"),
                                           output="double[B,4,S,6] y"),
    "group_norm": group_norm(GROUPS + AFFINE, "GroupNormalization", check=has(num_groups=2, epsilon=0.01)),
    "group_norm_that_the_runtime_runs_faster_spelled_stays": group_norm(GROUPS + AFFINE, None, args=()),
    "group_norm_of_scaled_groups": group_norm(GROUPS + AFFINE, "GroupNormalization", weights={"s": rand(2), "b": rand(2)}),
    "group_norm_without_numbers": group_norm(GROUPS.replace("o =", "y ="), "GroupNormalization", weights={"s": rand(2), "b": rand(2)}),
    "group_norm_of_one_axis": group_norm(GROUPS + AFFINE, "GroupNormalization", of="float[N,6,L]", weights={"g": rand(6, 1), "h": rand(6, 1)}),
    "group_norm_below_21_stays": group_norm(GROUPS + AFFINE, None, opset=20),
    "group_norm_of_numbers_along_the_width": group_norm(
        GROUPS + AFFINE, "GroupNormalization Mul Add", of="float[N,6,6,6]", weights={"g": rand(6), "h": rand(6)}),
    "group_norm_of_one_number_along_the_height": group_norm(
        GROUPS + AFFINE, "GroupNormalization Mul Add", of="float[N,6,6,6]", weights={"h": rand(6, 1)}),
    "group_norm_of_uneven_groups_stays": group_norm(GROUPS + AFFINE, None, of="float[N,6,4,4]",
                                                    weights={"into": ints(0, 4, -1), "s": rand(4), "b": rand(4)}),
    "group_norm_over_the_batch_stays": group_norm(GROUPS + AFFINE, None, weights={"into": ints(1, 2, -1)}),
    "group_norm_of_another_shape_behind_stays": group_norm(
        INTO + "y = Reshape(i, back)", None, of="float[2,6,4,5]", output="float[2,6,5,4] y", weights={"back": ints(2, 6, 5, 4)}),
    "group_norm_with_groups_as_output_stays": group_norm(GROUPS + AFFINE, None, output="float[N,C,H,W] y, float[N,G,L] i"),
    "group_norm_of_half_stays": group_norm(GROUPS.replace("o =", "y ="), None, of="float16[N,6,H,W]",
                                           weights={"s": np.ones(2, np.float16), "b": np.zeros(2, np.float16)}) | {"tol": 5e-3},
    "rotary": rotary(ANGLES + TURNED + SUM, "Cos Sin RotaryEmbedding"),
    "rotary_with_one_batch_of_angles": rotary(ANGLES + TURNED + SUM, EXPANDED, f="float[1,S,4]"),
    "rotary_twice_shares_angles": rotary(
        ANGLES + TURNED + SUM.replace("y =", "z =") + " g, i = Split<axis = -1, num_outputs = 2>(z) j = Neg(i) o = Concat<axis = 3>(j, g) "
        "d = Mul(o, s) e = Mul(z, c) y = Add(d, e)", "Cos Sin RotaryEmbedding RotaryEmbedding",
        passes="fuse-rotary-embedding,merge-equal"),
    "rotary_below_23_stays": rotary(ANGLES + TURNED + SUM, None, opset=22),
    "rotary_turned_the_other_way_stays": rotary(ANGLES + TURNED.replace("Neg(r)", "Neg(l)").replace("(n, l)", "(r, n)") + SUM, None),
    "rotary_of_other_angles_stays": rotary(ANGLES.replace("(f, f)", "(f, g)").replace("a =", "g = Neg(f) a =") + TURNED + SUM, None),
    "rotary_with_cos_of_another_input_stays": rotary(ANGLES + TURNED + SUM.replace("Mul(x", "Mul(h"), None),
    "rotary_with_cos_for_sin_stays": rotary(ANGLES.replace("Sin", "Cos") + TURNED + SUM, None),
    "rotary_along_heads_stays": rotary(ANGLES + TURNED + SUM, None, x="float[B,S,4,8]", at=2),
    "rotary_of_one_position_for_all_stays": rotary(ANGLES + TURNED + SUM, None, f="float[B,1,4]"),
    "rotary_of_a_batch_that_nothing_tells_stays": rotary(ANGLES + TURNED + SUM, None, f="float[C,S,4]", feeds={"f": rand(3, 5, 4)}),
    "rotary_of_uneven_parts_stays": rotary(
        ANGLES + TURNED.replace("Split<axis = 3, num_outputs = 2>(x)", "Split<axis = 3>(x, parts)") + SUM, None) | {
            "weights": {"at": ints(1), "parts": ints(3, 5)}},
}
main(CASES)
