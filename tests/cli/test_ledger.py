"""`sprintline ledger`: list and accept, as a person meets them."""

from __future__ import annotations

import json
import sqlite3

import pytest
from click.testing import CliRunner
from tests.ledger_events import NOTE, note

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.mechanisms.backlog.events import ASSIGNED
from sprintline.mechanisms.ledger.events import ACCEPTED
from sprintline.mechanisms.ledger.opened import open_records


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SPRINTLINE_RECORDS_URL", raising=False)
    return settings.home()


@pytest.fixture
def records(home):
    found = open_records(home)
    for number in range(3):
        found.append(NOTE, "flights", "2013-S01", "flights_landing", note(number))
    return found


def run(*arguments: str, answer: str = "", width: int = 80) -> tuple[int, str]:
    runner = CliRunner(env={"COLUMNS": str(width)})
    done = runner.invoke(cli, ["ledger", *arguments], input=answer, standalone_mode=False)
    code = (
        getattr(done.exception, "exit_code", done.return_value or 0)
        if done.exception
        else done.return_value or 0
    )
    return code, done.output + (getattr(done.exception, "message", "") or "")


def tampered(home, *statements: str) -> None:
    with sqlite3.connect(home.root / "records.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


CUT = "DELETE FROM ledger WHERE seq = 3"


class TestAccept:
    def test_a_cut_end_is_accepted_by_a_person_who_was_told_what_is_given_up(self, home, records):
        tampered(home, CUT)
        code, out = run("accept", "--reason", "restored Tuesday's database", "--by", "dana", answer="n\n")
        assert code == 1 and "nothing was changed" in out
        assert "The head file names event 3 with hash" in out
        assert "Events from 3 on are missing: the head file has seen 3 events, the chain ends after 2." in out
        assert run("verify")[0] == 1 and len(records.events()) == 2
        code, out = run("accept", "--reason", "restored Tuesday's database", "--by", "dana", answer="y\n")
        assert code == 0 and "accepted by event 3, by dana" in out
        event = records.events()[-1]
        assert (event.kind, event.actor) == (ACCEPTED, "dana")
        assert event.body["reason"] == "restored Tuesday's database" and event.body["given_up"]["seq"] == 3
        assert run("verify")[0] == 0
        assert records.append(NOTE, "flights", None, "sam", note()).seq == 4

    @pytest.mark.parametrize("spoil", ["missing", "mangled"])
    def test_a_lost_head_file_is_written_again(self, home, records, spoil):
        file = home.root / "ledger.head"
        file.unlink() if spoil == "missing" else file.write_text("{")
        code, out = run("accept", "--reason", "why", answer="n\n")
        assert code == 1 and "missing or cannot be read" in out
        code, out = run("accept", "--reason", "why", "--yes", "--json")
        assert code == 0 and json.loads(out)["body"] == {"reason": "why", "given_up": None}
        assert run("verify")[0] == 0

    def test_when_nothing_is_wrong_it_is_refused(self, home, records):
        code, out = run("accept", "--reason", "why", "--yes")
        assert code == 1 and "intact and matches its head file, so there is nothing to accept" in out
        assert len(records.events()) == 3

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger SET actor = 'mallory' WHERE seq = 2",
            "DELETE FROM ledger WHERE seq = 2",
            # The same values in another text: a reader could not tell, a hash of the text can.
            "UPDATE ledger SET body = replace(body, ':', ' : ') WHERE seq = 2",
            "UPDATE ledger SET body = '{' WHERE seq = 2",
        ],
    )
    def test_a_broken_chain_is_refused(self, home, records, statement):
        tampered(home, statement)
        before = (home.root / "ledger.head").read_bytes()
        code, out = run("accept", "--reason", "why", "--yes")
        assert code == 1 and "a new head file does not repair the chain, restore a backup" in out
        assert (home.root / "ledger.head").read_bytes() == before

    def test_without_a_ledger_a_reason_or_an_answer_it_is_refused(self, home):
        assert run("accept", "--reason", "why", "--yes") == (
            1, f"There is no ledger yet in {home.root}: nothing has been recorded."
        )  # fmt: skip
        assert run("accept", "--reason", " ", "--yes")[0] == 2
        assert "add --yes" in run("accept", "--reason", "why", "--json")[1]
        assert not home.root.exists()

    def test_the_error_that_recommends_it_names_it(self, home, records):
        tampered(home, CUT)
        with pytest.raises(Exception, match="accept it with `sprintline ledger accept`"):
            records.append(NOTE, "flights", None, "sam", note())


class TestList:
    def test_a_table_where_it_fits(self, records):
        records.append(ASSIGNED, "trains", None, "sam", {"item": "a", "owner": "kim"})
        code, out = run("list")
        lines = out.splitlines()
        assert code == 0 and lines[0].split() == ["event", "at", "(UTC)", "kind", "product", "sprint", "by"]
        assert lines[1].startswith("1      ") and lines[1].split()[3:] == [
            NOTE,
            "flights",
            "2013-S01",
            "flights_landing",
        ]
        assert lines[4].split()[3:] == [ASSIGNED, "trains", "-", "sam"]
        assert [line.split()[0] for line in run("list", "--kind", ASSIGNED)[1].splitlines()] == ["event", "4"]
        assert [line.split()[0] for line in run("list", "--product", "trains")[1].splitlines()] == [
            "event",
            "4",
        ]

    @pytest.mark.parametrize("width", [80, 100, 40])
    def test_no_line_is_too_long_and_no_word_cut(self, records, width):
        from sprintline.mechanisms.ledger.commands import event_lines

        product, actor = "a_product_with_a_name_of_forty_letters_xx", "anna.with-a-long-name@example.org"
        records.append(ASSIGNED, product, "2013-S02", actor, {"item": "a", "owner": "kim"})
        lines = event_lines(records.events(), width)
        words = " ".join(lines).split()
        for word in (product, actor, ASSIGNED, "2013-S02", "flights_landing"):
            assert word in words
        assert all(len(line) <= max(width, 7 + len(product)) for line in lines), lines

    def test_as_json_with_the_bodies(self, records):
        (first, *_) = told = json.loads(run("list", "--json")[1])
        assert len(told) == 3 and first["body"] == note(0) and first["hash"] == records.events()[0].hash

    def test_events_before_a_removal_are_listed(self, records):
        records.remove("flights", "sam")
        assert len(json.loads(run("list", "--product", "flights", "--json")[1])) == 4

    def test_what_is_not_there_is_refused_with_what_is(self, home, records):
        code, out = run("list", "--kind", "recoverd")
        assert code == 2 and "there is no kind of event recoverd: did you mean `recovered`?" in out
        code, out = run("list", "--product", "flight")
        assert code == 2 and "did you mean `flights`?" in out
        code, out = run("list", "--kind", "approval")
        assert code == 0 and "There are no such events." in out

    def test_an_empty_folder_is_left_empty(self, home):
        code, out = run("list")
        assert code == 0 and "There is no ledger yet" in out
        assert json.loads(run("list", "--json")[1]) == []
        assert not home.root.exists()


class TestVerify:
    def test_it_says_what_it_verifies_and_what_it_does_not(self, home, records):
        code, out = run("verify")
        assert code == 0 and "The ledger is intact and matches its head file: 3 events" in out
        assert (
            "Its head is signed by key" in out and "Verdicts and measurements are as they were written" in out
        )
        assert "Not covered: no copy of the head lies outside the state folder" in out
        assert "Set SPRINTLINE_LEDGER_COPY" in out
        told = json.loads(run("verify", "--json")[1])
        assert told["ok"] and told["signed_by"] and told["copies"] is None and len(told["limits"]) == 1
        assert told["records"] == {
            "broken": None, "changed": [], "seals": 0, "found": 0, "based": 0, "not_covered": []
        }  # fmt: skip

    @pytest.mark.fault
    def test_it_names_what_another_hand_changed_and_status_says_so(self, home, records):
        records.measure("flights", "2013-S01", "weather", "v1", {"rows": 1})
        tampered(home, "UPDATE measurements SET facts = '{\"rows\":2}'")
        code, out = run("verify")
        assert (
            code == 1
            and "flights 2013-S01: the measurement of weather was changed after it was recorded" in out
        )
        code, out = run("accept", "--reason", "why", answer="n\n")
        assert "flights 2013-S01: the measurement of weather was changed after it was recorded." in out
        told = json.loads(run("verify", "--json")[1])
        assert told["records"]["changed"][0] | {"says": ""} == {
            "product": "flights", "scope": "2013-S01", "kind": "measurement", "what": "changed", "of": "weather",
            "row": "weather", "counts": True, "says": "",
        }  # fmt: skip
        assert run("accept", "--reason", "why", "--yes")[0] == 0 and run("verify")[0] == 0

    @pytest.mark.fault
    def test_a_ledger_that_lost_its_end_is_said_by_status(self, home, records):
        tampered(home, CUT)
        done = CliRunner().invoke(cli, ["status"], standalone_mode=False)
        assert (
            "the ledger does not carry event 3" in done.output and "sprintline ledger verify" in done.output
        )
