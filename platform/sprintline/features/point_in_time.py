"""Recompute features from the rows known at a moment: a value that differs from the stored one used later data.

The product's own models and feature queries run on the rows known by the moment, in a temporary DuckDB file; dbt only
compiles them, once per change of a file. A feature row of a moment up to then must be equal bit by bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_tables import SPRINT
from sprintline.features.frame_checks import EVENT
from sprintline.features.knowledge import Knowledge, as_known
from sprintline.features.marts import restricted_query
from sprintline.features.store import FeatureError, FeatureStore
from sprintline.lake.tables import Lake
from sprintline.warehouse.compiled import MARK, models, plan_of
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from sprintline.product.calendar import Sprint

#: A rebuild runs beside a training, which uses the cores; there it is not slower on one core than on two.
THREADS = 1


@dataclass(frozen=True)
class Compared:
    """Recomputed rows of one table, compared with the stored ones.

    again: rows that were computed again and have a stored one. columns: those in which any row differs. first: the
    first such row, in words; empty when all are equal.
    """

    table: str
    rows: int
    unequal: int
    again: int
    columns: tuple[str, ...] = ()
    first: str = ""


@dataclass(frozen=True)
class Known:
    """What was known when: of every source, and how long before their event questions are asked.

    A source without an entry is known row by row. only: columns to scramble, as source and column, to find those a
    result depends on; None scrambles whatever was not known.
    """

    moment: datetime
    sources: Mapping[str, Knowledge] = field(default_factory=dict)
    ahead: timedelta = timedelta(0)
    only: frozenset[tuple[str, str]] | None = None

    def columns_of(self, source: str) -> Collection[str] | None:
        """The columns of a source that may be scrambled; None for all."""
        if self.only is None:
            return None
        return {column for name, column in self.only if name == source}


@dataclass(frozen=True)
class Rebuild:
    """A temporary warehouse file, and the number of scrambled values by source and column."""

    file: Path
    scrambled: Mapping[str, Mapping[str, int]]


@contextmanager
def rebuilt(warehouse: Warehouse, lake: Lake, sprints: Sequence[str], known: Known) -> Iterator[Rebuild]:
    """A temporary warehouse of these sprints, built from what was known at the moment; deleted afterwards.

    Raises:
        WarehouseError: the product does not parse.
        duckdb.Error: a model cannot be computed from these rows.
    """
    import duckdb

    plan = plan_of(warehouse)
    with tempfile.TemporaryDirectory(prefix="sprintline-rebuild-") as folder:
        # Compiled names begin with the database's name, which in DuckDB is the file's name.
        file = Path(folder) / f"{warehouse.product}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"set threads = {THREADS}")
            for name in {one["schema"] for one in (*plan["sources"], *models(plan))}:
                connection.execute(f'create schema if not exists "{name}"')
            scrambled = {
                source["name"]: _land(connection, lake, warehouse.product, source, sprints, known)
                for source in plan["sources"]
            }
            # One transaction: no other process reads this file, and each commit waits for the disk.
            connection.execute("begin")
            for place, sprint in enumerate(sprints):
                for model in models(plan):
                    relation = f'"{model["schema"]}"."{model["name"]}"'
                    verb = f"insert into {relation} by name" if place else f"create table {relation} as"
                    connection.execute(f"{verb} {model['sql'].replace(MARK, sprint)}")
            connection.execute("commit")
        yield Rebuild(file, scrambled)


def compare_view(
    features: FeatureStore, file: Path, view: str, sprint: Sprint, lookback: Sequence[str], moment: datetime
) -> tuple[Compared, pd.DataFrame]:
    """Compare a view's rows of a sprint up to the moment, recomputed in the temporary warehouse; also returns these."""
    stored = features.lake.read(f"{features.product}/{view}", [sprint.key]).drop(columns=SPRINT)
    try:
        again = features.compute(view, sprint, lookback, partial(restricted_query, file, threads=THREADS))
    except FeatureError:
        again = stored.iloc[:0]  # nothing was known to compute rows from: then there should be none
    keys = [*features.declared().keys(view), EVENT]
    return compare(view, _upto(stored, moment), _upto(again, moment), keys), again


def compare(table: str, stored: pd.DataFrame, again: pd.DataFrame, keys: Sequence[str]) -> Compared:
    """Compare rows by their keys, every other column bit by bit; a row on one side only is unequal."""
    import pandas as pd

    names = [name for name in stored.columns if name in again.columns and name not in keys]
    both, alone = _paired(stored, again[[*keys, *names]], list(keys))
    wrong, columns = alone.copy(), []
    for name in names:
        one, other = both[name], both[f"{name} again"]
        differs = ~((one == other) | (one.isna() & other.isna())).fillna(False).to_numpy(dtype=bool) & ~alone
        if differs.any():
            columns.append(name)
        wrong |= differs
    first = ""
    if wrong.any():
        row = both[wrong].iloc[0]
        place = ", ".join(f"{key} {row[key]}" for key in keys)
        values = [f"{name} {row[name]} stored, {row[f'{name} again']} again" for name in columns[:1]]
        first = f"{place}: {values[0] if values and not pd.isna(row[names]).all() else 'on one side only'}"
    return Compared(table, len(both), int(wrong.sum()), int((~alone).sum()), tuple(columns), first)


def _paired(
    stored: pd.DataFrame, again: pd.DataFrame, keys: list[str]
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Rows of both sides by their keys, those of the second as `<name> again`; and which are on one side only."""
    import numpy as np
    import pandas as pd

    stored, again = stored.reset_index(drop=True), again.reset_index(drop=True)
    if stored[keys].equals(again[keys]):  # the usual: nothing to join
        other = again.drop(columns=keys).add_suffix(" again")
        return pd.concat([stored, other], axis=1), np.zeros(len(stored), dtype=bool)
    both = stored.merge(again, on=keys, how="outer", suffixes=("", " again"), indicator=True)
    return both, (both["_merge"] != "both").to_numpy()


def answers(
    questions: pd.DataFrame, rows: pd.DataFrame, keys: Sequence[str], features: Sequence[str], ttl: Any
) -> pd.DataFrame:
    """The questions with the newest row of their key at or before them, no older than ttl: a plain join."""
    import pandas as pd

    asked = questions[["question_id", "question_at", *keys]].sort_values("question_at", kind="stable")
    known = rows[[*keys, EVENT, *features]].sort_values(EVENT, kind="stable")
    for key in keys:  # one type on both sides
        asked[key], known[key] = asked[key].astype(str), known[key].astype(str)
    asked["question_at"] = asked["question_at"].astype(known[EVENT].dtype)
    found = pd.merge_asof(
        asked, known, left_on="question_at", right_on=EVENT, by=list(keys), tolerance=pd.Timedelta(ttl)
    )
    return found[["question_id", *features]]


def _upto(frame: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    return frame[frame[EVENT] <= moment]


def _land(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    product: str,
    source: dict[str, str],
    sprints: Sequence[str],
    known: Known,
) -> Mapping[str, int]:
    """A source's rows as they were known at the moment, types as the lake's; returns the scrambled values by column."""
    name = source["name"]
    frame = lake.read(f"{product}/{name}", sprints, missing_ok=True)
    knowledge = known.sources.get(name, Knowledge())
    found = as_known(frame, knowledge, known.moment, known.ahead, only=known.columns_of(name))
    connection.register("landed", found.rows)
    connection.execute(f'create table "{source["schema"]}"."{name}" as select * from landed')  # noqa: S608 - a manifest's name
    connection.unregister("landed")
    return found.scrambled
