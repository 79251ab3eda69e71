"""What is common to the rules on candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judge, Judgement, passed


def of_candidate(judge: Judge) -> Judge:
    """A sprint without a trigger has no candidate, which is the usual and no failing."""

    def judge_candidate(evidence: Mapping[str, Any], line: Any) -> Judgement:
        if evidence.get("trained") is False:
            return passed(f"no candidate was trained: {evidence.get('why') or 'no trigger'}", threshold=line)
        return judge(evidence, line)

    return judge_candidate
