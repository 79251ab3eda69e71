"""Infer the columns of a file: the types and nulls from which a first contract is written.

Inference is cautious: a value that would lose something (a leading zero, a digit beyond 64 bits) stays text. Each
column has the reason for its type, so that its owner can see where it is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.landing.contracts import Column, Contract
from sprintline.landing.delimited import decode, read_rows, unpack
from sprintline.landing.parquet import logical_type, plain
from sprintline.landing.reasons import BadFile
from sprintline.landing.types import NA_TOKENS, assemble, convert

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMS = (".csv", ".csv.gz", ".parquet")
#: Text with at most this many different values is a category; with more it is a name or prose, which no model reads.
MOST_CATEGORIES = 50
#: This many values rule out most types.
FIRST = 100

#: Columns that the platform adds to tables, or that the dbt models of a product made from a file define.
TAKEN = frozenset(
    ("question_id", "question_at", "event_at", "known_at", "answer", "label", "asked_hour", "weekday", "local_at",
     "sprint", "everyone", "asked", "answers", "positives", "known_hour", "last_known_at", "event_timestamp",
     "created_timestamp", "past_rate", "past_answers")
)  # fmt: skip
#: Of these, the ones it adds to the lake; a file's column of that name is renamed there.
_OF_THE_LAKE = frozenset({"event_at", "known_at", "sprint"})
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEADING_ZERO = re.compile(r"[-+]?0\d")


class InferenceError(ValueError):
    """A file from which no contract can be written; the message names file, column and fix."""


@dataclass(frozen=True)
class Inferred:
    """One column: its names in the file, in the contract and in SQL, its logical type and why it has that."""

    header: str
    name: str
    sql: str
    kind: str
    why: str
    required: bool
    distinct: int

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
        InferenceError: no such file, another format, no rows, or a column that no contract can describe.
    """
    import pandas as pd

    texts, kinds = _read(file)
    found, typed = [], {}
    for header, (name, sql) in _names(list(texts.columns)).items():
        kind, why = kinds.get(header) or _kind(_distinct(texts[header]), timezone)
        if header in kinds:
            _refuse_unfit(file, header, kind, texts[header], timezone)
        found.append(_inferred(header, name, sql, kind, why, texts[header]))
        typed[sql] = _typed(texts[header], kind, timezone)
    return found, pd.DataFrame(typed)


def columns_of(contract: Contract) -> list[Inferred]:
    """The columns of a table that has a contract already, with the names that SQL needs for them."""
    names = _names(list(contract.column_names))
    return [
        Inferred(
            header=column.name,
            name=column.name,
            sql=names[column.name][1],
            kind=column.logical_type,
            why="by the contract",
            required=column.required,
            distinct=0,
        )
        for column in contract.columns
    ]


def texts_of(file: Path) -> pd.DataFrame:
    """Every value of a CSV or Parquet file as text, a missing one as the empty text. Raises InferenceError."""
    return _read(file)[0]


def _read(file: Path) -> tuple[pd.DataFrame, dict[str, tuple[str, str]]]:
    """Every value as text; and for Parquet the logical type of each column, and why."""
    import pandas as pd
    import pyarrow as pa

    if not file.is_file():
        raise InferenceError(f"{file}: there is no such file; name a .csv, .csv.gz or .parquet file")
    if not file.name.endswith(FORMS):
        raise InferenceError(f"{file}: is not one of {', '.join(FORMS)}; save it as one of them")
    try:
        if file.suffix == ".parquet":
            texts, kinds = _texts_of_parquet(file)
        else:
            # As a landed file is read, so that what is accepted here is accepted there.
            texts = pd.DataFrame(
                read_rows(decode(unpack(file.read_bytes(), file.name))).columns, dtype=object
            )
            kinds = {}
    except BadFile as bad:
        raise InferenceError(f"{file}: {bad}") from bad
    except (pa.ArrowException, OSError) as error:
        first = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InferenceError(f"{file}: cannot be read ({first}); save it as UTF-8 CSV or Parquet") from error
    if not len(texts.columns) or texts.empty:
        raise InferenceError(f"{file}: has no rows; give a file with some sprints of history")
    return texts, kinds


def _texts_of_parquet(file: Path) -> tuple[pd.DataFrame, dict[str, tuple[str, str]]]:
    """Every column as the text of a CSV file, so that one inference serves both."""
    import pandas as pd
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file).read()
    texts, kinds = {}, {}
    for name, values in zip(table.column_names, map(plain, table.columns), strict=True):
        kind = logical_type(values.type)
        if kind is None:
            raise InferenceError(
                f"{file}: column {name} has type {values.type}; write its parts as columns or as text, or leave it out"
            )
        if name in texts:
            raise InferenceError(f"{file}: the column {name!r} appears twice; keep one of them")
        texts[name] = _as_text(values)
        kinds[name] = kind, f"its Parquet type is {values.type}"
    return pd.DataFrame(texts), kinds


def _as_text(values: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_timestamp(kind):
        micros = values.cast(pa.timestamp("us", tz=kind.tz and "UTC"), safe=False).to_pylist()
        return ["" if one is None else one.isoformat() for one in micros]
    if pa.types.is_boolean(kind):
        return ["" if one is None else str(one).lower() for one in values.to_pylist()]
    if pa.types.is_floating(kind):  # "not known" in a column of numbers
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    return ["" if one is None else str(one) for one in values.to_pylist()]


def _refuse_unfit(file: Path, header: str, kind: str, texts: pd.Series, timezone: str) -> None:
    """Refuse a value that Parquet's type allows and the contract's does not: the file would break its contract."""
    distinct = _distinct(texts)
    _, reasons = convert(distinct, [False] * len(distinct), Column("", kind, timezone=timezone))
    for index, reason in reasons.items():
        raise InferenceError(
            f"{file}: column {header}: {distinct[index]} {reason}; fix it, or write the column as text"
        )


def _names(headers: list[str]) -> dict[str, tuple[str, str]]:
    """For each header its name in the contract and in SQL.

    Both are the header itself where possible: letters, digits and underscores, in SQL lower case. A word that SQL or
    the platform reserves gets an underscore, a name that is taken a number.
    """
    found: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for place, header in enumerate(headers, start=1):
        small = unicodedata.normalize("NFKD", header.casefold())
        letters = "".join(sign for sign in small if not unicodedata.combining(sign))
        sql = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
        sql = sql if sql[:1].isalpha() else f"c_{sql or place}"
        sql = f"{sql}_" if sql in TAKEN | reserved_words() else sql
        unique = next(
            one for one in (sql, *(f"{sql}_{n}" for n in range(2, len(headers) + 2))) if one not in taken
        )
        taken.add(unique)
        as_it_is = unique == sql and _COLUMN.fullmatch(header) and header.lower() not in _OF_THE_LAKE
        found[header] = header if as_it_is else unique, unique
    return found


@lru_cache(maxsize=1)
def reserved_words() -> frozenset[str]:
    """Reserved words of SQL."""
    import duckdb

    with duckdb.connect() as connection:
        query = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        return frozenset(word for (word,) in connection.execute(query).fetchall())


def _distinct(texts: pd.Series) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text not in NA_TOKENS]


def _inferred(header: str, name: str, sql: str, kind: str, why: str, texts: pd.Series) -> Inferred:
    distinct = _distinct(texts)
    required = not texts.isin(NA_TOKENS).any()
    return Inferred(header, name, sql, kind, why, required, len(distinct))


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
        column = Column("", kind, timezone=timezone)
        if kind != "timestamp" and convert(distinct[:FIRST], missing[:FIRST], column)[1]:
            continue
        _, reasons = convert(distinct, missing, column)
        if not reasons:
            return kind, why
        if kind == "timestamp" and (
            clock_change := next((r for r in reasons.values() if "clocks change" in r), None)
        ):
            place = next(index for index, reason in reasons.items() if reason == clock_change)
            return "string", f"{distinct[place]} {clock_change}"
    return "string", f"{len(distinct)} different texts"


def _typed(texts: pd.Series, kind: str, timezone: str) -> Any:
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    missing = np.array([text in NA_TOKENS for text in distinct], dtype=bool)
    column = Column("", kind, timezone=timezone)
    values, _ = convert(list(distinct), missing, column)
    return assemble(values, missing, codes, column)
