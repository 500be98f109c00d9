"""merge-clips, fuse-pad, fuse-global-pool, normalize-gemm, fuse-matmul-add, fuse-shared-gemm, turn-products."""
from support import ints, main, np, rand, scalar

LOWEST = scalar(-np.inf)


def clips(body, after, opset=13, **weights):
    numbers = {"zero": scalar(0.0), "one": scalar(1.0), "six": scalar(6.0), "two": scalar([2.0]), **weights}
    used = {k: v for k, v in numbers.items() if k in body.replace("(", " ").replace(")", " ").replace(",", " ").split()}
    return dict(text=f"g (float[N,8] x) => (float[N,8] y) {{ {body} }}", weights=used, passes="merge-clips", after=after, tol=0,
                opset=opset, feeds={"x": rand(5, 8, low=-9, high=9)})


def bounds(*wanted):
    """Bounds of the only Clip, None: left out."""
    def check(model):
        node, = model.graph.node
        held = {t.name: np.frombuffer(t.raw_data, np.float32)[0] for t in model.graph.initializer}
        got = [held.get(i) for i in list(node.input[1:]) + [""] * (3 - len(node.input))]
        assert got == list(wanted), got
    return check


def pads(body, after, x="N,3,6,6", opset=13, **weights):
    return dict(text=f"g (float[{x}] x) => (float[N,C,H,W] y) {{ {body} }}", passes="fuse-pad", after=after, opset=opset,
                weights={"w": rand(4, 3, 3, 3), **weights})


def pool(body, after, x="N,3,5,6", y="N,3", opset=13, **weights):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", weights=weights, opset=opset, passes="fuse-global-pool", after=after)


def gemm(body, after, x="N,5", y="N,4", opset=13, passes="normalize-gemm", **weights):
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", passes=passes, after=after, opset=opset,
                weights={"w": rand(5, 4), **weights})


P = ints(0, 0, 1, 2, 0, 0, 3, 0)
CASES = {
    "relu_relu": clips("a = Relu(x) y = Relu(a)", "Relu"),
    "relu_clip": clips("a = Relu(x) y = Clip(a, , six)", "Clip") | dict(check=bounds(0, 6)),
    "clip_relu": clips("a = Clip(x, , six) y = Relu(a)", "Clip") | dict(check=bounds(0, 6)),
    "relu_then_clip_that_does_all": clips("a = Relu(x) y = Clip(a, one, six)", "Clip") | dict(check=bounds(1, 6)),
    "clip_clip_that_do_not_meet": clips("a = Clip(x, zero, one) y = Clip(a, two, six)", "Clip", two=scalar(2.0)) | dict(
        check=bounds(2, 2)),
    "min_max_in_a_row": clips("a = Max(x, zero) b = Min(six, a) y = Relu(b)", "Clip") | dict(check=bounds(0, 6)),
    "max_with_zero_is_relu": clips("y = Max(zero, x)", "Relu"),
    "min_is_clip_from_above": clips("y = Min(x, six)", "Clip") | dict(check=bounds(None, 6)),
    "max_of_one_element_in_an_axis": clips("y = Max(x, two)", "Clip") | dict(check=bounds(2, None)),
    "clip_at_zero_is_relu": clips("y = Clip(x, zero)", "Relu"),
    "clip_by_attributes": clips("a = Relu(x) y = Clip<max = 6.0>(a)", "Clip", opset=9),
    "min_by_attributes": clips("a = Max(x, one) y = Min(a, six)", "Clip", opset=9),
    "clip_alone_stays": clips("y = Clip(x, zero, six)", None),
    "clip_read_twice_stays": clips("a = Clip(x, zero, six) b = Relu(a) y = Add(a, b)", None),
    "clip_that_is_an_output_stays": dict(
        text="g (float[N] x) => (float[N] a, float[N] y) { a = Relu(x) y = Clip(a, , m) }", weights={"m": scalar(1.0)},
        passes="merge-clips", after=None),
    "clip_with_crossed_bounds_stays": clips("a = Relu(x) y = Clip(a, six, one)", None),
    "clip_with_a_bound_that_is_computed_stays": dict(
        text="g (float[N] x, float m) => (float[N] y) { a = Relu(x) y = Clip(a, , m) }", passes="merge-clips", after=None),
    "max_of_two_values_stays": clips("a = Neg(x) y = Max(x, a)", None),
    "max_with_a_vector_stays": clips("y = Max(x, v)", None, v=rand(8)),
    "max_that_adds_an_axis_stays": dict(
        text="g (float[N] x) => (float[A,N] y) { y = Max(x, v) }", weights={"v": rand(1, 1)}, passes="merge-clips", after=None),
    "integers_stay": dict(text="g (int32[N] x) => (int32[N] y) { y = Max(x, v) }", weights={"v": scalar(0, np.int32)},
                          passes="merge-clips", after=None),
    # Pad
    "pad_into_conv": pads("p = Pad(x, p0) y = Conv(p, w)", "Conv", p0=P),
    "pad_into_padded_conv": pads("p = Pad(x, p0) y = Conv<pads = [1, 1, 0, 0], strides = [2, 2]>(p, w)", "Conv", p0=P),
    "pad_into_valid_conv": pads('p = Pad(x, p0) y = Conv<auto_pad = "VALID">(p, w)', "Conv", p0=P),
    "pad_into_two_convs": pads("p = Pad(x, p0) a = Conv(p, w) b = Conv(p, u) y = Add(a, b)", "Conv Conv Add", p0=P, u=rand(4, 3, 3, 3)),
    "pad_by_attribute": pads("p = Pad<pads = [0, 0, 1, 1, 0, 0, 1, 1]>(x) y = Conv(p, w)", "Conv", opset=9),
    "pad_of_some_axes": pads("p = Pad(x, p0, , a) y = Conv(p, w)", "Conv", opset=18, p0=ints(1, 2), a=ints(-1)),
    "pad_into_average_pool": pads("p = Pad(x, p0) y = AveragePool<kernel_shape = [4, 4]>(p)", "AveragePool", p0=P),
    "pad_into_max_pool": pads("p = Pad(x, p0, v) y = MaxPool<kernel_shape = [4, 4]>(p)", "MaxPool", p0=P, v=LOWEST),
    "zero_pad_behind_relu_into_max_pool": pads("r = Relu(x) p = Pad(r, p0) y = MaxPool<kernel_shape = [4, 4]>(p)", "Relu MaxPool",
                                               p0=P),
    "pad_same_conv_stays": pads('p = Pad(x, p0) y = Conv<auto_pad = "SAME_UPPER">(p, w)', None, p0=P),
    "pad_by_one_stays": pads("p = Pad(x, p0, v) y = Conv(p, w)", None, p0=P, v=scalar(1.0)),
    "pad_by_the_edge_stays": pads('p = Pad<mode = "edge">(x, p0) y = Conv(p, w)', None, p0=P),
    "pad_that_cuts_stays": pads("p = Pad(x, p0) y = Conv(p, w)", None, p0=ints(0, 0, -1, 2, 0, 0, 0, 0)),
    "pad_of_channels_stays": pads("p = Pad(x, p0) y = Conv(p, w)", None, x="N,2,6,6", p0=ints(0, 1, 0, 0, 0, 0, 0, 0)),
    "zero_pad_into_max_pool_stays": pads("p = Pad(x, p0) y = MaxPool<kernel_shape = [4, 4]>(p)", None, p0=P),
    "pad_as_wide_as_the_pool_stays": pads("p = Pad(x, p0) y = AveragePool<kernel_shape = [3, 3]>(p)", None, p0=P),
    "pad_into_a_pool_that_rounds_up_stays": pads("p = Pad(x, p0) y = AveragePool<kernel_shape = [4, 4], ceil_mode = 1>(p)", None, p0=P),
    "pad_into_a_pool_with_uncounted_pads_stays": pads(
        "p = Pad(x, p0) y = AveragePool<kernel_shape = [5, 5], pads = [1, 1, 1, 1]>(p)", None, p0=P),
    # Means over all spatial axes
    "mean_of_pictures": pool("y = ReduceMean<axes = [2, 3]>(x)", "GlobalAveragePool", y="N,3,1,1"),
    "mean_of_pictures_from_behind": pool("y = ReduceMean(x, a)", "GlobalAveragePool", y="N,3,1,1", opset=18, a=np.array([-1, -2])),
    "mean_that_drops_its_axes": pool("y = ReduceMean<axes = [3, 2], keepdims = 0>(x)", "GlobalAveragePool Flatten"),
    "mean_of_volumes": pool("y = ReduceMean<axes = [2, 3, 4], keepdims = 0>(x)", "GlobalAveragePool Flatten", x="N,3,4,5,6"),
    "mean_of_rows_stays": pool("y = ReduceMean<axes = [3], keepdims = 0>(x)", None, y="N,3,5"),
    "mean_of_a_norm_stays": pool("y = ReduceMean<axes = [-1]>(x)", None, x="N,5,6", y="N,5,1"),
    "mean_of_a_row_stays": pool("y = ReduceMean<axes = [-1]>(x)", None, x="N,5", y="N,1"),
    "mean_of_channels_stays": pool("y = ReduceMean<axes = [1, 2], keepdims = 0>(x)", None, y="N,6"),
    "mean_of_everything_stays": pool("y = ReduceMean(x)", None, y="1,1,1,1"),
    # Gemm
    "alpha_and_beta": gemm("y = Gemm<alpha = 0.5, beta = 2.0>(x, w, b)", "Gemm", b=rand(4)),
    "alpha_into_shared_weights": gemm("a = Gemm<alpha = 0.5>(x, w) b = Gemm(x, w) y = Add(a, b)", "Gemm Gemm Add"),
    "beta_without_bias": gemm("y = Gemm<beta = 2.0>(x, w)", "Gemm"),
    "trans_a_of_a_transpose": gemm("t = Transpose(x) y = Gemm<transA = 1>(t, w)", "Gemm"),
    "trans_a_of_a_constant": gemm("y = Gemm<transA = 1>(w, x)", "Gemm", x="5,N", y="4,N"),
    "transpose_of_b": gemm("t = Transpose<perm = [1, 0]>(x) y = Gemm(w, t)", "Gemm", x="N,4", y="5,N"),
    "beta_of_a_value_stays": dict(text="g (float[N,5] x, float[4] c) => (float[N,4] y) { y = Gemm<beta = 0.5>(x, w, c) }",
                                  weights={"w": rand(5, 4)}, passes="normalize-gemm", after=None),
    "alpha_of_two_values_stays": dict(text="g (float[N,5] x, float[5,4] c) => (float[N,4] y) { y = Gemm<alpha = 0.5>(x, c) }",
                                      passes="normalize-gemm", after=None),
    "a_plain_gemm_stays": gemm("y = Gemm(x, w)", None),
    "a_transpose_of_a_stays": gemm("t = Transpose(x) y = Gemm(t, w)", None, x="5,N"),
    # MatMul and Add
    "matmul_add": gemm("m = MatMul(x, w) y = Add(b, m)", "Gemm", passes="fuse-matmul-add", b=rand(4)),
    "matmul_add_at_7": gemm("m = MatMul(x, w) y = Add(m, b)", "Gemm", passes="fuse-matmul-add", b=rand(4), opset=7),
    "matmul_add_of_a_row": gemm("m = MatMul(x, w) y = Add(m, b)", "Gemm", passes="fuse-matmul-add", b=rand(1, 4)),
    "matmul_add_of_three_axes_stays": gemm("m = MatMul(x, w) y = Add(m, b)", None, x="N,S,5", y="N,S,4", passes="fuse-matmul-add",
                                           b=rand(4)),
    "matmul_add_of_a_column_stays": gemm("m = MatMul(x, w) y = Add(m, b)", None, x="4,5", y="4,4", passes="fuse-matmul-add",
                                         b=rand(4, 1)),
    "matmul_add_that_adds_an_axis_stays": gemm("m = MatMul(x, w) y = Add(m, b)", None, y="A,N,4", passes="fuse-matmul-add",
                                               b=rand(1, 1, 4)),
    "matmul_read_twice_stays": gemm("m = MatMul(x, w) n = Add(m, b) y = Mul(m, n)", None, passes="fuse-matmul-add", b=rand(4)),
}


# Several layers of one tensor, each behind a Reshape.
LAYERS = "m = MatMul(x, w) a = Add(m, b) r = Reshape(a, to) n = MatMul(x, v) c = Add(d, n) s = Reshape(c, to) "
ROWS = "Reshape Gemm Reshape Gemm Reshape Mul"


def shared(body, after, x="2,6,5", y="A,B,C,D", edit=(), **weights):
    more = {k: weights.pop(k) for k in ("opset",) if k in weights}
    weights = {"w": rand(5, 4), "v": rand(5, 4), "b": rand(4), "d": rand(1, 4), "to": ints(2, -1, 2, 2), **weights}
    for old, new in edit:
        assert old in body, old
        body = body.replace(old, new)
    return gemm(body, after, x=x, y=y, passes="fuse-shared-gemm", **more, **weights)


CASES |= {
    "layers_of_one_tensor": shared(LAYERS + "y = Mul(r, s)", ROWS),
    "layers_of_any_batch": shared(LAYERS + "y = Mul(r, s)", ROWS, x="N,6,5", to=ints(-1, 6, 2, 2), opset=7),
    "layers_of_four_axes": shared(LAYERS + "y = Mul(r, s)", ROWS, x="2,3,2,5"),
    "layers_that_more_than_they_read": shared(LAYERS + "e = Neg(x) f = Reshape(e, all) g = ReduceMax(f) h = Mul(r, s) y = Add(h, g)",
                                              "Reshape Gemm Reshape Gemm Reshape Neg Reshape ReduceMax Mul Add", all=ints(-1)),
    "layers_of_other_widths": shared(LAYERS + "y = Mul(r, s)", ROWS, v=rand(5, 1), d=rand(1), edit=[("Reshape(c, to)", "Reshape(c, too)")],
                                     too=ints(2, -1, 1, 1)),
    "one_layer_between_reshapes": shared("q = Reshape(x, in) m = MatMul(q, w) a = Add(m, b) y = Reshape(a, to)", "Reshape Reshape Gemm Reshape",
                                         x="2,30", **{"in": ints(2, 6, 5)}),
    "one_layer_behind_an_unsqueeze": shared("q = Unsqueeze(x, one) m = MatMul(q, w) a = Add(m, b) y = Reshape(a, to)", "Unsqueeze Reshape Gemm Reshape",
                                            x="12,5", one=ints(1)),
    "one_layer_behind_a_reshape_that_others_read_stays": shared(
        "q = Reshape(x, in) m = MatMul(q, w) a = Add(m, b) r = Reshape(a, to) n = ReduceMax(q) y = Add(r, n)", None, x="2,30", **{"in": ints(2, 6, 5)}),
    "one_layer_stays": shared("m = MatMul(x, w) a = Add(m, b) y = Reshape(a, to)", None),
    # the two Reshapes behind each are one for merge-shapes
    "layers_that_copy_sizes": shared(LAYERS + "y = Mul(r, s)", "Reshape Gemm Reshape Reshape Gemm Reshape Reshape Mul", to=ints(0, -1, 2, 2)),
    "layers_that_copy_sizes_for_optimize": shared(LAYERS + "y = Mul(r, s)", ROWS, to=ints(0, -1, 2, 2)) | dict(passes="optimize"),
    "layers_that_copy_two_sizes_stay": shared(LAYERS + "y = Mul(r, s)", None, x="N,S,5", to=ints(0, 0, 2, 2)),
    "layers_of_two_axes_stay": shared(LAYERS + "y = Mul(r, s)", None, x="12,5"),
    "layers_without_reshapes_stay": shared("m = MatMul(x, w) a = Add(m, b) n = MatMul(x, v) c = Add(d, n) y = Mul(a, c)", None, y="A,B,C"),
    "a_layer_that_others_read_stays": shared(LAYERS + "e = Exp(a) g = ReduceMax(e) h = Mul(r, s) y = Add(h, g)", None),
    "layers_whose_bias_has_rows_stay": shared(LAYERS + "y = Mul(r, s)", None, b=rand(6, 4), d=rand(6, 1)),
    "layers_on_the_other_side_stay": shared(LAYERS + "y = Mul(r, s)", None, x="2,4,5", w=rand(4, 4), v=rand(4, 4), b=rand(5), d=rand(1, 5),
                                            to=ints(2, -1, 2, 2), edit=[("(x, w)", "(w, x)"), ("(x, v)", "(v, x)")]),
    "layers_of_batched_weights_stay": shared(LAYERS + "y = Mul(r, s)", None, w=rand(2, 5, 4), v=rand(2, 5, 4)),
}

# Layers in a row: what works element by element between them takes rows as well.
TWO_ROWS = "m = MatMul(x, w) a = Add(m, b) r = Relu(a) n = MatMul(r, v) c = Add(d, n) "
THREE = TWO_ROWS + "t = Tanh(c) k = MatMul(t, u) "
MADE = "Reshape Gemm Relu Gemm Tanh Gemm Reshape"


def in_a_row(body, after, y="A,B,C", **more):
    used = {k: w for k, w in dict(u=rand(4, 4), f=rand(4)).items() if f", {k})" in body}
    return shared(body, after, y=y, **{"v": rand(4, 4), **used, **more})


CASES |= {
    "three_layers_in_a_row": in_a_row(THREE + "y = Add(k, f)", MADE),
    "three_layers_of_any_batch": in_a_row(THREE + "y = Add(k, f)", MADE, x="N,6,5", opset=7),
    "three_layers_of_an_empty_batch": in_a_row(THREE + "y = Add(k, f)", MADE, x="N,6,5") | dict(feeds={"x": rand(0, 6, 5)}),
    "two_layers_with_an_unsqueeze_behind": in_a_row("q = Squeeze(x, one) " + TWO_ROWS.replace("x, w", "q, w") + "y = Unsqueeze(c, one)",
                                                    "Squeeze Reshape Gemm Relu Gemm Reshape Unsqueeze", x="2,1,6,5", y="A,B,C,D", one=ints(1)),
    "layers_behind_one_that_others_read": in_a_row(THREE + "o = Add(k, f) g = MatMul(o, u) z = Add(g, f) h = Exp(c) y = Mul(h, z)",
                                                   "Reshape Gemm Relu Gemm Reshape Tanh Gemm Gemm Reshape Exp Mul"),
    "a_layer_behind_one_that_others_read_stays": in_a_row(
        THREE + "o = Add(k, f) h = Exp(r) i = Exp(t) j = Mul(h, i) y = Mul(j, o)", None),
    "two_layers_in_a_row_stay": in_a_row(TWO_ROWS + "y = Relu(c)", None),
    "three_layers_of_any_rows_and_columns_stay": in_a_row(THREE + "y = Add(k, f)", None, x="N,S,5"),
    "three_layers_with_no_rows_stay": in_a_row(THREE + "y = Add(k, f)", None, x="2,0,5"),
    "layers_with_a_gelu_between_them_stay": in_a_row(THREE.replace("Tanh", "Gelu") + "y = Add(k, f)", None, opset=20),
    "layers_with_a_sum_of_two_between_them_stay": in_a_row(
        TWO_ROWS + "t = Mul(c, r) k = MatMul(t, u) y = Add(k, f)", None),
    "layers_with_a_norm_of_rows_between_them_stay": in_a_row(
        THREE.replace("Tanh", "Softmax<axis = 1>") + "y = Add(k, f)", None),
    "layers_whose_results_are_outputs": dict(
        text="g (float[2,6,5] x) => (float[2,6,4] c, float[A,B,C] y) { " + THREE + "o = Add(k, f) s = Sigmoid(o) g = MatMul(s, u) y = Add(g, f) }",
        weights={"w": rand(5, 4), "v": rand(4, 4), "u": rand(4, 4), "b": rand(4), "d": rand(4), "f": rand(4)}, passes="fuse-shared-gemm",
        after="Reshape Gemm Relu Gemm Reshape Tanh Gemm Sigmoid Gemm Reshape"),
}


def code_pads(body, after, **weights):
    numbers = {"w": np.arange(36).reshape(1, 4, 3, 3).astype(np.uint8), "z": scalar(5, np.uint8), "s": scalar(0.1), "wz": scalar(3, np.uint8),
               "p": ints(0, 0, 1, 0, 0, 0, 0, 2), "five": scalar(5, np.uint8), **weights}
    words = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    out = "int32" if "ConvInteger" in body else "uint8"
    return dict(text=f"g (uint8[N,4,5,6] x) => ({out}[N,A,B,C] y) {{ {body} }}", passes="fuse-pad", after=after, tol=0, opset=13,
                weights={k: v for k, v in numbers.items() if k in words})


QCONV = "y = QLinearConv(a, s, z, w, s, wz, s, wz)"
CASES |= {
    "pad_of_integers": code_pads("a = Pad(x, p) y = ConvInteger(a, w)", "ConvInteger"),
    "pad_of_integers_by_their_zero_point": code_pads("a = Pad(x, p, five) y = ConvInteger(a, w, z)", "ConvInteger"),
    "pad_of_codes_by_their_zero_point": code_pads("a = Pad(x, p, five) " + QCONV, "QLinearConv"),
    "pad_of_codes_by_zero_stays": code_pads("a = Pad(x, p) " + QCONV, None),
    "pad_of_integers_by_a_number_stays": code_pads("a = Pad(x, p, five) y = ConvInteger(a, w)", None),
}

A = "normalize-gemm{trans-a=true}"
CASES |= {
    "a_transposed_first_operand_on_request": gemm("t = Transpose<perm = [1, 0]>(x) y = Gemm(t, w)", "Gemm", x="5,N", passes=A),
    "a_transposed_first_operand_that_others_read": gemm("t = Transpose<perm = [1, 0]>(x) g = Gemm(t, w) m = MatMul(t, w) y = Add(g, m)",
                                                        "Transpose Gemm MatMul Add", x="5,N", passes=A),
    "a_transposed_first_operand_stays_by_default": gemm("t = Transpose<perm = [1, 0]>(x) y = Gemm(t, w)", None, x="5,N"),
    "one_turned_back_is_undone": gemm("t = Transpose<perm = [1, 0]>(x) y = Gemm<transA = 1>(t, w)", "Gemm", passes=A),
}


# A constant first factor becomes the second one.
def turned(body, after, x="N,64,5", y="N,64,5", passes="turn-products", **weights):
    weights = {"w": rand(64, 64), **weights}
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", weights=weights, passes=passes, after=after, tol=1e-4)


TWO = "h = MatMul(w, x) a = Add(h, b) r = Relu(a) k = MatMul(v, r) y = Add(c, k)"
CASES |= {
    "first_factor": turned("y = MatMul(w, x)", "Transpose MatMul Transpose"),
    "first_factor_of_two_axes": turned("y = MatMul(u, x)", "Transpose MatMul Transpose", x="64,N", y="80,N", u=rand(80, 64)) | dict(told="its weights are the second factor now"),
    "first_factor_of_four_axes": turned("y = MatMul(w, x)", "Transpose MatMul Transpose", x="2,N,64,5", y="2,N,64,5"),
    "first_factor_with_a_bias": turned("h = MatMul(w, x) y = Add(b, h)", "Transpose MatMul Add Transpose", b=rand(1, 64, 1)),
    "first_factors_in_a_row": turned(TWO, "Transpose MatMul Add Relu MatMul Add Transpose", y="N,80,5", passes="turn-products,move-transposes",
                                     b=rand(64, 1), v=rand(80, 64), c=rand(80, 1)),
    "first_factor_with_a_bias_a_column": turned("h = MatMul(w, x) y = Add(h, b)", "Transpose MatMul Transpose Add", b=rand(5)),
    "first_factor_that_is_read_twice": turned("h = MatMul(w, x) a = Add(h, b) y = Mul(a, h)", "Transpose MatMul Transpose Add Mul", b=rand(64, 1)),
    "first_factor_that_two_products_read": turned("h = MatMul(w, x) k = MatMul(w, h) y = Add(h, k)",
                                                  "Transpose MatMul Transpose Transpose MatMul Transpose Add"),
    "a_small_first_factor_stays": turned("y = MatMul(u, x)", None, u=rand(8, 64), y="N,8,5"),
    "a_first_factor_of_three_axes_stays": turned("y = MatMul(u, x)", None, u=rand(3, 64, 64), x="3,64,5", y="3,64,5"),
    "a_first_factor_of_a_vector_stays": turned("y = MatMul(w, x)", None, x="64", y="64"),
    "two_constants_stay": turned("h = MatMul(w, u) y = Add(x, h)", None, u=rand(64, 5)),
}
main(CASES)
