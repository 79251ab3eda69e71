"""What a fault is: where it is planted, what is materialized then, and whose check must tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from sprintline.base.settings import Home

PRODUCT = "trial"
"""The throw-away product that faults are planted in."""

AFTER_CLOSING, SCORED, LANDED = "closed", "scored", "landed"
"""States of the throw-away product before a fault: its sprint on trial is closed; is scored, but no candidate was
trained yet; or has only landed."""


DECIDED = ("candidate", "champion", "increment")
"""Assets that decide a sprint."""

DONE = "DONE"
"""In place of a rule's code: the gate of the Definition of Done, as the increment asks it, must refuse."""


class NotPlanted(RuntimeError):
    """A fault found nothing to change: the place it knows is no longer there."""


class Sandbox(Protocol):
    """What a fault is planted in: a throw-away product, and the ways to change it (`faults.sandbox`)."""

    @property
    def home(self) -> Home: ...
    @property
    def runtime(self) -> Any: ...
    @property
    def sprint(self) -> str: ...
    @property
    def before(self) -> str: ...

    def land(
        self,
        source: str,
        change: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        sprint: str | None = None,
    ) -> None: ...

    def edit(self, place: str, *changes: tuple[str, str]) -> None: ...

    def partition(
        self, name: str, change: Callable[[pd.DataFrame], pd.DataFrame], sprint: str | None = None
    ) -> None: ...

    def sql(self, statement: str) -> None: ...

    def answers(self, statement: str) -> None: ...

    def file(self, folder: Path, pattern: str) -> Path: ...


@dataclass(frozen=True)
class Fault:
    """One fault of one rule.

    code: the rule that must tell it, or `DONE`.
    name: the fault in a few words, unique within the rule.
    where: what is changed: `landing file of orders`.
    asset: the asset whose check must fail.
    plant: makes the fault; raises when there is nothing to change, since a fault that is not there proves nothing.
    run: assets materialized after planting, with all their checks; none: the rule's check alone is.
    state: the product's state before.
    sprints_before: how many sprints before the one on trial are materialized too, oldest first.
    expects: the outcome of the verdict.
    scope: what the rule is judged for where that is no sprint. Dagster has no check of it then: after `run` the rule is
        judged in this scope, and its verdict is what must tell.
    """

    code: str
    name: str
    where: str
    asset: str
    plant: Callable[[Sandbox], None]
    run: tuple[str, ...] = ()
    state: str = AFTER_CLOSING
    sprints_before: int = 0
    expects: Outcome = Outcome.FAIL
    scope: Scope | None = None

    @property
    def key(self) -> str:
        """How the fault is named among all."""
        return f"{self.code}: {self.name}"
