"""Writes that survive a crash, and the place where a full disk becomes an error a user understands."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelwright.core.errors import ArtifactError, ModelwrightError, ResourceError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
NOT_A_FOLDER = frozenset({errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG})
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})


def resource_error(error: BaseException, place: Path | str) -> ResourceError | None:
    """What the machine lacks, when that is why `error` was raised; None when the cause is another."""
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM:
        return ResourceError(f"out of memory while working on {place}", hint="free memory or use less data")
    # DuckDB and Arrow report a full disk in words only.
    if code in FULL or os.strerror(errno.ENOSPC) in str(error):
        return ResourceError(f"no space left on the disk of {place}", hint="free space, or pass --runs DIR")
    if code in FORBIDDEN:
        where = getattr(error, "filename", None) or place
        return ResourceError(f"{where}: {os.strerror(code)}", hint="make the folder writable, or pass --runs DIR")
    if code in NOT_A_FOLDER or code in EXHAUSTED:
        return ResourceError(f"{getattr(error, 'filename', None) or place}: {os.strerror(code)}")
    return None


@contextmanager
def resources(place: Path | str) -> Iterator[None]:
    """Inside, a full disk, a read-only folder and the like are raised as ResourceError."""
    try:
        yield
    except (ModelwrightError, FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:
        found = resource_error(error, place)
        if found is None:
            raise
        raise found from error


def make_folders(folder: Path) -> None:
    """`mkdir -p`, with every new entry made durable."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    try:
        os.mkdir(folder)  # noqa: PTH102  # beside the other calls of this protocol, all of os
    except FileExistsError:
        if folder.is_dir():  # another process was faster
            return
        raise
    sync(folder.parent)


def write(path: Path, content: bytes) -> None:
    """Write a file; `sync` makes it durable."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """fsync a file, or a folder's entries."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, content: bytes) -> None:
    """Give a file new content: readers see the old or the new, never half."""
    beside = path.with_name(temporary(path.name))
    try:
        write(beside, content)
        sync(beside)
        os.replace(beside, path)  # noqa: PTH105  # as above
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def temporary(label: str) -> str:
    """A name that no reader looks at and that `sweep` removes."""
    return f".tmp-{label}-{os.getpid()}-{os.urandom(4).hex()}"


def discard(folder: Path) -> None:
    """Remove a folder so that a crash leaves it whole or unseen: rename it first."""
    trash = folder.with_name(temporary(folder.name))
    os.rename(folder, trash)  # noqa: PTH104  # as above
    sync(folder.parent)
    shutil.rmtree(trash, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what dead processes left; call it only under the lock that the living hold."""
    for entry in list(os.scandir(folder)):
        if not entry.name.startswith(".tmp-"):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


def open_regular(path: Path) -> int:
    """A file descriptor of a plain file; ArtifactError for links, devices and folders."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ArtifactError("is a link, and links are not followed", where=str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ArtifactError("is not a plain file", where=str(path))
    return handle
