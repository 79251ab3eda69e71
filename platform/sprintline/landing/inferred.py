"""Infer the columns of a file: the types and nulls from which a first contract is written.

Inference is cautious: a value that would lose something (a leading zero, a digit beyond 64 bits) stays text. Each
column has the reason for its type, so that its owner can see where it is wrong (`guess.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.landing.artefacts import index_columns
from sprintline.landing.contracts import DAY, MOMENT, Column, Contract
from sprintline.landing.dates import OUTSIDE
from sprintline.landing.days import only_days
from sprintline.landing.delimited import decode, read_rows, unpack
from sprintline.landing.guess import Guess, guess, of_parquet
from sprintline.landing.parquet import logical_type, plain
from sprintline.landing.reasons import BadFile
from sprintline.landing.types import assemble, convert

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMS = (".csv", ".csv.gz", ".parquet")
#: Text with at most this many different values is a category; with more it is a name or prose, which no model reads.
MOST_CATEGORIES = 50

#: Columns that the platform adds to tables, or that the dbt models of a product made from a file define.
TAKEN = frozenset(
    ("question_id", "question_at", "event_at", "known_at", "answer", "label", "asked_hour", "weekday", "local_at",
     "sprint", "everyone", "asked", "answers", "positives", "known_hour", "last_known_at", "event_timestamp",
     "created_timestamp", "past_rate", "past_answers")
)  # fmt: skip
#: Of these, the ones it adds to the lake; a file's column of that name is renamed there.
_OF_THE_LAKE = frozenset({"event_at", "known_at", "sprint"})
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class InferenceError(ValueError):
    """A file from which no contract can be written; the message names file, column and fix."""


@dataclass(frozen=True)
class Inferred:
    """One column: its names in the file, in the contract and in SQL, its logical type and why it has that.

    not_known: words that mean "not known" in it. note: what its owner should read about the choice, if anything.
    counts_rows: whether it numbers the rows of the file, which says nothing about them. resolution: of a timestamp,
    `day` where every value is the midnight of a day, else `moment`.
    """

    header: str
    name: str
    sql: str
    kind: str
    why: str
    required: bool
    distinct: int
    not_known: tuple[str, ...] = ()
    note: str | None = None
    counts_rows: bool = False
    resolution: str | None = None

    @property
    def category(self) -> bool:
        """Whether a model may read it as a category."""
        return self.kind == "string" and 1 < self.distinct <= MOST_CATEGORIES

    @property
    def quoted(self) -> str:
        """Its name in the lake as SQL reads it: capitals do not matter, words of SQL need quotes."""
        return self.sql if self.name.lower() == self.sql else f'"{self.name}"'


def infer(
    file: Path, timezone: str, keys: Collection[str] = (), moments: Collection[str] = ()
) -> tuple[list[Inferred], pd.DataFrame]:
    """The columns of a file, and its rows typed so, under the columns' SQL names.

    Args:
        file: a CSV (comma-separated, UTF-8, a header) or Parquet file.
        timezone: of moments written without an offset.
        keys: columns that identify the rows, by one of their names: none of their values may change.
        moments: columns that say when a row happened or became known.

    Raises:
        InferenceError: no such file, another format, no rows, or a column that no contract can describe.
    """
    import pandas as pd

    texts, kinds = _read(file, keys)
    found, typed = [], {}
    for header, (name, sql) in _names(list(texts.columns)).items():
        key, moment = (not {header, name, sql}.isdisjoint(names) for names in (keys, moments))
        distinct = _distinct(texts[header])
        if header in kinds:
            guessed = of_parquet(distinct, *kinds[header], timezone, key=key, moment=moment)
            _refuse_unfit(file, header, guessed, texts[header], timezone)
        else:
            guessed = guess(distinct, timezone, key=key, moment=moment)
        column = _inferred(header, name, sql, guessed, texts[header])
        typed[sql] = _typed(texts[header], guessed, timezone)
        if not key and column.kind == "integer" and column.required and _counts_rows(typed[sql]):
            column = replace(
                column, counts_rows=True, note="it numbers the rows of the file, so no model reads it"
            )
        if column.kind == "timestamp":
            column = _resolved(column, pd.Series(typed[sql]), timezone)
        found.append(column)
    frame = pd.DataFrame(typed)
    frame.attrs = texts.attrs
    return found, frame


def _resolved(column: Inferred, values: pd.Series, timezone: str) -> Inferred:
    """A column of moments with what its midnights mean."""
    if not only_days(values, Column("", "timestamp", timezone=timezone)):
        return replace(column, resolution=MOMENT)
    told = "every value is a midnight, so it is a day and known at its end (resolution: day in the contract)"
    return replace(column, resolution=DAY, note=f"{column.note}; {told}" if column.note else told)


def _counts_rows(values: Any) -> bool:
    import numpy as np

    first = int(values[0])
    return (
        len(values) > MOST_CATEGORIES
        and first in (0, 1)
        and bool((values == np.arange(len(values)) + first).all())
    )


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


def texts_of(file: Path, keep: Collection[str] = ()) -> pd.DataFrame:
    """Every value of a CSV or Parquet file as text, a missing one as the empty text. Raises InferenceError.

    keep: columns that are data although they look as if the writing program had added them.
    """
    return _read(file, keep)[0]


def read_texts(texts: pd.Series, timezone: str) -> tuple[str, pd.Series]:
    """The type of a column of texts, and its values."""
    import pandas as pd

    found = guess(_distinct(texts), timezone)
    return found.kind, pd.Series(_typed(texts, found, timezone), index=texts.index)


def _read(file: Path, keep: Collection[str]) -> tuple[pd.DataFrame, dict[str, tuple[str, str]]]:
    """Every value as text; and for Parquet the logical type of each column, and why."""
    import pandas as pd
    import pyarrow as pa

    if file.is_dir():
        raise InferenceError(f"{file}: is a folder; name the .csv, .csv.gz or .parquet file in it")
    if re.match(r"[a-z]{2,}:/", str(file)):
        raise InferenceError(f"{file}: is an address; download the file and name it")
    if not file.is_file():
        raise InferenceError(f"{file}: there is no such file; name a .csv, .csv.gz or .parquet file")
    if not file.name.endswith(FORMS):
        # Landed files are known by these endings as they are written here.
        lower = next((form for form in FORMS if file.name.lower().endswith(form)), None)
        right = f"rename it so that it ends in {lower}" if lower else "export it as one of them"
        raise InferenceError(f"{file}: the name does not end in {', '.join(FORMS)}; {right}")
    try:
        if file.suffix == ".parquet":
            texts, kinds = _texts_of_parquet(file, keep)
        else:
            # As a landed file is read, so that what is accepted here is accepted there.
            rows = read_rows(decode(unpack(file.read_bytes(), file.name)), keep=keep)
            texts, kinds = pd.DataFrame(rows.columns, dtype=object), {}
            texts.attrs["left_out"] = rows.left_out
    except BadFile as bad:
        raise InferenceError(f"{file}: {bad}") from bad
    except (pa.ArrowException, OSError) as error:
        first = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InferenceError(f"{file}: cannot be read ({first}); save it as UTF-8 CSV or Parquet") from error
    if not len(texts.columns) or texts.empty:
        raise InferenceError(f"{file}: has no rows; give a file with some sprints of history")
    return texts, kinds


def _texts_of_parquet(file: Path, keep: Collection[str]) -> tuple[pd.DataFrame, dict[str, tuple[str, str]]]:
    """Every column as the text of a CSV file, so that one inference serves both."""
    import pandas as pd
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file).read()
    left_out = [name for name in index_columns(table.schema) if name not in keep]
    table = table.drop_columns(left_out)
    texts, kinds = {}, {}
    for name, values in zip(table.column_names, map(plain, table.columns), strict=True):
        kind = logical_type(values.type)
        if kind is None:
            raise InferenceError(
                f"{file}: column {name} has type {values.type}; write its parts as columns or as text, or leave it out"
            )
        if name in texts:
            raise InferenceError(f"{file}: the column {name!r} appears twice; keep one of them")
        try:
            texts[name] = _as_text(values)
        except (ValueError, OverflowError) as error:
            wrong = f"column {name} has a date or moment that {OUTSIDE}"
            raise InferenceError(f"{file}: {wrong}; leave it empty where it is not known") from error
        kinds[name] = kind, f"its Parquet type is {values.type}"
    frame = pd.DataFrame(texts)
    frame.attrs["left_out"] = tuple(left_out)
    return frame, kinds


def _as_text(values: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_timestamp(kind):
        micros = values.cast(pa.timestamp("us", tz=kind.tz and "UTC"), safe=False).to_pylist()
        return ["" if one is None else one.isoformat() for one in micros]
    if pa.types.is_boolean(kind):
        return ["" if one is None else str(one).lower() for one in values.to_pylist()]
    if pa.types.is_decimal(kind):  # 100 and not 1E+2
        return ["" if one is None else format(one, "f") for one in values.to_pylist()]
    if pa.types.is_floating(kind):  # "not known" in a column of numbers
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    return ["" if one is None else str(one) for one in values.to_pylist()]


def _refuse_unfit(file: Path, header: str, found: Guess, texts: pd.Series, timezone: str) -> None:
    """Refuse a value that Parquet's type allows and the contract's does not: the file would break its contract."""
    if found.lost:
        raise InferenceError(f"{file}: column {header}: {found.lost}; write the column as text")
    column = _column(found, timezone)
    distinct = [text for text in _distinct(texts) if text not in column.absent]
    _, reasons = convert(distinct, [False] * len(distinct), column)
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
    return [text for text in dict.fromkeys(texts) if text]


def _inferred(header: str, name: str, sql: str, found: Guess, texts: pd.Series) -> Inferred:
    column = _column(found, "UTC")
    missing = texts.isin(column.absent)
    return Inferred(
        header, name, sql, found.kind, found.why, not missing.any(), texts[~missing].nunique(),
        found.not_known, _note(found, texts, missing),
    )  # fmt: skip


def _note(found: Guess, texts: pd.Series, missing: pd.Series) -> str | None:
    if not found.note or not found.not_known:
        return found.note
    rows = int((missing & (texts != "")).sum())
    first = int((missing & (texts != "")).to_numpy().argmax()) + 1
    return f"{found.note} ({rows:,} row{'s' if rows > 1 else ''}, the first is row {first:,})"


def _column(found: Guess, timezone: str) -> Column:
    return Column("", found.kind, timezone=timezone, not_known=found.not_known or None)


def _typed(texts: pd.Series, found: Guess, timezone: str) -> Any:
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    column = _column(found, timezone)
    missing = np.array([text in column.absent for text in distinct], dtype=bool)
    values, _ = convert(list(distinct), missing, column)
    return assemble(values, missing, codes, column)
