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


def interrupt(arguments, delay, number=signal.SIGINT):
    """Exit code, 130 for a process that the signal reached before main; its messages."""
    p = subprocess.Popen([quern, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    p.send_signal(number)
    said = p.communicate(timeout=60)[1]
    return 130 if p.returncode == -number else p.returncode, said


waits = ["apply", f"{work}/model.onnx", "-o", f"{out}/w.onnx", "--plugin", plugin, "--passes", "test-pass"]
for number in signal.SIGINT, signal.SIGTERM:
    code, said = interrupt(waits, 1.0, number)
    assert code == 130, (code, said)
    assert "error[cancelled]: pass 'test-pass': cancelled" in said, said
    assert not list(out.iterdir()), list(out.iterdir())

# While a child of `plugin check` loops: nothing of it is left, neither process nor folder.
os.environ["TMPDIR"] = str(out)
code, said = interrupt(["plugin", "check", plugin.replace("waits", "loops")], 1.0)
assert code == 130 and "error[cancelled]: cancelled" in said, (code, said)
assert not list(out.iterdir()), list(out.iterdir())
# At a second signal, or one that cannot be caught, the process ends at once; the folder goes right behind it.
loops = [quern, "plugin", "check", plugin.replace("waits", "loops")]
for numbers in (signal.SIGINT, signal.SIGTERM), (signal.SIGKILL,):
    p = subprocess.Popen(loops, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    folder, = out.iterdir()
    for number in numbers:
        p.send_signal(number)
    assert p.wait(timeout=60) in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL), p.returncode
    until = time.monotonic() + 10
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not list(out.iterdir()), list(out.iterdir())
del os.environ["TMPDIR"]

job = ["quantize", f"{digits}/model.onnx", "--data", f"{digits}/calib.npz", "--threads", "1"]
start = time.monotonic()
subprocess.run([quern, *job, "-o", f"{work}/whole.onnx"], check=True, stdout=subprocess.DEVNULL)
whole, seconds = pathlib.Path(work, "whole.onnx").read_bytes(), time.monotonic() - start
seen = set()
for i in range(8):
    code, said = interrupt([*job, "-o", f"{out}/q.onnx"], seconds * i / 6)
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
