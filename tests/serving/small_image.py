"""A base image for building containers without a registry: this machine's Python, a shell, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PROGRAMS = ("sh", "chmod")  # what a Dockerfile's RUN needs
LATE = ("libgcc_s.so.1", "libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1")  # what wheels load
LEFT_OUT = ("test", "site-packages", "__pycache__", "idlelib", "tkinter", "lib2to3", "config-*", "ensurepip")


def root_files(folder: Path) -> Path:
    """A root file system with Python and pip under /usr/local, as in the official images."""
    source = Path(sysconfig.get_path("stdlib"))
    library = folder / "usr/local/lib" / source.name
    shutil.copytree(source, library, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    for place in ("tmp", "etc", "opt", "proc", "dev", "sys", "run", "usr/bin", "usr/local/bin"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    import pip

    shutil.copytree(Path(pip.__file__).parent, library / "site-packages" / "pip")
    python = folder / "usr/local/bin" / source.name
    shutil.copy(Path(sys.executable).resolve(), python)
    for name in ("python", "python3"):
        (python.parent / name).symlink_to(python.name)
    programs = [Path(found) for name in PROGRAMS if (found := shutil.which(name))]
    for program in programs:
        shutil.copy(program.resolve(), folder / "usr/bin" / program.name)
    (folder / "bin").symlink_to("usr/bin")
    for needed in _libraries([Path(sys.executable).resolve(), *programs, *source.glob("lib-dynload/*.so")]):
        place = folder / needed.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(needed.resolve(), place)
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "tmp").chmod(0o1777)
    return folder


def _libraries(binaries: list[Path]) -> set[Path]:
    found: set[Path] = set()
    for binary in binaries:
        said = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
        found |= {Path(path) for path in re.findall(r"(/\S+) \(0x", said)}
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    for name in LATE:
        paths = re.findall(rf"{re.escape(name)} \([^)]*x86-64[^)]*\) => (/\S+)", known)
        found |= {Path(path) for path in paths[:1]}
    return found
