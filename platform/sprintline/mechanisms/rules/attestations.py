"""Attestations in the ledger, as rules read them: the statement of a person that a rule waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.events import ATTESTATION


@dataclass(frozen=True)
class Attestation:
    """One statement. about: data version of what it speaks of. event: its number in the ledger."""

    code: str
    asset: str
    attester: str
    about: str | None
    sprint: str | None
    event: int


def attestations(events: Iterable[Event], code: str, now: datetime) -> tuple[Attestation, ...]:
    """The statements for a rule that have not expired, oldest first. An expiry is the last UTC day that counts."""
    found = []
    for event in events:
        body = event.body
        if event.kind != ATTESTATION or body["code"] != code:
            continue
        if body["expires"]:
            end = datetime.combine(date.fromisoformat(body["expires"]) + timedelta(days=1), time(), UTC)
            if now >= end:
                continue
        found.append(
            Attestation(code, body["asset"], body["attester"], body["about"], event.sprint, event.seq)
        )
    return tuple(found)
