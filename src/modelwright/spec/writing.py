"""Plain values to YAML that reads back as the same values: the resolved spec in a run, `best.yaml`, `init`."""

from typing import Any

import yaml

from modelwright.spec.scalars import resolve


class _Dumper(yaml.SafeDumper):
    """PyYAML decides by YAML 1.1 what needs quotes; this one quotes by 1.2 as well."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if not isinstance(resolve(value), str) or "\x85" in value or "\u2028" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(document: Any) -> str:
    """Deterministic, in the order of the keys given."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
