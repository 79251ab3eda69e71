"""Rules over a closed sprint: what it depends on is as it was, and what was corrected was accounted for.

Their evidence is `IncrementEvidence` (`delivery/facts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.base.words import counted_as
from sprintline.delivery.restatement import ATTEST_RULE
from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, need, passed


def _current(evidence: Mapping[str, Any], _: Any) -> Judgement:
    if changed := need(evidence, "changed"):
        more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
        return failed(
            f"it depends on rows that are not as recorded: {'; '.join(changed[:3])}{more}. Put them back with "
            "`sprintline recover PRODUCT`, materialize their sprint again, or restore a backup",
            len(changed),
            0,
        )
    inputs, moved = need(evidence, "inputs"), need(evidence, "moved")
    if not inputs:
        return passed("it was computed from no earlier sprint", 0, 0)
    if not moved:
        return passed(f"all {inputs} data versions of earlier sprints it was computed from are current", 0, 0)
    told = sorted({f"{one['asset']} of {one['sprint']} (read by {one['reader']})" for one in moved})
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return failed(
        f"{len(moved)} of {inputs} data versions it was computed from were restated since: {', '.join(told[:3])}{more}",
        len(moved),
        0,
    )


def _attested(evidence: Mapping[str, Any], _: Any) -> Judgement:
    found = need(evidence, "restatements")
    waiting = [one for one in found if one["open"]]
    if not found:
        return passed("it was never restated", 0, 0)
    if not waiting:
        by = sorted({one["attested_by"] for one in found if one["attested_by"]})
        told = f", attested by {', '.join(by)}" if by else ", none of them on new files"
        return passed(f"{counted_as(len(found), 'restatement')}{told}", 0, 0)
    files = ", ".join(sorted({name for one in waiting for name in one["files"]}))
    return failed(
        f"{len(waiting)} of {len(found)} restatements on new files ({files}) await a person's word on why",
        len(waiting),
        0,
    )


RESTS_ON_CURRENT_DATA = Rule(
    code="DL701",
    name="depends_on_current_data",
    judges="increment",
    per_sprint=True,
    practice="3.4",
    severity=Severity.WARN,
    remedy="materialize this sprint again, from its feature views on: earlier decisions are not changed",
    why="A correction of a sprint reaches the features of the sprints after it, which look back. Until they are "
    "computed again, their figures describe data that no longer exist. Rows that were changed in a store without being "
    "recorded are worse: nothing says which figures were computed from them.",
    judge=_current,
)

RULES = (
    RESTS_ON_CURRENT_DATA,
    Rule(
        code=ATTEST_RULE,
        name="corrections_are_attested",
        judges="increment",
        gates=(),
        per_sprint=True,
        practice="1.8",
        severity=Severity.WARN,
        why="Published figures change when a file is replaced. A person must ask the provider why, and "
        "attest to the answer.",
        remedy=f"sprintline attest PRODUCT {ATTEST_RULE} --sprint SPRINT with the claim and the evidence",
        judge=_attested,
    ),
)
