"""What rules judge: kinds of assets, and what is read of each when a rule is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.core.verdicts import Judge, Judgement, passed

READS: dict[str, str] = {
    "source": "the record of the landing, the contract, and the sprint's partition of the lake, read again",
    "model": "the results of the dbt tests that name the rule, run on the sprint's rows; the model's YAML",
    "feature_view": "the view's partition of the lake, read again",
    "question_features": "its partition of the lake and the questions mart, both read again",
    "online_features": "the online store and the views' partitions of the lake, key by key; for a sprint the store has "
    "left behind, the comparison made when it was the newest",
    "predictions": "the partitions of predictions and of question_features in the lake, and the ledger's decisions",
    "scores": "the ids of question_features in the lake and the outcomes mart, both read again",
    "candidate": "the record of the training, the training keys kept in MLflow, and the release's files, read again",
    "drift": "the drift recorded for the sprint, with its saved report",
    "increment": "the product's calendar and the clock; the data versions its features rest on, and the ledger's "
    "restatements",
}
"""By kind of asset; a test holds that every rule's kind is here."""


def of_candidate(judge: Judge) -> Judge:
    """A sprint without a trigger has no candidate, which is the usual and no failing."""

    def judge_candidate(evidence: Mapping[str, Any], line: Any) -> Judgement:
        if evidence.get("trained") is False:
            return passed(f"no candidate was trained: {evidence.get('why') or 'no trigger'}", threshold=line)
        return judge(evidence, line)

    return judge_candidate
