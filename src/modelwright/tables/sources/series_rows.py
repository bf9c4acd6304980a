"""Makes rows of the steps of series in .ts files: `@` lines that describe them, `@data`, then one series a line."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading, Refusal, TextRules
from modelwright.tables.sources.text_lines import text_lines

MISSING = ("", "?", "NaN", "nan")


@dataclass(frozen=True)
class Preamble:
    """What stands before the data; `line` is the one that says `@data`."""

    channels: int
    labelled: bool
    line: int


def read_preamble(path: Path, name: str) -> Preamble:
    """DataError where there is none, or where times are written beside the values."""
    said: dict[str, str] = {}
    for line, text in text_lines(path, "utf-8", name):
        word, _, rest = text.strip().partition(" ")
        if word.lower() == "@data":
            labelled = said.get("@classlabel", said.get("@targetlabel", "false")).lower().startswith("true")
            if said.get("@timestamps", "false").lower() == "true":
                raise DataError("series with times beside their values can't be read", where=name)
            channels = int(found) if (found := said.get("@dimensions", "")).isdecimal() else 0
            return Preamble(channels or _channels(path, name, line, labelled=labelled), labelled, line)
        if word.startswith("@"):
            said[word.lower()] = rest.strip()
        elif word and not word.startswith("#"):
            raise DataError("neither a comment nor @…, before @data", where=f"{name}:{line}")
    raise DataError("no line says @data", where=name)


def columns_of(preamble: Preamble) -> list[str]:
    channels = [f"channel_{number}" for number in range(1, preamble.channels + 1)]
    return ["series", "step", *channels, *(["label"] if preamble.labelled else [])]


def read_series(engine: Engine, files: Sequence[tuple[Path, str]]) -> Reading:
    """Fill `raw` and `rejects` from (path, shown name) pairs."""
    import pyarrow as pa

    from modelwright.tables.sources.arrow_rows import Rows, batches_of, noted, read_batches

    preambles = [read_preamble(path, name) for path, name in files]
    names, numbers, rows = columns_of(preambles[0]), count(1), []
    for (path, name), preamble in zip(files, preambles, strict=True):
        if columns_of(preamble) != names:
            raise DataError(f"{preamble.channels} channels, {files[0][1]} has {preambles[0].channels}", where=name)
        lines: array[int] = array("q")
        refused: list[Refusal] = []
        steps = _steps(path, name, preamble, numbers, lines, refused)
        batches = batches_of(names, steps, {"series": pa.int64(), "step": pa.int64()})
        rows.append(Rows(name, batches, noted(lines), refused))
    kinds = {column: "BIGINT" if column in ("series", "step") else "VARCHAR" for column in names}
    return read_batches(engine, kinds, rows, textual=True, rules=TextRules(MISSING, strip=True))


def _steps(
    path: Path, name: str, preamble: Preamble, numbers: Iterator[int], lines: array[int], refused: list[Refusal]
) -> Iterator[Sequence[object]]:
    for line, text in text_lines(path, "utf-8", name):
        if line <= preamble.line or not text.strip() or text.startswith("#"):
            continue
        fields = text.split(":")
        label = [fields.pop().strip()] if preamble.labelled else []
        channels = [field.split(",") for field in fields]
        if len(channels) != preamble.channels:
            refused.append((name, line, None, text, f"{len(channels)} channels, not {preamble.channels}"))
            continue
        if len({len(values) for values in channels}) > 1:
            refused.append((name, line, None, text, "channels of different lengths"))
            continue
        series = next(numbers)
        for step, values in enumerate(zip(*channels, strict=True), 1):
            lines.append(line)
            yield series, step, *values, *label


def _channels(path: Path, name: str, after: int, *, labelled: bool) -> int:
    """Where the preamble does not say: as many as the first series has."""
    first = next((text for line, text in text_lines(path, "utf-8", name) if line > after and text.strip()), "")
    return max(first.count(":") + (not labelled), 1)
