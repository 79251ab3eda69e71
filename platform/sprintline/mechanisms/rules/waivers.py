"""Waivers in the ledger: granted, withdrawn, in force or expired, as gates read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sprintline.mechanisms.context import Context
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import Need, Waiver, waivers_of


@dataclass(frozen=True)
class Granted:
    """A waiver of the ledger. event: its number there. at, actor: when, in the platform's time, and by whom."""

    waiver: Waiver
    event: int
    at: datetime
    actor: str

    def in_force(self, now: datetime) -> bool:
        return state_of(self.waiver, now) == "in force"


def granted(events: Iterable[Event], before: int | None = None) -> tuple[Granted, ...]:
    """Waivers of the ledger with what became of them, oldest first.

    before: only what was in the ledger before this event; a sprint is judged by the waivers there were as it closed.
    """
    found: dict[int, Granted] = {}
    for event in events:
        if before is not None and event.seq >= before:
            break
        body = event.body
        if event.kind == WAIVER:
            one = Waiver(
                body["code"],
                body["approver"],
                body["reason"],
                date.fromisoformat(body["expires"]),
                body["asset"],
            )
            found[event.seq] = Granted(one, event.seq, event.platform_time, event.actor)
        elif event.kind == WITHDRAWN:
            for number in body["waivers"]:
                if number in found:
                    old = found[number]
                    said = f"{event.actor} ({body['reason']})"
                    waiver_ = Waiver(
                        old.waiver.code, old.waiver.approver, old.waiver.reason, old.waiver.expires, old.waiver.asset,
                        said,
                    )  # fmt: skip
                    found[number] = Granted(waiver_, old.event, old.at, old.actor)
    return tuple(found.values())


def waivers_in(events: Iterable[Event], before: int | None = None) -> tuple[Waiver, ...]:
    """The same as gates read them."""
    return tuple(one.waiver for one in granted(events, before))


def state_of(waiver: Waiver, now: datetime) -> str:
    """`in force`, `expired` or `withdrawn`."""
    if waiver.withdrawn:
        return "withdrawn"
    return "in force" if now < waiver.until else "expired"


def opens(body: Mapping[str, Any], needs: Iterable[str]) -> bool:
    """Whether a waiver's body is meant for one of a closing's missing needs (`DQ101 on orders`)."""
    waiver_ = Waiver(body["code"], body["approver"], body["reason"], date.max, body["asset"])
    return any(waiver_.covers(Need(*need.split(" on ", 1))) for need in needs if " on " in need)


def waivers(context: Context) -> tuple[Waiver, ...]:
    """All waivers of the product, declared or recorded, also those that have run out: every gate reads these."""
    read = partial(context.records.events, product=context.product, trusted=True)
    events = sorted([*read(kind=WAIVER), *read(kind=WITHDRAWN)], key=lambda event: event.seq)
    return waivers_of(context.overrides) + waivers_in(events)
