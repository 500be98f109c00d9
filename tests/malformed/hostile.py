#!/usr/bin/env python3
"""Runs quern on every file of make-hostile.py: it must end with an error code
and one clear line, without a crash, soon, and in little memory. Models go
through `check` and `optimize`; data through `quantize`.

Usage: hostile.py MAKE-HOSTILE [FOLDER]; with FOLDER the files stay there."""
import os
import re
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

QUERN = os.environ["QUERN"]
SECONDS = 10  # of the processor; a machine under load must not matter
WALL = 200
MEMORY = 700 << 20
# Sanitizers keep memory of their own: no limit by the system there.
SANITIZED = b"__asan_init" in open(QUERN, "rb").read()
LINE = re.compile(r"error\[[a-z-]+\]: \S.{12,}")


def limit():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    seconds = SECONDS * 6 if SANITIZED else SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(args):
    env = dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1:max_allocation_size_mb=2048:hard_rss_limit_mb=2500")
    try:
        return subprocess.run([QUERN, *args], capture_output=True, timeout=WALL, preexec_fn=limit, env=env, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None


def judge(kind, path, expected, folder):
    out = os.path.join(os.path.dirname(path), "out.onnx")
    if kind == "model":
        verbs = [["check", path], ["optimize", path, "-o", out]]
    else:
        verbs = [["quantize", os.path.join(folder, "good.onnx"), "-o", out, "--data", path]]
    wrong = []
    for args in verbs:
        p = run(args)
        if p is None:
            wrong.append(f"{args[0]}: still running after {WALL} s")
            continue
        # What is wrong with operators and attributes alone is `check`'s to tell;
        # other verbs keep such nodes as they are.
        may_pass = args[0] == "optimize" and "1" in expected
        allowed = expected + ("1" if args[0] == "check" else "")
        text = (p.stderr + (p.stdout if args[0] == "check" else b"")).decode(errors="replace")
        if p.returncode == 0 and may_pass:
            continue
        if p.returncode < 0 or str(p.returncode) not in allowed or p.returncode == 0:
            wrong.append(f"{args[0]}: exit code {p.returncode}, right are {','.join(allowed)}: {text.strip()[-300:]}")
        elif not LINE.match(text) and not (args[0] == "check" and LINE.search(text)):
            wrong.append(f"{args[0]}: first line is '{text.splitlines()[0] if text else ''}'")
        if args[0] != "check" and os.path.exists(out) and p.returncode != 0:
            wrong.append(f"{args[0]}: an output is there")
    return wrong


def main():
    with tempfile.TemporaryDirectory() as own:
        folder = sys.argv[2] if len(sys.argv) > 2 else own
        subprocess.run([sys.executable, sys.argv[1], folder], check=True)
        cases = [line.split() for line in open(os.path.join(folder, "list.txt"))]
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda c: judge(*c, folder), cases))
        n_bad = 0
        for (kind, path, _), wrong in zip(cases, results):
            for w in wrong:
                print(os.path.relpath(path, folder) + ":", w)
            n_bad += bool(wrong)
    print(f"{len(cases)} hostile files, {n_bad} went wrong")
    return 1 if n_bad or len(cases) < 300 else 0


sys.exit(main())
