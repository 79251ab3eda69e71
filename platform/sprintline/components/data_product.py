"""The data product as a Dagster component: `defs.yaml` in, one product's definitions out."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
from dagster.components import scaffold_with
from dagster.components.core.component_tree import ComponentTree

from sprintline.base.settings import ROOT
from sprintline.components.product import build_product
from sprintline.components.scaffolder import DataProductScaffolder
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import refuse_wrong_tables
from sprintline.product.held import refuse_contradictions
from sprintline.product.runtime import load_runtime
from sprintline.product.spec import ProductSpec

# Partitioned checks and components are previews and betas of Dagster. Using them is a decision recorded under
# docs/decisions/, so the warnings do not help a person who starts the UI.
for _category in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=_category)


@scaffold_with(DataProductScaffolder)
class DataProduct(dg.Component):
    """A team's data product: sources under contract, dbt models, features, a model, and the rules that judge them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def get_model_cls(cls) -> type[ProductSpec]:
        return ProductSpec

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> DataProduct:
        return cls(Path(context.path))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Read again from the file: only its text has the line of a mistake."""
        return build_product(load_runtime(self.folder))


def product_definitions(module: str) -> dg.Definitions:
    """Definitions of the product whose `definitions.py` calls this with its `__name__`; no other product is loaded.

    Raises:
        DeclarationError: lists every mistake of `defs.yaml` and its contracts with file and line.
        StepFailed: a declaration does not fit what closed sprints or the live model depend on.
    """
    package = import_module(module.rpartition(".")[0])
    with _uncollected():
        runtime = load_runtime(Path(str(package.__file__)).parent)
        _ = runtime[Contracts]
        refuse_wrong_tables(runtime)
        refuse_contradictions(runtime, quick=True)
        tree = ComponentTree.from_module(defs_module=package, project_root=ROOT / "platform")
        # Without a place `build_defs` adds a JSON Schema of every component type installed: half a second a process.
        found = tree.build_defs(tree.defs_module_path)
        return dg.Definitions.merge(found, dg.Definitions(component_tree=tree))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: definitions are kept, and scanning them repeatedly takes a third of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
