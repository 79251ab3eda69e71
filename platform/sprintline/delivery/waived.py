"""Sprints that close again because what they lacked was waived after they closed."""

from __future__ import annotations

from collections.abc import Iterator

from sprintline.governance.decide import closed_without
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.rules.events import WAIVER
from sprintline.mechanisms.rules.waivers import granted
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime


def to_close_on_waivers(runtime: Runtime) -> Iterator[tuple[Event, str]]:
    """Each waiver in force with each sprint that closed, before it was granted, without what it lets through."""
    records, product = runtime.records, runtime.product
    waived = records.events(product=product, kind=WAIVER)
    if not waived:
        return
    now = runtime.clock.now()
    in_force = {one.event for one in granted(records.events(product=product)) if one.in_force(now)}
    closings = {event.sprint: event for event in records.events(product=product, kind=CLOSED)}
    for waiver in (one for one in waived if one.seq in in_force):
        for sprint in closed_without(runtime, waiver.body):
            if closings[sprint].seq < waiver.seq:
                yield waiver, sprint
