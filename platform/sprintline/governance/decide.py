"""Waive, approve, attest: what the command line and the Dagster UI both call, and where it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sprintline.base.hashing import canonical_json, text_hash
from sprintline.governance import acts
from sprintline.governance.events import APPROVAL
from sprintline.mechanisms.backlog.events import ASSIGNED, ITEM_CLOSED, PLANNED, PRIORITISED, STARTED
from sprintline.mechanisms.backlog.items import (
    PRIORITIES,
    WORK,
    BacklogError,
    Item,
    chosen,
    fingerprint,
)
from sprintline.mechanisms.backlog.update import board_of, update_from_verdicts
from sprintline.mechanisms.declaration.located_yaml import suggest
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules import waivers
from sprintline.mechanisms.rules.events import ATTESTATION, WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import Waiver, waivers_of
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.rulebook import assets_by_rule
from sprintline.mechanisms.rules.run_rules import judge_asset
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime
from sprintline.product.spec import INCREMENT


@dataclass(frozen=True)
class Act:
    """A recorded decision. event: as it stands in the ledger. sentences: what came of it, sentence by sentence."""

    event: Event
    sentences: tuple[str, ...]


def waive(
    runtime: Runtime, actor: str, *, code: str, reason: str, expires: str, approver: str, asset: str = ""
) -> Act:
    """Let gates open in spite of a rule, until the end of a day. Raises acts.ActError."""
    body = acts.waiver(
        code=code, asset=asset, reason=reason, expires=expires, approver=approver,
        now=runtime.clock.now(), judged=assets_by_rule(runtime),
    )  # fmt: skip
    event, new = _record(runtime, WAIVER, None, actor, body)
    where = f"{body['code']} on {body['asset'] or 'every asset it judges'}"
    told = [f"{where} is waived until the end of {body['expires']} (UTC): {_place(event, new)}"]
    if waiting := closed_without(runtime, body):
        told.append(
            f"Closed without it: {', '.join(waiting)}. The landing sensor closes them again under it while "
            f"`sprintline ui` is open; or materialize {runtime.product}/{INCREMENT} for them"
        )
    return Act(event, tuple(told))


def withdraw(runtime: Runtime, actor: str, *, code: str, reason: str, asset: str = "") -> Act:
    """Take back the waivers in force for a rule on an asset. Raises acts.ActError."""
    events = runtime.records.events(product=runtime.product)
    body = acts.withdrawal(code=code, asset=asset, reason=reason, events=events, now=runtime.clock.now())
    event, new = _record(runtime, WITHDRAWN, None, actor, body)
    where = f"{body['code']} on {body['asset'] or 'every asset it judges'}"
    return Act(
        event,
        (
            f"The waiver of {where} is withdrawn: {_place(event, new)}",
            "Sprints that closed while it was in force stay as they closed",
        ),
    )


def approve(
    runtime: Runtime,
    actor: str,
    *,
    sprint: str,
    reason: str,
    expires: str,
    approver: str,
    asset: str = INCREMENT,
) -> Act:
    """Say that a named person looked at one asset's sprint and accepts it as it is. Raises acts.ActError."""
    _known_sprint(runtime, sprint)
    measured = runtime.measured(asset.strip(), sprint)
    body = acts.approval(
        asset=asset,
        data_version=measured.data_version if measured else None,
        reason=reason,
        expires=expires,
        approver=approver,
        now=runtime.clock.now(),
        assets=sorted({name for names in assets_by_rule(runtime).values() for name in names}),
    )
    event, new = _record(runtime, APPROVAL, sprint, actor, body)
    told = f"{body['asset']} of {sprint} is approved as data version {str(body['data_version'])[:12]}"
    return Act(event, (f"{told}: {_place(event, new)}", "The approval lapses when the data change"))


def attest(
    runtime: Runtime, actor: str, *, code: str, sprint: str, claim: str, evidence: str, attester: str,
    asset: str = "", expires: str = "",
) -> Act:  # fmt: skip
    """Record a person's claim and its evidence, and judge again where a rule reads it. Raises acts.ActError."""
    _known_sprint(runtime, sprint)
    judged = assets_by_rule(runtime)
    named = [asset.strip()] if asset.strip() else list(judged.get(code.strip(), ()))
    measured = runtime.measured(named[0], sprint) if len(named) == 1 else None
    body = acts.attestation(
        code=code, asset=asset, claim=claim, evidence=evidence, expires=expires, attester=attester,
        about=measured.data_version if measured else None, now=runtime.clock.now(), judged=judged,
    )  # fmt: skip
    event, new = _record(runtime, ATTESTATION, sprint, actor, body)
    told = [f"{body['code']} of {sprint} is attested by {body['attester']}: {_place(event, new)}"]
    if all_rules()[body["code"]].judges == INCREMENT and runtime.measured(INCREMENT, sprint):
        verdict = next(
            one for one in judge_asset(runtime, INCREMENT, INCREMENT, sprint) if one.code == body["code"]
        )
        update_from_verdicts(runtime, sprint, actor)
        told.append(f"The rule now says {verdict.outcome}: {verdict.sentence}")
    else:
        told.append("The rule reads it when it is judged next: a decided sprint stays as it is")
    return Act(event, tuple(told))


def assign(runtime: Runtime, actor: str, *, item: str, owner: str) -> Item:
    """Give an item of the backlog to somebody. Raises BacklogError, acts.ActError."""
    found = chosen(board_of(runtime), item)
    body = {"item": found.fingerprint, "owner": acts.named("owner", owner)}
    if found.owner != body["owner"]:
        runtime.records.append(ASSIGNED, runtime.product, None, actor, body)
    return chosen(board_of(runtime), item)


def plan_item(runtime: Runtime, actor: str, *, title: str, kind: str, sprint: str) -> Item:
    """Plan work for a sprint as an item of the backlog; the same title of the same kind moves to the other sprint.

    Raises:
        BacklogError: a kind that does not exist. acts.ActError: no title, or no such sprint.
    """
    _known_sprint(runtime, sprint)
    if kind not in WORK:
        raise BacklogError(f"{kind} is not a kind of planned work: use {', '.join(WORK[:-1])} or {WORK[-1]}")
    what = acts.worded("title", title)
    name = fingerprint(runtime.product, kind, "", what)
    found = next((one for one in board_of(runtime) if one.fingerprint == name), None)
    if found is None or not found.open or found.last != sprint:
        body = {"item": name, "kind": kind, "what": what}
        runtime.records.append(PLANNED, runtime.product, sprint, actor, body)
    return chosen(board_of(runtime), name)


def prioritise(runtime: Runtime, actor: str, *, item: str, priority: str) -> Item:
    """Set the priority of an item. Raises BacklogError for an item or a priority that does not exist."""
    found = chosen(board_of(runtime), item)
    if priority not in PRIORITIES:
        raise BacklogError(
            f"{priority} is not a priority: use {', '.join(PRIORITIES[:-1])} or {PRIORITIES[-1]}"
        )
    if found.priority != priority:
        body = {"item": found.fingerprint, "priority": priority}
        runtime.records.append(PRIORITISED, runtime.product, None, actor, body)
    return chosen(board_of(runtime), item)


def start_item(runtime: Runtime, actor: str, *, item: str) -> Item:
    """Record that work on an item begins; of several starts the first counts. Raises BacklogError when it is closed."""
    found = chosen(board_of(runtime), item)
    if not found.open:
        raise BacklogError(f"{found.id} is closed: only work on an open item can start")
    if found.started is None:
        runtime.records.append(STARTED, runtime.product, None, actor, {"item": found.fingerprint})
    return chosen(board_of(runtime), item)


def close_item(runtime: Runtime, actor: str, *, item: str, reason: str) -> Item:
    """Close an item by hand; its next sighting opens it again. Raises BacklogError, acts.ActError."""
    found = chosen(board_of(runtime), item)
    body = {"item": found.fingerprint, "reason": acts.worded("reason", reason)}
    if found.open:
        runtime.records.append(ITEM_CLOSED, runtime.product, None, actor, body)
    return chosen(board_of(runtime), item)


def waiver_rows(runtime: Runtime, recorded: bool = True) -> list[dict[str, Any]]:
    """Every waiver of a product with its state, declared ones first. recorded: look into the ledger too."""
    now, declared = runtime.clock.now(), waivers_of(runtime.spec.rules)
    granted = waivers.granted(runtime.records.events(product=runtime.product)) if recorded else ()
    listed: list[tuple[Waiver, str, int | None]] = [(one, "defs.yaml", None) for one in declared]
    listed += [(one.waiver, f"event {one.event} by {one.actor}", one.event) for one in granted]
    return [
        {
            "product": runtime.product,
            "code": one.code,
            "asset": one.asset or None,
            "state": waivers.state_of(one, now),
            "approver": one.approver,
            "reason": one.reason,
            "expires": str(one.expires),
            "withdrawn": one.withdrawn or None,
            "source": source,
            "event": event,
        }
        for one, source, event in listed
    ]


def closed_without(runtime: Runtime, body: Mapping[str, Any]) -> list[str]:
    """Sprints that closed, not Done, for want of what a waiver lets through; in the order of the calendar."""
    closings = {event.sprint: event for event in runtime.records.events(product=runtime.product, kind=CLOSED)}
    return [
        key
        for key in runtime.calendar.keys
        if key in closings
        and not closings[key].body["done"]
        and waivers.opens(body, closings[key].body.get("needs", ()))
    ]


def _record(
    runtime: Runtime, kind: str, sprint: str | None, actor: str, body: Mapping[str, Any]
) -> tuple[Event, bool]:
    """Append a decision, unless the very same stands already; whether it is new."""
    events = runtime.records.events(product=runtime.product)
    same = [
        event
        for event in events
        if (event.kind, event.sprint, dict(event.body)) == (kind, sprint, dict(body))
    ]
    taken_back = {one.event for one in waivers.granted(events) if one.waiver.withdrawn}
    if same and same[-1].seq not in taken_back:
        return same[-1], False
    key = f"{text_hash(canonical_json(body))}:{len(same)}"
    return runtime.records.append(kind, runtime.product, sprint, actor, body, key=key), True


def _place(event: Event, new: bool) -> str:
    return f"event {event.seq} of the ledger, by {event.actor}" + ("" if new else ", which was there already")


def _known_sprint(runtime: Runtime, sprint: str) -> None:
    if sprint not in runtime.calendar.keys:
        near = suggest(sprint, runtime.calendar.keys) if sprint else "name one of `sprintline status`"
        raise acts.ActError(
            f"there is no sprint {sprint or '(empty)'} in the plan of {runtime.product}: {near}"
        )
