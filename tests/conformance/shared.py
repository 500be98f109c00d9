"""Shared data of the conformance scripts: ONNX's own cases, unpacked once into the build folder."""
import os
import pathlib
import sys
import tarfile

SHARED = pathlib.Path(os.environ["QUERN_SHARED"])
QUERN = os.environ["QUERN"]


def skip(path):
    print(f"needs shared data: {path}")
    sys.exit(77)


def cases():
    """Folder of ONNX's operator cases."""
    archives = sorted(SHARED.glob("data/onnx-node-tests-*.tar.xz"))
    if not archives:
        skip("data/onnx-node-tests-*.tar.xz")
    folder = pathlib.Path(os.environ["QUERN_BUILD"]) / archives[-1].name.removesuffix(".tar.xz")
    if not folder.exists():
        # Under another name until it is whole: scripts run side by side.
        part = folder.with_name(f"{folder.name}.{os.getpid()}")
        with tarfile.open(archives[-1]) as archive:
            archive.extractall(part)
        try:
            part.rename(folder)
        except OSError:
            import shutil
            shutil.rmtree(part)
    return folder
