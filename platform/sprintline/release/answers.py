"""What `sprintline live` says of a product: the live model, every move, or why no model was live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sprintline.base.errors import Refusal
from sprintline.base.time_zones import zone_of
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.product.calendar import CalendarError
from sprintline.product.past import PastMissing
from sprintline.product.runtime import Runtime
from sprintline.release.live import Live, Releases, live, releases

_SPRINT = re.compile(r"\d{4}-S\d+")


@dataclass(frozen=True)
class Answer:
    """The live model of a product at a place in time.

    live: None when no model was live, or when that is unknown yet; `error` then says why. begins: the first sprint
    that a model answered, by the event that made it live.
    """

    product: str
    title: str
    live: Live | None = None
    error: str | None = None
    releases: Releases = field(default_factory=lambda: Releases(None, (), {}))
    begins: Mapping[int, str | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "product": self.product,
            "title": self.title,
            "live": self._move(self.live) if self.live else None,
            "error": self.error,
            "moves": [self._move(one) for one in self.releases.moves],
            "stages": dict(self.releases.stages),
        }

    def _move(self, one: Live) -> dict[str, Any]:
        return {**one.as_dict(), "answers_from": self.begins.get(one.event)}


def answer(runtime: Runtime, at: str | None = None) -> Answer:
    """What was live at a sprint or a moment as text; now for None.

    Raises:
        Refusal: `at` is neither a planned sprint nor a past moment.
        ReleaseStateError: the ledger contradicts itself.
    """
    place = None if at is None else _sprint_or_moment(runtime, at)
    product, title = runtime.product, runtime.spec.title
    none_yet = f"{product} has no champion yet: close more sprints"
    if existing_records(runtime.home) is None:  # looking creates no database
        return Answer(product, title, error=none_yet)
    history = releases(runtime)
    begins = {one.event: _first_answered(runtime, one) for one in history.moves}
    try:
        found, error = live(runtime, place), none_yet
    except PastMissing as missing:
        found, error = None, str(missing)
    else:
        if history.moves:
            first = history.moves[0]
            error = (
                f"{product} had no champion at {at}: {first.model_id} was the first, decided in {first.sprint} "
                f"at {first.at.isoformat(timespec='seconds')}"
            )
    return Answer(product, title, found, None if found else error, history, begins)


def _sprint_or_moment(runtime: Runtime, at: str) -> str | datetime:
    if _SPRINT.fullmatch(at):
        try:
            return runtime.window(at).key
        except CalendarError as error:
            raise Refusal(f"{runtime.product}: {error}", code=2) from error
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise Refusal(
            f"--at {at!r} is neither a sprint nor a time: write a sprint like {runtime.calendar.keys[0]}, or a time "
            "like 2013-03-29T12:00+00:00",
            code=2,
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone_of(runtime.calendar.timezone))
    now = max(runtime.clock.now(), datetime.now(moment.tzinfo))
    if moment > now:
        raise Refusal(
            f"--at {at} is in the future (now: {now.isoformat(timespec='seconds')}): give a past time", code=2
        )
    return moment


def _first_answered(runtime: Runtime, one: Live) -> str | None:
    keys = runtime.calendar.keys
    after = keys.index(one.sprint) + 1 if one.sprint in keys else len(keys)
    return keys[after] if after < len(keys) else None


def show(found: Answer) -> None:
    """Print an answer: the live model in full, then a table of all moves, newest first, within 80 columns."""
    from sprintline.base.terminal import Column, print_rows, say

    say(f"{found.title} ({found.product})")
    if now := found.live:
        for name, value in (
            ("live", now.model_id),
            ("answers from", found.begins.get(now.event) or "the next planned sprint"),
            ("decision", f"{now.decision} of {now.sprint}"),
            ("why", now.why),
            ("since", f"{now.at.isoformat(timespec='seconds')}, event {now.event} by {now.actor}"),
            ("release", now.release_digest or "digest not recorded"),
        ):
            say(f"{name:<14}{value}", indent=14)
    if found.releases.moves:
        moves = list(reversed(found.releases.moves))
        say("")
        print_rows(
            [Column(name) for name in ("model", "stage", "from", "decision", "of", "moment")],
            [
                [
                    one.model_id, found.releases.stages[one.model_id], found.begins[one.event] or "–", one.decision,
                    one.sprint or "–", f"{one.at:%Y-%m-%d %H:%M}",
                ]
                for one in moves
            ],
            {place: "bold" for place, one in enumerate(moves) if now and one.event == now.event},
        )  # fmt: skip
