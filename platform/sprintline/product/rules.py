"""Rules over the team's calendar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, need, passed


def _horizon(evidence: Mapping[str, Any], least: Any) -> Judgement:
    remaining, last = need(evidence, "planned_sprints_remaining"), need(evidence, "last_planned_sprint")
    sentence = f"{remaining} planned sprints remain up to {last}; at least {least} are required"
    return (passed if remaining >= least else failed)(sentence, remaining, least)


RULES = (
    Rule(
        code="CAL001",
        name="planned_sprints_remain",
        judges="increment",
        practice="1.6",
        severity=Severity.WARN,
        threshold=6,
        why="Partitions exist only up to the planned horizon. A sprint that starts after it has no "
        "partition: its files land and nothing happens. Moving the horizon needs a reload of the code location, so it "
        "has to be done in advance.",
        remedy="move calendar.planned_until in the product's defs.yaml and reload its code location",
        judge=_horizon,
    ),
)
