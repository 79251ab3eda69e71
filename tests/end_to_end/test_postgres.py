"""Three sprints close through sensors and daemon while records, MLflow and Dagster live on a PostgreSQL server."""

from __future__ import annotations

import dataclasses
import json

import psycopg2
import pytest
from tests.postgres import running

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]


def test_sprints_close_with_all_state_on_a_server(clone, tmp_path):
    with running() as server:
        secret = tmp_path / "secret"
        secret.write_text(server.database("state"))
        there = dataclasses.replace(clone, extra=(("SPRINTLINE_DATABASE_URL_FILE", str(secret)),))
        there.run("replay", there.product, "--sprints", "3")
        sprints = list(there.sprints().values())[:3]
        assert [row["state"] for row in sprints] == ["closed"] * 3
        assert sprints[2]["trained"] == "bootstrap"
        ledger = json.loads(there.run("ledger", "verify", "--json").stdout)
        assert ledger["ok"]
        assert ledger["anchored"] == ledger["events"] > 0
        with psycopg2.connect(server.url("state")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sprintline_dagster.runs WHERE status <> 'SUCCESS'")
            assert cursor.fetchone() == (0,)
            cursor.execute(
                "SELECT count(*) FROM sprintline_dagster.run_tags WHERE key = 'dagster/sensor_name'"
            )
            assert cursor.fetchone()[0] >= 3
            cursor.execute("SELECT count(*) FROM sprintline_mlflow.model_versions")
            assert cursor.fetchone()[0] >= 1
        connection.close()
        assert not list(there.state.glob("*.db")) + list((there.state / "dagster").rglob("*.db"))
