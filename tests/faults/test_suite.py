"""A part of the fault suite, end to end: one fault of each place where faults are planted, and the gates.

All of them run with `make prove` (`sprintline faults`).
"""

from __future__ import annotations

import pytest

from sprintline.faults.catalogue import all_faults
from sprintline.faults.run import Suite, run
from sprintline.mechanisms.rules.faults import DONE

CHOSEN = [
    fault
    for fault in all_faults()
    if fault.code == DONE
    or fault.key
    in {
        "DQ101: a value outside its range",  # a landing file
        "DQ104: rows lost after they were accepted",  # a lake partition
        "DQ201: a row duplicated after the build",  # a warehouse row, told by a check that runs alone
        "DQ202: a required value becomes null",  # a model's SQL
        "FT303: a view that lost most of its keys",  # a feature view's SQL
        "FT304: a served value overwritten",  # the online store
        "ML401: answers of another model",
        "ML402: the served file swapped",  # a release
        "ML404: too few trees to converge",  # a recipe
        "ML406: training keys lost",  # MLflow's artefacts
        "CAL001: a plan that ends in two sprints",  # a declaration
    }
]

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.fault]


@pytest.fixture(scope="module")
def suite() -> Suite:
    return run(CHOSEN)


def test_all_chosen_faults_are_there(suite):
    assert [one.fault for one in suite.tried] == CHOSEN and len(CHOSEN) == 14


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda one: one.key)
def test_the_check_tells_the_fault_and_nothing_else(suite, fault):
    tried = next(one for one in suite.tried if one.fault == fault)
    assert tried.caught, tried.says
    assert tried.clean_passes, tried.clean_says


@pytest.mark.parametrize("fault", [one for one in CHOSEN if one.code == DONE], ids=lambda one: one.name)
def test_the_gate_says_that_the_verdict_is_on_other_data(suite, fault):
    tried = next(one for one in suite.tried if one.fault == fault)
    assert "stale: the verdict is on data version" in tried.says or "no data of it is on record" in tried.says


def test_clean_sprints_raise_no_alarm(suite):
    """The throw-away product's own six sprints, before any fault: nothing fails, and what is insufficient is known."""
    assert [one for one in suite.verdicts if one[3] == "fail"] == []
    # Before there is a champion nobody answers, and nothing can be held against what it learned from.
    unknown = {code for code, _, _, outcome, _ in suite.verdicts if outcome == "insufficient"}
    assert unknown <= {"ML401", "MO501", "MO502", "MO503"}
