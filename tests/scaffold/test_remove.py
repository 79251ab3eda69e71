"""`sprintline remove`: what goes and what stays, and that a removal can be called again wherever it ended."""

from __future__ import annotations

import os
import shutil

import pytest
from click.testing import CliRunner
from tests.ledger_events import NOTE, body, note

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.hosting.replay import REPLAY_PROCESS
from sprintline.hosting.warm import started
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.product.events import CLOSED
from sprintline.scaffold.create import create_product
from sprintline.state import removal


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
    assert not list(clone.glob("*/**/bakery/defs.yaml")) and len(removal.state_of(home, "bakery")) == 8
    assert open_records(home).events("bakery") and open_records(home).measurements("bakery")


def test_with_its_state_everything_goes_and_nobody_elses(clone, home):
    told = call("bakery", "--state", input="y\n")
    assert "warehouse/bakery.duckdb" in told and "Verdicts, ledger and models stay." in told
    assert removal.state_of(home, "bakery") == [] and len(removal.state_of(home, "bakery_two")) == 8
    records = open_records(home)
    assert (records.events("bakery"), records.measurements("bakery")) == ([], {})
    assert records.events("bakery_two") and records.measurements("bakery_two")
    assert "Mind: " not in CliRunner().invoke(cli, ["new", "bakery"]).output, (
        "a product of that name begins anew"
    )
    assert "bakery left" not in call("bakery_two", "--yes", code=2, input=""), "there is no such code"


def test_unasked_nothing_goes(clone, home):
    call("bakery", "--state", input="n\n", code=1)
    assert len(removal.state_of(home, "bakery")) == 8 and (clone / "platform/products/bakery").is_dir()
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
    assert "take it out by hand" in call("bakery", "--state", "--yes", code=1)
    assert len(removal.state_of(home, "bakery")) == 8 and open_records(home).events("bakery")


def test_while_something_closes_sprints_nothing_goes(clone, home):
    home.dagster.mkdir(exist_ok=True)
    mark = home.dagster / f"{REPLAY_PROCESS}.{os.getpid()}"
    mark.write_text(f"{os.getpid()}@{started(os.getpid())}")
    assert "`sprintline replay` is at work on this state folder" in call("bakery", "--state", "--yes", code=1)
    assert len(removal.state_of(home, "bakery")) == 8 and open_records(home).events("bakery")
    mark.write_text(f"{os.getpid()}@another start")
    call("bakery", "--state", "--yes")


def test_what_was_only_recorded_is_told_and_can_be_removed(clone, home):
    call("bakery", "--yes")
    for place in removal.state_of(home, "bakery"):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert "an earlier product bakery left" in CliRunner().invoke(cli, ["new", "bakery"]).output
    call("bakery", "--yes")
    call("bakery", "--state", "--yes")
    assert "an earlier product" not in CliRunner().invoke(cli, ["new", "bakery"]).output


def test_state_without_code_can_still_be_removed(clone, home):
    call("bakery", "--yes")
    assert "an earlier product bakery left" in CliRunner().invoke(cli, ["new", "bakery"]).output
    call("bakery", "--yes")
    call("bakery", "--state", "--yes")
    assert removal.state_of(home, "bakery") == []
    open_records(home).append(NOTE, "", None, "sam", note())  # an event of the platform's own
    for name in ("..", "../products", ""):
        assert "is no product name" in call(name, "--state", "--yes", code=2)
    assert len(removal.state_of(home, "bakery_two")) == 8 and open_records(home).events("bakery_two")
