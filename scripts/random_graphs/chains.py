"""Chains of operators: what passes look for, mostly, and now and then something that only looks like it."""
import numpy as np
from onnx import helper, numpy_helper

from grow import N_RUNS, Reject, Value, broadcasts
from operators import axes_of, axis_of, batch_norm, clip, conv, gemm, image, ints, matmul, maybe, sliced, some, template, weights, with_axes


def number(g, x, value, p=0.06):
    """A scalar constant, in one of the shapes that broadcast."""
    value = g.near(float(value), p)
    return g.constant(np.full(g.choice([(), (), (), (), (1,), (1,) * max(x.rank, 1)]), value, x.dtype))


def both(g, op, a, b):
    return g.op(op, [a, b] if g.chance(0.5) else [b, a])


def floats(g, least=0, new=0.1):
    return g.pick("f", rank=range(least, 5), new=new)


# Activations


@template(4)
def activation(g):
    x = floats(g)
    how = g.int(0, 9)
    if how == 0:
        return both(g, "Mul", x, g.op("Sigmoid", [x if g.chance(0.9) else floats(g)]))
    if how == 1:
        return g.op("Div", [number(g, x, 1), both(g, "Add", g.op("Exp", [g.op("Neg", [x])]), number(g, x, 1))])
    if how == 2:
        gate = g.op("HardSigmoid", [x], alpha=g.near(1 / 6), beta=0.5)
        return both(g, "Mul", x, gate)
    if how == 3:
        gate = clip(g, both(g, "Add", x, number(g, x, 3)), g.near(0.0), g.near(6.0))
        y = g.op("Div", [gate, number(g, x, 6)]) if g.chance(0.6) else both(g, "Mul", gate, number(g, x, 1 / 6, 0))
        return both(g, "Mul", x, y) if g.chance(0.8) else y
    if how == 4:
        e = g.op("Erf", [g.op("Div", [x, number(g, x, 2 ** 0.5)])])
        half = both(g, "Mul", x, number(g, x, 0.5))
        return both(g, "Mul", half, both(g, "Add", e, number(g, x, 1)))
    if how == 5:
        cube = g.op("Pow", [x, number(g, x, 3)]) if g.chance(0.5) else both(g, "Mul", x, g.op("Mul", [x, x]))
        inner = both(g, "Mul", both(g, "Add", x, both(g, "Mul", cube, number(g, x, 0.044715))), number(g, x, 0.7978845608))
        return both(g, "Mul", both(g, "Mul", x, number(g, x, 0.5)), both(g, "Add", g.op("Tanh", [inner]), number(g, x, 1)))
    if how == 6:
        return both(g, "Mul", x, g.op("Tanh", [g.op("Softplus", [x])]))
    if how == 7:
        big = g.op("Greater", [x, number(g, x, 20)])
        return g.op("Where", [big, x, g.op("Log", [both(g, "Add", g.op("Exp", [x]), number(g, x, 1))])] if g.chance(0.5) else [big, x, g.op("Softplus", [x])])
    if how == 8:
        return both(g, "Max", g.op("Mul", [x, number(g, x, 0.1)]), x)
    return g.op("Sub", [g.op("Relu", [x]), g.op("Mul", [number(g, x, 0.2), g.op("Relu", [g.op("Neg", [x])])])])


@template(1.5)
def clip_chain(g):
    x = floats(g)
    for _ in range(g.int(2, 3)):
        how = g.int(0, 3)
        x = g.op("Relu", [x]) if how == 0 else both(g, g.choice(["Min", "Max"]), x, number(g, x, g.choice([0.0, 6.0, 1.0, -1.0]))) if how == 1 else \
            clip(g, x, g.choice([0.0, -1.0, None, 0.5]), g.choice([6.0, 1.0, None, 0.25]))
    return x


@template(2)
def arithmetic(g):
    x = floats(g)
    for _ in range(g.int(2, 4)):
        op = g.choice(["Add", "Sub", "Mul", "Div", "Mul", "Add"])
        c = number(g, x, g.choice([1.0, 0.0, 2.0, -1.0, 0.5, 3.0])) if g.chance(0.6) else g.aligned(x, kind="positive" if op == "Div" else None)
        x = g.op(op, [x, c] if g.chance(0.75) else [c, x])
    return x


@template(0.8)
def reciprocal(g):
    x, y = floats(g), g.pick("f")
    r = g.op("Reciprocal", [y]) if g.chance(0.5) else g.op("Div", [number(g, y, 1), y])
    both(g, "Mul", x, r)


# Norms


@template(2.5)
def layer_norm(g):
    x = g.pick("f", rank=range(2, 5), where=lambda v: bool(v.size(-1)) and all(a.size for a in v.runs), new=0.3)
    axes = [g.near(-1, 0.05)] if g.chance(0.8) else [x.rank - 1]
    mean = with_axes(g, "ReduceMean", x, axes, **({} if g.chance(0.8) else {"keepdims": 1}))
    d = g.op("Sub", [x, mean])
    square = g.op("Pow", [d, number(g, d, 2)]) if g.chance(0.6) else g.op("Mul", [d, d])
    variance = with_axes(g, "ReduceMean", square, axes if g.chance(0.95) else [-2])
    root = g.op("Sqrt", [both(g, "Add", variance, number(g, x, g.choice([1e-5, 1e-3, 0.1]), 0))])
    y = g.op("Div", [d, root]) if g.chance(0.7) else both(g, "Mul", d, g.op("Reciprocal", [root]))
    n = x.size(-1)
    if g.chance(0.93):
        y = both(g, "Mul", y, g.constant(g.numbers([n])) if g.chance(0.9) else g.aligned(y))
    if g.chance(0.93):
        y = both(g, "Add", y, g.constant(g.numbers([n])) if g.chance(0.9) else g.aligned(y))


@template(0.7)
def tokens(g):
    """What a Conv makes of an image, as a row of tokens with a mean behind."""
    x = image(g)
    if not x.size(1) or x.dtype != np.float32:
        raise Reject
    out = g.choice([1, 2, 3])
    y = g.op("Conv", [x, g.constant(g.numbers([out, x.size(1), *[1] * (x.rank - 2)], kind="plain"), plain=True)])
    sizes = g.constant(np.array([0, out, -1], np.int64))
    r = g.op("Reshape", [y, sizes])
    t = g.op("Transpose", [r], perm=[0, 2, 1] if g.chance(0.9) else [1, 2, 0])
    g.op("Sub", [t, with_axes(g, "ReduceMean", t, [g.near(-1, 0.1)])])


@template(2)
def rms_norm(g):
    x = g.pick("f", rank=range(2, 5), where=lambda v: bool(v.size(-1)) and all(a.size for a in v.runs), new=0.3)
    square = g.op("Pow", [x, number(g, x, 2)]) if g.chance(0.6) else g.op("Mul", [x, x])
    mean = with_axes(g, "ReduceMean", square, [g.near(-1, 0.05)])
    root = g.op("Sqrt", [both(g, "Add", mean, number(g, x, 1e-3, 0))])
    y = both(g, "Mul", x, g.op("Reciprocal", [root]) if g.chance(0.5) else g.op("Div", [number(g, root, 1), root])) if g.chance(0.7) else g.op("Div", [x, root])
    if g.chance(0.8):
        both(g, "Mul", y, g.constant(g.numbers([x.size(-1)])) if g.chance(0.9) else g.aligned(y))


@template(0.8)
def group_norm(g):
    x = g.pick("f", rank=4, where=lambda v: bool(v.size(1)) and all(a.size for a in v.runs), dims=[None, 4, 3, 4], new=0.5)
    groups = g.choice([k for k in range(1, x.size(1) + 1) if x.size(1) % k == 0])
    y = g.op("Reshape", [x, ints(g, 0, groups, -1)])
    y = g.op("InstanceNormalization", [y, g.constant(np.ones(groups, x.dtype)), g.constant(np.zeros(groups, x.dtype))], epsilon=g.choice([1e-5, 1e-3]))
    shape = g.op("Shape", [x]) if None in x.sizes or g.chance(0.5) else ints(g, *x.sizes)
    y = g.op("Reshape", [y, shape])
    for op in ("Mul", "Add"):
        y = both(g, op, y, g.constant(g.numbers([x.size(1), 1, 1]))) if g.chance(0.9) else both(g, op, y, g.aligned(y))


# Folding into linear operators


def linear(g):
    how = g.int(0, 4)
    return conv(g, image(g)) if how < 2 else conv(g, image(g), transposed=True) if how == 2 else gemm(g) if how == 3 else matmul(g)


def per_channel(g, y, kind=None):
    """A constant along the channels of a linear operator's output, or along an axis that happens to be as long."""
    if y.rank == 0:
        raise Reject
    channel = 1 if y.rank > 2 else y.rank - 1
    axis = channel if g.chance(0.85) else g.int(0, y.rank - 1)
    if y.size(axis) is None:
        raise Reject
    shape = [y.size(axis) if i == axis else 1 for i in range(y.rank)]
    lead = axis if g.chance(0.5) else 0
    return g.constant(g.numbers(shape[lead:], kind=kind))


@template(3)
def affine(g):
    """Linear operators with constants, norms and each other around them."""
    y = linear(g)
    for _ in range(g.int(1, 3)):
        how = g.int(0, 6)
        if how == 0 and y.rank > 1:
            y = batch_norm(g, y)
        elif how == 1 and y.rank > 2:
            y = conv(g, y)
        elif how == 2 and y.rank == 2:
            y = gemm(g, y) if g.chance(0.5) else matmul(g, y)
        else:
            op = g.choice(["Mul", "Add", "Sub", "Div"])
            c = per_channel(g, y, "positive" if op == "Div" else None) if g.chance(0.6) else number(g, y, g.choice([2.0, 0.5, 1.0, -1.0]))
            y = g.op(op, [y, c] if g.chance(0.75) else [c, y])


@template(1.5)
def affine_before(g):
    x = image(g) if g.chance(0.6) else g.pick("f", rank=2, new=0.3)
    for _ in range(g.int(1, 2)):
        if g.chance(0.25):
            x = batch_norm(g, x)
            continue
        op = g.choice(["Mul", "Add", "Sub", "Div"])
        c = per_channel(g, x, "positive" if op == "Div" else None) if g.chance(0.6) else number(g, x, g.choice([2.0, 0.5, -1.0]))
        x = g.op(op, [x, c] if g.chance(0.8) else [c, x])
    conv(g, x, transposed=g.chance(0.3)) if x.rank > 2 else gemm(g, x) if g.chance(0.5) else matmul(g, x)


def moved_by(g, x):
    """Data movement that keeps all elements."""
    how = g.int(0, 3)
    if how == 0 or x.rank == 0:
        return with_axes(g, "Unsqueeze", x, [g.int(0, x.rank)])
    if how == 1:
        perm = list(range(x.rank))
        g.random.shuffle(perm)
        return g.op("Transpose", [x], perm=perm) if g.chance(0.8) else g.op("Transpose", [x])
    i = g.int(0, x.rank - 1) if g.chance(0.4) else x.rank - 1
    sizes = [0 if s is None else s for s in x.sizes]
    if how == 2 and sizes[i] and sizes[i] % 2 == 0:
        return g.op("Reshape", [x, ints(g, *sizes[:i], *g.choice([(2, sizes[i] // 2), (sizes[i] // 2, 2)]), *([-1] if 0 in sizes[i + 1:] else sizes[i + 1:]))])
    return g.op("Flatten", [x], axis=i) if g.chance(0.5) else g.op("Reshape", [x, ints(g, *sizes[:i], -1)])


@template(1.5)
def affine_moved(g):
    """An affine behind a linear operator, and what moves its data between."""
    y = linear(g)
    for _ in range(g.int(1, 3)):
        y = moved_by(g, y)
    for _ in range(g.int(1, 2)):
        known = [i for i, s in enumerate(y.sizes) if s is not None]
        axes = {i for i in known if g.chance(0.4)}
        shape = [y.size(i) if i in axes else 1 for i in range(y.rank)]
        op = g.choice(["Mul", "Add", "Sub", "Div", "Neg"])
        c = number(g, y, 2.0) if g.chance(0.3) else g.constant(g.numbers(shape, kind="positive" if op == "Div" else None))
        y = g.op(op, [y]) if op == "Neg" else g.op(op, [y, c] if g.chance(0.8) else [c, y])


@template(1)
def shared(g):
    """Weights that two operators read; one of them, or both, with something to fold behind or in front."""
    spatial = g.int(1, 2)
    c, out = g.int(1, 3), g.int(1, 3)
    w = g.constant(g.numbers([out, c, *(g.choice([1, 2]) for _ in range(spatial))]), plain=True)
    dims = [None, c, *[4] * spatial]
    for _ in range(2):
        x = g.pick("f", rank=spatial + 2, where=lambda v: v.size(1) == c, dims=dims, new=0.3)
        if g.chance(0.3):
            x = both(g, "Mul", x, per_channel(g, x))
        y = g.op("Conv", [x, w, *([g.constant(g.numbers([out]))] if g.chance(0.4) else [])])
        if g.chance(0.6):
            g.op(g.choice(["Mul", "Add", "Sub"]), [y, per_channel(g, y)]) if g.chance(0.7) else batch_norm(g, y)


@template(1)
def expanded(g):
    """Expand in front of what broadcasts, and of what does not."""
    x = g.pick("f", rank=range(1, 5), new=0.3)
    small = g.aligned(x) if g.chance(0.7) else g.pick("f", where=lambda v: all(broadcasts(a, b) and len(a) <= len(b) for a, b in zip(v.shapes, x.shapes)), new=0)
    target = g.op("Shape", [x]) if None in x.sizes or g.chance(0.5) else ints(g, *(g.near(s, 0.02) if s > 1 else s for s in x.sizes))
    y = g.op("Expand", [small, target])
    how = g.int(0, 3)
    if how == 0:
        return g.op("Where", [g.op("Less", [x, number(g, x, 0.5)]), x, y])
    return g.op(g.choice(["Add", "Mul", "Sub", "Max"]), [x, y] if g.chance(0.5) else [y, x]) if how < 3 else g.op("Softmax", [y], axis=0)


@template(1)
def matmul_add(g):
    y = matmul(g)
    if y.rank:
        both(g, "Add", y, per_channel(g, y) if g.chance(0.8) else g.operand(y))


@template(1.2)
def padded(g):
    x = image(g)
    spatial = x.rank - 2
    pads = [0, 0, *(g.int(0, 1) for _ in range(spatial)), 0, 0, *(g.int(0, 1) for _ in range(spatial))]
    pads = [g.near(p, 0.02) for p in pads]
    mode = g.choice(["constant"] * 5 + ["edge"])
    value = 0.0 if g.chance(0.85) else g.choice([-1.0, 1.0, float("-inf")])
    if g.opset < 11:
        y = g.op("Pad", [x], pads=pads, mode=mode, value=value)
    else:
        y = g.op("Pad", [x, ints(g, *pads), *([g.constant(np.array(value, x.dtype))] if mode == "constant" and (value or g.chance(0.5)) else [])], mode=mode)
    if g.chance(0.6):
        return conv(g, y)
    kernel = [g.int(1, 3) for _ in range(spatial)]
    op = g.choice(["MaxPool", "AveragePool"])
    return g.op(op, [y], kernel_shape=kernel, **maybe(g, 0.4, strides=[2] * spatial, pads=[0 if k == 1 else g.int(0, 1) for k in kernel * 2]),
                **(maybe(g, 0.6, count_include_pad=1) if op[0] == "A" else {}))


# Sizes


def part_of_shape(g, shape, axis):
    how = g.int(0, 3)
    if how == 0:
        return g.op("Gather", [shape, ints(g, axis)], axis=0)
    if how == 1:
        return sliced(g, shape, [0], [axis], [axis + 1] if axis != -1 else [2 ** 63 - 1])
    one = g.op("Gather", [shape, g.constant(np.array(axis, np.int64))], **maybe(g, axis=0))
    if g.chance(0.15):
        one = g.op("Cast", [g.op("Cast", [one], to=1)], to=7)
    if g.chance(0.2):
        one = g.op(g.choice(["Mul", "Add", "Div", "Sub"]), [one, g.constant(np.array(g.choice([1, 2, 0]), np.int64))])
    return with_axes(g, "Unsqueeze", one, [0])


@template(3)
def computed_sizes(g):
    """Reshape, Expand, Slice, ConstantOfShape, Range by sizes that are computed from a shape."""
    x = g.pick("fffi", rank=range(1, 5), new=0.25)
    bounds = maybe(g, 0.3, start=g.int(-2, 1), end=g.int(1, 3)) if g.opset >= 15 and g.chance(0.2) else {}
    shape = g.op("Shape", [x], **bounds)
    how = g.int(0, 6)
    if how < 3:
        rank = shape.runs[0].size
        if not rank:
            raise Reject
        pieces = [part_of_shape(g, shape, g.near(i, 0.1) if g.chance(0.8) else i - rank) if g.chance(0.8) else ints(g, g.choice([-1, 0, 1, 2])) for i in range(rank)]
        if g.chance(0.3):
            pieces.insert(g.int(0, rank), ints(g, g.choice([1, -1, 2])))
        if g.chance(0.3) and len(pieces) > 1:
            i = g.int(0, len(pieces) - 2)
            pieces[i:i + 2] = [g.op("Mul", pieces[i:i + 2])]
        target = g.op("Concat", pieces, axis=0)
        if how < 2:
            return g.op("Reshape", [g.pick(x.dtype.kind, where=lambda v: [a.size for a in v.runs] == [a.size for a in x.runs], new=0), target])
        return g.op("Expand", [g.constant(g.numbers((1,) * g.int(0, 2))), target])
    if how == 3:
        return g.op("Expand", [g.pick("f", where=lambda v: v.rank <= x.rank, new=0), shape])
    if how == 4:
        n = part_of_shape(g, shape, axis_of(g, x))
        return g.op("Slice", [x, ints(g, 0), n if g.chance(0.5) else g.op("Div", [n, ints(g, 2)]), ints(g, axis_of(g, x))]) if g.opset >= 10 else None
    if how == 5:
        return g.op("ConstantOfShape", [shape], **maybe(g, value=one_tensor(g)))
    n = g.op("Squeeze", [part_of_shape(g, shape, axis_of(g, x))])
    return g.op("Range", [g.constant(np.array(0, np.int64)), n, g.constant(np.array(1, np.int64))])


def one_tensor(g):
    return numpy_helper.from_array(g.numbers((1,), g.choice(["f4", "i8"])))


@template(1)
def attention(g):
    heads, size = g.int(1, 2), g.choice([2, 4])
    x = g.pick("f", rank=3, where=lambda v: v.size(2) == heads * size, dims=[None, None, heads * size], new=0.6)
    def split_heads(v):
        target = ints(g, 0, g.choice([0, -1]), heads, size) if g.chance(0.6) else g.op("Concat", [part_of_shape(g, g.op("Shape", [v]), 0), ints(g, -1, heads, size)], axis=0)
        return g.op("Reshape", [v, target])
    q, k, v = (split_heads(both(g, "Add", g.op("MatMul", [x, weights(g, [heads * size] * 2)]), g.constant(g.numbers([heads * size]))))
               for _ in range(3))
    q, v = (g.op("Transpose", [t], perm=[0, 2, 1, 3]) for t in (q, v))
    k = g.op("Transpose", [k], perm=[0, 2, 3, 1])
    scores = g.op("MatMul", [q, k])
    scores = g.op("Div", [scores, number(g, scores, size ** 0.5)]) if g.chance(0.7) else both(g, "Mul", scores, number(g, scores, size ** -0.5))
    y = g.op("MatMul", [g.op("Softmax", [scores], axis=g.choice([-1, -1, 3])), v])
    y = g.op("Transpose", [y], perm=[0, 2, 1, 3])
    g.op("Reshape", [y, ints(g, 0, g.choice([0, -1]), heads * size)])


@template(0.6)
def rotary(g):
    x = g.pick("f", rank=range(3, 5), where=lambda v: v.size(-1) in (2, 4, 8), dims=[None, 2, None, 4], new=0.5)
    half = x.size(-1) // 2
    a, b = sliced(g, x, [g.choice([-1, x.rank - 1])], [0], [g.near(half, 0.03)]), sliced(g, x, [x.rank - 1], [half], [2 ** 63 - 1])
    turned = g.op("Concat", [g.op("Neg", [b]), a], axis=-1)
    angle = g.constant(g.numbers([x.size(-1)]))
    both(g, "Add", both(g, "Mul", x, g.op("Cos", [angle])), both(g, "Mul", turned, g.op("Sin", [angle])))


@template(1)
def moved(g):
    """Ways that lead back, or nearly."""
    x = g.pick("fffib", rank=range(1, 5))
    how = g.int(0, 3)
    if how == 0:
        axis = g.int(0, x.rank)
        y = with_axes(g, "Unsqueeze", x, [axis])
        return with_axes(g, "Squeeze", y, [g.near(axis, 0.2)])
    if how == 1:
        i = g.int(0, max(x.rank - 1, 0))
        y = sliced(g, x, [i], [g.near(0, 0.2)], [2 ** 63 - 1])
        return sliced(g, y, [g.near(i, 0.3) % x.rank], [0], [g.choice([2 ** 63 - 1, 1, 2])])
    if how == 2 and None not in x.sizes:
        y = g.op("Reshape", [x, ints(g, *g.choice([[-1], [*reversed(x.sizes)], [1, *x.sizes]]))])
        return g.op("Reshape", [y, ints(g, *(g.choice([x.sizes, [0 if s == t else s for s, t in zip(x.sizes, y.sizes)] + x.sizes[y.rank:]])))])
    y = sliced(g, x, [axis_of(g, x)], [0], [1])
    return with_axes(g, "Squeeze", y, [a for a in axes_of(g, y, 1)])


def along_axes(g, v, axis):
    """Something that names an axis, which stays in the result or leaves it."""
    how = g.int(0, 7)
    if how == 0:
        return g.op(g.choice(["Softmax", "LogSoftmax"]), [v], axis=axis)
    if how == 1 and v.size(axis) and v.size(axis) % 2 == 0 and 13 <= g.opset:
        half = v.size(axis) // 2
        parts = g.op("Split", [v, ints(g, half, half)], n_outputs=2, axis=axis)
        return g.op("Mul", parts) if g.chance(0.6) else g.choice(parts)
    if how == 2:
        return sliced(g, v, [axis], [g.int(0, 1)], [g.choice([2 ** 63 - 1, 2])])
    if how == 3 and g.opset >= 11:
        return g.op("Pad", [v, ints(g, *(g.int(0, 1) for _ in range(2 * v.rank)))])
    if how == 4 and v.size(axis):
        index = np.array(g.int(0, v.size(axis) - 1)) if g.chance(0.6) else np.array([0, v.size(axis) - 1])
        return g.op("Gather", [v, g.constant(index, np.int64)], axis=axis)
    if how == 5:
        return g.op("Cast", [g.op(g.choice(["ArgMax", "ArgMin"]), [v], axis=axis, keepdims=g.int(0, 1))], to=1)
    if how == 6 and v.size(axis) == 1:
        return with_axes(g, "Squeeze", v, [axis])
    return with_axes(g, g.choice(["ReduceMax", "ReduceMin", "ReduceMean"]), v, [axis], keepdims=0)


@template(2)
def turned(g):
    """Transposes around what works on single elements or axes."""
    x = floats(g, 2, 0.3)
    perm = [int(i) for i in g.random.permutation(x.rank)]
    back = [perm.index(i) for i in range(x.rank)]
    values = [g.op("Transpose", [x], perm=perm)]
    for _ in range(g.int(0, 6)):
        v = g.choice(values[-2:])
        how = g.int(0, 10)
        axis = g.int(-v.rank, v.rank - 1)
        if how > 8:
            y = along_axes(g, v, axis)
        elif how < 2:
            y = g.op(g.choice(["Relu", "Neg", "Abs", "Sigmoid", "Tanh", "Identity"]), [v])
        elif how == 2:
            y = both(g, g.choice(["Add", "Mul", "Sub", "Max"]), v, g.aligned(v) if g.chance(0.7) else g.choice(values))
        elif how == 3:
            other = g.op("Transpose", [g.op("Neg", [x]) if g.chance(0.7) else x], perm=perm)
            y = both(g, g.choice(["Add", "Mul", "Sub"]), v, other)
        elif how == 4:
            op = g.choice(["ReduceMean", "ReduceSum", "ReduceMax"])
            axes = [axis] if g.chance(0.6) else sorted({axis % v.rank, g.int(0, v.rank - 1)}) if g.chance(0.7) else []
            y = both(g, g.choice(["Sub", "Add"]), v, with_axes(g, op, v, axes, keepdims=int(g.chance(0.9))))
        elif how == 5:
            y = g.op("Concat", [v, g.choice(values)] if g.chance(0.8) else [v, g.aligned(v)], axis=axis)
        elif how == 6:
            y = codes(g, v, g.choice([np.uint8, np.int8]), axis if g.chance(0.5) else None)
        elif how == 7:
            y = g.op("Where", [g.op("Greater", [v, number(g, v, 0)]), v, g.aligned(v) if g.chance(0.5) else g.choice(values)])
        else:
            y = g.op(g.choice(["Softmax", "LogSoftmax"]), [v], axis=-1) if g.chance(0.3) else g.op("Clip", [v, number(g, v, -1, 0), number(g, v, 1, 0)])
        if y.rank == 0:
            break
        values.append(y)
    for v in values[1:] if g.chance(0.3) else values[-1:]:
        if v.rank == x.rank:
            g.op("Transpose", [v], perm=back if g.chance(0.85) else [int(i) for i in g.random.permutation(x.rank)])


@template(1.5)
def joined(g):
    """What leads apart and back: Split and Concat, reductions and their axes, Slices of Slices, rounding, factors around a MatMul."""
    how = g.int(0, 6)
    x = g.pick("f", rank=range(1, 4), dims=[None, 6, 4][:g.int(2, 3)], new=0.4)
    axis = g.int(-x.rank, x.rank - 1)
    if how == 0:
        c = g.op("Concat", [x, g.op("Neg", [x])], axis=axis)
        size = x.size(axis)
        if size is None or g.opset < 13 or g.chance(0.5):
            end = size or 3
            return [sliced(g, c, [axis], *bounds) for bounds in (([0], [g.near(end, 0.1)]), ([end], [g.choice([2 * end, 2 ** 63 - 1])]))]
        a, b = g.op("Split", [c, ints(g, size, size) if g.chance(0.8) else ints(g, size + 1, size - 1)], 2, axis=axis)
        return g.op("Concat", [a, b] if g.chance(0.8) else [b, a], axis=g.choice([axis, axis, axis % x.rank, 0]))
    if how == 1:
        keep = int(g.chance(0.5))
        axes = [axis] if g.chance(0.7) else sorted({0, axis % x.rank})
        y = with_axes(g, g.choice(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"]), x, axes, keepdims=keep)
        back = axes if g.chance(0.85) else [0]
        return with_axes(g, "Squeeze" if keep else "Unsqueeze", y, [a % x.rank for a in back] if g.chance(0.5) else back)
    if how == 2:
        edge = lambda: g.choice([0, 1, 1, 2, 3, 5, 40, -1, 2 ** 63 - 1])  # noqa: E731
        y = sliced(g, x, [axis], [edge()], [edge()])
        return sliced(g, y, [g.near(axis, 0.1)], [edge()], [edge()])
    if how == 3:
        y = with_axes(g, "Unsqueeze", with_axes(g, "Unsqueeze", x, [g.int(0, x.rank)]), [g.int(0, x.rank + 1)])
        ones = [i for i, s in enumerate(y.sizes) if s == 1]
        z = with_axes(g, "Squeeze", y, [g.choice(ones)])
        return with_axes(g, "Squeeze", z, [g.choice([i for i, s in enumerate(z.sizes) if s == 1])])
    if how == 4:
        y = g.op(g.choice(["Ceil", "Floor", "Round", "Sign", "Abs"]), [x])
        return g.op(g.choice(["Ceil", "Floor", "Round", "Sign", "Abs"]), [y])
    if how == 5 and x.rank >= 2:
        k = g.op("Transpose", [x], perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])
        return g.op("MatMul", [both(g, "Mul", x, number(g, x, 0.5)), both(g, "Mul", k, number(g, x, g.choice([0.25, 2.0])))])
    y = g.op("Softmax", [x], axis=axis)
    return g.op("Log", [y]) if g.chance(0.8) else both(g, g.choice(["Add", "Sub"]), y, g.op("Neg", [x]))


# Codes


def scale(g, shape=()):
    return g.constant(g.random.uniform(0.02, 0.3, shape).astype(np.float32) if g.chance(0.7) else np.full(shape, 0.125, np.float32))


def codes(g, x, dtype, axis=None, near=0.05):
    """QuantizeLinear and DequantizeLinear of x, mostly with the same parameters."""
    if g.opset < 10 or x.dtype != np.float32:
        raise Reject
    per_axis = {"axis": axis} if axis is not None else {}
    shape = (x.size(axis),) if axis is not None else ()
    if axis is not None and (g.opset < 13 or not x.size(axis)):
        raise Reject
    s, z = scale(g, shape), g.constant(g.random.integers(0, 5, shape).astype(dtype) if g.chance(0.6) else np.zeros(shape, dtype))
    q = g.op("QuantizeLinear", [x, s, z], **per_axis)
    if g.chance(near):
        s = scale(g, shape)
    return g.op("DequantizeLinear", [q, s, z], **per_axis)


@template(1.2)
def pair(g):
    x = g.pick("f", rank=range(0, 5))
    if g.chance(0.4):
        top = g.choice([6.0, 1.0])
        x = g.op("Relu", [x]) if g.chance(0.5) else clip(g, x, 0.0, top)
        if g.chance(0.7) and g.opset >= 10 and x.dtype == np.float32:
            s, z = g.constant(np.float32(g.choice([top / 255, top / 256, 0.01, 0.03]))), g.constant(np.array(g.near(0, 0.1) % 256, np.uint8))
            return g.op("DequantizeLinear", [g.op("QuantizeLinear", [x, s, z]), s, z])
    y = codes(g, x, g.choice(["u1", "i1"]), axis=g.int(0, x.rank - 1) if x.rank and g.chance(0.15) else None)
    if g.chance(0.2):
        codes(g, y, g.choice(["u1", "i1"]))


@template(1.2)
def quantized_linear(g):
    """A linear operator between Q and DQ, with an affine behind it."""
    x = codes(g, image(g) if g.chance(0.7) else g.pick("f", rank=2, new=0.3), "u1")
    c = x.size(1)
    if not c:
        raise Reject
    out = g.choice([1, 2, 3, c])
    shape = [out, c, *(g.choice([1, 1, 2]) for _ in range(x.rank - 2))] if x.rank > 2 else [c, out]
    axis = 0 if x.rank > 2 else 1
    w = g.constant(g.numbers(shape, kind="plain"), plain=True)
    if g.opset >= 21 and x.rank == 2 and c % 2 == 0 and g.chance(0.3):  # a scale for each block of rows
        codes_ = g.constant(g.random.integers(-127, 128, shape).astype(np.int8), plain=True)
        w = g.op("DequantizeLinear", [codes_, scale(g, (c // 2, out))], axis=0, block_size=2)
    elif g.chance(0.5):
        s = scale(g, (out,) if g.opset >= 13 else ())
        w = g.constant(g.random.integers(-127, 128, shape).astype(np.int8), plain=True)
        w = g.op("DequantizeLinear", [w, s, *([g.constant(np.zeros(s.runs[0].shape, np.int8))] if g.chance(0.8) else [])], **({"axis": axis} if s.rank else {}))
    else:
        w = codes(g, w, "i1", axis=axis if g.chance(0.5) else None)
    bias = [g.constant(g.numbers([out]))] if g.chance(0.5) else []
    y = g.op("Conv", [x, w, *bias]) if x.rank > 2 else g.op("Gemm", [x, w, *(bias or [g.constant(g.numbers([out]))])]) if g.chance(0.5) else g.op("MatMul", [x, w])
    for _ in range(g.int(0, 2)):
        how = g.int(0, 3)
        if how == 0 and y.rank > 2:
            y = batch_norm(g, y)
        elif how == 1:
            y = g.op("Relu", [y])
        else:
            op = g.choice(["Mul", "Add", "Div", "Sub"])
            y = g.op(op, [y, per_channel(g, y, "positive")])
    if g.chance(0.7):
        codes(g, y, "u1")


@template(0.4)
def dynamic(g):
    x = g.pick("f", rank=range(1, 4))
    q, s, z = g.op("DynamicQuantizeLinear", [x], 3)
    g.op("DequantizeLinear", [q, s, z])


# The same again


@template(2)
def again(g):
    """Nodes that are there already, once more; now and then with a detail changed."""
    def pure(n):
        return n.op_type != "Constant" and not any(a.HasField("g") for a in n.attribute) and len(n.output) == 1
    nodes = [n for n in g.scope.nodes if pure(n)]
    if not nodes:
        raise Reject
    known = {v.name: v for v in g.visible()}
    renamed = {}
    start = g.int(0, len(nodes) - 1)
    for n in nodes[start:start + g.int(1, 4)]:
        if n.domain:
            raise Reject
        inputs = [renamed.get(k, known.get(k)) if k else None for k in n.input]
        if len(inputs) == 2 and n.op_type in ("Add", "Mul", "Max") and g.chance(0.3):
            inputs.reverse()
        values = {a.name: helper.get_attribute_value(a) for a in n.attribute}
        for k, v in values.items():
            values[k] = v.decode() if isinstance(v, bytes) else v
            if g.chance(0.08):
                values[k] = 1 - v if k in ("keepdims", "transA", "transB") else axis_of(g, inputs[0]) if k == "axis" and inputs[0].is_tensor else \
                    v * 1.5 if isinstance(v, float) else values[k]
        renamed[n.output[0]] = g.op(n.op_type, inputs, **values)


# Control flow and sequences


def small(g, n=3):
    """A few steps in a body; the value that was made last."""
    from from_seed import step
    start = len(g.scope.values)
    for _ in range(g.int(1, n)):
        step(g)
    made = [v for v in g.scope.values[start:] if v.is_tensor and not v.fixed]
    if not made:
        raise Reject
    return made


@template(1.5)
def if_(g):
    if len(g.scopes) > 2:
        raise Reject
    how = g.int(0, 2)
    condition = g.constant(np.array(g.chance(0.5))) if how == 0 else g.pick("b", rank=0, new=0.3) if how == 1 else \
        g.op("Greater", [with_axes(g, "ReduceSum", g.pick("f"), [], keepdims=0), g.constant(np.array(0, g.float))])
    if condition.dtype != bool:
        raise Reject
    chosen = []
    def first(*_):
        chosen.append(g.choice(small(g)))
        return chosen[:1]
    def second(*_):
        rank = chosen[0].rank if g.chance(0.95) else g.int(0, 4)
        like = [v for v in small(g) if v.dtype == chosen[0].dtype and v.rank == rank]
        return [g.choice(like)] if like else [g.pick("f", rank=rank, where=lambda v: v.dtype == chosen[0].dtype, new=0)]
    then, _ = g.body(first)
    other, _ = g.body(second)
    branches = [then, other]
    if g.chance(0.5):
        branches.reverse()
    g.op("If", [condition], then_branch=branches[0], else_branch=branches[1])


@template(0.6)
def loop(g):
    if len(g.scopes) > 2:
        raise Reject
    state = g.pick("f", rank=range(0, 4))
    count = Value("count", [np.array(0, np.int64)] * N_RUNS)
    go = Value("go", [np.array(True)] * N_RUNS)
    def steps(i, keep, s):
        made = small(g)
        same = [v for v in made if v.dtype == s.dtype and v.shapes == s.shapes]
        out = g.choice(same) if same else g.op("Tanh", [s])
        more = keep if g.chance(0.6) else g.op("Less", [i, g.constant(np.array(g.int(0, 2), np.int64))])
        scans = [g.choice(made)] if g.chance(0.5) else []
        return [more, out, *scans]
    graph, outputs = g.body(steps, [count, go, state])
    trip = g.constant(np.array(g.int(0, 3), np.int64))
    start = g.constant(np.array(True)) if g.chance(0.7) else None
    g.op("Loop", [trip, start, state], len(outputs) - 1, body=graph)


@template(0.4)
def scan(g):
    if len(g.scopes) > 1:
        raise Reject
    xs = g.pick("f", rank=range(1, 4), where=lambda v: all(a.shape[0] for a in v.runs))
    element = Value("element", [a[0] for a in xs.runs])
    state = g.pick("f", where=lambda v: v.shapes == element.shapes and v.dtype == element.dtype)
    def steps(s, x):
        y = g.op(g.choice(["Add", "Mul", "Sub"]), [s, x])
        made = small(g, 2)
        return [g.op("Tanh", [y]), g.choice(made)]
    graph, _ = g.body(steps, [state, element])
    g.op("Scan", [state, xs], 2, body=graph, num_scan_inputs=1)


@template(0.8)
def sequence(g):
    if g.opset < 11:
        raise Reject
    x = g.pick("f", rank=range(1, 5))
    axis = g.int(0, x.rank - 1)
    if g.chance(0.6):
        sizes = [g.constant(np.array(g.int(1, 2), np.int64))] if g.chance(0.4) else []
        # Beside sizes ONNX passes keepdims over, and ONNX Runtime obeys it now and then.
        s = g.op("SplitToSequence", [x, *sizes], axis=axis, **maybe(g, 0 if sizes else 0.3, keepdims=g.int(0, 1)))
    else:
        s = g.op("SequenceConstruct", [x, *(g.pick("f", rank=x.rank) for _ in range(g.int(0, 2)))])
    if not all(a.size for r in s.runs for a in r):
        raise Reject  # ONNX Runtime joins tensors without elements whatever their sizes
    n = min(len(r) for r in s.runs)
    at = g.constant(np.array(g.int(-n, n - 1), np.int64)) if n else None
    for _ in range(g.int(1, 2)):
        how = g.int(0, 3)
        if how == 0 and at:
            g.op("SequenceAt", [s, at])
        elif how == 1:
            g.op("ConcatFromSequence", [s], axis=axis, **maybe(g, 0.1, new_axis=1))
        elif how == 2:
            g.op("SequenceLength", [s])
        elif at:
            s = g.op("SequenceInsert", [s, x, *([at] if g.chance(0.5) else [])]) if g.chance(0.5) else g.op("SequenceErase", [s, at])


@template(0.2)
def zero(g):
    """A tensor without elements."""
    x = g.input(g.float, dims=[g.choice([2, None]), 0, 3])
    g.op(g.choice(["Relu", "Neg"]), [x])
    both(g, "Add", x, number(g, x, some(g, 0, 2)))


# What does nothing, or nearly


@template(2)
def idle(g):
    x = g.pick("fffib", rank=range(1, 5))
    how = g.int(0, 9)
    axis = axis_of(g, x)
    if how == 0:
        return g.op("Transpose", [x], perm=list(range(x.rank)) if g.chance(0.8) else [*range(x.rank - 1, -1, -1)])
    if how == 1:
        return g.op("Concat", [x], axis=axis)
    if how == 2:
        return g.op("Tile", [x, ints(g, *([1] * (x.rank - 1) + [g.near(1, 0.2)]))])
    if how == 3:
        return g.op("Expand", [x, ints(g, *([g.near(1, 0.05)] * g.int(0, x.rank + 1)))])
    if how == 4 and g.opset >= 11:
        return g.op("Pad", [x, ints(g, *([0] * (2 * x.rank - 1) + [g.near(0, 0.2)]))])
    if how == 5:
        return sliced(g, x, [axis], [g.near(0, 0.2)], [2 ** 63 - 1])
    if how == 6 and x.dtype.kind in "fi":
        unit, ops = g.choice([(1, ["Mul", "Div"]), (0, ["Add", "Sub"]), (1, ["Pow"]), (0, ["Mul"])])
        shape = g.choice([(), (1,), (1,) * x.rank, (1,) * (x.rank + 1), x.sizes[-1:] if x.sizes[-1] else (3,), (2,) if x.sizes[-1] == 1 else (1,)])
        c = g.constant(np.full(shape, unit, x.dtype)) if g.chance(0.7) else filled(g, x, g.near(unit, 0.1))
        return g.op(g.choice(ops), [x, c] if g.chance(0.8) else [c, x])
    if how == 7:
        c = g.constant(np.full(g.choice([(), (1,), (1,) * x.rank, (2,) + (1,) * x.rank]), g.chance(0.5)))
        y = g.pick(x.dtype.kind, where=lambda v: v.dtype == x.dtype and all(broadcasts(a, b) for a, b in zip(v.shapes, x.shapes)))
        return g.op("Where", [c, x, y])
    if how == 8 and x.dtype.kind == "b":
        return g.op("Not", [g.op("Not", [x])])
    if x.size(axis):
        return g.op("Gather", [x, g.constant(np.arange(x.size(axis)) if g.chance(0.8) else np.arange(x.size(axis))[::-1], np.int64)], axis=axis)
    raise Reject


def filled(g, x, number):
    """torch.ones_like(x), mostly of x itself."""
    like = x if g.chance(0.7) else g.pick("f", rank=range(0, x.rank + 2))
    shape = g.op("Shape", [like])
    one = np.full(1, number, x.dtype)
    return g.op("ConstantOfShape", [shape], value=numpy_helper.from_array(one)) if g.chance(0.7) else g.op("Expand", [g.constant(one), shape])


@template(1)
def shuffled(g):
    """Reshape, Transpose, Reshape: channels shuffled, depth and space, keys of attention."""
    x = g.pick("f", rank=range(2, 5), where=lambda v: any(s and s % 2 == 0 for s in v.sizes), dims=[None, 4, None, 2], new=0.3)
    i = g.choice([k for k, s in enumerate(x.sizes) if s and s % 2 == 0])
    sizes = [s if s is not None else 0 for s in x.sizes]
    y = g.op("Reshape", [x, ints(g, *(0 if k < i and g.chance(0.3) else s for k, s in enumerate(sizes[:i])), 2, sizes[i] // 2, *([-1] if sizes[i + 1:].count(0) else []),
                         *(s for s in sizes[i + 1:] if s))])
    perm = list(range(y.rank))
    perm[i], perm[i + 1] = perm[i + 1], perm[i]
    if g.chance(0.2):
        g.random.shuffle(perm)
    z = g.op("Transpose", [y], perm=perm)
    if None in z.sizes:
        known = [s for s in z.sizes if s is not None]
        target = [-1, *known[1:]] if g.chance(0.5) else [0, -1]
    else:
        target = g.choice([sizes, [-1], [0, -1], [*z.sizes[:1], -1, *z.sizes[-1:]]])
    g.op("Reshape", [z, ints(g, *target)])


@template(0.6)
def of_microsoft(g):
    """Operators that quern may know or not: what stands around them goes on."""
    x = g.pick("f", rank=range(1, 4))
    how = g.int(0, 2)
    if how == 0:
        return g.op(g.choice(["Gelu", "QuickGelu", "FastGelu"]), [x], domain="com.microsoft")
    if how == 1 and x.sizes[-1]:
        return g.op("BiasGelu", [x, g.constant(g.numbers(x.sizes[-1:]))], domain="com.microsoft")
    k = x.sizes[-1]
    if x.rank < 2 or not k:
        raise Reject
    flip = g.chance(0.5)
    return g.op("FusedMatMul", [x, weights(g, [2, k] if flip else [k, 2])], domain="com.microsoft", alpha=g.choice([1.0, 0.5]), transB=int(flip))
