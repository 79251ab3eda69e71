"""The rows of a sprint's dbt models, and the content hash that is their data version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sprintline.base.hashing import table_hash
from sprintline.warehouse.connection import opened

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from sprintline.warehouse.dbt import Warehouse


NO_ROWS = "0:None"
"""Checksum of a model without rows in a sprint."""


@dataclass(frozen=True)
class Content:
    """One model's rows of one sprint: how many, their hash, and the first few."""

    rows: int
    data_version: str
    sample: pd.DataFrame


def rows_of(warehouse: Warehouse, model: str, sprint: str) -> pd.DataFrame:
    """A model's rows of one sprint. Raises WarehouseError when it was never built."""
    relation = warehouse.relations()[model]
    return warehouse.query(f"select * from {relation} where sprint = ?", [sprint])  # noqa: S608 - a manifest's name


def fingerprints(warehouse: Warehouse, models: Iterable[str], sprint: str) -> dict[str, str]:
    """A fast checksum of each model's rows of one sprint, to see whether they changed.

    It uses DuckDB's own hash, which may change with DuckDB's version: where it differs, the content hash decides.
    Models that were never built are left out.
    """
    found = fingerprints_of(warehouse, dict.fromkeys(models, (sprint,)))
    return {model: one for (model, _), one in found.items()}


def fingerprints_of(warehouse: Warehouse, wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """The checksum of `fingerprints` by model and sprint, a query per model. wanted: sprints by model."""
    if not warehouse.file.exists():
        return {}
    relations = warehouse.relations()
    found: dict[tuple[str, str], str] = {}
    with opened(warehouse.file) as connection:
        there = _there(connection)
        for model, sprints in wanted.items():
            if not sprints or relations.get(model) not in there:
                continue
            marks = ", ".join("?" for _ in sprints)
            query = (
                f"select sprint, count(*), sum(hash(t)::hugeint) from {relations[model]} as t "  # noqa: S608 - a manifest's name
                f"where sprint in ({marks}) group by sprint"
            )
            of = {
                str(sprint): f"{count}:{total}"
                for sprint, count, total in connection.execute(query, list(sprints)).fetchall()
            }
            found |= {(model, sprint): of.get(sprint, NO_ROWS) for sprint in sprints}
    return found


def _there(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables")
    return {name for (name,) in rows.fetchall()}


def same_content(warehouse: Warehouse, model: str, sprint: str, data_version: str) -> bool:
    """Whether a model's rows of a sprint have this data version.

    A column that was added to the model since is empty in older sprints and the last of the table: it does not count.
    """
    if not warehouse.file.exists():
        return False
    relation = warehouse.relations().get(model)
    with opened(warehouse.file) as connection:
        if relation not in _there(connection):
            return False
        query = f"select * from {relation} where sprint = ?"  # noqa: S608 - a manifest's name
        rows: Any = connection.execute(query, [sprint]).to_arrow_table()
    while rows.num_columns:
        if table_hash(rows, sort_by=rows.column_names) == data_version:
            return True
        last = rows.column_names[-1]
        if rows.column(last).null_count < rows.num_rows or last == "sprint":
            return False
        rows = rows.drop_columns([last])
    return False


def contents(
    warehouse: Warehouse, models: Iterable[str], sprint: str, sample_rows: int
) -> dict[str, Content]:
    """Content of several models for one sprint.

    The rows are sorted by all columns before they are hashed, so neither the order in which dbt wrote them nor the
    file's layout counts.
    """
    wanted, found = list(models), {}
    if not wanted:
        return {}
    relations = warehouse.relations()
    with opened(warehouse.file) as connection:
        for model in wanted:
            query = f"select * from {relations[model]} where sprint = ?"  # noqa: S608 - a manifest's name
            rows: Any = connection.execute(query, [sprint]).to_arrow_table()
            sample = rows.slice(0, sample_rows).to_pandas()
            found[model] = Content(rows.num_rows, table_hash(rows, sort_by=rows.column_names), sample)
    return found
