"""Dates and times that a spec writes, as moments that compare with those of the data (which are in UTC)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from modelwright.core.names import did_you_mean


def read_moment(text: str) -> datetime:
    """ISO 8601, with or without a time of day and an offset. ValueError when it is neither."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write for example 2026-01-31 or 2026-01-31T06:00:00+02:00") from None


def in_utc(moment: datetime, timezone: str | None = None) -> datetime:
    """The moment in UTC; where it names no offset it is in `timezone`, or else in UTC."""
    placed = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone or "UTC"))
    return placed.astimezone(UTC)


def moment_sql(moment: datetime, timezone: str | None) -> str:
    """A TIMESTAMP as the engine holds them."""
    return f"TIMESTAMP '{in_utc(moment, timezone).replace(tzinfo=None).isoformat(sep=' ')}'"


def shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def checked_zone(name: str | None) -> str | None:
    """The name itself; ValueError when it is no time zone."""
    try:
        ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{name}" is no time zone{did_you_mean(str(name), available_timezones())}') from None
    return name
