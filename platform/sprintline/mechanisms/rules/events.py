"""Ledger events of waivers. They are here and not in governance/, because every gate reads them."""

from __future__ import annotations

from typing import TypedDict

from sprintline.mechanisms.ledger.events import EventKind

WAIVER, WITHDRAWN = "waiver", "waiver_withdrawn"
ATTESTATION = "attestation"


class WaiverBody(TypedDict):
    """asset: empty for every asset that the rule judges. expires: last UTC day on which the waiver counts."""

    code: str
    asset: str
    approver: str
    reason: str
    expires: str


class WithdrawnBody(TypedDict):
    """waivers: event numbers of the waivers that are withdrawn."""

    code: str
    asset: str
    reason: str
    waivers: list[int]


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
        WAIVER,
        WaiverBody,
        "A person lets gates open in spite of a failing rule, until a day.",
        written_by=("governance.decide",),
        read_by=("mechanisms.rules.waivers", "delivery.recorded", "delivery.status"),
    ),
    EventKind(
        WITHDRAWN,
        WithdrawnBody,
        "A person withdrew waivers.",
        written_by=("governance.decide",),
        read_by=("mechanisms.rules.waivers", "delivery.recorded", "delivery.status"),
    ),
    EventKind(
        ATTESTATION,
        AttestationBody,
        "A person records the statement that a rule requires, with its evidence.",
        written_by=("governance.decide",),
        read_by=("mechanisms.rules.attestations", "delivery.restatement"),
    ),
)
