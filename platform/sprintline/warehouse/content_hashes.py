"""The rows of a sprint's dbt models, and the content hash that is their data version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sprintline.base.hashing import table_hash
from sprintline.warehouse.connection import opened

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from sprintline.warehouse.dbt import Warehouse


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
    if not warehouse.file.exists():
        return {}
    relations, found = warehouse.relations(), {}
    with opened(warehouse.file) as connection:
        there = _there(connection)
        for model in models:
            if relations[model] in there:
                query = (
                    f"select count(*), sum(hash(t)::hugeint) from {relations[model]} as t where sprint = ?"  # noqa: S608 - a manifest's name
                )
                count, total = connection.execute(query, [sprint]).fetchall()[0]
                found[model] = f"{count}:{total}"
    return found


def row_counts(
    warehouse: Warehouse, models: Iterable[str], sprints: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Rows by model and sprint, of some sprints; without models and sprints that have none."""
    if not warehouse.file.exists() or not sprints:
        return {}
    relations = warehouse.relations()
    found: dict[tuple[str, str], int] = {}
    marks = ", ".join("?" for _ in sprints)
    with opened(warehouse.file) as connection:
        there = _there(connection)
        for model in models:
            if relations.get(model) in there:
                query = f"select sprint, count(*) from {relations[model]} where sprint in ({marks}) group by sprint"  # noqa: S608 - a manifest's name
                found |= {
                    (model, str(sprint)): int(n)
                    for sprint, n in connection.execute(query, list(sprints)).fetchall()
                }
    return found


def _there(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables")
    return {name for (name,) in rows.fetchall()}


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
