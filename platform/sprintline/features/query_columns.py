"""Feature queries bound to empty marts: the columns they read and give, held against what `views.py` declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sprintline.features.frame_checks import CREATED, EVENT, NUMBERS
from sprintline.features.marts import MACROS, SCHEMA
from sprintline.features.views import Declared, FeatureError
from sprintline.mechanisms.declaration.located_yaml import closest
from sprintline.warehouse.dry_run import DryRun
from sprintline.warehouse.sql_text import line_of

_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def wrong_queries(run: DryRun, declared: Declared, folder: Path, views: Sequence[str]) -> Iterator[str]:
    """A line `file:line: what is wrong; what would be right` for each query that does not give what its view declares.

    run: the marts on empty tables. A query that names a mart which could not be bound is left out.
    """
    import duckdb

    run.connection.execute(f'use "{run.product}"."{SCHEMA}"')
    run.connection.execute(MACROS.read_text(encoding="utf-8"))
    for view in views:
        file = folder / f"{view}.sql"
        if not file.is_file():
            continue  # reported already
        sql = file.read_text(encoding="utf-8")
        params = {name: _NO_TIME for name in ("sprint_start", "sprint_end") if re.search(rf"\${name}\b", sql)}
        try:
            given = run.connection.execute(f"describe {sql}", params).fetchall()
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0]
            found = _LINE.search(str(error))
            line = line_of(str(error), sql) or (int(found[1]) if found else 1)
            yield f"{file}:{line}: view {view}: {first}; fix the query, or give it that column in a mart"
            continue
        yield from _compared(file, view, {str(row[0]): str(row[1]) for row in given}, declared)


def _compared(file: Path, view: str, given: dict[str, str], declared: Declared) -> Iterator[str]:
    try:
        kinds = declared.kinds(view)
    except FeatureError as error:
        yield str(error)
        return
    wanted = [*declared.keys(view), EVENT, CREATED, *kinds]
    extra = [name for name in given if name not in wanted]
    for name in wanted:
        if name not in given:
            near = closest(name, extra)
            right = (
                f"it gives {near}, which is not declared"
                if near
                else "select it, or take its Field out of views.py"
            )
            yield f"{file}:1: view {view}: does not give the column {name}, which views.py declares; {right}"
        elif name in kinds and not _fits(kinds[name], given[name]):
            yield (
                f"{file}:1: view {view}: gives {name} as {given[name].lower()}, and views.py declares {kinds[name]}; "
                f"cast it, or change its Field"
            )
    for name in extra:
        if not any(closest(one, [name]) for one in wanted if one not in given):
            yield f"{file}:1: view {view}: gives {name}, which views.py does not declare; drop it, or add a Field"


def _fits(kind: str, given: str) -> bool:
    """Whether a DuckDB type can be a feature's kind. A type of no known kind is left to the rows."""
    found = next(
        (
            one
            for start, one in (
                ("VARCHAR", "text"), ("BOOLEAN", "boolean"), ("TIMESTAMP", "moment"), ("DATE", "moment"),
                ("DOUBLE", "real"), ("FLOAT", "real"), ("DECIMAL", "real"), ("BIGINT", "integer"),
                ("INTEGER", "integer"),
                ("HUGEINT", "integer"), ("SMALLINT", "integer"), ("TINYINT", "integer"), ("UBIGINT", "integer"),
            )
            if given.startswith(start)
        ),
        None,
    )  # fmt: skip
    return found is None or found == kind or {found, kind} <= NUMBERS
