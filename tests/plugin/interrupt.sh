#!/usr/bin/env bash
# Ctrl-C: exit 130, no half file, in a pass that never ends and at any moment of a real job.
. "$(dirname "$0")/../cli/check.sh"
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 3 "$work/model.onnx" --kind leaky || exit 1
python3 - "$work" "$digits" "$QUERN_BUILD/tests/plugin/test-plugin-waits.so" <<'P' || exit 1
import os, pathlib, signal, subprocess, sys, time

work, digits, plugin = sys.argv[1:]
quern = os.environ["QUERN"]
out = pathlib.Path(work, "out")
out.mkdir()
begun = pathlib.Path(work, "begun")
os.environ["QUERN_TEST_BEGUN"] = str(begun)


def await_that(is_so, what, pause=0.0):
    """Until it is so; a minute is too long on any machine."""
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(pause)


def until_begun():
    """Until the plugin's pass runs."""
    await_that(begun.exists, "the pass begins")
    begun.unlink()


def interrupt(arguments, wait, number=signal.SIGINT):
    """Exit code, 130 for a process that the signal reached before main; its messages."""
    # Under nohup the tests ignore SIGHUP, and what they start does.
    p = subprocess.Popen([quern, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                         preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    wait()
    p.send_signal(number)
    said = p.communicate(timeout=60)[1]
    return 130 if p.returncode == -number else p.returncode, said


waits = ["apply", f"{work}/model.onnx", "-o", f"{out}/w.onnx", "--plugin", plugin, "--passes", "test-pass"]
for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
    code, said = interrupt(waits, until_begun, number)
    assert code == 130, (code, said)
    assert "error[cancelled]: pass 'test-pass': cancelled" in said, said
    assert not list(out.iterdir()), list(out.iterdir())

# While a child of `plugin check` loops: nothing of it is left, neither process nor folder.
os.environ["TMPDIR"] = str(out)
code, said = interrupt(["plugin", "check", plugin.replace("waits", "loops")], until_begun)
assert code == 130 and "error[cancelled]: cancelled" in said, (code, said)
assert not list(out.iterdir()), list(out.iterdir())
# At a second signal, or one that cannot be caught, the process ends at once; the folder goes right behind it.
loops = [quern, "plugin", "check", plugin.replace("waits", "loops")]
for numbers in (signal.SIGINT, signal.SIGTERM), (signal.SIGKILL,):
    p = subprocess.Popen(loops, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until_begun()
    folder, = out.iterdir()
    for number in numbers:
        p.send_signal(number)
    assert p.wait(timeout=60) in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL), p.returncode
    await_that(lambda: not folder.exists(), "no folder", pause=0.01)
    assert not list(out.iterdir()), list(out.iterdir())
# At the very moment at which the folder is there, too.
for i in range(20):
    p = subprocess.Popen(loops, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    await_that(lambda: list(out.iterdir()), "a folder")
    p.kill()
    p.wait(timeout=60)
    await_that(lambda: not list(out.iterdir()), "no folder", pause=0.01)
# Nobody to watch over a folder: there is none, and that is told. (Two descriptors are needed, one is left.)
# What looks for leaks at the end needs more of them.
few = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
p = subprocess.run(["bash", "-c", 'ulimit -n 4; exec "$0" "$@"', *loops], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=few)
assert p.returncode == 5 and "no folder for temporary files can be made" in p.stderr and "Too many open files" in p.stderr, p
assert not list(out.iterdir()), list(out.iterdir())
del os.environ["TMPDIR"]

job = ["quantize", f"{digits}/model.onnx", "--data", f"{digits}/calib.npz", "--threads", "1"]
start = time.monotonic()
subprocess.run([quern, *job, "-o", f"{work}/whole.onnx"], check=True, stdout=subprocess.DEVNULL)
whole, seconds = pathlib.Path(work, "whole.onnx").read_bytes(), time.monotonic() - start
seen = set()
for i in range(8):
    code, said = interrupt([*job, "-o", f"{out}/q.onnx"], lambda: time.sleep(seconds * i / 6))
    seen.add(code)
    files = list(out.iterdir())
    assert code in (0, 130), (code, said)
    # Interrupted behind the writing (the account is told): the file is whole.
    assert files in ([], [out / "q.onnx"]), files
    assert code == 130 or files, "no output"
    for f in files:
        assert f.read_bytes() == whole, "half a file"
        f.unlink()
assert 130 in seen, seen
P
finish
