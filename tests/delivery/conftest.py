"""Fixtures of the tests of delivery."""

from __future__ import annotations

import pytest
from tests.delivery.closings import (
    S4,
    recorded_versions,
)

from sprintline.delivery import closing, inputs
from sprintline.mechanisms.rules.gates import Need
from sprintline.product.runtime import Runtime


@pytest.fixture
def runtime(flights: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The flights product in the spring of 2013, Done by one rule of a source and the rules of the increment."""
    flights.clock.move(flights.window(S4).end)
    needs = (Need("DQ102", "weather"), Need("DL701", "increment"))
    monkeypatch.setattr(closing, "definition_of_done", lambda _runtime, _sprint: needs)
    # The stores are empty here: that the gate asks them, the faults of DONE prove on a real product.
    monkeypatch.setattr(closing, "current_versions", recorded_versions)
    monkeypatch.setattr(inputs, "changed_past", lambda _runtime, _sprint: [])
    return flights
