"""Faults of landed files and of their rows in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import LANDED, Fault, Sandbox

if TYPE_CHECKING:
    import pandas as pd


def _parcels_of_nothing(sandbox: Sandbox) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders.index[7], "parcels"] = 0
        return orders

    sandbox.land("orders", change)


def _key_twice(sandbox: Sandbox) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders.index[1], "order_id"] = orders["order_id"].iloc[0]
        return orders

    sandbox.land("orders", change)


def _cut_off(sandbox: Sandbox) -> None:
    sandbox.land("orders", lambda orders: orders.head(300))


def _from_the_future(sandbox: Sandbox) -> None:
    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        deliveries.loc[deliveries.index[:5], "delivered_at"] = "2027-01-01T00:00:00Z"
        return deliveries

    sandbox.land("deliveries", change)


def _days_for_moments(sandbox: Sandbox) -> None:
    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        days = pd.to_datetime(deliveries["delivered_at"], utc=True).dt.floor("D")
        return deliveries.assign(delivered_at=days.dt.strftime("%Y-%m-%dT00:00:00Z"))

    sandbox.land("deliveries", change)


def _rows_lost_in_the_lake(sandbox: Sandbox) -> None:
    sandbox.partition("orders", lambda orders: orders.iloc[10:])


def _value_changed_in_the_lake(sandbox: Sandbox) -> None:
    sandbox.partition("orders", lambda orders: orders.assign(distance_km=orders["distance_km"] + 1))


FAULTS = (
    Fault(
        "DQ101", "a value outside its range", "landing file of orders", "orders", _parcels_of_nothing,
        run=("orders",), state=LANDED,
    ),
    Fault(
        "DQ101", "a duplicate key", "landing file of orders", "orders",
        _key_twice, run=("orders",), state=LANDED,
    ),
    Fault(
        "DQ102", "a file cut off in transfer", "landing file of orders", "orders",
        _cut_off, run=("orders",), state=LANDED,
    ),
    Fault(
        "DQ103", "rows known only next year", "landing file of deliveries", "deliveries", _from_the_future,
        run=("deliveries",), state=LANDED,
    ),
    Fault(
        "DQ105", "days in place of moments", "landing file of deliveries", "deliveries", _days_for_moments,
        run=("deliveries",), state=LANDED,
    ),
    Fault("DQ104", "rows lost after they were accepted", "lake partition of orders", "orders", _rows_lost_in_the_lake),
    Fault(
        "DQ104", "values changed after they were accepted", "lake partition of orders", "orders",
        _value_changed_in_the_lake,
    ),
)  # fmt: skip
