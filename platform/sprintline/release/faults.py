"""Faults of what a candidate is compared with."""

from __future__ import annotations

from sprintline.lake.tables import Lake
from sprintline.learning.faults import RECIPE, _stored_keys
from sprintline.mechanisms.rules.faults import DECIDED, SCORED, Fault, Sandbox
from sprintline.profiles.faults import one_courier_in_other_units
from sprintline.warehouse.dbt import Warehouse

ORDER_AND_COURIER = (
    '    "parcels",\n    "distance_km",\n    "promised_minutes",\n    "placed_hour",\n    "weekday",\n'
    '    "courier_late_rate_1d",\n    "courier_late_rate_7d",\n    "courier_delay_minutes_1d",\n'
)


def _keys_of_the_judged_sprint(sandbox: Sandbox) -> None:
    """Some of what was learned from are the very questions that the candidate is judged on."""
    table = sandbox.runtime.table("question_features")
    asked = (
        sandbox.runtime[Lake].read(table, [sandbox.sprint], columns=["question_id"])["question_id"].tolist()
    )
    _stored_keys(sandbox, lambda keys: keys.assign(question_id=[*asked[:5], *keys["question_id"].iloc[5:]]))


def _blind(sandbox: Sandbox) -> None:
    """All that tells something is taken out of the recipe."""
    sandbox.edit(
        RECIPE,
        (ORDER_AND_COURIER, '    "weekday",\n'),
        ('CATEGORICAL = ("courier", "district")', 'CATEGORICAL = ("district",)'),
        ('naive_groups=("courier",)', 'naive_groups=("district",)'),
    )


def _a_table_of_rates(sandbox: Sandbox) -> None:
    """What is left to the recipe is what the naive baseline has too."""
    sandbox.edit(
        RECIPE,
        (ORDER_AND_COURIER, '    "weekday",\n'),
        ('CATEGORICAL = ("courier", "district")', 'CATEGORICAL = ("courier",)'),
    )


def _flag_read_wrongly(sandbox: Sandbox) -> None:
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.answers(
        f"update {relation} set late = not late where courier <> 'swift' and sprint < '{sandbox.sprint}'"  # noqa: S608 - our own names
    )


def _source_in_other_units(sandbox: Sandbox) -> None:
    sandbox.partition("orders", one_courier_in_other_units)


FAULTS = (
    Fault(
        "ML403", "questions of the judged sprint among those learned from", "MLflow's artefact snapshot.parquet",
        "candidate", _keys_of_the_judged_sprint,
    ),
    Fault(
        "ML405", "a recipe blind for what matters", "recipe in model.py", "candidate", _blind,
        run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML407", "a recipe that knows no more than the baseline", "recipe in model.py", "candidate", _a_table_of_rates,
        run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML408", "a flag of two couriers read the wrong way round", "table outcomes in the warehouse", "candidate",
        _flag_read_wrongly, run=DECIDED, state=SCORED,
    ),
    Fault(
        "ML413", "judged on a sprint with a source in another unit", "lake partition of orders", "candidate",
        _source_in_other_units, run=("profiles", *DECIDED), state=SCORED,
    ),
)  # fmt: skip
