"""Finds a part by its kind. The folder is the registry: `kind: ridge` is `ridge.py`, whose class is `PART`."""

import functools
import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points

from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts import base

CONTRACTS: dict[str, type[base.Part]] = {
    "tasks": base.Task,
    "readers": base.Reader,
    "cleaners": base.Cleaner,
    "history": base.History,
    "checks": base.Check,
    "splits": base.Split,
    "features": base.Step,
    "models": base.Model,
    "validations": base.Validation,
    "metrics": base.Metric,
    "gates": base.Gate,
    "samplers": base.Sampler,
    "drift": base.DriftTest,
}


@functools.cache
def builtin_kinds(folder: str) -> tuple[str, ...]:
    package = importlib.import_module(f"modelwright.parts.{folder}")
    return tuple(sorted(name for _, name, _ in pkgutil.iter_modules(package.__path__)))


@functools.cache
def plugin_kinds(folder: str) -> dict[str, EntryPoint]:
    """Third parties' parts: entry points of the group `modelwright.models`, `modelwright.features`, …"""
    return {entry.name: entry for entry in entry_points(group=f"modelwright.{folder}")}


def kinds(folder: str) -> tuple[str, ...]:
    return (*builtin_kinds(folder), *sorted(plugin_kinds(folder)))


def load(folder: str, kind: str) -> type[base.Part]:
    """Import the one module that defines `kind`, and nothing else. SpecError when there is none."""
    if kind in builtin_kinds(folder):
        part: type[base.Part] = importlib.import_module(f"modelwright.parts.{folder}.{kind}").PART
        return part
    if kind in plugin_kinds(folder):
        plugin: type[base.Part] = plugin_kinds(folder)[kind].load()
        return plugin
    known = kinds(folder)
    raise SpecError(f'no kind "{kind}"{did_you_mean(kind, known)}', hint=f"known: {', '.join(known)}")
