"""What a team declares about its sprints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from sprintline.mechanisms.declaration.located_yaml import shown
from sprintline.mechanisms.declaration.spec import Cross, Spec
from sprintline.mechanisms.declaration.types import LONGEST_SPRINT_DAYS, IsoDate, SprintDays, Timezone, day

#: A horizon further away is a typing mistake (2041 for 2014), and every planned sprint is a partition.
LONGEST_PLAN = timedelta(days=50 * 366)

_SPRINT_KEY = re.compile(r"\d{4}-S\d{2,3}")


class CalendarSpec(Spec):
    """The team's sprints: where they start, how long they last, how far they are planned.

    Days are local days of `timezone`; `planned_until` is the horizon, exclusive. `lengths` gives single sprints (by
    key) another number of days.
    """

    retired = frozenset({"holidays", "increment_sprints"})

    start: IsoDate = Field(description="first day of the first sprint", examples=["2013-01-01"])
    length_days: SprintDays = Field(default=14, description="days in a sprint", examples=[14])
    timezone: Timezone = Field(description="IANA time zone of the team's days", examples=["America/New_York"])
    planned_until: IsoDate = Field(description="no sprint ends after this day", examples=["2014-07-01"])
    lengths: dict[str, SprintDays] = Field(
        default={}, description="other lengths, by sprint key", examples=[{"2013-S07": 21}]
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
        lengths = raw.get("lengths")
        for key in lengths if isinstance(lengths, Mapping) else ():
            if not _SPRINT_KEY.fullmatch(str(key)):
                yield ("lengths", key), f"{shown(key)} is not a sprint key", "write year and number: 2013-S07"
