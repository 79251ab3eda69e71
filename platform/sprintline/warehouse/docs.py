"""dbt's documentation of one product: models, columns, tests and lineage, with what the warehouse has of them."""

from __future__ import annotations

from pathlib import Path

from sprintline.base.locks import access
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.results import WarehouseError
from sprintline.warehouse.runner import run_dbt


def docs_folder(warehouse: Warehouse) -> Path:
    """Where the pages are: not among the platform's own parse, which must stay as the platform wrote it."""
    return warehouse.target.parent / "docs"


def write_docs(warehouse: Warehouse, sprint: str) -> Path:
    """Write dbt's pages of a product with SQL as it is compiled for a sprint; returns their folder.

    Waits until no one writes the warehouse, and no one can write it meanwhile: some seconds.

    Raises:
        WarehouseError: no sprint was built yet, the product does not parse, or dbt cannot read the warehouse.
    """
    if not warehouse.file.exists():
        raise WarehouseError(
            f"the warehouse of {warehouse.product} does not exist yet: no sprint of it has been built"
        )
    folder = docs_folder(warehouse)
    with access(warehouse.file, writing=True):
        arguments = ["docs", "generate", "--target-path", str(folder)]
        run_dbt(warehouse.product, arguments, warehouse.environment(sprint))
    return folder
