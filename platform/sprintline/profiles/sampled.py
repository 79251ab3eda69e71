"""A sample of the rows of a source. Candidates for relations are tried on it; what it keeps is compared on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import Relation
from sprintline.profiles.columns import Table, Values

if TYPE_CHECKING:
    import numpy as np

SAMPLE = 256
"""Rows on which candidates are tried."""
SCREENED = 0.97
"""Share of the sample's rows that a candidate needs; the sample's share varies, so this is less than is required of
all rows."""
LEAST_IN_SAMPLE = 10
LEAST_ROWS = 50
"""Rows that must be compared before a relation counts as found."""
CHANCE = 0.9
"""A relation that this share of rows drawn apart from each other satisfies says too little."""

MOST_COLUMNS = 300
"""Columns of a source that are tried: of more, the first."""
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

    @property
    def tried(self) -> list[Values]:
        """The first columns of the source."""
        return [self.table[name] for name in islice(self.table, MOST_COLUMNS)]

    @cached_property
    def columns(self) -> list[Values]:
        """Columns with at least two values; of columns that are equal in all rows the first."""
        seen: set[bytes] = set()
        found = []
        for values in self.tried:
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


def relation_of(sample: Sample, kind: str, *columns: Values, unit: str = "") -> Relation:
    """A relation between columns of the sampled source."""
    return Relation(kind, sample.source, tuple(one.name for one in columns), unit=unit)


def agreement(values: np.ndarray, apart: np.ndarray) -> float:
    """Share of rows drawn apart that have equal values."""
    return float((values == values[apart]).mean())
