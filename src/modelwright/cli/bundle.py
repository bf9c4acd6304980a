"""`--bundle DIR`: a bundle carries the resolved spec it was made from, so that no other spec is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from modelwright.serving.bundle import Bundle
    from modelwright.spec.load import Loaded


def load_either(spec: Path | None, bundle: Path | None, overrides: Sequence[str]) -> Loaded:
    """The spec named, or the bundle's own."""
    from modelwright.spec.load import load

    if spec is not None and bundle is None:
        return load(spec, overrides)
    if bundle is None or spec is not None:
        raise SpecError("name either a spec or a bundle", hint="modelwright COMMAND SPEC, or COMMAND --bundle DIR")
    from modelwright.serving.bundle import open_bundle

    return spec_of(open_bundle(bundle), overrides)


def spec_of(bundle: Bundle, overrides: Sequence[str] = ()) -> Loaded:
    """The spec inside a bundle; its relative paths start from the current folder."""
    from modelwright.spec.load import load

    return replace(load(bundle.run.file("spec.yaml"), overrides), base=Path.cwd())
