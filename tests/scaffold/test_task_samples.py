"""The sample of each task is invented, the same for the same name, and says what the answer is, with its unit."""

from __future__ import annotations

import pandas as pd
import pytest

from sprintline.landing.odcs import parse_contract
from sprintline.learning.tasks import tasks
from sprintline.product.spec import parse_product
from sprintline.scaffold.create import ScaffoldError
from sprintline.scaffold.sample import seed_of
from sprintline.scaffold.task_files import TASK_FILES
from sprintline.scaffold.task_samples import SAMPLES, create_sample, rows_of


@pytest.fixture
def clone(tmp_path):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workspace.yaml").write_text("load_from:\n")
    return tmp_path


def frame_of(name: str, product: str = "bakery") -> pd.DataFrame:
    rows = list(rows_of(SAMPLES[name], seed_of(product)))
    return pd.DataFrame(rows[1:], columns=rows[0])


def test_every_task_has_a_sample_and_what_its_files_need():
    assert set(TASK_FILES) == {"binary", *SAMPLES}
    assert set(tasks()) == set(TASK_FILES)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_files_say_what_the_answer_is_in_which_unit_and_that_it_is_invented(clone, name):
    sample = SAMPLES[name]
    made = create_sample("bakery", clone, name)
    folder = clone / "platform/products/bakery"
    assert all(file.is_file() for file in made.files) and not made.notes
    spec = parse_product((folder / "defs.yaml").read_text(), "defs.yaml")
    assert spec.model.task == name and spec.model.positive == sample.means
    assert spec.description == f"{sample.question} Deliveries are invented."
    contract = (folder / "contracts/deliveries.yaml").read_text()
    answer = parse_contract(contract, "deliveries.yaml").column(sample.label)
    assert answer.description == sample.means[0].upper() + sample.means[1:] + "."
    assert answer.unit == (sample.unit or None)
    assert "limitations: " in contract and "invented" in contract


def test_without_a_task_it_is_the_sample_of_two_sources(clone):
    create_sample("bakery", clone)
    create_sample("butcher", clone, "binary")
    models = clone / "dbt_project/models"
    assert {file.name for file in (models / "bakery").rglob("*.*")} == {
        file.name for file in (models / "butcher").rglob("*.*")
    }
    assert (models / "bakery/staging/stg_orders.sql").is_file()


def test_a_task_that_is_not_there_is_refused_and_nothing_is_made(clone):
    before = sorted(clone.rglob("*"))
    with pytest.raises(ScaffoldError, match="--task: there is no task survival; known are binary, "):
        create_sample("bakery", clone, "survival")
    assert sorted(clone.rglob("*")) == before


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_is_the_same_for_the_same_name_and_another_for_another(name):
    first = frame_of(name)
    assert frame_of(name).equals(first)
    assert not frame_of(name, "butcher").equals(first)


def test_the_answers_suit_their_task():
    minutes = frame_of("regression")["minutes_late"]
    assert minutes.dtype == "int64" and (minutes < 0).mean() > 0.2 and (minutes > 0).mean() > 0.2
    assert frame_of("quantile")["minutes_late"].equals(minutes)
    returned = frame_of("count")["items_returned"]
    assert returned.dtype == "int64" and returned.min() == 0 and 0.3 < returned.mean() < 3
    assert returned.var() > returned.mean(), "the expected count differs by order"
    shares = frame_of("multiclass")["taken_by"].value_counts(normalize=True)
    assert set(shares.index) == {"customer", "neighbour", "shop"} and shares.min() > 0.1
