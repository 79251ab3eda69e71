"""Which columns a page may show, by the contracts of a product."""

from __future__ import annotations

from sprintline.landing.contracts import Column, Contract
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import NotReady
from sprintline.landing.showable import Showable


def contract(**classified: str) -> Contract:
    columns = tuple(Column(name, "string", classification=of) for name, of in classified.items())
    return Contract("c", "c", "1.0.0", "active", "", "c", columns, (), event_at="asked")


def of(runtime, **contracts: Contract) -> Showable:
    runtime.opened[Contracts] = Contracts(contracts)
    return Showable.of(runtime)


def test_without_hidden_columns_everything_may_be_shown(flights):
    found = of(flights, a=contract(carrier="internal", asked="public"))
    assert "carrier" in found and "computed_by_sql" in found and found.moments


def test_beside_a_hidden_column_only_declared_ones_are_shown(flights):
    found = of(flights, a=contract(carrier="internal", passenger="personal"), b=contract(fare="confidential"))
    assert "carrier" in found
    assert not [name for name in ("passenger", "fare", "traveller") if name in found], (
        "SQL may rename a column"
    )


def test_a_name_that_any_contract_hides_is_hidden(flights):
    assert "name" not in of(flights, a=contract(name="public"), b=contract(name="personal"))


def test_a_moment_that_is_hidden_is_not_shown(flights):
    assert not of(flights, a=contract(carrier="internal", asked="personal")).moments


def test_where_a_contract_cannot_be_read_nothing_is_shown(flights, monkeypatch):
    def gone(*_: object) -> None:
        raise NotReady("the publisher does not load")

    monkeypatch.setattr("sprintline.landing.showable.feed_of", gone)
    monkeypatch.setattr(type(flights.spec), "read", {"other": None})
    assert "carrier" not in of(flights, a=contract(carrier="internal"))
