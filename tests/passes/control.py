"""inline-if, unroll-loops, drop-zero-states, drop-sequences."""
from support import helper, ints, main, np, numpy_helper, rand, scalar

IF = "inline-if"
TRUE = scalar(True, bool)
FALSE = scalar(False, bool)


def branches(then, other, head="float[N] x", outs="float[N] y", before="", node="y", c=TRUE, after=None, **more):
    """y = If(c) with two branches that give p and q."""
    weights = {"c": c, **more.pop("weights", {})} if c is not None else more.pop("weights", {})
    return dict(text=f"""g ({head}) => ({outs}) {{ {before}
        {node} = If(c)<then_branch = t () => (float[N] p) {{ {then} }}, else_branch = e () => (float[N] q) {{ {other} }}>
        {more.pop("behind", "")} }}""", weights=weights, passes=IF, after=after, tol=0, **more)


def overridable(model):
    model.graph.input.append(helper.make_tensor_value_info("c", 9, []))


def names(*wanted):
    def check(model):
        made = [o for n in model.graph.node for o in n.output] + [t.name for t in model.graph.initializer]
        assert len(set(made)) == len(made), f"a name twice: {made}"
        for name in wanted:
            assert name in made, f"no '{name}' in {made}"
    return check


TWICE = """g (float[N] x) => (float[N] z) {
    y = If(c)<then_branch = t () => (float[N] p) { a = Neg(x) p = Exp(a) }, else_branch = e () => (float[N] q) { q = Abs(x) }>
    z = If(c)<then_branch = t () => (float[N] p) { a = Abs(y) p = Sqrt(a) }, else_branch = e () => (float[N] q) { q = Abs(y) }> }"""
NESTED = """g (float[N] x, bool b) => (float[N] y) {
    y = If(c)<
        then_branch = t () => (float[N] p) {
            a = Neg(x)
            i = If(d)<then_branch = t2 () => (float[N] p2) { p2 = Add(a, w) }, else_branch = e2 () => (float[N] q2) { q2 = Exp(a) }>
            p = If(b)<then_branch = t3 () => (float[N] p3) { a3 = Abs(i) p3 = Sqrt(a3) },
                      else_branch = e3 () => (float[N] q3) { q3 = Add(a, i) }> },
        else_branch = e () => (float[N] q) { q = Abs(x) }> }"""
IN_LOOP = """g (float[N] x) => (float[N] y) {
    y = Loop(m, , x)<body = b (int64 i, bool on, float[N] s) => (bool on2, float[N] s2) {
        on2 = Identity(on)
        s2 = If(c)<then_branch = t () => (float[N] p) { p = Add(s, x) }, else_branch = e () => (float[N] q) { q = Neg(s) }> }> }"""
WITH_INITIALIZER = """g (float[N] x) => (float[N] y) {
    y = If(c)<then_branch = t () => (float[N] p) <float k = {3.0}> { p = Mul(x, k) },
              else_branch = e () => (float[N] q) <float k = {4.0}> { q = Mul(x, k) }> }"""
CASES = {
    "then": branches("p = Neg(x)", "q = Exp(x)", after="Neg", told="condition is always true: then_branch of 1 nodes"),
    "else": branches("p = Neg(x)", "a = Exp(x) q = Abs(a)", c=scalar([False], bool), after="Exp Abs", told="else_branch of 2 nodes"),
    "what_follows_reads_the_branch": branches("p = Neg(x)", "q = Exp(x)", node="r", behind="y = Abs(r)", after="Neg Abs",
                                              check=names("p", "y")),
    "a_condition_that_shapes_tell": branches(
        "p = Neg(x)", "q = Exp(x)", head="float[N] x, float[M,3] u", c=None, weights={"three": ints(3), "one": scalar(1, np.int64)},
        before="s = Shape(u) d = Gather(s, one) f = Identity(three) h = Squeeze(f) c = Equal(d, h)",
        after="Shape Gather Identity Squeeze Equal Neg"),
    "a_condition_given_by_the_caller_stays": branches("p = Neg(x)", "q = Exp(x)", head="float[N] x, bool c", c=None),
    "a_condition_that_the_caller_may_override_stays": branches("p = Neg(x)", "q = Exp(x)", edit=overridable),
    "a_condition_on_a_size_that_is_not_known_stays": branches(
        "p = Neg(x)", "q = Exp(x)", c=None, weights={"three": ints(3)}, before="s = Shape(x) f = Equal(s, three) c = Squeeze(f)"),
    "the_same_names_in_two_branches": dict(text=TWICE, weights={"c": TRUE}, passes=IF, after="Neg Exp Abs Sqrt", tol=0, check=names("z")),
    "nested": dict(text=NESTED, weights={"c": TRUE, "d": TRUE, "w": scalar([0.5])}, passes=IF, after="Neg Add If (Abs Sqrt) (Add)", tol=0),
    "nested_in_a_branch_not_taken": dict(text=NESTED, weights={"c": FALSE, "d": TRUE, "w": scalar([0.5])}, passes=IF, after="Abs", tol=0),
    "in_the_body_of_a_loop": dict(text=IN_LOOP, weights={"c": TRUE, "m": scalar(3, np.int64)}, passes=IF, after="Loop (Identity Add)",
                                  tol=0),
    "initializers_of_the_branch_move": dict(text=WITH_INITIALIZER, weights={"c": FALSE}, passes=IF, after="Mul", tol=0),
    "a_branch_that_passes_a_weight_on": branches("p = Identity(w)", "q = Exp(x)", weights={"w": rand(3)}, node="r",
                                                 behind="y = Add(x, r)", after="Identity Add"),
    "an_output_that_a_captured_value_gives": dict(
        text="""g (float[N] x) => (float[N] y) { a = Neg(x)
            r = If(c)<then_branch = t () => (float[N] a2) { a2 = Identity(a) }, else_branch = e () => (float[N] q) { q = Exp(x) }>
            y = Mul(r, a) }""", weights={"c": TRUE}, passes=IF + ",drop-identity", after="Neg Mul", tol=0),
    "an_output_that_nobody_reads": dict(
        text="""g (float[N] x) => (float[N] y) {
            y, z = If(c)<then_branch = t () => (float[N] p, float[N] o) { p = Neg(x) o = Exp(p) },
                         else_branch = e () => (float[N] q, float[N] r) { q = Exp(x) r = Abs(x) }> }""",
        weights={"c": TRUE}, passes=IF + ",drop-dead", after="Neg", tol=0),
    "what_the_other_branch_read_dies": dict(
        text="""g (float[N] x) => (float[N] y) { a = Neg(x) b = Exp(x)
            y = If(c)<then_branch = t () => (float[N] p) { p = Abs(a) }, else_branch = e () => (float[N] q) { q = Sqrt(b) }> }""",
        weights={"c": TRUE}, passes=IF + ",drop-dead", after="Neg Abs", tol=0),
    "many_nodes_between_two": dict(
        text="g (float[N] x) => (float[N] y) { y = If(c)<then_branch = t () => (float[N] p) { a0 = Neg(x) "
             + " ".join(f"a{i + 1} = Neg(a{i})" for i in range(200))
             + " p = Abs(a200) }, else_branch = e () => (float[N] q) { q = Exp(x) }> }",
        weights={"c": TRUE}, passes=IF, after=" ".join(["Neg"] * 201 + ["Abs"]), tol=0),
}


def cell(op, states, after, before="", gates=4, **more):
    """op over x [seq, batch, 3] with 2 hidden numbers; states: text of the inputs behind sequence_lens."""
    return dict(text=f"g (float[S,B,3] x, float[1,B,2] h0) => (float[1,B,2] y) {{ {before} "
                     f"all, y = {op}<hidden_size = 2>(x, w, r, , , {states}) }}",
                weights={"w": rand(1, 2 * gates, 3), "r": rand(1, 2 * gates, 2), **more.pop("weights", {})},
                passes="drop-zero-states", after=after, tol=0, **more)


SHAPE = {"one": ints(1), "two": ints(2)}
GET = "s = Shape(x) b = Slice(s, one, two) k = Concat<axis = 0>(one, b, two) "
CASES |= {
    "zeros_of_a_computed_shape": cell("LSTM", "z, z", "LSTM", GET + "z = ConstantOfShape(k)", weights=SHAPE,
                                      told="initial states of zeros left out"),
    "zeros_of_a_constant": cell("GRU", "z", "GRU", gates=3, weights={"z": np.zeros((1, 5, 2), np.float32)}),
    "a_zero_expanded": cell("RNN", "z", "RNN", GET + "z = Expand(o, k)", gates=1, weights={"o": scalar(0.0), **SHAPE}),
    "zeros_transposed_and_joined": cell("RNN", "z", "RNN", "a = ConstantOfShape(k) b = Concat<axis = 1>(a, c) z = Transpose<perm = "
                                        "[2, 0, 1]>(b)", gates=1, weights={"k": ints(5, 1, 1), "c": np.zeros((5, 1, 1), np.float32)}),
    "a_state_of_ones_stays": cell("RNN", "z", None, GET + "z = ConstantOfShape<value = float[1] {1.0}>(k)", gates=1, weights=SHAPE),
    "minus_zero_stays": cell("GRU", "z", None, gates=3, weights={"z": -np.zeros((1, 5, 2), np.float32)}),
    "a_state_from_outside_stays": cell("GRU", "h0", None, gates=3),
    "of_an_lstm_one_that_is_not_zero_keeps_both": cell("LSTM", "z, h0", None, GET + "z = ConstantOfShape(k)", weights=SHAPE),
    "of_an_lstm_the_only_one": cell("LSTM", "z", "LSTM", GET + "z = ConstantOfShape(k)", weights=SHAPE),
    "zeros_that_others_read_too": cell("RNN", "z", "Shape Slice Concat ConstantOfShape RNN Add", GET + "z = ConstantOfShape(k)", gates=1,
                                       weights=SHAPE),
    "half_of_it_zeros_stays": cell("GRU", "z", None, gates=3, weights={"z": np.stack([np.zeros((5, 2)), np.ones((5, 2))], 2)[None, :, :, 1]
                                                                       .astype(np.float32) * np.float32([0, 1])}),
}
c = CASES["zeros_that_others_read_too"]
c["text"] = c["text"].replace("=> (float[1,B,2] y)", "=> (float[1,B,2] t)").replace(") }", ") t = Add(y, z) }")


def loop(body, after, ins="m, on0", outs="float[N] y", node="y", carried="float[N] v", given="x", made="float[N] v2", m=3, behind="", before="", **more):
    """Loop over `body`, which makes on2 and `made` of i, on and `carried`."""
    weights = {"on0": TRUE, "three": scalar(3.0), "no": FALSE, "yes": TRUE} | more.pop("weights", {})
    if m is not None:
        weights["m"] = scalar(m, np.int64)
    text = f"""g ({more.pop("head", "float[N] x")}) => ({outs}) {{ {before}
        {node} = Loop({ins}, {given})<body = b (int64 i, bool on, {carried}) => (bool on2, {made}) {{ {body} }}> {behind} }}"""
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=text, weights={k: a for k, a in weights.items() if k in words}, passes=more.pop("passes", "unroll-loops"), after=after,
                tol=0, **more)


ON = "on2 = Identity(on) "
BOTH = dict(outs="float[N] y, float[A,N] z", node="y, z", made="float[N] v2, float[N] o")
TURN = ON + "f = Cast<to = 1>(i) g = Add(v, f) v2 = Mul(g, x) "
CLEAN = "unroll-loops,drop-identity,drop-dead"
CASES |= {
    "loop": loop(ON + "v2 = Mul(v, x)", "Mul Mul Mul", passes=CLEAN, told="runs 3 times", check=names("y")),
    "loop_that_counts": loop(TURN, "Cast Add Mul Cast Add Mul", m=2, passes=CLEAN),
    "loop_that_collects": loop(TURN + "o = Neg(v2)", "Cast Add Mul Neg Cast Add Mul Neg Unsqueeze Unsqueeze Concat", m=2, passes=CLEAN, **BOTH),
    "loop_that_collects_at_opset_11": loop(ON + "v2 = Mul(v, x) o = Neg(v)", "Mul Neg Mul Neg Unsqueeze Unsqueeze Concat", m=2, passes=CLEAN,
                                           opset=11, **BOTH),
    "loop_that_collects_what_it_carries": loop(ON + "v2 = Mul(v, x) o = Identity(v2)", "Mul Mul Unsqueeze Unsqueeze Concat", m=2,
                                               passes=CLEAN, **BOTH),
    "loop_of_one_turn": loop(ON + "v2 = Mul(v, x) o = Neg(v)", "Mul Neg Unsqueeze", m=1, passes=CLEAN, **BOTH),
    "loop_of_no_turn": loop(ON + "v2 = Mul(v, x)", "Identity", m=0),
    "loop_of_no_turn_that_collects_stays": loop(ON + "v2 = Mul(v, x) o = Neg(v)", None, m=0, **BOTH),
    "loop_that_swaps": loop(ON + "v2 = Identity(w) w2 = Neg(v)", "Neg Neg Sub", m=2, node="p, q", carried="float[N] v, float[N] w", given="x, u",
                            head="float[N] x, float[N] u", made="float[N] v2, float[N] w2", behind="y = Sub(p, q)", passes=CLEAN),
    "loop_with_an_initializer": loop(ON + "v2 = Mul(v, k)", "Mul Mul", m=2, passes=CLEAN) | {
        "text": """g (float[N] x) => (float[N] y) { y = Loop(m, on0, x)<body = b (int64 i, bool on, float[N] v) => (bool on2, float[N] v2)
            <float k = {3.0}> { on2 = Identity(on) v2 = Mul(v, k) }> }"""},
    "loop_without_a_condition": loop(ON + "v2 = Mul(v, x)", "Mul Mul", m=2, ins="m, ", passes=CLEAN),
    "loop_whose_condition_is_a_constant": loop("on2 = Identity(yes) v2 = Mul(v, x)", "Mul Mul", m=2, passes=CLEAN),
    "loop_whose_condition_ends_it_stays": loop("on2 = Identity(no) v2 = Mul(v, x)", None),
    "loop_whose_condition_is_computed_stays": loop("a = ReduceMax<keepdims = 0>(v) on2 = Less(a, three) v2 = Mul(v, x)", None),
    "loop_that_never_starts_stays": loop(ON + "v2 = Mul(v, x)", None, ins="m, no"),
    "loop_that_a_condition_starts_stays": loop(ON + "v2 = Mul(v, x)", None, ins="m, go", head="float[N] x, bool go"),
    "loop_of_unknown_turns_stays": loop(ON + "v2 = Mul(v, x)", None, m=None, head="float[N] x, int64 m", feeds={"m": scalar(3, np.int64)}),
    "loop_of_too_many_turns_stays": loop(ON + "v2 = Mul(v, x)", None, m=33),
    "loop_of_more_turns_on_request": loop(ON + "v2 = Add(v, x)", " ".join(["Add"] * 33), m=33, passes="unroll-loops{max-turns=33}," +
                                          CLEAN.split(",", 1)[1]),
    "loop_of_too_many_nodes_stays": loop(TURN, None, passes="unroll-loops{max-nodes=11}"),
    "loop_of_as_many_nodes": loop(TURN, "Cast Add Mul Cast Add Mul Cast Add Mul", passes=CLEAN.replace("loops", "loops{max-nodes=12}")),
    "loop_that_collects_too_much_stays": loop(ON + "v2 = Mul(v, x) o = Neg(v)", None, m=2, passes="unroll-loops{max-nodes=7}", **BOTH),
    "loop_that_collects_as_much": loop(ON + "v2 = Mul(v, x) o = Neg(v)", "Mul Neg Mul Neg Unsqueeze Unsqueeze Concat", m=2,
                                       passes=CLEAN.replace("loops", "loops{max-nodes=8}"), **BOTH),
    "loop_with_an_if": loop(ON + """v2 = If(on)<then_branch = t () => (float[N] p) { p = Neg(v) },
        else_branch = e () => (float[N] q) { q = Exp(v) }>""", "If (Neg) (Exp) If (Neg) (Exp) If (Neg) (Exp)", passes=CLEAN,
                            told="runs 3 times: its body of 4 nodes"),
    "loop_with_an_if_that_reads_all_around_it": loop("", "Cast Less If (Add) (If (Mul Sub) (Mul)) Cast Less If (Add) (If (Mul Sub) (Mul))", m=2,
                                                     passes=CLEAN, weights={"two": scalar(2.0)}) | {
        "text": """g (float[N] x) => (float[N] y) { y = Loop(m, on0, x)<body = b (int64 i, bool on, float[N] v) => (bool on2, float[N] v2)
            <float k = {3.0}> { on2 = Identity(on) f = Cast<to = 1>(i) c = Less(f, k) v2 = If(c)<then_branch = t () => (float[N] p) { p = Add(x, k) },
                else_branch = e () => (float[N] q) <float h = {0.5}> { q = If(c)<
                    then_branch = t2 () => (float[N] r) { a = Mul(v, f) r = Sub(a, h) }, else_branch = e2 () => (float[N] s) { s = Mul(v, x) }> }> } > }"""},
    "loop_with_a_loop_of_unknown_turns": loop(ON + """v2, o = Loop(n, on, v)<body = c (int64 j, bool go, float[N] r) => (bool go2, float[N] r2, float[N] w) {
        go2 = Identity(go) f = Cast<to = 1>(i) r2 = Mul(r, f) w = Sub(r2, x) }>""",
                                              "Loop (Identity Cast Mul Sub) Loop (Identity Cast Mul Sub) Unsqueeze Unsqueeze Concat", m=2,
                                              head="float[N] x, int64 n", outs="float[N] y, float[A,B,N] z", node="y, z",
                                              made="float[N] v2, float[B,N] o", passes="unroll-loops,drop-dead", feeds={"n": scalar(2, np.int64)}),
    "loop_with_random_numbers_in_a_branch_stays": loop(ON + """v2 = If(on)<then_branch = t () => (float[N] p) { p = RandomNormalLike<seed = 1.0>(v) },
        else_branch = e () => (float[N] q) { q = Exp(v) }>""", None),
    "loop_of_too_many_nodes_in_branches_stays": loop(ON + """v2 = If(on)<then_branch = t () => (float[N] p) { p = Neg(v) },
        else_branch = e () => (float[N] q) { q = Exp(v) }>""", None, passes="unroll-loops{max-nodes=11}"),
    "loop_that_grows_with_an_if_of_a_named_size": loop(ON + """w = If(go)<then_branch = t () => (float[K] p) { p = Neg(v) },
        else_branch = e () => (float[K] q) { q = Exp(v) }> a = Softmax(w) b = CumSum(a, zero) d = Softmax(b) s = CumSum(d, zero)
        v2 = Concat<axis = 0>(s, many)""", " ".join(["If (Neg) (Exp) Softmax CumSum Softmax CumSum Concat"] * 3), passes=CLEAN, head="float[N] x, bool go",
                                                       carried="float[C] v", made="float[D] v2", outs="float[M] y",
                                                       weights={"zero": scalar(0, np.int64), "many": rand(200)}),
    "loop_with_an_if_that_is_known": loop(ON + """v2 = If(yes)<then_branch = t () => (float[N] p) { p = Neg(v) },
        else_branch = e () => (float[N] q) { q = Exp(v) }>""", "Neg Neg Neg", passes="inline-if," + CLEAN),
    "loop_in_a_loop": loop(ON + """v2 = Loop(n, on0, v)<body = c (int64 j, bool go, float[N] r) => (bool go2, float[N] r2) {
        go2 = Identity(go) f = Cast<to = 1>(i) r2 = Mul(r, f) }>""", "Cast Mul Cast Mul Cast Mul Cast Mul", m=2, passes=CLEAN,
                           weights={"n": scalar(2, np.int64)}),
    "loop_of_random_numbers_stays": loop(ON + "v2 = RandomNormalLike<seed = 1.0>(v)", None),
    "loop_whose_outputs_nobody_reads": loop(ON + "v2 = Mul(v, x) o = Neg(v)", "Mul Mul", m=2, passes=CLEAN, **(BOTH | {"outs": "float[N] y"})),
    "loop_that_reads_the_number_of_a_shape": loop(ON + "v2 = Mul(v, x)", "Mul Mul", m=None, head="float[2,N] u, float[N] x", passes=CLEAN,
                                                  before="s = Shape<start = 0, end = 1>(u) m = Squeeze(s)", opset=20),
}


def scan(after, attrs="", head="float[2] s0, float[3,2] x", outs="float[2] y, float[A,B] z", given="s0, x", n=1, node="y, z", ins="float[2] a, float[2] e",
         made="float[2] a2, float[2] o", body="a2 = Add(a, e) o = Mul(a2, e)", behind="", **more):
    """Scan over `body`, along `n` of its inputs."""
    text = f"""g ({head}) => ({outs}) {{ {node} = Scan<num_scan_inputs = {n}{attrs and ", " + attrs}, body = b ({ins}) => ({made}) {{ {body} }}>({given}) {behind} }}"""
    return dict(text=text, passes=more.pop("passes", CLEAN), after=after, tol=0, opset=more.pop("opset", 17), **more)


STEP = " Gather Add Mul"
STEPS = (3 * STEP + 3 * " Unsqueeze" + " Concat").strip()
# A node stands in the body: ONNX Runtime makes of an empty one what lies in memory.
PASSES_ON = dict(head="float[3,2] x", given="x", node="z", outs="float[A,B] z", ins="float[2] e", made="float[2] o", body="o = Identity(e)")
BESIDE = dict(head="float[2] s0, float[2,3] x", attrs="scan_input_axes = [1], scan_output_axes = [1]")
CASES |= {
    "scan": scan(STEPS, told="runs 3 times", check=names("y", "z")),
    "scan_at_opset_11": scan(STEPS, opset=11),
    "scan_along_the_last_axis": scan(STEPS, **BESIDE),
    "scan_along_axes_counted_from_the_end": scan(STEPS, **(BESIDE | {"attrs": "scan_input_axes = [-1], scan_output_axes = [-1]"})),
    "scan_from_the_end": scan(STEPS, attrs="scan_input_directions = [1]"),
    "scan_that_collects_from_the_end": scan(STEPS, attrs="scan_output_directions = [1]"),
    "scan_from_the_end_along_the_last_axis": scan(
        STEPS, head=BESIDE["head"], attrs=BESIDE["attrs"] + ", scan_input_directions = [1], scan_output_directions = [1]"),
    "scan_of_two_inputs_of_which_one_tells_its_size": scan(
        (2 * " Gather Gather Mul Add" + " Unsqueeze Unsqueeze Concat").strip(), head="float[2] s0, float[2,2] x, float[T,2] u", given="s0, x, u", n=2,
        ins="float[2] a, float[2] e, float[2] f", body="o = Mul(e, f) a2 = Add(a, o)", feeds={"u": rand(2, 2)}),
    "scan_that_carries_nothing": scan("Gather Neg Gather Neg Gather Neg Unsqueeze Unsqueeze Unsqueeze Concat", head="float[3,2] x", given="x", node="z",
                                      outs="float[A,B] z", ins="float[2] e", made="float[2] o", body="o = Neg(e)"),
    "scan_that_reads_from_outside": scan(STEPS, head="float[2] s0, float[3,2] x, float[2] w", body="a2 = Add(a, e) o = Mul(a2, w)"),
    "scan_whose_elements_are_not_read": scan("Neg Neg Neg Unsqueeze Unsqueeze Unsqueeze Concat", body="a2 = Neg(a) o = Identity(a2)"),
    "scan_of_one_step": scan("Gather Add Mul Unsqueeze", head="float[2] s0, float[1,2] x"),
    "scan_of_unknown_steps_stays": scan(None, head="float[2] s0, float[T,2] x", passes="unroll-loops"),
    "scan_of_too_many_steps_stays": scan(None, passes="unroll-loops{max-turns=2}"),
    "scan_of_too_many_nodes_stays": scan(None, passes="unroll-loops{max-nodes=11}"),
    "scan_of_as_many_nodes": scan(STEPS, passes=CLEAN.replace("loops", "loops{max-nodes=12}")),
    "scan_that_passes_on_too_much_stays": scan(None, **PASSES_ON, passes="unroll-loops{max-nodes=5}"),
    "scan_that_passes_on": scan("Gather Gather Gather Unsqueeze Unsqueeze Unsqueeze Concat", passes=CLEAN.replace("loops", "loops{max-nodes=9}"),
                                **PASSES_ON),
    "scan_with_sizes_set": scan("Gather Add Mul Gather Add Mul Unsqueeze Unsqueeze Concat", head="float[2] s0, float[T,2] x",
                                passes="set-shapes{shapes=[\"x=2,2\"]}," + CLEAN, interface_changes=True, feeds={"x": rand(2, 2)}),
}


def sequence(body, after, x="N,6", y="N,A", weights=None, **more):
    numbers = {"i0": scalar(0, np.int64), "i1": scalar(1, np.int64), "last": scalar(-1, np.int32), "two": scalar(2, np.int64),
               "far": scalar(9, np.int64), "sizes": ints(1, 5), "s32": np.array([4, 2], np.int32), **(weights or {})}
    words = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return dict(text=f"g (float[{x}] x) => (float[{y}] y) {{ {body} }}", weights={k: v for k, v in numbers.items() if k in words},
                passes="drop-sequences", after=after, tol=0, **more)


def parts(*wanted):
    def check(model):
        split, = [n for n in model.graph.node if n.op_type == "Split"]
        held = {t.name: list(np.frombuffer(t.raw_data, np.int64)) for t in model.graph.initializer}
        got = held[split.input[1]] if len(split.input) > 1 else list(split.attribute[-1].ints)
        assert tuple(got) == wanted and len(split.output) == len(wanted), (got, list(split.output))
    return check


CASES |= {
    "split_in_equal_parts": sequence("s = SplitToSequence<axis = 1>(x, two) a = SequenceAt(s, i0) b = SequenceAt(s, last) y = Add(a, b)",
                                     "Split Add", check=parts(2, 2, 2), told="Split in 3"),
    "split_with_a_shorter_last_part": sequence("s = SplitToSequence<axis = -1>(x, two) y = SequenceAt(s, last)", "Split", x="N,5",
                                               check=parts(2, 2, 1)),
    "split_by_a_size_that_says_keepdims_stays": sequence("s = SplitToSequence<axis = 1, keepdims = 0>(x, i1) t = SequenceAt(s, i0) y = Flatten(t)", None),
    "split_by_sizes": sequence("s = SplitToSequence<axis = 1>(x, sizes) a = SequenceAt(s, i0) b = SequenceAt(s, i1) y = Mul(a, b)",
                               "Split Mul", check=parts(1, 5)),
    "split_by_sizes_of_int32": sequence("s = SplitToSequence<axis = 1>(x, s32) y = SequenceAt(s, i1)", "Split", check=parts(4, 2)),
    "split_by_sizes_of_an_axis_that_is_not_known": sequence("s = SplitToSequence<axis = 1>(x, sizes) y = SequenceAt(s, i1)", "Split",
                                                            x="N,M", feeds={"x": rand(3, 6)}, check=parts(1, 5)),
    "split_below_13": sequence("s = SplitToSequence<axis = 1>(x, sizes) y = SequenceAt(s, i1)", "Split", opset=11, check=parts(1, 5)),
    "split_since_18": sequence("s = SplitToSequence<axis = 1>(x, two) y = SequenceAt(s, i1)", "Split", opset=18, check=parts(2, 2, 2)),
    "each_index": sequence("s = SplitToSequence<axis = 1>(x) a = SequenceAt(s, i0) b = SequenceAt(s, last) y = Add(a, b)", "Split Add",
                           check=parts(1, 1, 1, 1, 1, 1)),
    "each_index_without_the_axis": sequence(
        "s = SplitToSequence<axis = 1, keepdims = 0>(x) a = SequenceAt(s, i0) b = SequenceAt(s, last) y = Add(a, b)",
        "Split Squeeze Squeeze Add", y="N"),
    "each_index_without_the_axis_below_13": sequence(
        "s = SplitToSequence<axis = 0, keepdims = 0>(x) a = SequenceAt(s, i0) y = Neg(a)", "Split Squeeze Neg", x="2,M", y="M", opset=12),
    "keepdims_means_nothing_beside_sizes": sequence("s = SplitToSequence<axis = 1, keepdims = 0>(x, sizes) y = SequenceAt(s, i0)", "Split",
                                                    check=parts(1, 5)),
    "one_part_read_twice": sequence("s = SplitToSequence<axis = 1>(x, two) a = SequenceAt(s, i1) b = SequenceAt(s, i1) y = Add(a, b)",
                                    "Split Add"),
    "a_length_that_is_read_stays": sequence(
        "s = SplitToSequence<axis = 1>(x, two) a = SequenceAt(s, i0) n = SequenceLength(s) f = Cast<to = 1>(n) y = Mul(a, f)", None),
    "a_place_that_is_not_constant_stays": dict(
        text="g (float[N,6] x, int64 i) => (float[N,A] y) { s = SplitToSequence<axis = 1>(x, two) y = SequenceAt(s, i) }",
        weights={"two": scalar(2, np.int64)}, feeds={"i": scalar(1, np.int64)}, passes="drop-sequences", after=None),
    "equal_parts_of_an_axis_that_is_not_known_stay": sequence("s = SplitToSequence<axis = 0>(x, two) y = SequenceAt(s, i0)", None,
                                                              y="A,6"),
    "read_in_a_body_stays": dict(
        text="""g (float[N,6] x, bool b) => (float[N,A] y) { s = SplitToSequence<axis = 1>(x, two)
            y = If(b)<then_branch = t () => (float[N,C] p) { p = SequenceAt(s, zero) },
                      else_branch = e () => (float[N,D] q) { q = SequenceAt(s, two) }> }""",
        weights={"two": scalar(2, np.int64), "zero": scalar(0, np.int64)}, passes="drop-sequences", after=None),
    "a_constructed_sequence": sequence("a = Neg(x) b = Abs(x) s = SequenceConstruct(a, b) y = SequenceAt(s, last)", "Abs", y="N,6"),
    "a_constructed_sequence_with_other_readers": sequence(
        "a = Neg(x) s = SequenceConstruct(a, x) b = SequenceAt(s, i0) n = SequenceLength(s) f = Cast<to = 1>(n) y = Mul(b, f)",
        "Neg SequenceConstruct SequenceLength Cast Mul", y="N,6"),
    "a_joined_sequence": sequence("a = Neg(x) s = SequenceConstruct(a, x) y = ConcatFromSequence<axis = 1>(s)", "Neg Concat", y="N,12"),
    "a_stacked_sequence_stays": sequence("a = Neg(x) s = SequenceConstruct(a, x) y = ConcatFromSequence<axis = 1, new_axis = 1>(s)",
                                         None, y="N,2,6"),
    "an_input_at_a_place_stays_where_it_is_an_output": sequence("s = SequenceConstruct(x, x) y = SequenceAt(s, i0)", None, y="N,6"),
}


def lift(then, other, **more):
    """Two branches, with the initializers w_then and w_else, or of given names."""
    arrays = more.pop("arrays", (W, W))
    names = more.pop("names", ("w_then", "w_else"))

    def bodies(model):
        for a in [n for n in model.graph.node if n.op_type == "If"][0].attribute:
            a.g.initializer.append(numpy_helper.from_array(arrays[a.name == "else_branch"], names[a.name == "else_branch"]))
    return dict(text=f"""g (float[N,16] x, bool c) => (float[N,16] y) {{ y = If(c)<then_branch = t () => (float[N,16] p) {{ {then} }},
        else_branch = e () => (float[N,16] q) {{ {other} }}> }}""", passes=more.pop("passes", "lift-initializers,merge-equal"), edit=bodies, tol=0,
        weights=more.pop("weights", {}), **more)


def held(*wanted):
    """Names of initializers at the top, then how many are left in bodies."""
    def check(model):
        got = sorted(t.name for t in model.graph.initializer)
        inside = sum(len(a.g.initializer) for n in model.graph.node for a in n.attribute)
        assert (got, inside) == (sorted(wanted[:-1]), wanted[-1]), (got, inside)
    return check


W = rand(16, 16)
CASES |= {
    "equal_initializers_of_two_bodies": lift("p = MatMul(x, w_then)", "a = Neg(x) q = MatMul(a, w_else)", after="If (MatMul) (Neg MatMul)",
                                             check=held("w_then_1", 0)),
    "different_ones_of_one_name": lift("p = MatMul(x, w)", "q = MatMul(x, w)", arrays=(W, rand(16, 16)), names=("w", "w"),
                                       after="If (MatMul) (MatMul)", check=held("w_1", "w_2", 0)),
    "equal_ones_of_one_name": lift("p = MatMul(x, w)", "a = Neg(x) q = MatMul(a, w)", names=("w", "w"), after="If (MatMul) (Neg MatMul)",
                                   check=held("w_1", 0)),
    "one_that_the_top_graph_has": lift("p = MatMul(x, w_then)", "a = MatMul(x, v) q = MatMul(a, w_else)", weights={"v": W},
                                       after="If (MatMul) (MatMul MatMul)", check=held("v", 0)),
    "different_ones_move_too": lift("p = MatMul(x, w_then)", "q = MatMul(x, w_else)", arrays=(W, rand(16, 16)), after="If (MatMul) (MatMul)",
                                    check=held("w_then_1", "w_else_1", 0)),
    "small_ones_stay_in_their_bodies": lift("p = Add(x, w_then)", "q = Mul(x, w_else)", arrays=(rand(16),) * 2, after=None),
    "small_ones_on_request": lift("p = Add(x, w_then)", "q = Mul(x, w_else)", arrays=(rand(16),) * 2, passes="lift-initializers{min-bytes=0}",
                                  after="If (Add) (Mul)", check=held("w_then_1", "w_else_1", 0)),
    "an_output_of_a_body_stays_in_it": dict(
        text="g (float[N] x, bool c) => (float[2] y) { y = If(c)<then_branch = t () => (float[2] w) <float[2] w = {1, 2}> { }, "
             "else_branch = e () => (float[2] q) { s = ReduceSum(x) q = Concat<axis = 0>(s, s) }> }",
        passes="lift-initializers{min-bytes=0}", after=None),
    "the_content_of_an_optional": dict(text="g (float[N] x) => (float[N] y) { o = Optional(x) e = OptionalGetElement(o) y = Neg(e) }",
                                       passes="drop-sequences", after="Neg", opset=15, tol=0),
    "the_content_of_a_tensor": dict(text="g (float[N] x) => (float[N] y) { e = OptionalGetElement(x) y = Neg(e) }",
                                    passes="drop-sequences", after="Neg", opset=18, tol=0),
    "the_content_of_an_optional_sequence_stays": dict(
        text="g (float[N] x) => (float[N] y) { s = SequenceConstruct(x, x) o = Optional(s) e = OptionalGetElement(o) y = SequenceAt(e, i) }",
        weights={"i": scalar(0, np.int64)}, passes="drop-sequences", after=None, opset=15),
}
main(CASES)
