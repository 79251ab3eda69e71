"""One product is broken, in each of the languages it is written in; the other closes its sprints all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.fault]

BROKEN = "bakery"
PRODUCT = f"platform/products/{BROKEN}"
QUESTIONS = f"dbt_project/models/{BROKEN}/marts/questions.sql"
VIEWS = f"feature_repo/{BROKEN}/views.py"


#: Lands a sprint and closes it in this process, as `dg launch` does; no platform is started.
CLOSE = """
import sys
import dagster as dg
import products.parcels.definitions as location
from sprintline.base.settings import ROOT, home
from sprintline.hosting.instance import prepare
from sprintline.hosting.replay import drop
from sprintline.landing.samples import LANDS_AFTER
from sprintline.product.runtime import load_runtime

prepare(home())
runtime, key = load_runtime(ROOT / "platform" / "products" / "parcels"), sys.argv[1]
runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
drop(runtime, key, runtime.sources.provide)
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    assert job.execute_in_process(partition_key=key, instance=instance).success
"""


@pytest.fixture(scope="module", autouse=True)
def second(clone):
    clone.run("new", BROKEN)


@pytest.mark.parametrize(
    ("sprint", "file", "mistake"),
    [
        # The first with the whole platform: its daemon and code servers meet a location that does not load.
        (1, f"{PRODUCT}/definitions.py", "defs = (\n"),
        (2, f"{PRODUCT}/defs.yaml", "  colour: blue\n"),
        (3, QUESTIONS, "{{ nothing( }}\n"),
        (4, VIEWS, "def half(:\n"),
    ],
    ids=["python", "yaml", "sql", "features"],
)
def test_a_broken_product_stops_only_itself_and_is_told_with_file_and_line(clone, sprint, file, mistake):
    place = clone.root / file
    whole = place.read_text()
    place.write_text(whole + mistake)
    line = whole.count("\n") + 1
    try:
        told = clone.run("check", check=False)
        assert told.returncode == 1
        assert f"{file}:{line}: " in told.stdout
        assert "mistake in bakery, parcels" in told.stdout
        if sprint == 1:
            clone.run("replay", clone.product, "--sprints", "1")
        else:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", CLOSE, f"2026-S0{sprint}"],
                cwd=clone.root, env=clone.env, text=True, capture_output=True, timeout=400, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
    finally:
        place.write_text(whole)
    states = [row["state"] for row in clone.sprints().values()]
    assert states[:sprint] == ["closed"] * sprint


@pytest.mark.parametrize("broken", ["definitions.py", "sources.py"])
def test_a_replay_of_the_broken_one_says_so_at_once(clone, broken):
    place = clone.root / PRODUCT / broken
    whole = place.read_text()
    place.write_text(whole + "defs = (\n")
    try:
        done = clone.run("replay", BROKEN, "--sprints", "1", check=False, timeout=100)
    finally:
        place.write_text(whole)
    assert done.returncode == 1
    line = whole.count("\n") + 1
    assert f"sprintline check {BROKEN}" in done.stderr or f"{PRODUCT}/{broken}:{line}: " in done.stderr


def test_mended_it_is_sound_again(clone):
    assert "bakery, parcels: sound" in clone.run("check").stdout
