"""drop-expand, fold-shapes, shorten-sizes, split-slices, fuse-space-to-depth, merge-shapes, move-transposes, turn-patches, merge-equal."""
from support import helper, ints, main, np, rand, scalar

FOLD = "fold-shapes,drop-dead"


def case(body, after, passes, x="N,S,8", y="A,B,C", opset=13, weights=None, **more):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes=passes, after=after, weights=weights or {}, tol=0,
                opset=opset, **more)


def fold(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, FOLD, weights=weights, **more)


def sizes(body, after, **weights):
    more = {"opset": 15, **{k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}}
    return case(body, after, "shorten-sizes,drop-dead", weights=weights, **more)


def expand(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, "drop-expand", weights=weights, **more)


def slices(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check") if k in weights}
    return case(body, after, "split-slices", weights=weights, **more)


def perms(*wanted):
    def check(model):
        got = [tuple(a.ints) for n in model.graph.node if n.op_type == "Transpose" for a in n.attribute if a.name == "perm"]
        assert got == list(wanted), got
    return check


def merge(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check", "feeds") if k in weights}
    return case(body, after, "merge-shapes", weights=weights, **more)


def turned(body, after, **weights):
    more = {k: weights.pop(k) for k in ("x", "y", "opset", "check", "edit") if k in weights}
    return case(body, after, "move-transposes", **{"x": "N,S,4", "y": "N,S,4", **more}, weights=weights)


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


def axes(*wanted):
    def check(model):
        n = [n for n in model.graph.node if n.op_type == "Unsqueeze"][-1]
        t = [t for t in model.graph.initializer if t.name == n.input[1]][0]
        assert np.frombuffer(t.raw_data, np.int64).tolist() == list(wanted)
    return check


SIZES = "s = Shape(x) n = Gather(s, i0) l = Gather(s, i1) un = Unsqueeze(n, i_0) ul = Unsqueeze(l, i_0) "
I = {"i0": scalar(0, np.int64), "i1": scalar(1, np.int64), "i_0": ints(0)}
BIG = np.arange(2400, dtype=np.float32).reshape(300, 8) / 100
SPOILED = BIG.copy()
SPOILED[100, 3] = -1.0
SAME = rand(4)

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
    "allowzero_goes_where_sizes_are_copied": fold(SIZES + "k = Concat<axis = 0>(un, ul, h, d) y = Reshape<allowzero = 1>(x, k)", "Reshape",
                                                  y="N,S,2,4", h=ints(2), d=ints(4), opset=14, check=target(0, 0, 2, 4), **I),
    "the_rest_is_a_number_that_is_known": fold(SIZES + "k = Concat<axis = 0>(un, ul, m, d) y = Reshape<allowzero = 1>(x, k)", "Reshape",
                                               y="N,S,2,4", m=ints(-1), d=ints(4), opset=14, check=target(0, 0, 2, 4), **I),
    "a_size_that_is_zero_stays": dict(
        text="g (float[N,0,S] x) => (float[A,B,C] y) { s = Shape(x) n = Gather(s, i) k = Concat<axis = 0>(n, z) "
             "y = Reshape<allowzero = 1>(x, k) }",
        weights={"i": ints(2, 0), "z": ints(0)}, passes=FOLD, after=None, opset=14),
    "expand_to_own_sizes": fold("s = Shape(x) t = Transpose<perm = [0, 1, 2]>(x) y = Expand(t, s)", "Transpose Expand",
                                check=target(1, 1, 8)),
    "expand_to_sizes_of_another_stays": dict(
        text="g (float[N,S] x, float[M] z) => (float[A,B,C] y) { s = Shape(z) k = Concat<axis = 0>(s, o) y = Expand(x, k) }",
        weights={"o": ints(1, 1)}, passes=FOLD, after=None, opset=13),
    "a_size_that_is_an_output_stays": dict(
        text="g (float[N,8] x) => (int64[2] s, float[N,8] y) { s = Shape(x) y = Relu(x) }", passes=FOLD, after=None, opset=13),
    # drop-expand
    "an_operand_that_broadcasts": expand("s = Shape(x) e = Expand(b, s) y = Add(x, e)", "Add", b=rand(1, 8)),
    "one_number_in_where": expand("s = Shape(x) e = Expand(b, s) c = Less(x, d) y = Where(c, x, e)", "Less Where", b=scalar(0.5), d=scalar(0.0)),
    "two_readers": expand("s = Shape(x) e = Expand(b, s) u = Mul(x, e) v = Neg(x) w = Max(v, e, u) y = Add(w, e)", "Mul Neg Max Add",
                          b=rand(1, 1, 1)),
    "an_expand_that_makes_the_size_stays": expand("s = Shape(x) e = Expand(b, s) y = Add(e, c)", None, b=rand(1, 8), c=scalar(1.0)),
    "of_two_expands_one_stays": expand("s = Shape(x) e = Expand(b, s) f = Expand(c, s) y = Add(e, f)", "Shape Expand Add", b=rand(1, 8), c=rand(8)),
    "an_expand_added_to_itself_stays": expand("s = Shape(x) e = Expand(b, s) y = Add(e, e)", None, b=rand(1, 8)),
    "a_reader_that_does_not_broadcast_stays": expand("s = Shape(x) e = Expand(b, s) u = Add(x, e) v = Softmax(e) y = Add(u, v)", None, b=rand(1, 8)),
    "an_axis_of_one_in_front_stays": expand("e = Expand(b, k) y = Add(e, c)", None, y="A,B,C", b=rand(8), c=rand(8), k=ints(1, 1, 8)),
    "sizes_of_another_symbol_stay": dict(
        text="g (float[N,8] x, float[M,8] z) => (float[A,B] y) { s = Shape(z) e = Expand(b, s) y = Add(x, e) }",
        weights={"b": rand(1, 8)}, feeds={"x": rand(3, 8), "z": rand(3, 8)}, passes="drop-expand", after=None),
    # shorten-sizes
    "a_size_by_one_node": sizes("s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, a) k = Concat<axis = 0>(u, o) y = Expand(b, k)",
                                "Shape Concat Expand", y="N,1", i=scalar(0, np.int64), a=ints(0), o=ints(1), b=rand(1, 1)),
    "by_two_where_shape_has_no_bounds": sizes(
        "s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, a) k = Concat<axis = 0>(u, o) y = Expand(b, k)",
        "Shape Slice Concat Expand", opset=14, y="N,1", i=scalar(0, np.int64), a=ints(0), o=ints(1), b=rand(1, 1)),
    "sizes_of_one_tensor_in_a_row": sizes(
        "s = Shape(x) m = Gather(s, i0) n = Gather(s, i1) u = Unsqueeze(m, a) v = Unsqueeze(n, a) k = Concat<axis = 0>(u, v) y = Expand(b, k)",
        "Shape Expand", y="N,S", i0=scalar(0, np.int64), i1=scalar(1, np.int64), a=ints(0), b=rand(1, 1)),
    "the_whole_shape_of_another": sizes(
        "r = Relu(x) s = Shape(r) m = Gather(s, i) k = Concat<axis = 0>(m, o) q = Shape(x) e = Expand(b, k) f = Expand(b, q) y = Add(e, f)",
        "Shape Expand Expand Add", i=ints(0, 1), o=ints(8), b=rand(1, 1, 1)),
    "equal_sizes_are_asked_for_once": sizes(
        "r = Relu(x) s = Shape(x) t = Shape(r) e = Expand(b, s) f = Expand(b, t) g = Add(e, f) y = Add(g, r)",
        "Relu Shape Expand Expand Add Add", b=rand(1, 1, 1)),
    "sizes_in_another_order": sizes("s = Shape(x) n = Gather(s, i) y = Expand(b, n)", None, y="S,N,8", i=ints(1, 0, 2), b=rand(1, 1, 1)),
    "another_symbol_is_another_size": dict(
        text="g (float[N,8] x, float[M,8] z) => (float[A,B] y, float[C,D] w) { s = Shape(x) t = Shape(z) y = Expand(b, s) w = Expand(b, t) }",
        weights={"b": rand(1, 1)}, passes="shorten-sizes", after=None, opset=15),
    "a_computed_size_is_equal_to_a_shape": sizes(
        "p = Concat<axis = 1>(x, x) s = Shape(x) n = Gather(s, i) d = Mul(n, two) t = Shape(p) m = Gather(t, i) e = Expand(b, d) f = Expand(b, m) "
        "y = Add(e, f)", "Shape Mul Expand Expand Add", y="L", i=ints(1), two=ints(2), b=rand(1)),
    "a_vector_that_is_an_output_stays": dict(
        text="g (float[N,8] x) => (int64[1] u) { s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, a) }",
        weights={"i": scalar(0, np.int64), "a": ints(0)}, passes="shorten-sizes", after=None, opset=15),
    "pieces_that_others_read_stay": sizes(
        "s = Shape(x) n = Gather(s, i) u = Unsqueeze(n, a) k = Concat<axis = 0>(o, u) e = Expand(b, k) f = Expand(c, u) y = Add(e, f)",
        "Shape Concat Expand Expand Add", y="1,N", i=scalar(0, np.int64), a=ints(0), o=ints(1), b=rand(1, 1), c=rand(1)),
    # split-slices
    "two_halves": slices("a = Slice(x, z, f, q) b = Slice(x, f, e, q) y = Sub(a, b)", "Split Sub", z=ints(0), f=ints(4), e=ints(8), q=ints(2)),
    "three_parts_in_another_order": slices(
        "c = Slice(x, g, e, q) a = Slice(x, z, f, q) b = Slice(x, f, g, q) u = Neg(c) y = Concat<axis = 2>(u, a, b)", "Split Neg Concat",
        z=ints(0), f=ints(1), g=ints(-3), e=ints(2 ** 63 - 1), q=ints(-1)),
    "an_overlap_stays": slices("a = Slice(x, z, f, q) b = Slice(x, g, e, q) y = Sub(a, b)", None, z=ints(0), f=ints(5), g=ints(3), e=ints(8), q=ints(2)),
    "a_gap_stays": slices("a = Slice(x, z, f, q) b = Slice(x, g, e, q) y = Sub(a, b)", None, z=ints(0), f=ints(3), g=ints(5), e=ints(8), q=ints(2)),
    "parts_of_unknown_size_stay": slices("a = Slice(x, z, f, q) b = Slice(x, f, e, q) y = Concat<axis = 1>(a, b)", None, z=ints(0), f=ints(4),
                                         e=ints(2 ** 63 - 1), q=ints(1)) | dict(feeds={"x": rand(2, 9, 8)}),
    "steps_stay": slices("a = Slice(x, z, e, q, s) b = Slice(x, o, e, q, s) y = Sub(a, b)", None, z=ints(0), o=ints(1), e=ints(8), q=ints(2), s=ints(2)),
    "slices_of_opset_9": slices("a = Slice<axes = [2], starts = [0], ends = [3]>(x) b = Slice<axes = [-1], starts = [-5], ends = [99]>(x) y = Concat<axis = -1>(b, a)",
                                "Split Concat", opset=9),
    "a_slice_of_the_first_axis_of_opset_9": slices("a = Slice<starts = [0], ends = [2]>(x) b = Slice<starts = [2], ends = [4]>(x) y = Sub(a, b)", "Split Sub",
                                                   x="4,6,8", opset=9),
    "slices_of_two_axes_of_opset_9_stay": slices("a = Slice<starts = [0, 0], ends = [2, 6]>(x) b = Slice<starts = [2, 0], ends = [4, 6]>(x) y = Sub(a, b)",
                                                 None, x="4,6,8", opset=9),
    "slices_of_opset_12": slices("a = Slice(x, z, f, q) b = Slice(x, f, e, q) y = Sub(a, b)", "Split Sub", z=ints(0), f=ints(4), e=ints(8), q=ints(2),
                                      opset=12),
    "a_part_that_is_an_output": dict(
        text="g (float[N,8] x) => (float[N,4] a, float[N,4] y) { b = Slice(x, f, e, q) a = Slice(x, z, f, q) y = Neg(b) }",
        weights={"z": ints(0), "f": ints(4), "e": ints(8), "q": ints(1)}, passes="split-slices", after="Split Neg", tol=0),
    # merge-shapes
    "two_transposes": merge("t = Transpose<perm = [1, 2, 0]>(x) y = Transpose<perm = [0, 2, 1]>(t)", "Transpose"),
    "a_transpose_and_back": merge("t = Transpose<perm = [1, 2, 0]>(x) u = Transpose<perm = [2, 0, 1]>(t) y = Relu(u)", "Relu"),
    "a_transpose_read_twice_stays": merge("t = Transpose<perm = [1, 0, 2]>(x) u = Transpose<perm = [0, 2, 1]>(t) v = Transpose<perm = [0, 2, 1]>(t) "
                                          "y = Add(u, v)", None),
    "two_reshapes": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", a=ints(-1), b=ints(-1, 2, 4)),
    "a_zero_that_copies_a_new_size": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", a=ints(-1, 2, 4), b=ints(0, 4, 2), check=target(-1, 4, 2)),
    "a_zero_that_copies_a_new_number": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", x="N,6,8", a=ints(-1, 12, 4), b=ints(0, 0, 2, 2),
                                             y="A,B,2,2", check=target(0, 12, 2, 2)),
    "zeros_that_copy_two_open_sizes_stay": merge("r = Reshape(x, a) y = Reshape(r, b)", None, x="N,S,T,8", a=ints(0, -1, 0, 4), b=ints(0, 0, -1),
                                                 feeds={"x": rand(2, 3, 3, 8)}),
    "zeros_that_copy_nothing": merge("r = Reshape<allowzero = 1>(x, a) y = Reshape<allowzero = 1>(r, b)", "Reshape", x="0,S,8", a=ints(0, 2, 4),
                                      b=ints(0, 4, 2), opset=14, feeds={"x": rand(0, 3, 8)}),
    "a_zero_that_copies_the_same_size": merge("r = Reshape(x, a) y = Reshape(r, b)", "Reshape", a=ints(0, -1), b=ints(0, -1, 4)),
    "reshape_behind_flatten": merge("r = Flatten(x) y = Reshape(r, b)", "Reshape", b=ints(-1, 2, 4)),
    "reshape_that_copies_behind_flatten_stays": merge("r = Flatten(x) y = Reshape(r, b)", None, b=ints(0, 0), x="N,S,T", y="N,B"),  # N may be 0
    "flatten_behind_reshape": merge("r = Reshape(x, a) y = Flatten(r)", "Reshape", a=ints(0, -1, 2, 4), y="A,B"),
    "flatten_of_two_open_sizes_stays": merge("r = Reshape(x, a) y = Flatten<axis = 2>(r)", None, a=ints(0, 0, -1, 1), y="A,B", x="N,S,T"),
    "unsqueeze_behind_reshape": merge("r = Reshape(x, a) y = Unsqueeze(r, b)", "Reshape", a=ints(0, -1, 4), b=ints(1), y="A,1,B,4"),
    # -1 beside a size that is copied and may be 0: Reshape would not find it.
    "unsqueeze_behind_flatten_of_open_sizes_stays": merge("r = Flatten(x) y = Unsqueeze<axes = [1]>(r)", None, opset=11, y="A,1,B"),
    "squeeze_behind_reshape": merge("r = Reshape(x, a) y = Squeeze(r, b)", "Reshape", a=ints(0, 1, -1), b=ints(1), y="A,B"),
    "unsqueeze_behind_a_reshape_read_twice_stays": merge("r = Reshape(x, a) u = Unsqueeze(r, b) v = Relu(r) y = Add(u, v)", None,
                                                         a=ints(0, -1), b=ints(0), y="1,A,B"),
    "squeeze_behind_unsqueeze_and_transpose": merge(
        "r = Relu(x) u = Unsqueeze(r, z) t = Transpose<perm = [3, 1, 2, 0]>(u) y = Squeeze(t, a)", "Relu Transpose",
        z=ints(0), a=ints(3), y="A,B,C", check=perms((2, 0, 1))),
    "squeeze_by_attribute_behind_reshape_and_transpose": merge(
        "r = Reshape(x, a) t = Transpose<perm = [2, 1, 0, 3]>(r) y = Squeeze<axes = [-3]>(t)", "Reshape Transpose", opset=11,
        a=ints(0, 1, -1, 4), y="A,N,4", check=perms((1, 0, 2))),
    "unbind": merge("a, b = Split(x, o) p = Squeeze(a, t) q = Squeeze(b, t) y = Sub(p, q)", "Gather Gather Sub", x="2,S,8", y="S,8",
                    o=ints(1, 1), t=ints(0)),
    "unbind_by_attributes": merge("a, b = Split<axis = -1, split = [1, 1]>(x) p = Squeeze<axes = [2]>(a) q = Squeeze<axes = [-1]>(b) y = Sub(p, q)",
                                  "Gather Gather Sub", x="N,S,2", y="N,S", opset=11),
    "unbind_with_a_part_read_as_it_is_stays": merge("a, b = Split(x, o) p = Squeeze(a, t) y = Sub(p, b)", None, x="2,S,8", y="1,S,8",
                                                    o=ints(1, 1), t=ints(0)),
    "unbind_of_another_axis_stays": merge("a, b = Split<axis = 1>(x, o) p = Squeeze(a, t) q = Squeeze(b, t) y = Sub(p, q)", None, x="1,2,8",
                                          y="1,8", o=ints(1, 1), t=ints(0)),
    "squeeze_behind_a_transpose_of_an_input_stays": merge("t = Transpose<perm = [2, 0, 1]>(x) y = Squeeze(t, a)", None, x="N,1,8", a=ints(2),
                                                          y="8,N"),
    "unsqueeze_undoes_squeeze": merge("r = Squeeze(x, a) y0 = Unsqueeze(r, a) y = Relu(y0)", "Relu", x="1,S,8", a=ints(0)),
    "unsqueeze_elsewhere": merge("r = Squeeze(x, a) y0 = Unsqueeze(r, b) y = Relu(y0)", "Reshape Relu", x="1,S,8", a=ints(0), b=ints(1)),
    "one_head_behind_a_reshape": merge("r = Reshape(x, a) y = Transpose<perm = [0, 2, 1, 3]>(r)", "Reshape", a=ints(0, -1, 1, 8), y="A,1,B,8"),
    "one_head_in_front_of_a_reshape": merge("s = Relu(x) t = Transpose<perm = [0, 2, 1, 3]>(s) y = Reshape(t, a)", "Relu Reshape", x="N,1,S,8",
                                            a=ints(0, -1, 8)),
    "unless_a_0_copies_another_size": merge("s = Relu(x) t = Transpose<perm = [0, 2, 1, 3]>(s) y = Reshape(t, a)", None, x="N,1,S,8",
                                            a=ints(-1, 0, 8)),
    "two_heads_stay": merge("r = Reshape(x, a) y = Transpose<perm = [0, 2, 1, 3]>(r)", None, a=ints(0, -1, 2, 4), y="A,2,B,4"),
    "two_unsqueezes_of_a_mask_stay": merge("r = Unsqueeze(x, a) u = Unsqueeze(r, a) y = Softmax(u)", None, a=ints(0), y="A,B,C,D,E"),
    "two_unsqueezes_of_an_input_that_is_no_mask": merge("r = Unsqueeze(x, a) u = Unsqueeze(r, a) y = Neg(u)", "Unsqueeze Neg", a=ints(0),
                                                        y="A,B,C,D,E", check=axes(0, 1)),
    "and_behind_a_cast_of_it": merge("c = Cast<to = 10>(x) r = Unsqueeze(c, a) u = Unsqueeze(r, a) v = Cast<to = 1>(u) w = Sub(o, v) y = Softmax(w)", None, o=scalar(1.0), a=ints(0),
                                     y="A,B,C,D,E"),
    "two_unsqueezes_in_front": merge("t = Relu(x) r = Unsqueeze(t, a) y = Unsqueeze(r, a)", "Relu Unsqueeze", a=ints(0), y="A,B,C,D,E",
                                     check=axes(0, 1)),
    "two_unsqueezes_from_the_end": merge("t = Relu(x) r = Unsqueeze(t, a) y = Unsqueeze(r, b)", "Relu Unsqueeze", a=ints(-1, 1), b=ints(-2, 0),
                                         y="A,B,C,D,E,F,G", check=axes(0, 2, 5, 6)),
    "unsqueezes_read_twice": merge("t = Relu(x) r = Unsqueeze(t, a) u = Unsqueeze(r, a) v = Unsqueeze(r, b) y = Add(u, v)",
                                   "Relu Unsqueeze Unsqueeze Add", a=ints(0), b=ints(1), y="A,B,C,D,E"),
    "unsqueezes_read_in_between_stay": merge("t = Relu(x) r = Unsqueeze(t, a) u = Unsqueeze(r, a) y = Add(u, r)", None, a=ints(0),
                                             y="A,B,C,D,E"),
    "unsqueezes_by_attribute": merge("t = Relu(x) r = Unsqueeze<axes = [0]>(t) y = Unsqueeze<axes = [3]>(r)", "Relu Unsqueeze", opset=11,
                                     y="A,B,C,D,E"),
    "keys_of_attention": merge("r = Reshape(x, a) t = Transpose<perm = [0, 2, 1]>(r) y = Reshape(t, b)", "Transpose", x="N,3,S,8", y="A,B,C,D",
                               a=ints(-1, 7, 8), b=ints(-1, 3, 8, 7)) | dict(
        text="g (float[N,3,7,8] x) => (float[A,B,C,D] y) { r = Reshape(x, a) t = Transpose<perm = [0, 2, 1]>(r) y = Reshape(t, b) }"),
    "keys_split_elsewhere_stay": merge("r = Reshape(x, a) t = Transpose<perm = [0, 2, 1]>(r) y = Reshape(t, b)", None, x="N,4,7,8", y="A,B,C,D",
                                       a=ints(-1, 7, 8), b=ints(-1, 2, 8, 7)),
    "rows_that_are_no_rows_stay": merge("r = Reshape(x, a) t = Transpose<perm = [0, 2, 1]>(r) y = Reshape(t, b)", None, x="N,4,8,8", y="A,B,C,D",
                                        a=ints(-1, 16, 4), b=ints(-1, 4, 4, 16)),
    "concat_in_concat": merge("c = Concat<axis = 1>(x, x) n = Neg(x) y = Concat<axis = -2>(n, c, x)", "Neg Concat"),
    "concats_in_a_row": merge("c = Concat<axis = 1>(x, x) d = Concat<axis = 1>(c, x) y = Concat<axis = 1>(x, d)", "Concat"),
    "concat_of_another_axis_stays": merge("c = Concat<axis = 2>(x, x) y = Concat<axis = 1>(c, c)", None),
    "concat_read_twice_stays": merge("c = Concat<axis = 1>(x, x) y = Concat<axis = 1>(c, c)", None),
    "one_position": merge("r = Slice(x, i, j, a) y = Squeeze(r, a)", "Gather", y="A,B", x="N,5,8", i=ints(2), j=ints(3), a=ints(1)),
    "the_last_position": merge("r = Slice(x, i, j, a) y = Squeeze(r, b)", "Gather", y="A,B", x="N,5,8", i=ints(-1), j=ints(2 ** 63 - 1),
                               a=ints(1), b=ints(-2)),
    "one_position_by_attribute": merge("r = Slice(x, i, j, a) y = Squeeze<axes = [1]>(r)", "Gather", y="A,B", x="N,5,8", opset=11, i=ints(2),
                                       j=ints(3), a=ints(1)),
    "two_positions_stay": merge("r = Slice(x, i, j, a) y = Squeeze(r, b)", None, y="A,B", x="1,5,8", i=ints(2), j=ints(4), a=ints(1), b=ints(0)),
    "slices_of_two_axes": merge("r = Slice(x, z, e, a) y = Slice(r, z, f, b)", "Slice", x="4,6,8", z=ints(1), e=ints(3), f=ints(-1), a=ints(0),
                                b=ints(2)),
    "slices_with_steps": merge("r = Slice(x, z, e, a, s) y = Slice(r, z, f, b)", "Slice", x="4,6,8", z=ints(0), e=ints(9), f=ints(2), a=ints(1),
                               b=ints(-1), s=ints(2)),
    "slices_of_one_axis_counted_from_the_end": merge("r = Slice(x, z, e, a) y = Slice(r, z, z2, b)", "Slice", x="4,6,8", z=ints(1), z2=ints(2), e=ints(4),
                                     a=ints(0), b=ints(-3)),
    "slices_that_all_merge": merge("r = Slice(x, z, e, a) u = Slice(r, z, f, b) v = Slice(r, z, f, c) w = Transpose<perm = [0, 2, 1]>(v) "
                                   "y = MatMul(u, w)", "Slice Slice Transpose MatMul", x="4,6,8", z=ints(1), e=ints(3), f=ints(4), a=ints(0),
                                   b=ints(2), c=ints(-1)) | dict(tol=1e-5),
    "slices_of_which_one_is_read_stay": merge("r = Slice(x, z, e, a) u = Slice(r, z, f, b) v = ReduceSum<keepdims = 1>(r) y = Add(u, v)", None,
                                              x="4,6,8", z=ints(1), e=ints(3), f=ints(4), a=ints(0), b=ints(2)),
    "slices_by_attribute": merge("r = Slice<axes = [0], starts = [1], ends = [3]>(x) y = Slice<axes = [-2], starts = [0], ends = [2]>(r)", "Slice",
                                 x="4,6,8", opset=9),
    "slices_by_attribute_without_axes": merge("r = Slice<starts = [1, 2], ends = [3, -1]>(x) y = Slice<starts = [1], ends = [9223372036854775807]>(r)",
                                              "Slice", x="4,6,8", opset=9),
    "slices_by_attribute_from_the_end_stay": merge("r = Slice<axes = [1], starts = [1], ends = [-1]>(x) y = Slice<axes = [1], starts = [-2], ends = [9]>(r)",
                                                   None, x="4,6,8", opset=9),
    "one_position_by_attributes": merge("r = Slice<axes = [1], starts = [2], ends = [3]>(x) y = Squeeze<axes = [1]>(r)", "Gather", y="A,B", x="N,5,8", opset=9),
    "cast_and_back": merge("d = Cast<to = 11>(x) f = Cast<to = 1>(d) y = Relu(f)", "Relu"),
    "cast_through_a_wider_type": dict(
        text="g (int32[N] x) => (float[N] y) { d = Cast<to = 7>(x) y = Cast<to = 1>(d) }", passes="merge-shapes", after="Cast", tol=0),
    "cast_through_a_narrower_type_stays": merge("d = Cast<to = 6>(x) y = Cast<to = 1>(d)", None),
    "cast_of_int64_through_float_stays": dict(
        text="g (int64[N] x) => (int64[N] y) { d = Cast<to = 1>(x) y = Cast<to = 7>(d) }", passes="merge-shapes", after=None),
    # merge-equal
    "equal_nodes": equal("a = Relu(x) b = Relu(x) c = Neg(a) d = Neg(b) y = Add(c, d)", "Relu Neg Add"),
    # What the first reads is read by the second only once the two in front are one.
    "equal_chains": equal("a = Relu(x) b = Neg(a) e = Exp(b) c = Relu(x) d = Neg(c) f = Exp(d) y = Add(e, f)", "Relu Neg Exp Add"),
    # The output gives the first Relu its name; the two Neg read it by that.
    "an_equal_output_between_equal_readers": dict(
        text="g (float[N] x) => (float[N] y, float[N] z) { a = Relu(x) b = Neg(a) y = Relu(x) c = Neg(y) z = Mul(b, c) }",
        passes="merge-equal", after="Relu Neg Mul", tol=0),
    "equal_initializers": equal("a = Add(x, u) b = Mul(a, v) y = Sub(b, u)", "Add Mul Sub", u=rand(8), v=rand(8) * 0 + 2) | dict(after=None),
    "equal_numbers_make_equal_nodes": equal("a = Add(x, u) b = Add(x, v) y = Mul(a, b)", "Add Mul", u=scalar(2.0), v=scalar(2.0)),
    # Large ones are told apart by samples first: equal samples are not yet equal weights.
    "large_equal_initializers": equal("a = Add(x, u) b = Add(x, v) c = Add(x, w) d = Mul(a, b) y = Mul(d, c)", "Add Mul Mul", y="A,300,8",
                                      x="N,1,8", u=BIG, v=BIG + 0, w=BIG + 0),
    "large_initializers_with_equal_samples": equal("a = Add(x, u) b = Add(x, v) c = Add(x, w) d = Mul(a, b) y = Mul(d, c)", "Add Add Mul Mul",
                                                   y="A,300,8", x="N,1,8", u=BIG, v=SPOILED, w=BIG + 0),
    "another_type_or_shape_is_not_equal": equal("a = Add(x, u) b = Add(x, v) y = Mul(a, b)", None, u=scalar(0.0), v=scalar([0.0])),
    "another_attribute_is_not_equal": equal("a = Elu(x) b = Elu<alpha = 0.5>(x) y = Mul(a, b)", None),
    "a_left_out_input_keeps_its_place": equal("a = Clip(x, u) b = Clip(x, , u) y = Mul(a, b)", None, u=scalar(0.0)),
    "random_nodes_stay": equal("a = RandomNormalLike<seed = 1.0>(x) b = RandomNormalLike<seed = 1.0>(x) c = Sub(a, b) d = Mul(c, z) y = Add(x, d)",
                               None, z=scalar(0.0)),
    "two_dq_stay": equal("a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z) c = DequantizeLinear(a, s, z) y = Mul(b, c)", None,
                         s=scalar(0.1), z=scalar(3, np.uint8)),
    # What bodies read outside is one before they are looked at, however deep they are.
    "equal_initializers_outside_of_bodies": dict(
        text="""g (bool c, float[4] x) => (float[4] y) { y = If (c) <
            then_branch = t () => (float[4] p) { a = Add(x, u) b = Add(x, v) p = Mul(a, b) },
            else_branch = e () => (float[4] q) { q = If (c) <
                then_branch = tt () => (float[4] r) { r = Neg(x) },
                else_branch = ee () => (float[4] z) { d = Sub(x, u) f = Sub(x, v) z = Mul(d, f) }> }> }""",
        passes="merge-equal", after="If (Add Mul) (If (Neg) (Sub Mul))", weights={"u": SAME, "v": SAME}, tol=0),
    "equal_nodes_outside_of_bodies": dict(
        text="""g (bool c, float[4] x) => (float[4] y) { m = Relu(x) n = Relu(x) y = If (c) <
            then_branch = t () => (float[4] p) { a = Exp(m) b = Exp(n) p = Mul(a, b) }, else_branch = e () => (float[4] q) { q = Neg(x) }> }""",
        passes="merge-equal", after="Relu If (Exp Mul) (Neg)", tol=0),
    "equal_outputs_stay": dict(text="g (float[N] x) => (float[N] y, float[N] z) { y = Relu(x) z = Relu(x) }", passes="merge-equal", after=None),
    "an_equal_output_gives_its_name": equal("a = Relu(x) b = Neg(a) c = Add(a, b) y0 = Add(c, c) y = Relu(x)", "Relu Neg Add Add"),
}

# Transposes move where fewer are left; T turns, B turns back.
T, B = "Transpose<perm = [1, 2, 0]>", "Transpose<perm = [2, 0, 1]>"
CASES |= {
    "transposes_around_unary": turned(f"t = {T}(x) a = Relu(t) b = Tanh(a) y = {B}(b)", "Relu Tanh"),
    "transposes_around_a_constant": turned(f"t = {T}(x) a = Mul(t, k) y = {B}(a)", "Mul", k=rand(4, 1)),
    "transposes_around_a_full_constant": turned(f"t = {T}(x) a = Sub(k, t) y = {B}(a)", "Sub", k=rand(3, 4, 2), x="2,3,4", y="2,3,4"),
    "transposes_around_a_constant_that_widens": turned(f"t = {T}(x) a = Add(t, k) y = {B}(a)", "Add", k=rand(1, 4, 5), x="1,3,4", y="5,3,4"),
    "transposes_around_a_scalar": turned(f"t = {T}(x) a = Mul(t, k) y = {B}(a)", "Mul", k=scalar(2.5)),
    "a_transpose_without_axes": turned("t = Transpose(x) a = Add(t, k) y = Transpose(a)", "Add", k=rand(4, 1, 1)),
    "two_transposes_meet_behind_an_add": turned(f"n = Neg(x) t = {T}(x) u = {T}(n) a = Mul(t, u) y = Softmax(a)", "Neg Mul Transpose Softmax",
                                                y="S,4,N"),
    "a_value_read_by_both_operands": turned(f"t = {T}(x) a = Mul(t, t) y = {B}(a)", "Mul"),
    "transposes_around_a_norm": dict(turned(
        f"t = {T}(x) m = ReduceMean<axes = [-1]>(t) d = Sub(t, m) q = Mul(d, d) v = ReduceMean<axes = [2]>(q) e = Add(v, k) r = Sqrt(e) "
        f"n = Div(d, r) y = {B}(n)", "ReduceMean Sub Mul ReduceMean Add Sqrt Div", k=scalar(1e-5)), tol=1e-5),
    "axes_as_an_input": dict(turned(f"t = {T}(x) m = ReduceMean(t, i) d = Sub(t, m) y = {B}(d)", "ReduceMean Sub", i=ints(0, -1), opset=18),
                             tol=1e-5),
    "all_axes": dict(turned(f"t = {T}(x) m = ReduceMean(t) d = Sub(t, m) y = {B}(d)", "ReduceMean Sub"), tol=1e-5),
    "transposes_around_concat": turned(f"t = {T}(x) r = Relu(t) c = Concat<axis = -1>(t, r) y = {B}(c)", "Relu Concat", y="M,S,4"),
    "transposes_around_concat_with_a_constant": turned(f"t = {T}(x) c = Concat<axis = 1>(t, k) y = {B}(c)", "Concat", k=rand(3, 2, 2),
                                                       x="2,3,4", y="2,3,6"),
    "transposes_around_codes": turned(f"t = {T}(x) q = QuantizeLinear(t, s, z) d = DequantizeLinear(q, s, z) y = {B}(d)",
                                      "QuantizeLinear DequantizeLinear", s=scalar(0.05), z=scalar(3, np.uint8)),
    "transposes_around_codes_by_channel": turned(
        f"t = {T}(x) q = QuantizeLinear<axis = 1>(t, s, z) d = DequantizeLinear<axis = -2>(q, s, z) y = {B}(d)",
        "QuantizeLinear DequantizeLinear", s=rand(4, low=0.02, high=0.1), z=np.array([1, 2, 3, 4], np.int8)),
    "transposes_around_where": turned(f"t = {T}(x) c = Greater(t, k) w = Where(c, t, j) y = {B}(w)", "Greater Where", k=scalar(0.0), j=rand(4, 1)),
    "transposes_around_clip": turned(f"t = {T}(x) c = Clip(t, k) y = {B}(c)", "Clip", k=scalar(0.1)),
    "transposes_around_prelu": turned(f"t = {T}(x) c = PRelu(t, k) y = {B}(c)", "PRelu", k=rand(4, 1)),
    "another_way_back_is_joined": turned(f"t = {T}(x) a = Relu(t) y = {T}(a)", "Relu Transpose", y="4,N,S"),
    "two_ways_back": turned(f"t = {T}(x) a = Relu(t) b = {B}(a) c = {B}(a) y = Add(b, c)", "Relu Add"),
    "what_others_read_gets_a_transpose_of_its_own": dict(
        text="g (float[N,S,4] x) => (float[N,S,4] y, float[S,4,N] z) { t = " + T + "(x) a = Relu(t) y = " + B + "(a) z = Softmax(a) }",
        weights={}, passes="move-transposes", after="Relu Transpose Softmax", tol=0),
    "an_output_keeps_its_name": dict(
        text="g (float[N,S,4] x) => (float[N,S,4] y, float[S,4,N] a) { t = " + T + "(x) a = Relu(t) y = " + B + "(a) }",
        weights={}, passes="move-transposes", after="Relu Transpose", tol=0),
    "a_transpose_read_twice": dict(
        text="g (float[N,S,4] x) => (float[N,S,4] y, float[S,4,N] z) { t = " + T + "(x) a = Relu(t) y = " + B + "(a) z = Softmax(t) }",
        weights={}, passes="move-transposes", after="Transpose Relu Softmax", tol=0),
    "a_body_that_reads_it_gets_a_transpose": dict(
        text="g (float[N,S,4] x, bool c) => (float[N,S,4] y, float[A,B,C] z) { t = " + T + "(x) a = Relu(t) y = " + B + "(a) z = If(c) "
             "<then_branch = a1 () => (float[A,B,C] p) { p = Neg(a) }, else_branch = b1 () => (float[A,B,C] q) { q = Tanh(a) }> }",
        weights={}, passes="move-transposes", after="Relu Transpose If (Neg) (Tanh)", tol=0),
    "inside_of_a_body": dict(
        text="g (float[N,S,4] x, bool c) => (float[A,B,C] z) { z = If(c) <then_branch = a1 () => (float[A,B,C] p) { t = " + T + "(x) "
             "a = Mul(t, k) p = " + B + "(a) }, else_branch = b1 () => (float[A,B,C] q) { q = Tanh(x) }> }",
        weights={"k": rand(4, 1)}, passes="move-transposes", after="If (Mul) (Tanh)", tol=0),
    # merge-shapes: what is empty
    "an_empty_part": merge("a = Abs(x) c = Concat<axis = 1>(e, a, e, x) y = Neg(c)", "Abs Concat Neg", e=rand(1, 0, 8)),
    "a_part_cut_backwards_to_an_open_end_is_not_empty": merge(  # ONNX says so, ONNX Runtime goes to the beginning
        "b = Slice(x, from, to, at, by) c = Concat<axis = 1>(b, x) y = Neg(c)", "Slice Concat Neg", **{"from": ints(-9)}, to=ints(2**31 - 1), at=ints(1),
        by=ints(-1), x="2,3,8", y="2,A,8"),
    "an_empty_part_of_one": merge("c = Concat<axis = 1>(e, x) y = Neg(c)", "Neg", e=rand(1, 0, 8)) | dict(passes="merge-shapes,drop-no-op"),
    "empty_parts_alone": merge("c = Concat<axis = -2>(e, e) s = Shape(c) t = Shape(x) y = Concat<axis = 0>(s, t)", "Concat Shape Shape Concat",
                               e=rand(1, 0, 8), y="6") | dict(text="g (float[N,S,8] x) => (int64[6] y) { c = Concat<axis = -2>(e, e) s = Shape(c) t = Shape(x) "
                                                                     "y = Concat<axis = 0>(s, t) }"),
    "a_part_of_another_axis_stays": dict(text="g (float[N,0] x, float[M,0] z) => (float[A,0] y) { y = Concat<axis = 0>(x, z) }", weights={},
                                         passes="merge-shapes", after=None, tol=0),
    # split-slices: places
    "gathers_of_all_places": slices("a = Gather<axis = 2>(x, j) b = Gather<axis = -1>(x, i) y = Sub(a, b)", "Split Sub", i=ints(0, 1, 2, 3), j=ints(4, 5, -2, -1)),
    "a_gather_and_a_slice": slices("a = Gather<axis = 2>(x, i) b = Slice(x, f, e, q) y = Sub(a, b)", "Split Sub", i=ints(0, 1, 2, 3), f=ints(4), e=ints(8), q=ints(2)),
    "gathers_in_another_order_stay": slices("a = Gather<axis = 2>(x, j) b = Gather<axis = 2>(x, i) y = Sub(a, b)", None, i=ints(0, 1, 2, 3), j=ints(4, 6, 5, 7)),
    "gathers_of_single_places_stay": slices("a = Gather<axis = 1>(x, i) b = Gather<axis = 1>(x, j) y = Sub(a, b)", None, i=scalar(0, np.int64),
                                            j=scalar(1, np.int64), x="N,2,8", y="N,8"),
    "gathers_that_overlap_stay": slices("a = Gather<axis = 2>(x, j) b = Gather<axis = 2>(x, i) y = Sub(a, b)", None, i=ints(0, 1, 2, 3, 4), j=ints(3, 4, 5, 6, 7)),
    # What works along axes.
    "what_works_along_an_axis": turned(f"t = {T}(x) a = Softmax<axis = 1>(t) y = {B}(a)", "Softmax") | dict(tol=1e-6),
    "the_last_axis_by_default": turned(f"t = {T}(x) a = LogSoftmax(t) b = Atan(a) y = {B}(b)", "LogSoftmax Atan") | dict(tol=1e-6),
    "the_place_of_the_largest": dict(
        text="g (float[N,S,4] x) => (int64[N,1,4] y) { t = " + T + "(x) a = ArgMax(t) y = " + B + "(a) }",
        weights={}, passes="move-transposes", after="ArgMax", tol=0),
    "parts": turned(f"t = {T}(x) a, b = Split<axis = -2>(t, k) c = Mul(a, b) y = {B}(c)", "Split Mul", k=ints(2, 2), y="N,S,2"),
    "a_part_that_others_read_gets_a_transpose": dict(
        text="g (float[N,S,4] x) => (float[N,S,2] y, float[N,S,2] z, float[S,2,N] u) { t = " + T + "(x) a, b = Split<axis = 1>(t, k) y = " + B
             + "(a) z = " + B + "(b) u = Relu(b) }",
        weights={"k": ints(2, 2)}, passes="move-transposes", after="Split Transpose Relu", tol=0),
    "parts_that_others_read_stay": dict(
        text="g (float[N,S,4] x) => (float[S,2,N] y, float[S,2,N] z) { t = " + T + "(x) a, b = Split<axis = 1>(t, k) y = Relu(a) z = Neg(b) }",
        weights={"k": ints(2, 2)}, passes="move-transposes", after=None, tol=0),
    "a_slice_of_named_axes": turned(f"t = {T}(x) a = Slice(t, f, e, i, s) y = {B}(a)", "Slice", f=ints(-1, 0), e=ints(-9, 2), i=ints(1, -3), s=ints(-2, 1),
                                    x="2,3,4", y="2,2,2"),
    "a_slice_of_the_first_axes_stays": turned(f"t = {T}(x) a = Slice(t, f, e) y = {B}(a)", None, f=ints(0, 1), e=ints(2, 3), x="2,3,4", y="2,2,2"),
    "pads": turned(f"t = {T}(x) a = Pad(t, k, c) y = {B}(a)", "Pad", k=ints(1, 2, 3, 0, -1, 4), c=scalar(0.5), x="2,3,4", y="9,4,5"),
    "pads_of_named_axes_stay": turned(f"t = {T}(x) a = Pad(t, k, , i) y = {B}(a)", None, k=ints(1, 2), i=ints(1), x="2,3,4", y="2,3,7", opset=18),
    "tiles": turned(f"t = {T}(x) a = Tile(t, k) y = {B}(a)", "Tile", k=ints(1, 2, 3), x="2,3,4", y="6,3,8"),
    "places_by_a_list": turned(f"t = {T}(x) a = Gather<axis = 1>(t, k) y = {B}(a)", "Gather", k=ints(3, 0, 3), y="N,S,3"),
    "places_by_a_matrix_stay": turned(f"t = {T}(x) a = Gather<axis = 1>(t, k) y = Relu(a)", None, k=ints([3, 0], [1, 2]), y="S,2,2,N"),
    # What takes axes out, and leaves the others in the order that they had.
    "an_axis_that_is_summed_up": turned(f"t = {T}(x) a = ReduceMax<axes = [-1], keepdims = 0>(t) y = Relu(a)", "ReduceMax Relu", y="S,4"),
    "axes_that_are_summed_up_by_an_input": turned(f"t = {T}(x) r = Relu(t) y = ReduceSum<keepdims = 0>(r, k)", "Relu ReduceSum", k=ints(0, -1), y="4") | dict(tol=1e-5),
    "a_place_that_is_taken_out": turned(f"t = {T}(x) a = Gather<axis = 2>(t, i) b = Gather<axis = 2>(t, j) y = Sub(a, b)", "Gather Gather Sub",
                                        i=scalar(0, np.int64), j=scalar(-1, np.int64), y="S,4"),
    "an_axis_that_is_squeezed": turned(f"t = {T}(x) a = Squeeze(t, k) y = Relu(a)", "Squeeze Relu", k=ints(2), x="1,S,4", y="S,4"),
    "the_place_of_the_smallest": dict(
        text="g (float[N,S,4] x) => (int64[S,4] y) { t = " + T + "(x) y = ArgMin<axis = -1, keepdims = 0>(t) }",
        weights={}, passes="move-transposes", after="ArgMin", tol=0),
    "behind_another_way_back": turned(f"t = {T}(x) r = Relu(t) a = ReduceMax<axes = [2], keepdims = 0>(r) b = {B}(r) y = Add(a, b)", "Relu ReduceMax Add"),
    "other_axes_in_another_order_stay": turned(f"t = {T}(x) a = Gather<axis = 1>(t, i) y = Relu(a)", None, i=scalar(1, np.int64), y="S,N"),
    "an_axis_that_others_need_stays": turned(f"t = {T}(x) a = Squeeze(t, k) b = Softmax(t) y = Add(a, b)", None, k=ints(2), x="1,3,3", y="3,3,3"),
    # What stays.
    "one_transpose_stays": turned(f"t = {T}(x) y = Relu(t)", None, y="S,4,N"),
    "what_works_along_all_axes_behind_one_stays": turned(f"t = {T}(x) a = Softmax<axis = 1>(t) y = {B}(a)", None, opset=12),
    "a_computed_operand_stays": dict(
        text="g (float[N,S,4] x, float[S,4,N] v) => (float[N,S,4] y) { t = " + T + "(x) a = Add(t, v) y = " + B + "(a) }",
        weights={}, passes="move-transposes", after=None, tol=0),
    "an_operand_turned_in_another_way_stays": turned(f"t = {T}(x) u = {B}(x) a = Add(t, u) y = {B}(a)", None, x="3,3,3", y="3,3,3"),
    "axes_that_go_stay": turned(f"t = {T}(x) a = ReduceMax<axes = [1], keepdims = 0>(t) y = Relu(a)", None, y="S,N"),
    "a_constant_of_more_axes_stays": turned(f"t = {T}(x) a = Mul(t, k) y = Relu(a)", None, k=rand(2, 1, 4, 1), y="A,S,4,N"),
    "constants_that_the_caller_sets_stay": turned(f"t = {T}(x) a = Mul(t, k) y = {B}(a)", None, k=rand(4, 1), edit=lambda m: m.graph.input.append(
        helper.make_tensor_value_info("k", 1, [4, 1]))),
    "codes_in_blocks_stay": turned(f"t = {T}(x) q = QuantizeLinear<axis = 1, block_size = 2>(t, s, z) "
                                   f"d = DequantizeLinear<axis = 1, block_size = 2>(q, s, z) y = {B}(d)", None,
                                   s=rand(3, 2, 2, low=0.02, high=0.1), z=np.zeros((3, 2, 2), np.uint8), x="2,3,4", y="2,3,4", opset=21),
    "a_norm_that_ends_elsewhere_stays": dict(
        text="g (float[N,S,4] x) => (float[N,S,4] y, float[S,4,N] z) { t = " + T + "(x) m = ReduceMean<axes = [-1]>(t) d = Sub(t, m) "
             "q = Mul(d, d) v = ReduceMean<axes = [-1]>(q) r = Sqrt(v) n = Div(d, r) y = " + B + "(n) z = Softmax(n) }",
        weights={}, passes="move-transposes", after=None, tol=0),
}
AX = {"a1": ints(1), "a2": ints(2), "m1": ints(-1)}
CUT = {"b": ints(2), "e": ints(12), "a": ints(1)}
CASES |= {
    "a_mean_that_unsqueeze_widens": dict(merge("m = ReduceMean<axes = [2], keepdims = 0>(x) y = Unsqueeze(m, m1)", "ReduceMean", y="N,S,1", **AX), tol=1e-6),
    "a_sum_that_squeeze_narrows": dict(merge("m = ReduceSum(x, a2) y = Squeeze(m, m1)", "ReduceSum", y="N,S", **AX), tol=1e-6),
    "arg_max_that_unsqueeze_widens": merge("m = ArgMax<axis = 1, keepdims = 0>(x) n = Unsqueeze(m, a1) y = Cast<to = 1>(n)", "ArgMax Cast", y="N,1,8", **AX),
    "two_axes_that_squeeze_drops": dict(merge("m = ReduceMean<axes = [1, -1]>(x) y = Squeeze(m, all)", "ReduceMean", y="N", all=ints(2, 1)), tol=1e-6),
    "an_unsqueeze_of_more_axes_than_went_stays": dict(
        text="g (float[1] x) => (int64[1,1] y) { m = ArgMax<axis = 0, keepdims = 0>(x) y = Unsqueeze(m, a) }",
        weights={"a": ints(-1, 0)}, passes="merge-shapes", after=None, tol=0),
    "an_unsqueeze_of_another_axis_stays": merge("m = ReduceMax<axes = [2], keepdims = 0>(x) y = Unsqueeze(m, a1)", None, y="N,1,S", **AX),
    "a_squeeze_of_fewer_axes_stays": merge("m = ReduceMax<axes = [1, 2]>(x) y = Squeeze(m, a1)", None, y="N,1", **AX),
    "a_reduction_read_twice_stays": merge("m = ReduceMax<axes = [2]>(x) s = Squeeze(m, a2) t = Unsqueeze(s, a2) y = Add(t, m)", "ReduceMax Add", y="N,S,1", **AX),
    "a_reduction_of_all_stays": merge("m = ReduceMax<keepdims = 0>(x) y = Unsqueeze(m, z)", None, y="1", z=ints(0)),
    "two_squeezes": merge("s = Squeeze(x, a1) y = Squeeze(s, a1)", "Squeeze", x="N,1,1,8", y="N,8", **AX),
    "two_squeezes_of_later_axes": merge("s = Squeeze(x, a1) y = Squeeze(s, m1)", "Squeeze", x="N,1,8,1", y="N,8", **AX),
    "two_old_squeezes": merge("s = Squeeze<axes = [0]>(x) y = Squeeze<axes = [1]>(s)", "Squeeze", x="1,N,1,8", y="N,8", opset=11),
    "two_slices_of_one_axis": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, a)", "Slice", x="N,16", y="N,A", c=ints(1), d=ints(5), **CUT),
    "two_slices_of_one_open_axis": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, a)", "Slice", x="N,S", y="N,A", c=ints(1), d=ints(2**62), **CUT),
    "two_slices_with_steps": merge("s = Slice(x, b, e, a, t) y = Slice(s, c, d, a, t)", "Slice", x="N,40", y="N,A", b=ints(1), e=ints(35), a=ints(1),
                                   c=ints(1), d=ints(9), t=ints(3)),
    "two_slices_of_which_one_is_empty": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, a)", "Slice", x="N,16", y="N,A", c=ints(11), d=ints(20), **CUT),
    "two_slices_that_share_an_axis": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, f)", "Slice", x="9,16", y="A,B", c=ints(1, 3), d=ints(7, 6),
                                           f=ints(0, 1), **CUT),
    "two_slices_from_the_end_stay": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, a)", None, x="N,S", y="N,A", c=ints(-3), d=ints(2**62), **CUT),
    "two_slices_to_the_end_but_one_stay": merge("s = Slice(x, b, e, a) y = Slice(s, c, d, a)", None, x="N,S", y="N,A", b=ints(0), e=ints(-1), a=ints(1),
                                                c=ints(0), d=ints(3)),
    "two_slices_backwards_stay": merge("s = Slice(x, b, e, a, t) y = Slice(s, b, e, a, t)", None, x="N,8", y="N,A", b=ints(7), e=ints(1), a=ints(1),
                                       t=ints(-1)),
    "split_and_concat": merge("p, q = Split<axis = 1>(x, s) c = Concat<axis = -1>(p, q) y = Relu(c)", "Relu", x="N,8", y="N,8", s=ints(3, 5)),
    "split_and_concat_in_another_order_stay": merge("p, q = Split<axis = 1>(x, s) y = Concat<axis = 1>(q, p)", None, x="N,8", y="N,8", s=ints(4, 4)),
    "split_and_concat_of_another_axis_stay": merge("p, q = Split<axis = 1>(x, s) y = Concat<axis = 0>(p, q)", None, x="N,8", y="M,4", s=ints(4, 4)),
    "split_and_concat_of_a_part_stay": merge("p, q, r = Split<axis = 1>(x, s) y = Concat<axis = 1>(p, q)", None, x="N,9", y="N,6", s=ints(3, 3, 3)),
    "concat_and_split": merge("n = Neg(x) c = Concat<axis = 1>(x, n) p, q = Split<axis = 1>(c, s) y = Mul(p, q)", "Neg Mul", x="N,8", y="N,8", s=ints(8, 8)),
    "concat_and_split_elsewhere_stay": merge("n = Neg(x) c = Concat<axis = 1>(x, n) p, q = Split<axis = 1>(c, s) y = Concat<axis = 1>(q, p)", None, x="N,8",
                                             y="N,16", s=ints(7, 9)),
    "concat_and_split_into_outputs_stay": dict(
        text="g (float[N,4] x) => (float[N,4] y, float[N,4] z) { n = Neg(x) c = Concat<axis = 1>(x, n) y, z = Split<axis = 1>(c, s) }",
        weights={"s": ints(4, 4)}, passes="merge-shapes", after=None),
    "slices_of_concat": merge("n = Neg(x) c = Concat<axis = 1>(x, n) p = Slice(c, z, k, i) q = Slice(c, k, big, i) y = Sub(p, q)", "Neg Sub", x="N,8",
                              y="N,8", z=ints(0), k=ints(8), big=ints(2**62), i=ints(1)),
    "a_slice_of_two_parts_stays": merge("n = Neg(x) c = Concat<axis = 1>(x, n) y = Slice(c, z, k, i)", None, x="N,8", y="N,9", z=ints(0), k=ints(9), i=ints(1)),
    "a_slice_behind_an_open_part_stays": merge("n = Neg(x) c = Concat<axis = 1>(n, x) y = Slice(c, k, big, i)", None, x="N,S", y="N,A", k=ints(8),
                                               big=ints(2**62), i=ints(1)),
}


def patches(body, after, x="N,3,8,6", y="A,B,C", ends="m = ReduceMean<axes = [-1]>(t) y = Sub(t, m)", check=None, **weights):
    words = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    weights = {"k": rand(5, 3, 2, 2), "to": ints(0, 5, -1), **weights}
    return case(f"{body} {ends}", after, "turn-patches", x=x, y=y, weights={n: w for n, w in weights.items() if n in words},
                **({"check": check} if check else {}))


TOKENS = "c = Conv<strides = [2, 2]>(x, k) r = Reshape(c, to) t = Transpose<perm = [0, 2, 1]>(r)"
TURNED = "Conv Transpose Reshape ReduceMean Sub"
CASES |= {
    "patches": patches(TOKENS, TURNED, check=lambda m: (perms((0, 2, 3, 1))(m), target(0, 12, 5)(m))),
    "patches_of_any_batch": patches(TOKENS, TURNED, to=ints(-1, 5, 12), check=target(0, 12, 5)),
    "patches_of_any_size": patches(TOKENS, TURNED, x="N,3,H,W", check=target(0, -1, 5)),
    "patches_of_a_space": patches(TOKENS.replace("[2, 2]", "[2, 2, 2]"), TURNED, x="N,3,4,4,6", k=rand(5, 3, 2, 2, 2), check=perms((0, 2, 3, 4, 1))),
    "patches_whose_sizes_are_computed": patches("c = Conv<strides = [2, 2]>(x, k) s = Shape(x) n = Gather(s, first) l = Mul(n, one) q = Concat<axis = 0>(l, rest) "
                                                "r = Reshape(c, q) t = Transpose<perm = [0, 2, 1]>(r)", TURNED, check=target(0, 12, 5), first=ints(0),
                                                one=ints(1), rest=ints(5, -1)),
    "patches_without_a_norm": patches(TOKENS, None, ends="y = Relu(t)"),
    "patches_that_others_read": patches(TOKENS, None, ends="m = ReduceMean<axes = [-1]>(t) p = Sub(t, m) z = Transpose<perm = [0, 2, 1]>(p) y = Add(r, z)"),
    "patches_of_a_conv_that_others_read": patches(TOKENS, "Conv Transpose Reshape ReduceMean Sub Shape Neg Reshape", y="A,B,C,D", check=perms((0, 2, 3, 1)),
                                                  ends="m = ReduceMean<axes = [-1]>(t) p = Sub(t, m) s = Shape(c) h = Neg(p) y = Reshape(h, s)"),
    "patches_turned_otherwise": patches(TOKENS.replace("[0, 2, 1]", "[2, 0, 1]"), None),
    "patches_of_channels_that_are_joined": patches(TOKENS, None, to=ints(0, 15, -1)),
    "patches_turned_in_a_branch": dict(patches(TOKENS, None), feeds={"p": np.array(True)}, text="g (float[N,3,8,6] x, bool p) => (float[A,B,C] y) { " +
                                       TOKENS.replace("t = Transpose", "y = If(p) <then_branch = f () => (float[A,B,C] u) { t = Transpose") +
                                       " m = ReduceMean<axes = [-1]>(t) u = Sub(t, m) }, else_branch = e () => (float[A,B,C] v) { v = Neg(r) }> }"),
    "tokens_of_no_conv": patches("r = Reshape(x, to) t = Transpose<perm = [0, 2, 1]>(r)", None, to=ints(0, 3, -1)),
}

PLACES = {"z": ints(0, 0), "r": ints(1, 0), "c": ints(0, 1), "d": ints(1, 1), "e": ints(2 ** 63 - 1, 2 ** 63 - 1), "a": ints(2, 3), "s": ints(2, 2)}
PARTS = "p = Slice(x, z, e, a, s) q = Slice(x, r, e, a, s) t = Slice(x, c, e, a, s) u = Slice(x, d, e, a, s) "


def blocks(body, after, x="N,3,8,6", y="A,B,C,D", **weights):
    more = {k: weights.pop(k) for k in ("check", "feeds", "opset") if k in weights}
    weights = {k: v for k, v in {**PLACES, **weights}.items() if f"{k}," in body or f"{k})" in body}
    return case(body, after, "fuse-space-to-depth", x=x, y=y, weights=weights, **more)


def channels(*wanted):
    def check(model):
        t = [t for t in model.graph.initializer if t.name == model.graph.node[-1].input[1]][0]
        got = np.frombuffer(t.raw_data, np.int64).tolist()
        assert got == list(wanted), got
    return check


CASES |= {
    "places_of_blocks_by_rows": blocks(PARTS + "y = Concat<axis = 1>(p, t, q, u)", "SpaceToDepth"),
    "places_of_blocks_by_columns": blocks(PARTS + "y = Concat<axis = -3>(p, q, t, u)", "SpaceToDepth Gather",
                                          check=channels(0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11)),
    "places_of_blocks_of_any_size": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", "SpaceToDepth Gather", x="N,3,H,W", opset=11,
                                           feeds={"x": rand(2, 3, 4, 10)}),
    "places_of_blocks_by_columns_first": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", "SpaceToDepth", a=ints(-1, -2)),
    "places_of_blocks_of_three": blocks(
        "".join(f"p{i} = Slice(x, z{i}, e, a, s) " for i in range(9)) + f"y = Concat<axis = 1>({', '.join(f'p{i}' for i in range(9))})", "SpaceToDepth",
        x="1,2,6,9", s=ints(3, 3), e=ints(6, 9), **{f"z{i}": ints(i // 3, i % 3) for i in range(9)}),
    "a_place_twice_stays": blocks(PARTS.replace("d,", "c,") + "y = Concat<axis = 1>(p, q, t, u)", None),
    "places_of_two_tensors_stay": blocks("m = Neg(x) " + PARTS.replace("(x, d", "(m, d") + "y = Concat<axis = 1>(p, q, t, u)", None),
    "a_place_that_others_read_stays": blocks(PARTS + "v = Concat<axis = 1>(p, q, t, u) w = Concat<axis = 1>(p, p, p, p) y = Add(v, w)", None),
    "places_that_end_early_stay": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", None, e=ints(6, 6)),
    "places_beside_each_other_stay": blocks(PARTS + "y = Concat<axis = 2>(p, q, t, u)", None),
    "half_of_the_places_stays": blocks(PARTS + "v = Concat<axis = 1>(p, q) w = Concat<axis = 1>(t, u) y = Add(v, w)", None),
    "places_of_oblong_blocks_stay": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", None, s=ints(2, 3)),
    "places_by_rows_and_channels_stay": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", None, x="1,4,6,5", y="A,B,C,D", a=ints(1, 2), e=ints(9, 9)),
    "places_of_unknown_channels_stay": blocks(PARTS + "y = Concat<axis = 1>(p, q, t, u)", None, x="N,C,8,6"),
    "places_of_blocks_of_whole_numbers_stay": dict(
        text=f"g (int32[N,3,8,6] x) => (int32[A,B,C,D] y) {{ {PARTS} y = Concat<axis = 1>(p, q, t, u) }}", weights=PLACES,
        passes="fuse-space-to-depth", after=None),
}

main(CASES)
