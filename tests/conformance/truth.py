"""The engine against numbers computed here, where ONNX Runtime is no judge: gates that are all but shut and states near 0 (it
rounds them as numbers near 1), Einsum of tensors without elements (it divides by 0), exponentials below the smallest normal number."""
import itertools
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper

from shared import QUERN


def engine(op, inputs, folder, opset=20, **attributes):
    """The first output of one operator."""
    infos = [helper.make_tensor_value_info(k, 1, v.shape) for k, v in inputs.items()]
    node = helper.make_node(op, list(inputs), ["y"], **attributes)
    graph = helper.make_graph([node], "g", infos, [helper.make_tensor_value_info("y", 1, None)])
    constant = [onnx.numpy_helper.from_array(inputs[k], k) for k in ("W", "R", "B") if k in inputs]
    for v in [v for v in graph.input if v.name in ("W", "R", "B")]:
        graph.input.remove(v)
    graph.initializer.extend(constant)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9), f"{folder}/m.onnx")
    sets = f"{folder}/test_data_set_0"
    os.makedirs(sets, exist_ok=True)
    for i, v in enumerate(graph.input):
        with open(f"{sets}/input_{i}.pb", "wb") as f:
            f.write(onnx.numpy_helper.from_array(inputs[v.name], v.name).SerializeToString())
    subprocess.run([QUERN, "run", f"{folder}/m.onnx", "--engine", "cpu", "--data", sets, "-o", f"{folder}/o.npz", "-q"], check=True)
    return np.load(f"{folder}/o.npz")["y"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cells(op, x, w, r, b, attributes):
    """[steps, hidden] in double precision; 1 less a gate is the gate of the sum turned round."""
    x, w, r, b = (a.astype(np.float64) for a in (x[:, 0], w[0], r[0], b[0]))
    n, h, c, states = r.shape[1], np.zeros(r.shape[1]), np.zeros(r.shape[1]), []
    wb, rb = b[: len(w)], b[len(w):]
    for step in x @ w.T + wb:
        if op == "RNN":
            h = np.tanh(step + r @ h + rb)
        elif op == "GRU":
            z, reset = np.split(step[: 2 * n] + r[: 2 * n] @ h + rb[: 2 * n], 2)
            reset = sigmoid(reset)
            part = reset * (r[2 * n:] @ h + rb[2 * n:]) if attributes.get("linear_before_reset") else r[2 * n:] @ (reset * h) + rb[2 * n:]
            h = sigmoid(-z) * np.tanh(step[2 * n:] + part) + sigmoid(z) * h
        else:
            i, o, f, g = np.split(step + r @ h + rb, 4)
            c = (sigmoid(-i) if attributes.get("input_forget") else sigmoid(f)) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


def recurrent(folder):
    random, n = np.random.default_rng(7), 4
    forms = [("RNN", {}), ("RNN", {"clip": 50.0}), ("GRU", {}), ("GRU", {"linear_before_reset": 1}), ("GRU", {"clip": 50.0}), ("LSTM", {}),
             ("LSTM", {"input_forget": 1})]
    for (op, attributes), bias, scale in itertools.product(forms, (0, 6, 12, 20), (1, 1e-3)):
        gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
        w = (random.normal(size=(1, gates * n, 3)) * 0.5 * scale).astype(np.float32)
        r = (random.normal(size=(1, gates * n, n)) * 0.5).astype(np.float32)
        b = np.zeros((1, 2 * gates * n), np.float32)
        if op != "RNN":
            b[:, :n] = bias  # of the update or the input gate
        x = random.normal(size=(5, 1, 3)).astype(np.float32)
        got = engine(op, {"x": x, "W": w, "R": r, "B": b}, folder, hidden_size=n, **attributes).reshape(5, n)
        want = cells(op, x, w, r, b, attributes)
        yield f"{op} {attributes} bias {bias} scale {scale}", np.abs(got - want).max() / np.abs(want).max() < 1e-5


def einsum(folder):
    for equation in ("bij,bkj->bik", "bhid,bhjd->bhij", "ij,kj", "bij,bjk->bik", "ij,jk,kl->il", "ii->i", "ij,j->i", "bij,bij->b"):
        operands = equation.split("->")[0].split(",")
        letters = sorted(set("".join(operands)))
        for empty in [c for k in (1, 2) for c in itertools.combinations(letters, k)]:
            size = {c: 0 if c in empty else 2 + i for i, c in enumerate(letters)}
            inputs = {f"x{i}": np.ones([size[c] for c in o], np.float32) for i, o in enumerate(operands)}
            want = np.einsum(equation, *inputs.values())
            got = engine("Einsum", inputs, folder, equation=equation)
            yield f"{equation} without {empty}", got.shape == want.shape and np.array_equal(got, want)


def exponentials(folder):
    x = np.concatenate([np.linspace(-106, 89, 20011), [np.nan, np.inf, -np.inf, -0.0]]).astype(np.float32)
    want, most = np.exp(x.astype(np.float64)), np.finfo(np.float32).max
    got = engine("Exp", {"x": x}, folder).astype(np.float64)
    some = want < most
    step = np.spacing(np.maximum(want[some], 1e-45).astype(np.float32)).astype(np.float64)
    yield "Exp", (np.abs(got[some] - want[some]) < 1.5 * step).all()
    yield "Exp of what has no number", np.array_equal(np.isinf(got), want > most) and np.array_equal(np.isnan(got), np.isnan(want))
    row = np.array([[97, 0, 5]], np.float32)
    want = np.exp(row.astype(np.float64) - 97)
    yield "Softmax", (np.abs(engine("Softmax", {"x": row}, folder) - want) < 2e-45).all()


with tempfile.TemporaryDirectory() as scratch:
    found = [(name, bool(good)) for case in (recurrent, einsum, exponentials) for name, good in case(scratch)]
for name, good in found:
    if not good:
        print("wrong:", name)
print(f"{sum(g for _, g in found)} of {len(found)} right")
sys.exit(not all(g for _, g in found))
