"""docs/tutorials/your-own-data.md is true: its own blocks are run, in its order, in a clone without any product."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from sprintline.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

PAGE = ROOT / "docs" / "tutorials" / "your-own-data.md"
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def shell(clone, tmp_path_factory):
    """Runs a block in the clone, where `sprintline` is the clone's and `python3` this one."""
    clone.run("remove", clone.product, "--yes")
    programs = tmp_path_factory.mktemp("bin")
    for name, arguments in (("sprintline", " -m sprintline.cli.main"), ("python3", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        (programs / name).chmod(0o755)

    def run(block: str) -> str:
        env = clone.env | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=clone.root, env=env, text=True, capture_output=True, timeout=550,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    return run


def test_a_team_writes_at_most_120_lines():
    assert 10 < sum(len(body.splitlines()) for _, body in BLOCKS) <= 120


def test_the_page_leads_to_a_champion_that_serves(clone, shell):
    told = {}
    for language, body in BLOCKS:
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", body)[1]
            (clone.root / name).write_text(body)
        elif "remove visits" not in body:
            told[body.split()[1]] = shell(body)
    assert "visits: sound" in told["new"]

    rows = json.loads(clone.run("status", "visits", "--json").stdout)["products"][0]["sprints"]
    last = rows[3]
    assert "bootstrap" in {row["decision"] for row in rows[:3]}
    assert last["state"] == "closed" and last["done"], last
    assert last["champion"], "the champion of the sprint before must have answered"
    assert last["metrics"]["roc_auc"] > last["metrics"]["naive"]["roc_auc"] + 0.05
    assert last["champion"][:8] in told["status"]
    assert "ROC-AUC over the naive" in told["status"], "the model card has its figures"
    # What the label is made of is known with the answer only, and the answer's own moment with it.
    questions = (clone.root / "dbt_project/models/visits/marts/questions.sql").read_text()
    assert not re.search(r"^ +(minutes|called),", questions, re.MULTILINE)

    shell(BLOCKS[-1][1])
    assert "There is no product yet" in clone.run("status").stdout
    assert not (clone.state / "lake" / "visits").exists() and (clone.state / "records.db").is_file()
