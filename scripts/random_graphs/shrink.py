"""A smaller model that still shows a fault: each change that keeps the kind of fault stays."""
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

from grow import captured, typed
from judge import Fault, values
from model_sets import CRASH, DONE, isolated


def copy_of(model):
    return onnx.ModelProto.FromString(model.SerializeToString())


def tidy(model, feeds):
    """Drop what nothing reads: nodes, initializers, inputs."""
    g = model.graph
    wanted = {o.name for o in g.output}
    kept = []
    for node in reversed(g.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
            wanted.update(n for a in node.attribute if a.HasField("g") for n in captured(a.g))
    kept = [onnx.NodeProto.FromString(n.SerializeToString()) for n in reversed(kept)]
    del g.node[:]
    g.node.extend(kept)
    for field in (g.initializer, g.input):
        for x in [x for x in field if x.name not in wanted]:
            field.remove(x)
    names = {v.name for v in g.input} - {t.name for t in g.initializer}
    return model, [{k: v for k, v in f.items() if k in names} for f in feeds]


def candidates(model, feeds):
    """Models that are smaller by one thing, the greatest things first; each with its feeds."""
    if len(feeds) > 1:
        for f in feeds:
            yield copy_of(model), [f]
    for k in range(len(model.graph.output)):
        if len(model.graph.output) > 1:
            m = copy_of(model)
            del m.graph.output[k]
            yield m, feeds
    try:
        known = [values(model, f) for f in feeds]
    except Exception:
        known = []
    if known:
        yield from cut(model, feeds, known)
        yield from bypass(model, feeds, known)
    yield from simpler(model, feeds)
    yield from simpler_inputs(model, feeds)


def cut(model, feeds, known):
    """Ends at a node's output, or begins there."""
    for node in model.graph.node:
        outputs = [n for n in node.output if n and isinstance(known[0][n], np.ndarray)]
        if outputs and not {o.name for o in model.graph.output} <= set(outputs):
            m = copy_of(model)
            del m.graph.output[:]
            m.graph.output.extend(typed(n, known[0][n], [None] * known[0][n].ndim) for n in outputs)
            yield m, feeds
    for i, node in reversed(list(enumerate(model.graph.node))):
        outputs = [n for n in node.output if n]
        if not all(isinstance(known[0][n], np.ndarray) for n in outputs) or set(outputs) & {o.name for o in model.graph.output}:
            continue
        m = copy_of(model)
        del m.graph.node[i]
        if node.op_type == "Constant":
            m.graph.initializer.extend(numpy_helper.from_array(known[0][n], n) for n in outputs)
        else:
            m.graph.input.extend(typed(n, known[0][n], [d if all(k[n].shape[a] == d for k in known) else None for a, d in enumerate(known[0][n].shape)]) for n in outputs)
        yield m, [f | {n: k[n] for n in outputs} for f, k in zip(feeds, known)]


def bypass(model, feeds, known):
    """Without a node: its input in the place of its output."""
    for i, node in reversed(list(enumerate(model.graph.node))):
        for name in dict.fromkeys(node.input):
            if name and all(name in k and isinstance(k[name], np.ndarray) and getattr(k[node.output[0]], "dtype", None) == k[name].dtype for k in known):
                m = copy_of(model)
                del m.graph.node[i]
                for n in m.graph.node:
                    n.input[:] = [name if x == node.output[0] else x for x in n.input]
                yield m, feeds


def bodies(graph):
    yield graph
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("g"):
                yield from bodies(a.g)


def simpler(model, feeds):
    """Without an attribute, an optional input, a node of a body; plainer names and spellings."""
    for b in range(len(list(bodies(model.graph)))):
        def body(m):
            return list(bodies(m.graph))[b]
        for i, node in enumerate(body(model).node):
            for a in node.attribute:
                m = copy_of(model)
                n = body(m).node[i]
                n.attribute.remove(next(x for x in n.attribute if x.name == a.name))
                yield m, feeds
            if len(node.input) > 1:
                m = copy_of(model)
                body(m).node[i].input.pop()
                yield m, feeds
            if b and node.input:
                for name in dict.fromkeys(node.input):
                    m = copy_of(model)
                    g = body(m)
                    del g.node[i]
                    for n in g.node:
                        n.input[:] = [name if x == node.output[0] else x for x in n.input]
                    for o in g.output:
                        o.name = name if o.name == node.output[0] else o.name
                    yield m, feeds


def simpler_inputs(model, feeds):
    """Inputs as constants, sizes of one, rounder numbers."""
    overridable = {t.name for t in model.graph.initializer}
    for i, v in enumerate(model.graph.input):
        m = copy_of(model)
        if v.name in overridable:
            del m.graph.input[i]
            yield m, feeds
            continue
        if len(feeds) == 1:
            del m.graph.input[i]
            m.graph.initializer.append(numpy_helper.from_array(feeds[0][v.name], v.name))
            yield m, feeds
        for axis, d in enumerate(v.type.tensor_type.shape.dim):
            sizes = {f[v.name].shape[axis] for f in feeds}
            if max(sizes) > 1:
                m = copy_of(model)
                m.graph.input[i].type.tensor_type.shape.dim[axis].dim_value = 1
                yield m, [f | {v.name: np.take(f[v.name], [0], axis)} for f in feeds]
            if not d.HasField("dim_value") and len(sizes) == 1:
                m = copy_of(model)
                m.graph.input[i].type.tensor_type.shape.dim[axis].dim_value = sizes.pop()
                yield m, feeds
        if any((np.round(f[v.name]) != f[v.name]).any() for f in feeds if f[v.name].dtype.kind == "f"):
            yield copy_of(model), [f | {v.name: np.round(f[v.name])} for f in feeds]
    for k, t in enumerate(model.graph.initializer):
        a = numpy_helper.to_array(t)
        if a.dtype.kind != "f":
            continue
        for b in (np.ones_like(a), np.round(a), np.round(a, 2)):
            if not np.array_equal(a, b):
                m = copy_of(model)
                m.graph.initializer[k].CopyFrom(numpy_helper.from_array(b, t.name))
                yield m, feeds


def shrink(judge, model, feeds):
    """The smallest model found on which judge(model, feeds, folder) raises a Fault of the same kind, its feeds, the fault."""
    def kind_and_text(case):
        with tempfile.TemporaryDirectory() as folder:
            try:
                judge(*case, folder)
            except Fault as e:
                return e.kind, str(e)
        return None

    def fault(m, f):
        """What is wrong; None where nothing is, or where the judge cannot say."""
        word, what = isolated(kind_and_text, (m, f))
        return what if word == DONE else ("crash", what) if word == CRASH else None

    found = fault(model, feeds)
    if found is None:
        raise SystemExit("nothing is wrong with it")
    again = True
    while again:
        again = False
        for m, f in candidates(model, feeds):
            m, f = tidy(m, f)
            if m.SerializeToString() == model.SerializeToString() and len(f) == len(feeds) and all(np.array_equal(a[k], b[k]) for a, b in zip(f, feeds) for k in a):
                continue
            e = fault(m, f)
            if e is not None and e[0] == found[0]:
                model, feeds, found, again = m, f, e, True
                break
    return model, feeds, found[1]
