"""Rows that repeat another row under a new key: a file sent twice with new ids, rows copied with one value changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.base.arrow_tables import SPRINT
from sprintline.profiles.columns import TEXT, TRUTH, Values
from sprintline.profiles.compared import Compared
from sprintline.profiles.violations import Part, most_particular

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LEAST_TO_DIFFER = 4
"""Columns besides the key from which on two rows that differ in one of them are near duplicates. With fewer, what is
equal is so little that rows coincide by chance."""
_PLATFORM = (SPRINT, "event_at", "known_at")
_GROUP_LEVELS = 500


@dataclass(frozen=True)
class Doubled:
    """Rows that repeat another row of the same sprint.

    n: rows. exact: those equal to another row in all columns but the key. doubled: those equal to another row in all
    columns but the key, or but the key and one other column; the first row of each kind is counted too. columns: how
    many columns besides the key were compared. group, day: where they are most frequent; None without any.
    """

    n: int
    exact: int = 0
    doubled: int = 0
    columns: int = 0
    group: Part | None = None
    day: Part | None = None

    @property
    def share(self) -> float:
        """Share of the rows that repeat another; 0 without rows."""
        return self.doubled / self.n if self.n else 0.0


def near_duplicates(frame: pd.DataFrame, key_columns: Sequence[str], hidden: Sequence[str] = ()) -> Doubled:
    """Count the rows that repeat another row but for the key, and for one other column.

    The hash of a row is the sum of the hashes of its values, so leaving one column out is a subtraction: the cost is
    that of sorting the rows once per column.

    frame: one sprint's rows. The platform's own moments do not count, as they are computed from the other columns.
    hidden: columns whose values must not be shown.
    """
    import numpy as np

    names = [name for name in frame.columns if name not in (*key_columns, *_PLATFORM)]
    table = [Values(str(name), frame[name]) for name in names]
    # A column of one value tells no row from another.
    table = [one for one in table if one.levels > 1 or (one.levels == 1 and one.null.any())]
    n = len(frame)
    if n < 2 or not table:
        return Doubled(n, columns=len(table))
    hashes = [_mixed(one.hashes, place) for place, one in enumerate(table)]
    whole = np.zeros(n, dtype="uint64")
    for one in hashes:
        whole += one
    exact = _repeated(whole)
    doubled = exact.copy()
    if len(table) >= LEAST_TO_DIFFER:
        for one in hashes:
            doubled |= _repeated(whole - one)
    if not doubled.any():
        return Doubled(n, columns=len(table))
    side = Compared("", np.ones(n, dtype=bool), doubled)
    named = [Values(str(name), frame[name]) for name in frame.columns if name not in (*hidden, *_PLATFORM)]
    shown = [
        one for one in named if one.family in (TEXT, TRUTH) and 2 <= one.levels <= min(_GROUP_LEVELS, n // 5)
    ]
    return Doubled(
        n, int(exact.sum()), int(doubled.sum()), len(table), _group(shown, side), _day(frame, side)
    )


def _mixed(hashes: np.ndarray, place: int) -> np.ndarray:
    """The hashes of a column, other ones for every column, so that swapped values do not cancel in the sum.

    The steps are those of splitmix64, whose constants are published for this purpose.
    """
    import numpy as np

    found = hashes + np.uint64((0x9E3779B97F4A7C15 * (place + 1)) & 0xFFFFFFFFFFFFFFFF)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """Which rows share their hash with another row."""
    import numpy as np

    order = np.argsort(hashes)
    alike = hashes[order][1:] == hashes[order][:-1]
    found = np.zeros(len(hashes), dtype=bool)
    found[order[1:]] |= alike
    found[order[:-1]] |= alike
    return found


def _group(columns: Sequence[Values], side: Compared) -> Part | None:
    import numpy as np

    best: tuple[float, Part] | None = None
    for values in columns:
        found = most_particular(values.codes, values.levels, side)
        if found is not None and (best is None or found[0] > best[0] * 1.001):
            excess, code, n, count = found
            best = (excess, Part(values.name, values.shown(int(np.argmax(values.codes == code))), n, count))
    return best[1] if best else None


def _day(frame: pd.DataFrame, side: Compared) -> Part | None:
    import numpy as np
    import pandas as pd

    if "event_at" not in frame:
        return None
    moments = pd.to_datetime(frame["event_at"], utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    days, codes = np.unique(moments, return_inverse=True)
    found = most_particular(np.where(np.isnat(moments), -1, codes), len(days), side)
    return None if found is None else Part("day", str(days[found[1]]), found[2], found[3])
