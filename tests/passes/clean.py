"""constants-to-initializers, fold-constants."""
import numpy as np

from support import helper, ints, main, numpy_helper, rand, scalar

FOLD = "fold-constants"


def lacks(name):
    def check(model):
        assert name not in {t.name for t in model.graph.initializer}, f"'{name}' is still there"
    return check


def holds(name, array):
    def check(model):
        found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        assert name in found, f"no initializer '{name}'"
        np.testing.assert_array_equal(found[name], array)
    return check


def as_input(*names):
    """Weights that the caller may override."""
    def edit(model):
        for t in model.graph.initializer:
            if t.name in names:
                model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)))
    return edit


W = rand(4, 3)
CASES = {
    "constant_nodes_become_initializers_of_the_same_name": dict(
        text="g (float[N,3] x) => (float[N,3] y) { c = Constant<value = float[3] {1, 2, 3}>() y = Add(x, c) }",
        passes="constants-to-initializers", after="Add", tol=0, check=holds("c", np.float32([1, 2, 3]))),
    "a_constant_that_is_an_output_stays_a_node": dict(
        text="g (float[N,3] x) => (float[N,3] y, float[3] c) "
             "{ c = Constant<value = float[3] {1, 2, 3}>() y = Add(x, c) }",
        passes="constants-to-initializers", after=None),
    "constants_in_other_spellings_and_in_bodies": dict(
        text="""g (float[N] x, bool b) => (float[N] y) {
            two = Constant<value_float = 2.0>()
            y = If(b)<then_branch = t () => (float[N] p) { c = Constant<value_floats = [3.0]>() p = Mul(x, c) },
                      else_branch = e () => (float[N] q) { q = Mul(x, two) }>
        }""", passes="constants-to-initializers", after="If (Mul) (Mul)", tol=0),
    "before_ir_4_the_version_is_raised": dict(
        text="g (float[N,3] x) => (float[N,3] y) { c = Constant<value = float[3] {1, 2, 3}>() y = Add(x, c) }",
        passes="constants-to-initializers", opset=8, ir=3, after="Add", tol=0),
    "folds_chains": dict(
        text="g (float[N,4] x) => (float[N,3] y) { a = Transpose<perm = [1, 0]>(w) b = Neg(a) c = Transpose(b) "
             "y = MatMul(x, c) }",
        weights={"w": W}, passes=FOLD, after="MatMul", tol=0, check=holds("c", -W)),
    "folds_every_output_of_a_node": dict(
        text="g (float[N,4] x) => (float[N,2] y, float[N,1] z) { a, b = Split<axis = 1>(w, s) y = MatMul(x, a) "
             "z = MatMul(x, b) }",
        weights={"w": W, "s": ints(2, 1)}, passes=FOLD, after="MatMul MatMul", check=lacks("w")),
    "folds_in_bodies": dict(
        text="""g (float[N] x, bool b) => (float[N] y) {
            k = Neg(v)
            y = If(b)<then_branch = t () => (float[N] p) { c = Add(k, v) d = Sqrt(v) e = Mul(c, d) p = Mul(x, e) },
                      else_branch = e () => (float[N] q) { q = Mul(x, v) }>
        }""", weights={"v": scalar([4.0])}, passes=FOLD, after="If (Mul) (Mul)", tol=0),
    "leaves_q_and_dq": dict(
        text="g (float[N,4] x) => (float[N,3] y) { q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) "
             "y = MatMul(x, d) }",
        weights={"w": W, "s": scalar(0.1), "z": scalar(0, np.int8)}, passes=FOLD, after=None),
    "folds_up_to_q_but_not_behind_dq": dict(
        text="g (float[N,3] x) => (float[N,4] y) { a = Transpose(w) q = QuantizeLinear(a, s, z) "
             "d = DequantizeLinear(q, s, z) t = Neg(d) y = MatMul(x, t) }",
        weights={"w": W, "s": scalar(0.1), "z": scalar(0, np.int8)}, passes=FOLD,
        after="QuantizeLinear DequantizeLinear Neg MatMul"),
    "never_folds_random_numbers": dict(
        text="g (float[N,3] x) => (float[N,3] y) { r = RandomUniformLike<seed = 1.0>(w) z = Mul(r, zero) "
             "y = Add(x, z) }",
        weights={"w": rand(3), "zero": scalar(0.0)}, passes=FOLD, after=None),
    "an_initializer_that_is_an_input_is_no_constant": dict(
        text="g (float[N,4] x) => (float[N,3] y) { a = Neg(w) y = MatMul(x, a) }",
        weights={"w": W}, edit=as_input("w"), passes=FOLD, after=None),
    "a_result_that_is_an_output_stays": dict(
        text="g (float[N,4] x) => (float[N,3] y, float[4,3] a) { b = Neg(w) a = Neg(b) y = MatMul(x, a) }",
        weights={"w": W}, passes=FOLD, after="Neg MatMul", tol=0),
    "large_growth_is_left_and_what_feeds_it_is_folded": dict(
        text="g (float[N,256,256] x) => (float[N,256,256] y) { a = Neg(w) e = Expand(a, s) f = Neg(e) y = Add(x, f) }",
        weights={"w": rand(1), "s": ints(256, 256)}, passes=FOLD, after="Expand Neg Add", tol=0,
        told="over the budget", check=lacks("w")),
    "the_budget_is_an_option": dict(
        text="g (float[N,256,256] x) => (float[N,256,256] y) { a = Neg(w) e = Expand(a, s) y = Add(x, e) }",
        weights={"w": rand(1), "s": ints(256, 256)}, passes=FOLD + "{max-growth=100000}", after="Add", tol=0),
    "a_transposed_weight_is_folded_whatever_its_size": dict(
        text="g (float[N,4] x) => (float[N,3] y) { a = Transpose(w) y = MatMul(x, a) }",
        weights={"w": rand(3, 4)}, passes=FOLD + "{small-bytes=0,max-bytes=0}", after="MatMul", tol=0),
    "what_the_engine_lacks_is_left": dict(
        text="g (float[N,2,2] x) => (float[N,2,2] y) { a = Neg(w) d = Det(a) e = Neg(d) y = Mul(x, e) }",
        weights={"w": rand(2, 2)}, passes=FOLD, after="Det Neg Mul", told="left: Det"),
}
main(CASES)
