"""A candidate on a real instance: leaks are caught, cards are true, a model is reproduced or says why not."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from functools import cache

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

S3 = "2026-S03"
CLOSE = """
import sys
import dagster as dg
from sprintline.hosting.replay import drop
from sprintline.base.settings import ROOT, home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import prepare
from sprintline.landing.samples import LANDS_AFTER
import products.parcels.definitions as location

prepare(home())
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in runtime.calendar.keys[:3]:
        drop(runtime, key, runtime.sources.provide)
        runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
        assert job.execute_in_process(partition_key=key, instance=instance).success
"""
#: What the instance holds of one rule's check on the candidate.
CHECK = """
import json, sys
import dagster as dg
from dagster._core.event_api import PartitionKeyFilter

keys = [dg.AssetCheckKey(dg.AssetKey(["parcels", "candidate"]), name) for name in sys.argv[1:]]
with dg.DagsterInstance.get() as instance:
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        keys, partition_filter=PartitionKeyFilter(key="2026-S03")
    )
    said = {key.name: found[key].evaluation for key in keys}
    print(json.dumps({name: {"passed": one.passed, "says": one.description} for name, one in said.items()}))
"""
#: With the runtime, the candidate's facts and its card at hand.
HERE = """
import json, sys
from sprintline.base.hashing import canonical_json, text_hash
from sprintline.base.settings import ROOT
from sprintline.lake.tables import Lake
from sprintline.product.runtime import load_runtime
from sprintline.release.cards import card_file

runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
candidate = runtime.measurement("candidate", "2026-S03")
file = card_file(runtime, candidate.facts["model_id"])
card = json.loads(file.read_text())

def keep(card):
    body = {key: value for key, value in card.items() if key != "hash"}
    file.write_text(json.dumps({**body, "hash": text_hash(canonical_json(body))}))
"""


#: One after the other: what is done to the card, and what the materialized check then says.
PLANTS = """
import dagster as dg
import products.parcels.definitions as location
from dagster._core.event_api import PartitionKeyFilter
from sprintline.release.cards import write_card

key = dg.AssetCheckKey(dg.AssetKey(["parcels", "candidate"]), "ML410_has_a_true_card")
whole = location.defs.get_repository_def().get_implicit_global_asset_job_def()
job = whole.get_subset(asset_selection=set(), asset_check_selection={key})
plants = {
    "empty section": lambda: keep({**card, "sections": [
        {**one, "figures": one["figures"] if one["title"] != "Training" else []} for one in card["sections"]
    ]}),
    "stale hash": lambda: runtime.measure(
        "candidate", "2026-S03", candidate.data_version, {**candidate.facts, "rows": 1}
    ),
    "claim without metric": lambda: keep(
        {**card, "claims": [{**card["claims"][0], "value": None}, *card["claims"][1:]]}
    ),
    "edited": lambda: file.write_text(json.dumps({**card, "model": "another"})),
    "lost": file.unlink,
}

def fix():
    runtime.measure("candidate", "2026-S03", candidate.data_version, candidate.facts)
    write_card(runtime, candidate.data_version, "2026-S03")

said = {}
with dg.DagsterInstance.get() as instance:
    for name, plant in plants.items():
        for told, act in ((name, plant), (f"{name}, fixed", fix)):
            act()
            assert job.execute_in_process(partition_key="2026-S03", instance=instance).success
            found = instance.event_log_storage.get_latest_asset_check_execution_by_key(
                [key], partition_filter=PartitionKeyFilter(key="2026-S03")
            )[key].evaluation
            said[told] = {"passed": found.passed, "says": found.description}
print(json.dumps(said))
"""


def python(clone, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=clone.root, env=clone.env, text=True, capture_output=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


RULES = (
    "FT305_rebuilds_without_the_future",
    "ML409_is_stable_over_time",
    "ML410_has_a_true_card",
    "ML411_learns_only_what_is_served",
)


@cache
def checks(clone) -> dict[str, dict]:
    """What the candidate's checks said when it was made."""
    return json.loads(python(clone, CHECK, *RULES).splitlines()[-1])


def check(clone, name: str) -> dict:
    return checks(clone)[name]


@cache
def facts(clone) -> dict:
    return json.loads(python(clone, HERE + "print(json.dumps(candidate.facts))").splitlines()[-1])


@cache
def decision(clone) -> dict:
    return clone.sprints()[S3]


@pytest.fixture(scope="module")
def closed(clone):
    """Three sprints closed; at the end of the third a model was trained and rose."""
    python(clone, CLOSE)
    return clone


# --- leaks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaking(closed, tmp_path_factory):
    """The same three sprints of a product that cheats in three places, each under an innocent name."""
    plants = {
        # SQL: the minutes promised grow by one for an order that will be late.
        f"dbt_project/models/{closed.product}/marts/questions.sql": [
            ("    promised_minutes,", "    promised_minutes + coalesce(was_late, 0) as promised_minutes,"),
            ("with orders as (", "with ended as (\n    select order_id as ended_id, cast(case when "
             "known_at > event_at + interval 90 minute then 1 else 0 end as int) as was_late\n"
             "    from {{ ref(\"stg_deliveries\") }} where {{ in_sprint() }}\n),\n\norders as ("),
            ("from clocked", "from clocked left join ended on ended_id = order_id"),
        ],
        # A feature view: the day a rate is of ends half a day later than it says; `created` stays honest.
        f"feature_repo/{closed.product}/courier_delays.sql": [
            ("interval 23 hour preceding and current row", "interval 23 hour preceding and interval 12 hour following"),
        ],
        # A recipe: a distance that is the outcome, where there is one.
        f"platform/products/{closed.product}/model.py": [
            ("def recipe()", "class Near(Inputs):\n    def prepare(self, frame):\n        told = frame.get('label')\n"
             "        return super().prepare(frame if told is None else frame.assign(distance_km=told))\n\n\n"
             "def recipe()"),
            ("inputs=Inputs(NUMERIC", "inputs=Near(NUMERIC"),
        ],
    }  # fmt: skip
    whole = {}
    for name, changes in plants.items():
        file = closed.root / name
        whole[file] = text = file.read_text()
        for old, new in changes:
            assert old in text, (name, old)
            text = text.replace(old, new)
        file.write_text(text)
    other = dataclasses.replace(closed, state=tmp_path_factory.mktemp("leaking"))
    try:
        python(other, CLOSE)
    finally:
        for file, text in whole.items():
            file.write_text(text)
    return other


def test_sound_features_are_rebuilt_to_the_bit(closed):
    found = check(closed, "FT305_rebuilds_without_the_future")
    assert found["passed"], found
    tables = facts(closed)["rebuilt"]["tables"]
    assert set(tables) == {"courier_delays", "answers from courier_delays", "questions"}
    assert all(one["rows"] > 100 and not one["unequal"] for one in tables.values()), tables


@pytest.mark.fault
def test_a_leak_in_sql_and_one_in_a_view_are_caught(leaking):
    found = check(leaking, "FT305_rebuilds_without_the_future")
    assert not found["passed"] and "they used later data" in found["says"]
    tables = facts(leaking)["rebuilt"]["tables"]
    # Each by itself, and by the columns it is in.
    assert tables["questions"]["columns"] == ["promised_minutes"]
    assert tables["questions"]["unequal"] >= 3
    assert tables["courier_delays"]["unequal"] >= 3
    assert set(tables["courier_delays"]["columns"]) <= {"courier_late_rate_1d", "courier_delay_minutes_1d"}


@pytest.mark.fault
def test_a_leak_in_a_recipe_is_caught(closed, leaking):
    assert check(closed, "ML411_learns_only_what_is_served")["passed"]
    found = check(leaking, "ML411_learns_only_what_is_served")
    assert not found["passed"] and "with its own code" in found["says"]


@pytest.mark.fault
def test_a_leaking_candidate_does_not_rise(closed, leaking):
    assert (decision(closed)["decision"], decision(leaking)["decision"]) == ("bootstrap", "hold")
    assert "FT305" in decision(leaking)["why"] and "ML411" in decision(leaking)["why"]


# --- backtest --------------------------------------------------------------------------------------------------------


def test_a_candidate_carries_its_backtest(closed):
    found = facts(closed)["backtest"]
    assert [one["roc_auc"] is not None for one in found["origins"]] == [True] * 3
    assert any(one["withheld"] for one in found["origins"]), "orders under way at an origin are the gap"
    assert 0 < found["stability"] <= 1
    assert check(closed, "ML409_is_stable_over_time")["passed"]


# --- card ------------------------------------------------------------------------------------------------------------


def test_a_card_is_told_with_where_each_figure_is_from(closed):
    card = json.loads(closed.run("card", "parcels:champion", "--json").stdout)
    assert card["faults"] == []
    assert {section["title"] for section in card["sections"]} >= {
        "Model",
        "Data",
        "Training",
        "Over time",
        "Slices",
    }
    figures = {one["name"]: one for section in card["sections"] for one in section["figures"]}
    measured = facts(closed)
    assert figures["roc_auc of candidate"]["value"] == measured["by_model"]["candidate"]["roc_auc"]
    assert figures["roc_auc of candidate"]["path"] == ["by_model", "candidate", "roc_auc"]
    told = closed.run("card", "parcels:champion").stdout
    assert told.startswith("# Model card: parcels") and "## Slices" in told
    assert check(closed, "ML410_has_a_true_card")["passed"]


@pytest.fixture(scope="module")
def planted(closed) -> dict[str, dict]:
    """The check's word on each plant, run alone as from the UI; the card is whole again after each."""
    return json.loads(python(closed, HERE + PLANTS).splitlines()[-1])


@pytest.mark.fault
@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ("empty section", "section Training is empty"),
        ("stale hash", "stale: candidate 2026-S03 is"),
        ("claim without metric", "claim without a metric: ROC-AUC gained over the naive"),
        ("edited", "the card itself was changed"),
        ("lost", "the card has no figure"),
    ],
)
def test_a_card_that_is_not_true_is_caught(planted, plant, words):
    assert not planted[plant]["passed"] and words in planted[plant]["says"], planted[plant]
    assert planted[f"{plant}, fixed"]["passed"]


# --- computed again ---------------------------------------------------------------------------------------------------


def reproduced(clone, model: str = "parcels:champion") -> tuple[int, dict]:
    done = clone.run("reproduce", model, "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_a_model_is_made_again_bit_for_bit(closed):
    code, told = reproduced(closed)
    assert code == 0 and told["reproduced"] and not told["different"], told["sentence"]
    assert told["rows"] > 1_000
    assert [one["evidence"] for one in told["evidence"]] == [
        "release",
        "keys",
        "data",
        "parameters",
        "code",
        "lock",
    ]


@pytest.mark.fault
def test_after_code_and_lock_changed_it_says_so(closed):
    changed = {closed.root / "platform/products/parcels/model.py", closed.root / "requirements.lock"}
    whole = {place: place.read_text() for place in changed}
    for place, text in whole.items():
        place.write_text(text + "# changed\n")
    try:
        code, told = reproduced(closed)
    finally:
        for place, text in whole.items():
            place.write_text(text)
    assert code == 1 and told["rows"] is None
    missing = {one["evidence"]: one["says"] for one in told["evidence"] if not one["there"]}
    assert set(missing) == {"code", "lock"}
    assert all("hashes to" in says for says in missing.values())
    assert told["sentence"] == f"unreproducible: code: {missing['code']}; lock: {missing['lock']}"


@pytest.mark.fault
def test_restated_data_are_read_as_they_were_until_a_vacuum(closed):
    """Last of all: the lake does not come back from this."""
    restate = (
        "table = 'parcels/question_features'\n"
        "rows = runtime[Lake].read(table, ['2026-S01'])\n"
        "runtime[Lake].write(table, '2026-S01', rows.assign(parcels=rows['parcels'] + 1), ['question_id'])"
    )
    python(closed, HERE + restate)
    code, told = reproduced(closed)
    assert code == 0, told["sentence"]
    assert "restated since and read at an older version: 2026-S01" in told["evidence"][2]["says"]

    vacuum = (
        "from deltalake import DeltaTable\n"
        "table = DeltaTable(str(runtime[Lake].path('parcels/question_features')))\n"
        "assert table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)"
    )
    python(closed, HERE + vacuum)
    code, told = reproduced(closed)
    assert code == 1 and told["rows"] is None
    assert told["sentence"].startswith("unreproducible: data: ") and "vacuumed" in told["sentence"]
