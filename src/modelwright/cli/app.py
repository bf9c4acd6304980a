"""The command line's entry: finds the command that was typed, and turns every error into a message and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command, get_group

from modelwright.cli.terminal import tell
from modelwright.core.errors import ModelwrightError, Problem, ResourceError, SpecError

SECTIONS = {
    "Start": ("init", "check", "plan"),
    "Stages": ("prepare", "train", "tune", "evaluate", "export", "serve", "monitor"),
    "Several stages": ("run", "retrain"),
    "Beside them": ("predict", "runs", "schema", "doctor"),
}
COMMANDS = tuple(name for names in SECTIONS.values() for name in names)
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143
LACKING = frozenset(  # errno when something is full, not allowed or broken
    getattr(errno, f"E{name}") for name in ("NOSPC", "DQUOT", "ROFS", "ACCES", "PERM", "NOMEM", "MFILE", "NFILE", "IO")
)


class Commands(TyperGroup):
    """Imports a command's module when it is named, so that one command does not pay for all."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        widest = max(map(len, COMMANDS))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), summary(name)) for name in names])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        from modelwright.core.names import did_you_mean

        hint = f"known: {', '.join(COMMANDS)}"
        raise SpecError(f'there is no command "{args[0]}"{did_you_mean(args[0], COMMANDS)}', hint=hint)


def summary(name: str) -> str:
    """What `--help` says of a command, without building its options."""
    module = import_module(f"modelwright.cli.{name}")
    text: str = module.app.info.help if hasattr(module, "app") else getattr(module, name).__doc__
    return text


def command(name: str) -> Any:
    """The command in `cli/<name>.py`: its function of that name, or its `app` where it has sub-commands."""
    module = import_module(f"modelwright.cli.{name}")
    if hasattr(module, "app"):
        module.app.rich_markup_mode = None
        return get_group(module.app)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(getattr(module, name))
    return get_command(single)


app = typer.Typer(cls=Commands, name="modelwright", no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def _version(asked: bool) -> None:
    if asked:
        from modelwright import __version__

        typer.echo(f"modelwright {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """One YAML spec from raw data to a monitored model server."""


def main() -> NoReturn:
    """Run the command line; never returns."""
    signal.signal(signal.SIGTERM, _terminated)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line. Every error is told here and nowhere else."""
    as_json = "--json" in arguments
    try:
        if arguments and arguments[0] in COMMANDS:
            # Past the group: parsing its own options would import pydantic, which `train --help` can do without.
            name, *rest = arguments
            code = command(name)(rest, prog_name=f"modelwright {name}", standalone_mode=False)
        else:
            code = get_command(app)(list(arguments), prog_name="modelwright", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _usage_error(error, as_json=as_json)
    except ModelwrightError as error:
        return _failed(error.problems, error.exit_code, as_json=as_json)
    except MemoryError:
        problem = Problem("out of memory", hint="lower prepare.memory, use fewer rows, or a larger machine")
        return _failed([problem], ResourceError.exit_code, as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our pipe has gone
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in LACKING:
            return _bug(as_json=as_json)
        named = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        return _failed([Problem(named)], ResourceError.exit_code, as_json=as_json)
    except Terminated:
        return _stopped(TERMINATED, as_json=as_json)
    except KeyboardInterrupt:
        return _stopped(INTERRUPTED, as_json=as_json)
    except SystemExit as stop:
        # Typer meets a broken pipe first, silences stdout and leaves with 1, which here is for bugs.
        return BROKEN_PIPE if isinstance(stop.__context__, BrokenPipeError) else _bug(as_json=as_json)
    except Exception:  # noqa: BLE001 - the boundary: what arrives here is a bug, and is shown as one
        return _bug(as_json=as_json)
    if code == INTERRUPTED:
        return _stopped(INTERRUPTED, as_json=as_json)
    return code if isinstance(code, int) else 0


class Terminated(SystemExit):
    """SIGTERM: leaves through every `finally`, so that nothing half-written stays."""


def _terminated(number: int, frame: object) -> NoReturn:
    raise Terminated(TERMINATED)


def _stopped(code: int, *, as_json: bool) -> int:
    return _failed([Problem("interrupted" if code == INTERRUPTED else "terminated")], code, as_json=as_json)


def _usage_error(error: TyperException, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        tell(error.format_message())
        return SpecError.exit_code
    message = error.format_message().rstrip(".")
    near = getattr(error, "possibilities", None)
    if near:
        message = f"{error.message}; did you mean {' or '.join(sorted(near))}?"
    hint = f"{context.command_path} --help" if context is not None else ""
    return _failed([Problem(message[:1].lower() + message[1:], hint=hint)], SpecError.exit_code, as_json=as_json)


def _failed(problems: Sequence[Problem], code: int, *, as_json: bool) -> int:
    for problem in problems:
        tell(str(problem), mark="error: ")
    if as_json:
        from modelwright.core.canonical import to_json

        listed = [{"message": each.message, "where": each.where, "hint": each.hint} for each in problems]
        sys.stdout.buffer.write(to_json({"error": {"problems": listed, "exit_code": code}}))
        sys.stdout.flush()
    return code


def _bug(*, as_json: bool) -> int:
    import traceback

    from modelwright import __version__

    tell(traceback.format_exc())
    error = sys.exc_info()[1]
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = "please report it to the maintainers with the traceback above, the command and, if you can, the spec"
    return _failed([Problem(f"a bug in modelwright {__version__}: {what}", hint=hint)], 1, as_json=as_json)
