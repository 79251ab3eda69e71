"""`sprintline live`: what is live, since when and why, and every kind of question it cannot answer."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from tests.ledger_events import body as fitting

from sprintline.cli import main as command
from sprintline.mechanisms.ledger.records import Records
from sprintline.product.runtime import Runtime

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
IDS = {"m1": "0123456789abcdef", "m2": "fedcba9876543210"}


@pytest.fixture
def run(home, small_clone, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sprintline", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


@pytest.fixture
def decided(flights: Runtime) -> Runtime:
    """Four sprints, one decision a day: none, bootstrap, hold, promote."""
    days = iter(range(100))
    records = Records(flights.home.records_url, clock=lambda: FIRST + timedelta(days=next(days)))
    champion = None
    for number, (named, after) in enumerate(
        [("none", None), ("bootstrap", IDS["m1"]), ("hold", IDS["m1"]), ("promote", IDS["m2"])]
    ):
        sprint = flights.calendar.keys[number]
        body = {
            "decision": named, "champion_before": champion, "champion_after": after,
            "candidate": {"none": None, "hold": "c" * 16}.get(named, after), "why": f"[{named}] " + "words " * 40,
            "release_digest": "d" * 64 if after != champion else None,
        }  # fmt: skip
        records.append(
            "decision",
            flights.product,
            sprint,
            "flight_delays_landing",
            fitting("decision", **body),
            key=sprint,
        )
        champion = after
    return flights


def test_the_live_model_its_reason_and_every_move(run, decided, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run("live", "flight_delays")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines), max(lines, key=len)
    assert f"live          {IDS['m2']}" in out and "answers from  2013-S05" in out
    assert "decision      promote of 2013-S04" in out and "[promote] words" in out
    assert "2026-01-08T09:00:00+00:00, event 4 by flight_delays_landing" in out
    moves = [line.split() for line in lines[-2:]]
    assert moves[0] == [IDS["m2"], "champion", "2013-S05", "promote", "2013-S04", "2026-01-08", "09:00"]
    assert moves[1] == [IDS["m1"], "retired", "2013-S03", "bootstrap", "2013-S02", "2026-01-06", "09:00"]


@pytest.mark.parametrize(
    ("at", "model"),
    [
        ("2013-S03", "m1"),
        ("2013-S04", "m1"),
        ("2013-S05", "m2"),
        ("2026-01-06T09:00:00+00:00", "m1"),
        ("2026-01-08T08:59:59+00:00", "m1"),
        ("2026-01-08T09:00:00+00:00", "m2"),
        ("2026-01-08T03:59:00", "m1"),  # the calendar's zone is five hours behind
        ("2026-01-08T04:01:00", "m2"),
    ],
)
def test_what_was_live_at_a_sprint_or_a_moment(run, decided, at, model):
    code, out, _ = run("live", "flight_delays", "--at", at, "--json")
    (found,) = json.loads(out)["products"]
    assert code == 0 and found["error"] is None
    assert found["live"]["model_id"] == IDS[model]
    assert [one["model_id"] for one in found["moves"]] == [IDS["m1"], IDS["m2"]]
    assert found["stages"] == {IDS["m1"]: "retired", "c" * 16: "candidate", IDS["m2"]: "champion"}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("at", "code", "words"),
    [
        ("2013-S99", 2, "flight_delays: '2013-S99' is not a planned sprint; the calendar runs from 2013-S01 to"),
        ("2013-S06", 1, "2013-S06 waits: 2013-S05 is not closed"),
        ("2013-S02", 1, "flight_delays had no champion at 2013-S02: 0123456789abcdef was the first, decided in 2013-"),
        ("2026-01-06T08:59:59+00:00", 1, "had no champion at 2026-01-06T08:59:59+00:00: 0123456789abcdef was the"),
        ("2999-01-01", 2, "--at 2999-01-01 is in the future (now: 20"),
        ("S05", 2, "--at 'S05' is neither a sprint nor a time: write a sprint like 2013-S01, or a time like"),
        ("", 2, "--at '' is neither a sprint nor a time"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said(run, decided, at, code, words):
    ended, out, err = run("live", "flight_delays", "--at", at)
    assert ended == code and words in err, err
    assert "live          " not in out
    ended, out, err = run("live", "flight_delays", "--at", at, "--json")
    assert ended == code and words in err
    assert code == 2 or json.loads(out)["products"][0]["live"] is None


@pytest.mark.fault
def test_before_anything_was_recorded_nothing_is_live_and_nothing_is_made(run, home):
    code, _, err = run("live")
    assert code == 1 and "flight_delays has no champion yet: close more sprints" in err
    assert not home.root.joinpath("records.db").exists(), "looking makes nothing"
    assert run("live", "nothing")[0] == 2


@pytest.mark.fault
def test_a_removed_product_has_no_champion(run, decided):
    decided.records.remove(decided.product, "a person")
    code, _, err = run("live", "flight_delays")
    assert code == 1 and "has no champion yet" in err


@pytest.mark.fault
def test_a_ledger_that_contradicts_itself_is_named(run, decided):
    body = {
        "decision": "none",
        "champion_before": "m9",
        "champion_after": "m9",
        "candidate": None,
        "why": "w",
    }
    said = fitting("decision", **body)
    decided.records.append("decision", decided.product, "2013-S05", "test", said, key="2013-S05")
    code, out, err = run("live", "flight_delays")
    assert (code, out) == (1, "")
    assert (
        f"event 5 (decision of 2013-S05) records m9 as live before it; by the other events it is {IDS['m2']}"
        in err
    )
