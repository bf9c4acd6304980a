"""A resolved spec for another folder: the same values, with relative paths that still lead to the same files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright.spec.extends import relocated
from modelwright.spec.parse import parse
from modelwright.spec.tree import Branch, plain
from modelwright.spec.writing import to_yaml


def moved_spec(text: str, *, old_base: Path, new_base: Path, train_model: Mapping[str, Any]) -> str:
    """`text` (a run's spec.yaml) to be kept in `new_base`, with another model under `train`."""
    tree = parse(text.encode(), "spec.yaml")
    assert isinstance(tree, Branch)
    document = plain(relocated(tree, os.path.relpath(old_base, new_base)), references=True)
    return to_yaml({**document, "train": {**document.get("train", {}), "model": dict(train_model)}})
