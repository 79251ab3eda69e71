"""Relations that hold in a sprint, the most surprising first; `violations` measures one of them in another sprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import HOLDS, Accepted, Relation
from sprintline.profiles.columns import Tables
from sprintline.profiles.compared import CannotCompare, compare
from sprintline.profiles.discovery import candidates
from sprintline.profiles.pairs import candidates_between
from sprintline.profiles.sampled import CHANCE, LEAST_ROWS, Candidate
from sprintline.profiles.violations import Part, Violations, violations

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract

__all__ = ["Accepted", "Part", "Relation", "Tables", "Violations", "accepted", "holding", "violations"]

MOST = 60
"""Relations of a product. A team that is shown more reads none."""
MOST_OF_KIND = {"determines": 20, "order": 12, "null together": 10, "same value": 20, "equal": 15}

_WEIGHT = {
    "difference": 4.0, "product": 4.0, "equal": 3.5, "keys in": 3.5, "same value": 3.0, "same groups": 3.0,
    "null together": 2.5, "determines": 2.0, "order": 1.5, "same rows per day": 1.5,
}  # fmt: skip


def holding(frames: Mapping[str, pd.DataFrame] | Tables, contracts: Mapping[str, Contract]) -> list[Relation]:
    """The relations that hold in one sprint, the most surprising first; at most `MOST`.

    frames: by source, the accepted rows of the sprint as the lake has them; or `Tables.of(frames, contracts)`.
    """
    tables = Tables.of(frames, contracts)
    within = (candidates(source, table) for source, table in sorted(tables.items()))
    found: dict[str, tuple[float, Relation]] = {}
    for candidate in chain(candidates_between(tables), *within):
        relation = candidate.relation
        if candidate.chance <= CHANCE and relation.key not in found and _holds(relation, tables):
            found[relation.key] = (_surprise(candidate), relation)
    ranked = sorted(found.values(), key=lambda one: (-one[0], one[1].key))
    kept: list[Relation] = []
    left = dict(MOST_OF_KIND)
    for _, relation in ranked:
        left[relation.kind] = left.get(relation.kind, MOST) - 1
        if left[relation.kind] >= 0:
            kept.append(relation)
    return kept[:MOST]


def _holds(relation: Relation, tables: Tables) -> bool:
    try:
        sides = compare(relation, tables)
    except CannotCompare:
        return False
    n, count = sum(side.n for side in sides), sum(side.count for side in sides)
    return n >= LEAST_ROWS and count <= HOLDS * n


def _surprise(candidate: Candidate) -> float:
    # In steps, so that the order is the same from sprint to sprint.
    return _WEIGHT[candidate.relation.kind] + round(1 - candidate.chance, 1)


def accepted(contracts: Mapping[str, Contract]) -> list[Accepted]:
    """The relations that the contracts of a product state, by their sources' names."""
    return [
        replace(one, relation=replace(one.relation, source=source))
        for source, contract in contracts.items()
        for one in contract.relations
    ]
