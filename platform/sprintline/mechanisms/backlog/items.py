"""The backlog: a projection of the ledger. What was found becomes an item, and an item remembers its own past.

A finding has a fingerprint of product, code, asset and cause, the same in every sprint. Its first sighting opens an
item, each further sprint that shows it is another sighting, a sprint that shows it gone closes the item, and a relapse
opens the same item again. Beside that people plan work as items of their own, and assign, prioritise, start and close
items. Only these events are written down; the board is folded from them.

What a sprint says of a finding is its latest word: a restated sprint may take back what it said. The board follows the
calendar, not the order in which the words came in, so sprints closed out of order, or again, give the same board.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sprintline.base.hashing import canonical_json, text_hash
from sprintline.mechanisms.backlog.events import (
    ASSIGNED,
    FINDING,
    ITEM_CLOSED,
    KINDS,
    PLANNED,
    PRIORITISED,
    RECOVERED,
    STARTED,
)
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict

PRIORITIES = ("high", "normal", "low")
"""From the most urgent on. Until a person sets one, an error is high and a warning normal."""

WORK = ("goal", "task", "spike", "debt")
"""Kinds of planned work."""

NO_EVIDENCE = "no evidence"
ID_LENGTH = 8
_RANK = {"error": 0, "warn": 1}


class BacklogError(ValueError):
    """What a person asked of an item cannot be done; one sentence."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, in one sprint.

    cause: tells apart what one rule may find on one asset: a subject of the rule, missing evidence, a sprint of its
    own; empty for the usual. what: the claim that does not hold, in words. sentence, outcome, data_version: the
    verdict's, by which it is found again.
    """

    product: str
    code: str
    asset: str
    cause: str
    what: str
    severity: str
    outcome: str
    sentence: str
    data_version: str

    @property
    def item(self) -> str:
        return fingerprint(self.product, self.code, self.asset, self.cause)

    def body(self) -> dict[str, Any]:
        """What the ledger keeps of a sighting."""
        return {
            "item": self.item,
            **{name: value for name, value in asdict(self).items() if name != "product"},
        }


def fingerprint(product: str, code: str, asset: str, cause: str) -> str:
    """32 hex characters that represent the same finding in every sprint."""
    return text_hash(canonical_json([product, code, asset, cause]))


@dataclass(frozen=True)
class Seen:
    """What one sprint shows: findings, and fingerprints of what it shows to be in order."""

    findings: tuple[Finding, ...] = ()
    held: frozenset[str] = frozenset()

    def __or__(self, other: Seen) -> Seen:
        return Seen((*self.findings, *other.findings), self.held | other.held)


def seen_in(verdicts: Iterable[Verdict], claims: Mapping[str, str], alone: Collection[str] = ()) -> Seen:
    """What a sprint's verdicts show.

    A failure is cleared only by a pass, never by missing evidence. Missing evidence is a finding of its own, and
    is over as soon as there is evidence again, whatever it says.

    Args:
        verdicts: the latest of one product and sprint.
        claims: name of each rule by its code, the claim it makes.
        alone: codes of rules whose failure in one sprint says nothing of the next: each sprint is an item of its own.
    """
    findings: list[Finding] = []
    held: set[str] = set()
    for verdict in verdicts:
        cause = " ".join(
            part for part in (verdict.subject, verdict.sprint if verdict.code in alone else "") if part
        )
        # One item of all sprints without evidence: the first sprints of a product often have none.
        blind = f"{verdict.subject} {NO_EVIDENCE}".strip()
        claim = claims.get(verdict.code, verdict.code).replace("_", " ")
        if verdict.outcome is Outcome.INSUFFICIENT:
            findings.append(_finding(verdict, blind, f"{claim}: {NO_EVIDENCE}"))
            continue
        held.add(fingerprint(verdict.product, verdict.code, verdict.asset, blind))
        if verdict.passes:
            held.add(fingerprint(verdict.product, verdict.code, verdict.asset, cause))
        else:
            findings.append(_finding(verdict, cause, f"{claim}: does not hold"))
    return Seen(tuple(findings), frozenset(held))


def _finding(verdict: Verdict, cause: str, what: str) -> Finding:
    return Finding(
        product=verdict.product,
        code=verdict.code,
        asset=verdict.asset,
        cause=cause,
        what=what,
        severity=str(verdict.severity),
        outcome=str(verdict.outcome),
        sentence=verdict.sentence,
        data_version=verdict.data_version,
    )


@dataclass(frozen=True)
class Entry:
    """An event to append. `key` makes it one, however many write it at once."""

    kind: str
    sprint: str
    key: str
    body: dict[str, Any]


def new_entries(seen: Mapping[str, Seen], events: Iterable[Event], order: Sequence[str]) -> list[Entry]:
    """What the ledger has not been told yet. Told again, nothing: running a sprint twice adds no sighting.

    Args:
        seen: what each sprint shows, one sprint or more.
        events: the product's, in order.
        order: every sprint of the calendar, oldest first. Where an older sprint is taken in again, the later ones
            belong into `seen` too: one of them may be the recovery.
    """
    place = {sprint: number for number, sprint in enumerate(order)}
    words = _words(events)
    entries: list[Entry] = []

    def say(kind: str, sprint: str, body: dict[str, Any]) -> None:
        said = words.setdefault(body["item"], {}).setdefault(sprint, [])
        entries.append(Entry(kind, sprint, f"{body['item']}:{len(said)}", body))
        said.append((kind, body))

    for sprint in sorted(seen, key=place.__getitem__):
        for finding in seen[sprint].findings:
            said = words.get(finding.item, {}).get(sprint)
            if not said or said[-1] != (FINDING, finding.body()):
                say(FINDING, sprint, finding.body())
        sighted = {finding.item for finding in seen[sprint].findings}
        for item in sorted((seen[sprint].held & words.keys()) - sighted):
            said = words[item].get(sprint)
            if said:
                stands = said[-1][0] == FINDING
            else:
                before = [one for one in words[item] if place[one] < place[sprint]]
                stands = bool(before) and words[item][max(before, key=place.__getitem__)][-1][0] == FINDING
            if stands:
                say(RECOVERED, sprint, {"item": item})
    return entries


def _words(events: Iterable[Event]) -> dict[str, dict[str, list[tuple[str, dict[str, Any]]]]]:
    """What was said of each item, by sprint, in the order in which it was said."""
    words: dict[str, dict[str, list[tuple[str, dict[str, Any]]]]] = {}
    for event in events:
        if event.kind in (FINDING, RECOVERED) and event.sprint is not None:
            by_sprint = words.setdefault(event.body["item"], {})
            by_sprint.setdefault(event.sprint, []).append((event.kind, dict(event.body)))
    return words


@dataclass(frozen=True)
class Item:
    """One item of the board.

    Attributes:
        id: short name, enough to call it by; fingerprint: the whole one.
        kind: `finding`, or one of `WORK`. Planned work has no code, asset, cause, severity and sightings; `first` and
            `last` are the sprints it was first and last planned for.
        priority: one of `PRIORITIES`, a person's or by severity.
        started, started_by: when work on its present episode began, in the platform's time (ISO), and who began it.
        state: `open` or `closed`.
        sightings: sprints in which it was found, however often they were run.
        since: first sprint of the present episode, or of the last one; first: of all.
        last: newest sprint in which it was found.
        recovered: sprint that showed it gone; None while open or when a person closed it.
        closed_by, closed_why: the person who closed it, and the reason.
        reopened: how often it came back.
        evidence: the newest sighting's sentence, and the verdict it depends on.
    """

    id: str
    fingerprint: str
    product: str
    code: str
    asset: str
    cause: str
    what: str
    state: str
    severity: str
    owner: str
    sightings: int
    since: str
    first: str
    last: str
    recovered: str | None
    closed_by: str | None
    closed_why: str | None
    reopened: int
    kind: str = FINDING
    priority: str = "normal"
    started: str | None = None
    started_by: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.state == "open"

    @property
    def name(self) -> str:
        """The item in a few words: its id, and the rule and asset or the title."""
        return f"{self.id} ({f'{self.code} on {self.asset}' if self.kind == FINDING else self.what})"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def board(product: str, owner: str, events: Iterable[Event], order: Sequence[str]) -> list[Item]:
    """Every item of a product: open ones first, by priority, errors before warnings, the longest seen first.

    Args:
        product: whose; events of others are passed over.
        owner: who answers for an item that no one was given.
        events: the ledger's, in order.
        order: every sprint of the calendar, oldest first.
    """
    by_item: dict[str, list[Event]] = {}
    for event in events:
        if event.product == product and event.kind in KINDS:
            by_item.setdefault(event.body["item"], []).append(event)
    items = [
        item
        for name, said in by_item.items()
        if (item := _item(name, product, owner, said, order)) is not None
    ]
    ranked = sorted(
        items,
        key=lambda one: (
            PRIORITIES.index(one.priority), _RANK.get(one.severity, 2), -one.sightings, one.since, one.code, one.id
        ),
    )  # fmt: skip
    return sorted(ranked, key=lambda one: not one.open)


def counts(items: Iterable[Item]) -> dict[str, int]:
    """Open items in all and by severity, and closed ones."""
    listed = list(items)
    found = [item.severity for item in listed if item.open]
    by_severity = {str(severity): found.count(str(severity)) for severity in Severity}
    return {"open": len(found), **by_severity, "closed": len(listed) - len(found)}


def chosen(items: Iterable[Item], name: str) -> Item:
    """The item with that id, or whose fingerprint begins with it.

    Raises:
        BacklogError: there is none, or more than one.
    """
    wanted = name.strip().lower()
    found = [item for item in items if wanted and item.fingerprint.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BacklogError(
            f"there is no item {name}: `sprintline backlog --all` lists every item with its id"
        )
    raise BacklogError(
        f"{name} begins {len(found)} items: {', '.join(item.id for item in found)}; write more of it"
    )


def _item(name: str, product: str, owner: str, events: list[Event], order: Sequence[str]) -> Item | None:
    place = {sprint: number for number, sprint in enumerate(order)}
    findings = [event for event in events if event.kind == FINDING and event.sprint in place]
    if not findings:
        return _planned(name, product, owner, events)
    said: dict[str, list[Event]] = {}
    for event in events:
        if event.kind in (FINDING, RECOVERED) and event.sprint is not None and event.sprint in place:
            said.setdefault(event.sprint, []).append(event)
    ordered = sorted(said, key=place.__getitem__)
    sighted = [sprint for sprint in ordered if any(event.kind == FINDING for event in said[sprint])]
    episodes = list(_episodes(ordered, said))
    since, recovered = episodes[-1]
    newest = max(findings, key=lambda event: (place[event.sprint or ""], event.seq))
    closings = [event for event in events if event.kind == ITEM_CLOSED]
    last_seen = max(event.seq for event in findings)
    closed = closings[-1] if closings and closings[-1].seq > last_seen else None
    by_person = closed if recovered is None else None
    return Item(
        id=name[:ID_LENGTH],
        fingerprint=name,
        product=product,
        code=newest.body["code"],
        asset=newest.body["asset"],
        cause=newest.body["cause"],
        what=newest.body["what"],
        state="closed" if recovered is not None or closed is not None else "open",
        severity=newest.body["severity"],
        sightings=len(sighted),
        since=since,
        first=sighted[0],
        last=sighted[-1],
        recovered=recovered,
        closed_by=by_person.actor if by_person else None,
        closed_why=str(by_person.body["reason"]) if by_person else None,
        reopened=len(episodes) - 1 + sum(closing.seq < last_seen for closing in closings),
        kind=str(newest.body.get("kind", FINDING)),
        **_by_people(events, last_seen, owner, default_priority(newest.body["severity"])),
        evidence={
            "sentence": newest.body["sentence"],
            "sprint": str(newest.sprint),
            "outcome": newest.body["outcome"],
            "data_version": newest.body["data_version"],
        },
    )


def _planned(name: str, product: str, owner: str, events: Sequence[Event]) -> Item | None:
    """The item of work that people planned; None when no one did. It stays when its sprint leaves the calendar."""
    planned = [event for event in events if event.kind == PLANNED]
    if not planned:
        return None
    newest = planned[-1]
    closings = [event for event in events if event.kind == ITEM_CLOSED]
    closed = closings[-1] if closings and closings[-1].seq > newest.seq else None
    return Item(
        id=name[:ID_LENGTH],
        fingerprint=name,
        product=product,
        code="",
        asset="",
        cause="",
        what=newest.body["what"],
        state="closed" if closed else "open",
        severity="",
        sightings=0,
        since=str(newest.sprint),
        first=str(planned[0].sprint),
        last=str(newest.sprint),
        recovered=None,
        closed_by=closed.actor if closed else None,
        closed_why=str(closed.body["reason"]) if closed else None,
        reopened=sum(closing.seq < newest.seq for closing in closings),
        kind=str(newest.body["kind"]),
        **_by_people(events, newest.seq, owner, "normal"),
        evidence={
            "sentence": f"planned by {newest.actor}",
            "sprint": str(newest.sprint),
            "outcome": "",
            "data_version": "",
        },
    )


def _by_people(events: Sequence[Event], opened: int, owner: str, priority: str) -> dict[str, Any]:
    """What people said of an item: owner, priority, and the start of its present episode."""
    assigned = [event for event in events if event.kind == ASSIGNED]
    prioritised = [event for event in events if event.kind == PRIORITISED]
    started = _start(events, opened)
    return {
        "owner": str(assigned[-1].body["owner"]) if assigned else owner,
        "priority": str(prioritised[-1].body["priority"]) if prioritised else priority,
        "started": started.platform_time.isoformat() if started else None,
        "started_by": started.actor if started else None,
    }


def default_priority(severity: str) -> str:
    """The priority that goes with a severity."""
    return "high" if severity == Severity.ERROR else "normal"


def _start(events: Sequence[Event], last_seen: int) -> Event | None:
    """The first start since the item was last opened; what was started on an earlier episode was finished with it."""
    ended = max(
        (one.seq for one in events if one.kind in (RECOVERED, ITEM_CLOSED) and one.seq < last_seen), default=0
    )
    return next((one for one in events if one.kind == STARTED and one.seq > ended), None)


def _episodes(
    ordered: Sequence[str], said: Mapping[str, Sequence[Event]]
) -> Iterator[tuple[str, str | None]]:
    """First sprint of each run of sightings, and the sprint that ended it (None while it lasts)."""
    since: str | None = None
    for sprint in ordered:
        if any(event.kind == FINDING for event in said[sprint]):
            since = since or sprint
        if since is not None and said[sprint][-1].kind == RECOVERED:
            yield since, sprint
            since = None
    if since is not None:
        yield since, None
