"""The hash chain of the ledger: pure, so that it can be proven without a database.

Every event carries the hash of the one before it, and its own hash covers everything it says. An edit, a deletion, an
insertion or a swap breaks the chain at a place that can be named. What a chain alone cannot see is that its end was cut
off or that all of it was recomputed; for that a head kept elsewhere (`Head`) is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sprintline.base.hashing import canonical_json, moment_text

DOMAIN = "sprintline.ledger.v1"
DOMAIN_WITH_AS_OF = "sprintline.ledger.v2"
GENESIS = "0" * 64


@dataclass(frozen=True)
class Event:
    """One thing that a person or the platform decided or did.

    Attributes:
        seq: running number from 1, without a gap.
        at: the moment it was appended, by the wall clock (aware).
        kind: what sort of event, like ``decision`` or ``waiver``.
        product: the data product; empty for the platform's own events.
        sprint: the sprint it is about, None when it is about none.
        actor: who did it: a person, or the part of the platform.
        body: what was decided: JSON values only, no personal data.
        prev: hash of the event before, `GENESIS` for the first.
        hash: `event_hash` of all of the above and of ``key``.
        key: makes an append idempotent: one event per (kind, product, sprint, key); None for none.
        as_of: the platform's time of it (aware): the replay's while history is replayed, else the wall clock's. None
            for events that were appended before there was one.
    """

    seq: int
    at: datetime
    kind: str
    product: str
    sprint: str | None
    actor: str
    body: Mapping[str, Any]
    prev: str
    hash: str
    key: str | None = None
    as_of: datetime | None = None

    @property
    def platform_time(self) -> datetime:
        """What durations and deadlines of the platform count from: `as_of`, or `at` where there is none."""
        return self.at if self.as_of is None else self.as_of


@dataclass(frozen=True)
class Head:
    """The last event of a chain: how many events there are, and the hash that covers them all."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Broken:
    """Where a chain first does not hold, and why in one sentence."""

    seq: int
    why: str


EMPTY = Head(0, GENESIS)


def event_hash(
    *,
    seq: int,
    prev: str,
    at: datetime,
    kind: str,
    product: str,
    sprint: str | None,
    actor: str,
    body: Mapping[str, Any],
    key: str | None = None,
    as_of: datetime | None = None,
) -> str:
    """SHA-256 (64 hex) over domain | seq | prev | canonical JSON of all else the event says, body last.

    An event with `as_of` has a domain of its own, so none can be taken for one without, nor the other way round.

    Raises:
        TypeError, ValueError: the body holds what JSON cannot (see `canonical_json`).
    """
    times = [moment_text(at)] if as_of is None else [moment_text(at), moment_text(as_of)]
    said = canonical_json([*times, kind, product, sprint, actor, key, body])
    domain = DOMAIN if as_of is None else DOMAIN_WITH_AS_OF
    return hashlib.sha256(f"{domain}|{seq}|{prev}|{said}".encode()).hexdigest()


def next_event(
    head: Head,
    *,
    at: datetime,
    kind: str,
    product: str,
    sprint: str | None,
    actor: str,
    body: Mapping[str, Any],
    key: str | None = None,
    as_of: datetime | None = None,
) -> Event:
    """The event that follows ``head`` in the chain."""
    seq = head.seq + 1
    said: dict[str, Any] = {
        "at": at, "kind": kind, "product": product, "sprint": sprint, "actor": actor, "body": body, "key": key,
        "as_of": as_of,
    }  # fmt: skip
    return Event(seq=seq, prev=head.hash, hash=event_hash(seq=seq, prev=head.hash, **said), **said)


def check_chain(events: Iterable[Event], expected_head: Head | None = None) -> Broken | None:
    """The first place where the chain does not hold, or None when all of it does.

    Args:
        events: the events in the order in which they are kept; read once, so a stream of any length will do.
        expected_head: the head that was written elsewhere. The chain must contain exactly that event; it may have
            grown since. Without it a cut end and a recomputed chain are not noticed.

    Returns:
        The sequence number is the first at which the chain fails: that of the event itself when it was edited, removed,
        inserted or moved; that of its successor when whoever edited it also recomputed its hash.
    """
    head = EMPTY
    in_file = expected_head is None or expected_head == EMPTY
    for event in events:
        seq = head.seq + 1
        if event.seq != seq:
            found = f"event {event.seq} is in its place"
            return Broken(seq, f"event {seq} is missing or out of order: {found}")
        if event.prev != head.hash:
            return Broken(
                seq, f"event {seq} does not follow event {head.seq}: one of them was replaced or inserted"
            )
        try:
            due = event_hash(
                seq=seq, prev=event.prev, at=event.at, kind=event.kind, product=event.product, sprint=event.sprint,
                actor=event.actor, body=event.body, key=event.key, as_of=event.as_of,
            )  # fmt: skip
        except (TypeError, ValueError) as error:
            return Broken(seq, f"event {seq} holds what cannot have been appended: {error}")
        if due != event.hash:
            return Broken(seq, f"event {seq} was edited: its content does not give its hash")
        if expected_head is not None and seq == expected_head.seq:
            if event.hash != expected_head.hash:
                return Broken(seq, f"event {seq} is not the one in the head file: the chain was recomputed")
            in_file = True
        head = Head(seq, event.hash)
    if not in_file and expected_head is not None:
        cut = f"the head file has seen {expected_head.seq} events, the chain ends after {head.seq}"
        return Broken(head.seq + 1, f"events from {head.seq + 1} on are missing: {cut}")
    return None
