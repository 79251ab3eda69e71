"""Failpoints: every one is in the sources and described, a process dies at the one that is armed, others go on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sprintline.base.failpoints import FAILPOINTS, VARIABLE, FailpointError, armed, failpoint
from sprintline.base.settings import ROOT
from sprintline.cli.main import cli

PASS_TWICE = (
    "from sprintline.base.failpoints import failpoint as f; f('lake.after_commit'); f('landing.read'); " * 2
)


def passing(said: str | None) -> int:
    env = {} if said is None else {VARIABLE: said}
    return subprocess.run(
        [sys.executable, "-c", PASS_TWICE], env=env | {"PYTHONPATH": str(ROOT / "platform")}, check=False
    ).returncode


def test_every_failpoint_is_in_the_sources_and_described():
    sources = "\n".join(file.read_text() for file in (ROOT / "platform" / "sprintline").rglob("*.py"))
    passed = set(re.findall(r'[^`]failpoint\(\s*"([a-z_.]+)"\s*\)', sources))
    # Those of a procedure are made of its name and its steps.
    steps = {"intended", "ended", *re.findall(r'Step\("([a-z_]+)"', sources)}
    passed |= {f"{name}.{step}" for name in re.findall(r'PROCEDURE = "(\w+)"', sources) for step in steps}
    assert passed == set(FAILPOINTS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in FAILPOINTS)
    assert len(set(FAILPOINTS.values())) == len(FAILPOINTS)


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
    assert json.loads(CliRunner().invoke(cli, ["failpoints", "--json"]).output) == FAILPOINTS
    lines = CliRunner().invoke(cli, ["failpoints"]).output.splitlines()
    assert [line.split()[0] for line in lines[:-2]] == list(FAILPOINTS)
