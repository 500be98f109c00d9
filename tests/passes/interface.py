"""cut, add-outputs, rename, set-shapes, strip-metadata: what a model shows, and what is said of wishes that cannot be met."""
import pathlib
import subprocess
import tempfile

import numpy as np

from support import QUERN, helper, onnx, operators, ort, rand

TEXT = ('g (float[1,4] x, float[1,4] z, bool c) => (float[1,4] y, float[M] t) { a = MatMul(x, w) b = Relu(a) d = Add(b, z) '
        'e = If(c) <then_branch = p () => (float[1,4] q) { q = Neg(d) }, else_branch = r () => (float[1,4] s) { s = Abs(d) }> '
        'y = Softmax(e) n = Shape(a) t = Cast<to = 1>(n) }')


WEIGHTS = rand(4, 4)


def model():
    m = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{TEXT}')
    m.graph.initializer.append(onnx.numpy_helper.from_array(WEIGHTS, "w"))
    return m


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def save(self, m):
        (self.path / "in.onnx").write_bytes(m.SerializeToString())

    def run(self, *args, code=0, verb="convert"):
        """Standard error for a code other than 0, else the model that came out and what was told."""
        out = self.path / "out.onnx"
        r = subprocess.run([QUERN, verb, self.path / "in.onnx", "-o", out, *args], capture_output=True, text=True, timeout=60)
        assert r.returncode == code, (args, r.returncode, r.stdout + r.stderr)
        if code:
            return r.stderr
        m = onnx.load(out)
        onnx.checker.check_model(m, full_check=True)
        return m, r.stdout + r.stderr


def names(values):
    return [v.name for v in values]


def dims(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def run(m, **feed):
    s = ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in s.get_outputs()], s.run(None, feed)))


def cut(f):
    original = model()
    f.save(original)
    x, z, c = rand(1, 4), rand(1, 4), np.array(True)
    want = run(original, x=x, z=z, c=c)
    m, told = f.run("--outputs", "b")
    assert names(m.graph.input) == ["x"] and names(m.graph.output) == ["b"] and len(m.graph.node) == 2, m.graph
    assert "input 'z' is read no more" in told and "2 of 7 nodes left" in told, told
    assert dims(m.graph.output[0]) == [1, 4]
    b = run(m, x=x)["b"]
    m, _ = f.run("--inputs", "b", "--outputs", "y")
    assert names(m.graph.input) == ["z", "c", "b"] and not m.graph.initializer, m.graph
    assert dims(m.graph.input[2]) == [1, 4] and m.graph.input[2].type.tensor_type.elem_type == 1
    assert np.allclose(run(m, b=b, z=z, c=c)["y"], want["y"])
    # Both at once; in the middle of what a body reads.
    m, _ = f.run("--inputs", "d", "--outputs", "y,e")
    assert names(m.graph.input) == ["c", "d"] and names(m.graph.output) == ["y", "e"]
    assert np.allclose(run(m, d=b + z, c=c)["y"], want["y"])
    m, _ = f.run("--add-output", "a", "--add-output", "d", "--add-output", "y")
    assert names(m.graph.output) == ["y", "t", "a", "d"] and np.allclose(run(m, x=x, z=z, c=c)["d"], b + z)
    assert "error[invalid-argument]: pass 'cut': no value 'yy', did you mean 'y'?" in f.run("--outputs", "yy", code=2)
    assert "no value 'q'" in f.run("--outputs", "q", code=2)  # lies in a body
    assert "value 'w' is a constant: no input" in f.run("--inputs", "w", code=2).replace("tensor 'w': value", "value 'w'")
    assert "'x' is an input of the model: no node makes it" in f.run("--add-output", "x", code=2)
    assert "named twice" in f.run("--outputs", "y,y", code=2)


def rename(f):
    f.save(model())
    x, z, c = rand(1, 4), rand(1, 4), np.array(False)
    want = run(model(), x=x, z=z, c=c)
    m, told = f.run("--rename", "x=image", "--rename", "y=scores", "--rename", "d=inner", "--rename", "w=kernel")
    assert names(m.graph.input) == ["image", "z", "c"] and names(m.graph.output) == ["scores", "t"], m.graph
    assert "'x' is 'image' now" in told and "'d' is 'inner' now" in told and m.graph.initializer[0].name == "kernel"
    assert np.array_equal(run(m, image=x, z=z, c=c)["scores"], want["y"])
    # Names change places.
    m, _ = f.run("--rename", "x=z", "--rename", "z=x")
    assert names(m.graph.input) == ["z", "x", "c"] and np.array_equal(run(m, z=x, x=z, c=c)["y"], want["y"])
    assert "cannot be renamed: another value is called 'z'" in f.run("--rename", "x=z", code=2)
    assert "cannot be renamed: another value is called 'q'" in f.run("--rename", "x=q", code=2)  # in a body
    assert "no value 'imag'" in f.run("--rename", "imag=x", code=2)
    assert "found 'x', needs OLD=NEW" in f.run("--rename", "x", code=2)
    assert "'x' is renamed twice" in f.run("--rename", "x=k", "--rename", "x=l", code=2)
    # A failure leaves nothing behind, and names that were given up can be had again.
    m, _ = f.run("--passes", "rename{values=['x=u']},rename{values=['u=x','z=k']},rename{values=['k=z']}", verb="apply")
    assert names(m.graph.input) == ["x", "z", "c"]


def shapes(f):
    f.save(model())
    m, told = f.run("--batch", "N")
    assert [dims(v) for v in m.graph.input] == [["N", 4], ["N", 4], []] and dims(m.graph.output[0]) == ["N", 4], m.graph
    assert "input 'x' is float[N, 4] now" in told, told
    assert run(m, x=rand(3, 4), z=rand(3, 4), c=np.array(True))["y"].shape == (3, 4)
    m, _ = f.run("--input-shape", "x=8,4", "--input-shape", "z=8,4")
    assert [dims(v) for v in [*m.graph.input[:2], m.graph.output[0]]] == [[8, 4]] * 3
    m, _ = f.run("--batch", "2", "--input-shape", "z=1,4")
    assert dims(m.graph.input[0]) == [2, 4] and dims(m.graph.input[1]) == [1, 4] and dims(m.graph.output[0]) == [2, 4]
    m, _ = f.run("--input-shape", "x=?,4")
    assert dims(m.graph.input[0]) == ["x_dim_0", 4]
    # Pinned sizes fold; the file says so before passes run.
    m, _ = f.run("--batch", "5", verb="optimize")
    assert not [n for n in m.graph.node if n.op_type == "Shape"] and dims(m.graph.input[0]) == [5, 4]
    assert "no input 'xx', did you mean 'x'?" in f.run("--input-shape", "xx=1,4", code=2)
    assert "found 3 sizes in 'x=1,4,4', input 'x' has 2" in f.run("--input-shape", "x=1,4,4", code=2)
    assert "found '-1' for a size, needs a number from 0 on" in f.run("--input-shape", "x=-1,4", code=2)
    assert "found '' for a size" in f.run("--input-shape", "x=1,4,", code=2)
    assert "needs NAME=SIZE" in f.run("--input-shape", "x", code=2)
    m, _ = f.run("--batch", "?")
    assert [dims(v)[0] for v in [*m.graph.input[:2], m.graph.output[0]]] == ["x_dim_0"] * 3
    # What was open, or of no known rank, is pinned.
    opened = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>\ng (float[N,4] x, float z) => (float[N,4] y) { y = Add(x, z) }')
    opened.graph.input[1].type.tensor_type.ClearField("shape")
    f.save(opened)
    m, _ = f.run("--batch", "3", "--input-shape", "z=1,4")
    assert [dims(v) for v in [*m.graph.input, m.graph.output[0]]] == [[3, 4], [1, 4], [3, 4]], m.graph
    fixed = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>\ng (float[2,6] x) => (float[2,2,3] y) '
                                    '<int64[3] s = {2, 2, 3}> { y = Reshape(x, s) }')
    f.save(fixed)
    _, told = f.run("--batch", "N")
    assert "tensor 'y': its first size is still 2: the model seems to hold the old batch in constants" in told, told


def strip(f):
    m = model()
    constant = m.graph.node.add(op_type="Constant", output=["h"])
    constant.attribute.append(helper.make_attribute("value", helper.make_tensor("held", 1, [2], [1, 2])))
    for thing in (m, m.graph, m.graph.node[0], m.graph.node[3].attribute[0].g.node[0], m.graph.initializer[0], m.graph.input[0],
                  m.graph.output[0], m.graph.node[6].attribute[0], constant.attribute[0].t):
        thing.doc_string = "words"
        if hasattr(thing, "metadata_props"):
            thing.metadata_props.add(key="k", value="words")
    m.graph.value_info.append(helper.make_tensor_value_info("a", 1, [1, 4]))
    function = onnx.parser.parse_function('<domain: "f", opset_import: ["" : 17]> twice (x) => (y) { y = Add(x, x) }')
    function.doc_string = "words"
    function.node[0].doc_string = "words"
    m.functions.append(function)
    m.opset_import.add(domain="f", version=1)
    m.graph.node.add(op_type="twice", domain="f", input=["y"], output=["v"])
    m.graph.output.append(helper.make_tensor_value_info("v", 1, [1, 4]))
    m.producer_name = "exporter"
    f.save(m)
    clean, _ = f.run("--strip-metadata")
    text = str(clean)
    assert "words" not in text and clean.producer_name == "exporter" and names(clean.graph.value_info) == ["a"], text
    plain = onnx.ModelProto.FromString(m.SerializeToString())
    feed = dict(x=rand(1, 4), z=rand(1, 4), c=np.array(True))
    assert all(np.array_equal(a, b) for a, b in zip(run(clean, **feed).values(), run(plain, **feed).values()))
    m2, _ = f.run("--passes", "strip-metadata{docs=false,value-info=true,producer=true}", "--no-provenance", verb="apply")
    assert not m2.producer_name and not m2.graph.value_info and m2.graph.node[0].doc_string == "words"
    assert not m2.metadata_props and not m2.graph.node[0].metadata_props and m2.graph.doc_string == "words"
    # Only what an exporter notes for itself, and that with whatever else is there.
    noted = onnx.ModelProto.FromString(m.SerializeToString())
    where = [noted.graph, noted.graph.node[0], noted.graph.node[3].attribute[0].g.node[0], noted.graph.input[0], noted.graph.value_info[0]]
    for thing in where:
        thing.metadata_props.add(key="pkg.exporter.stack_trace", value="traces")
    noted.metadata_props.add(key="pkg.owner", value="mine")
    f.save(noted)
    m3, told = f.run("--passes", "strip-metadata{docs=false,metadata=false,notes=true}", "--no-provenance", verb="apply")
    assert "traces" not in str(m3) and [p.key for p in m3.metadata_props] == ["k", "pkg.owner"], m3
    assert "notes of the exporter (stack traces) are dropped" in told, told
    for thing in where:
        thing.metadata_props.pop()
    # An empty domain of a node that changes is not written.
    want, got = (str(g).replace('domain: ""', "").split() for g in (noted.graph, m3.graph))
    assert want == got
    f.save(m)
    _, told = f.run("--passes", "strip-metadata{docs=false,metadata=false,notes=true}", "--no-provenance", verb="apply")
    assert "notes" not in told and (f.path / "in.onnx").read_bytes() == (f.path / "out.onnx").read_bytes(), told
    # Nothing to strip: byte for byte.
    f.save(clean)
    f.run("--strip-metadata")
    assert (f.path / "in.onnx").read_bytes() == (f.path / "out.onnx").read_bytes()
    f.save(m)
    clean, _ = f.run("--strip-metadata", verb="optimize")
    assert "words" not in str(clean) and not clean.metadata_props


def verified(f):
    # A node without an input that it needs: told, not followed.
    f.save(onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>\ng (int64[3] x) => (float[3] y) { y = Gather(, x) }'))
    r = subprocess.run([QUERN, "apply", f.path / "in.onnx", "-o", f.path / "out.onnx", "--passes", "drop-dead", "--verify-each"],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0 and "an input or attribute is missing" in r.stdout, (r.returncode, r.stdout + r.stderr)
    # Nor does a Transpose of nothing merge with the next one.
    f.save(onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>\ng (float[2,3] x) => (float[3,2] y) '
                                   '{ a = Transpose<perm = [1, 0]>() b = Transpose<perm = [1, 0]>(a) y = Add(x, b) }'))
    r = subprocess.run([QUERN, "optimize", f.path / "in.onnx", "-o", f.path / "out.onnx"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0 and operators(onnx.load(f.path / "out.onnx").graph).count("Transpose") == 2, (r.returncode, r.stdout + r.stderr)
    f.save(model())
    for args in (["--passes", "cut{outputs=[d]},drop-dead,rename{values=['d=k']},to-float16"],):
        m, told = f.run(*args, "--verify-each", "--strict", verb="apply")
        assert names(m.graph.output) == ["k"] and m.graph.output[0].type.tensor_type.elem_type == 10, told


with tempfile.TemporaryDirectory() as scratch:
    for check in (cut, rename, shapes, strip, verified):
        check(Folder(scratch))
