"""Verdicts and events as rows of the records database, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping

from sprintline.base.databases import RecordsError
from sprintline.base.hashing import canonical_json, moment_text
from sprintline.mechanisms.ledger.chain import Event, event_hash
from sprintline.mechanisms.ledger.events import REMOVED
from sprintline.mechanisms.ledger.record_tables import LEDGER
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict


def moment_of(text: str) -> datetime:
    """The aware moment of a text written by `moment_text`."""
    return datetime.fromisoformat(text)


def event_row(event: Event) -> dict[str, Any]:
    """The event as a row of the ledger."""
    return {
        "seq": event.seq,
        "at": moment_text(event.at),
        "kind": event.kind,
        "product": event.product,
        # No null here: nulls are all different to a unique index, and one key would be taken twice.
        "sprint": event.sprint or "",
        "actor": event.actor,
        "body": canonical_json(event.body),
        "prev": event.prev,
        "hash": event.hash,
        "key": event.key,
        "as_of": None if event.as_of is None else moment_text(event.as_of),
    }


def event_of(row: RowMapping) -> Event:
    """The event that a row of the ledger holds."""
    body = json.loads(row["body"])
    return Event(
        seq=row["seq"], at=moment_of(row["at"]), kind=row["kind"], product=row["product"], sprint=row["sprint"] or None,
        actor=row["actor"], body=body, prev=row["prev"], hash=row["hash"], key=row["key"],
        as_of=None if row["as_of"] is None else moment_of(row["as_of"]),
    )  # fmt: skip


def unaltered_event(row: RowMapping) -> Event:
    """The event, if its text is letter for letter what was written.

    Raises:
        ValueError: it is not; another text may read the same here and otherwise elsewhere.
    """
    event = event_of(row)
    written = event_row(event)
    if any(written[name] != row[name] for name in ("body", "at", "as_of")):
        raise ValueError("its text is not the canonical one that was written, it was edited")
    return event


def trusted_event(row: RowMapping) -> Event:
    """The event, if its content gives its hash: for what is decided on a few events, without reading the chain.

    Raises:
        RecordsError: it does not; it was edited.
    """
    try:
        event = unaltered_event(row)
        due = event_hash(
            seq=event.seq, prev=event.prev, at=event.at, kind=event.kind, product=event.product, sprint=event.sprint,
            actor=event.actor, body=event.body, key=event.key, as_of=event.as_of,
        )  # fmt: skip
        why = "" if due == event.hash else "its content does not give its hash"
    except (ValueError, TypeError) as error:
        why = str(error)
    if why:
        of = " ".join(filter(None, (row["product"], row["sprint"])))
        raise RecordsError(
            f"event {row['seq']} of the ledger ({row['kind']} of {of}) was edited ({why}): "
            "nothing is decided on it; `sprintline ledger verify`, then restore a backup (sprintline restore)"
        )
    return event


def verdict_row(verdict: Verdict, now: str) -> dict[str, Any]:
    """The verdict as a row, given at a moment."""
    return {
        "product": verdict.product,
        "scope_kind": verdict.scope.kind,
        "scope_key": verdict.scope.key,
        "code": verdict.code,
        "asset": verdict.asset,
        "subject": verdict.subject,
        "outcome": verdict.outcome.value,
        "severity": verdict.severity.value,
        "observed": canonical_json(verdict.observed),
        "threshold": canonical_json(verdict.threshold),
        "sentence": verdict.sentence,
        "data_version": verdict.data_version,
        "at": now,
    }


def verdict_of(row: RowMapping) -> Verdict:
    """The verdict that a row holds."""
    return Verdict(
        product=row["product"],
        scope=Scope(row["scope_kind"], row["scope_key"]),
        code=row["code"],
        asset=row["asset"],
        subject=row["subject"],
        outcome=Outcome(row["outcome"]),
        severity=Severity(row["severity"]),
        observed=json.loads(row["observed"]),
        threshold=json.loads(row["threshold"]),
        sentence=row["sentence"],
        data_version=row["data_version"],
    )


def begun(connection: sa.Connection, product: str) -> tuple[int, int]:
    """The last event and the last verdict that count no more for a product; zeros for one that was never removed."""
    row = connection.execute(
        sa.select(LEDGER.c.seq, LEDGER.c.body)
        .where(LEDGER.c.product == product, LEDGER.c.kind == REMOVED)
        .order_by(LEDGER.c.seq.desc())
        .limit(1)
    ).first()
    return (0, 0) if row is None else (row.seq, int(json.loads(row.body)["verdicts"]))
