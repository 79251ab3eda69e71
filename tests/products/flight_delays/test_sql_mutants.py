"""Every operator, bound and function in the models' SQL is held by a unit test: changed, one of them fails."""

from __future__ import annotations

import pytest
from tests.warehouse.sql_mutants import UnitTests

from sprintline.base.settings import Home
from sprintline.warehouse.dbt import Warehouse

EQUAL = {
    "int_known_delays": (
        # At the bound itself, both sides give the bound.
        "when delay_minutes >= 360 then 360",
        "when en_route_minutes >= 120 then 120",
        "when en_route_minutes <= -60 then -60",
        # A departure is never equal to an arrival.
        "=>  union",
    ),
}
"""Changes that change no result."""


@pytest.mark.slow
def test_no_small_change_of_the_sql_passes_the_unit_tests(tmp_path) -> None:
    tests = UnitTests(Warehouse("flight_delays", Home(tmp_path)))
    assert len(tests.tested) >= 11
    for model in tests.tested:
        assert not tests.notice(model, tests.sql[model]), f"{model}: its unit tests fail as it is"
        mutants = list(tests.mutants(model))
        assert len(mutants) >= 5, model
        alive = [one.place for one in mutants if not tests.notice(model, one.sql)]
        assert [one for one in alive if not any(equal in one for equal in EQUAL.get(model, ()))] == [], model
