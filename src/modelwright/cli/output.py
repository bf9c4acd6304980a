"""What goes to stdout (a path, or one JSON object) and what goes beside it (figures, for people)."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright.cli.render import render
from modelwright.cli.terminal import tell


def print_json(content: Mapping[str, Any]) -> None:
    from modelwright.core.canonical import to_json

    sys.stdout.buffer.write(to_json(dict(content)))
    sys.stdout.flush()


def print_path(path: Path) -> None:
    print(path)


def show(summary: Mapping[str, Any], *, quiet: bool) -> None:
    """Figures, to stderr."""
    if not quiet and summary:
        tell(render(summary))
