"""Faults of dbt models and of the warehouse's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import Fault, Sandbox
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd

SQL = "dbt_project/models/{product}/"
MODELS = ("stg_orders", "stg_deliveries", "questions", "outcomes", "courier_hours")


def _union_duplicates(sandbox: Sandbox) -> None:
    sandbox.edit(
        SQL + "staging/stg_orders.sql",
        (
            "select * from renamed",
            "select * from renamed\nunion all\nselect * from renamed where parcels = 2",
        ),
    )


def _row_doubled_after_the_build(sandbox: Sandbox) -> None:
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.sql(
        f"insert into {relation} select * from {relation} where sprint = '{sandbox.sprint}' limit 1"  # noqa: S608 - our own names
    )


def _value_lost(sandbox: Sandbox) -> None:
    sandbox.edit(
        SQL + "marts/questions.sql",
        ("    courier,\n    district", "    nullif(courier, 'budget') as courier,\n    district"),
    )


def _keys_respelled(sandbox: Sandbox) -> None:
    sandbox.edit(SQL + "marts/outcomes.sql", ("order_id as question_id", "lower(order_id) as question_id"))


def _courier_misspelt(sandbox: Sandbox) -> None:
    def change(orders: pd.DataFrame) -> pd.DataFrame:
        orders.loc[orders["courier"] == "swift", "courier"] = "swfit"
        return orders

    sandbox.land("orders", change)


def _other_threshold(sandbox: Sandbox) -> None:
    sandbox.edit(SQL + "marts/outcomes.sql", ("delay_minutes > 15 as late", "delay_minutes > 10 as late"))


def _undescribed(sandbox: Sandbox) -> None:
    sandbox.edit(SQL + "marts/questions.yml", ("        description: District it goes to.\n", ""))


FAULTS = (
    Fault(
        "DQ201", "a union that duplicates rows", "SQL of stg_orders", "stg_orders",
        _union_duplicates, run=("stg_orders",),
    ),
    Fault(
        "DQ201", "a row duplicated after the build", "table outcomes in the warehouse", "outcomes",
        _row_doubled_after_the_build,
    ),
    Fault("DQ202", "a required value becomes null", "SQL of questions", "questions", _value_lost, run=("questions",)),
    Fault(
        "DQ203", "keys in another spelling than their parents'", "SQL of outcomes", "outcomes",
        _keys_respelled, run=MODELS,
    ),
    Fault(
        "DQ204", "a courier misspelt by the provider", "landing file of orders", "questions", _courier_misspelt,
        run=("orders", *MODELS),
    ),
    Fault("DQ205", "a label with another threshold", "SQL of outcomes", "outcomes", _other_threshold, run=MODELS),
    Fault(
        "DOC601", "a column without a description", "YAML beside questions", "questions",
        _undescribed, run=("questions",),
    ),
)  # fmt: skip
