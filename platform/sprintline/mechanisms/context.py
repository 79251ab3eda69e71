"""What a mechanism needs to know of whatever it works for. A product's runtime is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sprintline.base.clock import Clock
    from sprintline.base.settings import Home
    from sprintline.mechanisms.declaration.spec import Spec
    from sprintline.mechanisms.ledger.records import Measurement, Records
    from sprintline.mechanisms.rules.scope import Scope


class Calendar(Protocol):
    """The sprints, oldest first."""

    @property
    def keys(self) -> tuple[str, ...]: ...


class Override(Protocol):
    """What a product changes in a rule; None keeps the rule's own."""

    @property
    def severity(self) -> str | None: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def waiver(self) -> Any: ...


class Context(Protocol):
    """A product as mechanisms see it.

    owner: who gets a backlog item that no one was assigned. overrides: what the product changes in rules, by code.
    """

    @property
    def product(self) -> str: ...
    @property
    def home(self) -> Home: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def records(self) -> Records: ...
    @property
    def calendar(self) -> Calendar: ...
    @property
    def owner(self) -> str: ...
    @property
    def overrides(self) -> Mapping[str, Override]: ...

    def declares(self, spec: type[Spec]) -> bool:
        """Whether the product has the declaration file of this spec, whatever is in it."""
        ...

    def measured(self, asset: str, scope: Scope | str, /) -> Measurement | None:
        """What an asset recorded of a scope, or None while it recorded nothing; a bare key is a sprint's."""
        ...

    def history(self, asset: str) -> dict[str, Measurement]:
        """What an asset recorded, by sprint, oldest first."""
        ...
