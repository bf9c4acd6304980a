"""Splits by a hash of the row's id: the same row always goes to the same side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Split
from modelwright.parts.rows import group_of

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Random(Split):
    """At random, but stable: rows keep their side when data grows, and duplicates never straddle.

    Rows of one group (`group`, else the column of role entity) stay together, as in scikit-learn's GroupShuffleSplit:
    a hash of the group, else of the id, else of the whole row chooses the side. So shares are met on average, not
    exactly. Choose it for regression on rows without an order in time, and with `group` wherever several rows tell of
    one person, machine or place.
    """

    kind: Literal["random"] = "random"
    validation: float = Field(0.15, ge=0, lt=1, description="Share of rows that choose among models.")
    test: float = Field(0.15, ge=0, lt=1, description="Share of rows that only evaluate sees.")
    group: str | None = Field(
        None, description="Column whose equal values stay together; default: that of role entity."
    )

    @model_validator(mode="after")
    def _some_left(self) -> Random:
        if self.validation + self.test >= 1:
            raise ValueError("`validation` and `test` leave nothing to learn from")
        return self

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.splitting import assign, check_groups, key_of, share_of

        group = group_of(columns, self.group, "split.group")
        check_groups(engine, table, group, {"validation": self.validation, "test": self.test})
        share = share_of(key_of(group), seed)
        test, validation = f"{share} < {self.test!r}", f"{share} < {self.test + self.validation!r}"
        assign(engine, table, f"CASE WHEN {test} THEN 'test' WHEN {validation} THEN 'validation' ELSE 'learn' END")


PART = Random
