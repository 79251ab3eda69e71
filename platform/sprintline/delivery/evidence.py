"""What the records say of a closed sprint, for the rules on increments."""

from __future__ import annotations

from sprintline.base.time_zones import rules_version
from sprintline.delivery.facts import IncrementEvidence, IncrementFacts
from sprintline.delivery.inputs import inputs_now
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.bounds import bounds_of, calendar_digest
from sprintline.product.runtime import Runtime


def _increment(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    found: IncrementEvidence = {**plan(runtime, sprint), **inputs_now(runtime, sprint)}
    return found, measured.data_version


def plan(runtime: Runtime, sprint: str) -> IncrementFacts:
    """How far the product's sprints are planned, from now on, and the days of this one."""
    return {
        "planned_sprints_remaining": runtime.calendar.remaining(runtime.clock.now()),
        "last_planned_sprint": runtime.calendar.keys[-1],
        "window": list(bounds_of(runtime, sprint)),
        "time_zone_rules": rules_version(),
        "calendar": calendar_digest(runtime, sprint),
    }


KINDS = (
    AssetKind(
        name="increment",
        reads="the product's calendar and the clock; the data versions its features depend on, and the ledger's "
        "restatements",
        assets=lambda runtime: ("increment",),
        facts=IncrementFacts,
        gather=_increment,
    ),
)
