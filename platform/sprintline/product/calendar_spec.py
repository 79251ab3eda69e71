"""What a team declares about its sprints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from sprintline.mechanisms.declaration.located_yaml import shown
from sprintline.mechanisms.declaration.spec import Cross, Spec
from sprintline.mechanisms.declaration.types import (
    LONGEST_SPRINT_DAYS,
    SHORTEST_OF_TWO_DIGITS,
    IsoDate,
    SprintDays,
    Timezone,
    day,
)

#: A horizon further away is a typing mistake (2041 for 2014), and every planned sprint is a partition.
LONGEST_PLAN = timedelta(days=50 * 366)

_SPRINT_KEY = re.compile(r"\d{4}-S\d{2,3}")


class CalendarSpec(Spec):
    """The team's sprints: where they start, how long they last, how far they are planned.

    Days are local days of `timezone`; `planned_until` is the horizon, exclusive. `length_days_from` gives all sprints
    from a key on another number of days, `lengths` single sprints.
    """

    retired = frozenset({"holidays", "increment_sprints"})

    start: IsoDate = Field(description="first day of the first sprint", examples=["2013-01-01"])
    length_days: SprintDays = Field(default=14, description="days in a sprint", examples=[14])
    timezone: Timezone = Field(description="IANA time zone of the team's days", examples=["America/New_York"])
    planned_until: IsoDate = Field(description="no sprint ends after this day", examples=["2014-07-01"])
    length_days_from: dict[str, SprintDays] = Field(
        default={},
        description="another number of days in a sprint from this one on, by sprint key",
        examples=[{"2013-S07": 28}],
    )
    lengths: dict[str, SprintDays] = Field(
        default={}, description="other lengths of single sprints, by sprint key", examples=[{"2013-S07": 21}]
    )

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """The horizon is after the start, lengths name sprints."""
        start, until = day(raw.get("start")), day(raw.get("planned_until"))
        days = raw.get("length_days", 14)
        if start and until:
            if until <= start:
                right = (
                    f"name a later day, for example {start.replace(year=min(start.year + 1, 9998), day=1)}"
                )
                yield ("planned_until",), f"{until} is not after the start {start}", right
            elif until - start > LONGEST_PLAN:
                yield (
                    ("planned_until",),
                    f"{until} is more than 50 years after the start",
                    "plan a year or two ahead",
                )
            elif (
                type(days) is int
                and 1 <= days <= LONGEST_SPRINT_DAYS
                and until - start < timedelta(days=days)
            ):
                first = start + timedelta(days=days)
                yield (
                    ("planned_until",),
                    f"not one sprint of {days} days fits before {until}",
                    f"name {first} or later",
                )
        for name in ("lengths", "length_days_from"):
            said = raw.get(name)
            for key in said if isinstance(said, Mapping) else ():
                if not _SPRINT_KEY.fullmatch(str(key)):
                    yield (
                        (name, key),
                        f"{shown(key)} is not a sprint key",
                        "write year and number: 2013-S07",
                    )
        yield from _too_short_for_the_keys(raw.get("length_days_from"), days)


def _too_short_for_the_keys(changes: Any, days: Any) -> Iterator[Cross]:
    """A year has more than 99 sprints of up to three days, and keys of two digits would no longer sort."""
    if not isinstance(changes, Mapping) or type(days) is not int or days < SHORTEST_OF_TWO_DIGITS:
        return
    for key, later in changes.items():
        if type(later) is int and 1 <= later < SHORTEST_OF_TWO_DIGITS:
            yield (
                ("length_days_from", key),
                f"sprints of {later} days need keys of three digits, and this calendar's have two",
                f"write {SHORTEST_OF_TWO_DIGITS} days or more, or make another product whose length_days is this",
            )
