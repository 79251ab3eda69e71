"""Every declared procedure, killed at each of its failpoints and run again, ends as one that no one disturbed.

A trial runs one procedure on a small ground: a class in a `trials.py` beside the tests of its subject, found by that
name (TRIALS: name of the procedure to class). It is made on an empty state folder; `run` begins the procedure and also
goes on with it; `look` is what it leaves beside the ledger.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from sprintline.base.failpoints import VARIABLE
from sprintline.base.settings import Home
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.mechanisms.procedures.begun import begun_procedures
from sprintline.mechanisms.procedures.declared import procedures

pytestmark = pytest.mark.fault

TESTS = Path(__file__).resolve().parents[1]
FOUND = [
    import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))
    for file in sorted(TESTS.rglob("trials.py"))
]
TRIALS = {name: trial for module in FOUND for name, trial in module.TRIALS.items()}
CASES = [(one.name, point) for one in procedures().values() for point in one.failpoints]


def test_every_procedure_has_a_trial_and_every_trial_a_procedure():
    assert set(TRIALS) == set(procedures()), "add a class to TRIALS in a trials.py of the subject's tests"


def made(name: str, place: Path, monkeypatch: pytest.MonkeyPatch):
    place.mkdir()
    return TRIALS[name](Home(place), monkeypatch)


def ledger(home: Home) -> Counter:
    return Counter((event.product, event.kind) for event in existing_records(home).events())


def killed_at(point: str, trial) -> int:
    child = os.fork()
    if child == 0:
        os.environ[VARIABLE] = point
        try:
            trial.run()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(("name", "point"), CASES, ids=[point for _, point in CASES])
def test_killed_anywhere_it_goes_on_to_the_same_end(name, point, tmp_path, monkeypatch):
    quiet = made(name, tmp_path / "quiet", monkeypatch)
    quiet.run()
    trial = made(name, tmp_path / "killed", monkeypatch)
    assert killed_at(point, trial) == -signal.SIGKILL
    (at,) = begun_procedures(existing_records(trial.home))
    steps = list(procedures()[name].steps)
    place = point.removeprefix(f"{name}.")
    waits = {"intended": steps[0], "ended": "outcome"}
    assert (at.procedure, at.next_step) == (name, waits.get(place, place))
    trial.run()
    assert begun_procedures(existing_records(trial.home)) == []
    assert ledger(trial.home) == ledger(quiet.home)
    trial.run()
    assert ledger(trial.home) == ledger(quiet.home), "done already, nothing is done"
    assert trial.look() == quiet.look()
    assert existing_records(trial.home).verify().ok
