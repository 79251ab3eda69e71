"""`sprintline remove`: what goes and what stays, and that a removal can be called again wherever it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tests.ledger_events import NOTE, body, note

from sprintline.base import settings
from sprintline.base.failpoints import VARIABLE
from sprintline.cli.main import cli
from sprintline.hosting import starts
from sprintline.hosting.instance import environment, prepare
from sprintline.learning.registry import Models
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.product.events import CLOSED
from sprintline.scaffold.create import create_product
from sprintline.state import removal
from sprintline.state.procedures import REMOVE

ROOMS = 9
"""Folders and files of a product's state, each made by the fixture below."""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "state"))
    create_product("bakery", tmp_path)
    return tmp_path


@pytest.fixture
def home(clone):
    """The state folder, with something of two products in each of their rooms."""
    home = settings.home()
    for product in ("bakery", "bakery_two"):
        for room in home.rooms_of(product):
            if room.suffix:
                room.parent.mkdir(parents=True, exist_ok=True)
                room.write_text("rows")
            else:
                (room / "2026-S01").mkdir(parents=True)
        open_records(home).append(CLOSED, product, "2026-S01", "sensor", body(CLOSED))
        open_records(home).measure(product, "2026-S01", "orders", "v1", {})
    return home


def call(*arguments, code=0, **more):
    done = CliRunner().invoke(cli, ["remove", *arguments], **more)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_the_code_goes_and_the_state_stays(clone, home):
    told = call("bakery", "--yes")
    assert f"Removed bakery. Its state stays in {home.root}." in told
    assert not list(clone.glob("*/**/bakery/defs.yaml")) and len(removal.state_of(home, "bakery")) == ROOMS
    assert open_records(home).events("bakery") and open_records(home).measurements("bakery")


def test_with_its_state_everything_goes_and_nobody_elses(clone, home):
    told = call("bakery", "--state", input="y\n")
    assert "warehouse/bakery.duckdb" in told and "Verdicts, ledger and models stay." in told
    assert removal.state_of(home, "bakery") == [] and len(removal.state_of(home, "bakery_two")) == ROOMS
    records = open_records(home)
    assert (records.events("bakery"), records.measurements("bakery")) == ([], {})
    assert records.events("bakery_two") and records.measurements("bakery_two")
    assert "Mind: " not in CliRunner().invoke(cli, ["new", "bakery"]).output, (
        "a product of that name begins anew"
    )
    assert "bakery left" not in call("bakery_two", "--yes", code=2, input=""), "there is no such code"


def test_unasked_nothing_goes(clone, home):
    call("bakery", "--state", input="n\n", code=1)
    assert len(removal.state_of(home, "bakery")) == ROOMS and (clone / "platform/products/bakery").is_dir()
    assert open_records(home).events("bakery")


@pytest.mark.parametrize("ends_at", range(3))
def test_a_removal_that_ended_half_way_is_called_again(clone, home, monkeypatch, ends_at):
    calls, real = [], removal.shutil.rmtree

    def failing(place, *rest, **more):
        calls.append(place)
        if len(calls) == ends_at * 4 + 1:
            raise OSError(5, "Input/output error", str(place))
        real(place, *rest, **more)

    monkeypatch.setattr(removal.shutil, "rmtree", failing)  # the scaffold's too: it is one module
    call("bakery", "--state", "--yes", code=1)
    assert open_records(home).events("bakery") == [], "from the first step on nothing looks closed"
    monkeypatch.setattr(removal.shutil, "rmtree", real)
    call("bakery", "--state", "--yes")
    assert removal.state_of(home, "bakery") == [] and not (clone / "platform/products/bakery").exists()
    assert "there is no product bakery" in call("bakery", "--state", "--yes", code=2)


def test_an_entry_that_cannot_be_told_keeps_everything(clone, home):
    entries = ", ".join(
        f"{{python_module: {{module_name: products.{name}.definitions}}}}" for name in ("bakery", "cafe")
    )
    (clone / "workspace.yaml").write_text(f"load_from: [{entries}]\n")
    assert "remove it by hand" in call("bakery", "--state", "--yes", code=1)
    assert len(removal.state_of(home, "bakery")) == ROOMS and open_records(home).events("bakery")


def test_while_something_closes_sprints_nothing_goes(clone, home):
    with starts.mark(home, "replay") as folder:
        assert "`sprintline replay` is using this state folder" in call("bakery", "--state", "--yes", code=1)
        assert len(removal.state_of(home, "bakery")) == ROOMS and open_records(home).events("bakery")
        (folder / starts.OWNER).write_text(f"{os.getpid()}@another start")
        call("bakery", "--state", "--yes")


def test_what_was_only_recorded_is_told_and_can_be_removed(clone, home):
    call("bakery", "--yes")
    for place in removal.state_of(home, "bakery"):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert "the state of an earlier product bakery" in CliRunner().invoke(cli, ["new", "bakery"]).output
    call("bakery", "--yes")
    call("bakery", "--state", "--yes")
    assert "an earlier product" not in CliRunner().invoke(cli, ["new", "bakery"]).output


def test_state_without_code_can_still_be_removed(clone, home):
    call("bakery", "--yes")
    assert "the state of an earlier product bakery" in CliRunner().invoke(cli, ["new", "bakery"]).output
    call("bakery", "--yes")
    call("bakery", "--state", "--yes")
    assert removal.state_of(home, "bakery") == []
    open_records(home).append(NOTE, "", None, "sam", note())  # an event of the platform's own
    for name in ("..", "../products", ""):
        assert "is not a product name" in call(name, "--state", "--yes", code=2)
    assert len(removal.state_of(home, "bakery_two")) == ROOMS and open_records(home).events("bakery_two")


# --- killed half-way -------------------------------------------------------------------------------------------------


def killed(point: str) -> None:
    """`sprintline remove bakery --state`, killed at a failpoint."""
    child = os.fork()
    if child == 0:
        os.environ[VARIABLE] = point
        try:
            CliRunner().invoke(cli, ["remove", "bakery", "--state", "--yes"])
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def opened() -> list[dict]:
    return json.loads(CliRunner().invoke(cli, ["procedures", "--json"]).output)


def use(home) -> None:
    """What a product of that name does: a file lands, a sprint closes."""
    (home.landing / "bakery").mkdir(parents=True, exist_ok=True)
    open_records(home).append(CLOSED, "bakery", "2026-S02", "sensor", body(CLOSED), key="2026-S02")


@pytest.mark.fault
@pytest.mark.parametrize("point", REMOVE.failpoints)
def test_a_killed_removal_is_listed_and_the_same_command_completes_it(clone, home, point):
    killed(point)
    (one,) = opened()
    assert (one["product"], one["procedure"], one["subject"]) == ("", "remove", "bakery")
    assert one["resume"] == "sprintline remove bakery --state"
    closings = len(open_records(home).events("bakery", kind="closed"))
    whole = point == "remove.intended"
    assert closings == whole, "what looks closed is all there"
    assert not whole or len(removal.state_of(home, "bakery")) == ROOMS
    said = call("bakery", "--state", "--yes")
    assert "A removal of the state of bakery was interrupted; this continues it." in said
    assert opened() == [] and removal.state_of(home, "bakery") == []
    assert open_records(home).events("bakery") == []
    events = open_records(home).events(product="")
    assert [one.body["attempt"] for one in events if one.kind == "outcome"] == [1]
    assert len(removal.state_of(home, "bakery_two")) == ROOMS and open_records(home).events("bakery_two")
    assert "Mind: " not in CliRunner().invoke(cli, ["new", "bakery"]).output


@pytest.mark.fault
@pytest.mark.parametrize("point", ["remove.records", "remove.folders", "remove.runs", "remove.ended"])
def test_what_came_while_a_removal_was_interrupted_goes_as_well(clone, home, point):
    killed(point)
    use(home)
    call("bakery", "--state", "--yes")
    assert opened() == [] and removal.state_of(home, "bakery") == []
    assert open_records(home).events("bakery") == [], "no closing is left without its data"


@pytest.mark.fault
def test_an_interrupted_removal_is_told_to_whoever_makes_the_product_anew(clone, home):
    killed("remove.folders")
    assert "was interrupted" not in call("bakery", "--yes"), "the code alone says nothing of the state"
    assert "the removal of an earlier product bakery was interrupted" in (
        CliRunner().invoke(cli, ["new", "bakery"]).output
    )
    shown = CliRunner().invoke(cli, ["status"]).output
    assert "remove bakery was started at" in " ".join(shown.split())
    call("bakery", "--yes")
    call("bakery", "--state", "--yes")  # neither code nor files nor events are left, only the open removal
    assert opened() == []
    assert "there is no product bakery" in call("bakery", "--state", "--yes", code=2)


def test_a_product_that_was_made_again_is_removed_again(clone, home):
    for _ in range(2):
        call("bakery", "--state", "--yes")
        CliRunner().invoke(cli, ["new", "bakery"])
        use(home)
    outcomes = [one.body for one in open_records(home).events(product="", kind="outcome")]
    assert [(one["attempt"], one["outcome"]) for one in outcomes] == [(1, "done"), (2, "done")]


RUNS = """
import sys
from dagster import AssetKey, AssetMaterialization, DagsterInstance, DagsterRun
from dagster._core.utils import make_new_run_id
with DagsterInstance.get() as instance:
    for product in sys.argv[1:]:
        instance.add_run(DagsterRun("closing", make_new_run_id(), tags={"sprintline/product": product}))
        instance.report_runless_asset_event(AssetMaterialization(AssetKey([product, "orders"])))
    print(sorted(run.tags["sprintline/product"] for run in instance.get_runs()),
          sorted(key.path[0] for key in instance.all_asset_keys() if instance.get_latest_materialization_event(key)))
"""


@pytest.mark.slow
@pytest.mark.fault
def test_killed_between_mlflow_and_dagster_both_forget_in_the_end(clone, home):
    """The stores themselves, where other tests have files in their place."""

    def in_dagster(*products: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", RUNS, *products]
        done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr[-2000:]
        return done.stdout.strip()

    prepare(home)
    assert in_dagster("bakery", "bakery_two") == "['bakery', 'bakery_two'] ['bakery', 'bakery_two']"
    for product in ("bakery", "bakery_two"):
        models = Models(home, product)
        models.init()
        models._client.create_registered_model(product)
        models._client.create_model_version(product, "file:///nowhere", tags={"model_id": f"m of {product}"})
        models.set_alias(f"m of {product}", "champion")
    armed = {**environment(home), VARIABLE: "remove.champion"}
    code = (
        "import sys; from pathlib import Path; from sprintline.base import settings; "
        f"settings.ROOT = Path({str(clone)!r}); from sprintline.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "remove", "bakery", "--state", "--yes"]
    assert subprocess.run(command, env=armed, check=False).returncode == -signal.SIGKILL
    assert Models(home, "bakery").alias("champion") is None
    assert in_dagster() == "['bakery', 'bakery_two'] ['bakery', 'bakery_two']"
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
    assert not done.returncode and "this continues it" in done.stdout, done.stderr
    assert in_dagster() == "['bakery_two'] ['bakery_two']"
    assert Models(home, "bakery_two").alias("champion") == "m of bakery_two"
    assert opened() == []
