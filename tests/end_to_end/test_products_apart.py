"""One product is broken, in each of the languages it is written in; the other closes its sprints all the same."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.fault]

BROKEN = "bakery"
PRODUCT = f"platform/products/{BROKEN}"
QUESTIONS = f"dbt_project/models/{BROKEN}/marts/questions.sql"
VIEWS = f"feature_repo/{BROKEN}/views.py"


@pytest.fixture(scope="module", autouse=True)
def second(clone):
    clone.run("new", BROKEN)


@pytest.mark.parametrize(
    ("sprint", "file", "mistake"),
    [
        (1, f"{PRODUCT}/defs.yaml", "  colour: blue\n"),
        (2, f"{PRODUCT}/definitions.py", "defs = (\n"),
        (3, QUESTIONS, "{{ nothing( }}\n"),
        (4, VIEWS, "def half(:\n"),
    ],
    ids=["yaml", "python", "sql", "features"],
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
        clone.run("replay", clone.product, "--sprints", str(sprint))
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
