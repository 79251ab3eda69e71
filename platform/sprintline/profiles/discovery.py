"""Relations within one source: candidates from a sample of rows, each of which is then compared on all rows.

The sample only discards: what it keeps is measured by `compared.compare`, as it is in later sprints. A candidate must
also be surprising: rows drawn apart from each other agree far less often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import Relation
from sprintline.profiles.arithmetic import arithmetic_candidates, is_clock
from sprintline.profiles.columns import DATE, MOMENT, NUMBER, TEXT, TRUTH, Table, Values
from sprintline.profiles.sampled import (
    CHANCE,
    LEAST_IN_SAMPLE,
    LEAST_ROWS,
    MOST_CANDIDATES,
    MOST_MOMENTS,
    MOST_NUMBERS,
    MOST_TEXTS,
    SAMPLE,
    SCREENED,
    Candidate,
    Sample,
    agreement,
    relation_of,
)

if TYPE_CHECKING:
    import numpy as np


def candidates(source: str, table: Table) -> Iterator[Candidate]:
    """Relations within a source that a sample of its rows does not discard."""
    sample = Sample(source, table)
    if len(sample.rows) < LEAST_IN_SAMPLE:
        return
    yield from _equal(sample)
    yield from _null_together(sample)
    yield from arithmetic_candidates(sample)
    yield from _orders(sample)
    yield from _determines(sample)


def _equal(sample: Sample) -> Iterator[Candidate]:
    import numpy as np

    # Columns that are equal in all rows are one column to every other search, so they are paired here.
    first: dict[bytes, Values] = {}
    for values in sample.tried:
        if values.levels >= 2:
            mark = values.hashes.tobytes()
            if mark in first:
                chance = agreement(values.hashes[sample.rows], sample.apart)
                yield Candidate(relation_of(sample, "equal", first[mark], values), chance)
            first.setdefault(mark, values)
    columns = sample.columns
    if len(columns) < 2:
        return
    hashes = np.array([one.hashes[sample.rows] for one in columns])
    null = np.array([one.null[sample.rows] for one in columns])
    for index, one in enumerate(columns[:-1]):
        both = ~null[index] & ~null[index + 1 :]
        agree = ((hashes[index] == hashes[index + 1 :]) & both).sum(axis=1)
        n = both.sum(axis=1)
        for later in np.flatnonzero((n >= LEAST_IN_SAMPLE) & (agree >= SCREENED * n)):
            other = columns[index + 1 + later]
            if one.family == other.family:
                chance = agreement(hashes[index], sample.apart)
                yield Candidate(relation_of(sample, "equal", one, other), chance)


def _null_together(sample: Sample) -> Iterator[Candidate]:
    """Columns whose empty rows are the same, for at least 99 in 100 of the rows in which one of them is empty."""
    import numpy as np

    columns = [one for one in sample.tried if 5 <= one.null.sum() <= len(one.null) - 5]
    if len(columns) < 2:
        return
    null = np.array([one.null for one in columns])
    taken: set[int] = set()
    total = null.sum(axis=1)
    for index in range(len(columns) - 1):
        if index in taken:
            continue
        both = (null[index] & null[index + 1 :]).sum(axis=1)
        either = total[index] + total[index + 1 :] - both
        for later in np.flatnonzero((either >= 20) & (both >= 0.99 * either)):
            taken.add(int(index + 1 + later))
            share = total[index] / sample.table.rows
            chance = float(share**2 + (1 - share) ** 2)
            # Rare empty rows are the usual case, and that they coincide is no less surprising.
            relation = relation_of(sample, "null together", columns[index], columns[index + 1 + later])
            yield Candidate(relation, min(chance, CHANCE - 0.2))


def _orders(sample: Sample) -> Iterator[Candidate]:
    import numpy as np

    for columns in (
        sample.of(MOMENT, DATE, most=MOST_MOMENTS),
        # Of clocks the earlier number may be the later moment.
        [one for one in sample.of(NUMBER, most=MOST_NUMBERS) if not is_clock(one)],
    ):
        if len(columns) < 2:
            continue
        values = sample.matrix(columns)
        full = ~np.isnan(values)
        found: list[tuple[float, int, int]] = []
        for index in range(len(columns)):
            both = full[index] & full
            n = both.sum(axis=1)
            with np.errstate(invalid="ignore"):
                holds = ((values[index] <= values) & both).sum(axis=1)
                apart = values[:, sample.apart]
                chance = ((values[index] <= apart) & full[index] & ~np.isnan(apart)).sum(axis=1)
                apart_n = (full[index] & ~np.isnan(apart)).sum(axis=1)
            kept = (n >= LEAST_IN_SAMPLE) & (holds >= SCREENED * n) & (chance <= CHANCE * apart_n)
            kept[index] = False
            found += [
                (float(chance[other] / max(apart_n[other], 1)), index, int(other))
                for other in np.flatnonzero(kept)
            ]
        pairs = {(low, high) for _, low, high in found}
        for by_chance, low, high in sorted(found):
            between = any(
                (low, middle) in pairs and (middle, high) in pairs for middle in range(len(columns))
            )
            if not between and (high, low) not in pairs:
                yield Candidate(relation_of(sample, "order", columns[low], columns[high]), by_chance)


class _Dependents:
    """The columns that may have one value per value of another, as one matrix of codes."""

    def __init__(self, sample: Sample) -> None:
        import numpy as np

        self.sample = sample
        chance = {one.name: _coincide(one.codes) for one in sample.columns}
        self.columns = [one for one in sample.columns if chance[one.name] <= CHANCE]
        self.names = [one.name for one in self.columns]
        self.chance = chance
        self.codes = np.array([one.codes for one in self.columns], dtype="int32")

    def of(self, group: np.ndarray) -> list[str]:
        """Columns with the same value in both rows of nearly every pair of rows of one group."""
        first, second = _neighbours(group)
        if len(first) < 2 * LEAST_IN_SAMPLE or not self.names:
            return []
        a, b = self.codes[:, first], self.codes[:, second]
        present = (a >= 0) & (b >= 0)
        n, agree = present.sum(axis=1), ((a == b) & present).sum(axis=1)
        kept = (n >= LEAST_IN_SAMPLE) & (agree >= SCREENED * n)
        return [name for name, one in zip(self.names, kept, strict=True) if one]

    def candidates(self, found: Sequence[tuple[str, ...]], most: int) -> list[Candidate]:
        """As candidates, the most surprising first."""
        ranked = sorted(found, key=lambda names: (self.chance[names[-1]], names))[:most]
        return [
            Candidate(Relation("determines", self.sample.source, names), self.chance[names[-1]])
            for names in ranked
        ]


def _coincide(codes: np.ndarray) -> float:
    """Probability that two rows have the same value, of those that have one."""
    import numpy as np

    counts = np.bincount(codes[codes >= 0])
    return float(((counts / max(counts.sum(), 1)) ** 2).sum())


def _determines(sample: Sample) -> Iterator[Candidate]:
    """One column, or two texts, of which every value has one value of another column."""
    if sample.table.rows < LEAST_ROWS:
        return
    most = sample.table.rows / 3
    by = [
        one
        for one in sample.columns
        if one.levels <= most and (one.family in (TEXT, TRUTH, MOMENT, DATE) or one.is_whole)
    ]
    dependents = _Dependents(sample)
    held = {(one.name, other) for one in by for other in dependents.of(one.codes) if other != one.name}
    yield from dependents.candidates([pair for pair in held if not _follows(pair, held)], MOST_CANDIDATES)
    yield from _determined_by_two(sample, dependents, held)


def _follows(pair: tuple[str, str], held: set[tuple[str, str]]) -> bool:
    """Whether `a -> b` follows from `a -> c` and `c -> b`, where c is neither another name of a nor of b.

    Or a is one of several names of one thing, of which the first says it.
    """
    a, b = pair
    for c in {second for first, second in held if first == a} - {b}:
        if (c, b) not in held:
            continue
        if (c, a) not in held and (b, c) not in held:
            return True
        if (c, a) in held and (b, a) not in held and c < a:
            return True
    return False


def _determined_by_two(
    sample: Sample, dependents: _Dependents, held: set[tuple[str, str]]
) -> Iterator[Candidate]:
    import numpy as np

    rows = sample.table.rows
    texts = [one for one in sample.columns if one.family in (TEXT, TRUTH) and one.levels <= rows / 6]
    found: list[tuple[str, ...]] = []
    for first, second in combinations(texts[:MOST_TEXTS], 2):
        names = (first.name, second.name)
        if {names, names[::-1]} & held:
            continue
        both = (first.codes >= 0) & (second.codes >= 0)
        group = np.where(both, first.codes * (second.levels + 1) + second.codes, -1)
        if len(np.unique(group)) <= rows / 3:
            found += [
                (*names, other)
                for other in dependents.of(group)
                if other not in names and not {(one, other) for one in names} & held
            ]
    yield from dependents.candidates(found, MOST_CANDIDATES // 2)


def _neighbours(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows with the same code, evenly over all codes."""
    import numpy as np

    order = np.argsort(codes, kind="stable")
    order = order[np.searchsorted(codes[order], 0) :]
    first, second = order[:-1], order[1:]
    alike = codes[first] == codes[second]
    first, second = first[alike], second[alike]
    if len(first) > SAMPLE:
        places = np.linspace(0, len(first) - 1, SAMPLE).astype(int)
        first, second = first[places], second[places]
    return first, second
