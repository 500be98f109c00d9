#!/usr/bin/env python3
"""Run `quern optimize --verify-each` on model folders: each pass must keep what it promises, on random samples and on those
that lie beside the model.

    scripts/check-verify.py QUERN DIR... [--every N] [--only GLOB] [--list] [--passes LIST] [-- ARGUMENT...]

Arguments behind -- go to quern (--ort-lib FILE). A model whose steps cannot be verified is told with the reason; that is
wrong unless an operator is the reason, which no engine here has. Exit 1 if a pass was undone or anything else is wrong.
"""
import argparse
import collections
import fnmatch
import json
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
import time

LACKS = ("no such operator", "ONNX Runtime", "embedded engine", "needs float")


def verify(quern, model, passes, data, arguments):
    """Counts of verdicts, and what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        verb = ["apply", "--passes", passes] if passes else ["optimize"]
        command = [quern, *verb, model, "-o", f"{folder}/out.onnx", "--verify-each", "--report", report, "-q", *arguments]
        done = subprocess.run(command + (["--data", model.parent] if data else []), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return {}, [f"exit {done.returncode}: {done.stderr.strip()}"]
        told = json.loads(report.read_text())
    counts, wrong = collections.Counter(), []
    for step in told["steps"]:
        found = step.get("verified", {"verdict": "unchanged"})
        counts[found["verdict"]] += 1
        if found["verdict"] == "differs":
            wrong.append(f"{step['pass']}: {found['text']}")
        elif found["verdict"] == "unknown" and not any(word in found["text"] for word in LACKS):
            wrong.append(f"{step['pass']} not verified: {found['text']}")
    return counts, wrong


def judge(job):
    quern, model, passes, arguments = job
    started = time.monotonic()
    lines, total = [], collections.Counter()
    for data in (False, True) if list(model.parent.glob("test_data_set_*")) else (False,):
        counts, wrong = verify(quern, model, passes, data, arguments)
        total.update(counts)
        lines += [f"{'given' if data else 'random'} data: {w}" for w in wrong]
    return model.parent.name, total, lines, time.monotonic() - started


def main():
    arguments = sys.argv[1:]
    rest = arguments[arguments.index("--") + 1:] if "--" in arguments else []
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("quern")
    parser.add_argument("dirs", nargs="+", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="*")
    parser.add_argument("--list", action="store_true", help="a line a model")
    parser.add_argument("--passes", help="instead of optimize")
    o = parser.parse_args(arguments[:len(arguments) - len(rest) - bool("--" in arguments)])
    models = sorted(m for d in o.dirs for m in d.glob("**/model.onnx") if fnmatch.fnmatch(m.parent.name, o.only))[::o.every]
    total, n_wrong, slowest = collections.Counter(), 0, ("", 0.0)
    with multiprocessing.Pool(2) as pool:
        for name, counts, wrong, took in pool.imap(judge, [(o.quern, m, o.passes, rest) for m in models]):
            total.update(counts)
            n_wrong += bool(wrong)
            slowest = max(slowest, (name, took), key=lambda x: x[1])
            if o.list or wrong or counts["unknown"]:
                print(f"{name}: {dict(counts)}, {took:.1f} s")
            for line in wrong:
                print(f"  wrong: {line}")
    print(f"{len(models)} models, {n_wrong} wrong; steps that change a model: {total['agrees']} verified, "
          f"{total['differs']} undone, {total['unknown']} not verified; slowest {slowest[0]} {slowest[1]:.1f} s")
    sys.exit(n_wrong > 0 or not models)


main()
