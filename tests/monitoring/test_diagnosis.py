"""Where predictions were right: what each task says, the worst groups, and that hidden columns are never shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sprintline.landing.showable import Showable
from sprintline.learning import diagnosis as figures
from sprintline.learning.recipes import Inputs
from sprintline.learning.tasks import task_named, tasks
from sprintline.learning.tasks.task import Task
from sprintline.mechanisms.reports.document import Curves, Document, Paragraph, Ranking, Table
from sprintline.monitoring.diagnosis import Drivers, document
from sprintline.monitoring.groups import least_gap, sure

BINARY, REGRESSION = task_named("binary"), task_named("regression")
INPUTS = Inputs(("hour", "weight"), ("depot", "person"))
DRIVERS = Drivers({"person": 0.2, "depot": 0.1, "hour": 0.05, "weight": 0.0}, "2026-S03")
OPEN = Showable(frozenset(), frozenset())
OPTIONS = {"multiclass": {"classes": ["on time", "late", "lost"]}, "quantile": {"quantiles": [0.1, 0.5, 0.9]}}
PERSONAL = Showable(frozenset(("hour", "depot", "person")), frozenset(("person",)))


def asked(task: Task, worse: float = 0.0, rows: int = 3000) -> pd.DataFrame:
    """Questions whose answers are as predicted, but in the harbour: there they are higher by `worse`."""
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "question_at": pd.date_range("2026-02-02", periods=rows, freq="min", tz="UTC"),
            "hour": draw.integers(6, 20, rows).astype(float),
            "weight": draw.gamma(2, 3, rows),
            "depot": draw.choice(["north", "south", "harbour"], rows),
            "person": [f"Pat Person {n % 40}" for n in range(rows)],
        }
    )
    off = worse * (frame["depot"] == "harbour")
    if task is BINARY:
        said = np.clip(0.1 + 0.02 * frame["hour"], 0, 1)
        label = (draw.random(rows) < np.clip(said + off, 0, 1)).astype(float)
    else:
        said = 10 + 2 * frame["hour"]
        label = said + off + draw.normal(0, 4, rows)
    return frame.assign(**{task.column: said, "naive": float(label.mean()), "label": label})


def of(task: Task, frame: pd.DataFrame, showable: Showable = OPEN, label: str = "answer") -> Document:
    return document(task, frame, INPUTS, DRIVERS, showable, label)


def section(found: Document, title: str) -> Any:
    return next(one for one in found.sections if one.title == title)


def words(found: Any) -> str:
    return " ".join(one.text for one in found.parts if isinstance(one, Paragraph))


@pytest.mark.parametrize(
    ("task", "own"),
    [(BINARY, ["Calibration", "Precision by threshold"]), (REGRESSION, ["Residuals", "Coverage"])],
)
def test_each_task_has_its_own_sections_beside_those_of_all(task, own):
    found = of(task, asked(task, 8.0 if task is REGRESSION else 0.3))
    assert [one.title for one in found.sections] == [
        "What drives the model", *own, "Quality by slice", "Worst-predicted groups", "Predictions by input",
    ]  # fmt: skip
    assert Document.from_dict(json.loads(json.dumps(found.as_dict()))).sections == found.sections


def test_the_drivers_are_those_recorded_the_largest_first():
    ranking = section(of(BINARY, asked(BINARY)), "What drives the model").parts[1]
    assert ranking.names == ("person", "depot", "hour") and ranking.series["importance"][0] == 0.2
    bare = document(BINARY, asked(BINARY), INPUTS, None, OPEN, "answer")
    assert "No importance" in words(section(bare, "What drives the model"))


def test_calibration_and_thresholds_are_those_of_the_answers():
    answers = np.repeat([0.0, 0, 1, 1, 1, 0], 20)
    said = np.repeat([0.05, 0.15, 0.25, 0.85, 0.95, 0.35], 20)
    table = figures.thresholds(answers, said).parts[-1]
    by = {row[0]: row[1:] for row in table.rows}
    assert by[0.1] == (100, 3 / 5, 1.0) and by[0.8] == (40, 1.0, pytest.approx(2 / 3))
    assert 0.9 in by and 0.9 not in {
        row[0] for row in figures.thresholds(answers[:99], said[:99]).parts[-1].rows
    }
    assert "Fewer than 20 probabilities reach 10%" in figures.thresholds(answers, said / 20).parts[0].text
    curve = figures.calibration(answers, said).parts[1]
    assert curve.diagonal and list(curve.places) == sorted(curve.places)
    assert sum(curve.series["observed"]) == pytest.approx(3)


def test_residuals_and_coverage_are_those_of_the_answers():
    said = np.arange(100.0)
    answers = said + np.where(np.arange(100) % 2, 3.0, -1.0)
    residuals = figures.residuals(answers, said).parts
    assert "1 more than was predicted" in residuals[0].text
    assert set(residuals[1].series["highest tenth"]) == {3.0}
    table = figures.coverage(answers, said, said + 10).parts[-1]
    assert [row[1] for row in table.rows] == [2.0, 3.0, 3.0, 3.0] and table.rows[0][2] > 6


@pytest.mark.parametrize("task", [BINARY, REGRESSION], ids=lambda task: task.name)
def test_the_worst_group_is_the_planted_one_with_its_rows(task):
    found = section(of(task, asked(task, 8.0 if task is REGRESSION else 0.3)), "Worst-predicted groups")
    ranking = next(one for one in found.parts if isinstance(one, Ranking))
    assert ranking.names[0].startswith("depot harbour (")
    assert ranking.series["observed"][0] > ranking.series["predicted"][0]
    sample = next(one for one in found.parts if isinstance(one, Table))
    assert len(sample.rows) == 3 and sample.folded.startswith("depot harbour")
    depot = [one.name for one in sample.columns].index("depot")
    assert {row[depot] for row in sample.rows} == {"harbour"}


@pytest.mark.parametrize("task", [BINARY, REGRESSION], ids=lambda task: task.name)
def test_where_nothing_is_wrong_no_group_is_worst(task):
    found = section(of(task, asked(task)), "Worst-predicted groups")
    assert "do the answers differ from their predictions beyond chance" in words(found)
    assert not [one for one in found.parts if isinstance(one, Table)]


def test_what_goes_together_within_a_day_is_no_difference_beyond_chance():
    draw, found = np.random.default_rng(0), 0
    for _ in range(100):
        days = draw.integers(0, 14, 2000)
        error = draw.normal(0, 4, 2000) + draw.normal(0, 1, 14)[days]
        groups = [draw.random(2000) < 0.1 for _ in range(20)]
        found += max(least_gap(error[one], days[one], 14, sure(0.05 / 20, 14)) for one in groups) > 0
    assert found <= 10, "promised are five of a hundred sprints"
    assert least_gap(error + 5, days, 14, sure(0.05 / 20, 14)) > 3, "and a difference that is there is found"


class TestPersonal:
    def test_a_personal_column_is_in_no_table_and_no_plot(self):
        frame = asked(REGRESSION, 8.0)
        frame.loc[frame["person"] == "Pat Person 7", "label"] += 60  # its group would be the worst of all
        assert "Pat Person 7" in json.dumps(of(REGRESSION, frame).as_dict()), (
            "it is planted where it would show"
        )
        found = of(REGRESSION, frame, PERSONAL)
        assert "Pat Person" not in json.dumps(found.as_dict())
        assert "(person)" in words(section(found, "What is not shown"))
        assert "weight, person" in words(section(found, "What is not shown"))
        heads = [
            one.name for part in section(found, "Worst-predicted groups").parts if isinstance(part, Table)
            for one in part.columns
        ]  # fmt: skip
        assert "depot" in heads and not {"person", "weight"} & set(heads)

    def test_sql_that_renames_a_personal_column_does_not_show_it(self):
        frame = asked(REGRESSION, 8.0).rename(columns={"person": "who"})
        inputs = Inputs(("hour", "weight"), ("depot", "who"))
        found = document(REGRESSION, frame, inputs, DRIVERS, PERSONAL, "answer")
        assert "Pat Person" not in json.dumps(found.as_dict())

    def test_a_personal_answer_has_no_sample_rows(self):
        showable = Showable(frozenset(("depot", "answer")), frozenset(("answer",)))
        found = section(of(REGRESSION, asked(REGRESSION, 8.0), showable), "Worst-predicted groups")
        assert "No sample rows" in words(found) and not [one for one in found.parts if isinstance(one, Table)]

    def test_without_a_contract_nothing_is_shown(self):
        showable = Showable(frozenset(("depot",)), frozenset(), moments=False, known=False)
        found = of(REGRESSION, asked(REGRESSION, 8.0), showable)
        assert "harbour" not in json.dumps(found.as_dict())

    def test_a_personal_moment_is_not_shown(self):
        showable = Showable(frozenset(("depot",)), frozenset(("born",)), moments=False)
        assert "2026-02-0" not in json.dumps(of(REGRESSION, asked(REGRESSION, 8.0), showable).as_dict())


class TestSilence:
    def test_a_task_without_sections_says_so(self):
        found = of(BINARY, asked(BINARY).drop(columns="probability"))
        assert "There are no plots of predictions and answers for the task binary yet" in words(
            found.sections[-1]
        )
        texts = asked(BINARY).assign(label="yes")
        assert "no plots" in words(of(BINARY, texts).sections[-1])

    def test_a_task_that_declares_nothing_has_its_drivers_and_says_so(self):
        class Other(type(REGRESSION)):  # type: ignore[misc]
            name, sections, single = "other", Task.sections, Task.single

        found = of(Other(), asked(REGRESSION, 8.0))
        titles = [one.title for one in found.sections]
        assert titles == ["What drives the model", "Predictions and answers", "Quality by slice"]
        assert "for the task other yet" in words(found.sections[1])

    def test_without_answers_nothing_is_compared(self):
        assert "has an answer yet" in words(of(BINARY, asked(BINARY).head(0)).sections[-1])

    def test_every_task_answers_without_raising(self):
        for name in tasks():
            task = task_named(name, OPTIONS.get(name))
            frame = asked(REGRESSION, 8.0)
            columns = dict.fromkeys(task.columns(task.column), frame[REGRESSION.column])
            naive = dict.fromkeys(task.columns("naive"), 0.3)
            assert of(task, frame.assign(label=1.0, **columns, **naive)).sections

    def test_classes_and_quantiles_have_their_own_pages(self):
        frame, draw = asked(REGRESSION, 8.0), np.random.default_rng(4)
        late = np.clip(0.02 * frame["hour"], 0, 1)
        chance = np.column_stack([0.7 - late, late, np.full(len(frame), 0.3)])
        label = (draw.random(len(frame))[:, None] > chance.cumsum(axis=1)).sum(axis=1).astype(float)
        classes = task_named("multiclass", OPTIONS["multiclass"])
        issued = {
            **classes.issued(chance),
            **classes.named("naive", np.tile(chance.mean(axis=0), (len(frame), 1))),
        }
        found = of(classes, frame.assign(label=label, **issued), PERSONAL)
        table = found.sections[1].parts[1]
        assert found.sections[1].title == "Calibration by class" and table.rows[1][0] == "late"
        assert table.rows[1][2] == pytest.approx(table.rows[1][3], abs=0.03), "predicted and observed shares"
        taken = found.sections[2].parts[1].rows
        assert all(sum(row[2:]) == pytest.approx(1) for row in taken)
        slices = found.sections[3].parts[1]
        assert [one.name for one in slices.columns][2:] == ["log loss", "log loss, naive baseline"]
        assert "Pat Person" not in str(found)
        levels = task_named("quantile", OPTIONS["quantile"])
        middle = frame[REGRESSION.column].to_numpy()[:, None]
        truth = middle + 4 * np.array([-1.2816, 0.0, 1.2816])
        issued = {
            **levels.issued(truth),
            **levels.named("naive", np.tile([10.0, 36.0, 70.0], (len(frame), 1))),
        }
        found = of(levels, frame.assign(**issued))
        inside = {row[0]: row[1] for row in found.sections[1].parts[1].rows}
        assert found.sections[1].title == "Coverage" and 0.5 < inside["champion"] < 0.8, "the harbour is off"
        worst = next(one for one in found.sections if one.title == "Worst-predicted groups")
        assert "harbour" in str(worst)

    def test_a_handful_of_rows_is_no_mistake(self):
        for task in (BINARY, REGRESSION):
            found = of(task, asked(task, rows=4))
            assert all(
                isinstance(one, Paragraph | Curves | Ranking | Table)
                for part in found.sections
                for one in part.parts
            )
