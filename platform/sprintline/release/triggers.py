"""Whether closing a sprint trains a candidate: only for bootstrap, drift, a weak champion, or enough new data.

A training costs machine time and, worse, attention: every candidate has to be judged. So nothing trains by habit.
New data counts at the pace of its own source: one refreshed every sprint is asked for some sprints, one refreshed
every quarter for some of its quarters, whatever the length of a sprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from sprintline.base.words import counted_as
from sprintline.product.events import TriggerKind

DriftName = Literal["none", "suspected", "confirmed", "insufficient"]


@dataclass(frozen=True)
class Trigger:
    """A reason to train, as the ledger records it (kind `trigger`)."""

    kind: TriggerKind
    why: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "why": self.why, "numbers": self.numbers}


@dataclass(frozen=True)
class NoTrigger:
    """Why nothing trains, in a sentence with its numbers."""

    why: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Update:
    """One update of the labels' source: the sprint it filled, the end of the time it covers, and its labelled rows."""

    sprint: str
    covers_until: datetime
    rows: int


@dataclass(frozen=True)
class Cadence:
    """The pace of a source as its landings show it.

    interval_days: median days between two updates. rows: median labelled rows an update brings. updates: how many
    were seen.
    """

    interval_days: float
    rows: float
    updates: int


@dataclass(frozen=True)
class DriftState:
    """What monitoring says at this close.

    since: first sprint of the present episode of confirmed drift. answered: the sprint that already trained for this
    episode, whatever became of its candidate.
    """

    state: DriftName
    since: str | None = None
    answered: str | None = None
    why: str = ""


@dataclass(frozen=True)
class WeakChampion:
    """A champion whose predictions did not vary, or that was worse than the naive baseline, in sprints in a row.

    sprints: these, oldest first, up to the one that closes. needed: how many are a reason to train. answered: the
    sprint that already trained since there were so many. why: what was found in the one that closes.
    """

    sprints: tuple[str, ...] = ()
    needed: int = 2
    answered: str | None = None
    why: str = ""


def cadence(updates: Sequence[Update]) -> Cadence | None:
    """Measure a source's pace; None before its second update.

    Time is that which the data covers, not the moment a file was dropped: history that lands in one afternoon still
    came about fortnight by fortnight.
    """
    ordered = sorted((one for one in updates if one.rows > 0), key=lambda one: one.covers_until)
    if len(ordered) < 2:
        return None
    gaps = [
        (late.covers_until - early.covers_until).total_seconds() / 86_400 for early, late in pairwise(ordered)
    ]
    return Cadence(_median(gaps), _median([one.rows for one in ordered]), len(ordered))


def decide(
    closing: str,
    *,
    closed: Sequence[str],
    updates: Sequence[Update],
    champion: str | None,
    trained_through: str | None,
    drift: DriftState,
    bootstrap_after: int,
    new_data_rows: int,
    new_data_updates: int = 3,
    weak: WeakChampion = WeakChampion(),
) -> Trigger | NoTrigger:
    """The reason to train a candidate at the close of a sprint, or why there is none.

    closing: the sprint being closed; a candidate would be judged on it, so it is never counted as data to train on.
    closed: sprints closed so far, `closing` among them. updates: the labels' source, one per landed sprint.
    champion: model that was there before this close, None before the first. trained_through: newest sprint any
    candidate was trained on, promoted or held; counting from there keeps a held candidate from being trained again
    every sprint.
    new_data_rows: floor of new labelled rows; new_data_updates: updates of the source's own to wait for.
    Order: bootstrap, drift, weak champion, new data.
    """
    earlier = [one for one in updates if one.sprint < closing]
    fresh = [one for one in earlier if trained_through is None or one.sprint > trained_through]
    rows = sum(one.rows for one in fresh)
    if champion is None:
        since = (
            f" and after {trained_through}, which the last candidate learned from" if trained_through else ""
        )
        return _bootstrap(f"{closing}{since}", len(set(closed) | {closing}), bootstrap_after, rows)
    pace = cadence(earlier)
    numbers = {
        "new_rows": rows,
        "new_updates": len(fresh),
        "trained_through": trained_through,
        "drift": drift.state,
    }
    answer = _drift(drift, rows, len(fresh), trained_through, numbers)
    if isinstance(answer, Trigger):
        return answer
    weakness = _weak(weak, rows, len(fresh), trained_through, numbers)
    if isinstance(weakness, Trigger):
        return weakness
    if weakness:
        answer = f"{answer}; {weakness}"
    return _new_data(
        rows, len(fresh), pace, trained_through, new_data_rows, new_data_updates, numbers, answer
    )


def _bootstrap(before: str, closed: int, needed: int, rows: int) -> Trigger | NoTrigger:
    numbers = {"closed": closed, "bootstrap_after": needed, "rows": rows}
    if closed < needed:
        return NoTrigger(
            f"no champion yet: {closed} of {needed} sprints closed before the first model is made", numbers
        )
    if rows == 0:
        return NoTrigger(f"no champion yet, and no labelled row before {before} to train on", numbers)
    return Trigger(
        "bootstrap",
        f"no champion yet and {closed} sprints closed (required: {needed}): "
        f"{rows:,} labelled rows before {before}",
        numbers,
    )


def _drift(
    drift: DriftState, rows: int, updates: int, through: str | None, numbers: Mapping[str, Any]
) -> Trigger | str:
    """A trigger, or the words on drift that belong into the sentence on why nothing trains."""
    if drift.state != "confirmed":
        return f"drift is {drift.state}"
    since = f" since {drift.since}" if drift.since else ""
    if drift.answered:
        return f"drift confirmed{since} was answered by the training of {drift.answered}"
    if rows == 0:
        return (
            f"drift is confirmed{since}, but there is no labelled row newer than {through} to learn it from"
        )
    why = (
        f"drift is confirmed{since} and not answered yet: {rows:,} labelled rows in "
        f"{counted_as(updates, 'update')} are newer than {through}"
    )
    return Trigger("drift", f"{why}. {drift.why}".strip(" ."), {**numbers, "since": drift.since})


def _weak(
    weak: WeakChampion, rows: int, updates: int, through: str | None, numbers: Mapping[str, Any]
) -> Trigger | str:
    """A trigger, or the words on a weak champion that belong into the sentence on why nothing trains; often none."""
    if not weak.sprints:
        return ""
    row = f"the champion was weak in {counted_as(len(weak.sprints), 'sprint')} in a row"
    if len(weak.sprints) < weak.needed:
        return f"{row} (required: {weak.needed:g})"
    since = f"{row} since {weak.sprints[0]}"
    if weak.answered:
        return f"{since}, which was answered by the training of {weak.answered}"
    if rows == 0:
        return f"{since}, but there is no labelled row newer than {through} to learn from"
    why = (
        f"{since} (required: {weak.needed:g}): {rows:,} labelled rows in {counted_as(updates, 'update')} are newer "
        f"than {through}"
    )
    return Trigger("weak_champion", f"{why}. {weak.why}".strip(" ."), {**numbers, "weak": list(weak.sprints)})


def _new_data(
    rows: int,
    updates: int,
    pace: Cadence | None,
    through: str | None,
    floor: int,
    wanted: int,
    numbers: Mapping[str, Any],
    drift: str,
) -> Trigger | NoTrigger:
    if pace is None:
        return NoTrigger(
            f"the labels' source has been updated fewer than twice, so its pace is unknown; {drift}",
            dict(numbers),
        )
    told = {
        **numbers,
        "needed_rows": floor,
        "needed_updates": wanted,
        "interval_days": pace.interval_days,
        "rows_per_update": pace.rows,
    }
    counted = (
        f"{rows:,} labelled rows in {counted_as(updates, 'update')} since {through} "
        f"(required: {floor:,} rows and {wanted} updates; "
        f"the source brings {pace.rows:,.0f} rows every {pace.interval_days:g} days)"
    )
    if rows >= floor and updates >= wanted:
        return Trigger("new_data", counted, told)
    return NoTrigger(f"not enough new data: {counted}; {drift}", told)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
