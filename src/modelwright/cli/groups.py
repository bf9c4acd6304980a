"""Commands that hold other commands: `--help` lists each with its whole first sentence."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Listing(TyperGroup):
    """A group whose help wraps long sentences instead of cutting them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, (each.help or "").strip().split("\n\n")[0]) for name, each in found if each])
