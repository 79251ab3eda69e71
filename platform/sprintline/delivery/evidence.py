"""What the records say of a closed sprint, for the rules on increments."""

from __future__ import annotations

from typing import Any

from sprintline.delivery.inputs import standing
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence, recorded
from sprintline.product.runtime import Runtime


def _increment(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    return {**facts, **plan(runtime), **standing(runtime, sprint)}, version


def plan(runtime: Runtime) -> dict[str, Any]:
    """How far the product's sprints are planned, from now on."""
    return {
        "planned_sprints_remaining": runtime.calendar.remaining(runtime.clock.now()),
        "last_planned_sprint": runtime.calendar.keys[-1],
    }


KINDS = (
    AssetKind(
        name="increment",
        reads="the product's calendar and the clock; the data versions its features rest on, and the ledger's "
        "restatements",
        assets=lambda runtime: ("increment",),
        gather=_increment,
    ),
)
