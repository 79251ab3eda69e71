"""Limits follow from the statistics that judge: each is held against the statistic itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sprintline.base.settings import ROOT
from sprintline.learning import enough, metrics
from sprintline.learning.interval_simulation import MOST
from sprintline.learning.rules import RULES as MADE
from sprintline.learning.rules import SURELY
from sprintline.learning.tasks import binary, regression
from sprintline.learning.tasks.binary import standard_error
from sprintline.product.spec import ModelSpec
from sprintline.release.rules import RULES as COMPARED


def test_the_least_outcomes_of_a_backtest_are_those_that_show_a_lost_skill():
    """ML409 fails a part that is surely below half the mean skill. With fewer outcomes it could not: a model of ROC-AUC
    0.75, skill ½, that has lost all of it has to be seen."""

    def seen(of_either: int) -> bool:
        return SURELY * 2 * standard_error(0.5, of_either, of_either) <= 0.5 * 0.5

    assert seen(binary.LEAST) and not seen(binary.LEAST - 2)


def test_the_least_of_either_answer_is_the_fewest_whose_false_gains_were_simulated():
    cells = json.loads((ROOT / "docs/reference/interval.json").read_text())["one_a_day"]
    fewest = [one for one in cells if 0.2 < one["compared"] < 0.9]
    assert fewest, "of some sprints there are just enough"
    for one in cells:
        allowed = MOST[one["spell"]] + 3 * np.sqrt(MOST[one["spell"]] / (300 * max(one["compared"], 0.01)))
        assert one["false_gains_compared"] <= allowed, one
    y = np.r_[np.ones(enough.LEAST_OF_EITHER), np.zeros(40)]
    more = {"least_rows": 1, "draws": 100, "blocks": np.arange(len(y))}
    noise = np.random.default_rng(1).random(len(y))
    assert metrics.by_slice(y, noise, 1 - noise, np.zeros(len(y)), **more)
    y[0] = 0
    assert not metrics.by_slice(y, noise, 1 - noise, np.zeros(len(y)), **more)
    assert enough.LEAST_DAYS == metrics.LEAST_BLOCKS


def test_rows_are_as_many_as_the_task_asks_of_answers_mixed_like_these():
    mixed = np.r_[np.ones(20), np.zeros(25)]
    needed = enough.rows_for(binary.TASK.enough, mixed)
    assert needed is not None and 105 <= needed <= 120, "50 of 20 in 45"
    assert enough.rows_for(regression.TASK.enough, np.arange(45.0)) == regression.LEAST
    assert enough.rows_for(binary.TASK.enough, np.zeros(4)) is None
    assert enough.rows_for(binary.TASK.enough, np.zeros(0)) is None


@pytest.mark.parametrize("rarer", [0.5, 0.2, None])
def test_the_proposed_sprint_is_the_shortest_with_the_power(rarer):
    days = enough.days_for(3, rarer)
    assert days is not None and enough.power(3 * days, days, rarer) >= enough.POWER
    assert enough.power(3 * (days - 1), days - 1, rarer) < enough.POWER
    assert enough.days_for(0.1, rarer) is None


def test_the_power_is_that_of_the_interval_itself():
    """The formula against the bootstrap it stands for, on one answer a day of a regression worth having."""
    random, days, seen = np.random.default_rng(3), 128, 0
    for number in range(60):
        shared = random.normal(size=days)
        naive = shared + random.normal(size=days)
        model = 0.75 * (shared + random.normal(size=days))
        answers = np.zeros(days)
        found = metrics.paired_bootstrap(
            answers, model, naive, "mae", blocks=np.arange(days), draws=200, seed=number
        )
        seen += found.sure_gain
    assert seen / 60 >= enough.POWER - 0.15, seen / 60


def test_what_is_proposed_is_a_line_and_never_what_is_there_already():
    assert "`train_sprints: 9` under model" in enough.learn_from_more(3, 7, 2.9)
    assert "wait for 6 more" in enough.learn_from_more(3, 10, 2.9)
    assert "longer as well" in enough.learn_from_more(300, 300, 2)
    assert enough.longer_sprints(7, "2026-S05", 3) == (
        "write `length_days_from: {2026-S05: 21}` under calendar in defs.yaml"
    )
    assert "even a sprint of 366 days" in enough.longer_sprints(92, "2026-S05", 5)
    assert "length_days_from" in enough.longer_sprints(None, None, 5)
    limit = next(one.le for one in ModelSpec.model_fields["train_sprints"].metadata if hasattr(one, "le"))
    assert limit == enough.MOST_TRAIN_SPRINTS


def judged(code: str, rules, **evidence):
    rule = next(one for one in rules if one.code == code)
    return rule({"trained": True, **evidence})


def test_too_few_for_a_backtest_says_how_many_and_what_to_declare():
    thin = {"at": "2022-11-04T00:00:00Z", "rows": 45, "positives": 20, "skill": None, "rows_needed": 113}
    verdict = judged(
        "ML409", MADE, backtest={"origins": [thin, thin, thin]},
        snapshot={"sprints": ["2022-S01", "2022-S02", "2022-S03"]}, train_sprints=6,
    )  # fmt: skip
    assert verdict.outcome.value == "insufficient"
    assert "has 45 rows, 20 of them positive, and mixed like these 113 are needed" in verdict.sentence
    assert "write `train_sprints: 8` under model" in verdict.sentence


def test_too_few_to_compare_says_how_many_and_proposes_a_longer_sprint():
    verdict = judged(
        "ML408", COMPARED, slices={}, slices_against="the naive", rarer_judged=2, judged_days=7, rows_judged=7,
        judged="2022-S10", sprint_days=7, sprint_after="2022-S11",
    )  # fmt: skip
    assert "all 7 rows of 2022-S10 have 2 of the rarer answer, 10 are needed" in verdict.sentence
    assert "`length_days_from: {2022-S11: 35}`" in verdict.sentence


def test_a_tie_says_how_many_rows_would_make_it_sure():
    interval = {
        "metric": "roc_auc", "difference": 0.06, "low": -0.03, "high": 0.15, "draws": 500, "blocks": 92,
    }  # fmt: skip
    told = judged("ML405", COMPARED, champion="abc", against_champion=interval).sentence
    assert "a gain of this size would be sure of 2.2 times as many rows" in told
    worse = judged(
        "ML405", COMPARED, champion="abc", against_champion={**interval, "difference": -0.01}
    ).sentence
    assert "times as many" not in worse
