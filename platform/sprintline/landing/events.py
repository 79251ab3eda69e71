"""Ledger events of landed files."""

from __future__ import annotations

from typing import TypedDict

from sprintline.mechanisms.ledger.events import EventKind

REFUSED = "refused"


class RefusedBody(TypedDict):
    """file: its name. quarantine: its path inside the state folder."""

    source: str
    file: str
    reason: str
    quarantine: str


EVENTS = (
    EventKind(
        REFUSED,
        RefusedBody,
        "A landed file breaks its contract and was moved to quarantine.",
        written_by=("landing.assets",),
        read_by=("delivery.sensors", "delivery.status", "hosting.replay"),
    ),
)
