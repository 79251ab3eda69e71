"""Rules over what is watched after a sprint: drift of the features the champion was asked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.core.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed


def _drift(evidence: Mapping[str, Any], _: Any) -> Judgement:
    state, why = need(evidence, "state"), need(evidence, "why")
    share = evidence.get("share")
    if state == "insufficient":
        return insufficient(why, share)
    return (failed if state == "confirmed" else passed)(f"drift is {state}: {why}", share)


RULES = (
    Rule(
        code="MO501",
        name="looks_like_the_training_data",
        judges="drift",
        practice="3.5",
        severity=Severity.WARN,
        remedy="the retraining sensor answers confirmed drift; look at the features named and at their sources",
        judge=_drift,
        done=False,
    ),
)
