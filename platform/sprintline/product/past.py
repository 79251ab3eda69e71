"""What the ledger says of a product's sprints: decided, closed, or waiting for what came before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.product.events import CLOSED, DECISION, TRIGGER
from sprintline.product.runtime import Runtime


class PastMissing(LookupError):
    """The sprint before is not decided, so the champion before this one is unknown."""


def decision_of(runtime: Runtime, sprint: str) -> Mapping[str, Any] | None:
    """The decision taken when a sprint closed, or None while it is open."""
    found = runtime.records.events(product=runtime.product, kind=DECISION, sprint=sprint)
    return found[-1].body if found else None


def decisions_of(runtime: Runtime) -> dict[str, Mapping[str, Any]]:
    """Every decision of the product by its sprint, in the order in which they were taken."""
    events = runtime.records.events(product=runtime.product, kind=DECISION)
    return {event.sprint: event.body for event in events if event.sprint is not None}


def undecided(runtime: Runtime, sprint: str) -> str | None:
    """Why a sprint waits for the one before it, in a sentence for people; None when that is decided.

    Raises CalendarError for a sprint that is not planned.
    """
    past = runtime.calendar.previous(sprint)
    if not past or decision_of(runtime, past[-1]) is not None:
        return None
    return waits_for(runtime, sprint, past[-1])


def waits_for(runtime: Runtime, sprint: str, before: str) -> str:
    """Why a sprint waits for an undecided one before it, in a sentence for people."""
    pending = pending_trigger(runtime, before)
    if pending:
        return f"{sprint} waits: {before} has a pending retraining ({pending['why']})"
    return f"{sprint} waits: {before} is not closed, so the champion before {sprint} is unknown"


def pending_trigger(runtime: Runtime, sprint: str) -> Mapping[str, Any] | None:
    """A recorded trigger that no decision has answered yet."""
    if decision_of(runtime, sprint) is not None:
        return None
    found = runtime.records.events(product=runtime.product, kind=TRIGGER, sprint=sprint)
    return found[-1].body if found else None


def closing_of(runtime: Runtime, sprint: str) -> Mapping[str, Any] | None:
    """The latest closing of a sprint: the files it was closed on, whether it was Done, and what was missing."""
    found = runtime.records.events(product=runtime.product, kind=CLOSED, sprint=sprint)
    return found[-1].body if found else None
