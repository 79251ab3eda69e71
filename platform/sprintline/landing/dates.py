"""Dates and timestamps as files write them, read into days and moments in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Parsed = tuple[Any, str | None]
"""A value, or why the text is invalid."""


_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[-+]\d{2}:?\d{2})?)?"
)


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUTSIDE = "is outside the years 1 to 9999"


def read_date(text: str) -> Parsed:
    """A day, written as year-month-day."""
    if not text.isascii() or not _DAY.fullmatch(text):
        return None, "is not a date"
    try:
        return date.fromisoformat(text), None
    except ValueError as error:
        return None, _wrong("date", error)


def _wrong(what: str, error: ValueError) -> str:
    """Why digits in the right form are no date or moment, in Python's words: `month must be in 1..12`."""
    return OUTSIDE if str(error).startswith("year") else f"is not a {what} ({error})"


def read_timestamp(text: str, zone: ZoneInfo) -> Parsed:
    """Microseconds since 1970 UTC of an ISO 8601 moment; one without an offset is local time of the zone."""
    if not text.isascii() or not _TIMESTAMP.fullmatch(text):
        return None, "is not a moment"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment, reason = located(moment, zone)
            if reason:
                return None, reason
        return microseconds(moment), None
    except ValueError as error:
        return None, _wrong("moment", error)
    except OverflowError:
        return None, f"{OUTSIDE} in UTC"


def located(moment: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    """A local time in its zone. Times that clock changes skip or repeat are refused, not guessed."""
    early, late = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
    if early.utcoffset() != late.utcoffset():
        skipped = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment
        what = "does not exist" if skipped else "happened twice"
        return early, f"{what} in {zone.key} (the clocks change): write it with its offset or in UTC"
    return early, None


def microseconds(moment: datetime) -> int:
    """Microseconds of an aware moment since 1970 UTC, exact. Raises OverflowError outside the years 1 to 9999."""
    gap = moment.astimezone(UTC) - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
