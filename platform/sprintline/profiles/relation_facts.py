"""What is recorded of accepted relations in a sprint, and what the rule on them reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract
    from sprintline.profiles.columns import Tables
    from sprintline.profiles.violations import Part


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


def relation_facts(
    frames: Mapping[str, pd.DataFrame] | Tables,
    contracts: Mapping[str, Contract],
    published: Mapping[str, Contract] | None = None,
) -> list[RelationFacts]:
    """Every relation that contracts state, measured on one sprint's accepted rows.

    frames: by source, as the lake has them; or `Tables.of(frames, contracts)`.
    contracts: those of the product's own sources, whose relations are measured.
    published: those of the sources that other products publish. They say which values must not be shown; their
        relations are measured by the publisher.
    """
    from sprintline.profiles.relations import Tables, accepted, violations

    known = {**contracts, **(published or {})}
    tables = Tables.of(frames, known)
    rows: list[RelationFacts] = []
    for stated in accepted(contracts):
        found = violations(stated.relation, tables, known)
        worst: WorstFacts = {}
        if found.group is not None:
            worst["group"] = _part(found.group)
        if found.day is not None:
            worst["day"] = _part(found.day)
        if found.violating:
            worst["on"], worst["example"] = found.on, found.example
        rows.append({
            "relation": stated.relation.key, "sentence": stated.relation.sentence,
            "source": stated.relation.source, "n": found.n, "violating": found.violating,
            "allowed": stated.allowed, "worst": worst, "lack": found.lack,
        })  # fmt: skip
    return rows


def _part(part: Part) -> PartFacts:
    return {"by": part.by, "value": part.value, "n": part.n, "violating": part.violating}
