"""docs/tutorials/your-own-data.md and the how-to that goes on from it are true: their own blocks are run, in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from sprintline.base.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]


PLACE = re.compile(r"(?:#|--) ([\w/]+\.(?:py|sql|yml))\n")
"""The first line of a block that is a file says where the file belongs."""


def blocks(page: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [
        (language, body)
        for language, body in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        if language in ("python", "sh", "diff") or PLACE.match(body)
    ]


BLOCKS = blocks("tutorials/your-own-data.md")


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


@pytest.fixture(scope="module")
def page(clone, shell, tmp_path_factory):
    """What the tutorial's commands said, and how the clone and its state were before the last block."""
    told = run_blocks(clone, shell, BLOCKS[:-1])
    kept = tmp_path_factory.mktemp("kept")
    for place in (clone.root, clone.state):
        shutil.copytree(place, kept / place.name, symlinks=True)
    return told, kept


@pytest.fixture
def ended(clone, page):
    """Each page that goes on from the tutorial begins where it ended, whatever another page made of it."""
    for place in (clone.root, clone.state):
        shutil.rmtree(place)
        shutil.copytree(page[1] / place.name, place, symlinks=True)


def test_a_team_writes_at_most_120_lines():
    assert 10 < sum(len(body.splitlines()) for _, body in BLOCKS) <= 120


def test_the_page_leads_to_a_champion_that_serves(clone, page):
    told, _ = page
    assert "visits: sound" in told["new"]

    rows = sprints(clone)
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


def test_the_how_to_adds_a_source_to_a_product_that_has_closed_sprints(clone, shell, ended):
    told = run_blocks(clone, shell, blocks("how-to/add-a-source.md"))
    assert "visits: sound" in told["rota.py"] and "sample/rota.csv" in told["rota.py"]
    rows = sprints(clone)
    assert [row["state"] for row in rows[:5]] == ["closed"] * 5 and rows[4]["done"], rows[4]
    assert rows[0]["restated"] and not rows[4]["restated"], "what was closed without the source took it in"
    question = warehouse(clone, "select nurses, count(*) from visits.marts.questions group by 1 order by 1")
    assert [nurses for nurses, _ in question] == [2, 3, 4], "every question finds its day's rota"


def test_a_product_grows_by_a_source_a_view_another_model_and_longer_sprints(clone, shell, ended):
    before = sprints(clone)
    told = run_blocks(clone, shell, blocks("tutorials/grow-a-product.md"))
    rows = sprints(clone)
    sixth, seventh = rows[5], rows[6]
    assert (sixth["state"], sixth["trained"], sixth["decision"]) == ("closed", "new_data", "promote"), sixth
    assert sixth["champion"] == before[3]["champion"], "until then the model from before answers"
    assert (seventh["state"], seventh["done"], seventh["days"]) == ("closed", True, 14), seventh
    assert seventh["champion"] not in (None, sixth["champion"]) and seventh["rows"]["questions"] == 14 * 160
    assert [row["first_day"] for row in rows[:6]] == [row["first_day"] for row in before[:6]]
    assert [row["days"] for row in rows[:8]] == [7] * 6 + [14] * 2
    manifest = json.loads(
        (clone.state / "models/releases" / seventh["champion"] / "manifest.json").read_text()
    )
    assert {"doctors", "short_days", "past_rate"} <= set(manifest["inputs"]["numeric"])
    assert "14 days" in told["check"] and "7 days" in told["check"], "a report says what it compares"
    refused = change(clone, "platform/products/visits/defs.yaml", "{2026-S07: 14}", "{2026-S06: 14}")
    assert "2026-S06 closed on 9 Feb 2026 to 15 Feb 2026" in refused and "length_days_from" in refused
    shorter = change(clone, "platform/products/visits/defs.yaml", "S07: 14}", "S07: 14, 2026-S08: 3}")
    assert "need keys of three digits" in shorter
    shorter = change(clone, "platform/products/visits/defs.yaml", "S07: 14}", "S07: 14, 2026-S08: 5}")
    assert "write `lookback_sprints: 3` under features" in shorter


def change(clone, file: str, old: str, new: str) -> str:
    """What `check` says while a file is otherwise."""
    place = clone.root / file
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    try:
        return clone.run("check", "visits", check=False).stdout
    finally:
        place.write_text(text)


def test_a_product_begins_anew_under_the_same_name(clone, shell, ended):
    """Otherwise the sprints of the one before would pass for its own: closed, Done, with a champion."""
    shell(BLOCKS[-1][1])
    assert "There is no product yet" in clone.run("status").stdout
    assert not (clone.state / "lake" / "visits").exists() and (clone.state / "records.db").is_file()
    new = next(body for _, body in BLOCKS if "sprintline new" in body).replace("minutes > 40", "minutes > 30")
    shell(new)
    assert not any(row["state"] == "closed" or row["done"] or row["champion"] for row in sprints(clone))
    clone.run("replay", "visits", "--sprints", "2")
    first = sprints(clone)[0]
    assert first["state"] == "closed" and not first["restated"] and first["positive_rate"] > 0.6, first
    assert first["why"].startswith("no champion yet") and first["champion"] is None, first
    assert clone.run("ledger", "verify").stdout.startswith("The ledger is intact")


def run_blocks(clone, shell, those) -> dict[str, str]:
    """Write each program, apply each patch, run each command; what they said, by the first command's word."""
    told = {}
    for language, body in those:
        if place := PLACE.match(body):
            (clone.root / place[1]).write_text(body)
        elif language == "diff":
            patch = clone.root / "change.diff"
            patch.write_text(body)
            shell("git apply change.diff")
        else:
            told[body.split()[1]] = shell(body)
    return told


def sprints(clone) -> list[dict]:
    return json.loads(clone.run("status", "visits", "--json").stdout)["products"][0]["sprints"]


def warehouse(clone, sql: str) -> list[tuple]:
    import duckdb

    with duckdb.connect(str(clone.state / "warehouse" / "visits.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()
