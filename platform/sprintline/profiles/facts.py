"""What is recorded of a sprint's profiles."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Finding(TypedDict):
    """One thing about a source that its history does not explain.

    source: whose rows
    measure: what was measured
    column: of which column; empty for rows and shares of groups
    by: column whose value selects the rows; empty for all rows
    group: that value; empty for all rows
    days: days (ISO) that show it; empty for all of them, or none in particular
    figure: what was measured: a share, rows, or in the column's unit
    expected: the forecast, in the same unit
    p: chance of such a distance when nothing happened
    also: other statistics that say the same of this place
    sentence: all this in words
    """

    source: str
    measure: str
    column: str
    by: str
    group: str
    days: list[str]
    figure: float
    expected: float
    p: float
    also: int
    sentence: str


class PartFacts(TypedDict):
    """Some of the rows that a relation is compared on.

    by: the column whose value they share, or `day`
    value: that value
    n: its rows compared
    violating: those of them that violate the relation
    """

    by: str
    value: str
    n: int
    violating: int


class WorstFacts(TypedDict):
    """Where most of the rows are that violate a relation.

    group: the group that violations are most particular to; absent without one
    day: the day that they are most particular to; absent without one
    on: the source whose rows these are; absent without violations
    example: one row that violates it, without values that must not be shown; absent without violations
    """

    group: NotRequired[PartFacts]
    day: NotRequired[PartFacts]
    on: NotRequired[str]
    example: NotRequired[str]


class RelationFacts(TypedDict):
    """An accepted relation in a sprint.

    relation: its key
    sentence: its claim in words
    source: its source, the first of two
    n: rows compared
    violating: those of them that violate it
    allowed: share (0 to 1) of the compared rows that may violate it
    worst: where most of the violations are
    lack: why nothing could be compared; empty otherwise
    """

    relation: str
    sentence: str
    source: str
    n: int
    violating: int
    allowed: float
    worst: WorstFacts
    lack: str


class ProfilesFacts(TypedDict):
    """The statistics of a sprint's sources, held against the sprints before.

    statistics: how many there are, by source
    compared: how many of them could be compared
    sprints: earlier sprints that they were compared with
    learning: statistics that are learned again, since a person accepted that they changed
    findings: what the history does not explain, the most improbable first
    accepted: the relations that its contracts state, measured
    """

    statistics: dict[str, int]
    compared: int
    sprints: int
    learning: int
    findings: list[Finding]
    accepted: list[RelationFacts]


class ProfilesEvidence(ProfilesFacts):
    """What rules on profiles read: the facts, and who accepted the findings.

    accepted_by: who stated that the findings are right; None while nobody did
    """

    accepted_by: str | None
