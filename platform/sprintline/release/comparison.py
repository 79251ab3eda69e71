"""What a candidate is compared with on its held-out sprint, as the rules of models read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sprintline.features.store import FeatureStore
from sprintline.lake.tables import Lake
from sprintline.learning.facts import Backtest, Difference
from sprintline.learning.labels import labels_of
from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime
from sprintline.release.facts import Judged, Kept, Served
from sprintline.release.live import live
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sprintline.learning.bundles import Release
    from sprintline.learning.metric_functions import Floats
    from sprintline.learning.recipes import Recipe
    from sprintline.learning.tasks.task import Task
    from sprintline.learning.training import Snapshot, Trained, TrainingSet

PARITY_ROWS = 3000
SLICE_ROWS = (100, 300)
"""Rows one group needs to be compared by itself: a quarter of the sprint's, within these bounds. More groups would make
the intervals of all wider (Bonferroni), and hide the one that is worse. Where none has them, all rows are one slice."""


def evidence(
    runtime: Runtime,
    sprint: str,
    trained: Trained,
    snapshot: Snapshot,
    release: Release,
    budget_seconds: float,
) -> Judged:
    """What ML402 to ML408 ask about one candidate, but for `kept`, on the labelled questions of the held-out sprint."""
    from sprintline.learning.metrics import blocks_of, by_slices, paired_bootstrap

    task = trained.task
    questions = runtime[Lake].read(runtime.table("question_features"), [sprint])
    labels = labels_of(runtime, [sprint])
    asked = questions.merge(labels[["question_id", "label"]], on="question_id", validate="one_to_one")
    label, blocks = (
        asked["label"].to_numpy(),
        blocks_of(asked["event_at"].tolist(), runtime.calendar.timezone),
    )
    lack = task.incomparable(label, blocks)
    before = live(runtime, sprint)
    champion = runtime[Models].release(before.model_id, before.release_digest) if before else None
    predicted = {
        "candidate": release.model.predict(asked),
        "twin": release.twin.predict(asked),
        "naive": release.naive.predict(asked),
        "base rate": release.naive.of_all(len(asked)),
    }
    if champion:
        predicted["champion"] = champion.model.predict(asked)
    if task.is_series:
        predicted |= _of_series(runtime, sprint, trained, asked, predicted["naive"])
    seed, window = runtime.spec.model.seed, runtime.window(sprint)

    def gain(over: str) -> Difference:
        if lack:  # the rules then say that there is no evidence, and why
            return {
                "metric": task.decides,
                "difference": None,
                "low": None,
                "high": None,
                "draws": 0,
                "blocks": len(set(blocks)),
                "why": lack,
            }
        return paired_bootstrap(
            label,
            predicted["candidate"],
            predicted[over],
            task.decides,
            blocks=blocks,
            seed=seed,
            prepare=task.scorers,
        ).as_dict()

    rival = "champion" if champion else "naive"
    slices = by_slices(
        label,
        predicted["candidate"],
        predicted[rival],
        {column: asked[column] for column in trained.recipe.inputs.categorical[:2]},
        metric=task.decides,
        blocks=blocks,
        least_rows=min(SLICE_ROWS[1], max(SLICE_ROWS[0], len(asked) // 4)),
        seed=seed,
        draws=200,
        prepare=task.scorers,
    )
    parity_rows = questions.sample(min(PARITY_ROWS, len(questions)), random_state=seed)
    return {
        "model_id": release.model_id,
        "judged": sprint,
        "rows_judged": len(asked),
        "by_model": {name: task.measure(label, one) for name, one in predicted.items()},
        "parity": runtime[Models].parity(trained, release, parity_rows),
        "tuned_on": trained.validation["sprint"],
        "stopped": trained.stopped,
        "iterations": trained.iterations,
        "budget_seconds": budget_seconds,
        "champion": before.model_id if before else None,
        "against_champion": gain("champion") if champion else None,
        "baselines": {name: gain(name) for name in ("naive", "base rate")},
        "snapshot": snapshot.as_dict(),
        "slices": slices,
        "slices_against": f"the {rival}",
        "judged_days": len(set(blocks)),
        "rarer_judged": _rarer(label, task),
        "sprint_days": round((window.end - window.start).total_seconds() / 86_400),
        "sprint_after": next(
            (one.key for one in runtime.calendar.sprints if one.index == window.index + 1), None
        ),
        "train_sprints": runtime.spec.model.train_sprints,
    }


def _of_series(
    runtime: Runtime, sprint: str, trained: Trained, asked: pd.DataFrame, naive: Floats
) -> dict[str, Floats]:
    """What the last known answers of each group would have predicted; where none was known, the naive baseline."""
    from sprintline.learning.series import forecasts

    keys = [*trained.sprints, sprint]
    groups = list(trained.recipe.naive_groups)
    columns = list(dict.fromkeys(["question_id", "event_at", *groups]))
    table = runtime.table("question_features")
    known = labels_of(runtime, keys).merge(runtime[Lake].read(table, keys, columns), on="question_id")
    return forecasts(asked, known, groups, runtime.calendar.timezone, naive)


def _rarer(label: NDArray[Any], task: Task) -> int | None:
    """Rows of the rarer of two answers; None where answers are numbers."""
    return int(min(label.sum(), len(label) - label.sum())) if task.is_rate else None


def backtest(data: TrainingSet, recipe: Recipe, seed: int) -> Backtest:
    """The rolling-origin backtest of a candidate's recipe, on the rows the candidate is trained on."""
    from sprintline.learning.backtest import rolling_origin
    from sprintline.learning.training import ANSWERED, ASKED

    return rolling_origin(
        data.inputs, data.label, data.rows[ASKED], data.rows[ANSWERED], recipe, seed, data.task
    )


def served(runtime: Runtime, trained: Trained, frame: pd.DataFrame) -> Served:
    """What the model reads, what a question is answered with, and what is known only of a question that ended."""
    from sprintline.learning.recipes import Inputs

    model, features = runtime.spec.model, runtime.spec.features
    columns = {
        name: {one.name for one in found} for name, found in runtime[Warehouse].table_columns().items()
    }
    asked = columns[model.questions]
    answered = {
        name
        for names in runtime[FeatureStore].declared().service_views(features.service).values()
        for name in names
    }
    moments = {"question_id", "sprint", "question_at", "event_at"}
    return {
        "inputs": list(trained.recipe.inputs.names),
        "served": sorted((asked | answered) & set(frame.columns) - moments),
        "outcomes": sorted(columns[model.outcomes] - asked - answered),
        "own_inputs": type(trained.recipe.inputs) is Inputs,
    }


def kept(runtime: Runtime, sprint: str, model_id: str, champion: str | None) -> Kept:
    """What the registry keeps of a model's training rows, compared with the sprint it is judged on.

    Read back whenever it is judged: what counts is what would be there to make the model again.
    """
    from sprintline.base.hashing import frame_hash

    asked = runtime[Lake].read(runtime.table("question_features"), [sprint], columns=["question_id"])
    stored = runtime[Models].keys(model_id)
    return {
        "keys_by_sprint": {str(key): int(n) for key, n in stored["sprint"].value_counts().items()},
        "judged_rows_in_snapshot": int(stored["question_id"].isin(asked["question_id"]).sum()),
        "champion_keys_judged": _seen(runtime, champion, asked),
        "stored_keys_hash": frame_hash(stored),
    }


def _seen(runtime: Runtime, model_id: str | None, questions: pd.DataFrame) -> int:
    """How many of the judged questions a model was trained on."""
    if model_id is None:
        return 0
    return int(runtime[Models].keys(model_id)["question_id"].isin(questions["question_id"]).sum())
