"""Random graphs that are valid because they ran: each node is tried alone in ONNX Runtime before it joins its graph.

A value carries the arrays that it has in a few *runs*, which differ in the sizes that symbols stand for and in the
numbers; so an operator that is applied at random needs no shape function here: if ONNX Runtime takes the node in all
runs, the node is good. What operators there are is in operators.py and chains.py.
"""
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

MOST_ELEMENTS = 4096
LARGEST = 300.0  # of floats in a graph: sums of larger ones lose what rewriting may not lose
N_RUNS = 2
SMALL = [1, 1, 2, 2, 3, 3, 4, 4, 5, 8]  # few different sizes, so that some are equal without being the same
ort.set_default_logger_severity(4)


class Reject(Exception):
    """What was tried cannot be had here."""


class Value:
    """A name and its arrays (for a sequence: lists of arrays), one a run; fixed: the same for every caller."""

    def __init__(self, name, runs, fixed=False):
        self.name, self.runs, self.fixed = name, runs, fixed
        self.inside = False  # of a chain: to be read by others now and then only

    @property
    def is_tensor(self):
        return isinstance(self.runs[0], np.ndarray)

    @property
    def dtype(self):
        return self.runs[0].dtype

    @property
    def rank(self):
        return self.runs[0].ndim

    @property
    def shapes(self):
        return [a.shape for a in self.runs]

    def size(self, axis):
        """The number of an axis; None where runs differ."""
        sizes = {a.shape[axis] for a in self.runs}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def sizes(self):
        return [self.size(i) for i in range(self.rank)]

    def has_kind(self, kinds):
        return self.is_tensor and self.dtype.kind in kinds


class Scope:
    """A graph that grows: the main one, or a body."""

    def __init__(self):
        self.nodes, self.initializers, self.values, self.inputs = [], [], [], []

    def lists(self):
        return self.nodes, self.initializers, self.values, self.inputs


def session(model, fused=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_prepacking", "1")  # the same kernel whether or not an operand is constant
    if not fused:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = model if isinstance(model, (bytes, str)) else model.SerializeToString()
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def type_of(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def typed(name, sample, dims=None):
    """ValueInfoProto for a value that looks like this sample (an array or a list of them)."""
    if isinstance(sample, list):
        ranks = {a.ndim for a in sample}
        element = helper.make_tensor_type_proto(type_of(sample[0].dtype), [None] * ranks.pop() if len(ranks) == 1 else None)
        return helper.make_value_info(name, helper.make_sequence_type_proto(element))
    return helper.make_tensor_value_info(name, type_of(sample.dtype), dims)


def captured(graph):
    """Names that a body reads from outside."""
    made = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    names = []
    for node in graph.node:
        read = list(node.input) + [n for a in node.attribute if a.HasField("g") for n in captured(a.g)]
        names += [n for n in read if n and n not in made]
        made.update(node.output)
    return list(dict.fromkeys(names + [o.name for o in graph.output if o.name not in made]))


class Grower:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.opset = int(self.choice([*range(9, 24), 13, 17, 18, 20, 21, 23]))
        self.float = np.dtype(self.choice(["f4"] * 18 + ["f8", "f2"]))
        self.n_names = 0
        self.symbols = {}
        self.scopes = [Scope()]
        self.overridable = set()
        self.domains = set()

    # Chance

    def chance(self, p):
        return self.random.random() < p

    def choice(self, options):
        return options[int(self.random.integers(len(options)))]

    def int(self, low, high):
        """One of low … high."""
        return int(self.random.integers(low, high + 1))

    def near(self, x, p=0.06):
        """x, now and then something else: what makes a chain look like what it is not."""
        if not self.chance(p):
            return x
        return self.choice([x * 1.01, -x, x + 1.0, 0.0, 1.0, x * 2]) if isinstance(x, float) else x + self.choice([-1, 1])

    # Names and scopes

    def name(self, stem="v"):
        self.n_names += 1
        return f"{stem}{self.n_names}"

    @property
    def scope(self):
        return self.scopes[-1]

    def visible(self):
        return [v for s in self.scopes for v in s.values]

    def attempt(self, step):
        """Run a step; one that is rejected leaves nothing behind."""
        marks = [[len(x) for x in s.lists()] for s in self.scopes]
        overridable = set(self.overridable)
        try:
            step(self)
            for v in self.scope.values[marks[-1][2]:-1]:
                v.inside = v.inside or not v.fixed
            return True
        except Reject:
            del self.scopes[len(marks):]
            for s, lengths in zip(self.scopes, marks):
                for x, n in zip(s.lists(), lengths):
                    del x[n:]
            self.overridable = overridable
            return False

    # Values

    def numbers(self, shape, dtype=None, kind=None):
        """Numbers of some kind, of some character."""
        dtype = np.dtype(dtype or self.float)
        if dtype.kind == "b":
            return self.random.random(shape) > 0.5
        if dtype.kind in "iu":
            return self.random.integers(0 if dtype.kind == "u" else -4, 9, shape).astype(dtype)
        kind = kind or self.choice(["plain"] * 6 + ["positive", "same", "special"])
        if kind == "same":
            return np.full(shape, self.choice([0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 6.0]), dtype)
        if kind == "special":
            return np.array(self.random.choice([0.0, 1.0, -1.0, 0.5, 2.0, -0.0], shape)).astype(dtype)
        return np.array(self.random.uniform(0.25 if kind == "positive" else -2, 2, shape)).astype(dtype)

    def symbol(self):
        if not self.symbols or self.chance(0.3) and len(self.symbols) < 5:
            some = [0] if self.chance(0.06) else SMALL
            self.symbols[self.choice("NSTHWLM") + str(len(self.symbols))] = tuple(int(self.choice(some if self.chance(0.5) else SMALL)) for _ in range(N_RUNS))
        return self.choice(list(self.symbols))

    def input(self, dtype=None, rank=None, dims=None, symbolic=0.35):
        """A new input of the main graph; dims: numbers, or None for those left to chance."""
        rank = (self.int(0, 4) if rank is None else rank) if dims is None else len(dims)
        dims = [d if d is not None else self.symbol() if self.chance(symbolic) else int(self.choice(SMALL)) for d in dims or [None] * rank]
        runs = [self.numbers([d if isinstance(d, int) else self.symbols[d][r] for d in dims], dtype, "plain") for r in range(N_RUNS)]
        value = Value(self.name("x"), runs)
        declared = [None if isinstance(d, str) and self.chance(0.1) else d for d in dims]
        self.scopes[0].inputs.append(typed(value.name, runs[0], declared))
        self.scopes[0].values.append(value)
        return value

    def constant(self, array, dtype=None, plain=False):
        """A constant in one of its many spellings; plain: as an initializer or a Constant node."""
        array = np.asarray(array, dtype)
        how = self.random.random() * (0.75 if plain else 1)
        same = [v for v in self.visible() if v.fixed and v.is_tensor and v.dtype == array.dtype and v.runs[0].tobytes() == array.tobytes() and
                v.runs[0].shape == array.shape]
        if same and how > 0.55:
            return self.choice(same)
        value = Value(self.name("c"), [array] * N_RUNS, True)
        if how < 0.6:
            self.scope.initializers.append(numpy_helper.from_array(array, value.name))
        elif how < 0.9 or len(self.scopes) > 1:
            self.scope.nodes.append(self.constant_node(value.name, array))
        elif how < 0.95:  # one that callers may replace, and here do not
            self.scope.initializers.append(numpy_helper.from_array(array, value.name))
            self.scope.inputs.append(typed(value.name, array, array.shape))
            self.overridable.add(value.name)
            value.fixed = False
        else:
            self.scope.initializers.append(numpy_helper.from_array(array, value.name))
            self.scope.values.append(value)
            return self.op("Identity", [value])
        self.scope.values.append(value)
        return value

    def constant_node(self, name, array):
        key = {"f4": "float", "i8": "int"}.get(array.dtype.str[1:])
        if self.opset >= 12 and key and array.ndim < 2 and self.chance(0.5):
            return helper.make_node("Constant", [], [name], **{f"value_{key}" + "s" * array.ndim: array.tolist()}) if array.size else \
                helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))

    def pick(self, kinds="f", rank=None, where=None, dims=None, new=0.1):
        """A value of the scope or of those around it, rather a recent one; a new input where there is none."""
        ranks = range(9) if rank is None else rank if hasattr(rank, "__len__") else [rank]
        fit = [v for v in self.visible() if v.has_kind(kinds) and v.rank in ranks and ("f" not in kinds or v.dtype.kind != "f" or v.dtype == self.float) and
               (where is None or where(v))]
        fit = [v for v in fit if self.chance(0.2 if v.fixed else 0.1 if v.inside else 1)]
        if fit and not self.chance(new):
            return fit[int(len(fit) * self.random.random() ** 0.5)]
        if len(self.scopes[0].inputs) > 8:
            raise Reject
        dtype = {"f": self.float, "i": self.choice(["i8", "i8", "i4"]), "b": bool, "u": "u1"}[self.choice(kinds)]
        value = self.input(dtype, rank=None if rank is None else self.choice(list(ranks)), dims=dims)
        if where is not None and not where(value):
            raise Reject
        return value

    def aligned(self, x, dtype=None, kind=None):
        """A constant that broadcasts to x, mostly without making it larger."""
        shape = [s if s is not None and self.chance(0.5) else 1 for s in x.sizes]
        shape = shape[self.int(0, x.rank):] if self.chance(0.6) else shape
        if self.chance(0.05):
            shape = [1, *shape]
        if x.rank and self.chance(0.08) and shape and shape[-1] == 1:
            shape[-1] = int(self.choice(SMALL))
        return self.constant(self.numbers(shape, dtype or x.dtype, kind))

    def operand(self, x):
        """Something to combine x with, element by element."""
        if self.chance(0.5):
            return self.aligned(x)
        return self.pick(x.dtype.kind, where=lambda v: v.dtype == x.dtype and all(broadcasts(a, b) for a, b in zip(v.shapes, x.shapes)), new=0.05)

    # Nodes

    def op(self, op_type, inputs, n_outputs=1, domain="", **attributes):
        """Apply an operator: its output, or a list of them. Rejected where ONNX Runtime does not take it."""
        if not domain:
            self.schema(op_type)
        names = [self.name() for _ in range(n_outputs)]
        node = helper.make_node(op_type, [v.name if v is not None else "" for v in inputs], names, domain=domain,
                                name=self.name(op_type) if self.chance(0.8) else "", **{k: v for k, v in attributes.items() if v is not None})
        while node.input and not node.input[-1]:
            node.input.pop()
        outside = [n for a in node.attribute if a.HasField("g") for n in captured(a.g)]
        known = {v.name: v for v in self.visible()}
        read = {v.name: v for v in [*inputs, *(known[n] for n in outside)] if v is not None}
        runs = self.run(node, list(read.values()))
        fixed = bool(read) and all(v.fixed for v in read.values())
        outputs = [Value(n, [r[k] for r in runs], fixed and isinstance(runs[0][k], np.ndarray)) for k, n in enumerate(names)]
        for v in outputs:
            self.accept(v)
        if is_accident(op_type, inputs, outputs, attributes):
            raise Reject
        self.scope.nodes.append(node)
        self.scope.values.extend(outputs)
        if domain:
            self.domains.add(domain)
        return outputs if n_outputs > 1 else outputs[0]

    def schema(self, op_type):
        try:
            schema = onnx.defs.get_schema(op_type, self.opset, "")
        except Exception:
            raise Reject from None
        if schema.deprecated:
            raise Reject
        return schema

    def run(self, node, inputs):
        graph = helper.make_graph([node], "one", [typed(v.name, v.runs[0]) for v in inputs if not v.fixed], [onnx.ValueInfoProto(name=n) for n in node.output],
                                  [numpy_helper.from_array(v.runs[0], v.name) for v in inputs if v.fixed])
        model = helper.make_model(graph, ir_version=10, opset_imports=self.imports({node.domain}))
        try:
            s = session(model)
            return [s.run(None, {v.name: v.runs[r] for v in inputs if not v.fixed}) for r in range(N_RUNS)]
        except Exception:
            raise Reject from None

    def imports(self, domains):
        return [helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, 1) for d in sorted(domains) if d)]

    def accept(self, value):
        if value.is_tensor and len({(a.dtype, a.ndim) for a in value.runs}) > 1:
            raise Reject
        for run in value.runs:
            if isinstance(run, list) and not run:
                raise Reject
            for a in run if isinstance(run, list) else [run]:
                if not isinstance(a, np.ndarray) or a.size > MOST_ELEMENTS or a.ndim > 6:
                    raise Reject
                if a.dtype.kind == "f":
                    wild = ~(np.abs(a) <= LARGEST)  # NaN and infinities too
                    if wild.any() and (np.isfinite(a).all() or not self.chance(0.02)):
                        raise Reject

    # Models

    def body(self, steps, inputs=()):
        """Grow a body: inputs are Values that its own inputs stand for; steps(scope's values of the body) → output values."""
        self.scopes.append(Scope())
        mine = [Value(self.name("b"), v.runs) for v in inputs]
        self.scope.values.extend(mine)
        outputs = steps(*mine)
        scope = self.scope
        made = {n for node in scope.nodes for n in node.output} | {v.name for v in mine}
        outputs = [v if v.name in made else self.op("Identity", [v]) for v in outputs]
        if len({v.name for v in outputs}) < len(outputs):
            raise Reject
        self.scopes.pop()
        if self.chance(0.5):
            rename(scope, mine, outputs, "t" * len(self.scopes))
        graph = helper.make_graph(scope.nodes, self.name("body"), [typed(v.name, v.runs[0]) for v in mine], [typed(v.name, v.runs[0]) for v in outputs],
                                  scope.initializers)
        return graph, outputs

    def model(self):
        """The whole model, and a feed a run."""
        top = self.scopes[0]
        read = {n for node in top.nodes for n in [*node.input, *(c for a in node.attribute if a.HasField("g") for c in captured(a.g))]}
        made = {n for node in top.nodes if node.op_type != "Constant" for n in node.output}
        ends = [v for v in top.values if v.name in made and v.name not in read]
        inner = [v for v in top.values if v.name in made and v.name in read and self.chance(0.06)]
        outputs = [v for v in ends if not self.chance(0.05)] + inner
        if not outputs:
            raise Reject
        outputs += [v for v in top.values if v.is_tensor and v.name not in made and v.name not in self.overridable and self.chance(0.01)]
        self.random.shuffle(outputs)
        graph = helper.make_graph(top.nodes, "g", top.inputs, [self.declared(v) for v in outputs], top.initializers)
        least = helper.find_min_ir_version_for(self.imports(()), True)
        model = helper.make_model(graph, ir_version=max(least, self.int(4, 10)), opset_imports=self.imports(self.domains))
        if self.chance(0.25):  # what exporters found out about values
            model = onnx.shape_inference.infer_shapes(model)
        wanted = {v.name for v in graph.input} - self.overridable
        feeds = [{v.name: v.runs[r] for v in top.values if v.name in wanted} for r in range(N_RUNS)]
        return model, feeds

    def declared(self, v):
        """An output as exporters declare it: its sizes have names of their own, or none; one that is an input, as that."""
        for i in self.scopes[0].inputs:
            if i.name == v.name:
                return i
        if not v.is_tensor:
            return typed(v.name, v.runs[0])
        return typed(v.name, v.runs[0], [None if self.chance(0.3) else f"{v.name}_{i}" for i in range(v.rank)])


def rename(scope, inputs, outputs, stem):
    """Names that bodies side by side have in common."""
    made = [v.name for v in inputs] + [t.name for t in scope.initializers] + [n for node in scope.nodes for n in node.output if n]
    new = {n: f"{stem}{k}" for k, n in enumerate(dict.fromkeys(made))}

    def rewrite(nodes):
        for node in nodes:
            node.input[:] = [new.get(n, n) for n in node.input]
            node.output[:] = [new.get(n, n) for n in node.output]
            for a in node.attribute:
                if a.HasField("g"):
                    rewrite(a.g.node)
                    for o in a.g.output:
                        o.name = new.get(o.name, o.name)

    rewrite(scope.nodes)
    for x in [*scope.initializers, *{id(v): v for v in [*inputs, *outputs]}.values()]:
        x.name = new.get(x.name, x.name)


def broadcasts(a, b):
    return all(x == y or x == 1 or y == 1 for x, y in zip(reversed(a), reversed(b)))


def ran_over(y):
    """Whole numbers so large that a sum or product of them did not fit."""
    most = {4: 2 ** 28, 8: 2 ** 40}.get(y.dtype.itemsize if y.dtype.kind in "iu" else 0)
    return most is not None and bool(((y > most) | (y < (-most if y.dtype.kind == "i" else 0))).any())


def is_accident(op_type, inputs, outputs, attributes):
    """What runs, and says something that nobody means: a computed size of 0, which Reshape takes for "copy"; a window larger than its
    picture; a picture that shrinks to nothing; the mean of nothing, and its edge; what has no elements, joined with what does not fit it;
    a sum of which little but rounding is left; whole numbers that run over in what ONNX Runtime computes otherwise then: reductions (cut
    off at the largest) and Pow."""
    if op_type == "Concat":
        return any(len({a.shape[:at] + a.shape[at + 1:] for a in run}) > 1
                   for run in zip(*(v.runs for v in inputs)) for at in [attributes["axis"] % run[0].ndim])
    if op_type == "Reshape":
        return not inputs[1].fixed and not attributes.get("allowzero") and any((a == 0).any() for a in inputs[1].runs)
    if (op_type.startswith("Reduce") or op_type == "Pow") and any(ran_over(y) for v in [*inputs, *outputs] if v.is_tensor for y in v.runs):
        return True
    if op_type in ("ReduceSum", "ReduceMean") and any(x.dtype.kind == "f" and ((y != 0) & (np.abs(y) < 1e-5 * np.abs(x).max(initial=0))).any()
                                                      for x, y in zip(inputs[0].runs, outputs[0].runs)):
        return True
    if op_type.startswith("Reduce") or op_type in ("ArgMax", "ArgMin", "Pad", "Resize", "Upsample"):
        if not all(a.size for a in inputs[0].runs):
            return True
    if op_type in ("Conv", "MaxPool", "AveragePool", "LpPool", "Resize", "Upsample"):
        kernel = inputs[1].runs[0].shape[2:] if op_type == "Conv" else attributes.get("kernel_shape", ())
        n = len(kernel)
        pads, dilations = attributes.get("pads", [0] * 2 * n), attributes.get("dilations", [1] * n)
        reach = [(k - 1) * d + 1 - pads[i] - pads[i + n] for i, (k, d) in enumerate(zip(kernel, dilations))]
        return any(not y.size and x.size or (not attributes.get("auto_pad", "").startswith("SAME") and any(s < r for s, r in zip(x.shape[2:], reach)))
                   for x, y in zip(inputs[0].runs, outputs[0].runs))
    return False
