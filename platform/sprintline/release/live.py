"""Which model of a product is live: one state machine, folded from the events of the ledger.

Everything that asks who answers, who answered or who is to be replaced asks here. This is the only module that reads
what a decision says of the champion before and after it. Another kind of event that moves a release adds a reader to
`READERS`, and its steps to `stages.TRANSITIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import merge
from typing import TYPE_CHECKING, Any

from sprintline.mechanisms.ledger.events import REMOVED
from sprintline.product.past import PastMissing, undecided
from sprintline.release.stages import LIVE, Act, Stage, TransitionRefused, stage_after

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.chain import Event
    from sprintline.mechanisms.ledger.records import Records
    from sprintline.product.runtime import Runtime


EARLIER = "earlier"
"""Decision of a model that was live before the events begin."""


class ReleaseStateError(ValueError):
    """Events of the ledger contradict each other about what is live."""


@dataclass(frozen=True)
class Live:
    """A model that is or was live, and the move that made it so.

    Attributes:
        model_id: the model.
        release_digest: SHA-256 of its release's manifest; None where the event did not record it.
        decision: what was decided, like `bootstrap` or `promote`.
        why: the recorded reason.
        sprint: the sprint whose closing decided it. The model answers the questions of the sprints after it.
        event: sequence number of the event in the ledger.
        at: moment of the event (aware).
        actor: who did it.
        replaced: the model that was live before; None for the first.
    """

    model_id: str
    release_digest: str | None
    decision: str
    why: str
    sprint: str | None
    event: int
    at: datetime
    actor: str
    replaced: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True)
class Releases:
    """What the events so far make of a product's models.

    Attributes:
        live: what is live; None when nothing is.
        moves: every model that became live, oldest first.
        stages: stage by model, in the order in which the models were proposed.
    """

    live: Live | None
    moves: tuple[Live, ...]
    stages: Mapping[str, Stage]

    @property
    def newest(self) -> str | None:
        """The model that was proposed last."""
        return next(reversed(list(self.stages)), None)


@dataclass(frozen=True)
class Recorded:
    """What one event says: the model live before and after it, the acts in order, and the reason."""

    before: str | None
    after: str | None
    acts: tuple[tuple[str, Act], ...]
    decision: str
    why: str
    release_digest: str | None = None

    @property
    def moves(self) -> bool:
        return self.before != self.after


def read_decision(body: Mapping[str, Any]) -> Recorded:
    """The decision of a closing sprint. A hold, a tie or no candidate leaves live what was live."""
    before, after, candidate = body["champion_before"], body["champion_after"], body.get("candidate")
    acts: list[tuple[str, Act]] = []
    # A decision that names no candidate proposes what it makes live.
    if proposed := candidate or (after if after != before else None):
        acts.append((proposed, Act.PROPOSE))
    if after != before:
        acts += [(before, Act.REPLACE)] if before else []
        acts += [(after, Act.PROMOTE)] if after else []
    return Recorded(before, after, tuple(acts), body["decision"], body["why"], body.get("release_digest"))


READERS: dict[str, Callable[[Mapping[str, Any]], Recorded]] = {"decision": read_decision}
"""Kinds of events that move releases, and what each says."""


def fold(events: Iterable[Event]) -> Releases:
    """What one product's events, in their order, make of its models. Pure.

    It may begin at any event: the first one says what was live before it. A removal of the product begins again.

    Raises:
        ReleaseStateError: an event does not follow from those before it: it names another model as live before it, or
            asks for a step that `stages.TRANSITIONS` does not have, or leaves two models live.
    """
    stages: dict[str, Stage] = {}
    moves: list[Live] = []
    live: str | None = None
    begun = False
    for event in events:
        if event.kind == REMOVED:
            stages, moves, live, begun = {}, [], None, False
        if event.kind not in READERS:
            continue
        told = _recorded(event)
        if not begun and told.before:
            live, stages[told.before] = told.before, Stage.CHAMPION
            moves.append(_earlier(event, told.before))
        begun = True
        if told.before != live:
            raise _contradiction(event, "before", told.before, live)
        try:
            for model_id, act in told.acts:
                stages[model_id] = stage_after(model_id, stages.get(model_id), act)
        except TransitionRefused as refused:
            raise ReleaseStateError(f"{_named(event)}: {refused}") from refused
        answering = [model_id for model_id, stage in stages.items() if stage in LIVE]
        if answering != ([told.after] if told.after else []):
            raise _contradiction(event, "after", told.after, " and ".join(answering))
        live = told.after
        if live and told.moves:
            moves.append(_moved(event, told, live))
    return Releases(moves[-1] if moves and moves[-1].model_id == live else None, tuple(moves), stages)


def live(runtime: Runtime, at: str | datetime | None = None) -> Live | None:
    """The model that is live now, or was before the questions of a sprint were asked, or at a moment; None for none.

    Reads the ledger backwards up to the move that counts, so the cost does not grow with history.

    Args:
        runtime: whose.
        at: key of a sprint, an aware moment, or None for now, which is after the last decision.

    Raises:
        CalendarError: the sprint is not planned.
        PastMissing: the sprint before it is not decided, so what answers its questions is unknown yet.
        ReleaseStateError: the event that counts contradicts itself.
    """
    return _last_move(_newest_first(runtime, at))


def live_now(records: Records, product: str) -> Live | None:
    """The same as `live` for now, of a product's name alone: a server that answers has no declarations.

    Raises ReleaseStateError as `live` does.
    """
    return _last_move(_merged(records, product, None))


def _last_move(events: Iterable[Event]) -> Live | None:
    newer: Recorded | None = None
    oldest: Event | None = None
    for event in events:
        told = _recorded(event)
        if newer and newer.before != told.after:
            raise _contradiction(event, "after", told.after, newer.before)
        if told.after is None:
            return None
        if told.moves:
            return _moved(event, told, told.after)
        newer, oldest = told, event
    return _earlier(oldest, newer.before) if oldest and newer and newer.before else None


def releases(runtime: Runtime) -> Releases:
    """Every move and every stage of the product's models, from its whole history.

    Raises ReleaseStateError as `fold` does.
    """
    return fold(event for event in runtime.records.events(product=runtime.product) if event.kind in READERS)


def _newest_first(runtime: Runtime, at: str | datetime | None) -> Iterator[Event]:
    """Events that count at a place in time, newest first, read only as far as they are required."""
    upto: str | None = None
    if isinstance(at, str):
        before = runtime.calendar.previous(at)
        if why := undecided(runtime, at):
            raise PastMissing(why)
        if not before:
            return
        upto = before[-1]
    for event in _merged(runtime.records, runtime.product, upto):
        if not isinstance(at, datetime) or event.at <= at:
            yield event


def _merged(records: Records, product: str, upto: str | None) -> Iterator[Event]:
    streams = (records.newest_first(product, kind, upto) for kind in READERS)
    return merge(*streams, key=lambda event: -event.seq)


def _recorded(event: Event) -> Recorded:
    try:
        return READERS[event.kind](event.body)
    except KeyError as missing:
        raise ReleaseStateError(
            f"{_named(event)} has no {missing}: what it made live is unknown"
        ) from missing


def _moved(event: Event, told: Recorded, model_id: str) -> Live:
    return Live(
        model_id=model_id,
        release_digest=told.release_digest,
        decision=told.decision,
        why=told.why,
        sprint=event.sprint,
        event=event.seq,
        at=event.at,
        actor=event.actor,
        replaced=told.before,
    )


def _earlier(event: Event, model_id: str) -> Live:
    """What the first event names as live before it: the move that made it so is not recorded."""
    why = "live before the first recorded event"
    return Live(model_id, None, EARLIER, why, None, event.seq, event.at, event.actor, None)


def _contradiction(event: Event, when: str, says: str | None, others: str | None) -> ReleaseStateError:
    return ReleaseStateError(
        f"{_named(event)} records {says or 'no model'} as live {when} it; by the other events it is "
        f"{others or 'no model'}"
    )


def _named(event: Event) -> str:
    return f"event {event.seq} ({event.kind}{f' of {event.sprint}' if event.sprint else ''})"
