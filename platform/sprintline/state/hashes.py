"""What a state folder holds of one product, part by part: lake, warehouse and online features, each read and hashed.

Contents only. Nothing remembered is trusted: every row is read, so that a file changed in place shows. Left out are ids
that name a thing without saying anything of it (a model's id moves with a comment in its code), the ledger, which is
a chain of its own and carries clocks, and the folder `models/`, whose effect is in the predictions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_tables import SPRINT
from sprintline.base.hashing import bytes_hash, table_hash
from sprintline.base.settings import Home
from sprintline.lake.tables import Lake
from sprintline.state.state_hash import Part
from sprintline.warehouse.connection import opened

if TYPE_CHECKING:
    import duckdb

#: Columns that name a thing and say nothing of it.
IDS = ("model_id",)


def parts_of(product: str, home: Home) -> list[Part]:
    """Every part of a product, in order; empty while nothing was written.

    Raises:
        LakeError: a lake table cannot be read.
    """
    found = [*_lake(product, home), *_warehouse(product, home), *_online(product, home)]
    return sorted(found)


def _lake(product: str, home: Home) -> Iterator[Part]:
    lake = Lake(home.lake)
    for table in lake.tables(product):
        for sprint in lake.sprints(table):
            content = lake.content_hash(table, sprint, without=IDS) or ""
            yield Part(
                product, "lake", table.partition("/")[2], sprint, lake.rows(table, sprint) or 0, content
            )


def _warehouse(product: str, home: Home) -> Iterator[Part]:
    """Tables alone: a view holds nothing of its own, and those over the lake would be read twice."""
    file = home.warehouse_file(product)
    if not file.is_file():
        return
    with opened(file) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, name in sorted(tables):
            yield from _relation(connection, product, schema, name)


def _relation(connection: duckdb.DuckDBPyConnection, product: str, schema: str, name: str) -> Iterator[Part]:
    relation = f'"{schema}"."{name}"'
    columns = [row[0] for row in connection.execute(f"describe {relation}").fetchall()]
    sprints: list[Any] = [None]
    if SPRINT in columns:
        asked = f"select distinct {SPRINT} from {relation} order by 1"  # noqa: S608 - a name of the catalogue
        sprints = [row[0] for row in connection.execute(asked).fetchall()]
    for sprint in sprints:
        where = f"where {SPRINT} is not distinct from ?" if SPRINT in columns else ""
        query = f"select * from {relation} {where}"  # noqa: S608 - a name of the catalogue
        rows = connection.sql(query, params=[sprint] if where else None).to_arrow_table()
        content = table_hash(rows, sort_by=rows.column_names)
        yield Part(product, "warehouse", f"{schema}.{name}", str(sprint or ""), rows.num_rows, content)


def _online(product: str, home: Home) -> Iterator[Part]:
    """Feast's online tables: entity, feature, value and the moments these are of."""
    file = home.features / product / "online.db"
    if not file.is_file():
        return
    with closing(sqlite3.connect(f"{Path(file).as_uri()}?mode=ro", uri=True)) as connection:
        names = connection.execute(
            "select name from sqlite_master where type = 'table' order by name"
        ).fetchall()
        for (name,) in names:
            rows = connection.execute(
                "select entity_key, feature_name, value, cast(event_ts as integer), cast(created_ts as integer) "  # noqa: S608 - a name of the catalogue
                f'from "{name}" order by entity_key, feature_name'
            ).fetchall()
            content = bytes_hash(repr(rows).encode())
            yield Part(product, "online", name.removeprefix(f"{product}_"), "", len(rows), content)
