"""Sprint windows: the team's calendar as static, named, gapless partitions of time.

A sprint is a sequence of whole local days. Its key is `<year>-S<nn>`: the year of its last day, and its number within
that year. Keys exist up to the planned horizon, so a sprint exists before it starts. The last sprint is the last whole
one that ends on or before `planned_until`. Later days belong to no sprint until the horizon moves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sprintline.base.time_zones import midnight, zone_of
from sprintline.mechanisms.declaration.types import SHORTEST_OF_TWO_DIGITS

if TYPE_CHECKING:
    from sprintline.product.spec import CalendarSpec


class CalendarError(ValueError):
    """An unknown sprint key, or an invalid calendar."""


@dataclass(frozen=True)
class Sprint:
    """One sprint: `[start, end)` as aware UTC datetimes, and its 0-based place in the calendar."""

    key: str
    index: int
    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Calendar:
    """All planned sprints of a team.

    start: first local day of the first sprint.
    length_days: days in a sprint, unless `length_days_from` or `lengths` says otherwise for a key.
    timezone: IANA name; sprints start at local midnight, so where clocks change a window may be an hour
        longer or shorter.
    planned_until: the planned horizon, exclusive; no sprint ends after it.
    lengths: days of single sprints, by key.
    length_days_from: days in a sprint from a key on, until the next key.
    """

    start: date
    length_days: int
    timezone: str
    planned_until: date
    lengths: Mapping[str, int] = field(default_factory=dict)
    length_days_from: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_spec(cls, spec: CalendarSpec) -> Calendar:
        """The calendar a product declares. Raises CalendarError as `sprints` does, at once."""
        calendar = cls(
            start=date.fromisoformat(spec.start),
            length_days=spec.length_days,
            timezone=spec.timezone,
            planned_until=date.fromisoformat(spec.planned_until),
            lengths=dict(spec.lengths),
            length_days_from=dict(spec.length_days_from),
        )
        _ = calendar.sprints
        return calendar

    @cached_property
    def sprints(self) -> tuple[Sprint, ...]:
        """Every planned sprint in order.

        Raises CalendarError when a length is not a positive number of days, when `lengths` or `length_days_from` names
        a key that does not exist, or when no whole sprint fits before the horizon.
        """
        said = (self.length_days, *self.lengths.values(), *self.length_days_from.values())
        if any(days < 1 for days in said):
            raise CalendarError(
                "a sprint lasts at least one day: fix length_days, length_days_from or lengths"
            )
        zone, first = zone_of(self.timezone), self.start
        found: list[Sprint] = []
        used: set[str] = set()
        number: dict[int, int] = {}
        while True:
            key, days = self._next(first, number)
            after = first + timedelta(days=days)
            if after > self.planned_until:
                break
            year = int(key[:4])
            number[year] = number.get(year, 0) + 1
            used.add(key)
            found.append(Sprint(key, len(found), midnight(first, zone), midnight(after, zone)))
            first = after
        for name, named in (("lengths", self.lengths), ("length_days_from", self.length_days_from)):
            if unknown := sorted(set(named) - used):
                raise CalendarError(
                    f"{name} names {unknown[0]}, which is not a planned sprint; the last planned sprint is "
                    f"{found[-1].key if found else 'missing'}"
                )
        if not found:
            raise CalendarError(
                f"no whole sprint of {self.length_days} days fits between {self.start} and "
                f"planned_until {self.planned_until}: move planned_until"
            )
        return tuple(found)

    def _next(self, first: date, number: Mapping[int, int]) -> tuple[str, int]:
        # The key depends on the last day's year, and the length may depend on the key. So both possible years
        # are checked for a length in `lengths`.
        for year in (first.year, first.year + 1):
            key = self.key(year, number.get(year, 0) + 1)
            days = self.lengths.get(key, self.usual_days(key))
            if (first + timedelta(days=days - 1)).year == year:
                return key, days
        # At the turn of a year neither key may fit its own length: the length so far decides.
        days = self.usual_days(self.key(first.year, number.get(first.year, 0) + 1))
        last = first + timedelta(days=days - 1)
        key = self.key(last.year, number.get(last.year, 0) + 1)
        if key in self.length_days_from:
            raise CalendarError(
                f"{key} would start on {first} and cannot last {self.length_days_from[key]} days, which end in "
                f"{first.year}: let length_days_from name "
                f"{self.key(first.year, number.get(first.year, 0) + 1)} instead"
            )
        return key, days

    def usual_days(self, key: str) -> int:
        """Days that a sprint of this key usually has, whatever `lengths` says of it; keys sort in their order."""
        begun = [since for since in self.length_days_from if since <= key]
        return self.length_days_from[max(begun)] if begun else self.length_days

    def key(self, year: int, number: int) -> str:
        """The key of the sprint that is the `number`-th to end in a year.

        Keys sort in the order of the sprints, so all have the same number of digits: a year has more than 99 sprints
        when a sprint has up to three days. What `length_days` says of the first sprints decides for all.
        """
        return f"{year}-S{number:0{3 if self.length_days < SHORTEST_OF_TWO_DIGITS else 2}d}"

    @cached_property
    def _by_key(self) -> dict[str, Sprint]:
        return {sprint.key: sprint for sprint in self.sprints}

    @cached_property
    def _starts(self) -> list[datetime]:
        return [sprint.start for sprint in self.sprints]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._by_key)

    def window(self, key: str) -> Sprint:
        """Bounds of a sprint. Raises CalendarError for a key that is not planned."""
        try:
            return self._by_key[key]
        except KeyError:
            raise CalendarError(
                f"{key!r} is not a planned sprint; the calendar runs from {self.keys[0]} to {self.keys[-1]}"
            ) from None

    def sprint_at(self, moment: datetime) -> Sprint | None:
        """The sprint that contains an aware moment, or None before the first and after the last."""
        place = bisect_right(self._starts, moment) - 1
        if place < 0 or not self.sprints[place].holds(moment):
            return None
        return self.sprints[place]

    def previous(self, key: str, n: int = 1) -> list[str]:
        """Up to n keys before `key`, oldest first; fewer at the calendar's start."""
        index = self.window(key).index
        return [sprint.key for sprint in self.sprints[max(0, index - n) : index]]

    def span(self, first: str, last: str) -> list[str]:
        """Keys from first to last, both included."""
        return [s.key for s in self.sprints[self.window(first).index : self.window(last).index + 1]]

    def remaining(self, now: datetime) -> int:
        """Planned sprints that have not started at an aware moment."""
        return sum(sprint.start > now for sprint in self.sprints)
