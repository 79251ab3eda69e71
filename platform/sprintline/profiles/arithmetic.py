"""Relations of three columns: sums, products, clocks and durations, tried on a sample of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import CLOCKS, TIME_UNITS, Relation
from sprintline.profiles.columns import DATE, MICROSECONDS, MOMENT, NUMBER, Values
from sprintline.profiles.compared import MINUTES_PER_DAY, clock_minutes
from sprintline.profiles.sampled import (
    CHANCE,
    LEAST_IN_SAMPLE,
    LEAST_NOT_TRIVIAL,
    MOST_CANDIDATES,
    MOST_CLOCKS,
    MOST_MOMENTS,
    MOST_NUMBERS,
    SCREENED,
    Candidate,
    Sample,
    relation_of,
)

if TYPE_CHECKING:
    import numpy as np


def arithmetic_candidates(sample: Sample) -> Iterator[Candidate]:
    """Relations of three columns that a sample does not discard."""
    yield from _sums(sample)
    yield from _products(sample)
    yield from _clocks(sample)
    yield from _durations(sample)


def _best(found: list[tuple[float, Relation]]) -> Iterator[Candidate]:
    for chance, relation in sorted(found, key=lambda one: (one[0], one[1].key))[:MOST_CANDIDATES]:
        yield Candidate(relation, chance)


def _sums(sample: Sample) -> Iterator[Candidate]:
    """`a - b = c`, found as `b + c = a`, so that each is found once."""
    import numpy as np

    columns = sample.of(NUMBER, most=MOST_NUMBERS)
    yield from _arithmetic(sample, columns, "difference", lambda one, other: one + other, np.array([0.0]))


def _products(sample: Sample) -> Iterator[Candidate]:
    import numpy as np

    columns = sample.of(NUMBER, most=MOST_NUMBERS)
    yield from _arithmetic(sample, columns, "product", lambda one, other: one * other, np.array([0.0, 1.0]))


def _arithmetic(
    sample: Sample,
    columns: list[Values],
    kind: str,
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray],
    trivial: np.ndarray,
) -> Iterator[Candidate]:
    """Pairs of columns whose combination is a third one, in rows without a trivial part such as a summand of zero."""
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
                chance = float(
                    (np.abs(together[pair] - values[index][apart]) <= close[apart])[counted[pair]].mean()
                )
                if chance <= CHANCE / 2:
                    first, second = columns[lefts[pair]], columns[rights[pair]]
                    parts = (result, first, second) if kind == "difference" else (first, second, result)
                    found.append((chance, relation_of(sample, kind, *parts)))
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
                relation = relation_of(
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
                    relation = relation_of(
                        sample, "difference", moments[first], moments[second], results[index], unit=unit
                    )
                    if chance <= CHANCE / 2:
                        found.append((chance, relation))
    yield from _best(found)
