"""Remembers what a version answered, so that the same input is scored once."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from modelwright.graph.layout import KIND_OF
from modelwright.serving.layout import Rows

if TYPE_CHECKING:
    from modelwright.serving.model import Scored, ServedModel

Key = tuple[int, bytes]  # version and the exact input
ENTRY_BYTES = 1_000  # what an entry takes besides its input and answers, roughly
TWICE = 2  # the input is held as key and as rows


class AnswerCache:
    """The least recently used answers go first when `max_mb` is full. A version is part of the key."""

    def __init__(self, max_mb: float) -> None:
        self._limit = int(max_mb * 1e6)
        self._entries: OrderedDict[Key, tuple[Scored, int]] = OrderedDict()
        self._widths: dict[int, Counter[str]] = {}  # by version: how many columns of each matrix are inputs
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def key(self, model: ServedModel, rows: Rows) -> Key:
        """What the graph is given, bit for bit; ids and other context, which it never sees, are left out."""
        widths = self._widths.get(model.version)
        if widths is None:
            widths = self._widths[model.version] = Counter(KIND_OF[field.type] for field in model.signature.inputs)
        texts = msgspec.msgpack.encode(rows.texts[:, : widths["texts"]].tolist())
        numbers, times = rows.numbers[:, : widths["numbers"]], rows.times[:, : widths["times"]]
        return model.version, b"%d " % len(rows) + numbers.tobytes() + times.tobytes() + texts

    def find(self, key: Key) -> Scored | None:
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def keep(self, key: Key, scored: Scored) -> None:
        answers = {name: values.copy() for name, values in scored.answers.items()}  # may be a part of a large batch
        size = ENTRY_BYTES + TWICE * len(key[1]) + sum(values.nbytes for values in answers.values())
        if size > self._limit or key in self._entries:
            return
        self._entries[key] = (replace(scored, answers=answers), size)
        self.bytes += size
        while self.bytes > self._limit:
            _, (_, freed) = self._entries.popitem(last=False)
            self.bytes -= freed

    def forget_all_but(self, versions: Collection[int]) -> None:
        """After a reload: answers of versions that are gone only take room."""
        for key in [key for key in self._entries if key[0] not in versions]:
            _, freed = self._entries.pop(key)
            self.bytes -= freed
