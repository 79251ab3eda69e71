"""The days on which sprints closed, held against the calendar: a changed declaration must not move them.

Rows, decisions and scores of a closed sprint are those of its days. Another start, length or time zone would give its
key to other days: rows would lie in two sprints, or in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sprintline.base.hashing import canonical_json, text_hash
from sprintline.base.time_zones import zone_of
from sprintline.product.calendar import CalendarError
from sprintline.product.held import place_of
from sprintline.product.runtime import Runtime

Bounds = tuple[str, str, str]
"""First day, last day, and the time zone of both."""

INCREMENT = "increment"
"""The asset with which the bounds are recorded, as `window`."""


def bounds_of(runtime: Runtime, sprint: str) -> Bounds:
    """The days of a sprint by the calendar as it is declared now. Raises CalendarError for a key it does not plan."""
    window, zone = runtime.calendar.window(sprint), runtime.calendar.timezone
    first = window.start.astimezone(zone_of(zone)).date()
    after = window.end.astimezone(zone_of(zone)).date()
    return first.isoformat(), (after - timedelta(days=1)).isoformat(), zone


def calendar_digest(runtime: Runtime, sprint: str) -> str:
    """Hash of the days of every sprint up to this one, as declared now. Raises CalendarError as `bounds_of` does.

    A closing records it: the newest closed sprint then speaks for all before it, and no history is read.
    """
    keys = runtime.calendar.keys[: runtime.calendar.window(sprint).index + 1]
    first = runtime.calendar.sprints[0].start.astimezone(zone_of(runtime.calendar.timezone)).date()
    starts = [runtime.calendar.window(key).end.isoformat() for key in keys]
    return text_hash(canonical_json([runtime.calendar.timezone, first.isoformat(), list(keys), starts]))


def moved_sprints(runtime: Runtime) -> dict[str, tuple[Bounds, Bounds | None]]:
    """Closed sprints to which the calendar gives other days: those they closed on, and those of now.

    None stands for a key that the calendar no longer plans. Sprints that closed before bounds were recorded are left
    out. Reads one record while the calendar is as it was at the newest closing, and every closing when it is not.
    """
    newest = runtime.newest(INCREMENT)
    if newest is None or _same_calendar(runtime, newest[0], newest[1].facts.get("calendar")):
        return {}
    found: dict[str, tuple[Bounds, Bounds | None]] = {}
    for sprint, measured in runtime.history(INCREMENT).items():
        if not (then := measured.facts.get("window")):
            continue
        try:
            now: Bounds | None = bounds_of(runtime, sprint)
        except CalendarError:
            now = None
        if now is None or list(now) != list(then):
            found[sprint] = (then[0], then[1], then[2]), now
    return found


def _same_calendar(runtime: Runtime, sprint: str, recorded: str | None) -> bool:
    try:
        return recorded == calendar_digest(runtime, sprint)
    except CalendarError:
        return False


def moved_sentence(runtime: Runtime) -> str | None:
    """What a changed calendar would do to closed sprints, and what to do; None where it gives each its own days."""
    moved = moved_sprints(runtime)
    if not moved:
        return None
    sprint, (then, now) = min(moved.items())
    others = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
    by_now = f"it would be {_told(now, then[2])}" if now else "there is no such sprint"
    return (
        f"{sprint} closed on {_told(then)}; by the calendar {by_now}{others}: keep start, length_days, timezone and "
        f"lengths of closed sprints in defs.yaml, and change later ones with calendar.length_days_from (from a sprint "
        f"on) or calendar.lengths (a single one); or start over: "
        f"sprintline remove {runtime.product} --state"
    )


def moved_calendar(runtime: Runtime) -> Iterator[str]:
    """`moved_sentence` with the line of the calendar."""
    if moved := moved_sentence(runtime):
        yield f"{place_of(runtime, 'calendar')}: attributes.calendar: {moved}"


def _told(bounds: Bounds, zone: str | None = None) -> str:
    first, last = (date.fromisoformat(day) for day in bounds[:2])
    place = "" if zone == bounds[2] else f" ({bounds[2]})"
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}{place}"
