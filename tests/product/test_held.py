"""A declaration changed under closed sprints or under the live model is refused, with the way out."""

from __future__ import annotations

import json
import re

import pytest
from tests.clones import DEFS, ORDERS, VIEWS, checked, edit, loaded, new_clone, put_back
from tests.ledger_events import body as fitting
from tests.measured_facts import facts

from sprintline.base import settings
from sprintline.base.steps import StepFailed
from sprintline.features import given as given_module
from sprintline.features.given import given
from sprintline.features.store import FeatureStore
from sprintline.landing.odcs import Contracts
from sprintline.landing.terms import terms_of
from sprintline.product.bounds import bounds_of, calendar_digest
from sprintline.product.held import contradictions, refuse_contradictions
from sprintline.product.run_errors import RunError
from sprintline.product.runtime import Runtime
from sprintline.release.live import live
from sprintline.release.needs import refuse_unmet_needs

S1, S2, S3 = "2026-S01", "2026-S02", "2026-S03"
INPUTS = {"numeric": ["promised_minutes", "courier_late_rate_1d"], "categorical": ["courier"]}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return new_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def root(clone, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", clone)
    with put_back(clone):
        yield clone


@pytest.fixture
def closed(root) -> Runtime:
    """S01 and S02 have closed on both sources, and S01 made a model live that reads a question and a feature."""
    bakery = loaded(root)
    for sprint in (S1, S2):
        window = list(bounds_of(bakery, sprint))
        said = facts("increment", window=window, calendar=calendar_digest(bakery, sprint))
        bakery.measure("increment", sprint, "v", said)
        for source in ("orders", "deliveries"):
            terms = terms_of(bakery[Contracts][source])
            bakery.measure(source, sprint, "v", facts("source", rows=10, landed_by="2026-01-12", terms=terms))
        service = bakery.spec.features
        bakery.measure(
            "question_features", sprint, "v",
            facts("question_features", service=service.service, lookback=service.lookback_sprints),
        )  # fmt: skip
    folder = bakery.home.models / "releases" / "m1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"model_id": "m1", "inputs": INPUTS}))
    decided = fitting(
        "decision", decision="bootstrap", candidate="m1", champion_before=None, champion_after="m1", why="w"
    )
    bakery.records.append("decision", "bakery", S1, "test", decided, key=S1)
    bakery.records.append(
        "decision", "bakery", S2, "test",
        fitting("decision", decision="none", candidate=None, champion_before="m1", champion_after="m1", why="w"),
        key=S2,
    )  # fmt: skip
    return bakery


def test_a_sound_product_contradicts_nothing(closed, root):
    assert contradictions(closed) == contradictions(closed, quick=True) == []
    assert checked(root) == []
    refuse_contradictions(closed)


def test_a_product_without_history_is_not_asked_and_gets_no_state_folder(root):
    bakery = edit(root, VIEWS, *LACKING["a feature renamed"])
    assert contradictions(bakery) == [] and not (root / "home" / "records.db").exists()


CHANGES = {
    "calendar": (DEFS, r"length_days: 7", "length_days: 14", r"defs\.yaml:\d+: .*S01 closed on 5 Jan 2026"),
    "key": (
        ORDERS, r"name: order_id((?s:.*?))primaryKey: true", r"name: order_id\1primaryKey: false\n        unique: true",
        r"no primary key|orders\.yaml:\d+: 2026-S02 closed on rows of orders by the key order_id",
    ),
    "look-back": (DEFS, r"lookback_sprints: \d+", "lookback_sprints: 0", r"defs\.yaml:\d+: .*features of 2026-S02"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_closed_sprints_depend_on_is_kept(closed, root, change):
    file, old, new, said = CHANGES[change]
    bakery = edit(root, file, old, new)
    assert any(re.search(said, line) for line in checked(root)), checked(root)
    if change != "key":  # without a key the contract is refused before
        (line,) = contradictions(bakery, quick=True)
        assert "put it back" in line or "keep start" in line
        with pytest.raises(StepFailed, match=re.escape(line)):
            refuse_contradictions(bakery)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"(property: eventAt\n    value:) \w+", r"\1 delivered_at", "moment eventAt placed_at"),
        (r"(property: knownAt\n    value:) \w+", r"\1 delivered_at", "moment knownAt placed_at"),
    ],
)  # fmt: skip
def test_moments_change_with_a_new_major_version_only(closed, root, old, new, said):
    more = "      - name: delivered_at\n        logicalType: timestamp\n        required: true\n"
    more += "        classification: public\n        description: d\n        logicalTypeOptions: {timezone: true}\n"
    edit(root, ORDERS, r"    properties:\n", f"    properties:\n{more}")
    bakery = edit(root, ORDERS, old, new)
    (line,) = contradictions(bakery, quick=True)
    assert f"2026-S02 closed on rows of orders by the {said}, and it is now delivered_at" in line
    assert line.startswith(f"{ORDERS}:") and "version: 2.0.0" in line
    assert contradictions(edit(root, ORDERS, r"version: 1\.0\.0", "version: 1.4.0"), quick=True)
    assert contradictions(edit(root, ORDERS, r"version: 1\.4\.0", "version: 2.0.0"), quick=True) == []


def test_a_source_that_is_gone_is_refused_while_a_model_reads_it(closed, root):
    bakery = edit(root, DEFS, r"    - name: deliveries\n(      .*\n)+", "")
    found = contradictions(bakery, quick=True)
    (line,) = [one for one in found if "2026-S02 closed on the source deliveries" in one]
    assert line.startswith(f"{DEFS}:") and "stg_deliveries.sql:3 reads it" in line
    assert any("deliveries" in one for one in checked(root))


def test_a_source_that_nothing_reads_may_go(closed, root):
    """Removing what is not used is no mistake: the nearest sound thing."""
    bakery = closed
    bakery.measure("flour", S2, "v", facts("source", rows=1, landed_by="2026-01-12"))
    assert contradictions(bakery) == []


OTHER_VIEW = """
courier_past = FeatureView(
    name="courier_past",
    entities=[courier],
    ttl=timedelta(hours=6),
    schema=[Field(name="courier", dtype=String), Field(name="courier_orders_1d", dtype=Float64)],
    source=lake_source("bakery", "courier_past"),
)

bakery_v1 ="""
LACKING = {
    "a view taken out of the service": (
        r"\nbakery_v1 =((?s:.*))\[courier_delays\]",
        rf"{OTHER_VIEW}\1[courier_past]",
    ),
    "a feature taken out of its view": (
        r"\[courier_delays\]",
        '[courier_delays[["courier_delay_minutes_1d"]]]',
    ),
    "a feature renamed": ('"courier_late_rate_1d"', '"courier_late_share_1d"'),
    "another service": (r'name="bakery_v1"', 'name="bakery_v2"'),
}


@pytest.mark.parametrize("change", LACKING)
def test_what_the_live_model_needs_is_kept(closed, root, change):
    assert contradictions(closed) == []
    bakery = edit(root, VIEWS, *LACKING[change])
    assert contradictions(bakery, quick=True) == [], "not known without Feast, and nothing is claimed"
    (line,) = contradictions(bakery)
    assert "model m1, live since 2026-S01, needs courier_late_rate_1d, which " in line
    assert "take them out of model.py first" in line and "a new service (bakery_v2)" in line
    assert line.startswith((f"{VIEWS}:", f"{DEFS}:"))
    assert contradictions(bakery, quick=True) == [line], (
        "known since: sensors and the load of a location say it too"
    )
    assert line in checked(root)
    with pytest.raises(StepFailed, match="needs courier_late_rate_1d"):
        refuse_unmet_needs(bakery, live(bakery))


def test_a_view_that_is_taken_out_is_named(closed, root):
    (line,) = contradictions(edit(root, VIEWS, *LACKING["a view taken out of the service"]))
    assert "the service bakery_v1 gives no more: it does not take the view courier_delays" in line


def test_features_beside_those_that_the_model_needs_may_come_and_go(closed, root):
    assert contradictions(edit(root, VIEWS, '"courier_delay_minutes_1d"', '"courier_delay_hours_1d"')) == []


def test_a_question_column_that_is_gone_is_missed_too(closed, root):
    manifest = closed.home.models / "releases" / "m1" / "manifest.json"
    manifest.write_text(json.dumps({"model_id": "m1", "inputs": {"numeric": ["moon"], "categorical": []}}))
    (line,) = contradictions(closed)
    assert "needs moon, which no view of bakery_v1 and no column of questions gives any more" in line


def test_a_number_that_became_text_is_no_number(closed, root, monkeypatch):
    kept = given(closed[FeatureStore])
    (view,) = kept.views
    feature = next(iter(kept.views[view]))
    manifest = closed.home.models / "releases" / "m1" / "manifest.json"
    manifest.write_text(json.dumps({"model_id": "m1", "inputs": {"numeric": [feature], "categorical": []}}))
    assert contradictions(closed) == []
    changed = given_module.Given({view: {**kept.views[view], feature: "text"}}, kept.services)
    monkeypatch.setattr("sprintline.release.needs.given", lambda store, quick=False: changed)
    (line,) = contradictions(closed)
    assert f"needs {feature} as a number, and the view declares text" in line


def test_without_a_bundle_nothing_is_claimed(closed):
    (closed.home.models / "releases" / "m1" / "manifest.json").unlink()
    assert contradictions(closed) == [], "serving refuses a missing bundle itself"


def test_the_cause_stands_before_what_failed_and_once():
    changed = [f"{DEFS}:7: the calendar was changed"]
    told = RunError("group by them", "feature_repo/bakery/a.sql", "view").because_of(changed)
    assert str(told) == (
        f"{DEFS}:7: the calendar was changed. What failed: feature_repo/bakery/a.sql: group by them (step view)"
    )
    assert told.because_of(changed) == told and RunError("a").because_of([]) == RunError("a")


def test_a_model_keeps_the_task_that_it_learned(closed, root):
    """What was released before there were tasks answers yes or no: its probabilities are no minutes."""
    bakery = edit(root, DEFS, "    label: late", "    task: regression\n    label: late")
    for quick in (True, False):
        (line,) = contradictions(bakery, quick=quick)
        assert line.startswith(f"{DEFS}:") and "regression, but model m1, live since 2026-S01" in line
        assert "has the task binary; write `task: binary` again" in line
    with pytest.raises(StepFailed, match="has the task binary"):
        refuse_unmet_needs(bakery, live(bakery))
    assert contradictions(edit(root, DEFS, "task: regression", "task: binary")) == []


@pytest.mark.parametrize(
    ("task", "option", "had", "other"),
    [
        ("multiclass", "classes", ["late", "on time"], "[late, lost]"),
        ("quantile", "quantiles", [0.1, 0.9], "[0.1, 0.95]"),
    ],
)
def test_a_model_keeps_the_classes_and_levels_that_it_learned(closed, root, task, option, had, other):
    manifest = closed.home.models / "releases" / "m1" / "manifest.json"
    body = {
        "model_id": "m1",
        "inputs": {"numeric": [], "categorical": []},
        "task": task,
        "task_options": {option: had},
    }
    manifest.write_text(json.dumps(body))
    said = f"[{', '.join(map(str, had))}]"
    same = edit(root, DEFS, "    label: late", f"    task: {task}\n    {option}: {said}\n    label: late")
    assert contradictions(same) == []
    changed = edit(root, DEFS, re.escape(f"{option}: {said}"), f"{option}: {other}")
    (line,) = contradictions(changed)
    assert (
        line.startswith(f"{DEFS}:")
        and f"live since 2026-S01, predicts {option} {', '.join(map(str, had))}" in line
    )
    with pytest.raises(StepFailed, match=f"predicts {option}"):
        refuse_unmet_needs(changed, live(changed))
