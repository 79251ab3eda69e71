"""What is recorded of a closed sprint."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class IncrementFacts(TypedDict):
    """How far the product's sprints are planned, at the moment of the closing.

    planned_sprints_remaining: planned sprints that have not ended
    last_planned_sprint: key of the last sprint in the calendar
    window: first and last day of the sprint, and their time zone
    time_zone_rules: version of the rules that decide when a local day begins
    calendar: hash of the days of every sprint up to this one; absent in older closings
    """

    planned_sprints_remaining: int
    last_planned_sprint: str
    window: list[str]
    time_zone_rules: str
    calendar: NotRequired[str]


class Moved(TypedDict):
    """An input that is another by now.

    reader: asset that read it
    asset, sprint: what was read
    """

    reader: str
    asset: str
    sprint: str


class Inputs(TypedDict):
    """What a closed sprint was computed from, and whether that is still the same.

    inputs: how many data versions of earlier sprints its features were computed from; None when they were not recorded
    moved: those that are others by now; None when they were not recorded
    changed: rows of earlier sprints that it depends on and that are not as they were recorded, a sentence each
    restatements: of this sprint, as `restatement.restatements` gives them
    """

    inputs: int | None
    moved: list[Moved] | None
    changed: list[str]
    restatements: list[dict[str, Any]]


class IncrementEvidence(IncrementFacts, Inputs):
    """What rules on increments read: the facts as they are now, and what the sprint was computed from."""
