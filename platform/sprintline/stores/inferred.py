"""What the columns of a file seem to be: the types, values and nulls from which a first contract is written.

Inference is caution: what would lose something (a leading zero, a digit beyond 64 bits) stays text, and each column
says why it was taken for what it is, so that its owner can tell where it is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.core.contracts import Column
from sprintline.stores.landing_types import NA_TOKENS, assemble, convert

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMS = (".csv", ".csv.gz", ".parquet")
#: Text with at most so many different values is a category; with more it is a name or prose, which no model reads.
MOST_CATEGORIES = 50

#: Columns the platform adds to tables.
_TAKEN = frozenset({"question_id", "question_at", "event_at", "known_at", "answer", "asked_hour", "weekday"})
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEADING_ZERO = re.compile(r"[-+]?0\d")


class InferenceError(ValueError):
    """A file from which no contract can be written; the message names file, column and mend."""


@dataclass(frozen=True)
class Inferred:
    """One column: its name in the file and in SQL, its logical type, and why it was taken for that."""

    name: str
    sql: str
    kind: str
    why: str
    required: bool
    distinct: int
    values: tuple[str, ...] = ()

    @property
    def category(self) -> bool:
        """Whether a model may read it as a category."""
        return self.kind == "string" and 1 < self.distinct <= MOST_CATEGORIES

    @property
    def quoted(self) -> str:
        """Its name in the lake as SQL reads it: capitals do not matter, words of SQL need quotes."""
        return self.sql if self.name.lower() == self.sql else f'"{self.name}"'


def infer(file: Path, timezone: str) -> tuple[list[Inferred], pd.DataFrame]:
    """The columns of a file, and its rows typed so, under the columns' SQL names.

    Args:
        file: a CSV (comma-separated, UTF-8, a header) or Parquet file.
        timezone: of moments written without an offset.

    Raises:
        InferenceError: no such file, another form, no rows, nested columns, or names that cannot be told apart.
    """
    import pandas as pd

    texts = texts_of(file)
    names = _sql_names(list(texts.columns), file)
    found, typed = [], {}
    for name, sql in names.items():
        found.append(_infer_column(name, sql, texts[name], timezone))
        typed[sql] = _typed(texts[name], found[-1].kind, timezone)
    return found, pd.DataFrame(typed)


def texts_of(file: Path) -> pd.DataFrame:
    """Every value of a CSV or Parquet file as text, a missing one as the empty text. Raises InferenceError."""
    if not file.is_file():
        raise InferenceError(f"{file}: there is no such file; name a .csv, .csv.gz or .parquet file")
    if not file.name.endswith(FORMS):
        raise InferenceError(f"{file}: is none of {', '.join(FORMS)}; save it as one of them")
    try:
        texts = _texts_of_parquet(file) if file.suffix == ".parquet" else _texts_of_csv(file)
    except (ValueError, OSError) as error:
        if isinstance(error, InferenceError):
            raise
        first = str(error).splitlines()[0]
        raise InferenceError(f"{file}: cannot be read ({first}); save it as UTF-8 CSV or Parquet") from error
    if not len(texts.columns) or texts.empty:
        raise InferenceError(f"{file}: holds no row; give a file with some sprints of history")
    return texts


def _texts_of_csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(file, dtype=str, keep_default_na=False)


def _texts_of_parquet(file: Path) -> pd.DataFrame:
    """Every column as the text a CSV would hold, so that one inference serves both."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    for field in table.schema:
        if pa.types.is_nested(field.type):
            raise InferenceError(
                f"{file}: column {field.name} holds {field.type}; write its parts as columns, or leave it out"
            )
    return pd.DataFrame({field.name: _as_text(table[field.name], field.type) for field in table.schema})


def _as_text(values: pa.ChunkedArray, kind: pa.DataType) -> list[str]:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        plain = values.cast(pa.timestamp("us", tz=kind.tz and "UTC"), safe=False).to_pylist()
        return ["" if one is None else one.isoformat() for one in plain]
    if pa.types.is_boolean(kind):
        return ["" if one is None else str(one).lower() for one in values.to_pylist()]
    return ["" if one is None else str(one) for one in values.to_pylist()]


def _sql_names(names: list[str], file: Path) -> dict[str, str]:
    """Small letters, digits and underscores for each name; what SQL or the platform needs gets an underscore."""
    found: dict[str, str] = {}
    for name in names:
        if name == "sprint":
            raise InferenceError(
                f"{file}: column sprint: the lake keeps the sprint under that name; rename it"
            )
        if not _COLUMN.fullmatch(name):
            right = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "value"
            raise InferenceError(
                f"{file}: column {name!r}: names in a contract have letters, digits and underscores; rename it in the "
                f"file, to {right} for example"
            )
        sql = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        sql = sql if sql and sql[0].isalpha() else f"c_{sql}".rstrip("_")
        sql = f"{sql}_" if sql in _TAKEN | _keywords() else sql
        twin = next((old for old, new in found.items() if new == sql), None)
        if twin is not None:
            raise InferenceError(
                f"{file}: columns {twin!r} and {name!r} are both {sql} in SQL; rename one of them"
            )
        found[name] = sql
    return found


@lru_cache(maxsize=1)
def _keywords() -> frozenset[str]:
    """Words that SQL keeps for itself."""
    import duckdb

    with duckdb.connect() as connection:
        asked = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        return frozenset(word for (word,) in connection.execute(asked).fetchall())


def _infer_column(name: str, sql: str, texts: pd.Series, timezone: str) -> Inferred:
    distinct = [text for text in dict.fromkeys(texts) if text not in NA_TOKENS]
    required = not texts.isin(NA_TOKENS).any()
    kind, why = _kind(distinct, timezone)
    listed = tuple(sorted(distinct)) if len(distinct) <= MOST_CATEGORIES else ()
    return Inferred(name, sql, kind, why, required, len(distinct), listed)


def _kind(distinct: list[str], timezone: str) -> tuple[str, str]:
    if not distinct:
        return "string", "it is empty throughout"
    if any(_LEADING_ZERO.match(text) for text in distinct) and all(text.isdigit() for text in distinct):
        return "string", "digits with leading zeros, which a number would lose"
    missing = [False] * len(distinct)
    for kind, why in (
        ("integer", "every value is a whole number"),
        ("number", "every value is a number"),
        ("boolean", "every value is true or false"),
        ("date", "every value is a date"),
        ("timestamp", "every value is a moment"),
    ):
        _, reasons = convert(distinct, missing, Column("", kind, timezone=timezone))
        if not reasons:
            return kind, why
        if kind == "timestamp" and (
            told := next((r for r in reasons.values() if "clocks change" in r), None)
        ):
            place = next(index for index, reason in reasons.items() if reason == told)
            return "string", f"{distinct[place]} {told}"
    return "string", f"{len(distinct)} different texts"


def _typed(texts: pd.Series, kind: str, timezone: str) -> Any:
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    missing = np.array([text in NA_TOKENS for text in distinct], dtype=bool)
    column = Column("", kind, timezone=timezone)
    values, _ = convert(list(distinct), missing, column)
    return assemble(values, missing, codes, column)
