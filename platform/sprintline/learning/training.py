"""Training: one frame of labelled sprints in, a model with its readable twin, its naive baseline and its evidence out.

Everything that decides the result is an argument or stated in the result: rows and their order, columns, parameters,
seed, threads. The clock only ever stops a training early, never steers it, so two runs that converge are equal bit for
bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sprintline.base.hashing import canonical_json, frame_hash, text_hash
from sprintline.learning import boosters
from sprintline.learning.facts import SnapshotFacts
from sprintline.learning.growth import Grown, Stopped, grow, regrow, settled_once, with_values
from sprintline.learning.recipes import Naive, Recipe
from sprintline.learning.tasks import BINARY, task_named
from sprintline.learning.tasks.task import Task
from sprintline.learning.trial import must_be_served

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("question_id", "sprint")
LABEL = "label"
#: Named as no column of a table is.
ASKED, ANSWERED = "asked at", "answered at"
_PLACE = "place in the frame"
_IMPORTANCE_ROWS, _IMPORTANCE_COLUMNS = 2_000, 16


class TrainingError(ValueError):
    """Data a model must not or cannot be trained on."""


@dataclass(frozen=True)
class TrainingSet:
    """The labelled rows of some sprints, in an order that does not depend on how they arrived.

    rows: question_id, sprint, label, the recipe's columns as they came and, where the data say it, `ASKED` and
    `ANSWERED`, the moments of a question and of its outcome. inputs: the same rows as estimators are given them
    (`recipe.inputs.prepare`). judged: the sprint no row is of, on which the candidate will be judged. task: what kind
    of answer is learned.
    """

    rows: pd.DataFrame = field(repr=False)
    inputs: pd.DataFrame = field(repr=False)
    sprints: tuple[str, ...]
    judged: str
    task: Task = field(default_factory=lambda: task_named(BINARY))

    @property
    def label(self) -> NDArray[Any]:
        """The answers, one a row: 0 or 1 or places of classes (int64), or numbers (float64)."""
        return self.rows[LABEL].to_numpy(dtype=np.int64 if self.task.classifier else np.float64)


@dataclass(frozen=True)
class Trained:
    """The result of one training.

    model, twin: fitted pipelines over `recipe.inputs.prepare(frame)`. naive: the baseline of the same rows.
    stopped: `converged` when the validation loss stopped improving (or the optimiser met its tolerance), `budget` when
        seconds or the recipe's `max_iter` ran out first; twin_stopped likewise.
    iterations: trees of the model. seconds: wall clock for all of it.
    importance: column -> loss of the task's quality on the validation sprint when that column is shuffled.
    validation: {sprint, rows, metrics} of the last training sprint, by the model that had not seen its rows.
    errors: of the same model on the same rows, as the task keeps them.
    keys: the training rows (question_id, sprint, label) in training order. rows: the prepared columns of the same rows.
    """

    model: Any
    twin: Any
    naive: Naive
    recipe: Recipe
    stopped: Stopped
    twin_stopped: Stopped
    iterations: int
    seconds: float
    importance: dict[str, float]
    validation: dict[str, Any]
    params: dict[str, Any]
    seed: int
    sprints: tuple[str, ...]
    judged: str
    keys: pd.DataFrame = field(repr=False)
    rows: pd.DataFrame = field(repr=False)
    task: Task = field(default_factory=lambda: task_named(BINARY))
    errors: Mapping[str, Any] | None = None

    def predict(
        self, frame: pd.DataFrame, which: Literal["model", "twin", "naive"] = "model"
    ) -> NDArray[np.float64]:
        """Predictions, (n) or (n, parts), by the fitted objects themselves (serving goes through ONNX)."""
        if which == "naive":
            return self.naive.predict(frame)
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=cores(self.recipe)):
            fitted = self.model if which == "model" else self.twin
            return self.task.predicted(fitted, self.recipe.inputs.prepare(frame))


@dataclass(frozen=True)
class Snapshot:
    """What a model was made from, complete enough to make it again. Its hash names the model.

    data_versions: {table: {sprint: content hash}} of the lake tables that were read.
    """

    product: str
    sprints: tuple[str, ...]
    judged: str
    rows: int
    keys_hash: str
    features_hash: str
    data_versions: Mapping[str, Mapping[str, str]]
    params: Mapping[str, Any]
    seed: int
    code_hash: str
    lock_hash: str

    @property
    def model_id(self) -> str:
        """Content hash of all of the above: the same data, recipe, seed, code and libraries give the same id."""
        return text_hash(canonical_json(self.as_dict()))[:16]

    def as_dict(self) -> SnapshotFacts:
        return cast("SnapshotFacts", {name: getattr(self, name) for name in self.__dataclass_fields__})


def nothing_to_learn(labels: pd.DataFrame, sprints: Sequence[str], task: Task | None = None) -> str | None:
    """Why no model can be made of the outcomes of these sprints; None when one can.

    labels: as for `train`. The last sprint decides when to stop: it needs outcomes that differ, and so do the others.
    """
    task = task or task_named(BINARY)
    if len(set(sprints)) < 2:
        had = ", ".join(sprints) or "none"
        return f"training needs two sprints with outcomes, the last to decide when to stop; got {had}"
    known = labels[labels["sprint"].isin(sprints) & labels[LABEL].notna()]
    last = known["sprint"] == max(sprints)
    for part, told in ((known[~last], f"before {max(sprints)}"), (known[last], f"in {max(sprints)}")):
        if task.too_equal(part[LABEL]):
            return (
                f"all {len(part):,} outcomes {told} are equal: nothing can be learned; see the outcomes mart"
            )
    if lack := task.lacking(known.loc[~last, LABEL]):
        return f"there is {lack} before {max(sprints)}: it cannot be learned yet"
    return None


def training_set(
    frame: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    sprints: Sequence[str],
    judged: str,
    recipe: Recipe,
    task: Task | None = None,
) -> TrainingSet:
    """The rows a candidate learns from.

    frame: a row per question with `question_id`, `sprint` and the recipe's columns; labels: `question_id`, `sprint`,
    `label` (of the task; binary by default). Questions without a label are left out; rows of other sprints are ignored.
    Raises TrainingError when `judged` (or a later sprint) is among `sprints`, when a sprint has no labelled row, when a
    question appears twice, when fewer than two sprints are given, or when all labels are equal or one is none of the
    task's.
    """
    task = task or task_named(BINARY)
    rows = _labelled(frame, labels, sprints, judged, recipe, task)
    if why := nothing_to_learn(rows[[*KEYS, LABEL]], sprints, task):
        raise TrainingError(why)
    # Its own columns and nothing else: whatever a recipe does with them, no outcome is among them.
    return TrainingSet(
        rows, recipe.inputs.prepare(rows[list(recipe.inputs.names)]), tuple(sorted(sprints)), judged, task
    )


def train(
    data: TrainingSet,
    *,
    recipe: Recipe,
    seed: int,
    budget_seconds: float,
    stop_after: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    beside: Executor | None = None,
) -> Trained:
    """Train the recipe on labelled rows; the last of their sprints decides when to stop.

    budget_seconds: wall clock for growing the model. stop_after: trees at which the clock ended an earlier training
    that is to be repeated; no clock is asked then. beside: where twin and importance are computed while trees grow.
    """
    from threadpoolctl import threadpool_limits

    begun, inputs, label, task = clock(), data.inputs, data.label, data.task
    held = data.rows["sprint"].to_numpy() == data.sprints[-1]
    submit = beside.submit if beside else _at_once
    # Built first: the limit reaches only libraries that are loaded by then, and building is what loads scikit-learn.
    model, twin = recipe.build(seed), recipe.twin(seed)
    must_be_served(task, model, twin, own=recipe.exporter)
    boosters.without_stopping(twin[-1])  # it is fitted on every row, so that none is left to stop on
    with threadpool_limits(limits=cores(recipe)):
        twin_fitted = submit(lambda: twin.fit(with_values(inputs), label))
        deadline = begun + budget_seconds if stop_after is None else math.inf
        grown = grow(model, inputs, label, held, deadline, clock, stop_after)
        unseen = task.predicted(model, inputs[held])
        validation = {
            "sprint": data.sprints[-1],
            "rows": int(held.sum()),
            "metrics": task.measure(label[held], unseen),
        }
        errors = task.errors_of(label[held], unseen)
        importance = submit(_importance, task, model, inputs[held], label[held], seed)
        # A training that is repeated up to where its clock ended it never came to its second growth.
        again_grown = recipe.refit and stop_after is None
        if again_grown and grown.stopped == "converged" and grown.best is not None:
            again = recipe.build(seed)
            trees = max(grown.best, recipe.refit_least)
            if regrow(again, inputs, label, trees, deadline, clock):
                model, grown = again, Grown("converged", trees, grown.best)
            else:
                grown = Grown("budget", grown.iterations, grown.best)
        twin_fitted.result()
        importance.result()
    return Trained(
        model=model,
        twin=twin,
        naive=Naive.fit(data.rows, task.targets(label), recipe.naive_groups, statistic=task.statistic),
        recipe=recipe,
        stopped=grown.stopped,
        twin_stopped=settled_once(twin),
        iterations=grown.iterations,
        seconds=clock() - begun,
        importance=importance.result(),
        validation=validation,
        params={**recipe.identity(), "label": LABEL, "task": task.name, **task.given_options},
        seed=seed,
        sprints=data.sprints,
        judged=data.judged,
        keys=data.rows[[*KEYS, LABEL]].reset_index(drop=True),
        rows=inputs,
        task=task,
        errors=errors,
    )


def cores(recipe: Recipe) -> dict[str, int]:
    """Threads by kind of library while a recipe trains: trees share the work, linear algebra this small only waits."""
    return {"openmp": recipe.threads, "blas": 1}


def _at_once(call: Callable[..., Any], *args: Any) -> Future[Any]:
    """What an executor's `submit` does, without another thread."""
    done: Future[Any] = Future()
    done.set_result(call(*args))
    return done


def snapshot(
    trained: Trained,
    *,
    product: str,
    data_versions: Mapping[str, Mapping[str, str]],
    code_hash: str,
    lock_hash: str,
) -> Snapshot:
    """The evidence of a training: hashes of its keys and of the features it saw, and the versions they came from."""
    return Snapshot(
        product=product,
        sprints=trained.sprints,
        judged=trained.judged,
        rows=len(trained.keys),
        keys_hash=frame_hash(trained.keys),
        features_hash=frame_hash(trained.rows),
        data_versions=data_versions,
        params=trained.params,
        seed=trained.seed,
        code_hash=code_hash,
        lock_hash=lock_hash,
    )


def _labelled(
    frame: pd.DataFrame,
    labels: pd.DataFrame,
    sprints: Sequence[str],
    judged: str,
    recipe: Recipe,
    task: Task,
) -> pd.DataFrame:
    sprints = sorted(sprints)
    # Keys of one calendar sort by time (`2013-S07`), so "later" needs no calendar here.
    if late := [sprint for sprint in sprints if sprint >= judged]:
        raise TrainingError(
            f"{', '.join(late)} cannot be trained on: the candidate is judged on {judged}, and neither "
            f"that sprint nor a later one may be in its training or tuning"
        )
    # Only keys are joined and sorted; a frame of a year's features is copied once, in the end.
    asked = frame[list(KEYS)].assign(**{_PLACE: np.arange(len(frame))})[frame["sprint"].isin(sprints)]
    known = labels[labels["sprint"].isin(sprints) & labels[LABEL].notna()]
    known = known[[name for name in (*KEYS, LABEL, "known_at") if name in known.columns]]
    for name, one in (("features", asked), ("labels", known)):
        if (double := one.duplicated(list(KEYS))).any():
            raise TrainingError(
                f"{int(double.sum())} questions appear twice among the {name}, the first is "
                f"{one.loc[double, 'question_id'].iloc[0]}: fix the mart they come from"
            )
    pairs = asked.merge(known, on=list(KEYS), how="inner")
    found = set(pairs["sprint"])
    if empty := [sprint for sprint in sprints if sprint not in found]:
        raise TrainingError(f"no labelled questions in {', '.join(empty)}: close these sprints first")
    if task.odd_codes(pairs[LABEL]).any():
        raise TrainingError(f"labels must be {task.answers}")
    pairs = pairs.sort_values(["sprint", "question_id"], kind="stable")
    place = pairs[_PLACE].to_numpy()
    rows = frame[list(dict.fromkeys((*KEYS, *recipe.inputs.names)))].take(place).reset_index(drop=True)
    rows[LABEL] = pairs[LABEL].array
    if "question_at" in frame.columns:
        rows[ASKED] = frame["question_at"].take(place).array
    if "known_at" in pairs.columns:
        rows[ANSWERED] = pairs["known_at"].array
    return rows


def _importance(
    task: Task, model: Any, inputs: pd.DataFrame, label: NDArray[Any], seed: int
) -> dict[str, float]:
    """Quality lost when a column is shuffled, on at most 2,000 rows; the largest first. Breiman (2001)."""
    import pandas as pd

    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(inputs))[:_IMPORTANCE_ROWS])
    sample, outcome = inputs.iloc[chosen].reset_index(drop=True), label[chosen]
    whole = task.of_quality(outcome, task.predicted(model, sample))
    if whole is None:
        return {}
    # Shuffled in the order of the columns, so that the same seed shuffles alike, and asked for many at once.
    names, lost = [str(name) for name in sample.columns], {}
    for start in range(0, len(names), _IMPORTANCE_COLUMNS):
        some = names[start : start + _IMPORTANCE_COLUMNS]
        shuffled = [
            sample.assign(**{name: sample[name].to_numpy()[random.permutation(len(sample))]}) for name in some
        ]
        predictions = task.predicted(model, pd.concat(shuffled, ignore_index=True))
        for name, one in zip(some, np.split(predictions, len(some)), strict=True):
            lost[name] = whole - (task.of_quality(outcome, one) or 0)
    return dict(sorted(lost.items(), key=lambda one: -one[1]))
