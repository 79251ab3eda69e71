"""What a fault is: where it is planted, what is materialized then, and whose check must tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.core.verdicts import Outcome

if TYPE_CHECKING:
    from sprintline.faults.ground import Ground

CLOSED, SCORED, LANDED = "closed", "scored", "landed"
"""States of the throw-away product before a fault: its sprint on trial is closed; is scored, but no candidate was
trained yet; or has only landed."""


DONE = "DONE"
"""In place of a rule's code: the gate of the Definition of Done, as the increment asks it, must refuse."""


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
    """

    code: str
    name: str
    where: str
    asset: str
    plant: Callable[[Ground], None]
    run: tuple[str, ...] = ()
    state: str = CLOSED
    sprints_before: int = 0
    expects: Outcome = Outcome.FAIL

    @property
    def key(self) -> str:
        """How the fault is named among all."""
        return f"{self.code}: {self.name}"
