"""Writes YAML that every reader takes for the same: strings that some would read as numbers are in quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMBER_LIKE = frozenset("0123456789+-.")  # 12e4567 is text to one reader of YAML and a number to the next


def to_yaml(content: Mapping[str, Any]) -> str:
    """Keys in their order; texts of several lines as blocks; nothing points at anything else."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else '"' if value[:1] in NUMBER_LIKE else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Plain.add_representer(str, text)
    written: str = yaml.dump(content, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    return written
