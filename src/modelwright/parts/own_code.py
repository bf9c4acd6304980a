"""Loads and calls a function in a user's file: what goes wrong there is told in their lines, not in ours."""

from __future__ import annotations

import contextlib
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, SpecError
from modelwright.core.names import did_you_mean

FRAMES_SHOWN = 5
MODULE = "modelwright_own_code"


def load(path: Path, name: str) -> Callable[[Any], Any]:
    """The function `name` of a Python file. SpecError when it can't be loaded, with its own file and line.

    Nothing is written beside the file, and its folder is not searched for modules: only the file itself is known to
    have changed or not.
    """
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpecError(f"is not valid Python: {said}", where=f"{path.name}{line}") from None
    except OSError as error:
        raise SpecError(f"can't be read: {error.strerror}", where=str(path)) from None
    module = types.ModuleType(MODULE)
    module.__file__ = str(path)
    with _told(path, "could not be loaded", SpecError), _known(module):
        exec(code, module.__dict__)
    function: Callable[[Any], Any] | None = getattr(module, name, None)
    if not callable(function):
        named = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        raise SpecError(f'there is no function "{name}"{did_you_mean(name, named)}', where=path.name)
    return function


def call(function: Callable[[Any], Any], argument: Any, path: Path) -> Any:
    """What the function returns. DataError when it fails."""
    with _told(path, f"{getattr(function, '__name__', 'function')} failed", DataError):
        return function(argument)


@contextlib.contextmanager
def _known(module: types.ModuleType) -> Iterator[None]:
    """Dataclasses and the like look their module up by its name while they are made."""
    sys.modules[MODULE] = module
    try:
        yield
    finally:
        del sys.modules[MODULE]


@contextlib.contextmanager
def _told(path: Path, what: str, kind: type[SpecError | DataError]) -> Iterator[None]:
    """Errors inside become one of ours; what is printed goes to stderr, where stdout is for results."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except MemoryError:
        raise
    except SystemExit as stop:
        if type(stop) is not SystemExit:  # ours: the process was told to end
            raise
        raise kind(f"{what}: it called exit({stop.code!r})", where=_place(stop, path)) from None
    except Exception as error:  # noqa: BLE001 - whatever a user's code raises
        said = f"{type(error).__name__}: {error}".strip().rstrip(":")
        raise kind(f"{what}: {said}{_frames(error, path)}", where=_place(error, path)) from None


def _inside(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]


def _place(error: BaseException, path: Path) -> str:
    frames = _inside(error, path)
    return f"{path.name}:{frames[-1].lineno}" if frames else path.name


def _frames(error: BaseException, path: Path) -> str:
    """The lines of the user's own file on the way to the error, outermost first."""
    frames = _inside(error, path)[-FRAMES_SHOWN:]
    return "".join(f"\n  {path.name}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames)
