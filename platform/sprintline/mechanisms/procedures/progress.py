"""Procedures: several steps that must all happen, or be undone. Pure: where one stands is read from the ledger.

    intent  what is meant, written before the first step
    step    one per step that was done, in order
    outcome `done` or `undone`, and why

An intent without an outcome is open: its process was killed or a step failed. Whoever runs the procedure next goes on
after the last step that is recorded, with the intent as it was written. Every step may be repeated without a second
effect, for a kill can fall between a step and its telling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.procedures.events import INTENT, KINDS, OUTCOME, STEP

DONE, UNDONE = "done", "undone"


@dataclass(frozen=True)
class Progress:
    """Where a procedure stands.

    attempt: counts from 1; one that was undone is followed by another. intent: what is meant, None before the attempt
    began. done: names of the steps told to be done. outcome: `done`, `undone`, or None while it is open.
    """

    procedure: str
    subject: str
    attempt: int = 1
    intent: Mapping[str, Any] | None = None
    done: tuple[str, ...] = ()
    outcome: str | None = None

    @property
    def open(self) -> bool:
        """Whether it was started and has not ended."""
        return self.intent is not None and self.outcome is None

    def key(self, step: str = "") -> str:
        """Key of its events: each is written once an attempt, however many processes run it."""
        return ":".join(part for part in (self.procedure, self.subject, str(self.attempt), step) if part)

    def fields(self, **more: Any) -> dict[str, Any]:
        """What every one of its events says, and more."""
        return {
            "procedure": self.procedure,
            "subject": self.subject,
            "attempt": self.attempt,
            **more,
        }


def progress_of(procedure: str, subject: str, events: Iterable[Event]) -> Progress:
    """Where a procedure stands by the events of its product, in their order. A new attempt follows one undone.

    subject: what it is about, in words of its own: a sprint, a model, a request.
    """
    found = Progress(procedure, subject)
    for event in events:
        body = event.body
        if event.kind not in KINDS or (body["procedure"], body["subject"]) != (procedure, subject):
            continue
        if event.kind == INTENT:
            found = Progress(procedure, subject, body["attempt"], body["meant"])
        elif event.kind == STEP:
            found = Progress(procedure, subject, found.attempt, found.intent, (*found.done, body["done"]))
        elif event.kind == OUTCOME:
            found = Progress(
                procedure, subject, found.attempt, found.intent, found.done, str(body["outcome"])
            )
    if found.outcome == UNDONE:
        return Progress(procedure, subject, found.attempt + 1)
    return found


def open_ones(events: Iterable[Event]) -> list[Progress]:
    """Every procedure that was started and has not ended, in the order in which they began."""
    told = [event for event in events if event.kind in KINDS]
    names = dict.fromkeys((event.body["procedure"], event.body["subject"]) for event in told)
    return [one for name, subject in names if (one := progress_of(name, subject, told)).open]
