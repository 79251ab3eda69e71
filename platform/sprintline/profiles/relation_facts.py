"""Accepted relations of a sprint, measured as they are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sprintline.profiles.facts import PartFacts, RelationFacts, WorstFacts

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract
    from sprintline.profiles.columns import Tables
    from sprintline.profiles.violations import Part


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
