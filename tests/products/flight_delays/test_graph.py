"""The asset graph of the flights product, kept as a small text: keys, dependencies, partitions, checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from sprintline.base.settings import ROOT
from sprintline.components.product import build_product

SNAPSHOT = Path(__file__).with_name("graph.json")
HEAVY = (
    "mlflow",
    "feast",
    "evidently",
    "sklearn",
    "onnxruntime",
    "pandera",
    "matplotlib",
    "deltalake",
    "river",
    "numpy",
    "pandas",
    "sqlalchemy",
)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    from sprintline.base.settings import Home
    from sprintline.product.runtime import load_runtime

    runtime = load_runtime(
        ROOT / "platform" / "products" / "flight_delays", Home(tmp_path_factory.mktemp("state"))
    )
    return build_product(runtime)


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions):
    return definitions.get_repository_def().asset_graph


def test_four_sensors_run_by_themselves(definitions):
    running = {
        one.name for one in definitions.sensors if one.default_status is dg.DefaultSensorStatus.RUNNING
    }
    assert running == {f"flight_delays_{name}" for name in ("failures", "landing", "retraining", "retention")}


def as_text(graph) -> dict:
    checks: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), []).append(key.name.split("_")[0])
    return {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "from": sorted(parent.path[-1] for parent in graph.get(key).parent_keys),
            "checks": sorted(checks.get(key.to_user_string(), [])),
        }
        for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.path)
    }


def test_the_graph_is_the_one_that_was_looked_at(graph):
    """On purpose? Then write it again: SPRINTLINE_SNAPSHOT=write make test ARGS='-k graph_is'."""
    found = as_text(graph)
    if os.environ.get("SPRINTLINE_SNAPSHOT") == "write":
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_asset_and_check_has_the_sprints_as_partitions(graph, definitions):
    keys = [f"2013-S{n:02d}" for n in range(1, 27)] + [f"2014-S{n:02d}" for n in range(1, 14)]
    for asset in graph.get_all_asset_keys():
        assert graph.get(asset).partitions_def.get_partition_keys() == keys, asset
    for check in graph.asset_check_keys:
        assert graph.get_check_spec(check).partitions_def.get_partition_keys() == keys, check


def test_every_asset_tells_who_owns_it_what_it_is_and_where_it_belongs(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners, key
        assert node.description, key
        assert node.kinds, key
        assert node.group_name in {"raw", "warehouse", "features", "models", "monitoring", "delivery"}, key


def test_a_gate_rule_orders_what_lies_downstream(graph):
    for check in graph.asset_check_keys:
        if check.asset_key.path[-1] != "candidate":
            assert graph.get_check_spec(check).blocking, check


def test_features_rest_on_two_sprints_before(definitions, graph):
    view = dg.AssetKey(["flight_delays", "carrier_delays"])
    mapping = definitions.get_assets_def(view).get_partition_mapping(
        dg.AssetKey(["flight_delays", "carrier_hours"])
    )
    sprints = graph.get(view).partitions_def
    before = mapping.get_upstream_mapped_partitions_result_for_partitions(
        sprints.subset_with_partition_keys(["2013-S07"]), sprints, sprints
    )
    assert sorted(before.partitions_subset.get_partition_keys()) == ["2013-S05", "2013-S06", "2013-S07"]


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("waive", {"code", "asset", "reason", "expires", "approver", "by", "withdraw"}),
        ("approve", {"sprint", "asset", "reason", "expires", "approver", "by"}),
        ("attest", {"code", "sprint", "asset", "claim", "evidence", "expires", "attester", "by"}),
    ],
)
def test_the_launchpad_of_a_decision_is_filled_with_every_field(definitions, act, fields):
    job = definitions.resolve_job_def(f"flight_delays_{act}")
    config = job.run_config["ops"][f"flight_delays__{act}"]["config"]
    assert set(config) == fields
    assert config.get("asset") == ("increment" if act == "approve" else "")
    shape = job.get_node_named(f"flight_delays__{act}").definition.config_schema.config_type
    assert all(field.description for field in shape.fields.values())


def test_loading_imports_nothing_heavy(tmp_path):
    """Each of these costs a second or more in every process that only looks at the definitions.

    With a state folder that has records, they are read with SQLAlchemy, which Dagster's instance imports anyway.
    """
    code = (
        "import sys, products.flight_delays.definitions\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT / "platform",
        capture_output=True,
        env={**os.environ, "SPRINTLINE_HOME": str(tmp_path)},
        text=True,
        check=True,
    )
    assert out.stdout.strip().splitlines()[-1] == "[]"
