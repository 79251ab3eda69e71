"""DQ106 in words: found, accepted, not compared, as usual."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.rulebook import definition_of_done
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.profiles.rules import AS_USUAL

FINDING = {"sentence": "orders: 0 rows on 2026-03-19, usually 144 on a Thursday", "also": 2}


def evidence(**changed: Any) -> dict[str, Any]:
    return {"findings": [], "compared": 900, "sprints": 6, "learning": 0, "accepted_by": None, **changed}


def test_a_finding_fails_with_its_sentence_and_the_count_of_the_others():
    judged = AS_USUAL(evidence(findings=[FINDING]))
    assert judged.outcome is Outcome.FAIL
    assert judged.sentence == "orders: 0 rows on 2026-03-19, usually 144 on a Thursday; and 2 more"


def test_an_accepted_finding_passes_and_says_who_accepted_it():
    judged = AS_USUAL(evidence(findings=[FINDING], accepted_by="sam.okafor@example.org"))
    assert judged.outcome is Outcome.PASS
    assert judged.sentence.startswith("sam.okafor@example.org accepted the findings as right: orders: 0 rows")


def test_without_history_it_is_insufficient_and_never_a_pass():
    assert AS_USUAL(evidence(compared=0, sprints=3)).outcome is Outcome.INSUFFICIENT
    assert AS_USUAL(evidence(findings=None)).outcome is Outcome.INSUFFICIENT
    assert AS_USUAL(None).outcome is Outcome.INSUFFICIENT


def test_what_is_learned_again_is_said():
    assert "12 are learned again since a change was accepted" in AS_USUAL(evidence(learning=12)).sentence


def test_done_asks_for_it_from_the_fifth_landed_sprint_on_with_or_without_profiles(flights):
    def asked(sprint: str) -> set[str]:
        return {need.code for need in definition_of_done(flights, sprint) if need.asset == "profiles"}

    keys = flights.calendar.keys[:6]
    for key in keys[:3]:
        flights[Lake].write(flights.table("weather"), key, pd.DataFrame({"temp": [1.0]}), "temp")
    assert asked(keys[3]) == {"DQ107"}, "three sprints say little of what is usual"
    assert asked(keys[4]) == {"DQ107"}, "a sprint that never landed is none of the four"
    flights[Lake].write(flights.table("departures"), keys[3], pd.DataFrame({"delay": [1.0]}), "delay")
    assert asked(keys[4]) == asked(keys[5]) == {"DQ106", "DQ107"}, "a lost profile opens no gate"
