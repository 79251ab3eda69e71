"""`state-hash`, `reproduce` and `card` where there is little or nothing to tell."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from sprintline.cli import main as command
from sprintline.lake.tables import Lake
from sprintline.mechanisms.ledger.records import Records
from sprintline.state.state_hash import state_hash


@pytest.fixture
def run(home, small_clone, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sprintline", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_the_hash_of_nothing_is_a_hash_and_says_so(run, home):
    code, out, err = run("state-hash")
    assert (code, out) == (0, f"{state_hash([])}\n")
    assert f"Nothing has been written yet in {home.root}" in err
    assert json.loads(run("state-hash", "--json")[1]) == {"parts": [], "hash": state_hash([])}


def test_a_line_per_table_and_sprint_and_last_the_hash(run, home):
    lake = Lake(home.lake)
    frame = pd.DataFrame({"question_id": ["a", "b"], "probability": [0.1, 0.2], "model_id": "m1"})
    for sprint in ("2013-S01", "2013-S02"):
        lake.write("flight_delays/predictions", sprint, frame, "question_id")
    code, out, _ = run("state-hash", "flight_delays")
    first, second, whole = out.splitlines()
    assert code == 0
    assert first.split()[1:] == ["flight_delays/lake/predictions", "2013-S01", "2", "rows"]
    assert first.split()[0] == second.split()[0] != whole
    # The name of the model says nothing of what it predicted; a probability does.
    lake.write("flight_delays/predictions", "2013-S02", frame.assign(model_id="m2"), "question_id")
    assert run("state-hash")[1] == out
    lake.write("flight_delays/predictions", "2013-S02", frame.assign(probability=[0.1, 0.3]), "question_id")
    changed = run("state-hash")[1].splitlines()
    assert (changed[0], changed[1] == second, changed[2] == whole) == (first, False, False)


@pytest.mark.parametrize("name", ["reproduce", "card"])
@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("champion", 2, "'champion' names no model. MODEL is PRODUCT:champion"),
        ("nothing:champion", 2, "there is no product nothing"),
        ("flight_delays:champion", 1, "nothing has been recorded"),
    ],
)
def test_a_model_that_is_none_is_refused(run, home, name, model, code, words):
    ended, out, err = run(name, model)
    assert (ended, out) == (code, "") and words in err, err
    assert not home.root.joinpath("records.db").exists(), "looking makes nothing"


@pytest.mark.parametrize("name", ["reproduce", "card"])
def test_before_the_first_champion_it_is_said_that_there_is_none(run, home, name):
    Records(home.records_url)
    code, _, err = run(name, "flight_delays:champion")
    assert code == 2 and "flight_delays has no champion yet: close more sprints" in err
    code, _, err = run(name, "flight_delays:ab")
    assert code == 2 and "flight_delays:ab is none of none yet" in err
