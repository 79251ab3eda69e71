"""Feature queries over a product's marts, restricted to the allowed sprints."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.locks import access
from sprintline.features.views import FeatureError
from sprintline.warehouse.connection import open_failure
from sprintline.warehouse.sql_text import line_of, without_comments

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


class QueryError(FeatureError):
    """A feature query cannot be run. line: of the query, from 1."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(f"line {line}: {why}")
        self.why, self.line = why, line


SCHEMA = "marts"
MACROS = Path(__file__).with_name("macros.sql")
"""Table macros for feature queries, on every session."""

_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def restricted_query(
    warehouse: Path,
    sql: str,
    sprints: Sequence[str],
    params: Mapping[str, Any],
    *,
    threads: int | None = None,
) -> pd.DataFrame:
    """Run a query in which every mart is a view of the given sprints only.

    Each table of the schema `marts` that has a column `sprint` is visible under its own name; no other table, schema or
    file is. So the cost of a feature cannot grow with history, and no SQL can read a later sprint. The warehouse is
    attached read-only and detached before returning. The session's time zone is UTC.

    Args:
        warehouse: the product's DuckDB file.
        sql: one SELECT; it may use the given parameters as `$name`, and the table macros of `macros.sql`.
        sprints: the keys it may see; at least one.
        params: values of the parameters; unused ones are ignored.
        threads: cores the query may use; None means all.

    Raises:
        FeatureError: no such warehouse, another process has it open, an unknown parameter, or DuckDB's error with the
            line in the SQL.
    """
    import duckdb

    if not sprints:
        raise FeatureError("a feature query needs at least one sprint to see")
    if not warehouse.is_file():
        raise FeatureError(f"no warehouse {warehouse.name}: build the product's marts for this sprint first")
    used = set(_PARAMETER.findall(without_comments(sql)))
    if unknown := sorted(used - set(params)):
        known = ", ".join(f"${name}" for name in sorted(params))
        raise FeatureError(f"the query uses ${unknown[0]}, which is unknown; the parameters are {known}")
    # A random name: a query that knew it could read every sprint by naming schema and table.
    attached = f"warehouse_{secrets.token_hex(8)}"
    with access(warehouse), duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        if threads:
            session.execute(f"SET threads = {threads}")
        path = str(warehouse).replace("'", "''")
        try:
            session.execute(f"ATTACH '{path}' AS {attached} (READ_ONLY)")
        except duckdb.Error as error:
            raise FeatureError(f"{open_failure(warehouse, error)} ({error})") from error
        for mart in _marts(session, attached):
            keys = ", ".join("'" + key.replace("'", "''") + "'" for key in sprints)
            # The view is expanded where it is used, so the filter reaches the table and other sprints stay unread.
            session.execute(
                f'CREATE TEMP VIEW "{mart}" AS SELECT * FROM {attached}.{SCHEMA}."{mart}" WHERE sprint IN ({keys})'  # noqa: S608 - names come from the catalogue
            )
        session.execute("SET enable_external_access = false")
        session.execute(MACROS.read_text(encoding="utf-8"))
        try:
            return session.execute(sql, {name: params[name] for name in used}).df()
        except duckdb.Error as error:
            line = _LINE.search(str(error))
            first = str(error).strip().splitlines()[0]
            raise QueryError(first, int(line.group(1)) if line else line_of(first, sql) or 1) from error


def _marts(session: duckdb.DuckDBPyConnection, attached: str) -> list[str]:
    rows = session.execute(
        "SELECT table_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
        "AND column_name = 'sprint' ORDER BY table_name",
        [attached, SCHEMA],
    ).fetchall()
    return [name for (name,) in rows]
