"""The whole fault suite, end to end, as `sprintline faults` runs it: every fault is caught, and nothing else is.

`make prove ARGS=faults` runs it; it takes minutes.
"""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sprintline.cli.main import cli
from sprintline.faults import run as engine
from sprintline.faults.catalogue import all_faults
from sprintline.faults.run import Suite
from sprintline.mechanisms.rules.faults import DONE

FAULTS = all_faults()

pytestmark = [pytest.mark.proof, pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.fault]


@pytest.fixture(scope="module")
def printed() -> dict[str, object]:
    """What the command printed as JSON and its exit code, filled by `suite`."""
    return {}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory, printed: dict[str, object]) -> Suite:
    """What the command found."""
    found: list[Suite] = []
    run = engine.run

    def watched(*arguments):
        found.append(run(*arguments))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPRINTLINE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setattr(engine, "run", watched)
        done = CliRunner().invoke(cli, ["faults", "--json"], standalone_mode=False)
    assert found, done
    printed |= {"rows": json.loads(done.stdout), "code": done.return_value}
    return found[0]


def test_the_command_reports_every_fault(suite, printed):
    assert sorted(one.fault.key for one in suite.tried) == sorted(fault.key for fault in FAULTS)
    assert len(printed["rows"]) == len(FAULTS) and printed["code"] == 0, printed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.key)
def test_the_check_tells_the_fault_and_nothing_else(suite, fault):
    tried = next(one for one in suite.tried if one.fault == fault)
    assert tried.caught, tried.says
    assert tried.clean_passes, tried.clean_says


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.code == DONE], ids=lambda one: one.name)
def test_the_gate_says_that_data_or_record_is_not_what_was_judged(suite, fault):
    """Other data than were judged, or a record that is not as it was written: each is said as what it is."""
    tried = next(one for one in suite.tried if one.fault == fault)
    if fault.where.startswith("records.db"):
        said = ("was changed after it was recorded", "was added without the platform")
    else:
        said = ("stale: the verdict is on data version", "no data of it is on record")
    assert any(sentence in tried.says for sentence in said)


def test_clean_sprints_raise_no_alarm(suite):
    """The throw-away product's own six sprints, before any fault: nothing fails, and what is insufficient is known."""
    assert [one for one in suite.verdicts if one[3] == "fail"] == []
    # Before there is a champion no one answers, and nothing can be compared with what it learned from; and four sprints
    # are needed to say what is usual of a source.
    unknown = {code for code, _, _, outcome, _ in suite.verdicts if outcome == "insufficient"}
    assert unknown <= {"ML401", "MO501", "MO502", "MO503", "MO508", "DQ106"}
