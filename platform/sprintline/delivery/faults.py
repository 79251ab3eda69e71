"""Faults of what a closed sprint depends on, and of the gate that closes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

from sprintline.learning.registry import Models
from sprintline.mechanisms.rules.faults import DONE, Fault, NotPlanted, Sandbox
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


def _in_records(statement: str) -> Callable[[Sandbox], None]:
    """A change of the records file by somebody who knows SQLite: guards dropped first."""

    def plant(sandbox: Sandbox) -> None:
        with closing(sqlite3.connect(sandbox.home.root / "records.db")) as connection, connection:
            guards = "select name from sqlite_master where type = 'trigger'"
            for (name,) in connection.execute(guards).fetchall():
                connection.execute(f"drop trigger {name}")
            if not connection.execute(statement, {"sprint": sandbox.sprint}).rowcount:
                raise NotPlanted(f"no row of the records was changed by: {statement}")

    return plant


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
        DONE, "a verdict edited in the records", "records.db, a verdict on orders", "increment",
        _in_records("update verdicts set observed = '7' where scope_key = :sprint and asset = 'orders'"),
        run=("increment",),
    ),
    Fault(
        DONE, "a measured fact edited in the records", "records.db, the measurement of scores", "increment",
        _in_records("update measurements set facts = facts || ' ' where scope_key = :sprint and asset = 'scores'"),
        run=("increment",),
    ),
    Fault(
        DONE, "an older verdict made the latest", "records.db, the verdicts on orders", "increment",
        _in_records(
            "insert into verdicts (product, scope_key, code, asset, subject, outcome, severity, observed, threshold, "
            "sentence, data_version, at, scope_kind) select product, scope_key, code, asset, subject, outcome, "
            "severity, observed, threshold, sentence, data_version, at, scope_kind from verdicts "
            "where scope_key = :sprint and asset = 'orders'"
        ),
        run=("increment",),
    ),
    Fault(
        "DL701", "the sprint before corrected afterwards", "landing file of orders, sprint before", "increment",
        _sprint_before_corrected, run=INTO_MARTS, sprints_before=1,
    ),
    Fault(
        "DL702", "its own file corrected, without an attestation", "landing file of orders", "increment",
        _own_file_corrected, run=THROUGH,
    ),
)  # fmt: skip
