"""Faults of what a closed sprint depends on, and of the gate that closes it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from sprintline.lake.tables import Lake
from sprintline.learning.registry import Models
from sprintline.mechanisms.rules.faults import DONE, Fault, NotPlanted, Sandbox
from sprintline.release.facts import CandidateFacts
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.faults import MODELS

if TYPE_CHECKING:
    import pandas as pd

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


def _rows_before(asset: str, column: str) -> Callable[[Sandbox], None]:
    """One value of the sprint before becomes another in the lake, through the table's log."""

    def plant(sandbox: Sandbox) -> None:
        def change(rows: pd.DataFrame) -> pd.DataFrame:
            first = rows.index[0]
            rows.loc[first, column] = rows.loc[first, column] + 1
            return rows

        sandbox.partition(asset, change, sandbox.before)

    return plant


def _file_before_replaced(sandbox: Sandbox) -> None:
    """The bytes of the sprint before become those of another one: the table's log lists what it listed."""
    runtime = sandbox.runtime
    table = runtime[Lake].path(runtime.table("deliveries"))
    earlier = runtime.calendar.previous(sandbox.before)[-1]
    file, other = (sandbox.file(table / f"sprint={key}", "*.parquet") for key in (sandbox.before, earlier))
    file.write_bytes(other.read_bytes())


def _partition_before_deleted(sandbox: Sandbox) -> None:
    from deltalake import DeltaTable

    runtime = sandbox.runtime
    DeltaTable(runtime[Lake].path(runtime.table("courier_delays"))).delete(f"sprint = '{sandbox.before}'")


def _table_deleted(sandbox: Sandbox) -> None:
    runtime = sandbox.runtime
    shutil.rmtree(runtime[Lake].path(runtime.table("orders")))


def _in_warehouse(model: str, statement: str) -> Callable[[Sandbox], None]:
    """Rows of the sprint before are edited in the warehouse's file."""

    def plant(sandbox: Sandbox) -> None:
        relation = sandbox.runtime[Warehouse].relations()[model]
        sandbox.sql(statement.format(relation=relation, before=sandbox.before))

    return plant


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
        "DL701", "a landed value of the sprint before changed", "lake partition of orders, sprint before", "increment",
        _rows_before("orders", "promised_minutes"), run=("increment",),
    ),
    Fault(
        "DL701", "a data file of the sprint before replaced", "lake file of deliveries, sprint before", "increment",
        _file_before_replaced, run=("increment",),
    ),
    Fault(
        "DL701", "features of the sprint before deleted", "lake partition of courier_delays, sprint before",
        "increment", _partition_before_deleted, run=("increment",),
    ),
    Fault(
        "DL701", "a landed table deleted", "lake table of orders", "increment", _table_deleted, run=("increment",),
    ),
    Fault(
        "DL701", "a prediction of the sprint before changed", "lake partition of predictions, sprint before",
        "increment", _rows_before("predictions", "probability"), run=("increment",),
    ),
    Fault(
        "DL701", "a question's features of the sprint before changed",
        "lake partition of question_features, sprint before", "increment",
        _rows_before("question_features", "distance_km"), run=("increment",),
    ),
    Fault(
        "DL701", "one outcome of the sprint before changed by hand", "table outcomes in the warehouse", "increment",
        _in_warehouse(
            "outcomes",
            "update {relation} set delay_minutes = delay_minutes + 1 where question_id = "
            "(select min(question_id) from {relation} where sprint = '{before}')",
        ),
        run=("increment",),
    ),
    Fault(
        "DL701", "a row of the sprint before doubled by hand", "table courier_hours in the warehouse", "increment",
        _in_warehouse(
            "courier_hours", "insert into {relation} select * from {relation} where sprint = '{before}' limit 1"
        ),
        run=("increment",),
    ),
    Fault(
        "DL702", "its own file corrected, without an attestation", "landing file of orders", "increment",
        _own_file_corrected, run=THROUGH,
    ),
)  # fmt: skip
