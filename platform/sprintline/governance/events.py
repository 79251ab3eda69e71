"""Ledger events of decisions by people. Those that gates and rules read are in mechanisms/rules/."""

from __future__ import annotations

from typing import TypedDict

from sprintline.mechanisms.ledger.events import EventKind

APPROVAL = "approval"


class ApprovalBody(TypedDict):
    """data_version: the version that was approved. expires: last UTC day on which the approval counts."""

    asset: str
    data_version: str
    approver: str
    reason: str
    expires: str


EVENTS = (
    EventKind(
        APPROVAL,
        ApprovalBody,
        "A person accepts one data version of an asset of a sprint.",
        written_by=("governance.decide",),
        read_by=("governance.acts",),
    ),
)
