"""Which rows a relation can be compared on, and which of them violate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import CLOCKS, Relation
from sprintline.profiles.columns import DATE, MICROSECONDS, MOMENT, NUMBER, Table, Tables, Values

if TYPE_CHECKING:
    import numpy as np

MINUTES_PER_DAY = 1440
_CLOSE = 1e-9
"""Relative difference of two float64 that are the same number but for the order of the arithmetic."""
_HALF = 0.5 + 1e-6


class CannotCompare(LookupError):
    """A relation has no rows to compare in a sprint: no source, no column, or values of another type."""


@dataclass(frozen=True)
class Compared:
    """A relation on the rows of one source.

    on: the source whose rows these are. rows, violating: which rows are compared, and which of them violate it.
    """

    on: str
    rows: np.ndarray
    violating: np.ndarray

    @property
    def n(self) -> int:
        return int(self.rows.sum())

    @property
    def count(self) -> int:
        return int(self.violating.sum())


def compare(relation: Relation, tables: Tables) -> list[Compared]:
    """A relation on the rows of its source; for `same groups` also on those of the other source.

    Raises:
        CannotCompare: a source or a column is missing, or a column has values of another type.
    """
    if lacking := [name for name in relation.sources if name not in tables]:
        raise CannotCompare(f"{lacking[0]} has no rows")
    for source, names in ((relation.source, relation.columns), (relation.other, relation.other_columns)):
        if source and (lacking := [name for name in names if name not in tables[source]]):
            raise CannotCompare(f"{source} has no column {lacking[0]}")
    try:
        return _COMPARE[relation.kind](relation, tables)
    except TypeError as error:
        raise CannotCompare(str(error)) from error


def _of(relation: Relation, tables: Tables) -> tuple[Values, ...]:
    table = tables[relation.source]
    return tuple(table[name] for name in relation.columns)


def _alike(*columns: Values) -> None:
    families = {one.family for one in columns}
    if len(families) > 1 and families != {MOMENT, DATE}:
        named = " and ".join(f"{one.name} ({one.family})" for one in columns)
        raise CannotCompare(f"{named} have values of different types")


def same(first: Values, second: Values, rows: np.ndarray | None = None) -> np.ndarray:
    """Which rows have equal values; `rows` are the second column's rows to compare with, by default the same."""
    import numpy as np

    if first.family == NUMBER and not (first.is_whole and second.is_whole):
        a, b = first.numbers, second.numbers if rows is None else second.numbers[rows]
        return np.abs(a - b) <= _CLOSE * np.maximum(np.abs(a), np.abs(b))
    if first.family != second.family:  # a moment and a date
        return first.numbers == (second.numbers if rows is None else second.numbers[rows])
    return first.hashes == (second.hashes if rows is None else second.hashes[rows])


def _equal(relation: Relation, tables: Tables) -> list[Compared]:
    first, second = _of(relation, tables)
    _alike(first, second)
    rows = ~first.null & ~second.null
    return [Compared(relation.source, rows, rows & ~same(first, second))]


def _order(relation: Relation, tables: Tables) -> list[Compared]:
    first, second = _of(relation, tables)
    _alike(first, second)
    rows = ~first.null & ~second.null
    a, b = first.numbers, second.numbers
    import numpy as np

    with np.errstate(invalid="ignore"):
        return [Compared(relation.source, rows, rows & (a > b + _CLOSE * np.abs(b)))]


def clock_minutes(values: np.ndarray) -> np.ndarray:
    """Minutes of the day of clocks written HHMM; 2400 is midnight."""
    import numpy as np

    hours = np.floor(values / 100)
    return hours * 60 + (values - hours * 100)


def tolerance(result: Values, *parts: Values) -> np.ndarray:
    """How far a result may be from what its parts give: half its last decimal, and what float64 loses."""
    import numpy as np

    # Whole parts have a whole result: half of 1 would let nothing else pass either.
    lost = sum(np.abs(np.nan_to_num(one.numbers)) for one in parts)
    return _HALF * 10.0**-result.decimals + _CLOSE * lost


def _difference(relation: Relation, tables: Tables) -> list[Compared]:
    import numpy as np

    first, second, result = _of(relation, tables)
    if result.family != NUMBER:
        raise CannotCompare(f"{result.name} is not a number")
    rows = ~first.null & ~second.null & ~result.null
    if relation.unit in MICROSECONDS:
        if not {first.family, second.family} <= {MOMENT, DATE}:
            raise CannotCompare(f"{first.name} and {second.name} are not both moments")
        passed = (first.numbers - second.numbers) / MICROSECONDS[relation.unit]
        # Some round a duration, others cut it, so a whole unit of its last decimal is left open where there is a rest.
        digits = 10.0**result.decimals
        exact = np.abs(passed * digits - np.round(passed * digits)) < 1e-6 * np.maximum(1, np.abs(passed))
        wrong = np.abs(passed - result.numbers) * digits > np.where(exact, _HALF, 1 + 1e-6)
    else:
        if {first.family, second.family} != {NUMBER}:
            raise CannotCompare(f"{first.name} and {second.name} are not both numbers")
        if relation.unit == CLOCKS:
            passed = clock_minutes(first.numbers) - clock_minutes(second.numbers) - result.numbers
            off = np.mod(passed, MINUTES_PER_DAY)
            wrong = np.minimum(off, MINUTES_PER_DAY - off) > _HALF * 10.0**-result.decimals
        else:
            passed = first.numbers - second.numbers
            wrong = np.abs(passed - result.numbers) > tolerance(result, first, second)
    return [Compared(relation.source, rows, rows & wrong)]


def _product(relation: Relation, tables: Tables) -> list[Compared]:
    import numpy as np

    first, second, result = _of(relation, tables)
    if {first.family, second.family, result.family} != {NUMBER}:
        raise CannotCompare(f"{relation.text} compares numbers, and not all columns are")
    rows = ~first.null & ~second.null & ~result.null
    with np.errstate(over="ignore", invalid="ignore"):
        wrong = np.abs(first.numbers * second.numbers - result.numbers) > tolerance(result, result)
    return [Compared(relation.source, rows, rows & wrong)]


def _determines(relation: Relation, tables: Tables) -> list[Compared]:
    """Rows of groups of at least two; a row violates it when its value is not the most frequent one of its group."""
    import numpy as np

    *by, value = _of(relation, tables)
    rows = ~value.null
    group = np.zeros(len(rows), dtype="int64")
    for one in by:
        rows &= ~one.null
        group = group * (one.levels + 1) + one.codes
    rows, wrong = off_mode(group, value.codes, value.levels, rows)
    return [Compared(relation.source, rows, wrong)]


def off_mode(
    group: np.ndarray, value: np.ndarray, levels: int, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of the rows, those in groups of two and more, and those whose value is not the most frequent of their group."""
    import numpy as np

    places = np.flatnonzero(rows)
    compared, wrong = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    if not len(places):
        return compared, wrong
    pairs, pair, counts = np.unique(
        group[places] * (levels + 1) + value[places], return_inverse=True, return_counts=True
    )
    _, of_pair = np.unique(pairs // (levels + 1), return_inverse=True)
    sizes = np.bincount(of_pair, weights=counts)
    # The most frequent value of every group; of equally frequent ones the first.
    order = np.lexsort((np.arange(len(pairs)), -counts, of_pair))
    first = np.ones(len(order), dtype=bool)
    first[1:] = of_pair[order][1:] != of_pair[order][:-1]
    most = np.zeros(len(pairs), dtype=bool)
    most[order[first]] = True
    compared[places] = sizes[of_pair[pair]] >= 2
    wrong[places] = compared[places] & ~most[pair]
    return compared, wrong


def _null_together(relation: Relation, tables: Tables) -> list[Compared]:
    import numpy as np

    first, second = _of(relation, tables)
    rows = np.ones(len(first.null), dtype=bool)
    return [Compared(relation.source, rows, first.null ^ second.null)]


def _keys_in(relation: Relation, tables: Tables) -> list[Compared]:
    """The first row of every key. One hour that a source of hours lacks is one violation, not one per row of it."""
    import numpy as np

    asked = (relation.source, relation.columns, relation.other, relation.other_columns)
    found, full = tables.joined(*asked)
    hashes, _ = tables[relation.source].row_hashes(relation.columns)
    places = np.flatnonzero(full)
    rows = np.zeros(len(full), dtype=bool)
    rows[places[np.unique(hashes[places], return_index=True)[1]]] = True
    return [Compared(relation.source, rows, rows & (found < 0))]


def _same_value(relation: Relation, tables: Tables) -> list[Compared]:
    """Rows whose key the other source has, where neither value is empty."""
    here, there = relation.columns, relation.other_columns
    first, second = tables[relation.source][here[0]], tables[relation.other][there[0]]
    _alike(first, second)
    found, _ = tables.joined(relation.source, here[1:], relation.other, there[1:])
    matched = found >= 0
    if not len(second.null):
        return [Compared(relation.source, matched, matched & False)]
    rows = matched & ~first.null & ~second.null[found]
    return [Compared(relation.source, rows, rows & ~same(first, second, found))]


def _same_groups(relation: Relation, tables: Tables) -> list[Compared]:
    """Rows of both sources whose value of the column the other source lacks."""
    import numpy as np

    def one_way(table: Table, name: str, other: Table, other_name: str, on: str) -> Compared:
        here, there = table[name], other[other_name]
        lacking = ~np.isin(here.hashes, np.unique(there.hashes[~there.null]))
        return Compared(on, ~here.null, ~here.null & lacking)

    here, there = tables[relation.source], tables[relation.other]
    (column,), (other_column,) = relation.columns, relation.other_columns
    _alike(here[column], there[other_column])
    return [
        one_way(here, column, there, other_column, relation.source),
        one_way(there, other_column, here, column, relation.other),
    ]


def _same_rows_per_day(relation: Relation, tables: Tables) -> list[Compared]:
    """Rows of either source; on a day with more rows in one source, as many of its rows as it has more violate it."""
    import numpy as np

    here, there = tables[relation.source].days, tables[relation.other].days
    if here is None or there is None:
        raise CannotCompare("rows without a moment have no day")
    sides = ((relation.source, here, there), (relation.other, there, here))
    found = []
    for on, (codes, days), (other_codes, other_days) in sides:
        others = dict(
            zip(
                other_days, np.bincount(other_codes[other_codes >= 0], minlength=len(other_days)), strict=True
            )
        )
        rows = codes >= 0
        # The last rows of the day: which of them are too many, no one can say.
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes[rows], minlength=len(days))
        starts = np.cumsum(counts) - counts
        place = np.empty(len(codes), dtype="int64")
        place[order] = np.arange(len(codes)) - (~rows).sum()
        place = place - starts[np.maximum(codes, 0)]
        least = np.array([others.get(day, 0) for day in days])
        found.append(Compared(on, rows, rows & (place >= least[np.maximum(codes, 0)])))
    return found


_COMPARE: dict[str, Callable[[Relation, Tables], list[Compared]]] = {
    "equal": _equal,
    "difference": _difference,
    "product": _product,
    "order": _order,
    "determines": _determines,
    "null together": _null_together,
    "keys in": _keys_in,
    "same value": _same_value,
    "same groups": _same_groups,
    "same rows per day": _same_rows_per_day,
}
