"""What is asked of quern about one model, with ONNX Runtime (its own optimizations off) as the judge."""
import re
import subprocess

import numpy as np
import onnx
from onnx import helper, numpy_helper

from grow import session

TOLERANCE = {"e": 1e-2, "f": 1e-4, "d": 1e-4}  # of an output's largest number, by its type
NOISE = {"e": 2e-3, "f": 1e-6, "d": 1e-6}  # of each number in a graph, to see how much outputs hang on rounding
N_NOISY = 6
NEAR_ONE = 6e-8  # rounding of a number near 1, which ONNX Runtime's tanh, logistic (0 at -20) and 1 less a gate have however small they are
ROUNDED_SO = ("RNN", "GRU", "LSTM", "Sigmoid", "Tanh")
BIAS = 1.1 / 128  # of the step of codes: fuse-qlinear may round a bias by a 128th
SUMS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum")  # rounded against their terms, not against what is left of them
SLACK = 8  # times what noise moves an output, a rewrite may move it


class Fault(Exception):
    """quern is wrong: kind, and what was found."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class NotTaken(Exception):
    """The judge does not take the model as it was."""


def difference(got, want, exact=False):
    """Largest error against the largest number wanted; infinite where type, shape, NaN or infinities differ."""
    if isinstance(want, list):
        return np.inf if len(got) != len(want) else max((difference(g, w, exact) for g, w in zip(got, want)), default=0.0)
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return np.inf
    is_float = want.dtype.kind == "f"
    if not is_float or exact:
        return 0.0 if np.array_equal(got, want, equal_nan=is_float) else np.inf
    g, w = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(w)
    if not np.array_equal(finite, np.isfinite(g)) or not np.array_equal(g[~finite], w[~finite], equal_nan=True):
        return np.inf
    return float(np.abs(g - w)[finite].max(initial=0.0) / (np.abs(w[finite]).max(initial=0.0) + 1e-6))


def share_of_epsilon(want):
    """What an epsilon of 1 is as a difference: so far is ONNX Runtime off where its tanh and logistic say next to nothing."""
    if isinstance(want, list):
        return max(map(share_of_epsilon, want), default=0.0)
    w = np.asarray(want)
    return 2.0 ** -23 / (float(np.abs(w[np.isfinite(w)]).max(initial=0.0)) + 1e-6) if w.dtype.kind == "f" else 0.0


def tolerance(want):
    return max(map(tolerance, want), default=0.0) if isinstance(want, list) else TOLERANCE.get(np.asarray(want).dtype.char, 0.0)


# How much outputs hang on rounding


def values(model, feed):
    """What every value of the main graph is in one run."""
    m = onnx.ModelProto.FromString(model.SerializeToString())
    have = {o.name for o in m.graph.output}
    m.graph.output.extend(onnx.ValueInfoProto(name=n) for node in m.graph.node for n in node.output if n and n not in have)
    s = session(m)
    return dict(zip([o.name for o in s.get_outputs()], s.run(None, feed))) | feed


def types_in_bodies(graph, in_body=False):
    """Number types of the values of bodies, as far as onnx infers them."""
    known = [*graph.value_info, *graph.output] if in_body else []
    found = {v.name: helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for v in known if v.type.tensor_type.elem_type}
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("g"):
                found |= types_in_bodies(a.g, True)
    return found


def disturb(graph, samples, random):
    """Multiply the floating-point numbers that nodes make by factors near 1, and move what becomes codes by what a bias of whole numbers
    may; samples: arrays of as many elements, or of one."""
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        for a in node.attribute:
            if a.HasField("g"):
                disturb(a.g, samples, random)
        behind, ahead = [], []
        step = samples.get(node.input[1]) if node.op_type == "QuantizeLinear" else None
        if isinstance(step, np.ndarray) and step.size == 1 and isinstance(samples.get(node.input[0]), np.ndarray):
            x = samples[node.input[0]]
            graph.initializer.append(numpy_helper.from_array((random.choice([-1, 1], x.shape) * step.reshape(()) * BIAS).astype(x.dtype),
                                                             f"{node.output[0]}/bias"))
            ahead = [helper.make_node("Add", [node.input[0], f"{node.output[0]}/bias"], [f"{node.output[0]}/moved"])]
            node.input[0] = f"{node.output[0]}/moved"
        for k, name in enumerate(node.output):
            sample = samples.get(name)
            if isinstance(sample, np.ndarray) and sample.dtype.kind == "f" and node.op_type != "Constant":
                factors = 1 + random.uniform(-1, 1, sample.shape) * NOISE[sample.dtype.char]
                graph.initializer.append(numpy_helper.from_array(np.asarray(factors, sample.dtype), f"{name}/factors"))
                node.output[k] = f"{name}/plain"
                made = f"{name}/scaled" if node.op_type in ROUNDED_SO + SUMS else name
                behind.append(helper.make_node("Mul", [node.output[k], f"{name}/factors"], [made]))
                if made != name:
                    most = np.abs(sample[np.isfinite(sample)]).max(initial=0)
                    terms = random.uniform(-1, 1, sample.shape) * (NEAR_ONE if node.op_type in ROUNDED_SO else NOISE[sample.dtype.char] / 4 * most)
                    graph.initializer.append(numpy_helper.from_array(np.asarray(terms, sample.dtype), f"{name}/terms"))
                    behind.append(helper.make_node("Add", [made, f"{name}/terms"], [name]))
        graph.node.extend([*ahead, node, *behind])


def sensitivity(model, feeds, wanted):
    """How far noise moves each output, at most; infinite where it changes whole numbers or what is a number."""
    in_bodies = {k: np.zeros((), t) for k, t in types_in_bodies(onnx.shape_inference.infer_shapes(model).graph).items()}
    most = [0.0] * len(model.graph.output)
    for feed, want in zip(feeds, wanted):
        samples = in_bodies | values(model, feed)
        for seed in range(N_NOISY):
            copy = onnx.ModelProto.FromString(model.SerializeToString())
            disturb(copy.graph, samples, np.random.default_rng(seed))
            try:
                got = session(copy).run(None, feed)
            except Exception:  # sizes that follow numbers no longer fit each other
                return [np.inf] * len(most)
            most = [max(m, difference(g, w)) for m, g, w in zip(most, got, want)]
    return most


# The questions


def interface(model, with_opsets=True):
    g = model.graph
    return {"opsets": {o.domain: o.version for o in model.opset_import} if with_opsets else {},
            "inputs": [v.SerializeToString() for v in g.input], "outputs": [v.SerializeToString() for v in g.output],
            "overridable inputs": sorted({t.name for t in g.initializer} & {v.name for v in g.input})}


def is_as_declared(info, value):
    dims = info.type.tensor_type.shape.dim
    return not isinstance(value, np.ndarray) or all(not d.HasField("dim_value") or d.dim_value == n for d, n in zip(dims, value.shape))


class Judge:
    """Judges one model; scratch files go to a folder. notes: what is worth counting, though it is no fault."""

    def __init__(self, quern, model, feeds, folder):
        self.quern, self.model, self.feeds, self.folder = quern, model, feeds, folder
        self.notes = []
        self.source = folder / "model.onnx"
        self.source.write_bytes(model.SerializeToString())
        try:
            onnx.checker.check_model(model, full_check=True)
            s = session(model)
            self.wanted = [s.run(None, feed) for feed in feeds]
        except Exception as e:
            raise NotTaken(str(e).strip().splitlines()[0][:200]) from None
        if not all(is_as_declared(o, w) for wants in self.wanted for o, w in zip(model.graph.output, wants)):
            raise NotTaken("onnx infers another size of an output than it has, and that is what the model declares")
        self.moved = None

    def call(self, *arguments):
        try:
            r = subprocess.run([self.quern, *map(str, arguments)], capture_output=True, text=True, timeout=60, errors="replace")
        except subprocess.TimeoutExpired:
            raise Fault("hang", " ".join(map(str, arguments[:2]))) from None
        return r.returncode, (r.stderr.strip().splitlines() or [""])[0]

    def allowed(self, k, want):
        if self.moved is None:
            self.moved = sensitivity(self.model, self.feeds, self.wanted)
            self.notes.append("needed its noise measured")
        return max(tolerance(want), SLACK * self.moved[k])

    def rewrite(self, command, out, source=None):
        code, line = self.call(*command, source or self.source, "-o", out)
        if code == 4 and ("--opset" in command or command[0] == "apply"):
            self.notes.append(f"not converted: {line}")
            return False
        if code:
            raise Fault("exit", f"{' '.join(command)}: {code}: {line}")
        return True

    def rewritten(self, command, exact=False):
        """The model rewritten is valid, computes the same behind the same interface, and is not changed by a second run."""
        out, twice = self.folder / "out.onnx", self.folder / "twice.onnx"
        if not self.rewrite(command, out):
            return
        after = onnx.load(out)
        try:
            onnx.checker.check_model(after, full_check=True)
            s = session(after)
        except Exception as e:
            if "NOT_IMPLEMENTED" in str(e) and "--opset" in command:
                self.notes.append("ONNX Runtime lacks what the new opset needs")
                return
            if re.search(r"\(op_type:If\b|Op \(If\)", str(e)) and re.search("Can't merge shape info|differ in rank", str(e)):
                self.notes.append("onnx wants the shapes of branches, which are now known, to be equal")
                return
            if "ShapeInferenceError" in str(e) and self.inference_lies():
                raise NotTaken("onnx infers sizes that it does not have, of what is in front of a node that it refuses now") from None
            raise Fault("invalid", str(e).strip().splitlines()[0][:300]) from None
        keep = "--opset" not in command and "raise-opset" not in " ".join(command)
        before, now = interface(self.model, keep), interface(after, keep)
        for key in before:
            if before[key] != now[key]:
                raise Fault("interface", f"{key} changed")
        self.compare(s, exact and not self.has_half())
        if command[0] == "optimize" and self.rewrite(command, twice, out) and out.read_bytes() != twice.read_bytes():
            raise Fault("second run", "changes the file")

    def has_half(self):
        """ONNX Runtime computes in float what it has no kernels of half precision for, and rounds where such nodes meet others."""
        return str(onnx.shape_inference.infer_shapes(self.model)).find("elem_type: 10") >= 0

    def inference_lies(self):
        """Whether what onnx infers of the model as it was is not so when it runs: one symbol for two sizes, or another number."""
        g = onnx.shape_inference.infer_shapes(self.model).graph
        for feed in self.feeds:
            real, sizes = values(self.model, feed), {}
            for v in [*g.input, *g.value_info, *g.output]:
                if isinstance(real.get(v.name), np.ndarray):
                    for d, n in zip(v.type.tensor_type.shape.dim, real[v.name].shape):
                        if (d.dim_value if d.HasField("dim_value") else sizes.setdefault(d.dim_param or (v.name, len(sizes)), n)) != n:
                            return True
        return False

    def has_softmax_of_nothing(self, feed):
        real = values(self.model, feed)
        return any(node.op_type == "Softmax" and real[node.output[0]].size == 0 for node in self.model.graph.node)

    def compare(self, s, exact):
        for r, (feed, wants) in enumerate(zip(self.feeds, self.wanted)):
            try:
                gots = s.run(None, feed)
            except Exception as e:
                if "attempting to re-use buffer" in str(e) and self.inference_lies():
                    raise NotTaken("onnx infers sizes that it does not have, and ONNX Runtime plans its memory by them") from None
                if "checkParameters() const q_sequence_length > 0" in str(e) and self.has_softmax_of_nothing(feed):
                    self.notes.append("ONNX Runtime takes no Attention of nothing, which sizes that vary have come to")
                    continue
                raise Fault("does not run", str(e).strip().splitlines()[0][:300]) from None
            for k, (got, want) in enumerate(zip(gots, wants)):
                d = difference(got, want, exact)
                if d > (0 if exact else tolerance(want)) and (exact or d > self.allowed(k, want)):
                    raise Fault("difference", f"run {r}, output '{self.model.graph.output[k].name}': {d:.3g}")
                if d > tolerance(want):
                    self.notes.append("hangs on rounding")

    def run_by_quern(self, path=None):
        """The embedded engine gives what ONNX Runtime gives."""
        sets = [self.write_set(r) for r in range(len(self.feeds))]
        arguments = ["run", path or self.source, "--engine", "cpu", "--check", *sets]
        code, line = self.call(*arguments)
        moved = []
        if code in (1, 3):
            moved = [max(self.allowed(k, w), *(share_of_epsilon(run[k]) for run in self.wanted)) for k, w in enumerate(self.wanted[0])]
        if np.inf in moved:  # another branch, say, whose sizes need not fit what follows
            self.notes.append("hangs on rounding")
            return
        if code == 1:
            code, line = self.call(*arguments, "--tol", max(1e-3, *moved))
        if code == 4:
            self.notes.append(f"engine lacks: {line}")
        elif code:
            raise Fault(f"engine exit {code}", line)

    def write_set(self, r):
        folder = self.folder / f"test_data_set_{r}"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        named = [(o.name, w) for o, w in zip(self.model.graph.output, self.wanted[r])]
        for kind, values in ("input", self.feeds[r].items()), ("output", named):
            for k, (name, value) in enumerate(values):
                proto = numpy_helper.from_list(value, name) if isinstance(value, list) else numpy_helper.from_array(np.asarray(value), name)
                (folder / f"{kind}_{k}.pb").write_bytes(proto.SerializeToString())
        return folder
