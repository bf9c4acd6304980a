"""What the terminal can show: its width, its colours, and text without control characters."""

import os
import shutil
import sys
from typing import TextIO

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
CONTROLS |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}  # turn text around
STYLES = {"red": "31", "yellow": "33", "dim": "2", "bold": "1"}


def plain(text: str) -> str:
    """Names from data may hold escape sequences; a terminal must not obey them."""
    return text.translate(CONTROLS).encode(errors="backslashreplace").decode()


def coloured(stream: TextIO) -> bool:
    """A terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, stream: TextIO) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if coloured(stream) else text


def width() -> int:
    """Columns of the terminal, or of the environment; 100 where neither says."""
    return max(shutil.get_terminal_size((100, 24)).columns, 20)


def tell(text: str, *, mark: str = "", style: str = "red") -> None:
    """One or more lines for people, on stderr."""
    print(styled(mark, style, sys.stderr) + plain(text) if mark else plain(text), file=sys.stderr, flush=True)
