"""How the leaderboard of `train --compare` looks: two tables on a terminal that is wide enough, else line by line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from modelwright.cli.output import print_json
from modelwright.cli.render import render
from modelwright.cli.terminal import plain, tell, width
from modelwright.core.units import format_number

if TYPE_CHECKING:
    from modelwright.cli.stage import Request
    from modelwright.stages.compare import Leaderboard, Standing

WIDE = 10_000  # in a pipe a run is always one line


def print_comparison(request: Request, limit: int | None, *, measure: bool) -> None:
    from modelwright.cli.stage import damage_told, job_for
    from modelwright.core.errors import SpecError
    from modelwright.spec.load import load
    from modelwright.stages.compare import NEWEST, compare

    if request.force or request.dry_run:
        raise SpecError("--compare reads runs and makes none, so --force and --dry-run say nothing beside it")
    assert request.spec is not None
    job = job_for(load(request.spec, request.overrides), request)
    with damage_told(job.store):
        found = compare(job, limit=limit or NEWEST, measure=measure)
    if request.json:
        print_json(asdict(found))
        return
    print(plain(render(_tables(found, measured=measure), width() if on_terminal() else WIDE)))
    if found.left_out and not request.quiet:
        tell(f"{found.left_out} more left out; --limit {len(found.runs) + found.left_out} shows all")


def on_terminal() -> bool:
    return sys.stdout.isatty()


def _tables(found: Leaderboard, *, measured: bool) -> dict[str, Any]:
    ranked = [one for one in found.runs if one.rank is not None]
    others = [one for one in found.runs if one.rank is None]
    tables: dict[str, Any] = {"metric": f"{found.metric}, {found.direction} is better"}
    if ranked:
        tables |= {"scored_on": ranked[0].scored_on, "data": ranked[0].data}
        tables["ranked"] = {
            _version(one): {
                "model": one.model,
                found.metric: _interval(one.score),
                "behind": _interval(one.behind),
                **_costs(one, measured),
            }
            for one in ranked
        }
    if others:
        tables["not comparable"] = {
            _version(one): {
                "model": one.model,
                found.metric: _interval(one.score),
                **_costs(one, measured),
                "why": one.not_ranked_because,
            }
            for one in others
        }
    return tables


def _version(one: Standing) -> str:
    return one.run.rpartition("/")[2]


def _costs(one: Standing, measured: bool) -> dict[str, Any]:
    return {"fit_s": one.fit_s, **({"a row_s": one.predict_row_s} if measured else {}), "bytes": one.bytes}


def _interval(found: Mapping[str, Any] | None) -> str | None:
    """`3.161 (2.982 to 3.341)`."""
    if found is None:
        return None
    value = format_number(found["value"])
    return f"{value} ({format_number(found['low'])} to {format_number(found['high'])})" if "low" in found else value
