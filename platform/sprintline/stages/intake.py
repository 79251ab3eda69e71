"""Intake: what a sprint's verdicts show becomes sightings and recoveries in the ledger, of which the backlog is."""

from __future__ import annotations

from collections.abc import Iterable

from sprintline.core.acts import waivers_in
from sprintline.core.backlog import Entry, Finding, Item, Seen, board, fingerprint, intake, seen_in
from sprintline.core.gates import Waiver, waivers_of
from sprintline.core.verdicts import Verdict
from sprintline.rules import RULES
from sprintline.rules.delivery import ALONE
from sprintline.stages.runtime import Runtime

_DRIFT_RULE = "MO501"

_GIVEN_UP = ("RUN", "increment", "given up")
"""Code, asset and cause of the finding that nobody's rule makes: a sprint whose runs failed too often."""


def take_in(runtime: Runtime, sprint: str, actor: str, *, reached_end: bool = False) -> list[Entry]:
    """Tell the ledger what a sprint shows by now, and the closed sprints after it: one may be its recovery.

    reached_end: its run got to the increment, so nothing of it is given up. Returns what was new; nothing the second
    time.
    """
    keys, closed = runtime.calendar.keys, runtime.history("increment")
    after = keys[keys.index(sprint) + 1 :]
    seen = {key: _seen(runtime, key) for key in (sprint, *(key for key in after if key in closed))}
    if reached_end:
        seen[sprint] |= Seen(held=frozenset({fingerprint(runtime.product, *_GIVEN_UP)}))
    return _tell(runtime, seen, actor)


def sight_given_up(runtime: Runtime, sprint: str, why: str, files: str, actor: str) -> list[Entry]:
    """Tell the ledger of a sprint whose runs were given up. files: digest of what they failed on."""
    code, asset, cause = _GIVEN_UP
    finding = Finding(
        product=runtime.product,
        code=code,
        asset=asset,
        cause=cause,
        what="the run reaches its end: given up",
        severity="error",
        outcome="fail",
        sentence=why,
        data_version=files,
    )
    return _tell(runtime, {sprint: Seen((finding,))}, actor)


def given_up(runtime: Runtime, sprint: str, files: str) -> str | None:
    """What was told of a sprint whose runs were given up on these very files, or None."""
    told = (
        item.evidence["sentence"]
        for item in board_of(runtime)
        if item.open
        and (item.code, item.asset, item.cause) == _GIVEN_UP
        and (item.evidence["sprint"], item.evidence["data_version"]) == (sprint, files)
    )
    return next(told, None)


def board_of(runtime: Runtime) -> list[Item]:
    """The product's backlog as it stands."""
    events = runtime.records.events(product=runtime.product)
    return board(runtime.product, runtime.spec.team.owner, events, runtime.calendar.keys)


def waivers(runtime: Runtime) -> tuple[Waiver, ...]:
    """All waivers of the product, declared or recorded, also those that have run out: every gate reads these."""
    return waivers_of(runtime.spec.rules) + waivers_in(runtime.records.events(product=runtime.product))


def _tell(runtime: Runtime, seen: dict[str, Seen], actor: str) -> list[Entry]:
    events = runtime.records.events(product=runtime.product)
    entries = intake(seen, events, runtime.calendar.keys)
    for one in entries:
        runtime.records.append(one.kind, runtime.product, one.sprint, actor, one.body, key=one.key)
    return entries


def _seen(runtime: Runtime, sprint: str) -> Seen:
    verdicts = [one for one in runtime.records.verdicts(runtime.product, sprint) if _counts(one)]
    seen = seen_in(verdicts, {code: rule.name for code, rule in RULES.items()}, ALONE)
    drift = runtime.measured("drift", sprint)
    if drift and drift.facts.get("state") == "suspected":
        # Suspected is neither found nor gone: an open item stays open, and none is opened.
        gone = {
            fingerprint(one.product, one.code, one.asset, one.subject)
            for one in verdicts
            if one.asset == "drift"
        }
        return Seen(seen.findings, seen.held - gone)
    return seen


def _counts(verdict: Verdict) -> bool:
    """Whether a verdict is for the backlog.

    A candidate that is held is a decision and no finding: only what a sprint owes to be Done counts of it. Of drift
    only its state counts, which the values, the gaps and the errors of several sprints went into: one item, not three.
    """
    rule = RULES.get(verdict.code)
    if rule is None or rule.judges == "drift":
        return verdict.code == _DRIFT_RULE
    return rule.done or rule.judges != "candidate"


def stops_the_run(verdicts: Iterable[Verdict]) -> bool:
    """Whether a run ends at these verdicts, so that nothing downstream will take them in."""
    return any(not one.passes and one.severity == "error" for one in verdicts)
