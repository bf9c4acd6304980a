"""Predictions as JSON, put together from columns: a dictionary for each row would take six times as long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from numpy.typing import NDArray

from modelwright.core.outputs import Output

encode = msgspec.json.encode


class JsonAnswers:
    """Writes `{"prediction": …, "probability": {class: …}}` for each row, by the outputs of a signature."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = outputs
        self._row = b"{%b}" % b",".join(b"%b:%b" % (_name(output.name), _place(output)) for output in outputs)
        self._texts: dict[str, bytes] = {}  # classes, which are few

    def rows(self, answers: Mapping[str, NDArray[Any]]) -> list[bytes]:
        """Of [N] or [N, K] by output."""
        columns = [column for output in self._outputs for column in self._columns(output, answers[output.name])]
        return [self._row % values for values in zip(*columns, strict=True)]

    def _columns(self, output: Output, values: NDArray[Any]) -> Iterator[Sequence[bytes]]:
        if output.type == "text":
            yield [self._text(value) for value in values.tolist()]
            return
        written = encode(values.ravel().tolist())[1:-1].split(b",")
        width = output.width or 1
        for place in range(width):
            yield written[place::width]

    def _text(self, value: str) -> bytes:
        found = self._texts.get(value)
        if found is None:
            found = self._texts[value] = encode(value)
        return found


def _name(name: str) -> bytes:
    return encode(name).replace(b"%", b"%%")


def _place(output: Output) -> bytes:
    if output.labels is None:
        return b"%b"
    return b"{%b}" % b",".join(_name(label) + b":%b" for label in output.labels)
