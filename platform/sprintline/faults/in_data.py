"""Faults of what lands, of the lake it enters and of the dbt models built from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.faults.fault import LANDED, Fault
from sprintline.faults.ground import Ground

if TYPE_CHECKING:
    import pandas as pd

MODELS = ("stg_orders", "stg_deliveries", "questions", "outcomes", "courier_hours")
SQL = "dbt_project/models/{product}/"


def _parcels_of_nothing(ground: Ground) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders.index[7], "parcels"] = 0
        return orders

    ground.land("orders", change)


def _key_twice(ground: Ground) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders.index[1], "order_id"] = orders["order_id"].iloc[0]
        return orders

    ground.land("orders", change)


def _cut_off(ground: Ground) -> None:
    ground.land("orders", lambda orders: orders.head(300))


def _from_the_future(ground: Ground) -> None:
    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        deliveries.loc[deliveries.index[:5], "delivered_at"] = "2027-01-01T00:00:00Z"
        return deliveries

    ground.land("deliveries", change)


def _rows_lost_in_the_lake(ground: Ground) -> None:
    ground.partition("orders", lambda orders: orders.iloc[10:])


def _value_changed_in_the_lake(ground: Ground) -> None:
    ground.partition("orders", lambda orders: orders.assign(distance_km=orders["distance_km"] + 1))


def _join_doubles(ground: Ground) -> None:
    ground.edit(
        SQL + "staging/stg_orders.sql",
        (
            "select * from renamed",
            "select * from renamed\nunion all\nselect * from renamed where parcels = 2",
        ),
    )


def _row_doubled_after_the_build(ground: Ground) -> None:
    relation = ground.runtime.warehouse.relations()["outcomes"]
    ground.sql(
        f"insert into {relation} select * from {relation} where sprint = '{ground.sprint}' limit 1"  # noqa: S608 - our own names
    )


def _value_lost(ground: Ground) -> None:
    ground.edit(
        SQL + "marts/questions.sql",
        ("    courier,\n    district", "    nullif(courier, 'budget') as courier,\n    district"),
    )


def _keys_respelt(ground: Ground) -> None:
    ground.edit(SQL + "marts/outcomes.sql", ("order_id as question_id", "lower(order_id) as question_id"))


def _courier_misspelt(ground: Ground) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders["courier"] == "swift", "courier"] = "swfit"
        return orders

    ground.land("orders", change)


def _other_line(ground: Ground) -> None:
    ground.edit(SQL + "marts/outcomes.sql", ("delay_minutes > 15 as late", "delay_minutes > 10 as late"))


def _undescribed(ground: Ground) -> None:
    ground.edit(SQL + "marts/questions.yml", ("        description: District it goes to.\n", ""))


FAULTS = (
    Fault(
        "DQ101", "a value outside its range", "landing file of orders", "orders", _parcels_of_nothing,
        run=("orders",), state=LANDED,
    ),
    Fault(
        "DQ101", "a key that comes twice", "landing file of orders", "orders",
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
    Fault("DQ104", "rows lost after they were accepted", "lake partition of orders", "orders", _rows_lost_in_the_lake),
    Fault(
        "DQ104", "values changed after they were accepted", "lake partition of orders", "orders",
        _value_changed_in_the_lake,
    ),
    Fault("DQ201", "a union that doubles rows", "SQL of stg_orders", "stg_orders", _join_doubles, run=("stg_orders",)),
    Fault(
        "DQ201", "a row doubled after the build", "table outcomes in the warehouse", "outcomes",
        _row_doubled_after_the_build,
    ),
    Fault("DQ202", "a required value becomes null", "SQL of questions", "questions", _value_lost, run=("questions",)),
    Fault(
        "DQ203", "keys spelt otherwise than their parents'", "SQL of outcomes", "outcomes",
        _keys_respelt, run=MODELS,
    ),
    Fault(
        "DQ204", "a courier misspelt by the provider", "landing file of orders", "questions", _courier_misspelt,
        run=("orders", *MODELS),
    ),
    Fault("DQ205", "a label drawn at another line", "SQL of outcomes", "outcomes", _other_line, run=MODELS),
    Fault(
        "DOC601", "a column nobody described", "YAML beside questions", "questions",
        _undescribed, run=("questions",),
    ),
)  # fmt: skip
