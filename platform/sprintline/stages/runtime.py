"""One product at run time: its declaration, its calendar and its stores, each opened when first used."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sprintline.core.calendar import Calendar, Sprint
from sprintline.core.declarations import DeclarationError, ProductSpec, parse_product
from sprintline.core.located_yaml import Mistake
from sprintline.settings import ROOT, Home, home
from sprintline.stores.clock import Clock

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.core.contracts import Contract
    from sprintline.stores.features import FeatureStore
    from sprintline.stores.lake import Lake
    from sprintline.stores.landing import Landing
    from sprintline.stores.models import Models
    from sprintline.stores.records import Measurement, Records
    from sprintline.stores.reports import Reports
    from sprintline.stores.warehouse import Warehouse


class NotMeasured(LookupError):
    """An asset was asked for what it recorded of a sprint, and never materialized for it."""


@dataclass(frozen=True)
class Runtime:
    """What a stage needs to do its work. Stores are opened lazily, so that loading definitions stays cheap."""

    spec: ProductSpec
    folder: Path
    home: Home

    @property
    def product(self) -> str:
        return self.spec.name

    @cached_property
    def calendar(self) -> Calendar:
        return Calendar.from_spec(self.spec.calendar)

    def window(self, sprint: str) -> Sprint:
        return self.calendar.window(sprint)

    @cached_property
    def clock(self) -> Clock:
        return Clock(self.home.clock)

    @cached_property
    def landing(self) -> Landing:
        from sprintline.stores.landing import Landing

        return Landing(self.home.landing, self.home.quarantine)

    @cached_property
    def lake(self) -> Lake:
        from sprintline.stores.lake import Lake

        return Lake(self.home.lake)

    @cached_property
    def records(self) -> Records:
        return open_records(self.home)

    @cached_property
    def warehouse(self) -> Warehouse:
        from sprintline.stores.warehouse import Warehouse

        return Warehouse(self.product, self.home)

    @cached_property
    def features(self) -> FeatureStore:
        from sprintline.stores.features import FeatureStore

        return FeatureStore(self.product, self.home, self.lake)

    @cached_property
    def models(self) -> Models:
        from sprintline.stores.models import Models

        return Models(self.home, self.product)

    @cached_property
    def reports(self) -> Reports:
        from sprintline.stores.reports import Reports

        return Reports(self.home.reports, self.product)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest of this product, parsed anew only when one of its files changed. Raises WarehouseError."""
        return json.loads(self.warehouse.ensure_manifest().read_text())

    def rows_of(self, model: str, sprint: str) -> pd.DataFrame:
        """A dbt model's rows of one sprint."""
        from sprintline.stores.contents import rows_of

        return rows_of(self.warehouse, model, sprint)

    def marts_of_view(self, view: str) -> list[str]:
        """The marts that a feature view's SQL names."""
        file = ROOT / "feature_repo" / self.product / f"{view}.sql"
        words = set(re.findall(r"\w+", file.read_text())) if file.is_file() else set()
        models = [node for node in self.manifest["nodes"].values() if node["resource_type"] == "model"]
        return sorted(node["name"] for node in models if node["schema"] == "marts" and node["name"] in words)

    def measured(self, asset: str, sprint: str) -> Measurement | None:
        """What an asset recorded of a sprint, or None while it never materialized."""
        return self.records.measurements(self.product, sprint, asset).get((sprint, asset))

    def measurement(self, asset: str, sprint: str) -> Measurement:
        """What an asset recorded of a sprint. Raises NotMeasured while it never materialized."""
        found = self.measured(asset, sprint)
        if found is None:
            raise NotMeasured(
                f"{asset} has recorded nothing of {sprint}: materialize {self.product}/{asset} for it"
            )
        return found

    def history(self, asset: str) -> dict[str, Measurement]:
        """What an asset recorded, by sprint, oldest first."""
        return {
            sprint: one for (sprint, _), one in self.records.measurements(self.product, asset=asset).items()
        }

    def measure(self, asset: str, sprint: str, version: str, facts: Mapping[str, Any]) -> None:
        self.records.measure(self.product, sprint, asset, version, facts)

    def table(self, name: str) -> str:
        """Name of a lake table of this product."""
        return f"{self.product}/{name}"

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """Contract per source. Raises DeclarationError naming file and line of every mistake."""
        from sprintline.core.contracts import parse_contract

        found = {}
        for source in self.spec.sources:
            file = self.folder / source.contract
            if not file.is_file():
                wrong = f"source {source.name} names contract {source.contract}, which is no file"
                raise DeclarationError(
                    str(self.folder / "defs.yaml"),
                    [Mistake(1, "attributes.sources", wrong, "write it beside defs.yaml")],
                )
            found[source.name] = parse_contract(file.read_text(), str(file))
        return found

    @cached_property
    def sources(self) -> ModuleType | None:
        """The product's `sources.py`, or None when it has none."""
        return product_module(self.folder, "sources")

    @cached_property
    def recipe(self) -> ModuleType:
        """The product's `model.py`."""
        module = product_module(self.folder, "model")
        if module is None:
            mistake = Mistake(1, "", "is missing", "write it with a function recipe() that returns a Recipe")
            raise DeclarationError(str(self.folder / "model.py"), [mistake])
        return module


def product_module(folder: Path, name: str) -> ModuleType | None:
    """A module of a product's folder, loaded by its path so that only this product pays for its mistakes."""
    file = folder / f"{name}.py"
    if not file.is_file():
        return None
    full = f"products.{folder.name}.{name}"
    if full in sys.modules:
        return sys.modules[full]
    spec = spec_from_file_location(full, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded as a Python module")
    module = module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    return module


@lru_cache(maxsize=8)
def open_records(where: Home) -> Records:
    """The records database of a state folder, created when it is not there."""
    from sprintline.stores.records import Records

    where.root.mkdir(parents=True, exist_ok=True)
    # Beside a file its anchor is found by itself; that of a server is kept in the state folder.
    return Records(
        where.records_url, anchor=None if where.records_url.startswith("sqlite") else where.ledger_head
    )


def load_runtime(folder: Path, where: Home | None = None) -> Runtime:
    """The runtime of a product folder. Raises DeclarationError for a defs.yaml that does not read."""
    file = folder / "defs.yaml"
    return Runtime(parse_product(file.read_text(), str(file)), folder, where or home())
