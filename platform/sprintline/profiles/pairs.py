"""Relations between two sources: keys, values for the same key, groups, rows per day.

Rows are joined on a key of the other source whose columns both have under the same names; for a key of one column, also
on a column of another name with the same values.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from sprintline.landing.declared_relations import Relation
from sprintline.profiles.columns import DATE, MOMENT, TEXT, TRUTH, Table, Tables, Values
from sprintline.profiles.compared import same
from sprintline.profiles.sampled import CHANCE, SAMPLE, Candidate, agreement

MOST_PAIRS = 40
"""Pairs of sources that are compared."""
MOST_LEVELS = 2000
LEAST_KEYS = 20
"""A key of another name is found by its values; fewer values coincide too easily."""


def candidates_between(tables: Tables) -> Iterator[Candidate]:
    """Relations between sources that are worth comparing on all rows."""
    for source, other in list(permutations(sorted(tables), 2))[:MOST_PAIRS]:
        here, there = tables[source], tables[other]
        if not here.rows or not there.rows:
            continue
        joined = False
        for columns, other_columns in _joins(here, there):
            joined = True
            if not _series(here, there, columns):
                yield Candidate(Relation("keys in", source, columns, other, other_columns), 0.2)
            if _first_of_two(here, there, source, other):
                yield from _values(tables, source, columns, other, other_columns)
        if source < other:
            yield from _groups(here, there, source, other)
            if not joined and here.days is not None and there.days is not None and len(here.days[1]) >= 5:
                yield Candidate(Relation("same rows per day", source, (), other, ()), 0.5)


def _first_of_two(here: Table, there: Table, source: str, other: str) -> bool:
    """Values of sources with the same key are compared once, not from either side."""
    return source < other or set(here.key) != set(there.key)


def _series(here: Table, there: Table, columns: tuple[str, ...]) -> bool:
    """Whether rows look up a moment of a series, such as the weather of an hour. That the series has gaps is no mistake
    of either source, and gaps come in runs: in a year of flights two sprints would be false alarms.
    """
    return set(here.key) != set(there.key) and any(
        there[name].family in (MOMENT, DATE) for name in columns if name in there
    )


def _joins(here: Table, there: Table) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    keys = there.contract.keys if there.contract else ()
    for key in keys:
        if not set(key) <= set(there):
            continue
        if set(key) <= set(here):
            if all(here[name].family == there[name].family for name in key):
                yield key, key
        elif len(key) == 1:
            for name in here:
                if _refers(here[name], there[key[0]]):
                    yield (name,), key


def _refers(values: Values, key: Values) -> bool:
    """Whether a column of another name has values of a key. Whole numbers count too easily as others' ids."""
    import numpy as np

    if values.family != TEXT or key.family != TEXT or values.levels < LEAST_KEYS:
        return False
    rows = np.flatnonzero(~values.null)
    some = values.hashes[rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int)]]
    return bool(np.isin(some, key.hashes).mean() >= 0.97)


def _values(
    tables: Tables, source: str, columns: tuple[str, ...], other: str, other_columns: tuple[str, ...]
) -> Iterator[Candidate]:
    import numpy as np

    here, there = tables[source], tables[other]
    found, _ = tables.joined(source, columns, other, other_columns)
    rows = np.flatnonzero(found >= 0)
    if not len(rows):
        return
    rows = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int)]
    apart = np.random.default_rng(20130101).permutation(len(rows))
    for name in here:
        if name in columns or name in other_columns or name not in there:
            continue
        first, second = here[name], there[name]
        if first.family != second.family or first.levels < 2:
            continue
        chance = agreement(first.hashes[rows], apart)
        n = ~first.null[rows] & ~second.null[found[rows]]
        agree = same(first, second, np.maximum(found, 0))[rows] & n
        if chance <= CHANCE and n.sum() >= 10 and agree.sum() >= 0.97 * n.sum():
            yield Candidate(
                Relation("same value", source, (name, *columns), other, (name, *other_columns)), chance
            )


def _groups(here: Table, there: Table, source: str, other: str) -> Iterator[Candidate]:
    for name in here:
        if name not in there:
            continue
        first, second = here[name], there[name]
        few = all(2 <= one.levels <= min(MOST_LEVELS, max(len(one.null) // 5, 2)) for one in (first, second))
        if few and first.family == second.family and first.family in (TEXT, TRUTH):
            yield Candidate(Relation("same groups", source, (name,), other, (name,)), 0.3)
