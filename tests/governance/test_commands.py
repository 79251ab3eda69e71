"""Decisions and the backlog on the command line, where nothing was closed yet."""

from __future__ import annotations

import json
import sys

import click
import pytest

from sprintline.base import people, settings
from sprintline.base.people import person
from sprintline.cli import main as command
from sprintline.product.runtime import Runtime

WAIVER = {
    "code": "DQ102",
    "asset": "weather",
    "reason": "the sensor is replaced",
    "expires": "2013-03-01",
    "approver": "sam@example.org",
}


@pytest.fixture
def run(home, small_clone, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("SPRINTLINE_DEBUG", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sprintline", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


@pytest.fixture
def replaying(flights: Runtime) -> Runtime:
    flights.clock.move(flights.window("2013-S02").end)
    return flights


def options(**said):
    return [word for name, value in said.items() for word in (f"--{name}", value)]


def waive(run, *more, **change):
    said = {**WAIVER, **change}
    return run("waive", "flight_delays", said.pop("code"), *options(**said), *more)


def test_the_empty_states_say_so_and_write_nothing(run, home):
    code, out, _ = run("backlog")
    assert code == 0 and out.startswith("Nothing is open")
    assert json.loads(run("backlog", "flight_delays", "--json")[1]) == []
    assert json.loads(run("waivers", "--json")[1]) == []
    assert "No waiver was ever declared or recorded" in run("waivers")[1]
    assert not home.records_url.removeprefix("sqlite:///") or not (home.root / "records.db").exists()


def test_unknown_names_are_told_with_exit_code_two(run):
    assert run("backlog", "flight_dellays")[0] == 2
    code, _, err = run("backlog", "close", "abcd", "--reason", "x")
    assert code == 2 and "there is no item abcd" in err
    code, _, err = run(
        "approve", "flight_delays", "2013-S99", *options(reason="r", expires="2013-03-01", approver="sam")
    )
    assert code == 2 and "there is no sprint 2013-S99 in the plan of flight_delays" in err
    code, _, err = run("approve", "flight_delays", "2013-S01", "--approver", "sam")
    assert code == 2 and "nothing of increment was recorded for this sprint yet" in err


def test_a_waiver_is_recorded_once_withdrawn_and_granted_anew(run, replaying):
    code, out, _ = waive(run, "--by", "dana", "--json")
    first = json.loads(out)
    assert code == 0 and first["body"] == WAIVER and first["actor"] == "dana" and first["kind"] == "waiver"
    assert json.loads(waive(run, "--json")[1])["event"] == first["event"]
    assert "which was there already" in waive(run)[1]
    code, out, _ = run("waivers")
    assert code == 0 and "in force" in out and f"event {first['event']} by dana" in out
    take_back = (
        "waive",
        "flight_delays",
        "DQ102",
        "--asset",
        "weather",
        "--withdraw",
        "--reason",
        "repaired",
    )
    assert run(*take_back)[0] == 0
    assert run(*take_back)[0] == 2, "there is none left to take back"
    again = json.loads(waive(run, "--json")[1])
    assert again["event"] > first["event"]
    states = [one["state"] for one in json.loads(run("waivers", "--json")[1])]
    assert states == ["withdrawn", "in force"]
    replaying.clock.move(replaying.window("2013-S06").end)
    assert [one["state"] for one in json.loads(run("waivers", "--json")[1])] == ["withdrawn", "expired"]


def test_the_platforms_clock_says_what_is_past(run, replaying):
    code, _, err = waive(run, expires="2013-01-20")
    assert code == 2 and "it would have expired on 2013-01-20: today is 2013-01-29" in err


def test_who_acts_is_named_or_the_user_of_the_system(monkeypatch):
    monkeypatch.setenv("LOGNAME", "dana")
    assert person() == "dana"
    assert person("", {"user": "sam"}) == "sam"
    assert person(" kim ", {"user": "sam"}) == "kim"

    def nameless():
        raise KeyError("uid not found")

    monkeypatch.setattr(people.getpass, "getuser", nameless)
    assert person().startswith("user ")


def test_an_open_item_is_a_row_with_its_waiver_and_can_be_given_away(run, replaying):
    from sprintline.mechanisms.backlog.update import update_from_verdicts
    from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict

    def judged(sprint, outcome):
        verdict = Verdict(
            "flight_delays", sprint, "DQ102", "weather", outcome, Severity.ERROR, "900 rows landed", "v1"
        )
        replaying.records.record_verdicts([verdict])
        return [one.kind for one in update_from_verdicts(replaying, sprint, "test")]

    assert judged("2013-S01", Outcome.FAIL) == ["finding"]
    waive(run)
    code, out, _ = run("backlog", "flight_delays")
    assert (
        code == 0 and "DQ102" in out and "900 rows landed" in out and "1 open (1 errors, 0 warnings)" in out
    )
    (item,) = json.loads(run("backlog", "--json")[1])
    assert item["owner"] == replaying.spec.team.owner and "sam@example.org" in item["waived"]
    assert run("backlog", "assign", item["id"], "kim@example.org", "--by", "dana")[0] == 0
    assert json.loads(run("backlog", "--json")[1])[0]["owner"] == "kim@example.org"
    assert (item["kind"], item["priority"], item["started"]) == ("finding", "high", None)
    code, _, err = run("backlog", "prioritise", item["id"], "urgent")
    assert code == 2 and "urgent is not a priority: use high, normal or low" in err
    assert run("backlog", "prioritise", item["id"], "low")[1].endswith("on weather) has priority low.\n")
    assert run("backlog", "start", item["id"], "--by", "kim")[0] == 0
    assert run("backlog", "start", item["id"], "--by", "dana")[0] == 0
    (item,) = json.loads(run("backlog", "--json")[1])
    assert (item["priority"], item["started_by"]) == ("low", "kim")
    assert item["started"] == replaying.clock.now().isoformat()  # the platform's time, not the wall clock's
    assert "started by kim on 2013" in " ".join(run("backlog")[1].split())
    assert run("backlog", "close", item["id"], "--reason", "known")[0] == 0
    assert json.loads(run("backlog", "--json")[1]) == []
    code, _, err = run("backlog", "start", item["id"])
    assert code == 2 and "is closed: only work on an open item can start" in err
    assert judged("2013-S02", Outcome.FAIL) == ["finding"]
    (item,) = json.loads(run("backlog", "--json")[1])
    assert item["sightings"] == 2 and item["reopened"] == 1
    assert item["started"] is None and item["priority"] == "low"
    assert judged("2013-S02", Outcome.PASS) == ["recovered"]
    code, out, _ = run("backlog", "--all")
    assert code == 0 and "closed" in out and "0 open (0 errors, 0 warnings), 1 closed" in out
    assert json.loads(run("backlog", "--all", "--json")[1])[0]["recovered"] == "2013-S02"


def test_every_command_of_the_guides_is_one():
    text = "".join(
        (settings.ROOT / "docs" / "how-to" / f"{page}.md").read_text()
        for page in ("read-the-backlog", "decide-as-a-person")
    )
    told = {line.split()[1] for line in text.splitlines() if line.startswith("sprintline ")}
    assert told == {"backlog", "status", "waive", "waivers", "approve", "attest"}
    assert told <= set(command.cli.list_commands(click.Context(command.cli)))


def test_planned_work_is_added_moved_and_closed(run, replaying):
    code, out, _ = run(
        "backlog", "add", "Try the weather", "--sprint", "2013-S02", "--kind", "spike", "--by", "kim"
    )
    assert code == 0 and out.endswith("(Try the weather) is a spike of 2013-S02.\n")
    assert run("backlog", "add", "Try the weather", "--sprint", "2013-S02", "--kind", "spike")[0] == 0
    (item,) = json.loads(run("backlog", "--json")[1])
    assert (item["kind"], item["what"], item["last"]) == ("spike", "Try the weather", "2013-S02")
    assert len([one for one in replaying.records.events() if one.kind == "item_planned"]) == 1
    assert run("backlog", "add", "Try the weather", "--sprint", "2013-S03", "--kind", "spike")[0] == 0
    code, out, _ = run("backlog")
    assert code == 0 and "planned by" in " ".join(out.split()) and "2013-S03" in out
    for wrong, why in (
        (["", "--sprint", "2013-S02"], "title"),
        (["x y z", "--sprint", "2013-S99"], "2013-S99"),
        (
            ["x y z", "--sprint", "2013-S02", "--kind", "wish"],
            "wish is not a kind of planned work: use goal, task",
        ),
    ):
        code, _, err = run("backlog", "add", *wrong)
        assert code == 2 and why in err
    assert run("backlog", "close", item["id"], "--reason", "tried it")[0] == 0
    assert json.loads(run("backlog", "--json")[1]) == []
