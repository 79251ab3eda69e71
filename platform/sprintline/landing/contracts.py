"""Contracts: what a source promises, read from ODCS v3.1 YAML, and the pandera schema generated from it.

The YAML is the only place where a column is described. `parse_contract` reads it (the work is in `odcs.py`), and
`Contract.pandera` generates the schema that checks every landed frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sprintline.base.time_zones import zone_of
from sprintline.landing.declared_relations import Accepted

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

#: Classifications, from open to personal. Values of the last two never appear in a message or a sample.
CLASSIFICATIONS = ("public", "internal", "confidential", "personal")
HIDDEN = frozenset({"confidential", "personal"})

AT_QUESTION = "question"
"""`knownAt` of a column that is known when the question is asked, or earlier."""
WITH_ROW = "row"
"""`knownAt` of a column that is known when its row is, the latest moment: the default."""


DAY, MOMENT = "day", "moment"
"""`resolution` of a timestamp column: days written with a midnight, each known at its end; or moments."""
RESOLUTIONS = (DAY, MOMENT)


@dataclass(frozen=True)
class Column:
    """One column of a source.

    `minimum` and `maximum` are included unless `exclusive_minimum`/`exclusive_maximum`; for dates and timestamps they
    are ISO 8601 text. `timezone` is that of timestamps written without an offset, and of days. `unit` is the unit of
    measure. `physical_name` is the column's name in the file, where that is another. `known_at` says when a value is
    known: AT_QUESTION, WITH_ROW, or the name of a column with the moment. `not_known` are the words that mean "not
    known" in this column, besides the empty field; None where the contract names none. `resolution` says whether the
    moments of a timestamp column are days (DAY) or moments (MOMENT); None where the contract does not say.
    """

    name: str
    logical_type: str
    required: bool = False
    primary_key: bool = False
    unique: bool = False
    minimum: float | str | None = None
    maximum: float | str | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    enum: tuple[Any, ...] | None = None
    description: str = ""
    classification: str = "internal"
    unit: str | None = None
    timezone: str = "UTC"
    physical_name: str | None = None
    known_at: str = WITH_ROW
    not_known: tuple[str, ...] | None = None
    resolution: str | None = None

    @property
    def absent(self) -> tuple[str, ...]:
        """Texts that mean "not known". Unless the contract names others, NA does, though not in text: Namibia is NA."""
        default = () if self.logical_type == "string" or "NA" in (self.enum or ()) else ("NA",)
        return ("", *(default if self.not_known is None else self.not_known))

    @property
    def header(self) -> str:
        """Its name in the file."""
        return self.physical_name or self.name

    @property
    def hidden(self) -> bool:
        """Whether values of this column must never be shown."""
        return self.classification in HIDDEN


@dataclass(frozen=True)
class Contract:
    """What one source promises about its table.

    `key` names the primary key columns in order. `event_at` and `known_at` name the columns that say when a row
    happened and when it could be known; both are None when the product derives them. `min_rows` and `max_rows`
    (included) are the promised size of a sprint. `relations` are those that the team accepted, their source empty, and
    `rejected_relations` the texts of those it does not want to see. `sla` and `custom` are as declared.
    """

    id: str
    name: str
    version: str
    status: str
    description: str
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    event_at: str | None = None
    known_at: str | None = None
    timezone: str = "UTC"
    min_rows: int | None = None
    max_rows: int | None = None
    checksum_required: bool = False
    unique_together: tuple[tuple[str, ...], ...] = ()
    relations: tuple[Accepted, ...] = ()
    rejected_relations: tuple[str, ...] = ()
    sla: tuple[Mapping[str, Any], ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in the contract's order."""
        return tuple(column.name for column in self.columns)

    @property
    def types(self) -> dict[str, str]:
        """Logical type of every column of the lake's table, with the moments that the landing adds."""
        declared = {column.name: column.logical_type for column in self.columns}
        return {**declared, "event_at": "timestamp", "known_at": "timestamp"}

    @property
    def headers(self) -> tuple[str, ...]:
        """Names of all columns as a file has them, in the contract's order."""
        return tuple(column.header for column in self.columns)

    @property
    def personal_columns(self) -> tuple[str, ...]:
        """Names of the columns classified as personal."""
        return tuple(column.name for column in self.columns if column.classification == "personal")

    @property
    def hidden_columns(self) -> tuple[str, ...]:
        """Names of the columns whose values must not be shown: personal and confidential ones."""
        return tuple(column.name for column in self.columns if column.hidden)

    @property
    def row_bounds(self) -> tuple[int | None, int | None] | None:
        """Least and most rows of a sprint, both included, each None where open; None when neither is promised."""
        return None if self.min_rows is None and self.max_rows is None else (self.min_rows, self.max_rows)

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Every set of columns that names a row at most once: primary key, unique columns, unique sets."""
        alone = ((column.name,) for column in self.columns if column.unique)
        return tuple(dict.fromkeys(filter(None, (self.key, *alone, *self.unique_together))))

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"contract {self.name} has no column {name}; it has {', '.join(self.column_names)}")

    def pandera(self) -> pa.DataFrameSchema:
        """The pandera schema of a landed frame: types, nulls, ranges, lengths, patterns, allowed values, keys.

        It coerces (timestamps to microseconds in UTC, whole numbers to nullable Int64), allows no other columns, and
        is meant for `validate(frame, lazy=True)`.
        """
        import pandera.pandas as pa

        columns = {
            column.name: pa.Column(
                _dtype(column),
                parsers=pa.Parser(_as_days) if column.logical_type == "date" else None,
                checks=_checks(column, pa),
                nullable=not column.required,
                description=column.description,
                metadata={"classification": column.classification, "unit": column.unit},
            )
            for column in self.columns
        }
        # Keys are checks of the frame, because pandera's own `unique` takes only one set of columns.
        checks = [
            pa.Check(_KeyCheck(names), name="key", error=f"{' + '.join(names)} must name a row only once")
            for names in self.keys
        ]
        return pa.DataFrameSchema(
            columns,
            checks=checks,
            strict=True,
            coerce=True,
            name=self.table,
            title=self.name,
            description=self.description,
        )


def repeated_rows(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """Which rows share their values in `names` with another row. As in SQL, a row with a null there matches none."""
    part = frame[list(names)]
    return part.duplicated(keep=False) & part.notna().all(axis=1)


@dataclass(frozen=True)
class _KeyCheck:
    names: tuple[str, ...]

    def __call__(self, frame: pd.DataFrame) -> bool:
        return not bool(repeated_rows(frame, self.names).any())


@dataclass(frozen=True)
class _PatternCheck:
    """ODCS patterns are regular expressions that may match anywhere, as in JSON Schema; `^` and `$` anchor them."""

    pattern: str

    def __call__(self, values: pd.Series) -> pd.Series:
        search = re.compile(self.pattern).search
        return values.map(lambda value: search(value) is not None).astype(bool)


def _as_days(values: pd.Series) -> pd.Series:
    """Moments and ISO texts as `datetime.date`, missing ones as None; other values are left to the check."""
    import pandas as pd

    def as_day(value: Any) -> Any:
        if pd.isna(value):
            return None
        if isinstance(value, datetime):
            return value.date()
        try:
            return date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            return value

    return pd.Series([as_day(value) for value in values], index=values.index, dtype=object)


def _are_days(values: pd.Series) -> pd.Series:
    return values.map(lambda value: isinstance(value, date)).astype(bool)


def _dtype(column: Column) -> Any:
    import pandas as pd
    from pandera.engines import pandas_engine

    return {
        "string": pd.StringDtype(),
        "integer": pd.Int64Dtype(),
        "number": "float64",
        "boolean": pd.BooleanDtype(),
        "date": object,  # pandera's own Date knows only the years 1677 to 2262
        "timestamp": pandas_engine.DateTime(unit="us", tz="UTC"),
    }[column.logical_type]


def _checks(column: Column, pa: Any) -> list[Any]:
    checks: list[Any] = []
    if column.logical_type == "date":
        checks.append(pa.Check(_are_days, name="date", error="must be a date"))
    low, high = bound(column, column.minimum), bound(column, column.maximum)
    if low is not None:
        word = "more than" if column.exclusive_minimum else "at least"
        check = pa.Check.gt if column.exclusive_minimum else pa.Check.ge
        checks.append(check(low, error=f"must be {word} {column.minimum}"))
    if high is not None:
        word = "less than" if column.exclusive_maximum else "at most"
        check = pa.Check.lt if column.exclusive_maximum else pa.Check.le
        checks.append(check(high, error=f"must be {word} {column.maximum}"))
    if column.min_length is not None or column.max_length is not None:
        words = [f"at least {column.min_length}"] if column.min_length is not None else []
        words += [f"at most {column.max_length}"] if column.max_length is not None else []
        error = f"must have {' and '.join(words)} characters"
        checks.append(pa.Check.str_length(column.min_length, column.max_length, error=error))
    if column.pattern is not None:
        checks.append(
            pa.Check(_PatternCheck(column.pattern), name="pattern", error=f"must match {column.pattern}")
        )
    if column.enum is not None:
        listed = ", ".join(str(value) for value in column.enum[:12]) + (
            ", …" if len(column.enum) > 12 else ""
        )
        checks.append(pa.Check.isin(list(column.enum), error=f"must be one of {listed}"))
    return checks


def bound(column: Column, limit: float | str | None) -> Any:
    """A declared minimum or maximum as a value that compares with the column's values."""
    if limit is None or column.logical_type not in {"date", "timestamp"}:
        return limit
    if column.logical_type == "date":
        return date.fromisoformat(str(limit))
    moment = datetime.fromisoformat(str(limit))
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone_of(column.timezone))).astimezone(UTC)
