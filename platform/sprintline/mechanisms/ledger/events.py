"""The catalogue of ledger events: every kind with the type of its body, who writes it and who reads it.

A subject registers its kinds as `EVENTS` in its `events.py`, beside a constant with the name of each kind. `Records`
refuses to append an unknown kind, or a body that does not fit. Reading refuses nothing: a ledger also holds events of
older versions and of extensions that are no longer installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NotRequired, TypedDict

from sprintline.base.hashing import canonical_json
from sprintline.mechanisms.ledger.bodies import mistakes, spelled
from sprintline.mechanisms.registry import collected


class EventError(ValueError):
    """An event that the catalogue does not allow. The message names the kind, the key and what is expected."""


@dataclass(frozen=True)
class EventKind:
    """A kind of ledger event.

    Attributes:
        kind: its name in the ledger. Never renamed: events are kept for good.
        body: a TypedDict of JSON values.
        meaning: what such an event says, in a sentence.
        written_by, read_by: modules inside `sprintline` (or full module paths of an extension).
    """

    kind: str
    body: type
    meaning: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]


@cache
def catalogue() -> dict[str, EventKind]:
    """Every kind by its name, sorted.

    Raises:
        ValueError: two kinds have one name.
        TypeError: a body has a type that JSON does not have.
    """
    found: dict[str, EventKind] = {}
    for one in collected("events", "EVENTS"):
        if one.kind in found:
            raise ValueError(f"two kinds of ledger events are named {one.kind}: rename the newer one")
        try:
            spelled(one.body)
        except TypeError as error:
            raise TypeError(f"body of the ledger event {one.kind}: {error}") from error
        found[one.kind] = one
    return dict(sorted(found.items()))


def check_event(kind: str, body: Mapping[str, Any]) -> None:
    """Refuse an event that the catalogue does not allow.

    Raises:
        EventError: the kind is unknown, or the body has a missing key, an unknown key or a value of a wrong type.
        TypeError, ValueError: the body holds what JSON cannot (see `canonical_json`).
    """
    said = json.loads(canonical_json(body))  # as it will be read back
    known = catalogue().get(kind)
    if known is None:
        raise EventError(
            f"there is no kind of ledger event {kind!r}; expected one of {', '.join(catalogue())}: register a new kind "
            "as EVENTS in an events.py"
        )
    if found := mistakes(said, known.body):
        raise EventError(f"ledger event {kind}: {'; '.join(found)}: nothing was appended")


# --- the ledger's own kinds -----------------------------------------------------------------------------------------

ACCEPTED, REMOVED = "anchor", "removed"


class GivenUp(TypedDict):
    """The event that the head file named: its number and hash."""

    seq: int
    hash: str


class AcceptedBody(TypedDict):
    """given_up: what the head file named before; None when it was missing or could not be read. changed: verdicts and
    measurements that were not as they were written, and count as they are from here on, a sentence each.
    """

    reason: str
    given_up: GivenUp | None
    changed: NotRequired[list[str]]


class Removed(TypedDict):
    """verdicts: the newest verdict that no longer counts."""

    verdicts: int


EVENTS = (
    EventKind(
        ACCEPTED,
        AcceptedBody,
        "A person accepted the ledger as it is, for example after restoring an older database.",
        written_by=("mechanisms.ledger.ledger",),
        read_by=(),
    ),
    EventKind(
        REMOVED,
        Removed,
        "The state of a product was removed: its earlier events and verdicts are kept, and no longer count.",
        written_by=("mechanisms.ledger.records",),
        read_by=("mechanisms.ledger.rows",),
    ),
)
