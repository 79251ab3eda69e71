"""One product at run time: its declaration, its calendar and its stores, each opened when first used."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from sprintline.base.clock import Clock
from sprintline.base.settings import Home, home
from sprintline.mechanisms.declaration.declarations import declaration_of, read_declared
from sprintline.mechanisms.declaration.located_yaml import Mistake
from sprintline.mechanisms.declaration.spec import Spec
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.rules.kinds import check_facts
from sprintline.product.calendar import Calendar, Sprint
from sprintline.product.spec import DeclarationError, ProductSpec, parse_product

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement, Records
    from sprintline.mechanisms.rules.scope import Scope
    from sprintline.product.spec import RuleOverride


class NotMeasured(LookupError):
    """An asset has recorded nothing for a sprint: it was not materialized for it."""


class Store(Protocol):
    """What a subject stores of a product: made from the product's runtime."""

    @classmethod
    def of(cls, runtime: Any) -> Any: ...


S = TypeVar("S", bound=Store)
D = TypeVar("D", bound=Spec)


@dataclass(frozen=True)
class Runtime:
    """What is needed to work on one product. Stores are opened lazily, so that loading definitions stays cheap."""

    spec: ProductSpec
    folder: Path
    home: Home
    opened: dict[type, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    read: dict[type, object] = field(default_factory=dict, init=False, repr=False, compare=False)

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
    def records(self) -> Records:
        return open_records(self.home)

    @property
    def owner(self) -> str:
        """Who gets a backlog item without an assignee."""
        return self.spec.team.owner

    @property
    def overrides(self) -> Mapping[str, RuleOverride]:
        """What the product changes in rules, by code."""
        return self.spec.rules

    def __getitem__(self, store: type[S]) -> S:
        """One of the product's stores, opened on first use: `runtime[Lake]`."""
        if store not in self.opened:
            self.opened[store] = store.of(self)
        return cast("S", self.opened[store])

    def declares(self, spec: type[Spec]) -> bool:
        """Whether the product has the declaration file of this spec; its content is not read."""
        return bool(declaration_of(spec).files(self.folder))

    def declared(self, spec: type[D]) -> D | None:
        """What the product declares in the file of this spec: `runtime.declared(PlanSpec)`; None without the file.

        Raises:
            DeclarationError: the file has mistakes, or every product needs it and it is missing.
            LookupError: no `spec.py` registers the spec.
        """
        if spec not in self.read:
            self.read[spec] = read_declared(spec, self.folder, {"sprints": self.calendar.keys})
        return cast("D | None", self.read[spec])

    def measured(self, asset: str, scope: Scope | str) -> Measurement | None:
        """What an asset recorded of a scope, or None while it recorded nothing; a bare key is a sprint's."""
        return next(iter(self.records.measurements(self.product, scope, asset).values()), None)

    def measurement(self, asset: str, sprint: str) -> Measurement:
        """What an asset recorded of a sprint. Raises NotMeasured while it never materialized."""
        found = self.measured(asset, sprint)
        if found is None:
            raise NotMeasured(
                f"{asset} has recorded nothing for {sprint}: materialize {self.product}/{asset} for it"
            )
        return found

    def history(self, asset: str) -> dict[str, Measurement]:
        """What an asset recorded, by sprint, oldest first."""
        return {
            sprint: one for (sprint, _), one in self.records.measurements(self.product, asset=asset).items()
        }

    def newest(self, asset: str) -> tuple[str, Measurement] | None:
        """The newest sprint of which an asset recorded anything, and what; None while there is none."""
        return self.records.newest(self.product, asset)

    def measure(self, asset: str, scope: Scope | str, version: str, facts: Mapping[str, Any]) -> None:
        """Record an asset's data version and facts of a scope; a bare key is a sprint's.

        Raises ValueError for facts that are not those of the asset's kind (`mechanisms.rules.kinds.check_facts`).
        """
        check_facts(self, asset, scope, facts)
        self.records.measure(self.product, scope, asset, version, facts)

    def table(self, name: str) -> str:
        """Name of a lake table of this product."""
        return f"{self.product}/{name}"

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
    """A module of a product's folder, loaded by its path so that its mistakes stop only this product."""
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


def load_runtime(folder: Path, where: Home | None = None) -> Runtime:
    """The runtime of a product folder. Raises DeclarationError for an invalid defs.yaml."""
    file = folder / "defs.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeclarationError(
            str(file), [Mistake(1, "", "is not UTF-8 text", "save it as UTF-8")]
        ) from error
    return Runtime(parse_product(text, str(file)), folder, where or home())
