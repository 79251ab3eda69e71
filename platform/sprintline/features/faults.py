"""Faults of feature views, of question features, and of the online store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from sprintline.mechanisms.rules.faults import DECIDED, PRODUCT, SCORED, Fault, NotPlanted, Sandbox
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.warehouse.dbt import Warehouse


def _known_an_hour_later(sandbox: Sandbox) -> None:
    sandbox.partition(
        "courier_delays",
        lambda rows: rows.assign(created_timestamp=rows["event_timestamp"] + timedelta(hours=1)),
    )


def _answered_twice(sandbox: Sandbox) -> None:
    import pandas as pd

    sandbox.partition("question_features", lambda rows: pd.concat([rows, rows.head(3)], ignore_index=True))


def _question_twice(sandbox: Sandbox) -> None:
    relation = sandbox.runtime[Warehouse].relations()["questions"]
    sandbox.sql(
        f"insert into {relation} select * from {relation} where sprint = '{sandbox.sprint}' limit 3"  # noqa: S608 - our own names
    )


def _one_courier_only(sandbox: Sandbox) -> None:
    sandbox.edit(
        "feature_repo/{product}/courier_delays.sql",
        ("where asked and", "where courier = 'swift' and asked and"),
    )


def _served_value_overwritten(sandbox: Sandbox) -> None:
    """Overwrite the value of one feature in the online store's file."""
    with sqlite3.connect(sandbox.home.features / PRODUCT / "online.db") as online:
        table = f"{PRODUCT}_courier_delays"
        changed = online.execute(
            f'update "{table}" set value = (select value from "{table}" where feature_name = ? limit 1) '  # noqa: S608 - our own name
            "where feature_name = ?",
            ("courier_delay_minutes_1d", "courier_late_rate_7d"),
        )
        if not changed.rowcount:
            raise NotPlanted("the online store has no courier_late_rate_7d")


def _corrected_offline_only(sandbox: Sandbox) -> None:
    sandbox.partition(
        "courier_delays", lambda rows: rows.assign(courier_late_rate_7d=rows["courier_late_rate_7d"] + 0.05)
    )


def _online(statement: str) -> Callable[[Sandbox], None]:
    """A change of the online store's file."""

    def plant(sandbox: Sandbox) -> None:
        with closing(sqlite3.connect(sandbox.home.features / PRODUCT / "online.db")) as online, online:
            if not online.execute(statement.format(table=f'"{PRODUCT}_courier_delays"')).rowcount:
                raise NotPlanted(f"no row of the online store was changed by: {statement}")

    return plant


def _online_store_deleted(sandbox: Sandbox) -> None:
    sandbox.file(sandbox.home.features / PRODUCT, "online.db").unlink()


def _landed_before_changed(sandbox: Sandbox) -> None:
    sandbox.partition(
        "deliveries",
        lambda rows: rows.assign(known_at=rows["known_at"] + timedelta(minutes=7)),
        sandbox.before,
    )


def _future_hours(sandbox: Sandbox) -> None:
    """Let the view's daily sums include two later hours; its moments do not change."""
    sandbox.edit(
        "feature_repo/{product}/courier_delays.sql",
        (
            "range between interval 23 hour preceding and current row",
            "range between interval 23 hour preceding and interval 2 hour following",
        ),
    )


def _minutes_until_delivery(sandbox: Sandbox) -> None:
    """Add to the distance, a column of the question, the minutes until the order arrives."""
    minutes = (
        'coalesce((select {{ dbt.datediff("orders.event_at", "one.known_at", "minute") }} '
        'from {{ ref("stg_deliveries") }} as one where one.order_id = orders.order_id), 0)'
    )
    sandbox.edit(
        "dbt_project/models/{product}/marts/questions.sql",
        ("orders.*,", f"orders.* replace (orders.distance_km + {minutes} as distance_km),"),
    )


def _filled_in_later(sandbox: Sandbox) -> None:
    """The same where the delivery's row is known to exist when the question is asked, as a row filled in later is."""
    sandbox.edit(
        "platform/products/{product}/contracts/deliveries.yaml",
        (
            "        examples: [O00001]",
            "        examples: [O00001]\n        customProperties: [{property: knownAt, value: question}]",
        ),
    )
    _minutes_until_delivery(sandbox)


def _asked_of_what_arrived(sandbox: Sandbox) -> None:
    """Select the questions by something that is known only later: whether the order arrives."""
    sandbox.edit(
        "dbt_project/models/{product}/marts/questions.sql",
        ("from clocked", 'from clocked where order_id in (select order_id from {{ ref("stg_deliveries") }})'),
    )


FAULTS = (
    Fault(
        "FT301", "values that use the next hour", "lake partition of courier_delays", "courier_delays",
        _known_an_hour_later,
    ),
    Fault(
        "FT302", "a question answered twice", "lake partition of question_features", "question_features",
        _answered_twice,
    ),
    Fault(
        "FT302", "a question asked twice", "table questions in the warehouse", "question_features", _question_twice,
        run=("question_features",),
    ),
    Fault(
        "FT303", "a view that lost most of its keys", "SQL of the view courier_delays", "question_features",
        _one_courier_only, run=("courier_delays", "question_features"),
    ),
    Fault("FT304", "a served value overwritten", "online store", "online_features", _served_value_overwritten),
    Fault(
        "FT304", "offline values corrected and not published", "lake partition of courier_delays", "online_features",
        _corrected_offline_only,
    ),
    Fault(
        "FT304", "a key lost", "online store", "online_features",
        _online("delete from {table} where entity_key = (select min(entity_key) from {table})"),
    ),
    Fault(
        "FT304", "a served moment changed", "online store", "online_features",
        _online("update {table} set event_ts = event_ts - 3600"),
    ),
    Fault("FT304", "the online store deleted", "online store", "online_features", _online_store_deleted),
    Fault(
        "FT305", "landed rows of the sprint before changed: no word about the future",
        "lake partition of deliveries, sprint before", "candidate", _landed_before_changed, run=DECIDED, state=SCORED,
        expects=Outcome.INSUFFICIENT,
    ),
    Fault(
        "FT305", "a view that looks two hours ahead", "SQL of the view courier_delays", "candidate", _future_hours,
        run=("courier_delays", "question_features", *DECIDED), state=SCORED,
    ),
    Fault(
        "FT305", "a column of the question made of the answer's row", "SQL of the mart questions", "candidate",
        _minutes_until_delivery, run=("questions", "question_features", *DECIDED), state=SCORED,
    ),
    Fault(
        "FT305", "a column of the question filled in later", "SQL of the mart questions", "candidate",
        _filled_in_later, run=("questions", "question_features", *DECIDED), state=SCORED,
    ),
    Fault(
        "FT305", "questions selected by what is known later", "SQL of the mart questions", "candidate",
        _asked_of_what_arrived, run=("questions", "question_features", *DECIDED), state=SCORED,
        expects=Outcome.INSUFFICIENT,
    ),
)  # fmt: skip
