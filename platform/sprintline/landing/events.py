"""Ledger events of landed files."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from sprintline.mechanisms.ledger.events import EventKind

REFUSED = "refused"


class RefusedBody(TypedDict):
    """file: its name, or product, table and contract version of a published table.

    quarantine: path of a landed file inside the state folder. upstream: which published rows under which contract.
    """

    source: str
    file: str
    reason: str
    quarantine: NotRequired[str]
    upstream: NotRequired[str]


EVENTS = (
    EventKind(
        REFUSED,
        RefusedBody,
        "A landed file breaks its contract and was moved to quarantine, or rows of a published table break theirs.",
        written_by=("landing.assets",),
        read_by=("landing.arrivals", "delivery.sensors", "delivery.status", "hosting.replay"),
    ),
)
