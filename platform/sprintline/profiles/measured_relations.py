"""Relations and repeated rows of a sprint as statistics of its sources, with where they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import NoRelation, Relation
from sprintline.profiles.near_duplicates import near_duplicates
from sprintline.profiles.relations import Tables, holding, violations
from sprintline.profiles.statistics import DOUBLES, RELATION, joined, shares

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract
    from sprintline.profiles.violations import Part

ALL_BUT_ONE = "all but one"
"""In place of a column: rows that equal another in all columns but the key and one more."""

Notes = dict[tuple[str, str, str], str]
"""Where a finding is, in words, by source, measure and column."""


def add_relations(
    profiles: dict[str, pd.DataFrame],
    frames: Mapping[str, pd.DataFrame],
    contracts: Mapping[str, Contract],
    known: Collection[str],
) -> Notes:
    """Add to each source's profile the shares of rows that repeat another, and that violate a relation.

    Args:
        profiles: by source; changed.
        frames: the rows of the sources, by name. contracts: those they were read under.
        known: keys of the relations that earlier sprints measured; they are measured whether they hold or not.
    """
    import pandas as pd

    notes: Notes = {}
    found = {name: [profiles[name]] for name in frames}
    for name, frame in frames.items():
        doubled = near_duplicates(frame, contracts[name].key, contracts[name].hidden_columns)
        if doubled.columns:
            counts = [doubled.exact, doubled.doubled]
            found[name].append(joined([shares(DOUBLES, counts, doubled.n, column=["", ALL_BUT_ONE])]))
            for column in ("", ALL_BUT_ONE):
                notes[name, DOUBLES, column] = where(doubled.group, doubled.day)
    tables = Tables.of(frames, contracts)
    wanted = {relation.key: relation for relation in holding(tables, contracts)}
    for key in sorted(known):
        try:
            wanted.setdefault(key, Relation.of(key))
        except NoRelation:
            continue  # kept by a version that knew other kinds
    for key, relation in wanted.items():
        if relation.source not in frames:
            continue
        measured = violations(relation, tables, contracts)
        if measured.n:
            told = joined([shares(RELATION, [measured.violating], measured.n, column=key)])
            found[relation.source].append(told)
            row = f", as in {measured.on} {measured.example}" if measured.example else ""
            notes[relation.source, RELATION, key] = where(measured.group, measured.day) + row
    for name, parts in found.items():
        profiles[name] = pd.concat(parts, ignore_index=True)
    return notes


def where(group: Part | None, day: Part | None) -> str:
    """The group and the day that violations are most particular to, in words; empty without one."""
    told = [
        f"{part.violating:,} of {part.n:,} rows of {part.by} {part.value}"
        for part in (group, day)
        if part is not None and part.violating
    ]
    return f", most of all {' and '.join(told)}" if told else ""
