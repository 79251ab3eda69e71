"""Relations within one source: candidates from a sample of rows, each of which is then compared on all rows.

The sample only discards: what it keeps is measured by `compared.compare`, as it is in later sprints. A candidate must
also be surprising: rows drawn apart from each other agree far less often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import CLOCKS, TIME_UNITS, Relation
from sprintline.profiles.columns import DATE, MICROSECONDS, MOMENT, NUMBER, TEXT, TRUTH, Table, Values
from sprintline.profiles.compared import MINUTES_PER_DAY, clock_minutes

if TYPE_CHECKING:
    import numpy as np

SAMPLE = 256
"""Rows on which candidates are tried."""
SCREENED = 0.97
"""Share of the sample's rows that a candidate needs; the sample's share varies, so this is less than is required of
all rows."""
LEAST_IN_SAMPLE = 10
CHANCE = 0.9
"""A relation that this share of rows drawn apart from each other satisfies says too little."""

MOST_NUMBERS, MOST_CLOCKS, MOST_MOMENTS, MOST_TEXTS = 72, 12, 12, 12
"""Columns of a kind that are tried with each other. Of more, those with the most distinct values."""
MOST_CANDIDATES = 200
LEAST_NOT_TRIVIAL = 0.05
"""Share of rows in which an arithmetic relation has no part that makes it trivial, such as a summand of zero."""


@dataclass(frozen=True)
class Candidate:
    """A relation that a sample did not discard, and the share of rows that would satisfy it by chance."""

    relation: Relation
    chance: float


class Sample:
    """A sample of the rows of a source, drawn by a fixed seed, and the columns worth trying."""

    def __init__(self, source: str, table: Table) -> None:
        import numpy as np

        self.source, self.table = source, table
        draw = np.random.default_rng(20130101)
        size = min(SAMPLE, table.rows)
        self.rows = np.sort(draw.choice(table.rows, size, replace=False)) if size else np.array([], dtype=int)
        self.apart = draw.permutation(size)

    @cached_property
    def columns(self) -> list[Values]:
        """Columns with at least two values; of columns that are equal in all rows the first."""
        seen: set[bytes] = set()
        found = []
        for values in self.table.values():
            if values.levels < 2:
                continue
            mark = values.hashes.tobytes()
            if mark not in seen:
                seen.add(mark)
                found.append(values)
        return found

    def of(self, *families: str, most: int) -> list[Values]:
        """Columns of some families with values in at least half of the rows, in the order of the source."""
        import numpy as np

        usable = [one for one in self.columns if one.family in families and np.mean(one.null) <= 0.5]
        if len(usable) <= most:
            return usable
        kept = sorted(usable, key=lambda one: (-one.levels, one.name))[:most]
        return [one for one in usable if one in kept]

    def matrix(self, columns: Sequence[Values]) -> np.ndarray:
        """Their numbers in the sample: a row per column."""
        import numpy as np

        return np.array([one.numbers[self.rows] for one in columns]).reshape(len(columns), len(self.rows))


def candidates(source: str, table: Table) -> Iterator[Candidate]:
    """Relations within a source that a sample of its rows does not discard."""
    sample = Sample(source, table)
    if len(sample.rows) < LEAST_IN_SAMPLE:
        return
    yield from _equal(sample)
    yield from _null_together(sample)
    yield from _sums(sample)
    yield from _products(sample)
    yield from _clocks(sample)
    yield from _durations(sample)
    yield from _orders(sample)
    yield from _determines(sample)


def _relation(sample: Sample, kind: str, *columns: Values, unit: str = "") -> Relation:
    return Relation(kind, sample.source, tuple(one.name for one in columns), unit=unit)


# --- pairs of columns -----------------------------------------------------------------------------------------------


def _equal(sample: Sample) -> Iterator[Candidate]:
    import numpy as np

    # Columns that are equal in all rows are one column to every other search, so they are paired here.
    first: dict[bytes, Values] = {}
    for values in sample.table.values():
        if values.levels >= 2:
            mark = values.hashes.tobytes()
            if mark in first:
                chance = _agreement(values.hashes[sample.rows], sample.apart)
                yield Candidate(_relation(sample, "equal", first[mark], values), chance)
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
                chance = _agreement(hashes[index], sample.apart)
                yield Candidate(_relation(sample, "equal", one, other), chance)


def _agreement(values: np.ndarray, apart: np.ndarray) -> float:
    """Share of rows drawn apart that have equal values."""
    return float((values == values[apart]).mean())


def _null_together(sample: Sample) -> Iterator[Candidate]:
    """Columns whose empty rows are the same, for at least 99 in 100 of the rows in which one of them is empty."""
    import numpy as np

    columns = [one for one in sample.table.values() if 5 <= one.null.sum() <= len(one.null) - 5]
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
            relation = _relation(sample, "null together", columns[index], columns[index + 1 + later])
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
            between = any((low, middle) in pairs and (middle, high) in pairs for middle in range(len(columns)))
            if not between and (high, low) not in pairs:
                yield Candidate(_relation(sample, "order", columns[low], columns[high]), by_chance)


def _determines(sample: Sample) -> Iterator[Candidate]:
    """One column, or two texts, of which every value has one value of another column."""
    import numpy as np

    rows = sample.table.rows
    values = [one for one in sample.columns if one.levels >= 2]
    by = [
        one
        for one in sample.columns
        if one.levels <= rows / 3 and (one.family in (TEXT, TRUTH, MOMENT, DATE) or one.is_whole)
    ]
    if not by or rows < 50:
        return
    pairs = {one.name: _neighbours(one.codes) for one in by}
    codes = {one.name: one.codes for one in values}
    chance = {one.name: float((np.bincount(one.codes[one.codes >= 0]) / max((one.codes >= 0).sum(), 1)).__pow__(2).sum()) for one in values}
    targets = [one for one in values if chance[one.name] <= CHANCE]
    held: set[tuple[str, str]] = set()
    for one in by:
        held |= {(one.name, other) for other in _constant(pairs[one.name], one.name, targets, codes)}
    same = {(a, b) for a, b in held if (b, a) in held}
    found: list[Candidate] = []
    for a, b in held:
        if any(other < a and (a, other) in same for other in pairs if (other, b) in held or other == b):
            # Of columns that are two names for one thing, the first says it; between the two of them both do.
            if (a, b) not in same:
                continue
        if any((a, c) in held and (c, b) in held and (c, a) not in held and (b, c) not in held for c in pairs if c not in (a, b)):
            continue
        found.append(Candidate(Relation("determines", sample.source, (a, b)), chance[b]))
    yield from sorted(found, key=lambda one: (one.chance, one.relation.key))[:MOST_CANDIDATES]
    yield from _determined_by_two(sample, targets, codes, chance, held)


def _determined_by_two(
    sample: Sample,
    targets: Sequence[Values],
    codes: dict[str, np.ndarray],
    chance: dict[str, float],
    held: set[tuple[str, str]],
) -> Iterator[Candidate]:
    import numpy as np

    rows = sample.table.rows
    texts = [one for one in sample.columns if one.family in (TEXT, TRUTH) and one.levels <= rows / 6][:MOST_TEXTS]
    found: list[Candidate] = []
    for index, first in enumerate(texts):
        for second in texts[index + 1 :]:
            if {(first.name, second.name), (second.name, first.name)} & held:
                continue
            both = (first.codes >= 0) & (second.codes >= 0)
            group = np.where(both, first.codes * (second.levels + 1) + second.codes, -1)
            if len(np.unique(group)) > rows / 3:
                continue
            left = [
                one
                for one in targets
                if one.name not in (first.name, second.name)
                and not {(first.name, one.name), (second.name, one.name)} & held
            ]
            for name in _constant(_neighbours(group), "", left, codes):
                relation = Relation("determines", sample.source, (first.name, second.name, name))
                found.append(Candidate(relation, chance[name]))
    yield from sorted(found, key=lambda one: (one.chance, one.relation.key))[: MOST_CANDIDATES // 2]


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


def _constant(
    pairs: tuple[np.ndarray, np.ndarray], by: str, targets: Sequence[Values], codes: dict[str, np.ndarray]
) -> Iterator[str]:
    """Columns that have the same value in both rows of nearly every pair."""
    first, second = pairs
    if len(first) < 2 * LEAST_IN_SAMPLE:
        return
    for one in targets:
        if one.name == by:
            continue
        a, b = codes[one.name][first], codes[one.name][second]
        n = int(((a >= 0) & (b >= 0)).sum())
        if n >= LEAST_IN_SAMPLE and int(((a == b) & (a >= 0)).sum()) >= SCREENED * n:
            yield one.name


# --- three columns --------------------------------------------------------------------------------------------------


def _best(found: list[tuple[float, Relation]]) -> Iterator[Candidate]:
    for chance, relation in sorted(found, key=lambda one: (one[0], one[1].key))[:MOST_CANDIDATES]:
        yield Candidate(relation, chance)


def _share(wrong: np.ndarray, rows: np.ndarray) -> tuple[int, float]:
    """How many rows count, and the share of them that is right; not-a-number counts as neither."""
    n = int(rows.sum())
    return n, (1 - float((wrong & rows).sum()) / n) if n else 0.0


def _sums(sample: Sample) -> Iterator[Candidate]:
    """`a - b = c`, found as `b + c = a`, so that each is found once."""
    import numpy as np

    columns = sample.of(NUMBER, most=MOST_NUMBERS)
    yield from _arithmetic(sample, columns, "difference", lambda one, other: one + other, np.array([0.0]))


def _products(sample: Sample) -> Iterator[Candidate]:
    import numpy as np

    columns = sample.of(NUMBER, most=MOST_NUMBERS)
    yield from _arithmetic(sample, columns, "product", lambda one, other: one * other, np.array([0.0, 1.0]))


def _arithmetic(sample: Sample, columns: list[Values], kind: str, combine, trivial: np.ndarray) -> Iterator[Candidate]:  # type: ignore[no-untyped-def]
    import numpy as np

    if len(columns) < 3:
        return
    values = sample.matrix(columns)[:, :64] if len(columns) > 24 else sample.matrix(columns)
    apart = np.argsort(np.argsort(sample.apart[: values.shape[1]]))
    allowed = np.array([0.500001 * 10.0**-one.decimals for one in columns])
    lefts, rights = np.triu_indices(len(columns), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        together = combine(values[lefts], values[rights])
        plain = ~np.isin(values, trivial)
        counted = ~np.isnan(together) & plain[lefts] & plain[rights]
        found: list[tuple[float, Relation]] = []
        for index, result in enumerate(columns):
            close = allowed[index] + 1e-9 * np.abs(values[index])
            right = (np.abs(together - values[index]) <= close) & counted
            n = (counted & ~np.isnan(values[index])).sum(axis=1)
            least = max(LEAST_IN_SAMPLE, LEAST_NOT_TRIVIAL * values.shape[1])
            kept = (n >= least) & (right.sum(axis=1) >= SCREENED * n) & (lefts != index) & (rights != index)
            for pair in np.flatnonzero(kept):
                chance = float((np.abs(together[pair] - values[index][apart]) <= close[apart])[counted[pair]].mean())
                if chance <= CHANCE / 2:
                    first, second = columns[lefts[pair]], columns[rights[pair]]
                    parts = (result, first, second) if kind == "difference" else (first, second, result)
                    found.append((chance, _relation(sample, kind, *parts)))
    yield from _best(found)


def is_clock(values: Values) -> bool:
    """Whether a column looks like clocks written HHMM."""
    import numpy as np

    if values.family != NUMBER or values.levels < 20:
        return False
    numbers = values.numbers[~values.null]
    fits = (numbers >= 0) & (numbers <= 2400) & (numbers % 100 < 60) & (numbers == np.floor(numbers))
    return bool(fits.mean() >= 0.995 and (numbers >= 100).mean() >= 0.5)


def _clocks(sample: Sample) -> Iterator[Candidate]:
    """`a - b = c` of clocks HHMM and minutes; over midnight too."""
    import numpy as np

    clocks = [one for one in sample.of(NUMBER, most=1000) if is_clock(one)][:MOST_CLOCKS]
    results = [one for one in sample.of(NUMBER, most=MOST_NUMBERS) if one not in clocks]
    if len(clocks) < 2 or not results:
        return
    minutes = clock_minutes(sample.matrix(clocks))
    values = sample.matrix(results)
    found: list[tuple[float, Relation]] = []
    for first in range(len(clocks)):
        for second in range(len(clocks)):
            if first == second:
                continue
            passed = minutes[first] - minutes[second]
            off = np.mod(passed - values, MINUTES_PER_DAY)
            # A difference of zero is found for every constant, and both signs of it.
            counted = ~np.isnan(off) & (values != 0)
            right = ((off < 0.5) | (off > MINUTES_PER_DAY - 0.5)) & counted
            n = counted.sum(axis=1)
            for index in np.flatnonzero((n >= LEAST_IN_SAMPLE) & (right.sum(axis=1) >= SCREENED * n)):
                apart = np.mod(passed - values[index][sample.apart], MINUTES_PER_DAY)
                chance = float((apart < 0.5).mean())
                relation = _relation(
                    sample, "difference", clocks[first], clocks[second], results[index], unit=CLOCKS
                )
                if chance <= CHANCE / 2:
                    found.append((chance, relation))
    yield from _best(found)


def _durations(sample: Sample) -> Iterator[Candidate]:
    """`a - b = c` of two moments, or dates, and a number of minutes or another unit."""
    import numpy as np

    moments = sample.of(MOMENT, DATE, most=MOST_MOMENTS)
    results = sample.of(NUMBER, most=MOST_NUMBERS)
    if len(moments) < 2 or not results:
        return
    when, values = sample.matrix(moments), sample.matrix(results)
    allowed = np.array([[1.000001 * 10.0**-one.decimals] for one in results])
    found: list[tuple[float, Relation]] = []
    for first in range(len(moments)):
        for second in range(len(moments)):
            if first == second:
                continue
            for unit in TIME_UNITS:
                passed = (when[first] - when[second]) / MICROSECONDS[unit]
                wrong = np.abs(passed - values)
                counted = ~np.isnan(wrong) & (values != 0)
                n = counted.sum(axis=1)
                right = ((wrong <= allowed) & counted).sum(axis=1)
                for index in np.flatnonzero((n >= LEAST_IN_SAMPLE) & (right >= SCREENED * n)):
                    apart = np.abs(passed - values[index][sample.apart])
                    chance = float((apart <= allowed[index]).mean())
                    relation = _relation(
                        sample, "difference", moments[first], moments[second], results[index], unit=unit
                    )
                    if chance <= CHANCE / 2:
                        found.append((chance, relation))
    yield from _best(found)
