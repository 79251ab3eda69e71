"""The removal of a product's state beyond what every procedure's trial shows."""

from __future__ import annotations

import pytest
from tests.mechanisms.test_procedures_killed import killed_at
from tests.state.trials import Removal, run_of

from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.state import removal

pytestmark = pytest.mark.fault


def test_a_run_that_failed_while_a_removal_was_interrupted_is_forgotten_as_well(home, monkeypatch):
    """It recorded nothing and left no file: only the removal that goes on can know of it."""
    trial = Removal(home, monkeypatch)
    killed_at("remove.folders", trial)
    run_of(home, "bakery").write_text("another run, which failed at once")
    trial.run()
    assert not run_of(home, "bakery").exists() and run_of(home, "bakery_two").exists()


def test_where_nothing_is_there_nothing_is_recorded(home):
    removal.remove_state(home, "bakery", "sam")
    assert existing_records(home) is None and list(home.root.iterdir()) == []
