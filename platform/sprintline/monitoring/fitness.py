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
from sprintline.monitoring.facts import Answers, ScoresFacts
from sprintline.monitoring.rules import NOT_WORSE_THAN_NAIVE, PREDICTIONS_VARY, WEAK_IN_A_ROW
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.facts import Difference


def issued(runtime: Runtime, sprint: str) -> pd.DataFrame:
    """The predictions of a sprint as they are in the lake, with known outcomes as `label`; empty without any."""
    from sprintline.learning.tasks import task_of

    task = task_of(runtime)
    columns = ["question_id", "event_at", *task.columns(task.column), *task.columns("naive")]
    frame = runtime[Lake].read(runtime.table("predictions"), [sprint], columns, missing_ok=True)
    known = labels_of(runtime, [sprint])[["question_id", "label"]]
    return frame.merge(known, on="question_id", how="left", validate="one_to_one")


def answers(runtime: Runtime, sprint: str, recorded: ScoresFacts | None = None) -> Answers | None:
    """How much the predictions of a sprint vary and what they gain over the naive baseline; None when none were issued.

    recorded: figures that are used again while the rows they were made from are the same.
    """
    from sprintline.base.hashing import frame_hash
    from sprintline.learning.tasks import task_of

    frame, task = issued(runtime, sprint), task_of(runtime)
    if frame.empty:
        return None
    rows = frame_hash(frame, sort_by="question_id")
    known = recorded.get("answers") if recorded else None
    if known and known["rows_hash"] == rows:
        return known
    return {
        "rows_hash": rows,
        "same": task.same_number(task.of(frame, task.column), frame["label"].dropna().to_numpy(dtype=float)),
        "against_naive": against_naive(runtime, frame),
    }


def against_naive(runtime: Runtime, frame: pd.DataFrame) -> list[Difference]:
    """Gain of the champion over the naive baseline on the questions whose outcome is known, for each watched metric.

    95 % hold for all of these intervals together (Bonferroni).
    """
    from sprintline.learning.metrics import blocks_of, paired_bootstrap
    from sprintline.learning.tasks import task_of

    task = task_of(runtime)
    champion, naive = task.of(frame, task.column), task.of(frame, "naive")
    usable = frame["label"].notna().to_numpy() & task.usable(champion) & task.usable(naive)
    known, champion, naive = frame[usable], champion[usable], naive[usable]
    label = known["label"].to_numpy(dtype=float)
    blocks = blocks_of(known["event_at"].tolist(), runtime.calendar.timezone)
    lack = task.incomparable(label, blocks)
    found: list[Difference] = []
    for metric in task.watched:
        if lack:
            none: Difference = {
                "metric": metric, "difference": None, "low": None, "high": None, "draws": 0,
                "blocks": len(set(blocks)), "why": lack,
            }  # fmt: skip
            found.append(none)
            continue
        interval = paired_bootstrap(
            label, champion, naive, metric, blocks=blocks, confidence=1 - 0.05 / len(task.watched),
            seed=runtime.spec.model.seed, prepare=task.scorers,
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
