"""A card holds what its records say, and says so when they no longer do."""

from __future__ import annotations

import copy

import pytest

from sprintline.base.hashing import canonical_json, text_hash
from sprintline.learning.card_pages import markdown
from sprintline.learning.cards import Record, at, build_card, facts_hash, faults_of

INTERVAL = {"metric": "roc_auc", "difference": 0.021, "low": 0.01, "high": 0.03}


def records(
    sprint: str, model_id: str, champion: str | None = None, rows: int = 900
) -> tuple[Record, Record]:
    metrics = {"candidate": {"roc_auc": 0.71}, "naive": {"roc_auc": 0.64}}
    if champion:
        metrics["champion"] = {"roc_auc": 0.69}
    facts = {
        "release_digest": "d" * 64,
        "trigger": "new_data",
        "iterations": 120,
        "stopped": "converged",
        "rows_judged": 1_000,
        "by_model": metrics,
        "backtest": {"origins": [{"at": "2026-02-01", "roc_auc": 0.7}], "stability": 0.9},
        "slices": {"courier swift": INTERVAL},
        "slices_against": "the champion" if champion else "the naive",
        "champion": champion,
        "against_champion": INTERVAL if champion else None,
        "baselines": {"naive": INTERVAL, "base rate": INTERVAL},
        "parity": {"model": {"difference": 1e-7}},
        "seconds": 6.1,
    }
    manifest = {
        "model_id": model_id,
        "description": "Trees | on orders.",
        "inputs": {"numeric": ["distance_km"], "categorical": []},
        "snapshot": {
            "sprints": ["2026-S01", "2026-S02"],
            "rows": rows,
            "keys_hash": "k1",
            "features_hash": "f1",
            "data_versions": {"parcels/question_features": {"2026-S01": "v1"}},
            "params": {"trees": 9},
            "seed": 7,
            "code_hash": "c1",
            "lock_hash": "l1",
        },
    }
    return (
        Record(f"candidate {sprint}", facts_hash(facts), facts),
        Record(f"release {model_id}", text_hash(canonical_json(manifest)), manifest),
    )


NEW, OLD = records("2026-S06", "bb22", "aa11", rows=1_200), records("2026-S03", "aa11")
KNOWN = {one.name: one for one in (*NEW, *OLD)}


@pytest.fixture
def card() -> dict:
    return build_card("bb22", "parcels", "2026-S06", *NEW, OLD)


def kept(card: dict) -> dict:
    body = {key: value for key, value in card.items() if key != "hash"}
    return {**body, "hash": text_hash(canonical_json(body))}


def test_every_figure_is_where_its_record_has_it(card):
    assert faults_of(card, KNOWN) == {
        "figures": sum(len(section["figures"]) for section in card["sections"]),
        "empty": [],
        "stale": [],
        "unmeasured": [],
    }
    for section in card["sections"]:
        for one in section["figures"]:
            record = KNOWN[one["record"]]
            assert (one["value"], one["hash"]) == (at(record, one["path"]), record.hash)


def test_what_changed_since_the_champion_is_told(card):
    changes = {one["name"]: one for one in card["sections"][-1]["figures"]}
    assert set(changes) == {"rows", "roc_auc on the same questions"}
    assert (changes["rows"]["was"]["value"], changes["rows"]["value"]) == (900, 1_200)
    same = changes["roc_auc on the same questions"]
    assert (same["was"]["value"], same["value"]) == (0.69, 0.71)
    assert {same["record"], same["was"]["record"]} == {"candidate 2026-S06"}


def test_the_first_champion_is_compared_with_nobody():
    card = build_card("aa11", "parcels", "2026-S03", *OLD, None)
    assert not faults_of(card, KNOWN)["stale"] and not faults_of(card, KNOWN)["empty"]
    assert not any("champion" in one["says"] for one in card["claims"])


def test_the_seconds_of_a_training_are_no_part_of_what_it_says():
    assert facts_hash({"rows": 1, "seconds": 2.0}) == facts_hash({"rows": 1, "seconds": 9.0})
    assert facts_hash({"rows": 1}) != facts_hash({"rows": 2})


@pytest.mark.fault
def test_an_empty_section_is_told(card):
    card["sections"][4]["figures"] = []
    assert faults_of(kept(card), KNOWN)["empty"] == ["Over time"]


@pytest.mark.fault
def test_a_record_that_is_another_by_now_is_told(card):
    facts = copy.deepcopy(NEW[0].content)
    facts["by_model"]["candidate"]["roc_auc"] = 0.9
    now = Record("candidate 2026-S06", facts_hash(facts), facts)
    stale = faults_of(card, KNOWN | {now.name: now})["stale"]
    assert stale == [f"stale: candidate 2026-S06 is {now.hash[:12]} now, the card cites {NEW[0].hash[:12]}"]


@pytest.mark.fault
def test_a_record_of_the_champion_that_is_gone_is_told(card):
    there = {name: one for name, one in KNOWN.items() if name != "release aa11"}
    assert faults_of(card, there)["stale"] == ["rows cites release aa11, which is not there"]


@pytest.mark.fault
def test_a_figure_that_is_not_its_records_is_told(card):
    card["sections"][3]["figures"][1]["value"] = 0.99
    assert faults_of(kept(card), KNOWN)["stale"] == ["roc_auc of candidate says 0.99, its record 0.71"]


@pytest.mark.fault
@pytest.mark.parametrize("value", [None, "very good", True])
def test_a_claim_without_a_metric_is_told(card, value):
    card["claims"].append({**card["claims"][0], "says": "it is fair", "value": value})
    assert faults_of(kept(card), KNOWN)["unmeasured"] == ["it is fair"]


@pytest.mark.fault
def test_an_edited_card_is_told(card):
    card["product"] = "another"
    assert faults_of(card, KNOWN)["stale"] == ["the card itself was changed after it was written"]


def test_markdown_names_the_record_of_every_figure(card):
    text = markdown(card)
    assert text.startswith("# Model card: parcels bb22\n")
    assert "| roc_auc of candidate | 0.71 | candidate 2026-S06: by_model.candidate.roc_auc (" in text
    assert "| rows | 1,200 | 900 | release bb22: snapshot.rows (" in text
    assert "Trees \\| on orders." in text, "a bar in a value ends no cell"
    figures = sum(len(section["figures"]) for section in card["sections"])
    rows = [line for line in text.splitlines() if line.startswith("| ") and "(" in line]
    assert len(rows) == figures + len(card["claims"])
