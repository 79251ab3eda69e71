"""`sprintline procedures`: what was started and has not ended, of every product, and what to run to go on."""

from __future__ import annotations

import json

from click.testing import CliRunner

from sprintline.cli.main import cli
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.procedures.begun import begun_procedures
from sprintline.mechanisms.procedures.progress import INTENT, OUTCOME, STEP


def begin(home, procedure="promote", subject="2026-S02", product="bakery", sprint="2026-S02", attempt=1):
    body = {"procedure": procedure, "subject": subject, "attempt": attempt}
    open_records(home).append(
        INTENT, product, sprint, "sensor", {**body, "meant": {}, "steps": ["decide", "mirror"]}
    )
    return lambda kind, **more: open_records(home).append(kind, product, sprint, "sensor", {**body, **more})


def listed(home):
    return [(one.product, one.procedure, one.next_step) for one in begun_procedures(open_records(home))]


def test_where_nothing_was_begun_it_says_so_and_creates_nothing(home):
    assert CliRunner().invoke(cli, ["procedures"]).output == "No procedure is open.\n"
    assert json.loads(CliRunner().invoke(cli, ["procedures", "--json"]).output) == []
    assert list(home.root.iterdir()) == []


def test_it_is_listed_with_its_next_step_until_it_has_ended(home):
    tell = begin(home)
    assert listed(home) == [("bakery", "promote", "decide")]
    tell(STEP, done="decide")
    assert listed(home) == [("bakery", "promote", "mirror")]
    tell(STEP, done="mirror")
    assert listed(home) == [("bakery", "promote", "outcome")]
    tell(OUTCOME, outcome="done", why="all steps are done")
    assert listed(home) == []


def test_each_is_listed_with_when_it_began_and_what_to_run(home):
    begin(home)(OUTCOME, outcome="undone", why="the gate says no")
    tell = begin(home, attempt=2)
    begin(home, "remove", "shop", product="", sprint=None)
    tell(STEP, done="decide")
    said = CliRunner().invoke(cli, ["procedures"]).output.splitlines()
    intents = open_records(home).events(kind=INTENT)
    assert (
        said[0]
        == f"bakery: promote 2026-S02 was started at {intents[1].at:%Y-%m-%d %H:%M} UTC and has not ended"
    )
    assert said[1:3] == [
        "  next step: mirror",
        "  to go on:  sprintline ui, or sprintline replay bakery: the sensors start the run of 2026-S02 again",
    ]
    assert said[3].startswith("remove shop was started at ")
    assert said[4:] == ["  next step: records", "  to go on:  sprintline remove shop --state"]
    (one, other) = json.loads(CliRunner().invoke(cli, ["procedures", "--json"]).output)
    assert (one["attempt"], one["since"]) == (2, intents[1].at.isoformat()) and other["product"] == ""


def test_what_a_removed_product_had_begun_counts_no_more(home):
    begin(home)
    begin(home, product="cafe")
    open_records(home).remove("bakery", "sam")
    assert listed(home) == [("cafe", "promote", "decide")]


def test_one_that_nothing_declares_any_more_says_what_is_missing(home):
    begin(home, "shelve")
    (one,) = begun_procedures(open_records(home))
    assert one.next_step == "decide"
    assert one.resume.startswith("no procedure shelve is declared here: set SPRINTLINE_EXTENSIONS")
