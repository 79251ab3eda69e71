"""What the records say of a product's sprints, read once for all of its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sprintline.delivery.status import SprintStatus, State, sprint_rows
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import waivers_of
from sprintline.mechanisms.rules.rulebook import definition_of_done
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.monitoring.facts import DriftFacts
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.chain import Event
    from sprintline.mechanisms.ledger.records import Measurement

DRIFT = "drift"


@dataclass(frozen=True)
class Recorded:
    """The sprints of a product.

    Attributes:
        status: of the sprints that were read, by key.
        verdicts, drift: the evidence behind them, by key.
        rows: of all sprints worth a page, oldest first: a row of the status as a dict, with its `drift_count`.
    """

    status: dict[str, SprintStatus]
    verdicts: dict[str, list[Verdict]]
    drift: dict[str, DriftFacts]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, runtime: Runtime) -> Recorded:
        """All sprints."""
        return read(runtime, runtime.records.events(product=runtime.product))

    @property
    def keys(self) -> list[str]:
        """Keys of all sprints worth a page."""
        return [row["sprint"] for row in self.rows]


def read(
    runtime: Runtime,
    events: Sequence[Event],
    keys: Sequence[str] | None = None,
    kept: Sequence[Mapping[str, Any]] = (),
) -> Recorded:
    """The records of some sprints, or of all.

    Args:
        runtime: the product's.
        events: its ledger.
        keys: the sprints to read; None reads all.
        kept: rows of the other sprints, as they were read earlier.
    """
    records, product = runtime.records, runtime.product
    parts: Sequence[str | None] = [None] if keys is None else keys
    verdicts = [one for part in parts for one in records.verdicts(product, part)]
    measured: dict[tuple[str, str], Measurement] = {}
    for part in parts:
        measured |= records.measurements(product, part)
    found = sprint_rows(
        product,
        runtime.calendar,
        partial(definition_of_done, runtime),
        verdicts,
        measured,
        # A sprint without events costs nothing; waivers apply to any.
        [one for one in events if keys is None or one.sprint in keys or one.kind in (WAIVER, WITHDRAWN)],
        runtime.clock.now(),
        waivers_of(runtime.spec.rules),
        [one for part in parts for one in records.changed(product, part)],
    )
    by_sprint: dict[str, list[Verdict]] = {}
    for one in verdicts:
        by_sprint.setdefault(one.sprint, []).append(one)
    status = {row.sprint: row for row in found if keys is None or row.sprint in keys}
    drift: dict[str, DriftFacts] = {
        sprint: one.facts for (sprint, asset), one in measured.items() if asset == DRIFT
    }
    rows = {row["sprint"]: dict(row) for row in kept} | {
        key: {**row.as_dict(), "drift_count": drift_count(drift.get(key))} for key, row in status.items()
    }
    return Recorded(
        status, by_sprint, drift, _begun([rows[key] for key in runtime.calendar.keys if key in rows])
    )


def drift_count(facts: DriftFacts | None) -> int | None:
    """How many statistics drifted in a sprint by itself, its errors as one; None when it could not be compared."""
    if facts is None or facts["window"] is None:
        return None
    return len(facts["drifted"]) + ("concept" in facts["ways"])


def changed_by(
    runtime: Runtime, closed: str, kept: Sequence[Mapping[str, Any]], events: Sequence[Event]
) -> list[str] | None:
    """Sprints whose rows may have changed with a closing; None when that could be any.

    In ordinary order these are the sprint, the one before it (whose page gets a link) and those not closed yet. A
    restatement or a backfill may change what later sprints say.
    """
    keys = runtime.calendar.keys
    there = {row["sprint"] for row in kept if row["state"] == State.CLOSED}
    done = {one.sprint for one in events if one.kind == CLOSED and one.sprint}
    later = {key for key in done if keys.index(key) > keys.index(closed)}
    if later or not done - {closed} <= there or closed in there:
        return None
    begun = [key for key in keys if key not in done and runtime.window(key).start <= runtime.clock.now()]
    return [*runtime.calendar.previous(closed, 1), closed, *begun]


def _begun(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Up to the last sprint in which anything happened, and the one that runs now; none when nothing ever did."""
    happened = [
        bool(row["rows"] or row.get("failed")) or row["state"] in (State.CLOSED, State.REFUSED)
        for row in rows
    ]
    if not any(happened):
        return []
    return [row for i, row in enumerate(rows) if any(happened[i:]) or row["state"] == State.OPEN]
