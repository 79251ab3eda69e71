"""What is measured is counted, kept and read back; failures that are true are counted apart."""

from __future__ import annotations

import pytest

from sprintline.faults.results import Clean, Measured, added, counted, measured
from sprintline.faults.run import Suite, Tried
from sprintline.faults.spec import KnownFailure, KnownFailures
from sprintline.mechanisms.declaration.declarations import declaration_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.mechanisms.rules.faults import Fault
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict


def verdict(code: str, sprint: str, outcome: Outcome) -> Verdict:
    return Verdict("p", sprint, code, "orders", outcome, Severity.WARN, "words", "v")


VERDICTS = [
    verdict("FT303", "2013-S01", Outcome.FAIL),
    verdict("FT303", "2013-S02", Outcome.FAIL),
    verdict("FT303", "2013-S03", Outcome.PASS),
    verdict("ML401", "2013-S01", Outcome.INSUFFICIENT),
]


def test_every_failure_is_a_false_alarm_until_it_was_found_right():
    assert counted(VERDICTS, []) == {"FT303": Clean(1, 2, 0, 0), "ML401": Clean(0, 0, 0, 1)}
    one = KnownFailure(code="FT303", sprints=["2013-S01"], why="no history")
    assert counted(VERDICTS, [one])["FT303"] == Clean(1, 1, 1, 0)
    always = KnownFailure(code="FT303", why="always so")
    assert counted(VERDICTS, [always])["FT303"] == Clean(1, 0, 2, 0)
    other = KnownFailure(code="ML401", why="another rule")
    assert counted(VERDICTS, [other])["FT303"] == Clean(1, 2, 0, 0)


def test_products_add_up():
    once = counted(VERDICTS, [])
    assert added([once, once])["FT303"] == Clean(2, 4, 0, 0)
    assert added([]) == {}


def test_a_counterpart_counts_as_one_more_clean_judgement(tmp_path):
    fault = Fault("FT303", "one", "somewhere", "orders", lambda sandbox: None)
    suite = Suite((Tried(fault, True, True, "", "", 1.5), Tried(fault, False, False, "", "", 2.5)))
    found = measured(suite, {"FT303": Clean(25, 0, 1, 0)}, {"p": 26})
    first, second = found.rows
    assert (first.caught, first.clean_passes, first.false_alarms, first.findings) == (True, 26, 0, 1)
    assert (second.caught, second.clean_passes, second.false_alarms, second.seconds) == (False, 25, 1, 2.5)
    found.save(tmp_path / "kept" / "faults.json")
    assert Measured.load(tmp_path / "kept" / "faults.json") == found
    assert found.of("FT303") == found.rows and found.of("DQ101") == ()
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["faults.json"]


def test_nothing_measured_is_none(tmp_path):
    assert Measured.load(tmp_path / "faults.json") is None


def test_findings_are_read_and_mistakes_told_with_their_line():
    text = "findings:\n  - code: FT303\n    sprints: ['2013-S01']\n    why: no history\n"
    findings = declaration_of(KnownFailures)
    (one,) = findings.read(text, "findings.yaml", {}).findings
    assert one.covers("FT303", "2013-S01") and not one.covers("FT303", "2013-S02")
    with pytest.raises(DeclarationError, match=r"findings.yaml:2: .*why: is missing"):
        findings.read("findings:\n  - code: FT303\n", "findings.yaml", {})
