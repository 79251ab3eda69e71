"""`sprintline reset`: one product's state goes, its code and all other products stay."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.ledger_events import body
from tests.mechanisms.test_procedures_killed import killed_at
from tests.parts import require_proc
from tests.state.trials import Removal, Reset

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.hosting import starts
from sprintline.lake.tables import Lake
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.procedures.begun import begun_procedures
from sprintline.product.events import CLOSED
from sprintline.scaffold.create import create_product
from sprintline.state import removal
from sprintline.state.hashes import parts_of


@pytest.fixture
def clone(home, tmp_path, monkeypatch):
    """Two products, with closed sprints, predictions and landed files."""
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", root)
    frame = pd.DataFrame({"question_id": ["a", "b"], "probability": [0.1, 0.2], "model_id": "m1"})
    for product in ("bakery", "bakery_two"):
        create_product(product, root)
        for room in (home.landing, home.quarantine):
            (room / product).mkdir(parents=True)
            (room / product / "2026-S01.csv").write_bytes(b"x" * 2_000_000)
        Lake(home.lake).write(f"{product}/predictions", "2026-S01", frame, "question_id")
        open_records(home).append(CLOSED, product, "2026-S01", "sensor", body(CLOSED))
        open_records(home).measure(product, "2026-S01", "orders", "v1", {})
    return root


def call(*arguments: str, **more: str):
    return CliRunner().invoke(cli, ["reset", *arguments], **more)


def files(root) -> dict:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_one_products_state_goes_and_its_code_and_the_other_stay(clone, home):
    code, other = files(clone), parts_of("bakery_two", home)
    landed = files(home.landing / "bakery_two")
    done = call("bakery", input="y\n")
    assert done.exit_code == 0, done.output
    assert f"{home.landing / 'bakery'}" in done.output and "2.0 MB" in done.output
    assert "its next closing starts from nothing" in " ".join(done.output.split())
    assert removal.state_of(home, "bakery") == [] and parts_of("bakery", home) == []
    records = open_records(home)
    assert (records.events("bakery"), records.measurements("bakery")) == ([], {})
    assert files(clone) == code
    assert other and parts_of("bakery_two", home) == other and files(home.landing / "bakery_two") == landed
    assert records.events("bakery_two") and records.measurements("bakery_two") and records.verify().ok
    assert "nothing to clear" in call("bakery").output


def test_unasked_or_by_a_wrong_name_nothing_goes(clone, home):
    before = files(home.lake)
    assert call("bakery", input="n\n").exit_code == 1
    assert call("bakery").exit_code == 1, "no one is there to ask"
    for name in ("bakry", "..", "", "../products"):
        assert isinstance(call(name, "--yes").exception, SystemExit)
    assert files(home.lake) == before and open_records(home).events("bakery")


def test_while_something_works_on_the_state_nothing_goes(clone, home):
    require_proc()
    for where in ("replay", "mlflow"):
        with starts.mark(home, where):
            assert f"`sprintline {where}` is using this state folder" in call("bakery", "--yes").output
    run = subprocess.Popen(
        [sys.executable, "-c", "input()", "dagster"],
        stdin=subprocess.PIPE,
        env={"DAGSTER_HOME": str(home.dagster)},
    )
    try:
        done = call("bakery", "--yes")
        assert f"process {run.pid} is working on" in done.output and done.exit_code == 1
    finally:
        run.communicate()
    assert open_records(home).events("bakery")
    assert call("bakery", "--yes").exit_code == 0


def test_killed_it_names_itself_as_the_way_on_and_not_the_removal_of_the_code(home, monkeypatch):
    trial = Reset(home, monkeypatch)
    killed_at("reset.champion", trial)
    (begun,) = begun_procedures(open_records(home))
    assert begun.resume == "sprintline reset bakery"


@pytest.mark.parametrize(("first", "then"), [(Reset, Removal), (Removal, Reset)])
def test_a_removal_completes_an_interrupted_reset_and_the_other_way_round(home, monkeypatch, first, then):
    trial = first(home, monkeypatch)
    killed_at(f"{'reset' if first is Reset else 'remove'}.folders", trial)
    assert removal.removal_interrupted(home, "bakery")
    then.run(trial)
    assert begun_procedures(open_records(home)) == [] and not removal.removal_interrupted(home, "bakery")
    assert removal.state_of(home, "bakery") == []
