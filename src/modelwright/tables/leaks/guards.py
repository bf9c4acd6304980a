"""Looks for what makes scores too good: columns that give the target away, and splits that let learn see the test."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.core.columns import Column
from modelwright.tables.engine import Engine
from modelwright.tables.leaks.duplicates import repeated_across
from modelwright.tables.leaks.evidence import Leak, draw
from modelwright.tables.leaks.groups import torn_groups
from modelwright.tables.leaks.labels import decimal_commas, spelt_differently, words_for_missing
from modelwright.tables.leaks.order import counts_rows, drifts, follows_order, time_of
from modelwright.tables.leaks.single import class_given_away, number_given_away
from modelwright.tables.leaks.sums import adds_up


def find_leaks(
    engine: Engine, columns: Sequence[Column], target: Column, *, classification: bool, group: str | None = None
) -> list[Leak]:
    """What the guards say of the table `rows`; each looks at a sample and confirms with counts over all rows.

    Cheap, and blind to subtler leaks. `group`: the column whose rows the split keeps together, if not that of role
    entity.
    """
    grouped = group is not None or any(column.role == "entity" for column in columns)
    sample = draw(engine, columns, target, classification=classification)
    time = time_of(sample)
    if classification:
        found = class_given_away(engine, sample, target.name)
    else:
        found = number_given_away(sample, target.name)
        found += adds_up(engine, sample, target.name, [name for leak in found for name in leak.columns])
    found += counts_rows(sample)
    found += follows_order(engine, sample, target, time, grouped=grouped)
    found += drifts(sample, target, time)
    found += [] if grouped else torn_groups(engine, sample, target)
    found += repeated_across(engine, sample, target)
    found += spelt_differently(engine, columns) + words_for_missing(engine, columns)
    return found + decimal_commas(engine, columns)
