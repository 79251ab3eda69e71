"""Rolling-origin backtest: would the recipe have worked, trained earlier on what was known then?

The time a candidate was trained on is cut into equal parts; before each of the last of them the recipe is trained on
the questions whose outcome was known by then, and judged on the part that follows (Tashman, 2000, "Out-of-sample tests
of forecasting accuracy"). Questions asked before an origin and answered after it are the gap: they are in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sprintline.learning import boosters
from sprintline.learning.enough import rows_for
from sprintline.learning.facts import Backtest, Origin, Skill
from sprintline.learning.growth import with_values
from sprintline.learning.recipes import Naive, Recipe
from sprintline.learning.skills import skill_of
from sprintline.learning.tasks.task import Task
from sprintline.learning.training import cores

if TYPE_CHECKING:
    import pandas as pd

PARTS, ORIGINS = 6, 3
#: What one origin may cost: trees grown and rows learned from. It asks whether the recipe holds, not how good it gets.
TREES, ROWS = 50, 30_000


def rolling_origin(
    rows: pd.DataFrame,
    label: NDArray[Any],
    asked_at: pd.Series,
    known_at: pd.Series,
    recipe: Recipe,
    seed: int,
    task: Task,
) -> Backtest:
    """Judge a recipe from earlier origins.

    rows: prepared columns of the training rows. label: the answer of each. asked_at, known_at: aware moments at which
    each question was asked and its outcome became known.

    Figures of an origin are None where its part holds too few outcomes.
    """
    asked, known = _seconds(asked_at), _seconds(known_at)
    edges = np.linspace(asked.min(), asked.max() + 1, PARTS + 1)
    origins: list[Origin] = []
    for part in range(PARTS - ORIGINS, PARTS):
        learned = np.flatnonzero(known < edges[part])
        judged = (asked >= edges[part]) & (asked < edges[part + 1])
        one: Origin = {
            "at": np.datetime_as_string(np.datetime64(int(edges[part]), "s")) + "Z",
            "trained_rows": len(learned),
            "withheld": int(((asked < edges[part]) & (known >= edges[part])).sum()),
            "rows": int(judged.sum()),
            "naive": None,
            "skill": None,
            "skill_error": None,
        }
        if task.is_rate:
            one["positives"] = int(label[judged].sum())
        if task.enough(label[learned]) and task.enough(label[judged]):
            step = -(-len(learned) // ROWS)
            one |= _judge(rows, label, learned[::step], judged, asked[judged], recipe, seed, task)  # type: ignore[typeddict-item]
        else:
            one["rows_needed"] = rows_for(task.enough, label[judged]) or rows_for(task.enough, label)
        origins.append(one)
    return {"parts": PARTS, "origins": origins, "stability": stability(origins)}


def stability(origins: Sequence[Skill]) -> float | None:
    """The least skill of an origin as a share of the mean skill; None when one was not judged or there is no skill."""
    found = [skill_of(one) for one in origins]
    skills = [one for one in found if one is not None]
    if len(skills) < len(found):
        return None
    mean = float(np.mean(skills))
    return min(skills) / mean if mean > 0 else None


def _judge(
    rows: pd.DataFrame,
    label: NDArray[Any],
    learned: NDArray[Any],
    judged: NDArray[np.bool_],
    asked: NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    task: Task,
) -> Skill:
    from threadpoolctl import threadpool_limits

    pipeline, inputs, outcome = recipe.build(seed), rows.iloc[learned], label[learned]
    last = pipeline[-1]
    with threadpool_limits(limits=cores(recipe)):
        if {"max_iter", "early_stopping", "n_iter_no_change"} <= set(last.get_params()):
            last.set_params(max_iter=min(TREES, last.max_iter), early_stopping=False)
        elif boosters.stops_early(last):
            boosters.without_stopping(last, min(TREES, last.get_params()["n_estimators"]))
        predictions = task.predicted(pipeline.fit(with_values(inputs), outcome), rows[judged])
    targets = task.targets(outcome)
    naive = Naive.fit(inputs.reset_index(drop=True), targets, recipe.naive_groups, statistic=task.statistic)
    return task.skill(label[judged], predictions, naive.predict(rows[judged]), asked)


def _seconds(moments: pd.Series) -> NDArray[np.int64]:
    import pandas as pd

    return np.asarray(
        pd.to_datetime(moments, utc=True).dt.tz_localize(None).astype("datetime64[s]").astype("int64")
    )
