"""docs/spec.md is what the code says."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from modelwright.parts import catalog

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def spec_page() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        yield importlib.import_module("spec_page")


def test_the_page_is_up_to_date(spec_page: ModuleType) -> None:
    written = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    assert written == spec_page.page(), "run: python scripts/spec_page.py"


def test_every_part_has_its_place(spec_page: ModuleType) -> None:
    page = spec_page.page()
    missing = [
        (room, kind)
        for room, one in spec_page.ROOMS.items()
        for kind in catalog.builtin_kinds(room)
        if f"### {one}: `{kind}`" not in page
    ]
    assert missing == []
    assert set(spec_page.ROOMS) == set(catalog.CONTRACTS)


def test_no_key_is_of_an_unknown_type(spec_page: ModuleType) -> None:
    rows = [line for line in spec_page.page().splitlines() if line.startswith("| `")]
    assert [row for row in rows if "any value" in row] == []
