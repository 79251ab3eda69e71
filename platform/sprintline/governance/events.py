"""Ledger events of decisions by people. Those of waivers are in mechanisms/rules/, where gates read them."""

from __future__ import annotations

from typing import TypedDict

from sprintline.mechanisms.ledger.events import EventKind

APPROVAL, ATTESTATION = "approval", "attestation"


class ApprovalBody(TypedDict):
    """data_version: the version that was approved. expires: last UTC day on which the approval counts."""

    asset: str
    data_version: str
    approver: str
    reason: str
    expires: str


class AttestationBody(TypedDict):
    """code: the rule. evidence: a link or a path. expires: last UTC day on which it counts; empty for no end.
    about: data version of what it speaks of, None when there is none.
    """

    code: str
    asset: str
    attester: str
    claim: str
    evidence: str
    expires: str
    about: str | None


EVENTS = (
    EventKind(
        APPROVAL,
        ApprovalBody,
        "A person accepts one data version of an asset of a sprint.",
        written_by=("governance.decide",),
        read_by=("governance.acts",),
    ),
    EventKind(
        ATTESTATION,
        AttestationBody,
        "A person records the statement that a rule requires, with its evidence.",
        written_by=("governance.decide",),
        read_by=("delivery.restatement",),
    ),
)
