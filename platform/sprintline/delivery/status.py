"""Where every sprint of a product stands: a pure projection of calendar, verdicts, measurements and ledger.

Nothing here is kept: the same records give the same rows, whoever asks and however often. `sprintline status`, the
replay's table and the increment asset all read it, so that "done" means one thing.

Asset names are a product's own last names (`departures`, `questions`, `scores`, `drift`); a name that carries the
product (`flight_delays/questions`) means the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from sprintline.base.time_zones import zone_of
from sprintline.delivery.restatement import restatements
from sprintline.governance.acts import approval_of
from sprintline.landing.events import REFUSED
from sprintline.learning.metric_names import METRICS
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.ledger.changed_records import Changed
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import GateDecision, Need, Waiver, decide
from sprintline.mechanisms.rules.verdicts import Outcome, Verdict
from sprintline.mechanisms.rules.waivers import waivers_in
from sprintline.monitoring.facts import DriftFacts, ScoresFacts
from sprintline.product.calendar import Calendar, Sprint
from sprintline.product.events import CLOSED, DECISION, TRIGGER
from sprintline.product.facts import PredictionsFacts
from sprintline.product.failed import standing

SCORES, PREDICTIONS, DRIFT, INCREMENT = "scores", "predictions", "drift", "increment"
BASELINES = ("naive", "twin")


class State(StrEnum):
    """Where a sprint stands.

    planned: it has not started. open: it is running. waiting: it is over, and has not been closed. refused: a file of
    it lies in quarantine and nothing better has come, so it cannot close. closed: its run reached the end, done or not.
    """

    PLANNED = "planned"
    OPEN = "open"
    WAITING = "waiting"
    REFUSED = "refused"
    CLOSED = "closed"


class Measured(Protocol):
    """What was last measured of one asset in one sprint (`mechanisms.ledger.records.Measurement`)."""

    @property
    def data_version(self) -> str: ...

    @property
    def facts(self) -> Any: ...

    @property
    def at(self) -> datetime: ...


def questions(rows: Mapping[str, int]) -> int | None:
    """The questions asked in a sprint when they were counted, else all rows that landed; None before any did.

    rows: rows by asset, as a row of the status has them.
    """
    return rows.get("questions", rows.get("question_features", sum(rows.values()))) if rows else None


_CLAUSE_ENDS = re.compile(r"; |\. | (?=\()")
BRIEF = 150
"""Characters a brief reason should have at most."""


def brief(reason: str, most: int = BRIEF) -> tuple[str, bool]:
    """The first clauses of a reason that fit into `most` characters, and whether that is all of it.

    A clause ends at a semicolon, at a full stop or before a parenthesis; a parenthesis is not divided. A first clause
    that is too long ends at its last comma or colon that fits, else at its last word that does.
    """
    reason = " ".join(reason.split())
    if len(reason) <= most:
        return reason, True
    ends = [
        found.start()
        for found in _CLAUSE_ENDS.finditer(reason)
        if reason.count("(", 0, found.start()) <= reason.count(")", 0, found.start())
    ]
    fitting = [end for end in ends if 0 < end <= most]
    if not fitting:
        fitting = [
            found.start() for found in re.finditer(r"[,:] ", reason) if most // 3 <= found.start() <= most
        ]
    if not fitting:
        fitting = [found.start() for found in re.finditer(" ", reason) if found.start() <= most]
    # One word alone may be longer than `most`: it is never cut.
    end = fitting[-1] if fitting else reason.find(" ") if " " in reason else len(reason)
    return reason[:end].rstrip(" ,;:."), end == len(reason)


Needs = Iterable[Need] | Callable[[str], Iterable[Need]]
"""The Definition of Done: the same for every sprint, or given per key of a sprint that has started to close."""


@dataclass(frozen=True)
class SprintStatus:
    """One row of the status table; `as_dict` is what `status --json` prints.

    start, end: ISO moments in UTC, half open. first_day: the team's own first day of it. days: how many it has.
    rows: rows by asset. done: every rule of the Definition of Done has a pass on the data that is there. missing: what
    keeps it from that, a sentence each. waived: what only a waiver let through.
    rules: `{pass, fail, insufficient, not_passing}`.
    champion: id of the model that issued the sprint's predictions. trained: the trigger for which a candidate was
    trained at its close. metrics: those of the issued predictions, with the same of the naive baseline and of the
    interpretable twin. positive_rate: share of positive outcomes; mean_answer: their mean, where they are numbers;
    shares: of each class, where they are classes.
    drift: its state, drift_why: the reason for that
    state. decision: what the close decided about the champion, why: the reason that was recorded. restated: every
    time it closed again on other data, with what changed (`restatement.py`). approved: the newest approval of its
    increment, and whether it stands. failed: its newest failed run that nothing has made good since, with error, file
    and line (`product.failed`).
    """

    product: str
    sprint: str
    start: str
    end: str
    state: State
    first_day: str = ""
    days: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    done: bool = False
    missing: list[str] = field(default_factory=list)
    waived: list[str] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)
    champion: str | None = None
    trained: str | None = None
    metrics: dict[str, Any] | None = None
    positive_rate: float | None = None
    mean_answer: float | None = None
    shares: dict[str, float] | None = None
    drift: str | None = None
    drift_why: str | None = None
    decision: str | None = None
    why: str | None = None
    restated: list[dict[str, Any]] = field(default_factory=list)
    approved: dict[str, Any] | None = None
    failed: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "state": str(self.state)}


def sprint_rows(
    product: str,
    calendar: Calendar,
    needed: Needs,
    verdicts: Iterable[Verdict],
    measurements: Mapping[tuple[str, str], Measured],
    events: Iterable[Event],
    now: datetime,
    waivers: Iterable[Waiver] = (),
    changed: Iterable[Changed] = (),
) -> list[SprintStatus]:
    """A row per planned sprint, oldest first.

    Args:
        product: whose; verdicts and events of other products are passed over.
        calendar: the product's.
        needed: the Definition of Done.
        verdicts: the latest per sprint, code, asset and subject.
        measurements: the latest per (sprint, asset).
        events: the ledger's, in order.
        now: aware moment, the clock's or the replay's.
        waivers: those that the product declares; the ledger's are among the events. A closed sprint is compared with
            the waivers that were in force when it closed.
        changed: verdicts and measurements that are not as they were written (`Records.changed`).
    """
    spoiled: dict[str, list[Changed]] = {}
    for one in changed:
        spoiled.setdefault(one.scope.key, []).append(one)
    declared, told = tuple(waivers), [event for event in events if event.product == product]
    asked = needed if callable(needed) else _same(tuple(needed))
    judged: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.product == product:
            judged.setdefault(verdict.sprint, []).append(verdict)
    measured: dict[str, dict[str, Measured]] = {}
    for (sprint, asset), measurement in measurements.items():
        measured.setdefault(sprint, {})[_name(asset)] = measurement
    happened: dict[str, list[Event]] = {}
    for event in told:
        if event.sprint:
            happened.setdefault(event.sprint, []).append(event)
    granted = [event for event in told if event.kind in (WAIVER, WITHDRAWN)]

    def in_force(closed: Event | None) -> tuple[Waiver, ...]:
        return declared + waivers_in(granted, closed.seq if closed else None)

    return [
        _row(
            product,
            sprint,
            calendar.timezone,
            asked,
            judged.get(sprint.key, []),
            measured.get(sprint.key, {}),
            happened.get(sprint.key, []),
            now,
            in_force,
            spoiled.get(sprint.key, []),
        )
        for sprint in calendar.sprints
    ]


def is_done(
    needed: Iterable[Need],
    verdicts: Iterable[Verdict],
    versions: Mapping[str, str],
    waivers: Iterable[Waiver] = (),
    now: datetime | None = None,
    changed: Iterable[Changed] = (),
) -> GateDecision:
    """The Definition of Done of one sprint, as a gate: open when it is done. Asset names are last names."""
    judged = [_with_last_name(verdict) for verdict in verdicts]
    return decide("done", needed, judged, versions, waivers, now, changed)


def _row(
    product: str,
    sprint: Sprint,
    timezone: str,
    needed: Callable[[str], Iterable[Need]],
    verdicts: list[Verdict],
    measured: Mapping[str, Measured],
    events: list[Event],
    now: datetime,
    waivers: Callable[[Event | None], tuple[Waiver, ...]],
    changed: list[Changed],
) -> SprintStatus:
    closed, decision, trigger = (_last(events, kind) for kind in (CLOSED, DECISION, TRIGGER))
    refused = _standing_refusals(events, measured)
    state = _state(sprint, closed, refused, now)
    versions = {asset: measurement.data_version for asset, measurement in measured.items()}
    begun = bool(measured or verdicts or closed or changed)
    gate = GateDecision(False)
    if begun:
        asked, judged_at = tuple(needed(sprint.key)), _judged_at(closed) if closed else now
        gate = is_done(asked, verdicts, versions, waivers(closed), judged_at, changed)
    first, days = _days_of(sprint, timezone, measured)
    decided = decision.body if decision else {}
    scores: ScoresFacts = _facts(measured, SCORES)
    drift: DriftFacts = _facts(measured, DRIFT)
    waived = {str(need) for need in gate.waived}
    missing = [reason for reason in gate.reasons if reason.split(": ")[0] not in waived]
    later = waivers(None)
    if (
        closed
        and not gate.open
        and later != waivers(closed)
        and is_done(asked, verdicts, versions, later, now, changed).open
    ):
        missing.append(
            "what is missing was waived since: materialize increment, and it closes on the waivers"
        )
    failure = standing(events).get(sprint.key)
    if failure:
        missing.insert(0, str(failure))
    if not closed:
        missing += ["its run has not reached the end"] if begun and not failure else []
        missing += refused
        if state is State.WAITING and not missing:
            missing.append("no file of it has been taken in")
    return SprintStatus(
        product=product,
        sprint=sprint.key,
        start=sprint.start.isoformat(),
        end=sprint.end.isoformat(),
        state=state,
        first_day=first,
        days=days,
        rows={
            asset: int(m.facts["rows"]) for asset, m in measured.items() if m.facts.get("rows") is not None
        },
        done=bool(closed) and gate.open,
        missing=missing,
        waived=[reason for reason in gate.reasons if reason.split(": ")[0] in waived],
        rules=_rules(verdicts),
        champion=_champion(measured),
        trained=_kind(decided.get("trigger")) if decided else _kind(trigger.body) if trigger else None,
        metrics=_metrics(scores.get("metrics")),
        positive_rate=_first(scores, "positive_rate", "late_rate"),
        mean_answer=_first(scores, "mean_answer"),
        shares=scores.get("shares"),
        drift=drift.get("state"),
        drift_why=drift.get("why") or None,
        decision=decided.get("decision"),
        why=str(failure) if failure else _why(decided, drift, refused),
        restated=restatements(events).get(sprint.key, []),
        approved=approval_of(events, INCREMENT, versions.get(INCREMENT), now),
        failed=failure.as_dict() if failure else None,
    )


def _judged_at(closed: Event) -> datetime:
    """The platform's moment of a closing. Older ones carry it in the body, the oldest have the wall clock's alone."""
    told = closed.body.get("judged_at")
    return datetime.fromisoformat(told) if told and closed.as_of is None else closed.platform_time


def _state(sprint: Sprint, closed: Event | None, refused: list[str], now: datetime) -> State:
    if closed:
        # A refused restatement changes nothing: what was accepted before still stands, so the sprint stays closed.
        return State.CLOSED
    if refused:
        return State.REFUSED
    if now < sprint.start:
        return State.PLANNED
    return State.OPEN if now < sprint.end else State.WAITING


def _standing_refusals(events: list[Event], measured: Mapping[str, Measured]) -> list[str]:
    """A sentence per source whose last file was refused and not fixed since (a later measurement fixes it)."""
    standing: dict[str, str] = {}
    for event in events:
        if event.kind != REFUSED:
            continue
        source = _name(str(event.body.get("source", "")))
        fixed = measured.get(source)
        if fixed is not None and fixed.at >= event.at:
            standing.pop(source, None)
            continue
        reason = event.body.get("reason") or event.body.get("why") or "see the quarantine folder"
        standing[source] = f"{source or 'a file'} was refused: {reason}"
    return list(standing.values())


def _rules(verdicts: list[Verdict]) -> dict[str, Any]:
    counts: dict[str, Any] = {str(outcome): 0 for outcome in Outcome}
    for verdict in verdicts:
        counts[str(verdict.outcome)] += 1
    counts["not_passing"] = sorted({verdict.code for verdict in verdicts if not verdict.passes})
    return counts


def _champion(measured: Mapping[str, Measured]) -> str | None:
    """The model that issued this sprint's predictions, as its measurements tell; None when none was issued."""
    scores: ScoresFacts = _facts(measured, SCORES)
    predictions: PredictionsFacts = _facts(measured, PREDICTIONS)
    return scores.get("champion") or predictions.get("champion") or None


def _days_of(sprint: Sprint, timezone: str, measured: Mapping[str, Measured]) -> tuple[str, int]:
    """The first day of a sprint and how many it has; of a closed one as recorded: another calendar moves neither."""
    increment, zone = measured.get(INCREMENT), zone_of(timezone)
    window: Sequence[str] = increment.facts.get("window", ()) if increment else ()
    if window:
        first, last = (date.fromisoformat(day) for day in window[:2])
        return first.isoformat(), (last - first).days + 1
    first, after = (moment.astimezone(zone).date() for moment in (sprint.start, sprint.end))
    return first.isoformat(), (after - first).days


def _facts(measured: Mapping[str, Measured], asset: str) -> Any:
    """What was recorded of an asset; empty for nothing, so that every key is read by `get`."""
    return measured[asset].facts if asset in measured else {}


def _metrics(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The metrics of the champion and of both baselines; None where no figure was measured."""
    names = [name for name in METRICS if name in (found or {})]
    if not found or all(found[name] is None for name in names):
        return None
    out: dict[str, Any] = {name: found[name] for name in names}
    for baseline in BASELINES:
        other = found.get(baseline)
        out[baseline] = {name: other.get(name) for name in names} if isinstance(other, Mapping) else None
    return out


def _why(decided: Mapping[str, Any], drift: DriftFacts, refused: list[str]) -> str | None:
    reasons = [str(decided.get("why") or drift.get("why") or ""), *refused]
    return "; ".join(reason for reason in reasons if reason) or None


def _last(events: list[Event], kind: str) -> Event | None:
    return next((event for event in reversed(events) if event.kind == kind), None)


def _kind(trigger: Any) -> str | None:
    """A trigger stands in the ledger by its kind alone or as a record that has one."""
    if isinstance(trigger, Mapping):
        trigger = trigger.get("kind")
    return str(trigger) if trigger and trigger != "none" else None


def _first(facts: Mapping[str, Any], *names: str) -> float | None:
    return next((float(facts[name]) for name in names if facts.get(name) is not None), None)


def _same(needs: tuple[Need, ...]) -> Callable[[str], Iterable[Need]]:
    return lambda _sprint: needs


def _name(asset: str) -> str:
    return asset.rsplit("/", 1)[-1]


def _with_last_name(verdict: Verdict) -> Verdict:
    if "/" not in verdict.asset:
        return verdict
    return replace(verdict, asset=_name(verdict.asset))
