"""Procedures that were started and have not ended, for people: since when, what comes next, what to run to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sprintline.mechanisms.procedures.declared import procedures
from sprintline.mechanisms.procedures.events import INTENT
from sprintline.mechanisms.procedures.progress import Progress, open_ones

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.chain import Event
    from sprintline.mechanisms.ledger.records import Records


@dataclass(frozen=True)
class Begun:
    """One of them.

    product: whose events it has, empty for the platform's own. since: when its intent was recorded, UTC. next_step: the
    first step not recorded as done, `outcome` after the last. resume: what to run to go on.
    """

    product: str
    procedure: str
    subject: str
    sprint: str | None
    attempt: int
    since: datetime
    next_step: str
    resume: str

    def __str__(self) -> str:
        whose = f"{self.product}: " if self.product else ""
        since = f"{self.since:%Y-%m-%d %H:%M} UTC"
        return f"{whose}{self.procedure} {self.subject} was started at {since} and has not ended"


def begun_procedures(records: Records | None) -> list[Begun]:
    """Every open procedure of the platform and of all products, oldest first.

    One that is listed either runs now or was interrupted. What a product began before its removal counts no more.
    """
    if records is None:
        return []
    found = []
    for product in {event.product for event in records.events(kind=INTENT)}:
        events = records.events(product=product)
        found += [_begun(one, events) for one in open_ones(events)]
    return sorted(found, key=lambda one: one.since)


def _begun(at: Progress, events: list[Event]) -> Begun:
    intent = next(event for event in reversed(events) if event.kind == INTENT and _is_of(at, event.body))
    declared = procedures().get(at.procedure)
    steps = tuple(declared.steps) if declared else tuple(intent.body["steps"])
    if declared:
        resume = declared.resume.format(product=intent.product, subject=at.subject, sprint=intent.sprint)
    else:
        resume = f"no procedure {at.procedure} is declared here: set SPRINTLINE_EXTENSIONS to the package that has it"
    return Begun(
        intent.product,
        at.procedure,
        at.subject,
        intent.sprint,
        at.attempt,
        intent.at,
        next((step for step in steps if step not in at.done), "outcome"),
        resume,
    )


def _is_of(at: Progress, body: Mapping[str, Any]) -> bool:
    return (body["procedure"], body["subject"], body["attempt"]) == (at.procedure, at.subject, at.attempt)
