"""Features made again from a lake that ends at a moment: what differs from the stored ones was learned after it.

The product's own models and feature queries run on the rows known by the moment, in a scratch file of DuckDB; dbt only
compiles them, once per change of a file. A feature row that stands for a moment up to then must come out equal to the
bit, whatever its columns are called.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.frames import SPRINT
from sprintline.features.frame_checks import EVENT
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

#: A rebuild runs beside a training, whose trees want the cores; there it takes no longer on one than on two.
THREADS = 1


@dataclass(frozen=True)
class Compared:
    """Rows of one table made again and held against the stored ones.

    columns: those in which any row differs. first: the first such row, in words; empty when all are equal.
    """

    table: str
    rows: int
    unequal: int
    columns: tuple[str, ...] = ()
    first: str = ""


@contextmanager
def rebuilt(warehouse: Warehouse, lake: Lake, sprints: Sequence[str], moment: datetime) -> Iterator[Path]:
    """A scratch warehouse of these sprints, made of what was known by the moment; it is gone afterwards.

    Raises:
        WarehouseError: the product does not parse.
        duckdb.Error: a model cannot be computed from these rows.
    """
    import duckdb

    plan = plan_of(warehouse)
    with tempfile.TemporaryDirectory(prefix="sprintline-rebuild-") as folder:
        # Compiled names begin with the file's name, by which DuckDB calls a database.
        file = Path(folder) / f"{warehouse.product}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"set threads = {THREADS}")
            for name in {one["schema"] for one in (*plan["sources"], *models(plan))}:
                connection.execute(f'create schema if not exists "{name}"')
            for source in plan["sources"]:
                _land(connection, lake, warehouse.product, source, sprints, moment)
            # Once: nobody else sees this file, and each commit waits for the disk.
            connection.execute("begin")
            for place, sprint in enumerate(sprints):
                for model in models(plan):
                    relation = f'"{model["schema"]}"."{model["name"]}"'
                    verb = f"insert into {relation} by name" if place else f"create table {relation} as"
                    connection.execute(f"{verb} {model['sql'].replace(MARK, sprint)}")
            connection.execute("commit")
        yield file


def compare_view(
    features: FeatureStore, file: Path, view: str, sprint: Sprint, lookback: Sequence[str], moment: datetime
) -> tuple[Compared, pd.DataFrame]:
    """A view's rows of a sprint up to the moment, made again from the scratch warehouse; and these rows."""
    stored = features.lake.read(f"{features.product}/{view}", [sprint.key]).drop(columns=SPRINT)
    try:
        again = features.compute(view, sprint, lookback, partial(restricted_query, file, threads=THREADS))
    except FeatureError:
        again = stored.iloc[:0]  # nothing to make rows of was known: then there should be none
    keys = [*features.declared().keys(view), EVENT]
    return compare(view, _upto(stored, moment), _upto(again, moment), keys), again


def compare(table: str, stored: pd.DataFrame, again: pd.DataFrame, keys: Sequence[str]) -> Compared:
    """Rows by their keys, every other column equal to the bit; a row that is on one side only is unequal."""
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
        told = ", ".join(f"{key} {row[key]}" for key in keys)
        values = [f"{name} {row[name]} stored, {row[f'{name} again']} again" for name in columns[:1]]
        first = f"{told}: {values[0] if values and not pd.isna(row[names]).all() else 'on one side only'}"
    return Compared(table, len(both), int(wrong.sum()), tuple(columns), first)


def _paired(
    stored: pd.DataFrame, again: pd.DataFrame, keys: list[str]
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Rows of both sides by their keys, those of the second as `<name> again`; and which stand on one side only."""
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
    """The questions with the newest row of their key at or before them, no older than ttl: the join, done plainly."""
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
    moment: datetime,
) -> None:
    """A source's rows that were known by the moment, types as the lake's."""
    frame = lake.read(f"{product}/{source['name']}", sprints, missing_ok=True)
    known = frame[frame["known_at"] <= moment]
    connection.register("landed", known)
    connection.execute(f'create table "{source["schema"]}"."{source["name"]}" as select * from landed')  # noqa: S608 - a manifest's name
    connection.unregister("landed")
