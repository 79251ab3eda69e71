"""Faults of what a closed sprint rests on, and of the gate that closes it."""

from __future__ import annotations

from sprintline.learning.registry import Models
from sprintline.mechanisms.rules.faults import DONE, Fault, Sandbox
from sprintline.release.facts import CandidateFacts
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.faults import MODELS

INTO_MARTS = ("orders", "deliveries", *MODELS, "increment")
"""What a corrected file goes through, without the features that were computed before it came."""
THROUGH = (
    *INTO_MARTS, "courier_delays", "question_features", "online_features", "predictions", "scores", "drift",
)  # fmt: skip
"""All that a closed sprint is made of, its decision left as it is."""


def _accepted_rows_lost(sandbox: Sandbox) -> None:
    sandbox.partition("orders", lambda orders: orders.iloc[10:])


def _outcome_mended_by_hand(sandbox: Sandbox) -> None:
    relation = sandbox.runtime[Warehouse].relations()["outcomes"]
    sandbox.sql(
        f"update {relation} set delay_minutes = delay_minutes + 1 "  # noqa: S608 - our own names
        f"where sprint = '{sandbox.sprint}' and delay_minutes < 10"
    )


def _release_swapped(sandbox: Sandbox) -> None:
    facts: CandidateFacts = sandbox.runtime.measurement("candidate", sandbox.sprint).facts
    folder = sandbox.runtime[Models].releases / facts["model_id"]
    (folder / "model.onnx").write_bytes((folder / "twin.onnx").read_bytes())


def _corrected(sandbox: Sandbox, sprint: str) -> None:
    sandbox.land(
        "orders", lambda orders: orders.assign(promised_minutes=orders["promised_minutes"] + 1), sprint
    )


def _sprint_before_corrected(sandbox: Sandbox) -> None:
    _corrected(sandbox, sandbox.before)


def _own_file_corrected(sandbox: Sandbox) -> None:
    _corrected(sandbox, sandbox.sprint)


FAULTS = (
    Fault(
        DONE, "accepted rows lost after they were judged", "lake partition of orders", "increment",
        _accepted_rows_lost, run=("increment",),
    ),
    Fault(
        DONE, "outcomes fixed by hand after they were judged", "table outcomes in the warehouse", "increment",
        _outcome_mended_by_hand, run=("increment",),
    ),
    Fault(
        DONE, "a release swapped after it was judged", "release folder, model.onnx", "increment",
        _release_swapped, run=("increment",),
    ),
    Fault(
        "DL701", "the sprint before corrected afterwards", "landing file of orders, sprint before", "increment",
        _sprint_before_corrected, run=INTO_MARTS, sprints_before=1,
    ),
    Fault(
        "DL702", "its own file corrected, and nobody said why", "landing file of orders", "increment",
        _own_file_corrected, run=THROUGH,
    ),
)  # fmt: skip
