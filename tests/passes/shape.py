"""fold-shapes, merge-shapes, merge-equal."""
from support import ints, main, np, rand, scalar

FOLD = "fold-shapes,drop-dead"


def case(body, after, passes, x="N,S,8", y="A,B,C", opset=13, weights=None, **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes=passes, after=after, weights=weights or {}, tol=0,
                opset=opset, **more)


def fold(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, FOLD, weights=weights, **more)


def merge(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, "merge-shapes", weights=weights, **more)


def equal(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, "merge-equal", weights=weights, **more)


def target(*wanted):
    def check(model):
        n = [n for n in model.graph.node if n.op_type in ("Reshape", "Expand")][-1]
        t = [t for t in model.graph.initializer if t.name == n.input[1]][0]
        got = np.frombuffer(t.raw_data, np.int64).tolist()
        assert got == list(wanted), got
    return check


SIZES = "s = Shape(x) n = Gather(s, i0) l = Gather(s, i1) un = Unsqueeze(n, i_0) ul = Unsqueeze(l, i_0) "
I = {"i0": scalar(0, np.int64), "i1": scalar(1, np.int64), "i_0": ints(0)}
CASES = {
    "sizes_that_are_numbers": fold("s = Shape(x) k = Gather(s, i) y = Expand(x, k)", "Expand", x="N,S,8", i=ints(2), check=target(8)),
    "split_heads": fold(SIZES + "k = Concat<axis = 0>(un, ul, h, d) y = Reshape(x, k)", "Reshape", y="N,S,2,4", h=ints(2), d=ints(4), **I,
                        check=target(0, 0, 2, 4)),
    "one_size_that_varies": fold("s = Shape(x) n = Gather(s, i) k = Concat<axis = 0>(n, m) y = Reshape(x, k)", "Reshape", y="N,B",
                                 x="N,3,8", i=ints(0), m=ints(24), check=target(-1, 24)),
    "a_product_of_sizes": fold(SIZES + "p = Mul(un, ul) k = Concat<axis = 0>(p, d) y = Reshape(x, k)", "Reshape", y="M,8", d=ints(8), **I,
                               check=target(-1, 8)),
    "sizes_in_another_order_stay": fold("s = Shape(x) n = Gather(s, i) y = Reshape(x, n)",
                                        "Shape Gather Reshape", y="S,N,8", i=ints(1, 0, 2)),
    "allowzero_stays": fold(SIZES + "k = Concat<axis = 0>(un, ul, h, d) y = Reshape<allowzero = 1>(x, k)",
                            "Shape Gather Gather Unsqueeze Unsqueeze Concat Reshape", y="N,S,2,4", h=ints(2), d=ints(4), opset=14, **I),
    "expand_to_own_sizes": fold("s = Shape(x) t = Transpose<perm = [0, 1, 2]>(x) y = Expand(t, s)", "Transpose Expand",
                                check=target(1, 1, 8)),
    "expand_to_sizes_of_another_stays": dict(
        text="g (float[N,S] x, float[M] z) => (float[A,B,C] y) { s = Shape(z) k = Concat<axis = 0>(s, o) y = Expand(x, k) }",
        weights={"o": ints(1, 1)}, passes=FOLD, after=None, opset=13),
    "a_size_that_is_an_output_stays": dict(
        text="g (float[N,8] x) => (int64[2] s, float[N,8] y) { s = Shape(x) y = Relu(x) }", passes=FOLD, after=None, opset=13),
    # merge-shapes
    "two_transposes": merge("t = Transpose<perm = [1, 2, 0]>(x) y = Transpose<perm = [0, 2, 1]>(t)", "Transpose"),
    "a_transpose_and_back": merge("t = Transpose<perm = [1, 2, 0]>(x) u = Transpose<perm = [2, 0, 1]>(t) y = Relu(u)", "Relu"),
    "a_transpose_read_twice_stays": merge("t = Transpose<perm = [1, 0, 2]>(x) u = Transpose<perm = [0, 2, 1]>(t) v = Transpose<perm = [0, 2, 1]>(t) "
                                          "y = Add(u, v)", None),
    "two_reshapes": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", a=ints(-1), b=ints(-1, 2, 4)),
    "a_zero_that_copies_a_new_size_stays": merge("r = Reshape(x, a) y = Reshape(r, b)", None, a=ints(-1, 2, 4), b=ints(0, 4, 2)),
    "a_zero_that_copies_the_same_size": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", a=ints(0, -1), b=ints(0, -1, 4)),
    "reshape_behind_flatten": merge("r = Flatten(x) y = Reshape(r, b)", "Reshape", b=ints(-1, 2, 4)),
    "unsqueeze_undoes_squeeze": merge("r = Squeeze(x, a) y0 = Unsqueeze(r, a) y = Relu(y0)", "Relu", x="1,S,8", a=ints(0)),
    "unsqueeze_elsewhere_stays": merge("r = Squeeze(x, a) y0 = Unsqueeze(r, b) y = Relu(y0)", None, x="1,S,8", a=ints(0), b=ints(1)),
    "two_unsqueezes_stay": merge("r = Unsqueeze(x, a) y = Unsqueeze(r, a)", None, a=ints(0), y="A,B,C,D,E"),
    "cast_and_back": merge("d = Cast<to = 11>(x) f = Cast<to = 1>(d) y = Relu(f)", "Relu"),
    "cast_through_a_wider_type": dict(
        text="g (int32[N] x) => (float[N] y) { d = Cast<to = 7>(x) y = Cast<to = 1>(d) }", passes="merge-shapes", after="Cast", tol=0),
    "cast_through_a_narrower_type_stays": merge("d = Cast<to = 6>(x) y = Cast<to = 1>(d)", None),
    "cast_of_int64_through_float_stays": dict(
        text="g (int64[N] x) => (int64[N] y) { d = Cast<to = 1>(x) y = Cast<to = 7>(d) }", passes="merge-shapes", after=None),
    # merge-equal
    "equal_nodes": equal("a = Relu(x) b = Relu(x) c = Neg(a) d = Neg(b) y = Add(c, d)", "Relu Neg Add"),
    "equal_initializers": equal("a = Add(x, u) b = Mul(a, v) y = Sub(b, u)", "Add Mul Sub", u=rand(8), v=rand(8) * 0 + 2) | dict(after=None),
    "equal_numbers_make_equal_nodes": equal("a = Add(x, u) b = Add(x, v) y = Mul(a, b)", "Add Mul", u=scalar(2.0), v=scalar(2.0)),
    "another_type_or_shape_is_not_equal": equal("a = Add(x, u) b = Add(x, v) y = Mul(a, b)", None, u=scalar(0.0), v=scalar([0.0])),
    "another_attribute_is_not_equal": equal("a = Elu(x) b = Elu<alpha = 0.5>(x) y = Mul(a, b)", None),
    "a_left_out_input_keeps_its_place": equal("a = Clip(x, u) b = Clip(x, , u) y = Mul(a, b)", None, u=scalar(0.0)),
    "random_nodes_stay": equal("a = RandomNormalLike<seed = 1.0>(x) b = RandomNormalLike<seed = 1.0>(x) c = Sub(a, b) d = Mul(c, z) y = Add(x, d)",
                               None, z=scalar(0.0)),
    "two_dq_stay": equal("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) c = DequantizeLinear(a, s, z) y = Mul(b, c)", None,
                         s=scalar(0.1), z=scalar(3, np.uint8)),
    "equal_outputs_stay": dict(text="g (float[N] x) => (float[N] y, float[N] z) { y = Relu(x) z = Relu(x) }", passes="merge-equal", after=None),
    "an_equal_output_gives_its_name": equal("a = Relu(x) b = Neg(a) c = Add(a, b) y0 = Add(c, c) y = Relu(x)", "Relu Neg Add Add"),
}
main(CASES)
