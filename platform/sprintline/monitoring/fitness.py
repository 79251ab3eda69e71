"""Whether a served champion is any good: its predictions vary, and it is not worse than the naive baseline.

Both are measured when a sprint is scored, from the issued predictions and the outcomes that are known. Rules MO505 to
MO507 judge the figures; two weak sprints in a row are a reason to train.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from sprintline.lake.tables import Lake
from sprintline.learning.labels import labels_of
from sprintline.mechanisms.rules.verdicts import Outcome, Rule
from sprintline.monitoring.facts import Answers, SameNumber, ScoresFacts
from sprintline.monitoring.rules import NOT_WORSE_THAN_NAIVE, PREDICTIONS_VARY, WEAK_IN_A_ROW
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import Difference

METRICS = ("roc_auc", "brier")
"""What the champion is compared with the naive baseline by: how it ranks, and how true its probabilities are."""

CONFIDENCE = 1 - 0.05 / len(METRICS)
"""Of each interval, so that 95 % holds for all of them together (Bonferroni)."""

NEAR = 0.02
"""Probabilities so close to another, in logits, are the same number for any decision: 0.2500 and 0.2537 are."""


def issued(runtime: Runtime, sprint: str) -> pd.DataFrame:
    """The predictions of a sprint as they are in the lake, with known outcomes as `label`; empty without any."""
    columns = ["question_id", "event_at", "probability", "naive"]
    frame = runtime[Lake].read(runtime.table("predictions"), [sprint], columns, missing_ok=True)
    known = labels_of(runtime, [sprint])[["question_id", "label"]]
    return frame.merge(known, on="question_id", how="left", validate="one_to_one")


def answers(runtime: Runtime, sprint: str, recorded: ScoresFacts | None = None) -> Answers | None:
    """How much the predictions of a sprint vary and what they gain over the naive baseline; None when none were issued.

    recorded: figures that are used again while the rows they were made from are the same.
    """
    from sprintline.base.hashing import frame_hash

    frame = issued(runtime, sprint)
    if frame.empty:
        return None
    rows = frame_hash(frame, sort_by="question_id")
    known = recorded.get("answers") if recorded else None
    if known and known["rows_hash"] == rows:
        return known
    return {
        "rows_hash": rows,
        "same": same_number(frame["probability"]),
        "against_naive": against_naive(runtime, frame),
    }


def same_number(probabilities: pd.Series) -> SameNumber:
    """How many of the predictions are one number, and how much of what they expect is among these.

    A model that is nearly certain of most questions (rare events) gives one number to most of them as well, but expects
    no positives there. So it is the smallest share that counts: of the questions, of the positives expected among them,
    of the negatives expected.
    """
    import numpy as np

    chance = probabilities.to_numpy(dtype=float)
    chance = np.clip(chance[np.isfinite(chance)], 0.0, 1.0)
    if not len(chance):
        return {"rows": 0, "number": None, "share": None}
    middle = float(np.median(chance))
    near = np.abs(chance - middle) <= NEAR * middle * (1 - middle)
    expected = [np.ones(len(chance)), chance, 1 - chance]
    shares = [float(of[near].sum() / of.sum()) for of in expected if of.sum() > 0]
    return {"rows": len(chance), "number": round(middle, 6), "share": round(min(shares), 6)}


def against_naive(runtime: Runtime, frame: pd.DataFrame) -> list[Difference]:
    """Gain of the champion over the naive baseline on the questions whose outcome is known, for each of `METRICS`."""
    from sprintline.learning.metrics import blocks_of, incomparable, paired_bootstrap

    known = frame[frame["label"].notna() & frame["probability"].between(0, 1) & frame["naive"].between(0, 1)]
    label = known["label"].to_numpy(dtype=float)
    blocks = blocks_of(known["event_at"].tolist(), runtime.calendar.timezone)
    lack = incomparable(label, blocks)
    found: list[Difference] = []
    for metric in METRICS:
        if lack:
            none: Difference = {
                "metric": metric, "difference": None, "low": None, "high": None, "draws": 0,
                "blocks": len(set(blocks)), "why": lack,
            }  # fmt: skip
            found.append(none)
            continue
        interval = paired_bootstrap(
            label, known["probability"], known["naive"], metric, blocks=blocks, confidence=CONFIDENCE,
            seed=runtime.spec.model.seed,
        )  # fmt: skip
        found.append(interval.as_dict())
    return found


def threshold_of(runtime: Runtime, rule: Rule) -> Any:
    """The line of a rule for a product."""
    override = runtime.overrides.get(rule.code)
    return rule.threshold if override is None or override.threshold is None else override.threshold


def weaknesses(runtime: Runtime, scores: Any) -> list[str] | None:
    """What MO505 and MO506 hold against a champion in one sprint; None when that cannot be judged.

    scores: facts of scores, or evidence on them.
    """
    evidence = {"served": scores["champion"] is not None, **scores}
    found = [rule(evidence, threshold_of(runtime, rule)) for rule in (PREDICTIONS_VARY, NOT_WORSE_THAN_NAIVE)]
    told = [one.sentence for one in found if one.outcome is Outcome.FAIL]
    unknown = any(one.outcome is Outcome.INSUFFICIENT for one in found)
    return None if unknown and not told else told


def weak_before(runtime: Runtime, sprint: str, champion: str | None) -> list[str]:
    """The sprints right before one in which the same champion was weak, oldest first.

    A sprint in which that could not be judged does not end the row: no one saw it end.
    """
    if champion is None:
        return []
    scores: dict[str, ScoresFacts] = {key: one.facts for key, one in runtime.history("scores").items()}
    found = []
    for key in reversed(runtime.calendar.previous(sprint, runtime.window(sprint).index)):
        if key not in scores or scores[key]["champion"] != champion:
            break
        weak = weaknesses(runtime, scores[key])
        if weak:
            found.append(key)
        elif weak is not None:
            break
    return found[::-1]


def in_a_row(runtime: Runtime) -> int:
    """How many weak sprints in a row are a reason to train."""
    return ceil(threshold_of(runtime, WEAK_IN_A_ROW))
