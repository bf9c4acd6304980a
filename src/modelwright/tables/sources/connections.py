"""What all databases need that are reached over a network: a driver that may be missing, a URL that is not to be told.

Standard library only.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from urllib.parse import unquote

from modelwright.core.errors import ResourceError

CONNECT_TIMEOUT_S = 10


def driver(module: str, package: str, extra: str) -> ModuleType:
    """The driver's module. ResourceError when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = f"pip install 'modelwright[{extra}]'"
        raise ResourceError(f"reading from {extra} needs the package {package}", hint=hint) from error


def first_line(message: str) -> str:
    return next((line.strip() for line in message.splitlines() if line.strip()), "")


def without_secrets(message: str, url: str) -> str:
    """The message without the URL, and without any piece of its password."""
    for piece in sorted({url, *_pieces(url)}, key=len, reverse=True):
        message = message.replace(piece, "…")
    return message


def _pieces(url: str) -> set[str]:
    """The password, written and meant, and what is left of it where a driver cuts a badly written URL."""
    within = re.findall(r"://[^:]*:(.*)@", url) + re.findall(r"(?i)passw(?:or)?d\s*=\s*('[^']*'|[^\s&]*)", url)
    whole = {form for text in within for form in (text, text.strip("'"), unquote(text))}
    cut = {piece for text in whole for piece in re.split(r"[:/@?#&=%\s]", text) if len(piece) > 1}
    return {text for text in whole | cut if text}
