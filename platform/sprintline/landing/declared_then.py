"""What earlier sprints closed on and is declared otherwise now: the cause of failures that look like mistakes in data.

A calendar changed under closed sprints makes a sound file lie outside its sprint, and lets two sprints share rows; a
source taken out of defs.yaml leaves marts empty. The step that fails knows only the last of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from sprintline.base.places import shown
from sprintline.lake.tables import Lake, LakeError
from sprintline.mechanisms.declaration.located_yaml import read_yaml
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from datetime import datetime

LOOKS_BACK = 6
"""Earlier sprints whose rows are compared with the calendar."""


def changed_since(runtime: Runtime, sprint: str) -> list[str]:
    """A sentence for each declaration that no longer fits what earlier sprints closed on; empty for a sound product.

    Reads the moments of a few earlier sprints: to be asked when something failed.
    """
    found: list[str] = []
    # Whatever is wrong with the lake: the failure that this is asked for is told all the same.
    with suppress(LakeError, OSError):
        found += _sources(runtime, sprint)
        found += _calendar(runtime, sprint)
    return found


def _sources(runtime: Runtime, sprint: str) -> Iterator[str]:
    declared = {source.name for source in runtime.spec.sources}
    last: dict[str, str] = {}
    for key in runtime.calendar.previous(sprint, LOOKS_BACK):
        for (_, asset), one in runtime.records.measurements(runtime.product, key).items():
            if "landed_by" in one.facts:
                last[asset] = key
    for name in sorted(last.keys() - declared):
        yield (
            f"{_place(runtime, 'sources')}: {last[name]} closed on the source {name}, which is not declared any more: "
            f"declare it again, or take what reads it out of the dbt models and feature queries"
        )


def _calendar(runtime: Runtime, sprint: str) -> Iterator[str]:
    for key in reversed(runtime.calendar.previous(sprint, LOOKS_BACK)):
        window = runtime.window(key)
        for source in runtime.spec.sources:
            found = _span(runtime, source.name, key)
            if found is None or (window.holds(found[0]) and window.holds(found[1])):
                continue
            yield (
                f"{_place(runtime, 'calendar')}: {key} closed on rows of {source.name} from {_text(found[0])} to "
                f"{_text(found[1])} UTC, and the calendar now places it at {_text(window.start)} to "
                f"{_text(window.end)} UTC: start, length_days, lengths or timezone was changed under closed sprints; "
                f"put it back"
            )
            return


def _span(runtime: Runtime, source: str, sprint: str) -> tuple[datetime, datetime] | None:
    """First and last `event_at` of a sprint's rows in the lake."""
    if not runtime[Lake].has(runtime.table(source), sprint):
        return None
    moments = runtime[Lake].read(runtime.table(source), sprint, columns=["event_at"])["event_at"]
    return None if moments.empty else (moments.min().to_pydatetime(), moments.max().to_pydatetime())


def _place(runtime: Runtime, part: str) -> str:
    file = runtime.folder / "defs.yaml"
    return (
        f"{shown(file)}:{read_yaml(file.read_text(encoding='utf-8'), str(file)).line(('attributes', part))}"
    )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
