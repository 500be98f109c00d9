"""Single operators, applied to what is there. A template takes the Grower and adds nodes; weights are relative."""
import numpy as np

from grow import N_RUNS, SMALL, Reject, broadcasts, type_of

TEMPLATES = []


def template(weight=1.0):
    def add(f):
        TEMPLATES.append((weight, f))
        return f
    return add


def table(weight, **rows):
    """A template from rows of operators that are called alike: name → attributes (a function of the Grower), or None."""
    def add(f):
        def one(g):
            op = g.choice(list(rows))
            return f(g, op, rows[op](g) if rows[op] else {})
        TEMPLATES.append((weight, one))
        return f
    return add


def some(g, low, high):
    return round(float(g.random.uniform(low, high)), 2)


def maybe(g, p=0.5, **attributes):
    return {k: v for k, v in attributes.items() if g.chance(p)}


def ints(g, *values):
    return g.constant(np.array(values, np.int64))


def axis_of(g, x, low=0):
    """An axis, counted from either end."""
    if x.rank <= low:
        raise Reject
    return from_either_end(g, x.rank, g.int(low, x.rank - 1))


def from_either_end(g, rank, axis):
    return axis - rank if g.opset >= 11 and g.chance(0.25) else axis


def axes_of(g, x, most=None):
    n = g.int(1, max(1, min(most or x.rank, x.rank)))
    axes = g.random.permutation(x.rank)[:n].tolist()
    return [from_either_end(g, x.rank, a) for a in axes]


def with_axes(g, op, x, axes, **attributes):
    """An operator whose axes are an attribute in old opsets and an input in new ones."""
    if "axes" in g.schema(op).attributes:
        return g.op(op, [x], axes=axes or None, **attributes)
    return g.op(op, [x, ints(g, *axes)] if axes else [x], **attributes)


# Element by element


@table(4, Abs=None, Neg=None, Relu=None, Sigmoid=None, Tanh=None, Exp=None, Log=None, Sqrt=None, Erf=None, Softplus=None, Softsign=None, Reciprocal=None,
       Sin=None, Cos=None, Atan=None, Identity=None, Relu6=None, HardSwish=None, Mish=None, IsNaN=None, IsInf=None,
       Elu=lambda g: maybe(g, alpha=some(g, 0.1, 2)), Selu=None, Celu=lambda g: maybe(g, alpha=some(g, 0.5, 2)),
       LeakyRelu=lambda g: maybe(g, alpha=some(g, -0.1, 0.5)), ThresholdedRelu=lambda g: maybe(g, alpha=some(g, 0, 1)),
       HardSigmoid=lambda g: maybe(g, alpha=g.choice([1 / 6, 0.2, 0.25]), beta=g.choice([0.5, 0.4])), Gelu=lambda g: maybe(g, approximate=g.choice(["tanh", "none"])))
def unary(g, op, attributes):
    x = g.pick("f")
    if op == "Relu6":
        return clip(g, x, 0.0, 6.0)
    return g.op(op, [x], **attributes)


@table(0.6, Abs=None, Neg=None, Sign=None, Identity=None)
def unary_integer(g, op, attributes):
    g.op(op, [g.pick("i")], **attributes)


@table(0.4, Floor=None, Ceil=None, Round=None, Sign=None)
def steps(g, op, attributes):
    g.op(op, [g.pick("f")], **attributes)


def clip(g, x, low, high):
    if g.opset < 11:
        return g.op("Clip", [x], min=low, max=high)
    bounds = [None if b is None else g.constant(np.array(b, x.dtype)) for b in (low, high)]
    return g.op("Clip", [x, *bounds])


@template(1.5)
def clips(g):
    x = g.pick("f")
    how = g.int(0, 3)
    if how == 0:
        return clip(g, x, g.choice([None, 0.0, -1.0, 0.25]), g.choice([None, 6.0, 1.0, 0.5, -0.5]))
    if how == 1 and g.opset >= 12:
        return clip(g, g.pick("i"), g.choice([None, 0, -1]), g.choice([None, 6, 3]))
    bound = g.constant(g.numbers(g.choice([(), (1,), (1, 1)]), x.dtype))
    return g.op(g.choice(["Min", "Max"]), [x, bound] if g.chance(0.6) else [bound, x])


@table(6, Add=None, Sub=None, Mul=None, Div=None)
def binary(g, op, attributes):
    x = g.pick("ffffi")
    y = g.operand(x)
    g.op(op, [x, y] if g.chance(0.6) else [y, x], **attributes)


@table(1, Max=None, Min=None, Sum=None, Mean=None)
def variadic(g, op, attributes):
    x = g.pick("f")
    g.op(op, [x, *(g.operand(x) for _ in range(g.int(0, 2)))], **attributes)


@table(1, Pow=None, PRelu=None, Mod=None, BitwiseAnd=None)
def less_common(g, op, attributes):
    x = g.pick("i" if op in ("Mod", "BitwiseAnd") else "f")
    if op == "Pow":
        return g.op(op, [x, g.constant(np.array(g.choice([2.0, 3.0, 0.5, 1.0, 0.0, -1.0]), x.dtype))])
    g.op(op, [x, g.aligned(x)], **attributes)


@table(1.5, Greater=None, Less=None, Equal=None, GreaterOrEqual=None, LessOrEqual=None)
def compare(g, op, attributes):
    x = g.pick("fi")
    g.op(op, [x, g.operand(x)], **attributes)


@table(0.8, And=None, Or=None, Xor=None, Not=None)
def logic(g, op, attributes):
    x = g.pick("b")
    g.op(op, [x] if op == "Not" else [x, g.operand(x)])


@template(1.2)
def where(g):
    c = g.pick("b")
    x = g.pick("fi", where=lambda v: all(broadcasts(a, b) for a, b in zip(v.shapes, c.shapes)))
    y = g.operand(x)
    g.op("Where", [c, x, y] if g.chance(0.5) else [c, y, x])


def limits(dtype):
    info = np.iinfo(np.dtype(dtype))
    return info.min, info.max


@template(1.5)
def cast(g):
    x = g.pick("fib")
    to = g.choice(["f4", "f4", "f8", "i8", "i4", "b1", "u1", "i1", "f2"])
    if x.dtype.kind == "f" and np.dtype(to).kind in "iu" and not g.chance(0.2):
        raise Reject
    if np.dtype(to).kind in "iu" and not all((a >= limits(to)[0]).all() and (a <= limits(to)[1]).all() for a in x.runs):
        raise Reject  # what becomes of numbers out of range is up to the machine
    y = g.op("Cast", [x], to=type_of(to))
    if g.chance(0.5):
        g.op("Cast", [y], to=type_of(g.choice([x.dtype, x.dtype, to, "f4"])) if to != "f2" or x.dtype.kind == "f" else 1)
    elif g.chance(0.2):
        g.op("CastLike", [y, g.pick("fi")])


@template(0.6)
def dropout(g):
    x = g.pick("f")
    inputs, attributes = [x], {"ratio": some(g, 0, 0.9)} if g.opset < 12 else {}
    if g.opset >= 12 and g.chance(0.7):
        inputs += [g.constant(np.array(some(g, 0, 0.9), np.float32))] + [g.constant(np.array(False))] * g.int(0, 1)
    g.op("Dropout", inputs, g.int(1, 2) if g.opset >= 12 else 1, **attributes)  # before, each runtime has a mask of its own


# Reductions and orders


@table(2.5, ReduceSum=None, ReduceMean=None, ReduceMax=None, ReduceMin=None, ReduceProd=None, ReduceL2=None, ReduceL1=None, ReduceSumSquare=None,
       ReduceLogSumExp=None, ReduceLogSum=None)
def reduce(g, op, attributes):
    x = g.pick("fffi" if op not in ("ReduceLogSum", "ReduceLogSumExp", "ReduceL2") else "f", rank=range(1, 6))
    axes = axes_of(g, x) if g.chance(0.8) else []
    noop = {"noop_with_empty_axes": 1} if "noop_with_empty_axes" in g.schema(op).attributes and not axes and g.chance(0.5) else {}
    with_axes(g, op, x, axes, **maybe(g, 0.7, keepdims=g.int(0, 1)), **noop)


@table(0.7, ArgMax=None, ArgMin=None)
def arg(g, op, attributes):
    x = g.pick("f", rank=range(1, 5))
    last = {"select_last_index": 1} if g.opset >= 12 and g.chance(0.2) else {}
    g.op(op, [x], axis=axis_of(g, x), keepdims=g.int(0, 1), **last)


@template(0.6)
def top_k(g):
    x = g.pick("f", rank=range(1, 5))
    axis = axis_of(g, x)
    k = g.int(1, max(1, min(a.shape[axis] for a in x.runs)))
    if g.opset < 10:
        return g.op("TopK", [x], 2, axis=axis, k=k)
    largest = {"largest": g.int(0, 1)} if g.opset >= 11 else {}
    return g.op("TopK", [x, ints(g, k)], 2, axis=axis, **largest)


@template(0.5)
def cumsum(g):
    x = g.pick("fi", rank=range(1, 5))
    g.op("CumSum", [x, g.constant(np.array(axis_of(g, x), np.int64))], **maybe(g, 0.3, exclusive=1, reverse=1))


@table(1.5, Softmax=None, LogSoftmax=None, Hardmax=None)
def softmax(g, op, attributes):
    x = g.pick("f", rank=range(1, 5))
    g.op(op, [x], **maybe(g, 0.8, axis=axis_of(g, x)))


# Moving data


@template(2.5)
def transpose(g):
    x = g.pick("fib" if g.chance(0.2) else "f", rank=range(1, 6))
    perm = g.random.permutation(x.rank).tolist()
    y = g.op("Transpose", [x], **maybe(g, 0.9, perm=perm))
    if g.chance(0.25):
        back = np.argsort(perm).tolist() if g.chance(0.6) else g.random.permutation(x.rank).tolist()
        z = g.op(g.choice(["Relu", "Neg", "Sigmoid"]), [y]) if x.dtype.kind == "f" and g.chance(0.4) else y
        g.op("Transpose", [z], perm=back)


def reshape_target(g, x):
    """Sizes for Reshape, with 0 and -1, that fit in all runs."""
    sizes = x.sizes
    how = g.int(0, 4)
    if how == 0:
        return [-1]
    if how == 1 and x.rank > 1:  # join two neighbours
        i = g.int(0, x.rank - 2)
        joined = sizes[i] * sizes[i + 1] if sizes[i] is not None and sizes[i + 1] is not None else -1
        return [0] * i + [joined if g.chance(0.7) else -1] + [s if s is not None else -1 for s in sizes[i + 2:]]
    if how == 2 and x.rank:  # split one
        i = g.int(0, x.rank - 1)
        if not sizes[i] or sizes[i] % 2:
            raise Reject
        return [0] * i + g.choice([[2, sizes[i] // 2], [sizes[i] // 2, 2], [2, -1]]) + [s if s is not None else -1 for s in sizes[i + 1:]]
    if how == 3:
        i = g.int(0, x.rank)
        return [0] * i + [1] + [s if s is not None else -1 for s in sizes[i:]]
    known = [s for s in sizes if s is not None]
    g.random.shuffle(known)
    return known if len(known) == x.rank else g.choice([[-1, *known], [*known, -1]])


@template(3)
def reshape(g):
    x = g.pick("fffib", rank=range(0, 6))
    allow = {"allowzero": 1} if g.opset >= 14 and g.chance(0.1) else {}
    y = g.op("Reshape", [x, ints(g, *reshape_target(g, x))], **allow)
    if g.chance(0.25):
        g.op("Reshape", [y, ints(g, *reshape_target(g, y))])


@template(0.6)
def flatten(g):
    x = g.pick("f", rank=range(1, 6))
    g.op("Flatten", [x], **maybe(g, 0.8, axis=g.int(0, x.rank)))


@template(1.5)
def squeeze(g):
    x = g.pick("fi", rank=range(1, 6), where=lambda v: 1 in v.sizes)
    ones = [i for i, s in enumerate(x.sizes) if s == 1]
    axes = [g.choice(ones)] if g.chance(0.7) else ones
    with_axes(g, "Squeeze", x, [from_either_end(g, x.rank, a) for a in axes])


@template(1.5)
def unsqueeze(g):
    x = g.pick("fib", rank=range(0, 4))
    n = g.int(1, 2)
    axes = g.random.permutation(x.rank + n)[:n].tolist()
    with_axes(g, "Unsqueeze", x, [from_either_end(g, x.rank + n, a) for a in axes])


@template(1.5)
def expand(g):
    x = g.pick("fib", rank=range(0, 4))
    shape = [int(g.choice(SMALL)) if s == 1 and g.chance(0.7) else s if s is not None and g.chance(0.5) else 1 for s in x.sizes]
    y = g.op("Expand", [x, ints(g, *([int(g.choice(SMALL))] if g.chance(0.2) else []), *shape)])
    if g.chance(0.5) and y.dtype.kind in "fi":
        g.op(g.choice(["Add", "Mul", "Sub"]), [y, g.operand(y)])


def sliced(g, x, axes, starts, ends, steps=None):
    if g.opset < 10:
        if steps and any(s != 1 for s in steps):
            raise Reject
        return g.op("Slice", [x], axes=axes, starts=starts, ends=ends)
    return g.op("Slice", [x, ints(g, *starts), ints(g, *ends), ints(g, *axes), *([ints(g, *steps)] if steps else [])])


@template(2)
def slice_(g):
    x = g.pick("fffib", rank=range(1, 6))
    axes = axes_of(g, x, 2)
    if g.chance(0.2):  # backwards
        return sliced(g, x, axes, [g.choice([-1, 7]) for _ in axes], [g.choice([-2 ** 63 + 1, -9, 0]) for _ in axes], [g.choice([-1, -2]) for _ in axes])
    steps_ = [g.choice([1, 1, 2]) for _ in axes] if g.chance(0.4) else None
    y = sliced(g, x, axes, [g.choice([0, 0, 1, -1, -2]) for _ in axes], [g.choice([2 ** 63 - 1, 2 ** 31 - 1, 1, 2, 3, -1]) for _ in axes], steps_)
    if g.chance(0.2) and y.rank:
        sliced(g, y, axes if g.chance(0.4) else axes_of(g, y, 2)[:1] * len(axes[:1]), [g.choice([0, 1])] * len(axes[:1]), [g.choice([2 ** 63 - 1, 2])] * len(axes[:1]))


@template(0.8)
def parts(g):
    """A tensor cut up, in all its parts or nearly."""
    x = g.pick("f", rank=range(1, 5), where=lambda v: any(s and s > 1 for s in v.sizes))
    axis = g.choice([i for i, s in enumerate(x.sizes) if s and s > 1])
    size = x.size(axis)
    cuts = sorted({0, size, *(g.int(1, size - 1) for _ in range(g.int(1, 2)))})
    pieces = [sliced(g, x, [from_either_end(g, x.rank, axis)], [g.near(a)], [g.near(b, 0.03) if b < size or g.chance(0.5) else 2 ** 63 - 1])
              for a, b in zip(cuts, cuts[1:])]
    if g.chance(0.5):
        g.random.shuffle(pieces)
        g.op("Concat", pieces, axis=axis)


@template(2)
def concat(g):
    x = g.pick("fffi", rank=range(1, 5))
    axis = axis_of(g, x)
    def fits(v):
        return v.dtype == x.dtype and all(np.array_equal(np.delete(a, axis), np.delete(b, axis)) for a, b in zip(v.shapes, x.shapes))
    others = [g.pick(x.dtype.kind, rank=x.rank, where=fits, new=0) for _ in range(g.int(0, 2))]
    parts_ = [x, *others]
    g.random.shuffle(parts_)
    y = g.op("Concat", parts_, axis=axis)
    if g.chance(0.2):
        g.op("Concat", [y, x] if g.chance(0.5) else [x, y], axis=axis if g.chance(0.7) else axis_of(g, y))


@template(1.5)
def split(g):
    x = g.pick("fffi", rank=range(1, 5), where=lambda v: any(s and s > 1 for s in v.sizes))
    axis = g.choice([i for i, s in enumerate(x.sizes) if s and s > 1])
    size = x.size(axis)
    first = g.int(0 if g.chance(0.05) else 1, size - 1)
    lengths = [first, size - first]
    signed = from_either_end(g, x.rank, axis)
    if g.opset < 13:
        outputs = g.op("Split", [x], 2, axis=signed, split=lengths)
    elif g.opset >= 18 and g.chance(0.4):
        n = g.int(1, min(3, size))
        outputs = g.op("Split", [x], n, axis=signed, num_outputs=n)
    else:
        outputs = g.op("Split", [x, ints(g, *lengths)], 2, axis=signed)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    if g.chance(0.4):
        if g.chance(0.2):
            outputs.reverse()
        g.op("Concat", outputs, axis=axis if g.chance(0.9) else g.int(0, x.rank - 1))


@template(1.2)
def pad(g):
    x = g.pick("f", rank=range(1, 5))
    pads = [g.choice([0, 0, 1, 2, 0 if x.rank < 4 else -1]) for _ in range(2 * x.rank)]
    mode = g.choice(["constant", "constant", "edge", "reflect"])
    if g.opset < 11:
        return g.op("Pad", [x], pads=pads, mode=mode, **maybe(g, value=some(g, -1, 1)))
    value = [g.constant(g.numbers((), x.dtype))] if mode == "constant" and g.chance(0.5) else []
    return g.op("Pad", [x, ints(g, *pads), *value], mode=mode)


@template(1.5)
def gather(g):
    x = g.pick("fffi", rank=range(1, 5))
    axis = axis_of(g, x)
    least = min(a.shape[axis] for a in x.runs)
    if not least:
        raise Reject
    shape = g.choice([(), (1,), (2,), (3,), (2, 2)])
    index = g.random.integers(-least, least, shape)
    if g.chance(0.2):
        index = np.arange(least)
    g.op("Gather", [x, g.constant(index, g.choice(["i8", "i8", "i4"]))], axis=axis)


@template(0.5)
def gather_elements(g):
    x = g.pick("f", rank=range(1, 4), where=lambda v: None not in v.sizes and all(v.sizes))
    axis = axis_of(g, x)
    index = g.constant(g.random.integers(0, x.size(axis), x.sizes), "i8")
    if g.chance(0.5):
        return g.op("GatherElements", [x, index], axis=axis)
    updates = g.pick("f", rank=x.rank, where=lambda v: v.dtype == x.dtype and v.shapes == x.shapes, new=0)
    return g.op("ScatterElements", [x, index, updates], axis=axis) if len(set(index.runs[0].ravel().tolist())) == index.runs[0].size else None


@template(0.6)
def gather_nd(g):
    x = g.pick("f", rank=range(1, 4), where=lambda v: None not in v.sizes and all(v.sizes))
    k = g.int(1, x.rank)
    rows = np.stack(np.meshgrid(*[np.arange(s) for s in x.sizes[:k]], indexing="ij"), -1).reshape(-1, k)
    if g.chance(0.5):
        rows = rows[g.random.permutation(len(rows))[:g.int(1, len(rows))]]
    index = g.constant(rows, "i8")
    if g.chance(0.5):
        return g.op("GatherND", [x, index])
    updates = g.constant(g.numbers([len(rows), *x.sizes[k:]], x.dtype))
    return g.op("ScatterND", [x, index, updates])


@template(0.6)
def tile(g):
    x = g.pick("fi", rank=range(1, 4))
    g.op("Tile", [x, ints(g, *(g.choice([1, 1, 2, 3]) for _ in range(x.rank)))])


@table(0.4, DepthToSpace=lambda g: {"blocksize": 2, **maybe(g, mode=g.choice(["DCR", "CRD"]) if g.opset >= 11 else None)}, SpaceToDepth=lambda g: {"blocksize": 2})
def depth(g, op, attributes):
    x = g.pick("f", rank=4, new=0.5)
    g.op(op, [x], **attributes)


@table(0.5, Trilu=lambda g: maybe(g, upper=g.int(0, 1)), NonZero=None, Size=None, EyeLike=lambda g: maybe(g, k=1))
def shapes_of_numbers(g, op, attributes):
    x = g.pick("f", rank=2 if op == "EyeLike" else range(2, 5) if op == "Trilu" else range(op == "NonZero", 4))
    g.op(op, [x], **attributes)  # of a scalar ONNX Runtime's NonZero has a row more than ONNX's


@template(0.4)
def one_hot(g):
    x = g.pick("i", rank=range(0, 3))
    g.op("OneHot", [x, g.constant(np.array(g.int(1, 5), np.int64)), g.constant(np.array([0, 1], g.float))], axis=g.choice([-1, 0]))


# Convolutions, products, norms


def image(g, spatial=None):
    spatial = spatial or g.choice([2, 2, 2, 1])
    return g.pick("f", rank=spatial + 2, where=lambda v: bool(v.size(1)), new=0.4,
                  dims=[g.choice([1, 2, None]), int(g.choice([1, 2, 3, 4, 6])), *[int(g.choice([4, 5, 6, 8])) if g.chance(0.7) else None for _ in range(spatial)]])


def windows(g, spatial, kernel, transposed=False):
    attributes = maybe(g, 0.4, strides=[g.int(1, 2) for _ in range(spatial)], dilations=[g.int(1, 2) for _ in range(spatial)])
    if g.chance(0.15):
        attributes["auto_pad"] = g.choice(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
        if attributes["auto_pad"][0] == "S":  # where ONNX Runtime leaves what is written
            attributes = {"auto_pad": attributes["auto_pad"], **maybe(g, 0.5, strides=[g.int(1, k if transposed else 2) for k in kernel])}
    elif g.chance(0.6):
        attributes["pads"] = [g.int(0, min(1, kernel[i % spatial] - 1)) for i in range(2 * spatial)]
    return attributes


def conv(g, x, transposed=False, bias=None):
    spatial = x.rank - 2
    channels = x.size(1)
    if not channels:
        raise Reject
    groups = [k for k in range(1, channels + 1) if channels % k == 0]
    group = g.choice(groups) if g.chance(0.4) else 1
    kernel = [g.choice([1, 1, 2, 3]) for _ in range(spatial)]
    out = group * g.choice([1, 1, 2, 3])
    shape = [channels, out // group, *kernel] if transposed else [out, channels // group, *kernel]
    w = weights(g, shape)
    b = [weights(g, [out])] if (g.chance(0.5) if bias is None else bias) else []
    attributes = windows(g, spatial, kernel, transposed)
    attributes |= maybe(g, 0.7, kernel_shape=kernel) | ({"group": group} if group > 1 or g.chance(0.3) else {})
    if transposed and g.chance(0.2):
        attributes["output_padding"] = [0] * spatial
    return g.op("ConvTranspose" if transposed else "Conv", [x, w, *b], **attributes)


def weights(g, shape):
    """Weights: mostly plain ones, some computed, some given."""
    if g.chance(0.03):
        return g.input(g.float, dims=list(shape))
    w = g.numbers(shape, g.float) * np.dtype(g.float).type(0.7)
    if g.chance(0.06):
        w.reshape(-1)[::2] = 0
    w = g.constant(w, g.float)
    if g.chance(0.05):
        flipped = g.constant(np.transpose(w.runs[0]))
        return g.op("Transpose", [flipped])
    return w


@template(3)
def convolution(g):
    y = conv(g, image(g), transposed=g.chance(0.25))
    if g.chance(0.3):
        g.op(g.choice(["Relu", "Sigmoid", "LeakyRelu"]), [y])


@table(1.5, MaxPool=None, AveragePool=None, GlobalAveragePool=None, GlobalMaxPool=None, LpPool=None)
def pool(g, op, attributes):
    x = image(g)
    if op.startswith("Global"):
        return g.op(op, [x])
    kernel = [g.int(1, 3) for _ in range(x.rank - 2)]
    attributes = windows(g, x.rank - 2, kernel)
    if op == "AveragePool" and g.chance(0.5):
        attributes["count_include_pad"] = g.int(0, 1)
    if op == "AveragePool" and g.opset < 19 or op == "LpPool":
        attributes.pop("dilations", 0)
    if g.opset >= (10 if op != "LpPool" else 18) and g.chance(0.3):
        attributes["ceil_mode"] = 1
    return g.op(op, [x], kernel_shape=kernel, **attributes)


def gemm(g, x=None):
    x = x or g.pick("f", rank=2, where=lambda v: bool(v.size(1)), new=0.3)
    k = x.size(1)
    if not k:
        raise Reject
    n, trans_b = int(g.choice([1, 2, 3, 4, k])), g.chance(0.5)
    trans_a = g.chance(0.2)
    a = g.op("Transpose", [x], perm=[1, 0]) if trans_a else x
    w = weights(g, [n, k] if trans_b else [k, n])
    shape = g.choice([[n], [n], [1, n], [1], [], [1, 1]])
    c = [weights(g, shape)] if g.opset < 11 or g.chance(0.8) else []
    if x.size(0) and g.chance(0.2):
        c = [g.constant(g.numbers([x.size(0), g.choice([1, n])]))]
    scale = {"alpha": g.choice([2.0, 0.5, 1.0, 0.0])} if g.chance(0.2) else {}
    shift = {"beta": g.choice([2.0, 0.5, 1.0, 0.0])} if g.chance(0.2) else {}
    return g.op("Gemm", [a, w, *c], **scale, **shift, **({"transA": 1} if trans_a else {}), **({"transB": 1} if trans_b else maybe(g, 0.2, transB=0)))


TEMPLATES.append((2, gemm))


def matmul(g, x=None):
    x = x or g.pick("f", rank=range(1, 5), where=lambda v: bool(v.size(-1)))
    k = x.size(-1)
    if not k:
        raise Reject
    shape = g.choice([[k, k], [k, 3], [k, 1], [k, 2], [k]])
    if x.rank > 2 and g.chance(0.1):
        shape = [1 if s is None or g.chance(0.5) else s for s in x.sizes[:-2]] + shape[:1] + [2]
    return g.op("MatMul", [x, weights(g, shape)])


TEMPLATES.append((2, matmul))


@template(0.8)
def product(g):
    x = g.pick("f", rank=range(2, 5))
    y = g.pick("f", rank=range(2, 5), where=lambda v: all(a[-2] == b[-1] and broadcasts(a[:-2], b[:-2]) for a, b in zip(v.shapes, x.shapes)))
    g.op("MatMul", [x, y])


EQUATIONS = ["ij,jk->ik", "bij,bjk->bik", "bij,jk->bik", "bij,bkj->bik", "i,j->ij", "ij->ji", "ij,ij->ij", "bhid,bhjd->bhij", "bij->bi", "ii->i", "ij,j->i",
             "bij,bij->b", "...ij,...jk->...ik", "ij,kj", "abc,cd->abd", "abc,abd->cd", "bhij,bhjd->bhid", "bhij,bhjd->bihd", "ij->", "ij,jk,kl->il"]
DEADLY = ["bij,bkj", "bhid,bhjd", "ij,kj"]  # ONNX Runtime divides by a size of 0 that both have where the second operand is turned


@template(0.8)
def einsum(g):
    equation = g.choice(EQUATIONS)
    sizes, operands = {}, []
    for term in equation.split("->")[0].split(","):
        letters = term.replace("...", "")
        def fits(v):
            mine = {}
            return all(mine.setdefault(c, tuple(a.shape[i] for a in v.runs)) == sizes.get(c, mine[c]) == tuple(a.shape[i] for a in v.runs) for i, c in enumerate(letters))
        if all(c not in sizes or len(set(sizes[c])) == 1 for c in letters) and g.chance(0.4):
            for c in letters:
                sizes.setdefault(c, (int(g.choice(SMALL)),) * N_RUNS)
            v = g.constant(g.numbers([sizes[c][0] for c in letters]))
        else:
            v = g.pick("f", rank=len(letters), where=fits, new=0.1)
        for i, c in enumerate(letters):
            sizes[c] = tuple(a.shape[i] for a in v.runs)
        operands.append(v)
    terms = equation.split("->")[0]
    if terms in DEADLY and any(0 in sizes[c] for c in set.intersection(*map(set, terms.split(",")))):
        raise Reject  # tests/conformance/truth.py asks quern for these
    if g.chance(0.2):
        equation = equation.replace(",", " , ").replace("i", "Z")
    g.op("Einsum", operands, equation=equation)


def batch_norm(g, x):
    c = x.size(1) if x.rank > 1 else None
    if not c:
        raise Reject
    params = [g.constant(g.numbers([c], kind=k)) for k in (None, None, None, "positive")]
    return g.op("BatchNormalization", [x, *params], **maybe(g, 0.6, epsilon=g.choice([1e-5, 1e-3, 0.1]), momentum=0.9))


@table(1.5, BatchNormalization=None, InstanceNormalization=None, LRN=None, LayerNormalization=None, GroupNormalization=None, RMSNormalization=None,
       LpNormalization=None)
def norm(g, op, attributes):
    x = g.pick("f", rank=[2, 3, 4], where=lambda v: bool(v.size(1)) and all(a.size for a in v.runs), new=0.2)
    c = x.size(1)
    if op == "BatchNormalization":
        return batch_norm(g, x)
    if op in ("LayerNormalization", "RMSNormalization"):
        axis = g.int(1, x.rank - 1)
        shape = x.sizes[axis:]
        if None in shape:
            raise Reject
        bias = [g.constant(g.numbers(shape))] if op[0] == "L" and g.chance(0.7) else []
        return g.op(op, [x, g.constant(g.numbers(shape)), *bias], axis=from_either_end(g, x.rank, axis), **maybe(g, epsilon=1e-3))
    if op in ("InstanceNormalization", "GroupNormalization"):
        if g.opset < 21 and op[0] == "G":
            raise Reject
        group = {"num_groups": g.choice([k for k in range(1, c + 1) if c % k == 0])} if op[0] == "G" else {}
        return g.op(op, [x, g.constant(g.numbers([c])), g.constant(g.numbers([c]))], **maybe(g, epsilon=1e-3), **group)
    if op == "LRN":
        return g.op(op, [x], size=g.choice([1, 3]), **maybe(g, alpha=0.1, beta=0.5))
    return g.op(op, [x], **maybe(g, axis=g.int(0, x.rank - 1), p=g.int(1, 2)))


@template(0.8)
def resize(g):
    x = image(g, 2)
    scales = [1.0, 1.0, g.choice([1.0, 2.0, 0.5]), g.choice([1.0, 2.0, 1.5])]
    mode = g.choice(["nearest", "linear"])
    s = g.constant(np.array(scales, np.float32), plain=True)
    if g.opset < 10:
        return g.op("Upsample", [x, s], mode=mode)
    if g.opset == 10:
        return g.op("Resize", [x, s], mode=mode)
    roi = g.constant(np.zeros(0, np.float32), plain=True) if g.opset < 13 else None
    modes = ["half_pixel", "asymmetric", "pytorch_half_pixel"] + ["align_corners"] * all(k in (1, 2) for k in scales)
    how = maybe(g, coordinate_transformation_mode=g.choice(modes))
    return g.op("Resize", [x, roi, s], mode=mode, **how, **({"nearest_mode": g.choice(["floor", "round_prefer_floor"])} if mode == "nearest" else {}))


@table(0.5, LSTM=None, GRU=None, RNN=None)
def recurrent(g, op, attributes):
    x = g.pick("f", rank=3, where=lambda v: bool(v.size(2)) and v.size(1) is not None and all(a.size for a in v.runs), new=0.3)
    gates, hidden = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], g.int(1, 3)
    directions = g.int(1, 2)
    w = [g.constant(g.numbers([directions, gates * hidden, n])) for n in (x.size(2), hidden)]
    b = g.constant(g.numbers([directions, 2 * gates * hidden])) if g.chance(0.6) else None
    state = [g.constant(np.zeros([directions, x.size(1), hidden], x.dtype) if g.chance(0.7) else g.numbers([directions, x.size(1), hidden]))
             for _ in range(2 if op == "LSTM" else 1)] if g.chance(0.6) else []
    way = {"direction": "bidirectional"} if directions == 2 else maybe(g, 0.3, direction="reverse")
    g.op(op, [x, *w, b, *([None, *state] if state else [])], 2, hidden_size=hidden, **way)




# Attention and what else the newest opsets have in one node


@template(0.5)
def attention(g):
    if g.opset < 23:
        raise Reject
    x = g.pick("f", rank=4, where=lambda v: all(a.size for a in v.runs), new=0.3)
    k = g.op("Transpose", [x], perm=[0, 1, 2, 3]) if g.chance(0.2) else x
    mask = None
    if g.chance(0.4) and x.size(2):
        n = x.size(2)
        mask = g.constant(np.tril(np.ones((n, n), bool)) if g.chance(0.5) else g.numbers([n, n]))
    g.op("Attention", [x, k, x, mask], is_causal=g.int(0, 1), **maybe(g, 0.3, softcap=some(g, 1, 5)), **maybe(g, 0.3, scale=some(g, 0.1, 1)))


@template(0.4)
def rotary(g):
    x = g.pick("f", rank=4, where=lambda v: all(v.size(i) for i in (0, 2, 3)) and v.size(3) % 2 == 0, new=0.3)
    if g.opset < 23:
        raise Reject
    caches = [g.constant(g.numbers([x.size(0), x.size(2), x.size(3) // 2])) for _ in range(2)]
    g.op("RotaryEmbedding", [x, *caches], **maybe(g, interleaved=g.int(0, 1)))


@table(0.5, Shrink=lambda g: maybe(g, bias=some(g, 0, 1), lambd=some(g, 0.1, 1)), Unique=lambda g: maybe(g, sorted=g.int(0, 1)),
       Compress=None, ReverseSequence=None)
def rarer(g, op, attributes):
    if op == "Compress":
        x = g.pick("fi", rank=range(1, 4))
        return g.op(op, [x, g.constant(g.random.random(g.int(1, 3)) < 0.7)], axis=axis_of(g, x))
    if op == "ReverseSequence":
        x = g.pick("f", rank=range(2, 5), where=lambda v: bool(v.size(0) and v.size(1)))
        return g.op(op, [x, ints(g, *[g.int(1, x.size(0)) for _ in range(x.size(1))])])
    g.op(op, [g.pick("f" if op == "Shrink" else "i", rank=range(0, 4))], **attributes)
