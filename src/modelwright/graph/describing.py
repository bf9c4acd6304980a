"""Writes into a graph what it is, so that the file tells it wherever it is found alone."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

PREFIX = "modelwright."


def described(model: bytes, about: Mapping[str, str]) -> bytes:
    """The model with metadata, `modelwright.<key>`, beside what is there already."""
    found = onnx.load_from_string(model)
    entries = {entry.key: entry.value for entry in found.metadata_props}
    entries |= {PREFIX + key: value for key, value in about.items()}
    del found.metadata_props[:]
    for key in sorted(entries):
        found.metadata_props.add(key=key, value=entries[key])
    content: bytes = found.SerializeToString(deterministic=True)
    return content


def description(model: bytes) -> dict[str, str]:
    """What was written there."""
    entries = onnx.load_from_string(model).metadata_props
    return {entry.key.removeprefix(PREFIX): entry.value for entry in entries if entry.key.startswith(PREFIX)}
