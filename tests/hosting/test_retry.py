"""`sprintline retry`: what it prints, and what it refuses."""

from __future__ import annotations

import json
import sys

import dagster as dg
import pytest
from tests.delivery.test_sensors import SOURCES, close, land

from sprintline.cli import main as command
from sprintline.hosting import runs, starts
from sprintline.hosting.failure_news import FailureNews
from sprintline.hosting.instance import prepare
from sprintline.product.events import RETRIED, RUN_FAILED
from sprintline.product.runtime import Runtime

S1 = "2013-S01"


def said(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["sprintline", *words])
    with pytest.raises(SystemExit) as ended:
        command.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


def fail(runtime: Runtime, run: str = "a" * 32) -> None:
    body = {"run": run, "job": "flight_delays_closing", "step": "training", "error": "ValueError: no oven",
            "place": "platform/products/flight_delays/model.py:7", "started_by": "flight_delays_landing",
            "tried": "c.0"}  # fmt: skip
    runtime.records.append(RUN_FAILED, runtime.product, S1, "flight_delays_failures", body, key=run)


def test_with_nothing_to_retry_it_says_so(flights, monkeypatch, capsys):
    assert said(monkeypatch, capsys, "retry") == (0, "Nothing to retry: no sprint has a failed run.\n")
    code, out = said(monkeypatch, capsys, "retry", "--json")
    assert code == 0 and json.loads(out) == {
        "retried": [],
        "not_retried": [],
        "platform": None,
        "processes_left": [],
    }
    code, out = said(monkeypatch, capsys, "retry", S1)
    assert code == 2 and "nothing to retry" in out
    code, out = said(monkeypatch, capsys, "retry", "--product", "flight")
    assert code == 2 and "there is no product flight" in out


def test_a_failed_sprint_is_tried_again(flights, monkeypatch, capsys):
    land(flights, S1, *SOURCES)
    fail(flights)
    code, out = said(monkeypatch, capsys, "retry", S1, "--by", "dana")
    assert code == 0 and out.startswith(
        f"flight_delays {S1} is tried again; its last run failed, platform/products/flight_delays/model.py:7: "
        "ValueError: no oven (step training)\n"
    )
    assert "No platform is open: `sprintline ui`" in out
    (event,) = flights.records.events(kind=RETRIED)
    assert event.actor == "dana"
    with starts.mark(flights.home, "ui"):
        code, out = said(monkeypatch, capsys, "retry", "--product", "flight_delays", "--json")
    (again,) = json.loads(out)["retried"]
    assert again["asked"] is False and json.loads(out)["platform"] == "sprintline ui"
    code, out = said(monkeypatch, capsys, "status", S1, "--json")
    assert json.loads(out)["products"][0]["sprints"][0]["failed"]["retried_by"] == "dana"


def test_a_sprint_that_is_done_is_refused(flights, monkeypatch, capsys):
    land(flights, S1, *SOURCES)
    fail(flights)
    close(flights, S1)
    code, out = said(monkeypatch, capsys, "retry", S1)
    assert code == 2 and f"nothing to retry: no run of {S1} failed; it is Done" in out
    assert said(monkeypatch, capsys, "retry")[1].startswith("Nothing to retry")


@pytest.fixture
def instance(flights):
    prepare(flights.home)
    with runs.instance_of(flights.home) as one:
        yield one


def run_of(instance: dg.DagsterInstance, **more: str) -> dg.DagsterRun:
    tags = {"sprintline/product": "flight_delays", "dagster/partition": S1, **more}
    run = dg.DagsterRun("flight_delays_closing", tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    return run


def test_while_a_run_is_going_on_it_is_refused_and_one_left_behind_is_none(
    flights, instance, monkeypatch, capsys
):
    from sprintline.hosting.launcher import WORKER_TAG
    from sprintline.hosting.warm import started

    land(flights, S1, *SOURCES)
    fail(flights)
    alive = run_of(instance, **{WORKER_TAG: f"1@{started(1)}"})
    code, out = said(monkeypatch, capsys, "retry", S1)
    assert code == 2 and f"run {alive.run_id[:8]} of it is going on" in out
    code, out = said(monkeypatch, capsys, "retry")
    assert code == 0 and "is going on" in out and not flights.records.events(kind=RETRIED)
    instance.add_run_tags(alive.run_id, {WORKER_TAG: "1@long ago"})
    assert said(monkeypatch, capsys, "retry", S1)[0] == 0


def test_a_failure_that_no_sensor_saw_is_seen_by_the_command(flights, instance, monkeypatch, capsys):
    land(flights, S1, *SOURCES)
    instance.report_run_failed(run_of(instance), "the run's worker process is gone")
    code, out = said(monkeypatch, capsys, "retry")
    assert code == 0 and "is tried again; its last run failed, " in out and "worker process is gone" in out


def test_a_terminal_is_told_each_failure_once_and_none_of_before(flights, monkeypatch):
    monkeypatch.setattr("sprintline.hosting.failure_news.LOOKS_EVERY", 0.0)
    nothing = FailureNews(flights.home)
    assert list(nothing.lines()) == [], "looking creates no ledger"
    assert not list(flights.home.root.glob("records.db"))
    fail(flights, "1")
    news = FailureNews(flights.home)
    assert len(list(nothing.lines())) == 1
    fail(flights, "2")
    (line,) = news.lines()
    assert line.startswith(
        f"flight_delays {S1}: its run failed: platform/products/flight_delays/model.py:7: "
    )
    assert "failed 2 times" in line and list(news.lines()) == []
