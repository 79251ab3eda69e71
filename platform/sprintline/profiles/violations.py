"""How many rows of a sprint violate a relation, and where most of them are: group, day, one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.landing.declared_relations import Relation
from sprintline.profiles.columns import Table, Tables
from sprintline.profiles.compared import CannotCompare, Compared, compare

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from sprintline.landing.contracts import Contract


@dataclass(frozen=True)
class Part:
    """Some of the compared rows: those of one value of a column, or of one day.

    by: the column, or `day`. value: the value. n, violating: its rows compared, and those that violate the relation.
    """

    by: str
    value: str
    n: int
    violating: int


@dataclass(frozen=True)
class Violations:
    """A relation in one sprint.

    n: rows compared. violating: those of them that violate it. group, day: the group and the day that the violations
    are most particular to; None without violations, or where rows have neither. on: the source whose rows `group`,
    `day` and `example` are of. example: a row that violates it, without values that must not be shown. lack: why
    nothing could be compared; empty otherwise.
    """

    relation: Relation
    n: int = 0
    violating: int = 0
    group: Part | None = None
    day: Part | None = None
    on: str = ""
    example: str = ""
    lack: str = ""

    @property
    def share(self) -> float | None:
        """Share of the compared rows that violate it; None without rows."""
        return self.violating / self.n if self.n else None


def violations(
    relation: Relation,
    frames: Mapping[str, pd.DataFrame] | Tables,
    contracts: Mapping[str, Contract],
) -> Violations:
    """A relation measured on one sprint's accepted rows.

    frames: by source. For many relations give `Tables.of(frames, contracts)`, which prepares every column once.
    """
    tables = Tables.of(frames, contracts)
    try:
        sides = compare(relation, tables)
    except CannotCompare as error:
        return Violations(relation, lack=str(error))
    n, count = sum(side.n for side in sides), sum(side.count for side in sides)
    if not n:
        return Violations(relation, lack="no row has the values it compares")
    if not count:
        return Violations(relation, n)
    side = max(sides, key=lambda one: one.count)
    table = tables[side.on]
    return Violations(
        relation, n, count, _worst_group(relation, table, side), _worst_day(table, side), side.on,
        _example(relation, table, side),
    )  # fmt: skip


def _worst_group(relation: Relation, table: Table, side: Compared) -> Part | None:
    import numpy as np

    columns = relation.columns if side.on == relation.source else relation.other_columns
    # A column that the relation is about names its own groups best; a key column of a join is one like others.
    about = columns[:1] if relation.kind == "same value" else columns
    names = [name for name in table.groups if relation.kind == "same groups" or name not in about] or [
        name for name in table.groups if name in about
    ]
    if relation.kind == "same groups":
        names = [name for name in names if name in columns] or names
    best: tuple[float, Part] | None = None
    for name in names:
        values = table[name]
        found = most_particular(values.codes, values.levels, side)
        if found is not None and (best is None or found[0] > best[0] * 1.001):
            excess, code, n, count = found
            row = int(np.argmax(values.codes == code))
            best = (excess, Part(name, values.shown(row), n, count))
    return best[1] if best else None


def _worst_day(table: Table, side: Compared) -> Part | None:
    if table.days is None:
        return None
    codes, days = table.days
    found = most_particular(codes, len(days), side)
    return None if found is None else Part("day", days[found[1]], found[2], found[3])


def most_particular(codes: np.ndarray, levels: int, side: Compared) -> tuple[float, int, int, int] | None:
    """The level that violations are most particular to: how much, its code, its compared and its violating rows.

    The measure is the log likelihood ratio of the level having its own share of violations against the share of all
    other rows. It prefers neither a large group with an ordinary share nor a single row.
    """
    import numpy as np

    rows = side.rows & (codes >= 0)
    if levels == 0 or not rows.any():
        return None
    n = np.bincount(codes[rows], minlength=levels).astype(float)
    count = np.bincount(codes[side.violating & rows], minlength=levels).astype(float)
    if not count.any():
        return None
    rest_n, rest = n.sum() - n, count.sum() - count
    whole = _likelihood(np.array(count.sum()), np.array(n.sum()))
    gain = _likelihood(count, n) + _likelihood(rest, rest_n) - whole
    higher = (count * np.maximum(rest_n, 1) >= rest * np.maximum(n, 1)) & (count > 0)
    gain = np.where(higher, gain, -1.0)
    code = int(np.argmax(gain)) if higher.any() else int(np.argmax(count))
    return float(gain[code]), code, int(n[code]), int(count[code])


def _likelihood(count: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log likelihood of `count` of `n` rows at their own share."""
    import numpy as np

    other = n - count
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, count * np.log(count / n), 0.0) + np.where(
            other > 0, other * np.log(other / n), 0.0
        )


def _example(relation: Relation, table: Table, side: Compared) -> str:
    """The first row that violates it: key, then the columns of the relation."""
    import numpy as np

    row = int(np.argmax(side.violating))
    columns = relation.columns if side.on == relation.source else relation.other_columns
    names = dict.fromkeys((*table.key, *columns))
    told = [
        f"{name} {table[name].shown(row)}" for name in names if name in table and name not in table.hidden
    ]
    hidden = [name for name in names if name in table.hidden]
    return ", ".join(told) + (f" ({', '.join(hidden)} not shown)" if hidden else "")
