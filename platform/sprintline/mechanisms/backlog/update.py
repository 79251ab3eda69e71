"""Intake: what a sprint's verdicts show becomes sightings and recoveries in the ledger, of which the backlog is."""

from __future__ import annotations

from collections.abc import Iterable

from sprintline.mechanisms.backlog.items import (
    Entry,
    Finding,
    Item,
    Seen,
    board,
    fingerprint,
    new_entries,
    seen_in,
)
from sprintline.mechanisms.context import Context
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Verdict

_GIVEN_UP = ("RUN", "increment", "given up")
"""Code, asset and cause of the finding that no rule makes: a sprint whose runs failed too often."""


def update_from_verdicts(
    context: Context, sprint: str, actor: str, *, reached_end: bool = False
) -> list[Entry]:
    """Tell the ledger what a sprint shows by now, and the closed sprints after it: one may be its recovery.

    reached_end: its run got to the increment, so nothing of it is given up. Returns what was new; nothing the second
    time.
    """
    keys, closed = context.calendar.keys, context.history("increment")
    after = keys[keys.index(sprint) + 1 :]
    seen = {key: _seen(context, key) for key in (sprint, *(key for key in after if key in closed))}
    if reached_end:
        seen[sprint] |= Seen(held=frozenset({fingerprint(context.product, *_GIVEN_UP)}))
    seen[sprint] |= Seen(held=_of_rules_that_do_not_apply(context))
    return _tell(context, seen, actor)


def sight_given_up(context: Context, sprint: str, why: str, tried: str, actor: str) -> list[Entry]:
    """Tell the ledger of a sprint whose runs were given up. tried: the files and code they failed on."""
    code, asset, cause = _GIVEN_UP
    finding = Finding(
        product=context.product,
        code=code,
        asset=asset,
        cause=cause,
        what="the run reaches its end: given up",
        severity="error",
        outcome="fail",
        sentence=why,
        data_version=tried,
    )
    return _tell(context, {sprint: Seen((finding,))}, actor)


def sight_recovered(context: Context, sprint: str, actor: str) -> list[Entry]:
    """Tell the ledger that a run of a sprint did what had been given up."""
    held = frozenset({fingerprint(context.product, *_GIVEN_UP)})
    return _tell(context, {sprint: Seen(held=held)}, actor)


def given_up(context: Context, sprint: str, *tried: str) -> str | None:
    """What was reported of a sprint whose runs were given up on one of these, or None."""
    told = (
        item.evidence["sentence"]
        for item in board_of(context)
        if item.open
        and (item.code, item.asset, item.cause) == _GIVEN_UP
        and item.evidence["sprint"] == sprint
        and item.evidence["data_version"] in tried
    )
    return next(told, None)


def board_of(context: Context) -> list[Item]:
    """The product's backlog as it stands."""
    events = context.records.events(product=context.product)
    return board(context.product, context.owner, events, context.calendar.keys)


def _tell(context: Context, seen: dict[str, Seen], actor: str) -> list[Entry]:
    events = context.records.events(product=context.product)
    entries = new_entries(seen, events, context.calendar.keys)
    for one in entries:
        context.records.append(one.kind, context.product, one.sprint, actor, one.body, key=one.key)
    return entries


def _seen(context: Context, sprint: str) -> Seen:
    rules = all_rules()
    verdicts = [
        one
        for one in context.records.verdicts(context.product, sprint)
        if (rule := rules.get(one.code)) is not None and rule.tracked and rule.applies(context)
    ]
    alone = {code for code, rule in rules.items() if rule.per_sprint}
    seen = seen_in(verdicts, {code: rule.name for code, rule in rules.items()}, alone)
    # What is not settled is neither found nor gone: an open item stays open, and none is opened.
    open_ = {
        fingerprint(one.product, one.code, one.asset, one.subject)
        for one in verdicts
        if not _settled(context, rules[one.code].judges, one.asset, sprint)
    }
    return Seen(seen.findings, seen.held - open_)


def _of_rules_that_do_not_apply(context: Context) -> frozenset[str]:
    """Open items of rules whose declaration the product has withdrawn: no verdict will ever close them."""
    gone = {code for code, rule in all_rules().items() if not rule.applies(context)}
    return (
        frozenset(item.fingerprint for item in board_of(context) if item.open and item.code in gone)
        if gone
        else frozenset()
    )


def _settled(context: Context, kind: str, asset: str, sprint: str) -> bool:
    found = context.measured(asset, sprint)
    return found is None or kinds()[kind].settled(found.facts)


def stops_the_run(verdicts: Iterable[Verdict]) -> bool:
    """Whether a run ends at these verdicts, so that nothing downstream will take them in."""
    return any(not one.passes and one.severity == "error" for one in verdicts)
