"""Failpoints: every one is in the sources and described, a process dies at the one that is armed, others go on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from sprintline.base.failpoints import VARIABLE, FailpointError, armed, failpoint
from sprintline.base.settings import ROOT
from sprintline.cli.main import cli
from sprintline.mechanisms.procedures import declared
from sprintline.mechanisms.procedures.declared import failpoints, procedures
from sprintline.mechanisms.registry import modules

PASS_TWICE = (
    "from sprintline.base.failpoints import failpoint as f; f('lake.after_commit'); f('landing.read'); " * 2
)


def passing(said: str | None) -> int:
    env = {} if said is None else {VARIABLE: said}
    return subprocess.run(
        [sys.executable, "-c", PASS_TWICE], env=env | {"PYTHONPATH": str(ROOT / "platform")}, check=False
    ).returncode


SOURCES = ROOT / "platform" / "sprintline"


def test_every_failpoint_is_passed_in_the_subject_that_declares_it():
    names_of_all = set()
    for module in modules("failpoints"):
        names = set(getattr(module, "FAILPOINTS", ()))
        passed = _passed_under(Path(module.__file__).parent)
        # The commit of every database is in base/, which is below whoever could declare it.
        assert names - passed <= {"records.before_commit"}, (
            f"{module.__name__} declares what it does not pass"
        )
        names_of_all |= names
    assert _passed_under(SOURCES) == names_of_all
    assert not names_of_all & {name for one in procedures().values() for name in one.failpoints}


def test_every_failpoint_is_described_once():
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in failpoints())
    assert len(set(failpoints().values())) == len(failpoints())


def test_two_failpoints_of_one_name_are_refused(monkeypatch):
    twice = SimpleNamespace(FAILPOINTS={"promote.decide": "something else"})
    monkeypatch.setattr(declared, "modules", lambda _: (twice,))
    with pytest.raises(declared.ProcedureError, match=r"two failpoints are named promote\.decide"):
        failpoints.__wrapped__()
    monkeypatch.setattr(declared, "collected", lambda *_: (*procedures().values(), *procedures().values()))
    with pytest.raises(declared.ProcedureError, match="two procedures are named promote"):
        procedures.__wrapped__()


def _passed_under(folder: Path) -> set[str]:
    sources = "\n".join(file.read_text() for file in folder.rglob("*.py"))
    return set(re.findall(r'[^`]failpoint\(\s*"([a-z_.]+)"\s*\)', sources))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (None, 0),
        ("", 0),
        ("lake.before_commit", 0),
        ("lake.after_commit", -signal.SIGKILL),
        ("landing.read:2", -signal.SIGKILL),
        ("landing.read:3", 0),
    ],
)
def test_a_process_dies_at_the_failpoint_that_is_armed(said, code):
    assert passing(said) == code


@pytest.mark.parametrize("said", ["lake.after", "lake.after_commit:0", "lake.after_commit:", ":1"])
def test_a_variable_that_names_nothing_is_told_at_once(monkeypatch, said):
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(FailpointError, match=re.escape(f"{VARIABLE}={said}: ")):
        failpoint("landing.read")
    told = CliRunner().invoke(cli, ["rules"])
    assert isinstance(told.exception, FailpointError)


def test_the_command_lists_them_all(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert armed() is None
    assert json.loads(CliRunner().invoke(cli, ["failpoints", "--json"]).output) == failpoints()
    lines = CliRunner().invoke(cli, ["failpoints"]).output.splitlines()
    assert [line.split()[0] for line in lines[1:-2]] == list(failpoints())


def test_without_the_variable_no_declaration_is_looked_up():
    """A failpoint lies in every commit: unset, it costs a look into the environment and imports nothing."""
    code = (
        "import sys; from sprintline.base.failpoints import failpoint as f; f('lake.after_commit'); "
        "print([name for name in sys.modules if name.startswith('sprintline.mechanisms')])"
    )
    env = {"PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
