"""Ledger events of the backlog, which is a projection of them."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from sprintline.mechanisms.ledger.events import EventKind

FINDING, RECOVERED, ASSIGNED, ITEM_CLOSED = "finding", "recovered", "assigned", "item_closed"
PRIORITISED, STARTED, PLANNED = "item_prioritised", "item_started", "item_planned"
KINDS = (FINDING, RECOVERED, ASSIGNED, ITEM_CLOSED, PRIORITISED, STARTED, PLANNED)


class FindingBody(TypedDict):
    """item: fingerprint of product, code, asset and cause. what: the claim that does not hold. sentence, outcome,
    severity, data_version: those of the verdict. kind: of the item, `finding` where it is not given.
    """

    item: str
    code: str
    asset: str
    cause: str
    what: str
    severity: str
    outcome: str
    sentence: str
    data_version: str
    kind: NotRequired[str]


class RecoveredBody(TypedDict):
    """item: fingerprint of the finding."""

    item: str


class AssignedBody(TypedDict):
    """item: fingerprint of the finding. owner: a name or an address."""

    item: str
    owner: str


class ItemClosedBody(TypedDict):
    """item: fingerprint of the finding."""

    item: str
    reason: str


class PrioritisedBody(TypedDict):
    """item: fingerprint of the finding. priority: `high`, `normal` or `low`."""

    item: str
    priority: str


class StartedBody(TypedDict):
    """item: fingerprint of the finding."""

    item: str


class PlannedBody(TypedDict):
    """item: fingerprint of product, kind and title. what: the title. The event's sprint: planned for."""

    item: str
    kind: Literal["goal", "task", "spike", "debt"]
    what: str


EVENTS = (
    EventKind(
        FINDING,
        FindingBody,
        "A sprint shows that the claim of a rule does not hold.",
        written_by=("mechanisms.backlog.items",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        RECOVERED,
        RecoveredBody,
        "A sprint shows that an earlier finding is gone.",
        written_by=("mechanisms.backlog.items",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        ASSIGNED,
        AssignedBody,
        "A person gave a backlog item to an owner.",
        written_by=("governance.decide",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        ITEM_CLOSED,
        ItemClosedBody,
        "A person closed a backlog item by hand; its next finding opens it again.",
        written_by=("governance.decide",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        PRIORITISED,
        PrioritisedBody,
        "A person set the priority of a backlog item.",
        written_by=("governance.decide",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        STARTED,
        StartedBody,
        "A person began to work on a backlog item.",
        written_by=("governance.decide",),
        read_by=("mechanisms.backlog.items",),
    ),
    EventKind(
        PLANNED,
        PlannedBody,
        "A person planned work for a sprint; planned again, the item moves to that sprint.",
        written_by=("governance.decide",),
        read_by=("mechanisms.backlog.items",),
    ),
)
