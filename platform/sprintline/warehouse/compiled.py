"""dbt's models and tests as compiled SQL with a placeholder for the sprint, and a fast build of a sprint with it.

dbt spends some sixty milliseconds on each model and test, however small. It compiles a product once per change of a
file. Where all settings are the platform's usual ones, DuckDB then runs that SQL in dbt's order. Everything else, an
error or a failed test included, is left to dbt itself, which reports it best.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sprintline.base.failpoints import failpoint
from sprintline.warehouse.results import Node

if TYPE_CHECKING:
    import duckdb


#: Placeholder for a sprint's key in compiled SQL.
MARK = "the-sprint-that-is-built"

#: A data test whose settings are these counts the rows it selects, and any of them is a failure.
_PLAIN_TEST: Mapping[str, Any] = {
    "severity": "ERROR",
    "store_failures": None,
    "store_failures_as": None,
    "limit": None,
    "fail_calc": "count(*)",
    "warn_if": "!= 0",
    "error_if": "!= 0",
}

#: A model whose settings are these replaces its sprint's rows and does nothing else.
_PLAIN_MODEL: Mapping[str, Any] = {
    "materialized": "incremental",
    "incremental_strategy": "sprint",
    "pre-hook": [],
    "post-hook": [],
    "grants": {},
}

#: Jinja whose result may differ in each run, so that it cannot be compiled once.
_PER_RUN = re.compile(
    r"\benv_var\b|\brun_started_at\b|\binvocation_|\bmodules\.|\brun_query\b|\bstatement\b|\bvar\("
)
_KNOWS_THE_SPRINT = ("in_sprint",)


class NeedsDbt(Exception):
    """The fast build does not apply, or did not pass."""


class Compiling(Protocol):
    """The warehouse, as far as its SQL is compiled."""

    @property
    def target(self) -> Path: ...

    def fingerprint(self) -> str: ...

    def ensure_manifest(self) -> Path: ...

    def compile(self, sprint: str) -> Mapping[str, str]: ...


def plan_of(warehouse: Compiling) -> dict[str, Any]:
    """Sources, models and tests in the order in which dbt builds them, each with its SQL; cached until a file changes.

    Raises:
        WarehouseError: the product does not parse or compile.
    """
    file = warehouse.target / "compiled.json"
    fingerprint = warehouse.fingerprint()
    with suppress(FileNotFoundError, ValueError, KeyError):
        plan = json.loads(file.read_text("utf-8"))
        if plan["fingerprint"] == fingerprint:
            return dict(plan)
    manifest = json.loads(warehouse.ensure_manifest().read_text("utf-8"))
    plan = {"fingerprint": fingerprint, **_planned(manifest, warehouse.compile(MARK))}
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(plan), "utf-8")
    part.replace(file)
    return plan


def _planned(manifest: Mapping[str, Any], selects: Mapping[str, str]) -> dict[str, Any]:
    nodes = {
        key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "test")
    }
    order = TopologicalSorter({key: set(node["depends_on"]["nodes"]) for key, node in nodes.items()})
    ordered = [key for key in order.static_order() if key in nodes]
    sources = [
        {
            "schema": one["schema"],
            "name": one["identifier"],
            "relation": one["relation_name"],
            "delta": _delta(one["config"].get("meta", {})),
        }
        for one in manifest["sources"].values()
    ]
    # Tests follow the models they read as early as possible, so that nothing is built on rows that fail.
    steps = [_step(nodes[key], selects[key]) for key in ordered if nodes[key]["resource_type"] == "model"]
    waiting = [key for key in ordered if nodes[key]["resource_type"] == "test"]
    placed: list[dict[str, Any]] = []
    done: set[str] = set()
    for step in steps:
        placed.append(step)
        done.add(step["unique_id"])
        for key in list(waiting):
            if {one for one in nodes[key]["depends_on"]["nodes"] if one in nodes} <= done:
                placed.append(_step(nodes[key], selects[key]))
                waiting.remove(key)
    own = [macro for macro in manifest["macros"].values() if macro["package_name"] == "sprintline"]
    texts = [macro["macro_sql"] for macro in own if macro["name"] not in _KNOWS_THE_SPRINT]
    texts += [node.get("raw_code") or "" for node in nodes.values()]
    plain = (
        not waiting
        and all(source["delta"] for source in sources)
        and all(one["plain"] for one in placed)
        and not any(_PER_RUN.search(text) for text in texts)
    )
    return {"sources": sources, "steps": placed, "plain": plain}


def _delta(meta: Mapping[str, Any]) -> str | None:
    """Where a source's Delta table is; None when it is not read as a plain Delta table."""
    return meta["delta_table_path"] if meta.keys() == {"plugin", "delta_table_path"} else None


def _step(node: Mapping[str, Any], sql: str) -> dict[str, Any]:
    model = node["resource_type"] == "model"
    expected = _PLAIN_MODEL if model else _PLAIN_TEST
    judged = node.get("attached_node") or ""
    return {
        "type": node["resource_type"],
        "unique_id": node["unique_id"],
        "schema": node["schema"],
        "name": node["alias"] if model else node["name"],
        "sql": sql,
        "plain": all(node["config"].get(key) == value for key, value in expected.items())
        and (not model or node.get("language") == "sql"),
        "columns": sorted(node["columns"]) if model else None,
        "meta": node["config"].get("meta") or {},
        "model": node["name"] if model else judged.split(".")[-1] or None,
        "column": node.get("column_name"),
        "file": node["original_file_path"],
    }


def models(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The plan's models, each after those it depends on."""
    return [step for step in plan["steps"] if step["type"] == "model"]


def build(connection: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], sprint: str) -> list[Node]:
    """Build a sprint's rows of every model and run every test, in dbt's order, a transaction per model.

    connection: the product's warehouse, open for writing, as dbt built it from this plan; `attach` added the sources.

    Raises:
        NeedsDbt: a statement or a test failed. What was built up to then is what dbt would have built.
    """
    import duckdb

    key, nodes = sprint.replace("'", "''"), []
    for step in plan["steps"]:
        began, sql = time.perf_counter(), step["run"].replace(MARK, key)
        failures = None
        try:
            if step["type"] == "model":
                relation = f'"{step["schema"]}"."{step["name"]}"'
                connection.execute("begin")
                try:
                    connection.execute(f"delete from {relation} where sprint = ?", [sprint])  # noqa: S608 - a manifest's name
                    failpoint("dbt.within_model")
                    connection.execute(f"insert into {relation} by name {sql}")
                    connection.execute("commit")
                except duckdb.Error:
                    connection.execute("rollback")
                    raise
            else:
                (failures,) = connection.execute(f"select count(*) from ({sql}) as failing").fetchall()[0]  # noqa: S608
        except duckdb.Error as error:
            raise NeedsDbt(f"{step['name']}: {error}") from error
        if failures:
            raise NeedsDbt(f"{step['name']}: {failures} rows")
        nodes.append(_node(step, time.perf_counter() - began, failures))
        failpoint("dbt.between_models")
    return nodes


def attach(connection: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Give the connection the product's sources, and the plan the SQL that reads them.

    Raises:
        NeedsDbt: a setting is not the platform's usual one, a source has never landed, or a table has other columns
            than its model: dbt does the first build of a new or changed model.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    if not plan["plain"]:
        raise NeedsDbt("a model or a test has special settings")
    there: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = current_database()"
    ).fetchall():
        there.setdefault((schema, table), set()).add(column)
    for model in models(plan):
        if there.get((model["schema"], model["name"])) != set(model["columns"]):
            raise NeedsDbt(f"{model['name']} was not built yet, or has other columns")
    names = {}
    for source in plan["sources"]:
        name = f"landed_{source['schema']}_{source['name']}"
        try:
            rows = DeltaTable(source["delta"]).to_pyarrow_dataset()
        except TableNotFoundError as error:
            raise NeedsDbt(f"{source['name']} has never landed") from error
        connection.register(name, rows)
        names[source["relation"]] = f'"{name}"'
    steps = [{**step, "run": _renamed(step["sql"], names)} for step in plan["steps"]]
    return {**plan, "steps": steps}


def _renamed(sql: str, names: Mapping[str, str]) -> str:
    for relation, name in names.items():
        sql = sql.replace(relation, name)
    return sql


def _node(step: Mapping[str, Any], seconds: float, failures: int | None) -> Node:
    model = step["type"] == "model"
    return Node(
        name=step["name"] if not model else step["model"],
        resource_type=step["type"],
        status="success" if model else "pass",
        seconds=round(seconds, 4),
        message="",
        failures=failures,
        meta=step["meta"],
        model=step["model"],
        column=step["column"],
        file=step["file"],
        unique_id=step["unique_id"],
    )


def layout(connection: duckdb.DuckDBPyConnection) -> str:
    """Every column of every table in a warehouse and its type, as text: what dbt checks against contracts."""
    return str(
        connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() "
            "where (schema_name, table_name) in "
            "(select schema_name, table_name from duckdb_tables() where not internal) order by all"
        ).fetchall()
    )
