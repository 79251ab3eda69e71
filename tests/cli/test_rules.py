"""`rules`, `explain` and `faults` as a person meets them; the rules' pages are as the rules are."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.ledger_events import body

from sprintline.base import settings
from sprintline.cli.generated import write_pages
from sprintline.cli.main import cli
from sprintline.cli.rule_pages import pages
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import CLOSED


def call(*arguments: str):
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


class TestRules:
    def test_lists_every_rule(self, home):
        rows = json.loads(call("rules", "--json").stdout)
        assert [row["code"] for row in rows] == sorted(all_rules())
        first = rows[0]
        assert set(first) == {
            "code", "claim", "judges", "practice", "severity", "threshold", "done", "remedy", "override",
            "scope", "gates",
            "applies", "applies_to",
        }  # fmt: skip
        text = call("rules").stdout
        assert all(code in text for code in all_rules())

    def test_with_a_product_what_it_changes_is_shown(self, home, small_clone, monkeypatch, tmp_path):
        folder = tmp_path / "platform" / "products" / "flight_delays"
        folder.mkdir(parents=True)
        text = (small_clone / "platform/products/flight_delays/defs.yaml").read_text()
        changed = (
            "\n  rules:\n    FT303:\n      threshold: 0.8\n      severity: error\n"
            "    DQ102:\n      waiver: {approver: lead@example.org, reason: late feed, expires: '2013-08-01'}\n"
        )
        (folder / "defs.yaml").write_text(text.rstrip() + changed)
        monkeypatch.setattr(settings, "ROOT", tmp_path)
        rows = {
            row["code"]: row
            for row in json.loads(call("rules", "--product", "flight_delays", "--json").stdout)
        }
        assert (rows["FT303"]["threshold"], rows["FT303"]["severity"]) == (0.8, "error")
        assert rows["DQ102"]["override"]["waiver"]["approver"] == "lead@example.org"
        assert rows["DQ101"]["override"] is None
        text = call("rules", "--product", "flight_delays").stdout
        assert "DQ102: waived by lead@example.org until 2013-08-01: late feed" in text

    def test_an_unknown_product_is_wrong_usage(self, home):
        failed = call("rules", "--product", "nowhere").exception
        assert failed.exit_code == 2 and "there is no product nowhere" in failed.message


class TestExplain:
    @pytest.mark.parametrize("code", sorted(all_rules()))
    def test_tells_all_of_a_rule(self, home, code):
        found = json.loads(call("explain", code, "--json").stdout)
        assert found["why"] and found["reads"] and found["remedy"] and found["faults"]
        text = call("explain", code).stdout
        assert found["why"] in text and found["remedy"] in text and found["faults"][0]["fault"] in text
        assert "No verdict of it is on record here." in text

    def test_small_letters_do_and_the_last_verdicts_are_told(self, home, small_clone):
        open_records(home).record_verdicts(
            [
                Verdict(
                    "flight_delays",
                    sprint,
                    "FT303",
                    "question_features",
                    Outcome.PASS,
                    Severity.WARN,
                    says,
                    "v",
                )
                for sprint, says in (("2013-S01", "older"), ("2013-S02", "newer"))
            ]
        )
        text = call("explain", "ft303").stdout
        assert "flight_delays 2013-S02, question_features: pass: newer" in text and "older" not in text

    def test_an_unknown_code_is_wrong_usage_with_the_closest(self, home):
        failed = call("explain", "FT399").exception
        assert failed.exit_code == 2
        assert failed.message.startswith("there is no rule FT399; did you mean `FT30")


class TestFaults:
    def test_without_records_there_is_nothing_to_count(self, home):
        assert "No closed sprint is recorded here" in call("faults", "--clean").stdout
        assert json.loads(call("faults", "--clean", "--json").stdout) == []

    def test_clean_sprints_are_counted_from_the_records(self, home, small_clone):
        records = open_records(home)
        records.append(CLOSED, "flight_delays", "2013-S01", "test", body(CLOSED), key="one")
        records.record_verdicts(
            [
                Verdict(
                    "flight_delays",
                    sprint,
                    "FT303",
                    "question_features",
                    Outcome.FAIL,
                    Severity.WARN,
                    "so",
                    "v",
                )
                for sprint in ("2013-S01", "2013-S02")  # the second is not closed
            ]
        )
        (row,) = json.loads(call("faults", "--clean", "--json").stdout)
        assert row == {"code": "FT303", "passes": 0, "false_alarms": 0, "findings": 1, "insufficient": 0}
        assert "1 sprints of flight_delays" in call("faults", "--clean").stdout

    def test_an_unknown_code_is_wrong_usage(self, home):
        failed = call("faults", "DQ999").exception
        assert failed.exit_code == 2 and "there is no rule DQ999" in failed.message


class TestPages:
    def test_they_are_as_the_rules_are(self):
        folder = settings.ROOT / "docs" / "rules"
        there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
        assert there == pages(settings.ROOT), "run `sprintline reference`"

    def test_writing_tells_what_changed_and_takes_away_what_is_gone(self, tmp_path):
        (tmp_path / "docs" / "rules").mkdir(parents=True)
        (tmp_path / "docs" / "rules" / "DQ000.md").write_text("gone")
        folder = tmp_path / "docs" / "rules"
        changed = write_pages(folder, pages(tmp_path))
        assert "removed docs/rules/DQ000.md" in changed and "wrote docs/rules/DQ101.md" in changed
        assert write_pages(folder, pages(tmp_path)) == []
        assert "not been measured yet" in (tmp_path / "docs" / "rules" / "DQ101.md").read_text()
