"""Small wrong turns in a product's SQL, and whether its dbt unit tests notice them.

A unit test runs here on DuckDB alone, in milliseconds: its rows in empty tables, dbt's compiled SQL of the model, the
expected rows. A mutant is that SQL with one operator, constant or function changed. One that no unit test notices
is a computation that nothing holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from sprintline.warehouse.dbt import UNIT_TEST_SPRINT, Warehouse

SWAPS = (
    (r"(?<![<>=])>(?![<>=])", ">="), (r">=", ">"), (r"(?<![<>])<(?![<>=])", "<="), (r"<=", "<"),
    (r"(?<![<>!])=(?!=)", "<>"), (r"<>", "="),
    (r"\bsum\(", "max("), (r"\bsum\(", "min("), (r"\bmax\(", "min("), (r"\bmin\(", "max("), (r"\bcount\(", "max("),
    (r"\bgreatest\(", "least("), (r"\bleast\(", "greatest("), (r"\bsin\(", "cos("), (r"\bcos\(", "sin("),
    (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " + "), (r" / ", " * "),
    (r"\band\b(?! \d)", "or"), (r"\bor\b", "and"), (r"\bnot (?!null)", ""), (r"\bis not null\b", "is null"),
    (r"\bis null\b", "is not null"), (r"\bleft join\b", "join"), (r"\bunion all\b", "union"),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"\bnullif\(", "coalesce("),
    (r"\bwhen (?=[a-z_]+ then\b)", "when not "), (r"\bwhere (?=[a-z_]+$)", "where not "),
)  # fmt: skip
"""Of SQL between quotation marks, comments and casts, each place is changed alone."""

_SAFE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\"[^\"]*\"|\bas [a-z_0-9]+\b")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


@dataclass(frozen=True)
class Mutant:
    """One changed place: its model, the line with the change, and the SQL."""

    model: str
    place: str
    sql: str


class UnitTests:
    """The unit tests of a product's models, with the SQL that dbt compiled."""

    def __init__(self, warehouse: Warehouse) -> None:
        manifest = warehouse.manifest
        nodes = {**manifest["nodes"], **manifest["sources"]}
        compiled = warehouse.compile(UNIT_TEST_SPRINT)
        self.sql = {
            one["name"]: compiled[key] for key, one in nodes.items() if one["resource_type"] == "model"
        }
        self._models = {one["name"]: one for one in nodes.values() if one["resource_type"] == "model"}
        self._tests: dict[str, list[dict[str, Any]]] = {}
        for test in manifest["unit_tests"].values():
            self._tests.setdefault(test["model"], []).append(test)

    @property
    def tested(self) -> list[str]:
        return sorted(self._tests)

    def notice(self, model: str, sql: str) -> bool:
        """Whether a unit test of the model fails with this SQL."""
        return any(self._fails(test, sql) for test in self._tests[model])

    def mutants(self, model: str) -> Iterator[Mutant]:
        """Every change of one place, in the part of the SQL that computes."""
        sql = self.sql[model]
        hidden = [(one.start(), one.end()) for one in _SAFE.finditer(sql)]
        swaps = [(re.compile(pattern, re.MULTILINE), lambda _, new=new: new) for pattern, new in SWAPS]
        swaps.append((_NUMBER, lambda found: str(float(found) + 1) if "." in found else str(int(found) + 1)))
        for pattern, change in swaps:
            for found in pattern.finditer(sql):
                if any(start <= found.start() < end for start, end in hidden):
                    continue
                changed = sql[: found.start()] + change(found[0]) + sql[found.end() :]
                line = sql.count("\n", 0, found.start())
                yield Mutant(
                    model,
                    f"{sql.splitlines()[line].strip()}  =>  {changed.splitlines()[line].strip()}",
                    changed,
                )

    def _fails(self, test: dict[str, Any], sql: str) -> bool:
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for given in test["given"]:
                name = re.findall(r"'([a-z_0-9]+)'|\"([a-z_0-9]+)\"", given["input"])[-1]
                self._table(connection, "".join(name), given["rows"])
            expected = test["expect"]["rows"]
            columns = list(dict.fromkeys(column for row in expected for column in row))
            read = re.sub(r'"[^"]+"\."[^"]+"\."([^"]+)"', r'"\1"', sql)
            try:
                found = connection.execute(f"select {', '.join(columns)} from ({read})").fetchall()
                types = {
                    one["name"]: one["data_type"] for one in self._models[test["model"]]["columns"].values()
                }
                wanted = connection.execute(
                    " union all ".join(f"select {self._row(row, columns, types)}" for row in expected)
                ).fetchall()
            except duckdb.Error:
                return True
        return sorted(map(_rounded, found)) != sorted(map(_rounded, wanted))

    def _table(self, connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
        types = {one["name"]: one["data_type"] for one in self._models[name]["columns"].values()}
        connection.execute(
            f'create table "{name}" ({", ".join(f"{one} {kind}" for one, kind in types.items())})'
        )
        for row in rows:
            connection.execute(
                f'insert into "{name}" ({", ".join(row)}) select {self._row(row, list(row), types)}'
            )

    @staticmethod
    def _row(row: dict[str, Any], columns: list[str], types: dict[str, str]) -> str:
        def literal(value: Any) -> str:
            return "null" if value is None else "'" + str(value).replace("'", "''") + "'"

        return ", ".join(f"cast({literal(row.get(column))} as {types[column]})" for column in columns)


def _rounded(row: tuple[Any, ...]) -> str:
    return repr(tuple(round(one, 9) + 0.0 if isinstance(one, float) else one for one in row))
