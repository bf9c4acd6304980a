"""Durations, sizes and numbers as people write them: `7d`, `512MB`, `1,489`."""

import math
import re

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_duration_s(text: str) -> float:
    """Seconds in `7d`, `12h`, `30m`, `90s` or `2w`. ValueError when it is none of these."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if not found:
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 30m, 12h, 7d or 2w")
    return float(found[1]) * SECONDS[found[2]]


def parse_bytes(text: str) -> int:
    """Bytes in `512MB` or `2GiB`. ValueError when it is neither."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?B)\s*", text.upper())
    if not found:
        raise ValueError(f"{text!r} is not a size; write for example 512MB or 2GiB")
    return int(float(found[1]) * BYTES[found[2]])


def format_number(value: float, digits: int = 4) -> str:
    """`0.8498`, `12.5`, `1,489`: so many significant digits, and all digits before the point; no needless zeros."""
    size = abs(value)
    if not math.isfinite(value) or size >= 1e15 or size < 1e-4:
        return f"{value:.{digits}g}"
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_bytes(count: float) -> str:
    """`1.2 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def format_duration(seconds: float) -> str:
    """`35 µs`, `0.8 s`, `2 min 5 s`, `3 h 10 min`."""
    if 0 < seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    if 0 < seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
