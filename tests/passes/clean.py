"""constants-to-initializers, fold-constants, drop-identity, drop-no-op."""
import numpy as np

from support import RANDOM, helper, ints, main, numpy_helper, rand, scalar

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


def only_inputs(*names):
    def check(model):
        assert [v.name for v in model.graph.input] == list(names), [v.name for v in model.graph.input]
    return check


def as_input(*names):
    """Weights that the caller may override."""
    def edit(model):
        for t in model.graph.initializer:
            if t.name in names:
                model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)))
    return edit


def no_op(body, after, weights=None, x="N,4", y=None, passes="drop-no-op", **more):
    return dict(text=f"g (float[{x}] x) => (float[{y or x}] y) {{ {body} }}", weights=weights or {}, passes=passes, after=after,
                **more)


def identity(body, after, weights=None, **more):
    return no_op(body, after, weights, passes="drop-identity", **more)


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
    "a_giant_is_not_computed_on_the_way_either": dict(
        text="g (float[N] x) => (float[N] y) { c = ConstantOfShape(s) m = ReduceMax<keepdims = 0>(c) y = Add(x, m) }",
        weights={"s": ints(3000, 2000)}, passes="fold-constants", after=None, told="result of 24000000 bytes from 16 bytes is over the budget"),
    "the_budget_is_an_option": dict(
        text="g (float[N,256,256] x) => (float[N,256,256] y) { a = Neg(w) e = Expand(a, s) y = Add(x, e) }",
        weights={"w": rand(1), "s": ints(256, 256)}, passes=FOLD + "{max-growth=100000}", after="Add", tol=0),
    "a_transposed_weight_is_folded_whatever_its_size": dict(
        text="g (float[N,4] x) => (float[N,3] y) { a = Transpose(w) y = MatMul(x, a) }",
        weights={"w": rand(3, 4)}, passes=FOLD + "{small-bytes=0,max-bytes=0}", after="MatMul", tol=0),
    "what_the_engine_lacks_is_left": dict(
        text="g (float[1,1,1,N] x) => (float[1,1,1,N] y) { a = Neg(w) d = MaxRoiPool<pooled_shape = [1, 1]>(a, r) e = Neg(d) y = Mul(x, e) }",
        weights={"w": rand(1, 1, 2, 2), "r": np.array([[0, 0, 0, 1, 1]], np.float32)}, passes=FOLD, after="MaxRoiPool Neg Mul",
        told="left: MaxRoiPool"),
    # freeze-weights
    "weights_that_are_inputs_become_constants": dict(
        text="g (float[N,4] x) => (float[N,3] y) { y = MatMul(x, w) }", weights={"w": W}, edit=as_input("w"), passes="freeze-weights",
        after="MatMul", tol=0, interface_changes=True, told="1 weights", check=only_inputs("x")),
    "and_fold_then": dict(
        text="g (float[N,4] x) => (float[N,3] y) { a = Neg(w) y = MatMul(x, a) }", weights={"w": W}, edit=as_input("w"), opset=9, ir=3,
        passes="freeze-weights,fold-constants", after="MatMul", tol=0, interface_changes=True, check=only_inputs("x")),
    "other_inputs_stay": dict(text="g (float[N,4] x, float[4,3] w) => (float[N,3] y) { y = MatMul(x, w) }", passes="freeze-weights",
                              after=None),
    # drop-identity
    "identity": identity("i = Identity(x) y = Relu(i)", "Relu"),
    "identity_to_an_output_gives_its_name": identity("r = Relu(x) y = Identity(r)", "Relu"),
    "identity_from_an_input_to_an_output_stays": identity("y = Identity(x)", None),
    "identity_from_a_constant_to_an_output_stays": no_op("y = Relu(x) z = Identity(w)", None, {"w": rand(3)}, passes="drop-identity",
                                                         edit=lambda m: m.graph.output.append(
                                                             helper.make_tensor_value_info("z", 1, [3]))),
    "two_outputs_of_one_value_stay": dict(
        text="g (float[N] x) => (float[N] y, float[N] z) { y = Relu(x) z = Identity(y) }", passes="drop-identity", after=None),
    "a_body_gets_the_constant_that_it_hands_out": dict(
        text="""g (float[N] x, bool b) => (float[N] y, bool k) {
            y, k = If(b)<then_branch = t () => (float[N] p, bool f) { p = Neg(x) f = Identity(no) },
                         else_branch = e () => (float[N] q, bool h) { q = Abs(x) h = Identity(b) }>
        }""", weights={"no": np.array(False)}, passes="drop-identity", after="If (Neg) (Abs Identity)", tol=0),
    "but_no_copy_of_a_large_one": dict(
        text="""g (float[N,80] x, bool b) => (float[A,80] y) {
            y = If(b)<then_branch = t () => (float[A,80] p) { p = Neg(x) }, else_branch = e () => (float[A,80] q) { q = Identity(w) }>
        }""", weights={"w": rand(1, 80)}, passes="drop-identity", after=None, tol=0),
    "identity_around_a_body": dict(
        text="""g (float[N] x, bool b) => (float[N] y) {
            i = Identity(x)
            y = If(b)<then_branch = t () => (float[N] p) { p = Neg(i) }, else_branch = e () => (float[N] q) { q = Identity(i) }>
        }""", passes="drop-identity", after="If (Neg) (Identity)"),
    "dropout": identity("d = Dropout(x) y = Relu(d)", "Relu"),
    "dropout_with_ratio_and_no_training": identity("d = Dropout(x, r, f) y = Relu(d)", "Relu",
                                                   {"r": scalar(0.3), "f": np.array(False)}),
    "dropout_of_which_the_mask_is_used_stays": dict(
        text="g (float[N] x) => (float[N] y, bool[N] m) { y, m = Dropout(x) }", passes="drop-identity", after=None),
    "dropout_in_training_stays": identity("d = Dropout<seed = 1>(x, r, t) z = Mul(d, o) y = Relu(z)", None,
                                          {"r": scalar(0.5), "t": np.array(True), "o": scalar(0.0)}),
    "cast_to_the_same_type": identity("c = Cast<to = 1>(x) y = Relu(c)", "Relu"),
    "cast_to_another_type_stays": identity("c = Cast<to = 11>(x) d = Relu(c) y = Cast<to = 1>(d)", None),
    # drop-no-op
    "neutral_numbers": no_op("a = Mul(x, one) b = Add(zero, a) c = Sub(b, zero) d = Div(c, one) e = Pow(d, one) y = Relu(e)", "Relu",
                             {"one": scalar(1.0), "zero": scalar([0.0])}),
    "zero_minus_x_and_one_over_x_stay": no_op("a = Sub(zero, x) y = Div(one, a)", None, {"one": scalar(1.0), "zero": scalar(0.0)}),
    "a_neutral_number_that_adds_an_axis_stays": no_op("y = Mul(x, one)", None, {"one": rand(1, 1, 1) * 0 + 1}, y="A,N,4"),
    "a_norm_without_a_scale_of_its_own": no_op("a = Mul(x, ones) b = Add(a, zeros) y = Relu(b)", "Relu", {
        "ones": np.ones(4, np.float32), "zeros": np.zeros((1, 4), np.float32)}),
    "the_scale_of_a_norm_stays": no_op("s = Sqrt(x) d = Div(x, s) a = Mul(d, ones) b = Add(zeros, a) y = Relu(b)", None, {
        "ones": np.ones(4, np.float32), "zeros": np.zeros(4, np.float32)}, feeds={"x": np.abs(rand(3, 4)) + 1}),
    "the_scale_of_a_norm_with_a_reciprocal_stays": no_op("r = Reciprocal(x) m = Mul(x, r) a = Mul(ones, m) b = Add(a, zeros) y = Relu(b)", None, {
        "ones": np.ones(4, np.float32), "zeros": np.zeros(4, np.float32)}, feeds={"x": np.abs(rand(3, 4)) + 1}),
    "ones_but_for_one_stay": no_op("a = Mul(x, ones) y = Relu(a)", None, {"ones": np.array([1, 1, 1, 1.001], np.float32)}),
    "ones_that_repeat_an_axis_stay": no_op("a = Mul(x, ones) y = Relu(a)", None, {"ones": np.ones(4, np.float32)}, x="N,1", y="N,4"),
    "ones_that_may_repeat_an_axis_stay": no_op("a = Mul(x, ones) y = Relu(a)", None, {"ones": np.ones(4, np.float32)}, x="N,M", y="N,4", feeds={"x": rand(3, 4)}),
    "ones_like_x": no_op("s = Shape(x) o = ConstantOfShape<value = float[1] {1}>(s) a = Mul(x, o) b = Div(a, o) y = Relu(b)", "Relu",
                         passes="drop-no-op,drop-dead"),
    "zeros_like_x": no_op("s = Shape(x) z = ConstantOfShape(s) a = Add(z, x) b = Sub(a, z) y = Relu(b)", "Relu", passes="drop-no-op,drop-dead"),
    "a_number_spread_over_x": no_op("s = Shape(x) e = Expand(one, s) a = Mul(e, x) y = Relu(a)", "Relu", {"one": scalar(1.0)},
                                    passes="drop-no-op,drop-dead"),
    "a_mask_of_the_shape_of_x": no_op("s = Shape(x) f = ConstantOfShape<value = bool[1] {1}>(s) n = Neg(x) a = Where(f, x, n) y = Relu(a)", "Relu",
                                      passes="drop-no-op,drop-dead"),
    "twos_like_x_stay": no_op("s = Shape(x) o = ConstantOfShape<value = float[1] {2}>(s) a = Mul(x, o) y = Relu(a)", None),
    "zeros_times_x_stay": no_op("s = Shape(x) o = ConstantOfShape(s) a = Mul(x, o) y = Relu(a)", None),
    "ones_that_are_more_than_x_stay": no_op("s = Shape(x) t = Concat<axis = 0>(two, s) o = ConstantOfShape<value = float[1] {1}>(t) a = Mul(x, o) y = Relu(a)",
                                            None, {"two": ints(2)}, y="2,N,4"),
    "ones_like_another_value_stay": dict(
        text="g (float[N] x, float[M] z) => (float[K] y) { s = Shape(z) o = ConstantOfShape<value = float[1] {1}>(s) a = Mul(x, o) y = Relu(a) }",
        passes="drop-no-op", after=None, feeds={"x": rand(1), "z": rand(3)}),
    "a_double_next_to_one_stays": dict(text="g (double[N] x) => (double[N] y) { a = Mul(x, near) y = Neg(a) }",
                                       weights={"near": np.array(1 + 1e-9)}, passes="drop-no-op", after=None),
    "integers_are_the_same": dict(text="g (int64[N] x) => (int64[N] y) { a = Mul(x, one) y = Neg(a) }",
                                  weights={"one": scalar(1, np.int64)}, passes="drop-no-op", after="Neg"),
    "transpose": no_op("t = Transpose<perm = [0, 1]>(x) y = Relu(t)", "Relu"),
    "transpose_of_a_vector": no_op("t = Transpose(x) y = Relu(t)", "Relu", x="N"),
    "transpose_that_turns_stays": no_op("t = Transpose(x) y = Relu(t)", None, y="4,N"),
    "reshape_by_zeros": no_op("r = Reshape(x, s) y = Relu(r)", "Relu", {"s": ints(0, -1)}),
    "reshape_by_numbers": no_op("r = Reshape(x, s) y = Relu(r)", "Relu", {"s": ints(-1, 4)}),
    "reshape_to_other_sizes_stays": no_op("r = Reshape(x, s) y = Relu(r)", None, {"s": ints(-1, 2)}, y="M,2"),
    "reshape_by_a_zero_that_is_a_size": no_op("r = Reshape<allowzero = 1>(x, s) y = Relu(r)", "Relu", {"s": ints(0, 4)}, x="0,4",
                                                    opset=14),
    "slice_of_all": no_op("r = Slice(x, s, e, a) y = Relu(r)", "Relu", {"s": ints(0, 0), "e": ints(2**63 - 1, 2**31 - 1),
                                                                       "a": ints(0, 1)}),
    "slice_by_attributes": no_op("r = Slice<starts = [0], ends = [9223372036854775807], axes = [1]>(x) y = Relu(r)", "Relu", opset=9),
    "slice_backwards_stays": no_op("r = Slice(x, s, e, a, t) y = Relu(r)", None,
                                   {"s": ints(-1), "e": ints(-(2**63) + 1), "a": ints(1), "t": ints(-1)}),
    "slice_with_a_step_stays": no_op("r = Slice(x, s, e, a, t) y = Relu(r)", None,
                                     {"s": ints(0), "e": ints(2**63 - 1), "a": ints(1), "t": ints(2)}, y="N,2"),
    "slice_from_1_stays": no_op("r = Slice(x, s, e, a) y = Relu(r)", None, {"s": ints(1), "e": ints(2**63 - 1), "a": ints(1)},
                                y="N,3"),
    "pad_by_nothing": no_op("r = Pad(x, p) y = Relu(r)", "Relu", {"p": ints(0, 0, 0, 0)}),
    "pad_that_cuts_and_adds_stays": no_op("r = Pad(x, p) y = Relu(r)", None, {"p": ints(0, -1, 0, 1)}),
    "concat_of_one_and_sum_of_one": no_op("r = Concat<axis = 0>(x) s = Sum(r) y = Max(s) ", "Max"),
    "concat_of_two_stays": no_op("y = Concat<axis = 0>(x, x)", None, y="M,4"),
    "split_in_one": no_op("r = Split<axis = 1>(x) y = Relu(r)", "Relu"),
    "expand_by_ones": no_op("r = Expand(x, s) y = Relu(r)", "Relu", {"s": ints(1, 1)}),
    "expand_that_adds_an_axis_stays": no_op("r = Expand(x, s) y = Relu(r)", None, {"s": ints(1, 1, 1)}, y="A,N,4"),
    "clip_without_bounds": no_op("r = Clip(x) y = Relu(r)", "Relu"),
    "clip_with_a_bound_stays": no_op("r = Clip(x, , h) y = Relu(r)", None, {"h": scalar(0.5)}),
    "and_or_xor_with_what_changes_nothing": dict(
        text="g (bool[N] x) => (bool[N] y) { a = And(x, t) b = Or(f, a) c = Xor(b, f) y = Not(c) }",
        weights={"t": np.array(True), "f": np.array([False])}, passes="drop-no-op", after="Not", tol=0),
    "and_or_xor_with_what_decides_stay": dict(
        text="g (bool[N] x) => (bool[N] y) { a = And(x, f) b = Or(t, a) y = Xor(b, t) }",
        weights={"t": np.array(True), "f": np.array([False])}, passes="drop-no-op", after=None),
    "where_of_one_side": no_op("a = Abs(x) b = Where(t, a, x) c = Where(f, x, b) y = Relu(c)", "Abs Relu",
                               {"t": np.array(True), "f": np.array([False, False, False, False])}),
    "where_of_both_sides_stays": no_op("y = Where(c, x, w)", None, {"c": np.array([True, False, True, True]), "w": rand(4)}),
    "where_of_one_side_that_is_widened_stays": no_op("y = Where(t, w, x)", None, {"t": np.array(True), "w": rand(4)}),
    "where_of_one_side_widened_by_the_condition_stays": no_op("y = Where(t, x, x)", None, {"t": np.ones((2, 1, 1), bool)}, y="A,N,4"),
}
def parts(**counts):
    """Numbers of inputs or outputs of the node that matters, the last of its operator."""
    def check(model):
        for op, (n_in, n_out) in counts.items():
            node = [n for n in model.graph.node if n.op_type == op][-1]
            assert (len(node.input), len(node.output)) == (n_in, n_out), (list(node.input), list(node.output))
    return check


def pads(*wanted):
    def check(model):
        attrs = {a.name: helper.get_attribute_value(a) for n in model.graph.node for a in n.attribute}
        assert "auto_pad" not in attrs and attrs.get("pads", []) == list(wanted), attrs
    return check


def tidy(body, after, weights=None, **more):
    return no_op(body, after, weights, passes="tidy-nodes", **more)


def image(op, attrs, wanted, x="N,2,7,8", weights=None, **more):
    w = ", w" if op == "Conv" else ""
    return tidy(f"y = {op}<{attrs}>(x{w})", op if wanted is not None else None, {"w": rand(2, 2, 3, 2)} if w else {}, x=x, y="N,2,A,B",
                **({"check": pads(*wanted)} if wanted is not None else {}), **more)


UPSIDE = "coordinate_transformation_mode = \"half_pixel\", mode = \"linear\""
CASES |= {
    # what changes nothing, at a closer look
    "rounding_of_what_is_whole": no_op("a = Floor(x) b = Ceil(a) c = Round(b) y = Neg(c)", "Floor Neg"),
    "rounding_of_a_sign": no_op("a = Sign(x) b = Floor(a) y = Neg(b)", "Sign Neg"),
    "sign_and_abs_twice": no_op("a = Sign(x) b = Sign(a) c = Abs(b) d = Abs(c) y = Neg(d)", "Sign Abs Neg"),
    "sign_of_abs_stays": no_op("a = Abs(x) b = Sign(a) y = Neg(b)", None),
    "a_mean_of_axes_of_one": no_op("a = Abs(x) m = ReduceMean<axes = [1, 2]>(a) s = ReduceMax<axes = [-2]>(m) y = Neg(s)", "Abs Neg", x="N,1,1,4"),
    "a_mean_that_drops_an_axis_stays": no_op("a = Abs(x) m = ReduceMean<axes = [1], keepdims = 0>(a) y = Neg(m)", None, x="N,1,4", y="N,4"),
    "a_mean_of_an_open_axis_stays": no_op("a = Abs(x) m = ReduceMean<axes = [0]>(a) y = Neg(m)", None, x="N,4", y="1,4"),
    "a_norm_of_one_element_stays": no_op("m = ReduceL2<axes = [1]>(x) y = Neg(m)", None, x="N,1"),
    "resize_by_one": no_op(f"a = Abs(x) r = Resize<{UPSIDE}>(a, , s) y = Neg(r)", "Abs Neg", {"s": np.ones(4, np.float32)}, x="N,2,4,4"),
    "resize_to_its_sizes": no_op(f"a = Abs(x) r = Resize<{UPSIDE}>(a, , , s) y = Neg(r)", "Abs Neg", {"s": ints(1, 2, 4, 4)}, x="1,2,4,4"),
    "resize_by_nearly_one_stays": no_op(f"a = Abs(x) r = Resize<{UPSIDE}>(a, , s) y = Neg(r)", None,
                                        {"s": np.array([1, 1, 1.1, 1.1], np.float32)}, x="N,2,4,4"),
    "resize_to_other_sizes_stays": no_op(f"a = Abs(x) r = Resize<{UPSIDE}>(a, , , s) y = Neg(r)", None, {"s": ints(1, 2, 4, 5)}, x="1,2,4,4",
                                         y="1,2,4,5"),
    "resize_of_a_crop_stays": no_op("a = Abs(x) r = Resize<coordinate_transformation_mode = \"tf_crop_and_resize\", mode = \"linear\">(a, roi, s) "
                                    "y = Neg(r)", None, {"s": np.ones(4, np.float32), "roi": np.array([0, 0, 0, 0, 1, 1, .5, .5], np.float32)},
                                    x="N,2,4,4"),
    "pools_of_one_element": no_op("a = Abs(x) m = MaxPool<kernel_shape = [1, 1]>(a) p = AveragePool<kernel_shape = [1, 1], strides = [1, 1]>(m) "
                                  "y = Neg(p)", "Abs Neg", x="N,2,4,4"),
    "a_pool_that_strides_stays": no_op("m = MaxPool<kernel_shape = [1, 1], strides = [2, 2]>(x) y = Neg(m)", None, x="N,2,4,4", y="N,2,2,2"),
    "scatter_of_all": no_op("a = Abs(x) u = Exp(x) s = ScatterND(a, i, u) y = Neg(s)", "Exp Neg", {"i": np.arange(3).reshape(3, 1)}, x="3,4",
                            opset=16, passes="drop-no-op"),
    "scatter_of_all_of_an_open_size": no_op(
        "a = Abs(x) u = Exp(x) h = Shape(x) n = Gather(h, zero) r = Range(zero, n, one) i = Unsqueeze(r, m) s = ScatterND(a, i, u) y = Neg(s)",
        "Exp Neg", {"zero": scalar(0, np.int64), "one": scalar(1, np.int64), "m": ints(-1)}, x="N,4", opset=16, passes="drop-no-op,drop-dead"),
    "scatter_of_another_open_size_stays": dict(
        text="g (float[N,4] x, float[M,4] z) => (float[N,4] y) { h = Shape(z) n = Gather(h, zero) r = Range(zero, n, one) i = Unsqueeze(r, m) "
             "y = ScatterND(x, i, z) }", weights={"zero": scalar(0, np.int64), "one": scalar(1, np.int64), "m": ints(-1)}, passes="drop-no-op",
        after=None, opset=16, feeds={"x": rand(5, 4), "z": rand(3, 4)}),
    "scatter_in_another_order_stays": no_op("a = Abs(x) u = Exp(x) s = ScatterND(a, i, u) y = Neg(s)", None, {"i": np.array([[0], [2], [1]])}, x="3,4",
                                            opset=16),
    "scatter_of_a_part_stays": no_op("a = Abs(x) s = ScatterND(a, i, u) y = Neg(s)", None, {"i": np.array([[0], [1]]), "u": rand(2, 4)}, x="3,4",
                                     opset=16),
    "scatter_that_adds_stays": no_op("a = Abs(x) u = Exp(x) s = ScatterND<reduction = \"add\">(a, i, u) y = Neg(s)", None,
                                     {"i": np.arange(3).reshape(3, 1)}, x="3,4", opset=16),
    # tidy-nodes
    "cast_for_cast_like": dict(text="g (float[N] x, float16[2] h) => (float16[N] y) { y = CastLike(x, h) }", passes="tidy-nodes", after="Cast",
                               opset=15),
    "a_bias_of_zeros": tidy("c = Conv(x, w, b) y = Neg(c)", "Conv Neg", {"w": rand(2, 2, 3, 3), "b": np.zeros(2, np.float32)}, x="N,2,5,5",
                            y="N,2,3,3", check=parts(Conv=(2, 1))),
    "a_bias_of_zeros_from_a_constant_node": tidy("b = Constant<value_floats = [0.0, 0.0, 0.0]>() y = Gemm<transB = 1>(x, w, b)", "Gemm",
                                                 {"w": rand(3, 4)}, y="N,3"),
    "a_bias_of_negative_zeros_of_gemm": tidy("y = Gemm<transB = 1>(x, w, b)", "Gemm", {"w": rand(3, 4), "b": -np.zeros(3, np.float32)}, y="N,3",
                                             check=parts(Gemm=(2, 1))),
    "a_bias_of_old_gemm_stays": tidy("y = Gemm(x, w, b)", None, {"w": rand(4, 3), "b": np.zeros(3, np.float32)}, y="N,3", opset=10, ir=4),
    "a_bias_with_one_number_stays": tidy("y = Gemm(x, w, b)", None, {"w": rand(4, 3), "b": np.array([0, 0, 1e-30], np.float32)}, y="N,3"),
    "a_bias_of_the_caller_stays": tidy("y = Gemm(x, w, b)", None, {"w": rand(4, 3), "b": np.zeros(3, np.float32)}, y="N,3", edit=as_input("b")),
    "indices_that_nothing_reads": tidy("y, i = MaxPool<kernel_shape = [2, 2]>(x)", "MaxPool", x="N,2,4,4", y="N,2,3,3", check=parts(MaxPool=(1, 1))),
    "a_mask_that_nothing_reads": tidy("a, m = Dropout(x, r) y = Neg(a)", "Dropout Neg", {"r": scalar(0.5)}, check=parts(Dropout=(2, 1))),
    "means_that_nothing_reads": tidy("y, m, s = LayerNormalization(x, w)", "LayerNormalization", {"w": rand(4)}, opset=17,
                                     check=parts(LayerNormalization=(2, 1))),
    "a_deviation_that_is_read_stays": dict(
        text="g (float[N,4] x) => (float[N,4] y, float[N,1] s) { y, m, s = LayerNormalization(x, w) }", weights={"w": rand(4)}, passes="tidy-nodes",
        after="LayerNormalization", opset=17, check=parts(LayerNormalization=(2, 3))),
    "states_that_nothing_reads": dict(
        text="g (float[S,N,3] x) => (float[1,N,4] y) { a, y, c = LSTM<hidden_size = 4>(x, w, r) }",
        weights={"w": rand(1, 16, 3), "r": rand(1, 16, 4)}, passes="tidy-nodes", after="LSTM", opset=14, check=parts(LSTM=(3, 2))),
    "indices_that_are_read_stay": dict(
        text="g (float[N,2,4,4] x) => (float[N,2,3,3] y, int64[N,2,3,3] i) { y, i = MaxPool<kernel_shape = [2, 2]>(x) }", passes="tidy-nodes",
        after=None),
    "auto_pad_of_conv": image("Conv", 'auto_pad = "SAME_UPPER", strides = [2, 2]', [1, 0, 1, 0]),
    "auto_pad_lower": image("Conv", 'auto_pad = "SAME_LOWER"', [1, 1, 1, 0]),
    "auto_pad_of_open_sizes": image("Conv", 'auto_pad = "SAME_UPPER"', [1, 0, 1, 1], x="N,2,H,W"),
    "auto_pad_valid": image("Conv", 'auto_pad = "VALID", strides = [3, 2]', []),
    "auto_pad_of_max_pool": image("MaxPool", 'auto_pad = "SAME_LOWER", kernel_shape = [4, 3], strides = [3, 2]', [2, 1, 1, 0]),
    "auto_pad_of_average_pool": image("AveragePool", 'auto_pad = "SAME_UPPER", kernel_shape = [2, 3], strides = [2, 1]', [0, 1, 1, 1]),
    "auto_pad_that_cuts_the_input_stays": image("Conv", 'auto_pad = "SAME_UPPER", strides = [7, 6]', None),
    "auto_pad_of_open_sizes_with_strides_stays": image("Conv", 'auto_pad = "SAME_UPPER", strides = [2, 2]', None, x="N,2,H,W"),
}

TURNED = {"w": rand(2, 3, 4, 3)}
CODES = {"xs": scalar(0.1), "xz": scalar(7, np.uint8), "ws": scalar(0.02), "wz": scalar(0, np.int8), "ys": scalar(0.5), "yz": scalar(9, np.uint8),
         "w": RANDOM.integers(-9, 9, (4, 2, 3, 3)).astype(np.int8)}


def codes(op, after, more=None, attrs="", **args):
    ins = "x, xs, xz, w, ws, wz, ys, yz, b" if op == "QLinearConv" else "x, w, xz"
    out = "uint8" if op == "QLinearConv" else "int32"
    weights = {k: a for k, a in {**CODES, **(more or {})}.items() if k in ins.replace(",", "").split()}
    return dict(text=f"g (uint8[N,2,7,8] x) => ({out}[N,4,A,B] y) {{ y = {op}{attrs}({ins}) }}", weights=weights, passes="tidy-nodes", after=after,
                tol=0, **args)


CASES |= {
    "a_bias_of_zero_codes": codes("QLinearConv", "QLinearConv", {"b": np.zeros(4, np.int32)}, check=parts(QLinearConv=(8, 1))),
    "a_bias_of_codes_stays": codes("QLinearConv", None, {"b": np.array([0, 0, 0, 1], np.int32)}),
    "pads_of_a_conv_of_codes": codes("QLinearConv", "QLinearConv", {"b": np.ones(4, np.int32)}, "<auto_pad = \"SAME_UPPER\", strides = [2, 1]>",
                                     check=pads(1, 1, 1, 1)),
    "pads_of_a_conv_of_integers": codes("ConvInteger", "ConvInteger", {"w": CODES["w"].astype(np.uint8)}, "<auto_pad = \"SAME_LOWER\", strides = [2, 2]>",
                                        check=pads(1, 1, 1, 0)),
    "pads_of_a_transposed_conv": tidy("y = ConvTranspose<auto_pad = \"SAME_UPPER\", strides = [2, 1]>(x, w)", "ConvTranspose", TURNED,
                                      x="N,2,5,6", y="N,3,10,6", check=pads(1, 1, 1, 1)),
    "pads_of_a_transposed_conv_that_is_valid": tidy("y = ConvTranspose<auto_pad = \"VALID\", strides = [2, 1]>(x, w)", "ConvTranspose", TURNED,
                                                    x="N,2,5,6", y="N,3,12,8", check=pads()),
    "odd_pads_of_a_transposed_conv_stay": tidy("y = ConvTranspose<auto_pad = \"SAME_UPPER\", strides = [1, 1]>(x, w)", None, TURNED, x="N,2,5,6",
                                               y="N,3,5,6"),
}

CASES |= {
    "counts_that_nothing_reads": dict(text="g (float[9] x) => (float[M] y, int64[9] j) { y, i, j, c = Unique(x) }", weights={}, passes="tidy-nodes",
                                      after="Unique", check=parts(Unique=(1, 3))),
}
main(CASES)
