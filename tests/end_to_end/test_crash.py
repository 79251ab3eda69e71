"""A closing that is killed or meets a full disk leaves, closed again, what a quiet one leaves.

`KILLS=100` takes all failpoints and that many random moments (`make prove ARGS=kills`); a seed that failed
is repeated with `SPRINTLINE_KILL_SEED`. Kills of daemon, code server and launcher are in test_crash_daemon.py.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake

from sprintline.mechanisms.procedures.declared import failpoints
from sprintline.state.procedures import REMOVE, RESET

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.fault]

S1, S2, S3, S4 = (f"2026-S0{n}" for n in range(1, 5))
KILLED = -signal.SIGKILL
IN_DAEMON = {"launch.before_fork", "launch.forked"}
REFUSING = {"quarantine.before_move", "quarantine.after_move"}
#: Passed by no closing: tests/mechanisms/test_procedures_killed.py kills there.
ELSEWHERE = {*REMOVE.failpoints, *RESET.failpoints}
#: Passed many times in a closing: somewhere in the middle says more than the first.
AT = {
    "records.before_commit": 40,
    "records.before_head": 4,
    "lake.after_commit": 2,
    "dbt.between_models": 3,
}
KILLS_A_ROUND = 5
ALL = bool(os.environ.get("KILLS"))
#: One of each store, unless all are required.
CHOSEN = {
    "lake.before_commit", "dbt.between_models", "features.applied", "features.online_view", "train.release_filled",
    "train.run_logged", "promote.decide", "closing.sighted", "records.before_head",
}  # fmt: skip
#: From where on the disk is full, and what cannot be written there.
FULL = {
    "landing.read": "orders",
    "lake.before_commit:2": "orders",
    "lake.after_commit": "orders",
    "dbt.before_build": "parcels__dbt",
    "dbt.after_build": "parcels__dbt",
    "lake.before_commit:3": "courier_delays",
    "features.online_view": "online_features",
    "train.trained": "parcels__promotion",
    "train.release_renamed": "parcels__promotion",
    "train.registered": "parcels__promotion",
    "promote.intended": "parcels__promotion",
    "promote.decide": "parcels__promotion",
    "closing.measured": "increment",
    "closing.sighted": "increment",
}
FULL_CHOSEN = (
    "landing.read",
    "dbt.before_build",
    "features.online_view",
    "train.trained",
    "promote.intended",
)


@pytest.mark.parametrize(
    "point", sorted(set(failpoints()) - IN_DAEMON - REFUSING - ELSEWHERE if ALL else CHOSEN)
)
def test_killed_at_a_failpoint(ground, point):
    # What happens once in a product's life happens in its first sprint; the third is the first that trains.
    before, sprint = ("landed", S1) if point == "features.applied" else (S2, S3)
    ground.restore(before)
    killed = ground.close(sprint, failpoint=f"{point}:{AT.get(point, 1)}")
    assert killed["code"] == KILLED, killed
    again = ground.close(sprint)
    assert again["code"] == 0, again
    ground.assert_as_undisturbed(sprint, point)


@pytest.mark.parametrize("point", sorted(REFUSING))
def test_killed_while_a_file_is_refused(ground, point):
    def break_orders() -> None:
        ground.restore(S2)
        (orders,) = (ground.clone.state / "landing" / "parcels" / "orders").glob(f"{S3}.csv*")
        bad = orders.with_name(f"{S3}.csv")
        orders.unlink()
        bad.write_text("order_id\n1\n")
        os.utime(bad, (time.time() - 60, time.time() - 60))

    break_orders()
    assert ground.close(S3)["code"] == 3
    quiet = ground.look()
    assert quiet["quarantined"] == [f"{S3}.csv"] and quiet["effects"][f"refused {S3}"] == 1
    break_orders()
    assert ground.close(S3, failpoint=point)["code"] == KILLED
    assert ground.look()["effects"] == quiet["effects"], "what was refused is on record before it is moved"
    assert ground.close(S3)["code"] == 3
    found = ground.look()
    for what in quiet:
        assert found[what] == quiet[what], what


def test_killed_at_random_moments(ground):
    seed = int(os.environ.get("SPRINTLINE_KILL_SEED") or time.time_ns() % 10**6)
    kills, draw = int(os.environ.get("KILLS") or 4), random.Random(seed)
    done = 0
    while done < kills:
        before, sprint = draw.choice([(S2, S3), (S2, S3), (S3, S4)])
        ground.restore(before)
        moments = []
        for _ in range(min(KILLS_A_ROUND, kills - done)):
            moments.append(round(draw.uniform(0, ground.seconds[sprint]), 2))
            ground.close(sprint, after=moments[-1])
        done += len(moments)
        told = f"seed {seed}: {sprint} killed after {moments} s"
        print(f"{done} of {kills}: {told}", flush=True)
        again = ground.close(sprint)
        assert again["code"] == 0, (told, again)
        ground.assert_as_undisturbed(sprint, told)


@pytest.mark.parametrize("point", FULL if ALL else FULL_CHOSEN)
def test_a_disk_that_is_full_leaves_what_stood_and_says_what_to_do(ground, point):
    ground.restore(S2)
    stopped = ground.close(S3, full=point)
    assert stopped["code"] == 3, stopped
    (said,) = (words for step, words in stopped["failed"].items() if step.endswith(FULL[point]))
    assert "disk full" in said and f"free space for {ground.clone.state}" in said, said
    found, before = ground.look(), ground.expected[S2]
    assert found["whole"] and not found["damage"]
    assert found["releases"] == before["releases"] or point.startswith(("train", "promote", "closing"))
    for part, content in before["state"].items():
        # Online values are the newest of all sprints; they and the whole move on where the disk held out longer.
        assert found["state"].get(part) == content or not part.endswith((S1, S2)), part
    again = ground.close(S3)
    assert again["code"] == 0, again
    ground.assert_as_undisturbed(S3, point)


def test_rows_the_warehouse_lost_are_made_again_from_the_lake(ground):
    ground.restore(S2)
    with duckdb.connect(str(ground.warehouse)) as connection:
        connection.execute("delete from marts.outcomes where sprint = ?", [S1])
    assert ground.close(S3)["code"] == 0
    ground.assert_as_undisturbed(S3, "rows lost", repairs=1)


def test_a_damaged_warehouse_is_told_and_made_again_once_it_is_out_of_the_way(ground):
    ground.restore(S2)
    ground.warehouse.write_bytes(b"no database" * 1000)
    stopped = ground.close(S3)
    assert stopped["code"] == 3, stopped
    (said,) = (words for step, words in stopped["failed"].items() if step.endswith("parcels__dbt"))
    assert f"{ground.warehouse} is damaged: move it and its .wal away" in said, said
    ground.warehouse.unlink()
    assert ground.close(S3)["code"] == 0
    ground.assert_as_undisturbed(S3, "damaged warehouse", repairs=2)


def test_a_lake_that_lost_what_a_sprint_rests_on_stops_it_and_says_which(ground):
    ground.restore(S2)
    shutil.rmtree(ground.clone.state / "lake" / "parcels" / "courier_delays")
    stopped = ground.close(S3)
    assert stopped["code"] == 3, stopped
    (said,) = (words for step, words in stopped["failed"].items() if step.endswith("question_features"))
    assert f"{S3} depends on rows that are not as recorded: courier_delays of {S2} in the lake" in said, said
    assert f"materialize {S2} again" in said, said
    for sprint in (S1, S2, S3):
        assert ground.close(sprint)["code"] == 0
    ground.assert_as_undisturbed(S3, "lake lost")


def change(ground, asset: str, column: str, sprint: str = S3) -> None:
    """One value of an earlier sprint becomes another in the lake, as whoever knows the library would do it."""
    delta = DeltaTable(ground.clone.state / "lake" / "parcels" / asset)
    rows = delta.to_pyarrow_table(filters=[("sprint", "=", sprint)]).to_pandas()
    rows.loc[0, column] += 1
    write_deltalake(delta, rows, mode="overwrite", predicate=f"sprint = '{sprint}'")


@pytest.mark.parametrize(
    ("asset", "column", "stops"),
    [("orders", "promised_minutes", "dbt"), ("courier_delays", "courier_late_rate_7d", "question_features")],
)
def test_a_value_of_an_earlier_sprint_changed_in_the_lake_stops_the_next_one_until_it_is_put_back(
    ground, asset, column, stops
):
    ground.restore(S3)
    change(ground, asset, column)
    stopped = ground.close(S4)
    assert stopped["code"] == 3, stopped
    (said,) = (words for step, words in stopped["failed"].items() if step.endswith(stops))
    assert f"{S4} depends on rows that are not as recorded: {asset} of {S3} in the lake (content" in said, (
        said
    )
    assert "`sprintline recover parcels`" in said
    recovered = ground.clone.run("recover", "parcels").stdout
    assert f"{asset} of {S3} in the lake" in recovered and "was put back from version" in recovered
    assert ground.close(S4)["code"] == 0
    found = ground.look()
    assert found["effects"].pop("repaired None") == 1
    ground.assert_as_undisturbed(S4, asset, found)


def test_one_outcome_of_an_earlier_sprint_changed_by_hand_is_made_again_from_the_lake(ground):
    ground.restore(S3)
    with duckdb.connect(str(ground.warehouse)) as connection:
        connection.execute(
            "update marts.outcomes set late = not late where question_id = "
            "(select min(question_id) from marts.outcomes where sprint = ?)", [S2]
        )  # fmt: skip
    assert ground.close(S4)["code"] == 0
    ground.assert_as_undisturbed(S4, "one outcome", repairs=1)


def test_an_alias_that_was_removed_by_hand_follows_the_ledger_after_the_next_closing(ground):
    ground.restore(S3)
    with closing(sqlite3.connect(ground.clone.state / "models" / "mlflow.db")) as registry, registry:
        assert registry.execute("delete from registered_model_aliases").rowcount == 1
    told = ground.clone.run("status", "parcels").stdout
    assert "MLflow's alias champion points to no version" in " ".join(told.split())
    assert ground.close(S4)["code"] == 0
    ground.assert_as_undisturbed(S4, "alias", repairs=1)
