"""fuse-sigmoid, fuse-hardsigmoid, fuse-hardswish, fuse-gelu."""
from support import main, np, rand, scalar

NUMBERS = {"one": scalar(1.0), "half": scalar(0.5), "three": scalar(3.0), "six": scalar(6.0), "zero": scalar(0.0),
           "sixth": scalar(1 / 6), "root2": scalar(2 ** 0.5), "iroot2": scalar(0.5 ** 0.5), "minus": scalar(-1.0),
           "c": scalar(0.044715), "k": scalar((2 / np.pi) ** 0.5)}


def case(body, passes, after, x="N,8", **more):
    opset = more.pop("opset", 14)
    weights = {k: a for k, a in NUMBERS.items() if any(k == w for w in body.replace("(", " ").replace(")", " ").replace(",", " ").split())}
    weights.update(more.pop("weights", {}))
    return dict(text=f"g (float[{x}] x) => (float[{more.pop('y', x)}] y) {{ {body} }}", passes=passes, after=after, weights=weights,
                opset=opset, ir=9 if opset > 15 else 8, **more)


def sigmoid(body, after, **more):
    return case(body, "fuse-sigmoid", after, **more)


def hard(body, after, **more):
    return case(body, "fuse-hardsigmoid,fuse-hardswish", after, feeds={"x": rand(3, 8, low=-5, high=5)}, **more)


def gelu(body, after, **more):
    return case(body, "fuse-gelu", after, opset=more.pop("opset", 20), **more)


def attr(**wanted):
    def check(model):
        found = {a.name: a for n in model.graph.node for a in n.attribute}
        for name, value in wanted.items():
            a = found[name]
            got = a.s.decode() if a.s else a.f
            assert got == value or abs(got - value) < 1e-6, f"{name} is {got}, needs {value}"
    return check


ERF = "e = Div(x, root2) f = Erf(e) g = Add(f, one) "
TANH = "p = Pow(x, three) q = Mul(c, p) r = Add(x, q) s = Mul(r, k) t = Tanh(s) g = Add(one, t) "
CLIP6 = "a = Add(x, three) b = Clip(a, zero, six) "
CASES = {
    "one_over_one_plus_exp": sigmoid("n = Neg(x) e = Exp(n) a = Add(one, e) y = Div(one, a)", "Sigmoid"),
    "reciprocal": sigmoid("n = Mul(minus, x) e = Exp(n) a = Add(e, one) r = Neg(a) y = Neg(r)", None),
    "reciprocal_of_one_plus_exp": sigmoid("n = Neg(x) e = Exp(n) a = Add(e, one) y = Reciprocal(a)", "Sigmoid"),
    "silu_becomes_a_gate": sigmoid("n = Neg(x) e = Exp(n) a = Add(one, e) y = Div(x, a)", "Sigmoid Mul"),
    "silu_in_its_own_form_stays": sigmoid("s = Sigmoid(x) y = Mul(x, s)", None),
    "exp_of_another_value_stays": sigmoid("n = Neg(x) e = Exp(n) a = Add(one, e) r = Relu(x) y = Div(r, a)", None),
    "hardsigmoid": hard(CLIP6 + "y = Div(b, six)", "HardSigmoid", check=attr(alpha=1 / 6, beta=0.5)),
    "hardsigmoid_by_mul": hard(CLIP6 + "y = Mul(sixth, b)", "HardSigmoid"),
    "hardsigmoid_of_other_slopes": hard("m = Mul(x, sixth) a = Add(m, half) y = Clip(a, zero, one)", "HardSigmoid"),
    "hardsigmoid_with_clip_by_attributes": hard("a = Add(x, three) b = Clip<min = 0.0, max = 6.0>(a) y = Div(b, six)",
                                                "HardSigmoid", opset=9),
    "hardsigmoid_with_other_bounds_stays": hard(CLIP6.replace("six", "three") + "y = Div(b, six)", None),
    "hardswish": hard(CLIP6 + "m = Mul(x, b) y = Div(m, six)", "HardSwish"),
    "hardswish_half_first": hard(CLIP6 + "h = Div(b, six) y = Mul(h, x)", "HardSwish"),
    "hardswish_sixth_of_x": hard(CLIP6 + "h = Mul(sixth, x) y = Mul(b, h)", "HardSwish"),
    "hardswish_from_hardsigmoid": hard("h = HardSigmoid<alpha = 0.16666667, beta = 0.5>(x) y = Mul(h, x)", "HardSwish"),
    "hardswish_below_14_is_a_gate": hard(CLIP6 + "m = Mul(x, b) y = Div(m, six)", "HardSigmoid Mul", opset=13,
                                         check=attr(alpha=1 / 6, beta=0.5)),
    "hardswish_below_11_is_a_gate": hard(
        "a = Add(x, three) b = Clip<min = 0.0, max = 6.0>(a) m = Mul(x, b) y = Div(m, six)", "HardSigmoid Mul", opset=9),
    "hardswish_of_another_value_stays": hard(CLIP6 + "r = Relu(x) m = Mul(r, b) y = Div(m, six)", None),
    "hardswish_with_an_output_inside_stays": dict(
        case(CLIP6 + "m = Mul(x, b) y = Div(m, six)", "fuse-hardswish", None),
        text="g (float[N,8] x) => (float[N,8] y, float[N,8] b) { " + CLIP6 + "m = Mul(x, b) y = Div(m, six) }"),
    "a_constant_with_more_axes_stays": hard(CLIP6 + "m = Mul(x, b) y = Div(m, six)", None, y="A,N,8",
                                            weights={"six": scalar(6.0), "three": rand(1, 1, 1) * 0 + 3}),
    "integers_stay": dict(
        text="g (int32[N] x) => (int32[N] y) { a = Add(x, three) b = Clip(a, zero, six) m = Mul(x, b) y = Div(m, six) }",
        weights={k: scalar(NUMBERS[k], np.int32) for k in ("three", "zero", "six")}, passes="fuse-hardsigmoid,fuse-hardswish",
        after=None),
    "gelu": gelu(ERF + "m = Mul(x, g) y = Mul(m, half)", "Gelu"),
    "gelu_half_of_x": gelu(ERF + "m = Mul(half, x) y = Mul(m, g)", "Gelu"),
    "gelu_half_of_erf": gelu(ERF + "m = Mul(g, half) y = Mul(m, x)", "Gelu"),
    "gelu_by_mul": gelu("e = Mul(iroot2, x) f = Erf(e) g = Add(f, one) m = Mul(x, g) y = Mul(m, half)", "Gelu"),
    "gelu_of_a_root_with_four_digits": gelu(ERF + "m = Mul(x, g) y = Mul(m, half)", "Gelu", weights={"root2": scalar(1.4142)}),
    "gelu_of_a_root_with_three_digits_stays": gelu(ERF + "m = Mul(x, g) y = Mul(m, half)", None, weights={"root2": scalar(1.414)}),
    "gelu_tanh": gelu(TANH + "m = Mul(x, g) y = Mul(m, half)", "Gelu", check=attr(approximate="tanh")),
    "gelu_tanh_of_products": gelu(TANH.replace("p = Pow(x, three)", "u = Mul(x, x) p = Mul(u, x)") + "m = Mul(x, half) y = Mul(m, g)",
                                  "Gelu"),
    "gelu_tanh_distributed": gelu(
        "u = Mul(c, x) v = Mul(u, x) w = Add(one, v) a = Mul(x, k) s = Mul(a, w) t = Tanh(s) g = Add(one, t) m = Mul(x, half) "
        "y = Mul(m, g)", "Gelu"),
    "gelu_below_20_stays": gelu(ERF + "m = Mul(x, g) y = Mul(m, half)", None, opset=17),
    "gelu_with_another_factor_stays": gelu(ERF.replace("root2", "three") + "m = Mul(x, g) y = Mul(m, half)", None),
}


def leaky(body, after, **more):
    return case(body, "fuse-leaky-relu", after, weights={"tenth": scalar(more.pop("k", 0.1)), **more.pop("weights", {})},
                feeds={"x": np.array([[-3, -0.0, 0, 2, -1e-30, np.inf, -np.inf, np.nan]], np.float32)}, **more)


SCALED = "m = Mul(x, tenth) "
CASES |= {
    "leaky_by_greater": leaky(SCALED + "g = Greater(x, zero) y = Where(g, x, m)", "LeakyRelu", check=attr(alpha=0.1)),
    "leaky_by_greater_or_equal": leaky("m = Mul(tenth, x) g = GreaterOrEqual(x, zero) y = Where(g, x, m)", "LeakyRelu"),
    "leaky_by_less": leaky(SCALED + "g = Less(x, zero) y = Where(g, m, x)", "LeakyRelu"),
    "leaky_by_less_or_equal": leaky(SCALED + "g = LessOrEqual(x, zero) y = Where(g, m, x)", "LeakyRelu"),
    "leaky_by_the_larger": leaky(SCALED + "y = Max(x, m)", "LeakyRelu"),
    "leaky_by_the_larger_turned": leaky(SCALED + "y = Max(m, x)", "LeakyRelu", k=[[0.5]], check=attr(alpha=0.5)),
    "leaky_by_two_relus": leaky("r = Relu(x) n = Neg(x) s = Relu(n) t = Mul(s, tenth) y = Sub(r, t)", "LeakyRelu"),
    "leaky_with_a_slope_below_zero": leaky(SCALED + "g = Greater(x, zero) y = Where(g, x, m)", "LeakyRelu", k=-2.0, check=attr(alpha=-2.0)),
    "leaky_by_the_larger_of_a_steep_one_stays": leaky(SCALED + "y = Max(x, m)", None, k=1.5),
    "leaky_by_the_larger_of_nothing_stays": leaky(SCALED + "y = Max(x, m)", None, k=0.0),
    "leaky_with_another_threshold_stays": leaky(SCALED + "g = Greater(x, one) y = Where(g, x, m)", None),
    "leaky_the_wrong_way_stays": leaky(SCALED + "g = Greater(x, zero) y = Where(g, m, x)", None),
    "leaky_of_a_vector_stays": leaky("m = Mul(x, v) g = Greater(x, zero) y = Where(g, x, m)", None, weights={"v": rand(8)}),
    "leaky_that_adds_an_axis_stays": leaky(SCALED + "g = Greater(x, zero) y = Where(g, x, m)", None, k=[[[0.1]]], y="A,N,8"),
    "leaky_whose_part_is_read_stays": leaky(SCALED + "g = Greater(x, zero) w = Where(g, x, m) y = Add(w, m)", None),
    "leaky_of_another_value_stays": leaky("n = Neg(x) g = Greater(n, zero) m = Mul(x, tenth) y = Where(g, x, m)", None),
}
main(CASES)
