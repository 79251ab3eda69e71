"""A product's compiled SQL bound to empty tables: which columns it reads that are not there, and of which type.

Nothing is read and nothing is built: sources are empty tables of their contracts' types, models are views on them. So
`sprintline check` finds within a second what a closing would find after an hour, or not at all: a column that is gone
from a contract stays in the lake's table and reads as null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.warehouse.compiled import MARK, models
from sprintline.warehouse.results import Column
from sprintline.warehouse.sql_text import line_of, without_comments

if TYPE_CHECKING:
    import duckdb

TYPES = {
    "string": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}
"""DuckDB's type for each of a contract's."""

_MISSING = re.compile(
    r'Referenced column "(?P<alone>\w+)" not found|does not have a column named "(?P<of_table>\w+)"'
    # The column is not there, and the SELECT gives its own name to what it would make of it.
    r'|Column "(?P<own>\w+)" referenced that exists in the SELECT clause'
)


@dataclass(frozen=True)
class Unbound:
    """A statement that does not fit the tables it reads.

    model: its name. file: relative to the dbt project. line: of that file. why: DuckDB's first line. column: the one
    that is missing; None when it is something else. text: the line itself.
    """

    model: str
    file: str
    line: int
    why: str
    column: str | None = None
    text: str = ""


@dataclass
class DryRun:
    """Empty tables and views of one product, and what did not fit.

    bound: models whose SQL fits. unbound: those whose SQL does not; what reads them reads their declared columns.
    """

    connection: duckdb.DuckDBPyConnection
    product: str
    relations: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    unbound: list[Unbound] = field(default_factory=list)

    def columns(self, model: str) -> dict[str, str]:
        """DuckDB's type by column, as the model's SQL gives them."""
        rows = self.connection.execute(f"describe {self.relations[model]}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def reads(self, model: str, column: str) -> set[tuple[str, str]]:
        """Columns of sources (source, column) from which the values of a model's column are computed, conditions not
        counted; what the database reads for it once unused columns are pruned.
        """
        sql = f'explain (format json) select "{column}" from {self.relations[model]}'  # noqa: S608 - the manifest's names
        plan = json.loads(self.connection.execute(sql).fetchall()[0][1])
        return set(_scanned(plan))

    def type_of(self, declared: str) -> str:
        """DuckDB's own name of a type, in capitals where it does not know it."""
        import duckdb

        with suppress(duckdb.Error):
            found = self.connection.execute(f"select typeof(cast(null as {declared}))").fetchone()
            return str(found[0]) if found else declared.upper()
        return declared.upper()


def _scanned(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        about = node.get("extra_info") or {}
        if node["name"].strip() == "SEQ_SCAN":
            read = about.get("Projections", [])
            table = str(about.get("Table", "")).rpartition(".")[2]
            yield from ((table, name) for name in ([read] if isinstance(read, str) else read))
        yield from _scanned(node.get("children") or ())


@contextmanager
def dry_run(
    plan: Mapping[str, Any],
    product: str,
    project: Path,
    sources: Mapping[str, Mapping[str, str]],
    declared: Mapping[str, Sequence[Column]],
) -> Iterator[DryRun]:
    """Bind every model of a plan to empty tables.

    Args:
        plan: of `compiled.plan_of`.
        product: whose; its name is the database's.
        project: the dbt project, whose files messages name.
        sources: logical type by column, by source. A source without an entry has no table.
        declared: columns by model, as their YAML declares them.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        # On empty tables everything could be computed beforehand, and `reads` would see nothing.
        connection.execute("set disabled_optimizers = 'statistics_propagation,empty_result_pullup'")
        connection.execute(f"attach ':memory:' as \"{product}\"")
        for schema in dict.fromkeys(one["schema"] for one in (*plan["sources"], *models(plan))):
            connection.execute(f'create schema if not exists "{product}"."{schema}"')
        for source in plan["sources"]:
            if types := sources.get(source["name"]):
                columns = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in types.items())
                connection.execute(f"create table {source['relation']} ({columns})")
        run = DryRun(connection, product)
        for model in models(plan):
            _bind(run, model, project, declared.get(model["model"], ()))
        yield run


def _bind(run: DryRun, model: Mapping[str, Any], project: Path, declared: Sequence[Column]) -> None:
    import duckdb

    relation = f'"{run.product}"."{model["schema"]}"."{model["name"]}"'
    name = str(model["model"])
    try:
        run.connection.execute(f"create view {relation} as {model['sql'].replace(MARK, 'none')}")
        run.bound.add(name)
    except duckdb.Error as error:
        run.unbound.append(_unbound(name, str(model["file"]), project, str(error)))
        given = [f'"{one.name}" {run.type_of(one.data_type or "varchar")}' for one in declared]
        with suppress(duckdb.Error):
            run.connection.execute(f"create table {relation} ({', '.join(given)})")
    run.relations[name] = relation


def _unbound(model: str, file: str, project: Path, error: str) -> Unbound:
    sql = (project / file).read_text("utf-8") if (project / file).is_file() else ""
    line = line_of(error, sql) or 1
    named = _MISSING.search(error)
    column = next((one for one in named.groups() if one), None) if named else None
    lines = sql.splitlines()
    return Unbound(
        model,
        file,
        line,
        error.strip().splitlines()[0],
        column,
        lines[line - 1] if line <= len(lines) else "",
    )


_CAST = re.compile(
    r"(?<!try_)\bcast\(\s*\"?(?P<column>\w+)\"?\s+as\s+(?:\{\{ ?(?P<macro>\w+)|(?P<type>\w+))", re.IGNORECASE
)
_NOT_TEXT = re.compile(
    r"\w*int(?:eger)?|double|float|real|decimal|numeric|bool(?:ean)?|date|timestamp\w*|moment_type",
    re.IGNORECASE,
)


def cast_texts(sql: str, texts: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """(line, column, type) of each plain cast of a text column to a number, condition, day or moment.

    The contract promises text, so no value is checked where the provider is known, and the first that does not fit
    fails in the middle of a closing.
    """
    for number, line in enumerate(without_comments(sql).splitlines(), 1):
        for found in _CAST.finditer(line):
            kind = found["macro"] or found["type"]
            if found["column"] in texts and _NOT_TEXT.fullmatch(kind):
                yield number, found["column"], "timestamp" if found["macro"] else kind.lower()
