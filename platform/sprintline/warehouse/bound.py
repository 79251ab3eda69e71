"""A product's models bound to empty tables of its contracts, as far as its files can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sprintline.landing.empty_rows import SourceColumns, source_columns
from sprintline.product.checked import Checked
from sprintline.product.runtime import Runtime
from sprintline.warehouse.dbt import Warehouse, WarehouseError
from sprintline.warehouse.dry_run import DryRun, dry_run


@contextmanager
def bound(product: Checked) -> Iterator[tuple[DryRun | None, dict[str, SourceColumns], Warehouse | None]]:
    """The dry run, the columns of each source, and the warehouse; None where dbt does not parse or compile.

    What keeps it from parsing is reported by another check.
    """
    from sprintline.warehouse.compiled import plan_of

    if product.spec is None or not (product.root / "dbt_project" / "dbt_project.yml").is_file():
        yield None, {}, None
        return
    warehouse = Warehouse(product.product, product.home, product.root / "dbt_project")
    try:
        plan, declared = plan_of(warehouse), warehouse.table_columns()
    except WarehouseError:
        yield None, {}, None
        return
    columns = source_columns(Runtime(product.spec, product.folder, product.home))
    types = {name: one.types for name, one in columns.items()}
    with dry_run(plan, product.product, warehouse.project, types, declared) as run:
        yield run, columns, warehouse
