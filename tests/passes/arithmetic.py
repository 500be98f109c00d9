"""simplify-arithmetic, merge-reductions."""
from support import ints, main, np, rand, scalar


def case(body, after, x="float[N,8]", y=None, weights=None, **more):
    return dict(text=f"g ({x} x) => ({y or x} y) {{ {body} }}", weights=weights or {}, passes="simplify-arithmetic", after=after, **more)


def soft(body, after, t=20.0, **more):
    wide = rand(5, 8, low=-60, high=60)
    wide[0] = [19.999, 20.0, 20.001, 90.0, np.inf, -np.inf, np.nan, 3e38]
    return case(body, after, weights={"t": scalar(t)}, feeds={"x": wide}, tol=1e-7, **more)


def chain(body, after, tol=1e-5, **weights):
    return case(body, after, weights={k: scalar(v) for k, v in weights.items()}, tol=tol)


def one_constant(*wanted):
    def check(model):
        from onnx import numpy_helper
        tensor, = model.graph.initializer
        got = numpy_helper.to_array(tensor)
        assert got.shape == np.shape(wanted[0]) and np.allclose(got, wanted[0], rtol=1e-6), got
    return check


THRESHOLD = "s = Softplus(x) g = Greater(x, t) y = Where(g, x, s)"
V = rand(8, low=0.5, high=2)
CASES = {
    "softplus_with_a_threshold": soft(THRESHOLD, "Softplus"),
    "softplus_by_less": soft("s = Softplus(x) g = Less(t, x) y = Where(g, x, s)", "Softplus"),
    "softplus_at_the_threshold": soft("s = Softplus(x) g = GreaterOrEqual(x, t) y = Where(g, x, s)", "Softplus", t=16.0, opset=16),
    "softplus_with_a_low_threshold_stays": soft(THRESHOLD, None, t=10.0),
    "softplus_the_other_way_stays": soft("s = Softplus(x) g = Greater(x, t) y = Where(g, s, x)", None),
    "softplus_with_a_threshold_that_adds_an_axis_stays": soft(THRESHOLD, None, t=[[[20.0]]], y="float[A,N,8]"),
    "softplus_that_others_read_stays": soft("s = Softplus(x) g = Greater(x, t) w = Where(g, x, s) y = Add(w, s)", None),
    "softplus_of_something_else_stays": soft("a = Abs(x) s = Softplus(a) g = Greater(x, t) y = Where(g, x, s)", None),
    "a_product_with_a_reciprocal": case("a = Abs(x) r = Reciprocal(a) y = Mul(x, r)", "Abs Div"),
    "a_product_with_a_reciprocal_in_front": case("a = Abs(x) r = Reciprocal(a) y = Mul(r, x)", "Abs Div"),
    "a_product_with_one_over_x": case("a = Abs(x) r = Div(one, a) y = Mul(x, r)", "Abs Div", weights={"one": scalar([1.0])}),
    "two_over_x_stays": case("a = Abs(x) r = Div(two, a) y = Mul(x, r)", None, weights={"two": scalar(2.0)}),
    "a_reciprocal_read_twice_stays": case("a = Abs(x) r = Reciprocal(a) m = Mul(x, r) y = Add(m, r)", None),
    "one_over_x_with_more_axes_stays": case("a = Abs(x) r = Div(one, a) y = Mul(x, r)", None, weights={"one": rand(1, 1, 1) * 0 + 1},
                                            y="float[A,N,8]"),
    "integers_are_another_thing": case("a = Abs(x) o = Add(a, one) r = Div(one, o) y = Mul(x, r)", None, x="int64[N]",
                                       weights={"one": scalar(1, np.int64)}),
    "not_of_not": case("a = Not(x) b = Not(a) y = Xor(x, b)", "Xor", x="bool[N]", tol=0),
    "neg_of_neg_with_another_reader": case("a = Neg(x) b = Neg(a) y = Mul(a, b)", "Neg Mul", tol=0),
    "neg_of_neg_of_an_input_to_an_output_stays": case("a = Neg(x) y = Neg(a)", None),
    "neg_four_times": case("a = Neg(x) b = Neg(a) c = Neg(b) d = Neg(c) y = Abs(d)", "Abs", tol=0),
    # constants in a row
    "sum_and_sum": chain("a = Add(x, p) y = Add(q, a)", "Add", p=0.5, q=2.0) | dict(check=one_constant(np.float32(2.5))),
    "sum_and_difference": chain("a = Add(x, p) y = Sub(a, q)", "Add", p=0.5, q=2.0) | dict(check=one_constant(np.float32(-1.5))),
    "difference_from_a_constant": chain("a = Sub(p, x) y = Sub(a, q)", "Sub", p=0.5, q=2.0) | dict(check=one_constant(np.float32(-1.5))),
    "difference_twice_from_constants": chain("a = Sub(p, x) y = Sub(q, a)", "Add", p=0.5, q=2.0) | dict(
        check=one_constant(np.float32(1.5))),
    "product_and_quotient": chain("a = Mul(x, p) y = Div(a, q)", "Mul", p=3.0, q=4.0) | dict(check=one_constant(np.float32(0.75))),
    "quotient_and_quotient": chain("a = Div(x, p) y = Div(a, q)", "Mul", p=2.0, q=4.0) | dict(check=one_constant(np.float32(0.125))),
    "constant_over_a_product": chain("a = Mul(x, p) y = Div(q, a)", "Div", p=2.0, q=4.0) | dict(check=one_constant(np.float32(2.0))),
    "constant_over_a_quotient": chain("a = Div(x, p) y = Div(q, a)", "Div", p=2.0, q=4.0) | dict(check=one_constant(np.float32(8.0))),
    "constant_over_a_constant_over_x": chain("a = Div(p, x) y = Div(q, a)", "Mul", p=2.0, q=4.0) | dict(
        check=one_constant(np.float32(2.0))),
    "three_in_a_row": chain("a = Mul(x, p) b = Div(a, q) y = Mul(r, b)", "Mul", p=3.0, q=4.0, r=2.0) | dict(
        check=one_constant(np.float32(1.5))),
    "what_undoes_itself": chain("r = Abs(x) a = Mul(r, p) y = Div(a, p)", "Abs", p=3.0),
    "what_undoes_itself_into_one_over": chain("r = Abs(x) a = Div(p, r) b = Mul(a, q) y = Mul(x, b)", "Abs Div", p=2.0, q=0.5),
    "a_vector_and_a_number": chain("a = Mul(x, p) y = Mul(a, q)", "Mul", p=V, q=2.0) | dict(check=one_constant(V * 2)),
    "a_number_of_many_axes_and_a_vector": chain("a = Add(x, p) y = Add(a, q)", "Add", p=[[1.0]], q=V) | dict(check=one_constant(V[None] + 1)),
    "two_vectors": chain("a = Add(x, p) y = Sub(a, q)", "Add", p=V, q=V[None, ::-1]) | dict(check=one_constant(V[None] - V[::-1])),
    "two_vectors_along_different_axes_stay": case("a = Add(x, p) y = Add(a, q)", None, x="float[8,8]",
                                                  weights={"p": V, "q": V[:, None]}),
    "a_sum_of_a_product_stays": chain("a = Mul(x, p) y = Add(a, q)", None, p=3.0, q=4.0),
    "a_step_that_others_read_stays": chain("a = Mul(x, p) b = Mul(a, q) y = Add(a, b)", None, p=3.0, q=4.0),
    "a_step_that_is_an_output_stays": dict(text="g (float[N] x) => (float[N] a, float[N] y) { a = Mul(x, p) y = Mul(a, q) }",
                                           weights={"p": scalar(3.0), "q": scalar(2.0)}, passes="simplify-arithmetic", after=None),
    "a_product_that_vanishes_stays": chain("a = Mul(x, p) y = Mul(a, q)", None, p=1e-30, q=1e-20),
    "a_product_beyond_float_stays": chain("a = Mul(x, p) y = Mul(a, q)", None, p=1e30, q=1e30),
    "a_division_by_zero_stays": chain("a = Mul(x, p) y = Div(a, q)", None, p=1.0, q=0.0),
    "integers_in_a_row_stay": case("a = Div(x, p) y = Mul(a, p)", None, x="int64[N]", weights={"p": scalar(2, np.int64)}),
    "doubles_in_a_row_stay": case("a = Add(x, p) y = Add(a, p)", None, x="double[N]", weights={"p": scalar(2.0, np.float64)}),
    "halves_in_a_row_stay": case("a = Add(x, p) y = Add(a, p)", None, x="float16[N]", weights={"p": scalar(2.0, np.float16)}),
    "squares_are_not_steps": chain("a = Mul(x, p) y = Mul(a, a)", None, p=3.0),
}
def product(body, after, s=0.5, t=0.25, **more):
    return dict(text=f"g (float[N,4] x, float[4,M] z) => (float[N,M] y) {{ {body} }}", weights={"s": scalar(s), "t": scalar(t)},
                passes="simplify-arithmetic", after=after, **more)


TWO = "a = Mul(x, s) b = Mul(t, z) y = MatMul(a, b)"
CASES |= {
    "a_sum_with_neg": case("a = Neg(x) b = Abs(x) y = Add(a, b)", "Abs Sub", tol=0),
    "a_difference_with_neg": case("a = Neg(x) b = Abs(x) y = Sub(b, a)", "Abs Add", tol=0),
    "neg_minus_something_stays": case("a = Neg(x) b = Abs(x) y = Sub(a, b)", None),
    "neg_that_another_reads_stays": case("a = Neg(x) b = Add(x, a) y = Mul(a, b)", None),
    "log_of_softmax": case("a = Softmax<axis = 0>(x) y = Log(a)", "LogSoftmax", x="float[5,8]"),
    "log_of_softmax_before_13": case("a = Softmax(x) y = Log(a)", "LogSoftmax", x="float[2,3,8]", opset=11),
    "log_of_old_softmax_of_several_axes": case("a = Softmax<axis = 2>(x) y = Log(a)", "LogSoftmax", x="float[2,3,2,4]", opset=12),
    "log_of_softmax_without_axis": case("a = Softmax(x) y = Log(a)", "LogSoftmax"),
    "arg_max_of_softmax": case("a = Softmax(x) y = ArgMax<axis = 1, keepdims = 0>(a)", "ArgMax", y="int64[N]"),
    "arg_max_of_another_axis_stays": case("a = Softmax(x) y = ArgMax<axis = 0>(a)", None, y="int64[1,8]"),
    "softmax_that_is_read_stays": case("a = Softmax(x) b = ArgMax(a) c = Cast<to = 1>(b) y = Add(a, c)", None),
    "factors_of_both_sides": product(TWO, "Mul MatMul"),
    "factors_above_one_stay": product(TWO, None, s=2.0),
    "factors_of_next_to_nothing_stay": product(TWO, None, s=1e-4, t=1e-4),
    "a_vector_of_factors_stays": product(TWO, None, t=[0.5]) | {"weights": {"s": rand(4, low=0.1, high=0.9), "t": scalar(0.5)}},
    "factors_with_more_axes_stay": product(TWO, None) | {"text": "g (float[N,4] x, float[4,M] z) => (float[A,N,M] y) { " + TWO + " }",
                                                          "weights": {"s": scalar([[[0.5]]]), "t": scalar(0.5)}},
    "a_square_of_a_product_stays": case("a = Mul(x, s) y = MatMul(a, a)", None, x="float[8,8]", weights={"s": scalar(0.5)}),
    "a_factor_that_another_reads_stays": product("a = Mul(x, s) b = Mul(t, z) m = MatMul(a, b) c = ReduceSum<keepdims = 0>(a) y = Add(m, c)", None),
}

CASES |= {
    "not_in_front_of_where": case("a = Abs(x) g = Greater(x, two) n = Not(g) y = Where(n, x, a)", "Abs Greater Where", weights={"two": scalar(0.5)}),
    "not_of_a_vector_in_front_of_where": dict(
        text="g (bool[N,1] c, float[4] x, float z) => (float[N,4] y) { n = Not(c) y = Where(n, x, z) }",
        weights={}, passes="simplify-arithmetic", after="Where", tol=0),
    "not_that_others_read_stays": dict(
        text="g (bool[N] c, float[N] x) => (float[N] y, bool[N] n) { n = Not(c) a = Neg(x) y = Where(n, x, a) }",
        weights={}, passes="simplify-arithmetic", after=None),
}

def reductions(body, after, x="N,3,4,5", y="A,B,C,D", **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes="merge-reductions", after=after, **{"tol": 1e-5, "opset": 13, **more})


def over(*wanted):
    def check(model):
        node = model.graph.node[-1]
        axes = [list(a.ints) for a in node.attribute if a.name == "axes"]
        got = axes[0] if axes else [np.frombuffer(t.raw_data, np.int64).tolist() for t in model.graph.initializer if t.name == node.input[1]][0]
        assert got == list(wanted), got
    return check


INPUT = {"opset": 18, "weights": {"a": ints(-1), "b": ints(2)}}
CASES |= {
    "mean_of_means": reductions("m = ReduceMean<axes = [3]>(x) y = ReduceMean<axes = [-2]>(m)", "ReduceMean", check=over(2, 3)),
    "mean_of_means_that_drop_axes": reductions("m = ReduceMean<axes = [2], keepdims = 0>(x) y = ReduceMean<axes = [2], keepdims = 0>(m)", "ReduceMean",
                                               y="A,B", check=over(2, 3)),
    "mean_of_means_that_drop_axes_in_front": reductions("m = ReduceMean<axes = [1, 3], keepdims = 0>(x) y = ReduceMean<axes = [-2], keepdims = 0>(m)",
                                                        "ReduceMean", y="A", check=over(0, 1, 3)),
    "mean_of_means_by_inputs": reductions("m = ReduceMean(x, a) y = ReduceMean(m, b)", "ReduceMean", check=over(2, 3), **INPUT),
    "sums_of_sums_of_sums": reductions("m = ReduceSum(x, a) n = ReduceSum(m, b) y = ReduceSum(n, b)", "ReduceSum", **INPUT),
    "largest_of_largest": reductions("m = ReduceMax<axes = [3]>(x) y = ReduceMax<axes = [1, 2]>(m)", "ReduceMax", tol=0),
    "sum_of_means_stays": reductions("m = ReduceMean(x, a) y = ReduceSum(m, b)", None, **INPUT),
    "mean_that_drops_axes_of_one_that_keeps_them_stays": reductions("m = ReduceMean<axes = [3]>(x) y = ReduceMean<axes = [2], keepdims = 0>(m)", None, y="A,B,C"),
    "means_that_others_read_stay": reductions("m = ReduceMean<axes = [3]>(x) n = ReduceMean<axes = [2]>(m) y = Add(m, n)", None),
    "mean_of_all_stays": reductions("m = ReduceMean<axes = [3]>(x) y = ReduceMean(m)", None),
    "means_of_whole_numbers_stay": dict(text="g (int32[N,3,4] x) => (int32[A,B,C] y) { m = ReduceMean<axes = [2]>(x) y = ReduceMean<axes = [1]>(m) }",
                                        passes="merge-reductions", after=None),
    "norms_of_norms_stay": reductions("m = ReduceSumSquare<axes = [3]>(x) y = ReduceSumSquare<axes = [2]>(m)", None),
}
main(CASES)
