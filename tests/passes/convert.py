"""raise-opset: operators that changed keep their meaning; what cannot be kept is refused by name."""
import os
import pathlib
import subprocess
import tempfile

import numpy as np

from support import QUERN, ints, main, onnx, rand, scalar

TO21 = "raise-opset{opset=21}"


def case(text, opset, after, passes=TO21, **more):
    # IR 7 and less: files of those days; their initializers are constants.
    return dict(text=text, opset=opset, ir=more.pop("ir", 4), passes=passes, after=after, tol=0, **more)


CASES = {
    "clip_bounds_become_inputs": case(
        "g (float[N,3] x) => (float[N,3] y) { y = Clip<min = -0.5, max = 1.0>(x) }", 9, "Clip"),
    "clip_without_minimum": case(
        "g (float[N,3] x) => (float[N,3] y) { y = Clip<max = 1.0>(x) }", 9, "Clip"),
    "clip_of_float16_gets_bounds_of_float16": case(
        "g (float16[N,3] x) => (float16[N,3] y) { y = Clip<min = 0.0, max = 1.0>(x) }", 9, "Clip"),
    "dropout_ratio_becomes_an_input": case(
        "g (float[N,3] x) => (float[N,3] y) { y = Dropout<ratio = 0.3>(x) }", 9, "Dropout"),
    "softmax_on_the_last_axis_stays_one_node": case(
        "g (float[N,3,5] x) => (float[N,3,5] y) { y = Softmax<axis = 2>(x) }", 9, "Softmax"),
    "softmax_that_flattens_ones_stays_one_node": case(
        "g (float[N,3,1,1] x) => (float[N,3,1,1] y) { y = Softmax<axis = 1>(x) }", 9, "Softmax"),
    "softmax_over_several_axes_is_flattened": case(
        "g (float[N,3,5] x) => (float[N,3,5] y) { y = Softmax<axis = 1>(x) }", 11, "Flatten Shape Softmax Reshape"),
    "softmax_over_all_axes": case(
        "g (float[2,3,5] x) => (float[2,3,5] y) { y = LogSoftmax<axis = 0>(x) }", 9,
        "Flatten Shape LogSoftmax Reshape"),
    "hardmax_over_several_axes": case(
        "g (float[2,3,5] x) => (float[2,3,5] y) { y = Hardmax<axis = 1>(x) }", 9, "Flatten Shape Hardmax Reshape"),
    "softmax_of_unknown_rank_is_flattened": case(
        "g (float[N,3,5] x, int64[3] s) => (float[A,B,C] y) { z = Reshape(x, s) y = Softmax<axis = 2>(z) }", 12,
        "Reshape Softmax", feeds={"x": rand(2, 3, 5), "s": ints(5, 3, 2)}),
    "softmax_over_axes_of_which_one_is_long_stays_one_node": case(
        "g (float[N,3,1,H,1] x) => (float[N,3,1,H,1] y) { y = Softmax<axis = 2>(x) }", 11, "Softmax"),
    **{f"{op.lower()}_over_axes_that_may_be_empty{'' if some else '_and_are'}_at_{to}": case(
        f"g (float[N,3,L] x) => (float[N,3,L] y) {{ y = {op}<axis = 1>(x) }}", 11,
        f"Flatten Shape {op} Reshape" if to > 13 else f"Pad Flatten Shape {op} Reshape Slice",
        passes=f"raise-opset{{opset={to}}}{then}", feeds={"x": rand(2, 3, 5) if some else np.zeros((0, 3, 5), np.float32)}) | dict(tol=1e-6)
       for op in ("Softmax", "LogSoftmax", "Hardmax") for some in (0, 1) for to, then in ((13, ""), (14, ",fold-shapes"))},
    "softmax_over_the_batch_that_is_empty": case(
        "g (float[N,3,4] x) => (float[N,3,4] y) { y = Softmax<axis = 0>(x) }", 11, "Pad Flatten Shape Softmax Reshape Slice",
        passes="raise-opset{opset=13}", feeds={"x": np.zeros((0, 3, 4), np.float32)}),
    "softmax_of_nothing_stays_one_node": case(
        "g (float[N,3,0] x) => (float[N,3,0] y) { y = Softmax<axis = 1>(x) }", 11, "Softmax"),
    "axes_become_inputs": case(
        "g (float[N,3,4] x) => (float[N,3] y) "
        "{ a = Unsqueeze<axes = [0, 2]>(x) b = ReduceSum<axes = [4], keepdims = 0>(a) y = Squeeze<axes = [0, 2]>(b) }",
        9, "Unsqueeze ReduceSum Squeeze"),
    "reduce_mean_axes_become_inputs_at_18": case(
        "g (float[N,3,4] x) => (float[N,1,4] y) { a = ReduceMean<axes = [-2]>(x) y = ReduceMax<axes = [1]>(a) }",
        11, "ReduceMean ReduceMax"),
    "reduce_mean_keeps_its_attribute_below_18": case(
        "g (float[N,3,4] x) => (float[N,1,4] y) { y = ReduceMean<axes = [1]>(x) }", 11, "ReduceMean",
        passes="raise-opset{opset=17}", check=lambda m: m.graph.node[0].attribute[0].name == "axes" or 1 / 0),
    "reduce_over_everything": case(
        "g (float[N,3,4] x) => (float[1,1,1] y) { y = ReduceMean(x) }", 11, "ReduceMean"),
    "slice_and_top_k": case(
        "g (float[6,8] x) => (float[3,4] v, int64[3,4] i) "
        "{ s = Slice<starts = [1, -7], ends = [4, 1000], axes = [0, 1]>(x) v, i = TopK<k = 4>(s) }", 9, "Slice TopK"),
    "slice_without_axes": case(
        "g (float[6,8] x) => (float[3,2] y) { y = Slice<starts = [1, 3], ends = [4, 5]>(x) }", 9, "Slice"),
    "split_lengths_become_an_input": case(
        "g (float[6,8] x) => (float[2,8] a, float[4,8] b) { a, b = Split<axis = 0, split = [2, 4]>(x) }", 11, "Split"),
    "split_into_equal_parts_says_how_many": case(
        "g (float[6,8] x) => (float[6,4] a, float[6,4] b) { a, b = Split<axis = 1>(x) }", 11, "Split"),
    "pad_becomes_inputs": case(
        "g (float[N,2,4,4] x) => (float[N,2,6,7] y) "
        "{ y = Pad<pads = [0, 0, 1, 1, 0, 0, 1, 2], value = 1.5>(x) }", 9, "Pad"),
    "pad_that_reflects": case(
        "g (float[N,2,4,4] x) => (float[N,2,6,7] y) "
        "{ y = Pad<mode = \"reflect\", pads = [0, 0, 1, 1, 0, 0, 1, 2]>(x) }", 9, "Pad"),
    "scatter_is_scatter_elements": case(
        "g (float[3,3] x, int64[1,3] i, float[1,3] u) => (float[3,3] y) { y = Scatter<axis = 0>(x, i, u) }", 9,
        "ScatterElements", feeds={"i": ints([0, 2, 1])}),
    "upsample_of_opset_9": case(
        "g (float[N,2,3,4] x) => (float[N,2,6,12] y) { y = Upsample<mode = \"nearest\">(x, s) }", 9, "Resize",
        weights={"s": np.float32([1, 1, 2, 3])}, ir=4),
    "linear_upsample_of_opset_8": case(
        "g (float[N,2,3,4] x) => (float[N,2,6,12] y) "
        "{ y = Upsample<mode = \"linear\", scales = [1.0, 1.0, 2.0, 3.0]>(x) }", 8, "Resize"),
    "upsample_to_opset_11_has_a_region": case(
        "g (float[N,2,3,4] x) => (float[N,2,6,12] y) { y = Upsample<mode = \"nearest\">(x, s) }", 9, "Resize",
        weights={"s": np.float32([1, 1, 2, 3])}, passes="raise-opset{opset=11}"),
    "upsample_to_opset_10": case(
        "g (float[N,2,3,4] x) => (float[N,2,6,12] y) { y = Upsample<mode = \"nearest\">(x, s) }", 9, "Resize",
        weights={"s": np.float32([1, 1, 2, 3])}, passes="raise-opset{opset=10}"),
    "resize_of_opset_10_growing": case(
        "g (float[N,2,3,5] x) => (float[N,2,6,12] y) { y = Resize<mode = \"nearest\">(x, s) }", 10, "Resize",
        weights={"s": np.float32([1, 1, 2, 2.5])}),
    "resize_of_opset_10_shrinking": case(
        "g (float[N,2,7,9] x) => (float[N,2,3,4] y) { y = Resize<mode = \"nearest\">(x, s) }", 10, "Resize",
        weights={"s": np.float32([1, 1, 0.5, 0.5])}),
    "resize_of_opset_10_linear": case(
        "g (float[N,2,7,9] x) => (float[N,2,14,13] y) { y = Resize<mode = \"linear\">(x, s) }", 10, "Resize",
        weights={"s": np.float32([1, 1, 2, 1.5])}),
    "batch_normalization_of_opset_8": case(
        "g (float[N,2,3] x) => (float[N,2,3] y) { y = BatchNormalization<spatial = 1>(x, s, b, m, v) }", 8,
        "BatchNormalization", weights={"s": rand(2), "b": rand(2), "m": rand(2), "v": rand(2, low=0.5)}),
    "grid_sample_modes_are_renamed": case(
        "g (float[1,2,4,4] x, float[1,3,3,2] q) => (float[1,2,3,3] y) { y = GridSample<mode = \"bicubic\">(x, q) }", 16,
        "GridSample", ir=8),
    "roi_align_keeps_its_grid": case(
        "g (float[1,2,8,8] x, float[2,4] r, int64[2] b) => (float[2,2,2,2] y) "
        "{ y = RoiAlign<output_height = 2, output_width = 2, spatial_scale = 1.0>(x, r, b) }", 10, "RoiAlign",
        feeds={"r": np.float32([[0, 0, 5, 5], [1, 2, 6, 7]]), "b": ints(0, 0)}),
    "dft_axis_becomes_an_input": case(
        "g (float[1,8,1] x) => (float[1,8,2] y) { y = DFT<axis = 1>(x) }", 17, "DFT", ir=8),
    "bodies_are_converted": case(
        "g (bool c, float[2,3] x) => (float[2,3] y) { y = If<then_branch = t () => (float[2,3] p) "
        "{ p = Clip<min = 0.0>(x) }, else_branch = e () => (float[2,3] q) { q = Softmax<axis = 0>(x) }>(c) }", 9,
        "If (Clip) (Flatten Shape Softmax Reshape)", feeds={"c": scalar(False, bool)}),
    "a_model_that_is_newer_stays": case(
        "g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }", 22, None, ir=10),
}

REFUSED = {
    "resize_whose_scales_are_not_constant": (
        "g (float[N,2,3,5] x, float[4] s) => (float[N,C,H,W] y) { y = Resize<mode = \"nearest\">(x, s) }", 10,
        ["Resize", "scales are not constant", "opset 10"]),
    "batch_normalization_that_trains": (
        "g (float[N,2,3] x, float[2] s) => (float[N,2,3] y, float[2] m) "
        "{ y, m, v, sm, sv = BatchNormalization(x, s, s, s, s) }", 9, ["BatchNormalization", "training"]),
    "dropout_whose_mask_is_read": (
        "g (float[N,3] x) => (float[N,3] y, float[N,3] m) { y, m = Dropout(x) }", 8, ["Dropout", "mask"]),
}


def refusals():
    """Exit 4, node and reason named, nothing written."""
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        source, out = (pathlib.Path(scratch) / f for f in ("in.onnx", "out.onnx"))
        for name, (text, opset, words) in REFUSED.items():
            model = onnx.parser.parse_model(f'<ir_version: 4, opset_import: ["" : {opset}]>\n{text}')
            for node in model.graph.node:
                node.name = "the_node"
            source.write_bytes(model.SerializeToString())
            r = subprocess.run([QUERN, "convert", source, "-o", out, "--opset", "21"], capture_output=True, text=True,
                               timeout=60)
            missing = [w for w in [*words, "the_node"] if w not in r.stderr]
            if r.returncode != 4 or missing or os.path.exists(out):
                bad += 1
                print(f"{name}: exit {r.returncode}, lacks {missing}: {r.stderr}")
    return bad


def lags():
    """Beyond the last opset at which the target has an operator: a warning, with --target or without; elsewhere none."""
    bad = 0
    text = ("g (float[1,2,8,8] x, float[2,4] r, int64[2] b) => (float[2,2,2,2] y) "
            "{ y = RoiAlign<output_height = 2, output_width = 2, spatial_scale = 1.0>(x, r, b) }")
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "in.onnx"
        source.write_bytes(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 16]>\n{text}').SerializeToString())
        for opset, target, warns in ((23, (), True), (22, ("--target", "ort-cpu-avx2"), True), (21, (), False), (23, ("--target", "tensorrt-10"), False)):
            r = subprocess.run([QUERN, "optimize", source, "-o", f"{scratch}/out.onnx", "--opset", str(opset), *target], capture_output=True, text=True, timeout=60)
            if r.returncode != 0 or (f"has RoiAlign up to opset 21, the model gets {opset}" in r.stderr) != warns:
                bad += 1
                print(f"lags {opset} {target}: exit {r.returncode}: {r.stderr}")
    return bad


if refusals() + lags():
    raise SystemExit(1)
main(CASES)
