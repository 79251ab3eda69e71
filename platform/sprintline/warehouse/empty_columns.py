"""Which columns a failed test of several columns found empty: dbt only counts its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sprintline.base.words import counted_as
from sprintline.warehouse.connection import opened
from sprintline.warehouse.results import Node

TEST = "not_null_columns"
MOST_NAMED = 5


def with_empty_columns(file: Path, nodes: Iterable[Node], results: Iterable[Any]) -> list[Node]:
    """The nodes; the message of a failed test of several columns names those that are empty, and in how many rows.

    file: the product's warehouse. results: dbt's, in the order of the nodes.
    """
    return [
        replace(node, message=_named(file, result.node.compiled_code)) if _is_such(node, result) else node
        for node, result in zip(nodes, results, strict=True)
    ]


def _is_such(node: Node, result: Any) -> bool:
    test = getattr(result.node, "test_metadata", None)
    return node.status == "fail" and test is not None and test.name == TEST


def _named(file: Path, sql: str) -> str:
    with opened(file) as connection:
        rows: Any = connection.execute(sql).to_arrow_table()
    empty = {name: rows.column(name).null_count for name in rows.column_names}
    found = sorted(((count, name) for name, count in empty.items() if count), reverse=True)
    told = [f"{name} is empty in {counted_as(count, 'row')}" for count, name in found[:MOST_NAMED]]
    more = f" and {len(found) - MOST_NAMED} more columns" if len(found) > MOST_NAMED else ""
    return ", ".join(told) + more
