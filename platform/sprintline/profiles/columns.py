"""The columns of one sprint as plain arrays, prepared once and shared by all relations that are compared on them.

Numbers are float64 (and int64 where they are whole), moments int64 microseconds, dates int64 days, other values codes.
Preparing is linear in rows; a column is prepared when a relation first asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_tables import SPRINT
from sprintline.base.time_zones import zone_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from sprintline.landing.contracts import Contract

NUMBER, TRUTH, MOMENT, DATE, TEXT = "number", "truth", "moment", "date", "text"
"""Families of values. Only values of one family are compared with each other."""

MICROSECONDS = {
    "milliseconds": 1_000,
    "seconds": 1_000_000,
    "minutes": 60_000_000,
    "hours": 3_600_000_000,
    "days": 86_400_000_000,
}
MOST_DECIMALS = 6
_WHOLE_SHARE = 0.75
"""A column has as many decimals as three quarters of its values need. Some values that need more, because their unit is
another one, must not make the comparison of all others finer."""
_LARGEST_EXACT = 2.0**53


class Values:
    """One column: its family, which rows are empty, and its values as arrays of a row each."""

    def __init__(self, name: str, series: pd.Series) -> None:
        self.name = name
        self._series = series

    @cached_property
    def null(self) -> np.ndarray:
        """Which rows are empty; not-a-number and infinite numbers count as empty."""
        import numpy as np

        empty = self._series.isna().to_numpy(dtype=bool)
        if self._series.dtype.kind == "f":
            return empty | ~np.isfinite(self._series.to_numpy(dtype=float, na_value=np.nan))
        return empty

    @cached_property
    def family(self) -> str:
        """Which values it has."""
        import pandas as pd

        kind = self._series.dtype
        if pd.api.types.is_bool_dtype(kind):
            return TRUTH
        if pd.api.types.is_numeric_dtype(kind):
            return NUMBER
        if pd.api.types.is_datetime64_any_dtype(kind):
            return MOMENT
        present = self._series[~self.null]
        first = present.iloc[0] if len(present) else None
        # A moment of Python is a date too, so the type itself is compared.
        if type(first).__name__ == "date" and all(type(one) is type(first) for one in present):
            return DATE
        return TEXT

    @cached_property
    def numbers(self) -> np.ndarray:
        """As float64, empty rows not-a-number; moments in microseconds, dates as their midnight.

        Raises TypeError for other families.
        """
        import numpy as np

        if self.family == NUMBER:
            return np.where(self.null, np.nan, self._series.to_numpy(dtype=float, na_value=np.nan))
        return np.where(
            self.null, np.nan, self.whole.astype(float) * (MICROSECONDS["days"] if self.family == DATE else 1)
        )

    @cached_property
    def whole(self) -> np.ndarray:
        """As int64, empty rows 0; moments in microseconds, dates in days. Raises TypeError for other values."""
        import numpy as np

        if self.family == MOMENT:
            moments = self._series.dt.tz_convert("UTC") if self._series.dt.tz is not None else self._series
            found = moments.to_numpy(dtype="datetime64[us]").astype("int64")
        elif self.family == DATE:
            days = np.array(
                [None if empty else day for day, empty in zip(self._series, self.null, strict=True)], "M8[D]"
            )
            found = days.astype("int64")
        elif self.family == NUMBER and self._series.dtype.kind in "iu":
            return self._series.to_numpy(dtype="int64", na_value=0)
        else:
            raise TypeError(f"{self.name} has no whole numbers")
        return np.where(self.null, 0, found)

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are of a type of whole numbers."""
        return self.family == NUMBER and self._series.dtype.kind in "iu"

    @cached_property
    def codes(self) -> np.ndarray:
        """A small number per distinct value, from 0 on; -1 where it is empty."""
        import numpy as np
        import pandas as pd

        if self.family in (MOMENT, DATE) or self.is_whole:
            codes, _ = pd.factorize(self.whole)
        elif self.family == NUMBER:
            codes, _ = pd.factorize(self.numbers)
        else:
            try:
                codes, _ = pd.factorize(self._series.to_numpy(dtype=object))
            except TypeError:  # lists and the like, which have no hash
                codes, _ = pd.factorize(self._series.map(repr, na_action="ignore").to_numpy(dtype=object))
        return np.where(self.null, -1, codes)

    @cached_property
    def hashes(self) -> np.ndarray:
        """A uint64 per row that is the same for the same value, in other columns and sources too; 0 where empty."""
        import numpy as np
        import pandas as pd

        if self.is_whole or self.family in (MOMENT, DATE):
            found = pd.util.hash_array(self.whole)
        elif self.family in (NUMBER, TRUTH):
            # 3.0 and 3 are the same value of a column that one source keeps with decimals.
            values = (
                self.numbers if self.family == NUMBER else self._series.to_numpy(dtype=float, na_value=np.nan)
            )
            near = np.where(self.null | (np.abs(values) > _LARGEST_EXACT), 0.5, values)
            integers = near == np.floor(near)
            found = np.where(
                integers,
                pd.util.hash_array(np.where(integers, near, 0).astype("int64")),
                pd.util.hash_array(np.where(self.null, 0.0, values)),
            )
        else:
            levels = self._level_hashes
            found = levels[self.codes] if len(levels) else np.zeros(len(self.null), dtype="uint64")
        return np.where(self.null, np.uint64(0), found)

    @cached_property
    def _level_hashes(self) -> np.ndarray:
        import numpy as np
        import pandas as pd

        first = self._first_rows
        texts = np.array([str(value) for value in self._series.iloc[first]], dtype=object)
        return pd.util.hash_array(texts, categorize=False) if len(texts) else np.array([], dtype="uint64")

    @cached_property
    def _first_rows(self) -> np.ndarray:
        """The first row of every code, in the order of the codes."""
        import numpy as np

        found, first = np.unique(self.codes, return_index=True)
        return first[found >= 0]

    @cached_property
    def levels(self) -> int:
        """How many distinct values it has."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @cached_property
    def decimals(self) -> int:
        """Decimals that its numbers need: the fewest with which most of them are exact."""
        import numpy as np

        values = self.numbers[~self.null]
        if self.is_whole or not len(values):
            return 0
        for decimals in range(MOST_DECIMALS):
            scaled = values * 10.0**decimals
            exact = np.abs(scaled - np.round(scaled)) <= 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)
            if exact.mean() >= _WHOLE_SHARE:
                return decimals
        return MOST_DECIMALS

    def shown(self, row: int) -> str:
        """The value of a row as people read it."""
        value = self._series.iloc[row]
        if self.null[row]:
            return "nothing"
        if self.family == MOMENT:
            return str(value.strftime("%Y-%m-%dT%H:%M:%SZ"))
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return text if len(text) <= 40 else text[:39] + "…"


class Table(Mapping[str, Values]):
    """The prepared columns of one source in one sprint: those of its contract, or all without a contract.

    The platform's own moments are left out: they are computed from the columns, so a relation with them tells of the
    product's code, not of the data.
    """

    def __init__(self, frame: pd.DataFrame, contract: Contract | None) -> None:
        self.frame = frame
        self.contract = contract
        known = contract.column_names if contract else tuple(map(str, frame.columns))
        declared = set(contract.column_names) if contract else set()
        own = {SPRINT, "event_at", "known_at"} - declared
        self._names = tuple(name for name in known if name in frame.columns and name not in own)
        self._values: dict[str, Values] = {}

    def __getitem__(self, name: str) -> Values:
        if name not in self._values:
            if name not in self._names:
                raise KeyError(name)
            self._values[name] = Values(name, self.frame[name])
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.frame)

    @property
    def key(self) -> tuple[str, ...]:
        """Its key columns; empty without a contract."""
        return self.contract.key if self.contract else ()

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Columns whose values must not be shown."""
        return frozenset(self.contract.hidden_columns) if self.contract else frozenset()

    @cached_property
    def days(self) -> tuple[np.ndarray, list[str]] | None:
        """A code per row and the days of the codes, of `event_at` in the contract's time zone; None without it."""
        import numpy as np
        import pandas as pd

        if "event_at" not in self.frame or not self.rows:
            return None
        moments = pd.to_datetime(self.frame["event_at"], utc=True)
        zone = self.contract.timezone if self.contract else "UTC"
        local = moments.dt.tz_convert(zone_of(zone)).dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
        days, codes = np.unique(local, return_inverse=True)
        return np.where(np.isnat(local), -1, codes), [str(day) for day in days]

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Columns that rows are grouped by in sentences: few levels, no key by itself, values that may be shown."""
        most = min(500, max(self.rows // 5, 2))
        return tuple(
            name
            for name in self
            if name not in self.hidden
            and self[name].family in (TEXT, TRUTH)
            and 2 <= self[name].levels <= most
        )[:12]

    def row_hashes(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """A uint64 per row over some columns in this order, and which rows have them all."""
        import numpy as np

        found = np.zeros(self.rows, dtype="uint64")
        full = np.ones(self.rows, dtype=bool)
        for name in names:
            values = self[name]
            # An odd factor, so that the order of the columns counts.
            found = found * np.uint64(0x9E3779B97F4A7C15) + values.hashes
            full &= ~values.null
        return found, full


class Tables(dict[str, "Table"]):
    """The sources of one sprint, prepared. Give it to several calls in place of the frames: each column is then
    prepared once.
    """

    @classmethod
    def of(cls, frames: Mapping[str, Any], contracts: Mapping[str, Contract]) -> Tables:
        """The prepared sources; those that are prepared already as they are."""
        if isinstance(frames, Tables):
            return frames
        return cls({name: Table(frame, contracts.get(name)) for name, frame in frames.items()})

    @cached_property
    def _joins(self) -> dict[Any, tuple[np.ndarray, np.ndarray]]:
        return {}

    def joined(
        self, source: str, columns: tuple[str, ...], other: str, other_columns: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """For every row, the first row of the other source with the same values, or -1; and which rows have values."""
        import numpy as np

        asked = (source, columns, other, other_columns)
        if asked not in self._joins:
            here, full = self[source].row_hashes(columns)
            there, there_full = self[other].row_hashes(other_columns)
            rows = np.flatnonzero(there_full)
            unique, first = np.unique(there[rows], return_index=True)
            found = np.full(len(here), -1)
            if len(unique):
                place = np.searchsorted(unique, here).clip(max=len(unique) - 1)
                matched = full & (unique[place] == here)
                found[matched] = rows[first[place[matched]]]
            self._joins[asked] = (found, full)
        return self._joins[asked]
