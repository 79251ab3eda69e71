"""A calendar that is changed under closed sprints is refused, whichever of its keys changed."""

from __future__ import annotations

import re

import pytest
from tests.measured_facts import facts

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.product.bounds import bounds_of, moved_sentence, moved_sprints
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.scaffold.check import mistakes_of
from sprintline.scaffold.create import create_product

CLOSED = ("2026-S01", "2026-S02", "2026-S03")


@pytest.fixture
def root(tmp_path, monkeypatch):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workspace.yaml").write_text("load_from:\n")
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    create_product("bakery", tmp_path)
    return tmp_path


def bakery(root) -> Runtime:
    return load_runtime(root / "platform/products/bakery", Home(root / "home"))


def changed(root, old: str, new: str) -> Runtime:
    """The product with another calendar, three sprints of which have closed under the first one."""
    before = bakery(root)
    for sprint in CLOSED:
        before.measure("increment", sprint, "v", facts("increment", window=list(bounds_of(before, sprint))))
    assert moved_sentence(before) is None
    file = root / "platform/products/bakery/defs.yaml"
    text = file.read_text()
    assert re.search(old, text)
    file.write_text(re.sub(old, new, text, count=1))
    return bakery(root)


CHANGES = {
    "start a day earlier": (r'start: "2026-01-05"', 'start: "2026-01-04"', 3),
    "start in another year": (r'start: "2026-01-05"', 'start: "2025-01-06"', 3),
    "other zone": (r"timezone: \S+", "timezone: Pacific/Auckland", 3),
    "shorter": (r"length_days: 7", "length_days: 6", 3),
    "longer from one of them on": (r"(\n +)(length_days: 7)", r"\1\2\1length_days_from: {2026-S02: 14}", 2),
    "one of them longer": (r"(\n +)(length_days: 7)", r"\1\2\1lengths: {2026-S02: 8}", 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_calendar_that_moves_closed_sprints_is_refused(root, change) -> None:
    old, new, moved = CHANGES[change]
    runtime = changed(root, old, new)
    assert len(moved_sprints(runtime)) == moved
    sentence = moved_sentence(runtime) or ""
    assert f"and {moved - 1} more" in sentence and "start over: sprintline remove bakery --state" in sentence
    lines = [
        line for line in mistakes_of(runtime.folder, root, runtime.home) if "attributes.calendar" in line
    ]
    assert len(lines) == 1 and sentence in lines[0]


def test_the_sentence_names_the_days_of_then_and_now(root) -> None:
    sentence = moved_sentence(changed(root, r'start: "2026-01-05"', 'start: "2026-01-04"')) or ""
    assert "2026-S01 closed on 5 Jan 2026 to 11 Jan 2026" in sentence
    assert "by the calendar it would be 4 Jan 2026 to 10 Jan 2026" in sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"planned_until: \S+", 'planned_until: "2027-01-03"'),
        (r"(\n +)(length_days: 7)", r"\1\2\1lengths: {2026-S04: 14}"),
        (r"(\n +)(length_days: 7)", r"\1\2\1length_days_from: {2026-S04: 14}"),
    ],
)
def test_later_sprints_may_change(root, old, new) -> None:
    assert moved_sentence(changed(root, old, new)) is None


@pytest.mark.parametrize(
    ("days", "lookback", "line"), [(4, 1, "write `lookback_sprints: 2`"), (4, 2, ""), (14, 1, "")]
)
def test_features_do_not_look_back_fewer_days_because_sprints_get_shorter(root, days, lookback, line) -> None:
    file = root / "platform/products/bakery/defs.yaml"
    text = re.sub(r"lookback_sprints: \d+", "lookback_sprints: 1", file.read_text())
    file.write_text(text)
    before = bakery(root)
    looked = facts("question_features", service=before.spec.features.service, lookback=1)
    before.measure("question_features", "2026-S03", "v", looked)
    text = text.replace("length_days: 7", f"length_days: 7\n    length_days_from: {{2026-S04: {days}}}")
    file.write_text(text.replace("lookback_sprints: 1", f"lookback_sprints: {lookback}"))
    found = [one for one in mistakes_of(before.folder, root, before.home) if "length_days_from" in one]
    assert len(found) == bool(line) and (not line or (line in found[0] and "look back 7 days" in found[0]))


def test_a_sprint_that_closed_before_bounds_were_recorded_is_left_out(root) -> None:
    runtime = bakery(root)
    runtime.measure("increment", "2026-S01", "v", facts("increment", window=[]))
    assert moved_sprints(runtime) == {}
