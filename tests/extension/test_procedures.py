"""A package outside adds a procedure by new files only: failpoints, kills, resuming and refusals follow.

Everything happens in processes of its own, as it does for a team that names its package in SPRINTLINE_EXTENSIONS.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT

pytestmark = pytest.mark.fault

DECLARED = """
from sprintline.mechanisms.procedures.declared import Procedure

SHELVE = Procedure(
    "shelve",
    intended="nothing is on the shelf",
    steps={"box": "the box is packed and not labelled", "label": "the label is on and not recorded"},
    ended="packed and labelled; the outcome is missing",
    resume="python -m bookshop.shelve {product}",
)
PROCEDURES = (SHELVE,)
"""
OTHERS = """
FAILPOINTS = {"shop.opened": "the shop is open; nothing is sold"}
"""
CARRIED_OUT = """
import sys

from sprintline.base import settings
from sprintline.base.failpoints import failpoint
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.procedures.procedure import Step, carry_out
from bookshop.procedures import SHELVE


class Shop:
    product, home = "books", settings.home()
    records = open_records(home)


def write(name):
    return Step(name, lambda meant: (Shop.home.root / name).write_text(meant["what"]))


failpoint("shop.opened")
names = sys.argv[2:] or ["box", "label"]
carry_out(Shop, SHELVE, "novels", None, "test", [write(name) for name in names], {"what": sys.argv[1]})
"""
POINTS = ["shelve.intended", "shelve.box", "shelve.label", "shelve.ended"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    package = tmp_path / "bookshop"
    package.mkdir()
    files = {"procedures": DECLARED, "failpoints": OTHERS, "shelve": CARRIED_OUT, "__init__": ""}
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SPRINTLINE_") or name == "SPRINTLINE_KEYS"
    }
    return clean | {
        "SPRINTLINE_EXTENSIONS": "bookshop",
        "SPRINTLINE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": f"{ROOT / 'platform'}:{tmp_path}",
    }


def python(env: dict[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], env=env | more, capture_output=True, text=True)


def shelve(env: dict[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return python(env, "-m", "bookshop.shelve", *arguments, **more)


def sprintline(env: dict[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return python(env, "-m", "sprintline.cli.main", *arguments, **more)


def left(env: dict[str, str]) -> tuple[list[str], list[str]]:
    """What the procedure left, and its events: looked at in a process of its own."""
    code = (
        "from sprintline.base import settings; from sprintline.mechanisms.ledger.opened import open_records as o; "
        "import json; home = settings.home(); "
        "print(json.dumps([[(home.root / n).read_text() for n in ('box', 'label')], "
        "[e.kind for e in o(home).events(product='books')]]))"
    )
    done = python(env, "-c", code)
    assert done.returncode == 0, done.stderr
    return tuple(json.loads(done.stdout))


def test_its_failpoints_are_listed_and_only_where_the_package_is_named(env):
    listed = json.loads(sprintline(env, "failpoints", "--json").stdout)
    assert [name for name in listed if name.startswith("shelve.")] == POINTS
    assert listed["shelve.box"] == "the box is packed and not labelled"
    assert listed["shop.opened"] == "the shop is open; nothing is sold"
    without = sprintline(env, "failpoints", SPRINTLINE_EXTENSIONS="", SPRINTLINE_FAILPOINT="shelve.box")
    assert without.returncode == 1 and "there is no failpoint 'shelve.box'" in without.stderr


@pytest.mark.slow
@pytest.mark.parametrize("point", ["shop.opened", *POINTS])
def test_killed_at_each_it_goes_on_to_the_same_end(env, point):
    assert shelve(env, "this", SPRINTLINE_FAILPOINT=point).returncode == -signal.SIGKILL
    said = json.loads(sprintline(env, "procedures", "--json").stdout)
    if point == "shop.opened":
        assert said == []
    else:
        (one,) = said
        assert (one["product"], one["procedure"], one["subject"]) == ("books", "shelve", "novels")
        assert one["resume"] == "python -m bookshop.shelve books"
        unnamed = sprintline(env, "procedures", SPRINTLINE_EXTENSIONS="").stdout
        assert "no procedure shelve is declared here" in unnamed
    meant = "that" if point == "shop.opened" else "this"  # nothing was meant before the intent
    assert shelve(env, "that").returncode == 0
    assert left(env) == ([meant, meant], ["intent", "step", "step", "outcome"])
    assert shelve(env, "other").returncode == 0
    assert left(env) == ([meant, meant], ["intent", "step", "step", "outcome"])
    assert sprintline(env, "procedures").stdout == "No procedure is open.\n"


def test_an_unknown_step_is_refused_and_nothing_is_begun(env):
    refused = shelve(env, "this", "box", "ribbon")
    assert refused.returncode == 1
    assert "procedure shelve declares the steps box, label, and is given box, ribbon" in refused.stderr
    assert sprintline(env, "procedures").stdout == "No procedure is open.\n"
    assert not (Path(env["SPRINTLINE_HOME"]) / "box").exists()


def test_a_procedure_of_a_name_that_is_taken_is_refused(env, tmp_path):
    file = tmp_path / "bookshop" / "procedures.py"
    file.write_text(file.read_text().replace('"shelve"', '"promote"'))
    done = sprintline(env, "failpoints")
    assert done.returncode == 1 and "two procedures are named promote: rename one" in done.stderr
